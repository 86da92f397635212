"""The record format: whole records read back, anything else does not read at all; the journal in memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvariantError
from engine.journal import MemoryJournal, read_record, record_span, write_record

PAYLOAD = st.binary(min_size=1, max_size=60)
INT64 = st.integers(-(2**63), 2**63 - 1)
SEQUENCE = st.integers(1, 2**63)


@given(PAYLOAD, INT64, SEQUENCE, st.integers(0, 4))
def test_a_record_reads_back_and_the_next_place_is_behind_it(
    payload: bytes, now_ns: int, sequence: int, words: int
) -> None:
    at = words * 8
    view = memoryview(bytearray(at + record_span(len(payload))))
    following = write_record(view, at, sequence, now_ns, payload)
    assert following == at + record_span(len(payload)) == len(view)
    record = read_record(view, at, sequence)
    assert record is not None
    read_ns, end = record
    assert (read_ns, bytes(view[at + 24 : end])) == (now_ns, payload)


@given(PAYLOAD, INT64, SEQUENCE, st.data())
def test_one_flipped_bit_anywhere_in_a_record_makes_it_unreadable(
    payload: bytes, now_ns: int, sequence: int, data: st.DataObject
) -> None:
    buffer = bytearray(record_span(len(payload)))
    write_record(memoryview(buffer), 0, sequence, now_ns, payload)
    bit = data.draw(st.integers(0, (24 + len(payload)) * 8 - 1))
    buffer[bit // 8] ^= 1 << (bit % 8)
    assert read_record(memoryview(buffer), 0, sequence) is None


@given(PAYLOAD, st.data())
def test_a_cut_record_is_unreadable_whatever_stands_behind_the_cut(payload: bytes, data: st.DataObject) -> None:
    buffer = bytearray(record_span(len(payload)))
    write_record(memoryview(buffer), 0, 7, 1, payload)
    cut = data.draw(st.integers(0, 24 + len(payload) - 1))
    assert read_record(memoryview(buffer[:cut]), 0, 7) is None
    zeroed = buffer[:cut] + bytes(len(buffer) - cut)
    assert read_record(memoryview(zeroed), 0, 7) is None or zeroed == buffer


def test_a_record_of_another_sequence_does_not_read() -> None:
    view = memoryview(bytearray(64))
    write_record(view, 0, 7, 1, b"payload")
    assert [read_record(view, 0, sequence) is not None for sequence in (6, 7, 8)] == [False, True, False]


def test_zeros_hold_no_record() -> None:
    assert read_record(memoryview(bytes(64)), 0, 0) is None


@given(st.lists(st.tuples(PAYLOAD, INT64)))
def test_memory_journal_gives_back_what_was_appended(records: list[tuple[bytes, int]]) -> None:
    journal = MemoryJournal()
    sequences = [journal.append(payload, now_ns) for payload, now_ns in records]
    assert sequences == list(range(1, len(records) + 1))
    assert list(journal.records()) == [(i, now_ns, payload) for i, (payload, now_ns) in enumerate(records, 1)]
    assert journal.sequence == len(records)


def test_memory_journal_records_are_those_before_the_call() -> None:
    journal = MemoryJournal()
    journal.append(b"old", 1)
    replay = journal.records()
    journal.append(b"new", 2)
    assert list(replay) == [(1, 1, b"old")]


def test_memory_journal_keeps_its_own_copy_and_refuses_nothing_but_emptiness() -> None:
    journal = MemoryJournal()
    reused = bytearray(b"first")
    journal.append(reused, 1)
    reused[:] = b"other"
    assert [payload for _, _, payload in journal.records()] == [b"first"]
    with pytest.raises(InvariantError):
        journal.append(b"", 2)
