"""A host in virtual time: its actors, their contexts, its clocks; it can crash, pause and restart.

A pause may also fall *within* a handler, as SIGSTOP does (``stall``): the rest of the world then goes on while the
handler stands between two of its clock readings, and it may find itself dead when it is to go on.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from actors.runtime.dispatch import Cell, CellState, Dispatcher, local_pairs
from actors.runtime.spec import HostSpec, Resources
from engine.actor import Actor, Context, Endpoint
from engine.errors import InvariantError, UsageError

if TYPE_CHECKING:
    from actors.runtime.virtual import VirtualRuntime

__all__ = ["HostDied", "VirtualActor", "VirtualHost"]

#: Of ``dispatch.DELIVERIES_PER_CALLBACK`` deliveries each.
_TURNS_PER_INSTANT = 4
_PPM = 1_000_000


class HostDied(BaseException):
    """Unwinds a handler whose host has crashed while it stood still. Not an Exception: no actor may swallow it."""


class VirtualActor(Cell):
    """One actor and its Context in virtual time. TLS is taken as given: bytes on links are plain."""

    def __init__(self, host: "VirtualHost", name: str, actor: Actor, resources: Resources) -> None:
        super().__init__(name, actor, resources, host.spec.settings.seed)
        self.host = host
        self._runtime = host.runtime
        self._timers: dict[str, int] = {}
        self._timer_number = 0

    def clock_ns(self) -> int:
        if self.host.stall_in_readings:
            self.host.count_reading()
        return self.host.clock_ns()

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self.host.wall_offset_ns

    def set_timer(self, key: str, at_ns: int) -> None:
        if self.state is not CellState.RUNNING:
            return
        self._timer_number += 1
        self._timers[key] = self._timer_number
        # A timer that is already due takes a nanosecond, so that one that is set again and again cannot stop time.
        due_ns = max(self.host.agenda_ns(at_ns), self._runtime.now_ns + 1)
        self.host.at(due_ns, partial(self._fire, key, self._timer_number))

    def cancel_timer(self, key: str) -> None:
        self._timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        self._runtime.network.open_link(self, link, endpoint)

    def write(self, link: str, data: bytes) -> None:
        self._runtime.network.write(self, link, data)

    def writable(self, link: str) -> bool:
        return self._runtime.network.writable(self, link)

    def close_link(self, link: str) -> None:
        self._runtime.network.close_link(self, link)

    def listen(self, key: str, endpoint: Endpoint) -> None:
        self._runtime.network.listen(self, key, endpoint)

    def listening_port(self, key: str) -> int:
        return self._runtime.network.listening_port(self, key)

    def counters(self) -> dict[str, int]:
        """Of the whole virtual network: there is one."""
        return {"conflated": self._runtime.conflated}

    def log(self, event: str, **fields: object) -> None:
        self._runtime.record(self.name, event, fields)

    def _fire(self, key: str, number: int) -> None:
        if self._timers.get(key) == number:
            del self._timers[key]
            self.host.dispatcher.run(self, self.actor.on_timer, key)


class VirtualHost:
    """``clock_offset_ns`` sets its monotonic clock apart from others', ``wall_offset_ns`` turns that into UTC.

    ``stall_in_readings``: after so many more clock readings by its actors the host stands still, for ``stall_ns``.
    """

    def __init__(self, runtime: "VirtualRuntime", spec: HostSpec, wall_offset_ns: int) -> None:
        self.runtime = runtime
        self.spec = spec
        self.name = spec.name
        self.clock_offset_ns = 0
        self.wall_offset_ns = wall_offset_ns
        self.paused_until_ns = 0
        self.stall_in_readings = self.stall_ns = 0
        #: A handler stands still between two of its clock readings.
        self.is_stalled = False
        self.is_up = False
        self._drift_ppm = self._drift_since_ns = 0
        self.actors: dict[str, VirtualActor] = {}
        self._life = 0
        self._turns = 0
        self._turns_at_ns = 0
        self._backlog: deque[Callable[[], None]] = deque()
        self.dispatcher = self._new_dispatcher()

    def clock_ns(self) -> int:
        now_ns = self.runtime.agenda.now_ns
        drifted_ns = (now_ns - self._drift_since_ns) * self._drift_ppm // _PPM if self._drift_ppm else 0
        return now_ns + self.clock_offset_ns + drifted_ns

    def drift(self, ppm: int) -> None:
        """From now on its monotonic clock runs so many millionths faster; it never steps."""
        self.clock_offset_ns = self.clock_ns() - self.runtime.now_ns
        self._drift_ppm, self._drift_since_ns = ppm, self.runtime.now_ns

    def agenda_ns(self, clock_ns: int) -> int:
        """When, in the runtime's time, this host's clock reads ``clock_ns``: never too early."""
        ahead_ns = clock_ns - self.clock_ns()
        if self._drift_ppm:
            ahead_ns = -(-ahead_ns * _PPM // (_PPM + self._drift_ppm))
        return self.runtime.agenda.now_ns + ahead_ns

    def at(self, at_ns: int, action: Callable[[], None]) -> None:
        """Do ``action`` on this host at virtual time ``at_ns``: later if it is paused then, never if it has died."""
        self.runtime.agenda.put(at_ns, partial(self._act, self._life, action))

    def start(self) -> None:
        """Build every actor and start it. Raises UsageError when a factory does or ``on_start`` did."""
        if self.is_up:
            raise UsageError(f"virtual host {self.name} is already up")
        self.is_up = True
        life = self._life
        for spec in self.spec.actors:
            self.actors[spec.name] = VirtualActor(self, spec.name, *self.spec.build(spec))
        for cell in list(self.actors.values()):
            context: Context = cell
            cell.state = CellState.RUNNING
            self._guard(partial(self.dispatcher.run, cell, cell.actor.on_start, context))
            if life != self._life:
                return  # it has died meanwhile
            if isinstance(cell.failure, UsageError):
                raise cell.failure
        for one, other in local_pairs(self.actors):
            self.dispatcher.join(one, other)
        self.dispatcher.drain()
        for actor in self.actors.values():
            for peer_name in actor.actor.peers:
                if peer_name not in self.actors:
                    self.runtime.network.dial(actor, peer_name)

    def stop(self) -> None:
        """``on_stop`` of every actor that still runs, last started first."""
        for cell in reversed(list(self.actors.values())):
            if cell.state is CellState.RUNNING:
                self.end(cell, CellState.STOPPED)
        self.is_up = False

    def crash(self) -> None:
        """The process is gone at once: nobody is told but by their links."""
        self._life += 1
        self._backlog.clear()
        self.paused_until_ns = self.stall_in_readings = 0
        self.is_up = self.is_stalled = False
        for cell in self.actors.values():
            if cell.state is CellState.RUNNING:
                cell.state = CellState.STOPPED
                cell.resources.close()
            self.runtime.network.cut(cell)
        self.actors.clear()
        self.dispatcher = self._new_dispatcher()

    def end(self, cell: VirtualActor, state: CellState) -> None:
        """``on_stop``, then take away the actor's routes and links."""
        try:
            cell.actor.on_stop(self.clock_ns())
        except Exception as error:
            self.runtime.failures.setdefault(cell.name, error)
            self.runtime.record(cell.name, "stop_failed", {"error": repr(error)})
        cell.state = state
        self._part(cell)

    def _part(self, cell: VirtualActor) -> None:
        self.dispatcher.part(cell, self.actors.values())
        self.runtime.network.cut(cell)
        cell.resources.close()
        self.at(self.runtime.agenda.now_ns, self.dispatcher.drain)

    def count_reading(self) -> None:
        """One of its actors reads the clock: here the host may stand still while the world goes on."""
        self.stall_in_readings -= 1
        if self.stall_in_readings or not self.dispatcher.is_busy:
            return
        life, runtime = self._life, self.runtime
        self.is_stalled = True
        self.paused_until_ns = max(self.paused_until_ns, runtime.now_ns + self.stall_ns)
        while life == self._life and runtime.now_ns < self.paused_until_ns:
            runtime.run_until(self.paused_until_ns)
        if life != self._life:
            raise HostDied(self.name)
        self.is_stalled = False
        if self._backlog:
            self._resume_later(life)

    def _guard(self, action: Callable[[], None]) -> None:
        try:
            action()
        except HostDied:
            return  # nothing of that life goes on

    def _act(self, life: int, action: Callable[[], None]) -> None:
        if life != self._life:
            return
        if self.paused_until_ns <= self.runtime.agenda.now_ns and not self._backlog and not self.is_stalled:
            self._guard(action)
            return
        if not self._backlog and not self.is_stalled:
            self._resume_later(life)
        self._backlog.append(action)

    def _resume_later(self, life: int) -> None:
        self.runtime.agenda.put(self.paused_until_ns, partial(self._resume, life))

    def _resume(self, life: int) -> None:
        """Catch up in the order in which things came, so that no stream is reordered."""
        if life != self._life or self.is_stalled:
            return
        while self._backlog:
            if self.paused_until_ns > self.runtime.agenda.now_ns:
                self._resume_later(life)
                return
            self._guard(self._backlog.popleft())

    def _new_dispatcher(self) -> Dispatcher:
        return Dispatcher(self.clock_ns, self._later, self._failed, self.spec.settings.mailbox_messages)

    def _later(self, action: Callable[[], None]) -> None:
        """The dispatcher yields: another turn at the same instant, a bounded number of times."""
        now_ns = self.runtime.agenda.now_ns
        self._turns = self._turns + 1 if now_ns == self._turns_at_ns else 0
        self._turns_at_ns = now_ns
        if self._turns > _TURNS_PER_INSTANT:
            raise InvariantError(f"time stands still on host {self.name}: its actors answer each other without end")
        self.at(now_ns, action)

    def _failed(self, cell: Cell, error: BaseException) -> None:
        self.runtime.failures[cell.name] = error
        self.runtime.record(cell.name, "actor_failed", {"error": repr(error)})
        self.end(self.actors[cell.name], CellState.FAILED)
