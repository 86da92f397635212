"""Orders that wait for a trigger, and lists of orders, at the simulated Binance."""

from typing import Any

import pytest

from engine.codes import Side
from engine.instrument import NANOS

STOP_SELL = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "95.00"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "1",
    "listClientOrderId": "l1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "110.00",
    "aboveClientOrderId": "take",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "95.00",
    "belowPrice": "94.00",
    "belowTimeInForce": "GTC",
    "belowClientOrderId": "stop",
}


def trade(venue: Any, price_ticks: int, lots: int = 10) -> None:
    """The public trades at a price, and the venue gets to know."""
    market = venue.market
    market.anonymous(Side.SELL, price_ticks, lots)
    market.anonymous(Side.BUY, price_ticks, lots, ioc=True)
    venue.actor.exchange.advance(venue.host.now_ns)


def depth(venue: Any, bid_ticks: int, ask_ticks: int, lots: int = 10_000_000) -> None:
    venue.market.anonymous(Side.BUY, bid_ticks, lots)
    venue.market.anonymous(Side.SELL, ask_ticks, lots)


def told(client: Any) -> list[tuple[str, str, str, bool]]:
    """(client order id, what happened, status, whether it works)."""
    return [(e["C"] or e["c"], e["x"], e["X"], e["w"]) for e in client.reports()]


def test_a_stop_waits_outside_the_book_and_fires_at_the_last_trade(venue: Any) -> None:
    trade(venue, 10_000)
    depth(venue, 9_400, 10_100)
    api = venue.subscribed()
    assert api.signed("order.place", **STOP_SELL, newClientOrderId="s1")["status"] == 200
    assert told(api) == [("s1", "NEW", "NEW", False)]
    assert venue.balance("a", "BTC") == (9 * NANOS, NANOS)
    state = api.signed("order.status", symbol="BTCUSDT", origClientOrderId="s1")["result"]
    assert (state["isWorking"], state["stopPrice"], state["type"]) == (False, "95.00000000", "STOP_LOSS")
    trade(venue, 9_600)
    assert told(api) == []
    trade(venue, 9_500)
    assert told(api) == [("s1", "NEW", "NEW", True), ("s1", "TRADE", "FILLED", False)]
    assert venue.balance("a", "BTC") == (9 * NANOS, 0)


def test_a_trigger_that_is_reached_already_is_refused(venue: Any) -> None:
    trade(venue, 9_500)
    answer = venue.api().signed("order.place", **STOP_SELL)
    assert answer["error"] == {"code": -2010, "msg": "Order would trigger immediately."}
    assert venue.balance("a", "BTC") == (10 * NANOS, 0)


def test_a_triggered_limit_order_rests_and_its_cancel_frees_it(venue: Any) -> None:
    trade(venue, 10_000)
    api = venue.subscribed()
    terms = STOP_SELL | {"type": "STOP_LOSS_LIMIT", "price": "96.00", "timeInForce": "GTC"}
    api.signed("order.place", **terms, newClientOrderId="s1")
    trade(venue, 9_400)
    assert told(api)[-1] == ("s1", "NEW", "NEW", True)
    assert venue.market.best()[2:] == (9_600, 100_000)
    assert api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="s1")["status"] == 200
    assert venue.market.best()[2:] == (0, 0)
    api.signed("order.place", **terms | {"stopPrice": "90.00", "price": "90.00"}, newClientOrderId="s2")
    assert api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="s2")["status"] == 200
    assert venue.balance("a", "BTC") == (10 * NANOS, 0)
    trade(venue, 8_000)
    assert told(api)[-1] == ("s2", "CANCELED", "CANCELED", False)


def test_a_trailing_stop_follows_the_market_up_and_never_down(venue: Any) -> None:
    trade(venue, 10_000)
    depth(venue, 9_000, 20_000)
    api = venue.subscribed()
    terms = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": 1_000}
    api.signed("order.place", **terms, newClientOrderId="t1")
    for price in (9_100, 11_000, 9_901):  # 10 % behind 11,000 is 9,900
        trade(venue, price)
    assert told(api) == [("t1", "NEW", "NEW", False)]
    trade(venue, 9_900)
    assert told(api)[-1] == ("t1", "TRADE", "FILLED", False)


def test_a_stop_that_buys_more_than_there_is_money_for_expires(venue: Any) -> None:
    trade(venue, 10_000)
    depth(venue, 9_000, 3_000_000)
    api = venue.subscribed()
    terms = STOP_SELL | {"side": "BUY", "stopPrice": "110.00", "quantity": "60"}
    api.signed("order.place", **terms, newClientOrderId="s1")
    trade(venue, 11_000)
    assert told(api)[-1] == ("s1", "EXPIRED", "EXPIRED", False)
    assert venue.balance("a", "USDT") == (1_000_000 * NANOS, 0)


def test_an_iceberg_shows_a_part_of_itself(venue: Any) -> None:
    api = venue.subscribed()
    terms = venue.limit("SELL", "100.00", "1", icebergQty="0.25", newClientOrderId="i1")
    assert api.signed("order.place", **terms)["status"] == 200
    assert venue.market.best()[2:] == (10_000, 25_000)
    venue.market.anonymous(Side.BUY, 10_000, 60_000, ioc=True)
    venue.actor.exchange.advance(venue.host.now_ns)
    assert venue.market.best()[2:] == (10_000, 15_000)
    [*_, last] = api.reports()
    assert (last["F"], last["z"]) == ("0.25000000", "0.60000000")


# -- lists -------------------------------------------------------------------------------------------------------


def test_one_of_a_pair_executes_and_the_other_expires(venue: Any) -> None:
    trade(venue, 10_000)
    api = venue.subscribed()
    answer = api.signed("orderList.place.oco", **OCO)
    assert answer["status"] == 200, answer
    assert [each["clientOrderId"] for each in answer["result"]["orderReports"]] == ["take", "stop"]
    assert venue.balance("a", "BTC") == (9 * NANOS, NANOS)  # once, not twice
    assert told(api) == [("take", "NEW", "NEW", True), ("stop", "NEW", "NEW", False)]
    venue.market.anonymous(Side.BUY, 11_000, 40_000, ioc=True)
    venue.actor.exchange.advance(venue.host.now_ns)
    assert told(api) == [("stop", "EXPIRED", "EXPIRED", False), ("take", "TRADE", "PARTIALLY_FILLED", True)]
    assert venue.balance("a", "BTC") == (9 * NANOS, 600_000_000)
    venue.market.anonymous(Side.BUY, 11_000, 60_000, ioc=True)
    venue.actor.exchange.advance(venue.host.now_ns)
    assert venue.balance("a", "BTC") == (9 * NANOS, 0)


def test_a_triggered_stop_takes_its_pair_out_of_the_book(venue: Any) -> None:
    trade(venue, 10_000)
    api = venue.subscribed()
    api.signed("orderList.place.oco", **OCO)
    trade(venue, 9_500)
    assert told(api)[2:] == [("take", "EXPIRED", "EXPIRED", False), ("stop", "NEW", "NEW", True)]
    assert venue.market.best()[2:] == (9_400, 100_000)
    statuses = [e["event"] for e in api.take_events() if e.get("event", {}).get("e") == "listStatus"]
    assert statuses == []  # it goes on


@pytest.mark.parametrize("method", ["order.cancel", "orderList.cancel", "openOrders.cancelAll"])
def test_a_cancel_of_any_order_cancels_the_list(venue: Any, method: str) -> None:
    trade(venue, 10_000)
    api = venue.subscribed()
    api.signed("orderList.place.oco", **OCO)
    told(api)
    names = {"order.cancel": {"origClientOrderId": "stop"}, "orderList.cancel": {"listClientOrderId": "l1"}}
    assert api.signed(method, symbol="BTCUSDT", **names.get(method, {}))["status"] == 200
    assert sorted(told(api)) == [("stop", "CANCELED", "CANCELED", False), ("take", "CANCELED", "CANCELED", False)]
    assert venue.balance("a", "BTC") == (10 * NANOS, 0)
    assert venue.actor.exchange.orders.open_total() == 0


def test_a_list_is_placed_whole_or_not_at_all(venue: Any) -> None:
    trade(venue, 10_000)
    api = venue.api()
    assert "error" in api.signed("orderList.place.oco", **OCO | {"belowStopPrice": "101.00"})
    assert "error" in api.signed("orderList.place.oco", **OCO | {"quantity": "10.1"})
    venue.market.anonymous(Side.BUY, 11_000, 10)
    assert api.signed("orderList.place.oco", **OCO)["error"]["msg"] == "Order would immediately match and take."
    assert venue.balance("a", "BTC") == (10 * NANOS, 0)
    assert venue.actor.exchange.orders.open_total() == 0


OTOCO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "100.00",
    "workingQuantity": "1",
    "workingTimeInForce": "GTC",
    "workingClientOrderId": "entry",
    "pendingSide": "SELL",
    "pendingQuantity": "1",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "110.00",
    "pendingAboveClientOrderId": "take",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "95.00",
    "pendingBelowClientOrderId": "stop",
}


def test_a_pair_begins_once_the_order_before_it_is_filled(venue: Any) -> None:
    trade(venue, 10_500)
    api = venue.subscribed()
    assert api.signed("orderList.place.otoco", **OTOCO)["status"] == 200
    assert told(api) == [
        ("entry", "NEW", "NEW", True),
        ("take", "NEW", "PENDING_NEW", False),
        ("stop", "NEW", "PENDING_NEW", False),
    ]
    assert venue.balance("a", "BTC") == (10 * NANOS, 0)
    for lots in (40_000, 60_000):
        venue.market.anonymous(Side.SELL, 10_000, lots, ioc=True)
        venue.actor.exchange.advance(venue.host.now_ns)
    assert told(api) == [
        ("entry", "TRADE", "PARTIALLY_FILLED", True),
        ("entry", "TRADE", "FILLED", False),
        ("take", "NEW", "NEW", True),
        ("stop", "NEW", "NEW", False),
    ]
    free, locked = venue.balance("a", "BTC")
    assert (locked, free) == (NANOS, 10 * NANOS - 1_000_000)  # the fee was taken in BTC
    depth(venue, 9_400, 12_000)
    trade(venue, 9_500)
    assert told(api)[-1] == ("stop", "TRADE", "FILLED", False)
    assert venue.balance("a", "BTC")[1] == 0


def test_what_waits_for_an_order_that_ends_otherwise_never_begins(venue: Any) -> None:
    trade(venue, 10_500)
    api = venue.subscribed()
    api.signed("orderList.place.otoco", **OTOCO)
    told(api)
    assert api.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="entry")["status"] == 200
    assert {name for name, what, _, _ in told(api) if what == "CANCELED"} == {"entry", "take", "stop"}
    assert venue.balance("a", "USDT") == (1_000_000 * NANOS, 0)
