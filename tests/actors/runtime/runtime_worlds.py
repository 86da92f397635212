"""Worlds: the same probes under each runtime, driven in the same way. A test waits for a condition, never for time."""

import asyncio
from collections.abc import Callable

import msgspec
import uvloop
from runtime_probe import Probe, resources

from actors.runtime.directory import Address, Directory, PathDirectory, TcpAddress
from actors.runtime.host import Host
from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, TcpSettings
from actors.runtime.virtual import VirtualRuntime

__all__ = ["WORLDS", "HostsWorld", "RealWorld", "VirtualWorld", "World", "make_world"]

DEADLINE_S = 20.0

Maker = Callable[[], Probe]


class World:
    """Probes by name in some runtime. ``started`` counts how often each was built."""

    def __init__(self, settings: HostSettings) -> None:
        self.settings = settings
        self.probes: dict[str, Probe] = {}
        self._makers: dict[str, Maker] = {}

    def start(self, **makers: Maker) -> None:
        self._makers = makers
        self._begin()

    def __getitem__(self, name: str) -> Probe:
        return self.probes[name]

    def _build(self, name: str) -> Probe:
        probe = self._makers[name]()
        probe.touched = self._touched
        self.probes[name] = probe
        return probe

    def _specs(self) -> tuple[ActorSpec, ...]:
        return tuple(ActorSpec(name, lambda _, name=name: self._build(name)) for name in self._makers)

    def _touched(self) -> None: ...

    def _begin(self) -> None:
        raise AssertionError("a world of some kind begins")

    def until(self, condition: Callable[[], bool]) -> None:
        raise AssertionError("a world of some kind waits")

    def restart(self, name: str) -> None:
        """As after its death: a new actor under the old name."""
        raise AssertionError("a world of some kind restarts")

    def failure(self, name: str) -> BaseException | None:
        raise AssertionError("a world of some kind knows")

    def stop(self) -> None:
        raise AssertionError("a world of some kind stops")


class RealWorld(World):
    """On a uvloop loop that runs while the test waits."""

    def __init__(self, settings: HostSettings) -> None:
        super().__init__(settings)
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.loop = self.runner.get_loop()
        self._change = asyncio.Event()

    def _touched(self) -> None:
        self._change.set()  # wakes every waiter; the next change is another event
        self._change = asyncio.Event()

    def until(self, condition: Callable[[], bool]) -> None:
        self.runner.run(self.wait(condition))

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await self._change.wait()

    def stop(self) -> None:
        try:
            self.runner.run(self._end())
        finally:
            self.runner.close()

    async def _end(self) -> None:
        raise AssertionError("a real world of some kind ends")


class OneHostWorld(RealWorld):
    """The local runtime."""

    def _begin(self) -> None:
        self._runtime = LocalRuntime([HostSpec("all", self._specs(), resources, self.settings)])
        self.runner.run(self._runtime.start())

    def restart(self, name: str) -> None:
        self.runner.run(self._runtime.restart(name))

    def failure(self, name: str) -> BaseException | None:
        return self._runtime.failures.get(name)

    async def _end(self) -> None:
        await self._runtime.stop()


class HostsWorld(RealWorld):
    """One host an actor, all on one loop, over Unix sockets."""

    def _begin(self) -> None:
        self.hosts: dict[str, Host] = {}
        for spec in self._specs():
            self.runner.run(self._start_host(spec))

    async def _start_host(self, spec: ActorSpec) -> None:
        host = Host(spec.name, self.settings, self._directory())
        host.add(spec.name, spec.build(), resources(spec.name))
        self.hosts[spec.name] = host
        await host.start()

    def _directory(self) -> Directory:
        return PathDirectory(self.settings.run_dir)

    def restart(self, name: str) -> None:
        self.runner.run(self.hosts[name].stop())
        self.runner.run(self._start_host(next(spec for spec in self._specs() if spec.name == name)))

    def failure(self, name: str) -> BaseException | None:
        return self.hosts[name].actors[name].failure

    async def _end(self) -> None:
        for host in self.hosts.values():
            await host.stop()


class TableDirectory:
    """Every actor at the TCP port where its host in this world listens."""

    def __init__(self, hosts: dict[str, Host]) -> None:
        self._hosts = hosts

    async def lookup(self, actor: str, *, refresh: bool) -> Address | None:
        host = self._hosts.get(actor)
        addresses = host.addresses()[actor] if host is not None else ()
        return next((address for address in addresses if isinstance(address, TcpAddress)), None)


class TlsWorld(HostsWorld):
    """One host an actor, over TCP with mutual TLS."""

    def _directory(self) -> TableDirectory:
        return TableDirectory(self.hosts)


class VirtualWorld(World):
    """Virtual time; ``apart``: one virtual host an actor."""

    def __init__(self, settings: HostSettings, *, apart: bool) -> None:
        super().__init__(settings)
        self._apart = apart

    def _begin(self) -> None:
        groups = [(spec,) for spec in self._specs()] if self._apart else [self._specs()]
        hosts = [HostSpec(group[0].name, group, resources, self.settings) for group in groups]
        self.runtime = VirtualRuntime(hosts, seed=1, surface_failures=False)
        self.runtime.start()

    def until(self, condition: Callable[[], bool]) -> None:
        end_ns = self.runtime.now_ns + int(DEADLINE_S * 1e9)
        while not condition():
            next_ns = self.runtime.agenda.next_ns()
            assert next_ns is not None, "nothing more will happen"
            assert next_ns <= end_ns, "the condition did not come"
            self.runtime.run_until(next_ns)

    def restart(self, name: str) -> None:
        assert self._apart, "a virtual host restarts as a whole"
        self.runtime.crash(name)
        self.runtime.restart(name)

    def failure(self, name: str) -> BaseException | None:
        return self.runtime.failures.get(name)

    def stop(self) -> None:
        self.runtime.stop()


WORLDS = ("one-host", "hosts", "tls", "virtual", "virtual-hosts")


def make_world(kind: str, settings: HostSettings, certificates: TcpSettings) -> World:
    if kind == "one-host":
        return OneHostWorld(settings)
    if kind == "hosts":
        return HostsWorld(settings)
    if kind == "tls":
        return TlsWorld(msgspec.structs.replace(settings, tcp=certificates))
    return VirtualWorld(settings, apart=kind == "virtual-hosts")
