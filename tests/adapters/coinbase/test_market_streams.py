"""Books by absolute levels, the best of them as quotes, public trades; gaps, quarantine, and coming back."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.coinbase.options import CoinbaseOptions
from engine.book_audit import BookAudit
from engine.codes import Side
from engine.messages import Quote, Trade
from engine.venue import BookChanged, SessionState

#: ``conftest.Host``.
Host = Any
Make = Callable[..., Host]
MS, SECOND = 1_000_000, 1_000_000_000
STREAM = "session:streams:0"


def depth(host: Host, instrument_id: int = 1) -> Any:
    return host.session.book(instrument_id).depth(10)


def validity(events: list[Any]) -> list[tuple[int, bool]]:
    return [(each.instrument_id, each.valid) for each in events if isinstance(each, BookChanged)]


def messages(host: Host, channel: str) -> list[tuple[str, list[str]]]:
    return [(each["type"], each.get("product_ids", [])) for each in host.venue.subscribed if each["channel"] == channel]


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_a_book_comes_whole_and_then_by_levels(make: Make, chunk: int) -> None:
    audit = BookAudit()
    host = make(chunk=chunk, observer=audit).begin()
    assert depth(host) == (((1_000, 100_000),), ((1_100, 200_000),))
    host.take()
    host.venue.book(("bid", "10.50", "0.5"), ("bid", "10.00", "0"), ("offer", "10.99", "0.00001"))
    assert depth(host) == (((1_050, 50_000),), ((1_099, 1), (1_100, 200_000)))
    changed, quote = host.take()
    assert changed == BookChanged(1, True, 2, changed.venue_time_ns, host.now_ns)
    assert isinstance(quote, Quote)
    assert (quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots) == (1_050, 50_000, 1_099, 1)
    host.venue.book(("bid", "9.00", "1"))
    assert [type(each) for each in host.take()] == [BookChanged]  # the best is what it was


def test_a_quantity_finer_than_a_lot_is_cut_but_never_to_nothing(live: Host) -> None:
    live.venue.book(("bid", "10.10", "0.000001"), ("bid", "10.20", "0.0000199"))
    assert depth(live)[0][:2] == ((1_020, 1), (1_010, 1))


def test_a_gap_takes_every_book_of_its_connection_back_and_the_feed_goes_on(make: Make) -> None:
    host = make(symbols=((1, "BTC-USD"), (2, "ETH-USD"))).begin()
    host.take()
    host.venue.subscribed.clear()
    host.venue.book(("bid", "10.50", "1"), skip=1)
    assert validity(host.take()) == [(1, False), (2, False)]
    host.advance(SECOND)
    products = ["BTC-USD", "ETH-USD"]
    assert messages(host, "level2") == [("unsubscribe", products), ("subscribe", products)]
    assert validity(host.take()) == [(1, True), (2, True)]
    assert depth(host)[0] == ((1_000, 100_000),)
    assert host.session.counters["book gap"] == 1
    assert [link for link, _ in host.opened].count(STREAM) == 1


@pytest.mark.parametrize(
    "row", [("bid", "10.005", "1"), ("bid", "ten", "1"), ("bid", "10.00", "-1"), ("bid", "12.00", "1")]
)
def test_what_cannot_be_right_quarantines_its_own_book_only(make: Make, row: tuple[str, str, str]) -> None:
    host = make(symbols=((1, "BTC-USD"), (2, "ETH-USD"))).begin()
    host.take()
    host.venue.subscribed.clear()
    host.venue.book(row)
    host.venue.book(("bid", "10.50", "1"), product_id="ETH-USD")
    assert validity(host.take()) == [(1, False), (2, True)]
    host.advance(SECOND)
    assert messages(host, "level2") == [("unsubscribe", ["BTC-USD"]), ("subscribe", ["BTC-USD"])]
    assert validity(host.take()) == [(1, True)]


def test_quarantine_lasts_longer_each_time(live: Host) -> None:
    live.venue.books["BTC-USD"] = [("bid", "12.00", "1"), ("offer", "11.00", "1")]  # always crossed
    live.venue.book(("bid", "12.00", "1"))
    live.advance(60 * SECOND)
    assert 4 <= len([each for each in messages(live, "level2") if each[0] == "unsubscribe"]) <= 8
    live.venue.books.clear()
    live.advance(40 * SECOND)
    assert validity(live.take())[-1] == (1, True)


def test_a_message_seen_before_is_ignored(live: Host) -> None:
    live.venue.stream.sequence -= 1
    live.venue.book(("bid", "10.50", "1"))
    assert live.take() == []
    assert depth(live)[0] == ((1_000, 100_000),)


def test_a_lost_connection_takes_its_books_back_until_it_stands_again(live: Host) -> None:
    live.cut(STREAM)
    assert validity(live.take()) == [(1, False)]
    live.advance(SECOND)
    assert validity(live.take()) == [(1, True)]
    assert not [each for each in live.events if isinstance(each, SessionState)]


def test_a_silent_connection_is_made_anew(live: Host) -> None:
    live.pulse_at_ns = 0
    live.advance(11 * SECOND)
    assert validity(live.take())[:1] == [(1, False)]
    assert [link for link, _ in live.opened].count(STREAM) >= 2


def test_a_book_that_does_not_come_is_asked_for_on_a_new_connection(make: Make) -> None:
    host = make()
    host.venue.snapshot = lambda end, name: None
    host.begin()
    host.advance(12 * SECOND)
    assert [link for link, _ in host.opened].count(STREAM) == 2


def test_products_are_spread_over_connections_opened_one_after_the_other(make: Make) -> None:
    symbols = tuple((number, f"A{number}-USD") for number in range(25))
    host = make(symbols=symbols).begin()
    assert [link for link, _ in host.opened if link.startswith("session:streams")] == [STREAM]
    host.advance(3 * SECOND)
    at = {link: at_ns for link, at_ns in host.opened if link.startswith("session:streams")}
    assert sorted(at) == ["session:streams:0", "session:streams:1", "session:streams:2"]
    assert at["session:streams:2"] - at["session:streams:1"] >= SECOND // 2
    assert [len(ids) for _, ids in messages(host, "level2")] == [10, 10, 5]
    assert all(depth(host, number)[0] for number, _ in symbols)


def test_products_in_usdc_share_the_book_in_usd(make: Make) -> None:
    host = make(symbols=((1, "BTC-USD"), (2, "BTC-USDC")))
    host.venue.products[1]["alias"] = "BTC-USD"
    host.begin()
    assert messages(host, "level2") == [("subscribe", ["BTC-USD"])]
    assert depth(host, 1) == depth(host, 2)
    host.take()
    host.venue.book(("bid", "10.50", "1"))
    assert validity(host.take()) == [(1, True), (2, True)]


def test_without_market_data_there_is_no_connection_for_it(make: Make) -> None:
    host = make(options=CoinbaseOptions(market_data=False)).begin()
    host.advance(SECOND)
    assert not [link for link, _ in host.opened if link.startswith("session:streams")]
    assert [each.live for each in host.take() if isinstance(each, SessionState)] == [True]


def trade(number: int, side: str) -> dict[str, str]:
    return {
        "trade_id": str(number),
        "product_id": "BTC-USD",
        "price": "10.25",
        "size": "0.3",
        "side": side,
        "time": "2023-11-14T22:14:00.5Z",
    }


def test_public_trades_oldest_first_with_the_takers_side(live: Host) -> None:
    live.venue.stream.channel("market_trades", {"type": "snapshot", "trades": [trade(1, "BUY")]})
    live.venue.stream.channel(
        "market_trades",
        {"type": "update", "trades": [trade(4, "UNKNOWN_ORDER_SIDE"), trade(3, "BUY"), trade(2, "SELL")]},
    )
    live.run()
    told = [each for each in live.take() if isinstance(each, Trade)]
    assert [(each.trade_id, each.aggressor) for each in told] == [(2, Side.BUY), (3, Side.SELL)]
    assert (told[0].price_ticks, told[0].quantity_lots) == (1_025, 30_000)
    assert told[0].venue_time_ns == 1_700_000_040_500 * MS
    assert live.session.counters["trades without a side"] == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["bid", "offer"]), st.integers(1, 40), st.integers(0, 5)), min_size=1, max_size=60
    ),
    size=st.integers(1, 9),
)
def test_the_book_is_what_a_plain_dictionary_says(make: Make, rows: list[tuple[str, int, int]], size: int) -> None:
    host = make().begin()
    sides: dict[str, dict[int, int]] = {"bid": {1_000: 100_000}, "offer": {1_100: 200_000}}
    for at in range(0, len(rows), size):
        part = []
        for side, offset, quantity in rows[at : at + size]:
            ticks = 1_000 - offset if side == "bid" else 1_100 + offset
            part.append((side, f"{ticks / 100:.2f}", str(quantity)))
            sides[side][ticks] = quantity * 100_000
        host.venue.book(*part)
    bids = tuple((ticks, lots) for ticks, lots in sorted(sides["bid"].items(), reverse=True) if lots)
    asks = tuple((ticks, lots) for ticks, lots in sorted(sides["offer"].items()) if lots)
    assert host.session.book(1).depth(100) == (bids, asks)
