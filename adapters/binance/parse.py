"""Wire → engine events. Pure, exact, and the only place where the venue's units become ours.

Everything raises VenueError for a number that cannot be, and names it.
"""

from fractions import Fraction
from typing import NamedTuple

import msgspec

from adapters.binance.levels import Levels, parse_levels
from adapters.binance.messages import (
    BookTicker,
    BookTickerEnvelope,
    CommissionRates,
    DepthUpdate,
    ExecutionReport,
    ExecutionType,
    Filter,
    MyTrade,
    OrderInfo,
    OrderSide,
    OrderState,
    Snapshot,
    SymbolInfo,
    TradeEvent,
)
from adapters.grid import InstrumentGrid
from engine.codes import OrderStatus, Reason, Side
from engine.errors import UsageError, VenueError
from engine.instrument import INT64_MAX, Instrument, parse_decimal, parse_nanos
from engine.messages import Quote, Trade
from engine.venue import (
    Balance,
    FeeRates,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    VenueOrder,
)

__all__ = [
    "DepthDiff",
    "DepthSnapshot",
    "balance",
    "depth_diff",
    "depth_snapshot",
    "execution_events",
    "fee_rates",
    "instrument",
    "my_trade",
    "order_seen",
    "public_trade",
    "quote",
    "rehearse",
    "venue_ns",
    "venue_order",
]

_decode_ticker = msgspec.json.Decoder(BookTickerEnvelope).decode
_REHEARSED = b'{"stream":"x@bookTicker","data":{"u":1,"s":"X","b":"%b","B":"1.00000000","a":"%b","A":"1.00000000"}}'

_SIDES = {OrderSide.BUY: Side.BUY, OrderSide.SELL: Side.SELL}
_STATUSES = {
    OrderState.NEW: OrderStatus.NEW,
    OrderState.PENDING_NEW: OrderStatus.NEW,
    OrderState.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELLED,
    OrderState.PENDING_CANCEL: OrderStatus.PENDING_CANCEL,
    OrderState.REJECTED: OrderStatus.REJECTED,
    OrderState.EXPIRED: OrderStatus.EXPIRED,
    OrderState.EXPIRED_IN_MATCH: OrderStatus.EXPIRED,
}


class DepthDiff(NamedTuple):
    """One ``depthUpdate``: absolute levels that changed in the updates ``first``…``last``."""

    first_update_id: int
    last_update_id: int
    venue_time_ns: int
    bids: Levels
    asks: Levels


class DepthSnapshot(NamedTuple):
    last_update_id: int
    bids: Levels
    asks: Levels


def venue_ns(value: int, unit_ns: int) -> int:
    """A time of the venue in ns. Raises VenueError beyond 64 bits."""
    time_ns = value * unit_ns
    if not 0 <= time_ns <= INT64_MAX:
        raise VenueError(f"time {value} is out of range")
    return time_ns


# -- instruments -----------------------------------------------------------------------------------------------


def _step(filters: dict[str, Filter], kind: str, text: str, symbol: str) -> tuple[int, int]:
    units, scale = _decimal(text, kind)
    if units <= 0:
        raise VenueError(f"{symbol}: {kind} gives no step ({text}), so nothing can be priced or sized exactly")
    return units, scale


def _decimal(text: str, field: str) -> tuple[int, int]:
    try:
        return parse_decimal(text, field)
    except UsageError as error:
        raise VenueError(str(error)) from error


def _steps(text: str, field: str, step: Fraction, upwards: bool) -> int:
    """A bound in whole steps, rounded to the inside of what is allowed; 0: no bound."""
    units, scale = _decimal(text, field)
    value = Fraction(units, 10**scale) / step
    steps = -(-value.numerator // value.denominator) if upwards else value.numerator // value.denominator
    return max(0, min(steps, INT64_MAX))


def _ppm(text: str, field: str, upwards: bool) -> int:
    return _steps(text, field, Fraction(1, 1_000_000), upwards)


def _band(filters: dict[str, Filter]) -> tuple[int, int, int, int]:
    """(bid_up, bid_down, ask_up, ask_down) in ppm, rounded to the inside."""
    sided = filters.get("PERCENT_PRICE_BY_SIDE")
    if sided is not None:
        texts = (sided.bidMultiplierUp, sided.bidMultiplierDown, sided.askMultiplierUp, sided.askMultiplierDown)
    else:
        both = filters.get("PERCENT_PRICE")
        if both is None:
            return 0, 0, 0, 0
        texts = (both.multiplierUp, both.multiplierDown, both.multiplierUp, both.multiplierDown)
    bid_up, bid_down, ask_up, ask_down = texts
    return (
        _ppm(bid_up, "bidMultiplierUp", False),
        _ppm(bid_down, "bidMultiplierDown", True),
        _ppm(ask_up, "askMultiplierUp", False),
        _ppm(ask_down, "askMultiplierDown", True),
    )


def instrument(info: SymbolInfo, instrument_id: int, venue: str) -> Instrument:
    """An instrument from ``exchangeInfo``. Raises VenueError when its filters give no tick or no lot."""
    filters = {each.filterType: each for each in info.filters}
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    if price is None or lot is None:
        raise VenueError(f"{info.symbol}: no PRICE_FILTER or no LOT_SIZE")
    tick_units, price_scale = _step(filters, "PRICE_FILTER", price.tickSize, info.symbol)
    lot_units, quantity_scale = _step(filters, "LOT_SIZE", lot.stepSize, info.symbol)
    tick, step = Fraction(tick_units, 10**price_scale), Fraction(lot_units, 10**quantity_scale)
    market = filters.get("MARKET_LOT_SIZE")
    old, new = filters.get("MIN_NOTIONAL"), filters.get("NOTIONAL")
    floors = [each.minNotional for each in (old, new) if each is not None]
    bid_up, bid_down, ask_up, ask_down = _band(filters)
    counts = filters.get("MAX_NUM_ORDERS")
    return Instrument(
        instrument_id=instrument_id,
        venue=venue,
        symbol=info.symbol,
        base_asset=info.baseAsset,
        quote_asset=info.quoteAsset,
        tick_units=tick_units,
        price_scale=price_scale,
        lot_units=lot_units,
        quantity_scale=quantity_scale,
        price_ticks_min=_steps(price.minPrice, "minPrice", tick, True),
        price_ticks_max=_steps(price.maxPrice, "maxPrice", tick, False),
        quantity_lots_min=_steps(lot.minQty, "minQty", step, True),
        quantity_lots_max=_steps(lot.maxQty, "maxQty", step, False),
        market_quantity_lots_max=_steps(market.maxQty, "maxQty", step, False) if market is not None else 0,
        notional_tick_lots_min=max((_steps(text, "minNotional", tick * step, True) for text in floors), default=0),
        notional_tick_lots_max=_steps(new.maxNotional, "maxNotional", tick * step, False) if new is not None else 0,
        open_orders_max=counts.maxNumOrders if counts is not None else 0,
        bid_up_ppm=bid_up,
        bid_down_ppm=bid_down,
        ask_up_ppm=ask_up,
        ask_down_ppm=ask_down,
        market_notional_min_applies=bool(
            (old is not None and old.applyToMarket) or (new is not None and new.applyMinToMarket)
        ),
    )


# -- account ---------------------------------------------------------------------------------------------------


def _nanos(text: str, field: str) -> int:
    try:
        return parse_nanos(text, field)
    except UsageError as error:
        raise VenueError(str(error)) from error


def balance(asset: str, free: str, locked: str) -> Balance:
    """Amounts beyond 64 bits of billionths count as the most that fits: too little is the safe side of funds."""
    return Balance(
        asset, min(_nanos(free, f"{asset} free"), INT64_MAX), min(_nanos(locked, f"{asset} locked"), INT64_MAX)
    )


def fee_rates(instrument_id: int, rates: CommissionRates) -> FeeRates:
    """Shares → billionths of the notional."""
    return FeeRates(instrument_id, _nanos(rates.maker, "maker rate"), _nanos(rates.taker, "taker rate"))


def _fee(amount: str, asset: str | None) -> tuple[int, str]:
    fee_nanos = _nanos(amount, "commission")
    if abs(fee_nanos) > INT64_MAX:
        raise VenueError(f"commission {amount} {asset} does not fit into 64 bits of billionths")
    return fee_nanos, asset or ""


# -- orders ----------------------------------------------------------------------------------------------------


def execution_events(report: ExecutionReport, grid: InstrumentGrid, unit_ns: int) -> tuple[OrderEvent, ...]:
    """What an ``executionReport`` says about an order; empty when it says nothing new (a trigger, a fill of nothing,
    a part taken by self-trade prevention while the order stays open)."""
    time_ns, order_id = venue_ns(report.T, unit_ns), str(report.i)
    kind = report.x
    if kind is ExecutionType.TRADE:
        return _traded(report, grid, order_id, time_ns)
    if kind is ExecutionType.NEW:
        if report.o.waits_for_a_trigger and report.w:
            return ()  # the trigger of an order that was reported before: not a new order
        return (OrderAccepted(report.c, order_id, time_ns),)
    if kind is ExecutionType.REJECTED:
        return (OrderRejected(report.c, Reason.VENUE_REJECTED, report.r, time_ns),)
    cum_lots = grid.lots.parse(report.z)
    if kind is ExecutionType.CANCELED:
        return (OrderCancelled(report.C or report.c, order_id, cum_lots, time_ns),)
    if kind is ExecutionType.REPLACED:
        seen = _STATUSES[report.X]
        return (OrderSeen(report.C or report.c, order_id, seen, grid.lots.parse(report.q), cum_lots, time_ns),)
    if report.X is OrderState.EXPIRED or report.X is OrderState.EXPIRED_IN_MATCH:
        return (_expired(report, order_id, cum_lots, time_ns),)
    return ()


def _traded(report: ExecutionReport, grid: InstrumentGrid, order_id: str, time_ns: int) -> tuple[OrderEvent, ...]:
    last_lots, cum_lots = grid.lots.parse(report.l), grid.lots.parse(report.z)
    events: list[OrderEvent] = []
    if last_lots:
        fee_nanos, fee_asset = _fee(report.n, report.N)
        events.append(
            OrderFilled(
                client_order_id=report.c,
                order_id=order_id,
                trade_id=str(report.t),
                last_lots=last_lots,
                last_ticks=grid.ticks.parse(report.L),
                fee_nanos=fee_nanos,
                fee_asset=fee_asset,
                is_maker=report.m,
                venue_time_ns=time_ns,
            )
        )
    if report.X is OrderState.FILLED and cum_lots < grid.lots.parse(report.q):
        # Nothing is left of the order, but self-trade prevention took a part: it did not fill, it ended.
        events.append(_expired(report, order_id, cum_lots, time_ns))
    return tuple(events)


def _expired(report: ExecutionReport, order_id: str, cum_lots: int, time_ns: int) -> OrderExpired:
    expired = report.x is ExecutionType.EXPIRED and report.X is not OrderState.EXPIRED_IN_MATCH
    reason = Reason.VENUE_EXPIRED if expired else Reason.VENUE_SELF_TRADE
    text = report.eR if report.eR not in ("", "NONE") else report.X._value_
    return OrderExpired(report.c, order_id, cum_lots, reason, text, time_ns)


def order_seen(info: OrderInfo, client_order_id: str, grid: InstrumentGrid, unit_ns: int) -> OrderSeen:
    """The answer to ``order.status``, under the id that we know the order by (the venue's may be a cancel's)."""
    status, quantity_lots, cum_lots = _STATUSES[info.status], grid.lots.parse(info.origQty), _executed(info, grid)
    if status is OrderStatus.FILLED and cum_lots < quantity_lots:
        status = OrderStatus.EXPIRED  # self-trade prevention took the rest
    time_ns = venue_ns(info.updateTime or info.time, unit_ns)
    return OrderSeen(client_order_id, str(info.orderId), status, quantity_lots, cum_lots, time_ns)


def _executed(info: OrderInfo, grid: InstrumentGrid) -> int:
    return grid.lots.parse(info.executedQty)


def venue_order(info: OrderInfo, grid: InstrumentGrid) -> VenueOrder:
    return VenueOrder(
        client_order_id=info.clientOrderId,
        order_id=str(info.orderId),
        instrument_id=grid.instrument_id,
        side=_SIDES[info.side],
        status=_STATUSES[info.status],
        quantity_lots=grid.lots.parse(info.origQty),
        price_ticks=grid.ticks.parse(info.price),
        cum_lots=_executed(info, grid),
        trigger_ticks=grid.ticks.parse(info.stopPrice),
    )


def my_trade(trade: MyTrade, grid: InstrumentGrid, unit_ns: int) -> OrderFilled:
    """An element of ``myTrades``: it carries the venue's order id only."""
    fee_nanos, fee_asset = _fee(trade.commission, trade.commissionAsset)
    return OrderFilled(
        client_order_id="",
        order_id=str(trade.orderId),
        trade_id=str(trade.id),
        last_lots=grid.lots.parse(trade.qty),
        last_ticks=grid.ticks.parse(trade.price),
        fee_nanos=fee_nanos,
        fee_asset=fee_asset,
        is_maker=trade.isMaker,
        venue_time_ns=venue_ns(trade.time, unit_ns),
    )


# -- market data -----------------------------------------------------------------------------------------------


def quote(ticker: BookTicker, grid: InstrumentGrid, received_ns: int) -> Quote:
    """A ``bookTicker`` carries no time of the venue."""
    ticks, lots = grid.ticks.parse, grid.market_lots.parse
    return Quote(
        grid.instrument_id, ticks(ticker.b), lots(ticker.B), ticks(ticker.a), lots(ticker.A), ticker.u, 0, received_ns
    )


def rehearse(grid: InstrumentGrid) -> None:
    """Decode a ticker for nothing, so that the way of the next one is warm."""
    text = grid.instrument.price_text(max(grid.instrument.price_ticks_min, 1))
    quote(_decode_ticker(_REHEARSED % (text.encode(), text.encode())).data, grid, 0)


def public_trade(trade: TradeEvent, grid: InstrumentGrid, unit_ns: int, received_ns: int) -> Trade:
    """``m``: the buyer was the maker, so the seller took."""
    return Trade(
        grid.instrument_id,
        grid.ticks.parse(trade.p),
        grid.market_lots.parse(trade.q),
        Side.SELL if trade.m else Side.BUY,
        trade.t,
        venue_ns(trade.T, unit_ns),
        received_ns,
    )


def depth_diff(update: DepthUpdate, grid: InstrumentGrid, unit_ns: int) -> DepthDiff:
    if update.u < update.U:
        raise VenueError(f"{update.s} depthUpdate: U {update.U} is beyond u {update.u}")
    return DepthDiff(
        update.U, update.u, venue_ns(update.E, unit_ns), parse_levels(update.b, grid), parse_levels(update.a, grid)
    )


def depth_snapshot(snapshot: Snapshot, grid: InstrumentGrid) -> DepthSnapshot:
    return DepthSnapshot(snapshot.lastUpdateId, parse_levels(snapshot.bids, grid), parse_levels(snapshot.asks, grid))
