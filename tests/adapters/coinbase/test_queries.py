"""What the engine asks about orders and trades."""

from typing import Any

import pytest

from adapters.coinbase.times import time_text
from engine.codes import OrderStatus, Side
from engine.order import Order
from engine.venue import (
    OpenOrdersListed,
    OrderAccepted,
    OrderFilled,
    OrderNotFound,
    OrderReplaced,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    TradesListed,
)

#: ``conftest.Host``.
Host = Any
MS, SECOND = 1_000_000, 1_000_000_000
SHAPE = {"limit_limit_gtc": {"base_size": "1", "limit_price": "10.00"}}


def asked(host: Host, what: str, *args: Any) -> list[Any]:
    getattr(host.session, what)(*args, host.now_ns)
    host.run()
    host.advance(SECOND)
    events: list[Any] = host.take()
    return events


def edited(host: Host, order_id: str, *sizes: str) -> None:
    for size in sizes:
        made = {"price": "9.00", "size": size, "replace_accept_timestamp": time_text(host.venue.time_ns())}
        host.venue.orders[order_id]["edit_history"].append(made)
        host.advance(MS)


def named(host: Host, name: str, order_id: str, **changes: Any) -> Order:
    order: Order = host.order(name, **changes)
    order.order_id = order_id
    return order


# -- one order -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "filled", "status"),
    [
        ("PENDING", "0", OrderStatus.NEW),
        ("QUEUED", "0", OrderStatus.NEW),
        ("OPEN", "0", OrderStatus.NEW),
        ("OPEN", "0.5", OrderStatus.PARTIALLY_FILLED),
        ("CANCEL_QUEUED", "0", OrderStatus.PENDING_CANCEL),
        ("FILLED", "1", OrderStatus.FILLED),
        ("CANCELLED", "0.5", OrderStatus.CANCELLED),
        ("EXPIRED", "0", OrderStatus.EXPIRED),
        ("FAILED", "0", OrderStatus.REJECTED),
        ("UNKNOWN_ORDER_STATUS", "0", OrderStatus.PENDING_NEW),
    ],
)
def test_an_order_of_an_earlier_life_by_its_id(live: Host, state: str, filled: str, status: OrderStatus) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE, status=state, filled_size=filled)
    seen = [each for each in asked(live, "query_order", named(live, "a-1", "old")) if isinstance(each, OrderSeen)]
    assert seen[-1] == OrderSeen("a-1", "old", status, 100_000, int(float(filled) * 100_000), seen[-1].venue_time_ns)


def test_an_order_that_was_taken_and_failed_later_has_expired(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE, status="FAILED")
    order = named(live, "a-1", "old")
    order.accepted = True
    assert [each.status for each in asked(live, "query_order", order) if isinstance(each, OrderSeen)] == [
        OrderStatus.EXPIRED
    ]


def test_an_order_without_an_id_is_looked_for_by_name_over_all_pages(live: Host) -> None:
    for number in range(600):
        live.venue.add_order(f"o-{number}", f"x-{number}", "BTC-USD", "BUY", SHAPE)
    events = asked(live, "query_order", live.order("x-555"))
    assert [each.order_id for each in events if isinstance(each, OrderSeen)] == ["o-555"]
    assert asked(live, "query_order", live.order("y-1")) == [OrderNotFound("y-1", pytest.approx(0, abs=2**62))]


def test_an_id_that_the_venue_does_not_know_is_not_found(live: Host) -> None:
    events = asked(live, "query_order", named(live, "a-1", "nowhere"))
    assert [type(each) for each in events] == [OrderNotFound]


@pytest.mark.parametrize("path", ["/orders/historical/old", "/orders/historical/batch"])
def test_a_failure_is_told_a_little_later(live: Host, path: str) -> None:
    live.venue.rules[path] = lambda params: (503, b"")
    order = named(live, "a-1", "old") if path.endswith("old") else live.order("a-1")
    live.session.query_order(order, live.now_ns)
    live.run()
    assert live.take() == []
    live.advance(SECOND)
    assert [type(each) for each in live.take()] == [QueryFailed]


# -- edits of an earlier life ----------------------------------------------------------------------------------


def test_an_edited_order_is_listed_without_a_name_and_learnt_by_asking(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE)
    live.venue.fill("old", "0.3")
    live.advance(MS)
    edited(live, "old", "0.8")
    live.venue.fill("old", "0.1", price="9.00")
    live.venue.orders["old"]["filled_size"] = "0.4"
    (listed,) = [each for each in asked(live, "query_open_orders", 7) if isinstance(each, OpenOrdersListed)]
    (order,) = listed.orders
    assert (order.client_order_id, order.order_id) == ("", "old/1")
    assert (order.quantity_lots, order.cum_lots, order.price_ticks) == (50_000, 10_000, 900)
    live.venue.tell("old", filled="0.4")
    assert live.take() == []  # nobody knows whose it is
    events = asked(live, "query_order", named(live, "a-2", "old/1", quantity_lots=50_000, price_ticks=900))
    seen = [each for each in events if isinstance(each, OrderSeen)][-1]
    assert (seen.status, seen.quantity_lots, seen.cum_lots) == (OrderStatus.PARTIALLY_FILLED, 50_000, 10_000)
    live.venue.fill("old", "0.2", price="9.00")
    live.venue.tell("old", filled="0.6")
    told = [each for each in live.take() if isinstance(each, OrderFilled)]
    assert [(each.client_order_id, each.order_id, each.last_lots) for each in told] == [("a-2", "old/1", 20_000)]


def test_what_an_edit_of_an_earlier_life_replaced_is_seen_as_replaced(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE)
    live.venue.fill("old", "0.3")
    live.venue.orders["old"]["filled_size"] = "0.3"
    live.advance(MS)
    edited(live, "old", "0.8")
    events = asked(live, "query_order", named(live, "a-1", "old"))
    seen = [each for each in events if isinstance(each, OrderSeen)][-1]
    assert (seen.client_order_id, seen.status, seen.cum_lots) == ("a-1", OrderStatus.REPLACED, 30_000)


def test_a_replacement_of_an_earlier_life_is_found_through_its_original(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE)
    live.advance(MS)
    edited(live, "old", "0.5")
    orig = named(live, "a-1", "old")
    asked(live, "query_order", orig)
    new = live.replacement(orig)
    events = asked(live, "query_order", new)
    assert [type(each) for each in events] == [OrderReplaced, OrderAccepted, OrderSeen]
    assert events[1].order_id == events[2].order_id == "old/1"


def test_a_replacement_that_never_came_to_be_is_not_found(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE)
    events = asked(live, "query_order", live.replacement(live.order("a-1")))
    assert [(type(each), each.client_order_id) for each in events] == [(OrderAccepted, "a-1"), (OrderNotFound, "a-2")]


# -- lists -----------------------------------------------------------------------------------------------------


def test_open_orders_are_those_that_may_still_fill(live: Host) -> None:
    for number, state in enumerate(
        ["OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED", "FILLED", "CANCELLED", "EXPIRED", "FAILED"]
    ):
        live.venue.add_order(f"o-{number}", f"x-{number}", "BTC-USD", "SELL", SHAPE, status=state)
    live.venue.add_order("other", "z", "DOGE-USD", "BUY", SHAPE)
    (listed,) = asked(live, "query_open_orders", 3)
    assert listed.query_id == 3
    assert [each.order_id for each in listed.orders] == [f"o-{number}" for number in range(5)]
    first = listed.orders[0]
    assert (first.side, first.quantity_lots, first.price_ticks, first.instrument_id) == (Side.SELL, 100_000, 1_000, 1)


def test_all_orders_since(live: Host) -> None:
    live.advance(200 * SECOND)
    live.venue.add_order("o-1", "a-1", "BTC-USD", "BUY", SHAPE, status="CANCELLED")
    events = asked(live, "query_orders", 4, 1, live.now_ns - SECOND)
    (listed,) = [each for each in events if isinstance(each, OrdersListed)]
    assert listed.complete
    assert abs(listed.orders[0].created_ns - (live.now_ns - SECOND)) < 2 * MS
    start = [dict(params)["start_date"] for path, params in live.venue.asked if path.endswith("batch")][-1]
    assert start.startswith("2023-11-14T22:1")


def test_a_list_that_fails_fails_the_question(live: Host) -> None:
    live.venue.rules["/orders/historical/batch"] = lambda params: (500, b"")
    assert asked(live, "query_open_orders", 9) == [QueryFailed(9, "", "HTTP 500")]


# -- trades ----------------------------------------------------------------------------------------------------


def test_trades_go_on_from_the_last_that_is_known(live: Host) -> None:
    live.venue.add_order("o-1", "a-1", "BTC-USD", "BUY", SHAPE)
    for _ in range(120):
        live.venue.fill("o-1", "0.001")
        live.advance(MS)
    (listed,) = [each for each in asked(live, "query_trades", 5, 1, "") if isinstance(each, TradesListed)]
    assert len(listed.fills) == 120
    assert listed.complete
    assert {each.order_id for each in listed.fills} == {"o-1"}
    known = listed.fills[49].trade_id
    (rest,) = [each for each in asked(live, "query_trades", 6, 1, known) if isinstance(each, TradesListed)]
    assert rest.fills == listed.fills[50:]


def test_trades_of_one_order(live: Host) -> None:
    live.venue.add_order("o-1", "a-1", "BTC-USD", "BUY", SHAPE)
    live.venue.add_order("o-2", "a-2", "BTC-USD", "BUY", SHAPE)
    live.venue.fill("o-1", "0.1")
    live.venue.fill("o-2", "0.2", trade_time="2022-01-01T00:00:00Z", sequence_timestamp="2022-01-01T00:00:00Z")
    events = asked(live, "query_order_trades", 8, named(live, "a-2", "o-2"))
    (listed,) = [each for each in events if isinstance(each, TradesListed)]
    assert [(each.client_order_id, each.last_lots) for each in listed.fills] == [("a-2", 20_000)]


def test_trades_of_an_edited_order_belong_to_its_edits(live: Host) -> None:
    live.venue.add_order("old", "a-1", "BTC-USD", "BUY", SHAPE, filled_size="0.4")
    live.venue.fill("old", "0.3")
    live.advance(MS)
    edited(live, "old", "0.8")
    live.venue.fill("old", "0.1")
    (listed,) = [each for each in asked(live, "query_trades", 5, 1, "") if isinstance(each, TradesListed)]
    assert [(each.order_id, each.last_lots) for each in listed.fills] == [("old", 30_000), ("old/1", 10_000)]


def test_trades_that_cannot_be_told_fail(live: Host) -> None:
    live.venue.rules["/orders/historical/fills"] = lambda params: (500, b"")
    assert asked(live, "query_trades", 2, 1, "") == [QueryFailed(2, "", "HTTP 500")]
