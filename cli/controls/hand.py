"""A strategy that does nothing by itself: a check plays it by hand, and reads what it was told."""

from engine.instrument import Instrument
from engine.messages import ExecutionReport, Quote
from engine.strategy import Strategy

__all__ = ["Hand"]


class Hand(Strategy):
    """``quote``: the last one of its instrument. ``reports``: everything it was told, by client order id."""

    def __init__(self) -> None:
        self.quotes: dict[int, Quote] = {}
        self.reports: dict[str, list[ExecutionReport]] = {}

    @property
    def instrument(self) -> Instrument:
        return next(iter(self.instruments.values()))

    @property
    def quote(self) -> Quote:
        return self.quotes[self.instrument.instrument_id]

    def on_quote(self, quote: Quote) -> None:
        self.quotes[quote.instrument_id] = quote

    def on_execution_report(self, report: ExecutionReport) -> None:
        self.reports.setdefault(report.client_order_id, []).append(report)

    def state_of(self, client_order_id: str) -> str:
        """The reason why it was refused, or the status it was last told to have; empty: it has heard nothing."""
        told = self.reports.get(client_order_id)
        if not told:
            return ""
        last = told[-1]
        return last.refusal.reason.name if last.refusal is not None else last.order_status.name
