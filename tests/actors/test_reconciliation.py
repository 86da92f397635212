"""Reconciliation, move by move: what is asked, in which order, and what may be concluded from which answer."""

import pytest
from scripted_session import MS, Books, ScriptedSession

from actors.reconciliation import NOT_FOUND_MIN, OWED_RETRY_NS, READ_LAG_NS, RETRY_NS, Reconciliation
from engine.codes import OrderStatus, Reason, Side
from engine.order_event import OrderAccepted, OrderFilled, OrderNotFound, OrderOutcomeUnknown, OrderRejected, OrderSeen
from engine.venue import OpenOrdersListed, OrdersListed, QueryFailed, TradesListed, VenueOrder

LAPSED_NS = ScriptedSession.request_validity_ns + READ_LAG_NS


class Scene:
    def __init__(self, instrument_ids: tuple[int, ...] = (0,)) -> None:
        self.session = ScriptedSession()
        self.books = Books()
        self.done: list[int] = []
        self.machine = Reconciliation(
            self.session,  # type: ignore[arg-type]  # the part of it that is used
            self.books.blotter,
            instrument_ids,
            self.books.settle,
            self.done.append,
        )

    def unknown(self, client_order_id: str, now_ns: int = 0) -> None:
        order = self.books.add(client_order_id)
        self.books.settle(OrderOutcomeUnknown(client_order_id, "lost"), now_ns)
        self.machine.doubt(order, now_ns)

    def working(self, client_order_id: str, order_id: str) -> None:
        self.books.add(client_order_id)
        self.books.settle(OrderAccepted(client_order_id, order_id, 0), 0)

    def status(self, client_order_id: str) -> OrderStatus:
        return self.books.blotter.orders[client_order_id].status


def listed(client_order_id: str, order_id: str, cum_lots: int = 0) -> VenueOrder:
    return VenueOrder(client_order_id, order_id, 0, Side.BUY, OrderStatus.NEW, 1_000, 5_000_000, cum_lots)


def fill(order_id: str, trade_id: str, lots: int = 1_000) -> OrderFilled:
    return OrderFilled("", order_id, trade_id, lots, 5_000_000, 0, "BTC", True, 0)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_round_lists_asks_about_what_is_missing_and_then_about_trades(scene: Scene) -> None:
    scene.working("a", "1")
    scene.working("b", "2")
    scene.machine.begin(0)
    assert scene.session.take() == [("open_orders", 1)]
    scene.machine.on_open_orders(OpenOrdersListed(1, (listed("a", "1"),)), 1)
    assert scene.session.take() == [("order", "b")]
    seen = OrderSeen("b", "2", OrderStatus.FILLED, 1_000, 1_000, 0)
    scene.machine.on_order_seen(seen, 2)
    assert scene.session.take() == [("trades", 2, 0, "")]
    scene.machine.on_trades(TradesListed(2, 0, (fill("2", "77"),), True), 3)
    assert scene.done == [3]
    assert scene.status("b") is OrderStatus.FILLED
    assert scene.machine.compared_trade_id == {0: "77"}
    assert scene.machine.recovered_fills == 1


def test_trades_are_not_asked_for_before_every_order_was_asked_about(scene: Scene) -> None:
    """They carry only the venue's order id: a listed order must not make the round forget one that was not listed."""
    scene.unknown("lost")  # an earlier life's
    scene.machine._doubts.clear()
    scene.working("a", "1")
    scene.machine.begin(0)
    scene.session.take()
    scene.machine.on_open_orders(OpenOrdersListed(1, (listed("a", "1"),)), 1)
    assert scene.session.take() == [("order", "lost")]


def test_not_found_proves_nothing_until_the_request_has_lapsed(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.unknown("x")
    for now_ns in range(0, LAPSED_NS, RETRY_NS):
        scene.machine.on_order_not_found(OrderNotFound("x", 0), now_ns)
        scene.machine.sweep(now_ns)
    assert scene.status("x") is OrderStatus.UNKNOWN
    query_id = search_for_x(scene)
    assert scene.status("x") is OrderStatus.UNKNOWN
    scene.machine.on_orders(OrdersListed(query_id, 0, (), True), 2 * LAPSED_NS)
    assert scene.status("x") is OrderStatus.REJECTED
    rejected = scene.books.settled[-1]
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason is Reason.NEVER_REACHED_VENUE


def search_for_x(scene: Scene) -> int:
    """Not found by name often enough: now it is looked for among all orders."""
    scene.session.take()
    for count in range(NOT_FOUND_MIN):
        scene.machine.on_order_not_found(OrderNotFound("x", 0), LAPSED_NS + count * RETRY_NS)
    (asked,) = [each for each in scene.session.take() if each[0] == "orders"]
    assert asked[2] == 0
    return int(str(asked[1]))


def test_an_order_whose_name_is_lost_is_known_by_its_terms(scene: Scene) -> None:
    """Cancelled while its answer was lost, by a cancel that gave it another name, after a fill."""
    scene.machine.begin(0)
    scene.unknown("x")
    query_id = search_for_x(scene)
    other = VenueOrder("web-1", "8", 0, Side.BUY, OrderStatus.CANCELLED, 999, 5_000_000, 0)
    renamed = VenueOrder("cancel-7", "9", 0, Side.BUY, OrderStatus.CANCELLED, 1_000, 5_000_000, 400)
    scene.machine.on_orders(OrdersListed(query_id, 0, (other,), False), 2 * LAPSED_NS)
    assert scene.status("x") is OrderStatus.UNKNOWN
    scene.machine.on_orders(OrdersListed(query_id, 0, (renamed,), True), 2 * LAPSED_NS)
    order = scene.books.blotter.orders["x"]
    assert (order.order_id, order.owed_lots) == ("9", 400)
    assert order.status is OrderStatus.UNKNOWN  # until its fills have come
    assert scene.machine.doubts == 0


def test_an_order_that_is_known_to_be_another_is_not_taken_for_it(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.working("a", "1")
    scene.unknown("x")
    query_id = search_for_x(scene)
    scene.machine.on_orders(OrdersListed(query_id, 0, (listed("a", "1"),), True), 2 * LAPSED_NS)
    assert scene.status("x") is OrderStatus.REJECTED
    assert scene.status("a") is OrderStatus.NEW


def test_an_order_that_is_more_likely_another_of_ours_is_not_taken_for_it(scene: Scene) -> None:
    """Both are in doubt, with the same terms; one was taken and cancelled under another name, the other never came."""
    scene.machine.begin(0)
    scene.unknown("x")
    query_id = search_for_x(scene)
    scene.books.blotter.orders["x"].sent_ns = 1_000
    scene.unknown("y", LAPSED_NS)
    scene.books.blotter.orders["y"].sent_ns = LAPSED_NS
    renamed = VenueOrder("cancel-7", "9", 0, Side.BUY, OrderStatus.CANCELLED, 1_000, 5_000_000, 0, LAPSED_NS + 5)
    scene.machine.on_orders(OrdersListed(query_id, 0, (renamed,), True), 2 * LAPSED_NS)
    assert scene.status("x") is OrderStatus.REJECTED
    assert scene.status("y") is OrderStatus.UNKNOWN


def test_a_failed_search_is_made_again(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.unknown("x")
    query_id = search_for_x(scene)
    scene.machine.on_query_failed(QueryFailed(query_id, "", "timeout"), 2 * LAPSED_NS)
    scene.machine.on_order_not_found(OrderNotFound("x", 0), 2 * LAPSED_NS + OWED_RETRY_NS)
    assert [each[0] for each in scene.session.take() if each[0] == "orders"] == ["orders"]
    assert scene.status("x") is OrderStatus.UNKNOWN


def test_what_the_stream_tells_during_the_search_counts(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.unknown("x")
    query_id = search_for_x(scene)
    scene.books.settle(OrderAccepted("x", "9", 0), 2 * LAPSED_NS)
    scene.machine.on_orders(OrdersListed(query_id, 0, (), True), 2 * LAPSED_NS)
    assert scene.status("x") is OrderStatus.NEW


def test_an_order_that_the_venue_once_named_is_never_called_never_reached(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.working("a", "1")
    scene.books.settle(OrderOutcomeUnknown("a", "lost"), 0)
    scene.machine.doubt(scene.books.blotter.orders["a"], 0)
    for count in range(20):
        scene.machine.on_order_not_found(OrderNotFound("a", 0), 2 * LAPSED_NS + count * RETRY_NS)
    assert scene.status("a") is OrderStatus.UNKNOWN


def test_it_is_found_after_all(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.unknown("x")
    scene.machine.on_order_not_found(OrderNotFound("x", 0), LAPSED_NS)
    scene.machine.on_order_seen(OrderSeen("x", "9", OrderStatus.NEW, 1_000, 0, 0), LAPSED_NS + 1)
    assert scene.status("x") is OrderStatus.NEW
    scene.session.take()
    scene.machine.sweep(2 * LAPSED_NS)
    assert ("order", "x") not in scene.session.take()


def test_a_doubt_is_asked_about_again_and_again_but_not_in_a_storm(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.session.take()
    scene.unknown("x")
    asked = 0
    for now_ns in range(0, 5_000 * MS, 100 * MS):
        scene.machine.sweep(now_ns)
        asked += scene.session.take().count(("order", "x"))
    assert 8 <= asked <= 11


def test_while_the_session_is_down_nothing_is_asked(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.session.take()
    scene.machine.suspend()
    scene.unknown("x")
    scene.machine.sweep(10_000 * MS)
    assert scene.session.take() == []
    scene.machine.begin(10_001 * MS)
    assert scene.session.take() == [("open_orders", 2)]


def test_failed_questions_are_asked_again(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.session.take()
    scene.machine.on_query_failed(QueryFailed(1, "", "no answer"), 0)
    scene.machine.sweep(4 * RETRY_NS)
    assert scene.session.take() == [("open_orders", 2)]
    scene.machine.on_open_orders(OpenOrdersListed(2, ()), 0)
    assert scene.session.take() == [("trades", 3, 0, "")]
    scene.machine.on_query_failed(QueryFailed(3, "", "no answer"), 0)
    scene.machine.sweep(5 * RETRY_NS)
    assert scene.session.take() == [("trades", 4, 0, "")]
    scene.machine.on_trades(TradesListed(3, 0, (), True), 0)  # the late answer to a question given up
    assert not scene.done
    scene.machine.on_trades(TradesListed(4, 0, (), True), 7)
    assert scene.done == [7]


def test_pages_of_trades_are_one_question(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 0)
    scene.machine.on_trades(TradesListed(2, 0, (fill("5", "1"),), False), 1)
    assert not scene.done
    scene.machine.on_trades(TradesListed(2, 0, (fill("5", "2"),), True), 2)
    assert scene.done == [2]
    assert scene.machine.compared_trade_id == {0: "2"}


def test_a_trade_that_may_be_ours_is_looked_at_again_when_the_order_has_its_name(scene: Scene) -> None:
    """The venue's read side does not find the order yet, but its trade is listed: nobody's, until the order is seen."""
    scene.machine.begin(0)
    scene.unknown("x")
    scene.machine.on_order_not_found(OrderNotFound("x", 0), 1)
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 1)
    scene.machine.on_order_not_found(OrderNotFound("x", 0), 2)
    scene.session.take()
    scene.machine.on_trades(TradesListed(2, 0, (fill("9", "77"),), True), 3)
    assert scene.done == [3]
    assert scene.machine.compared_trade_id == {}
    scene.machine.note_fill(0, "78")  # another order's, over the stream
    scene.machine.on_order_seen(OrderSeen("x", "9", OrderStatus.FILLED, 1_000, 1_000, 0), 4)
    assert scene.status("x") is OrderStatus.UNKNOWN  # its end is known, its fill is owed
    scene.machine.sweep(4 + OWED_RETRY_NS)
    assert ("trades", 3, 0, "") in scene.session.take()
    scene.machine.on_trades(TradesListed(3, 0, (fill("9", "77"), fill("8", "78")), True), 5)
    assert scene.status("x") is OrderStatus.FILLED
    assert scene.machine.compared_trade_id == {0: "78"}


def test_an_order_that_has_ended_there_is_not_asked_about_for_the_fills_it_owes(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.unknown("x")
    scene.machine.on_order_seen(OrderSeen("x", "9", OrderStatus.FILLED, 1_000, 1_000, 0), 1)
    scene.session.take()
    scene.machine.doubt(scene.books.blotter.orders["x"], 2)
    assert scene.session.take() == []
    assert scene.machine.doubts == 0


def test_owed_fills_are_asked_for_once_a_second_at_most(scene: Scene) -> None:
    scene.machine.begin(0)
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 0)
    scene.machine.on_trades(TradesListed(2, 0, (), True), 0)
    scene.working("a", "1")
    scene.books.settle(OrderSeen("a", "1", OrderStatus.PARTIALLY_FILLED, 1_000, 400, 0), 0)
    asked = 0
    scene.session.take()
    for now_ns in range(0, 10_000 * MS, 100 * MS):
        scene.machine.sweep(now_ns)
        for question in scene.session.take():
            if question[0] in ("trades", "order_trades"):
                asked += 1
                scene.machine.on_trades(TradesListed(int(str(question[1])), 0, (), True), now_ns)
    assert 8 <= asked <= 10


def test_orders_of_others_are_counted(scene: Scene) -> None:
    scene.working("a", "1")
    scene.machine.begin(0)
    others = (listed("by-hand", "5"), listed("of-another-engine", "6"))
    scene.machine.on_open_orders(OpenOrdersListed(1, (listed("a", "1"), *others)), 0)
    assert scene.machine.foreign_orders == 2
    assert [event.client_order_id for event in scene.books.settled if isinstance(event, OrderSeen)] == ["a"]


def test_an_order_is_recognised_by_the_venues_id_when_its_own_was_replaced_by_a_cancel(scene: Scene) -> None:
    scene.working("a", "1")
    scene.machine.begin(0)
    scene.machine.on_open_orders(OpenOrdersListed(1, (listed("cancel-of-a", "1", 200),)), 0)
    assert scene.machine.foreign_orders == 0
    assert scene.books.blotter.orders["a"].owed_lots == 200


def test_every_instrument_has_its_own_trades() -> None:
    scene = Scene((0, 3))
    scene.machine.compared(3, "500")
    scene.machine.begin(0)
    scene.session.take()
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 0)
    assert scene.session.take() == [("trades", 2, 0, ""), ("trades", 3, 3, "500")]
    scene.machine.on_trades(TradesListed(3, 3, (), True), 1)
    assert not scene.done
    scene.machine.on_trades(TradesListed(2, 0, (), True), 2)
    assert scene.done == [2]


def test_an_instrument_whose_trades_are_told_is_not_asked_again_while_another_waits() -> None:
    """Answers may be seconds apart where the venue's rate limit is small; the round has to end."""
    scene = Scene((0, 1))
    scene.machine.begin(0)
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 1)
    asked = [query_id for what, query_id, *_ in scene.session.take() if what == "trades"]
    scene.machine.on_trades(TradesListed(asked[0], 0, (), True), 2)
    scene.machine.sweep(5 * OWED_RETRY_NS)
    assert scene.session.take() == []
    scene.machine.on_trades(TradesListed(asked[1], 1, (), True), 6 * OWED_RETRY_NS)
    assert scene.done == [6 * OWED_RETRY_NS]


def test_fills_that_are_still_owed_are_asked_for_order_by_order_in_turn(scene: Scene) -> None:
    for name, order_id in (("a", "1"), ("b", "2")):
        scene.working(name, order_id)
        scene.books.settle(OrderSeen(name, order_id, OrderStatus.FILLED, 1_000, 1_000, 0), 0)
    scene.machine.begin(0)
    scene.machine.on_open_orders(OpenOrdersListed(1, ()), 1)
    for name, order_id in (("a", "1"), ("b", "2")):
        scene.machine.on_order_seen(OrderSeen(name, order_id, OrderStatus.FILLED, 1_000, 1_000, 0), 2)
    scene.machine.sweep(3)
    query_id = int(str(scene.session.take()[-1][1]))
    scene.machine.on_trades(TradesListed(query_id, 0, (fill("9", "500"),), True), 4)  # somebody else's, and recent
    asked = []
    for second in range(1, 5):
        scene.machine.sweep(4 + second * OWED_RETRY_NS)
        asked += scene.session.take()
        for question in asked[-1:]:
            if question[0] == "trades":
                scene.machine.on_trades(TradesListed(int(str(question[1])), 0, (), True), 5 + second * OWED_RETRY_NS)
    assert [question[0] for question in asked] == ["trades", "order_trades", "trades", "order_trades"]
    assert [question[2] for question in asked if question[0] == "order_trades"] == ["1", "2"]
    for question in asked[1::2]:
        order_id = str(question[2])
        answer = TradesListed(int(str(question[1])), 0, (fill(order_id, f"1{order_id}"),), True)
        scene.machine.on_trades(answer, 9 * OWED_RETRY_NS)
    assert scene.status("a") is scene.status("b") is OrderStatus.FILLED
    assert scene.machine.last_trade_id == {0: "500"}
