"""The ``haltline`` command line: finds the command, and turns expected errors into one line and an exit code."""

import signal
import sys
from importlib import import_module

import typer

from engine.errors import HaltlineError

__all__ = ["COMMANDS", "build", "main"]

#: Command → where it is. Only the one that is asked for is imported: the red button must not wait for compilers.
COMMANDS = {
    "demo": "cli.demo:demo",
    "run": "cli.run:run",
    "replay": "cli.replay:replay",
    "simulator": "cli.simulator:simulator",
    "simulate": "cli.simulate:simulate",
    "kill": "cli.kill:app",
    "enable": "cli.enable:enable",
    "status": "cli.status:status",
    "keeper": "cli.keeper:keeper",
    "exporter": "cli.exporter:exporter",
    "bench": "cli.bench:bench",
    "config": "cli.config_command:app",
    "controls": "cli.controls_command:app",
    "venues": "cli.venues:app",
}


def build(names: list[str]) -> typer.Typer:
    """An app of these commands."""
    app = typer.Typer(
        name="haltline",
        help="A trading engine whose kill switch is a measured guarantee.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def haltline() -> None:
        """A trading engine whose kill switch is a measured guarantee."""

    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _terminated(number: int, frame: object) -> None:
    """As Ctrl-C: what a command has started is stopped, and its temporary folders go."""
    raise KeyboardInterrupt


def main() -> None:
    """Entry point. Exit code 0 on success, 1 when a check failed, 2 for a wrong input, 130 when interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        build([asked] if asked in COMMANDS else list(COMMANDS))()
    except HaltlineError as error:
        print(f"haltline: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("haltline: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
