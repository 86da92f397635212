"""The order book as one would write it without a thought for speed: the twin that ``engine/book.py`` must equal."""

from collections.abc import Sequence

from engine.book import LEVELS_MAX
from engine.codes import Side
from engine.errors import UsageError

__all__ = ["ReferenceBook"]


class ReferenceBook:
    """Bids and asks as dictionaries from ticks to lots. Same methods and errors as ``OrderBook``."""

    def __init__(self, levels_max: int = LEVELS_MAX) -> None:
        self.update_id = 0
        self.dropped_levels = 0
        self._levels_max = levels_max
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def clear(self) -> None:
        self._bids.clear()
        self._asks.clear()
        self.update_id = 0

    def set_level(self, side: Side, price_ticks: int, quantity_lots: int) -> None:
        if quantity_lots < 0:
            raise UsageError(f"{side.name} level: {quantity_lots} lots at {price_ticks} ticks; must not be negative")
        levels = self.levels(side)
        if quantity_lots == 0:
            levels.pop(price_ticks, None)
            return
        levels[price_ticks] = quantity_lots
        if len(levels) > self._levels_max:
            del levels[min(levels) if side is Side.BUY else max(levels)]
            self.dropped_levels += 1

    def apply(self, side: Side, price_ticks: Sequence[int], quantity_lots: Sequence[int], count: int) -> None:
        for at in range(count):
            if quantity_lots[at] < 0:
                raise UsageError(f"{side.name} level {at} of {count}: {quantity_lots[at]} lots; must not be negative")
        for at in range(count):
            self.set_level(side, price_ticks[at], quantity_lots[at])

    def best(self) -> tuple[int, int, int, int]:
        bid = max(self._bids, default=0)
        ask = min(self._asks, default=0)
        return bid, self._bids.get(bid, 0), ask, self._asks.get(ask, 0)

    def depth(self, levels: int) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        bids = sorted(self._bids.items(), reverse=True)
        asks = sorted(self._asks.items())
        return tuple(bids[:levels]), tuple(asks[:levels])

    def level(self, side: Side, price_ticks: int) -> int:
        return self.levels(side).get(price_ticks, 0)

    def count(self, side: Side) -> int:
        return len(self.levels(side))

    def levels(self, side: Side) -> dict[int, int]:
        """The side itself, ticks → lots: only to be read."""
        return self._bids if side is Side.BUY else self._asks
