"""All orders, fills and positions of one venue actor, as a deterministic function of what it journalled.

    NewOrder, ReplaceOrder, CancelOrder ┐                 ┌▶ ExecutionReports, numbered per strategy without gaps
                                        ├─▶ apply() ──────┼▶ orders, positions, ledger
    the venue's order events ───────────┘                 ├▶ exposure: filled, filled_unreserved, closed (the gate)
                                                          └▶ violations: what should never have been said

The same records in the same order, with the same times, give the same reports and the same state.

A fill that comes when its order has ended, or for more than was ordered, is still a fact of the venue's: it is booked,
the position and the strategy (a TRADE report that repeats the terminal status) are told, and because nothing was
reserved for it any more the gate gets it as ``filled_unreserved``. It is a violation too, and a critical one: our
picture of the venue was wrong.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from engine.codes import ExecType, OrderStatus, Reason, Side
from engine.errors import InvariantError
from engine.messages import (
    CancelOrder,
    ExecutionReport,
    Fill,
    NewOrder,
    NewOrderList,
    Position,
    PositionSnapshot,
    Refusal,
    ReplaceOrder,
)
from engine.order import Order, OrderInput
from engine.order_event import (
    CancelRejected,
    OrderAccepted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)
from engine.order_ids import UsedOrderIds
from engine.order_life import Outcome, transition
from engine.position import LedgerLine, NetPosition

__all__ = ["Blotter", "OrderExposure", "OrderRecord", "Violation"]

OrderRecord = NewOrder | NewOrderList | ReplaceOrder | CancelOrder | OrderEvent


class OrderExposure(Protocol):
    """The gate, as the blotter sees it. The order's ``cum_lots`` and ``status`` are up to date when it is called."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        """Move ``last_lots`` from what is reserved for the order into the position."""
        ...

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        """Add ``last_lots`` to the position; nothing was reserved for them (a late fill, or more than was ordered)."""
        ...

    def closed(self, order: Order, released_lots: int) -> None:
        """The order has ended: release what is still reserved for it. Called once per order."""
        ...


class Violation(msgspec.Struct, frozen=True):
    """Something that should never have been said: an illegal transition, a late fill, an overfill, a contradiction.

    ``status`` is what the order was when ``event`` came.
    """

    kind: Outcome
    client_order_id: str
    status: OrderStatus
    event: OrderInput

    @property
    def is_critical(self) -> bool:
        """Whether more may be at risk at the venue than we had reserved."""
        return self.kind in (Outcome.LATE_FILL, Outcome.OVERFILL, Outcome.CONTRADICTION) or (
            self.kind is Outcome.ILLEGAL and self.status.is_terminal and isinstance(self.event, OrderAccepted)
        )

    def __str__(self) -> str:
        return f"{self.kind.name}: {self.client_order_id} was {self.status.name}, then {self.event!r}"


class _StrategyBook:
    """What one strategy is told and holds."""

    __slots__ = ("ended", "positions", "report_seq", "reports", "strategy_id")

    def __init__(self, strategy_id: str, reports_max: int, report_seq: int) -> None:
        self.strategy_id = strategy_id
        self.report_seq = report_seq
        self.reports: deque[ExecutionReport] = deque(maxlen=reports_max)
        self.positions: dict[int, NetPosition] = {}
        self.ended: deque[Order] = deque()


class Blotter:
    """See the module. What it remembers is bounded: of each strategy ``ended_orders_max`` terminal orders and
    ``reports_max`` reports; ``trades_max`` trades of orders evicted since, ``violations_max`` violations.

    Only a strategy's own newer orders make room in what is kept of it: one that is away asks for the ends of its orders
    when it comes back, however much others have traded meanwhile.
    """

    def __init__(
        self,
        exposure: OrderExposure,
        *,
        ended_orders_max: int = 20_000,
        reports_max: int = 20_000,
        trades_max: int = 100_000,
        violations_max: int = 1_000,
    ) -> None:
        self._exposure = exposure
        self._ended_orders_max = ended_orders_max
        self._reports_max = reports_max
        self._trades_max = trades_max
        #: Every order known, by client order id; terminal ones leave oldest first beyond the bound.
        self.orders: dict[str, Order] = {}
        #: The newest violations; ``counters()`` has how many there were.
        self.violations: deque[Violation] = deque(maxlen=violations_max)
        self._open: dict[str, Order] = {}
        self._by_order_id: dict[tuple[int, str], Order] = {}
        #: (order id, trade id) of evicted orders. The first of a dict is found behind all that have left: 15 us.
        self._old_trades: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._used = UsedOrderIds()
        self._strategies: dict[str, _StrategyBook] = {}
        self._report_seq_first = 0
        self._ledger: dict[int, LedgerLine] = {}
        self._admitted = self._fills = self._duplicates = self._foreign = 0
        self._illegal = self._critical = self._violations = 0

    # -- records in -----------------------------------------------------------------------------------------

    def admit(self, order: Order) -> None:
        """Take an order that the gate has approved and the journal has: from here on it is in doubt until it ends.

        A replacement makes its original PENDING_REPLACE; when that is illegal (``Order.can_replace`` is to be looked at
        before) it is a violation, and the order is taken all the same because its bytes may leave. Raises
        InvariantError when the id was used before (``is_known``).
        """
        client_order_id = order.client_order_id
        if not self._used.add(client_order_id):
            raise InvariantError(f"client order id {client_order_id} was used before")
        self.orders[client_order_id] = self._open[client_order_id] = order
        self._admitted += 1
        if order.orig_client_order_id:
            self._on_replace_asked(order)

    def _on_replace_asked(self, order: Order) -> None:
        orig = self.orders[order.orig_client_order_id]
        was = orig.status
        asked = ReplaceOrder(
            order.client_order_id,
            orig.client_order_id,
            order.account_id,
            order.strategy_id,
            order.quantity_lots,
            order.price_ticks,
        )
        if transition(orig, asked):
            self._violate(Violation(Outcome.ILLEGAL, orig.client_order_id, was, asked))

    def apply(self, record: OrderRecord, now_ns: int) -> list[ExecutionReport]:
        """Apply one journalled record and return the reports it makes, in order.

        A NewOrder, NewOrderList or ReplaceOrder makes none: its orders are built and admitted (as in a replay of the
        journal; an order that is at hand is given to ``admit``).
        """
        kind = type(record)
        if kind is NewOrder or kind is ReplaceOrder:
            self.admit(self._build(record))  # type: ignore[arg-type]  # kind is its exact type
            return []
        if isinstance(record, NewOrderList):
            for each in record.orders:
                self.admit(Order.from_new(each))
            return []
        reports: list[ExecutionReport] = []
        order = self.orders.get(record.client_order_id)
        if order is None:
            self._on_unknown(record)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is OrderReplaced:
            self._on_replaced(order, record, now_ns, reports)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is ReplaceRejected:
            self._on_replace_rejected(order, record, now_ns, reports)  # type: ignore[arg-type]  # kind is its exact type
        else:
            legal = self._advance(order, record, now_ns, reports)  # type: ignore[arg-type]  # kind is its exact type
            if order.orig_client_order_id and legal and isinstance(record, _LEAVES_ORIGINAL):
                self._on_replacement_failed(order, record, now_ns, reports)
        return reports

    def is_repeated(self, order: Order, event: OrderEvent) -> bool:
        """Whether the event is an accept that says nothing new, which is then counted and need not be applied: venues
        tell of each order twice, in their answer and on their stream."""
        if type(event) is not OrderAccepted or order.order_id != event.order_id or not order.accepted:
            return False
        status = order.status
        if (status is not OrderStatus.NEW and status is not OrderStatus.PARTIALLY_FILLED) or order.ending is not None:
            return False
        self._duplicates += 1
        return True

    def _build(self, request: NewOrder | ReplaceOrder) -> Order:
        if isinstance(request, NewOrder):
            return Order.from_new(request)
        orig = self.orders.get(request.orig_client_order_id)
        if orig is None:
            raise InvariantError(f"{request.client_order_id} replaces {request.orig_client_order_id}, which is unknown")
        return Order.from_replace(request, orig)

    def _on_unknown(self, record: CancelOrder | OrderEvent) -> None:
        if isinstance(record, OrderFilled) and (record.order_id, record.trade_id) in self._old_trades:
            self._duplicates += 1
        else:
            self._foreign += 1

    def _on_replaced(self, orig: Order, event: OrderReplaced, now_ns: int, reports: list[ExecutionReport]) -> None:
        if not self._advance(orig, event, now_ns, reports):
            return
        order = self.orders.get(event.new_client_order_id)
        if order is not None and not order.accepted:
            # The venue's id of the new order is not in this event; its own OrderAccepted will bring it.
            self._advance(order, OrderAccepted(order.client_order_id, "", event.venue_time_ns), now_ns, reports)

    def _on_replace_rejected(
        self, order: Order, event: ReplaceRejected, now_ns: int, reports: list[ExecutionReport]
    ) -> None:
        """Told first is what became of the original, so that a strategy sees it when its new order ends."""
        orig = self.orders.get(event.orig_client_order_id)
        is_legal = not (order.accepted or order.cum_lots)
        if is_legal and orig is not None and order.client_order_id in orig.replacements:
            self._advance(orig, event, now_ns, reports)
        rejected = OrderRejected(order.client_order_id, event.reason, event.text, event.venue_time_ns)
        self._advance(order, rejected, now_ns, reports)

    def _on_replacement_failed(
        self, order: Order, event: OrderRejected | OrderOutcomeUnknown, now_ns: int, reports: list[ExecutionReport]
    ) -> None:
        """The replacement is in doubt or never came to be, and nothing was said about the original."""
        orig = self.orders.get(order.orig_client_order_id)
        if orig is None or not orig.replace_pending or orig.replaced_by != order.client_order_id:
            return
        told: OrderEvent
        if isinstance(event, OrderRejected) and event.reason // 100 in _SAID_BY_US:
            told = ReplaceRejected(
                order.client_order_id, orig.client_order_id, False, event.reason, event.text, event.venue_time_ns
            )
        else:
            told = OrderOutcomeUnknown(orig.client_order_id, event.text)  # it may have been cancelled for the new one
        self._advance(orig, told, now_ns, reports)

    # -- one order ------------------------------------------------------------------------------------------

    def _advance(self, order: Order, event: OrderInput, now_ns: int, reports: list[ExecutionReport]) -> bool:
        """Apply the event, book what it did, report it. False: it was illegal."""
        was, order_id = order.status, order.order_id
        outcomes = transition(order, event)
        if order.order_id != order_id:
            self._by_order_id[order.instrument_id, order.order_id] = order
        legal = True
        for outcome in outcomes:
            if outcome is _TRADED:
                self._on_fill(order, event, was, now_ns, reports)  # type: ignore[arg-type]  # only fills are traded
            elif outcome is _DUPLICATE:
                self._duplicates += 1
            elif outcome >= _ILLEGAL:
                legal = legal and outcome is not _ILLEGAL
                self._violate(Violation(outcome, order.client_order_id, was, event))
            else:
                reports.append(self._report_outcome(order, outcome, event, now_ns))
        if order.status is not was and order.status.is_terminal:
            self._close(order)
        return legal

    def _on_fill(
        self, order: Order, event: OrderFilled, was: OrderStatus, now_ns: int, reports: list[ExecutionReport]
    ) -> None:
        self._fills += 1
        last_lots, last_ticks = event.last_lots, event.last_ticks
        reserved = 0 if was.is_terminal else min(last_lots, order.quantity_lots - (order.cum_lots - last_lots))
        if reserved:
            self._exposure.filled(order, reserved, last_ticks, now_ns)
        if reserved < last_lots:
            self._exposure.filled_unreserved(order, last_lots - reserved, last_ticks, now_ns)
        book = self._strategy(order.strategy_id)
        position = book.positions.get(order.instrument_id)
        if position is None:
            position = book.positions[order.instrument_id] = NetPosition()
        position.add(order.side, last_lots, last_ticks)
        line = self._ledger.get(order.instrument_id)
        if line is None:
            line = self._ledger[order.instrument_id] = LedgerLine()
        line.add(order.side, event)
        status = order.status
        if status.is_terminal and not was.is_terminal and status is not OrderStatus.FILLED:
            # The last fill that was owed also ends the order: the end has a report of its own, after this one.
            status = OrderStatus.PARTIALLY_FILLED
        fill = Fill(event.trade_id, last_lots, last_ticks, event.fee_nanos, event.fee_asset, event.is_maker)
        reports.append(self._report(order, ExecType.TRADE, status, event.venue_time_ns, now_ns, fill=fill))

    def _close(self, order: Order) -> None:
        self._exposure.closed(order, max(0, order.quantity_lots - order.cum_lots))
        del self._open[order.client_order_id]
        ended = self._strategy(order.strategy_id).ended
        ended.append(order)
        if len(ended) > self._ended_orders_max:
            self._evict(ended.popleft())

    def _evict(self, order: Order) -> None:
        del self.orders[order.client_order_id]
        self._by_order_id.pop((order.instrument_id, order.order_id), None)
        for trade_id in sorted(order.trade_ids):
            self._old_trades[order.order_id, trade_id] = None
        while len(self._old_trades) > self._trades_max:
            self._old_trades.popitem(last=False)

    def _violate(self, violation: Violation) -> None:
        self.violations.append(violation)
        self._violations += 1
        self._illegal += violation.kind is Outcome.ILLEGAL
        self._critical += violation.is_critical

    # -- reports --------------------------------------------------------------------------------------------

    def _report_outcome(self, order: Order, outcome: Outcome, event: OrderInput, now_ns: int) -> ExecutionReport:
        if outcome is _ACCEPTED:
            time_ns = event.venue_time_ns  # type: ignore[union-attr]  # the venue's word, whatever it is
            return self._report(order, _NEW, order.status, time_ns, now_ns)
        if outcome is _ENDED and order.ending is not None:
            event = order.ending  # with the last owed fill: what ended it is what counts
        exec_type = _ENDED_AS[order.status] if outcome is _ENDED else _EXEC_TYPE[outcome]
        venue_time_ns = 0 if isinstance(event, _WITHOUT_VENUE_TIME) else event.venue_time_ns
        refusal = _why(order, exec_type, event)
        return self._report(order, exec_type, order.status, venue_time_ns, now_ns, None, refusal)

    def _report(
        self,
        order: Order,
        exec_type: ExecType,
        status: OrderStatus,
        venue_time_ns: int,
        now_ns: int,
        fill: Fill | None = None,
        refusal: Refusal | None = None,
    ) -> ExecutionReport:
        book = self._strategy(order.strategy_id)
        book.report_seq += 1
        report = ExecutionReport(
            book.report_seq,
            order.strategy_id,
            order.client_order_id,
            order.orig_client_order_id,
            order.order_id,
            order.instrument_id,
            order.side,
            exec_type,
            status,
            order.quantity_lots,
            order.price_ticks,
            order.cum_lots,
            0 if status.is_terminal else order.quantity_lots - order.cum_lots,
            fill,
            refusal,
            venue_time_ns,
            now_ns,
        )
        book.reports.append(report)
        return report

    def _strategy(self, strategy_id: str) -> _StrategyBook:
        book = self._strategies.get(strategy_id)
        if book is None:
            book = self._strategies[strategy_id] = _StrategyBook(strategy_id, self._reports_max, self._report_seq_first)
        return book

    def skip_report_numbers(self) -> None:
        """The newest records may have been lost, with the reports that they made: their numbers, which strategies may
        have been told, are never given again, and whoever comes with one gets a snapshot."""
        self._report_seq_first += _LOST_REPORTS_MAX
        for book in self._strategies.values():
            book.report_seq += _LOST_REPORTS_MAX
            book.reports.clear()

    def open_position(self, strategy_id: str, instrument_id: int, position_lots: int, price_ticks: int) -> None:
        """A position that was there before the first record, at a price: no fill, no report."""
        side, lots = (Side.BUY, position_lots) if position_lots > 0 else (Side.SELL, -position_lots)
        self._strategy(strategy_id).positions.setdefault(instrument_id, NetPosition()).add(side, lots, price_ticks)
        self._ledger.setdefault(instrument_id, LedgerLine()).open(side, lots, price_ticks)

    # -- questions ------------------------------------------------------------------------------------------

    def is_known(self, client_order_id: str) -> bool:
        """Whether this id was ever admitted, terminal and evicted orders included (``engine/order_ids.py``)."""
        return client_order_id in self._used

    def by_order_id(self, instrument_id: int, order_id: str) -> Order | None:
        """The order by the venue's id for it."""
        return self._by_order_id.get((instrument_id, order_id))

    def open_orders(self, strategy_id: str | None = None, instrument_id: int | None = None) -> list[Order]:
        """Orders that are not terminal, oldest first, of one strategy and instrument or of all."""
        return [
            order
            for order in self._open.values()
            if (strategy_id is None or order.strategy_id == strategy_id)
            and (instrument_id is None or order.instrument_id == instrument_id)
        ]

    def strategy_ids(self) -> tuple[str, ...]:
        """Every strategy that has ever traded here."""
        return tuple(self._strategies)

    def position_lots(self, strategy_id: str, instrument_id: int) -> int:
        """One strategy's net position."""
        book = self._strategies.get(strategy_id)
        position = None if book is None else book.positions.get(instrument_id)
        return 0 if position is None else position.position_lots

    def unknown_orders(self) -> list[Order]:
        """Orders whose outcome at the venue is not known, oldest first: to be asked about until it is."""
        return [order for order in self._open.values() if order.status is OrderStatus.UNKNOWN]

    def report_seq(self, strategy_id: str) -> int:
        """The number of the strategy's last report; before the first, 0 or what has been skipped."""
        book = self._strategies.get(strategy_id)
        return self._report_seq_first if book is None else book.report_seq

    def reports_since(self, strategy_id: str, report_seq: int) -> list[ExecutionReport] | None:
        """The strategy's reports after ``report_seq``. None: they are no longer all here, a snapshot is needed."""
        book = self._strategies.get(strategy_id)
        last_seq, reports = self.report_seq(strategy_id), book.reports if book is not None else ()
        missing = last_seq - report_seq
        if report_seq < 0 or missing < 0 or missing > len(reports):
            return None
        return [reports[at] for at in range(len(reports) - missing, len(reports))]

    def snapshot(self, strategy_id: str) -> PositionSnapshot:
        """The strategy's positions and open orders as of its last report; the open orders' reports have number 0."""
        book = self._strategies.get(strategy_id)
        if book is None:
            return PositionSnapshot(self._report_seq_first, (), _order_states(self.open_orders(strategy_id)))
        positions = tuple(
            Position(instrument_id, position.position_lots, position.cost_tick_lots)
            for instrument_id, position in sorted(book.positions.items())
        )
        return PositionSnapshot(book.report_seq, positions, _order_states(self.open_orders(strategy_id)))

    def costs(self, instrument_id: int) -> dict[str, int]:
        """By strategy, what it paid for its position less what it got, in tick_lots, where that is not 0."""
        return {
            strategy_id: position.cost_tick_lots
            for strategy_id, book in self._strategies.items()
            if (position := book.positions.get(instrument_id)) is not None and position.cost_tick_lots
        }

    def ledger_line(self, instrument_id: int) -> LedgerLine:
        """What was filled in one instrument over all strategies, fees by asset included; only to be read."""
        return self._ledger.get(instrument_id) or LedgerLine()

    @property
    def critical(self) -> int:
        """Violations so far after which more may be at risk than was reserved."""
        return self._critical

    def counters(self) -> dict[str, int]:
        """For status reports. ``critical``: violations after which more may be at risk than was reserved."""
        return {
            "orders_admitted": self._admitted,
            "fills": self._fills,
            "duplicates": self._duplicates,
            "foreign": self._foreign,
            "illegal": self._illegal,
            "violations": self._violations,
            "critical": self._critical,
        }


#: More than one life can have made between two syncs of its journal.
_LOST_REPORTS_MAX = 1_000_000

_TRADED, _DUPLICATE, _ILLEGAL = Outcome.TRADED, Outcome.DUPLICATE, Outcome.ILLEGAL
_ACCEPTED, _ENDED, _NEW = Outcome.ACCEPTED, Outcome.ENDED, ExecType.NEW

# Tuples, because isinstance() is several times slower on a union.
_LEAVES_ORIGINAL = (OrderRejected, OrderOutcomeUnknown)
_WITHOUT_VENUE_TIME = (CancelOrder, ReplaceOrder, OrderOutcomeUnknown)
_WITH_REASON = (OrderRejected, OrderExpired, ReplaceRejected)
#: The hundreds of the reasons for which a replacement never left us, so that its original is untouched.
_SAID_BY_US = (2, 4)

_EXEC_TYPE = {
    Outcome.RESOLVED: ExecType.ORDER_STATUS,
    Outcome.IN_DOUBT: ExecType.UNKNOWN,
    Outcome.CANCEL_REJECTED: ExecType.CANCEL_REJECTED,
    Outcome.REPLACE_REJECTED: ExecType.REPLACE_REJECTED,
}

_ENDED_AS = {
    OrderStatus.CANCELLED: ExecType.CANCELLED,
    OrderStatus.REPLACED: ExecType.REPLACED,
    OrderStatus.REJECTED: ExecType.REJECTED,
    OrderStatus.EXPIRED: ExecType.EXPIRED,
}

_NOT_ASKED_FOR = Refusal(Reason.VENUE_CANCELLED, text="cancelled without a request of this strategy")


def _why(order: Order, exec_type: ExecType, event: OrderInput) -> Refusal | None:
    """Why an order ended or a request was refused; None when it is as it was asked for."""
    if isinstance(event, _WITH_REASON):
        return Refusal(event.reason, text=event.text)
    if isinstance(event, CancelRejected):
        return Refusal(Reason.UNKNOWN_ORDER if event.order_unknown else Reason.VENUE_REJECTED, text=event.text)
    if isinstance(event, OrderOutcomeUnknown):
        return Refusal(Reason.OUTCOME_UNKNOWN, text=event.text)
    if exec_type is ExecType.CANCELLED and not order.cancel_pending:
        return _NOT_ASKED_FOR
    if exec_type is ExecType.EXPIRED:
        return Refusal(Reason.VENUE_EXPIRED)
    if exec_type is ExecType.REJECTED:
        return Refusal(Reason.VENUE_REJECTED)
    return None


def _order_states(orders: Iterable[Order]) -> tuple[ExecutionReport, ...]:
    return tuple(
        ExecutionReport(
            0,
            order.strategy_id,
            order.client_order_id,
            order.orig_client_order_id,
            order.order_id,
            order.instrument_id,
            order.side,
            ExecType.ORDER_STATUS,
            order.status,
            order.quantity_lots,
            order.price_ticks,
            order.cum_lots,
            order.leaves_lots,
        )
        for order in orders
    )
