"""Reading a new order: one configuration out of the venue's, checked against its product. Funds and crossing are not.

What the venue has and this one cannot do (TWAP, scaled orders, attached orders, margin, market orders that fill whole
or not at all) is refused as an order that the product does not take.
"""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.simulator.coinbase.encoding import check_fields, parse_time
from adapters.simulator.coinbase.errors import UNSUPPORTED, HttpError, OrderRefused, proto, refusal
from adapters.simulator.coinbase.orders import Trigger
from adapters.simulator.coinbase.settings import VenueOptions
from adapters.simulator.listing import Listing
from engine.codes import Side, TimeInForce
from engine.errors import UsageError
from engine.instrument import NANOS, parse_decimal

__all__ = [
    "CREATE_FIELDS",
    "PREVIEW_FIELDS",
    "Terms",
    "Trader",
    "read_configuration",
    "read_side",
    "read_terms",
    "text",
]

Fields = Mapping[str, object]

_ORDER_FIELDS = (
    "product_id",
    "side",
    "order_configuration",
    "leverage",
    "margin_type",
    "retail_portfolio_id",
    "attached_order_configuration",
    "sor_preference",
    "cost_basis_method",
    "prediction_metadata",
)
CREATE_FIELDS = (*_ORDER_FIELDS, "client_order_id", "preview_id")
PREVIEW_FIELDS = (*_ORDER_FIELDS,)

_SIZES = ("base_size", "quote_size", "rfq_disabled")
_CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "market_market_ioc": _SIZES,
    "market_market_fok": _SIZES,
    "sor_limit_ioc": (*_SIZES, "limit_price"),
    "limit_limit_gtc": (*_SIZES, "limit_price", "post_only"),
    "limit_limit_gtd": (*_SIZES, "limit_price", "post_only", "end_time"),
    "limit_limit_fok": (*_SIZES, "limit_price"),
    "stop_limit_stop_limit_gtc": ("base_size", "limit_price", "stop_price", "stop_direction"),
    "stop_limit_stop_limit_gtd": ("base_size", "limit_price", "stop_price", "stop_direction", "end_time"),
    "trigger_bracket_gtc": ("base_size", "limit_price", "stop_trigger_price"),
    "trigger_bracket_gtd": ("base_size", "limit_price", "stop_trigger_price", "end_time"),
    "twap_limit_gtd": (
        *("base_size", "quote_size", "start_time", "end_time", "limit_price"),
        *("number_buckets", "bucket_size", "bucket_duration"),
    ),
    "scaled_limit_gtc": (
        *("orders", "base_size", "quote_size", "num_orders", "min_price", "max_price"),
        *("price_distribution", "size_distribution", "size_diff", "size_ratio"),
    ),
}
_NOT_OFFERED = ("market_market_fok", "twap_limit_gtd", "scaled_limit_gtc")
_FLAGS = ("post_only", "rfq_disabled")
_DIRECTIONS = {"STOP_DIRECTION_STOP_UP": True, "STOP_DIRECTION_STOP_DOWN": False}
_DAY_NS = 86_400 * NANOS
_PPM = 1_000_000
_PERCENT = 100
#: How much worse than its trigger a bracket's stop may execute.
_BRACKET_PERCENT = 5


class Trader(NamedTuple):
    """For whom, when, and under which rules an order is read."""

    taker_fee_ppm: int
    wall_ns: int
    options: VenueOptions


class Terms(NamedTuple):
    """What an order is, in steps of its product. ``quote_nanos``: it is for an amount of quote asset, fees not in it;
    then ``quantity_lots`` is 0 for a market order."""

    kind: str
    time_in_force: TimeInForce
    time_in_force_name: str
    price_ticks: int
    quantity_lots: int
    quote_nanos: int = 0
    worst_ticks: int = 0
    post_only: bool = False
    trigger: Trigger | None = None
    expires_wall_ns: int = 0


def text(fields: Fields, name: str) -> str:
    """A field that is text; "" when it is missing. Raises HttpError for any other kind of value."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise proto(f"(line 1:1): invalid value for string field {name}: {value}")
    return value


def read_side(fields: Fields) -> Side:
    """Raises HttpError for a side that there is not, OrderRefused for none."""
    side = text(fields, "side")
    if side in ("BUY", "SELL"):
        return Side[side]
    if side in ("", "UNKNOWN_ORDER_SIDE"):
        raise refusal("INVALID_SIDE")
    raise proto(f'(line 1:1): invalid value for enum field side: "{side}"')


def read_configuration(fields: Fields, body: bytes) -> tuple[str, dict[str, object]]:
    """The one configuration and its fields. Raises HttpError, and OrderRefused for one that is not offered."""
    found = fields.get("order_configuration")
    if found is None:
        raise OrderRefused(UNSUPPORTED)
    if not isinstance(found, dict):
        raise proto("syntax error (line 1:1): unexpected token")
    check_fields(found, _CONFIGURATIONS, body)
    if len(found) != 1:
        raise (
            proto("(line 1:1): error parsing order_configuration, oneof is already set")
            if found
            else OrderRefused(UNSUPPORTED)
        )
    ((name, shape),) = found.items()
    if not isinstance(shape, dict):
        raise proto("syntax error (line 1:1): unexpected token")
    check_fields(shape, _CONFIGURATIONS[name], body)
    for flag in _FLAGS:
        if not isinstance(shape.get(flag, False), bool):
            raise proto(f"(line 1:1): invalid value for bool field {flag}: {shape[flag]}")
    if name in _NOT_OFFERED or any(fields.get(each) for each in ("leverage", "attached_order_configuration")):
        raise OrderRefused(UNSUPPORTED)
    if text(fields, "margin_type") not in ("", "UNKNOWN_MARGIN_TYPE"):
        raise OrderRefused(UNSUPPORTED)
    return name, shape


def read_terms(listing: Listing, side: Side, name: str, shape: Fields, trader: Trader) -> Terms:
    """The terms of one configuration. Raises HttpError or OrderRefused."""
    if name == "market_market_ioc":
        return _market(listing, side, shape, trader)
    price_ticks = _price(listing, shape, "limit_price")
    lots, quote_nanos = _size(listing, shape, price_ticks)
    _check_value(listing, listing.cost_nanos(price_ticks, lots))
    in_force, in_force_name = TimeInForce.GTC, "GOOD_UNTIL_CANCELLED"
    if name == "sor_limit_ioc":
        in_force, in_force_name = TimeInForce.IOC, "IMMEDIATE_OR_CANCEL"
    elif name == "limit_limit_fok":
        in_force, in_force_name = TimeInForce.FOK, "FILL_OR_KILL"
    expires_wall_ns = 0
    if name.endswith("_gtd"):
        in_force_name, expires_wall_ns = "GOOD_UNTIL_DATE_TIME", _end_time(shape, trader)
    kind, trigger = "LIMIT", None
    if name.startswith("stop_limit"):
        kind, trigger = "STOP_LIMIT", _stop(listing, shape, price_ticks)
    elif name.startswith("trigger_bracket"):
        kind, trigger = "BRACKET", _bracket(listing, side, shape, price_ticks)
    post_only = bool(shape.get("post_only", False))
    return Terms(kind, in_force, in_force_name, price_ticks, lots, quote_nanos, 0, post_only, trigger, expires_wall_ns)


# -- kinds ---------------------------------------------------------------------------------------------------------


def _market(listing: Listing, side: Side, shape: Fields, trader: Trader) -> Terms:
    """By size, or, to buy, by an amount that pays for the fee too. It stops where the venue's price protection does."""
    last = listing.market.last_trade_ticks
    if not last:  # nothing traded yet: from the best price that there is
        bid, _, ask, _ = listing.market.best()
        last = ask if side is Side.BUY else bid
    off = last * trader.options.protection_percent // _PERCENT
    worst = last + off if side is Side.BUY else max(1, last - off)
    lots, quote_nanos = 0, 0
    if text(shape, "quote_size"):
        if side is Side.SELL:
            raise OrderRefused(UNSUPPORTED)
        quote_nanos = _by_amount(listing, shape) * _PPM // (_PPM + trader.taker_fee_ppm)
    else:
        lots, _ = _size(listing, shape, 0)
        if not last:
            raise refusal("INVALID_NO_LIQUIDITY")
        _check_value(listing, listing.cost_nanos(last, lots))
    in_force = TimeInForce.IOC
    return Terms("MARKET", in_force, "IMMEDIATE_OR_CANCEL", 0, lots, quote_nanos, worst_ticks=worst)


def _stop(listing: Listing, shape: Fields, limit_ticks: int) -> Trigger:
    """It has to wait, and be able to execute once it does not."""
    stop_ticks = _price(listing, shape, "stop_price", "PREVIEW_INVALID_STOP_PRICE")
    direction = text(shape, "stop_direction")
    if direction not in _DIRECTIONS:
        if direction not in ("", "UNKNOWN_STOP_DIRECTION"):
            raise proto(f'(line 1:1): invalid value for enum field stop_direction: "{direction}"')
        raise OrderRefused(UNSUPPORTED)
    trigger = Trigger(stop_ticks, _DIRECTIONS[direction], limit_ticks)
    _check_waits(listing, trigger)
    return trigger


def _bracket(listing: Listing, side: Side, shape: Fields, limit_ticks: int) -> Trigger:
    """The stop of a bracket lies on the other side of the market than its limit."""
    stop_ticks = _price(listing, shape, "stop_trigger_price", "PREVIEW_INVALID_STOP_PRICE")
    off = stop_ticks * _BRACKET_PERCENT // _PERCENT
    if side is Side.BUY:
        if stop_ticks <= limit_ticks:
            raise refusal("PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")
        trigger = Trigger(stop_ticks, True, stop_ticks + off)
    else:
        if stop_ticks >= limit_ticks:
            raise refusal("PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")
        trigger = Trigger(stop_ticks, False, max(1, stop_ticks - off))
    _check_waits(listing, trigger)
    return trigger


def _check_waits(listing: Listing, trigger: Trigger) -> None:
    """A stop that the last trade has reached already would be an order at once."""
    last = listing.market.last_trade_ticks
    if trigger.is_up and 0 < trigger.stop_ticks <= last:
        raise refusal("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")
    if not trigger.is_up and 0 < last <= trigger.stop_ticks:
        raise refusal("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")


# -- fields --------------------------------------------------------------------------------------------------------


def _positive(shape: Fields, name: str) -> str:
    """Decimal text above 0. Raises HttpError for what is no number."""
    value = text(shape, name)
    try:
        units, _ = parse_decimal(value, name)
    except UsageError:
        raise _not_a_number(name, value) from None
    return value if units > 0 else ""


def _not_a_number(name: str, value: str) -> HttpError:
    return proto(f'(line 1:1): invalid value for string field {name}: "{value}"')


def _price(listing: Listing, shape: Fields, name: str, wrong: str = "INVALID_LIMIT_PRICE") -> int:
    value = _positive(shape, name) if text(shape, name) else ""
    if not value:
        raise refusal(wrong)
    try:
        return listing.prices.steps(value)
    except UsageError:
        raise refusal("INVALID_PRICE_PRECISION") from None


def _size(listing: Listing, shape: Fields, price_ticks: int) -> tuple[int, int]:
    """(lots, amount of quote asset or 0) of an order that has a price, or is by size."""
    if bool(text(shape, "base_size")) == bool(text(shape, "quote_size")):
        raise OrderRefused(UNSUPPORTED)
    if text(shape, "quote_size"):
        quote_nanos = _by_amount(listing, shape)
        lots = listing.lots_for(price_ticks, quote_nanos)
    else:
        quote_nanos = 0
        lots = _base_lots(listing, shape)
    instrument = listing.instrument
    if lots < max(1, instrument.quantity_lots_min):
        raise refusal("PREVIEW_INVALID_BASE_SIZE_TOO_SMALL")
    if 0 < instrument.quantity_lots_max < lots:
        raise refusal("PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")
    return lots, quote_nanos


def _base_lots(listing: Listing, shape: Fields) -> int:
    value = _positive(shape, "base_size")
    try:
        return listing.quantities.steps(value) if value else 0
    except UsageError:
        raise refusal("INVALID_SIZE_PRECISION") from None


def _by_amount(listing: Listing, shape: Fields) -> int:
    """An amount of quote asset in nanos: a multiple of the quote's increment and worth an order."""
    if text(shape, "base_size"):
        raise OrderRefused(UNSUPPORTED)
    value = _positive(shape, "quote_size") or "0"
    try:
        ticks = listing.prices.steps(value)
    except UsageError:
        raise refusal("PREVIEW_INVALID_QUOTE_SIZE_PRECISION") from None
    instrument = listing.instrument
    nanos: int = ticks * instrument.tick_units * NANOS // 10**instrument.price_scale
    _check_value(listing, nanos)
    return nanos


def _check_value(listing: Listing, nanos: int) -> None:
    """Raises OrderRefused for what is worth less, or more, than the product takes."""
    instrument = listing.instrument
    if nanos < listing.cost_nanos(1, instrument.notional_tick_lots_min):
        raise refusal("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")
    most = instrument.notional_tick_lots_max
    if most > 0 and nanos > listing.cost_nanos(1, most):
        raise refusal("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE")


def _end_time(shape: Fields, trader: Trader) -> int:
    if not text(shape, "end_time"):
        raise refusal("GTD_ORDERS_MUST_HAVE_END_TIME")
    end_ns = parse_time(text(shape, "end_time"))
    if end_ns is None:
        raise proto("(line 1:1): invalid value for google.protobuf.Timestamp field end_time")
    if end_ns <= trader.wall_ns:
        raise refusal("END_TIME_IS_IN_THE_PAST")
    if end_ns > trader.wall_ns + trader.options.end_time_days_max * _DAY_NS:
        raise refusal("END_TIME_TOO_FAR_IN_FUTURE")
    return end_ns
