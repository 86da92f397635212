"""One request on its way through the venue, whichever of the two APIs it came by."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from adapters.simulator.accounts import Account
from adapters.simulator.binance.exchange import Exchange
from adapters.simulator.binance.identifiers import Identifiers
from adapters.simulator.binance.limits import RateLimits
from adapters.simulator.binance.orders import Stamp
from adapters.simulator.binance.parameters import Parameters

__all__ = ["Call", "Operation", "Security", "Venue"]


@dataclass(slots=True)
class Venue:
    """What the operations work on. ``observe`` is told of each authorized request before it is carried out, by its
    WebSocket method: the venue's own record of what has reached it."""

    exchange: Exchange
    limits: RateLimits
    identifiers: Identifiers
    observe: "Callable[[str, Call], None]" = lambda method, call: None


class Security(Enum):
    """What a key must be allowed to do. Everything but NONE is signed."""

    NONE = "NONE"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"


@dataclass(slots=True)
class Call:
    """A request's parameters, its account (None for public ones), and its time."""

    parameters: Parameters
    account: Account | None
    now_ns: int
    wall_ns: int
    stamp: Stamp

    @property
    def owner(self) -> Account:
        assert self.account is not None, "a signed operation has an account"
        return self.account


class Operation(NamedTuple):
    """One entry of the table that REST and the WebSocket API share.

    ``weight`` is charged on arrival, except for ``is_order_entry``, where only a failure costs it. ``counts_orders``:
    the answer tells the account's order counts.
    """

    ws_method: str
    rest_method: str
    rest_path: str
    security: Security
    weight: Callable[[Parameters], int]
    handle: Callable[[Venue, Call], object]
    is_order_entry: bool = False
    counts_orders: bool = False
