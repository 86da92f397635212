"""The recorded book against the truth that its messages were made from."""

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulator.replay_book import Change, ReplayBook
from engine.codes import Side

BUY, SELL = Side.BUY, Side.SELL


def test_a_ticker_is_live_at_once_and_never_public() -> None:
    book = ReplayBook(10)
    book.apply_diff(11, 12, [(100, 5), (99, 7)], [(102, 3)])
    changes = book.apply_ticker(13, (99, 6), (101, 1))
    assert set(changes) == {Change(BUY, 100, 5, 0), Change(BUY, 99, 7, 6), Change(SELL, 101, 0, 1)}
    assert list(book.levels(BUY)) == [(99, 6)]
    assert list(book.levels(SELL)) == [(101, 1), (102, 3)]
    assert (book.best(BUY), book.best(SELL)) == ((99, 6), (101, 1))
    assert book.public(BUY).top(9) == ((100, 5), (99, 7))
    assert book.update_id == 12


def test_a_diff_as_new_as_the_ticker_replaces_it() -> None:
    book = ReplayBook(10)
    book.apply_diff(11, 12, [(100, 5), (99, 7)], [(102, 3)])
    book.apply_ticker(13, (99, 6), (102, 3))
    # The best bid went and came back with its old quantity: the diff has no reason to name it.
    assert book.apply_diff(13, 15, [(99, 6)], []) == (Change(BUY, 100, 0, 5),)
    assert list(book.levels(BUY)) == [(100, 5), (99, 6)]


def test_a_diff_older_than_the_ticker_keeps_the_ticker_on_top() -> None:
    book = ReplayBook(10)
    book.apply_diff(11, 12, [(100, 5)], [(102, 3)])
    book.apply_ticker(20, (98, 1), (102, 3))
    book.apply_diff(13, 15, [(101, 4), (98, 9)], [])
    assert list(book.levels(BUY)) == [(98, 1)]
    assert book.public(BUY).top(9) == ((101, 4), (100, 5), (98, 9))


def test_what_is_old_changes_nothing_and_holes_are_counted() -> None:
    book = ReplayBook(10)
    assert book.apply_diff(5, 10, [(100, 5)], []) == ()
    assert book.apply_ticker(10, (100, 5), (101, 5)) == ()
    assert book.gaps == 0
    book.apply_diff(14, 15, [(100, 5)], [])
    assert book.gaps == 1
    book.apply_ticker(17, (100, 4), (0, 0))
    assert book.apply_ticker(16, (100, 3), (0, 0)) == ()
    assert book.best(BUY) == (100, 4)


def test_a_snapshot_is_where_the_diffs_begin() -> None:
    book = ReplayBook(0)
    book.load(12, [(100, 5)], [(101, 5)])
    assert book.apply_diff(11, 12, [(100, 9)], []) == ()
    book.apply_diff(12, 13, [(100, 8)], [])
    assert (book.best(BUY), book.gaps) == ((100, 8), 0)


STEP = st.tuples(st.sampled_from([BUY, SELL]), st.integers(0, 5), st.integers(0, 3))
#: After each change: is a ticker sent, does the diff end here, and how long is the diff delayed (in changes).
FLOW = st.lists(st.tuples(STEP, st.booleans(), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def top(levels: dict[int, int], side: Side) -> tuple[int, int]:
    alive = [price for price, lots in levels.items() if lots]
    best = (max(alive) if side is BUY else min(alive)) if alive else 0
    return best, levels.get(best, 0)


@settings(max_examples=300, deadline=None)
@given(FLOW)
def test_the_books_follow_the_truth_through_late_diffs(flow: list) -> None:  # type: ignore[type-arg]
    """A true book changes one level per update id. Tickers arrive at once, diffs late but in order. Whenever a diff
    or ticker is the newest word, the book says what was true at its update id."""
    truth: dict[Side, dict[int, int]] = {BUY: {}, SELL: {}}
    history = {0: (top({}, BUY), top({}, SELL))}
    book = ReplayBook(0)
    changed: set[tuple[Side, int]] = set()
    first_id = 1
    late: list[tuple[int, int, int, list[tuple[int, int]], list[tuple[int, int]], dict[Side, dict[int, int]]]] = []
    ticker_id = 0
    for update_id, ((side, offset, lots), ticker, cut, delay) in enumerate(flow, 1):
        price = 100 - offset if side is BUY else 101 + offset
        truth[side][price] = lots
        changed.add((side, price))
        history[update_id] = (top(truth[BUY], BUY), top(truth[SELL], SELL))
        if ticker:
            book.apply_ticker(update_id, *history[update_id])
            ticker_id = update_id
        if cut == 0:
            bids = [(p, truth[s][p]) for s, p in changed if s is BUY]
            asks = [(p, truth[s][p]) for s, p in changed if s is SELL]
            copy = {s: dict(levels) for s, levels in truth.items()}
            late.append((update_id + delay, first_id, update_id, bids, asks, copy))
            changed, first_id = set(), update_id + 1
        while late and late[0][0] <= update_id:
            _, first, last, bids, asks, then = late.pop(0)
            book.apply_diff(first, last, bids, asks)
            for s in (BUY, SELL):
                assert dict(book.public(s).levels()) == {p: q for p, q in then[s].items() if q}
        newest = max(ticker_id, book.update_id)
        assert (book.best(BUY), book.best(SELL)) == history[newest]
        for s in (BUY, SELL):
            levels = list(book.levels(s))
            assert levels == sorted(levels, reverse=s is BUY)
            assert all(book.lots(s, p) == q for p, q in levels)
    assert book.gaps == 0
