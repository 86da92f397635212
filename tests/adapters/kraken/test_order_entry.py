"""Orders, cancels and replaces: what is sent, and what becomes of every way in which the venue may answer."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.kraken.client_ids import venue_id
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import UsageError
from engine.venue import (
    CancelAllAnswered,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    RateLimited,
    ReplaceRejected,
)

SECOND = 1_000_000_000
ID = "OAAAAA-BBBBB-CCCCCC"
LOTS = 100_000_000


def placed(host: Any, client_order_id: str = "a-1", **changes: Any) -> Any:
    """An order that the venue has accepted; nothing about it is left to be told."""
    order = host.order(client_order_id, **changes)
    host.place(order)
    host.venue.accept()
    order.order_id = ID
    host.take()
    return order


# -- new orders ------------------------------------------------------------------------------------------------


def test_what_a_limit_order_looks_like(live: Any) -> None:
    request = live.place(live.order("maker-19729ab3c4d-17", post_only=True))
    raw = live.venue.raw_requests[-1]
    assert b'"order_qty":1.00000000,"limit_price":10.0,' in raw  # numbers, digit by digit
    params = request["params"]
    assert params["cl_ord_id"] == venue_id("maker-19729ab3c4d-17")
    assert (params["order_type"], params["side"], params["symbol"]) == ("limit", "buy", "BTC/USD")
    assert (params["time_in_force"], params["post_only"]) == ("gtc", True)
    assert params["deadline"].endswith("Z")


@pytest.mark.parametrize(("in_force", "text"), [(TimeInForce.IOC, "ioc"), (TimeInForce.FOK, "fok")])
def test_times_in_force(live: Any, in_force: TimeInForce, text: str) -> None:
    params = live.place(live.order(time_in_force=in_force, side=Side.SELL))["params"]
    assert (params["time_in_force"], params["side"]) == (text, "sell")
    assert "post_only" not in params


def test_a_market_order_has_no_price_and_no_time_in_force(live: Any) -> None:
    params = live.place(live.order(order_type=OrderType.MARKET, price_ticks=0))["params"]
    assert params["order_type"] == "market"
    assert not {"limit_price", "time_in_force"} & set(params)


def test_what_the_venue_does_not_have_is_refused_before_it_is_sent(live: Any) -> None:
    for order in (
        live.order(order_type=OrderType.MARKET, post_only=True),
        live.order(time_in_force=TimeInForce.IOC, post_only=True),
        live.order('a"1'),
    ):
        with pytest.raises(UsageError):
            live.place(order)


def test_encoding_leaves_no_trace(live: Any) -> None:
    live.session.encode_new(live.order(), live.now_ns)
    live.session.cancel_all(1, live.now_ns)
    live.advance(0)
    assert live.take() == [CancelAllAnswered(1, "")]
    assert not live.venue.requests


@pytest.mark.parametrize("answer_first", [True, False])
def test_an_accept_is_told_once_whichever_comes_first(live: Any, answer_first: bool) -> None:
    live.place(live.order())
    steps = [
        live.venue.accept,
        lambda: (
            live.venue.report("pending_new", "pending_new", cl_ord_id="a-1", symbol="BTC/USD", order_qty=1.0),
            live.venue.report("new", "new"),
        ),
    ]
    for step in steps if answer_first else reversed(steps):
        step()
    accepted = [each for each in live.take() if isinstance(each, OrderAccepted)]
    assert [(each.client_order_id, each.order_id) for each in accepted] == [("a-1", ID)]


def test_a_fill_may_come_before_the_answer(live: Any) -> None:
    live.place(live.order())
    live.venue.report("pending_new", "pending_new", cl_ord_id="a-1", symbol="BTC/USD", order_qty=1.0)
    live.venue.trade("T1", 0.25, 0.25)
    live.venue.accept()
    fill = next(each for each in live.events if isinstance(each, OrderFilled))
    assert (fill.client_order_id, fill.order_id, fill.trade_id) == ("a-1", ID, "T1")
    assert (fill.last_lots, fill.last_ticks, fill.fee_nanos, fill.fee_asset) == (25_000_000, 100, 12_300_000, "USD")
    assert fill.is_maker


def test_the_closing_report_is_no_fill_and_fills_are_told_once(live: Any) -> None:
    placed(live)
    live.venue.trade("T1", 1.0, 1.0)
    live.venue.trade("T1", 1.0, 1.0)
    live.venue.report("filled", "filled", cum_qty=1.0)
    assert [type(each) for each in live.take()] == [OrderFilled]


def test_ids_that_go_as_digests_come_back_as_ours(live: Any) -> None:
    long_id = "maker-19729ab3c4d-1234567"
    name = live.place(live.order(long_id))["params"]["cl_ord_id"]
    dashed = f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
    live.venue.report("pending_new", "pending_new", cl_ord_id=dashed, symbol="BTC/USD", order_qty=1.0)
    live.venue.report("new", "new", cl_ord_id=dashed)
    assert live.events[-1].client_order_id == long_id


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("EOrder:Insufficient funds", Reason.VENUE_REJECTED),
        ("EOrder:Post only order", Reason.VENUE_POST_ONLY_WOULD_TAKE),
        ("EService:Market in cancel_only mode", Reason.VENUE_REJECTED),
    ],
)
def test_a_definite_refusal(live: Any, error: str, reason: Reason) -> None:
    live.place(live.order())
    live.venue.refuse(error)
    event = live.events[-1]
    assert isinstance(event, OrderRejected)
    assert (event.client_order_id, event.reason, event.text) == ("a-1", reason, error)


@pytest.mark.parametrize("error", ["EService:Unavailable", "EGeneral:Internal error", "EService:Deadline elapsed"])
def test_a_refusal_that_proves_nothing(live: Any, error: str) -> None:
    live.place(live.order())
    live.venue.refuse(error)
    assert live.take() == [OrderOutcomeUnknown("a-1", error)]


def test_no_answer_at_all(live: Any) -> None:
    live.place(live.order())
    live.advance(6 * SECOND)
    assert OrderOutcomeUnknown("a-1", "not answered in time") in live.events


def test_a_full_pair_is_told_and_kept_away_from(live: Any) -> None:
    live.place(live.order())
    live.venue.refuse("EOrder:Rate limit exceeded")
    assert isinstance(live.events[0], RateLimited)
    assert live.events[-1].reason is Reason.VENUE_RATE_LIMIT
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_RATE_LIMIT
    assert live.place(live.order("a-2")) == {}
    live.advance(0)
    assert live.events[-1].reason is Reason.VENUE_RATE_LIMIT
    live.advance(live.events[0].until_ns - live.now_ns)
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_new_orders_stop_before_the_pairs_counter_is_full(live: Any) -> None:
    sent = 0
    while live.place(live.order(f"a-{sent}")):
        sent += 1
    assert sent == 100  # 125 of this tier, a fifth of which is for cancels
    assert live.cancel(live.order("a-0"))


@pytest.mark.parametrize("is_told", [True, False])
def test_a_post_only_order_that_is_cancelled_on_arrival(live: Any, is_told: bool) -> None:
    live.place(live.order(post_only=True))
    if is_told:
        live.venue.accept()
    live.take()
    live.venue.report("canceled", "canceled", cl_ord_id="a-1", cum_qty=0.0, reason="Post only order")
    event = live.take()[-1]
    assert isinstance(event, OrderExpired if is_told else OrderRejected)
    assert event.reason is Reason.VENUE_POST_ONLY_WOULD_TAKE


def test_what_is_left_of_an_ioc_expires(live: Any) -> None:
    placed(live, time_in_force=TimeInForce.IOC)
    live.venue.trade("T1", 0.5, 0.5)
    live.venue.report("canceled", "canceled", cum_qty=0.5, reason="IOC")
    event = live.events[-1]
    assert isinstance(event, OrderExpired)
    assert (event.cum_lots, event.reason) == (LOTS // 2, Reason.VENUE_EXPIRED)


def test_self_trade_prevention(live: Any) -> None:
    placed(live)
    live.venue.report("canceled", "canceled", cum_qty=0.0, reason="Self trade prevention")
    assert live.events[-1].reason is Reason.VENUE_SELF_TRADE


def test_an_unknown_kind_of_report_is_loud(live: Any) -> None:
    placed(live)
    live.venue.report("something_new", "new")
    assert live.session.counters["session:orders malformed"] == 1


# -- cancels ---------------------------------------------------------------------------------------------------


def test_a_cancel_is_told_by_its_report(live: Any) -> None:
    order = placed(live)
    request = live.cancel(order)
    assert request["params"]["order_id"] == [ID]
    live.venue.answer(success=True, result={"order_id": ID})
    assert not live.events
    live.venue.report("canceled", "canceled", cum_qty=0.0, reason="User requested")
    event = live.take()[-1]
    assert isinstance(event, OrderCancelled)
    assert (event.client_order_id, event.order_id, event.cum_lots) == ("a-1", ID, 0)


def test_an_order_without_an_id_yet_is_cancelled_by_name(live: Any) -> None:
    order = live.order("maker-19729ab3c4d-1234567")
    live.place(order)
    assert live.cancel(order)["params"]["cl_ord_id"] == [venue_id(order.client_order_id)]


def test_a_cancel_of_an_order_that_is_not_open(live: Any) -> None:
    live.cancel(placed(live))
    live.venue.refuse("EOrder:Unknown order")
    event = live.events[-1]
    assert isinstance(event, CancelRejected)
    assert event.order_unknown


def test_a_cancel_whose_fate_is_not_known(live: Any) -> None:
    live.cancel(placed(live))
    live.venue.refuse("EService:Busy")
    assert live.events == [OrderOutcomeUnknown("a-1", "EService:Busy")]


def test_what_cannot_leave_is_refused_in_a_callback_of_its_own(live: Any) -> None:
    order = placed(live)
    frames = [
        live.session.encode_new(live.order("a-9"), live.now_ns),
        live.session.encode_cancel(order, live.now_ns),
        live.session.encode_replace(order, live.replacement(order), live.now_ns),
    ]
    live.cut("session:orders")
    live.take()
    for frame in frames:
        live.session.transmit(frame, live.now_ns)
    assert not live.events
    live.advance(0)
    assert [type(each) for each in live.take()] == [OrderRejected, CancelRejected, ReplaceRejected]


# -- replaces --------------------------------------------------------------------------------------------------


def test_a_replace_is_an_amend_to_what_was_filled_and_what_shall_be_open(live: Any) -> None:
    order = placed(live)
    live.venue.trade("T1", 0.25, 0.25)
    order.cum_lots = LOTS // 4
    live.take()
    request = live.replace(order, live.replacement(order))
    assert b'"order_qty":0.75000000,"limit_price":11.0' in live.venue.raw_requests[-1]
    assert request["params"]["order_id"] == ID
    live.venue.answer(success=True, result={"amend_id": "TTW6PD-RC36L-ZZSWNU"})
    assert not live.events
    live.venue.trade("T2", 0.125, 0.375)  # before the amend: of the original
    live.venue.report("amended", "new", order_qty=0.75, limit_price=11.0, cum_qty=0.375)
    live.venue.trade("T3", 0.375, 0.75)
    live.venue.report("filled", "filled", cum_qty=0.75)
    kinds = [(type(each).__name__, each.client_order_id) for each in live.events]
    assert kinds == [
        ("OrderFilled", "a-1"),
        ("OrderReplaced", "a-1"),
        ("OrderAccepted", "a-2"),
        ("OrderFilled", "a-2"),
        ("OrderExpired", "a-2"),
    ]
    replaced, accepted, expired = live.events[1], live.events[2], live.events[4]
    assert (replaced.new_client_order_id, replaced.cum_lots) == ("a-2", 37_500_000)
    assert accepted.order_id == f"{ID}/1"
    assert expired.cum_lots == 37_500_000  # of 50,000,000: the rest was filled before the amend


def test_a_replacement_that_fills_in_full_has_no_other_end(live: Any) -> None:
    order = placed(live)
    live.replace(order, live.replacement(order))
    live.venue.report("amended", "new", order_qty=0.5, cum_qty=0.0)
    live.venue.answer(success=True, result={"amend_id": "T"})
    live.venue.trade("T1", 0.5, 0.5)
    live.venue.report("filled", "filled", cum_qty=0.5)
    assert [type(each) for each in live.take()] == [OrderReplaced, OrderAccepted, OrderFilled]
    live.advance(10 * SECOND)
    assert not live.take()


def test_a_replacement_is_cancelled_and_replaced_again_by_the_venues_id(live: Any) -> None:
    order = placed(live)
    second = live.replacement(order)
    live.replace(order, second)
    live.venue.report("amended", "new", order_qty=0.5, cum_qty=0.0)
    second.order_id = f"{ID}/1"
    assert live.cancel(second)["params"]["order_id"] == [ID]
    third = live.replacement(second, "a-3", LOTS)
    assert live.replace(second, third)["params"]["order_id"] == ID
    live.venue.report("amended", "new", order_qty=1.0, cum_qty=0.0)
    live.venue.report("canceled", "canceled", cum_qty=0.0, reason="User requested")
    assert live.events[-1].client_order_id == "a-3"
    assert live.events[-1].order_id == f"{ID}/2"


def test_a_replacement_that_is_on_its_way_is_cancelled_as_its_original(live: Any) -> None:
    order = live.order()
    live.place(order)
    second = live.replacement(order)
    live.replace(order, second)
    assert live.cancel(second)["params"]["cl_ord_id"] == ["a-1"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("EOrder:Unknown order", Reason.ORDER_NOT_OPEN),
        ("EOrder:No amendable parameters", Reason.VENUE_REJECTED),
        ("EOrder:Post only order", Reason.VENUE_POST_ONLY_WOULD_TAKE),
    ],
)
def test_a_replace_that_is_refused_leaves_the_original(live: Any, error: str, reason: Reason) -> None:
    order = placed(live)
    live.replace(order, live.replacement(order))
    live.venue.refuse(error)
    event = live.take()[-1]
    assert isinstance(event, ReplaceRejected)
    assert (event.client_order_id, event.orig_client_order_id, event.orig_cancelled) == ("a-2", "a-1", False)
    assert event.reason is reason
    live.venue.trade("T1", 0.5, 0.5)
    assert live.events[-1].client_order_id == "a-1"


def test_an_order_that_ends_before_its_replace(live: Any) -> None:
    order = placed(live)
    live.replace(order, live.replacement(order))
    live.venue.report("canceled", "canceled", cum_qty=0.0, reason="User requested")
    live.venue.answer(success=True, result={"amend_id": "T"})
    live.advance(3 * SECOND)
    assert [type(each) for each in live.take()] == [OrderCancelled, ReplaceRejected]


@pytest.mark.parametrize("how", ["unknown", "silence", "no report", "link"])
def test_a_replace_in_doubt_holds_what_is_told_of_the_order(live: Any, how: str) -> None:
    order = placed(live)
    live.replace(order, live.replacement(order))
    if how == "unknown":
        live.venue.refuse("EService:Unavailable")
    elif how == "link":
        live.venue.open_orders = [
            {"order_id": ID, "exec_type": "new", "order_status": "new", "symbol": "BTC/USD", "order_qty": 1.0}
        ]
        live.cut("session:orders")
        live.advance(SECOND)
    else:
        if how == "no report":
            live.venue.answer(success=True, result={"amend_id": "T"})
        live.advance(6 * SECOND)
    unknown = {each.client_order_id for each in live.take() if isinstance(each, OrderOutcomeUnknown)}
    assert unknown == {"a-1", "a-2"}
    live.venue.trade("T1", 0.5, 0.5)
    assert not live.take()
    # The venue is asked, and has amended it before that fill.
    info: dict[str, Any] = {"status": "open", "misc": "amended"}
    info["descr"] = {"pair": "XBTUSD", "type": "buy", "price": "11.0"}
    info |= {"vol": "0.50000000", "vol_exec": "0.50000000", "opentm": 1700000000.1}
    amends = [
        {"amend_type": "original", "order_qty": "1.0", "remaining_qty": "1.0", "timestamp": 1},
        {"amend_type": "user", "order_qty": "0.5", "remaining_qty": "0.5", "timestamp": 1700000041000},
    ]
    live.venue.rest_rules["QueryOrders"] = lambda params: {ID: info}
    live.venue.rest_rules["OrderAmends"] = lambda params: {"count": 2, "amends": amends}
    live.advance(10 * SECOND)
    live.take()
    live.session.query_order(order, live.now_ns)
    live.run()
    told = live.take()
    assert [type(each) for each in told] == [OrderReplaced, OrderAccepted, OrderFilled, OrderSeen]
    assert (told[1].client_order_id, told[1].order_id) == ("a-2", f"{ID}/1")
    assert told[2].client_order_id == "a-2"


# -- everything ------------------------------------------------------------------------------------------------


def test_cancel_all_names_what_is_open_in_that_instrument(make: Callable[..., Any]) -> None:
    host = make(symbols=((1, "BTC/USD"), (2, "ETH/USD")))
    host.venue.open_orders = [
        {
            "order_id": "OFOREI-GNXXX-XXXXXX",
            "exec_type": "new",
            "order_status": "new",
            "symbol": "BTC/USD",
            "order_qty": 1.0,
        }
    ]
    host.begin()
    host.place(host.order("a-1"))
    host.place(host.order("b-1", instrument_id=2))
    host.take()
    host.session.cancel_all(1, host.now_ns)
    host.run()
    params = host.venue.requests[-1]["params"]
    assert host.venue.requests[-1]["method"] == "batch_cancel"
    assert params["orders"] == ["OFOREI-GNXXX-XXXXXX"]
    assert params["cl_ord_id"] == ["a-1"]
    host.venue.answer(success=True, orders_cancelled=2)
    assert host.events == [CancelAllAnswered(1, "")]


def test_a_large_cancel_all_is_answered_once(live: Any) -> None:
    for number in range(60):
        live.place(live.order(f"a-{number}"))
    before = len(live.venue.requests)
    live.session.cancel_all(1, live.now_ns)
    live.run()
    parts = live.venue.requests[before:]
    assert [len(each["params"]["cl_ord_id"]) for each in parts] == [50, 10]
    live.venue.answer(before, success=True, result={"count": 50})
    assert not live.events
    live.venue.refuse("EService:Busy", before + 1)
    assert live.events == [CancelAllAnswered(1, "EService:Busy")]


def test_cancel_all_without_an_order_link_lists_and_cancels_one_by_one(live: Any) -> None:
    live.cut("session:orders")
    live.take()
    info = {"status": "open", "vol": "1", "vol_exec": "0", "descr": {"pair": "XBTUSD", "type": "buy"}}
    other = {**info, "descr": {"pair": "ETHUSD", "type": "buy"}}
    live.venue.rest_rules["OpenOrders"] = lambda params: {"open": {"O1": info, "O2": info, "O3": other}}
    live.venue.rest_rules["CancelOrder"] = lambda params: (
        "EOrder:Unknown order" if params["txid"] == "O2" else {"count": 1}
    )
    live.session.cancel_all(1, live.now_ns)
    live.run()
    assert [params for name, params in live.venue.asked if name == "CancelOrder"] == [{"txid": "O1"}, {"txid": "O2"}]
    assert live.take() == [CancelAllAnswered(1, "")]


def test_the_venue_restates_an_order(live: Any) -> None:
    placed(live)
    live.venue.report("restated", "new", order_qty=0.5, cum_qty=0.0, reason="Engine")
    event = live.take()[-1]
    assert isinstance(event, OrderSeen)
    assert event.quantity_lots == LOTS // 2
