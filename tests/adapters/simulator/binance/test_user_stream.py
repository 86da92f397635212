"""The user data stream: documented keys, documented order of events, balances after each change, subscriptions."""

from typing import Any

import pytest

from adapters.simulator.binance import VenueLimits
from engine.codes import Side

NANOS = 1_000_000_000


def steps(reports: list[Any]) -> list[tuple[str, str]]:
    return [(report["x"], report["X"]) for report in reports]


def test_a_new_order_has_every_documented_key(venue: Any) -> None:
    api = venue.subscribed()
    api.signed("order.place", **venue.limit(newClientOrderId="mine", strategyId=7, strategyType=1_000_001))
    report, position = api.take_events()
    now = venue.host.wall_ms
    assert report == {
        "subscriptionId": 0,
        "event": {
            "e": "executionReport",
            "E": now,
            "s": "BTCUSDT",
            "c": "mine",
            "S": "BUY",
            "o": "LIMIT",
            "f": "GTC",
            "q": "1.00000000",
            "p": "100.00000000",
            "P": "0.00000000",
            "F": "0.00000000",
            "g": -1,
            "C": "",
            "x": "NEW",
            "X": "NEW",
            "r": "NONE",
            "i": 1_000_001,
            "l": "0.00000000",
            "z": "0.00000000",
            "L": "0.00000000",
            "n": "0",
            "N": None,
            "T": now,
            "t": -1,
            "I": 1,
            "w": True,
            "m": False,
            "M": False,
            "O": now,
            "Z": "0.00000000",
            "Y": "0.00000000",
            "Q": "0.00000000",
            "W": now,
            "V": "NONE",
            "j": 7,
            "J": 1_000_001,
        },
    }
    assert position == {
        "subscriptionId": 0,
        "event": {
            "e": "outboundAccountPosition",
            "E": now,
            "u": now,
            "B": [
                {"a": "BTC", "f": "10.00000000", "l": "0.00000000"},
                {"a": "USDT", "f": "999900.00000000", "l": "100.00000000"},
            ],
        },
    }


def test_documented_sequence_of_a_market_order_with_too_little_liquidity(venue: Any) -> None:
    seller, buyer = venue.api("hmacB"), venue.subscribed("hmacA")
    for _ in range(2):
        seller.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    buyer.signed("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="6")
    events = [event["event"] for event in buyer.take_events()]
    assert steps(events[:4]) == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    assert [event["e"] for event in events[4:]] == ["outboundAccountPosition"]
    assert [(e["l"], e["z"], e["t"], e["w"], e["M"]) for e in events[:4]] == [
        ("0.00000000", "0.00000000", -1, True, False),
        ("2.00000000", "2.00000000", 1, False, True),
        ("2.00000000", "4.00000000", 2, False, True),
        ("0.00000000", "4.00000000", -1, False, False),
    ]
    assert events[3]["eR"] == "INSUFFICIENT_LIQUIDITY"
    assert {e["p"] for e in events[:4]} == {"0.00000000"}
    assert [e["I"] for e in events[:4]] == sorted({e["I"] for e in events[:4]})


def test_maker_and_taker_of_one_trade_share_its_id(venue: Any) -> None:
    a, b = venue.subscribed("hmacA"), venue.subscribed("hmacB")
    a.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    a.take_events()
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5"))
    (maker,) = a.reports()
    new, taker = b.reports()
    assert steps([maker, new, taker]) == [("TRADE", "PARTIALLY_FILLED"), ("NEW", "NEW"), ("TRADE", "FILLED")]
    assert (maker["t"], maker["m"], maker["w"]) == (1, True, True)
    assert (taker["t"], taker["m"], taker["w"]) == (1, False, False)
    assert (maker["n"], maker["N"]) == ("0.05000000", "USDT")
    assert (maker["Z"], maker["Y"], maker["L"]) == ("50.00000000", "50.00000000", "100.00000000")


def test_the_anonymous_market_fills_a_resting_order(venue: Any) -> None:
    api = venue.subscribed()
    api.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    api.take_events()
    venue.market.anonymous(Side.BUY, 10_000, 50_000)
    venue.host.advance(1)
    venue.actor.on_timer("market", venue.host.now_ns)
    report, position = (event["event"] for event in api.take_events())
    assert (report["x"], report["l"], report["m"]) == ("TRADE", "0.50000000", True)
    assert position["B"][1]["f"] == "1000049.95000000"


def test_cancel_report_carries_both_client_order_ids(venue: Any) -> None:
    api = venue.subscribed()
    api.signed("order.place", **venue.limit(newClientOrderId="mine"))
    api.take_events()
    api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="cancel-1")
    (report,) = api.reports()
    assert steps([report]) == [("CANCELED", "CANCELED")]
    assert (report["c"], report["C"], report["i"], report["w"]) == ("cancel-1", "mine", 1_000_001, False)


def test_amend_is_reported_as_replaced_with_the_status_unchanged(venue: Any) -> None:
    api = venue.subscribed()
    api.signed("order.place", **venue.limit(newClientOrderId="mine"))
    api.take_events()
    api.signed("order.amend.keepPriority", symbol="BTCUSDT", orderId=1_000_001, newQty="0.5", newClientOrderId="mine")
    (report,) = api.reports()
    assert (report["x"], report["X"], report["q"], report["c"]) == ("REPLACED", "NEW", "0.50000000", "mine")


@pytest.mark.parametrize(
    ("time_in_force", "expected"),
    [
        ("IOC", [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("EXPIRED", "EXPIRED")]),
        ("FOK", [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]),
    ],
)
def test_immediate_orders(venue: Any, time_in_force: str, expected: list[tuple[str, str]]) -> None:
    api = venue.subscribed()
    venue.api("hmacB").signed("order.place", **venue.limit("SELL", "100.00", "1"))
    api.signed("order.place", **venue.limit("BUY", "100.00", "2", timeInForce=time_in_force))
    assert steps(api.reports()) == expected


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "maker_left", "taker_left"),
    [
        ("EXPIRE_TAKER", [], [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")], 2, 0),
        ("EXPIRE_MAKER", [("TRADE_PREVENTION", "EXPIRED_IN_MATCH")], [("NEW", "NEW")], 0, 3),
        (
            "EXPIRE_BOTH",
            [("TRADE_PREVENTION", "EXPIRED_IN_MATCH")],
            [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")],
            0,
            0,
        ),
        (
            "DECREMENT",
            [("TRADE_PREVENTION", "EXPIRED_IN_MATCH")],
            [("NEW", "NEW"), ("TRADE_PREVENTION", "NEW")],
            0,
            1,
        ),
    ],
)
def test_self_trade_prevention(
    venue: Any,
    mode: str,
    maker: list[tuple[str, str]],
    taker: list[tuple[str, str]],
    maker_left: int,
    taker_left: int,
) -> None:
    api = venue.subscribed()
    api.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    api.take_events()
    answer = api.signed("order.place", **venue.limit("BUY", "100.00", "3", selfTradePreventionMode=mode))["result"]
    reports = api.reports()
    assert steps([r for r in reports if r["i"] == 1_000_001]) == maker
    assert steps([r for r in reports if r["i"] == 1_000_002]) == taker
    prevented = [r for r in reports if r["x"] == "TRADE_PREVENTION"]
    assert all(r["v"] == 1 and r["A"] == r["B"] for r in prevented)
    assert venue.balance("a", "BTC")[1] == maker_left * NANOS
    assert venue.balance("a", "USDT")[1] == taker_left * 100 * NANOS
    assert answer["preventedMatches"][0]["makerOrderId"] == 1_000_001
    (match,) = api.signed("myPreventedMatches", symbol="BTCUSDT", orderId=1_000_002)["result"]
    assert (match["selfTradePreventionMode"], match["takerOrderId"], match["preventedMatchId"]) == (mode, 1_000_002, 1)
    assert api.signed("myPreventedMatches", symbol="BTCUSDT", preventedMatchId=2)["result"] == []


def test_the_ledger_adds_up_when_nobody_listens(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    a.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5"))
    assert venue.actor.api.events_sent == 0
    assert venue.actor.exchange.accounts.total("BTC") == 20 * NANOS


# -- subscriptions -------------------------------------------------------------------------------------------------


def error(answer: Any) -> tuple[int, int, str]:
    return answer["status"], answer["error"]["code"], answer["error"]["msg"]


def test_subscriptions_by_signature_and_by_session(venue: Any) -> None:
    api = venue.api()
    invalid = "Invalid API-key, IP, or permissions for action."
    assert error(api.call("userDataStream.subscribe")) == (401, -2015, invalid)
    inactive = (400, -2036, "User Data Stream subscription not active.")
    assert error(api.call("userDataStream.unsubscribe")) == inactive
    assert api.call("userDataStream.subscribe.signature", venue.sign_ws("hmacB", {}))["result"] == {"subscriptionId": 0}
    active = (400, -2035, "User Data Stream subscription already active.")
    assert error(api.call("userDataStream.subscribe.signature", venue.sign_ws("hmacB", {}))) == active
    api.log_on("edA")
    assert api.call("userDataStream.subscribe")["result"] == {"subscriptionId": 1}
    assert error(api.call("userDataStream.subscribe")) == active
    assert api.call("session.subscriptions")["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]
    assert api.call("session.status")["result"]["userDataStream"] is True
    # logging out ends what the session opened, and only that
    api.call("session.logout")
    (terminated,) = api.take_events()
    assert terminated == {
        "subscriptionId": 1,
        "event": {"e": "eventStreamTerminated", "E": venue.host.wall_ms},
    }
    venue.api("hmacB").signed("order.place", **venue.limit())
    assert [event["subscriptionId"] for event in api.take_events()] == [0, 0]
    assert error(api.call("userDataStream.unsubscribe", {"subscriptionId": 9})) == inactive
    assert api.call("userDataStream.unsubscribe", {"subscriptionId": 0})["result"] == {}
    assert [event["event"]["e"] for event in api.take_events()] == ["eventStreamTerminated"]
    venue.api("hmacB").signed("order.place", **venue.limit())
    assert api.take_events() == []


def test_bounds_of_subscriptions(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(subscriptions_per_connection=1, subscription_ids_per_connection=2))
    api = venue.api()
    api.call("userDataStream.subscribe.signature", venue.sign_ws("hmacA", {}))
    assert error(api.call("userDataStream.subscribe.signature", venue.sign_ws("hmacB", {})))[1] == -1191
    for code in (200, -2042):
        api.call("userDataStream.unsubscribe")
        answer = api.call("userDataStream.subscribe.signature", venue.sign_ws("hmacB", {}))
        assert answer["status"] == code or answer["error"]["code"] == code


def test_microseconds_on_request(venue: Any) -> None:
    api = venue.subscribed(path="/ws-api/v3?timeUnit=MICROSECOND")
    plain = venue.subscribed()
    api.signed("order.place", **venue.limit())
    (fine,), (coarse,) = api.reports(), plain.reports()
    assert fine["T"] // 1_000 == coarse["T"] == venue.host.wall_ms
