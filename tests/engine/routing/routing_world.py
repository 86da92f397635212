"""A routing desk and venues that do to its orders whatever venues do, in any order, as a seed says.

The venues here know nothing of parents: they are the naive model. What a parent came to is added up from what they have
filled, by the id of each child.
"""

from collections import defaultdict
from random import Random

from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import (
    CancelOrder,
    Depth,
    ExecutionReport,
    Fill,
    InstrumentCondition,
    Message,
    NewOrder,
    Refusal,
    ReplaceOrder,
)
from engine.routing.desk import Route, RoutingDesk
from engine.routing.grid import routed_grid
from engine.routing.market import MemberMarket
from engine.routing.parents import Parents
from engine.routing.plan import RouteRules
from engine.routing.records import ChildPlaced, OrderStep

__all__ = ["VENUES", "Venue", "World", "instrument_at"]

MS = 1_000_000
ROUTED = 9
_NEVER = 10**18

#: name → instrument id, tick units (price scale 2), lot units (quantity scale 4), least lots, least notional
VENUES = {"near": (0, 1, 10, 1, 5_000), "fine": (1, 10, 1, 20, 0), "far": (2, 1, 1, 1, 60_000)}


def instrument_at(name: str) -> Instrument:
    number, tick_units, lot_units, lots_min, notional_min = VENUES[name]
    return Instrument(
        number,
        name,
        f"{name.upper()}USD",
        "BTC",
        "USD",
        tick_units,
        2,
        lot_units,
        4,
        1,
        0,
        lots_min,
        0,
        0,
        notional_min,
    )


class Order:
    """An order as its venue has it."""

    def __init__(self, request: NewOrder) -> None:
        self.request = request
        self.cum_lots = 0
        self.is_open = True
        self.is_told = False

    @property
    def leaves_lots(self) -> int:
        return self.request.quantity_lots - self.cum_lots if self.is_open else 0


class Venue:
    """Takes orders in the order in which they were sent, and reports with any delay."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.instrument = instrument_at(name)
        self.inbox: list[NewOrder | CancelOrder] = []
        self.orders: dict[str, Order] = {}
        self.outbox: list[ExecutionReport] = []
        self.is_up = True
        self.is_halted = False
        self.seq = 0
        self.trades = 0

    def receive(self) -> None:
        message = self.inbox.pop(0)
        if isinstance(message, NewOrder):
            assert message.client_order_id not in self.orders
            assert message.quantity_lots >= self.instrument.quantity_lots_min
            order = self.orders[message.client_order_id] = Order(message)
            if self.is_halted:
                self.end(order, OrderStatus.REJECTED, Refusal(Reason.HALTED, text="halted"), numbered=False)
        else:
            order = self.orders[message.client_order_id]
            if order.is_open:
                self.end(order, OrderStatus.CANCELLED)
            else:
                self.report(order, ExecType.CANCEL_REJECTED, OrderStatus.FILLED, Refusal(Reason.ORDER_NOT_OPEN))

    def accept(self, order: Order) -> None:
        order.is_told = True
        self.report(order, ExecType.NEW, OrderStatus.NEW)

    def fill(self, order: Order, lots: int, ticks: int) -> None:
        order.cum_lots += lots
        self.trades += 1
        fill = Fill(f"t{self.trades}", lots, ticks, 7, "USD", False)
        order.is_open = order.leaves_lots > 0
        status = OrderStatus.PARTIALLY_FILLED if order.is_open else OrderStatus.FILLED
        self.report(order, ExecType.TRADE, status, None, fill)

    def doubt(self, order: Order) -> None:
        self.report(order, ExecType.UNKNOWN, OrderStatus.UNKNOWN, Refusal(Reason.OUTCOME_UNKNOWN))

    def end(self, order: Order, status: OrderStatus, why: Refusal | None = None, *, numbered: bool = True) -> None:
        order.is_open = False
        kind = {
            OrderStatus.REJECTED: ExecType.REJECTED,
            OrderStatus.CANCELLED: ExecType.CANCELLED,
            OrderStatus.EXPIRED: ExecType.EXPIRED,
        }[status]
        self.report(order, kind, status, why, numbered=numbered)

    def report(
        self,
        order: Order,
        exec_type: ExecType,
        status: OrderStatus,
        refusal: Refusal | None = None,
        fill: Fill | None = None,
        *,
        numbered: bool = True,
    ) -> None:
        self.seq += numbered
        request = order.request
        self.outbox.append(
            ExecutionReport(
                self.seq if numbered else 0,
                request.strategy_id,
                request.client_order_id,
                "",
                f"v{request.client_order_id}",
                request.instrument_id,
                request.side,
                exec_type,
                status,
                request.quantity_lots,
                request.price_ticks,
                order.cum_lots,
                order.leaves_lots,
                fill,
                refusal,
            )
        )


class World:
    """``rules`` of the one route. ``journal`` has every record, ``reports`` every report, of all lives."""

    def __init__(self, seed: int, rules: RouteRules) -> None:
        self.random, self.rules = Random(seed), rules
        self.now_ns = 0
        self.venues = {f"venue.{name}": Venue(name) for name in VENUES}
        self.journal: list[tuple[OrderStep, int]] = []
        self.reports: list[ExecutionReport] = []
        self.requests: dict[str, NewOrder | ReplaceOrder] = {}
        self.parent_of: dict[str, str] = {}
        self._children = self._orders = 0
        self.begin()

    def begin(self) -> None:
        """A life of the router, from what the journal has."""
        self.parents = Parents()
        names = list(VENUES)
        grid = routed_grid(ROUTED, "route", "BTCUSD", [instrument_at(name) for name in names])
        self.grid = dict(zip(self.venues, grid.members, strict=True))
        self.markets = {}
        for (actor, venue), units in zip(self.venues.items(), grid.members, strict=True):
            market = MemberMarket(actor, venue.instrument.instrument_id, venue.name, 10_000 * MS)
            market.instrument, market.units = venue.instrument, units
            self.markets[actor] = market
            self.parents.define(actor, venue.instrument, ROUTED, units)
        told = [report for record, now_ns in self.journal for report in self.parents.apply(record, now_ns)]
        assert told == self.reports  # a life begins where the last has ended, report numbers included
        route = Route(ROUTED, "route:BTCUSD", tuple(self.markets.values()), self.rules)
        self.desk = RoutingDesk(self.parents, {ROUTED: route}, self.write, self.send, self.next_id)
        for actor in self.venues:
            self.tell_market(actor)

    # -- what the desk is given -----------------------------------------------------------------------------

    def write(self, record: OrderStep, now_ns: int) -> None:
        self.journal.append((record, now_ns))
        if isinstance(record, ChildPlaced):
            self.parent_of[record.order.client_order_id] = record.parent_id
        self.reports += self.parents.apply(record, now_ns)

    def send(self, venue_actor: str, message: Message) -> bool:
        venue = self.venues[venue_actor]
        assert isinstance(message, NewOrder | CancelOrder)
        if venue.is_up:
            venue.inbox.append(message)
        return venue.is_up

    def next_id(self) -> str:
        self._children += 1
        return f"s-c-{self._children}"

    # -- the strategy ---------------------------------------------------------------------------------------

    def order(
        self, side: Side, lots: int, ticks: int, order_type: OrderType, time_in_force: TimeInForce, *, post_only: bool
    ) -> str:
        self._orders += 1
        request = NewOrder(
            f"s-p-{self._orders}", "main", "s", ROUTED, side, order_type, time_in_force, lots, ticks, post_only
        )
        self._ask(request)
        return request.client_order_id

    def replace(self, orig: str, lots: int, ticks: int) -> None:
        self._orders += 1
        self._ask(ReplaceOrder(f"s-p-{self._orders}", orig, "main", "s", lots, ticks))

    def cancel(self, client_order_id: str) -> None:
        record = CancelOrder(client_order_id, "main", "s")
        self.write(record, self.now_ns)
        self.desk.on_request(record, self.now_ns)

    def _ask(self, request: NewOrder | ReplaceOrder) -> None:
        self.requests[request.client_order_id] = request
        self.write(request, self.now_ns)
        self.desk.on_request(request, self.now_ns)

    # -- the venues -----------------------------------------------------------------------------------------

    def tell_market(self, actor: str) -> None:
        """A new book, and how the venue is."""
        venue, market, draw = self.venues[actor], self.markets[actor], self.random.randint
        if not venue.is_up:
            market.lost()
            return
        market.connected()
        reason = Reason.HALTED if venue.is_halted else Reason.NONE
        fees = draw(-2, 3) * MS, draw(0, 6) * MS
        market.on_condition(InstrumentCondition(market.instrument_id, reason, "", *fees), self.now_ns)
        tick = market.units.tick_size
        middle = 10_000 + draw(-20, 20)
        bids = tuple(((middle - step) // tick, draw(1, 60)) for step in range(1, 90, 30))
        asks = tuple((-(-(middle + step) // tick), draw(1, 60)) for step in range(1, 90, 30))
        market.on_depth(Depth(market.instrument_id, bids, asks, 0, 0), self.now_ns)

    def deliver(self, actor: str) -> None:
        self.desk.on_told(actor, self.venues[actor].outbox.pop(0), self.now_ns)

    def work(self, actor: str) -> None:
        """One thing happens to one order at a venue."""
        venue = self.venues[actor]
        open_orders = [order for order in venue.orders.values() if order.is_open]
        if not open_orders:
            return
        order, draw = self.random.choice(open_orders), self.random.random()
        only_takes = order.request.time_in_force is not TimeInForce.GTC
        if not order.is_told and draw < 0.5:
            venue.accept(order)
        elif draw < 0.8:
            all_of_it = order.request.time_in_force is TimeInForce.FOK
            lots = order.leaves_lots if all_of_it else self.random.randint(1, order.leaves_lots)
            venue.fill(order, lots, order.request.price_ticks or 10_000 // self.grid[actor].tick_size)
        elif only_takes:
            venue.end(order, OrderStatus.EXPIRED, Refusal(Reason.VENUE_EXPIRED))
        elif draw < 0.88:
            venue.doubt(order)
        elif draw < 0.92:
            venue.end(order, OrderStatus.CANCELLED, Refusal(Reason.VENUE_CANCELLED, text="by the venue"))

    def kill(self, actor: str) -> None:
        """Everything there is cancelled, and nothing new taken."""
        venue = self.venues[actor]
        venue.is_halted = True
        for order in venue.orders.values():
            if order.is_open:
                venue.end(order, OrderStatus.CANCELLED)

    # -- the naive model ------------------------------------------------------------------------------------

    def filled(self) -> dict[str, tuple[int, int]]:
        """By parent: lots, and lots times ticks, of the routed instrument, from what was really reported filled."""
        found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for record, _ in self.journal:
            report = getattr(record, "report", None)
            if report is not None and report.fill is not None:
                units = self.grid[record.venue_actor]  # type: ignore[union-attr]  # it has a report
                lots, ticks = report.fill.last_lots * units.lot_size, report.fill.last_ticks * units.tick_size
                parent = self.parent_of[report.client_order_id]
                before = found[parent]
                found[parent] = (before[0] + lots, before[1] + lots * ticks)
        return dict(found)

    def at_risk(self) -> dict[str, int]:
        """By parent: the most that it can come to, from what the venues have and what is on its way to them."""
        found: dict[str, int] = defaultdict(int)
        for actor, venue in self.venues.items():
            size = self.grid[actor].lot_size
            for name, order in venue.orders.items():
                found[self.parent_of[name]] += (order.cum_lots + order.leaves_lots) * size
            for message in venue.inbox:
                if isinstance(message, NewOrder):
                    found[self.parent_of[message.client_order_id]] += message.quantity_lots * size
        return dict(found)
