"""How a Kraken session behaves where the venue leaves the choice to us."""

from typing import NamedTuple

import msgspec

from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["TIERS", "KrakenOptions", "Tier"]

_DEPTHS = (10, 25, 100, 500, 1_000)


class Tier(NamedTuple):
    """What the venue allows an account of one verification level. Counters are in thousandths, decays per second."""

    engine_max_milli: int
    engine_decay_milli: int
    open_orders_max: int
    rest_max_milli: int
    rest_decay_milli: int


TIERS = {
    "starter": Tier(60_000, 1_000, 60, 15_000, 330),
    "intermediate": Tier(125_000, 2_340, 80, 20_000, 500),
    "pro": Tier(180_000, 3_750, 225, 20_000, 1_000),
}


class KrakenOptions(msgspec.Struct, frozen=True):
    """Raises UsageError, naming the option, when one makes no sense.

    Attributes:
        tier: starter, intermediate or pro: the account's limits until the venue has told its own.
        order_deadline_ms: the venue's engine refuses a new order or an amend that is older.
        book_depth: levels per side: 10, 25, 100, 500 or 1000. Beyond 10 the checksum has room.
        cancel_share_ppm: share of each pair's counter, and of the REST counter, that only cancels (and what confirms
            them) may spend.
        key_may_withdraw: whether a key that may withdraw funds is used all the same.
        idle_timeout_ns: a link that says nothing for so long is dead (the venue's heart beats every second).
        answer_timeout_ns: how long a question, a handshake or a subscription may take.
        request_timeout_ns: how long an order's answer is waited for before its outcome counts as unknown.
        clock_refresh_ns: how often the venue's clock is looked at.
        link_age_max_ns: a link is made anew at this age, less up to an eighth at random.
        retry_first_ns, retry_max_ns: back-off between attempts, doubling; half of it is random.
        auth_retry_ns: how long to wait after the venue has refused the key.
        quote_refresh_ns: an unchanged best bid and offer is told again after so long, so that it is known to be fresh.
        message_bytes_max, body_bytes_max: bounds of one WebSocket message and of one REST body.
        market_data: whether the session keeps books; without, it has two links, and its books stay empty.
        watches_account: whether it reads balances and fees: what a key that may only cancel cannot.
    """

    tier: str = "starter"
    order_deadline_ms: int = 5_000
    book_depth: int = 100
    cancel_share_ppm: int = 200_000
    key_may_withdraw: bool = False
    idle_timeout_ns: int = 10 * NANOS
    answer_timeout_ns: int = 10 * NANOS
    request_timeout_ns: int = 5 * NANOS
    clock_refresh_ns: int = 60 * NANOS
    link_age_max_ns: int = 23 * 3_600 * NANOS
    retry_first_ns: int = NANOS // 4
    retry_max_ns: int = 30 * NANOS
    auth_retry_ns: int = 60 * NANOS
    quote_refresh_ns: int = NANOS // 4
    message_bytes_max: int = 8 << 20
    body_bytes_max: int = 16 << 20
    market_data: bool = True
    watches_account: bool = True

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise UsageError(f"tier {self.tier!r} must be one of {', '.join(TIERS)}")
        if not 500 <= self.order_deadline_ms <= 60_000:
            raise UsageError(f"order_deadline_ms {self.order_deadline_ms} must be 500 to 60000")
        if self.book_depth not in _DEPTHS:
            raise UsageError(f"book_depth {self.book_depth} must be one of {_DEPTHS}")
        if not 0 <= self.cancel_share_ppm < 1_000_000:
            raise UsageError(f"cancel_share_ppm {self.cancel_share_ppm} must be 0 to 999999")
        for name in self.__struct_fields__:
            if name.endswith(("_ns", "_bytes_max")) and getattr(self, name) <= 0:
                raise UsageError(f"{name} {getattr(self, name)} must be above 0")
        if self.retry_first_ns > self.retry_max_ns:
            raise UsageError(f"retry_first_ns {self.retry_first_ns} must not be above retry_max_ns {self.retry_max_ns}")

    @property
    def limits(self) -> Tier:
        return TIERS[self.tier]

    @property
    def request_validity_ns(self) -> int:
        """Beyond the deadline, what the venue's clock and our reading of it may differ by."""
        return self.order_deadline_ms * 1_000_000 + NANOS
