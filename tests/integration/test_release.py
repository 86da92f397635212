"""A kill of everything, released by two people at their command lines, with real processes and sockets."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.places import KILL_SWITCH, venue_actor
from actors.wiring import make_plan, open_state
from cli.engine_process import start_engine
from cli.main import build
from cli.simulator_process import simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from config.loader import load_config
from engine.errors import UsageError


def haltline(*arguments: str) -> tuple[int, str]:
    """The command's exit code and what it printed; 2 and the message for wrong input."""
    done = CliRunner().invoke(build(["kill"]), ["kill", *arguments])
    if isinstance(done.exception, UsageError):
        return 2, str(done.exception)
    return done.exit_code, done.output


def wait_for_fills(kill_id: str, on: tuple[str, str]) -> dict[str, Any]:
    """The kill's shadows by strategy, as soon as the taker's has traded."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        (kill,) = json.loads(haltline("status", *on, "--json")[1])["kills"]
        assert kill["kill_id"] == kill_id
        shadows = {each["strategy_id"]: each for each in kill["shadows"]}
        if shadows.get("taker", {}).get("fills"):
            return shadows
    raise AssertionError("no shadow has traded")


@pytest.mark.slow
def test_a_kill_is_released_by_two_people_and_the_engine_trades_again(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "11"]) as venue:
        file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        people = [haltline("keygen", "--out", str(tmp_path / name), "--name", name)[1] for name in ("ann", "bea")]
        text = engine_toml(venue.ready, tmp_path / "state", "local", strategies, "release")
        file.write_text(text + '\n[[clutch]]\nscope = "global"\n' + "\n".join(people))
        config, on = load_config(file), ("--config", str(file))
        open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            code, told = haltline(*on, "--scope", "global", "--reason", "rehearsal", "--json")
            assert code == 0
            kill_id = json.loads(told)["kill_id"]
            assert haltline("release", kill_id, *on)[0] == 1
            shadows = wait_for_fills(kill_id, on)
            assert set(shadows) == {"quoter", "taker"}
            assert "position" in shadows["taker"]["lines"][0]
            for name in ("ann", "bea"):
                code, told = haltline("approve", kill_id, *on, "--as", name, "--key", str(tmp_path / name))
                assert code == 0, told
            shown = haltline("status", *on)[1]
            assert kill_id in shown
            assert "shadow of taker: what it would have done in" in shown
            assert haltline("approve", kill_id, *on, "--as", "ann", "--key", str(tmp_path / "bea"))[0] == 2
            code, told = haltline("release", kill_id, *on)
            assert (code, told.endswith(f"kill {kill_id} is released\n")) == (0, True)
            assert "shadow of quoter" in told
            kill_switch, trading = ask_actor(config, KILL_SWITCH), ask_actor(config, venue_actor("binance"))
            assert kill_switch is not None
            assert trading is not None
            assert (kill_switch.state, trading.state) == ("armed", "ready")
        finally:
            engine.stop()
        receipt = json.loads(haltline("receipt", kill_id, *on, "--json")[1])
        assert receipt["released_ns"] > receipt["pressed_wall_ns"]
        assert [each["person"] for each in receipt["approvals"]] == ["ann", "bea"]
        assert receipt["limits"]["accounts"]
