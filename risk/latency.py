"""Latency histograms of one process, in a mapped page that other processes read while it is written.

Log-linear buckets: latencies below 256 ns have a bucket each; above, every power of two is split into 128 equal
buckets, so a bucket is at most 1/128 (0.78 %) of its values wide. The last bucket also takes all beyond 100 s.

    latency_ns   1 … 255  |  256, 258, … 510  |  512, 516, … 1020  |  …  |  … 100 s, and beyond
    bucket       1 … 255  |  256 … 383        |  384 … 511         |  …  |  last

The page is a file of fixed layout, int64 words in the byte order of the host:

    header, 4096 bytes:   magic, version, stages, words per stage, checksum of the names, 3 spare; 63 names of 64 bytes
    stage, 4096 words:    count, sum, max, clamped, 4 spare; the buckets

One writer; its words are aligned and written whole, so a reader never sees half a number. A reader's summary counts
the buckets that it saw itself, so it is consistent however far the writer has got meanwhile.
"""

import mmap
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.errors import UsageError

__all__ = [
    "LATENCY_NS_MAX",
    "STAGES_MAX",
    "LatencyPage",
    "LatencySummary",
    "bucket_of",
    "bucket_upper_ns",
    "record_latencies",
    "record_latency",
]

#: Longer latencies are counted in the last bucket; only ``max`` keeps their true value.
LATENCY_NS_MAX = 100_000_000_000

_MAGIC = int.from_bytes(b"HLlatncy", "little")
_VERSION = 1
_HEADER_BYTES = 4096
_FIXED_BYTES = 64
_NAME_BYTES = 64
STAGES_MAX = (_HEADER_BYTES - _FIXED_BYTES) // _NAME_BYTES

_STAGE_WORDS = 4096
_COUNT, _SUM, _MAX, _CLAMPED, _BUCKETS = 0, 1, 2, 3, 8


@njit(cache=True, nogil=True)
def bucket_of(latency_ns: int) -> int:
    """The bucket of a latency in 1 … LATENCY_NS_MAX."""
    rest = latency_ns >> 8
    shift = 0
    for step in (16, 8, 4, 2, 1):  # a binary search for the bit length of ``rest``
        if rest >> step:
            shift += step
            rest >>= step
    shift += rest  # 0 or 1 is left
    return (shift << 7) + (latency_ns >> shift)


@njit(cache=True, nogil=True)
def record_latency(words: NDArray[np.int64], stage: int, latency_ns: int) -> None:
    """Count one latency. ``words`` is [stages, 4096]; for use inside other kernels too."""
    if latency_ns < 1:
        words[stage, _CLAMPED] += 1
        latency_ns = 1
    if latency_ns > words[stage, _MAX]:  # before the bucket: a reader's max is never below what it counted
        words[stage, _MAX] = latency_ns
    counted = min(latency_ns, LATENCY_NS_MAX)
    words[stage, _SUM] += counted
    words[stage, _BUCKETS + bucket_of(counted)] += 1
    words[stage, _COUNT] += 1


@njit(cache=True, nogil=True)
def record_latencies(words: NDArray[np.int64], stage: int, latencies_ns: NDArray[np.int64]) -> None:
    """Count many latencies, [n]."""
    for latency_ns in latencies_ns:
        record_latency(words, stage, latency_ns)


_BUCKET_COUNT = bucket_of.py_func(LATENCY_NS_MAX) + 1
assert _BUCKETS + _BUCKET_COUNT <= _STAGE_WORDS


def bucket_upper_ns(bucket: int) -> int:
    """The longest latency that falls into a bucket (of the last one, LATENCY_NS_MAX)."""
    shift = max(0, (bucket >> 7) - 1)
    return min(((bucket - (shift << 7) + 1) << shift) - 1, LATENCY_NS_MAX)


class LatencySummary(msgspec.Struct, frozen=True, gc=False):
    """Percentiles in ns: each the upper bound of its bucket, at most 0.8 % above the sample; ``max`` is exact."""

    p50: int
    p90: int
    p99: int
    p99_9: int
    max: int
    count: int


class LatencyPage:
    """Histograms by stage name. ``create`` and ``memory`` give a page to write, ``open`` one to read."""

    def __init__(self, stages: Sequence[str], words: NDArray[np.int64], is_writable: bool) -> None:
        self.stages = tuple(stages)
        self._index = {stage: index for index, stage in enumerate(self.stages)}
        self._words = words
        self._is_writable = is_writable

    @classmethod
    def create(cls, path: Path | str, stages: Sequence[str]) -> Self:
        """Make the page file anew, all zero, in place of an older one.

        The file appears whole or not at all. A reader that has an older file mapped keeps seeing that: readers
        open the page anew when they look. Raises UsageError naming the file when it cannot be made.
        """
        path = Path(path)
        blank = _header(stages) + bytes(len(stages) * _STAGE_WORDS * 8)
        fresh = path.with_name(path.name + ".new")
        try:
            fresh.write_bytes(blank)
            with fresh.open("r+b") as file:
                mapped = mmap.mmap(file.fileno(), len(blank))
            fresh.replace(path)
        except OSError as error:
            raise UsageError(f"latency page {path} cannot be made: {error.strerror}; check its directory") from error
        return cls(stages, _stage_words(mapped), True)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Map a page read-only while its owner writes it.

        Raises UsageError naming the file when it is missing, short, damaged or no latency page.
        """
        try:
            with Path(path).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise UsageError(f"latency page {path} cannot be read: {error.strerror}") from error
        except ValueError as error:  # an empty file cannot be mapped
            raise UsageError(f"latency page {path} is empty") from error
        return cls(_stage_names(mapped, str(path)), _stage_words(mapped), False)

    @classmethod
    def memory(cls, stages: Sequence[str]) -> Self:
        """A page without a file, for virtual time."""
        _header(stages)
        return cls(stages, np.zeros((len(stages), _STAGE_WORDS), dtype=np.int64), True)

    # -- writing ----------------------------------------------------------------------------------------------

    def record(self, stage: str, latency_ns: int) -> None:
        """Count one latency; below 1 ns it counts as 1 and as ``clamped``. Raises UsageError for an unknown stage."""
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        try:
            index = self._index[stage]
        except KeyError:
            raise self._unknown(stage) from None
        record_latency(self._words, index, latency_ns)

    def record_many(self, stage: str, latencies_ns: NDArray[np.int64]) -> None:
        """Count an array of latencies, C-contiguous int64 [n]."""
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        record_latencies(self._words, self._stage(stage), latencies_ns)

    def merge(self, other: "LatencyPage") -> None:
        """Add another page's histograms to this one's. Raises UsageError when their stages differ."""
        if other.stages != self.stages:
            raise UsageError(f"latency pages of stages {self.stages} and {other.stages} cannot be merged")
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        longest = np.maximum(self._words[:, _MAX], other._words[:, _MAX])
        self._words += other._words
        self._words[:, _MAX] = longest

    def warm_up(self) -> None:
        """Compile or load the kernels; records nothing here."""
        scratch = LatencyPage.memory(("warm_up",))
        scratch.record("warm_up", 1)
        scratch.record_many("warm_up", np.ones(1, dtype=np.int64))

    # -- reading ----------------------------------------------------------------------------------------------

    def summary(self, stage: str) -> LatencySummary:
        """Percentiles of a stage in ns (nearest rank); all zero when nothing was recorded yet."""
        buckets = self.buckets(stage)
        longest = int(self._words[self._stage(stage), _MAX])  # read after the buckets: never below them
        cumulated = np.cumsum(buckets)
        count = int(cumulated[-1])
        if count == 0:
            return LatencySummary(0, 0, 0, 0, 0, 0)

        def percentile(per_mille: int) -> int:
            rank = -(-count * per_mille // 1000)
            bucket = int(np.searchsorted(cumulated, rank))
            return longest if bucket == _BUCKET_COUNT - 1 else min(bucket_upper_ns(bucket), longest)

        return LatencySummary(percentile(500), percentile(900), percentile(990), percentile(999), longest, count)

    def buckets(self, stage: str) -> NDArray[np.int64]:
        """A copy of a stage's bucket counts; ``bucket_upper_ns`` gives their bounds."""
        at = self._stage(stage)
        return self._words[at, _BUCKETS : _BUCKETS + _BUCKET_COUNT].copy()

    def sum_ns(self, stage: str) -> int:
        """The sum of what was recorded, each latency taken into 1 ns … 100 s first."""
        return int(self._words[self._stage(stage), _SUM])

    def clamped(self, stage: str) -> int:
        """How many latencies were below 1 ns: a clock that ran backwards, or stamps of two clocks."""
        return int(self._words[self._stage(stage), _CLAMPED])

    def _stage(self, stage: str) -> int:
        try:
            return self._index[stage]
        except KeyError:
            raise self._unknown(stage) from None

    def _unknown(self, stage: str) -> UsageError:
        return UsageError(f"latency stage {stage!r} is unknown; this page has {', '.join(self.stages)}")


# -- the file's header -----------------------------------------------------------------------------------------


def _header(stages: Sequence[str]) -> bytes:
    """The header for these stage names. Raises UsageError for none, too many, doubled, empty or overlong names."""
    if not 1 <= len(stages) <= STAGES_MAX or len(set(stages)) != len(stages):
        raise UsageError(f"a latency page has 1 to {STAGES_MAX} different stages, not {list(stages)}")
    names = bytearray()
    for stage in stages:
        encoded = stage.encode()
        if not 1 <= len(encoded) < _NAME_BYTES or b"\0" in encoded:
            raise UsageError(f"latency stage {stage!r} must be 1 to {_NAME_BYTES - 1} bytes long, without NUL")
        names += encoded.ljust(_NAME_BYTES, b"\0")
    names = names.ljust(_HEADER_BYTES - _FIXED_BYTES, b"\0")
    fixed = np.array([_MAGIC, _VERSION, len(stages), _STAGE_WORDS, zlib.crc32(names), 0, 0, 0], dtype=np.int64)
    return fixed.tobytes() + bytes(names)


def _stage_names(mapped: mmap.mmap, path: str) -> tuple[str, ...]:
    """Check a mapped page and return its stage names. Raises UsageError naming the file."""
    if len(mapped) < _HEADER_BYTES:
        raise UsageError(f"latency page {path} is cut short: {len(mapped)} bytes are less than its header")
    magic, version, stages, stage_words, checksum = np.frombuffer(mapped, dtype=np.int64, count=5).tolist()
    if magic != _MAGIC:
        raise UsageError(f"{path} is not a latency page")
    if version != _VERSION:
        raise UsageError(f"latency page {path} is of version {version}, not {_VERSION}; restart what writes it")
    names = mapped[_FIXED_BYTES:_HEADER_BYTES]
    is_sound = 1 <= stages <= STAGES_MAX and stage_words == _STAGE_WORDS and checksum == zlib.crc32(names)
    if not is_sound or len(mapped) != _HEADER_BYTES + stages * _STAGE_WORDS * 8:
        raise UsageError(f"latency page {path} is damaged; restart what writes it")
    return tuple(
        names[at : at + _NAME_BYTES].rstrip(b"\0").decode() for at in range(0, stages * _NAME_BYTES, _NAME_BYTES)
    )


def _stage_words(mapped: mmap.mmap) -> NDArray[np.int64]:
    words: NDArray[np.int64] = np.frombuffer(mapped, dtype=np.int64, offset=_HEADER_BYTES)
    return words.reshape(-1, _STAGE_WORDS)
