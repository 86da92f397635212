"""What was traded in one market since it began: the simulated day has no midnight."""

from adapters.simulator.public_trades import PublicTrade

__all__ = ["TradingDay"]


class TradingDay:
    """First, last, lowest and highest price in ticks (0 before the first trade), and how much was traded."""

    def __init__(self) -> None:
        self.first_ticks = self.last_ticks = self.low_ticks = self.high_ticks = 0
        self.lots = 0
        self.tick_lots = 0

    def traded(self, trade: PublicTrade) -> None:
        price = trade.price_ticks
        self.first_ticks = self.first_ticks or price
        self.low_ticks = min(self.low_ticks or price, price)
        self.high_ticks = max(self.high_ticks, price)
        self.last_ticks = price
        self.lots += trade.quantity_lots
        self.tick_lots += price * trade.quantity_lots

    @property
    def vwap_ticks(self) -> int:
        return self.tick_lots // self.lots if self.lots else 0
