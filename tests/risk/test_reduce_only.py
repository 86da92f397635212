"""Reduce-only: what provably shrinks the worst case, whatever else is in flight and however it fills."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import KillMode, OrderType, Reason, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import NewOrder, Refusal
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import Scope, TradingNames

MakeOrder = Callable[..., Order]
BUY, SELL = Side.BUY, Side.SELL
LIMITS = InstrumentLimits(10_000, 10**12, 10_000, 10_000, 100_000, 200_000, 10**6, 10**9)


@pytest.fixture
def open_gate(gate: Gate, make_strategy: Callable[..., StrategyLimits]) -> Gate:
    """The usual gate with wide limits, and a second strategy, t."""
    instrument, _ = gate._tables.instruments[1]
    gate.define(instrument, LIMITS)
    gate.define_strategy("t", make_strategy())
    return gate


def hold(gate: Gate, make_order: MakeOrder, lots: int, strategy_id: str = "s") -> None:
    """A position: long for a positive number of lots, short for a negative one."""
    side = BUY if lots > 0 else SELL
    order = make_order(f"{strategy_id}-hold{lots}", quantity_lots=abs(lots), side=side, strategy_id=strategy_id)
    assert gate.check(order, 0) is order
    gate.filled(order, abs(lots), 10_000, 0)
    gate.closed(order, 0)


def refused(gate: Gate, order: Order) -> Refusal:
    answer = gate.check(order, 0)
    assert isinstance(answer, Refusal), "the order was approved"
    return answer


VENUE = Scope(venue="venue-a")


def reduce(page: LatchPage, scope: Scope = VENUE, mode: KillMode = KillMode.REDUCE) -> None:
    page.store("K", scope, mode)


# -- the three counterexamples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", list(Side))
def test_nothing_opens_from_flat(open_gate: Gate, page: LatchPage, make_order: MakeOrder, side: Side) -> None:
    reduce(page)
    refusal = refused(open_gate, make_order(quantity_lots=10, side=side))
    assert (refusal.reason, refusal.limit) == (Reason.REDUCE_ONLY, "0.000")


def test_long_100_may_not_sell_1000(open_gate: Gate, page: LatchPage, make_order: MakeOrder) -> None:
    hold(open_gate, make_order, 100)
    reduce(page)
    refusal = refused(open_gate, make_order(quantity_lots=1_000, side=SELL))
    assert (refusal.reason, refusal.observed, refusal.limit) == (Reason.REDUCE_ONLY, "1.000", "0.100")
    assert refused(open_gate, make_order(quantity_lots=101, side=SELL)).reason is Reason.REDUCE_ONLY
    assert refused(open_gate, make_order(quantity_lots=10)).reason is Reason.REDUCE_ONLY
    order = make_order(quantity_lots=100, side=SELL)
    assert open_gate.check(order, 0) is order


def test_two_sells_of_the_whole_position_at_once_are_one_too_many(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, 100)
    reduce(page)
    first = make_order("first", quantity_lots=100, side=SELL)
    assert open_gate.check(first, 0) is first
    assert open_gate.may_send(first, 0) is Reason.NONE
    assert refused(open_gate, make_order("second", quantity_lots=100, side=SELL)).reason is Reason.REDUCE_ONLY
    open_gate.closed(first, 100)
    second = make_order("second", quantity_lots=100, side=SELL)
    assert open_gate.check(second, 0) is second


# -- what else could widen it ----------------------------------------------------------------------------------------


def test_a_replacement_does_not_count_on_its_originals_end(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, 100)
    first = make_order("first", quantity_lots=100, side=SELL)
    assert open_gate.check(first, 0) is first
    reduce(page)
    replacement = make_order("r", quantity_lots=50, side=SELL)
    replacement.orig_client_order_id = "first"
    assert refused(open_gate, replacement).reason is Reason.REDUCE_ONLY


def test_an_order_that_was_on_its_way_when_reduce_came_is_held_back_when_it_widens(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, 100)
    widens, shrinks = make_order("w", quantity_lots=50), make_order("x", quantity_lots=50, side=SELL)
    for order in (widens, shrinks):
        assert open_gate.check(order, 0) is order
    reduce(page)
    assert open_gate.may_send(widens, 0) is Reason.REDUCE_ONLY
    assert open_gate.may_send(shrinks, 0) is Reason.NONE


def test_short_of_a_buy_that_may_still_flip_nothing_more_is_bought(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, -100)
    buy = make_order("b", quantity_lots=150)
    assert open_gate.check(buy, 0) is buy
    reduce(page)
    assert refused(open_gate, make_order("b2", quantity_lots=10)).reason is Reason.REDUCE_ONLY
    assert refused(open_gate, make_order("s", quantity_lots=10, side=SELL)).reason is Reason.REDUCE_ONLY
    open_gate.closed(buy, 150)
    buy = make_order("b3", quantity_lots=100)
    assert open_gate.check(buy, 0) is buy


def test_a_strategy_shrinks_its_own_position_and_the_accounts(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, 100, "s")
    hold(open_gate, make_order, -60, "t")
    reduce(page)
    # s is long 100, the account only 40; t is short, and buying would make the account longer
    assert refused(open_gate, make_order("s1", quantity_lots=41, side=SELL)).reason is Reason.REDUCE_ONLY
    assert refused(open_gate, make_order("t1", quantity_lots=10, strategy_id="t")).reason is Reason.REDUCE_ONLY
    assert (
        refused(open_gate, make_order("t2", quantity_lots=10, side=SELL, strategy_id="t")).reason is Reason.REDUCE_ONLY
    )
    order = make_order("s1", quantity_lots=40, side=SELL)
    assert open_gate.check(order, 0) is order


def test_a_kill_of_one_strategy_leaves_the_other_alone(open_gate: Gate, page: LatchPage, make_order: MakeOrder) -> None:
    reduce(page, Scope(strategy="s"))
    refusal = refused(open_gate, make_order("s1"))
    assert refusal.reason is Reason.REDUCE_ONLY
    order = make_order("t1", strategy_id="t")
    assert open_gate.check(order, 0) is order


def test_a_kill_of_one_instrument_refuses_its_orders_and_says_why(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    reduce(page, Scope(instrument="binance:BTCUSDT"), KillMode.HALT)
    assert refused(open_gate, make_order("s1")).reason is Reason.HALTED
    page.release("K")
    reduce(page, Scope(instrument="binance:ETHUSDT"), KillMode.HALT)
    order = make_order("s1")
    assert open_gate.check(order, 0) is order


# -- closing orders under FLATTEN -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [None, KillMode.REDUCE, KillMode.HALT, KillMode.CANCEL])
def test_a_closing_order_passes_under_flatten_only(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder, mode: KillMode | None
) -> None:
    hold(open_gate, make_order, 100)
    if mode is not None:
        reduce(page, mode=mode)
    answer = open_gate.check_closing(make_order("flatten-1", quantity_lots=50, side=SELL, strategy_id="flatten"), 0)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.HALTED


@pytest.mark.parametrize("mode", [KillMode.HALT, KillMode.CANCEL])
def test_a_halt_over_a_flatten_stops_the_closing_too(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder, mode: KillMode
) -> None:
    hold(open_gate, make_order, 100)
    page.store("flatten", Scope(), KillMode.FLATTEN)
    closing = make_order("flatten-1", quantity_lots=50, side=SELL, strategy_id="flatten")
    assert open_gate.check_closing(closing, 0) is closing
    page.store("halt", Scope(instrument="binance:BTCUSDT"), mode)
    assert open_gate.may_send(closing, 0) is Reason.HALTED, "between the check and the write"
    open_gate.abandon(closing)
    answer = open_gate.check_closing(closing, 0)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.HALTED
    page.release("halt")
    assert open_gate.check_closing(closing, 0) is closing


def test_closing_orders_close_the_accounts_position_and_no_more(
    open_gate: Gate, page: LatchPage, make_order: MakeOrder
) -> None:
    hold(open_gate, make_order, 100)
    reduce(page, mode=KillMode.FLATTEN)
    assert refused(open_gate, make_order("s1", side=SELL, quantity_lots=10)).reason is Reason.HALTED
    assert (open_gate.reducible_lots(1, SELL), open_gate.reducible_lots(1, BUY)) == (100, 0)
    first = make_order("flatten-1", quantity_lots=60, side=SELL, strategy_id="flatten")
    assert open_gate.check_closing(first, 0) is first
    assert open_gate.may_send(first, 0) is Reason.NONE
    assert open_gate.reducible_lots(1, SELL) == 40
    second = make_order("flatten-2", quantity_lots=41, side=SELL, strategy_id="flatten")
    answer = open_gate.check_closing(second, 0)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.REDUCE_ONLY
    open_gate.revoke()
    assert open_gate.may_send(first, 0) is Reason.NO_LEASE
    page.release("K")
    assert open_gate.may_send(first, 0) is Reason.HALTED
    open_gate.abandon(first)
    assert open_gate.open_orders == 0


# -- whatever happens -------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_subset_of_fills_can_take_the_position_further_from_zero_or_through_it(
    data: st.DataObject,
    make_gate_under_reduce: Callable[[], tuple[Gate, LatchPage]],
) -> None:
    gate, page = make_gate_under_reduce()
    number = 0

    def order(lots: int, side: Side) -> Order:
        nonlocal number
        number += 1
        return Order.from_new(NewOrder(f"c{number}", "a", "s", 1, side, OrderType.LIMIT, TimeInForce.GTC, lots, 10_000))

    held = order(data.draw(st.integers(10, 200)), data.draw(st.sampled_from(Side)))
    assert gate.check(held, 0) is held
    filled = data.draw(st.integers(0, held.quantity_lots))
    if filled:
        gate.filled(held, filled, 10_000, 0)
    position = gate.position_lots(1)
    before = [(held.side, held.quantity_lots - filled)]
    reduce(page)
    passed: list[tuple[Side, int]] = []
    for _ in range(data.draw(st.integers(1, 6))):
        each = order(data.draw(st.integers(10, 250)), data.draw(st.sampled_from(Side)))
        if gate.check(each, 0) is each:
            passed.append((each.side, each.quantity_lots))
    assert _worst(position, before + passed) <= _worst(position, before)
    for _ in range(8):
        # some subset of everything fills; compared with the same without what passed under REDUCE
        base = position + sum(_signed(*one) for one in before if data.draw(st.booleans()))
        after = base + sum(_signed(*one) for one in passed if data.draw(st.booleans()))
        if base * position >= 0 and abs(base) >= abs(position):
            assert abs(after) <= abs(base)
            assert after * position >= 0


def _worst(position: int, orders: list[tuple[Side, int]]) -> int:
    """The largest position over all subsets of fills."""
    buys = sum(lots for side, lots in orders if side is BUY)
    sells = sum(lots for side, lots in orders if side is SELL)
    return max(abs(position + buys), abs(position - sells))


def _signed(side: Side, lots: int) -> int:
    return lots if side is BUY else -lots


@pytest.fixture(scope="module")
def make_gate_under_reduce(
    make_account: Callable[..., AccountLimits], make_strategy: Callable[..., StrategyLimits]
) -> Callable[[], tuple[Gate, LatchPage]]:
    def make() -> tuple[Gate, LatchPage]:
        page = LatchPage.memory(TradingNames(("a",), {"venue-a": "a"}, {"s": "venue-a"}, ("v:BTCUSDT",)))
        account = make_account(open_orders=100, orders_burst=100)
        gate = Gate(account, page.view("venue-a"), 4)
        gate.define(Instrument(1, "v", "BTCUSDT", "BTC", "USDT", 1, 2, 1, 3, 0, 0, 0, 0), LIMITS)
        gate.define_strategy("s", make_strategy())
        gate.set_funds("BTC", 2**62)
        gate.set_funds("USDT", 2**62)
        gate.on_quote(1, 10_000, 10_000, 0)
        gate.grant(1, 10**9)
        return gate, page

    return make
