"""``haltline kill``: the red button. The latch is written first, by this very process; everything else comes after."""

import getpass
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from actors.places import KILL_SWITCH, latch_path, run_dir, trading_names
from actors.runtime.observer import BlockingObserver
from cli.kill_drill import drill
from cli.kill_release import approve, keygen, receipt, release, status
from cli.screen import CONSOLE, ERRORS, micros, print_json
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.errors import HaltlineError, UsageError
from engine.messages import Kill, KillReceipt
from risk.latch import LatchCause, LatchPage
from risk.scope import Scope, parse_scope

__all__ = ["app", "press", "receipt_dict"]

app = typer.Typer(no_args_is_help=False, invoke_without_command=True)
app.command("drill")(drill)
for _command in (approve, release, status, receipt, keygen):
    app.command(_command.__name__)(_command)

_MODES = {mode.name.lower(): mode for mode in sorted(KillMode, key=lambda mode: mode.rank)}
CONFIRM_S = 30.0


@app.callback()
def kill(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The running engine's TOML file.")] = None,
    scope: Annotated[
        str, typer.Option(help="global; or venue:NAME, account:ID, strategy:ID, instrument:SYMBOL, joined by +.")
    ] = "",
    mode: Annotated[
        str,
        typer.Option(
            help="reduce: only what shrinks a position. halt: no new order. cancel: halt, and cancel until none is "
            "left. flatten: cancel, then close the positions."
        ),
    ] = "cancel",
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Halt everything in a scope; with mode [bold]cancel[/bold] also cancel until the venues confirm that none is left.

    Works with no engine alive: the latch is halted all the same, and an engine that starts later stays halted, until
    two people release it (approve, release).
    Exit code 0 only when the mode's last stage was confirmed.
    Example: [bold]haltline kill --config desk.toml --scope global --mode cancel --reason "runaway quotes"[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise UsageError("kill: name the engine's configuration with --config FILE")
    if mode not in _MODES:
        raise UsageError(f"kill: mode {mode!r} is not one of {', '.join(_MODES)}")
    if not reason:
        raise UsageError("kill: say why with --reason TEXT; it goes on the record")
    told: KillReceipt | None = None
    try:
        for told in press(load_config(config, check_files=False), scope, _MODES[mode], reason):
            if not json:
                CONSOLE.print(_line(told), highlight=False)
    except (HaltlineError, OSError) as error:
        if told is None or isinstance(error, UsageError):
            raise
        ERRORS.print(f"haltline: {error}", markup=False)
    if told is not None and json:
        print_json(receipt_dict(told))
    if told is None or not told.complete:
        ERRORS.print(
            "haltline: the latch is halted, so no engine of this state directory sends a new order; cancels were not "
            "confirmed: look at the venue's own open orders",
            markup=False,
        )
        raise typer.Exit(1)


def press(
    config: EngineConfig, scope: str, mode: KillMode, reason: str, trigger: str = "person"
) -> Iterator[KillReceipt]:
    """Halt ``scope`` and yield the receipts as the stages complete; the last one is complete, or nobody answered.

    A latch that cannot be written (lost, damaged, another user's) does not end it: an engine that runs has the page
    mapped, so its kill switch actor can still halt it. Raises UsageError when that actor does not answer either, and
    for a blank or unknown scope (nothing is halted then: a scope is never widened).
    """
    pressed_ns = time.monotonic_ns()
    parsed = parse_scope(scope, trading_names(config))
    if parsed.is_drill:
        raise UsageError("kill scope 'drill' stops nobody; to rehearse a kill use: haltline kill drill")
    kill_id = f"{time.time_ns() // 1000:x}-{os.getpid():x}"
    page, trouble = _killed_latch(config, kill_id, parsed, mode)
    latched_ns = 0 if page is None else time.monotonic_ns()
    kill = Kill(kill_id, scope, mode, reason, getpass.getuser(), trigger, pressed_ns, latched_ns)
    try:
        with BlockingObserver(str(run_dir(config)), KILL_SWITCH) as observer:
            observer.send(kill)
            if page is None:
                ERRORS.print(f"haltline: {trouble}; the kill switch actor is asked instead", markup=False)
            else:
                _write_cause(page, parsed, kill)
            yield from _receipts(observer)
    except (UsageError, OSError) as error:
        if page is None:
            raise UsageError(
                f"nobody has confirmed that anything is halted: {trouble}, and no kill switch actor answers ({error}); "
                "end the processes of the engine, then cancel at the venue"
            ) from error
        _write_cause(page, parsed, kill)
        ERRORS.print(f"haltline: latched, but no kill switch actor answers ({error})", markup=False)


def _killed_latch(config: EngineConfig, kill_id: str, scope: Scope, mode: KillMode) -> tuple[LatchPage | None, str]:
    """The latch with the kill stored by now; or None, and why it could not be."""
    try:
        page = LatchPage.open(latch_path(config))
        page.store(kill_id, scope, mode)
    except UsageError as error:
        return None, str(error)
    return page, ""


def _receipts(observer: BlockingObserver) -> Iterator[KillReceipt]:
    deadline = time.monotonic() + CONFIRM_S
    while True:
        message = observer.receive(max(deadline - time.monotonic(), 0.001))
        if isinstance(message, KillReceipt):
            yield message
            if message.complete:
                return


def _write_cause(page: LatchPage, scope: Scope, kill: Kill) -> None:
    cause = LatchCause(kill.kill_id, kill.by, kill.reason, kill.mode, time.time_ns(), trigger=kill.trigger)
    page.latch(scope, cause)


def receipt_dict(receipt: KillReceipt) -> dict[str, object]:
    return {
        "kill_id": receipt.kill_id,
        "scope": receipt.scope,
        "mode": receipt.mode.name.lower(),
        "reason": receipt.reason,
        "by": receipt.by,
        "trigger": receipt.trigger,
        "wall_time_ns": receipt.wall_time_ns,
        "stages_us": {stage.stage: micros(stage.after_ns) for stage in receipt.stages},
        "waiting_for": list(receipt.waiting_for),
        "open_orders": receipt.open_orders,
        "unknown_orders": receipt.unknown_orders,
        "complete": receipt.complete,
        "failures": list(receipt.failures),
    }


def _line(receipt: KillReceipt) -> Table:
    table = Table.grid(padding=(0, 2))
    stages = "  ".join(f"{stage.stage} {micros(stage.after_ns):,.0f} µs" for stage in receipt.stages)
    state = "[green]complete[/green]" if receipt.complete else f"waiting for {', '.join(receipt.waiting_for) or '…'}"
    table.add_row(f"kill {receipt.kill_id}", stages, state)
    for failure in receipt.failures:
        table.add_row("", f"[red]{failure}[/red]", "")
    return table
