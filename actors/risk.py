"""The risk actor of one account: grants its venue actors the right to send, for as long as it has it itself.

    kill switch ──authority──▶ risk actor ──lease──▶ venue actors

Its death, or the loss of its own authority, stops every new order of the account within one lease. With the leases it
grants shares of the account's limits (``risk_budgets.py``).
"""

import msgspec

from actors.account_exposure import ExposureBook, ExposureScope
from actors.boot import HostBooted
from actors.enabling_desk import EnablingAsked, EnablingDesk, EnablingEnded
from actors.epochs import EpochBegun, begin_epoch
from actors.risk_budgets import BoundRecorded, RiskBudgets
from actors.watch import WATCH_TIMER, Watch
from engine.actor import Actor, Context
from engine.messages import (
    KillReceipt,
    KillRecords,
    LeaseGrant,
    LeaseRefusal,
    LeaseRequest,
    Message,
    StatusReport,
    StatusRequest,
    StrategyEnable,
    StrategyEnabled,
    ThrottleQuery,
    VenueTelemetry,
)
from risk.day_pnl import DayBegan, DayPeak
from risk.enabling import EnablingRules
from risk.lease import LeaseGrantor, LeaseHolder
from risk.trigger_reading import TriggerSpec

__all__ = ["RiskActor", "RiskActorSettings"]

_Record = EpochBegun | DayBegan | DayPeak | BoundRecorded | HostBooted | EnablingAsked | EnablingEnded
_decoder: msgspec.msgpack.Decoder[_Record] = msgspec.msgpack.Decoder(_Record)


#: How often the kill switch actor is told, which adds up the firm's.
_EXPOSURE_NS = 1_000_000_000


class RiskActorSettings(msgspec.Struct, frozen=True):
    account_id: str
    kill_actor: str
    venue_actors: tuple[str, ...]
    config_hash: str
    lease_duration_ns: int
    lease_renew_ns: int
    budgets: dict[str, int]
    exposure: ExposureScope
    triggers: tuple[TriggerSpec, ...] = ()
    enabling: EnablingRules = EnablingRules({}, 0)


class RiskActor(Actor):
    def __init__(self, settings: RiskActorSettings) -> None:
        self.settings = settings
        self.peers = (settings.kill_actor,)
        self.watch = Watch(settings.triggers, settings.venue_actors, settings.kill_actor, settings.config_hash)
        self.budgets = RiskBudgets(settings.budgets, settings.venue_actors, settings.lease_duration_ns)
        self._desk = EnablingDesk(settings.enabling, settings.venue_actors, lambda: self.watch.latest)
        self.exposure = ExposureBook(settings.exposure)
        self._exposure_told_ns = -_EXPOSURE_NS
        self._granted = 0
        self._refused = 0

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        settings = self.settings
        epoch = begin_epoch(ctx.journal, self._replay_journal(ctx), now_ns)
        # To the kill switch each epoch is a life of its own, so that of two at a time one is served.
        self._authority = LeaseHolder(ctx.name, settings.config_hash, settings.lease_renew_ns, life=epoch)
        self._leases = LeaseGrantor(
            epoch, settings.config_hash, settings.lease_duration_ns, self.budgets.lives, ctx.clock_ns()
        )
        self.budgets.start(ctx, epoch, now_ns)
        self._desk.start(ctx)
        ctx.set_timer("authority", now_ns)
        self.watch.start(ctx, epoch, now_ns)

    def _replay_journal(self, ctx: Context) -> int:
        """Returns the last epoch; 0: this is the first life."""
        last_epoch = 0
        for _, _, payload in ctx.journal.records():
            record = _decoder.decode(payload)
            if isinstance(record, EpochBegun):
                last_epoch = record.epoch
            elif isinstance(record, BoundRecorded | HostBooted):
                self.budgets.restore(record)
            elif isinstance(record, DayBegan | DayPeak):
                self.watch.restore(record)
        return last_epoch

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer == self.settings.kill_actor:
            self._ctx.set_timer("authority", now_ns)
            self.watch.on_kill_switch_up(now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == WATCH_TIMER:
            self.watch.on_timer(now_ns)
            return
        self._ctx.send(self.settings.kill_actor, self._authority.request(self._ctx.clock_ns(), 0))
        self._ctx.set_timer("authority", now_ns + self.settings.lease_renew_ns)

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, LeaseRequest):
            if sender in self.settings.venue_actors and sender == message.holder:
                self._answer(message)
        elif isinstance(message, VenueTelemetry):
            self.watch.on_telemetry(sender, message, now_ns)
            if sender == message.venue_actor and sender in self.settings.venue_actors:
                self._on_exposure(message, now_ns)
        elif isinstance(message, ThrottleQuery):
            self._desk.on_query(sender)
        elif isinstance(message, StrategyEnable):
            self._desk.on_enable(sender, message, now_ns)
        elif isinstance(message, StrategyEnabled):
            self._desk.on_enabled(sender, message, now_ns)
        elif isinstance(message, KillReceipt):
            if sender == self.settings.kill_actor:
                self._on_receipt(message)
        elif isinstance(message, KillRecords):
            if sender == self.settings.kill_actor:
                for receipt in message.kills:
                    self._on_receipt(receipt)
        elif isinstance(message, LeaseGrant):
            if sender == self.settings.kill_actor and self._authority.on_grant(message) and not self.watch.refusal:
                self._leases.authorize(self._authority.expires_ns)
        elif isinstance(message, LeaseRefusal):
            if sender == self.settings.kill_actor and self._authority.on_refusal(message):
                self._leases.withdraw()
                self._ctx.log("authority withdrawn", text=message.text)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, self._status(message.nonce, now_ns))

    def _on_exposure(self, telemetry: VenueTelemetry, now_ns: int) -> None:
        ctx = self._ctx
        self.exposure.hear(telemetry)
        ctx.counter_page.publish(self.exposure.counters(), ctx.wall_ns(now_ns))
        if now_ns - self._exposure_told_ns >= _EXPOSURE_NS:
            self._exposure_told_ns = now_ns
            ctx.send(self.settings.kill_actor, self.exposure.message())

    def _on_receipt(self, receipt: KillReceipt) -> None:
        self.watch.on_receipt(receipt)
        if self.watch.refusal:
            self._leases.withdraw()

    def _answer(self, request: LeaseRequest) -> None:
        now_ns = self._ctx.clock_ns()
        answer = self._leases.on_request(request, now_ns)
        if self._leases.is_present(request):
            self.budgets.hear(request, now_ns, may_raise=isinstance(answer, LeaseGrant))
        if isinstance(answer, LeaseGrant):
            answer = self.budgets.with_ceilings(request.holder, answer)
        self._granted += isinstance(answer, LeaseGrant)
        self._refused += isinstance(answer, LeaseRefusal)
        self._ctx.send(request.holder, answer)

    def _status(self, nonce: int, now_ns: int) -> StatusReport:
        live = self._authority.is_live(now_ns)
        counters = {"epoch": self._leases.epoch, "granted": self._granted, "refused": self._refused}
        counters |= self.watch.counters()
        counters["silent_holders"] = len(self.budgets.escrow.silent_holders())
        details = self.exposure.details() | self.watch.details() | self.budgets.details()
        return StatusReport(self._ctx.name, "risk", nonce, 0, _state(live, self.watch), counters, details)


def _state(live: bool, watch: Watch) -> str:
    if watch.refusal:
        return "stopped"
    return "granting" if live else "no authority"
