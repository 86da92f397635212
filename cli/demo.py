"""``haltline demo``: everything on one machine, then a kill."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.kill_table import kill_figures, print_kill_result
from cli.kill_trial import KillTrial, run_kill_trial
from cli.screen import CONSOLE, write_json
from cli.simulator_process import simulated_venue
from cli.trial import TrialResult, Watch, run_trial
from cli.trial_config import demo_strategies, engine_toml
from cli.trial_table import print_result
from cli.venues_trial import VENUES_FAULTS, print_venues_result, run_venues_trial
from engine.errors import UsageError

__all__ = ["RUNTIMES", "FiguresOption", "RuntimeOption", "announce", "demo", "finish"]

RUNTIMES = ("ray", "local")
_TRADING_S, _VENUES_S = 20.0, 60.0

RuntimeOption = Annotated[str, typer.Option("--runtime", help="ray: a process per actor. local: one process.")]
FiguresOption = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file ('-': stdout).")]


def demo(
    seconds: Annotated[
        float, typer.Option(help="How long to trade before the kill; 0: 20 s, with --venues 60 s.", min=0)
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic order flow.")] = 1,
    runtime: RuntimeOption = "ray",
    json: FiguresOption = None,
    venues: Annotated[
        str, typer.Option(help="Trade and route at these simulated venues at once, under faults: kraken,binance,…")
    ] = "",
    faults: Annotated[
        Path | None, typer.Option(help="With --venues: a fault file for all of them instead of a little of everything.")
    ] = None,
    kills: Annotated[int, typer.Option(help="So many kills in one run instead, each released again.", min=0)] = 0,
    venue_actors: Annotated[int, typer.Option(help="With --kills: how many, an account each.", min=1, max=32)] = 8,
    rate: Annotated[
        int, typer.Option(help="With --kills: orders a second of each; 0: what the cores carry.", min=0, max=10_000)
    ] = 0,
) -> None:
    """Trade against a simulated Binance with synthetic order flow for a while, then kill, and print what happened.

    One quoter, one taker, real sockets, real TLS, every check on. Needs no file. Exit code 0 only when the engine's
    ledger equals the venue's own and no order reached the venue after the kill was acknowledged.
    Example: [bold]haltline demo --seconds 20 --json demo.json[/bold]

    With --venues: quoters at each venue, and strategies that trade routes over all of them, while faults happen at all
    of them. Exit code 0 only when each ledger equals that venue's own and no order came after the kill.
    Example: [bold]haltline demo --venues kraken,binance,coinbase[/bold]

    With --kills: many venue actors under load, killed and released again and again, in the scope of drills. Exit code 0
    only when no order left after any acknowledgement, by the venue's own record.
    Example: [bold]haltline demo --venue-actors 8 --kills 1000[/bold]
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"demo: runtime {runtime!r} is not one of {', '.join(RUNTIMES)}")
    if kills:
        _many_kills(KillTrial(kills, venue_actors, rate, runtime=runtime, seed=seed), json)
        return
    if venues:
        _many_venues([name.strip() for name in venues.split(",")], seconds or _VENUES_S, seed, runtime, faults, json)
        return
    seconds = seconds or _TRADING_S
    announce(f"a simulated venue, the engine, {seconds:g} s of trading, then a kill", json)
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:
        directory = Path(name)
        with simulated_venue(directory / "venue", ["--seed", str(seed)]) as venue:
            strategies = demo_strategies(venue.ready.symbols[0])
            config_file = directory / "engine.toml"
            config_file.write_text(engine_toml(venue.ready, directory / "state", runtime, strategies, "demo"))
            result = run_trial(config_file, venue.ready, Watch(seconds), seed=seed, audit_books=True)
    finish(result, json)


def _many_venues(
    venues: list[str], seconds: float, seed: int, runtime: str, faults: Path | None, json: Path | None
) -> None:
    announce(f"{len(venues)} simulated venues, the engine, {seconds:g} s of trading under faults, then a kill", json)
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:
        result = run_venues_trial(
            venues, Path(name), seconds, seed=seed, runtime=runtime, faults=faults or VENUES_FAULTS
        )
    if json is None or str(json) != "-":
        print_venues_result(result)
    if json is not None:
        write_json(result.figures, json)
    if not result.ok:
        raise typer.Exit(1)


def _many_kills(trial: KillTrial, json: Path | None) -> None:
    announce(f"a simulated venue, {trial.venue_actors} venue actors under load, {trial.kills} kills", json)
    result = run_kill_trial(trial)
    if json is None or str(json) != "-":
        print_kill_result(result)
    if json is not None:
        write_json(kill_figures(result), json)
    if result.failures:
        raise typer.Exit(1)


def announce(text: str, json: Path | None) -> None:
    """Say at once what is going to happen, unless stdout is for the figures. Refuse a file that cannot be written."""
    if json is not None and str(json) != "-":
        try:
            json.touch()
        except OSError as error:
            raise UsageError(f"cannot write {json}: {error.strerror}") from error
    if json is None or str(json) != "-":
        CONSOLE.print(f"[dim]{text}[/dim]", highlight=False)


def finish(result: TrialResult, json: Path | None) -> None:
    """Print the table, write the figures, and turn the result into the exit code."""
    if json is None or str(json) != "-":
        print_result(result)
    if json is not None:
        write_json(result.figures, json)
    if not result.ok:
        raise typer.Exit(1)
