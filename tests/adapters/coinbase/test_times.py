import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.coinbase.times import time_text, venue_ns
from engine.errors import VenueError

NANOS = 1_000_000_000


@given(st.integers(0, 9_000_000_000_000_000_000))
def test_what_is_written_is_read_again_to_the_microsecond(time_ns: int) -> None:
    assert venue_ns(time_text(time_ns)) == time_ns // 1_000 * 1_000


@given(st.integers(0, 9_000_000_000), st.text("0123456789", max_size=9), st.sampled_from(["Z", "+00:00"]))
def test_any_number_of_decimals_is_exact(second: int, fraction: str, zone: str) -> None:
    when = datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    text = f"{when}.{fraction}{zone}" if fraction else f"{when}{zone}"
    assert venue_ns(text) == second * NANOS + int(fraction.ljust(9, "0"))


def test_never_is_zero() -> None:
    assert venue_ns("0001-01-01T00:00:00Z") == venue_ns("") == 0


@given(st.text(max_size=40))
def test_anything_else_is_a_venue_error_or_a_time(text: str) -> None:
    with contextlib.suppress(VenueError):
        assert venue_ns(text) >= 0


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T00:00:00",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00.Z",
        "1969-12-31T23:59:59Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+01:00",
    ],
)
def test_what_is_no_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(VenueError):
        venue_ns(text)
