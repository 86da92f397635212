"""All peer links of one actor: it accepts on its own socket, dials the peers it names, and re-dials them for ever.

When two links to one peer meet, both ends must keep the same one. Of two links that the same side dialled the newer
wins (its older half may be a dead socket); of two dialled by different sides the one dialled by the lesser name.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from random import Random

from actors.runtime.directory import Directory, UnixAddress
from actors.runtime.dispatch import Cell, CellState, Dispatcher
from actors.runtime.peer import PeerCounters, PeerLink
from actors.runtime.spec import HostSettings
from actors.runtime.tls import TlsPipe, mutual_context
from engine.messages import SCHEMA_VERSION, Hello, Message

__all__ = ["Peers"]

#: Connections that have not said Hello yet, per actor.
_STRANGERS = 64


class Peers:
    """Peer links of ``cell``. ``report(event, fields)`` tells people what happened to a link."""

    def __init__(
        self,
        cell: Cell,
        settings: HostSettings,
        directory: Directory,
        dispatcher: Dispatcher,
        report: Callable[[str, dict[str, object]], None],
    ) -> None:
        self.hello = Hello(cell.name, SCHEMA_VERSION, settings.config_hash)
        self.counters = PeerCounters()
        self.frame_bytes = settings.frame_bytes
        self.buffer_bytes = settings.peer_buffer_bytes
        self._cell = cell
        self._settings = settings
        self._directory = directory
        self._dispatcher = dispatcher
        self._report = report
        self._links: set[PeerLink] = set()
        self._strangers: dict[PeerLink, asyncio.TimerHandle] = {}
        self._current: dict[str, PeerLink] = {}
        self._down: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[asyncio.Server] = []
        self._jitter = Random(f"{settings.seed}/{cell.name}/redial")
        self._client_tls = self._server_tls = None
        if settings.tcp is not None:
            files = (settings.tcp.ca_file, settings.tcp.certificate_file, settings.tcp.key_file)
            self._client_tls = mutual_context(*files, server_side=False)
            self._server_tls = mutual_context(*files, server_side=True)
        self._closed = asyncio.Event()

    # -- life

    async def accept_on(self, listening: socket.socket) -> None:
        """Take over a bound and listening socket: Unix without TLS, anything else with mutual TLS."""
        loop = asyncio.get_running_loop()
        unix = listening.family == socket.AF_UNIX
        make = loop.create_unix_server if unix else loop.create_server
        self._servers.append(await make(lambda: self._accepted(tls=not unix), sock=listening))

    def dial(self, peer: str) -> None:
        """Keep a link to ``peer`` from now on."""
        self._down[peer] = asyncio.Event()
        self._tasks.append(asyncio.get_running_loop().create_task(self._keep(peer)))

    async def stop(self) -> None:
        """Close everything and wait until the last socket is gone."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in list(self._links):
            link.close("stopped")
        while self._links:
            self._closed.clear()
            await self._closed.wait()
        for server in self._servers:
            await server.wait_closed()

    def waiting_bytes(self) -> int:
        """Bytes that the kernel has not taken yet, of all links."""
        return sum(link.waiting_bytes() for link in self._links)

    # -- PeerOwner

    def link_made(self, link: PeerLink) -> None:
        """A new socket: it has a bounded time to say Hello, and a bounded number of others beside it."""
        self._links.add(link)
        if len(self._strangers) >= _STRANGERS or len(self._links) > self._settings.connections:
            link.abort("too many connections")
            return
        seconds = self._settings.handshake_timeout_ns / 1e9
        handle = asyncio.get_running_loop().call_later(seconds, link.abort, "no Hello in time")
        self._strangers[link] = handle

    def admits(self, link: PeerLink) -> bool:
        self._no_longer_stranger(link)
        if self._cell.state is not CellState.RUNNING:
            return False
        standing = self._current.get(link.peer)
        if standing is None:
            return link.peer not in self._cell.routes  # else a co-hosted actor has that name
        return self._wins(link, standing)

    def link_up(self, link: PeerLink) -> None:
        standing = self._current.get(link.peer)
        if standing is not None:
            self._lose(standing, "replaced by a newer link")
        self._current[link.peer] = link
        self._cell.routes[link.peer] = link
        self.counters.links_made += 1
        self._dispatcher.run(self._cell, self._cell.actor.on_peer_up, link.peer)

    def link_message(self, link: PeerLink, message: Message) -> None:
        if self._current.get(link.peer) is link:
            self._dispatcher.run(self._cell, self._cell.actor.on_message, link.peer, message)

    def link_closed(self, link: PeerLink, reason: str) -> None:
        self._no_longer_stranger(link)
        self._links.discard(link)
        self._closed.set()
        if self._cell.state is not CellState.STOPPED and reason != "closed by the peer":
            self._report("peer_link_closed", {"peer": link.peer, "reason": reason})
        if self._current.get(link.peer) is link:
            self._lose(link, reason)
        elif link.dialled is not None and link.peer not in self._current:
            self._wake(link.peer)

    # -- links

    def _wins(self, link: PeerLink, standing: PeerLink) -> bool:
        if (link.dialled is None) == (standing.dialled is None):
            return True
        dialled_by = self._cell.name if link.dialled is not None else link.peer
        return dialled_by == min(self._cell.name, link.peer)

    def _lose(self, link: PeerLink, reason: str) -> None:
        del self._current[link.peer]
        self._cell.routes.pop(link.peer, None)
        self.counters.links_dropped += 1
        link.abort(reason)
        self._dispatcher.run(self._cell, self._cell.actor.on_peer_down, link.peer)
        self._wake(link.peer)

    def _wake(self, peer: str) -> None:
        if peer in self._down:
            self._down[peer].set()

    def _accepted(self, *, tls: bool) -> PeerLink:
        pipe = TlsPipe(self._server_tls, server_side=True) if tls and self._server_tls is not None else None
        return PeerLink(self, None, pipe)

    def _no_longer_stranger(self, link: PeerLink) -> None:
        handle = self._strangers.pop(link, None)
        if handle is not None:
            handle.cancel()

    # -- dialling

    async def _keep(self, peer: str) -> None:
        """Dial whenever there is no link, waiting longer after each failure in a row."""
        down = self._down[peer]
        wait_ns = self._settings.redial_first_ns
        failures = 0
        while True:
            down.clear()
            if peer in self._current:
                failures, wait_ns = 0, self._settings.redial_first_ns
                await down.wait()
                continue
            link = await self._connect(peer, refresh=failures > 0)
            if link is not None:
                await down.wait()  # until the link is refused, or was made and is lost again
            if link is not None and link.greeted:
                failures, wait_ns = 0, self._settings.redial_first_ns
            else:
                failures += 1
            await asyncio.sleep(wait_ns * (0.75 + self._jitter.random() / 2) / 1e9)
            wait_ns = min(wait_ns * 2, self._settings.redial_most_ns)

    async def _connect(self, peer: str, *, refresh: bool) -> PeerLink | None:
        loop = asyncio.get_running_loop()
        link: PeerLink | None = None
        try:
            async with asyncio.timeout(self._settings.connect_timeout_ns / 1e9):
                address = await self._directory.lookup(peer, refresh=refresh)
                if address is None:
                    return None
                if isinstance(address, UnixAddress):
                    link = PeerLink(self, peer, None)
                    await loop.create_unix_connection(partial(_same, link), address.path)
                elif self._client_tls is not None:
                    link = PeerLink(
                        self, peer, TlsPipe(self._client_tls, server_side=False, server_hostname=address.host)
                    )
                    await loop.create_connection(partial(_same, link), address.host, address.port)
                else:
                    self._report("peer_unreachable", {"peer": peer, "reason": "on another host, and tcp is not set"})
                    return None
        except (OSError, TimeoutError):
            if link is not None:
                link.abort("not connected in time")
            return None
        return link


def _same(link: PeerLink) -> PeerLink:
    return link
