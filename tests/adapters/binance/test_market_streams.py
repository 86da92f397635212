"""Market streams: quotes, trades, and books that say when they are valid."""

import itertools
from typing import Any

import pytest

from engine.book_audit import BookAudit
from engine.codes import Side
from engine.messages import Quote, Trade
from engine.venue import BookChanged

SECOND = 1_000_000_000
STREAMS, REST = "session:streams", "session:rest"
DEPTH, TRADE, TICKER = "btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker"


def diff(first: int, last: int, bids: list[list[str]] | None = None, asks: list[list[str]] | None = None) -> Any:
    return {"e": "depthUpdate", "E": 7, "s": "BTCUSDT", "U": first, "u": last, "b": bids or [], "a": asks or []}


def ticker(update_id: int, bid: str = "10.00", ask: str = "11.00") -> dict[str, Any]:
    return {"u": update_id, "s": "BTCUSDT", "b": bid, "B": "1.5", "a": ask, "A": "2"}


def trade(**changes: Any) -> dict[str, Any]:
    return {"e": "trade", "E": 8, "s": "BTCUSDT", "t": 9, "p": "10.50", "q": "0.1", "T": 7, "m": True, **changes}


def test_quote_and_trade(live: Any) -> None:
    live.venue.stream(TICKER, ticker(101))
    live.venue.stream(TRADE, trade())
    live.venue.stream(TICKER, {"u": 102, "s": "BTCUSDT", "b": "0.00000000", "B": "0.00000000", "a": "11.00", "A": "2"})
    assert live.take() == [
        Quote(1, 1_000, 150_000, 1_100, 200_000, 101, 0, live.now_ns),
        Trade(1, 1_050, 10_000, Side.SELL, 9, 7_000_000, live.now_ns),
        Quote(1, 0, 0, 1_100, 200_000, 102, 0, live.now_ns),
    ]


def test_an_older_quote_is_dropped(live: Any) -> None:
    live.venue.stream(TICKER, ticker(101))
    live.venue.stream(TICKER, ticker(100))
    assert len(live.take()) == 1


def test_names_that_do_not_come_first_are_read_as_well(live: Any) -> None:
    live.venue.push(STREAMS, {"data": ticker(101), "stream": TICKER})
    live.venue.push(STREAMS, {"data": trade(), "stream": TRADE})
    live.venue.push(STREAMS, {"data": diff(101, 101), "stream": DEPTH})
    live.run()
    assert [type(event) for event in live.take()] == [Quote, Trade, BookChanged]


def test_streams_that_were_not_asked_for_are_passed_over(live: Any) -> None:
    live.venue.stream("btcusdt@aggTrade", {"e": "aggTrade", "a": 1})
    live.venue.stream("btcusdt@kline_1m", {})
    live.venue.push(STREAMS, {"result": None, "id": 77})
    live.run()
    assert live.take() == []
    assert live.session.counters["message of a stream that was not asked for"] == 2


def test_the_book_follows_the_diffs(live: Any) -> None:
    live.venue.stream(DEPTH, diff(99, 101, [["10.50", "3"]], [["11.00", "0.00000000"], ["12.00", "1"]]))
    assert live.take() == [BookChanged(1, True, 101, 7_000_000, live.now_ns)]
    assert live.session.book(1).best() == (1_050, 300_000, 1_200, 100_000)
    live.venue.stream(DEPTH, diff(90, 100, [["9.00", "1"]]))
    assert live.take() == []


def test_a_gap_asks_for_a_snapshot_and_is_told_once(live: Any) -> None:
    live.venue.snapshot = {"lastUpdateId": 110, "bids": [["9.00", "4"]], "asks": []}
    live.venue.rest_rules["depth"] = lambda params: None
    live.venue.stream(DEPTH, diff(103, 105))
    live.venue.stream(DEPTH, diff(106, 112, [["9.50", "1"]]))
    assert live.take() == [BookChanged(1, False, 100, 7_000_000, live.now_ns)]
    del live.venue.rest_rules["depth"]
    live.cut(REST)
    live.advance(SECOND)
    (event,) = live.take()
    assert (event.valid, event.update_id) == (True, 112)
    assert live.session.book(1).depth(5) == (((950, 100_000), (900, 400_000)), ())


def test_snapshots_that_are_too_old_are_asked_for_again_with_growing_delays(live: Any) -> None:
    asked = []

    def depth(params: dict[str, str]) -> Any:
        asked.append(live.now_ns)
        return {"lastUpdateId": 101 if len(asked) < 5 else 200, "bids": [], "asks": []}

    live.venue.rest_rules["depth"] = depth
    live.venue.stream(DEPTH, diff(103, 105))
    live.advance(20 * SECOND)
    assert len(asked) == 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[0] >= SECOND // 2
    assert [event.valid for event in live.take() if isinstance(event, BookChanged)] == [False, True]


def test_a_snapshot_that_was_asked_for_before_the_stream_broke_does_not_count(live: Any) -> None:
    live.venue.rest_rules["depth"] = lambda params: None
    live.venue.stream(DEPTH, diff(103, 105))
    live.take()
    live.refused.add(STREAMS)
    live.cut(STREAMS)
    end = live.venue.ends[REST]
    live.venue.rest_rules["depth"] = lambda params: {"lastUpdateId": 200, "bids": [], "asks": []}
    end.asked()
    live.run()
    assert not any(isinstance(event, BookChanged) and event.valid for event in live.take())


def test_a_broken_stream_makes_the_book_the_past_until_it_is_back(live: Any) -> None:
    live.cut(STREAMS)
    assert live.take() == [BookChanged(1, False, 100, 0, live.now_ns)]
    live.venue.snapshot["lastUpdateId"] = 300
    live.advance(SECOND)
    (event,) = live.take()
    assert (event.valid, event.update_id) == (True, 300)


@pytest.mark.parametrize(
    "message",
    [
        {"e": "serverShutdown", "E": 1},
        {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}},
    ],
)
def test_a_shutdown_is_answered_with_a_new_connection_at_once(live: Any, message: dict[str, Any]) -> None:
    live.venue.push(STREAMS, message)
    live.run()
    live.advance(0)
    assert [event.valid for event in live.take() if isinstance(event, BookChanged)] == [False, True]


def test_a_subscription_without_an_answer_is_made_anew(make: Any) -> None:
    host = make()
    on_text = host.venue.on_text
    host.venue.on_text = lambda link, message: None if link == STREAMS else on_text(link, message)
    host.begin()
    host.advance(9 * SECOND)
    assert not any(isinstance(event, BookChanged) for event in host.take())
    host.venue.on_text = on_text
    host.advance(2 * SECOND)
    assert [event.valid for event in host.take() if isinstance(event, BookChanged)] == [True]


def test_an_observer_can_verify_everything(make: Any) -> None:
    audit = BookAudit()
    host = make(observer=audit, chunk=3).begin()
    host.venue.stream(TICKER, ticker(101))
    host.venue.stream(DEPTH, diff(101, 101, [["10.00", "1.5"]]))
    host.venue.stream(TRADE, trade())
    host.venue.stream(TICKER, ticker(103, bid="10.10"))
    host.venue.stream(DEPTH, diff(102, 104, [["10.20", "1.5"]]))
    assert (audit.book_mismatches, audit.bbo_comparisons, audit.bbo_disagreements) == (0, 2, 1)
    host.session.book(1).set_level(Side.BUY, 1, 1)
    host.venue.stream(TRADE, trade())
    assert audit.book_mismatches == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"s": "BTCUSDT", "E": 1, "U": 102, "u": 101, "b": [], "a": []},
        {"s": "BTCUSDT", "E": 1, "U": 101, "u": 101, "b": [["x", "1"]], "a": []},
    ],
)
def test_a_change_that_cannot_be_right_quarantines_its_book_alone(make: Any, wrong: dict[str, Any]) -> None:
    host = make(symbols=((1, "BTCUSDT"), (2, "ETHUSDT"))).begin()
    host.take()
    host.venue.stream(DEPTH, wrong)
    assert host.take() == [BookChanged(1, False, 100, 0, host.now_ns)]
    host.advance(SECOND)
    assert [(event.instrument_id, event.valid) for event in host.take() if isinstance(event, BookChanged)] == [
        (1, True)
    ]
    assert host.session.counters["books quarantined"] == 1
    assert "session:streams lost" not in host.session.counters
