"""Contestants on one venue, taking turns: each trades a symbol of its own, and only one gets ticks at a time."""

import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.cores import pin_process
from bench.rig.orders import Round
from bench.rig.venue_client import Times, VenueProcess
from bench.row import Sample, Target

__all__ = ["Turns", "floor_process", "take_turns"]

_STOP_S = 10.0


@contextmanager
def floor_process(
    venue: VenueProcess, account: str, symbol: str, *, tls: bool = False, cores: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """The floor script as a process, on ``cores`` when given, until the end of the block."""
    ready = venue.ready
    orders_port, ca_file = (ready.tls_port, [ready.ca_file]) if tls else (ready.port, [])
    command = [sys.executable, "-m", "bench.rig.floor", symbol, str(ready.port), str(orders_port)]
    process = subprocess.Popen([*command, *ready.keys[account], *ca_file])
    try:
        if cores:
            pin_process(process.pid, cores)
        yield process
    finally:
        process.terminate()
        process.wait(_STOP_S)


class Turns:
    """What the rounds of each case took, in the order in which they were run; the warm-up is left out."""

    def __init__(self, cases: Sequence[str]) -> None:
        self._planned: dict[str, list[NDArray[np.int64]]] = {case: [] for case in cases}
        self._latencies: dict[str, list[NDArray[np.int64]]] = {case: [] for case in cases}
        #: Orders by case that were asked for and never came.
        self.missing = dict.fromkeys(cases, 0)

    def add(self, case: str, times: Times, warm_up: int) -> None:
        planned = np.repeat(times.planned[warm_up:], times.arrived.shape[1])
        arrived = times.arrived[warm_up:].ravel()
        came = arrived > 0
        self.missing[case] += int((~came).sum())
        self._planned[case].append(planned[came])
        self._latencies[case].append((arrived - planned)[came])

    def share_missing(self, case: str) -> float:
        """Of the orders that were asked for."""
        came = sum(len(each) for each in self._latencies[case])
        return self.missing[case] / max(came + self.missing[case], 1)

    def sample(self, case: str, baseline: str = "", targets: tuple[Target, ...] = ()) -> Sample:
        """From the planned time of a tick to the arrival of its order."""
        return Sample(
            case, np.concatenate(self._latencies[case]), baseline, targets, np.concatenate(self._planned[case])
        )


def take_turns(
    venue: VenueProcess,
    symbol_of: Mapping[str, str],
    plan: Round,
    rounds: int,
    warm_up: int,
    may_miss: Collection[str] = (),
) -> Turns:
    """``rounds`` rounds of ``plan`` for each case in turn, on the case's symbol; the first ``warm_up`` ticks of each
    round do not count. Raises InvariantError when an order was not asked for, or is missing in a case that may not
    miss any."""
    turns = Turns(tuple(symbol_of))
    for number in range(rounds):
        for case, symbol in symbol_of.items():
            own = msgspec.structs.replace(plan, symbols=(symbol,), seed=number + 1)
            turns.add(case, venue.run(own, may_miss=case in may_miss), warm_up)
    return turns
