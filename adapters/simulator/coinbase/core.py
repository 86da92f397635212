"""What REST and WebSocket share: the exchange and what is done with it, keys, portfolios, and the venue's moment."""

from adapters.simulator.accounts import Account
from adapters.simulator.coinbase.auth import Credential, KeyRing
from adapters.simulator.coinbase.encoding import Ids
from adapters.simulator.coinbase.market_feed import MarketFeed
from adapters.simulator.coinbase.orders import CoinbaseOrder
from adapters.simulator.coinbase.settings import VenueOptions
from adapters.simulator.coinbase.trading import Moment, Trading
from adapters.simulator.exchange import Exchange

__all__ = ["Venue"]


class Venue:
    """``portfolios``: each account's id, by its name."""

    def __init__(
        self,
        exchange: Exchange[CoinbaseOrder],
        trading: Trading,
        keys: KeyRing,
        market: MarketFeed,
        portfolios: dict[str, str],
        ids: Ids,
        options: VenueOptions,
    ) -> None:
        self.exchange, self.trading, self.keys, self.market = exchange, trading, keys, market
        self.portfolios, self.ids, self.options = portfolios, ids, options
        self.now_ns = 0
        self.wall_ns = 0

    @property
    def moment(self) -> Moment:
        return Moment(self.now_ns, self.wall_ns)

    def account(self, credential: Credential) -> Account:
        return self.exchange.accounts[credential.account]

    def finds(self, order: CoinbaseOrder) -> bool:
        """Whether questions find an order yet: its writing and their reading are two systems."""
        return self.now_ns - order.created_ns >= self.options.read_lag_ns
