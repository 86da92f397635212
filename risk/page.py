"""Pages of named numbers: files of fixed layout that one process writes and any other maps while it does.

What latency pages and counter pages share: a header with the names, checked on opening, then int64 words in the byte
order of the host. One writer; its words are aligned and written whole, so a reader never sees half a number.

    header:   magic, version, names, words per name, checksum of the names, words before the first, 2 spare;
              the names, 64 bytes each, UTF-8, zero padded
    words:    ``words_before`` of the page, then ``words_per_name`` of each name
"""

import mmap
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError

__all__ = ["PageFormat", "create_page", "memory_page", "open_page"]

_FIXED_BYTES = 64
_NAME_BYTES = 64


class PageFormat(NamedTuple):
    """``noun`` and ``part`` are for people: what the page is called, and what it has names for."""

    noun: str
    part: str
    magic: int
    version: int
    header_bytes: int
    words_before: int
    words_per_name: int

    @property
    def names_max(self) -> int:
        return (self.header_bytes - _FIXED_BYTES) // _NAME_BYTES

    def words(self, names: int) -> int:
        return self.words_before + names * self.words_per_name


def memory_page(form: PageFormat, names: Sequence[str]) -> NDArray[np.int64]:
    """The words of a page without a file, all zero. Raises UsageError for bad names."""
    _header(form, names)
    return np.zeros(form.words(len(names)), dtype=np.int64)


def create_page(form: PageFormat, path: Path, names: Sequence[str]) -> NDArray[np.int64]:
    """Make the page's file anew, in place of an older one, and return its words, all zero, to be written.

    The file appears whole or not at all. A reader that has an older file mapped keeps seeing that: readers open the
    page anew when they look. Raises UsageError naming the file when it cannot be made, and for bad names.
    """
    blank = _header(form, names) + bytes(form.words(len(names)) * 8)
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_bytes(blank)
        with fresh.open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), len(blank))
        fresh.replace(path)
    except OSError as error:
        raise UsageError(f"{form.noun} {path} cannot be made: {error.strerror}; check its directory") from error
    return np.frombuffer(mapped, dtype=np.int64, offset=form.header_bytes)


def open_page(form: PageFormat, path: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Map a page read-only while its owner writes it; its names and its words.

    Raises UsageError naming the file when it is missing, no plain file, short, damaged or of another kind.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{form.noun} {path} is not a plain file")
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise UsageError(f"{form.noun} {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise UsageError(f"{form.noun} {path} is empty") from error
    return _names(form, mapped, str(path)), np.frombuffer(mapped, dtype=np.int64, offset=form.header_bytes)


def _header(form: PageFormat, names: Sequence[str]) -> bytes:
    """The header for these names. Raises UsageError for none, too many, doubled, empty or overlong names."""
    if not 1 <= len(names) <= form.names_max or len(set(names)) != len(names):
        raise UsageError(f"a {form.noun} has 1 to {form.names_max} different {form.part}s, not {len(names)}: {names}")
    text = bytearray()
    for name in names:
        encoded = name.encode()
        if not 1 <= len(encoded) < _NAME_BYTES or b"\0" in encoded:
            raise UsageError(f"{form.part} {name!r} must be 1 to {_NAME_BYTES - 1} bytes long, without NUL")
        text += encoded.ljust(_NAME_BYTES, b"\0")
    text = text.ljust(form.header_bytes - _FIXED_BYTES, b"\0")
    fixed = np.array(
        [form.magic, form.version, len(names), form.words_per_name, zlib.crc32(text), form.words_before, 0, 0],
        dtype=np.int64,
    )
    return fixed.tobytes() + bytes(text)


def _names(form: PageFormat, mapped: mmap.mmap, path: str) -> tuple[str, ...]:
    """Check a mapped page and return its names. Raises UsageError naming the file."""
    if len(mapped) < form.header_bytes:
        raise UsageError(f"{form.noun} {path} is cut short: {len(mapped)} bytes are less than its header")
    magic, version, count, per_name, checksum, before = np.frombuffer(mapped, dtype=np.int64, count=6).tolist()
    if magic != form.magic:
        raise UsageError(f"{path} is not a {form.noun}")
    if version != form.version:
        raise UsageError(f"{form.noun} {path} is of version {version}, not {form.version}; restart what writes it")
    text = mapped[_FIXED_BYTES : form.header_bytes]
    layout = (form.words_before, form.words_per_name)
    is_sound = 1 <= count <= form.names_max and (before, per_name) == layout and checksum == zlib.crc32(text)
    if not is_sound or len(mapped) != form.header_bytes + form.words(count) * 8:
        raise UsageError(f"{form.noun} {path} is damaged; restart what writes it")
    try:
        names = tuple(
            text[at : at + _NAME_BYTES].rstrip(b"\0").decode() for at in range(0, count * _NAME_BYTES, _NAME_BYTES)
        )
    except UnicodeDecodeError as error:
        raise UsageError(f"{form.noun} {path} is damaged: a name is no text; restart what writes it") from error
    if len(set(names)) != count or not all(names):
        raise UsageError(f"{form.noun} {path} is damaged: its names are not unique; restart what writes it")
    return names
