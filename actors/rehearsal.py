"""Keeps the order path warm: every now and then it is gone through without an order.

After some hundred milliseconds without one, the path has left the processor's caches, and the next order takes several
times as long as those that follow each other. So a timer calls here, which calls what an order would: the strategy's
message into an order, the gate's kernels, the encoder. Nothing can leave: no order is admitted and nothing is given to
the session to transmit; what is encoded is thrown away before this returns, and the gate's kernels run on a scratch
copy of its state.
"""

from typing import Protocol, runtime_checkable

from actors.venue_core import VenueCore
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

    def __init__(self, core: VenueCore) -> None:
        self._core = core
        self.count = 0

    def run(self, now_ns: int) -> None:
        core, session = self._core, self._core.session
        quote = next(iter(core.quotes.values()), None)
        if quote is None or not core.ready:
            return
        self.count += 1
        message = NewOrder(
            "rehearsal", "", "", quote.instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.IOC, 1, quote.bid_ticks
        )
        order = Order.from_new(message)
        core.gate.rehearse(order, now_ns)
        core.delivery.by_actor("")
        core.blotter.is_known(order.client_order_id)
        session.send_refusal(now_ns)
        if isinstance(session, Rehearses):
            session.rehearse(order, now_ns)
