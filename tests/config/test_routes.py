"""``[[routes]]``: one instrument at several venues, and what a configuration may not say about them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.places import actors_of, router_actor, trading_names
from config.errors import ConfigProblem
from config.loader import load_config
from config.routes import instruments_traded_by, venues_of
from risk.scope import parse_scope

Problems = Callable[[str], list[ConfigProblem]]

ROUTE = """
[[routes]]
symbol = "BTC"
policy = "split"
failover = true
instruments = ["binance:BTCUSDT", "second:BTCUSDT"]
"""
DIRECT = 'instruments = ["binance:BTCUSDT", "binance:ETHUSDT"]'


@pytest.fixture
def routed_text(right_text: str) -> str:
    """Both venues are the same account's, and the strategy trades the route."""
    text = right_text.replace('account = "other"', 'account = "main"')
    return text.replace(DIRECT, 'instruments = ["route:BTC"]') + ROUTE


def test_a_strategy_of_a_route_is_at_all_its_venues_and_has_a_router(routed_text: str, config_path: Path) -> None:
    config_path.write_text(routed_text)
    config = load_config(config_path)
    (strategy,) = config.strategies
    assert instruments_traded_by(config, strategy) == ("binance:BTCUSDT", "second:BTCUSDT")
    assert venues_of(config, strategy) == ("binance", "second")
    assert router_actor("quoter") in actors_of(config)


def test_a_kill_of_the_strategy_reaches_every_venue_of_its_routes(routed_text: str, config_path: Path) -> None:
    config_path.write_text(routed_text)
    names = trading_names(load_config(config_path))
    assert parse_scope("strategy:quoter", names).venues(names) == ("binance", "second")
    assert parse_scope("venue:second+strategy:quoter", names).venues(names) == ("second",)


def test_a_kill_of_a_strategy_at_one_of_its_routes_venues_is_a_scope(routed_text: str, problems_of: Problems) -> None:
    trigger = '\n[[clutch]]\nscope = "strategy:quoter+venue:second"\n'
    assert problems_of(routed_text + trigger) == []


@pytest.mark.parametrize(
    ("right", "wrong", "key", "says"),
    [
        ('"second:BTCUSDT"]', '"third:BTCUSDT"]', "routes[0].instruments[1]", "is at no configured venue"),
        ('"second:BTCUSDT"]', '"second:XRP"]', "routes[0].instruments[1]", "not among the instruments of its venue"),
        ('"second:BTCUSDT"]', '"binance:ETHUSDT"]', "routes[0].instruments[1]", "is in this route already"),
        ('policy = "split"', 'policy = "cheap"', "routes[0].policy", "not one of"),
        ('["route:BTC"]', '["route:ETH"]', "strategies[0].instruments[0]", "is no configured route"),
        ('["route:BTC"]', '["route:BTC", "binance:ETHUSDT"]', "strategies[0].instruments[1]", "trades routes"),
        ('name = "second"', 'name = "route"', "venues[1].name", "stands for all venues of a route"),
        (ROUTE, ROUTE + ROUTE, "routes[1].symbol", "is there twice"),
        (
            ROUTE + "",
            ROUTE.replace(', "second:BTCUSDT"', "").replace("binance", "second"),
            "strategies[0].venue",
            "is at none of its routes",
        ),
        (
            '["route:BTC"]',
            '["route:BTC", "route:TWIN"]',
            "strategies[0].instruments[1]",
            "nobody could tell their positions apart",
        ),
    ],
)
def test_what_cannot_be_routed_is_told_with_its_place(
    routed_text: str, problems_of: Problems, right: str, wrong: str, key: str, says: str
) -> None:
    text = routed_text.replace(right, wrong)
    if "TWIN" in wrong:
        text += ROUTE.replace('"BTC"', '"TWIN"')
    found = problems_of(text)
    assert any(each.key == key and says in each.problem for each in found), found


def test_a_route_over_two_accounts_is_none(right_text: str, problems_of: Problems) -> None:
    (found,) = problems_of(right_text + ROUTE)
    assert found.key == "routes[0].instruments"
    assert "several accounts" in found.problem
