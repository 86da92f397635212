"""Orders, cancels and their answers, over connections that carry one request at a time."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.coinbase.options import CoinbaseOptions
from engine.codes import OrderStatus, Reason
from engine.venue import (
    AuthenticationFailed,
    CancelRejected,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSeen,
    RateLimited,
    SessionState,
)

#: ``conftest.Host``.
Host = Any
SECOND = 1_000_000_000
Make = Callable[..., Host]


def refused(error: str, **more: str) -> tuple[int, Any]:
    return 200, {"success": False, "error_response": {"error": error, "message": "words", **more}}


def test_an_order_is_accepted_with_the_venues_id(live: Host) -> None:
    live.place(live.order())
    accepted = live.take()[0]
    assert isinstance(accepted, OrderAccepted)
    assert accepted.order_id == "uuid-1"


def test_orders_do_not_wait_for_each_others_answers(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    for number in range(6):
        live.place(live.order(f"a-{number}"))
    assert [body["client_order_id"] for _, body in live.venue.requests] == [f"a-{number}" for number in range(6)]
    assert len({end.link for end, _, _ in live.venue.waiting}) == 6
    for end, _, body in reversed(live.venue.waiting):
        end.reply(live.venue.rest_orders(body))
    live.run()
    assert [event.client_order_id for event in live.take() if isinstance(event, OrderAccepted)] == [
        f"a-{number}" for number in reversed(range(6))
    ]


def test_new_orders_leave_connections_to_cancels(live: Host) -> None:
    live.place(live.order("a-0"))
    live.venue.held.add(("POST", "/orders"))
    for number in range(1, 7):
        live.place(live.order(f"a-{number}"))
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_BUSY
    frame = live.session.encode_new(live.order("a-9"), live.now_ns)
    live.take()
    live.transmit(frame)
    live.advance(1)
    event = live.take()[-1]
    assert isinstance(event, OrderRejected)
    assert event.reason is Reason.VENUE_LINK_BUSY
    order = live.order("a-0")
    order.order_id = "uuid-1"
    live.cancel(order)
    assert live.venue.requests[-1] == ("/orders/batch_cancel", {"order_ids": ["uuid-1"]})


def test_what_is_in_flight_has_drained_once_its_own_connection_takes_bytes(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    busy = live.venue.waiting[0][0].link
    assert live.session.has_drained()
    live.slow = {busy}
    assert not live.session.has_drained()
    live.slow = set(live.up) - {busy}
    assert live.session.has_drained()


def test_a_rehearsal_takes_nothing_and_sends_nothing(live: Host) -> None:
    before = dict(live.session.counters)
    live.session.rehearse(live.order(), live.now_ns)
    live.run()
    assert live.take() == []
    assert live.venue.requests == []
    assert live.session.counters == before


def test_a_connection_that_pushes_back_takes_nothing_new(live: Host) -> None:
    live.slow = set(live.up)
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_BUSY


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused("INSUFFICIENT_FUND"), Reason.VENUE_REJECTED),
        (refused("INVALID_LIMIT_PRICE_POST_ONLY"), Reason.VENUE_POST_ONLY_WOULD_TAKE),
        (
            refused("UNKNOWN_FAILURE_REASON", preview_failure_reason="PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
            Reason.VENUE_POST_ONLY_WOULD_TAKE,
        ),
        (refused("SOMETHING_NEW"), Reason.VENUE_REJECTED),
        ((200, {"success": False}), Reason.VENUE_REJECTED),
        ((400, {"error": "INVALID_ARGUMENT", "message": "no"}), Reason.VENUE_REJECTED),
        ((403, {"error": "PERMISSION_DENIED"}), Reason.VENUE_REJECTED),
        ((429, b"Too many requests"), Reason.VENUE_RATE_LIMIT),
    ],
)
def test_definite_refusals(live: Host, answer: tuple[int, Any], reason: Reason) -> None:
    live.venue.rules["/orders"] = lambda body: answer
    live.place(live.order())
    rejected = [event for event in live.take() if isinstance(event, OrderRejected)]
    assert [event.reason for event in rejected] == [reason]


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error": "INTERNAL"}),
        (503, b"<html>"),
        (401, b"Unauthorized"),
        (408, b""),
        (302, b""),
        (200, b"{nonsense"),
        (200, {"success": True}),
        refused("DUPLICATE_CLIENT_ORDER_ID"),
    ],
)
def test_whatever_is_not_proven_is_unknown(live: Host, answer: tuple[int, Any]) -> None:
    live.venue.rules["/orders"] = lambda body: answer
    live.place(live.order())
    events = [event for event in live.take() if isinstance(event, OrderOutcomeUnknown | OrderRejected | OrderAccepted)]
    assert [type(event) for event in events] == [OrderOutcomeUnknown]


def test_a_lost_connection_puts_only_its_own_order_in_doubt(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order("a-1"))
    live.place(live.order("a-2"))
    end, _, _ = live.venue.waiting[0]
    live.cut(end.link)
    events = live.take()
    assert [event.client_order_id for event in events if isinstance(event, OrderOutcomeUnknown)] == ["a-1"]
    assert not [event for event in events if isinstance(event, SessionState)]
    live.advance(SECOND)
    assert end.link in live.up


def test_silence_puts_an_order_in_doubt(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    live.advance(11 * SECOND)
    assert [event for event in live.take() if isinstance(event, OrderOutcomeUnknown)]


def test_an_order_in_doubt_is_found_by_its_name(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    order = live.order()
    live.place(order)
    end, _, body = live.venue.waiting[0]
    live.venue.rest_orders(body)  # it has arrived; the answer is lost
    live.cut(end.link)
    live.take()
    live.session.query_order(order, live.now_ns)
    live.run()
    events = live.take()
    assert [type(event) for event in events] == [OrderAccepted, OrderSeen]
    seen = events[1]
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.order_id) == (OrderStatus.NEW, "uuid-1")


def test_without_any_connection_nothing_is_live(live: Host) -> None:
    for number in range(8):
        live.refused.add(f"session:orders:{number}")
    for number in range(8):
        live.cut(f"session:orders:{number}")
    states = [event for event in live.take() if isinstance(event, SessionState)]
    assert [state.live for state in states] == [False]
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_DOWN
    live.cancel(live.order())
    live.advance(1)
    assert isinstance(live.take()[-1], CancelRejected)
    live.refused.clear()
    live.advance(40 * SECOND)
    assert [event.live for event in live.take() if isinstance(event, SessionState)] == [True]


def test_an_idle_connection_that_the_venue_closes_is_open_again_at_once(live: Host) -> None:
    live.cut("session:orders:3")
    live.advance(1)
    assert "session:orders:3" in live.up
    before = len(live.opened)
    live.cut("session:orders:3")
    live.advance(1)
    assert len(live.opened) == before  # closed again without having served: it has to wait now
    live.advance(SECOND)
    assert "session:orders:3" in live.up


def test_a_connection_that_is_closed_after_its_answer(live: Host) -> None:
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    end, _, body = live.venue.waiting[0]
    end.reply(live.venue.rest_orders(body), close=True)
    live.run()
    assert [type(event) for event in live.take()] == [OrderAccepted]
    live.advance(1)
    assert end.link in live.up


def test_rate_limits_refuse_before_the_venue_does(live: Host) -> None:
    sent = 0
    while live.session.send_refusal(live.now_ns) is Reason.NONE:
        live.place(live.order(f"a-{sent}"))
        sent += 1
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT
    assert 15 <= sent <= 24
    live.advance(2 * SECOND)
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_a_429_is_told_and_silences_orders(live: Host) -> None:
    live.venue.rules["/orders"] = lambda body: (429, b"")
    live.place(live.order())
    limited = [event for event in live.take() if isinstance(event, RateLimited)]
    assert len(limited) == 1
    assert limited[0].until_ns == live.now_ns + SECOND
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT


def test_a_401_is_told_and_the_stock_of_tokens_thrown_away(live: Host) -> None:
    live.venue.rules["/orders"] = lambda body: (401, b"Unauthorized")
    live.place(live.order())
    assert [event for event in live.take() if isinstance(event, AuthenticationFailed)]
    assert ("/time", []) in live.venue.asked
    live.venue.rules.clear()
    live.place(live.order("a-2"))
    assert live.session.counters["tokens signed on the order path"] >= 1


def test_tokens_come_from_the_stock_and_never_old(live: Host) -> None:
    live.place(live.order())
    assert "tokens signed on the order path" not in live.session.counters
    live.advance(300 * SECOND)  # the venue's end checks every token's time
    live.place(live.order("a-2"))
    assert "tokens signed on the order path" not in live.session.counters


def test_a_stock_of_none_signs_as_it_goes(make: Make) -> None:
    host = make(options=CoinbaseOptions(token_stock=0)).begin()
    host.take()
    host.place(host.order())
    assert isinstance(host.take()[0], OrderAccepted)
    assert host.session.counters["tokens signed on the order path"] == 1
