"""Wrong input costs one line that says what is wrong, where, and what to do; the exit code says the rest."""

import gzip
import json
import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from actors.places import latch_path
from actors.wiring import open_state
from config.loader import load_config
from risk.latch import LatchPage

Run = Callable[..., CompletedProcess[str]]


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file or directory"),
        (b"", "has no line"),
        (b"hello\n", "line 1"),
        (b'1723161600001658384 {"stream":"btcusdt@trade","data":{}}\n1 {"nonsense":1}\n', "line"),
    ],
)
def test_a_recording_that_cannot_be_replayed(haltline: Run, tmp_path: Path, content: bytes | None, says: str) -> None:
    recording = tmp_path / "recording.txt"
    if content is not None:
        recording.write_bytes(content)
    done = haltline("replay", str(recording), "--venue", "binance")
    assert done.returncode == 2
    message = one_line(done.stderr)
    assert says in message
    assert "recording.txt" in message


def test_a_recording_that_breaks_off(haltline: Run, tmp_path: Path) -> None:
    line = b'1723161600001658384 {"stream":"btcusdt@trade","data":{"p":"1.00","q":"1.0","m":true}}\n'
    recording = tmp_path / "recording.gz"
    recording.write_bytes(gzip.compress(line * 1000)[:-20])
    done = haltline("replay", str(recording), "--venue", "binance")
    assert done.returncode == 2
    assert "breaks off" in one_line(done.stderr)


def test_a_venue_that_nobody_knows(haltline: Run) -> None:
    assert "binance" in one_line(haltline("simulator", "mtgox", "--port", "0").stderr)
    assert "binance" in one_line(haltline("replay", "x.gz", "--venue", "mtgox").stderr)


def test_a_venue_that_has_no_such_key_or_recording(haltline: Run) -> None:
    done = haltline("simulator", "kraken", "--port", "0", "--key-type", "ed25519")
    assert "kraken has no key type 'ed25519'; it can be hmac" in one_line(done.stderr)
    done = haltline("simulator", "kraken", "--port", "0", "--recording", "x.gz")
    assert "synthetic order flow only" in one_line(done.stderr)


def test_a_port_in_use(haltline: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = haltline("simulator", "binance", "--port", str(port))
    assert done.returncode == 2
    assert f"localhost:{port}" in done.stderr
    assert "another port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written(haltline: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    done = haltline("simulator", "binance", "--port", "0", "--directory", "taken")
    assert done.returncode == 2
    assert "taken" in one_line(done.stderr)


def test_every_error_of_a_configuration_at_once(haltline: Run, desk: Path) -> None:
    text = desk.read_text().replace("open_orders_max = 10\n", "").replace('symbol = "BTCUSDT"', 'symbl = "BTCUSDT"')
    desk.write_text(text.replace("price_collar_bps = 100", "price_collar_bps = 0"))
    done = haltline("config", "check", str(desk))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert all(line.startswith(f"{desk}:") for line in lines)
    for key in ("open_orders_max", "symbl", "price_collar_bps"):
        assert any(key in line for line in lines)
    assert any("did you mean" in line for line in lines)
    as_json = json.loads(haltline("config", "check", str(desk), "--json").stdout)
    assert as_json["problems"] == lines


def test_a_configuration_that_is_right(haltline: Run, desk: Path) -> None:
    done = haltline("config", "check", str(desk))
    assert done.returncode == 0, done.stderr
    assert "ok" in done.stdout


def test_a_strategy_that_cannot_be_loaded_is_found_by_the_check(haltline: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import nothing_of_that_name\n")
    strategy = """
[[strategies]]
id = "mine"
account = "main"
source = "mine.py:Mine"
placement = "own-process"
venue = "binance"
instruments = ["binance:BTCUSDT"]
[strategies.limits]
orders_per_second_max = 200
orders_burst_max = 200
position_notional_max = "50000"
gross_notional_max = "50000"
executions_max = 5000
executions_window_ms = 10000
"""
    desk.write_text(desk.read_text() + strategy)
    done = haltline("config", "check", str(desk))
    assert done.returncode == 1
    assert "nothing_of_that_name" in one_line(done.stderr)


@pytest.mark.parametrize("command", [["config", "check"], ["run", "--config"]])
def test_a_state_directory_too_deep_for_sockets_is_found_before_anything_is_made(
    haltline: Run, desk: Path, tmp_path: Path, command: list[str]
) -> None:
    deep = "/".join(["a-folder-in-a-folder"] * 5)
    (tmp_path / deep).parent.mkdir(parents=True)
    desk.write_text(desk.read_text().replace('state_dir = "state"', f'state_dir = "{deep}"'))
    done = haltline(*command, str(desk))
    assert done.returncode in (1, 2)
    assert "choose a shorter one" in done.stderr
    assert not (tmp_path / deep).exists()


def test_status_of_an_engine_that_never_ran(haltline: Run, desk: Path) -> None:
    done = haltline("status", "--config", str(desk))
    assert done.returncode == 2
    assert "haltline run" in one_line(done.stderr)


@pytest.mark.parametrize("scope", ["", "venue:", "venue:kraken", "everything", "GLOBAL", "global "])
def test_a_scope_that_is_blank_or_unknown_halts_nothing(haltline: Run, desk: Path, scope: str) -> None:
    config = load_config(desk)
    open_state(config)
    done = haltline("kill", "--config", str(desk), "--scope", scope, "--reason", "test")
    assert done.returncode == 2
    assert "venue:binance" in one_line(done.stderr)
    page = LatchPage.open(latch_path(config))
    assert not page.kills()
    assert page.view().is_trading()


def test_a_kill_says_why_or_is_not_done(haltline: Run, desk: Path) -> None:
    open_state(load_config(desk))
    assert "--reason" in one_line(haltline("kill", "--config", str(desk), "--scope", "global").stderr)


def test_the_red_button_works_with_nothing_alive(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    done = haltline("kill", "--config", str(desk), "--scope", "global", "--mode", "halt", "--reason", "hands shake")
    assert done.returncode == 1, "halted, but nobody confirmed"
    assert "the latch is written, so no engine of this state directory sends a new order" in done.stderr
    cause = LatchPage.open(latch_path(config)).view().cause()
    assert cause is not None
    assert cause.reason == "hands shake"


def test_a_kill_that_nothing_and_nobody_took_says_so(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    latch_path(config).unlink()
    done = haltline("kill", "--config", str(desk), "--scope", "global", "--reason", "hands shake")
    assert done.returncode == 2
    assert "nobody has confirmed that anything is halted" in one_line(done.stderr)


def test_every_command_has_help_with_an_example(haltline: Run) -> None:
    for command in (["demo"], ["run"], ["replay"], ["simulator"], ["kill"], ["status"], ["config", "check"]):
        done = haltline(*command, "--help")
        assert done.returncode == 0
        assert "Example" in done.stdout, command


def test_a_figures_file_that_cannot_be_written_is_found_before_the_run(haltline: Run) -> None:
    done = haltline("demo", "--seconds", "60", "--json", "/no-such-folder/out.json", timeout=20)
    assert done.returncode == 2
    assert "/no-such-folder/out.json" in one_line(done.stderr)


def test_a_runtime_that_does_not_exist(haltline: Run) -> None:
    assert "ray, local" in one_line(haltline("demo", "--runtime", "lcal").stderr)
