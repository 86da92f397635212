"""The REST side: paths, bodies, signed requests, and the counter of each key.

Every answer is HTTP 200 with ``{"error": [...], "result": ...}``, as the venue has it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from adapters.simulator.encoding import encode_json
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.kraken import rest_account as account
from adapters.simulator.kraken import rest_trading as trading
from adapters.simulator.kraken.auth import Credential
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import read_json
from adapters.simulator.kraken.errors import REST_RATE, UNKNOWN_METHOD, ApiError, invalid
from adapters.simulator.kraken.limits import RestCounter
from adapters.simulator.kraken.rest_public import PUBLIC, Form
from adapters.simulator.window import Window

__all__ = ["Rest"]

_PUBLIC_PATH, _PRIVATE_PATH = "/0/public/", "/0/private/"
_SECOND_NS = 1_000_000_000
_NO_ONE: tuple[str, ...] = ()


class _Endpoint(NamedTuple):
    """``permissions``: one of them is needed, none if empty. ``calls``: what the key's counter counts."""

    answer: Callable[[Venue, Credential, Form], object]
    permissions: tuple[str, ...]
    calls: int = 1


_QUERY_TRADES = ("query-open-trades", "query-closed-trades")
_MODIFY, _CLOSE = ("modify-trades",), ("close-trades", "modify-trades")
_PRIVATE = {
    "GetApiKeyInfo": _Endpoint(account.key_info, _NO_ONE),
    "GetWebSocketsToken": _Endpoint(account.websockets_token, ("create-ws-token",)),
    "Balance": _Endpoint(account.balance, ("query-funds",)),
    "BalanceEx": _Endpoint(account.balance_extended, ("query-funds",)),
    "TradeVolume": _Endpoint(account.volume, ("query-funds",)),
    "OpenOrders": _Endpoint(account.open_orders, ("query-open-trades",)),
    "ClosedOrders": _Endpoint(account.closed_orders, ("query-closed-trades",)),
    "QueryOrders": _Endpoint(account.query_orders, _QUERY_TRADES),
    "OrderAmends": _Endpoint(account.order_amends, _QUERY_TRADES),
    "TradesHistory": _Endpoint(account.trades_history, _QUERY_TRADES, 4),
    "QueryTrades": _Endpoint(account.query_trades, _QUERY_TRADES, 4),
    "AddOrder": _Endpoint(trading.add_order, _MODIFY, 0),
    "AmendOrder": _Endpoint(trading.amend_order, _MODIFY, 0),
    "EditOrder": _Endpoint(trading.edit_order, _MODIFY, 0),
    "CancelOrder": _Endpoint(trading.cancel_order, _CLOSE, 0),
    "CancelAll": _Endpoint(trading.cancel_all, _CLOSE, 0),
    "CancelAllOrdersAfter": _Endpoint(trading.cancel_all_orders_after, _CLOSE, 0),
}
#: Endpoints with lists in their bodies, which only JSON has.
_BATCHES = {"AddOrderBatch": _MODIFY, "CancelOrderBatch": _CLOSE}


class _Body(NamedTuple):
    """``form``: the scalars, as text; ``lists``: what else a JSON body has."""

    form: dict[str, str]
    lists: dict[str, list[object]]


class Rest:
    """Answers HTTP requests."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._counters: dict[str, RestCounter] = {}
        self._public = Window(venue.options.public_per_second, _SECOND_NS)
        self.requests = 0

    def respond(self, request: HttpRequest) -> HttpResponse:
        self.requests += 1
        path, _, query = request.target.partition("?")
        try:
            if path.startswith(_PRIVATE_PATH):
                result = self._private(path, request)
            elif path.startswith(_PUBLIC_PATH):
                result = self._answer_public(path.removeprefix(_PUBLIC_PATH), query, request)
            else:
                return HttpResponse(404, b"Not Found", content_type="text/plain")
        except ApiError as error:
            return HttpResponse(200, encode_json({"error": [error.text]}))
        return HttpResponse(200, encode_json({"error": [], "result": result}))

    def _answer_public(self, name: str, query: str, request: HttpRequest) -> object:
        answer = PUBLIC.get(name)
        if answer is None:
            raise ApiError(UNKNOWN_METHOD)
        if not self._public.take(self._venue.now_ns):
            raise ApiError(REST_RATE)
        form = dict(parse_qsl(query, errors="replace"))
        if request.method == "POST":
            form |= _read_body(request).form
        return answer(self._venue, form)

    def _private(self, path: str, request: HttpRequest) -> object:
        name, venue = path.removeprefix(_PRIVATE_PATH), self._venue
        if request.method != "POST" or (name not in _PRIVATE and name not in _BATCHES):
            raise ApiError(UNKNOWN_METHOD)
        body, headers = _read_body(request), request.headers
        credential = venue.keys.authenticate(
            headers.get("api-key"), path, body.form.get("nonce"), request.body, headers.get("api-sign"), venue.now_ns
        )
        if name in _BATCHES:
            credential.permit(*_BATCHES[name])
            return self._batch(name, credential, body)
        endpoint = _PRIVATE[name]
        if endpoint.permissions:
            credential.permit(*endpoint.permissions)
        self._charge(credential, endpoint.calls)
        return endpoint.answer(venue, credential, body.form)

    def _batch(self, name: str, credential: Credential, body: _Body) -> object:
        orders = body.lists.get("orders", [])
        if name == "AddOrderBatch":
            rows = [_scalars(row) for row in orders if isinstance(row, dict)]
            if len(rows) != len(orders):
                raise invalid("orders")
            return trading.add_order_batch(self._venue, credential, body.form, rows)
        own = [_own_id(each) for each in body.lists.get("cl_ord_ids", [])]
        ids = [each.get("txid", "") if isinstance(each, dict) else each for each in orders]
        return trading.cancel_order_batch(self._venue, credential, [str(each) for each in ids], own)

    def _charge(self, credential: Credential, calls: int) -> None:
        counter = self._counters.get(credential.api_key)
        if counter is None:
            tier = self._venue.tiers[credential.account]
            counter = self._counters[credential.api_key] = RestCounter(tier)
        counter.charge(calls, self._venue.now_ns)


def _own_id(element: object) -> str:
    """The documentation has objects here, its example plain texts."""
    return str(element.get("cl_ord_id", "")) if isinstance(element, dict) else str(element)


def _read_body(request: HttpRequest) -> _Body:
    if not request.headers.get("content-type", "").startswith("application/json"):
        return _Body(dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)), {})
    try:
        decoded = read_json(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        decoded = None
    if not isinstance(decoded, dict):
        raise invalid("body")
    return _Body(_scalars(decoded), {name: value for name, value in decoded.items() if isinstance(value, list)})


def _scalars(fields: Mapping[str, object]) -> dict[str, str]:
    texts = {}
    for name, value in fields.items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, str | int):
            texts[name] = str(value)
    return texts
