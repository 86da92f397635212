"""The venue's end of each link: a small script, not a venue."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from session_host import AHEAD_NS, SECOND, HttpEnd, SessionHost, SocketEnd

from adapters.kraken.checksum import checksum_plainly
from adapters.kraken.numbers import instant_text
from adapters.kraken.options import KrakenOptions
from adapters.kraken.session import KrakenSession
from adapters.kraken.signing import Credentials, Signer
from adapters.kraken.urls import KrakenEndpoints
from engine.actor import Endpoint
from engine.messages import ReplaceOrder
from engine.order import Order
from engine.venue import VenueSession

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


class RestEnd(HttpEnd):
    """The venue's end of a REST connection. Every private request's nonce and signature are checked."""

    host: "Host"

    def asked(self) -> None:
        venue, parts = self.host.venue, urlsplit(self.request.target.decode())
        name = parts.path.rpartition("/")[2]
        if parts.path.startswith("/0/private/"):
            params = self.checked(parts.path)
        else:
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
        venue.asked.append((name, params))
        reply = venue.rest(name, params)
        if reply is not None:
            self.answer(*reply)

    def checked(self, path: str) -> dict[str, str]:
        params = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        headers = dict(self.request.headers)
        nonce = params.pop("nonce")
        assert int(nonce) > self.host.venue.nonce
        self.host.venue.nonce = int(nonce)
        assert headers[b"api-key"] == b"ApiKey/1"
        assert headers[b"api-sign"].decode() == Signer(Credentials("k", SECRET)).sign(path, nonce, self.body)
        return params


class WebSocketEnd(SocketEnd):
    """The venue's end of a WebSocket."""

    host: "Host"

    def __init__(self, host: "Host", link: str) -> None:
        super().__init__(host, link)
        self.sequences = {"executions": 0, "balances": 0}

    def on_open(self) -> None:
        assert self.path == "/v2"
        self.send({"channel": "status", "type": "update", "data": [{"system": "online"}]})

    def on_text(self, text: bytes) -> None:
        self.host.venue.on_text(self.link, msgspec.json.decode(text), text)


class Venue:
    """What the venue answers. Tests replace ``rest_rules`` entries, or push messages themselves."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.ends: dict[str, Any] = host.ends
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
        self.ends[link].send(message)

    def push_sequenced(self, channel: str, data: list[dict[str, Any]], kind: str = "update", skip: int = 0) -> None:
        end = self.ends[ORDERS]
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


class Host(SessionHost):
    session: KrakenSession
    order_fields = {"quantity_lots": 100_000_000, "price_ticks": 100}

    def __init__(self, chunk: int = 0) -> None:
        super().__init__(chunk)
        self.venue = Venue(self)

    def make_end(self, link: str) -> RestEnd | WebSocketEnd:
        return (RestEnd if link == REST else WebSocketEnd)(self, link)

    def on_pulse(self) -> None:
        for link in (ORDERS, STREAMS):
            end = self.venue.ends.get(link)
            if end is not None and end.is_open:
                end.send({"channel": "heartbeat"})

    def begin(self) -> "Host":
        self.start()
        return self

    def place(self, order: Order) -> dict[str, Any]:
        """Send a new order; returns the request as the venue got it. So do the other two."""
        return self._request(lambda: self.send_new(order))

    def cancel(self, order: Order) -> dict[str, Any]:
        return self._request(lambda: self.send_cancel(order))

    def replacement(self, orig: Order, client_order_id: str = "a-2", quantity_lots: int = 50_000_000) -> Order:
        orig.replacements += (client_order_id,)
        request = ReplaceOrder(client_order_id, orig.client_order_id, "acc", "s", quantity_lots, 110)
        return Order.from_replace(request, orig)

    def replace(self, orig: Order, order: Order) -> dict[str, Any]:
        return self._request(lambda: self.send_replace(orig, order))

    def _request(self, send: Callable[[], None]) -> dict[str, Any]:
        before = len(self.venue.requests)
        send()
        return self.venue.requests[-1] if len(self.venue.requests) > before else {}


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
