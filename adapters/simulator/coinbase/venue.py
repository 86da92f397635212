"""A simulated Coinbase Advanced Trade spot venue: an actor that listens and speaks the venue's REST and WebSocket
protocols.

One port serves everything: ``/api/v3/brokerage/…`` and, for market data and the user channel alike, WebSocket at ``/``.
The actor is sans-I/O like every other: on real sockets or in virtual time, it answers the very same bytes.
"""

import datetime
from collections.abc import Mapping, Sequence

from adapters.simulator.accounts import Accounts
from adapters.simulator.client_order import Fill
from adapters.simulator.coinbase.auth import KeyRing
from adapters.simulator.coinbase.connections import Connections
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.encoding import Ids, Stamps
from adapters.simulator.coinbase.fault_target import CoinbaseFaults
from adapters.simulator.coinbase.market_feed import MARKET_CHANNELS, MarketFeed
from adapters.simulator.coinbase.orders import CoinbaseOrder, FillNote
from adapters.simulator.coinbase.rest import Rest
from adapters.simulator.coinbase.settings import SimAccount, VenueOptions
from adapters.simulator.coinbase.sockets import Sockets
from adapters.simulator.coinbase.status import status_report
from adapters.simulator.coinbase.trading import Trading
from adapters.simulator.encoding import encode_json
from adapters.simulator.exchange import Exchange
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.listing import Listing
from adapters.simulator.market import Market, Public
from adapters.simulator.prng import SplitMix64
from adapters.simulator.public_trades import PublicTrade, public_trade
from adapters.simulator.venue import SimulatedVenue
from adapters.simulator.websocket_server import WebSocketMessage
from adapters.simulator.window import Window
from engine.actor import Context, Endpoint
from engine.codes import TimeInForce
from engine.errors import UsageError
from engine.instrument import NANOS
from engine.messages import Message, StatusRequest

__all__ = ["SimulatedCoinbase"]

_DUE_TIMER = "due"
_BEAT_TIMER = "beat"
_PATH = "/"
_GOING_AWAY, _POLICY = 1001, 1008
_DEFAULT_OPTIONS = VenueOptions()


class SimulatedCoinbase(SimulatedVenue):
    """The venue. ``markets`` by product (BTC-USD), ``accounts`` with their keys, ``endpoints`` to listen on (keys
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
            if symbol != listing.symbol or symbol != f"{listing.base}-{listing.quote}":
                raise UsageError(f"the market listed as {symbol} trades {listing.symbol}; products are like BTC-USD")
        self.exchange: Exchange[CoinbaseOrder] = Exchange(listings, Accounts(accounts), self, options.orders_remembered)
        self._ids, self._stamps = Ids(options.seed), Stamps()
        portfolios = {account.name: self._ids.next() for account in accounts}
        self.connections = Connections(self._send, portfolios)
        trading = Trading(self.exchange, self._ids, self._stamps, options, self.connections.tell)
        keys = KeyRing([(account.name, key) for account in accounts for key in account.keys], options)
        feed = MarketFeed(listings, options, self.connections.publish, self.connections.followed)
        self.venue = Venue(self.exchange, trading, keys, feed, portfolios, self._ids, options)
        self.rest = Rest(self.venue)
        self.sockets = Sockets(self.venue, self.connections, options.seed + 1)
        self._coin = SplitMix64(options.seed + 2)
        self._attempts = Window(options.connections_per_second, NANOS)
        self._trades: dict[str, list[PublicTrade]] = {}
        self._is_started = False
        self._is_beating = False
        self._beats = 0
        self._due_ns: int | None = None

    # -- the actor ----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self.open_port(ctx, self, self._options.backlog_bytes_max, None)
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
        if key == _DUE_TIMER:
            self._due_ns = None
        elif key == _BEAT_TIMER:
            self._beat()
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

    def fault_target(self) -> CoinbaseFaults:
        return CoinbaseFaults(self)

    # -- what tests and operators can do to the venue -----------------------------------------------------------

    def set_trading(self, symbol: str, is_trading: bool, now_ns: int) -> None:
        """Halt a product (new orders and edits are refused, cancels are not) or open it again, and tell so."""
        self._begin(now_ns)
        self.exchange.listings[symbol].is_trading = is_trading
        self.venue.market.status_changed()
        self._finish()

    def revoke_key(self, name: str, now_ns: int) -> None:
        """Take an API key away, as its owner would: its user channels are closed, its requests refused."""
        self._begin(now_ns)
        self.venue.keys.revoke(name)
        for link, connection in self.connections:
            if connection.key == name:
                self.server.close(link, _POLICY, "")
        self._finish()

    def restore_key(self, name: str) -> None:
        self.venue.keys.restore(name)

    def drop_connections(self, now_ns: int) -> None:
        """Close every WebSocket connection, as a restart of the venue's front does."""
        self._begin(now_ns)
        for link in self.server.websockets:
            self.server.close(link, _GOING_AWAY, "")
        self._finish()

    @property
    def port(self) -> int:
        """The port that the first endpoint really listens on."""
        return self._ctx.listening_port("venue0")

    # -- the exchange's news ------------------------------------------------------------------------------------

    def accepted(self, order: CoinbaseOrder) -> None:
        """Pending first; what may rest is then open, whatever it meets at once."""
        self.connections.tell(order)
        order.is_pending = False
        if order.time_in_force is TimeInForce.GTC:
            self.connections.tell(order)

    def filled(self, order: CoinbaseOrder, fill: Fill) -> None:
        stamp_ns = self._stamps.next(fill.wall_ns)
        order.notes[fill.trade_id] = FillNote(self._ids.next(), self._ids.next(), stamp_ns)
        if fill.cum_lots < order.quantity_lots - order.prevented_lots:  # else its end is told at once
            self.connections.tell(order)

    def ended(self, order: CoinbaseOrder) -> None:
        self.connections.tell(order)

    def amended(self, order: CoinbaseOrder) -> None:
        self.connections.tell(order)

    def public(self, listing: Listing, event: Public) -> None:
        trade = public_trade(listing, event)
        if trade is not None:
            self._trades.setdefault(listing.symbol, []).append(trade)
            self.venue.trading.triggers.traded(listing.symbol, trade.price_ticks)

    # -- time ---------------------------------------------------------------------------------------------------

    def _begin(self, now_ns: int) -> None:
        venue, connections = self.venue, self.connections
        venue.now_ns = self.server.now_ns = connections.now_ns = now_ns
        venue.wall_ns = connections.wall_ns = self.server.wall_ns(now_ns)
        self._advance()

    def _advance(self) -> None:
        """Bring the markets and the queue up to now, and tell the public what is due."""
        venue = self.venue
        self.exchange.advance(venue.now_ns)
        venue.trading.work(venue.moment)
        venue.trading.triggers.fire(venue.now_ns)
        trades, self._trades = self._trades, {}
        for symbol, found in trades.items():
            venue.market.traded(symbol, found, venue.now_ns)
        changed = list(self.exchange.changed)
        self.exchange.changed.clear()
        for symbol in changed:
            venue.market.book_changed(symbol, venue.now_ns)
        venue.market.flush(venue.now_ns, venue.wall_ns)

    def _finish(self) -> None:
        """After each callback: news, dropped readers, timers."""
        self.connections.release()
        if not self._is_started and self._is_followed():
            self._start_markets()
        self._advance()
        self.server.clean_up()
        due = (self.exchange.next_event_ns(), self.venue.trading.next_due_ns, self.venue.market.next_due_ns)
        due_ns = min((each for each in due if each is not None), default=None)
        if due_ns is not None and due_ns != self._due_ns:
            self._due_ns = due_ns
            self._ctx.set_timer(_DUE_TIMER, due_ns)

    def _is_followed(self) -> bool:
        """Whether anybody follows a market, not only the list of them."""
        return any(
            channel in MARKET_CHANNELS and channel != "status"
            for _, connection in self.connections
            for channel in connection.channels
        )

    def _start_markets(self) -> None:
        self._is_started = True
        for listing in self.exchange.listings.values():
            listing.market.start(self.venue.now_ns, self.venue.wall_ns)

    def _beat(self) -> None:
        """Every second: heartbeats, what is told at intervals, and an end to connections that follow nothing or have
        nothing to say."""
        now_ns, options = self.venue.now_ns, self._options
        self._beats += 1
        heartbeat = encode_json([{"current_time": self._go_time(), "heartbeat_counter": self._beats}])
        self.connections.publish("heartbeats", "", heartbeat)
        self.venue.market.beat()
        for link, connection in self.connections:
            if not connection.has_subscribed:
                is_over = now_ns - connection.opened_ns >= options.subscribe_within_ns
            else:
                is_over = now_ns - connection.told_ns >= options.quiet_ns
            if is_over:
                self.server.close(link, _POLICY, "")
        self._is_beating = bool(self.server.websockets)
        if self._is_beating:
            self._ctx.set_timer(_BEAT_TIMER, now_ns + NANOS)

    def _go_time(self) -> str:
        """As Go writes a time that has a monotonic reading."""
        wall_ns, now_ns = self.venue.wall_ns, self.venue.now_ns
        moment = datetime.datetime.fromtimestamp(wall_ns // NANOS, datetime.UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{wall_ns % NANOS:09d} +0000 UTC m=+{now_ns // NANOS}.{now_ns % NANOS:09d}"

    # -- the port -----------------------------------------------------------------------------------------------

    def respond(self, request: HttpRequest) -> HttpResponse:
        """News of orders come before the answer that causes them, or after it: the venue promises neither."""
        if self._coin.below(2):
            self.connections.holds_orders = True
        return self.rest.respond(request)

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        if request.target.partition("?")[0] != _PATH:
            return HttpResponse(404, b"Not Found", content_type="text/plain")
        if not self._attempts.take(self.venue.now_ns):
            return HttpResponse(429, b"Too Many Requests", content_type="text/plain")
        return None

    def opened(self, link: str, request: HttpRequest) -> None:
        self.connections.opened(link)
        if not self._is_beating:
            self._is_beating = True
            self._ctx.set_timer(_BEAT_TIMER, self.venue.now_ns + NANOS)

    def received(self, link: str, message: WebSocketMessage) -> None:
        self.sockets.received(link, message.data)

    def gone(self, link: str) -> None:
        """Orders stay: nothing here is tied to a connection."""
        self.sockets.gone(link)

    def _send(self, link: str, payload: bytes) -> None:
        self.server.send(link, payload)
