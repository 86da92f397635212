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


# -- net and losses: what one has the other may not have --------------------------------------------------------------


def both(desk: Desk, name: str) -> list[int]:
    """What each venue actor's gate says it uses of a budget."""
    return [getattr(desk.actor(host).gate.usage(), name) for host in (VENUE, FAR)]


def take(desk: Desk, strategy_id: str, lots: int = 10_000) -> str:
    """Buy (negative: sell) at the market, a tenth of a coin: its status, or why it was refused."""
    hand = desk.strategy(strategy_id)
    quote = hand.quote
    if lots > 0:
        order = hand.buy(hand.instrument, lots, quote.ask_ticks + 500)
    else:
        order = hand.sell(hand.instrument, -lots, quote.bid_ticks - 500)
    desk.run_for(0.05)
    report = hand.last(order)
    return report.refusal.reason.name if report.refusal else report.order_status.name


def test_net_of_both_together_stays_within_the_limit_and_a_sale_makes_room(make_desk: MakeDesk) -> None:
    desk = make_desk(*TWO, more_venues=["far"], one_account=True, account_limits={"net_notional_max": "50000"})
    told = []
    for number in range(24):
        told.append(take(desk, "near" if number % 2 else "far"))
        assert sum(both(desk, "net_long_micros")) <= 50_500 * 10**6, "marks move a little after the order"
    assert set(told[-4:]) == {Reason.NET_NOTIONAL.name}
    desk.run_for(2)  # both were short of what the other held
    told += [take(desk, "near") for _ in range(6)]
    price = desk.strategy("near").quote.ask_ticks / 100
    assert told.count("FILLED") == int(50_000 / (price / 10)), told
    assert told[-1] == told[-2] == Reason.NET_NOTIONAL.name
    assert take(desk, "far", -10_000) == "FILLED"
    desk.run_for(0.5)
    assert "FILLED" in (take(desk, "near"), take(desk, "near"))
    assert take(desk, "near") == Reason.NET_NOTIONAL.name


def test_an_asset_nets_over_venues_and_its_limit_holds_for_all_of_them_together(make_desk: MakeDesk) -> None:
    """Lots of 0.1: three may be held over both venues, wherever; what one is short lets the other be longer."""
    limit = '[[accounts.assets]]\nasset = "BTC"\nlong_max = "0.35"\nshort_max = "0.35"\n'
    desk = make_desk(*TWO, more_venues=["far"], one_account=True, assets=limit)
    told = []
    for number in range(16):
        told.append(take(desk, "near" if number % 2 else "far"))
        assert sum(desk.actor(host).gate.usage().assets["BTC"][0] for host in (VENUE, FAR)) <= 350_000_000
        desk.run_for(0.3)
    assert told.count("FILLED") == 3
    assert told[-1] == told[-2] == Reason.ASSET_LONG.name
    assert [take(desk, "far", -10_000) for _ in range(2)] == ["FILLED", "FILLED"]
    desk.run_for(0.5)
    assert [take(desk, "near") for _ in range(4)].count("FILLED") == 2


def lose_until_refused(desk: Desk, strategy_id: str) -> None:
    """Round trips of a whole coin at the market, each of which costs a little, until two in a row may not be."""
    until_ns = desk.now_ns + 60 * 10**9
    told = ["", ""]
    while told[-2:] != [Reason.DAILY_LOSS.name] * 2:
        told.append(take(desk, strategy_id, 100_000))
        take(desk, strategy_id, -100_000)
        assert desk.now_ns < until_ns, told


def test_one_may_lose_nearly_all_of_it_and_then_the_other_may_lose_no_more(make_desk: MakeDesk) -> None:
    desk = make_desk(*TWO, more_venues=["far"], one_account=True, account_limits={"daily_loss_max": "1"})
    limit, one_trip = 10**6, 10**6
    lose_until_refused(desk, "near")
    near, far = both(desk, "daily_loss_micros")
    assert (far, near > limit * 8 // 10) == (0, True), "half of it would have been its part"
    assert near < limit + one_trip
    lose_until_refused(desk, "far")
    assert sum(both(desk, "daily_loss_micros")) < limit + 2 * one_trip
    assert desk.venue.gate.position_lots(0) == 0, "what shrinks a position passed"


def test_each_venue_actors_drawdown_counts_against_the_accounts(make_desk: MakeDesk) -> None:
    desk = make_desk(*TWO, more_venues=["far"], one_account=True, account_limits={"drawdown_max": "0.6"})
    told = [take(desk, name, lots) for _ in range(12) for name in ("near", "far") for lots in (100_000, -100_000)]
    assert Reason.DRAWDOWN.name in told
    assert sum(both(desk, "drawdown_micros")) < 600_000 + 10**6
