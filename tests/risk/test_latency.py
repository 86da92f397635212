"""risk/latency.py: exact enough, bounded, readable from another process while it is written, and never fooled."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from risk.latency import (
    LATENCY_NS_MAX,
    NOT_TAKEN,
    STAGES_MAX,
    LatencyPage,
    LatencySummary,
    bucket_of,
    bucket_upper_ns,
    record_latency,
)

SECOND = 1_000_000_000
in_range = st.integers(1, 2_000) | st.integers(1, LATENCY_NS_MAX) | st.integers(0, 36).map(lambda power: 2**power)


def page_of(latencies_ns, stage="sent"):
    page = LatencyPage.memory([stage])
    page.record_many(stage, np.array(latencies_ns, dtype=np.int64))
    return page


# -- buckets ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(in_range)
def test_a_bucket_holds_its_value_and_is_less_than_one_percent_wide(latency_ns):
    bucket = bucket_of(latency_ns)
    assert bucket == bucket_of.py_func(latency_ns)
    upper_ns = bucket_upper_ns(bucket)
    assert bucket_upper_ns(bucket - 1) < latency_ns <= upper_ns
    assert upper_ns - latency_ns <= latency_ns // 128


def test_buckets_follow_each_other_without_gap():
    last = bucket_of(LATENCY_NS_MAX)
    bounds = [bucket_upper_ns(bucket) for bucket in range(last + 1)]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == LATENCY_NS_MAX
    assert [bucket_of(upper + 1) for upper in bounds[:-1]] == list(range(1, last + 1))


# -- percentiles --------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(in_range, min_size=1, max_size=200))
def test_percentiles_are_numpys_within_one_percent_and_max_is_exact(latencies_ns):
    summary = page_of(latencies_ns).summary("sent")
    assert (summary.max, summary.count) == (max(latencies_ns), len(latencies_ns))
    for told, per_mille in ((summary.p50, 500), (summary.p90, 900), (summary.p99, 990), (summary.p99_9, 999)):
        # numpy's rank is computed in floating point and may be one off where count * q is whole: that sample is
        # taken from the sorted list instead, by exact arithmetic
        exact = sorted(latencies_ns)[-(-len(latencies_ns) * per_mille // 1000) - 1]
        assert exact <= told <= exact * 1.01
        assert told <= summary.max


def test_percentiles_of_a_hundred_thousand_samples_are_numpys_within_one_percent():
    latencies_ns = np.random.default_rng(3).lognormal(10, 2, 100_001).astype(np.int64) + 1
    summary = page_of(latencies_ns).summary("sent")
    for told, percent in ((summary.p50, 50), (summary.p90, 90), (summary.p99, 99), (summary.p99_9, 99.9)):
        exact = int(np.percentile(latencies_ns, percent, method="inverted_cdf"))
        assert exact <= told <= exact * 1.01


@pytest.mark.parametrize("latency_ns", [2**63, -(2**63) - 1, 2**64 - 1, -(2**70)])
def test_a_difference_of_clocks_beyond_64_bits_is_counted_like_any_other(latency_ns):
    page = LatencyPage.memory(["latched"])
    page.record("latched", latency_ns)
    summary = page.summary("latched")
    assert summary.count == 1
    assert summary.max == (2**63 - 1 if latency_ns > 0 else 1)


def test_nothing_recorded_is_all_zero():
    assert LatencyPage.memory(["sent"]).summary("sent") == LatencySummary(0, 0, 0, 0, 0, 0)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_one_by_one_many_at_once_and_plain_python_write_the_same_page(latencies_ns):
    single, plain = LatencyPage.memory(["sent"]), LatencyPage.memory(["sent"])
    for latency_ns in latencies_ns:
        single.record("sent", latency_ns)
        record_latency.py_func(plain._words, 0, latency_ns)
    assert np.array_equal(single._words, page_of(latencies_ns)._words)
    assert np.array_equal(single._words, plain._words)


# -- bounds -------------------------------------------------------------------------------------------------------


def test_zero_and_negative_count_as_one_nanosecond_and_as_clamped():
    page = page_of([0, -5, 1, 7])
    assert page.clamped("sent") == 2
    assert page.sum_ns("sent") == 10
    assert page.summary("sent") == LatencySummary(1, 7, 7, 7, 7, 4)
    assert page_of([-5]).summary("sent") == LatencySummary(1, 1, 1, 1, 1, 1)


def test_beyond_a_hundred_seconds_is_the_last_bucket_and_max_stays_exact():
    page = page_of([5, 150 * SECOND, 2**62])
    buckets = page.buckets("sent")
    assert (buckets[5], buckets[-1], buckets.sum()) == (1, 2, 3)
    assert page.summary("sent").max == 2**62
    assert page.sum_ns("sent") == 5 + 2 * LATENCY_NS_MAX


@settings(deadline=None)
@given(st.lists(in_range, max_size=40), st.lists(in_range, max_size=40))
def test_merging_two_pages_is_recording_everything_in_one(some_ns, others_ns):
    merged = page_of(some_ns)
    merged.merge(page_of(others_ns))
    assert np.array_equal(merged._words, page_of(some_ns + others_ns)._words)


def test_pages_of_different_stages_are_not_merged():
    with pytest.raises(UsageError, match="cannot be merged"):
        page_of([1]).merge(page_of([1], stage="filled"))


def test_an_unknown_stage_is_refused_with_the_known_ones():
    page = LatencyPage.memory(["sent", "filled"])
    for attempt in (
        lambda: page.record("snet", 1),
        lambda: page.record_many("snet", np.ones(1, dtype=np.int64)),
        lambda: page.summary("snet"),
    ):
        with pytest.raises(UsageError, match="'snet' is unknown; this page has sent, filled"):
            attempt()


@pytest.mark.parametrize(
    "stages",
    [[], ["a", "a"], [""], ["x" * 64], ["a\0"], [f"s{n}" for n in range(STAGES_MAX + 1)]],
    ids=["none", "doubled", "empty", "long", "nul", "many"],
)
def test_bad_stage_names_are_refused(tmp_path, stages):
    with pytest.raises(UsageError, match="stage"):
        LatencyPage.memory(stages)
    with pytest.raises(UsageError, match="stage"):
        LatencyPage.create(tmp_path / "page", stages)
    assert list(tmp_path.iterdir()) == []


# -- the file -----------------------------------------------------------------------------------------------------


def test_a_reader_sees_what_the_writer_records_as_it_does(tmp_path):
    stages = ["sent", "größte_stufe", *(f"s{n}" for n in range(STAGES_MAX - 2))]
    writer = LatencyPage.create(tmp_path / "page", stages)
    reader = LatencyPage.open(tmp_path / "page")
    assert reader.stages == tuple(stages)
    assert reader.summary("sent").count == 0
    writer.record("sent", 1_000)
    writer.record(stages[-1], 77)
    assert reader.summary("sent").max == 1_000
    assert reader.summary(stages[-1]) == LatencySummary(77, 77, 77, 77, 77, 1)
    assert reader.summary("größte_stufe").count == 0


def test_a_reader_may_not_write(tmp_path):
    LatencyPage.create(tmp_path / "page", ["sent"])
    reader = LatencyPage.open(tmp_path / "page")
    for attempt in (
        lambda: reader.record("sent", 1),
        lambda: reader.record_many("sent", np.ones(1, dtype=np.int64)),
        lambda: reader.merge(page_of([1])),
    ):
        with pytest.raises(UsageError, match="opened to be read"):
            attempt()
    assert reader.summary("sent").count == 0


def test_making_a_page_anew_starts_from_zero_and_leaves_older_readers_their_own(tmp_path):
    LatencyPage.create(tmp_path / "page", ["sent"]).record("sent", 5)
    older = LatencyPage.open(tmp_path / "page")
    LatencyPage.create(tmp_path / "page", ["sent", "filled"])
    assert older.summary("sent").count == 1
    newer = LatencyPage.open(tmp_path / "page")
    assert (newer.stages, newer.summary("sent").count) == (("sent", "filled"), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


WRITER = """
import sys
import numpy as np
from risk.latency import LatencyPage
page = LatencyPage.create(sys.argv[1], ["sent"])
latencies_ns = np.random.default_rng(1).integers(100, 50_000, 20_000)
page.warm_up()
print("ready", flush=True)
while sys.stdin.readline():
    page.record_many("sent", latencies_ns)
    print("done", flush=True)
"""


def test_a_reader_in_another_process_never_sees_garbage_while_it_is_written(tmp_path):
    path = tmp_path / "page"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout.readline() == "ready\n"
        reader = LatencyPage.open(path)
        before = 0
        for _ in range(20):
            writer.stdin.write("more\n")
            writer.stdin.flush()
            for _ in range(5):
                summary = reader.summary("sent")
                assert before <= summary.count <= 400_000
                assert summary.p50 <= summary.p90 <= summary.p99 <= summary.p99_9 <= summary.max < 50_000
                before = summary.count
            assert writer.stdout.readline() == "done\n"
        assert reader.summary("sent").count == 400_000
        writer.stdin.close()
        assert writer.wait(30) == 0


def test_a_missing_or_unwritable_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.page cannot be read"):
        LatencyPage.open(tmp_path / "nowhere.page")
    with pytest.raises(UsageError, match=r"no_directory.page cannot be made"):
        LatencyPage.create(tmp_path / "no_directory" / "no_directory.page", ["sent"])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda whole: b"", "is empty"),
        (lambda whole: whole[:100], "is cut short"),
        (lambda whole: b"GIF89a" + whole[6:], "is not a latency page"),
        (lambda whole: whole[:8] + b"\3" + whole[9:], "is of version 3"),
        (lambda whole: whole[:16] + b"\0" + whole[17:], "is damaged"),
        (lambda whole: whole[:64] + b"x" + whole[65:], "is damaged"),
        (lambda whole: whole[:-8], "is damaged"),
        (lambda whole: whole + bytes(8), "is damaged"),
    ],
    ids=["empty", "short", "foreign", "version", "no stages", "name", "cut", "longer"],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage, told):
    path = tmp_path / "some.page"
    LatencyPage.create(path, ["sent"])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError, match=f"some.page {told}"):
        LatencyPage.open(path)


def test_a_group_counts_as_one_after_the_other_would() -> None:
    one, other = LatencyPage.memory(("a", "b", "c")), LatencyPage.memory(("a", "b", "c"))
    record = one.group(("c", "a"))
    for latencies_ns in ((5, 7), (0, NOT_TAKEN), (NOT_TAKEN, 300), (2**70, -(2**70)), (100_000_000_001, 12_345)):
        record(*latencies_ns)
        for stage, latency_ns in zip(("c", "a"), latencies_ns, strict=True):
            if latency_ns != NOT_TAKEN:
                other.record(stage, latency_ns)
    for stage in one.stages:
        assert one.summary(stage) == other.summary(stage)
        assert (one.sum_ns(stage), one.clamped(stage)) == (other.sum_ns(stage), other.clamped(stage))
    with pytest.raises(UsageError, match="unknown"):
        one.group(("a", "d"))
