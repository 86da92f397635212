"""``haltline kill drill``: a kill that goes the whole way and stops nobody."""

import getpass
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from actors.places import KILL_SWITCH, run_dir
from actors.runtime.observer import BlockingObserver
from cli.screen import CONSOLE, ERRORS, micros, print_json
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.messages import Kill, KillReceipt
from risk.scope import DRILL_SCOPE

__all__ = ["ask_for_drill", "drill"]

#: Longer than a drill may take: its failure is an answer too.
_ANSWER_S = 5.0


def drill(
    config: Annotated[Path, typer.Option(help="The running engine's TOML file.")],
    json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Rehearse a kill: latch a row that covers no order, and have every venue actor say that its gate sees it.

    No order is stopped, and trading goes on. Exit code 0 only when every venue actor has acknowledged in time.
    Example: [bold]haltline kill drill --config desk.toml[/bold]
    """
    receipt = ask_for_drill(load_config(config, check_files=False))
    if json:
        print_json(_receipt_dict(receipt))
    else:
        for stage in receipt.stages:
            after = f"{micros(stage.after_ns):,.0f} µs" if stage.after_ns >= 0 else "not reached"
            CONSOLE.print(f"{stage.stage:<10} {after}", highlight=False)
        if receipt.complete:
            CONSOLE.print(f"drill {receipt.kill_id}: every venue actor has acknowledged; nothing was stopped")
    if not receipt.complete:
        for failure in receipt.failures:
            ERRORS.print(f"haltline: drill {receipt.kill_id}: {failure}", markup=False)
        raise typer.Exit(1)


def ask_for_drill(config: EngineConfig) -> KillReceipt:
    """Have the kill switch actor hold a drill, and return its last receipt: complete, or with failures.

    Raises UsageError when no engine runs, TimeoutError when the kill switch actor does not answer.
    """
    kill_id = f"drill-{time.time_ns() // 1000:x}-{os.getpid():x}"
    with BlockingObserver(str(run_dir(config)), KILL_SWITCH) as observer:
        pressed_ns = time.monotonic_ns()
        kill = Kill(kill_id, DRILL_SCOPE.text, KillMode.HALT, "asked for", getpass.getuser(), "drill", pressed_ns)
        return observer.request(kill, KillReceipt, _ANSWER_S)


def _receipt_dict(receipt: KillReceipt) -> dict[str, object]:
    return {
        "kill_id": receipt.kill_id,
        "by": receipt.by,
        "wall_time_ns": receipt.wall_time_ns,
        "stages_us": {stage.stage: micros(stage.after_ns) for stage in receipt.stages if stage.after_ns >= 0},
        "waiting_for": list(receipt.waiting_for),
        "complete": receipt.complete,
        "failures": list(receipt.failures),
    }
