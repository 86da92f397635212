"""How a Kraken session behaves where the venue leaves the choice to us."""

from typing import NamedTuple

from adapters.options import SessionOptions
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


class KrakenOptions(SessionOptions, frozen=True, kw_only=True):
    """See ``SessionOptions`` for those that every venue has.

    Attributes:
        tier: starter, intermediate or pro: the account's limits until the venue has told its own.
        order_deadline_ms: the venue's engine refuses a new order or an amend that is older.
        book_depth: levels per side: 10, 25, 100, 500 or 1000. Beyond 10 the checksum has room.
        cancel_share_ppm: share of each pair's counter, and of the REST counter, that only cancels (and what confirms
            them) may spend.
        key_may_withdraw: whether a key that may withdraw funds is used all the same.
        idle_timeout_ns: a link that says nothing for so long is dead (the venue's heart beats every second).
        request_timeout_ns: how long an order's answer is waited for before its outcome counts as unknown.
        quote_refresh_ns: an unchanged best bid and offer is told again after so long, so that it is known to be fresh.
        watches_account: whether it reads balances and fees: what a key that may only cancel cannot.
    """

    tier: str = "starter"
    order_deadline_ms: int = 5_000
    book_depth: int = 100
    key_may_withdraw: bool = False
    idle_timeout_ns: int = 10 * NANOS
    request_timeout_ns: int = 5 * NANOS
    clock_refresh_ns: int = 60 * NANOS
    quote_refresh_ns: int = NANOS // 4
    message_bytes_max: int = 8 << 20
    body_bytes_max: int = 16 << 20
    watches_account: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tier not in TIERS:
            raise UsageError(f"tier {self.tier!r} must be one of {', '.join(TIERS)}")
        self.must_be("order_deadline_ms", 500, 60_000)
        if self.book_depth not in _DEPTHS:
            raise UsageError(f"book_depth {self.book_depth} must be one of {_DEPTHS}")

    @property
    def limits(self) -> Tier:
        return TIERS[self.tier]

    @property
    def request_validity_ns(self) -> int:
        """Beyond the deadline, what the venue's clock and our reading of it may differ by."""
        return self.order_deadline_ms * 1_000_000 + NANOS
