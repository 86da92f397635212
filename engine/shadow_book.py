"""What would have been filled: orders of one instrument held against a market that does not see them.

    market shows levels ─▶ an order takes what stands there, once        ┐
    levels cross an order that rests ─▶ filled, at its own price         ├─▶ ShadowFills
    somebody trades beyond an order that rests ─▶ filled, up to so much  ┘

It errs on the side of fewer fills, because whoever reads the result decides whether to trade again:

- What stands at a price can be taken once. The market goes on showing it, so what was taken is remembered, and
  forgotten only as far as the market shows less than that, or the level no more.
- An order that rests has everybody at its price in front of it: a trade at its price fills nothing, one beyond it fills
  as much as was traded. One that the market crosses is filled at its own price, never a better one.
- Orders of the shadow do not meet each other.

Levels, prices and quantities are whole ticks and lots. Nothing here has a clock.
"""

from collections.abc import Iterable
from typing import NamedTuple

from engine.codes import Side

__all__ = ["ShadowBook", "ShadowFill", "ShadowOrder"]

Level = tuple[int, int]


class ShadowFill(NamedTuple):
    client_order_id: str
    last_lots: int
    last_ticks: int
    is_maker: bool


class ShadowOrder:
    """``price_ticks`` 0: at any price. No ``engine.order.Order``, so nothing can approve, encode or send it."""

    __slots__ = ("client_order_id", "leaves_lots", "price_ticks", "side")

    def __init__(self, client_order_id: str, side: Side, leaves_lots: int, price_ticks: int) -> None:
        self.client_order_id = client_order_id
        self.side = side
        self.leaves_lots = leaves_lots
        self.price_ticks = price_ticks

    def reaches(self, price_ticks: int) -> bool:
        """Whether it would trade at this price of the other side."""
        if not self.price_ticks:
            return True
        return price_ticks <= self.price_ticks if self.side is Side.BUY else price_ticks >= self.price_ticks


class ShadowBook:
    def __init__(self) -> None:
        #: What the market shows, by its side, best first.
        self._shown: dict[Side, tuple[Level, ...]] = {Side.BUY: (), Side.SELL: ()}
        #: What has been taken of it, by price.
        self._taken: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        #: Oldest first.
        self._resting: dict[str, ShadowOrder] = {}

    # -- orders ---------------------------------------------------------------------------------------------

    def would_take(self, order: ShadowOrder) -> bool:
        """Whether the market shows anything that it would trade with: taken already or not."""
        shown = self._shown[_other(order.side)]
        return bool(shown) and order.reaches(shown[0][0])

    def takeable_lots(self, order: ShadowOrder) -> int:
        """What it could take now."""
        return sum(lots for _, lots in self._reachable(order))

    def take(self, order: ShadowOrder) -> list[ShadowFill]:
        """Take what the market shows within its price, best first; the rest of it is the caller's to rest or to end."""
        return [ShadowFill(order.client_order_id, lots, price_ticks, False) for price_ticks, lots in self._take(order)]

    def rest(self, order: ShadowOrder) -> None:
        """Let it wait, behind everybody. It must have a price."""
        self._resting[order.client_order_id] = order

    def remove(self, client_order_id: str) -> bool:
        """False: no such order rests."""
        return self._resting.pop(client_order_id, None) is not None

    def __len__(self) -> int:
        """How many orders rest."""
        return len(self._resting)

    # -- the market -----------------------------------------------------------------------------------------

    def show(self, bids: Iterable[Level], asks: Iterable[Level]) -> list[ShadowFill]:
        """The market's levels from now on, best first. What rests and is crossed by them is filled at its own price."""
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            shown = self._shown[side] = tuple(levels)
            taken = self._taken[side]
            if taken:
                self._taken[side] = {
                    price_ticks: min(taken[price_ticks], lots) for price_ticks, lots in shown if price_ticks in taken
                }
        fills = []
        for order in self._by_priority():
            lots = sum(lots for _, lots in self._take(order))
            if lots:
                fills.append(self._fill_resting(order, lots))
        return fills

    def hide(self) -> None:
        """Nobody knows the market any more: nothing can be taken until it is shown again."""
        self._shown = {Side.BUY: (), Side.SELL: ()}
        self._taken = {Side.BUY: {}, Side.SELL: {}}

    def on_trade(self, price_ticks: int, quantity_lots: int) -> list[ShadowFill]:
        """Others traded: it fills what rests at better prices, the best and then the oldest first, up to as much."""
        fills, left = [], quantity_lots
        for order in self._by_priority():
            if left and order.reaches(price_ticks) and order.price_ticks != price_ticks:
                lots = min(left, order.leaves_lots)
                order.leaves_lots -= lots
                left -= lots
                fills.append(self._fill_resting(order, lots))
        return fills

    # -- inside ---------------------------------------------------------------------------------------------

    def _reachable(self, order: ShadowOrder) -> list[Level]:
        """(ticks, lots) that are shown, within its price and not taken yet."""
        side, found = _other(order.side), []
        for price_ticks, lots in self._shown[side]:
            if not order.reaches(price_ticks):
                break
            found.append((price_ticks, lots - self._taken[side].get(price_ticks, 0)))
        return found

    def _take(self, order: ShadowOrder) -> list[Level]:
        taken, found = self._taken[_other(order.side)], []
        for price_ticks, there in self._reachable(order):
            lots = min(there, order.leaves_lots)
            if lots:
                order.leaves_lots -= lots
                taken[price_ticks] = taken.get(price_ticks, 0) + lots
                found.append((price_ticks, lots))
        return found

    def _by_priority(self) -> list[ShadowOrder]:
        return sorted(
            self._resting.values(),
            key=lambda order: -order.price_ticks if order.side is Side.BUY else order.price_ticks,
        )

    def _fill_resting(self, order: ShadowOrder, lots: int) -> ShadowFill:
        if not order.leaves_lots:
            del self._resting[order.client_order_id]
        return ShadowFill(order.client_order_id, lots, order.price_ticks, True)


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
