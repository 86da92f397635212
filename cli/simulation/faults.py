"""What all kinds of faults share: a seed, the time, and the world that they are done to."""

from collections.abc import Callable
from random import Random

from cli.simulation.world import World

__all__ = ["SECOND_NS", "Faults"]

SECOND_NS = 1_000_000_000


class Faults:
    """One family of faults. ``kinds`` maps the names of the scenario to what each does, once."""

    kinds: dict[str, Callable[[], None]]

    def __init__(self, world: World, random: Random) -> None:
        self._world, self._random = world, random
        self._runtime, self._weather, self._scenario = world.runtime, world.weather, world.scenario
        self._over = False

    def heal(self) -> None:
        """No more faults, and what was to follow from one does not."""
        self._over = True

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        def act() -> None:
            if not self._over:
                action()

        self._runtime.agenda.put(self._runtime.now_ns + int(seconds * SECOND_NS), act)

    def _note(self, *what: object) -> None:
        self._world.trace.note(self._runtime.now_ns, "CHAOS", *what)

    def _seconds(self, *choices: float) -> float:
        return self._random.choice(choices) * (0.5 + self._random.random())
