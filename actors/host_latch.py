"""The latch of a host that the kill switch actor cannot reach into: its node agent keeps it as it is told.

    NodeWord: every kill that holds ──▶ latched what is missing, freed what is over
    Kill                            ──▶ latched at once
    haltline kill, on this host     ──▶ forwarded to the kill switch actor, until it is among those that hold
    no word                         ──▶ closed: everything is halted, whatever the rows say

Only the kill switch's word frees a row, so whatever was pressed on this host stays until it is known there. A row of
which only the host knows may be of a kill that was released while its node agent was dead: the word says that, too.
"""

from collections.abc import Iterable

from actors.latch_keeper import LatchKeeper
from engine.actor import Context
from engine.codes import KillMode
from engine.messages import Kill
from risk.kill_register import KillRegister, KillReleased
from risk.latch import LatchPage
from risk.release import ReleaseRules
from risk.scope import read_scope

__all__ = ["HostLatch"]


class HostLatch:
    """``page`` is this host's, writable."""

    def __init__(self, page: LatchPage, ctx: Context) -> None:
        self._page = page
        self._ctx = ctx
        #: The kills that hold, as the kill switch has told; nobody is released from here.
        self._register = KillRegister(ReleaseRules({}, 1, 0), "", "")
        self._keeper = LatchKeeper(page, self._register, ctx.log)
        self.is_closed = False

    def close(self) -> None:
        """Halt everything on this host until the next word. It says nothing about cancels: kills do."""
        self._page.press(KillMode.HALT)
        self.is_closed = True

    def latch(self, kill: Kill) -> None:
        """A kill that has just been pressed, before the next word on all of them."""
        if kill.kill_id not in self._register.held:
            scope = read_scope(kill.scope)
            held = self._register.add(kill, scope, ())
            self._keeper.store(kill.kill_id, scope, KillMode(kill.mode))
            self._keeper.explain(held)

    def tags(self) -> tuple[int, ...]:
        """Of every kill in the page that the kill switch has not told of."""
        return tuple(kill.tag for kill in self._page.kills() if self._register.by_tag(kill.tag) is None)

    def follow(self, kills: Iterable[Kill], released: Iterable[int]) -> None:
        """These kills hold, and no others that were told before; those of ``released`` (tags) have ended."""
        told = {kill.kill_id: kill for kill in kills}
        for kill in told.values():
            self.latch(kill)
        for kill_id, held in list(self._register.held.items()):
            if kill_id not in told and self._keeper.free(held):
                self._register.released(KillReleased(kill_id, 0, ()), None)
        for tag in released:
            self._page.release_tag(tag)
        self._keeper.restore()
        self.is_closed = False
        self._keeper.settle()

    def pressed_here(self, now_ns: int, wall_ns: int) -> list[Kill]:
        """Kills of which only this host's latch knows. Empty while it is closed: that is what is pressed then."""
        if self.is_closed:
            return []
        return [stray.kill for stray in self._keeper.strays(now_ns, wall_ns)]
