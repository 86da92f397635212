"""How long does a frame take from one Ray-hosted actor to another and back, against a Ray actor call?

    frame      pinger ══NewOrder══▶ Unix socket, uvloop on both sides ══▶ echo      two Ray actors    ≤ 0.1 × ray_call
                      ◀════════════ length + msgpack, decoded at each end ══
    ray_call   pinger ──echo.echo.remote(NewOrder)──▶ Ray ──▶ echo                  the same two Ray actors
    floor      pinger ──the same bytes──▶ blocking Unix socket ──▶ plain process    no loop, nothing decoded there

Open loop at a planned rate, one message in flight; a late answer is charged to the messages behind it. Cases take turns
in rounds; the first rounds are warm-up. Checked: every echo is the order that was sent, field for field.

Without Ray (``with_ray=False``, for tests) the two ends of ``frame`` are plain processes and there is no ``ray_call``.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from bench.hop_ends import Ways, ping
from bench.row import Row, Sample, Target, make_rows
from engine.errors import InvariantError

__all__ = ["FULL", "TINY", "Size", "run"]

_START_SECONDS_MAX = 60


class Size(msgspec.Struct, frozen=True):
    rounds: int
    warm_up_rounds: int
    per_round: int
    interval_ns: int
    with_ray: bool = True


FULL = Size(rounds=12, warm_up_rounds=3, per_round=100, interval_ns=3_000_000)
TINY = Size(rounds=2, warm_up_rounds=1, per_round=5, interval_ns=1_000_000, with_ray=False)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when an echo differs or an end does not start."""
    with tempfile.TemporaryDirectory() as directory:
        floor_path, frame_path = str(Path(directory) / "floor"), str(Path(directory) / "frame")
        plan = (size.rounds, size.warm_up_rounds, size.per_round, size.interval_ns)
        with _echo_process("floor", floor_path):
            if size.with_ray:
                from bench.hop_ray import ping_between_ray_actors

                took = ping_between_ray_actors(plan, floor_path, frame_path)
            else:
                with _echo_process("frame", frame_path):
                    took = uvloop.run(ping(plan, Ways(floor_path, frame_path, None)))
    return make_rows("hop", "us", _samples(took))


def _samples(took: dict[str, list[int]]) -> list[Sample]:
    measured = {case: np.array(latencies_ns, dtype=np.int64) for case, latencies_ns in took.items()}
    if "ray_call" not in measured:
        return [Sample("frame", measured["frame"], "floor"), Sample("floor", measured["floor"])]
    ten_times_lower = (Target("ratio_p50", 0.1), Target("ratio_p99", 0.1))
    return [
        Sample("frame", measured["frame"], "ray_call", ten_times_lower),
        Sample("ray_call", measured["ray_call"]),
        Sample("floor", measured["floor"]),
    ]


@contextlib.contextmanager
def _echo_process(kind: str, path: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "bench.hop_ends", kind, path])
    try:
        deadline_s = time.monotonic() + _START_SECONDS_MAX
        while not Path(path).exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise InvariantError(f"bench hop: the {kind} echo did not start")
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(_START_SECONDS_MAX)
