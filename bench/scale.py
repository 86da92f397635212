"""Does an order take longer when more venue actors trade?

                 ══ticks══▶ venue actor 1, strategy co-located ══orders══▶
    venue        ══ticks══▶ venue actor 2                      ══orders══▶   venue        1, 2, 4, 8 of them
    process          ⋮          ⋮                                   ⋮        process      get ticks at a time
                 ══ticks══▶ venue actor 8                      ══orders══▶

One engine under Ray, one account, one risk actor, eight venue actors, each a process with a connection of its own.
Every venue actor that trades gets as many ticks a second as it gets alone, and never at the time of another's. So it
is the path that is measured and not the queue for a core: does an order's way have a hop that venue actors share? Those
that do not trade still renew their leases and tell telemetry: "1" is one among eight, too.

From the planned time of a tick to the bytes of its order, both on the venue's clock. One machine: nodes beyond the
first are not measured here.

Checked: each tick is answered by exactly one order at its own price, and the venue accepts it.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench.rig.contest import Turns
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Round
from bench.rig.venue_client import venue_process
from bench.row import Row, Target, make_rows

__all__ = ["FULL", "TINY", "Size", "run"]


class Size(msgspec.Struct, frozen=True):
    """``ticks`` of each venue actor that trades, ``gap_ns`` apart, in each of ``rounds`` rounds; ``actors`` how many
    trade. ``pin``: the venue's process on the first core, the engine on the others."""

    runtime: str
    actors: tuple[int, ...]
    rounds: int
    ticks: int
    warm_up: int
    gap_ns: int
    pin: tuple[int, ...] = ()


FULL = Size(runtime="ray", actors=(1, 2, 4, 8), rounds=3, ticks=110, warm_up=10, gap_ns=20_000_000)
TINY = Size(runtime="local", actors=(1, 2), rounds=1, ticks=6, warm_up=1, gap_ns=8_000_000)


def run(size: Size) -> list[Row]:
    """One row per number of venue actors. Raises InvariantError when an order is missing, or there is one too many."""
    seats = tuple(Seat(f"v{number}", f"V{number}USDT") for number in range(1, max(size.actors) + 1))
    symbols = tuple(seat.symbol for seat in seats)
    turns = Turns([str(count) for count in size.actors])
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        accounts = tuple(seat.name for seat in seats)
        venue = stack.enter_context(venue_process(directory / "venue", accounts, symbols, size.pin[:1]))
        config = bench_config(seats, venue.ready, directory / "engine", size.runtime)
        stack.enter_context(running_engine(config, size.pin[1:]))
        for symbol in symbols:
            venue.wait_for_contestant(symbol)
        for _ in range(size.rounds):
            for count in size.actors:
                plan = Round(symbols[:count], size.ticks * count, size.gap_ns // count)
                turns.add(str(count), venue.run(plan), size.warm_up * count)
    alone, *more = (str(count) for count in size.actors)
    within_10_percent = (Target("ratio_p50", 1.1),)
    return make_rows(
        "scale", "us", [turns.sample(alone), *(turns.sample(case, alone, within_10_percent) for case in more)]
    )
