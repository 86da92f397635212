"""A venue that dies and comes back is the one that it was, to the byte. In virtual time, with an engine trading."""

import random
from pathlib import Path

import pytest
from memory_venue import SECOND_NS, WALL_NS, MemoryHost

from actors.places import strategy_actor, venue_actor
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.wiring import open_state
from adapters.simulator.remembered import RememberedVenue
from adapters.simulator.venue import SimulatedVenue
from cli.venue_restarts import DiaryTrader
from cli.venue_trials.books import Truth, truth_of
from cli.venue_trials.checks import check_books, check_orders
from cli.venue_trials.venues import ACCOUNT, TRIAL_VENUES, TrialVenue, write_config
from cli.virtual_trial import VirtualTrial
from config.loader import load_config
from engine.actor import Actor, Context
from engine.errors import UsageError
from engine.journal import JournalFull, MemoryJournal

VENUES = sorted(TRIAL_VENUES)
DEATHS = 6
HOUR_NS = 3_600 * SECOND_NS


def trial_at(venue: TrialVenue, directory: Path, seed: int) -> VirtualTrial:
    config_file = write_config(venue, directory, seed, source="cli.venue_restarts:DiaryTrader", interval_ms=80)
    config = load_config(config_file)
    open_state(config)
    return VirtualTrial(config, lambda: RememberedVenue(venue.simulated(seed), venue.name), seed=seed)


def remembered_in(trial: VirtualTrial) -> RememberedVenue:
    actor = trial.actor("simulator")
    assert isinstance(actor, RememberedVenue)
    return actor


def truth_in(trial: VirtualTrial, venue: TrialVenue) -> Truth:
    simulated = remembered_in(trial).venue
    assert isinstance(simulated, SimulatedVenue)
    return truth_of(simulated, ACCOUNT, venue.instrument.symbol)


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_that_dies_under_load_loses_and_doubles_nothing(name: str, tmp_path: Path) -> None:
    venue, chance = TRIAL_VENUES[name], random.Random(3)
    trial = trial_at(venue, tmp_path, seed=1)
    trial.start()
    for _ in range(DEATHS):
        trial.run_for(chance.uniform(0.5, 2.5))
        known = truth_in(trial, venue)
        trial.restart("simulator")
        assert truth_in(trial, venue) == known
    assert known.names, "nobody has traded"
    assert remembered_in(trial).replayed > 100
    strategy, desk = trial.actor(strategy_actor("trader")), trial.actor(venue_actor(name))
    assert isinstance(strategy, StrategyActor)
    assert isinstance(strategy.strategy, DiaryTrader)
    assert isinstance(desk, VenueActor)
    strategy.strategy.quiet = True
    for _ in range(120):
        trial.run_for(1.0)
        waits = desk.blotter.open_orders() or desk.core.in_flight or desk.core.reconciliation.doubts
        if desk.core.session_live and not waits and not strategy.orders:
            break
    truth, trader = truth_in(trial, venue), strategy.strategy
    assert list(check_books(venue, desk, truth)) == []
    assert list(check_orders(venue.name_at_venue, trader.submitted, trader.reports, truth)) == []


class Echo(Actor):
    """A venue in small: says what it was told, when, and whether it may; counts its ticks."""

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self.ctx = ctx
        self.story: list[tuple[object, ...]] = []
        ctx.set_timer("tick", now_ns + SECOND_NS)

    def on_timer(self, key: str, now_ns: int) -> None:
        self.story.append((key, now_ns, self.ctx.wall_ns(now_ns), self.ctx.random_below(1_000)))
        self.ctx.set_timer("tick", now_ns + SECOND_NS)

    def on_link_up(self, link: str, now_ns: int) -> None:
        self.story.append(("up", link, now_ns))

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        for _ in range(len(data)):
            may = self.ctx.writable(link)
            self.story.append((link, data, may, now_ns))
            if may:
                self.ctx.write(link, data)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self.story.append(("down", link))


class Host(MemoryHost):
    """A host whose journal outlives it."""

    def __init__(self, actor: Actor, kept: MemoryJournal, now_ns: int = 1_000, wall_later_ns: int = 0) -> None:
        self.kept, self.later_ns = kept, wall_later_ns
        super().__init__(actor, now_ns)

    @property
    def journal(self) -> MemoryJournal:
        return self.kept

    def wall_ns(self, now_ns: int) -> int:
        return super().wall_ns(now_ns) + self.later_ns


def lived(kept: MemoryJournal, steps: int, seed: int) -> tuple[Echo, Host]:
    """A life of random inputs, in which links push back now and then."""
    chance, echo = random.Random(seed), Echo()
    host = Host(RememberedVenue(echo, "echo"), kept)
    links = [host.connect() for _ in range(3)]
    for _ in range(steps):
        host.blocked = {link for link in links if chance.random() < 0.3}
        host.advance(chance.randrange(SECOND_NS))
        host.feed(chance.choice(links), bytes(chance.randrange(1, 5)))
    return echo, host


@pytest.mark.parametrize("seed", range(20))
def test_a_life_is_told_again_to_the_byte(seed: int) -> None:
    kept = MemoryJournal()
    echo, host = lived(kept, 30, seed)
    again = Echo()
    second = Host(RememberedVenue(again, "echo"), kept, host.now_ns)
    told = [("down", f"venue0#{number}@1") for number in (1, 2, 3)]
    assert again.story == echo.story + told
    assert not any(second.written.values()), "something left while it was told again"
    assert second.timers == host.timers


def test_a_new_life_has_links_and_timers_of_its_own_and_is_remembered_as_well() -> None:
    kept = MemoryJournal()
    _, host = lived(kept, 5, 1)
    second = Host(RememberedVenue(Echo(), "echo"), kept, host.now_ns)
    link = second.connect()
    second.feed(link, b"x")
    assert second.take(link) == b"x"
    second.advance(2 * SECOND_NS)
    third = Echo()
    Host(RememberedVenue(third, "echo"), kept, second.now_ns)
    assert ("venue0#1@2", b"x", True, host.now_ns) in third.story
    assert third.story[-1] == ("down", "venue0#1@2")


@pytest.mark.parametrize(("hours", "venue_hours"), [(1, 1), (0, 0), (-1, 0)])
def test_the_venues_clock_goes_on_as_utc_has_and_never_back(hours: int, venue_hours: int) -> None:
    kept, again = MemoryJournal(), Echo()
    _, host = lived(kept, 10, 2)
    utc_ns = host.wall_ns(host.now_ns) + hours * HOUR_NS
    booted = Host(RememberedVenue(again, "echo"), kept, now_ns=5, wall_later_ns=utc_ns - WALL_NS)
    booted.advance(2 * SECOND_NS)
    first = again.story[[step[0] for step in again.story].index("down") + 3]
    assert first[:1] == ("tick",)
    at_ns, at_utc_ns = first[1], first[2]
    assert isinstance(at_ns, int)
    assert isinstance(at_utc_ns, int)
    assert 0 <= at_ns - host.now_ns - venue_hours * HOUR_NS <= SECOND_NS
    assert at_utc_ns - utc_ns == at_ns - host.now_ns - venue_hours * HOUR_NS


class FullJournal(MemoryJournal):
    def append(self, payload: bytes, now_ns: int) -> int:
        if self.sequence >= 2:
            raise JournalFull("no room")
        return super().append(payload, now_ns)


def test_nothing_happens_that_could_not_be_written_down() -> None:
    echo = Echo()
    host = Host(RememberedVenue(echo, "echo"), FullJournal())
    link = host.connect()
    with pytest.raises(JournalFull):
        host.feed(link, b"order")
    assert host.take(link) == b""
    assert echo.story == [("up", "venue0#1@1", 1_000)]


def test_the_state_of_another_venue_or_program_is_refused() -> None:
    kept = MemoryJournal()
    _, host = lived(kept, 5, 4)
    with pytest.raises(UsageError, match=r"the state is of echo, not of other; .*another directory"):
        Host(RememberedVenue(Echo(), "other"), kept, host.now_ns)

    class Other(Echo):
        def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
            super().on_link_bytes(link, data, now_ns)
            self.ctx.write(link, b"more")

    with pytest.raises(UsageError, match="another program"):
        Host(RememberedVenue(Other(), "echo"), kept, host.now_ns)
