"""What the benches' engines trade: as little thought as possible."""

from engine.codes import TimeInForce
from engine.messages import Quote
from engine.strategy import Strategy

__all__ = ["Answer"]


class Answer(Strategy):
    """To every quote as many orders as its bid has lots, at the bid's price; a quote of none is a first probe's."""

    def __init__(self, quantity: str) -> None:
        self._quantity = quantity

    def on_start(self) -> None:
        (self._instrument,) = self.instruments.values()
        self._lots = self._instrument.quantity_lots(self._quantity)

    def on_quote(self, quote: Quote) -> None:
        for _ in range(quote.bid_lots):
            self.buy(self._instrument, self._lots, quote.bid_ticks, time_in_force=TimeInForce.IOC)
