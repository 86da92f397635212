"""What a venue actor writes to its journal: everything that changes its orders, in the order in which it happened.

The blotter is a function of these records, so a new life of the actor has the same orders, positions and report
numbers. The evolution rules of ``engine/messages`` hold.

There are two kinds, and a full disk treats them differently. A *request* is ours to make: without room it is not made.
A *fact* is the venue's: it has happened whether or not there is room. It counts at once, and is kept in memory until it
can be written; until then nobody may be told of it (``ReportDelivery.held``), because a life that begins without it
would give the same report number to something else.
"""

from collections import deque
from collections.abc import Iterator

import msgspec

from actors.boot import HostBooted
from engine.actor import Journal
from engine.errors import UsageError
from engine.journal import JournalFull, record_span, write_record
from engine.messages import CancelOrder, NewOrder, NewOrderList, ReplaceOrder
from engine.venue import InstrumentDefined, OrderEvent

__all__ = [
    "DayBest",
    "DayStarted",
    "LifeBegun",
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


#: Of the venue actor itself, not of an order.
OwnRecord = (
    InstrumentDefined | Reconciled | DayStarted | DayBest | LifeBegun | StrategyThrottled | ThrottleEnded | HostBooted
)
VenueRecord = NewOrder | NewOrderList | ReplaceOrder | CancelOrder | OrderEvent | OwnRecord

encode_record = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[VenueRecord] = msgspec.msgpack.Decoder(VenueRecord)
decode_record = _decoder.decode

#: Where records are rehearsed.
_SCRATCH_PAYLOAD_BYTES = 512
_SCRATCH_BYTES = record_span(_SCRATCH_PAYLOAD_BYTES)


class VenueJournal:
    """Appends requests and facts in one order. Raises JournalFull for requests only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owed: deque[tuple[bytes, int]] = deque()
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))

    def records(self, after: int = 0) -> Iterator[tuple[int, VenueRecord]]:
        """What earlier lives wrote, as (now_ns, record), oldest first; ``after`` is 0 or the checkpoint's sequence."""
        for _, at_ns, payload in self._journal.records(after):
            yield at_ns, decode_record(payload)

    def checkpoint(self) -> tuple[int, bytes]:
        """The sequence of the last record that a checkpoint covers, and its payload; (0, b"") without one."""
        return self._journal.checkpoint() or (0, b"")

    @property
    def owed(self) -> int:
        """Facts that wait for room. While there are any, no request is accepted."""
        return len(self._owed)

    def request(self, record: NewOrder | NewOrderList | ReplaceOrder | ThrottleEnded, now_ns: int) -> None:
        """Raises JournalFull: then nothing is written, and the request must not be made."""
        if self._owed and not self.catch_up():
            raise JournalFull(f"{len(self._owed)} facts already wait for room in the journal")
        self._journal.append(encode_record(record), now_ns)

    def rehearse(self, record: NewOrder, now_ns: int) -> None:
        """Make the record of a request, and throw it away."""
        write_record(self._scratch, 0, 1, now_ns, encode_record(record)[:_SCRATCH_PAYLOAD_BYTES])

    def fact(self, record: CancelOrder | OrderEvent | OwnRecord, now_ns: int) -> bool:
        """False: there is no room, the record waits in memory behind others that do."""
        payload = encode_record(record)
        if not self._owed:
            try:
                self._journal.append(payload, now_ns)
                return True
            except JournalFull:
                pass
        self._owed.append((payload, now_ns))
        return self.catch_up()

    def force(self) -> bool:
        """Wait until all is on the disk: for what is rare and would not be found again. False: the disk fails."""
        try:
            self._journal.sync()
        except UsageError:
            return False
        return True

    def catch_up(self) -> bool:
        """Write what waits; True when nothing waits any more."""
        try:
            while self._owed:
                self._journal.append(*self._owed[0])
                self._owed.popleft()
        except JournalFull:
            return False
        return True
