"""Flatten: cancelled first, then closed in slices that only ever shrink the position."""

from itertools import pairwise

import pytest
from trading_desk import KILL_SWITCH, MS, RISK, VENUE, Desk, MakeDesk, check_books, strategy

from actors.kill_switch import KillSwitchActor
from engine.codes import KillMode, OrderStatus, Side
from engine.messages import KillReceipt


def receipt(desk: Desk) -> KillReceipt:
    return desk.presser.receipts[-1]


def take_position(desk: Desk, lots: int, strategy_id: str = "hand") -> None:
    """Buy, or (negative) sell, at once."""
    hand = desk.strategy(strategy_id)
    trade, price = (hand.buy, hand.quote.ask_ticks + 5_000) if lots > 0 else (hand.sell, hand.quote.bid_ticks - 5_000)
    trade(hand.instrument, abs(lots), price)
    desk.run_for(0.5)


def closings(desk: Desk) -> list[tuple[Side, int, int]]:
    """Side, quantity and time of each closing order at the venue."""
    return [
        (record.sim.side, record.quantity_lots, record.created_wall_ns)
        for record in desk.orders_at_venue()
        if record.client_order_id.startswith("flatten-")
    ]


@pytest.mark.parametrize("lots", [20_000, -20_000])
def test_a_position_is_closed_after_the_cancels_and_never_beyond_flat(make_desk: MakeDesk, lots: int) -> None:
    desk = make_desk()
    take_position(desk, lots)
    hand = desk.strategy("hand")
    resting = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    assert desk.venue.gate.position_lots(0) == lots
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(60)
    assert desk.venue.gate.position_lots(0) == 0
    assert hand.last(resting).order_status is OrderStatus.CANCELLED
    assert receipt(desk).complete
    assert [stage.stage for stage in receipt(desk).stages] == [
        "latched", "sealed", "halted", "cancel_sent", "cancelled", "flat",
    ]  # fmt: skip
    stamps = [stage.after_ns for stage in receipt(desk).stages]
    assert stamps == sorted(stamps)
    assert {side for side, _, _ in closings(desk)} == {Side.SELL if lots > 0 else Side.BUY}
    assert not receipt(desk).actors[0].residual
    check_books(desk)


def test_slices_are_paced_and_strategies_stay_halted(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("two", "Churner", seed=2, placement="co-located"))
    take_position(desk, 100_000)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(60)
    sent = [at for _, _, at in closings(desk)]
    assert all(later - earlier >= 400 * MS for earlier, later in pairwise(sent))
    after = [r for r in desk.orders_at_venue() if r.created_wall_ns > sent[0]]
    assert all(record.client_order_id.startswith("flatten-") for record in after)
    assert desk.venue.gate.position_lots(0) == 0


def test_a_kill_of_one_strategy_closes_its_position_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other"))
    take_position(desk, 20_000)
    take_position(desk, 30_000, "other")
    desk.kill("strategy:hand", KillMode.FLATTEN)
    desk.run_for(30)
    blotter = desk.venue.blotter
    assert (blotter.position_lots("hand", 0), blotter.position_lots("other", 0)) == (0, 30_000)
    assert receipt(desk).complete
    hand = desk.strategy("hand")
    assert hand.position_lots(hand.instrument) == 0, "it was told of the fills"
    check_books(desk)


def test_positions_that_cancel_each_other_need_no_order(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other"))
    take_position(desk, 20_000)
    take_position(desk, -20_000, "other")
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(5)
    assert receipt(desk).complete
    assert not closings(desk)


def test_nothing_is_closed_without_a_lease(make_desk: MakeDesk) -> None:
    desk = make_desk()
    take_position(desk, 20_000)
    desk.runtime.crash(RISK)
    desk.run_for(2)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(5)
    assert not closings(desk)
    assert any("no lease" in failure for failure in receipt(desk).failures)
    desk.restart(RISK)
    desk.run_for(30)
    assert receipt(desk).complete
    assert desk.venue.gate.position_lots(0) == 0


def test_a_restart_of_everything_in_the_middle_goes_on(make_desk: MakeDesk) -> None:
    desk = make_desk()
    take_position(desk, 100_000)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(0.6)
    for host in (VENUE, KILL_SWITCH, RISK):
        desk.restart(host)
    desk.run_for(90)
    assert desk.venue.gate.position_lots(0) == 0
    check_books(desk)


def test_what_the_venue_does_not_take_is_left_and_told(make_desk: MakeDesk) -> None:
    desk = make_desk()
    instrument = desk.venue.core.definitions[0].instrument
    hand = desk.strategy("hand")
    least = max(instrument.quantity_lots_min, -(-instrument.notional_tick_lots_min // hand.quote.bid_ticks))
    take_position(desk, 2 * least + 2)
    take_position(desk, -(least + 2))
    held = desk.venue.gate.position_lots(0)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(5)
    told = receipt(desk)
    assert told.complete
    left = [each.position_lots for each in told.actors[0].residual]
    assert left == ([held] if held < least else [])


def test_a_closing_orders_name_is_never_used_again(make_desk: MakeDesk) -> None:
    """Not for another scope, nor by a wall clock that has stepped back."""
    desk = make_desk(strategy("hand"), strategy("other"))
    take_position(desk, 1_000)
    take_position(desk, 1_000, "other")
    cell = desk.runtime.actor(VENUE)
    began_ns, precise = cell.wall_ns(desk.now_ns), cell.wall_ns
    cell.wall_ns = lambda now_ns: began_ns if precise(now_ns) < began_ns + 1_500 * MS else precise(now_ns)
    desk.kill("strategy:hand", mode=KillMode.FLATTEN)
    desk.run_for(0.5)
    assert desk.venue.blotter.position_lots("hand", 0) == 0
    desk.kill("strategy:other", mode=KillMode.FLATTEN)
    desk.run_for(20)
    assert desk.venue.gate.position_lots(0) == 0
    names = [r.client_order_id for r in desk.orders_at_venue() if r.client_order_id.startswith("flatten-")]
    assert [name.rpartition("-")[2] for name in names] == ["1", "2"]
    check_books(desk)


def release(desk: Desk, kill_id: str) -> None:
    """As two people would; here it is about what follows."""
    switch = desk.actor(KILL_SWITCH)
    assert isinstance(switch, KillSwitchActor)
    assert switch._end(switch.register.held[kill_id], ("ann", "bea"), desk.now_ns)


@pytest.mark.parametrize("scope", ["global", "strategy:hand"])
@pytest.mark.parametrize("mode", [KillMode.HALT, KillMode.CANCEL])
def test_one_person_stops_a_flatten_at_once_and_two_let_it_go_on(
    make_desk: MakeDesk, scope: str, mode: KillMode
) -> None:
    desk = make_desk()
    take_position(desk, 100_000)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(0.8)
    assert closings(desk)
    desk.kill(scope, mode)
    desk.run_for(0.4)
    told = [each for each in desk.presser.receipts if each.mode is mode][-1]
    assert told.complete
    left = desk.venue.gate.position_lots(0)
    assert left > 0
    desk.run_for(5)
    assert desk.venue.orders.orders_sent == told.actors[0].orders_sent == len(desk.orders_at_venue())
    assert desk.venue.gate.position_lots(0) == left
    release(desk, told.kill_id)
    desk.run_for(60)
    assert desk.venue.gate.position_lots(0) == 0


def test_a_flatten_over_a_cancel_says_what_it_waits_for(make_desk: MakeDesk) -> None:
    desk = make_desk()
    take_position(desk, 20_000)
    desk.kill()
    desk.run_for(1)
    first = receipt(desk)
    assert first.complete
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(3)
    told = receipt(desk)
    assert told.mode is KillMode.FLATTEN
    assert any(f"cancel {first.kill_id} by trial lets nothing leave" in failure for failure in told.failures)
    assert not closings(desk)
    release(desk, first.kill_id)
    desk.run_for(30)
    assert desk.venue.gate.position_lots(0) == 0
    assert receipt(desk).complete
