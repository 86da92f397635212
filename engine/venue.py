"""The border between a venue actor and an adapter: what a session tells, and what it can be asked.

A session (``adapters/<venue>/session.py``) is sans-I/O: bytes come in through ``on_link_bytes``, bytes go out through
the context, and everything it learns is told to its ``VenueListener`` as one of the events below, in the order in
which the venue said it. Events about orders are also what the venue actor journals, so the evolution rules of
``engine/messages`` hold for them.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.actor import Context
from engine.book import OrderBook
from engine.codes import Contingency, OrderStatus, Reason, Side
from engine.instrument import Instrument
from engine.messages import Quote, Trade
from engine.order import Approved, Order
from engine.order_event import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)
from engine.order_support import OrderSupport

__all__ = [
    "AuthenticationFailed",
    "Balance",
    "BookChanged",
    "CancelAllAnswered",
    "CancelRejected",
    "ClockOffset",
    "FeeRates",
    "InstrumentDefined",
    "OpenOrdersListed",
    "OrderAccepted",
    "OrderCancelled",
    "OrderEvent",
    "OrderExpired",
    "OrderFilled",
    "OrderNotFound",
    "OrderOutcomeUnknown",
    "OrderRejected",
    "OrderReplaced",
    "OrderSeen",
    "OrdersListed",
    "QueryFailed",
    "RateLimited",
    "ReplaceRejected",
    "SessionState",
    "TradesListed",
    "VenueEvent",
    "VenueListener",
    "VenueOrder",
    "VenueSession",
]


class _Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


# -- session events (not order events) -------------------------------------------------------------------------


class SessionState(_Event, frozen=True, tag=120):
    """``live``: logged on, user stream subscribed, instruments known: orders may be sent once reconciled.
    ``down``: the order link or the user stream is lost; every order in flight is now in doubt."""

    live: bool
    text: str


class InstrumentDefined(_Event, frozen=True, tag=121):
    instrument: Instrument


class BookChanged(_Event, frozen=True, tag=122):
    """``session.book(instrument_id)`` has changed. ``valid`` is False from a gap until the re-sync is done."""

    instrument_id: int
    valid: bool
    update_id: int
    venue_time_ns: int
    received_ns: int


class Balance(_Event, frozen=True, tag=123):
    """Absolute amounts of one asset, in billionths."""

    asset: str
    free_nanos: int
    locked_nanos: int


class VenueOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order as the venue lists it; ``client_order_id`` may not be one of ours."""

    client_order_id: str
    order_id: str
    instrument_id: int
    side: Side
    status: OrderStatus
    quantity_lots: int
    price_ticks: int
    cum_lots: int
    #: When it was made, on our clock; 0: not told.
    created_ns: int = 0
    #: The price that it waits for, or has waited for; 0: none, or one that is not told.
    trigger_ticks: int = 0


class OpenOrdersListed(_Event, frozen=True, tag=124):
    """Every open order of the account, over all configured instruments, in answer to ``query_open_orders``."""

    query_id: int
    orders: tuple[VenueOrder, ...]


class OrdersListed(_Event, frozen=True, tag=131):
    """One page of our orders of one instrument, open or ended, in answer to ``query_orders``, oldest first. An order
    that was cancelled may have the cancel's client order id by now. ``complete`` on the last page."""

    query_id: int
    instrument_id: int
    orders: tuple[VenueOrder, ...]
    complete: bool


class TradesListed(_Event, frozen=True, tag=125):
    """One page of our own trades, in answer to ``query_trades``, oldest first; fills that are not ours by client
    order id carry the venue's ``order_id`` only. ``complete`` on the last page."""

    query_id: int
    instrument_id: int
    fills: tuple[OrderFilled, ...]
    complete: bool


class CancelAllAnswered(_Event, frozen=True, tag=126):
    """The venue's answer to ``cancel_all`` for one instrument; ``failure`` is empty on success or none open."""

    instrument_id: int
    failure: str


class QueryFailed(_Event, frozen=True, tag=127):
    """A query was not answered or was refused; ask again."""

    query_id: int
    client_order_id: str
    text: str


class RateLimited(_Event, frozen=True, tag=128):
    """The venue asked for silence until then (monotonic). Cancels keep their reserved share unless ``banned``."""

    until_ns: int
    banned: bool
    text: str


class AuthenticationFailed(_Event, frozen=True, tag=129):
    text: str


class ClockOffset(_Event, frozen=True, tag=130):
    """Venue clock minus ours, with half the round trip taken off."""

    offset_ns: int
    round_trip_ns: int


class FeeRates(_Event, frozen=True, tag=132):
    """What the account pays for trading an instrument, as billionths of the notional; a rebate is below 0."""

    instrument_id: int
    maker_nanos: int
    taker_nanos: int


VenueEvent = (
    OrderEvent
    | SessionState
    | InstrumentDefined
    | BookChanged
    | Balance
    | OpenOrdersListed
    | OrdersListed
    | TradesListed
    | CancelAllAnswered
    | QueryFailed
    | RateLimited
    | AuthenticationFailed
    | ClockOffset
    | FeeRates
    | Quote
    | Trade
)


class VenueListener(Protocol):
    """The venue actor, as its session sees it."""

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None: ...


class VenueSession(Protocol):
    """One account's connection to one venue: the shape that every adapter has.

    Link and timer names of a session start with ``session:`` so that its actor can tell them from its own.
    Sending is in two steps, ``encode_*`` (build and sign) and ``transmit`` (one socket write), so that the venue
    actor can read the latch in between. ``encode_*`` registers nothing: a frame that is not transmitted leaves no
    trace. The answers come as events; who asked is matched by client order id.
    """

    #: How long after its signed timestamp the venue may still accept a request: once that has passed and the order is
    #: not found, it never will be there.
    request_validity_ns: int

    @property
    def counters(self) -> dict[str, int]:
        """By name: ``market_messages`` taken so far, what went wrong, what is used of the venue's limits."""
        ...

    def start(self, ctx: Context, now_ns: int) -> None:
        """Open the links; from here on the session keeps itself connected, with back-off."""
        ...

    def recall(self, order: Order) -> None:
        """Before ``start``: an order of an earlier life that is still open, with the id that this session's kind gave
        it. For a venue that does not tell by itself what an order was called before."""
        ...

    def stop(self, now_ns: int) -> None: ...

    def on_link_up(self, link: str, now_ns: int) -> None: ...

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None: ...

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None: ...

    def on_timer(self, key: str, now_ns: int) -> None: ...

    def book(self, instrument_id: int) -> OrderBook:
        """The live book, updated in place. Only to be read, and only within the current callback."""
        ...

    def support(self, instrument_id: int) -> OrderSupport:
        """What the venue takes of an instrument beyond plain orders. Asked for orders with instructions only."""
        ...

    def send_refusal(self, now_ns: int) -> Reason:
        """Whether a new order could be written now: NONE, or VENUE_LINK_DOWN, VENUE_LINK_BUSY, VENUE_RATE_LIMIT."""
        ...

    def send_wait_ns(self, instrument_id: int, now_ns: int) -> int:
        """How long until a new order of the instrument has room within the venue's limits, as far as is known now and
        if nothing else is sent; 0: it has."""
        ...

    def encode_new(self, order: Approved, now_ns: int) -> bytes: ...

    def encode_cancel(self, order: Order, now_ns: int) -> bytes: ...

    def encode_replace(self, orig: Order, order: Approved, now_ns: int) -> bytes: ...

    def encode_list(self, list_id: str, contingency: Contingency, orders: Sequence[Approved], now_ns: int) -> bytes:
        """All orders of a list in one request; only of one that ``support`` has."""
        ...

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write an encoded request to the order link and count it against the venue's limits."""
        ...

    def has_drained(self) -> bool:
        """Whether the operating system has taken every byte that was transmitted."""
        ...

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Ask the venue to cancel everything of one instrument; answered by CancelAllAnswered and order events."""
        ...

    def arm_dead_man_timer(self, duration_ns: int, now_ns: int) -> bool:
        """Have the venue cancel every order of the account by itself unless armed again within ``duration_ns``. False:
        this venue has no such timer, and nothing was done (Binance spot; Kraken has CancelAllOrdersAfter)."""
        ...

    def query_order(self, order: Order, now_ns: int) -> None:
        """Answered by OrderSeen, OrderNotFound or QueryFailed."""
        ...

    def query_open_orders(self, query_id: int, now_ns: int) -> None:
        """Answered by OpenOrdersListed or QueryFailed."""
        ...

    def query_orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        """All our orders of one instrument since a reading of our clock; OrdersListed pages or QueryFailed."""
        ...

    def query_trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        """Our trades of one instrument after a trade id ("": of the last day); TradesListed pages or QueryFailed."""
        ...

    def query_balances(self, now_ns: int) -> None:
        """What the venue holds for the account: a Balance of each asset of which nothing newer was told. Without an
        answer there is none; ask again."""
        ...

    def query_order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        """Every trade of one order whose ``order_id`` is known, however old; TradesListed pages or QueryFailed."""
        ...
