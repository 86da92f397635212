"""The local-book rule: every edge of it, and the book equal to the venue's whenever it says that it is valid."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.binance.depth import BUFFERED_DIFFS_MAX, DepthStep, DepthSync
from adapters.binance.levels import Levels
from adapters.binance.parse import DepthDiff, DepthSnapshot
from engine.book import OrderBook
from engine.codes import Side

S = DepthStep
Pairs = Sequence[tuple[int, int]]


def levels(pairs: Pairs) -> Levels:
    return Levels(
        np.array([ticks for ticks, _ in pairs], dtype=np.int64), np.array([lots for _, lots in pairs], dtype=np.int64)
    )


def diff(
    first: int, last: int, bids: Sequence[tuple[int, int]] = (), asks: Sequence[tuple[int, int]] = ()
) -> DepthDiff:
    return DepthDiff(first, last, 0, levels(bids), levels(asks))


def snapshot(last: int, bids: Pairs = (), asks: Pairs = ()) -> DepthSnapshot:
    return DepthSnapshot(last, levels(bids), levels(asks))


class Seen:
    """Observer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def on_snapshot(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None:
        assert book.update_id == update_id
        self.told.append(("snapshot", update_id))

    def on_diff(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None:
        assert book.update_id == update_id
        self.told.append(("diff", update_id))

    def on_book_ticker(self, instrument_id: int, update_id: int, bt: int, bl: int, at: int, al: int) -> None:
        self.told.append(("ticker", update_id))

    def on_other_message(self, instrument_id: int, book: OrderBook) -> None:
        self.told.append(("other", 0))


def sync() -> DepthSync:
    return DepthSync(1, OrderBook())


def test_buffered_diffs_continue_the_snapshot() -> None:
    seen = Seen()
    made = DepthSync(1, OrderBook(), seen)
    assert made.on_diff(diff(90, 100, [(10, 1)])) is S.BUFFERED
    assert made.on_diff(diff(101, 110, [(10, 2)], [(12, 3)])) is S.BUFFERED
    assert not made.valid
    assert made.on_snapshot(snapshot(105, [(10, 7), (9, 4)], [(11, 5)])) is S.APPLIED
    assert made.valid
    assert made.book.update_id == 110
    assert made.book.depth(9) == (((10, 2), (9, 4)), ((11, 5), (12, 3)))
    assert seen.told == [("snapshot", 105), ("diff", 110)]
    assert made.on_diff(diff(111, 111, [(10, 0)])) is S.APPLIED
    assert made.book.best() == (9, 4, 11, 5)


def test_a_snapshot_before_the_first_diff_is_too_old_and_the_buffer_stays() -> None:
    made = sync()
    made.on_diff(diff(157, 160, [(10, 1)]))
    assert made.on_snapshot(snapshot(155)) is S.TOO_OLD
    assert not made.valid
    assert made.on_snapshot(snapshot(157)) is S.APPLIED
    assert made.book.update_id == 160
    assert made.book.level(Side.BUY, 10) == 1


def test_a_snapshot_that_ends_right_before_the_first_diff_is_continued_by_it() -> None:
    made = sync()
    made.on_diff(diff(157, 160, [(10, 1)]))
    assert made.on_snapshot(snapshot(156, [(9, 4)])) is S.APPLIED
    assert made.book.update_id == 160
    assert made.book.depth(5) == (((10, 1), (9, 4)), ())


def test_a_snapshot_equal_to_the_last_diff_with_nothing_left_is_valid() -> None:
    made = sync()
    made.on_diff(diff(157, 160))
    assert made.on_snapshot(snapshot(160, [(10, 1)])) is S.APPLIED
    assert made.on_diff(diff(161, 165)) is S.APPLIED


def test_a_snapshot_before_any_diff_is_valid_and_the_next_diff_must_meet_it() -> None:
    made = sync()
    assert made.on_snapshot(snapshot(100, [(10, 1)])) is S.APPLIED
    assert made.on_diff(diff(98, 101, [(10, 2)])) is S.APPLIED
    other = sync()
    other.on_snapshot(snapshot(100))
    assert other.on_diff(diff(102, 103)) is S.GAP
    assert not other.valid


def test_a_snapshot_beyond_the_buffer_is_valid() -> None:
    made = sync()
    made.on_diff(diff(1, 5))
    assert made.on_snapshot(snapshot(50)) is S.APPLIED
    assert made.on_diff(diff(6, 20)) is S.IGNORED
    assert made.on_diff(diff(49, 60)) is S.APPLIED


def test_old_and_repeated_diffs_are_ignored_and_a_gap_is_seen() -> None:
    made = sync()
    made.on_snapshot(snapshot(100, [(10, 1)]))
    assert made.on_diff(diff(90, 100, [(10, 9)])) is S.IGNORED
    assert made.on_diff(diff(101, 102)) is S.APPLIED
    assert made.on_diff(diff(101, 102)) is S.IGNORED
    assert made.on_diff(diff(104, 105)) is S.GAP
    assert made.on_diff(diff(106, 107)) is S.BUFFERED
    assert made.on_snapshot(snapshot(102)) is S.TOO_OLD
    assert made.on_snapshot(snapshot(105, [(8, 1)])) is S.APPLIED
    assert made.book.update_id == 107
    assert made.book.depth(5) == (((8, 1),), ())


def test_a_gap_within_the_buffer_begins_it_anew() -> None:
    made = sync()
    made.on_diff(diff(1, 5))
    made.on_diff(diff(8, 9))
    assert made.on_snapshot(snapshot(5)) is S.TOO_OLD
    assert made.on_snapshot(snapshot(8)) is S.APPLIED


def test_an_unasked_snapshot_is_ignored() -> None:
    made = sync()
    made.on_snapshot(snapshot(100, [(10, 1)]))
    assert made.on_snapshot(snapshot(50)) is S.IGNORED
    assert made.book.update_id == 100


def test_restart_forgets_the_buffer() -> None:
    made = sync()
    made.on_diff(diff(200, 210))
    made.restart()
    assert made.on_snapshot(snapshot(5)) is S.APPLIED


def test_the_buffer_is_bounded() -> None:
    made = sync()
    for at in range(BUFFERED_DIFFS_MAX + 10):
        made.on_diff(diff(at, at))
    assert made.on_snapshot(snapshot(8)) is S.TOO_OLD
    assert made.on_snapshot(snapshot(9)) is S.APPLIED


_change = st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 6), st.integers(0, 3))
_delivery = st.sampled_from(["pass", "pass", "pass", "drop", "twice", "later", "snapshot", "old snapshot"])


@given(
    batches=st.lists(st.tuples(st.lists(_change, max_size=4), _delivery), max_size=60),
    data=st.data(),
)
@settings(max_examples=300, deadline=None)
def test_valid_means_equal_to_the_venues_book(
    batches: list[tuple[list[tuple[Side, int, int]], str]], data: st.DataObject
) -> None:
    """The venue's stream with drops, repeats and delays, and snapshots of any time, against every past book."""
    made = sync()
    truth: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    history: dict[int, dict[Side, dict[int, int]]] = {0: {Side.BUY: {}, Side.SELL: {}}}
    update_id = 0
    delayed: list[DepthDiff] = []

    def check() -> None:
        if made.valid:
            book = history[made.book.update_id]
            for side in Side:
                expected = {ticks: lots for ticks, lots in book[side].items() if lots}
                assert dict(made.book.depth(100)[0 if side is Side.BUY else 1]) == expected

    for changes, delivery in batches:
        first = update_id + 1
        update_id += max(1, len(changes))
        touched: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for side, ticks, lots in changes:
            truth[side][ticks] = touched[side][ticks] = lots
        history[update_id] = {side: dict(book) for side, book in truth.items()}
        now = diff(first, update_id, list(touched[Side.BUY].items()), list(touched[Side.SELL].items()))
        deliveries = {"pass": [now], "twice": [now, now], "snapshot": [now], "old snapshot": [now]}.get(delivery, [])
        if delivery == "later":
            delayed.append(now)
        elif delayed and bool(data.draw(st.booleans())):
            deliveries = [*deliveries, delayed.pop(data.draw(st.integers(0, len(delayed) - 1)))]
        for each in deliveries:
            made.on_diff(each)
            check()
        if "snapshot" in delivery:
            at = update_id if delivery == "snapshot" else data.draw(st.sampled_from(sorted(history)))
            book = history[at]
            made.on_snapshot(snapshot(at, list(book[Side.BUY].items()), list(book[Side.SELL].items())))
            check()
