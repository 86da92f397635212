"""Strategies for the simulation: they submit, replace and cancel at random, sensibly or not."""

from random import Random
from typing import Any

from engine.codes import OrderStatus, OrderType, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import ExecutionReport, Quote
from engine.strategy import Strategy, WorkingOrder

__all__ = ["Trader"]

_MS = 1_000_000
_WORKING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
_OPEN_MAX = 10


class Trader(Strategy):
    """Acts every ``interval_ms`` or so; without ``cancels`` it rarely takes back what it has sent. Once ``quiet``, it
    only cancels what it has."""

    def __init__(self, seed: int, interval_ms: int, lots: int, cancels: bool) -> None:
        self._random = Random(seed)
        self._interval_ms = interval_ms
        self._lots = lots
        self._cancels = cancels
        self._quotes: dict[int, Quote] = {}
        self.quiet = False

    def on_start(self) -> None:
        self._wait()

    def on_quote(self, quote: Quote) -> None:
        self._quotes[quote.instrument_id] = quote
        if not self.quiet and self._random.random() < 0.02:
            self._act()  # at once, as a strategy that answers the market does

    def on_execution_report(self, report: ExecutionReport) -> None:
        if not self.quiet and report.fill is not None and self._random.random() < 0.1:
            self._act()

    def on_timer(self, name: str) -> None:
        self._wait()
        if self.quiet:
            self.cancel_all()
        else:
            self._act()

    def _wait(self) -> None:
        low = self._interval_ms // 2
        self.set_timer("act", (low + self._random.randrange(2 * low)) * _MS)

    def _act(self) -> None:
        random, draw = self._random, self._random.random()
        working = [order for order in self.open_orders.values() if order.status in _WORKING]
        if self.open_orders and draw < 0.03:
            self.cancel(random.choice(list(self.open_orders)))  # whatever its state
        elif working and (draw < (0.25 if self._cancels else 0.06) or len(self.open_orders) > _OPEN_MAX):
            self.cancel(random.choice(working).client_order_id)
        elif working and draw < 0.45:
            self._replace(random.choice(working))
        elif self._cancels and draw < 0.47:
            self.cancel_all()
        else:
            for _ in range(3 if draw > 0.96 else 1):
                self._send(random.choice(list(self.instruments.values())))

    def _replace(self, order: WorkingOrder) -> None:
        lots = max(1, order.quantity_lots + self._random.choice([0, 0, -100, 100]))
        # Never at the same price: less there would be an amend, after which two of our orders are one at the venue, and
        # the promises here tell orders by their names. (tests/actors/test_special_orders.py has amends.)
        away = self._random.randint(-30, 30) or 1
        self.replace(order.client_order_id, lots, order.price_ticks + away)

    def _send(self, instrument: Instrument) -> None:
        random, quote = self._random, self._quotes.get(instrument.instrument_id)
        if quote is None or not quote.bid_lots or not quote.ask_lots:
            return
        held = self.position_lots(instrument)
        side = random.choice([Side.BUY, Side.SELL])
        if abs(held) > 8 * self._lots and random.random() < 0.8:
            side = Side.SELL if held > 0 else Side.BUY
        away = random.choice([-20, -2, 0, 1, 5, 30, 200, 5_000])  # the last waits for long
        price_ticks = quote.bid_ticks - away if side is Side.BUY else quote.ask_ticks + away
        more: dict[str, Any] = random.choice(
            [
                {},
                {},
                {},
                {"post_only": True},
                {"time_in_force": TimeInForce.IOC},
                {"time_in_force": TimeInForce.FOK},
                {"order_type": OrderType.MARKET},
            ]
        )
        lots = random.randint(1, 5) * self._lots
        send = self.buy if side is Side.BUY else self.sell
        send(instrument, lots, 0 if "order_type" in more else price_ticks, **more)
