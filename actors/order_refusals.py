"""How a request is answered that is refused: nothing has happened, so the report has number 0 and is not journalled."""

from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import ExecutionReport, NewOrder, Refusal
from engine.order import Order

__all__ = ["ghost_order", "not_open", "refusal_report", "unknown_order"]


def refusal_report(order: Order, refusal: Refusal, exec_type: ExecType, now_ns: int) -> ExecutionReport:
    """``exec_type`` REJECTED ends the order; CANCEL_REJECTED leaves it as it is."""
    status = OrderStatus.REJECTED if exec_type is ExecType.REJECTED else order.status
    return ExecutionReport(
        0,
        order.strategy_id,
        order.client_order_id,
        order.orig_client_order_id,
        order.order_id,
        order.instrument_id,
        order.side,
        exec_type,
        status,
        order.quantity_lots,
        order.price_ticks,
        order.cum_lots,
        0 if status.is_terminal else order.leaves_lots,
        refusal=refusal,
        received_ns=now_ns,
    )


def ghost_order(client_order_id: str, strategy_id: str, orig: str = "") -> Order:
    """Stands for an order that was never ours, so that its refusal can be reported like any other."""
    order = Order.from_new(
        NewOrder(client_order_id, "", strategy_id, -1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 0, 0)
    )
    order.orig_client_order_id = orig
    order.status = OrderStatus.REJECTED
    return order


def unknown_order(client_order_id: str) -> Refusal:
    return Refusal(
        Reason.UNKNOWN_ORDER, "client_order_id", client_order_id, text="no order of this strategy has that id"
    )


def not_open(order: Order) -> Refusal:
    return Refusal(
        Reason.ORDER_NOT_OPEN, "client_order_id", order.client_order_id, order.status.name, "it is ending or has ended"
    )
