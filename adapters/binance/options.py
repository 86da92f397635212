"""How a Binance session behaves where the venue leaves the choice to us."""

import msgspec

from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["BinanceOptions", "TimeUnit"]

#: Nanoseconds per unit of the venue's times, by the name that the venue gives the unit.
TimeUnit = dict[str, int]
_UNITS: TimeUnit = {"MILLISECOND": 1_000_000, "MICROSECOND": 1_000}
_SNAPSHOT_LEVELS = (5, 10, 20, 50, 100, 500, 1_000, 5_000)


class BinanceOptions(msgspec.Struct, frozen=True):
    """Raises UsageError, naming the option, when one makes no sense.

    Attributes:
        recv_window_ms: how old a request may be when the venue gets it.
        time_unit: MILLISECOND or MICROSECOND, for every time both ways.
        snapshot_levels: depth of a book's snapshot; 5,000 costs 250 of 6,000 weight per minute, 1,000 costs 50.
        cancel_share_ppm: share of the request limits that only cancels may spend, half of it cancel-all alone.
        idle_timeout_ns: a link that says nothing for so long is dead (the venue pings every 20 s).
        answer_timeout_ns: how long a question, a handshake or a logon may take.
        clock_refresh_ns: how often the venue's clock is looked at.
        link_age_max_ns: a link is made anew at this age (the venue cuts it at 24 h), less up to an eighth at random,
            so that links do not go together.
        retry_first_ns, retry_max_ns: back-off between attempts, doubling; half of it is random.
        auth_retry_ns: how long to wait after the venue has refused the key.
        message_bytes_max, body_bytes_max: bounds of one WebSocket message and of one REST body.
        market_data: whether the session keeps books; without, it has two links, and its books stay empty.
    """

    recv_window_ms: int = 2_000
    time_unit: str = "MILLISECOND"
    snapshot_levels: int = 5_000
    cancel_share_ppm: int = 200_000
    idle_timeout_ns: int = 60 * NANOS
    answer_timeout_ns: int = 10 * NANOS
    clock_refresh_ns: int = 30 * NANOS
    link_age_max_ns: int = 23 * 3_600 * NANOS
    retry_first_ns: int = NANOS // 4
    retry_max_ns: int = 30 * NANOS
    auth_retry_ns: int = 60 * NANOS
    message_bytes_max: int = 4 << 20
    body_bytes_max: int = 8 << 20
    market_data: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.recv_window_ms <= 60_000:
            raise UsageError(f"recv_window_ms {self.recv_window_ms} must be 1 to 60000")
        if self.time_unit not in _UNITS:
            raise UsageError(f"time_unit {self.time_unit!r} must be one of {', '.join(_UNITS)}")
        if self.snapshot_levels not in _SNAPSHOT_LEVELS:
            raise UsageError(f"snapshot_levels {self.snapshot_levels} must be one of {_SNAPSHOT_LEVELS}")
        if not 0 <= self.cancel_share_ppm < 1_000_000:
            raise UsageError(f"cancel_share_ppm {self.cancel_share_ppm} must be 0 to 999999")
        for name in self.__struct_fields__:
            if name.endswith(("_ns", "_bytes_max")) and getattr(self, name) <= 0:
                raise UsageError(f"{name} {getattr(self, name)} must be above 0")
        if self.retry_first_ns > self.retry_max_ns:
            raise UsageError(f"retry_first_ns {self.retry_first_ns} must not be above retry_max_ns {self.retry_max_ns}")

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
