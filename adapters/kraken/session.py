"""KrakenSession: one account's connection to Kraken spot, as a venue actor drives it (``engine.venue.VenueSession``).

    start ─▶ REST time ─▶ key ─▶ AssetPairs ─▶ InstrumentDefined… ─┬▶ order link: token, subscribed, balances ─▶ live
                                                                   └▶ market streams: checked books, trades

Three links, each re-made by itself: ``session:rest``, ``session:orders`` (private WebSocket: order entry, executions,
balances), ``session:streams`` (market data, unless the options want none). Closing them leaves orders at the venue:
there is no cancel on disconnect, but a dead-man timer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adapters.kraken import checksum
from adapters.kraken.book_sync import BookObserver
from adapters.kraken.core import SessionCore
from adapters.kraken.market_streams import STREAMS_LINK, MarketStreams
from adapters.kraken.options import KrakenOptions
from adapters.kraken.order_link import ORDERS_LINK, OrderLink
from adapters.kraken.order_lists import OrderLists
from adapters.kraken.order_query import OrderQuery
from adapters.kraken.order_types import order_support
from adapters.kraken.questions import Questions
from adapters.kraken.rate_limit import NEW_MILLI
from adapters.kraken.rest import RestLink
from adapters.kraken.rest_cancels import RestCancels
from adapters.kraken.signing import Credentials, Signer
from adapters.kraken.startup import KEY_TIMER, Startup
from adapters.kraken.trades import Trades
from adapters.kraken.urls import KrakenEndpoints
from adapters.session import Link, LinkedSession
from engine.actor import Context
from engine.book import OrderBook
from engine.codes import Contingency, Reason
from engine.errors import UsageError
from engine.instrument import NANOS
from engine.order import Approved, Order
from engine.order_support import OrderSupport
from engine.venue import VenueListener

__all__ = ["REST_LINK", "KrakenSession"]

REST_LINK = "session:rest"
_SYMBOLS_MAX = 200
#: The venue's engine takes cancels only, or nothing.
_CLOSED_SYSTEMS = ("cancel_only", "maintenance")


class KrakenSession(LinkedSession["_Parts"]):
    """See ``engine.venue.VenueSession`` for the methods.

    Args:
        venue_name: goes into every instrument.
        symbols: (instrument id, the venue's WebSocket v2 symbol such as BTC/USD) of each instrument to trade.
        book_observer: is shown what the books are built from.

    Raises UsageError for credentials that cannot be used, and for symbols that are none, too many or double.
    """

    def __init__(
        self,
        venue_name: str,
        symbols: Sequence[tuple[int, str]],
        credentials: Credentials,
        endpoints: KrakenEndpoints,
        listener: VenueListener,
        options: KrakenOptions | None = None,
        book_observer: BookObserver | None = None,
    ) -> None:
        super().__init__(symbols, _SYMBOLS_MAX)
        self._venue_name, self._endpoints, self._listener = venue_name, endpoints, listener
        self._observer = book_observer
        self.options = options if options is not None else KrakenOptions()
        self._signer = Signer(credentials)
        self.request_validity_ns = self.options.request_validity_ns
        self._is_armed = False

    @staticmethod
    def warm_up() -> None:
        """Compile or load every kernel: once per process, before it says that it is ready."""
        OrderBook.warm_up()
        checksum.warm_up()

    # -- life ------------------------------------------------------------------------------------------------

    def start(self, ctx: Context, now_ns: int) -> None:
        """Open the links; from here on the session keeps itself connected, with back-off."""
        self._must_not_be_started()
        core = SessionCore(ctx, self._listener, self.options, self._symbols)
        rest = RestLink(core, REST_LINK, self._endpoints.rest, self._signer)
        orders = OrderLink(core, self._endpoints)
        streams = MarketStreams(core, self._endpoints, self._books, self._observer)
        startup = Startup(core, rest, orders, streams, self._venue_name)
        questions = Questions(core, rest)
        query = OrderQuery(core, questions, orders.working, orders.executions)
        lists = OrderLists(core, questions, orders.working)
        cancels, trades = RestCancels(core, questions), Trades(core, questions, orders.working)
        core.renew_token = orders.renew_token
        orders.logon.ask_token, orders.logon.load = startup.ask_token, startup.ask_account
        orders.forget_queries = query.lost
        orders.reread_balances = startup.ask_balances
        self._parts = _Parts(core, rest, orders, streams, startup, query, lists, trades, cancels)
        startup.begin(now_ns)

    def _close(self, parts: "_Parts", now_ns: int) -> None:
        """A dead-man timer that we have armed is disarmed first: it would cancel whatever the account has open when it
        ends, long after us."""
        if self._is_armed and parts.orders.may_request:
            parts.orders.entry.arm_dead_man_timer(0, now_ns)
        self._is_armed = False
        parts.orders.close(now_ns)
        parts.streams.close(now_ns)
        parts.rest.close()

    @property
    def counters(self) -> dict[str, int]:
        """Market messages taken, what went wrong, and what is used of the venue's limits, by name."""
        parts = self._parts
        if parts is None:
            return {}
        usage = parts.core.limits.usage(parts.core.ctx.clock_ns())
        return {"market_messages": parts.streams.messages, **parts.core.counters, **usage}

    # -- links and timers ------------------------------------------------------------------------------------

    def _link(self, parts: "_Parts", name: str) -> Link | None:
        if name == STREAMS_LINK:
            return parts.streams.link
        if name == ORDERS_LINK:
            return parts.orders.link
        return parts.rest if name == REST_LINK else None

    def _timers(self, parts: "_Parts") -> Mapping[str, Callable[[int], None]]:
        return {KEY_TIMER: parts.startup.ask_key}

    def _on_link_timer(self, parts: "_Parts", key: str, now_ns: int) -> None:
        if key.startswith(REST_LINK):
            parts.rest.on_timer(key.removeprefix(f"{REST_LINK}:"), now_ns)
        elif key.startswith(ORDERS_LINK):
            parts.orders.on_timer(key, now_ns)
        elif key.startswith(STREAMS_LINK):
            parts.streams.on_timer(key, now_ns)

    # -- order entry -----------------------------------------------------------------------------------------

    def support(self, instrument_id: int) -> OrderSupport:
        return order_support(self._venue_name, dict(self._symbols).get(instrument_id, ""))

    def send_refusal(self, now_ns: int) -> Reason:
        """The rate limit is the pair's at this venue: here only whether any pair has room; ``transmit`` looks at the
        order's own."""
        parts = self._parts
        if parts is None or not parts.orders.logon.is_live or parts.core.system in _CLOSED_SYSTEMS:
            return Reason.VENUE_LINK_DOWN
        if not parts.core.ctx.writable(ORDERS_LINK):
            return Reason.VENUE_LINK_BUSY
        return Reason.NONE if parts.core.limits.has_any_room(now_ns) else Reason.VENUE_RATE_LIMIT

    def send_wait_ns(self, instrument_id: int, now_ns: int) -> int:
        return self._started().core.limits.order_wait_ns(instrument_id, NEW_MILLI, now_ns)

    def encode_new(self, order: Approved, now_ns: int) -> bytes:
        """Raises UsageError for an unknown instrument or what the venue does not have; so do the other two."""
        return self._started().orders.entry.requests.encode_new(order, now_ns)

    def encode_cancel(self, order: Order, now_ns: int) -> bytes:
        return self._started().orders.entry.requests.encode_cancel(order, now_ns)

    def encode_replace(self, orig: Order, order: Approved, now_ns: int) -> bytes:
        return self._started().orders.entry.requests.encode_replace(orig, order, now_ns)

    def encode_list(self, list_id: str, contingency: Contingency, orders: Sequence[Approved], now_ns: int) -> bytes:
        """Raises UsageError: the venue takes no lists, and ``support`` says so before anybody asks."""
        raise UsageError(f"list {list_id}: Kraken takes orders one by one")

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write what ``encode_*`` returned (the very object: it knows what it is). What cannot leave is refused in a
        callback of its own."""
        self._started().orders.transmit(frame, now_ns)

    def has_drained(self) -> bool:
        return self._started().core.ctx.writable(ORDERS_LINK)

    # -- questions -------------------------------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Over the order link, once it has told what is open; while it has not, over REST."""
        parts = self._started()
        if parts.orders.may_request and parts.orders.executions.is_loaded:
            parts.orders.entry.cancel_all(instrument_id, now_ns)
        else:
            parts.cancels.cancel_all(instrument_id, now_ns)

    def arm_dead_man_timer(self, duration_ns: int, now_ns: int) -> bool:
        """Of the whole account, in whole seconds, rounded up."""
        parts, seconds = self._started(), -(-duration_ns // NANOS)
        self._is_armed = seconds > 0
        if parts.orders.may_request:
            parts.orders.entry.arm_dead_man_timer(seconds, now_ns)
        else:
            parts.cancels.arm_dead_man_timer(seconds, now_ns)
        return True

    def query_order(self, order: Order, now_ns: int) -> None:
        self._started().query.ask(order, now_ns)

    def query_open_orders(self, query_id: int, now_ns: int) -> None:
        self._started().lists.ask_open(query_id, now_ns)

    def query_orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        self._started().lists.ask_since(query_id, instrument_id, since_ns, now_ns)

    def query_trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        self._started().trades.since(query_id, instrument_id, after_trade_id, now_ns)

    def query_balances(self, now_ns: int) -> None:
        self._started().startup.ask_balances(now_ns)

    def query_order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        self._started().trades.of_order(query_id, order, now_ns)


class _Parts(NamedTuple):
    """What there is once the session has been started."""

    core: SessionCore
    rest: RestLink
    orders: OrderLink
    streams: MarketStreams
    startup: Startup
    query: OrderQuery
    lists: OrderLists
    trades: Trades
    cancels: RestCancels
