"""The order book of a recording: what the depth updates say, and what is known to be newer at its top.

Depth updates come every 100 ms and carry absolute quantities of the levels that changed; they make up the *public*
book, which is what a depth snapshot serves. Between two of them ``bookTicker`` messages tell the best bid and offer in
real time, with the update id at which they hold. Those are kept beside the public book as overrides of single levels:
the quantity of the best, and zero for every level that would be better than the best. The *live* book is the public
one with the overrides. A depth update that is as new as the newest ticker clears them; after an older one, the newest
ticker is put on top again. So an override never outlives what it knew.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import NamedTuple

from adapters.simulator.market import Level
from engine.codes import Side

__all__ = ["Change", "DisplayedSide", "ReplayBook"]


class Change(NamedTuple):
    """The live quantity of a level went from ``old_lots`` to ``new_lots``."""

    side: Side
    price_ticks: int
    old_lots: int
    new_lots: int


class DisplayedSide:
    """Quantities by price, best first. Ranks are prices for bids and negative prices for asks; the best is last."""

    __slots__ = ("_lots", "_ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side is Side.BUY else -1
        self._lots: dict[int, int] = {}
        self._ranks: list[int] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def lots(self, price_ticks: int) -> int:
        return self._lots.get(price_ticks, 0)

    def set(self, price_ticks: int, lots: int) -> None:
        """Absolute quantity; 0 removes. Removing an unknown level is normal."""
        if lots:
            if price_ticks not in self._lots:
                insort(self._ranks, price_ticks * self.sign)
            self._lots[price_ticks] = lots
        elif self._lots.pop(price_ticks, 0):
            del self._ranks[bisect_left(self._ranks, price_ticks * self.sign)]

    def levels(self) -> Iterator[Level]:
        for rank in reversed(self._ranks):
            price = rank * self.sign
            yield price, self._lots[price]

    def top(self, limit: int) -> tuple[Level, ...]:
        prices = (rank * self.sign for rank in self._ranks[: -limit - 1 : -1])
        return tuple((price, self._lots[price]) for price in prices)


class ReplayBook:
    """The public book (depth updates only) and the live book (with newer tickers) of one recorded symbol."""

    def __init__(self, update_id: int) -> None:
        self.update_id = update_id
        #: Depth updates that did not follow their predecessor: the recording has a hole there.
        self.gaps = 0
        self._public = {Side.BUY: DisplayedSide(Side.BUY), Side.SELL: DisplayedSide(Side.SELL)}
        self._overrides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._ticker_id = 0
        self._ticker: tuple[Level, Level] = ((0, 0), (0, 0))
        self._before: dict[tuple[Side, int], int] = {}

    # -- reading ------------------------------------------------------------------------------------------------

    def public(self, side: Side) -> DisplayedSide:
        return self._public[side]

    def lots(self, side: Side, price_ticks: int) -> int:
        """The live quantity at a price."""
        override = self._overrides[side].get(price_ticks)
        return self._public[side].lots(price_ticks) if override is None else override

    def levels(self, side: Side) -> Iterator[Level]:
        """The live levels, best first."""
        overrides, public = self._overrides[side], self._public[side]
        if not overrides:
            return public.levels()
        untouched = (level for level in public.levels() if level[0] not in overrides)
        newer = sorted((level for level in overrides.items() if level[1]), key=lambda level: -level[0] * public.sign)
        return merge(untouched, newer, key=lambda level: -level[0] * public.sign)

    def best(self, side: Side) -> Level:
        return next(self.levels(side), (0, 0))

    # -- the recording ------------------------------------------------------------------------------------------

    def load(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Begin with a depth snapshot."""
        self.update_id = update_id
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, lots in levels:
                self._public[side].set(price, lots)

    def apply_diff(
        self, first_id: int, last_id: int, bids: Iterable[Level], asks: Iterable[Level]
    ) -> tuple[Change, ...]:
        """Apply a depth update. One that the book already contains (``last_id`` not newer) changes nothing."""
        if last_id <= self.update_id:
            return ()
        self.gaps += first_id > self.update_id + 1
        self.update_id = last_id
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, lots in levels:
                self._note(side, price)
                self._public[side].set(price, lots)
        for side, overrides in self._overrides.items():
            for price in overrides:
                self._note(side, price)
            overrides.clear()
        if self._ticker_id > last_id:
            self._put_ticker_on_top()
        return self._changes()

    def apply_ticker(self, update_id: int, bid: Level, ask: Level) -> tuple[Change, ...]:
        """Apply a best bid and offer. One that is older than what the book holds changes nothing."""
        if update_id <= max(self.update_id, self._ticker_id):
            return ()
        self._ticker_id, self._ticker = update_id, (bid, ask)
        self._put_ticker_on_top()
        return self._changes()

    def _put_ticker_on_top(self) -> None:
        for side, (price, lots) in zip((Side.BUY, Side.SELL), self._ticker, strict=True):
            rank = price * self._public[side].sign
            better: list[int] = []
            for level_price, _ in self.levels(side):
                if lots and level_price * self._public[side].sign <= rank:
                    break
                better.append(level_price)
            for gone in better:
                self._override(side, gone, 0)
            if lots:
                self._override(side, price, lots)

    def _override(self, side: Side, price_ticks: int, lots: int) -> None:
        self._note(side, price_ticks)
        self._overrides[side][price_ticks] = lots

    def _note(self, side: Side, price_ticks: int) -> None:
        """Remember the live quantity as it was before the message that is being applied."""
        key = (side, price_ticks)
        if key not in self._before:
            self._before[key] = self.lots(side, price_ticks)

    def _changes(self) -> tuple[Change, ...]:
        before, self._before = self._before, {}
        now = ((side, price, old, self.lots(side, price)) for (side, price), old in before.items())
        return tuple(Change(*change) for change in now if change[2] != change[3])
