"""One book, kept in step with the venue's: snapshot, absolute levels, depth, checksum.

    OUT ──snapshot, checksum right──▶ IN ──update, checksum right──▶ IN
     ▲                                 │
     └──checksum wrong, number off the grid, link lost: ask for another snapshot

There is no sequence number: the checksum is the only sign that something was missed. Levels that fall out of the
subscribed depth are not deleted by the venue; we do that after each message, as it does.
"""

import numpy as np
from numpy.typing import NDArray

from adapters.kraken.checksum import book_checksum
from adapters.kraken.messages import BookData
from adapters.kraken.parse import PairGrid, levels
from engine.book import OrderBook
from engine.codes import Side

__all__ = ["BookSync"]

_SIDES = (Side.BUY, Side.SELL)


class BookSync:
    """``book.update_id`` counts the messages taken: the venue numbers none."""

    def __init__(self, grid: PairGrid, book: OrderBook, depth: int) -> None:
        self._grid, self.book, self._depth = grid, book, depth
        self.valid = False
        self._updates = 0

    def interrupted(self) -> None:
        """Nothing before this counts."""
        self.valid = False

    def on_snapshot(self, data: BookData) -> bool:
        """False: it contradicts its own checksum. Raises VenueError for a number that cannot be."""
        self.valid = False
        self.book.clear()
        return self._take(data)

    def on_update(self, data: BookData) -> bool:
        """False: the book is not the venue's any more, and has to be asked for. Raises VenueError as above."""
        if not self.valid:
            return True  # a snapshot is on its way
        self.valid = False
        return self._take(data)

    def _take(self, data: BookData) -> bool:
        book = self.book
        for side, rows in zip(_SIDES, (data.bids, data.asks), strict=True):
            if rows:
                prices, quantities = levels(rows, self._grid)
                book.apply(side, prices, quantities, len(prices))
                if book.count(side) > self._depth:
                    prices = _beyond(book, side, self._depth)
                    book.apply(side, prices, np.zeros_like(prices), len(prices))
        self._updates += 1
        book.update_id = self._updates
        factors = self._grid.price_factor, self._grid.quantity_factor
        self.valid = book_checksum(book, *factors) == data.checksum
        return self.valid


def _beyond(book: OrderBook, side: Side, depth: int) -> NDArray[np.int64]:
    """Prices of the levels that are out of the subscribed depth."""
    prices, _ = book.levels(side)
    return np.ascontiguousarray(prices[depth:])
