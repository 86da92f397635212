"""Positions as the sum of fills: exact, in lots and tick_lots, with fees in billionths of their asset."""

import msgspec

from engine.codes import Side
from engine.order_event import OrderFilled

__all__ = ["LedgerLine", "NetPosition"]


class NetPosition:
    """One strategy's fills in one instrument. ``cost_tick_lots`` is what it paid less what it got, without fees."""

    __slots__ = ("cost_tick_lots", "position_lots")

    def __init__(self) -> None:
        self.position_lots = 0
        self.cost_tick_lots = 0

    def add(self, side: Side, last_lots: int, last_ticks: int) -> None:
        signed_lots = last_lots if side is Side.BUY else -last_lots
        self.position_lots += signed_lots
        self.cost_tick_lots += signed_lots * last_ticks


class LedgerLine(msgspec.Struct):
    """Everything that was filled in one instrument, over all strategies: to be compared with the venue's own books."""

    fills: int = 0
    bought_lots: int = 0
    sold_lots: int = 0
    position_lots: int = 0
    cost_tick_lots: int = 0
    fee_nanos: dict[str, int] = {}

    def add(self, side: Side, fill: OrderFilled) -> None:
        self.fills += 1
        self.open(side, fill.last_lots, fill.last_ticks)
        if fill.fee_nanos:
            self.fee_nanos[fill.fee_asset] = self.fee_nanos.get(fill.fee_asset, 0) + fill.fee_nanos

    def open(self, side: Side, lots: int, price_ticks: int) -> None:
        """The same without a fill: of a position that was there before."""
        if side is Side.BUY:
            self.bought_lots += lots
            self.cost_tick_lots += lots * price_ticks
        else:
            self.sold_lots += lots
            self.cost_tick_lots -= lots * price_ticks
        self.position_lots = self.bought_lots - self.sold_lots
