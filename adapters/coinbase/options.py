"""How a Coinbase session behaves where the venue leaves the choice to us."""

from adapters.options import SessionOptions
from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["CoinbaseOptions"]


class CoinbaseOptions(SessionOptions, frozen=True, kw_only=True):
    """See ``SessionOptions`` for those that every venue has.

    Attributes:
        order_connections: warm connections for order entry; each carries one request at a time.
        cancel_connections: how many of them new orders must leave free for cancels.
        token_life_s: how long a token holds; the venue allows 120 s.
        token_age_max_s: tokens are signed ahead of orders and thrown away at this age.
        token_stock: how many are kept for new orders; half as many for cancels, a quarter for edits.
        requests_per_second: what the venue allows one key.
        key_may_withdraw: whether a key that may move money out is accepted. The engine never does, but whoever steals
            the key could.
        products_per_link: books on one market data connection (the venue refuses too many).
        idle_timeout_ns: a WebSocket that says nothing for so long is dead (the venue's heart beats every second).
    """

    order_connections: int = 8
    cancel_connections: int = 2
    token_life_s: int = 120
    token_age_max_s: int = 30
    token_stock: int = 32
    requests_per_second: int = 30
    key_may_withdraw: bool = False
    products_per_link: int = 10
    idle_timeout_ns: int = 10 * NANOS
    clock_refresh_ns: int = 30 * NANOS
    message_bytes_max: int = 32 << 20
    body_bytes_max: int = 16 << 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.cancel_connections < self.order_connections <= 64:
            raise UsageError(
                f"cancel_connections {self.cancel_connections} must be at least 1 and below order_connections "
                f"{self.order_connections}, which is at most 64"
            )
        self.must_be("token_life_s", 10, 120)
        if not 1 <= self.token_age_max_s <= self.token_life_s // 2:
            raise UsageError(f"token_age_max_s {self.token_age_max_s} must be 1 to half of token_life_s")
        self.must_be("token_stock", 0, 1_000)
        self.must_be("products_per_link", 1, 15)
        self.must_be("requests_per_second", 1, 10_000)

    @property
    def request_validity_ns(self) -> int:
        """A token is no older than its life when the venue takes it, however late the request arrives; a second for
        the difference between two clocks."""
        return (self.token_life_s + 1) * NANOS
