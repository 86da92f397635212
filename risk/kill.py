"""One kill, as the kill switch actor follows it: who has said what, and which stages are complete over the scope.

    pressed ─latch written▶ latched ─all▶ sealed ─all▶ halted ─all▶ cancel_sent ─all▶ cancelled ─all▶ flat
                                                         │                              │               │
                                            HALT, REDUCE complete here     CANCEL completes here     FLATTEN

Each venue actor in scope has a state of its own, moved by its words as TRANSITIONS says; a stage of the kill is
complete when the latch is written and *every* actor has reached it, so one missing actor keeps the kill open for ever.
A word implies the stages before it: an actor halts before it cancels. A failure never moves an actor
forward, and takes back the confirmation that it contradicts; the latch is never touched by any of this.

``sealed`` is proven from outside (``actors/runtime/seal.py``), or comes with ``halted``, which says as much. Where
nothing could be proven before everybody had halted, a kill has no such stage.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from engine.codes import KillMode
from engine.messages import Kill, KillActorState, KillProgress, KillReceipt, KillStage, ResidualPosition, VenueSeal

__all__ = ["STAGES", "TRANSITIONS", "ActorStage", "KillCase", "Word", "word_of"]


class ActorStage(IntEnum):
    """How far one venue actor has confirmed to have come."""

    SILENT = 0
    HALTED = 1
    CANCEL_SENT = 2
    CANCELLED = 3
    FLAT = 4


class Word(IntEnum):
    """What a KillProgress says, by its stage, its counts and its failure."""

    HALTED = 1
    CANCEL_SENT = 2
    CANCELLED = 3
    #: ``cancelled`` while orders are open or unknown: not confirmed.
    STILL_OPEN = 4
    HALT_FAILED = 5
    CANCEL_FAILED = 6
    FLAT = 7
    #: A closing order failed, or something is left that cannot be closed.
    FLAT_FAILED = 8


_A, _W = ActorStage, Word

#: (where an actor is, what it says) → where it is then. Every pair is here.
TRANSITIONS: Final[dict[tuple[ActorStage, Word], ActorStage]] = {
    (_A.SILENT, _W.HALTED): _A.HALTED,
    (_A.SILENT, _W.CANCEL_SENT): _A.CANCEL_SENT,
    (_A.SILENT, _W.CANCELLED): _A.CANCELLED,
    (_A.SILENT, _W.STILL_OPEN): _A.CANCEL_SENT,
    (_A.SILENT, _W.HALT_FAILED): _A.SILENT,
    (_A.SILENT, _W.CANCEL_FAILED): _A.SILENT,
    (_A.HALTED, _W.HALTED): _A.HALTED,
    (_A.HALTED, _W.CANCEL_SENT): _A.CANCEL_SENT,
    (_A.HALTED, _W.CANCELLED): _A.CANCELLED,
    (_A.HALTED, _W.STILL_OPEN): _A.CANCEL_SENT,
    (_A.HALTED, _W.HALT_FAILED): _A.SILENT,
    (_A.HALTED, _W.CANCEL_FAILED): _A.HALTED,
    (_A.CANCEL_SENT, _W.HALTED): _A.CANCEL_SENT,
    (_A.CANCEL_SENT, _W.CANCEL_SENT): _A.CANCEL_SENT,
    (_A.CANCEL_SENT, _W.CANCELLED): _A.CANCELLED,
    (_A.CANCEL_SENT, _W.STILL_OPEN): _A.CANCEL_SENT,
    (_A.CANCEL_SENT, _W.HALT_FAILED): _A.SILENT,
    (_A.CANCEL_SENT, _W.CANCEL_FAILED): _A.CANCEL_SENT,
    (_A.CANCELLED, _W.HALTED): _A.CANCELLED,
    (_A.CANCELLED, _W.CANCEL_SENT): _A.CANCELLED,
    (_A.CANCELLED, _W.CANCELLED): _A.CANCELLED,
    (_A.CANCELLED, _W.STILL_OPEN): _A.CANCEL_SENT,
    (_A.CANCELLED, _W.HALT_FAILED): _A.SILENT,
    (_A.CANCELLED, _W.CANCEL_FAILED): _A.CANCEL_SENT,
    (_A.FLAT, _W.HALTED): _A.FLAT,
    (_A.FLAT, _W.CANCEL_SENT): _A.FLAT,
    (_A.FLAT, _W.CANCELLED): _A.FLAT,
    (_A.FLAT, _W.STILL_OPEN): _A.CANCEL_SENT,
    (_A.FLAT, _W.HALT_FAILED): _A.SILENT,
    (_A.FLAT, _W.CANCEL_FAILED): _A.CANCEL_SENT,
    (_A.SILENT, _W.FLAT): _A.FLAT,
    (_A.HALTED, _W.FLAT): _A.FLAT,
    (_A.CANCEL_SENT, _W.FLAT): _A.FLAT,
    (_A.CANCELLED, _W.FLAT): _A.FLAT,
    (_A.FLAT, _W.FLAT): _A.FLAT,
    (_A.SILENT, _W.FLAT_FAILED): _A.SILENT,
    (_A.HALTED, _W.FLAT_FAILED): _A.HALTED,
    (_A.CANCEL_SENT, _W.FLAT_FAILED): _A.CANCEL_SENT,
    (_A.CANCELLED, _W.FLAT_FAILED): _A.CANCELLED,
    (_A.FLAT, _W.FLAT_FAILED): _A.CANCELLED,
}

_ACTOR_STAGES: Final = {
    "halted": ActorStage.HALTED,
    "cancel_sent": ActorStage.CANCEL_SENT,
    "cancelled": ActorStage.CANCELLED,
    "flat": ActorStage.FLAT,
}
_FAILED: Final = {
    "halted": Word.HALT_FAILED,
    "cancel_sent": Word.CANCEL_FAILED,
    "cancelled": Word.CANCEL_FAILED,
    "flat": Word.FLAT_FAILED,
}
_SAYS: Final = {
    "halted": Word.HALTED,
    "cancel_sent": Word.CANCEL_SENT,
    "cancelled": Word.CANCELLED,
    "flat": Word.FLAT,
}
#: The stages that a kill of each mode goes through; the last one completes it.
STAGES: Final[dict[KillMode, tuple[str, ...]]] = {
    KillMode.HALT: ("latched", "halted"),
    KillMode.REDUCE: ("latched", "halted"),
    KillMode.CANCEL: ("latched", "halted", "cancel_sent", "cancelled"),
    KillMode.FLATTEN: ("latched", "halted", "cancel_sent", "cancelled", "flat"),
}
#: Failures that one receipt carries; the first ones tell most.
_FAILURES_MAX = 64


def word_of(progress: KillProgress) -> Word | None:
    """What a progress message says; None for a stage that does not exist."""
    if progress.stage not in _ACTOR_STAGES:
        return None
    if progress.failure:
        return _FAILED[progress.stage]
    if progress.stage in ("cancelled", "flat") and (progress.open_orders or progress.unknown_orders):
        return Word.STILL_OPEN
    return _SAYS[progress.stage]


class _ActorCase:
    """One venue actor's part: its state, when it reached each stage, and its last counts."""

    __slots__ = (
        "at_ns",
        "open_orders",
        "orders_cancelled",
        "orders_sent",
        "reached_ns",
        "residual",
        "stage",
        "unknown_orders",
    )

    def __init__(self) -> None:
        self.stage = ActorStage.SILENT
        self.at_ns = -1
        self.reached_ns: dict[ActorStage, int] = {}
        self.open_orders = 0
        self.unknown_orders = 0
        self.orders_cancelled = 0
        self.residual: tuple[ResidualPosition, ...] = ()
        self.orders_sent = -1

    def move(self, progress: KillProgress, word: Word) -> None:
        """Apply a word. One that is older than the last may tell more, but takes nothing back."""
        stage = TRANSITIONS[self.stage, word]
        if word is Word.HALTED and self.orders_sent < 0:
            self.orders_sent = progress.orders_sent
        if progress.at_ns < self.at_ns:
            stage = max(stage, self.stage)
        else:
            self.at_ns = progress.at_ns
            self.open_orders, self.unknown_orders = progress.open_orders, progress.unknown_orders
            self.orders_cancelled, self.residual = progress.orders_cancelled, progress.residual
        for reached in ActorStage:
            if self.stage < reached <= stage:
                self.reached_ns[reached] = progress.at_ns
        self.stage = stage


class KillCase:
    """The state machine of one kill over the venue actors in its scope.

    Times are monotonic readings of one host: the trigger's, the latch's and the actors'.
    """

    def __init__(self, kill: Kill, venue_actors: Iterable[str]) -> None:
        self.kill = kill
        self._actors = {name: _ActorCase() for name in venue_actors}
        self._stages = STAGES[KillMode(kill.mode)]
        self._latched_ns = kill.latched_ns
        self._failures: list[str] = []
        self._seals: dict[str, VenueSeal] = {}

    def on_latched(self, at_ns: int) -> tuple[KillStage, ...]:
        """The latch is written (for a kill that came without ``latched_ns``). Returns the stages it completed."""
        before = self._complete_stages()
        if not self._latched_ns:
            self._latched_ns = at_ns
        return self._news(before)

    def on_seals(self, seals: Iterable[VenueSeal]) -> tuple[KillStage, ...]:
        """Nothing more can leave these actors. Returns the stages it completed. The first seal of each counts, and none
        once everybody has halted."""
        before = self._complete_stages()
        if all(actor.stage for actor in self._actors.values()):
            return ()
        for seal in seals:
            if seal.venue_actor in self._actors:
                self._seals.setdefault(seal.venue_actor, seal)
        return self._news(before)

    @property
    def unsealed(self) -> tuple[str, ...]:
        """The actors that have neither been sealed nor halted."""
        return tuple(name for name, actor in self._actors.items() if not actor.stage and name not in self._seals)

    def on_progress(self, progress: KillProgress) -> tuple[KillStage, ...]:
        """An actor's word. Returns the stages that it completed over the whole scope, usually none.

        A word on another kill or from an actor outside the scope changes nothing; one of a stage that does not exist
        is kept as a failure.
        """
        actor = self._actors.get(progress.venue_actor)
        if progress.kill_id != self.kill.kill_id or actor is None:
            return ()
        word = word_of(progress)
        if word is None:
            self._fail(f"{progress.venue_actor}: says it is at stage {progress.stage[:40]!r}, which does not exist")
            return ()
        if progress.failure:
            self._fail(f"{progress.venue_actor}: {progress.stage}: {progress.failure}")
        before = self._complete_stages()
        actor.move(progress, word)
        return self._news(before)

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The actors that have not reached the last stage of the kill's mode."""
        last = _ACTOR_STAGES[self._stages[-1]]
        return tuple(name for name, actor in self._actors.items() if actor.stage < last)

    @property
    def complete(self) -> bool:
        done = self._complete_stages()
        return bool(done) and done[-1].stage == self._stages[-1]

    @property
    def settled(self) -> bool:
        """Whether what a release waits for has been done: everybody has halted, and cancelled if the mode cancels."""
        stage = ActorStage.CANCELLED if KillMode(self.kill.mode).cancels else ActorStage.HALTED
        return all(actor.stage >= stage for actor in self._actors.values())

    @property
    def venue_actors(self) -> tuple[str, ...]:
        return tuple(self._actors)

    def actor_states(self) -> tuple[KillActorState, ...]:
        return tuple(
            KillActorState(
                name,
                actor.stage.name.lower() if actor.stage else "",
                actor.orders_cancelled,
                actor.open_orders,
                actor.unknown_orders,
                actor.residual,
                actor.orders_sent,
                seal.orders_sent if (seal := self._seals.get(name)) is not None else -1,
            )
            for name, actor in self._actors.items()
        )

    def receipt(self, wall_time_ns: int) -> KillReceipt:
        """Where the kill stands, as of ``wall_time_ns`` (UTC). Orders of silent actors are not in the counts."""
        kill = self.kill
        done = {stage.stage: stage for stage in self._complete_stages()}
        return KillReceipt(
            kill.kill_id,
            kill.scope,
            KillMode(kill.mode),
            kill.reason,
            kill.by,
            kill.trigger,
            wall_time_ns,
            tuple(done.get(name, KillStage(name, -1)) for name in self._stages_here()),
            self.waiting_for,
            sum(actor.open_orders for actor in self._actors.values()),
            sum(actor.unknown_orders for actor in self._actors.values()),
            self.complete,
            tuple(self._failures),
            kill.evidence,
            kill.wall_time_ns,
            self.actor_states(),
        )

    def _complete_stages(self) -> tuple[KillStage, ...]:
        """In order, up to the first that is not complete. A stage is never earlier than the one before it."""
        if not self._latched_ns:
            return ()
        at_ns = self._latched_ns
        stages = [self._stage("latched", at_ns)]
        if self._seals:
            if self.unsealed:
                return tuple(stages)
            at_ns = max([at_ns, *(self._sealed_ns(name) for name in self._actors)])
            stages.append(self._stage("sealed", at_ns))
        for name in self._stages[1:]:
            stage = _ACTOR_STAGES[name]
            if any(actor.stage < stage for actor in self._actors.values()):
                break
            at_ns = max([at_ns, *(actor.reached_ns[stage] for actor in self._actors.values())])
            stages.append(self._stage(name, at_ns))
        return tuple(stages)

    def _sealed_ns(self, name: str) -> int:
        """Of an actor that is sealed or has halted: when the first of both was."""
        actor, seal = self._actors[name], self._seals.get(name)
        known = [actor.reached_ns[ActorStage.HALTED]] if actor.stage else []
        return min(known if seal is None else [seal.at_ns, *known])

    def _stages_here(self) -> tuple[str, ...]:
        return ("latched", "sealed", *self._stages[1:]) if self._seals else self._stages

    def _stage(self, name: str, at_ns: int) -> KillStage:
        return KillStage(name, max(at_ns - self.kill.pressed_ns, 0))

    def _news(self, before: tuple[KillStage, ...]) -> tuple[KillStage, ...]:
        return self._complete_stages()[len(before) :]

    def _fail(self, text: str) -> None:
        if text not in self._failures and len(self._failures) < _FAILURES_MAX:
            self._failures.append(text)
