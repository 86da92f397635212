"""The grantor's side of the escrow in a risk actor: every bound is in its journal before it is granted.

A life on another boot of its host does not believe what earlier ones wrote, because the last of it may be missing, and
waits for every venue actor's own word.
"""

from collections.abc import Iterable, Mapping

import msgspec

from actors.boot import HostBooted, boot_of, is_same_boot
from engine.actor import Context
from engine.messages import BudgetRecall, LeaseGrant, LeaseRequest
from risk.escrow import EscrowGrantor, Recorded

__all__ = ["BoundRecorded", "RiskBudgets"]


class BoundRecorded(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=157):
    """The most that a holder, in its life ``life``, may use of each budget from now on."""

    holder: str
    life: int
    bounds: dict[str, int]


_encode = msgspec.msgpack.Encoder().encode


class RiskBudgets:
    """Replay the journal with ``restore``, then ``start``. ``budgets`` are the account's whole limits."""

    def __init__(self, budgets: Mapping[str, int], venue_actors: Iterable[str], wait_ns: int) -> None:
        self._budgets, self._venue_actors, self._wait_ns = budgets, tuple(venue_actors), wait_ns
        self._history: dict[str, Recorded] = {}
        self._boot_ns = 0
        #: The newest life of each venue actor that is known of, also from records that are not believed otherwise.
        self.lives: dict[str, int] = {}

    def restore(self, record: BoundRecorded | HostBooted) -> None:
        if isinstance(record, HostBooted):
            self._boot(record.boot_ns)
        else:
            self._history[record.holder] = Recorded(record.life, record.bounds)
            self.lives[record.holder] = record.life

    def start(self, ctx: Context, epoch: int, now_ns: int) -> None:
        self._ctx = ctx
        boot = boot_of(ctx, now_ns)
        self._boot(boot.boot_ns)
        ctx.journal.append(_encode(boot), now_ns)
        self.escrow = EscrowGrantor(
            epoch, self._budgets, self._venue_actors, self._record, self._history, self._wait_ns
        )

    def _boot(self, boot_ns: int) -> None:
        if not is_same_boot(boot_ns, self._boot_ns):
            self._history.clear()
        self._boot_ns = boot_ns

    def _record(self, holder: str, recorded: Recorded) -> None:
        self._ctx.journal.append(_encode(BoundRecorded(holder, *recorded)), self._ctx.clock_ns())

    # -- answers --------------------------------------------------------------------------------------------

    def hear(self, request: LeaseRequest, now_ns: int, *, may_raise: bool) -> None:
        """What follows for others is sent: ceilings to those who waited for what was given back, and recalls."""
        outcome = self.escrow.on_request(request, now_ns, may_raise=may_raise)
        for holder in outcome.raised:
            self._ctx.send(holder, LeaseGrant(self.escrow.epoch, 0, 0, *self.escrow.issued(holder)))
        for holder, amounts in outcome.recalls:
            self._ctx.send(holder, BudgetRecall(self.escrow.epoch, amounts))

    def with_ceilings(self, holder: str, grant: LeaseGrant) -> LeaseGrant:
        return LeaseGrant(grant.epoch, grant.request_sent_ns, grant.duration_ns, *self.escrow.issued(holder))

    def details(self) -> dict[str, str]:
        """For people: what is free of each budget, and what each venue actor may use. One alone has it all."""
        if len(self._venue_actors) == 1 and not self.escrow.silent_holders():
            return {}
        return {f"budget:{name}": self._budget_text(name, limit) for name, limit in self._budgets.items()}

    def _budget_text(self, name: str, limit: int) -> str:
        free = self.escrow.free(name)
        bounds = [(holder, self.escrow.bound(holder, name)) for holder in self._venue_actors]
        shares = ", ".join(f"{holder} {'not told' if bound is None else bound}" for holder, bound in bounds)
        return f"{'unknown' if free is None else free} free of {limit}; {shares}"
