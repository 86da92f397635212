"""The public messages of a generated market, written as Binance writes them.

``trade`` and ``bookTicker`` come in real time, ``depthUpdate`` every 100 ms with the absolute quantities of the levels
that changed since the last one. Every change of a level takes one update id, so ``U`` is always the previous ``u`` + 1.
"""

from adapters.simulator.grid import Grid
from adapters.simulator.market import Public
from adapters.simulator.matching import BookSide, MatchingEngine
from engine.codes import Side
from engine.instrument import Instrument

__all__ = ["PublicFeed"]

_NS_PER_MS = 1_000_000


class PublicFeed:
    """Watches one matching engine's book and turns what is reported to it into messages.

    ``wall_offset_ns`` is UTC less the caller's clock.
    """

    def __init__(self, instrument: Instrument, engine: MatchingEngine) -> None:
        self.update_id = 0
        self.wall_offset_ns = 0
        self._engine = engine
        self._symbol = instrument.symbol
        stream = instrument.symbol.lower()
        self._trade_stream = f"{stream}@trade"
        self._ticker_stream = f"{stream}@bookTicker"
        self._depth_stream = f"{stream}@depth@100ms"
        self._price = Grid(instrument.tick_units, instrument.price_scale, "tick").text
        self._quantity = Grid(instrument.lot_units, instrument.quantity_scale, "lot").text
        self._changed: dict[Side, dict[int, None]] = {Side.BUY: {}, Side.SELL: {}}
        self._sent_id = 0
        self._best = (0, 0, 0, 0)

    def level_changed(self, side: Side, price_ticks: int) -> None:
        self.update_id += 1
        self._changed[side][price_ticks] = None

    def forget_changes(self) -> None:
        """The book as it is now is where the stream begins."""
        for changed in self._changed.values():
            changed.clear()
        self._sent_id = self.update_id
        self._best = self._engine.best()

    def trade(self, trade_id: int, price_ticks: int, quantity_lots: int, aggressor: Side, now_ns: int) -> Public:
        time_ms = self._time_ms(now_ns)
        buyer_is_maker = "true" if aggressor is Side.SELL else "false"
        text = (
            f'{{"e":"trade","E":{time_ms},"s":"{self._symbol}","t":{trade_id},"p":"{self._price(price_ticks)}",'
            f'"q":"{self._quantity(quantity_lots)}","T":{time_ms},"m":{buyer_is_maker},"M":true}}'
        )
        return Public(self._trade_stream, text.encode(), now_ns)

    def book_ticker(self, now_ns: int) -> Public | None:
        """The best bid and offer, if they differ from the last ones told."""
        best = self._engine.best()
        if best == self._best:
            return None
        self._best = best
        bid, bid_lots, ask, ask_lots = best
        text = (
            f'{{"u":{self.update_id},"s":"{self._symbol}","b":"{self._price(bid)}","B":"{self._quantity(bid_lots)}",'
            f'"a":"{self._price(ask)}","A":"{self._quantity(ask_lots)}"}}'
        )
        return Public(self._ticker_stream, text.encode(), now_ns)

    def depth_update(self, now_ns: int) -> Public | None:
        """The levels that changed since the last one, if any did."""
        if self.update_id == self._sent_id:
            return None
        bids = self._levels(self._engine.bids, Side.BUY)
        asks = self._levels(self._engine.asks, Side.SELL)
        text = (
            f'{{"e":"depthUpdate","E":{self._time_ms(now_ns)},"s":"{self._symbol}","U":{self._sent_id + 1},'
            f'"u":{self.update_id},"b":[{bids}],"a":[{asks}]}}'
        )
        self._sent_id = self.update_id
        return Public(self._depth_stream, text.encode(), now_ns)

    def _levels(self, side: BookSide, which: Side) -> str:
        prices = sorted(self._changed[which], reverse=which is Side.BUY)
        self._changed[which].clear()
        return ",".join(f'["{self._price(price)}","{self._quantity(side.lots_at(price))}"]' for price in prices)

    def _time_ms(self, now_ns: int) -> int:
        return (now_ns + self.wall_offset_ns) // _NS_PER_MS
