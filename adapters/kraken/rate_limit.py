"""The venue's limits, counted on our side so that they are never hit, with a share that only cancels may spend.

Two kinds of counters, both of which decay continuously:

    engine   one per pair and account: new orders 1, amends 1 and more, cancels more the younger the order is
    REST     one per key: 1 per question, more for histories

Cancels are never held back by the engine's counter: one too many is refused by the venue and harms nothing else.
"""

from collections.abc import Iterable

from adapters.kraken.options import Tier
from adapters.purpose import Purpose, reserved
from engine.instrument import NANOS

__all__ = ["NEW_MILLI", "Counter", "RateLimits", "amend_cost_milli", "cancel_cost_milli"]

_MICRO_PER_MILLI = 1_000
#: (age below, cost) in ns and thousandths.
_AMEND = ((5 * NANOS, 3_000), (10 * NANOS, 2_000), (15 * NANOS, 1_000))
_CANCEL = (
    (5 * NANOS, 8_000),
    (10 * NANOS, 6_000),
    (15 * NANOS, 5_000),
    (45 * NANOS, 4_000),
    (90 * NANOS, 2_000),
    (300 * NANOS, 1_000),
)
NEW_MILLI = 1_000


def amend_cost_milli(age_ns: int) -> int:
    """What the amend of an order costs that was made or last amended ``age_ns`` ago."""
    return 1_000 + next((cost for below_ns, cost in _AMEND if age_ns < below_ns), 0)


def cancel_cost_milli(age_ns: int) -> int:
    """What the cancel of such an order costs."""
    return next((cost for below_ns, cost in _CANCEL if age_ns < below_ns), 0)


class Counter:
    """One counter. Amounts are in thousandths, so that nothing is rounded away; inside, in millionths."""

    __slots__ = ("_at_ns", "_used", "decay_milli", "max_milli")

    def __init__(self, max_milli: int, decay_milli: int) -> None:
        self.max_milli, self.decay_milli = max_milli, decay_milli
        self._used = 0
        self._at_ns = 0

    def _decay(self, now_ns: int) -> None:
        passed_ns = now_ns - self._at_ns
        gone = passed_ns * self.decay_milli // 1_000_000
        if passed_ns > 0 and gone:
            self._used = max(0, self._used - gone)
            self._at_ns = now_ns

    def used_milli(self, now_ns: int) -> int:
        self._decay(now_ns)
        return -(-self._used // _MICRO_PER_MILLI)

    def add(self, cost_milli: int, now_ns: int) -> None:
        self._decay(now_ns)
        if not self._used:
            self._at_ns = now_ns
        self._used += cost_milli * _MICRO_PER_MILLI

    def tell(self, used_milli: int, now_ns: int) -> None:
        """The venue's own count."""
        self._used, self._at_ns = used_milli * _MICRO_PER_MILLI, now_ns

    def has_room(self, cost_milli: int, reserved_milli: int, now_ns: int) -> bool:
        return self.used_milli(now_ns) + cost_milli <= self.max_milli - reserved_milli

    def wait_ns(self, cost_milli: int, reserved_milli: int, now_ns: int) -> int:
        """How long until there is room, if nothing else is spent."""
        over = self.used_milli(now_ns) + cost_milli - (self.max_milli - reserved_milli)
        return 0 if over <= 0 else over * NANOS // self.decay_milli + 1


class RateLimits:
    """All counters of one session. ``cancel_share_ppm`` of each is kept for cancels."""

    def __init__(self, tier: Tier, cancel_share_ppm: int) -> None:
        self._tier, self._share_ppm = tier, cancel_share_ppm
        self._pairs: dict[int, Counter] = {}
        self.rest = Counter(tier.rest_max_milli, tier.rest_decay_milli)
        self.blocked_until_ns = 0

    def define(self, instrument_ids: Iterable[int]) -> None:
        for each in instrument_ids:
            if each not in self._pairs:
                self._pairs[each] = Counter(self._tier.engine_max_milli, self._tier.engine_decay_milli)

    def configure(self, engine_max: int, tiers: Iterable[Tier]) -> None:
        """The venue has told the account's cap (``maxratecount``): its tier is the one with that cap."""
        for tier in tiers:
            if tier.engine_max_milli == engine_max * 1_000:
                self._tier = tier
                self.rest.max_milli, self.rest.decay_milli = tier.rest_max_milli, tier.rest_decay_milli
        for counter in self._pairs.values():
            counter.max_milli, counter.decay_milli = engine_max * 1_000, self._tier.engine_decay_milli

    # -- the matching engine -------------------------------------------------------------------------------------

    def _reserved(self, counter: Counter, purpose: Purpose) -> int:
        return reserved(purpose, counter.max_milli, self._share_ppm)

    def has_room(self, instrument_id: int, cost_milli: int, now_ns: int) -> bool:
        """Whether a new order or an amend of this pair leaves the cancels' share alone."""
        counter = self._pairs.get(instrument_id)
        if counter is None:
            return True
        return counter.has_room(cost_milli, self._reserved(counter, Purpose.NEW_ORDER), now_ns)

    def order_wait_ns(self, instrument_id: int, cost_milli: int, now_ns: int) -> int:
        """How long until a new order or an amend of this pair has room; 0: it has."""
        counter, blocked_ns = self._pairs.get(instrument_id), max(0, self.blocked_until_ns - now_ns)
        if counter is None:
            return blocked_ns
        return max(blocked_ns, counter.wait_ns(cost_milli, self._reserved(counter, Purpose.NEW_ORDER), now_ns))

    def has_any_room(self, now_ns: int) -> bool:
        """Whether a new order of any pair could be sent."""
        if now_ns < self.blocked_until_ns:
            return False
        return not self._pairs or any(self.has_room(each, NEW_MILLI, now_ns) for each in self._pairs)

    def spent(self, instrument_id: int, cost_milli: int, now_ns: int) -> None:
        counter = self._pairs.get(instrument_id)
        if counter is not None:
            counter.add(cost_milli, now_ns)

    def told(self, instrument_id: int, used_milli: int, now_ns: int) -> None:
        """An execution report carried the pair's counter."""
        counter = self._pairs.get(instrument_id)
        if counter is not None:
            counter.tell(used_milli, now_ns)

    def pair_full(self, instrument_id: int, now_ns: int) -> int:
        """The venue says so, whatever we counted; returns when a new order has room again."""
        counter = self._pairs.get(instrument_id)
        if counter is None:
            return now_ns + NANOS
        counter.tell(max(counter.used_milli(now_ns), counter.max_milli), now_ns)
        return now_ns + counter.wait_ns(NEW_MILLI, self._reserved(counter, Purpose.NEW_ORDER), now_ns)

    # -- REST ----------------------------------------------------------------------------------------------------

    def rest_wait_ns(self, purpose: Purpose, cost_milli: int, now_ns: int) -> int:
        """How long a question must wait; 0: it may be asked now. During a block only cancels may."""
        if now_ns < self.blocked_until_ns and purpose is not Purpose.CANCEL_ALL:
            return self.blocked_until_ns - now_ns
        return self.rest.wait_ns(cost_milli, self._reserved(self.rest, purpose), now_ns)

    def rest_spent(self, cost_milli: int, now_ns: int) -> None:
        self.rest.add(cost_milli, now_ns)

    def rest_pause_ns(self) -> int:
        """Once the venue says that the REST counter is full: until two questions have room."""
        return 2_000 * NANOS // self.rest.decay_milli

    def block(self, until_ns: int, now_ns: int) -> None:
        """The venue asks for silence. A block never shortens one that stands."""
        self.blocked_until_ns = max(self.blocked_until_ns, until_ns)
        self.rest.tell(max(self.rest.used_milli(now_ns), self.rest.max_milli), now_ns)

    def usage(self, now_ns: int) -> dict[str, int]:
        """What is used of each limit, in thousandths, by name: for status reports."""
        pairs = {f"engine_milli_{each}": counter.used_milli(now_ns) for each, counter in self._pairs.items()}
        return {"rest_milli": self.rest.used_milli(now_ns), **pairs}
