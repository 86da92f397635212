"""What a venue actor tells its risk actor ten times a second: what the triggers look at, and that it is alive.

    books, orders, session ──▶ VenueTelemetry ──▶ risk actor ──▶ triggers

Built from what the venue actor knows anyway, on its sweep, away from the order path.
"""

from actors.balance_watch import BalanceWatch
from actors.venue_core import VenueCore
from actors.venue_events import VenueEvents
from engine.instrument import Instrument
from engine.messages import InstrumentTelemetry, Quote, StrategyTelemetry, VenueTelemetry

__all__ = ["TelemetrySender"]


#: By instrument id and strategy: position, open to buy, open to sell, in lots.
_Held = dict[int, dict[str, tuple[int, int, int]]]


class TelemetrySender:
    """``interval_ns``: how often ``send`` is meant to be called; what it is late by is the loop's lag."""

    def __init__(
        self, core: VenueCore, events: VenueEvents, balances: BalanceWatch, interval_ns: int, now_ns: int
    ) -> None:
        self._core, self._events = core, events
        self._interval_ns = interval_ns
        self._started_ns = now_ns
        self._due_ns = now_ns + interval_ns
        self._ready_ns = -1
        self._balances = balances

    def send(self, now_ns: int) -> None:
        """Tell the risk actor. Without a link to it nothing is told, and that is told by the silence."""
        core = self._core
        if core.ready:
            self._ready_ns = now_ns if self._ready_ns < 0 else self._ready_ns
        self._balances.sweep(now_ns)
        core.ctx.send(core.settings.risk_actor, self._telemetry(now_ns))
        self._due_ns = now_ns + self._interval_ns

    def _telemetry(self, now_ns: int) -> VenueTelemetry:
        core, events, held = self._core, self._events, self._held()
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
                self._instrument(definition.instrument, held, now_ns) for definition in core.definitions.values()
            ),
            throttled=core.throttle.throttled(),
        )

    def _answer_wait_ns(self, now_ns: int) -> int:
        """Since the oldest request left that has no answer, given up on or not."""
        core = self._core
        waiting = [order.sent_ns for order in core.blotter.unknown_orders() if order.sent_ns]
        oldest_ns = min([*waiting, next(iter(core.in_flight.values()), now_ns)])
        return max(0, now_ns - oldest_ns)

    def _held(self) -> _Held:
        held: _Held = {}
        for strategy_id, instrument_id, *lots in self._core.gate.held_by_strategies():
            held.setdefault(instrument_id, {})[strategy_id] = (lots[0], lots[1], lots[2])
        return held

    def _instrument(self, instrument: Instrument, held: _Held, now_ns: int) -> InstrumentTelemetry:
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
            drift_nanos=self._balances.drift.nanos(instrument.base_asset),
            base_asset=instrument.base_asset,
            lot_units=instrument.lot_units,
            lot_scale=instrument.quantity_scale,
            strategies=self._strategies(instrument.instrument_id, held),
        )

    def _strategies(self, instrument_id: int, held: _Held) -> tuple[StrategyTelemetry, ...]:
        costs, lots = self._core.blotter.costs(instrument_id), held.get(instrument_id, {})
        return tuple(
            StrategyTelemetry(strategy_id, position, costs.get(strategy_id, 0), buys, sells)
            for strategy_id in dict.fromkeys([*lots, *costs])
            for position, buys, sells in (lots.get(strategy_id, (0, 0, 0)),)
        )

    def _quote_age_ns(self, quote: Quote | None, now_ns: int) -> int:
        """A venue that is ready owes a quote from then on."""
        since_ns = self._ready_ns if quote is None else quote.received_ns
        return -1 if since_ns < 0 else max(0, now_ns - since_ns)


def _fees_nanos(instrument: Instrument, fees: dict[str, int], quote: Quote | None) -> int:
    """Fees in the quote asset; those in the base asset at the middle price. Fees in other assets have no price here."""
    nanos = fees.get(instrument.quote_asset, 0)
    base_nanos = fees.get(instrument.base_asset, 0)
    if base_nanos and quote is not None:
        twice_ticks = (quote.bid_ticks or quote.ask_ticks) + (quote.ask_ticks or quote.bid_ticks)
        nanos += base_nanos * twice_ticks * instrument.tick_units // (2 * 10**instrument.price_scale)
    return nanos
