"""How many orders a second does one venue actor bring to its socket, and what do they wait when there are many?

    venue process ══tick, "so many orders"══▶ venue actor, strategy co-located ══orders══▶ venue process
                  ◀═════════════════════════  answer, NEW, EXPIRED of each  ═════════════

One simulated Binance, loopback, no TLS; the engine under Ray, every limit set, journal on. The venue stamps orders as
their bytes come in and takes the swift way (``bench/rig/venue.py``): its full order entry is slower than the engine.

    burst      one tick asks for a thousand orders: the order path and nothing else     ≤ 25 µs each: 40,000 a second
    sustained  ticks ask for ten each, as a quoter of ten levels would, and when orders have come others are asked for:
               every answer and report is decoded, journalled and told to the strategy         ≤ 25 µs each
    floor_*    the same from a script that has no risk check, no journal, and no memory of its orders

These are times an order: of a burst, from its tick to its last order; else between the orders at the venue, in blocks
of five hundred. Then the latency curve, open loop: tens of orders, each counted from the planned time of its tick.

    load_N     at N % of the sustained rate that was just measured

Checked: every order that was asked for arrives, once, and every one is answered; the engine then has none open and none
in doubt. A block in which orders were refused because the machine stalled for longer than a lease lasts is run again,
and the rows say so.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.places import venue_actor
from bench.rig.contest import Turns, floor_process
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Flood, Round
from bench.rig.patience import PatientVenue
from bench.rig.venue_client import venue_process
from bench.row import Row, Sample, Target, make_rows
from cli.status import ask_actor
from config.settings import EngineConfig
from engine.errors import InvariantError

__all__ = ["FULL", "TINY", "Size", "run"]

_SEAT = Seat("engine", "ENGINEUSDT")
_FLOOR = ("floor", "FLOORUSDT")
_SYMBOLS = {"": _SEAT.symbol, "floor_": _FLOOR[1]}
_TARGET = (Target("p50", 25),)


class Size(msgspec.Struct, frozen=True):
    """``pin``: the venue's process on the first core, the contestants on the others."""

    runtime: str
    rounds: int
    burst: int
    bursts: int
    burst_gap_ns: int
    flood_ticks: int
    window: int
    block: int
    loads_percent: tuple[int, ...]
    load_orders: int
    orders_a_tick: int = 10
    pin: tuple[int, ...] = ()


FULL = Size(
    runtime="ray",
    rounds=4,
    burst=1_000,
    bursts=5,
    burst_gap_ns=300_000_000,
    flood_ticks=1_500,
    window=500,
    block=500,
    loads_percent=(10, 50, 80),
    load_orders=2_000,
)
TINY = Size(
    runtime="local",
    rounds=1,
    burst=40,
    bursts=2,
    burst_gap_ns=50_000_000,
    flood_ticks=10,
    window=30,
    block=10,
    loads_percent=(10, 50),
    load_orders=40,
)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when an order is missing, one too many, or left open."""
    took: dict[str, list[NDArray[Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        venue = stack.enter_context(
            venue_process(directory / "venue", (_SEAT.name, _FLOOR[0]), tuple(_SYMBOLS.values()), size.pin[:1])
        )
        stack.enter_context(floor_process(venue, *_FLOOR, cores=size.pin[1:]))
        config = bench_config((_SEAT,), venue.ready, directory / "engine", size.runtime)
        stack.enter_context(running_engine(config, size.pin[1:]))
        for symbol in _SYMBOLS.values():
            venue.wait_for_contestant(symbol)
        patient = PatientVenue(venue, config, venue_actor(_SEAT.name))
        for number in range(size.rounds + 1):
            for prefix, symbol in _SYMBOLS.items():
                burst, flood = _burst(patient, symbol, size), _flood(patient, symbol, size)
                if number:  # the first round is warm-up
                    took.setdefault(f"{prefix}burst", []).append(burst)
                    took.setdefault(f"{prefix}sustained", []).append(flood)
        between = {case: np.concatenate(each) for case, each in took.items()}
        loads = _loads(patient, size, float(between["sustained"].mean()))
        _must_be_settled(config)
    samples = [
        Sample(case, between[case], f"floor_{case}", _TARGET, remark=patient.remark) for case in ("burst", "sustained")
    ] + [Sample(case, between[case]) for case in ("floor_burst", "floor_sustained")]
    return make_rows("throughput", "us", [*samples, *loads])


def _burst(venue: PatientVenue, symbol: str, size: Size) -> NDArray[Any]:
    """Answers come when a burst is complete: nothing keeps the venue from reading, or the engine from sending."""
    plan = Round((symbol,), size.bursts, size.burst_gap_ns, orders=size.burst, swift=True, hold=True)
    times = venue.run(plan, symbol)
    return np.asarray((times.arrived.max(axis=1) - times.planned) / size.burst)


def _flood(venue: PatientVenue, symbol: str, size: Size) -> NDArray[Any]:
    """Without the first window, which leaves at once."""
    times = venue.run(Flood(symbol, size.flood_ticks, size.orders_a_tick, size.window), symbol)
    return _between(times.arrived.ravel()[size.window :], size.block)


def _between(arrived: NDArray[np.int64], block: int) -> NDArray[Any]:
    """Mean time between two orders in ns, of each whole block of so many."""
    return np.diff(np.sort(arrived)[::block]) / block


def _loads(venue: PatientVenue, size: Size, between_ns: float) -> list[Sample]:
    """The latency curve, the rates in turn."""
    cases = {percent: f"load_{percent}" for percent in size.loads_percent}
    turns = Turns(tuple(cases.values()))
    for number in range(size.rounds):
        for percent, case in cases.items():
            gap_ns = int(between_ns * size.orders_a_tick * 100 / percent)
            ticks = max(size.load_orders // size.orders_a_tick, 2)
            plan = Round((_SEAT.symbol,), ticks, gap_ns, orders=size.orders_a_tick, swift=True, seed=number + 1)
            turns.add(case, venue.run(plan, _SEAT.symbol), ticks // 10)
    return [turns.sample(case) for case in cases.values()]


def _must_be_settled(config: EngineConfig) -> None:
    report = ask_actor(config, venue_actor(_SEAT.name))
    wrong = ("open_orders", "unknown_orders", "violations", "illegal")
    if report is None or any(report.counters[name] for name in wrong):
        raise InvariantError(f"bench throughput: the engine ends with {report}")
