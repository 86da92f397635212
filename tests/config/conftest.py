"""A configuration that is right, with the files it names, for tests to break."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigErrors, ConfigProblem
from config.loader import load_config

RIGHT = """\
[engine]
name = "desk1"
runtime = "local"
state_dir = "state"

[[accounts]]
id = "main"
[accounts.limits]
open_orders_max = 50
orders_per_second_max = 100
orders_burst_max = 40
replaces_per_second_max = 30
replaces_burst_max = 30
cancels_per_second_max = 60
cancels_burst_max = 60
currency = "USDT"
gross_notional_max = "90000"
net_notional_max = "90000"
daily_loss_max = "7000"
drawdown_max = "6000"
duplicate_window_ms = 20

[[accounts]]
id = "other"
[accounts.limits]
open_orders_max = 5
orders_per_second_max = 10
orders_burst_max = 4
replaces_per_second_max = 3
replaces_burst_max = 3
cancels_per_second_max = 60
cancels_burst_max = 60
currency = "USDT"
gross_notional_max = "80000"
net_notional_max = "80000"
daily_loss_max = "7000"
drawdown_max = "6000"
duplicate_window_ms = 20

[[venues]]
name = "binance"
adapter = "binance"
account = "main"
rest_url = "https://127.0.0.1:8443"
orders_url = "wss://venue.example:8443/ws-api/v3"
streams_url = "ws://localhost:8443"
ca_file = "ca.pem"
[venues.credentials]
key_type = "hmac"
api_key_file = "key.txt"
secret_file = "secret.txt"
[[venues.instruments]]
symbol = "BTCUSDT"
[venues.instruments.limits]
order_quantity_max = "0.5"
order_notional_max = "20000"
long_position_max = "2"
short_position_max = "0"
price_collar_bps = 500
window_collar_bps = 900
window_ms = 60000
reference_age_ms = 5000
[[venues.instruments]]
symbol = "ETHUSDT"
[venues.instruments.limits]
order_quantity_max = "5"
order_notional_max = "20000.50"
long_position_max = "20"
short_position_max = "10"
price_collar_bps = 400
window_collar_bps = 800
window_ms = 60000
reference_age_ms = 4000

[[venues]]
name = "second"
adapter = "binance"
account = "other"
rest_url = "https://venue.example"
orders_url = "wss://venue.example/ws-api/v3"
streams_url = "wss://venue.example"
[venues.credentials]
key_type = "ed25519"
api_key_file = "key-2.txt"
secret_file = "secret-2.txt"
[[venues.instruments]]
symbol = "BTCUSDT"
[venues.instruments.limits]
order_quantity_max = "1"
order_notional_max = "1000"
long_position_max = "1"
short_position_max = "1"
price_collar_bps = 100
window_collar_bps = 700
window_ms = 60000
reference_age_ms = 1000

[[strategies]]
id = "quoter"
account = "main"
source = "strategy.py:Quoter"
placement = "own-process"
venue = "binance"
instruments = ["binance:BTCUSDT", "binance:ETHUSDT"]
[strategies.limits]
orders_per_second_max = 30
orders_burst_max = 30
position_notional_max = "70000"
gross_notional_max = "80000"
executions_max = 100
executions_window_ms = 10000
[strategies.parameters]
quantity = "0.001"
half_spread_ticks = 20
skew = 0.5
aggressive = false
"""


@pytest.fixture
def right_text() -> str:
    return RIGHT


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """Where to write a configuration: beside it are the files that ``right_text`` names."""
    for name in ("key.txt", "secret.txt", "key-2.txt", "secret-2.txt"):
        (tmp_path / name).write_text(f"value of {name}\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ca.pem").write_text("authority\n")
    (tmp_path / "strategy.py").write_text("class Quoter: ...\n")
    return tmp_path / "desk.toml"


@pytest.fixture
def problems_of(config_path: Path) -> Callable[[str], list[ConfigProblem]]:
    """Every problem of a configuration text; empty when it loads."""

    def problems(text: str) -> list[ConfigProblem]:
        config_path.write_text(text)
        try:
            load_config(config_path)
        except ConfigErrors as errors:
            return errors.problems
        return []

    return problems
