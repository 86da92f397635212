"""What goes wrong in a run, and when: seeded, each fault with an end, all of them ended by ``heal``."""

from functools import partial
from random import Random

from cli.simulation.faults import SECOND_NS
from cli.simulation.host_faults import HostFaults
from cli.simulation.link_faults import LinkFaults
from cli.simulation.people_faults import PeopleFaults
from cli.simulation.venue_faults import VenueFaults
from cli.simulation.world import World

__all__ = ["Chaos"]


class Chaos:
    def __init__(self, world: World) -> None:
        self._runtime, self._scenario = world.runtime, world.scenario
        self._random = random = Random(f"{world.scenario.seed}/chaos")
        self._venues = VenueFaults(world, random)
        links, hosts = LinkFaults(world, random), HostFaults(world, random)
        #: In the order in which they are healed.
        self._families = (links, self._venues, PeopleFaults(world, random), hosts)
        self._actions = {kind: action for family in self._families for kind, action in family.kinds.items()}
        self._over = False

    def begin(self) -> None:
        """Let the faults of the scenario come, each at its own random times."""
        self._venues.begin()
        for kind in sorted(self._scenario.faults):
            self._next(kind)

    def heal(self) -> None:
        """No more faults: what is broken is repaired, who is down is started, clocks stay where they are."""
        self._over = True
        for family in self._families:
            family.heal()

    def _next(self, kind: str) -> None:
        seconds = self._random.expovariate(1 / self._scenario.faults[kind])
        self._runtime.agenda.put(self._runtime.now_ns + int(seconds * SECOND_NS), partial(self._now, kind))

    def _now(self, kind: str) -> None:
        if not self._over:
            self._actions[kind]()
            self._next(kind)
