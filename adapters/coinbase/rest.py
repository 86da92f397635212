"""Coinbase's REST for questions: a token in every private one (``adapters/rest.py`` keeps the queue). Orders do not go
here (``order_pool.py``)."""

from collections.abc import Callable
from urllib.parse import quote

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict, judge
from adapters.coinbase.messages import ApiError
from adapters.http import HttpClient, HttpResponse, retry_after_ns
from adapters.links import DECODE_ERRORS
from adapters.purpose import Purpose
from adapters.rest import Question, QuestionLink
from engine.actor import Endpoint

__all__ = ["RestLink", "RestQuestion", "answer_text"]

_decode_error = msgspec.json.Decoder(ApiError).decode

OnAnswer = Callable[[bytes, int, int], None]
OnFailure = Callable[[str, Verdict | None, int], None]


class RestQuestion(Question[Verdict | None]):
    """One GET. ``on_answer(body, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the body is not what it
    should be. A failure is a verdict, None when there was no answer."""

    __slots__ = ("is_public", "on_answer", "params", "path")

    def __init__(
        self,
        key: str,
        path: str,
        params: tuple[tuple[str, str], ...],
        on_answer: OnAnswer,
        on_failure: OnFailure,
        *,
        is_public: bool = False,
        is_persistent: bool = False,
        purpose: Purpose = Purpose.QUERY,
    ) -> None:
        super().__init__(key, on_failure, purpose, is_persistent=is_persistent, is_patient=True)
        self.path, self.params, self.on_answer, self.is_public = path, params, on_answer, is_public

    @property
    def target(self) -> str:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.params)
        return f"{self.path}?{query}" if query else self.path


class RestLink(QuestionLink[RestQuestion, Verdict | None]):
    def __init__(self, core: SessionCore, name: str, endpoint: Endpoint) -> None:
        super().__init__(core, name, endpoint, unanswered=None, no_room=Verdict.RATE_LIMITED)
        self._core = core

    def _wait_ns(self, question: RestQuestion, now_ns: int) -> int:
        limits = self._core.limits
        if question.is_public or limits.has_room(question.purpose, now_ns):
            return 0
        return max(limits.next_chance_ns(question.purpose, now_ns) - now_ns, 1)

    def _request(self, question: RestQuestion, client: HttpClient, now_ns: int) -> bytes:
        core, headers = self._core, {}
        if not question.is_public:
            core.limits.sent(now_ns)
            token = core.tokens.rest("GET", question.path, core.venue_s(now_ns))
            headers["authorization"] = f"Bearer {token}"
        return client.request("GET", question.target, headers)

    def _take(self, question: RestQuestion, response: HttpResponse, now_ns: int) -> None:
        core = self._core
        if not question.is_public:
            core.limits.report_headers(response.headers, now_ns)
        if response.status == 200:
            question.on_answer(response.body, question.asked_ns, now_ns)
            self._fulfilled()
            core.answered(is_public=question.is_public)
            return
        text = answer_text(response)
        if response.status == 404 or (question.is_public and response.status == 401):
            verdict = judge(response.status)  # nobody else is concerned: neither the key nor the clock is at fault
        else:
            verdict = core.judge(response.status, text, retry_after_ns(response.headers), now_ns)
        delay_ns = -1
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict in (Verdict.FORBIDDEN, Verdict.REJECTED) or (
            verdict is Verdict.UNAUTHENTICATED and core.is_denied
        ):
            delay_ns = core.options.auth_retry_ns
        self._refused(question, text, verdict, delay_ns, now_ns)


def answer_text(response: HttpResponse) -> str:
    """For people. Bodies of errors may be anything."""
    text = f"HTTP {response.status}"
    try:
        error = _decode_error(response.body)
    except DECODE_ERRORS:
        return text  # a proxy's page or plain words: the status says enough
    return f"{text} {error.error} {error.message or error.error_details}".strip()
