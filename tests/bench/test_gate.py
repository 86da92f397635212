"""bench/gate.py at its tiny size: results, never times."""

import msgspec
import pytest

from bench import gate as bench
from bench.gate import TINY, run
from engine.errors import InvariantError


def test_every_case_approves_every_order_and_gives_all_back():
    rows = {row.case: row for row in run(TINY)}
    assert list(rows) == ["numba", "python", "window", "empty_call"]
    assert {row.count for row in rows.values()} == {TINY.batches}
    assert (rows["numba"].target, rows["python"].target) == ("p50 ≤ 50", "p50 ≤ 600")
    assert rows["python"].ratio_p50 is not None


def test_a_gate_that_refuses_fails_the_bench(monkeypatch):
    monkeypatch.setattr(bench, "_LIMITS", msgspec.structs.replace(bench._LIMITS, order_quantity_lots=50))
    with pytest.raises(InvariantError, match="approved 0 of 20"):
        run(TINY)
