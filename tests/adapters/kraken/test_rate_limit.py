"""Counters as the venue counts them: its own worked examples, decay, and the share that only cancels may spend."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from adapters.kraken.options import TIERS
from adapters.kraken.rate_limit import (
    NEW_MILLI,
    Counter,
    Purpose,
    RateLimits,
    amend_cost_milli,
    cancel_cost_milli,
)
from engine.instrument import NANOS


def test_the_venues_own_example_of_costs() -> None:
    """Add, amend after 7 s, cancel 36 s later: 1 + (1 + 2) + 4."""
    assert NEW_MILLI + amend_cost_milli(7 * NANOS) + cancel_cost_milli(36 * NANOS) == 8_000


def test_the_venues_own_example_of_decay() -> None:
    """50 adds, then 10 s at 2.34 a second."""
    counter = Counter(125_000, 2_340)
    counter.add(50 * NEW_MILLI, 0)
    assert counter.used_milli(10 * NANOS) == 26_600


@given(st.lists(st.tuples(st.integers(0, 10 * NANOS), st.integers(0, 9_000)), max_size=30))
def test_a_counter_decays_and_never_below_nothing(steps: list[tuple[int, int]]) -> None:
    counter, exact, now_ns = Counter(60_000, 1_000), 0.0, 0
    for passed_ns, cost_milli in steps:
        now_ns += passed_ns
        exact = max(0.0, exact - passed_ns / NANOS * 1_000) + cost_milli
        counter.add(cost_milli, now_ns)
        assert abs(counter.used_milli(now_ns) - exact) <= 2 + len(steps)


def test_a_wait_is_as_long_as_it_takes() -> None:
    counter = Counter(60_000, 1_000)
    counter.add(60_000, 0)
    wait_ns = counter.wait_ns(1_000, 12_000, 0)
    assert not counter.has_room(1_000, 12_000, wait_ns - 2 * NANOS // 1_000)
    assert counter.has_room(1_000, 12_000, wait_ns + 2)


def test_new_orders_leave_the_cancels_share_and_pairs_are_apart() -> None:
    limits = RateLimits(TIERS["starter"], 200_000)
    limits.define((1, 2))
    sent = 0
    while limits.has_room(1, NEW_MILLI, 0):
        limits.spent(1, NEW_MILLI, 0)
        sent += 1
    assert sent == 48
    assert limits.has_room(2, NEW_MILLI, 0)
    assert limits.has_any_room(0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["new", "amend", "cancel", "block"]),
            st.integers(0, 3 * NANOS),
            st.integers(0, 400 * NANOS),
            st.sampled_from([1, 2]),
        ),
        max_size=120,
    )
)
def test_new_orders_and_amends_never_take_the_cancels_share_and_the_wait_they_are_told_is_true(
    steps: list[tuple[str, int, int, int]],
) -> None:
    """Of each pair apart. What cancels cost beyond their share takes room from orders, not the other way round."""
    limits, now_ns = RateLimits(TIERS["starter"], 200_000), 0
    limits.define((1, 2))
    exact = {1: 0.0, 2: 0.0}
    for what, passed_ns, age_ns, pair in steps:
        now_ns += passed_ns
        exact = {each: max(0.0, used - passed_ns * 1_000 / NANOS) for each, used in exact.items()}
        if what == "block":
            limits.block(now_ns + age_ns % NANOS, now_ns)
            continue
        if what == "cancel":  # is never asked whether it may
            limits.spent(pair, cancel_cost_milli(age_ns), now_ns)
            exact[pair] += cancel_cost_milli(age_ns)
            continue
        cost_milli = NEW_MILLI if what == "new" else amend_cost_milli(age_ns)
        wait_ns = limits.order_wait_ns(pair, cost_milli, now_ns)
        if limits.has_room(pair, cost_milli, now_ns):
            assert wait_ns <= max(0, limits.blocked_until_ns - now_ns)
            limits.spent(pair, cost_milli, now_ns)
            exact[pair] += cost_milli
            assert exact[pair] <= 48_000 + 10
        else:
            assert exact[pair] + cost_milli > 48_000 - 10
            assert wait_ns > 0
            assert deepcopy(limits).order_wait_ns(pair, cost_milli, now_ns + wait_ns) <= 2_000


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Purpose)), st.sampled_from([1_000, 2_000, 4_000]), st.integers(0, 4 * NANOS)),
        max_size=80,
    )
)
def test_questions_never_take_what_a_cancel_over_rest_needs(steps: list[tuple[Purpose, int, int]]) -> None:
    limits, now_ns, exact = RateLimits(TIERS["starter"], 200_000), 0, 0.0
    most, decay = limits.rest.max_milli, limits.rest.decay_milli
    left = {Purpose.NEW_ORDER: 200, Purpose.QUERY: 200, Purpose.CANCEL: 100, Purpose.LISTING: 100}
    for purpose, cost_milli, passed_ns in steps:
        now_ns += passed_ns
        exact = max(0.0, exact - passed_ns * decay / NANOS)
        wait_ns = limits.rest_wait_ns(purpose, cost_milli, now_ns)
        if wait_ns:
            assert deepcopy(limits).rest_wait_ns(purpose, cost_milli, now_ns + wait_ns) <= 2 * NANOS // decay
            continue
        limits.rest_spent(cost_milli, now_ns)
        exact += cost_milli
        assert exact <= most - most * left.get(purpose, 0) // 1_000 + 10


def test_the_venues_cap_and_its_count_are_believed() -> None:
    limits = RateLimits(TIERS["starter"], 200_000)
    limits.define((1,))
    limits.configure(180, TIERS.values())
    limits.told(1, 143_500, 0)
    assert not limits.has_room(1, NEW_MILLI, 0)
    assert limits.has_room(1, NEW_MILLI, NANOS)  # 3.75 a second
    until_ns = limits.pair_full(1, NANOS)
    assert not limits.has_room(1, NEW_MILLI, until_ns - NANOS // 100)
    assert limits.has_room(1, NEW_MILLI, until_ns)


def test_cancels_pass_a_full_rest_counter_and_a_block() -> None:
    limits = RateLimits(TIERS["starter"], 400_000)
    while not limits.rest_wait_ns(Purpose.QUERY, 1_000, 0):
        limits.rest_spent(1_000, 0)
    assert limits.rest_wait_ns(Purpose.LISTING, 1_000, 0) == 0
    assert limits.rest_wait_ns(Purpose.CANCEL_ALL, 1_000, 0) == 0
    limits.block(5 * NANOS, 0)
    assert limits.rest_wait_ns(Purpose.LISTING, 1_000, 0) == 5 * NANOS
    assert limits.rest_wait_ns(Purpose.CANCEL_ALL, 0, 0) == 0
