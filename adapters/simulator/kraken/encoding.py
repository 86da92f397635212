"""How the venue writes numbers, times and ids, and how it reads JSON: numbers keep every digit, both ways."""

import datetime
import re

import msgspec

from adapters.simulator.prng import SplitMix64
from engine.instrument import decimal_text

__all__ = ["Ids", "Number", "client_id", "number", "parse_time", "read_json", "rfc1123", "seconds_text", "time_text"]

_SECOND_NS = 1_000_000_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_HEX = re.compile(r"[0-9a-f]{32}\Z")
_FREE = re.compile(r"[\x21-\x7e]{1,18}\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


class Number(str):
    """A JSON number with a fraction or an exponent, as the digits that were sent."""

    __slots__ = ()


_decoder = msgspec.json.Decoder(float_hook=Number)


def read_json(data: bytes) -> object:
    """Raises ``msgspec.DecodeError`` (or UnicodeDecodeError) for what is not JSON."""
    return _decoder.decode(data)


def number(text: str) -> msgspec.Raw:
    """Decimal text as a JSON number, digit for digit."""
    return msgspec.Raw(text.encode())


def time_text(wall_ns: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(wall_ns, _SECOND_NS)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000:06d}Z"


def rfc1123(wall_ns: int) -> str:
    moment = datetime.datetime.fromtimestamp(wall_ns // _SECOND_NS, datetime.UTC)
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%y %H:%M:%S} +0000"


def parse_time(text: object) -> int | None:
    """RFC 3339 in UTC ns; None for what it is not."""
    match = _TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    zone = "+00:00" if match.group(3) == "Z" else match.group(3)
    try:
        moment = datetime.datetime.fromisoformat(match.group(1) + zone)
    except ValueError:
        return None
    return round(moment.timestamp()) * _SECOND_NS + int((match.group(2) or "").ljust(9, "0"))


def seconds_text(wall_ns: int) -> str:
    """Unix seconds with four decimals, as REST has them."""
    return decimal_text(wall_ns // 100_000, 4)


def client_id(text: object) -> str | None:
    """A client order id as the venue keeps it: a UUID, dashed and in lower case, or up to 18 characters; None: bad."""
    if not isinstance(text, str) or isinstance(text, Number):
        return None
    lower = text.lower()
    if _HEX.match(lower):
        return "-".join((lower[:8], lower[8:12], lower[12:16], lower[16:20], lower[20:]))
    if _UUID.match(lower):
        return lower
    return text if _FREE.match(text) else None


class Ids:
    """The ids that the venue makes up: a letter for the kind, then 16 letters and digits, from a seed."""

    def __init__(self, seed: int) -> None:
        self._prng = SplitMix64(seed)

    def next(self, kind: str) -> str:
        bits = self._prng.next() << 64 | self._prng.next()
        letters = [_LETTERS[bits >> 5 * place & 31] for place in range(16)]
        text = kind + "".join(letters)
        return f"{text[:6]}-{text[6:11]}-{text[11:17]}"
