"""A venue in memory: a host with hand-rolled time, a quiet market, and clients that speak the real protocols."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import h11
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from adapters.simulator.binance import SimAccount, SimKey, SimulatedBinance, VenueLimits, VenueOptions
from adapters.simulator.market import BookSnapshot, Ended, Executed, MarketEvent, Public
from adapters.simulator.matching import MatchingEngine
from adapters.simulator.order import SimOrder
from engine.actor import Endpoint
from engine.codes import Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import Message

WALL_NS = 1_700_000_040_000_000_000  # the start of a minute
SECOND_NS = 1_000_000_000
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


class QuietMarket:
    """A market in which nothing happens but what clients and the test do: a plain price-time book."""

    def __init__(self, traded: Instrument) -> None:
        self.instrument = traded
        self.engine = MatchingEngine()
        self.started_ns: int | None = None
        self.queue: list[MarketEvent] = []
        self.update_id = 100
        self._order_id = 0

    @property
    def last_trade_ticks(self) -> int:
        return self.engine.last_trade_ticks

    def start(self, now_ns: int, wall_ns: int = 0) -> None:
        self.started_ns = now_ns

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        self.update_id += 1
        return self._visible(self.engine.place(order, now_ns))

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        return self.engine.cancel(order, now_ns)

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        return self.engine.reduce(order, quantity_lots, now_ns)

    def best(self) -> tuple[int, int, int, int]:
        return self.engine.best()

    def snapshot(self, limit: int) -> BookSnapshot:
        return self.update_id, self.engine.bids.levels(limit), self.engine.asks.levels(limit)

    def next_event_ns(self) -> int | None:
        return 0 if self.queue else None

    def advance(self, now_ns: int) -> list[MarketEvent]:
        events, self.queue = self.queue, []
        return events

    def anonymous(self, side: Side, price_ticks: int, lots: int, now_ns: int = 0, *, ioc: bool = False) -> None:
        """The public sends an order; what it means for clients comes with the next ``advance``."""
        self._order_id -= 1
        time_in_force = TimeInForce.IOC if ioc else TimeInForce.GTC
        order = SimOrder(self._order_id, "", "", side, price_ticks, lots, time_in_force)
        self.queue += self._visible(self.engine.place(order, now_ns))

    def publish(self, stream: str, payload: bytes) -> None:
        self.queue.append(Public(stream, payload, 0))

    @staticmethod
    def _visible(events: list[MarketEvent]) -> list[MarketEvent]:
        visible: list[MarketEvent] = []
        for event in events:
            if isinstance(event, Executed):
                maker = event.maker if event.maker and event.maker.account else None
                taker = event.taker if event.taker and event.taker.account else None
                if maker or taker:
                    visible.append(event._replace(maker=maker, taker=taker))
            elif not (isinstance(event, Ended) and not event.order.account):
                visible.append(event)
        return visible


class MemoryHost:
    """The runtime's side: links are buffers, time moves when the test says so."""

    def __init__(self, actor: SimulatedBinance, now_ns: int = 1_000) -> None:
        self.actor = actor
        self.name = "venue"
        self.now_ns = now_ns
        self.wall_offset_ns = WALL_NS - now_ns
        self.timers: dict[str, int] = {}
        self.listening: dict[str, Endpoint] = {}
        self.written: dict[str, bytearray] = {}
        self.closed: set[str] = set()
        self.blocked: set[str] = set()
        self.sent: list[tuple[str, Message]] = []
        self._links = 0
        actor.on_start(self, now_ns)

    # the context
    def send(self, to: str, message: Message) -> bool:
        self.sent.append((to, message))
        return True

    def set_timer(self, key: str, at_ns: int) -> None:
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        raise AssertionError("a venue dials nobody")

    def write(self, link: str, data: bytes) -> None:
        assert link not in self.blocked, "nothing may be written to a link that pushes back"
        if link not in self.closed:
            self.written[link] += data

    def writable(self, link: str) -> bool:
        return link not in self.blocked and link not in self.closed

    def close_link(self, link: str) -> None:
        self.closed.add(link)

    def listen(self, key: str, endpoint: Endpoint) -> None:
        self.listening[key] = endpoint

    def listening_port(self, key: str) -> int:
        return 4_000 + list(self.listening).index(key)

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self.wall_offset_ns

    def clock_ns(self) -> int:
        return self.now_ns

    def random_below(self, bound: int) -> int:
        return 0

    def counters(self) -> dict[str, int]:
        return {}

    def log(self, event: str, **fields: object) -> None: ...

    @property
    def journal(self) -> Any:
        raise AssertionError("a venue keeps no journal")

    latch = latency = counter_page = journal

    # the test's side
    @property
    def wall_ms(self) -> int:
        return self.wall_ns(self.now_ns) // 1_000_000

    def connect(self) -> str:
        self._links += 1
        link = f"venue0#{self._links}"
        self.written[link] = bytearray()
        self.actor.on_link_up(link, self.now_ns)
        return link

    def feed(self, link: str, data: bytes, step: int = 0) -> None:
        """Bytes from the peer, whole or in pieces of ``step``."""
        for start in range(0, len(data), step or len(data) or 1):
            if link in self.closed:
                return
            self.actor.on_link_bytes(link, data[start : start + (step or len(data))], self.now_ns)

    def take(self, link: str) -> bytes:
        data = bytes(self.written[link])
        self.written[link].clear()
        return data

    def advance(self, duration_ns: int) -> None:
        """Let time pass, firing timers in order."""
        end_ns = self.now_ns + duration_ns
        while self.timers:
            key = min(self.timers, key=self.timers.__getitem__)
            if self.timers[key] > end_ns:
                break
            self.now_ns = max(self.now_ns, self.timers.pop(key))
            self.actor.on_timer(key, self.now_ns)
        self.now_ns = end_ns


class RestClient:
    """A keep-alive HTTP connection over h11."""

    def __init__(self, host: MemoryHost, step: int = 0) -> None:
        self.host, self.step = host, step
        self.link = host.connect()
        self.connection = h11.Connection(h11.CLIENT)
        self.headers: dict[str, str] = {}

    def request(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
        """Returns (status, decoded body); the response's headers are in ``self.headers``."""
        fields = [("host", "venue.test"), *(headers or {}).items()]
        if body:
            fields.append(("content-length", str(len(body))))
        connection = self.connection
        data = connection.send(h11.Request(method=method, target=target, headers=fields))
        data += connection.send(h11.Data(data=body)) + connection.send(h11.EndOfMessage())
        self.host.feed(self.link, data, self.step)
        connection.receive_data(self.host.take(self.link))
        response = connection.next_event()
        assert isinstance(response, h11.Response), response
        self.headers = {name.decode(): value.decode() for name, value in response.headers}
        content = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            content += event.data
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
        is_json = self.headers["content-type"].startswith("application/json") and content
        return response.status_code, msgspec.json.decode(content) if is_json else content


class SocketClient:
    """A WebSocket connection over websockets' own protocol machine."""

    def __init__(self, host: MemoryHost, path: str, step: int = 0) -> None:
        self.host, self.step = host, step
        self.link = host.connect()
        self.protocol = ClientProtocol(parse_uri(f"ws://venue.test{path}"))
        self.protocol.send_request(self.protocol.connect())
        self.answers_pings = True
        self.pings: list[bytes] = []
        self._push()
        events = self._pull()
        assert isinstance(events[0], Response), events
        self.status = events[0].status_code
        self.early = events[1:]

    def _push(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.host.feed(self.link, data, self.step)

    def _pull(self) -> list[Any]:
        data = self.host.take(self.link)
        if not data:
            return []
        self.protocol.receive_data(data)
        events = self.protocol.events_received()
        pongs = self.protocol.data_to_send()
        if self.answers_pings:
            for pong in pongs:
                if pong:
                    self.host.feed(self.link, pong)
        return events

    def send(self, text: bytes | str) -> None:
        self.protocol.send_text(text.encode() if isinstance(text, str) else text)
        self._push()

    def raw_messages(self) -> list[bytes]:
        events, self.early = [*self.early, *self._pull()], []
        self.pings += [bytes(f.data) for f in events if isinstance(f, Frame) and f.opcode is Opcode.PING]
        return [bytes(f.data) for f in events if isinstance(f, Frame) and f.opcode is Opcode.TEXT]

    def messages(self) -> list[Any]:
        return [msgspec.json.decode(data) for data in self.raw_messages()]

    @property
    def is_closed(self) -> bool:
        return self.link in self.host.closed


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
