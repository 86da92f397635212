"""A new order's parameters: which belong to which type, in which order the venue complains, and the filters."""

from adapters.simulator.accounts import Account
from adapters.simulator.binance.call import Venue
from adapters.simulator.binance.errors import ApiError, invalid_symbol, mandatory, not_required
from adapters.simulator.binance.filters import (
    check_iceberg,
    check_market_notional,
    check_notional,
    check_open_orders,
    check_quantity,
    check_trailing_delta,
    parse_price,
    parse_quantity,
    parse_quote_quantity,
    parse_stop_price,
)
from adapters.simulator.binance.listing import STP_MODES, Listing
from adapters.simulator.binance.orders import OrderTerms
from adapters.simulator.binance.parameters import Parameters
from engine.codes import Side

__all__ = ["read_order_terms", "read_symbol"]

_WAITING_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER", *_WAITING_TYPES)
#: Types that have a time in force.
_TIMED_TYPES = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_PRICED_TYPES = (*_TIMED_TYPES, "LIMIT_MAKER")
_TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
_RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
_PEG_PARAMETERS = ("pegPriceType", "pegOffsetType", "pegOffsetValue")
_STRATEGY_TYPE_MIN = 1_000_000


def read_symbol(venue: Venue, parameters: Parameters) -> Listing:
    listing = venue.exchange.listings.get(parameters.required("symbol"))
    if listing is None:
        raise invalid_symbol()
    return listing


def read_order_terms(venue: Venue, account: Account, parameters: Parameters) -> OrderTerms:
    """The terms of a new order, all parameters and filters checked. Raises ApiError; changes nothing."""
    listing = read_symbol(venue, parameters)
    parameters.required("side")
    side_text = parameters.choice("side", ("BUY", "SELL"), ApiError(-1117, "Invalid side."))
    assert side_text is not None, "a required parameter was sent"
    side = Side[side_text]
    order_type = _read_type(parameters)
    time_in_force = _read_time_in_force(parameters, order_type)
    client_order_id = parameters.client_order_id("newClientOrderId")
    stp_mode = _read_stp_mode(parameters)
    response_type = parameters.choice("newOrderRespType", _RESPONSE_TYPES)
    strategy_id, strategy_type = parameters.integer("strategyId"), parameters.integer("strategyType")
    if strategy_type is not None and strategy_type < _STRATEGY_TYPE_MIN:
        raise ApiError(-1134, "strategyType was less than 1000000.")
    stop_ticks, trailing_bips = _read_trigger(listing, parameters, order_type)
    _refuse_unsupported(parameters)
    price_ticks = quantity_lots = quote_order_nanos = 0
    if order_type == "MARKET":
        quantity_lots, quote_order_nanos = _read_market_quantity(listing, parameters)
    elif order_type in _PRICED_TYPES:
        price_ticks, quantity_lots = _read_limit(listing, parameters, side)
    else:
        quantity_lots = _read_stop_quantity(listing, parameters)
    iceberg_lots = _read_iceberg(listing, parameters, order_type, time_in_force, quantity_lots)
    parameters.finish()
    check_open_orders(listing, venue.exchange.orders.open_count(account.name, listing.symbol))
    return OrderTerms(
        listing=listing,
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        price_ticks=price_ticks,
        quantity_lots=quantity_lots,
        quote_order_nanos=quote_order_nanos,
        client_order_id=client_order_id or venue.identifiers.next_client_order_id(),
        stp_mode=stp_mode,
        response_type=response_type or ("FULL" if order_type in ("LIMIT", "MARKET") else "ACK"),
        strategy_id=strategy_id,
        strategy_type=strategy_type,
        stop_ticks=stop_ticks,
        trailing_bips=trailing_bips,
        iceberg_lots=iceberg_lots,
    )


def _read_type(parameters: Parameters) -> str:
    parameters.required("type")
    order_type = parameters.choice("type", _TYPES, ApiError(-1116, "Invalid orderType."))
    assert order_type is not None, "a required parameter was sent"
    return order_type


def _read_time_in_force(parameters: Parameters, order_type: str) -> str:
    if order_type in _TIMED_TYPES:
        parameters.required("timeInForce")
        choice = parameters.choice("timeInForce", _TIMES_IN_FORCE, ApiError(-1115, "Invalid timeInForce."))
        assert choice is not None, "a required parameter was sent"
        return choice
    if parameters.has("timeInForce"):
        if order_type in ("MARKET", "STOP_LOSS", "TAKE_PROFIT"):
            raise not_required("timeInForce")
        raise ApiError(-1114, "TimeInForce parameter sent when not required.")
    return "GTC"


def _read_stp_mode(parameters: Parameters) -> str:
    mode = parameters.choice("selfTradePreventionMode", (*STP_MODES, "TRANSFER"))
    if mode == "TRANSFER":
        raise ApiError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return mode or "NONE"


def _read_trigger(listing: Listing, parameters: Parameters, order_type: str) -> tuple[int, int]:
    """(stop_ticks, trailing_bips), both 0 for an order that does not wait. A trailing one begins where the market is:
    one that begins at a stop price, and one that takes a profit, are not simulated."""
    if order_type not in _WAITING_TYPES:
        for name in ("stopPrice", "trailingDelta"):
            if parameters.has(name):
                raise not_required(name)
        return 0, 0
    stop, bips = parameters.decimal("stopPrice"), parameters.integer("trailingDelta")
    if stop is None and bips is None:
        raise ApiError(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!")
    if bips is not None:
        if stop is not None or not order_type.startswith("STOP_LOSS"):
            raise ApiError(-1013, "Trailing stop orders are not supported for this symbol.")
        check_trailing_delta(bips)
        return 0, bips
    assert stop is not None, "one of the two was sent"
    return parse_stop_price(listing, stop), 0


def _read_iceberg(
    listing: Listing, parameters: Parameters, order_type: str, time_in_force: str, quantity_lots: int
) -> int:
    text = parameters.decimal("icebergQty")
    if text is None:
        return 0
    if order_type not in _PRICED_TYPES:
        raise not_required("icebergQty")
    if time_in_force != "GTC":
        raise ApiError(-1013, "Iceberg orders must be GTC.")
    lots = parse_quantity(listing, text, "icebergQty")
    check_iceberg(lots, quantity_lots)
    return lots


def _read_stop_quantity(listing: Listing, parameters: Parameters) -> int:
    """Of an order that becomes a market order."""
    for name in ("price", "quoteOrderQty"):
        if parameters.has(name):
            raise not_required(name)
    parameters.required("quantity")
    text = parameters.decimal("quantity")
    assert text is not None, "a required parameter was sent"
    quantity_lots = parse_quantity(listing, text)
    check_quantity(listing, quantity_lots, is_market=True)
    check_market_notional(listing, quantity_lots)
    return quantity_lots


def _refuse_unsupported(parameters: Parameters) -> None:
    if any(parameters.has(name) for name in _PEG_PARAMETERS):
        raise ApiError(-1013, "Pegged orders are not supported for this symbol.")


def _read_limit(listing: Listing, parameters: Parameters, side: Side) -> tuple[int, int]:
    parameters.required("quantity")
    parameters.required("price")
    if parameters.has("quoteOrderQty"):
        raise not_required("quoteOrderQty")
    quantity, price = parameters.decimal("quantity"), parameters.decimal("price")
    assert quantity is not None, "a required parameter was sent"
    assert price is not None, "a required parameter was sent"
    price_ticks = parse_price(listing, price, side)
    quantity_lots = parse_quantity(listing, quantity)
    check_quantity(listing, quantity_lots, is_market=False)
    check_notional(listing, price_ticks * quantity_lots)
    return price_ticks, quantity_lots


def _read_market_quantity(listing: Listing, parameters: Parameters) -> tuple[int, int]:
    """(quantity_lots, quote_order_nanos), one of them 0."""
    if parameters.has("price"):
        raise not_required("price")
    quantity, quote = parameters.decimal("quantity"), parameters.decimal("quoteOrderQty")
    if quantity is not None and quote is not None:
        raise not_required("quoteOrderQty")
    if quantity is not None:
        quantity_lots = parse_quantity(listing, quantity)
        check_quantity(listing, quantity_lots, is_market=True)
        check_market_notional(listing, quantity_lots)
        return quantity_lots, 0
    if quote is None:
        raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    nanos = parse_quote_quantity(quote)
    if nanos == 0:
        raise mandatory("quoteOrderQty")
    return 0, nanos
