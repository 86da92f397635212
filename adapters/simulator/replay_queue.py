"""Client orders that wait in a recorded market, and their places in queues that exist only as quantities.

A recording shows how much stands at a price, never whose. So a waiting order carries ``ahead_lots``: the market
quantity that is served before it. It starts as everything displayed at the price and only falls:

- a recorded trade at the price takes from the front: first what is ahead, then us;
- when the displayed quantity falls below what is ahead, what is ahead is what is displayed. Until then a fall is
  taken to be cancels behind us.

A trade and the fall of the displayed quantity are the same event told twice, in either order. Trade first is harmless:
both rules then agree. Fall first is not: the fall would lower ``ahead_lots`` by the cap and the trade once more. So
what the cap took is remembered as ``credit_lots`` for ``TRADE_LAG_NS`` and the next trades use it up first. An order
that joins just after a fall gets credit for the trade that may still be on its way (``QueueTape``). A credit that
belonged to a cancel makes us wait longer than we had to: the model errs to our disadvantage. In the same way, a trade
whose fall was displayed before an order joined happened before it joined, and cannot fill it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from adapters.simulator.order import SimOrder
from adapters.simulator.replay_book import Change
from engine.codes import Side

__all__ = ["TRADE_LAG_NS", "ClientQueues", "QueueTape", "Waiting"]

#: How long after a fall of the displayed quantity its trade may still arrive, in recorded time. In the recordings at
#: hand 95 % of the trades follow the ticker that already shows them within 30 ms.
TRADE_LAG_NS = 100_000_000

_TAPE_MAX = 1024


class Waiting:
    """A client's resting order and its place in the queue."""

    __slots__ = ("ahead_lots", "credit_lots", "credit_until_ns", "joined_ns", "order")

    def __init__(self, order: SimOrder, ahead_lots: int, credit_lots: int, joined_ns: int) -> None:
        self.order = order
        self.ahead_lots = ahead_lots
        self.credit_lots = credit_lots
        self.credit_until_ns = joined_ns + TRADE_LAG_NS
        #: Recorded time of the last message that was known when the order joined.
        self.joined_ns = joined_ns

    def expire_credit(self, recorded_ns: int) -> None:
        if recorded_ns > self.credit_until_ns:
            self.credit_lots = 0

    def cap(self, displayed_lots: int, told_lots: int, recorded_ns: int) -> None:
        """No more can be ahead than is displayed. Of the fall, ``told_lots`` were already told by trades."""
        self.expire_credit(recorded_ns)
        taken = self.ahead_lots - displayed_lots
        if taken <= 0:
            return
        self.ahead_lots = displayed_lots
        if taken > told_lots:
            self.credit_lots += taken - told_lots
            self.credit_until_ns = recorded_ns + TRADE_LAG_NS

    def traded_ahead(self, lots: int) -> None:
        """A trade took ``lots`` of the market ahead of us; the part that we have seen already is not taken twice."""
        seen = min(lots, self.credit_lots)
        self.credit_lots -= seen
        self.ahead_lots = max(0, self.ahead_lots - (lots - seen))


class QueueTape:
    """Per level, falls of the displayed quantity less trades, as far as they are recent: what is positive is owed a
    trade, what is negative a fall."""

    def __init__(self) -> None:
        #: (lots, recorded time of the last entry, recorded time of the last fall)
        self._balance: dict[tuple[Side, int], tuple[int, int, int]] = {}

    def balance(self, side: Side, price_ticks: int, recorded_ns: int) -> int:
        lots, entered_ns, _ = self._balance.get((side, price_ticks), (0, 0, 0))
        return lots if recorded_ns <= entered_ns + TRADE_LAG_NS else 0

    def fall_owed_ns(self, side: Side, price_ticks: int, recorded_ns: int) -> int | None:
        """When the level last fell, if that fall is still owed a trade."""
        if self.balance(side, price_ticks, recorded_ns) <= 0:
            return None
        return self._balance[side, price_ticks][2]

    def fell(self, change: Change, recorded_ns: int) -> int:
        """Note a fall; how much of it had been told by trades."""
        fall = change.old_lots - change.new_lots
        before = self._add(change.side, change.price_ticks, fall, recorded_ns, fell_ns=recorded_ns)
        return min(fall, max(0, -before))

    def traded(self, side: Side, price_ticks: int, lots: int, recorded_ns: int) -> None:
        _, _, fell_ns = self._balance.get((side, price_ticks), (0, 0, 0))
        self._add(side, price_ticks, -lots, recorded_ns, fell_ns)

    def _add(self, side: Side, price_ticks: int, lots: int, recorded_ns: int, fell_ns: int) -> int:
        before = self.balance(side, price_ticks, recorded_ns)
        if len(self._balance) >= _TAPE_MAX:
            oldest_ns = recorded_ns - TRADE_LAG_NS
            self._balance = {key: entry for key, entry in self._balance.items() if entry[1] >= oldest_ns}
        self._balance[side, price_ticks] = (before + lots, recorded_ns, fell_ns)
        return before


class ClientQueues:
    """One side's waiting client orders by price, best price first, oldest first."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is Side.BUY else -1
        self._at: dict[int, list[Waiting]] = {}
        self._ranks: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._ranks)

    @property
    def best_ticks(self) -> int:
        return self._ranks[-1] * self.sign if self._ranks else 0

    def prices(self) -> Iterator[int]:
        """Prices with a waiting order, best first, as they are now."""
        return iter([rank * self.sign for rank in reversed(self._ranks)])

    def at(self, price_ticks: int) -> tuple[Waiting, ...]:
        """Those at a price, oldest first, as they are now."""
        return tuple(self._at.get(price_ticks, ()))

    def better_than(self, price_ticks: int) -> Iterator[Waiting]:
        """Those at prices strictly better than ``price_ticks``, in priority, as they are now."""
        rank = price_ticks * self.sign
        better = [price for price in self.prices() if price * self.sign > rank]
        return (waiting for price in better for waiting in self.at(price))

    def add(self, waiting: Waiting) -> None:
        price = waiting.order.price_ticks
        if price not in self._at:
            insort(self._ranks, price * self.sign)
            self._at[price] = []
        self._at[price].append(waiting)
        waiting.order.is_resting = True

    def remove(self, order: SimOrder) -> None:
        price = order.price_ticks
        order.is_resting = False
        left = [waiting for waiting in self._at[price] if waiting.order is not order]
        if left:
            self._at[price] = left
            return
        del self._at[price]
        del self._ranks[bisect_left(self._ranks, price * self.sign)]
