"""Fencing a real process: it is over when the fence says so, and no other process is ever hit."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime.fence import ProcessFence, pid_path, write_pid_file
from engine.errors import UsageError

CHILD = """
import sys
from actors.runtime.fence import write_pid_file
write_pid_file(sys.argv[1], "venue.x")
print("named", flush=True)
sys.stdin.read()
"""
HOST = "venue.x"


class Child:
    """A process that has named itself as the host."""

    def __init__(self, run_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(run_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "named\n"

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    started = Child(tmp_path)
    yield started
    started.end()


def renamed(run_dir: Path, pid: int, start_ticks: int, boot_id: str) -> None:
    pid_path(run_dir, HOST).write_text(f"{pid} {start_ticks} {boot_id}\n")


def named(run_dir: Path) -> tuple[int, int, str]:
    pid, start_ticks, boot_id = pid_path(run_dir, HOST).read_text().split()
    return int(pid), int(start_ticks), boot_id


def test_a_running_process_has_ended_when_the_fence_returns(tmp_path: Path, child: Child) -> None:
    assert named(tmp_path)[0] == child.process.pid
    assert ProcessFence(tmp_path)(HOST) == ""
    assert child.process.wait(10) == -signal.SIGKILL


def test_a_stopped_process_is_ended_without_being_continued(tmp_path: Path, child: Child) -> None:
    os.kill(child.process.pid, signal.SIGSTOP)
    assert ProcessFence(tmp_path)(HOST) == ""
    assert child.process.wait(10) == -signal.SIGKILL


def test_a_process_that_has_ended_already_is_gone(tmp_path: Path, child: Child) -> None:
    child.process.kill()
    assert ProcessFence(tmp_path)(HOST) == ""  # whether or not it has been waited for
    child.end()
    assert ProcessFence(tmp_path)(HOST) == ""


@pytest.mark.parametrize("differs", ["start time", "boot"])
def test_another_process_that_has_got_the_pid_is_left_alone(tmp_path: Path, child: Child, differs: str) -> None:
    pid, start_ticks, boot_id = named(tmp_path)
    if differs == "boot":
        renamed(tmp_path, pid, start_ticks, "0" * 8 + boot_id[8:])
    else:
        renamed(tmp_path, pid, start_ticks - 1, boot_id)
    assert ProcessFence(tmp_path)(HOST) == "", "the process that the file names has ended"
    assert not child.has_ended


@pytest.mark.parametrize("content", [None, "", "12", "a b c", "1 2 3 4"])
def test_who_is_not_known_is_not_gone(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        pid_path(tmp_path, HOST).write_text(content)
    assert "does not say which process" in ProcessFence(tmp_path)(HOST)


def test_a_new_life_does_not_take_the_name_while_the_last_one_runs(tmp_path: Path, child: Child) -> None:
    before = named(tmp_path)
    with pytest.raises(UsageError, match=f"still runs as process {child.process.pid}"):
        write_pid_file(tmp_path, HOST)
    assert named(tmp_path) == before
    child.end()
    write_pid_file(tmp_path, HOST)
    assert named(tmp_path)[0] == os.getpid()
    write_pid_file(tmp_path, HOST)  # once more is no harm


def test_a_name_that_cannot_be_written_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="process file"):
        write_pid_file(tmp_path / "file" / "below", HOST)
