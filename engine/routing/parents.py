"""Parent orders and their children, as a deterministic function of what a router has journalled.

    NewOrder, ReplaceOrder, CancelOrder  (of the strategy) ┐
    ChildPlaced, LotsGivenUp             (decided)         ├─▶ apply() ─▶ ExecutionReports of the parents
    ChildTold                            (by the venues)   ┘

A parent is an order like any other, in a ``Blotter`` of its own; what the venues say of its children is told to that as
if one venue had said it of the parent. So parents have one terminal report, numbered reports and positions by the same
code as every order.

What a parent has open is always somewhere, once: filled, in a child that may still fill, given up, or not placed yet
(``unplaced_lots``). A child in doubt keeps its part until its venue actor knows what became of it. A parent ends when
no child of it may fill any more, and nothing is left to be placed.

A replace takes effect when the last child of the original has ended: until then nothing of the new order is placed, so
the two can never fill together. When the original has filled by then, the new one is rejected.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from engine.blotter import Blotter
from engine.codes import ExecType, OrderStatus, OrderType, Reason, TimeInForce
from engine.instrument import Instrument
from engine.messages import CancelOrder, ExecutionReport, NewOrder, Refusal, ReplaceOrder
from engine.order import Order
from engine.order_event import (
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
)
from engine.routing.grid import MemberUnits
from engine.routing.records import ChildPlaced, ChildTold, LotsGivenUp, OrderStep

__all__ = ["Child", "Parent", "Parents"]

#: Children that have ended are remembered for fills that come late, newest of all parents.
_ENDED_MAX = 20_000
_GIVEN_UP: Final = (Reason.NONE, "")


class Child:
    """One order at one venue, in that venue's ticks and lots."""

    __slots__ = ("cum_lots", "is_written_off", "order", "parent_id", "refusal", "status", "units", "venue_actor")

    def __init__(self, parent_id: str, venue_actor: str, order: NewOrder, units: MemberUnits) -> None:
        self.parent_id, self.venue_actor, self.order, self.units = parent_id, venue_actor, order, units
        self.status = OrderStatus.PENDING_NEW
        self.cum_lots = 0
        #: Whether what it came back with is given up.
        self.is_written_off = False
        #: Why it was refused, or ended; None: not told.
        self.refusal: Refusal | None = None

    @property
    def is_open(self) -> bool:
        return not self.status.is_terminal

    @property
    def leaves_lots(self) -> int:
        """What of it may still fill, in lots of the routed instrument."""
        return max(0, self.order.quantity_lots - self.cum_lots) * self.units.lot_size if self.is_open else 0

    @property
    def returned_lots(self) -> int:
        """What it has come back with, in lots of the routed instrument."""
        return 0 if self.is_open else max(0, self.order.quantity_lots - self.cum_lots) * self.units.lot_size


class Parent:
    """``replaced_by``: the order that waits for this one to end; ``waits_for``: the order whose end this one waits for.
    ``is_adopted``: it is its own only child, and nothing more of it is placed."""

    __slots__ = ("children", "given_up_lots", "is_adopted", "is_cancelled", "order", "replaced_by", "waits_for", "why")

    def __init__(self, order: Order, waits_for: str = "", *, is_adopted: bool = False) -> None:
        self.order = order
        self.is_adopted = is_adopted
        self.children: list[Child] = []
        self.given_up_lots = 0
        self.why = _GIVEN_UP
        self.is_cancelled = False
        self.replaced_by = ""
        self.waits_for = waits_for

    @property
    def open_children(self) -> list[Child]:
        return [child for child in self.children if child.is_open]

    @property
    def unplaced_lots(self) -> int:
        """What is neither filled nor at a venue nor given up."""
        if self.is_ending or self.waits_for or self.is_adopted:
            return 0
        placed = sum(child.leaves_lots for child in self.children)
        return max(0, self.order.leaves_lots - placed - self.given_up_lots)

    @property
    def is_ending(self) -> bool:
        """Whether its children are to be cancelled."""
        return bool(self.is_cancelled or self.replaced_by or self.order.status.is_terminal)


class Parents:
    """All parents of one router that have not ended, and the blotter in which they are orders."""

    def __init__(self) -> None:
        self.blotter = Blotter(_NoExposure())
        self.open: dict[str, Parent] = {}
        self.children: dict[str, Child] = {}
        self._ended: deque[str] = deque()
        self._units: dict[tuple[str, int], tuple[int, MemberUnits]] = {}

    def define(self, venue_actor: str, instrument: Instrument, routed_id: int, units: MemberUnits) -> None:
        """How an instrument at a venue counts in the routed one."""
        self._units[venue_actor, instrument.instrument_id] = (routed_id, units)

    def is_known(self, client_order_id: str) -> bool:
        """Whether the id was used, for a parent or a child."""
        return client_order_id in self.children or self.blotter.is_known(client_order_id)

    # -- records --------------------------------------------------------------------------------------------

    def apply(self, record: OrderStep, now_ns: int) -> list[ExecutionReport]:
        """Apply one journalled record and return the reports it makes, in order."""
        if isinstance(record, NewOrder):
            self.blotter.apply(record, now_ns)
            self.open[record.client_order_id] = Parent(self.blotter.orders[record.client_order_id])
            return []
        if isinstance(record, ReplaceOrder):
            return list(self._on_replace(record, now_ns))
        if isinstance(record, CancelOrder):
            return list(self._on_cancel(record, now_ns))
        if isinstance(record, ChildPlaced):
            self._on_placed(record)
            return []
        if isinstance(record, ChildTold):
            return list(self._on_told(record, now_ns))
        return list(self._on_given_up(record, now_ns))

    def _on_replace(self, record: ReplaceOrder, now_ns: int) -> Iterator[ExecutionReport]:
        orig = self.open[record.orig_client_order_id]
        yield from self.blotter.apply(record, now_ns)
        order = self.blotter.orders[record.client_order_id]
        self.open[record.client_order_id] = Parent(order, record.orig_client_order_id)
        orig.replaced_by = record.client_order_id
        yield from self._settle(orig, now_ns)

    def _on_cancel(self, record: CancelOrder, now_ns: int) -> Iterator[ExecutionReport]:
        parent = self.open[record.client_order_id]
        parent.is_cancelled = True
        yield from self.blotter.apply(record, now_ns)
        yield from self._settle(parent, now_ns)

    def _on_placed(self, record: ChildPlaced) -> None:
        parent = self.open[record.parent_id]
        _, units = self._units[record.venue_actor, record.order.instrument_id]
        child = Child(record.parent_id, record.venue_actor, record.order, units)
        parent.children.append(child)
        self.children[record.order.client_order_id] = child

    def _on_given_up(self, record: LotsGivenUp, now_ns: int) -> Iterator[ExecutionReport]:
        parent = self.open[record.parent_id]
        parent.given_up_lots += record.lots
        parent.why = (record.reason, record.text)
        if record.child_id:
            self.children[record.child_id].is_written_off = True
        yield from self._settle(parent, now_ns)

    # -- what a venue says of a child -----------------------------------------------------------------------

    def _on_told(self, record: ChildTold, now_ns: int) -> Iterator[ExecutionReport]:
        report = record.report
        child = self.children.get(report.client_order_id)
        if child is None:
            child = self._adopt(record, now_ns)
            if child is None:
                return
        if report.exec_type is ExecType.CANCEL_REJECTED:
            return
        if report.order_status is not OrderStatus.PENDING_NEW:
            yield from self._accept(child, report, now_ns)
        yield from self._fill(child, record, now_ns)
        was_open = child.is_open
        if was_open:
            child.status = report.order_status
            child.refusal = report.refusal or child.refusal
        parent = self.open.get(child.parent_id)
        if was_open and not child.is_open:
            self._forget_later(report.client_order_id)
        if parent is not None:
            yield from self._settle(parent, now_ns)

    def _adopt(self, record: ChildTold, now_ns: int) -> Child | None:
        """An order of the strategy's that this router has not placed: a closing order of a kill, or one that a power
        cut took out of its journal. It becomes a parent with itself as its only child."""
        report = record.report
        known = self._units.get((record.venue_actor, report.instrument_id))
        is_over = report.order_status.is_terminal and report.fill is None
        if known is None or is_over or self.blotter.is_known(report.client_order_id):
            return None
        routed_id, units = known
        own = NewOrder(
            report.client_order_id,
            "",
            report.strategy_id,
            report.instrument_id,
            report.side,
            OrderType.LIMIT if report.price_ticks else OrderType.MARKET,
            TimeInForce.GTC,
            report.quantity_lots,
            report.price_ticks,
        )
        routed = NewOrder(
            own.client_order_id,
            "",
            own.strategy_id,
            routed_id,
            own.side,
            own.order_type,
            own.time_in_force,
            own.quantity_lots * units.lot_size,
            own.price_ticks * units.tick_size,
        )
        self.apply(routed, now_ns)
        self.open[own.client_order_id].is_adopted = True
        self.apply(ChildPlaced(own.client_order_id, record.venue_actor, own), now_ns)
        return self.children[own.client_order_id]

    def _accept(self, child: Child, report: ExecutionReport, now_ns: int) -> Iterator[ExecutionReport]:
        parent = self.open.get(child.parent_id)
        is_there = report.order_status is not OrderStatus.REJECTED and report.order_status is not OrderStatus.UNKNOWN
        if parent is not None and is_there and not parent.order.accepted:
            yield from self._tell(OrderAccepted(child.parent_id, child.parent_id, report.venue_time_ns), now_ns)

    def _fill(self, child: Child, record: ChildTold, now_ns: int) -> Iterator[ExecutionReport]:
        """The fill of a report; without one, what a venue actor restates as filled that it has not reported."""
        report, fill, units = record.report, record.report.fill, child.units
        if fill is not None:
            lots, ticks, trade_id = fill.last_lots, fill.last_ticks, f"{record.venue_actor}:{fill.trade_id}"
            fee_nanos, fee_asset, is_maker = fill.fee_nanos, fill.fee_asset, fill.is_maker
        elif report.cum_lots > child.cum_lots:
            lots, ticks = report.cum_lots - child.cum_lots, child.order.price_ticks
            trade_id = f"{record.venue_actor}:restated-{report.client_order_id}-{report.cum_lots}"
            fee_nanos, fee_asset, is_maker = 0, "", False
        else:
            return
        child.cum_lots += lots
        told = OrderFilled(
            child.parent_id,
            child.parent_id,
            trade_id,
            lots * units.lot_size,
            ticks * units.tick_size,
            fee_nanos,
            fee_asset,
            is_maker,
            report.venue_time_ns,
        )
        yield from self._tell(told, now_ns)

    # -- the end --------------------------------------------------------------------------------------------

    def _settle(self, parent: Parent, now_ns: int) -> Iterator[ExecutionReport]:
        """End the parent if nothing of it can happen any more, and let who waits for that go on."""
        if parent.waits_for or parent.open_children:
            return
        order, name = parent.order, parent.order.client_order_id
        if not order.status.is_terminal:
            event = self._end_of(parent)
            if event is None:
                return
            yield from self._tell(event, now_ns)
        if not order.status.is_terminal:  # pragma: no cover - the transition table has an end for every state
            return
        self.open.pop(name, None)
        heir = self.open.get(parent.replaced_by)
        if heir is None:
            return
        heir.waits_for = ""
        if order.status is not OrderStatus.REPLACED:
            text = f"{name} was {order.status.name.lower()} before it could be replaced"
            yield from self._tell(OrderRejected(heir.order.client_order_id, Reason.ORDER_NOT_OPEN, text, 0), now_ns)
        yield from self._settle(heir, now_ns)

    def _end_of(self, parent: Parent) -> OrderEvent | None:
        """How a parent without open children ends now; None: it does not."""
        order, name = parent.order, parent.order.client_order_id
        if parent.is_cancelled:
            return OrderCancelled(name, name, order.cum_lots, 0)
        if parent.replaced_by:
            return OrderReplaced(name, parent.replaced_by, order.cum_lots, 0)
        reason, text = parent.why
        if parent.is_adopted:
            refusal = parent.children[0].refusal
            reason, text = (refusal.reason, refusal.text) if refusal else (Reason.VENUE_EXPIRED, "")
        elif parent.given_up_lots < order.leaves_lots:
            return None
        if not order.accepted and not order.cum_lots:
            return OrderRejected(name, reason, text, 0)
        return OrderExpired(name, name, order.cum_lots, reason, text, 0)

    def _tell(self, event: OrderEvent, now_ns: int) -> list[ExecutionReport]:
        return self.blotter.apply(event, now_ns)

    def _forget_later(self, child_id: str) -> None:
        self._ended.append(child_id)
        if len(self._ended) > _ENDED_MAX:
            del self.children[self._ended.popleft()]


class _NoExposure:
    """The gates of the venue actors reserve for the children; a parent reserves nothing."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def closed(self, order: Order, released_lots: int) -> None: ...
