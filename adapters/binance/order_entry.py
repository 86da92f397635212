"""Answers to orders, cancels and replaces → order events.

A success tells little here: fills and ends are told by execution reports only, which come in the order of the venue's
engine. A failure tells, by ``errors.judge``, whether the request was definitely not done or is in doubt.

A replace is two things at the venue, a cancel and a new order, told by an answer and by two reports that are not
ordered with it. ``_Replace`` holds the report that the original was cancelled until it is known whether the new order
stands:

    report "cancelled" ─▶ held ──┬─ report "new" or answer S/S ─▶ OrderReplaced
                                 └─ answer S/F, F, unknown, link lost ─▶ OrderCancelled, and what became of the new one
    answer first ─▶ OrderReplaced at once; the report that follows is swallowed
"""

import msgspec

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict, reject_reason
from adapters.binance.messages import Ack, ApiError, OrdersMessage, ReplaceHalf, ReplaceResult
from adapters.binance.parse import venue_ns
from engine.codes import Reason
from engine.instrument import NANOS
from engine.venue import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)

__all__ = ["CancelFrame", "NewFrame", "OrderEntry", "ReplaceFrame"]

_decode_ack = msgspec.json.Decoder(Ack).decode
_decode_replaced = msgspec.json.Decoder(ReplaceResult).decode

_REPLACES_TIMER = "session:orders:replaces"
#: The two halves and the answer of a replace come within this, or the answer is not coming.
_REPLACE_TIMEOUT_NS = 10 * NANOS
#: Replaces whose end is not known. Beyond it the oldest is given up as in doubt.
_REPLACES_MAX = 10_000


class NewFrame(bytes):
    """An encoded new order, not yet sent."""

    client_order_id: str


class CancelFrame(bytes):
    """An encoded cancel, not yet sent."""

    client_order_id: str


class ReplaceFrame(bytes):
    """An encoded replace, not yet sent."""

    client_order_id: str
    orig_client_order_id: str
    instrument_id: int


class _Replace:
    __slots__ = ("deadline_ns", "held", "instrument_id", "is_told", "new", "orig")

    def __init__(self, frame: ReplaceFrame, deadline_ns: int) -> None:
        self.orig, self.new, self.instrument_id = frame.orig_client_order_id, frame.client_order_id, frame.instrument_id
        self.deadline_ns = deadline_ns
        self.held: OrderCancelled | None = None
        self.is_told = False


class OrderEntry:
    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._by_new: dict[str, _Replace] = {}
        self._by_orig: dict[str, _Replace] = {}

    # -- requests --------------------------------------------------------------------------------------------

    def sent(self, frame: bytes, now_ns: int) -> None:
        """A replace has been written: from now on its cancel's report is held."""
        if not isinstance(frame, ReplaceFrame):
            return
        if len(self._by_orig) >= _REPLACES_MAX:
            self._give_up(next(iter(self._by_orig.values())), "too many replaces in flight", now_ns)
        replace = _Replace(frame, now_ns + _REPLACE_TIMEOUT_NS)
        self._by_new[replace.new] = self._by_orig[replace.orig] = replace
        if len(self._by_new) == 1:
            self._core.ctx.set_timer(_REPLACES_TIMER, replace.deadline_ns)

    def not_sent(self, frame: bytes, text: str, now_ns: int) -> None:
        """There is no link, or for a cancel no room. Nothing has left, and that is definite."""
        if isinstance(frame, CancelFrame):
            self._core.defer(CancelRejected(frame.client_order_id, False, text, 0), now_ns)
        elif isinstance(frame, ReplaceFrame):
            new, orig = frame.client_order_id, frame.orig_client_order_id
            self._core.defer(ReplaceRejected(new, orig, False, Reason.VENUE_LINK_DOWN, text, 0), now_ns)
        elif isinstance(frame, NewFrame):
            self._core.defer(OrderRejected(frame.client_order_id, Reason.VENUE_LINK_DOWN, text, 0), now_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def on_new(self, client_order_id: str, answer: OrdersMessage, now_ns: int) -> None:
        if answer.status == 200:
            ack = _decode_ack(answer.result)
            time_ns = venue_ns(ack.transactTime, self._core.options.unit_ns)
            self._core.emit(OrderAccepted(client_order_id, str(ack.orderId), time_ns), now_ns)
            return
        verdict, text = self._judge(answer, now_ns)
        if verdict is Verdict.UNKNOWN:
            self._core.emit(OrderOutcomeUnknown(client_order_id, text), now_ns)
        else:
            reason, time_ns = reject_reason(verdict, text), self._core.clock.venue_ns(now_ns)
            self._core.emit(OrderRejected(client_order_id, reason, text, time_ns), now_ns)

    def on_cancel(self, client_order_id: str, answer: OrdersMessage, now_ns: int) -> None:
        """A success is told by the report, after the fills that came before it."""
        if answer.status == 200:
            return
        verdict, text = self._judge(answer, now_ns)
        if verdict is Verdict.UNKNOWN:
            self._core.emit(OrderOutcomeUnknown(client_order_id, text), now_ns)
        else:
            is_unknown = verdict is Verdict.NOT_OPEN or verdict is Verdict.NOT_FOUND
            time_ns = self._core.clock.venue_ns(now_ns)
            self._core.emit(CancelRejected(client_order_id, is_unknown, text, time_ns), now_ns)

    def on_replace(self, client_order_id: str, answer: OrdersMessage, now_ns: int) -> None:
        replace = self._by_new.get(client_order_id)
        if replace is None:
            self._core.count("answer to no replace")
        elif answer.status == 200:
            result = _decode_replaced(answer.result)
            self._replaced(replace, result.cancelResponse, result.newOrderResponse, now_ns)
        else:
            self._replace_failed(replace, answer, now_ns)

    def _judge(self, answer: OrdersMessage, now_ns: int) -> tuple[Verdict, str]:
        verdict = self._core.judge(answer.status, answer.error, 0, now_ns)
        return verdict, _text(answer)

    # -- replaces --------------------------------------------------------------------------------------------

    def _replaced(self, replace: _Replace, cancel: ReplaceHalf, new: ReplaceHalf, now_ns: int) -> None:
        cum_lots = self._core.grid(replace.instrument_id).lots.parse(cancel.executedQty)
        time_ns = venue_ns(new.transactTime, self._core.options.unit_ns)
        self._tell_replaced(replace, cum_lots, time_ns, now_ns)
        self._core.emit(OrderAccepted(replace.new, str(new.orderId), time_ns), now_ns)
        del self._by_new[replace.new]
        if replace.held is not None:
            self._by_orig.pop(replace.orig, None)

    def _tell_replaced(self, replace: _Replace, cum_lots: int, time_ns: int, now_ns: int) -> None:
        if not replace.is_told:
            replace.is_told = True
            self._core.emit(OrderReplaced(replace.orig, replace.new, cum_lots, time_ns), now_ns)

    def _replace_failed(self, replace: _Replace, answer: OrdersMessage, now_ns: int) -> None:
        verdict, text = self._judge(answer, now_ns)
        data = answer.error.data if answer.error is not None else None
        cancel, new = (data.cancelResponse, data.newOrderResponse) if data is not None else (None, None)
        for half in (cancel, new) if verdict is not Verdict.UNKNOWN else ():
            if half is not None and half.code < 0:
                verdict = self._core.judge(400, ApiError(half.code, half.msg), 0, now_ns)
                text = f"{half.code} {half.msg}"
                if verdict is Verdict.UNKNOWN:
                    break
        if verdict is Verdict.UNKNOWN or replace.is_told:
            self._give_up(replace, text, now_ns)
            return
        self._forget(replace)
        cancelled = data is not None and data.cancelResult == "SUCCESS"
        reason = Reason.ORDER_NOT_OPEN if verdict is Verdict.NOT_OPEN else reject_reason(verdict, text)
        time_ns = self._core.clock.venue_ns(now_ns)
        if replace.held is not None:
            self._refuse(replace, True, reason, text, time_ns, replace.held.cum_lots, now_ns)
        elif cancelled and cancel is not None:
            cum_lots = self._core.grid(replace.instrument_id).lots.parse(cancel.executedQty)
            self._refuse(replace, True, reason, text, time_ns, cum_lots, now_ns)
        else:
            self._refuse(replace, False, reason, text, time_ns, -1, now_ns)

    def _refuse(
        self, replace: _Replace, gone: bool, reason: Reason, text: str, time_ns: int, cum_lots: int, now_ns: int
    ) -> None:
        event = ReplaceRejected(replace.new, replace.orig, gone, reason, text, time_ns, cum_lots)
        self._core.emit(event, now_ns)

    def _give_up(self, replace: _Replace, text: str, now_ns: int) -> None:
        """What became of the new order, and perhaps of the original, has to be asked."""
        self._forget(replace)
        if replace.is_told:
            return
        if replace.held is not None:
            self._core.emit(replace.held, now_ns)
        else:
            self._core.emit(OrderOutcomeUnknown(replace.orig, text), now_ns)
        self._core.emit(OrderOutcomeUnknown(replace.new, text), now_ns)

    def _forget(self, replace: _Replace) -> None:
        self._by_new.pop(replace.new, None)
        if self._by_orig.get(replace.orig) is replace:
            del self._by_orig[replace.orig]

    # -- reports ---------------------------------------------------------------------------------------------

    def on_report(self, event: OrderEvent, now_ns: int) -> None:
        """An event from an execution report: told, or held while it is half of a replace."""
        if self._by_orig and self._is_half_of_a_replace(event, now_ns):
            return
        self._core.emit(event, now_ns)

    def _is_half_of_a_replace(self, event: OrderEvent, now_ns: int) -> bool:
        if isinstance(event, OrderCancelled):
            replace = self._by_orig.get(event.client_order_id)
            if replace is None:
                return False
            if replace.is_told:
                self._by_orig.pop(replace.orig, None)
                return True
            replace.held = event
            return True
        if isinstance(event, OrderAccepted):
            replace = self._by_new.get(event.client_order_id)
            if replace is not None and replace.held is not None:
                self._tell_replaced(replace, replace.held.cum_lots, replace.held.venue_time_ns, now_ns)
                self._by_orig.pop(replace.orig, None)
        return False

    # -- the end of waiting ----------------------------------------------------------------------------------

    def on_timer(self, now_ns: int) -> None:
        for replace in [each for each in self._by_new.values() if each.deadline_ns <= now_ns]:
            self._give_up(replace, "the replace was not answered", now_ns)
        if self._by_new:
            at_ns = min(each.deadline_ns for each in self._by_new.values())
            self._core.ctx.set_timer(_REPLACES_TIMER, at_ns)

    def lost(self, now_ns: int) -> None:
        """The link is down: held reports are facts and are told; the rest is in doubt anyway."""
        self._core.ctx.cancel_timer(_REPLACES_TIMER)
        replaces = list(self._by_new.values())
        self._by_new.clear()
        self._by_orig.clear()
        for replace in replaces:
            self._give_up(replace, "order link lost", now_ns)


def _text(answer: OrdersMessage) -> str:
    if answer.error is None:
        return f"status {answer.status}"
    return f"{answer.error.code} {answer.error.msg}"
