"""Kills: halted before cancelled, nothing leaves afterwards, cancelled until the venue itself shows none."""

import pytest
from trading_desk import KILL_SWITCH, MS, RISK, SIMULATOR, VENUE, Desk, MakeDesk, check_all, check_books, strategy

from actors.places import latch_path
from adapters.simulator.binance.settings import VenueLimits, VenueOptions
from engine.codes import ExecType, KillMode, OrderStatus
from engine.errors import UsageError
from engine.messages import Kill, KillReceipt
from engine.order_event import OrderOutcomeUnknown, OrderSeen
from risk.latch import LatchPage
from risk.scope import TradingNames

BUSY = (strategy("one", "Churner", seed=1, interval_ms=3), strategy("two", "Churner", seed=2, placement="co-located"))


def receipt(desk: Desk) -> KillReceipt:
    return desk.presser.receipts[-1]


def rest(desk: Desk, strategy_id: str = "hand", count: int = 3) -> list[str]:
    hand = desk.strategy(strategy_id)
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n) for n in range(count)]
    desk.run_for(0.2)
    return orders


def latch(desk: Desk) -> LatchPage:
    return LatchPage.open(latch_path(desk.config))


def refused_as(desk: Desk, strategy_id: str = "hand") -> str:
    """What becomes of an order now."""
    hand = desk.strategy(strategy_id)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    report = hand.last(order)
    return report.refusal.reason.name if report.refusal else report.order_status.name


@pytest.mark.parametrize("at_us", [0, 137, 1_300, 7_777, 31_000])
def test_a_global_kill_in_full_flight_ends_with_nothing_open_and_nothing_sent_after_it(
    make_desk: MakeDesk, at_us: int
) -> None:
    desk = make_desk(*BUSY)
    desk.run_for(1 + at_us * 1e-6)
    sent_before = desk.counters()["orders"]
    desk.kill()
    desk.run_for(0.01)
    halted = next(stage for stage in receipt(desk).stages if stage.stage == "halted")
    assert halted.after_ns >= 0
    desk.run_for(5)
    assert desk.counters()["orders"] == sent_before
    assert receipt(desk).complete
    stages = [stage.after_ns for stage in receipt(desk).stages]
    assert stages == sorted(stages)
    assert stages[0] >= 0
    assert not desk.open_at_venue()
    check_all(desk)


def test_stages_are_told_one_by_one_and_halted_comes_before_any_cancel(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.kill()
    desk.run_for(1)
    done = [[s.stage for s in told.stages if s.after_ns >= 0] for told in desk.presser.receipts]
    assert done == [
        ["latched", "sealed"],
        ["latched", "sealed", "halted"],
        ["latched", "sealed", "halted", "cancel_sent"],
        ["latched", "sealed", "halted", "cancel_sent", "cancelled"],
    ]
    assert receipt(desk).open_orders == 0


def test_a_kill_of_one_venue_leaves_the_other_trading(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other", venue="second"), more_venues=["second"])
    rest(desk)
    rest(desk, "other")
    desk.kill("venue:binance")
    desk.run_for(1)
    assert receipt(desk).complete
    assert not desk.open_at_venue()
    assert len(desk.open_at_venue("second")) == 3
    assert refused_as(desk) == "HALTED"
    assert refused_as(desk, "other") == "NEW"


@pytest.mark.parametrize("scope", ["", " ", "venue:", "venue:nowhere", "GLOBAL", "binance", "venue:*"])
def test_a_blank_or_unknown_scope_is_refused_and_halts_nothing(make_desk: MakeDesk, scope: str) -> None:
    desk = make_desk()
    with pytest.raises(UsageError):
        desk.kill(scope)
    desk.runtime.actor("presser").send(
        KILL_SWITCH, Kill("k", scope, KillMode.CANCEL, "why", "who", "test", desk.now_ns)
    )
    desk.run_for(0.5)
    assert not receipt(desk).complete
    assert receipt(desk).failures
    assert refused_as(desk) == "NEW"


@pytest.mark.parametrize("at_us", [0, 20, 40, 60, 80, 100, 120, 160])
def test_orders_in_flight_at_the_kill_do_not_survive_it(make_desk: MakeDesk, at_us: int) -> None:
    desk = make_desk(options=VenueOptions(VenueLimits(), read_lag_ns=400 * MS))
    hand = desk.strategy("hand")
    for n in range(3):
        hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n)
    desk.run_for(at_us * 1e-6)
    desk.kill()
    desk.run_for(3)
    assert receipt(desk).complete
    assert not desk.open_at_venue()
    assert not hand.open_orders
    check_all(desk)


def test_the_answer_to_cancel_all_is_lost_and_the_kill_completes_all_the_same(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.kill()
    desk.run_for(0.0002)  # the cancels are on their way
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(0.01)
    desk.storm.clear()
    desk.run_for(5)
    assert receipt(desk).complete
    assert not desk.open_at_venue()


def test_an_order_that_has_ended_and_owes_fills_keeps_no_kill_open(make_desk: MakeDesk) -> None:
    desk = make_desk()
    order, *_ = rest(desk)
    desk.venue.core.settle(OrderOutcomeUnknown(order, "no answer"), desk.now_ns)
    seen = OrderSeen(order, desk.venue.blotter.orders[order].order_id, OrderStatus.CANCELLED, 1_000, 400, 0)
    desk.venue.core.settle(seen, desk.now_ns)
    assert desk.venue.blotter.unknown_orders()
    desk.kill()
    desk.run_for(1)
    assert receipt(desk).complete


def test_a_kill_while_the_venue_cannot_be_reached_completes_when_it_can(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(25)  # the links are noticed to be dead
    desk.kill()
    desk.run_for(3)
    assert not receipt(desk).complete
    assert receipt(desk).failures
    assert len(desk.open_at_venue()) == 3
    desk.storm.clear()
    desk.run_for(40)
    assert receipt(desk).complete
    assert not desk.open_at_venue()


def test_while_the_order_link_is_down_cancels_go_over_rest(make_desk: MakeDesk) -> None:
    desk = make_desk()
    orders = rest(desk)
    cell = desk.runtime.actor(VENUE)
    cell.close_link("session:orders")  # and its next connect will hang
    desk.storm.extra_ns[VENUE, SIMULATOR] = 0
    desk.run_for(0.00001)
    desk.kill()
    desk.run_for(0.1)
    assert not desk.open_at_venue()
    desk.run_for(5)
    assert receipt(desk).complete
    assert [desk.strategy("hand").last(order).order_status for order in orders] == [OrderStatus.CANCELLED] * 3


def test_with_the_kill_switch_actor_dead_the_latch_alone_stops_orders_and_cancels_them(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.runtime.crash(KILL_SWITCH)
    desk.run_for(0.01)
    assert not desk.kill()
    assert refused_as(desk) == "HALTED"
    desk.run_for(1)
    assert not desk.open_at_venue()
    assert desk.logged("the latch is halted: cancelling")


def test_a_restart_of_everything_is_still_halted_and_cancels_what_was_left(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    hosts = [VENUE, RISK, KILL_SWITCH, "strategy.hand"]
    for host in hosts:
        desk.runtime.crash(host)
    desk.kill()
    assert len(desk.open_at_venue()) == 3
    for host in hosts:
        desk.runtime.restart(host)
    desk.run_for(3)
    assert not desk.open_at_venue()
    assert refused_as(desk) == "HALTED"
    assert desk.venue.status().state == "halted"


def test_a_kill_that_its_actor_did_not_live_to_finish_is_taken_up_by_the_next_life(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.storm.cut(KILL_SWITCH, VENUE)
    desk.runtime.actor(KILL_SWITCH).send(VENUE, Kill("", "", KillMode.HALT, "", "", "", 0))  # finds the link broken
    desk.kill()
    desk.run_for(0.001)
    desk.runtime.crash(KILL_SWITCH)
    desk.storm.clear()
    desk.restart(KILL_SWITCH)
    desk.run_for(3)
    kill_switch = desk.actor(KILL_SWITCH)
    assert kill_switch.status().counters["kills_in_progress"] == 0
    assert [past.complete for past in kill_switch.receipts()] == [True]
    assert not desk.open_at_venue()


def test_a_halt_stops_new_orders_and_lets_strategies_cancel(make_desk: MakeDesk) -> None:
    desk = make_desk()
    kept, dropped, _ = rest(desk)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    assert receipt(desk).complete
    assert refused_as(desk) == "HALTED"
    assert len(desk.open_at_venue()) == 3
    hand = desk.strategy("hand")
    replaced = hand.replace(kept, 1_000, hand.quote.bid_ticks - 5_500)
    hand.cancel(dropped)
    desk.run_for(0.2)
    assert hand.last(replaced).refusal.reason.name == "HALTED"
    assert hand.last(dropped).exec_type is ExecType.CANCELLED
    assert len(desk.open_at_venue()) == 2
    check_all(desk)


def test_a_halt_cancels_nothing_on_reconnect_or_restart_either(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    desk.restart(VENUE)
    desk.run_for(3)
    assert len(desk.open_at_venue()) == 3
    desk.kill(mode=KillMode.CANCEL)
    desk.run_for(1)
    assert receipt(desk).complete
    assert not desk.open_at_venue()


def test_a_second_kill_while_the_first_is_under_way_completes_both(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.kill()
    desk.run_for(0.00005)
    desk.kill("venue:binance")
    desk.run_for(2)
    complete = {told.kill_id for told in desk.presser.receipts if told.complete}
    assert len(complete) == 2


def test_a_venue_actor_that_is_down_keeps_the_kill_open_until_it_is_back(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    desk.runtime.crash(VENUE)
    desk.kill()
    desk.run_for(1)
    assert receipt(desk).waiting_for == (VENUE,)
    desk.restart(VENUE)
    desk.run_for(3)
    assert receipt(desk).complete
    assert not desk.open_at_venue()


def test_a_venue_actor_whose_latch_is_another_page_stops_by_itself(make_desk: MakeDesk) -> None:
    desk = make_desk()
    rest(desk)
    elsewhere = LatchPage.memory(TradingNames(venues={"binance": "desk"}))
    for part in (desk.venue.core, desk.venue.gate):
        for name in ("latch", "_latch"):
            if hasattr(part, name):
                setattr(part, name, elsewhere.view("binance"))
    desk.venue.gate._words = elsewhere.view("binance").words
    desk.kill()
    desk.run_for(1)
    assert receipt(desk).complete
    assert refused_as(desk) == "HALTED"
    assert not desk.open_at_venue()


def test_no_restart_after_a_kill_ever_sends_an_order_again(make_desk: MakeDesk) -> None:
    desk = make_desk(*BUSY)
    desk.run_for(0.5)
    desk.kill()
    desk.run_for(2)
    sent = desk.counters()["orders"]
    for host in (RISK, "strategy.one", KILL_SWITCH, VENUE):
        desk.restart(host)
        desk.run_for(2)
    assert desk.counters()["orders"] == 0  # a new life, in which nothing left
    assert sent > 0
    assert latch(desk).view().mode() is KillMode.CANCEL
    check_books(desk)


@pytest.mark.parametrize("scope", ["global", "strategy:hand"])
def test_all_may_halt_before_anybody_cancels_and_have_sent_a_first_cancel_before_anybodys_second(
    make_desk: MakeDesk, scope: str
) -> None:
    desk = make_desk(strategy("hand"))
    orders = rest(desk)
    kill = desk.venue.kill
    given_way: list[int] = []

    def give_way() -> None:
        here = next(iter(kill._scopes.values()))
        cancelling = sum(desk.venue.blotter.orders[order].cancel_pending for order in orders)
        given_way.append(cancelling + here.cancelling.rounds)

    kill._give_way = give_way
    desk.kill(scope)
    desk.run_for(1)
    assert receipt(desk).complete
    # Cancels by then, and the round of cancels that is under way: one by one, the first of three; or as one request.
    assert given_way == ([0, 1] if scope == "global" else [0, 2])
