"""The venues that ``haltline simulator`` can be: what each is built from, and where a client connects to it."""

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from adapters.simulator import kraken
from adapters.simulator.binance.settings import SimAccount, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.market import Market
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from cli.venue_keys import VenueKeys
from engine.actor import Actor, Endpoint
from engine.instrument import Instrument

__all__ = ["VENUES", "Balances", "VenueKind"]

#: Decimal texts by asset.
Balances = tuple[tuple[str, str], ...]

_ACCOUNT = "main"
_KRAKEN_SECRET_BYTES = 64


class VenueKind(NamedTuple):
    """``key_types``: the usual one first. ``key_name(key_type)`` is what the files of that key are called.
    ``market(seed)`` is its synthetic market; ``replays``: it can serve recordings instead."""

    title: str
    key_types: tuple[str, ...]
    key_name: Callable[[str], str]
    orders_path: str
    streams_path: str
    replays: bool
    market: Callable[[int], Market]
    actor: Callable[[Mapping[str, Market], Balances, VenueKeys, Endpoint, int], Actor]


def _binance(
    markets: Mapping[str, Market], balances: Balances, keys: VenueKeys, endpoint: Endpoint, seed: int
) -> Actor:
    account = SimAccount(_ACCOUNT, keys.keys(), balances)
    return SimulatedBinance(markets, (account,), (endpoint,), VenueOptions(seed=seed))


def _kraken(markets: Mapping[str, Market], balances: Balances, keys: VenueKeys, endpoint: Endpoint, seed: int) -> Actor:
    api_key, secret = keys.pair("kraken", _kraken_secret)
    account = kraken.SimAccount(_ACCOUNT, (kraken.SimKey(api_key, secret),), balances)
    return kraken.SimulatedKraken(markets, (account,), (endpoint,), kraken.VenueOptions(seed=seed))


def _kraken_secret() -> str:
    return base64.b64encode(secrets.token_bytes(_KRAKEN_SECRET_BYTES)).decode()


def _kraken_instrument() -> Instrument:
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


#: The same market as Binance's, in Kraken's ticks and lots.
_KRAKEN_FLOW = FlowParameters(centre_ticks=600_000, lots_log2_min=15, lots_log2_max=27, band_ticks=60_000)

VENUES: dict[str, VenueKind] = {
    "binance": VenueKind(
        title="Binance",
        key_types=("ed25519", "hmac"),
        key_name=lambda key_type: key_type,
        orders_path="/ws-api/v3",
        streams_path="",
        replays=True,
        market=lambda seed: SyntheticMarket(default_instrument(), seed),
        actor=_binance,
    ),
    "kraken": VenueKind(
        title="Kraken",
        key_types=("hmac",),
        key_name=lambda _: "kraken",
        orders_path="/v2",
        streams_path="/v2",
        replays=False,
        market=lambda seed: SyntheticMarket(_kraken_instrument(), seed, _KRAKEN_FLOW),
        actor=_kraken,
    ),
}
