"""Ending the process of another host on this machine for certain: nothing that it has begun is finished any more.

    HostProcess, before it builds anything ──▶ run_dir/<host>.pid: pid, start time, boot id
    ProcessFence ──▶ pidfd ──▶ is it still the process that the file names? ──▶ SIGKILL ──▶ seen to have ended

A pid alone names no process: it is given anew when its owner has died. So a file names one life of a host by its pid,
its start time and the boot of the machine, and the pidfd is opened *before* they are compared: from then on it stands
for one process, whatever becomes of the number. A process that is stopped (SIGSTOP) ends by SIGKILL like any other.

The file always names the last life that could have sent anything, because a life writes it first and only when the one
that it finds there has ended. A missing file says nothing, so it is never taken for "gone".
"""

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.errors import UsageError

__all__ = ["Life", "ProcessFence", "has_ended", "pid_path", "this_life", "write_pid_file"]

#: How long a process may take to end after SIGKILL, in ms; only one that waits for a disk takes longer than a moment.
_END_MS = 200
#: How long a new life waits for the last one to end.
_PREDECESSOR_MS = 2_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: In ``/proc/<pid>/stat``, counted from behind the name, which may hold spaces: ticks from boot to the start.
_START_FIELD = 19


class Life(NamedTuple):
    """One process, for certain: no other has had its pid at its start time since that boot."""

    pid: int
    start_ticks: int
    boot_id: str


def this_life() -> Life:
    return Life(os.getpid(), _start_ticks(os.getpid()), _boot_id())


def has_ended(life: Life) -> bool:
    """Raises OSError when it cannot be told."""
    with _open_life(life) as pidfd:
        return pidfd is None or _has_ended(pidfd, 0)


def pid_path(run_dir: Path | str, host: str) -> Path:
    return Path(run_dir) / f"{host}.pid"


def write_pid_file(run_dir: Path | str, host: str) -> None:
    """This process is ``host`` from now on. Called before anything of the host is built.

    Raises UsageError when an earlier life of the host still runs, or the file cannot be written.
    """
    path = pid_path(run_dir, host)
    fresh = path.with_name(f"{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        named = _read(path)
        if named is not None and named.pid != os.getpid():
            with _open_life(named) as pidfd:
                if pidfd is not None and not _has_ended(pidfd, _PREDECESSOR_MS):
                    raise UsageError(f"host {host} still runs as process {named.pid}: end it first")
        me = this_life()
        fresh.write_text(f"{me.pid} {me.start_ticks} {me.boot_id}\n")
        fresh.rename(path)
    except OSError as error:
        raise UsageError(f"process file {path}: {error.strerror}; nobody could end this process in time") from error


class ProcessFence:
    """``fence(host)`` ends the process of ``host``, a host of the same ``run_dir``."""

    def __init__(self, run_dir: Path | str) -> None:
        self._run_dir = run_dir

    def __call__(self, host: str) -> str:
        """Empty: the last life of the host has certainly ended. Otherwise why that is not certain."""
        path = pid_path(self._run_dir, host)
        try:
            named = _read(path)
            if named is None:
                return f"{path} does not say which process it is"
            with _open_life(named) as pidfd:
                if pidfd is None:
                    return ""
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                if _has_ended(pidfd, _END_MS):
                    return ""
                return f"process {named.pid} has not ended within {_END_MS} ms of SIGKILL"
        except ProcessLookupError:
            return ""  # it ended by itself, between two looks
        except OSError as error:
            return f"its process cannot be ended: {error.strerror}"


@contextlib.contextmanager
def _open_life(life: Life) -> Iterator[int | None]:
    """A pidfd of exactly that process; None when it has ended (another one may have its pid by now)."""
    try:
        pidfd = os.pidfd_open(life.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield pidfd if _is_at(life) else None
    finally:
        os.close(pidfd)


def _is_at(life: Life) -> bool:
    """Whether the process that has its pid now is that life."""
    try:
        return life.boot_id == _boot_id() and _start_ticks(life.pid) == life.start_ticks
    except ProcessLookupError:
        return False


def _has_ended(pidfd: int, wait_ms: int) -> bool:
    """Also a zombie has: nothing of it runs."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(wait_ms))


def _read(path: Path) -> Life | None:
    """None: there is no file, or it is not one of ours."""
    try:
        pid, start_ticks, boot_id = path.read_text().split()
        return Life(int(pid), int(start_ticks), boot_id)
    except (FileNotFoundError, ValueError):
        return None


def _start_ticks(pid: int) -> int:
    """Raises ProcessLookupError when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return int(text[text.rindex(")") + 2 :].split()[_START_FIELD])


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()
