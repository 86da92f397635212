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
from websockets.server import ServerProtocol

from adapters.kraken.checksum import checksum_plainly
from adapters.kraken.numbers import instant_text
from adapters.kraken.options import KrakenOptions
from adapters.kraken.session import KrakenSession
from adapters.kraken.signing import Credentials, Signer
from adapters.kraken.urls import KrakenEndpoints
from engine.actor import Context, Endpoint
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder, ReplaceOrder
from engine.order import Approved, Order
from engine.venue import VenueEvent, VenueSession

MS = 1_000_000
SECOND = 1_000 * MS
WALL_NS = 1_700_000_040 * SECOND
#: The venue's clock is this far ahead of the host's.
AHEAD_NS = 123 * MS
SECRET = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
REST, ORDERS, STREAMS = "session:rest", "session:orders", "session:streams"
TOKEN = "WW91ciBhdXRoZW50aWNhdGlvbiB0b2tlbg"
PAIRS = {
    "XXBTZUSD": {
        "altname": "XBTUSD",
        "wsname": "XBT/USD",
        "base": "XXBT",
        "quote": "ZUSD",
        "pair_decimals": 1,
        "lot_decimals": 8,
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
        "fees": [[0, 0.26]],
    },
    "XETHZUSD": {
        "altname": "ETHUSD",
        "wsname": "ETH/USD",
        "base": "XETH",
        "quote": "ZUSD",
        "pair_decimals": 2,
        "lot_decimals": 8,
        "ordermin": "0.002",
        "costmin": "0.5",
        "tick_size": "0.01",
        "status": "online",
    },
    "NOWSNAME": {"altname": "OLD", "base": "A", "quote": "B", "pair_decimals": 1, "lot_decimals": 8},
}
Level = tuple[str, str]


class RestEnd:
    """The venue's end of a REST connection. Every private request's nonce and signature are checked."""

    def __init__(self, venue: "Venue", link: str) -> None:
        self.venue, self.link = venue, link
        self.connection = h11.Connection(h11.SERVER)
        self.body = b""

    def receive(self, data: bytes) -> None:
        self.connection.receive_data(data)
        while True:
            event = self.connection.next_event()
            if isinstance(event, h11.Request):
                self.request, self.body = event, b""
            elif isinstance(event, h11.Data):
                self.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if not self.answer():
                    return
                self.connection.start_next_cycle()
            else:
                return

    def answer(self) -> bool:
        parts = urlsplit(self.request.target.decode())
        name = parts.path.rpartition("/")[2]
        if parts.path.startswith("/0/private/"):
            params = self.checked(parts.path)
        else:
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.venue.asked.append((name, params))
        reply = self.venue.rest(name, params)
        if reply is None:
            return False
        status, body = reply
        raw = msgspec.json.encode(body)
        fields = [("content-length", str(len(raw)))]
        data = self.connection.send(h11.Response(status_code=status, headers=fields, reason=b"X")) or b""
        data += self.connection.send(h11.Data(data=raw)) or b""
        data += self.connection.send(h11.EndOfMessage()) or b""
        self.venue.host.to_session(self.link, data)
        return True

    def checked(self, path: str) -> dict[str, str]:
        params = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        headers = dict(self.request.headers)
        nonce = params.pop("nonce")
        assert int(nonce) > self.venue.nonce
        self.venue.nonce = int(nonce)
        assert headers[b"api-key"] == b"ApiKey/1"
        assert headers[b"api-sign"].decode() == Signer(Credentials("k", SECRET)).sign(path, nonce, self.body)
        return params


class WebSocketEnd:
    """The venue's end of a WebSocket."""

    def __init__(self, venue: "Venue", link: str) -> None:
        self.venue, self.link = venue, link
        self.protocol = ServerProtocol(max_size=None)
        self.sequences = {"executions": 0, "balances": 0}

    def receive(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                assert event.path == "/v2"
                self.protocol.send_response(self.protocol.accept(event))
                self.flush()
                self.venue.push(self.link, {"channel": "status", "type": "update", "data": [{"system": "online"}]})
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.flush()
                self.venue.on_text(self.link, msgspec.json.decode(bytes(event.data)), bytes(event.data))
        self.flush()

    def send(self, text: bytes) -> None:
        self.protocol.send_text(text)
        self.flush()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.venue.host.to_session(self.link, data)


class Venue:
    """What the venue answers. Tests replace ``rest_rules`` entries, or push messages themselves."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.ends: dict[str, RestEnd | WebSocketEnd] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.requests: list[dict[str, Any]] = []
        self.raw_requests: list[bytes] = []
        self.subscribed: list[dict[str, Any]] = []
        self.nonce = 0
        self.silent = False
        self.permissions = ["query-funds", "query-open-trades", "modify-trades", "close-trades", "create-ws-token"]
        self.balances: dict[str, Any] = {
            "ZUSD": {"balance": "1000.5000", "hold_trade": "1.5"},
            "XXBT.F": {"balance": "9"},
        }
        self.open_orders: list[dict[str, Any]] = []
        self.book: dict[str, tuple[list[Level], list[Level]]] = {
            "BTC/USD": ([("10.0", "1.00000000")], [("11.0", "2.00000000")]),
            "ETH/USD": ([("5.00", "1.00000000")], [("5.01", "2.00000000")]),
        }
        self.rest_rules: dict[str, Callable[[dict[str, str]], Any]] = {}

    def now_text(self) -> str:
        return instant_text(self.host.wall_ns(self.host.now_ns) + AHEAD_NS)

    # -- REST ------------------------------------------------------------------------------------------------

    def rest(self, name: str, params: dict[str, str]) -> tuple[int, Any] | None:
        rule = self.rest_rules.get(name)
        answer = rule(params) if rule is not None else getattr(self, f"rest_{name}")(params)
        if answer is None or isinstance(answer, tuple):
            return cast("tuple[int, Any] | None", answer)
        if isinstance(answer, str):
            return 200, {"error": [answer]}
        return 200, {"error": [], "result": answer}

    def rest_Time(self, params: dict[str, str]) -> Any:
        return {"unixtime": (self.host.wall_ns(self.host.now_ns) + AHEAD_NS) // SECOND, "rfc1123": "x"}

    def rest_GetApiKeyInfo(self, params: dict[str, str]) -> Any:
        return {"permissions": self.permissions, "nonce_window": 0}

    def rest_AssetPairs(self, params: dict[str, str]) -> Any:
        return PAIRS

    def rest_TradeVolume(self, params: dict[str, str]) -> Any:
        assert params["pair"].startswith("XBTUSD")
        fees = {"XXBTZUSD": {"fee": "0.2600", "minfee": "0.1"}, "XETHZUSD": {"fee": "0.2600"}}
        return {"currency": "ZUSD", "fees": fees, "fees_maker": {"XXBTZUSD": {"fee": "0.1600"}}}

    def rest_GetWebSocketsToken(self, params: dict[str, str]) -> Any:
        return {"token": TOKEN, "expires": 900}

    def rest_BalanceEx(self, params: dict[str, str]) -> Any:
        return self.balances

    def rest_OpenOrders(self, params: dict[str, str]) -> Any:
        return {"open": {}}

    def rest_ClosedOrders(self, params: dict[str, str]) -> Any:
        return {"closed": {}, "count": 0}

    # -- WebSockets ------------------------------------------------------------------------------------------

    def on_text(self, link: str, message: dict[str, Any], raw: bytes) -> None:
        method, params = message["method"], message.get("params", {})
        stamps = {"time_in": self.now_text(), "time_out": self.now_text()}
        if method == "ping":
            self.push(link, {"method": "pong", "req_id": message["req_id"], **stamps})
        elif method in ("subscribe", "unsubscribe"):
            self.subscribed.append({"method": method, **params})
            if not self.silent:
                self.subscribe(link, method, params, message["req_id"])
        else:
            assert params["token"] == TOKEN
            self.requests.append(message)
            self.raw_requests.append(raw)

    def subscribe(self, link: str, method: str, params: dict[str, Any], req_id: int) -> None:
        channel = params["channel"]
        for symbol in params.get("symbol", [None]):
            result = {"channel": channel, **({"symbol": symbol} if symbol else {"maxratecount": 125})}
            self.push(link, {"method": method, "req_id": req_id, "result": result, "success": True})
        if method == "unsubscribe":
            return
        if channel == "executions":
            assert params["token"] == TOKEN
            self.push_sequenced("executions", self.open_orders, "snapshot")
        elif channel == "balances":
            self.push_sequenced("balances", [{"asset": "BTC", "balance": 1.25}], "snapshot")
        elif channel == "book":
            for symbol in params["symbol"]:
                self.push_book(symbol, *self.book[symbol], kind="snapshot")

    def push(self, link: str, message: Any) -> None:
        end = self.ends[link]
        assert isinstance(end, WebSocketEnd)
        end.send(message if isinstance(message, bytes) else msgspec.json.encode(message))

    def push_sequenced(self, channel: str, data: list[dict[str, Any]], kind: str = "update", skip: int = 0) -> None:
        end = self.ends[ORDERS]
        assert isinstance(end, WebSocketEnd)
        end.sequences[channel] += 1 + skip
        message = {"channel": channel, "type": kind, "data": data, "sequence": end.sequences[channel]}
        self.push(ORDERS, message)

    def push_book(
        self, symbol: str, bids: list[Level], asks: list[Level], kind: str = "update", checksum: int | None = None
    ) -> None:
        """``checksum`` None: of what is pushed."""
        if checksum is None:
            checksum = checksum_plainly(_units(asks), _units(bids), 1, 1)
        rows = [",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in side) for side in (bids, asks)]
        text = (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{rows[0]}],"asks":[{rows[1]}],'
            f'"checksum":{checksum},"timestamp":"{self.now_text()}"}}]}}'
        )
        self.push(STREAMS, text.encode())

    # -- what tests do ---------------------------------------------------------------------------------------

    def answer(self, number: int = -1, **fields: Any) -> None:
        """Answer a request on the order link: the latest, or the one at ``number``."""
        request = self.requests[number]
        stamps = {"time_in": self.now_text(), "time_out": self.now_text()}
        self.push(ORDERS, {"method": request["method"], "req_id": request["req_id"], **fields, **stamps})
        self.host.run()

    def accept(self, order_id: str = "OAAAAA-BBBBB-CCCCCC", number: int = -1) -> None:
        self.answer(number, success=True, result={"order_id": order_id})

    def refuse(self, error: str, number: int = -1) -> None:
        self.answer(number, success=False, error=error)

    def report(self, exec_type: str, state: str, order_id: str = "OAAAAA-BBBBB-CCCCCC", **fields: Any) -> None:
        report = {"order_id": order_id, "exec_type": exec_type, "order_status": state, "timestamp": self.now_text()}
        self.push_sequenced("executions", [{**report, **fields}])
        self.host.run()

    def trade(self, exec_id: str, last_qty: float, cum_qty: float, order_id: str = "OAAAAA-BBBBB-CCCCCC") -> None:
        self.report(
            "trade",
            "partially_filled",
            order_id,
            symbol="BTC/USD",
            exec_id=exec_id,
            last_qty=last_qty,
            last_price=10.0,
            cum_qty=cum_qty,
            liquidity_ind="m",
            fees=[{"asset": "USD", "qty": 0.0123}],
        )


def _units(side: list[Level]) -> list[tuple[int, int]]:
    return [(int(price.replace(".", "")), int(qty.replace(".", ""))) for price, qty in side][:10]


class Host:
    """The context, and the loop. ``chunk`` cuts what comes from the venue; 0 leaves it whole."""

    name = "venue:test"

    def __init__(self, chunk: int = 0) -> None:
        self.now_ns = 1_000
        self.chunk = chunk
        self.venue = Venue(self)
        self.session: KrakenSession
        self.timers: dict[str, int] = {}
        self.up: set[str] = set()
        self.opened: list[str] = []
        self.slow: set[str] = set()
        self.events: list[VenueEvent] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        self._queue: deque[tuple[str, str, bytes]] = deque()
        self._random = random.Random(1)
        #: Whether the venue's heart beats every second.
        self.beats = True
        self._beat_ns = SECOND

    # -- the context -----------------------------------------------------------------------------------------

    def set_timer(self, key: str, at_ns: int) -> None:
        assert key.startswith("session:")
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        self.opened.append(link)
        self._queue.append(("up", link, b""))

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

    def clock_ns(self) -> int:
        return self.now_ns

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
            "quantity_lots": 100_000_000,
            "price_ticks": 100,
        }
        return Order.from_new(NewOrder(**{**fields, **changes}))

    def place(self, order: Order) -> dict[str, Any]:
        """Send a new order; returns the request as the venue got it. So do the other two."""
        return self._transmit(self.session.encode_new(Approved(order), self.now_ns))

    def cancel(self, order: Order) -> dict[str, Any]:
        return self._transmit(self.session.encode_cancel(order, self.now_ns))

    def replacement(self, orig: Order, client_order_id: str = "a-2", quantity_lots: int = 50_000_000) -> Order:
        orig.replacements += (client_order_id,)
        request = ReplaceOrder(client_order_id, orig.client_order_id, "acc", "s", quantity_lots, 110)
        return Order.from_replace(request, orig)

    def replace(self, orig: Order, order: Order) -> dict[str, Any]:
        return self._transmit(self.session.encode_replace(orig, Approved(order), self.now_ns))

    def _transmit(self, frame: bytes) -> dict[str, Any]:
        before = len(self.venue.requests)
        self.session.transmit(frame, self.now_ns)
        self.run()
        return self.venue.requests[-1] if len(self.venue.requests) > before else {}

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
                self.venue.ends[link] = (RestEnd if link == REST else WebSocketEnd)(self.venue, link)
                self.session.on_link_up(link, self.now_ns)
            elif what == "down":
                self.session.on_link_down(link, data.decode(), self.now_ns)
            elif link in self.up and what == "bytes":
                self.session.on_link_bytes(link, data, self.now_ns)
            elif link in self.up:
                self.venue.ends[link].receive(data)

    def advance(self, duration_ns: int) -> None:
        """Let time pass, with every timer at its time, and the venue's heart beating."""
        until_ns = self.now_ns + duration_ns
        self.run()
        while True:
            key = min(self.timers, key=lambda each: (self.timers[each], each), default="")
            at_ns = self.timers.get(key, until_ns + 1)
            if self.beats and self._beat_ns <= min(at_ns, until_ns):
                self.now_ns = max(self.now_ns, self._beat_ns)
                self._beat_ns = self.now_ns + SECOND
                for link in (ORDERS, STREAMS):
                    end = self.venue.ends.get(link)
                    if link in self.up and isinstance(end, WebSocketEnd) and end.protocol.state.name == "OPEN":
                        self.venue.push(link, {"channel": "heartbeat"})
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
    symbols: tuple[tuple[int, str], ...] = ((1, "BTC/USD"),),
    options: KrakenOptions | None = None,
) -> Host:
    """A host with a session that has not been started."""
    host = Host(chunk)
    endpoints = KrakenEndpoints(
        Endpoint("rest.test", 443, True), Endpoint("orders.test", 443, True), Endpoint("streams.test", 443, True)
    )
    session: VenueSession = KrakenSession("kraken", symbols, Credentials("ApiKey/1", SECRET), endpoints, host, options)
    assert isinstance(session, KrakenSession)
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
    host.venue.asked.clear()
    return host
