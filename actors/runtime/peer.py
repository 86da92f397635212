"""One link between two actors: framed messages over a Unix socket or TCP with mutual TLS.

The dialler speaks first. Hello must be the first frame each way, and each side must have the same SCHEMA_VERSION: it
changes only when the evolution rules of ``engine/messages`` could not be kept, so an equal number means that both
sides can read each other whatever their releases, and another number that they cannot.

Of what one read has brought, a few frames are handled, then the other links have their turn: a kill must not wait
behind hundreds of orders that came in one piece. What is left waits here, and the link is not read meanwhile.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

import msgspec

from actors.runtime.stream import Stream
from actors.runtime.tls import TlsPipe
from engine.errors import FrameError
from engine.frame import FRAME_HEADER_BYTES, FrameDecoder
from engine.messages import SCHEMA_VERSION, Hello, Message, decode_message, encode_message_into

__all__ = ["PeerCounters", "PeerLink", "PeerOwner"]

_LENGTH = Struct("<I")
#: Market data types times instruments that may wait for one slow reader.
CONFLATED_ENTRIES = 65_536
#: So many frames of one link are handled in one turn of the loop.
FRAMES_PER_TURN = 16


@dataclass(slots=True)
class PeerCounters:
    """Counts of one actor's peer links, over all of them since its start."""

    frames_in: int = 0
    frames_out: int = 0
    frames_malformed: int = 0
    links_made: int = 0
    links_dropped: int = 0
    #: Market data replaced by newer before a slow peer took it.
    conflated: int = 0
    #: Messages not taken because the peer's way was full, or the message too long.
    refused: int = 0


class PeerOwner(Protocol):
    """The actor's side of its links (``actors/runtime/peers.py``)."""

    hello: Hello
    counters: PeerCounters
    frame_bytes: int
    buffer_bytes: int

    def link_made(self, link: "PeerLink") -> None: ...

    def admits(self, link: "PeerLink") -> bool:
        """The peer said Hello: may this link be the way to ``link.peer``?"""
        ...

    def link_up(self, link: "PeerLink") -> None: ...

    def link_message(self, link: "PeerLink", message: Message) -> None: ...

    def link_closed(self, link: "PeerLink", reason: str) -> None: ...


class PeerLink(Stream):
    """``dialled`` is the peer's name when we dialled, None when the peer did."""

    def __init__(self, owner: PeerOwner, dialled: str | None, tls: TlsPipe | None) -> None:
        super().__init__(tls)
        self._owner = owner
        self._counters = owner.counters
        self._frames = FrameDecoder(owner.frame_bytes)
        self._buffer = bytearray(1024)
        self._latest: dict[tuple[type, int], Message] = {}
        self._payloads: deque[bytes] = deque()
        self._turn_due = False
        self.dialled = dialled
        self.peer = dialled or ""
        self.greeted = False

    # -- the way out

    def send(self, message: Message) -> bool:
        """False: the peer is away, or the bound on waiting bytes is reached (or the message itself is too long)."""
        if not (self.greeted and self.is_open):
            return False
        if self.paused:
            if message.CONFLATED:
                return self._conflate(message)
            if self.waiting_bytes() >= self._owner.buffer_bytes:
                self._counters.refused += 1
                return False
        return self._transmit(message)

    def _transmit(self, message: Message) -> bool:
        buffer = self._buffer
        encode_message_into(message, buffer, FRAME_HEADER_BYTES)
        length = len(buffer) - FRAME_HEADER_BYTES
        if length > self._owner.frame_bytes:
            self._counters.refused += 1
            return False
        _LENGTH.pack_into(buffer, 0, length)
        self._counters.frames_out += 1
        self.write(bytes(buffer))
        return True

    def _conflate(self, message: Message) -> bool:
        latest = self._latest
        key = (type(message), message.instrument_id)  # type: ignore[union-attr]
        if key in latest:
            self._counters.conflated += 1
            del latest[key]  # the newer one takes its turn behind what is older than it
        elif len(latest) >= CONFLATED_ENTRIES:
            self._counters.refused += 1
            return False
        latest[key] = message
        return True

    def resumed(self) -> None:
        latest = self._latest
        while latest and not self.paused and self.is_open:
            self._transmit(latest.pop(next(iter(latest))))

    # -- the way in

    def made(self) -> None:
        self._owner.link_made(self)

    def opened(self) -> None:
        if self.dialled is not None:
            self._transmit(self._owner.hello)

    def received(self, data: bytes) -> None:
        try:
            self._payloads.extend(self._frames.feed(data))
        except FrameError as error:
            self._malformed(error)
            return
        if not self._turn_due:
            self._turn()

    def _turn(self) -> None:
        """Handle a few frames; the rest after everybody else had a turn."""
        self._turn_due = False
        self._handle(FRAMES_PER_TURN)
        if self._payloads:
            self._turn_due = True
            self.read(False)
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self.read(True)

    def _handle(self, most: int) -> None:
        payloads = self._payloads
        try:
            while payloads and most:
                most -= 1
                self._on_payload(payloads.popleft())
                if self.closed_by_us:
                    payloads.clear()
        except (FrameError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self._malformed(error)

    def _on_payload(self, payload: bytes) -> None:
        message = decode_message(payload)
        self._counters.frames_in += 1
        if not self.greeted:
            self._greet(message)
        elif type(message) is Hello:
            raise FrameError("a second Hello")
        else:
            self._owner.link_message(self, message)

    def _malformed(self, error: Exception) -> None:
        self._payloads.clear()
        self._counters.frames_malformed += 1
        self.abort(f"malformed frame: {error}")

    def _greet(self, message: Message) -> None:
        if type(message) is not Hello:
            raise FrameError(f"the first frame is a {type(message).__name__}, not a Hello")
        if message.schema_version != SCHEMA_VERSION:
            self.abort(f"schema version {message.schema_version}, ours is {SCHEMA_VERSION}")
            return
        if self.dialled is not None and message.actor != self.dialled:
            self.abort(f"dialled {self.dialled}, {message.actor!r} answered")
            return
        self.peer = message.actor
        if not self._owner.admits(self):
            self.close("another link to this peer stands")
            return
        if self.dialled is None:
            self._transmit(self._owner.hello)
        self.greeted = True
        self._owner.link_up(self)

    def closed(self, reason: str) -> None:
        if not self.closed_by_us:
            self._handle(len(self._payloads))  # all of it came before the end
        self._payloads.clear()
        if self._frames.pending_bytes and not self.closed_by_us:
            self._counters.frames_malformed += 1
            reason = f"{reason}, within a frame"
        self._owner.link_closed(self, reason)
