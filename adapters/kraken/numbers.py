"""The venue's numbers and times as text: JSON numbers keep every digit, times are RFC 3339.

Prices and quantities are JSON numbers on the wire. They are never decoded into floats: the digits themselves are taken
out of the message and read by ``adapters.grid``. Only reference data has exponents (``1e-08``).
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from msgspec import Raw

from engine.errors import UsageError, VenueError
from engine.instrument import INT64_MAX, NANOS, decimal_text, parse_decimal

__all__ = ["instant_ns", "instant_text", "nanos_floor", "number_text", "second_text", "seconds_ns"]

_NUMBER = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,3}))?\Z")
_EPOCH = date(1970, 1, 1).toordinal()


def number_text(raw: Raw | bytes | str) -> str:
    """A JSON number, or a number in quotes, as plain decimal text with the digits that it came with. Raises VenueError
    for anything else."""
    text = raw if isinstance(raw, str) else str(memoryview(raw), "ascii", "replace")
    text = text.strip('"')
    match = _NUMBER.match(text)
    if match is None:
        raise VenueError(f"{text[:40]!r} is not a number")
    exponent = match.group(4)
    if exponent is None:
        return text
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    scale = len(fraction) - int(exponent)
    units = int(whole + fraction)
    return sign + (decimal_text(units, scale) if scale > 0 else str(units * 10**-scale))


def nanos_floor(raw: Raw | bytes | str, what: str) -> int:
    """An amount in billionths, cut down (amounts have up to ten decimals) and bounded by what fits: too little is the
    safe side of funds."""
    try:
        units, scale = parse_decimal(number_text(raw), what)
    except UsageError as error:
        raise VenueError(str(error)) from error
    nanos: int = units * 10 ** (9 - scale) if scale <= 9 else units // 10 ** (scale - 9)
    return max(-INT64_MAX, min(nanos, INT64_MAX))


# -- times -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _day_seconds(day: str) -> int:
    return (date.fromisoformat(day).toordinal() - _EPOCH) * 86_400


def instant_ns(text: str) -> int:
    """``2023-09-22T10:33:05.709950Z`` (any decimals; the Z may lack) in UTC ns; "" is 0. Raises VenueError."""
    if not text:
        return 0
    try:
        clock, _, fraction = text[11:].rstrip("Z").partition(".")
        if text[10] not in "T " or len(clock) != 8 or (fraction and not fraction.isdigit()):
            raise ValueError(text)
        seconds = _day_seconds(text[:10]) + int(clock[:2]) * 3_600 + int(clock[3:5]) * 60 + int(clock[6:8])
        return seconds * NANOS + int((fraction + "000000000")[:9])
    except (ValueError, IndexError):
        raise VenueError(f"time {text[:40]!r} is not RFC 3339") from None


def seconds_ns(raw: Raw | bytes | str) -> int:
    """``1688666559.8974``, a number of seconds, in ns. Raises VenueError."""
    time_ns = nanos_floor(raw, "time")
    if time_ns < 0:
        raise VenueError(f"time {number_text(raw)} is before 1970")
    return time_ns


@lru_cache(maxsize=128)
def _second_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def instant_text(utc_ns: int) -> str:
    """UTC ns as RFC 3339 with milliseconds."""
    milliseconds = utc_ns // 1_000_000
    return f"{_second_of(milliseconds // 1_000)}.{milliseconds % 1_000:03d}Z"


def second_text(utc_ns: int) -> str:
    """UTC ns as seconds with nine decimals, as REST takes times."""
    return decimal_text(utc_ns, 9)
