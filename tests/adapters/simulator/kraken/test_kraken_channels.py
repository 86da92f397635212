"""Public channels and the connection itself: books with checksums, trades, tickers, instruments, heartbeats."""

from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_venue import QuietMarket

from adapters.simulator.book_feed import BookFeed
from adapters.simulator.kraken.public_feed import checksum
from adapters.simulator.listing import Listing
from adapters.simulator.market import Public
from adapters.simulator.order import SimOrder
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from engine.codes import Side, TimeInForce
from engine.messages import StatusRequest

LOT = 10**8
SECOND_NS = 10**9


def reference_checksum(bids: dict[str, str], asks: dict[str, str]) -> int:
    """The documentation's rule on the texts of the wire."""

    def part(levels: dict[str, str], best_is_high: bool) -> str:
        best = sorted(levels.items(), key=lambda level: Decimal(level[0]), reverse=best_is_high)[:10]
        return "".join(text.replace(".", "").lstrip("0") for level in best for text in level)

    return crc32((part(asks, False) + part(bids, True)).encode())


def apply(book: dict[str, dict[str, str]], data: Any, depth: int) -> None:
    """An update or a snapshot on a local book, by the documentation's rule."""
    for side, best_is_high in (("bids", True), ("asks", False)):
        for level in data[side]:
            price, quantity = str(level["price"]), str(level["qty"])
            if Decimal(quantity) == 0:
                book[side].pop(price, None)
            else:
                book[side][price] = quantity
        best = sorted(book[side].items(), key=lambda level: Decimal(level[0]), reverse=best_is_high)
        book[side] = dict(best[:depth])


OFFICIAL = {
    "bids": "45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586 "
    "45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238",
    "asks": "45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660 "
    "45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827",
}


def test_the_official_vector_of_the_checksum(make_market: Any) -> None:
    market = make_market()
    listing = Listing(market, 5)
    for side, texts in ((Side.BUY, OFFICIAL["bids"].split()), (Side.SELL, OFFICIAL["asks"].split())):
        for price, quantity in zip(texts[::2], texts[1::2], strict=True):
            market.anonymous(side, market.instrument.price_ticks(price), market.instrument.quantity_lots(quantity))
    _, bids, asks = market.snapshot(25)
    assert checksum(listing, bids, asks) == 3310070434
    plain = {side: dict(zip(t.split()[::2], t.split()[1::2], strict=True)) for side, t in OFFICIAL.items()}
    assert reference_checksum(plain["bids"], plain["asks"]) == 3310070434


def test_a_book_is_a_snapshot_then_changes(venue: Any) -> None:
    venue.market.anonymous(Side.BUY, 1000, LOT)
    client = venue.socket()
    answer = client.subscribe("book", symbol=["BTC/USD"], depth=25)
    assert answer["result"] == {"channel": "book", "symbol": "BTC/USD", "depth": 25, "snapshot": True}
    (snapshot,) = client.take("book")
    assert snapshot["data"][0]["bids"] == [{"price": Decimal("100.0"), "qty": Decimal("1.00000000")}]
    venue.others(Side.SELL, 1001, LOT)
    venue.others(Side.SELL, 1000, LOT, ioc=True)
    first, second = client.take("book")
    assert (first["type"], first["data"][0]["bids"], len(first["data"][0]["asks"])) == ("update", [], 1)
    assert second["data"][0]["bids"] == [{"price": 100, "qty": 0}]
    venue.others(Side.SELL, 900, LOT, ioc=True)
    assert client.take("book") == []  # nothing was there to take


@pytest.mark.parametrize("depth", [10, 25])
def test_a_local_book_by_the_official_rule_agrees_with_every_checksum(
    make_venue: Any, make_market: Any, depth: int
) -> None:
    traded = make_market().instrument
    flow = FlowParameters(centre_ticks=600_000, lots_log2_min=15, lots_log2_max=27, band_ticks=60_000)
    venue = make_venue(SyntheticMarket(traded, 7, flow))
    client = venue.trader()
    client.subscribe("book", symbol=["BTC/USD"], depth=depth)
    client.subscribe("trade", symbol=["BTC/USD"])
    book: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    updates = 0
    for second in range(4):
        side, price = ("buy", 70_000.0) if second % 2 else ("sell", 50_000.0)
        params = {"order_type": "limit", "side": side, "symbol": "BTC/USD", "order_qty": 0.02, "limit_price": price}
        assert client.trade("add_order", time_in_force="ioc", **params)["success"]
        venue.host.advance(SECOND_NS)
        for message in client.take("book"):
            apply(book, message["data"][0], depth)
            assert message["data"][0]["checksum"] == reference_checksum(book["bids"], book["asks"])
            updates += 1
    assert updates > 100
    bids, asks = venue.market.snapshot(depth)[1:]
    assert list(book["bids"]) == [traded.price_text(price) for price, _ in bids]
    assert list(book["asks"]) == [traded.price_text(price) for price, _ in asks]
    trades = {row["trade_id"]: row for message in client.take("trade") for row in message["data"]}
    ours = [report for report in client.reports() if report["exec_type"] == "trade"]
    assert ours
    for report in ours:
        public = trades[report["trade_id"]]
        assert (public["price"], public["qty"], public["side"]) == (
            report["last_price"],
            report["last_qty"],
            report["side"],
        )


@settings(deadline=None, max_examples=60)
@given(
    depth=st.integers(1, 4),
    orders=st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(90, 110), st.integers(1, 5)), max_size=40),
)
def test_changes_turn_the_last_book_into_this_one(depth: int, orders: list[tuple[Side, int, int]]) -> None:
    market = QuietMarket(default_instrument())
    feed = BookFeed(market, depth)
    local: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    for number, (side, price, lots) in enumerate(orders):
        market.place(SimOrder(number + 1, "a", "", side, price, lots, TimeInForce.GTC), 0)
        for changed, levels in zip((Side.BUY, Side.SELL), feed.changes(), strict=True):
            for ticks, quantity in levels:
                assert local[changed].get(ticks, 0) != quantity
                local[changed][ticks] = quantity
            best = sorted(((t, q) for t, q in local[changed].items() if q), reverse=changed is Side.BUY)[:depth]
            local[changed] = dict(best)
        _, bids, asks = market.snapshot(depth)
        assert (tuple(local[Side.BUY].items()), tuple(local[Side.SELL].items())) == (bids, asks)
    assert feed.changes() == ((), ())


# -- other channels ----------------------------------------------------------------------------------------------


def publish_trade(venue: Any, trade_id: int, price: str, quantity: str, buyer_is_maker: str = "false") -> None:
    text = f'{{"t":{trade_id},"p":"{price}","q":"{quantity}","T":1700000040123,"m":{buyer_is_maker}}}'
    venue.market.queue.append(Public("btc/usd@trade", text.encode(), 0))
    venue.actor.on_timer("market", venue.host.now_ns)


def test_trades_are_told_as_they_happen_and_remembered(venue: Any) -> None:
    client = venue.socket()
    assert client.subscribe("trade", symbol=["BTC/USD"])["result"]["snapshot"] is False
    assert client.take("trade") == []
    publish_trade(venue, 1, "100.0", "0.5")
    publish_trade(venue, 2, "101.0", "1.5", "true")
    rows = [message["data"][0] for message in client.take("trade")]
    assert [(r["trade_id"], r["side"], r["price"], r["qty"]) for r in rows] == [
        (1, "buy", 100, Decimal("0.5")),
        (2, "sell", 101, Decimal("1.5")),
    ]
    assert rows[0]["timestamp"] == "2023-11-14T22:14:00.123000Z"
    later = venue.socket()
    later.subscribe("trade", symbol=["BTC/USD"], snapshot=True)
    assert [row["trade_id"] for row in later.take("trade")[0]["data"]] == [1, 2]
    rest = venue.public("Trades", pair="XBTUSD")["result"]
    assert [row[6] for row in rest["XXBTZUSD"]] == [1, 2]
    assert rest["last"] == "1700000040123000000"


def test_tickers_by_trades_or_by_the_best_prices(venue: Any) -> None:
    by_trades, by_best = venue.socket(), venue.socket()
    by_trades.subscribe("ticker", symbol=["BTC/USD"])
    by_best.subscribe("ticker", symbol=["BTC/USD"], event_trigger="bbo")
    assert [m["type"] for m in by_trades.take("ticker") + by_best.take("ticker")] == ["snapshot", "snapshot"]
    publish_trade(venue, 1, "100.0", "1")
    publish_trade(venue, 2, "110.0", "1")
    venue.others(Side.BUY, 990, LOT)
    last = [message["data"][0] for message in by_trades.take("ticker")][-1]
    assert (last["last"], last["low"], last["high"], last["volume"], last["vwap"]) == (110, 100, 110, 2, 105)
    assert (last["change"], last["change_pct"]) == (10, 10)
    best = [message["data"][0] for message in by_best.take("ticker")][-1]
    assert (best["bid"], best["bid_qty"]) == (99, 1)


def test_instruments_and_pairs_tell_the_same(venue: Any) -> None:
    client = venue.socket()
    client.subscribe("instrument")
    (pair,) = client.take("instrument")[0]["data"]["pairs"]
    rest = venue.public("AssetPairs")["result"]["XXBTZUSD"]
    assert (pair["symbol"], rest["wsname"], rest["altname"]) == ("BTC/USD", "XBT/USD", "XBTUSD")
    assert Decimal(rest["tick_size"]) == pair["tick_size"] == pair["price_increment"] == Decimal("0.1")
    assert Decimal(rest["ordermin"]) == pair["qty_min"] == Decimal("0.0001")
    assert Decimal(rest["costmin"]) == pair["cost_min"] == Decimal("0.5")
    assert (rest["pair_decimals"], rest["lot_decimals"], rest["cost_decimals"]) == (1, 8, 5)
    venue.actor.set_trading("BTC/USD", False)
    assert client.take("instrument")[0]["data"]["pairs"][0]["status"] == "cancel_only"
    assert venue.public("AssetPairs", pair="BTC/USD")["result"]["XXBTZUSD"]["status"] == "cancel_only"
    assert venue.public("AssetPairs", pair="NO")["error"] == ["EQuery:Unknown asset pair"]


def test_fees_are_those_of_the_account(venue: Any) -> None:
    fees = venue.private("TradeVolume", pair="XBTUSD")
    assert (fees["fees"]["XXBTZUSD"]["fee"], fees["fees_maker"]["XXBTZUSD"]["fee"]) == ("0.4000", "0.2500")
    assert venue.private("TradeVolume", "keyB", pair="XBTUSD")["fees"]["XXBTZUSD"]["fee"] == "0.0000"


def test_depth_time_and_status_over_rest(venue: Any) -> None:
    venue.market.anonymous(Side.BUY, 1000, LOT)
    depth = venue.public("Depth", pair="XBTUSD", count=5)["result"]["XXBTZUSD"]
    assert (depth["asks"], depth["bids"][0][:2]) == ([], ["100.0", "1.00000000"])
    assert venue.public("SystemStatus")["result"]["status"] == "online"
    assert venue.public("Time")["result"]["rfc1123"] == "Tue, 14 Nov 23 22:14:00 +0000"
    assert venue.public("Nothing")["error"] == ["EGeneral:Unknown method"]


def test_subscriptions_are_answered_per_symbol_and_known_by_depth(venue: Any) -> None:
    client = venue.socket()
    answers = client.calls("subscribe", channel="book", symbol=["BTC/USD", "XBT/USD"], depth=10)
    assert [(a["success"], a.get("symbol")) for a in answers] == [(True, None), (False, "XBT/USD")]
    assert answers[1]["error"] == "Currency pair not supported XBT/USD"
    assert client.subscribe("book", symbol=["BTC/USD"])["error"] == "Already subscribed"
    assert client.subscribe("book", symbol=["BTC/USD"], depth=7)["error"] == "Subscription depth not supported"
    assert client.subscribe("status")["error"] == "Unsupported event"
    assert client.call("unsubscribe", channel="book", symbol=["BTC/USD"], depth=25)["success"] is False
    assert client.call("unsubscribe", channel="book", symbol=["BTC/USD"], depth=10)["success"]
    client.take("book")
    venue.others(Side.BUY, 1000, LOT)
    assert client.take("book") == []


# -- the connection ----------------------------------------------------------------------------------------------


def test_a_connection_is_greeted_and_answers_pings(venue: Any) -> None:
    client = venue.socket()
    (status,) = client.take("status")
    assert status["data"][0]["system"] == "online"
    client.send('{"method":"ping","req_id":1}')
    (pong,) = client.messages()
    assert (pong["method"], pong["req_id"]) == ("pong", 1)
    for garbage in (
        "not json",
        "[1]",
        '{"method":1}',
        '{"method":"ping","req_id":"x"}',
        '{"method":"ping","params":[]}',
    ):
        client.send(garbage)
        assert client.messages()[0]["error"] == "Malformed request"
    assert client.call("invent")["error"] == "Unsupported event"


def test_a_heartbeat_fills_silence_where_something_is_followed(venue: Any) -> None:
    follower, idler = venue.socket(), venue.socket()
    follower.subscribe("trade", symbol=["BTC/USD"])
    venue.host.advance(5 * SECOND_NS)
    assert 4 <= len(follower.take("heartbeat")) <= 5
    assert idler.take("heartbeat") == []
    venue.host.advance(56 * SECOND_NS)
    assert idler.is_closed
    assert not follower.is_closed


def test_only_the_venues_path_is_served_and_only_so_often(make_venue: Any) -> None:
    venue = make_venue(connections_per_10_minutes=2)
    assert [venue.socket().status for _ in range(3)] == [101, 101, 429]
    venue.host.advance(601 * SECOND_NS)
    assert venue.socket().status == 101


def test_a_reader_that_does_not_read_is_dropped(make_venue: Any) -> None:
    venue = make_venue(backlog_bytes_max=10_000)
    client = venue.socket()
    client.subscribe("book", symbol=["BTC/USD"])
    venue.host.blocked.add(client.link)
    for number in range(100):
        venue.others(Side.BUY, 1000 + number, LOT)
    assert client.is_closed
    assert venue.actor.server.links.slow_readers_dropped == 1


def test_the_venue_can_drop_everybody_and_they_can_come_back(venue: Any) -> None:
    client = venue.trader()
    venue.actor.drop_connections(venue.host.now_ns)
    assert client.is_closed
    assert venue.trader().trade("cancel_all")["success"]


def test_the_venue_tells_its_counters(venue: Any) -> None:
    venue.socket().subscribe("instrument")
    venue.actor.on_message("observer", StatusRequest(7), venue.host.now_ns)
    ((to, report),) = venue.host.sent
    assert (to, report.kind, report.nonce) == ("observer", "simulated_kraken", 7)
    assert report.counters["free_nanos:a:BTC"] == 10**10
    assert report.counters["websockets_opened"] == report.counters["stream:instrument:"] == 1


def test_one_seed_one_conversation(make_venue: Any, make_market: Any) -> None:
    conversations = []
    for _ in range(2):
        flow = FlowParameters(centre_ticks=600_000, lots_log2_min=15, lots_log2_max=27, band_ticks=60_000)
        venue = make_venue(SyntheticMarket(make_market().instrument, 7, flow), seed=3)
        client = venue.trader()
        client.subscribe("book", symbol=["BTC/USD"])
        client.subscribe("ticker", symbol=["BTC/USD"], event_trigger="bbo")
        terms = {"order_type": "market", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.02}
        said = []
        for _ in range(3):
            said.append(client.trade("add_order", **terms))
            venue.host.advance(SECOND_NS // 2)
            said += client.raw_messages()
        conversations.append((said, client.pushes))
    assert conversations[0] == conversations[1]
    assert len(conversations[0][0]) > 100
