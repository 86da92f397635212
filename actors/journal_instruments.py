"""Instrument ids are positions in the configuration, a journal is for years: it is replayed by symbol.

    journalled id ──InstrumentDefined──▶ symbol ──configuration──▶ today's id

A venue or instrument that was put above others has shifted the ids of those below. A life that finds its journal under
other ids writes the definitions anew, so a record always means what was last defined under its id.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from actors.boot import HostBooted
from actors.venue_records import DayStarted, LifeBegun, Reconciled, StrategyThrottled, ThrottleEnded, VenueRecord
from engine.blotter import Blotter
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.messages import NewOrder
from engine.order import Order
from engine.venue import InstrumentDefined

__all__ = ["JournalInstruments"]


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

    def translate(self, records: Iterable[tuple[int, VenueRecord]]) -> Iterator[tuple[int, VenueRecord]]:
        """The records of configured instruments, under today's ids. Raises UsageError when one that is not configured
        still has a position or open orders."""
        for at_ns, record in records:
            translated = self._translated(record, at_ns)
            if translated is not None:
                yield at_ns, translated
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

    def _translated(self, record: VenueRecord, at_ns: int) -> VenueRecord | None:
        if isinstance(record, DayStarted | LifeBegun | StrategyThrottled | ThrottleEnded | HostBooted):
            return record
        if isinstance(record, InstrumentDefined):
            instrument = record.instrument
            self._symbols[instrument.instrument_id] = instrument.symbol
            self._last[instrument.symbol] = instrument
            today = self._today(instrument.instrument_id)
            return None if today < 0 else InstrumentDefined(msgspec.structs.replace(instrument, instrument_id=today))
        if isinstance(record, Reconciled):
            today = self._today(record.instrument_id)
            return None if today < 0 else msgspec.structs.replace(record, instrument_id=today)
        if isinstance(record, NewOrder):
            today = self._today(record.instrument_id)
            record = msgspec.structs.replace(record, instrument_id=today)
            is_gone = today < 0
        else:
            known = getattr(record, "orig_client_order_id", "") or record.client_order_id
            is_gone = bool(self._gone) and self._gone_orders.is_known(known)
        if is_gone:
            self._gone_orders.apply(record, at_ns)
            return None
        return record

    def _today(self, journalled_id: int) -> int:
        """Today's id, negative for an instrument that is no longer configured."""
        symbol = self._symbols.get(journalled_id)
        if symbol is None:
            raise UsageError(
                f"the journal of {self._actor} speaks of instrument {journalled_id}, which it never defined; it is not "
                "whole: move the state directory aside and start from the venue's own state"
            )
        today = self._configured.get(symbol)
        return self._gone.setdefault(symbol, -1 - len(self._gone)) if today is None else today


class _NoExposure:
    """Nothing can be sent for an instrument that is not configured."""

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None: ...

    def closed(self, order: Order, released_lots: int) -> None: ...
