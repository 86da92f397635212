"""What a venue actor's journal comes to: every record, applied in order to gate and blotter.

    records ──▶ today's instrument ids ──▶ gate, blotter, throttles, definitions, how far it reaches
                                             │
                          memory() ──▶ checkpoint ──▶ remember(), then only the records behind it

A life of the actor replays its journal with this, and so does the keeper (``cli/journal_keeper.py``), which writes the
checkpoints: they hold what a replay comes to, never what a living actor has, which knows more (quotes, a lease). So
a replay from a checkpoint comes to exactly what one from the first record would.
"""

from collections.abc import Callable

import msgspec

from actors.adoption import Adoption
from actors.boot import HostBooted
from actors.gate_limits import instrument_limits
from actors.journal_instruments import InstrumentsMemory, JournalInstruments
from actors.lost_orders import ReachMemory, ReachOfJournal
from actors.throttled_pairs import ThrottledPairs
from actors.venue_records import (
    BalanceAdopted,
    DayBest,
    DayStarted,
    LifeBegun,
    PositionOpened,
    Reconciled,
    StrategyThrottled,
    ThrottleEnded,
    VenueRecord,
)
from config.settings import InstrumentLimitSettings
from engine.blotter import Blotter
from engine.blotter_memory import BlotterMemory, memory_of, remember
from engine.instrument import Instrument
from engine.messages import NewOrder, NewOrderList, ReplaceOrder
from engine.venue import InstrumentDefined
from risk.gate import Gate
from risk.gate_memory import GateMemory, gate_memory_of, remember_gate

__all__ = ["VenueReplay", "decode_memory"]


class ReplayMemory(msgspec.Struct, frozen=True, array_like=True):
    """All that a replay has come to. ``key`` says of which configuration and program."""

    key: str
    gate: GateMemory
    blotter: BlotterMemory
    instruments: InstrumentsMemory
    reach: ReachMemory
    definitions: list[Instrument]
    compared: list[tuple[int, str]]
    throttled: list[tuple[str, str, int]]
    day: list[DayStarted | DayBest]
    life: int
    adopted: tuple[list[BalanceAdopted], list[tuple[int, int]]]


#: Sets and dictionaries sorted, so that equal memories are equal bytes.
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(ReplayMemory).decode


def decode_memory(payload: bytes, key: str) -> ReplayMemory | None:
    """A checkpoint's payload; None when it is of another configuration or program: it may be counted in other rows, or
    by other rules."""
    try:
        memory = _decode(payload)
    except msgspec.MsgspecError:
        return None
    return memory if memory.key == key else None


class VenueReplay:
    """``instruments`` are the configured ones, as (instrument id, symbol, limits); ``key`` names configuration and
    program; ``on_day`` is shown where a day starts, and its best. Gate and blotter must have seen nothing but the
    definitions of strategies."""

    def __init__(
        self,
        actor: str,
        key: str,
        instruments: tuple[tuple[int, str, InstrumentLimitSettings], ...],
        gate: Gate,
        blotter: Blotter,
        throttled: ThrottledPairs,
        on_day: Callable[[DayStarted | DayBest], None],
    ) -> None:
        self._key, self._gate, self._blotter, self._throttled = key, gate, blotter, throttled
        self._limits = {instrument_id: limits for instrument_id, _, limits in instruments}
        self.instruments = JournalInstruments({symbol: each for each, symbol, _ in instruments}, actor)
        self.reach = ReachOfJournal()
        self.adoption = Adoption(gate, blotter)
        #: By today's instrument id, in the order in which they were first defined.
        self.definitions: dict[int, Instrument] = {}
        #: By instrument, the last trade up to which all have been compared with the venue.
        self.compared: dict[int, str] = {}
        self._on_day = on_day
        #: The last day's start, and the best recorded since.
        self._day: list[DayStarted | DayBest] = []
        self.life = 0
        self.has_records = False

    def take(self, at_ns: int, journalled: VenueRecord) -> None:
        """The next record. Raises UsageError and InvariantError for a journal that cannot be ours."""
        record = self.instruments.translated(journalled, at_ns)
        if record is None:
            return
        self.has_records = True
        kind = type(record)
        if kind is HostBooted:
            if self.reach.replay_boot(record):  # type: ignore[arg-type]  # kind is its exact type
                self._blotter.skip_report_numbers()
            return
        self.reach.replay(at_ns)
        if kind in _OWN:
            self._take_own(record, at_ns)
            return
        self._blotter.apply(record, at_ns)  # type: ignore[arg-type]  # the others are the actor's own
        if kind is NewOrder or kind is ReplaceOrder:
            self._gate.restore(self._blotter.orders[record.client_order_id])  # type: ignore[union-attr]  # exact type
        elif isinstance(record, NewOrderList):
            orders = [self._blotter.orders[each.client_order_id] for each in record.orders]
            self._gate.lists.restore(orders, record.contingency)

    def _take_own(self, record: VenueRecord, at_ns: int) -> None:
        if isinstance(record, InstrumentDefined):
            self._define(record.instrument)
        elif isinstance(record, LifeBegun):
            self.life = record.life
            self._throttled.replay_life()
        elif isinstance(record, StrategyThrottled | ThrottleEnded):
            self._throttled.replay(record)
        elif isinstance(record, DayStarted | DayBest):
            self._day = [record] if isinstance(record, DayStarted) else [*self._day[:1], record]
            self._on_day(record)
        elif isinstance(record, Reconciled):
            self.compared[record.instrument_id] = record.last_trade_id
        elif isinstance(record, PositionOpened):
            self.adoption.opened(record, at_ns)
        elif isinstance(record, BalanceAdopted):
            self.adoption.adopted(record)

    def _define(self, instrument: Instrument) -> None:
        self.definitions[instrument.instrument_id] = instrument
        limits = self._limits[instrument.instrument_id]
        self._gate.define(instrument, instrument_limits(instrument, limits))

    # -- as one value ----------------------------------------------------------------------------------------

    def memory(self) -> bytes:
        """What all records so far come to."""
        return _encode(
            ReplayMemory(
                self._key,
                gate_memory_of(self._gate),
                memory_of(self._blotter),
                self.instruments.memory(),
                self.reach.memory(),
                list(self.definitions.values()),
                list(self.compared.items()),
                self._throttled.memory(),
                self._day,
                self.life,
                self.adoption.memory(),
            )
        )

    def remember(self, memory: ReplayMemory) -> None:
        """Begin behind the records of a checkpoint. Raises InvariantError when its rows are others than ours."""
        for instrument in memory.definitions:
            self._define(instrument)
        for record in memory.day:
            self._take_own(record, 0)
        remember_gate(self._gate, memory.gate)
        remember(self._blotter, memory.blotter)
        self.instruments.remember(memory.instruments)
        self.reach.remember(memory.reach)
        self.compared.update(memory.compared)
        self._throttled.remember(memory.throttled)
        self.adoption.remember(*memory.adopted)
        self.life, self.has_records = memory.life, True


_OWN = frozenset(
    (
        InstrumentDefined,
        LifeBegun,
        StrategyThrottled,
        ThrottleEnded,
        DayStarted,
        DayBest,
        Reconciled,
        PositionOpened,
        BalanceAdopted,
    )
)
