"""The contest of ``bench.peers``: Haltline, the floor and the peers on one venue."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from bench.cores import pin_process
from bench.peers.books import BookWatch, book_command
from bench.peers.environments import PEERS, python_of
from bench.rig.contest import Turns, floor_process, take_turns
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Round
from bench.rig.venue_client import VenueProcess, venue_process
from bench.row import Row, Sample, Target, make_rows

__all__ = ["FULL", "TINY", "Size", "run"]

_STOP_S = 10.0
_READY_S = 120.0
#: A peer may leave ticks unanswered: they are not waited for long.
_PEERS_GRACE_NS = 2_000_000_000


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
    rounds=4,
    ticks=350,
    warm_up=50,
    gap_ns=5_000_000,
)
TINY = Size(runtime="local", peers=(), rounds=2, ticks=6, warm_up=1, gap_ns=3_000_000)


def run(size: Size) -> list[Row]:
    """One row per contestant, of orders and of books; a peer that cannot take part says why.

    Raises UsageError when a peer cannot be installed, InvariantError when one does not start or sends what it should
    not, or when Haltline or the floor misses a tick.
    """
    pythons = {name: python_of(PEERS[name]) for name in size.peers}
    able = [name for name in size.peers if PEERS[name].script]
    symbols = {name: f"{name.upper()}USDT" for name in ("haltline", "floor", *able)}
    books = {name: f"{name.upper()}BOOKUSDT" for name in ("haltline", *size.peers)}
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as folder, ExitStack() as stack:
        directory = Path(folder)
        files = {name: directory / f"{name}.seen" for name in books}
        venue = stack.enter_context(
            venue_process(
                directory / "venue", (*symbols, "watcher"), (*symbols.values(), *books.values()), size.pin[:1]
            )
        )
        start = partial(_peer_process, venue, size.pin[1:])
        for name in able:
            stack.enter_context(start(_order_command(pythons[name], PEERS[name].script, name, symbols[name], venue)))
        for name in size.peers:
            script = PEERS[name].book_script
            stack.enter_context(start(book_command(pythons[name], script, books[name], venue, files[name])))
        stack.enter_context(floor_process(venue, "floor", symbols["floor"], cores=size.pin[1:]))
        seats = _seats(symbols["haltline"], books["haltline"], files["haltline"])
        config = bench_config(seats, venue.ready, directory / "engine", size.runtime)
        stack.enter_context(running_engine(config, size.pin[1:]))
        for symbol in symbols.values():
            venue.wait_for_contestant(symbol, _READY_S)
        plan = Round((), size.ticks, size.gap_ns, grace_ns=_PEERS_GRACE_NS if able else Round((), 0, 0).grace_ns)
        turns = take_turns(venue, symbols, plan, size.rounds, size.warm_up, able)
        watch = BookWatch(venue, files, books)
        for name in books:
            watch.wait_for(name)
        watch.take_turns(size.rounds, size.ticks, size.gap_ns, size.warm_up)
        samples = [*_samples(turns, able), *watch.samples("haltline"), *_unable(size.peers)]
    return make_rows("peers", "us", samples)


def _seats(orders: str, book: str, file: Path) -> tuple[Seat, Seat]:
    watcher = Seat("watcher", book, source="bench.rig.watcher:Watcher", parameters=f'path = "{file}"')
    return Seat("haltline", orders), watcher


def _samples(turns: Turns, able: Sequence[str]) -> list[Sample]:
    peers = [turns.sample(name, "haltline")._replace(remark=_missed(turns, name)) for name in able]
    fastest = min(peers, key=lambda sample: float(np.median(sample.values)), default=None)
    targets = (Target("ratio_p50", 1), Target("ratio_p99", 1))
    haltline = turns.sample("haltline", fastest.case, targets) if fastest else turns.sample("haltline")
    return [haltline, *peers, turns.sample("floor", "haltline")]


def _unable(peers: Sequence[str]) -> list[Sample]:
    nothing = np.array([], dtype=np.int64)
    return [Sample(name, nothing, remark=PEERS[name].cannot) for name in peers if PEERS[name].cannot]


def _missed(turns: Turns, name: str) -> str:
    return f"{turns.share_missing(name):.1%} of the ticks unanswered" if turns.missing[name] else ""


def _order_command(python: str, script: str, account: str, symbol: str, venue: VenueProcess) -> list[str]:
    path = Path(__file__).parent / script
    return [python, str(path), symbol, str(venue.ready.port), *venue.ready.hmac_keys[account]]


@contextmanager
def _peer_process(
    venue: VenueProcess, cores: Sequence[int], command: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """It trusts the venue's own authority."""
    environment = {**os.environ, "SSL_CERT_FILE": venue.ready.ca_file}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
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
