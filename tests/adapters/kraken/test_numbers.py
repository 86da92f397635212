"""Numbers keep their digits, times their nanoseconds; anything else is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kraken.numbers import instant_ns, instant_text, nanos_floor, number_text, second_text, seconds_ns
from engine.errors import VenueError

PLAIN = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True)


@given(PLAIN)
def test_a_number_keeps_every_digit(text: str) -> None:
    assert number_text(text.encode()) == text
    assert number_text(f'"{text}"') == text


@given(PLAIN, st.integers(-20, 20))
def test_an_exponent_is_written_out(text: str, exponent: int) -> None:
    written = number_text(f"{text}e{exponent}")
    assert Decimal(written) == Decimal(text).scaleb(exponent)
    assert "e" not in written.lower()


@pytest.mark.parametrize("text", ["", "null", "true", "1.", ".5", "1e", "NaN", "1_0", "١", "[1]", "1e9999", " 1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(VenueError):
        number_text(text)


def test_raw_json_is_read_as_it_is() -> None:
    class Row(msgspec.Struct):
        qty: msgspec.Raw

    assert number_text(msgspec.json.decode(b'{"qty":0.43374000}', type=Row).qty) == "0.43374000"


@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_amounts_are_cut_down_to_billionths(units: int, scale: int) -> None:
    text = f"{Decimal(units).scaleb(-scale):f}"
    nanos = nanos_floor(text, "amount")
    exact = Decimal(units).scaleb(9 - scale)
    assert nanos <= exact < nanos + 1 or abs(nanos) == 2**63 - 1


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999))
def test_times_both_ways(seconds: int, microseconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    expected = seconds * 10**9 + microseconds * 1_000
    assert instant_ns(f"{moment}.{microseconds:06d}Z") == expected
    assert instant_ns(f"{moment}.{microseconds:06d}") == expected
    assert instant_ns(f"{moment}Z") == seconds * 10**9
    assert instant_ns(instant_text(expected)) == expected // 10**6 * 10**6
    assert seconds_ns(second_text(expected)) == expected


@pytest.mark.parametrize("text", ["2023", "2023-09-22", "2023-13-22T10:33:05Z", "2023-09-22T10:33:05.x1Z", "nonsense"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(VenueError):
        instant_ns(text)


def test_no_time_at_all_is_zero() -> None:
    assert instant_ns("") == 0
