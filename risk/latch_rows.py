"""The latch's states and rows as plain numbers: what a row covers, whether it is whole, and how one is taken.

Many may write at once (the kill switch actor, every ``haltline kill``) and none may wait for another, who
may be a stopped process. So a writer goes from row to row and tries, without waiting, to lock it; a row that somebody
holds is passed over. In its own row it stores the fields, the check word and last the state, so a half-written row is
either free or damaged, never a narrower kill than was asked for.
"""

import fcntl
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

from engine.codes import KillMode
from risk.latch_layout import (
    ACTIVE,
    ANY,
    BUTTONS,
    CHECK,
    DAMAGED_RANK,
    DRILL,
    DRILLED,
    FREE,
    PAGE_MAGIC,
    RANK,
    ROW_CELLS,
    ROWS,
    ROWS_CELL,
    TAG,
    UNKNOWN,
    VENUE,
    WORD_CELLS,
    row_check,
)
from risk.latch_names import QUIET, STATES_AT

__all__ = ["LatchRows", "RowFields"]

#: Tag, rank, venue, account, strategy, instrument.
RowFields = tuple[int, int, int, int, int, int]

_BUTTON_OF_RANK = {0: FREE} | BUTTONS
_RANK_OF_BUTTON = {state: rank for rank, state in _BUTTON_OF_RANK.items()}
_RANKS = frozenset(mode.rank for mode in KillMode)


class LatchRows:
    """Over the page's buffer. ``descriptor`` is the open file whose locks keep writers apart; -1: there is no other."""

    def __init__(self, buffer: mmap.mmap | bytearray, descriptor: int) -> None:
        self._buffer = buffer
        self._descriptor = descriptor
        whole = memoryview(buffer)
        #: Every word of the page, and the state of every row; the first one is the button's.
        self.cells = whole[: WORD_CELLS * 8].cast("q")
        self.states = whole[STATES_AT : STATES_AT + ROWS * 2].cast("H")

    # -- reading --------------------------------------------------------------------------------------------

    def busy(self) -> Iterator[int]:
        """The rows that are not free."""
        if self._buffer[STATES_AT : STATES_AT + 2 * ROWS] == QUIET:
            return
        for row, state in enumerate(self.states):
            if state != FREE and row:
                yield row

    def find(self, tag: int) -> int | None:
        """The whole row of this tag."""
        for row in self.busy():
            if self.fields(row)[TAG] == tag and self.is_whole(row):
                return row
        return None

    def fields(self, row: int) -> RowFields:
        at = ROWS_CELL + ROW_CELLS * row
        cells = self.cells
        return (cells[at], cells[at + 1], cells[at + 2], cells[at + 3], cells[at + 4], cells[at + 5])

    def is_whole(self, row: int) -> bool:
        fields = self.fields(row)
        check = self.cells[ROWS_CELL + ROW_CELLS * row + CHECK]
        return self.states[row] == ACTIVE and check == row_check(row, fields) and fields[RANK] in _RANKS

    def bytes_of(self, row: int) -> bytes:
        """What stands in a row, and its state, for evidence."""
        at, size = (ROWS_CELL + ROW_CELLS * row) * 8, ROW_CELLS * 8
        return self.states[row].to_bytes(2, "little") + bytes(self._buffer[at : at + size])

    def is_damaged(self) -> bool:
        """Whether everything reads as killed because the header, the button or a row cannot be trusted."""
        return (
            self.cells[0] != PAGE_MAGIC
            or self.is_button_damaged()
            or not all(self.is_whole(row) for row in self.busy())
        )

    def is_button_damaged(self) -> bool:
        return self.states[0] not in _RANK_OF_BUTTON

    @property
    def button_rank(self) -> int:
        """The rank of the mode that the button was pressed with; 0 when it is not."""
        return _RANK_OF_BUTTON.get(self.states[0], DAMAGED_RANK)

    def covers(self, row: int, venue: int, account: int, strategy: int, instrument: int) -> bool:
        """Whether a row's scope covers an order of these indices."""
        named = self.fields(row)[VENUE:]
        if strategy > DRILL:
            strategy -= DRILLED
            venue = DRILL if named[0] == DRILL else venue
        return all(
            mine in (ANY, its) or its == UNKNOWN
            for mine, its in zip(named, (venue, account, strategy, instrument), strict=True)
        )

    def rank(self, venue: int, account: int, strategy: int, instrument: int) -> int:
        """Readable twin of ``risk.latch_kernel.latch_mode``."""
        if self.is_damaged():
            return DAMAGED_RANK
        most = self.button_rank
        for row in self.busy():
            if self.covers(row, venue, account, strategy, instrument):
                most = max(most, self.fields(row)[RANK])
        return most

    # -- writing --------------------------------------------------------------------------------------------

    def set_button(self, rank: int) -> None:
        """One aligned store; 0 lets it go."""
        self.states[0] = _BUTTON_OF_RANK[rank]

    def take(self, fields: RowFields) -> int:
        """Write a free row and return it; 0: none could be had."""
        first = fields[TAG] % (ROWS - 1)
        for step in range(ROWS - 1):
            row = 1 + (first + step) % (ROWS - 1)
            if self.states[row] != FREE:
                continue
            if not self._lock(row):
                continue
            try:
                if self.states[row] == FREE and self.write(row, fields):
                    return row
            finally:
                self._unlock(row)
        return 0

    def write(self, row: int, fields: RowFields) -> bool:
        """False: somebody else has written there too, so that it says something else."""
        at, cells, check = ROWS_CELL + ROW_CELLS * row, self.cells, row_check(row, fields)
        for cell, value in enumerate(fields):
            cells[at + cell] = value
        cells[at + CHECK] = check
        self.states[row] = ACTIVE
        return self.states[row] == ACTIVE and cells[at + CHECK] == check and self.fields(row) == fields

    def free(self, row: int, cell: int, value: int) -> None:
        """Free a row if it can be had and its cell has still this value: it may be another's by now."""
        with self.locked(row) as is_mine:
            if is_mine and self.fields(row)[cell] == value:
                self.states[row] = FREE

    @contextmanager
    def locked(self, row: int) -> Iterator[bool]:
        """Hold a row against other processes if that can be had at once. The lock ends with its process."""
        is_mine = self._lock(row)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._unlock(row)

    def _lock(self, row: int) -> bool:
        if self._descriptor >= 0:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 2, STATES_AT + 2 * row)
            except OSError:
                return False
        return True

    def _unlock(self, row: int) -> None:
        if self._descriptor >= 0:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 2, STATES_AT + 2 * row)
