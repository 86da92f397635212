"""Gate and blotter together: whatever a venue says, the gate's ledger equals what may still happen."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.blotter import Blotter, OrderRecord
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import CancelOrder, NewOrder, ReplaceOrder
from engine.order import Order
from engine.order_event import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import COUNT_MAX, MICROS_MAX, AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import TradingNames

MANY = 10**6
ACCOUNT = AccountLimits(
    *[MANY] * 7, "USDT", MICROS_MAX, MICROS_MAX, 10**6, 0, MICROS_MAX, MICROS_MAX, COUNT_MAX, 0, 0, {}
)
STRATEGY = StrategyLimits(MANY, MANY, MICROS_MAX, MICROS_MAX, COUNT_MAX, 10**9)


class Life:
    """One venue actor's order path and its venue, which may say anything."""

    def __init__(self, draw: Callable[..., Any], instrument: Instrument) -> None:
        self.draw, self.instrument = draw, instrument
        self.gate = self.new_gate()
        self.blotter = Blotter(self.gate)
        self.journal: list[OrderRecord] = []
        self.count = self.fills = 0

    def new_gate(self) -> Gate:
        gate = Gate(ACCOUNT, LatchPage.memory(TradingNames(venues={"a": ""})).view("a"), 4)
        gate.define(self.instrument, InstrumentLimits(10**6, 10**15, 2**50, 2**50, 500_000, 500_000, 10**9, 10**9))
        gate.define_strategy("s", STRATEGY)
        gate.set_funds("BTC", 2**62)
        gate.set_funds("USDT", 2**62)
        gate.on_quote(1, 10_000, 10_000, 0)
        gate.grant(1, 10**9)
        return gate

    def step(self) -> None:
        action = self.draw(st.sampled_from(["new", "new", "replace", "event", "event", "event", "event", "cancel"]))
        known = list(self.blotter.orders)
        if action == "new" or not known:
            self.submit(self.new_order())
        elif action == "replace":
            orig = self.blotter.orders[self.draw(st.sampled_from(known))]
            if orig.can_replace and orig.order_type is OrderType.LIMIT:
                lots, ticks = self.draw(st.integers(10, 30)), self.draw(st.integers(9_900, 10_100))
                self.submit(ReplaceOrder(self.next_id(), orig.client_order_id, "a", "s", lots, ticks))
        elif action == "cancel":
            self.apply(CancelOrder(self.draw(st.sampled_from(known)), "a", "s"))
        else:
            self.apply(self.event(self.draw(st.sampled_from(known))))

    def next_id(self) -> str:
        self.count += 1
        return f"c{self.count}"

    def new_order(self) -> NewOrder:
        side, is_market = self.draw(st.sampled_from(list(Side))), self.draw(st.integers(0, 3)) == 0
        order_type = OrderType.MARKET if is_market else OrderType.LIMIT
        ticks = 0 if is_market else self.draw(st.integers(9_900, 10_100))
        lots = self.draw(st.integers(10, 30))
        return NewOrder(self.next_id(), "a", "s", 1, side, order_type, TimeInForce.GTC, lots, ticks)

    def submit(self, message: NewOrder | ReplaceOrder) -> None:
        """As the venue actor does it: check, journal, admit, and now and then no room in the journal."""
        if isinstance(message, NewOrder):
            order = Order.from_new(message)
        else:
            order = Order.from_replace(message, self.blotter.orders[message.orig_client_order_id])
        approved = self.gate.check(order, 0)
        assert approved is order
        if self.draw(st.integers(0, 9)) == 9:
            self.gate.abandon(order)
        else:
            self.journal.append(message)
            self.blotter.admit(order)

    def apply(self, record: OrderRecord) -> None:
        self.journal.append(record)
        self.blotter.apply(record, 0)

    def event(self, client_order_id: str) -> OrderRecord:
        order = self.blotter.orders[client_order_id]
        cum_lots = self.draw(st.one_of(st.just(order.cum_lots), st.integers(0, 40)))
        self.fills += self.draw(st.integers(0, 4)) > 0  # now and then the same trade again
        others = [
            other for other in self.blotter.orders if self.blotter.orders[other].orig_client_order_id == client_order_id
        ]
        made: list[OrderRecord] = [
            OrderAccepted(client_order_id, "o" + client_order_id, 0),
            OrderFilled(
                client_order_id,
                "o" + client_order_id,
                f"t{self.fills}",
                self.draw(st.integers(1, 35)),
                self.draw(st.integers(9_000, 11_000)),
                0,
                "USDT",
                True,
                0,
            ),
            OrderRejected(client_order_id, Reason.VENUE_REJECTED, "", 0),
            OrderCancelled(client_order_id, "o" + client_order_id, cum_lots, 0),
            OrderExpired(client_order_id, "o" + client_order_id, cum_lots, Reason.VENUE_EXPIRED, "", 0),
            CancelRejected(client_order_id, self.draw(st.booleans()), "", 0),
            OrderOutcomeUnknown(client_order_id, ""),
            OrderSeen(client_order_id, "o" + client_order_id, self.draw(st.sampled_from(OrderStatus)), 20, cum_lots, 0),
        ]
        if others:
            made.append(OrderReplaced(client_order_id, self.draw(st.sampled_from(others)), cum_lots, 0))
        if order.orig_client_order_id:
            made.append(
                ReplaceRejected(
                    client_order_id, order.orig_client_order_id, self.draw(st.booleans()), Reason.VENUE_REJECTED, "", 0
                )
            )
        return self.draw(st.sampled_from(made))

    def check(self, gate: Gate, blotter: Blotter) -> None:
        """Reserved is what may still fill; the position is what has filled."""
        open_orders = [order for order in blotter.orders.values() if not order.status.is_terminal]
        assert gate.open_orders == len(open_orders)
        for side in Side:
            may_fill = sum(order.leaves_lots for order in open_orders if order.side is side)
            assert gate.open_lots(1, side) == may_fill
        buys = sum(order.leaves_lots * order.reserve_ticks for order in open_orders if order.side is Side.BUY)
        assert gate.reserved_nanos("USDT") == buys * 10_000
        assert gate.reserved_nanos("BTC") == gate.open_lots(1, Side.SELL) * 1_000_000
        filled = sum(order.cum_lots * (1 if order.side is Side.BUY else -1) for order in blotter.orders.values())
        assert gate.position_lots(1) == filled
        assert set(gate._reserved) == {order.client_order_id for order in open_orders}

    def restart(self) -> None:
        """Another life, from the journal alone, ends in the same ledger."""
        gate = self.new_gate()
        blotter = Blotter(gate)
        for record in self.journal:
            blotter.apply(record, 0)
            if isinstance(record, NewOrder | ReplaceOrder):
                gate.restore(blotter.orders[record.client_order_id])
        self.check(gate, blotter)
        assert gate.position_lots(1) == self.gate.position_lots(1)
        assert [gate.open_lots(1, side) for side in Side] == [self.gate.open_lots(1, side) for side in Side]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), steps=st.integers(1, 60))
def test_reserved_is_what_may_still_fill_whatever_the_venue_says(
    data: st.DataObject, steps: int, instrument: Instrument
) -> None:
    life = Life(data.draw, instrument)
    for _ in range(steps):
        life.step()
        life.check(life.gate, life.blotter)
    life.restart()


@pytest.fixture
def instrument() -> Instrument:
    """Tick 0.01 USDT, lot 0.001 BTC, and no filter of the venue's in the way."""
    return Instrument(1, "v", "BTCUSDT", "BTC", "USDT", 1, 2, 1, 3, 0, 0, 0, 0)
