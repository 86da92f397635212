"""A sans-I/O WebSocket client: bytes in → whole messages out.

The protocol is ``websockets.client.ClientProtocol``: handshake, control frames, fragments, every rule about them. Two
paths are our own, because they are the ones that a tick and an order take:

    in    a whole, final, unmasked data frame is cut out of the stream right here; everything else, frame by frame, goes
          to the protocol (so the protocol always stands at a frame boundary, and skipping a frame is invisible to it)
    out   ``masked_text`` writes a frame without going through the protocol's buffers

No extension is ever offered, so every payload is what the peer wrote.
"""

import logging

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.frames import apply_mask as _apply_mask  # type: ignore[attr-defined]
from websockets.protocol import State
from websockets.uri import parse_uri

from engine.errors import VenueError

__all__ = ["HandshakeRefused", "WebSocketClient", "masked_text"]

_FINAL = (0x81, 0x82)  # text, binary
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
_HEAD_BYTES_MAX = 16_384
#: The protocol logs through this one: nothing below an error, and nothing of the payloads.
_LOGGER = logging.getLogger("haltline.websocket")
_LOGGER.setLevel(logging.CRITICAL)


class HandshakeRefused(VenueError):
    """The peer answered the handshake with something else than 101; ``headers`` have lower-case names."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(f"WebSocket handshake refused with HTTP status {status}")
        self.status, self.headers = status, headers


def masked_text(payload: bytes, mask: int) -> bytes:
    """One final text frame as a client sends it. ``mask`` is 32 bits."""
    key = mask.to_bytes(4, "big")
    length = len(payload)
    if length < 126:
        head = bytes((0x81, 0x80 | length))
    elif length < 65_536:
        head = b"\x81\xfe" + length.to_bytes(2, "big")
    else:
        head = b"\x81\xff" + length.to_bytes(8, "big")
    masked: bytes = _apply_mask(payload, key)
    return head + key + masked


class WebSocketClient:
    """One connection's protocol state. Made anew for every connection.

    ``uri`` is what the handshake asks for (``ws://`` or ``wss://``: TLS itself is the transport's). A message longer
    than ``message_bytes_max`` breaks the connection before it is buffered.
    """

    def __init__(self, uri: str, message_bytes_max: int) -> None:
        #: Why the connection is of no more use: broken, refused or closed by the peer. None while it is.
        self.failure: VenueError | None = None
        #: Whether ``outgoing`` has something: only after a control frame, so a tick need not ask.
        self.has_outgoing = False
        self._message_bytes_max = message_bytes_max
        self._protocol = ClientProtocol(parse_uri(uri), extensions=None, max_size=message_bytes_max, logger=_LOGGER)
        self._buffer = bytearray()
        self._need = 0
        self._fragments = bytearray()
        self._shaken = False

    @property
    def is_open(self) -> bool:
        return self._shaken and self.failure is None

    def handshake(self) -> bytes:
        """The bytes that open the connection."""
        self._protocol.send_request(self._protocol.connect())
        return self.outgoing()

    def outgoing(self) -> bytes:
        """What the protocol wants written after ``receive``: answers to pings and to a close."""
        self.has_outgoing = False
        return b"".join(self._protocol.data_to_send())

    def close(self) -> bytes:
        """The bytes of an orderly close; empty when the connection is not open."""
        if self.is_open and self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
        return self.outgoing()

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes from the socket; the messages that became whole, in order.

        Never raises: what came before a break or a close is still returned, and ``failure`` then tells why.
        """
        messages: list[bytes] = []
        if self.failure is not None:
            return messages
        buffer = self._buffer
        if buffer:
            buffer += data
            if len(buffer) < self._need:
                return messages
            data = bytes(buffer)
            buffer.clear()
            self._need = 0
        at = 0 if self._shaken else self._shake(data)
        if self._shaken and self.failure is None:
            at = self._cut(data, at, messages)
            if at < len(data) and self.failure is None:
                buffer += memoryview(data)[at:]
        return messages

    def _cut(self, data: bytes, at: int, messages: list[bytes]) -> int:
        """Cut whole frames out of ``data`` from ``at`` on; returns where the first incomplete one begins."""
        end, protocol = len(data), self._protocol
        while end - at >= 2:
            first, second = data[at], data[at + 1]
            length, start = second & 0x7F, at + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                if end < start:
                    break
                length = int.from_bytes(data[at + 2 : start], "big")
            if length > self._message_bytes_max or second & 0x80:
                self._feed(data[at:start], messages)  # the protocol refuses the head already
                break
            stop = start + length
            if stop > end:
                self._need = stop - at
                break
            if first in _FINAL and protocol.current_size is None:
                messages.append(data[start:stop])
            elif not self._feed(data[at:stop], messages):
                break
            at = stop
        return at

    def _shake(self, data: bytes) -> int:
        """The handshake's answer; returns where the frames begin."""
        stop = data.find(b"\r\n\r\n") + 4
        if stop < 4:
            if len(data) > _HEAD_BYTES_MAX:
                self.failure = VenueError(f"WebSocket: no end of the handshake within {_HEAD_BYTES_MAX} bytes")
            self._buffer += data
            return 0
        head = data[:stop]
        self.failure = _refusal(head)
        if self.failure is None:
            self._protocol.receive_data(head)
            error = self._protocol.handshake_exc
            if error is not None or self._protocol.state is not State.OPEN:
                self.failure = VenueError(f"WebSocket handshake: {error}")
        self._protocol.events_received()
        self._shaken = True
        return stop

    def _feed(self, frame: bytes, messages: list[bytes]) -> bool:
        """Let the protocol judge one frame that is not a plain message; False when the connection ends with it."""
        self._protocol.receive_data(frame)
        self.has_outgoing = True
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _DATA:
                self._fragments += event.data
                if event.fin:
                    messages.append(bytes(self._fragments))
                    self._fragments.clear()
        if self._protocol.parser_exc is not None or self._protocol.close_rcvd is not None:
            self.failure = VenueError(f"WebSocket closed: {self._ending()}")
        return self.failure is None

    def _ending(self) -> str:
        error = self._protocol.parser_exc
        if error is not None:
            return str(error) or type(error).__name__
        return str(self._protocol.close_rcvd)


def _refusal(head: bytes) -> VenueError | None:
    """What speaks against an HTTP head being a handshake's answer, as far as its status tells."""
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status = rest[:3]
    if version != "HTTP/1.1" or not (status.isascii() and status.isdigit() and rest[3:4] in ("", " ")):
        return VenueError("WebSocket handshake: not an HTTP/1.1 response")
    if status == "101":
        return None
    fields = (line.partition(":") for line in lines[1:] if line)
    return HandshakeRefused(int(status), {name.lower(): value.strip() for name, _, value in fields})
