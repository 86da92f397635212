"""The server side of one WebSocket connection, sans-I/O, over ``websockets``' protocol machine.

Data frames can be built once with :func:`text_frame` and written to any number of connections: a server's frames are
not masked, so the same bytes serve every subscriber.
"""

import struct
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from adapters.simulator.http_server import HttpRequest

__all__ = ["WebSocketMessage", "WebSocketPing", "WebSocketPong", "WebSocketServer", "text_frame"]

_MESSAGE_BYTES_MAX = 256 * 1024


class WebSocketMessage(NamedTuple):
    """One whole message, fragments joined."""

    data: bytes
    is_text: bool


class WebSocketPing(NamedTuple):
    """The peer's ping; its pong is already in ``outgoing()``."""

    payload: bytes


class WebSocketPong(NamedTuple):
    payload: bytes


def text_frame(payload: bytes) -> bytes:
    """An unmasked, unfragmented text frame."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 65536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload


class WebSocketServer:
    """One open connection; made by :meth:`accept`. ``closed`` is true once the connection must be dropped."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(state=State.OPEN, max_size=_MESSAGE_BYTES_MAX)
        self._fragments: list[bytes] = []
        self._fragments_text = True
        self._out: list[bytes] = []
        self.closed = False

    @staticmethod
    def accept(request: HttpRequest) -> tuple[bytes, "WebSocketServer | None"]:
        """The handshake's answer, and the connection when it was accepted.

        The answer carries no Date header: the wire must depend on nothing but the bytes that came in.
        """
        headers = Headers()
        for name, value in request.headers.items():
            headers[name] = value
        response = ServerProtocol().accept(Request(request.target, headers))
        if "Date" in response.headers:
            del response.headers["Date"]
        return response.serialize(), WebSocketServer() if response.status_code == 101 else None

    def receive_data(self, data: bytes) -> list[WebSocketMessage | WebSocketPing | WebSocketPong]:
        """Take bytes from the peer. Afterwards write ``outgoing()`` and look at ``closed``. Never raises."""
        if self.closed or not data:
            return []
        self._protocol.receive_data(data)
        events: list[WebSocketMessage | WebSocketPing | WebSocketPong] = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._on_frame(event, events)
        self._collect()
        return events

    def ping(self, payload: bytes) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(payload)
            self._collect()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and drop the connection."""
        if self._protocol.state is State.OPEN:
            self._protocol.fail(code, reason)
            self._collect()
        self.closed = True

    def outgoing(self) -> bytes:
        """What has to be written to the peer now."""
        out, self._out = b"".join(self._out), []
        return out

    def _on_frame(self, frame: Frame, events: list[WebSocketMessage | WebSocketPing | WebSocketPong]) -> None:
        data = bytes(frame.data)
        if frame.opcode is Opcode.PING:
            events.append(WebSocketPing(data))
        elif frame.opcode is Opcode.PONG:
            events.append(WebSocketPong(data))
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                self._fragments_text = frame.opcode is Opcode.TEXT
            self._fragments.append(data)
            if frame.fin:
                events.append(WebSocketMessage(b"".join(self._fragments), self._fragments_text))
                self._fragments = []

    def _collect(self) -> None:
        for data in self._protocol.data_to_send():
            if data == SEND_EOF:
                self.closed = True
            else:
                self._out.append(data)
