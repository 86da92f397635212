"""What a simulated venue itself says was done for our account, whatever it has told anybody."""

from collections import Counter
from typing import NamedTuple

from adapters.simulator.accounts import Account
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.coinbase.venue import SimulatedCoinbase
from adapters.simulator.kraken.venue import SimulatedKraken
from adapters.simulator.venue import SimulatedVenue
from engine.codes import Side
from engine.errors import InvariantError

__all__ = ["Truth", "TruthFill", "truth_of"]


class TruthFill(NamedTuple):
    """One execution: how much at which price, and what the venue took for it."""

    side: Side
    price_ticks: int
    lots: int
    fee_nanos: int


class Truth(NamedTuple):
    """``names``: client order ids of every order that was ever accepted. ``held_nanos``: by asset, what the account
    has, free and locked. ``best``: bid_ticks, bid_lots, ask_ticks, ask_lots as the public sees them."""

    fills: Counter[TruthFill]
    names: frozenset[str]
    open_orders: int
    held_nanos: dict[str, int]
    best: tuple[int, int, int, int]


def truth_of(venue: SimulatedVenue, account: str, symbol: str) -> Truth:
    if isinstance(venue, SimulatedBinance):
        return _binance(venue, account, symbol)
    if isinstance(venue, SimulatedKraken | SimulatedCoinbase):
        return _neutral(venue, account, symbol)
    raise InvariantError(f"no books are known of {type(venue).__name__}")


def _binance(venue: SimulatedBinance, account: str, symbol: str) -> Truth:
    exchange = venue.exchange
    return Truth(
        Counter(
            TruthFill(trade.record.terms.side, trade.price_ticks, trade.quantity_lots, trade.fee_nanos)
            for trade in exchange.orders.trades(account, symbol)
        ),
        frozenset(record.terms.client_order_id for record in exchange.orders.all_orders(account, symbol)),
        len(exchange.orders.open_orders(account, symbol)),
        _held(exchange.accounts[account]),
        exchange.listings[symbol].market.best(),
    )


def _neutral(venue: SimulatedKraken | SimulatedCoinbase, account: str, symbol: str) -> Truth:
    exchange = venue.exchange
    orders = [*exchange.orders.open(account), *exchange.orders.ended(account)]
    return Truth(
        Counter(
            TruthFill(order.side, fill.price_ticks, fill.quantity_lots, fill.fee_nanos)
            for order, fill in exchange.orders.fills(account)
            if order.listing.symbol == symbol
        ),
        frozenset(order.client_order_id for order in orders),
        sum(order.listing.symbol == symbol for order in exchange.orders.open(account)),
        _held(exchange.accounts[account]),
        exchange.listings[symbol].market.best(),
    )


def _held(account: Account) -> dict[str, int]:
    return {asset: balance.free_nanos + balance.locked_nanos for asset, balance in account.balances.items()}
