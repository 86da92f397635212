"""The venues that ``haltline simulator`` can be: what each is built from, and where a client connects to it."""

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from adapters.simulator import coinbase, kraken
from adapters.simulator.binance.settings import SimAccount, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.market import Market
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from adapters.simulator.venue import SimulatedVenue
from cli.venue_keys import VenueKeys
from engine.actor import Endpoint
from engine.instrument import Instrument

__all__ = [
    "ACCOUNT",
    "COINBASE_FLOW",
    "KRAKEN_FLOW",
    "VENUES",
    "Balances",
    "VenueKind",
    "coinbase_instrument",
    "kraken_instrument",
]

#: Decimal texts by asset.
Balances = tuple[tuple[str, str], ...]

#: What a simulated venue calls its one account.
ACCOUNT = "main"
_KRAKEN_SECRET_BYTES = 64


class VenueKind(NamedTuple):
    """``key_types``: the usual one first. ``key_name(key_type)`` is what the files of that key are called.
    ``market(seed, quote_asset)`` is its synthetic market, of BTC in that asset or ("") its usual one; ``replays``: it
    can serve recordings instead. ``fee_in_received``: the asset that is received pays the fee, not the quote asset."""

    title: str
    key_types: tuple[str, ...]
    key_name: Callable[[str], str]
    orders_path: str
    streams_path: str
    replays: bool
    market: Callable[[int, str], Market]
    actor: Callable[[Mapping[str, Market], Balances, VenueKeys, Endpoint, int], SimulatedVenue]
    fee_in_received: bool = False


def _binance(
    markets: Mapping[str, Market], balances: Balances, keys: VenueKeys, endpoint: Endpoint, seed: int
) -> SimulatedVenue:
    account = SimAccount(ACCOUNT, keys.keys(), balances)
    return SimulatedBinance(markets, (account,), (endpoint,), VenueOptions(seed=seed))


def _kraken(
    markets: Mapping[str, Market], balances: Balances, keys: VenueKeys, endpoint: Endpoint, seed: int
) -> SimulatedVenue:
    api_key, secret = keys.pair("kraken", _kraken_secret)
    account = kraken.SimAccount(ACCOUNT, (kraken.SimKey(api_key, secret),), balances)
    return kraken.SimulatedKraken(markets, (account,), (endpoint,), kraken.VenueOptions(seed=seed))


def _kraken_secret() -> str:
    return base64.b64encode(secrets.token_bytes(_KRAKEN_SECRET_BYTES)).decode()


def kraken_instrument() -> Instrument:
    """BTC/USD as Kraken defines it: tick 0.1, lot 0.00000001, at least 0.0001 BTC and 0.5 USD."""
    return Instrument(
        instrument_id=0,
        venue="kraken",
        symbol="BTC/USD",
        base_asset="BTC",
        quote_asset="USD",
        tick_units=1,
        price_scale=1,
        lot_units=1,
        quantity_scale=8,
        price_ticks_min=1,
        price_ticks_max=0,
        quantity_lots_min=10_000,
        quantity_lots_max=0,
        notional_tick_lots_min=500_000_000,
    )


def _coinbase(
    markets: Mapping[str, Market], balances: Balances, keys: VenueKeys, endpoint: Endpoint, seed: int
) -> SimulatedVenue:
    known = []
    for key_type, new_secret in _COINBASE_SECRETS.items():
        name, secret = keys.pair(f"coinbase-{key_type}", new_secret)
        known.append(coinbase.SimKey(name, _public_key(secret)))
    account = coinbase.SimAccount(ACCOUNT, tuple(known), balances)
    return coinbase.SimulatedCoinbase(markets, (account,), (endpoint,), coinbase.VenueOptions(seed=seed))


def _es256_secret() -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _ed25519_secret() -> str:
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


#: The usual one first.
_COINBASE_SECRETS = {"es256": _es256_secret, "ed25519": _ed25519_secret}


def _public_key(secret: str) -> bytes:
    private = load_pem_private_key(secret.encode(), None)
    if isinstance(private, Ed25519PrivateKey):
        return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert isinstance(private, ec.EllipticCurvePrivateKey), "there are two kinds of keys"
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def coinbase_instrument() -> Instrument:
    """BTC-USD as Coinbase defines it: tick 0.01, lot 0.00000001, at least 1 USD, at most 3400 BTC."""
    return Instrument(
        instrument_id=0,
        venue="coinbase",
        symbol="BTC-USD",
        base_asset="BTC",
        quote_asset="USD",
        tick_units=1,
        price_scale=2,
        lot_units=1,
        quantity_scale=8,
        price_ticks_min=1,
        price_ticks_max=0,
        quantity_lots_min=1,
        quantity_lots_max=340_000_000_000,
        notional_tick_lots_min=10_000_000_000,
        market_notional_min_applies=True,
    )


#: The same market as Binance's, in Coinbase's lots.
COINBASE_FLOW = FlowParameters(lots_log2_min=15, lots_log2_max=27)

#: The same market as Binance's, in Kraken's ticks and lots.
KRAKEN_FLOW = FlowParameters(centre_ticks=600_000, lots_log2_min=15, lots_log2_max=27, band_ticks=60_000)


def _quoted_in(instrument: Instrument, between: str, quote_asset: str) -> Instrument:
    """The same in another quote asset, if one is named. ``between`` stands between the two in the venue's symbols."""
    quote_asset = quote_asset or instrument.quote_asset
    symbol = f"{instrument.base_asset}{between}{quote_asset}"
    return msgspec.structs.replace(instrument, symbol=symbol, quote_asset=quote_asset)


VENUES: dict[str, VenueKind] = {
    "binance": VenueKind(
        title="Binance",
        key_types=("ed25519", "hmac"),
        key_name=lambda key_type: key_type,
        orders_path="/ws-api/v3",
        streams_path="",
        replays=True,
        market=lambda seed, quote: SyntheticMarket(_quoted_in(default_instrument(), "", quote), seed),
        actor=_binance,
        fee_in_received=True,
    ),
    "coinbase": VenueKind(
        title="Coinbase Advanced Trade",
        key_types=tuple(_COINBASE_SECRETS),
        key_name=lambda key_type: f"coinbase-{key_type}",
        orders_path="",
        streams_path="",
        replays=False,
        market=lambda seed, quote: SyntheticMarket(_quoted_in(coinbase_instrument(), "-", quote), seed, COINBASE_FLOW),
        actor=_coinbase,
    ),
    "kraken": VenueKind(
        title="Kraken",
        key_types=("hmac",),
        key_name=lambda _: "kraken",
        orders_path="/v2",
        streams_path="/v2",
        replays=False,
        market=lambda seed, quote: SyntheticMarket(_quoted_in(kraken_instrument(), "/", quote), seed, KRAKEN_FLOW),
        actor=_kraken,
    ),
}
