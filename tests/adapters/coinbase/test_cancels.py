"""Cancels: at once, with the venue's ids, in batches where they have to wait."""

from typing import Any

import pytest

from engine.codes import Reason
from engine.venue import CancelAllAnswered, CancelRejected, OrderOutcomeUnknown

#: ``conftest.Host``.
Host = Any
SECOND = 1_000_000_000


def cancels(host: Host) -> list[list[str]]:
    return [body["order_ids"] for path, body in host.venue.requests if path == "/orders/batch_cancel"]


def flat(sent: list[list[str]]) -> list[str]:
    return [order_id for ids in sent for order_id in ids]


def working(host: Host, count: int) -> list[Any]:
    """Orders at the venue, put there two seconds ago."""
    orders = []
    for number in range(count):
        order = host.order(f"w-{number}")
        host.place(order)
        order.order_id = f"uuid-{number + 1}"
        orders.append(order)
        if host.session.send_refusal(host.now_ns) is not Reason.NONE:
            host.advance(2 * SECOND)
    host.advance(2 * SECOND)
    host.take()
    host.venue.requests.clear()
    return orders


def test_a_cancel_of_an_order_that_has_no_id_yet_follows_its_answer(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    order = live.order()
    live.place(order)
    live.cancel(order)
    assert cancels(live) == []
    end, _, body = live.venue.waiting[0]
    end.reply(live.venue.rest_orders(body))
    live.run()
    assert cancels(live) == [["uuid-1"]]


def test_a_cancel_of_an_order_that_is_rejected_is_forgotten(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    order = live.order()
    live.place(order)
    live.cancel(order)
    live.venue.waiting[0][0].reply((200, {"success": False}))
    live.run()
    live.advance(SECOND)
    assert cancels(live) == []


def test_cancels_beyond_the_limits_wait_and_share_a_request(live: Host) -> None:
    orders = working(live, 60)
    for order in orders:
        live.cancel(order)
    at_once = len(cancels(live))
    assert 20 <= at_once <= 27
    assert all(len(ids) == 1 for ids in cancels(live))
    live.advance(2 * SECOND)
    sent = cancels(live)
    assert len(sent) == at_once + 1
    assert len(sent[-1]) == 60 - at_once
    assert sorted(flat(sent)) == sorted(order.order_id for order in orders)


def test_cancels_without_a_free_connection_wait_for_one(live: Host) -> None:
    orders = working(live, 20)
    live.venue.held.add(("POST", "/orders/batch_cancel"))
    for order in orders:
        live.cancel(order)
    assert len(cancels(live)) == 8
    end, _, body = live.venue.waiting[0]
    end.reply(live.venue.rest_orders_batch_cancel(body))
    live.run()
    assert len(cancels(live)[-1]) == 12


@pytest.mark.parametrize(
    ("reason", "is_unknown"),
    [
        ("UNKNOWN_CANCEL_ORDER", True),
        ("ORDER_IS_FULLY_FILLED", True),
        ("COMMANDER_REJECTED_CANCEL_ORDER", False),
        ("NEW", False),
    ],
)
def test_a_refused_cancel_is_told(live: Host, reason: str, is_unknown: bool) -> None:
    (order,) = working(live, 1)
    result = {"success": False, "failure_reason": reason, "order_id": "uuid-1"}
    live.venue.rules["/orders/batch_cancel"] = lambda body: (200, {"results": [result]})
    live.cancel(order)
    (event,) = live.take()
    assert isinstance(event, CancelRejected)
    assert (event.client_order_id, event.order_unknown, event.text) == ("w-0", is_unknown, reason)


def test_a_second_cancel_while_one_is_under_way_is_no_failure(live: Host) -> None:
    (order,) = working(live, 1)
    result = {"success": False, "failure_reason": "DUPLICATE_CANCEL_REQUEST", "order_id": "uuid-1"}
    live.venue.rules["/orders/batch_cancel"] = lambda body: (200, {"results": [result]})
    live.cancel(order)
    assert live.take() == []


@pytest.mark.parametrize("answer", [(500, b""), (200, {"results": []}), (200, b"x")])
def test_a_cancel_whose_fate_is_not_known_puts_the_order_in_doubt(live: Host, answer: tuple[int, Any]) -> None:
    (order,) = working(live, 1)
    live.venue.rules["/orders/batch_cancel"] = lambda body: answer
    live.cancel(order)
    assert [type(event) for event in live.take()] == [OrderOutcomeUnknown]


def test_when_the_last_connection_goes_waiting_cancels_are_refused(live: Host) -> None:
    orders = working(live, 10)
    live.venue.held.add(("POST", "/orders/batch_cancel"))
    for order in orders:
        live.cancel(order)
    for number in range(8):
        live.refused.add(f"session:orders:{number}")
    for number in range(8):
        live.cut(f"session:orders:{number}")
    events = live.take()
    assert len([event for event in events if isinstance(event, OrderOutcomeUnknown)]) == 8
    assert len([event for event in events if isinstance(event, CancelRejected)]) == 2


def test_cancel_all_takes_what_is_known_and_what_is_listed(live: Host) -> None:
    working(live, 3)
    for number in range(230):
        shape = {"limit_limit_gtc": {"base_size": "1", "limit_price": "10"}}
        live.venue.add_order(f"old-{number:03}", f"x-{number}", "BTC-USD", "BUY", shape)
    live.venue.orders["old-000"]["status"] = "QUEUED"
    live.venue.orders["old-001"]["status"] = "FILLED"
    live.session.cancel_all(1, live.now_ns)
    live.run()
    live.advance(1)
    sent = cancels(live)
    assert sent[0] == ["uuid-1", "uuid-2", "uuid-3"]
    assert [len(ids) for ids in sent[1:]] == [100, 100, 29]
    assert "old-000" in flat(sent)
    assert "old-001" not in flat(sent)
    assert live.take() == [CancelAllAnswered(1, "")]


def test_cancel_all_of_nothing_is_answered(live: Host) -> None:
    live.session.cancel_all(1, live.now_ns)
    live.run()
    live.advance(1)
    assert live.take() == [CancelAllAnswered(1, "")]
    assert cancels(live) == []


def test_cancel_all_tells_of_a_failure(live: Host) -> None:
    live.venue.rules["/orders/historical/batch"] = lambda params: (500, b"")
    live.session.cancel_all(1, live.now_ns)
    live.advance(SECOND)
    (event,) = live.take()
    assert isinstance(event, CancelAllAnswered)
    assert event.failure


def test_cancel_all_has_a_share_of_the_limit_of_its_own(live: Host) -> None:
    orders = working(live, 40)
    for order in orders[:30]:
        live.cancel(order)
    before = len(cancels(live))
    live.session.cancel_all(1, live.now_ns)
    live.run()
    assert len(cancels(live)) > before
