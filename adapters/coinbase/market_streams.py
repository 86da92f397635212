"""Market data: books and public trades, a few products per connection (the venue refuses too many books on one).

A book comes whole when it is subscribed to, then by absolute levels. There is no checksum: a book is right as long as
no message of its connection is missing. After a gap every book of the connection is subscribed to again; after a
message that cannot be right, only the book that it is about (*quarantine*). The feed itself goes on.

The best bid and offer are the book's own: the venue's ticker tells them only when there was a trade.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from adapters.coinbase import parse
from adapters.coinbase.channels import ChannelReader, Continuity, subscription
from adapters.coinbase.core import SessionCore
from adapters.coinbase.messages import BookEvent, BookSide, PublicTrade, SocketMessage, TradeEvent
from adapters.coinbase.times import venue_ns
from adapters.coinbase.urls import CoinbaseEndpoints
from adapters.grid import InstrumentGrid
from adapters.links import WebSocketLink
from engine.book import OrderBook
from engine.codes import Side
from engine.errors import VenueError
from engine.instrument import NANOS
from engine.messages import Quote
from engine.venue import BookChanged

__all__ = ["STREAMS_LINK", "BookObserver", "MarketStreams"]

STREAMS_LINK = "session:streams"
_OPEN, _SUBSCRIBE, _RESYNC = "open", "subscribe", "resync"
_RESYNC_FIRST_NS, _RESYNC_MAX_NS = NANOS // 2, 30 * NANOS
#: Connections are opened one after the other: the venue takes eight messages a second from one address.
_STAGGER_NS = NANOS // 2

_decode_books = msgspec.json.Decoder(tuple[BookEvent, ...]).decode
_decode_trades = msgspec.json.Decoder(tuple[TradeEvent, ...]).decode


class BookObserver(Protocol):
    """Sees what a book is built from, right after the book has taken it: ``engine.book_audit.BookAudit``."""

    def on_snapshot(
        self, instrument_id: int, update_id: int, bids: parse.Levels, asks: parse.Levels, book: OrderBook
    ) -> None: ...

    def on_diff(
        self, instrument_id: int, update_id: int, bids: parse.Levels, asks: parse.Levels, book: OrderBook
    ) -> None: ...

    def on_other_message(self, instrument_id: int, book: OrderBook) -> None: ...


class _Instrument:
    """One instrument's book. ``product`` is the one whose data it shares: the venue sends those of BTC-USD for
    BTC-USDC."""

    def __init__(
        self, core: SessionCore, grid: InstrumentGrid, product: str, book: OrderBook, observer: BookObserver | None
    ) -> None:
        self._core, self.grid, self.product, self._book, self._observer = core, grid, product, book, observer
        self.instrument_id = grid.instrument_id
        self.is_valid = False
        self._best = (0, 0, 0, 0)

    def on_snapshot(self, event: BookEvent, time_ns: int, now_ns: int) -> None:
        bids, asks = self._levels(event)
        book = self._book
        book.clear()
        self._put(bids, asks)
        self.is_valid = True
        if self._observer is not None:
            self._observer.on_snapshot(self.instrument_id, book.update_id, bids, asks, book)
        self._changed(time_ns, now_ns)

    def on_update(self, event: BookEvent, time_ns: int, now_ns: int) -> None:
        """Ignored until the snapshot has come."""
        if not self.is_valid:
            return
        bids, asks = self._levels(event)
        self._put(bids, asks)
        if self._observer is not None:
            self._observer.on_diff(self.instrument_id, self._book.update_id, bids, asks, self._book)
        self._changed(time_ns, now_ns)

    def invalidate(self, now_ns: int) -> None:
        if self.is_valid:
            self.is_valid = False
            self._best = (0, 0, 0, 0)
            self._core.emit(BookChanged(self.instrument_id, False, self._book.update_id, 0, now_ns), now_ns)

    def on_trade(self) -> None:
        if self._observer is not None:
            self._observer.on_other_message(self.instrument_id, self._book)

    def _levels(self, event: BookEvent) -> tuple[parse.Levels, parse.Levels]:
        bids = parse.levels(event.updates, BookSide.BID, self.grid)
        return bids, parse.levels(event.updates, BookSide.OFFER, self.grid)

    def _put(self, bids: parse.Levels, asks: parse.Levels) -> None:
        for side, (ticks, lots) in ((Side.BUY, bids), (Side.SELL, asks)):
            if len(ticks):
                self._book.apply(side, ticks, lots, len(ticks))
        self._book.update_id += 1  # the venue numbers messages of a connection, not updates of a book

    def _changed(self, time_ns: int, now_ns: int) -> None:
        """A crossed book cannot be: something was missed that the sequence does not show."""
        bid_ticks, bid_lots, ask_ticks, ask_lots = best = self._book.best()
        if bid_lots and ask_lots and bid_ticks >= ask_ticks:
            raise VenueError(f"{self.grid.instrument.symbol}: the book is crossed")
        self._core.emit(BookChanged(self.instrument_id, True, self._book.update_id, time_ns, now_ns), now_ns)
        if best != self._best:
            self._best = best
            quote = Quote(
                self.instrument_id, bid_ticks, bid_lots, ask_ticks, ask_lots, self._book.update_id, time_ns, now_ns
            )
            self._core.emit(quote, now_ns)


class _StreamLink:
    """Owner of one connection and the products on it."""

    def __init__(self, streams: "MarketStreams", core: SessionCore, name: str, endpoints: CoinbaseEndpoints) -> None:
        self._streams, self._core, self.name = streams, core, name
        self.link = WebSocketLink(core, name, endpoints.streams, endpoints.streams_path, self)
        self._reader = ChannelReader(core, STREAMS_LINK)
        self.products: dict[str, list[_Instrument]] = {}
        self._unconfirmed: set[str] = set()
        self._resync: dict[str, None] = {}
        self._resync_ns = _RESYNC_FIRST_NS

    def close(self, now_ns: int) -> None:
        for what in (_OPEN, _SUBSCRIBE, _RESYNC):
            self._core.ctx.cancel_timer(f"{self.name}:{what}")
        self.link.close(now_ns)

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        self._reader.begin()
        self._resync.clear()
        products = list(self.products)
        self.link.send(subscription("subscribe", "heartbeats", [], ""))
        self.link.send(subscription("subscribe", "level2", products, ""))
        self.link.send(subscription("subscribe", "market_trades", products, ""))
        self._unconfirmed = set(products)
        self._core.ctx.set_timer(f"{self.name}:{_SUBSCRIBE}", now_ns + self._core.options.answer_timeout_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        for what in (_SUBSCRIBE, _RESYNC):
            self._core.ctx.cancel_timer(f"{self.name}:{what}")
        self._invalidate(list(self.products), now_ns)

    def on_message(self, message: bytes, now_ns: int) -> None:
        decoded, continuity = self._reader.read(message)
        if continuity is Continuity.OLD:
            return
        if continuity is Continuity.GAP:
            self._core.count("book gap")
            self._ask_again(list(self.products), now_ns)
        if decoded.channel == "l2_data":
            self._on_books(decoded, now_ns)
        elif decoded.channel == "market_trades":
            self._on_trades(decoded, now_ns)
        elif decoded.channel == "heartbeats":
            self._reader.on_heartbeat(decoded)
        elif decoded.type == "error":
            raise VenueError(f"market data refused: {decoded.message[:200]}")

    def on_timer(self, what: str, now_ns: int) -> None:
        if what == _OPEN:
            self.link.open(now_ns)
        elif what == _SUBSCRIBE:
            if self._unconfirmed and self.link.is_open:
                self.link.drop(f"no book of {sorted(self._unconfirmed)[0]}", now_ns)
        elif what == _RESYNC:
            self._subscribe_again(now_ns)
        else:
            self.link.on_timer(what, now_ns)

    # -- books -----------------------------------------------------------------------------------------------

    def _on_books(self, message: SocketMessage, now_ns: int) -> None:
        time_ns = venue_ns(message.timestamp)
        for event in _decode_books(message.events):
            instruments = self.products.get(event.product_id)
            if instruments is None:
                self._core.count("message of a product that was not asked for")
                continue
            self._streams.messages += 1
            try:
                for each in instruments:
                    if event.type == "snapshot":
                        each.on_snapshot(event, time_ns, now_ns)
                    else:
                        each.on_update(event, time_ns, now_ns)
            except VenueError as error:
                self._core.count("books quarantined")
                self._core.ctx.log("book quarantined", product=event.product_id, reason=str(error))
                self._ask_again([event.product_id], now_ns)
                continue
            if event.type == "snapshot":
                self._has_come(event.product_id)

    def _has_come(self, product: str) -> None:
        self._unconfirmed.discard(product)
        if not self._unconfirmed:
            self._core.ctx.cancel_timer(f"{self.name}:{_SUBSCRIBE}")
            self._resync_ns = _RESYNC_FIRST_NS
            self.link.proven()

    def _invalidate(self, products: list[str], now_ns: int) -> None:
        for product in products:
            for each in self.products[product]:
                each.invalidate(now_ns)

    def _ask_again(self, products: list[str], now_ns: int) -> None:
        """These books are wrong: a new snapshot of each, soon, and later each time that it happens again."""
        self._invalidate(products, now_ns)
        if not self._resync:
            self._core.ctx.set_timer(f"{self.name}:{_RESYNC}", now_ns + self._resync_ns)
            self._resync_ns = min(2 * self._resync_ns, _RESYNC_MAX_NS)
        self._resync.update(dict.fromkeys(products))

    def _subscribe_again(self, now_ns: int) -> None:
        products = list(self._resync)
        self._resync.clear()
        if not products or not self.link.is_open:
            return
        self._invalidate(products, now_ns)
        self.link.send(subscription("unsubscribe", "level2", products, ""))
        self.link.send(subscription("subscribe", "level2", products, ""))
        self._unconfirmed.update(products)
        self._core.ctx.set_timer(f"{self.name}:{_SUBSCRIBE}", now_ns + self._core.options.answer_timeout_ns)

    # -- trades ----------------------------------------------------------------------------------------------

    def _on_trades(self, message: SocketMessage, now_ns: int) -> None:
        """Newest first within a message. What a snapshot tells has been before we came."""
        for event in _decode_trades(message.events):
            if event.type == "snapshot":
                continue
            for public in reversed(event.trades):
                for each in self.products.get(public.product_id, ()):
                    self._streams.messages += 1
                    self._on_trade(each, public, now_ns)

    def _on_trade(self, instrument: _Instrument, public: PublicTrade, now_ns: int) -> None:
        trade = parse.public_trade(public, instrument.grid, now_ns)
        if trade is None:
            self._core.count("trades without a side")
            return
        self._core.emit(trade, now_ns)
        instrument.on_trade()


class MarketStreams:
    """All market data connections, ``session:streams:0`` and so on."""

    def __init__(
        self,
        core: SessionCore,
        endpoints: CoinbaseEndpoints,
        books: Mapping[int, OrderBook],
        observer: BookObserver | None,
    ) -> None:
        self._core, self._endpoints, self._books, self._observer = core, endpoints, books, observer
        self._links: dict[str, _StreamLink] = {}
        #: Book updates and trades of our instruments taken so far.
        self.messages = 0

    def define(self, grid: InstrumentGrid, product: str) -> None:
        """Add an instrument, whose data come under the name ``product``. Before the links are opened."""
        instrument = _Instrument(self._core, grid, product, self._books[grid.instrument_id], self._observer)
        for link in self._links.values():
            if product in link.products:
                link.products[product].append(instrument)
                return
        last = list(self._links.values())[-1] if self._links else None
        if last is None or len(last.products) >= self._core.options.products_per_link:
            name = f"{STREAMS_LINK}:{len(self._links)}"
            last = self._links[name] = _StreamLink(self, self._core, name, self._endpoints)
        last.products[product] = [instrument]

    def open(self, now_ns: int) -> None:
        for number, (name, link) in enumerate(self._links.items()):
            if number:
                self._core.ctx.set_timer(f"{name}:{_OPEN}", now_ns + number * _STAGGER_NS)
            else:
                link.link.open(now_ns)

    def close(self, now_ns: int) -> None:
        """Close for good."""
        for link in self._links.values():
            link.close(now_ns)

    def link(self, name: str) -> WebSocketLink | None:
        link = self._links.get(name)
        return link.link if link is not None else None

    def on_timer(self, key: str, now_ns: int) -> None:
        name, _, what = key.rpartition(":")
        link = self._links.get(name)
        if link is not None:
            link.on_timer(what, now_ns)
