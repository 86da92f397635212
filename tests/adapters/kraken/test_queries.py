"""Questions about orders and trades: what is asked, every answer, and whose an amended order's fills are."""

from typing import Any

import pytest

from adapters.kraken.client_ids import venue_id
from engine.codes import OrderStatus
from engine.venue import (
    Balance,
    OpenOrdersListed,
    OrderAccepted,
    OrderNotFound,
    OrderReplaced,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    TradesListed,
)

SECOND = 1_000_000_000
ID = "OAAAAA-BBBBB-CCCCCC"
LOTS = 100_000_000
OPENED = 1_700_000_041.5


def info(status: str = "open", **changes: Any) -> dict[str, Any]:
    base = {"status": status, "vol": "1.00000000", "vol_exec": "0.25000000", "opentm": OPENED, "misc": ""}
    descr = {"pair": "XBTUSD", "type": "sell", "ordertype": "limit", "price": "10.0"}
    return {**base, "cl_ord_id": "a-1", "descr": descr, **changes}


def trade(order_id: str = ID, at: float = 1_700_000_042.0, **changes: Any) -> dict[str, Any]:
    base = {"ordertxid": order_id, "pair": "XXBTZUSD", "time": at, "type": "buy", "price": "10.0", "vol": "0.25"}
    return {**base, "fee": "0.0065", "maker": True, "trade_id": 1, **changes}


def amends(*users: tuple[str, str, int]) -> dict[str, Any]:
    """(total, open after it, ms) of each amend."""
    rows = [{"amend_type": "original", "order_qty": "1.0", "remaining_qty": "1.0", "timestamp": 1_700_000_040_000}]
    rows += [
        {"amend_type": "user", "order_qty": qty, "remaining_qty": rest, "timestamp": ms} for qty, rest, ms in users
    ]
    return {"count": len(rows), "amends": rows}


def ask(host: Any, order: Any) -> list[Any]:
    host.take()
    host.session.query_order(order, host.now_ns)
    host.run()
    return list(host.take())


# -- one order -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("pending", "0", OrderStatus.NEW),
        ("open", "0", OrderStatus.NEW),
        ("open", "0.25", OrderStatus.PARTIALLY_FILLED),
        ("closed", "1.0", OrderStatus.FILLED),
        ("closed", "0.5", OrderStatus.EXPIRED),
        ("canceled", "0.5", OrderStatus.CANCELLED),
        ("expired", "0", OrderStatus.EXPIRED),
    ],
)
def test_an_order_by_its_id(live: Any, status: str, filled: str, expected: OrderStatus) -> None:
    live.venue.rest_rules["QueryOrders"] = lambda params: {params["txid"]: info(status, vol_exec=filled)}
    order = live.order()
    order.order_id = ID
    told = ask(live, order)
    assert [(each.client_order_id, each.order_id, each.status, each.quantity_lots) for each in told] == [
        ("a-1", ID, expected, LOTS)
    ]


def test_an_order_by_its_name_among_the_open_and_then_the_ended(live: Any) -> None:
    order = live.order("maker-19729ab3c4d-1234567")
    name = venue_id(order.client_order_id)
    live.venue.rest_rules["ClosedOrders"] = lambda params: {
        "closed": {
            "OLD": info("canceled", cl_ord_id=name, opentm=1.0),
            ID: info("closed", cl_ord_id=name, vol_exec="1"),
        },
        "count": 2,
    }
    told = ask(live, order)
    # What is open the executions channel has told.
    assert live.venue.asked == [("ClosedOrders", {"cl_ord_id": name})]
    assert isinstance(told[0], OrderSeen)
    assert (told[0].order_id, told[0].status) == (ID, OrderStatus.FILLED)


def test_an_order_that_is_nowhere(live: Any) -> None:
    told = ask(live, live.order())
    assert isinstance(told[0], OrderNotFound)
    known = live.order()
    known.order_id = ID
    live.venue.rest_rules["QueryOrders"] = lambda params: "EOrder:Unknown order"
    assert isinstance(ask(live, known)[0], OrderNotFound)
    live.venue.rest_rules["QueryOrders"] = lambda params: {}
    assert isinstance(ask(live, known)[0], OrderNotFound)


@pytest.mark.parametrize("error", ["EService:Unavailable", "EAPI:Invalid nonce", (502, {})])
def test_a_question_that_fails_is_told_once(live: Any, error: Any) -> None:
    live.venue.rest_rules["ClosedOrders"] = lambda params: error
    assert not ask(live, live.order())
    live.advance(SECOND)
    failed = [each for each in live.take() if isinstance(each, QueryFailed)]
    assert [each.client_order_id for each in failed] == ["a-1"]


def test_an_answer_that_makes_no_sense_fails_the_question(live: Any) -> None:
    for result in ({"closed": {ID: info("sideways")}}, {"closed": {ID: info(vol="many")}}, {"closed": 7}):
        live.venue.rest_rules["ClosedOrders"] = lambda params, result=result: result
        ask(live, live.order())
        live.advance(5 * SECOND)
        assert any(isinstance(each, QueryFailed) for each in live.take())


def test_an_order_of_an_earlier_life_is_known_once_it_was_asked_about(live: Any) -> None:
    order = live.order("maker-19729ab3c4d-1234567")
    order.order_id = ID
    name = venue_id(order.client_order_id)
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info(cl_ord_id=name, vol_exec="0")}
    ask(live, order)
    live.venue.trade("T1", 0.5, 0.5)
    assert live.take()[-1].client_order_id == order.client_order_id


# -- amended in an earlier life ----------------------------------------------------------------------------------


def later_life(live: Any, *users: tuple[str, str, int], **changes: Any) -> None:
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info(misc="amended", **changes)}
    live.venue.rest_rules["OrderAmends"] = lambda params: amends(*users)


def test_the_replacement_is_told_with_what_was_filled_of_it(live: Any) -> None:
    later_life(live, ("0.75", "0.5", 1), vol="0.75", vol_exec="0.50")
    orig = live.order()
    second = live.replacement(orig)
    second.order_id = f"{ID}/1"
    told = ask(live, second)[-1]
    assert (told.order_id, told.status) == (f"{ID}/1", OrderStatus.PARTIALLY_FILLED)
    assert (told.quantity_lots, told.cum_lots) == (50_000_000, 25_000_000)
    live.venue.trade("T9", 0.25, 0.75)
    assert live.take()[-1].client_order_id == "a-2"


def test_the_original_is_told_to_be_replaced(live: Any) -> None:
    later_life(live, ("0.75", "0.5", 1), vol="0.75", vol_exec="0.50")
    orig = live.order()
    live.replacement(orig)
    orig.order_id = ID
    told = ask(live, orig)
    assert [type(each) for each in told] == [OrderReplaced, OrderAccepted, OrderSeen]
    assert (told[0].new_client_order_id, told[0].cum_lots) == ("a-2", 25_000_000)
    assert (told[2].client_order_id, told[2].status) == ("a-1", OrderStatus.CANCELLED)
    assert told[1].order_id == f"{ID}/1"


def test_a_replacement_whose_answer_was_lost_is_found_by_its_originals_name(live: Any) -> None:
    later_life(live, ("0.5", "0.5", 1), vol="0.5", vol_exec="0")
    closed = {ID: info("canceled", misc="amended", vol="0.5", vol_exec="0")}
    live.venue.rest_rules["ClosedOrders"] = lambda params: {"closed": closed, "count": 1}
    second = live.replacement(live.order())
    told = ask(live, second)
    assert live.venue.asked[0] == ("ClosedOrders", {"cl_ord_id": "a-1"})
    assert [type(each) for each in told] == [OrderReplaced, OrderSeen]
    assert told[1].order_id == f"{ID}/1"


def test_a_replacement_that_never_came_to_be_is_not_found(live: Any) -> None:
    live.venue.rest_rules["ClosedOrders"] = lambda params: {"closed": {ID: info("canceled")}, "count": 1}
    live.venue.rest_rules["OrderAmends"] = lambda params: amends()
    second = live.replacement(live.order())
    assert [type(each) for each in ask(live, second)] == [OrderNotFound]


def test_an_amended_order_of_nobody_has_an_id_of_nobody(live: Any) -> None:
    live.venue.rest_rules["OpenOrders"] = lambda params: {"open": {ID: info(misc="amended")}}
    live.session.query_open_orders(1, live.now_ns)
    live.run()
    order = live.take()[-1].orders[0]
    assert (order.client_order_id, order.order_id) == ("", f"{ID}/?")


# -- lists -----------------------------------------------------------------------------------------------------


def test_open_orders_of_our_instruments(live: Any) -> None:
    other = info()
    other["descr"] = {**other["descr"], "pair": "ETHUSD"}
    live.venue.rest_rules["OpenOrders"] = lambda params: {"open": {ID: info(), "OTHER": other}}
    live.session.query_open_orders(7, live.now_ns)
    live.run()
    listed = live.take()[-1]
    assert isinstance(listed, OpenOrdersListed)
    assert listed.query_id == 7
    order = listed.orders[0]
    assert len(listed.orders) == 1
    assert (order.client_order_id, order.order_id, order.instrument_id, order.side.name) == ("a-1", ID, 1, "SELL")
    assert (order.quantity_lots, order.price_ticks, order.cum_lots) == (LOTS, 100, 25_000_000)
    assert order.status is OrderStatus.PARTIALLY_FILLED


def test_an_order_that_we_have_amended_is_listed_as_ours_of_now(live: Any) -> None:
    order = live.order()
    live.place(order)
    live.venue.accept()
    live.venue.trade("T1", 0.25, 0.25)
    live.replace(order, live.replacement(order))
    live.venue.report("amended", "new", order_qty=0.75, cum_qty=0.25)
    live.venue.rest_rules["OpenOrders"] = lambda params: {
        "open": {ID: info(misc="amended", vol="0.75", vol_exec="0.5")}
    }
    live.session.query_open_orders(1, live.now_ns)
    live.run()
    listed = live.take()[-1].orders[0]
    assert (listed.client_order_id, listed.order_id) == ("a-2", f"{ID}/1")
    assert (listed.quantity_lots, listed.cum_lots) == (50_000_000, 25_000_000)


def test_all_orders_since_over_all_pages(live: Any) -> None:
    pages = {"0": {f"O{n}": info("closed", opentm=OPENED + n, cl_ord_id=f"c-{n}") for n in range(50)}}
    pages["50"] = {"O50": info("canceled", opentm=OPENED - 100), "O51": info("canceled", opentm=OPENED + 51)}
    live.venue.rest_rules["ClosedOrders"] = lambda params: {"closed": pages[params["ofs"]], "count": 52}
    live.venue.rest_rules["OpenOrders"] = lambda params: {"open": {ID: info(opentm=OPENED - 1)}}
    live.session.query_orders(3, 1, live.now_ns, live.now_ns)
    live.advance(10 * SECOND)
    listed = live.take()[-1]
    assert isinstance(listed, OrdersListed)
    assert listed.complete
    assert [each.order_id for each in listed.orders] == [ID, *(f"O{n}" for n in range(50)), "O51"]
    assert listed.orders[0].created_ns > 0


# -- trades ----------------------------------------------------------------------------------------------------


def test_trades_since_one_that_is_known(live: Any) -> None:
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info()}
    history = {
        "T3": trade(at=1_700_000_044.0),
        "T2": trade(at=1_700_000_043.5, maker=False),
        "T1": trade(),
        "TX": trade(pair="XETHZUSD"),
    }
    live.venue.rest_rules["TradesHistory"] = lambda params: {"trades": history, "count": 4}
    live.session.query_trades(5, 1, "T1", live.now_ns)
    live.run()
    asked = dict(live.venue.asked)["TradesHistory"]
    assert (asked["start"], asked["consolidate_taker"]) == ("T1", "false")
    listed = live.take()[-1]
    assert isinstance(listed, TradesListed)
    assert (listed.query_id, listed.complete) == (5, True)
    assert [(each.trade_id, each.order_id, each.is_maker) for each in listed.fills] == [
        ("T2", ID, False),
        ("T3", ID, True),
    ]
    assert (listed.fills[0].last_lots, listed.fills[0].last_ticks, listed.fills[0].fee_nanos) == (
        25_000_000,
        100,
        6_500_000,
    )
    assert listed.fills[0].fee_asset == "USD"


def test_trades_of_the_last_day_over_pages_as_the_limit_allows(live: Any) -> None:
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info()}

    def history(params: dict[str, str]) -> Any:
        first = int(params["ofs"])
        rows = {f"T{n:03d}": trade(at=1_700_000_000.0 + n) for n in range(first, min(first + 50, 220))}
        return {"trades": rows, "count": 220}

    live.venue.rest_rules["TradesHistory"] = history
    live.session.query_trades(5, 1, "", live.now_ns)
    live.run()
    assert float(dict(live.venue.asked)["TradesHistory"]["start"]) == pytest.approx(1_700_000_040 - 86_400, abs=1)
    live.advance(120 * SECOND)
    listed = next(each for each in live.take() if isinstance(each, TradesListed))
    assert [each.trade_id for each in listed.fills] == [f"T{n:03d}" for n in range(220)]


def test_trades_of_an_amended_order_belong_to_the_one_of_ours_that_stood_then(live: Any) -> None:
    """Also when this life knows nothing of it."""
    later_life(live, ("0.75", "0.5", 1_700_000_043_000), vol="0.75")
    history = {"T1": trade(at=1_700_000_042.0), "T2": trade(at=1_700_000_044.0)}
    live.venue.rest_rules["TradesHistory"] = lambda params: {"trades": history, "count": 2}
    live.session.query_trades(5, 1, "", live.now_ns)
    live.run()
    assert [each.order_id for each in live.take()[-1].fills] == [ID, f"{ID}/1"]


def test_fills_that_were_told_keep_their_order_whatever_their_times(live: Any) -> None:
    order = live.order()
    live.place(order)
    live.venue.accept()
    live.replace(order, live.replacement(order))
    live.venue.trade("T1", 0.25, 0.25)
    live.venue.report("amended", "new", order_qty=0.75, cum_qty=0.25)
    history = {"T1": trade(at=1_800_000_000.0), "T2": trade(at=1_800_000_000.0)}
    live.venue.rest_rules["TradesHistory"] = lambda params: {"trades": history, "count": 2}
    live.session.query_trades(5, 1, "", live.now_ns)
    live.run()
    assert [each.order_id for each in live.take()[-1].fills] == [ID, f"{ID}/1"]


def test_every_trade_of_one_order(live: Any) -> None:
    order = live.order()
    order.order_id = ID
    ids = [f"T{n:02d}" for n in range(25)]
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info(trades=ids)}
    live.venue.rest_rules["QueryTrades"] = lambda params: {
        each: trade(at=1_700_000_000.0 + int(each[1:])) for each in params["txid"].split(",")
    }
    live.session.query_order_trades(9, order, live.now_ns)
    live.advance(10 * SECOND)
    listed = next(each for each in live.take() if isinstance(each, TradesListed))
    assert [each.trade_id for each in listed.fills] == ids


def test_every_trade_of_one_of_ours_is_not_every_trade_of_the_venues_order(live: Any) -> None:
    later_life(live, ("0.75", "0.5", 1_700_000_043_000), vol="0.75", trades=["T1", "T2"])
    live.venue.rest_rules["QueryTrades"] = lambda params: {
        "T1": trade(at=1_700_000_042.0),
        "T2": trade(at=1_700_000_044.0),
    }
    second = live.replacement(live.order())
    second.order_id = f"{ID}/1"
    live.session.query_order_trades(9, second, live.now_ns)
    live.advance(10 * SECOND)
    listed = next(each for each in live.take() if isinstance(each, TradesListed))
    assert [each.trade_id for each in listed.fills] == ["T2"]


def test_balances_on_demand(live: Any) -> None:
    live.advance(SECOND)
    live.take()
    live.venue.balances = {"XXBT": {"balance": "2.1234567891", "hold_trade": "0.5"}}
    live.session.query_balances(live.now_ns)
    live.run()
    told = {each.asset: (each.free_nanos, each.locked_nanos) for each in live.take() if isinstance(each, Balance)}
    assert told["BTC"] == (1_623_456_789, 500_000_000)
    assert told["USD"] == (0, 0)
