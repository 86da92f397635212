"""Journals of few small segments, and ways to harm their files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.segment import SegmentJournal

SEGMENT_BYTES = 4096


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "venue.sim"


@pytest.fixture
def open_journal(directory: Path) -> Iterator[Callable[..., SegmentJournal]]:
    """Opens the journal in ``directory``; whatever a test leaves open is closed."""
    opened: list[SegmentJournal] = []

    def open_it(segment_bytes: int = SEGMENT_BYTES) -> SegmentJournal:
        opened.append(SegmentJournal(directory, segment_bytes))
        return opened[-1]

    yield open_it
    for journal in opened:
        journal.close()


@pytest.fixture
def written(directory: Path, open_journal: Callable[..., SegmentJournal]) -> Callable[[int], list[Path]]:
    """Writes a closed journal of ``count`` records ``b"record N"``, 64 bytes apart; returns its segment files."""

    def write(count: int) -> list[Path]:
        journal = open_journal()
        for number in range(1, count + 1):
            journal.append(b"record %-30d" % number, number * 10)
        journal.close()
        return sorted(directory.glob("*.journal"))

    return write
