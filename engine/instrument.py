"""Instruments, and the one place where decimal text becomes integers and back.

Inside Haltline a price is a whole number of ticks and a quantity a whole number of lots of its instrument.
A product of the two is counted in ``tick_lots``. Text is parsed exactly: nothing is rounded, ever.
"""

import re
from fractions import Fraction
from typing import NamedTuple

import msgspec

from engine.errors import UsageError

__all__ = [
    "INT64_MAX",
    "NANOS",
    "Instrument",
    "NotOnGrid",
    "Scaled",
    "decimal_text",
    "parse_decimal",
    "parse_nanos",
    "plain",
]

INT64_MAX = 2**63 - 1
NANOS = 1_000_000_000

# ASCII digits only: ``\d`` would also take other scripts' digits, and "1_000" or "١" are not venue numbers.
_DECIMAL = re.compile(r"([+-]?)([0-9]{1,40})(?:\.([0-9]{1,40}))?\Z")


class Scaled(NamedTuple):
    """The exact number ``units / 10**scale``, scale as small as it can be."""

    units: int
    scale: int


class NotOnGrid(UsageError):
    """A price between two ticks or a quantity between two lots; ``below`` and ``above`` are the nearest valid."""

    def __init__(self, field: str, text: str, below: str, above: str) -> None:
        super().__init__(f"{field} {text} is not on the grid; nearest valid: {below} or {above}")
        self.field, self.text, self.below, self.above = field, text, below, above


def parse_decimal(text: object, field: str = "number") -> Scaled:
    """Parse plain decimal text exactly (no exponent, NaN, infinity, separators or spaces; no floats).

    Raises UsageError naming the field and the text.
    """
    match = _DECIMAL.match(text) if isinstance(text, str) else None
    if match is None:
        hint = "" if isinstance(text, str) else f"; it is a {type(text).__name__}, write it as text in quotes"
        raise UsageError(f'{field} {text!r} is not plain decimal text such as "61685.99"{hint}')
    sign, whole, fraction = match.group(1), match.group(2), (match.group(3) or "").rstrip("0")
    units = int(whole + fraction)
    return Scaled(-units if sign == "-" else units, len(fraction))


def parse_nanos(text: str, field: str = "amount") -> int:
    """An amount of an asset in billionths, exactly. Raises UsageError when it needs more than nine decimals."""
    units, scale = parse_decimal(text, field)
    if scale > 9:
        raise UsageError(f"{field} {text} has more than nine decimals")
    to_nanos: int = 10 ** (9 - scale)
    return units * to_nanos


def decimal_text(units: int, scale: int) -> str:
    """``units / 10**scale`` as plain decimal text with exactly ``scale`` decimals."""
    digits, sign = (str(units), "") if units >= 0 else (str(-units), "-")
    if len(digits) <= scale:
        digits = digits.zfill(scale + 1)
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else sign + digits


def plain(text: str) -> str:
    """Decimal text without trailing zeros, and without a sign on zero."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


class Instrument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One tradable instrument at one venue.

    One tick is ``tick_units / 10**price_scale`` of the quote asset; one lot is
    ``lot_units / 10**quantity_scale`` of the base asset. A bound of 0 means that the venue sets none.
    ``*_ppm`` are the venue's price band as millionths of its reference price, 0 for none.
    """

    instrument_id: int
    venue: str
    symbol: str
    base_asset: str
    quote_asset: str
    tick_units: int
    price_scale: int
    lot_units: int
    quantity_scale: int
    price_ticks_min: int
    price_ticks_max: int
    quantity_lots_min: int
    quantity_lots_max: int
    market_quantity_lots_max: int = 0
    notional_tick_lots_min: int = 0
    notional_tick_lots_max: int = 0
    open_orders_max: int = 0
    bid_up_ppm: int = 0
    bid_down_ppm: int = 0
    ask_up_ppm: int = 0
    ask_down_ppm: int = 0
    market_notional_min_applies: bool = False

    # -- prices ---------------------------------------------------------------------------------------------

    def price_ticks(self, text: str) -> int:
        """Exact ticks of a price text. Raises NotOnGrid (with both neighbours) or UsageError."""
        return self._on_grid("price", text, self.tick_units, self.price_scale)

    def price_text(self, ticks: int) -> str:
        return decimal_text(ticks * self.tick_units, self.price_scale)

    # -- quantities -----------------------------------------------------------------------------------------

    def quantity_lots(self, text: str) -> int:
        """Exact lots of a quantity text. Raises NotOnGrid (with both neighbours) or UsageError."""
        return self._on_grid("quantity", text, self.lot_units, self.quantity_scale)

    def quantity_text(self, lots: int) -> str:
        return decimal_text(lots * self.lot_units, self.quantity_scale)

    def lots_floor(self, text: str, field: str = "quantity") -> int:
        """The most lots not exceeding a quantity text: for limits from above."""
        units, scale = parse_decimal(text, field)
        value = Fraction(units, 10**scale) / Fraction(self.lot_units, 10**self.quantity_scale)
        return value.numerator // value.denominator

    # -- money ----------------------------------------------------------------------------------------------

    @property
    def tick_lot_value(self) -> Fraction:
        """Value of one tick times one lot, in the quote asset."""
        return Fraction(self.tick_units * self.lot_units, 10 ** (self.price_scale + self.quantity_scale))

    def quote_text(self, tick_lots: int) -> str:
        """An amount of quote asset, exactly, as decimal text."""
        return decimal_text(tick_lots * self.tick_units * self.lot_units, self.price_scale + self.quantity_scale)

    def tick_lots_floor(self, quote_text: str, field: str = "notional") -> int:
        """The most tick_lots worth at most ``quote_text`` of the quote asset: for limits from above."""
        units, scale = parse_decimal(quote_text, field)
        value = Fraction(units, 10**scale) / self.tick_lot_value
        return value.numerator // value.denominator

    def tick_lots_ceil(self, quote_text: str, field: str = "notional") -> int:
        """The fewest tick_lots worth at least ``quote_text`` of the quote asset: for limits from below."""
        units, scale = parse_decimal(quote_text, field)
        value = Fraction(units, 10**scale) / self.tick_lot_value
        return -(-value.numerator // value.denominator)

    def _on_grid(self, field: str, text: str, step_units: int, step_scale: int) -> int:
        units, scale = parse_decimal(text, field)
        value = Fraction(units, 10**scale) / Fraction(step_units, 10**step_scale)
        below = value.numerator // value.denominator
        is_between = value.denominator != 1
        if abs(below) + is_between > INT64_MAX:  # the neighbours that are named have to fit as well
            raise UsageError(f"{field} {text} does not fit into 64 bits")
        if is_between:
            raise NotOnGrid(
                field,
                text,
                decimal_text(below * step_units, step_scale),
                decimal_text((below + 1) * step_units, step_scale),
            )
        return below
