"""What a seed means: who trades where, under which limits, and which kinds of faults this run will meet.

Not every run has every fault: a seed draws which kinds there are and how often they come, so that some runs are
nearly calm and others see one kind of fault only, again and again. What is rare in a mix is common alone.
"""

from random import Random

import msgspec

__all__ = ["FAULTS", "LINKS", "Scenario", "StrategyPlan", "VenuePlan", "draw_scenario"]

#: Every kind of fault, with how often it comes in a run that has it: mean seconds between two.
FAULTS: dict[str, float] = {
    "loss": 4.0,
    "partition": 10.0,
    "slow link": 6.0,
    "crash": 8.0,
    "power cut": 12.0,
    "blackout": 30.0,
    "strategy gone": 20.0,
    "pause": 8.0,
    "stall": 1.0,
    "wall clock": 8.0,
    "drift": 8.0,
    "answer lost": 2.0,
    "answer in doubt": 2.0,
    "request lost": 2.0,
    "rest fails": 3.0,
    "market gap": 3.0,
    "late reports": 3.0,
    "ban": 40.0,
    "key revoked": 90.0,
    "disconnect": 6.0,
    "server shutdown": 15.0,
    "market closed": 8.0,
    "journal full": 8.0,
    "duplicate": 1.0,
    "intruder": 2.0,
    "kill": 10.0,
    "last words": 15.0,
}
#: Kinds of links, each of which may lose messages or not.
LINKS = ("orders", "streams", "rest", "lease", "strategy", "people", "fence")
_FIRST_PORT = 9443


class VenuePlan(msgspec.Struct, frozen=True):
    """One venue actor and its own simulated venue. Limits are decimal text, as in the configuration."""

    name: str
    account: str
    port: int
    symbols: tuple[str, ...]
    position_max: str
    order_max: str
    read_lag_ns: int
    events_per_second: int


class StrategyPlan(msgspec.Struct, frozen=True):
    id: str
    venue: VenuePlan
    placement: str
    interval_ms: int
    lots: int
    executions_max: int
    cancels: bool


class Scenario(msgspec.Struct, frozen=True):
    """``faults`` maps each kind that this run has to its mean seconds between two. ``lossy_links`` are the kinds of
    links that lose messages in a run with losses (empty: all). ``strike_every_s`` is how often somebody trades against
    one of our orders (0: never), ``strikes_on_cancel`` whether that happens to an order whose cancel is about to be
    carried out. ``impatient`` sessions wait seconds for what others wait a minute. With ``fence``, venue actors that do
    not acknowledge a kill within ``acknowledge_ms`` are ended."""

    seed: int
    accounts: tuple[str, ...]
    venues: tuple[VenuePlan, ...]
    strategies: tuple[StrategyPlan, ...]
    faults: dict[str, float]
    lossy_links: tuple[str, ...]
    strike_every_s: float
    strikes_on_cancel: bool
    impatient: bool
    latency_ns: int
    jitter_ns: int
    open_orders_max: int
    orders_per_second: int
    gross_notional_max: int
    net_notional_max: int
    asset_max: str
    loss_max: int
    duplicate_window_ms: int
    clutch: bool
    fence: bool
    acknowledge_ms: int
    #: Not drawn: the power of venue actors' hosts may be cut, too.
    venue_power_cuts: bool = False

    def venues_of(self, account: str) -> tuple[VenuePlan, ...]:
        return tuple(venue for venue in self.venues if venue.account == account)


def draw_scenario(seed: int) -> Scenario:
    """The scenario of a seed."""
    random = Random(f"{seed}/scenario")
    accounts = ("desk",) if random.random() < 0.7 else ("desk", "fund")
    count = len(accounts) + (random.random() < 0.4)
    venues = tuple(_venue(random, number, accounts[number % len(accounts)]) for number in range(count))
    strategies = tuple(_strategy(random, number, random.choice(venues)) for number in range(random.randint(1, 3)))
    return Scenario(
        seed=seed,
        accounts=accounts,
        venues=venues,
        strategies=strategies,
        faults=_faults(random),
        lossy_links=tuple(kind for kind in LINKS if random.random() < 0.5),
        strike_every_s=random.choice([0, 0.5, 1.5]),
        strikes_on_cancel=random.random() < 0.4,
        impatient=random.random() < 0.7,
        latency_ns=random.choice([50_000, 200_000, 3_000_000, 20_000_000]),
        jitter_ns=random.choice([1, 50_000, 5_000_000]),
        open_orders_max=random.choice([4, 8, 30]) * count,
        orders_per_second=random.choice([5, 50]) * count,
        gross_notional_max=random.choice([10_000_000, 10_000_000, 4_000 * count]),
        net_notional_max=random.choice([10_000_000, 10_000_000, 3_000 * count]),
        asset_max=random.choice(["10", "0.1"]),
        loss_max=random.choice([1_000_000, 1_000_000, 1_000_000, 2 * count]),
        duplicate_window_ms=random.choice([0, 0, 500]),
        clutch=random.random() < 0.4,
        fence=random.random() < 0.4,
        acknowledge_ms=random.choice([50, 200]),
    )


def _venue(random: Random, number: int, account: str) -> VenuePlan:
    name = ("alpha", "beta", "gamma")[number]
    return VenuePlan(
        name=name,
        account=account,
        port=_FIRST_PORT + number,
        symbols=("BTCUSDT",) if random.random() < 0.8 else ("BTCUSDT", "ETHUSDT"),
        position_max=random.choice(["0.06", "0.15", "2"]),
        order_max=random.choice(["0.03", "0.1"]),
        read_lag_ns=random.choice([0, 0, 150_000_000, 600_000_000]),
        events_per_second=random.choice([2, 6]),
    )


def _strategy(random: Random, number: int, venue: VenuePlan) -> StrategyPlan:
    return StrategyPlan(
        id=("one", "two", "three")[number],
        venue=venue,
        placement=random.choice(["own-process", "co-located"]),
        interval_ms=random.choice([150, 300, 700]),
        lots=random.choice([500, 1_000]),
        cancels=random.random() < 0.75,
        executions_max=random.choice([1_000, 1_000, 1_000, 30]),
    )


def _faults(random: Random) -> dict[str, float]:
    """A random handful, or one kind alone and often."""
    if random.random() < 0.2:
        kind = random.choice(list(FAULTS))
        return {kind: FAULTS[kind] / 3}
    share = random.choice([0.2, 0.45, 0.75])
    return {
        kind: every_s * random.choice([0.5, 1.0, 2.0]) for kind, every_s in FAULTS.items() if random.random() < share
    }
