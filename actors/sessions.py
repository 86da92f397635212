"""A venue's settings as an adapter session: where it connects, and with which credentials."""

from urllib.parse import urlsplit

from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import Credentials, KeyType
from adapters.binance.urls import BinanceEndpoints
from adapters.coinbase import signing as coinbase_signing
from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.session import CoinbaseSession
from adapters.coinbase.urls import CoinbaseEndpoints
from adapters.kraken import signing as kraken_signing
from adapters.kraken.options import KrakenOptions
from adapters.kraken.session import KrakenSession
from adapters.kraken.urls import KrakenEndpoints
from config.credentials import load_credentials
from config.settings import VenueSettings
from engine.actor import Endpoint
from engine.book_audit import BookAudit
from engine.venue import VenueListener, VenueSession

__all__ = ["Symbols", "cancelling_session", "trading_session", "warm_up"]

#: (instrument id, the venue's symbol) of each instrument.
Symbols = list[tuple[int, str]]


def warm_up() -> None:
    """Before an actor's loop runs: a compiler must not stand between a tick and an order."""
    BinanceSession.warm_up()
    CoinbaseSession.warm_up()
    KrakenSession.warm_up()


def trading_session(
    venue: VenueSettings,
    symbols: Symbols,
    listener: VenueListener,
    audit: BookAudit | None,
    request_share_percent: int = 100,
) -> VenueSession:
    """What a venue actor trades on. ``audit`` is shown what the books are built from; ``request_share_percent`` is its
    part of limits that it shares with others. Raises UsageError for credentials that cannot be used."""
    return _ADAPTERS[venue.adapter](venue, symbols, listener, audit, False, request_share_percent)


def cancelling_session(
    venue: VenueSettings, symbols: Symbols, listener: VenueListener, request_share_percent: int = 100
) -> VenueSession:
    """What an undertaker cancels on: its own credentials if there are any, no market data, and the part of shared
    limits that its venue actor does not spend any more."""
    return _ADAPTERS[venue.adapter](venue, symbols, listener, None, True, request_share_percent)


def _binance(
    venue: VenueSettings,
    symbols: Symbols,
    listener: VenueListener,
    audit: BookAudit | None,
    only_cancels: bool,
    share_percent: int,
) -> VenueSession:
    key_type, api_key, secret = _credentials(venue, for_undertaker=only_cancels)
    orders_path = urlsplit(venue.orders_url).path
    endpoints = BinanceEndpoints(
        rest=_endpoint(venue.rest_url, venue.ca_file),
        orders=_endpoint(venue.orders_url, venue.ca_file),
        streams=_endpoint(venue.streams_url, venue.ca_file),
        **({"orders_path": orders_path} if orders_path else {}),
    )
    credentials = Credentials(api_key, KeyType(key_type), secret)
    options = BinanceOptions(
        market_data=not only_cancels, key_may_withdraw=venue.key_may_withdraw, request_share_percent=share_percent
    )
    return BinanceSession(venue.name, symbols, credentials, endpoints, listener, options, depth_observer=audit)


def _coinbase(
    venue: VenueSettings,
    symbols: Symbols,
    listener: VenueListener,
    audit: BookAudit | None,
    only_cancels: bool,
    share_percent: int,
) -> VenueSession:
    """Orders go where ``rest_url`` points; ``orders_url`` is where their reports come from."""
    _, key_name, secret = _credentials(venue, for_undertaker=only_cancels)
    endpoints = CoinbaseEndpoints(
        rest=_endpoint(venue.rest_url, venue.ca_file),
        user=_endpoint(venue.orders_url, venue.ca_file),
        streams=_endpoint(venue.streams_url, venue.ca_file),
    )
    credentials = coinbase_signing.Credentials(key_name, secret)
    options = CoinbaseOptions(
        market_data=not only_cancels,
        key_may_withdraw=venue.key_may_withdraw,
        request_share_percent=share_percent,
    )
    return CoinbaseSession(venue.name, symbols, credentials, endpoints, listener, options, book_observer=audit)


def _kraken(
    venue: VenueSettings,
    symbols: Symbols,
    listener: VenueListener,
    audit: BookAudit | None,
    only_cancels: bool,
    share_percent: int,
) -> VenueSession:
    """An undertaker's key need not see what the account holds."""
    _, api_key, secret = _credentials(venue, for_undertaker=only_cancels)
    orders_path, streams_path = urlsplit(venue.orders_url).path, urlsplit(venue.streams_url).path
    endpoints = KrakenEndpoints(
        rest=_endpoint(venue.rest_url, venue.ca_file),
        orders=_endpoint(venue.orders_url, venue.ca_file),
        streams=_endpoint(venue.streams_url, venue.ca_file),
        **({"orders_path": orders_path} if orders_path else {}),
        **({"streams_path": streams_path} if streams_path else {}),
    )
    options = KrakenOptions(
        market_data=not only_cancels, watches_account=not only_cancels, key_may_withdraw=venue.key_may_withdraw
    )
    credentials = kraken_signing.Credentials(api_key, secret)
    return KrakenSession(venue.name, symbols, credentials, endpoints, listener, options, audit)


_ADAPTERS = {"binance": _binance, "coinbase": _coinbase, "kraken": _kraken}


def _credentials(venue: VenueSettings, *, for_undertaker: bool) -> tuple[str, str, str]:
    """(kind of key, its name, its secret)."""
    loaded = load_credentials(venue, venue.undertaker_credentials if for_undertaker else None)
    return loaded.key_type, loaded.api_key, loaded.secret.decode()


def _endpoint(url: str, ca_file: str) -> Endpoint:
    parts = urlsplit(url)
    tls = parts.scheme in ("https", "wss")
    return Endpoint(parts.hostname or "", parts.port or (443 if tls else 80), tls, ca_file)
