"""A strategy that fired too often is enabled by a person at a command line, with real processes and sockets."""

import re
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from actors.enabling_desk import EnablingAsked
from actors.places import journal_dir, risk_actor, run_dir
from actors.runtime.observer import BlockingObserver
from actors.wiring import make_plan, open_state
from cli.engine_process import start_engine
from cli.main import build
from cli.simulator_process import simulated_venue
from cli.trial_config import demo_strategies, engine_toml
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import HaltlineError
from engine.messages import ThrottledStrategy, ThrottleQuery, ThrottleRecords
from store.segment_read import read_records


def haltline(*arguments: str) -> str:
    done = CliRunner().invoke(build([arguments[0]]), [*arguments])
    assert done.exit_code == 0, done.output or done.exception
    return done.output


def wait_for_throttle(config: EngineConfig) -> ThrottledStrategy:
    """Until the risk actor knows of one, by telemetry."""
    account = config.strategies[0].account
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with BlockingObserver(str(run_dir(config)), risk_actor(account)) as observer:
                for throttled in observer.request(ThrottleQuery(), ThrottleRecords, 5.0).throttled:
                    return throttled
        except (HaltlineError, OSError):
            continue  # it is not there yet
    raise AssertionError("no strategy was throttled")


@pytest.mark.slow
def test_a_person_enables_a_throttled_strategy_of_a_running_engine(tmp_path: Path) -> None:
    with simulated_venue(tmp_path / "venue", ["--seed", "11"]) as venue:
        file, key = tmp_path / "engine.toml", tmp_path / "ann"
        strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
        person = haltline("kill", "keygen", "--out", str(key), "--name", "ann").replace('["release"]', '["enable"]')
        text = engine_toml(venue.ready, tmp_path / "state", "local", strategies, "enable")
        file.write_text(re.sub(r"executions_max = \d+", "executions_max = 1", text) + "\n" + person)
        config, on = load_config(file), ("--config", str(file))
        open_state(config)
        engine = start_engine(config, make_plan(config))
        try:
            throttled = wait_for_throttle(config)
            strategy, instrument = throttled.strategy_id, throttled.instrument
            shown = haltline("status", *on)
            assert "a person lets it trade again: haltline enable" in " ".join(shown.split())
            assert "exposure firm" in shown
            told = haltline("enable", strategy, *on, "--as", "ann", "--key", str(key))
            assert f"{strategy} may trade {instrument} again" in " ".join(told.split())
        finally:
            engine.stop()
        decoder = msgspec.msgpack.Decoder(EnablingAsked)
        people = []
        for _, _, payload in read_records(journal_dir(config) / risk_actor(config.strategies[0].account)):
            try:
                people.append(decoder.decode(payload).enable.person)
            except msgspec.DecodeError:
                continue  # a record of another kind
        assert people == ["ann"]
