"""Kraken as its faults see it: what its messages are, how it words a refusal, what can be done to it."""

import re
from typing import TYPE_CHECKING

from adapters.simulator.encoding import encode_json
from adapters.simulator.faults.rules import RefusedWhy
from adapters.simulator.faults.target import Resting
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.kraken.errors import INVALID_KEY, INVALID_NONCE, REST_RATE
from adapters.simulator.market import Market
from engine.codes import Side

if TYPE_CHECKING:
    from adapters.simulator.kraken.venue import SimulatedKraken

__all__ = ["KrakenFaults"]

_METHOD = re.compile(rb'"method"\s*:\s*"([^"]*)"')
_REQ_ID = re.compile(rb'"req_id"\s*:\s*(-?[0-9]+)')
_CHANNEL = re.compile(rb'"channel":"([a-z]+)"')
_CHECKSUM = re.compile(rb'"checksum":([0-9]+)')
_REQUESTS = {
    "add_order": "order",
    "batch_add": "order",
    "amend_order": "replace",
    "edit_order": "replace",
    "cancel_order": "cancel",
    "cancel_all": "cancel",
    "batch_cancel": "cancel",
    "subscribe": "subscribe",
    "unsubscribe": "subscribe",
    "AddOrder": "order",
    "AddOrderBatch": "order",
    "AmendOrder": "replace",
    "EditOrder": "replace",
    "CancelOrder": "cancel",
    "CancelOrderBatch": "cancel",
    "CancelAll": "cancel",
    "GetWebSocketsToken": "subscribe",
}
_PUSHES = {"executions": "report", "balances": "balance", "book": "book", "trade": "trade", "ticker": "ticker"}
_PRIVATE = (b'"token"', b'"executions"', b'"balances"')
_SOCKET_WORDS: dict[RefusedWhy, str] = {
    "rate_limit": "EService:Throttled: {until}",
    "ban": "EGeneral:Temporary lockout",
    "clock": "EService:Deadline elapsed",
    "key": "ESession:Invalid session",
    "maintenance": "EService:Unavailable",
    "overload": "EService:Busy",
}
_HTTP_WORDS: dict[RefusedWhy, str] = {"rate_limit": REST_RATE, "clock": INVALID_NONCE, "key": INVALID_KEY}


class KrakenFaults:
    def __init__(self, venue: "SimulatedKraken") -> None:
        self._venue = venue

    # -- messages -----------------------------------------------------------------------------------------------

    def link_kind(self, request: HttpRequest) -> str:
        return ""

    def request_link(self, payload: bytes) -> str:
        if any(word in payload for word in _PRIVATE):
            return "private"
        return "public" if b'"channel"' in payload else ""

    def request_kind(self, payload: bytes) -> str:
        found = _METHOD.search(payload)
        return _REQUESTS.get(found.group(1).decode("utf-8", "replace"), "request") if found else "request"

    def http_kind(self, request: HttpRequest) -> str:
        return _REQUESTS.get(request.target.partition("?")[0].rpartition("/")[2], "query")

    def push_kind(self, payload: bytes) -> str:
        found = _CHANNEL.search(payload)
        if found is None:
            return "answer"
        if payload.startswith(b'{"method"'):
            return "answer"
        kind = _PUSHES.get(found.group(1).decode(), "push")
        return "fill" if kind == "report" and b'"exec_type":"trade"' in payload else kind

    # -- words --------------------------------------------------------------------------------------------------

    def spoiled(self, payload: bytes) -> bytes:
        return _CHECKSUM.sub(lambda found: b'"checksum":%d' % (int(found.group(1)) ^ 1), payload, count=1)

    def refusal(self, why: RefusedWhy, request: bytes, until_wall_ns: int) -> bytes:
        return self._says(_SOCKET_WORDS[why].format(until=-(-until_wall_ns // 1_000_000_000)), request)

    def http_refusal(self, why: RefusedWhy, until_wall_ns: int, wall_ns: int) -> HttpResponse:
        """A ban is the word of who stands before the venue, and knows nothing of its API."""
        if why == "ban":
            return HttpResponse(429, b"error code: 1015", content_type="text/plain")
        if why in ("maintenance", "overload"):
            return HttpResponse(503, encode_json({"error": [_SOCKET_WORDS[why]]}))
        return HttpResponse(200, encode_json({"error": [_HTTP_WORDS[why]]}))

    def doubt(self, request: bytes) -> bytes:
        return self._says("EGeneral:Internal error", request)

    def _says(self, error: str, request: bytes) -> bytes:
        method, req_id = _METHOD.search(request), _REQ_ID.search(request)
        body: dict[str, object] = {"method": method.group(1).decode() if method else "error"}
        if req_id:
            body["req_id"] = int(req_id.group(1))
        return encode_json({**body, "error": error, "success": False, **self._venue.front.times()})

    # -- deeds --------------------------------------------------------------------------------------------------

    def resting(self) -> list[Resting]:
        orders = self._venue.exchange.orders
        return [
            Resting(
                _names(each.order_id, each.client_order_id), each.listing.symbol, each.side, ticks, each.leaves_lots
            )
            for account in self._venue.accounts_with_keys
            for each in orders.open(account)
            if each.sim is not None and each.sim.is_resting and (ticks := each.price_ticks)
        ]

    def market(self, symbol: str) -> Market:
        return self._venue.exchange.listings[symbol].market

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        self._venue.exchange.trade_by_others(symbol, side, price_ticks, lots, now_ns)

    def take_keys(self, told: bool, now_ns: int) -> None:
        for api_key in self._venue.venue.keys.names():
            if told:
                self._venue.revoke_key(api_key, now_ns)
            else:
                self._venue.venue.keys.revoke(api_key)

    def give_keys_back(self) -> None:
        for api_key in self._venue.venue.keys.revoked():
            self._venue.restore_key(api_key)

    def maintain(self, begins: bool, now_ns: int) -> None:
        self._venue.set_system("maintenance" if begins else "online", now_ns)

    def spare(self, every: int) -> None:
        self._venue.exchange.spare_every = every


def _names(order_id: str, client_order_id: str) -> tuple[str, ...]:
    """A client's id that is a UUID is sent with dashes or without."""
    return order_id, client_order_id, client_order_id.replace("-", "")
