"""Writing to connections, and what happens to one that does not read.

What a reader cannot take yet waits here, up to a bound; beyond it the venue drops the reader, as the real one does.
A fault can make a reader slow (``throttle``) or have everything written to it vanish (``mute``).
"""

from collections import deque

from engine.actor import Context

__all__ = ["Links"]

_FLUSH_NS = 5_000_000
FLUSH_TIMER = "flush"


class Links:
    """The venue's side of all connections. ``dropped`` collects links to be cleaned up after they were dropped."""

    def __init__(self, ctx: Context, backlog_bytes_max: int) -> None:
        self._ctx = ctx
        self._backlog_bytes_max = backlog_bytes_max
        self._backlogs: dict[str, deque[bytes]] = {}
        self._sizes: dict[str, int] = {}
        self.bytes_sent = 0
        self.slow_readers_dropped = 0
        self.dropped: list[str] = []
        self._muted: set[str] = set()
        #: By link: bytes per second, and when it takes the next ones.
        self._slow: dict[str, tuple[int, int]] = {}

    def write(self, link: str, data: bytes, now_ns: int) -> None:
        if not data or link in self._muted:
            return
        if link not in self._backlogs and self._takes(link, now_ns):
            self._write(link, data, now_ns)
            return
        self._wait(link, data, now_ns)

    def mute(self, link: str) -> None:
        """What is written to the link vanishes from now on, until it is closed."""
        self._muted.add(link)
        self._backlogs.pop(link, None)
        self._sizes.pop(link, None)

    def is_muted(self, link: str) -> bool:
        return link in self._muted

    def throttle(self, link: str, bytes_per_second: int) -> None:
        """The link takes so many bytes per second from now on, as if its reader read no faster; 0: as it likes."""
        if bytes_per_second:
            self._slow[link] = (bytes_per_second, 0)
        else:
            self._slow.pop(link, None)

    def _takes(self, link: str, now_ns: int) -> bool:
        if self._slow and link in self._slow and now_ns < self._slow[link][1]:
            return False
        return self._ctx.writable(link)

    def _write(self, link: str, data: bytes, now_ns: int) -> None:
        if self._slow and link in self._slow:
            rate, _ = self._slow[link]
            self._slow[link] = (rate, now_ns + len(data) * 1_000_000_000 // rate)
        self.bytes_sent += len(data)
        self._ctx.write(link, data)

    def close(self, link: str) -> None:
        """Close our side; what still waited is given up."""
        self.forget(link)
        self._ctx.close_link(link)

    def forget(self, link: str) -> None:
        self._backlogs.pop(link, None)
        self._sizes.pop(link, None)
        self._muted.discard(link)
        self._slow.pop(link, None)

    def flush(self, now_ns: int) -> None:
        """Write what has waited, as far as the sockets take it."""
        for link in list(self._backlogs):
            backlog = self._backlogs[link]
            while backlog and self._takes(link, now_ns):
                data = backlog.popleft()
                self._sizes[link] -= len(data)
                self._write(link, data, now_ns)
            if not backlog:
                del self._backlogs[link], self._sizes[link]
        if self._backlogs:
            self._ctx.set_timer(FLUSH_TIMER, now_ns + _FLUSH_NS)

    def _wait(self, link: str, data: bytes, now_ns: int) -> None:
        if link in self.dropped:
            return
        if not self._backlogs:
            self._ctx.set_timer(FLUSH_TIMER, now_ns + _FLUSH_NS)
        self._backlogs.setdefault(link, deque()).append(data)
        self._sizes[link] = self._sizes.get(link, 0) + len(data)
        if self._sizes[link] > self._backlog_bytes_max:
            self.slow_readers_dropped += 1
            self.dropped.append(link)
            self.close(link)
