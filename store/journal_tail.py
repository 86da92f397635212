"""Reading a journal on and on while its owner appends to it, without its lock."""

from collections.abc import Iterator
from pathlib import Path

from engine.journal import crc_at, read_record
from store.checkpoint import Place
from store.segment_file import HEADER_BYTES, Mapped, Segment, list_segments

__all__ = ["JournalTail"]


class JournalTail:
    """Begins with the first record, or behind the one at the place ``after``.

    ``place`` is that of the last record that was read; None before the first.
    """

    def __init__(self, directory: Path, after: Place | None = None) -> None:
        self._directory = directory
        self.place = after
        self._mapped: Mapped | None = None
        self._segment = 0

    @property
    def sequence(self) -> int:
        """Of the last record that was read; 0 before the first."""
        return 0 if self.place is None else self.place.sequence

    def read(self, records_max: int) -> Iterator[tuple[int, bytes]]:
        """The next whole records, as (now_ns, payload). Raises UsageError for a journal that cannot be read."""
        left = records_max
        for segment in self._from_here():
            mapped = self._map(segment)
            sequence, at = self.sequence + 1, HEADER_BYTES
            if self.place is not None and self.place.segment == self._segment:
                at = self.place.next_at
            while left and (record := read_record(mapped.view, at, sequence)) is not None:
                now_ns, end = record
                payload = bytes(mapped.view[at + 24 : end])
                crc = crc_at(mapped.view, at)
                next_at = (end + 7) & ~7
                self.place = Place(sequence, self._segment, at, next_at, crc)
                yield now_ns, payload
                at, sequence, left = next_at, sequence + 1, left - 1

    def close(self) -> None:
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None

    def _from_here(self) -> list[Segment]:
        """The segment that is being read and those behind it; a segment is over where the next one begins."""
        segments = list_segments(self._directory)
        here = 0 if self.place is None else self.place.segment
        return [each for each in segments if each.header.first_sequence >= here]

    def _map(self, segment: Segment) -> Mapped:
        first = segment.header.first_sequence
        if self._mapped is None or self._segment != first:
            self.close()
            self._mapped, self._segment = Mapped(segment.path, write=False), first
        return self._mapped
