"""The runtime of a simulated venue in memory: its links are buffers, and time moves when the desk says so."""

from typing import cast

from adapters.simulator.venue import SimulatedVenue
from engine.actor import Context, Endpoint
from engine.errors import InvariantError
from engine.messages import Message

__all__ = ["WALL_NS", "VenueHost"]

#: UTC at the beginning: the start of a minute.
WALL_NS = 1_700_000_040_000_000_000


class VenueHost:
    """``written`` is what the venue has written on each open link and nobody has taken yet."""

    name = "venue"

    def __init__(self, venue: SimulatedVenue, now_ns: int) -> None:
        self.venue, self.now_ns = venue, now_ns
        self._wall_offset_ns = WALL_NS - now_ns
        self.timers: dict[str, int] = {}
        self.written: dict[str, bytearray] = {}
        #: Links that the venue has closed, and whose last bytes may still have to be read.
        self.closing: set[str] = set()
        self._links = 0
        venue.on_start(cast(Context, self), now_ns)

    # -- the context ---------------------------------------------------------------------------------------------

    def set_timer(self, key: str, at_ns: int) -> None:
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def write(self, link: str, data: bytes) -> None:
        if link in self.written:
            self.written[link] += data

    def writable(self, link: str) -> bool:
        return link in self.written

    def close_link(self, link: str) -> None:
        """What was written before still arrives."""
        self.closing.add(link)

    def wall_ns(self, now_ns: int) -> int:
        return now_ns + self._wall_offset_ns

    def clock_ns(self) -> int:
        return self.now_ns

    def random_below(self, bound: int) -> int:
        return 0

    def listen(self, key: str, endpoint: Endpoint) -> None:
        """There is nobody else to listen for."""

    def listening_port(self, key: str) -> int:
        return 0

    def log(self, event: str, **fields: object) -> None:
        """A venue's log is nobody's business here."""

    def send(self, to: str, message: Message) -> bool:
        raise InvariantError("a simulated venue has nobody to write to but its clients")

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        raise InvariantError("a simulated venue dials nobody")

    # -- the desk's side -----------------------------------------------------------------------------------------

    def connect(self) -> str:
        """A new connection; its name."""
        self._links += 1
        link = f"venue0#{self._links}"
        self.written[link] = bytearray()
        self.venue.on_link_up(link, self.now_ns)
        return link

    def take(self, link: str) -> bytes:
        """What was written on it since the last time."""
        found = self.written.get(link)
        if not found:
            return b""
        data = bytes(found)
        found.clear()
        return data

    def feed(self, link: str, data: bytes) -> None:
        if link in self.written and link not in self.closing:
            self.venue.on_link_bytes(link, data, self.now_ns)

    def hang_up(self, link: str) -> None:
        """The client has gone."""
        if self.written.pop(link, None) is not None and link not in self.closing:
            self.venue.on_link_down(link, "peer left", self.now_ns)
        self.closing.discard(link)

    def advance(self, until_ns: int) -> None:
        """Let time pass, with every timer at its time."""
        while self.timers:
            key = min(self.timers, key=lambda each: (self.timers[each], each))
            if self.timers[key] > until_ns:
                break
            self.now_ns = max(self.now_ns, self.timers.pop(key))
            self.venue.on_timer(key, self.now_ns)
        self.now_ns = until_ns
