"""The connections that orders leave on.

An order, a cancel or an edit is one HTTP request, and HTTP answers in order: behind a request that is not answered yet,
the next one would wait. So there are several connections, each with at most one request in flight and never a second
one behind it (no pipelining), opened before they are needed and opened again whenever the venue closes one. Some are
left free by new orders, for cancels. With none free nothing waits here: a new order is refused.

    DOWN ──open──▶ OPENING ──link up──▶ FREE ──write──▶ BUSY ──answer──▶ FREE
      ▲                │                  │                │
      └──retry timer───┴──────────────────┴────────────────┘ lost, silent: what was in flight is in doubt
"""

from collections import deque
from enum import Enum
from typing import Protocol

from adapters.coinbase.core import SessionCore
from adapters.http import HttpClient, HttpResponse, host_header
from adapters.links import BackOff
from engine.actor import Endpoint
from engine.errors import VenueError

__all__ = ["ORDERS_LINK", "OrderPool", "PoolOwner"]

ORDERS_LINK = "session:orders"
_RETRY, _ANSWER = "retry", "answer"


class PoolOwner(Protocol):
    """Who sends orders."""

    def on_answer(self, request: object, response: HttpResponse, now_ns: int) -> None:
        """Whatever the answer is: nothing may be raised."""
        ...

    def on_fate_unknown(self, request: object, text: str, now_ns: int) -> None: ...

    def on_room(self, now_ns: int) -> None:
        """A connection has become free."""
        ...

    def on_pool_changed(self, now_ns: int) -> None:
        """A connection has come, or the last one has gone."""
        ...


class _State(Enum):
    DOWN = "down"
    OPENING = "opening"
    FREE = "free"
    BUSY = "busy"


class _Connection:
    __slots__ = ("back_off", "client", "name", "pool", "request", "state", "was_lost_idle")

    def __init__(self, pool: "OrderPool", name: str, back_off: BackOff) -> None:
        self.pool, self.name, self.back_off = pool, name, back_off
        self.state = _State.DOWN
        self.client: HttpClient | None = None
        self.request: object = None
        #: Lost while free, and nothing has been answered on it since: the next time it has to wait.
        self.was_lost_idle = False

    def on_up(self, now_ns: int) -> None:
        self.pool.on_up(self, now_ns)

    def on_bytes(self, data: bytes, now_ns: int) -> None:
        self.pool.on_bytes(self, data, now_ns)

    def on_down(self, reason: str, now_ns: int) -> None:
        self.pool.on_down(self, reason, now_ns)


class OrderPool:
    """Connections ``session:orders:0`` and so on."""

    def __init__(self, core: SessionCore, endpoint: Endpoint, owner: PoolOwner) -> None:
        self._core, self._endpoint, self._owner = core, endpoint, owner
        count = core.options.order_connections
        self._connections = {
            name: _Connection(self, name, BackOff(core))
            for name in (f"{ORDERS_LINK}:{number}" for number in range(count))
        }
        #: The one that has rested longest comes first, so that all of them are used and stay warm.
        self._free: deque[_Connection] = deque()
        self._up = 0

    @property
    def is_up(self) -> bool:
        """Whether there is any connection, free or busy."""
        return self._up > 0

    def open(self, now_ns: int) -> None:
        for connection in self._connections.values():
            self._open(connection, now_ns)

    def close(self) -> None:
        """Close for good; nothing is told."""
        for connection in self._connections.values():
            for what in (_RETRY, _ANSWER):
                self._core.ctx.cancel_timer(f"{connection.name}:{what}")
            if connection.state is not _State.DOWN:
                self._core.ctx.close_link(connection.name)
            connection.state, connection.client, connection.request = _State.DOWN, None, None
        self._free.clear()
        self._up = 0

    # -- sending ---------------------------------------------------------------------------------------------

    def has_room(self, is_cancel: bool) -> bool:
        """Whether a request could be written now. New orders leave the last connections to cancels."""
        reserved = 0 if is_cancel else min(self._core.options.cancel_connections, max(self._up - 1, 0))
        return len(self._free) > reserved and self._core.ctx.writable(self._free[0].name)

    def has_drained(self) -> bool:
        """Whether the operating system has taken every byte of what is in flight."""
        writable = self._core.ctx.writable
        return all(writable(each.name) for each in self._connections.values() if each.state is _State.BUSY)

    def send(self, frame: bytes, request: object, now_ns: int) -> None:
        """Write a whole request. Only when there is room."""
        connection = self._free.popleft()
        assert connection.client is not None, "a free connection is open"
        self._core.ctx.write(connection.name, frame)
        connection.state, connection.request = _State.BUSY, request
        connection.client.posted()
        self._core.ctx.set_timer(f"{connection.name}:{_ANSWER}", now_ns + self._core.options.answer_timeout_ns)

    # -- by the runtime --------------------------------------------------------------------------------------

    def link(self, name: str) -> _Connection | None:
        return self._connections.get(name)

    def on_up(self, connection: _Connection, now_ns: int) -> None:
        if connection.state is not _State.OPENING:
            return
        self._core.ctx.cancel_timer(f"{connection.name}:{_ANSWER}")
        connection.client = HttpClient(host_header(self._endpoint), self._core.options.body_bytes_max)
        connection.state = _State.FREE
        self._free.append(connection)
        self._up += 1
        self._owner.on_pool_changed(now_ns)
        self._owner.on_room(now_ns)

    def on_bytes(self, connection: _Connection, data: bytes, now_ns: int) -> None:
        if connection.client is None:
            return
        try:
            response = connection.client.receive(data)
        except VenueError as error:
            self._core.count(f"{ORDERS_LINK} malformed")
            self._drop(connection, str(error), now_ns)
            return
        if response is not None:
            self._answered(connection, response, now_ns)

    def on_down(self, connection: _Connection, reason: str, now_ns: int) -> None:
        """Ignored for a connection that we have closed ourselves."""
        if connection.state is _State.DOWN:
            return
        if connection.state is _State.BUSY and connection.client is not None:
            try:
                response = connection.client.receive(b"")  # a body may be delimited by the end of the connection
            except VenueError:
                response = None
            if response is not None:
                self._answered(connection, response, now_ns)
                return
        self._gone(connection, reason, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        name, _, what = key.rpartition(":")
        connection = self._connections.get(name)
        if connection is None:
            return
        if what == _RETRY:
            self._open(connection, now_ns)
        elif what == _ANSWER and connection.state in (_State.BUSY, _State.OPENING):
            self._drop(connection, "no answer in time", now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _open(self, connection: _Connection, now_ns: int) -> None:
        if connection.state is not _State.DOWN:
            return
        connection.state = _State.OPENING
        self._core.ctx.set_timer(f"{connection.name}:{_ANSWER}", now_ns + self._core.options.answer_timeout_ns)
        self._core.ctx.open_link(connection.name, self._endpoint)

    def _answered(self, connection: _Connection, response: HttpResponse, now_ns: int) -> None:
        core, client = self._core, connection.client
        assert client is not None, "an answer came on it"
        core.ctx.cancel_timer(f"{connection.name}:{_ANSWER}")
        request, connection.request = connection.request, None
        connection.back_off.reset()
        connection.was_lost_idle = False
        core.limits.report_headers(response.headers, now_ns)
        if client.is_reusable:
            connection.state = _State.FREE
            self._free.append(connection)
        else:
            core.ctx.close_link(connection.name)
            self._gone(connection, "the venue closes it", now_ns, delay_ns=0)
        self._owner.on_answer(request, response, now_ns)
        self._owner.on_room(now_ns)

    def _drop(self, connection: _Connection, reason: str, now_ns: int) -> None:
        self._core.ctx.close_link(connection.name)
        self._gone(connection, reason, now_ns)

    def _gone(self, connection: _Connection, reason: str, now_ns: int, delay_ns: int = -1) -> None:
        was, connection.state, connection.client = connection.state, _State.DOWN, None
        request, connection.request = connection.request, None
        core = self._core
        core.ctx.cancel_timer(f"{connection.name}:{_ANSWER}")
        if was is _State.FREE:
            self._free.remove(connection)
            if not connection.was_lost_idle:  # a venue closes what has rested: that is nobody's fault
                connection.was_lost_idle, delay_ns = True, 0
        elif delay_ns < 0:
            core.count(f"{ORDERS_LINK} lost")
            core.ctx.log("venue link lost", link=connection.name, reason=reason)
        wait_ns = connection.back_off.next_ns() if delay_ns < 0 else delay_ns
        core.ctx.set_timer(f"{connection.name}:{_RETRY}", now_ns + wait_ns)
        if was is not _State.OPENING:
            self._up -= 1
            if not self._up:
                self._owner.on_pool_changed(now_ns)
        if request is not None:
            self._owner.on_fate_unknown(request, reason, now_ns)
