"""The venue's end of each link: a small script, not a venue.

The script keeps orders and fills as the venue would list them; what happens to them, and when the user channel tells,
is the test's to say.
"""

import base64
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from session_host import AHEAD_NS, MS, SECOND, HttpEnd, SessionHost, SocketEnd

from adapters.coinbase.market_streams import BookObserver
from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.session import CoinbaseSession
from adapters.coinbase.signing import Credentials
from adapters.coinbase.times import time_text
from adapters.coinbase.urls import CoinbaseEndpoints
from engine.actor import Endpoint
from engine.messages import ReplaceOrder
from engine.order import Order
from engine.venue import VenueSession

KEY_NAME = "organizations/test-organization/apiKeys/test-api-key"
ED25519_SECRET = "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputA="
BASE = "/api/v3/brokerage"
USER, STREAM = "session:user", "session:streams:0"
OPEN_STATES = ("OPEN", "PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED")

Answer = tuple[int, Any]


def product(name: str = "BTC-USD", **changes: Any) -> dict[str, Any]:
    base, _, quote = name.partition("-")
    return {
        "product_id": name,
        "price": "10.5",
        "base_increment": "0.00001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": "0.0001",
        "base_max_size": "3400",
        "base_currency_id": base,
        "quote_currency_id": quote,
        "status": "online",
        "alias": "",
        "best_bid_price": "",
        "something_new": {"a": 1},
        **changes,
    }


class RestEnd(HttpEnd):
    """The venue's end of a REST connection. ``venue.held``: requests whose answers the test gives later."""

    host: "Host"

    def asked(self) -> None:
        venue, parts = self.host.venue, urlsplit(self.request.target.decode())
        headers = {name.decode(): value.decode() for name, value in self.request.headers}
        method, path = self.request.method.decode(), parts.path.removeprefix(BASE)
        params: Any = parse_qsl(parts.query, keep_blank_values=True)
        venue.note(self.link, method, parts.path, headers)
        if method == "POST":
            params = msgspec.json.decode(self.body)
            venue.requests.append((path, params))
        else:
            venue.asked.append((path, params))
        if (method, path) in venue.held:
            venue.waiting.append((self, path, params))
        else:
            self.reply(venue.rest(method, path, params))

    def reply(self, answer: Answer, close: bool = False) -> None:
        self.answer(*answer, {"connection": "close"} if close else {})


class WebSocketEnd(SocketEnd):
    """The venue's end of a WebSocket."""

    host: "Host"

    def __init__(self, host: "Host", link: str) -> None:
        super().__init__(host, link)
        self.sequence = 0

    def on_text(self, text: bytes) -> None:
        self.host.venue.on_text(self, msgspec.json.decode(text))

    def channel(self, channel: str, *events: Any, skip: int = 0) -> None:
        """A message of a channel, with the next number (after as many that are lost)."""
        self.sequence += skip
        self.send(
            {
                "channel": channel,
                "client_id": "",
                "timestamp": time_text(self.host.venue.time_ns()),
                "sequence_num": self.sequence,
                "events": list(events),
            }
        )
        self.sequence += 1


class Venue:
    """What the venue answers. Tests replace ``rules`` entries (by path), hold answers back, or push messages."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.ends: dict[str, Any] = host.ends
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.requests: list[tuple[str, Any]] = []
        self.subscribed: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.on_links: list[str] = []
        self.rules: dict[str, Callable[[Any], Answer | None]] = {}
        self.held: set[tuple[str, str]] = set()
        self.waiting: list[tuple[RestEnd, str, Any]] = []
        self.products = [product()]
        self.permissions = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"}
        self.wallets = [("USD", "1000", "1.5")]
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills: list[dict[str, Any]] = []
        self.books: dict[str, list[tuple[str, str, str]]] = {}

    def time_ns(self) -> int:
        return self.host.wall_ns(self.host.now_ns) + AHEAD_NS

    def note(self, link: str, method: str, path: str, headers: dict[str, str]) -> None:
        """Every private request has a token of its own, for just this method and path, that holds now."""
        self.on_links.append(link)
        if path == f"{BASE}/time":
            assert "authorization" not in headers
            return
        kind, _, token = headers["authorization"].partition(" ")
        body = msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert kind == "Bearer"
        assert token not in self.tokens
        assert body["uri"] == f"{method} api.coinbase.com{path}"
        assert body["nbf"] * SECOND <= self.time_ns() < body["exp"] * SECOND
        self.tokens.append(token)

    # -- REST ------------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, params: Any) -> Answer:
        rule = self.rules.get(path)
        answer = rule(params) if rule is not None else None
        if answer is not None:
            return answer
        if path.startswith("/orders/historical/") and path.rpartition("/")[2] not in ("batch", "fills"):
            order = self.orders.get(path.rpartition("/")[2])
            return (200, {"order": order}) if order is not None else (404, {"error": "NOT_FOUND"})
        handler: Callable[[Any], Answer] = getattr(self, "rest" + path.replace("/", "_"))
        return handler(params)

    def rest_time(self, params: Any) -> Answer:
        return 200, {"iso": "", "epochSeconds": "", "epochMillis": str(self.time_ns() // MS)}

    def rest_key_permissions(self, params: Any) -> Answer:
        return 200, self.permissions

    def rest_products(self, params: Any) -> Answer:
        return 200, {"products": self.products, "num_products": len(self.products)}

    def rest_transaction_summary(self, params: Any) -> Answer:
        tier = {"pricing_tier": "Advanced 1", "taker_fee_rate": "0.006", "maker_fee_rate": "0.004"}
        return 200, {"total_volume": 12.5, "fee_tier": tier}

    def rest_accounts(self, params: Any) -> Answer:
        accounts = [
            {
                "uuid": "x",
                "currency": asset,
                "available_balance": {"value": free, "currency": asset},
                "hold": {"value": held, "currency": asset},
                "deleted_at": None,
            }
            for asset, free, held in self.wallets
        ]
        return 200, {"accounts": accounts, "has_next": False, "cursor": ""}

    def rest_orders(self, body: Any) -> Answer:
        order_id = f"uuid-{len(self.orders) + 1}"
        self.add_order(order_id, body["client_order_id"], body["product_id"], body["side"], body["order_configuration"])
        success = {
            "order_id": order_id,
            "product_id": body["product_id"],
            "side": body["side"],
            "client_order_id": body["client_order_id"],
        }
        configuration = body["order_configuration"]
        return 200, {"success": True, "success_response": success, "order_configuration": configuration}

    def rest_orders_batch_cancel(self, body: Any) -> Answer:
        results = []
        for order_id in body["order_ids"]:
            order = self.orders.get(order_id)
            is_open = order is not None and order["status"] in OPEN_STATES
            reason = "UNKNOWN_CANCEL_FAILURE_REASON" if is_open else "UNKNOWN_CANCEL_ORDER"
            results.append({"success": is_open, "failure_reason": reason, "order_id": order_id})
        return 200, {"results": results}

    def rest_orders_edit(self, body: Any) -> Answer:
        return 200, {"success": True, "errors": []}

    def rest_orders_historical_batch(self, params: Any) -> Answer:
        wanted = [value for name, value in params if name == "order_status"]
        names = [value for name, value in params if name == "product_ids"]
        found = [
            each
            for each in self.orders.values()
            if (not wanted or each["status"] in wanted) and (not names or each["product_id"] in names)
        ]
        start = int(dict(params).get("cursor", "0"))
        page = found[start : start + int(dict(params)["limit"])]
        stop = start + len(page)
        return 200, {"orders": page, "sequence": "0", "has_next": stop < len(found), "cursor": str(stop)}

    def rest_orders_historical_fills(self, params: Any) -> Answer:
        orders = [value for name, value in params if name == "order_ids"]
        since = dict(params).get("start_sequence_timestamp", "")
        found = [
            each
            for each in self.fills
            if (not orders or each["order_id"] in orders) and each["sequence_timestamp"] >= since[:19]
        ]
        start = int(dict(params).get("cursor", "0") or "0")
        page = found[start : start + int(dict(params)["limit"])]
        return 200, {"fills": page, "cursor": str(start + len(page))}

    # -- what tests say about orders ---------------------------------------------------------------------------

    def add_order(
        self, order_id: str, name: str, product_id: str, side: str, configuration: Any, **changes: Any
    ) -> dict[str, Any]:
        order = self.orders[order_id] = {
            "order_id": order_id,
            "client_order_id": name,
            "product_id": product_id,
            "side": side,
            "order_configuration": configuration,
            "status": "OPEN",
            "filled_size": "0",
            "created_time": time_text(self.time_ns()),
            "last_update_time": time_text(self.time_ns()),
            "number_of_fills": "0",
            "time_in_force": "GOOD_UNTIL_CANCELLED",
            "edit_history": [],
            **changes,
        }
        return order

    def fill(self, order_id: str, size: str, price: str = "10.00", **changes: Any) -> dict[str, Any]:
        """A trade of an order, on the list of fills."""
        number = len(self.fills) + 1
        fill = {
            "entry_id": f"entry-{number}",
            "trade_id": f"trade-{number}",
            "order_id": order_id,
            "trade_time": time_text(self.time_ns()),
            "sequence_timestamp": time_text(self.time_ns()),
            "trade_type": "FILL",
            "price": price,
            "size": size,
            "commission": "0.004",
            "product_id": self.orders[order_id]["product_id"],
            "liquidity_indicator": "MAKER",
            "size_in_quote": False,
            "side": self.orders[order_id]["side"],
            **changes,
        }
        self.fills.append(fill)
        return fill

    def tell(self, order_id: str, status: str = "", filled: str = "", **changes: Any) -> None:
        """An order's state changes, and the user channel tells."""
        order = self.orders[order_id]
        order["status"] = status or order["status"]
        order["filled_size"] = filled or order["filled_size"]
        self.user.channel("user", {"type": "update", "orders": [self.user_order(order_id, **changes)]})
        self.host.run()

    def user_order(self, order_id: str, **changes: Any) -> dict[str, Any]:
        order = self.orders[order_id]
        return {
            "avg_price": "10",
            "cancel_reason": "",
            "client_order_id": order["client_order_id"],
            "creation_time": order["created_time"],
            "cumulative_quantity": order["filled_size"],
            "leaves_quantity": "0",
            "number_of_fills": "1",
            "order_id": order_id,
            "order_side": order["side"],
            "order_type": "Limit",
            "post_only": "false",
            "product_id": order["product_id"],
            "status": order["status"],
            "time_in_force": order["time_in_force"],
            "end_time": "0001-01-01T00:00:00Z",
            **changes,
        }

    # -- WebSocket -------------------------------------------------------------------------------------------

    def on_text(self, end: WebSocketEnd, message: dict[str, Any]) -> None:
        self.subscribed.append(message)
        channel, products = message["channel"], message.get("product_ids", [])
        if message["type"] == "subscribe" and channel == "user":
            assert message["jwt"]
            listed = [self.user_order(each) for each, order in self.orders.items() if order["status"] == "OPEN"]
            for at in range(0, len(listed) + 1, 50):
                end.channel("user", {"type": "snapshot", "orders": listed[at : at + 50]})
        elif message["type"] == "subscribe" and channel == "level2":
            for each in products:
                self.snapshot(end, each)
        end.channel("subscriptions", {"subscriptions": {channel: products}})

    def snapshot(self, end: WebSocketEnd, name: str) -> None:
        rows = self.books.get(name, [("bid", "10.00", "1"), ("offer", "11.00", "2")])
        self.book(*rows, product_id=name, kind="snapshot", end=end)

    def book(
        self,
        *rows: tuple[str, str, str],
        product_id: str = "BTC-USD",
        kind: str = "update",
        skip: int = 0,
        end: WebSocketEnd | None = None,
    ) -> None:
        updates = [
            {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": price, "new_quantity": quantity}
            for side, price, quantity in rows
        ]
        (end or self.stream).channel("l2_data", {"type": kind, "product_id": product_id, "updates": updates}, skip=skip)
        if end is None:
            self.host.run()

    @property
    def user(self) -> WebSocketEnd:
        return cast(WebSocketEnd, self.ends[USER])

    @property
    def stream(self) -> WebSocketEnd:
        return cast(WebSocketEnd, self.ends[STREAM])

    def beat(self) -> None:
        for end in self.ends.values():
            if isinstance(end, WebSocketEnd) and end.link in self.host.up:
                end.channel("heartbeats", {"current_time": "x", "heartbeat_counter": str(self.host.now_ns // SECOND)})


class Host(SessionHost):
    session: CoinbaseSession

    def __init__(self, chunk: int = 0) -> None:
        super().__init__(chunk)
        self.venue = Venue(self)

    def make_end(self, link: str) -> RestEnd | WebSocketEnd:
        is_socket = link == USER or link.startswith("session:streams")
        return (WebSocketEnd if is_socket else RestEnd)(self, link)

    def on_pulse(self) -> None:
        self.venue.beat()

    def begin(self) -> "Host":
        self.start()
        return self

    def replacement(self, orig: Order, client_order_id: str = "a-2", lots: int = 50_000, ticks: int = 900) -> Order:
        return Order.from_replace(ReplaceOrder(client_order_id, orig.client_order_id, "acc", "s", lots, ticks), orig)

    def place(self, order: Order) -> None:
        self.send_new(order)

    def cancel(self, order: Order) -> None:
        self.send_cancel(order)

    def replace(self, orig: Order, order: Order) -> None:
        self.send_replace(orig, order)


def make_session(
    *,
    chunk: int = 0,
    symbols: tuple[tuple[int, str], ...] = ((1, "BTC-USD"),),
    options: CoinbaseOptions | None = None,
    observer: BookObserver | None = None,
) -> Host:
    """A host with a session that has not been started."""
    host = Host(chunk)
    host.venue.products = [product(name) for _, name in symbols]
    endpoints = CoinbaseEndpoints(
        Endpoint("rest.test", 443, True), Endpoint("user.test", 443, True), Endpoint("streams.test", 443, True)
    )
    session: VenueSession = CoinbaseSession(
        "coinbase", symbols, Credentials(KEY_NAME, ED25519_SECRET), endpoints, host, options, observer
    )
    assert isinstance(session, CoinbaseSession)
    host.session = session
    return host


@pytest.fixture
def make() -> Callable[..., Host]:
    return make_session


@pytest.fixture
def live() -> Host:
    """A session that is live, with a valid book, and nothing told or asked yet."""
    host = make_session().begin()
    host.advance(200 * MS)
    host.take()
    host.venue.requests.clear()
    host.venue.asked.clear()
    return host
