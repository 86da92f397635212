"""A simulated Binance spot venue: an actor that listens and speaks the venue's REST, WebSocket API and market streams.

One port serves everything. The actor is sans-I/O like every other: in the local and Ray runtimes it sits on real
sockets, plain or TLS; in virtual time it answers the very same bytes.
"""

from collections.abc import Callable, Mapping, Sequence

from adapters.simulator.accounts import Accounts
from adapters.simulator.binance.auth import KeyRing
from adapters.simulator.binance.call import Call, Venue
from adapters.simulator.binance.connections import HttpConnection, Target, WebSocketConnection, parse_target
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.exchange import Exchange
from adapters.simulator.binance.identifiers import Identifiers
from adapters.simulator.binance.limits import RateLimits
from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.orders import Stamp, microseconds
from adapters.simulator.binance.rest import Rest, error_response
from adapters.simulator.binance.sessions import ApiSession
from adapters.simulator.binance.settings import SimAccount, VenueOptions
from adapters.simulator.binance.status import status_report
from adapters.simulator.binance.streams import MarketStreams, StreamConnection, StreamError
from adapters.simulator.binance.ws_api import WsApi
from adapters.simulator.http_server import HttpRequest, HttpResponse, HttpServer
from adapters.simulator.links import FLUSH_TIMER, Links
from adapters.simulator.market import Market, Public
from adapters.simulator.websocket_server import WebSocketMessage, WebSocketPong, WebSocketServer, text_frame
from engine.actor import Actor, Context, Endpoint
from engine.errors import UsageError
from engine.messages import Message, StatusRequest

__all__ = ["SimulatedBinance"]

_MARKET_TIMER = "market"
_SHUTDOWN_TIMER = "shutdown"
_START_TIMER = "start"
_PING_PREFIX = "ping:"
_LIFE_PREFIX = "life:"
_CONNECT_WEIGHT = 2
_POLICY_VIOLATION = 1008
_GOING_AWAY = 1001
_DEFAULT_OPTIONS = VenueOptions()


class SimulatedBinance(Actor):
    """The venue. ``markets`` by symbol, ``accounts`` with their keys, ``endpoints`` to listen on (keys ``venue0``, …).

    Raises UsageError for accounts, keys or instruments that cannot be.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        accounts: Sequence[SimAccount],
        endpoints: Sequence[Endpoint],
        options: VenueOptions = _DEFAULT_OPTIONS,
    ) -> None:
        if not markets or not endpoints:
            raise UsageError("a simulated venue needs at least one market and one endpoint to listen on")
        self._endpoints = tuple(endpoints)
        self._options = options
        listings = {symbol: Listing(symbol, market) for symbol, market in markets.items()}
        self.exchange = Exchange(listings, Accounts(accounts), options, self)
        self.limits = RateLimits(options.limits)
        self._keys = KeyRing((account.name, key) for account in accounts for key in account.keys)
        venue = Venue(self.exchange, self.limits, Identifiers(options.seed))
        self._venue = venue
        self.rest = Rest(venue, self._keys)
        self.api = WsApi(venue, self._keys)
        self.streams = MarketStreams(options.limits, self._on_subscribed)
        self._connections: dict[str, HttpConnection | WebSocketConnection] = {}
        self.connections_opened = 0
        self.websockets_opened = 0
        self.silent_dropped = 0
        self.flooding_dropped = 0
        self._is_started = False
        self._has_subscribers = False
        self._market_due_ns: int | None = None

    # -- the actor ----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self._now_ns = now_ns
        self.links = Links(ctx, self._options.backlog_bytes_max)
        self.exchange.clock = ctx.wall_ns
        for number, endpoint in enumerate(self._endpoints):
            ctx.listen(f"venue{number}", endpoint)
        if not self._options.start_on_subscribe:
            self._start_markets()
        self._finish()

    def on_stop(self, now_ns: int) -> None:
        for link in list(self._connections):
            self._close(link, _GOING_AWAY, "")

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, StatusRequest):
            self._ctx.send(sender, status_report(self, self._ctx.name, message.nonce))

    def on_timer(self, key: str, now_ns: int) -> None:
        self._begin(now_ns)
        if key == _MARKET_TIMER:
            self._market_due_ns = None
        elif key == _START_TIMER:
            self._start_markets()
        elif key == FLUSH_TIMER:
            self.links.flush(now_ns)
        elif key == _SHUTDOWN_TIMER:
            for link in [link for link, c in self._connections.items() if isinstance(c, WebSocketConnection)]:
                self._close(link, _GOING_AWAY, "server shutdown")
        elif key.startswith(_PING_PREFIX):
            self._ping(key.removeprefix(_PING_PREFIX))
        elif key.startswith(_LIFE_PREFIX):
            self._close(key.removeprefix(_LIFE_PREFIX), _GOING_AWAY, "connection lifetime reached")
        self._finish()

    def on_link_up(self, link: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.connections_opened += 1
        self._connections[link] = HttpConnection(HttpServer(self._respond))
        self._finish()

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._begin(now_ns)
        connection = self._connections.get(link)
        if isinstance(connection, HttpConnection):
            self._on_http_bytes(link, connection, data)
        elif connection is not None:
            self._on_websocket_bytes(link, connection, data)
        self._finish()

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.links.forget(link)
        self._forget(link)
        self._finish()

    def observe(self, observer: Callable[[str, Call], None]) -> None:
        """Have ``observer(method, call)`` told of every authorized request, before it is carried out."""
        self._venue.observe = observer

    # -- what tests and operators can do to the venue -----------------------------------------------------------

    def announce_shutdown(self, now_ns: int, disconnect_after_ns: int) -> None:
        """Tell every WebSocket connection that the server will go, and drop them after ``disconnect_after_ns``."""
        self._begin(now_ns)
        wall_ns = self._ctx.wall_ns(now_ns)
        self.api.announce_shutdown(wall_ns)
        self.streams.announce_shutdown(wall_ns)
        self._ctx.set_timer(_SHUTDOWN_TIMER, now_ns + disconnect_after_ns)
        self._finish()

    def revoke_key(self, api_key: str, now_ns: int) -> None:
        """Take an API key away, as its owner would: subscriptions opened with it end, its requests are refused."""
        self._begin(now_ns)
        self._keys.revoke(api_key)
        self.api.revoke(api_key, self._ctx.wall_ns(now_ns))
        self._finish()

    def restore_key(self, api_key: str) -> None:
        """Give a revoked key back."""
        self._keys.restore(api_key)

    def set_trading(self, symbol: str, is_trading: bool) -> None:
        """Halt a symbol (new orders are refused: "Market is closed.") or open it again."""
        self.exchange.listings[symbol].is_trading = is_trading

    @property
    def port(self) -> int:
        """The port that the first endpoint really listens on."""
        return self._ctx.listening_port("venue0")

    @property
    def connections_open(self) -> int:
        return len(self._connections)

    # -- the exchange's feed ------------------------------------------------------------------------------------

    def user_event(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        self.api.user_event(account, render)

    def public_event(self, listing: Listing, event: Public) -> None:
        self.streams.publish(listing, event)

    # -- time ---------------------------------------------------------------------------------------------------

    def _begin(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self.exchange.advance(now_ns)

    def _finish(self) -> None:
        """After each callback: bring the markets up to now, clean up dropped readers, set the next market timer."""
        if self._has_subscribers and not self._is_started:
            self._start_when_books_can_be_built()
        self.exchange.advance(self._now_ns)
        while self.links.dropped:
            self._forget(self.links.dropped.pop())
        markets = (listing.market.next_event_ns() for listing in self.exchange.listings.values())
        due_ns = min((due for due in markets if due is not None), default=None)
        if due_ns is not None and due_ns != self._market_due_ns:
            self._market_due_ns = due_ns
            self._ctx.set_timer(_MARKET_TIMER, due_ns)

    def _on_subscribed(self) -> None:
        if not self._is_started:
            self._has_subscribers = True
            self._ctx.set_timer(_START_TIMER, self._now_ns + self._options.snapshot_grace_ns)

    def _start_when_books_can_be_built(self) -> None:
        """A reader of diffs needs a snapshot first; what only follows trades or tickers needs nothing."""
        listings = self.exchange.listings.values()
        if all(listing.snapshots_served or not self.streams.has_diff_readers(listing) for listing in listings):
            self._start_markets()

    def _start_markets(self) -> None:
        if not self._is_started:
            self._is_started = True
            for listing in self.exchange.listings.values():
                listing.market.start(self._now_ns, self._ctx.wall_ns(self._now_ns))

    # -- HTTP ---------------------------------------------------------------------------------------------------

    def _respond(self, request: HttpRequest) -> HttpResponse:
        return self.rest.respond(request, self._now_ns, self._ctx.wall_ns(self._now_ns))

    def _on_http_bytes(self, link: str, connection: HttpConnection, data: bytes) -> None:
        server = connection.server
        self.links.write(link, server.receive_data(data), self._now_ns)
        if server.upgrade is not None:
            self._upgrade(link, server, server.upgrade)
        if server.closed:
            self._forget(link)
            self.links.close(link)

    def _upgrade(self, link: str, server: HttpServer, request: HttpRequest) -> None:
        wall_ns = self._ctx.wall_ns(self._now_ns)
        try:
            refusal = self.limits.connect(wall_ns)
            if refusal is not None:
                raise refusal
            target = parse_target(request)
        except ApiError as error:
            self.links.write(link, server.refuse_upgrade(error_response(error, wall_ns)), self._now_ns)
            return
        if target is None:
            missing = HttpResponse(404, b"404 page not found", content_type="text/plain")
            self.links.write(link, server.refuse_upgrade(missing), self._now_ns)
            return
        answer, websocket = WebSocketServer.accept(request)
        self.links.write(link, answer, self._now_ns)
        if websocket is None:
            server.closed = True
            return
        self._open(link, websocket, target)
        if server.trailing and link in self._connections:
            self._on_websocket_bytes(link, self._websocket(link), server.trailing)

    # -- WebSocket ----------------------------------------------------------------------------------------------

    def _websocket(self, link: str) -> WebSocketConnection:
        connection = self._connections[link]
        assert isinstance(connection, WebSocketConnection), "the link was upgraded"
        return connection

    def _open(self, link: str, websocket: WebSocketServer, target: Target) -> None:
        """Make an upgraded link what its path says."""
        self.websockets_opened += 1
        options, now_ns = self._options, self._now_ns
        wall_ns = self._ctx.wall_ns(now_ns)
        self._ctx.set_timer(_PING_PREFIX + link, now_ns + options.ping_interval_ns)
        self._ctx.set_timer(_LIFE_PREFIX + link, now_ns + options.lifetime_ns)
        if target.is_api:
            self.limits.charge(_CONNECT_WEIGHT, wall_ns)
            session = ApiSession(
                wall_ns, target.stamp, target.returns_rate_limits, options.limits, lambda data: self._send(link, data)
            )
            self.api.sessions[link] = session
            self._connections[link] = WebSocketConnection(websocket, session, None)
            return
        stream = StreamConnection(
            target.is_combined, target.stamp is microseconds, lambda frame: self._send_frame(link, frame)
        )
        self.streams.connections[link] = stream
        self._connections[link] = WebSocketConnection(websocket, None, stream)
        try:
            self.streams.subscribe(stream, target.streams)
        except StreamError as error:
            self._close(link, _POLICY_VIOLATION, error.text)

    def _send(self, link: str, data: bytes) -> None:
        self._send_frame(link, text_frame(data))

    def _send_frame(self, link: str, frame: bytes) -> None:
        if link in self._connections:
            self.links.write(link, frame, self._now_ns)

    def _on_websocket_bytes(self, link: str, connection: WebSocketConnection, data: bytes) -> None:
        server = connection.server
        for event in server.receive_data(data):
            if connection.stream is not None and not connection.stream.count_incoming(
                self._now_ns, self._options.limits.stream_messages_per_second
            ):
                self.flooding_dropped += 1
                self._close(link, _POLICY_VIOLATION, "Too many requests")
                return
            if isinstance(event, WebSocketPong):
                connection.pong(event.payload)
            elif isinstance(event, WebSocketMessage):
                self._on_request(link, connection, event)
            if link not in self._connections:
                return
        self.links.write(link, server.outgoing(), self._now_ns)
        if server.closed:
            self._forget(link)
            self.links.close(link)

    def _on_request(self, link: str, connection: WebSocketConnection, message: WebSocketMessage) -> None:
        if connection.stream is not None:
            self.streams.receive(connection.stream, message.data)
        elif connection.session is not None:
            wall_ns = self._ctx.wall_ns(self._now_ns)
            if not self.api.receive(connection.session, message.data, message.is_text, self._now_ns, wall_ns):
                self._close(link, _POLICY_VIOLATION, "IP banned")

    def _ping(self, link: str) -> None:
        connection = self._connections.get(link)
        if not isinstance(connection, WebSocketConnection):
            return
        if connection.is_silent(self._now_ns, self._options.pong_timeout_ns):
            self.silent_dropped += 1
            self._close(link, _POLICY_VIOLATION, "Pong timeout")
            return
        connection.ping(self._ctx.wall_ns(self._now_ns), self._now_ns)
        self.links.write(link, connection.server.outgoing(), self._now_ns)
        self._ctx.set_timer(_PING_PREFIX + link, self._now_ns + self._options.ping_interval_ns)

    def _close(self, link: str, code: int, reason: str) -> None:
        """Say good-bye as far as the protocol allows, and drop the link."""
        connection = self._connections.get(link)
        if connection is None:
            return
        if isinstance(connection, WebSocketConnection):
            connection.server.close(code, reason)
            self.links.write(link, connection.server.outgoing(), self._now_ns)
        self._forget(link)
        self.links.close(link)

    def _forget(self, link: str) -> None:
        """A link is gone: nothing refers to it any more. Orders stay, as at the real venue."""
        if isinstance(self._connections.pop(link, None), WebSocketConnection):
            self._ctx.cancel_timer(_PING_PREFIX + link)
            self._ctx.cancel_timer(_LIFE_PREFIX + link)
        self.api.sessions.pop(link, None)
        self.streams.remove(link)
