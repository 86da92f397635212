"""The public channels: book with its checksum, trade, ticker, instrument.

Books are compared with what was last sent (``BookFeed``), one comparison per pair and depth for all subscribers.
"""

from binascii import crc32
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from adapters.simulator.book_feed import BookFeed, Levels
from adapters.simulator.encoding import encode_json
from adapters.simulator.kraken.encoding import number, time_text
from adapters.simulator.kraken.tickers import Ticker
from adapters.simulator.listing import Listing
from adapters.simulator.public_trades import PublicTrade
from adapters.simulator.websocket_server import text_frame
from engine.codes import Side
from engine.instrument import decimal_text

__all__ = ["DEPTHS", "Key", "PublicFeed", "checksum"]

DEPTHS = (10, 25, 100, 500, 1000)
_CHECKED = 10
_TRADES_REMEMBERED = 1_000
_SNAPSHOT_TRADES = 50

#: (channel, symbol or "", depth or event trigger or "")
Key = tuple[str, str, int | str]


def checksum(listing: Listing, bids: Levels, asks: Levels) -> int:
    """CRC-32 over the best ten of each side: asks upwards, then bids downwards, each price and quantity with all its
    decimals but without point and leading zeros."""
    instrument = listing.instrument
    parts = [
        f"{price * instrument.tick_units}{lots * instrument.lot_units}"
        for levels in (asks, bids)
        for price, lots in levels[:_CHECKED]
    ]
    return crc32("".join(parts).encode())


class PublicFeed:
    """Who follows what, and the messages. ``send_frame(link, frame)`` is the port's."""

    def __init__(self, listings: Mapping[str, Listing], send_frame: Callable[[str, bytes], None]) -> None:
        self._listings, self._send_frame = listings, send_frame
        self._links: dict[Key, dict[str, None]] = {}
        self._books: dict[tuple[str, int], BookFeed] = {}
        self._tickers = {symbol: Ticker(listing) for symbol, listing in listings.items()}
        self._trades: dict[str, deque[PublicTrade]] = {symbol: deque(maxlen=_TRADES_REMEMBERED) for symbol in listings}
        self.messages: dict[str, int] = {}

    # -- subscribing --------------------------------------------------------------------------------------------

    def has(self, link: str, key: Key) -> bool:
        return link in self._links.get(key, {})

    def follows_anything(self, link: str) -> bool:
        return any(link in links for links in self._links.values())

    @property
    def has_followers(self) -> bool:
        """Whether anybody follows a market, not only the list of them."""
        return any(channel != "instrument" for channel, _, _ in self._links)

    def subscribe(self, link: str, key: Key, with_snapshot: bool, wall_ns: int) -> None:
        channel, symbol, detail = key
        if channel == "book" and (symbol, int(detail)) not in self._books:
            self._books[symbol, int(detail)] = BookFeed(self._listings[symbol].market, int(detail))
        elif channel == "book":
            self._send_book(symbol, int(detail), wall_ns)  # the others' news first: the snapshot is of now
        self._links.setdefault(key, {})[link] = None
        if with_snapshot:
            self._send((link,), channel, symbol, self._snapshot(key, wall_ns))

    def unsubscribe(self, link: str, key: Key) -> bool:
        links = self._links.get(key, {})
        if link not in links:
            return False
        del links[link]
        if not links:
            del self._links[key]
            if key[0] == "book":
                del self._books[key[1], int(key[2])]
        return True

    def forget(self, link: str) -> None:
        for key in [key for key, links in self._links.items() if link in links]:
            self.unsubscribe(link, key)

    # -- telling ------------------------------------------------------------------------------------------------

    def traded(self, symbol: str, trades: Sequence[PublicTrade], wall_ns: int) -> None:
        """New public trades of one pair."""
        self._trades[symbol].extend(trades)
        for trade in trades:
            self._tickers[symbol].traded(trade)
        rows = [_trade_row(self._listings[symbol], trade) for trade in trades]
        self._send(self._links.get(("trade", symbol, ""), ()), "trade", symbol, _message("trade", "update", rows))
        self._send_ticker(symbol, "trades", wall_ns)

    def book_changed(self, symbol: str, wall_ns: int) -> None:
        """The pair's book may have changed: tell who follows it what has."""
        for known, depth in self._books:
            if known == symbol:
                self._send_book(symbol, depth, wall_ns)
        key: Key = ("ticker", symbol, "bbo")
        if key in self._links and self._tickers[symbol].best_changed():
            self._send_ticker(symbol, "bbo", wall_ns)

    def status_changed(self) -> None:
        """A pair was halted or opened: tell who follows the instruments."""
        for (channel, _, detail), links in list(self._links.items()):
            if channel == "instrument":
                self._send(links, channel, str(detail), _instruments("update", self._listings))

    def recent_trades(self, symbol: str, limit: int) -> list[PublicTrade]:
        return list(self._trades[symbol])[-limit:] if limit else []

    def ticker(self, symbol: str) -> Ticker:
        return self._tickers[symbol]

    # -- messages -----------------------------------------------------------------------------------------------

    def _snapshot(self, key: Key, wall_ns: int) -> bytes:
        channel, symbol, detail = key
        if channel == "instrument":
            return _instruments("snapshot", self._listings)
        listing = self._listings[symbol]
        if channel == "book":
            book = self._books[symbol, int(detail)]
            return self._book_message(listing, book, "snapshot", book.bids, book.asks, wall_ns)
        if channel == "trade":
            rows = [_trade_row(listing, trade) for trade in self.recent_trades(symbol, _SNAPSHOT_TRADES)]
            return _message("trade", "snapshot", rows)
        return _message("ticker", "snapshot", [self._tickers[symbol].row(wall_ns)])

    def _send_book(self, symbol: str, depth: int, wall_ns: int) -> None:
        book, listing = self._books[symbol, depth], self._listings[symbol]
        bids, asks = book.changes()
        if bids or asks:
            message = self._book_message(listing, book, "update", bids, asks, wall_ns)
            self._send(self._links.get(("book", symbol, depth), ()), "book", symbol, message)

    @staticmethod
    def _book_message(listing: Listing, book: BookFeed, kind: str, bids: Levels, asks: Levels, wall_ns: int) -> bytes:
        row = {
            "symbol": listing.symbol,
            "bids": _levels(listing, bids),
            "asks": _levels(listing, asks),
            "checksum": checksum(listing, book.bids, book.asks),
            "timestamp": time_text(wall_ns),
        }
        return _message("book", kind, [row])

    def _send_ticker(self, symbol: str, trigger: str, wall_ns: int) -> None:
        links = self._links.get(("ticker", symbol, trigger), ())
        if links:
            self._send(links, "ticker", symbol, _message("ticker", "update", [self._tickers[symbol].row(wall_ns)]))

    def _send(self, links: Mapping[str, None] | Sequence[str], channel: str, symbol: str, message: bytes) -> None:
        if not links:
            return
        name = f"{channel}:{symbol}"
        self.messages[name] = self.messages.get(name, 0) + len(links)
        frame = text_frame(message)
        for link in list(links):
            self._send_frame(link, frame)


def _message(channel: str, kind: str, rows: object) -> bytes:
    return encode_json({"channel": channel, "type": kind, "data": rows})


def _levels(listing: Listing, levels: Levels) -> list[dict[str, object]]:
    return [
        {"price": number(listing.price_text(price)), "qty": number(listing.quantity_text(lots))}
        for price, lots in levels
    ]


def _trade_row(listing: Listing, trade: PublicTrade) -> dict[str, object]:
    return {
        "symbol": listing.symbol,
        "side": "buy" if trade.aggressor is Side.BUY else "sell",
        "price": number(listing.price_text(trade.price_ticks)),
        "qty": number(listing.quantity_text(trade.quantity_lots)),
        "ord_type": "limit",
        "trade_id": trade.trade_id,
        "timestamp": time_text(trade.wall_ns),
    }


def _instruments(kind: str, listings: Mapping[str, Listing]) -> bytes:
    assets = sorted({asset for listing in listings.values() for asset in (listing.base, listing.quote)})
    data = {
        "assets": [
            {"id": asset, "status": "enabled", "precision": 10, "precision_display": 5, "borrowable": False}
            for asset in assets
        ],
        "pairs": [_pair(listing) for listing in listings.values()],
    }
    return _message("instrument", kind, data)


def _pair(listing: Listing) -> dict[str, object]:
    instrument = listing.instrument
    tick = number(listing.price_text(1))
    return {
        "symbol": listing.symbol,
        "base": listing.base,
        "quote": listing.quote,
        "status": "online" if listing.is_trading else "cancel_only",
        "qty_precision": instrument.quantity_scale,
        "qty_increment": number(listing.quantity_text(1)),
        "price_precision": instrument.price_scale,
        "cost_precision": listing.cost_decimals,
        "marginable": False,
        "has_index": False,
        "cost_min": number(decimal_text(listing.cost_nanos(1, instrument.notional_tick_lots_min), 9)),
        "tick_size": tick,
        "price_increment": tick,
        "qty_min": number(listing.quantity_text(max(1, instrument.quantity_lots_min))),
    }
