"""Drills: kills that go the whole way of a real one, so that one knows that a real one would work.

    asked or due ─▶ a row in the latch (by whoever asks, as for a kill) ─▶ Kill to every venue actor
                 ─▶ each looks for the row as its gate does ─▶ its word
                 ─▶ held a while ─▶ the row is freed ─▶ receipt, journalled

A drill stops the strategies that the configuration names as ``kill.drill_strategies``, and can stop no others: the row
names a venue that no order has, and only the gates, each from its own configuration, count those strategies' orders to
it. With none of them it stops nobody. So one process may start and end it, where a kill takes two people to end.

A drill that not every venue actor has followed to its end in time has failed: it is freed and logged, its receipt says
who was silent, and the age of the last good one grows.

A drill's row that nobody holds any more, because whoever wrote it has died, is freed after a while.

A part of the kill switch actor, with nothing in common with real kills but the latch and the links: a drill is never
taken up again, needs no approvals, and gives way when the latch is short of rows.
"""

from collections.abc import Callable, Iterable

import msgspec

from actors.sealing import Sealing
from actors.telling import Telling
from engine.actor import Context
from engine.codes import KillMode
from engine.messages import Kill, KillProgress, KillReceipt, KillStage
from risk.kill import KillCase
from risk.latch import LatchCause, LatchedKill, LatchPage, kill_tag
from risk.response import DRILL_TRIGGER, response_name
from risk.scope import DRILL_SCOPE

__all__ = ["DRILL_COUNTERS", "DRILL_ID", "DRILL_TIMEOUT_NS", "Drills", "has_room", "is_drill"]

_SECOND_NS = 1_000_000_000
#: A drill that is not acknowledged by then has failed.
DRILL_TIMEOUT_NS = 1 * _SECOND_NS
#: After a start the first drill waits for the venue actors to connect.
_FIRST_NS = 10 * _SECOND_NS
#: With so many kills latched there is none: the last rows of the latch are for kills.
_KILLS_MAX = 32
#: How its id begins, so that it is none that a kill has.
DRILL_ID = "drill-"
_DUE, _OVER, _HELD = "drill", "drill_over", "drill_held"
#: What ``Drills.counters`` has. ``drill_wall_ns``: UTC of the last good drill, 0 before the first.
DRILL_COUNTERS = ("drills", "drills_failed", "drill_wall_ns")


def is_drill(message: Kill | KillReceipt) -> bool:
    return message.scope == DRILL_SCOPE.text


def has_room(page: LatchPage) -> bool:
    """Whether the latch can take a drill: never one of its last rows, for without any a store halts everything."""
    return len(page.kills()) <= _KILLS_MAX and not page.is_damaged()


class Drills:
    """``record`` journals the receipt of a drill that is over. ``every_ns`` 0: only those that somebody asks for.
    ``hold_ns``: how long the row stays after the last stage. ``strategies`` are what a drill stops."""

    def __init__(
        self,
        page: LatchPage,
        sealing: Sealing,
        telling: Telling,
        venue_actors: Iterable[str],
        every_ns: int,
        hold_ns: int,
        strategies: Iterable[str],
        record: Callable[[KillReceipt, int], object],
    ) -> None:
        self._page = page
        self._sealing, self._telling = sealing, telling
        self._venue_actors = tuple(venue_actors)
        self._every_ns = every_ns
        self._hold_ns = hold_ns
        self._mode = KillMode.CANCEL if tuple(strategies) else KillMode.HALT
        self._record = record
        self._case: KillCase | None = None
        self._asked_by = ""
        #: When everybody had been heard to have halted.
        self._acknowledged_ns = 0
        #: Rows of drills that are none of ours, and since when they have been there.
        self._strays: dict[int, int] = {}
        self._good = 0
        self._failed = 0
        self._good_wall_ns = 0

    # -- life -----------------------------------------------------------------------------------------------

    def remember(self, receipt: KillReceipt) -> None:
        """A drill is over, now or in an earlier life."""
        if receipt.complete:
            self._good += 1
            self._good_wall_ns = receipt.wall_time_ns  # not the latest: the clock may have been ahead for a while
        else:
            self._failed += 1

    def start(self, ctx: Context, now_ns: int) -> None:
        """Free what an earlier life has left in the latch, and schedule."""
        self._ctx = ctx
        self._page.release_drills()
        if self._every_ns:
            ctx.set_timer(_DUE, now_ns + min(self._every_ns, _FIRST_NS))

    def on_timer(self, key: str, now_ns: int) -> bool:
        """True when it was one of ours."""
        if key == _DUE:
            self._ctx.set_timer(_DUE, now_ns + self._every_ns)
            kill_id = f"{DRILL_ID}{self._ctx.wall_ns(now_ns) // 1000:x}"
            kill = Kill(kill_id, DRILL_SCOPE.text, self._mode, "scheduled", self._ctx.name, DRILL_TRIGGER, now_ns)
            self.on_kill("", kill, now_ns)
        elif key == _OVER:
            self._on_over(now_ns)
        elif key == _HELD:
            self._end("", now_ns)
        return key in (_DUE, _OVER, _HELD)

    def counters(self) -> dict[str, int]:
        return {"drills": self._good, "drills_failed": self._failed, "drill_wall_ns": self._good_wall_ns}

    def sweep(self, now_ns: int) -> None:
        """Free the rows of drills whose writer has not asked for one, or is gone."""
        mine = "" if self._case is None else self._case.kill.kill_id
        tags = {kill.tag for kill in self._page.kills() if kill.scope.is_drill and kill.tag != kill_tag(mine)}
        self._strays = {tag: self._strays.get(tag, now_ns) for tag in tags}
        for tag, since_ns in self._strays.items():
            if now_ns - since_ns > DRILL_TIMEOUT_NS:
                self._page.release_tag(tag)

    # -- one drill ------------------------------------------------------------------------------------------

    def on_kill(self, sender: str, kill: Kill, now_ns: int) -> None:
        """Somebody asks for a drill: ``sender`` gets one receipt, when it is over: complete, or with failures."""
        latched = self._page.kill(kill.kill_id)
        refusal = self._refusal(kill, latched)
        if refusal:
            self._ctx.log("drill refused", by=kill.by, text=refusal)
            self._send(sender, _refused(kill, refusal, self._ctx.wall_ns(now_ns)))
            return
        if latched is None:
            self._page.store(kill.kill_id, DRILL_SCOPE, kill.mode)
        latched_ns = kill.latched_ns or self._ctx.clock_ns()
        kill = msgspec.structs.replace(
            kill, trigger=DRILL_TRIGGER, wall_time_ns=self._ctx.wall_ns(now_ns), latched_ns=latched_ns
        )
        case = KillCase(kill, self._venue_actors)
        self._telling.tell(kill, self._venue_actors)
        self._sealing.watch(case, now_ns)
        self._case, self._asked_by, self._acknowledged_ns = case, sender, 0
        self._measure((KillStage("latched", kill.latched_ns - kill.pressed_ns),))
        cause = LatchCause(
            kill.kill_id, kill.by, kill.reason, kill.mode, kill.wall_time_ns, DRILL_SCOPE.text, DRILL_TRIGGER
        )
        latched = self._page.kill(kill.kill_id)
        self._page.explain(0 if latched is None else latched.row, cause)
        self._ctx.set_timer(_OVER, now_ns + DRILL_TIMEOUT_NS)

    def on_progress(self, progress: KillProgress, now_ns: int) -> bool:
        """True when it was a word on the drill under way."""
        case = self._case
        if case is None or progress.kill_id != case.kill.kill_id:
            return False
        news = case.on_progress(progress)
        self._measure(news)
        if any(stage.stage == "halted" for stage in news):
            self._acknowledged_ns = self._ctx.clock_ns()
        if not news or not case.complete:
            return True
        if not self._hold_ns:
            self._end("", now_ns)
        else:
            self._ctx.cancel_timer(_OVER)
            self._ctx.set_timer(_HELD, now_ns + self._hold_ns)
        return True

    def _on_over(self, now_ns: int) -> None:
        if self._case is None:
            return
        waiting_for = self._case.waiting_for
        text = f"not acknowledged within {DRILL_TIMEOUT_NS // 1_000_000} ms by {', '.join(waiting_for)}"
        self._ctx.log("DRILL FAILED", kill_id=self._case.kill.kill_id, text=text)
        self._end(text, now_ns)

    def _end(self, failure: str, now_ns: int) -> None:
        case, self._case = self._case, None
        if case is None:
            return
        self._ctx.cancel_timer(_OVER)
        receipt = case.receipt(self._ctx.wall_ns(now_ns))
        pressed_ns = case.kill.pressed_ns
        # Read before the row is freed: until then nothing was sent.
        ends = [KillStage("released", self._ctx.clock_ns() - pressed_ns)]
        if self._acknowledged_ns:
            ends.insert(0, KillStage("acknowledged", self._acknowledged_ns - pressed_ns))
        receipt = msgspec.structs.replace(
            receipt,
            stages=(*receipt.stages, *ends),
            failures=(*receipt.failures, failure) if failure else receipt.failures,
        )
        latched = self._page.kill(receipt.kill_id)
        if latched is not None and latched.scope.is_drill:  # never the row of a kill that goes by the same name
            self._page.release(receipt.kill_id)
        self._record(receipt, now_ns)
        self.remember(receipt)
        self._send(self._asked_by, receipt)

    def _refusal(self, kill: Kill, latched: LatchedKill | None) -> str:
        mode = KillMode(kill.mode)
        if mode not in (KillMode.HALT, self._mode):
            known = " or ".join(dict.fromkeys(each.name.lower() for each in (KillMode.HALT, self._mode)))
            return f"a drill has mode {known} here, not {mode.name.lower()}"
        if not kill.kill_id.startswith(DRILL_ID) or (latched is not None and not latched.scope.is_drill):
            return f"a drill's id begins with {DRILL_ID} and is not that of a kill"
        if self._case is not None:
            return f"drill {self._case.kill.kill_id} is under way"
        if latched is None and not has_room(self._page):
            return "the latch is damaged or nearly full: its rows are for kills"
        return ""

    def _measure(self, stages: Iterable[KillStage]) -> None:
        for stage in stages:
            self._ctx.latency.record(response_name(stage.stage, DRILL_TRIGGER), stage.after_ns)

    def _send(self, to: str, receipt: KillReceipt) -> None:
        if to:
            self._ctx.send(to, receipt)


def _refused(kill: Kill, text: str, wall_ns: int) -> KillReceipt:
    return KillReceipt(
        kill.kill_id,
        DRILL_SCOPE.text,
        KillMode(kill.mode),
        kill.reason,
        kill.by,
        DRILL_TRIGGER,
        wall_ns,
        (),
        (),
        0,
        0,
        False,
        (text,),
    )
