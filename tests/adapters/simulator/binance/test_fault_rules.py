"""What each rule of a fault script does to a conversation with the venue."""

from typing import Any

import pytest

from adapters.simulator.faults.rules import (
    BadChecksum,
    Ban,
    CancelMissing,
    ClockSkew,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    ExpireKey,
    Fault,
    Fill,
    FillLate,
    FillOnCancel,
    Gap,
    HalfOpen,
    InDoubt,
    LoseAck,
    Maintenance,
    PartialBatch,
    Refuse,
    Reorder,
    RevokeKey,
    SlowReader,
)
from adapters.simulator.market import Public

MS = 1_000_000


@pytest.fixture
def played(venue: Any) -> Any:
    """The venue with rules, and a connection that was there before."""

    def play(*faults: Fault, seed: int = 1) -> Any:
        venue.actor.server.now_ns = venue.host.now_ns
        venue.actor.play(faults, seed)
        return venue

    venue.rest().request("GET", "/api/v3/ping")
    return play


def placed(venue: Any, client: Any, **more: Any) -> Any:
    """The answer to an order, or None if none came."""
    return client.signed("order.place", **venue.limit(**more))


def open_orders(venue: Any) -> int:
    return int(venue.actor.exchange.orders.open_total())


def test_a_request_that_is_dropped_never_arrives(played: Any) -> None:
    venue = played(Drop(message="order", times=1))
    client = venue.api()
    assert placed(venue, client) is None
    assert open_orders(venue) == 0
    assert placed(venue, client)["status"] == 200
    assert venue.actor.faults.injected == {"drop": 1}


def test_an_answer_that_is_lost_was_carried_out(played: Any) -> None:
    venue = played(LoseAck(message="order", every=2))
    client = venue.api()
    assert placed(venue, client)["status"] == 200
    assert placed(venue, client) is None
    assert open_orders(venue) == 2


def test_a_lost_answer_takes_the_connection_along(played: Any) -> None:
    venue = played(LoseAck(message="order", cut=True))
    client = venue.api()
    placed(venue, client)
    venue.host.advance(MS)
    assert client.is_closed
    assert open_orders(venue) == 1


@pytest.mark.parametrize(("performed", "there"), [(True, 1), (False, 0)])
def test_an_answer_in_doubt_says_nothing(played: Any, performed: bool, there: int) -> None:
    venue = played(InDoubt(message="order", performed=performed))
    assert placed(venue, venue.api())["status"] >= 500
    assert open_orders(venue) == there


@pytest.mark.parametrize(
    ("why", "status", "code"),
    [("rate_limit", 429, -1003), ("ban", 418, -1003), ("clock", 400, -1021), ("key", 401, -2015)],
)
def test_a_refusal_is_worded_as_the_venue_does(played: Any, why: Any, status: int, code: int) -> None:
    venue = played(Refuse(message="order", why=why))
    answer = placed(venue, venue.api())
    assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert open_orders(venue) == 0


def test_what_is_late_keeps_its_order(played: Any) -> None:
    venue = played(Delay(message="report", delay_ms=500, times=1))
    client = venue.subscribed()
    assert placed(venue, client)["status"] == 200
    assert placed(venue, client)["status"] == 200
    assert not client.reports()
    venue.host.advance(600 * MS)
    assert [report["x"] for report in client.reports()] == ["NEW", "NEW"]


def test_reports_can_come_twice_or_overtake_each_other(played: Any) -> None:
    venue = played(Duplicate(message="report", times=1), Reorder(message="report", times=1))
    client = venue.subscribed()
    placed(venue, client, newClientOrderId="a")
    placed(venue, client, newClientOrderId="b")
    assert [report["c"] for report in client.reports()] == ["b", "a"]
    venue.host.advance(300 * MS)
    assert not client.reports()


def test_a_report_alone_is_only_held_for_a_while(played: Any) -> None:
    venue = played(Reorder(message="report", within_ms=100))
    client = venue.subscribed()
    placed(venue, client)
    assert not client.reports()
    venue.host.advance(150 * MS)
    assert len(client.reports()) == 1


def test_somebody_trades_when_a_cancel_comes(played: Any) -> None:
    venue = played(FillOnCancel(share_percent=50))
    client = venue.subscribed()
    placed(venue, client, newClientOrderId="a", quantity="1")
    answer = client.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="a")
    assert answer["status"] == 200
    assert answer["result"]["executedQty"] == "0.50000000"


def test_fills_by_the_clock_and_told_late(played: Any) -> None:
    venue = played(Fill(at_ms=100), FillLate(delay_ms=400))
    client = venue.subscribed()
    placed(venue, client)
    venue.host.advance(200 * MS)
    assert open_orders(venue) == 0
    assert [report["x"] for report in client.reports()] == ["NEW"]
    venue.host.advance(400 * MS)
    assert [report["x"] for report in client.reports()] == ["TRADE"]


def test_a_cancel_that_does_nothing(played: Any) -> None:
    venue = played(CancelMissing())
    client = venue.api()
    placed(venue, client, newClientOrderId="a")
    assert client.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="a")["status"] == 200
    assert open_orders(venue) == 1


def test_of_a_batch_every_second_stays(played: Any) -> None:
    venue = played(PartialBatch())
    client = venue.api()
    for _ in range(4):
        placed(venue, client)
    client.signed("openOrders.cancelAll", symbol="BTCUSDT")
    assert open_orders(venue) == 2


def test_a_ban_refuses_everything_and_everybody_for_a_while(played: Any) -> None:
    venue = played(Ban(for_ms=1_000))
    venue.host.advance(MS)
    assert venue.rest().request("GET", "/api/v3/time")[0] == 418
    assert venue.stream("/ws/btcusdt@trade").status == 418
    venue.host.advance(1_000 * MS)
    assert venue.rest().request("GET", "/api/v3/time")[0] == 200


def test_a_clock_that_is_wrong_for_a_while(played: Any) -> None:
    venue = played(ClockSkew(by_ms=-90_000, for_ms=500))
    client = venue.api()
    venue.host.advance(MS)
    assert placed(venue, client)["error"]["code"] == -1021
    venue.host.advance(600 * MS)
    assert placed(venue, client)["status"] == 200


@pytest.mark.parametrize(("fault", "told"), [(RevokeKey(for_ms=500), True), (ExpireKey(for_ms=500), False)])
def test_keys_go_and_come_back(played: Any, fault: Fault, told: bool) -> None:
    venue = played(fault)
    client = venue.subscribed()
    venue.host.advance(MS)
    assert any(each.get("event", {}).get("e") == "eventStreamTerminated" for each in client.messages()) is told
    assert placed(venue, client)["error"]["code"] == -2015
    venue.host.advance(600 * MS)
    assert placed(venue, client)["status"] == 200


def test_maintenance(played: Any) -> None:
    venue = played(Maintenance(for_ms=500))
    client = venue.api()
    venue.host.advance(MS)
    assert placed(venue, client)["status"] == 503
    venue.host.advance(600 * MS)
    assert placed(venue, client)["status"] == 200


def test_only_connections_of_a_kind_are_closed(played: Any) -> None:
    venue = played(Disconnect(link="public"))
    api, stream = venue.api(), venue.stream("/ws/btcusdt@trade")
    venue.host.advance(MS)
    assert (api.is_closed, stream.is_closed) == (False, True)


def test_a_half_open_connection_says_and_hears_nothing(played: Any) -> None:
    venue = played(HalfOpen(link="private", after="order", times=1, for_ms=400))
    client = venue.api()
    assert placed(venue, client)["status"] == 200
    venue.host.advance(MS)
    assert placed(venue, client) is None
    assert open_orders(venue) == 1
    assert not client.is_closed
    venue.host.advance(500 * MS)
    assert client.is_closed


def diff(first: int, last: int) -> bytes:
    return b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":%d,"u":%d,"b":[],"a":[]}' % (first, last)


def publish(venue: Any, payload: bytes) -> None:
    listing = venue.actor.exchange.listings["BTCUSDT"]
    venue.actor.public_event(listing, Public("btcusdt@depth@100ms", payload, 0))


def test_a_book_with_holes_and_wrong_numbers(played: Any) -> None:
    venue = played(Gap(message="book", lost=2, times=1), BadChecksum(times=1))
    stream = venue.stream("/ws/btcusdt@depth@100ms")
    for number in range(1, 6):
        publish(venue, diff(number, number))
    assert [each["U"] for each in stream.messages()] == [1_003, 4, 5]


def test_a_slow_reader_is_served_late_and_in_order(played: Any) -> None:
    venue = played(SlowReader(link="public", for_ms=60_000, bytes_per_second=100))
    stream = venue.stream("/ws/btcusdt@depth@100ms")
    venue.host.advance(MS)
    for number in range(1, 4):
        publish(venue, diff(number, number))
    assert [each["U"] for each in stream.messages()] == [1]
    venue.host.advance(3_000 * MS)
    assert [each["U"] for each in stream.messages()] == [2, 3]


def test_rest_answers_that_never_come_or_come_late(played: Any) -> None:
    venue = played(Delay(message="query", link="http", delay_ms=300, times=1))
    client = venue.rest()
    venue.host.feed(client.link, b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    assert not venue.host.take(client.link)
    venue.host.advance(400 * MS)
    assert venue.host.take(client.link).count(b"200") >= 2


def test_an_end_of_all_faults(played: Any) -> None:
    venue = played(Drop(message="any"), Reorder(message="report"), Maintenance(for_ms=100_000))
    venue.host.advance(MS)
    venue.actor.server.now_ns = venue.host.now_ns
    venue.actor.faults.clear()
    assert placed(venue, venue.api())["status"] == 200


def test_a_seed_is_a_run(played: Any) -> None:
    venue = played(Drop(message="order", percent=50), seed=4)
    client = venue.api()
    first = [placed(venue, client) is None for _ in range(20)]
    assert 3 < sum(first) < 17
    venue.actor.faults.clear()
    venue.actor.play([Drop(message="order", percent=50)], 4)
    assert len(venue.actor.faults.played) == 2
