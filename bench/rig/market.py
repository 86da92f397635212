"""A market that does nothing by itself: its book moves when a tick is made, and nothing ever trades in it.

Each tick has a bid of its own, one tick above the last one's, so the price of an order tells what it answers. The bid's
lots tell how many orders are asked for.
"""

from collections.abc import Callable

from adapters.simulator.market import BookSnapshot, Ended, MarketEvent
from adapters.simulator.order import SimOrder
from engine.codes import TimeInForce
from engine.instrument import Instrument

__all__ = ["TickMarket"]

_MIDDLE_TICKS = 6_000_000
#: Prices come back after so many ticks: far more than are ever unanswered, and within every collar.
_PRICES = 200_000
_LEVELS = 50
#: Levels of each side that a change of the book touches.
_CHANGED = 10


class TickMarket:
    """``adapters.simulator.market.Market``. ``on_order`` is called with every order that is placed."""

    def __init__(self, instrument: Instrument, on_order: Callable[[SimOrder], None]) -> None:
        self._instrument = instrument
        self._on_order = on_order
        self._update_id = 1
        self._bid_ticks, self._bid_lots = _MIDDLE_TICKS, 1

    def tick(self, orders: int) -> tuple[int, bytes]:
        """Move the book; returns the new bid in ticks and its bookTicker message."""
        self._update_id += 1
        self._bid_ticks = _MIDDLE_TICKS + self._update_id % _PRICES
        self._bid_lots = orders
        text, lots = self._instrument.price_text, self._instrument.quantity_text
        message = (
            f'{{"u":{self._update_id},"s":"{self._instrument.symbol}","b":"{text(self._bid_ticks)}",'
            f'"B":"{lots(orders)}","a":"{text(self._bid_ticks + 1)}","A":"{lots(1)}"}}'
        )
        return self._bid_ticks, message.encode()

    def change_book(self, now_ms: int) -> tuple[int, bytes]:
        """Move the book by one tick; returns the new bid in ticks and the diff, twenty levels of it."""
        first_id, bid = self._update_id + 1, self._bid_ticks + 1
        self._update_id += 2 * _CHANGED
        self._bid_ticks, self._bid_lots = bid, 1
        bids = [(bid, 1), (bid - _LEVELS, 0), *((bid - level, 1 + bid % 7) for level in range(1, _CHANGED - 1))]
        asks = [(bid, 0), (bid + _LEVELS, 1), *((bid + level, 1 + bid % 5) for level in range(1, _CHANGED - 1))]
        message = (
            f'{{"e":"depthUpdate","E":{now_ms},"s":"{self._instrument.symbol}","U":{first_id},"u":{self._update_id},'
            f'"b":[{self._levels(bids)}],"a":[{self._levels(asks)}]}}'
        )
        return bid, message.encode()

    def _levels(self, levels: list[tuple[int, int]]) -> str:
        price, quantity = self._instrument.price_text, self._instrument.quantity_text
        return ",".join(f'["{price(ticks)}","{quantity(lots)}"]' for ticks, lots in levels)

    # -- adapters.simulator.market.Market ---------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    @property
    def last_trade_ticks(self) -> int:
        return _MIDDLE_TICKS

    def start(self, now_ns: int, wall_ns: int = 0) -> None: ...

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        self._on_order(order)
        if order.time_in_force is TimeInForce.GTC and not order.is_market:
            order.is_resting = True
            return []
        return [Ended(order, "expired_no_liquidity" if order.is_market else "expired_ioc", now_ns)]

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        was_resting, order.is_resting = order.is_resting, False
        return was_resting

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        return False

    def best(self) -> tuple[int, int, int, int]:
        return self._bid_ticks, self._bid_lots, self._bid_ticks + 1, 1

    def snapshot(self, limit: int) -> BookSnapshot:
        depth = range(min(limit, _LEVELS))
        bids = tuple((self._bid_ticks - level, self._bid_lots) for level in depth)
        asks = tuple((self._bid_ticks + 1 + level, 1) for level in depth)
        return self._update_id, bids, asks

    def next_event_ns(self) -> int | None:
        return None

    def advance(self, now_ns: int) -> list[MarketEvent]:
        return []
