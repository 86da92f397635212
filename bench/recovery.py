"""How long after a kill -9 does an engine trade again that has a million events in its journal?

    kill -9 ─▶ ``haltline run`` anew ─▶ journal replayed ─▶ logged on ─▶ venue asked, reconciled ─▶ lease ─▶ order
               ├─────────────────────────────── reconciled ───────────────────────────────┤            │       ≤ 2 s
               ├─────────────────────────────── order ─────────────────────────────────────────────────┤

The engine is ``haltline run`` in one process (runtime "local"), killed with everything in it. Its journal holds orders
that were sent, accepted and ended: three records each, written by the journal's own code behind what a first life left.
Its checkpoint is as old as one can be that ``haltline run`` keeps up: what came since is replayed.
Counted from the start of the new process, Python's own start and every import included, to the log line that tells of
the reconciliation, and to the first order at the venue, which offers a tick every 10 ms.

    *_empty    the same with the few records of a first life: what replaying is not

Cases take turns. Checked: every order of the journal is known again, none contradicts another, nothing is open or in
doubt, and the new order arrives.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import numpy as np

from actors.places import journal_dir, log_path, venue_actor
from actors.venue_records import encode_record
from bench.rig.engine import Seat, bench_config
from bench.rig.venue_client import VenueProcess, venue_process
from bench.row import Row, Sample, Target, make_rows
from cli.journal_keeper import CHECKPOINT_EVERY, venue_keepers
from cli.status import ask_actor
from config.settings import EngineConfig
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError
from engine.messages import NewOrder, StatusReport
from engine.order_event import OrderAccepted, OrderExpired
from store.segment import SegmentJournal

__all__ = ["FULL", "TINY", "Size", "run"]

_FULL, _EMPTY = Seat("full", "FULLUSDT"), Seat("empty", "EMPTYUSDT")
_SUFFIXES = {_FULL: "", _EMPTY: "_empty"}
_RECORDS_PER_ORDER = 3
_START_S = 60.0
_TICK_EVERY_NS = 10_000_000


class Size(msgspec.Struct, frozen=True):
    rounds: int
    events: int
    with_empty: bool = True


FULL = Size(rounds=2, events=1_000_000)
TINY = Size(rounds=1, events=300, with_empty=False)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when the engine does not come back, or not with all that it knew."""
    seats = (_FULL, _EMPTY) if size.with_empty else (_FULL,)
    took: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        venue = stack.enter_context(
            venue_process(directory / "venue", [seat.name for seat in seats], [seat.symbol for seat in seats])
        )
        configs = {seat: bench_config((seat,), venue.ready, directory / seat.name, "local", 1_000) for seat in seats}
        for seat, config in configs.items():
            _live(seat, config, venue)
        _fill_journal(configs[_FULL], size.events)
        _keep_checkpoint(configs[_FULL], size.events)
        orders = {_FULL: size.events // _RECORDS_PER_ORDER, _EMPTY: 0}
        for _ in range(size.rounds):
            for seat in seats:
                reconciled_ns, order_ns = _live(seat, configs[seat], venue, orders[seat])
                took.setdefault(f"reconciled{_SUFFIXES[seat]}", []).append(reconciled_ns)
                took.setdefault(f"order{_SUFFIXES[seat]}", []).append(order_ns)
    targets = {"reconciled": (Target("max", 2_000),)}
    return make_rows(
        "recovery",
        "ms",
        [
            Sample(case, np.array(each), "" if case.endswith("_empty") else f"{case}_empty", targets.get(case, ()))
            for case, each in took.items()
        ],
    )


def _live(seat: Seat, config: EngineConfig, venue: VenueProcess, orders: int = 0) -> tuple[int, int]:
    """One life, from its start to SIGKILL: ns until it had reconciled, and until its first order had arrived.

    Its journal has at least so many ``orders``.
    """
    start_ns, start_wall_ns = time.monotonic_ns(), time.time_ns()
    with _killed_in_the_end(config):
        arrived_ns = venue.wait_for_contestant(seat.symbol, _START_S, _TICK_EVERY_NS)
        reconciled_wall_ns = _logged_ns(config, seat, "reconciled", start_wall_ns)
        _check(seat, ask_actor(config, venue_actor(seat.name)), orders)
    return reconciled_wall_ns - start_wall_ns, arrived_ns - start_ns


def _check(seat: Seat, report: StatusReport | None, orders: int) -> None:
    wrong = ("violations", "illegal", "critical", "unknown_orders")
    if (
        report is None
        or report.state != "ready"
        or report.counters["orders_admitted"] <= orders
        or any(report.counters[name] for name in wrong)
    ):
        raise InvariantError(f"bench recovery: {seat.name} came back as {report}; its journal has {orders:,} orders")


@contextmanager
def _killed_in_the_end(config: EngineConfig) -> Iterator[None]:
    file = Path(config.engine.state_dir).parent / "engine.toml"
    command = [sys.executable, "-m", "cli.main", "run", "--config", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def _logged_ns(config: EngineConfig, seat: Seat, event: str, since_wall_ns: int) -> int:
    """When the venue actor logged the event, in UTC."""
    lines = (json.loads(line) for line in log_path(config).read_bytes().splitlines())
    for line in lines:
        if line["event"] == event and line["actor"] == venue_actor(seat.name) and line["wall_ns"] >= since_wall_ns:
            return int(line["wall_ns"])
    raise InvariantError(f"bench recovery: {seat.name} has logged no {event!r}")


def _fill_journal(config: EngineConfig, events: int) -> None:
    """Orders that were sent, accepted and expired unfilled, behind what is there."""
    actor = venue_actor(_FULL.name)
    journal = SegmentJournal(journal_dir(config) / actor, config.journal.segment_bytes, actor=actor)
    now_ns = time.monotonic_ns()
    for number in range(events // _RECORDS_PER_ORDER):
        for record in _order(number):
            journal.append(encode_record(record), now_ns)
    journal.close()


def _keep_checkpoint(config: EngineConfig, events: int) -> None:
    """One that lacks so many of the newest records as ``haltline keeper`` lets come together."""
    (keeper,) = venue_keepers(config)
    keeper.follow(events - min(CHECKPOINT_EVERY, events // 2))
    keeper.keep()


def _order(number: int) -> tuple[NewOrder, OrderAccepted, OrderExpired]:
    client_order_id, order_id, at_ns = f"{_FULL.name}-0-{number}", str(10**9 + number), number * 1_000_000
    order = NewOrder(
        client_order_id=client_order_id,
        account_id=_FULL.account,
        strategy_id=_FULL.name,
        instrument_id=0,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity_lots=100,
        price_ticks=6_000_000,
    )
    expired = OrderExpired(client_order_id, order_id, 0, Reason.VENUE_EXPIRED, "unfilled", at_ns)
    return order, OrderAccepted(client_order_id, order_id, at_ns), expired
