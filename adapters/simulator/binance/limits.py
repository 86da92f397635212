"""The venue's rate limits, counted as it counts them: calendar-aligned windows, per IP and per account.

The runtime does not tell where a connection comes from, so everybody shares one IP address.
"""

from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.settings import VenueLimits

__all__ = ["OrderLimits", "RateLimits", "Window"]

_SECOND_NS = 1_000_000_000
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


class Window:
    """One limit over one aligned interval, such as 10 SECOND."""

    __slots__ = ("_index", "count", "interval", "interval_ns", "interval_num", "kind", "limit")

    def __init__(self, kind: str, interval: str, interval_num: int, limit: int) -> None:
        self.kind = kind
        self.interval = interval
        self.interval_num = interval_num
        self.interval_ns = _UNITS[interval] * interval_num * _SECOND_NS
        self.limit = limit
        self.count = 0
        self._index = -1

    def add(self, amount: int, wall_ns: int) -> bool:
        """Count; False when the limit is exceeded by it. A negative amount gives back, never below zero."""
        self.roll(wall_ns)
        self.count = max(0, self.count + amount)
        return self.count <= self.limit

    def roll(self, wall_ns: int) -> None:
        index = wall_ns // self.interval_ns
        if index != self._index:
            self._index, self.count = index, 0

    def ends_ns(self) -> int:
        """UTC of the window's end."""
        return (self._index + 1) * self.interval_ns

    def row(self, with_count: bool = True) -> dict[str, object]:
        row: dict[str, object] = {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_num,
            "limit": self.limit,
        }
        if with_count:
            row["count"] = self.count
        return row


class OrderLimits:
    """New orders of one account that have not been filled yet."""

    def __init__(self, limits: VenueLimits) -> None:
        self.windows = (
            Window("ORDERS", "SECOND", 10, limits.orders_per_10_seconds),
            Window("ORDERS", "DAY", 1, limits.orders_per_day),
        )
        self._maker_credit = limits.maker_fill_order_credit

    def refusal(self, wall_ns: int) -> ApiError | None:
        """-1015 when one more order would be too many. Counts nothing."""
        for window in self.windows:
            window.roll(wall_ns)
            if window.count >= window.limit:
                return ApiError(
                    -1015,
                    f"Too many new orders; current limit is {window.limit} orders per "
                    f"{window.interval_num} {window.interval}.",
                    status=429,
                    retry_after_ns=window.ends_ns(),
                )
        return None

    def count(self, wall_ns: int) -> None:
        for window in self.windows:
            window.add(1, wall_ns)

    def first_fill(self, is_maker: bool, wall_ns: int) -> None:
        """An order that trades no longer counts; one that waited in the book gives back more."""
        for window in self.windows:
            window.add(-self._maker_credit if is_maker else -1, wall_ns)

    def rows(self, wall_ns: int) -> list[dict[str, object]]:
        for window in self.windows:
            window.roll(wall_ns)
        return [window.row() for window in self.windows]


class RateLimits:
    """Request weight, raw requests and connections of the one IP address, and its bans."""

    def __init__(self, limits: VenueLimits) -> None:
        self.weight = Window("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute)
        self.raw = Window("RAW_REQUESTS", "MINUTE", 5, limits.requests_per_5_minutes)
        self._connections = Window("CONNECTIONS", "MINUTE", 5, limits.connections_per_5_minutes)
        self._limits = limits
        self._violations = 0
        self._ban_ns = limits.ban_ns_min
        self.banned_until_ns = 0
        self.bans = 0

    def refusal(self, wall_ns: int) -> ApiError | None:
        """418 while banned; 429 when this request finds the minute's weight used up. To be asked before a request."""
        if wall_ns < self.banned_until_ns:
            return self._banned()
        self.weight.roll(wall_ns)
        if not self.raw.add(1, wall_ns) or self.weight.count >= self.weight.limit:
            return self._violation(self.raw if self.raw.count > self.raw.limit else self.weight, wall_ns)
        return None

    def charge(self, weight: int, wall_ns: int) -> None:
        self.weight.add(weight, wall_ns)

    def connect(self, wall_ns: int) -> ApiError | None:
        """Count one connection attempt."""
        if wall_ns < self.banned_until_ns:
            return self._banned()
        window = self._connections
        if window.add(1, wall_ns):
            return None
        self._count_violation(wall_ns)
        text = f"Too many connection attempts from IP; current limit is {window.limit} per '5 MINUTE'."
        return ApiError(-1034, text, status=429, retry_after_ns=window.ends_ns())

    def _violation(self, window: Window, wall_ns: int) -> ApiError:
        if self._count_violation(wall_ns):
            return self._banned()
        text = (
            f"Too much request weight used; current limit is {window.limit} request weight per "
            f"{window.interval_num} {window.interval}. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return ApiError(-1003, text, status=429, retry_after_ns=window.ends_ns())

    def _count_violation(self, wall_ns: int) -> bool:
        """Going on after a 429 leads to a ban; every ban is twice as long as the one before."""
        self._violations += 1
        if self._violations <= self._limits.violations_before_ban:
            return False
        self.banned_until_ns = wall_ns + self._ban_ns
        self._ban_ns = min(2 * self._ban_ns, self._limits.ban_ns_max)
        self._violations = 0
        self.bans += 1
        return True

    def _banned(self) -> ApiError:
        text = (
            f"Way too much request weight used; IP banned until {self.banned_until_ns // 1_000_000}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return ApiError(-1003, text, status=418, retry_after_ns=self.banned_until_ns)
