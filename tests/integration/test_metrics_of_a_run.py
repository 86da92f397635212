"""A running engine, its exporter, a drill and a kill: what Prometheus reads is what happened."""

import errno
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.simulator_process import simulated_venue
from cli.trial_config import demo_strategies, engine_toml

Samples = dict[tuple[str, ...], float]
VENUE, KILL_SWITCH = "venue.binance", "kill-switch"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def scrape(port: int) -> Samples:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape_until(port: int, key: tuple[str, ...], least: float) -> Samples:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            samples = scrape(port)
        except OSError:
            samples = {}
        if samples.get(key, -1) >= least:
            return samples
        time.sleep(0.1)
    raise AssertionError(f"{key} did not reach {least}; it was {samples.get(key)}")


def wait_until_gone(port: int) -> None:
    """Until nobody listens there any more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED:
                return
        time.sleep(0.05)
    raise AssertionError("the exporter still listens")


def haltline(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, int, "subprocess.Popen[bytes]"]]:
    """An engine's configuration, the port of its metrics, and its process."""
    with simulated_venue(tmp_path / "venue", ["--seed", "5"]) as venue:
        port = free_port()
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        file = tmp_path / "engine.toml"
        metrics = f"\n[metrics]\nport = {port}\n[kill]\ndrill_every_s = 3600\n"
        file.write_text(engine_toml(venue.ready, tmp_path / "state", "local", strategies, "metrics") + metrics)
        engine = subprocess.Popen([sys.executable, "-m", "cli.main", "run", "--config", str(file)])
        try:
            yield file, port, engine
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait(60)


def response(samples: Samples, stage: str, trigger: str) -> list[float]:
    """The cumulative counts of a histogram, having checked them against its count."""
    name = "kill_switch_response_seconds"
    bounds = {
        float(key[1]): value
        for key, value in samples.items()
        if key[0] == name + "_bucket" and key[2:] == (stage, trigger)
    }
    counts = [bounds[bound] for bound in sorted(bounds)]
    assert counts == sorted(counts)
    assert counts[-1] == samples[name + "_count", stage, trigger]
    assert 0 < samples[name + "_sum", stage, trigger] < 60 * counts[-1]
    return counts


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_drill_and_a_kill_are_measured_and_the_engine_does_not_stop_for_a_drill(
    running: tuple[Path, int, "subprocess.Popen[bytes]"],
) -> None:
    file, port, engine = running
    trading = scrape_until(port, ("haltline_fills_total", VENUE), 1)
    assert {value for key, value in trading.items() if key[0] == "haltline_page_unreadable"} == {0}
    assert {value for key, value in trading.items() if key[0] == "kill_switch_state"} == {0}
    assert trading["haltline_latency_seconds_count", VENUE, "gate"] >= trading["haltline_fills_total", VENUE]

    drill = haltline("kill", "drill", "--config", str(file), "--json")
    assert drill.returncode == 0, drill.stderr
    assert set(json.loads(drill.stdout)["stages_us"]) >= {"latched", "halted", "acknowledged", "released"}
    rehearsed = scrape_until(port, ("haltline_drills_total", KILL_SWITCH), 1)
    assert response(rehearsed, "halted", "drill")[-1] >= 1
    assert 0 <= rehearsed["kill_switch_drill_age_seconds",] < 60
    orders = rehearsed["haltline_orders_sent_total", VENUE]
    scrape_until(port, ("haltline_orders_sent_total", VENUE), orders + 5)
    assert ("kill_switch_response_seconds_count", "halted", "person") not in scrape(port)

    kill = haltline("kill", "--config", str(file), "--scope", "global", "--mode", "cancel", "--reason", "test")
    assert kill.returncode == 0, kill.stderr
    killed = scrape_until(port, ("haltline_halted", VENUE), 1)
    for stage in ("latched", "sealed", "halted", "cancel_sent", "cancelled"):
        assert response(killed, stage, "person")[-1] == 1
    assert killed["kill_switch_state", "global"] == 4, "cancelling"

    engine.send_signal(signal.SIGTERM)
    assert engine.wait(60) == 0
    wait_until_gone(port)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_exporter_ends_with_an_engine_that_is_killed_hard(
    running: tuple[Path, int, "subprocess.Popen[bytes]"],
) -> None:
    _, port, engine = running
    scrape_until(port, ("haltline_ready", VENUE), 1)
    engine.kill()
    engine.wait(30)
    wait_until_gone(port)
