"""A venue's settings as an adapter session."""

from pathlib import Path
from typing import Any, Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.sessions import cancelling_session, trading_session
from adapters.binance.session import BinanceSession
from adapters.coinbase.session import CoinbaseSession
from adapters.kraken.session import KrakenSession
from config.settings import CredentialSettings, VenueSettings

LISTENER: Any = None
SECRETS = {
    "hmac": b"c2VjcmV0c2VjcmV0",
    "es256": derive_private_key(5, SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ),
}


def settings(
    folder: Path, adapter: Literal["binance", "coinbase", "kraken"], key_type: Literal["hmac", "es256"], **changes: Any
) -> VenueSettings:
    for name, content in (("key", b"organizations"), ("secret", SECRETS[key_type])):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    credentials = CredentialSettings(key_type, str(folder / "key"), str(folder / "secret"))
    return VenueSettings(
        name="here",
        adapter=adapter,
        account="main",
        rest_url="https://rest.example",
        orders_url="wss://orders.example/path",
        streams_url="wss://streams.example:9443",
        credentials=credentials,
        instruments=(),
        **changes,
    )


def test_each_adapter_makes_its_own_session(tmp_path: Path) -> None:
    binance = trading_session(settings(tmp_path, "binance", "hmac"), [(1, "BTCUSDT")], LISTENER, None)
    assert isinstance(binance, BinanceSession)
    assert binance.options.market_data
    coinbase = trading_session(settings(tmp_path, "coinbase", "es256"), [(1, "BTC-USD")], LISTENER, None)
    assert isinstance(coinbase, CoinbaseSession)
    assert coinbase.options.market_data
    kraken = trading_session(settings(tmp_path, "kraken", "hmac"), [(1, "BTC/USD")], LISTENER, None)
    assert isinstance(kraken, KrakenSession)
    assert kraken.options.market_data
    assert kraken.options.watches_account


@pytest.mark.parametrize("accepted", [False, True])
def test_a_coinbase_key_may_withdraw_only_where_the_configuration_says_so(tmp_path: Path, accepted: bool) -> None:
    venue = settings(tmp_path, "coinbase", "es256", key_may_withdraw=accepted)
    session = trading_session(venue, [(1, "BTC-USD")], LISTENER, None)
    assert isinstance(session, CoinbaseSession)
    assert session.options.key_may_withdraw is accepted


@pytest.mark.parametrize(
    ("adapter", "key_type", "symbol"),
    [("binance", "hmac", "BTCUSDT"), ("coinbase", "es256", "BTC-USD"), ("kraken", "hmac", "BTC/USD")],
)
def test_an_undertaker_needs_no_market_data(tmp_path: Path, adapter: Any, key_type: Any, symbol: str) -> None:
    session = cancelling_session(settings(tmp_path, adapter, key_type), [(1, symbol)], LISTENER)
    assert isinstance(session, BinanceSession | CoinbaseSession | KrakenSession)
    assert not session.options.market_data
