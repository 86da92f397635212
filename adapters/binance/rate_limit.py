"""The venue's limits, counted on our side so that they are never hit, with a share that only cancels may spend.

REQUEST_WEIGHT (per IP, REST and WebSocket API together) and RAW_REQUESTS count requests; ORDERS (per account) counts
new orders. All run in calendar-aligned intervals of the venue's clock. What the venue reports as used is
believed; what is on its way and not yet answered is added to it. A request that was sent and lost stays counted.

Several sessions behind one IP spend the same limits per IP, and none sees what another has in flight. Each keeps to its
part of them, of which the cancels have their share, and besides never goes beyond what the venue reports of all.
"""

from collections.abc import Iterable, Mapping

from adapters.binance.messages import RateLimit
from adapters.purpose import CANCELS, Purpose, reserved
from engine.instrument import NANOS

__all__ = ["RateLimits", "Window"]

_INTERVALS_NS = {"SECOND": NANOS, "MINUTE": 60 * NANOS, "HOUR": 3_600 * NANOS, "DAY": 86_400 * NANOS}
_HEADER_UNITS = {"S": "SECOND", "M": "MINUTE", "H": "HOUR", "D": "DAY"}
_WEIGHT, _RAW, _ORDERS = "REQUEST_WEIGHT", "RAW_REQUESTS", "ORDERS"
#: A report this soon after an interval began may still count the one before.
_STALE_NS = 500_000_000


class Window:
    """One limit over one calendar-aligned interval."""

    __slots__ = ("_number", "begin_ns", "end_ns", "in_flight", "interval_ns", "limit", "used")

    def __init__(self, interval_ns: int, limit: int) -> None:
        self.interval_ns, self.limit = interval_ns, limit
        self.used = self.in_flight = 0
        self._number = -1
        #: Of the interval that is counted: between them there is nothing to roll.
        self.begin_ns = self.end_ns = 0

    def roll(self, venue_ns: int) -> None:
        """Begin anew when the interval is over. A clock that steps back a little changes nothing; one that had been far
        ahead and was set right keeps the count, and its interval ends when it ends: not when we had thought."""
        number = venue_ns // self.interval_ns
        if number > self._number:
            self._number = number
            self.used = 0
        elif number < self._number - 1:
            self._number = number
        self.begin_ns = self._number * self.interval_ns
        self.end_ns = self.begin_ns + self.interval_ns

    def has_room(self, cost: int, reserved: int, venue_ns: int) -> bool:
        self.roll(venue_ns)
        return self.used + self.in_flight + cost <= self.limit - reserved

    @property
    def spent(self) -> int:
        return self.used + self.in_flight

    def report(self, count: int, venue_ns: int) -> None:
        """The venue's own count."""
        self.roll(venue_ns)
        if count < self.used or venue_ns % self.interval_ns >= _STALE_NS:
            self.used = count

    def next_ns(self, venue_ns: int) -> int:
        """When the next interval begins."""
        return (venue_ns // self.interval_ns + 1) * self.interval_ns


class RateLimits:
    """All limits of one IP and account. Times called ``venue_ns`` are the venue's clock, ``now_ns`` is ours.

    ``cancel_share_ppm`` of every request limit is kept for cancels (``adapters/purpose.py``). ``part_percent``: what
    this session may spend of what is counted per IP.
    """

    def __init__(self, cancel_share_ppm: int, part_percent: int = 100) -> None:
        self._share_ppm, self._part_percent = cancel_share_ppm, part_percent
        #: (kind, interval) → window. Until exchangeInfo tells, the venue's published weight limit stands.
        self._windows: dict[tuple[str, int], Window] = {(_WEIGHT, 60 * NANOS): Window(60 * NANOS, 6_000)}
        #: Our part of what is counted per IP, by our own count; none when it is all ours.
        self._parts: dict[tuple[str, int], Window] = {}
        #: So many new orders have room for certain while no interval begins or, by a clock that steps back, is left.
        self._sure = self._sure_from_ns = self._sure_until_ns = 0
        self._sort()
        self.blocked_until_ns = self.banned_until_ns = 0

    def _sort(self) -> None:
        self._sure = 0
        if self._part_percent < 100:
            for (kind, interval_ns), window in self._windows.items():
                if kind != _ORDERS:
                    part = self._parts.setdefault((kind, interval_ns), Window(interval_ns, 0))
                    part.limit = window.limit * self._part_percent // 100
        counted = (*self._windows.items(), *self._parts.items())
        self._weights = [window for (kind, _), window in counted if kind == _WEIGHT]
        self._raws = [window for (kind, _), window in counted if kind == _RAW]
        self._orders = [window for (kind, _), window in self._windows.items() if kind == _ORDERS]

    def configure(self, limits: Iterable[RateLimit]) -> None:
        """Take the limits that ``exchangeInfo`` lists; what was counted so far stays counted."""
        for each in limits:
            unit_ns = _INTERVALS_NS.get(each.interval)
            if unit_ns is None or each.rateLimitType not in (_WEIGHT, _RAW, _ORDERS):
                continue
            interval_ns = unit_ns * each.intervalNum
            window = self._windows.setdefault((each.rateLimitType, interval_ns), Window(interval_ns, each.limit))
            window.limit = each.limit
        self._sort()

    # -- before sending --------------------------------------------------------------------------------------

    def has_room(self, purpose: Purpose, weight: int, venue_ns: int, now_ns: int) -> bool:
        """Whether a request may be sent now. During a block only cancels may, during a ban nothing."""
        if now_ns < self.banned_until_ns or (now_ns < self.blocked_until_ns and purpose not in CANCELS):
            return False
        is_one_order = purpose is Purpose.NEW_ORDER and weight == 1
        if self._sure and is_one_order and self._sure_from_ns <= venue_ns < self._sure_until_ns:
            return True
        share_ppm = self._share_ppm
        for window in self._weights:
            if not window.has_room(weight, reserved(purpose, window.limit, share_ppm), venue_ns):
                return False
        for window in self._raws:
            if not window.has_room(1, reserved(purpose, window.limit, share_ppm), venue_ns):
                return False
        if purpose is Purpose.NEW_ORDER:
            for window in self._orders:
                if not window.has_room(1, 0, venue_ns):
                    return False
            if weight == 1:
                self._sure = self._room()
                windows = (*self._weights, *self._raws, *self._orders)
                self._sure_from_ns = max(each.begin_ns for each in windows)
                self._sure_until_ns = min(each.end_ns for each in windows)
        return True

    def _room(self) -> int:
        """For how many new orders, one after the other, if nothing else happens."""
        share_ppm = self._share_ppm
        requests = [
            each.limit - reserved(Purpose.NEW_ORDER, each.limit, share_ppm) - each.spent
            for each in (*self._weights, *self._raws)
        ]
        return max(0, min(requests + [each.limit - each.spent for each in self._orders], default=0))

    def next_chance_ns(self, now_ns: int, venue_ns: int) -> int:
        """When asking again makes sense, on our clock: after the block, or when the shortest request interval rolls."""
        if now_ns < self.blocked_until_ns:
            return self.blocked_until_ns
        return now_ns + min(window.next_ns(venue_ns) for window in self._weights) - venue_ns

    def order_wait_ns(self, venue_ns: int, now_ns: int) -> int:
        """How long until a new order has room, if what is on its way turns out to weigh nothing; 0: it has."""
        waits = [self.blocked_until_ns - now_ns, self.banned_until_ns - now_ns, 0]
        for window in (*self._weights, *self._raws, *self._orders):
            kept = 0 if window in self._orders else reserved(Purpose.NEW_ORDER, window.limit, self._share_ppm)
            if not window.has_room(1, kept, venue_ns):
                waits.append(window.end_ns - venue_ns)
        return max(waits)

    # -- sending and answers ---------------------------------------------------------------------------------

    def sent(self, purpose: Purpose, weight: int, venue_ns: int) -> None:
        for window in self._weights:
            if not window.begin_ns <= venue_ns < window.end_ns:
                window.roll(venue_ns)
            window.in_flight += weight
        for window in self._raws:
            if not window.begin_ns <= venue_ns < window.end_ns:
                window.roll(venue_ns)
            window.used += 1
        if purpose is Purpose.NEW_ORDER:
            for window in self._orders:
                if not window.begin_ns <= venue_ns < window.end_ns:
                    window.roll(venue_ns)
                window.in_flight += 1
        self._sure = self._sure - 1 if self._sure and weight == 1 else 0

    def answered(self, purpose: Purpose, weight: int, cost: int, venue_ns: int) -> None:
        """``cost`` is what it turned out to weigh: 0 for order entry that succeeded."""
        self._sure = self._sure - 1 if self._sure and cost <= 1 else 0  # were it not in flight any more
        for window in self._weights:
            if not window.begin_ns <= venue_ns < window.end_ns:
                window.roll(venue_ns)
            left = window.in_flight - weight
            window.in_flight = left if left > 0 else 0
            window.used += cost
        if purpose is Purpose.NEW_ORDER:
            for window in self._orders:
                if not window.begin_ns <= venue_ns < window.end_ns:
                    window.roll(venue_ns)
                left = window.in_flight - 1
                window.in_flight = left if left > 0 else 0
                window.used += 1

    def lost(self) -> None:
        """No answer to what is in flight will come: all of it counts as used."""
        self._sure = 0
        for window in (*self._windows.values(), *self._parts.values()):
            window.used += window.in_flight
            window.in_flight = 0

    def report(self, counts: Iterable[RateLimit], venue_ns: int) -> None:
        """``rateLimits`` of a WebSocket API answer."""
        for each in counts:
            self._report(each.rateLimitType, each.interval, each.intervalNum, each.count, venue_ns)

    def report_headers(self, headers: Mapping[str, str], venue_ns: int) -> None:
        """``x-mbx-used-weight-1m`` and ``x-mbx-order-count-10s`` of a REST answer (lower-case names)."""
        for name, value in headers.items():
            kind = _WEIGHT if name.startswith("x-mbx-used-weight-") else _ORDERS
            if kind is _ORDERS and not name.startswith("x-mbx-order-count-"):
                continue
            interval = name.rpartition("-")[2].upper()
            unit = _HEADER_UNITS.get(interval[-1:])
            if unit and _is_count(interval[:-1]) and _is_count(value):
                self._report(kind, unit, int(interval[:-1]), int(value), venue_ns)

    def _report(self, kind: str, interval: str, number: int, count: int, venue_ns: int) -> None:
        window = self._windows.get((kind, _INTERVALS_NS.get(interval, 0) * number))
        if window is not None:
            window.report(count, venue_ns)
            self._sure = 0

    # -- told to be silent -----------------------------------------------------------------------------------

    def block(self, until_ns: int, banned: bool) -> None:
        """429, or with ``banned`` 418. A block never shortens one that stands."""
        self.blocked_until_ns = max(self.blocked_until_ns, until_ns)
        if banned:
            self.banned_until_ns = max(self.banned_until_ns, until_ns)

    def orders_full(self, venue_ns: int) -> int:
        """-1015: the shortest ORDERS interval is full, whatever we counted. Returns when it rolls (venue's clock)."""
        if not self._orders:
            return venue_ns
        self._sure = 0
        window = min(self._orders, key=lambda each: each.interval_ns)
        window.roll(venue_ns)
        window.used = max(window.used, window.limit)
        return window.next_ns(venue_ns)

    def usage(self) -> dict[str, int]:
        """What is used or in flight of each limit, by name: for status reports."""
        return {
            f"{kind.lower()}_{interval_ns // NANOS}s": window.used + window.in_flight
            for (kind, interval_ns), window in self._windows.items()
        }


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
