"""Between a venue and its connections: each message meets the rules, in the order of the script.

A request that a rule does away with, holds or refuses meets no further rule; what only happens beside it (an execution,
a lost answer) leaves the rest to the others. Everything that is sent meets them too.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol

from adapters.simulator.faults.agenda import FAULT_TIMER, Agenda
from adapters.simulator.faults.drawn import Drawn
from adapters.simulator.faults.moments import Moments, Wire
from adapters.simulator.faults.rules import (
    BadChecksum,
    CancelMissing,
    Delay,
    Drop,
    Duplicate,
    Fault,
    FillLate,
    FillOnCancel,
    Gap,
    InDoubt,
    LinkKind,
    LoseAck,
    PartialBatch,
    Refuse,
    RefusedWhy,
    Reorder,
    TimedFault,
    families,
)
from adapters.simulator.faults.target import FaultTarget, Resting, striking_lots
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.websocket_server import WebSocketMessage, text_frame
from engine.actor import Context
from engine.codes import Side

__all__ = ["FAULT_TIMER", "FaultLayer"]

_MS = 1_000_000
#: How long a client is told to wait when a rule refuses one request.
_RETRY_NS = 1_000_000_000
_DOUBTFUL = HttpResponse(503, b"<html>Service Unavailable</html>", content_type="text/html")
_POLICY_VIOLATION = 1008


class _Handler(Protocol):
    def respond(self, request: HttpRequest) -> HttpResponse: ...

    def received(self, link: str, message: WebSocketMessage) -> None: ...


class _Wire(Wire, Protocol):
    def answer(self, link: str, response: HttpResponse) -> None: ...

    def wall_ns(self, now_ns: int) -> int: ...


class _Request(NamedTuple):
    """``payload`` is what rules and venues read; one of the other two is what came."""

    link: str
    kind: str
    payload: bytes
    message: WebSocketMessage | None
    http: HttpRequest | None


class _Fate:
    """What becomes of the answers to the request that is carried out now."""

    def __init__(self) -> None:
        self.lost = self.cut = self.doubted = self.twice = False
        self.spare_every = 0
        self.after: list[Drawn] = []


class FaultLayer:
    """``injected`` counts what has happened, by kind of fault; ``on_fault(kind of fault, kind of message)`` is told
    each time. ``held``: how many messages wait. ``arrived``: requests by kind, as they came, before anything happened
    to them. ``played``: every rule there was."""

    def __init__(self, wire: _Wire, ctx: Context, handler: _Handler, target: FaultTarget) -> None:
        self._wire, self._handler, self._target = wire, handler, target
        self._agenda = Agenda(ctx)
        self.moments = Moments(wire, self._agenda, target, self._links_of, self._strike_any)
        self.played: list[Drawn] = []
        self._rules: list[Drawn] = []
        self._timed: list[Drawn] = []
        self._has_begun = bool(wire.connections())
        self._link_kinds: dict[str, str] = {}
        self._current: tuple[_Request, _Fate] | None = None
        self._responding = ""
        self._response: HttpResponse | None = None
        self._swapped: dict[tuple[int, str], Callable[[], None]] = {}
        self.held = 0
        self.injected: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self.on_fault: Callable[[str, str], None] = lambda what, which: None

    @property
    def clock_skew_ns(self) -> int:
        return self.moments.clock_skew_ns

    def add(self, faults: Iterable[Fault], seed: int) -> None:
        """More rules. Their times count from the first connection, or from now if that has been."""
        for fault in faults:
            drawn = Drawn(fault, seed * 1_000 + len(self.played))
            self.played.append(drawn)
            (self._timed if isinstance(fault, TimedFault) and not fault.after else self._rules).append(drawn)
            if self._has_begun:
                self._start(drawn)

    def clear(self) -> None:
        """From now on nothing goes wrong, and what was held arrives."""
        self._rules.clear()
        self._timed.clear()
        self.moments.end_all()
        for act in [*self._swapped.values()]:
            self._let_go(act)
        self._swapped.clear()

    def on_timer(self) -> None:
        self._agenda.run(self._wire.now_ns)

    # -- connections --------------------------------------------------------------------------------------------

    def refuse(self) -> HttpResponse | None:
        """Why no connection is let in now."""
        self._begin()
        closed = self.moments.why_closed()
        return None if closed is None else self._http_refusal(*closed)

    def opened(self, link: str, request: HttpRequest) -> None:
        self._link_kinds[link] = self._target.link_kind(request)

    def gone(self, link: str) -> None:
        self._link_kinds.pop(link, None)

    def _links_of(self, kind: LinkKind) -> list[str]:
        links = self._wire.connections()
        return links if kind == "any" else [link for link in links if self._kind_of(link) == kind]

    def _kind_of(self, link: str) -> str:
        return self._link_kinds.get(link, "http")

    # -- requests -----------------------------------------------------------------------------------------------

    def received(self, link: str, message: WebSocketMessage) -> None:
        """A request on a WebSocket."""
        payload = message.data
        if not self._link_kinds.get(link):
            self._link_kinds[link] = self._target.request_link(payload)
        self._meet(_Request(link, self._target.request_kind(payload), payload, message, None))

    def respond(self, link: str, request: HttpRequest) -> HttpResponse | None:
        """A request over HTTP; None: its answer comes later, or never."""
        self._begin()
        payload = request.target.encode() + b"\n" + request.body
        self._responding, self._response = link, None
        self._meet(_Request(link, self._target.http_kind(request), payload, None, request))
        response, self._responding, self._response = self._response, "", None
        return response

    def _meet(self, request: _Request) -> None:
        self.arrived[request.kind] += 1
        closed = self.moments.why_closed()
        if closed is not None:
            self._say_no(request, *closed)
            if request.message is not None and closed[0] == "ban":
                self._wire.close(request.link, _POLICY_VIOLATION, "banned")
            return
        fate, names, kind = _Fate(), families(request.kind), self._kind_of(request.link)
        passed: list[Callable[[], None]] = []
        for drawn in self._rules:
            if not drawn.is_about(names, kind):
                continue
            act = partial(self._carry_out_later, request)
            if self._is_held(drawn, request.link, act):
                return
            if self._overtakes(drawn, kind, passed) or not drawn.happens(self._wire.now_ns):
                continue
            self._note(drawn, request.kind)
            if self._befall(drawn, request, fate, kind, act):
                return
        self._carry_out(request, fate)
        for release in passed:
            release()

    def _befall(self, drawn: Drawn, request: _Request, fate: _Fate, kind: str, act: Callable[[], None]) -> bool:
        """What a rule does to a request; True: that is all that happens to it now."""
        fault = drawn.fault
        if isinstance(fault, Drop):
            return True
        if isinstance(fault, Delay | Reorder):
            self._hold(drawn, request.link, kind, act)
            return True
        if isinstance(fault, Refuse):
            self._say_no(request, fault.why, self._wire.now_ns + _RETRY_NS)
            return True
        if isinstance(fault, InDoubt):
            if not fault.performed:
                self._say_doubt(request)
                return True
            fate.doubted = True
        elif isinstance(fault, LoseAck):
            fate.lost, fate.cut = True, fault.cut
        elif isinstance(fault, Duplicate):
            fate.twice = True
        elif isinstance(fault, FillOnCancel):
            self._strike_named(drawn, request.payload, fault.share_percent)
        elif isinstance(fault, CancelMissing | PartialBatch):
            fate.spare_every = 1 if isinstance(fault, CancelMissing) else 2
        elif isinstance(fault, TimedFault):
            fate.after.append(drawn)
        return False

    def _carry_out(self, request: _Request, fate: _Fate) -> None:
        self._current = (request, fate)
        self._target.spare(fate.spare_every)
        for _ in range(1 + fate.twice):
            if request.http is not None:
                self._answer_http(request, self._handler.respond(request.http))
            elif request.message is not None and self._wire.is_open(request.link):
                self._handler.received(request.link, request.message)
        self._target.spare(0)
        self._current = None
        if fate.doubted:
            self._say_doubt(request)
        if fate.cut:
            # Not at once: the bytes that brought the request are still being looked at.
            self._agenda.put(self._wire.now_ns, partial(self.moments.close, request.link))
        for drawn in fate.after:
            self._agenda.put(self._wire.now_ns, partial(self.moments.begin, drawn))

    def _carry_out_later(self, request: _Request) -> None:
        if self._wire.is_open(request.link):
            self._carry_out(request, _Fate())

    # -- answers ------------------------------------------------------------------------------------------------

    def _say_no(self, request: _Request, why: RefusedWhy, until_ns: int) -> None:
        if request.message is not None:
            until_wall_ns = self._wire.wall_ns(until_ns)
            refusal = self._target.refusal(why, request.payload, until_wall_ns)
            self._wire.write_frame(request.link, text_frame(refusal))
        else:
            self._give(request.link, self._http_refusal(why, until_ns))

    def _http_refusal(self, why: RefusedWhy, until_ns: int) -> HttpResponse:
        wall_ns = self._wire.wall_ns
        return self._target.http_refusal(why, wall_ns(until_ns), wall_ns(self._wire.now_ns))

    def _say_doubt(self, request: _Request) -> None:
        if request.message is None:
            self._give(request.link, _DOUBTFUL)
        elif answer := self._target.doubt(request.payload):
            self._wire.write_frame(request.link, text_frame(answer))

    def _answer_http(self, request: _Request, response: HttpResponse) -> None:
        """The venue's answer, on its way."""
        fate = self._current[1] if self._current is not None else _Fate()
        if fate.lost or fate.doubted:
            return
        give = partial(self._give, request.link, response)
        self._send(request.link, _answer_kind(request), "http", give, None)

    def _give(self, link: str, response: HttpResponse) -> None:
        if link == self._responding:
            self._response = self._response or response
        else:
            self._wire.answer(link, response)

    def sending(self, link: str, frame: bytes) -> None:
        """The venue sends a frame with one text message."""
        payload = _payload(frame)
        kind = self._target.push_kind(payload)
        if kind == "answer" and self._current is not None and self._current[0].link == link:
            request, fate = self._current
            if fate.lost or fate.doubted:
                return
            kind = _answer_kind(request)
        elif self.moments.is_silent and kind in ("fill", "report", "balance"):
            return
        write = partial(self._wire.write_frame, link)
        self._send(link, kind, self._kind_of(link), partial(write, frame), lambda: write(self._spoiled(payload)))

    def _send(
        self,
        link: str,
        kind: str,
        link_kind: str,
        write: Callable[[], None],
        write_spoiled: Callable[[], None] | None,
    ) -> None:
        names, twice = families(kind), False
        passed: list[Callable[[], None]] = []
        for drawn in self._rules:
            if isinstance(drawn.fault, FillLate) and "report" in names and self._is_late(drawn, link):
                self._hold(drawn, link, link_kind, write)
                return
            if not drawn.is_about(names, link_kind):
                continue
            if self._is_held(drawn, link, write):
                return
            if drawn.owed:
                drawn.owed -= 1
                return
            if self._overtakes(drawn, link_kind, passed) or not drawn.happens(self._wire.now_ns):
                continue
            self._note(drawn, kind)
            fault = drawn.fault
            if isinstance(fault, Drop | Gap):
                drawn.owed = fault.lost - 1 if isinstance(fault, Gap) else 0
                return
            if isinstance(fault, Delay | Reorder | FillLate):
                self._hold(drawn, link, link_kind, write)
                return
            if isinstance(fault, BadChecksum) and write_spoiled is not None:
                write = write_spoiled
            twice = twice or isinstance(fault, Duplicate)
            if isinstance(fault, TimedFault):
                self._agenda.put(self._wire.now_ns, partial(self.moments.begin, drawn))
        for _ in range(1 + twice):
            write()
        for release in passed:
            release()

    def _spoiled(self, payload: bytes) -> bytes:
        return text_frame(self._target.spoiled(payload))

    # -- what waits ---------------------------------------------------------------------------------------------

    def _hold(self, drawn: Drawn, link: str, link_kind: str, act: Callable[[], None]) -> None:
        fault, now_ns, key = drawn.fault, self._wire.now_ns, (id(drawn), link_kind)
        self.held += 1
        if isinstance(fault, Reorder):
            self._swapped[key] = act
            self._agenda.put(now_ns + fault.within_ms * _MS, partial(self._release, key, act))
            return
        assert isinstance(fault, Delay | FillLate)
        jitter_ns = drawn.below(fault.jitter_ms * _MS) if isinstance(fault, Delay) else 0
        due_ns = max(now_ns + fault.delay_ms * _MS + jitter_ns, drawn.late_until_ns.get(link, 0))
        if isinstance(fault, FillLate) and self._is_late(drawn, link):
            due_ns = drawn.late_until_ns[link]
        drawn.late_until_ns[link] = due_ns
        self._agenda.put(due_ns, partial(self._let_go, act))

    def _is_held(self, drawn: Drawn, link: str, act: Callable[[], None]) -> bool:
        """Whether it waits behind what the same rule holds."""
        if not isinstance(drawn.fault, Delay) or not self._is_late(drawn, link):
            return False
        self.held += 1
        self._agenda.put(drawn.late_until_ns[link], partial(self._let_go, act))
        return True

    def _overtakes(self, drawn: Drawn, link_kind: str, passed: list[Callable[[], None]]) -> bool:
        """Whether one waits for this one to go first."""
        key = (id(drawn), link_kind)
        if key not in self._swapped:
            return False
        passed.append(partial(self._release, key, self._swapped[key]))
        return True

    def _is_late(self, drawn: Drawn, link: str) -> bool:
        return self._wire.now_ns < drawn.late_until_ns.get(link, 0)

    def _release(self, key: tuple[int, str], act: Callable[[], None]) -> None:
        if self._swapped.get(key) is act:
            del self._swapped[key]
            self._let_go(act)

    def _let_go(self, act: Callable[[], None]) -> None:
        self.held -= 1
        act()

    # -- others -------------------------------------------------------------------------------------------------

    def _strike_named(self, drawn: Drawn, request: bytes, share_percent: int) -> None:
        """Somebody trades against the order that a request names, or, if it names none, against any."""
        resting = self._target.resting()
        named = [each for each in resting if any(name and name.encode() in request for name in each.names)]
        self._strike_one(drawn, named or resting, share_percent)

    def _strike_any(self, drawn: Drawn, share_percent: int) -> None:
        self._strike_one(drawn, self._target.resting(), share_percent)

    def _strike_one(self, drawn: Drawn, orders: list[Resting], share_percent: int) -> None:
        if orders:
            order = orders[drawn.below(len(orders))]
            side = Side.SELL if order.side is Side.BUY else Side.BUY
            lots = striking_lots(self._target.market(order.symbol), order, share_percent)
            self._target.trade_by_others(order.symbol, side, order.price_ticks, lots, self._wire.now_ns)

    # -- time ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            for drawn in (*self._rules, *self._timed):
                self._start(drawn)

    def _start(self, drawn: Drawn) -> None:
        drawn.from_ns = self._wire.now_ns
        if drawn in self._timed:
            self._agenda.put(drawn.from_ns + drawn.fault.at_ms * _MS, partial(self._moment, drawn))

    def _moment(self, drawn: Drawn) -> None:
        fault = drawn.fault
        assert isinstance(fault, TimedFault)
        if drawn not in self._timed or drawn.is_over(self._wire.now_ns):
            return
        if drawn.strikes():
            self._note(drawn, "")
            self.moments.begin(drawn)
        if fault.every_ms:
            self._agenda.put(self._wire.now_ns + fault.every_ms * _MS, partial(self._moment, drawn))

    def _note(self, drawn: Drawn, which: str) -> None:
        name = str(drawn.fault.__struct_config__.tag)
        self.injected[name] += 1
        self.on_fault(name, which)


def _answer_kind(request: _Request) -> str:
    return "answer" if request.kind == "request" else f"{request.kind}_answer"


def _payload(frame: bytes) -> bytes:
    """Of an unmasked text frame."""
    length = frame[1]
    return frame[2 if length < 126 else 4 if length == 126 else 10 :]
