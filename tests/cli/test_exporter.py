"""``haltline exporter`` as Prometheus meets it: a process, HTTP, and text that its own parser reads."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.places import KILL_SWITCH, latency_path
from actors.wiring import open_state, stages_of
from config.loader import load_config
from risk.latency import LatencyPage

Scrape = Callable[[], dict[tuple[str, ...], float]]


def get(port: int) -> dict[tuple[str, ...], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        text = response.read().decode()
    finally:
        connection.close()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


Exporter = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def start_exporter(desk: Path) -> Iterator[Exporter]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple["subprocess.Popen[str]", int]:
        command = [sys.executable, "-m", "cli.main", "exporter", "--config", str(desk), "--json", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], f"ended with {process.wait()}"
        return process, json.loads("".join(lines))["port"]

    yield start
    for process in started:
        process.kill()
        with process:  # closes its pipes
            pass


def test_each_scrape_reads_the_pages_anew(desk: Path, start_exporter: Exporter) -> None:
    config = load_config(desk, check_files=False)
    open_state(config)
    process, port = start_exporter("--port", "0")
    pages = {"kill-switch.latency", "kill-switch.counters", "venue.binance.latency", "venue.binance.counters"}
    assert {get(port)["haltline_page_unreadable", page] for page in pages} == {1}, "no engine has run yet"
    for life in (1, 2):  # an engine starts, and starts again: its pages are new files each time
        page = LatencyPage.create(latency_path(config, KILL_SWITCH), stages_of(KILL_SWITCH))
        for count, latency_ns in enumerate((4_000 * life, 30_000_000, 2_000_000_000), start=1):
            page.record("halted|person", latency_ns)
            shown = get(port)
            assert shown["haltline_page_unreadable", "kill-switch.latency"] == 0
            assert shown["kill_switch_response_seconds_count", "halted", "person"] == count
        buckets = [
            value for key, value in shown.items() if key[0] == "kill_switch_response_seconds_bucket" and "halted" in key
        ]
        assert buckets == sorted(buckets)
        assert buckets[-1] == 3
        assert shown["kill_switch_response_seconds_sum", "halted", "person"] == pytest.approx(2.03 + 4e-6 * life)
        assert shown["kill_switch_response_seconds_bucket", "2e-06", "halted", "person"] == 0
        assert shown["kill_switch_response_seconds_bucket", "1e-05", "halted", "person"] == 1
        assert shown["kill_switch_response_seconds_bucket", "0.05", "halted", "person"] == 2
        assert shown["kill_switch_response_seconds_bucket", "60.0", "halted", "person"] == 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_it_ends_with_whoever_holds_its_input(start_exporter: Exporter) -> None:
    process, port = start_exporter("--port", "0", "--until-eof")
    assert ("kill_switch_state", "global") in get(port), "a state directory that is not there reads as killed"
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0


def test_it_listens_at_this_machine_alone_unless_told(start_exporter: Exporter) -> None:
    process, port = start_exporter("--port", "0")
    listening = [
        line.split()[1]
        for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_the_configuration_says_where(desk: Path, start_exporter: Exporter) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    desk.write_text(desk.read_text() + f"\n[metrics]\nport = {port}\n")
    assert start_exporter()[1] == port
    assert get(port)["kill_switch_state", "global"] > 0


def test_no_port_and_a_port_that_is_taken_cost_one_line(
    desk: Path, haltline: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    told = haltline("exporter", "--config", "desk.toml")
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "name a port" in told.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = haltline("exporter", "--config", "desk.toml", "--port", str(taken.getsockname()[1]))
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "cannot listen" in told.stderr


def test_a_trading_process_is_not_touched(desk: Path, start_exporter: Exporter) -> None:
    """The exporter holds no socket of an actor and no writable map of a page."""
    config = load_config(desk, check_files=False)
    open_state(config)
    page = LatencyPage.create(latency_path(config, KILL_SWITCH), stages_of(KILL_SWITCH))
    page.record("loop_lag", 5)
    process, port = start_exporter("--port", "0")
    assert get(port)["haltline_latency_seconds_count", KILL_SWITCH, "loop_lag"] == 1
    state_dir = config.engine.state_dir
    maps = [line for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines() if state_dir in line]
    assert not [line for line in maps if "w" in line.split()[1]]
    links = [os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if link.startswith(state_dir)]
