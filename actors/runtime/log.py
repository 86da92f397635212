"""The log for people: one JSON object a line, and never more lines a second than the bound."""

import sys
import time
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from engine.errors import UsageError

__all__ = ["Log"]

_SECOND_NS = 1_000_000_000

#: What a flood of other lines must not hide: why an actor is gone, and that trading was stopped.
_NEVER_CUT = frozenset({"actor_failed", "killed", "NEW ORDERS STOPPED"})


class Log:
    """Writes to ``path`` (appending) or to stderr. Beyond ``lines_per_second`` lines are counted, and the next line
    that passes tells how many were suppressed. Raises UsageError when ``path`` cannot be opened.
    """

    def __init__(
        self, path: str = "", lines_per_second: int = 200, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        try:
            self._file: BinaryIO = open(path, "ab", buffering=0) if path else sys.stderr.buffer  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"log file {path!r}: {error.strerror}. Choose one that this user may write") from error
        self._owned = bool(path)
        self._clock = clock
        self._bound = lines_per_second
        self._left = lines_per_second
        self._window_ns = clock()
        self._suppressed = 0
        self._encoder = msgspec.json.Encoder(enc_hook=repr)

    def write(self, wall_ns: int, actor: str, event: str, fields: dict[str, object]) -> None:
        now_ns = self._clock()
        if now_ns - self._window_ns >= _SECOND_NS:
            self._window_ns, self._left = now_ns, self._bound
        if self._left <= 0 and event not in _NEVER_CUT:
            self._suppressed += 1
            return
        self._left -= 1
        line: dict[str, object] = {"wall_ns": wall_ns, "actor": actor, "event": event, **fields}
        if self._suppressed:
            line["suppressed"], self._suppressed = self._suppressed, 0
        try:
            self._file.write(self._encoder.encode(line) + b"\n")
            if not self._owned:
                self._file.flush()
        except (OSError, ValueError):
            self._suppressed += 1  # nobody reads, or the disk is full: trading goes on without its log

    def close(self) -> None:
        if self._owned:
            self._file.close()
