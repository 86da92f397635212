"""A replay from a checkpoint comes to what one from the first record does, wherever the checkpoint was made."""

from pathlib import Path

import pytest
from trading_desk import VENUE, MakeDesk, strategy

from cli.journal_keeper import VenueKeeper
from store.checkpoint import read_checkpoint
from store.segment import SegmentJournal

SEGMENT_BYTES = 8192


def all_read(keeper: VenueKeeper) -> bytes:
    while keeper.follow(1_000):
        pass
    return keeper._replay.memory()


@pytest.mark.parametrize("seed", [1, 2])
def test_checkpoint_and_tail_equal_the_whole(make_desk: MakeDesk, tmp_path: Path, seed: int) -> None:
    desk = make_desk(strategy("one", "Churner", seed=1), strategy("two", "Churner", seed=2), seed=seed)
    desk.run_for(3)
    desk.restart("venue.binance")
    desk.run_for(3)
    records = list(desk._journals[VENUE].records())
    assert len(records) > 100
    directory = tmp_path / VENUE
    journal = SegmentJournal(directory, SEGMENT_BYTES)
    settings = desk.venue.settings
    step = len(records) // 12
    wanted = []
    for number, (_, at_ns, payload) in enumerate(records):
        journal.append(payload, at_ns)
        if number % step == step - 1:
            whole = VenueKeeper(directory, VENUE, settings)
            (directory / "checkpoint").unlink(missing_ok=True)
            wanted.append(all_read(VenueKeeper(directory, VENUE, settings)))
            all_read(whole)
            whole.keep()
            kept = read_checkpoint(directory)
            assert kept is not None
            assert kept.payload == wanted[-1]
            assert kept.place.sequence == number + 1
    assert len(set(wanted)) == len(wanted)
    journal.close()
