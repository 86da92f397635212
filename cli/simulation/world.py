"""A scenario's actors on virtual hosts: the engine's own wiring, simulated venues that misbehave, an observer."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec

from actors.places import (
    KILL_SWITCH,
    NODE_AGENT,
    fencing_actors,
    latch_path,
    risk_actor,
    run_dir,
    strategy_actor,
    venue_actor,
)
from actors.runtime.seal import PageSeal
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from actors.runtime.virtual import VirtualRuntime
from actors.runtime.virtual_host import VirtualActor
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.venue_records import decode_record
from actors.wiring import build_actor, build_node_agent, latch_view, make_plan, open_state
from adapters.binance.session import BinanceSession
from adapters.simulator.synthetic_market import default_instrument
from cli.simulation.account_promise import AccountPromise
from cli.simulation.conservation import check_reserved
from cli.simulation.fence import VirtualFence
from cli.simulation.halt_promise import HaltPromise
from cli.simulation.intruder import INTRUDER, Intruder
from cli.simulation.journal import LossyJournal
from cli.simulation.kills import PRESSER, Presser
from cli.simulation.lease_promise import LeasePromise
from cli.simulation.limit_promise import AccountBounds, LimitPromise, LimitRow
from cli.simulation.listening import listen_in
from cli.simulation.observer import Observer
from cli.simulation.orphans import OrphanWatch
from cli.simulation.rest import unrest
from cli.simulation.scenario import Scenario
from cli.simulation.settings import write_config
from cli.simulation.trace import Trace
from cli.simulation.trader import Trader
from cli.simulation.truth import Violation
from cli.simulation.venue import FaultyVenue, make_venue
from cli.simulation.weather import Storms
from config.loader import load_config
from config.settings import instruments_of
from engine.actor import Actor
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.messages import NewOrder, decode_message
from risk.latch import LatchPage

__all__ = ["World", "exchange_host"]

_SECOND_NS = 1_000_000_000
#: Records that a power cut can take.
_UNSYNCED_MAX = 12
#: A session that tries again soon: more happens in the same time.
_IMPATIENT = {
    "answer_timeout_ns": 3 * _SECOND_NS,
    "auth_retry_ns": 3 * _SECOND_NS,
    "idle_timeout_ns": 25 * _SECOND_NS,
    "retry_max_ns": 2 * _SECOND_NS,
}


def exchange_host(venue: str) -> str:
    return f"exchange.{venue}"


class _NoLatency:
    def record(self, stage: str, latency_ns: int) -> None:
        """Handlers take no time here."""

    def group(self, stages: Sequence[str]) -> Callable[..., None]:
        return lambda *latencies_ns: None


class _Runtime(VirtualRuntime):
    """Whatever actors log is part of the trace."""

    trace: Trace

    account: AccountPromise

    def record(self, actor: str, event: str, fields: dict[str, object]) -> None:
        if event.startswith("the host was booted"):
            self.account.renumbered.add(actor)
        self.trace.note(self.now_ns, actor, event, *fields.values())


class World:
    """``directory`` holds configuration, keys and latch. Raises Violation out of ``runtime.step``."""

    def __init__(self, scenario: Scenario, directory: Path, trace_lines: int) -> None:
        self.scenario = scenario
        self.trace = Trace(trace_lines)
        self.config = load_config(write_config(scenario, directory))
        open_state(self.config)
        self.page = LatchPage.open(latch_path(self.config))
        self.weather = Storms(scenario.seed, scenario.latency_ns, scenario.jitter_ns)
        self.journals: dict[str, LossyJournal] = {}
        self.repeatable: list[tuple[str, str, bytes]] = []
        self.quiet = False
        self.steps = 0
        #: Venue actors that do not know of all their orders, until they send one: by then they have to.
        self.forgetful: set[str] = set()
        #: When the present life of each venue actor began.
        self.born_ns: dict[str, int] = {}
        #: More of them would be a storm: somebody who asks again and again without end.
        self.steps_max = 1 << 62
        self._checked_sequence: dict[str, int] = {}
        self._last_ticks: dict[int, int] = {}
        self.plans = {venue_actor(venue.name): venue for venue in scenario.venues}
        self._engine_hosts = make_plan(self.config, seed=scenario.seed)
        _Runtime.trace = self.trace
        self.runtime = _Runtime(self._hosts(), scenario.seed, self.weather, surface_failures=False)
        self._make_promises()
        self.runtime.on_step = self.check_step

    # -- hosts --------------------------------------------------------------------------------------------------

    @property
    def engine_hosts(self) -> list[str]:
        return [host.name for host in self._engine_hosts]

    def _hosts(self) -> list[HostSpec]:
        settings = HostSettings(run_dir="virtual", config_hash="", seed=self.scenario.seed)
        exchanges = [
            HostSpec(
                exchange_host(venue.name),
                (self._actor(exchange_host(venue.name), partial(self._make_venue, exchange_host(venue.name), venue)),),
                self._resources,
                settings,
            )
            for venue in self.scenario.venues
        ]
        engine = [
            HostSpec(
                host.name,
                tuple(self._actor(spec.name, self._factory(spec.name), spec.arguments) for spec in host.actors),
                self._resources,
                host.settings,
            )
            for host in self._engine_hosts
        ]
        targets = (
            KILL_SWITCH,
            *map(risk_actor, self.scenario.accounts),
            *self.plans,
            *fencing_actors(self.config),
        )
        outside = [
            HostSpec(PRESSER, (ActorSpec(PRESSER, lambda _: Presser()),), self._resources, settings),
            HostSpec(INTRUDER, (ActorSpec(INTRUDER, lambda _: Intruder(targets)),), self._resources, settings),
        ]
        return [*exchanges, *engine, *outside]

    def _actor(self, name: str, factory: Callable[[bytes], Actor], arguments: bytes = b"") -> ActorSpec:
        def build(given: bytes) -> Actor:
            actor = factory(given)
            self._built(name, actor)
            return actor

        return ActorSpec(name, build, arguments)

    def _factory(self, name: str) -> Callable[[bytes], Actor]:
        fence = VirtualFence(self)
        return (lambda _: build_node_agent(self.config, fence)) if name == NODE_AGENT else build_actor

    def _make_venue(self, name: str, plan: object, _: bytes) -> Actor:
        found = next(venue for venue in self.scenario.venues if exchange_host(venue.name) == name)
        return make_venue(name, found, self.scenario, self.trace)

    def _resources(self, actor: str, arguments: bytes) -> Resources:
        journal = self.journals.setdefault(actor, LossyJournal())
        return Resources(journal, latch_view(self.config, actor), _NoLatency())

    def _built(self, name: str, actor: Actor) -> None:
        """A new life begins: listen in on what the promises need to know of it."""
        if isinstance(actor, StrategyActor):
            listen_in(self, actor)
        elif isinstance(actor, FaultyVenue):
            venue = venue_actor(actor.plan.name)
            actor.exchange.on_change = self.observer.watch(venue, lambda: self.runtime.now_ns)
        elif isinstance(actor, VenueActor):
            if self.scenario.impatient and isinstance(actor.session, BinanceSession):
                actor.session.options = msgspec.structs.replace(actor.session.options, **_IMPATIENT)
            self.limit.restarted(self.plans[name].account)
            self.born_ns[name] = self.runtime.now_ns
            self._checked_sequence.pop(name, None)

    # -- promises -----------------------------------------------------------------------------------------------

    def _make_promises(self) -> None:
        scenario, config = self.scenario, self.config
        instruments: dict[tuple[str, str], Instrument] = {}
        rows = []
        for each in instruments_of(config):
            venue = venue_actor(each.venue)
            instrument = default_instrument(each.instrument_id, each.symbol, each.venue)
            instruments[venue, each.symbol] = instrument
            lots_of = instrument.quantity_lots
            plan = self.plans[venue]
            position_max, order_max = lots_of(plan.position_max), lots_of(plan.order_max)
            rows.append(LimitRow(venue, each.instrument_id, position_max, order_max, each.symbol == "BTCUSDT"))
        asset_lots = default_instrument().quantity_lots(scenario.asset_max)
        rate = scenario.orders_per_second
        gross, net = scenario.gross_notional_max, scenario.net_notional_max
        bounds = AccountBounds(scenario.open_orders_max, rate, gross, asset_lots, net)
        self._defined = {each.instrument_id: each for each in instruments.values()}
        self.instruments = {each.instrument_id: each.name for each in instruments_of(config)}
        accounts = {name: plan.account for name, plan in self.plans.items()}
        self.lease = LeasePromise(config.lease.duration_ns)
        self.limit = LimitPromise(rows, accounts, dict.fromkeys(scenario.accounts, bounds), self._worth)
        venue_of = {each.id: venue_actor(each.venue.name) for each in scenario.strategies}
        self.account = AccountPromise(venue_of, tuple(self.plans), self.limit)
        seal = PageSeal(run_dir(config), latch_path(config))
        self.halt = HaltPromise(
            self.account.written_by,
            accounts,
            self.limit.shrinks,
            self.account.venue_of,
            lambda venue: venue in seal([venue]),
        )
        self.runtime.account = self.account
        self.observer = Observer(
            self.trace,
            instruments,
            self.plans,
            self.journals,
            self.lease,
            self.limit,
            self.halt,
            self.account,
            lambda cell, peer, payload: self._may_repeat(cell.name, peer, payload),
            lambda host: self.born_ns[host] if self.runtime.hosts[host].is_up else None,
            self.forgetful.discard,
        )
        self.runtime.network.probe = self.observer

    def _worth(self, venue: str, instrument_id: int, lots: int) -> float:
        """By the middle of the venue's own market, or by what is left of it when somebody has traded all else away."""
        instrument = self._defined[instrument_id]
        market = self.venue(self.plans[venue].name).exchange.listings[instrument.symbol].market
        bid_ticks, _, ask_ticks, _ = market.best()
        ticks = (bid_ticks + ask_ticks) // 2 if bid_ticks and ask_ticks else bid_ticks + ask_ticks
        ticks = self._last_ticks[instrument_id] = ticks or self._last_ticks.get(instrument_id, 0)
        return float(lots * ticks * instrument.tick_lot_value)

    def _may_repeat(self, sender: str, peer: str, payload: bytes) -> None:
        self.repeatable.append((sender, peer, payload))
        if len(self.repeatable) > 100:
            del self.repeatable[:50]

    def check_step(self) -> None:
        """After each step: what can have changed is compared with what has been promised."""
        self.steps += 1
        if self.steps > self.steps_max:
            raise unrest(self) or Violation("Account", "does not come to rest: events without end")
        if self.runtime.failures:
            name, error = next(iter(self.runtime.failures.items()))
            raise Violation("Actor failed", f"{name}: {error!r}")
        touched = self.observer.touched
        for venue in touched:
            self.limit.check(venue)
        for venue in self.plans:
            journal = self.journals.get(venue)
            sequence = journal.sequence if journal is not None else 0
            if venue not in touched and sequence == self._checked_sequence.get(venue):
                continue
            actor = self.running_venue(venue)
            if actor is not None:
                self._checked_sequence[venue] = sequence
                if venue not in self.forgetful:
                    self.limit.check_engine(actor, venue)
                check_reserved(actor, venue)
        touched.clear()
        if self.observer.kill_switch_heard:
            self.observer.kill_switch_heard = False
            self.halt.check_page(self.page)

    def running_venue(self, venue: str) -> VenueActor | None:
        """The venue actor, when its host is up and not in the middle of a handler."""
        host = self.runtime.hosts[venue]
        cell = host.actors.get(venue)
        if cell is None or host.is_stalled or not isinstance(cell.actor, VenueActor):
            return None
        return cell.actor if hasattr(cell.actor, "core") else None

    # -- what can be done to it ---------------------------------------------------------------------------------

    def venue(self, name: str) -> FaultyVenue:
        actor = self.runtime.actor(exchange_host(name)).actor
        assert isinstance(actor, FaultyVenue)
        return actor

    def crash(self, host: str) -> None:
        for actor in self.runtime.hosts[host].actors:
            if actor.startswith("strategy."):
                self.account.forgotten(actor.removeprefix("strategy."))
                if actor == host:
                    OrphanWatch(self, actor.removeprefix("strategy."))
        self.runtime.crash(host)

    def restart_later(self, name: str, seconds: float) -> None:
        """Unless it has been started until then. Whoever cannot start, because the disk is full for example, is started
        again a little later."""
        self.runtime.agenda.put(self.runtime.now_ns + int(seconds * _SECOND_NS), partial(self._restart, name))

    def _restart(self, name: str) -> None:
        if self.runtime.hosts[name].is_up:
            return
        self.trace.note(self.runtime.now_ns, "CHAOS", "restart", name)
        try:
            self.runtime.restart(name)
        except UsageError as error:
            self.trace.note(self.runtime.now_ns, "CHAOS", name, "cannot start:", error)
            self.runtime.failures.clear()
            self.runtime.crash(name)
            self.restart_later(name, 0.5)

    def power_cut(self, name: str, random: Random) -> int:
        """The machine goes down: what was not synced is gone, and its monotonic clock begins anew at 0. Returns how
        many records were lost."""
        host = self.runtime.hosts[name]
        actors = [actor for actor in host.actors if actor in self.journals]
        self.crash(name)
        before_ns = host.clock_ns()
        host.drift(0)
        host.clock_offset_ns = -self.runtime.now_ns
        host.wall_offset_ns += before_ns - host.clock_ns()
        count = 0
        for actor in actors:
            lost = self.journals[actor].lose_tail(random, _UNSYNCED_MAX, self._keeps if actor in self.plans else _never)
            count += len(lost)
            if actor in self.plans:
                self.forgetful.add(actor)
                self.account.lost([decode_record(payload) for payload in lost])
        return count

    def _keeps(self, payload: bytes) -> bool:
        """An order that was filled in part and then cancelled has another name at the venue: once its own record is
        lost nobody can find it again. That is known, and left out here."""
        record = decode_record(payload)
        order = self.account.orders.get(getattr(record, "client_order_id", ""))
        return order is not None and order.ended and 0 < order.cum_lots < order.lots

    def repeat(self, cell: VirtualActor, peer: str, payload: bytes) -> None:
        """A message comes once more."""
        message = decode_message(payload)
        if isinstance(message, NewOrder):
            known = self.account.orders.get(message.client_order_id)
            if known is None or not known.written:
                return  # a refused one left no trace: it would be a new order
            self.account.doubled.add(message.client_order_id)
        self.trace.note(self.runtime.now_ns, "CHAOS", cell.name, "repeats", type(message).__name__, "to", peer)
        self.runtime.network.again(cell, peer, payload)

    def strategies(self) -> list[StrategyActor]:
        """Those that run now."""
        cells = [
            self.runtime.hosts[host].actors.get(strategy_actor(each.id))
            for each in self.scenario.strategies
            for host in (strategy_actor(each.id) if each.placement == "own-process" else venue_actor(each.venue.name),)
        ]
        return [cell.actor for cell in cells if cell is not None and isinstance(cell.actor, StrategyActor)]

    def calm(self) -> None:
        """Strategies send nothing new from now on, in this life or another."""
        self.quiet = True
        for actor in self.strategies():
            if isinstance(actor.strategy, Trader):
                actor.strategy.quiet = True


def _never(payload: bytes) -> bool:
    return False
