"""The limits that a gate holds, each with its unit in its name. None has a default: a limit not given is an error."""

import msgspec

from engine.errors import UsageError
from engine.instrument import INT64_MAX, Instrument

__all__ = ["LIMIT_LOTS_MAX", "PPM_MAX", "AccountLimits", "InstrumentLimits"]

#: No quantity limit may exceed this, nor a factor that, so that no sum of the gate leaves 64 bits.
LIMIT_LOTS_MAX, PPM_MAX = 2**60, 10**9
_COUNT_MAX = 10**9


class AccountLimits(msgspec.Struct, frozen=True):
    """Over all instruments of one account at one venue. Submissions and replacements count against the rate: a bucket
    of ``orders_burst`` that refills by ``orders_per_second``."""

    open_orders: int
    orders_per_second: int
    orders_burst: int

    def validate(self) -> None:
        """Raises UsageError naming the first limit that is out of range."""
        for field in self.__struct_fields__:
            _require("account limit", field, getattr(self, field), _COUNT_MAX)


class InstrumentLimits(msgspec.Struct, frozen=True):
    """Of one instrument. ``long_position_lots`` and ``short_position_lots`` bound the position's worst case, both as
    positive numbers. The collar is counted from the reference price, which may be ``reference_age_ns`` old."""

    order_quantity_lots: int
    order_notional_tick_lots: int
    long_position_lots: int
    short_position_lots: int
    price_collar_ppm: int
    reference_age_ns: int

    def validate(self, instrument: Instrument) -> None:
        """Raises UsageError naming the first limit that is out of range."""
        most = {"order_notional_tick_lots": INT64_MAX, "price_collar_ppm": PPM_MAX, "reference_age_ns": INT64_MAX}
        for field in self.__struct_fields__:
            _require(f"limit of {instrument.symbol}", field, getattr(self, field), most.get(field, LIMIT_LOTS_MAX))


def _require(what: str, field: str, value: object, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise UsageError(f"{what} {field} is {value!r}; it must be a whole number from 0 to {most}")
