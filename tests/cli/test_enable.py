"""``haltline enable`` at the command line, as far as it goes without an engine."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from actors.wiring import open_state
from config.loader import load_config

STRATEGY = """
[[strategies]]
id = "quoter"
account = "main"
source = "examples.quoter:Quoter"
placement = "co-located"
venue = "binance"
instruments = ["binance:BTCUSDT"]
parameters = { quantity = "0.01" }
[strategies.limits]
orders_per_second_max = 200
orders_burst_max = 200
position_notional_max = "50000"
gross_notional_max = "50000"
executions_max = 5000
executions_window_ms = 10000
"""
Run = Callable[..., CompletedProcess[str]]


def test_it_names_the_strategies_there_are_and_the_actor_that_does_not_run(haltline: Run, desk: Path) -> None:
    desk.write_text(desk.read_text() + STRATEGY)
    config = load_config(desk, check_files=False)
    open_state(config)
    key = desk.parent / "ann.pem"
    made = haltline("kill", "keygen", "--out", str(key), "--name", "ann").stdout
    desk.write_text(desk.read_text() + made.replace('["release"]', '["enable"]'))
    assert load_config(desk, check_files=False).people[0].may == ("enable",)
    more = ("--config", str(desk), "--as", "ann", "--key", str(key))
    done = haltline("enable", "nobody", *more)
    assert (done.returncode, config.strategies[0].id in done.stderr) == (2, True)
    done = haltline("enable", config.strategies[0].id, *more)
    assert (done.returncode, f"risk.{config.accounts[0].id}" in done.stderr) == (2, True)
