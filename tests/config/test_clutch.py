"""``[[clutch]]``: which strategies have a shadow, and scopes that can be none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.places import actors_of, clutched_strategies, shadow_actor
from config.errors import ConfigProblem
from config.hashing import config_hash
from config.loader import load_config

Problems = Callable[[str], list[ConfigProblem]]

TABLE = '\n[[clutch]]\nscope = "{scope}"\n'


@pytest.mark.parametrize(
    ("scope", "has_shadow"),
    [
        ("global", True),
        ("strategy:quoter", True),
        ("account:main", True),
        ("account:other", False),
        ("venue:binance", True),
        ("instrument:binance:BTCUSDT", True),
        ("strategy:quoter+instrument:binance:BTCUSDT", True),
    ],
)
def test_whoever_is_in_scope_has_a_shadow(right_text: str, config_path: Path, scope: str, has_shadow: bool) -> None:
    config_path.write_text(right_text + TABLE.format(scope=scope))
    config = load_config(config_path)
    assert ("quoter" in [strategy.id for strategy in clutched_strategies(config)]) == has_shadow
    assert (shadow_actor("quoter") in actors_of(config)) == has_shadow


def test_without_a_table_nobody_has_one(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    config = load_config(config_path)
    assert clutched_strategies(config) == ()
    assert not [name for name in actors_of(config) if name.startswith("shadow.")]


def test_it_is_part_of_the_configurations_hash(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    without = config_hash(load_config(config_path))
    config_path.write_text(right_text + TABLE.format(scope="global"))
    assert config_hash(load_config(config_path)) != without


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ("strategy:nobody", "is not configured"),
        ("everything", "is no scope"),
        ("", "is no scope"),
        ("account:main+account:other", "names account twice"),
    ],
)
def test_a_scope_that_covers_nothing_is_found_out(
    right_text: str, problems_of: Problems, scope: str, says: str
) -> None:
    (problem,) = problems_of(right_text + TABLE.format(scope=scope))
    assert says in str(problem)
