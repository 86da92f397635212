"""How a session tells its venue actor, and what every session counts."""

from engine.actor import Context
from engine.venue import VenueEvent, VenueListener

__all__ = ["DEFERRED_TIMER", "Teller"]

DEFERRED_TIMER = "session:deferred"


class Teller:
    """Context, listener and counters of one session. ``counters`` are for people: what went wrong, by name."""

    def __init__(self, ctx: Context, listener: VenueListener) -> None:
        self.ctx, self.listener = ctx, listener
        self.counters: dict[str, int] = {}
        self._deferred: list[tuple[int, VenueEvent]] = []

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

    def count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1
