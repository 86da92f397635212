"""The filters of a symbol: how exchangeInfo tells them and how a new order is held to them.

A filter's failure is -1013 "Filter failure: NAME"; a number with more decimals than the venue writes is -1111.
"""

from adapters.simulator.binance.errors import filter_failure, too_much_precision
from adapters.simulator.binance.listing import STP_MODES, Listing, nanos_text
from engine.codes import Side
from engine.errors import UsageError
from engine.instrument import NANOS, decimal_text, parse_decimal

__all__ = [
    "AMENDS_MOST",
    "ORDER_TYPES",
    "check_iceberg",
    "check_market_notional",
    "check_notional",
    "check_open_orders",
    "check_quantity",
    "check_trailing_delta",
    "parse_price",
    "parse_quantity",
    "parse_quote_quantity",
    "parse_stop_price",
    "symbol_info",
]

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_ICEBERG_PARTS_MOST = 10
_TRAILING_BIPS = (10, 2_000)
AMENDS_MOST = 10

_DECIMALS_MAX = 8
_PPM = 1_000_000
_PPM_SCALE = 6
#: Where an instrument sets no bound of its own the venue still has a largest price and quantity.
_OPEN_BOUND = "9000000000.00000000"
_OPEN_BOUND_NANOS = 9_000_000_000 * NANOS


def parse_price(listing: Listing, text: str, side: Side) -> int:
    """Exact ticks of a limit price within PRICE_FILTER and PERCENT_PRICE_BY_SIDE."""
    ticks = _filtered_price(listing, text, "price")
    _check_percent_price(listing, side, ticks)
    return ticks


def parse_stop_price(listing: Listing, text: str) -> int:
    """Exact ticks of a trigger price within PRICE_FILTER."""
    return _filtered_price(listing, text, "stopPrice")


def _filtered_price(listing: Listing, text: str, parameter: str) -> int:
    instrument = listing.instrument
    _check_precision(parameter, text)
    try:
        ticks = listing.prices.steps(text)
    except UsageError:
        raise filter_failure("PRICE_FILTER") from None
    most = instrument.price_ticks_max or _OPEN_BOUND_NANOS // listing.tick_nanos
    if not max(instrument.price_ticks_min, 1) <= ticks <= most:
        raise filter_failure("PRICE_FILTER")
    return ticks


def _check_percent_price(listing: Listing, side: Side, ticks: int) -> None:
    instrument, reference = listing.instrument, listing.reference_ticks()
    if side is Side.BUY:
        up_ppm, down_ppm = instrument.bid_up_ppm, instrument.bid_down_ppm
    else:
        up_ppm, down_ppm = instrument.ask_up_ppm, instrument.ask_down_ppm
    if not reference:
        return
    if (up_ppm and ticks * _PPM > reference * up_ppm) or (down_ppm and ticks * _PPM < reference * down_ppm):
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def parse_quantity(listing: Listing, text: str, parameter: str = "quantity") -> int:
    """Exact lots of a quantity; whole steps only (LOT_SIZE), bounds are checked by :func:`check_quantity`."""
    _check_precision(parameter, text)
    try:
        return listing.quantities.steps(text)
    except UsageError:
        raise filter_failure("LOT_SIZE") from None


def check_quantity(listing: Listing, lots: int, is_market: bool) -> None:
    """LOT_SIZE, and for market orders MARKET_LOT_SIZE as well."""
    instrument = listing.instrument
    most = instrument.quantity_lots_max or _OPEN_BOUND_NANOS // listing.lot_nanos
    if not max(instrument.quantity_lots_min, 1) <= lots <= most:
        raise filter_failure("LOT_SIZE")
    if is_market and 0 < instrument.market_quantity_lots_max < lots:
        raise filter_failure("MARKET_LOT_SIZE")


def parse_quote_quantity(text: str) -> int:
    """``quoteOrderQty`` in nanos."""
    _check_precision("quoteOrderQty", text)
    units, scale = parse_decimal(text, "quoteOrderQty")
    return int(units * 10 ** (9 - scale))


def check_notional(listing: Listing, tick_lots: int) -> None:
    """NOTIONAL of a limit order."""
    instrument = listing.instrument
    if tick_lots < instrument.notional_tick_lots_min or 0 < instrument.notional_tick_lots_max < tick_lots:
        raise filter_failure("NOTIONAL")


def check_market_notional(listing: Listing, lots: int) -> None:
    """NOTIONAL of a market order: only the minimum, only where it applies, at the reference price."""
    if not listing.instrument.market_notional_min_applies:
        return
    reference = listing.reference_ticks()
    if reference and reference * lots < listing.instrument.notional_tick_lots_min:
        raise filter_failure("NOTIONAL")


def check_iceberg(lots: int, quantity_lots: int) -> None:
    """ICEBERG_PARTS: in how many parts a quantity is shown."""
    if lots <= 0 or lots >= quantity_lots or -(-quantity_lots // lots) > _ICEBERG_PARTS_MOST:
        raise filter_failure("ICEBERG_PARTS")


def check_trailing_delta(bips: int) -> None:
    """TRAILING_DELTA, the same on both sides."""
    if not _TRAILING_BIPS[0] <= bips <= _TRAILING_BIPS[1]:
        raise filter_failure("TRAILING_DELTA")


def check_open_orders(listing: Listing, open_orders: int) -> None:
    """MAX_NUM_ORDERS, before one more."""
    if 0 < listing.instrument.open_orders_max <= open_orders:
        raise filter_failure("MAX_NUM_ORDERS")


def _check_precision(parameter: str, text: str) -> None:
    if len(text.partition(".")[2]) > _DECIMALS_MAX:
        raise too_much_precision(parameter)


# -- exchangeInfo ------------------------------------------------------------------------------------------------


def symbol_info(listing: Listing, permission_sets: bool = True) -> dict[str, object]:
    """A symbol's entry in exchangeInfo."""
    return {
        "symbol": listing.symbol,
        "status": "TRADING" if listing.is_trading else "HALT",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]] if permission_sets else [],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": list(STP_MODES),
    }


def _filters(listing: Listing) -> list[dict[str, object]]:
    instrument = listing.instrument
    filters: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": listing.price_text(instrument.price_ticks_min),
            "maxPrice": listing.price_text(instrument.price_ticks_max),
            "tickSize": listing.price_text(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": listing.quantity_text(instrument.quantity_lots_min),
            "maxQty": _bound(listing, instrument.quantity_lots_max),
            "stepSize": listing.quantity_text(1),
        },
    ]
    if instrument.market_quantity_lots_max:
        filters.append(
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": listing.quantity_text(0),
                "maxQty": listing.quantity_text(instrument.market_quantity_lots_max),
                "stepSize": listing.quantity_text(0),
            }
        )
    if instrument.bid_up_ppm or instrument.bid_down_ppm or instrument.ask_up_ppm or instrument.ask_down_ppm:
        filters.append(
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": decimal_text(instrument.bid_up_ppm, _PPM_SCALE),
                "bidMultiplierDown": decimal_text(instrument.bid_down_ppm, _PPM_SCALE),
                "askMultiplierUp": decimal_text(instrument.ask_up_ppm, _PPM_SCALE),
                "askMultiplierDown": decimal_text(instrument.ask_down_ppm, _PPM_SCALE),
                "avgPriceMins": 0,
            }
        )
    if instrument.notional_tick_lots_min or instrument.notional_tick_lots_max:
        filters.append(
            {
                "filterType": "NOTIONAL",
                "minNotional": nanos_text(instrument.notional_tick_lots_min * listing.tick_lot_nanos),
                "applyMinToMarket": instrument.market_notional_min_applies,
                "maxNotional": _notional_bound(listing),
                "applyMaxToMarket": False,
                "avgPriceMins": 0,
            }
        )
    filters.append({"filterType": "ICEBERG_PARTS", "limit": _ICEBERG_PARTS_MOST})
    filters.append({"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": AMENDS_MOST})
    least, most = _TRAILING_BIPS
    filters.append(
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": least,
            "maxTrailingAboveDelta": most,
            "minTrailingBelowDelta": least,
            "maxTrailingBelowDelta": most,
        }
    )
    if instrument.open_orders_max:
        filters.append({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instrument.open_orders_max})
    return filters


def _bound(listing: Listing, lots: int) -> str:
    return listing.quantity_text(lots) if lots else _OPEN_BOUND


def _notional_bound(listing: Listing) -> str:
    most = listing.instrument.notional_tick_lots_max
    return nanos_text(most * listing.tick_lot_nanos) if most else _OPEN_BOUND
