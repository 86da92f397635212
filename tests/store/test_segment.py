"""The journal on disk: what was appended is what is read, through rolls, reopening, kill -9 and a full disk."""

import errno
import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvariantError, UsageError
from engine.journal import JournalFull, MemoryJournal
from store.segment import SegmentJournal

Open = Callable[..., SegmentJournal]
SEGMENT_BYTES = 4096


def one_line(error: pytest.ExceptionInfo[UsageError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# -- the same as a list ----------------------------------------------------------------------------------------

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.binary(min_size=1, max_size=1500), st.integers(-(2**63), 2**63 - 1)),
        st.just(("sync",)),
        st.just(("reopen",)),
        st.just(("read",)),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(OPERATIONS, st.integers(SEGMENT_BYTES, 3 * SEGMENT_BYTES))
def test_any_history_reads_as_the_journal_in_memory_does(operations: list[tuple], segment_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as parent:
        model = MemoryJournal()
        journal = SegmentJournal(Path(parent, "a"), segment_bytes)
        for name, *arguments in operations:
            if name == "append":
                assert journal.append(*arguments) == model.append(*arguments)
            elif name == "sync":
                assert journal.sync() == model.sequence
            elif name == "reopen":
                journal.close()
                journal = SegmentJournal(Path(parent, "a"), segment_bytes)
                assert journal.torn_bytes == 0
            else:
                assert list(journal.records()) == list(model.records())
        assert journal.sequence == model.sequence
        assert list(journal.records()) == list(model.records())
        journal.close()


def test_records_are_those_before_the_call(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"old", 1)
    replay = journal.records()
    journal.append(b"new", 2)
    assert list(replay) == [(1, 1, b"old")]


def test_another_segment_size_applies_from_the_next_segment_on(open_journal: Open, directory: Path) -> None:
    journal = open_journal(SEGMENT_BYTES)
    journal.append(b"x" * 3000, 1)
    journal.close()
    journal = open_journal(2 * SEGMENT_BYTES)
    journal.append(b"y" * 3000, 2)
    assert [path.stat().st_size for path in sorted(directory.glob("*.journal"))] == [SEGMENT_BYTES, 2 * SEGMENT_BYTES]
    assert [len(payload) for _, _, payload in journal.records()] == [3000, 3000]


def test_files_are_for_their_owner_only_and_named_by_their_first_record(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    for number in range(3):
        journal.append(b"x" * 3000, number)
    assert directory.stat().st_mode & 0o777 == 0o700
    segments = sorted(directory.glob("*.journal"))
    assert [path.name for path in segments] == [f"{n:020d}.journal" for n in (1, 2, 3)]
    assert {path.stat().st_mode & 0o777 for path in segments} == {0o600}


# -- sync ------------------------------------------------------------------------------------------------------


def test_sync_prepares_the_next_segment_which_the_roll_then_takes(open_journal: Open, directory: Path) -> None:
    journal = open_journal()
    spare = directory / "spare.tmp"
    journal.append(b"x" * 500, 1)
    journal.sync()
    assert not spare.exists()
    journal.append(b"x" * 2500, 2)
    journal.sync()
    inode = spare.stat().st_ino
    journal.append(b"x" * 3000, 3)
    assert not spare.exists()
    assert (directory / f"{3:020d}.journal").stat().st_ino == inode
    assert journal.sync() == 3


def test_sync_in_another_thread_beside_appending_loses_nothing(open_journal: Open) -> None:
    journal = open_journal()
    done = threading.Event()
    synced: list[int] = []

    def keep_syncing() -> None:
        while not done.is_set():
            synced.append(journal.sync())

    thread = threading.Thread(target=keep_syncing)
    thread.start()
    for number in range(1, 3001):
        journal.append(b"%d" % number, number)
    done.set()
    thread.join()
    assert synced == sorted(synced)
    assert journal.sync() == 3000
    assert [int(payload) for _, _, payload in journal.records()] == list(range(1, 3001))


def test_a_disk_that_failed_to_sync_once_is_not_believed_again(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    journal = open_journal()
    journal.append(b"one", 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(UsageError, match="Input/output error; replace the disk") as error:
            journal.sync()
        one_line(error)
    with pytest.raises(UsageError, match="replace the disk"):
        journal.sync()
    assert journal.append(b"two", 2) == 2
    with pytest.raises(UsageError, match="replace the disk"):
        journal.close()
    assert open_journal().sequence == 2


def test_leftovers_of_a_writer_that_died_while_making_a_segment_are_removed(
    written: Callable[[int], list[Path]], open_journal: Open, directory: Path
) -> None:
    written(1)
    for name in ("spare.tmp", "fresh.tmp"):
        (directory / name).write_bytes(b"half made")
    journal = open_journal()
    assert sorted(path.name for path in directory.iterdir()) == [f"{1:020d}.journal", "lock"]
    assert journal.sequence == 1


# -- kill -9 ---------------------------------------------------------------------------------------------------

CHILD = """
import sys
from store.segment import SegmentJournal
journal = SegmentJournal(sys.argv[1], 65536)
out = sys.stdout
while True:
    sequence = journal.append(b"payload of %d" % (journal.sequence + 1), journal.sequence)
    out.write(f"{sequence}\\n")
    if sequence % 7 == 0:
        out.flush()
"""


def test_every_record_that_a_killed_process_reported_is_there(directory: Path) -> None:
    reported = 0
    root = Path(__file__).resolve().parents[2]
    for lines_before_kill in (1, 3, 50, 400, 700, 5000):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(directory)], stdout=subprocess.PIPE, text=True, cwd=root
        )
        assert child.stdout is not None
        with child, child.stdout:
            lines = list(itertools.islice(child.stdout, lines_before_kill))
            child.send_signal(signal.SIGKILL)
            # The last line may be cut; the one before it is whole.
            lines += child.stdout.read().splitlines(keepends=True)
        assert child.returncode == -signal.SIGKILL
        reported = max(int(line) for line in lines if line.endswith("\n"))
        with closing(SegmentJournal(directory, 65536)) as journal:
            records = list(journal.records())
            assert journal.sequence >= reported
            assert [sequence for sequence, _, _ in records] == list(range(1, journal.sequence + 1))
            assert all(payload == b"payload of %d" % sequence for sequence, _, payload in records)
    assert reported > 5000


# -- refusals --------------------------------------------------------------------------------------------------


def test_a_second_opener_is_refused_until_the_first_closes(open_journal: Open, directory: Path) -> None:
    first = open_journal()
    first.append(b"mine", 1)
    with pytest.raises(UsageError, match=f"in use by process {os.getpid()}") as error:
        open_journal()
    assert str(directory) in one_line(error)
    first.append(b"still mine", 2)
    first.close()
    assert open_journal().sequence == 2


def test_another_actors_journal_is_refused(written: Callable[[int], list[Path]], directory: Path) -> None:
    written(1)
    with pytest.raises(UsageError, match=r"journal of 'venue.sim', not of 'venue.other'") as error:
        SegmentJournal(directory, SEGMENT_BYTES, actor="venue.other")
    one_line(error)


@pytest.mark.parametrize("actor", ["", "x" * 93])
def test_an_actor_name_that_does_not_fit_is_refused(directory: Path, actor: str) -> None:
    with pytest.raises(UsageError, match="1 to 92 bytes"):
        SegmentJournal(directory, SEGMENT_BYTES, actor=actor)


def test_a_missing_parent_directory_is_one_line_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file or directory; create its parent directory") as error:
        SegmentJournal(tmp_path / "missing" / "a", SEGMENT_BYTES)
    assert str(tmp_path / "missing" / "a") in one_line(error)


def test_a_file_in_the_place_of_the_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("not a directory")
    with pytest.raises(UsageError, match=str(tmp_path / "a")) as error:
        SegmentJournal(tmp_path / "a", SEGMENT_BYTES)
    one_line(error)


@contextmanager
def read_only_directory() -> Iterator[Path]:
    """A directory that this process may not write, also when the tests run as root."""
    with tempfile.TemporaryDirectory() as path:
        euid = os.geteuid()
        Path(path).chmod(0o555)
        if euid == 0:
            os.seteuid(65534)
        try:
            yield Path(path)
        finally:
            if euid == 0:
                os.seteuid(0)
            Path(path).chmod(0o700)


def test_a_read_only_directory_is_one_line_that_says_so() -> None:
    with read_only_directory() as parent:
        with pytest.raises(UsageError, match="Permission denied; make the directory writable") as error:
            SegmentJournal(parent / "a", SEGMENT_BYTES)
        assert str(parent / "a") in one_line(error)


def test_no_room_for_the_first_segment_is_an_error_up_front_and_leaves_nothing(
    open_journal: Open, directory: Path
) -> None:
    with file_size_limit(SEGMENT_BYTES - 1), pytest.raises(JournalFull, match="no room") as error:
        open_journal()
    assert "segment_mib" in one_line(error)
    assert [path.name for path in directory.iterdir()] == ["lock"]
    assert open_journal().append(b"now there is", 1) == 1


def test_a_full_disk_refuses_the_append_that_needs_a_segment_and_only_that(open_journal: Open) -> None:
    journal = open_journal()
    with file_size_limit(SEGMENT_BYTES - 1):
        assert journal.append(b"x" * 3000, 1) == 1
        for _ in range(2):
            with pytest.raises(JournalFull) as error:
                journal.append(b"y" * 3000, 2)
            one_line(error)
        assert journal.append(b"z" * 500, 3) == 2
        assert journal.sync() == 2
    assert journal.append(b"y" * 3000, 4) == 3
    journal.close()
    assert [(s, t, p[:1]) for s, t, p in open_journal().records()] == [(1, 1, b"x"), (2, 3, b"z"), (3, 4, b"y")]


def test_a_record_larger_than_a_segment_is_refused_and_the_journal_goes_on(open_journal: Open) -> None:
    journal = open_journal()
    with pytest.raises(UsageError, match="does not fit") as error:
        journal.append(b"x" * SEGMENT_BYTES, 1)
    one_line(error)
    assert journal.append(b"x" * (SEGMENT_BYTES - 128 - 24), 2) == 1


def test_an_empty_record_and_a_closed_journal_are_bugs(open_journal: Open) -> None:
    journal = open_journal()
    with pytest.raises(InvariantError):
        journal.append(b"", 1)
    journal.close()
    journal.close()
    with pytest.raises(InvariantError):
        journal.append(b"late", 1)
    with pytest.raises(InvariantError):
        journal.sync()


def test_a_segment_too_small_to_be_meant_is_refused(directory: Path) -> None:
    with pytest.raises(UsageError, match="4095"):
        SegmentJournal(directory, 4095)
