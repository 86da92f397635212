"""The red button waits for nothing: no compiler, no readable configuration; and it says each thing once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from actors.places import latch_path
from actors.wiring import open_state
from cli.kill import _say
from cli.screen import user_name
from config.loader import load_config, state_dir_of
from engine.codes import KillMode
from engine.messages import KillReceipt, KillStage
from risk.latch import LatchPage

Run = Callable[..., CompletedProcess[str]]


def test_it_loads_nothing_that_takes_long() -> None:
    heavy = "[name for name in ('numba', 'numpy', 'ray', 'uvloop', 'cryptography') if name in sys.modules]"
    code = f"import sys, cli.main; cli.main.build(['kill']); print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda text: text + "\n[[venues\n",
        lambda text: text.replace("open_orders_max = 10", "open_orders_max = -1"),
        lambda text: text.replace('account = "main"', 'account = "nobody"'),
        lambda text: text + "\n[surprise]\nkey = 1\n",
    ],
)
def test_a_broken_configuration_does_not_keep_anybody_from_pressing(
    haltline: Run, desk: Path, break_it: Callable[[str], str]
) -> None:
    config = load_config(desk)
    open_state(config)
    desk.write_text(break_it(desk.read_text()))
    done = haltline("kill", "--config", str(desk), "--scope", "venue:binance", "--reason", "now")
    assert done.returncode == 1, "latched, but nobody confirmed"
    assert "pressing all the same" in " ".join(done.stderr.split())
    (kill,) = LatchPage.open(latch_path(config)).kills()
    assert (kill.scope.text, kill.mode) == ("venue:binance", KillMode.CANCEL)


def test_a_missing_configuration_needs_the_state_directory_and_no_more(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    desk.unlink()
    done = haltline("kill", "--config", str(desk), "--scope", "global", "--reason", "now")
    assert done.returncode == 2
    assert "--state-dir" in done.stderr
    assert not LatchPage.open(latch_path(config)).kills()
    done = haltline("kill", "--state-dir", config.engine.state_dir, "--scope", "global", "--reason", "now")
    assert done.returncode == 1
    assert [kill.scope.text for kill in LatchPage.open(latch_path(config)).kills()] == ["global"]


@pytest.mark.parametrize("scope", ["", "venue:kraken", "everything", "drill"])
def test_a_scope_is_not_widened_without_a_configuration_either(haltline: Run, desk: Path, scope: str) -> None:
    config = load_config(desk)
    open_state(config)
    done = haltline("kill", "--state-dir", config.engine.state_dir, "--scope", scope, "--reason", "now")
    assert done.returncode == 2
    page = LatchPage.open(latch_path(config))
    assert not page.kills()
    assert page.view().is_trading()


def test_neither_configuration_nor_state_directory(haltline: Run) -> None:
    done = haltline("kill", "--scope", "global", "--reason", "now")
    assert done.returncode == 2
    assert "--config FILE, or its --state-dir DIR" in done.stderr


def test_the_state_directory_of_a_broken_file(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    assert state_dir_of(file) is None
    file.write_bytes(b"\xff[engine\n# state_dir = 'other'\n  state_dir = 'state' # here\nname = ")
    assert state_dir_of(file) == tmp_path / "state"
    file.write_text("state_dir = 5\n")
    assert state_dir_of(file) is None


def test_each_stage_and_each_failure_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    said: set[str] = set()
    for halted_ns, failures in ((-1, ()), (140_000, ()), (140_000, ("no way to the venue",))):
        stages = (KillStage("latched", 12_000), KillStage("halted", halted_ns), KillStage("cancel_sent", -1))
        _say(
            KillReceipt(
                "k1", "global", KillMode.CANCEL, "why", "ann", "person", 0, stages, ("venue.binance",), 0, 0, False,
                failures,
            ),
            said,
        )  # fmt: skip
    out, errors = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["kill", "k1", "global", "cancel"],
        ["latched", "12", "µs"],
        ["halted", "140", "µs"],
    ]
    assert errors == "haltline: no way to the venue\n"


def test_what_holds_without_an_engine_is_said_as_narrow_as_it_is(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    done = haltline("kill", "--config", str(desk), "--scope", "venue:binance", "--mode", "reduce", "--reason", "now")
    (kill,) = LatchPage.open(latch_path(config)).kills()
    assert kill.cause is not None
    said = " ".join(done.stderr.split())
    assert kill.cause.kill_id in said, "or nobody could approve its release"
    assert "an order that does not shrink a position in venue:binance" in said
    assert "cancel" not in said


def test_a_reason_of_any_bytes_presses(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    done = haltline("kill", "--config", str(desk), "--scope", "global", "--reason", "runaway \udcff")
    assert "Traceback" not in done.stderr
    (kill,) = LatchPage.open(latch_path(config)).kills()
    assert kill.cause is not None
    assert kill.cause.reason == "runaway ?"


def test_whoever_has_no_name_here_presses_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container. The environment says nothing: anybody can set it."""
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert user_name() == f"uid-{2**31 - 7}"
