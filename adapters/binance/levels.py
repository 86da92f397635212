"""Price levels of a depth message: ``[["61685.99000000","1.25869000"],…]`` → two int64 arrays.

A depth message has some 57 levels on average, a snapshot 10,000; as Python strings they would cost more than all the
rest of the market data together. So a kernel reads the JSON text itself. It knows the plain form only and gives up on
anything else; then the readable way below decides, and says what is wrong.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from adapters.grid import Grid, InstrumentGrid
from engine.errors import VenueError
from engine.kernel import kernel

__all__ = ["Levels", "parse_levels", "parse_levels_plainly", "read_levels", "warm_up"]

_LEVEL_BYTES_MIN = 9  # ["1","1"]
_DIGITS_MAX = 18  # so that a number fits into int64 before it is scaled
_UNKNOWN = -1

_decode_pairs = msgspec.json.Decoder(list[tuple[str, str]]).decode


class Levels(NamedTuple):
    """Absolute levels of one side as the venue listed them: price_ticks [n] int64, quantity_lots [n] int64."""

    price_ticks: NDArray[np.int64]
    quantity_lots: NDArray[np.int64]


@kernel
def _read_steps(text: NDArray[np.uint8], at: int, step_units: int, step_scale: int, is_exact: bool) -> tuple[int, int]:
    """The quoted number at ``at`` as (steps, position behind it); steps is -1 when it is not of the plain form."""
    end = len(text)
    if at >= end or text[at] != 34:
        return _UNKNOWN, at
    at += 1
    value, digits, fraction, first = 0, 0, -1, at
    while at < end and text[at] != 34:
        byte = text[at]
        if 48 <= byte <= 57:
            value = value * 10 + (byte - 48)
            digits += 1
            if digits > _DIGITS_MAX:
                return _UNKNOWN, at
            if fraction >= 0:
                fraction += 1
        elif byte == 46 and fraction < 0 and at > first:
            fraction = 0
        else:
            return _UNKNOWN, at
        at += 1
    if at >= end or digits == 0 or fraction == 0:
        return _UNKNOWN, at
    spare = step_scale - max(fraction, 0)
    while spare > 0:
        if value > 922337203685477580:  # the next factor of ten would not fit
            return _UNKNOWN, at
        value *= 10
        spare -= 1
    divisor = step_units
    while spare < 0:
        if divisor > 922337203685477580:
            return _UNKNOWN, at
        divisor *= 10
        spare += 1
    steps = value // divisor
    is_cut = steps * divisor != value
    if is_cut and is_exact:
        return _UNKNOWN, at
    return (1 if is_cut and steps == 0 else steps), at + 1


@kernel
def _skip_blanks(text: NDArray[np.uint8], at: int) -> int:
    while at < len(text) and (text[at] == 32 or text[at] == 9 or text[at] == 10 or text[at] == 13):
        at += 1
    return at


@kernel
def read_levels(
    text: NDArray[np.uint8],
    tick_units: int,
    tick_scale: int,
    lot_units: int,
    lot_scale: int,
    price_ticks: NDArray[np.int64],
    quantity_lots: NDArray[np.int64],
) -> int:
    """Read a JSON array of [price, quantity] texts into the two arrays; the number of levels, or -1: not of the plain
    form, a price off its tick, or more than the arrays hold. Quantities are cut to whole lots (``grid.py``)."""
    at = _skip_blanks(text, 0)
    if at >= len(text) or text[at] != 91:
        return _UNKNOWN
    at = _skip_blanks(text, at + 1)
    if at < len(text) and text[at] == 93:
        return 0 if _skip_blanks(text, at + 1) == len(text) else _UNKNOWN
    count = 0
    while at < len(text) and text[at] == 91 and count < len(price_ticks):
        ticks, at = _read_steps(text, _skip_blanks(text, at + 1), tick_units, tick_scale, True)
        at = _skip_blanks(text, at)
        if ticks < 0 or at >= len(text) or text[at] != 44:
            return _UNKNOWN
        lots, at = _read_steps(text, _skip_blanks(text, at + 1), lot_units, lot_scale, False)
        at = _skip_blanks(text, at)
        if lots < 0 or at >= len(text) or text[at] != 93:
            return _UNKNOWN
        price_ticks[count] = ticks
        quantity_lots[count] = lots
        count += 1
        at = _skip_blanks(text, at + 1)
        if at < len(text) and text[at] == 93:
            return count if _skip_blanks(text, at + 1) == len(text) else _UNKNOWN
        if at >= len(text) or text[at] != 44:
            return _UNKNOWN
        at = _skip_blanks(text, at + 1)
    return _UNKNOWN


def parse_levels(raw: msgspec.Raw | bytes, grid: InstrumentGrid) -> Levels:
    """Levels of one side. Raises VenueError (off the grid, not a number) or msgspec.DecodeError (not levels)."""
    text = np.frombuffer(raw, dtype=np.uint8)
    room = len(text) // _LEVEL_BYTES_MIN + 1
    price_ticks, quantity_lots = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    ticks, lots = grid.ticks, grid.market_lots
    count: int = read_levels(
        text, ticks.step_units, ticks.step_scale, lots.step_units, lots.step_scale, price_ticks, quantity_lots
    )
    if count < 0:
        return parse_levels_plainly(raw, grid)
    return Levels(price_ticks[:count], quantity_lots[:count])


def parse_levels_plainly(raw: msgspec.Raw | bytes, grid: InstrumentGrid) -> Levels:
    """The readable twin of ``read_levels``, and the judge of what the kernel does not take."""
    pairs = _decode_pairs(raw)
    return Levels(
        _steps(grid.ticks, [price for price, _ in pairs]), _steps(grid.market_lots, [quantity for _, quantity in pairs])
    )


def _steps(grid: Grid, texts: list[str]) -> NDArray[np.int64]:
    try:
        return np.array([grid.parse(text) for text in texts], dtype=np.int64)
    except OverflowError:
        raise VenueError(f"{grid.field}: a number does not fit into 64 bits") from None


def warm_up() -> None:
    """Compile or load the kernel: once per process, before it says that it is ready."""
    cell = np.zeros(1, dtype=np.int64)
    read_levels(np.frombuffer(b'[["1","1"]]', dtype=np.uint8), 1, 0, 1, 0, cell, cell.copy())
