"""Every kill that the kill switch actor knows: those that hold, and the last ones that no longer do.

    pressed, or found latched ──▶ holds ──complete──▶ holds ──released by two people──▶ history

A kill holds until it is released, whether or not its stages are complete. What is here is a function of the journal's
records and of what venue actors have said since; nothing here touches the latch.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from engine.codes import KillMode
from engine.messages import Kill, KillActorState, KillApproval, KillReceipt
from risk.kill import KillCase
from risk.latch import kill_tag
from risk.release import ReleaseCase, ReleaseRules
from risk.scope import Scope

__all__ = ["HeldKill", "KillApproved", "KillRegister", "KillReleased"]

#: Kills that are over and still told about.
_HISTORY = 20
#: Ids of released kills that are remembered, so that none of them is ever taken for a new one.
_RELEASED_MAX = 100_000


class KillReleased(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=160):
    """A kill was released at ``wall_time_ns`` (UTC) by these people, a drill by none. Journalled before its row in the
    latch is freed."""

    kill_id: str
    wall_time_ns: int
    people: tuple[str, ...]


class KillApproved(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=161):
    """A person's approval, and when it came (UTC)."""

    approval: KillApproval
    wall_time_ns: int


class HeldKill:
    """One kill that holds."""

    __slots__ = ("case", "complete", "earlier", "end", "kill", "presser", "release", "scope", "tag")

    def __init__(self, kill: Kill, scope: Scope, case: KillCase, release: ReleaseCase) -> None:
        self.kill = kill
        self.tag = kill_tag(kill.kill_id)
        self.scope = scope
        self.case = case
        self.release = release
        self.presser = ""
        #: Every stage of its mode was reached, perhaps in an earlier life.
        self.complete = False
        #: The receipt of that earlier life: how long its stages took is known since then, and is not measured again.
        self.earlier: KillReceipt | None = None
        #: It was released, and its row is still to be freed.
        self.end: KillReleased | None = None


class KillRegister:
    """``limits`` (JSON) and ``config_hash`` go on every receipt."""

    def __init__(self, rules: ReleaseRules, config_hash: str, limits: str) -> None:
        self._rules = rules
        self._config_hash = config_hash
        self._limits = limits
        self.held: dict[str, HeldKill] = {}
        self.history: deque[KillReceipt] = deque(maxlen=_HISTORY)
        self._released: dict[int, None] = {}
        self.completed = 0

    def add(self, kill: Kill, scope: Scope, venue_actors: Iterable[str], pressed_ns: int = -1) -> HeldKill:
        """``pressed_ns``: when it was pressed on this process's clock, -1 when an earlier life heard of it."""
        mode = KillMode(kill.mode).name.lower()
        release = ReleaseCase(self._rules, kill.kill_id, kill.scope, mode, kill.wall_time_ns, pressed_ns)
        held = HeldKill(kill, scope, KillCase(kill, venue_actors), release)
        self.held[kill.kill_id] = held
        return held

    def was_released(self, tag: int) -> bool:
        """Whether a kill of this tag (``risk.latch.kill_tag``) has ended."""
        return tag in self._released

    def released(self, record: KillReleased, receipt: KillReceipt | None) -> None:
        """The kill is over. Its receipt goes to the history; in a replay there may be none."""
        self.held.pop(record.kill_id, None)
        self._released[kill_tag(record.kill_id)] = None
        while len(self._released) > _RELEASED_MAX:
            del self._released[next(iter(self._released))]
        if receipt is not None:
            self.history.append(receipt)

    def by_tag(self, tag: int) -> HeldKill | None:
        return next((held for held in self.held.values() if held.tag == tag), None)

    def replay_receipt(self, receipt: KillReceipt) -> None:
        """A receipt of the journal: of a kill that is complete, or of one that was released."""
        if receipt.released_ns:
            self.history.append(receipt)
            return
        held = self.held.get(receipt.kill_id)
        if held is not None and receipt.complete:
            held.complete = True
            held.earlier = receipt
            self.completed += 1

    def replay_approval(self, record: KillApproved) -> None:
        """An approval of the journal; its signature is looked at again."""
        held = self.held.get(record.approval.kill_id)
        if held is not None and not held.release.refusal(record.approval, record.wall_time_ns):
            held.release.approve(record.approval, record.wall_time_ns)

    def missing(self, held: HeldKill, wall_ns: int, now_ns: int) -> tuple[str, ...]:
        """What a release still needs before the venue actors are asked how the orders stand."""
        missing = held.release.missing(wall_ns, now_ns)
        if held.complete or held.case.settled:
            return missing
        return (*missing, f"{', '.join(held.case.waiting_for)} to confirm")

    def receipt(self, held: HeldKill, wall_ns: int, now_ns: int, released_ns: int = 0) -> KillReceipt:
        """Everything that is known of a kill, for people and for the journal."""
        receipt = msgspec.structs.replace(
            held.case.receipt(wall_ns), config_hash=self._config_hash, limits=self._limits
        )
        if held.earlier is not None:
            receipt = _as_it_was(receipt, held.earlier)
        return msgspec.structs.replace(
            receipt,
            approvals=held.release.approvers(wall_ns, now_ns),
            missing=() if released_ns else self.missing(held, wall_ns, now_ns),
            released_ns=released_ns,
        )


def _as_it_was(receipt: KillReceipt, earlier: KillReceipt) -> KillReceipt:
    """What an earlier life has measured and counted of a kill, under the configuration of that time; and what is heard
    of it now."""
    were = {actor.venue_actor: actor for actor in earlier.actors}
    actors = tuple(_counted(actor, were.get(actor.venue_actor, actor)) for actor in receipt.actors)
    failures = tuple(dict.fromkeys((*earlier.failures, *receipt.failures)))
    return msgspec.structs.replace(
        receipt,
        stages=earlier.stages,
        actors=actors,
        failures=failures,
        config_hash=earlier.config_hash,
        limits=earlier.limits,
    )


def _counted(actor: KillActorState, was: KillActorState) -> KillActorState:
    """A later life of a venue actor counts from nothing: how many orders had left is what the first one said."""
    return msgspec.structs.replace(
        actor,
        orders_cancelled=max(actor.orders_cancelled, was.orders_cancelled),
        orders_sent=was.orders_sent,
        orders_at_seal=was.orders_at_seal,
    )
