"""One process of an engine over two hosts: ``python host_process.py ARGUMENTS``, for ``test_cut_off_host.py``.

The two "hosts" are two state directories on this machine. Within one, actors meet over Unix sockets; between them there
is TCP with mutual TLS, through a proxy of the test's.
"""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import uvloop

from actors.kill_switch import KillSwitchActor
from actors.node_agent import NodeAgent, NodeAgentSettings
from actors.places import KILL_SWITCH, NODE_AGENT, latch_path, run_dir, venue_actor
from actors.runtime.directory import Address, TcpAddress, UnixAddress, unix_path
from actors.runtime.fence import ProcessFence, write_pid_file
from actors.runtime.host import Host
from actors.runtime.spec import ActorSpec, TcpSettings
from actors.wiring import build_actor, make_plan
from config.settings import EngineConfig
from engine.actor import Actor
from risk.latch import LatchPage


class Arguments(msgspec.Struct, frozen=True):
    """``config`` with the state directory of this host. ``proxies`` maps actors of the other host to the ports at which
    they can be reached; where this process's own listen is written to ``ports``/<actor>."""

    config: EngineConfig
    host: str
    actors: tuple[str, ...]
    tcp: TcpSettings
    proxies: dict[str, int]
    ports: str
    node_lease_ns: int


class TwoHosts:
    """The directory of an engine over two hosts."""

    def __init__(self, arguments: Arguments) -> None:
        self._run_dir = str(run_dir(arguments.config))
        self._proxies = arguments.proxies

    async def lookup(self, actor: str, *, refresh: bool) -> Address | None:
        if actor in self._proxies:
            return TcpAddress("localhost", self._proxies[actor])
        return UnixAddress(str(unix_path(self._run_dir, actor)))


def build(arguments: Arguments, spec: ActorSpec) -> Actor:
    """As the wiring does, but for a node agent whose host has a latch of its own."""
    config, lease_ns = arguments.config, arguments.node_lease_ns
    if spec.name == NODE_AGENT:
        settings = NodeAgentSettings(tuple(venue_actor(v.name) for v in config.venues), KILL_SWITCH, lease_ns)
        return NodeAgent(settings, ProcessFence(run_dir(config)), LatchPage.open(latch_path(config)))
    actor = build_actor(spec.arguments)
    if isinstance(actor, KillSwitchActor):
        fencing = msgspec.structs.replace(actor.settings.fencing, node_leases={NODE_AGENT: lease_ns})
        settings_of_both = msgspec.structs.replace(actor.settings, fencing=fencing)
        return KillSwitchActor(settings_of_both, LatchPage.open(latch_path(config)))
    return actor


async def serve(arguments: Arguments) -> None:
    plan = {host.name: host for host in make_plan(arguments.config)}
    write_pid_file(run_dir(arguments.config), arguments.host)
    settings = msgspec.structs.replace(plan[KILL_SWITCH].settings, tcp=arguments.tcp)
    host = Host(arguments.host, settings, TwoHosts(arguments))
    for name in arguments.actors:
        spec = replace(plan[name], settings=settings)
        for actor in spec.actors:
            _, resources = replace(spec, actors=()).build(replace(actor, factory=lambda _: Actor()))
            host.add(actor.name, build(arguments, actor), resources)
    await host.start()
    for actor_name, addresses in host.addresses().items():
        port = next(address.port for address in addresses if isinstance(address, TcpAddress))
        file = Path(arguments.ports) / actor_name
        file.with_suffix(".new").write_text(str(port))
        file.with_suffix(".new").rename(file)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await host.stop()


if __name__ == "__main__":
    uvloop.run(serve(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Arguments)))
