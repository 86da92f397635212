"""What the benches' engines trade: as little thought as possible."""

from engine.codes import TimeInForce
from engine.messages import Quote
from engine.strategy import Strategy

__all__ = ["Answer"]


class Answer(Strategy):
    """To every tick of ``bench/rig/market.py`` as many orders as its bid has lots, at the bid's price.

    A strategy that is slow gets the latest quote and not every one. But each tick's bid is one above the last one's, so
    this one knows which it has missed, and answers those first. They are late, and count as late.
    """

    def __init__(self, quantity: str) -> None:
        self._quantity = quantity
        self._answered_ticks = 0

    def on_start(self) -> None:
        (self._instrument,) = self.instruments.values()
        self._lots = self._instrument.quantity_lots(self._quantity)

    def on_quote(self, quote: Quote) -> None:
        last_ticks, bid_ticks = self._answered_ticks, quote.bid_ticks
        self._answered_ticks = bid_ticks
        first_ticks = last_ticks + 1 if 0 < last_ticks < bid_ticks else bid_ticks
        for price_ticks in range(first_ticks, bid_ticks + 1):
            for _ in range(quote.bid_lots):
                self.buy(self._instrument, self._lots, price_ticks, time_in_force=TimeInForce.IOC)
