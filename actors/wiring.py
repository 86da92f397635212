"""Who talks to whom: the only place that turns a configuration into named actors, their hosts and what they own.
``build_actor`` and ``build_resources`` run in the process that hosts the actor, so a plan is plain data.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from actors.account_exposure import ExposureScope, exposure_names
from actors.fencing import FencingSettings
from actors.gate_limits import account_limits, strategy_limits
from actors.kill_switch import KILL_COUNTERS, KillSwitchActor, KillSwitchSettings
from actors.node_agent import NodeAgent, NodeAgentSettings
from actors.places import (
    KILL_SWITCH,
    NODE_AGENT,
    clutched_strategies,
    counters_path,
    fencing_actors,
    journal_dir,
    latch_path,
    latency_path,
    risk_actor,
    router_actor,
    run_dir,
    shadow_actor,
    strategy_actor,
    trading_names,
    undertaker_actor,
    venue_actor,
)
from actors.risk import RiskActor, RiskActorSettings
from actors.routed_markets import RouteMember, RouteSpec
from actors.router import RouterActor, RouterSettings
from actors.runtime.durability import SYNC_STAGE
from actors.runtime.fence import ProcessFence
from actors.runtime.observer import BlockingObserver
from actors.runtime.seal import PageSeal, create_window
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from actors.runtime.urgency import Lender, give_way
from actors.sessions import cancelling_session, trading_session, warm_up
from actors.shadow import ShadowActor, ShadowSettings
from actors.strategy import StrategyActor, VenueRoute
from actors.strategy_source import build_strategy, load_strategy_class
from actors.telling import NoLoan
from actors.trigger_specs import trigger_specs
from actors.undertaker import Undertaker, UndertakerSettings
from actors.venue import ORDER_STAGES, VenueActor, VenueActorSettings
from actors.venue_counters import venue_counter_names
from config.accounts import request_share_percent
from config.hashing import run_hash
from config.route_settings import ROUTE
from config.routes import is_routed, routes_of, venues_of
from config.settings import EngineConfig, StrategySettings, VenueSettings, instruments_of
from engine.actor import Actor
from engine.book_audit import BookAudit
from engine.codes import KillMode
from engine.errors import UsageError
from engine.journal import MemoryJournal
from risk.budgets import shared_budgets
from risk.counters import CounterPage
from risk.enabling import EnablingRules
from risk.escrow_holder import cushion
from risk.latch import LatchCause, LatchPage, LatchView, view_latch
from risk.latency import LatencyPage
from risk.release import ReleaseRules
from risk.response import RESPONSE_NAMES
from risk.trigger_reading import instrument_name
from store.segment import SegmentJournal

__all__ = [
    "Plan",
    "build_actor",
    "build_node_agent",
    "build_resources",
    "counter_names_of",
    "latch_view",
    "make_plan",
    "open_state",
    "stages_of",
    "venue_settings",
]


class Plan(msgspec.Struct, frozen=True):
    """What one actor's process needs to know to build it. ``audit_books``: compare every book with its reference."""

    config: EngineConfig
    actor: str
    audit_books: bool


# -- hosts ---------------------------------------------------------------------------------------------------------


def make_plan(config: EngineConfig, *, seed: int = 0, audit_books: bool = False) -> tuple[HostSpec, ...]:
    """One process per actor; a co-located strategy shares its venue actor's. Raises UsageError for a bad source."""
    for strategy in config.strategies:
        load_strategy_class(strategy.source)
    hosts: dict[str, list[str]] = {name: [name] for name in (KILL_SWITCH, *fencing_actors(config))}
    for account in config.accounts:
        hosts[risk_actor(account.id)] = [risk_actor(account.id)]
    for venue in config.venues:
        hosts[venue_actor(venue.name)] = [venue_actor(venue.name)]
    for strategy in config.strategies:
        name = strategy_actor(strategy.id)
        if strategy.placement == "co-located":
            host = hosts[venue_actor(strategy.venue)]
        else:
            host = hosts[name] = []
        host += [router_actor(strategy.id), name] if is_routed(strategy) else [name]
    for strategy in clutched_strategies(config):
        hosts[shadow_actor(strategy.id)] = [shadow_actor(strategy.id)]
    settings = HostSettings(
        run_dir=str(run_dir(config)),
        config_hash=run_hash(config),
        seed=seed,
        log_file=str(run_dir(config) / "log.jsonl"),
        frame_bytes=config.queues.frame_bytes_max,
        peer_buffer_bytes=config.queues.peer_kib_max * 1024,
        tune_gc=config.engine.runtime == "ray",
        sync_every_ns=config.journal.sync_ms * 1_000_000,
    )
    return tuple(
        HostSpec(
            name=host,
            actors=tuple(
                ActorSpec(actor, "actors.wiring:build_actor", _arguments(Plan(config, actor, audit_books)))
                for actor in actors
            ),
            resources="actors.wiring:build_resources",
            settings=_host_settings(config, host, settings),
            resources_arguments=_arguments(Plan(config, host, audit_books)),
        )
        for host, actors in hosts.items()
    )


def _host_settings(config: EngineConfig, host: str, settings: HostSettings) -> HostSettings:
    """With the cores of the host's venue. Not of a loop that it shares with everybody: one cannot be kept apart."""
    if host in (KILL_SWITCH, NODE_AGENT):
        return msgspec.structs.replace(settings, urgent=_is_urgent(config))
    for venue in config.venues:
        if venue_actor(venue.name) == host and config.engine.runtime == "ray":
            return msgspec.structs.replace(settings, cores=venue.cores, spin=venue.spin)
    return settings


def _is_urgent(config: EngineConfig) -> bool:
    return config.kill.urgent and config.engine.runtime == "ray"


def _arguments(plan: Plan) -> bytes:
    return msgspec.msgpack.encode(plan)


# -- state ---------------------------------------------------------------------------------------------------------


def open_state(config: EngineConfig) -> bool:
    """Make a brand-new state directory with its latch, or check an existing one. True when it was made.

    A state directory without a latch is not new: its latch was lost, which reads as killed. A new one is made for it in
    which everything is killed, until two people release that. Raises UsageError naming the directory and the remedy.
    """
    state = Path(config.engine.state_dir)
    try:
        is_new = not state.exists() or not any(state.iterdir())
        journal_dir(config).mkdir(parents=True, exist_ok=True, mode=0o700)
        run_dir(config).mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"state directory {state}: {error.strerror}; choose one this user may write (engine.state_dir)"
        ) from error
    if not os.access(state, os.W_OK):
        raise UsageError(f"state directory {state} is not writable; choose another (engine.state_dir) or fix its owner")
    if is_new:
        LatchPage.create(latch_path(config), trading_names(config))
    elif latch_path(config).exists():
        try:
            LatchPage.open(latch_path(config)).extend(trading_names(config))
        except UsageError as error:
            raise UsageError(
                f"{error}. Everything reads as killed. Move the file away and start again: the new latch is killed "
                "too, and two people can release it"
            ) from error
    else:
        _replace_lost_latch(config)
    return is_new


def _replace_lost_latch(config: EngineConfig) -> None:
    """Not while an engine runs: its gates have the lost page mapped, and would not see the new one."""
    try:
        BlockingObserver(str(run_dir(config)), KILL_SWITCH).close()
    except UsageError:
        pass  # nobody is there
    except OSError as error:
        raise UsageError(f"the latch {latch_path(config)} is lost, and an engine may run: end it first") from error
    else:
        raise UsageError(f"the latch {latch_path(config)} is lost, and an engine runs: stop it first")
    wall_ns = time.time_ns()
    reason = "the latch was lost: what was killed is not known"
    lost = LatchCause(f"latch-lost-{wall_ns // 1000:x}", "haltline", reason, KillMode.CANCEL, wall_ns, "global")
    LatchPage.create(latch_path(config), trading_names(config), killed=lost)


def stages_of(actor: str) -> tuple[str, ...]:
    """The latency stages that an actor records."""
    if actor.startswith("venue."):
        return (*ORDER_STAGES, SYNC_STAGE)
    return (*RESPONSE_NAMES, "loop_lag", SYNC_STAGE) if actor == KILL_SWITCH else ("loop_lag", SYNC_STAGE)


def counter_names_of(config: EngineConfig, actor: str) -> tuple[str, ...]:
    """What an actor publishes on its counter page; nothing: it has none."""
    kind, name = _split(actor)
    if actor == KILL_SWITCH:
        currencies = dict.fromkeys(account.limits.currency for account in config.accounts)
        return (*KILL_COUNTERS, *exposure_names(f"firm:{currency}" for currency in currencies))
    if kind == "risk":
        return exposure_names(_exposure_scope(config, name).holders)
    if kind == "venue":
        return venue_counter_names([each.id for each in config.strategies if name in venues_of(config, each)])
    return ()


def build_resources(actor: str, arguments: bytes) -> Resources:
    """Open what ``actor`` owns: its journal, its view of the latch, its latency page, its counter page if any."""
    config = msgspec.msgpack.decode(arguments, type=Plan).config
    latency = LatencyPage.create(latency_path(config, actor), stages_of(actor))
    if actor in fencing_actors(config):  # which remember nothing
        return Resources(MemoryJournal(), latch_view(config, actor), latency)
    journal = SegmentJournal(journal_dir(config) / actor, config.journal.segment_bytes, actor=actor)
    resources = Resources(journal, latch_view(config, actor), latency, journal.close)
    names = counter_names_of(config, actor)
    return replace(resources, counters=CounterPage.create(counters_path(config, actor), names)) if names else resources


def latch_view(config: EngineConfig, actor: str) -> LatchView:
    """The host's latch as an actor sees it: a venue actor its own part, everybody else the whole."""
    for venue in config.venues:
        if venue_actor(venue.name) == actor:
            return view_latch(latch_path(config), venue.name, venue.account, config.kill.drill_strategies)
    for strategy in clutched_strategies(config):
        if shadow_actor(strategy.id) == actor:
            return view_latch(latch_path(config), strategy.venue, strategy.account)
    return view_latch(latch_path(config))


# -- actors --------------------------------------------------------------------------------------------------------


def build_actor(arguments: bytes) -> Actor:
    """The actor a plan names."""
    plan = msgspec.msgpack.decode(arguments, type=Plan)
    config, kind, name = plan.config, *_split(plan.actor)
    if plan.actor == KILL_SWITCH:
        return _kill_switch(config)
    if kind == "risk":
        return _risk(config, name)
    if kind == "venue":
        return _venue(config, config.venue(name), plan.audit_books)
    if plan.actor == NODE_AGENT:
        return build_node_agent(config, ProcessFence(run_dir(config)))
    if kind == "undertaker":
        return _undertaker(config, config.venue(name))
    if kind == "router":
        return _router(next(strategy for strategy in config.strategies if strategy.id == name), config)
    if kind == "shadow":
        return _shadow(next(strategy for strategy in config.strategies if strategy.id == name), config)
    return _strategy(next(strategy for strategy in config.strategies if strategy.id == name), config)


def _split(actor: str) -> tuple[str, str]:
    kind, _, name = actor.partition(".")
    return kind, name


def _kill_switch(config: EngineConfig) -> KillSwitchActor:
    settings = KillSwitchSettings(
        venue_actors={venue_actor(venue.name): venue.name for venue in config.venues},
        names=trading_names(config),
        risk_actors=tuple(risk_actor(account.id) for account in config.accounts),
        config_hash=run_hash(config),
        lease_duration_ns=config.lease.duration_ns,
        drill_every_ns=config.kill.drill_every_ns,
        drill_hold_ns=config.kill.drill_hold_ns,
        drill_strategies=config.kill.drill_strategies,
        release=ReleaseRules(
            _people_who_may(config, "release"),
            config.kill.release_window_s * 1_000_000_000,
            config.kill.cooling_off_s * 1_000_000_000,
        ),
        limits=_limits_in_force(config),
        currencies={account.id: account.limits.currency for account in config.accounts},
        fencing=_fencing(config),
    )
    seal = PageSeal(run_dir(config), latch_path(config))
    loan = Lender(seal.thread) if _is_urgent(config) else NoLoan()
    return KillSwitchActor(settings, LatchPage.open(latch_path(config)), seal, loan)


def _fencing(config: EngineConfig) -> FencingSettings:
    if not config.kill.fence:
        return FencingSettings()
    return FencingSettings(
        config.kill.acknowledge_ns,
        node_agents={venue_actor(venue.name): NODE_AGENT for venue in config.venues},
        undertakers={venue_actor(venue.name): undertaker_actor(venue.name) for venue in config.venues},
        venue_accounts={venue_actor(venue.name): (venue.name, venue.account) for venue in config.venues},
    )


def build_node_agent(config: EngineConfig, fence: Callable[[str], str]) -> NodeAgent:
    """``fence`` ends the process of a host of this machine."""
    return NodeAgent(NodeAgentSettings(tuple(venue_actor(venue.name) for venue in config.venues), KILL_SWITCH), fence)


def _undertaker(config: EngineConfig, venue: VenueSettings) -> Undertaker:
    symbols = [(each.instrument_id, each.symbol) for each in instruments_of(config) if each.venue == venue.name]
    settings = UndertakerSettings(venue_actor(venue.name), KILL_SWITCH, tuple(number for number, _ in symbols))
    share_percent = request_share_percent(config, venue)
    notice = "" if venue.undertaker_credentials else "no credentials of its own: it cancels with the venue actor's"
    return Undertaker(settings, lambda listener: cancelling_session(venue, symbols, listener, share_percent), notice)


def _people_who_may(config: EngineConfig, what: Literal["release", "enable"]) -> dict[str, str]:
    return {person.name: person.public_key for person in config.people if what in person.may}


def _limits_in_force(config: EngineConfig) -> str:
    """For the receipts of kills, as JSON."""
    return msgspec.json.encode(
        {
            "accounts": {account.id: account.limits for account in config.accounts},
            "instruments": {instrument.name: instrument.limits for instrument in instruments_of(config)},
        }
    ).decode()


def _risk(config: EngineConfig, account_id: str) -> RiskActor:
    venue_actors = _venue_actors_of(config, account_id)
    limits = account_limits(config.account(account_id), len(venue_actors))
    return RiskActor(
        RiskActorSettings(
            account_id=account_id,
            kill_actor=KILL_SWITCH,
            venue_actors=venue_actors,
            config_hash=run_hash(config),
            lease_duration_ns=config.lease.duration_ns,
            lease_renew_ns=config.lease.renew_ns,
            budgets=shared_budgets(limits),
            triggers=trigger_specs(config, account_id),
            exposure=_exposure_scope(config, account_id),
            enabling=EnablingRules(_people_who_may(config, "enable"), config.kill.release_window_s * 1_000_000_000),
        )
    )


def _exposure_scope(config: EngineConfig, account_id: str) -> ExposureScope:
    return ExposureScope(
        account_id,
        config.account(account_id).limits.currency,
        tuple(strategy.id for strategy in config.strategies if strategy.account == account_id),
        tuple(
            instrument_name(venue_actor(instrument.venue), instrument.symbol)
            for instrument in instruments_of(config)
            if config.venue(instrument.venue).account == account_id
        ),
    )


def _venue_actors_of(config: EngineConfig, account_id: str) -> tuple[str, ...]:
    return tuple(venue_actor(venue.name) for venue in config.venues if venue.account == account_id)


def venue_settings(config: EngineConfig, venue: VenueSettings) -> VenueActorSettings:
    """What the venue actor of a venue is given."""
    instruments = tuple(
        (instrument.instrument_id, instrument.symbol, instrument.limits)
        for instrument in instruments_of(config)
        if instrument.venue == venue.name
    )
    holders = len(_venue_actors_of(config, venue.account))
    limits = account_limits(config.account(venue.account), holders)
    here = [each for each in config.strategies if venue.name in venues_of(config, each)]
    return VenueActorSettings(
        venue=venue.name,
        account_id=venue.account,
        risk_actor=risk_actor(venue.account),
        kill_actor=KILL_SWITCH,
        config_hash=run_hash(config),
        strategies={s.id: router_actor(s.id) if is_routed(s) else strategy_actor(s.id) for s in here},
        instruments=instruments,
        account_limits=limits,
        strategy_limits={s.id: strategy_limits(s.limits, len(venues_of(config, s))) for s in here},
        routed=tuple(s.id for s in here if is_routed(s)),
        lease_renew_ns=config.lease.renew_ns,
        balance_query_ns=venue.balance_query_ns,
        warm_ns=venue.warm_ms * 1_000_000,
        flatten_interval_ns=config.kill.flatten_interval_ms * 1_000_000,
        shadows={
            strategy.id: shadow_actor(strategy.id)
            for strategy in clutched_strategies(config)
            if strategy.venue == venue.name
        },
        cushions={name: cushion(limit, holders) for name, limit in shared_budgets(limits).items()},
        reconcile=venue.reconcile,
    )


def _venue(config: EngineConfig, venue: VenueSettings, audit_books: bool) -> VenueActor:
    settings = venue_settings(config, venue)
    warm_up()
    audit = BookAudit() if audit_books else None
    symbols = [(instrument_id, symbol) for instrument_id, symbol, _ in settings.instruments]
    window = create_window(run_dir(config), venue_actor(venue.name), latch_path(config))
    share = request_share_percent(config, venue)
    return VenueActor(
        settings, lambda listener: trading_session(venue, symbols, listener, audit, share), audit, window, give_way
    )


def _strategy(strategy: StrategySettings, config: EngineConfig) -> StrategyActor:
    instruments = {instrument.name: instrument for instrument in instruments_of(config)}
    if is_routed(strategy):
        routes = tuple(VenueRoute(router_actor(strategy.id), each.instrument_id) for each in _routes(strategy, config))
    else:
        routes = tuple(
            VenueRoute(venue_actor(instruments[name].venue), instruments[name].instrument_id)
            for name in strategy.instruments
        )
    return StrategyActor(strategy.id, strategy.account, build_strategy(strategy.source, strategy.parameters), routes)


def _router(strategy: StrategySettings, config: EngineConfig) -> RouterActor:
    return RouterActor(
        RouterSettings(strategy.id, strategy.account, strategy_actor(strategy.id), _routes(strategy, config))
    )


def _routes(strategy: StrategySettings, config: EngineConfig) -> tuple[RouteSpec, ...]:
    """The strategy's; ids of routed instruments follow those of the venues'."""
    instruments = {instrument.name: instrument for instrument in instruments_of(config)}
    ids = {route.symbol: number for number, route in enumerate(config.routes, len(instruments))}
    return tuple(
        RouteSpec(
            ids[route.symbol],
            ROUTE,
            route.symbol,
            tuple(
                RouteMember(venue_actor(instruments[name].venue), instruments[name].instrument_id, name)
                for name in route.instruments
            ),
            route.policy,
            route.failover,
            route.same_value,
            route.stale_ns,
            route.book_levels,
        )
        for route in routes_of(config, strategy)
    )


def _shadow(strategy: StrategySettings, config: EngineConfig) -> ShadowActor:
    settings = ShadowSettings(
        strategy_id=strategy.id,
        account_id=strategy.account,
        venue=strategy.venue,
        venue_actor=venue_actor(strategy.venue),
        instruments=tuple(
            (instrument.instrument_id, instrument.symbol, instrument.limits)
            for instrument in instruments_of(config)
            if instrument.name in strategy.instruments
        ),
        account_limits=account_limits(
            config.account(strategy.account), len(_venue_actors_of(config, strategy.account))
        ),
        strategy_limits=strategy_limits(strategy.limits, 1),
    )
    return ShadowActor(settings, lambda: build_strategy(strategy.source, strategy.parameters))
