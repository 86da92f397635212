"""Counters as the venue counts them: its own worked examples, decay, and the share that only cancels may spend."""

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
