"""What does it cost to record one latency?

    numba     one kernel call records 1,000 latencies into a mapped page       ≤ 60 ns each
    python    LatencyPage.record(stage, latency_ns), one at a time
    baseline  list.append(latency_ns): what a script does, to be sorted at its end

A record is far shorter than a reading of the clock. So batches are timed, and a sample is the mean of one batch;
there is no planned send time, as nothing is waited for. Cases take turns batch by batch.
Checked: the page has counted every latency, and its p99 is that of the plain list within 1 %.
"""

import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from bench.pace import quiet_gc
from bench.row import Row, Sample, Target, make_rows
from engine.errors import InvariantError
from risk.latency import LatencyPage

__all__ = ["FULL", "TINY", "Size", "run"]


class Size(msgspec.Struct, frozen=True):
    batches: int
    warm_up_batches: int
    batch: int


FULL = Size(batches=2_000, warm_up_batches=200, batch=1_000)
TINY = Size(batches=5, warm_up_batches=1, batch=50)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when the page did not count right."""
    latencies_ns = np.random.default_rng(1).lognormal(10, 1.5, size.batch).astype(np.int64) + 1
    plain: list[int] = latencies_ns.tolist()
    appended: list[int] = []
    took: dict[str, list[float]] = {"numba": [], "python": [], "list": []}
    with tempfile.TemporaryDirectory() as directory, quiet_gc():
        page = LatencyPage.create(Path(directory) / "page", ["numba", "python"])
        page.warm_up()
        for batch in range(size.warm_up_batches + size.batches):
            appended.clear()
            start = time.perf_counter_ns()
            page.record_many("numba", latencies_ns)
            after_numba = time.perf_counter_ns()
            for latency_ns in plain:
                page.record("python", latency_ns)
            after_python = time.perf_counter_ns()
            for latency_ns in plain:
                appended.append(latency_ns)
            end = time.perf_counter_ns()
            if batch >= size.warm_up_batches:
                took["numba"].append((after_numba - start) / size.batch)
                took["python"].append((after_python - after_numba) / size.batch)
                took["list"].append((end - after_python) / size.batch)
        _check(page, appended, size)
    return make_rows(
        "histogram",
        "ns",
        [
            Sample("numba", np.array(took["numba"]), "list", (Target("p50", 60),)),
            Sample("python", np.array(took["python"]), "list"),
            Sample("list", np.array(took["list"])),
        ],
    )


def _check(page: LatencyPage, appended: list[int], size: Size) -> None:
    count = (size.warm_up_batches + size.batches) * size.batch
    exact = int(np.percentile(appended, 99, method="inverted_cdf"))
    for stage in page.stages:
        summary = page.summary(stage)
        if summary.count != count or not exact <= summary.p99 <= exact * 1.01:
            raise InvariantError(f"bench histogram: {stage} has {summary}, expected {count} with p99 {exact}")
