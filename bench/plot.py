"""Two drawings as SVG text: percentiles on log scales, and latency over time in a strip that shows stalls."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.row import PER_UNIT, Row

__all__ = ["COLOURS", "percentile_plot", "time_strip"]

COLOURS = ("#0b6fb8", "#d1495b", "#2e933c", "#8e5ea2", "#e08e0b", "#5c6770", "#13a89e", "#b5651d")

_WIDTH, _HEIGHT, _STRIP = 860, 320, 64
_LEFT, _RIGHT, _TOP, _BOTTOM = 82, 12, 10, 28
#: Share of the samples that is above: the ticks of the percentile axis.
_ABOVE = ((0.9, "10"), (0.5, "50"), (0.1, "90"), (0.01, "99"), (0.001, "99.9"), (0.0001, "99.99"))


class _LogAxis:
    """From ``low`` to ``high``, both above 0, onto pixels; whole decades at both ends."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self.first, self.last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        self.last = max(self.last, self.first + 1)
        self._start, self._stop = start, stop

    def at(self, value: float) -> float:
        share = (math.log10(max(value, 10.0**self.first)) - self.first) / (self.last - self.first)
        return self._start + share * (self._stop - self._start)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.first, self.last + 1)]


def percentile_plot(rows: Sequence[Row]) -> str:
    """One line a case of one bench: how much of it took how long. All rows have the same unit."""
    values = [_values(row) for row in rows]
    axis = _axis(values, _HEIGHT - _BOTTOM, _TOP)
    fewest_above = 1 / max(len(each) for each in values)
    across = _LogAxis(min(fewest_above, 0.01), 1, _WIDTH - _RIGHT, _LEFT)
    parts = [_frame(_HEIGHT), *_latency_grid(axis, rows[0].unit)]
    for share, text in _ABOVE:
        if share >= fewest_above:
            x = across.at(share)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{text} %</text>')
    for number, (row, each) in enumerate(zip(rows, values, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        for target in row.sample.targets:
            if target.field in ("p50", "p90", "p99", "p99_9", "max"):
                y = axis.at(target.at_most)
                parts.append(
                    f'<line class="target" stroke="{colour}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
                    f'y1="{y:.1f}" y2="{y:.1f}"/>'
                )
        line = " ".join(f"{across.at(above):.1f},{axis.at(value):.1f}" for above, value in _curve(each))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{line}"/>')
    return _svg(parts, _HEIGHT)


def time_strip(row: Row, number: int, rows: Sequence[Row]) -> str:
    """One case over the run: the least (or the median) and the most in each stretch, on the scale of all ``rows``.

    ``number`` is its place among them, which chooses the colour.
    """
    values = [_values(each) for each in rows]
    axis = _axis(values, _STRIP - 4, 4)
    own, at = values[number], row.sample.at_ns
    position = np.arange(len(own), dtype=np.float64) if at is None else (at - at.min()).astype(np.float64)
    columns = min(_WIDTH - _LEFT - _RIGHT, max(len(own), 1))
    column = np.minimum((position / max(position.max(initial=0), 1) * columns).astype(np.int64), columns - 1)
    low, high = np.full(columns, np.inf), np.zeros(columns)
    np.minimum.at(low, column, own)
    np.maximum.at(high, column, own)
    low = np.minimum(low, np.median(own))  # so that a single late one is a stroke, not a dot
    width = (_WIDTH - _LEFT - _RIGHT) / columns
    strokes = "".join(
        f"M{_LEFT + (each + 0.5) * width:.1f} {axis.at(low[each]) + 0.6:.1f}V{axis.at(high[each]) - 0.6:.1f}"
        for each in range(columns)
        if high[each]
    )
    decades = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{axis.at(value):.1f}" y2="{axis.at(value):.1f}"/>'
        for value in axis.decades()
    )
    names = "".join(
        f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end">{_number(value)}</text>'
        for value, y in ((axis.decades()[-1], 11), (axis.decades()[0], _STRIP - 3))
    )
    line = f'<path d="{strokes}" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="{max(width, 1):.1f}"/>'
    return _svg([decades, names, line], _STRIP)


def _values(row: Row) -> NDArray[Any]:
    """In the row's unit; nothing is shorter than a thousandth of it, which a log scale could not show."""
    return np.maximum(row.sample.values / PER_UNIT[row.unit], 0.001)


def _axis(values: Sequence[NDArray[Any]], start: float, stop: float) -> _LogAxis:
    return _LogAxis(min(float(each.min()) for each in values), max(float(each.max()) for each in values), start, stop)


def _curve(values: NDArray[Any]) -> list[tuple[float, float]]:
    """(share of samples above or equal, value) from all to one, evenly on a log scale."""
    ordered = np.sort(values)[::-1]
    ranks = np.unique(np.geomspace(1, len(ordered), 160).astype(np.int64))
    return [(rank / len(ordered), float(ordered[rank - 1])) for rank in ranks.tolist()]


def _latency_grid(axis: _LogAxis, unit: str) -> list[str]:
    parts = []
    for value in axis.decades():
        y = axis.at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)} {_symbol(unit)}</text>')
    return parts


def _symbol(unit: str) -> str:
    return "µs" if unit == "us" else unit


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _frame(height: int) -> str:
    width = _WIDTH - _LEFT - _RIGHT
    return f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{width}" height="{height - _TOP - _BOTTOM}"/>'


def _svg(parts: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>'
