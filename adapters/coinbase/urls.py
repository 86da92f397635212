"""Where Coinbase Advanced Trade is, and which paths we use. Nothing here is a default: an environment is chosen by
name.

There is no test environment that matches orders: the venue's sandbox gives the same answer to everything.
"""

import msgspec

from engine.actor import Endpoint

__all__ = ["LIVE", "PATHS", "CoinbaseEndpoints", "Paths"]


class CoinbaseEndpoints(msgspec.Struct, frozen=True):
    """The places that one session connects to. ``token_host`` is what the venue calls itself in a token, whatever
    address is dialled."""

    rest: Endpoint
    user: Endpoint
    streams: Endpoint
    user_path: str = "/"
    streams_path: str = "/"
    token_host: str = "api.coinbase.com"


LIVE = CoinbaseEndpoints(
    rest=Endpoint("api.coinbase.com", 443, True),
    user=Endpoint("advanced-trade-ws-user.coinbase.com", 443, True),
    streams=Endpoint("advanced-trade-ws.coinbase.com", 443, True),
)

_BASE = "/api/v3/brokerage"


class Paths(msgspec.Struct, frozen=True):
    time: str = f"{_BASE}/time"
    key_permissions: str = f"{_BASE}/key_permissions"
    products: str = f"{_BASE}/products"
    transaction_summary: str = f"{_BASE}/transaction_summary"
    accounts: str = f"{_BASE}/accounts"
    orders: str = f"{_BASE}/orders"
    cancel: str = f"{_BASE}/orders/batch_cancel"
    edit: str = f"{_BASE}/orders/edit"
    orders_list: str = f"{_BASE}/orders/historical/batch"
    order: str = f"{_BASE}/orders/historical"
    fills: str = f"{_BASE}/orders/historical/fills"


PATHS = Paths()
