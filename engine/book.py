"""The order book of one instrument: two sides, each two flat int64 rows, changed by Numba kernels.

A side keeps its levels sorted with the best one at the END of the used range:

    bids   price  61684  61685  61686 ◀ best          asks   price  61690  61688  61687 ◀ best
           lots       7     12      3                        lots       5      9      4

Most changes are near the touch, so most insertions and removals move few elements. Asks are stored under the negated
price: both sides are then ascending, and one kernel serves both.

Sides know nothing of each other. A venue sends absolute levels, and its stream may cross for an instant: that is shown
as it is (``best`` then has bid >= ask) and harms nothing.

Bounded: a side keeps at most ``levels_max`` levels. One more drops the worst of the side (which may be the new one)
and counts it in ``dropped_levels``. What is dropped would come back only when the venue sends it again.

``engine/book_reference.py`` is the readable twin; ``tests/engine/test_book.py`` holds them equal.
"""

import numpy as np
from numpy.typing import NDArray

from engine.codes import Side
from engine.errors import UsageError
from engine.kernel import kernel

__all__ = ["LEVELS_MAX", "OrderBook", "apply_levels"]

#: Levels kept per side unless told otherwise: Binance's deepest snapshot has 5,000, and a day's far levels add up.
LEVELS_MAX = 65_536

_CAPACITY_FIRST = 1_024
_INT64_MIN = -(2**63)
_PRICE, _LOTS = 0, 1


@kernel
def _position(keys: NDArray[np.int64], used: int, key: int) -> int:
    """The first position in ``keys[:used]`` (ascending) whose key is not below ``key``."""
    low, high = 0, used
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _open_gap(levels: NDArray[np.int64], at: int, used: int) -> None:
    """Move levels ``at … used-1`` one towards the end.

    Positions are unsigned: Numba then leaves out its check for negative ones and the loop becomes a block move, by
    which a whole diff of the reference recording costs 5 µs instead of 9.
    """
    keys, sizes, one, end = levels[_PRICE], levels[_LOTS], np.uint64(1), np.uint64(used)
    for back in range(np.uint64(used - at)):
        keys[end - back] = keys[end - back - one]
        sizes[end - back] = sizes[end - back - one]


@kernel
def _close_gap(levels: NDArray[np.int64], at: int, used: int) -> None:
    """Move levels ``at+1 … used-1`` one towards the front, over the one at ``at``."""
    keys, sizes, one = levels[_PRICE], levels[_LOTS], np.uint64(1)
    for i in range(np.uint64(at), np.uint64(used - 1)):
        keys[i] = keys[i + one]
        sizes[i] = sizes[i + one]


@kernel
def _put(levels: NDArray[np.int64], used: int, levels_max: int, key: int, lots: int) -> tuple[int, int]:
    """Set, insert or remove one level; returns (used, levels dropped)."""
    at = _position(levels[_PRICE], used, key)
    if at < used and levels[_PRICE, at] == key:
        if lots != 0:
            levels[_LOTS, at] = lots
            return used, 0
        _close_gap(levels, at, used)
        return used - 1, 0
    if lots == 0:
        return used, 0
    if used < levels_max:
        _open_gap(levels, at, used)
        levels[_PRICE, at] = key
        levels[_LOTS, at] = lots
        return used + 1, 0
    if at > 0:  # full: the worst level, at the front, makes room; a new one that is worse still is itself dropped
        _close_gap(levels, 0, at)
        levels[_PRICE, at - 1] = key
        levels[_LOTS, at - 1] = lots
    return used, 1


@kernel
def _fill_empty(
    levels: NDArray[np.int64],
    levels_max: int,
    sign: int,
    price_ticks: NDArray[np.int64],
    quantity_lots: NDArray[np.int64],
    count: int,
) -> tuple[int, int]:
    """Fill an empty side from levels that are strictly best first, as snapshots are: one pass, nothing moved twice."""
    used = 0
    for i in range(count):
        if quantity_lots[i] != 0:
            used += 1
    dropped = max(0, used - levels_max)
    used -= dropped
    at = used
    for i in range(count):
        if at == 0:
            break
        if quantity_lots[i] != 0:
            at -= 1
            levels[_PRICE, at] = sign * price_ticks[i]
            levels[_LOTS, at] = quantity_lots[i]
    return used, dropped


@kernel
def apply_levels(
    levels: NDArray[np.int64],
    used: int,
    levels_max: int,
    sign: int,
    price_ticks: NDArray[np.int64],
    quantity_lots: NDArray[np.int64],
    count: int,
) -> tuple[int, int, int, int, int]:
    """Apply ``count`` absolute levels, in order, to one side; the later of two at one price wins.

    ``levels`` is [2, capacity]: keys (``sign * price``) and lots; capacity >= min(levels_max, used + count).
    ``sign`` is 1 for bids, -1 for asks. Returns (used, dropped, best_ticks, best_lots, bad): ``bad`` is the
    index of the first level that cannot be (negative lots, INT64_MIN ticks), and then nothing was changed; else -1.
    """
    is_best_first = used == 0 and count > 1
    for i in range(count):
        if quantity_lots[i] < 0 or price_ticks[i] == _INT64_MIN:
            return used, 0, 0, 0, i
        if i > 0 and sign * price_ticks[i] >= sign * price_ticks[i - 1]:
            is_best_first = False
    dropped = 0
    if is_best_first:
        used, dropped = _fill_empty(levels, levels_max, sign, price_ticks, quantity_lots, count)
    else:
        for i in range(count):
            used, more = _put(levels, used, levels_max, sign * price_ticks[i], quantity_lots[i])
            dropped += more
    if used == 0:
        return 0, dropped, 0, 0, -1
    return used, dropped, sign * levels[_PRICE, used - 1], levels[_LOTS, used - 1], -1


class _BookSide:
    """One side's arrays. ``levels`` is replaced, doubled, when it grows: kernels never allocate."""

    __slots__ = ("best_lots", "best_ticks", "dropped", "levels", "sign", "used")

    def __init__(self, sign: int, capacity: int) -> None:
        self.sign = sign
        self.levels: NDArray[np.int64] = np.zeros((2, capacity), dtype=np.int64)
        self.used = self.dropped = self.best_ticks = self.best_lots = 0

    def reserve(self, capacity: int, levels_max: int) -> None:
        """Make room for ``capacity`` levels, at least doubling."""
        grown = np.zeros((2, min(levels_max, max(capacity, 2 * self.levels.shape[1]))), dtype=np.int64)
        grown[:, : self.used] = self.levels[:, : self.used]
        self.levels = grown


class OrderBook:
    """Bids and asks of one instrument in ticks and lots.

    Arrays that are passed in must be C-contiguous, writable int64: any other kind would compile a second kernel in
    the middle of trading. ``update_id`` is the venue's sequence number of the last change, kept by the session.
    """

    __slots__ = ("_asks", "_best", "_bids", "_levels_max", "_one_price", "_one_size", "update_id")

    def __init__(self, levels_max: int = LEVELS_MAX) -> None:
        if levels_max < 1:
            raise UsageError(f"levels_max {levels_max} must be at least 1")
        self.update_id = 0
        self._levels_max = levels_max
        capacity = min(_CAPACITY_FIRST, levels_max)
        self._bids, self._asks = _BookSide(1, capacity), _BookSide(-1, capacity)
        self._best = (0, 0, 0, 0)
        self._one_price = np.zeros(1, dtype=np.int64)
        self._one_size = np.zeros(1, dtype=np.int64)

    @property
    def dropped_levels(self) -> int:
        """How many levels were dropped because a side was full, since the book was made."""
        return self._bids.dropped + self._asks.dropped

    def clear(self) -> None:
        """Forget every level and the update id; the arrays stay."""
        for side in (self._bids, self._asks):
            side.used = side.best_ticks = side.best_lots = 0
        self._best = (0, 0, 0, 0)
        self.update_id = 0

    def set_level(self, side: Side, price_ticks: int, quantity_lots: int) -> None:
        """Set one absolute level; 0 lots removes it. Raises UsageError for lots below 0."""
        self._one_price[0] = price_ticks
        self._one_size[0] = quantity_lots
        self.apply(side, self._one_price, self._one_size, 1)

    def apply(self, side: Side, price_ticks: NDArray[np.int64], quantity_lots: NDArray[np.int64], count: int) -> None:
        """Apply the first ``count`` absolute levels, in order; 0 lots removes, the later of two at one price wins.

        Raises UsageError, with the book unchanged, for lots below 0 or a count beyond the arrays.
        """
        if count > len(price_ticks) or count > len(quantity_lots) or count < 0:
            raise UsageError(
                f"count {count} is not within arrays of {len(price_ticks)} and {len(quantity_lots)} levels"
            )
        half = self._bids if side is Side.BUY else self._asks
        need = min(self._levels_max, half.used + count)
        if need > half.levels.shape[1]:
            half.reserve(need, self._levels_max)
        used, dropped, best_ticks, best_lots, bad = apply_levels(
            half.levels, half.used, self._levels_max, half.sign, price_ticks, quantity_lots, count
        )
        if bad >= 0:
            raise UsageError(
                f"{side.name} level {bad} of {count}: {quantity_lots[bad]} lots at {price_ticks[bad]} ticks; "
                "lots must not be negative"
            )
        half.used = used
        half.dropped += dropped
        half.best_ticks, half.best_lots = best_ticks, best_lots
        self._best = (self._bids.best_ticks, self._bids.best_lots, self._asks.best_ticks, self._asks.best_lots)

    def best(self) -> tuple[int, int, int, int]:
        """(bid_ticks, bid_lots, ask_ticks, ask_lots); a side without levels has 0 ticks and 0 lots."""
        return self._best

    def depth(self, levels: int) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Up to ``levels`` (ticks, lots) of bids and of asks, best first."""
        return _top(self._bids, levels), _top(self._asks, levels)

    def level(self, side: Side, price_ticks: int) -> int:
        """Lots at a price, 0 for none."""
        half = self._bids if side is Side.BUY else self._asks
        key = half.sign * price_ticks
        at = int(np.searchsorted(half.levels[_PRICE, : half.used], key))
        found = at < half.used and int(half.levels[_PRICE, at]) == key
        return int(half.levels[_LOTS, at]) if found else 0

    def count(self, side: Side) -> int:
        """How many levels a side has."""
        return (self._bids if side is Side.BUY else self._asks).used

    def levels(self, side: Side) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Copies of a whole side, best first: price_ticks [count], quantity_lots [count]."""
        half = self._bids if side is Side.BUY else self._asks
        used = half.levels[:, : half.used]
        return half.sign * used[_PRICE, ::-1], used[_LOTS, ::-1].copy()

    @staticmethod
    def warm_up() -> None:
        """Compile or load the kernels: once per process, before it says that it is ready."""
        book = OrderBook()
        book.set_level(Side.BUY, 1, 1)
        book.set_level(Side.SELL, 2, 1)


def _top(half: _BookSide, levels: int) -> tuple[tuple[int, int], ...]:
    first = max(0, half.used - max(0, levels))
    prices = (half.sign * half.levels[_PRICE, first : half.used]).tolist()
    sizes = half.levels[_LOTS, first : half.used].tolist()
    return tuple(zip(reversed(prices), reversed(sizes), strict=True))
