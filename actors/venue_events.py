"""What the venue tells a venue actor, through its session: market data, order events, and the state of the session."""

from typing import get_args

from actors.reconciliation import Reconciliation
from actors.venue_core import VenueCore
from actors.venue_kill import VenueKill
from engine.errors import InvariantError
from engine.instrument import Instrument
from engine.messages import Depth, Quote, Trade
from engine.venue import (
    AuthenticationFailed,
    Balance,
    BookChanged,
    CancelAllAnswered,
    CancelRejected,
    ClockOffset,
    FeeRates,
    InstrumentDefined,
    OpenOrdersListed,
    OrderAccepted,
    OrderEvent,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    RateLimited,
    ReplaceRejected,
    SessionState,
    TradesListed,
    VenueEvent,
)

__all__ = ["VenueEvents"]

#: Looked up by exact type: isinstance() is many times slower on a union.
_ORDER_EVENTS = frozenset(get_args(OrderEvent)) - {OrderSeen, OrderNotFound}


class VenueEvents:
    """``engine.venue.VenueListener``, for the venue actor."""

    def __init__(self, core: VenueCore, kill: VenueKill) -> None:
        self._core, self._kill = core, kill
        self._reconciliation: Reconciliation = core.reconciliation
        self._record_accept = core.ctx.latency.group(("wire_to_accept",))
        self.rejected_by_venue = 0
        #: Cancels and replaces that the venue did not do.
        self.changes_rejected = 0
        self.authentication_failures = 0
        #: How often a book was lost to a gap, or with its link.
        self.book_gaps = 0
        self.clock_offset_ns = 0

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        kind = type(event)
        if kind is Quote:
            self._on_quote(event, now_ns)  # type: ignore[arg-type]  # kind is its exact type
        elif kind in _ORDER_EVENTS:
            self._on_order_event(event, now_ns)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is Trade:
            self._core.delivery.publish(event)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is BookChanged:
            self._on_book_changed(event)  # type: ignore[arg-type]  # kind is its exact type
        elif isinstance(event, OrderSeen):
            self._reconciliation.on_order_seen(event, now_ns)
        elif isinstance(event, OrderNotFound):
            self._reconciliation.on_order_not_found(event, now_ns)
        else:
            self._on_session_event(event, now_ns)

    # -- the market -----------------------------------------------------------------------------------------

    def _on_quote(self, quote: Quote, now_ns: int) -> None:
        self._core.quotes[quote.instrument_id] = quote
        self._core.gate.on_quote(quote.instrument_id, quote.bid_ticks, quote.ask_ticks, now_ns)
        self._core.delivery.publish(quote)

    def _on_book_changed(self, event: BookChanged) -> None:
        if not event.valid:
            self.book_gaps += 1
            self._core.books_lost.add(event.instrument_id)
        else:
            self._core.books_lost.discard(event.instrument_id)
        levels = self._core.delivery.book_levels_max
        if levels and event.valid:
            bids, asks = self._core.session.book(event.instrument_id).depth(levels)
            depth = Depth(event.instrument_id, bids, asks, event.update_id, event.received_ns)
            self._core.delivery.publish_depth(depth)

    # -- orders ---------------------------------------------------------------------------------------------

    def _on_order_event(self, event: OrderEvent, now_ns: int) -> None:
        kind = type(event)
        if kind is OrderAccepted:
            sent_ns = self._core.in_flight.get(event.client_order_id)
            if sent_ns is not None:
                self._record_accept(now_ns - sent_ns)
        elif kind is OrderFilled:
            order = self._core.blotter.orders.get(event.client_order_id)
            if order is not None:
                self._reconciliation.note_fill(order.instrument_id, event.trade_id)  # type: ignore[union-attr]
        elif kind is OrderRejected:
            self.rejected_by_venue += 1
        elif kind is CancelRejected or kind is ReplaceRejected:
            self.changes_rejected += 1
        self._core.settle(event, now_ns)

    # -- the session ----------------------------------------------------------------------------------------

    def _on_session_event(self, event: VenueEvent, now_ns: int) -> None:
        core = self._core
        if isinstance(event, SessionState):
            self._on_session_state(event, now_ns)
        elif isinstance(event, InstrumentDefined):
            self._on_instrument(event, now_ns)
        elif isinstance(event, Balance):
            core.balances[event.asset] = event.free_nanos + event.locked_nanos
            core.gate.set_funds(event.asset, event.free_nanos + event.locked_nanos)
        elif isinstance(event, OpenOrdersListed):
            self._reconciliation.on_open_orders(event, now_ns)
            self._kill.on_open_orders(event, now_ns)
        elif isinstance(event, OrdersListed):
            self._reconciliation.on_orders(event, now_ns)
        elif isinstance(event, TradesListed):
            self._reconciliation.on_trades(event, now_ns)
        elif isinstance(event, CancelAllAnswered):
            self._kill.on_cancel_all_answered(event, now_ns)
        elif isinstance(event, QueryFailed):
            self._reconciliation.on_query_failed(event, now_ns)
        elif isinstance(event, FeeRates):
            core.fees[event.instrument_id] = event
        elif isinstance(event, ClockOffset):
            self.clock_offset_ns = event.offset_ns
        elif isinstance(event, RateLimited | AuthenticationFailed):
            self.authentication_failures += isinstance(event, AuthenticationFailed)
            core.ctx.log(type(event).__name__, text=event.text)

    def _on_session_state(self, event: SessionState, now_ns: int) -> None:
        core = self._core
        core.session_live = event.live
        core.ctx.log("session", live=event.live, text=event.text)
        self._kill.session_live(event.live, now_ns)  # before any question: cancels come first
        if event.live:
            self._reconciliation.begin(now_ns)
            return
        core.ready = False
        self._reconciliation.suspend()
        core.doubt_in_flight("the venue link was lost", now_ns)

    def _on_instrument(self, event: InstrumentDefined, now_ns: int) -> None:
        core = self._core
        definition = core.definitions.get(event.instrument.instrument_id)
        known = definition.instrument if definition is not None else None
        if known is not None and _scale(known) != _scale(event.instrument):
            core.ctx.log("instrument changed", symbol=event.instrument.symbol)
            raise InvariantError(
                f"{event.instrument.symbol}: the venue changed its tick or lot while orders or positions are counted "
                "in the old one; stop, move the state directory aside and start from the venue's own state"
            )
        if known != event.instrument:
            core.journal.fact(event, now_ns)
            core.define(event.instrument)


def _scale(instrument: Instrument) -> tuple[int, int, int, int]:
    return instrument.tick_units, instrument.price_scale, instrument.lot_units, instrument.quantity_scale
