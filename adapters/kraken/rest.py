"""Kraken's REST: a nonce and a signature in every private request, sent one by one so that nonces arrive in order, and
one counter for all (``adapters/rest.py`` keeps the queue)."""

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from adapters.http import HttpClient, HttpResponse
from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict, failure_of
from adapters.kraken.messages import Envelope
from adapters.kraken.signing import Nonces, Signer
from adapters.kraken.urls import PRIVATE, PUBLIC
from adapters.purpose import Purpose
from adapters.rest import Question, QuestionLink
from engine.actor import Endpoint

__all__ = ["RestLink", "RestQuestion"]

_PRIORITY = (Purpose.CANCEL_ALL, Purpose.LISTING, Purpose.QUERY)
_FORM = "application/x-www-form-urlencoded"
#: The venue wants one.
_AGENT = "haltline"
_decode = msgspec.json.Decoder(Envelope).decode


class RestQuestion(Question[Verdict]):
    """One request of the endpoint ``name``, private unless ``is_public``.

    ``on_answer(result, asked_ns, now_ns)`` may raise VenueError or DECODE_ERRORS when the result is not what it should
    be. A failure is a verdict, UNKNOWN when there was no answer. What continues a question should be patient: it must
    not have to compete with new ones.
    """

    __slots__ = ("cost_milli", "is_public", "name", "on_answer", "params")

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
        super().__init__(key, on_failure, purpose, is_persistent=is_persistent, is_patient=is_patient)
        self.name, self.params, self.on_answer, self.is_public = name, params, on_answer, is_public
        self.cost_milli = 0 if is_public else cost_milli


class RestLink(QuestionLink[RestQuestion, Verdict]):
    def __init__(self, core: SessionCore, name: str, endpoint: Endpoint, signer: Signer) -> None:
        super().__init__(core, name, endpoint, unanswered=Verdict.UNKNOWN, no_room=Verdict.RATE_LIMITED)
        self._core, self._signer = core, signer
        self._nonces = Nonces()

    def forget_queries(self) -> None:
        """Whoever has asked what waits for its turn will ask again."""
        for each in [each for each in self._waiting.values() if each.purpose is Purpose.QUERY]:
            if not each.is_persistent:
                del self._waiting[each.key]

    # -- asking ----------------------------------------------------------------------------------------------

    def _wait_ns(self, question: RestQuestion, now_ns: int) -> int:
        if question.is_public:
            return 0
        return self._core.limits.rest_wait_ns(question.purpose, question.cost_milli, now_ns)

    def _first(self, now_ns: int) -> tuple[RestQuestion | None, int]:
        """Cancels first, and within a purpose in the order of asking, so that a cheap question never takes the room
        that a dear one waits for."""
        back_ns = -1
        for purpose in _PRIORITY:
            question, at_ns = self._first_of(purpose, now_ns)
            if question is not None:
                return question, now_ns
            if at_ns >= 0:
                back_ns = at_ns if back_ns < 0 else min(back_ns, at_ns)
        return None, back_ns

    def _first_of(self, purpose: Purpose, now_ns: int) -> tuple[RestQuestion | None, int]:
        """(what to ask now, when to look again (-1: nothing waits)). What cannot wait for room fails."""
        waiting = [each for each in self._waiting.values() if each.purpose is purpose]
        back_ns = min((each.not_before_ns for each in waiting if each.not_before_ns > now_ns), default=-1)
        for question in [each for each in waiting if each.not_before_ns <= now_ns]:
            wait_ns = self._wait_ns(question, now_ns)
            if not wait_ns:
                return question, -1
            if question.is_patient:
                return None, now_ns + wait_ns if back_ns < 0 else min(back_ns, now_ns + wait_ns)
            self._has_no_room(question, now_ns)
        return None, back_ns

    def _request(self, question: RestQuestion, client: HttpClient, now_ns: int) -> bytes:
        if question.is_public:
            query = f"?{urlencode(question.params)}" if question.params else ""
            return client.request("GET", f"{PUBLIC}{question.name}{query}", {"User-Agent": _AGENT})
        self._core.limits.rest_spent(question.cost_milli, now_ns)
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

    def _take(self, question: RestQuestion, response: HttpResponse, now_ns: int) -> None:
        core, text = self._core, f"HTTP {response.status}"
        if response.status == 200:
            envelope = _decode(response.body)
            text = failure_of(envelope.error)
            if not text:
                question.on_answer(envelope.result, question.asked_ns, now_ns)
                self._fulfilled()
                return
        verdict = core.judge(text, now_ns, status=response.status)
        delay_ns = -1
        if verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        elif verdict is Verdict.UNAUTHENTICATED or verdict is Verdict.REJECTED:
            delay_ns = core.options.auth_retry_ns
        self._refused(question, text, verdict, delay_ns, now_ns)
