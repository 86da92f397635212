"""Running the ``haltline`` command as a user does: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def haltline(tmp_path: Path) -> Run:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}

    def run(*arguments: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A configuration that loads, for a venue that nobody runs."""
    for name in ("key", "secret"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(name * 16)
    file = tmp_path / "desk.toml"
    file.write_text(
        """
[engine]
name = "desk"
runtime = "local"
state_dir = "state"

[[accounts]]
id = "main"
[accounts.limits]
open_orders_max = 10
orders_per_second_max = 20
orders_burst_max = 10
replaces_per_second_max = 10
replaces_burst_max = 10
cancels_per_second_max = 50
cancels_burst_max = 50
currency = "USDT"
gross_notional_max = "50000"
net_notional_max = "50000"
daily_loss_max = "1000"
drawdown_max = "1000"
duplicate_window_ms = 0

[[venues]]
name = "binance"
adapter = "binance"
account = "main"
rest_url = "http://localhost:1"
orders_url = "ws://localhost:1/ws-api/v3"
streams_url = "ws://localhost:1"
[venues.credentials]
key_type = "hmac"
api_key_file = "key"
secret_file = "secret"

[[venues.instruments]]
symbol = "BTCUSDT"
[venues.instruments.limits]
order_quantity_max = "0.1"
order_notional_max = "10000"
long_position_max = "0.5"
short_position_max = "0"
price_collar_bps = 100
window_collar_bps = 200
window_ms = 60000
reference_age_ms = 5000
"""
    )
    return file
