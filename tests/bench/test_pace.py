"""bench/pace.py: never early, and the collector is left as it was found."""

import gc
import time

import pytest

from bench.pace import quiet_gc, wait_until


@pytest.mark.parametrize("ahead_ns", [-1_000_000, 0, 20_000, 1_000_000])
def test_waiting_never_ends_before_its_time(ahead_ns):
    planned_ns = time.monotonic_ns() + ahead_ns
    wait_until(planned_ns)
    assert time.monotonic_ns() >= planned_ns


def test_the_collector_rests_meanwhile_and_runs_again_also_after_an_error():
    seen = []

    def fail():
        with quiet_gc():
            seen.append(gc.isenabled())
            raise KeyError

    assert gc.isenabled()
    with pytest.raises(KeyError):
        fail()
    assert (seen, gc.isenabled()) == ([False], True)


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with quiet_gc():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
