"""``haltline config check FILE``: every error of a configuration in one go."""

from pathlib import Path
from typing import Annotated

import typer

from actors.places import check_socket_paths
from actors.strategy_source import build_strategy
from cli.screen import CONSOLE, ERRORS, print_json
from config.credentials import load_credentials
from config.errors import ConfigErrors
from config.hashing import config_hash
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import UsageError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at configuration files.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The engine's TOML file.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a configuration: every error at once, each with its line, its key and what to do.

    Also loads the credentials and the strategies that it names. Example: [bold]haltline config check desk.toml[/bold]
    """
    problems: list[str] = []
    try:
        config = load_config(file)
    except ConfigErrors as errors:
        problems = str(errors).splitlines()
    else:
        problems = _problems_outside_the_file(config)
    if json:
        print_json({"file": str(file), "ok": not problems, "problems": problems})
    elif problems:
        for line in problems:
            ERRORS.print(line, markup=False, highlight=False, soft_wrap=True)
    else:
        CONSOLE.print(f"{file}: [green]ok[/green]  configuration {config_hash(config)[:16]}", highlight=False)
    if problems:
        raise typer.Exit(1)


def _problems_outside_the_file(config: EngineConfig) -> list[str]:
    """What the file refers to: secret files, strategies and the state directory."""
    problems = []
    try:
        check_socket_paths(config)
    except UsageError as error:
        problems.append(str(error))
    for venue in config.venues:
        try:
            load_credentials(venue)
        except UsageError as error:
            problems.append(str(error))
    for strategy in config.strategies:
        try:
            build_strategy(strategy.source, strategy.parameters)
        except UsageError as error:
            problems.append(str(error))
    return problems
