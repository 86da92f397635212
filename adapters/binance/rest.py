"""Binance's REST: requests signed in the query, limits by weight (``adapters/rest.py`` keeps the queue)."""

from collections.abc import Callable

import msgspec

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict
from adapters.binance.messages import ApiError
from adapters.binance.signing import Signer, query_string, signed_query
from adapters.http import HttpClient, HttpResponse, retry_after_ns
from adapters.links import DECODE_ERRORS
from adapters.purpose import Purpose
from adapters.rest import Question, QuestionLink
from engine.actor import Endpoint

__all__ = ["RestLink", "RestQuestion"]

_decode_error = msgspec.json.Decoder(ApiError).decode


class RestQuestion(Question[int]):
    """``on_answer(body, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the body is not what it should
    be. A failure is the venue's code (below 0), HTTP's status when it gave none, 0 when there was no answer."""

    __slots__ = ("is_signed", "method", "on_answer", "params", "path", "weight")

    def __init__(
        self,
        key: str,
        path: str,
        params: tuple[tuple[str, str | int], ...],
        weight: int,
        on_answer: Callable[[bytes, int, int], None],
        on_failure: Callable[[str, int, int], None],
        *,
        method: str = "GET",
        is_signed: bool = False,
        is_persistent: bool = True,
        purpose: Purpose = Purpose.QUERY,
        not_before_ns: int = 0,
    ) -> None:
        super().__init__(
            key, on_failure, purpose, is_persistent=is_persistent, is_patient=False, not_before_ns=not_before_ns
        )
        self.path, self.params, self.weight, self.on_answer = path, params, weight, on_answer
        self.method, self.is_signed = method, is_signed


class RestLink(QuestionLink[RestQuestion, int]):
    def __init__(self, core: SessionCore, name: str, endpoint: Endpoint, signer: Signer) -> None:
        super().__init__(core, name, endpoint, unanswered=0, no_room=0)
        self._core, self._signer = core, signer

    def _wait_ns(self, question: RestQuestion, now_ns: int) -> int:
        limits, venue_ns = self._core.limits, self._core.clock.venue_ns(now_ns)
        if limits.has_room(question.purpose, question.weight, venue_ns, now_ns):
            return 0
        return max(limits.next_chance_ns(now_ns, venue_ns) - now_ns, 1)

    def _request(self, question: RestQuestion, client: HttpClient, now_ns: int) -> bytes:
        core = self._core
        core.limits.sent(question.purpose, question.weight, core.clock.venue_ns(now_ns))
        return client.request(question.method, self._target(question, now_ns), self._headers())

    def _target(self, question: RestQuestion, now_ns: int) -> str:
        if question.is_signed:
            stamp = (
                ("recvWindow", self._core.options.recv_window_ms),
                ("timestamp", self._core.clock.timestamp(now_ns)),
            )
            return f"{question.path}?{signed_query(self._signer, (*question.params, *stamp))}"
        return f"{question.path}?{query_string(question.params)}" if question.params else question.path

    def _headers(self) -> dict[str, str]:
        headers = {"X-MBX-APIKEY": self._signer.api_key}
        if self._core.options.time_unit != "MILLISECOND":
            headers["X-MBX-TIME-UNIT"] = self._core.options.time_unit
        return headers

    # -- answers ---------------------------------------------------------------------------------------------

    def _take(self, question: RestQuestion, response: HttpResponse, now_ns: int) -> None:
        core = self._core
        self._has_weighed(question, now_ns)
        core.limits.report_headers(response.headers, core.clock.venue_ns(now_ns))
        if response.status == 200:
            question.on_answer(response.body, question.asked_ns, now_ns)
            self._fulfilled()
            return
        error = _error_of(response)
        status = 429 if response.status == 403 else response.status
        verdict = core.judge(status, error, retry_after_ns(response.headers), now_ns)
        text = f"HTTP {response.status}" + (f" {error.code} {error.msg}" if error is not None else "")
        delay_ns = -1
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict is Verdict.UNAUTHENTICATED or verdict is Verdict.REJECTED:
            delay_ns = core.options.auth_retry_ns
        code = error.code if error is not None else response.status
        self._refused(question, text, code, delay_ns, now_ns)

    def _lost(self, question: RestQuestion, now_ns: int) -> None:
        self._has_weighed(question, now_ns)

    def _has_weighed(self, question: RestQuestion, now_ns: int) -> None:
        core = self._core
        core.limits.answered(question.purpose, question.weight, question.weight, core.clock.venue_ns(now_ns))


def _error_of(response: HttpResponse) -> ApiError | None:
    try:
        return _decode_error(response.body)
    except DECODE_ERRORS:
        return None  # a proxy's page, not the venue's answer: the status says enough
