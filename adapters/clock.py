"""What the venue's clock reads, from ours and what it has told.

An answer that says the venue's time was taken somewhere within its round trip, so a reading is wrong by at most half of
that. A reading stands until a better one comes, where what stands gets worse as clocks drift apart; or until one comes
that cannot be true together with it: then somebody has set a clock.
"""

from engine.actor import Context

__all__ = ["VenueClock"]

#: Quartz clocks differ by some tens of millionths; this is generous.
_DRIFT_PPM = 100
_PPM = 1_000_000


class VenueClock:
    """Offset of the venue's clock from our wall clock. Unknown (0, no bound) until the first reading."""

    def __init__(self, ctx: Context, unit_ns: int) -> None:
        self._ctx = ctx
        self._unit_ns = unit_ns
        self.offset_ns = 0
        self._bound_ns = -1
        self._read_ns = 0

    def venue_ns(self, now_ns: int) -> int:
        """The venue's time (UTC ns) at a reading of our monotonic clock."""
        return self._ctx.wall_ns(now_ns) + self.offset_ns

    def timestamp(self, now_ns: int) -> int:
        """The same in the unit of the venue's messages."""
        return (self._ctx.wall_ns(now_ns) + self.offset_ns) // self._unit_ns

    def local_ns(self, venue_ns: int, now_ns: int) -> int:
        """When, on our monotonic clock, the venue's clock reads ``venue_ns``."""
        return now_ns + venue_ns - self.venue_ns(now_ns)

    def read(self, server_ns: int, asked_ns: int, now_ns: int) -> bool:
        """Take a reading: the venue's time came in an answer to what was asked at ``asked_ns``. False: what stands is
        better."""
        bound_ns = (now_ns - asked_ns) // 2 + self._unit_ns // 2
        stands_ns = self._bound_ns + (now_ns - self._read_ns) * _DRIFT_PPM // _PPM
        middle_ns = server_ns + self._unit_ns // 2  # the venue cuts its time off at the unit
        offset_ns = middle_ns - self._ctx.wall_ns(asked_ns + (now_ns - asked_ns) // 2)
        was_stepped = abs(offset_ns - self.offset_ns) > bound_ns + stands_ns
        if self._bound_ns >= 0 and bound_ns > stands_ns and not was_stepped:
            return False
        self.offset_ns, self._bound_ns, self._read_ns = offset_ns, bound_ns, now_ns
        return True

    def distrust(self) -> None:
        """The venue says that our time is wrong: the next reading counts, whatever its bound."""
        self._bound_ns = -1
