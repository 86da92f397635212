"""The latch file is gone while the engine trades: the red button still halts it, and status says so to a script."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.places import latch_path, venue_actor
from actors.wiring import make_plan, open_state
from cli.engine_process import start_engine
from cli.kill import press
from cli.simulator_process import simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from config.loader import load_config
from engine.codes import KillMode

VENUE = venue_actor("binance")


@pytest.mark.slow
def test_a_kill_without_a_latch_file_goes_through_the_kill_switch_actor(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "9"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        file.write_text(engine_toml(venue.ready, tmp_path / "state", "local", strategies, "lost-latch"))
        config = load_config(file)
        open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            deadline = time.monotonic() + 30
            while (report := ask_actor(config, VENUE)) is None or not report.counters["fills"]:
                assert time.monotonic() < deadline, "the engine did not trade"
            latch_path(config).unlink()
            *_, receipt = press(config, "global", KillMode.CANCEL, "the latch is lost")
            while (report := ask_actor(config, VENUE)) is None or not report.refusals:
                assert time.monotonic() < deadline, "no strategy tried after the kill"
            command = [sys.executable, "-m", "cli.main", "status", "--config", str(file), "--json"]
            told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)
        finally:
            engine.stop()
    assert receipt.complete
    assert report.state == "halted"
    assert report.counters["open_orders"] == 0
    assert told["actors"][VENUE]["state"] == "halted"
    assert told["actors"][VENUE]["refusals"]["halted"] > 0
    assert told["latch"]["mode"] == "cancel", "a lost latch reads as halted"
