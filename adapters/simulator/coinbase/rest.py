"""The REST side: paths, tokens, permissions, and the limits of users and addresses."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from adapters.simulator.coinbase import rest_account, rest_history, rest_market, rest_orders
from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.errors import HttpError, not_found, rate_limited
from adapters.simulator.coinbase.rest_request import Query
from adapters.simulator.encoding import encode_json
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.window import Window
from engine.instrument import NANOS

__all__ = ["Rest"]

_BASE = "/api/v3/brokerage/"

_Public = Callable[[Venue, Query], object]
_Private = Callable[[Venue, Credential, Query], object]
_Post = Callable[[Venue, Credential, bytes], object]


class _Get(NamedTuple):
    """``public``: answered without a key, at ``market/…`` as well."""

    answer: _Private | None = None
    public: _Public | None = None


#: A ``*`` stands for one part of the path, which the query then has as ``""``.
_GETS: dict[str, _Get] = {
    "key_permissions": _Get(rest_account.key_permissions),
    "transaction_summary": _Get(rest_account.transaction_summary),
    "accounts": _Get(rest_account.accounts),
    "accounts/*": _Get(rest_account.account),
    "orders/historical/batch": _Get(rest_history.orders),
    "orders/historical/fills": _Get(rest_history.fills),
    "orders/historical/*": _Get(rest_history.order),
    "best_bid_ask": _Get(rest_market.best_bid_ask),
    "products": _Get(public=rest_market.products),
    "product_book": _Get(public=rest_market.product_book),
    "products/*": _Get(public=rest_market.one_product),
    "products/*/ticker": _Get(public=rest_market.ticker),
    "products/*/candles": _Get(public=rest_market.candles),
}
_POSTS: dict[str, tuple[_Post, str]] = {
    "orders": (rest_orders.create, "trade"),
    "orders/batch_cancel": (rest_orders.cancel, "trade"),
    "orders/edit": (rest_orders.edit, "trade"),
    "orders/edit_preview": (rest_orders.preview_edit, "view"),
    "orders/preview": (rest_orders.preview, "view"),
}


class Rest:
    """Answers HTTP requests."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._private: dict[str, Window] = {}
        self._public = Window(venue.options.public_per_second, NANOS)
        self.requests = 0

    def respond(self, request: HttpRequest) -> HttpResponse:
        self.requests += 1
        path, _, query = request.target.partition("?")
        headers: tuple[tuple[str, str], ...] = ()
        try:
            if not path.startswith(_BASE):
                raise not_found("page not found")
            name = path.removeprefix(_BASE)
            found = self._find_public(request, name, query)
            if found is not None:
                if not self._public.take(self._venue.now_ns):
                    raise rate_limited(())
                answer = found()
            else:
                credential = self._credential(request, path)
                headers = self._charge(credential)
                answer = self._answer_private(request, name, query, credential)
        except HttpError as error:
            return error.response._replace(headers=(*error.response.headers, *headers))
        return HttpResponse(200, encode_json(answer), headers, content_type="application/json")

    # -- public -------------------------------------------------------------------------------------------------

    def _find_public(self, request: HttpRequest, name: str, query: str) -> Callable[[], object] | None:
        if request.method != "GET":
            return None
        if name == "time":
            return lambda: rest_market.time(self._venue)
        if not name.startswith("market/"):
            return None
        pattern, part = _match(name.removeprefix("market/"))
        endpoint = _GETS.get(pattern)
        if endpoint is None or endpoint.public is None:
            return None
        answer = endpoint.public
        return lambda: answer(self._venue, _query(query, part))

    # -- private ------------------------------------------------------------------------------------------------

    def _credential(self, request: HttpRequest, path: str) -> Credential:
        authorization = request.headers.get("authorization", "")
        return self._venue.keys.rest(authorization, request.method, path, self._venue.wall_ns)

    def _charge(self, credential: Credential) -> tuple[tuple[str, str], ...]:
        """Count a user's request, however it is answered then. Keys of one account are one user."""
        window = self._private.setdefault(credential.account, Window(self._venue.options.private_per_second, NANOS))
        is_taken = window.take(self._venue.now_ns)
        headers = (
            ("x-ratelimit-limit", str(window.most)),
            ("x-ratelimit-remaining", str(window.left(self._venue.now_ns))),
            ("x-ratelimit-reset", "1"),
        )
        if not is_taken:
            raise rate_limited(headers)
        return headers

    def _answer_private(self, request: HttpRequest, name: str, query: str, credential: Credential) -> object:
        venue = self._venue
        if request.method == "POST" and name in _POSTS:
            act, permission = _POSTS[name]
            credential.permit(permission)
            return act(venue, credential, request.body)
        pattern, part = _match(name)
        endpoint = _GETS.get(pattern)
        if request.method != "GET" or endpoint is None:
            raise not_found("page not found")
        if name != "key_permissions":
            credential.permit("view")
        if endpoint.answer is not None:
            return endpoint.answer(venue, credential, _query(query, part))
        assert endpoint.public is not None, "an endpoint has one of the two"
        return endpoint.public(venue, _query(query, part))


def _match(name: str) -> tuple[str, str]:
    """The pattern that a path fits, and the part of it that stands for itself."""
    if name in _GETS:
        return name, ""
    parts = name.split("/")
    for place in range(len(parts)):
        pattern = "/".join([*parts[:place], "*", *parts[place + 1 :]])
        if pattern in _GETS:
            return pattern, parts[place]
    return "", ""


def _query(query: str, part: str) -> Query:
    return Query(parse_qsl(query, keep_blank_values=True, errors="replace"), part)
