"""Market data: one combined stream of trades, best bids and offers and depth diffs; a local book per instrument.

A message on a combined stream is ``{"stream":"btcusdt@trade","data":{…}}``. Its name stands first, so it is cut out
without parsing, and tells how to decode the rest in one pass. A message that begins in another way is parsed twice.
"""

from collections.abc import Callable, Mapping

import msgspec

from adapters.binance import parse
from adapters.binance.core import SessionCore
from adapters.binance.depth import DepthObserver, DepthStep, DepthSync
from adapters.binance.messages import (
    BookTicker,
    BookTickerEnvelope,
    DepthEnvelope,
    DepthUpdate,
    Snapshot,
    StreamMessage,
    TradeEnvelope,
    TradeEvent,
)
from adapters.binance.rest import RestLink, RestQuestion
from adapters.binance.urls import REST_PATHS, BinanceEndpoints
from adapters.grid import InstrumentGrid
from adapters.links import WebSocketLink
from engine.book import OrderBook
from engine.errors import VenueError
from engine.instrument import NANOS
from engine.venue import BookChanged

__all__ = ["STREAMS_LINK", "MarketStreams"]

STREAMS_LINK = "session:streams"
_SUBSCRIBE_TIMER = f"{STREAMS_LINK}:subscribe"
_SUBSCRIBE_ID = 1
_STREAMS_PER_MESSAGE = 200
_MICROSECONDS = "?timeUnit=MICROSECOND"
_START = b'{"stream":"'
#: Wait before another snapshot when one was too old, doubling from the first to the second.
_SNAPSHOT_FIRST_NS, _SNAPSHOT_MAX_NS = NANOS // 2, 30 * NANOS

_decode_message = msgspec.json.Decoder(StreamMessage).decode
_decode_depth_envelope = msgspec.json.Decoder(DepthEnvelope).decode
_decode_trade_envelope = msgspec.json.Decoder(TradeEnvelope).decode
_decode_ticker_envelope = msgspec.json.Decoder(BookTickerEnvelope).decode
_decode_depth = msgspec.json.Decoder(DepthUpdate).decode
_decode_trade = msgspec.json.Decoder(TradeEvent).decode
_decode_ticker = msgspec.json.Decoder(BookTicker).decode
_decode_snapshot = msgspec.json.Decoder(Snapshot).decode

_Handler = Callable[[bytes, int], None]


class _Instrument:
    """One instrument's market data."""

    def __init__(
        self, core: SessionCore, rest: RestLink, grid: InstrumentGrid, book: OrderBook, observer: DepthObserver | None
    ) -> None:
        self._core, self._rest, self._grid, self._observer = core, rest, grid, observer
        self.instrument_id, self.symbol = grid.instrument_id, grid.instrument.symbol
        self._sync = DepthSync(grid.instrument_id, book, observer)
        self._book = book
        self._attempt = 0
        self._round = 0
        self._ticker_update_id = 0

    # -- messages --------------------------------------------------------------------------------------------

    def on_depth_envelope(self, message: bytes, now_ns: int) -> None:
        self.on_depth(_decode_depth_envelope(message).data, now_ns)

    def on_trade_envelope(self, message: bytes, now_ns: int) -> None:
        self.on_trade(_decode_trade_envelope(message).data, now_ns)

    def on_ticker_envelope(self, message: bytes, now_ns: int) -> None:
        self.on_ticker(_decode_ticker_envelope(message).data, now_ns)

    def on_depth(self, update: DepthUpdate, now_ns: int) -> None:
        self._check(update.s)
        try:
            diff = parse.depth_diff(update, self._grid, self._core.options.unit_ns)
        except VenueError as error:
            self._quarantine(str(error), now_ns)
            return
        step = self._sync.on_diff(diff)
        if step is DepthStep.APPLIED:
            self._changed(True, diff.venue_time_ns, now_ns)
        elif step is DepthStep.GAP:
            self._core.count("book gap")
            self._changed(False, diff.venue_time_ns, now_ns)
            self.ask_snapshot(now_ns)

    def on_trade(self, trade: TradeEvent, now_ns: int) -> None:
        self._check(trade.s)
        event = parse.public_trade(trade, self._grid, self._core.options.unit_ns, now_ns)
        self._core.emit(event, now_ns)
        if self._observer is not None:
            self._observer.on_other_message(self.instrument_id, self._book)

    def on_ticker(self, ticker: BookTicker, now_ns: int) -> None:
        """One that is older than the last is dropped."""
        self._check(ticker.s)
        quote = parse.quote(ticker, self._grid, now_ns)
        if ticker.u < self._ticker_update_id:
            self._core.count("book ticker out of order")
            return
        self._ticker_update_id = ticker.u
        if self._observer is not None:
            self._observer.on_book_ticker(
                self.instrument_id, ticker.u, quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots
            )
        self._core.emit(quote, now_ns)
        if self._observer is not None:
            self._observer.on_other_message(self.instrument_id, self._book)

    def _check(self, symbol: str) -> None:
        if symbol != self.symbol:
            raise VenueError(f"message of {symbol[:40]!r} on a stream of {self.symbol}")

    # -- the book --------------------------------------------------------------------------------------------

    def ask_snapshot(self, now_ns: int, delay_ns: int = 0) -> None:
        self._round += 1
        asked_in = self._round
        options = self._core.options

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            if asked_in == self._round:
                self._on_snapshot(body, answered_ns)

        question = RestQuestion(
            f"depth:{self.symbol}",
            REST_PATHS.depth,
            (("symbol", self.symbol), ("limit", options.snapshot_levels)),
            options.snapshot_weight,
            on_answer,
            _told_by_the_rest_link,
            not_before_ns=now_ns + delay_ns,
        )
        self._rest.ask(question, now_ns)

    def interrupted(self, now_ns: int) -> None:
        """The stream is down: what it has told is the past."""
        self._ticker_update_id = 0
        self._give_up(now_ns)

    def _quarantine(self, reason: str, now_ns: int) -> None:
        """What came cannot be right: this book is made anew, every other goes on."""
        self._core.count("books quarantined")
        self._core.ctx.log("book quarantined", symbol=self.symbol, reason=reason)
        self._give_up(now_ns)
        self._ask_snapshot_later(now_ns)

    def _give_up(self, now_ns: int) -> None:
        was_valid = self._sync.valid
        self._sync.restart()
        self._round += 1
        self._rest.forget(f"depth:{self.symbol}")
        if was_valid:
            self._changed(False, 0, now_ns)

    def _ask_snapshot_later(self, now_ns: int) -> None:
        delay_ns = min(_SNAPSHOT_FIRST_NS << min(self._attempt, 16), _SNAPSHOT_MAX_NS)
        self._attempt += 1
        self.ask_snapshot(now_ns, delay_ns)

    def _on_snapshot(self, body: bytes, now_ns: int) -> None:
        step = self._sync.on_snapshot(parse.depth_snapshot(_decode_snapshot(body), self._grid))
        if step is DepthStep.APPLIED:
            self._attempt = 0
            self._changed(True, 0, now_ns)
        elif step is DepthStep.TOO_OLD:
            self._ask_snapshot_later(now_ns)

    def _changed(self, valid: bool, venue_time_ns: int, now_ns: int) -> None:
        event = BookChanged(self.instrument_id, valid, self._book.update_id, venue_time_ns, now_ns)
        self._core.emit(event, now_ns)


class MarketStreams:
    """Owner of the link ``session:streams``."""

    def __init__(
        self,
        core: SessionCore,
        rest: RestLink,
        endpoints: BinanceEndpoints,
        books: Mapping[int, OrderBook],
        observer: DepthObserver | None,
    ) -> None:
        self._core, self._rest, self._books, self._observer = core, rest, books, observer
        path = endpoints.streams_path + (_MICROSECONDS if core.options.time_unit == "MICROSECOND" else "")
        self.link = WebSocketLink(core, STREAMS_LINK, endpoints.streams, path, self)
        self._instruments: list[_Instrument] = []
        self._by_stream: dict[bytes, _Handler] = {}
        self._plainly: dict[str, Callable[[msgspec.Raw, int], None]] = {}
        self._unconfirmed: set[int] = set()
        #: Market messages of our instruments taken so far, whatever they told.
        self.messages = 0

    def define(self, grid: InstrumentGrid) -> None:
        """Add an instrument. Before the link is opened."""
        instrument = _Instrument(self._core, self._rest, grid, self._books[grid.instrument_id], self._observer)
        self._instruments.append(instrument)
        name = instrument.symbol.lower()
        self._by_stream[f"{name}@depth@100ms".encode()] = instrument.on_depth_envelope
        self._by_stream[f"{name}@trade".encode()] = instrument.on_trade_envelope
        self._by_stream[f"{name}@bookTicker".encode()] = instrument.on_ticker_envelope
        self._plainly[f"{name}@depth@100ms"] = lambda data, now_ns: instrument.on_depth(_decode_depth(data), now_ns)
        self._plainly[f"{name}@trade"] = lambda data, now_ns: instrument.on_trade(_decode_trade(data), now_ns)
        self._plainly[f"{name}@bookTicker"] = lambda data, now_ns: instrument.on_ticker(_decode_ticker(data), now_ns)

    def close(self, now_ns: int) -> None:
        """Close for good."""
        self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
        self.link.close(now_ns)

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        names = list(self._plainly)
        self._unconfirmed.clear()
        for number, at in enumerate(range(0, len(names), _STREAMS_PER_MESSAGE), _SUBSCRIBE_ID):
            params = names[at : at + _STREAMS_PER_MESSAGE]
            self._unconfirmed.add(number)
            self.link.send(msgspec.json.encode({"method": "SUBSCRIBE", "params": params, "id": number}))
        self._core.ctx.set_timer(_SUBSCRIBE_TIMER, now_ns + self._core.options.answer_timeout_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
        for instrument in self._instruments:
            instrument.interrupted(now_ns)

    def on_message(self, message: bytes, now_ns: int) -> None:
        if message.startswith(_START):
            stop = message.find(b'"', len(_START))
            handler = self._by_stream.get(message[len(_START) : stop])
            if handler is not None:
                self.messages += 1
                handler(message, now_ns)
                return
        self._on_other(_decode_message(message), now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key != _SUBSCRIBE_TIMER:
            self.link.on_timer(key.removeprefix(f"{STREAMS_LINK}:"), now_ns)
        elif self._unconfirmed and self.link.is_open:
            self.link.drop("no answer to the subscription", now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _on_other(self, message: StreamMessage, now_ns: int) -> None:
        """What is not a market event with its name in front."""
        if message.stream == "!serverShutdown" or message.e == "serverShutdown":
            self.link.drop("the venue's server shuts down", now_ns, 0)
        elif message.stream:
            handler = self._plainly.get(message.stream)
            if handler is not None:
                self.messages += 1
                handler(message.data, now_ns)
            else:
                self._core.count("message of a stream that was not asked for")
        elif message.error is not None or message.code:
            code, text = (message.error.code, message.error.msg) if message.error else (message.code, message.msg)
            raise VenueError(f"stream error {code} {text}")
        elif isinstance(message.id, int):
            self._confirmed(message.id, now_ns)

    def _confirmed(self, number: int, now_ns: int) -> None:
        """All streams flow once the last subscription is confirmed: only now is a snapshot sure to meet them."""
        if number not in self._unconfirmed:
            return
        self._unconfirmed.discard(number)
        if self._unconfirmed:
            return
        self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
        self.link.proven()
        for instrument in self._instruments:
            instrument.ask_snapshot(now_ns)


def _told_by_the_rest_link(text: str, code: int, now_ns: int) -> None:
    """A snapshot that failed is asked for again by the REST link itself."""
