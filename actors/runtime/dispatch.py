"""Calls handlers, one at a time, and drains what they sent to co-hosted actors within the same callback.

Real hosts and virtual ones use this one dispatcher, so an actor sees the same order of things in both.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from random import Random
from typing import Any, Protocol, TypeVar

from actors.runtime.spec import Resources
from engine.actor import Actor, CounterRecorder, Journal, Latch, LatencyRecorder
from engine.errors import InvariantError
from engine.messages import Message

__all__ = ["DELIVERIES_PER_CALLBACK", "Cell", "CellState", "Dispatcher", "LocalRoute", "Route", "local_pairs"]

#: Local deliveries within one callback, after which the loop gets a turn. Two co-hosted actors that answer each
#: other without end must not starve the sockets.
DELIVERIES_PER_CALLBACK = 16_384

Handler = Callable[..., None]


class CellState(Enum):
    NEW = "new"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"


class Route(Protocol):
    """A way to a peer that stands."""

    def send(self, message: Message) -> bool: ...


class Cell:
    """One hosted actor and what every kind of context shares. The I/O half is in the runtime's own subclass."""

    def __init__(self, name: str, actor: Actor, resources: Resources, seed: int) -> None:
        self.name = name
        self.actor = actor
        self.resources = resources
        self.state = CellState.NEW
        self.routes: dict[str, Route] = {}
        self.failure: BaseException | None = None
        self._random = Random(f"{seed}/{name}")

    # -- the part of engine.actor.Context that needs no socket

    def send(self, to: str, message: Message) -> bool:
        route = self.routes.get(to)
        return route is not None and route.send(message)

    def random_below(self, bound: int) -> int:
        return self._random.randrange(bound)

    @property
    def journal(self) -> Journal:
        return self.resources.journal

    @property
    def latch(self) -> Latch:
        return self.resources.latch

    @property
    def latency(self) -> LatencyRecorder:
        return self.resources.latency

    @property
    def counter_page(self) -> CounterRecorder:
        return self.resources.counters


C = TypeVar("C", bound=Cell)


class Dispatcher:
    """``run`` is the only way into an actor.

    ``on_failure(cell, error)`` is called when a handler raised; the cell is then already marked as failed and gets no
    more events. ``later(callback)`` runs a callback in another turn of the loop.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        later: Callable[[Callable[[], None]], object],
        on_failure: Callable[[Cell, BaseException], None],
        mailbox_messages: int,
    ) -> None:
        self._clock = clock
        self._later = later
        self._on_failure = on_failure
        self._bound = mailbox_messages
        self._mailbox: deque[tuple[Cell, Handler, tuple[Any, ...]]] = deque()
        self._latest: dict[tuple[Cell, str, type, int], Message] = {}
        self._busy = False
        self._resuming = False
        self.refused = 0
        self.conflated = 0

    @property
    def is_busy(self) -> bool:
        """Whether a handler is running."""
        return self._busy

    def run(self, cell: Cell, handler: Handler, *arguments: Any) -> None:
        """Call ``handler(*arguments, now_ns)``, then everything that this caused among co-hosted actors."""
        if self._busy:
            raise InvariantError(f"{cell.name}: a handler was entered from within a handler")
        self._call(cell, handler, arguments)
        if self._mailbox and not self._resuming:
            self._drain()

    def post(self, cell: Cell, handler: Handler, *arguments: Any) -> None:
        """Queue a call behind the running handler; outside of one it waits for the next ``run`` or ``drain``."""
        self._mailbox.append((cell, handler, arguments))

    def drain(self) -> None:
        if self._mailbox and not self._busy and not self._resuming:
            self._drain()

    def join(self, one: Cell, other: Cell) -> None:
        """Make two co-hosted actors peers: from the next drain on each knows that the other is there."""
        if one.state is CellState.RUNNING and other.state is CellState.RUNNING:
            for cell, peer in ((one, other), (other, one)):
                cell.routes[peer.name] = LocalRoute(self, cell.name, peer)
                self.post(cell, cell.actor.on_peer_up, peer.name)

    def part(self, gone: Cell, others: Iterable[Cell]) -> None:
        """An actor is over: its co-hosted peers hear of it after what it sent them before."""
        for other in others:
            if isinstance(other.routes.get(gone.name), LocalRoute):
                del other.routes[gone.name]
                self.post(other, other.actor.on_peer_down, gone.name)
        gone.routes.clear()

    def deliver(self, sender: str, cell: Cell, message: Message) -> bool:
        """Queue a message between co-hosted actors; False when the mailbox is full."""
        if len(self._mailbox) < self._bound:
            self._mailbox.append((cell, cell.actor.on_message, (sender, message)))
            if not self._busy:  # sent from outside of any handler: nobody is about to drain
                self._resume_later()
            return True
        if not message.CONFLATED:
            self.refused += 1
            return False
        key = (cell, sender, type(message), message.instrument_id)  # type: ignore[union-attr]
        if key in self._latest:
            self.conflated += 1
        self._latest[key] = message
        return True

    def _call(self, cell: Cell, handler: Handler, arguments: tuple[Any, ...]) -> None:
        if cell.state is not CellState.RUNNING:
            return
        self._busy = True
        try:
            handler(*arguments, self._clock())
        except Exception as error:
            cell.state = CellState.FAILED
            cell.failure = error
            self._on_failure(cell, error)
        finally:
            self._busy = False

    def _drain(self) -> None:
        mailbox = self._mailbox
        for _ in range(DELIVERIES_PER_CALLBACK):
            if not mailbox:
                if not self._latest:
                    return
                self._release_latest()
            self._call(*mailbox.popleft())
        if mailbox:
            self._resume_later()

    def _resume_later(self) -> None:
        if not self._resuming:
            self._resuming = True
            self._later(self._resume)

    def _resume(self) -> None:
        self._resuming = False
        if self._mailbox:
            self._drain()

    def _release_latest(self) -> None:
        for (cell, sender, _, _), message in self._latest.items():
            self._mailbox.append((cell, cell.actor.on_message, (sender, message)))
        self._latest.clear()


class LocalRoute:
    """The way between two actors of one host: the message object itself, no copy, no socket."""

    def __init__(self, dispatcher: Dispatcher, sender: str, cell: Cell) -> None:
        self._dispatcher = dispatcher
        self._sender = sender
        self._cell = cell

    def send(self, message: Message) -> bool:
        return self._dispatcher.deliver(self._sender, self._cell, message)


def local_pairs(cells: Mapping[str, C]) -> Iterator[tuple[C, C]]:
    """Each pair of co-hosted actors of which at least one names the other as a peer, once, in a fixed order."""
    names = sorted(cells)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if other in cells[name].actor.peers or name in cells[other].actor.peers:
                yield cells[name], cells[other]
