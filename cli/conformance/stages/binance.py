"""Binance on the stage."""

from collections.abc import Mapping
from typing import Any

from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import (
    Credentials,
    Ed25519Signer,
    HmacSigner,
    KeyType,
    query_string,
    signed_query,
    websocket_payload,
)
from adapters.binance.urls import BinanceEndpoints
from adapters.simulator.binance import SimAccount, SimKey, SimulatedBinance, VenueLimits, VenueOptions
from adapters.simulator.synthetic_market import default_instrument
from adapters.simulator.venue import SimulatedVenue
from cli.conformance.quiet_market import QuietMarket
from cli.conformance.row_names import DEAD_MAN
from cli.conformance.stage import ACCOUNT, HERE, MONEY, Fields, Key, Links, Stage, Vector
from engine.instrument import Instrument
from engine.venue import VenueListener, VenueSession

__all__ = ["BinanceStage"]

_API_KEYS = {key: key.name.lower().ljust(64, "x") for key in Key}
_SECRETS = {key: f"secret of {key.value}" for key in Key}


class BinanceStage(Stage):
    name = "binance"
    symbols = ((1, "BTCUSDT"), (2, "ETHUSDT"))
    lot = 10**5
    fee_nanos = (1_000_000, 1_000_000)
    links = Links("session:rest", "session:orders", "session:orders", "session:streams")
    fields = Fields(
        maps=frozenset(),
        strict=(
            ("x", "x"), ("x", "X"), ("x", "S"), ("x", "l"), ("x", "L"), ("x", "n"), ("x", "z"),
            ("a", "f"), ("a", "l"), ("executedQty", "status"), ("executedQty", "executedQty"),
        ),
        descriptive=(
            ("x", "f"), ("x", "V"), ("x", "r"), ("x", "N"), ("filters", "status"), ("accountType", "accountType"),
            ("filters", "defaultSelfTradePreventionMode"), ("executedQty", "timeInForce"), ("executedQty", "type"),
            ("executedQty", "selfTradePreventionMode"),
        ),
    )  # fmt: skip
    absent: Mapping[str, str] = {DEAD_MAN: "spot has no such timer"}

    def instrument(self, instrument_id: int, symbol: str) -> Instrument:
        return default_instrument(instrument_id, symbol)

    def venue(self, markets: Mapping[str, QuietMarket]) -> SimulatedBinance:
        money = tuple((asset, MONEY) for asset in ("BTC", "ETH", "USDT"))
        trade, withdraw = ((SimKey(_API_KEYS[key], "hmac", secret=_SECRETS[key]),) for key in (Key.TRADE, Key.WITHDRAW))
        accounts = (SimAccount(ACCOUNT, trade, money), SimAccount("rich", withdraw, money, can_withdraw=True))
        options = VenueOptions(VenueLimits(), read_lag_ns=150_000_000)
        return SimulatedBinance(markets, accounts, (HERE,), options)

    def session(self, listener: VenueListener, key: Key, options: Mapping[str, Any]) -> VenueSession:
        api_key = _API_KEYS[Key.TRADE if key is Key.FORGED else key]
        credentials = Credentials(api_key, KeyType.HMAC, _SECRETS[key])
        endpoints = BinanceEndpoints(HERE, HERE, HERE)
        return BinanceSession("binance", self.symbols, credentials, endpoints, listener, BinanceOptions(**options))

    def set_trading(self, venue: SimulatedVenue, is_trading: bool, now_ns: int) -> None:
        assert isinstance(venue, SimulatedBinance)
        venue.set_trading(self.symbol(1), is_trading)

    def vectors(self) -> list[Vector]:
        return [*_rest_vectors(), *_socket_vectors()]


_DOCS_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
_DOCS_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
_WIDE = "１２３４５６"


def _rest_vectors() -> list[Vector]:
    signer = HmacSigner(_DOCS_KEY, _DOCS_SECRET)
    expected = {
        "LTCBTC": "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        _WIDE: "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    }
    vectors = []
    for symbol, signature in expected.items():
        params: list[tuple[str, str | int]] = [
            ("symbol", symbol),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1"),
            ("price", "0.1"),
            ("recvWindow", 5000),
            ("timestamp", 1499827319559),
        ]
        made = signed_query(signer, params)
        name = f"REST, HMAC, {'plain' if symbol.isascii() else 'percent-encoded'} symbol (the venue's documentation)"
        vectors.append(Vector(name, made, f"{query_string(params)}&signature={signature}"))
    return vectors


def _socket_vectors() -> list[Vector]:
    plain: dict[str, str | int] = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "price": "52000.00",
        "quantity": "0.01000000",
        "recvWindow": 100,
    }
    wide: dict[str, str | int] = {
        "symbol": _WIDE,
        "side": "BUY",
        "price": "0.10000000",
        "quantity": "1.00000000",
        "recvWindow": 5000,
    }
    common: dict[str, str | int] = {
        "type": "LIMIT",
        "timeInForce": "GTC",
        "timestamp": 1645423376532,
        "apiKey": _DOCS_KEY,
    }
    signer = HmacSigner(_DOCS_KEY, _DOCS_SECRET)
    logon_key = "IUA8RM0EJObe4X7UWxy74jAp6s2TJL2flZgDoxzx5AU3ws1I81Gr8ID3MVwfnYVD"
    logon = Ed25519Signer(logon_key, "MC4CAQAwBQYDK2VwBCIEIKpUYyNZ0pOcbuqxHgXnmrV2veFbP/dEJosCjJXalt22")
    return [
        Vector(
            "WebSocket, HMAC (the venue's documentation)",
            signer.sign(websocket_payload({**plain, **common})),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        Vector(
            "WebSocket, HMAC, wide symbol (the venue's documentation)",
            signer.sign(websocket_payload({**wide, **common})),
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        Vector(
            "session.logon, Ed25519 (another implementation: the venue publishes no key)",
            logon.sign(websocket_payload({"timestamp": 1674303865000, "apiKey": logon_key})),
            "imcEenTd/ElJ8eQ0n7Hx2QGTd4lX+/uJFRG/8HqdzOkMhyyFG8h5MtjqucuBPnTFbBiAkVXqt5QvVK0r4kFxDA==",
        ),
    ]
