"""A journal that can lose what was not yet on disk, and can be full."""

from collections.abc import Callable
from random import Random

from engine.journal import JournalFull, MemoryJournal

__all__ = ["LossyJournal"]


class LossyJournal(MemoryJournal):
    """``is_full``: there is no room for the time being. ``lose_tail`` is what a power cut does."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self._synced = 0

    def append(self, payload: bytes, now_ns: int) -> int:
        if self.is_full:
            raise JournalFull("the disk is full, says the simulation")
        return super().append(payload, now_ns)

    def sync(self) -> int:
        self._synced = len(self._records)
        return self._synced

    def lose_tail(self, random: Random, records_max: int, keeps: Callable[[bytes], bool]) -> list[bytes]:
        """The newest records were not on the disk yet, but for those that were synced, and none as old as one that
        ``keeps`` wants. Returns what is gone."""
        count = min(random.randrange(records_max + 1), len(self._records) - self._synced)
        for number in range(count):
            if keeps(self._records[-1 - number][2]):
                count = number
                break
        lost = [payload for _, _, payload in self._records[-count:]] if count else []
        if count:
            del self._records[-count:]
        return lost

    def newest(self, count: int = 4) -> list[bytes]:
        """The payloads of the last records, newest first."""
        return [payload for _, _, payload in reversed(self._records[-count:])]

    def holds(self, text: bytes, newest: int = 4) -> bool:
        """Whether one of the newest records contains ``text``."""
        return any(text in payload for _, _, payload in self._records[-newest:])
