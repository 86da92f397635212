"""A venue in memory, whichever it is: a host with hand-rolled time, a quiet market, and clients that speak HTTP and
WebSocket."""

from typing import Any

import h11
import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from adapters.simulator.market import BookSnapshot, Ended, Executed, MarketEvent, Public
from adapters.simulator.matching import MatchingEngine
from adapters.simulator.order import SimOrder
from engine.actor import Actor, Endpoint
from engine.codes import Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import Message

__all__ = ["SECOND_NS", "WALL_NS", "MemoryHost", "QuietMarket", "RestClient", "SocketClient"]

WALL_NS = 1_700_000_040_000_000_000  # the start of a minute
SECOND_NS = 1_000_000_000


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

    def __init__(self, actor: Actor, now_ns: int = 1_000) -> None:
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
