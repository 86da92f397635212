"""The escrow: shared limits of an account, split into ceilings that venue actors keep to by themselves.

For every budget with limit ``L`` each holder ``v`` has a ceiling ``c_v`` and keeps its own worst case at or below it;
the grantor keeps ``b_v ≥ c_v``, the most that the holder may believe, and raises a ceiling only while ``Σ b_v ≤ L``.
So the sum holds at every instant without a word between the holders. Nothing here ends by time: orders at a venue
can still fill when every lease is over. Ceilings may be negative: one that is short by 5 lets another be 5 longer.

    holder                                       grantor
      │──request(seq 3, held 10, wanted 14)────────▶│  counts 10 as b_v, writes 14 to its journal,
      │◀─────────────grant(seq 4, ceilings 14)──────│  then sends
      │                                             │
      │  is idle: lowers its own ceiling to 6, first│
      │──request(seq 4, held 6)────────────────────▶│  b_v = 6: the rest is free for others

**A ceiling falls only by its holder's word**, which counts only when it cannot be overtaken: it quotes this epoch, this
life of the holder and the newest number issued to it, so no grant that is still under way can raise the holder
again. A fenced and reconciled holder cannot speak; ``fenced`` tells in its place.

**What is not known is not granted.** After a restart no ceiling of a budget rises until every holder's bound is
known: from its own word in this epoch, from ``fenced``, or from ``history``, when that is certain to be whole. The
first number of an epoch and life carries no ceilings, it only asks; the word that quotes it was therefore given after
this grantor began, and after every lease of the holder's earlier lives was over.

**Idle budget flows back** of itself with the renewals, down to a cushion. When somebody is refused for want of more
than is free, the others are asked (``BudgetRecall``), and what they give goes on to the one who waits, without another
request of it.

Budgets have names, amounts are whole numbers in the unit of the budget; the escrow does not know what they mean.
The holder's side is ``risk/escrow_holder.py``. Both are pure state machines.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from engine.errors import UsageError
from engine.instrument import INT64_MAX
from engine.journal import JournalFull
from engine.messages import LeaseRequest

__all__ = ["CEILING_MOST", "EscrowGrantor", "EscrowOutcome", "Issued", "Recorded"]

#: No amount of a budget is beyond this on either side, so that sums of all holders stay inside 64 bits in a frame.
CEILING_MOST = INT64_MAX // 2


class Recorded(NamedTuple):
    """What is known of one holder: its newest life, and the most that it may use, as far as that is known."""

    life: int
    bounds: dict[str, int]


Record = Callable[[str, Recorded], None]


class Issued(NamedTuple):
    """What a grant to a holder carries. ``ceilings`` are empty while it has none in this epoch and life."""

    life: int
    seq: int
    ceilings: dict[str, int]


class EscrowOutcome(NamedTuple):
    """What follows from a request: holders other than the asker to send their ``issued`` to, and recalls to send."""

    raised: tuple[str, ...] = ()
    recalls: tuple[tuple[str, dict[str, int]], ...] = ()


_NOTHING = EscrowOutcome()


class _Wait(NamedTuple):
    """A holder that is short and would be helped by these ceilings, until its next word or ``until_ns``."""

    needed: dict[str, int]
    until_ns: int


class _Account:
    """One holder: ``bounds`` is the most that it may use, by budget; None: not known."""

    __slots__ = ("bounds", "has_ceilings", "heard_seq", "life", "seq")

    def __init__(self, bounds: dict[str, int | None]) -> None:
        self.bounds = bounds
        self.seq = 0
        self.begin_life(None)

    def begin_life(self, life: int | None) -> None:
        """What an earlier life may have at risk stays counted until this one has told. Its own words count no more: a
        number is issued once."""
        self.life: int | None = life
        self.seq += 1
        self.has_ceilings = False
        self.heard_seq = 0


class EscrowGrantor:
    """``limits`` are the account's, by budget. ``record(holder, recorded)`` makes bounds durable before they are
    issued, and may raise JournalFull: then they are not. ``history`` is what it wrote last for each holder in earlier
    lives, empty when that may not be whole; a holder that is in no configuration any more counts with it for ever.
    ``wait_ns`` is how long a refused holder is waited for after its request.
    """

    def __init__(
        self,
        epoch: int,
        limits: Mapping[str, int],
        holders: Iterable[str],
        record: Record,
        history: Mapping[str, Recorded],
        wait_ns: int,
    ) -> None:
        for budget, limit in limits.items():
            if not 0 <= limit <= CEILING_MOST:
                raise UsageError(f"limit {budget} of the account is {limit}; it must be from 0 to {CEILING_MOST}")
        self.epoch = epoch
        self._limits = dict(limits)
        self._record = record
        self._wait_ns = wait_ns
        nothing = Recorded(0, {})
        self._accounts = {
            holder: _Account({budget: history.get(holder, nothing).bounds.get(budget) for budget in limits})
            for holder in dict.fromkeys([*holders, *history])
        }
        self._waiting: dict[str, _Wait] = {}
        #: Until when holders are not asked again to make good a budget that is overdrawn.
        self._overdrawn_until_ns = 0

    # -- reading --------------------------------------------------------------------------------------------

    def issued(self, holder: str) -> Issued:
        """What every grant to ``holder`` says, also when nothing has changed: an earlier one may be lost."""
        account = self._accounts[holder]
        return Issued(account.life or 0, account.seq, _known(account.bounds) if account.has_ceilings else {})

    def bound(self, holder: str, budget: str) -> int | None:
        """The most that ``holder`` may use of ``budget``; None: not known yet."""
        return self._accounts[holder].bounds[budget]

    def free(self, budget: str) -> int | None:
        """What may still be granted; negative: overdrawn; None: some holder has not told what it holds."""
        free = self._limits[budget]
        for account in self._accounts.values():
            bound = account.bounds[budget]
            if bound is None:
                return None
            free -= bound
        return free

    def silent_holders(self) -> list[str]:
        """Those on whose word, or fencing, every raise of some budget waits."""
        return [holder for holder, account in self._accounts.items() if None in account.bounds.values()]

    # -- what is told ---------------------------------------------------------------------------------------

    def on_request(self, request: LeaseRequest, now_ns: int, *, may_raise: bool) -> EscrowOutcome:
        """Count what the holder tells; when ``may_raise`` (the grantor has authority), raise what can be raised.

        Only for requests of the holder's present life (``LeaseGrantor.is_present``). Then send it its ``issued``.
        """
        asker = self._accounts.get(request.holder)
        if asker is None:
            return _NOTHING
        if asker.life != request.life:
            asker.begin_life(request.life)
            self._waiting.pop(request.holder, None)
            self._record_fact(request.holder, asker)
        if not self._counts(asker, request):
            return _NOTHING
        asker.heard_seq = request.statement_seq
        self._hear(request.holder, asker, request.held)
        self._waiting.pop(request.holder, None)
        if not may_raise:
            return _NOTHING
        if request.needed:
            # Who is short gets its cushion too, from the others if need be: else its every next order would be short.
            needed = {budget: max(need, request.wanted.get(budget, need)) for budget, need in request.needed.items()}
            self._waiting[request.holder] = _Wait(needed, now_ns + self._wait_ns)
        raised = self._serve_waiting(now_ns)
        self._raise(request.holder, asker, request.wanted)
        recalls = self._recalls(request.holder, self._waiting.get(request.holder), now_ns)
        return EscrowOutcome(tuple(holder for holder in raised if holder != request.holder), recalls)

    def fenced(self, holder: str, worst_case: Mapping[str, int]) -> None:
        """``holder`` is dead for certain and the venue was asked: what it left behind can come to ``worst_case``.

        Budgets that are not named keep the bound they had. Raises UsageError for a stranger.
        """
        account = self._accounts.get(holder)
        if account is None:
            raise UsageError(f"{holder!r} is no venue actor of this account")
        account.begin_life(account.life)
        self._waiting.pop(holder, None)
        account.bounds |= {budget: worst_case[budget] for budget in account.bounds if budget in worst_case}
        self._record_fact(holder, account)

    def _counts(self, account: _Account, request: LeaseRequest) -> bool:
        """No grant that could still raise the holder is under way, and no later word of it has been heard."""
        return (
            request.epoch == self.epoch
            and request.ceilings_seq == account.seq
            and request.statement_seq > account.heard_seq
            and request.held.keys() >= self._limits.keys()
            and all(
                -CEILING_MOST <= amount <= CEILING_MOST
                for amounts in (request.held, request.wanted, request.needed)
                for amount in amounts.values()
            )
        )

    def _hear(self, holder: str, account: _Account, held: Mapping[str, int]) -> None:
        """A holder may hold more than it was given: a venue's fill that nobody reserved is true all the same."""
        told: dict[str, int | None] = {budget: held[budget] for budget in self._limits}
        if told != account.bounds:
            account.bounds = told
            self._record_fact(holder, account)

    def _record_fact(self, holder: str, account: _Account) -> None:
        """A fact holds without a record; and without room nothing is granted on the strength of it."""
        with suppress(JournalFull):
            self._record(holder, Recorded(account.life or 0, _known(account.bounds)))

    # -- what is granted ------------------------------------------------------------------------------------

    def _serve_waiting(self, now_ns: int) -> list[str]:
        """First come, first served, before anybody's mere wishes."""
        raised = []
        for holder, wait in list(self._waiting.items()):
            account = self._accounts[holder]
            if now_ns >= wait.until_ns:
                del self._waiting[holder]
            elif self._raise(holder, account, wait.needed):
                raised.append(holder)
                if not self._shortage(account, wait):
                    del self._waiting[holder]
        return raised

    def _raise(self, holder: str, account: _Account, targets: Mapping[str, int]) -> bool:
        """Towards ``targets`` as far as there is anything free; written down first. Other ceilings stay."""
        raised: dict[str, int] = {}
        for budget, target in targets.items():
            bound = account.bounds.get(budget)
            if bound is None:
                continue
            more = min(target - bound, self.free(budget) or 0)
            if more > 0:
                raised[budget] = bound + more
        if not raised:
            return False
        try:
            self._record(holder, Recorded(account.life or 0, _known(account.bounds) | raised))
        except JournalFull:
            return False
        account.bounds.update(raised)
        account.seq += 1
        account.has_ceilings = True
        return True

    # -- what is asked back ---------------------------------------------------------------------------------

    def _recalls(self, asker: str, wait: _Wait | None, now_ns: int) -> tuple[tuple[str, dict[str, int]], ...]:
        """Once per request: who asks again asks the others again."""
        missing = self._shortage(self._accounts[asker], wait) if wait else {}
        overdrawn = self._overdrawn() if now_ns >= self._overdrawn_until_ns else {}
        if overdrawn:
            self._overdrawn_until_ns = now_ns + self._wait_ns
            missing = {
                budget: min(missing.get(budget, 0) + overdrawn.get(budget, 0), CEILING_MOST)
                for budget in missing | overdrawn
            }
        others = [holder for holder, account in self._accounts.items() if account.life is not None and holder != asker]
        recalls = [(holder, missing) for holder in others if missing]
        return (*recalls, (asker, overdrawn)) if overdrawn else tuple(recalls)

    def _shortage(self, account: _Account, wait: _Wait) -> dict[str, int]:
        """What is missing to the ceilings it needs."""
        missing = {}
        for budget, target in wait.needed.items():
            bound = account.bounds.get(budget)
            if bound is not None and target > bound:
                missing[budget] = min(target - bound, CEILING_MOST)
        return missing

    def _overdrawn(self) -> dict[str, int]:
        """By how much holders have more than there is: the limits were lowered, or a venue filled beyond reason."""
        free = {budget: self.free(budget) for budget in self._limits}
        return {
            budget: min(-amount, CEILING_MOST) for budget, amount in free.items() if amount is not None and amount < 0
        }


def _known(bounds: Mapping[str, int | None]) -> dict[str, int]:
    return {budget: bound for budget, bound in bounds.items() if bound is not None}
