"""``haltline replay RECORDING --venue NAME``: real recorded market data through the same engine."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.demo import RUNTIMES, FiguresOption, RuntimeOption, announce, finish
from cli.simulator_process import simulated_venue
from cli.trial import Watch, run_trial
from cli.trial_config import engine_toml, strategy_table
from engine.errors import UsageError

__all__ = ["VENUES", "replay"]

VENUES = ("binance",)


def replay(
    recording: Annotated[
        Path, typer.Argument(help="One message a line: local receive time in ns, a space, the message.")
    ],
    venue: Annotated[str, typer.Option(help="Whose protocol the recording speaks: binance.")],
    speed: Annotated[float, typer.Option(help="How many times faster than recorded.", min=0.01)] = 1.0,
    runtime: RuntimeOption = "ray",
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 1,
    json: FiguresOption = None,
) -> None:
    """Replay a recording through a simulated venue and the engine; verify the book at every message; then kill.

    A quoter trades against the recorded market, its orders queued behind what was displayed. Exit code 0 only when
    every message was processed, the book matched its reference at each, and the ledgers are equal. How often the
    recorded ticker and the recorded depth disagree with each other is told beside it, and is no error of the engine.
    Example: [bold]haltline replay btcusdt.gz --venue binance --speed 10 --json out.json[/bold]
    """
    if venue not in VENUES:
        raise UsageError(f"replay: no venue {venue!r}; it knows {', '.join(VENUES)}")
    if runtime not in RUNTIMES:
        raise UsageError(f"replay: runtime {runtime!r} is not one of {', '.join(RUNTIMES)}")
    announce(f"reading {recording} once, then replaying it {speed:g} times as fast as recorded", json)
    arguments = ["--recording", str(recording), "--speed", str(speed), "--seed", str(seed)]
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:
        directory = Path(name)
        with simulated_venue(directory / "venue", arguments) as simulator:
            ready = simulator.ready
            parameters = 'quantity = "0.01", half_spread_ticks = 1'
            strategies = strategy_table("quoter", "examples.quoter:Quoter", ready.symbols[0], parameters)
            config_file = directory / "engine.toml"
            config_file.write_text(engine_toml(ready, directory / "state", runtime, strategies, "replay"))
            watch = Watch(seconds=ready.seconds + 60, messages=ready.messages)
            result = run_trial(config_file, ready, watch, seed=seed, audit_books=True)
    result.figures["messages_recorded"] = ready.messages
    finish(result, json)
