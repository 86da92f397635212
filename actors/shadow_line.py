"""One instrument of a shadow: its book, its mark, and what a person is told of it."""

from engine.instrument import Instrument
from engine.messages import Quote, ShadowLine
from engine.position import LedgerLine
from engine.shadow_book import ShadowBook

__all__ = ["ShadowedInstrument"]


class ShadowedInstrument:
    """``quote`` is two-sided. ``begun_lots``: the position that the shadow began with."""

    __slots__ = (
        "_ask_ticks",
        "_bid_ticks",
        "_instrument",
        "_most_lots",
        "_most_tick_lots",
        "begun_lots",
        "book",
        "fills",
    )

    def __init__(self, instrument: Instrument, quote: Quote) -> None:
        self.book = ShadowBook()
        self.begun_lots = self.fills = 0
        self._instrument = instrument
        self._bid_ticks, self._ask_ticks = quote.bid_ticks, quote.ask_ticks
        self._most_lots = self._most_tick_lots = 0

    def mark(self, quote: Quote) -> None:
        """A quote without both sides leaves the mark where it is."""
        if quote.bid_lots and quote.ask_lots:
            self._bid_ticks, self._ask_ticks = quote.bid_ticks, quote.ask_ticks

    def closing_ticks(self, position_lots: int) -> int:
        """The price at which a position could be closed, as far as the best quote goes."""
        return self._bid_ticks if position_lots > 0 else self._ask_ticks

    def note(self, position_lots: int, buy_lots: int, sell_lots: int) -> None:
        """What is held now, and what is open: it may all fill, or none of it."""
        most = max(position_lots + buy_lots, sell_lots - position_lots)
        self._most_lots = max(self._most_lots, most)
        self._most_tick_lots = max(self._most_tick_lots, most * self._ask_ticks)

    def told(self, ledger: LedgerLine) -> ShadowLine:
        """``ledger``: the shadow's own of this instrument."""
        instrument, lots = self._instrument, ledger.position_lots
        pnl_tick_lots = lots * self.closing_ticks(lots) - ledger.cost_tick_lots
        base, quote = instrument.base_asset, instrument.quote_asset
        most_value = f"{instrument.quote_text(self._most_tick_lots)} {quote}"
        return ShadowLine(
            f"{instrument.venue}:{instrument.symbol}",
            self.fills,
            self.begun_lots,
            lots,
            self._most_lots,
            pnl_tick_lots,
            self._most_tick_lots,
            f"{instrument.quantity_text(self.begun_lots)} {base}",
            f"{instrument.quantity_text(lots)} {base}",
            f"{instrument.quantity_text(self._most_lots)} {base}, {most_value}",
            f"{instrument.quote_text(pnl_tick_lots)} {quote}",
        )
