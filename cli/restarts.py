"""``haltline venues restarts``: a venue whose process is killed again and again under an engine that trades."""

import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.screen import CONSOLE, ERRORS, print_json
from cli.venue_restarts import RestartResult, run_restarts
from cli.venue_trials.venues import TRIAL_VENUES
from engine.errors import UsageError

__all__ = ["restarts"]


def restarts(
    venue: Annotated[list[str] | None, typer.Argument(help="binance, coinbase, kraken; all of them if none.")] = None,
    times: Annotated[int, typer.Option(help="How often each is killed.", min=1, max=1_000)] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the market, of the strategy and of the blows.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print every result as JSON.")] = False,
) -> None:
    """Trade at a simulated venue whose process gets SIGKILL over and over and comes back, then compare the books.

    Exit code 1 unless, at each venue, no order is lost, none doubled, and every one has ended in one terminal report.
    Some 5 s for each restart. Example: [bold]haltline venues restarts kraken --times 20[/bold]
    """
    names = list(dict.fromkeys(venue or TRIAL_VENUES))
    for name in names:
        if name not in TRIAL_VENUES:
            raise UsageError(f"no venue {name!r}: it can be {', '.join(TRIAL_VENUES)}")
    results = _run(names, times, seed)
    if json:
        print_json([msgspec.structs.asdict(result) | {"passed": result.passed} for result in results])
    else:
        CONSOLE.print(_table(results))
    failed = [result for result in results if not result.passed]
    for result in failed:
        for failure in result.failures:
            ERRORS.print(f"{result.venue}: {failure}", style="red", highlight=False, markup=False)
    if failed:
        raise typer.Exit(1)


def _run(names: list[str], times: int, seed: int) -> list[RestartResult]:
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=ERRORS, transient=True)
    results = []
    with bar:
        for name in names:
            task = bar.add_task(name, total=times)

            def on_blow(number: int, task: TaskID = task, name: str = name) -> None:
                bar.update(task, completed=number, description=f"{name}: killed {number} times")

            with tempfile.TemporaryDirectory(prefix="haltline-") as directory:
                results.append(run_restarts(name, times, Path(directory), seed, on_blow))
    return results


def _table(results: list[RestartResult]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("venue", "killed", "submitted", "taken", "fills", "in doubt", "replay", ""):
        table.add_column(title, justify="left" if title in ("venue", "") else "right")
    for each in results:
        faster = each.venue_seconds / max(each.replay_seconds, 1e-9)
        table.add_row(
            each.venue,
            f"{each.restarts}",
            f"{each.submitted:,}",
            f"{each.taken:,}",
            f"{each.fills:,}",
            f"{each.in_doubt:,}",
            f"{faster:,.0f}x",
            "[green]one end each[/green]" if each.passed else "[bold red]does not hold[/bold red]",
        )
    return table
