"""The kill switch actor: owns the kill state, the latch and its record.

    presser ──Kill──▶ row latched ──Kill──▶ every venue actor in scope ──KillProgress──▶ receipt, journal
    two people ──KillApproval──▶ ─┐
    KillRelease ──▶ nothing missing ──KillCheck──▶ venue actors ──KillStanding: none unknown──▶ journal ──▶ row freed

It grants the risk actors their authority to lease, so its own death halts trading too, within one lease. Every kill of
its journal that was not released is latched again at start, before anybody gets authority: a page from an older backup
un-halts nothing. A kill that was not finished when an earlier life ended is taken up again.

A disk that refuses stops no kill: the latch and the venue actors come first. What could not be recorded is logged; a
later life then finds the row in the latch. It does stop a release: what is not recorded as released is not.
"""

import msgspec

from actors.drill import DRILL_COUNTERS, DRILL_ID, Drills, is_drill
from actors.epochs import EpochBegun, begin_epoch
from actors.fencing import FENCING_COUNTERS, FENCING_TIMER, Fencing, FencingSettings
from actors.firm_exposure import FirmExposure
from actors.latch_keeper import LatchKeeper, Stray
from actors.release_desk import ReleaseDesk
from actors.sealing import SEALING_TIMER, Seal, Sealing, no_seal
from actors.telling import TELLING_TIMER, Loan, NoLoan, Telling
from engine.actor import Actor, Context
from engine.codes import KillMode
from engine.errors import UsageError
from engine.journal import JournalFull
from engine.messages import (
    AccountExposure,
    Kill,
    KillApproval,
    KillProgress,
    KillQuery,
    KillReceipt,
    KillRecords,
    KillRelease,
    KillStage,
    KillStanding,
    LeaseRequest,
    Message,
    NodeHeartbeat,
    StatusReport,
    StatusRequest,
)
from risk.kill import KillCase
from risk.kill_register import HeldKill, KillApproved, KillRegister, KillReleased
from risk.latch import LatchPage, kill_tag
from risk.lease import FOREVER_NS, LeaseGrantor
from risk.release import ReleaseRules
from risk.response import response_name
from risk.scope import Scope, TradingNames, parse_scope, read_scope

__all__ = ["KILL_COUNTERS", "KillSwitchActor", "KillSwitchSettings"]

_MS = 1_000_000
_SWEEP_NS = 200 * _MS
#: What it publishes on its counter page.
KILL_COUNTERS = (
    "epoch",
    "kills",
    "kills_in_progress",
    "kills_held",
    "venue_actors_connected",
    *FENCING_COUNTERS,
    *DRILL_COUNTERS,
)
_PUBLISH, _PUBLISH_NS = "publish", 1_000 * _MS
#: A stamp further from our own clock is of another host, or wrong.
_STAMP_AGE_NS_MAX = 60 * 1_000 * _MS
#: Longer ids would be cut in the latch.
_ID_BYTES_MAX = 64


class KillSwitchSettings(msgspec.Struct, frozen=True):
    """``venue_actors`` maps each venue actor to its venue; ``risk_actors`` may ask for authority. ``limits`` (JSON) go
    on every receipt. ``currencies`` by account: what its exposure is counted in."""

    venue_actors: dict[str, str]
    names: TradingNames
    risk_actors: tuple[str, ...]
    config_hash: str
    lease_duration_ns: int
    release: ReleaseRules = ReleaseRules({}, 600 * 1_000 * _MS, 0)
    limits: str = "{}"
    currencies: dict[str, str] = {}
    drill_every_ns: int = 0
    fencing: FencingSettings = FencingSettings()
    drill_hold_ns: int = 0
    drill_strategies: tuple[str, ...] = ()


_Record = Kill | KillReceipt | KillApproved | KillReleased | EpochBegun
_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[_Record] = msgspec.msgpack.Decoder(_Record)


class KillSwitchActor(Actor):
    """``page`` is the host's latch, writable; ``seal`` looks into the pages of its venue actors; ``loan`` has them take
    their turn."""

    def __init__(
        self, settings: KillSwitchSettings, page: LatchPage, seal: Seal = no_seal, loan: Loan | None = None
    ) -> None:
        settings.release.validate()
        self.settings = settings
        self.peers = tuple(settings.venue_actors)
        self._page = page
        self.register = KillRegister(settings.release, settings.config_hash, settings.limits)
        self._up: set[str] = set()
        self._firm = FirmExposure(settings.currencies)
        self._fencing = Fencing(settings.fencing, self._on_progress)
        acknowledge_ns = settings.fencing.acknowledge_ns
        self._sealing = Sealing(
            seal, acknowledge_ns, self._on_stages, lambda name: not self._fencing.is_elsewhere(name)
        )
        self._telling = Telling(loan or NoLoan())
        self._drills = Drills(
            page,
            self._sealing,
            self._telling,
            settings.venue_actors,
            settings.drill_every_ns,
            settings.drill_hold_ns,
            settings.drill_strategies,
            self._record,
        )

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self._keeper = LatchKeeper(self._page, self.register, ctx.log)
        self._desk = ReleaseDesk(ctx, self.register, self._record, self._end)
        epoch = begin_epoch(ctx.journal, self._replay_journal(), now_ns)
        self._grantor = LeaseGrantor(epoch, self.settings.config_hash, self.settings.lease_duration_ns)
        self._telling.start(ctx)
        self._drills.start(ctx, now_ns)
        self._fencing.start(ctx)
        self._sealing.start(ctx)
        self._keep_latch(now_ns)
        for held in self.register.held.values():
            self._send(held)
            self._fencing.watch(held, now_ns)
        self._publish(now_ns)
        ctx.set_timer("sweep", now_ns + _SWEEP_NS)

    def _replay_journal(self) -> int:
        """What earlier lives recorded. Returns the last epoch."""
        last_epoch = 0
        for _, _, payload in self._ctx.journal.records():
            record = _decoder.decode(payload)
            if isinstance(record, EpochBegun):
                last_epoch = record.epoch
            elif isinstance(record, KillReceipt) and is_drill(record):
                self._drills.remember(record)
            elif isinstance(record, Kill):
                scope = read_scope(record.scope)
                self.register.add(self._on_our_clock(record), scope, self._actors_in(scope))
            elif isinstance(record, KillApproved):
                self.register.replay_approval(record)
            elif isinstance(record, KillReleased):
                self.register.released(record, None)
            else:
                self.register.replay_receipt(record)
        return last_epoch

    def _on_our_clock(self, kill: Kill) -> Kill:
        """A kill of another boot of this host, with its stamps as this boot's clock would have shown them."""
        clock_ns = self._ctx.clock_ns()
        age_ns = self._ctx.wall_ns(clock_ns) - kill.wall_time_ns
        shift_ns = clock_ns - kill.latched_ns - age_ns
        if abs(shift_ns) <= _STAMP_AGE_NS_MAX:
            return kill
        return msgspec.structs.replace(
            kill, pressed_ns=kill.pressed_ns + shift_ns, latched_ns=kill.latched_ns + shift_ns
        )

    def _actors_in(self, scope: Scope) -> list[str]:
        venues = scope.venues(self.settings.names)
        return [name for name, venue in self.settings.venue_actors.items() if venue in venues]

    def _set_authority(self) -> None:
        """Under a kill of everything that lets nothing pass, nobody gets authority: a second lock behind the latch.

        Closing orders need a lease like any other, so a kill that flattens everything keeps the authority alive.
        """
        if self._page.view().mode() in (KillMode.HALT, KillMode.CANCEL):
            self._grantor.withdraw()
        else:
            self._grantor.authorize(FOREVER_NS)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == "sweep":
            self._keep_latch(now_ns)
            self._desk.sweep(now_ns)
            self._drills.sweep(now_ns)
            self._ctx.set_timer("sweep", now_ns + _SWEEP_NS)
        elif key == _PUBLISH:
            self._publish(now_ns)
        elif key == FENCING_TIMER:
            self._fencing.on_timer(now_ns)
        elif key == SEALING_TIMER:
            self._sealing.on_timer(now_ns)
        elif key == TELLING_TIMER:
            self._telling.on_timer()
        else:
            self._drills.on_timer(key, now_ns)

    def _publish(self, now_ns: int) -> None:
        self._ctx.counter_page.publish(self._counters() | self._firm.counters(), self._ctx.wall_ns(now_ns))
        self._ctx.set_timer(_PUBLISH, now_ns + _PUBLISH_NS)

    def _keep_latch(self, now_ns: int) -> None:
        for held in [held for held in self.register.held.values() if held.end is not None]:
            self._free(held, now_ns)
        self._keeper.restore()
        for stray in self._keeper.strays(now_ns, self._ctx.wall_ns(now_ns)):
            self._adopt(stray, now_ns)
        self._set_authority()

    def _adopt(self, stray: Stray, now_ns: int) -> None:
        self._ctx.log("a kill was found in the latch", kill_id=stray.kill.kill_id, scope=stray.kill.scope)
        self._keeper.store(stray.kill.kill_id, stray.scope, KillMode(stray.kill.mode))
        self._open(stray.kill, stray.scope, now_ns)

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer in self.settings.venue_actors:
            self._up.add(peer)
            self._fencing.on_up(peer, now_ns)
            for held in self.register.held.values():
                if peer in held.case.waiting_for:
                    self._ctx.send(peer, held.kill)

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
            if (is_its_own or self._fencing.may_speak(sender, message)) and not self._drills.on_progress(
                message, now_ns
            ):
                self._on_progress(message, now_ns)
        elif isinstance(message, LeaseRequest):
            if sender in self.settings.risk_actors and sender == message.holder:
                self._set_authority()
                self._ctx.send(sender, self._grantor.on_request(message, self._ctx.clock_ns()))
        elif isinstance(message, NodeHeartbeat):
            self._fencing.on_heartbeat(sender, message, self.register)
        elif isinstance(message, KillStanding):
            if sender == message.venue_actor:
                self._desk.on_standing(message, now_ns)
        elif isinstance(message, KillApproval):
            self._desk.on_approval(sender, message, now_ns)
        elif isinstance(message, KillRelease):
            self._desk.on_release(sender, message, now_ns)
        elif isinstance(message, KillQuery):
            self._ctx.send(sender, self._records(message))
        elif isinstance(message, AccountExposure):
            self._firm.hear(sender, message, now_ns)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self.status(), nonce=message.nonce))

    # -- a kill ---------------------------------------------------------------------------------------------

    def _on_kill(self, sender: str, kill: Kill, now_ns: int) -> None:
        held = self.register.held.get(kill.kill_id)
        if held is not None:
            held.presser = sender
            self._tell(held, now_ns)
            return
        try:
            scope = self._checked_scope(kill)
        except UsageError as error:
            self._ctx.log("kill refused", scope=kill.scope, by=kill.by, text=str(error))
            self._ctx.send(sender, _refused(kill, str(error), self._ctx.wall_ns(now_ns)))
            return
        self._keeper.store(kill.kill_id, scope, KillMode(kill.mode))  # before anything else can fail
        latched_ns = self._ctx.clock_ns()
        kill = msgspec.structs.replace(
            kill,
            scope=scope.text,
            pressed_ns=_plausible(kill.pressed_ns, latched_ns),
            latched_ns=_plausible(kill.latched_ns or latched_ns, latched_ns),
            wall_time_ns=self._ctx.wall_ns(now_ns),
        )
        held = self._open(kill, scope, now_ns, sender)
        self._ctx.latency.record(response_name("latched", kill.trigger), kill.latched_ns - kill.pressed_ns)
        self._tell(held, now_ns)

    def _checked_scope(self, kill: Kill) -> Scope:
        if not 0 < len(kill.kill_id.encode("utf-8", "replace")) <= _ID_BYTES_MAX:
            raise UsageError(f"a kill's id has 1 to {_ID_BYTES_MAX} bytes")
        if self.register.was_released(kill_tag(kill.kill_id)):
            raise UsageError(f"kill {kill.kill_id} has been released; press again under a new id")
        scope = parse_scope(kill.scope, self.settings.names)
        if kill.kill_id.startswith(DRILL_ID):  # the row of a drill would be taken for its own
            raise UsageError(f"ids that begin with {DRILL_ID} are those of drills; press again under another id")
        return scope

    def _open(self, kill: Kill, scope: Scope, now_ns: int, presser: str = "") -> HeldKill:
        """The kill is latched by now: tell the venue actors, then say why in the latch, then record it."""
        held = self.register.add(kill, scope, self._actors_in(scope), now_ns)
        self._send(held)
        self._sealing.watch(held.case, now_ns)
        held.presser = presser
        self._keeper.explain(held)
        self._record(kill, now_ns)
        self._set_authority()
        self._fencing.watch(held, now_ns)
        self._ctx.log(
            "killed", kill_id=kill.kill_id, scope=kill.scope, mode=kill.mode.name, by=kill.by, reason=kill.reason
        )
        return held

    def _send(self, held: HeldKill) -> None:
        self._fencing.spread(held)
        self._telling.tell(held.kill, held.case.venue_actors)

    def _on_progress(self, progress: KillProgress, now_ns: int) -> None:
        held = self.register.held.get(progress.kill_id)
        if held is None:
            return
        if self._fencing.is_elsewhere(progress.venue_actor):  # its clock is another host's
            progress = msgspec.structs.replace(progress, at_ns=self._ctx.clock_ns())
        stages = held.case.on_progress(progress)
        if held.earlier is None:  # otherwise told once more, to a later life: it was measured when it happened
            self._measure(held.case, stages)
        if not held.case.settled:
            self._fencing.watch(held, now_ns)
        self._tell(held, now_ns)

    def _on_stages(self, case: KillCase, stages: tuple[KillStage, ...], now_ns: int) -> None:
        """Stages that nobody has told: they were seen."""
        self._measure(case, stages)
        held = self.register.held.get(case.kill.kill_id)
        if held is not None:
            self._tell(held, now_ns)

    def _measure(self, case: KillCase, stages: tuple[KillStage, ...]) -> None:
        for stage in stages:
            self._ctx.latency.record(response_name(stage.stage, case.kill.trigger), stage.after_ns)

    def _tell(self, held: HeldKill, now_ns: int) -> None:
        receipt = held.case.receipt(self._ctx.wall_ns(now_ns))
        if held.presser:
            self._ctx.send(held.presser, receipt)
        if not receipt.complete:
            return
        held.presser = ""
        if not held.complete:
            held.complete = True
            self.register.completed += 1
            self._record(self.register.receipt(held, self._ctx.wall_ns(now_ns), now_ns), now_ns)

    # -- its end --------------------------------------------------------------------------------------------

    def _end(self, held: HeldKill, people: tuple[str, ...], now_ns: int) -> bool:
        """Release a kill, all conditions having been met. False: it could not be recorded, so it holds."""
        record = KillReleased(held.kill.kill_id, self._ctx.wall_ns(now_ns), people)
        if not self._record(record, now_ns):
            return False
        held.end = record
        self._ctx.log("released", kill_id=held.kill.kill_id, scope=held.kill.scope, people=", ".join(people))
        self._free(held, now_ns)
        self._set_authority()
        if held.kill.by in self.settings.risk_actors:  # its trigger watches on, for worse than what was released
            self._ctx.send(held.kill.by, self.register.receipt(held, record.wall_time_ns, now_ns, record.wall_time_ns))
        return True

    def _free(self, held: HeldKill, now_ns: int) -> None:
        """The row of a kill that is over; the sweep tries again while another process holds it."""
        if held.end is None or not self._keeper.free(held):
            return
        wall_ns = held.end.wall_time_ns
        receipt = self.register.receipt(held, wall_ns, now_ns, released_ns=wall_ns)
        self.register.released(held.end, receipt)
        self._record(receipt, now_ns)

    def _record(self, record: Kill | KillReceipt | KillApproved | KillReleased, now_ns: int) -> bool:
        try:
            self._ctx.journal.append(_encode(record), now_ns)
        except JournalFull as error:
            self._ctx.log("kill not recorded", record=type(record).__name__, error=str(error))
            return False
        return True

    # -- for people -----------------------------------------------------------------------------------------

    def receipts(self) -> list[KillReceipt]:
        """Of every kill that holds, then of the last ones that no longer do."""
        now_ns = self._ctx.clock_ns()
        wall_ns = self._ctx.wall_ns(now_ns)
        held = [self.register.receipt(held, wall_ns, now_ns) for held in self.register.held.values()]
        return [*held, *self.register.history]

    def _records(self, query: KillQuery) -> KillRecords:
        kills = tuple(each for each in self.receipts() if query.kill_id in ("", each.kill_id))
        return KillRecords(kills, "" if kills or not query.kill_id else f"no kill {query.kill_id} is known here")

    def status(self) -> StatusReport:
        details = {
            f"kill:{kill_id}": f"{held.kill.scope} {held.kill.mode.name} by {held.kill.by}: {held.kill.reason}"
            for kill_id, held in self.register.held.items()
        }
        state = "armed" if not self.register.held else "partly killed"
        if not self._page.view().is_trading():
            state = "killed"
        details |= self._firm.details(self._ctx.clock_ns())
        return StatusReport(self._ctx.name, "kill switch", 0, 0, state, self._counters(), details)

    def _counters(self) -> dict[str, int]:
        in_progress = sum(not held.complete for held in self.register.held.values())
        return {
            "epoch": self._grantor.epoch,
            "kills": self.register.completed + in_progress,
            "kills_in_progress": in_progress,
            "kills_held": len(self.register.held),
            "venue_actors_connected": len(self._up),
            **self._fencing.counters(),
            **self._drills.counters(),
        }


def _plausible(stamp_ns: int, clock_ns: int) -> int:
    """A presser's own stamp, unless it cannot be this host's clock."""
    return stamp_ns if abs(clock_ns - stamp_ns) <= _STAMP_AGE_NS_MAX else clock_ns


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
