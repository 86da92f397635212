"""A client's order as the neutral exchange keeps it, its fills, and where orders are found again."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, TypeVar

from adapters.simulator.accounts import Account
from adapters.simulator.listing import Listing
from adapters.simulator.market import EndReason
from adapters.simulator.order import SimOrder, StpMode
from engine.codes import Side, TimeInForce

__all__ = ["ClientOrder", "EndedWhy", "Fill", "OrderShelf"]

#: Why an order ended: it was filled, somebody cancelled it, its time came, or the market ended it.
EndedWhy = Literal["filled", "cancelled", "expired_gtd"] | EndReason


class Fill(NamedTuple):
    """One execution of one order. ``cum_lots``, ``cum_cost_nanos``: with this fill included. Money: quote asset."""

    trade_id: int
    price_ticks: int
    quantity_lots: int
    cost_nanos: int
    fee_nanos: int
    is_maker: bool
    cum_lots: int
    cum_cost_nanos: int
    wall_ns: int


@dataclass(slots=True, eq=False, kw_only=True)
class ClientOrder:
    """One order. Venues add their own fields in a subclass. The exchange writes what stands below ``created_ns``.

    ``price_ticks`` is 0 for a market order; one that buys for an amount has ``quote_nanos`` and gets its quantity from
    the book; ``worst_ticks`` is the worst price that it may execute at, 0 for any. ``expires_wall_ns`` is 0 unless it
    is good till a date. ``sim`` is None while it waits for a trigger.
    """

    number: int
    account: Account
    listing: Listing
    client_order_id: str
    side: Side
    price_ticks: int
    quantity_lots: int
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stp_mode: StpMode = StpMode.NONE
    quote_nanos: int = 0
    worst_ticks: int = 0
    expires_wall_ns: int = 0
    #: How much of an iceberg is shown, 0 for all of it.
    display_lots: int = 0
    created_ns: int = 0
    created_wall_ns: int = 0
    #: When it was created or last amended, on the actor's clock: what venues count an order's age from.
    aged_from_ns: int = 0
    changed_wall_ns: int = 0
    sim: SimOrder | None = None
    locked_nanos: int = 0
    cum_lots: int = 0
    prevented_lots: int = 0
    cost_nanos: int = 0
    fee_nanos: int = 0
    is_open: bool = False
    #: "" while it is open or was never accepted.
    ended_why: EndedWhy | Literal[""] = ""
    fills: list[Fill] = field(default_factory=list)

    @property
    def is_market(self) -> bool:
        return self.price_ticks == 0

    @property
    def leaves_lots(self) -> int:
        """What could still execute if the order is open."""
        return self.quantity_lots - self.cum_lots - self.prevented_lots

    @property
    def locked_asset(self) -> str:
        return self.listing.quote if self.side is Side.BUY else self.listing.base


OrderT = TypeVar("OrderT", bound=ClientOrder)


class OrderShelf(Generic[OrderT]):
    """Every open order, and the last ``remembered`` ended ones and fills. Client order ids are unique while open."""

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._orders: dict[int, OrderT] = {}
        self._open: dict[str, dict[int, OrderT]] = {}
        self._by_client_id: dict[tuple[str, str], OrderT] = {}
        self._ended: deque[OrderT] = deque()
        self._fills: dict[str, deque[tuple[OrderT, Fill]]] = {}

    def get(self, number: int) -> OrderT | None:
        return self._orders.get(number)

    def by_client_id(self, account: str, client_order_id: str) -> OrderT | None:
        """The order with this id; of several, the open one or else the latest."""
        return self._by_client_id.get((account, client_order_id))

    def open(self, account: str) -> list[OrderT]:
        """Open orders of an account, oldest first."""
        return list(self._open.get(account, {}).values())

    def open_total(self) -> int:
        return sum(len(orders) for orders in self._open.values())

    def ended(self, account: str) -> Iterator[OrderT]:
        """Ended orders of an account, the latest first."""
        return (order for order in reversed(self._ended) if order.account.name == account)

    def fills(self, account: str) -> Iterator[tuple[OrderT, Fill]]:
        """Fills of an account, oldest first."""
        return iter(self._fills.get(account, ()))

    def add(self, order: OrderT) -> None:
        name = order.account.name
        self._orders[order.number] = order
        self._open.setdefault(name, {})[order.number] = order
        if order.client_order_id:
            self._by_client_id[name, order.client_order_id] = order

    def filled(self, order: OrderT, fill: Fill) -> None:
        self._fills.setdefault(order.account.name, deque(maxlen=self._remembered)).append((order, fill))

    def close(self, order: OrderT) -> None:
        self._open[order.account.name].pop(order.number)
        self._ended.append(order)
        while len(self._ended) > self._remembered:
            self._forget(self._ended.popleft())

    def _forget(self, order: OrderT) -> None:
        del self._orders[order.number]
        key = (order.account.name, order.client_order_id)
        if self._by_client_id.get(key) is order:
            del self._by_client_id[key]
