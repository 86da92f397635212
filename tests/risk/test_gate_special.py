"""Orders that wait for a trigger, show a part of themselves or end at a time: what they are valued at, and why not."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.codes import KillMode, OrderType, Reason, SelfTradePrevention, Side, TimeInForce
from engine.messages import Instructions, Refusal
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchPage
from risk.scope import Scope

MakeOrder = Callable[..., Order]
BUY, SELL = Side.BUY, Side.SELL
#: The market is at 10,000 ticks, the collar 10 %.
MARKET = 10_000


def waiting(make_order: MakeOrder, kind: OrderType, side: Side, price: int = 0, **wants: Any) -> Order:
    return make_order(side=side, order_type=kind, price_ticks=price, instructions=Instructions(**wants))


@pytest.mark.parametrize(
    ("kind", "side", "price", "wants", "worth"),
    [
        (OrderType.STOP, BUY, 0, {"trigger_ticks": 12_000}, 13_200),
        (OrderType.STOP, SELL, 0, {"trigger_ticks": 8_000}, MARKET),
        (OrderType.STOP_LIMIT, BUY, 12_500, {"trigger_ticks": 12_000}, 12_500),
        (OrderType.STOP_LIMIT, SELL, 8_700, {"trigger_ticks": 8_800}, MARKET),
        (OrderType.MARKET_IF_TOUCHED, BUY, 0, {"trigger_ticks": 8_000}, 8_800),
        (OrderType.MARKET_IF_TOUCHED, SELL, 0, {"trigger_ticks": 12_000}, 12_000),
        (OrderType.LIMIT_IF_TOUCHED, SELL, 12_400, {"trigger_ticks": 12_000}, 12_400),
        (OrderType.TRAILING_STOP, BUY, 0, {"trailing_ppm": 50_000}, 11_550),
        (OrderType.TRAILING_STOP, SELL, 0, {"trailing_ppm": 50_000}, MARKET),
        (OrderType.TRAILING_STOP_LIMIT, SELL, 9_400, {"trailing_ppm": 50_000}, MARKET),
        (OrderType.LIMIT, BUY, 10_100, {"display_lots": 10}, 10_100),
        (OrderType.LIMIT, BUY, 10_100, {"self_trade": SelfTradePrevention.CANCEL_BOTH}, 10_100),
    ],
)
def test_an_order_counts_with_the_worst_price_that_it_can_trade_at(
    gate: Gate, make_order: MakeOrder, kind: OrderType, side: Side, price: int, wants: dict[str, Any], worth: int
) -> None:
    order = waiting(make_order, kind, side, price, **wants)
    assert gate.check(order, 10) is order
    assert order.reserve_ticks == worth
    assert gate.open_lots(1, side) == order.quantity_lots  # all of an iceberg too
    held = gate.reserved_nanos("USDT" if side is BUY else "BTC")
    assert held == order.quantity_lots * (worth * 10_000 if side is BUY else 1_000_000)
    gate.abandon(order)
    assert gate.reserved_nanos("USDT") == gate.reserved_nanos("BTC") == gate.open_orders == 0


@pytest.mark.parametrize(
    ("kind", "side", "price", "wants", "reason"),
    [
        (OrderType.STOP, BUY, 0, {"trigger_ticks": 9_999}, Reason.TRIGGER_WOULD_FIRE),
        (OrderType.STOP, SELL, 0, {"trigger_ticks": 10_001}, Reason.TRIGGER_WOULD_FIRE),
        (OrderType.MARKET_IF_TOUCHED, BUY, 0, {"trigger_ticks": 10_001}, Reason.TRIGGER_WOULD_FIRE),
        # A price far beyond the market beside a trigger that would fire at once: the way around the collar.
        (OrderType.LIMIT_IF_TOUCHED, BUY, 20_900, {"trigger_ticks": 19_000}, Reason.TRIGGER_WOULD_FIRE),
        (OrderType.STOP_LIMIT, BUY, 13_201, {"trigger_ticks": 12_000}, Reason.PRICE_COLLAR),
        (OrderType.STOP_LIMIT, SELL, 8_549, {"trigger_ticks": 9_500}, Reason.PRICE_COLLAR),
        (OrderType.STOP_LIMIT, SELL, 7_999, {"trigger_ticks": 8_000}, Reason.PRICE_OUTSIDE_VENUE_BAND),
        (OrderType.STOP, BUY, 0, {}, Reason.BAD_TRIGGER),
        (OrderType.STOP, BUY, 0, {"trigger_ticks": 12_000, "trailing_ppm": 5}, Reason.BAD_TRIGGER),
        (OrderType.TRAILING_STOP, BUY, 0, {"trailing_ppm": 1_000_000}, Reason.BAD_TRIGGER),
        (OrderType.LIMIT, BUY, 10_000, {"trigger_ticks": 9_000}, Reason.BAD_TRIGGER),
        (OrderType.STOP, BUY, 12_000, {"trigger_ticks": 12_000}, Reason.BAD_PRICE),
        (OrderType.STOP_LIMIT, BUY, 0, {"trigger_ticks": 12_000}, Reason.BAD_PRICE),
        (OrderType.STOP, BUY, 0, {"trigger_ticks": 2_000_000}, Reason.PRICE_OUT_OF_RANGE),
        (OrderType.LIMIT, BUY, 10_000, {"display_lots": 100}, Reason.BAD_DISPLAY_QUANTITY),
        (OrderType.STOP, BUY, 0, {"trigger_ticks": 12_000, "display_lots": 10}, Reason.BAD_DISPLAY_QUANTITY),
        (OrderType.LIMIT, BUY, 10_000, {"expires_wall_ns": 5}, Reason.BAD_EXPIRE_TIME),
        (OrderType.LIMIT, BUY, 10_000, {"trailing_ppm": -1}, Reason.NUMBER_OVERFLOW),
        (OrderType.LIMIT, BUY, 10_000, {"display_lots": "3"}, Reason.NUMBER_OVERFLOW),
        (OrderType.LIMIT, BUY, 10_000, {"self_trade": 3}, Reason.UNSUPPORTED),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    gate: Gate,
    make_order: MakeOrder,
    kind: OrderType,
    side: Side,
    price: int,
    wants: dict[str, Any],
    reason: Reason,
) -> None:
    answer = gate.check(waiting(make_order, kind, side, price, **wants), 10)
    assert isinstance(answer, Refusal)
    assert answer.reason is reason
    assert answer.field
    assert answer.text
    assert gate.open_orders == gate.reserved_nanos("USDT") == 0


def test_good_until_a_time_rests_like_any_other(gate: Gate, make_order: MakeOrder) -> None:
    order = make_order(time_in_force=TimeInForce.GTD, post_only=True, instructions=Instructions(expires_wall_ns=10**18))
    assert gate.check(order, 10) is order
    bare = make_order("c2", time_in_force=TimeInForce.GTD)
    answer = gate.check(bare, 10)
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.limit) == (Reason.BAD_TIME_IN_FORCE, "expires_wall_ns")


def test_a_stop_without_instructions_is_told_what_it_lacks(gate: Gate, make_order: MakeOrder) -> None:
    answer = gate.check(make_order(order_type=OrderType.STOP, price_ticks=0), 10)
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.field) == (Reason.BAD_ORDER_TYPE, "instructions")


def test_who_may_not_trade_is_told_that_and_not_where_the_market_is(
    gate: Gate, make_order: MakeOrder, page: LatchPage
) -> None:
    page.store("K", Scope(venue="venue-a"), KillMode.HALT)
    answer = gate.check(waiting(make_order, OrderType.STOP, BUY, 0, trigger_ticks=9_000), 10)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.HALTED


def test_a_protective_stop_passes_when_only_less_may_be_held(
    gate: Gate, make_order: MakeOrder, page: LatchPage
) -> None:
    bought = make_order("c0")
    assert gate.check(bought, 10) is bought
    gate.filled(bought, 100, 10_000, 10)
    gate.closed(bought, 0)
    page.store("K", Scope(venue="venue-a"), KillMode.REDUCE)
    stop = waiting(make_order, OrderType.STOP, SELL, 0, trigger_ticks=9_000)
    assert gate.check(stop, 10) is stop
    more = make_order(
        "c2", side=SELL, order_type=OrderType.STOP, price_ticks=0, instructions=Instructions(trigger_ticks=9_000)
    )
    answer = gate.check(more, 10)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.REDUCE_ONLY


def test_a_stop_from_the_journal_reserves_what_it_was_valued_at(
    gate: Gate, make_order: MakeOrder, page: LatchPage
) -> None:
    wants = Instructions(trigger_ticks=12_000, reserve_ticks=13_200)
    order = make_order(order_type=OrderType.STOP, price_ticks=0, instructions=wants)
    gate.restore(order)
    assert gate.reserved_nanos("USDT") == 100 * 13_200 * 10_000
