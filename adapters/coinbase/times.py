"""The venue's times: RFC 3339 text in UTC, with up to nine decimals, ↔ nanoseconds."""

import datetime

from engine.errors import VenueError
from engine.instrument import INT64_MAX, NANOS

__all__ = ["time_text", "venue_ns"]

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAY_S = 86_400


def venue_ns(text: str) -> int:
    """A time in ns since 1970; 0 for the venue's "never" (year 1) and for no text. Raises VenueError for anything
    else that is not UTC, or not between 1970 and 2262."""
    if not text or text.startswith("0001-"):
        return 0
    day, clock, fraction, is_utc = text[:10], text[11:19], "", text.endswith("Z")
    body = text[:-1] if is_utc else text.removesuffix("+00:00")
    if body[19:20] == ".":
        fraction = body[20:]
    try:
        seconds = (datetime.date.fromisoformat(day).toordinal() - _EPOCH_DAY) * _DAY_S + _clock_s(clock)
        plain = (
            (is_utc or body != text) and text[10:11] in ("T", " ") and len(body) == 19 + bool(fraction) + len(fraction)
        )
        if not plain or len(fraction) > 9 or (fraction and not (fraction.isascii() and fraction.isdigit())):
            raise ValueError
    except ValueError:
        raise VenueError(f"time {text[:40]!r} is not an RFC 3339 time in UTC") from None
    time_ns = seconds * NANOS + int(fraction.ljust(9, "0"))
    if not 0 <= time_ns <= INT64_MAX:
        raise VenueError(f"time {text[:40]!r} is out of range")
    return time_ns


def _clock_s(clock: str) -> int:
    if len(clock) != 8 or clock[2] != ":" or clock[5] != ":":
        raise ValueError
    parts = clock[:2], clock[3:5], clock[6:]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError
    hours, minutes, seconds = map(int, parts)
    if hours > 23 or minutes > 59 or seconds > 60:
        raise ValueError
    return hours * 3_600 + minutes * 60 + seconds


def time_text(time_ns: int) -> str:
    """As the venue takes it: down to the microsecond, rounded down."""
    seconds, rest = divmod(time_ns, NANOS)
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{rest // 1_000:06d}Z"
