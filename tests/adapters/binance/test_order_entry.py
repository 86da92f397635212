"""Order entry: requests as the venue gets them, and what every answer and report becomes."""

from itertools import permutations
from typing import Any

import pytest

from adapters.binance.signing import HmacSigner, KeyType, websocket_payload
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import UsageError
from engine.order import Approved
from engine.venue import (
    AuthenticationFailed,
    CancelRejected,
    ClockOffset,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    RateLimited,
    ReplaceRejected,
    SessionState,
)

SECOND = 1_000_000_000
ORDERS = "session:orders"
ACK = {"symbol": "BTCUSDT", "orderId": 77, "orderListId": -1, "clientOrderId": "a-1", "transactTime": 1_700_000_040_200}
TIME_NS = 1_700_000_040_200_000_000


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


# -- requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.00000", "price": "10.00"}),
        (
            {"side": Side.SELL, "time_in_force": TimeInForce.IOC, "quantity_lots": 1, "price_ticks": 6168599},
            {"side": "SELL", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.00001", "price": "61685.99"},
        ),
        (
            {"time_in_force": TimeInForce.FOK},
            {"side": "BUY", "type": "LIMIT", "timeInForce": "FOK", "quantity": "1.00000", "price": "10.00"},
        ),
        ({"post_only": True}, {"side": "BUY", "type": "LIMIT_MAKER", "quantity": "1.00000", "price": "10.00"}),
        (
            {"order_type": OrderType.MARKET, "price_ticks": 0},
            {"side": "BUY", "type": "MARKET", "quantity": "1.00000"},
        ),
    ],
)
@pytest.mark.parametrize("key_type", list(KeyType))
def test_new_order(make: Any, key_type: KeyType, changes: dict[str, Any], expected: dict[str, str]) -> None:
    host = make(key_type=key_type).begin()
    for turn in range(2):  # the second is built from the template
        request = host.place(host.order(f"a-{turn}", **changes))
        params = request["params"]
        signature, api_key = params.pop("signature", ""), params.get("apiKey", "")
        if key_type is KeyType.HMAC:
            secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
            assert api_key == "ApiKey1"
            assert signature == HmacSigner(api_key, secret).sign(websocket_payload(params))
        params.pop("apiKey", "")
        assert request["id"] == f"n:a-{turn}"
        assert request["method"] == "order.place"
        assert params == {
            "symbol": "BTCUSDT",
            "newClientOrderId": f"a-{turn}",
            "newOrderRespType": "ACK",
            "recvWindow": 2000,
            "timestamp": (1_700_000_040_000_000_000 + host.now_ns + 123_499_000) // 1_000_000,
            **expected,
        }


def test_cancel_and_replace_go_by_the_venues_id_when_it_is_known(live: Any) -> None:
    order = live.order()
    assert live.cancel(order)["params"]["origClientOrderId"] == "a-1"
    assert live.replace(order)["params"]["cancelOrigClientOrderId"] == "a-1"
    order.order_id = "77"
    assert live.cancel(order)["params"]["orderId"] == 77
    request = live.replace(order, "a-3")
    assert request["id"] == "r:a-3"
    assert request["params"]["cancelOrderId"] == 77
    assert request["params"]["cancelReplaceMode"] == "STOP_ON_FAILURE"
    assert request["params"]["newClientOrderId"] == "a-3"
    assert (request["params"]["quantity"], request["params"]["price"]) == ("0.50000", "11.00")


@pytest.mark.parametrize("wrong", ["", "a b", 'a"', "é", "x" * 37, "a\n"])
def test_an_impossible_client_order_id_gets_no_further(live: Any, wrong: str) -> None:
    with pytest.raises(UsageError, match="client order id"):
        live.place(live.order(wrong))
    with pytest.raises(UsageError, match="instrument 9"):
        live.place(live.order(instrument_id=9))


def test_encoding_leaves_no_trace(live: Any) -> None:
    before = live.session.counters
    order = live.order()
    live.session.encode_new(Approved(order), live.now_ns)
    live.session.encode_cancel(order, live.now_ns)
    live.run()
    assert live.venue.requests == []
    assert live.session.counters == before


# -- new orders ------------------------------------------------------------------------------------------------


def test_life_of_an_order(live: Any) -> None:
    live.place(live.order())
    live.venue.answer(result=ACK)
    live.venue.report("a-1", "NEW", "NEW", T=1_700_000_040_200)
    live.venue.report("a-1", "TRADE", "PARTIALLY_FILLED", l="0.4", z="0.4", L="10.00", t=5, n="0.004", N="USDT", m=True)
    live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.4")
    events = live.take()
    assert events[:2] == [OrderAccepted("a-1", "77", TIME_NS)] * 2
    assert isinstance(events[2], OrderFilled)
    assert (events[2].trade_id, events[2].last_lots, events[2].last_ticks) == ("5", 40_000, 1_000)
    assert (events[2].fee_nanos, events[2].fee_asset, events[2].is_maker) == (4_000_000, "USDT", True)
    assert isinstance(events[3], OrderCancelled)
    assert (events[3].client_order_id, events[3].cum_lots) == ("a-1", 40_000)


def test_a_fill_may_come_before_the_answer(live: Any) -> None:
    live.place(live.order())
    live.venue.report("a-1", "TRADE", "FILLED", l="1", z="1", L="10.00", t=5)
    live.venue.answer(result=ACK)
    assert kinds(live.take()) == ["OrderFilled", "OrderAccepted"]


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (-1013, "Filter failure: LOT_SIZE", Reason.VENUE_REJECTED),
        (-2010, "Account has insufficient balance for requested action.", Reason.VENUE_REJECTED),
        (-2010, "Order would immediately match and take.", Reason.VENUE_POST_ONLY_WOULD_TAKE),
    ],
)
def test_a_definite_refusal(live: Any, code: int, text: str, reason: Reason) -> None:
    live.place(live.order())
    live.venue.error(code, text)
    (event,) = live.take()
    assert isinstance(event, OrderRejected)
    assert (event.client_order_id, event.reason, event.text) == ("a-1", reason, f"{code} {text}")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [(400, -1006, ""), (400, -1007, ""), (500, -1000, ""), (503, -2010, ""), (400, -2010, "Duplicate order sent.")],
)
def test_a_fate_that_is_not_proven_is_unknown(live: Any, status: int, code: int, text: str) -> None:
    live.place(live.order())
    live.venue.error(code, text, status)
    assert live.take() == [OrderOutcomeUnknown("a-1", f"{code} {text}")]
    live.cancel(live.order())
    live.venue.error(code, text, status)
    assert live.take() == [OrderOutcomeUnknown("a-1", f"{code} {text}")]


def test_a_server_error_without_a_body_is_unknown(live: Any) -> None:
    live.place(live.order())
    live.venue.answer(502)
    assert live.take() == [OrderOutcomeUnknown("a-1", "status 502")]


def test_a_wrong_clock_rejects_and_is_set_right(live: Any) -> None:
    live.place(live.order())
    live.venue.error(-1021, "Timestamp for this request is outside of the recvWindow.")
    events = live.take()
    assert kinds(events) == ["OrderRejected", "ClockOffset"]
    assert "-1021" in events[0].text
    assert isinstance(events[1], ClockOffset)


@pytest.mark.parametrize("code", [-2015, -1022, -2014])
def test_a_refused_key_is_told_and_the_order_is_rejected(live: Any, code: int) -> None:
    live.place(live.order())
    live.venue.error(code, "no")
    assert kinds(live.take()) == ["AuthenticationFailed", "OrderRejected"]


def test_a_key_that_has_become_invalid_puts_everything_in_doubt(live: Any) -> None:
    live.place(live.order())
    live.venue.push(ORDERS, {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}})
    live.run()
    events = live.take()
    assert events[0] == AuthenticationFailed("-2015 Invalid API-key")
    assert isinstance(events[1], SessionState)
    assert not events[1].live


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
def test_too_many_requests(live: Any, status: int, banned: bool) -> None:
    live.place(live.order())
    live.venue.error(-1003, "Too many", status, serverTime=0, retryAfter=live.venue.time_ms() + 5_000)
    limited, rejected = live.take()
    assert isinstance(limited, RateLimited)
    assert abs(limited.until_ns - (live.now_ns + 5 * SECOND)) <= 2_000_000
    assert limited.banned is banned
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason is Reason.VENUE_RATE_LIMIT
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT
    live.advance(6 * SECOND)
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_how_long_to_be_silent_does_not_hang_on_our_clock(live: Any) -> None:
    """An hour behind the venue's, since somebody set it back a moment ago."""
    live.place(live.order())
    ahead_ms = live.venue.time_ms() + 3_600_000
    live.venue.error(-1003, "Too many", 418, serverTime=ahead_ms, retryAfter=ahead_ms + 5_000)
    limited = live.take()[0]
    assert isinstance(limited, RateLimited)
    assert limited.until_ns == live.now_ns + 5 * SECOND


def test_too_many_orders_wait_for_the_next_ten_seconds(live: Any) -> None:
    live.place(live.order())
    live.venue.error(-1015, "Too many new orders.", 429)
    limited, rejected = live.take()
    assert isinstance(limited, RateLimited)
    assert abs(limited.until_ns - live.now_ns - 10 * SECOND) < SECOND // 2
    assert rejected.reason is Reason.VENUE_RATE_LIMIT
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT
    assert live.session.send_refusal(live.now_ns + 10 * SECOND) is Reason.NONE


def test_order_count_is_kept_on_our_side(live: Any) -> None:
    for number in range(5):
        assert live.session.send_refusal(live.now_ns) is Reason.NONE
        live.place(live.order(f"a-{number}"))
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT
    live.cancel(live.order("a-0"))
    assert live.venue.requests[-1]["method"] == "order.cancel"
    live.advance(10 * SECOND)
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT  # unanswered ones still count
    live.cut(ORDERS)
    live.advance(10 * SECOND)
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_the_venues_count_in_an_answer_counts(live: Any) -> None:
    live.advance(SECOND)
    live.place(live.order())
    limits = [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 5, "count": 5}]
    live.venue.answer(result=ACK, rateLimits=limits)
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT


def test_a_link_that_pushes_back_is_busy(live: Any) -> None:
    live.slow.add(ORDERS)
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_BUSY


def test_what_cannot_leave_is_refused_in_a_callback_of_its_own(live: Any) -> None:
    order, session = live.order(), live.session
    replacement = live.order("a-2")
    frames = [
        session.encode_new(Approved(order), 0),
        session.encode_cancel(order, 0),
        session.encode_replace(order, Approved(replacement), 0),
    ]
    live.cut(ORDERS)
    live.take()
    for frame in frames:
        session.transmit(frame, live.now_ns)
    assert live.take() == []
    live.advance(0)
    new, cancelled, replaced = live.take()
    assert (new.client_order_id, new.reason) == ("a-1", Reason.VENUE_LINK_DOWN)
    assert isinstance(new, OrderRejected)
    assert isinstance(cancelled, CancelRejected)
    assert not cancelled.order_unknown
    assert isinstance(replaced, ReplaceRejected)
    assert not replaced.orig_cancelled


# -- cancels ---------------------------------------------------------------------------------------------------


def test_a_cancel_is_told_by_its_report(live: Any) -> None:
    live.cancel(live.order())
    live.venue.answer(result={"orderId": 77, "executedQty": "0"})
    assert live.take() == []
    live.venue.report("x", "CANCELED", "CANCELED", C="a-1")
    assert kinds(live.take()) == ["OrderCancelled"]


@pytest.mark.parametrize(
    ("code", "text", "status", "unknown"),
    [
        (-2011, "Unknown order sent.", 400, True),
        (-2011, "Order was not canceled due to cancel restrictions.", 400, False),
        (-1013, "no", 400, False),
    ],
)
def test_a_refused_cancel(live: Any, code: int, text: str, status: int, unknown: bool) -> None:
    live.cancel(live.order())
    live.venue.error(code, text, status)
    (event,) = live.take()
    assert isinstance(event, CancelRejected)
    assert (event.client_order_id, event.order_unknown, event.text) == ("a-1", unknown, f"{code} {text}")


# -- replaces --------------------------------------------------------------------------------------------------

REPLACED = {
    "cancelResult": "SUCCESS",
    "newOrderResult": "SUCCESS",
    "cancelResponse": {"orderId": 77, "executedQty": "0.25", "status": "CANCELED", "transactTime": 1_700_000_040_200},
    "newOrderResponse": {"orderId": 78, "clientOrderId": "a-2", "transactTime": 1_700_000_040_200},
}


@pytest.mark.parametrize("order", ["answer cancelled new", "cancelled new answer", "cancelled answer new"])
def test_a_replace_is_told_once_in_whatever_order_its_parts_come(live: Any, order: str) -> None:
    live.replace(live.order())
    for part in order.split():
        if part == "answer":
            live.venue.answer(result=REPLACED)
        elif part == "cancelled":
            live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25", T=1_700_000_040_200)
        else:
            live.venue.report("a-2", "NEW", "NEW", i=78, T=1_700_000_040_200)
    events = live.take()
    assert events[0] == OrderReplaced("a-1", "a-2", 25_000, TIME_NS)
    assert set(events[1:]) == {OrderAccepted("a-2", "78", TIME_NS)}
    live.advance(20 * SECOND)
    assert [event for event in live.take() if not isinstance(event, ClockOffset)] == []


def test_every_other_order_of_the_parts_ends_the_same(live: Any) -> None:
    """Also the orders that the venue's engine cannot produce."""
    for number, parts in enumerate(permutations(["answer", "cancelled", "new"])):
        live.advance(10 * SECOND)
        live.take()
        orig, new = f"o-{number}", f"r-{number}"
        live.replace(live.order(orig), new)
        for part in parts:
            if part == "answer":
                live.venue.answer(result=REPLACED)
            elif part == "cancelled":
                live.venue.report("x", "CANCELED", "CANCELED", C=orig, z="0.25")
            else:
                live.venue.report(new, "NEW", "NEW", i=78)
        events = live.take()
        assert [event for event in events if isinstance(event, OrderReplaced)] == [
            OrderReplaced(orig, new, 25_000, next(e for e in events if isinstance(e, OrderReplaced)).venue_time_ns)
        ]
        assert not any(isinstance(event, OrderCancelled) for event in events)


def test_a_replace_whose_original_is_gone(live: Any) -> None:
    live.replace(live.order())
    live.venue.error(
        -2022,
        "Order cancel-replace failed.",
        cancelResult="FAILURE",
        newOrderResult="NOT_ATTEMPTED",
        cancelResponse={"code": -2011, "msg": "Unknown order sent."},
        newOrderResponse=None,
    )
    (event,) = live.take()
    assert isinstance(event, ReplaceRejected)
    assert (event.client_order_id, event.orig_client_order_id) == ("a-2", "a-1")
    assert (event.orig_cancelled, event.reason) == (False, Reason.ORDER_NOT_OPEN)
    assert event.text == "-2011 Unknown order sent."


HALF = {
    "cancelResult": "SUCCESS",
    "newOrderResult": "FAILURE",
    "cancelResponse": {"orderId": 77, "executedQty": "0.25"},
    "newOrderResponse": {"code": -2010, "msg": "Order would immediately match and take."},
}


@pytest.mark.parametrize("report_first", [True, False])
def test_a_replace_that_is_half_done(live: Any, report_first: bool) -> None:
    live.replace(live.order())
    if report_first:
        live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25")
        assert live.take() == []
    live.venue.error(-2021, "Order cancel-replace partially failed.", 409, **HALF)
    (event,) = live.take()
    assert isinstance(event, ReplaceRejected)
    assert (event.orig_cancelled, event.orig_cum_lots) == (True, 25_000)
    assert event.reason is Reason.VENUE_POST_ONLY_WOULD_TAKE
    if not report_first:
        live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25")
        assert kinds(live.take()) == ["OrderCancelled"]  # repeats what has been told


def test_a_replace_whose_new_half_is_in_doubt(live: Any) -> None:
    live.replace(live.order())
    live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25")
    unsure = {**HALF, "newOrderResponse": {"code": -1007, "msg": "Timeout"}}
    live.venue.error(-2021, "Order cancel-replace partially failed.", 409, **unsure)
    events = live.take()
    assert kinds(events) == ["OrderCancelled", "OrderOutcomeUnknown"]
    assert events[1].client_order_id == "a-2"


def test_a_replace_in_doubt_puts_both_in_doubt(live: Any) -> None:
    live.replace(live.order())
    live.venue.error(-1007, "Timeout", 504)
    assert live.take() == [OrderOutcomeUnknown("a-1", "-1007 Timeout"), OrderOutcomeUnknown("a-2", "-1007 Timeout")]


def test_a_replace_that_is_refused_outright(live: Any) -> None:
    live.replace(live.order())
    live.venue.error(-1013, "Filter failure: NOTIONAL")
    (event,) = live.take()
    assert isinstance(event, ReplaceRejected)
    assert (event.orig_cancelled, event.reason) == (False, Reason.VENUE_REJECTED)


def test_a_replace_that_is_never_answered(live: Any) -> None:
    live.replace(live.order())
    live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25")
    live.advance(11 * SECOND)
    assert kinds(live.take()) == ["OrderCancelled", "OrderOutcomeUnknown"]


def test_a_link_lost_in_the_middle_of_a_replace(live: Any) -> None:
    live.replace(live.order())
    live.replace(live.order("b-1"), "b-2")
    live.venue.report("x", "CANCELED", "CANCELED", C="a-1", z="0.25")
    live.cut(ORDERS)
    events = live.take()
    assert kinds(events) == [
        "SessionState",
        "OrderCancelled",
        "OrderOutcomeUnknown",
        "OrderOutcomeUnknown",
        "OrderOutcomeUnknown",
    ]
    assert [event.client_order_id for event in events[1:]] == ["a-1", "a-2", "b-1", "b-2"]


def test_other_orders_are_not_held_by_a_replace(live: Any) -> None:
    live.replace(live.order())
    live.venue.report("x", "CANCELED", "CANCELED", C="z-9")
    live.venue.report("a-1", "TRADE", "PARTIALLY_FILLED", l="0.25", z="0.25", L="10.00", t=5)
    assert kinds(live.take()) == ["OrderCancelled", "OrderFilled"]


# -- reports ---------------------------------------------------------------------------------------------------


def test_reports_of_instruments_that_are_not_ours_are_counted(live: Any) -> None:
    live.venue.report("a-1", "NEW", "NEW", s="DOGEUSDT")
    assert live.take() == []
    assert live.session.counters["report of an instrument that is not ours"] == 1


def test_expired_orders(live: Any) -> None:
    live.venue.report("a-1", "EXPIRED", "EXPIRED", z="0.5", eR="UNFILLED_IOC_QUANTITY_EXPIRED")
    live.venue.report("a-2", "TRADE_PREVENTION", "EXPIRED_IN_MATCH", A="0.5")
    first, second = live.take()
    assert isinstance(first, OrderExpired)
    assert isinstance(second, OrderExpired)
    assert (first.cum_lots, first.reason) == (50_000, Reason.VENUE_EXPIRED)
    assert second.reason is Reason.VENUE_SELF_TRADE


def test_a_state_that_nobody_knows_closes_the_link(live: Any) -> None:
    live.venue.report("a-1", "NEW", "LIMBO")
    assert [event.live for event in live.take() if isinstance(event, SessionState)] == [False]
