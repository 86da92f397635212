"""Bugs of the promise Conservation: fills and reservations that do not add up."""

from typing import Any

import msgspec

from actors.reconciliation import Reconciliation
from actors.venue_core import VenueCore
from cli.simulation.bugs.planting import Bug, Patch, settling
from engine.blotter import Blotter
from engine.codes import OrderStatus
from engine.order import Order
from engine.order_event import (
    OrderFilled,
    OrderSeen,
)
from risk.gate import Gate

__all__ = ["BUGS"]


def _leak_on_cancel() -> list[Patch]:
    closed = Gate.closed

    def leaking(self: Gate, order: Order, released_lots: int) -> None:
        closed(self, order, 0 if order.status is OrderStatus.CANCELLED else released_lots)

    return [(Gate, "closed", leaking)]


def _owed_fills_forgotten() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, OrderSeen) and event.status.is_terminal:
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None and event.status is not OrderStatus.FILLED:
                return msgspec.structs.replace(event, cum_lots=order.cum_lots)
        return event

    return settling(change)


def _fill_counted_twice() -> list[Patch]:
    apply = Blotter.apply

    def counting(self: Blotter, record: Any, now_ns: int) -> Any:
        if isinstance(record, OrderFilled):
            order = self.orders.get(record.client_order_id)
            if order is not None:
                order.trade_ids.discard(record.trade_id)
        return apply(self, record, now_ns)

    return [(Blotter, "apply", counting)]


def _fill_dropped_on_reconnect() -> list[Patch]:
    on_trades = Reconciliation.on_trades

    def dropping(self: Reconciliation, event: Any, now_ns: int) -> None:
        on_trades(self, msgspec.structs.replace(event, fills=()), now_ns)

    return [(Reconciliation, "on_trades", dropping)]


BUGS = (
    Bug("leak-on-cancel", "a cancelled order keeps its reservation", _leak_on_cancel, ("Conservation",)),
    Bug(
        "owed-fills-forgotten",
        "an order that has ended is not waited for its fills",
        _owed_fills_forgotten,
        ("Conservation", "Limit", "Account"),
    ),
    Bug("fill-counted-twice", "a fill that is told again counts again", _fill_counted_twice, ("Conservation", "Limit")),
    Bug(
        "fill-dropped-on-reconnect",
        "fills during a disconnect are lost",
        _fill_dropped_on_reconnect,
        ("Conservation", "Account"),
    ),
)
