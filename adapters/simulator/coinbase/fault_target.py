"""Coinbase as its faults see it: what its messages are, how it words a refusal, what can be done to it."""

import re
from typing import TYPE_CHECKING

from adapters.simulator.coinbase.errors import rate_limited, unauthorized
from adapters.simulator.encoding import encode_json
from adapters.simulator.faults.rules import RefusedWhy
from adapters.simulator.faults.target import Resting
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.market import Market
from engine.codes import Side

if TYPE_CHECKING:
    from adapters.simulator.coinbase.venue import SimulatedCoinbase

__all__ = ["CoinbaseFaults"]

_CHANNEL = re.compile(rb'"channel"\s*:\s*"([a-z0-9_]+)"')
_SEQUENCE = re.compile(rb'"sequence_num":([0-9]+)')
#: An update of an order of which something was executed.
_FILLED = re.compile(rb'"number_of_fills":"[1-9]')
_POSTS = {"orders": "order", "edit": "replace", "batch_cancel": "cancel"}
_PUSHES = {"user": "report", "l2_data": "book", "market_trades": "trade", "ticker": "ticker"}
_PUBLIC = (b'"level2"', b'"market_trades"', b'"ticker"', b'"status"')
_SOCKET_WORDS: dict[RefusedWhy, str] = {
    "rate_limit": "rate limit exceeded",
    "ban": "rate limit exceeded",
    "clock": "authentication failure",
    "key": "authentication failure",
    "maintenance": "service unavailable",
    "overload": "service unavailable",
}


class CoinbaseFaults:
    def __init__(self, venue: "SimulatedCoinbase") -> None:
        self._venue = venue

    # -- messages -----------------------------------------------------------------------------------------------

    def link_kind(self, request: HttpRequest) -> str:
        return ""

    def request_link(self, payload: bytes) -> str:
        if b'"user"' in payload:
            return "private"
        return "public" if any(channel in payload for channel in _PUBLIC) else ""

    def request_kind(self, payload: bytes) -> str:
        return "subscribe"

    def http_kind(self, request: HttpRequest) -> str:
        if request.method == "GET":
            return "query"
        return _POSTS.get(request.target.partition("?")[0].rpartition("/")[2], "query")

    def push_kind(self, payload: bytes) -> str:
        found = _CHANNEL.search(payload)
        channel = found.group(1).decode() if found else "subscriptions"
        if channel == "subscriptions":
            return "answer"
        kind = _PUSHES.get(channel, "push")
        return "fill" if kind == "report" and _FILLED.search(payload) else kind

    # -- words --------------------------------------------------------------------------------------------------

    def spoiled(self, payload: bytes) -> bytes:
        """There is no checksum: the number of the message does not follow the last one."""
        return _SEQUENCE.sub(lambda found: b'"sequence_num":%d' % (int(found.group(1)) + 1_000), payload, count=1)

    def refusal(self, why: RefusedWhy, request: bytes, until_wall_ns: int) -> bytes:
        return encode_json({"type": "error", "message": _SOCKET_WORDS[why]})

    def http_refusal(self, why: RefusedWhy, until_wall_ns: int, wall_ns: int) -> HttpResponse:
        """A ban is the word of who stands before the venue, and knows nothing of its API."""
        if why == "rate_limit":
            return rate_limited(()).response
        if why == "ban":
            return HttpResponse(429, b"error code: 1015", content_type="text/plain")
        if why in ("clock", "key"):
            return unauthorized().response
        return HttpResponse(503, b"upstream connect error", content_type="text/plain")

    def doubt(self, request: bytes) -> bytes:
        """Nothing that is asked for on a WebSocket does anything but subscribe."""
        return b""

    # -- deeds --------------------------------------------------------------------------------------------------

    def resting(self) -> list[Resting]:
        orders = self._venue.exchange.orders
        return [
            Resting((each.order_id, each.client_order_id), each.listing.symbol, each.side, ticks, each.leaves_lots)
            for account in self._venue.accounts_with_keys
            for each in orders.open(account)
            if each.sim is not None and each.sim.is_resting and (ticks := each.price_ticks)
        ]

    def market(self, symbol: str) -> Market:
        return self._venue.exchange.listings[symbol].market

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        self._venue.exchange.trade_by_others(symbol, side, price_ticks, lots, now_ns)

    def take_keys(self, told: bool, now_ns: int) -> None:
        for name in self._venue.venue.keys.names():
            if told:
                self._venue.revoke_key(name, now_ns)
            else:
                self._venue.venue.keys.revoke(name)

    def give_keys_back(self) -> None:
        for name in self._venue.venue.keys.revoked():
            self._venue.restore_key(name)

    def maintain(self, begins: bool, now_ns: int) -> None:
        for symbol in self._venue.exchange.listings:
            self._venue.set_trading(symbol, not begins, now_ns)

    def spare(self, every: int) -> None:
        self._venue.exchange.spare_every = every
