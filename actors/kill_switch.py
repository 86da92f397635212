"""The kill switch actor: owns the kill state, the latch and its record.

    presser ──Kill──▶ latch word stored ──▶ journal ──Kill──▶ every venue actor in scope ──KillProgress──▶ receipt

It grants the risk actors their authority to lease, so its own death halts trading too, within one lease. A kill that
was not finished when an earlier life ended is taken up again: the latch is already written, what is left is to cancel.

A disk that refuses stops nothing here: the latch word and the venue actors come first. What could not be recorded is
logged; a later life then finds the latch halted, and the venue actors cancel on their own account.
"""

from collections import deque

import msgspec

from actors.drill import DRILL_COUNTERS, Drills, is_drill
from actors.epochs import EpochBegun, begin_epoch
from engine.actor import Actor, Context
from engine.codes import KillMode
from engine.errors import UsageError
from engine.journal import JournalFull
from engine.messages import (
    Kill,
    KillProgress,
    KillReceipt,
    LeaseRequest,
    Message,
    StatusReport,
    StatusRequest,
)
from risk.kill import KillCase
from risk.latch import LatchCause, LatchPage
from risk.lease import FOREVER_NS, LeaseGrantor
from risk.response import response_name
from risk.scope import Scope, TradingNames, parse_scope

__all__ = ["KILL_COUNTERS", "KillSwitchActor", "KillSwitchSettings"]

#: What it publishes on its counter page, and how often.
KILL_COUNTERS = ("epoch", "kills", "kills_in_progress", "kills_held", "venue_actors_connected", *DRILL_COUNTERS)
_PUBLISH, _PUBLISH_NS = "publish", 1_000_000_000
#: Completed kills that a status report names.
_HISTORY = 10


class KillSwitchSettings(msgspec.Struct, frozen=True):
    """``venue_actors`` maps each venue actor to its venue; ``risk_actors`` may ask for authority."""

    venue_actors: dict[str, str]
    names: TradingNames
    risk_actors: tuple[str, ...]
    config_hash: str
    lease_duration_ns: int
    drill_every_ns: int = 0


_Record = Kill | KillReceipt | EpochBegun
_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[_Record] = msgspec.msgpack.Decoder(_Record)


class KillSwitchActor(Actor):
    """``page`` is the host's latch, writable."""

    def __init__(self, settings: KillSwitchSettings, page: LatchPage) -> None:
        self.settings = settings
        self.peers = tuple(settings.venue_actors)
        self._page = page
        self._cases: dict[str, KillCase] = {}
        self._pressers: dict[str, str] = {}
        self._history: deque[KillReceipt] = deque(maxlen=_HISTORY)
        self._completed = 0
        self._up: set[str] = set()
        self._drills = Drills(page, settings.venue_actors, settings.drill_every_ns, self._record)

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        last_epoch, unfinished = 0, {}
        for _, _, payload in ctx.journal.records():
            record = _decoder.decode(payload)
            if isinstance(record, EpochBegun):
                last_epoch = record.epoch
            elif is_drill(record):
                if isinstance(record, KillReceipt):
                    self._drills.remember(record)
            elif isinstance(record, Kill):
                unfinished[record.kill_id] = record
            elif record.complete:
                self._remember(record)
                unfinished.pop(record.kill_id, None)
        epoch = begin_epoch(ctx.journal, last_epoch, now_ns)
        self._grantor = LeaseGrantor(epoch, self.settings.config_hash, self.settings.lease_duration_ns)
        for kill in unfinished.values():
            self._open(kill, parse_scope(kill.scope, self.settings.names), now_ns, journal=False)
        self._set_authority()
        self._drills.start(ctx, now_ns)
        self._publish(now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == _PUBLISH:
            self._publish(now_ns)
        else:
            self._drills.on_timer(key, now_ns)

    def _publish(self, now_ns: int) -> None:
        self._ctx.counter_page.publish(self._counters(), self._ctx.wall_ns(now_ns))
        self._ctx.set_timer(_PUBLISH, now_ns + _PUBLISH_NS)

    def _set_authority(self) -> None:
        """Under a kill of everything that lets nothing pass, nobody gets authority: a second lock behind the latch."""
        if self._page.view().mode() not in (KillMode.HALT, KillMode.CANCEL):
            self._grantor.authorize(FOREVER_NS)
        else:
            self._grantor.withdraw()

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer in self.settings.venue_actors:
            self._up.add(peer)
            for case in self._cases.values():
                if peer in case.waiting_for:
                    self._ctx.send(peer, case.kill)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        self._up.discard(peer)

    # -- messages -------------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, Kill) and is_drill(message):
            self._drills.on_kill(sender, message, now_ns)
        elif isinstance(message, Kill):
            self._on_kill(sender, message, now_ns)
        elif isinstance(message, KillProgress):
            is_its_own = sender == message.venue_actor and sender in self.settings.venue_actors
            if is_its_own and not self._drills.on_progress(message, now_ns):
                self._on_progress(message, now_ns)
        elif isinstance(message, LeaseRequest):
            if sender in self.settings.risk_actors and sender == message.holder:
                self._set_authority()
                self._ctx.send(sender, self._grantor.on_request(message, self._ctx.clock_ns()))
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, self._status(message.nonce))

    def _on_kill(self, sender: str, kill: Kill, now_ns: int) -> None:
        try:
            scope = parse_scope(kill.scope, self.settings.names)
        except UsageError as error:
            self._ctx.log("kill refused", scope=kill.scope, by=kill.by, text=str(error))
            self._ctx.send(sender, _refused(kill, str(error), self._ctx.wall_ns(now_ns)))
            return
        self._page.store(kill.kill_id, scope, kill.mode)  # before anything else can fail
        latched_ns = self._ctx.clock_ns()
        self._pressers[kill.kill_id] = sender
        if kill.kill_id in self._cases:
            self._tell(self._cases[kill.kill_id], now_ns)
            return
        self._open(msgspec.structs.replace(kill, latched_ns=kill.latched_ns or latched_ns), scope, now_ns, journal=True)

    def _open(self, kill: Kill, scope: Scope, now_ns: int, *, journal: bool) -> None:
        covered = scope.venues(self.settings.names)
        actors = [name for name, venue in self.settings.venue_actors.items() if venue in covered]
        case = KillCase(kill, actors)
        self._cases[kill.kill_id] = case
        for actor in actors:
            self._ctx.send(actor, kill)
        self._latch(kill, scope, self._ctx.wall_ns(now_ns))
        if journal:
            self._record(kill, now_ns)
            self._ctx.latency.record(response_name("latched", kill.trigger), kill.latched_ns - kill.pressed_ns)
        self._set_authority()
        self._ctx.log("killed", scope=kill.scope, mode=kill.mode.name, by=kill.by, reason=kill.reason)
        self._tell(case, now_ns)

    def _latch(self, kill: Kill, scope: Scope, wall_ns: int) -> None:
        """The kill's row, if it has none yet, why, and all of it to disk."""
        cause = LatchCause(kill.kill_id, kill.by, kill.reason, kill.mode, wall_ns, kill.scope, kill.trigger)
        try:
            self._page.latch(scope, cause)
        except OSError as error:
            self._ctx.log("latch not on disk", kill_id=kill.kill_id, error=str(error))

    def _record(self, record: Kill | KillReceipt, now_ns: int) -> None:
        try:
            self._ctx.journal.append(_encode(record), now_ns)
        except JournalFull as error:
            self._ctx.log("kill not recorded", kill_id=record.kill_id, error=str(error))

    def _remember(self, receipt: KillReceipt) -> None:
        self._completed += 1
        self._history.append(receipt)

    def _on_progress(self, progress: KillProgress, now_ns: int) -> None:
        case = self._cases.get(progress.kill_id)
        if case is None:
            return
        for stage in case.on_progress(progress):
            self._ctx.latency.record(response_name(stage.stage, case.kill.trigger), stage.after_ns)
        self._tell(case, now_ns)

    def _tell(self, case: KillCase, now_ns: int) -> None:
        receipt = case.receipt(self._ctx.wall_ns(now_ns))
        presser = self._pressers.get(receipt.kill_id)
        if presser is not None:
            self._ctx.send(presser, receipt)
        if receipt.complete:
            self._record(receipt, now_ns)
            self._remember(receipt)
            del self._cases[receipt.kill_id]
            self._pressers.pop(receipt.kill_id, None)

    # -- status ---------------------------------------------------------------------------------------------

    def _status(self, nonce: int) -> StatusReport:
        kills = [kill for kill in self._page.kills() if not kill.scope.is_drill]
        details = {
            f"latched:{cause.kill_id}": f"{kill.scope.text} {cause.mode.name} by {cause.by}: {cause.reason}"
            for kill in kills
            if (cause := kill.cause) is not None
        }
        for receipt in self._history:
            details[f"kill:{receipt.kill_id}"] = (
                f"{receipt.scope} {receipt.mode.name} by {receipt.by}: {receipt.reason}"
            )
        state = "armed" if self._page.view().is_trading() else "killed"
        if kills and state == "armed":
            state = "partly killed"
        return StatusReport(self._ctx.name, "kill switch", nonce, 0, state, self._counters(), details)

    def _counters(self) -> dict[str, int]:
        return {
            "epoch": self._grantor.epoch,
            "kills": self._completed + len(self._cases),
            "kills_in_progress": len(self._cases),
            "kills_held": sum(not kill.scope.is_drill for kill in self._page.kills()),
            "venue_actors_connected": len(self._up),
            **self._drills.counters(),
        }


def _refused(kill: Kill, text: str, wall_ns: int) -> KillReceipt:
    return KillReceipt(
        kill.kill_id,
        kill.scope,
        KillMode(kill.mode),
        kill.reason,
        kill.by,
        kill.trigger,
        wall_ns,
        (),
        (),
        0,
        0,
        False,
        (text,),
    )
