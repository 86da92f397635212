"""Forces the journals of a host to the disk, off the order path: what a power cut may take is bounded in time.

An append is safe from the death of its process at once, from that of the machine only when it is on the disk. To wait
for that, an order would wait for the disk: a millisecond or, every now and then, ten. So one thread beside the loop
syncs every journal of the host, again and again, and the loop never waits for it. What has to be on the disk *before*
something else happens is synced by its actor (``Journal.sync``): an epoch, before anything is granted in it.
"""

import threading
import time
from collections.abc import Callable

from engine.actor import Journal, LatencyRecorder
from engine.errors import UsageError

__all__ = ["SYNC_STAGE", "JournalSyncs"]

#: The latency stage of one sync.
SYNC_STAGE = "journal_sync"


class JournalSyncs:
    """Every ``every_ns``; 0: never. ``failed(actor, text)`` is called once per journal, in the thread, when its disk
    fails: it is not synced any more, and only that death of a process loses nothing still holds for it."""

    def __init__(self, every_ns: int, failed: Callable[[str, str], None]) -> None:
        self._every_s = every_ns / 1e9
        self._failed = failed
        self._journals: dict[str, tuple[Journal, LatencyRecorder]] = {}
        #: Held during a sync: a journal that has been removed is not touched any more.
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, actor: str, journal: Journal, latency: LatencyRecorder) -> None:
        with self._lock:
            self._journals[actor] = journal, latency
        if self._every_s and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
            self._thread.start()

    def remove(self, actor: str) -> None:
        """Waits for a sync that is under way; then its journal may be closed."""
        with self._lock:
            self._journals.pop(actor, None)

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            for actor in list(self._journals):
                self._sync(actor)

    def _sync(self, actor: str) -> None:
        with self._lock:
            found = self._journals.get(actor)
            if found is None:
                return
            journal, latency = found
            start_ns = time.monotonic_ns()
            try:
                journal.sync()
            except UsageError as error:
                del self._journals[actor]
                self._failed(actor, str(error))
                return
            if SYNC_STAGE in getattr(latency, "stages", ()):
                latency.record(SYNC_STAGE, time.monotonic_ns() - start_ns)
