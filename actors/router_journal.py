"""A router's journal, read by an engine whose instrument ids may be others: an id is a position in the configuration.

Each life writes down the instruments under the ids that it uses; what follows is read by these.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from actors.fact_journal import FactJournal
from engine.actor import Journal
from engine.errors import UsageError
from engine.messages import InstrumentDefinition, NewOrder
from engine.routing.records import ChildPlaced, ChildTold, RouterRecord

__all__ = ["RouterJournal"]

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[RouterRecord] = msgspec.msgpack.Decoder(RouterRecord)
_replace = msgspec.structs.replace


class RouterJournal(FactJournal[RouterRecord]):
    """``ids``: today's instrument ids by ``venue:SYMBOL``, those of routes among them."""

    def __init__(self, journal: Journal, ids: Mapping[str, int]) -> None:
        super().__init__(journal, _encode, _decoder.decode)
        self._ids = ids
        self._today: dict[int, int] = {}
        #: What this life, or an earlier one with the same ids, has written down.
        self._defined: dict[int, InstrumentDefinition] = {}

    def history(self) -> Iterator[tuple[int, RouterRecord]]:
        """What earlier lives wrote, in today's ids, oldest first. Raises UsageError for an instrument that is in no
        route any more: its orders would be forgotten."""
        for at_ns, record in self.records():
            if isinstance(record, InstrumentDefinition):
                instrument = record.instrument
                name = f"{instrument.venue}:{instrument.symbol}"
                if name not in self._ids:
                    raise UsageError(
                        f"the router's journal has orders of {name}, which is in no route of this strategy any more; "
                        "put it back, or, once nothing of it is open, move the journal aside"
                    )
                self._today[instrument.instrument_id] = self._ids[name]
                self._defined[instrument.instrument_id] = record
                yield at_ns, InstrumentDefinition(_replace(instrument, instrument_id=self._ids[name]))
            else:
                yield at_ns, self._in_todays_ids(record)

    def define(self, definition: InstrumentDefinition, now_ns: int) -> None:
        """Write an instrument down, unless it is there as it is now."""
        instrument = definition.instrument
        if self._defined.get(instrument.instrument_id) != definition:
            self._defined[instrument.instrument_id] = definition
            self.fact(definition, now_ns)

    def _in_todays_ids(self, record: Any) -> RouterRecord:
        if isinstance(record, NewOrder):
            return _replace(record, instrument_id=self._id(record.instrument_id))
        if isinstance(record, ChildPlaced):
            return _replace(record, order=_replace(record.order, instrument_id=self._id(record.order.instrument_id)))
        if isinstance(record, ChildTold):
            report = _replace(record.report, instrument_id=self._id(record.report.instrument_id))
            return _replace(record, report=report)
        told: RouterRecord = record
        return told

    def _id(self, then: int) -> int:
        """Unknown ones, as of an order that was never received, stay."""
        return self._today.get(then, then)
