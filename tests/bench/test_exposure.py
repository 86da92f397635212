"""bench/exposure.py at its tiny size: results, never times."""

import pytest

from bench.exposure import TINY, run
from engine.errors import InvariantError
from risk.exposure import ExposureTable


def test_every_case_is_measured_and_the_sums_hold():
    rows = {row.case: row for row in run(TINY)}
    assert list(rows) == ["revalue", "fill", "memcpy"]
    assert {row.count for row in rows.values()} == {TINY.rounds}
    assert rows["revalue"].target == "ratio_p50 ≤ 1.67"


def test_a_table_that_loses_a_fill_fails_the_bench(monkeypatch):
    kept = ExposureTable.of

    def forgetful(self, *holder):
        forgetful.asked += 1
        return kept(self, *holder)._replace(net_nanos=forgetful.asked)

    forgetful.asked = 0
    monkeypatch.setattr(ExposureTable, "of", forgetful)
    with pytest.raises(InvariantError, match="bench exposure"):
        run(TINY)
