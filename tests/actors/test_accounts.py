"""Several accounts in one engine, at one venue and at several: what happens to one leaves the others alone."""

import re
from pathlib import Path

import msgspec
import pytest
from trading_desk import MS, Desk, MakeDesk, strategy

from actors.adoption import ADOPTED
from actors.places import risk_actor, venue_actor
from actors.venue import VenueActor
from actors.wiring import open_state
from adapters.simulator.faults.rules import FaultScript
from adapters.simulator.venue import SimulatedVenue
from cli.venue_trials.books import truth_of
from cli.venue_trials.venues import ACCOUNT, TRIAL_VENUES, write_config
from cli.virtual_trial import VirtualTrial
from config.loader import load_config
from engine.actor import Actor, Endpoint
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import (
    CancelOrder,
    ExecutionReport,
    LogonRefused,
    Message,
    NewOrder,
    PositionSnapshot,
    Quote,
    StrategyLogon,
)
from engine.order import Approved, Order

OTHERS = ("second", "third")
THREE = (strategy("hand"), *(strategy(f"{name}-hand", venue=name) for name in OTHERS))
HANDS = {"desk": "hand", **{name: f"{name}-hand" for name in OTHERS}}
OPEN_ORDERS = 40


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(*THREE, more_venues=OTHERS)


class Stranger(Actor):
    """A strategy's actor that was given another account, or none."""

    peers = (venue_actor("second"),)

    def __init__(self) -> None:
        self.answers: list[Message] = []

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        self.answers.append(message)


def rest(desk: Desk, account: str) -> str:
    """One more resting order: its status, or why it was refused."""
    hand = desk.strategy(HANDS[account])
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - len(hand.reports))
    desk.run_for(0.05)
    report = hand.last(order)
    return str(report.refusal.reason.name if report.refusal else report.order_status.name)


# -- at one venue ------------------------------------------------------------------------------------------------


def test_one_accounts_limits_are_not_anothers(desk: Desk) -> None:
    told = [rest(desk, "second") for _ in range(OPEN_ORDERS + 2)]
    assert told == ["NEW"] * OPEN_ORDERS + ["OPEN_ORDERS"] * 2
    assert rest(desk, "desk") == rest(desk, "third") == "NEW"
    assert [len(desk.open_at_venue(account)) for account in HANDS] == [1, OPEN_ORDERS, 1]


@pytest.mark.parametrize("account", list(HANDS))
def test_a_kill_of_an_account_stops_exactly_that_one(desk: Desk, account: str) -> None:
    for each in HANDS:
        assert rest(desk, each) == "NEW"
    desk.kill(f"account:{account}")
    desk.run_for(1)
    assert {each: rest(desk, each) for each in HANDS} == {
        each: "HALTED" if each == account else "NEW" for each in HANDS
    }
    assert [len(desk.open_at_venue(each)) for each in HANDS] == [0 if each == account else 2 for each in HANDS]


def test_an_account_whose_risk_actor_dies_loses_its_own_lease(desk: Desk) -> None:
    desk.runtime.crash(risk_actor("second"))
    desk.run_for(2)
    assert rest(desk, "second") in ("LEASE_EXPIRED", "NO_LEASE")
    assert rest(desk, "desk") == rest(desk, "third") == "NEW"


def test_a_strategy_neither_trades_nor_sees_anothers_account(desk: Desk) -> None:
    rest(desk, "second")
    (theirs,) = desk.open_at_venue("second")
    before = len(desk.told("second-hand"))
    venue, stranger = venue_actor("second"), Stranger()
    intruder = desk.add("strategy.stranger", stranger)
    desk.run_for(0.2)
    answers = stranger.answers
    instrument_id = desk.venue_of("second").settings.instrument_ids[0]
    for account_id, strategy_id in (("second", "second-hand"), ("desk", "hand"), ("second", "hand")):
        order = f"{strategy_id}-99-1"
        terms = (instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1_000, 5_000_000)
        intruder.send(venue, StrategyLogon(strategy_id, account_id, 0, 0))
        intruder.send(venue, NewOrder(order, account_id, strategy_id, *terms))
        intruder.send(venue, CancelOrder(theirs.client_order_id, "second", strategy_id))
    desk.run_for(0.5)
    assert [each.client_order_id for each in desk.open_at_venue("second")] == [theirs.client_order_id]
    assert len(desk.told("second-hand")) == before
    refused = [each for each in answers if isinstance(each, LogonRefused)]
    assert len(refused) == 3
    reports = [each for each in answers if isinstance(each, ExecutionReport)]
    assert all(each.refusal is not None and each.refusal.reason is Reason.WRONG_STRATEGY for each in reports)
    assert len(reports) == 6
    assert not any(each.order_id for each in reports)
    assert not any(isinstance(each, Quote | PositionSnapshot) for each in answers)


def test_one_hosts_sessions_divide_what_the_venue_counts_per_address(desk: Desk) -> None:
    """The whole limit of one of them is what the three may spend together."""
    sessions = [desk.venue_of(name).session for name in ("binance", *OTHERS)]
    parts = [session.options.request_share_percent for session in sessions]  # type: ignore[attr-defined]
    assert parts == [33, 33, 33]


# -- at three venues -----------------------------------------------------------------------------------------------

_PORTS = {"binance": 9443, "kraken": 9444, "coinbase": 9445}
_TRIGGERS = """
[[triggers]]
kind = "{kind}"
scope = "venue:{venue}"
mode = "cancel"
consecutive = 2
{more}
"""


class Firm(VirtualTrial):
    """An engine with an account at each of the three venues, and a strategy that trades there."""

    def __init__(self, folder: Path, faults: dict[str, str], triggers: str = "", foreign_orders: str = "leave") -> None:
        parts = [self._part(name, folder) for name in _PORTS]
        zero = 'opening_positions = "zero"\n'
        parts = [part.replace(zero, f'{zero}foreign_orders = "{foreign_orders}"\n') for part in parts]
        head = parts[0][: parts[0].index("[[accounts]]")]
        file = folder / "firm.toml"
        file.write_text(head + "".join(part[part.index("[[accounts]]") :] for part in parts) + triggers)
        config = load_config(file, check_files=False)  # the trials' keys are the same text
        open_state(config)
        self.venues = {name: self._simulated(name, faults.get(name, "")) for name in _PORTS}
        more = {f"at-{name}": (lambda venue=venue: venue) for name, venue in self.venues.items() if name != "binance"}
        super().__init__(config, lambda: self.venues["binance"], seed=1, more=more)
        self.start()

    def _part(self, name: str, folder: Path) -> str:
        """The trial's configuration, with names and a port of its own."""
        (folder / name).mkdir()
        text = write_config(TRIAL_VENUES[name], folder / name, 1).read_text()
        text = text.replace('"trial"', f'"{name}"').replace('"trader"', f'"{name}-trader"')
        text = text.replace("localhost:9443", f"localhost:{_PORTS[name]}").replace(
            'state_dir = "state"', 'state_dir = "s"'
        )
        return re.sub(r'"venue\.(key|secret)"', rf'"{name}/venue.\1"', text)

    def _simulated(self, name: str, faults: str) -> SimulatedVenue:
        venue = TRIAL_VENUES[name].simulated(1)
        venue._endpoints = (Endpoint("localhost", _PORTS[name], False),)  # type: ignore[attr-defined]  # one each
        if faults:
            venue.play(msgspec.toml.decode(faults, type=FaultScript).fault, 1)
        return venue

    def desk(self, name: str) -> VenueActor:
        actor = self.actor(venue_actor(name))
        assert isinstance(actor, VenueActor)
        return actor

    def fills(self, name: str) -> int:
        return self.desk(name).status().counters["fills"]

    def halted(self) -> set[str]:
        return {name for name in _PORTS if not self.desk(name).core.latch.is_trading()}


def test_three_venues_trade_at_once_and_a_kill_of_one_account_is_of_one_venue(tmp_path: Path) -> None:
    firm = Firm(tmp_path, {})
    firm.run_for(12)
    before = {name: firm.fills(name) for name in _PORTS}
    assert all(before.values())
    firm.kill("account:kraken")
    firm.run_for(8)
    assert firm.halted() == {"kraken"}
    assert not firm.desk("kraken").blotter.open_orders()
    arrived = firm.venues["kraken"].faults.arrived
    sent = arrived["order"], arrived["replace"]
    firm.run_for(4)
    assert (arrived["order"], arrived["replace"]) == sent
    assert firm.fills("binance") > before["binance"]
    assert firm.fills("coinbase") > before["coinbase"]
    for name in _PORTS:
        truth = truth_of(firm.venues[name], ACCOUNT, TRIAL_VENUES[name].instrument.symbol)
        counters = firm.desk(name).status().counters
        assert (counters["foreign_orders"], counters["violations"], counters["balance_differences"]) == (0, 0, 0), name
        assert truth.fills


def test_a_venues_clock_that_is_wrong_is_measured_and_beyond_its_bound_kills_its_own_scope_only(tmp_path: Path) -> None:
    skews = {"binance": 700, "kraken": 900, "coinbase": -600}
    skew = 'about = "x"\nincident = 0\n[[fault]]\ndo = "clock_skew"\nby_ms = {}\nat_ms = 0\nfor_ms = 90000\n'
    triggers = "".join(_TRIGGERS.format(kind="clock_offset", venue=each, more="offset_ms_max = 800") for each in _PORTS)
    firm = Firm(tmp_path, {name: skew.format(by_ms) for name, by_ms in skews.items()}, triggers)
    firm.run_for(34)  # two of the clocks are looked at every half minute
    offsets = {each: firm.desk(each).status().counters["clock_offset_ns"] for each in _PORTS}
    assert all(abs(offsets[name] - by_ms * MS) < 50 * MS for name, by_ms in skews.items())
    assert firm.halted() == {"kraken"}


@pytest.mark.parametrize("name", list(_PORTS))
def test_holes_in_a_venues_books_are_counted_and_kill_its_own_scope_only(tmp_path: Path, name: str) -> None:
    gaps = 'about = "x"\nincident = 0\n[[fault]]\ndo = "gap"\nmessage = "book"\nat_ms = 3000\nevery = 25\nlost = 2\n'
    more = "gaps_max = 1\nwindow_ms = 60000"
    triggers = "".join(_TRIGGERS.format(kind="gapped_market_data", venue=each, more=more) for each in _PORTS)
    firm = Firm(tmp_path, {name: gaps}, triggers)
    firm.run_for(12)
    assert firm.desk(name).events.book_gaps >= 2
    assert all(firm.desk(each).events.book_gaps == 0 for each in _PORTS if each != name)
    assert firm.halted() == {name}


@pytest.mark.parametrize("name", list(_PORTS))
def test_a_venue_that_goes_silent_is_stale_and_kills_its_own_scope_only(tmp_path: Path, name: str) -> None:
    more = "age_ms_max = 3000"
    triggers = "".join(_TRIGGERS.format(kind="stale_market_data", venue=each, more=more) for each in _PORTS)
    firm = Firm(tmp_path, {}, triggers)
    firm.run_for(4)
    assert firm.halted() == set()
    host = "simulator" if name == "binance" else f"at-{name}"
    firm.runtime.crash(host)
    firm.run_for(5)
    assert firm.halted() == {name}


def stranger_places_an_order(firm: Firm, name: str) -> None:
    """With our key, and unknown to our books: then the venue actor is born anew, and remembers nothing."""
    desk = firm.desk(name)
    quote = desk.core.quotes[desk.settings.instrument_ids[0]]
    lots, price = TRIAL_VENUES[name].lots * 10, quote.bid_ticks * 98 // 100
    terms = (quote.instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, lots, price)
    order = Order.from_new(NewOrder("by-hand-1-1", name, "nobody", *terms))
    desk.session.transmit(desk.session.encode_new(Approved(order), firm.runtime.now_ns), firm.runtime.now_ns)
    firm.run_for(0.5)
    firm.restart(venue_actor(name))
    firm.run_for(4)


@pytest.mark.parametrize("name", list(_PORTS))
def test_a_strangers_order_is_adopted_at_every_venue_and_a_kill_cancels_it(tmp_path: Path, name: str) -> None:
    firm = Firm(tmp_path, {}, foreign_orders="adopt")
    firm.run_for(2)
    stranger_places_an_order(firm, name)
    (order,) = firm.desk(name).blotter.open_orders(ADOPTED)
    assert order.status is OrderStatus.NEW
    assert order.order_id
    firm.kill(f"account:{name}")
    firm.run_for(4)
    assert not firm.desk(name).blotter.open_orders()
    assert order.status is not OrderStatus.NEW
    assert open_at(firm, name) == 0


@pytest.mark.parametrize("name", list(_PORTS))
def test_a_strangers_order_is_cancelled_at_every_venue(tmp_path: Path, name: str) -> None:
    firm = Firm(tmp_path, {}, foreign_orders="cancel")
    firm.run_for(2)
    stranger_places_an_order(firm, name)
    assert firm.desk(name).foreign.found == 1
    firm.kill("global")
    firm.run_for(3)
    assert open_at(firm, name) == 0


def open_at(firm: Firm, name: str) -> int:
    truth = truth_of(firm.venues[name], ACCOUNT, TRIAL_VENUES[name].instrument.symbol)
    return truth.open_orders
