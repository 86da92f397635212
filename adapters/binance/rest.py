"""The REST link: questions in a queue, one at a time on a kept-alive connection, signed at the moment they are sent.

A persistent question is asked until it is answered (reads only, so asking twice harms nothing); any other fails once
and says so. The connection is opened when there is something to ask; the venue may close it when idle.
"""

from collections.abc import Callable
from enum import Enum

import msgspec

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict
from adapters.binance.messages import ApiError
from adapters.binance.signing import Signer, query_string, signed_query
from adapters.http import HttpClient, HttpResponse
from adapters.links import DECODE_ERRORS, BackOff
from adapters.purpose import Purpose
from engine.actor import Endpoint
from engine.errors import VenueError
from engine.instrument import NANOS

__all__ = ["RestLink", "RestQuestion"]

_ASK, _ANSWER = "ask", "answer"
_decode_error = msgspec.json.Decoder(ApiError).decode


class RestQuestion:
    """One request. ``key`` names it: a question of the same key replaces one that waits.

    ``on_answer(body, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the body is not what it should be:
    then the link is dropped and the question counts as not answered. ``on_failure(text, code, now_ns)`` is told of
    every failure (``code`` is the venue's, 0 when it gave none); a persistent question is asked again after it.
    """

    __slots__ = (
        "asked_ns",
        "is_persistent",
        "is_signed",
        "key",
        "method",
        "not_before_ns",
        "on_answer",
        "on_failure",
        "params",
        "path",
        "purpose",
        "weight",
    )

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
        self.key, self.path, self.params, self.weight = key, path, params, weight
        self.on_answer, self.on_failure = on_answer, on_failure
        self.method, self.is_signed, self.is_persistent, self.purpose = method, is_signed, is_persistent, purpose
        self.not_before_ns = not_before_ns
        self.asked_ns = 0


class _State(Enum):
    DOWN = "down"
    OPENING = "opening"
    OPEN = "open"


class RestLink:
    """``name`` is the link's name at the context, and the prefix of its timers' keys."""

    def __init__(self, core: SessionCore, name: str, endpoint: Endpoint, signer: Signer) -> None:
        self.name = name
        self._core, self._endpoint, self._signer = core, endpoint, signer
        default = 443 if endpoint.tls else 80
        self._host = endpoint.host if endpoint.port == default else f"{endpoint.host}:{endpoint.port}"
        self._back_off = BackOff(core)
        self._state = _State.DOWN
        self._client: HttpClient | None = None
        self._waiting: dict[str, RestQuestion] = {}
        self._asked: RestQuestion | None = None
        self._open_after_ns = 0

    # -- by us -----------------------------------------------------------------------------------------------

    def ask(self, question: RestQuestion, now_ns: int) -> None:
        self._waiting[question.key] = question
        self._pump(now_ns)

    def forget(self, key: str) -> None:
        """Do not ask what still waits under ``key``; an answer on its way is still given."""
        self._waiting.pop(key, None)

    def close(self) -> None:
        """Close for good; nothing more is asked or told."""
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
            self._client = HttpClient(self._host, self._core.options.body_bytes_max)
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
        venue_ns = core.clock.venue_ns(now_ns)
        if not core.limits.has_room(question.purpose, question.weight, venue_ns, now_ns):
            if not question.is_persistent:
                del self._waiting[question.key]
                question.on_failure("no room within the venue's rate limits", 0, now_ns)
                self._pump(now_ns)
            else:
                question.not_before_ns = max(core.limits.next_chance_ns(now_ns, venue_ns), now_ns + 1)
                self._pump(now_ns)
            return
        del self._waiting[question.key]
        self._asked, question.asked_ns = question, now_ns
        core.limits.sent(question.purpose, question.weight, venue_ns)
        core.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + core.options.answer_timeout_ns)
        core.ctx.write(self.name, client.request(question.method, self._target(question, now_ns), self._headers()))

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

    def _answered(self, response: HttpResponse, now_ns: int) -> None:
        question = self._asked
        if question is None:
            raise VenueError("HTTP: an answer to no question")
        core = self._core
        core.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        venue_ns = core.clock.venue_ns(now_ns)
        core.limits.answered(question.purpose, question.weight, question.weight, venue_ns)
        core.limits.report_headers(response.headers, venue_ns)
        if response.status == 200:
            question.on_answer(response.body, question.asked_ns, now_ns)  # may raise: then it is still asked
            self._back_off.reset()
            self._asked = None
        else:
            self._refused(question, response, now_ns)
        if self._client is not None and not self._client.is_reusable:
            self._core.ctx.close_link(self.name)
            self._state, self._client = _State.DOWN, None
        self._pump(now_ns)

    def _refused(self, question: RestQuestion, response: HttpResponse, now_ns: int) -> None:
        core = self._core
        error = _error_of(response)
        verdict = core.judge(429 if response.status == 403 else response.status, error, _silence_ns(response), now_ns)
        text = f"HTTP {response.status}" + (f" {error.code} {error.msg}" if error is not None else "")
        core.ctx.log("venue refused a question", question=question.key, answer=text)
        self._asked = None
        delay_ns = self._back_off.next_ns()
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict is Verdict.UNAUTHENTICATED or verdict is Verdict.REJECTED:
            delay_ns = core.options.auth_retry_ns
        self._again(question, text, error.code if error is not None else 0, delay_ns, now_ns)

    def _again(self, question: RestQuestion, text: str, code: int, delay_ns: int, now_ns: int) -> None:
        if question.is_persistent and question.key not in self._waiting:
            question.not_before_ns = now_ns + max(delay_ns, 1)
            self._waiting[question.key] = question
        question.on_failure(text, code, now_ns)

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
            core.limits.answered(question.purpose, question.weight, question.weight, core.clock.venue_ns(now_ns))
            self._again(question, reason, 0, delay_ns, now_ns)
        for waiting in [each for each in self._waiting.values() if not each.is_persistent]:
            del self._waiting[waiting.key]
            waiting.on_failure(reason, 0, now_ns)
        self._pump(now_ns)

    def _come_back(self, at_ns: int) -> None:
        self._core.ctx.set_timer(f"{self.name}:{_ASK}", at_ns)


def _error_of(response: HttpResponse) -> ApiError | None:
    try:
        return _decode_error(response.body)
    except DECODE_ERRORS:
        return None  # a proxy's page, not the venue's answer: the status says enough


def _silence_ns(response: HttpResponse) -> int:
    seconds = response.headers.get("retry-after", "")
    return int(seconds) * NANOS if seconds.isascii() and seconds.isdigit() and len(seconds) < 8 else 0
