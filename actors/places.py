"""Names and places: what each actor of a configuration is called, and where its files are.

    state_dir/
        latch                      the host's latch page; made once, together with the state directory
        journal/<actor>/           each actor's own journal
        run/                       sockets, latency and counter pages, log: of this run only

Apart from the wiring, because whoever presses the red button needs the names and nothing of the engine.
"""

from pathlib import Path

from actors.runtime.directory import unix_path
from config.routes import is_routed, venues_of
from config.settings import EngineConfig, StrategySettings, instruments_of
from engine.errors import UsageError
from risk.scope import Scope, TradingNames, parse_scope

__all__ = [
    "KILL_SWITCH",
    "NODE_AGENT",
    "actors_of",
    "actors_with_counters",
    "check_socket_paths",
    "clutched_strategies",
    "counters_path",
    "fencing_actors",
    "journal_dir",
    "latch_in",
    "latch_path",
    "latency_path",
    "log_path",
    "risk_actor",
    "router_actor",
    "run_dir",
    "run_in",
    "shadow_actor",
    "strategy_actor",
    "trading_names",
    "undertaker_actor",
    "venue_actor",
]

KILL_SWITCH = "kill-switch"
NODE_AGENT = "node-agent"


def venue_actor(venue: str) -> str:
    return f"venue.{venue}"


def undertaker_actor(venue: str) -> str:
    return f"undertaker.{venue}"


def risk_actor(account_id: str) -> str:
    return f"risk.{account_id}"


def strategy_actor(strategy_id: str) -> str:
    return f"strategy.{strategy_id}"


def router_actor(strategy_id: str) -> str:
    """Of a strategy that trades routes."""
    return f"router.{strategy_id}"


def shadow_actor(strategy_id: str) -> str:
    return f"shadow.{strategy_id}"


def clutched_strategies(config: EngineConfig) -> tuple[StrategySettings, ...]:
    """Those that have a shadow: every one of which a scope of [[clutch]] covers at least a part. Not those that trade
    routes: a shadow sees one venue."""
    names = trading_names(config)
    scopes = [parse_scope(clutch.scope, names) for clutch in config.clutch]
    return tuple(
        strategy
        for strategy in config.strategies
        if not is_routed(strategy) and any(_covers_some(scope, strategy) for scope in scopes)
    )


def _covers_some(scope: Scope, strategy: StrategySettings) -> bool:
    return (
        scope.reaches(strategy.venue, strategy.account)
        and scope.strategy in ("", strategy.id)
        and (not scope.instrument or scope.instrument in strategy.instruments)
    )


def actors_of(config: EngineConfig) -> tuple[str, ...]:
    """Every actor's name."""
    return (
        KILL_SWITCH,
        *fencing_actors(config),
        *(risk_actor(account.id) for account in config.accounts),
        *(venue_actor(venue.name) for venue in config.venues),
        *(strategy_actor(strategy.id) for strategy in config.strategies),
        *(router_actor(strategy.id) for strategy in config.strategies if is_routed(strategy)),
        *(shadow_actor(strategy.id) for strategy in clutched_strategies(config)),
    )


def fencing_actors(config: EngineConfig) -> tuple[str, ...]:
    """Who ends venue actors that do not answer, and cancels what they leave; nobody when the configuration says so."""
    if not config.kill.fence:
        return ()
    return (NODE_AGENT, *(undertaker_actor(venue.name) for venue in config.venues))


def trading_names(config: EngineConfig) -> TradingNames:
    """What a kill's scope can name."""
    return TradingNames(
        accounts=tuple(account.id for account in config.accounts),
        venues={venue.name: venue.account for venue in config.venues},
        strategies={strategy.id: strategy.venue for strategy in config.strategies},
        instruments=tuple(instrument.name for instrument in instruments_of(config)),
        routed={each.id: venues_of(config, each) for each in config.strategies if is_routed(each)},
    )


def run_dir(config: EngineConfig) -> Path:
    return run_in(Path(config.engine.state_dir))


def run_in(state_dir: Path) -> Path:
    return state_dir / "run"


def latch_path(config: EngineConfig) -> Path:
    return latch_in(Path(config.engine.state_dir))


def latch_in(state_dir: Path) -> Path:
    return state_dir / "latch"


def log_path(config: EngineConfig) -> Path:
    """One JSON object a line, of every actor."""
    return run_dir(config) / "log.jsonl"


def check_socket_paths(config: EngineConfig) -> None:
    """Raises UsageError when the state directory lies so deep that an actor's socket could not be made in it."""
    longest = max(actors_of(config), key=len)
    try:
        unix_path(str(run_dir(config)), longest)
    except UsageError as error:
        raise UsageError(
            f"{error}; it lies in engine.state_dir: choose a shorter one, as in /var/lib/haltline/{config.engine.name}"
        ) from error


def latency_path(config: EngineConfig, actor: str) -> Path:
    return run_dir(config) / f"{actor}.latency"


def actors_with_counters(config: EngineConfig) -> tuple[str, ...]:
    """The actors that publish a counter page."""
    return (
        KILL_SWITCH,
        *(risk_actor(account.id) for account in config.accounts),
        *(venue_actor(venue.name) for venue in config.venues),
    )


def counters_path(config: EngineConfig, actor: str) -> Path:
    return run_dir(config) / f"{actor}.counters"


def journal_dir(config: EngineConfig) -> Path:
    return Path(config.engine.state_dir) / "journal"
