"""The ticker of one pair: its best prices, and what was traded since the market began."""

from adapters.simulator.kraken.encoding import number, time_text
from adapters.simulator.listing import Listing
from adapters.simulator.public_trades import PublicTrade
from engine.instrument import decimal_text

__all__ = ["Ticker"]

_PERCENT_DECIMALS = 2


class Ticker:
    """Day figures are those since the start: the simulated day has no midnight."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._best = (0, 0, 0, 0)
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

    def best_changed(self) -> bool:
        """Whether the best prices differ from those when this was last asked."""
        best = self._listing.market.best()
        changed, self._best = best != self._best, best
        return changed

    @property
    def vwap_ticks(self) -> int:
        return self.tick_lots // self.lots if self.lots else 0

    def row(self, wall_ns: int) -> dict[str, object]:
        """As the ``ticker`` channel has it."""
        listing = self._listing
        bid, bid_lots, ask, ask_lots = listing.market.best()
        change = self.last_ticks - self.first_ticks
        hundredths = change * 10_000 // self.first_ticks if self.first_ticks else 0
        return {
            "symbol": listing.symbol,
            "bid": number(listing.price_text(bid)),
            "bid_qty": number(listing.quantity_text(bid_lots)),
            "ask": number(listing.price_text(ask)),
            "ask_qty": number(listing.quantity_text(ask_lots)),
            "last": number(listing.price_text(self.last_ticks or listing.market.last_trade_ticks)),
            "volume": number(listing.quantity_text(self.lots)),
            "vwap": number(listing.price_text(self.vwap_ticks)),
            "low": number(listing.price_text(self.low_ticks)),
            "high": number(listing.price_text(self.high_ticks)),
            "change": number(listing.price_text(change)),
            "change_pct": number(decimal_text(hundredths, _PERCENT_DECIMALS)),
            "timestamp": time_text(wall_ns),
        }
