"""Tokens for order entry, signed ahead: a token names a method and a path, not a body, so it can be ready before the
order is, and a signature (some 80 µs) is off the order path.

Each token is used once. One is signed per callback, so that nothing waits long behind signing. Tokens that have become
old are thrown away: the younger a token, the sooner an order of which nothing was heard is known never to arrive.
"""

from collections import deque

from adapters.coinbase.core import SessionCore
from adapters.coinbase.urls import PATHS
from engine.instrument import NANOS

__all__ = ["TOKENS_TIMER", "TokenStock"]

TOKENS_TIMER = "session:tokens"
_PACE_NS = 1_000_000


class TokenStock:
    def __init__(self, core: SessionCore) -> None:
        self._core = core
        size = core.options.token_stock
        self._sizes = {PATHS.orders: size, PATHS.cancel: size // 2, PATHS.edit: size // 4}
        self._stocks: dict[str, deque[tuple[int, str]]] = {path: deque() for path in self._sizes}

    def take(self, path: str, now_ns: int) -> str:
        """A token for ``POST path``: from the stock, or signed now."""
        stock = self._stocks[path]
        oldest_s = self._core.venue_s(now_ns) - self._core.options.token_age_max_s
        while stock:
            signed_s, token = stock.popleft()
            if signed_s >= oldest_s:
                return token
        self._core.count("tokens signed on the order path")
        return self._core.tokens.rest("POST", path, self._core.venue_s(now_ns))

    def refill(self, now_ns: int) -> None:
        """Sign one that is missing; come back for the next, or when the oldest has become old."""
        core = self._core
        now_s, age_s = core.venue_s(now_ns), core.options.token_age_max_s
        oldest_s = now_s
        signed = False
        for path, stock in self._stocks.items():
            while stock and stock[0][0] < now_s - age_s:
                stock.popleft()
            if not signed and len(stock) < self._sizes[path]:
                stock.append((now_s, core.tokens.rest("POST", path, now_s)))
                signed = True
            if stock:
                oldest_s = min(oldest_s, stock[0][0])
        wait_ns = _PACE_NS if signed else min(NANOS, (oldest_s + age_s - now_s + 1) * NANOS)
        core.ctx.set_timer(TOKENS_TIMER, now_ns + wait_ns)

    def clear(self) -> None:
        """The venue has refused a token: our clock may have been wrong when these were signed."""
        for stock in self._stocks.values():
            stock.clear()
