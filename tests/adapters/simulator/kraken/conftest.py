"""A Kraken in memory, with clients that sign as the venue demands."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from memory_venue import MemoryHost, QuietMarket, RestClient, SocketClient

from adapters.simulator.kraken import PERMISSIONS, PRO, SimAccount, SimKey, SimulatedKraken, VenueOptions
from engine.actor import Endpoint
from engine.codes import Side
from engine.instrument import Instrument

SECRETS = {name: base64.b64encode(name.encode() * 8).decode() for name in ("keyA", "readA", "richA", "keyB")}
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def instrument(**changes: Any) -> Instrument:
    fields: dict[str, Any] = {
        "instrument_id": 1,
        "venue": "kraken",
        "symbol": "BTC/USD",
        "base_asset": "BTC",
        "quote_asset": "USD",
        "tick_units": 1,
        "price_scale": 1,
        "lot_units": 1,
        "quantity_scale": 8,
        "price_ticks_min": 1,
        "price_ticks_max": 0,
        "quantity_lots_min": 10_000,
        "quantity_lots_max": 0,
        "notional_tick_lots_min": 500_000_000,  # 0.5 USD
    }
    return Instrument(**{**fields, **changes})


class KrakenSocket(SocketClient):
    """A WebSocket v2 connection: answers have ``method``, pushes ``channel``."""

    def __init__(self, harness: "Harness", key: str) -> None:
        super().__init__(harness.host, "/v2")
        self.harness, self.key = harness, key
        self.token = ""
        self.pushes: list[Any] = []
        self._req_id = 0

    def messages(self) -> list[Any]:
        return [_decode(data) for data in self.raw_messages()]

    def log_on(self) -> "KrakenSocket":
        self.token = self.harness.private("GetWebSocketsToken", self.key)["token"]
        return self

    def calls(self, method: str, **params: Any) -> list[Any]:
        """Every answer to one request."""
        self._req_id += 1
        request = {"method": method, "params": params, "req_id": self._req_id}
        self.send(msgspec.json.encode(request))
        return self.answers(self._req_id)

    def answers(self, req_id: int | None) -> list[Any]:
        found = []
        for message in self.messages():
            if "method" in message and message.get("req_id") == req_id:
                found.append(message)
            else:
                self.pushes.append(message)
        return found

    def call(self, method: str, **params: Any) -> Any:
        (answer,) = self.calls(method, **params)
        return answer

    def trade(self, method: str, **params: Any) -> Any:
        return self.call(method, token=self.token, **params)

    def subscribe(self, channel: str, **params: Any) -> Any:
        return self.call("subscribe", channel=channel, **params)

    def follow(self, channel: str, **params: Any) -> Any:
        """A private channel."""
        answer = self.subscribe(channel, token=self.token, **params)
        assert answer["success"], answer
        return answer["result"]

    def take(self, channel: str) -> list[Any]:
        """What was pushed on a channel since the last look."""
        self.pushes += self.messages()
        found = [each for each in self.pushes if each.get("channel") == channel]
        self.pushes = [each for each in self.pushes if each.get("channel") != channel]
        return found

    def reports(self) -> list[Any]:
        return [row for message in self.take("executions") if message["type"] == "update" for row in message["data"]]


class Harness:
    """A venue with two accounts: ``a`` (keys ``keyA``; ``readA``, which may only read; ``richA``, which may withdraw)
    and ``b`` (key ``keyB``), which pays no fees."""

    def __init__(self, markets: list[Any], tier: Any = PRO, **options: Any) -> None:
        self.market = markets[0]
        money = (("BTC", "10"), ("USD", "1000000"))
        read_only = ("query-funds", "query-open-trades", "create-ws-token")
        keys_a = (
            SimKey("keyA", SECRETS["keyA"]),
            SimKey("readA", SECRETS["readA"], read_only, nonce_window=1_000),
            SimKey("richA", SECRETS["richA"], (*PERMISSIONS, "withdraw-funds")),
        )
        accounts = (
            SimAccount("a", keys_a, money, tier=tier),
            SimAccount("b", (SimKey("keyB", SECRETS["keyB"]),), money, 0, 0, tier=tier),
        )
        listed = {market.instrument.symbol: market for market in markets}
        self.actor = SimulatedKraken(listed, accounts, [Endpoint("localhost", 0, False)], VenueOptions(**options))
        self.host = MemoryHost(self.actor)
        self.rest = RestClient(self.host)
        self._nonce = 10**18

    def public(self, name: str, **params: Any) -> Any:
        status, body = self.rest.request("GET", f"/0/public/{name}?{urlencode(params)}")
        assert status == 200
        return body

    def post(self, name: str, key: str, body: bytes, nonce: int, content_type: str, sign: str | None = None) -> Any:
        path = f"/0/private/{name}"
        headers = {"API-Key": key, "API-Sign": sign or self.sign(key, path, nonce, body), "Content-Type": content_type}
        status, answer = self.rest.request("POST", path, headers, body)
        assert status == 200
        return answer

    @staticmethod
    def sign(key: str, path: str, nonce: int, body: bytes) -> str:
        inner = hashlib.sha256(str(nonce).encode() + body).digest()
        mac = hmac.new(base64.b64decode(SECRETS.get(key, "c2VjcmV0")), path.encode() + inner, hashlib.sha512)
        return base64.b64encode(mac.digest()).decode()

    def ask(self, name: str, key: str = "keyA", **params: Any) -> Any:
        """A signed request; the whole answer."""
        self._nonce += 1
        body = urlencode({"nonce": self._nonce, **params}).encode()
        return self.post(name, key, body, self._nonce, "application/x-www-form-urlencoded")

    def ask_json(self, name: str, key: str = "keyA", **params: Any) -> Any:
        self._nonce += 1
        body = msgspec.json.encode({"nonce": self._nonce, **params})
        return self.post(name, key, body, self._nonce, "application/json")

    def private(self, name: str, key: str = "keyA", **params: Any) -> Any:
        """A signed request that must succeed; its result."""
        answer = self.ask(name, key, **params)
        assert answer["error"] == [], answer
        return answer["result"]

    def socket(self, key: str = "keyA") -> KrakenSocket:
        return KrakenSocket(self, key)

    def trader(self, key: str = "keyA") -> KrakenSocket:
        """A connection that follows executions; what it began with is dropped."""
        client = self.socket(key).log_on()
        client.follow("executions")
        client.take("executions")
        return client

    def others(self, side: Side, price_ticks: int, lots: int, *, ioc: bool = False) -> None:
        """An order of the anonymous public, and what it means for the clients."""
        self.market.anonymous(side, price_ticks, lots, self.host.now_ns, ioc=ioc)
        self.market.publish("btc/usd@depth", b"")  # a real market tells that its book has changed
        self.actor.on_timer("market", self.host.now_ns)

    def balance(self, account: str, asset: str) -> tuple[int, int]:
        """(free, locked) in nanos."""
        balance = self.actor.exchange.accounts[account].balance(asset)
        return balance.free_nanos, balance.locked_nanos


def order(side: str = "buy", price: Any = 100.0, quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """A limit order's parameters."""
    terms = {"order_type": "limit", "side": side, "symbol": "BTC/USD", "order_qty": quantity, "limit_price": price}
    return {**terms, **more}


@pytest.fixture
def make_venue() -> Callable[..., Harness]:
    """A venue of one or more quiet markets; keyword arguments are ``VenueOptions`` and ``tier``."""

    def make(*markets: Any, **options: Any) -> Harness:
        return Harness(list(markets) or [QuietMarket(instrument())], **options)

    return make


@pytest.fixture
def venue(make_venue: Callable[..., Harness]) -> Harness:
    """BTC/USD alone, on the Pro tier."""
    return make_venue()


@pytest.fixture
def make_order() -> Callable[..., dict[str, Any]]:
    return order


@pytest.fixture
def make_market() -> Callable[..., QuietMarket]:
    return lambda **changes: QuietMarket(instrument(**changes))
