"""Routing whole: a strategy, its router, two venue actors, and a simulated exchange that knows them as two accounts."""

from collections import Counter
from typing import Any

import pytest
from trading_desk import Desk, MakeDesk, check_books, strategy

from actors.places import router_actor, strategy_actor
from actors.router import RouterActor
from engine.codes import ExecType, OrderStatus, TimeInForce
from engine.messages import ExecutionReport

ROUTE = """
[[routes]]
symbol = "BTC"
policy = "{policy}"
failover = {failover}
instruments = ["binance:BTCUSDT", "second:BTCUSDT"]
"""
VENUES = {"binance": "desk", "second": "second"}


def routed(source: str = "Hand", **parameters: Any) -> str:
    return strategy("hand", source, **parameters).replace('"binance:BTCUSDT"', '"route:BTC"')


@pytest.fixture
def make(make_desk: MakeDesk) -> MakeDesk:
    def make(policy: str = "split", failover: bool = True, source: str = "Hand", **parameters: int) -> Desk:
        table = ROUTE.format(policy=policy, failover=str(failover).lower())
        return make_desk(routed(source, **parameters), table, more_venues=["second"], one_account=True)

    return make


def router(desk: Desk) -> RouterActor:
    actor = desk.actor(router_actor("hand"))
    assert isinstance(actor, RouterActor)
    return actor


def check(desk: Desk, *, crashed: bool = False) -> None:
    """Both venues' books are the engine's, parents end once, and come to what the venues have filled together."""
    for venue, account in VENUES.items():
        check_books(desk, venue, account)
    told = desk.told("hand")
    ends = Counter(
        each.client_order_id
        for each in told
        if each.order_status.is_terminal and each.exec_type is not ExecType.CANCEL_REJECTED
    )
    assert not ends or max(ends.values()) == 1
    numbered = [each.report_seq for each in told if each.report_seq]
    assert len(set(numbered)) == len(numbered)
    parents = router(desk).parents
    assert parents.blotter.counters()["critical"] == 0
    open_parents = {name for name, parent in parents.open.items() if not parent.is_adopted}
    assert set(desk.hosted("hand").orders) == open_parents
    if not crashed:
        assert {each.client_order_id for each in told} - set(ends) <= open_parents
    (lot_size,) = {market.units.lot_size for market in router(desk)._markets.of[2]}
    at_venues = sum(
        desk.venue_of(venue).blotter.position_lots("hand", 0 if venue == "binance" else 1) for venue in VENUES
    )
    assert parents.blotter.position_lots("hand", 2) == at_venues * lot_size
    assert desk.hosted("hand").position_lots(2) == at_venues * lot_size


def placed(desk: Desk) -> dict[str, int]:
    """Orders at the exchange by account."""
    return {account: len(desk.orders_at_venue(account)) for account in VENUES.values()}


def last(desk: Desk, name: str) -> ExecutionReport:
    found: ExecutionReport = desk.strategy("hand").last(name)
    return found


def test_a_routed_instrument_looks_like_any_other(make: MakeDesk) -> None:
    desk = make()
    hand = desk.strategy("hand")
    assert hand.starts == 1
    assert hand.instrument.symbol == "BTC"
    assert hand.quote.bid_ticks < hand.quote.ask_ticks
    name = hand.buy(hand.instrument, 2_000, hand.quote.ask_ticks + 100, time_in_force=TimeInForce.IOC)
    desk.run_for(1.0)
    assert last(desk, name).order_status is OrderStatus.FILLED
    assert hand.position_lots(hand.instrument) == 2_000
    assert sum(placed(desk).values()) >= 1
    check(desk)


def test_an_order_rests_at_one_venue_and_is_replaced_and_cancelled_there(make: MakeDesk) -> None:
    desk = make()
    hand = desk.strategy("hand")
    name = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    assert last(desk, name).order_status is OrderStatus.NEW
    new = hand.replace(name, 700, hand.quote.bid_ticks - 4_000)
    desk.run_for(0.5)
    assert (last(desk, name).order_status, last(desk, new).order_status) == (OrderStatus.REPLACED, OrderStatus.NEW)
    (record,) = desk.open_at_venue("desk") + desk.open_at_venue("second")
    assert record.quantity_lots == 700
    hand.cancel(new)
    desk.run_for(0.5)
    assert last(desk, new).order_status is OrderStatus.CANCELLED
    assert not desk.open_at_venue("desk") + desk.open_at_venue("second")
    check(desk)


@pytest.mark.parametrize("failover", [True, False])
def test_the_leaves_of_a_killed_venue_go_to_another_only_if_the_route_says_so(make: MakeDesk, failover: bool) -> None:
    desk = make("fixed", failover)
    hand = desk.strategy("hand")
    name = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    assert placed(desk) == {"desk": 1, "second": 0}
    desk.kill("venue:binance")
    desk.run_for(1.0)
    assert not desk.open_at_venue("desk")
    if failover:
        assert len(desk.open_at_venue("second")) == 1
        assert last(desk, name).order_status is OrderStatus.NEW
    else:
        assert placed(desk) == {"desk": 1, "second": 0}
        assert last(desk, name).order_status is OrderStatus.EXPIRED
    check(desk)


def test_nothing_of_a_killed_strategy_is_left_at_any_venue_nor_placed_anew(make: MakeDesk) -> None:
    desk = make("fixed", True)
    hand = desk.strategy("hand")
    name = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    desk.kill("strategy:hand")
    desk.run_for(1.0)
    assert last(desk, name).order_status is OrderStatus.EXPIRED
    refused = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    assert last(desk, refused).order_status is OrderStatus.REJECTED
    assert placed(desk) == {"desk": 1, "second": 0}
    check(desk)


def test_a_venue_whose_market_cannot_be_heard_gets_no_order(make: MakeDesk) -> None:
    desk = make("fixed", True)
    desk.storm.cut(strategy_actor("hand"), "venue.binance")
    desk.run_for(6.0)
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    assert placed(desk) == {"desk": 0, "second": 1}


def test_a_strategy_that_fails_leaves_nothing_open_at_any_venue(make: MakeDesk) -> None:
    desk = make()
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)

    def fails(quote: object) -> None:
        raise ValueError("as told")

    hand.on_quote = fails
    desk.run_for(2.0)
    assert not desk.open_at_venue("desk") + desk.open_at_venue("second")
    assert not router(desk).parents.open


def test_parents_and_children_survive_the_death_of_the_router(make: MakeDesk) -> None:
    desk = make()
    hand = desk.strategy("hand")
    name = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 3_000)
    desk.run_for(0.5)
    desk.restart(strategy_actor("hand"))
    desk.run_for(2.0)
    hand = desk.strategy("hand")
    assert list(hand.open_orders) == [name]
    assert len(desk.open_at_venue("desk") + desk.open_at_venue("second")) == 1
    hand.cancel(name)
    desk.run_for(1.0)
    assert last(desk, name).order_status is OrderStatus.CANCELLED
    check(desk, crashed=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_trading_through_crashes_lost_links_and_a_kill_comes_to_what_the_venues_say(
    make_desk: MakeDesk, seed: int
) -> None:
    desk = make_desk(
        routed("Churner", seed=seed, interval_ms=40),
        ROUTE.format(policy="split", failover="true"),
        more_venues=["second"],
        one_account=True,
        seed=seed,
    )
    for turn in range(6):
        desk.run_for(1.5)
        what = (turn + seed) % 4
        if what == 0:
            desk.restart(strategy_actor("hand"))
        elif what == 1:
            desk.restart("venue.second")
        elif what == 2:
            desk.storm.cut(strategy_actor("hand"), "venue.second")
            desk.run_for(0.7)
            desk.storm.clear()
        else:
            desk.restart(strategy_actor("hand"))
            desk.restart("venue.binance")
    desk.kill("venue:second")
    desk.run_for(2.0)
    desk.settle(15.0)
    for name in list(desk.strategy("hand").open_orders):
        desk.strategy("hand").cancel(name)
    desk.run_for(5.0)
    told = desk.told("hand")
    assert sum(report.fill is not None for report in told) > 20
    assert not desk.strategy("hand").open_orders
    check(desk, crashed=True)


def test_side_by_side_the_strategy_sees_the_better_of_both_markets(make: MakeDesk) -> None:
    desk = make(levels=3)
    hand = desk.strategy("hand")
    desk.run_for(1.0)
    depth = hand.depths[-1]
    assert len(depth.bids) == len(depth.asks) == 3
    bids, asks = [ticks for ticks, _ in depth.bids], [ticks for ticks, _ in depth.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
