"""What a venue actor writes to its journal: everything that changes its orders, in the order in which it happened.

The blotter is a function of these records, so a new life of the actor has the same orders, positions and report
numbers. The evolution rules of ``engine/messages`` hold.

What a full disk does to them is in ``fact_journal.py``.
"""

import msgspec

from actors.boot import HostBooted
from actors.fact_journal import FactJournal
from engine.actor import Journal
from engine.journal import record_span, write_record
from engine.messages import CancelOrder, NewOrder, NewOrderList, ReplaceOrder
from engine.venue import InstrumentDefined, OrderEvent

__all__ = [
    "BalanceAdopted",
    "DayBest",
    "DayStarted",
    "LifeBegun",
    "PositionOpened",
    "Reconciled",
    "StrategyThrottled",
    "ThrottleEnded",
    "VenueJournal",
    "VenueRecord",
    "decode_record",
    "encode_record",
]


class Reconciled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=140):
    """Every trade of the instrument up to ``last_trade_id`` has been compared with the venue."""

    instrument_id: int
    last_trade_id: str


class DayStarted(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=142):
    """Daily loss and messages count from here; ``day`` is the number of days since 1970 in UTC.

    ``pnl_micros``: by symbol, its profit until then, marked at the prices of that moment; what is missing had none."""

    day: int
    pnl_micros: dict[str, int] = {}


class DayBest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=146):
    """The profit since the day started has been as high as this."""

    best_micros: int


class LifeBegun(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=143):
    """A life of this venue actor, with a number larger than any before: its leases are told apart by it."""

    life: int


class StrategyThrottled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=144):
    """The strategy fired too often in the instrument: it may not trade it until ThrottleEnded (UTC)."""

    strategy_id: str
    symbol: str
    wall_time_ns: int


class ThrottleEnded(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=145):
    """``person`` has enabled it again (UTC)."""

    strategy_id: str
    symbol: str
    person: str
    wall_time_ns: int


class PositionOpened(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=147):
    """A position that was at the venue before us has been taken over, at the price of that moment."""

    instrument_id: int
    position_lots: int
    price_ticks: int


class BalanceAdopted(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=148):
    """So much of an asset, in billionths, was at the venue besides what our fills explain. ``baseline`` is the
    configuration's word for this beginning: under another one, the next life takes a new one."""

    asset: str
    nanos: int
    baseline: str


#: Of the venue actor itself, not of an order.
OwnRecord = (
    InstrumentDefined
    | Reconciled
    | DayStarted
    | DayBest
    | LifeBegun
    | StrategyThrottled
    | ThrottleEnded
    | HostBooted
    | PositionOpened
    | BalanceAdopted
)
VenueRecord = NewOrder | NewOrderList | ReplaceOrder | CancelOrder | OrderEvent | OwnRecord

encode_record = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[VenueRecord] = msgspec.msgpack.Decoder(VenueRecord)
decode_record = _decoder.decode

#: Where records are rehearsed.
_SCRATCH_PAYLOAD_BYTES = 512
_SCRATCH_BYTES = record_span(_SCRATCH_PAYLOAD_BYTES)


class VenueJournal(FactJournal[VenueRecord]):
    def __init__(self, journal: Journal) -> None:
        super().__init__(journal, encode_record, decode_record)
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))

    def rehearse(self, record: NewOrder, now_ns: int) -> None:
        """Make the record of a request, and throw it away."""
        write_record(self._scratch, 0, 1, now_ns, encode_record(record)[:_SCRATCH_PAYLOAD_BYTES])
