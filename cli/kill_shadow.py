"""What the shadows of a kill show to whoever decides on its release (``actors/shadow.py``)."""

from collections.abc import Iterator

import msgspec

from actors.places import clutched_strategies, run_dir, shadow_actor
from actors.runtime.observer import BlockingObserver
from cli.screen import CONSOLE
from config.settings import EngineConfig
from engine.codes import Reason
from engine.errors import HaltlineError
from engine.messages import ShadowAccount, ShadowLine, ShadowQuery

__all__ = ["print_shadows", "shadow_dict", "shadow_lines", "shadows_of"]

_ANSWER_S = 2.0
_STATES = {
    "waiting": "not begun: its market is not known yet",
    "failed": "not begun",
    "lost": "its process ended before the release: nothing is known",
}


def shadows_of(config: EngineConfig, kill_id: str) -> list[ShadowAccount]:
    """What the strategies under a kill would have done, as far as they have a shadow. State ``no answer`` stands for
    one that does not, whatever kill it is under."""
    told = [_ask(config, strategy.id) for strategy in clutched_strategies(config)]
    return [account for account in told if kill_id in account.kills or account.state == "no answer"]


def _ask(config: EngineConfig, strategy_id: str) -> ShadowAccount:
    try:
        with BlockingObserver(str(run_dir(config)), shadow_actor(strategy_id), _ANSWER_S) as observer:
            return observer.request(ShadowQuery(), ShadowAccount, _ANSWER_S)
    except (HaltlineError, OSError):
        return ShadowAccount(strategy_id, "no answer")


def print_shadows(config: EngineConfig, kill_id: str) -> None:
    for account in shadows_of(config, kill_id):
        for line in shadow_lines(account):
            CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)


def shadow_lines(account: ShadowAccount) -> Iterator[str]:
    """For people. Amounts are before fees."""
    if not account.begun_wall_ns or account.state in _STATES:
        why = _STATES.get(account.state, account.state)
        yield f"shadow of {account.strategy_id}: {why}{f': {account.failure}' if account.failure else ''}"
        return
    seconds = (account.wall_time_ns - account.begun_wall_ns) // 1_000_000_000
    anew = f", begun {account.lives} times under this kill" if account.lives > 1 else ""
    yield f"shadow of {account.strategy_id}: what it would have done in {seconds:,} s{anew}"
    yield f"    {account.orders:,} orders, {account.fills:,} fills, {account.open_orders:,} open"
    if account.refused:
        yield f"    would have been refused: {_reasons(account.refused)}"
    for line in account.lines:
        yield (
            f"    {line.instrument}  from {line.begun} to {line.position}  PnL before fees {line.pnl}  "
            f"most at risk {line.most}"
        )
    if account.failure:
        yield f"    failed: {account.failure}"


def shadow_dict(account: ShadowAccount) -> dict[str, object]:
    """For ``--json``."""
    plain: dict[str, object] = msgspec.structs.asdict(account)
    return plain | {
        "refused": {Reason(code).name.lower(): count for code, count in account.refused.items()},
        "lines": [_line_dict(line) for line in account.lines],
    }


def _line_dict(line: ShadowLine) -> dict[str, object]:
    return msgspec.structs.asdict(line)


def _reasons(refused: dict[int, int]) -> str:
    return ", ".join(f"{Reason(code).name.lower().replace('_', ' ')} {count:,}" for code, count in refused.items())
