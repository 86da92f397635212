"""REST with a key, reading: the key itself, balances, orders, trades, fees."""

from collections.abc import Iterable
from typing import NamedTuple

from adapters.simulator.client_order import Fill
from adapters.simulator.kraken.auth import Credential
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import client_id
from adapters.simulator.kraken.errors import UNKNOWN_ORDER, ApiError, invalid
from adapters.simulator.kraken.fees import trade_volume
from adapters.simulator.kraken.names import rest_asset
from adapters.simulator.kraken.order_entry import rest_integer
from adapters.simulator.kraken.orders import KrakenOrder, rest_amendment, rest_order, rest_trade
from adapters.simulator.kraken.rest_public import Form, listings_named
from engine.instrument import NANOS, decimal_text, parse_decimal

__all__ = [
    "balance",
    "balance_extended",
    "closed_orders",
    "key_info",
    "open_orders",
    "order_amends",
    "query_orders",
    "query_trades",
    "trades_history",
    "volume",
    "websockets_token",
]

_PAGE = 50
_TXIDS_MAX = 50
_DECIMALS = 9


def key_info(venue: Venue, credential: Credential, form: Form) -> object:
    return {
        "apiKey": credential.api_key,
        "apiKeyName": credential.account,
        "nonce": str(credential.highest_nonce),
        "nonceWindow": credential.nonce_window,
        "permissions": sorted(credential.permissions),
    }


def websockets_token(venue: Venue, credential: Credential, form: Form) -> object:
    token = venue.tokens.issue(credential, venue.now_ns)
    return {"token": token.text, "expires": venue.options.token_life_ns // NANOS}


def balance(venue: Venue, credential: Credential, form: Form) -> object:
    account = venue.exchange.accounts[credential.account]
    return {
        rest_asset(asset): decimal_text(held.free_nanos + held.locked_nanos, _DECIMALS)
        for asset, held in sorted(account.balances.items())
    }


def balance_extended(venue: Venue, credential: Credential, form: Form) -> object:
    account = venue.exchange.accounts[credential.account]
    return {
        rest_asset(asset): {
            "balance": decimal_text(held.free_nanos + held.locked_nanos, _DECIMALS),
            "hold_trade": decimal_text(held.locked_nanos, _DECIMALS),
        }
        for asset, held in sorted(account.balances.items())
    }


def volume(venue: Venue, credential: Credential, form: Form) -> object:
    account = venue.exchange.accounts[credential.account]
    pairs = [venue.names[listing.symbol] for listing in listings_named(venue, form.get("pair"))]
    traded = sum(fill.cost_nanos for _, fill in venue.exchange.orders.fills(account.name))
    return trade_volume(account, pairs, decimal_text(traded // 100_000, 4))


# -- orders ------------------------------------------------------------------------------------------------------


def open_orders(venue: Venue, credential: Credential, form: Form) -> object:
    orders = _filtered(venue, venue.exchange.orders.open(credential.account), form)
    return {"open": _shown(venue, orders, form)}


def closed_orders(venue: Venue, credential: Credential, form: Form) -> object:
    """The latest first, 50 at a time from ``ofs``; ``start`` and ``end`` are unix times or ids of orders."""
    by_open = form.get("closetime") == "open"
    start_ns, end_ns = _span(venue, credential, form)
    found = [
        order
        for order in _filtered(venue, venue.exchange.orders.ended(credential.account), form)
        if start_ns < (order.created_wall_ns if by_open else order.changed_wall_ns) <= end_ns
    ]
    offset = rest_integer(form, "ofs") if "ofs" in form else 0
    return {"closed": _shown(venue, found[offset : offset + _PAGE], form), "count": len(found)}


def query_orders(venue: Venue, credential: Credential, form: Form) -> object:
    orders = []
    for order_id in _txids(form):
        order = venue.trading.by_order_id(credential.account, order_id)
        if order is None or not venue.rest_sees(order):
            raise ApiError(UNKNOWN_ORDER)
        orders.append(order)
    return _shown(venue, orders, form)


def order_amends(venue: Venue, credential: Credential, form: Form) -> object:
    order = venue.trading.by_order_id(credential.account, form.get("order_id", ""))
    if order is None:
        raise ApiError(UNKNOWN_ORDER)
    amends = [rest_amendment(order, amendment) for amendment in order.amendments]
    return {"count": len(amends), "amends": amends}


def _filtered(venue: Venue, orders: Iterable[KrakenOrder], form: Form) -> list[KrakenOrder]:
    found = [order for order in orders if venue.rest_sees(order)]
    if "cl_ord_id" in form:
        own = client_id(form["cl_ord_id"])
        if own is None:
            raise invalid("cl_ord_id")
        found = [order for order in found if order.client_order_id == own]
    if "userref" in form:
        found = [order for order in found if order.userref == rest_integer(form, "userref")]
    return found


def _shown(venue: Venue, orders: Iterable[KrakenOrder], form: Form) -> dict[str, object]:
    with_trades = form.get("trades", "false").lower() in ("true", "1")
    return {order.order_id: rest_order(order, venue.names[order.listing.symbol], with_trades) for order in orders}


def _txids(form: Form) -> list[str]:
    ids = [text for text in form.get("txid", "").split(",") if text]
    if not 1 <= len(ids) <= _TXIDS_MAX:
        raise invalid("txid")
    return ids


# -- trades ------------------------------------------------------------------------------------------------------


class _Trade(NamedTuple):
    exec_id: str
    order: KrakenOrder
    fill: Fill


def _trades(venue: Venue, account: str) -> list[_Trade]:
    """Every fill of an account, the latest first."""
    fills = venue.exchange.orders.fills(account)
    found = [_Trade(order.exec_ids[fill.trade_id], order, fill) for order, fill in fills]
    return found[::-1]


def trades_history(venue: Venue, credential: Credential, form: Form) -> object:
    """The latest first, 50 at a time from ``ofs``. Fills are never merged, whatever ``consolidate_taker`` says."""
    start_ns, end_ns = _span(venue, credential, form)
    found = [trade for trade in _trades(venue, credential.account) if start_ns < trade.fill.wall_ns <= end_ns]
    offset = rest_integer(form, "ofs") if "ofs" in form else 0
    return {"trades": _trade_rows(venue, found[offset : offset + _PAGE]), "count": len(found)}


def query_trades(venue: Venue, credential: Credential, form: Form) -> object:
    wanted = set(_txids(form))
    return _trade_rows(venue, [trade for trade in _trades(venue, credential.account) if trade.exec_id in wanted])


def _trade_rows(venue: Venue, trades: Iterable[_Trade]) -> dict[str, object]:
    return {each.exec_id: rest_trade(each.order, each.fill, venue.names[each.order.listing.symbol]) for each in trades}


def _span(venue: Venue, credential: Credential, form: Form) -> tuple[int, int]:
    """(after, until) in UTC ns; ``start`` is exclusive, ``end`` inclusive."""
    start_ns = _time_of(venue, credential, form["start"]) if form.get("start") else -1
    end_ns = _time_of(venue, credential, form["end"]) if form.get("end") else venue.wall_ns
    return start_ns, end_ns


def _time_of(venue: Venue, credential: Credential, text: str) -> int:
    order = venue.trading.by_order_id(credential.account, text)
    if order is not None:
        return order.created_wall_ns
    for trade in _trades(venue, credential.account):
        if trade.exec_id == text:
            return trade.fill.wall_ns
    if not text.replace(".", "", 1).isdigit() or not text.isascii():
        raise invalid("start or end")
    units, scale = parse_decimal(text)
    return units * NANOS // int(10**scale)
