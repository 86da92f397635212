"""``[[triggers]]`` as the risk actor of one account runs them: in the units of the code, with what they watch by name.

A trigger watches whatever its scope covers of the account: the venue actors, and on them the instruments, a strategy's
own where the scope names a strategy.
"""

from actors.places import trading_names, venue_actor
from config.routes import instruments_traded_by
from config.settings import EngineConfig, instruments_of
from config.trigger_settings import DrawdownSettings, LossCapSettings, TriggerSettings
from engine.codes import KillMode
from risk.scope import Scope, parse_scope
from risk.trigger_reading import TriggerSpec, instrument_name

__all__ = ["trigger_specs"]


def trigger_specs(config: EngineConfig, account_id: str) -> tuple[TriggerSpec, ...]:
    """Those that watch anything of the account. Raises UsageError for a scope that the kill switch would refuse."""
    names = trading_names(config)
    made = (_spec(config, account_id, each, parse_scope(each.scope, names)) for each in config.triggers)
    return tuple(spec for spec in made if spec.venue_actors)


def _spec(config: EngineConfig, account_id: str, settings: TriggerSettings, scope: Scope) -> TriggerSpec:
    venues = [venue for venue in scope.venues(trading_names(config)) if config.venue(venue).account == account_id]
    of_strategy = next(
        (instruments_traded_by(config, each) for each in config.strategies if each.id == scope.strategy), None
    )
    instruments = [
        each
        for each in instruments_of(config)
        if each.venue in venues
        and scope.instrument in ("", each.name)
        and (of_strategy is None or each.name in of_strategy)
    ]
    return TriggerSpec(
        kind=str(settings.__struct_config__.tag),
        scope=scope.text,
        mode=KillMode[settings.mode.upper()],
        consecutive=settings.consecutive,
        rearm_percent=settings.rearm_percent,
        venue_actors=tuple(venue_actor(venue) for venue in venues),
        instruments=tuple(instrument_name(venue_actor(each.venue), each.symbol) for each in instruments),
        threshold=settings.threshold,
        window_ns=settings.window_ns,
        start_ns=settings.start_ns,
        again_percent=settings.again_percent,
        asset=settings.asset if isinstance(settings, LossCapSettings | DrawdownSettings) else "",
    )
