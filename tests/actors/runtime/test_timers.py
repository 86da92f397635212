"""The timer queue against the obvious dictionary."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.timers import TimerQueue
from engine.errors import UsageError

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abcd"), st.integers(0, 20)),
        st.tuples(st.just("cancel"), st.sampled_from("abcd"), st.just(0)),
        st.tuples(st.just("pop"), st.just(""), st.integers(0, 20)),
    ),
    max_size=200,
)


@given(_steps)
def test_it_behaves_as_a_dictionary_searched_for_its_least(steps: list[tuple[str, str, int]]) -> None:
    queue: TimerQueue[str] = TimerQueue()
    naive: dict[str, tuple[int, int]] = {}
    for number, (kind, key, at_ns) in enumerate(steps):
        if kind == "set":
            queue.set(key, at_ns)
            naive[key] = (at_ns, number)
        elif kind == "cancel":
            queue.cancel(key)
            naive.pop(key, None)
        else:
            due = min((entry, key) for key, entry in naive.items()) if naive else None
            wanted = due[1] if due is not None and due[0][0] <= at_ns else None
            naive.pop(wanted or "", None)
            assert queue.pop_due(at_ns) == wanted
        assert len(queue) == len(naive)
        assert queue.next_ns() == (min(naive.values())[0] if naive else None)


def test_a_timer_moved_for_ever_keeps_the_queue_small() -> None:
    queue: TimerQueue[str] = TimerQueue()
    for at_ns in range(10_000):
        queue.set("heartbeat", 1_000_000 - at_ns)
    assert len(queue._heap) < 100
    assert queue.next_ns() == 990_001


def test_cancel_where_takes_what_matches() -> None:
    queue: TimerQueue[tuple[str, int]] = TimerQueue()
    for number in range(4):
        queue.set(("even" if number % 2 == 0 else "odd", number), number)
    queue.cancel_where(lambda key: key[0] == "even")
    assert [queue.pop_due(9), queue.pop_due(9), queue.pop_due(9)] == [("odd", 1), ("odd", 3), None]


@pytest.mark.parametrize("at_ns", [float("nan"), float("inf"), 1.5, None, "1", True])
def test_a_time_that_is_not_a_whole_number_is_refused_and_changes_nothing(at_ns: Any) -> None:
    queue: TimerQueue[str] = TimerQueue()
    queue.set("lease", 10)
    with pytest.raises(UsageError, match="whole numbers of nanoseconds"):
        queue.set("lease", at_ns)
    assert queue.pop_due(10) == "lease"
