"""``haltline kill drill``: a kill that goes the whole way, and stops what the configuration gives to drills."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from actors.places import KILL_SWITCH, latch_path, run_dir, venue_actor
from actors.runtime.observer import BlockingObserver
from actors.runtime.urgency import urgently
from cli.screen import CONSOLE, ERRORS, micros, print_json, user_name
from cli.seal import Sealer
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.errors import UsageError
from engine.messages import Kill, KillReceipt
from risk.latch import LatchPage
from risk.scope import DRILL_SCOPE

__all__ = ["Driller", "drill"]

#: Longer than a drill may take: its failure is an answer too.
_ANSWER_S = 5.0


def drill(
    config: Annotated[Path, typer.Option(help="The running engine's TOML file.")],
    json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Rehearse a kill: latch it, have every venue actor say that its gate sees it, and release it.

    What kill.drill_strategies names is stopped and cancelled meanwhile; nothing else is. Exit code 0 only when every
    venue actor has acknowledged in time.
    Example: [bold]haltline kill drill --config desk.toml[/bold]
    """
    with urgently(), Driller(load_config(config, check_files=False)) as driller:
        _, receipt = driller.ask()
    if json:
        print_json(_receipt_dict(receipt))
    else:
        for stage in receipt.stages:
            after = f"{micros(stage.after_ns):,.0f} µs" if stage.after_ns >= 0 else "not reached"
            CONSOLE.print(f"{stage.stage:<10} {after}", highlight=False)
        if receipt.complete:
            CONSOLE.print(f"drill {receipt.kill_id}: every venue actor has acknowledged, and it is released")
    if not receipt.complete:
        for failure in receipt.failures:
            ERRORS.print(f"haltline: drill {receipt.kill_id}: {failure}", markup=False)
        raise typer.Exit(1)


class Driller:
    """Asks for drills as a kill is pressed: this very process latches it, then tells the kill switch actor.

    Use as a context manager. Raises UsageError when no engine runs, or its latch cannot be written.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._page = LatchPage.open(latch_path(config))
        self._mode = KillMode.CANCEL if config.kill.drill_strategies else KillMode.HALT
        self._by = user_name()
        self._sealer = Sealer(run_dir(config), latch_path(config), [venue_actor(venue.name) for venue in config.venues])
        self._observer = BlockingObserver(str(run_dir(config)), KILL_SWITCH)
        self._answer_s = _ANSWER_S + config.kill.drill_hold_ns / 1e9

    def ask(self) -> tuple[int, KillReceipt]:
        """One drill, to its end: when it was pressed (monotonic ns), and its last receipt, complete or with failures.

        Raises TimeoutError when the kill switch actor does not answer, UsageError when the latch has no room.
        """
        from actors.drill import has_room  # here, because it loads a compiler, and the red button must not wait for one
        from risk.response import DRILL_TRIGGER

        if not has_room(self._page):
            raise UsageError("the latch is damaged or nearly full: its rows are for kills, not for drills")
        kill_id = f"drill-{time.time_ns() // 1000:x}-{os.getpid():x}"
        pressed_ns = time.monotonic_ns()
        self._page.store(kill_id, DRILL_SCOPE, self._mode)
        latched_ns = time.monotonic_ns()
        kill = Kill(
            kill_id,
            DRILL_SCOPE.text,
            self._mode,
            "asked for",
            self._by,
            DRILL_TRIGGER,
            pressed_ns,
            latched_ns,
            seals=self._sealer.seals(),
        )
        try:
            return pressed_ns, self._observer.request(kill, KillReceipt, self._answer_s)
        finally:
            latched = self._page.kill(kill_id)
            if latched is not None and latched.scope.is_drill:  # it was refused, or nobody is there
                self._page.release(kill_id)

    def __enter__(self) -> "Driller":
        return self

    def __exit__(self, *_: object) -> None:
        self._observer.close()


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
