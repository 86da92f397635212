"""The latch: one mapped page per host that says who may trade, as a table of the kills that hold.

``risk/latch_layout.py`` says where everything stands. A kill is one row: what it covers, its mode, and a check word.
The gate of every venue actor maps the same file and reads the state of every row on each order, so a store by any
process, with nothing else alive, is seen by all of them with the next load. The *button* (state 0) halts everything
with one aligned store that also carries the mode; a kill of ``global`` presses it first and takes a row then, like any
other, so that each kill keeps its own identity and is released alone.

A page that is missing, short, foreign or damaged reads as killed, and so does one with a row that does not match its
check word: for everybody, with mode ``CANCEL``.

Many may write at once (the kill switch actor, every ``haltline kill``) and none may wait for another, who
may be a stopped process. So a writer goes from row to row and tries, without waiting, to lock it; a row that somebody
holds is passed over. In its own row it stores the fields, the check word and last the state, so a half-written row is
either free or damaged, never a narrower kill than was asked for. When no row can be had, the button goes to ``HALT``
for everything: wider than asked for, and it says so (``store`` returns row 0).

What can still go wrong, and what then happens:

- The file is truncated while it is mapped: the next load beyond its end ends the process with SIGBUS. A dead process
  sends nothing, so this fails closed. Nothing of ours truncates a latch.
- The file is deleted and made anew while gates map it: they keep the old one. So nothing of ours ever renames over a
  latch (``create`` refuses an existing path, atomically), and one is only made when no engine runs.
- The file is an older copy from a backup: the kill switch actor latches every unreleased kill of its journal again
  before it grants anybody the authority to trade.

This module and ``risk/latency.py`` are the only ones in ``risk`` that touch files. Numpy is only loaded for a gate: the
red button must not wait for it.
"""

import fcntl
import hashlib
import mmap
import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from engine.codes import KillMode
from engine.errors import UsageError
from risk.latch_layout import (
    ACTIVE,
    ANY,
    BUTTONS,
    CAUSE_BYTES,
    CAUSES_AT,
    CHECK,
    DAMAGED_RANK,
    DRILL,
    DRILLED,
    FREE,
    PAGE_BYTES,
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
from risk.latch_names import (
    QUIET,
    STATES_AT,
    check_header,
    check_names,
    fresh_page,
    read_names,
    read_record,
    record_of,
    write_names,
)
from risk.scope import DRILL_SCOPE, Scope, TradingNames

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

__all__ = ["DAMAGED_CAUSE", "LatchCause", "LatchPage", "LatchView", "LatchedKill", "kill_tag", "view_latch"]

_BUTTON_OF_RANK = {0: FREE} | BUTTONS
_RANK_OF_BUTTON = {state: rank for rank, state in _BUTTON_OF_RANK.items()}
_MODES = {mode.rank: mode for mode in KillMode}
_TEXT_BYTES = {"kill_id": 64, "by": 64, "reason": 256, "scope": 256, "trigger": 64}


class LatchCause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why something is killed. Texts that do not fit (64 bytes of UTF-8; reason and scope 256) are cut."""

    kill_id: str
    by: str
    reason: str
    mode: KillMode
    wall_time_ns: int
    scope: str = ""
    trigger: str = ""


#: What a page that cannot be trusted is killed by.
DAMAGED_CAUSE = LatchCause("", "", "the latch is damaged", KillMode.CANCEL, 0, "global")


class LatchedKill(NamedTuple):
    """One kill as its row says. ``cause`` is None while it has not been written, and when it is damaged."""

    row: int
    tag: int
    scope: Scope
    mode: KillMode
    cause: LatchCause | None


class LatchView:
    """A latch page as one venue actor sees it: read-only. ``venue`` and ``account`` are its indices in the page;
    ``drill_strategies`` are those whose orders a drill may stop.

    An order is covered by what ``risk.latch_kernel.latch_mode(words, venue, account, strategy, instrument)`` says;
    ``rank`` is its readable twin.
    """

    __slots__ = ("_page", "_words", "account", "drill_strategies", "venue")

    def __init__(self, page: "LatchPage", venue: int, account: int, drill_strategies: Iterable[str] = ()) -> None:
        self._page = page
        self.drill_strategies = frozenset(drill_strategies)
        self._words: NDArray[int64] | None = None
        self.venue = venue
        self.account = account

    @property
    def words(self) -> "NDArray[int64]":
        """A read-only int64 array of the page from its header on, for the kernel."""
        if self._words is None:
            import numpy as np  # here, because whoever presses the button does without

            words = np.frombuffer(self._page.buffer, dtype=np.int64, count=WORD_CELLS)
            words.flags.writeable = False
            self._words = words
        return self._words

    def index_of(self, kind: str, name: str) -> int:
        """The index of a ``venue``, ``account``, ``strategy`` or ``instrument`` (``VENUE:SYMBOL``) in the page.

        UNKNOWN for a name that the page does not have: an order of it is covered by every kill that names its kind.
        A drill strategy's has ``DRILLED`` added.
        """
        is_drilled = kind == "strategy" and name in self.drill_strategies
        return self._page.names.index_of(kind, name) + (DRILLED if is_drilled else 0)

    def rank(self, strategy: int = ANY, instrument: int = ANY) -> int:
        """The rank of the most restrictive mode for an order of this actor; by default, for all of them."""
        return self._page.rank(self.venue, self.account, strategy, instrument)

    def is_trading(self) -> bool:
        """Whether no kill covers this actor as a whole. One of its strategies or instruments may be killed."""
        return self.rank() == 0

    def mode(self) -> KillMode | None:
        """The most restrictive mode that covers this actor as a whole."""
        return _MODES.get(self.rank())

    def kills(self) -> list[LatchedKill]:
        """The kills that reach this actor, as a whole or in part, except those of a drill."""
        return [kill for kill in self._page.kills() if self._reaches(kill.row)]

    def has(self, kill_id: str) -> bool:
        """Whether this page holds the kill."""
        return self._page.has(kill_id)

    def button(self) -> KillMode | None:
        """The mode that the button for everything was pressed with; None when it is not."""
        return _MODES.get(self._page.button_rank)

    def is_damaged(self) -> bool:
        """Whether everything reads as killed because the page cannot be trusted."""
        return self._page.is_damaged()

    def _reaches(self, row: int) -> bool:
        return self._page.covers(row, self.venue, self.account, UNKNOWN, UNKNOWN)

    def cause(self, strategy: int = UNKNOWN, instrument: int = UNKNOWN) -> LatchCause | None:
        """Why an order of these may not go: the cause of the most restrictive kill that covers it; None: no kill does.

        By default any kill that reaches this actor.
        """
        return self._page.cause(self.venue, self.account, strategy, instrument)


class LatchPage:
    """A latch page: of the host (a mapped file) or of one process (``memory``)."""

    def __init__(self, buffer: mmap.mmap | bytearray, path: Path | None, descriptor: int) -> None:
        self.buffer = buffer
        self.path = path
        self._descriptor = descriptor
        whole = memoryview(buffer)
        self._cells = whole[: WORD_CELLS * 8].cast("q")
        self._states = whole[STATES_AT : STATES_AT + ROWS * 2].cast("H")
        self.names = read_names(buffer, path)

    # -- making one -----------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path, names: TradingNames, killed: LatchCause | None = None) -> "LatchPage":
        """Make a page, with nothing killed or (for one that was lost) everything by ``killed``, and open it.

        Raises UsageError when the path exists: a latch is never replaced, only opened. The file appears whole or
        not at all, also when two processes try at once.
        """
        path = Path(path)
        draft_page = cls(fresh_page(names), None, -1)
        if killed is not None:
            draft_page.explain(draft_page.store(killed.kill_id, Scope(), killed.mode), killed)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _write_durably(draft, bytes(draft_page.buffer))
            os.link(draft, path)
        except FileExistsError:
            raise UsageError(f"latch {path} exists already; open it, it may hold a kill") from None
        except OSError as error:
            raise UsageError(f"latch {path} cannot be made: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)
        _sync_directory(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> "LatchPage":
        """Map an existing page to kill through it. Raises UsageError when it is missing, short, foreign or damaged."""
        return cls._map(Path(path), writable=True)

    @classmethod
    def read(cls, path: str | Path) -> "LatchPage":
        """Map an existing page read-only, to look at all of it. Raises UsageError as ``open`` does."""
        return cls._map(Path(path), writable=False)

    @classmethod
    def memory(cls, names: TradingNames) -> "LatchPage":
        """A page of this process alone, with nothing killed: for virtual time and tests."""
        return cls(fresh_page(names), None, -1)

    @classmethod
    def _map(cls, path: Path, *, writable: bool) -> "LatchPage":
        try:
            descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
            try:
                size = os.fstat(descriptor).st_size
                if size != PAGE_BYTES:
                    raise UsageError(
                        f"latch {path} has {size} bytes instead of {PAGE_BYTES}: it is not a latch or damaged"
                    )
                access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
                mapped = mmap.mmap(descriptor, PAGE_BYTES, access=access)
                check_header(mapped, path)
                page = cls(mapped, path, descriptor if writable else -1)
            except BaseException:
                os.close(descriptor)
                raise
            if writable:
                weakref.finalize(page, os.close, descriptor)
            else:
                os.close(descriptor)
            return page
        except OSError as error:
            raise UsageError(f"latch {path} cannot be opened: {error.strerror}") from error

    def extend(self, names: TradingNames) -> None:
        """Add the names that are missing: a configuration has grown. Those that are there keep their indices.

        The page holds two areas of names; the older one is written and then counts, so a reader at any moment finds a
        whole one. Raises UsageError when there is no room, or another process does the same just now.
        """
        grown = self.names.with_names(names)
        if grown is self.names:
            return
        check_names(names)
        with self._locked(0) as is_mine:
            if not is_mine:
                raise UsageError("another process adds names to the latch just now; try again")
            self.names = read_names(self.buffer, self.path)
            grown = self.names.with_names(names)
            write_names(self.buffer, grown)
            self.names = grown
        self.sync()

    # -- reading --------------------------------------------------------------------------------------------

    def view(self, venue: str = "", account: str = "", drill_strategies: Iterable[str] = ()) -> LatchView:
        """The page as the actor of this venue and account sees it; without a venue, as all of them together.

        Raises UsageError for a name that the page does not have.
        """
        if not venue:
            return LatchView(self, ANY, ANY)
        index = [self.names.index_of("venue", venue), self.names.index_of("account", account) if account else UNKNOWN]
        if index[0] == UNKNOWN or (account and index[1] == UNKNOWN):
            raise UsageError(f"the latch does not know venue {venue!r} of account {account!r}")
        return LatchView(self, index[0], index[1], drill_strategies)

    def rank(self, venue: int, account: int, strategy: int, instrument: int) -> int:
        """Readable twin of ``risk.latch_kernel.latch_mode``."""
        if self.is_damaged():
            return DAMAGED_RANK
        most = self.button_rank
        for row in self._busy_rows():
            if self.covers(row, venue, account, strategy, instrument):
                most = max(most, self._cell(row, RANK))
        return most

    def is_damaged(self) -> bool:
        """Whether everything reads as killed because the header, the button or a row cannot be trusted."""
        return (
            self._cells[0] != PAGE_MAGIC
            or self._states[0] not in _RANK_OF_BUTTON
            or not all(self._is_whole(row) for row in self._busy_rows())
        )

    @property
    def button_rank(self) -> int:
        """The rank of the mode that the button was pressed with; 0 when it is not."""
        return _RANK_OF_BUTTON.get(self._states[0], DAMAGED_RANK)

    def kills(self) -> list[LatchedKill]:
        """Every kill whose row is whole, by row."""
        return [self._kill(row) for row in self._busy_rows() if self._is_whole(row)]

    def has(self, kill_id: str) -> bool:
        return self._find(kill_tag(kill_id)) is not None

    def kill(self, kill_id: str) -> LatchedKill | None:
        """The kill of that id, while it is latched."""
        row = self._find(kill_tag(kill_id))
        return None if row is None else self._kill(row)

    def damaged_rows(self) -> dict[int, bytes]:
        """The rows that halt everything because they cannot be trusted, with what stands in them."""
        size = ROW_CELLS * 8
        return {
            row: self._states[row].to_bytes(2, "little")
            + bytes(self.buffer[ROWS_CELL * 8 + size * row : ROWS_CELL * 8 + size * (row + 1)])
            for row in self._busy_rows()
            if not self._is_whole(row)
        }

    def covers(self, row: int, venue: int, account: int, strategy: int, instrument: int) -> bool:
        """Whether a row's scope covers an order of these indices."""
        named = self._fields(row)[VENUE:]
        if strategy > DRILL:
            strategy -= DRILLED
            venue = DRILL if named[0] == DRILL else venue
        return all(
            mine in (ANY, its) or its == UNKNOWN
            for mine, its in zip(named, (venue, account, strategy, instrument), strict=True)
        )

    def cause(self, venue: int, account: int, strategy: int, instrument: int) -> LatchCause | None:
        """The cause of the most restrictive kill that covers an order of these indices."""
        if self.is_damaged():
            return DAMAGED_CAUSE
        covering = [kill for kill in self.kills() if self.covers(kill.row, venue, account, strategy, instrument)]
        button = self.button_rank
        if not covering and not button:
            return None
        most = max(covering, key=lambda kill: (kill.mode.rank, kill.cause is not None), default=None)
        if most is None or most.mode.rank < button:
            return LatchCause("", "", "the button for everything is pressed", _MODES[button], 0, "global")
        return most.cause or LatchCause("", "", "the latch holds no readable cause", most.mode, 0, most.scope.text)

    # -- killing --------------------------------------------------------------------------------------------

    def store(self, kill_id: str, scope: Scope, mode: KillMode) -> int:
        """The stores that kill, and nothing else: from here on no gate in scope passes what the mode forbids.

        Returns the kill's row, the same again for an id that is latched already, or 0: no row could be had, and the
        button was pressed to halt everything. ``explain`` and ``sync`` must follow, to say why and to survive a power
        cut. Raises UsageError for a name that the page does not have.
        """
        tag = kill_tag(kill_id)
        fields = (tag, mode.rank, *self._indices(scope))
        if scope.is_global:
            self.press(mode)
        row = self._find(tag) or self._take_row(fields)
        if row == 0:
            self.press(KillMode.HALT)
        elif scope.is_global:
            self.press(mode)  # again: a release may have let the button go between the two
        return row

    def explain(self, row: int, cause: LatchCause) -> None:
        """Say why a row is killed. Does nothing for row 0."""
        if row == 0:
            return
        fields = {field: _cut(getattr(cause, field), size) for field, size in _TEXT_BYTES.items()}
        payload = msgspec.msgpack.encode(msgspec.structs.replace(cause, **fields))
        record = record_of(payload)
        at = CAUSES_AT + CAUSE_BYTES * row
        self.buffer[at : at + len(record)] = record

    def sync(self) -> None:
        """Force the page to disk (not for ``memory``). Raises OSError when the disk refuses."""
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.flush()

    def press(self, mode: KillMode) -> None:
        """The button alone: everything is killed, never less than by who pressed it before, and nothing says why."""
        self._states[0] = BUTTONS[max(mode.rank, self.button_rank)]

    def latch(self, scope: Scope, cause: LatchCause) -> int:
        """``store``, ``explain`` and ``sync`` in one. Returns the row."""
        row = self.store(cause.kill_id, scope, cause.mode)
        self.explain(row, msgspec.structs.replace(cause, scope=scope.text))
        self.sync()
        return row

    # -- releasing: for the kill switch actor alone ---------------------------------------------------------

    def release(self, kill_id: str) -> bool:
        """Free the row of this kill; the button stays as it is. False: another process holds the row, try again."""
        return self.release_tag(kill_tag(kill_id))

    def release_tag(self, tag: int) -> bool:
        """The same, for a row whose cause cannot be read."""
        row = self._find(tag)
        if row is None:
            return True
        with self._locked(row) as is_mine:
            if is_mine and self._cell(row, TAG) == tag:
                self._states[row] = FREE
        return self._find(tag) is None

    def release_drills(self) -> None:
        """Free the rows of drills that a process has left behind when it died."""
        for row in list(self._busy_rows()):
            if self._is_whole(row) and self._fields(row)[VENUE] == DRILL:
                with self._locked(row) as is_mine:
                    if is_mine and self._fields(row)[VENUE] == DRILL:
                        self._states[row] = FREE

    def settle_button(self, least: KillMode | None) -> None:
        """Hold the button with the most restrictive mode of all kills of ``global`` and ``least``, or let it go.

        Whoever presses it meanwhile has a row of its own before it says that it has killed; so the rows are read again
        after the store.
        """
        self._states[0] = _BUTTON_OF_RANK[self._button_due(least)]
        due = self._button_due(least)
        if due > self.button_rank:
            self.press(_MODES[due])

    def unexplained_button(self, least: KillMode | None) -> KillMode | None:
        """The mode of a button that is pressed harder than ``least`` and all kills of ``global``, or is damaged."""
        rank = self.button_rank
        is_damaged = self._states[0] not in _RANK_OF_BUTTON
        return _MODES[rank] if is_damaged or rank > self._button_due(least) else None

    def _button_due(self, least: KillMode | None) -> int:
        ranks = [kill.mode.rank for kill in self.kills() if kill.scope.is_global]
        return max(ranks, default=0) if least is None else max([least.rank, *ranks])

    def take_over(self, row: int, kill_id: str, mode: KillMode, scope: Scope) -> bool:
        """Give a damaged row, or one without a readable cause, an id by which it can be released.

        Meanwhile everything is killed, because a row that does not match its check word kills everything. False:
        another process holds the row, it may be just writing it.
        """
        with self._locked(row) as is_mine:
            if is_mine:
                self._write_row(row, (kill_tag(kill_id), mode.rank, *self._indices(scope)))
        return is_mine

    # -- inside ---------------------------------------------------------------------------------------------

    def _take_row(self, fields: tuple[int, int, int, int, int, int]) -> int:
        first = fields[TAG] % (ROWS - 1)
        for step in range(ROWS - 1):
            row = 1 + (first + step) % (ROWS - 1)
            if self._states[row] != FREE:
                continue
            with self._locked(row) as is_mine:
                if is_mine and self._states[row] == FREE:
                    self._write_row(row, fields)
                    if self._fields(row) == fields and self._is_whole(row):
                        return row
        return 0

    def _write_row(self, row: int, fields: tuple[int, int, int, int, int, int]) -> None:
        at = ROWS_CELL + ROW_CELLS * row
        for cell, value in enumerate(fields):
            self._cells[at + cell] = value
        self._cells[at + CHECK] = row_check(row, fields)
        self._states[row] = ACTIVE

    @contextmanager
    def _locked(self, row: int) -> Iterator[bool]:
        """Hold a row against other processes if that can be had at once. The lock ends with its process."""
        if self._descriptor < 0:
            yield True
            return
        at = STATES_AT + 2 * row
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 2, at)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 2, at)

    def _indices(self, scope: Scope) -> tuple[int, int, int, int]:
        if scope.is_drill:
            return (DRILL, ANY, ANY, ANY)
        index = []
        for kind in ("venue", "account", "strategy", "instrument"):
            name: str = getattr(scope, kind)
            index.append(self.names.index_of(kind, name) if name else ANY)
            if index[-1] == UNKNOWN:
                raise UsageError(
                    f"the latch has no {kind} {name!r}, so no engine here trades it; press another scope, or global"
                )
        return (index[0], index[1], index[2], index[3])

    def _busy_rows(self) -> Iterator[int]:
        if self.buffer[STATES_AT : STATES_AT + 2 * ROWS] == QUIET:
            return
        for row in range(1, ROWS):
            if self._states[row] != FREE:
                yield row

    def _find(self, tag: int) -> int | None:
        for row in self._busy_rows():
            if self._cell(row, TAG) == tag and self._is_whole(row):
                return row
        return None

    def _cell(self, row: int, cell: int) -> int:
        return self._cells[ROWS_CELL + ROW_CELLS * row + cell]

    def _fields(self, row: int) -> tuple[int, int, int, int, int, int]:
        at = ROWS_CELL + ROW_CELLS * row
        cells = self._cells
        return (cells[at], cells[at + 1], cells[at + 2], cells[at + 3], cells[at + 4], cells[at + 5])

    def _is_whole(self, row: int) -> bool:
        fields = self._fields(row)
        return (
            self._states[row] == ACTIVE and self._cell(row, CHECK) == row_check(row, fields) and fields[RANK] in _MODES
        )

    def _kill(self, row: int) -> LatchedKill:
        fields = self._fields(row)
        return LatchedKill(row, fields[TAG], self._scope(fields[VENUE:]), _MODES[fields[RANK]], self._read_cause(row))

    def _scope(self, indices: tuple[int, ...]) -> Scope:
        if indices[0] == DRILL:
            return DRILL_SCOPE
        if any(at >= len(table) for table, at in zip(self.names.tables, indices, strict=True)):
            self.names = read_names(self.buffer, self.path)  # another process has added one
        names = [
            table[at] if 0 <= at < len(table) else "" for table, at in zip(self.names.tables, indices, strict=True)
        ]
        return Scope(names[0], names[1], names[2], names[3])

    def _read_cause(self, row: int) -> LatchCause | None:
        at = CAUSES_AT + CAUSE_BYTES * row
        payload = read_record(self.buffer, at, CAUSE_BYTES)
        try:
            cause = msgspec.msgpack.decode(payload, type=LatchCause)
        except msgspec.DecodeError:
            return None
        return cause if kill_tag(cause.kill_id) == self._cell(row, TAG) else None


def view_latch(path: str | Path, venue: str = "", account: str = "", drill_strategies: Iterable[str] = ()) -> LatchView:
    """The gate's way in: map a host's page read-only. Never raises for a bad page.

    A page that is missing, short, foreign or damaged, or does not know the venue or account, gives a view that reads
    as killed and whose ``cause`` says what is wrong.
    """
    try:
        return LatchPage._map(Path(path), writable=False).view(venue, account, drill_strategies)
    except UsageError as error:
        page = LatchPage.memory(TradingNames())
        page.latch(Scope(), LatchCause("no-latch", "haltline", str(error), KillMode.CANCEL, 0))
        return page.view()


def kill_tag(kill_id: str) -> int:
    """A kill's id as a signed 64-bit number. Texts that differ only beyond 64 bytes are one id."""
    text = _cut(kill_id, _TEXT_BYTES["kill_id"]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
