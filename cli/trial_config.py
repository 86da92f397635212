"""The configuration of a trial: what a user would write for a simulated venue, table by table, in one place."""

from pathlib import Path

from cli.simulator_process import SimulatorReady

__all__ = [
    "ACCOUNT_TABLE",
    "INSTRUMENT_TABLE",
    "STRATEGY_TABLE",
    "demo_strategies",
    "engine_toml",
    "strategy_table",
]

ACCOUNT_TABLE = """
[[accounts]]
id = "{account}"
[accounts.limits]
open_orders_max = 40
orders_per_second_max = 200
orders_burst_max = 100
replaces_per_second_max = 100
replaces_burst_max = 100
cancels_per_second_max = 200
cancels_burst_max = 200
currency = "USDT"
gross_notional_max = "10000000"
net_notional_max = "10000000"
daily_loss_max = "100000"
drawdown_max = "100000"
duplicate_window_ms = 0
"""

INSTRUMENT_TABLE = """
[[venues.instruments]]
symbol = "{symbol}"
[venues.instruments.limits]
order_quantity_max = "1"
order_notional_max = "100000"
long_position_max = "3"
short_position_max = "3"
price_collar_bps = 500
window_collar_bps = 1000
window_ms = 60000
reference_age_ms = 10000
"""

STRATEGY_TABLE = """
[[strategies]]
id = "{id}"
account = "{account}"
source = "{source}"
placement = "{placement}"
venue = "{venue}"
instruments = ["{venue}:{symbol}"]
parameters = {{ {parameters} }}
[strategies.limits]
orders_per_second_max = 200
orders_burst_max = 200
position_notional_max = "5000000"
gross_notional_max = "5000000"
executions_max = 5000
executions_window_ms = 10000
"""

_VENUE_TABLE = """
[[venues]]
name = "binance"
adapter = "binance"
account = "trial"
rest_url = "https://{base}"
orders_url = "wss://{base}/ws-api/v3"
streams_url = "wss://{base}"
ca_file = "{ready.ca_file}"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "{ready.key_type}"
api_key_file = "{ready.api_key_file}"
secret_file = "{ready.secret_file}"
"""

_HEAD = """# Written by a trial; `haltline run --config` takes it as it stands.
[engine]
name = "{name}"
runtime = "{runtime}"
state_dir = "{state_dir}"
"""


def strategy_table(id: str, source: str, symbol: str, parameters: str = "", *, placement: str = "own-process") -> str:
    """One strategy of a trial. ``parameters`` as TOML, with commas between them."""
    return STRATEGY_TABLE.format(
        id=id,
        account="trial",
        source=source,
        placement=placement,
        venue="binance",
        symbol=symbol,
        parameters=parameters,
    )


def demo_strategies(symbol: str, *, quoter_placement: str = "own-process") -> str:
    """A quoter and a taker."""
    quoter = strategy_table("quoter", "examples.quoter:Quoter", symbol, 'quantity = "0.01"', placement=quoter_placement)
    return quoter + strategy_table("taker", "examples.taker:Taker", symbol, 'quantity = "0.005"')


def engine_toml(ready: SimulatorReady, state_dir: Path, runtime: str, strategies: str, name: str) -> str:
    """The whole configuration, for a simulated venue that is ready."""
    return "".join(
        (
            _HEAD.format(name=name, runtime=runtime, state_dir=state_dir),
            ACCOUNT_TABLE.format(account="trial"),
            _VENUE_TABLE.format(base=f"localhost:{ready.port}", ready=ready),
            *(INSTRUMENT_TABLE.format(symbol=symbol) for symbol in ready.symbols),
            strategies,
        )
    )
