"""Requests of order entry, and their answers → order events.

A success tells little here: fills and ends are told by the executions channel only. An answer and the reports about the
same order are not ordered with each other. A failure tells, by ``errors.judge``, whether the request was definitely not
done or is in doubt; so is one that is not answered in time.
"""

from collections.abc import Callable

import msgspec

from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict, reject_reason
from adapters.kraken.executions import Executions
from adapters.kraken.messages import Message, Placed
from adapters.kraken.numbers import instant_ns
from adapters.kraken.orders import BATCH_MAX
from adapters.kraken.rate_limit import NEW_MILLI, amend_cost_milli, cancel_cost_milli
from adapters.kraken.requests import (
    AmendFrame,
    BatchFrame,
    CancelFrame,
    DeadManFrame,
    NewFrame,
    OrderRequests,
    RequestFrame,
    age_ns,
)
from adapters.kraken.working import Working, WorkingOrders
from engine.codes import Reason
from engine.venue import (
    CancelAllAnswered,
    CancelRejected,
    OrderOutcomeUnknown,
    OrderRejected,
    ReplaceRejected,
    VenueEvent,
)

__all__ = ["REQUESTS_TIMER", "OrderEntry"]

REQUESTS_TIMER = "session:orders:requests"
_decode_placed = msgspec.json.Decoder(Placed).decode
#: How long an amend's report may come after its answer.
_REPORT_NS = 2_000_000_000


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
        self._write = write
        self.requests = OrderRequests(core, working, frame)
        self._pending: dict[int, _Pending] = {}

    # -- sending ---------------------------------------------------------------------------------------------

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write and count; what has no room is refused in a callback of its own. Cancels always have."""
        limits = self._core.limits
        if isinstance(frame, NewFrame):
            if not self._has_room(frame, NEW_MILLI, now_ns):
                return
            limits.spent(frame.instrument_id, NEW_MILLI, now_ns)
            self._track_new(frame, now_ns)
        elif isinstance(frame, AmendFrame):
            cost_milli = amend_cost_milli(age_ns(frame.working, now_ns))
            if frame.refusal:
                self.not_sent(frame, Reason.VENUE_REJECTED, frame.refusal, now_ns)
                return
            if not self._has_room(frame, cost_milli, now_ns):
                return
            limits.spent(frame.instrument_id, cost_milli, now_ns)
            self._track_amend(frame, now_ns)
        elif isinstance(frame, CancelFrame):
            limits.spent(frame.instrument_id, cancel_cost_milli(age_ns(frame.working, now_ns)), now_ns)
        if isinstance(frame, RequestFrame):
            self._send(frame, now_ns)

    def _has_room(self, frame: NewFrame | AmendFrame, cost_milli: int, now_ns: int) -> bool:
        """If it has none it is refused, with the wait until it would have."""
        limits, at = self._core.limits, frame.instrument_id
        if limits.has_room(at, cost_milli, now_ns):
            return True
        wait_ns = limits.order_wait_ns(at, cost_milli, now_ns)
        text = f"no room in the pair's counter; nothing was sent; there is room in {wait_ns} ns"
        self.not_sent(frame, Reason.VENUE_RATE_LIMIT, text, now_ns)
        return False

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
            frame = self.requests.cancel_batch(instrument_id, part, group)
            group.append(frame.req_id)
            for each in part:
                core.limits.spent(instrument_id, cancel_cost_milli(age_ns(each, now_ns)), now_ns)
            self._send(frame, now_ns)
        if not group:
            core.defer(CancelAllAnswered(instrument_id, ""), now_ns)

    def arm_dead_man_timer(self, timeout_s: int, now_ns: int) -> None:
        """0 disarms."""
        self._send(self.requests.dead_man(timeout_s), now_ns)

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
        elif isinstance(frame, BatchFrame):
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
        if isinstance(frame, DeadManFrame):
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

    def _batch_answered(self, frame: BatchFrame, failure: str, now_ns: int) -> None:
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
            if isinstance(frame, BatchFrame):
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
            if isinstance(each.frame, BatchFrame):
                self._batch_answered(each.frame, "EService:order link lost", now_ns)
            else:
                self._in_doubt(each.frame, "order link lost", now_ns)
