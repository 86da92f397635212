"""Subscribing and unsubscribing: one channel per message, a token for what is private, snapshots, and the list of what
the connection follows now.

Snapshots come before that list or after it: the venue promises neither, so a seeded coin decides.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.connections import Connection, Connections
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.errors import HttpError
from adapters.simulator.coinbase.market_feed import MARKET_CHANNELS
from adapters.simulator.encoding import encode_json
from adapters.simulator.prng import SplitMix64
from adapters.simulator.window import Window
from engine.instrument import NANOS

__all__ = ["Sockets"]

#: Said of a wrong token, and of a channel that there is not.
_AUTHENTICATION = "authentication failure"
_TOO_MANY_BOOKS = "too many L2 streams requested in a single session"
_UNSIGNED_RATE = "rate limit exceeded"
_MALFORMED = "failed to decode message"

_decode = msgspec.json.Decoder().decode


class _Refused(Exception):
    """The message is not carried out; the text is what the venue says."""


class _Request(NamedTuple):
    """``products`` is empty when none are named: then all are meant."""

    is_subscribe: bool
    channel: str
    products: tuple[str, ...]


class Sockets:
    """Reads what clients send on their connections."""

    def __init__(self, venue: Venue, connections: Connections, seed: int) -> None:
        self._venue, self._connections = venue, connections
        self._unsigned = Window(venue.options.unsigned_messages_per_second, NANOS)
        self._coin = SplitMix64(seed)
        self.requests = 0

    def received(self, link: str, data: bytes) -> None:
        self.requests += 1
        try:
            message = _read(data)
            credential = self._credential(message)
            request = self._request(message)
            if request.channel == "user" and credential is None:
                raise _Refused(_AUTHENTICATION)
            if not request.is_subscribe:
                self._unsubscribe(link, request)
            else:
                self._subscribe(link, request, credential)
        except _Refused as refused:
            self._connections.refuse(link, str(refused))

    def gone(self, link: str) -> None:
        connection = self._connections.gone(link)
        if connection is not None:
            self._forget_books(connection.channels.get("level2", {}))

    # -- reading ------------------------------------------------------------------------------------------------

    def _credential(self, message: Mapping[str, object]) -> Credential | None:
        """Whose token it is; None for no token, of which there may not be too many."""
        if "jwt" in message:
            try:
                credential = self._venue.keys.websocket(message["jwt"], self._venue.wall_ns)
                credential.permit("view")
            except HttpError:
                raise _Refused(_AUTHENTICATION) from None
            return credential
        if not self._unsigned.take(self._venue.now_ns):
            raise _Refused(_UNSIGNED_RATE)
        return None

    def _request(self, message: Mapping[str, object]) -> _Request:
        kind, channel, products = message.get("type"), message.get("channel"), message.get("product_ids", [])
        if kind not in ("subscribe", "unsubscribe") or not isinstance(products, list):
            raise _Refused(_MALFORMED)
        if channel not in ("heartbeats", "user", *MARKET_CHANNELS):
            raise _Refused(_AUTHENTICATION)
        for each in products:
            if not isinstance(each, str) or each not in self._venue.exchange.listings:
                raise _Refused(f"{each} is not a valid product_id")
        return _Request(kind == "subscribe", str(channel), tuple(dict.fromkeys(products)))

    # -- doing --------------------------------------------------------------------------------------------------

    def _subscribe(self, link: str, request: _Request, credential: Credential | None) -> None:
        connection, channel = self._connections[link], request.channel
        products = request.products
        if channel in ("heartbeats", "status"):
            products = ()
        elif channel != "user" and not products:
            products = tuple(self._venue.exchange.listings)
        followed = connection.channels.get(channel, {})
        if channel == "level2" and len({*followed, *products}) > self._venue.options.books_per_connection:
            raise _Refused(_TOO_MANY_BOOKS)
        if channel == "user" and credential is not None:
            connection.account, connection.key = credential.account, credential.name
        connection.has_subscribed = True
        told_first = bool(self._coin.below(2))
        snapshots = self._snapshots(channel, products)
        connection.channels[channel] = {**followed, **dict.fromkeys(products)}
        if told_first:
            self._tell_subscriptions(link, connection)
        for events in snapshots:
            self._connections.push(link, channel, events)
        if channel == "user":
            self._connections.user_snapshot(link, self._venue.exchange)
        if not told_first:
            self._tell_subscriptions(link, connection)

    def _snapshots(self, channel: str, products: tuple[str, ...]) -> list[bytes]:
        market = self._venue.market
        if channel == "status":
            return [market.snapshot("status", "")]
        if channel not in MARKET_CHANNELS:
            return []
        return [market.follow(channel, symbol, self._venue.wall_ns) for symbol in products]

    def _unsubscribe(self, link: str, request: _Request) -> None:
        connection, channel = self._connections[link], request.channel
        followed = connection.channels.get(channel, {})
        gone = request.products or tuple(followed)
        kept = {symbol: None for symbol in followed if symbol not in gone}
        if kept:
            connection.channels[channel] = kept
        else:
            connection.channels.pop(channel, None)
        if channel == "level2":
            self._forget_books(gone)
        self._tell_subscriptions(link, connection)

    def _forget_books(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            if not self._connections.followed("level2", symbol):
                self._venue.market.unfollowed(symbol)

    def _tell_subscriptions(self, link: str, connection: Connection) -> None:
        told: dict[str, list[str]] = {}
        for channel, products in connection.channels.items():
            if channel == "user":
                told[channel] = [self._venue.portfolios[connection.account]]
            elif channel in ("heartbeats", "status"):
                told[channel] = [channel]
            else:
                told[channel] = list(products)
        self._connections.push(link, "subscriptions", encode_json([{"subscriptions": told}]))


def _read(data: bytes) -> Mapping[str, object]:
    try:
        message = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _Refused(_MALFORMED) from None
    if not isinstance(message, dict):
        raise _Refused(_MALFORMED)
    return message
