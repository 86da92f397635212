"""A host in memory with time that the test turns, and the venue's end of each link: a small script, not a venue."""

import random
from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import h11
import msgspec
import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from adapters.binance.depth import DepthObserver
from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import Credentials, KeyType
from adapters.binance.urls import BinanceEndpoints
from engine.actor import Context, Endpoint
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder, ReplaceOrder
from engine.order import Approved, Order
from engine.venue import VenueEvent, VenueSession

MS = 1_000_000
WALL_NS = 1_700_000_040_000 * MS  # the start of a minute
#: The venue's clock is this far ahead of the host's.
AHEAD_NS = 123 * MS
_PING_NS = 20_000 * MS
ED25519_SECRET = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
REST, ORDERS, STREAMS = "session:rest", "session:orders", "session:streams"

FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001000"},
    {"filterType": "NOTIONAL", "minNotional": "5.00", "applyMinToMarket": True, "maxNotional": "9000000.0"},
]


def symbol_info(symbol: str, base: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "SOMETHING_NEW"],
        "filters": FILTERS,
    }


class RestEnd:
    """The venue's end of a REST connection."""

    def __init__(self, venue: "Venue", link: str) -> None:
        self.venue, self.link = venue, link
        self.connection = h11.Connection(h11.SERVER)

    def receive(self, data: bytes) -> None:
        self.connection.receive_data(data)
        while True:
            event = self.connection.next_event()
            if isinstance(event, h11.Request):
                self.request = event
            elif isinstance(event, h11.EndOfMessage):
                if not self.answer():
                    return
                self.connection.start_next_cycle()
            else:
                return

    def answer(self) -> bool:
        parts = urlsplit(self.request.target.decode())
        method = self.request.method.decode()
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.venue.asked.append((method, parts.path, params))
        reply = self.venue.rest(method, parts.path, params)
        if reply is None:
            return False
        status, body, headers = reply
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        fields = [("content-length", str(len(raw))), *headers.items()]
        data = self.connection.send(h11.Response(status_code=status, headers=fields, reason=b"X")) or b""
        data += self.connection.send(h11.Data(data=raw)) or b""
        data += self.connection.send(h11.EndOfMessage()) or b""
        self.venue.host.to_session(self.link, data)
        return True


class WebSocketEnd:
    """The venue's end of a WebSocket."""

    def __init__(self, venue: "Venue", link: str) -> None:
        self.venue, self.link = venue, link
        self.protocol = ServerProtocol(max_size=None)
        self.path = ""

    def receive(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.path = event.path
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.flush()
                self.venue.on_text(self.link, msgspec.json.decode(bytes(event.data)))
            elif isinstance(event, Frame):
                self.venue.control.append((self.link, event.opcode, bytes(event.data)))
        self.flush()

    def send(self, text: bytes) -> None:
        self.protocol.send_text(text)
        self.flush()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.venue.host.to_session(self.link, data)


class Venue:
    """What the venue answers. Tests replace ``rest_rules`` and ``order_rules`` entries, or push messages themselves."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.ends: dict[str, RestEnd | WebSocketEnd] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.requests: list[dict[str, Any]] = []
        self.subscribed: list[str] = []
        self.control: list[tuple[str, Opcode, bytes]] = []
        self.balances = [{"asset": "USDT", "free": "1000.00000000", "locked": "1.5"}]
        self.snapshot: dict[str, Any] = {"lastUpdateId": 100, "bids": [["10.00", "1"]], "asks": [["11.00", "2"]]}
        self.rest_rules: dict[str, Callable[[dict[str, str]], Any]] = {}
        self.order_rules: dict[str, Callable[[dict[str, Any]], Any]] = {}

    def time_ms(self) -> int:
        return (self.host.wall_ns(self.host.now_ns) + AHEAD_NS) // MS

    # -- REST ------------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, params: dict[str, str]) -> tuple[int, Any, dict[str, str]] | None:
        name = path.rpartition("/")[2]
        rule = self.rest_rules.get(name)
        answer = rule(params) if rule is not None else getattr(self, f"rest_{name}")(params)
        if answer is None or isinstance(answer, tuple):
            return cast("tuple[int, Any, dict[str, str]] | None", answer)
        return 200, answer, {"x-mbx-used-weight-1m": "7"}

    def rest_time(self, params: dict[str, str]) -> Any:
        return {"serverTime": self.time_ms()}

    def rest_exchangeInfo(self, params: dict[str, str]) -> Any:
        bases = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
        return {
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 5},
            ],
            "symbols": [symbol_info(each, bases[each]) for each in msgspec.json.decode(params["symbols"])],
        }

    def rest_account(self, params: dict[str, str]) -> Any:
        return {"canTrade": True, "updateTime": 5, "balances": self.balances}

    def rest_depth(self, params: dict[str, str]) -> Any:
        return self.snapshot

    def rest_openOrders(self, params: dict[str, str]) -> Any:
        return []

    # -- WebSockets ------------------------------------------------------------------------------------------

    def on_text(self, link: str, message: dict[str, Any]) -> None:
        if link == STREAMS:
            self.subscribed += message["params"]
            self.push(STREAMS, {"result": None, "id": message["id"]})
            return
        self.requests.append(message)
        rule = self.order_rules.get(message["method"])
        if rule is not None:
            answer = rule(message.get("params", {}))
        elif message["method"] in ("session.logon", "userDataStream.subscribe", "userDataStream.subscribe.signature"):
            answer = {"status": 200, "result": {}}
        else:
            return
        if answer is not None:
            self.push(ORDERS, {"id": message["id"], **answer})

    def push(self, link: str, message: Any) -> None:
        end = self.ends[link]
        assert isinstance(end, WebSocketEnd)
        end.send(message if isinstance(message, bytes) else msgspec.json.encode(message))

    def ping(self, payload: bytes = b"") -> None:
        for link in (ORDERS, STREAMS):
            end = self.ends.get(link)
            if link in self.host.up and isinstance(end, WebSocketEnd) and end.protocol.state is State.OPEN:
                end.protocol.send_ping(payload)
                end.flush()

    def answer(self, status: int = 200, **fields: Any) -> None:
        """Answer the latest request on the order link."""
        self.push(ORDERS, {"id": self.requests[-1]["id"], "status": status, **fields})
        self.host.run()

    def error(self, code: int, text: str = "", status: int = 400, **data: Any) -> None:
        error = {"code": code, "msg": text, **({"data": data} if data else {})}
        self.answer(status, error=error)

    def event(self, **event: Any) -> None:
        self.push(ORDERS, {"subscriptionId": 0, "event": event})
        self.host.run()

    def report(self, client_order_id: str, execution: str, state: str, **changes: Any) -> None:
        report = {
            "e": "executionReport",
            "E": self.time_ms(),
            "s": "BTCUSDT",
            "c": client_order_id,
            "S": "BUY",
            "o": "LIMIT",
            "f": "GTC",
            "q": "1.00000",
            "p": "10.00",
            "C": "",
            "x": execution,
            "X": state,
            "r": "NONE",
            "i": 77,
            "l": "0.00000",
            "z": "0.00000",
            "L": "0.00",
            "n": "0",
            "N": None,
            "T": self.time_ms(),
            "t": -1,
            "w": True,
            "m": False,
        }
        self.event(**{**report, **changes})

    def stream(self, name: str, data: dict[str, Any]) -> None:
        self.push(STREAMS, {"stream": name, "data": data})
        self.host.run()


class Host:
    """The context, and the loop. ``chunk`` cuts what comes from the venue; 0 leaves it whole."""

    name = "venue:test"

    def __init__(self, chunk: int = 0) -> None:
        self.now_ns = 1_000
        self.chunk = chunk
        self.venue = Venue(self)
        self.session: BinanceSession
        self.timers: dict[str, int] = {}
        self.up: set[str] = set()
        self.opened: list[tuple[str, int]] = []
        self.refused: set[str] = set()
        self.slow: set[str] = set()
        self.events: list[VenueEvent] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        self._queue: deque[tuple[str, str, bytes]] = deque()
        self._random = random.Random(1)
        self.pings_at_ns = _PING_NS

    # -- the context -----------------------------------------------------------------------------------------

    def set_timer(self, key: str, at_ns: int) -> None:
        assert key.startswith("session:")
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        self.opened.append((link, self.now_ns))
        self._queue.append(("down" if link in self.refused else "up", link, b"connection refused"))

    def close_link(self, link: str) -> None:
        if link in self.up:
            self.up.discard(link)
            self._queue.append(("down", link, b"closed by us"))

    def write(self, link: str, data: bytes) -> None:
        if link in self.up and data:
            self._queue.append(("written", link, bytes(data)))

    def writable(self, link: str) -> bool:
        return link in self.up and link not in self.slow

    def wall_ns(self, now_ns: int) -> int:
        return WALL_NS + now_ns

    def random_below(self, bound: int) -> int:
        return self._random.randrange(bound)

    def log(self, event: str, **fields: object) -> None:
        self.logged.append((event, fields))

    # -- the listener ----------------------------------------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        assert now_ns == self.now_ns
        self.events.append(event)

    def take(self) -> list[VenueEvent]:
        events, self.events = self.events, []
        return events

    # -- what tests do -----------------------------------------------------------------------------------------

    def begin(self) -> "Host":
        self.session.start(cast(Context, self), self.now_ns)
        self.run()
        return self

    def order(self, client_order_id: str = "a-1", **changes: Any) -> Order:
        fields: dict[str, Any] = {
            "client_order_id": client_order_id,
            "account_id": "acc",
            "strategy_id": "s",
            "instrument_id": 1,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "quantity_lots": 100_000,
            "price_ticks": 1_000,
        }
        return Order.from_new(NewOrder(**{**fields, **changes}))

    def place(self, order: Order) -> dict[str, Any]:
        """Send a new order; returns the request as the venue got it. So do the other two."""
        return self._transmit(self.session.encode_new(Approved(order), self.now_ns))

    def cancel(self, order: Order) -> dict[str, Any]:
        return self._transmit(self.session.encode_cancel(order, self.now_ns))

    def replace(self, orig: Order, client_order_id: str = "a-2") -> dict[str, Any]:
        request = ReplaceOrder(client_order_id, orig.client_order_id, "acc", "s", 50_000, 1_100)
        order = Approved(Order.from_replace(request, orig))
        return self._transmit(self.session.encode_replace(orig, order, self.now_ns))

    def _transmit(self, frame: bytes) -> dict[str, Any]:
        self.session.transmit(frame, self.now_ns)
        self.run()
        return self.venue.requests[-1] if self.venue.requests else {}

    # -- the loop --------------------------------------------------------------------------------------------

    def to_session(self, link: str, data: bytes) -> None:
        step = self.chunk or len(data)
        for at in range(0, len(data), step):
            self._queue.append(("bytes", link, data[at : at + step]))

    def cut(self, link: str) -> None:
        """The connection breaks."""
        self.up.discard(link)
        self._queue.append(("down", link, b"connection reset"))
        self.run()

    def run(self) -> None:
        """Deliver everything that is on its way; time stands still."""
        while self._queue:
            what, link, data = self._queue.popleft()
            if what == "up":
                self.up.add(link)
                end = RestEnd if link == REST else WebSocketEnd
                self.venue.ends[link] = end(self.venue, link)
                self.session.on_link_up(link, self.now_ns)
            elif what == "down":
                self.session.on_link_down(link, data.decode(), self.now_ns)
            elif link in self.up and what == "bytes":
                self.session.on_link_bytes(link, data, self.now_ns)
            elif link in self.up:
                self.venue.ends[link].receive(data)

    def advance(self, duration_ns: int) -> None:
        """Let time pass, with every timer at its time, and the venue's pings (unless ``pings_at_ns`` is 0)."""
        until_ns = self.now_ns + duration_ns
        self.run()
        while True:
            key = min(self.timers, key=lambda each: (self.timers[each], each), default="")
            at_ns = self.timers.get(key, until_ns + 1)
            if self.pings_at_ns and self.pings_at_ns <= min(at_ns, until_ns):
                self.now_ns = self.pings_at_ns
                self.pings_at_ns += _PING_NS
                self.venue.ping()
            elif at_ns <= until_ns:
                self.now_ns = max(self.now_ns, self.timers.pop(key))
                self.session.on_timer(key, self.now_ns)
            else:
                break
            self.run()
        self.now_ns = until_ns


def make_session(
    *,
    chunk: int = 0,
    key_type: KeyType = KeyType.ED25519,
    symbols: tuple[tuple[int, str], ...] = ((1, "BTCUSDT"),),
    options: BinanceOptions | None = None,
    observer: DepthObserver | None = None,
) -> Host:
    """A host with a session that has not been started."""
    host = Host(chunk)
    secret = ED25519_SECRET if key_type is KeyType.ED25519 else HMAC_SECRET
    endpoints = BinanceEndpoints(
        Endpoint("rest.test", 443, True), Endpoint("orders.test", 443, True), Endpoint("streams.test", 9443, True)
    )
    session: VenueSession = BinanceSession(
        "binance", symbols, Credentials("ApiKey1", key_type, secret), endpoints, host, options, observer
    )
    assert isinstance(session, BinanceSession)
    host.session = session
    return host


@pytest.fixture
def make() -> Callable[..., Host]:
    return make_session


@pytest.fixture
def live() -> Host:
    """A session that is live, with a valid book, and nothing told or asked yet."""
    host = make_session().begin()
    host.take()
    host.venue.requests.clear()
    host.venue.asked.clear()
    return host
