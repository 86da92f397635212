"""The strategy actor: hosts one user strategy, in a process of its own or beside a venue actor.

    strategy.buy() ──NewOrder──▶ venue actor      ◀── the strategy only ever sees messages; where the venue actor
    on_execution_report ◀──ExecutionReport──┘         lives is the runtime's business

It keeps what the strategy may look at (open orders, positions), attaches to each venue actor with StrategyLogon, and
makes the account of a strategy's orders whole: reports are taken once and in order, and an order that a venue actor
never received is reported as such after a reconnect. A strategy that raises is stopped, its orders are cancelled, and
nothing else notices.
"""

import sys
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from actors.printed import PrintedLines
from actors.user_code import place_of, traceback_of
from engine.actor import Actor, Context
from engine.codes import (
    Contingency,
    ExecType,
    OrderStatus,
    OrderType,
    Reason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from engine.instrument import INT64_MAX, Instrument
from engine.messages import (
    CancelAll,
    CancelOrder,
    Depth,
    ExecutionReport,
    Instructions,
    InstrumentDefinition,
    LogonRefused,
    Message,
    NewOrder,
    NewOrderList,
    OrdersPending,
    PositionSnapshot,
    Quote,
    Refusal,
    RefusalsLost,
    ReplaceOrder,
    StatusReport,
    StatusRequest,
    StrategyFailed,
    StrategyLogon,
    StrategyReady,
    Trade,
)
from engine.strategy import InstrumentsByName, Leg, Strategy, WorkingOrder

__all__ = ["LOCAL_REPORTS", "StrategyActor", "VenueRoute"]

#: The timer by which refusals that no venue actor has seen are told.
LOCAL_REPORTS = "local-reports"
_USER_TIMER = "user:"
_NAME_PENDING = "name-pending"
#: Orders that one frame names: they fit into the smallest frame that can be configured.
_PENDING_PER_FRAME = 96
_NAME_AGAIN_NS = 100_000_000
_ASK_AGAIN_NS = 1_000_000_000
_SECOND_NS = 1_000_000_000


class VenueRoute(NamedTuple):
    """Which venue actor an instrument of this strategy is traded through."""

    venue_actor: str
    instrument_id: int


class StrategyActor(Actor):
    """Hosts ``strategy`` under ``strategy_id`` for one account. ``routes`` has one entry per instrument; ``mark``
    stands after the strategy's name in its order ids."""

    def __init__(
        self,
        strategy_id: str,
        account_id: str,
        strategy: Strategy,
        routes: tuple[VenueRoute, ...],
        mark: str = "-",
    ) -> None:
        self.strategy_id = strategy_id
        self.account_id = account_id
        self.strategy = strategy
        self.peers = tuple(dict.fromkeys(route.venue_actor for route in routes))
        self.now_ns = 0
        self.orders: dict[str, WorkingOrder] = {}
        self._venue_of_instrument = {route.instrument_id: route.venue_actor for route in routes}
        self._venue_of_order: dict[str, str] = {}
        #: Replacement without a terminal report → its original.
        self._orig_of: dict[str, str] = {}
        self._positions: dict[int, int] = {}
        self._instruments = InstrumentsByName()
        self._last_report_seq = dict.fromkeys(self.peers, -1)
        self._ready: set[str] = set()
        self._up: set[str] = set()
        #: Orders whose cancel or replacement may be lost, as may be the word that it was refused: their state is asked.
        self._in_question: set[str] = set()
        #: Orders that a venue actor is still to be told we wait for.
        self._unnamed: dict[str, deque[str]] = {}
        #: Venue actor → the last report before a gap, and when what follows was asked for.
        self._gaps: dict[str, tuple[int, int]] = {}
        self._local_reports: list[ExecutionReport] = []
        self._started = False
        self._failure = ""
        self._order_count = 0
        self._report_count = 0
        self._last_tick_ns = 0
        self._mark = mark
        self._id_prefix = ""
        self._refusals: dict[int, int] = {}
        self._told: set[Reason] = set()
        self._printed = PrintedLines(self._log_printed)

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        # A later life of the same strategy must not reuse an id; its start time in ms tells them apart.
        self._id_prefix = f"{self.strategy_id}{self._mark}{ctx.wall_ns(now_ns) // 1_000_000:x}-"
        self.strategy.strategy_id = self.strategy_id
        self.strategy.instruments = self._instruments
        self.strategy._port = self

    def on_stop(self, now_ns: int) -> None:
        if self._started and not self._failure:
            self._call(self.strategy.on_stop, now_ns)
        self._printed.finish()

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer not in self._last_report_seq:
            return
        self._up.add(peer)
        self._logon(peer)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        self._up.discard(peer)
        self._ready.discard(peer)
        self._unnamed.pop(peer, None)

    def _logon(self, venue_actor: str) -> None:
        pending = self._pending_at(venue_actor)
        first = tuple(islice(pending, _PENDING_PER_FRAME))
        self._ctx.send(
            venue_actor,
            StrategyLogon(
                self.account_id,
                self.strategy_id,
                self.strategy.book_levels,
                self._last_report_seq[venue_actor],
                first,
            ),
        )
        self._name_pending(venue_actor, deque(islice(pending, len(first), None)))
        if self._failure:
            self._ctx.send(venue_actor, StrategyFailed(self.strategy_id, self._failure))

    def _pending_at(self, venue_actor: str) -> deque[str]:
        pending = deque(key for key, venue in self._venue_of_order.items() if venue == venue_actor)
        asked = (OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE)
        self._in_question.update(key for key in pending if (order := self.orders.get(key)) and order.status in asked)
        return pending

    def _name_pending(self, venue_actor: str, orders: deque[str]) -> None:
        """Name them, a frame at a time; what finds no room is named a little later."""
        self._unnamed[venue_actor] = orders
        while orders:
            some = tuple(islice(orders, _PENDING_PER_FRAME))
            if not self._ctx.send(venue_actor, OrdersPending(self.strategy_id, some)):
                self._ctx.set_timer(_NAME_PENDING, self._ctx.clock_ns() + _NAME_AGAIN_NS)
                return
            for _ in some:
                orders.popleft()
        del self._unnamed[venue_actor]

    # -- messages in ----------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        kind = type(message)
        if kind is StatusRequest:
            self._ctx.send(sender, self._status(message.nonce))  # type: ignore[union-attr]  # kind is its exact type
        elif sender not in self._last_report_seq:
            return  # only this strategy's venue actors have anything to say to it
        elif kind is Quote or kind is Trade or kind is Depth:
            self._on_market_data(message, now_ns)
        elif kind is ExecutionReport:
            self._on_report(sender, message, now_ns)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is InstrumentDefinition:
            self._define(message.instrument)  # type: ignore[union-attr]  # kind is its exact type
        elif kind is PositionSnapshot:
            self._restore(sender, message)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is StrategyReady:
            self._on_venue_ready(sender, now_ns)
        elif kind is RefusalsLost:
            self._name_pending(sender, self._pending_at(sender))
        elif kind is LogonRefused:
            self.now_ns = now_ns
            self._on_logon_refused(sender, message)  # type: ignore[arg-type]  # kind is its exact type

    def _on_market_data(self, message: Message, now_ns: int) -> None:
        if not self._started or self._failure:
            return
        if isinstance(message, Quote):
            self._last_tick_ns = message.received_ns
            self._call(self.strategy.on_quote, now_ns, message)
        elif isinstance(message, Trade):
            self._last_tick_ns = message.received_ns
            self._call(self.strategy.on_trade, now_ns, message)
        elif isinstance(message, Depth):
            self._last_tick_ns = message.received_ns
            self._call(self.strategy.on_book, now_ns, message)
        self._last_tick_ns = 0

    def _define(self, instrument: Instrument) -> None:
        self._instruments[f"{instrument.venue}:{instrument.symbol}"] = instrument

    def _on_venue_ready(self, venue_actor: str, now_ns: int) -> None:
        self._ready.add(venue_actor)
        if not self._started and not self._failure and self._ready.issuperset(self.peers):
            self._started = True
            self._call(self.strategy.on_start, now_ns)

    def _on_logon_refused(self, venue_actor: str, message: LogonRefused) -> None:
        """It will never be ready: better to fail with the reason than to wait."""
        if not self._failure:
            self._fail(f"{venue_actor} refuses its logon: {message.refusal.reason.name}: {message.refusal.text}")

    def _restore(self, venue_actor: str, snapshot: PositionSnapshot) -> None:
        """A life without memory takes over what an earlier one left at this venue actor. One with memory has missed
        more reports than were kept: what became of orders that it still counts as open has to be asked."""
        had_memory = self._last_report_seq[venue_actor] >= 0
        if not snapshot.more:
            self._last_report_seq[venue_actor] = snapshot.report_seq
        for position in snapshot.positions:
            self._positions[position.instrument_id] = position.position_lots
        for report in snapshot.open_orders:
            order = WorkingOrder(
                report.client_order_id, report.instrument_id, report.side, report.quantity_lots, report.price_ticks
            )
            order.cum_lots, order.status = report.cum_lots, report.order_status
            self.orders[report.client_order_id] = order
            self._venue_of_order[report.client_order_id] = venue_actor
        if had_memory and not snapshot.more:
            self._logon(venue_actor)

    def _on_report(self, venue_actor: str, report: ExecutionReport, now_ns: int) -> None:
        seq = report.report_seq
        if seq:  # 0: a refusal, which changed nothing at the venue actor and is not numbered
            last = self._last_report_seq.get(venue_actor, -1)
            if seq <= last:
                return
            if seq > max(last, 0) + 1:
                self._on_gap(venue_actor, last, seq, now_ns)
                return
            self._last_report_seq[venue_actor] = seq
        self._take(report, now_ns)

    def _on_gap(self, venue_actor: str, last: int, seq: int, now_ns: int) -> None:
        """Ask for what is missing: once, not for each report that comes behind the gap."""
        asked_last, asked_ns = self._gaps.get(venue_actor, (-2, 0))
        if asked_last != last or now_ns - asked_ns >= _ASK_AGAIN_NS:
            self._gaps[venue_actor] = (last, now_ns)
            self._ctx.log("report gap", venue_actor=venue_actor, last=last, got=seq)
            self._logon(venue_actor)

    def _take(self, report: ExecutionReport, now_ns: int) -> None:
        if not report.report_seq and _is_restated(report) and not self._is_news(report):
            return
        self._report_count += 1
        orig_client_order_id = self._orig_of.get(report.client_order_id)
        is_told = (
            report.exec_type is not ExecType.CANCEL_REJECTED and report.order_status is not OrderStatus.PENDING_NEW
        )
        if orig_client_order_id is not None and is_told:
            del self._orig_of[report.client_order_id]
            if not report.report_seq:
                self._replace_refused(orig_client_order_id)
        if report.refusal is not None and report.refusal.reason not in self._told:
            self._tell_first(report)
        if report.fill is not None:
            signed = report.fill.last_lots if report.side is Side.BUY else -report.fill.last_lots
            self._positions[report.instrument_id] = self._positions.get(report.instrument_id, 0) + signed
        order = self.orders.get(report.client_order_id)
        if order is not None and not report.report_seq and report.exec_type is ExecType.CANCEL_REJECTED:
            _cancel_refused(order, report.order_status)
        elif order is not None:
            order.cum_lots, order.status = report.cum_lots, report.order_status
            if report.order_status.is_terminal:
                del self.orders[report.client_order_id]
                self._venue_of_order.pop(report.client_order_id, None)
                self._in_question.discard(report.client_order_id)
        if self._started and not self._failure:
            self._call(self.strategy.on_execution_report, now_ns, report)

    def _is_news(self, report: ExecutionReport) -> bool:
        """Of what is told in answer to a logon: an end that has not been told, or a state that was in question."""
        order = self.orders.get(report.client_order_id)
        if order is None or report.order_status.is_terminal:
            return order is not None
        was_in_question = report.client_order_id in self._in_question
        self._in_question.discard(report.client_order_id)
        return was_in_question and report.order_status is not order.status

    def _replace_refused(self, orig_client_order_id: str) -> None:
        """The replacement never left, so its original works as before."""
        orig = self.orders.get(orig_client_order_id)
        if orig is not None and orig.status is OrderStatus.PENDING_REPLACE:
            orig.status = OrderStatus.PARTIALLY_FILLED if orig.cum_lots else OrderStatus.NEW

    def _tell_first(self, report: ExecutionReport) -> None:
        """The first refusal of each kind goes to the log in words; the totals are in the status."""
        refusal = report.refusal
        if refusal is not None:
            self._told.add(refusal.reason)
            self._ctx.log(
                "first of its kind",
                strategy=self.strategy_id,
                order=report.client_order_id,
                reason=refusal.reason.name,
                field=refusal.field,
                observed=refusal.observed,
                limit=refusal.limit,
                text=refusal.text,
            )

    # -- timers ---------------------------------------------------------------------------------------------

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == LOCAL_REPORTS:
            reports, self._local_reports = self._local_reports, []
            for report in reports:
                self._take(report, now_ns)
        elif key == _NAME_PENDING:
            for venue_actor, orders in list(self._unnamed.items()):
                self._name_pending(venue_actor, orders)
        elif key.startswith(_USER_TIMER) and self._started and not self._failure:
            self._call(self.strategy.on_timer, now_ns, key[len(_USER_TIMER) :])

    # -- the user's code ------------------------------------------------------------------------------------

    def _call(self, callback: Callable[..., None], now_ns: int, *arguments: object) -> None:
        self.now_ns = now_ns
        stdout, sys.stdout = sys.stdout, self._printed
        try:
            callback(*arguments)
        except Exception as error:  # whatever a user's code raises stops that strategy and nothing else
            name = getattr(callback, "__name__", repr(callback))
            self._fail(f"{name}: {type(error).__name__}: {error} ({place_of(error)})", traceback_of(error))
        finally:
            sys.stdout = stdout

    def _fail(self, error: str, traceback: str = "") -> None:
        self._failure = error[:500]
        self._ctx.log("strategy failed", strategy=self.strategy_id, error=self._failure, traceback=traceback)
        for venue_actor in self.peers:
            self._ctx.send(venue_actor, StrategyFailed(self.strategy_id, self._failure))

    # -- OrderPort: what the strategy calls -----------------------------------------------------------------

    def new_order(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        price_ticks: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        post_only: bool,
        instructions: Instructions | None = None,
    ) -> str:
        client_order_id = self._next_id()
        refusal = _shape_refusal(quantity_lots, price_ticks, order_type, time_in_force, post_only, instructions)
        if refusal is None:
            order = WorkingOrder(client_order_id, instrument_id, side, quantity_lots, price_ticks)
        else:
            order = WorkingOrder(client_order_id, instrument_id, side, _whole(quantity_lots), _whole(price_ticks))
        venue_actor = self._venue_of_instrument.get(instrument_id)
        if refusal is None and venue_actor is None:
            refusal = Refusal(
                Reason.UNKNOWN_INSTRUMENT,
                "instrument_id",
                str(instrument_id),
                text="not one of this strategy's instruments",
            )
        if refusal is None and venue_actor is not None:
            message = NewOrder(
                client_order_id,
                self.account_id,
                self.strategy_id,
                instrument_id,
                side,
                order_type,
                time_in_force,
                quantity_lots,
                price_ticks,
                post_only,
                self._ctx.clock_ns(),
                self._last_tick_ns,
                instructions,
            )
            refusal = self._send(venue_actor, message)
            self._venue_of_order[client_order_id] = venue_actor
        self.orders[client_order_id] = order
        if refusal is not None:
            self._venue_of_order.pop(client_order_id, None)
            self._refuse(order, refusal, ExecType.REJECTED)
        return client_order_id

    def new_list(self, contingency: Contingency, legs: tuple[Leg, ...]) -> tuple[str, ...]:
        ids = tuple(self._next_id() for _ in legs)
        list_id = f"{ids[0]}L"
        venue_actors = {self._venue_of_instrument.get(leg.instrument.instrument_id) for leg in legs}
        refusal = next((fault for leg in legs if (fault := _leg_refusal(leg)) is not None), None)
        venue_actor = venue_actors.pop() if len(venue_actors) == 1 else None
        if refusal is None and venue_actor is None:
            text = "all orders of a list are of one instrument, and one of this strategy's"
            refusal = Refusal(Reason.BAD_ORDER_LIST, "instrument_id", text=text)
        for client_order_id, leg in zip(ids, legs, strict=True):
            lots, ticks = _whole(leg.quantity_lots), _whole(leg.price_ticks)
            self.orders[client_order_id] = WorkingOrder(
                client_order_id, leg.instrument.instrument_id, leg.side, lots, ticks
            )
        if refusal is None and venue_actor is not None:
            now_ns, tick_ns = self._ctx.clock_ns(), self._last_tick_ns
            orders = tuple(
                _leg_order(name, self.account_id, self.strategy_id, leg, list_id, contingency, now_ns, tick_ns)
                for name, leg in zip(ids, legs, strict=True)
            )
            message = NewOrderList(list_id, self.account_id, self.strategy_id, contingency, orders, now_ns)
            refusal = self._send(venue_actor, message)
            if refusal is None:
                self._venue_of_order.update(dict.fromkeys(ids, venue_actor))
        if refusal is not None:
            for client_order_id in ids:
                self._refuse(self.orders[client_order_id], refusal, ExecType.REJECTED)
        return ids

    def replace_order(
        self, client_order_id: str, quantity_lots: int, price_ticks: int, instructions: Instructions | None = None
    ) -> str:
        new_id = self._next_id()
        orig = self.orders.get(client_order_id)
        venue_actor = self._venue_of_order.get(client_order_id)
        if orig is None or venue_actor is None:
            ghost = WorkingOrder(new_id, -1, Side.BUY, 0, 0)
            self.orders[new_id] = ghost
            self._refuse(ghost, _unknown_order(client_order_id), ExecType.REJECTED, client_order_id)
            return new_id
        order = WorkingOrder(new_id, orig.instrument_id, orig.side, _whole(quantity_lots), _whole(price_ticks))
        self.orders[new_id] = order
        refusal = _shape_refusal(quantity_lots, price_ticks, OrderType.LIMIT, TimeInForce.GTC, False, instructions)
        if refusal is None:
            message = ReplaceOrder(
                new_id,
                client_order_id,
                self.account_id,
                self.strategy_id,
                quantity_lots,
                price_ticks,
                self._ctx.clock_ns(),
                self._last_tick_ns,
                instructions,
            )
            refusal = self._send(venue_actor, message)
            self._venue_of_order[new_id] = venue_actor
            if refusal is None:
                orig.status = OrderStatus.PENDING_REPLACE
                self._orig_of[new_id] = client_order_id
        if refusal is not None:
            self._venue_of_order.pop(new_id, None)
            self._refuse(order, refusal, ExecType.REJECTED, client_order_id)
        return new_id

    def cancel_order(self, client_order_id: str) -> None:
        order = self.orders.get(client_order_id)
        venue_actor = self._venue_of_order.get(client_order_id)
        if order is None or venue_actor is None:
            ghost = order or WorkingOrder(client_order_id, -1, Side.BUY, 0, 0)
            ghost.status = OrderStatus.REJECTED if order is None else ghost.status
            self._refuse(ghost, _unknown_order(client_order_id), ExecType.CANCEL_REJECTED)
            return
        message = CancelOrder(client_order_id, self.account_id, self.strategy_id, self._ctx.clock_ns())
        refusal = self._send(venue_actor, message)
        if refusal is None:
            order.status = OrderStatus.PENDING_CANCEL
        else:
            self._refuse(order, refusal, ExecType.CANCEL_REJECTED)

    def cancel_all_orders(self, instrument_id: int) -> None:
        for venue_actor in self.peers:
            self._ctx.send(venue_actor, CancelAll(self.account_id, self.strategy_id, instrument_id))

    def position_lots(self, instrument_id: int) -> int:
        return self._positions.get(instrument_id, 0)

    def wall_ns(self) -> int:
        return self._ctx.wall_ns(self.now_ns)

    def start_timer(self, name: str, delay_ns: int) -> None:
        self._ctx.set_timer(_USER_TIMER + name, self.now_ns + delay_ns)

    def note(self, text: str) -> None:
        self._ctx.log("strategy note", strategy=self.strategy_id, text=text)

    def _log_printed(self, text: str) -> None:
        self._ctx.log("printed", strategy=self.strategy_id, text=text)

    def _next_id(self) -> str:
        self._order_count += 1
        return f"{self._id_prefix}{self._order_count}"

    def _send(self, venue_actor: str, message: Message) -> Refusal | None:
        if self._ctx.send(venue_actor, message):
            return None
        if venue_actor not in self._up:
            return Refusal(Reason.VENUE_LINK_DOWN, text=f"{venue_actor} is not connected")
        return Refusal(Reason.ORDER_QUEUE_FULL, text=f"the order queue to {venue_actor} is full; slow down")

    def _refuse(self, order: WorkingOrder, refusal: Refusal, exec_type: ExecType, orig: str = "") -> None:
        """Report a refusal after the current callback has returned, so that no callback runs inside another."""
        self._refusals[refusal.reason] = self._refusals.get(refusal.reason, 0) + 1
        status = OrderStatus.REJECTED if exec_type is ExecType.REJECTED else order.status
        self._local_reports.append(
            ExecutionReport(
                0,
                self.strategy_id,
                order.client_order_id,
                orig,
                "",
                order.instrument_id,
                order.side,
                exec_type,
                status,
                order.quantity_lots,
                order.price_ticks,
                order.cum_lots,
                0 if status.is_terminal else order.leaves_lots,
                refusal=refusal,
            )
        )
        self._ctx.set_timer(LOCAL_REPORTS, self.now_ns)

    # -- status ---------------------------------------------------------------------------------------------

    def _status(self, nonce: int) -> StatusReport:
        state = "failed" if self._failure else "running" if self._started else "waiting"
        counters = {
            "orders": self._order_count,
            "reports": self._report_count,
            "open_orders": len(self.orders),
            **{f"position_lots:{key}": lots for key, lots in self._positions.items()},
        }
        details = {"error": self._failure} if self._failure else {}
        return StatusReport(self._ctx.name, "strategy", nonce, 0, state, counters, details, dict(self._refusals))


def _cancel_refused(order: WorkingOrder, status: OrderStatus) -> None:
    """Nothing has happened to the order. A status that ends it is that of an order which the venue actor did not look
    up, or one that a numbered report brings."""
    if not status.is_terminal:
        order.status = status
    elif order.status is OrderStatus.PENDING_CANCEL:
        order.status = OrderStatus.PARTIALLY_FILLED if order.cum_lots else OrderStatus.NEW


def _unknown_order(client_order_id: str) -> Refusal:
    return Refusal(
        Reason.UNKNOWN_ORDER, "client_order_id", client_order_id, text="no open order of this strategy has that id"
    )


def _is_restated(report: ExecutionReport) -> bool:
    """Whether a venue actor says this only in answer to a logon."""
    is_never_received = report.refusal is not None and report.refusal.reason is Reason.NEVER_RECEIVED
    return report.exec_type is ExecType.ORDER_STATUS or is_never_received


def _whole(value: object) -> int:
    """What a report may carry of a number that was asked for: 0 for one that no frame could (the refusal quotes it)."""
    return value if type(value) is int and abs(value) <= INT64_MAX else 0


def _shape_refusal(
    quantity_lots: object,
    price_ticks: object,
    order_type: object,
    time_in_force: object,
    post_only: object,
    instructions: Instructions | None,
) -> Refusal | None:
    """What no frame may carry: checked here so that one bad number costs one order, not the link.

    NaN, infinities, fractions and numbers beyond 64 bits all end here; what they *mean* is the gate's business.
    """
    if type(quantity_lots) is not int or not -INT64_MAX <= quantity_lots <= INT64_MAX:
        return _number_refusal(Reason.BAD_QUANTITY, "quantity_lots", quantity_lots)
    if type(price_ticks) is not int or not -INT64_MAX <= price_ticks <= INT64_MAX:
        return _number_refusal(Reason.BAD_PRICE, "price_ticks", price_ticks)
    if not isinstance(order_type, OrderType):
        return Refusal(Reason.BAD_ORDER_TYPE, "order_type", repr(order_type)[:64], "MARKET or LIMIT", "use OrderType")
    if not isinstance(time_in_force, TimeInForce):
        return Refusal(
            Reason.BAD_TIME_IN_FORCE, "time_in_force", repr(time_in_force)[:64], "GTC, IOC or FOK", "use TimeInForce"
        )
    if type(post_only) is not bool:
        return Refusal(
            Reason.UNSUPPORTED, "post_only", repr(post_only)[:64], "True or False", "post_only must be a bool"
        )
    return None if instructions is None else _instructions_refusal(instructions)


def _number_refusal(reason: Reason, field: str, value: object) -> Refusal:
    if type(value) is int:
        return Refusal(Reason.NUMBER_OVERFLOW, field, str(value)[:64], str(INT64_MAX), f"{field} exceeds 64 bits")
    return Refusal(
        reason,
        field,
        repr(value)[:64],
        "a whole number",
        f'{field} is {type(value).__name__} {value!r:.64}; it must be an int, as instrument.{field}("…") gives it',
    )


def _leg_refusal(leg: Leg) -> Refusal | None:
    return _shape_refusal(
        leg.quantity_lots, leg.price_ticks, leg.order_type, leg.time_in_force, leg.post_only, _leg_instructions(leg)
    )


def _leg_instructions(leg: Leg, list_id: str = "", contingency: Contingency = Contingency.NONE) -> Instructions:
    return Instructions(leg.trigger_ticks, leg.trailing_ppm, leg.display_lots, 0, leg.self_trade, list_id, contingency)


def _leg_order(
    client_order_id: str,
    account_id: str,
    strategy_id: str,
    leg: Leg,
    list_id: str,
    contingency: Contingency,
    now_ns: int,
    tick_ns: int,
) -> NewOrder:
    return NewOrder(
        client_order_id,
        account_id,
        strategy_id,
        leg.instrument.instrument_id,
        leg.side,
        leg.order_type,
        leg.time_in_force,
        leg.quantity_lots,
        leg.price_ticks,
        leg.post_only,
        now_ns,
        tick_ns,
        _leg_instructions(leg, list_id, contingency),
    )


def _instructions_refusal(instructions: Instructions) -> Refusal | None:
    """What no frame may carry of these; what the numbers mean is the gate's business, too."""
    for field in ("trigger_ticks", "trailing_ppm", "display_lots", "expires_wall_ns"):
        value: object = getattr(instructions, field)
        if type(value) is not int or abs(value) > INT64_MAX:
            text = f"{field} must be an int of 64 bits"
            return Refusal(Reason.NUMBER_OVERFLOW, field, repr(value)[:64], "a whole number", text)
    if not isinstance(instructions.self_trade, SelfTradePrevention):
        observed = repr(instructions.self_trade)[:64]
        return Refusal(Reason.UNSUPPORTED, "self_trade", observed, "a SelfTradePrevention", "use SelfTradePrevention")
    return None
