"""A price-time priority matching engine for one instrument.

Each side is a stack of price levels with the best on top; each level is a queue of orders in order of arrival. An
incoming order meets the best level's oldest order first and executes at *its* price, until it is done or the prices no
longer cross; what remains of a GTC limit order joins the end of the queue at its price.

Two decisions keep this plain and fast. Prices of both sides are kept as *rank* (the price for bids, its negative for
asks), so that one code serves both and the best is the last of a sorted list. A cancelled order is only marked and
stays in its queue until it comes to the front or the queue is mostly such orders: a cancel never searches.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

from adapters.simulator.market import Ended, EndReason, Executed, Level, MarketEvent, Prevented
from adapters.simulator.order import SimOrder, StpMode
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError

__all__ = ["BookSide", "MatchingEngine", "prevented_amounts", "prevents"]

#: A queue is cleaned of cancelled orders when they are more than half of it and at least this many.
_DEAD_MIN = 16

_DECREMENTING = (StpMode.DECREMENT, StpMode.TRANSFER)


def prevents(taker: SimOrder, maker: SimOrder) -> bool:
    """Whether self-trade prevention keeps these two apart."""
    return taker.stp_mode is not StpMode.NONE and taker.account == maker.account


def prevented_amounts(taker: SimOrder, maker: SimOrder) -> tuple[int, int]:
    """(maker, taker) lots that self-trade prevention takes from each: by the taker's mode, which is not NONE."""
    mode, matched = taker.stp_mode, min(taker.leaves_lots, maker.visible_lots)
    if mode in _DECREMENTING:
        return matched, matched
    maker_lots = maker.leaves_lots if mode in (StpMode.EXPIRE_MAKER, StpMode.EXPIRE_BOTH) else 0
    taker_lots = taker.leaves_lots if mode in (StpMode.EXPIRE_TAKER, StpMode.EXPIRE_BOTH) else 0
    return maker_lots, taker_lots


class _PriceLevel:
    """The queue at one price. ``lots`` is the sum of what living orders show; dead ones may still be in ``queue``."""

    __slots__ = ("lots", "queue", "size")

    def __init__(self) -> None:
        self.queue: deque[SimOrder] = deque()
        self.lots = 0
        self.size = 0

    def living(self) -> Iterator[SimOrder]:
        return (order for order in self.queue if order.is_resting)

    def front(self) -> SimOrder:
        while not self.queue[0].is_resting:
            self.queue.popleft()
        return self.queue[0]

    def compact(self) -> None:
        if len(self.queue) - self.size > max(self.size, _DEAD_MIN):
            self.queue = deque(self.living())


class BookSide:
    """One side of the book: levels by price, best last. Prices are sorted by rank (see the module)."""

    __slots__ = ("_levels", "_ranks", "_sign")

    def __init__(self, side: Side) -> None:
        self._sign = 1 if side is Side.BUY else -1
        self._levels: dict[int, _PriceLevel] = {}
        self._ranks: list[int] = []

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def best_ticks(self) -> int:
        """The best price, 0 when the side is empty."""
        return self._ranks[-1] * self._sign if self._ranks else 0

    def best_level(self) -> Level:
        price = self.best_ticks
        return (price, self._levels[price].lots) if price else (0, 0)

    def lots_at(self, price_ticks: int) -> int:
        level = self._levels.get(price_ticks)
        return level.lots if level else 0

    def levels(self, limit: int) -> tuple[Level, ...]:
        prices = (rank * self._sign for rank in self._ranks[: -limit - 1 : -1])
        return tuple((price, self._levels[price].lots) for price in prices)

    def orders(self) -> Iterator[SimOrder]:
        """Every resting order, in priority."""
        for rank in reversed(self._ranks):
            yield from self._levels[rank * self._sign].living()

    def reached_by(self, order: SimOrder) -> bool:
        """Whether an order of the other side would execute against this side's best."""
        if not self._ranks:
            return False
        return order.is_market or self._ranks[-1] >= order.price_ticks * self._sign

    def front(self) -> SimOrder:
        return self._levels[self.best_ticks].front()

    def add(self, order: SimOrder) -> None:
        level = self._levels.get(order.price_ticks)
        if level is None:
            level = self._levels[order.price_ticks] = _PriceLevel()
            insort(self._ranks, order.price_ticks * self._sign)
        level.queue.append(order)
        order.is_resting = True
        order.show()
        level.lots += order.visible_lots
        level.size += 1

    def lower(self, order: SimOrder, lots: int) -> None:
        """``lots`` of a resting order are gone (its own fields say so already); without a rest, it leaves."""
        level = self._levels[order.price_ticks]
        if order.display_lots:
            self._lower_iceberg(level, order, lots)
            return
        level.lots -= lots
        if order.leaves_lots == 0:
            self._leave(level, order)

    def _lower_iceberg(self, level: _PriceLevel, order: SimOrder, lots: int) -> None:
        """What is shown goes first. When nothing of it is left, the next part joins the end of the queue."""
        shown = max(order.shown_lots - lots, 0) if order.leaves_lots else 0
        level.lots -= order.shown_lots - shown
        order.shown_lots = shown
        if order.leaves_lots == 0:
            self._leave(level, order)
        elif shown == 0:
            level.queue.remove(order)
            level.queue.append(order)
            order.show()
            level.lots += order.shown_lots

    def hide(self, order: SimOrder, lots: int) -> None:
        """A resting order's quantity is lower by ``lots`` (its own fields say so): of an iceberg from what is hidden,
        as far as that goes, so that it keeps its place."""
        level = self._levels[order.price_ticks]
        if not order.display_lots:
            level.lots -= lots
        elif order.leaves_lots < order.shown_lots:
            level.lots -= order.shown_lots - order.leaves_lots
            order.shown_lots = order.leaves_lots

    def remove(self, order: SimOrder) -> None:
        level = self._levels[order.price_ticks]
        level.lots -= order.visible_lots
        self._leave(level, order)

    def _leave(self, level: _PriceLevel, order: SimOrder) -> None:
        order.is_resting = False
        level.size -= 1
        if level.size:
            level.compact()
            return
        if level.lots:
            raise InvariantError(f"the level {order.price_ticks} has no order but {level.lots} lots")
        del self._levels[order.price_ticks]
        rank = order.price_ticks * self._sign
        if self._ranks[-1] == rank:
            self._ranks.pop()
        else:
            del self._ranks[bisect_left(self._ranks, rank)]


class MatchingEngine:
    """The book of one instrument and the rules by which orders meet.

    ``place``, ``cancel`` and ``reduce`` are those of ``adapters.simulator.market.Market``.
    """

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.last_trade_id = 0
        self.last_trade_ticks = 0
        self._last_match_id = 0

    # -- reading ------------------------------------------------------------------------------------------------

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        return self.asks if side is Side.BUY else self.bids

    def best(self) -> tuple[int, int, int, int]:
        """bid_ticks, bid_lots, ask_ticks, ask_lots; (0, 0) for an empty side."""
        return *self.bids.best_level(), *self.asks.best_level()

    # -- commands -----------------------------------------------------------------------------------------------

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        """Match an order and rest what remains of a GTC limit order; events in the order in which they happened."""
        if order.is_resting or order.leaves_lots <= 0:
            raise InvariantError(f"order {order.order_id} cannot be placed: it rests already or has nothing open")
        opposite = self.opposite(order.side)
        if order.post_only and opposite.reached_by(order):
            return [Ended(order, "would_take", now_ns)]
        if order.time_in_force is TimeInForce.FOK and not self._can_fill_whole(order):
            return [Ended(order, "expired_fok", now_ns)]
        events: list[MarketEvent] = []
        while order.leaves_lots and opposite.reached_by(order):
            maker = opposite.front()
            if prevents(order, maker):
                if self._prevent(order, maker, now_ns, events):
                    return events
            else:
                self._execute(order, maker, now_ns, events)
        if order.leaves_lots:
            self._rest_or_end(order, now_ns, events)
        return events

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        if not order.is_resting:
            return False
        self.side(order.side).remove(order)
        return True

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        gone = order.quantity_lots - quantity_lots
        if not order.is_resting or not 0 < gone < order.leaves_lots:
            return False
        order.quantity_lots = quantity_lots
        self.side(order.side).hide(order, gone)
        return True

    # -- steps --------------------------------------------------------------------------------------------------

    def _execute(self, taker: SimOrder, maker: SimOrder, now_ns: int, events: list[MarketEvent]) -> None:
        lots = min(taker.leaves_lots, maker.visible_lots)
        taker.cum_lots += lots
        maker.cum_lots += lots
        self.side(maker.side).lower(maker, lots)
        self.last_trade_id += 1
        self.last_trade_ticks = maker.price_ticks
        events.append(
            Executed(
                self.last_trade_id,
                maker.price_ticks,
                lots,
                taker.side,
                maker,
                taker,
                now_ns,
                maker.cum_lots,
                taker.cum_lots,
            )
        )

    def _prevent(self, taker: SimOrder, maker: SimOrder, now_ns: int, events: list[MarketEvent]) -> bool:
        """Apply self-trade prevention; True when nothing of the taker is left."""
        matched = min(taker.leaves_lots, maker.visible_lots)
        maker_lots, taker_lots = prevented_amounts(taker, maker)
        maker.prevented_lots += maker_lots
        taker.prevented_lots += taker_lots
        self._last_match_id += 1
        events.append(
            Prevented(maker, taker, matched, maker.price_ticks, maker_lots, taker_lots, self._last_match_id, now_ns)
        )
        if maker_lots:
            self.side(maker.side).lower(maker, maker_lots)
            if not maker.leaves_lots:
                events.append(Ended(maker, "expired_stp", now_ns))
        if taker.leaves_lots:
            return False
        events.append(Ended(taker, "expired_stp", now_ns))
        return True

    def _rest_or_end(self, order: SimOrder, now_ns: int, events: list[MarketEvent]) -> None:
        if not order.is_market and order.time_in_force is TimeInForce.GTC:
            self.side(order.side).add(order)
            return
        why: EndReason = "expired_no_liquidity" if order.is_market else "expired_ioc"
        events.append(Ended(order, why, now_ns))

    def _can_fill_whole(self, taker: SimOrder) -> bool:
        """Whether the whole order can execute now. Only what would truly execute counts: an order of the same
        account is passed over under EXPIRE_MAKER and ends the search under the other modes."""
        missing = taker.leaves_lots
        sign = 1 if taker.side is Side.BUY else -1
        for maker in self.opposite(taker.side).orders():
            if not taker.is_market and maker.price_ticks * sign > taker.price_ticks * sign:
                return False
            if prevents(taker, maker):
                if taker.stp_mode is not StpMode.EXPIRE_MAKER:
                    return False
                continue
            missing -= maker.leaves_lots
            if missing <= 0:
                return True
        return False
