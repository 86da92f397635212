"""Each limit over time, over the account and per strategy: one order that it stops, and one that it must not."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.codes import OrderType, Reason, Side
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.messages import Refusal
from engine.order import Order
from risk import gate_state as g
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import AccountLimits, Ceilings, InstrumentLimits, StrategyLimits

MakeOrder = Callable[..., Order]
MakeGate = Callable[..., Gate]
SELL, MARKET = Side.SELL, OrderType.MARKET
DOLLAR = 1_000_000


def refused(gate: Gate, order: Order, now_ns: int = 0) -> Refusal:
    answer = gate.check(order, now_ns)
    assert isinstance(answer, Refusal), "the order was approved"
    assert answer.text
    return answer


def approved(gate: Gate, order: Order, now_ns: int = 0) -> Order:
    answer = gate.check(order, now_ns)
    assert answer is order, answer
    return order


def bought(gate: Gate, order: Order, ticks: int = 10_000, now_ns: int = 0) -> None:
    """Approved, filled whole, and closed."""
    approved(gate, order, now_ns)
    gate.filled(order, order.quantity_lots, ticks, now_ns)
    gate.closed(order, 0)


@pytest.fixture
def make_gate(
    instrument: Instrument,
    limits: InstrumentLimits,
    page: LatchPage,
    make_account: Callable[..., AccountLimits],
    make_strategy: Callable[..., StrategyLimits],
) -> MakeGate:
    """A gate for BTCUSDT (id 1) and ETHUSDT (id 2), both at 10,000 ticks; strategies s and t."""

    def make(
        strategy: dict[str, Any] | None = None, of_instrument: dict[str, Any] | None = None, **account: Any
    ) -> Gate:
        wide: dict[str, Any] = {"open_orders": 100, "orders_per_second": 1_000, "orders_burst": 1_000}
        gate = Gate(make_account(**(wide | account)), page.view("venue-a"), 4)
        bounds = msgspec.structs.replace(limits, reference_age_ns=10**12, **(of_instrument or {}))
        eth = msgspec.structs.replace(instrument, instrument_id=2, symbol="ETHUSDT", base_asset="ETH")
        for each in (msgspec.structs.replace(instrument, open_orders_max=100), eth):
            gate.define(each, bounds)
            gate.on_quote(each.instrument_id, 10_000, 10_000, 0)
        for strategy_id in ("s", "t"):
            gate.define_strategy(strategy_id, make_strategy(**(strategy or {})))
        for asset in ("BTC", "ETH", "USDT"):
            gate.set_funds(asset, 10**15)
        gate.grant(1, 10**15)
        return gate

    return make


# -- over time -----------------------------------------------------------------------------------------------------


def test_a_market_that_runs_away_does_not_take_the_collar_with_it(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(of_instrument={"window_collar_ppm": 50_000, "window_ns": 7_000})
    gate.on_quote(1, 10_400, 10_400, 1_000)
    gate.on_quote(1, 10_600, 10_600, 2_000)
    refusal = refused(gate, make_order(price_ticks=10_600), 2_000)
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.PRICE_COLLAR_WINDOW, "106.00", "105.00")
    assert refused(gate, make_order(price_ticks=0, order_type=MARKET), 2_000).reason is Reason.PRICE_COLLAR_WINDOW
    approved(gate, make_order("low", price_ticks=10_500), 2_000)
    # the low price has left the window
    gate.on_quote(1, 10_600, 10_600, 9_500)
    approved(gate, make_order("later", price_ticks=10_600), 9_500)


def test_a_market_that_falls_does_not_take_a_sell_with_it(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(of_instrument={"window_collar_ppm": 50_000, "window_ns": 7_000})
    gate.on_quote(1, 9_400, 9_400, 1_000)
    refusal = refused(gate, make_order(price_ticks=9_400, side=SELL), 1_000)
    assert (refusal.reason, refusal.limit) == (Reason.PRICE_COLLAR_WINDOW, "95.00")
    approved(gate, make_order("s", price_ticks=9_500, side=SELL), 1_000)


def test_the_same_order_again_within_the_window_is_a_repeat(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(duplicate_window_ns=1_000)
    approved(gate, make_order("c1"))
    refusal = refused(gate, make_order("c2"), 999)
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.DUPLICATE_ORDER, "999 ns", "1000 ns")
    for number, change in enumerate(
        ({"side": SELL}, {"price_ticks": 10_001}, {"quantity_lots": 101}, {"strategy_id": "t"}, {"instrument_id": 2})
    ):
        approved(gate, make_order(f"d{number}", **change), 999)
    approved(gate, make_order("c2"), 1_000)


def test_an_order_that_was_not_sent_is_no_repeat(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(duplicate_window_ns=1_000)
    gate.abandon(approved(gate, make_order("c1")))
    approved(gate, make_order("c2"))


def test_more_orders_than_can_be_remembered_are_refused_and_none_is_taken_for_new(
    make_gate: MakeGate, make_order: MakeOrder
) -> None:
    """A set that is full of young orders cannot tell a repeat any more."""
    gate = make_gate(duplicate_window_ns=10**12, orders_per_second=1, orders_burst=1, replaces_per_second=1)
    gate._tables._fill_bucket(g.ORDER_RATE, 10**9, 10**9)  # more than the table was made for
    gate._tables._fill_bucket(gate._strategies["s"] + g.STRATEGY_RATE, 10**9, 10**9)
    sent: list[Order] = []
    refusal: object = None
    while not isinstance(refusal, Refusal):
        number = len(sent)
        order = make_order(f"c{number}", quantity_lots=20 + number % 900, price_ticks=9_500 + number // 900)
        refusal = gate.check(order, 0)
        sent.append(order)
        gate.closed(order, order.quantity_lots)
    assert (refusal.reason, refusal.observed) == (Reason.DUPLICATE_ORDER, "")
    for order in sent[:-1]:
        order.client_order_id += "-again"
        assert refused(gate, order).reason is Reason.DUPLICATE_ORDER


def test_replacements_have_a_rate_of_their_own(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(replaces_burst=2, replaces_per_second=1)

    def replacement(number: int) -> Order:
        order = make_order(f"r{number}", quantity_lots=10)
        order.orig_client_order_id = "c0"
        return order

    for number in range(2):
        approved(gate, replacement(number))
    refusal = refused(gate, replacement(2))
    assert (refusal.reason, refusal.field, refusal.limit) == (Reason.REPLACE_RATE, "replaces_per_second", "1")
    approved(gate, make_order("c1", quantity_lots=10))
    approved(gate, replacement(3), 10**9)


def test_cancels_beyond_their_rate_are_counted_and_none_is_refused(make_gate: MakeGate) -> None:
    gate = make_gate(cancels_burst=2, cancels_per_second=1)
    assert [gate.on_cancel(0) for _ in range(4)] == [False, False, True, True]
    assert gate.cancels_over_rate == 2
    assert not gate.on_cancel(10**9)


def test_a_strategy_has_a_rate_of_its_own(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate({"orders_burst": 1, "orders_per_second": 1})
    approved(gate, make_order("c1", quantity_lots=10))
    refusal = refused(gate, make_order("c2", quantity_lots=10))
    assert (refusal.reason, refusal.limit) == (Reason.STRATEGY_RATE, "1")
    assert "the strategy" in refusal.text
    approved(gate, make_order("c3", quantity_lots=10, strategy_id="t"))


def test_messages_are_free_up_to_a_number_and_then_for_executions(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(messages_free=2, messages_per_trade=2)
    order = approved(gate, make_order("c1"))
    gate.on_cancel(0)
    refusal = refused(gate, make_order("c2"))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.ORDER_TO_TRADE, "3", "2")
    gate.filled(order, 10, 10_000, 0)
    approved(gate, make_order("c2"))
    approved(gate, make_order("c3"))
    assert refused(gate, make_order("c4")).reason is Reason.ORDER_TO_TRADE
    assert gate.on_day(20_000)
    assert not gate.on_day(20_000)
    approved(gate, make_order("c4"))


def test_a_strategy_that_executes_too_often_waits_for_a_person(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate({"executions": 2, "executions_window_ns": 7_000})
    order = approved(gate, make_order("c1"))
    for now_ns in (0, 1_000, 2_000):
        assert gate.throttled() == ()
        gate.filled(order, 10, 10_000, now_ns)
    assert gate.throttled() == (("s", 1),)
    refusal = refused(gate, make_order("c2"), 10**9)
    assert (refusal.reason, refusal.observed) == (Reason.EXECUTION_THROTTLE, "s")
    approved(gate, make_order("c3", instrument_id=2))
    approved(gate, make_order("c4", strategy_id="t"))
    with pytest.raises(UsageError, match="not throttled"):
        gate.enable("t", 1)
    gate.enable("s", 1)
    approved(gate, make_order("c2"), 10**9)


def test_executions_far_apart_are_no_burst(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate({"executions": 2, "executions_window_ns": 7_000})
    order = approved(gate, make_order("c1"))
    for now_ns in range(0, 100_000, 8_000):
        gate.filled(order, 5, 10_000, now_ns)
    assert gate.throttled() == ()


def test_a_replay_counts_executions_anew_and_who_was_throttled_stays_so(
    make_gate: MakeGate, make_order: MakeOrder
) -> None:
    gate = make_gate({"executions": 1, "executions_window_ns": 7_000})
    order = approved(gate, make_order("c1"))
    gate.filled(order, 10, 10_000, 10**15)
    gate.filled(order, 10, 10_000, 10**15)
    gate.restored()
    assert gate.throttled() == (("s", 1),)
    gate.enable("s", 1)
    gate.filled(order, 10, 10_000, 5)
    gate.filled(order, 10, 10_000, 9_000)
    assert gate.throttled() == ()


# -- over the account ----------------------------------------------------------------------------------------------


def test_gross_counts_each_instruments_worst_case(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(gross_notional_micros=20 * DOLLAR)
    approved(gate, make_order("b", quantity_lots=100))
    approved(gate, make_order("s", quantity_lots=100, side=SELL))  # not both: at worst one of them fills
    approved(gate, make_order("e", quantity_lots=100, instrument_id=2))
    assert gate.usage().gross_notional_micros == 20 * DOLLAR
    refusal = refused(gate, make_order("x", quantity_lots=10, instrument_id=2))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.GROSS_NOTIONAL, "21.000000", "20.000000")
    assert "USDT" in refusal.text


def test_a_market_order_counts_at_its_collar_in_gross(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(gross_notional_micros=11 * DOLLAR)
    refusal = refused(gate, make_order(quantity_lots=101, order_type=MARKET, price_ticks=0))
    assert (refusal.reason, refusal.observed) == (Reason.GROSS_NOTIONAL, "11.110000")
    approved(gate, make_order(quantity_lots=100, order_type=MARKET, price_ticks=0))


def test_what_shrinks_the_worst_case_passes_beyond_the_gross_limit(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(gross_notional_micros=10 * DOLLAR)
    bought(gate, make_order("b", quantity_lots=100))
    gate.on_quote(1, 10_100, 10_100, 0)
    assert refused(gate, make_order("b2", quantity_lots=10)).reason is Reason.GROSS_NOTIONAL
    approved(gate, make_order("s", quantity_lots=100, side=SELL))


def test_net_adds_up_one_side_over_all_instruments(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(net_notional_micros=15 * DOLLAR)
    bought(gate, make_order("b", quantity_lots=100))
    refusal = refused(gate, make_order("e", quantity_lots=60, instrument_id=2))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.NET_NOTIONAL, "16.000000", "15.000000")
    approved(gate, make_order("s", quantity_lots=100, instrument_id=2, side=SELL))


def test_one_instrument_may_not_be_most_of_everything(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(concentration_ppm=600_000, concentration_from_micros=10 * DOLLAR)
    approved(gate, make_order("b", quantity_lots=100))  # alone, but not more than the limit begins at
    assert refused(gate, make_order("b2", quantity_lots=10)).reason is Reason.CONCENTRATION
    approved(gate, make_order("e", quantity_lots=80, instrument_id=2))
    approved(gate, make_order("b3", quantity_lots=20))
    refusal = refused(gate, make_order("b4", quantity_lots=20))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.CONCENTRATION, "14.000000", "13.200000")


@pytest.mark.parametrize(
    ("limit", "reason"), [("daily_loss_micros", Reason.DAILY_LOSS), ("drawdown_micros", Reason.DRAWDOWN)]
)
def test_after_a_loss_only_what_shrinks_the_position_passes(
    make_gate: MakeGate, make_order: MakeOrder, limit: str, reason: Reason
) -> None:
    gate = make_gate(**{limit: DOLLAR // 10})
    bought(gate, make_order("b", quantity_lots=100))
    gate.on_quote(1, 9_900, 9_900, 0)
    approved(gate, make_order("still", quantity_lots=20, price_ticks=9_900))
    gate.on_quote(1, 9_899, 9_899, 0)
    refusal = refused(gate, make_order("b2", quantity_lots=20, price_ticks=9_899))
    assert (refusal.reason, refusal.observed, refusal.limit) == (reason, "0.101000", "0.100000")
    assert refused(gate, make_order("s", quantity_lots=101, price_ticks=9_899, side=SELL)).reason is reason
    approved(gate, make_order("s", quantity_lots=100, price_ticks=9_899, side=SELL))
    gate.on_day(20_000)
    approved(gate, make_order("b2", quantity_lots=20, price_ticks=9_899))


def test_a_realised_loss_counts_as_well_and_a_gain_moves_the_peak(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(daily_loss_micros=DOLLAR, drawdown_micros=3 * DOLLAR // 10)
    bought(gate, make_order("b", quantity_lots=100))
    gate.on_quote(1, 10_500, 10_500, 0)
    assert (gate.pnl_micros(), gate.drawdown_micros()) == (DOLLAR // 2, 0)
    sell = approved(gate, make_order("s", quantity_lots=100, side=SELL, price_ticks=10_100))
    gate.filled(sell, 100, 10_100, 0)
    gate.closed(sell, 0)
    assert (gate.pnl_micros(), gate.drawdown_micros()) == (DOLLAR // 10, 4 * DOLLAR // 10)
    assert refused(gate, make_order("x", price_ticks=10_500)).reason is Reason.DRAWDOWN


def test_an_asset_is_limited_over_all_its_instruments(
    make_gate: MakeGate, make_order: MakeOrder, instrument: Instrument, limits: InstrumentLimits
) -> None:
    gate = make_gate(assets={"BTC": (150_000_000, 50_000_000)})
    other = msgspec.structs.replace(instrument, instrument_id=3, symbol="BTCUSDT2", open_orders_max=100)
    gate.define(other, limits)
    gate.on_quote(3, 10_000, 10_000, 0)
    bought(gate, make_order("b", quantity_lots=100))
    refusal = refused(gate, make_order("b2", quantity_lots=51, instrument_id=3))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.ASSET_LONG, "0.151000000", "0.150000000")
    approved(gate, make_order("b2", quantity_lots=50, instrument_id=3))
    assert gate.usage().assets["BTC"] == (150_000_000, -100_000_000)
    assert refused(gate, make_order("s", quantity_lots=151, side=SELL)).reason is Reason.ASSET_SHORT
    approved(gate, make_order("s", quantity_lots=150, side=SELL))
    approved(gate, make_order("e", quantity_lots=500, instrument_id=2))


def test_a_quote_asset_is_converted_by_an_instrument_that_has_a_fresh_price(
    make_gate: MakeGate, make_order: MakeOrder, instrument: Instrument, limits: InstrumentLimits
) -> None:
    gate = make_gate(gross_notional_micros=1_100 * DOLLAR)
    cross = msgspec.structs.replace(
        instrument, instrument_id=3, symbol="ETHBTC", base_asset="ETH", quote_asset="BTC", open_orders_max=100
    )
    gate.define(cross, msgspec.structs.replace(limits, reference_age_ns=10**12))
    gate.on_quote(3, 10_000, 10_000, 0)  # 100 BTC each, at 100 USDT
    gate.set_funds("BTC", 10**15)
    approved(gate, make_order("c", instrument_id=3, quantity_lots=100))
    assert gate.usage().gross_notional_micros == 1_000 * DOLLAR
    gate.on_quote(1, 10_500, 10_500, 0)
    assert gate.usage().gross_notional_micros == 1_050 * DOLLAR
    assert refused(gate, make_order("d", instrument_id=3, quantity_lots=10)).reason is Reason.GROSS_NOTIONAL
    gate.on_quote(1, 0, 0, 1)
    assert refused(gate, make_order("d", instrument_id=3, quantity_lots=10), 1).reason is Reason.NO_REFERENCE_PRICE


def test_an_instrument_that_nothing_converts_is_refused(
    make_gate: MakeGate, make_order: MakeOrder, instrument: Instrument, limits: InstrumentLimits
) -> None:
    gate = make_gate()
    gate.define(msgspec.structs.replace(instrument, instrument_id=3, symbol="BTCEUR", quote_asset="EUR"), limits)
    gate.on_quote(3, 10_000, 10_000, 0)
    refusal = refused(gate, make_order(instrument_id=3))
    assert refusal.reason is Reason.NO_REFERENCE_PRICE
    assert "EUR" in refusal.text


# -- per strategy ---------------------------------------------------------------------------------------------------


def test_a_strategy_without_limits_may_not_trade(make_gate: MakeGate, make_order: MakeOrder) -> None:
    refusal = refused(make_gate(), make_order(strategy_id="unheard-of"))
    assert (refusal.reason, refusal.observed) == (Reason.WRONG_STRATEGY, "'unheard-of'")


@pytest.mark.parametrize("strategy_id", [None, 5, [], float("nan")])
def test_a_strategy_id_that_is_no_text_is_refused(make_gate: MakeGate, make_order: MakeOrder, strategy_id: Any) -> None:
    assert refused(make_gate(), make_order(strategy_id=strategy_id)).reason is Reason.WRONG_STRATEGY


def test_a_strategys_position_and_gross_are_its_own(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate({"position_notional_micros": 10 * DOLLAR, "gross_notional_micros": 15 * DOLLAR})
    bought(gate, make_order("b", quantity_lots=100))
    refusal = refused(gate, make_order("b2", quantity_lots=10))
    assert (refusal.reason, refusal.observed) == (Reason.STRATEGY_POSITION, "11.000000")
    refusal = refused(gate, make_order("e", quantity_lots=60, instrument_id=2))
    assert (refusal.reason, refusal.observed) == (Reason.STRATEGY_NOTIONAL, "16.000000")
    approved(gate, make_order("e", quantity_lots=50, instrument_id=2))
    approved(gate, make_order("t", quantity_lots=100, strategy_id="t"))
    approved(gate, make_order("s", quantity_lots=100, side=SELL))


# -- ceilings of the lease --------------------------------------------------------------------------------------------


_LEAST = -(2**62)
NOTHING = Ceilings(
    **dict.fromkeys(Ceilings.__struct_fields__[:-1], _LEAST),
    assets={"BTC": (_LEAST, _LEAST)},
)
PLENTY = Ceilings(
    **dict.fromkeys(Ceilings.__struct_fields__[:-1], 2**62),
    assets={},
)


def ceilings(open_orders: int = 5, per_second: int = 10, gross: int = 2**62, **more: Any) -> Ceilings:
    return msgspec.structs.replace(
        PLENTY,
        **{
            "open_orders": open_orders,
            "orders_per_second": per_second,
            "orders_burst": per_second,
            "gross_notional_micros": gross,
            **more,
        },
    )


def test_without_a_ceiling_nothing_passes_and_what_is_short_is_named(
    make_gate: MakeGate, make_order: MakeOrder
) -> None:
    gate = make_gate(gross_notional_micros=50 * DOLLAR, assets={"BTC": (10**9, 10**9)})
    gate.set_ceilings(NOTHING, 0)
    assert refused(gate, make_order()).reason is Reason.DAILY_LOSS
    assert gate.shortfall() == {"daily_loss_micros": 0}
    gate.set_ceilings(msgspec.structs.replace(NOTHING, daily_loss_micros=0), 0)
    assert refused(gate, make_order()).reason is Reason.DRAWDOWN
    assert gate.shortfall() == {"drawdown_micros": 0}
    gate.set_ceilings(msgspec.structs.replace(NOTHING, daily_loss_micros=0, drawdown_micros=0), 0)
    assert refused(gate, make_order()).reason is Reason.OPEN_ORDERS
    assert gate.shortfall() == {"open_orders": 1}
    gate.set_ceilings(
        msgspec.structs.replace(NOTHING, open_orders=5, daily_loss_micros=0, drawdown_micros=0, net_long_micros=10**12),
        0,
    )
    assert refused(gate, make_order()).reason is Reason.ORDER_RATE
    assert gate.shortfall() == {"orders_per_second": 1, "orders_burst": 1}
    gate.set_ceilings(ceilings(gross=_LEAST, assets={"BTC": (_LEAST, 0)}), 0)
    assert refused(gate, make_order()).reason is Reason.ORDER_RATE, "a higher rate adds nothing at once"
    assert refused(gate, make_order(), 10**9).reason is Reason.ASSET_LONG
    assert gate.shortfall() == {"long:BTC": 100_000_000}
    gate.set_ceilings(ceilings(gross=0, assets={"BTC": (10**8, 0)}), 10**9)
    assert refused(gate, make_order(), 10**9).reason is Reason.GROSS_NOTIONAL
    assert gate.shortfall() == {"gross_notional_micros": 10 * DOLLAR}
    gate.set_ceilings(ceilings(gross=10 * DOLLAR, assets={"BTC": (10**8, 0)}), 10**9)
    approved(gate, make_order(), 10**9)
    assert refused(gate, make_order("bad", quantity_lots=0)).reason is Reason.BAD_QUANTITY
    assert gate.shortfall() == {}


def test_a_ceiling_above_the_accounts_own_limit_raises_nothing(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(gross_notional_micros=10 * DOLLAR, open_orders=1)
    gate.set_ceilings(ceilings(9, 10**9, 10**12), 0)
    approved(gate, make_order("c1", quantity_lots=100))
    assert refused(gate, make_order("c2", quantity_lots=10)).reason is Reason.OPEN_ORDERS
    assert gate.shortfall() == {}


def test_net_losses_replacements_and_messages_have_ceilings_too(make_gate: MakeGate, make_order: MakeOrder) -> None:
    gate = make_gate(net_notional_micros=50 * DOLLAR, messages_free=10, messages_per_trade=2)
    gate.set_ceilings(ceilings(net_long_micros=0, net_short_micros=-10 * DOLLAR), 0)
    assert refused(gate, make_order()).reason is Reason.NET_NOTIONAL
    assert gate.shortfall() == {"net_long_micros": 10 * DOLLAR}
    assert refused(gate, make_order(side=SELL)).reason is Reason.NET_NOTIONAL
    assert gate.shortfall() == {"net_short_micros": 10 * DOLLAR}
    gate.set_ceilings(ceilings(replaces_per_second=0, replaces_burst=0), 0)
    replacing = make_order("r")
    replacing.orig_client_order_id = "c"
    assert refused(gate, replacing).reason is Reason.REPLACE_RATE
    assert gate.shortfall() == {"replaces_per_second": 1, "replaces_burst": 1}
    gate.set_ceilings(ceilings(messages_free=0), 0)
    assert refused(gate, make_order()).reason is Reason.ORDER_TO_TRADE
    assert gate.shortfall() == {"messages_free": 1}
    gate.set_ceilings(PLENTY, 0)
    filled = approved(gate, make_order("f"))
    gate.filled(filled, 100, 10_000, 0)
    gate.closed(filled, 0)
    gate.on_quote(1, 8_990, 9_010, 0)  # a tenth of 10 dollars is lost
    assert gate.usage().daily_loss_micros == gate.usage().drawdown_micros == DOLLAR
    assert gate.usage().messages == 1 - 2
    gate.set_ceilings(ceilings(daily_loss_micros=DOLLAR - 1), 0)
    assert refused(gate, make_order()).reason is Reason.DAILY_LOSS
    assert gate.shortfall() == {"daily_loss_micros": DOLLAR}
    gate.set_ceilings(ceilings(drawdown_micros=DOLLAR - 1), 0)
    assert refused(gate, make_order()).reason is Reason.DRAWDOWN
    assert gate.shortfall() == {"drawdown_micros": DOLLAR}
    gate.set_ceilings(PLENTY, 0)
    approved(gate, make_order("last", price_ticks=9_000))
