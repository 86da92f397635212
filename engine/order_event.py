"""What a venue can say about one of our orders. Journalled, so the evolution rules of ``engine/messages`` hold.

They are apart from ``engine/venue.py`` (which gives them on) because ``engine/order.py`` needs them, and the border
needs the order.
"""

import msgspec

from engine.codes import OrderStatus, Reason

__all__ = [
    "CancelRejected",
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
    "ReplaceRejected",
]


class _Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


class OrderAccepted(_Event, frozen=True, tag=100):
    """The venue has the order."""

    client_order_id: str
    order_id: str
    venue_time_ns: int


class OrderRejected(_Event, frozen=True, tag=101):
    """Definite: the venue does not have the order and never will."""

    client_order_id: str
    reason: Reason
    text: str
    venue_time_ns: int


class OrderFilled(_Event, frozen=True, tag=102):
    """One execution, identified by (instrument, ``trade_id``). ``fee_nanos`` is in billionths of ``fee_asset``."""

    client_order_id: str
    order_id: str
    trade_id: str
    last_lots: int
    last_ticks: int
    fee_nanos: int
    fee_asset: str
    is_maker: bool
    venue_time_ns: int


class OrderCancelled(_Event, frozen=True, tag=103):
    """Cancelled, after ``cum_lots`` were filled. Fills not yet seen are still owed (``engine/order.py``)."""

    client_order_id: str
    order_id: str
    cum_lots: int
    venue_time_ns: int


class OrderExpired(_Event, frozen=True, tag=104):
    """Ended by the venue: IOC or FOK remainder, self-trade prevention, no liquidity."""

    client_order_id: str
    order_id: str
    cum_lots: int
    reason: Reason
    text: str
    venue_time_ns: int


class OrderReplaced(_Event, frozen=True, tag=105):
    """The original is gone after ``cum_lots`` and ``new_client_order_id`` stands in its place."""

    client_order_id: str
    new_client_order_id: str
    cum_lots: int
    venue_time_ns: int


class CancelRejected(_Event, frozen=True, tag=106):
    """The cancel was not done. ``order_unknown``: the venue knows no such open order (filled, perhaps)."""

    client_order_id: str
    order_unknown: bool
    text: str
    venue_time_ns: int


class ReplaceRejected(_Event, frozen=True, tag=107):
    """The replace was not done or half done. ``orig_cancelled``: the original is gone and nothing took its place, after
    ``orig_cum_lots`` were filled (-1: the venue did not say, so the original has to be asked about)."""

    client_order_id: str
    orig_client_order_id: str
    orig_cancelled: bool
    reason: Reason
    text: str
    venue_time_ns: int
    orig_cum_lots: int = -1


class OrderOutcomeUnknown(_Event, frozen=True, tag=108):
    """The request may or may not have been executed (timeout, 5xx, link lost): to be asked, never assumed."""

    client_order_id: str
    text: str


class OrderSeen(_Event, frozen=True, tag=109):
    """The venue's own word on an order, from a query: its state now. ``cum_lots`` may exceed the fills seen so far."""

    client_order_id: str
    order_id: str
    status: OrderStatus
    quantity_lots: int
    cum_lots: int
    venue_time_ns: int


class OrderNotFound(_Event, frozen=True, tag=110):
    """One query did not find the order. Read sides lag: this alone proves nothing."""

    client_order_id: str
    venue_time_ns: int


OrderEvent = (
    OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCancelled
    | OrderExpired
    | OrderReplaced
    | CancelRejected
    | ReplaceRejected
    | OrderOutcomeUnknown
    | OrderSeen
    | OrderNotFound
)
