"""What ``haltline run`` tells a person while it runs: nobody has to look into the log to learn that trading stopped."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actors.runtime.log import Log
from cli.alarms import Alarms


def write(path: Path, *events: tuple[str, dict[str, object]]) -> None:
    log = Log(str(path))
    for event, fields in events:
        log.write(0, "venue.binance", event, fields)
    log.close()


def test_only_what_nobody_may_miss_is_told_and_only_once(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, ("killed", {"scope": "global", "mode": "HALT", "by": "of an earlier run", "reason": "r"}))
    alarms = Alarms(log)
    write(
        log,
        ("session", {"live": True}),
        ("actor_failed", {"error": "KeyError(0)", "traceback": "…"}),
        ("strategy failed", {"strategy": "q", "error": "on_quote: ValueError: x"}),
        ("NEW ORDERS STOPPED", {"reason": "LEDGER_IN_DOUBT", "text": "look, then restart"}),
        ("killed", {"scope": "venue:binance", "mode": "CANCEL", "by": "eva", "reason": "test"}),
    )
    assert alarms.read() == [
        "venue.binance HAS DIED: KeyError(0)",
        "strategy q has failed and is stopped: on_quote: ValueError: x",
        "venue.binance: NEW ORDERS STOPPED: LEDGER_IN_DOUBT: look, then restart",
        "KILLED venue:binance (CANCEL) by eva: test",
    ]
    assert alarms.read() == []


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_line_is_told_when_it_is_whole(tmp_path: Path, at: int) -> None:
    log = tmp_path / "log.jsonl"
    alarms = Alarms(log)
    assert alarms.read() == []  # there is no log yet
    line = json.dumps({"actor": "kill-switch", "event": "actor_failed", "error": "x"}).encode() + b"\n"
    log.write_bytes(b'{"half\n' + line[:at])
    assert alarms.read() == []
    log.write_bytes(b'{"half\n' + line)
    assert alarms.read() == ["kill-switch HAS DIED: x"]


def test_a_log_that_was_cut_short_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, ("session", {"live": True, "text": "x" * 500}))
    alarms = Alarms(log)
    log.unlink()
    write(log, ("actor_failed", {"error": "y"}))
    assert alarms.read() == ["venue.binance HAS DIED: y"]


def test_run_names_its_log_and_prints_alarms(desk: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "run", "--config", str(desk)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stderr is not None
        watchdog = threading.Timer(60, engine.kill)
        watchdog.start()
        log = tmp_path / "state" / "run" / "log.jsonl"
        assert any("log.jsonl" in line for line in engine.stdout)
        write(log, ("NEW ORDERS STOPPED", {"reason": "HALTED", "text": "as told"}))
        assert "venue.binance: NEW ORDERS STOPPED: HALTED: as told" in engine.stderr.readline()
        engine.send_signal(signal.SIGINT)
        engine.wait()
        watchdog.cancel()
