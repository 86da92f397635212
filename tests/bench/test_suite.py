"""bench/suite.py: what there is, and on which cores it runs."""

import os

import pytest

from bench.suite import BENCHES, BY_NAME, Wishes, question, run_bench
from engine.errors import UsageError


@pytest.mark.parametrize("name", [*BENCHES, *BY_NAME])
def test_every_bench_asks_a_question_and_draws_its_topology(name):
    assert question(name).endswith("?")


def test_an_unknown_bench_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="'haste' is unknown; there are histogram, gate"):
        run_bench("haste", tiny=True)


def test_a_pinned_bench_runs_on_the_cores_it_was_given_and_gives_them_back(monkeypatch):
    before = os.sched_getaffinity(0)
    core = max(before)
    seen = []
    monkeypatch.setattr("bench.histogram.run", lambda size: seen.append(os.sched_getaffinity(0)) or [])
    assert run_bench("histogram", tiny=True, wishes=Wishes(pin=(core,))) == []
    assert seen == [{core}]
    assert os.sched_getaffinity(0) == before
