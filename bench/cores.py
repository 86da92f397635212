"""Which cores a run may use."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import UsageError

__all__ = ["parse_cores", "pin_process", "pinned"]


def parse_cores(text: str) -> tuple[int, ...]:
    """``0,2-3`` → (0, 2, 3), in the order given. Raises UsageError for what is no list of cores of this machine."""
    cores: list[int] = []
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"cores {text!r}: write numbers such as 0,1 or 0-3")
        cores += range(int(first), int(last or first) + 1)
    here = os.sched_getaffinity(0)
    missing = [core for core in cores if core not in here]
    if missing or (text and not cores):
        raise UsageError(f"cores {text!r}: this machine has {','.join(map(str, sorted(here)))}")
    return tuple(dict.fromkeys(cores))


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """This process, and the children it starts meanwhile, run on ``cores`` only; none: nothing changes."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_process(pid: int, cores: Sequence[int]) -> None:
    """Move every thread of a process; one that has ended meanwhile is passed over."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue
