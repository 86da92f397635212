"""The network of a simulation: delay and jitter, and what chaos does to it."""

from random import Random

from actors.runtime.weather import Lost

__all__ = ["Storms", "Way"]

#: Source host, target host, and what the side that opened the link calls it: empty for a link between two actors of
#: the engine.
Way = tuple[str, str, str]


class Storms:
    """A seeded weather. ``cut`` holds pairs of (source, target) hosts between which nothing arrives, each way for
    itself; ``extra_ns`` what a pair takes longer; ``lose_next`` ways on which the next message is lost."""

    def __init__(self, seed: int, latency_ns: int, jitter_ns: int) -> None:
        self._random = Random(f"{seed}/weather")
        self._latency_ns = latency_ns
        self._jitter_ns = jitter_ns
        self.cut: dict[tuple[str, str], int] = {}
        self.extra_ns: dict[tuple[str, str], int] = {}
        self.lose_next: dict[Way, int] = {}

    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | Lost:
        pair = (source, target)
        if pair in self.cut:
            return Lost(self.cut[pair])
        if self.lose_next:
            noticed_ns = self.lose_next.pop((source, target, link), None)
            if noticed_ns is not None:
                return Lost(noticed_ns)
        extra_ns = self.extra_ns.get(pair, 0)
        if extra_ns:
            extra_ns = self._random.randrange(extra_ns)
        return self._latency_ns + self._random.randrange(self._jitter_ns) + extra_ns

    def clear(self) -> None:
        """Fair again."""
        self.cut.clear()
        self.extra_ns.clear()
        self.lose_next.clear()
