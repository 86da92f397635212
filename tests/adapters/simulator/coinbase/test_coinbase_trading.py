"""Orders at the simulated Coinbase: every configuration, edits, cancels, what is refused, and who is told."""

from typing import Any

import pytest

from engine.codes import Side
from engine.instrument import NANOS

LOT = 10**8
INSUFFICIENT = ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND")
SOON, PAST, LATER = "2023-11-14T22:15:00Z", "2023-11-14T22:00:00Z", "2024-11-14T22:15:00Z"  # the clock begins at 22:14


# -- placing ---------------------------------------------------------------------------------------------------------


def test_the_life_of_a_limit_order(venue: Any) -> None:
    client = venue.socket().follow_orders()
    order_id = venue.limit("BUY", "100.00", "2", post_only=True)
    assert venue.balance("a", "USD") == (999_798_800_000_000, 201_200_000_000)  # 200 and 0.6 % of it
    assert client.states() == [("PENDING", "0"), ("OPEN", "0")]
    venue.others(Side.SELL, 10_000, LOT // 2, ioc=True)
    seen = venue.seen(order_id)
    assert (seen["status"], seen["filled_size"], seen["average_filled_price"]) == ("OPEN", "0.5", "100")
    assert (seen["total_fees"], seen["number_of_fills"], seen["completion_percentage"]) == ("0.2", "1", "25.00")
    assert seen["order_configuration"] == {
        "limit_limit_gtc": {"base_size": "2", "limit_price": "100.00", "post_only": True}
    }
    (fill,) = venue.fills(order_ids=order_id)
    assert (fill["size"], fill["price"], fill["commission"], fill["liquidity_indicator"]) == (
        "0.5",
        "100",
        "0.2",
        "MAKER",
    )
    assert venue.cancel(order_id) == [""]
    venue.host.advance(1)
    assert venue.seen(order_id)["status"] == "CANCELLED"
    assert venue.balance("a", "USD") == (999_949_800_000_000, 0)


def test_the_user_channel_tells_states_one_after_the_other(make_venue: Any) -> None:
    venue = make_venue(queue_ns=1_000)
    client = venue.socket()
    client.subscribe("user", signed=True)
    assert client.take("user") == []  # an empty last batch came with the answer
    order_id = venue.limit("SELL", "100", "2")
    client.kept.clear()
    venue.host.advance(1)
    assert venue.edit(order_id, "101", "3") == ("", "")
    told = client.orders()
    assert [(each["status"], each["limit_price"]) for each in told][-1] == ("EDIT_QUEUED", "100")
    venue.host.advance(1_000)
    assert [(each["status"], each["limit_price"], each["leaves_quantity"]) for each in client.orders()] == [
        ("OPEN", "101", "3")
    ]
    venue.cancel(order_id)
    venue.host.advance(1_000)
    told = client.orders()
    assert [each["status"] for each in told] == ["CANCEL_QUEUED", "CANCELLED"]
    assert told[-1]["leaves_quantity"] == "0"
    assert told[-1]["cancel_reason"] == "User requested cancel"


@pytest.mark.parametrize(
    ("kind", "shape", "status", "filled", "reason"),
    [
        ("market_market_ioc", {"base_size": "1"}, "FILLED", "1", ""),
        ("market_market_ioc", {"base_size": "3"}, "CANCELLED", "2", "104: Price Bound Order Protection"),
        ("sor_limit_ioc", {"base_size": "3", "limit_price": "100"}, "CANCELLED", "1", "101: Time In Force"),
        ("limit_limit_fok", {"base_size": "2", "limit_price": "100"}, "CANCELLED", "0", "101: Time In Force"),
        ("limit_limit_fok", {"base_size": "2", "limit_price": "109"}, "FILLED", "2", ""),
        ("limit_limit_gtc", {"base_size": "3", "limit_price": "109"}, "OPEN", "2", ""),
        ("limit_limit_gtd", {"base_size": "3", "limit_price": "109", "end_time": SOON}, "OPEN", "2", ""),
    ],
)
def test_every_kind_that_meets_the_book(
    venue: Any, kind: str, shape: dict[str, str], status: str, filled: str, reason: str
) -> None:
    for price in (10_000, 10_900, 11_100):  # the last one is beyond the price protection
        venue.others(Side.SELL, price, LOT)
    order_id = venue.created(venue.order("BUY", kind, **shape))
    seen = venue.seen(order_id)
    assert (seen["status"], seen["filled_size"], seen["cancel_message"]) == (status, filled, reason)
    assert len(venue.fills(order_ids=order_id)) == int(filled)


def test_a_market_order_by_amount_spends_the_amount_and_no_more(venue: Any) -> None:
    venue.others(Side.SELL, 10_000, 10 * LOT)
    order_id = venue.created(venue.order("BUY", "market_market_ioc", quote_size="100.60"))
    seen = venue.seen(order_id)
    assert (seen["status"], seen["filled_size"], seen["size_in_quote"]) == ("FILLED", "1", True)
    assert (seen["size_inclusive_of_fees"], seen["total_value_after_fees"]) == (True, "100.6")
    (fill,) = venue.fills(order_ids=order_id)
    assert (fill["size_in_quote"], fill["size"]) == (True, "100")


def test_a_gtd_order_expires(venue: Any) -> None:
    client = venue.socket().follow_orders()
    order_id = venue.created(
        venue.order("BUY", "limit_limit_gtd", base_size="1", limit_price="50", end_time="2023-11-14T22:14:10Z")
    )
    venue.host.advance(11 * NANOS)
    assert venue.seen(order_id)["status"] == "EXPIRED"
    assert client.orders()[-1]["status"] == "EXPIRED"


def test_the_same_client_order_id_gives_the_order_that_has_it(venue: Any) -> None:
    order = venue.order("BUY", base_size="1", limit_price="50")
    first = venue.created(order)
    assert venue.created(order) == first
    other = {**venue.order("SELL", base_size="2", limit_price="150"), "client_order_id": order["client_order_id"]}
    assert venue.created(other) == first
    assert venue.created(order, "keyB") != first
    assert len(venue.ok(venue.get("orders/historical/batch"))["orders"]) == 1


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "kind", "shape", "expected"),
    [
        ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "100.001"}, "INVALID_PRICE_PRECISION"),
        ("BUY", "limit_limit_gtc", {"base_size": "0.000000001", "limit_price": "9"}, "INVALID_SIZE_PRECISION"),
        ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "0"}, "INVALID_LIMIT_PRICE"),
        ("BUY", "limit_limit_gtc", {"base_size": "1"}, "INVALID_LIMIT_PRICE"),
        ("BUY", "limit_limit_gtc", {"base_size": "1", "limit_price": "200", "post_only": True}, "_POST_ONLY"),
        ("BUY", "limit_limit_gtc", {"base_size": "3000", "limit_price": "400"}, "INSUFFICIENT_FUND"),
        ("SELL", "limit_limit_gtc", {"base_size": "10.1", "limit_price": "100"}, "INSUFFICIENT_FUND"),
        ("BUY", "limit_limit_gtc", {"base_size": "0", "limit_price": "100"}, "BASE_SIZE_TOO_SMALL"),
        ("BUY", "limit_limit_gtc", {"base_size": "3401", "limit_price": "100"}, "BASE_SIZE_TOO_LARGE"),
        ("BUY", "limit_limit_gtc", {"base_size": "0.00999999", "limit_price": "100"}, "QUOTE_SIZE_TOO_SMALL"),
        ("BUY", "market_market_ioc", {"quote_size": "0.99"}, "QUOTE_SIZE_TOO_SMALL"),
        ("BUY", "market_market_ioc", {"quote_size": "10.001"}, "QUOTE_SIZE_PRECISION"),
        ("BUY", "market_market_ioc", {"quote_size": "10", "base_size": "1"}, "ORDER_CONFIG"),
        ("SELL", "market_market_ioc", {"quote_size": "10"}, "ORDER_CONFIG"),
        ("SELL", "market_market_ioc", {"base_size": "1"}, "INVALID_NO_LIQUIDITY"),
        ("BUY", "market_market_fok", {"base_size": "1"}, "ORDER_CONFIG"),
        ("BUY", "twap_limit_gtd", {"base_size": "1", "number_buckets": "5"}, "ORDER_CONFIG"),
        ("BUY", "scaled_limit_gtc", {"base_size": "1"}, "ORDER_CONFIG"),
        ("BUY", "limit_limit_gtd", {"base_size": "1", "limit_price": "9"}, "GTD_ORDERS_MUST_HAVE_END_TIME"),
        ("BUY", "limit_limit_gtd", {"base_size": "1", "limit_price": "9", "end_time": PAST}, "IS_IN_THE_PAST"),
        ("BUY", "limit_limit_gtd", {"base_size": "1", "limit_price": "9", "end_time": LATER}, "TOO_FAR_IN_FUTURE"),
        ("", "limit_limit_gtc", {"base_size": "1", "limit_price": "100"}, "INVALID_SIDE"),
    ],
)
def test_what_is_refused_and_why(venue: Any, side: str, kind: str, shape: dict[str, Any], expected: str) -> None:
    venue.others(Side.SELL, 20_000, LOT)
    before = venue.balance("a", "USD"), venue.balance("a", "BTC")
    error, preview = venue.refusal(venue.order(side, kind, **shape))
    assert expected in preview
    assert error == "UNKNOWN_FAILURE_REASON" or preview in (f"PREVIEW_{error}", "PREVIEW_INVALID_ORDER_CONFIG")
    assert (venue.balance("a", "USD"), venue.balance("a", "BTC")) == before
    assert venue.ok(venue.get("orders/historical/batch"))["orders"] == []


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"max_floor": "1"}, 'unknown field "max_floor"'),
        ({"side": "LONG"}, 'invalid value for enum field side: "LONG"'),
        ({"product_id": 7}, "invalid value for string field product_id: 7"),
        ({"client_order_id": ""}, "client_order_id must have 1 to 128 characters"),
        ({"client_order_id": "x" * 129}, "client_order_id must have 1 to 128 characters"),
        ({"order_configuration": []}, "syntax error"),
        ({"order_configuration": {"limit_limit_gtx": {}}}, 'unknown field "limit_limit_gtx"'),
        ({"order_configuration": {"limit_limit_gtc": {"price": "1"}}}, 'unknown field "price"'),
        ({"order_configuration": {"sor_limit_ioc": {}, "limit_limit_gtc": {}}}, "oneof is already set"),
        ({"order_configuration": {"limit_limit_gtc": {"post_only": "yes"}}}, "invalid value for bool field post_only"),
        ({"order_configuration": {"limit_limit_gtc": {"limit_price": "1e3"}}}, "field limit_price"),
        ({"order_configuration": {"limit_limit_gtc": {"limit_price": 5}}}, "field limit_price"),
    ],
)
def test_what_is_no_order_is_a_bad_request(venue: Any, change: dict[str, Any], details: str) -> None:
    status, answer = venue.post("orders", {**venue.order(base_size="1", limit_price="100"), **change})
    assert status == 400
    assert details in answer["error_details"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"order_ids":7}', b'{"order_ids":[]}'])
@pytest.mark.parametrize("name", ["orders", "orders/edit", "orders/batch_cancel", "orders/preview"])
def test_bodies_that_are_nothing(venue: Any, name: str, body: bytes) -> None:
    assert venue.post(name, body)[0] == 400


def test_an_unknown_product_a_halt_and_too_many_orders(make_venue: Any) -> None:
    venue = make_venue(open_orders_per_product=2)
    client = venue.socket().follow_orders()
    order = venue.order(base_size="1", limit_price="100")
    assert venue.refusal({**order, "product_id": "NOPE-USD"})[0] == "INVALID_PRODUCT_ID"
    venue.actor.set_trading("BTC-USD", False, venue.host.now_ns)
    assert venue.refusal(order)[0] == "PRODUCT_TRADING_HALTED"
    venue.actor.set_trading("BTC-USD", True, venue.host.now_ns)
    for _ in range(2):
        venue.limit("BUY", "50", "1")
    client.orders()
    failed = venue.limit("BUY", "50", "1")  # taken, and then it fails
    assert [(each["status"], each["reject_reason"]) for each in client.orders()] == [
        ("PENDING", ""),
        ("FAILED", "TOO_MANY_OPEN_ORDERS"),
    ]
    assert (venue.seen(failed)["status"], venue.seen(failed)["reject_reason"]) == ("FAILED", "TOO_MANY_OPEN_ORDERS")


# -- triggers --------------------------------------------------------------------------------------------------------


def test_a_stop_limit_waits_for_the_last_trade_with_its_money_held(venue: Any) -> None:
    client = venue.socket().follow_orders()
    shape = {"base_size": "2", "limit_price": "99", "stop_price": "100", "stop_direction": "STOP_DIRECTION_STOP_DOWN"}
    venue.trade(10_500, LOT)
    order_id = venue.created(venue.order("SELL", "stop_limit_stop_limit_gtc", **shape))
    assert venue.balance("a", "BTC")[1] == 2 * NANOS
    assert venue.market.best() == (0, 0, 0, 0)
    assert client.orders()[-1]["trigger_status"] == "STOP_PENDING"
    venue.trade(10_001, LOT)
    assert venue.market.best() == (0, 0, 0, 0)
    venue.trade(9_950, LOT)
    assert venue.market.best() == (0, 0, 9_900, 2 * LOT)
    seen = venue.seen(order_id)
    assert (seen["status"], seen["order_type"], seen["trigger_status"]) == ("OPEN", "STOP_LIMIT", "STOP_TRIGGERED")
    venue.others(Side.BUY, 9_900, 2 * LOT, ioc=True)
    assert client.orders()[-1]["status"] == "FILLED"
    assert venue.balance("a", "BTC") == (8 * NANOS, 0)


def test_a_stop_that_waits_can_be_cancelled_and_not_edited(venue: Any) -> None:
    shape = {"base_size": "2", "limit_price": "111", "stop_price": "110", "stop_direction": "STOP_DIRECTION_STOP_UP"}
    order_id = venue.created(venue.order("BUY", "stop_limit_stop_limit_gtd", end_time=SOON, **shape))
    assert venue.edit(order_id, "110", "1")[0] == "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
    venue.cancel(order_id)
    venue.host.advance(1)
    assert venue.seen(order_id)["status"] == "CANCELLED"
    assert venue.balance("a", "USD")[1] == 0
    venue.trade(11_100, LOT)
    assert venue.market.best() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"stop_price": "120", "stop_direction": "STOP_DIRECTION_STOP_DOWN"}, "STOP_PRICE_ABOVE_LAST_TRADE_PRICE"),
        ({"stop_price": "90", "stop_direction": "STOP_DIRECTION_STOP_UP"}, "STOP_PRICE_BELOW_LAST_TRADE_PRICE"),
        ({"stop_price": "0", "stop_direction": "STOP_DIRECTION_STOP_UP"}, "INVALID_STOP_PRICE"),
        ({"stop_price": "120"}, "INVALID_ORDER_CONFIG"),
    ],
)
def test_stops_that_would_not_wait_are_refused(venue: Any, shape: dict[str, str], expected: str) -> None:
    venue.market.engine.last_trade_ticks = 10_000
    order = venue.order("SELL", "stop_limit_stop_limit_gtc", base_size="1", limit_price="100", **shape)
    assert expected in venue.refusal(order)[1]


def test_a_bracket_takes_its_profit_at_its_limit(venue: Any) -> None:
    order = venue.order("SELL", "trigger_bracket_gtc", base_size="1", limit_price="120", stop_trigger_price="100")
    order_id = venue.created(order)
    assert venue.market.best() == (0, 0, 12_000, LOT)
    venue.others(Side.BUY, 12_000, LOT, ioc=True)
    assert (venue.seen(order_id)["status"], venue.seen(order_id)["trigger_status"]) == ("FILLED", "STOP_PENDING")


@pytest.mark.parametrize(
    ("side", "limit", "stop", "sent"), [("SELL", "120", "100", 9_500), ("BUY", "80", "100", 10_500)]
)
def test_a_bracket_stops_its_loss_with_a_limit_beyond_its_trigger(
    venue: Any, side: str, limit: str, stop: str, sent: int
) -> None:
    order = venue.order(side, "trigger_bracket_gtc", base_size="1", limit_price=limit, stop_trigger_price=stop)
    order_id = venue.created(order)
    venue.trade(10_000, LOT)
    bid, _, ask, _ = venue.market.best()
    assert sent in (bid, ask)
    assert venue.seen(order_id)["trigger_status"] == "STOP_TRIGGERED"
    assert venue.actor.exchange.orders.open("a")[0].locked_nanos == sum(
        venue.balance("a", "BTC" if side == "SELL" else "USD")[1:]
    )


def test_one_trigger_sets_off_the_next(venue: Any) -> None:
    venue.others(Side.BUY, 9_000, LOT)
    for stop in ("100", "90"):
        shape = {
            "base_size": "1",
            "limit_price": "80",
            "stop_price": stop,
            "stop_direction": "STOP_DIRECTION_STOP_DOWN",
        }
        venue.created(venue.order("SELL", "stop_limit_stop_limit_gtc", **shape))
    venue.trade(10_000, LOT)
    assert venue.balance("a", "BTC") == (8 * NANOS, NANOS)  # one sold at 90, the other now offered at 80
    assert venue.market.best() == (0, 0, 8_000, LOT)


# -- edits and cancels -------------------------------------------------------------------------------------------------


def test_edits_keep_the_order_and_are_remembered(venue: Any) -> None:
    order_id = venue.limit("BUY", "100", "2")
    venue.others(Side.SELL, 10_000, LOT // 2, ioc=True)
    for price in range(101, 108):
        assert venue.edit(order_id, str(price), "2.5") == ("", "")
        venue.host.advance(1_000)
    seen = venue.seen(order_id)
    assert [each["price"] for each in seen["edit_history"]] == ["103", "104", "105", "106", "107"]
    assert {each["size"] for each in seen["edit_history"]} == {"2.5"}
    assert (seen["filled_size"], seen["workable_size"]) == ("0.5", "2")
    assert seen["order_configuration"] == {"limit_limit_gtc": {"base_size": "2", "limit_price": "100"}}
    assert venue.market.best()[:2] == (10_700, 2 * LOT)


def test_less_at_the_same_price_keeps_the_place_in_the_queue(venue: Any) -> None:
    first, second = venue.limit("BUY", "100", "2"), venue.limit("BUY", "100", "2", "keyB")
    venue.edit(first, "100", "1")
    venue.host.advance(1)
    venue.others(Side.SELL, 10_000, LOT, ioc=True)
    assert (venue.seen(first)["status"], venue.seen(second, "keyB")["filled_size"]) == ("FILLED", "0")


@pytest.mark.parametrize(
    ("price", "size", "expected"),
    [
        ("100", "2", "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
        ("100.00", "2.0", "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"),
        ("", "3", "INVALID_EDITED_PRICE"),
        ("100", "", "INVALID_EDITED_SIZE"),
        ("100.001", "3", "INVALID_EDITED_PRICE"),
        ("100", "0.5", "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
        ("100", "0.4", "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"),
        ("120", "2", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        ("100", "3000", "PREVIEW_INSUFFICIENT_FUND"),
    ],
)
def test_edits_that_are_refused(venue: Any, price: str, size: str, expected: str) -> None:
    order_id = venue.limit("BUY", "100", "2", post_only=True)
    venue.others(Side.SELL, 10_000, LOT // 2, ioc=True)
    for _ in range(3):
        venue.limit("BUY", "99", "3000")
    venue.others(Side.SELL, 12_000, LOT)
    assert expected in venue.edit(order_id, price, size)
    body = {"order_id": order_id, "price": price, "size": size}
    (error,) = venue.ok(venue.post("orders/edit_preview", body))["errors"]
    assert expected in error.values()
    assert venue.seen(order_id)["status"] == "OPEN"


def test_what_cannot_be_edited_or_cancelled(make_venue: Any) -> None:
    venue = make_venue(queue_ns=NANOS, private_per_second=10_000)
    order_id, other = venue.limit("BUY", "100", "2"), venue.limit("BUY", "90", "2", "keyB")
    assert venue.edit(other, "91", "2")[0] == venue.edit("x", "91", "2")[0] == "ORDER_NOT_FOUND"
    assert venue.cancel(other, "x") == ["UNKNOWN_CANCEL_ORDER"] * 2
    assert venue.edit(order_id, "101", "2") == ("", "")
    assert venue.seen(order_id)["current_pending_replace"] == {"price": "101", "size": "2"}
    assert venue.edit(order_id, "102", "2")[0] == "ORDER_IS_ALREADY_BEING_REPLACED"
    assert venue.cancel(order_id) == ["ORDER_IS_BEING_REPLACED"]
    venue.host.advance(NANOS)
    assert venue.cancel(order_id, order_id) == ["", "DUPLICATE_CANCEL_REQUEST"]
    assert venue.edit(order_id, "102", "2")[0] == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    venue.others(Side.SELL, 10_100, 2 * LOT, ioc=True)  # it can fill until the engine gets to the cancel
    assert venue.cancel(order_id) == ["ORDER_IS_FULLY_FILLED"]
    assert venue.edit(order_id, "102", "2")[0] == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    by_amount = venue.created(venue.order("BUY", quote_size="10.00", limit_price="50"))
    assert venue.edit(by_amount, "51", "1")[0] == "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED"
    assert venue.post("orders/batch_cancel", {"order_ids": ["x"] * 101})[0] == 400


def test_an_edit_that_has_become_impossible_leaves_the_order_as_it_was(make_venue: Any) -> None:
    venue = make_venue(queue_ns=NANOS)
    client = venue.socket().follow_orders()
    order_id = venue.limit("BUY", "100", "2", post_only=True)
    venue.edit(order_id, "101", "1")
    venue.others(Side.SELL, 10_000, LOT, ioc=True)  # its new size is filled before it takes place
    venue.host.advance(NANOS)
    venue.edit(order_id, "105", "3")
    venue.others(Side.SELL, 10_400, LOT)  # it would take now
    venue.host.advance(NANOS)
    seen = venue.seen(order_id)
    assert (seen["status"], seen["filled_size"], seen["edit_history"]) == ("OPEN", "1", [])
    last = client.orders()[-1]
    assert (last["status"], last["limit_price"], last["leaves_quantity"]) == ("OPEN", "100", "1")


def test_a_filled_order_ends_its_edit(make_venue: Any) -> None:
    venue = make_venue(queue_ns=NANOS)
    order_id = venue.limit("BUY", "100", "1")
    venue.edit(order_id, "101", "2")
    venue.others(Side.SELL, 10_000, LOT, ioc=True)
    assert venue.seen(order_id)["status"] == "FILLED"
    venue.host.advance(NANOS)
    assert venue.seen(order_id)["current_pending_replace"] is None


def test_self_trade_prevention_takes_from_both(venue: Any) -> None:
    maker = venue.limit("SELL", "100", "3")
    taker = venue.created(venue.order("BUY", "sor_limit_ioc", base_size="1", limit_price="100"))
    seen = venue.seen(taker)
    assert (seen["status"], seen["filled_size"], seen["cancel_message"]) == (
        "CANCELLED",
        "0",
        "102: Self Trade Prevention",
    )
    assert (venue.seen(maker)["status"], venue.seen(maker)["workable_size"]) == ("OPEN", "2")
    venue.others(Side.BUY, 10_000, 2 * LOT, ioc=True)
    assert (venue.seen(maker)["status"], venue.seen(maker)["filled_size"]) == ("CANCELLED", "2")


def test_fills_and_edits_never_share_a_time(venue: Any) -> None:
    order_id = venue.limit("BUY", "100", "4")
    for price in (10_100, 10_200, 10_300):
        venue.others(Side.SELL, price - 100, LOT // 10, ioc=True)
        venue.edit(order_id, str(price // 100), "4")
        venue.actor.on_timer("due", venue.host.now_ns)
    times = [each["trade_time"] for each in venue.fills()]
    times += [each["replace_accept_timestamp"] for each in venue.seen(order_id)["edit_history"]]
    assert len(set(times)) == 6


# -- previews ----------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_an_order_would_cost_and_places_nothing(venue: Any) -> None:
    venue.others(Side.SELL, 10_000, LOT)
    venue.others(Side.SELL, 10_200, LOT)
    order = venue.order("BUY", "market_market_ioc", base_size="2")
    del order["client_order_id"]
    preview = venue.ok(venue.post("orders/preview", order))
    assert (preview["errs"], preview["quote_size"], preview["base_size"]) == ([], "202", "2")
    assert (preview["commission_total"], preview["order_total"], preview["slippage"]) == ("1.212", "203.212", "0.01")
    assert venue.balance("a", "USD")[1] == 0
    order["order_configuration"] = {"limit_limit_gtc": {"base_size": "99999", "limit_price": "1", "post_only": True}}
    assert venue.ok(venue.post("orders/preview", order))["errs"] == ["PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"]
    order["order_configuration"] = {"limit_limit_gtc": {"base_size": "3000", "limit_price": "900", "post_only": True}}
    assert venue.ok(venue.post("orders/preview", order))["errs"] == [
        "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
        "PREVIEW_INSUFFICIENT_FUND",
    ]


def test_the_preview_of_an_edit_is_of_what_is_left(venue: Any) -> None:
    order_id = venue.limit("BUY", "100", "2")
    venue.others(Side.SELL, 10_000, LOT, ioc=True)
    preview = venue.ok(venue.post("orders/edit_preview", {"order_id": order_id, "price": "90", "size": "3"}))
    assert (preview["errors"], preview["quote_size"], preview["base_size"]) == ([], "180", "2")
    assert (preview["commission_total"], preview["average_filled_price"]) == ("0.72", "100")
    assert venue.seen(order_id)["edit_history"] == []
