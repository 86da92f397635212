"""``[[triggers]]``: every kind with its own keys, every mistake with its line, key and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigProblem
from config.hashing import config_hash
from config.loader import load_config
from config.trigger_settings import LossCapSettings, StaleMarketDataSettings

Problems = Callable[[str], list[ConfigProblem]]

HEAD = '\n[[triggers]]\nkind = "{kind}"\nscope = "{scope}"\nmode = "cancel"\nconsecutive = 3\n'
#: What each kind needs besides.
KEYS = {
    "loss_cap": 'asset = "USDT"\nloss_max = "1000"',
    "drawdown": 'asset = "USDT"\ndrawdown_max = "500.5"',
    "spread_widening": "spread_bps_max = 50",
    "latency_stall": "answer_ms_max = 500",
    "stale_market_data": "age_ms_max = 5000",
    "gapped_market_data": "gaps_max = 3\nwindow_ms = 60000",
    "reject_storm": "rejects_max = 20\nwindow_ms = 10000",
    "fill_storm": "fills_max = 200\nwindow_ms = 10000",
    "position_mismatch": 'mismatch_max = "0.0001"',
    "authentication_failure": "failures_max = 0\nwindow_ms = 60000",
    "clock_offset": "offset_ms_max = 500",
    "loop_lag": "lag_ms_max = 50",
    "heartbeat_lost": "silence_ms_max = 2000\nstart_ms_max = 60000",
    "config_mismatch": "",
}


def table(kind: str, keys: str | None = None, scope: str = "global") -> str:
    return HEAD.format(kind=kind, scope=scope) + (KEYS[kind] if keys is None else keys) + "\n"


def test_every_kind_loads_and_is_part_of_the_configurations_hash(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    without = config_hash(load_config(config_path))
    config_path.write_text(right_text + "".join(table(kind) for kind in KEYS))
    config = load_config(config_path)
    assert len(config.triggers) == len(KEYS)
    assert config.triggers[0] == LossCapSettings(
        scope="global", mode="cancel", consecutive=3, asset="USDT", loss_max="1000"
    )
    assert config.triggers[0].threshold == 1_000_000_000_000
    stale = config.triggers[4]
    assert isinstance(stale, StaleMarketDataSettings)
    assert (stale.threshold, stale.rearm_percent) == (5_000_000_000, 80)
    assert config_hash(config) != without


def test_an_unknown_kind_is_told_with_its_line(right_text: str, problems_of: Problems) -> None:
    text = right_text + table("loss_capp", KEYS["loss_cap"])
    (problem,) = problems_of(text)
    assert text.splitlines()[problem.line - 1] == 'kind = "loss_capp"'
    assert (problem.key, problem.remedy) == ("triggers[0].kind", 'did you mean "loss_cap"?')


def test_a_table_without_a_kind_is_told_the_kinds(right_text: str, problems_of: Problems) -> None:
    (problem,) = problems_of(right_text + '\n[[triggers]]\nscope = "global"\n')
    assert problem.key == "triggers[0].kind"
    assert all(f'"{kind}"' in problem.remedy for kind in KEYS)


@pytest.mark.parametrize("kind", KEYS)
def test_each_kind_requires_its_keys(right_text: str, problems_of: Problems, kind: str) -> None:
    problems = problems_of(right_text + f'\n[[triggers]]\nkind = "{kind}"\n')
    keys = [line.partition(" ")[0] for line in KEYS[kind].splitlines()]
    assert {problem.key.rpartition(".")[2] for problem in problems} == {"scope", "mode", "consecutive", *keys}
    assert all("no default" in problem.problem for problem in problems)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_another_kind_is_an_error(right_text: str, problems_of: Problems, kind: str) -> None:
    other = "lag_ms_max = 5" if kind != "loop_lag" else "age_ms_max = 500"
    (problem,) = problems_of(right_text + table(kind) + other + "\n")
    assert problem.problem == "is not a key of this table"


@pytest.mark.parametrize(
    ("kind", "keys", "key"),
    [
        ("loss_cap", 'asset = "USDT"\nloss_max = 1000.5', "loss_max"),
        ("loss_cap", 'asset = "USDT"\nloss_max = "0"', "loss_max"),
        ("loss_cap", 'asset = "usdt"\nloss_max = "10"', "asset"),
        ("stale_market_data", "age_ms_max = 50", "age_ms_max"),
        ("reject_storm", "rejects_max = -1\nwindow_ms = 10000", "rejects_max"),
        ("reject_storm", "rejects_max = 5\nwindow_ms = 999", "window_ms"),
        ("spread_widening", "spread_bps_max = 20001", "spread_bps_max"),
        ("clock_offset", "offset_ms_max = 0", "offset_ms_max"),
        ("clock_offset", "offset_ms_max = 5\nrearm_percent = 101", "rearm_percent"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_an_error(
    right_text: str, problems_of: Problems, kind: str, keys: str, key: str
) -> None:
    (problem,) = problems_of(right_text + table(kind, keys))
    assert problem.key == f"triggers[0].{key}"


@pytest.mark.parametrize("kind", ["loss_cap", "drawdown", "spread_widening", "stale_market_data", "heartbeat_lost"])
def test_what_a_phantom_could_make_needs_two_readings_in_a_row(
    right_text: str, problems_of: Problems, kind: str
) -> None:
    (problem,) = problems_of(right_text + table(kind).replace("consecutive = 3", "consecutive = 1"))
    assert problem.key == "triggers[0].consecutive"


@pytest.mark.parametrize(
    "scope",
    [
        "global",
        "venue:binance",
        "account:main",
        "strategy:quoter",
        "instrument:binance:ETHUSDT",
        "account:main+instrument:binance:BTCUSDT",
        "strategy:quoter+venue:binance",
    ],
)
def test_a_scope_of_what_is_configured_is_right(right_text: str, problems_of: Problems, scope: str) -> None:
    assert problems_of(right_text + table("loop_lag", scope=scope)) == []


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ("", "is ''"),
        ("everything", "is no scope"),
        ("venue:", "is no scope"),
        ("venue:nowhere", "not configured"),
        ("instrument:BTCUSDT", "not configured"),
        ("instrument:second:ETHUSDT", "not configured"),
        ("venue:binance+venue:second", "names venue twice"),
        ("venue:binance+", "is no scope"),
        ("global+venue:binance", "is no scope"),
        ("account:other+venue:binance", "covers nothing"),
        ("strategy:quoter+venue:second", "covers nothing"),
        ("account:other+instrument:binance:BTCUSDT", "covers nothing"),
    ],
)
def test_any_other_scope_is_an_error_where_it_stands(
    right_text: str, problems_of: Problems, scope: str, says: str
) -> None:
    text = right_text + table("loop_lag", scope=scope)
    (problem,) = problems_of(text)
    assert text.splitlines()[problem.line - 1] == f'scope = "{scope}"'
    assert says in problem.problem


def test_a_scope_of_something_broken_adds_no_error(right_text: str, problems_of: Problems) -> None:
    broken = right_text.replace('name = "binance"', 'name = "BINANCE!"').replace('symbol = "BTCUSDT"', "symbol = 5")
    with_scope = broken + table("loop_lag", scope="venue:binance+instrument:binance:BTCUSDT")
    assert [str(p) for p in problems_of(with_scope)] == [str(p) for p in problems_of(broken)]
    assert problems_of(broken)
