"""What a bench and its venue's process say to each other: msgspec structs in length-prefixed frames."""

import msgspec

__all__ = ["Books", "Flood", "Probe", "Round", "Shown", "Taken", "VenueFailed", "VenueReady", "VenueSpec"]


class VenueSpec(msgspec.Struct, frozen=True, tag=True):
    """First message: which venue to be. Every account has keys of its own; everybody may trade every symbol."""

    directory: str
    accounts: tuple[str, ...]
    symbols: tuple[str, ...]


class VenueReady(msgspec.Struct, frozen=True, tag=True):
    """It listens, on one port without and one with TLS. ``keys``: account → (API key file, secret file), Ed25519;
    ``hmac_keys`` the same, HMAC."""

    port: int
    tls_port: int
    ca_file: str
    keys: dict[str, tuple[str, str]]
    hmac_keys: dict[str, tuple[str, str]]


class Probe(msgspec.Struct, frozen=True, tag=True):
    """Write a tick on the symbol every now and then until an order answers. ``Taken`` has the one that was answered."""

    symbol: str
    timeout_ns: int
    every_ns: int = 50_000_000


class Round(msgspec.Struct, frozen=True, tag=True):
    """Write ``ticks`` ticks at planned times, to one symbol after the other, whatever comes back.

    A gap is drawn evenly from [``gap_ns``, ``gap_most_ns``] (fixed when the second is 0). Each tick asks for
    ``orders`` orders. ``swift``: orders are stamped and answered by a short cut (see ``venue``); with ``hold`` not
    before all orders of a tick are there.
    """

    symbols: tuple[str, ...]
    ticks: int
    gap_ns: int
    gap_most_ns: int = 0
    orders: int = 1
    swift: bool = False
    hold: bool = False
    #: Of the swift ones each so manieth is filled, the others expire; 0: all expire.
    fill_every: int = 0
    seed: int = 1
    #: How long the last orders may take.
    grace_ns: int = 20_000_000_000


class Flood(msgspec.Struct, frozen=True, tag=True):
    """Write ticks as fast as orders come back: never more than ``window`` orders are still to come."""

    symbol: str
    ticks: int
    orders: int
    window: int
    fill_every: int = 0


class Books(msgspec.Struct, frozen=True, tag=True):
    """Write ``ticks`` changes of the symbol's book at planned times. Answered by ``Shown``."""

    symbol: str
    ticks: int
    gap_ns: int


class Shown(msgspec.Struct, frozen=True, tag=True):
    """When each change was planned, and the best bid in ticks that it brought; int64 arrays [ticks] as bytes."""

    planned: bytes
    bids: bytes


class Taken(msgspec.Struct, frozen=True, tag=True):
    """How a round went, on the venue's monotonic clock; int64 arrays as bytes.

    ``planned`` and ``written`` are [ticks], ``arrived`` is [ticks x orders] in the order of arrival, 0 for an order
    that never came. ``strays`` counts orders that answer no tick of the round, or one too often.
    """

    planned: bytes
    written: bytes
    arrived: bytes
    strays: int


class VenueFailed(msgspec.Struct, frozen=True, tag=True):
    """The venue's process could not do it."""

    text: str
