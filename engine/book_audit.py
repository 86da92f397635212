"""Checks an engine's books against a plain reference and against the venue's own best bid and offer.

The audit is told what the venue said, in the order it came, and is shown the engine's book after each message. What the
engine holds back while it re-syncs (diffs that wait for a snapshot) is told when it is applied:

    snapshot, diff   the reference takes the levels too; then the whole book must equal the reference
    any other        the whole book must still be what it was after the last diff
    book ticker      kept; after each diff the book's best is compared with the newest ticker received so far
                     whose update id is not beyond the diff's (a venue sends tickers ahead of the diffs)

A disagreement with a ticker may be the recording's own (the venue's two streams are not of one piece); a mismatch with
the reference is always ours.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from engine.book import OrderBook
from engine.book_reference import ReferenceBook
from engine.codes import Side

__all__ = ["BookAudit"]

Levels = NDArray[np.int64]

#: Tickers kept ahead of the diffs, per instrument. More can only come when the diffs have stopped.
_TICKERS_MAX = 100_000

#: Findings kept as text; the counters go on.
_FINDINGS_MAX = 20


class _Audited:
    """One instrument: its reference, the arrays that were last found right, the tickers."""

    def __init__(self) -> None:
        self.reference = ReferenceBook()
        self.verified: tuple[Levels, Levels, Levels, Levels] | None = None
        self.ticker: tuple[int, int, int, int] | None = None
        self.tickers_ahead: deque[tuple[int, tuple[int, int, int, int]]] = deque()


class BookAudit:
    """Counts ``book_mismatches`` (messages after which a book was not the reference's), and of the
    ``bbo_comparisons`` made the ``bbo_disagreements``. ``findings`` describes the first twenty of both."""

    def __init__(self) -> None:
        self.book_mismatches = 0
        self.bbo_comparisons = 0
        self.bbo_disagreements = 0
        self.findings: list[str] = []
        self._audited: dict[int, _Audited] = {}

    # -- what the venue said ----------------------------------------------------------------------------------

    def on_snapshot(
        self,
        instrument_id: int,
        update_id: int,
        bids: tuple[Levels, Levels],
        asks: tuple[Levels, Levels],
        book: OrderBook,
    ) -> None:
        """The book has been cleared and filled from a snapshot. ``bids`` and ``asks`` are (ticks [n], lots [n])."""
        self._of(instrument_id).reference.clear()
        self._take(instrument_id, update_id, bids, asks, book)

    def on_book_given_up(self, instrument_id: int) -> None:
        """A gap, or the link is lost: the book is no one's until the next snapshot, and is not looked at."""
        audited = self._of(instrument_id)
        audited.reference.clear()
        audited.verified = None

    def on_diff(
        self,
        instrument_id: int,
        update_id: int,
        bids: tuple[Levels, Levels],
        asks: tuple[Levels, Levels],
        book: OrderBook,
    ) -> None:
        """A diff has been applied to the book; ``update_id`` is its last (Binance's ``u``)."""
        self._take(instrument_id, update_id, bids, asks, book)
        self._compare_with_ticker(instrument_id, update_id, book)

    def on_book_ticker(
        self, instrument_id: int, update_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
    ) -> None:
        """The venue's own best bid and offer as of ``update_id``. Update ids of tickers never decrease."""
        audited = self._of(instrument_id)
        if len(audited.tickers_ahead) >= _TICKERS_MAX:
            # The newest ticker within the next diff's reach may be among those that go: compare with none, then.
            audited.tickers_ahead.clear()
            audited.ticker = None
        audited.tickers_ahead.append((update_id, (bid_ticks, bid_lots, ask_ticks, ask_lots)))

    def on_other_message(self, instrument_id: int, book: OrderBook) -> None:
        """A message that changes no book (a trade, a ticker) has been processed: the book is as it was."""
        audited = self._of(instrument_id)
        if audited.verified is None:
            return
        now = _arrays(book)
        if not all(map(np.array_equal, now, audited.verified)):
            self._mismatch(f"instrument {instrument_id}: changed by a message that changes no book")
            audited.verified = now

    # -- checks -----------------------------------------------------------------------------------------------

    def _of(self, instrument_id: int) -> _Audited:
        audited = self._audited.get(instrument_id)
        if audited is None:
            audited = self._audited[instrument_id] = _Audited()
        return audited

    def _take(
        self,
        instrument_id: int,
        update_id: int,
        bids: tuple[Levels, Levels],
        asks: tuple[Levels, Levels],
        book: OrderBook,
    ) -> None:
        audited = self._of(instrument_id)
        reference = audited.reference
        reference.update_id = update_id
        reference.apply(Side.BUY, bids[0].tolist(), bids[1].tolist(), len(bids[0]))
        reference.apply(Side.SELL, asks[0].tolist(), asks[1].tolist(), len(asks[0]))
        audited.verified = _arrays(book)
        difference = _difference(book, audited.verified, reference)
        if difference:
            self._mismatch(f"instrument {instrument_id} update {update_id}: {difference}")

    def _compare_with_ticker(self, instrument_id: int, update_id: int, book: OrderBook) -> None:
        audited = self._of(instrument_id)
        ahead = audited.tickers_ahead
        while ahead and ahead[0][0] <= update_id:
            audited.ticker = ahead.popleft()[1]
        if audited.ticker is None:
            return
        self.bbo_comparisons += 1
        if book.best() != audited.ticker:
            self.bbo_disagreements += 1
            self._note(
                f"instrument {instrument_id} update {update_id}: book's best {book.best()}, ticker's {audited.ticker}"
            )

    def _mismatch(self, text: str) -> None:
        self.book_mismatches += 1
        self._note(text)

    def _note(self, text: str) -> None:
        if len(self.findings) < _FINDINGS_MAX:
            self.findings.append(text)


def _arrays(book: OrderBook) -> tuple[Levels, Levels, Levels, Levels]:
    return *book.levels(Side.BUY), *book.levels(Side.SELL)


def _difference(book: OrderBook, arrays: tuple[Levels, Levels, Levels, Levels], reference: ReferenceBook) -> str:
    """What differs first between a book (with its arrays, best first) and the reference; empty when nothing does."""
    bid_ticks, bid_lots, ask_ticks, ask_lots = arrays
    if book.update_id != reference.update_id:
        return f"book is at update {book.update_id}"
    for side, ticks, lots, is_worse in (
        (Side.BUY, bid_ticks, bid_lots, bid_ticks[1:] < bid_ticks[:-1]),
        (Side.SELL, ask_ticks, ask_lots, ask_ticks[1:] > ask_ticks[:-1]),
    ):
        if not is_worse.all():
            return f"{side.name} levels are out of order"
        levels = dict(zip(ticks.tolist(), lots.tolist(), strict=True))
        if levels != reference.levels(side):
            odd = min(levels.items() ^ reference.levels(side).items())[0]
            return f"{side.name} {odd} ticks: book {levels.get(odd, 0)} lots, reference {reference.level(side, odd)}"
    top = tuple(int(row[0]) if len(row) else 0 for row in arrays)
    return "" if book.best() == top else f"book's best {book.best()} is not the best of its levels {top}"
