"""Order entry over WebSocket: what each method makes of its parameters and answers."""

from collections.abc import Callable, Mapping

from adapters.simulator.kraken.auth import Credential
from adapters.simulator.kraken.channels import Outcome
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import time_text
from adapters.simulator.kraken.errors import ApiError, invalid
from adapters.simulator.kraken.orders import KrakenOrder

__all__ = ["FIELDS", "METHODS"]

Parameters = Mapping[str, object]
_USERREF_DIGITS = 11
_CANCEL_KINDS = ("order_id", "cl_ord_id", "order_userref")
_ORDER_FIELDS = (
    "order_type",
    "side",
    "order_qty",
    "cash_order_qty",
    "limit_price",
    "limit_price_type",
    "time_in_force",
    "post_only",
    "reduce_only",
    "margin",
    "expire_time",
    "display_qty",
    "cl_ord_id",
    "order_userref",
    "fee_preference",
    "stp_type",
    "no_mpp",
)


def _names(order: KrakenOrder) -> dict[str, object]:
    names: dict[str, object] = {"order_id": order.order_id}
    if order.client_order_id:
        names["cl_ord_id"] = order.client_order_id
    if order.userref is not None:
        names["order_userref"] = order.userref
    return names


def _add(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("modify-trades")
    only = parameters.get("validate", False)
    if not isinstance(only, bool):
        raise invalid("validate")
    order = venue.trading.add(venue.customer(credential), parameters, venue.socket_moment(), only)
    return [Outcome({**_names(order), "order_id": ""} if only else _names(order))]


def _amend(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("modify-trades")
    order, amend_id = venue.trading.amend(venue.customer(credential), parameters, venue.socket_moment())
    named = "cl_ord_id" if "cl_ord_id" in parameters else "order_id"
    return [Outcome({"amend_id": amend_id, named: _names(order)[named]})]


def _edit(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("modify-trades")
    new, old = venue.trading.edit(venue.customer(credential), parameters, venue.socket_moment())
    return [Outcome({"order_id": new.order_id, "original_order_id": old.order_id})]


def _cancel(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    """One answer per order named."""
    credential.permit("close-trades", "modify-trades")
    customer, moment = venue.customer(credential), venue.socket_moment()
    named = [(kind, value) for kind in _CANCEL_KINDS if kind in parameters for value in _list(parameters, kind)]
    if not named:
        raise invalid("order_id")
    outcomes = []
    for kind, value in named:
        try:
            venue.trading.cancel(customer, kind, value, moment)
        except ApiError as error:
            outcomes.append(Outcome(None, error.text))
        else:
            outcomes.append(Outcome({kind: value}))
    return outcomes


def _list(parameters: Parameters, name: str) -> list[object]:
    value = parameters.get(name, [])
    if not isinstance(value, list):
        raise invalid(name)
    return value


def _cancel_all(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("close-trades", "modify-trades")
    return [Outcome({"count": venue.trading.cancel_all(venue.customer(credential), venue.socket_moment())})]


def _batch_cancel(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("close-trades", "modify-trades")
    references: list[tuple[str, object]] = []
    for value in _list(parameters, "orders"):
        text = value if isinstance(value, str) else str(value) if type(value) is int else ""
        is_userref = len(text) <= _USERREF_DIGITS and text.removeprefix("-").isdecimal()
        references.append(("order_userref", int(text)) if is_userref else ("order_id", value))
    references += [("cl_ord_id", value) for value in _list(parameters, "cl_ord_id")]
    count = venue.trading.cancel_batch(venue.customer(credential), references, venue.socket_moment())
    return [Outcome({"count": count})]


def _batch_add(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("modify-trades")
    orders = _list(parameters, "orders")
    for order in orders:
        if not isinstance(order, dict):
            raise invalid("orders")
        if unknown := next((name for name in order if name not in _ORDER_FIELDS), None):
            raise ApiError(f"Unsupported field: '{unknown}' for the given msg type: batch_add")
    only = parameters.get("validate", False) is True
    rows = [order for order in orders if isinstance(order, dict)]
    moment, symbol = venue.socket_moment(), parameters.get("symbol")
    placed = venue.trading.add_batch(venue.customer(credential), symbol, rows, parameters, moment, only)
    results: list[object] = [{"error": row.text} if isinstance(row, ApiError) else _names(row) for row in placed]
    failed = next((row.text for row in placed if isinstance(row, ApiError)), "")
    return [Outcome({"": results}, failed)]


def _after(venue: Venue, credential: Credential, parameters: Parameters) -> list[Outcome]:
    credential.permit("close-trades", "modify-trades")
    trigger_ns = venue.trading.arm(venue.customer(credential), parameters.get("timeout"), venue.socket_moment())
    trigger = time_text(trigger_ns) if trigger_ns else "0"
    return [Outcome({"currentTime": time_text(venue.wall_ns), "triggerTime": trigger})]


#: method → what does it. The parameters' token has been checked.
METHODS: dict[str, Callable[[Venue, Credential, Parameters], list[Outcome]]] = {
    "add_order": _add,
    "amend_order": _amend,
    "edit_order": _edit,
    "cancel_order": _cancel,
    "cancel_all": _cancel_all,
    "batch_add": _batch_add,
    "batch_cancel": _batch_cancel,
    "cancel_all_orders_after": _after,
}

#: Fields of each method; any other is refused by name.
FIELDS: dict[str, frozenset[str]] = {
    "add_order": frozenset((*_ORDER_FIELDS, "symbol", "deadline", "validate", "token")),
    "amend_order": frozenset(
        (
            "order_id",
            "cl_ord_id",
            "order_qty",
            "limit_price",
            "limit_price_type",
            "post_only",
            "deadline",
            "symbol",
            "token",
        )
    ),
    "edit_order": frozenset(("order_id", "order_qty", "limit_price", "post_only", "deadline", "symbol", "token")),
    "cancel_order": frozenset((*_CANCEL_KINDS, "token")),
    "cancel_all": frozenset(("token",)),
    "batch_add": frozenset(("symbol", "orders", "deadline", "validate", "token")),
    "batch_cancel": frozenset(("orders", "cl_ord_id", "token")),
    "cancel_all_orders_after": frozenset(("timeout", "token")),
}
