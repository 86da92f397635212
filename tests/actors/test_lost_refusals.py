"""A strategy that does not read while it is refused: every order has one end all the same."""

from collections import Counter

import pytest
from trading_desk import VENUE, Desk, MakeDesk, check_all, strategy

from engine.messages import OrdersPending, StrategyLogon

QUEUES = """
[queues]
peer_kib_max = 64
frame_bytes_max = 4096
"""


def flood(desk: Desk, orders: int) -> list[str]:
    """Orders that are taken until the account's limit is reached, all of them in one callback."""
    hand = desk.strategy("hand")
    return [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000, post_only=True) for _ in range(orders)]


def ends(desk: Desk) -> Counter[str]:
    return Counter(r.client_order_id for r in desk.told("hand") if r.order_status.is_terminal)


def test_refusals_that_find_no_room_are_made_good_when_the_strategy_reads_again(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), QUEUES)
    hand = desk.strategy("hand")
    orders = flood(desk, 9_000)
    desk.runtime.pause("strategy.hand", 3_000_000_000)
    desk.run_for(2.9)
    assert desk.venue.delivery.attachments["hand"].refusals_lost
    desk.run_for(3)
    told = ends(desk)
    resting = set(hand.open_orders)
    assert len(resting) == 40
    assert resting == {record.client_order_id for record in desk.open_at_venue()}
    assert set(told.values()) == {1}
    assert set(orders) == set(told) | resting
    assert desk.refusals("hand")["NEVER_RECEIVED"] > 1_000
    assert not desk.venue.delivery.attachments["hand"].refusals_lost
    check_all(desk)


def test_it_can_trade_again_afterwards(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), QUEUES)
    hand = desk.strategy("hand")
    flood(desk, 9_000)
    desk.runtime.pause("strategy.hand", 1_000_000_000)
    desk.run_for(4)
    hand.cancel_all()
    desk.run_for(1)
    later = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(1)
    assert list(hand.open_orders) == [later]
    check_all(desk)


@pytest.mark.parametrize("cut_after_s", [0.0, 0.0004, 0.5, 1.2])
def test_the_link_is_lost_as_well(make_desk: MakeDesk, cut_after_s: float) -> None:
    desk = make_desk(strategy("hand"), QUEUES)
    flood(desk, 9_000)
    desk.runtime.pause("strategy.hand", 1_000_000_000)
    desk.run_for(cut_after_s)
    desk.storm.cut("strategy.hand", VENUE)
    desk.run_for(0.01)
    desk.storm.clear()
    desk.run_for(6)
    assert set(ends(desk).values()) == {1}
    assert len(desk.strategy("hand").open_orders) == len(desk.open_at_venue())
    check_all(desk)


def test_more_pending_orders_than_one_frame_holds_are_named_in_several(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), QUEUES)
    orders = flood(desk, 5_000)
    desk.restart(VENUE)  # all of them were still on their way
    desk.run_for(4)
    told = ends(desk)
    assert told == dict.fromkeys(orders, 1)
    assert desk.refusals("hand") == {"NEVER_RECEIVED": 5_000}
    check_all(desk)


def test_what_somebody_else_names_is_not_answered(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other"))
    other = desk.runtime.actor("strategy.other")
    other.send(VENUE, OrdersPending("hand", ("hand-1-1",)))
    other.send(VENUE, StrategyLogon("desk", "hand", 0, 0, ("hand-1-1",)))
    desk.run_for(1)
    assert not desk.told("hand")
    assert not desk.told("other")
