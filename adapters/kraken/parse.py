"""Wire → engine. Pure, exact, and the only place where the venue's units become ours.

Everything raises VenueError for a number that cannot be, and names it.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from adapters.grid import Grid, InstrumentGrid
from adapters.kraken.messages import (
    AssetPair,
    BalanceDetail,
    BookLevel,
    ExecutionReport,
    FeeTier,
    Liquidity,
    MarketSide,
    OrderInfo,
    OrderSide,
    PublicTrade,
    RestState,
    TradeInfo,
)
from adapters.kraken.numbers import instant_ns, nanos_floor, number_text, seconds_ns
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.errors import UsageError, VenueError
from engine.instrument import INT64_MAX, Instrument, parse_decimal
from engine.messages import Trade
from engine.venue import Balance, FeeRates, OrderFilled

__all__ = [
    "SIDES",
    "PairGrid",
    "asset_names",
    "balance",
    "end_reason",
    "fee_rates",
    "instrument",
    "levels",
    "lots",
    "order_status",
    "public_trade",
    "report_fill",
    "takes",
    "ticks",
    "trade_fill",
    "v2_symbol",
]

SIDES = {OrderSide.BUY: Side.BUY, OrderSide.SELL: Side.SELL}
_AGGRESSORS = {MarketSide.BUY: Side.BUY, MarketSide.SELL: Side.SELL}
_USER, _POST_ONLY, _SELF_TRADE = "user requested", "post only", ("self trade", "self-trade", "stp")
_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


class PairGrid(InstrumentGrid):
    """An instrument's grids, its names at the venue, and how its checksum writes prices and quantities: as ticks times
    ``price_factor`` and lots times ``quantity_factor``."""

    __slots__ = ("altname", "pair_id", "price_factor", "quantity_factor")

    def __init__(self, instrument: Instrument, pair_id: str, pair: AssetPair) -> None:
        super().__init__(instrument)
        self.pair_id, self.altname = pair_id, pair.altname
        self.price_factor = instrument.tick_units * 10 ** (pair.pair_decimals - instrument.price_scale)
        self.quantity_factor = instrument.lot_units * 10 ** (pair.lot_decimals - instrument.quantity_scale)


# -- instruments -----------------------------------------------------------------------------------------------


def v2_symbol(wsname: str) -> str:
    """``XBT/USD``, as REST names a pair's first WebSocket name, in the names that WebSocket v2 uses."""
    return "/".join(_RENAMED.get(each, each) for each in wsname.split("/"))


def asset_names(pairs: Mapping[str, AssetPair]) -> dict[str, str]:
    """REST's asset ids (``XXBT``, ``ZUSD``) → WebSocket v2's names, for every asset that is in a pair."""
    names: dict[str, str] = {}
    for pair in pairs.values():
        base, _, quote = v2_symbol(pair.wsname).partition("/")
        if base and quote:
            names[pair.base], names[pair.quote] = base, quote
    return names


def _decimal(text: str, field: str) -> tuple[int, int]:
    try:
        return parse_decimal(number_text(text), field)
    except UsageError as error:
        raise VenueError(str(error)) from error


def _steps_up(text: str, field: str, step: Fraction) -> int:
    """A lower bound in whole steps, rounded up; 0: no bound."""
    units, scale = _decimal(text, field)
    value = Fraction(units, 10**scale) / step
    return max(0, min(-(-value.numerator // value.denominator), INT64_MAX))


def instrument(pair: AssetPair, instrument_id: int, venue: str, open_orders_max: int) -> Instrument:
    """An instrument from ``AssetPairs``. Raises VenueError when it gives no tick or no lot."""
    symbol = v2_symbol(pair.wsname)
    base, _, quote = symbol.partition("/")
    if not 0 <= pair.pair_decimals <= 18 or not 0 <= pair.lot_decimals <= 18:
        raise VenueError(f"{symbol}: {pair.pair_decimals} and {pair.lot_decimals} decimals cannot be")
    tick_units, price_scale = (
        _decimal(pair.tick_size, f"{symbol} tick_size") if pair.tick_size else (1, pair.pair_decimals)
    )
    if tick_units <= 0 or price_scale > pair.pair_decimals:
        raise VenueError(f"{symbol}: tick_size {pair.tick_size} does not fit {pair.pair_decimals} decimals")
    tick, lot = Fraction(tick_units, 10**price_scale), Fraction(1, 10**pair.lot_decimals)
    return Instrument(
        instrument_id=instrument_id,
        venue=venue,
        symbol=symbol,
        base_asset=base,
        quote_asset=quote,
        tick_units=tick_units,
        price_scale=price_scale,
        lot_units=1,
        quantity_scale=pair.lot_decimals,
        price_ticks_min=1,
        price_ticks_max=0,
        quantity_lots_min=max(1, _steps_up(pair.ordermin, "ordermin", lot)),
        quantity_lots_max=0,
        notional_tick_lots_min=_steps_up(pair.costmin, "costmin", tick * lot),
        open_orders_max=open_orders_max,
        market_notional_min_applies=True,
    )


# -- account ---------------------------------------------------------------------------------------------------


def balance(asset: str, detail: BalanceDetail) -> Balance:
    """Of an entry of BalanceEx: what orders hold is locked."""
    total = nanos_floor(detail.balance, asset) + nanos_floor(detail.credit, asset)
    total -= nanos_floor(detail.credit_used, asset)
    locked = max(0, min(nanos_floor(detail.hold_trade, asset), total))
    return Balance(asset, max(0, min(total, INT64_MAX) - locked), locked)


def fee_rates(instrument_id: int, taker: FeeTier, maker: FeeTier) -> FeeRates:
    """Percent → billionths of the notional."""
    return FeeRates(instrument_id, nanos_floor(maker.fee, "fee") // 100, nanos_floor(taker.fee, "fee") // 100)


# -- orders ----------------------------------------------------------------------------------------------------


def lots(raw: Raw | str, grid: InstrumentGrid) -> int:
    return grid.lots.parse(number_text(raw))


def ticks(raw: Raw | str, grid: InstrumentGrid) -> int:
    return grid.ticks.parse(number_text(raw))


def takes(order_type: OrderType, time_in_force: TimeInForce) -> bool:
    """Whether such an order ends by itself, at once."""
    return order_type is OrderType.MARKET or time_in_force in (TimeInForce.IOC, TimeInForce.FOK)


def end_reason(said: str, *, ends_itself: bool, is_expired: bool) -> Reason:
    """Why an order ended that was not filled: the venue says ``canceled`` for almost all of it, and why in words."""
    said = said.lower()
    if _POST_ONLY in said:
        return Reason.VENUE_POST_ONLY_WOULD_TAKE
    if any(word in said for word in _SELF_TRADE):
        return Reason.VENUE_SELF_TRADE
    if is_expired or (ends_itself and _USER not in said):
        return Reason.VENUE_EXPIRED
    return Reason.VENUE_CANCELLED


def order_status(info: OrderInfo, cum_lots: int, quantity_lots: int) -> OrderStatus:
    """What REST's word for a state is in ours. An order that was closed with less than all of it filled has expired."""
    if info.status is RestState.CLOSED:
        return OrderStatus.FILLED if cum_lots >= quantity_lots else OrderStatus.EXPIRED
    if info.status is RestState.CANCELED:
        return OrderStatus.CANCELLED
    if info.status is RestState.EXPIRED:
        return OrderStatus.EXPIRED
    return OrderStatus.PARTIALLY_FILLED if cum_lots else OrderStatus.NEW


def report_fill(report: ExecutionReport, client_order_id: str, order_id: str, grid: InstrumentGrid) -> OrderFilled:
    """An execution report of a trade. Fees are summed; the venue charges one asset per trade."""
    fees = [fee for fee in report.fees if nanos_floor(fee.qty, "fee")]
    if len({fee.asset for fee in fees}) > 1:
        raise VenueError(f"trade {report.exec_id}: fees in several assets")
    if not report.exec_id:
        raise VenueError(f"order {report.order_id}: a trade without exec_id")
    return OrderFilled(
        client_order_id=client_order_id,
        order_id=order_id,
        trade_id=report.exec_id,
        last_lots=lots(report.last_qty, grid),
        last_ticks=ticks(report.last_price, grid),
        fee_nanos=sum(nanos_floor(fee.qty, "fee") for fee in fees),
        fee_asset=(fees or report.fees)[0].asset if report.fees else grid.instrument.quote_asset,
        is_maker=report.liquidity_ind is Liquidity.MAKER,
        venue_time_ns=instant_ns(report.timestamp),
    )


def trade_fill(exec_id: str, trade: TradeInfo, order_id: str, grid: InstrumentGrid) -> OrderFilled:
    """An element of TradesHistory: it carries the venue's order id only, and its fee in the quote asset."""
    return OrderFilled(
        client_order_id="",
        order_id=order_id,
        trade_id=exec_id,
        last_lots=lots(trade.vol, grid),
        last_ticks=ticks(trade.price, grid),
        fee_nanos=nanos_floor(trade.fee, "fee"),
        fee_asset=grid.instrument.quote_asset,
        is_maker=trade.maker,
        venue_time_ns=seconds_ns(trade.time),
    )


# -- market data -----------------------------------------------------------------------------------------------


def public_trade(trade: PublicTrade, grid: InstrumentGrid, received_ns: int) -> Trade | None:
    """None: the venue does not say who took."""
    aggressor = _AGGRESSORS.get(trade.side)
    if aggressor is None:
        return None
    return Trade(
        grid.instrument_id,
        ticks(trade.price, grid),
        grid.market_lots.parse(number_text(trade.qty)),
        aggressor,
        trade.trade_id,
        instant_ns(trade.timestamp),
        received_ns,
    )


def levels(rows: tuple[BookLevel, ...], grid: InstrumentGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(price ticks [n], quantity lots [n]) of a book message, in its order. Quantities must be whole lots: the checksum
    is over them."""
    return _steps(grid.ticks, [row.price for row in rows]), _steps(grid.lots, [row.qty for row in rows])


def _steps(grid: Grid, numbers: list[Raw]) -> NDArray[np.int64]:
    try:
        return np.array([grid.parse(number_text(each)) for each in numbers], dtype=np.int64)
    except OverflowError:
        raise VenueError(f"{grid.field}: a number does not fit into 64 bits") from None
