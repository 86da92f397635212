"""An order, and its life as one transition table; ``engine/order_life.py`` applies it.

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

from enum import IntEnum
from typing import Final, NewType

import msgspec

from engine.codes import OrderStatus, OrderType, Side, TimeInForce
from engine.messages import CancelOrder, Instructions, NewOrder, ReplaceOrder
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

__all__ = ["TRANSITIONS", "Approved", "Order", "OrderInput", "Rule", "Target"]

OrderInput = OrderEvent | CancelOrder | ReplaceOrder


class Order:
    """One order as this venue actor knows it. Built from a NewOrder or a ReplaceOrder, changed only by
    ``engine/order_life.py``.

    Attributes that are not FIX's:
        instructions: what it asks for beyond a plain order; None: nothing.
        orig_order_id: the venue's id of the order that it replaces, as known when it was asked for; "" otherwise.
        reserve_ticks: the price at which the gate valued it; set by the gate.
        sent_ns: when its bytes were handed to the socket; 0 until then. Set by the venue actor.
        accepted: the venue has said that it has (or had) the order.
        venue_cum_lots: the most that the venue has said was filled; more than ``cum_lots`` while fills are owed.
        ending: the event by which the venue ended it; while the order is not terminal, fills are still owed.
        replacements: client order ids of the replacements asked for, oldest first.
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
        "instructions",
        "instrument_id",
        "order_id",
        "order_type",
        "orig_client_order_id",
        "orig_order_id",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "replace_pending",
        "replacements",
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
        instructions: Instructions | None,
    ) -> None:
        self.client_order_id: str = request.client_order_id
        self.orig_client_order_id = orig_client_order_id
        self.orig_order_id = ""
        self.account_id: str = request.account_id
        self.strategy_id: str = request.strategy_id
        self.instrument_id = instrument_id
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.quantity_lots: int = request.quantity_lots
        self.price_ticks: int = request.price_ticks
        self.post_only = post_only
        self.instructions = instructions
        self.created_ns: int = request.created_ns
        self.tick_received_ns: int = request.tick_received_ns
        self.reserve_ticks = 0 if instructions is None else instructions.reserve_ticks
        self.sent_ns = 0
        self.order_id = ""
        self.status = OrderStatus.PENDING_NEW
        self.cum_lots = 0
        self.venue_cum_lots = 0
        self.accepted = False
        self.cancel_pending = False
        self.replace_pending = False
        self.replacements: tuple[str, ...] = ()
        self.ending: OrderEvent | None = None
        self.ending_status = OrderStatus.UNKNOWN
        self.trade_ids: set[str] = set()

    @staticmethod
    def from_new(new: NewOrder) -> "Order":
        return Order(
            new, "", new.instrument_id, new.side, new.order_type, new.time_in_force, new.post_only, new.instructions
        )

    @staticmethod
    def from_replace(replace: ReplaceOrder, orig: "Order") -> "Order":
        order = Order(
            replace,
            orig.client_order_id,
            orig.instrument_id,
            orig.side,
            orig.order_type,
            orig.time_in_force,
            orig.post_only,
            replace.instructions if replace.instructions is not None else _carried(orig.instructions),
        )
        order.orig_order_id = orig.order_id
        return order

    @property
    def leaves_lots(self) -> int:
        """What may still fill: 0 when terminal. An ending order keeps all of it until it has ended."""
        return 0 if self.status.is_terminal else self.quantity_lots - self.cum_lots

    @property
    def owed_lots(self) -> int:
        """Fills that the venue has counted and we have not seen: its trades have to be asked for."""
        return max(0, self.venue_cum_lots - self.cum_lots)

    @property
    def replaced_by(self) -> str:
        """Client order id of the last replacement asked for, or ""."""
        return self.replacements[-1] if self.replacements else ""

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


def _carried(instructions: Instructions | None) -> Instructions | None:
    """What a replacement takes over: all but what the gate wrote for the original."""
    if instructions is None or not instructions.reserve_ticks:
        return instructions
    return msgspec.structs.replace(instructions, reserve_ticks=0)


Approved = NewType("Approved", Order)


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
    # (only by a replacement that was asked for)
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
