"""What a venue actor tells its risk actor ten times a second."""

import msgspec

from engine.messages.shape import MessageBase
from engine.messages.throttle import ThrottledStrategy

__all__ = ["InstrumentTelemetry", "VenueTelemetry"]


class InstrumentTelemetry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One instrument as a venue actor sees it. Prices are 0 for a side without orders; one tick_lot is worth
    ``tick_lot_units / 10**tick_lot_scale`` of the quote asset. ``fees_nanos``: fees paid, in billionths of the quote
    asset, those in the base asset at the middle price. ``quote_age_ns`` is -1 while no quote is due.
    ``drift_nanos``: how far the venue's balance of the base asset has moved beyond what our fills explain."""

    instrument_id: int
    symbol: str
    quote_asset: str
    position_lots: int
    cost_tick_lots: int
    bid_ticks: int
    ask_ticks: int
    tick_lot_units: int
    tick_lot_scale: int
    fees_nanos: int
    quote_age_ns: int
    drift_nanos: int


class VenueTelemetry(MessageBase, frozen=True, tag=75):
    """What the triggers of the account's risk actor look at, and the venue actor's heartbeat: sent ten times a second.

    Counts are since this life of the venue actor began (``started_ns``; this and ``sent_ns`` are its clock), ``fills``
    without those that a reconciliation found. ``answer_wait_ns``: for how long the oldest request has been unanswered;
    ``loop_lag_ns``: how late its timer was; ``clock_offset_ns``: the venue's clock minus ours."""

    venue_actor: str
    started_ns: int
    sent_ns: int
    config_hash: str
    rejects: int
    fills: int
    authentication_failures: int
    book_gaps: int
    answer_wait_ns: int
    clock_offset_ns: int
    loop_lag_ns: int
    instruments: tuple[InstrumentTelemetry, ...]
    throttled: tuple[ThrottledStrategy, ...] = ()
