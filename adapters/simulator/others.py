"""What others do in a market when a fault has them trade: an order of nobody's takes what it can get at its price."""

from adapters.simulator.market import Executed, Market
from adapters.simulator.order import SimOrder
from engine.codes import Side, TimeInForce

__all__ = ["others_trade"]


def others_trade(market: Market, side: Side, price_ticks: int, lots: int, now_ns: int) -> list[Executed]:
    """The executions, with the anonymous market as the one who takes."""
    order = SimOrder(0, "others", "", side, price_ticks, lots, TimeInForce.IOC, created_ns=now_ns)
    return [each._replace(taker=None) for each in market.place(order, now_ns) if isinstance(each, Executed)]
