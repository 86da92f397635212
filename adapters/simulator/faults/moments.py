"""Faults that are not about one message: states of the venue, and what befalls its connections."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from adapters.simulator.faults.agenda import Agenda
from adapters.simulator.faults.drawn import Drawn
from adapters.simulator.faults.rules import (
    Ban,
    ClockSkew,
    Disconnect,
    ExpireKey,
    Fill,
    HalfOpen,
    LinkKind,
    Maintenance,
    RefusedWhy,
    RevokeKey,
    SlowReader,
    TimedFault,
)
from adapters.simulator.faults.target import FaultTarget
from adapters.simulator.links import Links

__all__ = ["Moments", "Wire"]

_MS = 1_000_000
_GOING_AWAY = 1001


class Wire(Protocol):
    """The port, as faults see it."""

    links: Links
    now_ns: int

    def connections(self) -> list[str]: ...

    def is_open(self, link: str) -> bool: ...

    def write_frame(self, link: str, frame: bytes) -> None: ...

    def close(self, link: str, code: int, reason: str) -> None: ...


class Moments:
    """What is wrong with the venue as a whole. ``links_of(kind)`` finds its connections; ``strike(share)`` has somebody
    trade against one of our orders."""

    def __init__(
        self,
        wire: Wire,
        agenda: Agenda,
        target: FaultTarget,
        links_of: Callable[[LinkKind], list[str]],
        strike: Callable[[Drawn, int], None],
    ) -> None:
        self._wire, self._agenda, self._target = wire, agenda, target
        self._links_of, self._strike = links_of, strike
        self._until_ns: dict[str, int] = {}
        self.clock_skew_ns = 0
        #: Reports do not come: their subscriber's key has run out.
        self.is_silent = False

    def why_closed(self) -> tuple[RefusedWhy, int] | None:
        """Why every request is refused now, and until when (ns on the actor's clock)."""
        now_ns = self._wire.now_ns
        for why in ("ban", "maintenance"):
            until_ns = self._until_ns.get(why, 0)
            if now_ns < until_ns:
                return ("ban" if why == "ban" else "maintenance"), until_ns
        return None

    def begin(self, drawn: Drawn) -> None:
        """It happens now."""
        fault = drawn.fault
        assert isinstance(fault, TimedFault)
        for_ns = getattr(fault, "for_ms", 0) * _MS
        if isinstance(fault, Fill):
            self._strike(drawn, fault.share_percent)
        elif isinstance(fault, Disconnect | HalfOpen | SlowReader):
            for link in self._links_of(fault.link):
                self._befall(fault, link, for_ns)
        else:
            self._enter(fault, for_ns)

    def end_all(self) -> None:
        """Everything is right again, now."""
        for name in list(self._until_ns):
            self._until_ns[name] = 0
            self._leave(name)

    # -- connections --------------------------------------------------------------------------------------------

    def _befall(self, fault: Disconnect | HalfOpen | SlowReader, link: str, for_ns: int) -> None:
        wire = self._wire
        if isinstance(fault, Disconnect):
            wire.close(link, _GOING_AWAY, "connection lifetime reached")
        elif isinstance(fault, HalfOpen):
            wire.links.mute(link)
            if for_ns:
                self._agenda.put(wire.now_ns + for_ns, partial(self.close, link))
        else:
            wire.links.throttle(link, fault.bytes_per_second)
            self._agenda.put(wire.now_ns + for_ns, partial(wire.links.throttle, link, 0))

    def close(self, link: str) -> None:
        """One connection goes, if it has not gone yet."""
        if self._wire.is_open(link):
            self._wire.close(link, _GOING_AWAY, "")

    # -- states -------------------------------------------------------------------------------------------------

    def _enter(self, fault: TimedFault, for_ns: int) -> None:
        """A state begins, or goes on for longer."""
        name, now_ns = str(fault.__struct_config__.tag), self._wire.now_ns
        self._until_ns[name] = max(self._until_ns.get(name, 0), now_ns + for_ns)
        if isinstance(fault, ClockSkew):
            self.clock_skew_ns = fault.by_ms * _MS
        elif isinstance(fault, Maintenance):
            self._target.maintain(True, now_ns)
        elif isinstance(fault, RevokeKey | ExpireKey):
            self.is_silent = isinstance(fault, ExpireKey)
            self._target.take_keys(told=not self.is_silent, now_ns=now_ns)
        else:
            assert isinstance(fault, Ban)
        self._agenda.put(self._until_ns[name], partial(self._leave, name))

    def _leave(self, name: str) -> None:
        if self._wire.now_ns < self._until_ns.get(name, 0):
            return  # it was made longer
        if name == "clock_skew":
            self.clock_skew_ns = 0
        elif name == "maintenance":
            self._target.maintain(False, self._wire.now_ns)
        elif name in ("revoke_key", "expire_key"):
            self.is_silent = False
            self._target.give_keys_back()
