"""What the venue says about orders, told once each: fills with the venue's own trade ids, ends, edits."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.coinbase.times import time_text
from engine.codes import OrderStatus, Reason
from engine.order import Order
from engine.venue import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)

#: ``conftest.Host``.
Host = Any
MS, SECOND = 1_000_000, 1_000_000_000


def working(host: Host, **changes: Any) -> Order:
    order: Order = host.order(**changes)
    host.place(order)
    order.order_id = "uuid-1"
    host.take()
    host.advance(MS)
    return order


def fills(events: list[Any]) -> list[tuple[str, str, int]]:
    return [(each.client_order_id, each.order_id, each.last_lots) for each in events if isinstance(each, OrderFilled)]


def replaced(host: Host, order: Order, size: str, price: str = "9.00") -> None:
    """The venue has edited an order, now."""
    made = {"price": price, "size": size, "replace_accept_timestamp": time_text(host.venue.time_ns())}
    host.venue.orders["uuid-1"]["edit_history"].append(made)
    host.advance(MS)


# -- fills -----------------------------------------------------------------------------------------------------


def test_a_fill_has_the_venues_trade_id_price_and_fee(live: Host) -> None:
    working(live)
    fill = live.venue.fill("uuid-1", "0.4", price="9.99", commission="0.0039964000001", liquidity_indicator="TAKER")
    live.venue.tell("uuid-1", filled="0.4")
    seen, filled = live.take()
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.cum_lots, seen.quantity_lots) == (OrderStatus.PARTIALLY_FILLED, 40_000, 100_000)
    assert isinstance(filled, OrderFilled)
    assert filled.trade_id.endswith(f"-{fill['trade_id']}")
    assert (filled.last_lots, filled.last_ticks, filled.is_maker) == (40_000, 999, False)
    assert (filled.fee_nanos, filled.fee_asset) == (3_996_401, "USD")  # against us beyond nine decimals


def test_a_fill_that_is_not_listed_yet_is_asked_for_again(live: Host) -> None:
    working(live)
    live.venue.tell("uuid-1", filled="0.4")
    assert fills(live.take()) == []
    live.advance(300 * MS)
    assert fills(live.take()) == []
    live.venue.fill("uuid-1", "0.4")
    live.advance(SECOND)
    assert fills(live.take()) == [("a-1", "uuid-1", 40_000)]
    asked = len(live.venue.asked)
    live.advance(20 * SECOND)
    assert not [path for path, _ in live.venue.asked[asked:] if path.endswith("/fills")]


def test_a_failed_question_for_fills_is_asked_again(live: Host) -> None:
    working(live)
    live.venue.fill("uuid-1", "0.4")
    live.venue.rules["/orders/historical/fills"] = lambda params: (500, b"")
    live.venue.tell("uuid-1", filled="0.4")
    live.venue.rules.clear()
    live.advance(2 * SECOND)
    assert fills(live.take()) == [("a-1", "uuid-1", 40_000)]


def test_every_fill_is_told_once_over_all_pages(live: Host) -> None:
    working(live)
    for _ in range(250):
        live.venue.fill("uuid-1", "0.002")
    live.venue.tell("uuid-1", filled="0.5")
    live.venue.tell("uuid-1", filled="0.5")
    told = fills(live.take())
    assert len(told) == 250
    assert sum(lots for _, _, lots in told) == 50_000


def test_a_reversal_is_no_fill(live: Host) -> None:
    working(live)
    live.venue.fill("uuid-1", "0.4", trade_type="REVERSAL")
    live.venue.fill("uuid-1", "0.4")
    live.venue.tell("uuid-1", filled="0.4")
    assert fills(live.take()) == [("a-1", "uuid-1", 40_000)]
    assert live.session.counters["fills of kind REVERSAL"] == 1


def test_an_unknown_kind_of_fill_is_never_passed_over(live: Host) -> None:
    working(live)
    live.venue.fill("uuid-1", "0.4", trade_type="SOMETHING_NEW")
    live.venue.tell("uuid-1", filled="0.4")
    assert fills(live.take()) == []
    assert live.session.counters["session:fills malformed"] == 1


def test_a_size_in_quote_is_exact_lots_or_an_error(live: Host) -> None:
    working(live)
    live.venue.fill("uuid-1", "4", price="10", size_in_quote=True)
    live.venue.tell("uuid-1", filled="0.4")
    assert fills(live.take()) == [("a-1", "uuid-1", 40_000)]


def test_a_fill_before_the_answer_to_the_order(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    end, _, body = live.venue.waiting[0]
    answer = live.venue.rest_orders(body)
    live.venue.fill("uuid-1", "1")
    live.venue.tell("uuid-1", "FILLED", "1")
    end.reply(answer)
    live.run()
    events = live.take()
    assert [type(each) for each in events] == [OrderAccepted, OrderFilled]


# -- ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "changes", "kind", "reason"),
    [
        ("CANCELLED", {"cancel_reason": "User requested cancel"}, OrderCancelled, None),
        ("CANCELLED", {"time_in_force": "IMMEDIATE_OR_CANCEL"}, OrderExpired, Reason.VENUE_EXPIRED),
        ("CANCELLED", {"time_in_force": "FILL_OR_KILL"}, OrderExpired, Reason.VENUE_EXPIRED),
        ("CANCELLED", {"cancel_reason": "102: Self Trade Prevention"}, OrderExpired, Reason.VENUE_SELF_TRADE),
        ("EXPIRED", {}, OrderExpired, Reason.VENUE_EXPIRED),
        ("FAILED", {"reject_reason": "HOLD_FAILURE"}, OrderExpired, Reason.VENUE_REJECTED),
    ],
)
def test_ends(live: Host, status: str, changes: dict[str, str], kind: type, reason: Reason | None) -> None:
    working(live)
    live.venue.tell("uuid-1", status, "0.1", **changes)
    (ended,) = [each for each in live.take() if isinstance(each, OrderCancelled | OrderExpired)]
    assert type(ended) is kind
    assert ended.cum_lots == 10_000
    if isinstance(ended, OrderExpired):
        assert ended.reason is reason
    live.venue.tell("uuid-1", status, "0.1", **changes)
    assert not [each for each in live.take() if isinstance(each, OrderCancelled | OrderExpired)]


def test_an_order_that_fails_before_it_is_accepted_is_rejected(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    end, _, body = live.venue.waiting[0]
    answer = live.venue.rest_orders(body)
    live.venue.tell("uuid-1", "FAILED", reject_reason="TOO_MANY_OPEN_ORDERS")
    (rejected,) = live.take()
    assert isinstance(rejected, OrderRejected)
    assert rejected.text == "TOO_MANY_OPEN_ORDERS"
    end.reply(answer)
    live.run()
    assert live.take() == []


def test_a_filled_order_is_told_by_its_trades(live: Host) -> None:
    working(live)
    live.venue.tell("uuid-1", "FILLED", "1")
    (seen,) = live.take()
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.cum_lots) == (OrderStatus.FILLED, 100_000)
    live.venue.fill("uuid-1", "1")
    live.advance(SECOND)
    assert fills(live.take()) == [("a-1", "uuid-1", 100_000)]


def test_an_unknown_status_breaks_the_link_loudly(live: Host) -> None:
    working(live)
    live.venue.tell("uuid-1", "SOMETHING_NEW")
    assert live.session.counters["session:user malformed"] == 1


def test_reports_of_other_products_are_counted(live: Host) -> None:
    live.venue.add_order("x", "y", "DOGE-USD", "BUY", {})
    live.venue.tell("x")
    assert live.take() == []
    assert live.session.counters["report of an instrument that is not ours"] == 1


# -- edits -----------------------------------------------------------------------------------------------------


def test_an_edit_makes_a_new_order_and_trades_belong_by_their_time(live: Host) -> None:
    order = working(live)
    live.venue.fill("uuid-1", "0.4")
    live.venue.tell("uuid-1", filled="0.4")
    live.advance(MS)
    new = live.replacement(order, lots=50_000, ticks=900)
    live.replace(order, new)
    assert live.venue.requests[-1] == ("/orders/edit", {"order_id": "uuid-1", "price": "9.00", "size": "0.90000"})
    live.take()
    live.venue.tell("uuid-1", "EDIT_QUEUED")
    live.venue.fill("uuid-1", "0.1")  # while the edit was queued
    live.advance(MS)
    replaced(live, order, "0.9")
    live.venue.fill("uuid-1", "0.2", price="9.00")
    live.venue.tell("uuid-1", "OPEN", "0.7")
    events = live.take()
    assert events[0] == OrderReplaced("a-1", "a-2", 50_000, events[0].venue_time_ns)
    assert events[1] == OrderAccepted("a-2", "uuid-1/1", events[1].venue_time_ns)
    assert fills(events) == [("a-1", "uuid-1", 10_000), ("a-2", "uuid-1/1", 20_000)]
    new.order_id = "uuid-1/1"
    live.cancel(new)
    assert live.venue.requests[-1] == ("/orders/batch_cancel", {"order_ids": ["uuid-1"]})
    live.venue.tell("uuid-1", "CANCELLED")
    (ended,) = live.take()
    assert ended == OrderCancelled("a-2", "uuid-1/1", 20_000, ended.venue_time_ns)


def test_an_edit_waits_until_every_trade_before_it_is_listed(live: Host) -> None:
    order = working(live)
    live.replace(order, live.replacement(order))
    replaced(live, order, "0.5")
    live.venue.tell("uuid-1", "OPEN", "0.3")
    assert live.take() == []
    live.venue.fill("uuid-1", "0.3", trade_time=time_text(live.venue.time_ns() - 10 * MS))
    live.advance(SECOND)
    events = live.take()
    assert events[0] == OrderReplaced("a-1", "a-2", 30_000, events[0].venue_time_ns)
    assert fills(events) == [("a-1", "uuid-1", 30_000)]


def test_less_than_asked_for_is_left_when_it_filled_meanwhile(live: Host) -> None:
    order = working(live)
    live.replace(order, live.replacement(order, lots=50_000))
    live.venue.fill("uuid-1", "0.2")
    live.advance(MS)
    replaced(live, order, "0.5")
    live.venue.fill("uuid-1", "0.3", price="9.00")
    live.venue.tell("uuid-1", "FILLED", "0.5")
    events = live.take()
    assert fills(events) == [("a-1", "uuid-1", 20_000), ("a-2", "uuid-1/1", 30_000)]
    assert [(each.client_order_id, each.cum_lots) for each in events if isinstance(each, OrderExpired)] == [
        ("a-2", 30_000)
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"errors": [{"edit_failure_reason": "ORDER_NOT_FOUND"}]}, Reason.ORDER_NOT_OPEN),
        ({"errors": {"edit_failure_reason": "INVALID_EDITED_PRICE"}}, Reason.VENUE_REJECTED),
        ({"error_response": {"edit_order_failure_reason": "NEW"}}, Reason.VENUE_REJECTED),
        ({"errors": []}, Reason.VENUE_REJECTED),
    ],
)
def test_a_refused_edit_leaves_the_order(live: Host, answer: dict[str, Any], reason: Reason) -> None:
    order = working(live)
    live.venue.rules["/orders/edit"] = lambda body: (200, {"success": False, **answer})
    live.replace(order, live.replacement(order))
    (event,) = live.take()
    assert isinstance(event, ReplaceRejected)
    assert (event.client_order_id, event.orig_client_order_id, event.reason) == ("a-2", "a-1", reason)
    assert not event.orig_cancelled
    live.venue.fill("uuid-1", "0.1")
    live.venue.tell("uuid-1", filled="0.1")
    assert fills(live.take()) == [("a-1", "uuid-1", 10_000)]


def test_an_order_that_ends_before_its_edit(live: Host) -> None:
    order = working(live)
    live.replace(order, live.replacement(order))
    live.venue.fill("uuid-1", "1")
    live.venue.tell("uuid-1", "FILLED", "1")
    events = live.take()
    assert isinstance(events[0], ReplaceRejected)
    assert fills(events) == [("a-1", "uuid-1", 100_000)]


@pytest.mark.parametrize("took_place", [True, False])
def test_an_edit_whose_answer_is_lost_is_asked_about(live: Host, took_place: bool) -> None:
    order = working(live)
    live.venue.held.add(("POST", "/orders/edit"))
    new = live.replacement(order)
    live.replace(order, new)
    if took_place:
        replaced(live, order, "0.5")
    live.cut(live.venue.waiting[0][0].link)
    live.advance(SECOND)
    events = live.take()
    assert OrderOutcomeUnknown("a-2", "connection reset") in events
    assert bool([each for each in events if isinstance(each, OrderReplaced)]) == took_place
    live.session.query_order(new, live.now_ns)
    live.session.query_order(order, live.now_ns)
    live.run()
    kinds = [(type(each).__name__, getattr(each, "client_order_id", "")) for each in live.take()]
    assert kinds == [("OrderSeen" if took_place else "OrderNotFound", "a-2"), ("OrderSeen", "a-1")]
    if not took_place:  # and once the request can no longer be accepted, the order can be edited again
        live.venue.fill("uuid-1", "0.1")
        live.advance(200 * SECOND)
        live.venue.tell("uuid-1", filled="0.1")
        live.advance(SECOND)
        assert fills(live.take()) == [("a-1", "uuid-1", 10_000)]
        live.replace(order, live.replacement(order, "a-3"))
        assert live.venue.requests[-1][1]["size"] == "0.60000"


def test_what_cannot_be_edited_is_refused_here(live: Host) -> None:
    order = working(live)
    live.place(live.order("b-1"))
    unknown = live.order("c-1")
    live.take()
    live.replace(unknown, live.replacement(unknown, "c-2"))
    live.replace(order, live.replacement(order))
    live.replace(order, live.replacement(order, "a-3"))
    live.advance(1)
    told = [each for each in live.take() if isinstance(each, ReplaceRejected)]
    assert [(each.client_order_id, each.reason) for each in told] == [
        ("c-2", Reason.UNSUPPORTED),
        ("a-3", Reason.UNSUPPORTED),
    ]


def test_an_order_is_edited_five_times_and_no_more(live: Host) -> None:
    order = working(live)
    for number in range(2, 7):
        new = live.replacement(order, f"a-{number}", lots=50_000 + number)
        live.replace(order, new)
        live.advance(2 * SECOND)
        replaced(live, order, f"0.5000{number}")
        live.venue.tell("uuid-1", "OPEN")
        live.advance(SECOND)
        order = new
        order.order_id = f"uuid-1/{number - 1}"
        assert (
            next(each for each in live.take() if isinstance(each, OrderReplaced)).new_client_order_id == f"a-{number}"
        )
    live.replace(order, live.replacement(order, "a-7"))
    live.advance(1)
    (event,) = live.take()
    assert isinstance(event, ReplaceRejected)
    assert "5 edits" in event.text


# -- anything in any order -------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_order_the_news_come_in_each_fill_is_told_once(make: Callable[[], Host], data: st.DataObject) -> None:
    """Trades appear on the list, and the channel repeats itself, in any interleaving; a lost connection in between."""
    host = make().begin()
    working(host)
    listed = told = 0
    for _ in range(data.draw(st.integers(1, 12))):
        step = data.draw(st.sampled_from(["trade", "tell", "again", "wait", "cut"]))
        if step == "trade" and listed < 10:
            listed += 1
            host.venue.fill("uuid-1", "0.1")
        elif step == "tell":
            told = max(told, listed if data.draw(st.booleans()) else min(listed + 1, 10))
            host.venue.tell("uuid-1", filled=f"{told / 10}")
        elif step == "again" and "session:user" in host.up:
            host.venue.tell("uuid-1")
        elif step == "wait":
            host.advance(data.draw(st.integers(1, 3)) * SECOND)
        elif step == "cut":
            host.cut("session:user")
            host.advance(2 * SECOND)
    while listed < 10:
        listed += 1
        host.venue.fill("uuid-1", "0.1")
    host.venue.tell("uuid-1", "FILLED", "1")
    host.advance(10 * SECOND)
    events = [each for each in host.events if isinstance(each, OrderFilled)]
    assert len({each.trade_id for each in events}) == len(events) == 10
    assert [each.status for each in host.events if isinstance(each, OrderSeen)][-1] is OrderStatus.FILLED
