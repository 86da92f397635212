"""Order types as Coinbase names them, and what this adapter takes of every product.

The venue also has brackets, scaled and time-weighted orders: none of them is one order with one price at a time.
"""

from adapters.coinbase.times import time_text
from adapters.grid import InstrumentGrid
from engine.codes import OrderType, Side, TimeInForce
from engine.order import Order
from engine.order_support import OrderSupport

__all__ = ["configuration", "order_support"]

_GTC, _IOC, _FOK, _GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD
_SECOND_NS = 1_000_000_000
_EXPIRES_MOST_NS = 90 * 86_400 * _SECOND_NS


def order_support(venue: str, symbol: str) -> OrderSupport:
    return OrderSupport(
        where=f"{venue} {symbol}",
        in_force={
            OrderType.MARKET: (_GTC, _IOC),
            OrderType.LIMIT: (_GTC, _IOC, _FOK, _GTD),
            OrderType.STOP_LIMIT: (_GTC, _GTD),
        },
        expires_step_ns=_SECOND_NS,
        expires_most_ns=_EXPIRES_MOST_NS,
    )


def configuration(order: Order, grid: InstrumentGrid) -> dict[str, dict[str, str | bool]]:
    """``order_configuration`` of an order that waits for a trigger or ends at a time."""
    wants, instrument = order.instructions, grid.instrument
    assert wants is not None, "a plain order is written from its template"
    shape: dict[str, str | bool] = {
        "base_size": instrument.quantity_text(order.quantity_lots),
        "limit_price": instrument.price_text(order.price_ticks),
    }
    ends = "gtd" if wants.expires_wall_ns else "gtc"
    if wants.expires_wall_ns:
        shape["end_time"] = time_text(wants.expires_wall_ns)
    if not wants.trigger_ticks:
        return {f"limit_limit_{ends}": {**shape, "post_only": order.post_only}}
    shape["stop_price"] = instrument.price_text(wants.trigger_ticks)
    shape["stop_direction"] = "STOP_DIRECTION_STOP_UP" if order.side is Side.BUY else "STOP_DIRECTION_STOP_DOWN"
    return {f"stop_limit_stop_limit_{ends}": shape}
