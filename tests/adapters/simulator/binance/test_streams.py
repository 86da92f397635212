"""Market streams: raw and combined, requests and their errors, limits, and one frame for all subscribers."""

from typing import Any

import pytest

from adapters.simulator.binance import VenueLimits

TRADE = (
    b'{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":1,"p":"100.00","q":"1.5","T":1672515782135,"m":true,"M":true}'
)
DEPTH = b'{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,"b":[],"a":[]}'


def publish(venue: Any, *events: tuple[str, bytes]) -> None:
    for stream, payload in events:
        venue.market.publish(stream, payload)
    venue.actor.on_timer("market", venue.host.now_ns)


def test_raw_and_combined_keep_the_recorded_bytes(venue: Any) -> None:
    raw = venue.stream("/ws/btcusdt@trade")
    combined = venue.stream("/stream?streams=btcusdt@trade/btcusdt@depth@100ms")
    publish(venue, ("btcusdt@trade", TRADE), ("btcusdt@depth@100ms", DEPTH), ("btcusdt@bookTicker", b"{}"))
    assert raw.raw_messages() == [TRADE]
    assert combined.raw_messages() == [
        b'{"stream":"btcusdt@trade","data":' + TRADE + b"}",
        b'{"stream":"btcusdt@depth@100ms","data":' + DEPTH + b"}",
    ]
    assert venue.actor.streams.messages == {"btcusdt@trade": 2, "btcusdt@depth@100ms": 1}


def test_microseconds(venue: Any) -> None:
    stream = venue.stream("/ws/btcusdt@trade?timeUnit=MICROSECOND")
    publish(venue, ("btcusdt@trade", TRADE))
    (message,) = stream.messages()
    assert (message["E"], message["T"], message["t"]) == (1672515782136000, 1672515782135000, 1)


def test_subscribe_list_unsubscribe(venue: Any) -> None:
    stream = venue.stream("/ws")
    stream.send('{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth@100ms"],"id":1}')
    assert stream.raw_messages() == [b'{"result":null,"id":1}']
    stream.send('{"method":"LIST_SUBSCRIPTIONS","id":"three"}')
    assert stream.messages() == [{"result": ["btcusdt@trade", "btcusdt@depth@100ms"], "id": "three"}]
    stream.send('{"method":"UNSUBSCRIBE","params":["btcusdt@trade","never@subscribed"],"id":null}')
    assert stream.messages() == [{"result": None, "id": None}]
    publish(venue, ("btcusdt@trade", TRADE), ("btcusdt@depth@100ms", DEPTH))
    assert stream.raw_messages() == [DEPTH]


def test_properties(venue: Any) -> None:
    stream = venue.stream("/ws/btcusdt@trade")
    stream.send('{"method":"GET_PROPERTY","params":["combined"],"id":1}')
    stream.send('{"method":"SET_PROPERTY","params":["combined",true],"id":2}')
    stream.send('{"method":"GET_PROPERTY","params":["combined"],"id":3}')
    assert [message["result"] for message in stream.messages()] == [False, None, True]
    publish(venue, ("btcusdt@trade", TRADE))
    assert stream.messages()[0]["stream"] == "btcusdt@trade"


@pytest.mark.parametrize(
    ("request_text", "code", "start"),
    [
        ("{", 3, "Invalid JSON: expected value at line"),
        ("[]", 3, "Invalid JSON"),
        ('{"params":[],"id":1}', 2, "Invalid request: missing field `method` at line 1 column"),
        ('{"method":"SUB","id":1}', 2, "Invalid request: unknown variant `SUB`, expected one of `SUBSCRIBE`"),
        ('{"method":5,"id":1}', 2, "Invalid request: unknown variant"),
        ('{"method":"SUBSCRIBE","params":[]}', 2, "Invalid request: request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":[],"id":1.5}', 2, "Invalid request: request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":"x","id":1}', 2, "Invalid request: streams must be an array"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "Invalid request: streams must be an array"),
        ('{"method":"SUBSCRIBE","params":[],"id":1,"x":1}', 2, "Invalid request: too many parameters"),
        ('{"method":"SET_PROPERTY","params":["other",true],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "Invalid value type: expected Boolean"),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 1, "Invalid value type: expected Boolean"),
        ('{"method":"SET_PROPERTY","params":[1,true],"id":1}', 2, "Invalid request: property name must be a string"),
        ('{"method":"GET_PROPERTY","id":1}', 2, "Invalid request: property name must be a string"),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "Invalid request: too many parameters"),
    ],
)
def test_refused_requests(venue: Any, request_text: str, code: int, start: str) -> None:
    stream = venue.stream("/ws")
    stream.send(request_text)
    (answer,) = stream.messages()
    assert answer["error"]["code"] == code
    assert answer["error"]["msg"].startswith(start)
    assert not stream.is_closed


def test_too_many_streams(make_venue: Any) -> None:
    venue = make_venue(limits=VenueLimits(streams_per_connection=2))
    stream = venue.stream("/ws/a@trade")
    stream.send('{"method":"SUBSCRIBE","params":["b@trade","c@trade"],"id":1}')
    assert stream.messages()[0]["error"]["code"] == 2
    stream.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
    assert stream.messages()[0]["result"] == ["a@trade"]
    assert venue.stream("/ws/a@trade/b@trade/c@trade").is_closed


def test_more_than_five_messages_a_second_ends_the_connection(make_venue: Any) -> None:
    venue = make_venue()
    stream = venue.stream("/ws")
    for second in range(2):
        for number in range(5):
            stream.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{second}{number}}}')
        assert len(stream.messages()) == 5
        venue.host.advance(1_000_000_000)
    for _ in range(6):
        stream.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
    assert stream.is_closed
    assert venue.actor.flooding_dropped == 1


def test_pings_count_as_messages(make_venue: Any) -> None:
    venue = make_venue()
    stream = venue.stream("/ws")
    for _ in range(6):
        stream.protocol.send_ping(b"x")
        stream._push()
    assert stream.is_closed


def test_the_markets_clock_starts_with_the_first_subscription(make_venue: Any) -> None:
    venue = make_venue()
    stream = venue.stream("/ws")
    assert venue.market.started_ns is None
    venue.host.advance(5)
    stream.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
    assert venue.market.started_ns == venue.host.now_ns
    venue.host.advance(5)
    venue.stream("/ws/btcusdt@trade")
    assert venue.market.started_ns == venue.host.now_ns - 5
    assert make_venue(start_on_subscribe=False).market.started_ns == 1_000


def test_a_reader_of_diffs_is_waited_for_until_it_has_its_snapshot(make_venue: Any) -> None:
    venue = make_venue()
    venue.stream("/stream?streams=btcusdt@depth@100ms/btcusdt@trade")
    venue.host.advance(5)
    assert venue.market.started_ns is None, "it would miss the first messages"
    venue.rest().request("GET", "/api/v3/depth?symbol=BTCUSDT")
    assert venue.market.started_ns == venue.host.now_ns


def test_a_reader_of_diffs_that_takes_no_snapshot_is_not_waited_for_for_ever(make_venue: Any) -> None:
    venue = make_venue()
    venue.stream("/stream?streams=btcusdt@depth@100ms")
    venue.host.advance(15_000_000_000)
    assert venue.market.started_ns == venue.host.now_ns


def test_partial_depth_follows_the_diff_stream(venue: Any) -> None:
    venue.api().signed("order.place", **venue.limit("SELL", "100.00", "2"))
    stream = venue.stream("/stream?streams=btcusdt@depth5@100ms")
    publish(venue, ("btcusdt@depth@100ms", DEPTH))
    (message,) = stream.messages()
    assert message["stream"] == "btcusdt@depth5@100ms"
    assert message["data"]["asks"] == [["100.00000000", "2.00000000"]]


def test_two_subscribers_get_the_very_same_bytes(venue: Any) -> None:
    streams = [venue.stream("/ws/btcusdt@trade") for _ in range(3)]
    publish(venue, ("btcusdt@trade", TRADE * 1))
    frames = [venue.host.take(stream.link) for stream in streams]
    assert frames[0] == frames[1] == frames[2]


def test_recent_trades_and_average_price(venue: Any) -> None:
    publish(venue, ("btcusdt@trade", TRADE), ("btcusdt@trade", TRADE.replace(b'"100.00"', b'"103.00"')))
    rest = venue.rest()
    status, rows = rest.request("GET", "/api/v3/trades?symbol=BTCUSDT&limit=1")
    assert status == 200
    assert rows == [
        {
            "id": 1,
            "price": "103.00",
            "qty": "1.5",
            "quoteQty": "154.5",
            "time": 1672515782135,
            "isBuyerMaker": True,
            "isBestMatch": True,
        }
    ]
    assert rest.request("GET", "/api/v3/avgPrice?symbol=BTCUSDT")[1] == {
        "mins": 5,
        "price": "101.50000000",
        "closeTime": 1672515782135,
    }
