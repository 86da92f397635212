"""Drills: kills that go the whole way of a real one and stop nobody, so that one knows that a real one would work.

    due ─▶ a row in the latch ─▶ Kill to every venue actor ─▶ each sees the row as its gate does, and says so ─▶ receipt
                                                                                                     ─▶ the row is freed

A drill that not every venue actor has acknowledged in time has failed: it is logged, its receipt says who was
silent, and the age of the last good one grows. The row names a venue that no order has, so it never covers an order.
"""

import msgspec

from engine.codes import KillMode
from engine.messages import Kill, KillReceipt
from risk.response import DRILL_TRIGGER

__all__ = ["DRILL_SCOPE_TEXT", "DRILL_TIMEOUT_NS", "KILL_COUNTERS", "Drills", "failed_receipt"]

_SECOND_NS = 1_000_000_000
DRILL_SCOPE_TEXT = "drill"
#: A drill that is not acknowledged by then has failed.
DRILL_TIMEOUT_NS = 1 * _SECOND_NS
#: After a start the first drill waits for the venue actors to connect.
_FIRST_NS = 10 * _SECOND_NS

#: What the kill switch actor publishes. ``drill_wall_ns``: UTC of the last good drill, 0 before the first.
KILL_COUNTERS = (
    "epoch",
    "kills",
    "kills_in_progress",
    "venue_actors_connected",
    "drills",
    "drills_failed",
    "drill_wall_ns",
)


class Drills:
    """When drills are due, and how they went. ``every_ns`` 0: only those that a person asks for."""

    def __init__(self, every_ns: int) -> None:
        self._every_ns = every_ns
        self._good = 0
        self._failed = 0
        self._good_wall_ns = 0

    def first_ns(self, now_ns: int) -> int | None:
        """When the first drill after a start is due; None: none is."""
        return now_ns + min(self._every_ns, _FIRST_NS) if self._every_ns else None

    def next_ns(self, now_ns: int) -> int:
        return now_ns + self._every_ns

    def make(self, actor: str, now_ns: int, wall_ns: int) -> Kill:
        """A drill that ``actor`` presses itself, now."""
        return Kill(
            f"drill-{wall_ns // 1000:x}",
            DRILL_SCOPE_TEXT,
            KillMode.HALT,
            "scheduled drill",
            actor,
            DRILL_TRIGGER,
            now_ns,
            0,
        )

    def remember(self, receipt: KillReceipt) -> None:
        """A drill is over, now or in an earlier life."""
        if receipt.complete:
            self._good += 1
            self._good_wall_ns = max(self._good_wall_ns, receipt.wall_time_ns)
        else:
            self._failed += 1

    def counters(self) -> dict[str, int]:
        return {"drills": self._good, "drills_failed": self._failed, "drill_wall_ns": self._good_wall_ns}


def failed_receipt(receipt: KillReceipt) -> KillReceipt:
    """The receipt of a drill whose time is over, with the reason among its failures."""
    silent = ", ".join(receipt.waiting_for) or "nobody"
    text = f"drill failed: not acknowledged within {DRILL_TIMEOUT_NS // 1_000_000} ms by {silent}"
    return msgspec.structs.replace(receipt, failures=(*receipt.failures, text))
