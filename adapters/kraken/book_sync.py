"""One book, kept in step with the venue's: snapshot, absolute levels, depth, checksum.

    OUT ──snapshot, checksum right──▶ IN ──update, checksum right──▶ IN
     ▲                                 │
     └──checksum wrong, number off the grid, link lost: ask for another snapshot

There is no sequence number: the checksum is the only sign that something was missed. Levels that fall out of the
subscribed depth are not deleted by the venue; we do that after each message, as it does.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.kraken.checksum import book_checksum
from adapters.kraken.messages import BookData, BookLevel
from adapters.kraken.parse import PairGrid, levels
from engine.book import OrderBook
from engine.codes import Side

__all__ = ["BookObserver", "BookSync"]

Levels = tuple[NDArray[np.int64], NDArray[np.int64]]
_NO_LEVELS: Levels = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class BookObserver(Protocol):
    """Sees what a book is built from, right after the book has taken it: ``engine.book_audit.BookAudit``. ``bids`` and
    ``asks`` are (ticks [n], lots [n]); levels that have left the subscribed depth are among them with 0 lots."""

    def on_snapshot(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None: ...

    def on_diff(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None: ...


class BookSync:
    """``book.update_id`` counts the messages taken: the venue numbers none."""

    def __init__(self, grid: PairGrid, book: OrderBook, depth: int, observer: BookObserver | None = None) -> None:
        self._grid, self.book, self._depth, self._observer = grid, book, depth, observer
        self.valid = False
        self._updates = 0

    def interrupted(self) -> None:
        """Nothing before this counts."""
        self.valid = False

    def on_snapshot(self, data: BookData) -> bool:
        """False: it contradicts its own checksum. Raises VenueError for a number that cannot be."""
        self.valid = False
        self.book.clear()
        return self._take(data, is_snapshot=True)

    def on_update(self, data: BookData) -> bool:
        """False: the book is not the venue's any more, and has to be asked for. Raises VenueError as above."""
        if not self.valid:
            return True  # a snapshot is on its way
        self.valid = False
        return self._take(data, is_snapshot=False)

    def _take(self, data: BookData, *, is_snapshot: bool) -> bool:
        book = self.book
        bids, asks = self._put(Side.BUY, data.bids), self._put(Side.SELL, data.asks)
        self._updates += 1
        book.update_id = self._updates
        if self._observer is not None:
            tell = self._observer.on_snapshot if is_snapshot else self._observer.on_diff
            tell(self._grid.instrument_id, self._updates, bids, asks, book)
        factors = self._grid.price_factor, self._grid.quantity_factor
        self.valid = book_checksum(book, *factors) == data.checksum
        return self.valid

    def _put(self, side: Side, rows: tuple[BookLevel, ...]) -> Levels:
        """Apply one side's levels, and cut the side to its depth; what was done to the book."""
        if not rows:
            return _NO_LEVELS
        book = self.book
        prices, quantities = levels(rows, self._grid)
        book.apply(side, prices, quantities, len(prices))
        if book.count(side) <= self._depth:
            return prices, quantities
        gone = _beyond(book, side, self._depth)
        book.apply(side, gone, np.zeros_like(gone), len(gone))
        return np.concatenate((prices, gone)), np.concatenate((quantities, np.zeros_like(gone)))


def _beyond(book: OrderBook, side: Side, depth: int) -> NDArray[np.int64]:
    """Prices of the levels that are out of the subscribed depth."""
    prices, _ = book.levels(side)
    return np.ascontiguousarray(prices[depth:])
