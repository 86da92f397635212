"""Rate limits: never beyond the venue's own count, a share for cancels, calendar-aligned intervals."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.binance.messages import RateLimit
from adapters.binance.rate_limit import RateLimits
from adapters.purpose import Purpose
from engine.instrument import NANOS

MINUTE = 60 * NANOS
LISTED = (
    RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 100),
    RateLimit("ORDERS", "SECOND", 10, 5),
    RateLimit("ORDERS", "DAY", 1, 7),
    RateLimit("RAW_REQUESTS", "MINUTE", 5, 1_000),
    RateLimit("NEW_KIND", "FORTNIGHT", 1, 1),
)
NEW, CANCEL, QUERY = Purpose.NEW_ORDER, Purpose.CANCEL, Purpose.QUERY
CANCEL_ALL, LISTING = Purpose.CANCEL_ALL, Purpose.LISTING


def limits(share_ppm: int = 200_000) -> RateLimits:
    made = RateLimits(share_ppm)
    made.configure(LISTED)
    return made


def test_a_clock_that_was_an_hour_ahead_and_is_set_right_blocks_nothing_for_an_hour() -> None:
    made = limits()
    ahead = 60 * MINUTE
    made.sent(QUERY, 80, ahead)
    made.answered(QUERY, 80, 80, ahead)
    assert not made.has_room(QUERY, 1, 3 * MINUTE, 0)  # what was sent counts all the same
    assert made.has_room(QUERY, 80, 4 * MINUTE, 0)
    made.sent(QUERY, 80, 4 * MINUTE)
    made.answered(QUERY, 80, 80, 4 * MINUTE)
    assert not made.has_room(QUERY, 1, 3 * MINUTE + 1, 0)  # and a small step back gives nothing away
    assert not made.has_room(QUERY, 1, 4 * MINUTE + 1, 0)


def test_the_cancels_share_is_not_spent_by_others() -> None:
    made = limits()
    made.sent(QUERY, 80, MINUTE)
    assert not made.has_room(QUERY, 1, MINUTE, 0)
    assert not made.has_room(NEW, 1, MINUTE, 0)
    for purpose, room in ((CANCEL, 10), (LISTING, 10), (CANCEL_ALL, 20)):
        assert made.has_room(purpose, room, MINUTE, 0)
        assert not made.has_room(purpose, room + 1, MINUTE, 0)
    assert not made.has_room(QUERY, 80, 2 * MINUTE, 0)  # in flight: not forgotten when the interval rolls
    made.answered(QUERY, 80, 80, 2 * MINUTE)
    assert not made.has_room(QUERY, 1, 2 * MINUTE, 0)
    assert made.has_room(QUERY, 80, 3 * MINUTE, 0)


def test_successful_order_entry_weighs_nothing() -> None:
    made = limits()
    made.sent(NEW, 1, MINUTE)
    made.answered(NEW, 1, 0, MINUTE)
    assert made.usage()["request_weight_60s"] == 0
    assert made.usage()["orders_10s"] == 1


def test_orders_are_counted_in_every_interval() -> None:
    made = limits()
    for _ in range(5):
        assert made.has_room(NEW, 1, MINUTE, 0)
        made.sent(NEW, 1, MINUTE)
        made.answered(NEW, 1, 0, MINUTE)
    assert not made.has_room(NEW, 1, MINUTE + 10 * NANOS - 1, 0)
    assert made.has_room(CANCEL, 1, MINUTE, 0)
    for _ in range(2):
        assert made.has_room(NEW, 1, MINUTE + 10 * NANOS, 0)
        made.sent(NEW, 1, MINUTE + 10 * NANOS)
    assert not made.has_room(NEW, 1, MINUTE + 20 * NANOS, 0)  # the day's
    made.lost()
    assert not made.has_room(NEW, 1, MINUTE + 30 * NANOS, 0)
    assert made.has_room(NEW, 1, 86_400 * NANOS, 0)


def test_the_venues_count_is_believed_also_when_it_is_lower() -> None:
    made = limits()
    made.sent(QUERY, 10, MINUTE + NANOS)
    made.report([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 100, 75)], MINUTE + NANOS)
    assert made.usage()["request_weight_60s"] == 85
    made.answered(QUERY, 10, 10, MINUTE + NANOS)
    made.report([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 100, 5)], MINUTE + NANOS)
    assert made.usage()["request_weight_60s"] == 5


def test_a_high_count_right_after_the_interval_began_is_of_the_one_before() -> None:
    made = limits()
    made.report([RateLimit("ORDERS", "SECOND", 10, 5, 5)], MINUTE + 10_000_000)
    assert made.has_room(NEW, 1, MINUTE + 10_000_000, 0)
    made.report([RateLimit("ORDERS", "SECOND", 10, 5, 5)], MINUTE + NANOS)
    assert not made.has_room(NEW, 1, MINUTE + NANOS, 0)


def test_headers_of_rest() -> None:
    made = limits()
    headers = {
        "x-mbx-used-weight": "3",
        "x-mbx-used-weight-1m": "42",
        "x-mbx-order-count-10s": "4",
        "x-mbx-order-count-1d": "6",
        "x-mbx-order-count-xs": "9",
        "x-mbx-used-weight-1m-": "999",
        "content-length": "12",
    }
    made.report_headers(headers, MINUTE + NANOS)
    usage = made.usage()
    assert usage["request_weight_60s"] == 42
    assert usage["orders_10s"] == 4
    assert usage["orders_86400s"] == 6


def test_a_block_lets_cancels_pass_and_a_ban_does_not() -> None:
    made = limits()
    made.block(100, banned=False)
    assert not made.has_room(QUERY, 1, MINUTE, 99)
    assert made.has_room(CANCEL, 1, MINUTE, 99)
    assert made.next_chance_ns(99, MINUTE) == 100
    assert made.has_room(QUERY, 1, MINUTE, 100)
    made.block(200, banned=True)
    made.block(150, banned=False)
    assert not made.has_room(CANCEL, 1, MINUTE, 199)
    assert made.has_room(CANCEL, 1, MINUTE, 200)


def test_next_chance_is_the_next_interval() -> None:
    assert limits().next_chance_ns(1_000, MINUTE + 20 * NANOS) == 1_000 + 40 * NANOS


def test_too_many_orders_fills_the_short_interval() -> None:
    made = limits()
    assert made.orders_full(MINUTE + NANOS) == MINUTE + 10 * NANOS
    assert not made.has_room(NEW, 1, MINUTE + NANOS, 0)
    assert made.has_room(NEW, 1, MINUTE + 10 * NANOS, 0)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(Purpose)), st.integers(1, 30), st.integers(0, 20 * NANOS), st.booleans()),
        max_size=60,
    )
)
@settings(max_examples=200)
def test_within_one_interval_no_limit_is_ever_passed(steps: list[tuple[Purpose, int, int, bool]]) -> None:
    """Naive model: what was sent per interval, and what is still in flight, summed up anew each time."""
    made, at = limits(), 0
    sent: list[tuple[Purpose, int, int]] = []
    for purpose, weight, wait, answered in steps:
        at += wait
        if not made.has_room(purpose, weight, at, 0):
            continue
        made.sent(purpose, weight, at)
        sent.append((purpose, weight, at))
        if answered:
            made.answered(purpose, weight, weight, at)
        minute = [(p, w) for p, w, t in sent if t // MINUTE == at // MINUTE]
        assert sum(w for _, w in minute) <= 100
        if purpose not in (CANCEL_ALL, LISTING, CANCEL):
            assert sum(w for p, w in minute if p in (NEW, QUERY)) <= 80
        if purpose is not CANCEL_ALL:
            assert sum(w for p, w in minute if p is not CANCEL_ALL) <= 90
        assert sum(1 for p, _, t in sent if p is NEW and t // (10 * NANOS) == at // (10 * NANOS)) <= 5


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "ask", "send", "send", "answer", "other", "answer other", "report", "lose", "full", "block"]
        ),
        st.sampled_from([0, 0, 0, NANOS, 10 * NANOS, MINUTE, -NANOS, -3 * MINUTE]),
        st.integers(0, 6),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@example([("ask", 0, 0), ("ask", 10 * NANOS, 0), ("ask", -NANOS, 0), ("full", 0, 0), ("ask", NANOS, 0)])
@given(_STEPS)
def test_what_is_sure_to_have_room_has_room(steps: list[tuple[str, int, int]]) -> None:
    """The short answer for new orders is the long one, whatever happens between them and wherever the clock steps."""
    made, plain = limits(), limits()
    venue_ns = now_ns = 100 * MINUTE
    for what, step_ns, count in steps:
        venue_ns, now_ns = venue_ns + step_ns, now_ns + abs(step_ns)
        plain._sure = 0
        assert made.has_room(NEW, 1, venue_ns, now_ns) == plain.has_room(NEW, 1, venue_ns, now_ns)
        for each in (made, plain):
            if what == "send":
                each.sent(NEW, 1, venue_ns)
            elif what == "answer":
                each.answered(NEW, 1, count % 2, venue_ns)
            elif what == "other":
                each.sent(CANCEL if count % 2 else QUERY, 1 + count * 3, venue_ns)
            elif what == "answer other":
                each.answered(QUERY, 1 + count * 3, count, venue_ns)
            elif what == "report":
                each.report(
                    [RateLimit("ORDERS", "SECOND", 10, 5, count), RateLimit("RAW_REQUESTS", "MINUTE", 5, 9, 900)],
                    venue_ns,
                )
            elif what == "lose":
                each.lost()
            elif what == "full":
                each.orders_full(venue_ns)
            elif what == "block":
                each.block(now_ns + count * NANOS, count % 2 == 0)


@settings(max_examples=300, deadline=None)
@given(_STEPS)
def test_the_wait_that_a_refusal_tells_is_how_long_it_takes(steps: list[tuple[str, int, int]]) -> None:
    """If nothing else is sent: then there is room, and not a moment before."""
    made = limits()
    venue_ns = now_ns = 100 * MINUTE
    for what, step_ns, count in steps:
        venue_ns, now_ns = venue_ns + abs(step_ns), now_ns + abs(step_ns)
        if what == "ask":
            wait_ns = made.order_wait_ns(venue_ns, now_ns)
            assert (wait_ns == 0) == made.has_room(NEW, 1, venue_ns, now_ns)
        elif what in ("send", "other"):
            purpose = NEW if what == "send" else QUERY
            made.sent(purpose, 1 + count * 3, venue_ns)
            made.answered(purpose, 1 + count * 3, 1 + count * 3, venue_ns)
        elif what == "report":
            made.report([RateLimit("RAW_REQUESTS", "MINUTE", 5, 9, 900), RateLimit("ORDERS", "DAY", 1, 7, 7)], venue_ns)
        elif what == "block":
            made.block(now_ns + count * NANOS, count % 2 == 0)
    wait_ns = made.order_wait_ns(venue_ns, now_ns)
    if wait_ns:
        assert not made.has_room(NEW, 1, venue_ns + wait_ns - 1, now_ns + wait_ns - 1)
    assert made.has_room(NEW, 1, venue_ns + wait_ns, now_ns + wait_ns)


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(list(Purpose)),
            st.integers(1, 30),
            st.integers(0, 9 * NANOS),
            st.booleans(),
        ),
        max_size=80,
    )
)
def test_sessions_behind_one_address_never_pass_its_limit_and_each_keeps_its_cancels_share(
    steps: list[tuple[int, Purpose, int, int, bool]],
) -> None:
    """None of the three sees the others: not even what the venue reports, as here nobody gets an answer with counts."""
    parts = [RateLimits(200_000, 33) for _ in range(3)]
    for part in parts:
        part.configure(LISTED)
    at, sent = 0, list[tuple[int, Purpose, int, int]]()
    for which, purpose, weight, wait, answered in steps:
        at += wait
        if not parts[which].has_room(purpose, weight, at, 0):
            continue
        parts[which].sent(purpose, weight, at)
        sent.append((which, purpose, weight, at))
        if answered:
            parts[which].answered(purpose, weight, weight, at)
        minute = [(one, p, w) for one, p, w, t in sent if t // MINUTE == at // MINUTE]
        assert sum(w for _, _, w in minute) <= 100
        for one in range(3):
            assert sum(w for by, p, w in minute if by == one and p in (NEW, QUERY)) <= 33 - 6
    for part in parts:
        later = at + 10 * MINUTE
        part.lost()
        assert part.has_room(CANCEL_ALL, 33, later, 0)


def test_a_part_is_not_all_when_the_others_have_spent_more_than_theirs() -> None:
    made = RateLimits(200_000, 50)
    made.configure(LISTED)
    at = MINUTE + NANOS
    assert made.has_room(NEW, 1, at, 0)
    made.report([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 100, 80)], at)
    assert not made.has_room(NEW, 1, at, 0)  # of the whole limit no more than the cancels' share is left
    assert made.has_room(CANCEL, 10, at, 0)
    assert made.order_wait_ns(at, 0) == MINUTE - NANOS
