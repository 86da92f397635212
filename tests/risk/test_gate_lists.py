"""Lists of orders at the gate: what they reserve covers all that the venue may let them do, and no more than that."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import Contingency, OrderType, Reason, Side
from engine.instrument import Instrument
from engine.messages import Instructions, Refusal
from engine.order import Order
from risk.gate import Gate
from risk.gate_memory import gate_memory_of, remember_gate
from risk.latch import LatchPage
from risk.limits import AccountLimits, InstrumentLimits, StrategyLimits

MakeOrder = Callable[..., Order]
BUY, SELL = Side.BUY, Side.SELL
OCO, OTO, OTOCO = Contingency.OCO, Contingency.OTO, Contingency.OTOCO


def stop(make_order: MakeOrder, name: str, side: Side, trigger: int, lots: int = 100) -> Order:
    wants = Instructions(trigger_ticks=trigger)
    terms: dict[str, Any] = {"side": side, "quantity_lots": lots, "order_type": OrderType.STOP, "price_ticks": 0}
    return make_order(name, **terms, instructions=wants)


def pair(make_order: MakeOrder, side: Side = SELL, lots: int = 100) -> tuple[Order, Order]:
    """A target and a stop around a market at 10,000."""
    target, trigger = (10_900, 9_500) if side is SELL else (9_200, 10_500)
    return make_order("take", side=side, quantity_lots=lots, price_ticks=target), stop(
        make_order, "stop", side, trigger, lots
    )


def state(gate: Gate) -> tuple[int, ...]:
    return (
        gate.open_lots(1, BUY),
        gate.open_lots(1, SELL),
        gate.reserved_nanos("BTC"),
        gate.reserved_nanos("USDT"),
        gate.open_orders,
    )


def test_a_pair_needs_what_one_of_it_needs(gate: Gate, make_order: MakeOrder) -> None:
    gate.set_funds("BTC", 100 * 1_000_000)  # 100 lots
    take, stop_loss = pair(make_order)
    assert gate.check_list((take, stop_loss), OCO, 10) == (take, stop_loss)
    assert state(gate) == (0, 100, 100_000_000, 0, 2)
    assert take.reserve_ticks == stop_loss.reserve_ticks == 10_900
    alone = gate.check(make_order("c3", side=SELL), 10)
    assert isinstance(alone, Refusal)
    assert alone.reason is Reason.INSUFFICIENT_FUNDS


def test_a_pair_that_buys_is_worth_its_dearer_order(gate: Gate, make_order: MakeOrder) -> None:
    take, stop_loss = pair(make_order, BUY)
    assert not isinstance(gate.check_list((take, stop_loss), OCO, 10), Refusal)
    assert state(gate) == (100, 0, 0, 100 * 11_550 * 10_000, 2)


def test_a_pair_of_which_one_may_not_be_sent_changes_nothing(gate: Gate, make_order: MakeOrder) -> None:
    take = make_order("take", side=SELL, price_ticks=10_900)
    answer = gate.check_list((take, stop(make_order, "stop", SELL, 10_500)), OCO, 10)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.TRIGGER_WOULD_FIRE
    assert state(gate) == (0, 0, 0, 0, 0)
    assert gate.check(take, 10) is take  # its name is free


def test_an_entry_with_its_exits_needs_nothing_for_them_until_it_fills(gate: Gate, make_order: MakeOrder) -> None:
    gate.set_funds("BTC", 0)
    entry, (take, stop_loss) = make_order("entry"), pair(make_order)
    assert not isinstance(gate.check_list((entry, take, stop_loss), OTOCO, 10), Refusal)
    assert state(gate) == (100, 0, 0, 100 * 10_000 * 10_000, 3)
    gate.filled(entry, 40, 10_000, 11)
    assert state(gate)[:3] == (60, 40, 40_000_000)
    assert gate.position_lots(1) == 40
    gate.filled(entry, 60, 10_000, 12)
    gate.closed(entry, 0)
    assert state(gate) == (0, 100, 100_000_000, 0, 2)


def test_exits_that_the_limits_would_refuse_later_are_refused_now(gate: Gate, make_order: MakeOrder) -> None:
    entry = make_order("entry")
    take, stop_loss = pair(make_order)
    take.price_ticks = 20_000  # beyond the collar
    answer = gate.check_list((entry, take, stop_loss), OTOCO, 10)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.PRICE_COLLAR
    assert state(gate) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("contingency", [OCO, OTO])
def test_what_is_no_list_is_refused(gate: Gate, make_order: MakeOrder, contingency: Contingency) -> None:
    first = make_order("a", side=BUY)
    for orders in (
        (first,),
        (first, make_order("b", side=BUY, quantity_lots=101)),
        (first, make_order("a", side=SELL)),
        (first, make_order("b", side=SELL, quantity_lots=200)),
        (first, make_order("b", side=SELL, instrument_id=2)),
    ):
        answer = gate.check_list(orders, contingency, 10)
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.BAD_ORDER_LIST
    assert state(gate) == (0, 0, 0, 0, 0)


def test_a_list_that_was_not_sent_leaves_nothing(gate: Gate, make_order: MakeOrder) -> None:
    entry, (take, stop_loss) = make_order("entry"), pair(make_order)
    for _ in range(2):
        assert not isinstance(gate.check_list((entry, take, stop_loss), OTOCO, 10), Refusal)
        gate.lists.abandon((entry, take, stop_loss))
        assert state(gate) == (0, 0, 0, 0, 0)
        assert not isinstance(gate.check_list((take, stop_loss), OCO, 10), Refusal)
        gate.lists.abandon((take, stop_loss))
        assert state(gate) == (0, 0, 0, 0, 0)
    assert gate.paced()[0] == 0


class VenueList:
    """What a venue does with a list, at random: of a pair one fills, pending orders begin when the entry is full."""

    def __init__(self, orders: tuple[Order, ...], contingency: Contingency) -> None:
        self.entry = None if contingency is OCO else orders[0]
        self.exits = list(orders if contingency is OCO else orders[1:])
        self.filled = {each.client_order_id: 0 for each in orders}
        self.open = [each.client_order_id for each in orders]

    def left(self, order: Order) -> int:
        return order.quantity_lots - self.filled[order.client_order_id]

    def may_fill(self) -> list[Order]:
        if self.entry is not None and self.entry.client_order_id in self.open:
            return [self.entry]
        if self.entry is not None and self.left(self.entry):
            return []
        started = [each for each in self.exits if self.filled[each.client_order_id]]
        return [each for each in started or self.exits if each.client_order_id in self.open and self.left(each)]


def gate_of(instrument: Instrument, limits: InstrumentLimits, page: LatchPage, account: AccountLimits) -> Gate:
    gate = Gate(account, page.view("venue-a"), 4)
    gate.define(instrument, limits)
    return gate


@settings(deadline=None, max_examples=150)
@given(data=st.data(), contingency=st.sampled_from([OCO, OTO, OTOCO]), restart=st.integers(0, 3))
def test_in_every_life_of_a_list_the_reservation_covers_what_may_still_happen(
    data: st.DataObject,
    contingency: Contingency,
    restart: int,
    make_order: MakeOrder,
    make_account: Callable[..., AccountLimits],
    make_strategy: Callable[..., StrategyLimits],
    request: pytest.FixtureRequest,
) -> None:
    instrument, limits = request.getfixturevalue("instrument"), request.getfixturevalue("limits")
    page = request.getfixturevalue("page")

    def fresh() -> Gate:
        gate = gate_of(instrument, limits, page, make_account())
        gate.define_strategy("s", make_strategy())
        return gate

    gate = fresh()
    for asset in ("BTC", "USDT"):
        gate.set_funds(asset, 10**15)
    gate.on_quote(1, 9_990, 10_010, 0)
    gate.grant(1, 1_000_000)
    exits = pair(make_order, SELL, data.draw(st.integers(20, 100), label="lots of the exits"))
    entry = make_order("entry", price_ticks=10_000)
    orders = {OCO: exits, OTO: (entry, exits[1]), OTOCO: (entry, *exits)}[contingency]
    assert not isinstance(gate.check_list(orders, contingency, 10), Refusal)
    venue, position = VenueList(orders, contingency), 0
    for step in range(30):
        if step == restart:
            again = fresh()
            remember_gate(again, gate_memory_of(gate))
            gate = again
        fillable = venue.may_fill()
        if not venue.open:
            break
        if fillable and data.draw(st.integers(0, 3)):
            order = data.draw(st.sampled_from(fillable))
            lots = data.draw(st.integers(1, venue.left(order)))
            venue.filled[order.client_order_id] += lots
            position += lots if order.side is BUY else -lots
            order.cum_lots += lots
            gate.filled(order, lots, 10_000, 20)
            if not venue.left(order):
                venue.open.remove(order.client_order_id)
                gate.closed(order, 0)
        elif len(venue.open) < len(orders) or data.draw(st.booleans()):
            name = data.draw(st.sampled_from(venue.open))  # cancelled, or expired for the other
            order = next(each for each in orders if each.client_order_id == name)
            venue.open.remove(name)
            gate.closed(order, venue.left(order))
        assert gate.position_lots(1) == position
        assert gate.open_orders == len(venue.open)
        may = [each for each in venue.may_fill() if each.client_order_id in venue.open]
        most_bought = max((venue.left(each) for each in may if each.side is BUY), default=0)
        most_sold = max((venue.left(each) for each in may if each.side is SELL), default=0)
        assert gate.open_lots(1, BUY) >= most_bought
        assert gate.open_lots(1, SELL) >= most_sold
        if contingency is not OCO:  # entry and exits together never reach further than the entry alone
            assert position - gate.open_lots(1, SELL) >= 0
            assert position + gate.open_lots(1, BUY) <= entry.quantity_lots
    for name in venue.open:
        gate.closed(next(each for each in orders if each.client_order_id == name), 100)
    assert state(gate) == (0, 0, 0, 0, 0)
    assert not gate.lists
