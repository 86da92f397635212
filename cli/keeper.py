"""``haltline keeper``: a process that keeps checkpoints of the venue journals while an engine runs."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.screen import CONSOLE, ERRORS
from config.loader import load_config
from engine.errors import UsageError

__all__ = ["keeper", "keeper_process"]

#: An engine that starts needs every core; so does what it may have to catch up with.
_BEGIN_S = 20.0
_EVERY_S = 2.0
#: A checkpoint is some megabytes that are forced to the disk, for which the journal beside it may have to wait.
_KEEP_EVERY_S = 5.0
_STOP_S = 5.0


def keeper(
    config: Annotated[Path, typer.Option(help="The engine's TOML file.")],
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="Go on until standard input ends: with whoever holds it.")
    ] = False,
) -> None:
    """Write checkpoints of the venue actors' journals, so that a restart replays only what is new.

    [bold]haltline run[/bold] has one beside it. By hand it brings the checkpoints of this host up to date and ends.
    Example: [bold]haltline keeper --config desk.toml[/bold]
    """
    if until_eof:
        _step_back()
        ended = threading.Event()
        threading.Thread(target=_at_end_of_input, args=(ended,), daemon=True).start()
        if not ended.wait(_BEGIN_S):
            _keep_until(config, ended)
        return
    from cli.journal_keeper import venue_keepers  # numba takes a second that ``--until-eof`` does not pay at once

    settings = load_config(config, check_files=False)
    for each in venue_keepers(settings):
        while each.follow():
            pass
        each.keep()
    CONSOLE.print("the checkpoints are up to date", highlight=False)


def _keep_until(config: Path, ended: threading.Event) -> None:
    from cli.journal_keeper import CHECKPOINT_EVERY, venue_keepers

    keepers = dict.fromkeys(venue_keepers(load_config(config, check_files=False)), 0.0)
    while keepers and not ended.wait(_EVERY_S):
        for each in list(keepers):
            try:
                while each.follow(1_000) and not ended.is_set():
                    if each.behind >= CHECKPOINT_EVERY and time.monotonic() >= keepers[each] + _KEEP_EVERY_S:
                        each.keep()
                        keepers[each] = time.monotonic()
            except UsageError as error:  # it only saves time: the actor itself says what is wrong with its journal
                ERRORS.print(f"haltline: no more checkpoints: {error}", markup=False, highlight=False, soft_wrap=True)
                del keepers[each]


def _step_back() -> None:
    """Run only when nobody else wants to, where the system knows such a thing."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def _at_end_of_input(ended: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    ended.set()


@contextmanager
def keeper_process(config: Path) -> Iterator[int]:
    """A keeper for as long as this process lives; its process id."""
    command = [sys.executable, "-m", "cli.main", "keeper", "--config", str(config), "--until-eof"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield process.pid
    finally:
        process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:  # it gets no time; a checkpoint that is half written does not count
            process.kill()
            process.wait()
