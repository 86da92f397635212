"""One checkpoint beside a journal: what all its records up to one of them come to, so that replay begins behind it.

    <directory>/checkpoint     offset 0  8 bytes  magic
                                      8  u32      format version
                                     12  u32      crc32 of everything after it
                                     16  u64      sequence of the last record that it covers
                                     24  u64      first sequence of the segment that holds that record
                                     32  u64      where that record begins in the segment
                                     40  u64      where the record after it begins
                                     48  u32      that record's own crc
                                     52  u32      0
                                     56           payload

It only saves time: without one, or with one that is damaged, the journal is replayed from its first record. It names
the record that it ends with, by place and crc, and counts only while the journal has that very record: a power cut may
have taken the journal's end and left the checkpoint.
"""

import os
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from engine.journal import crc_at, read_record
from store.segment_file import Mapped, list_segments, os_failure

__all__ = ["Checkpoint", "Place", "read_checkpoint", "write_checkpoint"]

_MAGIC: Final = b"HALTCKPT"
_VERSION: Final = 1
_HEADER: Final = Struct("<8sII")
_PLACE: Final = Struct("<QQQQII")
_NAME: Final = "checkpoint"
_BEGINNING: Final = "checkpoint.tmp"


class Place(NamedTuple):
    """A record of a journal, and where the next one begins."""

    sequence: int
    segment: int
    at: int
    next_at: int
    crc: int


class Checkpoint(NamedTuple):
    place: Place
    payload: bytes


def write_checkpoint(directory: Path, place: Place, payload: bytes) -> None:
    """In place of the one before, which stays whole until this one is. Raises UsageError when it cannot be written."""
    body = _PLACE.pack(*place, 0) + payload
    beginning = directory / _BEGINNING
    try:
        with open(beginning, "wb", buffering=0) as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(_HEADER.pack(_MAGIC, _VERSION, crc32(body)))
            rest = memoryview(body)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        os.rename(beginning, directory / _NAME)
    except OSError as error:
        raise os_failure(error, directory / _NAME) from error


def read_checkpoint(directory: Path) -> Checkpoint | None:
    """None when there is none, when it is not whole, and when it is not of this journal. Raises UsageError for a
    journal that cannot be read."""
    try:
        data = (directory / _NAME).read_bytes()
    except OSError:
        return None
    at = _HEADER.size + _PLACE.size
    if len(data) < at:
        return None
    magic, version, crc = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or crc32(memoryview(data)[_HEADER.size :]) != crc:
        return None
    checkpoint = Checkpoint(Place(*_PLACE.unpack_from(data, _HEADER.size)[:-1]), data[at:])
    return checkpoint if _is_of(checkpoint.place, directory) else None


def _is_of(place: Place, directory: Path) -> bool:
    """Whether the journal has the very record that the checkpoint ends with."""
    for path, header in list_segments(directory):
        if header.first_sequence == place.segment:
            mapped = Mapped(path, write=False)
            try:
                is_whole = read_record(mapped.view, place.at, place.sequence) is not None
                return is_whole and crc_at(mapped.view, place.at) == place.crc
            finally:
                mapped.close()
    return False
