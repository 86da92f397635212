"""The local runtime: every actor on the running loop of this process. For embedding, fast tests and backtests.

Peers of other processes, the command line among them, reach each actor over its Unix socket as they do under Ray.
"""

import asyncio
from collections.abc import Sequence

import uvloop

from actors.runtime.directory import PathDirectory
from actors.runtime.dispatch import CellState
from actors.runtime.host import Host, HostedActor
from actors.runtime.spec import HostSpec
from engine.errors import UsageError

__all__ = ["LocalRuntime", "run"]


class LocalRuntime:
    """Hosts the actors of all ``hosts`` together, under the settings of the first.

    Use as ``async with LocalRuntime(hosts) as runtime``, or start and stop. An actor whose handler raises is stopped
    and stays in ``failures``; the others go on.
    """

    def __init__(self, hosts: Sequence[HostSpec]) -> None:
        if not hosts:
            raise UsageError("the local runtime was given no actor to host")
        self._settings = hosts[0].settings
        self._places = {spec.name: (host, spec) for host in hosts for spec in host.actors}
        if len(self._places) != sum(len(host.actors) for host in hosts):
            raise UsageError("two actors have the same name")
        self._host: Host | None = None
        self.failures: dict[str, BaseException] = {}

    @property
    def host(self) -> Host:
        if self._host is None:
            raise UsageError("the local runtime has not been started")
        return self._host

    async def start(self) -> None:
        """Raises UsageError as ``Host.start`` does, and when an actor or its resources cannot be built."""
        self._host = Host("local", self._settings, PathDirectory(self._settings.run_dir), self._on_failure)
        try:
            for name in self._places:
                self._add(name)
        except BaseException:
            await self.stop()
            raise
        await self._host.start()

    async def stop(self) -> None:
        if self._host is not None:
            await self._host.stop()

    async def run(self, until: asyncio.Event) -> None:
        """Start, wait for ``until``, stop. The failure of an actor does not end the run."""
        async with self:
            await until.wait()

    async def restart(self, name: str) -> None:
        """Stop an actor if it still runs, and start a new one from its spec, as Ray would after its death."""
        await self.host.stop_actor(name)
        await self.host.settled()
        self.failures.pop(name, None)
        self._add(name)
        await self.host.start_actor(name)

    def actor(self, name: str) -> HostedActor:
        return self.host.actors[name]

    def states(self) -> dict[str, CellState]:
        return {name: cell.state for name, cell in self.host.actors.items()}

    def _add(self, name: str) -> None:
        host, spec = self._places[name]
        actor, resources = host.build(spec)
        self.host.add(name, actor, resources)

    def _on_failure(self, name: str, error: BaseException) -> None:
        self.failures[name] = error

    async def __aenter__(self) -> "LocalRuntime":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def run(hosts: Sequence[HostSpec], seconds: float) -> LocalRuntime:
    """Host the actors on a new uvloop loop of the calling thread for ``seconds``; returns the stopped runtime."""

    async def main() -> LocalRuntime:
        async with LocalRuntime(hosts) as runtime:
            await asyncio.sleep(seconds)
        return runtime

    return uvloop.run(main())
