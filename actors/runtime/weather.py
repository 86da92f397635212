"""How long things take on a virtual network. Faults (loss, partitions, slow hosts) are other weathers."""

from random import Random
from typing import NamedTuple, Protocol

__all__ = ["FairWeather", "Lost", "Weather"]


class Lost(NamedTuple):
    """It never arrives. ``noticed_ns`` later both ends of its link find out; what follows it until then is lost too."""

    noticed_ns: int


class Weather(Protocol):
    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | Lost | None:
        """One-way delay of what leaves host ``source`` for host ``target`` now. ``link`` is what the side that opened
        an outside link calls it; empty for a peer link. Lost or None: it never arrives, and as links are streams, that
        is the end of the link it was sent on; with None both ends know at once."""
        ...


class FairWeather:
    """A constant and a seeded jitter in [0, ``jitter_ns``); nothing is lost."""

    def __init__(self, seed: int, latency_ns: int = 50_000, jitter_ns: int = 20_000) -> None:
        self._random = Random(f"{seed}/weather")
        self._latency_ns = latency_ns
        self._jitter_ns = jitter_ns

    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | None:
        return self._latency_ns + (self._random.randrange(self._jitter_ns) if self._jitter_ns else 0)
