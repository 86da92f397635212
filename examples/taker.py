"""A taker: every so often it crosses the spread, back and forth, so that its position stays within one order of flat.

It shows what the quoter does not: a timer, an order that must fill now or not at all, and reading what came of it.
"""

from engine.codes import TimeInForce
from engine.instrument import Instrument
from engine.messages import ExecutionReport, Quote
from engine.strategy import Strategy


class Taker(Strategy):
    """Takes ``quantity`` (decimal text, base asset) of its first instrument every ``interval_ms``."""

    def __init__(self, quantity: str, interval_ms: int = 400, slippage_ticks: int = 50) -> None:
        self.quantity = quantity
        self.interval_ns = interval_ms * 1_000_000
        self.slippage_ticks = slippage_ticks
        self.instrument: Instrument | None = None
        self.quote: Quote | None = None
        self.filled_lots = 0

    def on_start(self) -> None:
        self.instrument = next(iter(self.instruments.values()))
        self.set_timer("take", self.interval_ns)

    def on_quote(self, quote: Quote) -> None:
        self.quote = quote

    def on_timer(self, name: str) -> None:
        self.set_timer("take", self.interval_ns)
        if self.instrument is None or self.quote is None or self.open_orders:
            return
        lots = self.instrument.quantity_lots(self.quantity)
        # Immediate-or-cancel with a worst price: what is not there within the slippage is not wanted.
        if self.position_lots(self.instrument) > 0:
            price_ticks = self.quote.bid_ticks - self.slippage_ticks
            self.sell(self.instrument, lots, price_ticks, time_in_force=TimeInForce.IOC)
        else:
            price_ticks = self.quote.ask_ticks + self.slippage_ticks
            self.buy(self.instrument, lots, price_ticks, time_in_force=TimeInForce.IOC)

    def on_execution_report(self, report: ExecutionReport) -> None:
        if report.fill is not None:
            self.filled_lots += report.fill.last_lots
