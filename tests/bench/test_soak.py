"""bench/soak.py at its tiny size, and what it looks at: results, never times."""

import os
import time

import msgspec
import numpy as np
import pytest

from bench import soak
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.gauges import QUEUES, Gauges, watching
from bench.rig.orders import Flood
from bench.rig.patience import PatientVenue
from bench.rig.venue_client import Times
from engine.codes import Reason
from engine.errors import InvariantError
from engine.messages import StatusReport


def test_a_soak_trades_at_half_rate_and_looks_at_what_could_grow():
    shares = []
    size = msgspec.structs.replace(soak.TINY, seconds=1.0, intervals=4, warm_up=0.2)
    rows = {row.case: row for row in soak.run(size, shares.append)}
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert rows["p99_9"].count == 3  # one interval is warm-up
    assert rows["latency"].count % 10 == 0
    assert "% of" in rows["latency"].sample.remark
    targets = {case: row.target for case, row in rows.items() if row.target}
    assert targets == {
        "p99_9_last": "ratio_p50 ≤ 1.5",
        "memory_growth": "max ≤ 8",
        "memory_others_growth": "max ≤ 8",
        "files_growth": "max ≤ 0",
        "queues_growth": "max ≤ 10",
    }
    assert rows["orders_kept"].max >= rows["latency"].count
    assert rows["memory"].max > 10
    assert {name.rstrip("|") for name in QUEUES} <= set(rows)


def test_growth_is_the_last_third_against_the_first_whatever_one_reading_says():
    assert soak.growth(np.array([5, 5, 9_000, 7, 7, 7, 9, 9, 1])) == 4
    assert soak.growth(np.array([3])) == 0


def test_gauges_see_a_file_that_is_opened_and_memory_that_is_taken(engine_config):
    gauges = Gauges(engine_config, "one", os.getpid(), ())
    begin_ns = time.monotonic_ns()
    with open(os.devnull) as opened, watching(gauges, 60.0):
        while not gauges.at_ns:
            assert time.monotonic_ns() < begin_ns + 10 * 10**9
        opened.close()
        kept = np.ones(40_000_000, dtype=np.uint8)
    at_ns, held = gauges.since(begin_ns)
    assert len(at_ns) == 2 == kept[:2].sum()
    assert held["files"].tolist()[0] == held["files"].tolist()[1] + 1
    assert np.diff(held["memory"])[0] > 30_000_000
    assert gauges.since(int(at_ns[1]))[1]["memory"].tolist() == held["memory"].tolist()[1:]


class StallingVenue:
    """The first blocks miss an order each."""

    def __init__(self, stalls):
        self.stalls, self.probes = stalls, []

    def run(self, plan, *, may_miss):
        arrived = np.arange(1, plan.ticks * plan.orders + 1).reshape(plan.ticks, plan.orders)
        if self.stalls:
            self.stalls -= 1
            arrived[0, 0] = 0
        return Times(np.arange(plan.ticks), np.arange(plan.ticks), arrived)

    def wait_for_contestant(self, symbol):
        self.probes.append(symbol)


def refusing(monkeypatch, counts):
    """The venue actor has refused so many for its lease, each time that it is asked."""
    left = iter(counts)

    def ask(config, actor):
        return StatusReport(actor, "venue", 0, 0, "ready", {}, {}, {Reason.LEASE_EXPIRED: next(left)})

    monkeypatch.setattr("bench.rig.patience.ask_actor", ask)


def test_a_block_whose_lease_ran_out_is_run_again_and_it_is_said(monkeypatch):
    refusing(monkeypatch, (4, 5, 8, 9, 9))  # three of the probes' own, which count for nothing
    venue = StallingVenue(2)
    patient = PatientVenue(venue, None, "venue.one")
    assert patient.remark == ""
    assert patient.run(Flood("ONEUSDT", 3, 2, 10), "ONEUSDT").arrived.all()
    assert venue.probes == ["ONEUSDT"] * 2
    assert patient.remark.startswith("2 blocks were run again: the machine stood still for longer than a lease lasts")
    assert patient.orders_besides == 2 * (5 + 1)


def test_an_order_that_no_expired_lease_accounts_for_is_lost(monkeypatch):
    refusing(monkeypatch, (4, 4))
    with pytest.raises(InvariantError, match="1 of 6 orders never came; 0 were refused because a lease had run out"):
        PatientVenue(StallingVenue(1), None, "venue.one").run(Flood("ONEUSDT", 3, 2, 10), "ONEUSDT")


def test_a_machine_that_always_stands_still_is_no_place_to_measure(monkeypatch):
    refusing(monkeypatch, (0, 1, 1, 2, 2, 3, 3, 4, 4))
    with pytest.raises(InvariantError, match=r"4 blocks were run again.*cores for itself"):
        PatientVenue(StallingVenue(9), None, "venue.one").run(Flood("ONEUSDT", 3, 2, 10), "ONEUSDT")


@pytest.fixture
def engine_config(venue, tmp_path_factory):
    """An engine that has been and is no more: its page and its journal are there."""
    config = bench_config((Seat("one", "ONEUSDT"),), venue.ready, tmp_path_factory.mktemp("gauges"), "local")
    with running_engine(config):
        pass
    return config
