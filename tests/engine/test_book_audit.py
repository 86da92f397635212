"""engine/book_audit.py: silent on a right book, loud on a broken one, and exact on the real recording."""

import gzip
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.market_stream import synthetic_stream
from engine.book import OrderBook
from engine.book_audit import BookAudit
from engine.codes import Side

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "binance" / "btcusdt_20240809.gz"
BTCUSDT = 1


def whole_ticks(text):
    """A price text with eight decimals as ticks of 0.01."""
    ticks, rest = divmod(int(text.replace(".", "")), 10**6)
    assert rest == 0
    return ticks


def whole_lots(text):
    """A quantity text with eight decimals as whole lots of 0.00001, the rest cut off.

    Old orders far from the market are not on today's lot: the recording has four such levels (191.389006 at 100000.00).
    """
    return int(text.replace(".", "")) // 10**3


def columns(pairs):
    """Price and quantity texts as (ticks [n], lots [n])."""
    ticks = np.array([whole_ticks(price) for price, _ in pairs], dtype=np.int64)
    return ticks, np.array([whole_lots(quantity) for _, quantity in pairs], dtype=np.int64)


class Engine:
    """The least that keeps a book from a combined stream; ``spoil(book, depth_messages)`` may break it."""

    def __init__(self, spoil=lambda book, depth_messages: None):
        self.book, self.audit, self.spoil = OrderBook(), BookAudit(), spoil
        self.messages = self.depth_messages = self.gaps = 0

    def process(self, line):
        self.messages += 1
        message = msgspec.json.decode(line.split(b" ", 1)[1])
        data = message["data"]
        if data.get("e") == "depthUpdate":
            self.depth(data)
            return
        if "trade" not in message["stream"]:
            bid, ask = columns([(data["b"], data["B"])]), columns([(data["a"], data["A"])])
            best = (int(bid[0][0]), int(bid[1][0]), int(ask[0][0]), int(ask[1][0]))
            self.audit.on_book_ticker(BTCUSDT, data["u"], *best)
        self.audit.on_other_message(BTCUSDT, self.book)

    def depth(self, data):
        self.depth_messages += 1
        self.gaps += self.book.update_id not in (0, data["U"] - 1)
        bids, asks = columns(data["b"]), columns(data["a"])
        self.book.apply(Side.BUY, *bids, len(bids[0]))
        self.book.apply(Side.SELL, *asks, len(asks[0]))
        self.book.update_id = data["u"]
        self.spoil(self.book, self.depth_messages)
        self.audit.on_diff(BTCUSDT, data["u"], bids, asks, self.book)


def run(lines, **engine):
    made = Engine(**engine)
    for line in lines:
        made.process(line)
    return made


# -- tests ----------------------------------------------------------------------------------------------------------


def test_a_synthetic_recording_agrees_with_reference_and_tickers():
    engine = run(synthetic_stream(300))
    assert engine.depth_messages == 300
    assert engine.audit.bbo_comparisons > 250
    assert (engine.audit.book_mismatches, engine.audit.bbo_disagreements) == (0, 0)
    assert engine.audit.findings == []


def test_the_whole_real_recording_has_no_mismatch_and_its_own_two_disagreements():
    if not RECORDING.exists():
        pytest.skip("the recording btcusdt_20240809.gz is not beside the repository (../shared/data/binance)")
    with gzip.open(RECORDING, "rb") as lines:
        engine = run(lines)
    assert (engine.messages, engine.depth_messages, engine.gaps) == (58_325, 3_044, 0)
    assert engine.audit.book_mismatches == 0
    assert (engine.audit.bbo_disagreements, engine.audit.bbo_comparisons) == (2, 3_043)
    assert len(engine.audit.findings) == 2


def drop_a_level_once(book, depth_messages):
    if depth_messages == 100:
        worst_bid = book.depth(1_000)[0][-1][0]
        book.set_level(Side.BUY, worst_bid, 0)


def shrink_the_best_offer_once(book, depth_messages):
    if depth_messages == 100:
        _, _, ask_ticks, ask_lots = book.best()
        book.set_level(Side.SELL, ask_ticks, ask_lots + 1)


def lose_the_update_id_once(book, depth_messages):
    if depth_messages == 100:
        book.update_id -= 1


@pytest.mark.parametrize("spoil", [drop_a_level_once, shrink_the_best_offer_once, lose_the_update_id_once])
def test_a_broken_book_is_noticed_at_once(spoil):
    lines = list(synthetic_stream(100))
    assert run(lines[:-1], spoil=spoil).audit.book_mismatches == 0
    audit = run(lines, spoil=spoil).audit
    assert audit.book_mismatches == 1
    assert "instrument 1 update" in audit.findings[0]


def test_a_wrong_best_offer_also_disagrees_with_the_ticker():
    audit = run(synthetic_stream(100), spoil=shrink_the_best_offer_once).audit
    assert audit.bbo_disagreements == 1


def test_a_message_that_must_not_change_the_book_but_does_is_noticed():
    engine = run(synthetic_stream(10))
    engine.book.set_level(Side.BUY, 1, 1)
    engine.audit.on_other_message(BTCUSDT, engine.book)
    assert engine.audit.book_mismatches == 1
    assert "changes no book" in engine.audit.findings[0]


def test_no_comparison_before_a_ticker_within_the_diffs_reach():
    book, audit = OrderBook(), BookAudit()
    asks = columns([])
    bids = (np.array([1_000]), np.array([5]))
    book.apply(Side.BUY, *bids, 1)
    book.update_id = 7
    audit.on_diff(BTCUSDT, 7, bids, asks, book)
    audit.on_book_ticker(BTCUSDT, 8, 1_000, 5, 0, 0)
    audit.on_diff(BTCUSDT, 7, bids, asks, book)
    assert audit.bbo_comparisons == 0
    book.update_id = 8
    audit.on_diff(BTCUSDT, 8, bids, asks, book)
    assert (audit.bbo_comparisons, audit.bbo_disagreements, audit.book_mismatches) == (1, 0, 0)


def test_a_snapshot_starts_the_reference_anew_and_instruments_are_apart():
    audit = BookAudit()
    none = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    first, second = OrderBook(), OrderBook()
    for instrument_id, book, ticks in ((1, first, 10), (2, second, 20), (1, first, 11)):
        bids = (np.array([ticks]), np.array([1]))
        book.clear()
        book.apply(Side.BUY, *bids, 1)
        book.update_id = 5
        audit.on_snapshot(instrument_id, 5, bids, none, book)
    assert audit.book_mismatches == 0
    assert first.depth(5) == (((11, 1),), ())
    first.set_level(Side.BUY, 10, 1)  # as if the old level had been kept
    audit.on_snapshot(1, 5, (np.array([11]), np.array([1])), none, first)
    assert audit.book_mismatches == 1
    assert "BUY 10 ticks: book 1 lots, reference 0" in audit.findings[0]


def test_tickers_without_diffs_are_bounded_and_never_make_a_false_comparison():
    book, audit = OrderBook(), BookAudit()
    none = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    for update_id in range(1, 100_002):
        audit.on_book_ticker(BTCUSDT, update_id, update_id, 1, 0, 0)
    book.update_id = 50_000  # its own ticker is among those that were given up
    audit.on_diff(BTCUSDT, 50_000, none, none, book)
    assert audit.bbo_comparisons == 0


def test_a_book_that_was_given_up_is_not_looked_at_until_its_snapshot():
    engine = run(synthetic_stream(10))
    engine.audit.on_book_given_up(BTCUSDT)
    engine.book.clear()
    engine.audit.on_other_message(BTCUSDT, engine.book)
    bids, asks = (np.array([10]), np.array([1])), (np.array([12]), np.array([1]))
    engine.book.apply(Side.BUY, *bids, 1)
    engine.book.apply(Side.SELL, *asks, 1)
    engine.book.update_id = 5_000
    engine.audit.on_snapshot(BTCUSDT, 5_000, bids, asks, engine.book)
    engine.audit.on_other_message(BTCUSDT, engine.book)
    assert engine.audit.book_mismatches == 0
    engine.book.clear()
    engine.audit.on_other_message(BTCUSDT, engine.book)
    assert engine.audit.book_mismatches == 1
