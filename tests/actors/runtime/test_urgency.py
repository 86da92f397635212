"""actors/runtime/urgency.py: on this system, with a process of its own to lend to."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from actors.runtime.urgency import Lender, give_way, urgently


def _priority(thread: int) -> int:
    return os.sched_getparam(thread).sched_priority


def _may_be_urgent() -> bool:
    with urgently():
        return _priority(0) > 0


pytestmark = pytest.mark.skipif(not _may_be_urgent(), reason="real-time priority is not permitted here")


@pytest.fixture
def other() -> Iterator[int]:
    """Another process that waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.communicate(b"\n")


def test_what_is_lent_is_below_whoever_kills_and_is_taken_back(other: int) -> None:
    lender = Lender({"venue.x": other}.__getitem__)
    with urgently():
        lender.lend(["venue.x"])
        assert 0 < _priority(other) < _priority(0)
    assert _priority(0) == 0
    lender.take_back()
    assert _priority(other) == 0
    assert os.sched_getscheduler(other) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER


@pytest.mark.parametrize(("policy", "priority"), [(os.SCHED_RR, 7), (os.SCHED_FIFO, 1)])
def test_one_that_is_urgent_by_somebody_elses_will_stays_so(other: int, policy: int, priority: int) -> None:
    os.sched_setscheduler(other, policy, os.sched_param(priority))
    lender = Lender(lambda actor: other)
    lender.lend(["venue.x"])
    lender.take_back()
    assert _priority(other) == priority
    os.sched_setscheduler(other, os.SCHED_OTHER, os.sched_param(0))


def test_what_an_earlier_life_has_lent_is_taken_back_by_the_next(other: int) -> None:
    for _ in range(2):
        Lender(lambda actor: other).lend(["venue.x"])
        assert _priority(other) > 0
    lender = Lender(lambda actor: other)
    lender.lend(["venue.x"])
    lender.take_back()
    assert _priority(other) == 0
    lender.lend(["venue.x"])
    assert _priority(other) > 0, "once more"
    lender.take_back()


def test_one_that_is_not_known_or_has_ended_is_passed_over(other: int) -> None:
    threads = {"venue.x": other, "venue.y": 0}
    lender = Lender(threads.__getitem__)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as gone:
        threads["venue.z"] = gone.pid
        lender.lend(["venue.y", "venue.z"])
        gone.communicate(b"\n")
    lender.lend(["venue.z", "venue.x"])
    assert _priority(other) > 0
    lender.take_back()
    assert _priority(other) == 0


def test_urgency_is_not_passed_on_and_ends_with_the_outermost() -> None:
    with urgently():
        with urgently():
            started = subprocess.run(
                [sys.executable, "-c", "import os; print(os.sched_getparam(0).sched_priority)"],
                capture_output=True,
                text=True,
                check=True,
            )
        assert _priority(0) > 0, "ended by an inner one"
        give_way()
    assert started.stdout.strip() == "0"
    assert _priority(0) == 0
