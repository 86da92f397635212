"""Cancels pass in every state, but not in a flood: one at a time per order, and ever slower when the venue refuses."""

from collections.abc import Callable
from itertools import pairwise

from trading_desk import SECOND_NS, VENUE, Desk, MakeDesk, check_all

from actors.venue_records import decode_record
from adapters.binance.session import BinanceSession
from adapters.purpose import Purpose
from engine.codes import ExecType, Reason
from engine.messages import CancelOrder, StrategyFailed


def cancels(desk: Desk) -> list[tuple[int, str]]:
    """What was sent: (when, order)."""
    records = ((at_ns, decode_record(payload)) for _, at_ns, payload in desk._journals[VENUE].records())
    return [(at_ns, record.client_order_id) for at_ns, record in records if isinstance(record, CancelOrder)]


def test_a_second_cancel_while_the_first_is_not_answered_is_refused(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    for _ in range(50):
        hand.cancel(order)
    desk.run_for(0.2)
    assert len(cancels(desk)) == 1
    refused = [report.refusal.reason for report in hand.of(order) if report.exec_type is ExecType.CANCEL_REJECTED]
    assert refused == [Reason.CANCEL_IN_FLIGHT] * 49
    assert hand.last(order).exec_type is ExecType.CANCELLED
    check_all(desk)


def no_room_for_cancels(desk: Desk) -> Callable[[], None]:
    """The venue's rate limits have no room for a cancel until the answer is called."""
    session = desk.venue.session
    assert isinstance(session, BinanceSession)
    limits = session._started().orders._core.limits
    has_room = limits.has_room

    def has_room_but_for_cancels(purpose: Purpose, weight: int, venue_ns: int, now_ns: int) -> bool:
        return purpose is not Purpose.CANCEL and has_room(purpose, weight, venue_ns, now_ns)

    limits.has_room = has_room_but_for_cancels  # type: ignore[method-assign]

    def restore() -> None:
        limits.has_room = has_room  # type: ignore[method-assign]

    return restore


def test_a_cancel_that_was_refused_may_be_asked_again_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    restore = no_room_for_cancels(desk)
    hand.cancel_all()
    desk.run_for(0.01)
    assert hand.last(order).exec_type is ExecType.CANCEL_REJECTED
    restore()
    hand.cancel_all()
    desk.run_for(0.2)
    assert hand.last(order).exec_type is ExecType.CANCELLED
    check_all(desk)


def test_the_orders_of_a_stopped_strategy_are_cancelled_ever_slower_while_that_is_refused(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000) for _ in range(3)]
    desk.run_for(0.2)
    restore = no_room_for_cancels(desk)
    desk.runtime.actor("strategy.hand").send(VENUE, StrategyFailed("hand", "as told"))
    desk.run_for(10)
    for order in orders:
        times = [at_ns for at_ns, name in cancels(desk) if name == order]
        gaps = [later - sooner for sooner, later in pairwise(times)]
        assert 5 <= len(gaps) <= 12
        assert gaps == sorted(gaps)
        assert 1.6 * SECOND_NS <= gaps[-1] < 2 * SECOND_NS
    restore()
    desk.run_for(2)
    assert not desk.open_at_venue()
    check_all(desk)
