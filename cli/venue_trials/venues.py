"""What a trial needs to know of a venue: its keys, its configuration, and its simulated self."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters.kraken.client_ids import venue_id
from adapters.simulator import binance, coinbase, kraken
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.coinbase.venue import SimulatedCoinbase
from adapters.simulator.kraken.venue import SimulatedKraken
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from adapters.simulator.venue import SimulatedVenue
from cli.simulated_venues import COINBASE_FLOW, KRAKEN_FLOW, coinbase_instrument, kraken_instrument
from engine.actor import Endpoint
from engine.instrument import Instrument

__all__ = ["ACCOUNT", "BALANCE", "TRIAL_VENUES", "TrialVenue", "write_config"]

ACCOUNT = "trial"
#: What the account has of each asset at the beginning.
BALANCE = 1_000_000
_PORT = 9443
_ENDPOINT = (Endpoint("localhost", _PORT, False),)
_API_KEY = "trialkey".ljust(64, "x")
_HMAC = "trialsecret".ljust(64, "x")
_KRAKEN_SECRET = base64.b64encode(b"trialkey" * 8).decode()
#: Not drawn: a seed is a run.
_P256 = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
_P256_PEM = _P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

_CONFIG = """
[engine]
name = "venue-trial"
runtime = "local"
state_dir = "state"
[[accounts]]
id = "trial"
[accounts.limits]
open_orders_max = 60
orders_per_second_max = 200
orders_burst_max = 100
replaces_per_second_max = 100
replaces_burst_max = 100
cancels_per_second_max = 200
cancels_burst_max = 200
currency = "{currency}"
gross_notional_max = "10000000"
net_notional_max = "10000000"
daily_loss_max = "1000000"
drawdown_max = "1000000"
duplicate_window_ms = 0
[[venues]]
name = "{name}"
adapter = "{name}"
account = "trial"
rest_url = "http://localhost:{port}"
orders_url = "ws://localhost:{port}{orders_path}"
streams_url = "ws://localhost:{port}{streams_path}"
balance_query_s = 5
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "{key_type}"
api_key_file = "venue.key"
secret_file = "venue.secret"
[[venues.instruments]]
symbol = "{symbol}"
[venues.instruments.limits]
order_quantity_max = "1"
order_notional_max = "100000"
long_position_max = "3"
short_position_max = "3"
price_collar_bps = 500
window_collar_bps = 1000
window_ms = 60000
reference_age_ms = 30000
[[strategies]]
id = "trader"
account = "trial"
source = "{source}"
placement = "own-process"
venue = "{name}"
instruments = ["{name}:{symbol}"]
parameters = {{ seed = {seed}, interval_ms = {interval_ms}, lots = {lots}, cancels = {cancels} }}
[strategies.limits]
orders_per_second_max = 200
orders_burst_max = 200
position_notional_max = "5000000"
gross_notional_max = "5000000"
executions_max = 100000
executions_window_ms = 10000
"""


class TrialVenue(NamedTuple):
    """``lots``: a usual order. ``name_at_venue`` of one of our client order ids. ``instrument``: as the venue lists it.
    ``quote_rounding_nanos``: by how much each execution's cost may be cut."""

    name: str
    currency: str
    instrument: Instrument
    orders_path: str
    streams_path: str
    key_type: str
    secret: str
    lots: int
    quote_rounding_nanos: int
    name_at_venue: Callable[[str], str]
    simulated: Callable[[int], SimulatedVenue]


def _money(instrument: Instrument) -> tuple[tuple[str, str], ...]:
    return tuple((asset, str(BALANCE)) for asset in (instrument.base_asset, instrument.quote_asset))


def _quiet(flow: FlowParameters) -> FlowParameters:
    """A few events a second: the engine's own orders are what it is about."""
    return msgspec.structs.replace(
        flow, events_per_second=20, market_percent=20, levels=30, resting_orders=60, distance_ticks=(1, 8, 40)
    )


def _binance(seed: int) -> SimulatedVenue:
    instrument = default_instrument()
    market = SyntheticMarket(instrument, seed, _quiet(FlowParameters()))
    account = binance.SimAccount(ACCOUNT, (binance.SimKey(_API_KEY, "hmac", secret=_HMAC),), _money(instrument))
    limits = binance.VenueLimits(orders_per_10_seconds=1_000)
    options = binance.VenueOptions(limits, seed=seed, read_lag_ns=150_000_000)
    return SimulatedBinance({instrument.symbol: market}, (account,), _ENDPOINT, options)


def _coinbase(seed: int) -> SimulatedVenue:
    instrument = coinbase_instrument()
    market = SyntheticMarket(instrument, seed, _quiet(COINBASE_FLOW))
    public = _P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    account = coinbase.SimAccount(ACCOUNT, (coinbase.SimKey(_API_KEY, public),), _money(instrument))
    options = coinbase.VenueOptions(seed=seed, read_lag_ns=150_000_000)
    return SimulatedCoinbase({instrument.symbol: market}, (account,), _ENDPOINT, options)


def _kraken(seed: int) -> SimulatedVenue:
    instrument = kraken_instrument()
    market = SyntheticMarket(instrument, seed, _quiet(KRAKEN_FLOW))
    account = kraken.SimAccount(ACCOUNT, (kraken.SimKey(_API_KEY, _KRAKEN_SECRET),), _money(instrument))
    options = kraken.VenueOptions(seed=seed, read_lag_ns=150_000_000)
    return SimulatedKraken({instrument.symbol: market}, (account,), _ENDPOINT, options)


TRIAL_VENUES: dict[str, TrialVenue] = {
    "binance": TrialVenue(
        name="binance",
        currency="USDT",
        instrument=default_instrument(),
        orders_path="/ws-api/v3",
        streams_path="",
        key_type="hmac",
        secret=_HMAC,
        lots=100,
        quote_rounding_nanos=0,
        name_at_venue=lambda name: name,
        simulated=_binance,
    ),
    "coinbase": TrialVenue(
        name="coinbase",
        currency="USD",
        instrument=coinbase_instrument(),
        orders_path="",
        streams_path="",
        key_type="es256",
        secret=_P256_PEM,
        lots=100_000,
        quote_rounding_nanos=2,
        name_at_venue=lambda name: name,
        simulated=_coinbase,
    ),
    "kraken": TrialVenue(
        name="kraken",
        currency="USD",
        instrument=kraken_instrument(),
        orders_path="/v2",
        streams_path="/v2",
        key_type="hmac",
        secret=_KRAKEN_SECRET,
        lots=100_000,
        quote_rounding_nanos=20_000,
        name_at_venue=venue_id,
        simulated=_kraken,
    ),
}


def write_config(
    venue: TrialVenue,
    directory: Path,
    seed: int,
    *,
    port: int = _PORT,
    source: str = "cli.simulation.trader:Trader",
    interval_ms: int = 200,
    cancels: bool = True,
) -> Path:
    """The configuration of a trial and its key files; returns its path. ``source`` is a ``Trader``, or made of one."""
    for suffix, text in (("key", _API_KEY), ("secret", venue.secret)):
        path = directory / f"venue.{suffix}"
        path.write_text(text)
        path.chmod(0o600)
    path = directory / "trial.toml"
    path.write_text(
        _CONFIG.format(
            name=venue.name,
            currency=venue.currency,
            symbol=venue.instrument.symbol,
            port=port,
            source=source,
            interval_ms=interval_ms,
            cancels=str(cancels).lower(),
            orders_path=venue.orders_path,
            streams_path=venue.streams_path,
            key_type=venue.key_type,
            seed=seed,
            lots=venue.lots,
        )
    )
    return path
