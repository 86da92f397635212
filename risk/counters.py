"""Counters and gauges of one actor, in a mapped page that other processes read while it is written.

The owner publishes what it counts anyway, all of it at once, a few times a second. A reader sees whole
numbers; while it looks, some may be a moment newer than others. The page is a file as ``risk/page.py`` has them,
with room for 1,023 names, one int64 word each, behind eight of the page:

    UTC of the last publication in ns, numbers of it that have no cell, 6 spare

``cells`` is a flat int64 array, for a kernel that counts by itself at ``index_of(name)``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from risk.page import PageFormat, create_page, memory_page, open_page

__all__ = ["NAMES_MAX", "CounterPage", "CounterReading"]

_WALL_NS, _UNNAMED = 0, 1
_CELLS = 8
_FORMAT = PageFormat(
    noun="counter page",
    part="counter",
    magic=int.from_bytes(b"HLcountr", "little"),
    version=1,
    header_bytes=65536,
    words_before=_CELLS,
    words_per_name=1,
)
NAMES_MAX = _FORMAT.names_max
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


class CounterReading(NamedTuple):
    """What a page holds. ``wall_ns`` is when it was published, UTC; 0: never. ``unnamed`` numbers had no cell."""

    values: dict[str, int]
    wall_ns: int
    unnamed: int


class CounterPage:
    """Numbers by name. ``create`` and ``memory`` give a page to write, ``open`` one to read."""

    def __init__(self, names: Sequence[str], words: NDArray[np.int64], is_writable: bool) -> None:
        self.names = tuple(names)
        self._index = {name: index for index, name in enumerate(self.names)}
        self._words = words
        self._is_writable = is_writable

    @classmethod
    def create(cls, path: Path | str, names: Sequence[str]) -> Self:
        """Make the page file anew, all zero, in place of an older one. Raises UsageError when it cannot be made."""
        return cls(names, create_page(_FORMAT, Path(path), names), True)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Map a page read-only while its owner writes it.

        Raises UsageError naming the file when it is missing, short, damaged or no counter page.
        """
        names, words = open_page(_FORMAT, Path(path))
        return cls(names, words, False)

    @classmethod
    def memory(cls, names: Sequence[str]) -> Self:
        """A page without a file, for virtual time."""
        return cls(names, memory_page(_FORMAT, names), True)

    @property
    def cells(self) -> NDArray[np.int64]:
        """The numbers, [names], in the order of ``names``."""
        return self._words[_CELLS:]

    def index_of(self, name: str) -> int:
        """Where a number stands in ``cells``. Raises UsageError for a name that the page does not have."""
        try:
            return self._index[name]
        except KeyError:
            raise UsageError(f"counter {name!r} is unknown; this page has {', '.join(self.names)}") from None

    def publish(self, values: Mapping[str, int], wall_ns: int) -> None:
        """Write these numbers; names that are left out keep theirs. Beyond 64 bits a number stays at the end of them.

        A name that the page does not have stops nobody: it is counted in ``unnamed``. Raises UsageError for a page
        that was opened to be read.
        """
        if not self._is_writable:
            raise UsageError("this counter page was opened to be read; only its owner publishes")
        index, unnamed = self._index, 0
        places, numbers = [], []
        for name, value in values.items():
            at = index.get(name)
            if at is None:
                unnamed += 1
            else:
                places.append(_CELLS + at)
                numbers.append(value if _INT64_MIN <= value <= _INT64_MAX else _nearest(value))
        words = self._words
        words[places] = numbers
        words[_UNNAMED] = unnamed
        words[_WALL_NS] = wall_ns

    def read(self) -> CounterReading:
        """What was published last, and what a kernel counts in ``cells``."""
        seen = self._words.copy()
        values = dict(zip(self.names, seen[_CELLS:].tolist(), strict=True))
        return CounterReading(values, int(seen[_WALL_NS]), int(seen[_UNNAMED]))


def _nearest(value: int) -> int:
    return _INT64_MAX if value > 0 else _INT64_MIN
