"""The whole suite: every row, and the stage of every venue that has to pass it."""

from collections.abc import Iterator

from cli.conformance.row import Row, RowResult, run_row
from cli.conformance.rows_books import BOOKS, LIMITS
from cli.conformance.rows_connecting import CONNECTING
from cli.conformance.rows_doubt import DOUBT
from cli.conformance.rows_links import LINKS
from cli.conformance.rows_orders import LIFE, REJECTS
from cli.conformance.stage import Stage
from cli.conformance.stages.binance import BinanceStage
from cli.conformance.stages.coinbase import CoinbaseStage
from cli.conformance.stages.kraken import KrakenStage

__all__ = ["ROWS", "STAGES", "check_rows", "check_vectors"]

ROWS: tuple[Row, ...] = tuple(
    row for group in (CONNECTING, LIFE, REJECTS, DOUBT, LINKS, BOOKS, LIMITS) for row in group.rows
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in (BinanceStage(), CoinbaseStage(), KrakenStage())}


def check_rows(stage: Stage) -> Iterator[RowResult]:
    """Every row at one venue, as they are done."""
    for row in ROWS:
        yield run_row(row, stage)


def check_vectors(stage: Stage) -> Iterator[RowResult]:
    """Every signature against its published vector."""
    for vector in stage.vectors():
        failure = "" if vector.made == vector.expected else f"made {vector.made}, it should be {vector.expected}"
        yield RowResult(stage.name, "signatures", vector.name, failure)
