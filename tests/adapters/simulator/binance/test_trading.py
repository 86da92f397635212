"""Order entry over both APIs: shapes, balances, every refusal with the venue's code and text."""

from typing import Any

import pytest

NANOS = 1_000_000_000


def error(answer: Any) -> tuple[int, int, str]:
    return answer["status"], answer["error"]["code"], answer["error"]["msg"]


def test_a_limit_order_rests_and_locks_its_price(venue: Any) -> None:
    api = venue.api()
    answer = api.signed("order.place", **venue.limit(newClientOrderId="mine"))
    assert answer["status"] == 200
    wall_ms = venue.host.wall_ms
    assert answer["result"] == {
        "symbol": "BTCUSDT",
        "orderId": 1_000_001,
        "orderListId": -1,
        "clientOrderId": "mine",
        "transactTime": wall_ms,
        "price": "100.00000000",
        "origQty": "1.00000000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": wall_ms,
        "fills": [],
        "selfTradePreventionMode": "NONE",
    }
    assert venue.balance("a", "USDT") == (999_900 * NANOS, 100 * NANOS)


def test_a_fill_pays_commission_in_what_was_received(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    a.signed("order.place", **venue.limit("SELL", "100.00", "2"))
    answer = b.signed("order.place", **venue.limit("BUY", "110.00", "1.5"))
    assert answer["result"]["status"] == "FILLED"
    assert answer["result"]["cummulativeQuoteQty"] == "150.00000000"
    assert answer["result"]["fills"] == [
        {
            "price": "100.00000000",
            "qty": "1.50000000",
            "commission": "0.00000000",
            "commissionAsset": "BTC",
            "tradeId": 1,
        }
    ]
    # the maker pays 0.1 % of the 150 USDT that it received, the taker nothing; the better price is given back
    assert venue.balance("a", "USDT") == (1_000_149_850_000_000, 0)
    assert venue.balance("a", "BTC") == (8 * NANOS, 500_000_000)
    assert venue.balance("b", "USDT") == (999_850 * NANOS, 0)
    assert venue.balance("b", "BTC") == (11_500_000_000, 0)
    assert venue.actor.exchange.accounts.fees["USDT"] == 150_000_000


def test_response_types(venue: Any) -> None:
    api = venue.api()
    ack = api.signed("order.place", **venue.limit(newOrderRespType="ACK"))["result"]
    assert sorted(ack) == ["clientOrderId", "orderId", "orderListId", "symbol", "transactTime"]
    result = api.signed("order.place", **venue.limit(newOrderRespType="RESULT"))["result"]
    assert "fills" not in result
    assert result["status"] == "NEW"
    maker = venue.limit(type="LIMIT_MAKER")
    del maker["timeInForce"]
    assert sorted(api.signed("order.place", **maker)["result"]) == sorted(ack)


MARKET_SELL = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "1"}
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "100",
    "quantity": "1",
}
_MANDATORY = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
_LEGAL = r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."


@pytest.mark.parametrize(
    ("base", "change", "code", "text"),
    [
        (LIMIT, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (LIMIT, {"symbol": None}, -1102, _MANDATORY.format("symbol")),
        (LIMIT, {"side": "HOLD"}, -1117, "Invalid side."),
        (LIMIT, {"side": None}, -1102, _MANDATORY.format("side")),
        (LIMIT, {"type": "LIMITED"}, -1116, "Invalid orderType."),
        (LIMIT, {"type": "STOP_LOSS"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (
            LIMIT,
            {"type": "TAKE_PROFIT_LIMIT"},
            -1102,
            "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
        ),
        (LIMIT, {"type": "STOP_LOSS_LIMIT", "trailingDelta": 9}, -1013, "Filter failure: TRAILING_DELTA"),
        (LIMIT, {"type": "STOP_LOSS_LIMIT", "stopPrice": "0.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"timeInForce": None}, -1102, _MANDATORY.format("timeInForce")),
        (MARKET_SELL, {"timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (LIMIT, {"type": "LIMIT_MAKER"}, -1114, "TimeInForce parameter sent when not required."),
        (MARKET_SELL, {"price": "1"}, -1106, "Parameter 'price' sent when not required."),
        (LIMIT, {"quoteOrderQty": "1"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        (LIMIT, {"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
        (LIMIT, {"icebergQty": "0.01"}, -1013, "Filter failure: ICEBERG_PARTS"),
        (LIMIT, {"icebergQty": "0.5", "timeInForce": "IOC"}, -1013, "Iceberg orders must be GTC."),
        (MARKET_SELL, {"icebergQty": "0.5"}, -1106, "Parameter 'icebergQty' sent when not required."),
        (LIMIT, {"price": None}, -1102, _MANDATORY.format("price")),
        (LIMIT, {"quantity": ""}, -1102, _MANDATORY.format("quantity")),
        (
            MARKET_SELL,
            {"quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        (LIMIT, {"price": "NaN"}, -1100, "Illegal characters found in parameter 'price'; " + _LEGAL),
        (LIMIT, {"price": "1e3"}, -1100, "Illegal characters found in parameter 'price'; " + _LEGAL),
        (LIMIT, {"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'; " + _LEGAL),
        (
            LIMIT,
            {"newClientOrderId": "ä"},
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        (LIMIT, {"newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
        (LIMIT, {"price": "100.123456789"}, -1111, "Parameter 'price' has too much precision."),
        (LIMIT, {"quantity": "1.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (LIMIT, {"price": "100.001"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"price": "1000000.01"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"price": "99999999999999999999"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT, {"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"quantity": "0"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"quantity": "9000.00001"}, -1013, "Filter failure: LOT_SIZE"),
        (MARKET_SELL, {"quantity": "500.00001"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        (LIMIT, {"quantity": "0.04999"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"price": "90000", "quantity": "101"}, -1013, "Filter failure: NOTIONAL"),
        (LIMIT, {"strategyType": 5}, -1134, "strategyType was less than 1000000."),
        (LIMIT, {"strategyId": "99999999999999999999"}, -1108, "Parameter 'strategyId' overflowed."),
        (LIMIT, {"newOrderRespType": "LONG"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        (
            LIMIT,
            {"selfTradePreventionMode": "TRANSFER"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (
            LIMIT,
            {"reduceOnly": "true"},
            -1104,
            "Not all sent parameters were read; read '9' parameter(s) but was sent '10'.",
        ),
        (LIMIT, {"quantity": "10001", "price": "100"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT, {"quantity": "8000", "price": "200"}, -2010, "Account has insufficient balance for requested action."),
        (MARKET_SELL, {"quantity": "10.00001"}, -2010, "Account has insufficient balance for requested action."),
        (
            MARKET_SELL,
            {"quantity": None, "quoteOrderQty": "10"},
            -2010,
            "Order book liquidity is less than symbol minimum quantity.",
        ),
    ],
)
def test_refused_orders(venue: Any, base: dict[str, str], change: dict[str, Any], code: int, text: str) -> None:
    merged = {name: value for name, value in {**base, **change}.items() if value is not None}
    before = venue.balance("a", "USDT"), venue.balance("a", "BTC")
    api = venue.api()
    assert error(api.signed("order.place", **merged)) == (400, code, text)
    status, body = venue.signed_rest(venue.rest(), "POST", "order", **merged)
    rest_text = text.replace("'9'", "'8'").replace("'10'.", "'9'.") if code == -1104 else text
    assert (status, body) == (400, {"code": code, "msg": rest_text})
    assert (venue.balance("a", "USDT"), venue.balance("a", "BTC")) == before
    assert venue.actor.exchange.orders.open_total() == 0


def test_percent_price_is_held_to_the_last_trade(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    a.signed("order.place", **venue.limit("SELL", "100.00", "1"))
    b.signed("order.place", **venue.limit("BUY", "100.00", "1"))
    assert error(a.signed("order.place", **venue.limit("BUY", "500.01", "1"))) == (
        400,
        -1013,
        "Filter failure: PERCENT_PRICE_BY_SIDE",
    )
    assert a.signed("order.place", **venue.limit("BUY", "20.00", "1"))["status"] == 200
    assert error(a.signed("order.place", **venue.limit("BUY", "19.99", "1")))[1] == -1013


def test_too_many_open_orders(make_venue: Any, make_market: Any) -> None:
    venue = make_venue(make_market(open_orders_max=2))
    api = venue.api()
    for _ in range(2):
        assert api.signed("order.place", **venue.limit())["status"] == 200
    assert error(api.signed("order.place", **venue.limit())) == (400, -1013, "Filter failure: MAX_NUM_ORDERS")


def test_client_order_ids_are_unique_among_open_orders(venue: Any) -> None:
    api = venue.api()
    api.signed("order.place", **venue.limit(newClientOrderId="x"))
    assert error(api.signed("order.place", **venue.limit(newClientOrderId="x"))) == (
        400,
        -2010,
        "Duplicate order sent.",
    )
    cancelled = api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="x", newClientOrderId="cx")["result"]
    assert (cancelled["origClientOrderId"], cancelled["clientOrderId"]) == ("x", "cx")
    assert cancelled["status"] == "CANCELED"
    assert venue.balance("a", "USDT") == (1_000_000 * NANOS, 0)
    # the id is free again, and the cancelled order is known by the cancel's id and by its number only
    answer = api.signed("order.status", symbol="BTCUSDT", origClientOrderId="x")
    assert error(answer) == (400, -2013, "Order does not exist.")
    assert api.signed("order.status", symbol="BTCUSDT", origClientOrderId="cx")["result"]["status"] == "CANCELED"
    assert api.signed("order.status", symbol="BTCUSDT", orderId=cancelled["orderId"])["status"] == 200
    assert api.signed("order.place", **venue.limit(newClientOrderId="x"))["status"] == 200


def test_post_only_never_takes(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    b.signed("order.place", **venue.limit("SELL", "100.00", "1"))
    order = venue.limit("BUY", "100.00", "1", type="LIMIT_MAKER")
    del order["timeInForce"]
    assert error(a.signed("order.place", **order)) == (400, -2010, "Order would immediately match and take.")
    assert venue.balance("a", "USDT") == (1_000_000 * NANOS, 0)


def test_halted_symbol(venue: Any) -> None:
    venue.actor.set_trading("BTCUSDT", False)
    assert error(venue.api().signed("order.place", **venue.limit())) == (400, -2010, "Market is closed.")


def test_cancel_refusals(venue: Any) -> None:
    api = venue.api()
    placed = api.signed("order.place", **venue.limit(newClientOrderId="x"))["result"]
    unknown = (400, -2011, "Unknown order sent.")
    assert error(api.signed("order.cancel", symbol="BTCUSDT", orderId=7)) == unknown
    assert error(api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="y")) == unknown
    both = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "origClientOrderId": "y"}
    assert error(api.signed("order.cancel", **both)) == (
        400,
        -2039,
        "Client order ID is not correct for this order ID.",
    )
    neither = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    assert error(api.signed("order.cancel", symbol="BTCUSDT")) == (400, -1102, neither)
    partly = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    text = "Order was not canceled due to cancel restrictions."
    assert error(api.signed("order.cancel", **partly)) == (400, -2011, text)
    assert error(api.signed("order.cancel", **{**partly, "cancelRestrictions": "ANY"}))[1] == -1145
    # somebody else's order is not there
    assert error(venue.api("hmacB").signed("order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])) == unknown
    assert api.signed("order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])["status"] == 200
    assert error(api.signed("order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])) == unknown


def test_cancel_all(venue: Any) -> None:
    api = venue.api()
    ids = [api.signed("order.place", **venue.limit(price=f"{p}.00"))["result"]["orderId"] for p in (100, 101, 102)]
    venue.api("hmacB").signed("order.place", **venue.limit(price="90.00"))
    answer = api.signed("openOrders.cancelAll", symbol="BTCUSDT")
    assert [order["orderId"] for order in answer["result"]] == ids
    assert {order["status"] for order in answer["result"]} == {"CANCELED"}
    assert api.signed("openOrders.status")["result"] == []
    assert len(venue.api("hmacB").signed("openOrders.status", symbol="BTCUSDT")["result"]) == 1
    assert error(api.signed("openOrders.cancelAll", symbol="BTCUSDT")) == (400, -2011, "Unknown order sent.")


# -- cancel-replace ------------------------------------------------------------------------------------------------


def replace(venue: Any, mode: str, cancel_id: int, **more: Any) -> dict[str, Any]:
    return venue.limit(price="90.00", cancelReplaceMode=mode, cancelOrderId=cancel_id, **more)


def test_cancel_replace_success_and_the_id_can_be_used_again(venue: Any) -> None:
    api = venue.api()
    placed = api.signed("order.place", **venue.limit(newClientOrderId="x"))["result"]
    answer = api.signed(
        "order.cancelReplace", **replace(venue, "STOP_ON_FAILURE", placed["orderId"], newClientOrderId="x")
    )
    assert answer["status"] == 200
    result = answer["result"]
    assert (result["cancelResult"], result["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert result["cancelResponse"]["origClientOrderId"] == "x"
    assert result["newOrderResponse"]["clientOrderId"] == "x"
    assert result["newOrderResponse"]["orderId"] == placed["orderId"] + 1


@pytest.mark.parametrize(
    ("mode", "cancels", "places", "status", "code", "outcome"),
    [
        ("STOP_ON_FAILURE", False, True, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", True, False, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, False, 400, -2022, ("FAILURE", "FAILURE")),
        ("ALLOW_FAILURE", False, True, 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", True, False, 409, -2021, ("SUCCESS", "FAILURE")),
    ],
)
def test_cancel_replace_failures(
    venue: Any, mode: str, cancels: bool, places: bool, status: int, code: int, outcome: tuple[str, str]
) -> None:
    api = venue.api()
    placed = api.signed("order.place", **venue.limit())["result"]
    venue.api("hmacB").signed("order.place", **venue.limit("SELL", "200.00", "1"))
    new = replace(venue, mode, placed["orderId"] if cancels else 5)
    if not places:
        new |= {"type": "LIMIT_MAKER", "price": "200.00"}
        del new["timeInForce"]
    answer = api.signed("order.cancelReplace", **new)
    text = "Order cancel-replace partially failed." if code == -2021 else "Order cancel-replace failed."
    assert error(answer) == (status, code, text)
    data = answer["error"]["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == outcome
    if not cancels:
        assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if outcome[1] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None
    elif outcome[1] == "FAILURE":
        assert data["newOrderResponse"] == {"code": -2010, "msg": "Order would immediately match and take."}


def test_cancel_replace_over_rest_has_the_data_in_the_body(venue: Any) -> None:
    status, body = venue.signed_rest(
        venue.rest(), "POST", "order/cancelReplace", **replace(venue, "STOP_ON_FAILURE", 5)
    )
    assert status == 400
    assert body["code"] == -2022
    assert body["data"]["newOrderResult"] == "NOT_ATTEMPTED"


# -- amend ---------------------------------------------------------------------------------------------------------


def test_amend_reduces_in_place(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    first = a.signed("order.place", **venue.limit("SELL", "100.00", "2", newClientOrderId="x"))["result"]
    other = b.signed("order.place", **venue.limit("SELL", "100.00", "1"))["result"]
    answer = a.signed("order.amend.keepPriority", symbol="BTCUSDT", orderId=first["orderId"], newQty="0.5")
    amended = answer["result"]["amendedOrder"]
    assert (amended["origClientOrderId"], amended["qty"], amended["status"]) == ("x", "0.50000000", "NEW")
    assert amended["clientOrderId"] != "x"
    assert answer["result"]["executionId"] > 0
    assert venue.balance("a", "BTC") == (9_500_000_000, 500_000_000)
    # it kept its place: a taker of 0.5 meets it, not the other one
    b.signed("order.place", **venue.limit("BUY", "100.00", "0.5", selfTradePreventionMode="EXPIRE_MAKER"))
    assert a.signed("order.status", symbol="BTCUSDT", orderId=first["orderId"])["result"]["status"] == "FILLED"
    assert b.signed("order.status", symbol="BTCUSDT", orderId=other["orderId"])["result"]["status"] == "NEW"


@pytest.mark.parametrize(
    ("new_quantity", "code", "text"),
    [
        ("2", -2038, "The requested action would change no state; rejecting"),
        ("3", -2038, "Order amend (quantity increase) is not supported."),
        ("0", -1013, "Filter failure: LOT_SIZE"),
        ("0.01", -1013, "Filter failure: NOTIONAL"),
    ],
)
def test_amend_refusals(venue: Any, new_quantity: str, code: int, text: str) -> None:
    api = venue.api()
    order_id = api.signed("order.place", **venue.limit(quantity="2"))["result"]["orderId"]
    answer = api.signed("order.amend.keepPriority", symbol="BTCUSDT", orderId=order_id, newQty=new_quantity)
    assert error(answer) == (400, code, text)
    unknown = api.signed("order.amend.keepPriority", symbol="BTCUSDT", orderId=1, newQty="1")
    assert error(unknown) == (400, -2038, "Unknown order sent.")


def test_amend_to_what_is_executed_ends_the_order(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    order_id = a.signed("order.place", **venue.limit("SELL", "100.00", "2"))["result"]["orderId"]
    b.signed("order.place", **venue.limit("BUY", "100.00", "1"))
    answer = a.signed("order.amend.keepPriority", symbol="BTCUSDT", orderId=order_id, newQty="1")
    assert answer["result"]["amendedOrder"]["status"] == "EXPIRED"
    assert venue.balance("a", "BTC") == (9 * NANOS, 0)


# -- market orders -------------------------------------------------------------------------------------------------


def test_market_buy_by_quote_quantity_spends_at_most_that(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    b.signed("order.place", **venue.limit("SELL", "100.00", "1"))
    b.signed("order.place", **venue.limit("SELL", "110.00", "1"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "155"}
    result = a.signed("order.place", **order)["result"]
    assert (result["status"], result["executedQty"]) == ("FILLED", "1.50000000")
    assert (result["cummulativeQuoteQty"], result["origQuoteOrderQty"]) == ("155.00000000", "155.00000000")
    assert venue.balance("a", "USDT") == (999_845 * NANOS, 0)


def test_market_order_that_finds_too_little_expires(venue: Any) -> None:
    a, b = venue.api(), venue.api("hmacB")
    b.signed("order.place", **venue.limit("BUY", "100.00", "1"))
    result = a.signed("order.place", **{**MARKET_SELL, "quantity": "3"})["result"]
    assert (result["status"], result["executedQty"]) == ("EXPIRED", "1.00000000")
    assert result["expiryReason"] == "INSUFFICIENT_LIQUIDITY"
    assert result["timeInForce"] == "GTC"
    assert venue.balance("a", "BTC") == (9 * NANOS, 0)


def test_market_buy_with_all_the_money_never_overdraws(make_venue: Any, make_market: Any) -> None:
    venue = make_venue(make_market(market_quantity_lots_max=0))
    a, b = venue.api(), venue.api("hmacB")
    b.signed("order.place", **venue.limit("SELL", "90000.00", "5"))
    b.signed("order.place", **venue.limit("SELL", "110000.00", "5"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "10"}
    result = a.signed("order.place", **order)["result"]
    # exactly affordable on average, but not all of it at the worst price: what cannot be sure of its funds expires
    assert result["status"] == "EXPIRED"
    assert result["executedQty"] == "9.09090000"
    free, locked = venue.balance("a", "USDT")
    assert free >= 0
    assert locked == 0


@pytest.mark.parametrize(
    ("time_in_force", "executed", "reason"),
    [("IOC", "1.00000000", "UNFILLED_IOC_QUANTITY_EXPIRED"), ("FOK", "0.00000000", "UNFILLED_FOK_ORDER_EXPIRED")],
)
def test_immediate_orders_expire(venue: Any, time_in_force: str, executed: str, reason: str) -> None:
    a, b = venue.api(), venue.api("hmacB")
    b.signed("order.place", **venue.limit("SELL", "100.00", "1"))
    result = a.signed("order.place", **venue.limit("BUY", "100.00", "2", timeInForce=time_in_force))["result"]
    assert (result["status"], result["executedQty"], result["expiryReason"]) == ("EXPIRED", executed, reason)
    assert venue.balance("a", "USDT")[1] == 0


def test_order_test_checks_and_places_nothing(venue: Any) -> None:
    api = venue.api()
    assert api.signed("order.test", **venue.limit())["result"] == {}
    assert error(api.signed("order.test", **venue.limit(price="0.001")))[1] == -1013
    rates = api.signed("order.test", **venue.limit(computeCommissionRates=True))["result"]
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00200000"}
    assert venue.actor.exchange.orders_placed == 0


def test_an_account_without_trading_rights(venue: Any) -> None:
    venue.actor.exchange.accounts["a"].can_trade = False
    text = "This account may not place or cancel orders."
    assert error(venue.api().signed("order.place", **venue.limit())) == (400, -2010, text)


def test_cancel_replace_needs_an_order_to_cancel(venue: Any) -> None:
    answer = venue.api().signed("order.cancelReplace", **venue.limit(cancelReplaceMode="ALLOW_FAILURE"))
    text = "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!"
    assert error(answer) == (400, -1102, text)
    assert venue.actor.exchange.orders_placed == 0
