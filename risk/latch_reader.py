"""What stands in a latch page: kills and their causes by name, for everybody who only looks."""

import mmap
from pathlib import Path

from engine.codes import KillMode
from risk.latch_cause import DAMAGED_CAUSE, LatchCause, LatchedKill, kill_tag, read_cause
from risk.latch_layout import DRILL, RANK, TAG, UNKNOWN, VENUE
from risk.latch_names import read_names
from risk.latch_rows import LatchRows
from risk.scope import DRILL_SCOPE, Scope

__all__ = ["LatchReader"]

_MODES = {mode.rank: mode for mode in KillMode}


class LatchReader:
    """Over the page's buffer: mapped from ``path``, or (None) of this process alone. ``descriptor`` as in LatchRows."""

    def __init__(self, buffer: mmap.mmap | bytearray, path: Path | None, descriptor: int) -> None:
        self.buffer = buffer
        self.path = path
        self.rows = LatchRows(buffer, descriptor)
        self.names = read_names(buffer, path)

    def rank(self, venue: int, account: int, strategy: int, instrument: int) -> int:
        """Of the most restrictive mode that covers an order of these indices; 0: none."""
        return self.rows.rank(venue, account, strategy, instrument)

    def is_damaged(self) -> bool:
        """Whether everything reads as killed because the page cannot be trusted."""
        return self.rows.is_damaged()

    @property
    def button_rank(self) -> int:
        """The rank of the mode that the button was pressed with; 0 when it is not."""
        return self.rows.button_rank

    def kills(self) -> list[LatchedKill]:
        """Every kill whose row is whole, by row."""
        return [self._kill(row) for row in self.rows.busy() if self.rows.is_whole(row)]

    def has(self, kill_id: str) -> bool:
        return self.rows.find(kill_tag(kill_id)) is not None

    def kill(self, kill_id: str) -> LatchedKill | None:
        """The kill of that id, while it is latched."""
        row = self.rows.find(kill_tag(kill_id))
        return None if row is None else self._kill(row)

    def damaged_rows(self) -> dict[int, bytes]:
        """The rows that halt everything because they cannot be trusted, with what stands in them."""
        return {row: self.rows.bytes_of(row) for row in self.rows.busy() if not self.rows.is_whole(row)}

    def cause(self, venue: int, account: int, strategy: int, instrument: int) -> LatchCause | None:
        """The cause of the most restrictive kill that covers an order of these indices; a drill's only when the order
        is said whole."""
        if self.is_damaged():
            return DAMAGED_CAUSE
        covering = [
            kill
            for kill in self.kills()
            if self.rows.covers(kill.row, venue, account, strategy, instrument)
            and not (kill.scope.is_drill and venue == UNKNOWN)
        ]
        button = self.button_rank
        if not covering and not button:
            return None
        most = max(covering, key=lambda kill: (kill.mode.rank, kill.cause is not None), default=None)
        if most is None or most.mode.rank < button:
            return LatchCause("", "", "the button for everything is pressed", _MODES[button], 0, "global")
        return most.cause or LatchCause("", "", "the latch holds no readable cause", most.mode, 0, most.scope.text)

    def _kill(self, row: int) -> LatchedKill:
        fields = self.rows.fields(row)
        cause = read_cause(self.buffer, row, fields[TAG])
        return LatchedKill(row, fields[TAG], self._scope(fields[VENUE:]), _MODES[fields[RANK]], cause)

    def _scope(self, indices: tuple[int, ...]) -> Scope:
        if indices[0] == DRILL:
            return DRILL_SCOPE
        if any(at >= len(table) for table, at in zip(self.names.tables, indices, strict=True)):
            self.names = read_names(self.buffer, self.path)  # another process has added one
        names = [
            table[at] if 0 <= at < len(table) else "" for table, at in zip(self.names.tables, indices, strict=True)
        ]
        return Scope(names[0], names[1], names[2], names[3])
