"""The configuration that checks run on, as a person would write it, and the loader that reads it."""

from collections.abc import Mapping
from pathlib import Path

from adapters.simulator.binance.settings import SimAccount, SimKey
from cli.simulation.people import PEOPLE, public_key
from config.loader import load_config
from config.settings import EngineConfig

__all__ = ["BALANCES", "LIMITS", "account_at_venue", "load", "port_of", "text"]

BALANCES = (("USDT", "1000000"), ("BTC", "20"))
_FIRST_PORT = 9443

#: Every limit there is; a check changes the one that it tries.
LIMITS: dict[str, str | int] = {
    "open_orders_max": 200,
    "orders_per_second_max": 500,
    "orders_burst_max": 500,
    "replaces_per_second_max": 500,
    "replaces_burst_max": 500,
    "cancels_per_second_max": 500,
    "cancels_burst_max": 500,
    "currency": "USDT",
    "gross_notional_max": "10000000",
    "net_notional_max": "10000000",
    "daily_loss_max": "1000000",
    "drawdown_max": "1000000",
    "duplicate_window_ms": 0,
    "order_quantity_max": "1",
    "order_notional_max": "100000",
    "long_position_max": "3",
    "short_position_max": "3",
    "price_collar_bps": 500,
    "window_collar_bps": 1000,
    "window_ms": 60_000,
    "reference_age_ms": 10_000,
    "strategy_per_second_max": 500,
    "strategy_burst_max": 500,
    "position_notional_max": "10000000",
    "strategy_gross_max": "10000000",
    "executions_max": 100_000,
    "executions_window_ms": 10_000,
}
_ACCOUNT_KEYS = tuple(LIMITS)[:13]
_INSTRUMENT_KEYS = tuple(LIMITS)[13:21]
_STRATEGY_KEYS = {
    "orders_per_second_max": "strategy_per_second_max",
    "orders_burst_max": "strategy_burst_max",
    "position_notional_max": "position_notional_max",
    "gross_notional_max": "strategy_gross_max",
    "executions_max": "executions_max",
    "executions_window_ms": "executions_window_ms",
}
_HEAD = """
[engine]
name = "controls"
runtime = "{runtime}"
state_dir = "state"
"""
_PERSON = """
[[people]]
name = "{name}"
public_key = "{key}"
may = ["release", "enable"]
"""
_VENUE = """
[[venues]]
name = "{name}"
adapter = "binance"
account = "{account}"
rest_url = "http://localhost:{port}"
orders_url = "ws://localhost:{port}/ws-api/v3"
streams_url = "ws://localhost:{port}"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "hmac"
api_key_file = "{name}.key"
secret_file = "{name}.secret"
[[venues.instruments]]
symbol = "BTCUSDT"
[venues.instruments.limits]
"""
_STRATEGY = """
[[strategies]]
id = "{id}"
account = "{account}"
source = "cli.controls.hand:Hand"
placement = "own-process"
venue = "{venue}"
instruments = ["{venue}:BTCUSDT"]
[strategies.limits]
"""


def text(
    venues: Mapping[str, str],
    strategies: Mapping[str, str],
    more: str = "",
    *,
    runtime: str = "local",
    limits: Mapping[str, str | int] | None = None,
) -> str:
    """A configuration: ``venues`` maps each venue to its account, ``strategies`` each strategy to its venue; ``limits``
    replace those of LIMITS everywhere; ``more`` is appended."""
    values = {**LIMITS, **(limits or {})}
    parts = [_HEAD.format(runtime=runtime), *(_PERSON.format(name=name, key=public_key(name)) for name in PEOPLE)]
    for account in dict.fromkeys(venues.values()):
        parts.append(f'\n[[accounts]]\nid = "{account}"\n[accounts.limits]\n')
        parts.append(_lines({key: values[key] for key in values if key in _ACCOUNT_KEYS or key not in LIMITS}))
    for number, (name, account) in enumerate(venues.items()):
        parts.append(_VENUE.format(name=name, account=account, port=_FIRST_PORT + number))
        parts.append(_lines({key: values[key] for key in _INSTRUMENT_KEYS}))
    for strategy, venue in strategies.items():
        parts.append(_STRATEGY.format(id=strategy, account=venues[venue], venue=venue))
        parts.append(_lines({key: values[name] for key, name in _STRATEGY_KEYS.items()}))
    return "".join([*parts, more])


def _lines(values: Mapping[str, str | int]) -> str:
    return "".join(
        f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n" for key, value in values.items()
    )


def load(folder: Path, venues: Mapping[str, str], toml: str) -> EngineConfig:
    """Write the configuration and its key files, and load it. Raises ConfigError as the loader does."""
    for venue in venues:
        account = account_at_venue(venue)
        key = account.keys[0]
        for suffix, content in (("key", key.api_key), ("secret", key.secret)):
            path = folder / f"{venue}.{suffix}"
            path.write_text(content)
            path.chmod(0o600)
    path = folder / "controls.toml"
    path.write_text(toml)
    return load_config(path)


def port_of(venues: Mapping[str, str], venue: str) -> int:
    return _FIRST_PORT + list(venues).index(venue)


def account_at_venue(venue: str) -> SimAccount:
    """Our account as the simulated venue knows it."""
    key = SimKey(f"{venue}key".ljust(64, "x"), "hmac", secret=f"{venue}secret".ljust(64, "x"))
    return SimAccount("ours", (key,), BALANCES)
