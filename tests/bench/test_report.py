"""bench/report.py and bench/plot.py: a page that stands alone and shows what was measured."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from bench.plot import percentile_plot, time_strip
from bench.report import report_page, write_report
from bench.row import Sample, Target, make_rows
from engine.errors import UsageError

TARGETS = (Target("p50", 30), Target("ratio_p50", 0.9))


def some_rows(bench="some", targets=TARGETS):
    latencies_ns = np.random.default_rng(1).lognormal(10, 1, 2_000)
    at_ns = np.arange(2_000) * 1_000_000
    return make_rows(
        bench,
        "us",
        [Sample("ours", latencies_ns, "base", targets, at_ns), Sample("base", latencies_ns * 2 + 1)],
    )


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.counts, self.linked = {}, []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.linked += [value for name, value in attrs if name in ("src", "href")]


def test_a_page_has_a_plot_a_bench_a_strip_a_case_and_needs_nothing_beside_it():
    rows = [*some_rows(), *some_rows("other", ())]
    page = report_page(
        rows, {"gate": "approved <0>"}, {"cpu": "a <fast> one"}, lambda name: f"How fast is {name}?\n\n  a ──▶ b\n"
    )
    tags = Tags()
    tags.feed(page)
    assert tags.counts["section"] == 2
    assert tags.counts["svg"] == 2 + 4
    assert tags.linked == []
    assert "a &lt;fast&gt; one" in page
    assert "How fast is other?" in page
    assert "1 of 1 targets met" in page
    assert "gate failed, and has no numbers: approved &lt;0&gt;" in page


def test_a_missed_target_tells_how_far_off_it_is():
    page = report_page(some_rows(targets=(Target("p50", 0.001),)), {}, {}, lambda name: "Why?\n")
    assert "0 of 1 targets met" in page
    assert re.search(r"missed, [\d.]+ ×", page)


def test_a_stall_stands_out_of_its_stretch_of_the_strip():
    calm, stalled = np.full(500, 10_000.0), np.full(500, 10_000.0)
    stalled[250] = 9_000_000.0
    rows = make_rows("some", "us", [Sample("calm", calm), Sample("stalled", stalled)])
    heights = [
        {round(float(low) - float(high), 0) for low, high in re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", strip)}
        for strip in (time_strip(row, number, rows) for number, row in enumerate(rows))
    ]
    assert len(heights[0]) == 1
    assert len(heights[1]) == 2


def test_one_sample_that_took_no_time_at_all_can_be_drawn():
    rows = make_rows("some", "ns", [Sample("one", np.array([0]))])
    assert percentile_plot(rows).count("<polyline") == 1
    assert "nan" not in percentile_plot(rows) + time_strip(rows[0], 0, rows)


def test_what_could_not_be_measured_stands_last_with_its_remark_and_is_not_drawn():
    rows = make_rows(
        "some", "us", [Sample("absent", np.array([]), remark="cannot <yet>"), Sample("there", np.array([5_000, 6_000]))]
    )
    page = report_page(rows, {}, {}, lambda name: "Why?\n")
    assert page.count("<polyline") == 1
    assert page.index("there") < page.index("absent")
    assert "cannot &lt;yet&gt;" in page
    assert "nan" not in page


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/out/index\.html cannot be written"):
        write_report(tmp_path / "file" / "out", some_rows(), {}, {}, lambda name: "Why?\n")
