"""Processes that are ended because somebody asks for it, and start again: ``actors.runtime.fence`` in virtual time."""

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.simulation.world import World

__all__ = ["VirtualFence"]

_FAILURES = 0.1


class VirtualFence:
    """What the node agent ends hosts with. Now and then it fails, and has to be asked again."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = Random(f"{world.scenario.seed}/fence")

    def __call__(self, host: str) -> str:
        world, random = self._world, self._random
        world.halt.acts_for(host, "ended")
        if random.random() < _FAILURES:
            return "cannot be ended, says the simulation"
        if world.runtime.hosts[host].is_up:
            world.trace.note(world.runtime.now_ns, "node-agent", "ends", host)
            world.crash(host)
            world.restart_later(host, random.choice([0.05, 0.5, 3, 20]) * (0.5 + random.random()))
        return ""
