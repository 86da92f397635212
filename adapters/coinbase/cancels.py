"""Cancels: each at once where it can be, else with the next request that can leave.

The venue cancels by its own order ids, up to a hundred per request, and has no cancel-all. So a cancel of an order
whose id is not known yet waits for the id, and cancels for which there is no connection or no room within the limits
wait for one and then share a request. Nothing else waits in this adapter: a cancel that comes late can only take risk
away.
"""

from collections.abc import Callable

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.messages import CancelAnswer
from adapters.coinbase.order_pool import ORDERS_LINK, OrderPool
from adapters.coinbase.orders import CANCELS_MAX, CancelFrame, OrderEncoder
from adapters.coinbase.tokens import TokenStock
from adapters.coinbase.urls import PATHS
from adapters.purpose import Purpose
from engine.venue import CancelRejected, OrderOutcomeUnknown

__all__ = ["CANCELS_TIMER", "CancelRequest", "Cancels"]

CANCELS_TIMER = f"{ORDERS_LINK}:cancels"
_WAITING_MAX = 100_000
#: The order is not open (any more), as far as the venue can tell.
_NOT_OPEN = ("UNKNOWN_CANCEL_ORDER", "ORDER_IS_FULLY_FILLED")
#: A cancel of it is under way already.
_UNDER_WAY = ("DUPLICATE_CANCEL_REQUEST",)

_decode_answer = msgspec.json.Decoder(CancelAnswer).decode

#: (why it was not done or "", now_ns)
OnDone = Callable[[str, int], None]


class CancelRequest:
    """One request in flight: the venue's order id of each → our client order id ("": it is nobody's cancel in
    particular). ``on_done(failure, now_ns)`` is told once the venue has answered or will not."""

    __slots__ = ("names", "on_done")

    def __init__(self, names: dict[str, str], on_done: OnDone | None = None) -> None:
        self.names, self.on_done = names, on_done


class Cancels:
    def __init__(self, core: SessionCore, pool: OrderPool, encoder: OrderEncoder, tokens: TokenStock) -> None:
        self._core, self._pool, self._encoder, self._tokens = core, pool, encoder, tokens
        #: The venue's order id → client order id, in the order asked for.
        self._waiting: dict[str, str] = {}
        #: Of whole requests (cancel-all): they go first.
        self._batches: list[CancelRequest] = []
        #: Client order ids that wait for the venue's.
        self._nameless: dict[str, None] = {}

    def transmit(self, frame: CancelFrame, now_ns: int) -> None:
        if not frame.order_id:
            self._nameless[frame.client_order_id] = None
            if len(self._nameless) > _WAITING_MAX:
                del self._nameless[next(iter(self._nameless))]
        elif not self._waiting and self._may_send(Purpose.CANCEL, now_ns):
            self._send(frame, CancelRequest({frame.order_id: frame.client_order_id}), now_ns)
        elif len(self._waiting) < _WAITING_MAX:
            self._waiting[frame.order_id] = frame.client_order_id
            self.flush(now_ns)
        else:
            text = "too many cancels wait already; nothing was sent"
            self._core.defer(CancelRejected(frame.client_order_id, False, text, 0), now_ns)

    def batch(self, order_ids: list[str], on_done: Callable[[str, int], None], now_ns: int) -> None:
        """Cancel these whoever's they are; ``on_done`` is told once, with the first failure."""
        parts = [order_ids[at : at + CANCELS_MAX] for at in range(0, len(order_ids), CANCELS_MAX)]
        left, failures = len(parts), []

        def on_part(failure: str, done_ns: int) -> None:
            nonlocal left
            left -= 1
            if failure:
                failures.append(failure)
            if not left:
                on_done(failures[0] if failures else "", done_ns)

        self._batches += [CancelRequest(dict.fromkeys(part, ""), on_part) for part in parts]
        self.flush(now_ns)

    def on_id_known(self, client_order_id: str, order_id: str, now_ns: int) -> None:
        """The venue has told its id of an order: a cancel may have waited for it."""
        if client_order_id in self._nameless:
            del self._nameless[client_order_id]
            self._waiting[order_id] = client_order_id
            self.flush(now_ns)

    def forget(self, client_order_id: str) -> None:
        """The order never came to be."""
        self._nameless.pop(client_order_id, None)

    def flush(self, now_ns: int) -> None:
        """Send what waits, as far as it can leave; else come back when the limits allow."""
        while self._batches and self._may_send(Purpose.CANCEL_ALL, now_ns):
            request = self._batches.pop(0)
            self._send(self._frame(request, now_ns), request, now_ns)
        while self._waiting and self._may_send(Purpose.CANCEL, now_ns):
            ids = list(self._waiting)[:CANCELS_MAX]
            request = CancelRequest({each: self._waiting.pop(each) for each in ids})
            self._send(self._frame(request, now_ns), request, now_ns)
        if self._batches or self._waiting:
            purpose = Purpose.CANCEL_ALL if self._batches else Purpose.CANCEL
            if not self._core.limits.has_room(purpose, now_ns):
                at_ns = max(self._core.limits.next_chance_ns(purpose, now_ns), now_ns + 1)
                self._core.ctx.set_timer(CANCELS_TIMER, at_ns)

    def lost(self, now_ns: int) -> None:
        """The last connection is gone: nothing of what waits has left, and it would come late."""
        self._core.ctx.cancel_timer(CANCELS_TIMER)
        waiting, self._waiting, batches, self._batches = self._waiting, {}, self._batches, []
        for client_order_id in waiting.values():
            self._core.emit(CancelRejected(client_order_id, False, "order links are down; nothing was sent", 0), now_ns)
        for request in batches:
            if request.on_done is not None:
                request.on_done("order links are down", now_ns)

    def _may_send(self, purpose: Purpose, now_ns: int) -> bool:
        return self._pool.has_room(is_cancel=True) and self._core.limits.has_room(purpose, now_ns)

    def _frame(self, request: CancelRequest, now_ns: int) -> bytes:
        return self._encoder.cancel(tuple(request.names), self._tokens.take(PATHS.cancel, now_ns))

    def _send(self, frame: bytes, request: CancelRequest, now_ns: int) -> None:
        self._core.limits.sent(now_ns)
        self._pool.send(frame, request, now_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def on_answer(self, request: CancelRequest, body: bytes, now_ns: int) -> None:
        """A success is told by the user channel, after the fills that came before it. Raises DECODE_ERRORS."""
        answer = _decode_answer(body)
        failure = ""
        unanswered = dict(request.names)
        for result in answer.results:
            name = unanswered.pop(result.order_id, "")
            if result.success or result.failure_reason in _UNDER_WAY:
                continue
            is_unknown = result.failure_reason in _NOT_OPEN
            if not is_unknown:
                failure = failure or result.failure_reason
            if name:
                time_ns = self._core.clock.venue_ns(now_ns)
                self._core.emit(CancelRejected(name, is_unknown, result.failure_reason, time_ns), now_ns)
        for name in filter(None, unanswered.values()):
            self._core.emit(OrderOutcomeUnknown(name, "the venue does not say what became of the cancel"), now_ns)
        if request.on_done is not None:
            request.on_done(failure or ("not all of them were answered" if unanswered else ""), now_ns)

    def on_failure(self, request: CancelRequest, verdict: Verdict | None, text: str, now_ns: int) -> None:
        """The whole request was refused, or what became of it is not known."""
        is_definite = verdict in (Verdict.REJECTED, Verdict.RATE_LIMITED, Verdict.FORBIDDEN)
        for name in filter(None, request.names.values()):
            if is_definite:
                time_ns = self._core.clock.venue_ns(now_ns)
                self._core.emit(CancelRejected(name, False, text, time_ns), now_ns)
            else:
                self._core.emit(OrderOutcomeUnknown(name, text), now_ns)
        if request.on_done is not None:
            request.on_done(text, now_ns)
