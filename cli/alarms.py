"""What the log says that nobody may miss, for whoever sits before ``haltline run``."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

__all__ = ["Alarms"]

#: Read at most this much at a time; the rest comes with the next look.
_READ_BYTES = 1 << 20


class _Line(msgspec.Struct):
    """The fields that any of the alarms shows; a line has some of them."""

    actor: str = ""
    event: str = ""
    error: object = ""
    strategy: object = ""
    reason: object = ""
    text: object = ""
    scope: object = ""
    mode: object = ""
    by: object = ""
    venue_actor: object = ""
    kill_id: object = ""


_TEXTS: dict[str, Callable[[_Line], str]] = {
    "actor_failed": lambda line: f"{line.actor} HAS DIED: {line.error}",
    "strategy failed": lambda line: f"strategy {line.strategy} has failed and is stopped: {line.error}",
    "NEW ORDERS STOPPED": lambda line: f"{line.actor}: NEW ORDERS STOPPED: {line.reason}: {line.text}",
    "FENCING": lambda line: f"{line.venue_actor} did not acknowledge kill {line.kill_id}: its process is being ended",
    "FENCE FAILED": lambda line: f"{line.venue_actor} COULD NOT BE ENDED: {line.text}",
    "CUT OFF": lambda line: f"{line.actor}: CUT OFF: {line.text}",
    "killed": lambda line: f"KILLED {line.scope} ({line.mode}) by {line.by}: {line.reason}",
}
_decode = msgspec.json.Decoder(_Line).decode


class Alarms:
    """Follows a log from its present end on. The log need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        try:
            self._offset = path.stat().st_size
        except OSError:
            self._offset = 0

    def read(self) -> list[str]:
        """One text per alarm since the last look. A log that was cut short is read from its start."""
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                data = file.read(_READ_BYTES)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [text for line in lines if (text := _alarm(line))]


def _alarm(line: bytes) -> str:
    try:
        decoded = _decode(line)
    except (msgspec.MsgspecError, UnicodeError):
        return ""  # half a line of a process that died while it wrote
    tell = _TEXTS.get(decoded.event)
    return tell(decoded)[:600] if tell is not None else ""
