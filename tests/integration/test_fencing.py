"""A venue actor's process is stopped (SIGSTOP) and everything is killed: it is ended before it counts as halted, the
undertaker cancels its orders at the venue, and its next life is halted."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.places import log_path, undertaker_actor, venue_actor
from actors.wiring import make_plan, open_state
from adapters.binance.signing import Credentials, KeyType, make_signer
from cli.engine_process import start_engine
from cli.kill import press
from cli.simulator_process import SimulatorReady, simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from cli.venue_ledger import read_venue_ledger
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode, Reason
from engine.messages import StatusReport

VENUE, UNDERTAKER = venue_actor("binance"), undertaker_actor("binance")


def actor_when(config: EngineConfig, actor: str, condition: Callable[[StatusReport], bool]) -> StatusReport:
    deadline = time.monotonic() + 90
    report = None
    while time.monotonic() < deadline:
        report = ask_actor(config, actor)
        if report is not None and condition(report):
            return report
        time.sleep(0.05)
    raise AssertionError(f"not within 90 s; last: {report}")


def at_venue(venue: SimulatorReady) -> tuple[int, int]:
    """How many orders the venue itself has ever accepted, and how many are open there."""
    credentials = Credentials(
        Path(venue.api_key_file).read_text().strip(),
        KeyType(venue.key_type),
        Path(venue.secret_file).read_text().strip(),
    )
    ledger = read_venue_ledger(venue.port, venue.ca_file, make_signer(credentials), venue.symbols)
    return ledger.orders, sum(symbol.open_orders for symbol in ledger.symbols.values())


def logged(config: EngineConfig) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_path(config).read_text().splitlines()]


@pytest.mark.ray
@pytest.mark.slow
def test_stopped_then_fenced(
    tmp_path: Path,
) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "4"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="own-process")
        text = engine_toml(venue.ready, tmp_path / "state", "ray", strategies, "fencing")
        file.write_text(f"{text}\n[kill]\nfence = true\n")
        config = load_config(file)
        assert open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            actor_when(config, VENUE, lambda report: report.counters["open_orders"] >= 2)
            pid = engine.pids()[VENUE]
            os.kill(pid, signal.SIGSTOP)
            accepted, left_open = at_venue(venue.ready)
            assert left_open
            receipts = list(press(config, "global", KillMode.CANCEL, "rehearsal"))
            assert at_venue(venue.ready) == (accepted, 0)
            actor_when(config, VENUE, lambda report: report.refusals.get(Reason.HALTED, 0) >= 3)
            assert engine.pids()[VENUE] != pid
            actor_when(config, UNDERTAKER, lambda report: report.state == "idle")
        finally:
            engine.stop()
        assert at_venue(venue.ready) == (accepted, 0)
    receipt = receipts[-1]
    assert receipt.complete
    assert f"{VENUE}: halted: did not acknowledge within 50 ms: its process is being ended" in receipt.failures
    reached = [[stage.stage for stage in told.stages if stage.after_ns >= 0] for told in receipts]
    assert reached == sorted(reached, key=len), "no stage was taken back"
    lines = logged(config)
    words = [(line["actor"], line["event"]) for line in lines]
    fenced, undertaking = words.index(("node-agent", "fenced")), words.index((UNDERTAKER, "undertaking"))
    assert words.index(("kill-switch", "FENCING")) < fenced < undertaking
    first, *_, second = [
        line["open_orders"] for line in lines if (line["actor"], line["event"]) == (VENUE, "reconciled")
    ]
    assert (first, second) == (0, 0), "its next life finds nothing open: the undertaker was there before"
