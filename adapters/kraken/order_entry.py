"""Requests of order entry, and their answers → order events.

A success tells little here: fills and ends are told by the executions channel only. An answer and the reports about the
same order are not ordered with each other. A failure tells, by ``errors.judge``, whether the request was definitely not
done or is in doubt; so is one that is not answered in time.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from adapters.kraken.client_ids import venue_id
from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict, reject_reason
from adapters.kraken.executions import Executions
from adapters.kraken.messages import Message, Placed
from adapters.kraken.numbers import instant_ns
from adapters.kraken.orders import BATCH_MAX, OrderEncoder
from adapters.kraken.rate_limit import NEW_MILLI, amend_cost_milli, cancel_cost_milli
from adapters.kraken.working import Amend, Working, WorkingOrders, split_id
from engine.codes import Reason
from engine.order import Order
from engine.venue import (
    CancelAllAnswered,
    CancelRejected,
    OrderOutcomeUnknown,
    OrderRejected,
    ReplaceRejected,
    VenueEvent,
)

__all__ = ["REQUESTS_TIMER", "AmendFrame", "CancelFrame", "NewFrame", "OrderEntry", "RequestFrame"]

REQUESTS_TIMER = "session:orders:requests"
_decode_placed = msgspec.json.Decoder(Placed).decode
#: How long an amend's report may come after its answer.
_REPORT_NS = 2_000_000_000


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


class _BatchFrame(RequestFrame):
    """Part of cancelling everything of one instrument. ``group``: the requests of it that are not yet answered."""

    group: list[int]


class _DeadManFrame(RequestFrame):
    pass


_Frame = TypeVar("_Frame", bound=RequestFrame)


class _Pending:
    __slots__ = ("answered", "deadline_ns", "frame")

    def __init__(self, frame: RequestFrame, deadline_ns: int) -> None:
        self.frame, self.deadline_ns, self.answered = frame, deadline_ns, False


class OrderEntry:
    """``frame(payload)`` makes the bytes of a message, ``write(data)`` writes them to the order link."""

    def __init__(
        self,
        core: SessionCore,
        working: WorkingOrders,
        executions: Executions,
        frame: Callable[[bytes], bytes],
        write: Callable[[bytes], None],
    ) -> None:
        self._core, self._working, self._executions = core, working, executions
        self._frame, self._write = frame, write
        self._encoder = OrderEncoder()
        self._pending: dict[int, _Pending] = {}

    # -- building --------------------------------------------------------------------------------------------

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

    # -- sending ---------------------------------------------------------------------------------------------

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write and count; what has no room is refused in a callback of its own. Cancels always have."""
        limits = self._core.limits
        if isinstance(frame, NewFrame):
            if not limits.has_room(frame.instrument_id, NEW_MILLI, now_ns):
                self.not_sent(frame, Reason.VENUE_RATE_LIMIT, "no room in the pair's counter; nothing was sent", now_ns)
                return
            limits.spent(frame.instrument_id, NEW_MILLI, now_ns)
            self._track_new(frame, now_ns)
        elif isinstance(frame, AmendFrame):
            cost_milli = amend_cost_milli(_age_ns(frame.working, now_ns))
            if frame.refusal:
                self.not_sent(frame, Reason.VENUE_REJECTED, frame.refusal, now_ns)
                return
            if not limits.has_room(frame.instrument_id, cost_milli, now_ns):
                self.not_sent(frame, Reason.VENUE_RATE_LIMIT, "no room in the pair's counter; nothing was sent", now_ns)
                return
            limits.spent(frame.instrument_id, cost_milli, now_ns)
            self._track_amend(frame, now_ns)
        elif isinstance(frame, CancelFrame):
            limits.spent(frame.instrument_id, cancel_cost_milli(_age_ns(frame.working, now_ns)), now_ns)
        if isinstance(frame, RequestFrame):
            self._send(frame, now_ns)

    def _track_new(self, frame: NewFrame, now_ns: int) -> None:
        order, core = frame.order, self._core
        name = core.ids.to_venue(order.client_order_id)
        working = Working(name, order.client_order_id, core.grid(order.instrument_id), order.quantity_lots, now_ns)
        working.side, working.order_type = order.side, order.order_type
        working.time_in_force, working.post_only = order.time_in_force, order.post_only
        frame.working = working
        self._working.add(working)

    def _track_amend(self, frame: AmendFrame, now_ns: int) -> None:
        working = frame.working
        if working is not None:
            working.amend = frame.amend
            self._working.becomes(working, frame.client_order_id)

    def _send(self, frame: RequestFrame, now_ns: int) -> None:
        self._write(frame)
        self._expect(_Pending(frame, now_ns + self._core.options.request_timeout_ns))

    def _expect(self, pending: _Pending) -> None:
        if not self._pending or pending.answered:
            self._core.ctx.set_timer(REQUESTS_TIMER, pending.deadline_ns)
        self._pending[pending.frame.req_id] = pending

    def not_sent(self, frame: bytes, reason: Reason, text: str, now_ns: int) -> None:
        """Nothing has left, and that is definite."""
        event: VenueEvent
        if isinstance(frame, CancelFrame):
            event = CancelRejected(frame.client_order_id, False, text, 0)
        elif isinstance(frame, AmendFrame):
            amend = frame.amend
            event = ReplaceRejected(amend.client_order_id, amend.orig_client_order_id, False, reason, text, 0)
        elif isinstance(frame, NewFrame):
            event = OrderRejected(frame.client_order_id, reason, text, 0)
        else:
            return
        self._core.defer(event, now_ns)

    # -- cancelling everything -------------------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Everything of one instrument that the executions channel knows to be open, and what is on its way. (The
        venue's own ``cancel_all`` is for the whole account, other instruments and other people's orders included.)"""
        core = self._core
        core.grid(instrument_id)
        everything = self._working.open(instrument_id)
        group: list[int] = []
        for at in range(0, len(everything), BATCH_MAX):
            part = everything[at : at + BATCH_MAX]
            order_ids = [each.order_id for each in part if each.order_id]
            names = [each.name for each in part if not each.order_id]
            req_id = core.next_request_id()
            frame = _BatchFrame(self._frame(self._encoder.batch_cancel(order_ids, names, core.token, req_id)))
            frame.req_id, frame.instrument_id, frame.client_order_id, frame.working = req_id, instrument_id, "", None
            frame.group = group
            group.append(req_id)
            for each in part:
                core.limits.spent(instrument_id, cancel_cost_milli(_age_ns(each, now_ns)), now_ns)
            self._send(frame, now_ns)
        if not group:
            core.defer(CancelAllAnswered(instrument_id, ""), now_ns)

    def arm_dead_man_timer(self, timeout_s: int, now_ns: int) -> None:
        """0 disarms."""
        req_id = self._core.next_request_id()
        frame = _DeadManFrame(self._frame(self._encoder.dead_man(timeout_s, self._core.token, req_id)))
        frame.req_id, frame.instrument_id, frame.client_order_id, frame.working = req_id, -1, "", None
        self._send(frame, now_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def on_answer(self, message: Message, now_ns: int) -> None:
        pending = self._pending.get(message.req_id) if message.req_id is not None else None
        if pending is None:
            self._core.count("answer to no request")
            return
        frame = pending.frame
        placed = _decode_placed(message.result) if message.success and isinstance(frame, NewFrame) else None
        del self._pending[frame.req_id]
        if placed is not None and isinstance(frame, NewFrame):
            self._placed(frame, placed, message, now_ns)
        elif isinstance(frame, _BatchFrame):
            self._batch_answered(frame, "" if message.success else message.error or "refused", now_ns)
        elif not message.success:
            self._refused(frame, message, now_ns)
        elif isinstance(frame, AmendFrame) and frame.working is not None and frame.working.amend == frame.amend:
            # Done, but how much was filled by then only the report tells.
            again = _Pending(frame, now_ns + _REPORT_NS)
            again.answered = True
            self._expect(again)

    def _placed(self, frame: NewFrame, placed: Placed, message: Message, now_ns: int) -> None:
        working = frame.working
        if working is None:
            return
        if placed.order_id and not working.order_id:
            self._working.bind(working, placed.order_id)
        self._executions.accepted(working, instant_ns(message.time_out), now_ns)

    def _refused(self, frame: RequestFrame, message: Message, now_ns: int) -> None:
        text = message.error or "refused without a reason"
        verdict = self._core.judge(text, now_ns, instrument_id=frame.instrument_id)
        venue_ns = instant_ns(message.time_out) or self._core.clock.venue_ns(now_ns)
        if isinstance(frame, _DeadManFrame):
            self._core.count("dead-man timer refused")
            self._core.ctx.log("dead-man timer refused", answer=text)
        elif verdict is Verdict.UNKNOWN:
            self._in_doubt(frame, text, now_ns)
        elif isinstance(frame, CancelFrame):
            is_unknown = verdict is Verdict.NOT_OPEN
            self._core.emit(CancelRejected(frame.client_order_id, is_unknown, text, venue_ns), now_ns)
        elif isinstance(frame, AmendFrame):
            self._amend_refused(frame, reject_reason(verdict, text), text, venue_ns, now_ns)
        elif isinstance(frame, NewFrame) and frame.working is not None:
            if frame.working.accepted or frame.working.cum_lots:
                self._core.count("refused after it was reported")
                self._core.emit(OrderOutcomeUnknown(frame.client_order_id, text), now_ns)
                return
            self._working.end(frame.working)
            reason = reject_reason(verdict, text)
            self._core.emit(OrderRejected(frame.client_order_id, reason, text, venue_ns), now_ns)

    def _amend_refused(self, frame: AmendFrame, reason: Reason, text: str, venue_ns: int, now_ns: int) -> None:
        amend, working = frame.amend, frame.working
        if working is not None:
            if working.amend != amend:
                self._core.count("refused after it was reported")
                return
            working.amend = None
        event = ReplaceRejected(amend.client_order_id, amend.orig_client_order_id, False, reason, text, venue_ns)
        self._core.emit(event, now_ns)

    def _batch_answered(self, frame: _BatchFrame, failure: str, now_ns: int) -> None:
        """Answered when every part is: with the first failure, or with success."""
        if frame.req_id not in frame.group:
            return
        if failure:
            self._core.judge(failure, now_ns, instrument_id=frame.instrument_id)
            frame.group.clear()
        else:
            frame.group.remove(frame.req_id)
        if not frame.group:
            self._core.emit(CancelAllAnswered(frame.instrument_id, failure), now_ns)

    # -- the end of waiting ----------------------------------------------------------------------------------

    def _in_doubt(self, frame: RequestFrame, text: str, now_ns: int) -> None:
        if isinstance(frame, AmendFrame):
            amend, working = frame.amend, frame.working
            if working is None:
                self._core.emit(OrderOutcomeUnknown(amend.orig_client_order_id, text), now_ns)
                self._core.emit(OrderOutcomeUnknown(amend.client_order_id, text), now_ns)
            elif working.amend == amend:
                self._executions.doubt_amend(working, text, now_ns)
        elif isinstance(frame, NewFrame | CancelFrame):
            self._core.emit(OrderOutcomeUnknown(frame.client_order_id, text), now_ns)

    def on_timer(self, now_ns: int) -> None:
        for pending in [each for each in self._pending.values() if each.deadline_ns <= now_ns]:
            frame = pending.frame
            del self._pending[frame.req_id]
            if isinstance(frame, _BatchFrame):
                self._batch_answered(frame, "EService:not answered in time", now_ns)
            elif pending.answered and isinstance(frame, AmendFrame):
                self._unreported(frame, now_ns)
            else:
                self._in_doubt(frame, "not answered in time", now_ns)
        if self._pending:
            self._core.ctx.set_timer(REQUESTS_TIMER, min(each.deadline_ns for each in self._pending.values()))

    def _unreported(self, frame: AmendFrame, now_ns: int) -> None:
        """An amend that was done, and has no report: the order had ended by then, or its report is missing."""
        if frame.working is not None and frame.working.ended:
            self._amend_refused(frame, Reason.ORDER_NOT_OPEN, "the order had ended", 0, now_ns)
        else:
            self._in_doubt(frame, "the amend was not reported", now_ns)

    def lost(self, now_ns: int) -> None:
        """The link is down: nothing of this will be answered."""
        self._core.ctx.cancel_timer(REQUESTS_TIMER)
        pending, self._pending = self._pending, {}
        for each in pending.values():
            if isinstance(each.frame, _BatchFrame):
                self._batch_answered(each.frame, "EService:order link lost", now_ns)
            else:
                self._in_doubt(each.frame, "order link lost", now_ns)


def _named(frame: _Frame, req_id: int, order: Order, working: Working | None) -> _Frame:
    frame.req_id, frame.instrument_id = req_id, order.instrument_id
    frame.client_order_id, frame.working = order.client_order_id, working
    return frame


def _age_ns(working: Working | None, now_ns: int) -> int:
    """Since an order was made or last amended; one that is not known is taken for old."""
    return now_ns - working.changed_ns if working is not None else 1 << 62
