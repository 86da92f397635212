"""How close to the memory's own speed is a full revaluation of exposure?

    revalue  1,000 rows x 1,000 instruments anew: net, gross and worst case of each row     ≥ 60 % of memcpy's bandwidth
    fill     one execution: three rows, incrementally
    memcpy   baseline: copying half as many bytes as a revaluation reads, so that the same number crosses the bus

Cases take turns. Checked: the incremental sums equal the revalued ones.
"""

import time

import msgspec
import numpy as np

from bench.pace import quiet_gc
from bench.row import Row, Sample, Target, make_rows
from engine.codes import Side
from engine.errors import InvariantError
from risk.exposure import ExposureTable, Holder

__all__ = ["FULL", "TINY", "Size", "run"]

_LEAST_SHARE = 0.6
_FILLS = 100


class Size(msgspec.Struct, frozen=True):
    rounds: int
    warm_up_rounds: int
    rows: int
    instruments: int


FULL = Size(rounds=300, warm_up_rounds=20, rows=1_000, instruments=1_000)
TINY = Size(rounds=3, warm_up_rounds=1, rows=4, instruments=16)


def run(size: Size) -> list[Row]:
    """One row per case. Raises InvariantError when a revaluation differs from what was kept."""
    table = _table(size)
    cells = table._position.size * 3
    source, target = np.zeros(cells // 2, dtype=np.int64), np.ones(cells // 2, dtype=np.int64)
    took: dict[str, list[float]] = {"revalue": [], "fill": [], "memcpy": []}
    with quiet_gc():
        for number in range(size.warm_up_rounds + size.rounds):
            start = time.perf_counter_ns()
            table.revalue()
            after_revalue = time.perf_counter_ns()
            for each in range(_FILLS):
                table.fill(f"a{each % (size.rows // 2)}", "s", each % size.instruments, Side.BUY, 1, 10)
            after_fills = time.perf_counter_ns()
            np.copyto(target, source)
            end = time.perf_counter_ns()
            if number >= size.warm_up_rounds:
                took["revalue"].append(after_revalue - start)
                took["fill"].append((after_fills - after_revalue) / _FILLS)
                took["memcpy"].append(end - after_fills)
    kept = table.of(), table.of(Holder("a0"))
    table.revalue()
    if kept != (table.of(), table.of(Holder("a0"))):
        raise InvariantError(f"bench exposure: kept {kept[0]}, revalued {table.of()}")
    share = Target("ratio_p50", round(1 / _LEAST_SHARE, 2))
    return make_rows(
        "exposure",
        "us",
        [
            Sample("revalue", np.array(took["revalue"]), "memcpy", (share,)),
            Sample("fill", np.array(took["fill"])),
            Sample("memcpy", np.array(took["memcpy"])),
        ],
    )


def _table(size: Size) -> ExposureTable:
    """Half of the rows are accounts', half their strategies'; every cell holds something."""
    accounts = {f"a{number}": ("s",) for number in range(size.rows // 2)}
    table = ExposureTable(accounts, [f"asset{number}" for number in range(size.instruments)])
    random = np.random.default_rng(1)
    table._position[:] = random.integers(-1_000, 1_000, table._position.shape)
    table._buys[:] = random.integers(0, 1_000, table._position.shape)
    table._sells[:] = random.integers(0, 1_000, table._position.shape)
    table._marks[:] = random.integers(1, 10**6, size.instruments)
    table.revalue()
    return table
