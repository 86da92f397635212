"""Market streams: who receives which, raw or combined; one encoded frame per event, written to every subscriber."""

import re
from collections.abc import Callable

import msgspec

from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.settings import VenueLimits
from adapters.simulator.binance.user_stream import server_shutdown
from adapters.simulator.encoding import encode_json
from adapters.simulator.market import Public
from adapters.simulator.websocket_server import text_frame

__all__ = ["MarketStreams", "StreamConnection", "StreamError"]

_SECOND_NS = 1_000_000_000
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID = re.compile(rb'(?:null|-?[0-9]{1,19}|"[0-9A-Za-z_\-]{0,36}")\Z')
#: Event and trade times of a payload, which a connection may want in microseconds.
_TIMES = re.compile(rb'("[ET]":)([0-9]{13})(?=[,}])')
_PARTIAL_DEPTHS = (5, 10, 20)
_DIFF_SUFFIX = "@depth@100ms"


class StreamError(Exception):
    """A refused request on a stream connection."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class StreamConnection:
    """One connection; ``send_frame`` writes a framed message to it."""

    def __init__(self, is_combined: bool, in_microseconds: bool, send_frame: Callable[[bytes], None]) -> None:
        self.is_combined = is_combined
        self.in_microseconds = in_microseconds
        self.send_frame = send_frame
        self.streams: dict[str, None] = {}
        self._second = -1
        self._messages = 0

    def count_incoming(self, now_ns: int, per_second: int) -> bool:
        """Count a ping, pong or request; False when it is one too many within the second."""
        second = now_ns // _SECOND_NS
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages <= per_second


class MarketStreams:
    """All subscriptions. ``on_subscribed`` is called whenever somebody subscribes to something."""

    def __init__(self, limits: VenueLimits, on_subscribed: Callable[[], None]) -> None:
        self._limits = limits
        self._on_subscribed = on_subscribed
        self._subscribers: dict[str, dict[StreamConnection, None]] = {}
        self.connections: dict[str, StreamConnection] = {}
        self.messages: dict[str, int] = {}
        self.requests = 0

    # -- subscriptions ------------------------------------------------------------------------------------------

    def subscribe(self, connection: StreamConnection, streams: list[str]) -> None:
        """Raises StreamError beyond the bound of streams per connection; then nothing is subscribed."""
        added = dict.fromkeys(streams)
        if len(connection.streams.keys() | added.keys()) > self._limits.streams_per_connection:
            raise StreamError(2, "Invalid request: too many streams")
        for stream in added:
            connection.streams[stream] = None
            self._subscribers.setdefault(stream, {})[connection] = None
        if added:
            self._on_subscribed()

    def has_diff_readers(self, listing: Listing) -> bool:
        """Whether somebody keeps a local book of this symbol."""
        return f"{listing.symbol.lower()}{_DIFF_SUFFIX}" in self._subscribers

    def unsubscribe(self, connection: StreamConnection, streams: list[str]) -> None:
        for stream in streams:
            if connection.streams.pop(stream, stream) is None:
                subscribers = self._subscribers[stream]
                del subscribers[connection]
                if not subscribers:
                    del self._subscribers[stream]

    def remove(self, link: str) -> None:
        connection = self.connections.pop(link, None)
        if connection is not None:
            self.unsubscribe(connection, list(connection.streams))

    # -- events -------------------------------------------------------------------------------------------------

    def publish(self, listing: Listing, event: Public) -> None:
        if event.stream in self._subscribers:
            self._send(event.stream, event.payload)
        if event.stream.endswith("@trade"):
            listing.remember_trade(event.payload)
        elif event.stream.endswith(_DIFF_SUFFIX):
            self._publish_partial_depth(listing, event.stream.removesuffix(_DIFF_SUFFIX))

    def _publish_partial_depth(self, listing: Listing, symbol: str) -> None:
        """The partial books, for those who want one, whenever the diff stream moves."""
        for depth in _PARTIAL_DEPTHS:
            stream = f"{symbol}@depth{depth}@100ms"
            if stream in self._subscribers:
                update_id, bids, asks = listing.market.snapshot(depth)
                payload = {
                    "lastUpdateId": update_id,
                    "bids": [(listing.price_text(ticks), listing.quantity_text(lots)) for ticks, lots in bids],
                    "asks": [(listing.price_text(ticks), listing.quantity_text(lots)) for ticks, lots in asks],
                }
                self._send(stream, encode_json(payload))

    def _send(self, stream: str, payload: bytes) -> None:
        frames: dict[tuple[bool, bool], bytes] = {}
        subscribers = list(self._subscribers[stream])
        self.messages[stream] = self.messages.get(stream, 0) + len(subscribers)
        for connection in subscribers:
            variant = (connection.is_combined, connection.in_microseconds)
            frame = frames.get(variant)
            if frame is None:
                frame = frames[variant] = _frame(stream, payload, *variant)
            connection.send_frame(frame)

    def announce_shutdown(self, wall_ns: int) -> None:
        """Tell every connection, subscribed to anything or not."""
        payload = encode_json(server_shutdown(wall_ns, lambda ns: ns // 1_000_000))
        for connection in list(self.connections.values()):
            connection.send_frame(
                _frame("!serverShutdown", payload, connection.is_combined, connection.in_microseconds)
            )

    # -- requests -----------------------------------------------------------------------------------------------

    def receive(self, connection: StreamConnection, data: bytes) -> None:
        """Answer one request."""
        self.requests += 1
        request_id = b"null"
        try:
            fields = _decode(data)
            request_id = _read_id(fields)
            result = self._carry_out(connection, _read_method(fields, len(data)), fields)
            answer = b'{"result":%b,"id":%b}' % (encode_json(result), request_id)
        except StreamError as error:
            body = encode_json({"code": error.code, "msg": error.text})
            answer = b'{"error":%b,"id":%b}' % (body, request_id)
        connection.send_frame(text_frame(answer))

    def _carry_out(self, connection: StreamConnection, method: str, fields: dict[str, msgspec.Raw]) -> object:
        if method == "LIST_SUBSCRIPTIONS":
            return list(connection.streams)
        parameters = _read_parameters(fields, method)
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return _property(connection, method, parameters)
        streams = [stream for stream in parameters if isinstance(stream, str)]
        if len(streams) != len(parameters):
            raise StreamError(2, "Invalid request: streams must be an array of strings")
        if method == "SUBSCRIBE":
            self.subscribe(connection, streams)
        else:
            self.unsubscribe(connection, streams)
        return None


def _frame(stream: str, payload: bytes, is_combined: bool, in_microseconds: bool) -> bytes:
    if in_microseconds:
        payload = _TIMES.sub(rb"\g<1>\g<2>000", payload)
    if is_combined:
        payload = b'{"stream":%b,"data":%b}' % (encode_json(stream), payload)
    return text_frame(payload)


def _decode(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise StreamError(3, "Invalid JSON: expected value at line 1 column 1") from None


def _read_id(fields: dict[str, msgspec.Raw]) -> bytes:
    raw = bytes(fields["id"]) if "id" in fields else b""
    if not _ID.match(raw):
        raise StreamError(2, "Invalid request: request ID must be an unsigned integer")
    return raw


def _read_method(fields: dict[str, msgspec.Raw], length: int) -> str:
    if "method" not in fields:
        raise StreamError(2, f"Invalid request: missing field `method` at line 1 column {length}")
    if fields.keys() - {"method", "params", "id"}:
        raise StreamError(2, "Invalid request: too many parameters")
    try:
        method = msgspec.json.decode(fields["method"], type=str)
    except msgspec.MsgspecError:
        method = ""
    if method not in _METHODS:
        expected = ", ".join(f"`{name}`" for name in _METHODS)
        text = f"Invalid request: unknown variant `{method}`, expected one of {expected} at line 1 column {length}"
        raise StreamError(2, text)
    return method


def _read_parameters(fields: dict[str, msgspec.Raw], method: str) -> list[object]:
    try:
        return msgspec.json.decode(fields["params"], type=list[object]) if "params" in fields else []
    except (msgspec.MsgspecError, RecursionError):
        wanted = "streams must be an array" if "SUBSCRIBE" in method else "property name must be a string"
        raise StreamError(2, f"Invalid request: {wanted}") from None


def _property(connection: StreamConnection, method: str, parameters: list[object]) -> object:
    expected = 2 if method == "SET_PROPERTY" else 1
    if not parameters or not isinstance(parameters[0], str):
        raise StreamError(2, "Invalid request: property name must be a string")
    if len(parameters) > expected:
        raise StreamError(2, "Invalid request: too many parameters")
    if parameters[0] != "combined":
        raise StreamError(0, "Unknown property")
    if method == "GET_PROPERTY":
        return connection.is_combined
    if len(parameters) < expected or not isinstance(parameters[1], bool):
        raise StreamError(1, "Invalid value type: expected Boolean")
    connection.is_combined = parameters[1]
    return None
