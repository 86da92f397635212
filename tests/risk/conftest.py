"""What most tests of the gate start from: an instrument, limits, and a gate that may trade."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.codes import OrderType, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import NewOrder
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import COUNT_MAX, MICROS_MAX, AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import TradingNames

MakeOrder = Callable[..., Order]
MakeAccount = Callable[..., AccountLimits]
MakeStrategy = Callable[..., StrategyLimits]


def _order(client_order_id: str = "c1", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "client_order_id": client_order_id,
        "account_id": "a",
        "strategy_id": "s",
        "instrument_id": 1,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity_lots": 100,
        "price_ticks": 10_000,
        "post_only": False,
    }
    return Order.from_new(NewOrder(**(fields | changes)))


@pytest.fixture(scope="session")
def make_order() -> MakeOrder:
    """An order of 100 lots (0.1 BTC) at 10,000 ticks (100.00 USDT) unless told otherwise."""
    return _order


@pytest.fixture
def instrument() -> Instrument:
    """Tick 0.01 USDT, lot 0.001 BTC; venue: 5 to 100,000 lots (market 50,000), notional 1 to 10,000,000 USDT."""
    return Instrument(
        instrument_id=1,
        venue="binance",
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        tick_units=1,
        price_scale=2,
        lot_units=1,
        quantity_scale=3,
        price_ticks_min=10,
        price_ticks_max=1_000_000,
        quantity_lots_min=5,
        quantity_lots_max=100_000,
        market_quantity_lots_max=50_000,
        notional_tick_lots_min=100_000,
        notional_tick_lots_max=10**12,
        open_orders_max=4,
        bid_up_ppm=1_500_000,
        bid_down_ppm=500_000,
        ask_up_ppm=2_000_000,
        ask_down_ppm=800_000,
        market_notional_min_applies=True,
    )


@pytest.fixture
def limits() -> InstrumentLimits:
    """Orders to 1,000 lots and 20,000,000 tick_lots (200 USDT), long 2,000, short 1,000 lots, collar 10 %."""
    return InstrumentLimits(
        order_quantity_lots=1_000,
        order_notional_tick_lots=20_000_000,
        long_position_lots=2_000,
        short_position_lots=1_000,
        price_collar_ppm=100_000,
        window_collar_ppm=200_000,
        window_ns=1_000_000,
        reference_age_ns=1_000,
    )


def _account(**changes: Any) -> AccountLimits:
    fields: dict[str, Any] = {
        "open_orders": 5,
        "orders_per_second": 10,
        "orders_burst": 10,
        "replaces_per_second": 10,
        "replaces_burst": 10,
        "cancels_per_second": 10,
        "cancels_burst": 10,
        "currency": "USDT",
        "gross_notional_micros": MICROS_MAX,
        "net_notional_micros": MICROS_MAX,
        "concentration_ppm": 1_000_000,
        "concentration_from_micros": 0,
        "daily_loss_micros": MICROS_MAX,
        "drawdown_micros": MICROS_MAX,
        "messages_free": COUNT_MAX,
        "messages_per_trade": 0,
        "duplicate_window_ns": 0,
        "assets": {},
    }
    return AccountLimits(**(fields | changes))


@pytest.fixture(scope="session")
def make_account() -> MakeAccount:
    """An account's limits: 5 open orders, 10 messages of each kind a second, and nothing else unless told otherwise."""
    return _account


def _strategy(**changes: Any) -> StrategyLimits:
    fields: dict[str, Any] = {
        "orders_per_second": 1_000,
        "orders_burst": 1_000,
        "position_notional_micros": MICROS_MAX,
        "gross_notional_micros": MICROS_MAX,
        "executions": COUNT_MAX,
        "executions_window_ns": 1_000_000,
    }
    return StrategyLimits(**(fields | changes))


@pytest.fixture(scope="session")
def make_strategy() -> MakeStrategy:
    """A strategy's limits: none that bites unless told otherwise."""
    return _strategy


@pytest.fixture
def page() -> LatchPage:
    instruments = ("binance:BTCUSDT", "binance:ETHUSDT")
    return LatchPage.memory(TradingNames(("a",), {"venue-a": "a"}, {"s": "venue-a", "t": "venue-a"}, instruments))


@pytest.fixture
def gate(instrument: Instrument, limits: InstrumentLimits, page: LatchPage) -> Gate:
    """Leased until 1,000,000 ns, quote 9,990 / 10,010 at 0 ns, a million of each asset, a rate of 10 orders."""
    gate = Gate(_account(), page.view("venue-a"), 4)
    gate.define(instrument, limits)
    gate.define_strategy("s", _strategy())
    gate.set_funds("BTC", 10**15)
    gate.set_funds("USDT", 10**15)
    gate.on_quote(1, 9_990, 10_010, 0)
    gate.grant(1, 1_000_000)
    return gate
