"""A kill outlives the engine: stopped and started again, it is still halted, says by whom, and sends nothing."""

import time
from collections.abc import Callable
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
from config.settings import EngineConfig
from engine.codes import KillMode, Reason
from engine.messages import StatusReport
from risk.latch import view_latch

VENUE = venue_actor("binance")


def venue_when(config: EngineConfig, condition: Callable[[StatusReport], bool]) -> StatusReport:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        report = ask_actor(config, VENUE)
        if report is not None and condition(report):
            return report
        time.sleep(0.05)
    raise AssertionError(f"not within 30 s; last: {report}")


@pytest.mark.slow
def test_an_engine_killed_and_started_again_stays_halted(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "9"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        file.write_text(engine_toml(venue.ready, tmp_path / "state", "local", strategies, "halt"))
        config = load_config(file)
        assert open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            venue_when(config, lambda report: report.counters["fills"] >= 1)
            *_, receipt = press(config, "venue:binance", KillMode.CANCEL, "rehearsal")
            assert receipt.complete
            killed = venue_when(config, lambda report: report.state == "halted")
        finally:
            engine.stop()
        assert not open_state(config), "the state directory is the old one"
        engine = start_engine(config, make_plan(config))
        try:
            again = venue_when(config, lambda report: report.refusals.get(Reason.HALTED, 0) >= 3)
        finally:
            engine.stop()
    assert again.state == "halted"
    assert again.counters["orders_admitted"] == killed.counters["orders_admitted"]
    assert again.counters["open_orders"] == 0
    cause = view_latch(latch_path(config), "binance", "trial").cause()
    assert cause is not None
    assert (cause.kill_id, cause.reason) == (receipt.kill_id, "rehearsal")
