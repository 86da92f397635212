"""A simulated Kraken spot venue: an actor that listens and speaks the venue's REST and WebSocket v2 protocols.

One port serves everything: ``/0/public``, ``/0/private`` and, for public and private channels alike, ``/v2``. The
actor is sans-I/O like every other: on real sockets or in virtual time, it answers the very same bytes.
"""

from collections.abc import Mapping, Sequence

from adapters.simulator.accounts import Accounts
from adapters.simulator.client_order import Fill
from adapters.simulator.encoding import encode_json
from adapters.simulator.exchange import Exchange
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.kraken.auth import KeyRing
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import Ids
from adapters.simulator.kraken.fault_target import KrakenFaults
from adapters.simulator.kraken.front import SocketFront
from adapters.simulator.kraken.names import PairNames
from adapters.simulator.kraken.order_entry import Moment
from adapters.simulator.kraken.orders import KrakenOrder
from adapters.simulator.kraken.private_feed import PrivateFeed
from adapters.simulator.kraken.public_feed import PublicFeed
from adapters.simulator.kraken.rest import Rest
from adapters.simulator.kraken.settings import SimAccount, VenueOptions
from adapters.simulator.kraken.status import status_report
from adapters.simulator.kraken.tokens import Tokens
from adapters.simulator.kraken.trading import Customer, Trading
from adapters.simulator.listing import Listing
from adapters.simulator.market import Market, Public
from adapters.simulator.public_trades import PublicTrade, public_trade
from adapters.simulator.venue import SimulatedVenue
from adapters.simulator.websocket_server import WebSocketMessage, text_frame
from adapters.simulator.window import Window
from engine.actor import Context, Endpoint
from engine.errors import UsageError
from engine.messages import Message, StatusRequest

__all__ = ["SimulatedKraken"]

_MARKET_TIMER = "market"
_BEAT_TIMER = "beat"
_SWITCH_TIMER = "switch"
_PATH = "/v2"
_TEN_MINUTES_NS = 600_000_000_000
_GOING_AWAY = 1001
_HEARTBEAT = text_frame(encode_json({"channel": "heartbeat"}))
_DEFAULT_OPTIONS = VenueOptions()


class SimulatedKraken(SimulatedVenue):
    """The venue. ``markets`` by symbol (BTC/USD), ``accounts`` with their keys, ``endpoints`` to listen on (keys
    ``venue0``, …). Raises UsageError for accounts, keys or instruments that cannot be."""

    def __init__(
        self,
        markets: Mapping[str, Market],
        accounts: Sequence[SimAccount],
        endpoints: Sequence[Endpoint],
        options: VenueOptions = _DEFAULT_OPTIONS,
    ) -> None:
        if not markets or not endpoints or not accounts:
            raise UsageError("a simulated venue needs at least one market, one account and one endpoint to listen on")
        super().__init__()
        self._endpoints, self._options = tuple(endpoints), options
        self.accounts_with_keys = [account.name for account in accounts if account.keys]
        listings = {symbol: Listing(market, options.cost_decimals) for symbol, market in markets.items()}
        for symbol, listing in listings.items():
            if symbol != listing.symbol:
                raise UsageError(f"the market listed as {symbol} trades {listing.symbol}")
        self.exchange: Exchange[KrakenOrder] = Exchange(listings, Accounts(accounts), self, options.orders_remembered)
        ids = Ids(options.seed)
        keys = KeyRing(
            [(account.name, key) for account in accounts for key in account.keys],
            options.lockout_after,
            options.lockout_ns,
        )
        trading = Trading(self.exchange, ids)
        self.public_feed = PublicFeed(listings, self._send_frame)
        self.private_feed = PrivateFeed(trading.counters, ids, self._push)
        self.venue = Venue(
            self.exchange,
            trading,
            PairNames(listings),
            keys,
            Tokens(options.seed, options.token_life_ns, keys),
            {account.name: account.tier for account in accounts},
            self.public_feed,
            self.private_feed,
            options,
        )
        self.rest = Rest(self.venue)
        self._attempts = Window(options.connections_per_10_minutes, _TEN_MINUTES_NS)
        self._heard_ns: dict[str, int] = {}
        self._told_ns: dict[str, int] = {}
        self._trades: dict[str, list[PublicTrade]] = {}
        self._connection_id = 13_834_774_380_200_000_000
        self._is_started = False
        self._is_beating = False
        self._market_due_ns: int | None = None

    # -- the actor ----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self.open_port(ctx, self, self._options.backlog_bytes_max, None)
        self.front = SocketFront(self.venue, self.server, self._options.seed + 1)
        self.exchange.clock = self.server.wall_ns
        self._begin(now_ns)
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
        elif key == _BEAT_TIMER:
            self._beat()
        elif key == _SWITCH_TIMER:
            self._trigger_switches()
        else:
            self.server.on_timer(key)
        self._finish()

    def on_link_up(self, link: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.server.on_link_up(link)
        self._finish()

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._begin(now_ns)
        if link in self._heard_ns:
            self._heard_ns[link] = now_ns
        self.server.on_link_bytes(link, data)
        self._finish()

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self._begin(now_ns)
        self.server.on_link_down(link)
        self._finish()

    def fault_target(self) -> KrakenFaults:
        return KrakenFaults(self)

    # -- what tests and operators can do to the venue -----------------------------------------------------------

    def set_system(self, system: str, now_ns: int) -> None:
        """Put the venue into a state (online, cancel_only, post_only, maintenance) and tell every connection.

        Anything but online refuses every new order here.
        """
        self._begin(now_ns)
        self.venue.system = system
        for listing in self.exchange.listings.values():
            listing.is_trading = system == "online"
        for link in self.server.websockets:
            self._tell_status(link)
        self.public_feed.status_changed()
        self._finish()

    def set_trading(self, symbol: str, is_trading: bool) -> None:
        """Halt a pair (new orders are refused) or open it again."""
        self.exchange.listings[symbol].is_trading = is_trading
        self.public_feed.status_changed()

    def revoke_key(self, api_key: str, now_ns: int) -> None:
        """Take an API key away, as its owner would: its connections are closed, its requests refused."""
        self._begin(now_ns)
        self.venue.keys.revoke(api_key)
        for link in self.private_feed.subscribers(api_key):
            self.server.close(link, 1008, "ESession:Invalid session")
        self._finish()

    def restore_key(self, api_key: str) -> None:
        self.venue.keys.restore(api_key)

    def drop_connections(self, now_ns: int) -> None:
        """Close every WebSocket connection, as a restart of the venue's front does."""
        self._begin(now_ns)
        for link in self.server.websockets:
            self.server.close(link, _GOING_AWAY, "CloudFlare WebSocket proxy restarting")
        self._finish()

    @property
    def port(self) -> int:
        """The port that the first endpoint really listens on."""
        return self._ctx.listening_port("venue0")

    # -- the exchange's news ------------------------------------------------------------------------------------

    def accepted(self, order: KrakenOrder) -> None:
        self.private_feed.accepted(order)

    def filled(self, order: KrakenOrder, fill: Fill) -> None:
        self.private_feed.filled(order, fill)

    def ended(self, order: KrakenOrder) -> None:
        self.private_feed.ended(order)

    def amended(self, order: KrakenOrder) -> None:
        self.private_feed.amended(order)

    def public(self, listing: Listing, event: Public) -> None:
        trade = public_trade(listing, event)
        if trade is not None:
            self._trades.setdefault(listing.symbol, []).append(trade)

    # -- time ---------------------------------------------------------------------------------------------------

    def _begin(self, now_ns: int) -> None:
        venue = self.venue
        venue.now_ns = self.server.now_ns = self.private_feed.clock_ns = now_ns
        venue.wall_ns = self.server.wall_ns(now_ns)
        self._advance()

    def _advance(self) -> None:
        """Bring the markets up to now and tell the public what has changed."""
        venue = self.venue
        self.exchange.advance(venue.now_ns)
        trades, self._trades = self._trades, {}
        for symbol, found in trades.items():
            self.public_feed.traded(symbol, found, venue.wall_ns)
        changed = list(self.exchange.changed)
        self.exchange.changed.clear()
        for symbol in changed:
            self.public_feed.book_changed(symbol, venue.wall_ns)

    def _finish(self) -> None:
        """After each callback: news, dropped readers, timers."""
        if not self._is_started and self.public_feed.has_followers:
            self._start_markets()
        self._advance()
        self.server.clean_up()
        due_ns = self.exchange.next_event_ns()
        if due_ns is not None and due_ns != self._market_due_ns:
            self._market_due_ns = due_ns
            self._ctx.set_timer(_MARKET_TIMER, due_ns)
        switches = self.venue.trading.switches
        if switches:
            self._ctx.set_timer(_SWITCH_TIMER, min(switches.values()))

    def _start_markets(self) -> None:
        self._is_started = True
        for listing in self.exchange.listings.values():
            listing.market.start(self.venue.now_ns, self.venue.wall_ns)

    def _trigger_switches(self) -> None:
        venue, switches = self.venue, self.venue.trading.switches
        for name in [name for name, due_ns in switches.items() if due_ns <= venue.now_ns]:
            del switches[name]
            customer = Customer(self.exchange.accounts[name], venue.tiers[name])
            venue.trading.cancel_all(customer, Moment(venue.now_ns, venue.wall_ns, 0), "Cancel all orders after")

    def _beat(self) -> None:
        """Heartbeats where nothing else was sent, and an end to connections that do nothing."""
        now_ns, options = self.venue.now_ns, self._options
        for link in self.server.websockets:
            if self._follows_anything(link):
                if now_ns - self._told_ns.get(link, 0) >= options.heartbeat_ns:
                    self._send_frame(link, _HEARTBEAT)
            elif now_ns - self._heard_ns[link] >= options.idle_ns:
                self.server.close(link, _GOING_AWAY, "idle")
        self._is_beating = bool(self.server.websockets)
        if self._is_beating:
            self._ctx.set_timer(_BEAT_TIMER, now_ns + options.heartbeat_ns)

    def _follows_anything(self, link: str) -> bool:
        private = self.private_feed
        return (
            private.has(link, "executions") or private.has(link, "balances") or self.public_feed.follows_anything(link)
        )

    # -- the port -----------------------------------------------------------------------------------------------

    def respond(self, request: HttpRequest) -> HttpResponse:
        return self.rest.respond(request)

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        if request.target.partition("?")[0].rstrip("/") != _PATH:
            return HttpResponse(404, b"Not Found", content_type="text/plain")
        if not self._attempts.take(self.venue.now_ns):
            return HttpResponse(429, b"Too Many Requests", content_type="text/plain")
        return None

    def opened(self, link: str, request: HttpRequest) -> None:
        self._heard_ns[link] = self.venue.now_ns
        self._connection_id += 1
        self._tell_status(link)
        if not self._is_beating:
            self._is_beating = True
            self._ctx.set_timer(_BEAT_TIMER, self.venue.now_ns + self._options.heartbeat_ns)

    def received(self, link: str, message: WebSocketMessage) -> None:
        self.front.received(link, message.data)

    def gone(self, link: str) -> None:
        """Orders stay: nothing here is tied to a connection."""
        self.private_feed.forget(link)
        self.public_feed.forget(link)
        self._heard_ns.pop(link, None)
        self._told_ns.pop(link, None)

    def _tell_status(self, link: str) -> None:
        row = {
            "api_version": "v2",
            "connection_id": self._connection_id,
            "system": self.venue.system,
            "version": "2.0.10",
        }
        self._send_frame(link, text_frame(encode_json({"channel": "status", "type": "update", "data": [row]})))

    def _send_frame(self, link: str, frame: bytes) -> None:
        self._told_ns[link] = self.venue.now_ns
        self.server.send_frame(link, frame)

    def _push(self, link: str, payload: bytes) -> None:
        self._told_ns[link] = self.venue.now_ns
        self.front.push(link, payload)
