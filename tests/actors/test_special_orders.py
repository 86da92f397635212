"""Orders that wait, hide, end at a time or belong together: from a strategy's call to the venue and back."""

from random import Random

import pytest
from trading_desk import VENUE, MakeDesk, check_all, strategy

from adapters.simulator.binance.settings import VenueLimits, VenueOptions
from engine.codes import ExecType, OrderType, Reason, Side, TimeInForce
from engine.strategy import Leg


def planners(seed: int, placement: str = "own-process") -> tuple[str, str]:
    return strategy("one", "Planner", seed=seed), strategy("two", "Planner", seed=seed + 100, placement=placement)


def test_minutes_of_such_orders_leave_equal_books(make_desk: MakeDesk) -> None:
    desk = make_desk(*planners(1, "co-located"))
    desk.run_for(20)
    desk.settle()
    check_all(desk)
    records = desk.orders_at_venue()
    kinds = {(record.terms.order_type, record.status) for record in records}
    for kind in ("STOP_LOSS", "TAKE_PROFIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        assert {(kind, "FILLED"), (kind, "CANCELED")} & kinds
    assert ("STOP_LOSS", "FILLED") in kinds
    assert "OCO_TRIGGER" in {record.expiry_reason for record in records}
    assert any(record.amends > 0 and record.status == "FILLED" for record in records)
    assert any(record.list_id > 0 and record.status == "FILLED" for record in records)
    assert any(record.terms.iceberg_lots and record.status == "FILLED" for record in records)


@pytest.mark.parametrize("seed", range(3))
def test_a_venue_actor_that_dies_anywhere_finds_them_again(make_desk: MakeDesk, seed: int) -> None:
    chance = Random(seed)
    options = VenueOptions(VenueLimits(orders_per_10_seconds=100_000))
    desk = make_desk(*planners(seed), seed=seed, options=options)
    for _ in range(3):
        for _ in range(chance.randrange(1, 3_000)):
            desk.runtime.agenda.step()
        desk.runtime.crash(VENUE)
        desk.run_for(chance.choice([0, 0.0001, 0.05, 1.0]))
        desk.restart(VENUE)
    desk.run_for(2)
    desk.settle()
    check_all(desk)


def test_what_the_venue_lacks_is_refused_with_what_it_has(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    btc, bid = hand.instrument, hand.quote.bid_ticks
    ends = hand.buy(btc, 1_000, bid, time_in_force=TimeInForce.GTD, expires_wall_ns=hand.wall_ns + 60 * 10**9)
    fine = hand.sell(btc, 1_000, order_type=OrderType.TRAILING_STOP, trailing_ppm=1_050)
    taker = hand.one_cancels_other(
        Leg(btc, Side.SELL, 1_000, bid + 2_000),
        Leg(btc, Side.SELL, 1_000, order_type=OrderType.STOP, trigger_ticks=bid - 2_000),
    )
    desk.run_for(0.5)
    for order, has in ((ends, "GTC, IOC, FOK"), (fine, "multiples of 100"), (taker[0], "post-only limit orders")):
        report = hand.last(order)
        assert report.exec_type is ExecType.REJECTED
        assert report.refusal.reason is Reason.UNSUPPORTED
        assert has in report.refusal.text
    assert desk.orders_at_venue() == []
    check_all(desk)


def test_a_bracket_protects_what_its_entry_has_bought(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    btc, ask = hand.instrument, hand.quote.ask_ticks
    entry, take, stop = hand.one_triggers_pair(
        Leg(btc, Side.BUY, 1_000, ask + 100),
        Leg(btc, Side.SELL, 1_000, ask + 20_000, post_only=True),
        Leg(btc, Side.SELL, 1_000, order_type=OrderType.STOP, trigger_ticks=ask - 20_000),
    )
    desk.run_for(0.5)
    assert hand.last(entry).order_status.name == "FILLED"
    assert set(hand.open_orders) == {take, stop}
    assert desk.venue.gate.open_lots(0, Side.SELL) == 1_000  # the pair counts once
    hand.replace(take, 500, ask + 20_000)
    desk.run_for(0.5)
    assert hand.reports[-1].refusal.reason is Reason.UNSUPPORTED
    hand.cancel(stop)
    desk.run_for(0.5)
    assert not hand.open_orders
    assert desk.venue.gate.open_lots(0, Side.SELL) == 0
    check_all(desk)
