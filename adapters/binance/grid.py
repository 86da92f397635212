"""Decimal text of the venue → whole ticks and lots, exactly and quickly."""

from engine.errors import VenueError
from engine.instrument import INT64_MAX, Instrument

__all__ = ["Grid", "InstrumentGrid"]

_CACHE_MAX = 4_096
_TEXT_MAX = 40


class Grid:
    """Multiples of one step, ``step_units / 10**step_scale``.

    Best prices and round quantities repeat, so texts already seen are remembered (all are forgotten when the memory
    is full: it only saves time).
    """

    __slots__ = ("_known", "field", "step_scale", "step_units")

    def __init__(self, field: str, step_units: int, step_scale: int) -> None:
        self.field, self.step_units, self.step_scale = field, step_units, step_scale
        self._known: dict[str, int] = {}

    def parse(self, text: str) -> int:
        """How many steps ``text`` is. Raises VenueError for anything but plain unsigned decimal text on the grid."""
        steps = self._known.get(text)
        return self._parse(text) if steps is None else steps

    def _parse(self, text: str) -> int:
        whole, dot, fraction = text.partition(".")
        digits = whole + fraction
        if not (digits.isascii() and digits.isdigit() and whole and (fraction or not dot)) or len(text) > _TEXT_MAX:
            raise VenueError(f"{self.field} {text[:_TEXT_MAX]!r} is not a plain decimal number")
        spare = self.step_scale - len(fraction)
        units, step = int(digits), self.step_units
        if spare >= 0:
            units *= 10**spare
        else:
            step *= 10**-spare
        steps, rest = divmod(units, step)
        if rest or steps > INT64_MAX:
            raise VenueError(
                f"{self.field} {text} is not on the venue's own grid of {self.step_units}e-{self.step_scale}"
            )
        if len(self._known) >= _CACHE_MAX:
            self._known.clear()
        self._known[text] = steps
        return steps


class InstrumentGrid:
    """An instrument with its two grids: what parsing and encoding need of it."""

    __slots__ = ("instrument", "instrument_id", "lots", "ticks")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument, self.instrument_id = instrument, instrument.instrument_id
        symbol = instrument.symbol
        self.ticks = Grid(f"{symbol} price", instrument.tick_units, instrument.price_scale)
        self.lots = Grid(f"{symbol} quantity", instrument.lot_units, instrument.quantity_scale)
