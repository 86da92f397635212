"""What a market order would meet in the book: how far it reaches, what it costs, and how to bound it.

A market order to buy is handed to the market as an immediate-or-cancel order at the highest price that its funds
allow, because what it will really cost is known only afterwards and no balance may ever go below zero.
"""

from typing import NamedTuple

from adapters.simulator.binance.errors import rejected
from adapters.simulator.binance.listing import Listing
from adapters.simulator.market import Level
from engine.codes import Side

__all__ = ["MarketBounds", "bounds_by_quantity", "bounds_by_quote"]

_DEPTHS = (20, 5_000)
_PRICE_TICKS_MAX = 2**62
_INSUFFICIENT = "Account has insufficient balance for requested action."


class MarketBounds(NamedTuple):
    """``quantity_lots`` is the order's; ``sent_lots`` of them go to the market, at ``price_ticks`` or better (0:
    at any price)."""

    quantity_lots: int
    sent_lots: int
    price_ticks: int


def bounds_by_quantity(listing: Listing, side: Side, lots: int, free_nanos: int) -> MarketBounds:
    """A market order of a given quantity. Raises ApiError -2010 when the book's cost is more than what is free."""
    if side is Side.SELL:
        return MarketBounds(lots, lots, 0)
    cost_tick_lots, last_ticks = _cost(listing, lots)
    return _bounded_buy(listing, lots, cost_tick_lots, last_ticks, free_nanos)


def bounds_by_quote(listing: Listing, side: Side, quote_nanos: int, free_nanos: int) -> MarketBounds:
    """A market order that spends or receives at most ``quote_nanos``. Raises ApiError -2010 for too little to meet."""
    if side is Side.BUY and quote_nanos > free_nanos:
        raise rejected(_INSUFFICIENT)
    lots, cost_tick_lots, last_ticks = _lots_for(listing, side, quote_nanos // listing.tick_lot_nanos)
    if last_ticks == 0:
        raise rejected("Order book liquidity is less than symbol minimum quantity.")
    if lots < max(1, listing.instrument.quantity_lots_min):
        raise rejected("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
    if side is Side.SELL:
        return MarketBounds(lots, lots, 0)
    return _bounded_buy(listing, lots, cost_tick_lots, last_ticks, free_nanos)


def _bounded_buy(listing: Listing, lots: int, cost_tick_lots: int, last_ticks: int, free_nanos: int) -> MarketBounds:
    if cost_tick_lots * listing.tick_lot_nanos > free_nanos:
        raise rejected(_INSUFFICIENT)
    affordable_ticks = min(free_nanos // (lots * listing.tick_lot_nanos), _PRICE_TICKS_MAX)
    if affordable_ticks >= max(last_ticks, 1):
        return MarketBounds(lots, lots, affordable_ticks)
    # The average price is affordable for the whole order, but not the worst: send what is affordable at the worst.
    sent_lots = free_nanos // (last_ticks * listing.tick_lot_nanos) if last_ticks else 0
    if sent_lots == 0:
        raise rejected(_INSUFFICIENT)
    return MarketBounds(lots, sent_lots, last_ticks)


def _levels(listing: Listing, side: Side, depth: int) -> tuple[Level, ...]:
    _, bids, asks = listing.market.snapshot(depth)
    return asks if side is Side.BUY else bids


def _cost(listing: Listing, lots: int) -> tuple[int, int]:
    """(tick_lots, worst price) of buying ``lots``, or of as much as there is."""
    cost = last_ticks = 0
    for depth in _DEPTHS:
        cost, left = 0, lots
        for ticks, available in _levels(listing, Side.BUY, depth):
            taken = min(left, available)
            cost, left, last_ticks = cost + taken * ticks, left - taken, ticks
            if left == 0:
                return cost, last_ticks
    return cost, last_ticks


def _lots_for(listing: Listing, side: Side, tick_lots: int) -> tuple[int, int, int]:
    """(lots, their tick_lots, worst price) that at most ``tick_lots`` pays for; a worst price of 0: an empty side."""
    lots = spent = last_ticks = 0
    for depth in _DEPTHS:
        lots = spent = 0
        for ticks, available in _levels(listing, side, depth):
            taken = min(available, (tick_lots - spent) // ticks)
            lots, spent, last_ticks = lots + taken, spent + taken * ticks, ticks
            if taken < available:
                return lots, spent, last_ticks
    return lots, spent, last_ticks
