"""What the conformance suite needs of one venue: its simulated self, the adapter's session on it, and its words."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from adapters.simulator.venue import SimulatedVenue
from cli.conformance.quiet_market import QuietMarket
from engine.actor import Endpoint
from engine.instrument import Instrument
from engine.venue import VenueListener, VenueSession

__all__ = ["ACCOUNT", "HERE", "MONEY", "Fields", "Key", "Links", "Stage", "Vector"]

ACCOUNT = "desk"
HERE = Endpoint("localhost", 4_000, False)
#: What the account has of each asset at the beginning: decimal text.
MONEY = "1000000"


class Key(Enum):
    """Which API key a session is given."""

    TRADE = "may trade"
    WITHDRAW = "may withdraw"
    #: Its secret is another key's.
    FORGED = "wrong secret"
    UNKNOWN = "not known to the venue"


class Links(NamedTuple):
    """What the session's links are called, or begin with: questions, orders, their news, market data."""

    rest: str
    orders: str
    news: str
    streams: str


class Fields(NamedTuple):
    """Of what the venue sends. ``maps``: fields that hold things by their names. The others as (a field that shows
    which object it is, the field): ``strict`` ones say what became of an order or of money, ``descriptive`` ones do
    not."""

    maps: frozenset[str]
    strict: tuple[tuple[str, str], ...]
    descriptive: tuple[tuple[str, str], ...]


class Vector(NamedTuple):
    """A signature: what it is of and where it was published, what the adapter makes, what it should be."""

    name: str
    made: str
    expected: str


class Stage(ABC):
    """One venue. ``symbols`` are (instrument id, symbol): 1 is traded, 2 must not be disturbed. ``lot``: the lots of
    one whole coin. ``fee_nanos``: what the account pays as (maker, taker). ``absent``: rows that make no sense here, by
    name, each with its reason."""

    name: str
    symbols: tuple[tuple[int, str], tuple[int, str]]
    lot: int
    fee_nanos: tuple[int, int]
    links: Links
    fields: Fields
    absent: Mapping[str, str]
    #: Whether a gap shows which book it is about; else every book of the connection is in doubt.
    quarantines_alone: bool = True

    def symbol(self, instrument_id: int) -> str:
        return dict(self.symbols)[instrument_id]

    def markets(self) -> dict[str, QuietMarket]:
        """Both instruments, with nobody in them."""
        return {symbol: QuietMarket(self.instrument(each, symbol)) for each, symbol in self.symbols}

    def name_at_venue(self, client_order_id: str) -> str:
        """What the venue calls an order of ours."""
        return client_order_id

    @abstractmethod
    def instrument(self, instrument_id: int, symbol: str) -> Instrument:
        """As the venue lists it."""

    @abstractmethod
    def venue(self, markets: Mapping[str, QuietMarket]) -> SimulatedVenue: ...

    @abstractmethod
    def session(self, listener: VenueListener, key: Key, options: Mapping[str, Any]) -> VenueSession:
        """``options`` by their names in the adapter's."""

    @abstractmethod
    def vectors(self) -> list[Vector]: ...

    @abstractmethod
    def set_trading(self, venue: SimulatedVenue, is_trading: bool, now_ns: int) -> None:
        """Close the first instrument at the venue, or open it again."""
