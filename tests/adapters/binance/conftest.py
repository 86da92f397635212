"""The venue's end of each link: a small script, not a venue."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from session_host import AHEAD_NS, MS, SECOND, HttpEnd, SessionHost, SocketEnd
from websockets.frames import Opcode

from adapters.binance.depth import DepthObserver
from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import Credentials, KeyType
from adapters.binance.urls import BinanceEndpoints
from engine.actor import Endpoint
from engine.messages import ReplaceOrder
from engine.order import Order
from engine.venue import VenueSession

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


class RestEnd(HttpEnd):
    """The venue's end of a REST connection."""

    host: "Host"

    def asked(self) -> None:
        venue, parts = self.host.venue, urlsplit(self.request.target.decode())
        method, params = self.request.method.decode(), dict(parse_qsl(parts.query, keep_blank_values=True))
        venue.asked.append((method, parts.path, params))
        reply = venue.rest(method, parts.path, params)
        if reply is not None:
            self.answer(*reply)


class WebSocketEnd(SocketEnd):
    """The venue's end of a WebSocket."""

    host: "Host"

    def on_text(self, text: bytes) -> None:
        self.host.venue.on_text(self.link, msgspec.json.decode(text))

    def on_control(self, opcode: Opcode, payload: bytes) -> None:
        self.host.venue.control.append((self.link, opcode, payload))


class Venue:
    """What the venue answers. Tests replace ``rest_rules`` and ``order_rules`` entries, or push messages themselves."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.ends: dict[str, Any] = host.ends
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.requests: list[dict[str, Any]] = []
        self.subscribed: list[str] = []
        self.control: list[tuple[str, Opcode, bytes]] = []
        self.may_withdraw = False
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

    def rest_apiRestrictions(self, params: dict[str, str]) -> Any:
        return {"enableReading": True, "enableWithdrawals": self.may_withdraw, "somethingNew": 1}

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
        self.ends[link].send(message)

    def ping(self, payload: bytes = b"") -> None:
        for link in (ORDERS, STREAMS):
            end = self.ends.get(link)
            if end is not None and end.is_open:
                end.ping(payload)

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


class Host(SessionHost):
    session: BinanceSession
    pulse_ns = 20 * SECOND

    def __init__(self, chunk: int = 0) -> None:
        super().__init__(chunk)
        self.venue = Venue(self)

    def make_end(self, link: str) -> RestEnd | WebSocketEnd:
        return (RestEnd if link == REST else WebSocketEnd)(self, link)

    def on_pulse(self) -> None:
        self.venue.ping()

    def begin(self) -> "Host":
        self.start()
        return self

    def place(self, order: Order) -> dict[str, Any]:
        """Send a new order; returns the request as the venue got it. So do the other two."""
        self.send_new(order)
        return self._latest()

    def cancel(self, order: Order) -> dict[str, Any]:
        self.send_cancel(order)
        return self._latest()

    def replace(self, orig: Order, client_order_id: str = "a-2") -> dict[str, Any]:
        request = ReplaceOrder(client_order_id, orig.client_order_id, "acc", "s", 50_000, 1_100)
        self.send_replace(orig, Order.from_replace(request, orig))
        return self._latest()

    def _latest(self) -> dict[str, Any]:
        return self.venue.requests[-1] if self.venue.requests else {}


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
