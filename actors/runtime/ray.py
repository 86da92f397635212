"""The Ray runtime: Ray owns the processes (places, names, restarts and finds them) and never sees a message.

Each host is one Ray actor process. Its own thread runs a uvloop loop with the Host; Ray's threads only answer where the
host listens and stop it. A host that dies, by any signal or by an actor's exception, is restarted by Ray: its
``__init__`` runs again, and its peers dial it anew.

If the driver dies, by SIGKILL too, Ray ends the actor processes of its job within seconds. ``detached`` ones go on as
long as the cluster does, which one started elsewhere (``address``) outlives its drivers. Only this module imports Ray.
"""

import asyncio
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import ray
import uvloop
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from actors.runtime.directory import Address, UnixAddress
from actors.runtime.fence import write_pid_file
from actors.runtime.host import Host
from actors.runtime.spec import HostSpec
from engine.errors import UsageError

__all__ = ["EXIT_ACTOR_FAILED", "HostProcess", "RayDirectory", "RayRuntime"]

#: Exit code of a host process whose actor raised.
EXIT_ACTOR_FAILED = 70
_ASK_S = 2.0
_STOP_S = 10.0
_OBJECT_STORE_BYTES = 80 * 1024 * 1024  # Ray's least: no message ever goes through it


class HostStatus(msgspec.Struct, frozen=True):
    """``state`` is ``starting``, ``ready``, ``refused`` (then ``text`` says why) or ``stopped``."""

    state: str
    text: str
    pid: int
    node: str
    addresses: dict[str, tuple[Address, ...]]


class RayDirectory:
    """Finds an actor through the Ray actor that hosts it. A known address is used at once, while a fresh one is asked
    for beside it, so that a peer that comes back under its old address is reached without Ray."""

    def __init__(self, namespace: str, host_of: Mapping[str, str], node: str) -> None:
        self._namespace = namespace
        self._host_of = host_of
        self._node = node
        self._known: dict[str, Address] = {}
        self._asking: dict[str, asyncio.Future[Address | None]] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ray-directory")

    async def lookup(self, actor: str, *, refresh: bool) -> Address | None:
        known = self._known.get(actor)
        if known is not None and not refresh:
            return known
        asking = self._asking.get(actor)
        if asking is None:
            asking = asyncio.get_running_loop().run_in_executor(self._executor, self._ask, actor)
            self._asking[actor] = asking
            asking.add_done_callback(lambda future: self._answered(actor, future))
        return known if known is not None else await asyncio.shield(asking)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _answered(self, actor: str, answer: asyncio.Future[Address | None]) -> None:
        self._asking.pop(actor, None)
        if not answer.cancelled() and answer.exception() is None and (address := answer.result()) is not None:
            self._known[actor] = address

    def _ask(self, actor: str) -> Address | None:
        """Runs in the executor's thread: Ray calls block."""
        try:
            handle = ray.get_actor(self._host_of[actor], namespace=self._namespace)
        except (RayError, ValueError, KeyError):
            return None
        status = _answer(handle.status.remote())
        if status is None:
            return None
        for address in status.addresses.get(actor, ()):
            if isinstance(address, UnixAddress) == (status.node == self._node):
                return address
        return None


class HostProcess:
    """What runs inside a Ray actor process. Its methods are called through Ray; none of them is on a data path."""

    def __init__(self, spec: HostSpec, namespace: str, host_of: Mapping[str, str]) -> None:
        self._spec = spec
        self._node: str = ray.get_runtime_context().get_node_id()
        self._directory = RayDirectory(namespace, host_of, self._node)
        self._host: Host | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._state = "starting"
        self._text = ""
        self._thread = threading.Thread(target=self._serve, name=f"host-{spec.name}", daemon=True)
        self._thread.start()

    def status(self) -> HostStatus:
        addresses = self._host.addresses() if self._host is not None and self._state == "ready" else {}
        return HostStatus(self._state, self._text, os.getpid(), self._node, addresses)

    def stop(self) -> None:
        """``on_stop`` of every actor, then close everything; returns when that is done."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_S)
        self._directory.close()

    def _serve(self) -> None:
        try:
            uvloop.run(self._main())
        except UsageError as error:
            self._state, self._text = "refused", str(error)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(EXIT_ACTOR_FAILED)

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        write_pid_file(self._spec.settings.run_dir, self._spec.name)
        host = Host(self._spec.name, self._spec.settings, self._directory, self._actor_failed)
        try:
            for actor in self._spec.actors:
                host.add(actor.name, *self._spec.build(actor))
            await host.start()
            self._host, self._state = host, "ready"
            await self._stopping.wait()
            self._state = "stopped"
        finally:
            await host.stop()

    def _actor_failed(self, name: str, error: BaseException) -> None:
        """Its state cannot be trusted any more. The journal has it up to here; Ray starts the host anew."""
        if not (isinstance(error, UsageError) and self._state == "starting"):
            os._exit(EXIT_ACTOR_FAILED)


class RayRuntime:
    """Hosts ``hosts`` as Ray actors in ``namespace``, on the cluster at ``address`` or (empty) on one of its own.

    All methods block. Use as a context manager, or ``start`` and ``stop``.
    """

    def __init__(self, hosts: Sequence[HostSpec], namespace: str, *, address: str = "", detached: bool = False) -> None:
        self._hosts = {host.name: host for host in hosts}
        self._namespace = namespace
        self._address = address
        self._detached = detached
        self._host_of = {actor.name: host.name for host in hosts for actor in host.actors}
        self._handles: dict[str, Any] = {}
        self._owns_cluster = False
        _check_plain(hosts)

    def start(self, timeout_s: float = 60.0) -> None:
        """Start Ray when nobody has, every host, and wait until all are ready.

        Raises UsageError when Ray or a host cannot start; everything is then stopped again.
        """
        try:
            self._start_cluster()
            for name in self._hosts:
                self._start_host(name)
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until every host's actors have been started. Raises UsageError with the host's own words, or when the
        time is over."""
        deadline = time.monotonic() + timeout_s
        for name in self._hosts:
            while self._is_starting(name):
                if time.monotonic() > deadline:
                    raise UsageError(f"host {name} was not ready within {timeout_s:g} s: see {self._log_of(name)}")
                time.sleep(0.02)

    def pids(self) -> dict[str, int]:
        """Process id of each host now; 0 while Ray is bringing it back."""
        asked = {name: handle.status.remote() for name, handle in self._handles.items()}
        return {name: status.pid if (status := _answer(ask)) is not None else 0 for name, ask in asked.items()}

    def stop(self) -> None:
        """``on_stop`` everywhere, then the processes, then the cluster if it is our own. May be called twice."""
        handles, self._handles = self._handles, {}
        if ray.is_initialized():
            _stop_all(list(handles.values()))
        if self._owns_cluster:
            self._owns_cluster = False
            ray.shutdown()

    def _start_cluster(self) -> None:
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # Ray's workers are nice (15) to whoever else runs; ours are what this machine is for.
        os.environ.setdefault("RAY_worker_niceness", "0")
        own: dict[str, Any] = {"object_store_memory": _OBJECT_STORE_BYTES} if not self._address else {}
        try:
            ray.init(
                address=self._address or "local",
                namespace=self._namespace,
                include_dashboard=None if self._address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **own,
            )
        except (OSError, RuntimeError, ValueError, RayError) as error:
            raise UsageError(f"Ray did not start ({self._address or 'on this machine'}): {error}") from error
        self._owns_cluster = True

    def _start_host(self, name: str) -> None:
        spec = self._hosts[name]
        remote = ray.remote(HostProcess).options(
            name=name,
            namespace=self._namespace,
            num_cpus=spec.cpus,
            max_restarts=-1,
            max_concurrency=4,
            lifetime="detached" if self._detached else None,
        )
        try:
            self._handles[name] = remote.remote(spec, self._namespace, self._host_of)
        except ValueError as error:
            raise UsageError(f"host {name} already runs in namespace {self._namespace!r}: stop it first") from error

    def _is_starting(self, name: str) -> bool:
        status = _answer(self._handles[name].status.remote())
        if status is not None and status.state == "refused":
            raise UsageError(status.text)
        return status is None or status.state == "starting"

    def _log_of(self, name: str) -> str:
        return self._hosts[name].settings.log_file or "the worker's stderr in Ray's session directory"

    def __enter__(self) -> "RayRuntime":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _answer(asked: Any) -> HostStatus | None:
    try:
        answer: HostStatus = ray.get([asked], timeout=_ASK_S)[0]
    except (GetTimeoutError, RayActorError):
        return None
    return answer


def _stop_all(handles: Sequence[Any]) -> None:
    asked = [handle.stop.remote() for handle in handles]
    if asked:
        ray.wait(asked, num_returns=len(asked), timeout=_STOP_S)
    for handle in handles:
        ray.kill(handle, no_restart=True)


def _check_plain(hosts: Sequence[HostSpec]) -> None:
    """Another process can only import, so factories must be given by path."""
    for host in hosts:
        for what, factory in (("resources", host.resources), *((actor.name, actor.factory) for actor in host.actors)):
            if not isinstance(factory, str):
                raise UsageError(f"host {host.name}: the factory of {what} must be 'package.module:callable' for Ray")
