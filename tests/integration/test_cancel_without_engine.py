"""No process of the engine is alive: the red button latches, and another command cancels at the venue by itself."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.places import venue_actor
from adapters.binance.signing import Credentials, KeyType, make_signer
from cli.simulator_process import SimulatorReady, simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from cli.venue_ledger import read_venue_ledger
from config.loader import load_config
from config.settings import EngineConfig

HALTLINE = [sys.executable, "-m", "cli.main"]
_WAIT_S = 60.0


def wait_until_orders_rest(config: EngineConfig) -> None:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        report = ask_actor(config, venue_actor("binance"))
        if report is not None and report.counters["open_orders"]:
            return
        time.sleep(0.05)
    raise AssertionError(f"no order rests at the venue within {_WAIT_S} s; last: {report}")


def open_orders(venue: SimulatorReady) -> int:
    """By the venue's own list, asked for with the account's own key."""
    api_key, secret = (Path(file).read_text().strip() for file in (venue.api_key_file, venue.secret_file))
    signer = make_signer(Credentials(api_key, KeyType(venue.key_type), secret))
    ledger = read_venue_ledger(venue.port, venue.ca_file, signer, venue.symbols)
    return sum(line.open_orders for line in ledger.symbols.values())


def haltline(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_WAIT_S, env={**os.environ, "COLUMNS": "200"}
    )


@pytest.mark.slow
def test_orders_that_a_dead_engine_left_are_cancelled_at_the_command_line(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "5"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        far_away = strategies.replace('quantity = "0.01"', 'quantity = "0.01", half_spread_ticks = 20000')
        file.write_text(engine_toml(venue.ready, tmp_path / "state", "local", far_away, "left-open"))
        config = str(file)
        engine = subprocess.Popen([*HALTLINE, "run", "--config", config], stdout=subprocess.DEVNULL)
        try:
            wait_until_orders_rest(load_config(file))
            too_early = haltline("kill", "cancel", "--config", config)
        finally:
            engine.kill()
            engine.wait()
        left = open_orders(venue.ready)
        killed = haltline("kill", "--config", config, "--scope", "global", "--reason", "the engine is dead")
        still = open_orders(venue.ready)
        cancelled = haltline("kill", "cancel", "--config", config)
        after = open_orders(venue.ready)
    assert (too_early.returncode, "first: haltline kill" in too_early.stderr) == (2, True)
    assert (killed.returncode, "cancels were not" in killed.stderr) == (1, True)
    assert left == still == 2, "the quoter's two orders"
    assert cancelled.returncode == 0, cancelled.stdout + cancelled.stderr
    assert "nothing is open" in cancelled.stdout
    assert after == 0
