"""Outside links of one actor: those that it opens, and those that it accepts where it listens.

After ``open_link`` there comes one ``on_link_down``, at the latest when the runtime stops, whoever closes and also when
it never stood; with one exception: opening a name that is still in use drops the old link without a word.
"""

import asyncio
import socket
import ssl
from functools import partial

from actors.runtime.dispatch import Cell, Dispatcher
from actors.runtime.spec import HostSettings
from actors.runtime.stream import Stream
from actors.runtime.tls import TlsPipe, client_context, server_context
from engine.actor import Endpoint
from engine.errors import UsageError

__all__ = ["OutsideLink", "OutsideLinks", "bound_socket"]

_BACKLOG = 512


class OutsideLink(Stream):
    """``key`` is the listening key for an accepted link, empty for one that we opened."""

    def __init__(self, owner: "OutsideLinks", name: str, key: str, tls: TlsPipe | None) -> None:
        super().__init__(tls)
        self._owner = owner
        self.name = name
        self.key = key
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None

    def made(self) -> None:
        self._owner.link_made(self)

    def opened(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self._owner.link_opened(self)

    def received(self, data: bytes) -> None:
        self._owner.link_bytes(self, data)

    def closed(self, reason: str) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self._owner.link_closed(self, reason)


class OutsideLinks:
    """Outside links of ``cell``, by name."""

    def __init__(self, cell: Cell, settings: HostSettings, dispatcher: Dispatcher) -> None:
        self._cell = cell
        self._settings = settings
        self._dispatcher = dispatcher
        self._loop = asyncio.get_running_loop()
        self._links: dict[str, OutsideLink] = {}
        self._all: set[OutsideLink] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._listening: dict[str, socket.socket] = {}
        self._servers: list[asyncio.Server] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._accepted: dict[str, int] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._emptied = asyncio.Event()

    # -- engine.actor.Context

    def open_link(self, name: str, endpoint: Endpoint) -> None:
        old = self._links.pop(name, None)
        if old is not None:
            self._drop(old, "replaced")
        pipe = None
        if endpoint.tls:
            pipe = TlsPipe(self._client_context(endpoint.ca_file), server_side=False, server_hostname=endpoint.host)
        link = OutsideLink(self, name, "", pipe)
        self._links[name] = link
        link.task = self._loop.create_task(self._connect(link, endpoint))
        self._connecting.add(link.task)
        link.task.add_done_callback(partial(self._connect_done, link))

    def write(self, name: str, data: bytes) -> None:
        link = self._links.get(name)
        if link is None:
            return
        link.write(data)
        if link.paused and link.waiting_bytes() > self._settings.link_buffer_bytes:
            link.abort(f"the other side has not read for {self._settings.link_buffer_bytes} bytes")

    def writable(self, name: str) -> bool:
        link = self._links.get(name)
        return link is not None and link.is_open and not link.paused

    def waiting_bytes(self) -> int:
        """Bytes that the kernel has not taken yet, of all links."""
        return sum(link.waiting_bytes() for link in self._all)

    def close_link(self, name: str) -> None:
        link = self._links.get(name)
        if link is not None:
            self._drop(link, "closed by us")

    def listen(self, key: str, endpoint: Endpoint) -> None:
        """Bind now, so that the port is known and taken; accept from the next turn of the loop."""
        if key in self._listening:
            raise UsageError(f"{self._cell.name} already listens as {key!r}")
        context = None
        if endpoint.tls:
            if not self._settings.certificate_file:
                raise UsageError(f"{self._cell.name}: listening with TLS needs a certificate of the runtime")
            context = server_context(self._settings.certificate_file, self._settings.key_file)
        listening = bound_socket(endpoint.host, endpoint.port, self._cell.name)
        self._listening[key] = listening
        self._accepted[key] = 0
        task = self._loop.create_task(self._serve(key, listening, context))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def listening_port(self, key: str) -> int:
        listening = self._listening.get(key)
        if listening is None:
            raise UsageError(f"{self._cell.name} does not listen as {key!r}")
        port: int = listening.getsockname()[1]
        return port

    # -- life

    async def stop(self) -> None:
        for task in (*self._serving, *self._connecting):
            task.cancel()
        await asyncio.gather(*self._serving, *self._connecting, return_exceptions=True)
        for server in self._servers:
            server.close()
        for link in list(self._all):
            link.close("stopped")
        while self._all:
            self._emptied.clear()
            await self._emptied.wait()
        for server in self._servers:
            await server.wait_closed()
        for listening in self._listening.values():
            listening.close()

    # -- OutsideLink

    def link_made(self, link: OutsideLink) -> None:
        self._all.add(link)
        if link.key and len(self._all) > self._settings.connections:
            link.abort("too many connections")
            return
        seconds = (self._settings.handshake_timeout_ns if link.key else self._settings.connect_timeout_ns) / 1e9
        link.deadline = self._loop.call_later(seconds, link.abort, "no TLS handshake in time")

    def link_opened(self, link: OutsideLink) -> None:
        if link.key:
            self._links[link.name] = link
        if self._links.get(link.name) is link:
            self._dispatcher.run(self._cell, self._cell.actor.on_link_up, link.name)

    def link_bytes(self, link: OutsideLink, data: bytes) -> None:
        if self._links.get(link.name) is link:
            self._dispatcher.run(self._cell, self._cell.actor.on_link_bytes, link.name, data)

    def link_closed(self, link: OutsideLink, reason: str) -> None:
        self._all.discard(link)
        self._emptied.set()
        self._ended(link, reason)

    def _ended(self, link: OutsideLink, reason: str) -> None:
        if self._links.get(link.name) is link:
            del self._links[link.name]
            self._dispatcher.run(self._cell, self._cell.actor.on_link_down, link.name, reason)

    def _drop(self, link: OutsideLink, reason: str) -> None:
        if not link.key and link.waiting_bytes():
            link.abort(reason)  # what a link of ours still holds may be an order: nothing leaves once it is dropped
        link.close(reason)
        if link.task is not None and not link.task.done() and link not in self._all:
            link.task.cancel()  # not once it is connected: nobody would be told of its end then

    async def _connect(self, link: OutsideLink, endpoint: Endpoint) -> None:
        seconds = self._settings.connect_timeout_ns / 1e9
        try:
            async with asyncio.timeout(seconds):
                await self._loop.create_connection(lambda: link, endpoint.host, endpoint.port)
        except TimeoutError:
            self._not_connected(link, f"no connection to {endpoint.host}:{endpoint.port} within {seconds:g} s")
        except OSError as error:
            self._not_connected(link, f"cannot connect to {endpoint.host}:{endpoint.port}: {error.strerror or error}")

    def _connect_done(self, link: OutsideLink, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        if task.cancelled():
            self._not_connected(link, "closed by us")

    def _not_connected(self, link: OutsideLink, reason: str) -> None:
        if link in self._all:
            link.abort(reason)
        else:
            self._ended(link, reason)

    async def _serve(self, key: str, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        server = await self._loop.create_server(lambda: self._accept(key, context), sock=listening, backlog=_BACKLOG)
        self._servers.append(server)

    def _accept(self, key: str, context: ssl.SSLContext | None) -> OutsideLink:
        self._accepted[key] += 1
        pipe = None if context is None else TlsPipe(context, server_side=True)
        return OutsideLink(self, f"{key}#{self._accepted[key]}", key, pipe)

    def _client_context(self, ca_file: str) -> ssl.SSLContext:
        context = self._contexts.get(ca_file)
        if context is None:
            context = self._contexts[ca_file] = client_context(ca_file)
        return context


def bound_socket(host: str, port: int, who: str) -> socket.socket:
    """A listening TCP socket. Raises UsageError when the port is in use or not permitted."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"{who}: cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"{who}: cannot listen on {host}:{port}: {error.strerror}. Choose another port, or stop what uses it"
        ) from error
    return listening
