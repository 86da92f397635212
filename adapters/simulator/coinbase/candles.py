"""Candles of one market, from its public trades: kept by the minute, told in any of the venue's lengths."""

from collections import deque
from typing import NamedTuple

from adapters.simulator.listing import Listing
from adapters.simulator.public_trades import PublicTrade
from engine.instrument import NANOS, plain

__all__ = ["FIVE_MINUTES_S", "Candle", "Candles"]

FIVE_MINUTES_S = 300
_MINUTE_S = 60
_MINUTES_KEPT = 2_880


class Candle(NamedTuple):
    """Prices in ticks; ``start_s``: unix seconds."""

    start_s: int
    open: int
    high: int
    low: int
    close: int
    lots: int

    def joined(self, later: "Candle") -> "Candle":
        high, low = max(self.high, later.high), min(self.low, later.low)
        return self._replace(high=high, low=low, close=later.close, lots=self.lots + later.lots)

    def row(self, listing: Listing) -> dict[str, str]:
        texts = {name: plain(listing.price_text(getattr(self, name))) for name in ("high", "low", "open", "close")}
        return {"start": str(self.start_s), **texts, "volume": plain(listing.quantity_text(self.lots))}


class Candles:
    def __init__(self) -> None:
        self._minutes: deque[Candle] = deque(maxlen=_MINUTES_KEPT)

    def traded(self, trade: PublicTrade) -> None:
        start_s = trade.wall_ns // NANOS // _MINUTE_S * _MINUTE_S
        price = trade.price_ticks
        one = Candle(start_s, price, price, price, price, trade.quantity_lots)
        if self._minutes and self._minutes[-1].start_s >= start_s:
            self._minutes[-1] = self._minutes[-1].joined(one)
        else:
            self._minutes.append(one)

    def of(self, length_s: int) -> list[Candle]:
        """Candles of a number of minutes, oldest first; those without a trade are left out."""
        found: list[Candle] = []
        for minute in self._minutes:
            start_s = minute.start_s // length_s * length_s
            if found and found[-1].start_s == start_s:
                found[-1] = found[-1].joined(minute)
            else:
                found.append(minute._replace(start_s=start_s))
        return found
