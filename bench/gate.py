"""What does one pre-trade check cost: latch, lease, every limit, and the reservation?

Every limit there is is set: none of them is skipped.

    numba       one kernel call checks 1,000 orders, one after the other                  ≤ 50 ns each
    python      Gate.check(order, now_ns), one order at a time: what a venue actor does    ≤ 600 ns
    window      a venue actor's window opened and closed again, which one order costs (risk/window.py)
    empty_call  baseline: an empty kernel of as many arguments, called from Python

A check is shorter than a reading of the clock allows to time well. So batches are timed, and a sample is the mean of
one batch; nothing is waited for, so there is no planned send time. Each batch starts from an empty gate: what was
reserved is given back between the batches, outside the timed stretch. Cases take turns batch by batch.
Checked: every order is approved at its own price, every one is reserved, and nothing stays reserved.
"""

import time

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.pace import quiet_gc
from bench.row import Row, Sample, Target, make_rows
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import InvariantError
from engine.instrument import NANOS, Instrument
from engine.kernel import kernel
from engine.messages import NewOrder
from engine.order import Order
from risk import gate_books, gate_kernel
from risk import gate_state as g
from risk.gate import AccountLimits, Gate, InstrumentLimits, StrategyLimits
from risk.latch import LatchPage
from risk.scope import TradingNames
from risk.window import SendWindow

__all__ = ["FULL", "TINY", "Size", "run"]

_MIDDLE_TICKS = 6_168_600
_LOTS = 100
_BUY = int(Side.BUY)
_CODE = _BUY + (int(OrderType.LIMIT) << g.TYPE_SHIFT) + (int(TimeInForce.GTC) << g.TIF_SHIFT)
_STRATEGY = "gate"


class Size(msgspec.Struct, frozen=True):
    batches: int
    warm_up_batches: int
    batch: int


FULL = Size(batches=1_000, warm_up_batches=100, batch=1_000)
TINY = Size(batches=3, warm_up_batches=1, batch=20)


@kernel
def _check_many(
    state: NDArray[np.int64], words: NDArray[np.int64], strategy_at: int, price_ticks: NDArray[np.int64], now_ns: int
) -> int:
    """Check one buy order a price; returns how many were approved at their own price."""
    approved = 0
    for at in range(len(price_ticks)):
        ticks = price_ticks[at]
        if gate_kernel.check(state, words, _CODE, strategy_at, 0, _LOTS, ticks, now_ns + at) == ticks:
            approved += 1
    return approved


@kernel
def _empty_call(
    state: NDArray[np.int64],
    words: NDArray[np.int64],
    code: int,
    strategy_at: int,
    instrument_id: int,
    quantity_lots: int,
    price_ticks: int,
    now_ns: int,
) -> int:
    return price_ticks


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when an order was not approved, or something stayed reserved."""
    names = TradingNames(("bench",), {"binance": "bench"}, {_STRATEGY: "binance"}, ("binance:BTCUSDT",))
    gate = Gate(_ACCOUNT_LIMITS, LatchPage.memory(names).view("binance", "bench"), 4)
    gate.define(_INSTRUMENT, _LIMITS)
    gate.define_strategy(_STRATEGY, _STRATEGY_LIMITS)
    gate.set_funds("USDT", 10**9 * NANOS)
    gate.grant(1, 2**62)
    gate.on_quote(0, _MIDDLE_TICKS - 1, _MIDDLE_TICKS + 1, 1)
    gate.warm_up()
    prices = _MIDDLE_TICKS - np.arange(size.batch, dtype=np.int64)
    orders = [_order(number, int(ticks)) for number, ticks in enumerate(prices)]
    window = SendWindow.memory()
    took: dict[str, list[float]] = {"numba": [], "python": [], "window": [], "empty_call": []}
    with quiet_gc():
        for batch in range(size.warm_up_batches + size.batches):
            now_ns = batch * 1_000_000 + 1
            spent_ns = {
                "numba": _numba_batch(gate, prices, now_ns),
                "python": _python_batch(gate, orders, now_ns),
                "window": _window_batch(window, size.batch),
                "empty_call": _empty_batch(gate, orders, now_ns),
            }
            if batch >= size.warm_up_batches:
                for case, ns in spent_ns.items():
                    took[case].append(ns / size.batch)
    return make_rows(
        "gate",
        "ns",
        [
            Sample("numba", np.array(took["numba"]), "empty_call", (Target("p50", 50),)),
            Sample("python", np.array(took["python"]), "empty_call", (Target("p50", 600),)),
            Sample("window", np.array(took["window"]), "empty_call"),
            Sample("empty_call", np.array(took["empty_call"])),
        ],
    )


def _numba_batch(gate: Gate, prices: NDArray[np.int64], now_ns: int) -> int:
    # The kernel is measured on the gate's own state, which is nobody else's business.
    state, words, strategy_at = gate._state, gate._words, gate._strategies[_STRATEGY]
    start = time.perf_counter_ns()
    approved = _check_many(state, words, strategy_at, prices, now_ns)
    spent = time.perf_counter_ns() - start
    _must_hold(gate, approved, len(prices), "numba")
    for ticks in prices.tolist():
        gate_books.release(state, 0, strategy_at, _BUY, _LOTS, ticks, 1)
        gate_books.refund(state, 0, strategy_at, 0, _BUY, _LOTS, ticks, 0)
    _must_be_empty(gate, "numba")
    return spent


def _python_batch(gate: Gate, orders: list[Order], now_ns: int) -> int:
    check = gate.check
    answers: list[object] = []
    start = time.perf_counter_ns()
    for order in orders:
        answers.append(check(order, now_ns))
    spent = time.perf_counter_ns() - start
    approved = sum(answer is order for answer, order in zip(answers, orders, strict=True))
    _must_hold(gate, approved, len(orders), "python")
    for order in orders:
        gate.abandon(order)
    _must_be_empty(gate, "python")
    return spent


def _window_batch(window: SendWindow, count: int) -> int:
    before = window.orders
    start = time.perf_counter_ns()
    for _ in range(count):
        window.enter()
        window.sent()
    spent = time.perf_counter_ns() - start
    if window.orders != before + count:
        raise InvariantError(f"bench gate: the window counted {window.orders - before} orders of {count}")
    return spent


def _empty_batch(gate: Gate, orders: list[Order], now_ns: int) -> int:
    state, words = gate._state, gate._words
    start = time.perf_counter_ns()
    for order in orders:
        _empty_call(state, words, _CODE, 0, 0, _LOTS, order.price_ticks, now_ns)
    return time.perf_counter_ns() - start


def _must_hold(gate: Gate, approved: int, count: int, case: str) -> None:
    if approved != count or gate.open_orders != count or gate.open_lots(0, Side.BUY) != count * _LOTS:
        raise InvariantError(
            f"bench gate: {case} approved {approved} of {count} and holds {gate.open_orders} orders with "
            f"{gate.open_lots(0, Side.BUY)} lots"
        )


def _must_be_empty(gate: Gate, case: str) -> None:
    if gate.open_orders or gate.open_lots(0, Side.BUY) or gate.reserved_nanos("USDT"):
        raise InvariantError(f"bench gate: {case} left {gate.open_orders} orders reserved")


def _order(number: int, price_ticks: int) -> Order:
    return Order.from_new(
        NewOrder(
            client_order_id=f"gate-{number}",
            account_id="bench",
            strategy_id=_STRATEGY,
            instrument_id=0,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=_LOTS,
            price_ticks=price_ticks,
        )
    )


_INSTRUMENT = Instrument(
    instrument_id=0,
    venue="binance",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_units=1,
    price_scale=2,
    lot_units=1,
    quantity_scale=5,
    price_ticks_min=1,
    price_ticks_max=100_000_000,
    quantity_lots_min=1,
    quantity_lots_max=900_000_000,
    market_quantity_lots_max=10_000_000,
    notional_tick_lots_min=50_000_000,
    notional_tick_lots_max=900_000_000_000_000,
    open_orders_max=1_000_000,
    bid_up_ppm=5_000_000,
    bid_down_ppm=200_000,
    ask_up_ppm=5_000_000,
    ask_down_ppm=200_000,
)

_ACCOUNT_LIMITS = AccountLimits(
    open_orders=10**9,
    orders_per_second=1_000,
    orders_burst=1_000,
    replaces_per_second=100,
    replaces_burst=100,
    cancels_per_second=1_000,
    cancels_burst=1_000,
    currency="USDT",
    gross_notional_micros=10**15,
    net_notional_micros=10**15,
    concentration_ppm=999_999,
    concentration_from_micros=10**15,
    daily_loss_micros=10**12,
    drawdown_micros=10**12,
    messages_free=10**8,
    messages_per_trade=10,
    duplicate_window_ns=500_000,
    assets={"BTC": (2**60, 2**60)},
)

_LIMITS = InstrumentLimits(
    order_quantity_lots=1_000_000,
    order_notional_tick_lots=10**15,
    long_position_lots=10**12,
    short_position_lots=10**12,
    price_collar_ppm=50_000,
    window_collar_ppm=50_000,
    window_ns=10**9,
    reference_age_ns=2**62,
)

_STRATEGY_LIMITS = StrategyLimits(
    orders_per_second=1_000,
    orders_burst=1_000,
    position_notional_micros=10**15,
    gross_notional_micros=10**15,
    executions=100,
    executions_window_ns=10**9,
)
