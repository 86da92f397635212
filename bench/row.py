"""One result: percentiles of one case, its ratio to a baseline of the same run, and its target."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvariantError

__all__ = ["Row", "Sample", "Target", "make_rows"]

_PER_MILLE = (500, 900, 990, 999, 1000)
_NS_PER_UNIT = {"ns": 1, "us": 1_000, "ms": 1_000_000}


class Target(NamedTuple):
    """``field`` of a row (``p50`` … ``max``, ``ratio_p50``, ``ratio_p99``) must be at most this."""

    field: str
    at_most: float

    def __str__(self) -> str:
        return f"{self.field} ≤ {self.at_most:g}"


class Sample(NamedTuple):
    """What was measured of one case, in ns [n]. ``baseline`` names another case of the same run, "" for none."""

    case: str
    latencies_ns: NDArray[Any]
    baseline: str = ""
    targets: tuple[Target, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """Percentiles in ``unit``. A ratio is this case over its baseline: smaller is better.

    ``met`` is None when no target is set, or when the target is on a baseline that was not measured.
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


def make_rows(bench: str, unit: str, samples: Sequence[Sample]) -> list[Row]:
    """Rows of one run, in the order of the samples; percentiles are nearest rank.

    Raises InvariantError for an empty sample: a bench that measured nothing has failed.
    """
    measured = {sample.case: _percentiles(bench, unit, sample) for sample in samples}
    return [_row(bench, unit, sample, measured) for sample in samples]


def _percentiles(bench: str, unit: str, sample: Sample) -> list[float]:
    if len(sample.latencies_ns) == 0:
        raise InvariantError(f"bench {bench}: case {sample.case} measured nothing")
    ordered = np.sort(sample.latencies_ns)
    # Nearest rank in whole numbers: in floating point 99.9 % of a thousand samples is one rank too many.
    ranks = [-(-len(ordered) * per_mille // 1000) for per_mille in _PER_MILLE]
    return [round(float(ordered[rank - 1]) / _NS_PER_UNIT[unit], 4) for rank in ranks]


def _row(bench: str, unit: str, sample: Sample, measured: Mapping[str, list[float]]) -> Row:
    p50, p90, p99, p99_9, longest = measured[sample.case]
    base = measured.get(sample.baseline)
    fields: dict[str, float | None] = {
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p99_9": p99_9,
        "max": longest,
        "ratio_p50": round(p50 / base[0], 4) if base and base[0] else None,
        "ratio_p99": round(p99 / base[2], 4) if base and base[2] else None,
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
        count=len(sample.latencies_ns),
        baseline=sample.baseline if base else "",
        ratio_p50=fields["ratio_p50"],
        ratio_p99=fields["ratio_p99"],
        target=", ".join(map(str, sample.targets)),
        met=_met(sample.targets, fields),
    )


def _met(targets: Sequence[Target], fields: Mapping[str, float | None]) -> bool | None:
    values = [(fields[target.field], target.at_most) for target in targets]
    if not values or any(value is None for value, _ in values):
        return None
    return all(value is not None and value <= at_most for value, at_most in values)
