"""What an actor is, and what a runtime gives it.

An actor is a plain class: state, plus handlers that take an event and the time and act through a context. It knows
no Ray, asyncio, socket, clock, file or environment. A runtime calls one handler at a time and never re-enters: what a
handler sends to an actor of the same process is delivered after the handler has returned, within the same callback.

``now_ns`` is the host's monotonic clock (virtual in simulation). ``wall_ns`` turns it into UTC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from engine.messages import Message

__all__ = ["Actor", "Context", "CounterRecorder", "Endpoint", "Journal", "Latch", "LatencyRecorder"]


class Endpoint(msgspec.Struct, frozen=True):
    """Where an outside connection goes. ``ca_file`` empty: the system's authorities. TLS always checks the name."""

    host: str
    port: int
    tls: bool
    ca_file: str = ""


class Journal(Protocol):
    """An actor's own append-only record. ``append`` returns after the frame is safe from the death of the process."""

    def append(self, payload: bytes, now_ns: int) -> int:
        """Append one record and return its sequence number (from 1). Raises JournalFull when there is no room."""
        ...

    def sync(self) -> int:
        """Force what is appended to the disk, so that it survives a power cut too; returns its last sequence.

        Takes as long as the disk does: at start, never on the order path. Raises UsageError when the disk fails.
        """
        ...

    def records(self, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """What an earlier life of this actor wrote, as (sequence, now_ns, payload), oldest first; of a journal with a
        checkpoint also only what is behind its record, ``after``."""
        ...

    def checkpoint(self) -> tuple[int, bytes] | None:
        """What somebody has kept for this actor of all its records up to one, and that one's sequence."""
        ...


class Latch(Protocol):
    """The host's latch page as one venue actor sees it (``risk/latch.py``)."""

    def is_trading(self) -> bool:
        """False when this actor or everything is halted, and when the page is missing or damaged."""
        ...


class LatencyRecorder(Protocol):
    """Latency histograms of one actor, readable from outside while they are written (``risk/latency.py``)."""

    def record(self, stage: str, latency_ns: int) -> None: ...

    def group(self, stages: Sequence[str]) -> Callable[..., None]:
        """A function that records one latency of each of these stages at once, for the order path."""
        ...


class CounterRecorder(Protocol):
    """One actor's counters and gauges, readable from outside while they are written (``risk/counters.py``)."""

    def publish(self, values: Mapping[str, int], wall_ns: int) -> None:
        """Write all of them, as of a UTC time in ns. A name that is not foreseen stops nobody."""
        ...


class Context(Protocol):
    """An actor's only way to act. One context belongs to one actor."""

    name: str

    def send(self, to: str, message: Message) -> bool:
        """Queue a message to the actor (or observer) ``to``. False: not queued, the way is full or down.

        Conflated market data is replaced, never refused, while the link is up.
        """
        ...

    def set_timer(self, key: str, at_ns: int) -> None:
        """Call ``on_timer(key)`` once at ``at_ns``; a timer of the same key is moved."""
        ...

    def cancel_timer(self, key: str) -> None: ...

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        """Connect to an outside endpoint once. Ends in ``on_link_up`` or ``on_link_down``; retrying is the actor's."""
        ...

    def write(self, link: str, data: bytes) -> None:
        """Hand bytes to the link's socket now. Ignored on a link that is down (its ``on_link_down`` is coming)."""
        ...

    def writable(self, link: str) -> bool:
        """False when the link is down or its socket pushes back: then nothing new may be written to it."""
        ...

    def close_link(self, link: str) -> None: ...

    def listen(self, key: str, endpoint: Endpoint) -> None:
        """Accept connections, each a link named ``key#N`` with ``on_link_up``, ``on_link_bytes``, ``on_link_down``.

        Port 0 picks a free port; ``listening_port(key)`` tells it. TLS needs the runtime's certificate.
        """
        ...

    def listening_port(self, key: str) -> int: ...

    def wall_ns(self, now_ns: int) -> int:
        """UTC in ns for a reading of the monotonic clock."""
        ...

    def clock_ns(self) -> int:
        """A fresh reading of the clock that ``now_ns`` comes from: for measuring a stage, and for the last look at a
        lease before a write, when the handler may have been paused since it was called."""
        ...

    def random_below(self, bound: int) -> int:
        """A whole number in [0, bound) from the runtime's seeded source."""
        ...

    def counters(self) -> dict[str, int]:
        """What happened on this actor's peer links since it started, by name: ``conflated``, ``refused`` and others."""
        ...

    def log(self, event: str, **fields: object) -> None:
        """Record an event for people. Never on the order path of an accepted order."""
        ...

    @property
    def journal(self) -> Journal: ...

    @property
    def latch(self) -> Latch: ...

    @property
    def latency(self) -> LatencyRecorder: ...

    @property
    def counter_page(self) -> CounterRecorder: ...


class Actor:
    """Base of every actor: each handler does nothing until it is overridden."""

    #: Actors that the runtime must keep this one connected to (the runtime dials and re-dials them).
    peers: tuple[str, ...] = ()

    def on_start(self, ctx: Context, now_ns: int) -> None: ...

    def on_stop(self, now_ns: int) -> None: ...

    def on_message(self, sender: str, message: Message, now_ns: int) -> None: ...

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        """A link to ``peer`` stands (either side may have dialled); messages can flow."""

    def on_peer_down(self, peer: str, now_ns: int) -> None: ...

    def on_timer(self, key: str, now_ns: int) -> None: ...

    def on_link_up(self, link: str, now_ns: int) -> None: ...

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None: ...

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None: ...
