"""What each event does to an order: the transitions of ``engine/order.py``, applied."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from engine.codes import OrderStatus
from engine.messages import CancelOrder, ReplaceOrder
from engine.order import TRANSITIONS, Order, OrderInput, Rule, Target
from engine.order_event import (
    CancelRejected,
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
    ReplaceRejected,
)

__all__ = ["Outcome", "Outcomes", "transition"]


class Outcome(IntEnum):
    """What an event did. From ILLEGAL on: a violation, something that the venue or we should never have said."""

    DUPLICATE = 1
    ACCEPTED = 2
    RESOLVED = 3
    TRADED = 4
    ENDED = 5
    IN_DOUBT = 6
    CANCEL_REJECTED = 7
    REPLACE_REJECTED = 8

    ILLEGAL = 20
    #: A fill of an order that had ended. Booked.
    LATE_FILL = 21
    #: More was filled than ordered. Booked.
    OVERFILL = 22
    #: The venue contradicts what it said before, or itself. Nothing beyond the event's undisputed part has changed.
    CONTRADICTION = 23


Outcomes = tuple[Outcome, ...]

_NOTHING: Final[Outcomes] = ()
_DUPLICATE: Final[Outcomes] = (Outcome.DUPLICATE,)
_ACCEPTED: Final[Outcomes] = (Outcome.ACCEPTED,)
_RESOLVED: Final[Outcomes] = (Outcome.RESOLVED,)
_TRADED: Final[Outcomes] = (Outcome.TRADED,)
_ENDED: Final[Outcomes] = (Outcome.ENDED,)
_IN_DOUBT: Final[Outcomes] = (Outcome.IN_DOUBT,)
_ILLEGAL: Final[Outcomes] = (Outcome.ILLEGAL,)
_CONTRADICTION: Final[Outcomes] = (Outcome.CONTRADICTION,)

#: The venue may or may not have it.
_IN_FLIGHT: Final = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
_NOT_THERE: Final = (*_IN_FLIGHT, OrderStatus.REJECTED)
#: Venues list a replaced order as cancelled.
_TAKEN_OFF: Final = (OrderStatus.CANCELLED, OrderStatus.REPLACED)


def transition(order: Order, event: OrderInput) -> Outcomes:
    """Apply ``event`` to ``order`` as TRANSITIONS says and tell what that was. Never raises, whatever a venue says."""
    kind = type(event)
    if order.ending is not None and kind is not OrderFilled and not order.status.is_terminal:
        return _while_ending(order, event)
    target = _NEXT[kind][order.status]
    if target is None:
        return _ILLEGAL
    return _HANDLERS[kind](order, event, target)


# -- the venue has it, or never had it ---------------------------------------------------------------------------


def _on_accepted(order: Order, event: OrderAccepted, target: Target) -> Outcomes:
    names_it = not order.order_id and bool(event.order_id)
    if names_it:
        order.order_id = event.order_id
    if order.accepted:
        return _NOTHING if names_it else _DUPLICATE
    return _accept(order, target is Rule.WORKING)


def _accept(order: Order, settles: bool) -> Outcomes:
    """The venue's first word that it has the order."""
    order.accepted = True
    was = order.status
    if settles:
        _settle(order)
    if was.is_terminal:
        return _NOTHING
    if order.cum_lots == 0:
        return _ACCEPTED
    # A fill has told already that the order is there; only the doubt is news.
    return _RESOLVED if was is OrderStatus.UNKNOWN and order.status is not was else _NOTHING


def _settle(order: Order) -> None:
    """What the order is at the venue is known again: requests that were in doubt are no longer waited for."""
    if order.status is OrderStatus.UNKNOWN:
        order.cancel_pending = order.replace_pending = False
    order.status = _working(order)


def _working(order: Order) -> OrderStatus:
    if order.cancel_pending:
        return OrderStatus.PENDING_CANCEL
    if order.replace_pending:
        return OrderStatus.PENDING_REPLACE
    if order.cum_lots:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.NEW if order.accepted else OrderStatus.PENDING_NEW


def _on_rejected(order: Order, event: OrderRejected, target: Target) -> Outcomes:
    if target is Rule.REPEAT:
        return _DUPLICATE
    if order.accepted or order.cum_lots:
        return _ILLEGAL
    return _end(order, OrderStatus.REJECTED, event, 0)


# -- fills -------------------------------------------------------------------------------------------------------


def _on_filled(order: Order, event: OrderFilled, target: Target) -> Outcomes:
    if event.last_lots <= 0 or event.last_ticks < 0:
        return _CONTRADICTION
    if event.trade_id in order.trade_ids:
        return _DUPLICATE
    order.trade_ids.add(event.trade_id)
    if not order.order_id:
        order.order_id = event.order_id
    order.cum_lots += event.last_lots
    over = order.cum_lots > order.quantity_lots
    if target is Rule.LATE:
        return (Outcome.TRADED, Outcome.OVERFILL if over else Outcome.LATE_FILL)
    if order.cum_lots >= order.quantity_lots:
        order.status = OrderStatus.FILLED
        return (Outcome.TRADED, Outcome.OVERFILL) if over else _TRADED
    if order.ending is not None and order.cum_lots >= order.venue_cum_lots:
        order.status = order.ending_status
        return (Outcome.TRADED, Outcome.ENDED)
    if order.status <= OrderStatus.PARTIALLY_FILLED:
        order.status = OrderStatus.PARTIALLY_FILLED
    return _TRADED


# -- ends --------------------------------------------------------------------------------------------------------


def _on_ended(order: Order, event: OrderCancelled | OrderExpired | OrderReplaced, target: Target) -> Outcomes:
    if isinstance(event, OrderReplaced):
        if event.new_client_order_id not in order.replacements:
            return _ILLEGAL
    elif not order.order_id:
        order.order_id = event.order_id
    if target is Rule.REPEAT:
        return _owing(order, event.cum_lots, _DUPLICATE)
    status = target if isinstance(target, OrderStatus) else OrderStatus(target)
    return _end(order, status, event, event.cum_lots)


def _end(order: Order, status: OrderStatus, event: OrderEvent, cum_lots: int) -> Outcomes:
    """End the order now, or with the last fill that is owed."""
    order.ending, order.ending_status = event, status
    order.venue_cum_lots = max(order.venue_cum_lots, cum_lots)
    if order.venue_cum_lots > order.cum_lots:
        return _NOTHING
    order.status = status
    # Fills that the venue reported and now does not count are facts all the same.
    return _ENDED if cum_lots == order.cum_lots else (Outcome.ENDED, Outcome.CONTRADICTION)


def _owing(order: Order, cum_lots: int, otherwise: Outcomes) -> Outcomes:
    """The venue counts fills of an ended order: more than we have would be fills that we have missed."""
    if cum_lots <= order.cum_lots:
        return otherwise
    order.venue_cum_lots = max(order.venue_cum_lots, cum_lots)
    return _CONTRADICTION


def _while_ending(order: Order, event: OrderInput) -> Outcomes:
    """The venue has ended it and owes fills: nothing can be asked of it, and nothing but more owed fills is news."""
    if isinstance(event, CancelOrder | ReplaceOrder):
        return _ILLEGAL
    if isinstance(event, OrderCancelled | OrderExpired | OrderReplaced | OrderSeen):
        order.venue_cum_lots = max(order.venue_cum_lots, event.cum_lots)
        return _DUPLICATE
    if isinstance(event, OrderAccepted):
        order.order_id = order.order_id or event.order_id
    return _NOTHING


# -- requests refused --------------------------------------------------------------------------------------------


def _on_cancel_rejected(order: Order, event: CancelRejected, target: Target) -> Outcomes:
    asked, was = order.cancel_pending, order.status
    order.cancel_pending = False
    if target is Rule.REFUSED:
        order.status = OrderStatus.UNKNOWN if event.order_unknown else _working(order)
    if was.is_terminal:
        return _NOTHING
    if asked:
        return (Outcome.CANCEL_REJECTED,)
    return _IN_DOUBT if order.status is not was else _DUPLICATE


def _on_replace_rejected(order: Order, event: ReplaceRejected, target: Target) -> Outcomes:
    was = order.status
    asked = order.replace_pending and event.client_order_id == order.replaced_by
    if asked:
        order.replace_pending = False
    if target is Rule.STAY:
        return _NOTHING
    if event.orig_cancelled:
        if event.orig_cum_lots >= 0:
            return _end(order, OrderStatus.CANCELLED, event, event.orig_cum_lots)
        order.status = OrderStatus.UNKNOWN  # gone, but after how many fills?
        return _DUPLICATE if was is OrderStatus.UNKNOWN else _IN_DOUBT
    if was is not OrderStatus.UNKNOWN:
        order.status = _working(order)
    return (Outcome.REPLACE_REJECTED,) if asked else _DUPLICATE


# -- doubt -------------------------------------------------------------------------------------------------------


def _on_outcome_unknown(order: Order, event: OrderOutcomeUnknown, target: Target) -> Outcomes:
    if target is Rule.REPEAT:
        return _DUPLICATE
    if target is Rule.STAY:
        return _NOTHING
    order.status = OrderStatus.UNKNOWN
    return _IN_DOUBT


def _on_seen(order: Order, event: OrderSeen, target: Target) -> Outcomes:
    outcomes = _see(order, event)
    if event.quantity_lots != order.quantity_lots:
        return (*outcomes, Outcome.CONTRADICTION)
    return outcomes


def _see(order: Order, event: OrderSeen) -> Outcomes:
    if order.status.is_terminal:
        return _see_again(order, event)
    if event.status.is_terminal:
        if event.status is OrderStatus.REJECTED and (order.accepted or order.cum_lots or event.cum_lots):
            return _ILLEGAL
        if event.status is OrderStatus.FILLED and event.cum_lots < order.quantity_lots:
            return _CONTRADICTION
        order.order_id = order.order_id or event.order_id
        return _end(order, event.status, event, event.cum_lots)
    order.venue_cum_lots = max(order.venue_cum_lots, event.cum_lots)
    if event.status in _IN_FLIGHT:
        return _NOTHING
    order.order_id = order.order_id or event.order_id
    in_doubt = order.status in _IN_FLIGHT
    if not order.accepted:
        return _accept(order, in_doubt)
    if order.status is OrderStatus.UNKNOWN:
        _settle(order)
        return _RESOLVED
    return _NOTHING


def _see_again(order: Order, event: OrderSeen) -> Outcomes:
    """Read sides lag, so an ended order may look open; but it cannot have ended in another way, nor come to be."""
    if order.status is OrderStatus.REJECTED and event.status not in _NOT_THERE:
        return _owing(order, event.cum_lots, _CONTRADICTION)
    both_taken_off = event.status in _TAKEN_OFF and order.status in _TAKEN_OFF
    if event.status.is_terminal and event.status is not order.status and not both_taken_off:
        return _owing(order, event.cum_lots, _CONTRADICTION)
    return _owing(order, event.cum_lots, _NOTHING)


def _on_not_found(order: Order, event: OrderNotFound, target: Target) -> Outcomes:
    return _NOTHING


# -- what we ask for ---------------------------------------------------------------------------------------------


def _on_cancel(order: Order, event: CancelOrder, target: Target) -> Outcomes:
    order.cancel_pending = True
    if target is not Rule.STAY:
        order.status = OrderStatus(target)
    return _NOTHING


def _on_replace(order: Order, event: ReplaceOrder, target: Target) -> Outcomes:
    order.replace_pending = True
    order.replacements += (event.client_order_id,)
    order.status = OrderStatus(target)
    return _NOTHING


_HANDLERS: Final[dict[type[OrderInput], Callable[[Order, Any, Target], Outcomes]]] = {
    OrderAccepted: _on_accepted,
    OrderRejected: _on_rejected,
    OrderFilled: _on_filled,
    OrderCancelled: _on_ended,
    OrderExpired: _on_ended,
    OrderReplaced: _on_ended,
    CancelRejected: _on_cancel_rejected,
    ReplaceRejected: _on_replace_rejected,
    OrderOutcomeUnknown: _on_outcome_unknown,
    OrderSeen: _on_seen,
    OrderNotFound: _on_not_found,
    CancelOrder: _on_cancel,
    ReplaceOrder: _on_replace,
}

#: TRANSITIONS, as one row per event indexed by state: hashing a pair of an enumeration and a type costs more.
_NEXT: Final[dict[type[OrderInput], tuple[Target | None, ...]]] = {
    kind: (None, *(TRANSITIONS.get((status, kind)) for status in OrderStatus)) for kind in _HANDLERS
}
