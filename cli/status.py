"""``haltline status``: what every actor of a running engine says of itself."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.places import actors_of, latch_path, run_dir
from actors.runtime.observer import BlockingObserver
from cli.screen import CONSOLE, print_json
from cli.status_table import actors_table, latch_lines
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import Reason
from engine.errors import HaltlineError, UsageError
from engine.messages import StatusReport, StatusRequest
from risk.latch import LatchCause, LatchedKill, view_latch

__all__ = ["ask_actor", "ask_all", "status"]


def status(
    config: Annotated[Path, typer.Option(help="The running engine's TOML file.")],
    verbose: Annotated[bool, typer.Option("--verbose", help="Every counter of every actor.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show which kills are on, and each actor's state, why it is in it, and what it has done.

    Exit code 1 when an actor does not answer or has failed. Example: [bold]haltline status --config desk.toml[/bold]
    """
    settings = load_config(config, check_files=False)
    reports = ask_all(settings)
    latch = view_latch(latch_path(settings))
    cause = latch.cause()
    if json:
        print_json(
            {
                "latch": "trading" if cause is None else _cause_dict(cause),
                "kills": [_kill_dict(kill) for kill in latch.kills()],
                "actors": {name: None if r is None else _report_dict(r) for name, r in reports.items()},
            }
        )
    else:
        for line in latch_lines(latch):
            CONSOLE.print(line, highlight=False)
        CONSOLE.print(actors_table(reports, verbose=verbose))
        CONSOLE.print(f"[dim]log    {run_dir(settings) / 'log.jsonl'}[/dim]", highlight=False, soft_wrap=True)
    if any(report is None or report.state == "failed" for report in reports.values()):
        raise typer.Exit(1)


def _report_dict(report: StatusReport) -> dict[str, object]:
    """A report by the names of its fields, refusals by the names of their reasons."""
    named = {field: getattr(report, field) for field in report.__struct_fields__ if field != "nonce"}
    return named | {"refusals": {Reason(code).name.lower(): count for code, count in report.refusals.items()}}


def _kill_dict(kill: LatchedKill) -> dict[str, object]:
    known = {} if kill.cause is None else _cause_dict(kill.cause)
    return known | {"scope": kill.scope.text, "mode": kill.mode.name.lower()}


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
