"""What a fault script needs to know of one venue: its kinds of messages, its words, and what can be done to it.

Everything else about faults is the same for all venues (``layer``).
"""

from typing import NamedTuple, Protocol

from adapters.simulator.faults.rules import RefusedWhy
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.market import Market
from engine.codes import Side

__all__ = ["FaultTarget", "Resting", "striking_lots"]

_LEVELS = 40


class Resting(NamedTuple):
    """An open order in the book. ``names``: everything that a request could call it by."""

    names: tuple[str, ...]
    symbol: str
    side: Side
    price_ticks: int
    leaves_lots: int


class FaultTarget(Protocol):
    """One simulated venue, as its faults see it. Kinds are those of a rule's ``message``."""

    # -- its messages

    def link_kind(self, request: HttpRequest) -> str:
        """``private`` or ``public``, by the upgrade of a WebSocket connection; empty when that does not tell."""
        ...

    def request_kind(self, payload: bytes) -> str:
        """order, replace, cancel, query or subscribe, of a request on a WebSocket; ``request`` for any other."""
        ...

    def request_link(self, payload: bytes) -> str:
        """The kind of the link that such a request comes on; empty when that does not tell."""
        ...

    def http_kind(self, request: HttpRequest) -> str: ...

    def push_kind(self, payload: bytes) -> str:
        """What the venue sends on a WebSocket: ``answer``, or the kind of news; ``push`` for any other."""
        ...

    # -- its words

    def spoiled(self, payload: bytes) -> bytes:
        """A book message whose checksum, or else sequence, is wrong."""
        ...

    def refusal(self, why: RefusedWhy, request: bytes, until_wall_ns: int) -> bytes:
        """The answer that refuses a request on a WebSocket. ``until_wall_ns``: when it may be tried again."""
        ...

    def http_refusal(self, why: RefusedWhy, until_wall_ns: int, wall_ns: int) -> HttpResponse: ...

    def doubt(self, request: bytes) -> bytes:
        """An answer on a WebSocket that says nothing about what was done; empty when the venue has none: then it is
        silent."""
        ...

    # -- what can be done to it; never while a request is being carried out

    def resting(self) -> list[Resting]:
        """Every open order of those with keys, oldest first."""
        ...

    def market(self, symbol: str) -> Market: ...

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        """Nobody's order takes what it can get."""
        ...

    def take_keys(self, told: bool, now_ns: int) -> None:
        """Every key is no longer known; ``told``: subscriptions that hang on one are ended as the venue does it."""
        ...

    def give_keys_back(self) -> None: ...

    def maintain(self, begins: bool, now_ns: int) -> None:
        """Close or open the venue, and say so where it says so."""
        ...

    def spare(self, every: int) -> None:
        """From now on every n-th cancel of an order does nothing; 0: they all do what they say."""
        ...


def striking_lots(market: Market, order: Resting, share_percent: int) -> int:
    """How much somebody has to trade at the order's price to execute this share of it, what is before it included."""
    _, bids, asks = market.snapshot(_LEVELS)
    is_buy = order.side is Side.BUY
    there = sum(
        lots
        for ticks, lots in (bids if is_buy else asks)
        if (ticks >= order.price_ticks if is_buy else ticks <= order.price_ticks)
    )
    return max(1, there - order.leaves_lots * (100 - share_percent) // 100)
