"""Wire → engine. Pure, exact, and the only place where the venue's units become ours.

Everything raises VenueError for a number that cannot be, and names it.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from adapters.coinbase.messages import (
    AccountInfo,
    BookLevel,
    BookSide,
    Edit,
    FillInfo,
    MarketSide,
    OrderInfo,
    OrderSide,
    OrderState,
    Product,
    PublicTrade,
)
from adapters.coinbase.times import venue_ns
from adapters.grid import InstrumentGrid
from engine.codes import OrderStatus, Side
from engine.errors import UsageError, VenueError
from engine.instrument import INT64_MAX, NANOS, Instrument, parse_decimal, plain
from engine.messages import Trade
from engine.order_event import OrderFilled
from engine.venue import Balance, FeeRates

__all__ = [
    "Levels",
    "balances",
    "edit_shape",
    "fee_rates",
    "fill_lots",
    "filled",
    "instrument",
    "levels",
    "lots_or_zero",
    "no_balance",
    "order_shape",
    "public_trade",
    "side",
    "status",
    "trade_id",
    "trade_id_ns",
]

_SIDES = {OrderSide.BUY: Side.BUY, OrderSide.SELL: Side.SELL}
#: The maker's side is told: who took is on the other.
_AGGRESSORS = {MarketSide.BUY: Side.SELL, MarketSide.SELL: Side.BUY}
_STATUSES = {
    OrderState.PENDING: OrderStatus.NEW,
    OrderState.QUEUED: OrderStatus.NEW,
    OrderState.OPEN: OrderStatus.NEW,
    OrderState.EDIT_QUEUED: OrderStatus.PENDING_REPLACE,
    OrderState.CANCEL_QUEUED: OrderStatus.PENDING_CANCEL,
    OrderState.UNKNOWN_ORDER_STATUS: OrderStatus.UNKNOWN,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELLED: OrderStatus.CANCELLED,
    OrderState.EXPIRED: OrderStatus.EXPIRED,
    OrderState.FAILED: OrderStatus.REJECTED,
}

#: Levels of one side as the venue listed them: (price_ticks [n] int64, quantity_lots [n] int64), absolute.
Levels = tuple[NDArray[np.int64], NDArray[np.int64]]


def side(value: OrderSide) -> Side:
    return _SIDES[value]


def status(state: OrderState, cum_lots: int) -> OrderStatus:
    known = _STATUSES[state]
    return OrderStatus.PARTIALLY_FILLED if known is OrderStatus.NEW and cum_lots else known


# -- instruments and account -----------------------------------------------------------------------------------


def _decimal(text: str, field: str) -> Fraction:
    try:
        units, scale = parse_decimal(text, field)
    except UsageError as error:
        raise VenueError(str(error)) from error
    return Fraction(units, 10**scale)


def _step(text: str, field: str) -> tuple[int, int]:
    try:
        units, scale = parse_decimal(text, field)
    except UsageError as error:
        raise VenueError(str(error)) from error
    if units <= 0:
        raise VenueError(f"{field} {text} gives no step, so nothing can be priced or sized exactly")
    return units, scale


def _steps(text: str, field: str, step: Fraction, upwards: bool) -> int:
    """A bound in whole steps, rounded to the inside of what is allowed; 0: no bound."""
    if not text:
        return 0
    value = _decimal(text, field) / step
    steps = -(-value.numerator // value.denominator) if upwards else value.numerator // value.denominator
    return max(0, min(steps, INT64_MAX))


def instrument(product: Product, instrument_id: int, venue: str) -> Instrument:
    """Raises VenueError when the product gives no tick or no lot."""
    name = product.product_id
    tick_units, price_scale = _step(product.price_increment or product.quote_increment, f"{name} price_increment")
    lot_units, quantity_scale = _step(product.base_increment, f"{name} base_increment")
    tick, lot = Fraction(tick_units, 10**price_scale), Fraction(lot_units, 10**quantity_scale)
    return Instrument(
        instrument_id=instrument_id,
        venue=venue,
        symbol=name,
        base_asset=product.base_currency_id,
        quote_asset=product.quote_currency_id,
        tick_units=tick_units,
        price_scale=price_scale,
        lot_units=lot_units,
        quantity_scale=quantity_scale,
        price_ticks_min=1,
        price_ticks_max=0,
        quantity_lots_min=max(1, _steps(product.base_min_size, f"{name} base_min_size", lot, True)),
        quantity_lots_max=_steps(product.base_max_size, f"{name} base_max_size", lot, False),
        notional_tick_lots_min=_steps(product.quote_min_size, f"{name} quote_min_size", tick * lot, True),
        notional_tick_lots_max=_steps(product.quote_max_size, f"{name} quote_max_size", tick * lot, False),
        market_notional_min_applies=True,
    )


def _nanos(text: str, field: str, upwards: bool = False) -> int:
    """An amount in billionths; what is finer is cut off, or with ``upwards`` counts as one more."""
    value = _decimal(text, field) * NANOS
    nanos = -(-value.numerator // value.denominator) if upwards else value.numerator // value.denominator
    if abs(nanos) > INT64_MAX:
        raise VenueError(f"{field} {text} does not fit into 64 bits of billionths")
    return nanos


def balances(accounts: list[AccountInfo]) -> dict[str, Balance]:
    """By asset, over all wallets of it. Amounts finer than a billionth are cut off, and those beyond 64 bits count as
    the most that fits: too little is the safe side of funds."""
    sums: dict[str, tuple[Fraction, Fraction]] = {}
    for account in accounts:
        asset = account.currency
        free, held = sums.get(asset, (Fraction(0), Fraction(0)))
        free += _decimal(account.available_balance.value, f"{asset} available_balance")
        if account.hold is not None:
            held += _decimal(account.hold.value, f"{asset} hold")
        sums[asset] = free, held
    return {
        asset: Balance(asset, min(int(free * NANOS), INT64_MAX), min(int(held * NANOS), INT64_MAX))
        for asset, (free, held) in sums.items()
    }


def no_balance(asset: str) -> Balance:
    return Balance(asset, 0, 0)


def fee_rates(instrument_id: int, maker: str, taker: str) -> FeeRates:
    return FeeRates(instrument_id, _nanos(maker, "maker_fee_rate", True), _nanos(taker, "taker_fee_rate", True))


# -- orders and fills ------------------------------------------------------------------------------------------


def lots_or_zero(text: str, grid: InstrumentGrid) -> int:
    return grid.lots.parse(_short(text)) if text else 0


def _short(text: str) -> str:
    """The venue may write more decimals than the number has."""
    return plain(text) if "." in text else text


def order_shape(info: OrderInfo, grid: InstrumentGrid) -> tuple[int, int]:
    """(price_ticks, quantity_lots) as first asked for, or as last edited; 0 for what it has not."""
    if info.edit_history:
        return edit_shape(info.edit_history[-1], grid)
    shapes = list((info.order_configuration or {}).values())
    if len(shapes) != 1:
        raise VenueError(f"order {info.order_id}: order_configuration has {len(shapes)} keys where one belongs")
    price = shapes[0].limit_price
    return grid.ticks.parse(_short(price)) if price else 0, lots_or_zero(shapes[0].base_size, grid)


def edit_shape(edit: Edit, grid: InstrumentGrid) -> tuple[int, int]:
    """(price_ticks, quantity_lots over all generations)."""
    return grid.ticks.parse(_short(edit.price)) if edit.price else 0, lots_or_zero(edit.size, grid)


def trade_id(fill: FillInfo) -> str:
    """Begins with the time that the venue orders fills by, so that a search can go on from it."""
    return f"{venue_ns(fill.sequence_timestamp or fill.trade_time)}-{fill.trade_id or fill.entry_id}"


def trade_id_ns(text: str) -> int:
    """When the trade of an engine trade id was; 0: it is none of ours."""
    time, _, rest = text.partition("-")
    return int(time) if rest and time.isascii() and time.isdigit() and len(time) <= 19 else 0


def fill_lots(fill: FillInfo, grid: InstrumentGrid) -> int:
    """Raises VenueError for a size in quote that is no whole number of lots at its price."""
    if not fill.size_in_quote:
        return grid.lots.parse(_short(fill.size))
    value = _decimal(fill.size, "size") / _decimal(fill.price, "price")
    lots = value / Fraction(grid.instrument.lot_units, 10**grid.instrument.quantity_scale)
    if lots.denominator != 1:
        raise VenueError(f"fill {fill.trade_id}: {fill.size} at {fill.price} is no whole number of lots")
    return lots.numerator


def filled(fill: FillInfo, client_order_id: str, order_id: str, grid: InstrumentGrid) -> OrderFilled:
    """Commissions are in the quote asset. What is finer than a billionth is rounded against us."""
    return OrderFilled(
        client_order_id=client_order_id,
        order_id=order_id,
        trade_id=trade_id(fill),
        last_lots=fill_lots(fill, grid),
        last_ticks=grid.ticks.parse(_short(fill.price)),
        fee_nanos=_nanos(fill.commission or "0", "commission", True),
        fee_asset=grid.instrument.quote_asset,
        is_maker=fill.liquidity_indicator == "MAKER",
        venue_time_ns=venue_ns(fill.trade_time),
    )


# -- market data -----------------------------------------------------------------------------------------------


def public_trade(trade: PublicTrade, grid: InstrumentGrid, received_ns: int) -> Trade | None:
    """None: the venue does not say who took."""
    aggressor = _AGGRESSORS.get(trade.side)
    if aggressor is None:
        return None
    number = int(trade.trade_id) if trade.trade_id.isascii() and trade.trade_id.isdigit() else 0
    return Trade(
        grid.instrument_id,
        grid.ticks.parse(_short(trade.price)),
        grid.market_lots.parse(_short(trade.size)),
        aggressor,
        min(number, INT64_MAX),
        venue_ns(trade.time),
        received_ns,
    )


def levels(updates: tuple[BookLevel, ...], wanted: BookSide, grid: InstrumentGrid) -> Levels:
    ticks, lots = grid.ticks.parse, grid.market_lots.parse
    rows = [each for each in updates if each.side is wanted]
    return (
        np.array([ticks(each.price_level) for each in rows], dtype=np.int64),
        np.array([lots(each.new_quantity) for each in rows], dtype=np.int64),
    )
