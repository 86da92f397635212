"""One result: percentiles of one case, its spread over the run, its ratio to a baseline of the same run, its target."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvariantError

__all__ = ["PER_UNIT", "ROW_KEYS", "Row", "Sample", "Target", "make_rows", "row_document"]

_PER_MILLE = (500, 900, 990, 999, 1000)
#: How much of what a sample holds (ns, bytes, or pieces) makes one of its row's unit.
PER_UNIT = {"ns": 1, "us": 1_000, "ms": 1_000_000, "MB": 1_000_000, "pieces": 1}
#: A run is looked at in so many parts, one after the other, to tell how much its median moved.
_PARTS = 5

#: What a row is in JSON: these keys, in this order.
ROW_KEYS = (
    *("bench", "case", "unit", "p50", "p90", "p99", "p99_9", "max", "count"),
    *("baseline", "ratio_p50", "ratio_p99", "target", "met"),
)


class Target(NamedTuple):
    """``field`` of a row (``p50`` … ``max``, ``ratio_p50``, ``ratio_p99``) must be at most this."""

    field: str
    at_most: float

    def __str__(self) -> str:
        return f"{self.field} ≤ {self.at_most:g}"


class Sample(NamedTuple):
    """What was measured of one case [n], oldest first: latencies in ns, or something else in bytes or pieces.

    ``baseline`` names another case of the same run, "" for none. ``at_ns`` [n] are the planned times on the monotonic
    clock, where there were any: the time axis of the report. ``remark``: what has to be said beside the numbers, or
    instead of them, when there is nothing that could be measured.
    """

    case: str
    values: NDArray[Any]
    baseline: str = ""
    targets: tuple[Target, ...] = ()
    at_ns: NDArray[Any] | None = None
    remark: str = ""


class Row(msgspec.Struct, frozen=True, eq=False):
    """Percentiles in ``unit``. A ratio is this case over its baseline: smaller is better.

    ``met`` is None when no target is set, or when the target is on a baseline that was not measured. ``spread`` is how
    far the medians of five parts of the run lie apart, as a share of the median of all; None for a handful of samples.
    """

    bench: str
    case: str
    unit: str
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float
    count: int
    baseline: str
    ratio_p50: float | None
    ratio_p99: float | None
    target: str
    met: bool | None
    spread: float | None
    sample: Sample

    @property
    def distance(self) -> float | None:
        """The worst of what was reached over what was to be reached: at most 1 is met. None without a verdict."""
        if self.met is None:
            return None
        return max(_times(float(getattr(self, target.field)), target.at_most) for target in self.sample.targets)


def row_document(row: Row) -> dict[str, object]:
    """The row as it goes into JSON."""
    return {key: getattr(row, key) for key in ROW_KEYS}


def make_rows(bench: str, unit: str, samples: Sequence[Sample]) -> list[Row]:
    """Rows of one run, in the order of the samples; percentiles are nearest rank.

    Raises InvariantError for an empty sample: a bench that measured nothing has failed, unless a remark says why. Its
    numbers are NaN, in JSON null.
    """
    measured = {sample.case: _percentiles(bench, unit, sample) for sample in samples}
    return [_row(bench, unit, sample, measured) for sample in samples]


def _percentiles(bench: str, unit: str, sample: Sample) -> list[float]:
    if len(sample.values) == 0:
        if sample.remark:
            return [math.nan] * len(_PER_MILLE)
        raise InvariantError(f"bench {bench}: case {sample.case} measured nothing")
    ordered = np.sort(sample.values)
    # Nearest rank in whole numbers: in floating point 99.9 % of a thousand samples is one rank too many.
    ranks = [-(-len(ordered) * per_mille // 1000) for per_mille in _PER_MILLE]
    return [round(float(ordered[rank - 1]) / PER_UNIT[unit], 4) for rank in ranks]


def _row(bench: str, unit: str, sample: Sample, measured: Mapping[str, list[float]]) -> Row:
    p50, p90, p99, p99_9, longest = measured[sample.case]
    base = measured.get(sample.baseline)
    fields: dict[str, float | None] = {
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p99_9": p99_9,
        "max": longest,
        "ratio_p50": _ratio(p50, base[0]) if base else None,
        "ratio_p99": _ratio(p99, base[2]) if base else None,
    }
    return Row(
        bench=bench,
        case=sample.case,
        unit=unit,
        p50=p50,
        p90=p90,
        p99=p99,
        p99_9=p99_9,
        max=longest,
        count=len(sample.values),
        baseline=sample.baseline if base else "",
        ratio_p50=fields["ratio_p50"],
        ratio_p99=fields["ratio_p99"],
        target=", ".join(map(str, sample.targets)),
        met=_met(sample.targets, fields),
        spread=_spread(sample.values),
        sample=sample,
    )


def _times(value: float, at_most: float) -> float:
    """``value`` in multiples of what it may be at most; of a bound of 0 it is none or infinitely many."""
    return value / at_most if at_most else math.inf if value > 0 else 0.0


def _ratio(value: float, base: float) -> float | None:
    ratio = value / base if base else math.nan
    return None if math.isnan(ratio) else round(ratio, 4)


def _spread(values: NDArray[Any]) -> float | None:
    if len(values) < 2 * _PARTS or not (median := float(np.median(values))):
        return None
    medians = [float(np.median(part)) for part in np.array_split(values, _PARTS)]
    return round((max(medians) - min(medians)) / median, 4)


def _met(targets: Sequence[Target], fields: Mapping[str, float | None]) -> bool | None:
    values = [(fields[target.field], target.at_most) for target in targets]
    if not values or any(value is None for value, _ in values):
        return None
    return all(value is not None and value <= at_most for value, at_most in values)
