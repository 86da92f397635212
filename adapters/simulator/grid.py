"""Decimal text of one grid (prices or quantities), fast and exact, for messages by the ten thousand.

``engine.instrument.Instrument`` is the border for text from people; it answers an off-grid number with the nearest
valid ones. Market data needs no advice, only speed: this reads and writes the eight decimals that Binance uses, and
any other plain decimal text.
"""

from engine.errors import UsageError
from engine.instrument import decimal_text

__all__ = ["EIGHT_DECIMALS", "Grid"]

EIGHT_DECIMALS = 8
_SCALE = 18
_ONE = 10**EIGHT_DECIMALS


class Grid:
    """Steps of ``step_units / 10**step_scale``. Raises UsageError for a grid finer than eight decimals."""

    def __init__(self, step_units: int, step_scale: int, field: str) -> None:
        if step_units <= 0 or step_scale > EIGHT_DECIMALS:
            text = decimal_text(step_units, step_scale)
            raise UsageError(f"{field}: a step of {text} cannot be written with eight decimals")
        self._field = field
        self._step: int = step_units * 10 ** (EIGHT_DECIMALS - step_scale)

    def steps(self, text: str) -> int:
        """The number of steps in a decimal text. Raises UsageError when it is garbled or between two steps."""
        whole, _, fraction = text.partition(".")
        if len(fraction) != EIGHT_DECIMALS:
            if len(fraction) > _SCALE or fraction[EIGHT_DECIMALS:].strip("0"):
                raise UsageError(f"{self._field} {text!r} has more than eight decimals")
            fraction = fraction[:EIGHT_DECIMALS].ljust(EIGHT_DECIMALS, "0")
        digits = whole + fraction
        if not whole or not digits.isdigit() or not digits.isascii():
            raise UsageError(f"{self._field} {text!r} is not a plain decimal number")
        steps, rest = divmod(int(digits), self._step)
        if rest:
            raise UsageError(f"{self._field} {text!r} is not a multiple of {decimal_text(self._step, EIGHT_DECIMALS)}")
        return steps

    def text(self, steps: int) -> str:
        """Eight decimals, as Binance writes them."""
        whole, fraction = divmod(steps * self._step, _ONE)
        return f"{whole}.{fraction:08d}"
