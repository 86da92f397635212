"""engine/book.py against its twin, and what it promises on its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.book import OrderBook, apply_levels
from engine.book_reference import ReferenceBook
from engine.codes import Side
from engine.errors import UsageError

SIDES = (Side.BUY, Side.SELL)

sides = st.sampled_from(SIDES)
prices = st.integers(-20, 20) | st.integers(-(2**63) + 1, 2**63 - 1)
quantities = st.just(0) | st.integers(0, 2**63 - 1)
levels = st.lists(st.tuples(prices, quantities), max_size=30)
operations = st.one_of(
    st.tuples(st.just("set_level"), sides, st.tuples(prices, quantities)),
    st.tuples(st.just("apply"), sides, levels),
    st.tuples(st.just("apply"), sides, levels.map(lambda some: sorted(some, reverse=True))),
    st.tuples(st.just("apply"), sides, levels.map(sorted)),
    st.tuples(st.just("clear"), sides, st.none()),
)


def columns(some_levels):
    table = np.array(some_levels, dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def assert_equal(book, reference):
    assert book.best() == reference.best()
    assert book.depth(1000) == reference.depth(1000)
    assert book.depth(2) == reference.depth(2)
    assert book.dropped_levels == reference.dropped_levels
    for side, pairs in zip(SIDES, reference.depth(1000), strict=True):
        assert book.count(side) == reference.count(side) == len(pairs)
        for price_ticks in {*range(-21, 22), *(ticks for ticks, _ in pairs)}:
            assert book.level(side, price_ticks) == reference.level(side, price_ticks)
        ticks, lots = book.levels(side)
        assert tuple(zip(ticks.tolist(), lots.tolist(), strict=True)) == pairs


@settings(deadline=None, max_examples=200)
@given(st.lists(operations, max_size=12), st.sampled_from([1, 2, 7, 65_536]))
def test_equals_its_twin_after_any_operations_at_any_bound(some_operations, levels_max):
    book, reference = OrderBook(levels_max), ReferenceBook(levels_max)
    for name, side, argument in some_operations:
        if name == "clear":
            book.clear()
            reference.clear()
        elif name == "set_level":
            book.set_level(side, *argument)
            reference.set_level(side, *argument)
        else:
            price_ticks, quantity_lots = columns(argument)
            book.apply(side, price_ticks, quantity_lots, len(argument))
            reference.apply(side, price_ticks.tolist(), quantity_lots.tolist(), len(argument))
        assert_equal(book, reference)


def test_grows_far_beyond_its_first_arrays():
    book, reference = OrderBook(), ReferenceBook()
    random = np.random.default_rng(7)
    for _ in range(40):
        price_ticks, quantity_lots = random.integers(1, 9_000, 500), random.integers(0, 4, 500)
        for side in SIDES:
            book.apply(side, price_ticks, quantity_lots, 500)
            reference.apply(side, price_ticks.tolist(), quantity_lots.tolist(), 500)
    assert book.count(Side.BUY) > 4_000
    assert book.depth(10_000) == reference.depth(10_000)


def test_the_worst_level_makes_room_and_is_counted():
    book = OrderBook(levels_max=2)
    for side, price_ticks in ((Side.BUY, 10), (Side.BUY, 12), (Side.BUY, 11), (Side.BUY, 9), (Side.SELL, 20)):
        book.set_level(side, price_ticks, 1)
    assert book.depth(5) == (((12, 1), (11, 1)), ((20, 1),))
    assert book.dropped_levels == 2


def test_a_crossed_stream_is_shown_as_it_is_and_heals():
    book = OrderBook()
    book.set_level(Side.BUY, 100, 1)
    book.set_level(Side.SELL, 101, 2)
    book.set_level(Side.BUY, 103, 3)
    assert book.best() == (103, 3, 101, 2)
    book.set_level(Side.SELL, 101, 0)
    book.set_level(Side.SELL, 104, 4)
    assert book.best() == (103, 3, 104, 4)
    assert book.depth(9) == (((103, 3), (100, 1)), ((104, 4),))


def test_an_empty_side_has_no_lots_and_clear_forgets_the_update_id():
    book = OrderBook()
    assert book.best() == (0, 0, 0, 0)
    book.set_level(Side.SELL, 5, 7)
    book.update_id = 9
    assert book.best() == (0, 0, 5, 7)
    book.clear()
    assert (book.best(), book.update_id, book.count(Side.SELL)) == ((0, 0, 0, 0), 0, 0)


@pytest.mark.parametrize("bad", [[(10, 5), (11, -1)], [(10, 5), (-(2**63), 1)]])
def test_a_level_that_cannot_be_changes_nothing(bad):
    book = OrderBook()
    book.set_level(Side.BUY, 10, 3)
    with pytest.raises(UsageError, match="BUY level 1 of 2"):
        book.apply(Side.BUY, *columns(bad), 2)
    assert book.depth(5) == (((10, 3),), ())


def test_a_count_beyond_the_arrays_is_refused():
    book = OrderBook()
    with pytest.raises(UsageError, match="count 3"):
        book.apply(Side.BUY, *columns([(1, 1), (2, 2)]), 3)
    with pytest.raises(UsageError, match="count -1"):
        book.apply(Side.BUY, *columns([(1, 1)]), -1)
    with pytest.raises(UsageError, match="levels_max 0"):
        OrderBook(0)


def test_only_count_levels_of_larger_arrays_are_taken():
    book = OrderBook()
    book.apply(Side.SELL, *columns([(5, 1), (6, 1), (7, 1)]), 2)
    assert book.depth(5) == ((), ((5, 1), (6, 1)))


def test_what_levels_returns_is_a_copy():
    book = OrderBook()
    book.set_level(Side.BUY, 10, 3)
    ticks, lots = book.levels(Side.BUY)
    ticks[0] = lots[0] = 99
    assert book.depth(1) == (((10, 3),), ())


def test_kernel_and_its_own_python_agree():
    random = np.random.default_rng(11)
    compiled, plain = np.zeros((2, 64), dtype=np.int64), np.zeros((2, 64), dtype=np.int64)
    used_compiled = used_plain = 0
    for _ in range(50):
        price_ticks, quantity_lots = random.integers(0, 40, 12), random.integers(0, 3, 12)
        told = apply_levels(compiled, used_compiled, 30, -1, price_ticks, quantity_lots, 12)
        assert told == apply_levels.py_func(plain, used_plain, 30, -1, price_ticks, quantity_lots, 12)
        used_compiled = used_plain = told[0]
        assert np.array_equal(compiled[:, :used_compiled], plain[:, :used_plain])
