"""What a venue actor tells its risk actor ten times a second, and what the risk actor makes of it for the firm."""

import msgspec

from engine.messages.shape import MessageBase
from engine.messages.throttle import ThrottledStrategy

__all__ = ["AccountExposure", "InstrumentTelemetry", "StrategyTelemetry", "VenueTelemetry"]


class StrategyTelemetry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one strategy has of an instrument: its position, what it paid less what it got without fees, and what it may
    still buy and sell, orders in flight and in doubt included."""

    strategy_id: str
    position_lots: int
    cost_tick_lots: int
    buy_lots: int
    sell_lots: int


class InstrumentTelemetry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One instrument as a venue actor sees it. Prices are 0 for a side without orders; one tick_lot is worth
    ``tick_lot_units / 10**tick_lot_scale`` of the quote asset. ``fees_nanos``: fees paid, in billionths of the quote
    asset, those in the base asset at the middle price. ``quote_age_ns`` is -1 while no quote is due.
    ``drift_nanos``: how far the venue's balance of the base asset has moved beyond what our fills explain.
    A lot is ``lot_units / 10**lot_scale`` of ``base_asset``; ``strategies`` are those with anything in it."""

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
    base_asset: str = ""
    lot_units: int = 0
    lot_scale: int = 0
    strategies: tuple[StrategyTelemetry, ...] = ()


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


class AccountExposure(MessageBase, frozen=True, tag=89):
    """What an account is exposed to, from its risk actor to the kill switch, which adds up the firm's. In billionths of
    ``currency``; ``worst_nanos`` is gross at its largest over all subsets of the open orders, ``pnl_nanos`` realised
    and marked, without fees. ``assets``: net value by base asset. ``unpriced``: instruments without a price."""

    account_id: str
    currency: str
    net_nanos: int
    gross_nanos: int
    worst_nanos: int
    pnl_nanos: int
    assets: dict[str, int]
    unpriced: tuple[str, ...] = ()
