"""Each life of a grantor has an epoch of its own, also after a power cut."""

from actors.epochs import begin_epoch
from engine.journal import MemoryJournal


class Disk(MemoryJournal):
    """Keeps, over a power cut, what was synced."""

    def __init__(self) -> None:
        super().__init__()
        self.synced = 0

    def sync(self) -> int:
        self.synced = self.sequence
        return self.synced


def test_an_epoch_is_on_the_disk_before_anything_is_granted_in_it() -> None:
    disk = Disk()
    assert begin_epoch(disk, 4, 0) == 5
    assert disk.synced == disk.sequence == 1
