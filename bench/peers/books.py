"""Who has a changed book in hands first: the second half of ``bench.peers``."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.rig.orders import Books
from bench.rig.venue_client import VenueProcess
from bench.row import Sample
from engine.errors import InvariantError

__all__ = ["BookWatch", "book_command"]

_READY_S = 120.0
#: A contestant writes down what it has seen three times a second.
_SETTLE_S = 1.0


def book_command(python: str, script: str, symbol: str, venue: VenueProcess, file: Path) -> list[str]:
    """What runs a peer's book script."""
    path = Path(__file__).parent / script
    return [python, str(path), symbol, str(venue.ready.port), str(venue.ready.tls_port), str(file)]


class BookWatch:
    """``files``: contestant → where it writes lines of best bid in ticks and monotonic ns; it follows ``symbols``."""

    def __init__(self, venue: VenueProcess, files: Mapping[str, Path], symbols: Mapping[str, str]) -> None:
        self._venue, self._files, self._symbols = venue, files, symbols
        self._planned: dict[str, dict[int, int]] = {name: {} for name in files}

    def wait_for(self, name: str) -> None:
        """Until the contestant has seen a book change. Raises InvariantError when it does not."""
        file, deadline = self._files[name], time.monotonic() + _READY_S
        while not (file.exists() and file.stat().st_size):
            self._venue.show(Books(self._symbols[name], 2, 20_000_000))
            if time.monotonic() > deadline:
                raise InvariantError(f"bench peers: {name} has seen no change of its book in {_READY_S:.0f} s")

    def take_turns(self, rounds: int, ticks: int, gap_ns: int, warm_up: int) -> None:
        """So many changes of each contestant's book in turn, of which the first ``warm_up`` do not count."""
        for _ in range(rounds):
            for name in self._files:
                planned = self._venue.show(Books(self._symbols[name], ticks, gap_ns))
                self._planned[name] |= dict(list(planned.items())[warm_up:])

    def samples(self, baseline: str) -> list[Sample]:
        """From the planned time of a change to the moment at which the contestant's code was called with the book.

        Raises InvariantError when a contestant saw a book before it was there, or none at all.
        """
        time.sleep(_SETTLE_S)
        return [self._sample(name, "" if name == baseline else f"book_{baseline}") for name in self._files]

    def _sample(self, name: str, baseline: str) -> Sample:
        seen = _first_seen(self._files[name])
        planned = {bid: at_ns for bid, at_ns in self._planned[name].items() if bid in seen}
        latencies_ns = np.array([seen[bid] - at_ns for bid, at_ns in planned.items()], dtype=np.int64)
        if len(latencies_ns) == 0 or latencies_ns.min() <= 0:
            raise InvariantError(f"bench peers: {name} saw {len(latencies_ns)} books, the earliest before it was there")
        missed = 1 - len(planned) / len(self._planned[name])
        remark = f"{missed:.1%} of the changes seen only with a later one" if missed else ""
        at_ns = np.array(list(planned.values()), dtype=np.int64)
        return Sample(f"book_{name}", latencies_ns, baseline, at_ns=at_ns, remark=remark)


def _first_seen(file: Path) -> dict[int, int]:
    seen: dict[int, int] = {}
    for line in file.read_text().splitlines():
        bid, at_ns = line.split()
        seen.setdefault(int(bid), int(at_ns))
    return seen
