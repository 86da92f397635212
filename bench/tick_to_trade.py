"""How long after a tick has left the venue is the order that answers it there?

    venue process ══tick, WebSocket══▶ venue actor ─▶ strategy, same process  ══order, WebSocket══▶ venue   co_located
         │        ══tick═════════════▶ venue actor ══Unix socket══▶ strategy process
         │        ◀═order═════════════ venue actor ◀══════════════════════╯                                own_process
         ╰────────══tick═════════════▶ script      ══order════════════════════════════════════════▶ venue  floor

One simulated Binance, one process a contestant, loopback, no TLS. Both clock readings are the venue's: the planned
time of a tick, and when the bytes of its order came in, so every wake-up is in it. The engine is as ``haltline run``
starts it, under Ray: every limit set, journal on. The floor is a script on the same libraries in one process, with no
risk check and no journal. Cases take turns in rounds of ticks that leave at planned times, whatever comes back; the
first ticks of each round are warm-up.

    *_sparse   2 to 8 ticks a second, at random: caches and core have gone cold
    *_warm     the same where the configuration keeps the order path warm (warm_ms)        below the floor
    *_spin     the process polls its sockets and never sleeps: the engine's with "spin" (and warm_ms = 1), ≤ 30 µs
    co_located_spin_sparse   such an engine on sparse ticks; the floor, which sleeps, in turns with it   below the floor
    hop        a frame to another process and back, on its own, as in bench hop: own_process ≤ floor + hop

Checked: each tick is answered by exactly one order at its own price, and the venue accepts it.
"""

import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench import hop
from bench.rig.contest import Turns, floor_process, take_turns
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Round
from bench.rig.venue_client import VenueProcess, venue_process
from bench.row import Row, Sample, Target, make_rows

__all__ = ["FULL", "TINY", "Size", "run"]

_NEAR = Seat("near", "NEARUSDT", account="near")
_APART = Seat("apart", "APARTUSDT", "own-process", account="apart")
_WARM = Seat("warm", "WARMUSDT", account="warm", tuning="warm_ms = 1")
_SPIN = Seat("spin", "SPINUSDT", account="spin", tuning="spin = true\nwarm_ms = 1")
_FLOOR = ("floor", "FLOORUSDT")
_SYMBOLS = {"co_located": _NEAR.symbol, "own_process": _APART.symbol, "floor": _FLOOR[1]}


class Size(msgspec.Struct, frozen=True):
    """``pin``: the venue's process on the first core, the contestants on the others."""

    runtime: str
    rounds: int
    ticks: int
    warm_up: int
    gap_ns: int
    sparse_rounds: int
    sparse_ticks: int
    sparse_warm_up: int
    sparse_gap_ns: tuple[int, int]
    hop: hop.Size
    pin: tuple[int, ...] = ()


FULL = Size(
    runtime="ray",
    rounds=8,
    ticks=350,
    warm_up=50,
    gap_ns=5_000_000,
    sparse_rounds=2,
    sparse_ticks=26,
    sparse_warm_up=2,
    sparse_gap_ns=(125_000_000, 500_000_000),
    hop=hop.Size(rounds=5, warm_up_rounds=1, per_round=100, interval_ns=3_000_000, with_ray=False),
)
TINY = Size(
    runtime="local",
    rounds=2,
    ticks=6,
    warm_up=1,
    gap_ns=3_000_000,
    sparse_rounds=1,
    sparse_ticks=3,
    sparse_warm_up=1,
    sparse_gap_ns=(20_000_000, 30_000_000),
    hop=hop.TINY,
)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when an order is missing, or there is one too many."""
    there_and_back = next(row for row in hop.run(size.hop) if row.case == "frame")
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        accounts = (_NEAR.name, _APART.name, _WARM.name, _SPIN.name, _FLOOR[0])
        symbols = (*_SYMBOLS.values(), _WARM.symbol, _SPIN.symbol)
        venue = stack.enter_context(venue_process(directory / "venue", accounts, symbols, size.pin[:1]))
        floor = stack.enter_context(floor_process(venue, *_FLOOR, cores=size.pin[1:]))
        config = bench_config((_NEAR, _APART, _WARM), venue.ready, directory / "engine", size.runtime)
        with running_engine(config, size.pin[1:]):
            for symbol in symbols[:-1]:
                venue.wait_for_contestant(symbol)
            samples = _measure(size, venue, floor, there_and_back.p50)
        samples += _spinning_engine(size, venue, directory)
    return make_rows("tick_to_trade", "us", [*samples, there_and_back.sample._replace(case="hop", baseline="")])


def _measure(size: Size, venue: VenueProcess, floor: subprocess.Popen[bytes], hop_us: float) -> list[Sample]:
    plan = Round((), size.ticks, size.gap_ns)
    busy = take_turns(venue, _SYMBOLS, plan, size.rounds, size.warm_up)
    spinning = _spinning(venue, floor, plan, size)
    sparse_plan = Round((), size.sparse_ticks, *size.sparse_gap_ns)
    cold = {"co_located": _NEAR.symbol, "warm": _WARM.symbol, "floor": _FLOOR[1]}
    sparse = take_turns(venue, cold, sparse_plan, size.sparse_rounds, size.sparse_warm_up)
    floor_us = make_rows("tick_to_trade", "us", [busy.sample("floor")])[0].p50
    return [
        busy.sample("co_located", "floor", (Target("ratio_p50", 1.3), Target("ratio_p99", 1.5))),
        busy.sample("own_process", "floor", (Target("p50", round(floor_us + hop_us, 1)),)),
        busy.sample("floor"),
        sparse.sample("co_located", "floor_sparse")._replace(case="co_located_sparse"),
        sparse.sample("warm", "floor_sparse", (Target("ratio_p50", 1),))._replace(case="co_located_warm"),
        sparse.sample("floor")._replace(case="floor_sparse"),
        spinning.sample("floor", "")._replace(case="floor_spin"),
    ]


def _spinning_engine(size: Size, venue: VenueProcess, directory: Path) -> list[Sample]:
    """Alone, for the same reason as the floor (``_spinning``)."""
    config = bench_config((_SPIN,), venue.ready, directory / "spin", size.runtime)
    with running_engine(config, size.pin[1:]):
        venue.wait_for_contestant(_SPIN.symbol)
        plan, rounds = Round((), size.ticks, size.gap_ns), max(size.rounds // 4, 1)
        turns = take_turns(venue, {"co_located": _SPIN.symbol}, plan, rounds, size.warm_up)
        plan = Round((), size.sparse_ticks, *size.sparse_gap_ns)
        cases = {"co_located": _SPIN.symbol, "floor": _FLOOR[1]}
        sparse = take_turns(venue, cases, plan, size.sparse_rounds, size.sparse_warm_up)
    spinning = turns.sample("co_located", "floor_spin", (Target("p50", 30),))
    kept_hot = sparse.sample("co_located", "floor_beside_spin", (Target("ratio_p50", 1),))
    return [
        spinning._replace(case="co_located_spin"),
        kept_hot._replace(case="co_located_spin_sparse"),
        sparse.sample("floor")._replace(case="floor_beside_spin"),
    ]


def _spinning(venue: VenueProcess, floor: subprocess.Popen[bytes], plan: Round, size: Size) -> Turns:
    """The floor alone: a process that spins takes a core from everybody else."""
    floor.send_signal(signal.SIGUSR1)
    try:
        return take_turns(venue, {"floor": _FLOOR[1]}, plan, max(size.rounds // 4, 1), size.warm_up)
    finally:
        floor.send_signal(signal.SIGUSR1)
