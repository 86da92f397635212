"""What a market order would meet in the book: how far its money reaches, and at which price it has to stop.

A market order that buys is handed to the market as an immediate-or-cancel order at the highest price that its funds
allow, because what it will really cost is known only afterwards and no balance may ever go below zero.
"""

from collections.abc import Callable
from typing import NamedTuple

from adapters.simulator.listing import Listing
from adapters.simulator.market import Ended, Level, MarketEvent
from engine.codes import Side

__all__ = ["Bounds", "buy_bounds", "crosses", "quote_lots", "would_take"]

_DEPTHS = (20, 5_000)
_LARGEST = 2**62


class Bounds(NamedTuple):
    """``lots`` go to the market at ``price_ticks`` or better (0: at any price)."""

    lots: int
    price_ticks: int


def buy_bounds(listing: Listing, lots: int, free_nanos: int, fee_ppm: int, most_ticks: int = 0) -> Bounds | None:
    """A market order that buys ``lots``, at ``most_ticks`` or less unless that is 0; None when its money does not pay
    for the worst price it would meet."""
    worst_ticks = _worst_price(listing, lots)
    affordable = _affordable_ticks(listing, lots, free_nanos, fee_ppm)
    if most_ticks:
        worst_ticks, affordable = min(worst_ticks, most_ticks), min(affordable, most_ticks)
    return Bounds(lots, affordable) if affordable >= max(worst_ticks, 1) else None


def quote_lots(listing: Listing, side: Side, quote_nanos: int) -> int:
    """How many lots the book gives (or takes) for an amount of quote asset, fees not counted."""
    lots = 0
    for depth in _DEPTHS:
        lots, left = 0, quote_nanos
        for ticks, available in _levels(listing, side, depth):
            cost = listing.cost_nanos(ticks, available)
            if cost > left:
                return lots + listing.lots_for(ticks, left)
            lots, left = lots + available, left - cost
    return lots


def _levels(listing: Listing, side: Side, depth: int) -> tuple[Level, ...]:
    _, bids, asks = listing.market.snapshot(depth)
    return asks if side is Side.BUY else bids


def _worst_price(listing: Listing, lots: int) -> int:
    """The last price that buying ``lots``, or as much as there is, would reach; 0 for an empty side."""
    worst = 0
    for depth in _DEPTHS:
        left = lots
        for ticks, available in _levels(listing, Side.BUY, depth):
            left, worst = left - available, ticks
            if left <= 0:
                return worst
    return worst


def _affordable_ticks(listing: Listing, lots: int, free_nanos: int, fee_ppm: int) -> int:
    """The highest price at which ``lots`` and the fee on them are paid for."""

    def is_paid(ticks: int) -> bool:
        return listing.cost_nanos(ticks, lots) + listing.fee_nanos(ticks, lots, fee_ppm) <= free_nanos

    return _largest(is_paid)


def _largest(holds: Callable[[int], bool]) -> int:
    """The largest whole number up to 2**62 for which ``holds``, which is true up to some number and false beyond."""
    low, high = 0, _LARGEST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def crosses(best: tuple[int, int, int, int], side: Side, price_ticks: int) -> bool:
    """Whether a limit order would take something of a book that looks like this at its best."""
    bid, _, ask, _ = best
    return 0 < ask <= price_ticks if side is Side.BUY else price_ticks <= bid


def would_take(events: list[MarketEvent]) -> bool:
    """Whether these are what becomes of a post-only order that would have taken."""
    return bool(events) and isinstance(events[0], Ended) and events[0].why == "would_take"
