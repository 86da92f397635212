"""The ``haltline`` command line: registers the commands, and turns expected errors into one line and an exit code."""

import sys

import typer

from cli import config_command, demo, kill, replay, run, simulator, status
from engine.errors import HaltlineError

__all__ = ["app", "main"]

app = typer.Typer(
    name="haltline",
    help="A trading engine whose kill switch is a measured guarantee.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("replay")(replay.replay)
app.command("simulator")(simulator.simulator)
app.add_typer(kill.app, name="kill")
app.command("status")(status.status)
app.add_typer(config_command.app, name="config")


def main() -> None:
    """Entry point. Exit code 0 on success, 1 when a check failed, 2 for a wrong input, 130 when interrupted."""
    try:
        app()
    except HaltlineError as error:
        print(f"haltline: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("haltline: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
