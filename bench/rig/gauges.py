"""What an engine holds while it runs, read from outside: its processes' memory and files, its queues, its journal.

Nothing here asks an actor anything: the kernel tells of the processes, a venue actor's counters are in a mapped page.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.places import counters_path, journal_dir, venue_actor
from config.settings import EngineConfig
from risk.counters import CounterPage

__all__ = ["QUEUES", "Gauges", "watching"]

#: What waits in or behind a venue actor, by the names of its counter page; ``reports_behind|`` is of its strategy.
QUEUES = ("open_orders", "in_flight", "unknown_orders", "journal_owed", "waiting_bytes", "reports_behind|")


class Gauges:
    """One venue actor, whose strategy has the venue's name, in the process ``pid``; ``others`` are processes beside it.

    ``values`` has by name one reading a moment of ``at_ns``: ``memory`` and ``memory_others`` (bytes that are in no
    file), ``files`` and ``files_others`` (open descriptors), ``orders_kept``, ``journal`` (bytes), ``checkpoint_age``
    (ns, since the start when there is none yet), and the ``QUEUES``.
    """

    def __init__(self, config: EngineConfig, venue: str, pid: int, others: Sequence[int]) -> None:
        self.at_ns: list[int] = []
        self.values: dict[str, list[int]] = {}
        self._pid, self._others, self._venue = pid, tuple(others), venue
        self._page = CounterPage.open(counters_path(config, venue_actor(venue)))
        self._journal = journal_dir(config) / venue_actor(venue)
        self._begun_ns = time.time_ns()

    def read(self) -> None:
        """Add a reading. A process that has ended has nothing."""
        counted = self._page.read().values
        now = {
            "memory": _memory_bytes(self._pid),
            "memory_others": sum(map(_memory_bytes, self._others)),
            "files": _open_files(self._pid),
            "files_others": sum(map(_open_files, self._others)),
            "orders_kept": counted["orders_kept"],
            "journal": sum(file.stat().st_size for file in self._journal.iterdir()),
            "checkpoint_age": time.time_ns() - self._checkpoint_ns(),
            **{name: counted[name + self._venue if name.endswith("|") else name] for name in QUEUES},
        }
        self.at_ns.append(time.monotonic_ns())
        for name, value in now.items():
            self.values.setdefault(name, []).append(value)

    def since(self, begin_ns: int) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
        """(when, by name what) of the readings from then on; int64 arrays [readings]."""
        at_ns = np.array(self.at_ns, dtype=np.int64)
        kept = at_ns >= begin_ns
        return at_ns[kept], {name: np.array(each, dtype=np.int64)[kept] for name, each in self.values.items()}

    def _checkpoint_ns(self) -> int:
        try:
            return (self._journal / "checkpoint").stat().st_mtime_ns
        except FileNotFoundError:
            return self._begun_ns


@contextmanager
def watching(gauges: Gauges, every_s: float) -> Iterator[Gauges]:
    """Take a reading now and then, in a thread, until the end of the block; one at its very end."""
    ended = threading.Event()

    def read_on() -> None:
        gauges.read()
        while not ended.wait(every_s):
            gauges.read()

    thread = threading.Thread(target=read_on, name="gauges", daemon=True)
    thread.start()
    try:
        yield gauges
    finally:
        ended.set()
        thread.join()
        gauges.read()


def _memory_bytes(pid: int) -> int:
    """What the process holds in memory that no file backs: the pages of a mapped journal are not its own."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return 0
