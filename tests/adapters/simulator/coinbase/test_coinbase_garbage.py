"""Whatever arrives at the simulated Coinbase, it answers and goes on; nothing is made or lost by it."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.codes import Side

LOT = 10**8
TEXTS = st.one_of(
    st.sampled_from(["BUY", "SELL", "BTC-USD", "1", "100", "0.5", "-1", "1e5", "", "2023-11-14T22:15:00Z", "nan"]),
    st.text(max_size=6),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
NAMES = ("base_size", "quote_size", "limit_price", "stop_price", "stop_direction", "stop_trigger_price", "end_time")
SHAPES = st.dictionaries(
    st.sampled_from([*NAMES, "post_only", "rfq_disabled", "x"]),
    st.one_of(VALUES, st.sampled_from(["STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN", True])),
    max_size=5,
)
KINDS = st.sampled_from(
    [
        *("market_market_ioc", "market_market_fok", "sor_limit_ioc", "limit_limit_gtc", "limit_limit_gtd"),
        *("limit_limit_fok", "stop_limit_stop_limit_gtc", "stop_limit_stop_limit_gtd"),
        *("trigger_bracket_gtc", "trigger_bracket_gtd", "twap_limit_gtd", "scaled_limit_gtc", "x"),
    ]
)
ORDERS = st.fixed_dictionaries(
    {"client_order_id": TEXTS, "product_id": st.just("BTC-USD"), "side": st.sampled_from(["BUY", "SELL", ""])},
    optional={
        "order_configuration": st.one_of(VALUES, st.dictionaries(KINDS, SHAPES, max_size=2)),
        "leverage": VALUES,
        "margin_type": VALUES,
        "order_id": TEXTS,
        "price": VALUES,
        "size": VALUES,
        "order_ids": VALUES,
    },
)
POSTS = st.sampled_from(["orders", "orders/edit", "orders/edit_preview", "orders/preview", "orders/batch_cancel"])
PATHS = st.sampled_from(
    [
        *("orders/historical/batch", "orders/historical/fills", "orders/historical/x", "accounts", "accounts/x"),
        *("products", "products/x", "products/BTC-USD/ticker", "products/BTC-USD/candles", "product_book", "x/y/z"),
        *("best_bid_ask", "transaction_summary", "key_permissions"),
    ]
)
PARAMS = st.lists(
    st.tuples(
        st.sampled_from(["limit", "cursor", "order_status", "start_date", "product_id", "product_ids", "start", "end"]),
        st.one_of(TEXTS, st.sampled_from(["OPEN", "99999999999999999999", "ONE_MINUTE", "FILLED"])),
    ),
    max_size=3,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(VALUES, st.sampled_from(["subscribe", "unsubscribe"])),
        "channel": st.one_of(VALUES, st.sampled_from(["user", "level2", "ticker", "heartbeats", "status"])),
        "product_ids": st.one_of(VALUES, st.just(["BTC-USD"])),
        "jwt": VALUES,
    },
)
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
LOOSE = {"private_per_second": 10**6, "unsigned_messages_per_second": 10**6}


def total(venue: Any) -> list[int]:
    return [venue.actor.exchange.accounts.total(asset) for asset in ("BTC", "USD")]


@settings(max_examples=150, **QUIET)
@given(name=POSTS, body=st.one_of(ORDERS, VALUES, st.binary(max_size=20)))
def test_every_body_is_answered(make_venue: Any, name: str, body: Any) -> None:
    venue = make_venue(**LOOSE)
    for price, side in ((9_900, Side.BUY), (10_100, Side.SELL)):
        venue.others(side, price, LOT)
    before = total(venue)
    status, answer = venue.post(name, body)
    assert status in (200, 400)
    assert isinstance(answer, dict)
    venue.host.advance(1)
    assert total(venue) == before


@settings(max_examples=100, **QUIET)
@given(name=PATHS, pairs=PARAMS)
def test_every_question_is_answered(make_venue: Any, name: str, pairs: list[tuple[str, str]]) -> None:
    venue = make_venue(**LOOSE)
    venue.limit("BUY", "90", "0.1")
    status, answer = venue.get(name, *pairs)
    assert status in (200, 400, 404)
    assert isinstance(answer, dict)


@settings(max_examples=100, **QUIET)
@given(messages=st.lists(st.one_of(MESSAGES, VALUES), max_size=4))
def test_every_message_is_answered(make_venue: Any, messages: list[Any]) -> None:
    venue = make_venue(**LOOSE)
    client = venue.socket()
    for message in messages:
        client.send(venue.encode(message))
        assert client.look()
    assert not client.is_closed
