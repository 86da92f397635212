"""For the scripts of peers that keep a book: lines of best bid in ticks and monotonic ns, written now and then.

Imported beside them, in their own environments: nothing but the standard library.
"""

import asyncio
import time
from pathlib import Path

__all__ = ["Seen"]

_FLUSH_S = 0.3
_TICKS_PER_UNIT = 100


class Seen:
    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lines: list[tuple[float, int]] = []

    def add(self, best_bid: float) -> None:
        self._lines.append((best_bid, time.monotonic_ns()))

    async def flush(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            lines, self._lines = self._lines, []
            with self._path.open("a") as file:
                file.writelines(f"{round(float(bid) * _TICKS_PER_UNIT)} {at_ns}\n" for bid, at_ns in lines)
