"""bench/cores.py: which cores a run may use."""

import os
import subprocess
import sys

import pytest

from bench.cores import parse_cores, pin_process
from engine.errors import UsageError


def test_lists_and_ranges_keep_their_order_and_name_a_core_once(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3, 4})
    assert parse_cores("4,0-2,1") == (4, 0, 1, 2)
    assert parse_cores("") == ()


@pytest.mark.parametrize("text", ["one", "1-", "-1", "0,,1", "9999", "3-1"])
def test_what_is_no_core_of_this_machine_is_refused(text):
    with pytest.raises(UsageError, match="cores"):
        parse_cores(text)


def test_another_process_can_be_moved_with_all_its_threads():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    core = max(os.sched_getaffinity(0))
    pin_process(child.pid, (core,))
    assert os.sched_getaffinity(child.pid) == {core}
    child.communicate(b"\n")
    pin_process(child.pid, (core,))  # has ended: passed over
