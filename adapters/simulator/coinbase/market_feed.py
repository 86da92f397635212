"""Market data: level2, market_trades, ticker, ticker_batch, candles, status. Who follows what is the connections'
business (``sockets``); what there is to tell, and when, is here.

Books and trades are collected and told at intervals, as the venue does; a ticker follows each batch of trades at once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from adapters.simulator.book_feed import BookFeed, Levels
from adapters.simulator.coinbase.candles import FIVE_MINUTES_S, Candle, Candles
from adapters.simulator.coinbase.encoding import micros_text
from adapters.simulator.coinbase.products import change_percent, status_row
from adapters.simulator.coinbase.settings import VenueOptions
from adapters.simulator.encoding import encode_json
from adapters.simulator.listing import Listing
from adapters.simulator.public_trades import PublicTrade
from adapters.simulator.trading_day import TradingDay
from engine.codes import Side
from engine.instrument import plain

__all__ = ["MARKET_CHANNELS", "MarketFeed", "trade_row"]

MARKET_CHANNELS = ("level2", "market_trades", "ticker", "ticker_batch", "candles", "status")
#: The whole book: who follows it keeps every level, so none may be left out.
_ALL_LEVELS = 1_000_000
_TRADES_REMEMBERED = 1_000
_SNAPSHOT_TRADES = 100
_SNAPSHOT_CANDLES = 100
#: Of beats, which come every second.
_TICKERS_EVERY = 5
_SNAPSHOT_TIME = "1970-01-01T00:00:00Z"

#: publish(channel, symbol, events): to everybody who follows it.
Publish = Callable[[str, str, bytes], None]


class MarketFeed:
    """``followed(channel, symbol)`` tells whether anybody would read it."""

    def __init__(
        self,
        listings: Mapping[str, Listing],
        options: VenueOptions,
        publish: Publish,
        followed: Callable[[str, str], bool],
    ) -> None:
        self._listings, self._options, self._publish, self._followed = listings, options, publish, followed
        self._books: dict[str, BookFeed] = {}
        self._changed: dict[str, None] = {}
        self._books_due_ns: int | None = None
        self._pending: dict[str, list[PublicTrade]] = {}
        self._trades_due_ns: int | None = None
        self._trades: dict[str, deque[PublicTrade]] = {symbol: deque(maxlen=_TRADES_REMEMBERED) for symbol in listings}
        self.days = {symbol: TradingDay() for symbol in listings}
        self.candles = {symbol: Candles() for symbol in listings}
        self._moved: dict[str, None] = {}
        self._beats = 0

    # -- what happens -------------------------------------------------------------------------------------------

    def traded(self, symbol: str, trades: Sequence[PublicTrade], now_ns: int) -> None:
        """New public trades of one product, oldest first."""
        self._trades[symbol].extend(trades)
        for trade in trades:
            self.days[symbol].traded(trade)
            self.candles[symbol].traded(trade)
        self._moved[symbol] = None
        if self._followed("market_trades", symbol):
            self._pending.setdefault(symbol, []).extend(trades)
            if self._trades_due_ns is None:
                self._trades_due_ns = now_ns + self._options.trades_interval_ns
        if self._followed("ticker", symbol):
            self._publish("ticker", symbol, self._tickers("update", "ticker", symbol))

    def book_changed(self, symbol: str, now_ns: int) -> None:
        """The product's book may have changed."""
        if symbol in self._books:
            self._changed[symbol] = None
            if self._books_due_ns is None:
                self._books_due_ns = now_ns + self._options.book_interval_ns

    def status_changed(self) -> None:
        self._publish("status", "", self.snapshot("status", ""))

    # -- time ---------------------------------------------------------------------------------------------------

    @property
    def next_due_ns(self) -> int | None:
        due = [each for each in (self._books_due_ns, self._trades_due_ns) if each is not None]
        return min(due, default=None)

    def flush(self, now_ns: int, wall_ns: int) -> None:
        """Tell what is due."""
        if self._books_due_ns is not None and self._books_due_ns <= now_ns:
            self._books_due_ns = None
            changed, self._changed = self._changed, {}
            for symbol in changed:
                self._tell_book(symbol, wall_ns)
        if self._trades_due_ns is not None and self._trades_due_ns <= now_ns:
            self._trades_due_ns = None
            pending, self._pending = self._pending, {}
            for symbol, trades in pending.items():
                self._publish("market_trades", symbol, self._trade_events("update", symbol, trades))

    def beat(self) -> None:
        """A second has passed."""
        self._beats += 1
        moved, self._moved = self._moved, {}
        for symbol in moved:
            candles = self.candles[symbol].of(FIVE_MINUTES_S)[-1:]
            self._publish("candles", symbol, self._candle_events("update", symbol, candles))
        if self._beats % _TICKERS_EVERY == 0:
            for symbol in self._listings:
                self._publish("ticker_batch", symbol, self._tickers("update", "ticker_batch", symbol))
            self._publish("status", "", self.snapshot("status", ""))

    # -- subscribing --------------------------------------------------------------------------------------------

    def follow(self, channel: str, symbol: str, wall_ns: int) -> bytes:
        """Somebody begins to follow: the events of the snapshot. What the others have not been told yet they are told
        now, since the snapshot contains it."""
        if channel == "level2":
            if symbol in self._books:
                self._tell_book(symbol, wall_ns)
            else:
                self._books[symbol] = BookFeed(self._listings[symbol].market, _ALL_LEVELS)
        elif channel == "market_trades" and symbol in self._pending:
            trades = self._pending.pop(symbol)
            self._publish("market_trades", symbol, self._trade_events("update", symbol, trades))
        return self.snapshot(channel, symbol)

    def unfollowed(self, symbol: str) -> None:
        """Nobody follows this product's book any more."""
        self._books.pop(symbol, None)
        self._changed.pop(symbol, None)

    def snapshot(self, channel: str, symbol: str) -> bytes:
        if channel == "status":
            rows = [status_row(listing) for listing in self._listings.values()]
            return encode_json([{"type": "snapshot", "products": rows}])
        if channel == "level2":
            book = self._books[symbol]
            return self._book_events("snapshot", symbol, book.bids, book.asks, _SNAPSHOT_TIME)
        if channel == "market_trades":
            return self._trade_events("snapshot", symbol, self.recent_trades(symbol, _SNAPSHOT_TRADES))
        if channel == "candles":
            candles = self.candles[symbol].of(FIVE_MINUTES_S)[-_SNAPSHOT_CANDLES:]
            return self._candle_events("snapshot", symbol, candles)
        return self._tickers("snapshot", channel, symbol)

    def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        """Oldest first."""
        return list(self._trades[symbol])[-limit:] if limit else []

    # -- events -------------------------------------------------------------------------------------------------

    def _tell_book(self, symbol: str, wall_ns: int) -> None:
        book = self._books.get(symbol)
        if book is None:
            return
        bids, asks = book.changes()
        if bids or asks:
            events = self._book_events("update", symbol, bids, asks, micros_text(wall_ns))
            self._publish("level2", symbol, events)

    def _book_events(self, kind: str, symbol: str, bids: Levels, asks: Levels, time: str) -> bytes:
        listing = self._listings[symbol]
        updates = [
            {
                "side": side,
                "event_time": time,
                "price_level": plain(listing.price_text(price)),
                "new_quantity": plain(listing.quantity_text(lots)),
            }
            for side, levels in (("bid", bids), ("offer", asks))
            for price, lots in levels
        ]
        return encode_json([{"type": kind, "product_id": symbol, "updates": updates}])

    def _trade_events(self, kind: str, symbol: str, trades: Iterable[PublicTrade]) -> bytes:
        rows = [trade_row(self._listings[symbol], trade) for trade in trades]
        return encode_json([{"type": kind, "trades": rows[::-1]}])

    def _candle_events(self, kind: str, symbol: str, candles: Iterable[Candle]) -> bytes:
        listing = self._listings[symbol]
        rows = [{**candle.row(listing), "product_id": symbol} for candle in candles]
        return encode_json([{"type": kind, "candles": rows}])

    def _tickers(self, kind: str, channel: str, symbol: str) -> bytes:
        listing, day = self._listings[symbol], self.days[symbol]

        def price(ticks: int) -> str:
            return plain(listing.price_text(ticks)) if ticks else ""

        row = {
            "type": "ticker",
            "product_id": symbol,
            "price": price(day.last_ticks or listing.market.last_trade_ticks),
            "volume_24_h": plain(listing.quantity_text(day.lots)),
            "low_24_h": price(day.low_ticks),
            "high_24_h": price(day.high_ticks),
            "low_52_w": price(day.low_ticks),
            "high_52_w": price(day.high_ticks),
            "price_percent_chg_24_h": change_percent(day),
        }
        if channel == "ticker":
            bid, bid_lots, ask, ask_lots = listing.market.best()
            row |= {
                "best_bid": price(bid),
                "best_bid_quantity": plain(listing.quantity_text(bid_lots)),
                "best_ask": price(ask),
                "best_ask_quantity": plain(listing.quantity_text(ask_lots)),
            }
        return encode_json([{"type": kind, "tickers": [row]}])


def trade_row(listing: Listing, trade: PublicTrade) -> dict[str, str]:
    """``side`` is the maker's."""
    return {
        "trade_id": str(trade.trade_id),
        "product_id": listing.symbol,
        "price": plain(listing.price_text(trade.price_ticks)),
        "size": plain(listing.quantity_text(trade.quantity_lots)),
        "side": "SELL" if trade.aggressor is Side.BUY else "BUY",
        "time": micros_text(trade.wall_ns),
    }
