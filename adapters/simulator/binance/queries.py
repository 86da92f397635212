"""What can be asked: the venue's time and symbols, market data, and an account's orders, trades and balances."""

from collections.abc import Callable
from typing import TypeVar

from adapters.simulator.accounts import Account
from adapters.simulator.binance.call import Call, Venue
from adapters.simulator.binance.errors import ApiError, invalid_symbol
from adapters.simulator.binance.filters import symbol_info
from adapters.simulator.binance.listing import Listing, nanos_text
from adapters.simulator.binance.order_entry import read_symbol
from adapters.simulator.binance.orders import OrderRecord, TradeRecord, order_state
from adapters.simulator.binance.parameters import Parameters
from adapters.simulator.binance.trading import find_order
from engine.instrument import decimal_text, parse_decimal

__all__ = [
    "account_status",
    "all_orders",
    "average_price",
    "book_ticker",
    "commission",
    "depth",
    "exchange_info",
    "key_restrictions",
    "my_trades",
    "open_orders",
    "order_counts",
    "order_status",
    "ping",
    "prevented_matches",
    "price_ticker",
    "server_time",
    "trades",
]

_DEPTH_MAX = 5_000
_DAY_MS = 86_400_000
_AVERAGE_MINUTES = 5

_Row = TypeVar("_Row")


def ping(venue: Venue, call: Call) -> object:
    call.parameters.finish()
    return {}


def server_time(venue: Venue, call: Call) -> object:
    call.parameters.finish()
    return {"serverTime": call.stamp(call.wall_ns)}


def exchange_info(venue: Venue, call: Call) -> object:
    parameters = call.parameters
    for name in ("permissions", "symbolStatus"):
        parameters.text(name)
    permission_sets = parameters.flag("showPermissionSets") is not False
    listings = _chosen(venue, parameters)
    parameters.finish()
    order_limits = next(iter(venue.exchange.order_limits.values()), None)
    windows = [venue.limits.weight, *(order_limits.windows if order_limits else ()), venue.limits.raw]
    return {
        "timezone": "UTC",
        "serverTime": call.stamp(call.wall_ns),
        "rateLimits": [window.row(with_count=False) for window in windows],
        "exchangeFilters": [],
        "symbols": [symbol_info(listing, permission_sets) for listing in listings],
    }


def _chosen(venue: Venue, parameters: Parameters) -> list[Listing]:
    """The listings that ``symbol`` or ``symbols`` names; all when neither is sent."""
    symbol, symbols = parameters.text("symbol"), parameters.symbols()
    if symbol is not None and symbols is not None:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    names = [symbol] if symbol is not None else symbols
    if names is None:
        return list(venue.exchange.listings.values())
    listings = [venue.exchange.listings.get(name) for name in names]
    if None in listings:
        raise invalid_symbol()
    return [listing for listing in listings if listing is not None]


# -- market data -------------------------------------------------------------------------------------------------


def depth(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    limit = call.parameters.limit(100, _DEPTH_MAX)
    call.parameters.finish()
    update_id, bids, asks = listing.market.snapshot(limit)
    listing.snapshots_served += 1
    return {
        "lastUpdateId": update_id,
        "bids": [(listing.price_text(ticks), listing.quantity_text(lots)) for ticks, lots in bids],
        "asks": [(listing.price_text(ticks), listing.quantity_text(lots)) for ticks, lots in asks],
    }


def trades(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    limit = call.parameters.limit(500, 1_000)
    call.parameters.finish()
    return [
        {
            "id": trade.trade_id,
            "price": trade.price,
            "qty": trade.quantity,
            "quoteQty": _product(trade.price, trade.quantity),
            "time": call.stamp(trade.time_ms * 1_000_000),
            "isBuyerMaker": trade.buyer_is_maker,
            "isBestMatch": True,
        }
        for trade in listing.recent_trades(limit)
    ]


def _product(price: str, quantity: str) -> str:
    left, right = parse_decimal(price), parse_decimal(quantity)
    return decimal_text(left.units * right.units, left.scale + right.scale)


def book_ticker(venue: Venue, call: Call) -> object:
    return _per_symbol(venue, call, _book_ticker)


def price_ticker(venue: Venue, call: Call) -> object:
    return _per_symbol(venue, call, _price_ticker)


def _per_symbol(venue: Venue, call: Call, render: Callable[[Listing], dict[str, object]]) -> object:
    single = call.parameters.has("symbol")
    listings = _chosen(venue, call.parameters)
    call.parameters.finish()
    rows = [render(listing) for listing in listings]
    return rows[0] if single else rows


def _book_ticker(listing: Listing) -> dict[str, object]:
    bid_ticks, bid_lots, ask_ticks, ask_lots = listing.market.best()
    return {
        "symbol": listing.symbol,
        "bidPrice": listing.price_text(bid_ticks),
        "bidQty": listing.quantity_text(bid_lots),
        "askPrice": listing.price_text(ask_ticks),
        "askQty": listing.quantity_text(ask_lots),
    }


def _price_ticker(listing: Listing) -> dict[str, object]:
    return {"symbol": listing.symbol, "price": listing.price_text(listing.reference_ticks())}


def average_price(venue: Venue, call: Call) -> object:
    """Volume-weighted over the last five minutes of remembered trades, or the last price when there are none."""
    listing = read_symbol(venue, call.parameters)
    call.parameters.finish()
    recent = listing.recent_trades(1_000)
    close_ms = recent[-1].time_ms if recent else call.wall_ns // 1_000_000
    tick_lots = lots = 0
    for trade in recent:
        if close_ms - trade.time_ms < _AVERAGE_MINUTES * 60_000:
            quantity = listing.instrument.quantity_lots(trade.quantity)
            lots += quantity
            tick_lots += quantity * listing.instrument.price_ticks(trade.price)
    nanos = tick_lots * listing.tick_nanos // lots if lots else listing.reference_ticks() * listing.tick_nanos
    return {
        "mins": _AVERAGE_MINUTES,
        "price": nanos_text(nanos - nanos % 10),
        "closeTime": call.stamp(close_ms * 1_000_000),
    }


# -- orders ------------------------------------------------------------------------------------------------------


def order_status(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    missing = ApiError(-2013, "Order does not exist.")
    record = find_order(venue, call, listing, ("orderId", "origClientOrderId"), missing)
    call.parameters.finish()
    # The side that answers queries lags behind the engine.
    if call.now_ns < record.visible_ns:
        raise missing
    return order_state(record, call.stamp)


def open_orders(venue: Venue, call: Call) -> object:
    listings = list(venue.exchange.listings.values())
    if call.parameters.has("symbol"):
        listings = [read_symbol(venue, call.parameters)]
    call.parameters.finish()
    account = call.owner.name
    records = [record for listing in listings for record in venue.exchange.orders.open_orders(account, listing.symbol)]
    return [order_state(record, call.stamp) for record in records]


def all_orders(venue: Venue, call: Call) -> object:
    parameters = call.parameters
    listing = read_symbol(venue, parameters)
    from_id, limit = parameters.integer("orderId"), parameters.limit(500, 1_000)
    first_ns, last_ns = _read_period(parameters, from_id is not None)
    parameters.finish()

    def matches(record: OrderRecord) -> bool:
        return record.order_id >= (from_id or 0) and first_ns <= record.created_wall_ns < last_ns

    records = [r for r in venue.exchange.orders.all_orders(call.owner.name, listing.symbol) if matches(r)]
    page = _page(records, limit, oldest_first=from_id is not None or parameters.has("startTime"))
    return [order_state(record, call.stamp) for record in page]


def my_trades(venue: Venue, call: Call) -> object:
    parameters = call.parameters
    listing = read_symbol(venue, parameters)
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    limit = parameters.limit(500, 1_000)
    first_ns, last_ns = _read_period(parameters, order_id is not None or from_id is not None)
    parameters.finish()

    def matches(trade: TradeRecord) -> bool:
        return (
            trade.trade_id >= (from_id or 0)
            and (order_id is None or trade.record.order_id == order_id)
            and first_ns <= trade.wall_ns < last_ns
        )

    found = [trade for trade in venue.exchange.orders.trades(call.owner.name, listing.symbol) if matches(trade)]
    page = _page(found, limit, oldest_first=from_id is not None or parameters.has("startTime"))
    return [trade.row(call.stamp) for trade in page]


def _page(rows: list[_Row], limit: int, oldest_first: bool) -> list[_Row]:
    return rows[:limit] if oldest_first else rows[-limit:]


def _read_period(parameters: Parameters, excluded: bool) -> tuple[int, int]:
    """``startTime`` and ``endTime`` as [first, end) in ns of UTC; at most 24 hours, and not with ids."""
    start, end = parameters.integer("startTime"), parameters.integer("endTime")
    if (start is not None or end is not None) and excluded:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if start is not None and end is not None and end - start > _DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    first_ns = 0 if start is None else start * 1_000_000
    last_ns = 2**63 - 1 if end is None else (end + 1) * 1_000_000
    return first_ns, last_ns


def prevented_matches(venue: Venue, call: Call) -> object:
    parameters = call.parameters
    listing = read_symbol(venue, parameters)
    match_id, order_id = parameters.integer("preventedMatchId"), parameters.integer("orderId")
    from_id, limit = parameters.integer("fromPreventedMatchId"), parameters.limit(500, 1_000)
    parameters.finish()
    if (match_id is None) == (order_id is None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    found = [
        match
        for match in venue.exchange.matches(call.owner.name, listing.symbol)
        if (match_id is None or match.match_id == match_id)
        and (order_id is None or order_id in (match.maker.order_id, match.taker.order_id))
        and match.match_id >= (from_id or 0)
    ]
    return [match.row(call.stamp) for match in found[:limit]]


# -- account -----------------------------------------------------------------------------------------------------


def account_status(venue: Venue, call: Call) -> object:
    omit_zero = call.parameters.flag("omitZeroBalances") is True
    call.parameters.finish()
    account = call.owner
    return {
        "makerCommission": account.maker_fee_ppm // 100,
        "takerCommission": account.taker_fee_ppm // 100,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(account),
        "canTrade": account.can_trade,
        "canWithdraw": account.can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.stamp(account.updated_wall_ns),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": nanos_text(balance.free_nanos), "locked": nanos_text(balance.locked_nanos)}
            for asset, balance in sorted(account.balances.items())
            if balance.free_nanos or balance.locked_nanos or not omit_zero
        ],
        "permissions": ["SPOT"],
        "uid": account.uid,
    }


def key_restrictions(venue: Venue, call: Call) -> object:
    """Every key of an account may do what the account may."""
    call.parameters.finish()
    account = call.owner
    return {
        "ipRestrict": False,
        "createTime": 1_600_000_000_000,
        "enableReading": True,
        "enableWithdrawals": account.can_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableSpotAndMarginTrading": account.can_trade,
    }


def _rates(account: Account) -> dict[str, str]:
    return {
        "maker": decimal_text(account.maker_fee_ppm * 100, 8),
        "taker": decimal_text(account.taker_fee_ppm * 100, 8),
        "buyer": "0.00000000",
        "seller": "0.00000000",
    }


def commission(venue: Venue, call: Call) -> object:
    listing = read_symbol(venue, call.parameters)
    call.parameters.finish()
    none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
    return {
        "symbol": listing.symbol,
        "standardCommission": _rates(call.owner),
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }


def order_counts(venue: Venue, call: Call) -> object:
    call.parameters.finish()
    return venue.exchange.order_limits[call.owner.name].rows(call.wall_ns)
