"""The cheapest way to fill a quantity from several order books, after fees: exact, in whole numbers.

    offers (levels, fee, lot, least and most) + quantity ──▶ lots for each offer

What is best: first to fill as much of the quantity as can be had, then to pay the least for it (for a sale: to get the
most). Between equal prices the finer lot is taken, and then the earlier offer.

Each book alone gets dearer with its depth, so one after the other the cheapest next lot of all books would do, were it
not for two things. *Lots differ*: of the coarse ones only whole ones fit, so what does not divide by them has to come
from the fine ones first, and beyond that fine lots compete with a coarse one only together, as many as make one up.
That is exact as long as each lot is a multiple of the next finer one. *Least quantities*: a venue takes nothing, or at
least so much. What is cheapest without that rule is mostly right with it; when it is not, every choice of venues is
tried, each with its least quantity in it from the start. There are few venues.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, combinations
from typing import NamedTuple

from engine.instrument import NANOS

__all__ = ["Offer", "cost_of", "least_lots", "split", "worst_ticks"]


class Offer(NamedTuple):
    """One venue's side of the book, as far as an order may take it; levels are (ticks, lots), best first.

    ``lot_size`` and ``tick_size``: its lot and its tick in those of the routed instrument. It takes no order below
    ``lots_min`` and none above ``lots_max``, in its own lots. ``sign`` is 1 for whoever buys from it, -1 for who sells.
    ``fee_nanos``: billionths of the notional, below 0 for a rebate.
    """

    sign: int
    lot_size: int
    tick_size: int
    lots_min: int
    lots_max: int
    fee_nanos: int
    levels: tuple[tuple[int, int], ...]

    def lot_cost(self, ticks: int) -> int:
        """What one of its lots costs at a price, fee included, in billionths of a routed tick times lot; what a sale
        gets counts below 0."""
        return ticks * self.tick_size * self.lot_size * (self.sign * NANOS + self.fee_nanos)

    @property
    def depth_lots(self) -> int:
        """The most that one order can get here."""
        return min(self.lots_max, sum(lots for _, lots in self.levels))


#: Lots to be had at one price: what one costs, how many there are, and what each consists of, as (offer, lots).
_Chunk = tuple[int, int, tuple[tuple[int, int], ...]]


def split(offers: Sequence[Offer], quantity_lots: int, venues_max: int = 0) -> tuple[int, ...]:
    """Lots to take of each offer, in its own lots; ``quantity_lots`` is in those of the routed instrument.

    ``venues_max``: so many venues at most; 0: any number. Each offer's lot must be a multiple of every finer one
    (``engine/routing/grid.py`` sees to that).
    """
    useful = [at for at, offer in enumerate(offers) if offer.depth_lots >= max(offer.lots_min, 1)]
    if not venues_max or venues_max >= len(useful):
        lots = _cheapest(offers, useful, [0] * len(offers), quantity_lots)
        if lots is not None and all(not lots[at] or lots[at] >= offers[at].lots_min for at in useful):
            return tuple(lots)
    best: tuple[tuple[int, int], list[int]] = ((0, 0), [0] * len(offers))
    for count in range(1, (venues_max or len(useful)) + 1):
        for chosen in combinations(useful, count):
            least = [max(offer.lots_min, 1) if at in chosen else 0 for at, offer in enumerate(offers)]
            lots = _cheapest(offers, chosen, least, quantity_lots)
            if lots is not None:
                filled = sum(map(_routed_lots, offers, lots))
                best = min(best, ((-filled, sum(map(cost_of, offers, lots))), lots), key=lambda each: each[0])
    return tuple(best[1])


def cost_of(offer: Offer, lots: int) -> int:
    """What the first lots of an offer cost (``Offer.lot_cost``)."""
    cost = 0
    for ticks, level_lots in offer.levels:
        taken = min(lots, level_lots)
        cost += taken * offer.lot_cost(ticks)
        lots -= taken
    return cost


def worst_ticks(offer: Offer, lots: int) -> int:
    """The price of the last of the first ``lots``."""
    for ticks, level_lots in offer.levels:
        lots -= level_lots
        if lots <= 0:
            return ticks
    return offer.levels[-1][0]


def least_lots(quantity_lots_min: int, notional_tick_lots_min: int, ticks: int) -> int:
    """The smallest order that a venue takes, if its notional is counted at this price or a higher one."""
    return max(quantity_lots_min, 1, -(-notional_tick_lots_min // max(ticks, 1)))


# -- inside: one choice of venues ----------------------------------------------------------------------------------


def _routed_lots(offer: Offer, lots: int) -> int:
    return lots * offer.lot_size


def _cheapest(offers: Sequence[Offer], chosen: Iterable[int], least: list[int], quantity_lots: int) -> list[int] | None:
    """The most of the quantity for the least, from the chosen offers, with at least that of each; None: too much."""
    left = quantity_lots - sum(map(_routed_lots, offers, least))
    if left < 0:
        return None
    by_size: dict[int, list[int]] = {}
    for at in chosen:
        by_size.setdefault(offers[at].lot_size, []).append(at)
    sizes = sorted(by_size)
    if not sizes:
        return list(least)
    left = _within_reach(offers, by_size, least, left)
    lots = list(least)
    stream: Iterator[_Chunk] = iter(())
    for size, coarser in zip(sizes, (*sizes[1:], 0), strict=True):
        stream = merge(stream, *(_chunks(offers[at], at, least[at]) for at in by_size[size]), key=_price)
        wanted = (left % coarser if coarser else left) // size
        stream = _take(stream, wanted, lots)
        left -= wanted * size
        if coarser:
            stream = _bundled(stream, coarser // size)
    return lots


def _price(chunk: _Chunk) -> int:
    return chunk[0]


def _within_reach(offers: Sequence[Offer], by_size: dict[int, list[int]], least: list[int], wanted: int) -> int:
    """How much of what is wanted can be had. Coarse lots first: whatever finer ones make up one could be it."""
    left = wanted
    for size in sorted(by_size, reverse=True):
        there = sum(offers[at].depth_lots - least[at] for at in by_size[size])
        left -= min(left // size, there) * size
    return wanted - left


def _chunks(offer: Offer, at: int, skipped: int) -> Iterator[_Chunk]:
    """What an offer has beyond its first lots."""
    left = offer.depth_lots
    for ticks, level_lots in offer.levels:
        there = min(level_lots, left)
        left -= there
        passed = min(skipped, there)
        skipped -= passed
        if there > passed:
            yield offer.lot_cost(ticks), there - passed, ((at, 1),)


def _take(stream: Iterator[_Chunk], wanted: int, lots: list[int]) -> Iterator[_Chunk]:
    """Count the first ``wanted`` of the stream to the lots, and return the rest of it."""
    while wanted:
        cost, count, parts = next(stream)
        taken = min(wanted, count)
        wanted -= taken
        for at, each in parts:
            lots[at] += taken * each
        if count > taken:
            return chain(((cost, count - taken, parts),), stream)
    return stream


def _bundled(stream: Iterator[_Chunk], per_bundle: int) -> Iterator[_Chunk]:
    """The stream in bundles of so many, in its order, each as one; what does not make up a whole one is dropped."""
    open_cost, open_count, open_parts = 0, 0, list[tuple[int, int]]()
    for cost, count, parts in stream:
        while count:
            if not open_count and count >= per_bundle:
                whole = count // per_bundle
                count -= whole * per_bundle
                yield cost * per_bundle, whole, tuple((at, each * per_bundle) for at, each in parts)
                continue
            taken = min(count, per_bundle - open_count)
            count -= taken
            open_cost += cost * taken
            open_count += taken
            open_parts += [(at, each * taken) for at, each in parts]
            if open_count == per_bundle:
                yield open_cost, 1, tuple(open_parts)
                open_cost, open_count, open_parts = 0, 0, []
