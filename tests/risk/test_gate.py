"""Situations at the gate: each reason once, and what approval, fills and ends do to the reservations."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.codes import KillMode, OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import Instrument
from engine.messages import Refusal
from engine.order import Order
from risk import gate_state as g
from risk.gate import Gate
from risk.latch import LatchCause, LatchPage
from risk.limits import AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import GLOBAL_SCOPE, Scope

MakeOrder = Callable[..., Order]
MakeAccount = Callable[..., AccountLimits]
MakeStrategy = Callable[..., StrategyLimits]
LIMIT, MARKET, SELL = OrderType.LIMIT, OrderType.MARKET, Side.SELL
AT_MARKET = {"order_type": MARKET, "price_ticks": 0}
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def refused(gate: Gate, order: Order, now_ns: int = 0) -> Refusal:
    before = gate._state[g.FIRST_KEPT :].copy(), gate.open_orders, dict(gate._reserved)
    answer = gate.check(order, now_ns)
    assert isinstance(answer, Refusal), "the order was approved"
    assert np.array_equal(before[0], gate._state[g.FIRST_KEPT :]), "a refusal changed the state"
    assert (gate.open_orders, gate._reserved) == before[1:]
    assert answer.text
    return answer


def approved(gate: Gate, order: Order, now_ns: int = 0) -> Order:
    answer = gate.check(order, now_ns)
    assert answer is order, answer
    return order


# -- one order against its instrument, limits and prices ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "field", "observed", "limit"),
    [
        ({"instrument_id": 0}, Reason.UNKNOWN_INSTRUMENT, "instrument_id", "0", ""),
        ({"instrument_id": 4}, Reason.UNKNOWN_INSTRUMENT, "instrument_id", "4", ""),
        ({"instrument_id": -1}, Reason.UNKNOWN_INSTRUMENT, "instrument_id", "-1", ""),
        (AT_MARKET | {"post_only": True}, Reason.BAD_ORDER_TYPE, "post_only", "MARKET", "LIMIT"),
        ({"time_in_force": IOC, "post_only": True}, Reason.BAD_TIME_IN_FORCE, "time_in_force", "IOC", "GTC"),
        (AT_MARKET | {"time_in_force": FOK}, Reason.BAD_TIME_IN_FORCE, "time_in_force", "FOK", "IOC"),
        ({"quantity_lots": 0}, Reason.BAD_QUANTITY, "quantity_lots", "0.000", "0.005"),
        ({"quantity_lots": -5}, Reason.BAD_QUANTITY, "quantity_lots", "-0.005", "0.005"),
        ({"quantity_lots": 4}, Reason.QUANTITY_OUT_OF_RANGE, "quantity_lots", "0.004", "0.005"),
        ({"quantity_lots": 100_001}, Reason.QUANTITY_OUT_OF_RANGE, "quantity_lots", "100.001", "100.000"),
        (AT_MARKET | {"quantity_lots": 50_001}, Reason.QUANTITY_OUT_OF_RANGE, "quantity_lots", "50.001", "50.000"),
        ({"quantity_lots": 2**61}, Reason.NUMBER_OVERFLOW, "quantity_lots", str(2**61), str(2**60)),
        ({"price_ticks": 0}, Reason.BAD_PRICE, "price_ticks", "0.00", "0.10"),
        ({"price_ticks": -7}, Reason.BAD_PRICE, "price_ticks", "-0.07", "0.10"),
        ({"price_ticks": 1, "order_type": MARKET}, Reason.BAD_PRICE, "price_ticks", "0.01", "0.00"),
        ({"price_ticks": 9}, Reason.PRICE_OUT_OF_RANGE, "price_ticks", "0.09", "0.10"),
        ({"price_ticks": 1_000_001}, Reason.PRICE_OUT_OF_RANGE, "price_ticks", "10000.01", "10000.00"),
        ({"price_ticks": 2**53}, Reason.NUMBER_OVERFLOW, "price_ticks", str(2**53), str(2**52)),
        ({"quantity_lots": 9}, Reason.NOTIONAL_TOO_SMALL, "quantity_lots", "0.90000", "1.00000"),
        (AT_MARKET | {"quantity_lots": 9}, Reason.NOTIONAL_TOO_SMALL, "quantity_lots", "0.90000", "1.00000"),
        ({"quantity_lots": 1_001}, Reason.ORDER_QUANTITY, "quantity_lots", "1.001", "1.000"),
        ({"price_ticks": 15_001}, Reason.PRICE_OUTSIDE_VENUE_BAND, "price_ticks", "150.01", "150.00"),
        ({"price_ticks": 4_999}, Reason.PRICE_OUTSIDE_VENUE_BAND, "price_ticks", "49.99", "50.00"),
        ({"price_ticks": 20_001, "side": SELL}, Reason.PRICE_OUTSIDE_VENUE_BAND, "price_ticks", "200.01", "200.00"),
        ({"price_ticks": 7_999, "side": SELL}, Reason.PRICE_OUTSIDE_VENUE_BAND, "price_ticks", "79.99", "80.00"),
        ({"price_ticks": 11_001}, Reason.PRICE_COLLAR, "price_ticks", "110.01", "110.00"),
        ({"price_ticks": 8_999}, Reason.PRICE_COLLAR, "price_ticks", "89.99", "90.00"),
        ({"price_ticks": 8_999, "side": SELL}, Reason.PRICE_COLLAR, "price_ticks", "89.99", "90.00"),
    ],
)  # fmt: skip
def test_each_wrong_order_is_refused_with_its_reason_field_and_nearest_valid_value(
    gate: Gate, make_order: MakeOrder, changes: dict[str, Any], reason: Reason, field: str, observed: str, limit: str
) -> None:
    refusal = refused(gate, make_order(**changes))
    assert (refusal.reason, refusal.field, refusal.observed, refusal.limit) == (reason, field, observed, limit)
    assert limit in refusal.text or limit == "0.00"


@pytest.mark.parametrize(
    "changes",
    [
        {"price_ticks": 11_000},
        {"price_ticks": 9_000},
        {"price_ticks": 9_000, "side": SELL},
        {"quantity_lots": 1_000},
        {"quantity_lots": 10},
        {"time_in_force": IOC},
        {"time_in_force": FOK},
        {"post_only": True},
        {"order_type": MARKET, "price_ticks": 0, "time_in_force": IOC},
        {"order_type": MARKET, "price_ticks": 0, "side": SELL},
    ],
)
def test_an_order_on_the_very_bound_passes(gate: Gate, make_order: MakeOrder, changes: dict[str, Any]) -> None:
    approved(gate, make_order(**changes))


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize("field", ["quantity_lots", "price_ticks"])
@pytest.mark.parametrize(
    "value",
    [2**70, -(2**70), 10**5000, True, 1.0, math.nan, math.inf, "5", None, [], np.int64(5), Hostile()],
    ids=["2^70", "-2^70", "10^5000", "bool", "float", "nan", "inf", "text", "none", "list", "numpy", "hostile"],
)
def test_a_number_that_is_not_a_64_bit_int_is_refused(
    gate: Gate, make_order: MakeOrder, field: str, value: object
) -> None:
    refusal = refused(gate, make_order(**{field: value}))
    bad = Reason.BAD_QUANTITY if field == "quantity_lots" else Reason.BAD_PRICE
    assert refusal.reason is (Reason.NUMBER_OVERFLOW if type(value) is int else bad)
    assert refusal.field == field
    assert refusal.observed
    assert len(refusal.observed) <= 80


@pytest.mark.parametrize("value", [1, 0, 3, "BUY", None, math.nan, [], 2**70, LIMIT, GTC, Side.BUY])
@pytest.mark.parametrize(
    ("field", "kind", "reason"),
    [
        ("side", Side, Reason.BAD_SIDE),
        ("order_type", OrderType, Reason.BAD_ORDER_TYPE),
        ("time_in_force", TimeInForce, Reason.BAD_TIME_IN_FORCE),
        ("post_only", bool, Reason.BAD_ORDER_TYPE),
    ],
)
def test_what_is_not_a_member_of_its_enumeration_is_refused(
    gate: Gate, make_order: MakeOrder, field: str, kind: type, reason: Reason, value: object
) -> None:
    if type(value) is kind:
        value = None
    refusal = refused(gate, make_order(**{field: value}))
    assert (refusal.reason, refusal.field) == (reason, field)


@pytest.mark.parametrize("value", [2**70, True, 1.0, math.nan, None, "1"])
def test_an_instrument_id_of_a_wrong_type_is_unknown(gate: Gate, make_order: MakeOrder, value: object) -> None:
    assert refused(gate, make_order(instrument_id=value)).reason is Reason.UNKNOWN_INSTRUMENT


@pytest.mark.parametrize("value", [None, 5, [], math.nan])
def test_a_client_order_id_that_is_not_text_is_refused(gate: Gate, make_order: MakeOrder, value: object) -> None:
    refusal = refused(gate, make_order(client_order_id=value))
    assert (refusal.reason, refusal.field) == (Reason.BAD_CLIENT_ORDER_ID, "client_order_id")


def test_the_first_wrong_field_in_the_order_of_checks_is_named(gate: Gate, make_order: MakeOrder) -> None:
    assert refused(gate, make_order(side=None, quantity_lots=2**70)).field == "side"
    assert refused(gate, make_order(instrument_id=3, quantity_lots=2**70)).field == "instrument_id"


def test_a_product_beyond_64_bits_is_refused_before_it_is_made(
    page: LatchPage, make_account: MakeAccount, make_strategy: MakeStrategy, make_order: MakeOrder
) -> None:
    gate = Gate(make_account(open_orders=9, orders_per_second=9, orders_burst=9, currency="B"), page.view("venue-a"), 2)
    gate.define_strategy("s", make_strategy())
    unbounded = Instrument(1, "v", "S", "A", "B", 1, 2, 1, 3, 0, 0, 0, 0)
    gate.define(unbounded, InstrumentLimits(2**60, 2**63 - 1, 2**60, 2**60, 10**9, 10**9, 10**9, 10**9))
    gate.grant(1, 100)
    gate.on_quote(1, 2**50, 2**50, 0)
    refusal = refused(gate, make_order(quantity_lots=2**30, price_ticks=2**40))
    assert (refusal.reason, refusal.field, refusal.limit) == (
        Reason.NUMBER_OVERFLOW,
        "quantity_lots",
        str((2**63 - 1) // 2**40),
    )
    # a market order too, whose price comes from the reference
    market = make_order(quantity_lots=2**30, price_ticks=0, order_type=MARKET)
    assert refused(gate, market).reason is Reason.NUMBER_OVERFLOW


# -- authority ---------------------------------------------------------------------------------------------------


def test_no_lease_an_expired_lease_and_a_revoked_lease_refuse(
    instrument: Instrument,
    limits: InstrumentLimits,
    page: LatchPage,
    make_account: MakeAccount,
    make_strategy: MakeStrategy,
    make_order: MakeOrder,
) -> None:
    gate = Gate(make_account(open_orders=5, orders_per_second=10, orders_burst=10), page.view("venue-a"), 4)
    gate.define_strategy("s", make_strategy())
    gate.define(instrument, limits)
    gate.set_funds("USDT", 10**15)
    gate.on_quote(1, 10_000, 10_000, 0)
    assert refused(gate, make_order()).reason is Reason.NO_LEASE
    assert gate.may_send(make_order(), 0) is Reason.NO_LEASE
    gate.grant(1, 100)
    assert gate.may_send(make_order(), 99) is Reason.NONE
    approved(gate, make_order(), 99)
    assert gate.may_send(make_order(), 100) is Reason.LEASE_EXPIRED
    assert refused(gate, make_order("c2"), 100).reason is Reason.LEASE_EXPIRED
    gate.grant(1, 200)
    gate.revoke()
    assert gate.may_send(make_order(), 100) is Reason.NO_LEASE
    assert refused(gate, make_order("c2"), 100).reason is Reason.NO_LEASE


def test_a_grant_of_an_older_epoch_changes_nothing(gate: Gate, make_order: MakeOrder) -> None:
    gate.grant(3, 50)
    gate.grant(2, 10**9)
    assert gate.may_send(make_order(), 50) is Reason.LEASE_EXPIRED


def test_a_grant_that_ends_sooner_changes_nothing_but_a_newer_epoch_counts(gate: Gate, make_order: MakeOrder) -> None:
    gate.grant(1, 10)
    assert gate.may_send(make_order(), 10) is Reason.NONE
    gate.grant(2, 10)
    assert gate.may_send(make_order(), 10) is Reason.LEASE_EXPIRED


@pytest.mark.parametrize("venue", ["", "venue-a"])
def test_a_halt_refuses_at_once_and_says_who_and_why(
    gate: Gate, page: LatchPage, make_order: MakeOrder, venue: str
) -> None:
    order = approved(gate, make_order())
    scope = Scope(venue=venue)
    page.latch(scope, LatchCause("K7", "ann", "runaway quotes", KillMode.CANCEL, 5))
    assert gate.may_send(make_order(), 0) is Reason.HALTED
    refusal = refused(gate, make_order("c2"))
    assert refusal.reason is Reason.HALTED
    assert all(text in refusal.text for text in ("K7", "ann", "runaway quotes"))
    gate.abandon(order)
    assert gate.open_orders == 0


def test_a_wrong_message_is_named_even_while_halted(gate: Gate, page: LatchPage, make_order: MakeOrder) -> None:
    page.store("K", GLOBAL_SCOPE, KillMode.HALT)
    assert refused(gate, make_order(quantity_lots=1)).reason is Reason.QUANTITY_OUT_OF_RANGE


# -- prices ------------------------------------------------------------------------------------------------------


def test_without_a_quote_nothing_passes(gate: Gate, make_order: MakeOrder) -> None:
    for bid, ask in ((0, 10_000), (10_000, 0), (0, 0), (10_001, 10_000), (-5, 10_000), (10_000, 2**60)):
        gate.on_quote(1, bid, ask, 0)
        refusal = refused(gate, make_order())
        assert (refusal.reason, refusal.observed) == (Reason.NO_REFERENCE_PRICE, "none")


def test_a_quote_ages(gate: Gate, make_order: MakeOrder) -> None:
    approved(gate, make_order(), 1_000)
    refusal = refused(gate, make_order("c2"), 1_001)
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.NO_REFERENCE_PRICE, "1001 ns", "1000 ns")


def test_a_quote_of_an_unknown_instrument_is_ignored(gate: Gate) -> None:
    gate.on_quote(99, 1, 2, 0)
    gate.on_quote(-1, 1, 2, 0)


def test_a_market_order_is_valued_at_the_far_edge_of_its_collar(gate: Gate, make_order: MakeOrder) -> None:
    buy = approved(gate, make_order("b", order_type=MARKET, price_ticks=0))
    sell = approved(gate, make_order("s", order_type=MARKET, price_ticks=0, side=SELL))
    assert (buy.reserve_ticks, sell.reserve_ticks) == (11_000, 10_000)
    assert gate.reserved_nanos("USDT") == 11_000 * 100 * 10_000


def test_a_market_buy_counts_against_the_notional_limit_at_its_collar(
    instrument: Instrument,
    page: LatchPage,
    make_account: MakeAccount,
    make_strategy: MakeStrategy,
    make_order: MakeOrder,
) -> None:
    gate = Gate(make_account(open_orders=5, orders_per_second=10, orders_burst=10), page.view("venue-a"), 4)
    gate.define_strategy("s", make_strategy())
    gate.define(instrument, InstrumentLimits(1_000, 1_000_000, 2_000, 2_000, 100_000, 100_000, 1_000, 1_000))
    gate.set_funds("USDT", 10**15)
    gate.set_funds("BTC", 10**15)
    gate.on_quote(1, 10_000, 10_000, 0)
    gate.grant(1, 100)
    refusal = refused(gate, make_order(quantity_lots=91, order_type=MARKET, price_ticks=0))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.ORDER_NOTIONAL, "10.01000", "10.00000")
    # a sell counts with no less than the market: 101 lots at 90.00 would fill at 100.00
    refusal = refused(gate, make_order(quantity_lots=101, side=SELL, price_ticks=9_000))
    assert (refusal.reason, refusal.observed) == (Reason.ORDER_NOTIONAL, "10.10000")
    approved(gate, make_order(quantity_lots=100, side=SELL, price_ticks=9_000))


# -- counts, positions, funds --------------------------------------------------------------------------------------


def test_open_orders_at_the_venue_and_of_the_account_are_limited_each(
    gate: Gate, instrument: Instrument, limits: InstrumentLimits, make_order: MakeOrder
) -> None:
    other = Instrument(2, "binance", "ETHUSDT", "ETH", "USDT", 1, 2, 1, 3, 0, 0, 0, 0)
    gate.define(other, limits)
    gate.on_quote(2, 10_000, 10_000, 0)
    orders = [approved(gate, make_order(f"c{n}", quantity_lots=10)) for n in range(4)]
    refusal = refused(gate, make_order("c4", quantity_lots=10))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.OPEN_ORDERS_AT_VENUE, "4", "4")
    approved(gate, make_order("e0", instrument_id=2, quantity_lots=10))
    refusal = refused(gate, make_order("e1", instrument_id=2, quantity_lots=10))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.OPEN_ORDERS, "5", "5")
    gate.closed(orders[0], 10)
    approved(gate, make_order("e1", instrument_id=2, quantity_lots=10))


def test_the_rate_bucket_empties_and_refills(gate: Gate, make_order: MakeOrder) -> None:
    for n in range(10):
        order = approved(gate, make_order(f"c{n}"))
        gate.closed(order, 100)
    refusal = refused(gate, make_order("x"))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.ORDER_RATE, "0.000000000", "10")
    assert "100000000 ns" in refusal.text
    gate.grant(1, 10**12)
    gate.on_quote(1, 10_000, 10_000, 100_000_000)
    assert refused(gate, make_order("x"), 99_999_999).reason is Reason.ORDER_RATE
    approved(gate, make_order("x"), 100_000_000)
    # a clock that steps back refills nothing, and does not refill twice afterwards
    assert refused(gate, make_order("y"), 0).reason is Reason.ORDER_RATE
    assert refused(gate, make_order("y"), 100_000_000).reason is Reason.ORDER_RATE


def test_an_order_at_an_earlier_time_does_not_let_the_bucket_refill_twice(gate: Gate, make_order: MakeOrder) -> None:
    for n, now_ns in enumerate([1_000] * 9 + [0]):
        gate.closed(approved(gate, make_order(f"c{n}"), now_ns), 100)
    refusal = refused(gate, make_order("x"), 1_000)
    assert (refusal.reason, refusal.observed) == (Reason.ORDER_RATE, "0.000000000")


def test_a_venue_band_between_two_ticks_rounds_to_the_inside(
    gate: Gate, instrument: Instrument, limits: InstrumentLimits, make_order: MakeOrder
) -> None:
    fractional = {"ask_down_ppm": 950_050, "ask_up_ppm": 1_050_050}  # 9,500.5 to 10,500.5 ticks
    gate.define(msgspec.structs.replace(instrument, **fractional), limits)
    assert refused(gate, make_order(side=SELL, price_ticks=9_500)).limit == "95.01"
    assert refused(gate, make_order(side=SELL, price_ticks=10_501)).limit == "105.00"
    approved(gate, make_order("c2", side=SELL, price_ticks=9_501))
    approved(gate, make_order("c3", side=SELL, price_ticks=10_500))


def test_a_rate_of_zero_sends_nothing(
    instrument: Instrument,
    limits: InstrumentLimits,
    page: LatchPage,
    make_account: MakeAccount,
    make_strategy: MakeStrategy,
    make_order: MakeOrder,
) -> None:
    gate = Gate(make_account(open_orders=5, orders_per_second=0, orders_burst=10), page.view("venue-a"), 4)
    gate.define_strategy("s", make_strategy())
    gate.define(instrument, limits)
    gate.on_quote(1, 10_000, 10_000, 0)
    gate.grant(1, 100)
    refusal = refused(gate, make_order())
    assert (refusal.reason, refusal.limit) == (Reason.ORDER_RATE, "0")


def test_an_abandoned_order_gives_everything_back_and_only_once(gate: Gate, make_order: MakeOrder) -> None:
    before = gate._state[g.FIRST_KEPT :].copy()
    order = approved(gate, make_order())
    gate.abandon(order)
    gate.abandon(order)
    assert np.array_equal(before, gate._state[g.FIRST_KEPT :])


def test_everything_in_flight_counts_against_the_long_limit(gate: Gate, make_order: MakeOrder) -> None:
    approved(gate, make_order("c1", quantity_lots=1_000))
    approved(gate, make_order("c2", quantity_lots=900))
    refusal = refused(gate, make_order("c3", quantity_lots=101))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.LONG_POSITION, "2.001", "2.000")
    assert "0.100" in refusal.text
    approved(gate, make_order("c3", quantity_lots=100))


def test_everything_in_flight_counts_against_the_short_limit(gate: Gate, make_order: MakeOrder) -> None:
    approved(gate, make_order("c1", quantity_lots=600, side=SELL))
    refusal = refused(gate, make_order("c2", quantity_lots=401, side=SELL))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.SHORT_POSITION, "-1.001", "-1.000")
    assert "0.400" in refusal.text
    # an open buy that may never fill makes no room for a sell
    approved(gate, make_order("c3", quantity_lots=500))
    assert refused(gate, make_order("c2", quantity_lots=401, side=SELL)).reason is Reason.SHORT_POSITION


def test_a_fill_moves_from_reserved_to_position(gate: Gate, make_order: MakeOrder) -> None:
    order = approved(gate, make_order())
    gate.filled(order, 40, 9_990, 0)
    assert gate.position_lots(1) == 40
    assert gate.open_lots(1, Side.BUY) == 60
    assert gate.reserved_nanos("USDT") == 60 * 10_000 * 10_000
    gate.closed(order, 60)
    assert (gate.open_lots(1, Side.BUY), gate.reserved_nanos("USDT"), gate.open_orders) == (0, 0, 0)
    gate.closed(order, 60)
    assert gate.open_orders == 0


def test_fills_owed_after_the_end_stay_reserved_until_they_come(gate: Gate, make_order: MakeOrder) -> None:
    order = approved(gate, make_order())
    gate.closed(order, 70)
    assert (gate.open_lots(1, Side.BUY), gate.open_orders) == (30, 0)
    gate.filled(order, 30, 10_000, 0)
    assert (gate.open_lots(1, Side.BUY), gate.position_lots(1)) == (0, 30)
    assert not gate._reserved


def test_an_overfill_is_booked_and_takes_nothing_from_another_order(gate: Gate, make_order: MakeOrder) -> None:
    order, other = approved(gate, make_order("c1")), approved(gate, make_order("c2"))
    gate.filled(order, 5_000, 10_000, 0)
    assert (gate.position_lots(1), gate.open_lots(1, Side.BUY)) == (5_000, 100)
    assert refused(gate, make_order("c3", quantity_lots=10)).reason is Reason.LONG_POSITION
    approved(gate, make_order("c4", side=SELL))
    gate.filled_unreserved(order, 7, 10_000, 0)
    assert (gate.position_lots(1), gate.open_lots(1, Side.BUY)) == (5_007, 100)
    gate.closed(order, 0)
    gate.closed(other, 100)
    assert gate.open_orders == 1


def test_numbers_no_market_has_saturate_to_the_safe_side(gate: Gate, make_order: MakeOrder) -> None:
    order = approved(gate, make_order())
    for _ in range(4):
        gate.filled(order, 2**70, 2**70, 0)
    assert gate.position_lots(1) == 2**61
    assert refused(gate, make_order("c2")).reason is Reason.LONG_POSITION
    sell = make_order("c3", side=SELL)
    for _ in range(8):
        gate.filled(sell, 2**70, 2**70, 0)
    assert gate.position_lots(1) == -(2**61)
    assert refused(gate, make_order("c4", side=SELL)).reason is Reason.SHORT_POSITION


@pytest.mark.parametrize(("lots", "ticks"), [(0, 1), (-1, 1), (1, -1)])
def test_a_fill_that_only_a_bug_can_book_is_an_invariant_error(
    gate: Gate, make_order: MakeOrder, lots: int, ticks: int
) -> None:
    with pytest.raises(InvariantError):
        gate.filled(approved(gate, make_order()), lots, ticks, 0)


def test_a_buy_needs_quote_funds_that_open_orders_have_not_taken(gate: Gate, make_order: MakeOrder) -> None:
    gate.set_funds("USDT", 15 * 10**9)
    approved(gate, make_order("c1"))
    refusal = refused(gate, make_order("c2"))
    assert (refusal.reason, refusal.observed, refusal.limit) == (
        Reason.INSUFFICIENT_FUNDS,
        "10.000000000",
        "5.000000000",
    )
    # the venue's word while the order is open: its locked part is the order's, so the total is the same
    gate.set_funds("USDT", 15 * 10**9)
    approved(gate, make_order("c3", quantity_lots=50))
    assert refused(gate, make_order("c4", quantity_lots=10)).reason is Reason.INSUFFICIENT_FUNDS


def test_a_sell_needs_base_funds_and_a_fill_brings_some(gate: Gate, make_order: MakeOrder) -> None:
    gate.set_funds("BTC", 0)
    assert refused(gate, make_order("s1", side=SELL)).reason is Reason.INSUFFICIENT_FUNDS
    buy = approved(gate, make_order("b1"))
    assert refused(gate, make_order("s1", side=SELL)).reason is Reason.INSUFFICIENT_FUNDS
    gate.filled(buy, 100, 10_000, 0)
    approved(gate, make_order("s1", side=SELL))


def test_an_asset_without_a_balance_refuses(
    instrument: Instrument,
    limits: InstrumentLimits,
    page: LatchPage,
    make_account: MakeAccount,
    make_strategy: MakeStrategy,
    make_order: MakeOrder,
) -> None:
    gate = Gate(make_account(open_orders=5, orders_per_second=10, orders_burst=10), page.view("venue-a"), 4)
    gate.define_strategy("s", make_strategy())
    gate.set_funds("BTC", 10**12)  # told before the instrument is known
    gate.define(instrument, limits)
    gate.on_quote(1, 10_000, 10_000, 0)
    gate.grant(1, 100)
    refusal = refused(gate, make_order())
    assert (refusal.reason, refusal.limit) == (Reason.INSUFFICIENT_FUNDS, "")
    assert "USDT" in refusal.text
    approved(gate, make_order(side=SELL))


def test_a_balance_beyond_64_bits_counts_as_the_most_there_is(gate: Gate, make_order: MakeOrder) -> None:
    gate.set_funds("USDT", 2**80)
    approved(gate, make_order())


def test_a_client_order_id_that_is_still_open_is_refused(gate: Gate, make_order: MakeOrder) -> None:
    order = approved(gate, make_order("c1"))
    refusal = refused(gate, make_order("c1"))
    assert (refusal.reason, refusal.observed) == (Reason.DUPLICATE_CLIENT_ORDER_ID, "c1")
    gate.closed(order, 100)
    approved(gate, make_order("c1"))


# -- restart, definition -------------------------------------------------------------------------------------------


def test_a_restored_order_is_reserved_although_no_check_would_pass(gate: Gate, make_order: MakeOrder) -> None:
    gate.revoke()
    order = make_order(quantity_lots=5_000)
    gate.restore(order)
    assert (gate.open_lots(1, Side.BUY), gate.open_orders, order.reserve_ticks) == (5_000, 1, 10_000)
    gate.grant(1, 10**9)
    assert refused(gate, make_order("c2")).reason is Reason.LONG_POSITION


def test_orders_restored_before_their_instrument_is_defined_reserve_funds_once_it_is(
    instrument: Instrument,
    limits: InstrumentLimits,
    page: LatchPage,
    make_account: MakeAccount,
    make_strategy: MakeStrategy,
    make_order: MakeOrder,
) -> None:
    gate = Gate(make_account(open_orders=5, orders_per_second=10, orders_burst=10), page.view("venue-a"), 4)
    gate.define_strategy("s", make_strategy())
    buy, sell = make_order("b"), make_order("s", side=SELL)
    gate.restore(buy)
    gate.restore(sell)
    gate.restore(make_order("m", order_type=MARKET, price_ticks=0, quantity_lots=10))
    gate.filled(buy, 40, 10_000, 0)
    gate.define(instrument, limits)
    assert gate.position_lots(1) == 40
    assert gate.reserved_nanos("USDT") == (60 * 10_000 + 10) * 10_000
    assert gate.reserved_nanos("BTC") == 100 * 1_000_000
    gate.closed(buy, 60)
    gate.closed(sell, 100)
    assert (gate.reserved_nanos("USDT"), gate.reserved_nanos("BTC")) == (10 * 10_000, 0)


def test_restoring_twice_or_without_quantity_or_row_is_an_invariant_error(gate: Gate, make_order: MakeOrder) -> None:
    gate.restore(make_order("c1"))
    for order in (make_order("c1"), make_order("c2", quantity_lots=0), make_order("c3", instrument_id=9)):
        with pytest.raises(InvariantError):
            gate.restore(order)
    with pytest.raises(InvariantError):
        gate.restore(make_order("c4", quantity_lots=2**50, price_ticks=2**50))
    assert gate.open_orders == 1


def test_defining_again_keeps_what_has_happened(
    gate: Gate, instrument: Instrument, limits: InstrumentLimits, make_order: MakeOrder
) -> None:
    gate.filled(approved(gate, make_order()), 60, 10_000, 0)
    gate.define(instrument, InstrumentLimits(50, 10**9, 2_000, 1_000, 100_000, 200_000, 1_000_000, 1_000))
    assert (gate.position_lots(1), gate.open_lots(1, Side.BUY)) == (60, 40)
    assert refused(gate, make_order("c2")).reason is Reason.ORDER_QUANTITY
    approved(gate, make_order("c2", quantity_lots=50))


def test_a_tick_that_changes_under_a_position_is_refused(
    gate: Gate, instrument: Instrument, limits: InstrumentLimits
) -> None:
    finer = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 1, 3, 1, 3, 0, 0, 0, 0)
    with pytest.raises(UsageError, match="restart"):
        gate.define(finer, limits)


@pytest.mark.parametrize("instrument_id", [-1, 4])
def test_an_instrument_id_without_a_row_is_refused(gate: Gate, limits: InstrumentLimits, instrument_id: int) -> None:
    with pytest.raises(UsageError, match="not below 4"):
        gate.define(Instrument(instrument_id, "v", "S", "A", "B", 1, 2, 1, 3, 0, 0, 0, 0), limits)


@pytest.mark.parametrize(
    "fields",
    [
        {"tick_units": 10**30},
        {"price_scale": 60},
        {"tick_units": 0},
        {"price_ticks_min": -1},
        {"bid_up_ppm": 2 * 10**9},
    ],
)
def test_a_definition_that_does_not_fit_64_bits_is_refused(
    gate: Gate, limits: InstrumentLimits, fields: dict[str, int]
) -> None:
    base: dict[str, Any] = {
        "instrument_id": 2, "venue": "v", "symbol": "S", "base_asset": "A", "quote_asset": "B", "tick_units": 1,
        "price_scale": 2, "lot_units": 1, "quantity_scale": 3, "price_ticks_min": 0, "price_ticks_max": 0,
        "quantity_lots_min": 0, "quantity_lots_max": 0,
    }  # fmt: skip
    with pytest.raises(UsageError, match="S: "):
        gate.define(Instrument(**(base | fields)), limits)


def test_a_gate_needs_room_for_an_instrument(
    page: LatchPage, make_account: MakeAccount, make_strategy: MakeStrategy
) -> None:
    with pytest.raises(UsageError, match="instruments_max"):
        Gate(make_account(open_orders=1, orders_per_second=1, orders_burst=1), page.view("venue-a"), 0)


def test_unknown_instruments_and_assets_have_nothing(gate: Gate) -> None:
    assert (gate.position_lots(99), gate.position_lots(0), gate.reserved_nanos("XRP")) == (0, 0, 0)


def test_warming_up_changes_nothing(gate: Gate) -> None:
    before = gate._state.copy()
    gate.warm_up()
    assert np.array_equal(before, gate._state)
