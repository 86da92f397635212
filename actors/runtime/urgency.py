"""Urgency: a kill does not wait for a processor behind work that it is about to stop.

    whoever presses, kill switch     2 ───────────── always before what is lent
    venue actors, for a moment       1 ── lent with the kill, taken back after it ──
    everything else                  0    as the operating system shares it out

On a host with fewer cores than processes, a kill would otherwise wait in each of them for its turn, milliseconds at a
time. Real-time classes (sched(7), SCHED_FIFO) give it the turn at once. A venue actor has it for the kill alone, and
from outside: one that needs its turn cannot ask for it. It does not keep it: it may hang, or hold a core with a
strategy's loop, and whoever fences it must come before it at any time. So what is lent is lower, and is taken back by
the clock.

This needs root, CAP_SYS_NICE or a limit of real-time priority (``ulimit -r``) of 2. Without, everything is as without
this, only later; nothing that is promised depends on it. Elsewhere than on Linux there is none.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

__all__ = ["Lender", "be_urgent", "give_way", "urgently"]

_KILLER, _LENT = 2, 1
#: Of a thread that there is not.
_NO_CLASS = (0xFF, 0)
_IS_HERE = hasattr(os, "SCHED_RESET_ON_FORK")


def be_urgent() -> str:
    """This thread, for good; not the threads and processes that it starts. Returns why not, or an empty text."""
    return _set(0, _KILLER)


@contextmanager
def urgently() -> Iterator[None]:
    """This thread, for a while; where it may not be, as always. One that has real-time priority already keeps it."""
    is_mine = _is_ordinary(0) and not _set(0, _KILLER)
    try:
        yield
    finally:
        if is_mine:
            _set(0, 0)


def give_way() -> None:
    """Let the others go first to whom urgency is lent, in their turn. Without a loan there is nobody to wait for."""
    if _is_lent(0):
        os.sched_yield()


class Lender:
    """Lends urgency to the loops of actors. ``thread_of(actor)``: the number of its loop's thread, 0: none is known.

    A thread that has real-time priority by somebody else's will keeps it; what an earlier life has lent is taken over.
    """

    def __init__(self, thread_of: Callable[[str], int]) -> None:
        self._thread_of = thread_of
        self._lent: set[int] = set()

    def lend(self, actors: Iterable[str]) -> None:
        for actor in actors:
            thread = self._thread_of(actor)
            if thread and (_is_lent(thread) or (_is_ordinary(thread) and not _set(thread, _LENT))):
                self._lent.add(thread)

    def take_back(self) -> None:
        """From everybody. A thread that has ended meanwhile has nothing to give back."""
        for thread in self._lent:
            if _is_lent(thread):
                _set(thread, 0)
        self._lent.clear()


def _is_ordinary(thread: int) -> bool:
    """False also when there is no such thread."""
    return _IS_HERE and _class_of(thread)[0] & ~os.SCHED_RESET_ON_FORK in (os.SCHED_OTHER, os.SCHED_BATCH)


def _is_lent(thread: int) -> bool:
    """Nobody else gives this class with this flag and this priority."""
    return _IS_HERE and _class_of(thread) == (os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, _LENT)


def _class_of(thread: int) -> tuple[int, int]:
    """The class with its flag, and the priority in it."""
    try:
        return os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
    except OSError:
        return _NO_CLASS


def _set(thread: int, priority: int) -> str:
    if not _IS_HERE:
        return "this system has no real-time classes"
    policy = (os.SCHED_FIFO if priority else os.SCHED_OTHER) | os.SCHED_RESET_ON_FORK
    try:
        os.sched_setscheduler(thread, policy, os.sched_param(priority))
    except OSError as error:
        return error.strerror or str(error)
    return ""
