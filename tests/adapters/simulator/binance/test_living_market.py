"""The venue over a generated market: a local book by the venue's own rule, and the same bytes for the same seed."""

import hashlib
from typing import Any

from adapters.simulator.binance import VenueLimits
from adapters.simulator.synthetic_market import SyntheticMarket, default_instrument

SECOND_NS = 1_000_000_000
STREAMS = "/stream?streams=btcusdt@depth@100ms/btcusdt@trade/btcusdt@bookTicker"


def living(make_venue: Any) -> Any:
    market = SyntheticMarket(default_instrument(), seed=7)
    return make_venue(market, limits=VenueLimits(weight_per_minute=10**6, orders_per_10_seconds=10**6))


def trade_a_little(venue: Any, api: Any, second: int) -> None:
    """Quote at the best prices, take now and then, cancel the rest."""
    bid_ticks, _, ask_ticks, _ = venue.market.best()
    for side, ticks in (("BUY", bid_ticks), ("SELL", ask_ticks)):
        price = f"{ticks // 100}.{ticks % 100:02d}"
        assert api.signed("order.place", **venue.limit(side, price, "0.01"))["status"] == 200
    side = "BUY" if second % 2 else "SELL"
    taken = api.signed("order.place", symbol="BTCUSDT", side=side, type="MARKET", quantity="0.02")["result"]
    assert taken["status"] == "FILLED"
    if second % 3 == 0:
        api.signed("openOrders.cancelAll", symbol="BTCUSDT")


def test_a_local_book_by_the_official_rule_equals_the_snapshot(make_venue: Any) -> None:
    venue = living(make_venue)
    api, stream, rest = venue.api(), venue.stream(STREAMS), venue.rest()
    venue.host.advance(SECOND_NS)
    snapshot = rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
    update_id = snapshot["lastUpdateId"]
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    for second in range(8):
        trade_a_little(venue, api, second)
        venue.host.advance(SECOND_NS)
        for message in stream.messages():
            data = message["data"]
            if message["stream"] != "btcusdt@depth@100ms" or data["u"] <= update_id:
                continue
            assert data["U"] <= update_id + 1 <= data["u"]
            update_id = data["u"]
            for side, levels in (("bids", data["b"]), ("asks", data["a"])):
                book[side].update(levels)
                for price in [price for price, quantity in levels if float(quantity) == 0]:
                    book[side].pop(price)
    last = rest.request("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000")[1]
    assert update_id > snapshot["lastUpdateId"]
    assert last["lastUpdateId"] == update_id
    assert {side: dict(last[side]) for side in book} == book


def test_public_trades_contain_our_own(make_venue: Any) -> None:
    venue = living(make_venue)
    api, stream = venue.subscribed(), venue.stream("/ws/btcusdt@trade")
    venue.host.advance(SECOND_NS)
    trade_a_little(venue, api, 0)
    ours = {report["t"]: report for report in api.reports() if report["x"] == "TRADE"}
    public = {trade["t"]: trade for trade in stream.messages()}
    assert ours
    for trade_id, report in ours.items():
        trade = public[trade_id]
        assert (trade["p"], trade["q"], trade["T"]) == (report["L"], report["l"], report["T"])


def test_one_seed_one_conversation(make_venue: Any) -> None:
    digests = []
    for _ in range(2):
        venue = living(make_venue)
        api, stream = venue.subscribed(), venue.stream(STREAMS)
        digest = hashlib.sha256()
        for second in range(4):
            venue.host.advance(SECOND_NS)
            trade_a_little(venue, api, second)
            digest.update(b"".join(stream.raw_messages()))
            digest.update(str(api.take_events()).encode())
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]
