"""The configuration of a trial at several venues: routes over all of them, and strategies that trade both ways."""

from collections.abc import Mapping
from pathlib import Path

from cli.simulated_venues import VENUES
from cli.simulator_process import SimulatorReady
from cli.trial_config import ACCOUNT_TABLE, INSTRUMENT_TABLE, STRATEGY_TABLE

__all__ = ["ROUTED", "venues_toml"]

_HEAD = """# Written by a trial; `haltline run --config` takes it as it stands.
[engine]
name = "{name}"
runtime = "{runtime}"
state_dir = "{state_dir}"
"""

_VENUE = """
[[venues]]
name = "{name}"
adapter = "{name}"
account = "trial"
rest_url = "https://localhost:{ready.port}"
orders_url = "wss://localhost:{ready.port}{kind.orders_path}"
streams_url = "wss://localhost:{ready.port}{kind.streams_path}"
ca_file = "{ready.ca_file}"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "{ready.key_type}"
api_key_file = "{ready.api_key_file}"
secret_file = "{ready.secret_file}"
"""

_ROUTE = """
[[routes]]
symbol = "{symbol}"
policy = "{policy}"
failover = true
instruments = [{instruments}]
"""

#: Route → what its strategy is and does.
ROUTED = {
    "SPLIT": ("split", "splitter", "examples.taker:Taker", 'quantity = "0.05", interval_ms = 500'),
    "BEST": ("best", "best", "examples.taker:Taker", 'quantity = "0.02", interval_ms = 700'),
    "REST": ("split", "rester", "examples.quoter:Quoter", 'quantity = "0.02", half_spread_ticks = 2000'),
}


def venues_toml(ready: Mapping[str, SimulatorReady], state_dir: Path, runtime: str) -> str:
    """One account at all these venues, a quoter at each, and a strategy for each route over all of them."""
    instruments = {name: f"{name}:{each.symbols[0]}" for name, each in ready.items()}
    first = next(iter(ready))
    parts = [
        _HEAD.format(name="venues", runtime=runtime, state_dir=state_dir),
        ACCOUNT_TABLE.format(account="trial").replace("open_orders_max = 40", "open_orders_max = 200"),
    ]
    for name, each in ready.items():
        parts.append(_VENUE.format(name=name, ready=each, kind=VENUES[name]))
        parts.append(INSTRUMENT_TABLE.format(symbol=each.symbols[0]))
    quoted = ", ".join(f'"{each}"' for each in instruments.values())
    for symbol, (policy, _, _, _) in ROUTED.items():
        parts.append(_ROUTE.format(symbol=symbol, policy=policy, instruments=quoted))
    for name, instrument in instruments.items():
        quoter = _strategy(f"q-{name}", "examples.quoter:Quoter", name, 'quantity = "0.01"')
        parts.append(quoter.replace(f'"{name}:"', f'"{instrument}"'))
    for symbol, (_, strategy_id, source, parameters) in ROUTED.items():
        routed = _strategy(strategy_id, source, first, parameters)
        parts.append(routed.replace(f'"{first}:"', f'"route:{symbol}"'))
    return "".join(parts)


def _strategy(strategy_id: str, source: str, venue: str, parameters: str) -> str:
    return STRATEGY_TABLE.format(
        id=strategy_id,
        account="trial",
        source=source,
        placement="own-process",
        venue=venue,
        symbol="",
        parameters=parameters,
    )
