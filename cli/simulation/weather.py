"""The network of a simulation: delay and jitter, and what chaos does to it."""

from random import Random

from actors.runtime.weather import Lost

__all__ = ["Storms"]


class Storms:
    """A seeded weather. ``cut`` holds pairs of (source, target) hosts between which nothing arrives, each way for
    itself; ``extra_ns`` what a pair takes longer; ``lose_next`` pairs whose next message is lost."""

    def __init__(self, seed: int, latency_ns: int, jitter_ns: int) -> None:
        self._random = Random(f"{seed}/weather")
        self._latency_ns = latency_ns
        self._jitter_ns = jitter_ns
        self.cut: dict[tuple[str, str], int] = {}
        self.extra_ns: dict[tuple[str, str], int] = {}
        self.lose_next: dict[tuple[str, str], int] = {}

    def delay_ns(self, source: str, target: str, now_ns: int) -> int | Lost:
        pair = (source, target)
        if pair in self.cut:
            return Lost(self.cut[pair])
        if pair in self.lose_next:
            return Lost(self.lose_next.pop(pair))
        extra_ns = self.extra_ns.get(pair, 0)
        if extra_ns:
            extra_ns = self._random.randrange(extra_ns)
        return self._latency_ns + self._random.randrange(self._jitter_ns) + extra_ns

    def clear(self) -> None:
        """Fair again."""
        self.cut.clear()
        self.extra_ns.clear()
        self.lose_next.clear()
