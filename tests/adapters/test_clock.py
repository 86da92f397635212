"""The venue's clock as we reckon it."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from adapters.clock import VenueClock
from engine.actor import Context

MS = 1_000_000


class Wall:
    """A wall clock that is ``ahead`` of the monotonic one."""

    def __init__(self, ahead_ns: int) -> None:
        self.ahead_ns = ahead_ns

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self.ahead_ns


def clock(ahead_ns: int = 10**18) -> VenueClock:
    return VenueClock(cast(Context, Wall(ahead_ns)), MS)


@given(offset=st.integers(-(10**12), 10**12), there=st.integers(0, 10**9), back=st.integers(0, 10**9))
def test_a_reading_is_off_by_half_the_round_trip_at_most(offset: int, there: int, back: int) -> None:
    made = clock()
    asked = 5 * 10**12
    served = asked + there
    server_ns = (served + 10**18 + offset) // MS * MS
    assert made.read(server_ns, asked, served + back)
    assert abs(made.offset_ns - offset) <= (there + back) // 2 + MS
    assert abs(made.venue_ns(asked) - (asked + 10**18 + offset)) <= (there + back) // 2 + MS


def test_a_slow_reading_does_not_replace_a_quick_one_until_drift_may_have_eaten_it() -> None:
    made = clock()
    assert made.read(10**18, 0, 2 * MS)
    first = made.offset_ns
    assert not made.read(10**18 + 100 * MS, 0, 400 * MS)
    assert made.offset_ns == first
    assert made.read(10**18 + 10**13, 10**13, 10**13 + 400 * MS)


def test_a_distrusted_clock_takes_any_reading() -> None:
    made = clock()
    made.read(10**18, 0, 0)
    made.distrust()
    assert made.read(10**18 + 10**9, 0, 10**9)


def test_timestamp_and_local_time_are_inverse() -> None:
    made = clock()
    made.read(10**18 + 700 * MS, 0, 0)
    assert made.timestamp(0) == (10**18 + 700 * MS) // MS
    assert made.local_ns(made.venue_ns(123), 50) == 123


def test_a_clock_that_was_set_is_noticed_by_a_reading_that_is_worse_but_cannot_be_true_together() -> None:
    made = clock()
    assert made.read(10**18, 0, 2 * MS)
    assert not made.read(10**18 + 100 * MS, 0, 200 * MS)  # worse, and may be true as well
    assert made.read(10**18 + 5_000 * MS, 0, 200 * MS)
    assert abs(made.offset_ns - 4_900 * MS) <= 101 * MS
