"""Products as REST and the status channel show them."""

from adapters.simulator.listing import Listing
from adapters.simulator.trading_day import TradingDay
from engine.instrument import decimal_text, plain

__all__ = ["change_percent", "product", "status_row"]

_PERCENT_DECIMALS = 6
_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "USD": "US Dollar", "USDC": "USDC", "EUR": "Euro"}


def change_percent(day: TradingDay) -> str:
    if not day.first_ticks:
        return ""
    change = day.last_ticks - day.first_ticks
    return plain(decimal_text(change * 100 * 10**_PERCENT_DECIMALS // day.first_ticks, _PERCENT_DECIMALS))


def _value(listing: Listing, tick_lots: int) -> str:
    instrument = listing.instrument
    scale = instrument.price_scale + instrument.quantity_scale
    return plain(decimal_text(tick_lots * instrument.tick_units * instrument.lot_units, scale))


def product(listing: Listing, day: TradingDay) -> dict[str, object]:
    """Bounds that the instrument does not have are the largest that the venue knows."""
    instrument = listing.instrument
    tick, lot = plain(listing.price_text(1)), plain(listing.quantity_text(1))
    last = day.last_ticks or listing.market.last_trade_ticks
    most_lots = instrument.quantity_lots_max
    most_value = instrument.notional_tick_lots_max
    is_closed = not listing.is_trading
    return {
        "product_id": listing.symbol,
        "price": plain(listing.price_text(last)) if last else "",
        "price_percentage_change_24h": change_percent(day),
        "volume_24h": plain(listing.quantity_text(day.lots)),
        "volume_percentage_change_24h": "",
        "base_increment": lot,
        "quote_increment": tick,
        "price_increment": tick,
        "quote_min_size": _value(listing, instrument.notional_tick_lots_min),
        "quote_max_size": _value(listing, most_value) if most_value else "150000000",
        "base_min_size": plain(listing.quantity_text(max(1, instrument.quantity_lots_min))),
        "base_max_size": plain(listing.quantity_text(most_lots)) if most_lots else "38000000",
        "base_name": _NAMES.get(listing.base, listing.base),
        "quote_name": _NAMES.get(listing.quote, listing.quote),
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": is_closed,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": listing.quote,
        "base_currency_id": listing.base,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "base_display_symbol": listing.base,
        "quote_display_symbol": listing.quote,
        "view_only": False,
        "display_name": f"{listing.base}-{listing.quote}",
        "product_venue": "CBE",
    }


def status_row(listing: Listing) -> dict[str, object]:
    return {
        "product_type": "SPOT",
        "id": listing.symbol,
        "base_currency": listing.base,
        "quote_currency": listing.quote,
        "base_increment": plain(listing.quantity_text(1)),
        "quote_increment": plain(listing.price_text(1)),
        "display_name": f"{listing.base}/{listing.quote}",
        "status": "online" if listing.is_trading else "offline",
        "status_message": "",
        "min_market_funds": _value(listing, listing.instrument.notional_tick_lots_min),
    }
