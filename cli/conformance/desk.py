"""A trading desk in memory: an adapter's session, a blotter and the reconciliation of both, in conversation with a
simulated venue, in virtual time. Every byte of both sides is real; only time, links and chance are ours.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from actors.reconciliation import Reconciliation
from actors.venue import ANSWER_DUE_NS
from actors.venue_core import IN_FLIGHT
from adapters.simulator.faults.rules import Fault
from cli.conformance.stage import ACCOUNT, Key, Stage
from cli.conformance.wire import MS, SECOND, RowFailed, Wire, expect
from cli.venue_trials.books import Truth, truth_of
from cli.venue_trials.checks import check_orders
from engine.actor import Context
from engine.blotter import Blotter
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import CancelOrder, ExecutionReport, NewOrder, ReplaceOrder
from engine.order import Approved, Order
from engine.venue import (
    BookChanged,
    CancelAllAnswered,
    OpenOrdersListed,
    OrderEvent,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    SessionState,
    TradesListed,
    VenueEvent,
    VenueSession,
)

__all__ = ["MS", "SECOND", "Desk", "RowFailed", "expect"]

#: How far our clock is behind the venue's, unless a row says otherwise.
_BEHIND_NS = 57 * MS

_STRATEGY = "maker"
_Event = TypeVar("_Event")


class _Exposure:
    """What the gate would keep: nothing may be reserved in the end."""

    def __init__(self) -> None:
        self.reserved: Counter[str] = Counter()

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        self.reserved[order.client_order_id] -= last_lots

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        raise RowFailed(f"{order.client_order_id}: more was filled than was ordered")

    def closed(self, order: Order, released_lots: int) -> None:
        self.reserved[order.client_order_id] -= released_lots


class Desk(Wire):
    """Listener and venue actor in small, at its end of the wire. ``key``: which of the account's keys the session has.

    ``events`` is everything the session has told, ``reports`` everything a strategy would have been told.
    """

    def __init__(self, stage: Stage, key: Key = Key.TRADE, clock_error_ns: int = _BEHIND_NS, **options: Any) -> None:
        self.stage, self._key, self._options = stage, key, options
        self.markets = stage.markets()
        super().__init__(stage.venue(self.markets), clock_error_ns)
        self.events: list[VenueEvent] = []
        self.reports: list[ExecutionReport] = []
        self.submitted: list[str] = []
        self._exposure = _Exposure()
        self.blotter = Blotter(self._exposure)
        self.books: dict[int, bool] = {}
        self.is_live = self.is_reconciled = False
        #: How the next request goes wrong: "before" the venue gets it, or "after".
        self.breaks = ""
        self._in_flight: dict[str, int] = {}
        self.restart()

    @property
    def lot(self) -> int:
        """Lots of a usual order."""
        return self.stage.lot

    # -- the session's life ------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new life of the session with what is in the books."""
        self.session: VenueSession = self.stage.session(self, self._key, self._options)
        ids = tuple(instrument_id for instrument_id, _ in self.stage.symbols)
        self._reconciliation = Reconciliation(self.session, self.blotter, ids, self._settle, self._done)
        for order in self.blotter.open_orders():
            self.session.recall(order)
        self.session.start(cast(Context, self), self.now_ns)

    def stop(self) -> None:
        self.session.stop(self.now_ns)
        self.is_live = self.is_reconciled = False
        self._reconciliation.suspend()
        self.run()

    def begin(self) -> "Desk":
        """To where orders may be sent, and the book is right."""
        self.until(self.is_settled, "live and reconciled")
        self.until(lambda: all(self.books.get(each, False) for each, _ in self.stage.symbols), "its books valid")
        return self

    # -- the venue actor ---------------------------------------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        self.events.append(event)
        reconciliation = self._reconciliation
        match event:
            case OrderSeen():
                reconciliation.on_order_seen(event, now_ns)
            case OrderNotFound():
                reconciliation.on_order_not_found(event, now_ns)
            case SessionState():
                self._on_state(event.live, now_ns)
            case OpenOrdersListed():
                reconciliation.on_open_orders(event, now_ns)
            case OrdersListed():
                reconciliation.on_orders(event, now_ns)
            case TradesListed():
                reconciliation.on_trades(event, now_ns)
            case QueryFailed():
                reconciliation.on_query_failed(event, now_ns)
            case BookChanged():
                self.books[event.instrument_id] = event.valid
            case _ if isinstance(event, OrderEvent):
                self._settle(event, now_ns)

    def _on_state(self, is_live: bool, now_ns: int) -> None:
        self.is_live, self.is_reconciled = is_live, False
        if is_live:
            self._reconciliation.begin(now_ns)
            return
        self._reconciliation.suspend()
        for order in self.blotter.open_orders():
            if order.status in IN_FLIGHT:
                self._settle(OrderOutcomeUnknown(order.client_order_id, "the venue link was lost"), now_ns)

    def _sweep(self, now_ns: int) -> None:
        """Ten times a second: what has not been answered in time is in doubt, and what is in doubt is asked about."""
        for name, sent_ns in list(self._in_flight.items()):
            order = self.blotter.orders[name]
            if order.status not in IN_FLIGHT:
                del self._in_flight[name]
            elif now_ns - sent_ns >= ANSWER_DUE_NS:
                del self._in_flight[name]
                self._settle(OrderOutcomeUnknown(name, "no answer in time"), now_ns)
        self._reconciliation.sweep(now_ns)

    def _settle(self, event: OrderEvent, now_ns: int) -> None:
        order = self.blotter.orders.get(event.client_order_id)
        if order is not None and self.blotter.is_repeated(order, event):
            return
        self.reports += self.blotter.apply(event, now_ns)
        for order in self.blotter.unknown_orders():
            self._reconciliation.doubt(order, now_ns)

    def _done(self, now_ns: int) -> None:
        self.is_reconciled = True

    def told(self, kind: type[_Event]) -> list[_Event]:
        """The session's events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    # -- what rows do ------------------------------------------------------------------------------------------

    def play(self, *faults: Fault, seed: int = 1) -> None:
        """Let these faults happen at the venue from now on."""
        self.venue.play(faults, seed)

    def others(self, side: Side, price_ticks: int, lots: int, *, ioc: bool = False, instrument_id: int = 1) -> None:
        """An order of the anonymous public, and what it means for the clients."""
        self.markets[self.stage.symbol(instrument_id)].anonymous(side, price_ticks, lots, self.now_ns, ioc=ioc)
        self.venue.on_timer("the public has acted", self.now_ns)

    def place(
        self,
        side: Side,
        price_ticks: int,
        lots: int,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        post_only: bool = False,
        instrument_id: int = 1,
        name: str = "",
        steps: int = -1,
    ) -> Order:
        """Send an order, and let everything that follows at once happen; of that, only so many ``steps``."""
        order = Order.from_new(
            NewOrder(
                name or self._name(), ACCOUNT, _STRATEGY, instrument_id, side, order_type, time_in_force, lots,
                price_ticks, post_only,
            )
        )  # fmt: skip
        self._admit(order)
        self._transmit(order.client_order_id, self.session.encode_new(Approved(order), self.now_ns), steps)
        return order

    def cancel(self, order: Order, steps: int = -1) -> None:
        self.reports += self.blotter.apply(CancelOrder(order.client_order_id, ACCOUNT, _STRATEGY), self.now_ns)
        self._transmit(order.client_order_id, self.session.encode_cancel(order, self.now_ns), steps)

    def replace(self, orig: Order, price_ticks: int, lots: int, steps: int = -1) -> Order:
        request = ReplaceOrder(self._name(), orig.client_order_id, ACCOUNT, _STRATEGY, lots, price_ticks)
        order = Order.from_replace(request, orig)
        frame = self.session.encode_replace(orig, Approved(order), self.now_ns)
        self._admit(order)
        self._transmit(order.client_order_id, frame, steps)
        return order

    def _name(self) -> str:
        return f"{_STRATEGY}-19729ab3c4d-{len(self.submitted) + 1}"

    def _admit(self, order: Order) -> None:
        self.submitted.append(order.client_order_id)
        self._exposure.reserved[order.client_order_id] = order.quantity_lots
        self.blotter.admit(order)
        order.sent_ns = self.now_ns

    def _transmit(self, name: str, frame: bytes, steps: int) -> None:
        self._in_flight[name] = self.now_ns
        self.session.transmit(frame, self.now_ns)
        breaks, self.breaks = self.breaks, ""
        if breaks:
            sent = [each for each in self._queue if each.what == "written" and each.data == frame]
            for each in sent:
                if breaks == "after":  # the venue gets it, and its answer is lost
                    self.host.feed(each.there, each.data)
                self.cut(each.link)
        self.run(steps)

    def cancel_all(self) -> None:
        """As a kill does: asked again until the venue has answered without a failure and nothing is open."""

        def is_done() -> bool:
            answers = self.told(CancelAllAnswered)[answered:]
            if answers and not answers[-1].failure and not self.truth().open_orders:
                return True
            self.session.cancel_all(1, self.now_ns)
            self.advance(SECOND)
            return False

        answered = len(self.told(CancelAllAnswered))
        self.until(is_done, "without an open order", 30 * SECOND)

    # -- what must hold ----------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Compare everything with the venue, as it is done now and then."""
        self.until(self.is_settled, "settled")
        self.is_reconciled = False
        self._reconciliation.begin(self.now_ns)
        self.until(self.is_settled, "settled")

    def is_settled(self) -> bool:
        is_sure = not self._reconciliation.doubts and not self.blotter.unknown_orders()
        return self.is_live and self.is_reconciled and is_sure

    def truth(self, instrument_id: int = 1) -> Truth:
        """What the venue itself knows, whatever it has told."""
        return truth_of(self.venue, ACCOUNT, self.stage.symbol(instrument_id))

    def settle(self) -> None:
        """Come to rest, and compare everything with the venue."""
        self.until(self.is_settled, "settled")
        self.advance(SECOND)
        self.until(lambda: not any(order.owed_lots for order in self.blotter.open_orders()), "its fills told")
        for failure in self._failures():
            raise RowFailed(failure)

    def _failures(self) -> Iterator[str]:
        truth = self.truth()
        yield from map(str, self.blotter.violations)
        working = [order for order in self.blotter.open_orders() if order.instrument_id == 1]
        if len(working) != truth.open_orders:
            yield f"{len(working)} orders are open in our books, {truth.open_orders} at the venue"
        open_names = {order.client_order_id for order in self.blotter.open_orders()}
        ended = [name for name in self.submitted if name not in open_names]
        ours = [report for report in self.reports if report.instrument_id == 1]
        yield from check_orders(self.stage.name_at_venue, ended, ours, truth)
        reserved = {name: lots for name, lots in self._exposure.reserved.items() if lots and name not in open_names}
        if reserved:
            yield f"still reserved for orders that have ended: {reserved}"

    def expect_status(self, order: Order, status: OrderStatus, cum_lots: int = 0) -> None:
        found = f"{order.status.name} with {order.cum_lots} lots done"
        text = f"{order.client_order_id} is {found}, not {status.name} with {cum_lots}"
        expect((order.status, order.cum_lots) == (status, cum_lots), text)

    def reason(self, order: Order) -> Reason:
        """Why the latest report of an order says no."""
        name = order.client_order_id
        found = [each.refusal.reason for each in self.reports if each.client_order_id == name and each.refusal]
        return found[-1] if found else Reason.NONE

    def until(self, condition: Callable[[], object], what: str, limit_ns: int = 180 * SECOND) -> None:
        """Let time pass until it holds. Raises RowFailed when it does not within ``limit_ns``."""
        end_ns = self.now_ns + limit_ns
        while not condition():
            latest = [f"{event} {fields}" for event, fields in self.logged[-2:]]
            expect(self.now_ns < end_ns, f"not {what} after {limit_ns // SECOND} s: {latest}")
            self.advance(50 * MS)
