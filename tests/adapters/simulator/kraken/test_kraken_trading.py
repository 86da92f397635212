"""Orders at the simulated Kraken: over WebSocket and REST, what becomes of them and what is told about them."""

from decimal import Decimal
from typing import Any

import pytest

from engine.codes import Side

BTC, USD = 10**9, 10**9
LOT = 10**8  # lots in one BTC
UUID = "0190c2f4-7c5e-7abc-8def-0123456789ab"


def kinds(reports: list[Any]) -> list[str]:
    return [report["exec_type"] for report in reports]


# -- adding ------------------------------------------------------------------------------------------------------


def test_an_order_rests_and_is_told_in_full_once_then_sparsely(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    answer = client.trade("add_order", **make_order(price=100.5, quantity=2, cl_ord_id="mine"))
    assert answer["success"]
    order_id = answer["result"]["order_id"]
    assert answer["result"] == {"order_id": order_id, "cl_ord_id": "mine"}
    pending, new = client.reports()
    expected = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "time_in_force": "GTC", "cl_ord_id": "mine"}
    assert expected.items() <= pending.items()
    assert (pending["order_qty"], pending["limit_price"]) == (Decimal("2.00000000"), Decimal("100.5"))
    assert pending["order_status"] == pending["exec_type"] == "pending_new"
    assert set(new) == {"timestamp", "order_status", "exec_type", "order_id", "cl_ord_id"}
    assert venue.market.engine.bids.lots_at(1005) == 2 * LOT
    cost = 201 * USD
    assert venue.balance("a", "USD") == (1_000_000 * USD - cost - cost * 4 // 1000, cost + cost * 4 // 1000)


def test_an_order_that_takes_is_filled_at_the_makers_price(venue: Any, make_order: Any) -> None:
    venue.others(Side.SELL, 1000, LOT)
    client = venue.trader()
    client.follow("balances")
    client.take("balances")
    order_id = client.trade("add_order", **make_order(price=101.0, quantity=0.5))["result"]["order_id"]
    reports = client.reports()
    assert kinds(reports) == ["pending_new", "new", "trade", "filled"]
    trade, filled = reports[2:]
    assert (trade["last_price"], trade["last_qty"], trade["liquidity_ind"]) == (100, Decimal("0.5"), "t")
    assert trade["fees"] == [{"asset": "USD", "qty": Decimal("0.2")}]
    assert trade["order_status"] == "partially_filled"
    assert (filled["order_status"], filled["cum_qty"], filled["avg_price"]) == ("filled", Decimal("0.5"), 100)
    assert "symbol" not in filled
    base, quote = [row for message in client.take("balances") for row in message["data"]]
    assert (base["asset"], base["amount"], base["balance"]) == ("BTC", Decimal("0.5"), Decimal("10.5"))
    assert (quote["asset"], quote["amount"], quote["fee"]) == ("USD", -50, Decimal("0.2"))
    assert quote["balance"] == Decimal("999949.8")
    assert base["ref_id"] == quote["ref_id"] == trade["exec_id"]
    (shown,) = venue.private("QueryOrders", txid=order_id).values()
    assert (shown["status"], shown["vol_exec"], shown["price"]) == ("closed", "0.50000000", "100.0")
    assert venue.balance("a", "USD") == (999_949_800_000_000, 0)


def test_a_maker_pays_less_and_hears_of_each_fill(venue: Any, make_order: Any) -> None:
    maker, taker = venue.trader(), venue.trader("keyB")
    maker.trade("add_order", **make_order("sell", 100.0, 1))
    taker.trade("add_order", **make_order("buy", 100.0, 0.4))
    venue.others(Side.BUY, 1000, 6 * LOT // 10)
    reports = maker.reports()
    assert kinds(reports) == ["pending_new", "new", "trade", "trade", "filled"]
    assert [r["cum_qty"] for r in reports[2:4]] == [Decimal("0.4"), 1]
    assert [r["liquidity_ind"] for r in reports[2:4]] == ["m", "m"]
    assert [r["fees"][0]["qty"] for r in reports[2:4]] == [Decimal("0.1"), Decimal("0.15")]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"symbol": "XBT/USD"}, "EQuery:Unknown asset pair"),
        ({"order_qty": 0.00001}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"order_qty": "1"}, "Order_qty field must be a number_float"),
        ({"order_qty": 0.123456789}, "EGeneral:Invalid arguments:volume"),
        ({"order_qty": 0.001}, "EOrder:Cost minimum not met"),
        ({"limit_price": 100.05}, "EOrder:Tick size check failed"),
        ({"limit_price": 0}, "EOrder:Invalid price"),
        ({"limit_price": "100"}, "Limit_price field must be a number_float"),
        ({"order_qty": 100_000}, "EOrder:Insufficient funds"),
        ({"side": "long"}, "EGeneral:Invalid arguments:side"),
        ({"order_type": "iceberg", "display_qty": 0.01}, "EGeneral:Invalid arguments:display_qty"),
        ({"display_qty": 0.5}, "EGeneral:Invalid arguments:display_qty"),
        ({"order_type": "stop-loss"}, "EGeneral:Invalid arguments:order_type: stop-loss is not offered here"),
        ({"time_in_force": "day"}, "EGeneral:Invalid arguments:time_in_force"),
        ({"cl_ord_id": "longer than eighteen characters"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"margin": True}, "EGeneral:Invalid arguments:margin: this venue has no margin"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
        ({"leverage": 5}, "Unsupported field: 'leverage' for the given msg type: add_order"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_changes_nothing(
    venue: Any, make_order: Any, change: dict[str, Any], error: str
) -> None:
    client = venue.trader()
    answer = client.trade(
        "add_order", **make_order(**change) if "order_qty" not in change else {**make_order(), **change}
    )
    assert (answer["success"], answer["error"]) == (False, error)
    assert client.reports() == []
    assert venue.balance("a", "USD") == (1_000_000 * USD, 0)
    assert venue.private("OpenOrders") == {"open": {}}


def test_validate_only_checks(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    assert client.trade("add_order", **make_order(validate=True))["result"]["order_id"] == ""
    described = venue.private(
        "AddOrder", pair="XBTUSD", type="buy", ordertype="limit", price="9.0", volume="1", validate="true"
    )
    assert described == {"descr": {"order": "buy 1.00000000 XBTUSD @ limit 9.0"}}
    assert client.reports() == []


def test_post_only_refuses_to_take(venue: Any, make_order: Any) -> None:
    venue.others(Side.SELL, 1000, LOT)
    client = venue.trader()
    assert client.trade("add_order", **make_order(price=100.0, post_only=True))["error"] == "EOrder:Post only order"
    assert venue.balance("a", "USD") == (1_000_000 * USD, 0)
    assert client.trade("add_order", **make_order(price=99.9, post_only=True))["success"]


@pytest.mark.parametrize(
    ("terms", "executed", "reason"),
    [
        ({"time_in_force": "ioc"}, Decimal(1), "Immediate or cancel"),
        ({"time_in_force": "fok"}, Decimal(0), "Fill or kill"),
        ({"order_type": "market", "limit_price": None}, Decimal(1), "Insufficient liquidity"),
    ],
)
def test_what_must_not_rest_is_cancelled_with_its_rest(
    venue: Any, make_order: Any, terms: dict[str, Any], executed: Decimal, reason: str
) -> None:
    venue.others(Side.SELL, 1000, LOT)
    client = venue.trader()
    full = {**make_order(price=100.0, quantity=3), **terms}
    client.trade("add_order", **{name: value for name, value in full.items() if value is not None})
    last = client.reports()[-1]
    assert (last["exec_type"], last["order_status"], last["reason"]) == ("canceled", "canceled", reason)
    assert last["cum_qty"] == executed
    assert venue.balance("a", "USD")[1] == 0


def test_a_market_order_for_an_amount_of_money(venue: Any) -> None:
    venue.others(Side.SELL, 1000, LOT)
    venue.others(Side.SELL, 2000, LOT)
    client = venue.trader()
    terms = {"order_type": "market", "side": "buy", "symbol": "BTC/USD", "cash_order_qty": 200}
    assert client.trade("add_order", **terms)["success"]
    reports = client.reports()
    assert kinds(reports) == ["pending_new", "new", "trade", "trade", "filled"]
    assert (reports[0]["cash_order_qty"], reports[-1]["cum_cost"], reports[-1]["cum_qty"]) == (200, 200, Decimal("1.5"))


def test_good_till_a_date_ends_then(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    seconds = venue.host.wall_ns(venue.host.now_ns) // 10**9 + 30
    when = venue.public("Time")["result"]["unixtime"] + 30
    assert when == seconds
    terms = make_order(time_in_force="gtd", expire_time="2023-11-14T22:14:30Z")
    assert client.trade("add_order", **terms)["success"]
    client.reports()
    venue.host.advance(29_999_000_000)
    assert client.reports() == []
    venue.host.advance(1_000_000)
    (expired,) = client.reports()
    assert (expired["exec_type"], expired["order_status"]) == ("expired", "expired")


def test_client_order_ids_are_unique_among_open_orders(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    hexadecimal = UUID.replace("-", "").upper()
    assert client.trade("add_order", **make_order(cl_ord_id=hexadecimal))["result"]["cl_ord_id"] == UUID
    again = client.trade("add_order", **make_order(cl_ord_id=UUID))
    assert again["error"] == "EGeneral:Invalid arguments:cl_ord_id already in use"
    assert client.trade("cancel_order", cl_ord_id=[UUID])["result"] == {"cl_ord_id": UUID}
    assert client.trade("add_order", **make_order(cl_ord_id=UUID))["success"]
    assert len(venue.private("ClosedOrders", cl_ord_id=UUID)["closed"]) == 1


def test_orders_of_one_account_do_not_meet(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    client.trade("add_order", **make_order("sell", 100.0, 1))
    client.trade("add_order", **make_order("buy", 100.0, 1, stp_type="cancel_oldest"))
    ended = [r for r in client.reports() if r["exec_type"] == "canceled"]
    assert [r["reason"] for r in ended] == ["Self trade prevention"]
    client.trade("add_order", **make_order("sell", 100.0, 1))
    assert client.reports()[-1]["reason"] == "Self trade prevention"
    (left,) = venue.private("OpenOrders")["open"].values()
    assert left["descr"]["type"] == "buy"


def test_a_halted_pair_takes_no_orders_but_cancels(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    order_id = client.trade("add_order", **make_order())["result"]["order_id"]
    client.take("status")
    venue.actor.set_system("cancel_only", venue.host.now_ns)
    assert [message["data"][0]["system"] for message in client.take("status")] == ["cancel_only"]
    assert client.trade("add_order", **make_order())["error"] == "EService:Market in cancel_only mode"
    assert client.trade("cancel_order", order_id=[order_id])["success"]


# -- batches, cancels --------------------------------------------------------------------------------------------


def test_a_batch_stands_or_falls_with_its_checks_but_not_with_its_funds(venue: Any, make_order: Any) -> None:
    client = venue.trader()

    def batch(*changes: dict[str, Any]) -> Any:
        rows = [{k: v for k, v in {**make_order(), **change}.items() if k != "symbol"} for change in changes]
        return client.trade("batch_add", symbol="BTC/USD", orders=rows)

    assert batch({}, {"limit_price": 100.05})["error"] == "EOrder:Tick size check failed"
    assert client.reports() == []
    assert batch({})["error"] == "EGeneral:Invalid arguments:orders"
    answer = batch({"cl_ord_id": "one"}, {"order_qty": 100_000})
    assert (answer["success"], answer["error"]) == (False, "EOrder:Insufficient funds")
    first, second = answer["result"]
    assert (first["cl_ord_id"], second) == ("one", {"error": "EOrder:Insufficient funds"})
    assert list(venue.private("OpenOrders")["open"]) == [first["order_id"]]
    assert [row["order_id"] for row in batch({}, {})["result"]] == list(venue.private("OpenOrders")["open"])[1:]


def test_cancels_are_answered_one_by_one(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    ids = [client.trade("add_order", **make_order())["result"]["order_id"] for _ in range(2)]
    client.reports()
    answers = client.calls("cancel_order", token=client.token, order_id=[*ids, "OAAAAA-AAAAA-AAAAAA"])
    assert [a.get("result") for a in answers] == [{"order_id": ids[0]}, {"order_id": ids[1]}, None]
    assert answers[2]["error"] == "EOrder:Unknown order"
    assert [(r["exec_type"], r["reason"]) for r in client.reports()] == [("canceled", "User requested")] * 2
    assert client.trade("cancel_order", order_id=[ids[0]])["error"] == "EOrder:Unknown order"
    assert venue.balance("a", "USD") == (1_000_000 * USD, 0)


def test_nobody_cancels_anothers_order(venue: Any, make_order: Any) -> None:
    order_id = venue.trader().trade("add_order", **make_order(cl_ord_id="mine"))["result"]["order_id"]
    other = venue.trader("keyB")
    assert other.trade("cancel_order", order_id=[order_id])["error"] == "EOrder:Unknown order"
    assert other.trade("cancel_order", cl_ord_id=["mine"])["error"] == "EOrder:Unknown order"
    assert other.trade("cancel_all")["result"] == {"count": 0}
    assert venue.ask("QueryOrders", "keyB", txid=order_id)["error"] == ["EOrder:Unknown order"]


def test_batch_cancel_and_cancel_all_count(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    ids = [client.trade("add_order", **make_order(cl_ord_id=f"c{n}"))["result"]["order_id"] for n in range(5)]
    assert client.trade("batch_cancel", orders=[ids[0], ids[0]], cl_ord_id=["c1"])["result"] == {"count": 2}
    assert venue.ask_json("CancelOrderBatch", orders=[ids[2]], cl_ord_ids=[])["result"] == {"count": 1}
    assert client.trade("cancel_all")["result"] == {"count": 2}
    assert venue.private("OpenOrders") == {"open": {}}


def test_the_dead_mans_switch_cancels_unless_it_is_moved_on(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    client.trade("add_order", **make_order())
    result = client.trade("cancel_all_orders_after", timeout=60)["result"]
    assert result["triggerTime"] > result["currentTime"]
    venue.host.advance(50 * 10**9)
    assert venue.private("CancelAllOrdersAfter", timeout=60)["triggerTime"] > result["triggerTime"]
    client.reports()
    venue.host.advance(59 * 10**9)
    assert client.reports() == []
    venue.host.advance(10**9)
    (cancelled,) = client.reports()
    assert cancelled["reason"] == "Cancel all orders after"
    client.trade("add_order", **make_order())
    client.trade("cancel_all_orders_after", timeout=60)
    assert client.trade("cancel_all_orders_after", timeout=0)["result"]["triggerTime"] == "0"
    venue.host.advance(120 * 10**9)
    assert len(venue.private("OpenOrders")["open"]) == 1


def test_a_closed_connection_leaves_its_orders(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    client.trade("add_order", **make_order())
    venue.actor.on_link_down(client.link, "gone", venue.host.now_ns)
    assert len(venue.private("OpenOrders")["open"]) == 1


# -- amend and edit ----------------------------------------------------------------------------------------------


def test_an_amend_keeps_ids_and_a_smaller_quantity_keeps_the_place(venue: Any, make_order: Any) -> None:
    first, second = venue.trader(), venue.trader("keyB")
    mine = first.trade("add_order", **make_order("sell", 100.0, 2, cl_ord_id="mine"))["result"]["order_id"]
    second.trade("add_order", **make_order("sell", 100.0, 1))
    first.reports()
    answer = first.trade("amend_order", cl_ord_id="mine", order_qty=1.5)
    assert set(answer["result"]) == {"amend_id", "cl_ord_id"}
    (amended,) = first.reports()
    assert amended["exec_type"], amended["amended"] == ("amended", True)
    assert (amended["order_id"], amended["order_qty"], amended["order_status"]) == (mine, Decimal("1.5"), "new")
    assert "symbol" not in amended
    venue.others(Side.BUY, 1000, LOT, ioc=True)
    assert venue.private("OpenOrders")["open"][mine]["vol_exec"] == "1.00000000"
    history = venue.private("OrderAmends", order_id=mine)["amends"]
    assert [(each["amend_type"], each["order_qty"]) for each in history] == [
        ("original", "2.00000000"),
        ("user", "1.50000000"),
    ]


def test_more_quantity_or_another_price_goes_to_the_back(venue: Any, make_order: Any) -> None:
    first, second = venue.trader(), venue.trader("keyB")
    mine = first.trade("add_order", **make_order("sell", 100.0, 1))["result"]["order_id"]
    second.trade("add_order", **make_order("sell", 100.0, 1))
    assert first.trade("amend_order", order_id=mine, order_qty=2)["success"]
    venue.others(Side.BUY, 1000, LOT, ioc=True)
    assert venue.private("OpenOrders")["open"][mine]["vol_exec"] == "0.00000000"
    assert first.trade("amend_order", order_id=mine, limit_price=101.0)["success"]
    assert venue.balance("a", "BTC") == (8 * BTC, 2 * BTC)


def test_an_amend_may_take_unless_it_is_post_only(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    mine = client.trade("add_order", **make_order("buy", 99.0, 1))["result"]["order_id"]
    venue.others(Side.SELL, 1000, LOT // 2)
    refused = client.trade("amend_order", order_id=mine, limit_price=100.0, post_only=True)
    assert refused["error"] == "EOrder:Post only order"
    assert venue.private("OpenOrders")["open"][mine]["descr"]["price"] == "99.0"
    assert venue.market.engine.bids.lots_at(990) == LOT
    client.reports()
    assert client.trade("amend_order", order_id=mine, limit_price=100.0)["success"]
    assert kinds(client.reports()) == ["amended", "trade"]
    assert venue.market.engine.bids.lots_at(1000) == LOT // 2


def test_amends_that_cannot_be(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    mine = client.trade("add_order", **make_order("buy", 100.0, 1))["result"]["order_id"]
    assert client.trade("amend_order", order_id=mine, order_qty=1)["error"] == "EOrder:No amendable parameters"
    assert client.trade("amend_order", order_id=mine, order_qty=100_000)["error"] == "EOrder:Insufficient funds"
    assert client.trade("amend_order", order_id="O", order_qty=1)["error"] == "EOrder:Unknown order"
    assert venue.private("OpenOrders")["open"][mine]["vol"] == "1.00000000"
    assert venue.private("OpenOrders")["open"][mine]["misc"] == ""


def test_an_amend_to_what_is_filled_ends_the_order(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    mine = client.trade("add_order", **make_order("sell", 100.0, 2))["result"]["order_id"]
    venue.others(Side.BUY, 1000, LOT, ioc=True)
    assert client.trade("amend_order", order_id=mine, order_qty=0.5)["success"]
    last = client.reports()[-1]
    assert (last["exec_type"], last["cum_qty"]) == ("canceled", 1)
    assert venue.balance("a", "BTC") == (9 * BTC, 0)


def test_an_edit_is_another_order(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    old = client.trade("add_order", **make_order("buy", 100.0, 2))["result"]["order_id"]
    result = client.trade("edit_order", order_id=old, symbol="BTC/USD", limit_price=101.0)["result"]
    assert result["original_order_id"] == old != result["order_id"]
    (shown,) = venue.private("OpenOrders")["open"].items()
    assert (shown[0], shown[1]["descr"]["price"], shown[1]["vol"]) == (result["order_id"], "101.0", "2.00000000")


# -- REST --------------------------------------------------------------------------------------------------------


def test_orders_over_rest(venue: Any) -> None:
    added = venue.private(
        "AddOrder",
        pair="XXBTZUSD",
        type="sell",
        ordertype="limit",
        price="100.0",
        volume="1.5",
        oflags="post,fciq",
        timeinforce="GTC",
        cl_ord_id="mine",
        stptype="cancel-both",
    )
    (order_id,) = added["txid"]
    assert added["descr"] == {"order": "sell 1.50000000 XBTUSD @ limit 100.0"}
    shown = venue.private("OpenOrders")["open"][order_id]
    assert (shown["cl_ord_id"], shown["oflags"], shown["descr"]["pair"]) == ("mine", "fciq,post", "XBTUSD")
    assert venue.private("AmendOrder", txid=order_id, limit_price="101.0")["amend_id"]
    assert venue.private("CancelOrder", cl_ord_id="mine") == {"count": 1}
    assert venue.ask("CancelOrder", txid=order_id)["error"] == ["EOrder:Unknown order"]
    closed = venue.private("ClosedOrders")
    assert (closed["count"], closed["closed"][order_id]["status"]) == (1, "canceled")
    rows = [
        {"ordertype": "limit", "type": "buy", "price": "90.0", "volume": "1", "userref": 7},
        {"ordertype": "limit", "type": "buy", "price": "90.0", "volume": "1000000"},
    ]
    first, second = venue.ask_json("AddOrderBatch", pair="XBTUSD", orders=rows)["result"]["orders"]
    assert second == {"error": "EOrder:Insufficient funds"}
    assert venue.private("OpenOrders", userref=7)["open"].keys() == {first["txid"]}
    edited = venue.private("EditOrder", txid=first["txid"], pair="XBTUSD", price="91.0")
    assert edited["originaltxid"] == first["txid"]
    assert venue.private("CancelOrder", txid=edited["txid"]) == {"count": 1}


def test_trades_since_a_time_or_a_trade(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    for _ in range(3):
        client.trade("add_order", **make_order("sell", 100.0, 1))
        venue.others(Side.BUY, 1000, LOT, ioc=True)
        venue.host.advance(10**9)
    told = [r["exec_id"] for r in client.reports() if r["exec_type"] == "trade"]
    history = venue.private("TradesHistory")
    assert (list(history["trades"]), history["count"]) == (told[::-1], 3)
    row = history["trades"][told[0]]
    assert (row["pair"], row["type"], row["price"], row["vol"], row["fee"]) == (
        "XXBTZUSD",
        "sell",
        "100.0",
        "1.00000000",
        "0.25000",
    )
    assert list(venue.private("TradesHistory", start=told[0])["trades"]) == [told[2], told[1]]
    assert list(venue.private("QueryTrades", txid=told[1])) == [told[1]]


def test_a_snapshot_has_open_orders_and_fills(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    client.trade("add_order", **make_order("sell", 100.0, 2, cl_ord_id="mine"))
    venue.others(Side.BUY, 1000, LOT, ioc=True)
    told = [r for r in client.reports() if r["exec_type"] == "trade"]
    later = venue.socket().log_on()
    result = later.follow("executions", snap_trades=True)
    assert (result["maxratecount"], result["snap_orders"], result["snap_trades"]) == (180, True, True)
    (snapshot,) = later.take("executions")
    assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 1)
    opened, fill = snapshot["data"]
    assert (opened["cl_ord_id"], opened["order_status"], opened["cum_qty"]) == ("mine", "partially_filled", 1)
    assert fill["exec_id"] == told[0]["exec_id"]
    assert "cum_qty" not in fill


def test_sequences_count_from_one_per_subscription(venue: Any, make_order: Any) -> None:
    client = venue.socket().log_on()
    client.follow("executions")
    client.follow("balances")
    client.trade("add_order", **make_order("sell", 100.0, 1))
    venue.others(Side.BUY, 1000, LOT, ioc=True)
    client.pushes += client.messages()
    assert [message["sequence"] for message in client.take("executions")] == [1, 2, 3, 4, 5]
    assert [message["sequence"] for message in client.take("balances")] == [1, 2, 3]


def test_a_new_order_can_be_hidden_from_queries_for_a_while(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(read_lag_ns=10**9)
    order_id = venue.trader().trade("add_order", **make_order())["result"]["order_id"]
    assert venue.private("OpenOrders") == {"open": {}}
    assert venue.ask("QueryOrders", txid=order_id)["error"] == ["EOrder:Unknown order"]
    venue.host.advance(10**9)
    assert list(venue.private("OpenOrders")["open"]) == [order_id]


def test_reports_come_before_an_answer_or_after_it(venue: Any, make_order: Any) -> None:
    client = venue.trader()
    orders = set()
    for _ in range(20):
        client.send(
            b'{"method":"add_order","params":{"order_type":"limit","side":"buy","symbol":"BTC/USD","order_qty":1,'
            b'"limit_price":100.0,"token":"%s"}}' % client.token.encode()
        )
        orders.add("".join("A" if "method" in message else "r" for message in client.messages()))
    assert orders == {"Arr", "rrA"}
