"""The connections of one simulated venue: HTTP until the upgrade, then WebSocket, all on the venue's own ports.

The venue says what is answered (``PortHandler``); how bytes become requests and frames, what happens to a reader that
does not read, and what a fault script does to either (``play``), is here.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from adapters.simulator.faults.layer import FAULT_TIMER, FaultLayer
from adapters.simulator.faults.target import FaultTarget
from adapters.simulator.http_server import HttpRequest, HttpResponse, HttpServer
from adapters.simulator.links import FLUSH_TIMER, Links
from adapters.simulator.websocket_server import (
    WebSocketMessage,
    WebSocketPing,
    WebSocketPong,
    WebSocketServer,
    text_frame,
)
from engine.actor import Context

__all__ = ["Port", "PortHandler"]


class PortHandler(Protocol):
    """The venue, as its port sees it. Nothing here may raise."""

    def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer to a plain request."""
        ...

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        """Why this upgrade to WebSocket is refused; None: it is welcome."""
        ...

    def opened(self, link: str, request: HttpRequest) -> None:
        """The WebSocket connection stands; now frames may be sent."""
        ...

    def received(self, link: str, message: WebSocketMessage) -> None: ...

    def gone(self, link: str) -> None:
        """A WebSocket connection has ended, whoever ended it."""
        ...


#: Told of each ping and pong of a WebSocket connection.
Control = Callable[[str, WebSocketPing | WebSocketPong], None]


class Port:
    """Every connection of one venue. Callbacks of the actor are passed on to the methods of the same name; the venue
    sets ``now_ns`` first. ``faults`` is None unless faults are played."""

    def __init__(
        self, ctx: Context, handler: PortHandler, backlog_bytes_max: int, control: Control | None = None
    ) -> None:
        self._ctx = ctx
        self._handler = handler
        self._control = control
        self.links = Links(ctx, backlog_bytes_max)
        self._http: dict[str, HttpServer] = {}
        self._websockets: dict[str, WebSocketServer] = {}
        self.faults: FaultLayer | None = None
        self.now_ns = 0
        self.connections_opened = 0
        self.websockets_opened = 0

    @property
    def connections_open(self) -> int:
        return len(self._http) + len(self._websockets)

    @property
    def websockets(self) -> tuple[str, ...]:
        """The links that are WebSocket connections, oldest first."""
        return tuple(self._websockets)

    def play(self, target: FaultTarget) -> FaultLayer:
        """Let faults happen from now on; returns the layer, which takes the rules."""
        if self.faults is None:
            self.faults = FaultLayer(self, self._ctx, self._handler, target)
        return self.faults

    def wall_ns(self, now_ns: int) -> int:
        """UTC by the venue's clock, which a fault may have put wrong."""
        skew_ns = 0 if self.faults is None else self.faults.clock_skew_ns
        return self._ctx.wall_ns(now_ns) + skew_ns

    # -- from the runtime ---------------------------------------------------------------------------------------

    def on_link_up(self, link: str) -> None:
        self.connections_opened += 1
        self._http[link] = HttpServer(partial(self._respond, link))

    def on_link_bytes(self, link: str, data: bytes) -> None:
        if self.links.is_muted(link):
            return
        server = self._http.get(link)
        if server is not None:
            self._on_http_bytes(link, server, data)
        elif link in self._websockets:
            self._on_websocket_bytes(link, self._websockets[link], data)

    def on_link_down(self, link: str) -> None:
        self.links.forget(link)
        self._forget(link)

    def on_timer(self, key: str) -> None:
        """Timers of the port; any other key is not for it."""
        if key == FLUSH_TIMER:
            self.links.flush(self.now_ns)
        elif key == FAULT_TIMER and self.faults is not None:
            self.faults.on_timer()

    def clean_up(self) -> None:
        """After each callback: forget the readers that were dropped for being slow."""
        while self.links.dropped:
            self._forget(self.links.dropped.pop())

    # -- from the venue -----------------------------------------------------------------------------------------

    def send(self, link: str, payload: bytes) -> None:
        """One text message."""
        self.send_frame(link, text_frame(payload))

    def send_frame(self, link: str, frame: bytes) -> None:
        """A frame made by ``text_frame``: made once, it can go to many."""
        if self.faults is not None:
            self.faults.sending(link, frame)
        elif link in self._websockets:
            self.links.write(link, frame, self.now_ns)

    def ping(self, link: str, payload: bytes) -> None:
        websocket = self._websockets.get(link)
        if websocket is not None:
            websocket.ping(payload)
            self.links.write(link, websocket.outgoing(), self.now_ns)

    def close(self, link: str, code: int, reason: str) -> None:
        """Say good-bye as far as the protocol allows, and drop the connection."""
        websocket = self._websockets.get(link)
        if websocket is not None:
            websocket.close(code, reason)
            self.links.write(link, websocket.outgoing(), self.now_ns)
        self._drop(link)

    def close_all(self, code: int, reason: str) -> None:
        for link in self.connections():
            self.close(link, code, reason)

    # -- for the fault layer ------------------------------------------------------------------------------------

    def connections(self) -> list[str]:
        """Every link, plain HTTP first."""
        return [*self._http, *self._websockets]

    def is_open(self, link: str) -> bool:
        return link in self._websockets or link in self._http

    def write_frame(self, link: str, frame: bytes) -> None:
        """A frame that nothing is done to any more."""
        if link in self._websockets:
            self.links.write(link, frame, self.now_ns)

    def answer(self, link: str, response: HttpResponse) -> None:
        """The answer to the oldest request of a plain connection that has none yet."""
        server = self._http.get(link)
        if server is not None:
            self.links.write(link, server.answer(response), self.now_ns)
            self._after_http(link, server)

    # -- bytes --------------------------------------------------------------------------------------------------

    def _respond(self, link: str, request: HttpRequest) -> HttpResponse | None:
        if self.faults is not None:
            return self.faults.respond(link, request)
        return self._handler.respond(request)

    def _on_http_bytes(self, link: str, server: HttpServer, data: bytes) -> None:
        self.links.write(link, server.receive_data(data), self.now_ns)
        self._after_http(link, server)

    def _after_http(self, link: str, server: HttpServer) -> None:
        if server.upgrade is not None and link in self._http:
            self._upgrade(link, server, server.upgrade)
        if server.closed and link in self._http:
            self._drop(link)

    def _upgrade(self, link: str, server: HttpServer, request: HttpRequest) -> None:
        refusal = self.faults.refuse() if self.faults is not None else None
        refusal = refusal or self._handler.refuse(request)
        if refusal is not None:
            self.links.write(link, server.refuse_upgrade(refusal), self.now_ns)
            return
        answer, websocket = WebSocketServer.accept(request)
        self.links.write(link, answer, self.now_ns)
        if websocket is None:
            server.closed = True
            return
        del self._http[link]
        self._websockets[link] = websocket
        self.websockets_opened += 1
        if self.faults is not None:
            self.faults.opened(link, request)
        self._handler.opened(link, request)
        if server.trailing and link in self._websockets:
            self._on_websocket_bytes(link, websocket, server.trailing)

    def _on_websocket_bytes(self, link: str, websocket: WebSocketServer, data: bytes) -> None:
        for event in websocket.receive_data(data):
            if not isinstance(event, WebSocketMessage):
                if self._control is not None:
                    self._control(link, event)
            elif self.faults is not None:
                self.faults.received(link, event)
            else:
                self._handler.received(link, event)
            if link not in self._websockets:
                return
        self.links.write(link, websocket.outgoing(), self.now_ns)
        if websocket.closed:
            self._drop(link)

    def _drop(self, link: str) -> None:
        self._forget(link)
        self.links.close(link)

    def _forget(self, link: str) -> None:
        if self.faults is not None:
            self.faults.gone(link)
        self._http.pop(link, None)
        if self._websockets.pop(link, None) is not None:
            self._handler.gone(link)
