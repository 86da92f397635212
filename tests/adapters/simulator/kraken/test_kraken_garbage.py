"""Whatever a client sends, the venue answers it and goes on: no request may break it, and money stays where it is."""

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.simulator.kraken.socket_orders import FIELDS

ONCE = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHANNELS = ["book", "trade", "ticker", "instrument", "executions", "balances", "ohlc", "status"]
TEXTS = st.sampled_from(
    ["", "buy", "sell", "limit", "market", "iceberg", "gtc", "ioc", "fok", "gtd", "BTC/USD", "XBTUSD", "cancel_both",
     "base", "quote", "mine", "2023-11-14T22:14:30Z", "2023-99-99T99:99:99Z", "-1", "1e5", "٣", "x" * 40, "\x00", "1.5"]
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([1, 0, 100, 100.5, 0.001, 1e-9, 1e30, -5, 60]),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted({name for fields in FIELDS.values() for name in fields} - {"token"}))
PARAMS = st.dictionaries(NAMES, VALUES, max_size=8)
GOOD = {"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": 1, "limit_price": 100.0}


@ONCE
@example(requests=[("batch_cancel", {"orders": [False, 10**30, "9" * 5_000]})])
@example(requests=[("add_order", {**GOOD, "cl_ord_id": 0.5})])
@given(
    requests=st.lists(
        st.one_of(
            st.tuples(st.sampled_from([*FIELDS, "invent"]), PARAMS),
            st.tuples(st.just("add_order"), st.builds(lambda change: {**GOOD, **change}, PARAMS)),
            st.tuples(
                st.sampled_from(["subscribe", "unsubscribe"]),
                st.fixed_dictionaries(
                    {"channel": st.one_of(st.sampled_from(CHANNELS), VALUES)},
                    optional=dict.fromkeys(("symbol", "depth", "snapshot", "event_trigger", "snap_trades"), VALUES),
                ),
            ),
        ),
        max_size=8,
    )
)
def test_every_websocket_request_is_answered(make_venue: Any, requests: list[tuple[str, dict[str, Any]]]) -> None:
    venue = make_venue()
    totals = {asset: venue.actor.exchange.accounts.total(asset) for asset in ("BTC", "USD")}
    client = venue.trader()
    for method, params in requests:
        only_named = {name: value for name, value in params.items() if method not in FIELDS or name in FIELDS[method]}
        answers = client.calls(method, **{**only_named, "token": client.token})
        assert answers or (method == "cancel_order" and not any(params.values()))
        assert all(answer["success"] is ("error" not in answer) for answer in answers)
    assert client.call("cancel_all", token=client.token)["success"] in (True, False)
    for asset, total in totals.items():
        assert venue.actor.exchange.accounts.total(asset) == total


FORM_NAMES = [
    "pair", "type", "ordertype", "price", "volume", "oflags", "timeinforce", "stptype", "expiretm", "userref",
    "cl_ord_id", "txid", "deadline", "validate", "leverage", "timeout", "order_qty", "limit_price", "ofs", "start",
    "end", "closetime", "trades", "order_id", "count", "since",
]  # fmt: skip
FORM_TEXTS = st.one_of(TEXTS, st.sampled_from(["100.0", "1", "post,fciq", "GTC", "+30", "true", "9" * 30, "1.2.3"]))
ENDPOINTS = [
    "GetApiKeyInfo", "GetWebSocketsToken", "Balance", "BalanceEx", "TradeVolume", "OpenOrders", "ClosedOrders",
    "QueryOrders", "OrderAmends", "TradesHistory", "QueryTrades", "AddOrder", "AmendOrder", "EditOrder", "CancelOrder",
    "CancelAll", "CancelAllOrdersAfter", "AddOrderBatch", "CancelOrderBatch", "Nothing",
]  # fmt: skip


@ONCE
@given(
    requests=st.lists(
        st.tuples(st.sampled_from(ENDPOINTS), st.dictionaries(st.sampled_from(FORM_NAMES), FORM_TEXTS)), max_size=6
    ),
    public=st.tuples(
        st.sampled_from(["Time", "SystemStatus", "AssetPairs", "Assets", "Depth", "Trades", "Ticker"]),
        st.dictionaries(st.sampled_from(FORM_NAMES), FORM_TEXTS),
    ),
)
def test_every_rest_request_is_answered(make_venue: Any, requests: Any, public: Any) -> None:
    venue = make_venue()
    for name, form in requests:
        answer = venue.ask(name, **form)
        assert ("result" in answer) == (answer["error"] == [])
    answer = venue.public(public[0], **public[1])
    assert ("result" in answer) == (answer["error"] == [])


@ONCE
@given(
    body=st.dictionaries(st.sampled_from([*FORM_NAMES, "orders", "cl_ord_ids"]), VALUES),
    name=st.sampled_from(ENDPOINTS),
)
def test_every_json_body_is_answered(make_venue: Any, body: dict[str, Any], name: str) -> None:
    answer = make_venue().ask_json(name, **body)
    assert ("result" in answer) == (answer["error"] == [])


@ONCE
@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)
def test_every_body_is_answered(make_venue: Any, body: bytes, content_type: str) -> None:
    venue = make_venue()
    answer = venue.post("Balance", "keyA", body, 1, content_type)
    assert answer["error"]
