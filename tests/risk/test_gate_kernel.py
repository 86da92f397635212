"""The kernels against their readable twin: random lives of a gate, compared after every step."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import OrderType, Side, TimeInForce
from engine.instrument import INT64_MAX, Instrument
from engine.messages import Refusal
from engine.order import Order
from risk import gate_kernel as k
from risk.gate import Gate
from risk.gate_reference import Fault, ReferenceGate
from risk.latch import LatchPage
from risk.limits import AccountLimits, InstrumentLimits
from risk.scope import TradingNames

MakeOrder = Callable[..., Order]


def mostly(usual: Any, *rare: Any) -> st.SearchStrategy[Any]:
    """``usual`` five times in six: a bound that always bites hides every check behind it."""
    return st.integers(0, 5).flatmap(lambda n: st.sampled_from(rare) if n == 5 else st.just(usual))


def rarely(rare: st.SearchStrategy[int], usual: st.SearchStrategy[int]) -> st.SearchStrategy[int]:
    return st.integers(0, 11).flatmap(lambda n: rare if n == 11 else usual)


BOUNDARY = st.sampled_from([0, 1, -1, 2**52, 2**52 + 1, 2**60, 2**60 + 1, INT64_MAX, -INT64_MAX, 200, 300])
LOTS = rarely(BOUNDARY, st.integers(1, 30))
TICKS = rarely(BOUNDARY, st.integers(88, 115))


@st.composite
def instruments(draw: st.DrawFn, instrument_id: int) -> Instrument:
    return Instrument(
        instrument_id=instrument_id,
        venue="v",
        symbol=f"S{instrument_id}",
        base_asset=draw(st.sampled_from(["A", "B"])),
        quote_asset="Q",
        tick_units=draw(st.sampled_from([1, 5, 25])),
        price_scale=draw(st.sampled_from([2, 0, 8])),
        lot_units=draw(st.sampled_from([1, 10])),
        quantity_scale=draw(st.sampled_from([3, 0, 8])),
        price_ticks_min=draw(mostly(0, 1, 95)),
        price_ticks_max=draw(mostly(0, 110, 2**55)),
        quantity_lots_min=draw(mostly(0, 1, 5)),
        quantity_lots_max=draw(mostly(0, 25, 100)),
        market_quantity_lots_max=draw(mostly(0, 20)),
        notional_tick_lots_min=draw(mostly(0, 300, 1_000)),
        notional_tick_lots_max=draw(mostly(0, 2_500, 10**6)),
        open_orders_max=draw(mostly(0, 2, 5)),
        bid_up_ppm=draw(mostly(0, 1_050_000, 1_099_999)),
        bid_down_ppm=draw(mostly(0, 900_001, 950_000)),
        ask_up_ppm=draw(mostly(0, 1_050_000, 1_099_999)),
        ask_down_ppm=draw(mostly(0, 900_001, 950_000)),
        market_notional_min_applies=draw(st.booleans()),
    )


LIMITS = st.builds(
    InstrumentLimits,
    order_quantity_lots=mostly(2**60, 20, 100),
    order_notional_tick_lots=mostly(INT64_MAX, 0, 2_000),
    long_position_lots=mostly(200, 0, 50, 2**60),
    short_position_lots=mostly(200, 0, 50, 2**60),
    price_collar_ppm=mostly(150_000, 0, 99_999, 10**9),
    reference_age_ns=mostly(INT64_MAX, 0, 10**8),
)
ACCOUNTS = st.builds(
    AccountLimits,
    open_orders=mostly(100, 0, 3),
    orders_per_second=mostly(1_000, 0, 1, 3, 7),
    orders_burst=mostly(1_000, 0, 1, 5),
)
TIMES_IN_FORCE = mostly(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)


class Pair:
    """The gate and its twin, driven by the same calls."""

    def __init__(self, draw: st.DrawFn, make_order: MakeOrder) -> None:
        account = draw(ACCOUNTS)
        self.draw, self.make_order = draw, make_order
        self.page = LatchPage.memory(TradingNames(venues={"a": ""}))
        self.gate, self.twin = Gate(account, self.page.view("a"), 3), ReferenceGate(account)
        self.open: list[Order] = []
        self.now_ns, self.count = 0, 0
        for instrument_id in (0, 2):
            instrument, limits = draw(instruments(instrument_id)), draw(LIMITS)
            for side in (self.gate, self.twin):
                side.define(instrument, limits)
                side.on_quote(instrument_id, 99, 102, 0)
                side.grant(1, 10**12)
        for asset in self.twin.assets:
            total_nanos = draw(mostly(2**62, 10**6, 10**12))
            self.both(lambda each, asset=asset, total=total_nanos: each.set_funds(asset, total))  # type: ignore[misc]

    def both(self, call: Callable[[Any], object]) -> None:
        call(self.gate)
        call(self.twin)

    def step(self) -> None:
        self.now_ns = max(0, self.now_ns + self.draw(st.sampled_from([0, 1, 10**7, 3 * 10**8, -1])))
        action = self.draw(
            st.sampled_from(["check"] * 9 + ["fill"] * 3 + ["close", "abandon", "quote", "grant", "funds", "revoke"])
        )
        if action == "check":
            self.check()
        elif action == "quote":
            bid, spread = self.draw(TICKS), self.draw(mostly(2, 0, -1))
            ask = min(bid + spread, INT64_MAX)
            self.both(lambda each: each.on_quote(2, bid, ask, self.now_ns))
        elif action == "grant":
            epoch, expires_ns = self.draw(st.integers(0, 3)), self.now_ns + self.draw(mostly(10**12, -5, 0, 10**8))
            self.both(lambda each: each.grant(epoch, expires_ns))
        elif action == "revoke":
            self.both(lambda each: each.revoke())
            if self.draw(st.booleans()):
                self.both(lambda each: each.grant(3, 10**12))
        elif action == "funds":
            total_nanos = self.draw(mostly(2**70, 0, 10**9))
            self.both(lambda each: each.set_funds("Q", total_nanos))
        elif self.open:
            self.end_or_fill(action, self.draw(st.sampled_from(self.open)))

    def check(self) -> None:
        self.count += 1
        is_limit = self.draw(st.integers(0, 3)) > 0
        changes = {
            "instrument_id": self.draw(st.one_of(st.sampled_from([0, 2]), mostly(0, 1, 3, -1))),
            "side": self.draw(st.sampled_from(list(Side))),
            "order_type": OrderType.LIMIT if is_limit else OrderType.MARKET,
            "time_in_force": self.draw(TIMES_IN_FORCE),
            "quantity_lots": self.draw(LOTS),
            "price_ticks": self.draw(TICKS) if is_limit else self.draw(mostly(0, 1)),
            "post_only": self.draw(mostly(False, True)),
        }
        order = self.make_order(f"c{self.count}", **changes)
        answer, expected = self.gate.check(order, self.now_ns), self.twin.check(order, self.now_ns)
        if isinstance(expected, Fault):
            assert isinstance(answer, Refusal), (expected, changes)
            assert answer.reason is expected.reason
            if 0 <= order.instrument_id < 3:  # what has no row never reaches the kernel
                cells = self.gate._cells
                assert Fault(expected.reason, cells[k.OBSERVED], cells[k.LIMIT]) == expected
            assert answer.text
        else:
            assert answer is order, (answer, changes)
            assert order.reserve_ticks == expected > 0
            self.open.append(order)

    def end_or_fill(self, action: str, order: Order) -> None:
        _, left, _ = self.twin.books[order.instrument_id].open.get(order.client_order_id, (order.side, 0, 0))
        if action == "fill":
            lots, ticks = self.draw(st.integers(1, max(left, 1))), self.draw(st.integers(0, 200))
            if left:
                self.both(lambda each: each.filled(order, lots, ticks))
            return
        if left == 0:
            return
        self.open.remove(order)
        if action == "abandon" and left == order.quantity_lots:
            self.both(lambda each: each.abandon(order))
        else:
            self.both(lambda each: each.closed(order, left))

    def compare(self) -> None:
        assert self.gate.open_orders == sum(book.open_orders for book in self.twin.books.values())
        for instrument_id, book in self.twin.books.items():
            assert self.gate.position_lots(instrument_id) == book.position_lots
            for side in Side:
                assert self.gate.open_lots(instrument_id, side) == book.open_lots(side)
        for name, asset in self.twin.assets.items():
            assert self.gate.reserved_nanos(name) == asset.reserved_nanos
            assert self.gate._cells[self.gate._assets[name] + k.FUNDS_TOTAL] == asset.total_nanos


@settings(deadline=None, max_examples=120)
@given(data=st.data(), steps=st.integers(10, 60))
def test_the_kernels_equal_their_twin_after_every_step(data: st.DataObject, steps: int, make_order: MakeOrder) -> None:
    pair = Pair(data.draw, make_order)  # type: ignore[arg-type]  # DataObject.draw takes the same strategies
    for _ in range(steps):
        pair.step()
        pair.compare()


@settings(deadline=None)
@given(st.integers(0, 2**52), st.integers(0, 10**9))
def test_parts_per_million_are_exact(value: int, ppm: int) -> None:
    exact = Fraction(value * ppm, 1_000_000)
    assert k._part(value, ppm) == exact.numerator // exact.denominator
    assert k._part_up(value, ppm) == -(-exact.numerator // exact.denominator)


@settings(deadline=None)
@given(st.integers(0, INT64_MAX), st.integers(1, 10**9), st.sampled_from([1, 7, 100, 10**7, 10**9]))
def test_worth_is_exact_or_says_that_it_does_not_fit(amount: int, num: int, den: int) -> None:
    exact = Fraction(amount * num, den)
    up, down = k._worth_up(amount, num, den), k._worth_down(amount, num, den)
    if up == INT64_MAX:
        assert exact > INT64_MAX - num
        assert down == 0
    else:
        assert up == -(-exact.numerator // exact.denominator)
        assert down == exact.numerator // exact.denominator
