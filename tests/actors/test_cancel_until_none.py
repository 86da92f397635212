"""Cancel until none, move by move: only the venue's own empty list ends it."""

from itertools import count, pairwise

import pytest
from scripted_session import MS, ScriptedSession

from actors.cancel_until_none import RETRY_NS, RETRY_NS_MAX, CancelUntilNone
from engine.codes import OrderStatus, Side
from engine.venue import CancelAllAnswered, OpenOrdersListed, VenueOrder

LEFT = VenueOrder("left", "1", 0, Side.BUY, OrderStatus.NEW, 10, 100, 0)
BOTH = [("cancel_all", 0), ("cancel_all", 1)]


class Scene:
    def __init__(self) -> None:
        self.session = ScriptedSession()
        self.settled = True
        self.told: list[str] = []
        self.query_ids = count(-1, -1)
        self.machine = CancelUntilNone(
            self.session,  # type: ignore[arg-type]  # the part of it that is used
            (0, 1),
            lambda asked_ns: self.settled,
            lambda now_ns: self.told.append("sent"),
            lambda text, now_ns: self.told.append(f"failed: {text}"),
            lambda now_ns: self.told.append("confirmed"),
            lambda: next(self.query_ids),
        )

    def answer(self, instrument_id: int, failure: str = "", now_ns: int = 0) -> None:
        self.machine.on_cancel_all_answered(CancelAllAnswered(instrument_id, failure), now_ns)

    def listed(self, *orders: VenueOrder, now_ns: int = 0) -> None:
        """The answer to the newest question for open orders."""
        self.machine.on_open_orders(OpenOrdersListed(self.machine._query_id, orders), now_ns)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.machine.begin(0, live=True)
    assert scene.session.take() == BOTH
    return scene


def test_all_answered_then_an_empty_list_confirms(scene: Scene) -> None:
    scene.answer(0)
    assert scene.session.take() == []  # the other instrument has not been answered yet
    scene.answer(1)
    assert scene.session.take() == [("open_orders", -1)]
    scene.listed()
    assert scene.told == ["sent", "confirmed"]
    assert not scene.machine.active


def test_orders_left_are_cancelled_again_and_not_in_a_storm(scene: Scene) -> None:
    at_once = 0
    for _ in range(20):
        scene.answer(0)
        scene.answer(1)
        scene.session.take()
        scene.listed(LEFT)
        at_once += scene.session.take() == BOTH
    assert 1 <= at_once <= 3
    assert scene.machine.active
    assert scene.told == ["sent"]


def test_an_order_in_doubt_keeps_it_going_although_the_list_is_empty(scene: Scene) -> None:
    scene.settled = False
    scene.answer(0)
    scene.answer(1)
    scene.listed()
    assert scene.machine.active
    scene.session.take()
    scene.machine.sweep(RETRY_NS)
    assert scene.session.take() == BOTH
    scene.settled = True
    scene.answer(0)
    scene.answer(1)
    scene.listed()
    assert scene.told == ["sent", "confirmed"]


def test_without_an_answer_rounds_follow_each_other_ever_more_slowly(scene: Scene) -> None:
    rounds = [0]
    for now_ns in range(0, 20_000 * MS, 10 * MS):
        scene.machine.sweep(now_ns)
        if scene.session.take():
            rounds.append(now_ns)
    gaps = [later - earlier for earlier, later in pairwise(rounds)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= RETRY_NS
    assert gaps[-1] == RETRY_NS_MAX


def test_the_list_of_an_earlier_round_confirms_nothing(scene: Scene) -> None:
    scene.answer(0)
    scene.answer(1)
    old = OpenOrdersListed(scene.machine._query_id, ())
    scene.machine.sweep(RETRY_NS)
    scene.machine.on_open_orders(old, RETRY_NS)
    assert scene.machine.active


def test_a_list_that_reconciliation_asked_for_confirms_nothing(scene: Scene) -> None:
    scene.machine.on_open_orders(OpenOrdersListed(0, ()), 0)
    scene.machine.on_open_orders(OpenOrdersListed(7, ()), 0)
    assert scene.machine.active


def test_a_refused_cancel_is_told_and_tried_again(scene: Scene) -> None:
    scene.answer(0, "-1003 too many requests")
    scene.answer(1)
    assert scene.session.take() == []
    assert scene.told == ["sent", "failed: -1003 too many requests"]
    scene.machine.sweep(RETRY_NS)
    assert scene.session.take() == BOTH


def test_while_the_session_is_down_cancels_are_tried_but_nothing_is_confirmed() -> None:
    scene = Scene()
    scene.machine.begin(0, live=False)
    assert scene.session.take() == BOTH
    assert scene.told == []
    scene.answer(0)
    assert scene.told == ["sent"]  # it went another way
    scene.answer(1)
    assert scene.session.take() == []
    scene.machine.session_live(True, 10)
    assert scene.session.take() == BOTH
    scene.answer(0)
    scene.answer(1)
    scene.listed()
    assert scene.told == ["sent", "confirmed"]


def test_the_session_lost_between_answer_and_list_starts_a_new_round(scene: Scene) -> None:
    scene.answer(0)
    scene.answer(1)
    scene.machine.session_live(False, 10)
    scene.session.take()
    scene.machine.session_live(True, 20)
    assert scene.session.take() == BOTH
    assert scene.machine.active


def test_beginning_again_announces_and_confirms_again(scene: Scene) -> None:
    for _ in range(2):
        scene.answer(0)
        scene.answer(1)
        scene.listed()
        scene.machine.begin(1, live=True)
    assert scene.told == ["sent", "confirmed", "sent", "confirmed", "sent"]


def test_nothing_is_asked_before_it_begins_or_after_it_is_confirmed() -> None:
    scene = Scene()
    scene.machine.session_live(True, 0)
    scene.machine.sweep(10**12)
    scene.answer(0)
    scene.listed()
    assert scene.session.take() == []
    assert scene.told == []
