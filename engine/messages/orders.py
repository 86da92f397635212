"""What strategies ask of a venue actor."""

import msgspec

from engine.codes import Contingency, OrderType, SelfTradePrevention, Side, TimeInForce
from engine.messages.shape import MessageBase

__all__ = [
    "CancelAll",
    "CancelOrder",
    "Instructions",
    "NewOrder",
    "NewOrderList",
    "OrdersPending",
    "ReplaceOrder",
    "StrategyFailed",
    "StrategyLogon",
]


class Instructions(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an order asks for beyond type, price, quantity and validity; what is 0 is not asked for. An order has it
    exactly when it is not a plain one, so that a plain one pays for one look at ``None``.

    Fields:
        trigger_ticks: FIX TriggerPrice (1102): the last trade at which a STOP or IF_TOUCHED order fires.
        trailing_ppm: how far behind the market a TRAILING order's trigger stays, in millionths of the market's price.
        display_lots: FIX DisplayQty (1138): how much of it the book shows at a time; the rest waits hidden.
        expires_wall_ns: FIX ExpireTime (126): when a GTD order ends, UTC.
        self_trade: FIX SelfMatchPreventionInstruction (2964).
        list_id, contingency: FIX ListID (66) and ContingencyType (1385) of the list that it is part of.
        reserve_ticks: the price at which the gate valued it; 0 from a strategy, written by the venue actor when it
            journals the order, because nothing else in the order may say what it can cost.
    """

    trigger_ticks: int = 0
    trailing_ppm: int = 0
    display_lots: int = 0
    expires_wall_ns: int = 0
    self_trade: SelfTradePrevention = SelfTradePrevention.VENUE_DEFAULT
    list_id: str = ""
    contingency: Contingency = Contingency.NONE
    reserve_ticks: int = 0


class NewOrder(MessageBase, frozen=True, tag=10):
    """FIX D. ``price_ticks`` is 0 for an order without a price. ``created_ns`` is when the strategy made it and
    ``tick_received_ns`` when the market event it answers arrived at the venue actor (0: none)."""

    client_order_id: str
    account_id: str
    strategy_id: str
    instrument_id: int
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int
    post_only: bool = False
    created_ns: int = 0
    tick_received_ns: int = 0
    instructions: Instructions | None = None


class CancelOrder(MessageBase, frozen=True, tag=11):
    """FIX F."""

    client_order_id: str
    account_id: str
    strategy_id: str
    created_ns: int = 0


class ReplaceOrder(MessageBase, frozen=True, tag=12):
    """FIX G. The order ``orig_client_order_id`` ends as REPLACED and a new one, ``client_order_id``, takes its place
    with ``quantity_lots`` open; when the original can no longer be cancelled, nothing new is sent. Without
    ``instructions`` the original's hold."""

    client_order_id: str
    orig_client_order_id: str
    account_id: str
    strategy_id: str
    quantity_lots: int
    price_ticks: int
    created_ns: int = 0
    tick_received_ns: int = 0
    instructions: Instructions | None = None


class CancelAll(MessageBase, frozen=True, tag=13):
    """FIX q. Cancels the strategy's open orders at this venue actor, of one instrument or (-1) of all."""

    account_id: str
    strategy_id: str
    instrument_id: int = -1


class StrategyLogon(MessageBase, frozen=True, tag=14):
    """A strategy (re)attaches to a venue actor.

    ``last_report_seq`` is the last report it has processed from this venue actor, or -1 when it has no memory and
    wants positions and open orders anew. ``pending`` are its orders without a terminal report: those that the venue
    actor never journalled were never sent, and get a terminal report saying so.
    """

    account_id: str
    strategy_id: str
    book_levels: int
    last_report_seq: int
    pending: tuple[str, ...] = ()


class StrategyFailed(MessageBase, frozen=True, tag=15):
    """A strategy raised: it is stopped, its orders are to be cancelled, and it may not trade again this session."""

    strategy_id: str
    error: str


class OrdersPending(MessageBase, frozen=True, tag=16):
    """More of StrategyLogon's ``pending``, which one frame may not hold, or the answer to RefusalsLost: orders without
    a terminal report. Those that were never journalled or have ended get one."""

    strategy_id: str
    client_order_ids: tuple[str, ...]


class NewOrderList(MessageBase, frozen=True, tag=17):
    """FIX E. Orders of one instrument that the venue takes together or not at all, in the order in which they work: of
    an OCO two of one side and quantity, of which one at most fills; of an OTO one, and one that is placed once that has
    filled; of an OTOCO one, and an OCO that is placed then. Every one has ``list_id`` and ``contingency`` in its
    instructions, and a client order id and a terminal report of its own."""

    list_id: str
    account_id: str
    strategy_id: str
    contingency: Contingency
    orders: tuple[NewOrder, ...]
    created_ns: int = 0
