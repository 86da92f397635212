"""An actor's journal on disk: preallocated, memory-mapped segment files.

    <directory>/lock                           held (flock) by the one process that may append
    <directory>/00000000000000000001.journal   first segment; the name is the sequence of its first record
    <directory>/00000000000000372828.journal   …

**What survives what.** ``append`` copies into a shared mapping, so a record is in the page cache of the kernel when
``append`` returns: the death of the process, by any signal, loses nothing. A power loss or a crash of the host keeps
what ``sync`` has returned for, and of the rest whatever the kernel had written by itself. ``sync`` is slow and is
called off the order path, by a timer or from one other thread.

**Room is taken up front.** A segment is allocated in full before it is mapped: a full disk is an error when the
segment is made, never a SIGBUS in the middle of an append.

**Opening** scans the last segment and cuts it behind the last whole record; what a dying writer left of one more is
zeroed. A record that is not whole but has whole ones behind it cannot come from a dying writer: that is damage, and an
error naming file and offset. Nothing is ever skipped.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import InvariantError, UsageError
from engine.journal import JournalDamaged, JournalFull, MemoryJournal, record_span, write_record
from store.checkpoint import Checkpoint, read_checkpoint
from store.segment_file import (
    HEADER_BYTES,
    REMEDY,
    SEGMENT_BYTES_MIN,
    Mapped,
    Segment,
    SegmentHeader,
    allocate,
    cut_tail,
    end_of_records,
    list_segments,
    os_failure,
    publish,
    whole_record_after,
)
from store.segment_read import records_of

__all__ = ["JournalDamaged", "JournalFull", "MemoryJournal", "SegmentJournal"]

_SPARE: Final = "spare.tmp"
_FRESH: Final = "fresh.tmp"
#: What ``sync`` readies for the appends to come: some eighty orders.
_READY_BYTES: Final = 64 << 10


class SegmentJournal:
    """``engine.actor.Journal`` of one actor, in a directory of its own.

    The directory is made when only it is missing; its parent must exist. ``actor`` is written into every segment and
    checked on opening; by default it is the directory's name. ``torn_bytes`` is what opening cut off.

    Raises UsageError (one line: what, where, remedy) when the directory cannot be used or another process holds it,
    JournalFull when there is no room for a segment, JournalDamaged when an earlier life's records are damaged.
    """

    def __init__(self, directory: Path | str, segment_bytes: int, actor: str | None = None) -> None:
        if segment_bytes < SEGMENT_BYTES_MIN:
            raise UsageError(
                f"a journal segment of {segment_bytes} bytes is too small; take {SEGMENT_BYTES_MIN} or more"
            )
        self._directory = Path(directory)
        self._actor = self._directory.name if actor is None else actor
        self._segment_bytes = segment_bytes
        self._sequence, self._number, self._at, self.torn_bytes = 0, 0, 0, 0
        # The current segment is the last; those before it wait for ``sync`` to close them. Only the appender appends
        # and only ``sync`` removes, one list operation each, so that the two may run in two threads.
        self._segments: list[Mapped] = []
        self._spare_ready = False
        self._names_changed = False
        self._sync_failure = ""
        self._syncing = threading.Lock()
        self._synced = -1
        self._checkpoint: Checkpoint | None = None
        self._lock_fd = _lock(self._directory)
        try:
            self._open_last()
        except BaseException:
            os.close(self._lock_fd)
            raise

    # -- the order path -------------------------------------------------------------------------------------

    def append(self, payload: bytes, now_ns: int) -> int:
        """Append one record and return its sequence. It survives the death of this process from here on.

        Raises JournalFull when a new segment is needed and the disk has no room: nothing is written, and a later
        append tries again.
        """
        if self._at + record_span(len(payload)) > self._size:
            self._roll(len(payload))
        if not payload:
            raise InvariantError("an empty journal record")
        sequence = self._sequence + 1
        self._at = write_record(self._view, self._at, sequence, now_ns, payload)
        self._sequence = sequence
        return sequence

    # -- off the order path ---------------------------------------------------------------------------------

    @property
    def sequence(self) -> int:
        """The last record's sequence, 0 when there is none."""
        return self._sequence

    def records(self, after: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Everything appended before this call, in this life and earlier ones, oldest first; behind the checkpoint when
        ``after`` is its sequence.

        Raises JournalDamaged where an earlier segment is not whole, InvariantError for any other ``after``.
        """
        place = None if self._checkpoint is None else self._checkpoint.place
        if after and (place is None or place.sequence != after):
            raise InvariantError(f"journal {self._directory} has no checkpoint at record {after}")
        return records_of(list_segments(self._directory), self._sequence, place if after else None)

    def checkpoint(self) -> tuple[int, bytes] | None:
        """The sequence and the payload of the checkpoint that lay beside the journal when it was opened."""
        return None if self._checkpoint is None else (self._checkpoint.place.sequence, self._checkpoint.payload)

    def sync(self) -> int:
        """Force what is appended to the disk; returns the sequence up to which it now survives a power loss.

        Also makes the next segment ready when the current one is more than half full, so that rolling costs the
        order path little. May run in other threads while this one appends, and not beside ``close``. Costs nothing
        when nothing was appended.

        Raises UsageError when the disk fails, and from then on always: the kernel forgets what it could not write,
        so a second try that succeeds would prove nothing. Appending goes on; process death still loses nothing.
        """
        with self._syncing:
            sequence = self._sync_files()
            if not self._spare_ready and self._at * 2 > self._size:
                self._prepare_spare()
        return sequence

    def close(self) -> None:
        """Sync, unmap and let the lock go. Closing twice does nothing."""
        if not self._segments:
            return
        try:
            self._sync_files()
        finally:
            for segment in self._segments:
                segment.close()
            self._segments.clear()
            self._size = 0
            (self._directory / _SPARE).unlink(missing_ok=True)
            os.close(self._lock_fd)

    def _sync_files(self) -> int:
        # The sequence is read first: the records up to it are in the files of the list that is taken after it.
        sequence = self._sequence
        segments = self._segments[:]
        names_changed, self._names_changed = self._names_changed, False
        if not segments:
            raise InvariantError("a closed journal was synced")
        if self._sync_failure:
            raise UsageError(self._sync_failure)
        if sequence == self._synced and not names_changed:
            return sequence
        try:
            for segment in segments:
                os.fdatasync(segment.fd)
            if names_changed:
                _sync_directory(self._directory)
        except OSError as error:
            failure = os_failure(error, self._directory, self._segment_bytes)
            self._sync_failure = f"{failure}; replace the disk: nothing written now would survive a power loss"
            raise UsageError(self._sync_failure) from error
        for segment in segments[:-1]:
            self._segments.remove(segment)
            segment.close()
        self._synced = sequence
        # A page that has gone to the disk is write-protected by the kernel: the next append would pay for its release,
        # some 50 µs on a quiet machine.
        segments[-1].populate(self._at, _READY_BYTES)
        return sequence

    # -- segments -------------------------------------------------------------------------------------------

    def _open_last(self) -> None:
        for leftover in (_SPARE, _FRESH):
            (self._directory / leftover).unlink(missing_ok=True)
        segments = list_segments(self._directory)
        if not segments:
            self._next_segment()
            _sync_directory(self._directory.parent)
            return
        last = segments[-1]
        for path, header in segments:
            if header.actor != self._actor:
                raise UsageError(f"{path} is the journal of {header.actor!r}, not of {self._actor!r}; give it its own")
        _extend(last)
        self._checkpoint = read_checkpoint(self._directory)
        self._map(last.path)
        self._number = last.header.number
        try:
            self._find_end(last)
        except BaseException:
            self._segments.pop().close()
            raise

    def _find_end(self, last: Segment) -> None:
        place = None if self._checkpoint is None else self._checkpoint.place
        if (
            place is not None and place.segment == last.header.first_sequence
        ):  # all before it was whole when it was made
            self._sequence, self._at = end_of_records(self._view, place.sequence + 1, place.next_at)
        else:
            self._sequence, self._at = end_of_records(self._view, last.header.first_sequence)
        later = whole_record_after(self._view, self._at, self._sequence + 1)
        if later is not None:
            raise JournalDamaged(
                f"{last.path} offset {self._at}: record {self._sequence + 1} is damaged and whole records follow it "
                f"(offset {later}); {REMEDY}"
            )
        self.torn_bytes = cut_tail(self._view, self._at)

    def _roll(self, payload_bytes: int) -> None:
        if not self._segments:
            raise InvariantError("a closed journal was appended to")
        if HEADER_BYTES + record_span(payload_bytes) > self._segment_bytes:
            raise UsageError(
                f"a record of {payload_bytes} bytes does not fit into a segment of {self._segment_bytes} bytes; "
                "raise [journal] segment_mib"
            )
        self._next_segment()

    def _next_segment(self) -> None:
        """Make the segment that starts behind ``_sequence``, and append to it from here on."""
        header = SegmentHeader(self._number + 1, self._sequence + 1, self._segment_bytes, self._actor)
        allocated = self._directory / (_SPARE if self._spare_ready else _FRESH)
        if not self._spare_ready:
            allocate(allocated, self._segment_bytes)
        path = publish(allocated, self._directory, header)
        self._spare_ready, self._names_changed = False, True
        self._map(path)
        self._number, self._at = header.number, HEADER_BYTES

    def _map(self, path: Path) -> None:
        try:
            segment = Mapped(path, write=True)
        except OSError as error:
            raise os_failure(error, path) from error
        self._segments.append(segment)
        self._view, self._size = segment.view, len(segment.view)

    def _prepare_spare(self) -> None:
        try:
            allocate(self._directory / _SPARE, self._segment_bytes)
        except JournalFull:
            return  # the roll will try by itself, and tell the caller whose record has no room
        self._spare_ready = True


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise os_failure(error, directory) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise UsageError(
            f"journal {directory} is in use by process {holder}; stop that engine, or change [engine] state_dir"
        ) from None
    except OSError as error:
        os.close(fd)
        raise os_failure(error, directory, 32) from error
    return fd


def _extend(segment: Segment) -> None:
    """Bring a file that lost its end (a cut copy) back to its size, so that its mapping has blocks under it."""
    size = segment.header.segment_bytes
    try:
        fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_size < size:
                os.posix_fallocate(fd, 0, size)
        finally:
            os.close(fd)
    except OSError as error:
        raise os_failure(error, segment.path, size) from error


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
