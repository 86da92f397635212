"""What a venue actor tells its risk actor ten times a second: what the triggers look at, and that it is alive.

    books, orders, session ──▶ VenueTelemetry ──▶ risk actor ──▶ triggers

Built from what the venue actor knows anyway, on its sweep, away from the order path.
"""

from collections import defaultdict

from actors.venue_core import VenueCore
from actors.venue_events import VenueEvents
from engine.instrument import Instrument
from engine.messages import InstrumentTelemetry, Quote, VenueTelemetry

__all__ = ["BalanceDrift", "TelemetrySender"]

_NANOS = 1_000_000_000
#: Fills and balances come one after the other, so they agree only when the difference has stood still for so long.
_AGREED_SWEEPS = 10


class BalanceDrift:
    """How far each asset's balance at the venue has moved beyond what our own fills explain.

    Where the two stand to each other when they first agree, as they do while their difference does not move for a
    second, is taken as what was there before us. A later difference is somebody else's, or an error of somebody's.
    """

    def __init__(self) -> None:
        self._before_us: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._drift: dict[str, int] = {}

    def nanos(self, asset: str) -> int:
        """0 until it is known."""
        return self._drift.get(asset, 0)

    def update(self, balances: dict[str, int], ours: dict[str, int]) -> None:
        """Called once per sweep while the books are reconciled. ``ours``: what our fills have brought in."""
        for asset, our_nanos in ours.items():
            if asset in balances:
                self._compare(asset, balances[asset] - our_nanos)

    def _compare(self, asset: str, difference: int) -> None:
        before_us = self._before_us.get(asset)
        if before_us is not None:
            self._drift[asset] = difference - before_us
            return
        last, times = self._last.get(asset, (difference, 0))
        times = times + 1 if difference == last else 1
        self._last[asset] = (difference, times)
        if times >= _AGREED_SWEEPS:
            self._before_us[asset] = difference
            del self._last[asset]


class TelemetrySender:
    """``interval_ns``: how often ``send`` is meant to be called; what it is late by is the loop's lag."""

    def __init__(self, core: VenueCore, events: VenueEvents, interval_ns: int, now_ns: int) -> None:
        self._core, self._events = core, events
        self._interval_ns = interval_ns
        self._started_ns = now_ns
        self._due_ns = now_ns + interval_ns
        self._ready_ns = -1
        self._drift = BalanceDrift()

    def send(self, now_ns: int) -> None:
        """Tell the risk actor. Without a link to it nothing is told, and that is told by the silence."""
        core = self._core
        if core.ready:
            self._ready_ns = now_ns if self._ready_ns < 0 else self._ready_ns
            self._drift.update(core.balances, self._brought_in())
        core.ctx.send(core.settings.risk_actor, self._telemetry(now_ns))
        self._due_ns = now_ns + self._interval_ns

    def _telemetry(self, now_ns: int) -> VenueTelemetry:
        core, events = self._core, self._events
        return VenueTelemetry(
            venue_actor=core.ctx.name,
            started_ns=self._started_ns,
            sent_ns=now_ns,
            config_hash=core.settings.config_hash,
            rejects=events.rejected_by_venue + events.changes_rejected,
            fills=core.blotter.counters()["fills"] - core.reconciliation.recovered_fills,
            authentication_failures=events.authentication_failures,
            book_gaps=events.book_gaps,
            answer_wait_ns=self._answer_wait_ns(now_ns),
            clock_offset_ns=events.clock_offset_ns,
            loop_lag_ns=max(0, now_ns - self._due_ns),
            instruments=tuple(
                self._instrument(definition.instrument, now_ns) for definition in core.definitions.values()
            ),
            throttled=core.throttle.throttled(),
        )

    def _answer_wait_ns(self, now_ns: int) -> int:
        """Since the oldest request left that has no answer, given up on or not."""
        core = self._core
        waiting = [order.sent_ns for order in core.blotter.unknown_orders() if order.sent_ns]
        oldest_ns = min([*waiting, next(iter(core.in_flight.values()), now_ns)])
        return max(0, now_ns - oldest_ns)

    def _instrument(self, instrument: Instrument, now_ns: int) -> InstrumentTelemetry:
        core = self._core
        line = core.blotter.ledger_line(instrument.instrument_id)
        quote = core.quotes.get(instrument.instrument_id)
        return InstrumentTelemetry(
            instrument_id=instrument.instrument_id,
            symbol=instrument.symbol,
            quote_asset=instrument.quote_asset,
            position_lots=line.position_lots,
            cost_tick_lots=line.cost_tick_lots,
            bid_ticks=quote.bid_ticks if quote is not None and quote.bid_lots else 0,
            ask_ticks=quote.ask_ticks if quote is not None and quote.ask_lots else 0,
            tick_lot_units=instrument.tick_units * instrument.lot_units,
            tick_lot_scale=instrument.price_scale + instrument.quantity_scale,
            fees_nanos=_fees_nanos(instrument, line.fee_nanos, quote),
            quote_age_ns=self._quote_age_ns(quote, now_ns),
            drift_nanos=self._drift.nanos(instrument.base_asset),
        )

    def _quote_age_ns(self, quote: Quote | None, now_ns: int) -> int:
        """A venue that is ready owes a quote from then on."""
        since_ns = self._ready_ns if quote is None else quote.received_ns
        return -1 if since_ns < 0 else max(0, now_ns - since_ns)

    def _brought_in(self) -> dict[str, int]:
        """What all our fills have brought in, by asset, in billionths."""
        ours: dict[str, int] = defaultdict(int)
        for definition in self._core.definitions.values():
            instrument = definition.instrument
            line = self._core.blotter.ledger_line(instrument.instrument_id)
            lots_nanos = line.position_lots * instrument.lot_units * _NANOS
            cost_nanos = line.cost_tick_lots * instrument.tick_units * instrument.lot_units * _NANOS
            ours[instrument.base_asset] += lots_nanos // 10**instrument.quantity_scale
            ours[instrument.quote_asset] -= cost_nanos // 10 ** (instrument.price_scale + instrument.quantity_scale)
            for asset, fee_nanos in line.fee_nanos.items():
                ours[asset] -= fee_nanos
        return ours


def _fees_nanos(instrument: Instrument, fees: dict[str, int], quote: Quote | None) -> int:
    """Fees in the quote asset; those in the base asset at the middle price. Fees in other assets have no price here."""
    nanos = fees.get(instrument.quote_asset, 0)
    base_nanos = fees.get(instrument.base_asset, 0)
    if base_nanos and quote is not None:
        twice_ticks = (quote.bid_ticks or quote.ask_ticks) + (quote.ask_ticks or quote.bid_ticks)
        nanos += base_nanos * twice_ticks * instrument.tick_units // (2 * 10**instrument.price_scale)
    return nanos
