"""risk/counters.py: bounded, readable from another process, and never fooled by a file."""

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from risk.counters import NAMES_MAX, CounterPage, CounterReading

NAMES = ["orders", "open_orders", "refusals|HALTED", "größe"]
numbers = st.integers(-(2**70), 2**70)


@settings(deadline=None)
@given(st.lists(st.tuples(st.dictionaries(st.sampled_from([*NAMES, "stranger"]), numbers), st.integers(1, 2**62))))
def test_a_page_holds_what_a_dictionary_would(published):
    page, naive, wall_ns, unnamed = CounterPage.memory(NAMES), dict.fromkeys(NAMES, 0), 0, 0
    for values, at_ns in published:
        page.publish(values, at_ns)
        wall_ns, unnamed = at_ns, int("stranger" in values)
        for name in values.keys() & naive.keys():
            naive[name] = max(-(2**63), min(values[name], 2**63 - 1))
    assert page.read() == CounterReading(naive, wall_ns, unnamed)


def test_a_reader_sees_what_the_owner_publishes_and_may_not_write(tmp_path):
    writer = CounterPage.create(tmp_path / "page", NAMES)
    reader = CounterPage.open(tmp_path / "page")
    assert reader.read() == CounterReading(dict.fromkeys(NAMES, 0), 0, 0)
    writer.publish({"orders": 7, "größe": -3}, 55)
    assert reader.read() == CounterReading({"orders": 7, "open_orders": 0, "refusals|HALTED": 0, "größe": -3}, 55, 0)
    with pytest.raises(UsageError, match="opened to be read"):
        reader.publish({"orders": 8}, 56)


def test_a_kernel_counts_in_a_cell_of_its_own(tmp_path):
    writer = CounterPage.create(tmp_path / "page", NAMES)
    writer.cells[writer.index_of("open_orders")] += 5
    writer.publish({"orders": 1}, 9)
    assert CounterPage.open(tmp_path / "page").read().values["open_orders"] == 5
    with pytest.raises(UsageError, match="'orderz' is unknown; this page has orders"):
        writer.index_of("orderz")


def test_making_a_page_anew_starts_from_zero(tmp_path):
    CounterPage.create(tmp_path / "page", NAMES).publish({"orders": 4}, 1)
    CounterPage.create(tmp_path / "page", ["other"])
    assert CounterPage.open(tmp_path / "page").read() == CounterReading({"other": 0}, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


WRITER = """
import sys
from risk.counters import CounterPage
page = CounterPage.create(sys.argv[1], [f"n{i}" for i in range(300)])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(1, 20_001):
    page.publish(dict.fromkeys(page.names, turn * (1 + 2**40)), turn)
print("done", flush=True)
"""


def test_a_reader_in_another_process_never_sees_half_a_number(tmp_path):
    path = tmp_path / "page"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout.readline() == "ready\n"
        reader = CounterPage.open(path)
        writer.stdin.write("go\n")
        writer.stdin.flush()
        before, last = 0, 20_000 * (1 + 2**40)
        while before < last:
            seen = reader.read()
            # each number is one that was published, and none is older than what was seen before
            assert all(turn % 2**40 == turn >> 40 for turn in seen.values.values())
            assert min(seen.values.values()) >= before
            before = min(seen.values.values())
        assert writer.stdout.readline() == "done\n"
        writer.stdin.close()
        assert writer.wait(30) == 0


@pytest.mark.parametrize(
    "names",
    [[], ["a", "a"], [""], ["x" * 64], ["a\0"], [f"n{n}" for n in range(NAMES_MAX + 1)]],
    ids=["none", "doubled", "empty", "long", "nul", "many"],
)
def test_bad_names_are_refused(tmp_path, names):
    with pytest.raises(UsageError, match="counter"):
        CounterPage.memory(names)
    with pytest.raises(UsageError, match="counter"):
        CounterPage.create(tmp_path / "page", names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda whole: b"", "is empty"),
        (lambda whole: whole[:100], "is cut short"),
        (lambda whole: b"GIF89a" + whole[6:], "is not a counter page"),
        (lambda whole: whole[:8] + b"\2" + whole[9:], "is of version 2"),
        (lambda whole: whole[:16] + b"\0" + whole[17:], "is damaged"),
        (lambda whole: whole[:16] + b"\xff" * 8 + whole[24:], "is damaged"),
        (lambda whole: whole[:64] + b"x" + whole[65:], "is damaged"),
        (lambda whole: whole[:-8], "is damaged"),
        (lambda whole: whole + bytes(8), "is damaged"),
        (lambda whole: renamed(whole, b"open_orders", b"orders"), "is damaged: its names are not unique"),
        (lambda whole: renamed(whole, b"orders", b"\xff\xfe"), "is damaged: a name is no text"),
        (lambda whole: renamed(whole, b"orders", b""), "is damaged: its names are not unique"),
    ],
    ids=[
        "empty",
        "short",
        "foreign",
        "version",
        "none",
        "negative",
        "name",
        "cut",
        "longer",
        "doubled",
        "bytes",
        "blank",
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage, told):
    path = tmp_path / "some.page"
    CounterPage.create(path, ["orders", "open_orders"])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError, match=f"some.page {told}"):
        CounterPage.open(path)


def renamed(whole, name, other):
    """The page with another name and a checksum that is right all the same."""
    text = whole[64:65536].replace(name.ljust(64, b"\0"), other.ljust(64, b"\0"), 1)
    words = np.frombuffer(whole[:64], dtype=np.int64).copy()
    words[4] = zlib.crc32(text)
    return words.tobytes() + text + whole[65536:]


def test_what_is_no_plain_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(UsageError, match="is not a plain file"):
            CounterPage.open(tmp_path / name)
    with pytest.raises(UsageError, match=r"nowhere.page cannot be read"):
        CounterPage.open(tmp_path / "nowhere.page")
