"""Rate limits: counted as the venue counts, told in headers and answers, enforced with 429, then 418."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.binance import VenueLimits
from adapters.simulator.binance.limits import Window

SECOND_NS = 1_000_000_000


def test_weights_in_the_header_and_the_answer_are_one_count(make_venue: Any) -> None:
    venue = make_venue()
    rest, api = venue.rest(), venue.api()  # connecting costs 2
    rest.request("GET", "/api/v3/ping")
    assert rest.headers["x-mbx-used-weight-1m"] == "3"
    rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000")
    assert rest.headers["x-mbx-used-weight-1m"] == "253"
    assert api.call("time")["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 254}
    ]
    venue.host.advance(60 * SECOND_NS)
    rest.request("GET", "/api/v3/exchangeInfo")
    assert rest.headers["x-mbx-used-weight-1m"] == "20"


def test_order_entry_costs_weight_only_when_it_fails(make_venue: Any) -> None:
    venue = make_venue()
    rest = venue.rest()
    venue.signed_rest(rest, "POST", "order", **venue.limit())
    assert rest.headers["x-mbx-used-weight-1m"] == "0"
    assert (rest.headers["x-mbx-order-count-10s"], rest.headers["x-mbx-order-count-1d"]) == ("1", "1")
    venue.signed_rest(rest, "POST", "order", **venue.limit(side="HOLD"))
    assert rest.headers["x-mbx-used-weight-1m"] == "1"


def test_return_rate_limits(make_venue: Any) -> None:
    venue = make_venue()
    assert "rateLimits" not in venue.api().call("time", {"returnRateLimits": False})
    quiet = venue.api(path="/ws-api/v3?returnRateLimits=false")
    assert "rateLimits" not in quiet.call("time")
    assert "rateLimits" in quiet.call("time", {"returnRateLimits": True})
    placed = venue.api().signed("order.place", **venue.limit())
    assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]


def test_too_much_weight_is_429_then_a_ban_and_a_longer_ban(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(weight_per_minute=40, violations_before_ban=2))
    rest, api = venue.rest(), venue.api()
    rest.request("GET", "/api/v3/exchangeInfo")
    rest.request("GET", "/api/v3/exchangeInfo")
    status, body = rest.request("GET", "/api/v3/ping")
    assert (status, body["code"]) == (429, -1003)
    assert body["msg"].startswith("Too much request weight used; current limit is 40 request weight per 1 MINUTE.")
    assert rest.headers["retry-after"] == "60"
    answer = api.call("ping")
    assert (answer["status"], answer["id"]) == (429, 1)
    minute_ms = venue.host.wall_ms + 60_000
    assert answer["error"]["data"] == {"serverTime": venue.host.wall_ms, "retryAfter": minute_ms}
    # going on regardless
    status, body = rest.request("GET", "/api/v3/ping")
    assert status == 418
    until_ms = venue.host.wall_ms + 120_000
    assert body["msg"].startswith(f"Way too much request weight used; IP banned until {until_ms}.")
    assert rest.headers["retry-after"] == "120"
    assert api.call("ping")["status"] == 418
    assert api.is_closed
    assert venue.stream("/ws/btcusdt@trade").status == 418
    venue.host.advance(120 * SECOND_NS)
    assert rest.request("GET", "/api/v3/ping")[0] == 200
    for _ in range(2):
        rest.request("GET", "/api/v3/exchangeInfo")
    for _ in range(3):
        rest.request("GET", "/api/v3/ping")
    assert rest.headers["retry-after"] == "240"
    assert venue.actor.limits.bans == 2


def test_too_many_connections(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(connections_per_5_minutes=2))
    assert [venue.stream("/ws").status for _ in range(3)] == [101, 101, 429]
    assert venue.rest().request("GET", "/api/v3/ping")[0] == 200


def test_unfilled_orders_are_limited_per_account(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(orders_per_10_seconds=2))
    a, b = venue.api(), venue.api("hmacB")
    for _ in range(2):
        assert a.signed("order.place", **venue.limit())["status"] == 200
    refused = a.signed("order.place", **venue.limit())
    assert refused["status"] == 429
    assert refused["error"]["code"] == -1015
    assert refused["error"]["msg"] == "Too many new orders; current limit is 2 orders per 10 SECOND."
    assert refused["error"]["data"]["retryAfter"] == venue.host.wall_ms + 10_000
    assert b.signed("order.place", **venue.limit())["status"] == 200
    # cancels pass, and do not give anything back
    order_id = a.signed("openOrders.status")["result"][0]["orderId"]
    assert a.signed("order.cancel", symbol="BTCUSDT", orderId=order_id)["status"] == 200
    counts = a.signed("account.rateLimits.orders")["result"]
    assert [(row["interval"], row["count"]) for row in counts] == [("SECOND", 2), ("DAY", 2)]
    venue.host.advance(10 * SECOND_NS)
    assert a.signed("order.place", **venue.limit())["status"] == 200


def test_first_fills_give_back(make_venue: Any) -> None:
    venue = make_venue()
    a, b = venue.api(), venue.api("hmacB")

    def count(client: Any) -> int:
        return int(client.signed("account.rateLimits.orders")["result"][0]["count"])

    for price in ("100.00", "101.00", "102.00"):
        a.signed("order.place", **venue.limit("SELL", price))
    b.signed("order.place", **venue.limit("BUY", "90.00"))
    assert (count(a), count(b)) == (3, 1)
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5"))
    # a taker gives back one, a maker five, and nobody goes below zero
    assert (count(a), count(b)) == (0, 1)
    a.signed("order.place", **venue.limit("SELL", "103.00"))
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5"))
    assert (count(a), count(b)) == (1, 1)


def test_cancel_replace_over_the_order_limit(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(orders_per_10_seconds=3))
    api = venue.api()
    ids = [api.signed("order.place", **venue.limit())["result"]["orderId"] for _ in range(3)]

    def replace(order_id: int, mode: str, exceeded: str) -> Any:
        return api.signed(
            "order.cancelReplace",
            **venue.limit(cancelReplaceMode=mode, cancelOrderId=order_id, orderRateLimitExceededMode=exceeded),
        )

    nothing = replace(ids[0], "STOP_ON_FAILURE", "DO_NOTHING")
    assert (nothing["status"], nothing["error"]["code"]) == (429, -1015)
    assert len(api.signed("openOrders.status")["result"]) == 3
    only = replace(ids[0], "STOP_ON_FAILURE", "CANCEL_ONLY")
    assert (only["status"], only["error"]["code"]) == (429, -2021)
    allowed = replace(ids[1], "ALLOW_FAILURE", "CANCEL_ONLY")
    assert (allowed["status"], allowed["error"]["code"]) == (409, -2021)
    assert allowed["error"]["data"]["newOrderResponse"]["code"] == -1015
    assert len(api.signed("openOrders.status")["result"]) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-3, 5)), max_size=60))
def test_a_window_counts_like_a_naive_model(steps: list[tuple[int, int]]) -> None:
    window = Window("ORDERS", "SECOND", 10, 7)
    wall_s, counts = 0, dict[int, int]()
    for pause_s, amount in steps:
        wall_s += pause_s
        index = wall_s // 10
        counts[index] = max(0, counts.get(index, 0) + amount)
        assert window.add(amount, wall_s * SECOND_NS) == (counts[index] <= 7)
        assert window.count == counts[index]
        assert window.ends_ns() == (index + 1) * 10 * SECOND_NS
