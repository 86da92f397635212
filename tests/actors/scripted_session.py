"""A venue session that writes down what it is asked, and a blotter with orders to ask about."""

from engine.blotter import Blotter
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder
from engine.order import Order
from engine.order_event import OrderEvent

MS = 1_000_000


class ScriptedSession:
    """Answers nothing by itself: a test reads ``asked`` and tells what the venue said."""

    request_validity_ns = 3_000 * MS

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        self.asked.append(("cancel_all", instrument_id))

    def query_open_orders(self, query_id: int, now_ns: int) -> None:
        self.asked.append(("open_orders", query_id))

    def query_order(self, order: Order, now_ns: int) -> None:
        self.asked.append(("order", order.client_order_id))

    def query_orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        self.asked.append(("orders", query_id, instrument_id, since_ns))

    def query_trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        self.asked.append(("trades", query_id, instrument_id, after_trade_id))

    def query_balances(self, now_ns: int) -> None:
        self.asked.append(("balances",))

    def query_order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        self.asked.append(("order_trades", query_id, order.order_id))

    def take(self) -> list[tuple[object, ...]]:
        """What has been asked since the last look."""
        asked, self.asked = self.asked, []
        return asked


class NoExposure:
    """For a blotter without a gate."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def closed(self, order: Order, released_lots: int) -> None: ...


class Books:
    """A blotter, and everything that was settled on it."""

    def __init__(self) -> None:
        self.blotter = Blotter(NoExposure())
        self.settled: list[OrderEvent] = []

    def add(self, client_order_id: str, instrument_id: int = 0, lots: int = 1_000) -> Order:
        order = Order.from_new(
            NewOrder(
                client_order_id,
                "desk",
                "s",
                instrument_id,
                Side.BUY,
                OrderType.LIMIT,
                TimeInForce.GTC,
                lots,
                5_000_000,
            )
        )
        self.blotter.admit(order)
        return order

    def settle(self, event: OrderEvent, now_ns: int) -> None:
        self.settled.append(event)
        self.blotter.apply(event, now_ns)
