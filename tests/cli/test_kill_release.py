"""What people do at a command line to end a kill, and what they are told when it cannot be done."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from actors.places import latch_path
from actors.wiring import open_state
from config.loader import load_config
from engine.errors import UsageError
from risk.latch import LatchPage

Run = Callable[..., CompletedProcess[str]]


#: The second of the two who release.
BOB = '\n[[people]]\nname = "bob"\npublic_key = "{}"\nmay = ["release"]\n'.format("b0" * 32)


def keygen(haltline: Run, desk: Path, name: str) -> Path:
    """A person's new key, made known to the configuration as the command says, beside that of another."""
    key = desk.parent / f"{name}.pem"
    done = haltline("kill", "keygen", "--out", str(key), "--name", name)
    assert done.returncode == 0, done.stderr
    desk.write_text(desk.read_text() + done.stdout + BOB)
    return key


def test_a_key_is_its_owners_alone_and_never_overwritten(haltline: Run, desk: Path) -> None:
    key = keygen(haltline, desk, "ann")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert load_config(desk).people[0].name == "ann"
    before = key.read_bytes()
    done = haltline("kill", "keygen", "--out", str(key), "--name", "ann")
    assert done.returncode == 2
    assert "does not exist yet" in done.stderr
    assert key.read_bytes() == before


def test_one_key_for_two_names_is_found_in_the_configuration(haltline: Run, desk: Path) -> None:
    keygen(haltline, desk, "ann")
    table = desk.read_text()[desk.read_text().index("[[people]]") :]
    desk.write_text(desk.read_text() + table.replace('"ann"', '"anna"'))
    done = haltline("config", "check", str(desk))
    assert done.returncode == 1
    assert "there twice" in done.stderr


def test_status_and_receipt_without_an_engine(haltline: Run, desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    assert "no kill holds" in haltline("kill", "status", "--config", str(desk)).stdout
    scope = "instrument:BTCUSDT+venue:binance"
    done = haltline("kill", "--config", str(desk), "--scope", scope, "--mode", "reduce", "--reason", "drift")
    assert done.returncode == 1
    told = json.loads(haltline("kill", "status", "--config", str(desk), "--json").stdout)
    (kill,) = told["kills"]
    assert (kill["scope"], kill["mode"], kill["reason"]) == (
        "venue:binance+instrument:binance:BTCUSDT",
        "reduce",
        "drift",
    )
    assert kill["kill_id"] in haltline("kill", "status", "--config", str(desk)).stdout
    done = haltline("kill", "receipt", kill["kill_id"], "--config", str(desk))
    assert done.returncode == 2, "no kill switch has seen it yet"


@pytest.mark.parametrize("command", ["approve", "release"])
def test_without_a_kill_switch_nothing_is_released(haltline: Run, desk: Path, command: str) -> None:
    key = keygen(haltline, desk, "ann")
    open_state(load_config(desk))
    haltline("kill", "--config", str(desk), "--scope", "global", "--reason", "test")
    more = ("--as", "ann", "--key", str(key)) if command == "approve" else ()
    done = haltline("kill", command, "some-id", "--config", str(desk), *more)
    assert done.returncode == 2
    assert "kill-switch" in done.stderr
    assert LatchPage.open(latch_path(load_config(desk))).kills()


def test_a_key_that_is_open_to_others_or_no_key_is_refused(haltline: Run, desk: Path) -> None:
    key = keygen(haltline, desk, "ann")
    key.chmod(0o644)
    asked = ("kill", "approve", "some-id", "--config", str(desk), "--as", "ann", "--key", str(key))
    assert "chmod 600" in haltline(*asked).stderr
    key.write_text("nonsense")
    key.chmod(0o600)
    assert "keygen" in haltline(*asked).stderr


def test_a_lost_latch_comes_back_killed(desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    latch_path(config).unlink()
    assert not open_state(config)
    page = LatchPage.open(latch_path(config))
    assert page.view().cause().reason.startswith("the latch was lost")  # type: ignore[union-attr]  # it has one
    assert len(page.kills()) == 1
    assert not open_state(config)
    assert len(LatchPage.open(latch_path(config)).kills()) == 1


def test_a_damaged_latch_stops_the_start_with_its_remedy(desk: Path) -> None:
    config = load_config(desk)
    open_state(config)
    data = bytearray(latch_path(config).read_bytes())
    data[9] ^= 1
    latch_path(config).write_bytes(data)
    with pytest.raises(UsageError, match="Move the file away"):
        open_state(config)
