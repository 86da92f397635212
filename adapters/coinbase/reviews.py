"""Asking the venue for one order, and for its trades where it has been edited (only they tell what belongs to which
edit)."""

from collections.abc import Callable, Iterable

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.fills import ask_fills
from adapters.coinbase.messages import FillInfo, OrderAnswer, OrderInfo
from adapters.coinbase.rest import RestLink, RestQuestion
from adapters.coinbase.urls import PATHS
from adapters.purpose import Purpose

__all__ = ["REVIEWS_TIMER", "Reviews"]

REVIEWS_TIMER = "session:reviews"
_AGAIN_NS = 250_000_000

_decode_answer = msgspec.json.Decoder(OrderAnswer).decode

OnReviewed = Callable[[OrderInfo, int], None]
#: (text, whether the venue has no such order, now_ns)
OnFailed = Callable[[str, bool, int], None]


class Reviews:
    """``on_review(info, fills, now_ns)`` takes each answer before those who asked are told; False: not enough."""

    def __init__(self, core: SessionCore, rest: RestLink) -> None:
        self._core, self._rest = core, rest
        self._asked: dict[str, list[tuple[OnReviewed, OnFailed]]] = {}
        #: Reviews that nobody waits for, and when they are due.
        self._due: dict[str, int] = {}
        self.on_review: Callable[[OrderInfo, list[FillInfo] | None, int], bool] = _nobody

    def want(self, order_id: str, now_ns: int, delay_ns: int = 0) -> None:
        """Review an order, once, and again when it does not come through."""
        at_ns = now_ns + delay_ns
        if delay_ns:
            self._due[order_id] = min(at_ns, self._due.get(order_id, at_ns))
            self._core.ctx.set_timer(REVIEWS_TIMER, min(self._due.values()))
        else:
            self._due.pop(order_id, None)
            self.ask(order_id, _no_reader, lambda text, gone, failed_ns: self._retry(order_id, gone, failed_ns), now_ns)

    def on_timer(self, now_ns: int) -> None:
        due = [order_id for order_id, at_ns in self._due.items() if at_ns <= now_ns]
        for order_id in due:
            self.want(order_id, now_ns)
        if self._due:
            self._core.ctx.set_timer(REVIEWS_TIMER, min(self._due.values()))

    def _retry(self, order_id: str, is_gone: bool, now_ns: int) -> None:
        if not is_gone:
            self.want(order_id, now_ns, _AGAIN_NS)

    def ask(self, order_id: str, on_reviewed: OnReviewed, on_failed: OnFailed, now_ns: int) -> None:
        """Whoever asks while an answer is awaited gets that one."""
        waiting = self._asked.get(order_id)
        if waiting is not None:
            waiting.append((on_reviewed, on_failed))
            return
        self._asked[order_id] = [(on_reviewed, on_failed)]

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            self.complete(_decode_answer(body).order, answered_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            self._failed(order_id, text, verdict is Verdict.NOT_FOUND, failed_ns)

        path = f"{PATHS.order}/{order_id}"
        self._rest.ask(
            RestQuestion(f"order:{order_id}", path, (), on_answer, on_failure, purpose=Purpose.LISTING), now_ns
        )

    def ask_all(
        self, order_ids: Iterable[str], then: Callable[[int], None], on_failed: Callable[[str, int], None], now_ns: int
    ) -> None:
        """One after the other told; ``then`` once all are, ``on_failed`` once if one is not."""
        missing, has_failed = set(order_ids), False

        def on_reviewed(info: OrderInfo, answered_ns: int) -> None:
            missing.discard(info.order_id)
            if not missing and not has_failed:
                then(answered_ns)

        def on_review_failed(text: str, is_gone: bool, failed_ns: int) -> None:
            nonlocal has_failed
            if not has_failed:
                has_failed = True
                on_failed(text, failed_ns)

        if not missing:
            then(now_ns)
        for order_id in sorted(missing):
            self.ask(order_id, on_reviewed, on_review_failed, now_ns)

    def complete(self, info: OrderInfo, now_ns: int) -> None:
        """What a listing has told of an order counts as well; its trades are still missing if it was edited."""
        order_id = info.order_id
        if not info.edit_history:
            self._finish(info, None, now_ns)
            return

        def on_all(fills: list[FillInfo], answered_ns: int) -> None:
            self._finish(info, fills, answered_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            self._failed(order_id, text, False, failed_ns)

        ask_fills(self._rest, f"fills:{order_id}", (("order_ids", order_id),), on_all, on_failure, now_ns)

    def _finish(self, info: OrderInfo, fills: list[FillInfo] | None, now_ns: int) -> None:
        if not self.on_review(info, fills, now_ns):  # may raise: then it is still asked, and fails
            self._failed(info.order_id, "not all of its trades are listed yet", False, now_ns)
            return
        for on_reviewed, _ in self._asked.pop(info.order_id, []):
            on_reviewed(info, now_ns)

    def _failed(self, order_id: str, text: str, is_gone: bool, now_ns: int) -> None:
        for _, on_failed in self._asked.pop(order_id, []):
            on_failed(text, is_gone, now_ns)


def _nobody(info: OrderInfo, fills: list[FillInfo] | None, now_ns: int) -> bool:
    return True  # until the session has its ledger


def _no_reader(info: OrderInfo, now_ns: int) -> None:
    """A review that nobody waits for: the ledger has taken it."""
