"""The REST link: questions in a queue, one at a time on a kept-alive connection, signed at the moment they are sent, so
that nonces arrive in order.

A persistent question is asked until it is answered (reads only, so asking twice harms nothing); any other fails once
and says so. The connection is opened when there is something to ask; the venue may close it when idle.
"""

from collections.abc import Callable
from enum import Enum
from urllib.parse import urlencode

import msgspec

from adapters.http import HttpClient, HttpResponse
from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict, failure_of
from adapters.kraken.messages import Envelope
from adapters.kraken.signing import Nonces, Signer
from adapters.kraken.urls import PRIVATE, PUBLIC
from adapters.links import DECODE_ERRORS, BackOff
from adapters.purpose import Purpose
from engine.actor import Endpoint
from engine.errors import VenueError

__all__ = ["RestLink", "RestQuestion"]

_ASK, _ANSWER = "ask", "answer"
_PRIORITY = (Purpose.CANCEL_ALL, Purpose.LISTING, Purpose.QUERY)
_FORM = "application/x-www-form-urlencoded"
#: The venue wants one.
_AGENT = "haltline"
_decode = msgspec.json.Decoder(Envelope).decode


class RestQuestion:
    """One request of the endpoint ``name``, private unless ``is_public``. ``key`` names it: a question of the same key
    replaces one that waits.

    ``on_answer(result, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the result is not what it should
    be: then the link is dropped and the question counts as not answered. ``on_failure(text, verdict, now_ns)`` is told
    of every failure; a persistent question is asked again after it. A patient one waits for room within the rate limit:
    what continues a question must not have to compete with new ones.
    """

    __slots__ = (
        "asked_ns",
        "cost_milli",
        "is_patient",
        "is_persistent",
        "is_public",
        "key",
        "name",
        "not_before_ns",
        "on_answer",
        "on_failure",
        "params",
        "purpose",
    )

    def __init__(
        self,
        key: str,
        name: str,
        params: tuple[tuple[str, str], ...],
        on_answer: Callable[[msgspec.Raw, int, int], None],
        on_failure: Callable[[str, Verdict, int], None],
        *,
        is_public: bool = False,
        is_persistent: bool = False,
        is_patient: bool = False,
        purpose: Purpose = Purpose.QUERY,
        cost_milli: int = 1_000,
    ) -> None:
        self.key, self.name, self.params = key, name, params
        self.on_answer, self.on_failure = on_answer, on_failure
        self.is_public, self.is_persistent, self.purpose = is_public, is_persistent, purpose
        self.is_patient = is_patient or is_persistent
        self.cost_milli = 0 if is_public else cost_milli
        self.asked_ns = self.not_before_ns = 0


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
        self._nonces = Nonces()
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

    def forget_queries(self) -> None:
        """Whoever has asked what waits for its turn will ask again."""
        for each in [each for each in self._waiting.values() if each.purpose is Purpose.QUERY]:
            if not each.is_persistent:
                del self._waiting[each.key]

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
        """Ask what may be asked now: cancels first, and within a purpose in the order of asking, so that a cheap
        question never takes the room that a dear one waits for; else come back when one may be."""
        if self._asked is not None:
            return
        back_ns = -1
        for purpose in _PRIORITY:
            question, at_ns = self._first(purpose, now_ns)
            if question is not None:
                if self._state is _State.DOWN:
                    self._open(now_ns)
                elif self._client is not None and self._client.is_idle:
                    self._send(question, self._client, now_ns)
                return
            if at_ns >= 0:
                back_ns = at_ns if back_ns < 0 else min(back_ns, at_ns)
        if back_ns >= 0:
            self._come_back(max(back_ns, now_ns + 1))

    def _first(self, purpose: Purpose, now_ns: int) -> tuple[RestQuestion | None, int]:
        """(what to ask now, when to look again (-1: nothing waits)). What cannot wait for room fails."""
        waiting = [each for each in self._waiting.values() if each.purpose is purpose]
        back_ns = min((each.not_before_ns for each in waiting if each.not_before_ns > now_ns), default=-1)
        for question in [each for each in waiting if each.not_before_ns <= now_ns]:
            if question.is_public:
                return question, -1
            wait_ns = self._core.limits.rest_wait_ns(purpose, question.cost_milli, now_ns)
            if not wait_ns:
                return question, -1
            if question.is_patient:
                return None, now_ns + wait_ns if back_ns < 0 else min(back_ns, now_ns + wait_ns)
            del self._waiting[question.key]
            question.on_failure("no room within the venue's rate limits", Verdict.RATE_LIMITED, now_ns)
        return None, back_ns

    def _open(self, now_ns: int) -> None:
        if now_ns < self._open_after_ns:
            self._come_back(self._open_after_ns)
            return
        self._state = _State.OPENING
        self._core.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + self._core.options.answer_timeout_ns)
        self._core.ctx.open_link(self.name, self._endpoint)

    def _send(self, question: RestQuestion, client: HttpClient, now_ns: int) -> None:
        core = self._core
        del self._waiting[question.key]
        self._asked, question.asked_ns = question, now_ns
        if not question.is_public:
            core.limits.rest_spent(question.cost_milli, now_ns)
        core.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + core.options.answer_timeout_ns)
        core.ctx.write(self.name, self._request(question, client, now_ns))

    def _request(self, question: RestQuestion, client: HttpClient, now_ns: int) -> bytes:
        if question.is_public:
            query = f"?{urlencode(question.params)}" if question.params else ""
            return client.request("GET", f"{PUBLIC}{question.name}{query}", {"User-Agent": _AGENT})
        path, nonce = f"{PRIVATE}{question.name}", str(self._nonces.next(self._core.ctx.wall_ns(now_ns)))
        body = urlencode((("nonce", nonce), *question.params)).encode()
        headers = {
            "User-Agent": _AGENT,
            "Content-Type": _FORM,
            "API-Key": self._signer.api_key,
            "API-Sign": self._signer.sign(path, nonce, body),
        }
        return client.request("POST", path, headers, body)

    # -- answers ---------------------------------------------------------------------------------------------

    def _answered(self, response: HttpResponse, now_ns: int) -> None:
        question = self._asked
        if question is None:
            raise VenueError("HTTP: an answer to no question")
        self._core.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        if response.status != 200:
            self._refused(question, f"HTTP {response.status}", response.status, now_ns)
        else:
            envelope = _decode(response.body)
            failure = failure_of(envelope.error)
            if failure:
                self._refused(question, failure, 200, now_ns)
            else:
                question.on_answer(envelope.result, question.asked_ns, now_ns)  # may raise: then it is still asked
                self._back_off.reset()
                self._asked = None
        if self._client is not None and not self._client.is_reusable:
            self._core.ctx.close_link(self.name)
            self._state, self._client = _State.DOWN, None
        self._pump(now_ns)

    def _refused(self, question: RestQuestion, text: str, status: int, now_ns: int) -> None:
        core = self._core
        verdict = core.judge(text, now_ns, status=status)
        core.ctx.log("venue refused a question", question=question.name, answer=text)
        self._asked = None
        delay_ns = self._back_off.next_ns()
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict is Verdict.UNAUTHENTICATED or verdict is Verdict.REJECTED:
            delay_ns = core.options.auth_retry_ns
        self._again(question, text, verdict, delay_ns, now_ns)

    def _again(self, question: RestQuestion, text: str, verdict: Verdict, delay_ns: int, now_ns: int) -> None:
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
            self._again(question, reason, Verdict.UNKNOWN, delay_ns, now_ns)
        for waiting in [each for each in self._waiting.values() if not each.is_persistent]:
            del self._waiting[waiting.key]
            waiting.on_failure(reason, Verdict.UNKNOWN, now_ns)
        self._pump(now_ns)

    def _come_back(self, at_ns: int) -> None:
        self._core.ctx.set_timer(f"{self.name}:{_ASK}", at_ns)
