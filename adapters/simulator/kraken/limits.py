"""The venue's rate limits: a counter per pair and account in the matching engine, one per key for REST calls.

Counters are kept in hundredths of a billionth, so that decay by hundredths per second is exact in nanoseconds.
"""

from collections.abc import Sequence

from adapters.simulator.kraken.errors import ORDER_RATE, REST_RATE, ApiError
from adapters.simulator.kraken.settings import Tier

__all__ = [
    "AMEND_PENALTIES",
    "CANCEL_PENALTIES",
    "EDIT_PENALTIES",
    "DecayingCounter",
    "PairCounters",
    "RestCounter",
    "penalty",
]

_UNIT = 100_000_000_000
_SECOND_NS = 1_000_000_000

#: (age in seconds below which it holds, what is added)
Penalties = Sequence[tuple[int, int]]
CANCEL_PENALTIES: Penalties = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
AMEND_PENALTIES: Penalties = ((5, 3), (10, 2), (15, 1))
EDIT_PENALTIES: Penalties = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))


def penalty(penalties: Penalties, age_ns: int) -> int:
    """What a transaction on an order of this age adds; the age counts from when it was created or last amended."""
    return next((added for seconds, added in penalties if age_ns < seconds * _SECOND_NS), 0)


class DecayingCounter:
    """Counts up by transaction and down with time, never below 0."""

    __slots__ = ("_decay_percent", "_now_ns", "_units")

    def __init__(self, decay_percent: int) -> None:
        self._decay_percent = decay_percent
        self._units = 0
        self._now_ns = 0

    def units(self, now_ns: int) -> int:
        """The count as of now, in units of 1e-11."""
        self._units = max(0, self._units - (now_ns - self._now_ns) * self._decay_percent)
        self._now_ns = now_ns
        return self._units

    def add(self, halves: int, now_ns: int) -> None:
        """Add ``halves`` / 2."""
        self._units = self.units(now_ns) + halves * (_UNIT // 2)

    def takes(self, halves: int, most: int, now_ns: int) -> bool:
        """Whether ``halves`` / 2 more would not exceed ``most``."""
        return self.units(now_ns) + halves * (_UNIT // 2) <= most * _UNIT

    def hundredths(self, now_ns: int) -> int:
        """For people and reports: the count in hundredths, rounded down."""
        return self.units(now_ns) // (_UNIT // 100)


class PairCounters:
    """The matching engine's counters, by account and pair."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str], DecayingCounter] = {}

    def get(self, account: str, symbol: str, tier: Tier) -> DecayingCounter:
        key = (account, symbol)
        if key not in self._counters:
            self._counters[key] = DecayingCounter(tier.decay_percent)
        return self._counters[key]

    def charge(self, account: str, symbol: str, tier: Tier, halves: int, now_ns: int) -> None:
        """Count a transaction's fixed part (in halves). Raises ApiError, and counts nothing, when it would exceed the
        threshold."""
        counter = self.get(account, symbol, tier)
        if not counter.takes(halves, tier.threshold, now_ns):
            raise ApiError(ORDER_RATE)
        counter.add(halves, now_ns)


class RestCounter:
    """Calls with one API key."""

    def __init__(self, tier: Tier) -> None:
        self._most = tier.rest_max
        self._counter = DecayingCounter(tier.rest_decay_percent)

    def charge(self, calls: int, now_ns: int) -> None:
        """Raises ApiError, and counts nothing, when it would exceed the maximum."""
        if not self._counter.takes(2 * calls, self._most, now_ns):
            raise ApiError(REST_RATE)
        self._counter.add(2 * calls, now_ns)
