"""``python -m bench [NAME ...] [--json FILE]``: run benches, or list them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.suite import BENCHES, machine, question, run_suite, write_json
from engine.errors import HaltlineError

__all__ = ["main"]

_WIDTH_PIPED = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, or 1 when a bench's result was wrong or a name or file is.

    A missed target is shown, not an error: it depends on the machine.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure what Haltline promises, each case beside its baseline, in one run.",
        epilog="example: python -m bench gate hop --json bench.json",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which benches (default all): {', '.join(BENCHES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write machine and rows as JSON")
    parser.add_argument("--recording", default="", metavar="FILE", help="a recorded stream, for benches that read one")
    parser.add_argument("--list", action="store_true", help="list the benches and what they ask")
    parser.add_argument("--tiny", action="store_true", help="run at the size of the tests: shows that it works")
    chosen = parser.parse_args(arguments)
    # A pipe has no width: tables are as wide as they must be there.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_PIPED)
    try:
        if chosen.list:
            for name in BENCHES:
                console.print(f"[bold]{name:12}[/bold] {question(name)}", highlight=False)
            return 0
        console.print("  ".join(f"{fact} {value}" for fact, value in machine().items()), highlight=False)
        rows = run_suite(chosen.names, console, tiny=chosen.tiny, recording=chosen.recording)
        if chosen.json is not None:
            write_json(chosen.json, rows)
    except HaltlineError as error:
        Console(stderr=True).print(f"[red]{type(error).__name__}[/red]: {error}", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
