"""A venue actor's right to send, and its share of the account's limits: the holder's side of lease and escrow.

    renewal, or short of a budget ─▶ lower what is idle ─▶ LeaseRequest ─▶ risk actor
    gate: grant, ceilings         ◀────────────────────── LeaseGrant   ◀─

Until the venue has been asked once, this life does not know what an earlier one left at risk: it tells nothing of its
budgets, and has none. The gate has no lease before it has ceilings.
"""

from collections import deque

import msgspec

from engine.actor import Context
from engine.messages import BudgetRecall, LeaseGrant, LeaseRefusal
from risk.budgets import PACES, as_ceilings, worst_case
from risk.escrow_holder import EscrowHolder
from risk.gate import Gate
from risk.lease import LeaseHolder

__all__ = ["VenueLease"]

_SECOND_NS = 1_000_000_000


class VenueLease:
    """``cushions`` names the account's budgets, with what this holder keeps of each unasked."""

    def __init__(
        self,
        ctx: Context,
        gate: Gate,
        risk_actor: str,
        config_hash: str,
        renew_ns: int,
        life: int,
        cushions: dict[str, int],
        now_ns: int,
    ) -> None:
        self._ctx, self._gate, self._risk_actor, self._renew_ns = ctx, gate, risk_actor, renew_ns
        self.lease = LeaseHolder(ctx.name, config_hash, renew_ns, life)
        self.escrow = EscrowHolder(life, cushions)
        #: True once the venue has been asked: what may be at risk there is known.
        self.knows = False
        self._paced: deque[tuple[int, tuple[int, int, int]]] = deque()
        self._asked_ns = 0
        self._ask_again_ns = 0
        self._apply(now_ns)
        ctx.set_timer("lease", now_ns)

    @property
    def epoch(self) -> int:
        return self.lease.epoch

    def may_send(self, now_ns: int) -> bool:
        """A lease, and budgets."""
        return self.escrow.has_ceilings and self.lease.is_live(now_ns)

    # -- asking ---------------------------------------------------------------------------------------------

    def request(self, now_ns: int) -> None:
        """Ask for the lease and tell of the budgets; the next is due a renewal interval later."""
        held: dict[str, int] = {}
        wanted: dict[str, int] = {}
        needed: dict[str, int] = {}
        if self.knows:
            usage = self._usage(now_ns)
            if self.escrow.give_back(usage):
                self._apply(now_ns)
            held, wanted, needed = self.escrow.statement(usage)
        request = self.lease.request(self._ctx.clock_ns(), self._gate.open_orders)
        told = msgspec.structs.replace(
            request,
            ceilings_seq=self.escrow.seq,
            held=held,
            wanted=wanted,
            needed=needed,
            statement_seq=self.escrow.statements,
        )
        self._ctx.send(self._risk_actor, told)
        self._ctx.set_timer("lease", now_ns + self._renew_ns)

    def on_reconciled(self, now_ns: int) -> None:
        if not self.knows:
            self.knows = True
            self.request(now_ns)

    def on_refused_order(self, now_ns: int) -> None:
        """The gate has refused an order. If a ceiling was in the way, ask for more at once, but not for each order."""
        needed = self._gate.shortfall()
        if not needed or not self.knows:
            return
        self.escrow.short(needed)
        if self.escrow.is_short and now_ns >= self._ask_again_ns:
            self._asked_ns, self._ask_again_ns = now_ns, now_ns + self._renew_ns // 10
            self.request(now_ns)

    # -- answers --------------------------------------------------------------------------------------------

    def on_grant(self, grant: LeaseGrant, now_ns: int) -> None:
        if grant.duration_ns > 0 and self.lease.on_grant(grant):
            self._ctx.latency.record("lease_round_trip", now_ns - grant.request_sent_ns)
        self.escrow.hear(self.lease.epoch)
        was_short = self.escrow.is_short
        is_new = self.escrow.on_grant(grant)
        if is_new and grant.ceilings:
            self._apply(now_ns)
            if was_short and not self.escrow.is_short:
                self._ctx.latency.record("budget_round_trip", now_ns - self._asked_ns)
        if self.escrow.has_ceilings and self.lease.expires_ns:
            self._gate.grant(self.lease.epoch, self.lease.expires_ns)
        if is_new and not grant.ceilings and self.knows:
            self.request(now_ns)

    def on_refusal(self, refusal: LeaseRefusal, now_ns: int) -> None:
        """A lease that stands ends at once. A grantor without authority may get it any moment: ask again soon."""
        if self.lease.on_refusal(refusal):
            self._gate.revoke()
            self._ctx.log("lease ended", text=refusal.text)
        self.escrow.hear(self.lease.epoch)
        self._ctx.set_timer("lease", now_ns + self._renew_ns // 4)

    def on_recall(self, recall: BudgetRecall, now_ns: int) -> None:
        if self.knows and self.escrow.on_recall(recall, self._usage(now_ns)):
            self._apply(now_ns)
            self.request(now_ns)

    # -- inside ---------------------------------------------------------------------------------------------

    def _apply(self, now_ns: int) -> None:
        """The gate first: what is told of ceilings is true already."""
        self._gate.set_ceilings(as_ceilings(self.escrow.ceilings), now_ns)

    def _usage(self, now_ns: int) -> dict[str, int]:
        paced, counts = self._paced, self._gate.paced()
        paced.append((now_ns, counts))
        while paced[0][0] < now_ns - _SECOND_NS:
            paced.popleft()
        lately = {pace: now - then for pace, now, then in zip(PACES, counts, paced[0][1], strict=True)}
        return worst_case(self._gate.usage(), lately, self.escrow.ceilings)
