"""A checkpoint saves reading, and never says anything else than the journal does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import InvariantError
from store.checkpoint import Place, read_checkpoint, write_checkpoint
from store.journal_tail import JournalTail
from store.segment import SegmentJournal

OpenJournal = Callable[..., SegmentJournal]
Write = Callable[[int], list[Path]]


def place_of(directory: Path, sequence: int) -> Place:
    tail = JournalTail(directory)
    for _ in tail.read(sequence):
        pass
    tail.close()
    assert tail.place is not None
    assert tail.place.sequence == sequence
    return tail.place


@pytest.mark.parametrize("sequence", [1, 40, 62, 63, 64, 150, 200])
def test_the_records_behind_a_checkpoint_are_those_that_are_not_in_it(
    directory: Path, open_journal: OpenJournal, written: Write, sequence: int
) -> None:
    written(200)
    write_checkpoint(directory, place_of(directory, sequence), b"what they come to")
    journal = open_journal()
    assert journal.checkpoint() == (sequence, b"what they come to")
    assert journal.sequence == 200
    assert list(journal.records(sequence)) == list(journal.records())[sequence:]
    assert journal.append(b"one more", 9) == 201
    assert list(journal.records(sequence))[-1] == (201, 9, b"one more")
    with pytest.raises(InvariantError, match="no checkpoint at record"):
        journal.records(sequence + 1)


def test_without_one_there_is_none(open_journal: OpenJournal, written: Write) -> None:
    written(3)
    assert open_journal().checkpoint() is None


@pytest.mark.parametrize("at", [0, 9, 14, 20, 30, 50, 60, -1])
def test_a_damaged_one_does_not_count(directory: Path, open_journal: OpenJournal, written: Write, at: int) -> None:
    written(70)
    write_checkpoint(directory, place_of(directory, 66), b"payload")
    file = directory / "checkpoint"
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    assert open_journal().checkpoint() is None
    file.write_bytes(data[:20])
    assert read_checkpoint(directory) is None


def test_one_of_records_that_were_lost_does_not_count(
    directory: Path, open_journal: OpenJournal, written: Write
) -> None:
    """A power cut takes the journal's end; another life writes other records under the same numbers."""
    segments = written(100)
    place = place_of(directory, 90)
    write_checkpoint(directory, place, b"payload")
    with open(segments[-1], "r+b") as file:
        file.seek(place.at)
        file.write(bytes(4096 - place.at))
    assert read_checkpoint(directory) is None
    journal = open_journal()
    assert journal.sequence == 89
    while journal.sequence < 95:
        journal.append(b"record of another life, as long.....", 5)
    journal.close()
    assert read_checkpoint(directory) is None


def test_one_whose_segment_is_gone_does_not_count(directory: Path, written: Write) -> None:
    segments = written(200)
    write_checkpoint(directory, place_of(directory, 10), b"payload")
    segments[0].unlink()
    assert read_checkpoint(directory) is None


def test_a_tail_reads_on_while_the_owner_appends(directory: Path, open_journal: OpenJournal) -> None:
    journal, tail = open_journal(), JournalTail(directory)
    told = []
    for number in range(1, 300):
        journal.append(b"record %-30d" % number, number)
        if number % 7 == 0:
            told += list(tail.read(5))
    while more := list(tail.read(50)):
        told += more
    assert told == [(now_ns, payload) for _, now_ns, payload in journal.records()]
    assert tail.sequence == 299
    tail.close()
