"""``haltline bench [NAME…]``: measure what Haltline promises."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cores import parse_cores
from bench.report import write_report
from bench.suite import BENCHES, BY_NAME, Wishes, header, machine, question, run_suite, write_json

__all__ = ["bench"]

_WIDTH_PIPED = 180


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which benches; none: all but peers and soak.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the rows to this file.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an HTML report with plots to DIR/index.html.")
    ] = None,
    pin: Annotated[
        str, typer.Option(metavar="CORES", help="Use these cores only, such as 0,1: the first for the venue.")
    ] = "",
    recording: Annotated[
        str, typer.Option(metavar="FILE", help="A recorded market stream, for benches that read one.")
    ] = "",
    seconds: Annotated[
        float, typer.Option(metavar="N", min=0, help="How long soak goes on; without it: ten minutes.")
    ] = 0.0,
    list_: Annotated[bool, typer.Option("--list", help="List the benches and what they ask.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="At the size of the tests: shows that it works.")] = False,
) -> None:
    """Measure what Haltline promises, each case beside its baseline, in turns, in one run.

    A wrong result fails the run (exit code 1), however fast it was; a missed target is shown and fails nothing, as it
    depends on the machine. Example: [bold]haltline bench gate hop --report out/ --json bench.json[/bold]
    """
    # A pipe has no width: tables are as wide as they must be there.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_PIPED)
    if list_:
        for name in (*BENCHES, *BY_NAME):
            console.print(f"[bold]{name:14}[/bold] {question(name)}", highlight=False)
        return
    facts = machine()
    console.print("  ".join(f"{fact} {value}" for fact, value in facts.items()), highlight=False)
    rows, failures = run_suite(names or (), console, tiny=tiny, wishes=Wishes(recording, parse_cores(pin), seconds))
    if json is not None:
        write_json(json, rows)
    if report is not None:
        path = write_report(report, rows, failures, facts, header)
        console.print(f"report: {path}", highlight=False, soft_wrap=True)
    if failures:
        raise typer.Exit(1)
