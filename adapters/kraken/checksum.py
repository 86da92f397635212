"""CRC32 of a book as the venue counts it: over the text of its ten best asks, then of its ten best bids.

Each level is its price and its quantity with all their decimals, without the point and without leading zeros: as whole
numbers, ticks times ``price_factor`` and lots times ``quantity_factor``. Zero is no text at all.
"""

from collections.abc import Iterable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.book import OrderBook
from engine.codes import Side
from engine.kernel import kernel

__all__ = ["LEVELS", "book_checksum", "checksum", "checksum_plainly", "warm_up"]

LEVELS = 10
_DIGITS_MAX = 20


def _table() -> NDArray[np.uint32]:
    table = np.zeros(256, dtype=np.uint32)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        table[byte] = value
    return table


_TABLE = _table()


@kernel
def _feed(crc: int, number: int, table: NDArray[np.uint32], digits: NDArray[np.uint8]) -> int:
    """The CRC after the decimal digits of ``number``; none for 0."""
    count = 0
    while number > 0:
        digits[count] = 48 + number % 10
        number //= 10
        count += 1
    while count > 0:
        count -= 1
        crc = int(table[(crc ^ digits[count]) & 255]) ^ (crc >> 8)
    return crc


@kernel
def checksum(
    asks: NDArray[np.int64],
    bids: NDArray[np.int64],
    price_factor: int,
    quantity_factor: int,
    table: NDArray[np.uint32],
    digits: NDArray[np.uint8],
) -> int:
    """``asks`` and ``bids`` are [2, n]: ticks and lots, best first. Products must fit into 63 bits."""
    crc = 0xFFFFFFFF
    for i in range(asks.shape[1]):
        crc = _feed(crc, asks[0, i] * price_factor, table, digits)
        crc = _feed(crc, asks[1, i] * quantity_factor, table, digits)
    for i in range(bids.shape[1]):
        crc = _feed(crc, bids[0, i] * price_factor, table, digits)
        crc = _feed(crc, bids[1, i] * quantity_factor, table, digits)
    return crc ^ 0xFFFFFFFF


def checksum_plainly(
    asks: Iterable[tuple[int, int]], bids: Iterable[tuple[int, int]], price_factor: int, quantity_factor: int
) -> int:
    """The readable twin of ``checksum``, for (ticks, lots) best first."""
    text = "".join(
        f"{ticks * price_factor or ''}{lots * quantity_factor or ''}" for side in (asks, bids) for ticks, lots in side
    )
    return crc32(text.encode())


_DIGITS = np.zeros(_DIGITS_MAX, dtype=np.uint8)


def book_checksum(book: OrderBook, price_factor: int, quantity_factor: int) -> int:
    """Of the ten best levels of each side."""
    bids, asks = book.depth(LEVELS)
    return int(checksum(_rows(asks), _rows(bids), price_factor, quantity_factor, _TABLE, _DIGITS))


def _rows(side: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.array(side, dtype=np.int64).reshape(-1, 2).T)


def warm_up() -> None:
    """Compile or load the kernels: once per process, before it says that it is ready."""
    book = OrderBook()
    book.set_level(Side.BUY, 1, 1)
    book_checksum(book, 1, 1)
