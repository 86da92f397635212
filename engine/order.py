"""An order's life: one transition table, and what each event does to the order.

    PENDING_NEW ─▶ NEW ─▶ PARTIALLY_FILLED ─▶ FILLED          and from every state that is not terminal:
        │           │ ▲          │ ▲                          UNKNOWN (asked about until known), CANCELLED, EXPIRED
        ▼           ▼ │          ▼ │
     REJECTED   PENDING_CANCEL / PENDING_REPLACE ─▶ CANCELLED / REPLACED

What is easily got wrong, and how it is here:

- A fill is a fact of the venue's. It is booked in every state, also before the accept, also when the order is terminal
  or full; then it is reported as a violation as well, because our picture of the venue was wrong.
- An end that counts more fills than we have seen does not end the order: it is *ending*, and ends with the last fill
  that is owed (``owed_lots``), so that the one terminal report has the right ``cum_lots``.
- UNKNOWN is left only by the venue's word on what the order is now. A fill tells what it was.
- An event about two orders is two events: a replacement sees OrderReplaced as its OrderAccepted and ReplaceRejected as
  its OrderRejected (``engine/blotter.py`` does that).
- What the table does not list is illegal: it changes nothing and is reported.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final, NewType

from engine.codes import OrderStatus, OrderType, Side, TimeInForce
from engine.messages import CancelOrder, NewOrder, ReplaceOrder
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

__all__ = ["TRANSITIONS", "Approved", "Order", "OrderInput", "Outcome", "Rule", "transition"]

OrderInput = OrderEvent | CancelOrder | ReplaceOrder


class Order:
    """One order as this venue actor knows it. Built from a NewOrder or a ReplaceOrder, changed only by ``transition``.

    Attributes that are not FIX's:
        reserve_ticks: the price at which the gate valued it; set by the gate.
        sent_ns: when its bytes were handed to the socket; 0 until then. Set by the venue actor.
        accepted: the venue has said that it has (or had) the order.
        venue_cum_lots: the most that the venue has said was filled; more than ``cum_lots`` while fills are owed.
        ending: the event by which the venue ended it; while the order is not terminal, fills are still owed.
        replaced_by: client order id of the last replacement asked for.
    """

    __slots__ = (
        "accepted",
        "account_id",
        "cancel_pending",
        "client_order_id",
        "created_ns",
        "cum_lots",
        "ending",
        "ending_status",
        "instrument_id",
        "order_id",
        "order_type",
        "orig_client_order_id",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "replace_pending",
        "replaced_by",
        "reserve_ticks",
        "sent_ns",
        "side",
        "status",
        "strategy_id",
        "tick_received_ns",
        "time_in_force",
        "trade_ids",
        "venue_cum_lots",
    )

    def __init__(
        self,
        request: NewOrder | ReplaceOrder,
        orig_client_order_id: str,
        instrument_id: int,
        side: Side,
        order_type: OrderType,
        time_in_force: TimeInForce,
        post_only: bool,
    ) -> None:
        self.client_order_id: str = request.client_order_id
        self.orig_client_order_id = orig_client_order_id
        self.account_id: str = request.account_id
        self.strategy_id: str = request.strategy_id
        self.instrument_id = instrument_id
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.quantity_lots: int = request.quantity_lots
        self.price_ticks: int = request.price_ticks
        self.post_only = post_only
        self.created_ns: int = request.created_ns
        self.tick_received_ns: int = request.tick_received_ns
        self.reserve_ticks = 0
        self.sent_ns = 0
        self.order_id = ""
        self.status = OrderStatus.PENDING_NEW
        self.cum_lots = 0
        self.venue_cum_lots = 0
        self.accepted = False
        self.cancel_pending = False
        self.replace_pending = False
        self.replaced_by = ""
        self.ending: OrderEvent | None = None
        self.ending_status = OrderStatus.UNKNOWN
        self.trade_ids: set[str] = set()

    @staticmethod
    def from_new(new: NewOrder) -> "Order":
        return Order(new, "", new.instrument_id, new.side, new.order_type, new.time_in_force, new.post_only)

    @staticmethod
    def from_replace(replace: ReplaceOrder, orig: "Order") -> "Order":
        return Order(
            replace,
            orig.client_order_id,
            orig.instrument_id,
            orig.side,
            orig.order_type,
            orig.time_in_force,
            orig.post_only,
        )

    @property
    def leaves_lots(self) -> int:
        """What may still fill: 0 when terminal. An ending order keeps all of it until it has ended."""
        return 0 if self.status.is_terminal else self.quantity_lots - self.cum_lots

    @property
    def owed_lots(self) -> int:
        """Fills that the venue has counted and we have not seen: its trades have to be asked for."""
        return max(0, self.venue_cum_lots - self.cum_lots)

    @property
    def can_cancel(self) -> bool:
        """Whether a CancelOrder is legal now. Cancelling again is."""
        return self.ending is None and (self.status, CancelOrder) in TRANSITIONS

    @property
    def can_replace(self) -> bool:
        """Whether a ReplaceOrder is legal now: one at a time, and not while the order is in doubt."""
        return self.ending is None and (self.status, ReplaceOrder) in TRANSITIONS

    def __repr__(self) -> str:
        return f"<Order {self.client_order_id} {self.status.name} {self.cum_lots}/{self.quantity_lots}>"


Approved = NewType("Approved", Order)


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

    @property
    def is_violation(self) -> bool:
        return self >= Outcome.ILLEGAL


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


class Rule(IntEnum):
    """Where the next state is not one fixed state."""

    #: Nothing changes, and nothing is wrong.
    STAY = 1
    #: Nothing changes: we have been told before. Counted as a duplicate.
    REPEAT = 2
    #: NEW, or PARTIALLY_FILLED once something is filled.
    WORKING = 3
    #: FILLED when nothing is left, else PARTIALLY_FILLED; a pending or unknown order stays so until it is full.
    FILL = 4
    #: Booked, the state stays, and it is a violation.
    LATE = 5
    #: A request was refused: back to what the order was without it; UNKNOWN when the venue knows no such open order;
    #: CANCELLED when a replace was half done.
    REFUSED = 6
    #: The state that the venue names, if it can follow this one.
    SEEN = 7


_S = OrderStatus
_R = Rule
Target = OrderStatus | Rule

#: (state, event) → next state. Whatever is not here is illegal.
TRANSITIONS: Final[dict[tuple[OrderStatus, type[OrderInput]], Target]] = {
    # -- the venue has it --------------------------------------------------------------------------------------
    (_S.PENDING_NEW, OrderAccepted): _R.WORKING,
    (_S.NEW, OrderAccepted): _R.REPEAT,
    (_S.PARTIALLY_FILLED, OrderAccepted): _R.REPEAT,
    (_S.PENDING_CANCEL, OrderAccepted): _R.STAY,
    (_S.PENDING_REPLACE, OrderAccepted): _R.STAY,
    (_S.UNKNOWN, OrderAccepted): _R.WORKING,
    (_S.FILLED, OrderAccepted): _R.REPEAT,
    (_S.CANCELLED, OrderAccepted): _R.REPEAT,
    (_S.REPLACED, OrderAccepted): _R.REPEAT,
    (_S.EXPIRED, OrderAccepted): _R.REPEAT,
    # -- the venue never had it (illegal when it has said or filled otherwise) ---------------------------------
    (_S.PENDING_NEW, OrderRejected): _S.REJECTED,
    (_S.PENDING_CANCEL, OrderRejected): _S.REJECTED,
    (_S.PENDING_REPLACE, OrderRejected): _S.REJECTED,
    (_S.UNKNOWN, OrderRejected): _S.REJECTED,
    (_S.REJECTED, OrderRejected): _R.REPEAT,
    # -- fills -------------------------------------------------------------------------------------------------
    (_S.PENDING_NEW, OrderFilled): _R.FILL,
    (_S.NEW, OrderFilled): _R.FILL,
    (_S.PARTIALLY_FILLED, OrderFilled): _R.FILL,
    (_S.PENDING_CANCEL, OrderFilled): _R.FILL,
    (_S.PENDING_REPLACE, OrderFilled): _R.FILL,
    (_S.UNKNOWN, OrderFilled): _R.FILL,
    (_S.FILLED, OrderFilled): _R.LATE,
    (_S.CANCELLED, OrderFilled): _R.LATE,
    (_S.REPLACED, OrderFilled): _R.LATE,
    (_S.REJECTED, OrderFilled): _R.LATE,
    (_S.EXPIRED, OrderFilled): _R.LATE,
    # -- ends (all of them wait for the fills that are owed) ---------------------------------------------------
    (_S.PENDING_NEW, OrderCancelled): _S.CANCELLED,
    (_S.NEW, OrderCancelled): _S.CANCELLED,
    (_S.PARTIALLY_FILLED, OrderCancelled): _S.CANCELLED,
    (_S.PENDING_CANCEL, OrderCancelled): _S.CANCELLED,
    (_S.PENDING_REPLACE, OrderCancelled): _S.CANCELLED,
    (_S.UNKNOWN, OrderCancelled): _S.CANCELLED,
    (_S.CANCELLED, OrderCancelled): _R.REPEAT,
    (_S.REPLACED, OrderCancelled): _R.REPEAT,
    (_S.PENDING_NEW, OrderExpired): _S.EXPIRED,
    (_S.NEW, OrderExpired): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, OrderExpired): _S.EXPIRED,
    (_S.PENDING_CANCEL, OrderExpired): _S.EXPIRED,
    (_S.PENDING_REPLACE, OrderExpired): _S.EXPIRED,
    (_S.UNKNOWN, OrderExpired): _S.EXPIRED,
    (_S.EXPIRED, OrderExpired): _R.REPEAT,
    # (only by the replacement that was asked for last)
    (_S.NEW, OrderReplaced): _S.REPLACED,
    (_S.PARTIALLY_FILLED, OrderReplaced): _S.REPLACED,
    (_S.PENDING_CANCEL, OrderReplaced): _S.REPLACED,
    (_S.PENDING_REPLACE, OrderReplaced): _S.REPLACED,
    (_S.UNKNOWN, OrderReplaced): _S.REPLACED,
    (_S.REPLACED, OrderReplaced): _R.REPEAT,
    (_S.CANCELLED, OrderReplaced): _R.REPEAT,
    # -- requests refused --------------------------------------------------------------------------------------
    (_S.PENDING_NEW, CancelRejected): _R.STAY,
    (_S.NEW, CancelRejected): _R.REFUSED,
    (_S.PARTIALLY_FILLED, CancelRejected): _R.REFUSED,
    (_S.PENDING_CANCEL, CancelRejected): _R.REFUSED,
    (_S.PENDING_REPLACE, CancelRejected): _R.REFUSED,
    (_S.UNKNOWN, CancelRejected): _R.STAY,
    (_S.FILLED, CancelRejected): _R.STAY,
    (_S.CANCELLED, CancelRejected): _R.STAY,
    (_S.REPLACED, CancelRejected): _R.STAY,
    (_S.REJECTED, CancelRejected): _R.STAY,
    (_S.EXPIRED, CancelRejected): _R.STAY,
    # (here the order is the original; the replacement sees an OrderRejected)
    (_S.PENDING_NEW, ReplaceRejected): _R.REFUSED,
    (_S.NEW, ReplaceRejected): _R.REFUSED,
    (_S.PARTIALLY_FILLED, ReplaceRejected): _R.REFUSED,
    (_S.PENDING_CANCEL, ReplaceRejected): _R.REFUSED,
    (_S.PENDING_REPLACE, ReplaceRejected): _R.REFUSED,
    (_S.UNKNOWN, ReplaceRejected): _R.REFUSED,
    (_S.FILLED, ReplaceRejected): _R.STAY,
    (_S.CANCELLED, ReplaceRejected): _R.STAY,
    (_S.REPLACED, ReplaceRejected): _R.STAY,
    (_S.REJECTED, ReplaceRejected): _R.STAY,
    (_S.EXPIRED, ReplaceRejected): _R.STAY,
    # -- doubt, and its resolution -----------------------------------------------------------------------------
    (_S.PENDING_NEW, OrderOutcomeUnknown): _S.UNKNOWN,
    (_S.NEW, OrderOutcomeUnknown): _S.UNKNOWN,
    (_S.PARTIALLY_FILLED, OrderOutcomeUnknown): _S.UNKNOWN,
    (_S.PENDING_CANCEL, OrderOutcomeUnknown): _S.UNKNOWN,
    (_S.PENDING_REPLACE, OrderOutcomeUnknown): _S.UNKNOWN,
    (_S.UNKNOWN, OrderOutcomeUnknown): _R.REPEAT,
    (_S.FILLED, OrderOutcomeUnknown): _R.STAY,
    (_S.CANCELLED, OrderOutcomeUnknown): _R.STAY,
    (_S.REPLACED, OrderOutcomeUnknown): _R.STAY,
    (_S.REJECTED, OrderOutcomeUnknown): _R.STAY,
    (_S.EXPIRED, OrderOutcomeUnknown): _R.STAY,
    **{(status, OrderSeen): _R.SEEN for status in OrderStatus},
    **{(status, OrderNotFound): _R.STAY for status in OrderStatus},
    # -- what we ask for ---------------------------------------------------------------------------------------
    (_S.PENDING_NEW, CancelOrder): _S.PENDING_CANCEL,
    (_S.NEW, CancelOrder): _S.PENDING_CANCEL,
    (_S.PARTIALLY_FILLED, CancelOrder): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, CancelOrder): _R.STAY,
    (_S.PENDING_REPLACE, CancelOrder): _S.PENDING_CANCEL,
    (_S.UNKNOWN, CancelOrder): _R.STAY,
    (_S.PENDING_NEW, ReplaceOrder): _S.PENDING_REPLACE,
    (_S.NEW, ReplaceOrder): _S.PENDING_REPLACE,
    (_S.PARTIALLY_FILLED, ReplaceOrder): _S.PENDING_REPLACE,
}


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
    if event.last_lots <= 0:
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
        if event.new_client_order_id != order.replaced_by:
            return _ILLEGAL
    elif not order.order_id:
        order.order_id = event.order_id
    if target is Rule.REPEAT:
        return _owing(order, event.cum_lots, _DUPLICATE)
    return _end(order, OrderStatus(target), event, event.cum_lots)


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
    asked, was = order.replace_pending, order.status
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
    if event.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN):
        return _NOTHING
    order.order_id = order.order_id or event.order_id
    in_doubt = order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)
    if not order.accepted:
        return _accept(order, in_doubt)
    if order.status is OrderStatus.UNKNOWN:
        _settle(order)
        return _RESOLVED
    return _NOTHING


def _see_again(order: Order, event: OrderSeen) -> Outcomes:
    """Read sides lag, so an ended order may look open; but it cannot have ended in another way."""
    if event.status.is_terminal and event.status is not order.status:
        gone = (OrderStatus.CANCELLED, OrderStatus.REPLACED)  # a replaced order is listed as cancelled
        if not (event.status in gone and order.status in gone):
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
    order.replaced_by = event.client_order_id
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
