"""Decimal text of the venue → whole ticks and lots, exactly and quickly.

Prices, and whatever concerns our own orders and fills, have to be on the grid. Quantities of market data need not be:
BTCUSDT, whose lot is 0.00001, has had a level of 191.38900600 (orders outlive changes of the lot). There ``Grid`` cuts
down to whole lots, but never a level that is there to nothing.
"""

from engine.errors import VenueError
from engine.instrument import INT64_MAX, Instrument

__all__ = ["Grid", "InstrumentGrid"]

_CACHE_MAX = 4_096
_TEXT_MAX = 40


class Grid:
    """Multiples of one step, ``step_units / 10**step_scale``.

    ``is_exact``: what is not a multiple is an error; else it is cut down to one, and to 1 at least unless it is 0.
    Best prices and round quantities repeat, so texts already seen are remembered (all are forgotten when the memory
    is full: it only saves time).
    """

    __slots__ = ("_divisor", "_known", "field", "is_exact", "step_scale", "step_units")

    def __init__(self, field: str, step_units: int, step_scale: int, is_exact: bool = True) -> None:
        self.field, self.step_units, self.step_scale, self.is_exact = field, step_units, step_scale, is_exact
        self._known: dict[str, int] = {}
        #: How many 1e-8 a step is: the venue nearly always writes eight decimals. 0: a finer step, not a whole number.
        self._divisor = step_units * 10 ** (8 - step_scale) if step_scale <= 8 else 0

    def parse(self, text: str) -> int:
        """How many steps ``text`` is. Raises VenueError for anything but plain unsigned decimal text (on the grid)."""
        steps = self._known.get(text)
        return self._parse(text) if steps is None else steps

    def _parse(self, text: str) -> int:
        digits = text[:-9] + text[-8:]
        if text[-9:-8] == "." and 9 < len(text) <= 27 and digits.isdigit() and digits.isascii() and self._divisor:
            steps, rest = divmod(int(digits), self._divisor)
        else:
            scale = self.step_scale
            digits = text[: -scale - 1] + text[-scale:] if scale else ""
            if (
                digits.isdigit()
                and digits.isascii()
                and text[-scale - 1 : -scale] == "."
                and scale + 1 < len(text) <= 27
            ):
                steps, rest = divmod(int(digits), self.step_units)  # as many decimals as the step: others' usual way
            else:
                steps, rest = self._parse_plainly(text)
        if rest:
            if self.is_exact:
                grid = f"{self.step_units}e-{self.step_scale}"
                raise VenueError(f"{self.field} {text} is not on the venue's own grid of {grid}")
            steps = max(steps, 1)
        if steps > INT64_MAX:
            raise VenueError(f"{self.field} {text} does not fit into 64 bits")
        if len(self._known) >= _CACHE_MAX:
            self._known.clear()
        self._known[text] = steps
        return steps

    def _parse_plainly(self, text: str) -> tuple[int, int]:
        """Any number of decimals: (whole steps, what is left)."""
        whole, dot, fraction = text.partition(".")
        digits = whole + fraction
        if not (digits.isascii() and digits.isdigit() and whole and (fraction or not dot)) or len(text) > _TEXT_MAX:
            raise VenueError(f"{self.field} {text[:_TEXT_MAX]!r} is not a plain decimal number")
        spare = self.step_scale - len(fraction)
        factor: int = 10 ** abs(spare)
        if spare >= 0:
            return divmod(int(digits) * factor, self.step_units)
        return divmod(int(digits), self.step_units * factor)


class InstrumentGrid:
    """An instrument with its grids: ``ticks``, ``lots`` of our own orders and fills, ``market_lots`` of market data."""

    __slots__ = ("instrument", "instrument_id", "lots", "market_lots", "ticks")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument, self.instrument_id = instrument, instrument.instrument_id
        symbol = instrument.symbol
        self.ticks = Grid(f"{symbol} price", instrument.tick_units, instrument.price_scale)
        self.lots = Grid(f"{symbol} quantity", instrument.lot_units, instrument.quantity_scale)
        self.market_lots = Grid(self.lots.field, instrument.lot_units, instrument.quantity_scale, is_exact=False)
