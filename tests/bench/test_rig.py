"""bench/rig: a venue that stamps what comes, and says when it is not what was asked for."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from adapters.simulator.synthetic_market import default_instrument
from bench.rig.contest import Turns, floor_process, take_turns
from bench.rig.market import TickMarket
from bench.rig.orders import Flood, Round
from bench.rig.venue_client import Times, venue_process
from engine.errors import InvariantError

#: A contestant that answers every tick, the probes too, with one order more than it was asked for.
TWICE = """
import sys
from bench.rig import floor
take = floor._Floor._on_tick
def twice(self, message):
    take(self, message)
    self._order(floor._decode_tick(message).data.bid)
floor._Floor._on_tick = twice
floor.main(sys.argv[1:])
"""


def test_every_tick_is_answered_after_its_planned_time_and_told_in_its_place(venue):
    with floor_process(venue, "one", "ONEUSDT"):
        venue.wait_for_contestant("ONEUSDT")
        times = venue.run(Round(("ONEUSDT",), 5, 2_000_000, orders=3))
        spread = venue.run(Round(("ONEUSDT",), 5, 1_000_000, 4_000_000))
        swift = venue.run(Round(("ONEUSDT",), 4, 5_000_000, orders=20, swift=True, hold=True))
        flood = venue.run(Flood("ONEUSDT", 12, 5, window=20))
        after = venue.run(Round(("ONEUSDT",), 2, 2_000_000))
    assert times.arrived.shape == (5, 3)
    assert (np.diff(times.planned) == 2_000_000).all()
    assert (times.written >= times.planned).all()
    assert (times.arrived > times.written[:, None]).all()
    assert ((np.diff(spread.planned) >= 1_000_000) & (np.diff(spread.planned) <= 4_000_000)).all()
    assert swift.arrived.shape == (4, 20)
    assert flood.arrived.size == 60
    assert after.arrived.shape == (2, 1)


def test_over_tls_too(venue):
    with floor_process(venue, "one", "TWOUSDT", tls=True):
        venue.wait_for_contestant("TWOUSDT")
        assert venue.run(Round(("TWOUSDT",), 3, 2_000_000)).arrived.shape == (3, 1)


def test_orders_that_never_come_fail_the_round(venue):
    with pytest.raises(InvariantError, match="3 of 3 orders never came"):
        venue.run(Round(("ONEUSDT",), 3, 1_000_000, grace_ns=50_000_000))


def test_one_order_too_many_fails_the_round(venue):
    command = [sys.executable, "-c", TWICE, "ONEUSDT", *[str(venue.ready.port)] * 2, *venue.ready.keys["one"]]
    contestant = subprocess.Popen(command)
    try:
        venue.wait_for_contestant("ONEUSDT")
        with pytest.raises(InvariantError, match="came that nobody asked for"):
            venue.run(Round(("ONEUSDT",), 3, 50_000_000))
    finally:
        contestant.terminate()
        contestant.wait()


def test_a_contestant_that_does_not_start_is_named_by_its_symbol(venue):
    with pytest.raises(InvariantError, match="TWOUSDT: no order has answered"):
        venue.wait_for_contestant("TWOUSDT", timeout_s=0.1)


def test_a_venue_that_has_died_is_told_with_its_exit_code(tmp_path):
    with venue_process(tmp_path, ("one",), ("ONEUSDT",)) as venue:
        os.kill(venue.pid, signal.SIGKILL)
        with pytest.raises(InvariantError, match="exit code -9"):
            venue.run(Round(("ONEUSDT",), 1, 1_000_000))


class ScriptedVenue:
    """Answers every tick of a round 7 us after its planned time, the warm-up later."""

    def __init__(self):
        self.symbols = []

    def run(self, plan, may_miss):
        self.symbols.append(plan.symbols[0])
        planned = np.arange(plan.ticks) * 1_000_000 + len(self.symbols) * 10**9
        late = np.where(np.arange(plan.ticks) < 2, 500_000, 7_000)
        return Times(planned, planned, (planned + late)[:, None])


def test_contestants_take_turns_and_the_warm_up_does_not_count():
    venue = ScriptedVenue()
    turns = take_turns(venue, {"a": "AUSDT", "b": "BUSDT"}, Round((), 5, 1_000_000), rounds=2, warm_up=2)
    assert venue.symbols == ["AUSDT", "BUSDT"] * 2
    sample = turns.sample("b", "a")
    assert sample.values.tolist() == [7_000] * 6
    assert (np.diff(sample.at_ns) > 0).all()
    assert len(sample.at_ns) == 6


def test_every_order_of_a_tick_counts_from_the_tick():
    turns = Turns(["a"])
    turns.add("a", Times(np.array([0, 100]), np.array([0, 100]), np.array([[5, 6], [107, 108]])), 1)
    assert turns.sample("a").values.tolist() == [7, 8]
    assert turns.sample("a").at_ns.tolist() == [100, 100]


def test_each_tick_of_a_market_has_a_bid_of_its_own_and_says_how_many_orders_it_wants():
    market = TickMarket(default_instrument(), lambda order: None)
    bids, messages = zip(*(market.tick(orders) for orders in (1, 10, 2)), strict=True)
    assert np.diff(bids).tolist() == [1, 1]
    assert b'"B":"0.00010"' in messages[1]
    assert market.best()[0] == bids[-1]
    assert market.snapshot(5)[1][0] == (bids[-1], 2)
