"""The wire between a session and a simulated venue, in memory: links, time and chance, all that is not real."""

from abc import ABC, abstractmethod
from collections import deque
from typing import NamedTuple

from adapters.simulator.prng import SplitMix64
from adapters.simulator.venue import SimulatedVenue
from cli.conformance.transit import Rewrite, rewritten
from cli.conformance.venue_host import VenueHost
from engine.actor import Endpoint
from engine.venue import VenueSession

__all__ = ["MS", "SECOND", "RowFailed", "Wire", "expect"]

MS, SECOND = 1_000_000, 1_000_000_000
_SWEEP_NS = 100 * MS


class RowFailed(Exception):
    """What a row demands does not hold."""


def expect(holds: object, text: str) -> None:
    """Raises RowFailed with ``text`` unless it holds."""
    if not holds:
        raise RowFailed(text)


class _Delivery(NamedTuple):
    """``what``: up, bytes or down for the session; written or gone for the venue, on its link ``there``."""

    what: str
    link: str
    there: str
    data: bytes


class Wire(ABC):
    """The session's context, and the loop that delivers.

    ``clock_error_ns``: how far our clock is behind the venue's. ``refuses_links``: no connection comes about.
    ``opened``: every link that was asked for, and when. ``rewrite``: what is done to each object that the venue sends.
    """

    session: VenueSession

    def __init__(self, venue: SimulatedVenue, clock_error_ns: int) -> None:
        self.clock_error_ns = clock_error_ns
        self.host = VenueHost(venue, SECOND)
        self.venue = venue
        venue.faults.clear()  # from here on it watches: what a rule of later is about may be open by then
        self.timers: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.refuses_links = False
        self.rewrite: Rewrite | None = None
        self.opened: list[tuple[str, int]] = []
        self.logged: list[tuple[str, dict[str, object]]] = []
        self._queue: deque[_Delivery] = deque()
        self._chance = SplitMix64(7)
        self._sweep_ns = 0

    @property
    def now_ns(self) -> int:
        return self.host.now_ns

    @abstractmethod
    def _sweep(self, now_ns: int) -> None:
        """Ten times a second."""

    # -- the context -------------------------------------------------------------------------------------------

    def set_timer(self, key: str, at_ns: int) -> None:
        self.timers[key] = at_ns

    def cancel_timer(self, key: str) -> None:
        self.timers.pop(key, None)

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        self.opened.append((link, self.now_ns))
        self._queue.append(_Delivery("down" if self.refuses_links else "up", link, "", b""))

    def close_link(self, link: str) -> None:
        there = self.links.pop(link, "")
        if there:
            self._queue.append(_Delivery("gone", link, there, b""))
            self._queue.append(_Delivery("down", link, "", b""))

    def write(self, link: str, data: bytes) -> None:
        if link in self.links:
            self._queue.append(_Delivery("written", link, self.links[link], bytes(data)))

    def writable(self, link: str) -> bool:
        return link in self.links

    def wall_ns(self, now_ns: int) -> int:
        return self.host.wall_ns(now_ns) - self.clock_error_ns

    def clock_ns(self) -> int:
        return self.now_ns

    def random_below(self, bound: int) -> int:
        return self._chance.below(bound)

    def log(self, event: str, **fields: object) -> None:
        self.logged.append((event, fields))

    def cut(self, link: str) -> None:
        """The connection breaks; what was under way on it is lost, either way."""
        there = self.links.pop(link, "")
        if there:
            self._queue = deque(each for each in self._queue if each.link != link)
            self._queue.append(_Delivery("gone", link, there, b""))
            self._queue.append(_Delivery("down", link, "", b""))

    def cut_all(self) -> None:
        for link in list(self.links):
            self.cut(link)

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self, deliveries: int = -1) -> int:
        """Deliver what is on its way, all of it or so many; returns how many there were. Time stands still."""
        done = 0
        while done != deliveries and (self._queue or self._fetch()):
            self._deliver(self._queue.popleft())
            done += 1
        return done

    def _deliver(self, each: _Delivery) -> None:
        if each.what == "up":
            self.links[each.link] = self.host.connect()
            self.session.on_link_up(each.link, self.now_ns)
        elif each.what == "down":
            self.session.on_link_down(each.link, "gone", self.now_ns)
        elif each.what == "gone":
            self.host.hang_up(each.there)
        elif each.what == "written":
            self.host.feed(each.there, each.data)
        elif self.links.get(each.link) == each.there:
            self.session.on_link_bytes(each.link, each.data, self.now_ns)

    def _fetch(self) -> bool:
        """What the venue has written; True if there was anything."""
        for link, there in list(self.links.items()):
            data = self.host.take(there)
            if data:
                arrives = rewritten(data, self.rewrite) if self.rewrite is not None else data
                self._queue.append(_Delivery("bytes", link, there, arrives))
            elif there in self.host.closing:
                del self.links[link]
                self._queue.append(_Delivery("gone", link, there, b""))
                self._queue.append(_Delivery("down", link, "", b""))
        return bool(self._queue)

    def advance(self, duration_ns: int) -> None:
        """Let time pass, with every timer of both sides at its time."""
        until_ns = self.now_ns + duration_ns
        while True:
            self.run()
            key = min(self.timers, key=lambda each: (self.timers[each], each), default="")
            ours_ns = min(self.timers.get(key, until_ns), self._sweep_ns + _SWEEP_NS)
            venues_ns = min(self.host.timers.values(), default=until_ns)
            self.host.advance(max(self.now_ns, min(ours_ns, venues_ns, until_ns)))
            if key and self.timers.get(key, until_ns + 1) <= self.now_ns:
                del self.timers[key]
                self.session.on_timer(key, self.now_ns)
            if self.now_ns >= self._sweep_ns + _SWEEP_NS:
                self._sweep_ns = self.now_ns
                self._sweep(self.now_ns)
            if self.now_ns >= until_ns:
                self.run()
                return
