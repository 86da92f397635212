"""A Coinbase in memory, with clients whose tokens are made here, by hand: one key of each kind."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from memory_venue import MemoryHost, QuietMarket, RestClient, SocketClient

from adapters.simulator.coinbase import SimAccount, SimKey, SimulatedCoinbase, VenueOptions
from engine.actor import Endpoint
from engine.codes import Side
from engine.instrument import NANOS, Instrument

BASE = "/api/v3/brokerage/"
#: The keys that the venue's own SDK is tested with.
EC_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIKwf3Uox30cRWzRBOPoPOH5p0Gpb0Dt8zUKXUEM5fMkGoAoGCCqGSM49
AwEHoUQDQgAEbAtpLlSZYVOwYICz+uEyxcS29vRIujiES/gQ1DC7FV4zK4JuYE9v
qDyGZQYjdXHLM7I6f/QnnOITL+dXYWBHRA==
-----END EC PRIVATE KEY-----"""
ED25519_SEED = "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputA="

_EC = load_pem_private_key(EC_PEM.encode(), None)
assert isinstance(_EC, ec.EllipticCurvePrivateKey)
EC_KEY: ec.EllipticCurvePrivateKey = _EC
ED_KEY = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ED25519_SEED))
EC_PUBLIC = EC_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ED_PUBLIC = ED_KEY.public_key().public_bytes_raw()


def instrument(**changes: Any) -> Instrument:
    fields: dict[str, Any] = {
        "instrument_id": 1,
        "venue": "coinbase",
        "symbol": "BTC-USD",
        "base_asset": "BTC",
        "quote_asset": "USD",
        "tick_units": 1,
        "price_scale": 2,
        "lot_units": 1,
        "quantity_scale": 8,
        "price_ticks_min": 1,
        "price_ticks_max": 0,
        "quantity_lots_min": 1,
        "quantity_lots_max": 340_000_000_000,
        "notional_tick_lots_min": 10**10,  # 1 USD
    }
    return Instrument(**{**fields, **changes})


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class CoinbaseSocket(SocketClient):
    """A WebSocket connection, whose messages of channels have to be numbered without a gap."""

    def __init__(self, harness: "Harness", key: str) -> None:
        super().__init__(harness.host, "/")
        self.harness, self.key = harness, key
        self.kept: list[Any] = []
        self.numbered = 0

    def look(self) -> list[Any]:
        """Everything since the last look."""
        found = self.messages()
        for each in found:
            if "channel" in each:
                assert each["sequence_num"] == self.numbered
                self.numbered += 1
        return found

    def ask(self, kind: str, channel: str, *products: str, signed: bool = False, **more: Any) -> list[Any]:
        message: dict[str, Any] = {"type": kind, "channel": channel, **more}
        if products:
            message["product_ids"] = list(products)
        if signed:
            message["jwt"] = self.harness.token(self.key)
        self.send(msgspec.json.encode(message))
        return self.look()

    def subscribe(self, channel: str, *products: str, signed: bool = False) -> list[Any]:
        return self.ask("subscribe", channel, *products, signed=signed)

    def follow_orders(self) -> "CoinbaseSocket":
        self.subscribe("user", signed=True)
        return self

    def take(self, channel: str) -> list[Any]:
        """The events of a channel since it was last taken."""
        self.kept += self.look()
        found = [event for each in self.kept if each.get("channel") == channel for event in each["events"]]
        self.kept = [each for each in self.kept if each.get("channel") != channel]
        return found

    def orders(self) -> list[Any]:
        return [order for event in self.take("user") for order in event["orders"]]

    def states(self) -> list[tuple[str, str]]:
        return [(each["status"], each["cumulative_quantity"]) for each in self.orders()]


class Harness:
    """A venue with two accounts: ``a`` (keys ``keyA``, ES256; ``edA``, EdDSA; ``readA``, which may only read;
    ``richA``, which may transfer) and ``b`` (``keyB``), which pays no fees."""

    def __init__(self, markets: list[Any], **options: Any) -> None:
        self.market = markets[0]
        money = (("BTC", "10"), ("USD", "1000000"))
        keys_a = (
            SimKey("keyA", EC_PUBLIC),
            SimKey("edA", ED_PUBLIC),
            SimKey("readA", ED_PUBLIC, ("view",)),
            SimKey("richA", EC_PUBLIC, ("view", "trade", "transfer")),
        )
        accounts = (
            SimAccount("a", keys_a, money),
            SimAccount("b", (SimKey("keyB", EC_PUBLIC),), money, 0, 0),
        )
        listed = {market.instrument.symbol: market for market in markets}
        chosen = {"queue_ns": 0, "book_interval_ns": 0, "trades_interval_ns": 0, "fills_lag_ns": 0, **options}
        self.actor = SimulatedCoinbase(listed, accounts, [Endpoint("localhost", 0, False)], VenueOptions(**chosen))
        self.host = MemoryHost(self.actor)
        self.rest = RestClient(self.host)
        self._nonce = 0
        self._names = 0

    # -- tokens -------------------------------------------------------------------------------------------------

    def token(self, key: str, bound_to: str = "", head: dict[str, Any] | None = None, **claims: Any) -> str:
        self._nonce += 1
        is_ed = key in ("edA", "readA")
        now_s = self.host.wall_ns(self.host.now_ns) // NANOS
        header = {"alg": "EdDSA" if is_ed else "ES256", "kid": key, "nonce": f"{self._nonce:032x}", "typ": "JWT"}
        body: dict[str, Any] = {"sub": key, "iss": "cdp", "nbf": now_s, "exp": now_s + 120}
        if bound_to:
            body["uri"] = bound_to
        text = ".".join(encoded(msgspec.json.encode(each)) for each in ({**header, **(head or {})}, {**body, **claims}))
        if is_ed:
            return f"{text}.{encoded(ED_KEY.sign(text.encode()))}"
        r, s = decode_dss_signature(EC_KEY.sign(text.encode(), ec.ECDSA(SHA256())))
        return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    @staticmethod
    def encode(message: Any) -> bytes:
        return msgspec.json.encode(message)

    @staticmethod
    def secret(key: str) -> str:
        """What the owner of a key was given."""
        return ED25519_SEED if key in ("edA", "readA") else EC_PEM

    # -- REST ---------------------------------------------------------------------------------------------------

    def raw(self, method: str, name: str, token: str | None, body: bytes = b"", query: str = "") -> tuple[int, Any]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        status, answer = self.rest.request(method, f"{BASE}{name}{query}", headers, body)
        return status, answer

    def uri(self, method: str, name: str) -> str:
        return f"{method} api.coinbase.com{BASE}{name}"

    def public(self, name: str, *pairs: tuple[str, Any], **params: Any) -> tuple[int, Any]:
        return self.raw("GET", name, None, query="?" + urlencode([*pairs, *params.items()]))

    def get(self, name: str, *pairs: tuple[str, Any], key: str = "keyA", **params: Any) -> tuple[int, Any]:
        query = "?" + urlencode([*pairs, *params.items()])
        return self.raw("GET", name, self.token(key, self.uri("GET", name)), query=query)

    def post(self, name: str, body: Any, key: str = "keyA") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.raw("POST", name, self.token(key, self.uri("POST", name)), data)

    def ok(self, answer: tuple[int, Any]) -> Any:
        assert answer[0] == 200, answer
        return answer[1]

    # -- orders -------------------------------------------------------------------------------------------------

    def order(self, side: str = "BUY", kind: str = "limit_limit_gtc", **shape: Any) -> dict[str, Any]:
        """The body of a new order; sizes and prices are given as text."""
        self._names += 1
        return {
            "client_order_id": f"own-{self._names}",
            "product_id": self.market.instrument.symbol,
            "side": side,
            "order_configuration": {kind: shape},
        }

    def limit(self, side: str, price: str, size: str, key: str = "keyA", **more: Any) -> str:
        """Place a limit order that has to be taken; its id."""
        return self.created(self.order(side, base_size=size, limit_price=price, **more), key)

    def created(self, order: dict[str, Any], key: str = "keyA") -> str:
        answer = self.ok(self.post("orders", order, key))
        assert answer["success"], answer
        assert answer["success_response"]["client_order_id"] == order["client_order_id"]
        return str(answer["success_response"]["order_id"])

    def refusal(self, order: dict[str, Any], key: str = "keyA") -> tuple[str, str]:
        """(error, preview_failure_reason) of an order that may not be taken."""
        answer = self.ok(self.post("orders", order, key))
        assert answer["success"] is False, answer
        return answer["error_response"]["error"], answer["error_response"]["preview_failure_reason"]

    def seen(self, order_id: str, key: str = "keyA") -> Any:
        return self.ok(self.get(f"orders/historical/{order_id}", key=key))["order"]

    def cancel(self, *order_ids: str, key: str = "keyA") -> list[str]:
        """The failure reason of each; "" where it was taken."""
        results = self.ok(self.post("orders/batch_cancel", {"order_ids": list(order_ids)}, key))["results"]
        assert [each["order_id"] for each in results] == list(order_ids)
        return ["" if each["success"] else each["failure_reason"] for each in results]

    def edit(self, order_id: str, price: str, size: str) -> tuple[str, str]:
        """(edit_failure_reason, preview_failure_reason); both "" where it was taken."""
        answer = self.ok(self.post("orders/edit", {"order_id": order_id, "price": price, "size": size}))
        if answer["success"]:
            return "", ""
        (error,) = answer["errors"]
        return error["edit_failure_reason"], error["preview_failure_reason"]

    def fills(self, *pairs: tuple[str, Any], key: str = "keyA", **params: Any) -> list[Any]:
        return list(self.ok(self.get("orders/historical/fills", *pairs, key=key, **params))["fills"])

    # -- the rest -----------------------------------------------------------------------------------------------

    def socket(self, key: str = "keyA") -> CoinbaseSocket:
        return CoinbaseSocket(self, key)

    def others(self, side: Side, price_ticks: int, lots: int, *, ioc: bool = False) -> None:
        """An order of the anonymous public, and what it means for the clients."""
        self.market.anonymous(side, price_ticks, lots, self.host.now_ns, ioc=ioc)
        self.market.publish("btc-usd@depth", b"")  # a real market tells that its book has changed
        self.actor.on_timer("due", self.host.now_ns)

    def trade(self, price_ticks: int, lots: int, aggressor: Side = Side.BUY, number: int = 1) -> None:
        """A trade of others, as a market publishes it."""
        listing = self.actor.exchange.listings[self.market.instrument.symbol]
        row = {
            "t": number,
            "p": listing.prices.text(price_ticks),
            "q": listing.quantities.text(lots),
            "T": self.host.wall_ms,
            "m": aggressor is Side.SELL,
        }
        self.market.publish("btc-usd@trade", msgspec.json.encode(row))
        self.actor.on_timer("due", self.host.now_ns)

    def balance(self, account: str, asset: str) -> tuple[int, int]:
        """(free, locked) in nanos."""
        balance = self.actor.exchange.accounts[account].balance(asset)
        return balance.free_nanos, balance.locked_nanos


@pytest.fixture
def make_venue() -> Callable[..., Harness]:
    """A venue of one or more quiet markets; keyword arguments are ``VenueOptions``."""

    def make(*markets: Any, **options: Any) -> Harness:
        return Harness(list(markets) or [QuietMarket(instrument())], **options)

    return make


@pytest.fixture
def venue(make_venue: Callable[..., Harness]) -> Harness:
    """BTC-USD alone; nothing is queued or delayed, and there are no limits to speak of."""
    return make_venue(private_per_second=10_000, public_per_second=10_000, unsigned_messages_per_second=1_000)


@pytest.fixture
def make_market() -> Callable[..., QuietMarket]:
    return lambda **changes: QuietMarket(instrument(**changes))
