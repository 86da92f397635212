"""What the parts of one session share, whichever the venue: context, listener, options, instruments, counters."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from adapters.clock import VenueClock
from adapters.grid import InstrumentGrid
from adapters.options import SessionOptions
from engine.actor import Context
from engine.errors import UsageError
from engine.venue import VenueEvent, VenueListener

__all__ = ["DEFERRED_TIMER", "VenueCore"]

DEFERRED_TIMER = "session:deferred"

_Options = TypeVar("_Options", bound=SessionOptions)
_Grid = TypeVar("_Grid", bound=InstrumentGrid)


class VenueCore(Generic[_Options, _Grid]):
    """Every adapter's ``core.py`` adds what is its venue's own: limits, names, what an error means.

    ``clock_unit_ns``: how finely the venue tells its time. ``symbols`` are instrument id → the venue's symbol;
    ``grids`` is filled from what the venue tells of them. ``counters`` are for people: what went wrong, by name.
    """

    def __init__(
        self,
        ctx: Context,
        listener: VenueListener,
        options: _Options,
        symbols: Sequence[tuple[int, str]],
        clock_unit_ns: int,
    ) -> None:
        self.ctx, self.listener, self.options = ctx, listener, options
        self.symbols: dict[int, str] = dict(symbols)
        self.grids: dict[int, _Grid] = {}
        self.clock = VenueClock(ctx, clock_unit_ns)
        self.counters: dict[str, int] = {}
        self._deferred: list[tuple[int, VenueEvent]] = []

    def grid(self, instrument_id: int) -> _Grid:
        """Raises UsageError for an instrument that the session does not have (yet)."""
        grid = self.grids.get(instrument_id)
        if grid is None:
            raise UsageError(f"instrument {instrument_id}: not one of this session's, or not yet defined by the venue")
        return grid

    def count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1

    # -- telling ---------------------------------------------------------------------------------------------

    def emit(self, event: VenueEvent, now_ns: int) -> None:
        self.listener.on_venue_event(event, now_ns)

    def defer(self, event: VenueEvent, now_ns: int, delay_ns: int = 0) -> None:
        """Tell in a callback of its own: for the answer to something that the listener is just asking for."""
        at_ns = now_ns + delay_ns
        self._deferred.append((at_ns, event))
        if at_ns <= min(each_ns for each_ns, _ in self._deferred):
            self.ctx.set_timer(DEFERRED_TIMER, at_ns)

    def tell_deferred(self, now_ns: int) -> None:
        due = [event for at_ns, event in self._deferred if at_ns <= now_ns]
        self._deferred = [each for each in self._deferred if each[0] > now_ns]
        if self._deferred:
            self.ctx.set_timer(DEFERRED_TIMER, min(at_ns for at_ns, _ in self._deferred))
        for event in due:
            self.emit(event, now_ns)
