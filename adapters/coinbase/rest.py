"""A REST link for questions: in a queue, one at a time on a kept-alive connection, signed at the moment they are sent.

A persistent question is asked until it is answered (reads only, so asking twice harms nothing); any other fails once
and says so. The connection is opened when there is something to ask; the venue may close it when idle. Orders do not go
here (``order_pool.py``).
"""

from collections.abc import Callable
from enum import Enum
from urllib.parse import quote

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict, judge
from adapters.coinbase.messages import ApiError
from adapters.http import HttpClient, HttpResponse
from adapters.links import DECODE_ERRORS, BackOff
from adapters.purpose import Purpose
from engine.actor import Endpoint
from engine.errors import VenueError
from engine.instrument import NANOS

__all__ = ["RestLink", "RestQuestion", "answer_text", "host_header", "retry_after_ns"]

_ASK, _ANSWER = "ask", "answer"
_decode_error = msgspec.json.Decoder(ApiError).decode

OnAnswer = Callable[[bytes, int, int], None]
OnFailure = Callable[[str, Verdict | None, int], None]


class RestQuestion:
    """One GET. ``key`` names it: a question of the same key replaces one that waits.

    ``on_answer(body, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the body is not what it should be:
    then the link is dropped and the question counts as not answered. ``on_failure(text, verdict, now_ns)`` is told of
    every failure (``verdict`` is None when there was no answer); a persistent question is asked again after it.
    """

    __slots__ = (
        "asked_ns",
        "is_persistent",
        "is_public",
        "key",
        "not_before_ns",
        "on_answer",
        "on_failure",
        "params",
        "path",
        "purpose",
    )

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
        self.key, self.path, self.params = key, path, params
        self.on_answer, self.on_failure = on_answer, on_failure
        self.is_public, self.is_persistent, self.purpose = is_public, is_persistent, purpose
        self.not_before_ns = self.asked_ns = 0

    @property
    def target(self) -> str:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.params)
        return f"{self.path}?{query}" if query else self.path


class _State(Enum):
    DOWN = "down"
    OPENING = "opening"
    OPEN = "open"


class RestLink:
    """``name`` is the link's name at the context, and the prefix of its timers' keys."""

    def __init__(self, core: SessionCore, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self._core, self._endpoint = core, endpoint
        self._back_off = BackOff(core)
        self._state = _State.DOWN
        self._client: HttpClient | None = None
        self._waiting: dict[str, RestQuestion] = {}
        self._asked: RestQuestion | None = None
        self._open_after_ns = 0

    def ask(self, question: RestQuestion, now_ns: int) -> None:
        """Ask, now if possible. A question that is asked already is not asked a second time before its answer."""
        self._waiting[question.key] = question
        self._pump(now_ns)

    def close(self) -> None:
        """Close for good; nothing is told."""
        self._waiting.clear()
        self._asked = None
        for what in (_ASK, _ANSWER):
            self._core.ctx.cancel_timer(f"{self.name}:{what}")
        if self._state is not _State.DOWN:
            self._core.ctx.close_link(self.name)
        self._state, self._client = _State.DOWN, None

    # -- by the runtime --------------------------------------------------------------------------------------

    def on_up(self, now_ns: int) -> None:
        if self._state is _State.OPENING:
            self._state = _State.OPEN
            self._core.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
            self._client = HttpClient(host_header(self._endpoint), self._core.options.body_bytes_max)
            self._pump(now_ns)

    def on_bytes(self, data: bytes, now_ns: int) -> None:
        if self._client is None:
            return
        try:
            response = self._client.receive(data)
            if response is not None:
                self._answered(response, now_ns)
        except (VenueError, *DECODE_ERRORS) as error:
            self._core.count(f"{self.name} malformed")
            self._drop(f"not understood: {error}", now_ns)

    def on_down(self, reason: str, now_ns: int) -> None:
        if self._state is _State.OPEN and self._client is not None and self._asked is not None:
            self.on_bytes(b"", now_ns)  # a body may be delimited by the end of the connection
        if self._state is _State.DOWN:
            return
        was_idle = self._state is _State.OPEN and self._asked is None
        self._state, self._client = _State.DOWN, None
        if was_idle:
            self._pump(now_ns)
        else:
            self._failed(f"link lost: {reason}", now_ns)

    def on_timer(self, what: str, now_ns: int) -> None:
        if what == _ASK:
            self._pump(now_ns)
        elif what == _ANSWER and self._state is not _State.DOWN:
            self._drop("no answer in time", now_ns)

    # -- asking ----------------------------------------------------------------------------------------------

    def _pump(self, now_ns: int) -> None:
        """Ask the first question that may be asked now; else come back when one may be."""
        if self._asked is not None or not self._waiting:
            return
        question = next((each for each in self._waiting.values() if each.not_before_ns <= now_ns), None)
        if question is None:
            self._come_back(min(each.not_before_ns for each in self._waiting.values()))
        elif self._state is _State.DOWN:
            self._open(now_ns)
        elif self._client is not None and self._client.is_idle:
            self._send(question, self._client, now_ns)

    def _open(self, now_ns: int) -> None:
        if now_ns < self._open_after_ns:
            self._come_back(self._open_after_ns)
            return
        self._state = _State.OPENING
        self._core.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + self._core.options.answer_timeout_ns)
        self._core.ctx.open_link(self.name, self._endpoint)

    def _send(self, question: RestQuestion, client: HttpClient, now_ns: int) -> None:
        core = self._core
        if not question.is_public and not core.limits.has_room(question.purpose, now_ns):
            question.not_before_ns = max(core.limits.next_chance_ns(question.purpose, now_ns), now_ns + 1)
            self._pump(now_ns)
            return
        del self._waiting[question.key]
        self._asked, question.asked_ns = question, now_ns
        headers = {}
        if not question.is_public:
            core.limits.sent(now_ns)
            token = core.tokens.rest("GET", question.path, core.venue_s(now_ns))
            headers["authorization"] = f"Bearer {token}"
        core.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + core.options.answer_timeout_ns)
        core.ctx.write(self.name, client.request("GET", question.target, headers))

    # -- answers ---------------------------------------------------------------------------------------------

    def _answered(self, response: HttpResponse, now_ns: int) -> None:
        question = self._asked
        if question is None:
            raise VenueError("HTTP: an answer to no question")
        core = self._core
        core.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        if not question.is_public:
            core.limits.report_headers(response.headers, now_ns)
        if response.status == 200:
            question.on_answer(response.body, question.asked_ns, now_ns)  # may raise: then it is still asked
            self._back_off.reset()
            core.answered()
            self._asked = None
        else:
            self._refused(question, response, now_ns)
        if self._client is not None and not self._client.is_reusable:
            self._core.ctx.close_link(self.name)
            self._state, self._client = _State.DOWN, None
        self._pump(now_ns)

    def _refused(self, question: RestQuestion, response: HttpResponse, now_ns: int) -> None:
        core = self._core
        text = answer_text(response)
        self._asked = None
        if response.status == 404 or (question.is_public and response.status == 401):
            verdict = judge(response.status)  # nobody else is concerned: neither the key nor the clock is at fault
        else:
            verdict = core.judge(response.status, text, retry_after_ns(response), now_ns)
        core.ctx.log("venue refused a question", question=question.key, answer=text)
        delay_ns = self._back_off.next_ns()
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict in (Verdict.FORBIDDEN, Verdict.REJECTED):
            delay_ns = core.options.auth_retry_ns
        self._again(question, text, verdict, delay_ns, now_ns)

    def _again(self, question: RestQuestion, text: str, verdict: Verdict | None, delay_ns: int, now_ns: int) -> None:
        if question.is_persistent and question.key not in self._waiting:
            question.not_before_ns = now_ns + max(delay_ns, 1)
            self._waiting[question.key] = question
        question.on_failure(text, verdict, now_ns)

    def _drop(self, reason: str, now_ns: int) -> None:
        self._core.ctx.close_link(self.name)
        self._state, self._client = _State.DOWN, None
        self._failed(reason, now_ns)

    def _failed(self, reason: str, now_ns: int) -> None:
        core = self._core
        core.count(f"{self.name} lost")
        core.ctx.log("venue link lost", link=self.name, reason=reason)
        core.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        delay_ns = self._back_off.next_ns()
        self._open_after_ns = now_ns + delay_ns
        question, self._asked = self._asked, None
        if question is not None:
            self._again(question, reason, None, delay_ns, now_ns)
        for waiting in [each for each in self._waiting.values() if not each.is_persistent]:
            del self._waiting[waiting.key]
            waiting.on_failure(reason, None, now_ns)
        self._pump(now_ns)

    def _come_back(self, at_ns: int) -> None:
        self._core.ctx.set_timer(f"{self.name}:{_ASK}", at_ns)


def host_header(endpoint: Endpoint) -> str:
    default = 443 if endpoint.tls else 80
    return endpoint.host if endpoint.port == default else f"{endpoint.host}:{endpoint.port}"


def answer_text(response: HttpResponse) -> str:
    """For people. Bodies of errors may be anything."""
    text = f"HTTP {response.status}"
    try:
        error = _decode_error(response.body)
    except DECODE_ERRORS:
        return text  # a proxy's page or plain words: the status says enough
    return f"{text} {error.error} {error.message or error.error_details}".strip()


def retry_after_ns(response: HttpResponse) -> int:
    seconds = response.headers.get("retry-after", "")
    return int(seconds) * NANOS if seconds.isascii() and seconds.isdigit() and len(seconds) < 8 else 0
