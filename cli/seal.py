"""Whoever has just latched a kill looks by itself whether anything more can leave, before it tells anybody."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from actors.runtime.seal import PageSeal, sealable_actors
from engine.messages import VenueSeal

__all__ = ["Sealer"]

#: Longer than an order takes from its last look to its write. What is not sealed by then is the kill switch actor's to
#: look at: it must not be told later because of one that stands still.
_LOOK_NS = 300_000


class Sealer:
    """For the engine of a state directory. ``actors`` empty: all that have a page there."""

    def __init__(self, run_dir: Path, latch_path: Path, actors: Sequence[str] = ()) -> None:
        self._run_dir = run_dir
        self._actors = tuple(actors)
        self._seal = PageSeal(run_dir, latch_path)
        self._seal.map_pages(self._actors)

    def seals(self) -> tuple[VenueSeal, ...]:
        """Those that are sealed within a moment, and when each was."""
        left = self._actors or sealable_actors(self._run_dir)
        found: list[VenueSeal] = []
        until_ns = time.monotonic_ns() + _LOOK_NS
        while left:
            sealed = self._seal(left)
            at_ns = time.monotonic_ns()
            found += [VenueSeal(actor, at_ns, orders) for actor, orders in sealed.items()]
            left = tuple(actor for actor in left if actor not in sealed)
            if at_ns >= until_ns:
                break
            if left:
                os.sched_yield()
        return tuple(found)
