"""The watch: an account's triggers, fed with telemetry by its risk actor, and what they press.

    VenueTelemetry ──▶ each trigger ──fires──▶ Kill with its evidence ──▶ kill switch ──KillReceipt──▶ done
    10 × a second  ──▶ heartbeats; a Kill that nobody has answered is sent again

It fails closed. A trigger that raises has pressed the kill switch by that, with the error as its evidence. A Kill that
the kill switch refuses leaves the account without leases: what should have stopped a part of it stops all of it.
"""

import traceback
from collections import deque

import msgspec

from engine.actor import Context
from engine.journal import JournalFull
from engine.messages import Kill, KillQuery, KillReceipt, VenueTelemetry
from risk.day_pnl import DayBegan, DayBook, DayPeak
from risk.trigger_reading import AccountRound, Observation, Silence, TriggerSpec
from risk.triggers import Firing, Trigger, make_trigger

__all__ = ["WATCH_TIMER", "Watch"]

WATCH_TIMER = "watch"
_MS = 1_000_000
_WATCH_NS = 100 * _MS
#: A venue actor that has been heard of within this time is waited for before a round of the account is complete.
_ALIVE_NS = 1_000 * _MS
_RESEND_NS = 1_000 * _MS
_DAY_NS = 86_400 * 1_000 * _MS
#: Kills that a status report names.
_HISTORY = 10

_encode = msgspec.msgpack.Encoder().encode


class Watch:
    """``refusal``: why the account must have no more leases; empty while all is well. ``latest``: the newest telemetry
    of each venue actor."""

    def __init__(
        self, triggers: tuple[TriggerSpec, ...], venue_actors: tuple[str, ...], kill_actor: str, config_hash: str
    ) -> None:
        self.book = DayBook()
        self.triggers = [make_trigger(spec, self.book, config_hash) for spec in triggers]
        self.refusal = ""
        self._venue_actors = venue_actors
        self._kill_actor = kill_actor
        self.latest: dict[str, VenueTelemetry] = {}
        self._heard_ns: dict[str, int] = {}
        self._fresh: set[str] = set()
        self._round = 0
        self._pressed = 0
        self._broken = 0
        self._unanswered: dict[str, tuple[Kill, int]] = {}
        #: By kill id, whose kill it is, until it is released.
        self._pressed_by: dict[str, Trigger] = {}
        self._history: deque[Kill] = deque(maxlen=_HISTORY)

    def start(self, ctx: Context, epoch: int, now_ns: int) -> None:
        """``epoch`` numbers the lives of the risk actor, so that no kill of an earlier one has the same id."""
        self._ctx, self._epoch, self._began_ns = ctx, epoch, now_ns
        if self.triggers:
            ctx.set_timer(WATCH_TIMER, now_ns + _WATCH_NS)

    def restore(self, record: DayBegan | DayPeak) -> None:
        """What an earlier life has kept, oldest first, before ``start``."""
        self.book.restore(record)

    # -- looking --------------------------------------------------------------------------------------------

    def on_timer(self, now_ns: int) -> None:
        self._ctx.set_timer(WATCH_TIMER, now_ns + _WATCH_NS)
        self._look(Silence(now_ns, self._began_ns, self._heard_ns), now_ns)
        for kill, sent_ns in list(self._unanswered.values()):
            if now_ns - sent_ns >= _RESEND_NS:
                self._send(kill, now_ns)

    def on_telemetry(self, sender: str, telemetry: VenueTelemetry, now_ns: int) -> None:
        if sender != telemetry.venue_actor or sender not in self._venue_actors:
            return
        self._heard_ns[sender] = now_ns
        self.latest[sender] = telemetry
        self._fresh.add(sender)
        self._look(telemetry, now_ns)
        if all(name in self._fresh or now_ns - at_ns > _ALIVE_NS for name, at_ns in self._heard_ns.items()):
            self._fresh.clear()
            self._round += 1
            self._look(AccountRound(self._round, self._ctx.wall_ns(now_ns) // _DAY_NS, self.latest), now_ns)
            self._keep_records(now_ns)

    def _look(self, observation: Observation, now_ns: int) -> None:
        for trigger in list(self.triggers):
            try:
                firing = trigger.observe(observation)
            except Exception as error:
                firing = self._broke(trigger, error)
            if firing is not None:
                self._press(trigger, firing, now_ns)

    def _broke(self, trigger: Trigger, error: Exception) -> Firing:
        """A trigger that cannot look protects from nothing any more. It is not asked again in this life."""
        self.triggers.remove(trigger)
        self._broken += 1
        frame = traceback.extract_tb(error.__traceback__)[-1]
        evidence = f"{trigger.spec.kind}: the trigger itself has failed: {error!r} in {frame.name}, line {frame.lineno}"
        return Firing(trigger.spec, "the trigger itself", evidence)

    def _keep_records(self, now_ns: int) -> None:
        while self.book.records:
            record = self.book.records.pop(0)
            try:
                self._ctx.journal.append(_encode(record), now_ns)
            except JournalFull as error:
                self._ctx.log("beginning or peak of the day not recorded", error=str(error))

    # -- pressing -------------------------------------------------------------------------------------------

    def _press(self, trigger: Trigger, firing: Firing, now_ns: int) -> None:
        self._pressed += 1
        spec, name = firing.spec, self._ctx.name
        kill = Kill(
            kill_id=f"{name}-{self._epoch}-{self._pressed}",
            scope=spec.scope,
            mode=spec.mode,
            reason=f"{spec.kind}: {firing.subject}",
            by=name,
            trigger=spec.kind,
            pressed_ns=self._ctx.clock_ns(),
            evidence=firing.evidence,
        )
        self._history.append(kill)
        self._pressed_by[kill.kill_id] = trigger
        self._send(kill, now_ns)
        self._ctx.log("TRIGGER FIRED", kill_id=kill.kill_id, scope=kill.scope, evidence=kill.evidence)

    def _send(self, kill: Kill, now_ns: int) -> None:
        self._unanswered[kill.kill_id] = (kill, now_ns)
        self._ctx.send(self._kill_actor, kill)

    def on_kill_switch_up(self, now_ns: int) -> None:
        for kill, _ in list(self._unanswered.values()):
            self._send(kill, now_ns)
        for kill_id in self._pressed_by:  # what became of it while it could not be heard
            if kill_id not in self._unanswered:
                self._ctx.send(self._kill_actor, KillQuery(kill_id))

    def on_receipt(self, receipt: KillReceipt) -> None:
        """Any word of the kill switch that it has latched is an answer. One that it has not is a refusal."""
        if receipt.released_ns:
            trigger = self._pressed_by.pop(receipt.kill_id, None)
            if trigger is not None:
                trigger.released()
                self._ctx.log("trigger armed against worse", trigger=trigger.spec.kind, kill_id=receipt.kill_id)
        if receipt.kill_id not in self._unanswered:
            return
        if receipt.stages:
            del self._unanswered[receipt.kill_id]
        elif receipt.failures and not self.refusal:
            self.refusal = f"the kill switch refuses {receipt.kill_id} ({receipt.scope}): {receipt.failures[0]}"
            self._ctx.log("TRIGGER REFUSED, NO MORE LEASES", text=self.refusal)

    # -- for people -----------------------------------------------------------------------------------------

    def counters(self) -> dict[str, int]:
        return {
            "triggers": len(self.triggers),
            "triggers_fired": sum(trigger.fired for trigger in self.triggers),
            "triggers_broken": self._broken,
            "kills_pressed": self._pressed,
            "kills_unanswered": len(self._unanswered),
        }

    def details(self) -> dict[str, str]:
        found = {f"pressed:{kill.kill_id}": kill.evidence for kill in self._history}
        return {**found, "refused": self.refusal} if self.refusal else found
