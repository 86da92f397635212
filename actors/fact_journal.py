"""A journal of requests and facts, which a full disk treats differently.

A *request* is ours to make: without room it is not made. A *fact* has happened whether or not there is room. It counts
at once, and is kept in memory until it can be written; until then nobody may be told of it (``ReportDelivery.held``),
because a life that begins without it would give the same report number to something else.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from engine.actor import Journal
from engine.errors import UsageError
from engine.journal import JournalFull

__all__ = ["FactJournal"]

_Record = TypeVar("_Record")


class FactJournal(Generic[_Record]):
    """Appends requests and facts in one order. Raises JournalFull for requests only."""

    def __init__(
        self, journal: Journal, encode: Callable[[_Record], bytes], decode: Callable[[bytes], _Record]
    ) -> None:
        self._journal, self._encode, self._decode = journal, encode, decode
        self._owed: deque[tuple[bytes, int]] = deque()

    def records(self, after: int = 0) -> Iterator[tuple[int, _Record]]:
        """What earlier lives wrote, as (now_ns, record), oldest first; ``after`` is 0 or the checkpoint's sequence."""
        for _, at_ns, payload in self._journal.records(after):
            yield at_ns, self._decode(payload)

    def checkpoint(self) -> tuple[int, bytes]:
        """The sequence of the last record that a checkpoint covers, and its payload; (0, b"") without one."""
        return self._journal.checkpoint() or (0, b"")

    @property
    def owed(self) -> int:
        """Facts that wait for room. While there are any, no request is accepted."""
        return len(self._owed)

    def request(self, record: _Record, now_ns: int) -> None:
        """Raises JournalFull: then nothing is written, and the request must not be made."""
        if self._owed and not self.catch_up():
            raise JournalFull(f"{len(self._owed)} facts already wait for room in the journal")
        self._journal.append(self._encode(record), now_ns)

    def fact(self, record: _Record, now_ns: int) -> bool:
        """False: there is no room, the record waits in memory behind others that do."""
        payload = self._encode(record)
        if not self._owed:
            try:
                self._journal.append(payload, now_ns)
                return True
            except JournalFull:
                pass
        self._owed.append((payload, now_ns))
        return self.catch_up()

    def force(self) -> bool:
        """Wait until all is on the disk: for what is rare and would not be found again. False: the disk fails."""
        try:
            self._journal.sync()
        except UsageError:
            return False
        return True

    def catch_up(self) -> bool:
        """Write what waits; True when nothing waits any more."""
        try:
            while self._owed:
                self._journal.append(*self._owed[0])
                self._owed.popleft()
        except JournalFull:
            return False
        return True
