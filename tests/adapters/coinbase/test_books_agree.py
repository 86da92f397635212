"""Orders, fills, edits, cancels, lost answers and lost connections in any interleaving: the engine's books come out as
the venue's, and nothing was ever said that could not be."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.reconciliation import Reconciliation
from adapters.coinbase.times import time_text
from engine.blotter import Blotter
from engine.messages import CancelOrder
from engine.order import Approved, Order
from engine.venue import (
    OpenOrdersListed,
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
    OrdersListed,
    QueryFailed,
    ReplaceRejected,
    SessionState,
    TradesListed,
    VenueEvent,
)

#: ``conftest.Host``.
Host = Any
MS, SECOND = 1_000_000, 1_000_000_000
LOT = 100_000
OPEN = ("OPEN", "EDIT_QUEUED", "CANCEL_QUEUED")
TOLD = OrderAccepted | OrderCancelled | OrderExpired | OrderFilled | OrderOutcomeUnknown | OrderRejected
MORE = OrderReplaced | ReplaceRejected


class Free:
    """A gate that reserves nothing."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...
    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...
    def closed(self, order: Order, released_lots: int) -> None: ...


class Engine:
    """What a venue actor does with a session's events, without the rest of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.blotter = Blotter(Free())
        self.reconciliation = Reconciliation(host.session, self.blotter, (1,), self.settle, lambda now_ns: None)
        host.on_venue_event = self.on_venue_event
        self.live = False
        self.count = 0

    def settle(self, event: OrderEvent, now_ns: int) -> None:
        self.blotter.apply(event, now_ns)
        for name in {event.client_order_id, getattr(event, "orig_client_order_id", "")}:
            order = self.blotter.orders.get(name)
            if order is not None and order.status.name == "UNKNOWN":
                self.reconciliation.doubt(order, now_ns)

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        tell = self.reconciliation
        if isinstance(event, SessionState) and event.live != self.live:
            self.live = event.live
            if event.live:
                tell.begin(now_ns)
            else:
                tell.suspend()
        elif isinstance(event, OrderSeen):
            tell.on_order_seen(event, now_ns)
        elif isinstance(event, OrderNotFound):
            tell.on_order_not_found(event, now_ns)
        elif isinstance(event, OpenOrdersListed):
            tell.on_open_orders(event, now_ns)
        elif isinstance(event, OrdersListed):
            tell.on_orders(event, now_ns)
        elif isinstance(event, TradesListed):
            tell.on_trades(event, now_ns)
        elif isinstance(event, QueryFailed):
            tell.on_query_failed(event, now_ns)
        elif isinstance(event, TOLD | MORE):
            self.settle(event, now_ns)

    def open_orders(self) -> list[Order]:
        return list(self.blotter.open_orders())

    def _admit(self, order: Order) -> Approved:
        self.blotter.admit(order)
        order.sent_ns = self.host.now_ns
        return Approved(order)

    def place(self) -> None:
        self.count += 1
        order: Order = self.host.order(f"a-{self.count}", quantity_lots=10 * LOT)
        self.host.place(self._admit(order))

    def replace(self, orig: Order) -> None:
        if orig.can_replace:
            self.count += 1
            order = self.host.replacement(orig, f"a-{self.count}", lots=(3 + self.count) * LOT, ticks=900 + self.count)
            self.host.replace(orig, self._admit(order))

    def cancel(self, order: Order) -> None:
        if order.can_cancel:
            self.blotter.apply(CancelOrder(order.client_order_id, "acc", "s", self.host.now_ns), self.host.now_ns)
            self.host.cancel(order)

    def wait(self, duration_ns: int) -> None:
        until_ns = self.host.now_ns + duration_ns
        while self.host.now_ns < until_ns:
            self.host.advance(100 * MS)
            self.reconciliation.sweep(self.host.now_ns)
            self.host.run()


class Exchange:
    """The venue's matching, a step at a time; the channel may tell of it at once, or never."""

    def __init__(self, host: Host) -> None:
        self.host, self.venue = host, host.venue
        self.edits: dict[str, tuple[str, str]] = {}
        self.venue.rules["/orders/edit"] = self.on_edit
        self.venue.rules["/orders/batch_cancel"] = self.on_cancel

    def open_ids(self) -> list[str]:
        return [each for each, order in self.venue.orders.items() if order["status"] in OPEN]

    def lots(self, order_id: str) -> tuple[int, int]:
        order = self.venue.orders[order_id]
        edits = order["edit_history"]
        size = edits[-1]["size"] if edits else order["order_configuration"]["limit_limit_gtc"]["base_size"]
        return round(float(size)), round(float(order["filled_size"]))

    def on_edit(self, body: dict[str, str]) -> Any:
        order = self.venue.orders[body["order_id"]]
        if order["status"] not in OPEN:
            return 200, {"success": False, "errors": [{"edit_failure_reason": "ONLY_OPEN_ORDERS_CAN_BE_EDITED"}]}
        if body["order_id"] in self.edits:
            return 200, {"success": False, "errors": [{"edit_failure_reason": "ORDER_IS_ALREADY_BEING_REPLACED"}]}
        if round(float(body["size"])) <= self.lots(body["order_id"])[1]:
            return 200, {"success": False, "errors": [{"edit_failure_reason": "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"}]}
        self.edits[body["order_id"]] = body["price"], body["size"]
        order["status"] = "EDIT_QUEUED"
        return 200, {"success": True}

    def on_cancel(self, body: dict[str, list[str]]) -> Any:
        answer = self.venue.rest_orders_batch_cancel(body)
        for order_id in body["order_ids"]:
            if self.venue.orders.get(order_id, {}).get("status") in OPEN:
                self.edits.pop(order_id, None)
                self.venue.orders[order_id]["status"] = "CANCELLED"
        return answer

    def fill(self, order_id: str, lots: int) -> None:
        size, filled = self.lots(order_id)
        lots = min(lots, size - filled)
        if lots > 0:
            self.venue.fill(order_id, str(lots))
            order = self.venue.orders[order_id]
            order["filled_size"] = str(filled + lots)
            if filled + lots == size:
                order["status"] = "FILLED"
                self.edits.pop(order_id, None)

    def do_edit(self, order_id: str) -> None:
        price, size = self.edits.pop(order_id)
        order = self.venue.orders[order_id]
        if round(float(size)) <= self.lots(order_id)[1]:
            order["status"] = "OPEN"  # it filled beyond the size meanwhile: refused after all
            return
        made = {"price": price, "size": size, "replace_accept_timestamp": time_text(self.venue.time_ns())}
        order["edit_history"].append(made)
        order["status"] = "OPEN"

    def tell(self, order_id: str) -> None:
        if "session:user" in self.host.up:
            self.venue.tell(order_id)


def answer_held(host: Host, is_lost: bool) -> None:
    """What was held back has been done; its answer comes, or is lost with its connection."""
    waiting, host.venue.waiting = host.venue.waiting, []
    for end, path, body in waiting:
        if end.link in host.up:
            done = host.venue.rest("POST", path, body)
            if is_lost:
                host.cut(end.link)
            else:
                end.reply(done)
    host.run()


STEPS = ["place", "fill", "tell", "edit", "do edit", "cancel", "wait", "wait", "cut", "hold", "answer", "lose"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_engines_books_come_out_as_the_venues(make: Callable[[], Host], data: st.DataObject) -> None:
    host = make()
    host.venue.products[0]["base_min_size"] = "1"
    engine, exchange = Engine(host), Exchange(host)
    host.begin()
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(STEPS))
        ids, orders = exchange.open_ids(), engine.open_orders()
        host.advance(MS)
        if step == "place" and engine.live and engine.count < 12:
            engine.place()
        elif step == "fill" and ids:
            exchange.fill(data.draw(st.sampled_from(ids)), data.draw(st.integers(1, 6)))
        elif step == "tell" and host.venue.orders:
            exchange.tell(data.draw(st.sampled_from(sorted(host.venue.orders))))
        elif step == "edit" and orders and engine.live:
            engine.replace(data.draw(st.sampled_from(orders)))
        elif step == "do edit" and exchange.edits:
            exchange.do_edit(data.draw(st.sampled_from(sorted(exchange.edits))))
        elif step == "cancel" and orders and engine.live:
            engine.cancel(data.draw(st.sampled_from(orders)))
        elif step == "wait":
            engine.wait(data.draw(st.integers(1, 20)) * 100 * MS)
        elif step == "cut":
            host.cut(data.draw(st.sampled_from(["session:user", "session:fills", "session:rest"])))
        elif step == "hold":
            host.venue.held = {("POST", "/orders"), ("POST", "/orders/edit"), ("POST", "/orders/batch_cancel")}
        elif step in ("answer", "lose"):
            host.venue.held.clear()
            answer_held(host, step == "lose")
    host.venue.held.clear()
    answer_held(host, False)
    for order_id in sorted(exchange.edits):
        host.advance(MS)
        exchange.do_edit(order_id)
    for order_id in exchange.open_ids():
        host.venue.orders[order_id]["status"] = "CANCELLED"
    host.cut("session:user")
    engine.wait(140 * SECOND)
    assert engine.open_orders() == []
    assert [str(each) for each in engine.blotter.violations if each.is_critical] == []
    told = sum(order.cum_lots for order in engine.blotter.orders.values())
    assert told == sum(round(float(fill["size"])) for fill in host.venue.fills) * LOT
