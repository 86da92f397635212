"""One WebSocket link's life: open, shake hands, listen, notice that it is dead or too old, open again.

    DOWN ──open──▶ OPENING ──link up──▶ SHAKING ──101──▶ OPEN
      ▲                │                   │               │
      └───retry timer──┴───────────────────┴───────────────┘ refused, broken, silent, too old, closed

Whatever a venue sends, nothing is raised: a message that cannot be understood closes the link and is counted.
"""

from enum import Enum
from typing import Protocol

import msgspec

from adapters.http import retry_after_ns
from adapters.options import SessionOptions
from adapters.websocket import HandshakeRefused, WebSocketClient, masked_text
from engine.actor import Context, Endpoint
from engine.errors import VenueError

__all__ = ["DECODE_ERRORS", "BackOff", "LinkHost", "LinkOwner", "WebSocketLink", "websocket_uri"]

#: What decoding hostile bytes can raise besides VenueError: bad JSON or types, bad UTF-8, nesting without end.
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_RETRY, _WATCH, _AGE = "retry", "watch", "age"


class LinkHost(Protocol):
    """What a link needs of its session's core."""

    ctx: Context

    @property
    def options(self) -> SessionOptions: ...

    def count(self, what: str) -> None: ...

    def refused_link(self, status: int, retry_after_ns: int, now_ns: int) -> int:
        """A handshake was answered with ``status``: how long to wait before the next one, -1: as the back-off says."""
        ...


def websocket_uri(endpoint: Endpoint, path: str) -> str:
    """The URI that a WebSocket handshake with ``endpoint`` asks for."""
    return f"{'wss' if endpoint.tls else 'ws'}://{endpoint.host}:{endpoint.port}{path}"


class BackOff:
    """Delays that double from one attempt to the next, half of each at random, until something has succeeded."""

    def __init__(self, core: LinkHost) -> None:
        self._core = core
        self._attempts = 0

    def next_ns(self) -> int:
        """How long to wait before the next attempt."""
        options = self._core.options
        delay_ns = min(options.retry_first_ns << min(self._attempts, 32), options.retry_max_ns)
        self._attempts += 1
        return delay_ns // 2 + self._core.ctx.random_below(delay_ns // 2 + 1)

    def reset(self) -> None:
        self._attempts = 0


class LinkOwner(Protocol):
    """Who uses a link."""

    def on_open(self, now_ns: int) -> None: ...

    def on_message(self, message: bytes, now_ns: int) -> None:
        """May raise VenueError, or what ``DECODE_ERRORS`` lists: the link is then closed."""
        ...

    def on_lost(self, reason: str, now_ns: int) -> None:
        """The link is down. It will be opened again by itself."""
        ...


class _State(Enum):
    DOWN = "down"
    OPENING = "opening"
    SHAKING = "shaking"
    OPEN = "open"


class WebSocketLink:
    """``name`` is the link's name at the context, and the prefix of its timers' keys."""

    def __init__(self, core: LinkHost, name: str, endpoint: Endpoint, path: str, owner: LinkOwner) -> None:
        self.name = name
        self._core, self._endpoint, self._owner = core, endpoint, owner
        self._uri = websocket_uri(endpoint, path)
        self._back_off = BackOff(core)
        self._client: WebSocketClient | None = None
        self._state = _State.DOWN
        self._heard_ns = 0
        self._mask = 1
        self._wanted = False

    @property
    def is_open(self) -> bool:
        return self._state is _State.OPEN

    def proven(self) -> None:
        """The link does what it is for: a later loss starts with a short delay again."""
        self._back_off.reset()

    # -- by us -----------------------------------------------------------------------------------------------

    def open(self, now_ns: int) -> None:
        """Open, and keep open from here on."""
        self._wanted = True
        if self._state is not _State.DOWN:
            return
        self._state = _State.OPENING
        self._heard_ns = now_ns
        self._timer(_WATCH, now_ns + self._core.options.answer_timeout_ns)
        self._core.ctx.open_link(self.name, self._endpoint)

    def close(self, now_ns: int) -> None:
        """Close for good, orderly where possible."""
        self._wanted = False
        if self._client is not None:
            self._core.ctx.write(self.name, self._client.close())
        self._cancel_timers()
        if self._state is not _State.DOWN:
            self._core.ctx.close_link(self.name)
        self._state, self._client = _State.DOWN, None

    def drop(self, reason: str, now_ns: int, delay_ns: int = -1) -> None:
        """Close because of ``reason`` and open again after ``delay_ns`` (-1: the back-off's)."""
        if self._state is _State.DOWN:
            return
        self._core.ctx.close_link(self.name)
        self._gone(reason, now_ns, delay_ns)

    def send(self, payload: bytes) -> None:
        """Write one text message. Ignored unless open."""
        if self.is_open:
            self._core.ctx.write(self.name, self.frame(payload))

    def frame(self, payload: bytes) -> bytes:
        """One text message as it goes onto the wire; nothing is sent."""
        # Marsaglia's xorshift: masks only have to differ, and the first comes from the runtime's seeded source.
        mask = self._mask
        mask ^= (mask << 13) & 0xFFFFFFFF
        mask ^= mask >> 17
        mask ^= (mask << 5) & 0xFFFFFFFF
        self._mask = mask
        return masked_text(payload, mask)

    # -- by the runtime --------------------------------------------------------------------------------------

    def on_up(self, now_ns: int) -> None:
        if self._state is not _State.OPENING:
            return
        ctx = self._core.ctx
        self._state = _State.SHAKING
        self._mask = 1 + ctx.random_below(0xFFFFFFFE)
        self._client = WebSocketClient(self._uri, self._core.options.message_bytes_max)
        ctx.write(self.name, self._client.handshake())

    def on_bytes(self, data: bytes, now_ns: int) -> None:
        client = self._client
        if client is None:
            return
        self._heard_ns = now_ns
        messages = client.receive(data)
        if client.has_outgoing:
            self._core.ctx.write(self.name, client.outgoing())
        if self._state is _State.SHAKING and client.is_open:
            self._opened(now_ns)
        for message in messages:
            if not self._hand_over(message, now_ns) or self._client is not client:
                return
        if client.failure is not None and self._client is client:
            self._failed(client.failure, now_ns)

    def on_down(self, reason: str, now_ns: int) -> None:
        """Ignored for a link that we have closed ourselves."""
        if self._state is not _State.DOWN:
            self._gone(reason, now_ns, -1)

    def on_timer(self, what: str, now_ns: int) -> None:
        if what == _RETRY:
            if self._wanted:
                self.open(now_ns)
        elif what == _AGE:
            self.drop("old enough to be made anew", now_ns, 0)
        elif what == _WATCH and self._state is not _State.DOWN:
            self._watch(now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _opened(self, now_ns: int) -> None:
        options = self._core.options
        self._state = _State.OPEN
        age_ns = options.link_age_max_ns - self._core.ctx.random_below(options.link_age_max_ns // 8 + 1)
        self._timer(_AGE, now_ns + age_ns)
        self._timer(_WATCH, now_ns + options.idle_timeout_ns)
        self._owner.on_open(now_ns)

    def _hand_over(self, message: bytes, now_ns: int) -> bool:
        try:
            self._owner.on_message(message, now_ns)
        except (VenueError, *DECODE_ERRORS) as error:
            self._core.count(f"{self.name} malformed")
            self.drop(f"not understood: {error}", now_ns)
            return False
        return True

    def _failed(self, failure: VenueError, now_ns: int) -> None:
        delay_ns = -1
        if isinstance(failure, HandshakeRefused):
            delay_ns = self._core.refused_link(failure.status, retry_after_ns(failure.headers), now_ns)
        self.drop(str(failure), now_ns, delay_ns)

    def _gone(self, reason: str, now_ns: int, delay_ns: int) -> None:
        self._state, self._client = _State.DOWN, None
        self._core.count(f"{self.name} lost")
        self._core.ctx.log("venue link lost", link=self.name, reason=reason)
        self._cancel_timers()
        if self._wanted:
            self._timer(_RETRY, now_ns + (self._back_off.next_ns() if delay_ns < 0 else delay_ns))
        self._owner.on_lost(reason, now_ns)

    def _watch(self, now_ns: int) -> None:
        if self._state is not _State.OPEN:
            self.drop("no answer to the handshake", now_ns)
            return
        silent_at_ns = self._heard_ns + self._core.options.idle_timeout_ns
        if now_ns >= silent_at_ns:
            self.drop("silent for too long", now_ns)
        else:
            self._timer(_WATCH, silent_at_ns)

    def _timer(self, what: str, at_ns: int) -> None:
        self._core.ctx.set_timer(f"{self.name}:{what}", at_ns)

    def _cancel_timers(self) -> None:
        for what in (_RETRY, _WATCH, _AGE):
            self._core.ctx.cancel_timer(f"{self.name}:{what}")
