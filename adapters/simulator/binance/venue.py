"""A simulated Binance spot venue: an actor that listens and speaks the venue's REST, WebSocket API and market streams.

One port serves everything. The actor is sans-I/O like every other: in the local and Ray runtimes it sits on real
sockets, plain or TLS; in virtual time it answers the very same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from adapters.simulator.accounts import Accounts
from adapters.simulator.binance.auth import KeyRing
from adapters.simulator.binance.call import Call, Venue
from adapters.simulator.binance.connections import Connection, Target, parse_target
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.exchange import Exchange
from adapters.simulator.binance.fault_target import BinanceFaults
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
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.market import Market, Public
from adapters.simulator.venue import SimulatedVenue
from adapters.simulator.websocket_server import WebSocketMessage, WebSocketPing, WebSocketPong
from engine.actor import Context, Endpoint
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


class SimulatedBinance(SimulatedVenue):
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
        super().__init__()
        self._endpoints = tuple(endpoints)
        self.accounts_with_keys = [account.name for account in accounts if account.keys]
        self._options = options
        listings = {symbol: Listing(symbol, market) for symbol, market in markets.items()}
        self.exchange = Exchange(listings, Accounts(accounts), options, self)
        self.limits = RateLimits(options.limits)
        self.keys = KeyRing((account.name, key) for account in accounts for key in account.keys)
        venue = Venue(self.exchange, self.limits, Identifiers(options.seed))
        self._venue = venue
        self.rest = Rest(venue, self.keys)
        self.api = WsApi(venue, self.keys)
        self.streams = MarketStreams(options.limits, self._on_subscribed)
        self._connections: dict[str, Connection] = {}
        self.silent_dropped = 0
        self.flooding_dropped = 0
        self._is_started = False
        self._has_subscribers = False
        self._market_due_ns: int | None = None

    # -- the actor ----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self._now_ns = now_ns
        self.open_port(ctx, self, self._options.backlog_bytes_max, self._on_control).now_ns = now_ns
        self.exchange.clock = self.server.wall_ns
        for number, endpoint in enumerate(self._endpoints):
            ctx.listen(f"venue{number}", endpoint)
        if not self._options.start_on_subscribe:
            self._start_markets()
        self._finish()

    def on_stop(self, now_ns: int) -> None:
        self.server.close_all(_GOING_AWAY, "")

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, StatusRequest):
            self._ctx.send(sender, status_report(self, self._ctx.name, message.nonce))

    def on_timer(self, key: str, now_ns: int) -> None:
        self._begin(now_ns)
        if key == _MARKET_TIMER:
            self._market_due_ns = None
        elif key == _START_TIMER:
            self._start_markets()
        elif key == _SHUTDOWN_TIMER:
            for link in self.server.websockets:
                self.server.close(link, _GOING_AWAY, "server shutdown")
        elif key.startswith(_PING_PREFIX):
            self._ping(key.removeprefix(_PING_PREFIX))
        elif key.startswith(_LIFE_PREFIX):
            self.server.close(key.removeprefix(_LIFE_PREFIX), _GOING_AWAY, "connection lifetime reached")
        else:
            self.server.on_timer(key)
        self._finish()

    def on_link_up(self, link: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.server.on_link_up(link)
        self._finish()

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._begin(now_ns)
        self.server.on_link_bytes(link, data)
        self._finish()

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.server.on_link_down(link)
        self._finish()

    def observe(self, observer: Callable[[str, Call], None]) -> None:
        """Have ``observer(method, call)`` told of every authorized request, before it is carried out."""
        self._venue.observe = observer

    def fault_target(self) -> BinanceFaults:
        return BinanceFaults(self)

    # -- what tests and operators can do to the venue -----------------------------------------------------------

    def announce_shutdown(self, now_ns: int, disconnect_after_ns: int) -> None:
        """Tell every WebSocket connection that the server will go, and drop them after ``disconnect_after_ns``."""
        self._begin(now_ns)
        wall_ns = self.wall_ns()
        self.api.announce_shutdown(wall_ns)
        self.streams.announce_shutdown(wall_ns)
        self._ctx.set_timer(_SHUTDOWN_TIMER, now_ns + disconnect_after_ns)
        self._finish()

    def revoke_key(self, api_key: str, now_ns: int) -> None:
        """Take an API key away, as its owner would: subscriptions opened with it end, its requests are refused."""
        self._begin(now_ns)
        self.keys.revoke(api_key)
        self.api.revoke(api_key, self.wall_ns())
        self._finish()

    def restore_key(self, api_key: str) -> None:
        """Give a revoked key back."""
        self.keys.restore(api_key)

    def set_trading(self, symbol: str, is_trading: bool) -> None:
        """Halt a symbol (new orders are refused: "Market is closed.") or open it again."""
        self.exchange.listings[symbol].is_trading = is_trading

    @property
    def port(self) -> int:
        """The port that the first endpoint really listens on."""
        return self._ctx.listening_port("venue0")

    # -- the exchange's feed ------------------------------------------------------------------------------------

    def user_event(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        self.api.user_event(account, render)

    def public_event(self, listing: Listing, event: Public) -> None:
        self.streams.publish(listing, event)

    # -- time ---------------------------------------------------------------------------------------------------

    def wall_ns(self) -> int:
        """UTC, by the venue's clock."""
        return self.server.wall_ns(self._now_ns)

    def _begin(self, now_ns: int) -> None:
        self._now_ns = self.server.now_ns = now_ns
        self.exchange.advance(now_ns)

    def _finish(self) -> None:
        """After each callback: bring the markets up to now, clean up dropped readers, set the next market timer."""
        if self._has_subscribers and not self._is_started:
            self._start_when_books_can_be_built()
        self.exchange.advance(self._now_ns)
        self.server.clean_up()
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
                listing.market.start(self._now_ns, self.wall_ns())

    # -- the port -----------------------------------------------------------------------------------------------

    def respond(self, request: HttpRequest) -> HttpResponse:
        return self.rest.respond(request, self._now_ns, self.wall_ns())

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        wall_ns = self.wall_ns()
        try:
            refusal = self.limits.connect(wall_ns)
            if refusal is not None:
                raise refusal
            if parse_target(request) is None:
                return HttpResponse(404, b"404 page not found", content_type="text/plain")
        except ApiError as error:
            return error_response(error, wall_ns)
        return None

    def opened(self, link: str, request: HttpRequest) -> None:
        """Make an upgraded link what its path says."""
        options, now_ns = self._options, self._now_ns
        self._ctx.set_timer(_PING_PREFIX + link, now_ns + options.ping_interval_ns)
        self._ctx.set_timer(_LIFE_PREFIX + link, now_ns + options.lifetime_ns)
        target = parse_target(request)
        assert target is not None, "an upgrade to any other path is refused"
        if target.is_api:
            self._open_session(link, target)
        else:
            self._open_stream(link, target)

    def _open_session(self, link: str, target: Target) -> None:
        wall_ns, limits = self.wall_ns(), self._options.limits
        self.limits.charge(_CONNECT_WEIGHT, wall_ns)
        send = partial(self.server.send, link)
        session = ApiSession(wall_ns, target.stamp, target.returns_rate_limits, limits, send)
        self.api.sessions[link] = session
        self._connections[link] = Connection(session, None)

    def _open_stream(self, link: str, target: Target) -> None:
        send_frame = partial(self.server.send_frame, link)
        stream = StreamConnection(target.is_combined, target.stamp is microseconds, send_frame)
        self.streams.connections[link] = stream
        self._connections[link] = Connection(None, stream)
        try:
            self.streams.subscribe(stream, target.streams)
        except StreamError as error:
            self.server.close(link, _POLICY_VIOLATION, error.text)

    def received(self, link: str, message: WebSocketMessage) -> None:
        connection = self._connections[link]
        if not self._admits(link, connection):
            return
        if connection.stream is not None:
            self.streams.receive(connection.stream, message.data)
        elif connection.session is not None and not self.api.receive(
            connection.session, message.data, message.is_text, self._now_ns, self.wall_ns()
        ):
            self.server.close(link, _POLICY_VIOLATION, "IP banned")

    def gone(self, link: str) -> None:
        """Nothing refers to the link any more. Orders stay, as at the real venue."""
        if self._connections.pop(link, None) is not None:
            self._ctx.cancel_timer(_PING_PREFIX + link)
            self._ctx.cancel_timer(_LIFE_PREFIX + link)
        self.api.sessions.pop(link, None)
        self.streams.remove(link)

    def _on_control(self, link: str, event: WebSocketPing | WebSocketPong) -> None:
        connection = self._connections[link]
        if self._admits(link, connection) and isinstance(event, WebSocketPong):
            connection.pong(event.payload)

    def _admits(self, link: str, connection: Connection) -> bool:
        """Count what comes on a stream connection: too much in a second ends it."""
        stream, per_second = connection.stream, self._options.limits.stream_messages_per_second
        if stream is None or stream.count_incoming(self._now_ns, per_second):
            return True
        self.flooding_dropped += 1
        self.server.close(link, _POLICY_VIOLATION, "Too many requests")
        return False

    def _ping(self, link: str) -> None:
        connection = self._connections.get(link)
        if connection is None:
            return
        if connection.is_silent(self._now_ns, self._options.pong_timeout_ns):
            self.silent_dropped += 1
            self.server.close(link, _POLICY_VIOLATION, "Pong timeout")
            return
        self.server.ping(link, connection.ping(self.wall_ns(), self._now_ns))
        self._ctx.set_timer(_PING_PREFIX + link, self._now_ns + self._options.ping_interval_ns)
