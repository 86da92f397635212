"""The venue's published checksums, and the kernel against its readable twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kraken.checksum import _DIGITS, _TABLE, _rows, book_checksum, checksum, checksum_plainly
from engine.book import OrderBook
from engine.codes import Side

BTC_BIDS = [
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
]
BTC_ASKS = [
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
]
SIDE = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), max_size=10)


def units(rows: list[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(price.replace(".", "")), int(quantity.replace(".", ""))) for price, quantity in rows)


def test_the_published_book() -> None:
    assert checksum_plainly(units(BTC_ASKS), units(BTC_BIDS), 1, 1) == 3310070434
    assert checksum(_rows(units(BTC_ASKS)), _rows(units(BTC_BIDS)), 1, 1, _TABLE, _DIGITS) == 3310070434


@settings(deadline=None)
@given(SIDE, SIDE, st.sampled_from([1, 5, 10, 100]), st.sampled_from([1, 1000]))
def test_the_kernel_equals_its_twin(
    asks: list[tuple[int, int]], bids: list[tuple[int, int]], price_factor: int, quantity_factor: int
) -> None:
    expected = checksum_plainly(asks, bids, price_factor, quantity_factor)
    got = checksum(_rows(tuple(asks)), _rows(tuple(bids)), price_factor, quantity_factor, _TABLE, _DIGITS)
    assert got == expected


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(st.integers(1, 500), st.integers(1, 10**6)),
    st.dictionaries(st.integers(501, 999), st.integers(1, 9)),
)
def test_a_book_counts_its_ten_best_only(bids: dict[int, int], asks: dict[int, int]) -> None:
    book = OrderBook()
    for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
        prices, lots = np.array(list(levels), dtype=np.int64), np.array(list(levels.values()), dtype=np.int64)
        book.apply(side, prices, lots, len(levels))
    best_bids = sorted(bids.items(), reverse=True)[:10]
    best_asks = sorted(asks.items())[:10]
    assert book_checksum(book, 10, 1) == checksum_plainly(best_asks, best_bids, 10, 1)
