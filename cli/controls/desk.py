"""What most checks work on: the whole engine and its venues in virtual time, each exchange a host of its own.

The same actors, wiring and bytes as in production; the latch is a file. ``FLOW`` keeps the market quiet.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import overload

from actors.kill_switch import KillSwitchActor
from actors.places import KILL_SWITCH, latch_path, risk_actor, strategy_actor, venue_actor
from actors.runtime.spec import HostSpec
from actors.runtime.virtual_host import VirtualHost
from actors.runtime.weather import FairWeather, Weather
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.wiring import make_plan, open_state
from adapters.simulator.binance.orders import OrderRecord, OrderTerms
from adapters.simulator.binance.settings import SimAccount, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from cli.controls import book
from cli.controls.control import Broken, expect
from cli.controls.hand import Hand
from cli.simulation.people import approval
from cli.virtual_trial import VirtualTrial
from engine.actor import Actor, Endpoint
from engine.codes import KillMode, Side
from engine.messages import (
    KillApproval,
    KillQuery,
    KillReceipt,
    KillRecords,
    KillRelease,
    Message,
    StrategyEnable,
    ThrottleQuery,
    ThrottleRecords,
)
from risk.latch import LatchPage

__all__ = ["MS", "SECOND_NS", "Desk", "make_desk"]

MS, SECOND_NS = 1_000_000, 1_000_000_000
_PERSON = "person"
_FLOW = FlowParameters(events_per_second=20, resting_orders=200)
_LOTS = 1_000
#: So far below the market that no order of a check is filled by chance; within the collar.
_FAR_TICKS = 100_000


class _Storm(FairWeather):
    """Fair, until hosts are cut off from each other."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.cut: set[tuple[str, str]] = set()

    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | None:
        delay_ns = super().delay_ns(source, target, now_ns, link)
        return None if (source, target) in self.cut else delay_ns


class _Person(Actor):
    """Somebody at a command line."""

    def __init__(self, peers: tuple[str, ...]) -> None:
        self.peers = peers
        self.told: list[Message] = []

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        self.told.append(message)


class Exchange(SimulatedBinance):
    """One on which somebody else can use our account."""

    def trade_as_stranger(self, side: Side, lots: int, now_ns: int) -> int:
        """A market order in our account's name that no engine of ours has sent. Returns how much was traded."""
        account, listing = self.exchange.accounts["ours"], self.exchange.listings["BTCUSDT"]
        terms = OrderTerms(listing, side, "MARKET", "GTC", 0, lots, 0, f"stranger-{now_ns}", "NONE", "ACK")
        self._begin(now_ns)
        record, _ = self.exchange.place(account, terms, now_ns)
        self._finish()
        return record.cum_lots


class Desk(VirtualTrial):
    """An engine that trades. ``venues`` maps each venue to the account that trades there."""

    def __init__(self, folder: Path, venues: Mapping[str, str], toml: str, venue_limits: VenueLimits) -> None:
        config = book.load(folder, venues, toml)
        open_state(config)
        self.venues = dict(venues)
        self.storm = _Storm(1)
        self.person = _Person((KILL_SWITCH, *map(venue_actor, venues), *map(risk_actor, set(venues.values()))))
        first, *others = venues
        exchanges = {_exchange(name): partial(_make_exchange, self.venues, name, venue_limits) for name in others}
        self._first = first
        weather: Weather = self.storm
        super().__init__(
            config,
            partial(_make_exchange, self.venues, first, venue_limits),
            seed=1,
            weather=weather,
            more={**exchanges, _PERSON: lambda: self.person},
        )

    # -- what is where ------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.runtime.now_ns

    @property
    def receipt(self) -> KillReceipt:
        """Of the kill that was pressed last, as it stands."""
        if not self.presser.receipts:
            raise Broken("the kill switch gave no receipt")
        return self.presser.receipts[-1]

    @property
    def kill_switch(self) -> KillSwitchActor:
        actor = self.actor(KILL_SWITCH)
        assert isinstance(actor, KillSwitchActor)
        return actor

    @property
    def latch(self) -> LatchPage:
        return LatchPage.open(latch_path(self.config))

    def venue(self, name: str) -> VenueActor:
        actor = self.actor(venue_actor(name))
        assert isinstance(actor, VenueActor)
        return actor

    def exchange_host(self, venue: str) -> str:
        return "simulator" if venue == self._first else _exchange(venue)

    def exchange(self, venue: str) -> Exchange:
        actor = self.actor(self.exchange_host(venue))
        assert isinstance(actor, Exchange)
        return actor

    def orders_at(self, venue: str) -> list[OrderRecord]:
        """Every order that the exchange ever got from us, by its own books."""
        return self.exchange(venue).exchange.orders.all_orders("ours", "BTCUSDT")

    def open_at(self, venue: str) -> int:
        return len(self.exchange(venue).exchange.orders.open_orders("ours", "BTCUSDT"))

    def journal(self, actor: str) -> list[tuple[int, bytes]]:
        """(time, record) of everything in an actor's journal, oldest first."""
        return [(now_ns, payload) for _, now_ns, payload in self._journals[actor].records()]

    @property
    def engine_hosts(self) -> set[str]:
        """Every process of the engine, without the exchanges and people."""
        return {spec.name for spec in make_plan(self.config, seed=1)}

    def add_host(self, spec: HostSpec) -> None:
        """One more process, begun now."""
        like = self.runtime.hosts[venue_actor(self._first)]
        host = self.runtime.hosts[spec.name] = VirtualHost(self.runtime, spec, like.wall_offset_ns)
        host.start()

    def reconfigure(self, host: str, toml: str) -> None:
        """The host's next life runs on another configuration, in the same place."""
        config = book.load(Path(self.config.engine.state_dir).parent, self.venues, toml)
        spec = next(each for each in make_plan(config, seed=1) if each.name == host)
        cell = self.runtime.hosts[host]
        cell.spec = HostSpec(host, spec.actors, self._resources, spec.settings)

    def hand(self, strategy: str) -> Hand:
        actor = self.actor(strategy_actor(strategy))
        assert isinstance(actor, StrategyActor)
        hand = actor.strategy
        assert isinstance(hand, Hand)
        return hand

    # -- trading ------------------------------------------------------------------------------------------------

    def place(self, strategy: str, lots: int = _LOTS, *, away: int = _FAR_TICKS, sell: bool = False) -> str:
        """One limit order ``away`` ticks from the market's other side; below zero it takes. Returns its id."""
        hand = self.hand(strategy)
        quote = hand.quote
        if sell:
            return hand.sell(hand.instrument, lots, quote.bid_ticks + away)
        return hand.buy(hand.instrument, lots, quote.ask_ticks - away)

    def outcome(self, strategy: str, lots: int = _LOTS, *, away: int = _FAR_TICKS, sell: bool = False) -> str:
        """What becomes of an order placed now: its status after a moment, or the reason of its refusal."""
        order = self.place(strategy, lots, away=away, sell=sell)
        self.run_for(0.2)
        return self.hand(strategy).state_of(order)

    def rest(self, strategy: str, count: int) -> list[str]:
        """So many orders that rest at the venue; raises Broken unless they do."""
        orders = [self.place(strategy, away=_FAR_TICKS + number) for number in range(count)]
        self.run_for(0.3)
        states = {self.hand(strategy).state_of(order) for order in orders}
        expect(states == {"NEW"}, f"orders that should rest at the venue are {', '.join(sorted(states))}")
        return orders

    def take(self, strategy: str, lots: int) -> None:
        """A position: bought at the market or (negative) sold; raises Broken unless it is filled whole."""
        hand = self.hand(strategy)
        wanted = hand.position_lots(hand.instrument) + lots
        for _ in range(20):
            left = wanted - hand.position_lots(hand.instrument)
            if not left:
                return
            order = self.place(strategy, abs(left), away=-50_000, sell=left < 0)
            self.run_for(0.3)
            if hand.state_of(order) in ("NEW", "PARTIALLY_FILLED"):
                hand.cancel(order)
                self.run_for(0.3)
        raise Broken(f"{lots} lots could not be traded at the market: {hand.state_of(order)}")

    def press(self, scope: str, mode: KillMode = KillMode.CANCEL, seconds: float = 1.0) -> KillReceipt:
        """Kill, and wait so long."""
        self.kill(scope, mode)
        self.run_for(seconds)
        return self.receipt

    def cut_off(self, one: str, other: str) -> None:
        self.storm.cut |= {(one, other), (other, one)}

    def reconnect(self) -> None:
        self.storm.cut.clear()

    # -- people -------------------------------------------------------------------------------------------------

    def say(self, to: str, message: Message) -> None:
        """A message from somebody who has a link to the engine. Raises Broken when it does not arrive."""
        sent = self.runtime.actor(_PERSON).send(to, message)
        expect(sent, f"{type(message).__name__} could not be sent to {to}")
        self.run_for(0.2)

    @overload
    def ask(self, message: KillApproval | KillRelease | KillQuery) -> KillRecords: ...

    @overload
    def ask(self, message: ThrottleQuery | StrategyEnable, of: str) -> ThrottleRecords: ...

    def ask(self, message: Message, of: str = KILL_SWITCH) -> Message:
        """The answer to a question. Raises Broken when there is none."""
        self.person.told.clear()
        self.say(of, message)
        answers = [each for each in self.person.told if isinstance(each, KillRecords | ThrottleRecords)]
        if not answers:
            raise Broken(f"{of} does not answer {type(message).__name__}")
        return answers[-1]

    @property
    def wall_ns(self) -> int:
        return self.runtime.actor(_PERSON).wall_ns(self.now_ns)

    def approve(self, kill: KillReceipt, person: str, signer: str = "") -> str:
        """``signer`` signs in the name of ``person``. Returns why it was refused; empty: it was not."""
        expires_ns = self.wall_ns + 300 * SECOND_NS
        return self.ask(approval(kill.kill_id, kill.scope, kill.mode, person, signer or person, expires_ns)).refusal

    def release(self, kill: KillReceipt, by: str = "ann") -> str:
        return self.ask(KillRelease(kill.kill_id, by)).refusal


def make_desk(
    folder: Path,
    venues: Mapping[str, str] | None = None,
    strategies: Mapping[str, str] | None = None,
    toml: str = "",
    *,
    runtime: str = "local",
    venue_requests: int = 300_000,
    limits: Mapping[str, str | int] | None = None,
) -> Desk:
    """A desk that trades. ``venues``: venue → account; one, "alpha" of "desk", unless told otherwise. ``strategies``:
    strategy → venue; "one" at the first unless told otherwise. ``venue_requests``: what each exchange takes of us in
    five minutes. ``limits`` replace those of ``book.LIMITS``. Raises Broken when it does not come up."""
    venues = venues or {"alpha": "desk"}
    strategies = strategies or {"one": next(iter(venues))}
    venue_limits = VenueLimits(orders_per_10_seconds=100_000, requests_per_5_minutes=venue_requests)
    desk = Desk(folder, venues, book.text(venues, strategies, toml, runtime=runtime, limits=limits), venue_limits)
    desk.start()
    for _ in range(20):
        desk.run_for(0.5)
        if all(desk.hand(strategy).quotes for strategy in strategies):
            return desk
    raise Broken("the strategies have no market 10 s after the start")


def _exchange(venue: str) -> str:
    return f"exchange.{venue}"


def _make_exchange(venues: Mapping[str, str], venue: str, limits: VenueLimits) -> Exchange:
    instrument = default_instrument(0, "BTCUSDT", venue)
    crowd = SimAccount("crowd", (), tuple((asset, "1000000000") for asset, _ in book.BALANCES))
    return Exchange(
        {instrument.symbol: SyntheticMarket(instrument, 1 + book.port_of(venues, venue), _FLOW)},
        (book.account_at_venue(venue), crowd),
        (Endpoint("localhost", book.port_of(venues, venue), False),),
        VenueOptions(limits),
    )
