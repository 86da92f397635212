"""A lower quantity at the same price: an amend keeps the order's place in the queue, and its id at the venue.

For the engine a replacement is an order of its own; at the venue it is the same one under another name, whose executed
quantity goes on counting. So an engine order id of an amended order says where it begins:

    123           the venue's order 123, under its first name
    123/2/40      its second amend, made after 40 lots of it had executed under earlier names

Reports carry the name, so that each is told about the order whose it is, with the lots before taken off. Less may be
left than was asked for, by what executed while the amend was on its way; the new order then expires with that much
unfilled when the venue says that it is full.

    sent ─▶ pending ──┬─ report "replaced" or a good answer ─▶ OrderReplaced, OrderAccepted; the other is passed over
                      ├─ refused ─▶ ReplaceRejected: the original works as before
                      └─ no answer ─▶ in doubt; whoever asks about either order learns it from the venue's quantities
"""

from typing import NamedTuple

import msgspec

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict, reject_reason
from adapters.binance.messages import AmendResult, ExecutionReport, ExecutionType, OrderInfo, OrdersMessage, OrderState
from adapters.binance.order_entry import ReplaceFrame
from adapters.binance.parse import order_seen, venue_ns
from adapters.grid import InstrumentGrid
from engine.codes import OrderStatus, Reason
from engine.order import Order
from engine.order_support import OrderSupport
from engine.venue import (
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)

__all__ = ["AmendFrame", "AmendLink", "Amends", "can_amend", "link_of"]

_decode_amended = msgspec.json.Decoder(AmendResult).decode
_LESS_WAS_LEFT = "part of it had executed before the amend was made"


class AmendFrame(ReplaceFrame):
    """An encoded amend, not yet sent. ``link`` is the original's."""

    link: "AmendLink"
    quantity_lots: int


class AmendLink(NamedTuple):
    """One name of a venue order: the how manieth, and what had executed before it."""

    venue_id: str
    number: int = 0
    base_lots: int = 0

    @property
    def order_id(self) -> str:
        return f"{self.venue_id}/{self.number}/{self.base_lots}" if self.number else self.venue_id

    def amended(self, base_lots: int) -> "AmendLink":
        return AmendLink(self.venue_id, self.number + 1, base_lots)


def link_of(order_id: str) -> AmendLink:
    """Of an engine order id."""
    venue_id, _, rest = order_id.partition("/")
    number, _, base = rest.partition("/")
    return AmendLink(venue_id, int(number), int(base)) if number.isdigit() and base.isdigit() else AmendLink(venue_id)


def can_amend(orig: Order, order: Order, support: OrderSupport) -> bool:
    """Whether a replacement is only a lower quantity: then the order may stay where it is."""
    link = link_of(orig.order_id)
    return (
        link.number < support.amends_most
        and link.venue_id.isdigit()
        and order.price_ticks == orig.price_ticks
        and order.instructions is orig.instructions
        and 0 < orig.cum_lots + order.quantity_lots < orig.quantity_lots
    )


class _Name(NamedTuple):
    """What is known by a client order id: its link, and the engine's quantity (-1: not known yet)."""

    link: AmendLink
    quantity_lots: int


class Amends:
    def __init__(self, core: SessionCore, recalled: dict[str, tuple[AmendLink, int]]) -> None:
        self._core = core
        self._pending: dict[str, AmendFrame] = {}
        self._names = {name: _Name(*known) for name, known in recalled.items()}

    # -- requests and answers --------------------------------------------------------------------------------

    def sent(self, frame: AmendFrame) -> None:
        self._pending[frame.client_order_id] = frame

    def on_answer(self, name: str, answer: OrdersMessage, now_ns: int) -> None:
        frame = self._pending.get(name)
        if frame is None:
            return  # the report has told already
        core = self._core
        if answer.status == 200:
            result = _decode_amended(answer.result)
            base_lots = core.grid(frame.instrument_id).lots.parse(result.amendedOrder.executedQty)
            self._tell(frame, base_lots, venue_ns(result.transactTime, core.options.unit_ns), now_ns)
            return
        verdict = core.judge(answer.status, answer.error, 0, now_ns)
        text = f"{answer.error.code} {answer.error.msg}" if answer.error is not None else f"status {answer.status}"
        orig = frame.orig_client_order_id
        if verdict is Verdict.UNKNOWN:  # a report may still tell
            core.emit(OrderOutcomeUnknown(orig, text), now_ns)
            core.emit(OrderOutcomeUnknown(name, text), now_ns)
            return
        del self._pending[name]
        reason = Reason.ORDER_NOT_OPEN if verdict is Verdict.NOT_OPEN else reject_reason(verdict, text)
        core.emit(ReplaceRejected(name, orig, False, reason, text, core.clock.venue_ns(now_ns)), now_ns)

    def lost(self) -> None:
        """The link is down. What is on its way is in doubt; names that are known stay known."""
        self._pending.clear()

    def _tell(self, frame: AmendFrame, base_lots: int, time_ns: int, now_ns: int) -> None:
        name, link = frame.client_order_id, frame.link.amended(base_lots)
        self._pending.pop(name, None)
        self._names.pop(frame.orig_client_order_id, None)
        self._names[name] = _Name(link, frame.quantity_lots)
        cum_lots = base_lots - frame.link.base_lots
        self._core.emit(OrderReplaced(frame.orig_client_order_id, name, cum_lots, time_ns), now_ns)
        self._core.emit(OrderAccepted(name, link.order_id, time_ns), now_ns)

    # -- reports ---------------------------------------------------------------------------------------------

    def has_any(self) -> bool:
        return bool(self._pending or self._names)

    def translated(
        self, report: ExecutionReport, events: tuple[OrderEvent, ...], grid: InstrumentGrid, now_ns: int
    ) -> tuple[OrderEvent, ...]:
        """A report's events as the engine's orders see them; what an amend is told by is told here."""
        cum_lots = grid.lots.parse(report.z)
        if report.x in (ExecutionType.REPLACED, ExecutionType.EXPIRED):
            frame = self._pending.get(report.c)
            if frame is not None:
                self._tell(frame, cum_lots, venue_ns(report.T, self._core.options.unit_ns), now_ns)
            if report.x is ExecutionType.REPLACED and report.c in self._names:
                return ()
        name = report.C if report.x is ExecutionType.CANCELED and report.C else report.c
        known = self._names.get(name)
        if known is None:
            return events
        told = [each for event in events if (each := _after(event, known.link, name)) is not None]
        own_lots = cum_lots - known.link.base_lots
        is_full = report.X is OrderState.FILLED and not any(isinstance(each, OrderExpired) for each in told)
        if is_full and own_lots < known.quantity_lots:
            time_ns = venue_ns(report.T, self._core.options.unit_ns)
            order_id = known.link.order_id
            told.append(OrderExpired(name, order_id, own_lots, Reason.VENUE_EXPIRED, _LESS_WAS_LEFT, time_ns))
        if report.X not in (OrderState.NEW, OrderState.PARTIALLY_FILLED):
            del self._names[name]
        return tuple(told)

    # -- queries ---------------------------------------------------------------------------------------------

    def seen(self, order: Order, info: OrderInfo, grid: InstrumentGrid, now_ns: int) -> OrderSeen:
        """The answer to a question about an order; what it tells of an amend is told first."""
        unit_ns = self._core.options.unit_ns
        plain = order_seen(info, order.client_order_id, grid, unit_ns)
        if not order.order_id:
            link = self._link_in_doubt(order, info, plain, now_ns)
            return plain if link is None else _own(plain, order, link, info, grid)
        link = link_of(order.order_id)
        successor = order.replaced_by if order.replace_pending else ""
        total_lots = link.base_lots + order.quantity_lots
        if successor and (info.clientOrderId == successor or plain.quantity_lots < total_lots):
            self._amended(order.client_order_id, successor, link, plain, -1, now_ns)
            cum_lots = plain.cum_lots - link.base_lots
            return OrderSeen(
                order.client_order_id,
                order.order_id,
                OrderStatus.REPLACED,
                order.quantity_lots,
                cum_lots,
                plain.venue_time_ns,
            )
        if not link.number:
            return plain
        self._names.setdefault(order.client_order_id, _Name(link, order.quantity_lots))
        return _own(plain, order, link, info, grid)

    def _link_in_doubt(self, order: Order, info: OrderInfo, plain: OrderSeen, now_ns: int) -> AmendLink | None:
        """Of an order that we know no id of: an amend that was made after all, if it has the original's."""
        known = self._names.get(order.client_order_id)
        if known is not None:
            self._names[order.client_order_id] = known._replace(quantity_lots=order.quantity_lots)
            return known.link
        prior = link_of(order.orig_order_id)
        if prior.venue_id != str(info.orderId):
            return None
        return self._amended(
            order.orig_client_order_id, order.client_order_id, prior, plain, order.quantity_lots, now_ns
        )

    def _amended(self, orig: str, name: str, prior: AmendLink, plain: OrderSeen, lots: int, now_ns: int) -> AmendLink:
        """All that has executed so far counts for the original: its fills are owed where they have not been seen."""
        known, frame = self._names.get(name), self._pending.pop(name, None)
        if known is not None:
            return known.link
        link = prior.amended(plain.cum_lots)
        self._names.pop(orig, None)
        self._names[name] = _Name(link, frame.quantity_lots if frame is not None else lots)
        cum_lots = plain.cum_lots - prior.base_lots
        self._core.emit(OrderReplaced(orig, name, cum_lots, plain.venue_time_ns), now_ns)
        self._core.emit(OrderAccepted(name, link.order_id, plain.venue_time_ns), now_ns)
        return link


def _after(event: OrderEvent, link: AmendLink, name: str) -> OrderEvent | None:
    """An event of a venue order, for the engine's order that begins at ``link``."""
    if isinstance(event, OrderFilled):
        return msgspec.structs.replace(event, order_id=link.order_id)
    if isinstance(event, OrderCancelled | OrderExpired):
        cum_lots = event.cum_lots - link.base_lots
        return msgspec.structs.replace(event, client_order_id=name, order_id=link.order_id, cum_lots=cum_lots)
    return None


def _own(plain: OrderSeen, order: Order, link: AmendLink, info: OrderInfo, grid: InstrumentGrid) -> OrderSeen:
    """What the venue says of an order, with what is the engine's own of it."""
    cum_lots, status = plain.cum_lots - link.base_lots, plain.status
    if info.status is OrderState.FILLED and cum_lots < order.quantity_lots:
        status = OrderStatus.EXPIRED
    if status is OrderStatus.PARTIALLY_FILLED and not cum_lots:
        status = OrderStatus.NEW
    return msgspec.structs.replace(
        plain, order_id=link.order_id, status=status, quantity_lots=order.quantity_lots, cum_lots=cum_lots
    )
