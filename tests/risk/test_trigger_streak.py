"""The hysteresis of triggers and the counting of events in a window, against naive models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from risk.trigger_streak import EventWindow, Streak

THRESHOLD, REARM_AT = 10, 7
VALUES = st.lists(st.sampled_from([0, 6, 7, 8, 9, 10, 11, 12, 1_000]), max_size=80)


def naive_firings(values: list[int], consecutive: int) -> list[int]:
    """At which places a trigger fires, from the whole history each time: slow and obvious."""
    fired_at: list[int] = []
    since, tripped = 0, False
    for place in range(len(values)):
        lately = values[since : place + 1][-consecutive:]
        if len(lately) < consecutive:
            continue
        if not tripped and all(value > THRESHOLD for value in lately):
            fired_at.append(place)
            since, tripped = place + 1, True
        elif tripped and all(value <= REARM_AT for value in lately):
            since, tripped = place + 1, False
    return fired_at


@given(values=VALUES, consecutive=st.integers(1, 5))
def test_it_fires_where_the_naive_model_does(values: list[int], consecutive: int) -> None:
    streak = Streak(THRESHOLD, REARM_AT, consecutive)
    fired_at = [place for place, value in enumerate(values) if streak.step(value)]
    assert fired_at == naive_firings(values, consecutive)


STEPS_OF_LIFE = st.lists(
    st.one_of(st.sampled_from([0, 6, 7, 8, 10, 11, 12, 13, 15, 20, 1_000]), st.just("release")), max_size=60
)


def naive_firings_with_releases(steps: list[int | str], consecutive: int, step: int) -> list[int]:
    """The same, with people who accept a tripped value as it is, up to ``step`` worse."""
    fired_at: list[int] = []
    values: list[int] = []
    since, since_accepted, tripped, accepted = 0, 0, False, None
    for place, each in enumerate(steps):
        if isinstance(each, str):
            if tripped:
                accepted, since_accepted = values[-1] + step, len(values)
            continue
        values.append(each)
        worse = values[since_accepted:][-consecutive:]
        if accepted is not None and len(worse) == consecutive and all(value > accepted for value in worse):
            fired_at.append(place)
            accepted = None
            continue
        lately = values[since:][-consecutive:]
        if len(lately) < consecutive:
            continue
        if not tripped and all(value > THRESHOLD for value in lately):
            fired_at.append(place)
            since, tripped = len(values), True
        elif tripped and all(value <= REARM_AT for value in lately):
            since, tripped, accepted = len(values), False, None
    return fired_at


@given(steps=STEPS_OF_LIFE, consecutive=st.integers(1, 4), step=st.integers(1, 5))
def test_after_a_release_it_fires_for_worse_as_the_naive_model_does(
    steps: list[int | str], consecutive: int, step: int
) -> None:
    streak = Streak(THRESHOLD, REARM_AT, consecutive)
    fired_at = []
    for place, each in enumerate(steps):
        if isinstance(each, str):
            streak.accept(step)
        elif streak.step(each):
            fired_at.append(place)
    assert fired_at == naive_firings_with_releases(steps, consecutive, step)


@given(values=st.lists(st.integers(0, THRESHOLD), max_size=20), at=st.integers(0, 20), consecutive=st.integers(2, 5))
def test_a_single_phantom_value_never_fires(values: list[int], at: int, consecutive: int) -> None:
    streak = Streak(THRESHOLD, REARM_AT, consecutive)
    with_phantom = [*values[:at], 10**18, *values[at:]]
    assert not any(streak.step(value) for value in with_phantom)


def test_a_value_that_trembles_at_the_threshold_fires_once() -> None:
    streak = Streak(THRESHOLD, REARM_AT, 2)
    assert [streak.step(value) for value in [11, 11] + [10, 11, 9, 11, 11, 8] * 5].count(True) == 1
    assert streak.tripped


def test_it_is_armed_again_only_after_as_many_well_values() -> None:
    streak = Streak(THRESHOLD, REARM_AT, 2)
    assert [streak.step(value) for value in [11, 11, 7, 8, 7, 11, 11, 7, 7, 11, 11]] == [
        *[False, True],
        *[False] * 8,
        True,
    ]


@pytest.mark.parametrize(("rearm_at", "consecutive"), [(THRESHOLD + 1, 1), (THRESHOLD, 0), (0, -1)])
def test_a_streak_that_could_not_work_is_refused(rearm_at: int, consecutive: int) -> None:
    with pytest.raises(UsageError):
        Streak(THRESHOLD, rearm_at, consecutive)


# -- windows -----------------------------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans()), min_size=1, max_size=60)


def naive_count(history: list[tuple[int, int, int]], window_ns: int) -> int:
    """Events since the last reading that is a whole window old, or since the first one of this life."""
    started_ns, at_ns, total = history[-1]
    life = [(at, count) for started, at, count in history if started == started_ns]
    before = [count for at, count in life if at <= at_ns - window_ns]
    return total - (before[-1] if before else life[0][1])


@given(steps=STEPS, window_ns=st.integers(1, 60))
def test_a_window_counts_as_the_naive_model_does(steps: list[tuple[int, int, bool]], window_ns: int) -> None:
    window = EventWindow(window_ns)
    history: list[tuple[int, int, int]] = []
    started_ns, at_ns, total = 1, 1, 0
    for pause_ns, events, is_new_life in steps:
        if is_new_life:
            started_ns, total = at_ns + 1, 0
        at_ns += pause_ns + is_new_life
        total += events
        history.append((started_ns, at_ns, total))
        assert window.count(started_ns, at_ns, total) == naive_count(history, window_ns)


def test_what_a_new_life_has_counted_before_it_is_first_heard_is_no_storm() -> None:
    window = EventWindow(1_000)
    assert window.count(1, 100, 5) == 0
    assert window.count(1, 200, 9) == 4
    assert window.count(300, 400, 50_000) == 0  # its journal was replayed
    assert window.count(300, 500, 50_001) == 1
