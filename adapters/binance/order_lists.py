"""Order lists: engine → wire, and the answers.

The venue takes a pair as the order *above* the market and the one *below* it, and writes a leg's parameters with the
leg's name in front (``aboveStopPrice``, ``pendingBelowPrice``). An answer names every order with the venue's id; from
then on each is an order like any other: its reports come under its own name, and a cancel of one cancels the list.
"""

from collections.abc import Sequence

import msgspec

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict, reject_reason
from adapters.binance.messages import ListPlaced, OrdersMessage
from adapters.binance.order_types import order_params
from adapters.binance.parse import venue_ns
from adapters.grid import InstrumentGrid
from engine.codes import Contingency, Reason
from engine.order import Order
from engine.venue import OrderAccepted, OrderOutcomeUnknown, OrderRejected

__all__ = ["ListFrame", "OrderLists", "list_request"]

_METHODS = {
    Contingency.OCO: "orderList.place.oco",
    Contingency.OTO: "orderList.place.oto",
    Contingency.OTOCO: "orderList.place.otoco",
}
#: Parameters of the whole list rather than of a leg.
_SHARED = ("selfTradePreventionMode",)

_decode_placed = msgspec.json.Decoder(ListPlaced).decode


class ListFrame(bytes):
    """An encoded list, not yet sent."""

    client_order_ids: tuple[str, ...]


def list_request(
    list_id: str, contingency: Contingency, orders: Sequence[Order], grid: InstrumentGrid
) -> tuple[str, dict[str, str | int]]:
    """(method, parameters)."""
    params: dict[str, str | int] = {
        "symbol": grid.instrument.symbol,
        "listClientOrderId": list_id,
        "newOrderRespType": "ACK",
    }
    if contingency is Contingency.OCO:
        _add_pair(params, "", orders, grid)
        params["side"], params["quantity"] = params.pop("aboveSide"), params.pop("aboveQuantity")
        _drop(params, "belowSide", "belowQuantity")
        return _METHODS[contingency], params
    _add_leg(params, "working", orders[0], grid)
    if contingency is Contingency.OTO:
        _add_leg(params, "pending", orders[1], grid)
        return _METHODS[contingency], params
    _add_pair(params, "pending", orders[1:], grid)
    params["pendingSide"], params["pendingQuantity"] = (
        params.pop("pendingAboveSide"),
        params.pop("pendingAboveQuantity"),
    )
    _drop(params, "pendingBelowSide", "pendingBelowQuantity")
    return _METHODS[contingency], params


def _drop(params: dict[str, str | int], *names: str) -> None:
    for name in names:
        del params[name]


def _add_pair(params: dict[str, str | int], prefix: str, pair: Sequence[Order], grid: InstrumentGrid) -> None:
    below, above = sorted(pair, key=_lies_at)
    for order, name in ((above, "Above"), (below, "Below")):
        _add_leg(params, f"{prefix}{name}" if prefix else name.lower(), order, grid)


def _lies_at(order: Order) -> tuple[bool, int]:
    """Which of a pair is above the market: by price, and a trailing one by the side on which it fires."""
    wants = order.instructions
    assert wants is not None, "an order of a list has instructions"
    if wants.trailing_ppm:
        return (order.side.name == "BUY", 0)
    ticks = wants.trigger_ticks or order.price_ticks
    fires_below = (order.side.name == "BUY") is not order.order_type.fires_against
    is_target_below = not order.order_type.is_triggered and order.side.name == "BUY"
    return (not (fires_below if order.order_type.is_triggered else is_target_below), ticks)


def _add_leg(params: dict[str, str | int], leg: str, order: Order, grid: InstrumentGrid) -> None:
    for name, value in order_params(order, grid).items():
        if name in _SHARED:
            params[name] = value
        else:
            params[f"{leg}{name[0].upper()}{name[1:]}"] = value
    params[f"{leg}ClientOrderId"] = order.client_order_id


class OrderLists:
    """Lists that have been sent and not answered, by the client order id of their first order."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._sent: dict[str, tuple[str, ...]] = {}

    def sent(self, frame: ListFrame) -> None:
        self._sent[frame.client_order_ids[0]] = frame.client_order_ids

    def not_sent(self, frame: ListFrame, text: str, now_ns: int) -> None:
        """Nothing has left, and that is definite."""
        for client_order_id in frame.client_order_ids:
            self._core.defer(OrderRejected(client_order_id, Reason.VENUE_LINK_DOWN, text, 0), now_ns)

    def on_answer(self, first: str, answer: OrdersMessage, now_ns: int) -> int:
        """Returns how many orders the list had, 0 for an answer to none."""
        core, names = self._core, self._sent.pop(first, ())
        if not names:
            core.count("answer to no list")
        elif answer.status == 200:
            placed = _decode_placed(answer.result)
            time_ns = venue_ns(placed.transactionTime, core.options.unit_ns)
            for each in placed.orders:
                if each.clientOrderId in names:
                    core.emit(OrderAccepted(each.clientOrderId, str(each.orderId), time_ns), now_ns)
        else:
            verdict = core.judge(answer.status, answer.error, 0, now_ns)
            text = f"{answer.error.code} {answer.error.msg}" if answer.error is not None else f"status {answer.status}"
            for name in names:
                if verdict is Verdict.UNKNOWN:
                    core.emit(OrderOutcomeUnknown(name, text), now_ns)
                else:
                    reason = reject_reason(verdict, text)
                    core.emit(OrderRejected(name, reason, text, core.clock.venue_ns(now_ns)), now_ns)
        return len(names)

    def lost(self) -> None:
        """The link is down: what was in flight is in doubt, order by order."""
        self._sent.clear()
