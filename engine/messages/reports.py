"""What a venue actor tells a strategy of its orders, positions and instruments."""

import msgspec

from engine.codes import ExecType, OrderStatus, Reason, Side
from engine.instrument import Instrument
from engine.messages.shape import MessageBase

__all__ = [
    "ExecutionReport",
    "Fill",
    "InstrumentDefinition",
    "LogonRefused",
    "Position",
    "PositionSnapshot",
    "Refusal",
    "RefusalsLost",
    "StrategyReady",
]


class Fill(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One execution. ``fee_nanos`` is in billionths of ``fee_asset``, negative for a rebate."""

    trade_id: str
    last_lots: int
    last_ticks: int
    fee_nanos: int
    fee_asset: str
    is_maker: bool


class Refusal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why not: the reason code, the field at fault, what was observed, the limit or nearest valid value, a sentence."""

    reason: Reason
    field: str = ""
    observed: str = ""
    limit: str = ""
    text: str = ""


class ExecutionReport(MessageBase, frozen=True, tag=20):
    """FIX 8 (and 9). ``report_seq`` counts the reports of this venue actor to this strategy, from 1, without gaps."""

    report_seq: int
    strategy_id: str
    client_order_id: str
    orig_client_order_id: str
    order_id: str
    instrument_id: int
    side: Side
    exec_type: ExecType
    order_status: OrderStatus
    quantity_lots: int
    price_ticks: int
    cum_lots: int
    leaves_lots: int
    fill: Fill | None = None
    refusal: Refusal | None = None
    venue_time_ns: int = 0
    received_ns: int = 0


class InstrumentDefinition(MessageBase, frozen=True, tag=21):
    instrument: Instrument


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A strategy's net position. ``cost_tick_lots`` is what it paid less what it got, without fees."""

    instrument_id: int
    position_lots: int
    cost_tick_lots: int


class PositionSnapshot(MessageBase, frozen=True, tag=22):
    """Answer to a StrategyLogon without memory: the state as of ``report_seq``. ``more``: another one follows, with
    what did not fit into this frame; the last one ends it."""

    report_seq: int
    positions: tuple[Position, ...]
    open_orders: tuple[ExecutionReport, ...]
    more: bool = False


class StrategyReady(MessageBase, frozen=True, tag=23):
    """Instruments, positions and open orders have been sent and the venue is live: the strategy may start."""

    venue_actor: str


class LogonRefused(MessageBase, frozen=True, tag=24):
    """Answer to a StrategyLogon that this venue actor will never accept: its configuration knows no such strategy."""

    strategy_id: str
    refusal: Refusal


class RefusalsLost(MessageBase, frozen=True, tag=25):
    """The strategy did not read, and refusals found no room on the way to it: it is to name its OrdersPending."""

    strategy_id: str
