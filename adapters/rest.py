"""A REST link for questions: in a queue, one at a time on a kept-alive connection, signed at the moment they are sent.

A persistent question is asked until it is answered (reads only, so asking twice harms nothing); any other fails once
and says so. The connection is opened when there is something to ask; the venue may close it when idle.

    DOWN ──something to ask──▶ OPENING ──link up──▶ OPEN ──asked, answered──▶ OPEN
      ▲                           │                  │
      └──after the back-off───────┴──────────────────┘ lost, silent, not understood: what was asked is not answered
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from adapters.http import HttpClient, HttpResponse, host_header
from adapters.links import DECODE_ERRORS, BackOff, LinkHost
from adapters.purpose import Purpose
from engine.actor import Endpoint
from engine.errors import VenueError

__all__ = ["Question", "QuestionLink"]

_ASK, _ANSWER = "ask", "answer"

_Failure = TypeVar("_Failure")


class Question(Generic[_Failure]):
    """One request. ``key`` names it: a question of the same key replaces one that waits.

    ``on_failure(text, failure, now_ns)`` is told of every failure (``failure`` is what the venue's ``rest.py`` makes of
    the answer); a persistent question is asked again after it. A patient one, and so is a persistent one, waits for
    room within the venue's rate limits; another one fails for the lack of it.
    """

    __slots__ = ("asked_ns", "is_patient", "is_persistent", "key", "not_before_ns", "on_failure", "purpose")

    def __init__(
        self,
        key: str,
        on_failure: Callable[[str, _Failure, int], None],
        purpose: Purpose,
        *,
        is_persistent: bool,
        is_patient: bool,
        not_before_ns: int = 0,
    ) -> None:
        self.key, self.on_failure, self.purpose = key, on_failure, purpose
        self.is_persistent, self.is_patient = is_persistent, is_patient or is_persistent
        self.not_before_ns, self.asked_ns = not_before_ns, 0


_Question = TypeVar("_Question", bound=Question)  # type: ignore[type-arg]


class _State(Enum):
    DOWN = "down"
    OPENING = "opening"
    OPEN = "open"


class QuestionLink(ABC, Generic[_Question, _Failure]):
    """``name`` is the link's name at the context, and the prefix of its timers' keys. ``unanswered`` is the failure of
    a question to which there was no answer, ``no_room`` of one for which the rate limits have none."""

    def __init__(self, host: LinkHost, name: str, endpoint: Endpoint, unanswered: _Failure, no_room: _Failure) -> None:
        self.name = name
        self._host, self._endpoint = host, endpoint
        self._unanswered, self._no_room = unanswered, no_room
        self._back_off = BackOff(host)
        self._state = _State.DOWN
        self._client: HttpClient | None = None
        self._waiting: dict[str, _Question] = {}
        self._asked: _Question | None = None
        self._open_after_ns = 0

    # -- what is the venue's own -----------------------------------------------------------------------------

    @abstractmethod
    def _wait_ns(self, question: _Question, now_ns: int) -> int:
        """How long the venue's limits make it wait; 0: it may be asked now."""

    @abstractmethod
    def _request(self, question: _Question, client: HttpClient, now_ns: int) -> bytes:
        """The bytes that ask it, which are on their way: count them."""

    @abstractmethod
    def _take(self, question: _Question, response: HttpResponse, now_ns: int) -> None:
        """Hand a good answer to who has asked, then ``_fulfilled``; any other to ``_refused``. What is raised
        (VenueError, DECODE_ERRORS) drops the link, and the question counts as not answered."""

    def _lost(self, question: _Question, now_ns: int) -> None:
        """It was sent and will not be answered."""

    # -- by us -----------------------------------------------------------------------------------------------

    def ask(self, question: _Question, now_ns: int) -> None:
        """Ask, now if possible."""
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
            self._host.ctx.cancel_timer(f"{self.name}:{what}")
        if self._state is not _State.DOWN:
            self._host.ctx.close_link(self.name)
        self._state, self._client = _State.DOWN, None

    # -- by the runtime --------------------------------------------------------------------------------------

    def on_up(self, now_ns: int) -> None:
        if self._state is _State.OPENING:
            self._state = _State.OPEN
            self._host.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
            self._client = HttpClient(host_header(self._endpoint), self._host.options.body_bytes_max)
            self._pump(now_ns)

    def on_bytes(self, data: bytes, now_ns: int) -> None:
        if self._client is None:
            return
        try:
            response = self._client.receive(data)
            if response is not None:
                self._answered(response, now_ns)
        except (VenueError, *DECODE_ERRORS) as error:
            self._host.count(f"{self.name} malformed")
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
        question, at_ns = self._first(now_ns)
        if question is None:
            if at_ns >= 0:
                self._come_back(max(at_ns, now_ns + 1))
        elif self._state is _State.DOWN:
            self._open(now_ns)
        elif self._client is not None and self._client.is_idle:
            self._send(question, self._client, now_ns)

    def _first(self, now_ns: int) -> tuple[_Question | None, int]:
        """(what to ask now, when to look again): cancel-alls, then everything else in the order of asking."""
        due = [each for each in self._waiting.values() if each.not_before_ns <= now_ns]
        if not due:
            return None, min(each.not_before_ns for each in self._waiting.values())
        return next((each for each in due if each.purpose is Purpose.CANCEL_ALL), due[0]), now_ns

    def _open(self, now_ns: int) -> None:
        if now_ns < self._open_after_ns:
            self._come_back(self._open_after_ns)
            return
        self._state = _State.OPENING
        self._host.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + self._host.options.answer_timeout_ns)
        self._host.ctx.open_link(self.name, self._endpoint)

    def _send(self, question: _Question, client: HttpClient, now_ns: int) -> None:
        wait_ns = self._wait_ns(question, now_ns)
        if wait_ns:
            if question.is_patient:
                question.not_before_ns = now_ns + wait_ns
            else:
                self._has_no_room(question, now_ns)
            self._pump(now_ns)
            return
        del self._waiting[question.key]
        self._asked, question.asked_ns = question, now_ns
        self._host.ctx.set_timer(f"{self.name}:{_ANSWER}", now_ns + self._host.options.answer_timeout_ns)
        self._host.ctx.write(self.name, self._request(question, client, now_ns))

    def _has_no_room(self, question: _Question, now_ns: int) -> None:
        del self._waiting[question.key]
        question.on_failure("no room within the venue's rate limits", self._no_room, now_ns)

    def _come_back(self, at_ns: int) -> None:
        self._host.ctx.set_timer(f"{self.name}:{_ASK}", at_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def _answered(self, response: HttpResponse, now_ns: int) -> None:
        question = self._asked
        if question is None:
            raise VenueError("HTTP: an answer to no question")
        self._host.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        self._take(question, response, now_ns)
        if self._client is not None and not self._client.is_reusable:
            self._host.ctx.close_link(self.name)
            self._state, self._client = _State.DOWN, None
        self._pump(now_ns)

    def _fulfilled(self) -> None:
        self._back_off.reset()
        self._asked = None

    def _refused(self, question: _Question, text: str, failure: _Failure, delay_ns: int, now_ns: int) -> None:
        """``delay_ns``: how long until it is asked again if it is persistent; -1: as the back-off says."""
        self._host.ctx.log("venue refused a question", question=question.key, answer=text)
        self._asked = None
        back_off_ns = self._back_off.next_ns()
        self._again(question, text, failure, back_off_ns if delay_ns < 0 else delay_ns, now_ns)

    def _again(self, question: _Question, text: str, failure: _Failure, delay_ns: int, now_ns: int) -> None:
        if question.is_persistent and question.key not in self._waiting:
            question.not_before_ns = now_ns + max(delay_ns, 1)
            self._waiting[question.key] = question
        question.on_failure(text, failure, now_ns)

    def _drop(self, reason: str, now_ns: int) -> None:
        self._host.ctx.close_link(self.name)
        self._state, self._client = _State.DOWN, None
        self._failed(reason, now_ns)

    def _failed(self, reason: str, now_ns: int) -> None:
        self._host.count(f"{self.name} lost")
        self._host.ctx.log("venue link lost", link=self.name, reason=reason)
        self._host.ctx.cancel_timer(f"{self.name}:{_ANSWER}")
        delay_ns = self._back_off.next_ns()
        self._open_after_ns = now_ns + delay_ns
        question, self._asked = self._asked, None
        if question is not None:
            self._lost(question, now_ns)
            self._again(question, reason, self._unanswered, delay_ns, now_ns)
        for waiting in [each for each in self._waiting.values() if not each.is_persistent]:
            del self._waiting[waiting.key]
            waiting.on_failure(reason, self._unanswered, now_ns)
        self._pump(now_ns)
