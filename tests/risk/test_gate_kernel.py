"""The kernels against their readable twin: random lives of a gate, compared after every step."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import KillMode, OrderType, Side, TimeInForce
from engine.instrument import INT64_MAX, Instrument
from engine.messages import Instructions, Refusal
from engine.order import Order
from risk import gate_books
from risk import gate_state as g
from risk.gate import Gate
from risk.gate_reference import Fault, ReferenceGate
from risk.gate_tables import factor_cells
from risk.latch import LatchPage
from risk.limits import COUNT_MAX, MICROS_MAX, AccountLimits, Ceilings, InstrumentLimits, StrategyLimits
from risk.scope import Scope, TradingNames

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
        base_asset=draw(st.sampled_from(["A", "B"])) if instrument_id else "A",
        quote_asset=draw(mostly("Q", "A", "Z")) if instrument_id else "Q",
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
    window_collar_ppm=mostly(300_000, 0, 50_000, 10**9),
    window_ns=mostly(10**9, 1, 10**7, INT64_MAX),
    reference_age_ns=mostly(INT64_MAX, 0, 10**8),
)
MONEY = (0, 10**6, 10**8, 10**10)
RATE = mostly(1_000, 0, 1, 3, 7)
BURST = mostly(1_000, 0, 1, 5)
ASSETS = st.one_of(st.just({}), st.fixed_dictionaries({"A": st.tuples(*[mostly(2**62, 0, 10**11)] * 2)}))
MOST_NANOS = mostly(2**62, -5, 0, 10**10, 10**11)
ACCOUNTS = st.builds(
    AccountLimits,
    open_orders=mostly(100, 0, 3),
    orders_per_second=RATE,
    orders_burst=BURST,
    replaces_per_second=RATE,
    replaces_burst=BURST,
    cancels_per_second=RATE,
    cancels_burst=BURST,
    currency=st.just("Q"),
    gross_notional_micros=mostly(MICROS_MAX, *MONEY),
    net_notional_micros=mostly(MICROS_MAX, *MONEY),
    concentration_ppm=mostly(10**6, 0, 600_000, 999_999),
    concentration_from_micros=mostly(0, *MONEY),
    daily_loss_micros=mostly(MICROS_MAX, *MONEY),
    drawdown_micros=mostly(MICROS_MAX, *MONEY),
    messages_free=mostly(COUNT_MAX, 0, 3, 10),
    messages_per_trade=st.sampled_from([0, 1, 5]),
    duplicate_window_ns=mostly(0, 1, 10**8),
    assets=ASSETS,
)
STRATEGIES = st.builds(
    StrategyLimits,
    orders_per_second=RATE,
    orders_burst=BURST,
    position_notional_micros=mostly(MICROS_MAX, *MONEY),
    gross_notional_micros=mostly(MICROS_MAX, *MONEY),
    executions=mostly(COUNT_MAX, 0, 1, 3),
    executions_window_ns=mostly(10**9, 1, 10**8),
)
SHARE = mostly(MICROS_MAX, -(2**62), -(10**8), *MONEY)
CEILINGS = st.builds(
    Ceilings,
    open_orders=mostly(100, -5, 0, 3),
    orders_per_second=RATE,
    orders_burst=BURST,
    replaces_per_second=RATE,
    replaces_burst=BURST,
    cancels_per_second=RATE,
    cancels_burst=BURST,
    gross_notional_micros=SHARE,
    net_long_micros=SHARE,
    net_short_micros=SHARE,
    daily_loss_micros=SHARE,
    drawdown_micros=SHARE,
    messages_free=mostly(COUNT_MAX, -(2**62), -1, 0, 3),
    assets=st.one_of(st.just({}), st.fixed_dictionaries({"B": st.tuples(MOST_NANOS, MOST_NANOS)})),
)
TIMES_IN_FORCE = mostly(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
INSTRUMENTS = (0, 1, 2)
ACTIONS = ["check"] * 12 + ["fill"] * 4 + ["close", "abandon", "quote", "quote", "grant", "funds", "revoke", "day"]
ACTIONS += ["cancel", "kill", "release", "ceilings", "enable"]


class Pair:
    """The gate and its twin, driven by the same calls."""

    def __init__(self, draw: st.DrawFn, make_order: MakeOrder) -> None:
        account = draw(ACCOUNTS)
        self.draw, self.make_order = draw, make_order
        names = TradingNames(venues={"a": ""}, strategies={"s": "a", "t": "a"})
        self.page = LatchPage.memory(names)
        self.gate, self.twin = Gate(account, self.page.view("a"), 3), ReferenceGate(account, 3)
        self.open: list[Order] = []
        self.closing: set[str] = set()
        self.now_ns, self.count = 0, 0
        for instrument_id in INSTRUMENTS:
            instrument, limits = draw(instruments(instrument_id)), draw(LIMITS)
            self.both(lambda each, i=instrument, limits=limits: each.define(i, limits))  # type: ignore[misc]
        for instrument_id in INSTRUMENTS:
            self.both(lambda each, i=instrument_id: each.on_quote(i, 99, 102, 0))  # type: ignore[misc]
        for strategy_id in ("s", "t"):
            limits = draw(STRATEGIES)
            self.both(lambda each, i=strategy_id, limits=limits: each.define_strategy(i, limits))  # type: ignore[misc]
        self.both(lambda each: each.grant(1, 10**12))
        for asset in self.twin.assets:
            total_nanos = draw(mostly(2**62, 10**6, 10**12))
            self.both(lambda each, asset=asset, total=total_nanos: each.set_funds(asset, total))  # type: ignore[misc]

    def both(self, call: Callable[[Any], object]) -> None:
        call(self.gate)
        call(self.twin)

    def step(self) -> None:
        self.now_ns = max(0, self.now_ns + self.draw(st.sampled_from([0, 1, 10**7, 3 * 10**8, -1])))
        action = self.draw(st.sampled_from(ACTIONS))
        if action == "check":
            self.check()
        elif action == "quote":
            instrument_id, bid, spread = (
                self.draw(st.sampled_from(INSTRUMENTS)),
                self.draw(TICKS),
                self.draw(mostly(2, 0, -1)),
            )
            ask = min(bid + spread, INT64_MAX)
            self.both(lambda each: each.on_quote(instrument_id, bid, ask, self.now_ns))
        elif action in ("fill", "close", "abandon"):
            if self.open:
                self.end_or_fill(action, self.draw(st.sampled_from(self.open)))
        elif action in ("kill", "release"):
            self.kill(self.draw(mostly(KillMode.REDUCE, *KillMode)) if action == "kill" else None)
        else:
            self.authority(action)

    def authority(self, action: str) -> None:
        if action == "grant":
            epoch, expires_ns = self.draw(st.integers(0, 3)), self.now_ns + self.draw(mostly(10**12, -5, 0, 10**8))
            self.both(lambda each: each.grant(epoch, expires_ns))
        elif action == "revoke":
            self.both(lambda each: each.revoke())
            if self.draw(st.integers(0, 3)) > 0:
                self.both(lambda each: each.grant(3, 10**12))
        elif action == "funds":
            total_nanos = self.draw(mostly(2**70, 0, 10**9))
            self.both(lambda each: each.set_funds("Q", total_nanos))
        elif action == "day":
            self.gate.on_day(self.gate._day + 1)
            self.twin.on_day()
        elif action == "cancel":
            assert self.gate.on_cancel(self.now_ns) == self.twin.on_cancel(self.now_ns)
        elif action == "ceilings":
            ceilings = self.draw(CEILINGS)
            self.both(lambda each: each.set_ceilings(ceilings, self.now_ns))
        elif self.twin.throttled:
            strategy_id, instrument_id = self.draw(st.sampled_from(sorted(self.twin.throttled)))
            self.both(lambda each: each.enable(strategy_id, instrument_id))

    def kill(self, mode: KillMode | None) -> None:
        self.page.release("K")
        if mode is not None:
            self.page.store("K", Scope(venue="a"), mode)
        self.twin.mode = mode

    def check(self) -> None:
        self.count += 1
        is_limit = self.draw(st.integers(0, 3)) > 0
        changes = {
            "instrument_id": self.draw(st.one_of(st.sampled_from(INSTRUMENTS), mostly(0, 1, 3, -1))),
            "strategy_id": self.draw(mostly("s", "t", "unknown")),
            "side": self.draw(st.sampled_from(list(Side))),
            "order_type": OrderType.LIMIT if is_limit else OrderType.MARKET,
            "time_in_force": self.draw(TIMES_IN_FORCE),
            "quantity_lots": self.draw(LOTS),
            "price_ticks": self.draw(TICKS) if is_limit else self.draw(mostly(0, 1)),
            "post_only": self.draw(mostly(False, True)),
        }
        if self.draw(st.integers(0, 2)) == 0:
            changes |= self.special()
        order = self.make_order(f"c{self.count}", **changes)
        if self.draw(st.integers(0, 3)) == 0:
            order.orig_client_order_id = "c0"
        closing = self.twin.mode is KillMode.FLATTEN and order.strategy_id == "t" and order.instructions is None
        answer = (self.gate.check_closing if closing else self.gate.check)(order, self.now_ns)
        expected = self.twin.check(order, self.now_ns, closing=closing)
        if isinstance(expected, Fault):
            assert isinstance(answer, Refusal), (expected, changes)
            assert answer.reason is expected.reason
            cells = self.gate._cells
            if order.instructions is None:
                assert Fault(expected.reason, cells[g.OBSERVED], cells[g.LIMIT]) == expected
            assert answer.text
            return
        assert answer is order, (answer, changes)
        assert order.reserve_ticks == expected > 0
        self.open.append(order)
        if closing:
            self.closing.add(order.client_order_id)
        if self.draw(st.integers(0, 3)) == 0:
            self.kill(self.draw(st.sampled_from([None, *KillMode])))
        assert self.gate.may_send(order, self.now_ns) is self.twin.may_send(order, self.now_ns, closing=closing)

    def special(self) -> dict[str, Any]:
        """An order that waits for a trigger, is shown in part, or ends at a time; mostly one that could be."""
        draw, kind = self.draw, self.draw(st.sampled_from(list(OrderType)))
        in_force = draw(mostly(TimeInForce.GTC, *TimeInForce))
        wants = Instructions(
            trigger_ticks=draw(TICKS) if kind.is_triggered and not kind.is_trailing else draw(mostly(0, 100)),
            trailing_ppm=draw(mostly(50_000, 0, 1, 999_999, 10**6)) if kind.is_trailing else draw(mostly(0, 100)),
            display_lots=draw(mostly(0, 3)),
            expires_wall_ns=draw(mostly(1, 0)) if in_force is TimeInForce.GTD else draw(mostly(0, 1)),
        )
        price = draw(TICKS) if kind.is_priced else draw(mostly(0, 1))
        return {"order_type": kind, "time_in_force": in_force, "price_ticks": price, "instructions": wants}

    def end_or_fill(self, action: str, order: Order) -> None:
        opened = self.twin.books[order.instrument_id].open.get(order.client_order_id)
        left = opened.lots if opened else 0
        if action == "fill":
            lots, ticks = self.draw(st.integers(1, max(left, 1))), self.draw(st.integers(0, 200))
            if left:
                self.both(lambda each: each.filled(order, lots, ticks, self.now_ns))
            return
        if left == 0:
            return
        self.open.remove(order)
        if action == "abandon" and left == order.quantity_lots and order.client_order_id not in self.closing:
            self.both(lambda each: each.abandon(order))
        else:
            self.both(lambda each: each.closed(order, left))

    def compare(self) -> None:
        gate, twin = self.gate, self.twin
        assert gate.open_orders == sum(book.open_orders for book in twin.books.values())
        for instrument_id, book in twin.books.items():
            assert gate.position_lots(instrument_id) == book.position_lots
            for side in Side:
                assert gate.open_lots(instrument_id, side) == book.open_lots(side)
        for name, asset in twin.assets.items():
            assert gate.reserved_nanos(name) == asset.reserved_nanos
            assert gate._cells[gate._tables.assets[name] + g.FUNDS_TOTAL] == (asset.total_nanos or 0)
        assert gate.usage().gross_notional_micros == twin.gross_micros()
        assert gate.paced() == (twin.orders_paced, twin.replaces_paced, twin.cancels_paced)
        assert (gate._cells[g.NET_LONG], gate._cells[g.NET_SHORT]) == tuple(twin.net_micros(side) for side in Side)
        assert (gate.pnl_micros(), gate.drawdown_micros()) == (twin.pnl_micros(), twin.drawdown_micros())
        assert (gate._cells[g.MESSAGES], gate._cells[g.TRADES]) == (twin.messages, twin.trades)
        assert set(gate.throttled()) == twin.throttled
        for strategy_id, at in gate._strategies.items():
            assert gate._cells[at + g.STRATEGY_GROSS] == twin.gross_micros(strategy_id)


@settings(deadline=None, max_examples=100)
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
    assert gate_books.part(value, ppm) == exact.numerator // exact.denominator
    assert gate_books.part_up(value, ppm) == -(-exact.numerator // exact.denominator)


@settings(deadline=None)
@given(st.integers(-INT64_MAX, INT64_MAX), st.integers(1, 10**9), st.sampled_from([1, 7, 100, 10**7, 10**9]))
def test_worth_is_exact_or_says_that_it_does_not_fit(amount: int, num: int, den: int) -> None:
    worth = Fraction(num, den)
    exact = amount * worth
    cells = np.array(factor_cells(worth), dtype=np.int64)
    up, down = gate_books.scaled_up(cells, 0, amount), gate_books.scaled_down(cells, 0, amount)
    if abs(up) == INT64_MAX:
        assert abs(exact) > INT64_MAX - 2 * num
        assert down == 0 or amount < 0
    else:
        assert up == -(-exact.numerator // exact.denominator)
        assert down == exact.numerator // exact.denominator
