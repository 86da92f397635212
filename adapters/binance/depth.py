"""The local-book rule as a state machine: buffer, snapshot, chain of update ids, gap → again.

    WAITING ──snapshot that meets the buffer──▶ SYNCED
       ▲  ▲ diffs are buffered                    │ diffs are applied
       │  └──snapshot too old: ask again          │
       └────────────gap, restart──────────────────┘

The buffer is always one unbroken chain: a diff that does not continue it begins it anew. The book is what the venue's
is as of ``update_id`` while ``valid``; in WAITING it is the past.
"""

from collections import deque
from enum import Enum
from typing import Protocol

from adapters.binance.levels import Levels
from adapters.binance.parse import DepthDiff, DepthSnapshot
from engine.book import OrderBook
from engine.codes import Side

__all__ = ["BUFFERED_DIFFS_MAX", "DepthObserver", "DepthStep", "DepthSync"]

#: 100 seconds of diffs. Beyond it the oldest go, and the snapshot has to be newer.
BUFFERED_DIFFS_MAX = 1_000


class DepthObserver(Protocol):
    """Sees what a book is built from, right after the book has taken it: ``engine.book_audit.BookAudit``.

    ``bids`` and ``asks`` are (ticks [n], lots [n]).
    """

    def on_snapshot(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None: ...

    def on_diff(self, instrument_id: int, update_id: int, bids: Levels, asks: Levels, book: OrderBook) -> None: ...

    def on_book_ticker(
        self, instrument_id: int, update_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
    ) -> None:
        """The venue's best bid and offer, whether the book is in step or not."""
        ...

    def on_other_message(self, instrument_id: int, book: OrderBook) -> None:
        """A message that changes no book has been processed."""
        ...


class DepthStep(Enum):
    """What a diff or a snapshot did."""

    #: The book has changed and is valid.
    APPLIED = "applied"
    #: Kept until the snapshot comes.
    BUFFERED = "buffered"
    #: Known already, or not asked for.
    IGNORED = "ignored"
    #: Updates are missing: no longer valid, a snapshot is needed.
    GAP = "gap"
    #: The snapshot does not reach the buffer: another one is needed.
    TOO_OLD = "too old"


class DepthSync:
    """Keeps one book in step with the venue's."""

    def __init__(self, instrument_id: int, book: OrderBook, observer: DepthObserver | None = None) -> None:
        self.instrument_id = instrument_id
        self.book = book
        self.valid = False
        self._observer = observer
        self._buffer: deque[DepthDiff] = deque(maxlen=BUFFERED_DIFFS_MAX)

    def restart(self) -> None:
        """The stream was interrupted: nothing before this counts."""
        self.valid = False
        self._buffer.clear()

    def on_diff(self, diff: DepthDiff) -> DepthStep:
        if not self.valid:
            return self._keep(diff)
        update_id = self.book.update_id
        if diff.last_update_id <= update_id:
            return DepthStep.IGNORED
        if diff.first_update_id > update_id + 1:
            self.restart()
            self._buffer.append(diff)
            return DepthStep.GAP
        self._apply(diff)
        return DepthStep.APPLIED

    def on_snapshot(self, snapshot: DepthSnapshot) -> DepthStep:
        """The buffer survives a snapshot that is too old."""
        if self.valid:
            return DepthStep.IGNORED
        buffer, last = self._buffer, snapshot.last_update_id
        # The venue's own rule fetches again already when the snapshot ends right before the first buffered diff; that
        # diff then continues it without a gap, as any later one would, so nothing is missing.
        if buffer and last + 1 < buffer[0].first_update_id:
            return DepthStep.TOO_OLD
        self._load(snapshot)
        for diff in buffer:  # one chain that begins at or before the snapshot: what is left of it continues the book
            if diff.last_update_id > last:
                self._apply(diff)
        buffer.clear()
        self.valid = True
        return DepthStep.APPLIED

    def _keep(self, diff: DepthDiff) -> DepthStep:
        buffer = self._buffer
        if buffer:
            if diff.last_update_id <= buffer[-1].last_update_id:
                return DepthStep.IGNORED
            if diff.first_update_id > buffer[-1].last_update_id + 1:
                buffer.clear()
        buffer.append(diff)
        return DepthStep.BUFFERED

    def _load(self, snapshot: DepthSnapshot) -> None:
        book = self.book
        book.clear()
        _put(book, Side.BUY, snapshot.bids)
        _put(book, Side.SELL, snapshot.asks)
        book.update_id = snapshot.last_update_id
        if self._observer is not None:
            self._observer.on_snapshot(self.instrument_id, snapshot.last_update_id, snapshot.bids, snapshot.asks, book)

    def _apply(self, diff: DepthDiff) -> None:
        book = self.book
        _put(book, Side.BUY, diff.bids)
        _put(book, Side.SELL, diff.asks)
        book.update_id = diff.last_update_id
        if self._observer is not None:
            self._observer.on_diff(self.instrument_id, diff.last_update_id, diff.bids, diff.asks, book)


def _put(book: OrderBook, side: Side, levels: Levels) -> None:
    count = len(levels.price_ticks)
    if count:
        book.apply(side, levels.price_ticks, levels.quantity_lots, count)
