"""The suite's rows: each demands one thing of an adapter, in conversation with its venue's simulator."""

import traceback
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from cli.conformance.desk import RowFailed
from cli.conformance.stage import Stage
from engine.errors import HaltlineError

__all__ = ["Row", "RowResult", "Rows", "run_row"]


class Row(NamedTuple):
    """``run(stage)`` raises RowFailed when what it demands does not hold."""

    group: str
    name: str
    run: Callable[[Stage], None]


class Rows:
    """The rows of one group, in the order in which they are written."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.rows: list[Row] = []

    def row(self, name: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
        def add(run: Callable[[Stage], None]) -> Callable[[Stage], None]:
            self.rows.append(Row(self.group, name, run))
            return run

        return add


class RowResult(msgspec.Struct, frozen=True):
    """How a row went at a venue. ``failure`` is empty when it holds; ``absent`` says why it makes no sense there."""

    venue: str
    group: str
    name: str
    failure: str = ""
    absent: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure


def run_row(row: Row, stage: Stage) -> RowResult:
    """Whatever an adapter raises is a failure of the row, told with the place where it was raised."""
    absent = stage.absent.get(row.name, "")
    failure = ""
    if not absent:
        try:
            row.run(stage)
        except RowFailed as failed:
            failure = str(failed)
        except (
            HaltlineError,
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = f"{type(error).__name__} in {place.name}: {error}"
    return RowResult(stage.name, row.group, row.name, failure, absent)
