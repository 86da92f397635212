"""A simulated venue that outlives its process, as a real one outlives its front: whatever it was is there again.

A venue is a function of its inputs: links up and down, bytes, timers, each with its time. So each input goes into the
actor's journal before the venue is given it, and whatever a venue says has its causes in the journal before it leaves.
A new life gives the venue the same inputs again, with nobody listening and nothing leaving, tells it that every link is
down, and goes on: orders, fills, balances, ids, nonces, rate limits, the market itself, faults under way.

The venue's clock goes on too, by as much as UTC has: the market trades and orders expire while nobody can reach it.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from adapters.simulator.prng import SplitMix64
from engine.actor import Actor, Context, CounterRecorder, Endpoint, Journal, Latch, LatencyRecorder
from engine.errors import InvariantError, UsageError
from engine.messages import Message

__all__ = ["RememberedVenue"]

#: Kind, UTC less the venue's clock, bytes that the venue had written before, length of the name. Name and bytes follow.
_RECORD: Final = Struct("<BqQH")
_BEGIN, _LIFE, _TIMER, _UP, _BYTES, _DOWN, _BLOCKED = range(7)
_ORDINAL_BYTES: Final = 4
_DOWN_WHY: Final = "the venue has restarted"


class _Input(NamedTuple):
    """``name``: a timer's key, a link, or what the venue is made of. ``blocked``: which of the venue's looks at a link,
    counted within this input, found one that takes no more."""

    at_ns: int
    kind: int
    wall_offset_ns: int
    written: int
    name: str
    data: bytes
    blocked: set[int]


class RememberedVenue(Actor):
    """``venue``, with every input of it in the actor's journal. ``identity`` says what the venue is made of: a journal
    of another one is refused, as its answers would be others.

    What is done to the venue by calling it (``revoke_key`` and the like) is no input, and not remembered.
    """

    def __init__(self, venue: Actor, identity: str) -> None:
        self.venue = venue
        self._identity = identity
        #: Inputs of earlier lives that were given to the venue again.
        self.replayed = 0
        #: When the first life began, by the venue's clock.
        self.began_ns = 0
        self._life = 0
        #: Links that the venue has not been told down yet.
        self._links: dict[str, None] = {}

    @property
    def lived_ns(self) -> int:
        """From the beginning of its first life to the last input, by the venue's clock."""
        return self._inner.now_ns - self.began_ns

    # -- the actor ----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        """Raises UsageError when the journal is of another venue."""
        self._inner = inner = VenueContext(ctx)
        for each in _inputs(ctx.journal):
            self._again(each)
        inner.wake(now_ns)
        if self.replayed:
            self._take(_LIFE, "", b"", now_ns)
        else:
            self._take(_BEGIN, self._identity, b"", now_ns)
        for link in list(self._links):
            self._take(_DOWN, link, b"", now_ns)
        inner.go_live()

    def on_stop(self, now_ns: int) -> None:
        """Not in the journal: the next life tells every link down by itself."""
        if self._inner.is_live:
            self.venue.on_stop(self._inner.venue_ns(now_ns))

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        """Questions about the venue, which change nothing in it."""
        self.venue.on_message(sender, message, self._inner.venue_ns(now_ns))

    def on_timer(self, key: str, now_ns: int) -> None:
        self._take(_TIMER, key, b"", now_ns)

    def on_link_up(self, link: str, now_ns: int) -> None:
        self._take(_UP, self._named(link), b"", now_ns)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._take(_BYTES, self._named(link), data, now_ns)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self._take(_DOWN, self._named(link), b"", now_ns)

    # -- inputs -------------------------------------------------------------------------------------------------

    def _named(self, link: str) -> str:
        """Every life counts its links from 1; to the venue no two have one name."""
        return f"{link}@{self._life}"

    def _take(self, kind: int, name: str, data: bytes, now_ns: int) -> None:
        """Something happens to the venue: first into the journal."""
        inner = self._inner
        inner.begin(inner.venue_ns(now_ns))
        inner.note(kind, name, data)
        self._give(kind, name, data)

    def _again(self, each: _Input) -> None:
        inner = self._inner
        if each.kind == _BEGIN and each.name != self._identity:
            raise UsageError(
                f"the state is of {each.name}, not of {self._identity}; give it the same options, or another directory "
                "for its state"
            )
        if each.written != inner.written:
            raise UsageError(
                f"after {self.replayed} inputs this venue has written {inner.written} bytes, and that of the state "
                f"{each.written}: it was another program, or had other keys; give it another directory for its state"
            )
        inner.begin_again(each)
        if each.kind == _TIMER:
            inner.timers.pop(each.name, None)
        self._give(each.kind, each.name, each.data)
        self.replayed += 1

    def _give(self, kind: int, name: str, data: bytes) -> None:
        venue, now_ns = self.venue, self._inner.now_ns
        if kind == _BYTES:
            venue.on_link_bytes(name, data, now_ns)
        elif kind == _TIMER:
            venue.on_timer(name, now_ns)
        elif kind == _UP:
            self._links[name] = None
            venue.on_link_up(name, now_ns)
        elif kind == _DOWN:
            self._links.pop(name, None)
            venue.on_link_down(name, _DOWN_WHY, now_ns)
        else:
            self._life += 1
            if kind == _BEGIN:
                self.began_ns = now_ns
                venue.on_start(self._inner, now_ns)


def _inputs(journal: Journal) -> Iterator[_Input]:
    """What is in the journal; the looks that found a link blocked stand behind the input in which they happened."""
    last: _Input | None = None
    for _, at_ns, record in journal.records():
        kind, wall_offset_ns, written, length = _RECORD.unpack_from(record)
        data_at = _RECORD.size + length
        data = record[data_at:]
        if kind == _BLOCKED:
            if last is not None:
                last.blocked.add(int.from_bytes(data, "little"))
            continue
        if last is not None:
            yield last
        name = record[_RECORD.size : data_at].decode()
        last = _Input(at_ns, kind, wall_offset_ns, written, name, data, set())
    if last is not None:
        yield last


class VenueContext:
    """The ``Context`` of a remembered venue: everything that it is told is a function of what is in the journal.

    Until ``go_live`` nothing leaves: timers and listening wait, what is written is only counted.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.name = ctx.name
        self.now_ns = 0
        self.written = 0
        self.timers: dict[str, int] = {}
        self._listening: dict[str, Endpoint] = {}
        self.is_live = False
        self._wall_offset_ns = 0
        #: The venue's clock less the host's.
        self._ahead_ns = 0
        self._looks = 0
        self._blocked: set[int] = set()
        self._prng = SplitMix64(0)

    # -- from the remembered venue ------------------------------------------------------------------------------

    def venue_ns(self, host_ns: int) -> int:
        return host_ns + self._ahead_ns

    def begin(self, now_ns: int) -> None:
        """An input comes, at ``now_ns`` by the venue's clock."""
        self.now_ns = now_ns
        self._wall_offset_ns = self._ctx.wall_ns(now_ns - self._ahead_ns) - now_ns
        self._looks = 0

    def begin_again(self, each: _Input) -> None:
        self.now_ns, self._wall_offset_ns = each.at_ns, each.wall_offset_ns
        self._looks, self._blocked = 0, each.blocked

    def note(self, kind: int, name: str, data: bytes) -> None:
        """Into the journal. Raises JournalFull, and then the venue must not be given it."""
        told = name.encode()
        head = _RECORD.pack(kind, self._wall_offset_ns, self.written, len(told))
        self._ctx.journal.append(head + told + data, self.now_ns)

    def wake(self, host_ns: int) -> None:
        """A life begins: the venue's clock has gone on by as much as UTC has."""
        self._blocked = set()
        if self.now_ns:
            last_wall_ns = self.now_ns + self._wall_offset_ns
            gone_ns = max(0, self._ctx.wall_ns(host_ns) - last_wall_ns)
            self._ahead_ns = self.now_ns + gone_ns - host_ns

    def go_live(self) -> None:
        self.is_live = True
        for key, endpoint in self._listening.items():
            self._ctx.listen(key, endpoint)
        for key, at_ns in self.timers.items():
            self._ctx.set_timer(key, at_ns - self._ahead_ns)

    # -- from the venue -----------------------------------------------------------------------------------------

    def send(self, to: str, message: Message) -> bool:
        return self._ctx.send(to, message) if self.is_live else True

    def set_timer(self, key: str, at_ns: int) -> None:
        if self.is_live:
            self._ctx.set_timer(key, at_ns - self._ahead_ns)
        else:
            self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        if self.is_live:
            self._ctx.cancel_timer(key)
        else:
            self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        raise InvariantError(f"a simulated venue dials nobody, and not {endpoint.host} either")

    def write(self, link: str, data: bytes) -> None:
        self.written += len(data)
        if self.is_live:
            self._ctx.write(_host_name(link), data)

    def writable(self, link: str) -> bool:
        self._looks += 1
        if not self.is_live:
            return self._looks not in self._blocked
        if self._ctx.writable(_host_name(link)):
            return True
        self.note(_BLOCKED, "", self._looks.to_bytes(_ORDINAL_BYTES, "little"))
        return False

    def close_link(self, link: str) -> None:
        if self.is_live:
            self._ctx.close_link(_host_name(link))

    def listen(self, key: str, endpoint: Endpoint) -> None:
        self._listening[key] = endpoint
        if self.is_live:
            self._ctx.listen(key, endpoint)

    def listening_port(self, key: str) -> int:
        return self._ctx.listening_port(key)

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self._wall_offset_ns

    def clock_ns(self) -> int:
        """That of the input: a reading of its own would be another one the next time."""
        return self.now_ns

    def random_below(self, bound: int) -> int:
        return self._prng.below(bound)

    def counters(self) -> dict[str, int]:
        return self._ctx.counters()

    def log(self, event: str, **fields: object) -> None:
        if self.is_live:
            self._ctx.log(event, **fields)

    @property
    def journal(self) -> Journal:
        raise InvariantError("the journal of a remembered venue is of its inputs, and not for the venue")

    @property
    def latch(self) -> Latch:
        return self._ctx.latch

    @property
    def latency(self) -> LatencyRecorder:
        return self._ctx.latency

    @property
    def counter_page(self) -> CounterRecorder:
        return self._ctx.counter_page


def _host_name(link: str) -> str:
    return link.rpartition("@")[0]
