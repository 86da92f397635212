"""CoinbaseSession: one account's connection to Coinbase Advanced Trade, as a venue actor drives it
(``engine.venue.VenueSession``).

    start ─▶ REST time ─▶ key permissions ─▶ products ─▶ InstrumentDefined… ─┬▶ order connections ────────────┐
                                                                            ├▶ user channel ─▶ accounts ─────┴▶ live
                                                                            └▶ market data ─▶ books valid

Links, each re-made by itself: ``session:rest`` (start, balances), ``session:fills`` (orders, fills, lists),
``session:orders:N`` (order entry, one request at a time on each), ``session:user``, ``session:streams:N``. Closing them
leaves orders at the venue: it has neither a cancel on disconnect nor a dead-man timer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adapters.coinbase.core import SessionCore
from adapters.coinbase.fills import FILLS_TIMER, FillQuestions
from adapters.coinbase.ledger import Ledger
from adapters.coinbase.market_streams import STREAMS_LINK, BookObserver, MarketStreams
from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.order_entry import OrderEntry
from adapters.coinbase.order_pool import ORDERS_LINK
from adapters.coinbase.order_types import order_support
from adapters.coinbase.queries import Queries
from adapters.coinbase.rest import RestLink
from adapters.coinbase.reviews import REVIEWS_TIMER, Reviews
from adapters.coinbase.signing import Credentials, make_signer
from adapters.coinbase.startup import CLOCK_TIMER, KEY_TIMER, Startup
from adapters.coinbase.tokens import TOKENS_TIMER, TokenStock
from adapters.coinbase.trade_queries import TradeQueries
from adapters.coinbase.urls import CoinbaseEndpoints
from adapters.coinbase.user_channel import USER_LINK, UserChannel
from adapters.purpose import Purpose
from adapters.session import Link, LinkedSession
from engine.actor import Context
from engine.book import OrderBook
from engine.codes import Contingency, Reason
from engine.errors import UsageError
from engine.instrument import NANOS
from engine.order import Approved, Order
from engine.order_support import OrderSupport
from engine.venue import SessionState, VenueListener

__all__ = ["FILLS_LINK", "REST_LINK", "CoinbaseSession"]

REST_LINK, FILLS_LINK = "session:rest", "session:fills"
_SYMBOLS_MAX = 200


#: There is no channel for balances: they are asked for once a trade has been told, so often at most.
BALANCES_TIMER = "session:balances"
_BALANCES_EVERY_NS = NANOS // 4


class CoinbaseSession(LinkedSession["_Parts"]):
    """See ``engine.venue.VenueSession`` for the methods.

    Args:
        venue_name: goes into every instrument.
        symbols: (instrument id, the venue's product id) of each instrument to trade.
        book_observer: is shown what the books are built from.

    Raises UsageError for credentials that cannot be used, and for symbols that are none, too many or double.
    """

    def __init__(
        self,
        venue_name: str,
        symbols: Sequence[tuple[int, str]],
        credentials: Credentials,
        endpoints: CoinbaseEndpoints,
        listener: VenueListener,
        options: CoinbaseOptions | None = None,
        book_observer: BookObserver | None = None,
    ) -> None:
        super().__init__(symbols, _SYMBOLS_MAX)
        self._venue_name, self._endpoints, self._listener = venue_name, endpoints, listener
        #: Times among them may be changed until ``start``.
        self.options = options if options is not None else CoinbaseOptions()
        self._observer = book_observer
        self._signer = make_signer(credentials)
        self.request_validity_ns = self.options.request_validity_ns
        self._is_live = False
        self._doubted_ns = -NANOS
        self._balances_due = False

    @staticmethod
    def warm_up() -> None:
        """Compile or load every kernel: once per process, before it says that it is ready."""
        OrderBook.warm_up()

    # -- life ------------------------------------------------------------------------------------------------

    def start(self, ctx: Context, now_ns: int) -> None:
        """Open the links; from here on the session keeps itself connected, with back-off."""
        self._must_not_be_started()
        endpoints = self._endpoints
        core = SessionCore(ctx, self._listener, self.options, self._symbols, self._signer, endpoints.token_host)
        rest, watch = RestLink(core, REST_LINK, endpoints.rest), RestLink(core, FILLS_LINK, endpoints.rest)
        tokens = TokenStock(core)
        reviews, fills = Reviews(core, watch), FillQuestions(core, watch)
        ledger = Ledger(core, reviews, fills)
        entry = OrderEntry(core, endpoints, ledger, tokens)
        user = UserChannel(core, endpoints, ledger)
        streams = MarketStreams(core, endpoints, self._books, self._observer)
        startup = Startup(core, rest, streams, self._venue_name)
        queries = Queries(core, watch, reviews, ledger, entry.cancels)
        trades = TradeQueries(core, watch, reviews, ledger)
        parts = self._parts = _Parts(
            core, rest, watch, tokens, reviews, fills, ledger, entry, user, streams, startup, queries, trades
        )
        core.on_clock_in_doubt = self._on_clock_in_doubt
        ledger.on_trade = self._on_trade
        startup.open_links = self._open_links
        startup.on_change = entry.on_change = self._look
        user.on_change = self._on_user_change
        parts.startup.ask_time(now_ns)

    def _close(self, parts: "_Parts", now_ns: int) -> None:
        self._is_live = False
        parts.entry.close()
        parts.user.close(now_ns)
        parts.streams.close(now_ns)
        parts.rest.close()
        parts.watch.close()

    @property
    def counters(self) -> dict[str, int]:
        """Market messages taken, what went wrong, and what is used of the venue's limits, by name."""
        parts = self._parts
        if parts is None:
            return {}
        usage = parts.core.limits.usage(parts.core.ctx.clock_ns())
        return {"market_messages": parts.streams.messages, **parts.core.counters, **usage}

    def _open_links(self, now_ns: int) -> None:
        parts = self._started()
        parts.ledger.began_ns = parts.core.clock.venue_ns(now_ns)
        parts.tokens.refill(now_ns)
        parts.entry.pool.open(now_ns)
        parts.user.link.open(now_ns)
        if self.options.market_data:
            parts.streams.open(now_ns)

    def _on_clock_in_doubt(self, now_ns: int) -> None:
        """One question a second at most: a venue that refuses every token must not be asked without end."""
        parts = self._parts
        if parts is None:
            return
        parts.tokens.clear()
        if now_ns >= self._doubted_ns + NANOS:
            self._doubted_ns = now_ns
            parts.startup.ask_time(now_ns)

    def _on_trade(self, now_ns: int) -> None:
        if not self._balances_due:
            self._balances_due = True
            self._started().core.ctx.set_timer(BALANCES_TIMER, now_ns + _BALANCES_EVERY_NS)

    def _ask_balances(self, now_ns: int) -> None:
        self._balances_due = False
        self._started().startup.ask_balances(now_ns)

    def _on_user_change(self, now_ns: int) -> None:
        parts = self._started()
        if parts.user.is_subscribed:
            parts.startup.ask_account(now_ns)
        else:
            parts.startup.lost()
            self._look(now_ns)

    def _look(self, now_ns: int) -> None:
        """Live as long as orders can be sent and what becomes of them is told."""
        parts = self._started()
        is_live = parts.user.is_subscribed and parts.startup.is_loaded and parts.entry.pool.is_up
        if is_live == self._is_live:
            return
        self._is_live = is_live
        text = "order connections open, user channel subscribed"
        if not is_live:
            text = "no order connection" if parts.user.is_subscribed else f"user channel: {parts.user.text}"
        parts.core.emit(SessionState(is_live, text), now_ns)

    # -- links and timers ------------------------------------------------------------------------------------

    def _link(self, parts: "_Parts", name: str) -> Link | None:
        if name.startswith(ORDERS_LINK):
            return parts.entry.pool.link(name)
        if name.startswith(STREAMS_LINK):
            return parts.streams.link(name)
        if name == USER_LINK:
            return parts.user.link
        return parts.rest if name == REST_LINK else parts.watch if name == FILLS_LINK else None

    def _timers(self, parts: "_Parts") -> Mapping[str, Callable[[int], None]]:
        return {
            CLOCK_TIMER: parts.startup.ask_time,
            KEY_TIMER: parts.startup.ask_key,
            TOKENS_TIMER: parts.tokens.refill,
            BALANCES_TIMER: self._ask_balances,
            FILLS_TIMER: parts.fills.on_timer,
            REVIEWS_TIMER: parts.reviews.on_timer,
        }

    def _on_link_timer(self, parts: "_Parts", key: str, now_ns: int) -> None:
        if key.startswith(ORDERS_LINK):
            parts.entry.on_timer(key, now_ns)
        elif key.startswith(USER_LINK):
            parts.user.on_timer(key, now_ns)
        elif key.startswith(STREAMS_LINK):
            parts.streams.on_timer(key, now_ns)
        elif key.startswith(REST_LINK):
            parts.rest.on_timer(key.removeprefix(f"{REST_LINK}:"), now_ns)
        elif key.startswith(FILLS_LINK):
            parts.watch.on_timer(key.removeprefix(f"{FILLS_LINK}:"), now_ns)

    # -- order entry -----------------------------------------------------------------------------------------

    def support(self, instrument_id: int) -> OrderSupport:
        return order_support(self._venue_name, dict(self._symbols).get(instrument_id, ""))

    def send_refusal(self, now_ns: int) -> Reason:
        parts = self._parts
        if parts is None or not self._is_live:
            return Reason.VENUE_LINK_DOWN
        return parts.entry.send_refusal(now_ns)

    def send_wait_ns(self, instrument_id: int, now_ns: int) -> int:
        return self._started().core.limits.next_chance_ns(Purpose.NEW_ORDER, now_ns) - now_ns

    def encode_new(self, order: Approved, now_ns: int) -> bytes:
        """Raises UsageError for an unknown instrument or an impossible client order id; so do the other two."""
        return self._started().entry.encode_new(order, now_ns)

    def rehearse(self, order: Order, now_ns: int) -> None:
        """Encode an order for nothing: nothing is written, counted or taken from the stock of tokens."""
        self._started().entry.rehearse(order)

    def encode_cancel(self, order: Order, now_ns: int) -> bytes:
        return self._started().entry.encode_cancel(order, now_ns)

    def encode_replace(self, orig: Order, order: Approved, now_ns: int) -> bytes:
        return self._started().entry.encode_edit(orig, order, now_ns)

    def encode_list(self, list_id: str, contingency: Contingency, orders: Sequence[Approved], now_ns: int) -> bytes:
        """Raises UsageError: the venue takes no lists, and ``support`` says so before anybody asks."""
        raise UsageError(f"list {list_id}: Coinbase takes orders one by one")

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write what ``encode_*`` returned (the very object: it knows what it is). What cannot leave is refused in a
        callback of its own."""
        parts = self._started()
        parts.entry.transmit(frame, parts.startup.key_is_good, now_ns)

    def has_drained(self) -> bool:
        return self._started().entry.pool.has_drained()

    # -- questions -------------------------------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """The venue has none: the list of open orders, and cancels of a hundred each."""
        self._started().queries.cancel_all(instrument_id, now_ns)

    def arm_dead_man_timer(self, duration_ns: int, now_ns: int) -> bool:
        """The venue has none."""
        return False

    def query_order(self, order: Order, now_ns: int) -> None:
        self._started().queries.order(order, now_ns)

    def query_open_orders(self, query_id: int, now_ns: int) -> None:
        self._started().queries.open_orders(query_id, now_ns)

    def query_orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        self._started().queries.orders(query_id, instrument_id, since_ns, now_ns)

    def query_trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        self._started().trades.after(query_id, instrument_id, after_trade_id, now_ns)

    def query_balances(self, now_ns: int) -> None:
        """And the fees, whose tier changes."""
        startup = self._started().startup
        startup.ask_balances(now_ns)
        startup.ask_fees(now_ns)

    def query_order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        self._started().trades.of_order(query_id, order, now_ns)


class _Parts(NamedTuple):
    """What there is once the session has been started."""

    core: SessionCore
    rest: RestLink
    watch: RestLink
    tokens: TokenStock
    reviews: Reviews
    fills: FillQuestions
    ledger: Ledger
    entry: OrderEntry
    user: UserChannel
    streams: MarketStreams
    startup: Startup
    queries: Queries
    trades: TradeQueries
