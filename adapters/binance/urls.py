"""Where Binance spot is, and which paths we use. Nothing here is a default: an environment is chosen by name."""

import msgspec

from engine.actor import Endpoint

__all__ = ["DEMO", "LIVE", "REST_PATHS", "TESTNET", "BinanceEndpoints", "RestPaths"]


class BinanceEndpoints(msgspec.Struct, frozen=True):
    """The three places that one session connects to."""

    rest: Endpoint
    orders: Endpoint
    streams: Endpoint
    orders_path: str = "/ws-api/v3"
    streams_path: str = "/stream"


LIVE = BinanceEndpoints(
    rest=Endpoint("api.binance.com", 443, True),
    orders=Endpoint("ws-api.binance.com", 443, True),
    streams=Endpoint("stream.binance.com", 443, True),
)
TESTNET = BinanceEndpoints(
    rest=Endpoint("testnet.binance.vision", 443, True),
    orders=Endpoint("ws-api.testnet.binance.vision", 443, True),
    streams=Endpoint("stream.testnet.binance.vision", 443, True),
)
#: The venue's demo mode: live-like prices, the live limits, play money.
DEMO = BinanceEndpoints(
    rest=Endpoint("demo-api.binance.com", 443, True),
    orders=Endpoint("demo-ws-api.binance.com", 443, True),
    streams=Endpoint("demo-stream.binance.com", 443, True),
)


class RestPaths(msgspec.Struct, frozen=True):
    time: str = "/api/v3/time"
    exchange_info: str = "/api/v3/exchangeInfo"
    account: str = "/api/v3/account"
    depth: str = "/api/v3/depth"
    open_orders: str = "/api/v3/openOrders"
    key: str = "/sapi/v1/account/apiRestrictions"


REST_PATHS = RestPaths()
