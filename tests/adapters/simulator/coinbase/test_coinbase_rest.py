"""REST of the simulated Coinbase, reading: products, books, accounts, orders, fills; and its limits."""

from typing import Any

import pytest

from engine.codes import Side
from engine.instrument import NANOS

LOT = 10**8
MS = 1_000_000


def test_the_time_is_told_to_everybody(venue: Any) -> None:
    time = venue.ok(venue.public("time"))
    assert time == {
        "iso": "2023-11-14T22:14:00Z",
        "epochSeconds": str(venue.host.wall_ns(venue.host.now_ns) // NANOS),
        "epochMillis": str(venue.host.wall_ms),
    }


def test_products_with_and_without_a_key(make_venue: Any, make_market: Any) -> None:
    venue = make_venue(make_market(), make_market(symbol="ETH-USD", base_asset="ETH"))
    public, private = venue.ok(venue.public("market/products")), venue.ok(venue.get("products"))
    assert public == private
    assert [each["product_id"] for each in public["products"]] == ["BTC-USD", "ETH-USD"]
    named = venue.ok(venue.get("products", ("product_ids", "ETH-USD"), ("product_ids", "NOPE-USD")))
    assert [each["product_id"] for each in named["products"]] == ["ETH-USD"]
    one = venue.ok(venue.get("products/BTC-USD"))
    assert (one["price_increment"], one["base_increment"], one["quote_min_size"]) == ("0.01", "0.00000001", "1")
    assert (one["base_max_size"], one["status"], one["trading_disabled"]) == ("3400", "online", False)
    status, answer = venue.public("market/products/NOPE-USD")
    assert (status, answer["message"]) == (404, "Product NOPE-USD not supported")
    assert venue.public("market/products", offset=1)[1]["num_products"] == 1
    assert venue.public("market/products", product_type="FUTURE")[1]["products"] == []


def test_books_trades_and_candles(venue: Any) -> None:
    for price in (9_900, 9_800):
        venue.others(Side.BUY, price, LOT)
    venue.others(Side.SELL, 10_100, LOT // 2)
    for number, price in enumerate((10_000, 10_050)):
        venue.trade(price, LOT, Side.BUY, number + 1)
    book = venue.ok(venue.public("market/product_book", product_id="BTC-USD", limit=1))
    assert book["pricebook"]["bids"] == [{"price": "99", "size": "1"}]
    assert (book["last"], book["mid_market"], book["spread_absolute"], book["spread_bps"]) == (
        "100.5",
        "100",
        "2",
        "200",
    )
    best = venue.ok(venue.get("best_bid_ask"))["pricebooks"]
    assert best[0]["asks"] == [{"price": "101", "size": "0.5"}]
    ticker = venue.ok(venue.public("market/products/BTC-USD/ticker", limit=5))
    assert [(each["trade_id"], each["side"]) for each in ticker["trades"]] == [("2", "SELL"), ("1", "SELL")]
    now_s = venue.host.wall_ns(venue.host.now_ns) // NANOS
    params = {"start": now_s - 3_600, "end": now_s, "granularity": "ONE_MINUTE"}
    (candle,) = venue.ok(venue.get("products/BTC-USD/candles", **params))["candles"]
    assert (candle["open"], candle["close"], candle["volume"]) == ("100", "100.5", "2")
    assert venue.get("products/BTC-USD/candles", **{**params, "start": 0})[0] == 400
    assert venue.get("products/BTC-USD/candles", **{**params, "granularity": "ONE_YEAR"})[0] == 400


def test_wallets_page_by_page(venue: Any) -> None:
    venue.limit("BUY", "100", "1")
    first = venue.ok(venue.get("accounts", limit=1))
    second = venue.ok(venue.get("accounts", limit=1, cursor=first["cursor"]))
    assert (first["has_next"], second["has_next"], second["cursor"]) == (True, False, "")
    wallets = [*first["accounts"], *second["accounts"]]
    assert [(w["currency"], w["available_balance"]["value"], w["hold"]["value"], w["type"]) for w in wallets] == [
        ("BTC", "10", "0", "ACCOUNT_TYPE_CRYPTO"),
        ("USD", "999899.4", "100.6", "ACCOUNT_TYPE_FIAT"),
    ]
    assert venue.ok(venue.get(f"accounts/{wallets[0]['uuid']}"))["account"] == wallets[0]
    assert venue.get("accounts/x")[0] == 404
    assert venue.get("accounts", cursor="x")[0] == 400
    assert venue.get("accounts", limit=251)[0] == 400


def test_the_fees_of_the_tier(venue: Any) -> None:
    venue.limit("BUY", "100", "2")
    venue.others(Side.SELL, 10_000, LOT, ioc=True)
    summary = venue.ok(venue.get("transaction_summary"))
    assert (summary["total_volume"], summary["total_fees"]) == (100, 0.4)
    assert (summary["fee_tier"]["maker_fee_rate"], summary["fee_tier"]["taker_fee_rate"]) == ("0.004", "0.006")


def test_orders_are_found_by_what_they_are(venue: Any) -> None:
    opened = [venue.limit("BUY", "90", "1") for _ in range(3)]
    gone = venue.limit("SELL", "200", "1")
    venue.cancel(gone)
    venue.host.advance(NANOS)
    taker = venue.created(venue.order("SELL", "sor_limit_ioc", base_size="1", limit_price="95"))

    def found(*pairs: tuple[str, Any], **params: Any) -> list[str]:
        answer = venue.ok(venue.get("orders/historical/batch", *pairs, **params))
        return [each["order_id"] for each in answer["orders"]]

    assert found() == [taker, gone, *reversed(opened)]
    assert found(order_status="OPEN") == opened[::-1]
    assert found(("order_status", "PENDING"), ("order_status", "EDIT_QUEUED")) == []
    assert found(order_status="CANCELLED") == [taker, gone]
    assert found(order_side="SELL", time_in_forces="GOOD_UNTIL_CANCELLED") == [gone]
    assert found(("order_ids", opened[0]), ("order_ids", gone), ("order_ids", "x")) == [gone, opened[0]]
    assert found(product_ids="ETH-USD") == []
    assert found(order_types="MARKET") == []
    assert found(start_date=venue.seen(taker)["created_time"]) == [taker]
    assert found(end_date=venue.seen(gone)["created_time"]) == [gone, *reversed(opened)]
    assert venue.get("orders/historical/batch", key="keyB")[1]["orders"] == []
    assert venue.get(f"orders/historical/{gone}", key="keyB")[0] == 404


def test_pages_of_orders_stay_whole_while_new_ones_come(venue: Any) -> None:
    expected = [venue.limit("BUY", "90", "0.1") for _ in range(7)]
    cursor, seen = "", []
    for _ in range(4):
        page = venue.ok(venue.get("orders/historical/batch", limit=2, **({"cursor": cursor} if cursor else {})))
        seen += [each["order_id"] for each in page["orders"]]
        cursor = page["cursor"]
        venue.limit("BUY", "90", "0.1")
    assert seen == expected[::-1]
    assert not page["has_next"]


@pytest.mark.parametrize(
    "params",
    [
        [("order_status", "OPEN"), ("order_status", "PENDING")],
        [("order_status", "WORKING")],
        [("start_date", "yesterday")],
        [("limit", "0")],
        [("cursor", "x")],
        [("sort_by", "LIMIT_PRICE")],
    ],
)
def test_questions_that_the_venue_does_not_take(venue: Any, params: list[tuple[str, str]]) -> None:
    status, answer = venue.get("orders/historical/batch", *params)
    assert (status, answer["error"]) == (400, "INVALID_ARGUMENT")


def test_fills_page_by_page_and_since(venue: Any) -> None:
    order_id = venue.limit("BUY", "100", "5")
    for _ in range(5):
        venue.others(Side.SELL, 10_000, LOT // 10, ioc=True)
        venue.host.advance(NANOS)
    everything = venue.fills()
    assert [each["order_id"] for each in everything] == [order_id] * 5
    times = [each["sequence_timestamp"] for each in everything]
    assert times == sorted(times, reverse=True)
    first = venue.ok(venue.get("orders/historical/fills", limit=3, order_ids=order_id))
    rest = venue.fills(limit=3, order_ids=order_id, cursor=first["cursor"])
    assert [*first["fills"], *rest] == everything
    assert venue.fills(start_sequence_timestamp=times[1]) == everything[:2]
    assert venue.fills(end_sequence_timestamp=times[3]) == everything[3:]
    assert venue.fills(trade_ids=everything[2]["trade_id"]) == [everything[2]]
    assert venue.fills(product_ids="ETH-USD") == venue.fills(key="keyB") == []


def test_questions_may_lag_behind(make_venue: Any) -> None:
    venue = make_venue(read_lag_ns=10 * MS, fills_lag_ns=20 * MS)
    order_id = venue.limit("BUY", "100", "1")
    venue.others(Side.SELL, 10_000, LOT, ioc=True)
    assert venue.get(f"orders/historical/{order_id}")[0] == 404
    venue.host.advance(10 * MS)
    assert venue.seen(order_id)["status"] == "FILLED"
    assert venue.fills() == []
    venue.host.advance(10 * MS)
    assert len(venue.fills()) == 1


def test_thirty_requests_a_second_for_all_keys_of_a_user(make_venue: Any) -> None:
    venue = make_venue()
    for number in range(30):
        assert venue.get("accounts", key=("keyA", "edA")[number % 2])[0] == 200
    assert venue.rest.headers["x-ratelimit-limit"] == "30"
    assert venue.rest.headers["x-ratelimit-remaining"] == "0"
    status, answer = venue.get("accounts")
    assert (status, answer) == (429, {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]})
    assert venue.get("accounts", key="keyB")[0] == 200
    venue.host.advance(NANOS - 1)
    assert venue.post("orders", venue.order(base_size="1", limit_price="1"))[0] == 429
    venue.host.advance(1)
    assert venue.get("accounts")[0] == 200


def test_ten_public_requests_a_second(make_venue: Any) -> None:
    venue = make_venue()
    assert [venue.public("time")[0] for _ in range(11)] == [200] * 10 + [429]
    assert venue.get("accounts")[0] == 200
    venue.host.advance(NANOS)
    assert venue.public("time")[0] == 200


@pytest.mark.parametrize(
    ("method", "name"), [("GET", "nowhere"), ("POST", "accounts"), ("DELETE", "orders"), ("GET", "orders"), ("GET", "")]
)
def test_paths_that_are_none(venue: Any, method: str, name: str) -> None:
    status, answer = venue.raw(method, name, venue.token("keyA", venue.uri(method, name)))
    assert (status, answer["error"]) == (404, "NOT_FOUND")


def test_elsewhere_there_is_nothing(venue: Any) -> None:
    assert venue.rest.request("GET", "/")[0] == 404
