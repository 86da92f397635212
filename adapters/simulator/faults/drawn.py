"""One rule while it is played: which messages it is about, and when it happens to one."""

from adapters.simulator.faults.rules import (
    BadChecksum,
    CancelMissing,
    Fault,
    FillLate,
    FillOnCancel,
    PartialBatch,
    TimedFault,
)
from adapters.simulator.prng import SplitMix64

__all__ = ["Drawn"]

_MS = 1_000_000
#: What faults are about that are always about the same.
_MEANT: dict[type, tuple[str, ...]] = {
    FillLate: ("fill",),
    FillOnCancel: ("cancel", "replace"),
    BadChecksum: ("book",),
    CancelMissing: ("cancel",),
    PartialBatch: ("cancel",),
}


class Drawn:
    """``done`` counts how often it has happened."""

    def __init__(self, fault: Fault, seed: int) -> None:
        self.fault = fault
        self._chance = SplitMix64(seed)
        self._meant = _meant(fault)
        self._seen = 0
        #: What its times count from; None before the first connection.
        self.from_ns: int | None = None
        #: Of a gap that has begun: how many more are lost.
        self.owed = 0
        self.done = 0
        #: Until when what it is about waits, by link: so that it keeps its order.
        self.late_until_ns: dict[str, int] = {}

    def is_about(self, names: tuple[str, ...], link_kind: str) -> bool:
        """A fault that befalls connections has those as its ``link``: it comes after a message on any."""
        fault = self.fault
        is_there = fault.link in ("any", link_kind) or isinstance(fault, TimedFault)
        return is_there and any(name in names for name in self._meant)

    def happens(self, now_ns: int) -> bool:
        """To be asked once for each message that the rule is about."""
        fault = self.fault
        if self.from_ns is None or now_ns - self.from_ns < fault.at_ms * _MS or self.is_over(now_ns):
            return False
        self._seen += 1
        if self._seen % fault.every:
            return False
        return self.strikes()

    def strikes(self) -> bool:
        """The chance alone, for what happens by the clock."""
        if self.fault.times and self.done >= self.fault.times:
            return False
        if self.fault.percent < 100 and self._chance.below(100) >= self.fault.percent:
            return False
        self.done += 1
        return True

    def is_over(self, now_ns: int) -> bool:
        until_ms = self.fault.until_ms
        return bool(until_ms) and self.from_ns is not None and now_ns - self.from_ns >= until_ms * _MS

    def below(self, bound: int) -> int:
        return self._chance.below(bound) if bound else 0


def _meant(fault: Fault) -> tuple[str, ...]:
    if isinstance(fault, TimedFault):
        return (fault.after,) if fault.after else ()
    found = _MEANT.get(type(fault))
    return found if found is not None else (str(getattr(fault, "message")),)  # noqa: B009  # each other one has it
