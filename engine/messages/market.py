"""Market data, from a venue actor to strategies. Conflated: of what a slow reader misses, the latest counts."""

from typing import ClassVar

from engine.codes import Reason, Side
from engine.messages.shape import MessageBase

__all__ = ["Depth", "InstrumentCondition", "Quote", "Trade"]


class Quote(MessageBase, frozen=True, tag=30):
    """Best bid and offer. A side without orders has 0 lots."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    update_id: int
    venue_time_ns: int
    received_ns: int


class Trade(MessageBase, frozen=True, tag=31):
    """A public trade; ``aggressor`` is the side that took."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    trade_id: int
    venue_time_ns: int
    received_ns: int


class Depth(MessageBase, frozen=True, tag=32):
    """The top of the book, best first, as (ticks, lots) pairs."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    update_id: int
    received_ns: int


class InstrumentCondition(MessageBase, frozen=True, tag=33):
    """Whether a new order of a strategy could leave now, for whoever has other venues to choose from: told when it
    changes, a tenth of a second late at most. ``reason`` NONE: it could, as far as is known without the order. Fees are
    the account's own, in billionths of the notional, below 0 for a rebate."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    reason: Reason
    text: str
    maker_nanos: int
    taker_nanos: int
