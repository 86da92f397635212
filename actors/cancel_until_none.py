"""Cancel until the venue itself says that no order is left.

    begin ─▶ cancel all, per instrument ─▶ all answered ─▶ list open orders ─┬─ none ─▶ confirmed
                    ▲        (or one by one)                                 │
                    └──────────────── some left, or no answer in time ◀──────┘

One cancel-all is not enough: an order sent just before the halt may be accepted just after it, and an answer may be
lost. So the venue's own list is the only thing that ends this, and only once no order's outcome is unknown. As long as
that is all that is missing, no further list is asked for: it would confirm nothing, and take from the venue's limits
what the question for the unknown order needs.

What a venue cannot cancel at once, such as the orders of one strategy, is cancelled one by one; the list decides too.

While the session is not live, cancels are tried all the same (an adapter may have another way than the order link);
only the confirmation waits for it.
"""

from collections.abc import Callable, Iterable

from engine.venue import CancelAllAnswered, OpenOrdersListed, VenueOrder, VenueSession

__all__ = ["CancelUntilNone"]

_MS = 1_000_000
#: Between rounds; it grows by as much with each round, because a venue bans who cancels in a storm.
RETRY_NS = 250 * _MS
RETRY_NS_MAX = 2_000 * _MS
#: So many rounds may follow each other at once when orders are left; later ones wait.
_QUICK_ROUNDS = 3


class CancelUntilNone:
    """``sent`` is called when the first cancel has left, ``failed`` with the venue's words when it refused one, and
    ``confirmed`` once the venue lists no open order that ``covers`` and ``is_settled(asked_ns)``: a list asked for at
    that time is the last word, because no order is in flight or unknown.

    ``cancel_singly`` cancels what is to be cancelled one by one, given what the venue listed last; then nothing is
    cancelled by instrument. ``next_query_id`` must never meet an id of anybody else who lists orders.
    """

    def __init__(
        self,
        session: VenueSession,
        instrument_ids: tuple[int, ...],
        is_settled: Callable[[int], bool],
        sent: Callable[[int], None],
        failed: Callable[[str, int], None],
        confirmed: Callable[[int], None],
        next_query_id: Callable[[], int],
        covers: Callable[[VenueOrder], bool] = lambda order: True,
        cancel_singly: Callable[[Iterable[VenueOrder], int], None] | None = None,
    ) -> None:
        self._session = session
        self._instrument_ids = instrument_ids
        self._is_settled = is_settled
        self._sent = sent
        self._failed = failed
        self._confirmed = confirmed
        self._live = False
        self._waiting: set[int] = set()
        self._query_id, self.asked_ns = 0, 0
        #: The last list was empty, and some order's outcome unknown.
        self._only_unsettled = False
        self._next_query_id = next_query_id
        self._covers = covers
        self._cancel_singly = cancel_singly
        self._left: tuple[VenueOrder, ...] = ()
        self._due_ns = 0
        self._announced = False
        self.active = False
        self.orders_listed = 0
        self.rounds = 0

    def begin(self, now_ns: int, *, live: bool) -> None:
        """Start, or start over: an order may have been accepted since the last confirmation."""
        self.active, self._announced = True, False
        self._live, self.rounds, self._only_unsettled = live, 0, False
        self._cancel_all(now_ns)

    def session_live(self, live: bool, now_ns: int) -> None:
        self._live, self._only_unsettled = live, False
        if live and self.active:
            self._cancel_all(now_ns)

    def sweep(self, now_ns: int) -> None:
        """Start the next round when this one has had its time. Called every 100 ms or so."""
        if self.active and now_ns >= self._due_ns:
            self._cancel_all(now_ns)

    def _cancel_all(self, now_ns: int) -> None:
        self.rounds += 1
        self._query_id = 0
        self._due_ns = now_ns + min(RETRY_NS * self.rounds, RETRY_NS_MAX)
        if self._cancel_singly is not None:
            self._cancel_singly(self._left, now_ns)
        else:
            self._waiting = set(self._instrument_ids)
            for instrument_id in self._instrument_ids:
                self._session.cancel_all(instrument_id, now_ns)
                if self._live:
                    self.announce(now_ns)
        if self._live:
            self.announce(now_ns)
            self._list_if_answered(now_ns)

    def announce(self, now_ns: int) -> None:
        """A cancel has left. Called by ``cancel_singly`` right after the first of them."""
        if not self._announced:
            self._announced = True
            self._sent(now_ns)

    def on_cancel_all_answered(self, event: CancelAllAnswered, now_ns: int) -> None:
        if not self.active:
            return
        if event.failure:
            self._failed(event.failure, now_ns)
            return  # the sweep tries again
        self.announce(now_ns)  # whichever way it went
        self._waiting.discard(event.instrument_id)
        self._list_if_answered(now_ns)

    def _list_if_answered(self, now_ns: int) -> None:
        if self._only_unsettled and not self._is_settled(now_ns):
            return
        if self._live and not self._waiting and not self._query_id:
            self._query_id, self.asked_ns = self._next_query_id(), now_ns
            self._session.query_open_orders(self._query_id, now_ns)

    def on_open_orders(self, event: OpenOrdersListed, now_ns: int) -> None:
        if not self.active or not self._query_id or event.query_id != self._query_id:
            return
        self._left = tuple(order for order in event.orders if self._covers(order))
        self.orders_listed = len(self._left)
        self._only_unsettled = not self._left
        if self._left:
            if self.rounds < _QUICK_ROUNDS:
                self._cancel_all(now_ns)
        elif self._is_settled(self.asked_ns):
            self.active = False
            self._confirmed(now_ns)
