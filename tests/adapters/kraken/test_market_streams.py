"""Books by their checksums, quarantine of one of them at a time, quotes and trades."""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kraken.book_sync import BookSync
from adapters.kraken.checksum import checksum_plainly
from adapters.kraken.messages import AssetPair, BookMessage
from adapters.kraken.options import KrakenOptions
from adapters.kraken.parse import PairGrid, instrument
from engine.book import OrderBook
from engine.book_audit import BookAudit
from engine.codes import Side
from engine.messages import Quote, Trade
from engine.venue import BookChanged

SECOND = 1_000_000_000
STREAMS = "session:streams"
MATIC = AssetPair("MATICUSD", "MATIC", "ZUSD", 4, 8, wsname="MATIC/USD", tick_size="0.0001")
SNAPSHOT = (
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5666,"qty":4831.75496356},'
    b'{"price":0.5665,"qty":6658.22734739},{"price":0.5664,"qty":18724.91513344},{"price":0.5663,"qty":11563.92544914},'
    b'{"price":0.5662,"qty":14006.65365711},{"price":0.5661,"qty":17454.85679807},{"price":0.566,"qty":18097.1547},'
    b'{"price":0.5659,"qty":33644.89175666},{"price":0.5658,"qty":148.3464},{"price":0.5657,"qty":606.70854372}],'
    b'"asks":[{"price":0.5668,"qty":4410.79769741},{"price":0.5669,"qty":4655.40412487},'
    b'{"price":0.567,"qty":49844.89424998},{"price":0.5671,"qty":24306.41678},{"price":0.5672,"qty":29783.25223475},'
    b'{"price":0.5673,"qty":57234.71239278},{"price":0.5674,"qty":45065.04744},{"price":0.5675,"qty":5912.76380354},'
    b'{"price":0.5676,"qty":42514.92434778},{"price":0.5677,"qty":36304.0847022}],"checksum":2439117997,'
    b'"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
)
UPDATE = (
    b'{"channel":"book","type":"update","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5657,"qty":1098.3947558}],'
    b'"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
)


def matic() -> BookSync:
    return BookSync(PairGrid(instrument(MATIC, 1, "kraken", 60), "MATICUSD", MATIC), OrderBook(), 10)


def row(message: bytes) -> Any:
    return msgspec.json.decode(message, type=BookMessage).data[0]


def of(host: Any, kind: type) -> list[Any]:
    return [event for event in host.events if isinstance(event, kind)]


def test_the_published_frames_have_their_published_checksums() -> None:
    """The documents print numbers without their trailing zeros; what is counted has them."""
    sync = matic()
    assert sync.on_snapshot(row(SNAPSHOT))
    assert sync.book.best() == (5_666, 483_175_496_356, 5_668, 441_079_769_741)
    assert sync.on_update(row(UPDATE))
    assert sync.book.level(Side.BUY, 5_657) == 109_839_475_580


def test_an_update_that_is_missed_is_found_out() -> None:
    sync = matic()
    sync.on_snapshot(row(SNAPSHOT.replace(b"2439117997", b"2439117998")))
    assert not sync.valid
    sync.on_snapshot(row(SNAPSHOT))
    assert not sync.on_update(row(UPDATE.replace(b"1098.3947558", b"1098.3947559")))
    assert not sync.valid


CHANGE = st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 5)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(CHANGE, max_size=25))
def test_a_book_of_ten_is_what_the_venue_means(messages: list[list[tuple[bool, int, int]]]) -> None:
    """The venue's book is deep; it sends what changes among its ten best, and what comes back into them."""
    deep: tuple[dict[int, int], dict[int, int]] = ({}, {})
    shown: tuple[dict[int, int], dict[int, int]] = ({}, {})
    sync = matic()
    sync.on_snapshot(_data([], [], 0))
    for message in messages:
        for is_bid, price, lots in message:
            side = deep[0 if is_bid else 1]
            at = price if is_bid else 100 + price
            if lots:
                side[at] = lots
            else:
                side.pop(at, None)
        rows = []
        for side, was, is_bid in ((deep[0], shown[0], True), (deep[1], shown[1], False)):
            best = dict(sorted(side.items(), reverse=is_bid)[:10])
            gone = [(at, 0) for at in was if at not in side]
            rows.append(gone + [(at, lots) for at, lots in best.items() if was.get(at) != lots])
            was.clear()
            was.update(best)
        bids, asks = sorted(shown[0].items(), reverse=True), sorted(shown[1].items())
        assert sync.on_update(_data(rows[0], rows[1], checksum_plainly(asks, bids, 1, 1)))
        assert sync.book.depth(50) == (tuple(bids), tuple(asks))


def _data(bids: list[tuple[int, int]], asks: list[tuple[int, int]], checksum: int) -> Any:
    sides = [[{"price": at / 10_000, "qty": f"{lots}e-8"} for at, lots in side] for side in (bids, asks)]
    text = msgspec.json.encode({"symbol": "MATIC/USD", "bids": sides[0], "asks": sides[1], "checksum": checksum})
    return row(b'{"type":"update","data":[' + text + b"]}")


def test_updates_move_the_quote(live: Any) -> None:
    live.venue.push_book("BTC/USD", [("10.5", "3.00000000")], [], checksum=_crc([(105, 3), (100, 1)], [(110, 2)]))
    live.run()
    assert of(live, BookChanged)[-1].valid
    quote = of(live, Quote)[-1]
    assert (quote.bid_ticks, quote.bid_lots, quote.ask_ticks) == (105, 300_000_000, 110)
    assert quote.venue_time_ns > 1_700_000_000 * SECOND


def _crc(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> int:
    return checksum_plainly([(p, q * 10**8) for p, q in asks], [(p, q * 10**8) for p, q in bids], 1, 1)


def test_an_unchanged_quote_is_told_again_after_a_while_only(live: Any) -> None:
    for pause_ns, told in ((0, 0), (SECOND, 1)):
        live.advance(pause_ns)
        live.take()
        live.venue.push_book("BTC/USD", [("10.0", "1.00000000")], [], checksum=_crc([(100, 1)], [(110, 2)]))
        live.run()
        assert len(of(live, Quote)) == told


def test_only_the_book_that_fails_is_quarantined_and_comes_back(make: Callable[..., Any]) -> None:
    host = make(symbols=((1, "BTC/USD"), (2, "ETH/USD"))).begin()
    host.take()
    host.venue.subscribed.clear()
    host.venue.push_book("BTC/USD", [("10.5", "3.00000000")], [], checksum=1)
    host.run()
    assert [(each.instrument_id, each.valid) for each in of(host, BookChanged)] == [(1, False)]
    assert host.session.counters["book checksum"] == 1
    host.take()
    host.venue.push_book("ETH/USD", [("5.00", "7.00000000")], [], checksum=_crc([(500, 7)], [(501, 2)]))
    host.venue.push_book("BTC/USD", [("10.6", "3.00000000")], [], checksum=2)  # still on its way: ignored
    host.run()
    assert [(each.instrument_id, each.valid) for each in of(host, BookChanged)] == [(2, True)]
    host.take()
    host.advance(SECOND)
    asked = [(each["method"], each["symbol"]) for each in host.venue.subscribed if each["channel"] == "book"]
    assert asked == [("unsubscribe", ["BTC/USD"]), ("subscribe", ["BTC/USD"])]
    assert [(each.instrument_id, each.valid) for each in of(host, BookChanged)] == [(1, True)]
    assert [link for link, _ in host.opened].count(STREAMS) == 1


def test_a_number_off_the_grid_is_a_quarantine_too(live: Any) -> None:
    live.venue.push_book("BTC/USD", [("10.55", "3.00000000")], [], checksum=1)
    live.run()
    assert not of(live, BookChanged)[-1].valid
    live.advance(SECOND)
    assert of(live, BookChanged)[-1].valid


def test_a_snapshot_that_does_not_come_is_asked_for_again(live: Any) -> None:
    live.venue.silent = True
    live.venue.push_book("BTC/USD", [], [], checksum=1)
    live.run()
    live.advance(5 * SECOND)
    live.venue.silent = False
    live.advance(10 * SECOND)
    assert of(live, BookChanged)[-1].valid


def test_books_that_fail_again_and_again_are_asked_for_less_and_less_often(live: Any) -> None:
    live.venue.book["BTC/USD"] = ([("10.55", "1.0")], [])
    live.venue.push_book("BTC/USD", [], [], checksum=1)
    live.advance(60 * SECOND)
    asked = [each for each in live.venue.subscribed if each["method"] == "unsubscribe"]
    assert 5 <= len(asked) <= 12


def test_a_lost_link_makes_every_book_the_past(live: Any) -> None:
    live.cut(STREAMS)
    assert not of(live, BookChanged)[-1].valid
    live.advance(SECOND)
    assert of(live, BookChanged)[-1].valid


def test_public_trades(live: Any) -> None:
    trade = {"symbol": "BTC/USD", "side": "sell", "price": 10.5, "qty": 0.25, "ord_type": "market", "trade_id": 7}
    stamp = {"timestamp": "2023-09-25T07:49:37.708706Z"}
    live.venue.push(STREAMS, {"channel": "trade", "type": "update", "data": [{**trade, **stamp}]})
    live.run()
    event = of(live, Trade)[-1]
    assert (event.price_ticks, event.quantity_lots, event.aggressor, event.trade_id) == (105, 25_000_000, Side.SELL, 7)
    assert event.venue_time_ns == 1_695_628_177_708_706_000


def test_ten_levels_are_enough_as_well(make: Callable[..., Any]) -> None:
    host = make(options=KrakenOptions(book_depth=10)).begin()
    assert of(host, BookChanged)[-1].valid
    book = [each for each in host.venue.subscribed if each["channel"] == "book"]
    assert book[0]["depth"] == 10


def test_an_audit_sees_the_same_book(make: Callable[..., Any]) -> None:
    """What leaves the subscribed depth is told to whoever keeps a twin of the book."""
    audit = BookAudit()
    sync = BookSync(PairGrid(instrument(MATIC, 1, "kraken", 60), "MATICUSD", MATIC), OrderBook(), 10, audit)
    assert sync.on_snapshot(row(SNAPSHOT))
    assert sync.on_update(row(UPDATE))
    bids, asks = sync.book.depth(20)
    better = ((5_667, 7), *bids[:9])
    assert sync.on_update(_data([(5_667, 7)], [], checksum_plainly(asks, better, 1, 1)))
    assert sync.book.depth(20) == (better, asks)
    assert audit.book_mismatches == 0
