"""Which benches there are, and how a run of them is shown and written.

A bench is a module with ``FULL`` and ``TINY`` sizes and ``run(size) -> list[Row]``; its header asks the question and
draws who talks to whom. It checks its own result and raises InvariantError when that is wrong: a fast wrong run fails.
Modules are imported only when they are run, since some need Ray or a recording.
"""

import importlib
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.row import Row
from engine.errors import UsageError

__all__ = ["BENCHES", "machine", "question", "run_bench", "run_suite", "table", "write_json"]

BENCHES: tuple[str, ...] = ("histogram", "gate", "exposure", "hop", "market_data")

_VERDICTS = {True: ": met", False: ": missed", None: ""}
_VERSIONS_OF = ("numpy", "numba", "msgspec", "uvloop", "ray")


def _module(name: str) -> Any:
    if name not in BENCHES:
        raise UsageError(f"bench {name!r} is unknown; there are {', '.join(BENCHES)}")
    return importlib.import_module(f"bench.{name}")


def question(name: str) -> str:
    """The first line of a bench's header. Raises UsageError for an unknown bench."""
    return str(_module(name).__doc__).splitlines()[0]


def run_bench(name: str, *, tiny: bool = False, recording: str = "") -> list[Row]:
    """Run one bench; ``recording`` is for those that read one.

    Raises UsageError for an unknown bench or a bad recording, InvariantError when the result is wrong.
    """
    module = _module(name)
    size = module.TINY if tiny else module.FULL
    if recording and "recording" in size.__struct_fields__:
        size = msgspec.structs.replace(size, recording=recording)
    rows: list[Row] = module.run(size)
    return rows


def run_suite(names: Sequence[str], console: Console, *, tiny: bool = False, recording: str = "") -> list[Row]:
    """Run the named benches (none named: all) one after the other, printing each one's table as it ends."""
    for name in names:
        _module(name)
    rows: list[Row] = []
    for name in names or BENCHES:
        with console.status(f"{name}: {question(name)}"):
            found = run_bench(name, tiny=tiny, recording=recording)
        console.print(table(name, found))
        rows += found
    return rows


def table(name: str, rows: Sequence[Row]) -> Table:
    """A bench's rows for people; ``÷`` is this case over its baseline."""
    shown = Table(title=f"{name}: {question(name)}", title_justify="left")
    for column in (
        "case",
        "unit",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "count",
        "baseline",
        "÷ p50",
        "÷ p99",
        "target",
    ):
        is_text = column in ("case", "unit", "baseline", "target")
        shown.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        percentiles = (row.p50, row.p90, row.p99, row.p99_9, row.max)
        shown.add_row(
            row.case,
            row.unit,
            *(f"{value:,.{1 if value >= 10 else 2}f}" for value in percentiles),
            f"{row.count:,}",
            row.baseline,
            *("" if ratio is None else f"{ratio:.3g}" for ratio in (row.ratio_p50, row.ratio_p99)),
            f"{row.target}{_VERDICTS[row.met]}",
        )
    return shown


def machine() -> dict[str, str]:
    """Where and with what a run was made: a number without it says nothing."""
    facts = {"system": platform.platform(), "cpu": _cpu(), "cores": str(os.cpu_count())}
    facts["python"] = sys.version.split()[0]
    return facts | {name: version(name) for name in _VERSIONS_OF}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Write ``{"machine": {…}, "rows": [{…}, …]}``. Raises UsageError naming the file."""
    document = msgspec.json.format(msgspec.json.encode({"machine": machine(), "rows": rows}), indent=2)
    try:
        path.write_bytes(document + b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
