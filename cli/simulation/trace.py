"""The last events of a run, kept cheaply and written only when somebody wants to read them."""

import zlib
from collections import deque

__all__ = ["Trace"]

_SECOND_NS = 1_000_000_000


class Trace:
    """``digest`` is a checksum over everything noted: two runs of one seed have the same."""

    def __init__(self, lines_max: int = 60) -> None:
        self._events: deque[tuple[int, str, tuple[object, ...]]] = deque(maxlen=lines_max)
        self.digest = 0
        self.noted = 0

    def note(self, now_ns: int, who: str, *what: object) -> None:
        self._events.append((now_ns, who, what))
        self.noted += 1
        self.digest = zlib.crc32(b"%d %b" % (now_ns, who.encode()), self.digest)

    def lines(self) -> list[str]:
        """One line an event: virtual seconds, who, what."""
        width = max((len(who) for _, who, _ in self._events), default=0)
        return [
            f"{now_ns / _SECOND_NS:14.6f}  {who:<{width}}  {' '.join(map(str, what))}"
            for now_ns, who, what in self._events
        ]
