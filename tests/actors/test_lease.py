"""The right to send ends by itself: whoever grants it dies, and new orders stop within one lease."""

import pytest
from trading_desk import KILL_SWITCH, RISK, SECOND_NS, VENUE, Desk, MakeDesk, check_all

from engine.codes import Reason

LEASE_S = 1.0


def order_now(desk: Desk) -> str:
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.005)
    report = hand.last(order)
    if report.refusal is not None:
        return report.refusal.reason.name
    hand.cancel(order)
    desk.run_for(0.005)
    return report.exec_type.name


@pytest.mark.parametrize("dead", [RISK, KILL_SWITCH])
def test_a_dead_grantor_ends_new_orders_within_its_lease_and_its_next_life_begins_them_again(
    make_desk: MakeDesk, dead: str
) -> None:
    desk = make_desk()
    assert order_now(desk) == "NEW"
    desk.runtime.crash(dead)
    died_ns, last_sent_ns = desk.now_ns, 0
    while desk.now_ns < died_ns + 3 * SECOND_NS:
        if order_now(desk) == "NEW":
            last_sent_ns = desk.now_ns
        desk.run_for(0.02)
    # The venue actor's lease, and behind it the risk actor's own, which it never outlasts.
    assert last_sent_ns <= died_ns + LEASE_S * SECOND_NS
    assert order_now(desk) in (Reason.LEASE_EXPIRED.name, Reason.NO_LEASE.name)
    desk.runtime.restart(dead)
    desk.run_for(1)
    assert order_now(desk) == "NEW"
    check_all(desk)


@pytest.mark.parametrize("ends", [(VENUE, RISK), (RISK, KILL_SWITCH)])
def test_a_partition_ends_new_orders_within_the_lease(make_desk: MakeDesk, ends: tuple[str, str]) -> None:
    desk = make_desk()
    desk.storm.cut(*ends)
    desk.run_for(LEASE_S + 0.1)
    assert order_now(desk) in (Reason.LEASE_EXPIRED.name, Reason.NO_LEASE.name)
    desk.storm.clear()
    desk.run_for(3)
    assert order_now(desk) == "NEW"


def test_a_risk_actor_that_has_lost_its_journal_grants_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.restart(RISK)
    desk.run_for(1)
    assert desk.counters()["lease_epoch"] == 2
    desk.runtime.crash(RISK)
    del desk._journals[RISK]
    desk.runtime.restart(RISK)
    desk.run_for(3)
    assert order_now(desk) in (Reason.LEASE_EXPIRED.name, Reason.NO_LEASE.name)


def test_a_kill_switch_actor_that_has_lost_its_journal_gives_no_authority(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.restart(KILL_SWITCH)
    desk.run_for(1)
    desk.runtime.crash(KILL_SWITCH)
    del desk._journals[KILL_SWITCH]
    desk.runtime.restart(KILL_SWITCH)
    desk.run_for(3)
    assert order_now(desk) in (Reason.LEASE_EXPIRED.name, Reason.NO_LEASE.name)


def test_a_refused_lease_ends_the_one_that_stands(make_desk: MakeDesk) -> None:
    """Another configuration on the risk actor's side: its word counts at once, not when the lease runs out."""
    desk = make_desk()
    desk.actor(RISK)._leases._config_hash = "another"
    desk.run_for(0.25)
    assert order_now(desk) == Reason.NO_LEASE.name


def test_a_slow_grant_is_worth_less_and_one_slower_than_the_lease_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.storm.extra_ns[RISK, VENUE] = 600_000_000
    desk.run_for(3)
    assert order_now(desk) == "NEW"
    desk.storm.extra_ns[RISK, VENUE] = 1_200_000_000
    desk.run_for(4)
    assert order_now(desk) == Reason.LEASE_EXPIRED.name


def test_a_strategy_is_not_told_to_start_before_there_is_a_lease(make_desk: MakeDesk) -> None:
    desk = make_desk(start=False)
    desk.start()
    desk.runtime.crash(RISK)
    desk.run_for(3)
    hand = desk.strategy("hand")
    assert desk.venue.core.ready
    assert hand.starts == 0
    desk.restart(RISK)
    desk.run_for(2)  # it waits out what an earlier life may have granted
    assert hand.starts == 1
    assert order_now(desk) == "NEW"
