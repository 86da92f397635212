"""A venue's settings as an adapter session: where it connects, and with which credentials."""

from urllib.parse import urlsplit

from adapters.binance.depth import DepthObserver
from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import Credentials, KeyType
from adapters.binance.urls import BinanceEndpoints
from config.credentials import load_credentials
from config.settings import VenueSettings
from engine.actor import Endpoint
from engine.venue import VenueListener, VenueSession

__all__ = ["Symbols", "cancelling_session", "trading_session", "warm_up"]

#: (instrument id, the venue's symbol) of each instrument.
Symbols = list[tuple[int, str]]


def warm_up() -> None:
    """Before an actor's loop runs: a compiler must not stand between a tick and an order."""
    BinanceSession.warm_up()


def trading_session(
    venue: VenueSettings, symbols: Symbols, listener: VenueListener, audit: DepthObserver | None
) -> VenueSession:
    """What a venue actor trades on. ``audit`` is shown what the books are built from. Raises UsageError for credentials
    that cannot be used."""
    return BinanceSession(venue.name, symbols, _credentials(venue), _endpoints(venue), listener, depth_observer=audit)


def cancelling_session(venue: VenueSettings, symbols: Symbols, listener: VenueListener) -> VenueSession:
    """What an undertaker cancels on: its own credentials if there are any, and no market data."""
    options = BinanceOptions(market_data=False)
    return BinanceSession(
        venue.name, symbols, _credentials(venue, for_undertaker=True), _endpoints(venue), listener, options
    )


def _credentials(venue: VenueSettings, *, for_undertaker: bool = False) -> Credentials:
    loaded = load_credentials(venue, venue.undertaker_credentials if for_undertaker else None)
    return Credentials(loaded.api_key, KeyType(loaded.key_type), loaded.secret.decode())


def _endpoints(venue: VenueSettings) -> BinanceEndpoints:
    """Where the configured URLs point. A path is only meaningful for order entry."""
    orders_path = urlsplit(venue.orders_url).path
    return BinanceEndpoints(
        rest=_endpoint(venue.rest_url, venue.ca_file),
        orders=_endpoint(venue.orders_url, venue.ca_file),
        streams=_endpoint(venue.streams_url, venue.ca_file),
        **({"orders_path": orders_path} if orders_path else {}),
    )


def _endpoint(url: str, ca_file: str) -> Endpoint:
    parts = urlsplit(url)
    tls = parts.scheme in ("https", "wss")
    return Endpoint(parts.hostname or "", parts.port or (443 if tls else 80), tls, ca_file)
