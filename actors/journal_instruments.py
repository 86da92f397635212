"""Instrument ids are positions in the configuration, a journal is for years: it is replayed by symbol.

    journalled id ──InstrumentDefined──▶ symbol ──configuration──▶ today's id

A venue or instrument that was put above others has shifted the ids of those below. A life that finds its journal under
other ids writes the definitions anew, so a record always means what was last defined under its id.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from actors.boot import HostBooted
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
from engine.blotter import Blotter
from engine.blotter_memory import BlotterMemory, memory_of, remember
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.messages import NewOrder, NewOrderList
from engine.order import Order
from engine.venue import InstrumentDefined

__all__ = ["InstrumentsMemory", "JournalInstruments"]


_WITHOUT_INSTRUMENT = frozenset(
    (DayStarted, DayBest, LifeBegun, StrategyThrottled, ThrottleEnded, HostBooted, BalanceAdopted)
)


class InstrumentsMemory(msgspec.Struct, frozen=True, array_like=True):
    """What ``JournalInstruments`` has come to know, in the order in which it did."""

    symbols: list[tuple[int, str]]
    last: list[Instrument]
    gone: dict[str, int]
    gone_orders: BlotterMemory


class JournalInstruments:
    """``configured``: today's instrument id by symbol. ``actor``: whose journal, for the errors."""

    def __init__(self, configured: Mapping[str, int], actor: str) -> None:
        self._configured = configured
        self._actor = actor
        #: By journalled id, the symbol last defined under it.
        self._symbols: dict[int, str] = {}
        #: By symbol, its last definition, as it was journalled.
        self._last: dict[str, Instrument] = {}
        #: What is no longer configured, under negative ids: it may have left nothing behind.
        self._gone: dict[str, int] = {}
        self._gone_orders = Blotter(_NoExposure())
        #: By journalled id, today's: until the next definition.
        self._todays: dict[int, int] = {}

    def translate(self, records: Iterable[tuple[int, VenueRecord]]) -> Iterator[tuple[int, VenueRecord]]:
        """The records of configured instruments, under today's ids. Raises UsageError when one that is not configured
        still has a position or open orders."""
        for at_ns, record in records:
            translated = self.translated(record, at_ns)
            if translated is not None:
                yield at_ns, translated
        self.check_gone()

    def check_gone(self) -> None:
        """After the replay. Raises UsageError when what is not configured still has a position or open orders."""
        for symbol, instrument_id in self._gone.items():
            position_lots = self._gone_orders.ledger_line(instrument_id).position_lots
            open_orders = len(self._gone_orders.open_orders(None, instrument_id))
            if position_lots or open_orders:
                raise UsageError(
                    f"{symbol} is no longer configured for {self._actor}, but its journal holds {open_orders} open "
                    f"orders and a position of {position_lots} lots in it: put {symbol} back into the configuration, "
                    "cancel and close there, then take it out"
                )

    def moved(self) -> list[Instrument]:
        """After the replay: what has to be journalled as defined anew, under today's ids."""
        return [
            msgspec.structs.replace(self._last[symbol], instrument_id=instrument_id)
            for symbol, instrument_id in self._configured.items()
            if symbol in self._last and self._symbols.get(instrument_id) != symbol
        ]

    def translated(self, record: VenueRecord, at_ns: int) -> VenueRecord | None:
        """The next record, under today's id; None when it is of an instrument that is not configured."""
        if type(record) is NewOrder:
            instrument_id = record.instrument_id
            today = self._todays.get(instrument_id)
            if today is None:
                today = self._today(instrument_id)
            if today != instrument_id:
                record = msgspec.structs.replace(record, instrument_id=today)
            is_gone = today < 0
        elif isinstance(record, NewOrderList):
            return self._translated_list(record, at_ns)
        elif type(record) in _WITHOUT_INSTRUMENT:
            return record
        elif type(record) is InstrumentDefined:
            return self._defined(record.instrument)
        elif type(record) is PositionOpened:
            return self._opened(record)
        elif type(record) is Reconciled:
            today = self._today(record.instrument_id)
            return None if today < 0 else msgspec.structs.replace(record, instrument_id=today)
        else:
            is_gone = bool(self._gone) and self._is_gone(record)
        if is_gone:
            self._gone_orders.apply(record, at_ns)  # type: ignore[arg-type]  # the others have been told apart
            return None
        return record

    def _opened(self, record: PositionOpened) -> PositionOpened | None:
        today = self._today(record.instrument_id)
        if today >= 0:
            return msgspec.structs.replace(record, instrument_id=today)
        self._gone_orders.open_position("", today, record.position_lots, record.price_ticks)
        return None

    def _translated_list(self, record: NewOrderList, at_ns: int) -> NewOrderList | None:
        """All orders of a list are of one instrument."""
        today = self._today(record.orders[0].instrument_id)
        orders = tuple(msgspec.structs.replace(each, instrument_id=today) for each in record.orders)
        record = msgspec.structs.replace(record, orders=orders)
        if today >= 0:
            return record
        self._gone_orders.apply(record, at_ns)
        return None

    def _is_gone(self, record: VenueRecord) -> bool:
        known = getattr(record, "orig_client_order_id", "") or getattr(record, "client_order_id", "")
        return self._gone_orders.is_known(known)

    def _defined(self, instrument: Instrument) -> InstrumentDefined | None:
        self._todays.clear()
        self._symbols[instrument.instrument_id] = instrument.symbol
        self._last[instrument.symbol] = instrument
        today = self._today(instrument.instrument_id)
        return None if today < 0 else InstrumentDefined(msgspec.structs.replace(instrument, instrument_id=today))

    # -- as one value ----------------------------------------------------------------------------------------

    def memory(self) -> InstrumentsMemory:
        return InstrumentsMemory(
            list(self._symbols.items()), list(self._last.values()), self._gone, memory_of(self._gone_orders)
        )

    def remember(self, memory: InstrumentsMemory) -> None:
        """Begin where another has come to, of the same configuration."""
        self._symbols.update(memory.symbols)
        self._last.update((instrument.symbol, instrument) for instrument in memory.last)
        self._gone.update(memory.gone)
        remember(self._gone_orders, memory.gone_orders)

    def _today(self, journalled_id: int) -> int:
        """Today's id, negative for an instrument that is no longer configured."""
        symbol = self._symbols.get(journalled_id)
        if symbol is None:
            raise UsageError(
                f"the journal of {self._actor} speaks of instrument {journalled_id}, which it never defined; it is not "
                "whole: move the state directory aside and start from the venue's own state"
            )
        today = self._configured.get(symbol)
        if today is None:
            today = self._gone.setdefault(symbol, -1 - len(self._gone))
        self._todays[journalled_id] = today
        return today


class _NoExposure:
    """Nothing can be sent for an instrument that is not configured."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def closed(self, order: Order, released_lots: int) -> None: ...
