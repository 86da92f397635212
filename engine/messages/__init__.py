"""The messages that actors exchange: frozen, tagged, array-like msgspec structs, one meaning each.

Evolution rules (``tests/engine/test_evolution.py`` holds them):

1. A tag, once given, is never given to another meaning.
2. Fields are only appended, and an appended field has a default; so a newer reader decodes an older frame.
3. An older reader ignores fields appended by a newer writer.
4. A field never changes its type, unit or meaning: that is a new field or a new message.

Types are checked when a frame is decoded, not in constructors: what comes from outside is always decoded.

Times are nanoseconds. ``*_ns`` fields named ``created``, ``received`` or ``sent`` are the monotonic clock of the
host that stamped them and compare only on that host; ``venue_time_ns`` and ``wall_time_ns`` are UTC.

Tags, by the conversation that they are for. A new message takes the next free tag of its file, or a new ten; two that
took the same would be refused when this package is imported.

    tags     file        says
    1        links       who speaks on a link; 60, 61: how an actor is
    10 …     orders      what strategies ask of a venue actor
    20 …     reports     what it tells them of orders, positions and instruments
    30 …     market      market data
    40 …     leases      the right to send, and the budgets that go with it
    50 …     kills       a kill, from the trigger to its release
    75       telemetry   what a venue actor tells its risk actor; 89: what an account is exposed to
    80 … 84  fencing     what is asked of others when a venue actor does not answer
    85 … 88  throttle    strategies that fired too often, and the people who let them go on
    90 …     clutch      what a killed strategy would have done

``shape`` is what all have in common.
"""

import msgspec

from engine.messages.clutch import ShadowAccount, ShadowLine, ShadowLogoff, ShadowLogon, ShadowQuery
from engine.messages.fencing import FenceActor, NodeHeartbeat, NodeWord, Undertake
from engine.messages.kills import (
    Kill,
    KillActorState,
    KillApproval,
    KillApprover,
    KillCheck,
    KillProgress,
    KillQuery,
    KillReceipt,
    KillRecords,
    KillRelease,
    KillStage,
    KillStanding,
    ResidualPosition,
    VenueSeal,
)
from engine.messages.leases import BudgetRecall, LeaseGrant, LeaseRefusal, LeaseRequest
from engine.messages.links import Hello, StatusReport, StatusRequest
from engine.messages.market import Depth, InstrumentCondition, Quote, Trade
from engine.messages.orders import (
    CancelAll,
    CancelOrder,
    Instructions,
    NewOrder,
    NewOrderList,
    OrdersPending,
    ReplaceOrder,
    StrategyFailed,
    StrategyLogon,
)
from engine.messages.reports import (
    ExecutionReport,
    Fill,
    InstrumentDefinition,
    LogonRefused,
    Position,
    PositionSnapshot,
    Refusal,
    RefusalsLost,
    StrategyReady,
)
from engine.messages.telemetry import AccountExposure, InstrumentTelemetry, StrategyTelemetry, VenueTelemetry
from engine.messages.throttle import StrategyEnable, StrategyEnabled, ThrottledStrategy, ThrottleQuery, ThrottleRecords

__all__ = [
    "SCHEMA_VERSION",
    "AccountExposure",
    "BudgetRecall",
    "CancelAll",
    "CancelOrder",
    "Depth",
    "ExecutionReport",
    "FenceActor",
    "Fill",
    "Hello",
    "Instructions",
    "InstrumentCondition",
    "InstrumentDefinition",
    "InstrumentTelemetry",
    "Kill",
    "KillActorState",
    "KillApproval",
    "KillApprover",
    "KillCheck",
    "KillProgress",
    "KillQuery",
    "KillReceipt",
    "KillRecords",
    "KillRelease",
    "KillStage",
    "KillStanding",
    "LeaseGrant",
    "LeaseRefusal",
    "LeaseRequest",
    "LogonRefused",
    "Message",
    "NewOrder",
    "NewOrderList",
    "NodeHeartbeat",
    "NodeWord",
    "OrdersPending",
    "Position",
    "PositionSnapshot",
    "Quote",
    "Refusal",
    "RefusalsLost",
    "ReplaceOrder",
    "ResidualPosition",
    "ShadowAccount",
    "ShadowLine",
    "ShadowLogoff",
    "ShadowLogon",
    "ShadowQuery",
    "StatusReport",
    "StatusRequest",
    "StrategyEnable",
    "StrategyEnabled",
    "StrategyFailed",
    "StrategyLogon",
    "StrategyReady",
    "StrategyTelemetry",
    "ThrottleQuery",
    "ThrottleRecords",
    "ThrottledStrategy",
    "Trade",
    "Undertake",
    "VenueSeal",
    "VenueTelemetry",
    "decode_message",
    "encode_message",
    "encode_message_into",
]

SCHEMA_VERSION = 2

#: By tag.
Message = (
    Hello
    | NewOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
    | StrategyLogon
    | StrategyFailed
    | OrdersPending
    | NewOrderList
    | ExecutionReport
    | InstrumentDefinition
    | PositionSnapshot
    | StrategyReady
    | LogonRefused
    | RefusalsLost
    | Quote
    | Trade
    | Depth
    | InstrumentCondition
    | LeaseRequest
    | LeaseGrant
    | LeaseRefusal
    | BudgetRecall
    | Kill
    | KillProgress
    | KillReceipt
    | KillApproval
    | KillRelease
    | KillQuery
    | KillRecords
    | KillCheck
    | KillStanding
    | StatusRequest
    | StatusReport
    | VenueTelemetry
    | FenceActor
    | Undertake
    | NodeHeartbeat
    | NodeWord
    | ThrottleQuery
    | ThrottleRecords
    | StrategyEnable
    | StrategyEnabled
    | AccountExposure
    | ShadowLogon
    | ShadowLogoff
    | ShadowQuery
    | ShadowAccount
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)

#: ``encode_message(message) -> bytes``; ``encode_message_into(message, bytearray, offset)`` reuses a buffer.
encode_message = _encoder.encode
encode_message_into = _encoder.encode_into
_decode = _decoder.decode


def decode_message(payload: bytes | bytearray | memoryview) -> Message:
    """Decode one payload. Raises msgspec.DecodeError (ValidationError for a wrong type) and nothing else."""
    try:
        return _decode(payload)
    except (UnicodeDecodeError, RecursionError) as error:  # text that is not UTF-8; nesting without end
        raise msgspec.DecodeError(str(error)) from None
