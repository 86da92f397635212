"""A router's side of its links to venue actors: to them it is the strategy. Reports are taken once and in order, and
what may have been lost is asked for; ``actors/report_delivery.py`` is the other side.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from engine.actor import Context
from engine.messages import ExecutionReport, OrdersPending, PositionSnapshot, StrategyLogon

__all__ = ["NAME_PENDING", "VenueAttachments"]

#: The timer by which orders are named that had no room.
NAME_PENDING = "name-pending"
#: Orders that one frame names: they fit into the smallest frame that can be configured.
_PENDING_PER_FRAME = 96
_NAME_AGAIN_NS = 100_000_000
_ASK_AGAIN_NS = 1_000_000_000


class VenueAttachments:
    """``pending(venue_actor)``: the orders there that have not ended. ``last_report_seq``: by venue actor, the last
    report that earlier lives have journalled; -1: none."""

    def __init__(
        self,
        ctx: Context,
        account_id: str,
        strategy_id: str,
        book_levels: int,
        last_report_seq: dict[str, int],
        pending: Callable[[str], Iterable[str]],
    ) -> None:
        self._ctx, self._account_id, self._strategy_id = ctx, account_id, strategy_id
        self._book_levels, self._pending = book_levels, pending
        self.last_report_seq = last_report_seq
        self.ready: set[str] = set()
        self._unnamed: dict[str, deque[str]] = {}
        #: Venue actor → the last report before a gap, and when what follows was asked for.
        self._gaps: dict[str, tuple[int, int]] = {}

    def disconnected(self, venue_actor: str) -> None:
        self.ready.discard(venue_actor)
        self._unnamed.pop(venue_actor, None)

    def logon(self, venue_actor: str) -> None:
        pending = deque(self._pending(venue_actor))
        first = tuple(islice(pending, _PENDING_PER_FRAME))
        seq = self.last_report_seq[venue_actor]
        self._ctx.send(venue_actor, StrategyLogon(self._account_id, self._strategy_id, self._book_levels, seq, first))
        self._name(venue_actor, deque(islice(pending, len(first), None)))

    def name_pending(self, venue_actor: str) -> None:
        """It has asked which orders are waited for."""
        self._name(venue_actor, deque(self._pending(venue_actor)))

    def name_again(self) -> None:
        for venue_actor, orders in list(self._unnamed.items()):
            self._name(venue_actor, orders)

    def _name(self, venue_actor: str, orders: deque[str]) -> None:
        """Name them, a frame at a time; what finds no room is named a little later."""
        self._unnamed[venue_actor] = orders
        while orders:
            some = tuple(islice(orders, _PENDING_PER_FRAME))
            if not self._ctx.send(venue_actor, OrdersPending(self._strategy_id, some)):
                self._ctx.set_timer(NAME_PENDING, self._ctx.clock_ns() + _NAME_AGAIN_NS)
                return
            for _ in some:
                orders.popleft()
        del self._unnamed[venue_actor]

    def is_next(self, venue_actor: str, report: ExecutionReport, now_ns: int) -> bool:
        """Whether a report is to be taken: a refusal, which has no number, or the one that follows the last."""
        seq, last = report.report_seq, self.last_report_seq[venue_actor]
        if not seq:
            return True
        if seq <= last:
            return False
        if seq == max(last, 0) + 1:
            self.last_report_seq[venue_actor] = seq
            return True
        asked_last, asked_ns = self._gaps.get(venue_actor, (-2, 0))
        if asked_last != last or now_ns - asked_ns >= _ASK_AGAIN_NS:
            self._gaps[venue_actor] = (last, now_ns)
            self._ctx.log("report gap", venue_actor=venue_actor, last=last, got=seq)
            self.logon(venue_actor)
        return False

    def on_snapshot(self, venue_actor: str, snapshot: PositionSnapshot) -> None:
        """More was missed than is kept: what became of orders that are not in it has to be asked."""
        if snapshot.more:
            return
        had_memory = self.last_report_seq[venue_actor] >= 0
        self.last_report_seq[venue_actor] = snapshot.report_seq
        if had_memory:
            self.logon(venue_actor)
