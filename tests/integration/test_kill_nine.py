"""kill -9 on any actor's process in the middle of trading: Ray brings it back, and the books stay whole."""

import os
import signal
from pathlib import Path

import pytest

from cli.engine_process import RunningEngine
from cli.simulator_process import simulated_venue
from cli.trial import Watch, run_trial
from cli.trial_config import demo_strategies, engine_toml

#: When each host's process is killed, in seconds after trading began.
BLOWS = {"venue.binance": 2.0, "risk.trial": 5.0, "kill-switch": 7.0, "strategy.quoter": 9.0, "strategy.taker": 11.0}


class Killer:
    """Kills each host once, and remembers which process it was."""

    def __init__(self) -> None:
        self.killed: dict[str, int] = {}
        self.alive_after: dict[str, int] = {}

    def __call__(self, engine: RunningEngine, elapsed_s: float) -> None:
        pids = engine.pids()
        self.alive_after = pids
        for host, at_s in BLOWS.items():
            if elapsed_s >= at_s and host not in self.killed:
                self.killed[host] = pids[host]
                os.kill(pids[host], signal.SIGKILL)


@pytest.mark.ray
@pytest.mark.slow
def test_every_killed_process_comes_back_and_no_fill_is_lost_or_doubled(tmp_path: Path) -> None:
    killer = Killer()
    with simulated_venue(tmp_path / "venue", ["--seed", "3"]) as venue:
        config_file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="own-process")
        config_file.write_text(engine_toml(venue.ready, tmp_path / "state", "ray", strategies, "kill-nine"))
        watch = Watch(seconds=14.0, on_tick=killer)
        result = run_trial(config_file, venue.ready, watch, seed=3, audit_books=True)
    figures = result.figures
    assert set(killer.killed) == set(BLOWS)
    for host, pid in killer.killed.items():
        assert killer.alive_after[host] not in (0, pid), f"{host} was not brought back"
    assert figures["restarts"] == 1, "the venue actor replayed its journal once"
    assert figures["ledger_differences"] == []
    assert figures["violations"] == 0
    assert figures["fills"] > 0
    assert figures["orders_after_kill"] == 0
    assert figures["open_orders_at_venue"] == 0
    assert result.ok
