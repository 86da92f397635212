"""Keeps the order path warm: every now and then it is gone through without an order.

After some hundred milliseconds without one, the path has left the processor's caches, and the next order takes several
times as long as those that follow each other. So a timer calls here, which calls what an order would: the strategy's
message into an order, the gate's kernels, the encoder. Nothing can leave: no order is admitted and nothing is given to
the session to transmit; what is encoded is thrown away before this returns, and the gate's kernels run on a scratch
copy of its state.
"""

from typing import Protocol, runtime_checkable

from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder
from engine.order import Order

__all__ = ["Rehearsal", "Rehearses"]


@runtime_checkable
class Rehearses(Protocol):
    """A session that can go through the encoding of an order, and the decoding of a quote, for nothing."""

    def rehearse(self, order: Order, now_ns: int) -> None:
        """Must not write, count, or remember anything."""
        ...


class Rehearsal:
    """Of the venue actor that ``core`` is of."""

    def __init__(self, core: VenueCore, orders: OrderEntry) -> None:
        self._core, self._orders = core, orders
        self.count = 0

    def run(self, now_ns: int) -> None:
        core, session = self._core, self._core.session
        quote = next(iter(core.quotes.values()), None)
        attachment = next(iter(core.delivery.attachments.values()), None)
        if quote is None or attachment is None or not core.ready:
            return
        self.count += 1
        name, account_id = attachment.strategy_id, core.settings.account_id
        terms = quote.instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.IOC, 1, quote.bid_ticks
        message = NewOrder(f"{name}-rehearsal-1", account_id, name, *terms)
        order = Order.from_new(message)
        self._orders.rehearse(attachment.actor, order, message, now_ns)
        core.gate.rehearse(order, now_ns)
        if isinstance(session, Rehearses):
            session.rehearse(order, now_ns)
