"""How a Coinbase session behaves where the venue leaves the choice to us."""

import msgspec

from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["CoinbaseOptions"]


class CoinbaseOptions(msgspec.Struct, frozen=True):
    """Raises UsageError, naming the option, when one makes no sense.

    Attributes:
        order_connections: warm connections for order entry; each carries one request at a time.
        cancel_connections: how many of them new orders must leave free for cancels.
        token_life_s: how long a token holds; the venue allows 120 s.
        token_age_max_s: tokens are signed ahead of orders and thrown away at this age.
        token_stock: how many are kept for new orders; half as many for cancels, a quarter for edits.
        requests_per_second: what the venue allows one key.
        cancel_share_ppm: share of it that only cancels may spend, half of it cancel-all alone.
        key_may_withdraw: whether a key that may move money out is accepted. The engine never does, but whoever steals
            the key could.
        products_per_link: books on one market data connection (the venue refuses too many).
        idle_timeout_ns: a WebSocket that says nothing for so long is dead (the venue's heart beats every second).
        answer_timeout_ns: how long a question, an order, a handshake or a subscription may take.
        clock_refresh_ns: how often the venue's clock is looked at.
        link_age_max_ns: a WebSocket is made anew at this age, less up to an eighth at random.
        retry_first_ns, retry_max_ns: back-off between attempts, doubling; half of it is random.
        auth_retry_ns: how long to wait after the venue has refused the key.
        message_bytes_max, body_bytes_max: bounds of one WebSocket message and of one REST body.
        market_data: whether the session keeps books.
    """

    order_connections: int = 8
    cancel_connections: int = 2
    token_life_s: int = 120
    token_age_max_s: int = 30
    token_stock: int = 32
    requests_per_second: int = 30
    cancel_share_ppm: int = 200_000
    key_may_withdraw: bool = False
    products_per_link: int = 10
    idle_timeout_ns: int = 10 * NANOS
    answer_timeout_ns: int = 10 * NANOS
    clock_refresh_ns: int = 30 * NANOS
    link_age_max_ns: int = 23 * 3_600 * NANOS
    retry_first_ns: int = NANOS // 4
    retry_max_ns: int = 30 * NANOS
    auth_retry_ns: int = 60 * NANOS
    message_bytes_max: int = 32 << 20
    body_bytes_max: int = 16 << 20
    market_data: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.cancel_connections < self.order_connections <= 64:
            raise UsageError(
                f"cancel_connections {self.cancel_connections} must be at least 1 and below order_connections "
                f"{self.order_connections}, which is at most 64"
            )
        if not 10 <= self.token_life_s <= 120:
            raise UsageError(f"token_life_s {self.token_life_s} must be 10 to 120")
        if not 1 <= self.token_age_max_s <= self.token_life_s // 2:
            raise UsageError(f"token_age_max_s {self.token_age_max_s} must be 1 to half of token_life_s")
        if not 0 <= self.token_stock <= 1_000:
            raise UsageError(f"token_stock {self.token_stock} must be 0 to 1000")
        if not 1 <= self.products_per_link <= 15:
            raise UsageError(f"products_per_link {self.products_per_link} must be 1 to 15")
        if not 1 <= self.requests_per_second <= 10_000:
            raise UsageError(f"requests_per_second {self.requests_per_second} must be 1 to 10000")
        if not 0 <= self.cancel_share_ppm < 1_000_000:
            raise UsageError(f"cancel_share_ppm {self.cancel_share_ppm} must be 0 to 999999")
        for name in self.__struct_fields__:
            if name.endswith(("_ns", "_bytes_max")) and getattr(self, name) <= 0:
                raise UsageError(f"{name} {getattr(self, name)} must be above 0")
        if self.retry_first_ns > self.retry_max_ns:
            raise UsageError(f"retry_first_ns {self.retry_first_ns} must not be above retry_max_ns {self.retry_max_ns}")

    @property
    def request_validity_ns(self) -> int:
        """A token is no older than its life when the venue takes it, however late the request arrives; a second for
        the difference between two clocks."""
        return (self.token_life_s + 1) * NANOS
