"""Cancel until the venue itself says that no order is left.

    begin ─▶ cancel all, per instrument ─▶ all answered ─▶ list open orders ─┬─ none ─▶ confirmed
                    ▲                                                        │
                    └──────────────── some left, or no answer in time ◀──────┘

One cancel-all is not enough: an order sent just before the halt may be accepted just after it, and an answer may be
lost. So the venue's own list is the only thing that ends this, and only once no order's outcome is unknown.
"""

from collections.abc import Callable

from engine.venue import CancelAllAnswered, OpenOrdersListed, VenueSession

__all__ = ["CancelUntilNone"]

_MS = 1_000_000
RETRY_NS = 250 * _MS
#: Query ids of this machine are negative, so that they never meet those of the reconciliation.
_FIRST_QUERY_ID = -1


class CancelUntilNone:
    """``sent`` is called when the first cancel has left, ``failed`` with the venue's words when it refused one, and
    ``confirmed`` once the venue lists no open order while ``is_settled()``: none of ours is in flight or unknown."""

    def __init__(
        self,
        session: VenueSession,
        instrument_ids: tuple[int, ...],
        is_settled: Callable[[], bool],
        sent: Callable[[int], None],
        failed: Callable[[str, int], None],
        confirmed: Callable[[int], None],
    ) -> None:
        self._session = session
        self._instrument_ids = instrument_ids
        self._is_settled = is_settled
        self._sent = sent
        self._failed = failed
        self._confirmed = confirmed
        self._live = False
        self._waiting: set[int] = set()
        self._query_id = 0
        self._next_query_id = _FIRST_QUERY_ID
        self._asked_ns = 0
        self._announced = False
        self.active = False
        self.orders_listed = 0
        self.rounds = 0

    def begin(self, now_ns: int, *, live: bool) -> None:
        """Start, or start over: an order may have been accepted since the last confirmation."""
        self.active, self._announced = True, False
        self._live = live
        if live:
            self._cancel_all(now_ns)

    def session_live(self, live: bool, now_ns: int) -> None:
        self._live = live
        if live and self.active:
            self._cancel_all(now_ns)

    def _cancel_all(self, now_ns: int) -> None:
        self.rounds += 1
        self._waiting = set(self._instrument_ids)
        self._query_id, self._asked_ns = 0, now_ns
        for instrument_id in self._instrument_ids:
            self._session.cancel_all(instrument_id, now_ns)
        if not self._announced:
            self._announced = True
            self._sent(now_ns)

    def on_cancel_all_answered(self, event: CancelAllAnswered, now_ns: int) -> None:
        if not self.active:
            return
        if event.failure:
            self._failed(event.failure, now_ns)
            return  # the sweep tries again
        self._waiting.discard(event.instrument_id)
        if not self._waiting and not self._query_id:
            self._query_id, self._asked_ns = self._next_query_id, now_ns
            self._next_query_id -= 1
            self._session.query_open_orders(self._query_id, now_ns)

    def on_open_orders(self, event: OpenOrdersListed, now_ns: int) -> None:
        if not self.active or event.query_id != self._query_id:
            return
        self.orders_listed = len(event.orders)
        if event.orders:
            self._cancel_all(now_ns)
        elif self._is_settled():
            self.active = False
            self._confirmed(now_ns)

    def sweep(self, now_ns: int) -> None:
        if self.active and self._live and now_ns >= self._asked_ns + RETRY_NS:
            self._cancel_all(now_ns)
