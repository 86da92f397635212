"""Orders at the venue that are not ours: shown, and by configuration left, cancelled or adopted.

    each list of open orders ──those that nobody here knows──▶ event and metric ─┬▶ leave
                                                                                ├▶ cancel, and look again
                                                                                └▶ adopt: into the books, in doubt like
                                                                                   any that has just been journalled

An adopted order reserves what it may still fill, so limits count it, reports are made of it, and a kill cancels it. It
is its strategy's when its name says so (of a journal that was lost), otherwise nobody's.
"""

from collections.abc import Callable

from actors.adoption import ADOPTED
from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry
from engine.venue import VenueOrder

__all__ = ["ForeignOrders"]

#: After cancelling, the venue is asked again after so long whether they are gone.
_LOOK_AGAIN_NS = 30_000_000_000
#: Names of orders that were told already; beyond it they are told anew.
_TOLD_MAX = 10_000


class ForeignOrders:
    """``look_again()`` has everything compared with the venue once more."""

    def __init__(self, core: VenueCore, orders: OrderEntry, look_again: Callable[[], None]) -> None:
        self._core, self._orders, self._look_again = core, orders, look_again
        self._told: set[str] = set()
        self._due_ns: int | None = None
        #: How many there have been in this life.
        self.found = 0

    def on_listed(self, listed: tuple[VenueOrder, ...], now_ns: int) -> None:
        """All that one list of open orders had."""
        policy = self._core.settings.reconcile.foreign_orders
        for seen in listed:
            self._tell(seen, policy)
            if policy == "adopt":
                self._core.adopt(seen, self._core.strategy_of(seen.client_order_id) or ADOPTED, now_ns)
        if policy == "cancel" and listed:
            self._orders.cancel_listed(listed, now_ns)
            self._due_ns = now_ns + _LOOK_AGAIN_NS

    def sweep(self, now_ns: int) -> None:
        if self._due_ns is not None and now_ns >= self._due_ns:
            self._due_ns = None
            self._look_again()

    def _tell(self, seen: VenueOrder, policy: str) -> None:
        name = f"{seen.instrument_id}:{seen.order_id or seen.client_order_id}"
        if name in self._told:
            return
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told.add(name)
        self.found += 1
        self._core.ctx.log(
            "ORDER THAT IS NOT OURS",
            order=seen.client_order_id,
            order_id=seen.order_id,
            side=seen.side.name,
            quantity_lots=seen.quantity_lots,
            price_ticks=seen.price_ticks,
            policy=policy,
        )
