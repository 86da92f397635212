"""``haltline controls``: every control tried on the engine, and the page that lists them."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.controls.catalogue import chosen, page
from cli.controls.control import Control, Finding, Outcome, run_control
from cli.screen import CONSOLE, write_json

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="What regulation and the trade ask, tried on the engine.")
_STYLES = {Outcome.HOLDS: "green", Outcome.OPEN: "yellow", Outcome.DOES_NOT_APPLY: "dim", Outcome.BROKEN: "bold red"}


@app.command("report")
def report(
    only: Annotated[str, typer.Option(help="Numbers, as in 7,12; without it, all.")] = "",
    json: Annotated[Path | None, typer.Option("--json", help="Write the findings to this file ('-': stdout).")] = None,
) -> None:
    """Run the check behind each control and print: holds, does not apply (why), open (what is missing), broken.

    Each check works on an engine and venues of its own in virtual time; nothing of a running engine is touched.
    Exit code 0 when nothing is broken: what is open is listed, and is no failure of this command.
    Example: [bold]haltline controls report --only 7,12 --json findings.json[/bold]
    """
    quiet = json is not None and str(json) == "-"
    findings = _run(list(chosen(only)), quiet)
    document = _document(findings)
    if not quiet:
        _print(findings)
    if json is not None:
        write_json(document, json)
    if any(finding.outcome is Outcome.BROKEN for finding in findings):
        raise typer.Exit(1)


@app.command("page")
def print_page() -> None:
    """Print docs/controls.md.

    Example: [bold]haltline controls page > docs/controls.md[/bold]
    """
    print(page(), end="")


def _run(controls: list[Control], quiet: bool) -> list[Finding]:
    findings = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, transient=True, disable=quiet) as bar:
        task = bar.add_task("controls", total=len(controls))
        for control in controls:
            bar.update(task, description=f"{control.number}: {control.title}")
            findings.append(run_control(control))
            bar.advance(task)
    return findings


def _document(findings: list[Finding]) -> dict[str, Any]:
    return {
        "haltline": version("haltline"),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "counts": _counts(findings),
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }


def _counts(findings: list[Finding]) -> dict[str, int]:
    return {outcome.value: sum(each.outcome is outcome for each in findings) for outcome in Outcome}


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 1, 0))
    table.add_column("", justify="right", style="dim")
    table.add_column("control", ratio=2)
    table.add_column("result", no_wrap=True)
    table.add_column("tried, and what is missing", ratio=5)
    for each in findings:
        told = Table.grid()
        if each.evidence:
            told.add_row(each.evidence)
        if each.remark:
            told.add_row(f"{_PREFIX[each.outcome]}{each.remark}", style=_STYLES[each.outcome])
        style = _STYLES[each.outcome]
        table.add_row(
            str(each.number), f"{each.title}\n[dim]{each.source}[/dim]", f"[{style}]{each.outcome}[/{style}]", told
        )
    CONSOLE.print(table, highlight=False)
    seconds = sum(each.seconds for each in findings)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in _counts(findings).items() if count)
    CONSOLE.print(f"{len(findings)} controls in {seconds:.1f} s: {counts}", highlight=False)


_PREFIX = {Outcome.HOLDS: "", Outcome.OPEN: "missing: ", Outcome.DOES_NOT_APPLY: "because: ", Outcome.BROKEN: ""}
