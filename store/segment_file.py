"""One segment file: its header, how it is made, mapped and scanned. ``store/segment.py`` strings them together.

offset  0  8 bytes   magic
        8  u32       format version
       12  u32       segment number, from 1, without gaps
       16  u64       sequence of its first record, also its file name
       24  u64       size of the file
       32  92 bytes  actor name, UTF-8, padded with zeros
      124  u32       crc32 of the 124 bytes before
      128            records (``engine/journal.py``), then zeros
"""

import contextlib
import errno
import mmap
import os
import sys
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from engine.errors import UsageError
from engine.journal import RECORD_HEADER_BYTES, JournalDamaged, JournalFull, read_record

__all__ = [
    "HEADER_BYTES",
    "REMEDY",
    "SEGMENT_BYTES_MIN",
    "Mapped",
    "Segment",
    "SegmentHeader",
    "allocate",
    "cut_tail",
    "end_of_records",
    "list_segments",
    "os_failure",
    "publish",
    "whole_record_after",
]

_MAGIC: Final = b"HALTJRNL"
_VERSION: Final = 1
_ACTOR_BYTES: Final = 92
_HEADER: Final = Struct(f"<8sIIQQ{_ACTOR_BYTES}sI")
_SUFFIX: Final = ".journal"

HEADER_BYTES: Final = _HEADER.size
SEGMENT_BYTES_MIN: Final = 4096
REMEDY: Final = (
    "restore the file from a copy; or, when the venue shows no open order of this account, "
    "move the journal directory away to start without memory"
)
#: Linux 5.14; the mmap module has no name for it yet.
_MADV_POPULATE_WRITE: Final = 23
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_PERMISSION: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class SegmentHeader(NamedTuple):
    number: int
    first_sequence: int
    segment_bytes: int
    actor: str

    def encode(self) -> bytes:
        """Raises UsageError for an actor name that is too long."""
        actor = self.actor.encode()
        if not 0 < len(actor) <= _ACTOR_BYTES:
            raise UsageError(f"actor name {self.actor!r} must have 1 to {_ACTOR_BYTES} bytes to own a journal")
        plain = _HEADER.pack(_MAGIC, _VERSION, self.number, self.first_sequence, self.segment_bytes, actor, 0)[:-4]
        return plain + crc32(plain).to_bytes(4, "little")

    @classmethod
    def decode(cls, data: bytes, path: Path) -> "SegmentHeader":
        if len(data) < HEADER_BYTES or data[:8] != _MAGIC:
            raise JournalDamaged(f"{path} offset 0: not a journal segment; {REMEDY}")
        _, version, number, first_sequence, segment_bytes, actor, crc = _HEADER.unpack(data)
        if crc32(data[:-4]) != crc:
            raise JournalDamaged(f"{path} offset 0: damaged segment header; {REMEDY}")
        if version != _VERSION:
            raise UsageError(
                f"{path}: journal format {version} is newer than this engine reads ({_VERSION}); upgrade it"
            )
        return cls(number, first_sequence, segment_bytes, actor.rstrip(b"\0").decode())


class Segment(NamedTuple):
    path: Path
    header: SegmentHeader


class Mapped:
    """A file mapped as a whole. ``write`` maps it shared, so that what is stored survives this process."""

    __slots__ = ("_map", "fd", "path", "view")

    def __init__(self, path: Path, *, write: bool) -> None:
        self.path = path
        self.fd = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(self.fd, 0, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
        except BaseException:
            os.close(self.fd)
            raise
        self.view = memoryview(self._map)

    def populate(self, at: int, length: int) -> None:
        """Take the page faults of storing there now. Nothing changes in the file. Not every system can."""
        start = at - at % mmap.PAGESIZE
        length = min(at + length, len(self.view)) - start
        if length > 0 and sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._map.madvise(_MADV_POPULATE_WRITE, start, length)

    def close(self) -> None:
        self.view.release()
        self._map.close()
        os.close(self.fd)


def os_failure(error: OSError, path: Path, segment_bytes: int = 0) -> UsageError:
    """One line for a person: what failed, where, and what to do."""
    what = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return JournalFull(
            f"journal {path}: no room for a segment of {segment_bytes} bytes ({what}); "
            "free disk space or raise the quota, or lower [journal] segment_mib"
        )
    if error.errno in _NO_PERMISSION:
        return UsageError(f"journal {path}: {what}; make the directory writable by the user that runs the engine")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return UsageError(f"journal {path}: {what}; create its parent directory or correct [engine] state_dir")
    return UsageError(f"journal {path}: {what}")


def allocate(path: Path, segment_bytes: int) -> None:
    """Make a file of zeros that has all its blocks. Leaves nothing behind when there is no room.

    Raises JournalFull or UsageError.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, segment_bytes)
        finally:
            os.close(fd)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise os_failure(error, path.parent, segment_bytes) from error


def publish(allocated: Path, directory: Path, header: SegmentHeader) -> Path:
    """Give an allocated file its header, then its name: under that name it is never seen without a header."""
    path = directory / f"{header.first_sequence:020d}{_SUFFIX}"
    try:
        with open(allocated, "r+b", buffering=0) as file:
            file.write(header.encode())
        os.rename(allocated, path)
    except OSError as error:
        raise os_failure(error, path) from error
    return path


def list_segments(directory: Path) -> list[Segment]:
    """The segments in order, their headers checked. Raises UsageError or JournalDamaged (a missing one included)."""
    try:
        paths = sorted(p for p in directory.iterdir() if p.suffix == _SUFFIX)
        segments = []
        for path in paths:
            with open(path, "rb") as file:
                segments.append(Segment(path, SegmentHeader.decode(file.read(HEADER_BYTES), path)))
    except OSError as error:
        raise os_failure(error, directory) from error
    for index, (path, header) in enumerate(segments):
        if path.stem != f"{header.first_sequence:020d}":
            raise JournalDamaged(f"{path}: named for another record than its first, {header.first_sequence}; rename it")
        if header.number != segments[0].header.number + index:
            raise JournalDamaged(f"{directory}: a segment before {path.name} is missing; {REMEDY}")
    return segments


def end_of_records(view: memoryview, first_sequence: int, at: int = HEADER_BYTES) -> tuple[int, int]:
    """``(last sequence, offset behind it)`` of the unbroken run of whole records from that of ``first_sequence`` on,
    which begins at ``at``."""
    sequence = first_sequence
    while (record := read_record(view, at, sequence)) is not None:
        at, sequence = (record[1] + 7) & ~7, sequence + 1
    return sequence - 1, at


def whole_record_after(view: memoryview, at: int, sequence: int) -> int | None:
    """Offset of a whole record of a later sequence behind ``at``, where the one of ``sequence`` is not whole.

    A writer that died leaves none. Records start at multiples of 8, so does every sequence: those that could be one
    are found by one comparison over the whole rest.
    """
    words = np.frombuffer(view[at : at + ((len(view) - at) & ~7)], dtype="<u8")
    latest = sequence + len(words) * 8 // RECORD_HEADER_BYTES
    for word in np.flatnonzero((words > sequence) & (words <= latest)):
        start = at + int(word) * 8 - 8
        if start > at and read_record(view, start, int(words[word])) is not None:
            return start
    return None


def cut_tail(view: memoryview, at: int) -> int:
    """Zero everything behind ``at``: no stale bytes may ever read as a record. Returns how many were not zero."""
    rest = np.frombuffer(view[at:], dtype=np.uint8)
    dirty = np.flatnonzero(rest)
    if len(dirty) == 0:
        return 0
    torn = int(dirty[-1]) + 1
    view[at : at + torn] = bytes(torn)
    return torn
