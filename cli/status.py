"""``haltline status``: what every actor of a running engine says of itself."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from actors.places import actors_of, latch_path, run_dir
from actors.runtime.observer import BlockingObserver
from cli.screen import CONSOLE, print_json
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import Reason
from engine.errors import HaltlineError, UsageError
from engine.messages import StatusReport, StatusRequest
from risk.latch import LatchCause, view_latch

__all__ = ["ask_actor", "ask_all", "status"]


def status(
    config: Annotated[Path, typer.Option(help="The running engine's TOML file.")],
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show each actor's state, its counters and refusals, and the latch.

    Exit code 1 when an actor does not answer. Example: [bold]haltline status --config desk.toml[/bold]
    """
    settings = load_config(config, check_files=False)
    reports = ask_all(settings)
    latch = view_latch(latch_path(settings))
    cause = latch.cause()
    if json:
        print_json(
            {
                "latch": "trading" if cause is None else _cause_dict(cause),
                "actors": {name: None if r is None else _report_dict(r) for name, r in reports.items()},
            }
        )
    else:
        word = (
            "[green]trading[/green]"
            if cause is None
            else f"[red]halted[/red] {cause.kill_id} by {cause.by}: {cause.reason}"
        )
        CONSOLE.print(f"latch  {word}", highlight=False)
        CONSOLE.print(_table(reports))
    if any(report is None for report in reports.values()):
        raise typer.Exit(1)


def _report_dict(report: StatusReport) -> dict[str, object]:
    """A report by the names of its fields, refusals by the names of their reasons."""
    named = {field: getattr(report, field) for field in report.__struct_fields__ if field != "nonce"}
    return named | {"refusals": {Reason(code).name.lower(): count for code, count in report.refusals.items()}}


def _cause_dict(cause: LatchCause) -> dict[str, object]:
    return msgspec.structs.asdict(cause) | {"mode": cause.mode.name.lower()}


def ask_actor(config: EngineConfig, actor: str, timeout_s: float = 2.0) -> StatusReport | None:
    """One actor's report; None when it does not answer."""
    try:
        with BlockingObserver(str(run_dir(config)), actor, timeout_s) as observer:
            return observer.request(StatusRequest(1), StatusReport, timeout_s)
    except (HaltlineError, OSError):
        return None


def ask_all(config: EngineConfig) -> dict[str, StatusReport | None]:
    """Every actor's report, in the order of the wiring. Raises UsageError when the engine never ran here."""
    if not run_dir(config).is_dir():
        raise UsageError(
            f"no engine has run with state directory {config.engine.state_dir}: start it with haltline run"
        )
    return {actor: ask_actor(config, actor) for actor in actors_of(config)}


def _table(reports: dict[str, StatusReport | None]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("actor", "state", "counters", "refusals"):
        table.add_column(name, overflow="fold")
    for actor, report in reports.items():
        if report is None:
            table.add_row(actor, "[red]no answer[/red]", "", "")
            continue
        counters = "  ".join(f"{key} {value:,}" for key, value in report.counters.items() if value)
        refusals = "  ".join(f"{Reason(key).name.lower()} {count:,}" for key, count in report.refusals.items())
        table.add_row(actor, report.state, counters, refusals)
    return table
