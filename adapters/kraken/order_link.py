"""The order link: what comes on the private WebSocket goes to whom it concerns."""

from collections.abc import Callable

import msgspec

from adapters.kraken.balances import Balances
from adapters.kraken.core import SessionCore
from adapters.kraken.executions import Executions
from adapters.kraken.logon import STAGE_TIMER, Logon
from adapters.kraken.messages import Message, SystemStatus
from adapters.kraken.numbers import instant_ns
from adapters.kraken.order_entry import REQUESTS_TIMER, OrderEntry
from adapters.kraken.orders import OrderEncoder
from adapters.kraken.urls import KrakenEndpoints
from adapters.kraken.working import WorkingOrders
from adapters.links import WebSocketLink
from engine.codes import Reason
from engine.errors import VenueError
from engine.venue import ClockOffset

__all__ = ["ORDERS_LINK", "PING_TIMER", "OrderLink"]

ORDERS_LINK = "session:orders"
PING_TIMER = f"{ORDERS_LINK}:ping"

_decode = msgspec.json.Decoder(Message).decode
_decode_status = msgspec.json.Decoder(tuple[SystemStatus, ...]).decode


class OrderLink:
    """Owner of the link ``session:orders``."""

    def __init__(self, core: SessionCore, endpoints: KrakenEndpoints) -> None:
        self._core = core
        self._encoder = OrderEncoder()
        self.link = WebSocketLink(core, ORDERS_LINK, endpoints.orders, endpoints.orders_path, self)
        self.working = WorkingOrders()
        self.executions = Executions(core, self.working)
        self.balances = Balances(core)
        self.entry = OrderEntry(core, self.working, self.executions, self.link.frame, self._write)
        self.logon = Logon(core, self.link.send, self.link.drop)
        self._pinged_ns = 0
        self._ping_id = 0
        #: Forgets what was asked over REST: whoever did will ask again. Set by the session.
        self.forget_queries: Callable[[], None] = lambda: None
        #: Asks for all balances, because some were missed. Set by the session.
        self.reread_balances: Callable[[int], None] = _nothing

    @property
    def may_request(self) -> bool:
        """Whether a request with a token can be sent now."""
        return self.link.is_open and self.logon.may_request

    def close(self, now_ns: int) -> None:
        """Close for good."""
        for key in (STAGE_TIMER, REQUESTS_TIMER, PING_TIMER):
            self._core.ctx.cancel_timer(key)
        self.link.close(now_ns)

    # -- sending ---------------------------------------------------------------------------------------------

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write a frame of order entry; one that cannot leave is refused in a callback of its own."""
        if not self.may_request:
            self.entry.not_sent(frame, Reason.VENUE_LINK_DOWN, "order link is down; nothing was sent", now_ns)
            return
        self.entry.transmit(frame, now_ns)

    def _write(self, data: bytes) -> None:
        self._core.ctx.write(ORDERS_LINK, data)

    def renew_token(self, now_ns: int) -> None:
        """The venue does not take the token any more: a new one, on a new connection."""
        self.link.drop("the token was refused", now_ns, -1)

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        self._ping(now_ns)
        self.logon.begin(now_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        self._core.ctx.cancel_timer(PING_TIMER)
        self.logon.lost(reason, now_ns)
        self.entry.lost(now_ns)
        self.executions.lost(now_ns)
        self.balances.lost()
        self.forget_queries()

    def on_message(self, message: bytes, now_ns: int) -> None:
        decoded = _decode(message)
        if decoded.channel == "executions":
            self._on_executions(decoded, now_ns)
        elif decoded.channel:
            self._on_channel(decoded, now_ns)
        elif decoded.method == "pong":
            self._on_pong(decoded, now_ns)
        elif decoded.method == "subscribe":
            self.logon.on_answer(decoded, now_ns)
        elif decoded.req_id is not None:
            self.entry.on_answer(decoded, now_ns)
        else:
            # An error about a request that the venue does not name: whatever is in flight is in doubt.
            raise VenueError(f"answer without an id: {decoded.method} {decoded.error or ''}")

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == STAGE_TIMER:
            self.logon.on_timer(now_ns)
        elif key == REQUESTS_TIMER:
            self.entry.on_timer(now_ns)
        elif key == PING_TIMER:
            self._ping(now_ns)
        else:
            self.link.on_timer(key.removeprefix(f"{ORDERS_LINK}:"), now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _on_executions(self, message: Message, now_ns: int) -> None:
        if not self.executions.on_message(message, now_ns):
            self._core.count("executions gap")
            self.link.drop("execution reports are missing", now_ns, 0)
        elif message.type == "snapshot":
            self.logon.listed(now_ns)

    def _on_channel(self, message: Message, now_ns: int) -> None:
        if message.channel == "balances":
            if not self.balances.on_message(message, now_ns):
                self.reread_balances(now_ns)
        elif message.channel == "status":
            for status in _decode_status(message.data):
                self._on_system(status.system)

    def _on_system(self, system: str) -> None:
        if system != self._core.system:
            self._core.ctx.log("the venue's engine has changed its state", system=system)
            self._core.system = system

    # -- the clock -------------------------------------------------------------------------------------------

    def _ping(self, now_ns: int) -> None:
        if self.link.is_open:
            self._pinged_ns, self._ping_id = now_ns, self._core.next_request_id()
            self.link.send(self._encoder.ping(self._ping_id))
        self._core.ctx.set_timer(PING_TIMER, now_ns + self._core.options.clock_refresh_ns)

    def _on_pong(self, message: Message, now_ns: int) -> None:
        came_ns, left_ns = instant_ns(message.time_in), instant_ns(message.time_out)
        if message.req_id != self._ping_id or not came_ns or left_ns < came_ns:
            return
        core = self._core
        if core.clock.read(came_ns + (left_ns - came_ns) // 2, self._pinged_ns, now_ns):
            core.emit(ClockOffset(core.clock.offset_ns, now_ns - self._pinged_ns), now_ns)


def _nothing(now_ns: int) -> None:
    """Until the session has its REST link."""
