"""How often something may happen: counted in a sliding window, the strictest way to read "so many per second"."""

from collections import deque

__all__ = ["Window"]


class Window:
    """At most ``most`` events in any ``length_ns``."""

    def __init__(self, most: int, length_ns: int) -> None:
        self.most, self._length_ns = most, length_ns
        self._times: deque[int] = deque()

    def take(self, now_ns: int) -> bool:
        """Count an event; False, and nothing is counted, when there have been too many."""
        if not self.left(now_ns):
            return False
        self._times.append(now_ns)
        return True

    def left(self, now_ns: int) -> int:
        """How many may still happen now."""
        while self._times and self._times[0] <= now_ns - self._length_ns:
            self._times.popleft()
        return self.most - len(self._times)
