"""Writing to connections, and what happens to one that does not read.

What a reader cannot take yet waits here, up to a bound; beyond it the venue drops the reader, as the real one does.
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

    def write(self, link: str, data: bytes, now_ns: int) -> None:
        if not data:
            return
        if link not in self._backlogs and self._ctx.writable(link):
            self.bytes_sent += len(data)
            self._ctx.write(link, data)
            return
        self._wait(link, data, now_ns)

    def close(self, link: str) -> None:
        """Close our side; what still waited is given up."""
        self.forget(link)
        self._ctx.close_link(link)

    def forget(self, link: str) -> None:
        self._backlogs.pop(link, None)
        self._sizes.pop(link, None)

    def flush(self, now_ns: int) -> None:
        """Write what has waited, as far as the sockets take it."""
        for link in list(self._backlogs):
            backlog = self._backlogs[link]
            while backlog and self._ctx.writable(link):
                data = backlog.popleft()
                self._sizes[link] -= len(data)
                self.bytes_sent += len(data)
                self._ctx.write(link, data)
            if not backlog:
                self.forget(link)
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
