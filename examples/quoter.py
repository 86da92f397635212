"""A quoter: one bid and one offer around the middle, leaning against its own inventory.

The price it is willing to trade at (the *reservation price*) moves away from the middle by ``skew_ticks`` for each full
``quantity`` it holds: long, it quotes lower, so that it sells sooner than it buys. Each side is re-quoted when its
wanted price has moved by ``requote_ticks`` or more, by replacing the order in one step, and no more often than every
``requote_interval_ms``: a venue counts orders, and whoever quotes faster than it allows does not quote at all.

The sign of the skew follows Avellaneda and Stoikov, "High-frequency trading in a limit order book" (2008).
"""

from engine.codes import OrderStatus, Side
from engine.instrument import Instrument
from engine.messages import ExecutionReport, Quote
from engine.strategy import Strategy, WorkingOrder


class Quoter(Strategy):
    """Quotes its first instrument. ``quantity`` is decimal text in the base asset; the rest counts ticks.

    ``inventory_max_quotes``: how many times ``quantity`` it may hold or owe before it stops quoting that side.
    """

    def __init__(
        self,
        quantity: str,
        half_spread_ticks: int = 20,
        skew_ticks: int = 10,
        requote_ticks: int = 5,
        requote_interval_ms: int = 500,
        inventory_max_quotes: int = 5,
    ) -> None:
        self.quantity = quantity
        self.half_spread_ticks = half_spread_ticks
        self.skew_ticks = skew_ticks
        self.requote_ticks = requote_ticks
        self.requote_interval_ns = requote_interval_ms * 1_000_000
        self.inventory_max_quotes = inventory_max_quotes
        self.instrument: Instrument | None = None
        self.lots = 0
        self._quoted_ns = {Side.BUY: 0, Side.SELL: 0}

    def on_start(self) -> None:
        self.instrument = next(iter(self.instruments.values()))
        self.lots = self.instrument.quantity_lots(self.quantity)
        self.cancel_all()  # an earlier life may have left quotes behind; start from a clean book

    def on_quote(self, quote: Quote) -> None:
        if self.instrument is None or not quote.bid_lots or not quote.ask_lots:
            return
        reservation_ticks = (quote.bid_ticks + quote.ask_ticks) // 2 - self._skew_ticks()
        # A quoter provides: it never prices itself through the other side.
        bid_ticks = min(reservation_ticks - self.half_spread_ticks, quote.ask_ticks - 1)
        ask_ticks = max(reservation_ticks + self.half_spread_ticks, quote.bid_ticks + 1)
        self._quote(Side.BUY, bid_ticks)
        self._quote(Side.SELL, ask_ticks)

    def on_execution_report(self, report: ExecutionReport) -> None:
        """Nothing to do: the next quote finds the orders and the position as they now are."""

    def _skew_ticks(self) -> int:
        assert self.instrument is not None
        return self.skew_ticks * self.position_lots(self.instrument) // self.lots

    def _quote(self, side: Side, price_ticks: int) -> None:
        assert self.instrument is not None
        if self.now_ns - self._quoted_ns[side] < self.requote_interval_ns:
            return
        working = self._working(side)
        if working is None:
            if self._has_room(side):
                self._quoted_ns[side] = self.now_ns
                send = self.buy if side is Side.BUY else self.sell
                send(self.instrument, self.lots, price_ticks, post_only=True)
        elif working.status is OrderStatus.NEW and abs(working.price_ticks - price_ticks) >= self.requote_ticks:
            self._quoted_ns[side] = self.now_ns
            if self._has_room(side):
                self.replace(working.client_order_id, self.lots, price_ticks)
            else:
                self.cancel(working.client_order_id)

    def _working(self, side: Side) -> WorkingOrder | None:
        return next((order for order in self.open_orders.values() if order.side is side), None)

    def _has_room(self, side: Side) -> bool:
        assert self.instrument is not None
        held = self.position_lots(self.instrument) * (1 if side is Side.BUY else -1)
        return held < self.inventory_max_quotes * self.lots
