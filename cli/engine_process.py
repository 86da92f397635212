"""Starting the engine from a plan, under the runtime that its configuration names."""

import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import uvloop

from actors.runtime.local import LocalRuntime
from actors.runtime.spec import HostSpec
from config.settings import EngineConfig
from engine.errors import HaltlineError

if TYPE_CHECKING:
    from actors.runtime.ray import RayRuntime

__all__ = ["RunningEngine", "start_engine"]

_START_S = 60.0
#: A signal that comes within this time after Ray has put a handler in place still meets that one.
_PUT_BACK_S = 0.005


class RunningEngine(Protocol):
    """An engine that runs beside this thread."""

    def pids(self) -> dict[str, int]:
        """Process id by host."""
        ...

    def stop(self) -> None: ...


def start_engine(config: EngineConfig, hosts: Sequence[HostSpec]) -> RunningEngine:
    """Start every actor. Raises UsageError or HaltlineError when one cannot be started."""
    if config.engine.runtime == "local":
        return _LocalEngine(hosts)
    from actors.runtime.ray import RayRuntime  # importing Ray takes a second that no other command should pay

    return _RayEngine(RayRuntime(hosts, config.engine.name))


class _RayEngine:
    """Ray, started by a thread that lasts as long as the engine.

    Ray asks the kernel to end its own processes with whoever started them, and to the kernel that is the *thread*
    (prctl(2), PR_SET_PDEATHSIG): without it no host that dies would ever be brought back.
    """

    def __init__(self, runtime: "RayRuntime") -> None:
        self._runtime = runtime
        self._ended = threading.Event()
        _keeping_signals(runtime.start, runtime.stop, self._ended)

    def pids(self) -> dict[str, int]:
        return self._runtime.pids()

    def stop(self) -> None:
        self._runtime.stop()
        self._ended.set()


def _keeping_signals(start: Callable[[], None], stop: Callable[[], None], ended: threading.Event) -> None:
    """``start``, in a thread that lasts until ``ended``; this one meanwhile listens for signals, and its own handlers
    get them afterwards.

    Ray has handlers of its own, in Python and in C, that end this process in the middle of the start and leave its own
    processes to find out. When a handler of ours raises (Ctrl-C), what has been started is ``stop``ped.
    """
    errors: list[BaseException] = []
    heard: list[int] = []
    started = threading.Event()

    def run() -> None:
        try:
            start()
        except BaseException as error:
            errors.append(error)
            ended.set()
        started.set()
        ended.wait()

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    is_listening = threading.current_thread() is threading.main_thread()
    ours = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM) if is_listening}
    threading.Thread(target=run, name="haltline-start", daemon=True).start()
    while not started.wait(_PUT_BACK_S if ours else None):
        for number in ours:
            signal.signal(number, hear)
        signal.alarm(0)  # by which Ray's own ends the process three seconds after it has passed a signal on to ours
    for number, handler in ours.items():
        signal.signal(number, handler)
        signal.alarm(0)
    if errors:
        raise errors[0]
    try:
        for heard_number in heard:
            signal.raise_signal(heard_number)
    except BaseException:
        stop()
        ended.set()
        raise


class _LocalEngine:
    """The local runtime on a uvloop loop in a thread of its own."""

    def __init__(self, hosts: Sequence[HostSpec]) -> None:
        self._hosts = hosts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="haltline-engine", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_S):
            raise HaltlineError("the engine did not start in time")
        if self._error is not None:
            raise self._error

    def pids(self) -> dict[str, int]:
        return {}

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:
            self._error = error
            self._started.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with LocalRuntime(self._hosts):
            self._started.set()
            await self._stop.wait()
