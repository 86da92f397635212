"""``haltline simulate``: seeded faults in virtual time, every promise checked after every event."""

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import count
from multiprocessing import get_context
from time import monotonic
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.screen import CONSOLE, print_json, two_columns
from cli.simulation.bugs import BUGS, Bug, planted
from cli.simulation.run import STEPS, TRACE_LINES, SeedResult, run_seed
from engine.errors import UsageError

__all__ = ["find_bug", "hunt", "parse_seeds", "simulate"]

_SEEDS = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?\Z")
#: So many seeds each bug gets before it counts as missed.
BUG_SEEDS = 60


def simulate(
    seeds: Annotated[str, typer.Option(help="A..B, both included, or one seed.")] = "1..20",
    steps: Annotated[int, typer.Option(help="Events of virtual time with faults, per seed.", min=100)] = STEPS,
    bugs: Annotated[
        bool, typer.Option("--bugs", help="Plant each deliberate bug and see which promise notices.")
    ] = False,
    bug: Annotated[str, typer.Option(help="Plant this deliberate bug, to see a failure replay.")] = "",
    trace: Annotated[
        int, typer.Option(help="Print the last so many events of each seed, whether it fails or not.", min=0)
    ] = 0,
    venue_power_cuts: Annotated[
        bool,
        typer.Option(
            "--venue-power-cuts", help="Power cuts do not spare the hosts of venue actors: not every seed holds yet."
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1, max=64)] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the engine against misbehaving venues, networks, clocks, disks and people, and check every promise.

    One seed is one run, exactly: a failure prints its seed, step, virtual time and the last events, and the same seed
    fails again in the same way. With [bold]--bugs[/bold], deliberate bugs are planted one by one; each must be caught.
    Exit code 0 only when no promise was broken, or every bug was caught.
    Example: [bold]haltline simulate --seeds 1..200[/bold]
    """
    first, last = parse_seeds(seeds)
    if bugs:
        ok = _hunt_all(first, last, steps, json)
    else:
        run = partial(_run, bug=find_bug(bug), steps=steps, lines=trace, power_cuts=venue_power_cuts)
        ok = _run_all(range(first, last + 1), run, jobs, json)
    if not ok:
        raise typer.Exit(1)


def parse_seeds(text: str) -> tuple[int, int]:
    """``A..B`` or ``A`` as (first, last). Raises UsageError."""
    match = _SEEDS.match(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise UsageError(f"seeds {text!r}: write A..B with A not above B, as in 1..200, or one seed")
    return first, last


def find_bug(name: str) -> Bug | None:
    """None for no name. Raises UsageError for one that nothing has."""
    found = next((each for each in BUGS if each.name == name), None)
    if name and found is None:
        raise UsageError(f"no bug is named {name!r}; they are {', '.join(each.name for each in BUGS)}")
    return found


# -- seeds ---------------------------------------------------------------------------------------------------------


def _run(seed: int, bug: Bug | None, steps: int, lines: int, power_cuts: bool) -> SeedResult:
    """``lines``: so much of the trace in any case; 0: the usual, and only of a failure."""
    with planted(bug) if bug is not None else nullcontext():
        return run_seed(seed, steps, lines or TRACE_LINES, always_trace=bool(lines), venue_power_cuts=power_cuts)


def _run_all(seeds: range, run: "partial[SeedResult]", jobs: int, json: bool) -> bool:
    began_s = monotonic()
    results: list[SeedResult] = []
    with _progress("seeds", len(seeds), json) as advance:
        for result in _results(seeds, run, jobs):
            results.append(result)
            advance()
            if not json and (result.promise or result.trace):
                _print_seed(result, run)
    took_s = monotonic() - began_s
    figures = _figures(results, took_s)
    if json:
        print_json({**figures, "broken": [msgspec.to_builtins(each) for each in results if each.promise]})
    else:
        rows = [(name.replace("_", " "), f"{value:,}") for name, value in figures.items()]
        CONSOLE.print(two_columns("simulation", rows))
        CONSOLE.print(
            f"{len(results):,} seeds, {figures['broken_seeds']:,} broken: {figures['virtual_seconds']:,} simulated "
            f"seconds in {figures['seconds']:,} s, {figures['virtual_seconds_per_minute']:,} a minute",
            highlight=False,
            soft_wrap=True,
        )
    return not figures["broken_seeds"]


def _results(seeds: range, run: "partial[SeedResult]", jobs: int) -> Iterator[SeedResult]:
    if jobs == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, seeds, chunksize=4)


@contextmanager
def _progress(what: str, total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """Yields what is to be called after each. A bar on a terminal; a line after each tenth where there is none."""
    if quiet or not CONSOLE.is_terminal:
        done, step = count(1), max(total // 10, 1)

        def advance() -> None:
            number = next(done)
            if not quiet and total > 1 and (number % step == 0 or number == total):
                CONSOLE.print(f"{number:,} of {total:,} {what}", highlight=False)

        yield advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as bar:
        yield partial(bar.advance, bar.add_task(what, total=total))


def _print_seed(result: SeedResult, run: "partial[SeedResult]") -> None:
    for line in result.trace:
        CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)
    end = f"seed {result.seed} at step {result.steps:,}, after {result.virtual_s:.6f} virtual seconds"
    if not result.promise:
        CONSOLE.print(f"no promise broken: {end}, digest {result.digest:08x}", highlight=False, soft_wrap=True)
        return
    CONSOLE.print(
        f"[red]{escape(result.promise)}[/red] broken by {end}: {escape(result.text)}", highlight=False, soft_wrap=True
    )
    bug, steps = run.keywords["bug"], run.keywords["steps"]
    more = (f" --bug {bug.name}" if bug is not None else "") + ("" if steps == STEPS else f" --steps {steps}")
    more += " --venue-power-cuts" if run.keywords["power_cuts"] else ""
    CONSOLE.print(f"again: haltline simulate --seeds {result.seed}{more}", highlight=False, soft_wrap=True)


def _figures(results: list[SeedResult], took_s: float) -> dict[str, float]:
    virtual_s = sum(result.virtual_s for result in results)
    return {
        "seeds": len(results),
        "broken_seeds": sum(bool(result.promise) for result in results),
        "steps": sum(result.steps for result in results),
        "orders": sum(result.orders for result in results),
        "virtual_seconds": round(virtual_s, 1),
        "seconds": round(took_s, 1),
        "virtual_seconds_per_minute": round(virtual_s / took_s * 60),
        "digest": sum(result.digest for result in results) & 0xFFFFFFFF,
    }


# -- bugs ----------------------------------------------------------------------------------------------------------


def hunt(bug: Bug, seeds: Iterable[int], steps: int = STEPS) -> SeedResult | None:
    """The first of ``seeds`` in which a promise that the bug breaks notices it; None: none does."""
    with planted(bug):
        for seed in seeds:
            result = run_seed(seed, steps)
            if result.promise in bug.breaks:
                return result
    return None


def _hunt_all(first: int, last: int, steps: int, json: bool) -> bool:
    table = Table(title="planted bugs", title_justify="left", box=None, pad_edge=False)
    for column in ("bug", "what", "caught by", "seed"):
        table.add_column(column)
    seeds = range(first, max(last, first + BUG_SEEDS - 1) + 1)
    found: dict[str, dict[str, object]] = {}
    with _progress("bugs", len(BUGS), json) as advance:
        for bug in BUGS:
            result = hunt(bug, seeds, steps)
            caught = {"promise": result.promise, "seed": result.seed, "text": result.text} if result else {}
            found[bug.name] = {"what": bug.what, "caught": result is not None, **caught}
            by = result.promise if result is not None else "[red]MISSED[/red]"
            table.add_row(bug.name, bug.what, by, str(result.seed) if result else f"none of {len(seeds)}")
            advance()
    missed = [name for name, each in found.items() if not each["caught"]]
    if json:
        print_json({"bugs": found, "missed": missed})
    else:
        CONSOLE.print(table)
        CONSOLE.print(f"{len(found) - len(missed)} of {len(found)} bugs caught", highlight=False)
    return not missed
