"""WebSocket connections: what each has subscribed to, and its own count of messages over all channels."""

from collections.abc import Callable, Iterator

from adapters.simulator.coinbase.encoding import nanos_text
from adapters.simulator.coinbase.orders import CoinbaseOrder, user_order
from adapters.simulator.encoding import encode_json
from adapters.simulator.exchange import Exchange

__all__ = ["Connection", "Connections"]

_SNAPSHOT_BATCH = 50
#: What messages of a channel are called, where that differs from what is subscribed to.
_NAMES = {"level2": "l2_data"}
_POSITIONS: dict[str, list[object]] = {"perpetual_futures_positions": [], "expiring_futures_positions": []}


class Connection:
    """``channels``: by name, the products followed on each (``heartbeats``, ``status``: none are named). ``account``:
    whose orders the user channel tells about; its products are empty for all of them."""

    def __init__(self, now_ns: int) -> None:
        self.opened_ns = self.told_ns = now_ns
        self.sequence = 0
        self.channels: dict[str, dict[str, None]] = {}
        self.has_subscribed = False
        self.account = ""
        self.key = ""

    def follows(self, channel: str, symbol: str) -> bool:
        products = self.channels.get(channel)
        return products is not None and (channel in ("status", "heartbeats") or symbol in products)


class Connections:
    """All of them. ``send(link, payload)`` is the port's. ``portfolios``: each account's id, by its name."""

    def __init__(self, send: Callable[[str, bytes], None], portfolios: dict[str, str]) -> None:
        self._send, self._portfolios = send, portfolios
        self._by_link: dict[str, Connection] = {}
        self.now_ns = self.wall_ns = 0
        self.messages: dict[str, int] = {}
        self.user_messages = 0
        #: While it is true, news of orders wait: they come after the answer to the request that causes them.
        self.holds_orders = False
        self._held: list[tuple[str, bytes]] = []

    def __iter__(self) -> Iterator[tuple[str, Connection]]:
        return iter(list(self._by_link.items()))

    def __getitem__(self, link: str) -> Connection:
        return self._by_link[link]

    def opened(self, link: str) -> None:
        self._by_link[link] = Connection(self.now_ns)

    def gone(self, link: str) -> Connection | None:
        return self._by_link.pop(link, None)

    def followed(self, channel: str, symbol: str) -> bool:
        return any(connection.follows(channel, symbol) for connection in self._by_link.values())

    # -- telling ------------------------------------------------------------------------------------------------

    def push(self, link: str, channel: str, events: bytes) -> None:
        """One message of a channel, with the connection's next number."""
        connection = self._by_link.get(link)
        if connection is None:
            return
        name = _NAMES.get(channel, channel)
        head = f'{{"channel":"{name}","timestamp":"{nanos_text(self.wall_ns)}","sequence_num":{connection.sequence},'
        connection.sequence += 1
        connection.told_ns = self.now_ns
        self._send(link, b'%s"events":%s}' % (head.encode(), events))

    def publish(self, channel: str, symbol: str, events: bytes) -> None:
        """To everybody who follows it."""
        links = [link for link, connection in self._by_link.items() if connection.follows(channel, symbol)]
        if links:
            name = f"{channel}:{symbol}"
            self.messages[name] = self.messages.get(name, 0) + len(links)
        for link in links:
            self.push(link, channel, events)

    def refuse(self, link: str, message: str) -> None:
        """An error belongs to no channel and is not counted."""
        self._send(link, encode_json({"type": "error", "message": message}))

    # -- orders -------------------------------------------------------------------------------------------------

    def tell(self, order: CoinbaseOrder) -> None:
        """An order as it is now, to whoever follows its account."""
        name = order.account.name
        events: bytes | None = None
        for link, connection in self._by_link.items():
            products = connection.channels.get("user")
            if connection.account != name or products is None or (products and order.listing.symbol not in products):
                continue
            if events is None:
                events = encode_json([_user_event("update", [user_order(order, self._portfolios[name])])])
            self._push_user(link, events)

    def user_snapshot(self, link: str, exchange: Exchange[CoinbaseOrder]) -> None:
        """Open orders in batches; one that is not full is the last, even if that is empty."""
        connection = self._by_link[link]
        products, portfolio = connection.channels["user"], self._portfolios[connection.account]
        rows = [
            user_order(order, portfolio)
            for order in exchange.orders.open(connection.account)
            if order.status == "OPEN" and (not products or order.listing.symbol in products)
        ]
        for start in range(0, len(rows) + 1, _SNAPSHOT_BATCH):
            events = encode_json([_user_event("snapshot", rows[start : start + _SNAPSHOT_BATCH])])
            self._push_user(link, events)

    def release(self) -> None:
        """The answer has left: what waited for it follows."""
        self.holds_orders = False
        held, self._held = self._held, []
        for link, events in held:
            self._push_user(link, events)

    def _push_user(self, link: str, events: bytes) -> None:
        if self.holds_orders:
            self._held.append((link, events))
        else:
            self.user_messages += 1
            self.push(link, "user", events)


def _user_event(kind: str, rows: list[dict[str, object]]) -> dict[str, object]:
    return {"type": kind, "orders": rows, "positions": _POSITIONS}
