"""What was at the venue before us, and what comes and goes there without us."""

from dataclasses import replace

import msgspec
from msgspec import structs
from trading_desk import (
    SECOND_NS,
    VENUE,
    Desk,
    MakeDesk,
    check_all,
    check_books,
    stranger_places_an_order,
    strategy,
)

from actors.adoption import ADOPTED
from actors.venue_records import BalanceAdopted, PositionOpened, decode_record
from actors.wiring import Plan
from engine.codes import KillMode, OrderStatus, Reason, Side

BALANCE = 'opening_positions = "balance"'
#: Of BTC, in a lot of 0.00001.
LOTS_PER_BTC = 100_000


def records(desk: Desk, kind: type) -> list[object]:
    journal = desk.runtime.actor(VENUE).journal
    return [each for _, _, payload in journal.records() if isinstance(each := decode_record(payload), kind)]


def pay_in(desk: Desk, asset: str, nanos: int) -> None:
    """Somebody pays in by hand, or out: the venue tells nobody."""
    balance = desk.simulator.exchange.accounts["desk"].balance(asset)
    balance.free_nanos += nanos


# -- whose it is ---------------------------------------------------------------------------------------------------


def test_without_a_word_nothing_is_traded_beside_what_was_there(make_desk: MakeDesk) -> None:
    desk = make_desk(reconcile="every_s = 300")
    desk.run_for(2.5)
    status = desk.venue.status()
    assert status.state == "stopped"
    assert "20 BTC at the venue are not of our fills" in status.details["stopped"]
    assert 'opening_positions = "zero"' in status.details["stopped"]
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    assert hand.last(order).refusal.reason is Reason.LEDGER_IN_DOUBT
    assert not desk.orders_at_venue()
    assert records(desk, BalanceAdopted) == [BalanceAdopted("USDT", 1_000_000 * SECOND_NS, "1")]


def test_what_is_ours_is_a_position_that_limits_count(make_desk: MakeDesk) -> None:
    """20 BTC where 3 may be held: nothing more is bought, and what is sold brings it down."""
    desk = make_desk(reconcile=BALANCE, start=False)
    desk.start()
    desk.run_for(0.6)
    assert desk.venue.core.ready
    assert desk.venue.status().state == "connecting"  # not before it is known
    assert desk.strategy("hand").starts == 0
    desk.run_for(2)
    (opened,) = records(desk, PositionOpened)
    assert isinstance(opened, PositionOpened)
    assert opened.position_lots == 20 * LOTS_PER_BTC
    assert desk.venue.gate.position_lots(0) == 20 * LOTS_PER_BTC
    hand = desk.strategy("hand")
    more = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    less = hand.sell(hand.instrument, 50_000, hand.quote.bid_ticks)
    desk.run_for(1)
    assert hand.last(more).refusal.reason is Reason.LONG_POSITION
    assert hand.last(less).order_status is OrderStatus.FILLED
    assert desk.venue.gate.position_lots(0) == 20 * LOTS_PER_BTC - 50_000
    assert desk.venue.balances.drift.nanos("BTC") == 0
    assert desk.venue.balances.drift.nanos("USDT") == 0
    assert abs(desk.venue.gate.pnl_micros()) < 50_000_000  # from the price of that moment, not from nothing


def test_a_later_life_has_the_same_position_and_measures_from_the_same_beginning(make_desk: MakeDesk) -> None:
    desk = make_desk(reconcile=BALANCE)
    desk.run_for(2)
    desk.runtime.crash(VENUE)
    pay_in(desk, "BTC", SECOND_NS // 2)
    desk.runtime.restart(VENUE)
    desk.run_for(4)
    assert desk.venue.gate.position_lots(0) == 20 * LOTS_PER_BTC
    assert len(records(desk, PositionOpened)) == 1
    assert desk.venue.balances.drift.nanos("BTC") == SECOND_NS // 2
    assert "0.5 BTC have come or gone" in desk.venue.status().details["balance:BTC moved"]
    assert desk.counters()["balance_differences"] == 1
    assert desk.logged("BALANCE MOVED WITHOUT US")


def test_another_baseline_accepts_what_has_come_and_gone(make_desk: MakeDesk) -> None:
    desk = make_desk(reconcile=BALANCE)
    desk.run_for(2)
    desk.runtime.crash(VENUE)
    pay_in(desk, "BTC", SECOND_NS // 2)
    host = desk.runtime.hosts[VENUE]
    (spec,) = host.spec.actors
    plan = msgspec.msgpack.decode(spec.arguments, type=Plan)
    changed = structs.replace(
        plan.config.venues[0], reconcile=structs.replace(plan.config.venues[0].reconcile, baseline="2")
    )
    plan = structs.replace(plan, config=structs.replace(plan.config, venues=(changed,)))
    host.spec = replace(host.spec, actors=(replace(spec, arguments=msgspec.msgpack.encode(plan)),))
    desk.runtime.restart(VENUE)
    desk.run_for(4)
    assert desk.venue.gate.position_lots(0) == 20 * LOTS_PER_BTC + LOTS_PER_BTC // 2
    assert desk.venue.balances.drift.nanos("BTC") == 0
    assert {each.baseline for each in records(desk, BalanceAdopted)} == {"1", "2"}  # type: ignore[attr-defined]


def test_a_kill_that_flattens_closes_a_position_that_was_taken_over(make_desk: MakeDesk) -> None:
    desk = make_desk(reconcile=BALANCE)
    desk.run_for(2)
    desk.kill("account:desk", KillMode.FLATTEN)
    desk.run_for(3)
    sold = sum(record.cum_lots for record in desk.orders_at_venue())
    assert sold > 0
    assert desk.venue.gate.position_lots(0) == 20 * LOTS_PER_BTC - sold


# -- what comes and goes -------------------------------------------------------------------------------------------


def test_a_blip_is_no_difference_and_a_deposit_is_told_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.run_for(2)
    core, watch = desk.venue.core, desk.venue.balances
    core.balances["BTC"] += SECOND_NS
    for _ in range(3):
        watch.sweep(desk.now_ns)
    core.balances["BTC"] -= SECOND_NS
    for _ in range(30):
        watch.sweep(desk.now_ns)
    assert not desk.logged("BALANCE MOVED WITHOUT US")
    assert not desk.logged("balance agrees again")
    core.balances["USDT"] += 7  # as a venue that rounds would
    for _ in range(30):
        watch.sweep(desk.now_ns)
    assert not desk.logged("BALANCE MOVED WITHOUT US")
    core.balances["USDT"] += 2 * SECOND_NS
    for _ in range(30):
        watch.sweep(desk.now_ns)
    core.balances["USDT"] -= 2 * SECOND_NS
    for _ in range(30):
        watch.sweep(desk.now_ns)
    assert len(desk.logged("BALANCE MOVED WITHOUT US")) == len(desk.logged("balance agrees again")) == 1


# -- orders that are not ours --------------------------------------------------------------------------------------


def with_a_stranger(make_desk: MakeDesk, policy: str) -> Desk:
    zero = 'opening_positions = "zero"'
    desk = make_desk(reconcile=f'{zero}\nevery_s = 10\nforeign_orders = "{policy}"')
    stranger_places_an_order(desk, desk.strategy("hand").quote.bid_ticks - 6_000)
    return desk


def compare(desk: Desk) -> None:
    desk.venue.core.reconciliation.compare(desk.now_ns)
    desk.run_for(0.5)


def test_strangers_orders_are_found_on_the_slow_schedule_and_left(make_desk: MakeDesk) -> None:
    desk = with_a_stranger(make_desk, "leave")
    desk.run_for(21)
    counters = desk.counters()
    assert counters["reconciliations"] == 3
    assert (counters["foreign_orders"], counters["foreign_found"]) == (1, 1)
    assert len(desk.logged("ORDER THAT IS NOT OURS")) == 1
    assert len(desk.open_at_venue()) == 1
    assert len(desk.logged("reconciled")) == 1  # a routine round is no new beginning


def test_or_cancelled(make_desk: MakeDesk) -> None:
    desk = with_a_stranger(make_desk, "cancel")
    hand = desk.strategy("hand")
    ours = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    compare(desk)
    assert [each.client_order_id for each in desk.open_at_venue()] == [ours]
    compare(desk)
    assert desk.counters()["foreign_orders"] == 0


def test_or_adopted_so_that_limits_count_them_and_kills_cancel_them(make_desk: MakeDesk) -> None:
    desk = with_a_stranger(make_desk, "adopt")
    compare(desk)
    (order,) = desk.venue.blotter.open_orders()
    assert (order.client_order_id, order.strategy_id, order.status) == ("by-hand", ADOPTED, OrderStatus.NEW)
    assert desk.venue.gate.open_lots(0, Side.BUY) == 1_000
    desk.restart(VENUE)
    desk.run_for(7)
    assert len(desk.open_at_venue()) == 1  # nobody's order is no orphan
    assert desk.counters()["foreign_orders"] == 0
    desk.kill("account:desk")
    desk.run_for(2)
    assert not desk.open_at_venue()
    check_books(desk)


def test_an_adopted_orders_fill_is_our_position(make_desk: MakeDesk) -> None:
    desk = make_desk(reconcile='opening_positions = "zero"\nevery_s = 10\nforeign_orders = "adopt"')
    hand = desk.strategy("hand")
    stranger_places_an_order(desk, hand.quote.bid_ticks)
    compare(desk)
    desk.run_for(20)
    assert desk.counters()["fills"] > 0
    assert desk.venue.gate.position_lots(0) == 1_000
    assert desk.venue.balances.drift.nanos("BTC") == 0
    check_books(desk)


# -- comparing while trading goes on -------------------------------------------------------------------------------


def test_comparing_again_and_again_disturbs_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(
        strategy("one", "Churner", seed=4),
        strategy("two", "Churner", seed=5),
        reconcile='opening_positions = "zero"\nevery_s = 10\nforeign_orders = "cancel"',
    )
    for _ in range(60):
        desk.venue.core.reconciliation.compare(desk.now_ns)
        desk.run_for(0.31)
    desk.settle()
    counters = desk.counters()
    assert counters["reconciliations"] > 30
    assert (counters["foreign_orders"], counters["foreign_found"]) == (0, 0)
    check_all(desk)
