"""REST without a key: time, status, pairs, assets, and market data."""

from collections.abc import Callable, Mapping

from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import number, rfc1123, seconds_text
from adapters.simulator.kraken.errors import UNKNOWN_PAIR, ApiError, invalid
from adapters.simulator.kraken.fees import percent_text
from adapters.simulator.kraken.names import alternative_name, rest_asset
from adapters.simulator.kraken.order_entry import rest_integer
from adapters.simulator.listing import Listing
from engine.codes import Side
from engine.instrument import NANOS, decimal_text, plain

__all__ = ["PUBLIC", "Form", "listings_named"]

Form = Mapping[str, str]
_DEPTH_MAX = 500
_TRADES_MAX = 1_000


def listings_named(venue: Venue, names: str | None) -> list[Listing]:
    """The pairs of a comma list, or all. Raises ApiError for one that is not listed."""
    if not names:
        return list(venue.exchange.listings.values())
    symbols = [venue.names.symbol(name) for name in names.split(",")]
    if None in symbols:
        raise ApiError(UNKNOWN_PAIR)
    return [venue.exchange.listings[symbol] for symbol in symbols if symbol is not None]


def _one(venue: Venue, form: Form) -> Listing:
    if not form.get("pair"):
        raise invalid("pair")
    return listings_named(venue, form["pair"])[0]


def _time(venue: Venue, form: Form) -> object:
    return {"unixtime": venue.wall_ns // NANOS, "rfc1123": rfc1123(venue.wall_ns)}


def _status(venue: Venue, form: Form) -> object:
    return {"status": venue.system, "timestamp": seconds_text(venue.wall_ns)}


def _asset_pairs(venue: Venue, form: Form) -> object:
    return {venue.names[x.symbol].rest_id: _pair(venue, x) for x in listings_named(venue, form.get("pair"))}


def _pair(venue: Venue, listing: Listing) -> dict[str, object]:
    instrument, names = listing.instrument, venue.names[listing.symbol]
    account = next(iter(venue.exchange.accounts))
    return {
        "altname": names.altname,
        "wsname": names.wsname,
        "aclass_base": "currency",
        "base": rest_asset(listing.base),
        "aclass_quote": "currency",
        "quote": rest_asset(listing.quote),
        "lot": "unit",
        "cost_decimals": listing.cost_decimals,
        "pair_decimals": instrument.price_scale,
        "lot_decimals": instrument.quantity_scale,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, number(percent_text(account.taker_fee_ppm))]],
        "fees_maker": [[0, number(percent_text(account.maker_fee_ppm))]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(listing.quantity_text(max(1, instrument.quantity_lots_min))),
        "costmin": plain(decimal_text(listing.cost_nanos(1, instrument.notional_tick_lots_min), 9)),
        "tick_size": plain(listing.price_text(1)),
        "status": "online" if listing.is_trading else "cancel_only",
    }


def _assets(venue: Venue, form: Form) -> object:
    assets = sorted({asset for x in venue.exchange.listings.values() for asset in (x.base, x.quote)})
    return {
        rest_asset(asset): {
            "aclass": "currency",
            "altname": alternative_name(asset),
            "decimals": 10,
            "display_decimals": 5,
            "status": "enabled",
        }
        for asset in assets
    }


def _depth(venue: Venue, form: Form) -> object:
    listing = _one(venue, form)
    count = rest_integer(form, "count") if "count" in form else 100
    _, bids, asks = listing.market.snapshot(max(1, min(count, _DEPTH_MAX)))
    seconds = venue.wall_ns // NANOS
    sides = {
        name: [[listing.price_text(price), listing.quantity_text(lots), seconds] for price, lots in levels]
        for name, levels in (("asks", asks), ("bids", bids))
    }
    return {venue.names[listing.symbol].rest_id: sides}


def _trades(venue: Venue, form: Form) -> object:
    listing = _one(venue, form)
    since_ns = rest_integer(form, "since") if "since" in form else 0
    count = rest_integer(form, "count") if "count" in form else _TRADES_MAX
    found = [t for t in venue.public.recent_trades(listing.symbol, _TRADES_MAX) if t.wall_ns > since_ns][:count]
    rows = [
        [
            listing.price_text(trade.price_ticks),
            listing.quantity_text(trade.quantity_lots),
            number(decimal_text(trade.wall_ns, 9)),
            "b" if trade.aggressor is Side.BUY else "s",
            "l",
            "",
            trade.trade_id,
        ]
        for trade in found
    ]
    last_ns = found[-1].wall_ns if found else since_ns
    return {venue.names[listing.symbol].rest_id: rows, "last": str(last_ns)}


def _ticker(venue: Venue, form: Form) -> object:
    return {venue.names[x.symbol].rest_id: _ticker_of(venue, x) for x in listings_named(venue, form.get("pair"))}


def _ticker_of(venue: Venue, listing: Listing) -> dict[str, object]:
    ticker = venue.public.ticker(listing.symbol)
    bid, bid_lots, ask, ask_lots = listing.market.best()
    trades = len(venue.public.recent_trades(listing.symbol, _TRADES_MAX))

    def twice(ticks: int) -> list[str]:
        return [listing.price_text(ticks)] * 2

    return {
        "a": [listing.price_text(ask), "1", listing.quantity_text(ask_lots)],
        "b": [listing.price_text(bid), "1", listing.quantity_text(bid_lots)],
        "c": [listing.price_text(ticker.last_ticks), listing.quantity_text(0)],
        "v": [listing.quantity_text(ticker.lots)] * 2,
        "p": twice(ticker.vwap_ticks),
        "t": [trades, trades],
        "l": twice(ticker.low_ticks),
        "h": twice(ticker.high_ticks),
        "o": listing.price_text(ticker.first_ticks),
    }


#: Endpoint → what answers it.
PUBLIC: dict[str, Callable[[Venue, Form], object]] = {
    "Time": _time,
    "SystemStatus": _status,
    "AssetPairs": _asset_pairs,
    "Assets": _assets,
    "Depth": _depth,
    "Trades": _trades,
    "Ticker": _ticker,
}
