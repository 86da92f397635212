"""What does TLS on order entry cost, in the engine and in a script?

    venue process ══tick, plain WebSocket══▶ venue actor, strategy co-located  ══order, plain WebSocket══▶ venue   plain
                                                                               ══order, TLS══════════════▶         tls
                  ══tick, plain WebSocket══▶ floor script                      ══order, plain or TLS═════▶     floor_*

As bench tick_to_trade: both clock readings are the venue's, from the planned time of a tick to the bytes of its order,
here *decrypted*, so that the venue's own share of TLS is in it. Ticks are plain in every case: what differs is order
entry alone. The engine's TLS is its own, on memory buffers (``actors/runtime/tls.py``), the script's is uvloop's.

Checked: each tick is answered by exactly one order at its own price, and the venue accepts it.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench.rig.contest import floor_process, take_turns
from bench.rig.engine import Seat, bench_config, running_engine
from bench.rig.orders import Round
from bench.rig.venue_client import venue_process
from bench.row import Row, make_rows

__all__ = ["FULL", "TINY", "Size", "run"]

_SEATS = (Seat("plain", "PLAINUSDT"), Seat("tls", "TLSUSDT", tls=True))
_FLOORS = (("floor_plain", "FLOORUSDT", False), ("floor_tls", "FLOORTLSUSDT", True))


class Size(msgspec.Struct, frozen=True):
    """``pin``: the venue's process on the first core, the contestants on the others."""

    runtime: str
    rounds: int
    ticks: int
    warm_up: int
    gap_ns: int
    pin: tuple[int, ...] = ()


FULL = Size(runtime="ray", rounds=5, ticks=350, warm_up=50, gap_ns=5_000_000)
TINY = Size(runtime="local", rounds=2, ticks=6, warm_up=1, gap_ns=3_000_000)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when an order is missing, or there is one too many."""
    symbols = {seat.name: seat.symbol for seat in _SEATS} | {name: symbol for name, symbol, _ in _FLOORS}
    with tempfile.TemporaryDirectory(prefix="haltline-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        venue = stack.enter_context(
            venue_process(directory / "venue", tuple(symbols), tuple(symbols.values()), size.pin[:1])
        )
        for account, symbol, tls in _FLOORS:
            stack.enter_context(floor_process(venue, account, symbol, tls=tls, cores=size.pin[1:]))
        config = bench_config(_SEATS, venue.ready, directory / "engine", size.runtime)
        stack.enter_context(running_engine(config, size.pin[1:]))
        for symbol in symbols.values():
            venue.wait_for_contestant(symbol)
        turns = take_turns(venue, symbols, Round((), size.ticks, size.gap_ns), size.rounds, size.warm_up)
    baselines = {"plain": "floor_plain", "tls": "plain", "floor_plain": "", "floor_tls": "floor_plain"}
    return make_rows("order_entry", "us", [turns.sample(case, baseline) for case, baseline in baselines.items()])
