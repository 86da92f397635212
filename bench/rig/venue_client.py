"""The venue's process, seen from the bench that commands it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.cores import pin_process
from bench.rig.orders import Books, Flood, Probe, Round, Shown, Taken, VenueFailed, VenueReady, VenueSpec
from engine.errors import InvariantError

__all__ = ["Times", "VenueProcess", "venue_process"]

_STOP_S = 10.0

_Answer = VenueReady | Taken | Shown | VenueFailed
_A = TypeVar("_A", VenueReady, Taken, Shown)


class Times(NamedTuple):
    """Monotonic ns: ``planned`` and ``written`` [ticks], ``arrived`` [ticks, orders], 0 for what never came."""

    planned: NDArray[np.int64]
    written: NDArray[np.int64]
    arrived: NDArray[np.int64]


class VenueProcess:
    """Made by ``venue_process``."""

    def __init__(self, process: subprocess.Popen[bytes], spec: VenueSpec) -> None:
        self._process = process
        self.ready = self._ask(spec, VenueReady)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for_contestant(self, symbol: str, timeout_s: float = 60.0, every_ns: int = 50_000_000) -> int:
        """Until an order answers a tick on ``symbol``; returns when it came. Raises InvariantError when none does."""
        taken = self._ask(Probe(symbol, int(timeout_s * 1e9), every_ns), Taken)
        return int(np.frombuffer(taken.arrived, dtype=np.int64)[0])

    def run(self, command: Round | Flood, *, may_miss: bool = False) -> Times:
        """Raises InvariantError when an order came that was not asked for, and, unless some may be missing, when one
        never came."""
        taken = self._ask(command, Taken)
        planned, written, arrived = (
            np.frombuffer(each, dtype=np.int64) for each in (taken.planned, taken.written, taken.arrived)
        )
        missing = int((arrived == 0).sum())
        if taken.strays or (missing and not may_miss):
            raise InvariantError(
                f"venue: {missing:,} of {len(arrived):,} orders never came; {taken.strays:,} came that nobody asked for"
            )
        return Times(planned, written, arrived.reshape(len(planned), command.orders))

    def show(self, books: Books) -> dict[int, int]:
        """Change a book; the planned time of each change by the best bid in ticks that it brought."""
        shown = self._ask(books, Shown)
        planned, bids = (np.frombuffer(each, dtype=np.int64).tolist() for each in (shown.planned, shown.bids))
        return dict(zip(bids, planned, strict=True))

    def _ask(self, message: VenueSpec | Probe | Round | Flood | Books, answer: type[_A]) -> _A:
        payload = msgspec.msgpack.encode(message)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(len(payload).to_bytes(4, "little") + payload)
            stdin.flush()
        except BrokenPipeError:
            pass  # its end is told below
        head = stdout.read(4)
        if len(head) < 4:
            raise InvariantError(f"the venue's process has ended with exit code {self._process.wait(_STOP_S)}")
        said = msgspec.msgpack.decode(stdout.read(int.from_bytes(head, "little")), type=_Answer)
        if not isinstance(said, answer):
            raise InvariantError(f"venue: {said.text if isinstance(said, VenueFailed) else said}")
        return said


@contextmanager
def venue_process(
    directory: Path, accounts: Sequence[str], symbols: Sequence[str], cores: Sequence[int] = ()
) -> Iterator[VenueProcess]:
    """Start a venue with these accounts and symbols, on ``cores`` when given; stop it at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.rig.venue_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        venue = VenueProcess(process, VenueSpec(str(directory), tuple(accounts), tuple(symbols)))
        if cores:
            pin_process(process.pid, cores)
        yield venue
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
