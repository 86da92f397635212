"""Contestants on one venue, taking turns: each trades a symbol of its own, and only one gets ticks at a time."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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

    def add(self, case: str, times: Times, warm_up: int) -> None:
        self._planned[case].append(np.repeat(times.planned[warm_up:], times.arrived.shape[1]))
        self._latencies[case].append((times.arrived - times.planned[:, None])[warm_up:].ravel())

    def sample(self, case: str, baseline: str = "", targets: tuple[Target, ...] = ()) -> Sample:
        """From the planned time of a tick to the arrival of its order."""
        return Sample(
            case, np.concatenate(self._latencies[case]), baseline, targets, np.concatenate(self._planned[case])
        )


def take_turns(venue: VenueProcess, symbol_of: Mapping[str, str], plan: Round, rounds: int, warm_up: int) -> Turns:
    """``rounds`` rounds of ``plan`` for each case in turn, on the case's symbol; the first ``warm_up`` ticks of each
    round do not count. Raises InvariantError when an order is missing or was not asked for."""
    turns = Turns(tuple(symbol_of))
    for number in range(rounds):
        for case, symbol in symbol_of.items():
            turns.add(case, venue.run(msgspec.structs.replace(plan, symbols=(symbol,), seed=number + 1)), warm_up)
    return turns
