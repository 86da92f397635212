"""Reading journal segments without the lock: replay, ``haltline journal cat``, ``verify`` and ``stat``.

Safe beside the process that appends: a record that is being written does not read as one yet.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import UsageError
from engine.journal import JournalDamaged, read_record
from store.checkpoint import Place
from store.segment_file import (
    HEADER_BYTES,
    REMEDY,
    Mapped,
    Segment,
    end_of_records,
    list_segments,
    os_failure,
    whole_record_after,
)

__all__ = ["JournalStat", "SegmentCheck", "read_records", "records_of", "stat", "verify"]


class SegmentCheck(msgspec.Struct, frozen=True):
    """One segment's state. ``damage`` is empty when it is sound.

    ``torn_bytes`` of the last segment are not damage: what a dying writer left, or one is writing at this instant.
    """

    path: str
    first_sequence: int
    last_sequence: int
    used_bytes: int
    allocated_bytes: int
    torn_bytes: int
    damage: str = ""


class JournalStat(msgspec.Struct, frozen=True):
    """A journal in numbers; ``last_sequence`` is 0 when it is empty."""

    actor: str
    segments: int
    records: int
    first_sequence: int
    last_sequence: int
    used_bytes: int
    allocated_bytes: int


def read_records(directory: Path | str) -> Iterator[tuple[int, int, bytes]]:
    """(sequence, now_ns, payload) of every whole record, oldest first. Raises UsageError or JournalDamaged."""
    segments = _existing(Path(directory))
    return records_of(segments, None)


def records_of(
    segments: list[Segment], last_sequence: int | None, after: Place | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """The records of listed segments up to ``last_sequence`` (None: as far as there are whole ones), from the first or
    from behind the one at the place ``after``.

    Raises JournalDamaged, after the records before it, where a segment ends before the next one starts.
    """
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        first = segment.header.first_sequence
        until = last_sequence if following is None else following.header.first_sequence - 1
        if after is None or first > after.segment:
            yield from _segment_records(segment, until, first, HEADER_BYTES)
        elif first == after.segment:
            yield from _segment_records(segment, until, after.sequence + 1, after.next_at)


def _segment_records(segment: Segment, until: int | None, sequence: int, at: int) -> Iterator[tuple[int, int, bytes]]:
    mapped = _map(segment.path)
    try:
        view = mapped.view
        while until is None or sequence <= until:
            record = read_record(view, at, sequence)
            if record is None:
                if until is None:
                    return
                raise JournalDamaged(f"{segment.path} offset {at}: record {sequence} is damaged; {REMEDY}")
            now_ns, end = record
            yield sequence, now_ns, bytes(view[at + 24 : end])
            at, sequence = (end + 7) & ~7, sequence + 1
    finally:
        mapped.close()


def verify(directory: Path | str) -> Iterator[SegmentCheck]:
    """Check every record of every segment, oldest first, one result per segment; goes on behind damage.

    Raises UsageError when there is no journal, JournalDamaged when the set of segments itself is broken.
    """
    segments = _existing(Path(directory))
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        yield _check(segment, following)


def _check(segment: Segment, following: Segment | None) -> SegmentCheck:
    mapped = _map(segment.path)
    try:
        view, first = mapped.view, segment.header.first_sequence
        last, at = end_of_records(view, first)
        damage = ""
        if following is not None:
            if last != following.header.first_sequence - 1:
                damage = f"offset {at}: record {last + 1} is damaged; {REMEDY}"
        elif (later := whole_record_after(view, at, last + 1)) is not None and read_record(view, at, last + 1) is None:
            # asked twice, because a writer at work may have appended between the two looks
            damage = f"offset {at}: record {last + 1} is damaged, whole records follow at offset {later}; {REMEDY}"
        torn = len(bytes(view[at:]).rstrip(b"\0"))
        return SegmentCheck(str(segment.path), first, last, at, len(view), torn, damage)
    finally:
        mapped.close()


def stat(directory: Path | str) -> JournalStat:
    """A journal in numbers. Only the last segment is read. Raises UsageError or JournalDamaged."""
    segments = _existing(Path(directory))
    headers = [segment.header for segment in segments]
    mapped = _map(segments[-1].path)
    try:
        last, at = end_of_records(mapped.view, headers[-1].first_sequence)
    finally:
        mapped.close()
    first = headers[0].first_sequence
    return JournalStat(
        actor=headers[0].actor,
        segments=len(segments),
        records=last - first + 1,
        first_sequence=first,
        last_sequence=last,
        used_bytes=at + sum(header.segment_bytes for header in headers[:-1]),
        allocated_bytes=sum(header.segment_bytes for header in headers),
    )


def _existing(directory: Path) -> list[Segment]:
    segments = list_segments(directory)
    if not segments:
        raise UsageError(f"{directory} holds no journal; name the directory of one actor under [engine] state_dir")
    return segments


def _map(path: Path) -> Mapped:
    try:
        return Mapped(path, write=False)
    except OSError as error:
        raise os_failure(error, path) from error
