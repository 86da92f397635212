"""Requests of order entry, built and not yet sent: bytes that know what they are."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from adapters.kraken.client_ids import venue_id
from adapters.kraken.core import SessionCore
from adapters.kraken.orders import OrderEncoder
from adapters.kraken.working import Amend, Working, WorkingOrders, split_id
from engine.order import Order

__all__ = [
    "AmendFrame",
    "BatchFrame",
    "CancelFrame",
    "DeadManFrame",
    "NewFrame",
    "OrderRequests",
    "RequestFrame",
    "age_ns",
]


class RequestFrame(bytes):
    """An encoded request of order entry, not yet sent. ``req_id`` is in it."""

    req_id: int
    instrument_id: int
    client_order_id: str
    working: Working | None


class NewFrame(RequestFrame):
    order: Order


class CancelFrame(RequestFrame):
    pass


class AmendFrame(RequestFrame):
    """``refusal``: why it cannot be sent; "" if it can."""

    amend: Amend
    refusal: str = ""


class BatchFrame(RequestFrame):
    """Part of cancelling everything of one instrument. ``group``: the requests of it that are not yet answered."""

    group: list[int]


class DeadManFrame(RequestFrame):
    pass


_Frame = TypeVar("_Frame", bound=RequestFrame)


class OrderRequests:
    """``frame(payload)`` makes the bytes of a message."""

    def __init__(self, core: SessionCore, working: WorkingOrders, frame: Callable[[bytes], bytes]) -> None:
        self._core, self._working, self._frame = core, working, frame
        self._encoder = OrderEncoder()

    def encode_new(self, order: Order, now_ns: int) -> NewFrame:
        core = self._core
        grid, req_id = core.grid(order.instrument_id), core.next_request_id()
        payload = self._encoder.new(
            order, venue_id(order.client_order_id), grid, self._deadline_ns(now_ns), core.token, req_id
        )
        frame = NewFrame(self._frame(payload))
        frame.order = order
        return _named(frame, req_id, order, None)

    def encode_cancel(self, order: Order, now_ns: int) -> CancelFrame:
        core = self._core
        core.grid(order.instrument_id)
        req_id, working = core.next_request_id(), self._working_of(order)
        order_id, name = self._reference(order, working)
        reference = f'"order_id":["{order_id}"]' if order_id else f'"cl_ord_id":["{name}"]'
        payload = self._encoder.cancel(reference, core.token, req_id)
        return _named(CancelFrame(self._frame(payload)), req_id, order, working)

    def encode_replace(self, orig: Order, order: Order, now_ns: int) -> AmendFrame:
        """To what was filled and what shall be open, together. What is filled until the amend is done comes off that:
        never more is open than asked for."""
        core = self._core
        grid, req_id, working = core.grid(order.instrument_id), core.next_request_id(), self._working_of(orig)
        filled_lots = working.cum_lots if working is not None else orig.cum_lots
        total_lots = filled_lots + order.quantity_lots
        order_id, name = self._reference(orig, working)
        reference = f'"order_id":"{order_id}"' if order_id else f'"cl_ord_id":"{name}"'
        deadline_ns = self._deadline_ns(now_ns)
        payload = self._encoder.amend(reference, order, total_lots, grid, deadline_ns, core.token, req_id)
        frame = AmendFrame(self._frame(payload))
        frame.amend = Amend(
            order.client_order_id,
            orig.client_order_id,
            order.quantity_lots,
            total_lots,
            now_ns + core.options.request_validity_ns,
        )
        if working is None and split_id(orig.order_id)[1]:
            frame.refusal = "not known yet how much of the order was filled when it last was replaced; nothing was sent"
        elif working is not None and (working.in_doubt or working.amend is not None):
            frame.refusal = "another replace of it is in doubt; nothing was sent"
        return _named(frame, req_id, order, working)

    def _deadline_ns(self, now_ns: int) -> int:
        return self._core.clock.venue_ns(now_ns) + self._core.options.order_deadline_ms * 1_000_000

    def _working_of(self, order: Order) -> Working | None:
        by_id = self._working.find(split_id(order.order_id)[0], "") if order.order_id else None
        return by_id or self._working.of_ours(order.client_order_id)

    def _reference(self, order: Order, working: Working | None) -> tuple[str, str]:
        """(the venue's id, its name): one that took another's place has that one's name."""
        if order.order_id:
            return split_id(order.order_id)[0], ""
        if working is not None:
            return working.order_id, working.name
        return "", venue_id(order.orig_client_order_id or order.client_order_id)

    def cancel_batch(self, instrument_id: int, part: Sequence[Working], group: list[int]) -> BatchFrame:
        core, req_id = self._core, self._core.next_request_id()
        order_ids = [each.order_id for each in part if each.order_id]
        names = [each.name for each in part if not each.order_id]
        frame = BatchFrame(self._frame(self._encoder.batch_cancel(order_ids, names, core.token, req_id)))
        frame.req_id, frame.instrument_id, frame.client_order_id, frame.working = req_id, instrument_id, "", None
        frame.group = group
        return frame

    def dead_man(self, timeout_s: int) -> DeadManFrame:
        """0 disarms."""
        req_id = self._core.next_request_id()
        frame = DeadManFrame(self._frame(self._encoder.dead_man(timeout_s, self._core.token, req_id)))
        frame.req_id, frame.instrument_id, frame.client_order_id, frame.working = req_id, -1, "", None
        return frame


def _named(frame: _Frame, req_id: int, order: Order, working: Working | None) -> _Frame:
    frame.req_id, frame.instrument_id = req_id, order.instrument_id
    frame.client_order_id, frame.working = order.client_order_id, working
    return frame


def age_ns(working: Working | None, now_ns: int) -> int:
    """Since an order was made or last amended; one that is not known is taken for old."""
    return now_ns - working.changed_ns if working is not None else 1 << 62
