"""Harmed files: a torn tail is cut, damage elsewhere is an error that names the place, no wrong record is ever read."""

import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.journal import JournalDamaged
from store.segment import SegmentJournal
from store.segment_file import HEADER_BYTES

Written = Callable[[int], list[Path]]
Open = Callable[..., SegmentJournal]

SPAN = 64  # what each record of ``written`` takes: 24 bytes of header, 37 of payload, 3 of padding
IN_A_SEGMENT = (4096 - HEADER_BYTES) // SPAN
RECORD = range(24 + 37)


def payloads(journal: SegmentJournal) -> list[bytes]:
    return [payload.rstrip() for _, _, payload in journal.records()]


def expected(count: int) -> list[bytes]:
    return [b"record %d" % number for number in range(1, count + 1)]


def offset_of(number: int) -> int:
    return HEADER_BYTES + (number - 1) * SPAN


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(data)


# -- the tail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["missing", "zeros", "noise"])
def test_a_tail_cut_at_every_byte_gives_the_records_before_it_and_goes_on(
    written: Written, open_journal: Open, rest: str
) -> None:
    (path,) = written(5)
    whole = path.read_bytes()
    tail = offset_of(5)
    for cut in RECORD:
        kept = whole[: tail + cut]
        if rest == "zeros":
            kept += bytes(len(whole) - len(kept))
        elif rest == "noise":
            kept += bytes([whole[len(kept)] ^ 0xFF]) + bytes(SPAN - cut - 1) + whole[tail + SPAN :]
        path.write_bytes(kept)
        journal = open_journal()
        assert payloads(journal) == expected(4)
        assert journal.append(b"record 5", 1) == 5
        assert path.stat().st_size == len(whole)
        journal.close()
        journal = open_journal()
        assert (payloads(journal), journal.torn_bytes) == (expected(5), 0)
        journal.close()


def test_a_tail_cut_in_a_later_segment_gives_the_records_before_it(written: Written, open_journal: Open) -> None:
    *_, last = written(IN_A_SEGMENT + 3)
    whole = last.read_bytes()
    for cut in RECORD:
        last.write_bytes(whole[: offset_of(3) + cut])
        journal = open_journal()
        assert payloads(journal) == expected(IN_A_SEGMENT + 2)
        journal.close()


def test_what_is_cut_off_is_counted_and_zeroed(written: Written, open_journal: Open) -> None:
    (path,) = written(2)
    flip(path, offset_of(2) * 8)
    journal = open_journal()
    assert journal.torn_bytes == len(RECORD)
    journal.close()
    assert not any(path.read_bytes()[offset_of(2) :])


# -- bit flips -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(1, 6), bit=st.integers(0, len(RECORD) * 8 - 1))
def test_a_flipped_bit_is_a_cut_tail_in_the_last_record_and_an_error_before_it(
    written: Written, open_journal: Open, directory: Path, number: int, bit: int
) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    (path,) = written(6)
    flip(path, offset_of(number) * 8 + bit)
    if number == 6:
        journal = open_journal()
        assert payloads(journal) == expected(5)
        journal.close()
        return
    with pytest.raises(JournalDamaged) as error:
        open_journal()
    text = str(error.value)
    assert f"{path} offset {offset_of(number)}: record {number} is damaged" in text
    assert "restore" in text
    assert "\n" not in text


def test_damage_over_several_records_is_found_by_the_whole_ones_behind_it(written: Written, open_journal: Open) -> None:
    (path,) = written(9)
    data = bytearray(path.read_bytes())
    data[offset_of(3) : offset_of(8)] = bytes(5 * SPAN)
    path.write_bytes(data)
    with pytest.raises(JournalDamaged, match=rf"offset {offset_of(3)}: record 3 .* \(offset {offset_of(8)}\)"):
        open_journal()


@pytest.mark.parametrize("number", [1, 2, IN_A_SEGMENT])
def test_a_damaged_earlier_segment_is_an_error_after_the_records_before_it(
    written: Written, open_journal: Open, number: int
) -> None:
    first, _ = written(IN_A_SEGMENT + 3)
    flip(first, offset_of(number) * 8 + 100)
    journal = open_journal()
    read: list[bytes] = []
    with pytest.raises(JournalDamaged, match=rf"{first} offset {offset_of(number)}: record {number} is damaged"):
        read.extend(payload.rstrip() for _, _, payload in journal.records())
    assert read == expected(number - 1)


# -- headers and files -----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bit=st.integers(0, HEADER_BYTES * 8 - 1))
def test_a_flipped_bit_in_a_segment_header_is_an_error_that_names_the_file(
    written: Written, open_journal: Open, directory: Path, bit: int
) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    (path,) = written(1)
    flip(path, bit)
    with pytest.raises(JournalDamaged, match=str(path)):
        open_journal()


@pytest.mark.parametrize("size", [0, HEADER_BYTES - 1])
def test_a_segment_without_a_whole_header_is_an_error(written: Written, open_journal: Open, size: int) -> None:
    (path,) = written(1)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(JournalDamaged, match="not a journal segment"):
        open_journal()


def test_a_missing_segment_between_others_is_an_error(written: Written, open_journal: Open) -> None:
    _, second, third = written(2 * IN_A_SEGMENT + 1)
    second.unlink()
    with pytest.raises(JournalDamaged, match=rf"a segment before {third.name} is missing"):
        open_journal()


def test_earlier_segments_that_were_archived_are_not_missed(written: Written, open_journal: Open) -> None:
    first, *_ = written(2 * IN_A_SEGMENT + 1)
    first.unlink()
    journal = open_journal()
    assert payloads(journal) == expected(2 * IN_A_SEGMENT + 1)[IN_A_SEGMENT:]
    assert journal.sequence == 2 * IN_A_SEGMENT + 1


def test_a_renamed_segment_is_an_error(written: Written, open_journal: Open) -> None:
    (path,) = written(1)
    path.rename(path.with_name(f"{7:020d}.journal"))
    with pytest.raises(JournalDamaged, match="named for another record than its first, 1"):
        open_journal()


def test_a_format_of_a_newer_engine_is_refused_not_called_damaged(written: Written, open_journal: Open) -> None:
    (path,) = written(1)
    data = bytearray(path.read_bytes())
    data[8] = 2
    data[124:128] = crc32(data[:124]).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UsageError, match="format 2 is newer") as error:
        open_journal()
    assert not isinstance(error.value, JournalDamaged)
