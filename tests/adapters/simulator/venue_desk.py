"""A trading desk in memory: an adapter's session, a blotter and the reconciliation of both, in conversation with a
simulated venue, in virtual time. Every order has to end in exactly one way, and our ledger has to be the venue's."""

import random
from collections import Counter, deque
from typing import Any, cast

from actors.reconciliation import Reconciliation
from actors.venue import ANSWER_DUE_NS
from actors.venue_core import IN_FLIGHT
from engine.actor import Context, Endpoint
from engine.blotter import Blotter
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import CancelOrder, NewOrder, ReplaceOrder
from engine.order import Approved, Order
from engine.venue import (
    BookChanged,
    CancelAllAnswered,
    OpenOrdersListed,
    OrderEvent,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    SessionState,
    TradesListed,
    VenueSession,
)

__all__ = ["HERE", "LOT", "MS", "SECOND", "Desk", "random_step"]

MS, SECOND = 1_000_000, 1_000_000_000
LOT = 10**8
ORDERS = "session:orders"
HERE = Endpoint("localhost", 4_000, False)


class Exposure:
    """What the gate would keep: nothing may be reserved in the end."""

    def __init__(self) -> None:
        self.reserved: Counter[str] = Counter()

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        self.reserved[order.client_order_id] -= last_lots

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        raise AssertionError(f"{order}: more was filled than is reserved")

    def closed(self, order: Order, released_lots: int) -> None:
        self.reserved[order.client_order_id] -= released_lots


class Desk:
    """Context, listener and venue actor in small: a session, a blotter, and the reconciliation of both. A subclass
    makes the session, on account ``a`` of the harness's venue, whose one instrument has lots of 0.00000001 BTC."""

    def __init__(self, harness: Any) -> None:
        self.harness, self.host = harness, harness.host
        self.timers: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.counters: Counter[str] = Counter()
        self.exposure = Exposure()
        self.blotter = Blotter(self.exposure)
        self.answered: list[CancelAllAnswered] = []
        self.books: dict[int, bool] = {}
        self.live, self.reconciled = False, False
        #: How the next request goes wrong: "before" the venue gets it, or "after".
        self.breaks = ""
        self.number = 0
        #: When what is under way was sent.
        self.in_flight: dict[str, int] = {}
        self._queue: deque[tuple[str, str, str, bytes]] = deque()
        self._random = random.Random(7)
        self.log_lines: list[Any] = []
        self.restart()

    def make_session(self) -> VenueSession:
        raise AssertionError("a desk is of one venue's adapter")

    def restart(self) -> None:
        """A new life with what is in the books."""
        self.session = self.make_session()
        self.reconciliation = Reconciliation(self.session, self.blotter, (1,), self.settle, self._done)
        self.session.start(cast(Context, self), self.now_ns)
        self.run()

    def stop(self) -> None:
        self.session.stop(self.now_ns)
        self.live, self.reconciled = False, False
        self.reconciliation.suspend()
        self._doubt_in_flight(0)
        self.run()

    @property
    def now_ns(self) -> int:
        return int(self.host.now_ns)

    # -- the context -----------------------------------------------------------------------------------------

    def set_timer(self, key: str, at_ns: int) -> None:
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        self._queue.append(("up", link, "", b""))

    def close_link(self, link: str) -> None:
        there = self.links.pop(link, "")
        if there:
            self._queue.append(("gone", link, there, b""))
            self._queue.append(("down", link, "", b""))

    def write(self, link: str, data: bytes) -> None:
        if link in self.links:
            self._queue.append(("written", link, self.links[link], bytes(data)))

    def writable(self, link: str) -> bool:
        return link in self.links

    def wall_ns(self, now_ns: int) -> int:
        return int(self.host.wall_ns(now_ns)) - 57 * MS  # our clock is behind the venue's

    def clock_ns(self) -> int:
        return self.now_ns

    def random_below(self, bound: int) -> int:
        return self._random.randrange(bound)

    def log(self, event: str, **fields: object) -> None:
        self.log_lines.append((event, fields))

    # -- the venue actor ---------------------------------------------------------------------------------------

    def on_venue_event(self, event: Any, now_ns: int) -> None:
        if isinstance(event, OrderSeen):
            self.reconciliation.on_order_seen(event, now_ns)
        elif isinstance(event, OrderNotFound):
            self.reconciliation.on_order_not_found(event, now_ns)
        elif isinstance(event, OrderEvent):
            self.settle(event, now_ns)
        elif isinstance(event, SessionState):
            self._on_state(event, now_ns)
        elif isinstance(event, OpenOrdersListed):
            self.reconciliation.on_open_orders(event, now_ns)
        elif isinstance(event, OrdersListed):
            self.reconciliation.on_orders(event, now_ns)
        elif isinstance(event, TradesListed):
            self.reconciliation.on_trades(event, now_ns)
        elif isinstance(event, QueryFailed):
            self.reconciliation.on_query_failed(event, now_ns)
        elif isinstance(event, CancelAllAnswered):
            self.answered.append(event)
        elif isinstance(event, BookChanged):
            self.books[event.instrument_id] = event.valid

    def _on_state(self, event: SessionState, now_ns: int) -> None:
        self.live, self.reconciled = event.live, False
        if event.live:
            self.reconciliation.begin(now_ns)
        else:
            self.reconciliation.suspend()
            self._doubt_in_flight(0)

    def settle(self, event: OrderEvent, now_ns: int) -> None:
        self.blotter.apply(event, now_ns)
        for order in self.blotter.unknown_orders():
            self.reconciliation.doubt(order, now_ns)

    def _doubt_in_flight(self, age_ns: int) -> None:
        """What has been under way for so long is asked about."""
        for client_order_id, sent_ns in list(self.in_flight.items()):
            order = self.blotter.orders.get(client_order_id)
            if order is None or order.status not in IN_FLIGHT:
                del self.in_flight[client_order_id]
            elif self.now_ns - sent_ns >= age_ns:
                del self.in_flight[client_order_id]
                self.settle(OrderOutcomeUnknown(client_order_id, "no answer in time"), self.now_ns)

    def _done(self, now_ns: int) -> None:
        self.reconciled = True

    # -- what tests do -----------------------------------------------------------------------------------------

    def place(self, side: Side, price_ticks: int, lots: int, **more: Any) -> Order:
        self.number += 1
        request = NewOrder(
            f"maker-19729ab3c4d-{self.number}",
            "acc",
            "maker",
            1,
            side,
            more.get("order_type", OrderType.LIMIT),
            more.get("time_in_force", TimeInForce.GTC),
            lots,
            price_ticks,
            more.get("post_only", False),
            instructions=more.get("instructions"),
        )
        order = Order.from_new(request)
        self._admit(order)
        self._transmit(self.session.encode_new(Approved(order), self.now_ns))
        return order

    def _admit(self, order: Order) -> None:
        self.exposure.reserved[order.client_order_id] = order.quantity_lots
        self.blotter.admit(order)
        order.sent_ns = self.in_flight[order.client_order_id] = self.now_ns

    def cancel(self, order: Order) -> None:
        self.blotter.apply(CancelOrder(order.client_order_id, "acc", "maker"), self.now_ns)
        self.in_flight[order.client_order_id] = self.now_ns
        self._transmit(self.session.encode_cancel(order, self.now_ns))

    def replace(self, orig: Order, price_ticks: int, lots: int) -> Order:
        self.number += 1
        request = ReplaceOrder(
            f"maker-19729ab3c4d-{self.number}", orig.client_order_id, "acc", "maker", lots, price_ticks
        )
        order = Order.from_replace(request, orig)
        frame = self.session.encode_replace(orig, Approved(order), self.now_ns)
        self._admit(order)
        self._transmit(frame)
        return order

    def _transmit(self, frame: bytes) -> None:
        self.session.transmit(frame, self.now_ns)
        breaks, self.breaks = self.breaks, ""
        sent = [each for each in self._queue if each[0] == "written" and each[1].startswith(ORDERS)]
        if breaks == "after":  # the venue gets it, and its answer is lost
            for _, link, there, data in sent:
                if self.links.get(link) == there:
                    self.host.feed(there, data)
        if breaks:
            for link in dict.fromkeys(each[1] for each in sent):
                self.cut(link)
        self.run()

    def cut(self, link: str) -> None:
        """The connection breaks; what was under way on it is lost, either way."""
        there = self.links.pop(link, "")
        if there:
            self._queue = deque(each for each in self._queue if each[1] != link)
            self.host.take(there)
            self._queue.append(("gone", link, there, b""))
            self._queue.append(("down", link, "", b""))

    # -- the loop --------------------------------------------------------------------------------------------

    def run(self) -> None:
        while self._queue or self._fetch():
            if not self._queue:
                continue
            what, link, there, data = self._queue.popleft()
            if what == "up":
                self.links[link] = self.host.connect()
                self.session.on_link_up(link, self.now_ns)
            elif what == "down":
                self.session.on_link_down(link, "gone", self.now_ns)
            elif what == "gone":
                self.host.actor.on_link_down(there, "peer left", self.now_ns)
                self.host.closed.add(there)
            elif what == "written":
                self.host.feed(there, data)
            elif self.links.get(link) == there:
                self.session.on_link_bytes(link, data, self.now_ns)

    def _fetch(self) -> bool:
        """What the venue has written; True if there was anything."""
        for link, there in list(self.links.items()):
            data = self.host.take(there)
            if data:
                self._queue.append(("bytes", link, there, data))
            elif there in self.host.closed:
                del self.links[link]
                self._queue.append(("down", link, "", b""))
        return bool(self._queue)

    def advance(self, duration_ns: int) -> None:
        until_ns = self.now_ns + duration_ns
        sweep_ns = self.now_ns
        while True:
            self.run()
            key = min(self.timers, key=lambda each: (self.timers[each], each), default="")
            at_ns = max(self.now_ns, min(self.timers.get(key, until_ns), until_ns, sweep_ns + 100 * MS))
            due = min(self.host.timers.values(), default=at_ns)
            at_ns = max(self.now_ns, min(at_ns, due))
            self.host.advance(at_ns - self.now_ns)
            if key and self.timers.get(key, until_ns + 1) <= self.now_ns:
                del self.timers[key]
                self.session.on_timer(key, self.now_ns)
            if self.now_ns >= sweep_ns + 100 * MS:
                sweep_ns = self.now_ns
                self._doubt_in_flight(ANSWER_DUE_NS)
                self.reconciliation.sweep(self.now_ns)
            if self.now_ns >= until_ns:
                self.run()
                return

    def until(self, condition: Any, limit_ns: int = 120 * SECOND) -> None:
        end_ns = self.now_ns + limit_ns
        while not condition():
            assert self.now_ns < end_ns, (self.blotter.open_orders(), self.log_lines[-5:])
            self.advance(100 * MS)

    def is_settled(self) -> bool:
        return self.live and self.reconciled and not self.reconciliation.doubts and not self.blotter.unknown_orders()

    def position_lots(self) -> int:
        return self.blotter.position_lots("maker", 1)

    def check(self) -> None:
        """Our ledger is the venue's."""
        assert not self.blotter.violations, list(self.blotter.violations)
        free, locked = self.harness.balance("a", "BTC")
        assert self.position_lots() == (free + locked - 10 * SECOND) // 10
        working = {id(each) for each in self.blotter.open_orders()}
        assert len(working) == len(self.harness.actor.exchange.orders.open("a"))


def random_step(desk: Desk, chance: random.Random, orders: list[Order], links: tuple[str, ...]) -> None:
    """An order, a cancel, a replace, somebody else's order, a restart, or one of ``links`` lost; then some time."""
    what = chance.random()
    desk.breaks = chance.choice(("", "", "", "", "", "", "before", "after"))
    can_send = desk.session.send_refusal(desk.now_ns) is Reason.NONE
    working = [each for each in desk.blotter.open_orders() if each.status <= OrderStatus.PARTIALLY_FILLED]
    if what < 0.35 and can_send:
        side = chance.choice((Side.BUY, Side.SELL))
        price_ticks = 1_000 + (-1 if side is Side.BUY else 1) * chance.randrange(-2, 10)
        in_force = chance.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK))
        orders.append(desk.place(side, price_ticks, chance.randrange(1, 5) * LOT // 100, time_in_force=in_force))
    elif what < 0.5 and can_send and working:
        orig = chance.choice(working)
        if orig.can_replace:
            orders.append(
                desk.replace(orig, orig.price_ticks + chance.randrange(-3, 4), chance.randrange(1, 5) * LOT // 100)
            )
    elif what < 0.6 and can_send and working:
        order = chance.choice(working)
        if order.can_cancel:
            desk.cancel(order)
    elif what < 0.9:
        side = chance.choice((Side.BUY, Side.SELL))
        price_ticks = 1_000 + chance.randrange(-8, 9)
        desk.harness.others(side, price_ticks, chance.randrange(1, 4) * LOT // 100, ioc=chance.random() < 0.7)
    elif what < 0.92:
        desk.stop()
        desk.restart()
    elif what < 0.95:
        desk.cut(chance.choice(links))
    # Some venues tell the times of amends in milliseconds: within one, whose a fill is can only be guessed.
    desk.advance(chance.choice((1, 2, 50, 400, 2_000)) * MS)
