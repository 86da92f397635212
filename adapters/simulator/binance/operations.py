"""The table of operations that REST and the WebSocket API share, with the venue's weights, and carrying one out."""

from collections.abc import Callable

from adapters.simulator.binance import list_entry, queries, trading
from adapters.simulator.binance.call import Call, Operation, Security, Venue
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.parameters import Parameters

__all__ = ["BY_REST_PATH", "BY_WS_METHOD", "OPERATIONS", "perform"]

_NONE, _READ, _TRADE = Security.NONE, Security.USER_DATA, Security.TRADE


def _fixed(weight: int) -> Callable[[Parameters], int]:
    return lambda parameters: weight


def _by_symbol(with_symbol: int, without: int) -> Callable[[Parameters], int]:
    return lambda parameters: with_symbol if parameters.has("symbol") else without


def _depth_weight(parameters: Parameters) -> int:
    text = parameters.values.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 100
    for most, weight in ((100, 5), (500, 25), (1_000, 50)):
        if limit <= most:
            return weight
    return 250


def _test_weight(parameters: Parameters) -> int:
    return 20 if parameters.values.get("computeCommissionRates", "").lower() == "true" else 1


def _trades_weight(parameters: Parameters) -> int:
    return 5 if parameters.has("orderId") else 20


def _matches_weight(parameters: Parameters) -> int:
    return 20 if parameters.has("orderId") else 2


OPERATIONS = (
    Operation("ping", "GET", "/api/v3/ping", _NONE, _fixed(1), queries.ping),
    Operation("time", "GET", "/api/v3/time", _NONE, _fixed(1), queries.server_time),
    Operation("exchangeInfo", "GET", "/api/v3/exchangeInfo", _NONE, _fixed(20), queries.exchange_info),
    Operation("depth", "GET", "/api/v3/depth", _NONE, _depth_weight, queries.depth),
    Operation("trades.recent", "GET", "/api/v3/trades", _NONE, _fixed(25), queries.trades),
    Operation("ticker.book", "GET", "/api/v3/ticker/bookTicker", _NONE, _by_symbol(2, 4), queries.book_ticker),
    Operation("ticker.price", "GET", "/api/v3/ticker/price", _NONE, _by_symbol(2, 4), queries.price_ticker),
    Operation("avgPrice", "GET", "/api/v3/avgPrice", _NONE, _fixed(2), queries.average_price),
    Operation("order.place", "POST", "/api/v3/order", _TRADE, _fixed(1), trading.place, True, True),
    Operation("order.test", "POST", "/api/v3/order/test", _TRADE, _test_weight, trading.test_order),
    Operation("order.cancel", "DELETE", "/api/v3/order", _TRADE, _fixed(1), trading.cancel, True),
    Operation("order.status", "GET", "/api/v3/order", _READ, _fixed(4), queries.order_status),
    Operation(
        "order.cancelReplace",
        "POST",
        "/api/v3/order/cancelReplace",
        _TRADE,
        _fixed(1),
        trading.cancel_replace,
        True,
        True,
    ),
    Operation(
        "order.amend.keepPriority", "PUT", "/api/v3/order/amend/keepPriority", _TRADE, _fixed(4), trading.amend, True
    ),
    Operation("openOrders.status", "GET", "/api/v3/openOrders", _READ, _by_symbol(6, 80), queries.open_orders),
    Operation("openOrders.cancelAll", "DELETE", "/api/v3/openOrders", _TRADE, _fixed(1), trading.cancel_all, True),
    Operation(
        "orderList.place.oco", "POST", "/api/v3/orderList/oco", _TRADE, _fixed(1), list_entry.place_oco, True, True
    ),
    Operation(
        "orderList.place.oto", "POST", "/api/v3/orderList/oto", _TRADE, _fixed(1), list_entry.place_oto, True, True
    ),
    Operation(
        "orderList.place.otoco",
        "POST",
        "/api/v3/orderList/otoco",
        _TRADE,
        _fixed(1),
        list_entry.place_otoco,
        True,
        True,
    ),
    Operation("orderList.cancel", "DELETE", "/api/v3/orderList", _TRADE, _fixed(1), list_entry.cancel_list, True),
    Operation("orderList.status", "GET", "/api/v3/orderList", _READ, _fixed(4), list_entry.list_status),
    Operation("allOrders", "GET", "/api/v3/allOrders", _READ, _fixed(20), queries.all_orders),
    Operation("myTrades", "GET", "/api/v3/myTrades", _READ, _trades_weight, queries.my_trades),
    Operation("account.status", "GET", "/api/v3/account", _READ, _fixed(20), queries.account_status),
    Operation("", "GET", "/sapi/v1/account/apiRestrictions", _READ, _fixed(1), queries.key_restrictions),
    Operation("account.commission", "GET", "/api/v3/account/commission", _READ, _fixed(20), queries.commission),
    Operation("account.rateLimits.orders", "GET", "/api/v3/rateLimit/order", _READ, _fixed(40), queries.order_counts),
    Operation(
        "myPreventedMatches", "GET", "/api/v3/myPreventedMatches", _READ, _matches_weight, queries.prevented_matches
    ),
)

BY_WS_METHOD = {operation.ws_method: operation for operation in OPERATIONS if operation.ws_method}
BY_REST_PATH: dict[str, dict[str, Operation]] = {}
for _operation in OPERATIONS:
    BY_REST_PATH.setdefault(_operation.rest_path, {})[_operation.rest_method] = _operation


def perform(
    venue: Venue, operation: Operation, parameters: Parameters, wall_ns: int, authorize: Callable[[], Call]
) -> object:
    """Authorize and carry out a request, and charge its weight: order entry costs nothing when it succeeds."""
    weight = operation.weight(parameters)
    if not operation.is_order_entry:
        venue.limits.charge(weight, wall_ns)
    try:
        call = authorize()
        venue.observe(operation.ws_method, call)
        return operation.handle(venue, call)
    except ApiError:
        if operation.is_order_entry:
            venue.limits.charge(weight, wall_ns)
        raise
