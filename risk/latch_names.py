"""A latch page's header and name tables: what is read when it is opened, and never on an order.

The page has two areas of names. A new version is written over the older one: its record's head goes to zero, then the
payload, then the head, so that a reader finds the area empty or whole, and the other one whole. An area that is neither
is damage, and then the page is not opened: with fewer names than it has had, an index could get a second meaning.
"""

import mmap
import struct
import zlib

import msgspec

from engine.errors import UsageError
from risk.latch_layout import (
    ALL_FREE,
    NAMES_AT,
    NAMES_BYTES,
    PAGE_BYTES,
    PAGE_MAGIC,
    STATE_WORDS,
    STATES_CELL,
    UNKNOWN,
)
from risk.scope import SCOPE_KINDS, TradingNames

__all__ = [
    "QUIET",
    "STATES_AT",
    "LatchNames",
    "check_header",
    "check_names",
    "fresh_page",
    "read_names",
    "read_record",
    "record_of",
    "write_names",
]

_VERSION = 3
_HEADER = struct.Struct("<QIQ")
_CHECKSUM = struct.Struct("<I")
_RECORD = struct.Struct("<II")
STATES_AT = STATES_CELL * 8
#: All states of a page without a kill.
QUIET = ALL_FREE.to_bytes(8, "little") * STATE_WORDS
_NAME_BYTES_MAX = 128

_Page = mmap.mmap | bytearray


class LatchNames(msgspec.Struct, frozen=True, array_like=True):
    """The page's name tables: a name's place is its index in rows. Only ever appended to."""

    version: int
    venues: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[tuple[str, ...], ...]:
        """In the order of a row's cells."""
        return (self.venues, self.accounts, self.strategies, self.instruments)

    def index_of(self, kind: str, name: str) -> int:
        """Of a ``venue``, ``account``, ``strategy`` or ``instrument`` (``VENUE:SYMBOL``); UNKNOWN when it has none."""
        table = self.tables[SCOPE_KINDS.index(kind)]
        return table.index(name) if name in table else UNKNOWN

    def with_names(self, names: TradingNames) -> "LatchNames":
        """These and the missing ones of ``names``, as the next version; itself when none is missing."""
        new = (names.venues, names.accounts, names.strategies, names.instruments)
        merged = [
            known + tuple(name for name in wanted if name not in known)
            for known, wanted in zip(self.tables, new, strict=True)
        ]
        if tuple(merged) == self.tables:
            return self
        return LatchNames(self.version + 1, merged[0], merged[1], merged[2], merged[3])


def fresh_page(names: TradingNames) -> bytearray:
    """A page's bytes, with nothing killed. Raises UsageError for a name that does not fit."""
    check_names(names)
    page = bytearray(PAGE_BYTES)
    _HEADER.pack_into(page, 0, PAGE_MAGIC, _VERSION, PAGE_BYTES)
    _CHECKSUM.pack_into(page, _HEADER.size, zlib.crc32(page[: _HEADER.size]))
    page[STATES_AT : STATES_AT + len(QUIET)] = QUIET
    write_names(page, LatchNames(0).with_names(names) if names != TradingNames() else LatchNames(1))
    return page


def check_header(page: _Page, path: object) -> None:
    """Raises UsageError for a page that is foreign, damaged or of another version."""
    magic, version, size = _HEADER.unpack_from(page, 0)
    if magic != PAGE_MAGIC:
        raise UsageError(f"latch {path} is not a latch of Haltline, or of an older version")
    if _CHECKSUM.unpack_from(page, _HEADER.size)[0] != zlib.crc32(page[: _HEADER.size]):
        raise UsageError(f"latch {path} is damaged: its header does not match its checksum")
    if version != _VERSION or size != PAGE_BYTES:
        raise UsageError(f"latch {path} is of version {version}, this engine reads version {_VERSION}")


def check_names(names: TradingNames) -> None:
    """Raises UsageError for a name that is empty or longer than 128 bytes."""
    for name in (*names.venues, *names.accounts, *names.strategies, *names.instruments):
        if not 0 < len(name.encode("utf-8", "replace")) <= _NAME_BYTES_MAX:
            raise UsageError(f"latch: the name {name[:40]!r} must be 1 to {_NAME_BYTES_MAX} bytes long")


def write_names(page: _Page, names: LatchNames) -> None:
    """Raises UsageError when they do not fit; the page is unchanged then."""
    record = record_of(msgspec.msgpack.encode(names))
    if len(record) > NAMES_BYTES:
        raise UsageError(f"the latch has room for {NAMES_BYTES} bytes of names, not {len(record)}")
    at = NAMES_AT + NAMES_BYTES * (names.version % 2)
    page[at : at + _RECORD.size] = bytes(_RECORD.size)
    page[at + _RECORD.size : at + len(record)] = record[_RECORD.size :]
    page[at : at + _RECORD.size] = record[: _RECORD.size]


def read_names(page: _Page, path: object) -> LatchNames:
    """The newest names. Raises UsageError when there are none, or when an area is neither empty nor whole."""
    found = []
    for at in (NAMES_AT, NAMES_AT + NAMES_BYTES):
        if page[at : at + _RECORD.size] == bytes(_RECORD.size):
            continue
        try:
            found.append(msgspec.msgpack.decode(read_record(page, at, NAMES_BYTES), type=LatchNames))
        except msgspec.DecodeError:
            raise UsageError(f"latch {path} is damaged: its names do not match their checksum") from None
    if not found:
        raise UsageError(f"latch {path} is damaged: it holds no names")
    return max(found, key=lambda names: names.version)


def record_of(payload: bytes) -> bytes:
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def read_record(page: _Page, at: int, room: int) -> bytes:
    """A record's payload; empty when its length or its checksum is wrong."""
    length, checksum = _RECORD.unpack_from(page, at)
    if not 0 < length <= room - _RECORD.size:
        return b""
    payload = bytes(page[at + _RECORD.size : at + _RECORD.size + length])
    return payload if zlib.crc32(payload) == checksum else b""
