"""WebSocket channels of the simulated Coinbase: subscribing, sequence, market data, the user channel, limits."""

from typing import Any

import pytest

from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket
from engine.codes import Side
from engine.instrument import NANOS, parse_decimal

LOT = 10**8
MS = 1_000_000


def errors(messages: list[Any]) -> list[str]:
    return [each["message"] for each in messages if each.get("type") == "error"]


def apply(book: dict[tuple[str, str], str], event: dict[str, Any]) -> None:
    """The venue's rule: a snapshot replaces, a quantity of 0 removes."""
    if event["type"] == "snapshot":
        book.clear()
    for level in event["updates"]:
        key = level["side"], level["price_level"]
        if level["new_quantity"] == "0":
            book.pop(key, None)
        else:
            book[key] = level["new_quantity"]


# -- subscribing -------------------------------------------------------------------------------------------------------


def test_what_is_followed_is_listed_and_every_message_counted(venue: Any) -> None:
    client = venue.socket()
    client.kept += client.subscribe("heartbeats")
    client.kept += client.subscribe("level2", "BTC-USD")
    client.kept += client.subscribe("user", signed=True)
    told = [each["subscriptions"] for each in client.take("subscriptions")]
    portfolio = venue.ok(venue.get("key_permissions"))["portfolio_uuid"]
    assert told[-1] == {"heartbeats": ["heartbeats"], "level2": ["BTC-USD"], "user": [portfolio]}
    client.kept += client.ask("unsubscribe", "level2", "BTC-USD")
    assert list(client.take("subscriptions")[-1]["subscriptions"]) == ["heartbeats", "user"]
    venue.host.advance(3 * NANOS)
    assert [each["heartbeat_counter"] for each in client.take("heartbeats")] == [1, 2, 3]
    assert client.numbered > 7


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"{", "failed to decode message"),
        (b"[]", "failed to decode message"),
        (b"\xff", "failed to decode message"),
        (b'{"type":"login","channel":"level2"}', "failed to decode message"),
        (b'{"type":"subscribe","channel":"level2","product_ids":"BTC-USD"}', "failed to decode message"),
        (b'{"type":"subscribe","channel":"level3","product_ids":["BTC-USD"]}', "authentication failure"),
        (b'{"type":"subscribe","channel":7}', "authentication failure"),
        (b'{"type":"subscribe","channel":["user"]}', "authentication failure"),
        (b'{"type":"subscribe","channel":"user"}', "authentication failure"),
        (b'{"type":"subscribe","channel":"user","jwt":"a.b.c"}', "authentication failure"),
        (b'{"type":"subscribe","channel":"heartbeats","jwt":7}', "authentication failure"),
        (b'{"type":"subscribe","channel":"ticker","product_ids":["NOPE-USD"]}', "NOPE-USD is not a valid product_id"),
        (b'{"type":"subscribe","channel":"ticker","product_ids":[["x"]]}', "['x'] is not a valid product_id"),
    ],
)
def test_what_is_no_subscription_is_said_to_be_none(venue: Any, message: bytes, expected: str) -> None:
    client = venue.socket()
    client.send(message)
    assert errors(client.look()) == [expected]
    assert not client.is_closed


def test_a_connection_that_follows_nothing_or_hears_nothing_is_closed(venue: Any) -> None:
    idle, quiet, beating = venue.socket(), venue.socket(), venue.socket()
    quiet.subscribe("user", signed=True)
    beating.subscribe("heartbeats")
    venue.host.advance(6 * NANOS)
    assert (idle.is_closed, quiet.is_closed) == (True, False)
    venue.host.advance(60 * NANOS)
    assert (quiet.is_closed, beating.is_closed) == (True, False)


def test_too_many_books_too_many_messages_too_many_connections(make_venue: Any, make_market: Any) -> None:
    markets = [make_market(symbol=f"A{n}-USD", base_asset=f"A{n}", instrument_id=n) for n in range(12)]
    venue = make_venue(*markets)
    client = venue.socket()
    names = [each.instrument.symbol for each in markets]
    assert errors(client.subscribe("level2", *names[:10])) == []
    assert errors(client.subscribe("level2", names[10])) == ["too many L2 streams requested in a single session"]
    client.ask("unsubscribe", "level2", names[0])
    assert errors(client.subscribe("level2", names[10])) == []
    for _ in range(4):
        client.subscribe("ticker", names[0])
    assert errors(client.subscribe("ticker", names[1])) == ["rate limit exceeded"]
    assert errors(client.subscribe("ticker", names[1], signed=True)) == []
    assert [venue.socket().status for _ in range(8)] == [101] * 7 + [429]
    venue.host.advance(NANOS)
    assert venue.socket().status == 101


def test_there_is_one_path(venue: Any) -> None:
    from memory_venue import SocketClient

    assert SocketClient(venue.host, "/ws").status == 404
    venue.actor.drop_connections(venue.host.now_ns)


# -- market data -------------------------------------------------------------------------------------------------------


def test_a_local_book_by_the_venues_rule_is_the_markets(make_venue: Any, make_market: Any) -> None:
    quiet = make_market()
    flow = FlowParameters(centre_ticks=100_000, levels=40, band_ticks=50_000, resting_orders=120)
    market = SyntheticMarket(quiet.instrument, 5, flow)
    venue = make_venue(market, book_interval_ns=50 * MS, trades_interval_ns=250 * MS)
    client = venue.socket()
    client.subscribe("heartbeats")
    client.kept += client.subscribe("level2", "BTC-USD")
    book: dict[tuple[str, str], str] = {}
    updates = 0
    for step in range(100):
        if step == 50:
            venue.limit("BUY", "900", "0.5")
            client.kept += client.ask("unsubscribe", "level2", "BTC-USD")
            client.kept += client.subscribe("level2", "BTC-USD")
        venue.host.advance(20 * MS)
        for event in client.take("l2_data"):
            updates += 1
            apply(book, event)
    other = venue.socket()
    other.kept += other.subscribe("level2", "BTC-USD")  # who follows already is told first what is in its snapshot
    (snapshot,) = other.take("l2_data")
    for event in client.take("l2_data"):
        apply(book, event)
    expected: dict[tuple[str, str], str] = {}
    apply(expected, snapshot)
    _, bids, asks = market.snapshot(10_000)
    assert len(snapshot["updates"]) == len(bids) + len(asks)
    assert book == expected
    assert 20 < updates < 60  # collected, not one by one


def test_public_trades_have_the_makers_side_newest_first_and_come_in_batches(make_venue: Any) -> None:
    venue = make_venue(trades_interval_ns=250 * MS)
    venue.trade(9_900, LOT, Side.SELL, 7)
    client = venue.socket()
    client.kept += client.subscribe("market_trades", "BTC-USD")
    (snapshot,) = client.take("market_trades")
    assert [(each["trade_id"], each["side"]) for each in snapshot["trades"]] == [("7", "BUY")]
    venue.trade(10_000, LOT, Side.BUY, 8)
    venue.trade(10_100, LOT // 2, Side.BUY, 9)
    assert client.take("market_trades") == []
    venue.host.advance(250 * MS)
    (update,) = client.take("market_trades")
    assert (update["type"], [each["trade_id"] for each in update["trades"]]) == ("update", ["9", "8"])
    assert update["trades"][0] == {
        "trade_id": "9",
        "product_id": "BTC-USD",
        "price": "101",
        "size": "0.5",
        "side": "SELL",
        "time": update["trades"][0]["time"],
    }


def test_tickers_candles_and_status(venue: Any) -> None:
    venue.others(Side.BUY, 9_900, LOT)
    client = venue.socket()
    for channel in ("ticker", "ticker_batch", "candles", "status"):
        client.kept += client.subscribe(channel, "BTC-USD", signed=True)
    assert [each["type"] for each in client.take("status")] == ["snapshot"]
    (snapshot,) = client.take("ticker")
    assert (snapshot["tickers"][0]["price"], snapshot["tickers"][0]["best_ask"]) == ("", "")
    assert client.take("candles") == [{"type": "snapshot", "candles": []}]
    for number, price in enumerate((10_000, 10_200, 9_950)):
        venue.trade(price, LOT, Side.BUY, number)
    row = client.take("ticker")[-1]["tickers"][0]
    assert (row["price"], row["high_24_h"], row["low_24_h"], row["volume_24_h"]) == ("99.5", "102", "99.5", "3")
    assert (row["best_bid"], row["best_bid_quantity"], row["price_percent_chg_24_h"]) == ("99", "1", "-0.5")
    client.take("ticker_batch")
    venue.host.advance(5 * NANOS)
    (candle,) = [row for event in client.take("candles") for row in event["candles"]]
    assert [candle[name] for name in ("open", "high", "low", "close", "volume")] == ["100", "102", "99.5", "99.5", "3"]
    assert int(candle["start"]) % 300 == 0
    (batch,) = client.take("ticker_batch")
    assert "best_bid" not in batch["tickers"][0]
    client.take("status")
    venue.actor.set_trading("BTC-USD", False, venue.host.now_ns)
    assert client.take("status")[0]["products"][0]["status"] == "offline"


def test_the_market_begins_when_somebody_follows_it(make_venue: Any, make_market: Any) -> None:
    venue = make_venue(make_market())
    client = venue.socket()
    for channel in ("heartbeats", "status"):
        client.subscribe(channel)
    client.subscribe("user", signed=True)
    assert venue.market.started_ns is None
    client.subscribe("ticker", "BTC-USD")
    assert venue.market.started_ns is not None


# -- the user channel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "batches"), [(0, [0]), (3, [3]), (50, [50, 0]), (51, [50, 1]), (100, [50, 50, 0])])
def test_the_snapshot_comes_in_batches_of_which_one_is_not_full(venue: Any, count: int, batches: list[int]) -> None:
    for _ in range(count):
        venue.limit("BUY", "90", "0.1")
    client = venue.socket()
    client.kept += client.subscribe("user", signed=True)
    events = client.take("user")
    assert [(each["type"], len(each["orders"])) for each in events] == [("snapshot", size) for size in batches]


def test_only_the_products_and_the_account_that_were_asked_for(make_venue: Any, make_market: Any) -> None:
    venue = make_venue(make_market(), make_market(symbol="ETH-USD", base_asset="ETH"))
    mine, other = venue.socket(), venue.socket("keyB")
    mine.subscribe("user", "ETH-USD", signed=True)
    other.subscribe("user", signed=True)
    venue.limit("BUY", "90", "0.1")
    assert (mine.orders(), other.orders()) == ([], [])
    venue.ok(venue.post("orders", {**venue.order("BUY", base_size="0.1", limit_price="90"), "product_id": "ETH-USD"}))
    assert [each["product_id"] for each in mine.orders()] == ["ETH-USD"] * 2


def test_every_value_of_an_order_is_text(venue: Any) -> None:
    client = venue.socket().follow_orders()
    venue.limit("BUY", "100", "2")
    venue.others(Side.SELL, 10_000, LOT // 2, ioc=True)
    told = client.orders()[-1]
    assert all(isinstance(value, str) for value in told.values())
    assert (told["cumulative_quantity"], told["leaves_quantity"], told["avg_price"]) == ("0.5", "1.5", "100")
    assert parse_decimal(told["outstanding_hold_amount"]) == parse_decimal("150.9")


def test_news_come_before_the_answer_or_after_it(make_venue: Any) -> None:
    """Neither is promised: with some seeds and requests one, with others the other."""
    seen = set()
    for seed in range(4):
        venue = make_venue(seed=seed)
        client = venue.socket().follow_orders()
        writes: list[str] = []
        plain = venue.host.write

        def write(link: str, data: bytes, plain: Any = plain, writes: list[str] = writes) -> None:
            writes.append(link)
            plain(link, data)

        venue.host.write = write
        for _ in range(4):
            writes.clear()
            venue.limit("BUY", "90", "0.1")
            seen.add(writes[0] == client.link)
    assert seen == {True, False}
