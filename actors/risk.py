"""The risk actor of one account: grants its venue actors the right to send, for as long as it has it itself.

    kill switch ──authority──▶ risk actor ──lease──▶ venue actors

Its death, or the loss of its own authority, stops every new order of the account within one lease.
"""

import msgspec

from actors.epochs import EpochBegun, begin_epoch
from engine.actor import Actor, Context
from engine.messages import LeaseGrant, LeaseRefusal, LeaseRequest, Message, StatusReport, StatusRequest
from risk.lease import LeaseGrantor, LeaseHolder

__all__ = ["RiskActor", "RiskActorSettings"]

_decode = msgspec.msgpack.Decoder(EpochBegun).decode


class RiskActorSettings(msgspec.Struct, frozen=True):
    account_id: str
    kill_actor: str
    venue_actors: tuple[str, ...]
    config_hash: str
    lease_duration_ns: int
    lease_renew_ns: int


class RiskActor(Actor):
    def __init__(self, settings: RiskActorSettings) -> None:
        self.settings = settings
        self.peers = (settings.kill_actor,)
        self._granted = 0
        self._refused = 0

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        settings = self.settings
        last_epoch = max((_decode(payload).epoch for _, _, payload in ctx.journal.records()), default=0)
        epoch = begin_epoch(ctx.journal, last_epoch, now_ns)
        self._authority = LeaseHolder(ctx.name, settings.config_hash, settings.lease_renew_ns)
        self._leases = LeaseGrantor(epoch, settings.config_hash, settings.lease_duration_ns)
        ctx.set_timer("authority", now_ns)

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer == self.settings.kill_actor:
            self._ctx.set_timer("authority", now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        self._ctx.send(self.settings.kill_actor, self._authority.request(self._ctx.clock_ns(), 0))
        self._ctx.set_timer("authority", now_ns + self.settings.lease_renew_ns)

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, LeaseRequest):
            if sender in self.settings.venue_actors and sender == message.holder:
                self._answer(message)
        elif isinstance(message, LeaseGrant):
            if sender == self.settings.kill_actor and self._authority.on_grant(message):
                self._leases.authorize(self._authority.expires_ns)
        elif isinstance(message, LeaseRefusal):
            if sender == self.settings.kill_actor and self._authority.on_refusal(message):
                self._leases.withdraw()
                self._ctx.log("authority withdrawn", text=message.text)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, self._status(message.nonce, now_ns))

    def _answer(self, request: LeaseRequest) -> None:
        answer = self._leases.on_request(request, self._ctx.clock_ns())
        self._granted += isinstance(answer, LeaseGrant)
        self._refused += isinstance(answer, LeaseRefusal)
        self._ctx.send(request.holder, answer)

    def _status(self, nonce: int, now_ns: int) -> StatusReport:
        live = self._authority.is_live(now_ns)
        counters = {"epoch": self._leases.epoch, "granted": self._granted, "refused": self._refused}
        return StatusReport(self._ctx.name, "risk", nonce, 0, "granting" if live else "no authority", counters)
