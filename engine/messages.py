"""The messages that actors exchange: frozen, tagged, array-like msgspec structs, one meaning each.

Evolution rules (``tests/engine/test_evolution.py`` holds them):

1. A tag, once given, is never given to another meaning.
2. Fields are only appended, and an appended field has a default; so a newer reader decodes an older frame.
3. An older reader ignores fields appended by a newer writer.
4. A field never changes its type, unit or meaning: that is a new field or a new message.

Types are checked when a frame is decoded, not in constructors: what comes from outside is always decoded.

Times are nanoseconds. ``*_ns`` fields named ``created``, ``received`` or ``sent`` are the monotonic clock of the
host that stamped them and compare only on that host; ``venue_time_ns`` and ``wall_time_ns`` are UTC.
"""

from typing import ClassVar

import msgspec

from engine.codes import ExecType, KillMode, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.instrument import Instrument

__all__ = [
    "SCHEMA_VERSION",
    "BudgetRecall",
    "CancelAll",
    "CancelOrder",
    "Depth",
    "ExecutionReport",
    "FenceActor",
    "Fill",
    "Hello",
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
    "ThrottleQuery",
    "ThrottleRecords",
    "ThrottledStrategy",
    "Trade",
    "Undertake",
    "VenueTelemetry",
    "decode_message",
    "encode_message",
    "encode_message_into",
]

SCHEMA_VERSION = 2


class _Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    #: Market data is conflated for a slow reader: the latest per (type, ``conflation_key()``) wins.
    CONFLATED: ClassVar[bool] = False


# -- links -----------------------------------------------------------------------------------------------------


class Hello(_Message, frozen=True, tag=1):
    """First frame on a link, each way: who speaks, in which schema, from which configuration."""

    actor: str
    schema_version: int
    config_hash: str


# -- orders: strategy → venue actor ----------------------------------------------------------------------------


class NewOrder(_Message, frozen=True, tag=10):
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


class CancelOrder(_Message, frozen=True, tag=11):
    """FIX F."""

    client_order_id: str
    account_id: str
    strategy_id: str
    created_ns: int = 0


class ReplaceOrder(_Message, frozen=True, tag=12):
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


class CancelAll(_Message, frozen=True, tag=13):
    """FIX q. Cancels the strategy's open orders at this venue actor, of one instrument or (-1) of all."""

    account_id: str
    strategy_id: str
    instrument_id: int = -1


class StrategyLogon(_Message, frozen=True, tag=14):
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


class StrategyFailed(_Message, frozen=True, tag=15):
    """A strategy raised: it is stopped, its orders are to be cancelled, and it may not trade again this session."""

    strategy_id: str
    error: str


class OrdersPending(_Message, frozen=True, tag=16):
    """More of StrategyLogon's ``pending``, which one frame may not hold, or the answer to RefusalsLost: orders without
    a terminal report. Those that were never journalled or have ended get one."""

    strategy_id: str
    client_order_ids: tuple[str, ...]


# -- reports: venue actor → strategy ---------------------------------------------------------------------------


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


class ExecutionReport(_Message, frozen=True, tag=20):
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


class InstrumentDefinition(_Message, frozen=True, tag=21):
    instrument: Instrument


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A strategy's net position. ``cost_tick_lots`` is what it paid less what it got, without fees."""

    instrument_id: int
    position_lots: int
    cost_tick_lots: int


class PositionSnapshot(_Message, frozen=True, tag=22):
    """Answer to a StrategyLogon without memory: the state as of ``report_seq``."""

    report_seq: int
    positions: tuple[Position, ...]
    open_orders: tuple[ExecutionReport, ...]


class StrategyReady(_Message, frozen=True, tag=23):
    """Instruments, positions and open orders have been sent and the venue is live: the strategy may start."""

    venue_actor: str


class LogonRefused(_Message, frozen=True, tag=24):
    """Answer to a StrategyLogon that this venue actor will never accept: its configuration knows no such strategy."""

    strategy_id: str
    refusal: Refusal


class RefusalsLost(_Message, frozen=True, tag=25):
    """The strategy did not read, and refusals found no room on the way to it: it is to name its OrdersPending."""

    strategy_id: str


# -- market data: venue actor → strategy -----------------------------------------------------------------------


class Quote(_Message, frozen=True, tag=30):
    """Best bid and offer. A side without orders has 0 lots."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    update_id: int
    venue_time_ns: int
    received_ns: int


class Trade(_Message, frozen=True, tag=31):
    """A public trade; ``aggressor`` is the side that took."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    trade_id: int
    venue_time_ns: int
    received_ns: int


class Depth(_Message, frozen=True, tag=32):
    """The top of the book, best first, as (ticks, lots) pairs."""

    CONFLATED: ClassVar[bool] = True
    instrument_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    update_id: int
    received_ns: int


# -- authority: leases -----------------------------------------------------------------------------------------


class LeaseRequest(_Message, frozen=True, tag=40):
    """A holder asks its grantor for the right to send. ``sent_ns`` is the holder's own monotonic clock, echoed in
    the grant: the lease runs from it, so no clocks need to agree. ``epoch`` is the last one granted (0: none).

    ``life`` tells one life of the holder from another. It speaks of its budgets (``risk/escrow.py``) by name:
    ``held`` is what its worst case cannot exceed until a grant newer than ``ceilings_seq`` raises it (empty: it does
    not know yet), ``wanted`` what it would like to hold, ``needed`` the ceilings at which refused orders would pass.
    ``statement_seq`` numbers what this life has told, so that an older word never replaces a newer one."""

    holder: str
    sent_ns: int
    epoch: int
    open_orders: int
    config_hash: str
    life: int = 0
    ceilings_seq: int = 0
    held: dict[str, int] = {}
    wanted: dict[str, int] = {}
    needed: dict[str, int] = {}
    statement_seq: int = 0


class LeaseGrant(_Message, frozen=True, tag=41):
    """The right to send until ``request_sent_ns + duration_ns`` on the holder's clock; with a duration of 0 it is no
    right and only brings ceilings: all of this life's, numbered by ``ceilings_seq`` (0: none in this epoch yet)."""

    epoch: int
    request_sent_ns: int
    duration_ns: int
    life: int = 0
    ceilings_seq: int = 0
    ceilings: dict[str, int] = {}


class LeaseRefusal(_Message, frozen=True, tag=42):
    """No lease, and why (no authority from the kill switch, another configuration, an old epoch)."""

    epoch: int
    request_sent_ns: int
    text: str


class BudgetRecall(_Message, frozen=True, tag=43):
    """Somebody else is short of ``amounts``, by budget name: give back what is idle, and say so in a LeaseRequest."""

    epoch: int
    amounts: dict[str, int]


# -- kill ------------------------------------------------------------------------------------------------------


class Kill(_Message, frozen=True, tag=50):
    """``scope`` as ``risk/scope.py`` reads it. ``pressed_ns`` is the monotonic time of the trigger on its host,
    ``latched_ns`` when the host's latch was written (0: not yet). ``evidence``: what a trigger saw, in numbers.
    ``wall_time_ns``: when the kill switch actor first heard of it (UTC; it sets this itself)."""

    kill_id: str
    scope: str
    mode: KillMode
    reason: str
    by: str
    trigger: str
    pressed_ns: int
    latched_ns: int = 0
    evidence: str = ""
    wall_time_ns: int = 0


class ResidualPosition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a kill's scope still holds of one instrument (``VENUE:SYMBOL``); ``quantity`` is the same as text."""

    instrument: str
    position_lots: int
    quantity: str


class KillProgress(_Message, frozen=True, tag=51):
    """A venue actor's word on a kill, once per stage it reaches: ``halted`` (nothing more can leave that the mode
    forbids), ``cancel_sent``, ``cancelled`` (the venue confirmed that none of the scope's orders is open), ``flat``
    (nothing is left that could be closed). ``failure`` is empty on success. All counts are of the kill's scope, but
    ``orders_sent``: how many orders and replacements have left this actor since its start, as of ``halted``; the venue
    must never have got more of what the kill stops (-1: not told)."""

    kill_id: str
    venue_actor: str
    stage: str
    at_ns: int
    open_orders: int
    unknown_orders: int
    failure: str = ""
    orders_cancelled: int = 0
    residual: tuple[ResidualPosition, ...] = ()
    orders_sent: int = -1


class KillStage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a stage was complete over the whole scope, in ns after the trigger; -1: not yet."""

    stage: str
    after_ns: int


class KillActorState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One venue actor's part in a kill, by its last word; ``stage`` is empty while it has said nothing.
    ``orders_sent``: as of its first ``halted``, see ``KillProgress``."""

    venue_actor: str
    stage: str
    orders_cancelled: int
    open_orders: int
    unknown_orders: int
    residual: tuple[ResidualPosition, ...] = ()
    orders_sent: int = -1


class KillApprover(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who approved a kill's release, when, and until when that counts (UTC)."""

    person: str
    wall_time_ns: int
    expires_ns: int


class KillReceipt(_Message, frozen=True, tag=52):
    """Where a kill stands, sent to whoever pressed at each stage. ``complete``: the mode's last stage is reached.

    What follows ``evidence`` is for people: ``limits`` (JSON) and ``config_hash`` are those in force, ``missing`` says
    what a release still needs, ``released_ns`` (UTC) is 0 while the kill holds.
    """

    kill_id: str
    scope: str
    mode: KillMode
    reason: str
    by: str
    trigger: str
    wall_time_ns: int
    stages: tuple[KillStage, ...]
    waiting_for: tuple[str, ...]
    open_orders: int
    unknown_orders: int
    complete: bool
    failures: tuple[str, ...] = ()
    evidence: str = ""
    pressed_wall_ns: int = 0
    actors: tuple[KillActorState, ...] = ()
    config_hash: str = ""
    limits: str = ""
    approvals: tuple[KillApprover, ...] = ()
    missing: tuple[str, ...] = ()
    released_ns: int = 0


class KillApproval(_Message, frozen=True, tag=53):
    """A person agrees to the release of one kill, until ``expires_ns`` (UTC). ``signature`` is Ed25519, in hex, over
    ``risk.release.approval_text``. Answered by KillRecords."""

    kill_id: str
    person: str
    expires_ns: int
    signature: str


class KillRelease(_Message, frozen=True, tag=54):
    """Release the kill if nothing is missing. Answered by KillRecords."""

    kill_id: str
    by: str


class KillQuery(_Message, frozen=True, tag=55):
    """Ask for one kill, or (empty) for every kill that holds and the last ones that do not. Answered by KillRecords."""

    kill_id: str = ""


class KillRecords(_Message, frozen=True, tag=56):
    """The kills asked about, and why what was asked for was not done (empty: it was)."""

    kills: tuple[KillReceipt, ...]
    refusal: str = ""


class KillCheck(_Message, frozen=True, tag=57):
    """Before a release: how does the kill's scope stand at the venue actor? Answered by KillStanding."""

    kill_id: str
    scope: str
    nonce: int


class KillStanding(_Message, frozen=True, tag=58):
    """``failure``: why the counts cannot be relied on."""

    kill_id: str
    venue_actor: str
    nonce: int
    open_orders: int
    unknown_orders: int
    failure: str = ""


# -- the execution throttle -------------------------------------------------------------------------------------


class ThrottledStrategy(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A strategy that fired too often in one instrument (``VENUE:SYMBOL``) at ``since_ns`` (UTC), and waits for a
    person."""

    strategy_id: str
    instrument: str
    since_ns: int


class ThrottleQuery(_Message, frozen=True, tag=85):
    """Asks a risk actor which strategies of its account wait for a person. Answered by ThrottleRecords."""


class ThrottleRecords(_Message, frozen=True, tag=86):
    """Who waits, and why what was asked for was not done (empty: it was)."""

    throttled: tuple[ThrottledStrategy, ...]
    refusal: str = ""


class StrategyEnable(_Message, frozen=True, tag=87):
    """A person lets a throttled strategy trade the instrument again; sent to the risk actor of its account, which
    checks who it is and passes it on to the venue actor. ``since_ns`` binds it to one throttling, so it is good for
    no later one. ``signature`` is Ed25519, in hex, over ``risk.enabling.enabling_text``. Answered by
    ThrottleRecords."""

    throttled: ThrottledStrategy
    person: str
    expires_ns: int
    signature: str


class StrategyEnabled(_Message, frozen=True, tag=88):
    """The venue actor's answer to its risk actor; ``refusal`` says why it was not done (empty: it was)."""

    throttled: ThrottledStrategy
    refusal: str = ""


# -- fencing: kill switch → node agents and undertakers ----------------------------------------------------------


class FenceActor(_Message, frozen=True, tag=80):
    """To a node agent: end the venue actor's process, which has not acknowledged the kill in time. Answered by a
    KillProgress on its behalf: ``halted`` once it has certainly ended, or with the failure."""

    kill_id: str
    venue_actor: str


class Undertake(_Message, frozen=True, tag=81):
    """To an undertaker: cancel what the venue actor has left open, over a connection of your own. Holds for a moment
    and is repeated; ``is_over`` takes it back. ``is_halted``: nothing more can leave the venue actor, so that an empty
    list of the venue's can become final. Answered by KillProgress on its behalf, ``cancel_sent`` and ``cancelled``."""

    kill_id: str
    venue_actor: str
    is_halted: bool
    is_over: bool = False


# -- telemetry: venue actor → risk actor ------------------------------------------------------------------------


class InstrumentTelemetry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One instrument as a venue actor sees it. Prices are 0 for a side without orders; one tick_lot is worth
    ``tick_lot_units / 10**tick_lot_scale`` of the quote asset. ``fees_nanos``: fees paid, in billionths of the quote
    asset, those in the base asset at the middle price. ``quote_age_ns`` is -1 while no quote is due.
    ``drift_nanos``: how far the venue's balance of the base asset has moved beyond what our fills explain."""

    instrument_id: int
    symbol: str
    quote_asset: str
    position_lots: int
    cost_tick_lots: int
    bid_ticks: int
    ask_ticks: int
    tick_lot_units: int
    tick_lot_scale: int
    fees_nanos: int
    quote_age_ns: int
    drift_nanos: int


class VenueTelemetry(_Message, frozen=True, tag=75):
    """What the triggers of the account's risk actor look at, and the venue actor's heartbeat: sent ten times a second.

    Counts are since this life of the venue actor began (``started_ns``; this and ``sent_ns`` are its clock), ``fills``
    without those that a reconciliation found. ``answer_wait_ns``: for how long the oldest request has been unanswered;
    ``loop_lag_ns``: how late its timer was; ``clock_offset_ns``: the venue's clock minus ours."""

    venue_actor: str
    started_ns: int
    sent_ns: int
    config_hash: str
    rejects: int
    fills: int
    authentication_failures: int
    book_gaps: int
    answer_wait_ns: int
    clock_offset_ns: int
    loop_lag_ns: int
    instruments: tuple[InstrumentTelemetry, ...]
    throttled: tuple[ThrottledStrategy, ...] = ()


# -- clutch: what a killed strategy would have done ---------------------------------------------------------------


class ShadowLogon(_Message, frozen=True, tag=90):
    """A shadow wants to follow the market of its strategy's venue actor. Answered by instruments, the strategy's
    PositionSnapshot, the last quotes and from then on market data; not before the venue is live, so it is asked again.
    It gives no right to send anything."""

    strategy_id: str
    book_levels: int


class ShadowLogoff(_Message, frozen=True, tag=91):
    """It has seen enough."""

    strategy_id: str


class ShadowQuery(_Message, frozen=True, tag=92):
    """Ask a shadow for its ShadowAccount."""

    nonce: int = 0


class ShadowLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a shadow did in one instrument (``VENUE:SYMBOL``). ``pnl_tick_lots``: since it began, before fees, marked at
    what closing would bring. ``most_lots``: the most it could have held or owed, whichever of its open orders filled;
    ``most_tick_lots``: its largest value. The last four say the same as text, with units."""

    instrument: str
    fills: int
    begun_lots: int
    position_lots: int
    most_lots: int
    pnl_tick_lots: int
    most_tick_lots: int
    begun: str
    position: str
    most: str
    pnl: str


class ShadowAccount(_Message, frozen=True, tag=93):
    """What a strategy would have done since it was killed.

    ``state``: ``idle`` (not killed, and nothing to tell), ``waiting`` (killed; the market is not known yet),
    ``running``, ``over`` (the kill was released), ``lost`` (its process ended before the release). ``orders`` counts
    what was asked for, ``refused`` by reason what of it the limits and the venue's rules would have refused, ``kills``
    the kills that cover the strategy. ``lives``: how often it had to begin anew under them. ``failure``: how the
    strategy failed in it. Times are UTC."""

    strategy_id: str
    state: str
    kills: tuple[str, ...] = ()
    begun_wall_ns: int = 0
    wall_time_ns: int = 0
    lives: int = 0
    orders: int = 0
    open_orders: int = 0
    fills: int = 0
    refused: dict[int, int] = {}
    lines: tuple[ShadowLine, ...] = ()
    failure: str = ""


# -- status ----------------------------------------------------------------------------------------------------


class StatusRequest(_Message, frozen=True, tag=60):
    """Asks any actor for its StatusReport; also the liveness probe."""

    nonce: int


class StatusReport(_Message, frozen=True, tag=61):
    """One actor's state: whole numbers and texts by name, for people and for the command line."""

    actor: str
    kind: str
    nonce: int
    pid: int
    state: str
    counters: dict[str, int]
    details: dict[str, str] = {}
    refusals: dict[int, int] = {}


Message = (
    Hello
    | NewOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
    | StrategyLogon
    | StrategyFailed
    | OrdersPending
    | ExecutionReport
    | InstrumentDefinition
    | PositionSnapshot
    | StrategyReady
    | LogonRefused
    | RefusalsLost
    | Quote
    | Trade
    | Depth
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
    | ShadowLogon
    | ShadowLogoff
    | ShadowQuery
    | ShadowAccount
    | FenceActor
    | Undertake
    | ThrottleQuery
    | ThrottleRecords
    | StrategyEnable
    | StrategyEnabled
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
