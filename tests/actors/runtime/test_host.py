"""The host itself: what it owns, refuses, logs and cleans up."""

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from runtime_probe import OpenLatch, Probe, note, resources
from runtime_worlds import HostsWorld, OneHostWorld

from actors.runtime.dispatch import CellState
from actors.runtime.local import LocalRuntime, run
from actors.runtime.log import Log
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from engine.errors import UsageError
from engine.journal import MemoryJournal


class Stages:
    """A latency recorder that has the host's own stage."""

    stages = ("loop_lag",)

    def __init__(self) -> None:
        self.recorded: list[tuple[str, int]] = []

    def record(self, stage: str, latency_ns: int) -> None:
        self.recorded.append((stage, latency_ns))

    def group(self, stages: Sequence[str]) -> Callable[..., None]:
        return lambda *latencies_ns: self.recorded.extend(zip(stages, latencies_ns, strict=True))


def log_lines(settings: HostSettings) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in Path(settings.log_file).read_bytes().splitlines()]


def hosts(settings: HostSettings, *actors: ActorSpec, **changes: Any) -> list[HostSpec]:
    return [replace(HostSpec("h", actors, resources, settings), **changes)]


def test_a_socket_left_by_a_dead_process_is_taken_over(settings: HostSettings) -> None:
    path = Path(settings.run_dir) / "sockets" / "a.sock"
    path.parent.mkdir()
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    run(hosts(settings, ActorSpec("a", lambda _: Probe())), 0.0)
    assert not path.exists(), "and removed again when the host stops"


def test_an_actor_that_already_runs_is_not_replaced(settings: HostSettings) -> None:
    world = HostsWorld(settings)
    world.start(a=lambda: Probe())
    second = Probe()
    with pytest.raises(UsageError, match="actor a already runs"):
        world.runner.run(LocalRuntime(hosts(settings, ActorSpec("a", lambda _: second))).start())
    assert second.events == []
    world.stop()


def test_a_run_directory_too_deep_for_sockets_is_refused(settings: HostSettings, run_dir: str) -> None:
    deep = msgspec.structs.replace(settings, run_dir=f"{run_dir}/{'x' * 100}")
    with pytest.raises(UsageError, match="longer than"):
        run(hosts(deep, ActorSpec("a", lambda _: Probe())), 0.0)


def test_a_run_directory_that_is_a_file_is_refused(settings: HostSettings, run_dir: str) -> None:
    Path(run_dir, "file").write_bytes(b"")
    with pytest.raises(UsageError, match="run directory"):
        run(hosts(msgspec.structs.replace(settings, run_dir=f"{run_dir}/file")), 0.0)


def test_a_usage_error_on_start_stops_what_had_started(settings: HostSettings) -> None:
    first, closed = Probe(), []

    def refuse(probe: Probe) -> None:
        raise UsageError("no limits are configured")

    def closing(name: str, _: bytes) -> Resources:
        return Resources(MemoryJournal(), OpenLatch(), Stages(), lambda: closed.append(name))

    specs = (ActorSpec("first", lambda _: first), ActorSpec("second", lambda _: Probe(on={"start": refuse})))
    with pytest.raises(UsageError, match="no limits are configured"):
        run(hosts(settings, *specs, resources=closing), 0.0)
    assert first.events == [("start",), ("stop",)]
    assert sorted(closed) == ["first", "second"]
    assert list((Path(settings.run_dir) / "sockets").iterdir()) == []


def test_resources_are_closed_when_the_actor_cannot_be_built(settings: HostSettings) -> None:
    closed = []

    def closing(name: str, _: bytes) -> Resources:
        return Resources(MemoryJournal(), OpenLatch(), Stages(), lambda: closed.append(name))

    with pytest.raises(UsageError, match="cannot import"):
        run(hosts(settings, ActorSpec("a", "engine.actor:Nothing"), resources=closing), 0.0)
    assert closed == ["a"]


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        ("engine.actor", "not of the form"),
        ("engine.nothing:x", "cannot import"),
        ("engine.actor:__all__", "not callable"),
        ("builtins:bytes", "not an Actor"),
    ],
)
def test_a_factory_that_makes_no_actor_is_named(factory: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ActorSpec("a", factory).build()


def test_a_failure_is_logged_with_its_traceback(settings: HostSettings) -> None:
    def fail(probe: Probe, key: str) -> None:
        raise ValueError("bug here")

    def arm(probe: Probe) -> None:
        probe.ctx.log("armed", count=3, who="x")
        probe.ctx.set_timer("t", 0)

    world = OneHostWorld(settings)
    world.start(a=lambda: Probe(on={"start": arm, "timer": fail}))
    world.until(lambda: world.failure("a") is not None)
    world.stop()
    armed, failed = log_lines(settings)
    assert (armed["actor"], armed["event"], armed["count"], armed["who"]) == ("a", "armed", 3, "x")
    assert failed["event"] == "actor_failed"
    assert "bug here" in failed["traceback"]


def test_a_stop_handler_that_raises_does_not_keep_others_from_stopping(settings: HostSettings) -> None:
    def fail(probe: Probe) -> None:
        raise ValueError("bug")

    other = Probe()
    specs = (ActorSpec("other", lambda _: other), ActorSpec("a", lambda _: Probe(on={"stop": fail})))
    run(hosts(settings, *specs), 0.0)
    assert other.events == [("start",), ("stop",)]
    assert [line["event"] for line in log_lines(settings)] == ["stop_failed"]


def test_a_failed_actors_socket_is_gone(settings: HostSettings) -> None:
    def fail(probe: Probe, *_: Any) -> None:
        raise ValueError("bug")

    world = OneHostWorld(settings)
    world.start(a=lambda: Probe(on={"timer": fail}), b=lambda: Probe())
    world["a"].ctx.set_timer("now", 0)
    world.until(lambda: world["a"].seen("stop") == [()])
    world.runner.run(world._runtime.host.settled())
    assert not Path(settings.run_dir, "sockets", "a.sock").exists()
    assert world._runtime.states() == {"a": CellState.FAILED, "b": CellState.RUNNING}
    world.stop()


def test_the_loops_lag_is_recorded_where_there_is_a_stage_for_it(settings: HostSettings) -> None:
    stages = Stages()
    probe = Probe(on={"timer": lambda probe, _: probe.ctx.set_timer("t", probe.ctx.clock_ns() + 10_000_000)})

    async def scene() -> None:
        given = hosts(
            settings,
            ActorSpec("a", lambda _: probe),
            resources=lambda name, _: Resources(MemoryJournal(), OpenLatch(), stages),
        )
        done = asyncio.Event()
        probe.touched = lambda: done.set() if stages.recorded else None
        async with LocalRuntime(given):
            probe.ctx.set_timer("t", 0)
            await asyncio.wait_for(done.wait(), 20)

    uvloop.run(scene())
    assert stages.recorded[0][0] == "loop_lag"
    assert stages.recorded[0][1] >= 0


def test_collection_is_tuned_only_while_the_host_runs(settings: HostSettings) -> None:
    async def scene() -> bool:
        tuned = msgspec.structs.replace(settings, tune_gc=True)
        async with LocalRuntime(hosts(tuned, ActorSpec("a", lambda _: Probe()))):
            return gc.isenabled()

    assert uvloop.run(scene()) is False
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_runtime_without_actors_or_with_a_name_twice_is_refused(settings: HostSettings) -> None:
    with pytest.raises(UsageError, match="no actor"):
        LocalRuntime([])
    with pytest.raises(UsageError, match="same name"):
        LocalRuntime(hosts(settings, ActorSpec("a", lambda _: Probe()), ActorSpec("a", lambda _: Probe())))
    with pytest.raises(UsageError, match="not been started"):
        LocalRuntime(hosts(settings, ActorSpec("a", lambda _: Probe()))).actor("a")


def test_the_mailbox_between_co_hosted_actors_is_bounded(settings: HostSettings) -> None:
    sent: list[bool] = []

    def flood(probe: Probe, peer: str) -> None:
        sent.extend(probe.ctx.send(peer, note(number)) for number in range(20))

    world = OneHostWorld(msgspec.structs.replace(settings, mailbox_messages=10))
    world.start(a=lambda: Probe("b", on={"peer_up": flood}), b=lambda: Probe())
    assert sent.count(True) <= 10
    assert world._runtime.host.counters()["local_refused"] == sent.count(False)
    world.until(lambda: len(world["b"].seen("message")) == sent.count(True))
    world.stop()


# -- the log ---------------------------------------------------------------------------------------------------------


def test_a_flood_of_log_lines_is_cut_and_counted(tmp_path: Path) -> None:
    now_ns = 0
    log = Log(str(tmp_path / "log"), 3, lambda: now_ns)
    for number in range(10):
        log.write(0, "a", "event", {"number": number})
    now_ns = 1_000_000_000
    log.write(0, "a", "event", {"number": 10, "thing": object})
    log.close()
    lines = [msgspec.json.decode(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert [line["number"] for line in lines] == [0, 1, 2, 10]
    assert lines[-1]["suppressed"] == 7
    assert lines[-1]["thing"] == "<class 'object'>"


def test_a_flood_of_log_lines_does_not_hide_a_failure(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"), 2, lambda: 0)
    for number in range(5):
        log.write(0, "a", "event", {"number": number})
    log.write(0, "a", "actor_failed", {"error": "gone"})
    log.close()
    last = msgspec.json.decode((tmp_path / "log").read_bytes().splitlines()[-1])
    assert (last["event"], last["error"], last["suppressed"]) == ("actor_failed", "gone", 3)


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    log = Log("/dev/full", 3)
    log.write(0, "a", "event", {})
    log.close()


def test_a_log_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="log file"):
        Log(str(tmp_path / "nowhere" / "log"))


def test_without_a_file_the_log_goes_to_stderr(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log = Log()
    log.write(5, "a", "event", {})
    log.close()
    assert msgspec.json.decode(capfdbinary.readouterr().err) == {"wall_ns": 5, "actor": "a", "event": "event"}


def test_a_host_keeps_its_loop_on_its_cores_and_may_spin(settings: HostSettings) -> None:
    """In a thread of its own: a thread's cores stay what they are."""
    core = min(os.sched_getaffinity(0))
    seen: list[set[int]] = []
    fired: list[str] = []

    def start(probe: Probe) -> None:
        seen.append(os.sched_getaffinity(0))
        probe.ctx.set_timer("soon", probe.ctx.clock_ns() + 5_000_000)

    def timer(probe: Probe, key: str) -> None:
        fired.append(key)

    def serve() -> None:
        busy = msgspec.structs.replace(settings, cores=(core,), spin=True)
        run(hosts(busy, ActorSpec("a", lambda _: Probe(on={"start": start, "timer": timer}))), 0.2)

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert (seen, fired) == ([{core}], ["soon"])


def test_cores_that_are_not_there_are_refused(settings: HostSettings) -> None:
    with pytest.raises(UsageError, match="cores"):
        run(hosts(msgspec.structs.replace(settings, cores=(4_000,)), ActorSpec("a", lambda _: Probe())), 0.0)
