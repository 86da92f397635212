"""New orders, edits and cancels: what is sent, and what the answers mean → order events.

A success tells that the venue has the order; fills and ends come by the user channel (``ledger.py``). A failure tells,
by ``errors.judge``, whether the request was definitely not done or is in doubt; without an answer it is in doubt.
Nothing is ever sent a second time by itself: for a repeat nobody would have looked at the latch.
"""

from collections.abc import Callable

import msgspec

from adapters.coinbase.cancels import CANCELS_TIMER, CancelRequest, Cancels
from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict, failure_text, is_duplicate, reject_reason
from adapters.coinbase.ledger import Ledger
from adapters.coinbase.messages import CreateAnswer, EditAnswer, EditError
from adapters.coinbase.order_pool import OrderPool
from adapters.coinbase.orders import CancelFrame, EditFrame, NewFrame, OrderEncoder, venue_id
from adapters.coinbase.rest import answer_text
from adapters.coinbase.tokens import TokenStock
from adapters.coinbase.urls import PATHS, CoinbaseEndpoints
from adapters.http import HttpResponse, host_header, retry_after_ns
from adapters.links import DECODE_ERRORS
from adapters.purpose import Purpose
from engine.codes import OrderType, Reason, TimeInForce
from engine.order import Order
from engine.venue import CancelRejected, OrderOutcomeUnknown, OrderRejected, ReplaceRejected

__all__ = ["OrderEntry"]

_NO_LINK = "order links are down; nothing was sent"
_NO_ROOM = "no free connection or no room within the venue's rate limits; nothing was sent"
#: Edits that failed because the order is not there any more.
_NOT_OPEN = ("ORDER_NOT_FOUND", "ONLY_OPEN_ORDERS_CAN_BE_EDITED")

_decode_created = msgspec.json.Decoder(CreateAnswer).decode
_decode_edited = msgspec.json.Decoder(EditAnswer).decode


class OrderEntry:
    """Owner of the order connections. ``on_pool_changed`` is set by the session."""

    def __init__(self, core: SessionCore, endpoints: CoinbaseEndpoints, ledger: Ledger, tokens: TokenStock) -> None:
        self._core, self._ledger, self._tokens = core, ledger, tokens
        self._encoder = OrderEncoder(host_header(endpoints.rest))
        self.pool = OrderPool(core, endpoints.rest, self)
        self.cancels = Cancels(core, self.pool, self._encoder, tokens)
        ledger.on_id_known = self.cancels.on_id_known
        #: Called when there is a first connection, and when there is none any more.
        self.on_change: Callable[[int], None] = _nothing

    def close(self) -> None:
        """Close for good; nothing is told."""
        self._core.ctx.cancel_timer(CANCELS_TIMER)
        self.pool.close()

    # -- encoding --------------------------------------------------------------------------------------------

    def encode_new(self, order: Order, now_ns: int) -> NewFrame:
        grid = self._core.grid(order.instrument_id)
        return self._encoder.new(order, grid, self._tokens.take(PATHS.orders, now_ns))

    def rehearse(self, order: Order) -> None:
        self._encoder.new(order, self._core.grid(order.instrument_id), "")

    def encode_cancel(self, order: Order, now_ns: int) -> CancelFrame:
        self._core.grid(order.instrument_id)
        tracked = self._ledger.by_name(order.client_order_id)
        order_id = venue_id(order.order_id)[0] or (tracked.order_id if tracked is not None else "")
        body = self._encoder.cancel((order_id,), self._tokens.take(PATHS.cancel, now_ns)) if order_id else b""
        frame = CancelFrame(body)
        frame.client_order_id, frame.order_id = order.client_order_id, order_id
        return frame

    def encode_edit(self, orig: Order, order: Order, now_ns: int) -> EditFrame:
        """The venue counts what was filled before into an edited order's size; the engine does not."""
        grid = self._core.grid(order.instrument_id)
        tracked = self._ledger.by_name(orig.client_order_id)
        refusal = self._ledger.may_edit(tracked, orig.client_order_id)
        if orig.order_type is not OrderType.LIMIT or orig.time_in_force is not TimeInForce.GTC:
            refusal = "the venue edits resting limit orders only"
        total_lots = order.quantity_lots + (tracked.cum_lots if tracked is not None else 0)
        body = b""
        if tracked is not None and not refusal:
            price, size = grid.instrument.price_text(order.price_ticks), grid.instrument.quantity_text(total_lots)
            body = self._encoder.edit(tracked.order_id, price, size, self._tokens.take(PATHS.edit, now_ns))
        frame = EditFrame(body)
        frame.client_order_id, frame.orig_client_order_id = order.client_order_id, orig.client_order_id
        frame.order_id = tracked.order_id if tracked is not None else ""
        frame.price_ticks, frame.quantity_lots, frame.total_lots = order.price_ticks, order.quantity_lots, total_lots
        frame.refusal = refusal
        return frame

    # -- sending ---------------------------------------------------------------------------------------------

    def send_refusal(self, now_ns: int) -> Reason:
        if not self.pool.is_up:
            return Reason.VENUE_LINK_DOWN
        if not self.pool.has_room(is_cancel=False):
            return Reason.VENUE_LINK_BUSY
        if not self._core.limits.has_room(Purpose.NEW_ORDER, now_ns):
            return Reason.VENUE_RATE_LIMIT
        return Reason.NONE

    def transmit(self, frame: bytes, is_allowed: bool, now_ns: int) -> None:
        """Write a frame, count it; one that cannot leave is refused in a callback of its own. ``is_allowed``: the key
        has been found good."""
        if isinstance(frame, CancelFrame):
            if is_allowed and self.pool.is_up:
                self.cancels.transmit(frame, now_ns)
            else:
                self._core.defer(CancelRejected(frame.client_order_id, False, _NO_LINK, 0), now_ns)
            return
        refusal = ""
        if not is_allowed or not self.pool.is_up:
            refusal = _NO_LINK
        elif not self.pool.has_room(is_cancel=False) or not self._core.limits.has_room(Purpose.NEW_ORDER, now_ns):
            refusal = _NO_ROOM
        if isinstance(frame, EditFrame) and not refusal:
            refusal = frame.refusal or self._ledger.may_edit(
                self._ledger.by_order_id(frame.order_id), frame.orig_client_order_id
            )
        if refusal:
            self._not_sent(frame, refusal, now_ns)
            return
        if isinstance(frame, EditFrame):
            tracked = self._ledger.by_order_id(frame.order_id)
            assert tracked is not None, "may_edit has looked"
            tracked.begin_edit(frame, now_ns + self._core.options.request_validity_ns)
        self.pool.send(frame, frame, now_ns)
        self._core.limits.sent(now_ns)

    def _not_sent(self, frame: bytes, text: str, now_ns: int) -> None:
        """Nothing has left, and that is definite."""
        if isinstance(frame, EditFrame):
            new, orig = frame.client_order_id, frame.orig_client_order_id
            reason = Reason.UNSUPPORTED if frame.refusal else Reason.VENUE_LINK_DOWN
            self._core.defer(ReplaceRejected(new, orig, False, reason, text, 0), now_ns)
        elif isinstance(frame, NewFrame):
            reason = Reason.VENUE_LINK_BUSY if text == _NO_ROOM else Reason.VENUE_LINK_DOWN
            self._core.defer(OrderRejected(frame.client_order_id, reason, text, 0), now_ns)

    # -- the pool's owner ------------------------------------------------------------------------------------

    def on_pool_changed(self, now_ns: int) -> None:
        if not self.pool.is_up:
            self.cancels.lost(now_ns)
        self.on_change(now_ns)

    def on_room(self, now_ns: int) -> None:
        self.cancels.flush(now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == CANCELS_TIMER:
            self.cancels.flush(now_ns)
        else:
            self.pool.on_timer(key, now_ns)

    def on_answer(self, request: object, response: HttpResponse, now_ns: int) -> None:
        if response.status != 200:
            text = answer_text(response)
            verdict = self._core.judge(response.status, text, retry_after_ns(response.headers), now_ns)
            self._failed(request, verdict, text, now_ns)
            return
        self._core.answered(is_public=False)
        try:
            if isinstance(request, CancelRequest):
                self.cancels.on_answer(request, response.body, now_ns)
            elif isinstance(request, NewFrame):
                self._created(request, _decode_created(response.body), now_ns)
            elif isinstance(request, EditFrame):
                self._edited(request, _decode_edited(response.body), now_ns)
        except DECODE_ERRORS as error:
            self._core.count("answers to orders not understood")
            self._failed(request, None, f"not understood: {error}", now_ns)

    def on_fate_unknown(self, request: object, text: str, now_ns: int) -> None:
        self._failed(request, None, text, now_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def _created(self, frame: NewFrame, answer: CreateAnswer, now_ns: int) -> None:
        name = frame.client_order_id
        if answer.success:
            order_id = answer.success_response.order_id if answer.success_response is not None else answer.order_id
            if not order_id:
                self._failed(frame, None, "accepted without an order id", now_ns)
                return
            grid = self._core.grid(frame.instrument_id)
            self._ledger.on_created(name, frame.quantity_lots, order_id, grid, now_ns)
            return
        text = failure_text(answer.error_response)
        if is_duplicate(text):
            self._core.emit(OrderOutcomeUnknown(name, text), now_ns)
        else:
            self._rejected(frame, reject_reason(text), text, now_ns)

    def _rejected(self, frame: NewFrame, reason: Reason, text: str, now_ns: int) -> None:
        self.cancels.forget(frame.client_order_id)
        time_ns = self._core.clock.venue_ns(now_ns)
        self._core.emit(OrderRejected(frame.client_order_id, reason, text, time_ns), now_ns)

    def _edited(self, frame: EditFrame, answer: EditAnswer, now_ns: int) -> None:
        if answer.success:
            self._ledger.on_edit_taken(frame.order_id, now_ns)
            return
        errors = answer.errors
        first = errors if isinstance(errors, EditError) else errors[0] if errors else None
        if first is not None:
            text = next(
                (each for each in (first.edit_failure_reason, first.preview_failure_reason) if "UNKNOWN_" not in each),
                "refused without a reason",
            )
        else:
            text = failure_text(answer.error_response)
        self._edit_refused(frame, Reason.ORDER_NOT_OPEN if text in _NOT_OPEN else reject_reason(text), text, now_ns)

    def _edit_refused(self, frame: EditFrame, reason: Reason, text: str, now_ns: int) -> None:
        tracked = self._ledger.by_order_id(frame.order_id)
        if tracked is not None and tracked.edit is frame:
            tracked.edit = None
            self._ledger.refuse_edit(frame, reason, text, now_ns)
            self._ledger.review(frame.order_id, now_ns)  # its state had to wait for this

    def _failed(self, request: object, verdict: Verdict | None, text: str, now_ns: int) -> None:
        """Refused as a whole, or in doubt."""
        is_definite = verdict in (Verdict.REJECTED, Verdict.RATE_LIMITED, Verdict.FORBIDDEN, Verdict.NOT_FOUND)
        reason = Reason.VENUE_RATE_LIMIT if verdict is Verdict.RATE_LIMITED else Reason.VENUE_REJECTED
        if isinstance(request, CancelRequest):
            self.cancels.on_failure(request, verdict, text, now_ns)
        elif isinstance(request, NewFrame):
            if is_definite:
                self._rejected(request, reason, text, now_ns)
            else:
                self._core.emit(OrderOutcomeUnknown(request.client_order_id, text), now_ns)
        elif isinstance(request, EditFrame):
            if is_definite:
                self._edit_refused(request, reason, text, now_ns)
            else:
                self._core.emit(OrderOutcomeUnknown(request.client_order_id, text), now_ns)
                self._ledger.review(request.order_id, now_ns)


def _nothing(now_ns: int) -> None:
    """Until the session looks after its state."""
