"""Order lists: place, cancel, look. The legs' parameters are those of a single order under longer names."""

from adapters.simulator.binance.call import Call, Venue
from adapters.simulator.binance.errors import ApiError, cancel_rejected, mandatory
from adapters.simulator.binance.order_entry import read_order_terms, read_symbol
from adapters.simulator.binance.order_lists import ListRecord
from adapters.simulator.binance.orders import OrderTerms, cancel_response, place_response
from adapters.simulator.binance.parameters import Parameters
from adapters.simulator.binance.trading import check_may_trade

__all__ = ["cancel_list", "list_status", "place_oco", "place_oto", "place_otoco"]

_FIELDS = {
    "Type": "type",
    "ClientOrderId": "newClientOrderId",
    "Price": "price",
    "StopPrice": "stopPrice",
    "TrailingDelta": "trailingDelta",
    "TimeInForce": "timeInForce",
    "IcebergQty": "icebergQty",
    "Side": "side",
    "Quantity": "quantity",
    "StrategyId": "strategyId",
    "StrategyType": "strategyType",
}
_SHARED = ("symbol", "newOrderRespType", "selfTradePreventionMode")
_WAITING_ABOVE_BELOW = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER")


def place_oco(venue: Venue, call: Call) -> object:
    terms = _pair(venue, call, "", "side", "quantity")
    name = _finish(venue, call)
    _count(venue, call, 2)
    made = venue.exchange.lists.place_oco(call.owner, name, terms, call.now_ns)
    return _placed(made, call)


def place_oto(venue: Venue, call: Call) -> object:
    working = _working(venue, call)
    pending = _leg(venue, call, "pending", {})
    name = _finish(venue, call)
    _count(venue, call, 2)
    made = venue.exchange.lists.place_oto(call.owner, name, working, (pending,), call.now_ns)
    return _placed(made, call)


def place_otoco(venue: Venue, call: Call) -> object:
    working = _working(venue, call)
    terms = _pair(venue, call, "pending", "pendingSide", "pendingQuantity")
    name = _finish(venue, call)
    _count(venue, call, 3)
    made = venue.exchange.lists.place_oto(call.owner, name, working, terms, call.now_ns)
    return _placed(made, call)


def _placed(made: ListRecord, call: Call) -> dict[str, object]:
    return {
        **made.state(call.stamp),
        "orderReports": [place_response(each, [], call.stamp) for each in made.records],
    }


def _count(venue: Venue, call: Call, orders: int) -> None:
    check_may_trade(call)
    venue.exchange.received(call.now_ns)
    limits = venue.exchange.order_limits[call.owner.name]
    refusal = limits.refusal(call.wall_ns)
    if refusal is not None:
        raise refusal
    for _ in range(orders):
        limits.count(call.wall_ns)


def _finish(venue: Venue, call: Call) -> str:
    """The list's name, after everything has been read."""
    parameters = call.parameters
    name = parameters.client_order_id("listClientOrderId")
    for shared in _SHARED:
        parameters.text(shared)
    parameters.finish()
    return name or venue.identifiers.next_client_order_id()


def _working(venue: Venue, call: Call) -> OrderTerms:
    terms = _leg(venue, call, "working", {})
    if terms.order_type not in ("LIMIT", "LIMIT_MAKER"):
        raise ApiError(-1013, "This order type is not allowed for a working order.")
    return terms


def _pair(venue: Venue, call: Call, prefix: str, side: str, quantity: str) -> tuple[OrderTerms, OrderTerms]:
    """The order above the market and the one below it, of which one at most executes."""
    parameters = call.parameters
    common = {"side": parameters.required(side), "quantity": parameters.required(quantity)}
    names = ("above", "below") if not prefix else (f"{prefix}Above", f"{prefix}Below")
    above, below = (_leg(venue, call, name, common) for name in names)
    for terms in (above, below):
        if terms.order_type not in _WAITING_ABOVE_BELOW:
            raise ApiError(-1013, "This order type is not allowed in an OCO.")
    if not (above.waits or below.waits):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    last_ticks = above.listing.market.last_trade_ticks
    high, low = (terms.stop_ticks or terms.price_ticks or last_ticks for terms in (above, below))
    if not prefix and (high <= last_ticks or low >= last_ticks) and last_ticks and not above.trailing_bips:
        raise ApiError(-2010, "The relationship of the prices for the orders is not correct.")
    return above, below


def _leg(venue: Venue, call: Call, prefix: str, common: dict[str, str]) -> OrderTerms:
    values = dict(common)
    for longer, name in _FIELDS.items():
        text = call.parameters.text(prefix + longer)
        if text is not None and name not in values:
            values[name] = text
    for name in _SHARED:
        shared = call.parameters.values.get(name)
        if shared is not None:
            values[name] = shared
    if "type" not in values:
        raise mandatory(f"{prefix}Type")
    return read_order_terms(venue, call.owner, Parameters(values))


# -- cancel and look ---------------------------------------------------------------------------------------------


def _find(venue: Venue, call: Call, missing: ApiError, by_name: str) -> ListRecord:
    list_id, name = call.parameters.integer("orderListId"), call.parameters.text(by_name)
    if list_id is None and name is None:
        raise ApiError(-1102, f"Param '{by_name}' or 'orderListId' must be sent, but both were empty/null!")
    lists = venue.exchange.lists
    found = lists.by_id(list_id) if list_id is not None else lists.by_client_id(call.owner.name, name or "")
    if found is None or found.account is not call.owner:
        raise missing
    return found


def cancel_list(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    found = _find(venue, call, cancel_rejected("Unknown order list sent."), "listClientOrderId")
    call.parameters.client_order_id("newClientOrderId")
    call.parameters.finish()
    if found.is_done or found.records[0].listing is not listing:
        raise cancel_rejected("Unknown order list sent.")
    names = {each.order_id: each.client_order_id for each in found.records}
    first = next(each for each in found.records if each.is_open)
    venue.exchange.cancel(first, venue.identifiers.next_client_order_id(), call.now_ns)
    reports = [cancel_response(each, names[each.order_id], call.stamp) for each in found.records]
    return {**found.state(call.stamp), "orderReports": reports}


def list_status(venue: Venue, call: Call) -> object:
    found = _find(venue, call, ApiError(-2018, "Order list does not exist."), "origClientOrderId")
    call.parameters.finish()
    return found.state(call.stamp)
