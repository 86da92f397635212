"""The same actors under Ray: each host a process that Ray starts, finds and brings back."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_probe import note

from actors.runtime.observer import BlockingObserver
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec
from engine.errors import UsageError
from engine.messages import StatusReport, StatusRequest

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def engine() -> Iterator[tuple[Any, str]]:
    """One cluster for the module: a pinger's host and a ponger's host. Ray's processes import ``runtime_probe`` too."""
    from actors.runtime.ray import RayRuntime

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    with tempfile.TemporaryDirectory(prefix="hl-") as run_dir:
        try:
            with RayRuntime([host(run_dir, "pinger"), host(run_dir, "ponger")], "test-engine") as runtime:
                yield runtime, run_dir
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before


def host(run_dir: str, actor: str, factory: str = "") -> HostSpec:
    settings = HostSettings(run_dir, "test", 1, log_file=f"{run_dir}/{actor}.jsonl")
    spec = ActorSpec(actor, factory or f"runtime_probe:{actor}")
    return HostSpec(f"host-{actor}", (spec,), "runtime_probe:resources", settings)


def ask(run_dir: str, actor: str) -> StatusReport:
    with BlockingObserver(run_dir, actor) as observer:
        return observer.request(StatusRequest(1), StatusReport)


def until(condition: Callable[[], bool]) -> None:
    """Ask again until it is so. Every asking is a round trip to another process, so this does not spin."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"


def answers(run_dir: str, actor: str, kind: str, count: int) -> bool:
    try:
        return ask(run_dir, actor).counters.get(kind, 0) >= count
    except (UsageError, ConnectionError):
        os.sched_yield()
        return False


def test_actors_of_two_processes_exchange_messages(engine: tuple[Any, str]) -> None:
    runtime, run_dir = engine
    until(lambda: answers(run_dir, "pinger", "message", 10))
    pids = runtime.pids()
    assert ask(run_dir, "pinger").pid == pids["host-pinger"]
    assert ask(run_dir, "ponger").pid == pids["host-ponger"]
    assert len({os.getpid(), *pids.values()}) == 3


def test_a_killed_process_comes_back_and_its_peer_finds_it(engine: tuple[Any, str]) -> None:
    runtime, run_dir = engine
    before = ask(run_dir, "pinger").counters
    killed = runtime.pids()["host-ponger"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: answers(run_dir, "pinger", "peer_down", before.get("peer_down", 0) + 1))
    until(lambda: answers(run_dir, "pinger", "message", before["message"] + 10))
    until(lambda: answers(run_dir, "ponger", "message", 10))
    assert ask(run_dir, "ponger").pid != killed


def test_a_killed_dialler_comes_back_and_dials(engine: tuple[Any, str]) -> None:
    runtime, run_dir = engine
    killed = runtime.pids()["host-pinger"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: answers(run_dir, "pinger", "message", 10) and ask(run_dir, "pinger").pid != killed)


def test_an_actor_that_raises_ends_its_process_and_is_started_anew(engine: tuple[Any, str]) -> None:
    _, run_dir = engine
    failed = ask(run_dir, "ponger").pid
    with BlockingObserver(run_dir, "ponger") as observer:
        observer.send(note(1, "raise"))
        with pytest.raises(ConnectionError):
            observer.receive(30.0)
    until(lambda: answers(run_dir, "ponger", "start", 1) and ask(run_dir, "ponger").pid != failed)
    assert "asked to raise" in Path(run_dir, "ponger.jsonl").read_text()


def test_a_host_that_cannot_start_says_why(engine: tuple[Any, str], run_dir: str) -> None:
    from actors.runtime.ray import RayRuntime

    with pytest.raises(UsageError, match="cannot import 'runtime_probe:nobody'"):
        RayRuntime([host(run_dir, "nobody")], "test-engine").start()


def test_a_host_name_that_is_taken_is_refused_and_the_holder_stays(engine: tuple[Any, str]) -> None:
    from actors.runtime.ray import RayRuntime

    runtime, run_dir = engine
    before = runtime.pids()
    with pytest.raises(UsageError, match="host-ponger already runs"):
        RayRuntime([host(run_dir, "ponger")], "test-engine").start()
    assert runtime.pids() == before


def test_a_factory_that_another_process_cannot_import_is_refused(run_dir: str) -> None:
    from actors.runtime.ray import RayRuntime

    settings = HostSettings(run_dir, "test", 1)
    with pytest.raises(UsageError, match=r"package\.module:callable"):
        RayRuntime([HostSpec("h", (), lambda *_: None, settings)], "test-engine")  # type: ignore[arg-type,return-value]
