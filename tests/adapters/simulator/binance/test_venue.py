"""The port as a whole: HTTP and its errors, pings, lifetime, shutdown, slow readers, hostile bytes, status."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.simulator.binance import SimAccount, SimKey, SimulatedBinance, VenueLimits
from engine.actor import Endpoint
from engine.errors import UsageError
from engine.messages import StatusReport, StatusRequest

SECOND_NS = 1_000_000_000
TRADE = (
    b'{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":1,"p":"100.00","q":"1.5","T":1672515782135,"m":true,"M":true}'
)


def publish(venue: Any, stream: str, payload: bytes) -> None:
    venue.market.publish(stream, payload)
    venue.actor.on_timer("market", venue.host.now_ns)


# -- construction ------------------------------------------------------------------------------------------------


def test_instruments_without_exact_money_and_doubled_accounts_are_refused(make_venue: Any, make_market: Any) -> None:
    with pytest.raises(UsageError, match="billionths"):
        make_venue(make_market(price_scale=6, quantity_scale=6))
    with pytest.raises(UsageError, match="trades BTCUSDT"):
        SimulatedBinance({"ETHUSDT": make_market()}, [], [Endpoint("x", 0, False)])
    with pytest.raises(UsageError, match="at least one market"):
        SimulatedBinance({}, [], [Endpoint("x", 0, False)])
    account = SimAccount("a", (), (("BTC", "1"),))
    with pytest.raises(UsageError, match="given twice"):
        SimulatedBinance({"BTCUSDT": make_market()}, [account, account], [Endpoint("x", 0, False)])
    with pytest.raises(UsageError, match="below zero"):
        SimulatedBinance(
            {"BTCUSDT": make_market()}, [account._replace(balances=(("BTC", "-1"),))], [Endpoint("x", 0, False)]
        )


def test_it_listens_where_it_is_told(make_market: Any, make_venue: Any) -> None:
    venue = make_venue()
    assert venue.host.listening == {"venue0": Endpoint("localhost", 0, False)}
    assert venue.actor.port == 4_000
    assert SimKey("k", "hmac").can_trade


# -- HTTP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 1, 7])
def test_one_connection_serves_many_requests(venue: Any, step: int) -> None:
    rest = venue.rest(step)
    assert rest.request("GET", "/api/v3/ping") == (200, {})
    assert rest.request("GET", "/api/v3/time") == (200, {"serverTime": venue.host.wall_ms})
    fine = rest.request("GET", "/api/v3/time", {"X-MBX-TIME-UNIT": "MICROSECOND"})
    assert fine == (200, {"serverTime": venue.host.wall_ms * 1_000})
    assert rest.request("GET", "/api/v3/time", {"X-MBX-TIME-UNIT": "HOUR"})[1]["code"] == -1194
    assert rest.request("GET", "/nothing/here")[0] == 404
    assert rest.request("PATCH", "/api/v3/order")[0] == 405
    for method in ("POST", "PUT", "DELETE"):
        assert rest.request(method, "/api/v3/userDataStream")[0] == 410
    placed = venue.signed_rest(rest, "POST", "order", **venue.limit())
    assert placed[0] == 200


def test_parameters_may_come_in_the_body(venue: Any) -> None:
    rest = venue.rest()
    signed = venue.sign_rest("hmacA", venue.limit())
    status, body = rest.request("POST", "/api/v3/order", {"X-MBX-APIKEY": "hmacA"}, signed.encode())
    assert (status, body["status"]) == (200, "NEW")


def test_parameter_errors(venue: Any) -> None:
    rest = venue.rest()
    twice = rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&symbol=BTCUSDT")
    assert twice == (400, {"code": -1101, "msg": "Duplicate values for a parameter detected."})
    unread = rest.request("GET", "/api/v3/ping?x=1")
    text = "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."
    assert unread == (400, {"code": -1104, "msg": text})
    assert rest.request("GET", "/api/v3/depth?symbol=%ff")[1]["code"] == -1100
    assert rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=0")[1]["code"] == -1130
    assert rest.request("GET", "/api/v3/ticker/price?symbols=[1]")[1]["code"] == -1135
    same = rest.request("GET", "/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22,%22BTCUSDT%22%5D")
    assert same[1]["code"] == -1151


def test_exchange_info_tells_the_filters_that_are_enforced(venue: Any) -> None:
    info = venue.rest().request("GET", "/api/v3/exchangeInfo?symbol=BTCUSDT")[1]
    assert [row["rateLimitType"] for row in info["rateLimits"]] == [
        "REQUEST_WEIGHT",
        "ORDERS",
        "ORDERS",
        "RAW_REQUESTS",
    ]
    (symbol,) = info["symbols"]
    assert symbol["orderTypes"][:4] == ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"]
    assert symbol["ocoAllowed"] is symbol["otoAllowed"] is symbol["allowTrailingStop"] is True
    filters = {row.pop("filterType"): row for row in symbol["filters"]}
    assert filters["PRICE_FILTER"] == {
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00000000",
        "tickSize": "0.01000000",
    }
    assert filters["LOT_SIZE"] == {"minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"}
    assert filters["MARKET_LOT_SIZE"]["maxQty"] == "500.00000000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert filters["NOTIONAL"]["applyMinToMarket"] is True
    assert filters["PERCENT_PRICE_BY_SIDE"]["bidMultiplierUp"] == "5.000000"
    assert filters["MAX_NUM_ORDERS"] == {"maxNumOrders": 200}


def test_market_data(venue: Any) -> None:
    api, rest = venue.api(), venue.rest()
    api.signed("order.place", **venue.limit("BUY", "99.00", "1"))
    api.signed("order.place", **venue.limit("SELL", "101.00", "2"))
    expected = {"lastUpdateId": 102, "bids": [["99.00000000", "1.00000000"]], "asks": [["101.00000000", "2.00000000"]]}
    assert rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=10") == (200, expected)
    assert api.call("depth", {"symbol": "BTCUSDT"})["result"] == expected
    ticker = {
        "symbol": "BTCUSDT",
        "bidPrice": "99.00000000",
        "bidQty": "1.00000000",
        "askPrice": "101.00000000",
        "askQty": "2.00000000",
    }
    assert rest.request("GET", "/api/v3/ticker/bookTicker?symbol=BTCUSDT")[1] == ticker
    assert rest.request("GET", "/api/v3/ticker/bookTicker")[1] == [ticker]
    assert api.call("ticker.price", {"symbols": ["BTCUSDT"]})["result"] == [
        {"symbol": "BTCUSDT", "price": "0.00000000"}
    ]


def test_account_queries(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    a.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5"))
    venue.host.advance(SECOND_NS)
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.25"))
    account = a.signed("account.status", omitZeroBalances=True)["result"]
    assert account["balances"] == [
        {"asset": "BTC", "free": "8.00000000", "locked": "1.25000000"},
        {"asset": "USDT", "free": "1000074.92500000", "locked": "0.00000000"},
    ]
    assert (account["canWithdraw"], b.signed("account.status")["result"]["canWithdraw"]) == (False, True)
    (order,) = a.signed("openOrders.status", symbol="BTCUSDT")["result"]
    assert (order["status"], order["executedQty"], order["isWorking"]) == ("PARTIALLY_FILLED", "0.75000000", True)
    assert (order["time"], order["updateTime"]) == (venue.host.wall_ms - 1_000, venue.host.wall_ms)
    assert [o["orderId"] for o in b.signed("allOrders", symbol="BTCUSDT")["result"]] == [1_000_002, 1_000_003]
    assert [o["orderId"] for o in b.signed("allOrders", symbol="BTCUSDT", orderId=1_000_003)["result"]] == [1_000_003]
    trades = a.signed("myTrades", symbol="BTCUSDT")["result"]
    assert trades[0] == {
        "symbol": "BTCUSDT",
        "id": 1,
        "orderId": 1_000_001,
        "orderListId": -1,
        "price": "100.00000000",
        "qty": "0.50000000",
        "quoteQty": "50.00000000",
        "commission": "0.05000000",
        "commissionAsset": "USDT",
        "time": venue.host.wall_ms - 1_000,
        "isBuyer": False,
        "isMaker": True,
        "isBestMatch": True,
    }

    def ids(**params: Any) -> list[int]:
        return [trade["id"] for trade in a.signed("myTrades", symbol="BTCUSDT", **params)["result"]]

    now_ms = venue.host.wall_ms
    assert ids() == [1, 2]
    assert ids(fromId=2) == [2]
    assert ids(limit=1) == [2]
    assert ids(fromId=1, limit=1) == [1]
    assert ids(orderId=1_000_001) == [1, 2]
    assert ids(startTime=now_ms) == [2]
    assert ids(endTime=now_ms - 1) == [1]
    assert ids(startTime=now_ms - 1_000, endTime=now_ms - 1_000) == [1]
    day = a.signed("myTrades", symbol="BTCUSDT", startTime=1, endTime=86_400_002)
    assert day["error"]["code"] == -1127
    assert a.signed("myTrades", symbol="BTCUSDT", fromId=1, startTime=1)["error"]["code"] == -1128
    rates = a.signed("account.commission", symbol="BTCUSDT")["result"]["standardCommission"]
    assert (rates["maker"], rates["taker"]) == ("0.00100000", "0.00200000")


def test_the_read_side_lags(make_venue: Any) -> None:
    venue = make_venue(read_lag_ns=SECOND_NS)
    api = venue.api()
    api.signed("order.place", **venue.limit(newClientOrderId="x"))
    early = api.signed("order.status", symbol="BTCUSDT", origClientOrderId="x")
    assert (early["status"], early["error"]["code"]) == (400, -2013)
    venue.host.advance(SECOND_NS)
    assert api.signed("order.status", symbol="BTCUSDT", origClientOrderId="x")["result"]["status"] == "NEW"


# -- the WebSocket API's envelope --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 1])
def test_ids_are_echoed_and_methods_may_carry_a_version(venue: Any, step: int) -> None:
    api = venue.api(step=step)
    for request_id in (b"7", b'"text"', b"null", b"-1"):
        api.send(b'{"id":' + request_id + b',"method":"v3/ping"}')
        (raw,) = api.raw_messages()
        assert raw.startswith(b'{"id":' + request_id + b',"status":200,"result":{},')


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"not json", 400, -1135),
        (b"[1]", 400, -1135),
        (b'{"id":1}', 400, -1135),
        (b'{"id":{},"method":"ping"}', 400, -1135),
        (b'{"id":1.5,"method":"ping"}', 400, -1135),
        (b'{"id":1,"method":"nothing"}', 400, -1020),
        (b'{"id":1,"method":"userDataStream.start"}', 410, -1016),
        (b'{"id":1,"method":"ping","params":{"a":1}}', 400, -1104),
        (b'{"id":1,"method":"ping","params":[]}', 400, -1135),
        (b'{"id":1,"method":"depth","params":{"symbol":"\\ud800"}}', 400, -1135),
        (b'{"id":1,"method":"depth","params":{"symbol":null}}', 400, -1102),
        (b"[" * 50_000, 400, -1135),
        (b'{"id":1,"method":"depth","params":{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}}", 400, -1135),
    ],
)
def test_malformed_requests_are_answered(venue: Any, request_bytes: bytes, status: int, code: int) -> None:
    api = venue.api()
    api.send(request_bytes)
    (answer,) = api.messages()
    assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert api.call("ping")["status"] == 200


# -- connection life ---------------------------------------------------------------------------------------------


def test_pings_every_20_seconds_and_a_day_of_life(venue: Any) -> None:
    stream, api = venue.stream("/ws"), venue.api()
    for _ in range(3):
        venue.host.advance(20 * SECOND_NS)
        stream.messages()
        api.messages()
    assert len(stream.pings) == len(api.pings) == 3
    assert stream.pings[0] == str(venue.host.wall_ms - 40_000).encode()
    for _ in range(4_320 - 3):
        assert not stream.is_closed
        venue.host.advance(20 * SECOND_NS)
        stream.messages()
        api.messages()
    assert stream.is_closed
    assert api.is_closed
    assert venue.actor.silent_dropped == 0


def test_a_client_that_does_not_pong_is_dropped_after_a_minute(venue: Any) -> None:
    stream = venue.stream("/ws/btcusdt@trade")
    stream.answers_pings = False
    venue.host.advance(20 * SECOND_NS)
    stream.messages()
    stream.protocol.send_pong(b"unsolicited")
    stream._push()
    venue.host.advance(59 * SECOND_NS)
    assert not stream.is_closed
    venue.host.advance(SECOND_NS)
    assert stream.is_closed
    assert venue.actor.silent_dropped == 1
    assert not [key for key in venue.host.timers if stream.link in key]


def test_server_shutdown_is_announced_on_every_kind_of_connection(venue: Any) -> None:
    api, raw, combined = venue.api(), venue.stream("/ws"), venue.stream("/stream?streams=btcusdt@trade")
    venue.actor.announce_shutdown(venue.host.now_ns, 10 * SECOND_NS)
    event = {"e": "serverShutdown", "E": venue.host.wall_ms}
    assert api.messages() == [{"event": event}]
    assert raw.messages() == [event]
    assert combined.messages() == [{"stream": "!serverShutdown", "data": event}]
    venue.host.advance(10 * SECOND_NS)
    assert api.is_closed
    assert raw.is_closed
    assert combined.is_closed


def test_refused_and_malformed_requests_cost_weight_too(make_venue: Any) -> None:
    venue = make_venue()
    rest, api = venue.rest(), venue.api()
    rest.request("GET", "/api/v3/account")
    assert rest.headers["x-mbx-used-weight-1m"] == "22"
    api.send(b"garbage")
    rest.request("DELETE", "/api/v3/order")
    assert rest.headers["x-mbx-used-weight-1m"] == "24"


def test_orders_outlive_their_connection(venue: Any) -> None:
    api = venue.api()
    api.signed("order.place", **venue.limit())
    venue.actor.on_link_down(api.link, "reset", venue.host.now_ns)
    assert len(venue.api().signed("openOrders.status")["result"]) == 1


def test_a_slow_reader_is_given_what_waited_or_dropped(make_venue: Any) -> None:
    venue = make_venue(backlog_bytes_max=3 * (len(TRADE) + 2))
    slow, quick = venue.stream("/ws/btcusdt@trade"), venue.stream("/ws/btcusdt@trade")
    venue.host.blocked.add(slow.link)
    for _ in range(3):
        publish(venue, "btcusdt@trade", TRADE)
    assert slow.raw_messages() == []
    assert quick.raw_messages() == [TRADE] * 3
    venue.host.blocked.clear()
    venue.host.advance(10_000_000)
    assert slow.raw_messages() == [TRADE] * 3
    venue.host.blocked.add(slow.link)
    for _ in range(10):
        venue.market.publish("btcusdt@trade", TRADE)
    publish(venue, "btcusdt@trade", TRADE)
    assert slow.is_closed
    assert not quick.is_closed
    assert venue.actor.server.links.slow_readers_dropped == 1
    publish(venue, "btcusdt@trade", TRADE)
    assert len(quick.raw_messages()) == 12


@pytest.mark.parametrize("path", ["/", "/ws-api/v4", "/wsx"])
def test_unknown_websocket_paths(venue: Any, path: str) -> None:
    assert venue.stream(path).status == 404


def test_unknown_time_unit(venue: Any) -> None:
    assert venue.stream("/ws?timeUnit=YEAR").status == 400


def test_closing_handshake(venue: Any) -> None:
    stream = venue.stream("/ws/btcusdt@trade")
    stream.protocol.send_close(1000)
    stream._push()
    assert stream.is_closed
    publish(venue, "btcusdt@trade", TRADE)
    assert venue.actor.server.connections_open == 0


# -- hostile bytes -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(max_size=80), max_size=6))
def test_no_bytes_raise_on_a_fresh_connection(venue: Any, chunks: list[bytes]) -> None:
    link = venue.host.connect()
    for chunk in chunks:
        venue.host.feed(link, chunk)
    assert venue.rest().request("GET", "/api/v3/ping") == (200, {})


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(max_size=80), max_size=6), path=st.sampled_from(["/ws-api/v3", "/ws"]))
def test_no_bytes_raise_after_the_upgrade(venue: Any, chunks: list[bytes], path: str) -> None:
    client = venue.stream(path)
    for chunk in chunks:
        venue.host.feed(client.link, chunk)
    assert venue.rest().request("GET", "/api/v3/ping") == (200, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["symbol", "side", "type", "price", "quantity", "timestamp", "apiKey", "signature", "limit"])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(
        ["order.place", "order.cancel", "depth", "exchangeInfo", "session.logon", "allOrders", "SUBSCRIBE"]
    ),
    params=st.dictionaries(NAMES | st.text(max_size=5), JSON, max_size=6),
    request_id=JSON,
)
def test_any_json_is_answered(venue: Any, method: str, params: dict[str, Any], request_id: Any) -> None:
    data = msgspec.json.encode({"id": request_id, "method": method, "params": params})
    api, stream = venue.api(), venue.stream("/ws")
    api.send(data)
    (answer,) = api.messages()
    assert answer["status"] in (200, 400, 401)
    stream.send(data)
    assert len(stream.messages()) == 1


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_any_query_is_answered(venue: Any, query: str) -> None:
    rest = venue.rest()
    for path in ("depth", "ticker/price", "account"):
        status, _ = rest.request("GET", f"/api/v3/{path}?{query}".replace("#", "%23"), {"X-MBX-APIKEY": "hmacA"})
        assert status in (200, 400, 401)


# -- status ------------------------------------------------------------------------------------------------------


def test_status_report(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits())
    api = venue.api()
    venue.stream("/ws/btcusdt@trade")
    api.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    api.signed("order.place", **venue.limit("SELL", "100.00", "20"))
    venue.api("hmacB").signed("order.place", **venue.limit("BUY", "100.00", "1"))
    publish(venue, "btcusdt@trade", TRADE)
    venue.actor.on_message("cli", StatusRequest(5), venue.host.now_ns)
    ((to, report),) = venue.host.sent
    assert isinstance(report, StatusReport)
    assert (to, report.actor, report.kind, report.nonce, report.state) == (
        "cli",
        "venue",
        "simulated_binance",
        5,
        "running",
    )
    expected = {
        "orders_received": 3,
        "orders": 2,
        "rejects": 1,
        "fills": 2,
        "open_orders": 1,
        "connections": 3,
        "stream:btcusdt@trade": 1,
        "free_nanos:a:BTC": 8_000_000_000,
        "locked_nanos:a:BTC": 1_000_000_000,
        "fees_nanos:USDT": 100_000_000,
    }
    assert {name: report.counters[name] for name in expected} == expected
    assert report.counters["last_order_received_ns"] == venue.host.now_ns
