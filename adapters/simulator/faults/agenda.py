"""What is due later, in order, over one timer of the actor."""

from collections.abc import Callable
from heapq import heappop, heappush

from engine.actor import Context

__all__ = ["FAULT_TIMER", "Agenda"]

FAULT_TIMER = "faults"


class Agenda:
    """Actions by time; equal times in the order in which they were put."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def put(self, at_ns: int, action: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._due, (at_ns, self._count, action))
        if self._due[0][1] == self._count:
            self._ctx.set_timer(FAULT_TIMER, at_ns)

    def run(self, now_ns: int) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= now_ns:
            heappop(self._due)[2]()
        if self._due:
            self._ctx.set_timer(FAULT_TIMER, self._due[0][0])
