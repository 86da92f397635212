"""The contest of ``bench.peers``: Haltline, the floor and the peers on one venue."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import numpy as np

from bench.cores import pin_process
from bench.peers.environments import PEERS, python_of
from bench.rig.contest import Turns, floor_process, take_turns
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Round
from bench.rig.venue_client import VenueProcess, venue_process
from bench.row import Row, Sample, Target, make_rows

__all__ = ["FULL", "TINY", "Size", "run"]

_STOP_S = 10.0
_READY_S = 120.0


class Size(msgspec.Struct, frozen=True):
    """``pin``: the venue's process on the first core, the contestants on the others."""

    runtime: str
    peers: tuple[str, ...]
    rounds: int
    ticks: int
    warm_up: int
    gap_ns: int
    pin: tuple[int, ...] = ()


FULL = Size(
    runtime="ray",
    peers=("nautilus", "ccxt", "cryptofeed"),
    rounds=6,
    ticks=350,
    warm_up=50,
    gap_ns=5_000_000,
)
TINY = Size(runtime="local", peers=(), rounds=2, ticks=6, warm_up=1, gap_ns=3_000_000)


def run(size: Size) -> list[Row]:
    """One row per contestant; a peer that cannot take part says why.

    Raises UsageError when a peer cannot be installed, InvariantError when one does not start or sends what it should
    not, or when Haltline or the floor misses a tick.
    """
    able = [name for name in size.peers if PEERS[name].script]
    pythons = {name: python_of(PEERS[name]) for name in able}
    symbols = {name: f"{name.upper()}USDT" for name in ("haltline", "floor", *able)}
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as folder, ExitStack() as stack:
        directory = Path(folder)
        venue = stack.enter_context(
            venue_process(directory / "venue", tuple(symbols), tuple(symbols.values()), size.pin[:1])
        )
        for name in able:
            stack.enter_context(_peer_process(venue, name, symbols[name], pythons[name], size.pin[1:]))
        stack.enter_context(floor_process(venue, "floor", symbols["floor"], cores=size.pin[1:]))
        seat = Seat("haltline", symbols["haltline"])
        config = bench_config((seat,), venue.ready, directory / "engine", size.runtime)
        stack.enter_context(running_engine(config, size.pin[1:]))
        for symbol in symbols.values():
            venue.wait_for_contestant(symbol, _READY_S)
        plan = Round((), size.ticks, size.gap_ns, grace_ns=2_000_000_000 if able else Round((), 0, 0).grace_ns)
        turns = take_turns(venue, symbols, plan, size.rounds, size.warm_up, able)
    return make_rows("peers", "us", _samples(turns, able, [name for name in size.peers if name not in able]))


def _samples(turns: Turns, able: Sequence[str], unable: Sequence[str]) -> list[Sample]:
    peers = [turns.sample(name, "haltline")._replace(remark=_missed(turns, name)) for name in able]
    fastest = min(peers, key=lambda sample: float(np.median(sample.latencies_ns)), default=None)
    targets = (Target("ratio_p50", 1), Target("ratio_p99", 1))
    haltline = turns.sample("haltline", fastest.case, targets) if fastest else turns.sample("haltline")
    nothing = np.array([], dtype=np.int64)
    return [
        haltline,
        *peers,
        turns.sample("floor", "haltline"),
        *(Sample(name, nothing, remark=PEERS[name].cannot) for name in unable),
    ]


def _missed(turns: Turns, name: str) -> str:
    return f"{turns.share_missing(name):.0%} of the ticks unanswered" if turns.missing[name] else ""


@contextmanager
def _peer_process(
    venue: VenueProcess, name: str, symbol: str, python: str, cores: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    script = Path(__file__).parent / PEERS[name].script
    command = [python, str(script), symbol, str(venue.ready.port), *venue.ready.hmac_keys[name]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        if cores:
            pin_process(process.pid, cores)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
