"""Latency histograms of one process, in a mapped page that other processes read while it is written.

Log-linear buckets: latencies below 256 ns have a bucket each; above, every power of two is split into 128 equal
buckets, so a bucket is at most 1/128 (0.78 %) of its values wide. The last bucket also takes all beyond 100 s.

    latency_ns   1 … 255  |  256, 258, … 510  |  512, 516, … 1020  |  …  |  … 100 s, and beyond
    bucket       1 … 255  |  256 … 383        |  384 … 511         |  …  |  last

The page is a file as ``risk/page.py`` has them, with room for 127 stages; of each stage 4096 words: count, sum, max,
clamped, 4 spare; the buckets. A reader's summary counts the buckets that it saw itself, so it is consistent however
far the writer has got meanwhile.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.instrument import INT64_MAX
from engine.kernel import entry_of, kernel
from risk.page import PageFormat, create_page, memory_page, open_page

__all__ = [
    "LATENCY_NS_MAX",
    "NOT_TAKEN",
    "STAGES_MAX",
    "LatencyPage",
    "LatencySummary",
    "bucket_bounds_ns",
    "bucket_of",
    "bucket_upper_ns",
    "record_group",
    "record_latencies",
    "record_latency",
]

#: Longer latencies are counted in the last bucket; only ``max`` keeps their true value.
LATENCY_NS_MAX = 100_000_000_000

#: In a group of stages: this one was not measured.
NOT_TAKEN = -INT64_MAX - 1

_STAGE_WORDS = 4096
_COUNT, _SUM, _MAX, _CLAMPED, _BUCKETS = 0, 1, 2, 3, 8
_FORMAT = PageFormat(
    noun="latency page",
    part="latency stage",
    magic=int.from_bytes(b"HLlatncy", "little"),
    version=2,
    header_bytes=8192,
    words_before=0,
    words_per_name=_STAGE_WORDS,
)
STAGES_MAX = _FORMAT.names_max


def _bucket_of(latency_ns: int) -> int:
    """The bucket of a latency in 1 … LATENCY_NS_MAX."""
    rest = latency_ns >> 8
    shift = 0
    for step in (16, 8, 4, 2, 1):  # a binary search for the bit length of ``rest``
        if rest >> step:
            shift += step
            rest >>= step
    shift += rest  # 0 or 1 is left
    return (shift << 7) + (latency_ns >> shift)


bucket_of = kernel(_bucket_of)
_BUCKET_COUNT = _bucket_of(LATENCY_NS_MAX) + 1


@kernel
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


@kernel
def record_latencies(words: NDArray[np.int64], stage: int, latencies_ns: NDArray[np.int64]) -> None:
    """Count many latencies, [n]."""
    for latency_ns in latencies_ns:
        record_latency(words, stage, latency_ns)


@kernel
def record_group(words: NDArray[np.int64], stages: NDArray[np.int64], latencies_ns: NDArray[np.int64]) -> None:
    """Count one latency of each of ``stages``, where there is one (``NOT_TAKEN``: there is none)."""
    for at in range(len(stages)):
        if latencies_ns[at] != NOT_TAKEN:
            record_latency(words, stages[at], latencies_ns[at])


assert _BUCKETS + _BUCKET_COUNT <= _STAGE_WORDS


def bucket_upper_ns(bucket: int) -> int:
    """The longest latency that falls into a bucket (of the last one, LATENCY_NS_MAX)."""
    shift = max(0, (bucket >> 7) - 1)
    return min(((bucket - (shift << 7) + 1) << shift) - 1, LATENCY_NS_MAX)


def bucket_bounds_ns() -> NDArray[np.int64]:
    """``bucket_upper_ns`` of every bucket, [buckets]."""
    return np.array([bucket_upper_ns(bucket) for bucket in range(_BUCKET_COUNT)], dtype=np.int64)


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

        Raises UsageError naming the file when it cannot be made.
        """
        return cls(stages, create_page(_FORMAT, Path(path), stages).reshape(-1, _STAGE_WORDS), True)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Map a page read-only while its owner writes it.

        Raises UsageError naming the file when it is missing, short, damaged or no latency page.
        """
        stages, words = open_page(_FORMAT, Path(path))
        return cls(stages, words.reshape(-1, _STAGE_WORDS), False)

    @classmethod
    def memory(cls, stages: Sequence[str]) -> Self:
        """A page without a file, for virtual time."""
        return cls(stages, memory_page(_FORMAT, stages).reshape(-1, _STAGE_WORDS), True)

    # -- writing ----------------------------------------------------------------------------------------------

    def record(self, stage: str, latency_ns: int) -> None:
        """Count one latency; below 1 ns it counts as 1 and as ``clamped``. Raises UsageError for an unknown stage.

        The other clock may be anyone's, so a difference beyond 64 bits is a latency too: a measurement must not be what
        ends an actor.
        """
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        try:
            index = self._index[stage]
        except KeyError:
            raise self._unknown(stage) from None
        record_latency(self._words, index, max(-INT64_MAX, min(latency_ns, INT64_MAX)))

    def group(self, stages: Sequence[str]) -> Callable[..., None]:
        """A function that takes one latency for each of ``stages``, NOT_TAKEN where there is none, and counts them as
        ``record`` would: in one step, for the order path. Raises UsageError for an unknown stage."""
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        indices = np.array([self._stage(stage) for stage in stages], dtype=np.int64)
        latencies: NDArray[np.int64] = np.full(len(stages), NOT_TAKEN, dtype=np.int64)
        words, cells, pack = self._words, latencies.data, Struct(f"{len(stages)}q").pack_into
        count = entry_of(record_group, words, indices, latencies)

        def record(*latencies_ns: int) -> None:
            try:
                pack(cells, 0, *latencies_ns)
            except StructError:  # beyond 64 bits
                taken = (each if each == NOT_TAKEN else max(-INT64_MAX, min(each, INT64_MAX)) for each in latencies_ns)
                pack(cells, 0, *taken)
            count(words, indices, latencies)

        return record

    def record_many(self, stage: str, latencies_ns: NDArray[np.int64]) -> None:
        """Count an array of latencies, C-contiguous int64 [n]."""
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        record_latencies(self._words, self._stage(stage), latencies_ns)

    def merge(self, other: "LatencyPage") -> None:
        """Add another page's histograms to this one's. Raises UsageError when their stages differ."""
        if other.stages != self.stages:
            raise UsageError(f"latency pages of stages {self.stages} and {other.stages} cannot be merged")
        for stage in self.stages:
            self.merge_stage(stage, other, stage)

    def merge_stage(self, stage: str, other: "LatencyPage", others_stage: str) -> None:
        """Add one histogram of another page to one of this. Raises UsageError for an unknown stage."""
        if not self._is_writable:
            raise UsageError("this latency page was opened to be read; only its owner records")
        mine, its = self._words[self._stage(stage)], other._words[other._stage(others_stage)]
        longest = max(mine[_MAX], its[_MAX])
        mine += its
        mine[_MAX] = longest

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
