"""What must not reach the venue does not: a typed refusal that names field and value, and nothing stops."""

import math
from typing import Any

import pytest
from trading_desk import RISK, SIMULATOR, VENUE, Desk, MakeDesk, check_all, strategy

from engine.actor import Actor
from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import (
    CancelAll,
    CancelOrder,
    ExecutionReport,
    LogonRefused,
    Message,
    NewOrder,
    Refusal,
    ReplaceOrder,
    StrategyFailed,
    StrategyLogon,
)


class Peer(Actor):
    """Some other actor of the engine's network; keeps what it is told."""

    peers = (VENUE,)

    def __init__(self) -> None:
        self.got: list[Message] = []

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        self.got.append(message)

    @property
    def refusals(self) -> list[Refusal]:
        return [m.refusal for m in self.got if isinstance(m, ExecutionReport) and m.refusal is not None]


def new(client_order_id: str = "hand-abc-1", price_ticks: int = 5_990_000, **changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "client_order_id": client_order_id,
        "account_id": "desk",
        "strategy_id": "hand",
        "instrument_id": 0,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity_lots": 1_000,
        "price_ticks": price_ticks,
    }
    return NewOrder(**{**fields, **changes})


def as_strategy(desk: Desk, message: Message, strategy_id: str = "hand") -> Refusal | None:
    """A hand-made message over the strategy's own link; the refusal it brings."""
    hand = desk.strategy(strategy_id)
    hand.reports.clear()
    assert desk.runtime.actor(f"strategy.{strategy_id}").send(VENUE, message)
    desk.run_for(0.1)
    return next((report.refusal for report in hand.reports if report.refusal is not None), None)


# -- numbers -------------------------------------------------------------------------------------------------------

NUMBERS: list[tuple[Any, Reason]] = [
    (1.5, Reason.BAD_QUANTITY),
    (1_000.0, Reason.BAD_QUANTITY),
    (math.nan, Reason.BAD_QUANTITY),
    (math.inf, Reason.BAD_QUANTITY),
    (-math.inf, Reason.BAD_QUANTITY),
    ("1000", Reason.BAD_QUANTITY),
    (None, Reason.BAD_QUANTITY),
    (True, Reason.BAD_QUANTITY),
    (2**70, Reason.NUMBER_OVERFLOW),
    (-(2**70), Reason.NUMBER_OVERFLOW),
    (2**63 - 1, Reason.NUMBER_OVERFLOW),
    (-1, Reason.BAD_QUANTITY),
    (0, Reason.BAD_QUANTITY),
]


@pytest.mark.parametrize(("lots", "reason"), NUMBERS, ids=lambda value: str(value))
def test_a_bad_quantity_is_refused_by_name_and_value(make_desk: MakeDesk, lots: Any, reason: Reason) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, lots, hand.quote.bid_ticks)
    desk.run_for(0.1)
    (report,) = hand.of(order)
    assert report.order_status is OrderStatus.REJECTED
    assert report.refusal.reason is reason
    assert report.refusal.field == "quantity_lots"
    assert report.refusal.observed
    assert not desk.orders_at_venue()
    assert not hand.open_orders


@pytest.mark.parametrize("ticks", [0.01, math.nan, math.inf, "x", None, 2**70, -(2**70), -1, 0, 2**62], ids=str)
def test_a_bad_price_is_refused_by_name_and_value(make_desk: MakeDesk, ticks: Any) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.sell(hand.instrument, 1_000, ticks)
    desk.run_for(0.1)
    (report,) = hand.of(order)
    assert report.order_status is OrderStatus.REJECTED
    assert report.refusal.field == "price_ticks"
    assert report.refusal.observed
    assert not desk.orders_at_venue()


@pytest.mark.parametrize("field", ["quantity_lots", "price_ticks"])
def test_a_bad_replace_is_refused_and_leaves_its_original_as_it_was(make_desk: MakeDesk, field: str) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orig = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    values: dict[str, Any] = {"quantity_lots": 1_000, "price_ticks": hand.quote.bid_ticks - 5_100, field: -5}
    new_id = hand.replace(orig, **values)
    desk.run_for(0.2)
    assert hand.last(new_id).refusal.field == field
    assert hand.open_orders[orig].status is OrderStatus.NEW
    check_all(desk)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"order_type": 7}, "BAD_ORDER_TYPE"),
        ({"time_in_force": "GTC"}, "BAD_TIME_IN_FORCE"),
        ({"post_only": 1}, "UNSUPPORTED"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "BAD_TIME_IN_FORCE"),
    ],
    ids=str,
)
def test_a_kind_of_order_that_does_not_exist_is_refused(make_desk: MakeDesk, more: Any, reason: str) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks, **more)
    desk.run_for(0.1)
    assert hand.last(order).refusal.reason.name == reason
    assert not desk.orders_at_venue()


def test_what_the_venue_would_reject_is_known_before(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    bid, btc = hand.quote.bid_ticks, hand.instrument
    expected = {
        hand.buy(btc, 1, bid): "NOTIONAL_TOO_SMALL",
        hand.buy(btc, 10**9, bid): "QUANTITY_OUT_OF_RANGE",
        hand.buy(btc, 1_000, 10**8 + 1): "PRICE_OUT_OF_RANGE",
        hand.buy(btc, 200_000, bid): "ORDER_QUANTITY",
        hand.buy(btc, 1_000, bid * 2): "PRICE_COLLAR",
        hand.buy(btc, 1_000, bid // 2): "PRICE_COLLAR",
    }
    desk.run_for(0.2)
    assert {order: hand.last(order).refusal.reason.name for order in expected} == expected
    assert desk.counters()["rejected_by_venue"] == 0
    assert not desk.orders_at_venue()


# -- identity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"account_id": "somebody"}, Reason.WRONG_ACCOUNT, "account_id"),
        ({"account_id": ""}, Reason.WRONG_ACCOUNT, "account_id"),
        ({"strategy_id": "other"}, Reason.WRONG_STRATEGY, "strategy_id"),
        ({"strategy_id": ""}, Reason.WRONG_STRATEGY, "strategy_id"),
        ({"instrument_id": 1}, Reason.UNKNOWN_INSTRUMENT, "instrument_id"),
        ({"instrument_id": -1}, Reason.UNKNOWN_INSTRUMENT, "instrument_id"),
        ({"instrument_id": 2**40}, Reason.UNKNOWN_INSTRUMENT, "instrument_id"),
        ({"client_order_id": "other-abc-1"}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
        ({"client_order_id": ""}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
        ({"client_order_id": "hand-b-1"}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
        ({"client_order_id": "hand-" + "x" * 60}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
        ({"client_order_id": 'hand-"}{'}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
        ({"client_order_id": "hand-ünïcode"}, Reason.BAD_CLIENT_ORDER_ID, "client_order_id"),
    ],
    ids=str,
)
def test_an_order_that_is_not_this_strategys_own_is_refused(
    make_desk: MakeDesk, changes: dict[str, Any], reason: Reason, field: str
) -> None:
    desk = make_desk(strategy("hand"), strategy("other"), strategy("hand-b"))
    refusal = as_strategy(desk, new(**changes))
    assert refusal is not None
    assert (refusal.reason, refusal.field) == (reason, field)
    assert not desk.orders_at_venue()


def test_a_client_order_id_is_good_for_one_order_for_ever(make_desk: MakeDesk) -> None:
    desk = make_desk()
    assert as_strategy(desk, new()) is None
    refusal = as_strategy(desk, new())
    assert refusal is not None
    assert refusal.reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    as_strategy(desk, CancelOrder("hand-abc-1", "desk", "hand"))
    desk.restart(VENUE)
    desk.run_for(3)
    refusal = as_strategy(desk, new())
    assert refusal is not None
    assert refusal.reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    assert len(desk.orders_at_venue()) == 1


def test_a_stranger_can_do_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    ours = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    peer = Peer()
    cell = desk.add("rogue", peer)
    desk.run_for(0.2)
    for message in (
        new(),
        CancelOrder(ours, "desk", "hand"),
        ReplaceOrder("hand-abc-2", ours, "desk", "hand", 1_000, 5_990_000),
        CancelAll("desk", "hand"),
        StrategyFailed("hand", "says the stranger"),
        StrategyLogon("desk", "hand", 0, -1),
    ):
        assert cell.send(VENUE, message)
    desk.run_for(0.5)
    assert [refusal.reason for refusal in peer.refusals] == [Reason.WRONG_STRATEGY] * 3
    assert all(report.order_id == "" for report in peer.got if isinstance(report, ExecutionReport))
    assert [m.refusal.reason for m in peer.got if isinstance(m, LogonRefused)] == [Reason.WRONG_STRATEGY]
    assert list(hand.open_orders) == [ours]
    assert len(desk.open_at_venue()) == 1
    assert hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000) in hand.open_orders
    desk.run_for(0.2)
    assert len(desk.open_at_venue()) == 2


def test_a_strategy_cannot_touch_another_ones_orders(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other"))
    other = desk.strategy("other")
    theirs = other.buy(other.instrument, 1_000, other.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    for message in (
        CancelOrder(theirs, "desk", "hand"),
        ReplaceOrder("hand-abc-2", theirs, "desk", "hand", 1_000, 5_990_000),
    ):
        refusal = as_strategy(desk, message)
        assert refusal is not None
        assert refusal.reason is Reason.UNKNOWN_ORDER
    assert list(other.open_orders) == [theirs]


def test_a_strategy_that_the_venue_actor_does_not_know_fails_with_the_reason(make_desk: MakeDesk) -> None:
    desk = make_desk(start=False)
    desk.start()
    actor = desk.venue
    actor.settings.strategies.clear()  # as if it had been started from another file
    desk.run_for(1)
    hosted = desk.hosted("hand")
    status = hosted._status(0)
    assert status.state == "failed"
    assert "WRONG_STRATEGY" in status.details["error"]
    assert desk.strategy("hand").starts == 0


# -- not now -------------------------------------------------------------------------------------------------------


def test_unknown_orders_are_named_when_cancelled_or_replaced(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    hand.cancel("hand-no-such")
    replaced = hand.replace("hand-no-such", 1_000, 1)
    desk.run_for(0.1)
    assert hand.last("hand-no-such").exec_type is ExecType.CANCEL_REJECTED
    assert hand.last("hand-no-such").refusal.reason is Reason.UNKNOWN_ORDER
    assert hand.last(replaced).refusal.reason is Reason.UNKNOWN_ORDER
    assert not hand.open_orders


def test_an_ended_order_can_be_neither_cancelled_nor_replaced(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    hand.cancel(order)
    desk.run_for(0.2)
    for message in (
        CancelOrder(order, "desk", "hand"),
        ReplaceOrder("hand-abc-2", order, "desk", "hand", 1_000, 5_990_000),
    ):
        refusal = as_strategy(desk, message)
        assert refusal is not None
        assert refusal.reason is Reason.ORDER_NOT_OPEN


def test_before_the_venue_is_reconciled_an_order_is_refused(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    kept = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    desk.storm.cut(VENUE, SIMULATOR)
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    late = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    hand.cancel(kept)
    desk.run_for(0.2)
    assert hand.last(late).refusal.reason is Reason.NOT_READY
    assert hand.last(kept).exec_type is ExecType.CANCEL_REJECTED
    assert hand.last(kept).refusal.reason is Reason.VENUE_LINK_DOWN
    assert hand.open_orders[kept].status is OrderStatus.NEW
    desk.storm.clear()
    desk.run_for(20)
    check_all(desk)


def test_with_the_venue_actor_gone_an_order_ends_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    desk.runtime.crash(VENUE)
    desk.run_for(0.1)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert hand.last(order).refusal.reason is Reason.VENUE_LINK_DOWN
    assert not hand.open_orders


def test_status_counts_refusals_by_reason(make_desk: MakeDesk) -> None:
    desk = make_desk()
    as_strategy(desk, new(account_id="x"))
    as_strategy(desk, new(account_id="y"))
    assert desk.venue.status().refusals == {Reason.WRONG_ACCOUNT: 2}


def test_without_authority_from_the_risk_actor_nothing_leaves(make_desk: MakeDesk) -> None:
    desk = make_desk(start=False)
    desk.start()
    desk.runtime.crash(RISK)
    desk.run_for(3)
    hand = desk.strategy("hand")
    assert not hand.starts
    hand.buy(hand.instrument, 1_000, desk.venue.core.quotes[0].bid_ticks - 5_000)  # although nobody told it to start
    desk.run_for(0.1)
    assert desk.venue.status().refusals == {Reason.NO_LEASE: 1}
    assert not desk.orders_at_venue()
