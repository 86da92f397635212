"""The one queue of virtual time. Whatever happens in a virtual run passes ``Agenda``: every message, byte, timer."""

import heapq
from collections.abc import Callable

__all__ = ["Agenda"]


class Agenda:
    """Actions by time, and by the order in which they were put for equal times."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self.steps = 0

    def put(self, at_ns: int, action: Callable[[], None]) -> None:
        """Do ``action`` at ``at_ns``, or now when that is past."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(at_ns, self.now_ns), self._sequence, action))

    def next_ns(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Move time to the next action and do it."""
        self.now_ns, _, action = heapq.heappop(self._heap)
        self.steps += 1
        action()
