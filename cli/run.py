"""``haltline run --config FILE``: the engine, until it is told to stop."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from actors.places import check_socket_paths, latch_path, log_path
from actors.wiring import make_plan, open_state
from cli.alarms import Alarms
from cli.engine_process import start_engine
from cli.exporter import exporter_process
from cli.keeper import keeper_process
from cli.screen import CONSOLE, ERRORS
from cli.status import ask_all
from config.loader import load_config
from risk.latch import view_latch

__all__ = ["run"]

#: How often the log is looked at for what nobody may miss.
_LOOK_S = 0.5


def run(
    config: Annotated[Path, typer.Option(help="The engine's TOML file.")],
    seed: Annotated[int, typer.Option(help="Seed of back-off jitter and the like.")] = 0,
) -> None:
    """Run the engine until SIGINT or SIGTERM. Orders stay at the venues: stopping is not killing.

    A state directory that was killed stays killed. Example: [bold]haltline run --config desk.toml[/bold]
    """
    settings = load_config(config)
    check_socket_paths(settings)
    is_new = open_state(settings)
    cause = view_latch(latch_path(settings)).cause()
    if cause is not None:
        ERRORS.print(
            f"haltline: halted by kill {cause.kill_id} of {cause.by} ({cause.mode.name.lower()} "
            f"{cause.scope or 'global'}): {cause.reason}. The engine starts: in that scope it sends, and leaves "
            "open, only what that allows. Every kill that holds: haltline kill status",
            markup=False,
        )
    done = threading.Event()
    _stop_on_signal(done)
    log = log_path(settings)
    alarms = Alarms(log)
    engine = start_engine(settings, make_plan(settings, seed=seed))
    try:
        made = "new" if is_new else "existing"
        CONSOLE.print(
            f"engine {settings.engine.name} runs, {made} state in {settings.engine.state_dir}", highlight=False
        )
        CONSOLE.print(
            f"stop it with Ctrl-C; kill it with: haltline kill --config {config} --scope global --reason …",
            highlight=False,
        )
        CONSOLE.print(f"what happens is logged in {log}", highlight=False, soft_wrap=True)
        with exporter_process(settings, config), keeper_process(config):
            while not done.wait(_LOOK_S):
                for text in alarms.read():
                    ERRORS.print(f"haltline: {text}", markup=False, highlight=False, soft_wrap=True)
        reports = ask_all(settings)
        open_orders = sum(r.counters.get("open_orders", 0) for r in reports.values() if r and r.kind == "venue")
        CONSOLE.print(f"stopping; {open_orders} orders stay open at the venues", highlight=False)
    finally:
        engine.stop()


def _stop_on_signal(done: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
