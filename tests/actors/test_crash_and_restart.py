"""Processes that die in the middle of trading: nothing is lost, nothing is doubled, nothing is guessed."""

from random import Random

import pytest
from trading_desk import (
    MS,
    RISK,
    SIMULATOR,
    VENUE,
    Desk,
    MakeDesk,
    check_all,
    check_books,
    check_reports,
    strategy,
)

from actors.venue_records import encode_record
from adapters.binance import queries
from adapters.simulator.binance.settings import VenueLimits, VenueOptions
from engine.codes import ExecType, OrderStatus, OrderType, Side, TimeInForce
from engine.messages import NewOrder

QUICK = VenueLimits(orders_per_10_seconds=100_000)


def churners(seed: int, placement: str = "own-process") -> tuple[str, str]:
    return (
        strategy("one", "Churner", seed=seed),
        strategy("two", "Churner", seed=seed + 1_000, placement=placement),
    )


def step(desk: Desk, count: int) -> None:
    """So many events of virtual time: a crash may fall between any two."""
    for _ in range(count):
        desk.runtime.agenda.step()


# -- one host at a time, anywhere ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_the_venue_actor_dies_anywhere_and_finds_everything_again(make_desk: MakeDesk, seed: int) -> None:
    chance = Random(seed)
    desk = make_desk(*churners(seed), seed=seed, options=VenueOptions(QUICK, read_lag_ns=seed % 3 * 150 * MS))
    for _ in range(3):
        step(desk, chance.randrange(1, 2_000))
        desk.runtime.crash(VENUE)
        desk.run_for(chance.choice([0, 0.0001, 0.05, 1.0, 3.0]))
        desk.restart(VENUE)
    desk.run_for(2)
    desk.settle()
    check_all(desk)


@pytest.mark.parametrize("seed", range(100, 106))
def test_any_host_dies_and_links_are_cut_anywhere(make_desk: MakeDesk, seed: int) -> None:
    chance = Random(seed)
    desk = make_desk(*churners(seed, "co-located"), seed=seed)
    for _ in range(4):
        step(desk, chance.randrange(1, 2_000))
        host = chance.choice([VENUE, "strategy.one", RISK, "kill-switch", ""])
        if host:
            desk.runtime.crash(host)
            desk.run_for(chance.choice([0, 0.01, 1.5]))
            desk.restart(host)
        else:
            desk.storm.cut(VENUE, SIMULATOR)
            desk.run_for(chance.choice([0.0001, 0.01, 0.5]))
            desk.storm.clear()
    desk.run_for(2)
    desk.settle()
    check_books(desk)
    check_reports(desk, crashed=True)


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_the_venue_actor_dies_at_every_event_around_one_order(make_desk: MakeDesk, start: int) -> None:
    """One order that fills at once; the crash falls on each of the events that it causes, in turn."""
    for at in range(start, start + 20, 3):
        desk = make_desk(seed=at)
        hand = desk.strategy("hand")
        order = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
        step(desk, at)
        desk.runtime.crash(VENUE)
        desk.run_for(0.2)
        desk.restart(VENUE)
        desk.run_for(12)
        check_all(desk)
        assert hand.last(order).order_status in (OrderStatus.FILLED, OrderStatus.REJECTED)


# -- what each kind of crash must bring back -----------------------------------------------------------------------


def test_working_orders_and_fills_of_the_time_between_are_found_again(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    deep = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 9_000 - 10 * n) for n in range(5)]
    near = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks)
    desk.run_for(0.0009)
    desk.runtime.crash(VENUE)
    desk.run_for(20)  # the market comes to the near one
    assert len(desk.open_at_venue()) == 5
    desk.restart(VENUE)
    desk.run_for(3)
    assert set(hand.open_orders) == set(deep)
    assert hand.last(near).order_status is OrderStatus.FILLED
    assert hand.position_lots(hand.instrument) == 1_000
    assert desk.counters()["recovered_fills"] > 0
    check_all(desk)


def test_fills_older_than_a_search_without_a_trade_id_reaches_are_found_by_their_order(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_DAY_NS", 5_000 * MS)  # a day that a test can wait for
    desk = make_desk()
    hand = desk.strategy("hand")
    near = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks) for _ in range(2)]
    desk.run_for(0.0009)
    desk.runtime.crash(VENUE)
    desk.run_for(40)
    assert not desk.open_at_venue()
    desk.restart(VENUE)
    desk.run_for(6)
    assert [hand.last(order).order_status for order in near] == [OrderStatus.FILLED] * 2
    assert hand.position_lots(hand.instrument) == 2_000
    check_all(desk)


def test_an_order_journalled_but_never_written_is_called_that_only_on_evidence(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    journal = desk.runtime.actor(VENUE).journal
    client_order_id = "hand-fff-1"
    new = NewOrder(
        client_order_id,
        "desk",
        "hand",
        0,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        1_000,
        hand.quote.bid_ticks - 900,
    )
    desk.runtime.crash(VENUE)
    journal.append(encode_record(new), desk.now_ns)
    desk.restart(VENUE)
    desk.run_for(2.5)
    order = desk.venue.blotter.orders[client_order_id]
    assert order.status is OrderStatus.UNKNOWN  # not found several times by now, which proves nothing yet
    assert desk.venue.gate.open_orders == 1
    desk.run_for(6)
    assert order.status is OrderStatus.REJECTED
    report = hand.last(client_order_id)
    assert report.refusal.reason.name == "NEVER_REACHED_VENUE"
    assert desk.venue.gate.open_orders == 0


@pytest.mark.parametrize("at", range(0, 40, 5))
def test_a_replace_in_flight_at_the_crash_is_resolved_by_asking(make_desk: MakeDesk, at: int) -> None:
    desk = make_desk(seed=at)
    hand = desk.strategy("hand")
    orig = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    new = hand.replace(orig, 2_000, hand.quote.bid_ticks - 6_000)
    step(desk, at)
    desk.runtime.crash(VENUE)
    desk.run_for(0.3)
    desk.restart(VENUE)
    desk.run_for(12)
    check_all(desk)
    assert list(hand.open_orders) in ([orig], [new])
    working = next(iter(hand.open_orders.values()))
    assert working.status is OrderStatus.NEW


def test_a_strategy_that_comes_back_without_memory_takes_over_orders_and_position(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    deep = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    hand.buy(hand.instrument, 3_000, hand.quote.ask_ticks + 1_000)
    desk.run_for(0.5)
    desk.restart("strategy.hand")
    desk.run_for(1)
    later = desk.strategy("hand")
    assert later is not hand
    assert list(later.open_orders) == [deep]
    assert later.position_lots(later.instrument) == 3_000
    later.cancel(deep)
    desk.run_for(0.5)
    assert later.last(deep).exec_type is ExecType.CANCELLED
    assert not later.open_orders


def test_orders_of_a_strategy_that_stays_away_are_cancelled(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("gone"), strategy("stays"))
    for name in ("gone", "stays"):
        hand = desk.strategy(name)
        hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    desk.runtime.crash("strategy.gone")
    desk.run_for(4)
    assert len(desk.open_at_venue()) == 2
    desk.run_for(2)
    assert [record.client_order_id.partition("-")[0] for record in desk.open_at_venue()] == ["stays"]


def test_orders_of_a_strategy_that_did_not_survive_the_venue_actor_are_cancelled(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("gone"), strategy("stays"))
    for name in ("gone", "stays"):
        hand = desk.strategy(name)
        hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    desk.runtime.crash("strategy.gone")
    desk.restart(VENUE)
    desk.run_for(7)
    assert [record.client_order_id.partition("-")[0] for record in desk.open_at_venue()] == ["stays"]


def test_an_order_lost_between_strategy_and_venue_actor_ends_as_never_received(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orig = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    desk.storm.cut("strategy.hand", VENUE)
    lost = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.01)
    desk.storm.clear()
    desk.run_for(3)
    assert hand.last(lost).refusal.reason.name == "NEVER_RECEIVED"
    assert list(hand.open_orders) == [orig]
    check_all(desk)


def test_a_replace_lost_with_the_link_leaves_its_original_working(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orig = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    desk.storm.cut("strategy.hand", VENUE)
    lost = hand.replace(orig, 1_000, hand.quote.bid_ticks - 5_500)
    desk.run_for(0.01)
    desk.storm.clear()
    desk.run_for(3)
    assert hand.last(lost).refusal.reason.name == "NEVER_RECEIVED"
    assert hand.open_orders[orig].status is OrderStatus.NEW
    check_all(desk)


# -- lost acknowledgements -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay_us", [0, 10, 30, 60, 90, 110, 130, 200])
def test_an_answer_lost_with_the_link_is_unknown_and_reserved_until_asked(make_desk: MakeDesk, delay_us: int) -> None:
    """The order link breaks this long after the write: before, while or after the venue took the order."""
    desk = make_desk(options=VenueOptions(QUICK, read_lag_ns=300 * MS))
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(80e-6 + delay_us * 1e-6)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(0.01)
    desk.storm.clear()
    assert desk.venue.gate.open_orders <= 1
    desk.run_for(12)
    reached = bool(desk.orders_at_venue())
    assert [report.order_status.is_terminal for report in hand.of(order)].count(True) == (0 if reached else 1)
    assert desk.venue.gate.open_orders == len(desk.open_at_venue())
    check_all(desk)


@pytest.mark.parametrize("seed", range(203, 208))
def test_links_cut_at_many_points_of_a_busy_life(make_desk: MakeDesk, seed: int) -> None:
    chance = Random(seed)
    desk = make_desk(*churners(seed), seed=seed, options=VenueOptions(QUICK, read_lag_ns=200 * MS))
    for _ in range(6):
        step(desk, chance.randrange(1, 800))
        desk.storm.cut(VENUE, SIMULATOR)
        desk.run_for(chance.choice([0.00002, 0.001, 0.1]))
        desk.storm.clear()
        desk.run_for(chance.choice([0.1, 2.0]))
    desk.settle()
    check_all(desk)
