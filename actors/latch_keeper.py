"""The kill switch actor's hand on the latch: what it holds is what the register holds, whoever else writes there.

Others write too: ``haltline kill``, a life of the kill switch actor that died in between, a damaged disk,
a backup that was put back. So at start, and a few times a second, the page is compared with the register:

    held, but not latched (an older page, a full table)      latched again
    latched, but released (a crash between the two)          freed
    latched, but never heard of                              taken over as a kill of its own
    a row or the button that cannot be trusted               everything is killed; taken over as a global kill

What looks wrong may be somebody just writing, so only what looks the same twice is taken over.
"""

from collections.abc import Callable
from typing import NamedTuple

from engine.codes import KillMode
from engine.errors import UsageError
from engine.messages import Kill
from risk.kill_register import HeldKill, KillRegister
from risk.latch import LatchCause, LatchPage
from risk.scope import GLOBAL_SCOPE, Scope

__all__ = ["LatchKeeper", "Stray"]

#: How a kill that was found in the latch alone was triggered.
_TRIGGER = "latch"


class Stray(NamedTuple):
    """A kill found in the latch that nobody told of."""

    kill: Kill
    scope: Scope


class LatchKeeper:
    """``log(event, **fields)`` is for people."""

    def __init__(self, page: LatchPage, register: KillRegister, log: Callable[..., None]) -> None:
        self.page = page
        self._register = register
        self._log = log
        self._suspects: set[object] = set()
        #: Held kills that found no row: everything is halted instead.
        self._rowless: set[str] = set()

    # -- what is asked for ----------------------------------------------------------------------------------

    def store(self, kill_id: str, scope: Scope, mode: KillMode) -> None:
        """Latch a kill, before anything else can fail. Without a row for it everything is halted."""
        try:
            row = self.page.store(kill_id, scope, mode)
        except UsageError as error:  # a name that this page does not have
            self._log("scope not in the latch", scope=scope.text, error=str(error))
            self.page.press(KillMode.HALT)
            row = 0
        if row:
            self._rowless.discard(kill_id)
        elif kill_id not in self._rowless:
            self._rowless.add(kill_id)
            self._log("no row for a kill: everything is halted", kill_id=kill_id, scope=scope.text)

    def explain(self, held: HeldKill) -> None:
        """Why, and to disk."""
        kill = held.kill
        latched = self.page.kill(kill.kill_id)
        if latched is not None:
            cause = LatchCause(
                kill.kill_id, kill.by, kill.reason, kill.mode, kill.wall_time_ns, kill.scope, kill.trigger
            )
            self.page.explain(latched.row, cause)
        self._sync()

    def free(self, held: HeldKill) -> bool:
        """Take a released kill out of the latch. False: its row is held by another process just now."""
        if not self.page.release(held.kill.kill_id):
            return False
        self._rowless.discard(held.kill.kill_id)
        self.settle()
        self._sync()
        return True

    # -- what has come about --------------------------------------------------------------------------------

    def restore(self) -> None:
        """Latch again what is held and not latched, free what was released."""
        was_rowless = bool(self._rowless)
        for kill_id, held in self._register.held.items():
            if held.end is None and not self.page.has(kill_id):
                self.store(kill_id, held.scope, KillMode(held.kill.mode))
                if kill_id not in self._rowless:
                    self.explain(held)
                    self._log("latched again", kill_id=kill_id, scope=held.scope.text)
        for kill in self.page.kills():
            if self._register.was_released(kill.tag) and self.page.release_tag(kill.tag):
                self._log("freed a row that had been released", row=kill.row)
                was_rowless = True
        if was_rowless and not self._rowless:
            self.settle()

    def strays(self, now_ns: int, wall_ns: int) -> list[Stray]:
        """Kills that nobody told of: those with a cause at once, others when they look the same the second time."""
        found: list[Stray] = []
        suspects: set[object] = set()
        for kill in self.page.kills():
            if kill.scope.is_drill:  # it stops nobody, and is freed by whoever holds it (actors/drill.py)
                continue
            if self._register.by_tag(kill.tag) is not None or self._register.was_released(kill.tag):
                continue
            if kill.cause is not None:
                found.append(Stray(_told_by(kill.cause, kill.scope, now_ns), kill.scope))
            elif self._is_second(suspects, kill.tag):
                stray = _anonymous(f"row-{kill.row}", kill.scope, kill.mode, now_ns, wall_ns)
                found += self._taken_over(kill.row, stray)
        for row, content in self.page.damaged_rows().items():
            if self._is_second(suspects, (row, content)):
                stray = _anonymous(f"damaged-{row}", GLOBAL_SCOPE, KillMode.CANCEL, now_ns, wall_ns)
                found += self._taken_over(row, stray)
        button = self.page.unexplained_button(self._least)
        if button is not None and self._is_second(suspects, "button"):
            found.append(_anonymous("button", GLOBAL_SCOPE, button, now_ns, wall_ns))
        self._suspects = suspects
        return found

    def _is_second(self, suspects: set[object], mark: object) -> bool:
        suspects.add(mark)
        return mark in self._suspects

    def _taken_over(self, row: int, stray: Stray) -> list[Stray]:
        kill = stray.kill
        return [stray] if self.page.take_over(row, kill.kill_id, KillMode(kill.mode), stray.scope) else []

    @property
    def _least(self) -> KillMode | None:
        return KillMode.HALT if self._rowless else None

    def settle(self) -> None:
        """Hold the button for what needs it now, or let it go."""
        self.page.settle_button(self._least)

    def _sync(self) -> None:
        try:
            self.page.sync()
        except OSError as error:
            self._log("latch not on disk", error=str(error))


def _told_by(cause: LatchCause, scope: Scope, now_ns: int) -> Kill:
    return Kill(
        cause.kill_id,
        scope.text,
        cause.mode,
        cause.reason,
        cause.by,
        cause.trigger or _TRIGGER,
        now_ns,
        now_ns,
        wall_time_ns=cause.wall_time_ns,
    )


def _anonymous(name: str, scope: Scope, mode: KillMode, now_ns: int, wall_ns: int) -> Stray:
    """A kill of which only the latch knows."""
    cause = LatchCause(
        f"{name}-{wall_ns // 1000:x}", "unknown", "found in the latch; nobody has said why", mode, wall_ns
    )
    return Stray(_told_by(cause, scope, now_ns), scope)
