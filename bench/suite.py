"""Which benches there are, how they are run, and how a run is shown and written.

A bench is a module with ``FULL`` and ``TINY`` sizes and ``run(size) -> list[Row]``; its header asks the question and
draws who talks to whom. It checks its own result and raises InvariantError when that is wrong: a fast wrong run fails.
Modules are imported only when they are run, since some need Ray or a recording.
"""

import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.cores import pinned
from bench.row import Row, row_document
from engine.errors import HaltlineError, UsageError

__all__ = [
    "BENCHES",
    "BY_NAME",
    "Wishes",
    "cells",
    "header",
    "machine",
    "question",
    "run_bench",
    "run_suite",
    "table",
    "verdict",
    "write_json",
]

BENCHES: tuple[str, ...] = (
    "histogram",
    "gate",
    "exposure",
    "hop",
    "market_data",
    "tick_to_trade",
    "order_entry",
    "throughput",
    "scale",
    "recovery",
    "kill",
)

#: Run only by name: they need something that is not installed with the rest, or longer than all others together.
BY_NAME: tuple[str, ...] = ("peers", "soak")

#: Those whose ``run`` takes a second argument, to tell how far it is.
_TELLING = ("soak",)

_VERSIONS_OF = ("haltline", "numpy", "numba", "msgspec", "uvloop", "websockets", "ray")


def _module(name: str) -> Any:
    if name not in (*BENCHES, *BY_NAME):
        raise UsageError(f"bench {name!r} is unknown; there are {', '.join((*BENCHES, *BY_NAME))}")
    return importlib.import_module(f"bench.{name}")


def header(name: str) -> str:
    """A bench's header: its question, then who talks to whom. Raises UsageError for an unknown bench."""
    return str(_module(name).__doc__)


def question(name: str) -> str:
    """The first line of a bench's header. Raises UsageError for an unknown bench."""
    return header(name).splitlines()[0]


class Wishes(NamedTuple):
    """What is asked of the benches that take it: a ``recording`` to read, the cores that may be used (``pin``), for how
    many ``seconds`` to go on; empty: as the bench's own size says."""

    recording: str = ""
    pin: tuple[int, ...] = ()
    seconds: float = 0.0


_NO_WISHES = Wishes()


def _unheard(share: float) -> None: ...


def run_bench(
    name: str, *, tiny: bool = False, wishes: Wishes = _NO_WISHES, tell: Callable[[float], None] = _unheard
) -> list[Row]:
    """Run one bench; one that lasts long ``tell``s how much of it is over, from 0 to 1.

    A bench of several processes puts the venue's on the first of them and what is measured on the others; everything
    else stays within them. Raises UsageError for an unknown bench, a bad recording or core, InvariantError when the
    result is wrong.
    """
    module = _module(name)
    size = module.TINY if tiny else module.FULL
    for field, value in wishes._asdict().items():
        if value and field in size.__struct_fields__:
            size = msgspec.structs.replace(size, **{field: value})
    with pinned(wishes.pin):
        rows: list[Row] = module.run(size, tell) if name in _TELLING else module.run(size)
    return rows


def run_suite(
    names: Sequence[str],
    console: Console,
    *,
    tiny: bool = False,
    wishes: Wishes = _NO_WISHES,
) -> tuple[list[Row], dict[str, str]]:
    """Run the named benches (none named: all) one after the other, printing each one's table as it ends.

    Returns the rows, and what went wrong by the name of the bench: one whose result was wrong has no rows, and does not
    keep the others from running. Raises UsageError as ``run_bench`` does.
    """
    for name in names:
        _module(name)
    rows: list[Row] = []
    failures: dict[str, str] = {}
    for name in names or BENCHES:
        try:
            with _progress(console, name) as tell:
                found = run_bench(name, tiny=tiny, wishes=wishes, tell=tell)
        except UsageError:
            raise
        except HaltlineError as error:
            failures[name] = str(error)
            console.print(f"[red]{name} failed[/red]: ", end="", highlight=False)
            console.print(str(error), markup=False, highlight=False, soft_wrap=True)
            continue
        console.print(table(name, found))
        rows += found
    return rows, failures


@contextmanager
def _progress(console: Console, name: str) -> Iterator[Callable[[float], None]]:
    """A bar that moves to and fro until the bench tells how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{name}: {question(name)}", total=None)
        yield lambda share: bar.update(task, total=1.0, completed=share)


def table(name: str, rows: Sequence[Row]) -> Table:
    """A bench's rows for people; ``÷`` is this case over its baseline, ``±`` the spread of the median over the run."""
    shown = Table(title=f"{name}: {question(name)}", title_justify="left")
    for column in ("case", "unit", "p50", "p90", "p99", "p99.9", "max", "count", "±", "baseline", "÷ p50", "÷ p99"):
        is_text = column in ("case", "unit", "baseline")
        shown.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    shown.add_column("target", no_wrap=True)
    for row in rows:
        shown.add_row(row.case, row.unit, *cells(row), verdict(row))
    return shown


def cells(row: Row) -> tuple[str, ...]:
    """Percentiles, count, spread, baseline and ratios as text, for a table of people."""
    percentiles = (row.p50, row.p90, row.p99, row.p99_9, row.max)
    return (
        *(f"{value:,.{1 if value >= 10 else 2}f}" if row.count else "" for value in percentiles),
        f"{row.count:,}",
        "" if row.spread is None else f"{row.spread:.0%}",
        row.baseline,
        *("" if ratio is None else f"{ratio:.3g}" for ratio in (row.ratio_p50, row.ratio_p99)),
    )


def verdict(row: Row) -> str:
    """The target, and whether it was met or how far off it is; and the remark."""
    reached = {True: ": met", False: f": missed, {row.distance or 0:.2f} ×", None: ""}[row.met]
    return "; ".join(part for part in (row.target + reached, row.sample.remark) if part)


def machine() -> dict[str, str]:
    """Where and with what a run was made: a number without it says nothing."""
    facts = {"system": platform.platform(), "kernel": platform.release(), "cpu": _cpu(), "cores": str(os.cpu_count())}
    facts["load"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
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
    """Write the rows as a list. Raises UsageError naming the file."""
    document = msgspec.json.format(msgspec.json.encode([row_document(row) for row in rows]), indent=2)
    try:
        path.write_bytes(document + b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
