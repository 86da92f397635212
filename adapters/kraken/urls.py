"""Where Kraken spot is, and which paths we use. Nothing here is a default: an environment is chosen by name.

There is no test net: ``BETA`` is another front of the production engine, with real money behind it.
"""

import msgspec

from engine.actor import Endpoint

__all__ = ["BETA", "LIVE", "PRIVATE", "PUBLIC", "KrakenEndpoints"]

PUBLIC, PRIVATE = "/0/public/", "/0/private/"


class KrakenEndpoints(msgspec.Struct, frozen=True):
    """The three places that one session connects to."""

    rest: Endpoint
    orders: Endpoint
    streams: Endpoint
    orders_path: str = "/v2"
    streams_path: str = "/v2"


LIVE = KrakenEndpoints(
    rest=Endpoint("api.kraken.com", 443, True),
    orders=Endpoint("ws-auth.kraken.com", 443, True),
    streams=Endpoint("ws.kraken.com", 443, True),
)
BETA = KrakenEndpoints(
    rest=Endpoint("api.kraken.com", 443, True),
    orders=Endpoint("beta-ws-auth.kraken.com", 443, True),
    streams=Endpoint("beta-ws.kraken.com", 443, True),
)
