"""Keyed timers as data: a heap with lazy deletion. Setting one makes no object of the event loop."""

import heapq
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from engine.errors import UsageError

__all__ = ["TimerQueue"]

K = TypeVar("K", bound=Hashable)


class TimerQueue(Generic[K]):
    """At most one timer a key; equal times fire in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, K]] = []
        self._live: dict[K, int] = {}  # key → sequence of its valid heap entry
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._live)

    def set(self, key: K, at_ns: int) -> None:
        """Raises UsageError for anything but a whole number: one NaN, which compares with nothing, would put the timers
        of every actor of the process out of order."""
        if type(at_ns) is not int:
            raise UsageError(f"timer {key!r} at {at_ns!r}: times and delays are whole numbers of nanoseconds")
        self._sequence += 1
        self._live[key] = self._sequence
        heapq.heappush(self._heap, (at_ns, self._sequence, key))
        if len(self._heap) > 2 * len(self._live) + 64:
            self._compact()

    def cancel(self, key: K) -> None:
        self._live.pop(key, None)

    def cancel_where(self, matches: Callable[[K], bool]) -> None:
        for key in [key for key in self._live if matches(key)]:
            del self._live[key]

    def next_ns(self) -> int | None:
        """When the earliest timer is due; None without timers."""
        heap = self._heap
        while heap and self._live.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now_ns: int) -> K | None:
        """Remove and return the key of the earliest timer that is due, or None."""
        at_ns = self.next_ns()
        if at_ns is None or at_ns > now_ns:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._live[key]
        return key

    def _compact(self) -> None:
        self._heap = [entry for entry in self._heap if self._live.get(entry[2]) == entry[1]]
        heapq.heapify(self._heap)
