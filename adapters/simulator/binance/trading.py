"""Order entry: place, test, cancel, cancel-replace, amend, cancel all."""

from adapters.simulator.binance.call import Call, Venue
from adapters.simulator.binance.errors import ApiError, cancel_rejected, rejected
from adapters.simulator.binance.filters import AMENDS_MOST, check_notional, check_quantity, parse_quantity
from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.order_entry import read_order_terms, read_symbol
from adapters.simulator.binance.orders import OrderRecord, OrderTerms, amended_order, cancel_response, place_response
from adapters.simulator.binance.parameters import Parameters
from engine.instrument import decimal_text

__all__ = ["amend", "cancel", "cancel_all", "cancel_replace", "check_may_trade", "find_order", "place", "test_order"]

_RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
_UNKNOWN = "Unknown order sent."
_NEITHER = "Param '{}' or '{}' must be sent, but both were empty/null!"
_PPM_SCALE = 6


def find_order(venue: Venue, call: Call, listing: Listing, names: tuple[str, str], missing: ApiError) -> OrderRecord:
    """The caller's order by order id, by client order id, or by both, which must then agree (-2039)."""
    order_id = call.parameters.integer(names[0])
    client_order_id = call.parameters.text(names[1])
    if order_id is None and client_order_id is None:
        raise ApiError(-1102, _NEITHER.format(names[1], names[0]))
    orders, account = venue.exchange.orders, call.owner.name
    if order_id is None:
        record = orders.by_client_id(account, listing.symbol, client_order_id or "")
    else:
        record = orders.by_id(order_id)
    if record is None or record.account.name != account or record.listing is not listing:
        raise missing
    if client_order_id is not None and record.client_order_id != client_order_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    return record


def place(venue: Venue, call: Call) -> object:
    account = call.owner
    venue.exchange.received(call.now_ns)
    limits = venue.exchange.order_limits[account.name]
    terms = read_order_terms(venue, account, call.parameters)
    check_may_trade(call)
    refusal = limits.refusal(call.wall_ns)
    if refusal is not None:
        raise refusal
    limits.count(call.wall_ns)
    return _place(venue, call, terms)


def _place(venue: Venue, call: Call, terms: OrderTerms) -> dict[str, object]:
    record, matches = venue.exchange.place(call.owner, terms, call.now_ns)
    return place_response(record, matches, call.stamp)


def check_may_trade(call: Call) -> None:
    if not call.owner.can_trade:
        raise rejected("This account may not place or cancel orders.")


def test_order(venue: Venue, call: Call) -> object:
    """Everything about a new order is checked except what only the engine knows."""
    with_rates = call.parameters.flag("computeCommissionRates")
    read_order_terms(venue, call.owner, call.parameters)
    if not with_rates:
        return {}
    zero = {"maker": "0.00000000", "taker": "0.00000000"}
    return {
        "standardCommissionForOrder": {
            "maker": decimal_text(call.owner.maker_fee_ppm * 100, _PPM_SCALE + 2),
            "taker": decimal_text(call.owner.taker_fee_ppm * 100, _PPM_SCALE + 2),
        },
        "specialCommissionForOrder": zero,
        "taxCommissionForOrder": zero,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }


def cancel(venue: Venue, call: Call) -> object:
    parameters = call.parameters
    listing = read_symbol(venue, parameters)
    new_id = parameters.client_order_id("newClientOrderId")
    restriction = _read_restriction(parameters)
    record = find_order(venue, call, listing, ("orderId", "origClientOrderId"), cancel_rejected(_UNKNOWN))
    parameters.finish()
    return _cancel(venue, call, record, new_id, restriction)


def _read_restriction(parameters: Parameters) -> str | None:
    text = "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED."
    return parameters.choice("cancelRestrictions", tuple(_RESTRICTIONS), ApiError(-1145, text))


def _cancel(
    venue: Venue, call: Call, record: OrderRecord, new_id: str | None, restriction: str | None
) -> dict[str, object]:
    if not record.is_open:
        raise cancel_rejected(_UNKNOWN)
    if restriction is not None and record.status != _RESTRICTIONS[restriction]:
        raise cancel_rejected("Order was not canceled due to cancel restrictions.")
    client_order_id = new_id or venue.identifiers.next_client_order_id()
    orig = venue.exchange.cancel(record, client_order_id, call.now_ns)
    return cancel_response(record, orig, call.stamp)


def cancel_all(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    call.parameters.finish()
    records = venue.exchange.orders.open_orders(call.owner.name, listing.symbol)
    if not records:
        raise cancel_rejected(_UNKNOWN)
    # (a cancel of one of a list has cancelled the others)
    return [_cancel(venue, call, record, None, None) for record in records if record.is_open]


# -- cancel-replace ----------------------------------------------------------------------------------------------


def cancel_replace(venue: Venue, call: Call) -> object:
    """Cancel one order and place another; not one transaction. The venue's table of outcomes, row by row."""
    parameters, account = call.parameters, call.owner
    venue.exchange.received(call.now_ns)
    parameters.required("cancelReplaceMode")
    mode = parameters.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"))
    exceeded_mode = parameters.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"))
    cancel_id = parameters.client_order_id("cancelNewClientOrderId")
    restriction = _read_restriction(parameters)
    if parameters.integer("cancelOrderId") is None and parameters.text("cancelOrigClientOrderId") is None:
        raise ApiError(-1102, _NEITHER.format("cancelOrigClientOrderId", "cancelOrderId"))
    parameters.text("cancelOrigClientOrderId")
    terms = read_order_terms(venue, account, parameters)
    check_may_trade(call)
    limits = venue.exchange.order_limits[account.name]
    exceeded = limits.refusal(call.wall_ns)
    if exceeded is not None and exceeded_mode != "CANCEL_ONLY":
        raise exceeded
    # Counted even when the new order is then not attempted.
    limits.count(call.wall_ns)
    cancelled = _attempt_cancel(venue, call, terms.listing, cancel_id, restriction)
    placed: dict[str, object] | ApiError | None = None
    if mode == "ALLOW_FAILURE" or not isinstance(cancelled, ApiError):
        placed = exceeded if exceeded is not None else _attempt_place(venue, call, terms)
    stops = mode == "STOP_ON_FAILURE"
    return _cancel_replace_outcome(cancelled, placed, 429 if exceeded is not None and stops else 0)


def _attempt_cancel(
    venue: Venue, call: Call, listing: Listing, cancel_id: str | None, restriction: str | None
) -> dict[str, object] | ApiError:
    names = ("cancelOrderId", "cancelOrigClientOrderId")
    try:
        record = find_order(venue, call, listing, names, cancel_rejected(_UNKNOWN))
        return _cancel(venue, call, record, cancel_id, restriction)
    except ApiError as error:
        if error.code not in (-2011, -2039):
            raise
        return error


def _attempt_place(venue: Venue, call: Call, terms: OrderTerms) -> dict[str, object] | ApiError:
    try:
        return _place(venue, call, terms)
    except ApiError as error:
        return error


def _cancel_replace_outcome(
    cancelled: dict[str, object] | ApiError, placed: dict[str, object] | ApiError | None, forced_status: int
) -> dict[str, object]:
    cancel_failed, place_failed = isinstance(cancelled, ApiError), isinstance(placed, ApiError)
    outcome: dict[str, object] = {
        "cancelResult": "FAILURE" if cancel_failed else "SUCCESS",
        "newOrderResult": "NOT_ATTEMPTED" if placed is None else "FAILURE" if place_failed else "SUCCESS",
        "cancelResponse": cancelled.body() if isinstance(cancelled, ApiError) else cancelled,
        "newOrderResponse": placed.body() if isinstance(placed, ApiError) else placed,
    }
    if not cancel_failed and not place_failed:
        return outcome
    if cancel_failed and (place_failed or placed is None):
        raise ApiError(-2022, "Order cancel-replace failed.", status=forced_status or 400, data=outcome)
    raise ApiError(-2021, "Order cancel-replace partially failed.", status=forced_status or 409, data=outcome)


# -- amend -------------------------------------------------------------------------------------------------------


def amend(venue: Venue, call: Call) -> object:
    """Reduce an order's quantity in its place in the queue."""
    parameters = call.parameters
    listing = read_symbol(venue, parameters)
    new_id = parameters.client_order_id("newClientOrderId")
    parameters.required("newQty")
    text = parameters.decimal("newQty")
    assert text is not None, "a required parameter was sent"
    unknown = ApiError(-2038, _UNKNOWN)
    record = find_order(venue, call, listing, ("orderId", "origClientOrderId"), unknown)
    parameters.finish()
    if not record.is_open:
        raise unknown
    quantity_lots = parse_quantity(listing, text, "newQty")
    _check_amendment(venue, record, quantity_lots, new_id)
    client_order_id = new_id or venue.identifiers.next_client_order_id()
    orig = venue.exchange.amend(record, quantity_lots, client_order_id, call.now_ns)
    return amended_order(record, orig, call.stamp)


def _check_amendment(venue: Venue, record: OrderRecord, quantity_lots: int, new_id: str | None) -> None:
    listing = record.listing
    check_quantity(listing, quantity_lots, is_market=False)
    if quantity_lots == record.quantity_lots:
        raise ApiError(-2038, "The requested action would change no state; rejecting")
    if record.amends >= AMENDS_MOST:
        raise ApiError(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    if quantity_lots > record.quantity_lots:
        raise ApiError(-2038, "Order amend (quantity increase) is not supported.")
    check_notional(listing, record.terms.price_ticks * quantity_lots)
    is_taken = new_id is not None and venue.exchange.orders.is_open(record.account.name, listing.symbol, new_id)
    if is_taken and new_id != record.client_order_id:
        raise ApiError(-2038, "Duplicate order sent.")
