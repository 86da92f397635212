from hypothesis import given
from hypothesis import strategies as st

from adapters.coinbase.rate_limit import RateLimits
from adapters.purpose import Purpose

SECOND = 1_000_000_000
WINDOW_NS = SECOND + SECOND // 20


@given(st.lists(st.tuples(st.integers(0, SECOND // 4), st.sampled_from(list(Purpose))), max_size=200))
def test_no_second_has_more_than_the_limit_and_new_orders_leave_the_share(
    steps: list[tuple[int, Purpose]],
) -> None:
    limits, now_ns = RateLimits(30, 200_000), 0
    sent: list[tuple[int, Purpose]] = []
    for wait_ns, purpose in steps:
        now_ns += wait_ns
        window = [each for each in sent if each[0] > now_ns - WINDOW_NS]
        reserve = {Purpose.NEW_ORDER: 6, Purpose.QUERY: 6, Purpose.CANCEL_ALL: 0}.get(purpose, 3)
        assert limits.has_room(purpose, now_ns) == (len(window) < 30 - reserve)
        if limits.has_room(purpose, now_ns):
            limits.sent(now_ns)
            sent.append((now_ns, purpose))
        else:
            at_ns = limits.next_chance_ns(purpose, now_ns)
            assert at_ns > now_ns
            later = [each for each in sent if each[0] > at_ns - WINDOW_NS]
            assert len(later) < 30 - reserve


def test_a_block_stops_everything_but_cancels() -> None:
    limits = RateLimits(30, 200_000)
    limits.block(5 * SECOND)
    limits.block(2 * SECOND)
    for purpose in Purpose:
        is_cancel = purpose in (Purpose.CANCEL, Purpose.CANCEL_ALL)
        assert limits.has_room(purpose, 4 * SECOND) == is_cancel
        assert limits.has_room(purpose, 5 * SECOND)


def test_what_the_venue_says_is_left_counts_where_it_is_less() -> None:
    limits = RateLimits(30, 0)
    limits.report_headers({"x-ratelimit-remaining": "2"}, 0)
    assert limits.usage(0) == {"requests_1s": 28}
    limits.report_headers({"x-ratelimit-remaining": "29"}, 1)
    limits.report_headers({"x-ratelimit-remaining": "many"}, 1)
    assert limits.usage(1) == {"requests_1s": 28}
    assert limits.usage(2 * SECOND) == {"requests_1s": 0}
