"""A strategy that comes back, with or without its memory, knows how each of its orders stands."""

import pytest
from trading_desk import VENUE, Desk, MakeDesk, check_all, check_books, strategy

from actors.report_delivery import snapshot_pages
from engine.codes import ExecType, OrderStatus, Side
from engine.messages import ExecutionReport, Position, PositionSnapshot, encode_message

SMALL_FRAMES = """
[queues]
peer_kib_max = 64
frame_bytes_max = 4096
"""
MANY = 38


def rest(desk: Desk, count: int) -> list[str]:
    hand = desk.strategy("hand")
    return [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - 10 * n) for n in range(count)]


def test_more_open_orders_than_one_frame_holds_are_told_in_several(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), SMALL_FRAMES)
    orders = rest(desk, MANY)
    desk.run_for(1)
    filled = desk.strategy("hand")
    filled.buy(filled.instrument, 2_000, filled.quote.ask_ticks + 500)
    filled.cancel(orders[0])
    desk.run_for(1)
    desk.restart("strategy.hand")
    desk.run_for(2)
    hand = desk.strategy("hand")
    assert set(hand.open_orders) == set(orders[1:])
    assert hand.position_lots(hand.instrument) == 2_000
    assert hand.starts == 1
    hand.cancel_all()
    desk.run_for(2)
    assert hand.open_orders == {}
    check_books(desk)


def test_a_cancel_that_was_lost_on_its_way_leaves_the_order_as_it_is(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    hand = desk.strategy("hand")
    order, other = rest(desk, 2)
    desk.run_for(0.5)
    told = len(hand.reports)
    desk.storm.cut(VENUE, "strategy.hand")
    hand.cancel(order)
    assert hand.open_orders[order].status is OrderStatus.PENDING_CANCEL
    desk.run_for(3)
    desk.storm.clear()
    desk.run_for(3)
    assert {key: each.status for key, each in hand.open_orders.items()} == dict.fromkeys(
        (order, other), OrderStatus.NEW
    )
    news = hand.reports[told:]
    assert [(each.client_order_id, each.exec_type) for each in news] == [(order, ExecType.ORDER_STATUS)]
    hand.cancel(order)
    desk.run_for(0.5)
    assert hand.last(order).order_status is OrderStatus.CANCELLED
    check_all(desk)


@pytest.mark.parametrize("cut_after_s", [0.0002, 0.001, 0.02])
def test_a_refusal_of_a_cancel_that_was_lost_leaves_the_order_as_it_is(make_desk: MakeDesk, cut_after_s: float) -> None:
    """The venue cannot be reached, so the cancel is refused, and the refusal does not arrive."""
    desk = make_desk(strategy("hand"))
    hand = desk.strategy("hand")
    (order,) = rest(desk, 1)
    desk.run_for(0.5)
    desk.storm.cut(VENUE, "simulator")
    desk.run_for(3)
    hand.cancel(order)
    desk.run_for(cut_after_s)
    desk.storm.cut(VENUE, "strategy.hand")
    desk.run_for(2)
    desk.storm.clear()
    desk.run_for(8)
    assert hand.open_orders[order].status is OrderStatus.NEW
    check_all(desk)


@pytest.mark.parametrize(("positions", "orders"), [(0, 0), (1, 16), (200, 3), (3, 500)])
def test_no_page_of_a_snapshot_is_longer_than_the_smallest_frame(positions: int, orders: int) -> None:
    most = 2**63 - 1
    order = ExecutionReport(
        0, "s" * 16, "c" * 36, "o" * 36, "1" * 20, most, Side.SELL, ExecType.ORDER_STATUS, OrderStatus.PENDING_REPLACE,
        most, most, most, most,
    )  # fmt: skip
    whole = PositionSnapshot(most, tuple(Position(n, most, -most) for n in range(positions)), (order,) * orders)
    pages = list(snapshot_pages(whole))
    assert all(len(encode_message(page)) <= 4_000 for page in pages)
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {page.report_seq for page in pages} == {most}
    assert tuple(position for page in pages for position in page.positions) == whole.positions
    assert tuple(each for page in pages for each in page.open_orders) == whole.open_orders
