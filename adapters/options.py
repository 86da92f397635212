"""How a session behaves where every venue leaves the choice to us."""

import msgspec

from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["SessionOptions"]


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of all venues have in common. Raises UsageError, naming the option, when one makes no sense.

    Attributes:
        cancel_share_ppm: share of the venue's request limits that only cancels may spend (``adapters/purpose.py``).
        request_share_percent: what this session may spend of the limits that it shares with others of ours: those per
            IP at Binance, those per user at Coinbase. Kraken counts nothing of ours together.
        idle_timeout_ns: a WebSocket that says nothing for so long is dead.
        answer_timeout_ns: how long a question, a handshake, a logon or a subscription may take.
        clock_refresh_ns: how often the venue's clock is looked at.
        link_age_max_ns: a WebSocket is made anew at this age, less up to an eighth at random, so that links do not go
            together.
        retry_first_ns, retry_max_ns: back-off between attempts, doubling; half of it is random.
        auth_retry_ns: how long to wait after the venue has refused the key.
        message_bytes_max, body_bytes_max: bounds of one WebSocket message and of one REST body.
        market_data: whether the session keeps books; without, they stay empty.
    """

    idle_timeout_ns: int
    clock_refresh_ns: int
    message_bytes_max: int
    body_bytes_max: int
    cancel_share_ppm: int = 200_000
    request_share_percent: int = 100
    answer_timeout_ns: int = 10 * NANOS
    link_age_max_ns: int = 23 * 3_600 * NANOS
    retry_first_ns: int = NANOS // 4
    retry_max_ns: int = 30 * NANOS
    auth_retry_ns: int = 60 * NANOS
    market_data: bool = True

    def __post_init__(self) -> None:
        self.must_be("cancel_share_ppm", 0, 999_999)
        self.must_be("request_share_percent", 1, 100)
        for name in self.__struct_fields__:
            if name.endswith(("_ns", "_bytes_max")) and getattr(self, name) <= 0:
                raise UsageError(f"{name} {getattr(self, name)} must be above 0")
        if self.retry_first_ns > self.retry_max_ns:
            raise UsageError(f"retry_first_ns {self.retry_first_ns} must not be above retry_max_ns {self.retry_max_ns}")

    def must_be(self, name: str, least: int, most: int) -> None:
        """Raises UsageError unless the option is within these bounds."""
        value = getattr(self, name)
        if not least <= value <= most:
            raise UsageError(f"{name} {value} must be {least} to {most}")
