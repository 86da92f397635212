"""bench/kill.py at its tiny size: results, never times."""

from bench.kill import FULL, TINY, run
from cli.kill_table import kill_figures
from cli.kill_trial import KILL_STAGES, run_kill_trial


def test_every_kill_goes_the_whole_way_and_no_order_leaves_after_it() -> None:
    result = run_kill_trial(TINY.trial)
    figures = kill_figures(result)
    assert figures["failures"] == []
    assert figures["orders_after_acknowledgement"] == 0
    assert figures["orders_after_seal"] == 0
    assert figures["kills_sealed"] == TINY.trial.kills
    assert figures["orders_lost"] == 0
    assert figures["kills"] == TINY.trial.kills
    assert figures["orders_cancelled"] > 0
    assert figures["orders_refused"] > 0
    assert figures["orders_at_venue"] > figures["resting_orders"] >= 2 * (3 + 3)
    for stage in KILL_STAGES:
        assert len(result.stages_ns[stage]) == TINY.trial.kills
    for one, other in (
        ("latched", "sealed"),
        ("sealed", "halted"),
        ("halted", "acknowledged"),
        ("cancel_sent", "cancelled"),
    ):
        assert all(a <= b for a, b in zip(result.stages_ns[one], result.stages_ns[other], strict=True))


def test_a_row_a_stage_and_one_of_what_was_sent() -> None:
    rows = {row.case: row for row in run(TINY)}
    assert list(rows) == [*KILL_STAGES, "one order every"]
    assert {rows[stage].count for stage in KILL_STAGES} == {TINY.trial.kills}
    assert rows["one order every"].p50 > 0
    assert (rows["latched"].target, rows["cancelled"].target) == ("p99 ≤ 20", "")
    assert (FULL.trial.kills, FULL.trial.venue_actors) == (1000, 8)
    assert 0 < FULL.trial.orders_per_second <= 2000
    assert FULL.trial.venue_actors * (FULL.trial.resting + FULL.trial.held) == 1000
