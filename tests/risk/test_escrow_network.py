"""The escrow's promise, over a network and a machine room that do what they like.

The venue's truth is kept apart from what anybody believes. Whatever happens, in any order:

    what is at risk at the venues, plus what anybody with a live lease may still add, is within the limit
"""

import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.journal import JournalFull
from engine.messages import BudgetRecall, LeaseGrant, LeaseRefusal, LeaseRequest
from risk.escrow import EscrowGrantor, EscrowOutcome, Recorded
from risk.escrow_holder import EscrowHolder, cushion
from risk.lease import LeaseGrantor, LeaseHolder

LIMITS = {"long": 12, "short": 7, "orders": 9}
NAMES = ("a", "b", "c")
LEASE_NS, RENEW_NS = 100, 20
Wired = LeaseRequest | LeaseGrant | LeaseRefusal | BudgetRecall


class Book:
    """A net position and open orders, as signed quantities by number."""

    def __init__(self, position: int = 0, orders: Mapping[int, int] | None = None) -> None:
        self.position = position
        self.orders = dict(orders or {})

    def copy(self) -> "Book":
        return Book(self.position, self.orders)

    def usage(self) -> dict[str, int]:
        """The worst case, by budget: every buy may fill and no sell, and the other way round."""
        buys = sum(quantity for quantity in self.orders.values() if quantity > 0)
        sells = -sum(quantity for quantity in self.orders.values() if quantity < 0)
        return {"long": self.position + buys, "short": sells - self.position, "orders": len(self.orders)}


class Process:
    """One life of a holder. ``knows``: it has its journal, or has asked the venue."""

    def __init__(self, name: str, life: int, book: Book | None) -> None:
        self.name, self.life = name, life
        self.lease = LeaseHolder(name, "hash", RENEW_NS, life)
        self.escrow = EscrowHolder(life, {budget: cushion(limit, len(NAMES)) for budget, limit in LIMITS.items()})
        self.book = book or Book()
        self.knows = book is not None
        self.paused = False

    def request(self, now_ns: int) -> LeaseRequest:
        asked = self.lease.request(now_ns, len(self.book.orders))
        held: dict[str, int] = {}
        wanted: dict[str, int] = {}
        needed: dict[str, int] = {}
        if self.knows:
            usage = self.book.usage()
            self.escrow.give_back(usage)
            held, wanted, needed = self.escrow.statement(usage)
        return LeaseRequest(
            asked.holder,
            asked.sent_ns,
            asked.epoch,
            asked.open_orders,
            asked.config_hash,
            asked.life,
            self.escrow.seq,
            held,
            wanted,
            needed,
            self.escrow.statements,
        )

    def on_message(self, message: Wired, now_ns: int) -> bool:
        """True when it wants to send a request at once."""
        if isinstance(message, LeaseGrant):
            self.lease.on_grant(message)
            self.escrow.hear(self.lease.epoch)
            return self.escrow.on_grant(message) and not message.ceilings
        if isinstance(message, LeaseRefusal):
            self.lease.on_refusal(message)
            self.escrow.hear(self.lease.epoch)
            return False
        assert isinstance(message, BudgetRecall)
        return self.escrow.on_recall(message, self.book.usage())

    def place(self, quantity: int, now_ns: int) -> bool:
        """The gate: with a live lease, and only what keeps every worst case under its ceiling."""
        if not self.lease.is_live(now_ns) or not self.knows:
            return False
        then = Book(self.book.position, {**self.book.orders, -1: quantity}).usage()
        changed = {budget: amount for budget, amount in then.items() if amount > self.book.usage()[budget]}
        short = {budget: amount for budget, amount in changed.items() if amount > self.escrow.ceilings[budget]}
        self.escrow.short(short)
        return not short


class World:
    def __init__(
        self,
        grantor: Callable[..., EscrowGrantor] = EscrowGrantor,
        process: Callable[..., Process] = Process,
    ) -> None:
        self._make_grantor, self._make_process = grantor, process
        self.now_ns = 1_000
        self.epoch = 0
        self.lives = 0
        self.order_numbers = 0
        self.records: dict[str, Recorded] = {}
        self.journal_full = False
        self.truth = {name: Book() for name in NAMES}
        self.wire: list[tuple[str, Wired]] = []
        self.processes: dict[str, Process] = {}
        self.zombies: list[Process] = []
        self.requests_sent = 0
        for name in NAMES:
            self.start(name, with_journal=True)
        self.start_grantor(with_history=False)

    # -- the machine room -----------------------------------------------------------------------------------

    def start(self, name: str, *, with_journal: bool) -> None:
        self.lives += 1
        self.processes[name] = self._make_process(name, self.lives, self.truth[name].copy() if with_journal else None)

    def crash(self, name: str) -> None:
        self.processes.pop(name, None)

    def replace(self, name: str) -> None:
        """The process seems dead, so another is started elsewhere, without its journal; but it is not dead."""
        if name in self.processes:
            self.zombies.append(self.processes.pop(name))
        self.start(name, with_journal=False)

    def reconcile(self, name: str) -> None:
        """The venue is asked. What an earlier life may still send in its last lease is not seen by that."""
        process = self.processes.get(name)
        if process is not None and process.lease.is_live(self.now_ns):
            process.book, process.knows = self.truth[name].copy(), True

    def fence(self, name: str) -> None:
        """Every process of that holder is killed, and its orders are looked up at the venue."""
        self.crash(name)
        self.zombies = [zombie for zombie in self.zombies if zombie.name != name]
        self.grantor.fenced(name, self.truth[name].usage())

    def start_grantor(self, *, with_history: bool) -> None:
        if not with_history:
            # Who lost its record cannot know that a life it hears is not the last: that has to be made certain first.
            self.records.clear()
            self.zombies.clear()
        self.epoch += 1
        lives = {holder: recorded.life for holder, recorded in self.records.items()}
        self.leases = LeaseGrantor(self.epoch, "hash", LEASE_NS, lives, self.now_ns)
        self.leases.authorize(self.now_ns + 10_000)
        self.grantor = self._make_grantor(self.epoch, LIMITS, NAMES, self._record, dict(self.records), LEASE_NS)

    def _record(self, holder: str, recorded: Recorded) -> None:
        if self.journal_full:
            raise JournalFull("full")
        self.records[holder] = recorded

    # -- the network ----------------------------------------------------------------------------------------

    def request(self, process: Process) -> None:
        if not process.paused:
            self.requests_sent += 1
            self.wire.append(("grantor", process.request(self.now_ns)))

    def deliver(self, index: int, *, keep: bool) -> None:
        """``keep``: it will be delivered once more, or never."""
        to, message = self.wire[index] if keep else self.wire.pop(index)
        if to == "grantor":
            assert isinstance(message, LeaseRequest)
            self._on_request(message)
            return
        for process in [*self.zombies, *self.processes.values()]:
            # A message finds whoever bears the name, be it another life than the one it was meant for.
            if process.name == to and not process.paused and process.on_message(message, self.now_ns):
                self.request(process)

    def _on_request(self, request: LeaseRequest) -> None:
        answer = self.leases.on_request(request, self.now_ns)
        holder = request.holder
        raised: tuple[str, ...] = ()
        recalls: tuple[tuple[str, dict[str, int]], ...] = ()
        if self.leases.is_present(request):
            raised, recalls = self.grantor.on_request(request, self.now_ns, may_raise=isinstance(answer, LeaseGrant))
        if isinstance(answer, LeaseGrant):
            issued = self.grantor.issued(holder)
            answer = LeaseGrant(answer.epoch, answer.request_sent_ns, answer.duration_ns, *issued)
        self.wire.append((holder, answer))
        self.wire += [(other, LeaseGrant(self.epoch, 0, 0, *self.grantor.issued(other))) for other in raised]
        self.wire += [(other, BudgetRecall(self.epoch, amounts)) for other, amounts in recalls]

    # -- trading --------------------------------------------------------------------------------------------

    def order(self, process: Process, quantity: int) -> bool:
        if process.paused or not process.place(quantity, self.now_ns):
            return False
        self.order_numbers += 1
        process.book.orders[self.order_numbers] = self.truth[process.name].orders[self.order_numbers] = quantity
        return True

    def end_order(self, name: str, *, filled: bool) -> None:
        """The oldest order fills, or is cancelled. The newest life is told, if there is one that listens."""
        process = self.processes.get(name)
        books = [self.truth[name], *([process.book] if process is not None else [])]
        if books[0].orders:
            number = next(iter(books[0].orders))
            for book in books:
                quantity = book.orders.pop(number, None)
                if quantity is not None and filled:
                    book.position += quantity

    # -- what must hold -------------------------------------------------------------------------------------

    def check(self) -> None:
        for budget, limit in LIMITS.items():
            most = {name: book.usage()[budget] for name, book in self.truth.items()}
            for process in [*self.zombies, *self.processes.values()]:
                if process.lease.is_live(self.now_ns):
                    most[process.name] = max(most[process.name], process.escrow.ceilings[budget])
            assert sum(most.values()) <= limit, f"{budget}: {most} are more than {limit}"

    # -- fair weather ---------------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """No more faults: everybody is up and reconciled, every zombie gone, and some renewals pass."""
        self.wire.clear()
        self.zombies.clear()
        self.journal_full = False
        self.leases.authorize(self.now_ns + 100_000)
        for name in NAMES:
            if name not in self.processes:
                self.start(name, with_journal=True)
            self.processes[name].paused = False
        for _ in range(3 * LEASE_NS // RENEW_NS):
            self.now_ns += RENEW_NS
            for name in NAMES:
                self.request(self.processes[name])
                self.settle()
                self.reconcile(name)

    def settle(self) -> None:
        """Deliver everything, and what follows from it."""
        while self.wire:
            self.deliver(0, keep=False)
            self.check()


# -- any order of events -------------------------------------------------------------------------------------------

some_name = st.sampled_from(NAMES)


class AnyOrder(RuleBasedStateMachine):
    """Hypothesis looks for a sequence of events that breaks ``check``, and shortens what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def process(self, name: str, zombie: bool) -> Process | None:
        zombies = [found for found in self.world.zombies if found.name == name]
        return zombies[0] if zombie and zombies else self.world.processes.get(name)

    @rule(elapsed_ns=st.sampled_from([1, 5, 20, 40, LEASE_NS, 2 * LEASE_NS]))
    def wait(self, elapsed_ns: int) -> None:
        self.world.now_ns += elapsed_ns

    @rule(name=some_name, zombie=st.booleans())
    def ask(self, name: str, zombie: bool) -> None:
        if (process := self.process(name, zombie)) is not None:
            self.world.request(process)

    @rule(name=some_name)
    def exchange(self, name: str) -> None:
        """A whole exchange that nothing disturbs, so that deep states are reached."""
        if (process := self.process(name, False)) is not None:
            before = self.world.wire
            self.world.wire = []
            self.world.request(process)
            self.world.settle()
            self.world.wire = before
            self.world.reconcile(name)

    @precondition(lambda self: self.world.wire)
    @rule(pick=st.integers(0, 1_000), keep=st.booleans())
    def deliver(self, pick: int, keep: bool) -> None:
        self.world.deliver(pick % len(self.world.wire), keep=keep)

    @precondition(lambda self: self.world.wire)
    @rule(pick=st.integers(0, 1_000))
    def lose(self, pick: int) -> None:
        self.world.wire.pop(pick % len(self.world.wire))

    @rule(name=some_name, zombie=st.booleans(), quantity=st.sampled_from([-3, -2, -1, 1, 2, 3, 5]))
    def order(self, name: str, zombie: bool, quantity: int) -> None:
        if (process := self.process(name, zombie)) is not None:
            self.world.order(process, quantity)

    @rule(name=some_name, filled=st.booleans())
    def end_order(self, name: str, filled: bool) -> None:
        self.world.end_order(name, filled=filled)

    @rule(name=some_name)
    def reconcile(self, name: str) -> None:
        self.world.reconcile(name)

    @rule(name=some_name, with_journal=st.booleans())
    def crash_and_restart(self, name: str, with_journal: bool) -> None:
        self.world.crash(name)
        self.world.start(name, with_journal=with_journal and not self.process(name, True))

    @rule(name=some_name)
    def replace(self, name: str) -> None:
        self.world.replace(name)

    @rule(name=some_name)
    def pause(self, name: str) -> None:
        if (process := self.process(name, False)) is not None:
            process.paused = not process.paused

    @rule(name=some_name)
    def fence(self, name: str) -> None:
        self.world.fence(name)
        self.world.start(name, with_journal=True)

    @rule(with_history=st.booleans())
    def restart_grantor(self, with_history: bool) -> None:
        self.world.start_grantor(with_history=with_history)

    @rule(full=st.booleans())
    def fill_disk(self, full: bool) -> None:
        self.world.journal_full = full

    @rule(authority_ns=st.sampled_from([0, 50, 10_000]))
    def authorize(self, authority_ns: int) -> None:
        self.world.leases.authorize(self.world.now_ns + authority_ns)

    @invariant()
    def within_the_limits(self) -> None:
        self.world.check()


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=80, deadline=None)
TestAnyOrder = AnyOrder.TestCase


# -- many long runs, by seed ---------------------------------------------------------------------------------------


class Fate:
    """One seeded run: mostly trading and renewals, now and then everything else."""

    WEIGHTS = {
        "ask": 450,
        "deliver": 900,
        "order": 500,
        "end_order": 300,
        "wait": 200,
        "lose": 60,
        "reconcile": 150,
        "exchange": 120,
        "crash": 3,
        "replace": 4,
        "pause": 3,
        "resume": 12,
        "fence": 2,
        "grantor": 3,
        "full": 3,
        "authority": 6,
    }

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.orders = 0

    def run(self, steps: int) -> None:
        kinds = self.dice.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()), k=steps)
        for kind in kinds:
            getattr(self, kind)()
            self.world.check()

    def anybody(self) -> Process:
        present = self.dice.choice(list(self.world.processes.values()))
        return self.dice.choice([present, present, present, present, *self.world.zombies[-2:]])

    def name(self) -> str:
        return self.dice.choice(NAMES)

    def ask(self) -> None:
        self.world.request(self.anybody())

    def deliver(self) -> None:
        for _ in range(min(3, len(self.world.wire))):
            late = self.dice.random() < 0.3
            index = self.dice.randrange(len(self.world.wire)) if late else 0
            self.world.deliver(index, keep=self.dice.random() < 0.1)

    def lose(self) -> None:
        if self.world.wire:
            self.world.wire.pop(self.dice.randrange(len(self.world.wire)))

    def exchange(self) -> None:
        process = self.world.processes[self.name()]
        before, self.world.wire = self.world.wire, []
        self.world.request(process)
        self.world.settle()
        self.world.wire = before

    def order(self) -> None:
        process = self.anybody()
        home = -1 if process.book.position > 0 else 1
        self.orders += self.world.order(process, self.dice.choice([-3, -1, 1, 4, home, home]))

    def end_order(self) -> None:
        self.world.end_order(self.name(), filled=self.dice.random() < 0.3)

    def wait(self) -> None:
        self.world.now_ns += self.dice.choice([1, 1, 2, 5, 30])

    def reconcile(self) -> None:
        self.world.reconcile(self.name())

    def crash(self) -> None:
        name = self.name()
        has_zombie = any(zombie.name == name for zombie in self.world.zombies)
        self.world.crash(name)
        self.world.start(name, with_journal=not has_zombie and self.dice.random() < 0.6)

    def replace(self) -> None:
        self.world.replace(self.name())

    def pause(self) -> None:
        self.anybody().paused = True

    def resume(self) -> None:
        for process in self.world.processes.values():
            process.paused = False

    def fence(self) -> None:
        name = self.name()
        self.world.fence(name)
        self.world.start(name, with_journal=True)

    def grantor(self) -> None:
        self.world.start_grantor(with_history=self.dice.random() < 0.6)

    def full(self) -> None:
        self.world.journal_full = self.dice.random() < 0.3

    def authority(self) -> None:
        self.world.leases.authorize(self.world.now_ns + self.dice.choice([0, 50, 10_000, 10_000, 10_000, 10_000]))


@pytest.mark.parametrize("seed", range(60))
def test_no_seed_finds_more_at_risk_than_the_limits(seed: int) -> None:
    fate = Fate(World(), seed)
    fate.run(5_000)
    assert fate.orders > 20, "nothing was traded, so nothing was tested"


@pytest.mark.parametrize("budget", LIMITS)
@pytest.mark.parametrize("seed", range(20))
def test_when_all_links_are_up_every_idle_budget_can_be_had_with_one_request(seed: int, budget: str) -> None:
    world = World()
    Fate(world, seed).run(500)
    world.calm_down()
    for name in NAMES:
        asker = world.processes[name]
        most = LIMITS[budget] - sum(
            process.book.usage()[budget] for process in world.processes.values() if process is not asker
        )
        if most <= asker.escrow.ceilings[budget]:
            continue
        assert asker.escrow.short({budget: most})
        requests = world.requests_sent
        asked = asker.request(world.now_ns)
        world.wire.append(("grantor", asked))
        world.settle()
        assert asker.escrow.ceilings[budget] == most
        assert not asker.escrow.is_short
        assert world.requests_sent - requests <= len(NAMES) - 1, "the others were asked once each at most"
        world.now_ns += 1


# -- the world can tell --------------------------------------------------------------------------------------------


class CountsEveryWord(EscrowGrantor):
    """Takes a word for true although a grant that it had not seen may be under way."""

    def _counts(self, account: object, request: LeaseRequest) -> bool:
        return request.epoch == self.epoch and request.held.keys() >= LIMITS.keys()


class TakesOlderWords(EscrowGrantor):
    """Takes the word that comes last for the newest."""

    def on_request(self, request: LeaseRequest, now_ns: int, *, may_raise: bool) -> EscrowOutcome:
        self._accounts[request.holder].heard_seq = 0
        return super().on_request(request, now_ns, may_raise=may_raise)


class ForgetsSilently(EscrowGrantor):
    """Begins as if whoever it has no record of had never been granted anything."""

    def __init__(self, *arguments: object) -> None:
        epoch, limits, holders, record, history, wait_ns = arguments
        never = dict.fromkeys(NAMES, Recorded(0, dict.fromkeys(LIMITS, 0)))
        super().__init__(epoch, limits, holders, record, never | history, wait_ns)  # type: ignore[operator, arg-type]  # as given


class GivesWithoutAsking(EscrowGrantor):
    """Takes what lies idle away from whoever has it, without its word."""

    def free(self, budget: str) -> int | None:
        free = super().free(budget)
        return None if free is None else free + 1


class SpeaksTooEarly(Process):
    """Tells that it has given back, and goes on with what it had."""

    def request(self, now_ns: int) -> LeaseRequest:
        before = dict(self.escrow.ceilings)
        request = super().request(now_ns)
        self.escrow.ceilings.update(before)
        return request


class RemembersItsCeilings(Process):
    """Begins a new life with what the earlier one was allowed."""

    def __init__(self, name: str, life: int, book: Book | None) -> None:
        super().__init__(name, life, book)
        self.escrow.ceilings = {budget: limit // len(NAMES) for budget, limit in LIMITS.items()}


class BelievesAnyNumber(Process):
    """Takes every grant for the newest."""

    def on_message(self, message: Wired, now_ns: int) -> bool:
        if isinstance(message, LeaseGrant) and message.ceilings and message.epoch == self.escrow.epoch:
            self.escrow.seq = 0
        return super().on_message(message, now_ns)


@pytest.mark.parametrize(
    "bug",
    [
        CountsEveryWord,
        TakesOlderWords,
        ForgetsSilently,
        GivesWithoutAsking,
        SpeaksTooEarly,
        RemembersItsCeilings,
        BelievesAnyNumber,
    ],
)
def test_the_world_finds_a_planted_bug(bug: type) -> None:
    planted = {"grantor": bug} if issubclass(bug, EscrowGrantor) else {"process": bug}

    def run_all() -> None:
        for seed in range(200):
            Fate(World(**planted), seed).run(5_000)

    with pytest.raises(AssertionError, match="are more than"):
        run_all()
