"""A strategy that does nothing but say when it had which book: its stand in the contest of ``bench.peers``."""

import time
from pathlib import Path

from engine.messages import Depth
from engine.strategy import Strategy

__all__ = ["Watcher"]

_FLUSH_NS = 300_000_000


class Watcher(Strategy):
    """Appends lines of best bid in ticks and monotonic ns to the file ``path``, now and then."""

    book_levels = 10

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: list[str] = []

    def on_start(self) -> None:
        self.set_timer("flush", _FLUSH_NS)

    def on_book(self, depth: Depth) -> None:
        self._seen.append(f"{depth.bids[0][0]} {time.monotonic_ns()}\n")

    def on_timer(self, name: str) -> None:
        with self._path.open("a") as file:
            file.writelines(self._seen)
        self._seen.clear()
        self.set_timer("flush", _FLUSH_NS)
