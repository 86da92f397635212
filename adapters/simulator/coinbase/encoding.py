"""How the venue writes numbers, times and ids, and how it reads the bodies of requests."""

import datetime
import re
from collections.abc import Iterable, Mapping

import msgspec

from adapters.simulator.coinbase.errors import proto
from adapters.simulator.prng import SplitMix64
from engine.instrument import NANOS, decimal_text, plain

__all__ = [
    "NEVER",
    "Ids",
    "Stamps",
    "amount_text",
    "check_fields",
    "micros_text",
    "nanos_text",
    "parse_time",
    "read_object",
]

#: A time that is not set.
NEVER = "0001-01-01T00:00:00Z"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_NANO_DECIMALS = 9
_MICRO_NS = 1_000

_decode = msgspec.json.Decoder().decode


def _seconds_text(wall_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(wall_ns // NANOS, datetime.UTC):%Y-%m-%dT%H:%M:%S}"


def micros_text(wall_ns: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    return f"{_seconds_text(wall_ns)}.{wall_ns % NANOS // 1_000:06d}Z"


def nanos_text(wall_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds, as WebSocket messages have it."""
    return f"{_seconds_text(wall_ns)}.{wall_ns % NANOS:09d}Z"


def parse_time(text: object) -> int | None:
    """RFC 3339 in UTC ns; None for what it is not."""
    match = _TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    zone = "+00:00" if match.group(4) == "Z" else match.group(4)
    try:
        moment = datetime.datetime.fromisoformat(f"{match.group(1)}T{match.group(2)}{zone}")
        return round(moment.timestamp()) * NANOS + int((match.group(3) or "").ljust(9, "0"))
    except (ValueError, OverflowError):
        return None


def amount_text(nanos: int) -> str:
    """An amount in billionths, without trailing zeros."""
    return plain(decimal_text(nanos, _NANO_DECIMALS))


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object that a body is. Raises HttpError."""
    try:
        decoded = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise proto("syntax error (line 1:1): unexpected token") from None
    if not isinstance(decoded, dict):
        raise proto("syntax error (line 1:1): unexpected token")
    return decoded


def check_fields(found: Mapping[str, object], known: Iterable[str], body: bytes) -> None:
    """Raises HttpError for a field that the message does not have."""
    allowed = frozenset(known)
    for name in found:
        if name not in allowed:
            column = body.find(f'"{name}"'.encode()) + 1
            raise proto(f'(line 1:{max(column, 1)}): unknown field "{name}"')


class Ids:
    """The ids that the venue makes up: UUIDs, from a seed."""

    def __init__(self, seed: int) -> None:
        self._prng = SplitMix64(seed)

    def next(self) -> str:
        text = f"{self._prng.next():016x}{self._prng.next():016x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class Stamps:
    """Times in whole microseconds of which no two are the same: they tell an order's fills and its edits apart."""

    def __init__(self) -> None:
        self._last_ns = 0

    def next(self, wall_ns: int) -> int:
        self._last_ns = max(wall_ns - wall_ns % _MICRO_NS, self._last_ns + _MICRO_NS)
        return self._last_ns
