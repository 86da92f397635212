"""A venue actor that was paused for longer than its lease, or during a kill, wakes up late with orders waiting: it
sends none of them, though nobody has fenced it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.places import risk_actor, venue_actor
from actors.wiring import make_plan, open_state
from adapters.binance.signing import Credentials, KeyType, make_signer
from cli.engine_process import RunningEngine, start_engine
from cli.kill import press
from cli.simulator_process import SimulatorReady, simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from cli.venue_ledger import read_venue_ledger
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode, Reason
from engine.messages import StatusReport

VENUE, RISK = venue_actor("binance"), risk_actor("trial")


def venue_when(config: EngineConfig, condition: Callable[[StatusReport], bool]) -> StatusReport:
    deadline = time.monotonic() + 40
    report = None
    while time.monotonic() < deadline:
        report = ask_actor(config, VENUE)
        if report is not None and condition(report):
            return report
        time.sleep(0.05)
    raise AssertionError(f"not within 40 s; last: {report}")


def orders_at(venue: SimulatorReady) -> int:
    """How many orders the venue itself has ever accepted."""
    credentials = Credentials(
        Path(venue.api_key_file).read_text().strip(),
        KeyType(venue.key_type),
        Path(venue.secret_file).read_text().strip(),
    )
    return read_venue_ledger(venue.port, venue.ca_file, make_signer(credentials), venue.symbols).orders


@contextmanager
def stopped(engine: RunningEngine, host: str) -> Iterator[None]:
    pid = engine.pids()[host]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.ray
@pytest.mark.slow
def test_a_venue_actor_stopped_for_longer_than_its_lease_sends_nothing_before_it_has_a_new_one(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "4"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="own-process")
        file.write_text(engine_toml(venue.ready, tmp_path / "state", "ray", strategies, "paused"))
        config = load_config(file)
        assert open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            before = venue_when(config, lambda report: report.counters["orders"] >= 20)
            with stopped(engine, RISK):  # nobody renews the lease from here on
                with stopped(engine, VENUE):
                    time.sleep(2 * config.lease.duration_ns / 1e9)  # its lease runs out, and strategies go on ordering
                    orders = orders_at(venue.ready)
                woken = venue_when(config, lambda report: report.refusals.get(Reason.LEASE_EXPIRED, 0) >= 3)
                assert orders_at(venue.ready) == orders, "an order left without a lease"
                assert woken.counters["restarts"] == before.counters["restarts"], "it was paused, not restarted"
            venue_when(config, lambda report: report.counters["orders"] > woken.counters["orders"])
            assert orders_at(venue.ready) > orders
            # And under a kill, which nobody can make it acknowledge: fencing is off here.
            with stopped(engine, VENUE):
                kills = press(config, "global", KillMode.CANCEL, "rehearsal")
                assert not next(kills).complete
                orders = orders_at(venue.ready)
                time.sleep(5)
            *_, receipt = kills
            halted = venue_when(config, lambda report: report.refusals.get(Reason.HALTED, 0) >= 3)
            assert orders_at(venue.ready) == orders, "an order left after the kill"
            assert receipt.complete
            assert halted.counters["restarts"] == before.counters["restarts"], "it was not fenced"
        finally:
            engine.stop()
