"""REST with a key: orders and fills, those of now and those of before."""

from collections.abc import Iterator

from adapters.simulator.client_order import Fill
from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.errors import argument, not_found
from adapters.simulator.coinbase.orders import CoinbaseOrder, rest_fill, rest_order
from adapters.simulator.coinbase.rest_request import Query

__all__ = ["fills", "order", "orders"]

_ORDERS_MAX = 1_000
_FILLS, _FILLS_MAX = 100, 1_000
_STATUSES = (
    *("PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED"),
    *("UNKNOWN_ORDER_STATUS", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"),
)
_OPEN_STATUSES = frozenset(("PENDING", "OPEN", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"))
_FOREVER_NS = 2**63


def order(venue: Venue, credential: Credential, query: Query) -> object:
    query.allow(("client_order_id", "user_native_currency"))
    found = venue.trading.by_order_id(credential.account, query.part)
    if found is None or not venue.finds(found):
        raise not_found("order with this orderID was not found")
    return {"order": rest_order(found, venue.portfolios[credential.account])}


# -- orders --------------------------------------------------------------------------------------------------------


def orders(venue: Venue, credential: Credential, query: Query) -> object:
    """The latest first; the cursor is the number of the last order of the page before, so that new ones move nothing.

    OPEN cannot be asked for together with other states.
    """
    query.allow(
        (
            *("order_ids", "product_ids", "product_type", "order_status", "time_in_forces", "order_types"),
            *("order_side", "start_date", "end_date", "limit", "cursor", "retail_portfolio_id"),
        )
    )
    limit, cursor = query.count("limit", _ORDERS_MAX, _ORDERS_MAX), query.number("cursor")
    found: list[CoinbaseOrder] = []
    has_next = False
    for each in _matching(venue, credential, query):
        if cursor and each.number >= cursor:
            continue
        if len(found) == limit:
            has_next = True
            break
        found.append(each)
    portfolio = venue.portfolios[credential.account]
    return {
        "orders": [rest_order(each, portfolio) for each in found],
        "sequence": "0",
        "has_next": has_next,
        "cursor": str(found[-1].number) if has_next else "",
    }


def _matching(venue: Venue, credential: Credential, query: Query) -> Iterator[CoinbaseOrder]:
    statuses = query.texts("order_status")
    if any(each not in _STATUSES for each in statuses):
        raise argument("invalid order_status")
    if "OPEN" in statuses and len(set(statuses)) > 1:
        raise argument("OPEN cannot be combined with other order_status values")
    if query.text("product_type") not in ("", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
        return
    ids, products = query.texts("order_ids"), query.texts("product_ids")
    kinds, in_force = query.texts("order_types"), query.texts("time_in_forces")
    side = query.text("order_side")
    start_ns, end_ns = query.time_ns("start_date", 0), query.time_ns("end_date", _FOREVER_NS)
    for each in _known(venue, credential.account, statuses, ids):
        if (
            venue.finds(each)
            and (not statuses or each.status in statuses)
            and (not products or each.listing.symbol in products)
            and (not kinds or each.kind in kinds)
            and (not in_force or each.time_in_force_name in in_force)
            and (not side or each.side.name == side)
            and start_ns <= each.created_wall_ns <= end_ns
        ):
            yield each


def _known(venue: Venue, account: str, statuses: list[str], ids: list[str]) -> list[CoinbaseOrder]:
    """The latest first. Who asks for open orders, or names some, does not wait for a search through all of them."""
    shelf = venue.exchange.orders
    if ids:
        found = [each for order_id in ids if (each := venue.trading.by_order_id(account, order_id)) is not None]
    else:
        found = shelf.open(account)
        if not statuses or not _OPEN_STATUSES.issuperset(statuses):
            found += shelf.ended(account)
    return sorted(found, key=lambda order: -order.number)


# -- fills ---------------------------------------------------------------------------------------------------------


def fills(venue: Venue, credential: Credential, query: Query) -> object:
    """The latest first; there is a cursor as long as there are fills, as the venue has it, on the last page too."""
    query.allow(
        (
            *("order_ids", "trade_ids", "product_ids", "start_sequence_timestamp", "end_sequence_timestamp"),
            *("limit", "cursor", "retail_portfolio_id"),
        )
    )
    limit, cursor = query.count("limit", _FILLS, _FILLS_MAX), query.number("cursor")
    found: list[tuple[CoinbaseOrder, Fill]] = []
    for each, fill in _matching_fills(venue, credential, query):
        if cursor and each.notes[fill.trade_id].wall_ns >= cursor:
            continue
        if len(found) == limit:
            break
        found.append((each, fill))
    portfolio = venue.portfolios[credential.account]
    last = found[-1][0].notes[found[-1][1].trade_id].wall_ns if found else 0
    return {
        "fills": [rest_fill(each, fill, portfolio) for each, fill in found],
        "cursor": str(last) if found else "",
    }


def _matching_fills(venue: Venue, credential: Credential, query: Query) -> Iterator[tuple[CoinbaseOrder, Fill]]:
    ids, trades, products = query.texts("order_ids"), query.texts("trade_ids"), query.texts("product_ids")
    start_ns = query.time_ns("start_sequence_timestamp", 0)
    end_ns = query.time_ns("end_sequence_timestamp", _FOREVER_NS)
    known = list(venue.exchange.orders.fills(credential.account))
    if ids:
        named = _known(venue, credential.account, [], list(dict.fromkeys(ids)))
        known = [(order, fill) for order in named for fill in order.fills]
        known.sort(key=lambda each: each[0].notes[each[1].trade_id].wall_ns)
    for order, fill in reversed(known):
        note = order.notes[fill.trade_id]
        if (
            venue.wall_ns - fill.wall_ns >= venue.options.fills_lag_ns
            and (not trades or note.trade_id in trades)
            and (not products or order.listing.symbol in products)
            and start_ns <= note.wall_ns <= end_ns
        ):
            yield order, fill
