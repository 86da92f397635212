"""What strategies ask of a venue actor."""

from engine.codes import OrderType, Side, TimeInForce
from engine.messages.shape import MessageBase

__all__ = ["CancelAll", "CancelOrder", "NewOrder", "OrdersPending", "ReplaceOrder", "StrategyFailed", "StrategyLogon"]


class NewOrder(MessageBase, frozen=True, tag=10):
    """FIX D. ``price_ticks`` is 0 for a market order. ``created_ns`` is when the strategy made it and
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


class CancelOrder(MessageBase, frozen=True, tag=11):
    """FIX F."""

    client_order_id: str
    account_id: str
    strategy_id: str
    created_ns: int = 0


class ReplaceOrder(MessageBase, frozen=True, tag=12):
    """FIX G. The order ``orig_client_order_id`` ends as REPLACED and a new one, ``client_order_id``, takes its place
    with ``quantity_lots`` open; when the original can no longer be cancelled, nothing new is sent."""

    client_order_id: str
    orig_client_order_id: str
    account_id: str
    strategy_id: str
    quantity_lots: int
    price_ticks: int
    created_ns: int = 0
    tick_received_ns: int = 0


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
