"""Market data: trades and checked books over the public WebSocket. Quotes are the tops of the books.

An instrument whose book fails is quarantined alone: its subscription is ended and made anew, with a new snapshot, while
all others go on.
"""

from collections.abc import Mapping

import msgspec

from adapters.kraken import parse
from adapters.kraken.book_sync import BookObserver, BookSync
from adapters.kraken.core import SessionCore
from adapters.kraken.messages import BookData, BookMessage, Message, SystemStatus, TradeMessage
from adapters.kraken.numbers import instant_ns
from adapters.kraken.parse import PairGrid
from adapters.kraken.urls import KrakenEndpoints
from adapters.links import DECODE_ERRORS, WebSocketLink
from engine.book import OrderBook
from engine.errors import VenueError
from engine.instrument import NANOS
from engine.messages import Quote
from engine.venue import BookChanged

__all__ = ["STREAMS_LINK", "MarketStreams"]

STREAMS_LINK = "session:streams"
_SUBSCRIBE_TIMER, _RESYNC_TIMER = f"{STREAMS_LINK}:subscribe", f"{STREAMS_LINK}:resync"
_BOOK_START = b'{"channel":"book"'
_TRADE_START = b'{"channel":"trade"'
_SYMBOLS_PER_MESSAGE = 50
_ALREADY = "already subscribed"
#: Wait before another snapshot when books fail again and again, doubling from the first to the second.
_RESYNC_FIRST_NS, _RESYNC_MAX_NS = NANOS // 10, 30 * NANOS
#: A book that has been right for so many messages is taken for sound.
_SOUND = 100

_decode = msgspec.json.Decoder(Message).decode
_decode_book = msgspec.json.Decoder(BookMessage).decode
_decode_trades = msgspec.json.Decoder(TradeMessage).decode
_decode_status = msgspec.json.Decoder(tuple[SystemStatus, ...]).decode


class _Instrument:
    """One instrument's market data. ``asked_ns``: when a snapshot was asked for, 0: none is on its way."""

    def __init__(self, core: SessionCore, grid: PairGrid, book: OrderBook, observer: BookObserver | None) -> None:
        self._core, self.grid = core, grid
        self.symbol = grid.instrument.symbol
        self.sync = BookSync(grid, book, core.options.book_depth, observer)
        self.attempts = 0
        self.resync_ns = 0
        self.asked_ns = 0
        self._sound = 0
        self._best = (0, 0, 0, 0)
        self._quoted_ns = 0

    def on_book(self, kind: str, data: BookData, now_ns: int) -> bool:
        """False: the book has to be asked for again."""
        was_valid = self.sync.valid
        try:
            is_right = self.sync.on_snapshot(data) if kind == "snapshot" else self.sync.on_update(data)
        except VenueError as error:
            self._core.ctx.log("book message not understood", symbol=self.symbol, text=str(error))
            is_right = False
        if not is_right:
            self._core.count("book checksum" if kind != "snapshot" else "book snapshot wrong")
            self._sound = 0
            if was_valid:
                self._changed(False, data, now_ns)
            return False
        if self.sync.valid:
            self.asked_ns = 0
            self._sound += 1
            if self._sound >= _SOUND:
                self.attempts = 0
            self._changed(True, data, now_ns)
            self._quote(data, now_ns)
        return True

    def interrupted(self, now_ns: int) -> None:
        """What was told is the past."""
        was_valid = self.sync.valid
        self.sync.interrupted()
        self.asked_ns = self.resync_ns = self._sound = 0
        self._best = (0, 0, 0, 0)
        if was_valid:
            self._changed(False, None, now_ns)

    def _changed(self, valid: bool, data: BookData | None, now_ns: int) -> None:
        venue_ns = instant_ns(data.timestamp) if data is not None else 0
        event = BookChanged(self.grid.instrument_id, valid, self.sync.book.update_id, venue_ns, now_ns)
        self._core.emit(event, now_ns)

    def _quote(self, data: BookData, now_ns: int) -> None:
        best = self.sync.book.best()
        if best == self._best and now_ns < self._quoted_ns + self._core.options.quote_refresh_ns:
            return
        self._best, self._quoted_ns = best, now_ns
        venue_ns = instant_ns(data.timestamp)
        quote = Quote(self.grid.instrument_id, *best, self.sync.book.update_id, venue_ns, now_ns)
        self._core.emit(quote, now_ns)


class MarketStreams:
    """Owner of the link ``session:streams``."""

    def __init__(
        self,
        core: SessionCore,
        endpoints: KrakenEndpoints,
        books: Mapping[int, OrderBook],
        observer: BookObserver | None,
    ) -> None:
        self._core, self._books, self._observer = core, books, observer
        self.link = WebSocketLink(core, STREAMS_LINK, endpoints.streams, endpoints.streams_path, self)
        self._by_symbol: dict[str, _Instrument] = {}
        self._unconfirmed: set[tuple[str, str]] = set()
        #: Market messages of our instruments taken so far, whatever they told.
        self.messages = 0

    def define(self, grid: PairGrid) -> None:
        """Add an instrument. Before the link is opened."""
        self._by_symbol[grid.instrument.symbol] = _Instrument(
            self._core, grid, self._books[grid.instrument_id], self._observer
        )

    def close(self, now_ns: int) -> None:
        """Close for good."""
        for key in (_SUBSCRIBE_TIMER, _RESYNC_TIMER):
            self._core.ctx.cancel_timer(key)
        self.link.close(now_ns)

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        symbols = list(self._by_symbol)
        self._unconfirmed = {(channel, symbol) for channel in ("book", "trade") for symbol in symbols}
        for at in range(0, len(symbols), _SYMBOLS_PER_MESSAGE):
            part = symbols[at : at + _SYMBOLS_PER_MESSAGE]
            self._ask("subscribe", {"channel": "trade", "symbol": part, "snapshot": False})
            self._ask("subscribe", {"channel": "book", "symbol": part, **self._depth(), "snapshot": True})
        self._core.ctx.set_timer(_SUBSCRIBE_TIMER, now_ns + self._core.options.answer_timeout_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        for key in (_SUBSCRIBE_TIMER, _RESYNC_TIMER):
            self._core.ctx.cancel_timer(key)
        for instrument in self._by_symbol.values():
            instrument.interrupted(now_ns)

    def on_message(self, message: bytes, now_ns: int) -> None:
        if message.startswith(_BOOK_START):
            self._on_book(_decode_book(message), now_ns)
        elif message.startswith(_TRADE_START):
            self._on_trades(_decode_trades(message), now_ns)
        else:
            self._on_other(message, _decode(message), now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == _RESYNC_TIMER:
            self._resync(now_ns)
        elif key != _SUBSCRIBE_TIMER:
            self.link.on_timer(key.removeprefix(f"{STREAMS_LINK}:"), now_ns)
        elif self._unconfirmed and self.link.is_open:
            self.link.drop("no answer to the subscription", now_ns)

    # -- messages --------------------------------------------------------------------------------------------

    def _on_book(self, message: BookMessage, now_ns: int) -> None:
        for data in message.data:
            instrument = self._by_symbol.get(data.symbol)
            if instrument is None:
                self._core.count("message of an instrument that was not asked for")
                continue
            self.messages += 1
            if not instrument.on_book(message.type, data, now_ns):
                self._quarantine(instrument, now_ns)

    def _on_trades(self, message: TradeMessage, now_ns: int) -> None:
        for trade in message.data:
            instrument = self._by_symbol.get(trade.symbol)
            if instrument is None:
                self._core.count("message of an instrument that was not asked for")
                continue
            self.messages += 1
            told = parse.public_trade(trade, instrument.grid, now_ns)
            if told is None:
                self._core.count("trades without a side")
            else:
                self._core.emit(told, now_ns)

    def _on_other(self, raw: bytes, message: Message, now_ns: int) -> None:
        if message.channel == "book":
            self._on_book(_decode_book(raw), now_ns)
        elif message.channel == "trade":
            self._on_trades(_decode_trades(raw), now_ns)
        elif message.channel == "status":
            for status in _decode_status(message.data):
                self._core.system = status.system
        elif message.method == "subscribe":
            self._subscribed(message, now_ns)
        elif message.method == "unsubscribe":
            if not message.success:
                self._core.count("unsubscribe refused")
        elif message.method and message.error:
            raise VenueError(f"{message.method}: {message.error}")

    def _subscribed(self, message: Message, now_ns: int) -> None:
        """One answer per symbol. A failure names it at the top."""
        if not message.success and _ALREADY not in (message.error or "").lower():
            raise VenueError(f"subscription refused: {message.symbol or ''} {message.error or ''}")
        try:
            told = msgspec.json.decode(message.result, type=_Told) if message.success else _Told("", message.symbol)
        except DECODE_ERRORS:
            told = _Told("", message.symbol)
        for channel in (told.channel,) if told.channel else ("book", "trade"):
            self._unconfirmed.discard((channel, told.symbol or ""))
        if not self._unconfirmed:
            self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
            self.link.proven()

    # -- quarantine ------------------------------------------------------------------------------------------

    def _quarantine(self, instrument: _Instrument, now_ns: int) -> None:
        """End the subscription now and make it anew after a little, longer each time."""
        if instrument.resync_ns:
            return
        instrument.sync.interrupted()
        self._ask("unsubscribe", {"channel": "book", "symbol": [instrument.symbol], **self._depth()})
        delay_ns = min(_RESYNC_FIRST_NS << min(instrument.attempts, 16), _RESYNC_MAX_NS)
        instrument.attempts += 1
        instrument.asked_ns = 0
        instrument.resync_ns = now_ns + delay_ns
        self._arm(now_ns)

    def _resync(self, now_ns: int) -> None:
        """Ask for the snapshots that are due, and again for those that have not come."""
        for instrument in self._by_symbol.values():
            is_late = instrument.asked_ns and now_ns >= instrument.asked_ns + self._core.options.answer_timeout_ns
            if instrument.resync_ns and instrument.resync_ns <= now_ns:
                instrument.resync_ns, instrument.asked_ns = 0, now_ns
                self._ask("subscribe", {"channel": "book", "symbol": [instrument.symbol], **self._depth()})
            elif is_late:
                self._quarantine(instrument, now_ns)
        self._arm(now_ns)

    def _arm(self, now_ns: int) -> None:
        timeout_ns = self._core.options.answer_timeout_ns
        due = [each.resync_ns for each in self._by_symbol.values() if each.resync_ns]
        due += [each.asked_ns + timeout_ns for each in self._by_symbol.values() if each.asked_ns]
        if due:
            self._core.ctx.set_timer(_RESYNC_TIMER, max(min(due), now_ns + 1))

    def _depth(self) -> dict[str, object]:
        return {"depth": self._core.options.book_depth}

    def _ask(self, method: str, params: dict[str, object]) -> None:
        request = {"method": method, "params": params, "req_id": self._core.next_request_id()}
        self.link.send(msgspec.json.encode(request))


class _Told(msgspec.Struct, frozen=True):
    channel: str = ""
    symbol: str | None = None
