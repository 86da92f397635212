"""Orders that belong together leave together: a list goes the way of an order (``venue_orders.py``), as one request.

Every order of it is one of its strategy's, with reports and an end of its own. What is refused is refused for all.
"""

import msgspec

from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry, valued
from engine.codes import Reason
from engine.journal import JournalFull
from engine.messages import NewOrder, NewOrderList, Refusal
from engine.order import Approved, Order
from engine.venue import OrderRejected
from risk.window import SendWindow

__all__ = ["ListEntry"]


class ListEntry:
    def __init__(self, core: VenueCore, orders: OrderEntry, window: SendWindow) -> None:
        self._core, self._orders, self._window = core, orders, window

    def on_new_list(self, sender: str, message: NewOrderList, now_ns: int) -> None:
        orders = tuple(Order.from_new(each) for each in message.orders)
        refusal = self._may_submit(sender, message, orders, now_ns) or self._submit(orders, message, now_ns)
        if refusal is not None:
            for order in orders:
                self._orders.refuse(sender, order, refusal, now_ns)

    def _may_submit(self, sender: str, message: NewOrderList, orders: tuple[Order, ...], now_ns: int) -> Refusal | None:
        for order in orders:
            fault = self._orders.may_submit(sender, order, now_ns)
            if fault is not None:
                return fault
            wants = order.instructions
            if wants is None or (wants.list_id, wants.contingency) != (message.list_id, message.contingency):
                text = "every order of a list names it, and what the list is, in its instructions"
                return Refusal(Reason.BAD_ORDER_LIST, "instructions", order.client_order_id, message.list_id, text)
        if not orders:
            return Refusal(Reason.BAD_ORDER_LIST, "orders", "0", "2 or 3", "a list without orders")
        support = self._core.session.support(orders[0].instrument_id)
        return support.list_refusal(message.contingency, orders)

    def _submit(self, orders: tuple[Order, ...], message: NewOrderList, now_ns: int) -> Refusal | None:
        """Gate, journal, sign, look again, write; a refusal means that nothing has happened."""
        core, gate, session = self._core, self._core.gate, self._core.session
        checked_ns = core.ctx.clock_ns()
        approved = gate.check_list(orders, message.contingency, checked_ns)
        if isinstance(approved, Refusal):
            self._orders.on_gate_refusal(checked_ns)
            return approved
        try:
            core.journal.request(_valued(message, orders), now_ns)
        except JournalFull as error:
            gate.lists.abandon(orders)
            return Refusal(Reason.JOURNAL_FULL, text=str(error))
        for order in approved:
            core.blotter.admit(order)
        frame = session.encode_list(message.list_id, message.contingency, approved, now_ns)
        self._window.enter()
        signed_ns = core.ctx.clock_ns()
        reason = self._may_not_send(approved, signed_ns)
        if reason is not Reason.NONE:
            self._window.refused()
            text = "halted or out of lease between the check and the write: never sent"
            for order in approved:
                core.settle(OrderRejected(order.client_order_id, reason, text, 0), signed_ns)
            return None
        session.transmit(frame, signed_ns)
        if session.has_drained():
            self._window.sent()
        else:
            self._window.held()
        for order in approved:
            order.sent_ns = signed_ns
            core.sent(order.client_order_id, signed_ns)
        return None

    def _may_not_send(self, orders: tuple[Approved, ...], now_ns: int) -> Reason:
        for order in orders:
            reason = self._core.gate.may_send(order, now_ns)
            if reason is not Reason.NONE:
                return reason
        return Reason.NONE


def _valued(message: NewOrderList, orders: tuple[Order, ...]) -> NewOrderList:
    """As it is journalled: every order with what it was valued at."""
    told: list[NewOrder] = []
    for each, order in zip(message.orders, orders, strict=True):
        request = valued(each, order)
        assert isinstance(request, NewOrder), "what is valued is what was asked for"
        told.append(request)
    return msgspec.structs.replace(message, orders=tuple(told))
