"""A sans-I/O HTTP/1.1 client for one kept-alive connection, over h11.

One request is in flight at a time (no pipelining), so a response belongs to the request before it. The caller owns the
socket: ``request`` returns the bytes to write, ``receive`` takes the bytes that came and returns the response when it
is whole.
"""

from collections.abc import Mapping
from typing import NamedTuple

import h11

from engine.actor import Endpoint
from engine.errors import UsageError, VenueError
from engine.instrument import NANOS

__all__ = ["HttpClient", "HttpResponse", "host_header", "retry_after_ns"]


class HttpResponse(NamedTuple):
    """A whole response. Header names are lower case; of a repeated header the last one counts."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """One connection's protocol state. Made anew for every connection.

    ``body_bytes_max`` bounds a response body, ``head_bytes_max`` its status line and headers together.
    """

    def __init__(self, host: str, body_bytes_max: int, head_bytes_max: int = 16_384) -> None:
        self._host = host
        self._body_bytes_max = body_bytes_max
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=head_bytes_max)
        self._response: h11.Response | None = None
        self._body = bytearray()
        self._busy = False
        #: False when the connection must be closed once the response that is being read is whole.
        self.is_reusable = True

    @property
    def is_idle(self) -> bool:
        """Whether a request may be written: none is in flight and the connection may be used again."""
        return not self._busy and self.is_reusable

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
        """The bytes of a request. Raises UsageError while another one is in flight."""
        if not self.is_idle:
            raise UsageError(f"{method} {target.partition('?')[0]}: the connection is busy or must be closed")
        fields = [("host", self._host), ("accept", "application/json"), *headers.items()]
        if method in ("POST", "PUT"):
            fields.append(("content-length", str(len(body))))
        head = self._connection.send(h11.Request(method=method, target=target, headers=fields))
        data = self._connection.send(h11.Data(data=body)) if body else b""
        end = self._connection.send(h11.EndOfMessage())
        self._busy = True
        return (head or b"") + (data or b"") + (end or b"")

    def posted(self) -> None:
        """The caller has made and written a whole POST itself, which is quicker: what comes is its response. Raises
        UsageError while another request is in flight."""
        self.request("POST", "/", {})

    def receive(self, data: bytes) -> HttpResponse | None:
        """Take bytes from the socket (``b""``: its end); the response, once it is whole.

        Raises VenueError for anything that is not HTTP, for an answer to nothing and for a body beyond the bound:
        the connection is then of no more use.
        """
        try:
            self._connection.receive_data(data)
            response = self._read()
        except h11.RemoteProtocolError as error:
            self.is_reusable = False
            raise VenueError(f"HTTP: {error}") from error
        self.is_reusable = self.is_reusable and data != b""
        return response

    def _read(self) -> HttpResponse | None:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return None
            if isinstance(event, h11.Response):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._body_bytes_max:
                    self.is_reusable = False
                    raise VenueError(f"HTTP: response body is longer than {self._body_bytes_max} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return self._end()
            elif isinstance(event, h11.ConnectionClosed):
                self.is_reusable = False
                if self._busy:
                    raise VenueError("HTTP: connection closed before the response")
                return None

    def _begin(self, event: h11.Response) -> None:
        if not self._busy:
            raise VenueError("HTTP: a response to no request")
        self._response = event

    def _end(self) -> HttpResponse:
        event, body = self._response, bytes(self._body)
        if event is None:
            raise VenueError("HTTP: end of a response that has not begun")
        self._response, self._body, self._busy = None, bytearray(), False
        if self._connection.our_state is h11.DONE and self._connection.their_state is h11.DONE:
            self._connection.start_next_cycle()
        else:
            self.is_reusable = False
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        return HttpResponse(event.status_code, headers, body)


def host_header(endpoint: Endpoint) -> str:
    default = 443 if endpoint.tls else 80
    return endpoint.host if endpoint.port == default else f"{endpoint.host}:{endpoint.port}"


def retry_after_ns(headers: Mapping[str, str]) -> int:
    """How long an answer (names in lower case) asks to be silent; 0: it does not say."""
    seconds = headers.get("retry-after", "")
    return int(seconds) * NANOS if seconds.isascii() and seconds.isdigit() and len(seconds) < 8 else 0
