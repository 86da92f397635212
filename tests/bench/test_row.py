"""bench/row.py: percentiles, ratios and targets."""

import msgspec
import numpy as np
import pytest

from bench.row import Sample, Target, make_rows, row_document
from engine.errors import InvariantError


def test_percentiles_are_nearest_rank_in_the_unit_asked_for():
    (row,) = make_rows("some", "us", [Sample("case", np.arange(1, 1_001) * 1_000)])
    assert (row.p50, row.p90, row.p99, row.p99_9, row.max, row.count) == (500, 900, 990, 999, 1_000, 1_000)
    assert (row.bench, row.case, row.unit) == ("some", "case", "us")
    assert (row.baseline, row.ratio_p50, row.ratio_p99, row.target, row.met) == ("", None, None, "", None)


def test_a_ratio_is_the_case_over_its_baseline():
    ours, base = make_rows("some", "ns", [Sample("ours", np.array([1, 3]), "base"), Sample("base", np.array([4, 4]))])
    assert (ours.baseline, ours.ratio_p50, ours.ratio_p99) == ("base", 0.25, 0.75)
    assert (base.baseline, base.ratio_p50) == ("", None)


@pytest.mark.parametrize(
    ("targets", "text", "met"),
    [
        ((Target("p50", 10),), "p50 ≤ 10", True),
        ((Target("p50", 9.5),), "p50 ≤ 9.5", False),
        ((Target("ratio_p50", 0.1), Target("ratio_p99", 0.1)), "ratio_p50 ≤ 0.1, ratio_p99 ≤ 0.1", True),
        ((Target("ratio_p50", 0.1), Target("ratio_p99", 0.05)), "ratio_p50 ≤ 0.1, ratio_p99 ≤ 0.05", False),
    ],
)
def test_a_target_is_met_when_every_part_is(targets, text, met):
    samples = [Sample("ours", np.array([10]), "base", targets), Sample("base", np.array([100]))]
    row = make_rows("some", "ns", samples)[0]
    assert (row.target, row.met) == (text, met)


def test_a_target_on_a_baseline_that_was_not_measured_is_neither_met_nor_missed():
    (row,) = make_rows("some", "ns", [Sample("ours", np.array([1]), "absent", (Target("ratio_p50", 1),))])
    assert (row.baseline, row.ratio_p50, row.met) == ("", None, None)


def test_measuring_nothing_is_an_error():
    with pytest.raises(InvariantError, match="bench some: case ours measured nothing"):
        make_rows("some", "ns", [Sample("ours", np.array([]))])


def test_json_has_the_agreed_keys_and_no_others():
    (row,) = make_rows("some", "ns", [Sample("ours", np.array([1]))])
    assert list(row_document(row)) == [
        *("bench", "case", "unit", "p50", "p90", "p99", "p99_9", "max", "count"),
        *("baseline", "ratio_p50", "ratio_p99", "target", "met"),
    ]


def test_the_spread_is_of_the_medians_of_five_parts():
    steady, drifting, few = make_rows(
        "some",
        "ns",
        [
            Sample("steady", np.tile([9, 10, 11], 50)),
            Sample("drifting", np.repeat([10, 11, 12, 13, 14], 20)),
            Sample("few", np.array([1, 2, 3])),
        ],
    )
    assert (steady.spread, drifting.spread, few.spread) == (0, round(4 / 12, 4), None)


def test_the_distance_is_that_of_the_target_that_is_furthest_off():
    targets = (Target("p50", 20), Target("ratio_p50", 0.05))
    samples = [Sample("ours", np.array([10]), "base", targets), Sample("base", np.array([100]))]
    ours, base = make_rows("some", "ns", samples)
    assert (ours.met, ours.distance, base.distance) == (False, 2.0, None)


def test_what_cannot_be_measured_says_why_and_has_no_numbers():
    ours, theirs = make_rows(
        "some", "ns", [Sample("ours", np.array([1]), "theirs"), Sample("theirs", np.array([]), remark="it cannot")]
    )
    assert (theirs.count, row_document(theirs)["count"]) == (0, 0)
    assert msgspec.json.decode(msgspec.json.encode(row_document(theirs)))["p50"] is None
    assert (ours.ratio_p50, ours.met) == (None, None)
