"""``haltline enable``: a person lets a strategy that fired too often trade again."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from actors.places import risk_actor, run_dir
from actors.runtime.observer import BlockingObserver
from cli.kill_release import private_key
from cli.screen import CONSOLE
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import UsageError
from engine.messages import StrategyEnable, ThrottledStrategy, ThrottleQuery, ThrottleRecords
from risk.enabling import enabling_text

__all__ = ["enable"]

_ANSWER_S = 10.0


def enable(
    strategy: Annotated[str, typer.Argument(help="The strategy's id.")],
    config: Annotated[Path, typer.Option(help="The running engine's TOML file.")],
    person: Annotated[str, typer.Option("--as", help="Your name in the configuration.")],
    key: Annotated[Path, typer.Option(help="Your private key.")],
    instrument: Annotated[str, typer.Option(help="VENUE:SYMBOL; without it, all in which it is throttled.")] = "",
) -> None:
    """Let a strategy that fired too often trade again. Time and restarts do not: a person has looked.

    The configuration names who may: [bold]may = ["enable"][/bold]. Which strategies wait: haltline status.
    Example: [bold]haltline enable quoter --config desk.toml --as ann --key ann.pem[/bold]
    """
    settings = load_config(config, check_files=False)
    signer = private_key(key)
    with BlockingObserver(str(run_dir(settings)), risk_actor(_account_of(settings, strategy))) as observer:
        known = observer.request(ThrottleQuery(), ThrottleRecords, _ANSWER_S).throttled
        waiting = [each for each in known if each.strategy_id == strategy and instrument in ("", each.instrument)]
        if not waiting:
            shown = ", ".join(f"{each.strategy_id} in {each.instrument}" for each in known) or "none"
            raise UsageError(
                f"{strategy} is not throttled{f' in {instrument}' if instrument else ''}; those who: {shown}"
            )
        for each in waiting:
            expires_ns = time.time_ns() + settings.kill.release_window_s * 1_000_000_000
            signature = signer.sign(enabling_text(each, expires_ns)).hex()
            asked = StrategyEnable(each, person, expires_ns, signature)
            answer = observer.request(asked, ThrottleRecords, _ANSWER_S)
            if answer.refusal:
                raise UsageError(f"{strategy} stays throttled in {each.instrument}: {answer.refusal}")
            CONSOLE.print(
                f"{strategy} may trade {each.instrument} again; it was throttled {_since(each)}", markup=False
            )


def _account_of(config: EngineConfig, strategy_id: str) -> str:
    for strategy in config.strategies:
        if strategy.id == strategy_id:
            return strategy.account
    known = ", ".join(strategy.id for strategy in config.strategies) or "none"
    raise UsageError(f"no strategy {strategy_id!r} is configured; there are {known}")


def _since(throttled: ThrottledStrategy) -> str:
    return f"at {datetime.fromtimestamp(throttled.since_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
