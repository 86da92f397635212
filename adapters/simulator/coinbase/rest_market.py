"""REST without a key (and, with one, the same): time, products, books, trades, candles."""

from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.encoding import micros_text
from adapters.simulator.coinbase.errors import argument, not_found
from adapters.simulator.coinbase.market_feed import trade_row
from adapters.simulator.coinbase.products import product
from adapters.simulator.coinbase.rest_request import Query
from adapters.simulator.listing import Listing
from adapters.simulator.market import Level
from engine.instrument import NANOS, decimal_text, plain

__all__ = ["best_bid_ask", "candles", "one_product", "product_book", "products", "ticker", "time"]

_LEVELS_MAX = 1_000
_TRADES_MAX = 100
_CANDLES_MAX = 350
_PRODUCTS_MAX = 10_000
_GRANULARITIES = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1_800,
    "ONE_HOUR": 3_600,
    "TWO_HOUR": 7_200,
    "FOUR_HOUR": 14_400,
    "SIX_HOUR": 21_600,
    "ONE_DAY": 86_400,
}


def time(venue: Venue) -> object:
    return {
        "iso": micros_text(venue.wall_ns)[:19] + "Z",
        "epochSeconds": str(venue.wall_ns // NANOS),
        "epochMillis": str(venue.wall_ns // 1_000_000),
    }


def _listing(venue: Venue, symbol: str) -> Listing:
    listing = venue.exchange.listings.get(symbol)
    if listing is None:
        raise not_found(f"Product {symbol} not supported")
    return listing


def products(venue: Venue, query: Query) -> object:
    """Those named, or all; names that are not listed are left out."""
    query.allow(("product_ids", "product_type", "limit", "offset", "cursor", "get_tradability_status"))
    wanted = query.texts("product_ids")
    found = [listing for symbol, listing in venue.exchange.listings.items() if not wanted or symbol in wanted]
    if query.text("product_type") not in ("", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
        found = []
    start = query.number("offset")
    page = found[start : start + query.count("limit", _PRODUCTS_MAX, _PRODUCTS_MAX)]
    return {"products": [product(each, venue.market.days[each.symbol]) for each in page], "num_products": len(page)}


def one_product(venue: Venue, query: Query) -> object:
    query.allow(("get_tradability_status",))
    listing = _listing(venue, query.part)
    return product(listing, venue.market.days[listing.symbol])


def product_book(venue: Venue, query: Query) -> object:
    query.allow(("product_id", "limit"))
    listing = _listing(venue, query.text("product_id"))
    book = _pricebook(venue, listing, query.count("limit", _LEVELS_MAX, _LEVELS_MAX))
    last = venue.market.days[listing.symbol].last_ticks or listing.market.last_trade_ticks
    bid, _, ask, _ = listing.market.best()
    answer: dict[str, object] = {"pricebook": book, "last": plain(listing.price_text(last)) if last else ""}
    if bid and ask:
        spread = ask - bid
        middle = decimal_text((bid + ask) * listing.instrument.tick_units * 5, listing.instrument.price_scale + 1)
        answer |= {
            "mid_market": plain(middle),
            "spread_bps": plain(decimal_text(spread * 2 * 10_000 * 10**8 // (bid + ask), 8)),
            "spread_absolute": plain(listing.price_text(spread)),
        }
    return answer


def best_bid_ask(venue: Venue, credential: Credential, query: Query) -> object:
    query.allow(("product_ids",))
    symbols = query.texts("product_ids") or list(venue.exchange.listings)
    return {"pricebooks": [_pricebook(venue, _listing(venue, symbol), 1) for symbol in symbols]}


def _pricebook(venue: Venue, listing: Listing, limit: int) -> dict[str, object]:
    _, bids, asks = listing.market.snapshot(limit)

    def rows(levels: tuple[Level, ...]) -> list[dict[str, str]]:
        return [
            {"price": plain(listing.price_text(price)), "size": plain(listing.quantity_text(lots))}
            for price, lots in levels
        ]

    return {
        "product_id": listing.symbol,
        "bids": rows(bids),
        "asks": rows(asks),
        "time": micros_text(venue.wall_ns),
    }


def ticker(venue: Venue, query: Query) -> object:
    """The latest trades, newest first."""
    query.allow(("limit", "start", "end"))
    listing = _listing(venue, query.part)
    trades = venue.market.recent_trades(listing.symbol, query.count("limit", _TRADES_MAX, _TRADES_MAX))
    start_ns, end_ns = query.number("start") * NANOS, query.number("end") * NANOS
    bid, _, ask, _ = listing.market.best()
    rows = [
        {**trade_row(listing, trade), "bid": "", "ask": "", "exchange": "CBE"}
        for trade in reversed(trades)
        if start_ns <= trade.wall_ns and (not end_ns or trade.wall_ns <= end_ns)
    ]
    return {
        "trades": rows,
        "best_bid": plain(listing.price_text(bid)) if bid else "",
        "best_ask": plain(listing.price_text(ask)) if ask else "",
    }


def candles(venue: Venue, query: Query) -> object:
    """Newest first."""
    query.allow(("start", "end", "granularity", "limit"))
    listing = _listing(venue, query.part)
    length_s = _GRANULARITIES.get(query.text("granularity"))
    if length_s is None:
        raise argument("granularity is not one of the venue's")
    start_s, end_s = query.number("start"), query.number("end")
    if (end_s - start_s) // length_s > _CANDLES_MAX:
        raise argument(f"number of candles requested should be less than {_CANDLES_MAX}")
    found = [each for each in venue.market.candles[listing.symbol].of(length_s) if start_s <= each.start_s <= end_s]
    limit = query.count("limit", _CANDLES_MAX, _CANDLES_MAX)
    return {"candles": [each.row(listing) for each in found[::-1][:limit]]}
