"""bench/histogram.py at its tiny size: results, never times."""

import pytest

from bench.histogram import TINY, run
from engine.errors import InvariantError
from risk.latency import LatencyPage


def test_both_ways_count_every_latency():
    rows = run(TINY)
    assert [row.case for row in rows] == ["numba", "python", "list"]
    assert {row.count for row in rows} == {TINY.batches}
    assert all(0 < row.p50 <= row.p99 <= row.max for row in rows)
    assert rows[0].target == "p50 ≤ 60"


def test_a_page_that_loses_a_latency_fails_the_bench(monkeypatch):
    monkeypatch.setattr(LatencyPage, "record", lambda self, stage, latency_ns: None)
    with pytest.raises(InvariantError, match="bench histogram: python"):
        run(TINY)
