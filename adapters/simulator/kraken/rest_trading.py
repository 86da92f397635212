"""REST with a key, acting: new orders, amends, cancels, the dead man's switch."""

from collections.abc import Sequence

from adapters.simulator.kraken.auth import Credential
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import Number, time_text
from adapters.simulator.kraken.errors import UNKNOWN_PAIR, ApiError, invalid
from adapters.simulator.kraken.order_entry import from_rest, rest_integer
from adapters.simulator.kraken.orders import KrakenOrder, order_text
from adapters.simulator.kraken.rest_public import Form

__all__ = [
    "add_order",
    "add_order_batch",
    "amend_order",
    "cancel_all",
    "cancel_all_orders_after",
    "cancel_order",
    "cancel_order_batch",
    "edit_order",
]

_AMENDABLE = {"cl_ord_id": str, "order_qty": Number, "limit_price": Number, "deadline": str}


def _symbol(venue: Venue, form: Form) -> str:
    symbol = venue.names.symbol(form.get("pair", ""))
    if symbol is None:
        raise ApiError(UNKNOWN_PAIR)
    return symbol


def _is_true(form: Form, name: str) -> bool:
    return form.get(name, "false").lower() in ("true", "1")


def add_order(venue: Venue, credential: Credential, form: Form) -> object:
    parameters = from_rest(form, _symbol(venue, form), venue.wall_ns)
    only = _is_true(form, "validate")
    order = venue.trading.add(venue.customer(credential), parameters, venue.rest_moment(), only)
    answer: dict[str, object] = {"descr": {"order": _describe(venue, order)}}
    return answer if only else {**answer, "txid": [order.order_id]}


def _describe(venue: Venue, order: KrakenOrder) -> str:
    return order_text(order, venue.names[order.listing.symbol])


def add_order_batch(venue: Venue, credential: Credential, form: Form, orders: Sequence[Form]) -> object:
    symbol, moment = _symbol(venue, form), venue.rest_moment()
    read = [from_rest(each, symbol, venue.wall_ns) for each in orders]
    common = {"deadline": form["deadline"]} if "deadline" in form else {}
    only = _is_true(form, "validate")
    placed = venue.trading.add_batch(venue.customer(credential), symbol, read, common, moment, only)
    rows: list[dict[str, object]] = []
    for row in placed:
        if isinstance(row, ApiError):
            rows.append({"error": row.text})
        else:
            described: dict[str, object] = {"descr": {"order": _describe(venue, row)}}
            rows.append(described if only else {**described, "txid": row.order_id})
    return {"orders": rows}


def amend_order(venue: Venue, credential: Credential, form: Form) -> object:
    parameters: dict[str, object] = {name: kind(form[name]) for name, kind in _AMENDABLE.items() if name in form}
    if "txid" in form:
        parameters["order_id"] = form["txid"]
    if "post_only" in form:
        parameters["post_only"] = _is_true(form, "post_only")
    _, amend_id = venue.trading.amend(venue.customer(credential), parameters, venue.rest_moment())
    return {"amend_id": amend_id}


def edit_order(venue: Venue, credential: Credential, form: Form) -> object:
    symbol = _symbol(venue, form)
    parameters = from_rest(form, symbol, venue.wall_ns)
    parameters["order_id"] = form.get("txid")
    new, old = venue.trading.edit(venue.customer(credential), parameters, venue.rest_moment())
    return {
        "status": "ok",
        "txid": new.order_id,
        "originaltxid": old.order_id,
        "volume": new.listing.quantity_text(new.quantity_lots),
        "price": new.listing.price_text(new.price_ticks),
        "orders_cancelled": 1,
        "descr": {"order": _describe(venue, new)},
    }


def cancel_order(venue: Venue, credential: Credential, form: Form) -> object:
    customer, moment = venue.customer(credential), venue.rest_moment()
    if "cl_ord_id" in form:
        venue.trading.cancel(customer, "cl_ord_id", form["cl_ord_id"], moment)
    elif "txid" in form:
        venue.trading.cancel(customer, *_reference(form["txid"]), moment)
    else:
        raise invalid("txid")
    return {"count": 1}


def _reference(text: str) -> tuple[str, object]:
    """A transaction id, or a user reference if it is a number."""
    is_userref = text.removeprefix("-").isdigit() and text.isascii()
    return ("order_userref", int(text)) if is_userref else ("order_id", text)


def cancel_order_batch(venue: Venue, credential: Credential, orders: list[str], own: list[str]) -> object:
    references = [_reference(text) for text in orders] + [("cl_ord_id", text) for text in own]
    return {"count": venue.trading.cancel_batch(venue.customer(credential), references, venue.rest_moment())}


def cancel_all(venue: Venue, credential: Credential, form: Form) -> object:
    return {"count": venue.trading.cancel_all(venue.customer(credential), venue.rest_moment())}


def cancel_all_orders_after(venue: Venue, credential: Credential, form: Form) -> object:
    timeout = rest_integer(form, "timeout")
    trigger_ns = venue.trading.arm(venue.customer(credential), timeout, venue.rest_moment())
    return {
        "currentTime": time_text(venue.wall_ns),
        "triggerTime": time_text(trigger_ns) if trigger_ns else "0",
    }
