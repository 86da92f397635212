"""Journals are forced to the disk beside the loop: soon, again and again, and not once they are closed."""

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from runtime_probe import Probe, resources

from actors.runtime.durability import SYNC_STAGE, JournalSyncs
from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from engine.errors import UsageError
from engine.journal import MemoryJournal
from risk.latency import LatencyPage
from store.segment import SegmentJournal

_DEADLINE_S = 10.0


class Disk(MemoryJournal):
    """A journal that knows what is on its disk, which ``fails`` from a sync on."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.on_disk = 0
        self.syncs = 0
        self.fails = fails
        self.is_closed = False

    def sync(self) -> int:
        assert not self.is_closed
        self.syncs += 1
        if self.fails:
            raise UsageError("the disk is gone")
        self.on_disk = super().sync()
        return self.on_disk


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.001)


def test_what_is_appended_is_soon_on_the_disk() -> None:
    told: list[tuple[str, str]] = []
    syncs = JournalSyncs(1_000_000, lambda *failure: told.append(failure))
    one, other, latency = Disk(), Disk(), LatencyPage.memory((SYNC_STAGE,))
    syncs.add("one", one, latency)
    syncs.add("other", other, LatencyPage.memory(("loop_lag",)))
    for count in (1, 2, 3):
        one.append(b"x", 1)
        other.append(b"x", 1)
        wait_for(lambda count=count: (one.on_disk, other.on_disk) == (count, count))
    syncs.stop()
    assert latency.summary(SYNC_STAGE).count >= 3
    assert told == []


def test_a_journal_that_was_removed_may_be_closed() -> None:
    syncs = JournalSyncs(1, lambda *_: None)
    for _ in range(50):
        journal, other = Disk(), Disk()
        syncs.add("a", journal, LatencyPage.memory(("loop_lag",)))
        syncs.add("b", other, LatencyPage.memory(("loop_lag",)))
        wait_for(lambda journal=journal: journal.syncs)
        syncs.remove("a")
        journal.is_closed = True
        before = other.syncs
        wait_for(lambda other=other, before=before: other.syncs > before + 1)
    syncs.stop()


def test_a_disk_that_fails_is_told_once_and_the_others_go_on() -> None:
    told: list[tuple[str, str]] = []
    syncs = JournalSyncs(1, lambda *failure: told.append(failure))
    bad, good = Disk(fails=True), Disk()
    syncs.add("bad", bad, LatencyPage.memory(("loop_lag",)))
    syncs.add("good", good, LatencyPage.memory(("loop_lag",)))
    wait_for(lambda: good.syncs > 5)
    syncs.stop()
    assert (told, bad.syncs) == ([("bad", "the disk is gone")], 1)


def test_zero_is_never() -> None:
    syncs = JournalSyncs(0, lambda *_: None)
    journal = Disk()
    syncs.add("a", journal, LatencyPage.memory(("loop_lag",)))
    syncs.stop()
    assert journal.syncs == 0


class Owner:
    """A host of actors with these journals, by name; an actor appends one record when it starts."""

    def __init__(self, settings: HostSettings, journals: dict[str, Any]) -> None:
        self._journals = journals
        actors = tuple(ActorSpec(name, lambda _: Appender()) for name in journals)
        changed = msgspec.structs.replace(settings, sync_every_ns=1_000_000)
        self.runtime = LocalRuntime([HostSpec("h", actors, self._resources, changed)])

    def _resources(self, actor: str, arguments: bytes) -> Resources:
        journal = self._journals[actor]
        return replace(resources(actor, arguments), journal=journal, close=getattr(journal, "close", lambda: None))

    def run_until(self, condition: Any) -> None:
        async def go() -> None:
            async with self.runtime:
                await asyncio.to_thread(wait_for, condition)

        uvloop.run(go())


class Appender(Probe):
    def on_start(self, ctx: Any, now_ns: int) -> None:
        super().on_start(ctx, now_ns)
        ctx.journal.append(b"mine", now_ns)


def test_a_host_syncs_the_journals_of_its_actors(settings: HostSettings) -> None:
    journals = {"a": Disk(), "b": Disk()}
    Owner(settings, journals).run_until(lambda: all(journal.on_disk == 1 for journal in journals.values()))


def test_a_host_tells_when_a_journal_is_not_on_the_disk(settings: HostSettings) -> None:
    log = Path(settings.log_file)
    Owner(settings, {"a": Disk(fails=True)}).run_until(
        lambda: log.exists() and b"JOURNAL NOT ON DISK" in log.read_bytes()
    )
    (line,) = [line for line in log.read_bytes().splitlines() if b"NOT ON DISK" in line]
    assert msgspec.json.decode(line)["error"] == "the disk is gone"


def test_real_segments_are_synced_and_closed(settings: HostSettings, tmp_path: Path) -> None:
    journal = SegmentJournal(tmp_path / "a", 4096)
    Owner(settings, {"a": journal}).run_until(lambda: journal._synced == 1)
    again = SegmentJournal(tmp_path / "a", 4096)
    assert [payload for _, _, payload in again.records()] == [b"mine"]
    again.close()
