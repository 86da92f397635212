"""Binance as its faults see it: what its messages are, how it words a refusal, what can be done to it."""

import re
from typing import TYPE_CHECKING

from adapters.simulator.binance.errors import ApiError, unauthorized
from adapters.simulator.binance.rest import error_response
from adapters.simulator.encoding import encode_json
from adapters.simulator.faults.rules import RefusedWhy
from adapters.simulator.faults.target import Resting
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.market import Market
from engine.codes import Side

if TYPE_CHECKING:
    from adapters.simulator.binance.venue import SimulatedBinance

__all__ = ["BinanceFaults"]

_METHOD = re.compile(rb'"method"\s*:\s*"(?:v3/)?([^"]*)"')
_ID = re.compile(rb'"id"\s*:\s*("[^"]*"|-?[0-9]+|null)')
_FIRST_UPDATE = re.compile(rb'"U":([0-9]+)')
_EVENT = re.compile(rb'"e":"([A-Za-z0-9]+)"')
#: The first that begins the method decides.
_REQUESTS = (
    ("order.cancelReplace", "replace"),
    ("order.amend", "replace"),
    ("order.cancel", "cancel"),
    ("orderList.cancel", "cancel"),
    ("openOrders.cancelAll", "cancel"),
    ("order.place", "order"),
    ("orderList.place", "order"),
    ("sor.order.place", "order"),
    ("session.", "subscribe"),
    ("userDataStream.", "subscribe"),
    ("SUBSCRIBE", "subscribe"),
    ("UNSUBSCRIBE", "subscribe"),
    ("LIST_SUBSCRIPTIONS", "subscribe"),
    ("ping", "request"),
)
_PUSHES = {
    b"executionReport": "report",
    b"listStatus": "report",
    b"outboundAccountPosition": "balance",
    b"balanceUpdate": "balance",
    b"depthUpdate": "book",
    b"trade": "trade",
}
#: Answers that say nothing about what was done, in turn.
_DOUBTS = (
    (504, -1007, b"Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
    (500, -1000, b"An unknown error occurred while processing the request."),
    (503, -1006, b"An unexpected response was received from the message bus. Execution status unknown."),
)


class BinanceFaults:
    def __init__(self, venue: "SimulatedBinance") -> None:
        self._venue = venue
        self._doubts = 0

    # -- messages -----------------------------------------------------------------------------------------------

    def link_kind(self, request: HttpRequest) -> str:
        return "private" if request.target.startswith("/ws-api") else "public"

    def request_link(self, payload: bytes) -> str:
        return ""

    def request_kind(self, payload: bytes) -> str:
        found = _METHOD.search(payload)
        method = found.group(1).decode("utf-8", "replace") if found else "ping"
        return next((kind for start, kind in _REQUESTS if method.startswith(start)), "query")

    def http_kind(self, request: HttpRequest) -> str:
        path = request.target.partition("?")[0]
        if request.method == "GET":
            return "query"
        if path.endswith(("/cancelReplace", "/keepPriority")):
            return "replace"
        return "cancel" if request.method == "DELETE" else "order"

    def push_kind(self, payload: bytes) -> str:
        if payload.startswith((b'{"id":', b'{"result":', b'{"error":')):
            return "answer"
        found = _EVENT.search(payload)
        if found is None:
            return "ticker" if b'"B":"' in payload else "push"
        kind = _PUSHES.get(found.group(1), "push")
        return "fill" if kind == "report" and b'"x":"TRADE"' in payload else kind

    # -- words --------------------------------------------------------------------------------------------------

    def spoiled(self, payload: bytes) -> bytes:
        """There is no checksum: the first update id does not follow the last one."""
        return _FIRST_UPDATE.sub(lambda found: b'"U":%d' % (int(found.group(1)) + 1_000), payload, count=1)

    def refusal(self, why: RefusedWhy, request: bytes, until_wall_ns: int) -> bytes:
        error = _error(why, until_wall_ns)
        body = error.body()
        if error.retry_after_ns:
            wall_ns = self._venue.wall_ns()
            body["data"] = {"serverTime": wall_ns // 1_000_000, "retryAfter": until_wall_ns // 1_000_000}
        return b'{"id":%b,"status":%d,"error":%b}' % (_id(request), error.status, encode_json(body))

    def http_refusal(self, why: RefusedWhy, until_wall_ns: int, wall_ns: int) -> HttpResponse:
        return error_response(_error(why, until_wall_ns), wall_ns)

    def doubt(self, request: bytes) -> bytes:
        self._doubts += 1
        status, code, text = _DOUBTS[self._doubts % len(_DOUBTS)]
        return b'{"id":%b,"status":%d,"error":{"code":%d,"msg":"%b"}}' % (_id(request), status, code, text)

    # -- deeds --------------------------------------------------------------------------------------------------

    def resting(self) -> list[Resting]:
        exchange = self._venue.exchange
        records = [
            record
            for account in self._venue.accounts_with_keys
            for symbol in exchange.listings
            for record in exchange.orders.open_orders(account, symbol)
        ]
        return [
            Resting(
                (record.client_order_id, f'"orderId":{record.sim.order_id}'),
                record.listing.symbol,
                record.terms.side,
                record.terms.price_ticks,
                record.leaves_lots,
            )
            for record in records
            if record.sim.is_resting
        ]

    def market(self, symbol: str) -> Market:
        return self._venue.exchange.listings[symbol].market

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        self._venue.exchange.trade_by_others(symbol, side, price_ticks, lots, now_ns)

    def take_keys(self, told: bool, now_ns: int) -> None:
        for api_key in self._venue.keys.names():
            if told:
                self._venue.revoke_key(api_key, now_ns)
            else:
                self._venue.keys.revoke(api_key)

    def give_keys_back(self) -> None:
        for api_key in self._venue.keys.revoked():
            self._venue.keys.restore(api_key)

    def maintain(self, begins: bool, now_ns: int) -> None:
        for symbol in self._venue.exchange.listings:
            self._venue.set_trading(symbol, not begins)

    def spare(self, every: int) -> None:
        self._venue.exchange.spare_every = every


def _id(request: bytes) -> bytes:
    found = _ID.search(request)
    return found.group(1) if found else b"null"


def _error(why: RefusedWhy, until_wall_ns: int) -> ApiError:
    if why == "rate_limit":
        text = "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."
        return ApiError(-1003, text, status=429, retry_after_ns=until_wall_ns)
    if why == "ban":
        text = f"Way too much request weight used; IP banned until {until_wall_ns // 1_000_000}."
        return ApiError(-1003, text, status=418, retry_after_ns=until_wall_ns)
    if why == "clock":
        return ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
    if why == "key":
        return unauthorized()
    if why == "overload":
        text = "Server is currently overloaded with other requests. Please try again in a few minutes."
        return ApiError(-1008, text, status=503)
    return ApiError(-1001, "Internal error; unable to process your request. Please try again.", status=503)
