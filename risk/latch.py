"""The latch: one mapped page per host that says who may trade, as a table of the kills that hold.

``risk/latch_layout.py`` says where everything stands. A kill is one row: what it covers, its mode, and a check word.
The gate of every venue actor maps the same file and reads the state of every row on each order, so a store by any
process, with nothing else alive, is seen by all of them with the next load. The *button* (state 0) halts everything
with one aligned store that also carries the mode; a kill of ``global`` presses it first and takes a row then, like any
other, so that each kill keeps its own identity and is released alone.

A page that is missing, short, foreign or damaged reads as killed, and so does one with a row that does not match its
check word: for everybody, with mode ``CANCEL``.

Many may write at once, and none waits for another (``risk/latch_rows.py``). When no row can be had, the button goes to
``HALT`` for everything: wider than asked for, and it says so (``store`` returns row 0).

What can still go wrong, and what then happens:

- The file is truncated while it is mapped: the next load beyond its end ends the process with SIGBUS. A dead process
  sends nothing, so this fails closed. Nothing of ours truncates a latch.
- The file is deleted and made anew while gates map it: they keep the old one. So nothing of ours ever renames over a
  latch (``create`` refuses an existing path, atomically), and one is only made when no engine runs.
- The file is an older copy from a backup: the kill switch actor latches every unreleased kill of its journal again
  before it grants anybody the authority to trade.

Numpy is only loaded for a gate: the red button must not wait for it.
"""

import mmap
import os
import weakref
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.codes import KillMode
from engine.errors import UsageError
from risk.latch_cause import DAMAGED_CAUSE, LatchCause, LatchedKill, kill_tag, write_cause
from risk.latch_file import map_page, publish_page
from risk.latch_layout import ANY, DRILL, TAG, UNKNOWN, VENUE
from risk.latch_names import check_names, fresh_page, read_names, write_names
from risk.latch_reader import LatchReader
from risk.latch_view import LatchView
from risk.scope import Scope, TradingNames

__all__ = ["DAMAGED_CAUSE", "LatchCause", "LatchPage", "LatchView", "LatchedKill", "kill_tag", "view_latch"]

_MODES = {mode.rank: mode for mode in KillMode}


class LatchPage(LatchReader):
    """A latch page: of the host (a mapped file) or of one process (``memory``)."""

    # -- making one -----------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path, names: TradingNames, killed: LatchCause | None = None) -> "LatchPage":
        """Make a page, with nothing killed or (for one that was lost) everything by ``killed``, and open it.

        Raises UsageError when the path exists: a latch is never replaced, only opened. The file appears whole or
        not at all, also when two processes try at once.
        """
        path = Path(path)
        draft = cls(fresh_page(names), None, -1)
        if killed is not None:
            draft.explain(draft.store(killed.kill_id, Scope(), killed.mode), killed)
        publish_page(path, bytes(draft.buffer))
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
        mapped, descriptor = map_page(path, writable=writable)
        try:
            page = cls(mapped, path, descriptor)
        except BaseException:
            if writable:
                os.close(descriptor)
            raise
        if writable:
            weakref.finalize(page, os.close, descriptor)
        return page

    def extend(self, names: TradingNames) -> None:
        """Add the names that are missing: a configuration has grown. Those that are there keep their indices.

        The page holds two areas of names; the older one is written and then counts, so a reader at any moment finds a
        whole one. Raises UsageError when there is no room, or another process does the same just now.
        """
        grown = self.names.with_names(names)
        if grown is self.names:
            return
        check_names(names)
        with self.rows.locked(0) as is_mine:
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
        row = self.rows.find(tag) or self.rows.take(fields)
        if row == 0:
            self.press(KillMode.HALT)
        elif scope.is_global:
            self.press(mode)  # again: a release may have let the button go between the two
        return row

    def explain(self, row: int, cause: LatchCause) -> None:
        """Say why a row is killed. Does nothing for row 0."""
        if row != 0:
            write_cause(self.buffer, row, cause)

    def sync(self) -> None:
        """Force the page to disk (not for ``memory``). Raises OSError when the disk refuses."""
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.flush()

    def press(self, mode: KillMode) -> None:
        """The button alone: everything is killed, never less than by who pressed it before, and nothing says why."""
        self.rows.set_button(max(mode.rank, self.button_rank))

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
        row = self.rows.find(tag)
        if row is None:
            return True
        self.rows.free(row, TAG, tag)
        return self.rows.find(tag) is None

    def release_drills(self) -> None:
        """Free the rows of drills that a process has left behind when it died."""
        for row in list(self.rows.busy()):
            if self.rows.is_whole(row) and self.rows.fields(row)[VENUE] == DRILL:
                self.rows.free(row, VENUE, DRILL)

    def settle_button(self, least: KillMode | None) -> None:
        """Hold the button with the most restrictive mode of all kills of ``global`` and ``least``, or let it go.

        Whoever presses it meanwhile has a row of its own before it says that it has killed; so the rows are read again
        after the store.
        """
        self.rows.set_button(self._button_due(least))
        due = self._button_due(least)
        if due > self.button_rank:
            self.press(_MODES[due])

    def unexplained_button(self, least: KillMode | None) -> KillMode | None:
        """The mode of a button that is pressed harder than ``least`` and all kills of ``global``, or is damaged."""
        rank = self.button_rank
        return _MODES[rank] if self.rows.is_button_damaged() or rank > self._button_due(least) else None

    def _button_due(self, least: KillMode | None) -> int:
        ranks = [kill.mode.rank for kill in self.kills() if kill.scope.is_global]
        return max(ranks, default=0) if least is None else max([least.rank, *ranks])

    def take_over(self, row: int, kill_id: str, mode: KillMode, scope: Scope) -> bool:
        """Give a damaged row, or one without a readable cause, an id by which it can be released.

        Meanwhile everything is killed, because a row that does not match its check word kills everything. False:
        another process holds the row, it may be just writing it.
        """
        with self.rows.locked(row) as is_mine:
            if is_mine:
                self.rows.write(row, (kill_tag(kill_id), mode.rank, *self._indices(scope)))
        return is_mine

    # -- inside ---------------------------------------------------------------------------------------------

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
