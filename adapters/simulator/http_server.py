"""The server side of one HTTP/1.1 connection, sans-I/O: bytes in, bytes out, requests answered in order.

Every request is answered by a plain function, at once, so pipelined requests need no queue; one that it gives no answer
to holds up the rest until ``answer`` brings it, which may be never. A WebSocket upgrade ends the HTTP part: ``upgrade``
then holds the request and ``trailing`` the bytes that already followed it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import h11

__all__ = ["HttpRequest", "HttpResponse", "HttpServer"]

_HEADER_BYTES_MAX = 16 * 1024
_BODY_BYTES_MAX = 64 * 1024


class HttpRequest(NamedTuple):
    """``target`` is as sent (still percent-encoded); header names are lower case, the last of equal names wins."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class HttpResponse(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json;charset=UTF-8"


class HttpServer:
    """One connection. ``closed`` becomes true when the connection is to be closed after the returned bytes.
    ``respond`` returns None for an answer that comes later (``answer``)."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse | None]) -> None:
        self._respond = respond
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADER_BYTES_MAX)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._out: list[bytes] = []
        self._is_owing = False
        self.closed = False
        self.upgrade: HttpRequest | None = None
        self.trailing = b""

    def receive_data(self, data: bytes) -> bytes:
        """Take bytes from the peer and return the bytes to write to it. Never raises for what the peer sent."""
        if self.closed or self.upgrade is not None or not data:
            return b""
        return self._advance(data)

    def answer(self, response: HttpResponse) -> bytes:
        """The answer that ``respond`` did not give, and those to what has waited behind it; the bytes to write."""
        if self._is_owing:
            self._finish(response)
            self._is_owing = False
        return self._advance(b"")

    def _advance(self, data: bytes) -> bytes:
        try:
            if data:
                self._connection.receive_data(data)
            while not self.closed and not self._is_owing and self._step():
                pass
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error))
        out, self._out = b"".join(self._out), []
        return out

    def refuse_upgrade(self, response: HttpResponse) -> bytes:
        """The bytes that answer the upgrade request with anything but the upgrade; the connection is then closed."""
        self._answer(response, head=False, close=True)
        self.closed = True
        out, self._out = b"".join(self._out), []
        return out

    def _step(self) -> bool:
        """Handle one event; False when there is nothing more to do before more bytes come."""
        connection = self._connection
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
            return False
        if event is h11.PAUSED:
            return False
        if isinstance(event, h11.Request):
            self._request, self._body = event, bytearray()
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > _BODY_BYTES_MAX:
                self._refuse(413, "request body too large")
        elif isinstance(event, h11.EndOfMessage):
            self._complete()
        elif isinstance(event, h11.ConnectionClosed):
            self.closed = True
        return not self.closed and self.upgrade is None

    def _complete(self) -> None:
        event = self._request
        assert event is not None, "a message ends only after it began"
        request = HttpRequest(
            event.method.decode("ascii"),
            event.target.decode("ascii"),
            {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers},
            bytes(self._body),
        )
        if request.headers.get("upgrade", "").lower() == "websocket" and request.method == "GET":
            self.upgrade, self.trailing = request, self._connection.trailing_data[0]
            return
        response = self._respond(request)
        if response is None:
            self._is_owing = True
        else:
            self._finish(response)

    def _finish(self, response: HttpResponse) -> None:
        assert self._request is not None, "an answer follows a request"
        self._answer(response, self._request.method == b"HEAD")
        if self._connection.our_state is h11.MUST_CLOSE:
            self.closed = True
        else:
            self._connection.start_next_cycle()

    def _answer(self, response: HttpResponse, head: bool, close: bool = False) -> None:
        headers = [
            ("content-type", response.content_type),
            ("content-length", str(len(response.body))),
            *response.headers,
        ]
        if close:
            headers.append(("connection", "close"))
        self._send(h11.Response(status_code=response.status, headers=headers))
        if response.body and not head:
            self._send(h11.Data(data=response.body))
        self._send(h11.EndOfMessage())

    def _refuse(self, status: int, text: str) -> None:
        """Answer what is not HTTP, where an answer is still possible, and close."""
        if self._connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(HttpResponse(status, text.encode(), content_type="text/plain"), head=False, close=True)
        self.closed = True

    def _send(self, event: h11.Event) -> None:
        data = self._connection.send(event)
        if data:
            self._out.append(data)
