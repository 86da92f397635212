"""Orders of ours that the journal does not have: the host's power was cut before they were on the disk.

    earlier lives ──replay──▶ how far the journal reaches ──another boot──▶ all orders of the venue since then
                                                              │
                          of no order that we know, but named by one of our strategies ──▶ taken back into the books

An order leaves after it is journalled, but a journal is forced to the disk a little later (``runtime/durability``), so
the last ones before a power cut may be at the venue and nowhere else. Their names tell whose they are: every client
order id begins with its strategy's. Until all have been looked for nobody is told that an order was never received.

What is not found again: an order that was cancelled as well, if the venue has given it the name of the cancel; nothing
of it is open, and what was filled of it shows as a drift of the balance.
"""

from collections.abc import Callable

import msgspec

from actors.boot import HostBooted, is_same_boot
from engine.venue import OrdersListed, VenueOrder, VenueSession

__all__ = ["LostOrders", "ReachMemory", "ReachOfJournal"]

#: The venue's clock and ours may disagree, and a last record may be older than an order that followed it.
_MARGIN_NS = 60_000_000_000
_ASK_AGAIN_NS = 2_000_000_000
_DAY_NS = 86_400_000_000_000


class ReachMemory(msgspec.Struct, frozen=True, array_like=True):
    """What ``ReachOfJournal`` has come to know."""

    boot_ns: int
    at_ns: int
    has_records: bool
    owed_ns: int | None


class ReachOfJournal:
    """Up to when earlier lives tell what they did, and whether what they had lost was looked for to the end. Every
    record of the journal is shown to it, in order."""

    def __init__(self) -> None:
        self._boot_ns = 0
        self._at_ns = 0
        self._has_records = False
        #: UTC since when records may be missing that no life has looked for to the end.
        self._owed_ns: int | None = None

    def memory(self) -> "ReachMemory":
        return ReachMemory(self._boot_ns, self._at_ns, self._has_records, self._owed_ns)

    def remember(self, memory: "ReachMemory") -> None:
        """Begin where another has come to."""
        self._boot_ns, self._at_ns = memory.boot_ns, memory.at_ns
        self._has_records, self._owed_ns = memory.has_records, memory.owed_ns

    def replay(self, at_ns: int) -> None:
        self._at_ns, self._has_records = at_ns, True

    def replay_boot(self, boot: HostBooted) -> bool:
        """True: the lives before it were on another boot."""
        is_other = self.is_other(boot)
        if is_other:
            self._owed_ns = self._since_ns(boot)
            self._at_ns = 0
        if boot.is_searched:
            self._owed_ns = None
        self._boot_ns, self._has_records = boot.boot_ns, True
        return is_other

    def is_other(self, boot: HostBooted) -> bool:
        """Whether this is another boot than that of the records so far."""
        return self._has_records and not is_same_boot(boot.boot_ns, self._boot_ns)

    def _since_ns(self, boot: HostBooted) -> int:
        """UTC since when records may be missing, ``boot`` being another one."""
        written_before_boots_were = boot.boot_ns - _DAY_NS
        since_ns = self._boot_ns + self._at_ns - _MARGIN_NS if self._boot_ns else written_before_boots_were
        return since_ns if self._owed_ns is None else min(since_ns, self._owed_ns)

    def lost_since_ns(self, boot: HostBooted) -> int | None:
        """On this life's clock: from when on records may be missing; None: none can be."""
        since_ns = self._since_ns(boot) if self.is_other(boot) else self._owed_ns
        if since_ns is None:
            return None
        # Records of another boot that are not older than this one: somebody has set the wall clock back meanwhile.
        return since_ns - boot.boot_ns if since_ns - boot.boot_ns <= -_MARGIN_NS else -_DAY_NS


class LostOrders:
    """The search, once in the life of a venue actor. ``take(order, now_ns)`` puts one into the books; False: it cannot
    now, and is to be asked for again. ``since_ns`` is on our clock."""

    def __init__(
        self,
        session: VenueSession,
        instrument_ids: tuple[int, ...],
        since_ns: int,
        take: Callable[[VenueOrder, int], bool],
    ) -> None:
        self._session = session
        self._since_ns = since_ns
        self._take = take
        self._missing = set(instrument_ids)
        #: By query id, the instrument that it is about.
        self._asked: dict[int, int] = {}
        #: Queries of which an order could not be taken.
        self._failed: set[int] = set()
        self._asked_ns = 0

    def ask(self, next_id: Callable[[], int], now_ns: int) -> None:
        """About every instrument that has not been asked about, or was not answered in time."""
        if self._asked and now_ns < self._asked_ns + _ASK_AGAIN_NS:
            return
        self._asked.clear()
        self._asked_ns = now_ns
        for instrument_id in sorted(self._missing):
            query_id = next_id()
            self._asked[query_id] = instrument_id
            self._session.query_orders(query_id, instrument_id, self._since_ns, now_ns)

    def on_orders(self, event: OrdersListed, now_ns: int) -> bool:
        """True: it was the answer that ends the search."""
        if event.query_id not in self._asked:
            return False
        taken = [self._take(seen, now_ns) for seen in event.orders]
        if not all(taken):
            self._failed.add(event.query_id)
        if event.complete:
            instrument_id = self._asked.pop(event.query_id)
            if event.query_id not in self._failed:
                self._missing.discard(instrument_id)
        return not self._missing

    def failed(self, query_id: int) -> None:
        """It was not answered: asked again with the next sweep that finds nothing asked."""
        self._asked.pop(query_id, None)

    def suspend(self) -> None:
        """The session is down."""
        self._asked.clear()
