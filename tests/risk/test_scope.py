"""Scopes: read exactly, never widened, never empty without a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from risk.scope import DRILL_SCOPE, GLOBAL_SCOPE, Scope, TradingNames, parse_scope

NAMES = TradingNames(
    accounts=("main", "other"),
    venues={"binance": "main", "kraken": "main", "spare": "other"},
    strategies={"maker": "binance", "taker": "kraken"},
    instruments=("binance:BTCUSDT", "binance:ETHUSDT", "kraken:BTCUSDT", "kraken:XBTEUR"),
)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("global", GLOBAL_SCOPE),
        ("drill", DRILL_SCOPE),
        ("venue:binance", Scope(venue="binance")),
        ("account:main", Scope(account="main")),
        ("strategy:maker", Scope(strategy="maker")),
        ("instrument:binance:BTCUSDT", Scope(instrument="binance:BTCUSDT")),
        ("instrument:XBTEUR", Scope(instrument="kraken:XBTEUR")),
        ("instrument:ETHUSDT+account:main", Scope(account="main", instrument="binance:ETHUSDT")),
        ("strategy:maker+venue:binance", Scope(venue="binance", strategy="maker")),
    ],
)
def test_a_scope_is_read_and_written_in_one_spelling(text: str, scope: Scope) -> None:
    assert parse_scope(text, NAMES) == scope
    assert parse_scope(scope.text, NAMES) == scope


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "venue:binance"),
        (" ", "unknown"),
        ("+", "unknown"),
        ("GLOBAL", "unknown"),
        ("global+venue:binance", "unknown"),
        ("drill+venue:binance", "unknown"),
        ("venue:", "unknown"),
        ("venue:Binance", "unknown"),
        ("venue:*", "unknown"),
        ("binance", "unknown"),
        ("account:", "unknown"),
        ("strategy:nobody", "strategy:maker"),
        ("venue:binance+", "unknown"),
        ("venue:binance+venue:kraken", "twice"),
        ("instrument:BTCUSDT", "instrument:kraken:BTCUSDT"),
        ("instrument:binance:", "unknown"),
        ("venue:kraken+instrument:binance:ETHUSDT", "covers nothing"),
        ("account:other+venue:binance", "covers nothing"),
        ("account:other+instrument:ETHUSDT", "covers nothing"),
        ("strategy:maker+venue:kraken", "covers nothing"),
        ("strategy:maker+instrument:XBTEUR", "covers nothing"),
    ],
)
def test_anything_else_is_refused_with_what_is_valid(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="kill scope") as refused:
        parse_scope(text, NAMES)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_long_list_of_what_is_valid_is_cut() -> None:
    with pytest.raises(UsageError, match="…") as refused:
        parse_scope("venue:x", TradingNames(venues={f"v{number}": "a" for number in range(500)}))
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize(
    ("text", "venues"),
    [
        ("global", ("binance", "kraken", "spare")),
        ("drill", ("binance", "kraken", "spare")),
        ("account:main", ("binance", "kraken")),
        ("strategy:taker", ("kraken",)),
        ("instrument:ETHUSDT", ("binance",)),
        ("account:other+venue:spare", ("spare",)),
    ],
)
def test_the_venues_that_a_scope_reaches(text: str, venues: tuple[str, ...]) -> None:
    assert parse_scope(text, NAMES).venues(NAMES) == venues


def test_a_drill_covers_no_order_and_no_actor() -> None:
    assert not DRILL_SCOPE.is_global
    assert not DRILL_SCOPE.covers("binance", "main", "maker", "binance:BTCUSDT")
    assert not DRILL_SCOPE.covers_all_of("binance", "main")


@given(st.text(max_size=40))
def test_no_text_reads_as_more_than_it_names(text: str) -> None:
    try:
        scope = parse_scope(text, NAMES)
    except UsageError:
        return
    assert text in ("global", "drill") or all(term.partition(":")[2] for term in text.split("+"))
    assert scope.is_global == (text == "global")


PARTS = st.sampled_from(
    [
        "venue:binance",
        "venue:kraken",
        "account:main",
        "account:other",
        "strategy:maker",
        "strategy:taker",
        "instrument:binance:BTCUSDT",
        "instrument:kraken:XBTEUR",
    ]
)


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_each_term_only_ever_narrows(terms: list[str]) -> None:
    orders = [
        (venue, account, strategy, instrument)
        for venue, account in NAMES.venues.items()
        for strategy in NAMES.strategies
        for instrument in NAMES.instruments
    ]
    try:
        scope = parse_scope("+".join(terms), NAMES)
    except UsageError:
        return
    for order in orders:
        each = [parse_scope(term, NAMES).covers(*order) for term in terms]
        assert scope.covers(*order) == all(each)
    for venue, account in NAMES.venues.items():
        whole = all(scope.covers(*order) for order in orders if order[:2] == (venue, account))
        assert scope.covers_all_of(venue, account) == whole
