"""What REST and WebSocket share: the exchange and what is done with it, names, tokens, and the venue's moment."""

from adapters.simulator.exchange import Exchange
from adapters.simulator.kraken.auth import Credential, KeyRing
from adapters.simulator.kraken.names import PairNames
from adapters.simulator.kraken.order_entry import Moment
from adapters.simulator.kraken.orders import KrakenOrder
from adapters.simulator.kraken.private_feed import PrivateFeed
from adapters.simulator.kraken.public_feed import PublicFeed
from adapters.simulator.kraken.settings import Tier, VenueOptions
from adapters.simulator.kraken.tokens import Tokens
from adapters.simulator.kraken.trading import Customer, Trading

__all__ = ["Venue"]

_REST_DEADLINE_NS = 2_000_000_000
_SOCKET_DEADLINE_NS = 500_000_000


class Venue:
    """``system`` is the venue's state as its status channel tells it."""

    def __init__(
        self,
        exchange: Exchange[KrakenOrder],
        trading: Trading,
        names: PairNames,
        keys: KeyRing,
        tokens: Tokens,
        tiers: dict[str, Tier],
        public: PublicFeed,
        private: PrivateFeed,
        options: VenueOptions,
    ) -> None:
        self.exchange, self.trading, self.names = exchange, trading, names
        self.keys, self.tokens, self.tiers = keys, tokens, tiers
        self.public, self.private, self.options = public, private, options
        self.system = "online"
        self.now_ns = 0
        self.wall_ns = 0

    def customer(self, credential: Credential) -> Customer:
        return Customer(self.exchange.accounts[credential.account], self.tiers[credential.account])

    def rest_moment(self) -> Moment:
        return Moment(self.now_ns, self.wall_ns, _REST_DEADLINE_NS)

    def socket_moment(self) -> Moment:
        return Moment(self.now_ns, self.wall_ns, _SOCKET_DEADLINE_NS)

    def rest_sees(self, order: KrakenOrder) -> bool:
        """Whether queries find an order already."""
        return self.now_ns - order.created_ns >= self.options.read_lag_ns
