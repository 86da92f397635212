"""``haltline kill``: the red button. The latch is written first, by this very process; everything else comes after."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from actors.places import KILL_SWITCH, latch_in, run_in, trading_names, venue_actor
from actors.runtime.observer import BlockingObserver
from actors.runtime.urgency import urgently
from cli.kill_cancel import cancel
from cli.kill_drill import drill
from cli.kill_release import approve, keygen, receipt, release, status
from cli.screen import CONSOLE, ERRORS, micros, print_json, user_name
from cli.seal import Sealer
from config.loader import load_config, state_dir_of
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.errors import HaltlineError, UsageError
from engine.messages import Kill, KillReceipt, VenueSeal
from risk.latch import LatchCause, LatchPage
from risk.scope import Scope, parse_scope, read_scope

__all__ = ["app", "press", "press_in", "receipt_dict"]

app = typer.Typer(no_args_is_help=False, invoke_without_command=True)
app.command("drill")(drill)
app.command("cancel")(cancel)
for _command in (approve, release, status, receipt, keygen):
    app.command(_command.__name__)(_command)

_MODES = {mode.name.lower(): mode for mode in sorted(KillMode, key=lambda mode: mode.rank)}
CONFIRM_S = 30.0


@app.callback()
def kill(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The running engine's TOML file.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="The engine's state directory, instead of --config: no file is read then.")
    ] = None,
    scope: Annotated[
        str, typer.Option(help="global; or venue:NAME, account:ID, strategy:ID, instrument:VENUE:SYMBOL, joined by +.")
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
    two people release it (approve, release). A broken configuration will do, as long as its state_dir can be read.
    Exit code 0 only when the mode's last stage was confirmed.
    Example: [bold]haltline kill --config desk.toml --scope global --mode cancel --reason "runaway quotes"[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    if mode not in _MODES:
        raise UsageError(f"kill: mode {mode!r} is not one of {', '.join(_MODES)}")
    if not reason.strip():
        raise UsageError("kill: say why with --reason TEXT; it goes on the record")
    state, covered = _where(config, state_dir, scope)
    told: KillReceipt | None = None
    said: set[str] = set()
    try:
        with urgently():
            for told in press_in(state, covered, _MODES[mode], reason):
                if not json:
                    _say(told, said)
    except (HaltlineError, OSError) as error:
        if told is None or isinstance(error, UsageError):
            raise
        ERRORS.print(f"haltline: {error}", markup=False)
    if told is not None and json:
        print_json(receipt_dict(told))
    if told is None or not told.complete:
        ERRORS.print(f"haltline: {_short_of(covered, _MODES[mode], told)}", markup=False)
        raise typer.Exit(1)


def _short_of(scope: Scope, mode: KillMode, told: KillReceipt | None) -> str:
    """What holds although it was not confirmed to the end, and what to look at."""
    what = "an order that does not shrink a position" if mode is KillMode.REDUCE else "a new order"
    where = "" if scope.is_global else f" in {scope.text}"
    held = f"the latch is written, so no engine of this state directory sends {what}{where}"
    waiting = f" by {', '.join(told.waiting_for)}" if told is not None and told.waiting_for else ""
    if not mode.cancels:
        return f"{held}; that was not confirmed{waiting}"
    alone = (
        "; with every process of the engine dead, haltline kill cancel --config FILE cancels" if told is None else ""
    )
    return f"{held}; cancels were not confirmed{waiting}: look at the venue's own open orders{alone}"


def _where(config: Path | None, state_dir: Path | None, scope: str) -> tuple[Path, Scope]:
    """The state directory, and what is to be halted. A configuration that cannot be used does not keep anybody from
    pressing: the latch itself knows what there is."""
    if state_dir is not None:
        return state_dir, read_scope(scope)
    if config is None:
        raise UsageError("kill: name the engine's configuration with --config FILE, or its --state-dir DIR")
    try:
        settings = load_config(config, check_files=False)
    except UsageError as error:
        found = state_dir_of(config)
        if found is None or not latch_in(found).exists():
            raise UsageError(f"{error}\nTo press without it: haltline kill --state-dir DIR --scope …") from error
        ERRORS.print(f"haltline: {config} cannot be used; pressing all the same, in its {found}", markup=False)
        return found, read_scope(scope)
    return Path(settings.engine.state_dir), parse_scope(scope, trading_names(settings))


def press(
    config: EngineConfig, scope: str, mode: KillMode, reason: str, trigger: str = "person"
) -> Iterator[KillReceipt]:
    """``press_in`` for a configuration. Raises UsageError for a blank or unknown scope: a scope is never widened."""
    parsed = parse_scope(scope, trading_names(config))
    return press_in(Path(config.engine.state_dir), parsed, mode, reason, trigger)


def press_in(
    state_dir: Path, scope: Scope, mode: KillMode, reason: str, trigger: str = "person"
) -> Iterator[KillReceipt]:
    """Halt ``scope`` and yield the receipts as the stages complete; the last one is complete, or nobody answered.

    A latch that cannot be written (lost, damaged, another user's) does not end it: an engine that runs has the page
    mapped, so its kill switch actor can still halt it. Raises UsageError when that actor does not answer either, and
    for a scope that it does not know: nothing is halted then.
    """
    pressed_ns = time.monotonic_ns()
    if scope.is_drill:
        raise UsageError("kill scope 'drill' is no kill; to rehearse one use: haltline kill drill")
    reason = reason.encode("utf-8", "replace").decode()  # an argument may hold bytes that no frame takes
    kill_id = f"{time.time_ns() // 1000:x}-{os.getpid():x}"
    page, trouble = _killed_latch(state_dir, kill_id, scope, mode)
    latched_ns = 0 if page is None else time.monotonic_ns()
    seals = () if page is None else _seals(state_dir, scope)
    kill = Kill(kill_id, scope.text, mode, reason, user_name(), trigger, pressed_ns, latched_ns, seals=seals)
    try:
        with BlockingObserver(str(run_in(state_dir)), KILL_SWITCH, first=kill) as observer:
            if page is None:
                ERRORS.print(f"haltline: {trouble}; the kill switch actor is asked instead", markup=False)
            else:
                _write_cause(page, scope, kill)
            yield from _receipts(observer)
    except (UsageError, OSError) as error:
        if page is None:
            raise UsageError(
                f"nobody has confirmed that anything is halted: {trouble}, and no kill switch actor answers ({error}); "
                "end the processes of the engine, then cancel at the venue"
            ) from error
        _write_cause(page, scope, kill)
        ERRORS.print(f"haltline: kill {kill_id} is latched, but no kill switch actor answers ({error})", markup=False)
        sealed = ", ".join(seal.venue_actor for seal in seals)
        if sealed:
            ERRORS.print(f"haltline: sealed all the same, so that nothing more can leave: {sealed}", markup=False)


def _killed_latch(state_dir: Path, kill_id: str, scope: Scope, mode: KillMode) -> tuple[LatchPage | None, str]:
    """The latch with the kill stored by now; or None, and why it could not be."""
    try:
        page = LatchPage.open(latch_in(state_dir))
        page.store(kill_id, scope, mode)
    except UsageError as error:
        return None, str(error)
    return page, ""


def _seals(state_dir: Path, scope: Scope) -> tuple[VenueSeal, ...]:
    """Of the scope's venue actor, or of all of them when it may be anyone's."""
    venue = scope.venue or scope.instrument.partition(":")[0]
    return Sealer(run_in(state_dir), latch_in(state_dir), [venue_actor(venue)] if venue else ()).seals()


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
        "stages_us": {stage.stage: micros(stage.after_ns) for stage in receipt.stages if stage.after_ns >= 0},
        "waiting_for": list(receipt.waiting_for),
        "open_orders": receipt.open_orders,
        "unknown_orders": receipt.unknown_orders,
        "complete": receipt.complete,
        "failures": list(receipt.failures),
    }


def _say(receipt: KillReceipt, said: set[str]) -> None:
    """What of it has not been ``said`` yet: each stage once it is reached, each failure once."""
    stages = [f"  {each.stage:<12}{micros(each.after_ns):>12,.0f} µs" for each in receipt.stages if each.after_ns >= 0]
    head = f"kill {receipt.kill_id}  {receipt.scope}  {receipt.mode.name.lower()}"
    for line in (head, *stages, *(["  complete"] if receipt.complete else [])):
        if line not in said:
            said.add(line)
            CONSOLE.print(line, markup=False, highlight=False)
    for failure in receipt.failures:
        if failure not in said:
            said.add(failure)
            ERRORS.print(f"haltline: {failure}", markup=False)
