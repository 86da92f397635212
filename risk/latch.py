"""The latch: one mapped page per host that says who may trade.

A page has one 64-bit word for everything (``global``) and one per venue actor. A word means *trading* only when it is
exactly ``TRADING``; every other value, a damaged header, a short or a missing file means *halted*. The gate of every
venue actor maps the same file and reads the words on each order, so a store by any process, with nothing else
alive, is seen by all of them with the next load.

    offset 0     header: magic (also the first word the gate looks at), version, slots, size, CRC-32 of it and the names
           64    words: 64 x int64, index 0 is ``global``
         4096    names: 64 x 64 bytes, UTF-8, zero padded
         8192    causes: 64 slots x 4 modes x 512 bytes: [u32 length][u32 CRC-32][msgpack LatchCause]

Halting stores the word first, with one aligned 64-bit store, then the cause, then forces both to disk. There is one
cause record per slot *and mode*, so writers of different modes never overwrite each other and no lock is needed: a
lock could be held by a stopped process, and a red button must not wait. Two writers of one mode can at worst leave
a record whose checksum fails: the slot stays halted and says that its cause is damaged.

What can still go wrong, and what then happens:

- The file is truncated while it is mapped: the next load beyond its end ends the process with SIGBUS. A dead process
  sends nothing, so this fails closed. Nothing of ours truncates a latch.
- The file is deleted and made anew while gates map it: they keep the old one. So nothing of ours ever renames over a
  latch (``create`` refuses an existing path, atomically), and the state directory is only made new when no engine runs.

This module and ``risk/latency.py`` are the only ones in ``risk`` that touch files.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.codes import KillMode
from engine.errors import UsageError

__all__ = ["GLOBAL", "PAGE_MAGIC", "SLOTS_MAX", "TRADING", "LatchCause", "LatchPage", "LatchView", "view_latch"]

#: The slot that halts everything on the host.
GLOBAL = "global"
#: Venue actors that one page has room for.
SLOTS_MAX = 63

_MAGIC = b"HALTLTCH"
_VERSION = 1
#: The header's first word, as the gate compares it.
PAGE_MAGIC = int.from_bytes(_MAGIC, "little")
#: The one value of a word that lets orders pass.
TRADING = int.from_bytes(b"TRADING!", "little")
_HALTED = int.from_bytes(b"HALTED!!", "little")

_HEADER = struct.Struct("<8sIIQ")
_CHECKSUM = struct.Struct("<I")
_CAUSE = struct.Struct("<II")
_WORDS_AT, _NAMES_AT, _CAUSES_AT = 64, 4096, 8192
_NAME_BYTES, _CAUSE_BYTES, _MODES = 64, 512, 4
_SIZE = _CAUSES_AT + (SLOTS_MAX + 1) * _MODES * _CAUSE_BYTES
#: Index of the global word in the int64 array that starts at the header.
GLOBAL_WORD = _WORDS_AT // 8
_TEXT_BYTES = {"kill_id": 64, "by": 64, "reason": 256}


class LatchCause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why a slot is halted. Texts that do not fit (64, 64 and 256 bytes of UTF-8) are cut."""

    kill_id: str
    by: str
    reason: str
    mode: KillMode
    wall_time_ns: int


class LatchView:
    """A latch page as one venue actor sees it: read-only.

    ``words`` is a read-only int64 array that starts at the page's header; the kernel may trade when
    ``words[0] == PAGE_MAGIC`` and ``words[GLOBAL_WORD] == words[slot_word] == TRADING``.
    """

    __slots__ = ("_cells", "_page", "slot", "slot_word", "words")

    def __init__(self, page: "LatchPage", slot: str) -> None:
        self.slot = slot
        self.slot_word = GLOBAL_WORD + page.slots.index(slot)
        words = np.frombuffer(page.buffer, dtype=np.int64, count=_NAMES_AT // 8)
        words.flags.writeable = False
        self.words: NDArray[np.int64] = words
        self._page = page
        self._cells = words.data

    def is_trading(self) -> bool:
        """Reads the page's memory anew at each call."""
        cells = self._cells
        return bool(cells[0] == PAGE_MAGIC and cells[GLOBAL_WORD] == TRADING and cells[self.slot_word] == TRADING)

    def cause(self) -> LatchCause | None:
        """Why this actor may not trade: the more restrictive of the global cause and its own; None while it may."""
        causes = [cause for slot in (GLOBAL, self.slot) if (cause := self._page.cause(slot)) is not None]
        return max(causes, key=lambda cause: cause.mode.rank, default=None)


class LatchPage:
    """A latch page: of the host (a mapped file) or of one process (``memory``)."""

    def __init__(self, buffer: mmap.mmap | bytearray, slots: tuple[str, ...], path: Path | None) -> None:
        self.buffer = buffer
        #: Slot names; the first is ``global``.
        self.slots = slots
        self.path = path

    # -- making one -----------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path, slots: Sequence[str]) -> "LatchPage":
        """Make the page of a brand-new state directory, with every word trading, and open it.

        Raises UsageError when the path exists: a latch is never replaced, only opened. The file appears whole or
        not at all, also when two processes try at once.
        """
        path = Path(path)
        data = _fresh_page(slots)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _write_durably(draft, data)
            os.link(draft, path)
        except FileExistsError:
            raise UsageError(f"latch {path} exists already; open it, it may hold a kill") from None
        except OSError as error:
            raise UsageError(f"latch {path} cannot be made: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)
        _sync_directory(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> "LatchPage":
        """Map an existing page to halt through it. Raises UsageError when it is missing, short, foreign or damaged."""
        return cls._map(Path(path), writable=True)

    @classmethod
    def memory(cls, slots: Sequence[str]) -> "LatchPage":
        """A page of this process alone, every word trading: for virtual time and tests."""
        return cls(bytearray(_fresh_page(slots)), (GLOBAL, *slots), None)

    @classmethod
    def _map(cls, path: Path, *, writable: bool) -> "LatchPage":
        try:
            with path.open("r+b" if writable else "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size != _SIZE:
                    raise UsageError(f"latch {path} has {size} bytes instead of {_SIZE}: it is not a latch or damaged")
                access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
                mapped = mmap.mmap(file.fileno(), _SIZE, access=access)
        except OSError as error:
            raise UsageError(f"latch {path} cannot be opened: {error.strerror}") from error
        return cls(mapped, _read_slots(mapped, path), path)

    # -- reading --------------------------------------------------------------------------------------------

    def view(self, slot: str) -> LatchView:
        """The page as the venue actor ``slot`` sees it. Raises UsageError for an unknown slot."""
        self._index(slot)
        return LatchView(self, slot)

    def is_trading(self, slot: str) -> bool:
        """Whether this one word, of a venue actor or ``GLOBAL``, says trading."""
        at = _WORDS_AT + 8 * self._index(slot)
        return self.buffer[: len(_MAGIC)] == _MAGIC and self.buffer[at : at + 8] == TRADING.to_bytes(8, "little")

    def cause(self, slot: str) -> LatchCause | None:
        """Why a slot is halted, of the most restrictive mode; None while its word says trading.

        A halted slot without one readable record has a cause that says so, of the most restrictive mode.
        """
        if self.is_trading(slot):
            return None
        index = self._index(slot)
        for mode in sorted(KillMode, key=lambda mode: mode.rank, reverse=True):
            if (cause := self._read_cause(index, mode)) is not None:
                return cause
        return _unreadable(f"halted, and the latch holds no readable cause for {slot}")

    # -- halting --------------------------------------------------------------------------------------------

    def store_halted(self, slot: str) -> None:
        """The store that halts, and nothing else: from here on no gate in scope passes an order.

        For a caller that measures it; ``halt`` must follow, to say why and to make it survive a power cut.
        """
        words = np.frombuffer(self.buffer, dtype=np.int64, count=_NAMES_AT // 8)
        words[GLOBAL_WORD + self._index(slot)] = _HALTED

    def halt(self, slot: str, *, mode: KillMode, kill_id: str, by: str, reason: str, wall_time_ns: int) -> None:
        """Halt a venue actor or ``GLOBAL``: the word, then the cause, then both to disk (not for ``memory``).

        Halting again keeps the first cause of each mode; ``cause`` tells the most restrictive. Raises UsageError
        for an unknown slot, and OSError when the disk refuses (the word is stored by then).
        """
        self.store_halted(slot)
        index = self._index(slot)
        if self._read_cause(index, mode) is None:
            self._write_cause(
                index, LatchCause(_cut("kill_id", kill_id), _cut("by", by), _cut("reason", reason), mode, wall_time_ns)
            )
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.flush()

    # -- inside ---------------------------------------------------------------------------------------------

    def _index(self, slot: str) -> int:
        if slot not in self.slots:
            raise UsageError(f"the latch has no slot {slot!r}; it has: {', '.join(self.slots)}")
        return self.slots.index(slot)

    def _read_cause(self, index: int, mode: KillMode) -> LatchCause | None:
        at = _cause_at(index, mode)
        length, checksum = _CAUSE.unpack_from(self.buffer, at)
        payload = bytes(self.buffer[at + _CAUSE.size : at + _CAUSE.size + length])
        if not 0 < length <= _CAUSE_BYTES - _CAUSE.size or zlib.crc32(payload) != checksum:
            return None
        try:
            cause = msgspec.msgpack.decode(payload, type=LatchCause)
        except msgspec.DecodeError:
            return None
        return cause if cause.mode == mode else None

    def _write_cause(self, index: int, cause: LatchCause) -> None:
        at = _cause_at(index, cause.mode)
        payload = msgspec.msgpack.encode(cause)
        record = _CAUSE.pack(len(payload), zlib.crc32(payload)) + payload
        self.buffer[at : at + len(record)] = record


def view_latch(path: str | Path, slot: str) -> LatchView:
    """The gate's way in: map a host's page read-only. Never raises for a bad page.

    A page that is missing, short, foreign or damaged, or has no word for ``slot``, gives a view that reads as halted
    and whose ``cause`` says what is wrong.
    """
    try:
        return LatchPage._map(Path(path), writable=False).view(slot)
    except UsageError as error:
        page = LatchPage.memory((slot,)) if _is_slot_name(slot) else LatchPage.memory(())
        page.halt(GLOBAL, mode=KillMode.CANCEL, kill_id="", by="haltline", reason=str(error), wall_time_ns=0)
        return page.view(slot if slot in page.slots else GLOBAL)


def _unreadable(text: str) -> LatchCause:
    return LatchCause("", "", text, KillMode.CANCEL, 0)


def _cause_at(index: int, mode: KillMode) -> int:
    return _CAUSES_AT + (index * _MODES + mode - 1) * _CAUSE_BYTES


def _cut(field: str, text: str) -> str:
    return text.encode("utf-8", "replace")[: _TEXT_BYTES[field]].decode("utf-8", "ignore")


def _is_slot_name(name: str) -> bool:
    return name.strip() == name and name != GLOBAL and "\0" not in name and 0 < len(name.encode()) < _NAME_BYTES


def _fresh_page(slots: Sequence[str]) -> bytes:
    if len(slots) > SLOTS_MAX:
        raise UsageError(f"a latch has room for {SLOTS_MAX} venue actors, not {len(slots)}")
    for name in slots:
        if not _is_slot_name(name) or slots.count(name) > 1:
            raise UsageError(
                f"latch slot {name!r} must be unique, not {GLOBAL!r}, without surrounding spaces, "
                f"and 1 to {_NAME_BYTES - 1} bytes long"
            )
    page = bytearray(_SIZE)
    names = (GLOBAL, *slots)
    _HEADER.pack_into(page, 0, _MAGIC, _VERSION, len(names), _SIZE)
    for index, name in enumerate(names):
        page[_WORDS_AT + 8 * index : _WORDS_AT + 8 * index + 8] = TRADING.to_bytes(8, "little")
        data = name.encode()
        page[_NAMES_AT + _NAME_BYTES * index : _NAMES_AT + _NAME_BYTES * index + len(data)] = data
    _CHECKSUM.pack_into(page, _HEADER.size, _header_checksum(page))
    return bytes(page)


def _header_checksum(page: bytes | bytearray | mmap.mmap) -> int:
    return zlib.crc32(page[_NAMES_AT:_CAUSES_AT], zlib.crc32(page[: _HEADER.size]))


def _read_slots(page: mmap.mmap, path: Path) -> tuple[str, ...]:
    magic, version, count, size = _HEADER.unpack_from(page, 0)
    if magic != _MAGIC:
        raise UsageError(f"latch {path} is not a latch of Haltline")
    if _CHECKSUM.unpack_from(page, _HEADER.size)[0] != _header_checksum(page):
        raise UsageError(f"latch {path} is damaged: its header does not match its checksum")
    if version != _VERSION or size != _SIZE or not 0 < count <= SLOTS_MAX + 1:
        raise UsageError(f"latch {path} is of version {version}, this engine reads version {_VERSION}")
    starts = (_NAMES_AT + _NAME_BYTES * index for index in range(count))
    return tuple(page[at : at + _NAME_BYTES].rstrip(b"\0").decode() for at in starts)


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
