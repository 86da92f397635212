"""``haltline venues``: whether the adapters are what they should be."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.conformance.row import RowResult, run_row
from cli.conformance.suite import ROWS, SIGNATURES, STAGES, check_vector
from cli.restarts import restarts
from cli.screen import CONSOLE, ERRORS, print_json
from cli.venue_trials import fault_files, run_fault_file
from engine.errors import UsageError

__all__ = ["app"]

_FAULT_FILES = "fault files"

app = typer.Typer(no_args_is_help=True, help="Hold the venues' adapters against the suite that each has to pass.")


@app.callback()
def venues() -> None:
    """Hold the venues' adapters against the suite that each has to pass."""


app.command()(restarts)


@app.command()
def check(
    venue: Annotated[list[str] | None, typer.Argument(help="binance, coinbase, kraken; all of them if none.")] = None,
    match: Annotated[str, typer.Option("--match", help="Only what has this text in its group or name.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print every result as JSON.")] = False,
) -> None:
    """Run every conformance row, fault file and signature vector of each venue, in memory and virtual time.

    Exit code 1 when one of them does not pass. Example: [bold]haltline venues check kraken[/bold]
    """
    names = list(dict.fromkeys(venue or STAGES))
    for name in names:
        if name not in STAGES:
            raise UsageError(f"no venue {name!r}: it can be {', '.join(STAGES)}")
    results = _run(names, match)
    if not results:
        raise UsageError(f"nothing has {match!r} in its group or name")
    if json:
        print_json([msgspec.structs.asdict(result) | {"passed": result.passed} for result in results])
    else:
        for name in names:
            CONSOLE.print(_table(name, [result for result in results if result.venue == name]))
    failed = [result for result in results if not result.passed]
    if failed:
        ERRORS.print(f"{len(failed)} of {len(results)} do not pass", style="bold red")
        raise typer.Exit(1)
    if not json:
        CONSOLE.print(f"all {len(results)} pass", style="bold green")


def _run(names: list[str], match: str) -> list[RowResult]:
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=ERRORS, transient=True)
    results = []
    with bar:
        for name in names:
            checks = [check for check in _checks(name) if match in check.group or match in check.name]
            task = bar.add_task(name, total=len(checks))
            for check in checks:
                bar.update(task, description=f"{name}: {check.group}")
                results.append(check.run())
                bar.advance(task)
    return results


class _Check(NamedTuple):
    group: str
    name: str
    run: Callable[[], RowResult]


def _checks(venue: str) -> Iterator[_Check]:
    stage = STAGES[venue]
    for vector in stage.vectors():
        yield _Check(SIGNATURES, vector.name, partial(check_vector, vector, stage))
    for row in ROWS:
        yield _Check(row.group, row.name, partial(run_row, row, stage))
    for path in fault_files(venue):
        yield _Check(_FAULT_FILES, path.stem, partial(_play, venue, path))


def _play(venue: str, path: Path) -> RowResult:
    result = run_fault_file(venue, path)
    incident = f" (incident {result.incident})" if result.incident else ""
    return RowResult(venue, _FAULT_FILES, f"{result.name}{incident}: {result.about}", "; ".join(result.failures))


def _table(name: str, results: list[RowResult]) -> Table:
    """A line each, grouped; what fails says why, what makes no sense at the venue says so."""
    table = Table(title=name, title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    group = ""
    for result in results:
        if result.group != group:
            group = result.group
            table.add_row("", f"[dim]{group}[/dim]")
        sign = "[dim]–[/dim]" if result.absent else "[green]✓[/green]" if result.passed else "[red]✗[/red]"
        text = result.name
        if result.absent:
            text = f"[dim]{result.name}: {result.absent}[/dim]"
        elif result.failure:
            text = f"{result.name}\n[red]{result.failure}[/red]"
        table.add_row(sign, text)
    return table
