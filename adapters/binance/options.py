"""How a Binance session behaves where the venue leaves the choice to us."""

from adapters.options import SessionOptions
from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["BinanceOptions", "TimeUnit"]

#: Nanoseconds per unit of the venue's times, by the name that the venue gives the unit.
TimeUnit = dict[str, int]
_UNITS: TimeUnit = {"MILLISECOND": 1_000_000, "MICROSECOND": 1_000}
_SNAPSHOT_LEVELS = (5, 10, 20, 50, 100, 500, 1_000, 5_000)


class BinanceOptions(SessionOptions, frozen=True, kw_only=True):
    """See ``SessionOptions`` for those that every venue has.

    Attributes:
        recv_window_ms: how old a request may be when the venue gets it.
        time_unit: MILLISECOND or MICROSECOND, for every time both ways.
        snapshot_levels: depth of a book's snapshot; 5,000 costs 250 of 6,000 weight per minute, 1,000 costs 50.
        key_may_withdraw: whether a key that may withdraw funds is used all the same.
        idle_timeout_ns: a link that says nothing for so long is dead (the venue pings every 20 s).
    """

    recv_window_ms: int = 2_000
    time_unit: str = "MILLISECOND"
    snapshot_levels: int = 5_000
    key_may_withdraw: bool = False
    idle_timeout_ns: int = 60 * NANOS
    clock_refresh_ns: int = 30 * NANOS
    message_bytes_max: int = 4 << 20
    body_bytes_max: int = 8 << 20

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_be("recv_window_ms", 1, 60_000)
        if self.time_unit not in _UNITS:
            raise UsageError(f"time_unit {self.time_unit!r} must be one of {', '.join(_UNITS)}")
        if self.snapshot_levels not in _SNAPSHOT_LEVELS:
            raise UsageError(f"snapshot_levels {self.snapshot_levels} must be one of {_SNAPSHOT_LEVELS}")

    @property
    def unit_ns(self) -> int:
        return _UNITS[self.time_unit]

    @property
    def request_validity_ns(self) -> int:
        """The venue takes a time stamp up to 1 s ahead of its clock, so a request may live that much longer."""
        return self.recv_window_ms * 1_000_000 + NANOS

    @property
    def snapshot_weight(self) -> int:
        levels = self.snapshot_levels
        return 5 if levels <= 100 else 25 if levels <= 500 else 50 if levels <= 1_000 else 250
