"""The limits that a gate holds, each with its unit in its name. None has a default: a limit not given is an error.

What counts as one limit's *worst case* is said in ``risk/gate_books.py``; the checks are in ``risk/gate_kernel.py``.

    scope                limits
    account at a venue   AccountLimits
    venue's instrument   InstrumentLimits
    strategy             StrategyLimits
    lease                Ceilings: what of the account's limits this venue actor may use now
"""

import msgspec

from engine.errors import UsageError
from engine.instrument import INT64_MAX, Instrument

__all__ = [
    "COUNT_MAX",
    "LIMIT_LOTS_MAX",
    "MICROS_MAX",
    "PPM_MAX",
    "AccountLimits",
    "Ceilings",
    "InstrumentLimits",
    "StrategyLimits",
    "Usage",
]

#: No quantity limit may exceed this, nor a factor that, so that no sum of the gate leaves 64 bits.
LIMIT_LOTS_MAX, PPM_MAX = 2**60, 10**9
COUNT_MAX = 10**9
#: The most that a limit in micros may be; more means none.
MICROS_MAX = INT64_MAX

_ALL_PPM = 1_000_000


class AccountLimits(msgspec.Struct, frozen=True):
    """Over all instruments of one account at one venue.

    Attributes:
        open_orders: orders that may still fill, those in doubt included.
        orders_per_second, orders_burst: submissions: a bucket of ``burst`` that refills by ``per_second``.
        replaces_per_second, replaces_burst: replacements, from a bucket of their own.
        cancels_per_second, cancels_burst: cancels are counted against these, and never refused.
        currency: the asset that amounts in micros (millionths) are of.
        gross_notional_micros: the sum of every instrument's worst case over all subsets of its open orders.
        net_notional_micros: what all instruments together could be long, or short, in the worst case.
        concentration_ppm: one instrument's share of gross, once gross is above ``concentration_from_micros``;
            1,000,000 is no limit.
        daily_loss_micros: realised and marked loss since the day began, before fees.
        drawdown_micros: the same, counted from the highest point since the day began.
        messages_free, messages_per_trade: order, replace and cancel messages of a day: so many, and so many more for
            each execution. ``messages_free`` of COUNT_MAX is no limit.
        duplicate_window_ns: how long the same order of the same strategy is refused; 0: not at all.
        assets: what may be held of a base asset over all its instruments, in nanos (billionths): asset → (long, short).
    """

    open_orders: int
    orders_per_second: int
    orders_burst: int
    replaces_per_second: int
    replaces_burst: int
    cancels_per_second: int
    cancels_burst: int
    currency: str
    gross_notional_micros: int
    net_notional_micros: int
    concentration_ppm: int
    concentration_from_micros: int
    daily_loss_micros: int
    drawdown_micros: int
    messages_free: int
    messages_per_trade: int
    duplicate_window_ns: int
    assets: dict[str, tuple[int, int]]

    def validate(self) -> None:
        """Raises UsageError naming the first limit that is out of range."""
        most = {"concentration_ppm": _ALL_PPM, "duplicate_window_ns": INT64_MAX}
        for field in self.__struct_fields__:
            if field not in ("currency", "assets"):
                fallback = MICROS_MAX if field.endswith("_micros") else COUNT_MAX
                _require("account limit", field, getattr(self, field), most.get(field, fallback))
        if type(self.currency) is not str or not self.currency:
            raise UsageError(f"account limit currency is {self.currency!r}; it must name an asset")
        for asset, (long_nanos, short_nanos) in self.assets.items():
            _require(f"account limit of {asset}", "long_nanos", long_nanos, INT64_MAX)
            _require(f"account limit of {asset}", "short_nanos", short_nanos, INT64_MAX)


class InstrumentLimits(msgspec.Struct, frozen=True):
    """Of one instrument. ``long_position_lots`` and ``short_position_lots`` bound the position's worst case, both as
    positive numbers. The collar is counted from the reference price, which may be ``reference_age_ns`` old; the window
    collar from the lowest reference of the last ``window_ns`` for a buy, from the highest for a sell."""

    order_quantity_lots: int
    order_notional_tick_lots: int
    long_position_lots: int
    short_position_lots: int
    price_collar_ppm: int
    window_collar_ppm: int
    window_ns: int
    reference_age_ns: int

    def validate(self, instrument: Instrument) -> None:
        """Raises UsageError naming the first limit that is out of range."""
        most = {
            "order_notional_tick_lots": INT64_MAX,
            "price_collar_ppm": PPM_MAX,
            "window_collar_ppm": PPM_MAX,
            "window_ns": INT64_MAX,
            "reference_age_ns": INT64_MAX,
        }
        for field in self.__struct_fields__:
            _require(f"limit of {instrument.symbol}", field, getattr(self, field), most.get(field, LIMIT_LOTS_MAX))


class StrategyLimits(msgspec.Struct, frozen=True):
    """Of one strategy at one venue actor.

    Attributes:
        orders_per_second, orders_burst: submissions and replacements.
        position_notional_micros: one instrument's worst case.
        gross_notional_micros: the sum of those over all its instruments.
        executions, executions_window_ns: one execution more than that within the window, in one instrument, and the
            strategy may not trade it until a person says so (``Gate.enable``).
    """

    orders_per_second: int
    orders_burst: int
    position_notional_micros: int
    gross_notional_micros: int
    executions: int
    executions_window_ns: int

    def validate(self, strategy_id: str) -> None:
        """Raises UsageError naming the first limit that is out of range."""
        for field in self.__struct_fields__:
            most = MICROS_MAX if field.endswith("_micros") else INT64_MAX if field.endswith("_ns") else COUNT_MAX
            _require(f"limit of strategy {strategy_id}", field, getattr(self, field), most)


class Ceilings(msgspec.Struct, frozen=True):
    """What a lease grants of the account's limits. Any of them may be negative: another venue actor has it all.

    Of net, each side has its own: what the account may be long, and what it may be short. An asset that is not named
    has no ceiling; ``messages_free`` of COUNT_MAX is none either.
    """

    open_orders: int
    orders_per_second: int
    orders_burst: int
    replaces_per_second: int
    replaces_burst: int
    cancels_per_second: int
    cancels_burst: int
    gross_notional_micros: int
    net_long_micros: int
    net_short_micros: int
    daily_loss_micros: int
    drawdown_micros: int
    messages_free: int
    assets: dict[str, tuple[int, int]]


class Usage(msgspec.Struct, frozen=True):
    """What a gate holds against limits and ceilings: the worst case now, and what has happened since the day began.

    Signed where another's use may make up for it: ``net_*`` (a short position is a negative long one),
    ``daily_loss_micros`` (a profit is a negative loss), ``messages`` (less those that executions have paid for), and
    ``assets`` (long, short), in nanos.
    """

    open_orders: int
    gross_notional_micros: int
    net_long_micros: int
    net_short_micros: int
    daily_loss_micros: int
    drawdown_micros: int
    messages: int
    assets: dict[str, tuple[int, int]]


def _require(what: str, field: str, value: object, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise UsageError(f"{what} {field} is {value!r}; it must be a whole number from 0 to {most}")
