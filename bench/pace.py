"""When to send, and a process that is quiet while it is measured.

Latency is counted from the time at which a message was *planned* to leave, so a stall is charged to every message
that it delayed, not only to the one that it hit (no coordinated omission).
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_gc", "wait_until"]

#: A sleep ends late by tens of microseconds: the last stretch is spun.
_SPIN_NS = 150_000


def wait_until(planned_ns: int) -> None:
    """Block until the monotonic clock shows ``planned_ns``; returns at once when that has passed."""
    while (rest_ns := planned_ns - time.monotonic_ns()) > 0:
        if rest_ns > _SPIN_NS:
            time.sleep((rest_ns - _SPIN_NS) / 1e9)


@contextmanager
def quiet_gc() -> Iterator[None]:
    """No garbage collection meanwhile, as the engine itself collects off its order path; for every case alike."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
