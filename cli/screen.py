"""How the commands write for people: one console, numbers that line up, times in the unit that suits them."""

import os
import pwd
from decimal import Decimal
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from engine.errors import UsageError

__all__ = ["CONSOLE", "ERRORS", "latency_table", "micros", "print_json", "two_columns", "user_name", "write_json"]

CONSOLE = Console()
ERRORS = Console(stderr=True)


def micros(latency_ns: int) -> float:
    """Nanoseconds as microseconds, to the nanosecond."""
    return latency_ns / 1000


def user_name() -> str:
    """Who runs this: what the system says, not the environment. In a container a number may have no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def two_columns(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(name, value)
    return table


def latency_table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    """``rows``: stage → p50, p90, p99, p99_9, max in µs, and count. A percentile that so few samples cannot tell is
    left blank."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("stage", style="dim")
    for name in ("p50", "p90", "p99", "p99.9", "max", "count"):
        table.add_column(name, justify="right")
    for stage, row in rows.items():
        least = {"p50": 1, "p90": 10, "p99": 100, "p99_9": 1000, "max": 1}
        cells = [f"{Decimal(str(row[key])):,.1f}" if row["count"] >= few else "" for key, few in least.items()]
        table.add_row(stage, *cells, f"{int(row['count']):,}")
    return table


def print_json(value: object) -> None:
    """One JSON document on stdout, for scripts."""
    print(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode())


def write_json(value: object, path: Path) -> None:
    """The same into a file, or with ``-`` on stdout. Raises UsageError when the file cannot be written."""
    if str(path) == "-":
        print_json(value)
        return
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
