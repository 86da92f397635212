"""Reading an order's parameters: REST's names become those of WebSocket v2, then one set of rules holds for both.

Every rule that the venue checks before its engine sees the order is here; funds, crossing and limits are not.
"""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.simulator.accounts import Account
from adapters.simulator.kraken.encoding import Ids, Number, client_id, parse_time, time_text
from adapters.simulator.kraken.errors import UNKNOWN_PAIR, ApiError, invalid
from adapters.simulator.kraken.orders import STP_TYPES, KrakenOrder
from adapters.simulator.listing import Listing
from engine.codes import Side, TimeInForce
from engine.errors import UsageError
from engine.instrument import NANOS, parse_decimal

__all__ = [
    "Moment",
    "Parameters",
    "check_deadline",
    "from_rest",
    "lots_of",
    "read_order",
    "read_symbol",
    "rest_integer",
    "ticks_of",
]

Parameters = Mapping[str, object]

#: Types that the venue has and this one does not: they need triggers or margin.
_NOT_OFFERED = (
    "stop-loss",
    "stop-loss-limit",
    "take-profit",
    "take-profit-limit",
    "trailing-stop",
    "trailing-stop-limit",
    "settle-position",
)
_TIMES_IN_FORCE = {
    "gtc": TimeInForce.GTC,
    "gtd": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
}
_DISPLAY_PARTS = 15
_MONTH_NS = 31 * 86_400 * NANOS
_DEADLINE_MAX_NS = 60 * NANOS
_INT32 = 2**31


class Moment(NamedTuple):
    """Now, on the actor's clock and in UTC; ``deadline_min_ns``: how soon a deadline may be (it differs by API)."""

    now_ns: int
    wall_ns: int
    deadline_min_ns: int


def read_symbol(listings: Mapping[str, Listing], parameters: Parameters) -> Listing:
    """Raises ApiError for a pair that is not listed."""
    symbol = parameters.get("symbol")
    listing = listings.get(symbol) if isinstance(symbol, str) else None
    if listing is None:
        raise ApiError(UNKNOWN_PAIR)
    return listing


def read_order(
    number: int, ids: Ids, account: Account, listing: Listing, parameters: Parameters, moment: Moment
) -> KrakenOrder:
    """An order that has not been placed yet. Raises ApiError."""
    order_type = _order_type(parameters)
    is_market = order_type == "market"
    side = {"buy": Side.BUY, "sell": Side.SELL}.get(str(parameters.get("side")))
    if side is None:
        raise invalid("side")
    name = str(parameters.get("time_in_force", "gtc"))
    if name not in _TIMES_IN_FORCE or (name == "fok" and is_market):
        raise invalid("time_in_force")
    post_only = _flag(parameters, "post_only")
    if post_only and (is_market or name in ("ioc", "fok")):
        raise invalid("post_only")
    for flag in ("margin", "reduce_only"):
        if _flag(parameters, flag):
            raise invalid(f"{flag}: this venue has no margin")
    quote_nanos = _cash(listing, parameters) if is_market and side is Side.BUY else 0
    price_ticks = 0 if is_market else ticks_of(listing, parameters.get("limit_price"))
    lots = 0 if quote_nanos else lots_of(listing, parameters.get("order_qty"))
    _check_cost(listing, price_ticks, lots, quote_nanos)
    stp = str(parameters.get("stp_type", "cancel_newest"))
    if stp not in STP_TYPES:
        raise invalid("stp_type")
    client_order_id, userref = _own_ids(parameters)
    display_lots = _display(listing, parameters, lots) if order_type == "iceberg" else 0
    if order_type != "iceberg" and "display_qty" in parameters:
        raise invalid("display_qty")
    return KrakenOrder(
        number=number,
        account=account,
        listing=listing,
        client_order_id=client_order_id,
        side=side,
        price_ticks=price_ticks,
        quantity_lots=lots,
        time_in_force=TimeInForce.IOC if is_market else _TIMES_IN_FORCE[name],
        post_only=post_only,
        stp_mode=STP_TYPES[stp],
        quote_nanos=quote_nanos,
        expires_wall_ns=_expiry(parameters, moment) if name == "gtd" else 0,
        display_lots=display_lots,
        order_id=ids.next("O"),
        userref=userref,
        time_in_force_name=name.upper(),
        fee_preference=_fee_preference(parameters),
    )


def check_deadline(parameters: Parameters, moment: Moment) -> None:
    """Raises ApiError for a deadline that has passed or is out of the allowed range."""
    if "deadline" not in parameters:
        return
    deadline_ns = parse_time(parameters["deadline"])
    if deadline_ns is None:
        raise invalid("deadline")
    if deadline_ns <= moment.wall_ns:
        raise ApiError("EService:Deadline elapsed")
    if not moment.deadline_min_ns <= deadline_ns - moment.wall_ns <= _DEADLINE_MAX_NS:
        raise invalid("deadline")


def lots_of(listing: Listing, value: object) -> int:
    """A quantity, not below the pair's smallest. Raises ApiError."""
    try:
        lots = listing.quantities.steps(_decimal(value, "Order_qty"))
    except UsageError:
        raise invalid("volume") from None
    if lots < max(1, listing.instrument.quantity_lots_min):
        raise invalid("volume minimum not met")
    if 0 < listing.instrument.quantity_lots_max < lots:
        raise invalid("volume")
    return lots


def ticks_of(listing: Listing, value: object) -> int:
    """A limit price on the pair's grid. Raises ApiError."""
    text = _decimal(value, "Limit_price")
    try:
        ticks = listing.prices.steps(text)
    except UsageError:
        raise ApiError("EOrder:Tick size check failed") from None
    most = listing.instrument.price_ticks_max
    if ticks < max(1, listing.instrument.price_ticks_min) or 0 < most < ticks:
        raise ApiError("EOrder:Invalid price")
    return ticks


def _order_type(parameters: Parameters) -> str:
    order_type = parameters.get("order_type")
    if order_type in ("limit", "market", "iceberg"):
        return str(order_type)
    raise invalid(f"order_type: {order_type} is not offered here" if order_type in _NOT_OFFERED else "order_type")


def _decimal(value: object, field: str) -> str:
    """The digits of a number. WebSocket sends JSON numbers, REST's have been made such."""
    if isinstance(value, Number) and "e" not in value.lower():
        return value.removeprefix("-") if value.strip("-0.") == "" else value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ApiError(f"{field} field must be a number_float")


def _cash(listing: Listing, parameters: Parameters) -> int:
    if "cash_order_qty" not in parameters:
        return 0
    units, scale = parse_decimal(_decimal(parameters["cash_order_qty"], "Cash_order_qty"))
    if units <= 0 or scale > listing.cost_decimals:
        raise invalid("cash_order_qty")
    return int(units * 10 ** (9 - scale))


def _check_cost(listing: Listing, price_ticks: int, lots: int, quote_nanos: int) -> None:
    least = listing.instrument.notional_tick_lots_min
    ticks = price_ticks or listing.market.last_trade_ticks
    too_small = quote_nanos < listing.cost_nanos(1, least) if quote_nanos else ticks > 0 and ticks * lots < least
    if too_small:
        raise ApiError("EOrder:Cost minimum not met")


def _own_ids(parameters: Parameters) -> tuple[str, int | None]:
    userref = parameters.get("order_userref")
    if "cl_ord_id" in parameters:
        if userref is not None:
            raise invalid("cl_ord_id and order_userref are mutually exclusive")
        own = client_id(parameters["cl_ord_id"])
        if own is None:
            raise invalid("cl_ord_id")
        return own, None
    if userref is not None and (type(userref) is not int or not -_INT32 <= userref < _INT32):
        raise invalid("order_userref")
    return "", userref if isinstance(userref, int) else None


def _display(listing: Listing, parameters: Parameters, lots: int) -> int:
    """At least one fifteenth of the order is shown."""
    display_lots = lots_of(listing, parameters.get("display_qty"))
    if display_lots > lots or display_lots * _DISPLAY_PARTS < lots:
        raise invalid("display_qty")
    return display_lots


def _expiry(parameters: Parameters, moment: Moment) -> int:
    expires_ns = parse_time(parameters.get("expire_time"))
    if expires_ns is None or not moment.wall_ns < expires_ns <= moment.wall_ns + _MONTH_NS:
        raise invalid("expire_time")
    return expires_ns


def _fee_preference(parameters: Parameters) -> str:
    preference = parameters.get("fee_preference", "quote")
    if preference not in ("base", "quote"):
        raise invalid("fee_preference")
    return "fcib" if preference == "base" else "fciq"


def _flag(parameters: Parameters, name: str) -> bool:
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise invalid(name)
    return value


# -- REST --------------------------------------------------------------------------------------------------------

_REST_NAMES = {
    "ordertype": "order_type",
    "type": "side",
    "cl_ord_id": "cl_ord_id",
    "deadline": "deadline",
}


def from_rest(form: Mapping[str, str], symbol: str | None, wall_ns: int) -> dict[str, object]:
    """AddOrder's fields as ``add_order`` has them. Raises ApiError for what cannot be put so."""
    found: dict[str, object] = {name: form[rest] for rest, name in _REST_NAMES.items() if rest in form}
    found["symbol"] = symbol
    flags = {flag for flag in form.get("oflags", "").split(",") if flag}
    if flags - {"post", "fcib", "fciq", "viqc", "nompp"}:
        raise invalid("oflags")
    if "price" in form and form.get("ordertype") != "market":
        found["limit_price"] = Number(form["price"])
    if "displayvol" in form:
        found["display_qty"] = Number(form["displayvol"])
    if "volume" in form:
        found["cash_order_qty" if "viqc" in flags else "order_qty"] = Number(form["volume"])
    if "post" in flags:
        found["post_only"] = True
    if "fcib" in flags:
        found["fee_preference"] = "base"
    if "timeinforce" in form:
        found["time_in_force"] = form["timeinforce"].lower()
    if "stptype" in form:
        found["stp_type"] = form["stptype"].replace("-", "_")
    if form.get("expiretm", "0") != "0":
        found["expire_time"] = _rest_expiry(form["expiretm"], wall_ns)
        found.setdefault("time_in_force", "gtd")
    if form.get("userref", "0") != "0":
        found["order_userref"] = rest_integer(form, "userref")
    if form.get("leverage", "none") != "none" or form.get("reduce_only", "false") != "false":
        found["margin"] = True
    return found


def rest_integer(form: Mapping[str, str], name: str) -> int:
    """Raises ApiError unless the field is a whole number."""
    text = form.get(name, "")
    if not text.removeprefix("-").isdigit() or not text.isascii() or len(text) > 20:
        raise invalid(name)
    return int(text)


def _rest_expiry(text: str, wall_ns: int) -> str:
    digits = text.removeprefix("+")
    if not digits.isdigit() or not digits.isascii() or len(digits) > 12:
        raise invalid("expiretm")
    return time_text(wall_ns + int(digits) * NANOS if text.startswith("+") else int(digits) * NANOS)
