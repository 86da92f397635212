"""Hosts actors on the running event loop, over real sockets and the real clock."""

import asyncio
import contextlib
import gc
import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from actors.runtime.directory import Address, Directory, TcpAddress, UnixAddress, sockets_dir, unix_path
from actors.runtime.dispatch import Cell, CellState, Dispatcher, local_pairs
from actors.runtime.durability import JournalSyncs
from actors.runtime.links import OutsideLinks, bound_socket
from actors.runtime.log import Log
from actors.runtime.peers import Peers
from actors.runtime.spec import HostSettings, Resources
from actors.runtime.timers import TimerQueue
from actors.runtime.urgency import be_urgent
from engine.actor import Actor, Context, Endpoint
from engine.errors import InvariantError, UsageError

__all__ = ["Host", "HostedActor"]

_MS_NS = 1_000_000
#: How often the host looks after itself: loop lag, young garbage, the wall clock's anchor.
_CARE_NS = 100 * _MS_NS
_LAG_STAGE = "loop_lag"


class HostedActor(Cell):
    """One actor and its Context on a real host."""

    def __init__(self, host: "Host", name: str, actor: Actor, resources: Resources) -> None:
        super().__init__(name, actor, resources, host.settings.seed)
        self._host = host
        self.links = OutsideLinks(self, host.settings, host.dispatcher)
        self.peers = Peers(self, host.settings, host.directory, host.dispatcher, self._report)
        self.clock_ns = time.monotonic_ns
        self.open_link = self.links.open_link
        self.write = self.links.write
        self.writable = self.links.writable
        self.close_link = self.links.close_link
        self.listen: Callable[[str, Endpoint], None] = self.links.listen
        self.listening_port = self.links.listening_port
        self.listening: list[socket.socket] = []
        self.address: Address | None = None

    def set_timer(self, key: str, at_ns: int) -> None:
        self._host.set_timer(self, key, at_ns)

    def cancel_timer(self, key: str) -> None:
        self._host.timers.cancel((self, key))

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self._host.wall_offset_ns

    def log(self, event: str, **fields: object) -> None:
        self._report(event, fields)

    def counters(self) -> dict[str, int]:
        """What happened on this actor's peer links since its start, by name, and what waits for a socket now."""
        return {**asdict(self.peers.counters), "waiting_bytes": self.links.waiting_bytes() + self.peers.waiting_bytes()}

    def _report(self, event: str, fields: dict[str, object]) -> None:
        self._host.report(self.name, event, fields)


class Host:
    """One process's actors. ``on_failure(name, error)`` decides what a handler's exception means for the process;
    the actor itself is stopped in any case, and without ``on_failure`` the others go on.

    Life: construct inside the running loop (UsageError when the run directory or the log cannot be written), ``add``
    every actor, ``await start()``, ``await stop()``.
    """

    def __init__(
        self,
        name: str,
        settings: HostSettings,
        directory: Directory,
        on_failure: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        _private_dir(settings.run_dir)
        self.name = name
        self.settings = settings
        self.directory = directory
        self.loop = asyncio.get_running_loop()
        self.dispatcher = Dispatcher(time.monotonic_ns, self.loop.call_soon, self._failed, settings.mailbox_messages)
        self.timers: TimerQueue[tuple[HostedActor | None, str]] = TimerQueue()
        self.wall_offset_ns = time.time_ns() - time.monotonic_ns()
        self.actors: dict[str, HostedActor] = {}
        self._on_failure = on_failure
        self._log = Log(settings.log_file, settings.log_lines_per_second)
        self._syncs = JournalSyncs(settings.sync_every_ns, self._sync_failed)
        self._armed: asyncio.TimerHandle | None = None
        self._spinning: asyncio.Handle | None = None
        self._armed_ns = 0
        self._care_due_ns = 0
        self._ending: set[asyncio.Task[None]] = set()

    # -- life

    def add(self, name: str, actor: Actor, resources: Resources) -> HostedActor:
        """Take an actor in, before ``start`` or while running (then ``await start_actor(name)``)."""
        if name in self.actors and self.actors[name].state in (CellState.NEW, CellState.RUNNING):
            raise UsageError(f"host {self.name} has two actors named {name!r}")
        cell = HostedActor(self, name, actor, resources)
        self.actors[name] = cell
        return cell

    async def start(self) -> None:
        """Bind, call every ``on_start`` in the order of ``add``, connect co-hosted peers, then accept and dial.

        Raises UsageError when a socket cannot be bound, and whatever an ``on_start`` raised as UsageError; everything
        is then closed again.
        """
        try:
            self._settle_on(self.settings.cores)
            if self.settings.urgent and (refused := be_urgent()):
                self.report(self.name, "not urgent", {"text": f"{refused}: on a busy host a kill waits for its turn"})
            for cell in list(self.actors.values()):
                self._bind(cell)
            for cell in list(self.actors.values()):
                self._begin(cell)
            for one, other in local_pairs(self.actors):
                self.dispatcher.join(one, other)
            self.dispatcher.drain()
            for cell in list(self.actors.values()):
                await self._connect(cell)
        except BaseException:
            await self.stop()
            raise
        if self.settings.tune_gc:
            gc.collect()
            gc.freeze()
            gc.disable()
        if self.settings.spin:
            self._spin()
        self._care_due_ns = time.monotonic_ns() + _CARE_NS
        self._set_timer((None, "care"), self._care_due_ns)

    async def start_actor(self, name: str) -> None:
        """Start one actor that was added while the host was running."""
        cell = self.actors[name]
        self._bind(cell)
        self._begin(cell)
        for one, other in local_pairs(self.actors):
            if cell in (one, other):
                self.dispatcher.join(one, other)
        self.dispatcher.drain()
        await self._connect(cell)

    async def stop_actor(self, name: str) -> None:
        """``on_stop``, then close what the actor had. Its co-hosted peers see it go down."""
        cell = self.actors[name]
        if cell.state in (CellState.RUNNING, CellState.NEW):
            self._end(cell, CellState.STOPPED)
            self.dispatcher.drain()
            await self._release(cell)

    async def settled(self) -> None:
        """Wait until failed actors have given up their sockets."""
        await asyncio.gather(*self._ending)

    async def stop(self) -> None:
        """Stop every actor, in the reverse order of ``add``, and close every socket. May be called twice."""
        for name in reversed(list(self.actors)):
            await self.stop_actor(name)
        await self.settled()
        self._syncs.stop()
        if self._spinning is not None:
            self._spinning.cancel()
            self._spinning = None
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        if self.settings.tune_gc:
            gc.enable()
            gc.unfreeze()
        self._log.close()

    def addresses(self) -> dict[str, tuple[Address, ...]]:
        """Where each actor can be reached, nearest first."""
        return {name: tuple(_address(s, self.settings) for s in cell.listening) for name, cell in self.actors.items()}

    def counters(self) -> dict[str, int]:
        """Of the host itself: local deliveries refused or conflated."""
        return {"local_refused": self.dispatcher.refused, "local_conflated": self.dispatcher.conflated}

    def report(self, actor: str, event: str, fields: dict[str, object]) -> None:
        self._log.write(time.monotonic_ns() + self.wall_offset_ns, actor, event, fields)

    # -- actors

    def _bind(self, cell: HostedActor) -> None:
        cell.listening.append(_unix_socket(self.settings.run_dir, cell.name))
        tcp = self.settings.tcp
        if tcp is not None:
            cell.listening.append(bound_socket(tcp.host, 0, cell.name))

    def _begin(self, cell: HostedActor) -> None:
        context: Context = cell
        cell.state = CellState.RUNNING
        self.dispatcher.run(cell, cell.actor.on_start, context)
        if isinstance(cell.failure, UsageError):
            raise cell.failure
        self._syncs.add(cell.name, cell.journal, cell.latency)

    async def _connect(self, cell: HostedActor) -> None:
        if cell.state is not CellState.RUNNING:
            return
        for listening in cell.listening:
            await cell.peers.accept_on(listening)
        for peer in cell.actor.peers:
            if peer not in self.actors:
                cell.peers.dial(peer)

    def _end(self, cell: HostedActor, state: CellState) -> None:
        if cell.state is not CellState.NEW:
            try:
                cell.actor.on_stop(time.monotonic_ns())
            except Exception as error:
                self.report(cell.name, "stop_failed", {"error": repr(error), "traceback": traceback.format_exc()})
        cell.state = state
        self.timers.cancel_where(lambda key: key[0] is cell)
        self.dispatcher.part(cell, self.actors.values())

    async def _release(self, cell: HostedActor) -> None:
        await cell.links.stop()
        await cell.peers.stop()
        for listening in cell.listening:
            if listening.family == socket.AF_UNIX:
                with contextlib.suppress(FileNotFoundError):
                    unix_path(self.settings.run_dir, cell.name).unlink()
            listening.close()
        cell.listening.clear()
        self._syncs.remove(cell.name)
        cell.resources.close()

    def _sync_failed(self, actor: str, text: str) -> None:
        """In the thread that syncs."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: everything is ending
            fields: dict[str, object] = {"error": text}
            self.loop.call_soon_threadsafe(self.report, actor, "JOURNAL NOT ON DISK", fields)

    def _failed(self, cell: Cell, error: BaseException) -> None:
        """A handler raised: tell, then let the process's owner decide; the actor is over either way."""
        fields: dict[str, object] = {"error": repr(error)}
        if not isinstance(error, UsageError):  # which says by itself what is wrong and what to do
            fields["traceback"] = "".join(traceback.format_exception(error))
        self.report(cell.name, "actor_failed", fields)
        if self._on_failure is not None:
            self._on_failure(cell.name, error)
        hosted = self.actors[cell.name]
        self._end(hosted, CellState.FAILED)
        task = self.loop.create_task(self._release(hosted))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # -- timers

    def set_timer(self, cell: HostedActor, key: str, at_ns: int) -> None:
        if cell.state is not CellState.RUNNING:
            return
        self._set_timer((cell, key), at_ns)

    def _set_timer(self, key: tuple[HostedActor | None, str], at_ns: int) -> None:
        self.timers.set(key, at_ns)
        if self._armed is None or at_ns < self._armed_ns:
            self._arm()

    def _arm(self) -> None:
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        at_ns = self.timers.next_ns()
        if at_ns is None:
            return
        self._armed_ns = at_ns
        # The loop counts whole milliseconds: round up, so that a timer is late by less than one and never early.
        wait_ms = max(0, -((time.monotonic_ns() - at_ns) // _MS_NS))
        self._armed = self.loop.call_later(wait_ms / 1000, self._fire)

    def _spin(self) -> None:
        """A loop that always has something to do looks at its sockets without waiting for them."""
        self._spinning = self.loop.call_soon(self._spin)

    def _settle_on(self, cores: tuple[int, ...]) -> None:
        """Keep this thread, which is the loop's, on these cores."""
        if not cores:
            return
        if not hasattr(os, "sched_setaffinity"):
            raise UsageError(f"cores {cores}: this system keeps no thread on a core; leave [[venues]] cores out")
        try:
            os.sched_setaffinity(0, cores)
        except OSError as error:
            there = sorted(os.sched_getaffinity(0))
            raise UsageError(f"cores {cores}: {error.strerror}; this process may use {there}") from error

    def _fire(self) -> None:
        self._armed = None
        self._armed_ns = 0  # nothing re-arms while the due ones are called
        now_ns = time.monotonic_ns()
        while (key := self.timers.pop_due(now_ns)) is not None:
            cell, name = key
            if cell is None:
                self._care(now_ns)
            else:
                self.dispatcher.run(cell, cell.actor.on_timer, name)
        self._arm()

    def _care(self, now_ns: int) -> None:
        lag_ns = max(0, now_ns - self._care_due_ns)
        for cell in self.actors.values():
            if _LAG_STAGE in getattr(cell.latency, "stages", ()):
                cell.latency.record(_LAG_STAGE, lag_ns)
        if self.settings.tune_gc:
            gc.collect(1)
        self.wall_offset_ns = time.time_ns() - time.monotonic_ns()
        self._care_due_ns = time.monotonic_ns() + _CARE_NS
        self.timers.set((None, "care"), self._care_due_ns)


def _private_dir(run_dir: str) -> None:
    """Only we may speak to the actors: whoever can open a socket can trade."""
    try:
        Path(run_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(run_dir, 0o700)
        sockets_dir(run_dir).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(f"run directory {run_dir!r}: {error.strerror}. Choose one that is yours") from error


def _unix_socket(run_dir: str, actor: str) -> socket.socket:
    """Bind the actor's socket, in place of one whose process is dead. Raises UsageError when it is alive."""
    path = unix_path(run_dir, actor)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(str(path))
        raise UsageError(f"actor {actor} already runs in {run_dir!r}: stop it first, or use another run directory")
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UsageError(f"socket {path}: {error.strerror}") from error
    finally:
        probe.close()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.bind(str(path))
        os.chmod(path, 0o600)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageError(f"socket {path}: {error.strerror}") from error
    return listening


def _address(listening: socket.socket, settings: HostSettings) -> Address:
    if listening.family == socket.AF_UNIX:
        return UnixAddress(listening.getsockname())
    if settings.tcp is None:
        raise InvariantError("a TCP socket without TCP settings")
    return TcpAddress(settings.tcp.host, listening.getsockname()[1])
