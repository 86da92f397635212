"""A market in which nothing happens but what a row does: a real price-time book, and its public messages."""

from adapters.simulator.market import BookSnapshot, Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.matching import MatchingEngine
from adapters.simulator.order import SimOrder
from adapters.simulator.public_feed import PublicFeed
from adapters.simulator.synthetic_market import DEPTH_INTERVAL_NS
from engine.codes import Side, TimeInForce
from engine.instrument import Instrument

__all__ = ["QuietMarket"]

#: The account of the public. Clients may not have it.
_PUBLIC = ""


class QuietMarket:
    """``adapters.simulator.market.Market``. ``anonymous`` is the public; what it means for clients comes with the next
    ``advance``."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._engine = MatchingEngine()
        self._feed = PublicFeed(instrument, self._engine)
        self._waiting: list[MarketEvent] = []
        self._orders = 0
        self._now_ns = 0
        self._depth_ns: int | None = None

    @property
    def last_trade_ticks(self) -> int:
        return self._engine.last_trade_ticks

    def start(self, now_ns: int, wall_ns: int = 0) -> None:
        self._feed.wall_offset_ns = wall_ns - now_ns
        self._feed.forget_changes()
        self._now_ns = now_ns
        self._depth_ns = now_ns + DEPTH_INTERVAL_NS

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        self._now_ns = max(self._now_ns, now_ns)
        for_clients: list[MarketEvent] = []
        maker_side = Side.SELL if order.side is Side.BUY else Side.BUY
        for event in self._engine.place(order, now_ns):
            if isinstance(event, Executed):
                self._feed.level_changed(maker_side, event.price_ticks)
                self._publish(
                    self._feed.trade(event.trade_id, event.price_ticks, event.quantity_lots, event.aggressor, now_ns)
                )
                maker = event.maker if event.maker and event.maker.account != _PUBLIC else None
                taker = event.taker if event.taker and event.taker.account != _PUBLIC else None
                if maker or taker:
                    for_clients.append(event._replace(maker=maker, taker=taker))
            elif isinstance(event, Prevented):
                self._feed.level_changed(maker_side, event.price_ticks)
                for_clients.append(event)
            elif isinstance(event, Ended) and event.order.account != _PUBLIC:
                for_clients.append(event)
        if order.is_resting:
            self._feed.level_changed(order.side, order.price_ticks)
        self._publish(self._feed.book_ticker(now_ns))
        return for_clients

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        return self._changed(self._engine.cancel(order, now_ns), order, now_ns)

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        return self._changed(self._engine.reduce(order, quantity_lots, now_ns), order, now_ns)

    def best(self) -> tuple[int, int, int, int]:
        return self._engine.best()

    def snapshot(self, limit: int) -> BookSnapshot:
        return self._feed.update_id, self._engine.bids.levels(limit), self._engine.asks.levels(limit)

    def next_event_ns(self) -> int | None:
        if self._depth_ns is None:
            return None
        return self._now_ns if self._waiting else self._depth_ns

    def advance(self, now_ns: int) -> list[MarketEvent]:
        events, self._waiting = self._waiting, []
        if self._depth_ns is not None and now_ns >= self._depth_ns:
            update = self._feed.depth_update(now_ns)
            if update is not None:
                events.append(update)
            self._depth_ns += (1 + (now_ns - self._depth_ns) // DEPTH_INTERVAL_NS) * DEPTH_INTERVAL_NS
        self._now_ns = max(self._now_ns, now_ns)
        return events

    def anonymous(self, side: Side, price_ticks: int, lots: int, now_ns: int, *, ioc: bool = False) -> None:
        """The public sends an order."""
        self._orders -= 1
        time_in_force = TimeInForce.IOC if ioc else TimeInForce.GTC
        self._waiting += self.place(SimOrder(self._orders, _PUBLIC, "", side, price_ticks, lots, time_in_force), now_ns)

    def _changed(self, is_done: bool, order: SimOrder, now_ns: int) -> bool:
        if is_done:
            self._now_ns = max(self._now_ns, now_ns)
            self._feed.level_changed(order.side, order.price_ticks)
            self._publish(self._feed.book_ticker(now_ns))
        return is_done

    def _publish(self, message: Public | None) -> None:
        if message is not None and self._depth_ns is not None:
            self._waiting.append(message)
