"""The one queue of virtual time. Whatever happens in a virtual run passes ``Agenda``: every message, byte, timer."""

import heapq
from collections.abc import Callable

from engine.errors import InvariantError

__all__ = ["Agenda"]

_STEPS_PER_INSTANT = 1_000_000


class Agenda:
    """Actions by time, and by the order in which they were put for equal times."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self.steps = 0
        self._steps_now = 0

    def put(self, at_ns: int, action: Callable[[], None]) -> None:
        """Do ``action`` at ``at_ns``, or now when that is past."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(at_ns, self.now_ns), self._sequence, action))

    def next_ns(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Move time to the next action and do it."""
        at_ns, _, action = heapq.heappop(self._heap)
        self._steps_now = self._steps_now + 1 if at_ns == self.now_ns else 0
        if self._steps_now > _STEPS_PER_INSTANT:
            raise InvariantError(f"time stands still at {at_ns} ns: two actors answer each other without end")
        self.now_ns = at_ns
        self.steps += 1
        action()
