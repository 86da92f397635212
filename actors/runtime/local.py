"""The local runtime: every actor on the running loop of this process. For embedding, fast tests and backtests.

Peers of other processes, the command line among them, reach each actor over its Unix socket as they do under Ray.
"""

import asyncio
from collections.abc import Mapping, Sequence

import uvloop

from actors.runtime.directory import PathDirectory
from actors.runtime.dispatch import CellState
from actors.runtime.host import Host, HostedActor
from actors.runtime.spec import ActorSpec, HostSettings, ResourcesFactory

__all__ = ["LocalRuntime", "run"]


class LocalRuntime:
    """Hosts ``specs`` in this process. Use as ``async with LocalRuntime(...) as runtime``, or start and stop.

    An actor whose handler raises is stopped and stays in ``failures``; the others go on.
    """

    def __init__(
        self,
        specs: Sequence[ActorSpec],
        resources: ResourcesFactory,
        settings: HostSettings,
        resources_arguments: bytes = b"",
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._order = [spec.name for spec in specs]
        self._resources = resources
        self._resources_arguments = resources_arguments
        self._settings = settings
        self.host: Host | None = None
        self.failures: dict[str, BaseException] = {}

    async def start(self) -> None:
        """Raises UsageError as ``Host.start`` does."""
        self.host = Host("local", self._settings, PathDirectory(self._settings.run_dir), self._on_failure)
        for name in self._order:
            self._add(name)
        await self.host.start()

    async def stop(self) -> None:
        if self.host is not None:
            await self.host.stop()

    async def run(self, until: asyncio.Event) -> None:
        """Start, wait for ``until``, stop. The failure of an actor does not end the run."""
        await self.start()
        try:
            await until.wait()
        finally:
            await self.stop()

    async def restart(self, name: str) -> None:
        """Stop an actor if it still runs, and start a new one from its spec, as Ray would after its death."""
        host = self._host()
        if host.actors[name].state in (CellState.RUNNING, CellState.NEW):
            await host.stop_actor(name)
        await host.settled()
        self.failures.pop(name, None)
        self._add(name)
        await host.start_actor(name)

    def actor(self, name: str) -> HostedActor:
        return self._host().actors[name]

    def states(self) -> Mapping[str, CellState]:
        return {name: cell.state for name, cell in self._host().actors.items()}

    def _add(self, name: str) -> None:
        resources = self._resources(name, self._resources_arguments)
        self._host().add(name, self._specs[name].build(), resources)

    def _host(self) -> Host:
        if self.host is None:
            raise RuntimeError("the local runtime has not been started")
        return self.host

    def _on_failure(self, name: str, error: BaseException) -> None:
        self.failures[name] = error

    async def __aenter__(self) -> "LocalRuntime":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def run(
    specs: Sequence[ActorSpec],
    resources: ResourcesFactory,
    settings: HostSettings,
    seconds: float | None = None,
    resources_arguments: bytes = b"",
) -> LocalRuntime:
    """Host the actors on a new uvloop loop of the calling thread for ``seconds``, or until KeyboardInterrupt."""

    async def main() -> LocalRuntime:
        runtime = LocalRuntime(specs, resources, settings, resources_arguments)
        async with runtime:
            await asyncio.sleep(seconds if seconds is not None else 1 << 30)
        return runtime

    return uvloop.run(main())
