"""The journal's record format, and nothing of where it is kept.

    offset  0  u32  length of the payload, 1 or more; 0 means that no record starts here
            4  u32  crc32 of everything after it (sequence, time, payload), seeded with the length
            8  u64  sequence, from 1, without gaps over the whole life of the journal
           16  i64  now_ns, the monotonic time the caller gave
           24       payload, then zeros up to a multiple of 8

All little-endian. A record is written body first, length and crc last: whatever instant the writer dies at, a record
is either whole or does not read as one. The multiple of 8 lets a reader look for whole records behind a damaged one.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final
from zlib import crc32

from engine.errors import InvariantError, UsageError

__all__ = [
    "RECORD_HEADER_BYTES",
    "JournalDamaged",
    "JournalFull",
    "MemoryJournal",
    "crc_at",
    "read_record",
    "record_span",
    "write_record",
]

_HEADER: Final = Struct("<IIQq")
_LENGTH_CRC: Final = Struct("<II")
_STAMP: Final = Struct("<Qq")
_pack_length_crc: Final = _LENGTH_CRC.pack_into
_pack_stamp: Final = _STAMP.pack
_unpack_header: Final = _HEADER.unpack_from

RECORD_HEADER_BYTES: Final = _HEADER.size


class JournalFull(UsageError):
    """There is no room for one more record. Nothing was written; earlier records are as they were."""


class JournalDamaged(UsageError):
    """Records that were once whole no longer are. Names the file, the offset and the remedy."""


def record_span(payload_bytes: int) -> int:
    """Bytes that a record takes, with its header and padding."""
    return (RECORD_HEADER_BYTES + payload_bytes + 7) & ~7


def write_record(view: memoryview, at: int, sequence: int, now_ns: int, payload: bytes) -> int:
    """Write one record at ``at`` and return where the next one goes. The caller has checked that it fits."""
    length = len(payload)
    body = _pack_stamp(sequence, now_ns) + payload
    end = at + 24 + length
    view[at + 8 : end] = body
    _pack_length_crc(view, at, length, crc32(body, length))
    return (end + 7) & ~7


def read_record(view: memoryview, at: int, sequence: int) -> tuple[int, int] | None:
    """``(now_ns, end of the payload)`` of the whole record of that sequence at ``at``; None when there is none."""
    if at + 24 > len(view):
        return None
    length, crc, found, now_ns = _unpack_header(view, at)
    end = at + 24 + length
    if found != sequence or length == 0 or end > len(view) or crc32(view[at + 8 : end], length) != crc:
        return None
    return now_ns, end


def crc_at(view: memoryview, at: int) -> int:
    """The crc of the whole record at ``at``. No two records of one sequence that say something else have the same, but
    for one pair in four billions."""
    return int(_unpack_header(view, at)[1])


class MemoryJournal:
    """An ``engine.actor.Journal`` in memory, for virtual time. It outlives its actor when the runtime keeps it."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int, bytes]] = []
        self._checkpoint: tuple[int, bytes] | None = None

    @property
    def sequence(self) -> int:
        """The last record's sequence, 0 when there is none."""
        return len(self._records)

    def append(self, payload: bytes, now_ns: int) -> int:
        """As ``Journal.append``; never full."""
        if not payload:
            raise InvariantError("an empty journal record")
        sequence = len(self._records) + 1
        self._records.append((sequence, now_ns, bytes(payload)))
        return sequence

    def sync(self) -> int:
        """As ``Journal.sync``; nothing here survives the process anyway."""
        return self.sequence

    def records(self, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Everything appended before this call and behind the record ``after``, oldest first."""
        return iter(self._records[after:])

    def checkpoint(self) -> tuple[int, bytes] | None:
        """As ``Journal.checkpoint``: what ``keep`` was given last."""
        return self._checkpoint

    def keep(self, sequence: int, payload: bytes) -> None:
        """A checkpoint of the records up to ``sequence``."""
        self._checkpoint = sequence, payload
