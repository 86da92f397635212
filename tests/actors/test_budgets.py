"""Two venue actors of one account share its limits by their leases: together never more, and each what it needs."""

from itertools import pairwise

import pytest
from trading_desk import RISK, VENUE, Desk, MakeDesk, strategy

from actors.places import venue_actor
from engine.codes import Reason

FAR = venue_actor("far")
OPEN_ORDERS = 40
TWO = (strategy("near"), strategy("far", venue="far", account="desk"))


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(*TWO, more_venues=["far"], one_account=True)


def bounds(desk: Desk, budget: str = "open_orders") -> dict[str, int | None]:
    return {holder: desk.actor(RISK).budgets.escrow.bound(holder, budget) for holder in (VENUE, FAR)}


def rest(desk: Desk, strategy_id: str, seconds: float = 0.01) -> str:
    """One more resting order: its status, or why it was refused."""
    hand = desk.strategy(strategy_id)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - len(hand.reports))
    desk.run_for(seconds)
    report = hand.last(order)
    hosts = [host for host in (VENUE, FAR) if desk.runtime.hosts[host].is_up]
    assert sum(desk.actor(host).gate.open_orders for host in hosts) <= OPEN_ORDERS
    return report.refusal.reason.name if report.refusal else report.order_status.name


def rest_until_refused_twice(desk: Desk, strategy_id: str) -> list[str]:
    told = [rest(desk, strategy_id), rest(desk, strategy_id)]
    while told[-2:] != [Reason.OPEN_ORDERS.name] * 2:
        told.append(rest(desk, strategy_id))
    return told


def test_each_begins_with_a_cushion_and_the_rest_is_free(desk: Desk) -> None:
    assert bounds(desk) == {VENUE: OPEN_ORDERS // 3, FAR: OPEN_ORDERS // 3}
    assert desk.actor(RISK).budgets.escrow.free("open_orders") == OPEN_ORDERS - 2 * (OPEN_ORDERS // 3)


def test_whoever_needs_it_gets_the_whole_limit_and_each_order_that_was_short_passes_at_the_next_attempt(
    desk: Desk,
) -> None:
    told = rest_until_refused_twice(desk, "near")
    assert told.count("NEW") == OPEN_ORDERS
    assert bounds(desk) == {VENUE: OPEN_ORDERS, FAR: 0}
    assert all("NEW" in pair for pair in pairwise(told[:-2]))
    assert desk.strategy("far").quote is not None
    assert rest(desk, "far") == Reason.OPEN_ORDERS.name
    assert desk.venue._ctx.latency.summary("budget_round_trip").count >= 1


def test_what_is_cancelled_flows_back_to_the_other(desk: Desk) -> None:
    rest_until_refused_twice(desk, "near")
    near = desk.strategy("near")
    near.cancel_all()
    desk.run_for(1)
    assert desk.venue.gate.open_orders == 0
    assert rest_until_refused_twice(desk, "far").count("NEW") == OPEN_ORDERS


def test_a_venue_actor_that_cannot_be_reached_keeps_what_it_has(desk: Desk) -> None:
    desk.storm.cut(FAR, RISK)
    desk.run_for(2)
    assert rest_until_refused_twice(desk, "near").count("NEW") == OPEN_ORDERS - OPEN_ORDERS // 3
    desk.storm.clear()
    desk.run_for(3)
    assert rest(desk, "near") == Reason.OPEN_ORDERS.name
    assert rest(desk, "near") == "NEW"


def test_a_risk_actor_begins_again_with_what_its_journal_says(desk: Desk) -> None:
    rest_until_refused_twice(desk, "near")
    desk.storm.cut(FAR, RISK)
    desk.restart(RISK)
    desk.run_for(3)
    assert bounds(desk) == {VENUE: OPEN_ORDERS, FAR: 0}
    desk.strategy("near").cancel_all()
    desk.run_for(1)
    assert rest(desk, "near") == "NEW"


def test_a_risk_actor_without_its_journal_grants_nothing_before_everybody_has_told(desk: Desk) -> None:
    for host in (RISK, VENUE, FAR):
        desk.runtime.crash(host)
    del desk._journals[RISK]
    desk.restart(RISK)
    desk.restart(VENUE)
    desk.run_for(3)
    assert desk.actor(RISK).budgets.escrow.silent_holders() == [FAR]
    assert rest(desk, "near") == Reason.NO_LEASE.name
    desk.restart(FAR)
    desk.run_for(3)
    assert desk.actor(RISK).budgets.escrow.silent_holders() == []
    assert rest(desk, "near") == "NEW"


def test_a_new_life_has_no_budget_until_it_has_told_what_the_last_one_left(desk: Desk) -> None:
    rest_until_refused_twice(desk, "near")
    desk.storm.cut(VENUE, RISK)
    desk.restart(VENUE)
    desk.run_for(2)
    assert bounds(desk)[VENUE] == OPEN_ORDERS
    assert rest(desk, "near") == Reason.NO_LEASE.name
    assert rest(desk, "far") == Reason.OPEN_ORDERS.name
