"""The load of a trial of kills: a strategy that always has so many orders resting, and sends at a rate besides.

What it sends beyond the resting ones are orders that nothing can fill, so that every order is one request and no
position ever comes of it. Under a kill it goes on trying at the same rate: what it is refused is the point.
"""

from engine.codes import TimeInForce
from engine.instrument import Instrument
from engine.messages import ExecutionReport, Quote
from engine.strategy import Strategy

__all__ = ["Load"]

_TICK_NS = 1_000_000
_SECOND_NS = 1_000_000_000
#: Orders without an answer; more would only queue at the venue.
_UNANSWERED_MAX = 32
#: Orders that a stall has delayed and that are sent at once after it: an event of the loop must stay short.
_BURST_MAX = 4


class Load(Strategy):
    """``rate`` orders a second, of ``quantity`` (decimal text), ``depth_bps`` below the best bid. The first ``resting``
    of them rest, and are replaced when they are cancelled; ``rests_only``: nothing is sent besides."""

    def __init__(self, quantity: str, rate: int, resting: int, rests_only: bool = False, depth_bps: int = 200) -> None:
        self.quantity = quantity
        self.every_ns = _SECOND_NS // rate
        self.resting = resting
        self.rests_only = rests_only
        self.depth_bps = depth_bps
        self.quote: Quote | None = None
        self._due_ns = 0
        self._unanswered: set[str] = set()
        self._resting: set[str] = set()

    def on_start(self) -> None:
        self._due_ns = self.now_ns
        self.set_timer("send", _TICK_NS)

    def on_quote(self, quote: Quote) -> None:
        self.quote = quote

    def on_timer(self, name: str) -> None:
        self.set_timer("send", _TICK_NS)
        due = (self.now_ns - self._due_ns) // self.every_ns
        self._due_ns += due * self.every_ns
        if self.quote is None or not self.quote.bid_lots:
            return
        instrument = next(iter(self.instruments.values()))
        price_ticks = self.quote.bid_ticks * (10_000 - self.depth_bps) // 10_000
        for _ in range(min(due, _BURST_MAX)):
            if len(self._unanswered) >= _UNANSWERED_MAX:
                self._unanswered &= self.open_orders.keys()
                return
            if not self._send(instrument, price_ticks):
                return

    def _send(self, instrument: Instrument, price_ticks: int) -> bool:
        lots = instrument.quantity_lots(self.quantity)
        if len(self._resting) < self.resting:
            client_order_id = self.buy(instrument, lots, price_ticks, post_only=True)
            self._resting.add(client_order_id)
        elif self.rests_only:
            return False
        else:
            client_order_id = self.buy(instrument, lots, price_ticks, time_in_force=TimeInForce.IOC)
        self._unanswered.add(client_order_id)
        return True

    def on_execution_report(self, report: ExecutionReport) -> None:
        self._unanswered.discard(report.client_order_id)
        if report.client_order_id not in self.open_orders:
            self._resting.discard(report.client_order_id)
