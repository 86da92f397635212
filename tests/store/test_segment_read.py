"""Reading, checking and counting a journal without its lock, also while its owner writes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.journal import JournalDamaged
from store.segment import SegmentJournal
from store.segment_file import HEADER_BYTES
from store.segment_read import JournalStat, read_records, stat, verify

Written = Callable[[int], list[Path]]
Open = Callable[..., SegmentJournal]
SPAN = 64
IN_A_SEGMENT = (4096 - HEADER_BYTES) // SPAN


def test_read_records_beside_a_writer_gives_what_is_whole_so_far(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    assert list(read_records(directory)) == []
    journal.append(b"first", 1)
    journal.append(b"x" * 3930, 2)
    journal.append(b"third", 3)
    assert [(s, t, len(p)) for s, t, p in read_records(str(directory))] == [(1, 1, 5), (2, 2, 3930), (3, 3, 5)]


def test_verify_of_a_sound_journal_counts_each_segment(written: Written, directory: Path) -> None:
    paths = written(IN_A_SEGMENT + 2)
    first, second = verify(directory)
    assert (first.path, first.first_sequence, first.last_sequence) == (str(paths[0]), 1, IN_A_SEGMENT)
    assert (second.path, second.first_sequence, second.last_sequence) == (
        str(paths[1]),
        IN_A_SEGMENT + 1,
        IN_A_SEGMENT + 2,
    )
    assert (second.used_bytes, second.allocated_bytes) == (HEADER_BYTES + 2 * SPAN, 4096)
    assert {check.damage for check in (first, second)} == {""}
    assert {check.torn_bytes for check in (first, second)} == {0}


def test_verify_goes_on_behind_damage_and_changes_nothing(written: Written, directory: Path) -> None:
    paths = written(2 * IN_A_SEGMENT + 2)
    before = []
    for path, number in zip(paths, (2, IN_A_SEGMENT, 1), strict=True):
        data = bytearray(path.read_bytes())
        data[HEADER_BYTES + (number - 1) * SPAN + 30] ^= 1
        path.write_bytes(data)
        before.append(data)
    first, second, third = verify(directory)
    assert f"offset {HEADER_BYTES + SPAN}: record 2 is damaged" in first.damage
    assert f"record {2 * IN_A_SEGMENT} is damaged" in second.damage
    assert f"record {2 * IN_A_SEGMENT + 1} is damaged, whole records follow" in third.damage
    assert [path.read_bytes() for path in paths] == before


def test_verify_calls_a_torn_tail_torn_and_not_damaged(written: Written, directory: Path) -> None:
    (path,) = written(3)
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 2 * SPAN] ^= 1
    path.write_bytes(data)
    (check,) = verify(directory)
    assert (check.last_sequence, check.torn_bytes, check.damage) == (2, 24 + 37, "")


def test_stat_counts_without_the_lock(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    assert stat(directory) == JournalStat("venue.sim", 1, 0, 1, 0, HEADER_BYTES, 4096)
    for number in range(3):
        journal.append(b"x" * 3000, number)
    assert stat(directory) == JournalStat("venue.sim", 3, 3, 1, 3, 2 * 4096 + HEADER_BYTES + 3024, 3 * 4096)


@pytest.mark.parametrize("read", [read_records, stat, lambda directory: list(verify(directory))])
def test_no_journal_is_one_line_that_says_so(tmp_path: Path, read: Callable[[Path], object]) -> None:
    for directory, named in ((tmp_path, "holds no journal"), (tmp_path / "missing", "No such file")):
        with pytest.raises(UsageError, match=named) as error:
            read(directory)
        assert str(directory) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_foreign_file_under_a_segments_name_is_named(tmp_path: Path) -> None:
    (tmp_path / f"{1:020d}.journal").write_text("something else")
    with pytest.raises(JournalDamaged, match="not a journal segment"):
        stat(tmp_path)
