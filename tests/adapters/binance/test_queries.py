"""Questions on the order link: each ends in exactly one of its events."""

from typing import Any

import pytest

from engine.codes import OrderStatus
from engine.errors import UsageError
from engine.venue import (
    CancelAllAnswered,
    CancelRejected,
    ClockOffset,
    OpenOrdersListed,
    OrderNotFound,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    SessionState,
    TradesListed,
)

SECOND = 1_000_000_000
ORDERS = "session:orders"


def order_info(order_id: int = 77, symbol: str = "BTCUSDT", **changes: Any) -> dict[str, Any]:
    info = {
        "symbol": symbol,
        "orderId": order_id,
        "clientOrderId": "x",
        "price": "10.00",
        "origQty": "1.00",
        "executedQty": "0.25",
        "status": "PARTIALLY_FILLED",
        "side": "SELL",
        "time": 1_700_000_040_000,
        "updateTime": 1_700_000_040_200,
    }
    return {**info, **changes}


def trade(trade_id: int) -> dict[str, Any]:
    return {
        "id": trade_id,
        "orderId": 77,
        "price": "10.00",
        "qty": "0.25",
        "commission": "0.001",
        "commissionAsset": "BNB",
        "time": 1_700_000_040_200,
        "isMaker": True,
    }


def settled(host: Any) -> list[Any]:
    host.advance(11 * SECOND)
    return [event for event in host.take() if not isinstance(event, ClockOffset)]


# -- one order -------------------------------------------------------------------------------------------------


def test_an_order_is_seen_under_our_id(live: Any) -> None:
    order = live.order()
    order.order_id = "77"
    live.session.query_order(order, live.now_ns)
    live.session.query_order(order, live.now_ns)  # one answer serves both
    live.run()
    (request,) = live.venue.requests
    assert request["method"] == "order.status"
    assert request["params"]["orderId"] == 77
    live.venue.answer(result=order_info(clientOrderId="a cancel's id"))
    seen = OrderSeen("a-1", "77", OrderStatus.PARTIALLY_FILLED, 100_000, 25_000, 1_700_000_040_200_000_000)
    assert live.take() == [seen]
    assert settled(live) == []


def test_an_order_that_is_not_found(live: Any) -> None:
    live.session.query_order(live.order(), live.now_ns)
    live.run()
    assert live.venue.requests[0]["params"]["origClientOrderId"] == "a-1"
    live.venue.error(-2013, "Order does not exist.")
    (event,) = live.take()
    assert isinstance(event, OrderNotFound)
    assert event.client_order_id == "a-1"


def test_a_question_that_is_refused(live: Any) -> None:
    live.session.query_order(live.order(), live.now_ns)
    live.run()
    live.venue.error(-1000, "An unknown error")
    assert live.take() == [QueryFailed(0, "a-1", "-1000 An unknown error")]


def test_a_question_without_an_answer(live: Any) -> None:
    live.session.query_order(live.order(), live.now_ns)
    live.session.query_open_orders(5, live.now_ns)
    live.session.query_trades(6, 1, "", live.now_ns)
    live.session.cancel_all(1, live.now_ns)
    assert settled(live) == [
        QueryFailed(0, "a-1", "not answered in time"),
        QueryFailed(5, "", "not answered in time"),
        QueryFailed(6, "", "not answered in time"),
        CancelAllAnswered(1, "not answered in time"),
    ]
    live.venue.answer(result=[])
    assert live.take() == []
    assert live.session.counters["answer to no question"] == 1


def test_questions_that_lose_their_link(live: Any) -> None:
    live.session.query_order(live.order(), live.now_ns)
    live.session.query_open_orders(5, live.now_ns)
    live.session.cancel_all(1, live.now_ns)
    live.run()
    live.cut(ORDERS)
    events = live.take()
    assert isinstance(events[0], SessionState)
    assert events[1:] == [
        QueryFailed(0, "a-1", "order link lost"),
        QueryFailed(5, "", "order link lost"),
        CancelAllAnswered(1, "order link lost"),
    ]


def test_questions_without_a_link_fail_a_little_later(live: Any) -> None:
    live.refused.add(ORDERS)
    live.cut(ORDERS)
    live.take()
    live.session.query_order(live.order(), live.now_ns)
    live.session.query_open_orders(5, live.now_ns)
    live.session.query_trades(6, 1, "", live.now_ns)
    live.advance(SECOND // 5)
    assert [event for event in live.take() if isinstance(event, QueryFailed)] == []
    live.advance(SECOND)
    failed = [event for event in live.take() if isinstance(event, QueryFailed)]
    assert [(event.query_id, event.client_order_id) for event in failed] == [(0, "a-1"), (5, ""), (6, "")]


def test_an_answer_that_cannot_be_fails_the_question_with_its_link(live: Any) -> None:
    live.session.query_order(live.order(), live.now_ns)
    live.run()
    live.venue.answer(result=order_info(executedQty="0.000001"))
    events = live.take()
    assert [type(event) for event in events] == [SessionState, QueryFailed]


# -- open orders -----------------------------------------------------------------------------------------------


def test_open_orders_of_few_symbols_are_asked_for_one_by_one(make: Any) -> None:
    host = make(symbols=((1, "BTCUSDT"), (2, "ETHUSDT"))).begin()
    host.take()
    host.venue.requests.clear()
    host.venue.order_rules["openOrders.status"] = lambda params: {
        "status": 200,
        "result": [order_info(len(params["symbol"]), params["symbol"])],
    }
    host.session.query_open_orders(5, host.now_ns)
    host.run()
    assert [request["params"]["symbol"] for request in host.venue.requests] == ["BTCUSDT", "ETHUSDT"]
    (listed,) = host.take()
    assert isinstance(listed, OpenOrdersListed)
    assert listed.query_id == 5
    assert [each.instrument_id for each in listed.orders] == [1, 2]


def test_open_orders_fail_as_a_whole(make: Any) -> None:
    host = make(symbols=((1, "BTCUSDT"), (2, "ETHUSDT"))).begin()
    host.take()

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        if params["symbol"] == "BTCUSDT":
            return {"status": 400, "error": {"code": -1000, "msg": "no"}}
        return {"status": 200, "result": []}

    host.venue.order_rules["openOrders.status"] = answer
    host.session.query_open_orders(5, host.now_ns)
    host.run()
    assert host.take() == [QueryFailed(5, "", "-1000 no")]
    assert settled(host) == []


def test_open_orders_of_many_symbols_are_asked_for_at_once(make: Any) -> None:
    symbols = tuple((number, f"S{number}USDT") for number in range(1, 15))
    host = make(symbols=symbols)
    host.venue.rest_rules["exchangeInfo"] = lambda params: {
        "rateLimits": [],
        "symbols": [
            {**host.venue.rest_exchangeInfo({"symbols": '["BTCUSDT"]'})["symbols"][0], "symbol": symbol}
            for _, symbol in symbols
        ],
    }
    host.begin()
    host.take()
    host.venue.order_rules["openOrders.status"] = lambda params: {
        "status": 200,
        "result": [order_info(1, "S3USDT"), order_info(2, "NOT_OURS")],
    }
    host.session.query_open_orders(5, host.now_ns)
    host.run()
    (listed,) = host.take()
    assert [(each.instrument_id, each.order_id) for each in listed.orders] == [(3, "1")]
    assert "symbol" not in host.venue.requests[-1]["params"]


# -- trades ----------------------------------------------------------------------------------------------------


def test_trades_come_in_pages(live: Any) -> None:
    pages = [[trade(number) for number in range(1_000, 0, -1)], [trade(1_001)]]
    live.venue.order_rules["myTrades"] = lambda params: {"status": 200, "result": pages.pop(0)}
    live.session.query_trades(6, 1, "", live.now_ns)
    live.run()
    first, second = live.take()
    assert isinstance(first, TradesListed)
    assert (first.complete, second.complete) == (False, True)
    assert [fill.trade_id for fill in first.fills[:2]] == ["1", "2"]
    assert second.fills[0].trade_id == "1001"
    assert (first.fills[0].client_order_id, first.fills[0].order_id) == ("", "77")
    asked = [request["params"] for request in live.venue.requests]
    assert abs(asked[0]["startTime"] - (live.venue.time_ms() - 86_400_000)) <= 1
    assert asked[1]["fromId"] == 1_001
    assert "startTime" not in asked[1]


def test_the_trades_of_one_order_are_asked_for_by_its_id_on_every_page_however_old(live: Any) -> None:
    pages = [[trade(number) for number in range(1, 1_001)], [trade(1_001)]]
    live.venue.order_rules["myTrades"] = lambda params: {"status": 200, "result": pages.pop(0)}
    order = live.order()
    order.order_id = "77"
    live.session.query_order_trades(6, order, live.now_ns)
    live.run()
    assert [event.complete for event in live.take()] == [False, True]
    first, second = [request["params"] for request in live.venue.requests]
    assert (first["orderId"], second["orderId"], second["fromId"]) == (77, 77, 1_001)
    assert not {"startTime", "fromId"} & set(first)


def test_trades_after_a_known_one(live: Any) -> None:
    live.venue.order_rules["myTrades"] = lambda params: {"status": 200, "result": []}
    live.session.query_trades(6, 1, "41", live.now_ns)
    live.run()
    assert live.venue.requests[-1]["params"]["fromId"] == 42
    assert live.take() == [TradesListed(6, 1, (), True)]


def test_all_orders_come_page_by_page_with_the_time_on_our_clock(live: Any) -> None:
    def answer(params: dict[str, Any]) -> dict[str, Any]:
        first = int(params.get("orderId", 1))
        count = 1_000 if first == 1 else 2
        made_ms = live.venue.time_ms() - 5_000
        return {"status": 200, "result": [order_info(first + at, time=made_ms) for at in reversed(range(count))]}

    live.venue.order_rules["allOrders"] = answer
    asked_ns = live.now_ns
    live.session.query_orders(6, 1, asked_ns - 60 * SECOND, asked_ns)
    live.run()
    first, last = live.take()
    assert (first.query_id, first.instrument_id, len(first.orders), first.complete) == (6, 1, 1_000, False)
    assert [order.order_id for order in last.orders] == ["1001", "1002"]
    assert last.complete
    assert isinstance(last, OrdersListed)
    assert abs(last.orders[0].created_ns - (asked_ns - 5 * SECOND)) < SECOND // 10
    asked = [request["params"] for request in live.venue.requests]
    assert abs(asked[0]["startTime"] - (live.venue.time_ms() - 60_000)) <= 100
    assert (asked[1]["orderId"], "startTime" in asked[1]) == (1_001, False)


# -- cancel all ------------------------------------------------------------------------------------------------


def test_cancel_all(live: Any) -> None:
    live.session.cancel_all(1, live.now_ns)
    live.session.cancel_all(1, live.now_ns)
    live.run()
    first, second = live.venue.requests
    assert first["id"] != second["id"]
    assert first["method"] == "openOrders.cancelAll"
    live.venue.push(ORDERS, {"id": first["id"], "status": 200, "result": [order_info()]})
    live.venue.answer(400, error={"code": -2011, "msg": "Unknown order sent."})
    assert live.take() == [CancelAllAnswered(1, "")] * 2


def test_cancel_all_that_is_refused(live: Any) -> None:
    live.session.cancel_all(1, live.now_ns)
    live.run()
    live.venue.error(-1008, "Server is currently overloaded")
    assert live.take() == [CancelAllAnswered(1, "-1008 Server is currently overloaded")]


# -- limits ----------------------------------------------------------------------------------------------------


def used_weight(live: Any, count: int) -> None:
    """The venue reports that so much of its 6,000 a minute is used."""
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": count}
    live.session.cancel_all(1, live.now_ns)
    live.run()
    live.venue.answer(result=[], rateLimits=[weight])
    live.take()


def test_questions_leave_the_cancels_share_alone(live: Any) -> None:
    live.advance(SECOND)
    used_weight(live, 4_799)
    live.session.query_trades(4, 1, "", live.now_ns)
    live.session.query_open_orders(5, live.now_ns)  # what confirms a cancel may use half of that share
    live.run()
    assert live.venue.requests[-1]["method"] == "openOrders.status"
    live.venue.answer(result=[])
    live.advance(SECOND)
    assert live.take() == [OpenOrdersListed(5, ()), QueryFailed(4, "", "no room within the venue's rate limits")]
    live.advance(60 * SECOND)
    live.session.query_trades(6, 1, "", live.now_ns)
    live.run()
    assert live.venue.requests[-1]["method"] == "myTrades"


def test_cancels_of_single_orders_leave_room_for_cancel_all(live: Any) -> None:
    """A strategy that cancels without end must not take from a kill what it needs."""
    live.advance(SECOND)
    used_weight(live, 5_399)
    live.cancel(live.order("a-1"))
    asked = len(live.venue.requests)
    frame = live.session.encode_cancel(live.order("a-2"), live.now_ns)
    live.session.transmit(frame, live.now_ns)
    live.session.query_open_orders(5, live.now_ns)
    live.run()
    assert len(live.venue.requests) == asked
    text = "no room within the venue's rate limits"
    live.advance(SECOND)
    assert live.take() == [CancelRejected("a-2", False, f"{text}; nothing was sent", 0), QueryFailed(5, "", text)]
    live.session.cancel_all(1, live.now_ns)
    live.run()
    assert live.venue.requests[-1]["method"] == "openOrders.cancelAll"


@pytest.mark.parametrize("ask", ["cancel_all", "query_trades", "query_order"])
def test_instruments_that_are_not_ours(live: Any, ask: str) -> None:
    subject: tuple[Any, ...] = {
        "cancel_all": (9,),
        "query_trades": (1, 9, ""),
        "query_order": (live.order(instrument_id=9),),
    }[ask]
    with pytest.raises(UsageError, match="instrument 9"):
        getattr(live.session, ask)(*subject, live.now_ns)
