"""Does an engine that trades for long stay as it was: as fast, as small, with as few files open and as little waiting?

    venue process ══tick, "ten orders"══▶ venue actor, strategy co-located ══orders══▶ venue process
                  ◀═════════════════  answer, NEW, EXPIRED or TRADE of each  ════════
    keeper ──reads──▶ the venue actor's journal                    this process ──reads──▶ /proc, the counter page

One venue actor under Ray as in ``throughput``, every limit set, journal on, ``haltline keeper`` beside it as beside
``haltline run``; at 50 % of the throughput that the same machine has just carried, one order in four filled. Latency
counts from the planned time of an order's tick. The first 30 % of the run are warm-up: what is bounded (ended orders,
trades, reports) has to be full before anything can be said; that takes some three minutes.

    latency          every order
    p99_9            of each interval of some seconds, over time; _first and _last: the intervals of the first and the
                     last third. By the median interval: one stall of the machine is no trend      last ≤ 1.5 × first
    memory           of the venue actor's process, of the engine's others and the keeper; growth is the median of the
                     last third less that of the first                                                         ≤ 8 MB
    files            open in them                                                                            no growth
    queues           orders open, requests in flight or in doubt, reports not yet told, facts not yet in the journal,
                     bytes that the kernel has not taken: the one that grew most              ≤ one tick's ten orders
    orders_kept      in the venue actor's memory; by design at most 20,000 ended ones a strategy
    journal          its size: nothing is ever taken out of it, so it grows by what is traded
    checkpoint_age   how long ago the keeper wrote the last one: it gets only what time others leave

Checked: every order that was asked for arrives, once, and is answered and told, once; none is left open or in doubt.
"""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.places import venue_actor
from bench.rig.engine import Seat, bench_config, config_file, running_engine
from bench.rig.gauges import QUEUES, Gauges, watching
from bench.rig.orders import Flood, Round
from bench.rig.patience import PatientVenue
from bench.rig.venue_client import venue_process
from bench.row import Row, Sample, Target, make_rows
from cli.keeper import keeper_process
from cli.status import ask_actor
from config.settings import EngineConfig
from engine.errors import InvariantError
from engine.messages import StatusReport

__all__ = ["FULL", "TINY", "Size", "growth", "run"]

_SEAT = Seat("engine", "ENGINEUSDT")
_ORDERS_A_TICK = 10
_SLOWER_AT_MOST, _GROWTH_MB = 1.5, 8.0
_SETTLE_S = 10.0

Tell = Callable[[float], None]


class Size(msgspec.Struct, frozen=True):
    """``seconds`` of trading, of which ``warm_up`` (a share) is left out; ``intervals`` of it are looked at."""

    runtime: str
    seconds: float
    intervals: int
    flood_ticks: int
    readings_every_s: float
    share_percent: int = 50
    warm_up: float = 0.3
    window: int = 500
    fill_every: int = 4
    pin: tuple[int, ...] = ()


FULL = Size(runtime="ray", seconds=600, intervals=120, flood_ticks=3_000, readings_every_s=1.0)
TINY = Size(
    runtime="local", seconds=1.5, intervals=6, flood_ticks=20, readings_every_s=0.1, window=30, share_percent=10
)


def _nobody(share: float) -> None: ...


def run(size: Size, tell: Tell = _nobody) -> list[Row]:
    """One row per case. ``tell`` hears how much of the run is over. Raises InvariantError when an order is missing, one
    too many, or left open."""
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        venue = stack.enter_context(venue_process(directory / "venue", (_SEAT.name,), (_SEAT.symbol,), size.pin[:1]))
        config = bench_config((_SEAT,), venue.ready, directory / "engine", size.runtime)
        engine = stack.enter_context(running_engine(config, size.pin[1:]))
        keeper = stack.enter_context(keeper_process(config_file(directory / "engine")))
        venue.wait_for_contestant(_SEAT.symbol)
        patient = PatientVenue(venue, config, venue_actor(_SEAT.name))
        pids = engine.pids()
        pid = pids.pop(venue_actor(_SEAT.name), os.getpid())
        gauges = Gauges(config, _SEAT.name, pid, (*pids.values(), keeper))
        between_ns = _sustained_ns(patient, size)
        before, besides = _settled(config), patient.orders_besides
        with watching(gauges, size.readings_every_s):
            trading = _trade(patient, size, between_ns, tell)
        _check(before, _settled(config), trading.orders + patient.orders_besides - besides)
    return _rows(trading, gauges, size, between_ns, patient.remark)


class _Trading:
    """The latencies of every interval behind the warm-up, [orders] each, and their planned times."""

    def __init__(self) -> None:
        self.latencies: list[NDArray[np.int64]] = []
        self.planned: list[NDArray[np.int64]] = []
        self.orders = 0
        self.measured_from_ns = 0


def _sustained_ns(patient: PatientVenue, size: Size) -> float:
    """What this machine carries now, as time an order; a first flood is warm-up."""
    flood = Flood(_SEAT.symbol, size.flood_ticks, _ORDERS_A_TICK, size.window, size.fill_every)
    patient.run(flood, _SEAT.symbol)
    arrived = np.sort(patient.run(flood, _SEAT.symbol).arrived.ravel()[size.window :])
    return float(arrived[-1] - arrived[0]) / (len(arrived) - 1)


def _trade(patient: PatientVenue, size: Size, between_ns: float, tell: Tell) -> _Trading:
    trading = _Trading()
    gap_ns = int(between_ns * _ORDERS_A_TICK * 100 / size.share_percent)
    interval_ns = size.seconds * 1e9 / size.intervals
    ticks = max(int(interval_ns / gap_ns), 2)
    for number in range(size.intervals):
        plan = Round(
            (_SEAT.symbol,), ticks, gap_ns, orders=_ORDERS_A_TICK, swift=True, fill_every=size.fill_every, seed=number
        )
        times = patient.run(plan, _SEAT.symbol)
        trading.orders += times.arrived.size
        tell((number + 1) / size.intervals)
        if number < size.intervals * size.warm_up:
            trading.measured_from_ns = time.monotonic_ns()
            continue
        planned = np.repeat(times.planned, _ORDERS_A_TICK)
        trading.planned.append(planned)
        trading.latencies.append(times.arrived.ravel() - planned)
    return trading


# -- checks ----------------------------------------------------------------------------------------------------


def _settled(config: EngineConfig) -> StatusReport:
    """What the venue actor says once nothing is open any more. Raises InvariantError when it never is."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        report = ask_actor(config, venue_actor(_SEAT.name))
        if report is not None and not report.counters["open_orders"]:
            return report
        if time.monotonic() > deadline:
            raise InvariantError(f"bench soak: orders are left open: {report}")
        time.sleep(0.02)


def _check(before: StatusReport, after: StatusReport, orders: int) -> None:
    def more(name: str) -> int:
        return after.counters[name] - before.counters[name]

    wrong = {name: more(name) for name in ("foreign", "illegal", "violations", "foreign_events")}
    sent, withheld = more("orders"), more("orders_admitted") - more("orders")
    if sent != orders or more("reports") != 2 * sent + withheld or any(wrong.values()):
        raise InvariantError(
            f"bench soak: of {orders:,} orders the engine sent {sent:,} (two reports each) and withheld {withheld:,} "
            f"(one each), told {more('reports'):,} reports, and counted {wrong}"
        )


# -- rows ------------------------------------------------------------------------------------------------------


def growth(values: NDArray[np.int64]) -> float:
    """The median of the last third less that of the first."""
    third = max(len(values) // 3, 1)
    return float(np.median(values[-third:]) - np.median(values[:third]))


def _rows(trading: _Trading, gauges: Gauges, size: Size, between_ns: float, remark: str) -> list[Row]:
    at_ns, held = gauges.since(trading.measured_from_ns)
    at = f"{size.share_percent} % of {1e9 / between_ns:,.0f} orders a second"
    return [
        *_latency_rows(trading, "; ".join(part for part in (at, remark) if part)),
        *_memory_rows(at_ns, held, trading.orders),
        *_piece_rows(at_ns, held),
        *make_rows("soak", "ms", [Sample("checkpoint_age", held["checkpoint_age"], at_ns=at_ns)]),
    ]


def _latency_rows(trading: _Trading, remark: str) -> list[Row]:
    ranked = [np.sort(each) for each in trading.latencies]
    late = np.array([each[-(-len(each) * 999 // 1000) - 1] for each in ranked], dtype=np.int64)
    at_ns = np.array([each[0] for each in trading.planned], dtype=np.int64)
    third = max(len(late) // 3, 1)
    samples = [
        Sample("latency", np.concatenate(trading.latencies), at_ns=np.concatenate(trading.planned), remark=remark),
        Sample("p99_9", late, at_ns=at_ns),
        Sample("p99_9_first", late[:third], at_ns=at_ns[:third]),
        Sample("p99_9_last", late[-third:], "p99_9_first", (Target("ratio_p50", _SLOWER_AT_MOST),), at_ns[-third:]),
    ]
    return make_rows("soak", "us", samples)


def _memory_rows(at_ns: NDArray[np.int64], held: dict[str, NDArray[np.int64]], orders: int) -> list[Row]:
    samples = []
    for name in ("memory", "memory_others"):
        grown = np.array([growth(held[name])])
        samples += [
            Sample(name, held[name], at_ns=at_ns),
            Sample(f"{name}_growth", grown, targets=(Target("max", _GROWTH_MB),)),
        ]
    samples.append(Sample("journal", held["journal"], at_ns=at_ns, remark=f"of {orders:,} orders"))
    return make_rows("soak", "MB", samples)


def _piece_rows(at_ns: NDArray[np.int64], held: dict[str, NDArray[np.int64]]) -> list[Row]:
    files = held["files"] + held["files_others"]
    grown = {name.rstrip("|"): growth(held[name]) for name in QUEUES}
    most = max(grown, key=lambda name: grown[name])
    return make_rows(
        "soak",
        "pieces",
        [
            Sample("files", files, at_ns=at_ns),
            Sample("files_growth", np.array([growth(files)]), targets=(Target("max", 0),)),
            *(Sample(name.rstrip("|"), held[name], at_ns=at_ns) for name in QUEUES),
            Sample(
                "queues_growth", np.array([grown[most]]), targets=(Target("max", _ORDERS_A_TICK),), remark=f"by {most}"
            ),
            Sample("orders_kept", held["orders_kept"], at_ns=at_ns),
        ],
    )
