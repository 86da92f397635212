"""When a measured value counts as a breach: so many times in a row, and not again before it has been well for as long.

             value > threshold, ``consecutive`` times in a row: fires, once
    armed ────────────────────────────────────────────────────────▶ tripped
      ▲                                                                │
      └────────────────────────────────────────────────────────────────┘
             value ≤ rearm_at, ``consecutive`` times in a row

Between the two levels nothing happens and a run of either kind ends, so a value that trembles at the threshold fires
once, and a single phantom value never does where ``consecutive`` is two or more.

People who release a kill accept the value that it has by then, and no worse: ``accept(step)`` makes a tripped streak
fire again, once, when the value is above what it was by more than ``step``.
"""

from collections import deque

from engine.errors import UsageError

__all__ = ["EventWindow", "Streak"]


class Streak:
    """One value's hysteresis. ``rearm_at`` is at most ``threshold``; ``tripped``: it has fired and is not well yet."""

    __slots__ = ("_accepted", "_consecutive", "_last", "_rearm_at", "_run", "_threshold", "_worse", "tripped")

    def __init__(self, threshold: int, rearm_at: int, consecutive: int) -> None:
        if consecutive < 1 or rearm_at > threshold:
            raise UsageError(
                f"a trigger with threshold {threshold}, re-armed at {rearm_at} after {consecutive} values could not "
                "work: re-arm at or below the threshold, after at least one value"
            )
        self._threshold, self._rearm_at, self._consecutive = threshold, rearm_at, consecutive
        self._run = self._worse = self._last = 0
        #: What a tripped one fires above again; None: it does not.
        self._accepted: int | None = None
        self.tripped = False

    def step(self, value: int) -> bool:
        """Take one value. True: it fires now."""
        self._last = value
        counts = value <= self._rearm_at if self.tripped else value > self._threshold
        self._run = self._run + 1 if counts else 0
        self._worse = self._worse + 1 if self._accepted is not None and value > self._accepted else 0
        if self._worse >= self._consecutive:
            self._accepted, self._worse = None, 0
            return True
        if self._run < self._consecutive:
            return False
        self._run, self._accepted = 0, None
        self.tripped = not self.tripped
        return self.tripped

    def accept(self, step: int) -> None:
        """Fire again when the value, while it is not well, is above the last one by more than ``step``."""
        if self.tripped:
            self._accepted, self._worse = self._last + step, 0

    def rearm(self) -> None:
        """As new: what it has fired for was nobody's to accept."""
        self._run = self._worse = 0
        self._accepted, self.tripped = None, False


class EventWindow:
    """How many events there were in the last ``window_ns``, from readings of a counter that only grows.

    A reading of a new life (``started_ns`` differs) begins a new count: what that life had counted before its first
    reading was not seen to happen in the window.
    """

    __slots__ = ("_readings", "_started_ns", "_window_ns")

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._started_ns = -1
        self._readings: deque[tuple[int, int]] = deque()

    def count(self, started_ns: int, at_ns: int, total: int) -> int:
        """Take a reading, no earlier than the last of the same life, and return the events of the window before it."""
        readings = self._readings
        if started_ns != self._started_ns:
            self._started_ns = started_ns
            readings.clear()
        readings.append((at_ns, total))
        while len(readings) > 1 and readings[1][0] <= at_ns - self._window_ns:
            readings.popleft()
        return total - readings[0][1]
