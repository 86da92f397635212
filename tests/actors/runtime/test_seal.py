"""actors/runtime/seal.py with two real processes: after the seal nothing comes that was not in its count."""

import mmap
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.runtime.seal import PageSeal, create_window, window_path
from engine.codes import KillMode
from risk.latch import LatchPage
from risk.scope import TradingNames

ACTOR = "venue.x"
NAMES = TradingNames(("main",), {"x": "main"})
_LONG_S = 30.0
_KILLS = 150

#: Looks, writes a byte to its standard output, as fast as it can; counts its refusals in a file. How it does that, and
#: what it gets wrong, comes as an argument.
SENDER = """
import mmap, os, signal, sys
from pathlib import Path
from actors.runtime.seal import create_window
from risk.latch import LatchPage

run_dir, latch_path, refusals_path, how = sys.argv[1:]
view = LatchPage.read(latch_path).view("x", "main")
window = create_window(run_dir, "venue.x", Path(latch_path))
with open(refusals_path, "r+b") as file:
    refusals = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")
while True:
    window.enter()
    if not view.is_trading():
        window.refused()
        refusals[0] += 1
        continue
    if how == "clears-before-the-write":
        window.sent()
        sum(range(1_000))
    if how == "stops-inside" and window.orders == 5:
        os.kill(os.getpid(), signal.SIGSTOP)
    os.write(1, b".")
    if how == "fails-inside" and window.orders == 5:
        print("raised", file=sys.stderr, flush=True)
        os.read(0, 1)
    if how != "clears-before-the-write":
        window.sent()
"""


class Sender:
    def __init__(self, folder: Path, how: str) -> None:
        self.folder, self.latch_path = folder, folder / "latch"
        self.page = LatchPage.create(self.latch_path, NAMES)
        refusals = folder / "refusals"
        refusals.write_bytes(bytes(8))
        with refusals.open("r+b") as file:
            self._refusals = mmap.mmap(file.fileno(), 8)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(folder), str(self.latch_path), str(refusals), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self._out = self.process.stdout.fileno()
        os.set_blocking(self._out, False)
        self.came = 0
        self.seal = PageSeal(folder, self.latch_path)

    def take(self) -> None:
        """Everything that has left so far."""
        while select.select([self._out], [], [], 0)[0] and (data := os.read(self._out, 1 << 16)):
            self.came += len(data)

    def sealed(self) -> int | None:
        return self.seal([ACTOR]).get(ACTOR)

    @property
    def refusals(self) -> int:
        return int(struct.unpack("q", self._refusals[:])[0])

    def when(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LONG_S
        while not condition():
            self.take()
            os.sched_yield()
            assert time.monotonic() < deadline, "not in time"

    def goes_on(self, orders: int = 1) -> None:
        wanted = self.came + orders
        self.when(lambda: self.came >= wanted)

    def kill_and_seal(self) -> int:
        """Latch, seal; how many the seal says have left."""
        self.page.press(KillMode.HALT)
        found: list[int] = []

        def is_sealed() -> bool:
            if (orders := self.sealed()) is not None:
                found.append(orders)
            return bool(found)

        self.when(is_sealed)
        return found[0]

    def looks_often(self) -> None:
        before = self.refusals
        self.when(lambda: self.refusals > before + 5)

    def release(self) -> None:
        self.page.settle_button(None)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Sender]]:
    senders: list[Sender] = []

    def make(how: str) -> Sender:
        senders.append(Sender(tmp_path, how))
        return senders[-1]

    yield make
    for sender in senders:
        sender.process.kill()
        sender.process.communicate()


def _kill_many(sender: Sender, kills: int) -> int:
    """Up to the first kill that was not as sealed: how many orders had not left by then or not been counted. What is
    written to a pipe can be read at once, so nothing is on its way when the seal is there."""
    pace, beyond = random.Random(7), 0
    for _ in range(kills):
        sender.goes_on(pace.randrange(1, 40))
        counted = sender.kill_and_seal()
        sender.take()
        beyond += abs(sender.came - counted)
        sender.looks_often()
        sender.take()
        beyond += abs(sender.came - counted)
        sender.release()
        if beyond:
            break
    return beyond


def test_after_a_seal_nothing_comes_that_it_has_not_counted(start: Callable[[str], Sender]) -> None:
    sender = start("right")
    assert _kill_many(sender, _KILLS) == 0
    assert sender.came > _KILLS
    assert sender.refusals > _KILLS * 5


def test_one_that_leaves_its_window_too_early_is_found_out(start: Callable[[str], Sender]) -> None:
    """The test above can fail."""
    assert _kill_many(start("clears-before-the-write"), 5_000) > 0


def test_a_process_that_stands_still_inside_is_not_sealed_until_it_goes_on(start: Callable[[str], Sender]) -> None:
    sender = start("stops-inside")
    _wait_until_stopped(sender)
    sender.page.press(KillMode.HALT)
    assert [sender.sealed() for _ in range(50)] == [None] * 50
    sender.process.send_signal(signal.SIGCONT)
    counted = sender.kill_and_seal()
    sender.take()
    assert (counted, sender.came) == (6, 6), "what it had looked for before the kill has left, and is counted"


def test_a_process_that_has_ended_inside_is_sealed(start: Callable[[str], Sender]) -> None:
    sender = start("stops-inside")
    _wait_until_stopped(sender)
    sender.page.press(KillMode.HALT)
    assert sender.sealed() is None
    sender.process.kill()
    sender.when(lambda: sender.sealed() is not None)
    sender.take()
    assert (sender.sealed(), sender.came) == (6, 5), "its last order may have left"


def test_whoever_does_not_come_out_of_its_window_is_not_sealed(start: Callable[[str], Sender]) -> None:
    sender = start("fails-inside")
    sender.goes_on(6)
    assert sender.process.stderr is not None
    assert sender.process.stderr.readline() == b"raised\n"
    sender.page.press(KillMode.HALT)
    assert sender.sealed() is None


def test_an_actor_without_a_sound_page_is_not_sealed(tmp_path: Path) -> None:
    latch = tmp_path / "latch"
    LatchPage.create(latch, NAMES)
    seal = PageSeal(tmp_path, latch)
    assert seal(["venue.x", "venue.y"]) == {}
    create_window(tmp_path, "venue.x", latch)
    assert seal(["venue.x", "venue.y"]) == {"venue.x": 0}
    path = window_path(tmp_path, "venue.x")
    damaged = path.with_name("damaged")
    damaged.write_bytes(path.read_bytes()[:-1])
    damaged.replace(path)
    assert seal(["venue.x"]) == {}


def test_a_latch_that_is_not_the_one_the_gate_has_mapped_seals_nobody(tmp_path: Path) -> None:
    latch = tmp_path / "latch"
    LatchPage.create(latch, NAMES)
    create_window(tmp_path, "venue.x", latch)
    seal = PageSeal(tmp_path, latch)
    assert seal(["venue.x"]) == {"venue.x": 0}
    latch.rename(tmp_path / "old")
    assert seal(["venue.x"]) == {}
    LatchPage.create(latch, NAMES)
    assert seal(["venue.x"]) == {}


def test_a_new_life_is_looked_at_by_its_own_page(tmp_path: Path) -> None:
    latch = tmp_path / "latch"
    LatchPage.create(latch, NAMES)
    first = create_window(tmp_path, "venue.x", latch)
    first.enter()
    seal = PageSeal(tmp_path, latch)
    assert seal(["venue.x"]) == {}
    second = create_window(tmp_path, "venue.x", latch)
    assert seal(["venue.x"]) == {"venue.x": 0}
    second.enter()
    assert seal(["venue.x"]) == {}


def _wait_until_stopped(sender: Sender) -> None:
    told = os.waitid(os.P_PID, sender.process.pid, os.WSTOPPED | os.WNOWAIT)
    assert told is not None
    assert told.si_status == signal.SIGSTOP
