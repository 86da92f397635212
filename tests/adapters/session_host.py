"""A host in memory for one session, with time that the test turns, and the wire's other end: what a venue's script
hangs on. The scripts themselves are in the venues' ``conftest.py``."""

import random
from collections import deque
from typing import Any, ClassVar, Protocol, cast

import h11
import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from engine.actor import Context, Endpoint
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder
from engine.order import Approved, Order
from engine.venue import VenueEvent, VenueSession

__all__ = ["AHEAD_NS", "MS", "SECOND", "WALL_NS", "HttpEnd", "SessionHost", "SocketEnd"]

MS = 1_000_000
SECOND = 1_000 * MS
WALL_NS = 1_700_000_040 * SECOND  # the start of a minute
#: The venue's clock is this far ahead of the host's.
AHEAD_NS = 123 * MS


class End(Protocol):
    """The venue's end of a link."""

    def receive(self, data: bytes) -> None: ...


class HttpEnd:
    """The venue's end of an HTTP connection: ``asked`` is called with every whole request."""

    def __init__(self, host: "SessionHost", link: str) -> None:
        self.host, self.link = host, link
        self.connection = h11.Connection(h11.SERVER)
        self.request: h11.Request
        self.body = b""

    def asked(self) -> None:
        """Sees ``request`` and ``body``; answers now, later or never."""
        raise AssertionError("every venue's end answers in its own way")

    def receive(self, data: bytes) -> None:
        self.connection.receive_data(data)
        while True:
            event = self.connection.next_event()
            if isinstance(event, h11.Request):
                self.request, self.body = event, b""
            elif isinstance(event, h11.Data):
                self.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.asked()
            else:
                return

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        fields = [("content-length", str(len(raw))), *(headers or {}).items()]
        data = self.connection.send(h11.Response(status_code=status, headers=fields, reason=b"X")) or b""
        data += self.connection.send(h11.Data(data=raw)) or b""
        data += self.connection.send(h11.EndOfMessage()) or b""
        self.host.to_session(self.link, data)
        if self.connection.our_state is h11.DONE:
            self.connection.start_next_cycle()


class SocketEnd:
    """The venue's end of a WebSocket."""

    def __init__(self, host: "SessionHost", link: str) -> None:
        self.host, self.link = host, link
        self.protocol = ServerProtocol(max_size=None)
        self.path = ""

    @property
    def is_open(self) -> bool:
        return self.link in self.host.up and self.protocol.state is State.OPEN

    def on_open(self) -> None:
        """The handshake has been answered."""

    def on_text(self, text: bytes) -> None:
        raise AssertionError("every venue's end answers in its own way")

    def on_control(self, opcode: Opcode, payload: bytes) -> None:
        """A ping, a pong or a close has come."""

    def receive(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.path = event.path
                self.protocol.send_response(self.protocol.accept(event))
                self.flush()
                self.on_open()
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.flush()
                self.on_text(bytes(event.data))
            elif isinstance(event, Frame):
                self.on_control(event.opcode, bytes(event.data))
        self.flush()

    def send(self, message: Any) -> None:
        self.protocol.send_text(message if isinstance(message, bytes) else msgspec.json.encode(message))
        self.flush()

    def ping(self, payload: bytes = b"") -> None:
        self.protocol.send_ping(payload)
        self.flush()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.host.to_session(self.link, data)


class SessionHost:
    """The session's context and listener, and the loop. ``chunk`` cuts what comes from the venue; 0 leaves it whole.

    ``pulse_ns`` is how often ``on_pulse`` lets the venue say that it is there; ``pulse_at_ns`` is when it does so next,
    0: never again.
    """

    name = "venue:test"
    pulse_ns = SECOND
    #: Of the orders that ``order`` makes: a lot of 1 at a price of 10 and some.
    order_fields: ClassVar[dict[str, Any]] = {"quantity_lots": 100_000, "price_ticks": 1_000}

    def __init__(self, chunk: int = 0) -> None:
        self.now_ns = 1_000
        self.chunk = chunk
        self.session: VenueSession
        self.ends: dict[str, End] = {}
        self.timers: dict[str, int] = {}
        self.up: set[str] = set()
        self.opened: list[tuple[str, int]] = []
        self.refused: set[str] = set()
        self.slow: set[str] = set()
        self.events: list[VenueEvent] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        self._queue: deque[tuple[str, str, bytes]] = deque()
        self._random = random.Random(1)
        self.pulse_at_ns = self.pulse_ns

    # -- the venue's -----------------------------------------------------------------------------------------

    def make_end(self, link: str) -> End:
        raise AssertionError("every venue has its own ends")

    def on_pulse(self) -> None:
        """A heartbeat or a ping on every link that has one."""

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

    # -- what tests do ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self.session.start(cast(Context, self), self.now_ns)
        self.run()

    def order(self, client_order_id: str = "a-1", **changes: Any) -> Order:
        fields: dict[str, Any] = {
            "client_order_id": client_order_id,
            "account_id": "acc",
            "strategy_id": "s",
            "instrument_id": 1,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "created_ns": self.now_ns,
            **self.order_fields,
        }
        return Order.from_new(NewOrder(**{**fields, **changes}))

    def send_new(self, order: Order) -> None:
        self.transmit(self.session.encode_new(Approved(order), self.now_ns))

    def send_cancel(self, order: Order) -> None:
        self.transmit(self.session.encode_cancel(order, self.now_ns))

    def send_replace(self, orig: Order, order: Order) -> None:
        self.transmit(self.session.encode_replace(orig, Approved(order), self.now_ns))

    def transmit(self, frame: bytes) -> None:
        self.session.transmit(frame, self.now_ns)
        self.run()

    def cut(self, link: str) -> None:
        """The connection breaks."""
        self.up.discard(link)
        self._queue.append(("down", link, b"connection reset"))
        self.run()

    # -- the loop --------------------------------------------------------------------------------------------

    def to_session(self, link: str, data: bytes) -> None:
        step = self.chunk or len(data)
        for at in range(0, len(data), step):
            self._queue.append(("bytes", link, data[at : at + step]))

    def run(self) -> None:
        """Deliver everything that is on its way; time stands still."""
        while self._queue:
            what, link, data = self._queue.popleft()
            if what == "up":
                self.up.add(link)
                self.ends[link] = self.make_end(link)
                self.session.on_link_up(link, self.now_ns)
            elif what == "down":
                self.session.on_link_down(link, data.decode(), self.now_ns)
            elif link in self.up and what == "bytes":
                self.session.on_link_bytes(link, data, self.now_ns)
            elif link in self.up:
                self.ends[link].receive(data)

    def advance(self, duration_ns: int) -> None:
        """Let time pass, with every timer at its time, and the venue's pulse."""
        until_ns = self.now_ns + duration_ns
        self.run()
        while True:
            key = min(self.timers, key=lambda each: (self.timers[each], each), default="")
            at_ns = self.timers.get(key, until_ns + 1)
            if self.pulse_at_ns and self.pulse_at_ns <= min(at_ns, until_ns):
                self.now_ns = max(self.now_ns, self.pulse_at_ns)
                self.pulse_at_ns += self.pulse_ns
                self.on_pulse()
            elif at_ns <= until_ns:
                self.now_ns = max(self.now_ns, self.timers.pop(key))
                self.session.on_timer(key, self.now_ns)
            else:
                break
            self.run()
        self.now_ns = until_ns
