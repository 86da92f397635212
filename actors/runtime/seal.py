"""The seal: proof that nothing more of a kill's scope can leave a venue actor, without waiting for it to wake up.

    venue actor, each order                     whoever has latched a kill
    1  store  window = inside                   A  store  the kill's row in the latch
    2  load   the latch, refuse if killed       B  membarrier(GLOBAL_EXPEDITED)
    3  write  to the socket                     C  load   window: outside ──▶ sealed; inside ──▶ look again
    4  store  window = outside, one more sent

Why C proves it (Dekker's handshake, with a fence that only the killer pays for). The venue actor's machine code has 1
before 2 in program order: two calls of the interpreter, which no compiler merges. The processor may let the load
of 2 overtake the store of 1, on x86-64 (a store waits in the store buffer) as on arm64. membarrier(2) says of
MEMBARRIER_CMD_GLOBAL_EXPEDITED that between its entry and its return every running thread of every process that has
registered passes "through a state where all memory accesses to user-space addresses match program order", and that
threads which do not run are in such a state. Call that point P. It lies somewhere in the venue actor's program order:

- P is behind 1 and before 4 of some order: its store is visible to C, which follows P. Not sealed: this order may have
  looked before A, and C is done again until the word changes back.
- P is anywhere else: the next order's 2 is behind P, hence behind A, and finds the row. An order whose 4 is before P is
  in the count that C reads.

So once C has found the word outside, every order that may leave has left, and is counted; later ones are refused. It
does not matter where the thread stands still or for how long: one that is stopped (SIGSTOP), swapped out or waiting for
a processor does not run, so its P is where it stands. Stopped between 1 and 4 it keeps the bit set and is never sealed,
until it goes on or its process has ended.

Step 4 needs no fence: a store is not visible before the instructions in front of it are certain to retire, and the
write of 3 is a system call that has returned by then. Bit and count are one aligned word, so C needs no second load
that could be of another moment; the caller's own loads are ordered by B. A word that went back to outside and inside
again between two looks is only another round.

Lives. Pages are opened, or seen to be still the same files, after A. A life that makes its page later than that makes
every look of its own later, too; one that made it earlier is the one whose page is found. A set bit of a process that
has ended holds nobody up: pid, start time, boot and pid namespace say that it is that process. One life at a time is
ensured by others (``fence.write_pid_file``, the lock of the journal). The page also names the latch file that its gate
has mapped: a latch that was deleted and made anew under a running engine seals nothing.

Where the kernel does not offer the call (before 4.16, or built or filtered without), no one is ever sealed, and kills
go by the acknowledgement alone, as they do for an actor whose page is missing or damaged. There is no second best by
MEMBARRIER_CMD_GLOBAL: it waits for a grace period of all processors, which is longer than an acknowledgement takes.
"""

import ctypes
import os
import platform
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from actors.runtime.fence import Life, has_ended, this_life
from engine.errors import UsageError
from risk.window import SendWindow, WindowOwner, WindowReader

__all__ = ["PageSeal", "create_window", "sealable_actors", "window_path"]

_GLOBAL_EXPEDITED = 1 << 1
_REGISTER_GLOBAL_EXPEDITED = 1 << 2
#: The number of the system call. glibc has no function for it.
_MEMBARRIER = {"x86_64": 324, "aarch64": 283}.get(platform.machine())
_syscall = ctypes.CDLL(None, use_errno=True).syscall
_SUFFIX = ".window"
_PID_NAMESPACE = Path("/proc/self/ns/pid")


def window_path(run_dir: Path | str, actor: str) -> Path:
    return Path(run_dir) / f"{actor}{_SUFFIX}"


def sealable_actors(run_dir: Path | str) -> tuple[str, ...]:
    """Every venue actor that has a page here."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in Path(run_dir).glob(f"*{_SUFFIX}")))


def create_window(run_dir: Path | str, actor: str, latch_path: Path) -> SendWindow:
    """Make the page of this process's venue actor, and let the barriers of others reach this process. Called by the
    thread that sends its orders.

    Raises UsageError when the page cannot be made.
    """
    device, inode = _file_of(latch_path) or (0, 0)
    life = this_life()
    has_barriers = _membarrier(_REGISTER_GLOBAL_EXPEDITED)
    thread = threading.get_native_id()
    owner = WindowOwner(life.pid, life.start_ticks, _namespace(), life.boot_id, has_barriers, device, inode, thread)
    return SendWindow.create(window_path(run_dir, actor), owner)


class PageSeal:
    """``seal(actors)`` is called after the latch at ``latch_path`` was written, and again until all are in it: the
    venue actors of this host that are sealed, and how many orders have ever left each."""

    def __init__(self, run_dir: Path | str, latch_path: Path) -> None:
        self._run_dir = run_dir
        self._latch_path = str(latch_path)
        self._paths: dict[str, str] = {}
        #: Pages that are mapped, by actor, and which file each is.
        self._pages: dict[str, tuple[tuple[int, int], WindowReader]] = {}

    def __call__(self, actors: Iterable[str]) -> dict[str, int]:
        if not _membarrier(_GLOBAL_EXPEDITED):
            return {}
        latch = _file_of(self._latch_path)
        sealed = {}
        for actor in actors:
            page = self._page(actor)
            if page is None or latch != (page.owner.latch_device, page.owner.latch_inode):
                continue
            is_inside, orders = page.read()
            if page.owner.has_barriers and (not is_inside or _is_gone(page.owner)):
                sealed[actor] = orders + is_inside  # what a dead one was about to send may have left
        return sealed

    def map_pages(self, actors: Iterable[str]) -> None:
        """Before a kill, so that the first look has less to do."""
        for actor in actors:
            self._page(actor)

    def thread(self, actor: str) -> int:
        """The thread that sends this actor's orders; 0: none is known, or it is of this very process."""
        page = self._page(actor)
        if page is None or page.owner.pid == os.getpid() or page.owner.pid_namespace != _namespace():
            return 0
        return page.owner.thread

    def _page(self, actor: str) -> WindowReader | None:
        path = self._paths.get(actor)
        if path is None:
            path = self._paths[actor] = str(window_path(self._run_dir, actor))
        file = _file_of(path)
        if file is None:
            return None
        known = self._pages.get(actor)
        if known is None or known[0] != file:
            try:
                known = self._pages[actor] = (file, WindowReader.open(Path(path)))
            except UsageError:
                return None
        return known[1]


def _membarrier(command: int) -> bool:
    return _MEMBARRIER is not None and _syscall(_MEMBARRIER, command, 0, 0) == 0


def _file_of(path: Path | str) -> tuple[int, int] | None:
    try:
        told = os.stat(path)
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _is_gone(owner: WindowOwner) -> bool:
    """A process of another pid namespace cannot be looked up here."""
    try:
        return owner.pid_namespace == _namespace() and has_ended(Life(owner.pid, owner.start_ticks, owner.boot_id))
    except OSError:
        return False


@cache
def _namespace() -> int:
    return os.stat(_PID_NAMESPACE).st_ino
