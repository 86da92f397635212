"""Public trades out of a market's messages, in steps of its instrument.

Markets write the messages that recordings consist of; a venue with other messages reads the trades out of them.
"""

from typing import NamedTuple

import msgspec

from adapters.simulator.listing import Listing
from adapters.simulator.market import Public
from engine.codes import Side

__all__ = ["PublicTrade", "public_trade"]

_NS_PER_MS = 1_000_000


class _Trade(msgspec.Struct):
    t: int
    p: str
    q: str
    T: int
    m: bool


_decode = msgspec.json.Decoder(_Trade).decode


class PublicTrade(NamedTuple):
    trade_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    wall_ns: int


def public_trade(listing: Listing, event: Public) -> PublicTrade | None:
    """The trade that a message tells of; None for any other message."""
    if not event.stream.endswith("@trade"):
        return None
    trade = _decode(event.payload)
    return PublicTrade(
        trade.t,
        listing.prices.steps(trade.p),
        listing.quantities.steps(trade.q),
        Side.SELL if trade.m else Side.BUY,
        trade.T * _NS_PER_MS,
    )
