"""The holder's side of the escrow (``risk/escrow.py``): a venue actor's own ceilings, and what it tells of them.

It never raises a ceiling by itself. It lowers one when budget lies idle, *before* it says so, and from then on keeps to
what it has said. A new life has no ceilings, and nothing may be added to what an earlier one left at risk, until the
grantor has issued some to this life: what the earlier one was allowed may have gone to others.

Around its usage each budget has a *cushion*, so that ordinary trading seldom has to ask:

    usage                usage + cushion            usage + 2 cushions        (usage: 0 when it is negative)
      │ ◀ below half: wants more ▶ │ ◀ leaves it as it is ▶ │ ◀ above: gives back down to usage + cushion
"""

from collections.abc import Mapping

from engine.messages import BudgetRecall, LeaseGrant
from risk.escrow import CEILING_MOST

__all__ = ["NO_CEILING", "EscrowHolder", "Statement", "cushion"]

#: What is used beyond a ceiling is told in steps of this part of a cushion.
_HELD_STEPS = 16
#: A ceiling under which nothing may be added, whatever the position.
NO_CEILING = -CEILING_MOST
#: A need is told in this many requests, so that one that is lost costs nothing; whoever is still short says so again.
_NEED_TOLD = 3

#: held, wanted, needed: the fields of a LeaseRequest.
Statement = tuple[dict[str, int], dict[str, int], dict[str, int]]


def cushion(limit: int, holders: int) -> int:
    """What each of so many holders keeps unasked. One alone has everything; of several, all cushions together leave
    about half of the limit free for whoever needs it."""
    return limit // (2 * holders - 1)


class EscrowHolder:
    """``cushions`` names every budget of the account. ``usage`` arguments name them too: the worst case right now.

    Attributes:
        ceilings: what the worst case must not exceed, by budget.
        has_ceilings: False: none were issued to this life yet.
        epoch: of the grantor that was heard last.
        seq: the newest number of that epoch; 0: none.
    """

    def __init__(self, life: int, cushions: Mapping[str, int]) -> None:
        self.life = life
        self.epoch = 0
        self.seq = 0
        self.ceilings = dict.fromkeys(cushions, NO_CEILING)
        self._cushions = dict(cushions)
        self.has_ceilings = False
        self._needed: dict[str, int] = {}
        self._need_told = 0
        #: Statements made so far: each is numbered, so that an older one never replaces a newer one.
        self.statements = 0

    # -- what is heard --------------------------------------------------------------------------------------

    def hear(self, epoch: int) -> None:
        """The lease has heard of this epoch: grants of older ones count no more. Ceilings stay until it issues some."""
        if epoch > self.epoch:
            self.epoch, self.seq = epoch, 0

    def on_grant(self, grant: LeaseGrant) -> bool:
        """True when its number is new: apply ``ceilings`` to the gate. A grant without any asks to be told at once."""
        if grant.life != self.life or grant.epoch != self.epoch or grant.ceilings_seq <= self.seq:
            return False
        if grant.ceilings and grant.ceilings.keys() != self._cushions.keys():
            return False  # of another configuration: the lease will be refused, and no number of it is quoted
        self.seq = grant.ceilings_seq
        if grant.ceilings:
            self.ceilings = dict(grant.ceilings)
            self.has_ceilings = True
            self._needed = {name: need for name, need in self._needed.items() if need > self.ceilings[name]}
        return True

    def on_recall(self, recall: BudgetRecall, usage: Mapping[str, int]) -> bool:
        """Give up to the amounts asked for, cushions included. True: ceilings are lower now; tell the grantor."""
        if recall.epoch != self.epoch or not self.has_ceilings:
            return False
        lower = {}
        for name, amount in recall.amounts.items():
            idle = self.ceilings[name] - usage[name] if name in self.ceilings else 0
            if min(idle, amount) > 0 and name not in self._needed:
                lower[name] = self.ceilings[name] - min(idle, amount)
        self.ceilings.update(lower)
        return bool(lower)

    # -- what is done and told ------------------------------------------------------------------------------

    def short(self, needed: Mapping[str, int]) -> bool:
        """An order was refused, and these ceilings would have let it pass. True when it makes sense to ask now."""
        more = {
            name: need
            for name, need in needed.items()
            if name in self.ceilings and max(self.ceilings[name], self._needed.get(name, NO_CEILING)) < need
        }
        self._needed.update(more)
        if more:
            self._need_told = 0
        return bool(more)

    @property
    def is_short(self) -> bool:
        return bool(self._needed)

    def give_back(self, usage: Mapping[str, int]) -> bool:
        """Lower what lies idle beyond two cushions. True: apply ``ceilings`` to the gate before anything is told."""
        if not self.has_ceilings:
            return False
        lower = {
            name: max(usage[name], 0) + kept
            for name, kept in self._cushions.items()
            if self.ceilings[name] - max(usage[name], 0) > 2 * kept and name not in self._needed
        }
        self.ceilings.update(lower)
        return bool(lower)

    def statement(self, usage: Mapping[str, int]) -> Statement:
        """What to tell now, in one request. Until that is sent nothing may happen to ceilings or usage."""
        self.statements += 1
        held = {name: _bounded(self._held(name, usage[name])) for name in self._cushions}
        wanted = {
            name: _bounded(max(usage[name], 0) + kept)
            for name, kept in self._cushions.items()
            if not self.has_ceilings or 2 * (self.ceilings[name] - usage[name]) < kept
        }
        needed = self._needed
        self._need_told += bool(needed)
        if self._need_told >= _NEED_TOLD:
            self._needed = {}
        return held, wanted, {name: _bounded(need) for name, need in needed.items()}

    def _held(self, name: str, used: int) -> int:
        """What is used beyond the ceiling, because the market moves or a venue errs, is told in steps, never too low:
        each change of it is a record in the grantor's journal. A life without ceilings tells it as it is."""
        ceiling, step = self.ceilings[name], max(self._cushions[name] // _HELD_STEPS, 1)
        if used <= ceiling or not self.has_ceilings:
            return max(ceiling, used)
        return ceiling + -(-(used - ceiling) // step) * step


def _bounded(amount: int) -> int:
    return max(-CEILING_MOST, min(amount, CEILING_MOST))
