"""BinanceSession: one account's connection to Binance spot, as a venue actor drives it (``engine.venue.VenueSession``).

    start ─▶ REST time ─▶ key ─▶ exchangeInfo ─▶ InstrumentDefined… ─┬▶ order link: logon, user data ─▶ account ─▶ live
                                                                     └▶ market streams ─▶ depth snapshots ─▶ books valid

Three links, each re-made by itself: ``session:rest``, ``session:orders`` (WebSocket API: order entry and user data),
``session:streams`` (market data, unless the options want none). Closing them leaves orders at the venue: there is no
cancel on disconnect on spot.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adapters.binance import levels, parse
from adapters.binance.amends import AmendFrame, AmendLink, can_amend, link_of
from adapters.binance.core import SessionCore
from adapters.binance.depth import DepthObserver
from adapters.binance.market_streams import STREAMS_LINK, MarketStreams
from adapters.binance.options import BinanceOptions
from adapters.binance.order_entry import CancelFrame, NewFrame, ReplaceFrame
from adapters.binance.order_link import ORDERS_LINK, OrderLink
from adapters.binance.order_lists import ListFrame, list_request
from adapters.binance.orders import OrderEncoder
from adapters.binance.rest import RestLink
from adapters.binance.signing import Credentials, make_signer
from adapters.binance.startup import CLOCK_TIMER, KEY_TIMER, Startup
from adapters.binance.urls import BinanceEndpoints
from adapters.grid import InstrumentGrid
from adapters.purpose import Purpose
from adapters.session import Link, LinkedSession
from adapters.websocket import masked_text
from engine.actor import Context
from engine.book import OrderBook
from engine.codes import Contingency, Reason
from engine.order import Approved, Order
from engine.order_support import NO_SUPPORT, OrderSupport
from engine.venue import VenueListener

__all__ = ["REST_LINK", "BinanceSession"]

REST_LINK = "session:rest"
#: Three streams each, 1,024 per connection.
_SYMBOLS_MAX = 340


class BinanceSession(LinkedSession["_Parts"]):
    """See ``engine.venue.VenueSession`` for the methods.

    Args:
        venue_name: goes into every instrument.
        symbols: (instrument id, the venue's symbol) of each instrument to trade.
        observer: is shown what the books are built from.

    Raises UsageError for credentials that cannot be used, and for symbols that are none, too many or double.
    """

    def __init__(
        self,
        venue_name: str,
        symbols: Sequence[tuple[int, str]],
        credentials: Credentials,
        endpoints: BinanceEndpoints,
        listener: VenueListener,
        options: BinanceOptions | None = None,
        depth_observer: DepthObserver | None = None,
    ) -> None:
        super().__init__(symbols, _SYMBOLS_MAX)
        self._venue_name, self._endpoints, self._listener = venue_name, endpoints, listener
        #: Times among them may be changed until ``start``.
        self.options = options if options is not None else BinanceOptions()
        self._observer = depth_observer
        self._signer = make_signer(credentials)
        self._encoder = OrderEncoder(self._signer, self.options.recv_window_ms)
        self.request_validity_ns = self.options.request_validity_ns
        self._recalled: dict[str, tuple[AmendLink, int]] = {}

    @staticmethod
    def warm_up() -> None:
        """Compile or load every kernel: once per process, before it says that it is ready."""
        levels.warm_up()
        OrderBook.warm_up()

    # -- life ------------------------------------------------------------------------------------------------

    def start(self, ctx: Context, now_ns: int) -> None:
        """Open the links; from here on the session keeps itself connected, with back-off."""
        self._must_not_be_started()
        endpoints, signer = self._endpoints, self._signer
        core = SessionCore(ctx, self._listener, self.options, self._symbols)
        rest = RestLink(core, REST_LINK, endpoints.rest, signer)
        orders = OrderLink(core, endpoints, self._encoder, signer.can_log_on, self._recalled)
        streams = MarketStreams(core, rest, endpoints, self._books, self._observer)
        startup = Startup(core, rest, orders, streams, self._venue_name)
        core.reread_clock = startup.ask_time
        orders.logon.load = startup.ask_account
        self._parts = _Parts(core, rest, orders, streams, startup)
        startup.ask_time(now_ns)

    def _close(self, parts: "_Parts", now_ns: int) -> None:
        parts.orders.close(now_ns)
        parts.streams.close(now_ns)
        parts.rest.close()

    @property
    def counters(self) -> dict[str, int]:
        """Market messages taken, what went wrong, and what is used of the venue's limits, by name."""
        parts = self._parts
        if parts is None:
            return {}
        return {"market_messages": parts.streams.messages, **parts.core.counters, **parts.core.limits.usage()}

    # -- links and timers ------------------------------------------------------------------------------------

    def _link(self, parts: "_Parts", name: str) -> Link | None:
        if name == STREAMS_LINK:
            return parts.streams.link
        if name == ORDERS_LINK:
            return parts.orders.link
        return parts.rest if name == REST_LINK else None

    def _timers(self, parts: "_Parts") -> Mapping[str, Callable[[int], None]]:
        return {CLOCK_TIMER: parts.startup.ask_time, KEY_TIMER: parts.startup.ask_key}

    def _on_link_timer(self, parts: "_Parts", key: str, now_ns: int) -> None:
        if key.startswith(REST_LINK):
            parts.rest.on_timer(key.removeprefix(f"{REST_LINK}:"), now_ns)
        elif key.startswith(ORDERS_LINK):
            parts.orders.on_timer(key, now_ns)
        elif key.startswith(STREAMS_LINK):
            parts.streams.on_timer(key, now_ns)

    # -- order entry -----------------------------------------------------------------------------------------

    def recall(self, order: Order) -> None:
        """An amended order is known by another name at the venue than by its id."""
        link = link_of(order.order_id)
        if link.number:
            self._recalled[order.client_order_id] = (link, order.quantity_lots)

    def support(self, instrument_id: int) -> OrderSupport:
        parts = self._parts
        return NO_SUPPORT if parts is None else parts.core.supports.get(instrument_id, NO_SUPPORT)

    def send_refusal(self, now_ns: int) -> Reason:
        parts = self._parts
        if parts is None or not parts.orders.logon.is_live:
            return Reason.VENUE_LINK_DOWN
        core = parts.core
        if not core.ctx.writable(ORDERS_LINK):
            return Reason.VENUE_LINK_BUSY
        if not core.limits.has_room(Purpose.NEW_ORDER, 1, core.clock.venue_ns(now_ns), now_ns):
            return Reason.VENUE_RATE_LIMIT
        return Reason.NONE

    def send_wait_ns(self, instrument_id: int, now_ns: int) -> int:
        core = self._started().core
        return core.limits.order_wait_ns(core.clock.venue_ns(now_ns), now_ns)

    def encode_new(self, order: Approved, now_ns: int) -> bytes:
        """Raises UsageError for an unknown instrument or an impossible client order id; so do the other two."""
        parts = self._started()
        core = parts.core
        payload = self._encoder.new(order, core.grid(order.instrument_id), core.clock.timestamp(now_ns))
        frame = NewFrame(parts.orders.link.frame(payload))
        frame.client_order_id = order.client_order_id
        return frame

    def rehearse(self, order: Order, now_ns: int) -> None:
        """Encode an order for nothing, and decode a quote: nothing is written, counted or remembered, and the frame is
        gone when this returns."""
        core = self._started().core
        grid = core.grid(order.instrument_id)
        masked_text(self._encoder.new(order, grid, core.clock.timestamp(now_ns)), 1)
        parse.rehearse(grid)

    def encode_cancel(self, order: Order, now_ns: int) -> bytes:
        parts = self._started()
        core = parts.core
        payload = self._encoder.cancel(order, core.grid(order.instrument_id), core.clock.timestamp(now_ns))
        frame = CancelFrame(parts.orders.link.frame(payload))
        frame.client_order_id = order.client_order_id
        return frame

    def encode_replace(self, orig: Order, order: Approved, now_ns: int) -> bytes:
        parts = self._started()
        core = parts.core
        grid, timestamp = core.grid(order.instrument_id), core.clock.timestamp(now_ns)
        if can_amend(orig, order, self.support(order.instrument_id)):
            return self._encode_amend(parts, orig, order, grid, timestamp)
        payload = self._encoder.replace(orig, order, grid, timestamp)
        frame = ReplaceFrame(parts.orders.link.frame(payload))
        frame.client_order_id, frame.orig_client_order_id = order.client_order_id, orig.client_order_id
        frame.instrument_id = order.instrument_id
        return frame

    def _encode_amend(
        self, parts: "_Parts", orig: Order, order: Approved, grid: InstrumentGrid, timestamp: int
    ) -> bytes:
        link = link_of(orig.order_id)
        total_lots = link.base_lots + orig.cum_lots + order.quantity_lots
        frame = AmendFrame(
            parts.orders.link.frame(self._encoder.amend(int(link.venue_id), order, total_lots, grid, timestamp))
        )
        frame.client_order_id, frame.orig_client_order_id = order.client_order_id, orig.client_order_id
        frame.instrument_id, frame.link, frame.quantity_lots = order.instrument_id, link, order.quantity_lots
        return frame

    def encode_list(self, list_id: str, contingency: Contingency, orders: Sequence[Approved], now_ns: int) -> bytes:
        """Raises UsageError for an unknown instrument."""
        parts = self._started()
        core = parts.core
        method, params = list_request(list_id, contingency, orders, core.grid(orders[0].instrument_id))
        request_id, timestamp = f"L:{orders[0].client_order_id}", core.clock.timestamp(now_ns)
        frame = ListFrame(parts.orders.link.frame(self._encoder.request(request_id, method, params, timestamp)))
        frame.client_order_ids = tuple(each.client_order_id for each in orders)
        return frame

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write what ``encode_*`` returned (the very object: it knows what it is). What cannot leave is refused in a
        callback of its own."""
        self._started().orders.transmit(frame, now_ns)

    def has_drained(self) -> bool:
        return self._started().core.ctx.writable(ORDERS_LINK)

    # -- questions -------------------------------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Over the order link; while that is not there, over REST."""
        parts = self._started()
        if parts.orders.may_request:
            parts.orders.queries.cancel_all(instrument_id, now_ns)
        else:
            parts.startup.cancel_all(instrument_id, now_ns)

    def arm_dead_man_timer(self, duration_ns: int, now_ns: int) -> bool:
        """Spot has none."""
        return False

    def query_order(self, order: Order, now_ns: int) -> None:
        self._started().orders.queries.order_status(order, now_ns)

    def query_open_orders(self, query_id: int, now_ns: int) -> None:
        self._started().orders.queries.open_orders(query_id, now_ns)

    def query_orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        self._started().orders.queries.orders(query_id, instrument_id, since_ns, now_ns)

    def query_trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        self._started().orders.queries.trades(query_id, instrument_id, after_trade_id, now_ns)

    def query_balances(self, now_ns: int) -> None:
        self._started().startup.ask_balances(now_ns)

    def query_order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        self._started().orders.queries.order_trades(query_id, order, now_ns)


class _Parts(NamedTuple):
    """What there is once the session has been parts."""

    core: SessionCore
    rest: RestLink
    orders: OrderLink
    streams: MarketStreams
    startup: Startup
