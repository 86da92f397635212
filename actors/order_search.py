"""The last look for an order that its own id does not find: among all orders that the account had since it was sent.

Venues rename a cancelled order to the cancel's id, and a cancel-all, a person or another program cancels under ids that
we never learn. So an order that came in while its answer was lost and was then cancelled is not found by the id that
we gave it, and may have been filled before. It is recognised by its terms instead: an order that is none of
those that we know by the venue's id, with the side, quantity and price of ours, and not more likely another of ours.
Only when there is none was ours never there.
"""

from collections.abc import Iterable

from engine.blotter import Blotter
from engine.codes import OrderStatus
from engine.order import Order
from engine.venue import OrdersListed, VenueOrder, VenueSession

__all__ = ["OrderSearch"]

_SECOND_NS = 1_000_000_000
#: How much earlier than it was sent an order may have been made, by clocks that differ.
_MARGIN_NS = 60 * _SECOND_NS
#: For an order of an earlier life, of which it is not known when it was sent.
_DAY_NS = 86_400 * _SECOND_NS
_NEVER = 1 << 63


class _Search:
    __slots__ = ("found", "instrument_id", "names")

    def __init__(self, instrument_id: int, names: tuple[str, ...]) -> None:
        self.instrument_id, self.names = instrument_id, names
        self.found: list[VenueOrder] = []


class OrderSearch:
    """One question at a time per instrument. Query ids are the caller's."""

    def __init__(self, session: VenueSession, blotter: Blotter) -> None:
        self._session, self._blotter = session, blotter
        self._searches: dict[int, _Search] = {}

    def is_searching(self, instrument_id: int) -> bool:
        return any(search.instrument_id == instrument_id for search in self._searches.values())

    def begin(self, query_id: int, instrument_id: int, orders: Iterable[Order], now_ns: int) -> None:
        orders = tuple(orders)
        sent_ns = min(order.sent_ns for order in orders)
        since_ns = sent_ns - _MARGIN_NS if sent_ns else now_ns - _DAY_NS
        self._searches[query_id] = _Search(instrument_id, tuple(order.client_order_id for order in orders))
        self._session.query_orders(query_id, instrument_id, since_ns, now_ns)

    def forget(self) -> None:
        """The session is down."""
        self._searches.clear()

    def failed(self, query_id: int) -> None:
        self._searches.pop(query_id, None)

    def on_orders(self, event: OrdersListed) -> list[tuple[Order, VenueOrder | None]]:
        """Each order that was looked for, with what the venue has for it; empty while pages are missing."""
        search = self._searches.get(event.query_id)
        if search is None:
            return []
        search.found.extend(seen for seen in event.orders if self._is_nobodys(seen))
        if not event.complete:
            return []
        del self._searches[event.query_id]
        orders = [order for name in search.names if (order := self._blotter.orders.get(name)) is not None]
        taken = _pair([*orders, *self._rivals(search)], search.found)
        return [(order, taken.get(order.client_order_id)) for order in orders]

    def _rivals(self, search: _Search) -> list[Order]:
        """Others whose id at the venue we were never told: one of the same terms that was found may be theirs."""
        return [
            order
            for order in self._blotter.orders.values()
            if order.instrument_id == search.instrument_id
            and not order.order_id
            and order.status is not OrderStatus.REJECTED
            and order.client_order_id not in search.names
        ]

    def _is_nobodys(self, seen: VenueOrder) -> bool:
        return self._blotter.by_order_id(seen.instrument_id, seen.order_id) is None


def _pair(orders: list[Order], found: list[VenueOrder]) -> dict[str, VenueOrder]:
    """By name where it still stands; by terms otherwise, the pair that is closest in time first. Each is taken once."""
    pairs = sorted(
        ((_distance(order, seen), at, number) for number, order in enumerate(orders) for at, seen in enumerate(found)),
    )
    taken: dict[str, VenueOrder] = {}
    used: set[int] = set()
    for distance, at, number in pairs:
        name = orders[number].client_order_id
        if distance < _NEVER and name not in taken and at not in used:
            taken[name] = found[at]
            used.add(at)
    return taken


def _distance(order: Order, seen: VenueOrder) -> int:
    if seen.client_order_id == order.client_order_id:
        return -1
    mine = (order.side, order.quantity_lots, order.price_ticks)
    if (seen.side, seen.quantity_lots, seen.price_ticks) != mine:
        return _NEVER
    return abs(seen.created_ns - order.sent_ns) if order.sent_ns else 0
