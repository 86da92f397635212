"""The benches that trade against a venue's process, at their tiny sizes: results, never times."""

import msgspec
import pytest

from bench import order_entry, recovery, scale, throughput, tick_to_trade
from bench.rig import strategies
from bench.rig.orders import Round
from engine.errors import InvariantError
from engine.messages import StatusReport


def by_case(rows):
    assert all(0 < row.p50 <= row.p99 <= row.max for row in rows)
    return {row.case: row for row in rows}


def test_tick_to_trade_holds_the_engine_against_the_floor():
    size = tick_to_trade.TINY
    rows = by_case(tick_to_trade.run(size))
    assert list(rows) == [
        *("co_located", "own_process", "floor"),
        *("co_located_sparse", "co_located_warm", "floor_sparse", "floor_spin", "co_located_spin"),
        *("co_located_spin_sparse", "floor_beside_spin", "hop"),
    ]
    assert rows["co_located"].count == rows["floor"].count == size.rounds * (size.ticks - size.warm_up)
    assert rows["co_located"].baseline == rows["own_process"].baseline == "floor"
    assert rows["co_located"].target == "ratio_p50 ≤ 1.3, ratio_p99 ≤ 1.5"
    assert rows["own_process"].sample.targets[0].at_most == round(rows["floor"].p50 + rows["hop"].p50, 1)
    assert rows["co_located_sparse"].baseline == "floor_sparse"


def test_order_entry_differs_by_tls_alone():
    rows = by_case(order_entry.run(order_entry.TINY))
    assert {case: row.baseline for case, row in rows.items()} == {
        **{"plain": "floor_plain", "tls": "plain"},
        **{"floor_plain": "", "floor_tls": "floor_plain"},
    }


def test_scale_gives_each_venue_actor_its_ticks():
    size = scale.TINY
    rows = by_case(scale.run(size))
    assert {case: row.count for case, row in rows.items()} == {
        str(count): count * (size.ticks - size.warm_up) * size.rounds for count in size.actors
    }
    assert (rows["2"].baseline, rows["2"].target) == ("1", "ratio_p50 ≤ 1.1")


def test_orders_that_an_engine_refuses_fail_the_bench_and_it_says_why(monkeypatch):
    answer = strategies.Answer.on_quote

    def dear(self, quote):
        if quote.bid_ticks % 3 == 0:
            quote = msgspec.structs.replace(quote, bid_ticks=2 * quote.bid_ticks)
        self._answered_ticks = 0
        answer(self, quote)

    monkeypatch.setattr(strategies.Answer, "on_quote", dear)
    monkeypatch.setattr(scale, "Round", lambda *plan: Round(*plan, grace_ns=200_000_000))
    with pytest.raises(InvariantError, match=r"orders never came; .*venue\.v1 refused [1-9] orders: price_collar"):
        scale.run(scale.TINY)


def test_throughput_has_bursts_a_sustained_rate_and_a_curve():
    size = throughput.TINY
    rows = {row.case: row for row in throughput.run(size)}
    assert list(rows) == ["burst", "sustained", "floor_burst", "floor_sustained", "load_10", "load_50"]
    assert rows["burst"].count == rows["floor_burst"].count == size.bursts * size.rounds
    assert rows["sustained"].target == rows["burst"].target == "p50 ≤ 25"


def test_recovery_reads_its_journal_again():
    rows = by_case(recovery.run(recovery.TINY))
    assert list(rows) == ["reconciled", "order"]
    assert rows["reconciled"].p50 < rows["order"].p50
    assert rows["reconciled"].target == "max ≤ 2000"


def test_a_life_that_does_not_know_its_orders_or_is_in_doubt_fails_the_recovery():
    counters = {"violations": 0, "illegal": 0, "critical": 0, "unknown_orders": 0, "orders_admitted": 101}
    report = StatusReport("venue.full", "venue", 1, 1, "ready", counters, {}, {})
    recovery._check(recovery._FULL, report, 100)
    for name, value in (("orders_admitted", 100), ("unknown_orders", 1), ("violations", 1)):
        wrong = msgspec.structs.replace(report, counters=counters | {name: value})
        with pytest.raises(InvariantError, match="its journal has 100 orders"):
            recovery._check(recovery._FULL, wrong, 100)
    with pytest.raises(InvariantError, match="came back as None"):
        recovery._check(recovery._FULL, None, 100)
