"""One seed: chaos for so many steps, then everything is healed and has to come to rest."""

import tempfile
from pathlib import Path

import msgspec

from cli.simulation.chaos import Chaos
from cli.simulation.rest import check_rest, unrest
from cli.simulation.scenario import Scenario, draw_scenario
from cli.simulation.truth import Violation
from cli.simulation.world import World

__all__ = ["STEPS", "TRACE_LINES", "SeedResult", "run_scenario", "run_seed"]

#: How long the faults go on, in events of virtual time.
STEPS = 6_000
TRACE_LINES = 60
_SECOND_NS = 1_000_000_000
#: How long everything may take to come to rest: rate limit windows and retries with back-off among it.
_REST_NS = 200 * _SECOND_NS
#: In events: beyond, somebody asks and asks again without end.
_REST_STEPS = 60_000
_LOOK_NS = _SECOND_NS // 2


class SeedResult(msgspec.Struct, frozen=True):
    """``promise`` is the one that was broken, empty when all were kept. ``digest`` tells runs apart."""

    seed: int
    steps: int
    virtual_s: float
    orders: int
    faults: tuple[str, ...]
    digest: int
    promise: str = ""
    text: str = ""
    trace: tuple[str, ...] = ()


def run_seed(
    seed: int,
    steps: int = STEPS,
    trace_lines: int = TRACE_LINES,
    *,
    always_trace: bool = False,
    venue_power_cuts: bool = False,
) -> SeedResult:
    """Run the scenario of a seed. ``always_trace``: its last events are told, whether it fails or not.
    ``venue_power_cuts``: power cuts do not spare the hosts of venue actors."""
    scenario = msgspec.structs.replace(draw_scenario(seed), venue_power_cuts=venue_power_cuts)
    return run_scenario(scenario, steps, trace_lines, always_trace=always_trace)


def run_scenario(
    scenario: Scenario, steps: int = STEPS, trace_lines: int = TRACE_LINES, *, always_trace: bool = False
) -> SeedResult:
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:
        world = World(scenario, Path(name), trace_lines)
        began_ns = world.runtime.now_ns
        broken: Violation | None = None
        try:
            _live(world, steps)
        except Violation as violation:
            broken = violation
        return SeedResult(
            seed=scenario.seed,
            steps=world.steps,
            virtual_s=(world.runtime.now_ns - began_ns) / _SECOND_NS,
            orders=world.observer.orders_written,
            faults=tuple(sorted(scenario.faults)),
            digest=world.trace.digest,
            promise=broken.promise if broken is not None else "",
            text=broken.text if broken is not None else "",
            trace=tuple(world.trace.lines()) if broken is not None or always_trace else (),
        )


def _live(world: World, steps: int) -> None:
    runtime = world.runtime
    world.steps_max = steps + _REST_STEPS
    runtime.start()
    chaos = Chaos(world)
    runtime.run_for(_SECOND_NS)
    chaos.begin()
    while world.steps < steps:
        runtime.step()
    world.calm()
    chaos.heal()
    world.steps_max = world.steps + _REST_STEPS
    _settle(world)
    check_rest(world)


def _settle(world: World) -> None:
    """Until nothing has been under way for a second. Raises Violation when that takes too long."""
    runtime = world.runtime
    until_ns = runtime.now_ns + _REST_NS
    under_way = unrest(world)
    while under_way is not None and runtime.now_ns < until_ns:
        runtime.run_for(_LOOK_NS)
        under_way = unrest(world)
        if under_way is None:
            runtime.run_for(_SECOND_NS)
            under_way = unrest(world)  # somebody may have got a late message
    if under_way is not None:
        raise under_way
