"""A venue actor's window: whether it is between its last look at the latch and the end of the write behind that.

    enter ──▶ last look at latch and lease ──▶ write ──▶ sent          the word: orders sent so far, and one bit
                        └── refused ──▶ refused                        that is set from ``enter`` on

One word in a page of its own, stored by one thread and read by whoever kills (``actors/runtime/seal.py``, where the
argument stands why a reader that finds the bit clear knows that nothing more can leave). Both halves are in one aligned
word, so a reader never sees the bit of one order with the count of another.

The bit stays set when the operating system has not taken every byte (``held``), and when anything is raised in between:
whoever cannot say that it is outside of the window is inside.

A page is a file of 256 bytes, made anew by each life of its actor: the header says whose it is, and which latch file
its gate has mapped; the word has a cache line of its own. No numpy here: the red button reads it.
"""

import mmap
import struct
import zlib
from pathlib import Path
from typing import NamedTuple, Self

from engine.errors import UsageError

__all__ = ["SendWindow", "WindowOwner", "WindowReader"]

_MAGIC = b"HLwindow"
_HEADER = struct.Struct("<8sqqq36s?qqq")
_CHECK = struct.Struct("<I")
_HEADER_BYTES = 124
_WORD = 128 // 8
_PAGE_BYTES = 256


class WindowOwner(NamedTuple):
    """One life of a process: its pid in that namespace, its start in ticks after that boot. ``has_barriers``: the
    barriers of others reach it. ``latch_device`` and ``latch_inode``: the latch file that its gate has mapped.
    ``thread``: of its loop, as the kernel counts them."""

    pid: int
    start_ticks: int
    pid_namespace: int
    boot_id: str
    has_barriers: bool
    latch_device: int
    latch_inode: int
    thread: int


class SendWindow:
    """The actor's side. ``create`` for a host's, ``memory`` for one that nobody else looks into."""

    __slots__ = ("_cells", "_word", "is_held")

    def __init__(self, buffer: mmap.mmap | bytearray) -> None:
        self._cells = memoryview(buffer).cast("q")
        #: The word as it is outside of the window: twice the orders sent.
        self._word = 0
        #: Bytes of an order wait for the operating system to take them.
        self.is_held = False

    @classmethod
    def create(cls, path: Path, owner: WindowOwner) -> Self:
        """Make the page anew, in place of that of an earlier life, which must have ended.

        Raises UsageError naming the file when it cannot be made.
        """
        fresh = path.with_name(path.name + ".new")
        try:
            fresh.write_bytes(_page(owner))
            with fresh.open("r+b") as file:
                mapped = mmap.mmap(file.fileno(), _PAGE_BYTES)
            fresh.replace(path)
        except OSError as error:
            raise UsageError(f"window page {path} cannot be made: {error.strerror}; check its directory") from error
        return cls(mapped)

    @classmethod
    def memory(cls) -> Self:
        return cls(bytearray(_PAGE_BYTES))

    @property
    def orders(self) -> int:
        """How many orders and replaces have left, or wait for the operating system to take them."""
        return self._word >> 1

    # -- the order path: one store each ----------------------------------------------------------------------

    def enter(self) -> None:
        """Before the last look at the latch."""
        self._cells[_WORD] = self._word + 1

    def refused(self) -> None:
        """The last look has found something: nothing is written."""
        if not self.is_held:
            self._cells[_WORD] = self._word

    def sent(self) -> None:
        """An order has been written, and the operating system has every byte."""
        self._word += 2
        self.is_held = False
        self._cells[_WORD] = self._word

    def held(self) -> None:
        """An order has been written, and some of it waits."""
        self._word += 2
        self.is_held = True

    def drained(self) -> None:
        """What was held waits no more."""
        self.is_held = False
        self._cells[_WORD] = self._word


class WindowReader:
    """Somebody else's side: a page mapped read-only."""

    def __init__(self, mapped: mmap.mmap, owner: WindowOwner) -> None:
        self._cells = memoryview(mapped).cast("q")
        self.owner = owner

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises UsageError when the page is missing, short or damaged: then nothing is known of its actor."""
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise UsageError(f"window page {path} cannot be read: {error}") from error
        owner = _owner(mapped)
        if owner is None:
            raise UsageError(f"window page {path} is damaged; restart the venue actor")
        return cls(mapped, owner)

    def read(self) -> tuple[bool, int]:
        """Whether the actor is in its window, and the orders that had left when it entered; or have left, outside."""
        word = self._cells[_WORD]
        return bool(word & 1), word >> 1


def _page(owner: WindowOwner) -> bytes:
    packed = _HEADER.pack(
        _MAGIC,
        owner.pid,
        owner.start_ticks,
        owner.pid_namespace,
        owner.boot_id.encode(),
        owner.has_barriers,
        owner.latch_device,
        owner.latch_inode,
        owner.thread,
    )
    header = packed.ljust(_HEADER_BYTES, b"\0")
    return (header + _CHECK.pack(zlib.crc32(header))).ljust(_PAGE_BYTES, b"\0")


def _owner(mapped: mmap.mmap) -> WindowOwner | None:
    if len(mapped) != _PAGE_BYTES:
        return None
    header = mapped[:_HEADER_BYTES]
    magic, pid, start, namespace, boot_id, has_barriers, device, inode, thread = _HEADER.unpack_from(header)
    if magic != _MAGIC or _CHECK.unpack_from(mapped, _HEADER_BYTES)[0] != zlib.crc32(header):
        return None
    return WindowOwner(
        pid, start, namespace, boot_id.rstrip(b"\0").decode("ascii", "replace"), has_barriers, device, inode, thread
    )
