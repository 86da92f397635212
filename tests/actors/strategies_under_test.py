"""Strategies that tests load by path, as a user's own would be."""

from random import Random
from typing import Any

from engine.codes import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import Depth, ExecutionReport, Quote, Trade
from engine.strategy import Leg, Strategy

MS = 1_000_000


class Hand(Strategy):
    """Does nothing by itself; a test plays it by hand and reads what it was told."""

    def __init__(self, levels: int = 0) -> None:
        self.book_levels = levels
        self.reports: list[ExecutionReport] = []
        self.quote: Quote | None = None
        self.depths: list[Depth] = []
        self.starts = 0

    @property
    def instrument(self) -> Instrument:
        return next(iter(self.instruments.values()))

    def on_start(self) -> None:
        self.starts += 1

    def on_quote(self, quote: Quote) -> None:
        self.quote = quote

    def on_book(self, depth: Depth) -> None:
        self.depths.append(depth)

    def on_execution_report(self, report: ExecutionReport) -> None:
        self.reports.append(report)

    def of(self, client_order_id: str) -> list[ExecutionReport]:
        return [report for report in self.reports if report.client_order_id == client_order_id]

    def last(self, client_order_id: str) -> ExecutionReport:
        return self.of(client_order_id)[-1]


class Churner(Strategy):
    """Trades at random in every way there is: resting, post-only, IOC, FOK, market, replace, cancel, cancel all."""

    def __init__(self, seed: int, interval_ms: int = 20, lots: int = 1_000) -> None:
        self.random = Random(seed)
        self.interval_ms = interval_ms
        self.lots = lots
        self.quote: Quote | None = None
        self.last_trade: Trade | None = None

    def on_start(self) -> None:
        self.set_timer("tick", self.interval_ms * MS)

    def on_quote(self, quote: Quote) -> None:
        self.quote = quote

    def on_trade(self, trade: Trade) -> None:
        self.last_trade = trade

    def on_timer(self, name: str) -> None:
        self.set_timer("tick", self.interval_ms * MS)
        quote = self.quote
        if quote is None or not quote.bid_lots or not quote.ask_lots:
            return
        working = [o for o in self.open_orders.values() if o.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)]
        draw = self.random.random()
        if working and (draw < 0.25 or len(self.open_orders) > 12):
            self.cancel(self.random.choice(working).client_order_id)
        elif working and draw < 0.45:
            order = self.random.choice(working)
            self.replace(order.client_order_id, self.lots, order.price_ticks + self.random.randint(-30, 30))
        elif draw < 0.47:
            self.cancel_all()
        else:
            self._send(quote)

    def _send(self, quote: Quote) -> None:
        instrument = next(iter(self.instruments.values()))
        held = self.position_lots(instrument)
        side = Side.SELL if held > 10 * self.lots else Side.BUY if held < -10 * self.lots else None
        side = side or self.random.choice([Side.BUY, Side.SELL])
        send = self.buy if side is Side.BUY else self.sell
        away = self.random.randint(-30, 30)
        price_ticks = quote.bid_ticks - away if side is Side.BUY else quote.ask_ticks + away
        lots = self.random.randint(1, 4) * self.lots
        more: dict[str, Any] = self.random.choice(
            [
                {},
                {},
                {"post_only": True},
                {"time_in_force": TimeInForce.IOC},
                {"time_in_force": TimeInForce.FOK},
                {"order_type": OrderType.MARKET},
            ]
        )
        send(instrument, lots, 0 if "order_type" in more else price_ticks, **more)


class Planner(Churner):
    """The same with orders that wait, hide, belong together, or say what is to happen when they meet their own."""

    def _send(self, quote: Quote) -> None:
        instrument, chance = next(iter(self.instruments.values())), self.random
        side = Side.SELL if self.position_lots(instrument) > 0 else Side.BUY
        up = 1 if side is Side.BUY else -1
        resting = [o for o in self.open_orders.values() if o.status is OrderStatus.NEW and o.leaves_lots > self.lots]
        if resting and chance.random() < 0.3:
            order = chance.choice(resting)
            self.replace(order.client_order_id, chance.randint(1, order.leaves_lots - 1), order.price_ticks)
            return
        touch = quote.ask_ticks if side is Side.BUY else quote.bid_ticks
        near, far = touch + up * chance.randint(20, 150), touch - up * chance.randint(20, 150)
        lots, send = chance.randint(2, 4) * self.lots, self.buy if side is Side.BUY else self.sell
        kind = chance.choice(
            ["stop", "stop-limit", "touch", "touch-limit", "trail", "iceberg", "stp", "oco", "bracket", "plain"]
        )
        if kind == "stop":
            send(instrument, lots, order_type=OrderType.STOP, trigger_ticks=near)
        elif kind == "stop-limit":
            send(instrument, lots, near + up * 30, order_type=OrderType.STOP_LIMIT, trigger_ticks=near)
        elif kind == "touch":
            send(instrument, lots, order_type=OrderType.MARKET_IF_TOUCHED, trigger_ticks=far)
        elif kind == "touch-limit":
            send(instrument, lots, far, order_type=OrderType.LIMIT_IF_TOUCHED, trigger_ticks=far)
        elif kind == "trail":
            send(instrument, lots, order_type=OrderType.TRAILING_STOP, trailing_ppm=1_000)
        elif kind == "iceberg":
            send(instrument, lots, touch - up, display_lots=self.lots)
        elif kind == "stp":
            send(instrument, lots, touch, self_trade=chance.choice(list(SelfTradePrevention)[1:5]))
        elif kind == "plain":
            send(instrument, lots, touch - up * chance.randint(0, 3))
        elif kind == "oco":
            self.one_cancels_other(*self._exits(instrument, side, lots, far, near))
        else:
            other = Side.SELL if side is Side.BUY else Side.BUY
            entry = Leg(instrument, side, lots, touch)
            exits = self._exits(instrument, other, lots, near, far)
            if chance.random() < 0.5:
                self.one_triggers_pair(entry, *exits)
            else:
                self.one_triggers_other(entry, chance.choice(exits))

    @staticmethod
    def _exits(instrument: Instrument, side: Side, lots: int, target: int, stop: int) -> tuple[Leg, Leg]:
        """A target that rests and a stop on the other side of the market."""
        return (
            Leg(instrument, side, lots, target, post_only=True),
            Leg(instrument, side, lots, order_type=OrderType.STOP, trigger_ticks=stop),
        )


class Raiser(Hand):
    """Rests two orders, then raises in the callback it is told to."""

    def __init__(self, where: str, levels: int = 0) -> None:
        super().__init__(levels=5 if where == "on_book" else levels)
        self.where = where
        self.armed = False

    def _raise(self, where: str) -> None:
        if self.armed and self.where == where:
            raise ValueError(f"as told, in {where}")

    def arm(self) -> None:
        self.armed = True
        self.set_timer("go", 10 * MS)

    def on_start(self) -> None:
        super().on_start()
        if self.where == "on_start":
            raise ValueError("as told, in on_start")

    def on_quote(self, quote: Quote) -> None:
        super().on_quote(quote)
        self._raise("on_quote")

    def on_trade(self, trade: Trade) -> None:
        self._raise("on_trade")

    def on_book(self, depth: Depth) -> None:
        self._raise("on_book")

    def on_timer(self, name: str) -> None:
        self._raise("on_timer")
        if self.where == "on_execution_report":
            self.buy(self.instrument, 0, 1)  # refused, so that there is a report

    def on_execution_report(self, report: ExecutionReport) -> None:
        super().on_execution_report(report)
        self._raise("on_execution_report")


class Talker(Strategy):
    """Prints a line at each quote; ``fails``: raises after the first."""

    def __init__(self, line: str, end: str = "\n", fails: int = 0) -> None:
        self.line = line
        self.end = end
        self.fails = fails

    def on_quote(self, quote: Quote) -> None:
        print(self.line, end=self.end)
        if self.fails:
            raise ValueError("as it was told to")
