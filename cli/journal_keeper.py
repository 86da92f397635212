"""Keeps checkpoints of the venue journals, so that a restart replays what is new and not all there is.

    venue actor ──appends──▶ journal ──read without its lock──▶ VenueReplay ──every so many records──▶ checkpoint

It replays the journal beside the engine, in a process of its own that only gets what time others leave, and never
touches what it reads. The order path does not know of it: a snapshot that the actor itself wrote would stop it.
"""

from pathlib import Path

from actors.places import journal_dir, venue_actor
from actors.throttled_pairs import ThrottledPairs
from actors.venue_core import VenueActorSettings, make_gate
from actors.venue_records import DayBest, DayStarted, decode_record
from actors.venue_replay import VenueReplay, decode_memory
from actors.wiring import venue_settings
from config.settings import EngineConfig
from engine.blotter import Blotter
from risk.latch import LatchPage
from risk.scope import TradingNames
from store.checkpoint import read_checkpoint, write_checkpoint
from store.journal_tail import JournalTail

__all__ = ["CHECKPOINT_EVERY", "VenueKeeper", "venue_keepers"]

#: Records between two checkpoints: a restart replays so many in a tenth of a second or two.
CHECKPOINT_EVERY = 20_000


class VenueKeeper:
    """The checkpoints of one venue actor's journal, in ``directory``."""

    def __init__(self, directory: Path, actor: str, settings: VenueActorSettings) -> None:
        self._directory = directory
        gate = make_gate(settings, LatchPage.memory(TradingNames()).view())
        symbols = {symbol: instrument_id for instrument_id, symbol, _ in settings.instruments}

        def on_day(record: DayStarted | DayBest) -> None:
            if isinstance(record, DayStarted):
                gate.on_day(record.day)

        self._replay = VenueReplay(
            actor,
            settings.config_hash,
            settings.instruments,
            gate,
            Blotter(gate),
            ThrottledPairs(gate, symbols),
            on_day,
        )
        checkpoint = read_checkpoint(directory)
        memory = None if checkpoint is None else decode_memory(checkpoint.payload, settings.config_hash)
        if checkpoint is not None and memory is not None:
            self._replay.remember(memory)
            self._tail = JournalTail(directory, checkpoint.place)
        else:
            self._tail = JournalTail(directory)
        self._kept = self._tail.sequence

    @property
    def behind(self) -> int:
        """Records that have been read and are in no checkpoint yet."""
        return self._tail.sequence - self._kept

    def follow(self, records_max: int = CHECKPOINT_EVERY) -> int:
        """Read on; returns how many records there were, at most ``records_max``. Raises UsageError for a journal that
        cannot be read or replayed."""
        count = 0
        for at_ns, payload in self._tail.read(records_max):
            self._replay.take(at_ns, decode_record(payload))
            count += 1
        return count

    def keep(self) -> None:
        """Write a checkpoint of all that has been read. Raises UsageError when it cannot be written."""
        place = self._tail.place
        if place is not None and place.sequence != self._kept:
            write_checkpoint(self._directory, place, self._replay.memory())
            self._kept = place.sequence


def venue_keepers(config: EngineConfig) -> list[VenueKeeper]:
    """One for each venue actor that has a journal on this host."""
    directories = {venue.name: journal_dir(config) / venue_actor(venue.name) for venue in config.venues}
    return [
        VenueKeeper(directories[venue.name], venue_actor(venue.name), venue_settings(config, venue))
        for venue in config.venues
        if directories[venue.name].is_dir()
    ]
