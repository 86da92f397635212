"""The ticker of one pair: its best prices, and what was traded since the market began."""

from adapters.simulator.kraken.encoding import number, time_text
from adapters.simulator.listing import Listing
from adapters.simulator.trading_day import TradingDay
from engine.instrument import decimal_text

__all__ = ["Ticker"]

_PERCENT_DECIMALS = 2


class Ticker(TradingDay):
    """A trading day and its best prices."""

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self._listing = listing
        self._best = (0, 0, 0, 0)

    def best_changed(self) -> bool:
        """Whether the best prices differ from those when this was last asked."""
        best = self._listing.market.best()
        changed, self._best = best != self._best, best
        return changed

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
