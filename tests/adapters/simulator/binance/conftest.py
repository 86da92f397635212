"""A Binance in memory, with clients that sign as the venue demands."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from memory_venue import MemoryHost, QuietMarket, RestClient, SocketClient

from adapters.simulator.binance import SimAccount, SimKey, SimulatedBinance, VenueLimits, VenueOptions
from engine.actor import Endpoint
from engine.instrument import Instrument

ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED25519_PUBLIC = ED25519.public_key().public_bytes_raw()


def instrument(**changes: Any) -> Instrument:
    fields: dict[str, Any] = {
        "instrument_id": 1,
        "venue": "binance",
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "tick_units": 1,
        "price_scale": 2,
        "lot_units": 1,
        "quantity_scale": 5,
        "price_ticks_min": 1,
        "price_ticks_max": 100_000_000,
        "quantity_lots_min": 1,
        "quantity_lots_max": 900_000_000,
        "market_quantity_lots_max": 50_000_000,
        "notional_tick_lots_min": 50_000_000,  # 5 USDT
        "notional_tick_lots_max": 90_000_000_000_000,
        "open_orders_max": 200,
        "bid_up_ppm": 5_000_000,
        "bid_down_ppm": 200_000,
        "ask_up_ppm": 5_000_000,
        "ask_down_ppm": 200_000,
        "market_notional_min_applies": True,
    }
    return Instrument(**{**fields, **changes})


class ApiClient(SocketClient):
    """The WebSocket API: requests by method name; answers and events are told apart by ``id``."""

    def __init__(self, harness: "Harness", path: str = "/ws-api/v3", key: str = "", step: int = 0) -> None:
        super().__init__(harness.host, path, step)
        self.harness = harness
        self.key = key
        self.events: list[Any] = []
        self._id = 0

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        self._id += 1
        self.send(msgspec.json.encode({"id": self._id, "method": method, "params": params or {}}))
        return self.answer(self._id)

    def answer(self, request_id: int | str | None) -> Any:
        found = None
        for message in self.messages():
            if "status" in message and (message["id"] == request_id or message["id"] is None):
                found = message
            else:
                self.events.append(message)
        return found

    def signed(self, method: str, **params: Any) -> Any:
        return self.call(method, self.harness.sign_ws(self.key or "hmacA", params))

    def in_session(self, method: str, **params: Any) -> Any:
        return self.call(method, {"timestamp": self.harness.host.wall_ms, **params})

    def log_on(self, key: str = "edA") -> "ApiClient":
        assert self.call("session.logon", self.harness.sign_ws(key, {}))["status"] == 200
        return self

    def take_events(self) -> list[Any]:
        self.events += self.messages()
        events, self.events = self.events, []
        return events

    def reports(self) -> list[Any]:
        return [e["event"] for e in self.take_events() if e.get("event", {}).get("e") == "executionReport"]


class Harness:
    """A venue with two accounts: ``a`` (keys ``hmacA``, ``edA``, ``readA``) and ``b`` (keys ``hmacB``, ``edB``)."""

    def __init__(self, markets: list[Any], **options: Any) -> None:
        self.market = markets[0]
        money = (("BTC", "10"), ("USDT", "1000000"))
        keys_a = (
            SimKey("hmacA", "hmac", secret="secretA"),
            SimKey("edA", "ed25519", public_key=ED25519_PUBLIC),
            SimKey("readA", "hmac", secret="secretR", can_trade=False),
        )
        keys_b = (SimKey("hmacB", "hmac", secret="secretB"), SimKey("edB", "ed25519", public_key=ED25519_PUBLIC))
        accounts = (
            SimAccount("a", keys_a, money, maker_fee_ppm=1_000, taker_fee_ppm=2_000),
            SimAccount("b", keys_b, money, maker_fee_ppm=0, taker_fee_ppm=0, can_withdraw=True),
        )
        listed = {market.instrument.symbol: market for market in markets}
        self.actor = SimulatedBinance(listed, accounts, [Endpoint("localhost", 0, False)], VenueOptions(**options))
        self.host = MemoryHost(self.actor)
        self.secrets = {"hmacA": "secretA", "readA": "secretR", "hmacB": "secretB"}

    # clients
    def rest(self, step: int = 0) -> RestClient:
        return RestClient(self.host, step)

    def api(self, key: str = "hmacA", path: str = "/ws-api/v3", step: int = 0) -> ApiClient:
        return ApiClient(self, path, key, step)

    def stream(self, path: str, step: int = 0) -> SocketClient:
        return SocketClient(self.host, path, step)

    def subscribed(self, key: str = "hmacA", path: str = "/ws-api/v3") -> ApiClient:
        client = self.api(key, path)
        assert client.signed("userDataStream.subscribe.signature")["status"] == 200
        return client

    # signatures
    def signature(self, key: str, payload: bytes) -> str:
        if key in self.secrets:
            return hmac.new(self.secrets[key].encode(), payload, hashlib.sha256).hexdigest()
        return base64.b64encode(ED25519.sign(payload)).decode()

    def sign_ws(self, key: str, params: dict[str, Any]) -> dict[str, Any]:
        full = {"timestamp": self.host.wall_ms, "apiKey": key, **params}
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in full.items()}
        payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
        return {**full, "signature": self.signature(key, payload.encode())}

    def sign_rest(self, key: str, params: dict[str, Any]) -> str:
        full = {"timestamp": self.host.wall_ms, **params}
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in full.items())
        return f"{query}&signature={quote(self.signature(key, query.encode()), safe='')}"

    def signed_rest(self, client: RestClient, method: str, path: str, key: str = "hmacA", **params: Any) -> Any:
        target = f"/api/v3/{path}?{self.sign_rest(key, params)}"
        return client.request(method, target, {"X-MBX-APIKEY": key})

    # orders
    def limit(self, side: str = "BUY", price: str = "100.00", quantity: str = "1", **more: Any) -> dict[str, Any]:
        terms = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        return {**terms, "price": price, "quantity": quantity, **more}

    def balance(self, account: str, asset: str) -> tuple[int, int]:
        """(free, locked) in nanos."""
        balance = self.actor.exchange.accounts[account].balance(asset)
        return balance.free_nanos, balance.locked_nanos


@pytest.fixture
def make_venue() -> Callable[..., Harness]:
    """A venue of one or more quiet markets; keyword arguments are ``VenueOptions``."""

    def make(*markets: QuietMarket, **options: Any) -> Harness:
        return Harness(list(markets) or [QuietMarket(instrument())], **options)

    return make


@pytest.fixture
def venue(make_venue: Callable[..., Harness]) -> Harness:
    """The usual one: BTCUSDT, no limits in the way."""
    return make_venue(limits=VenueLimits(weight_per_minute=10**9, stream_messages_per_second=1_000))


@pytest.fixture
def make_market() -> Callable[..., QuietMarket]:
    return lambda **changes: QuietMarket(instrument(**changes))
