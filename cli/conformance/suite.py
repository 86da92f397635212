"""The whole suite: every row, and the stage of every venue that has to pass it."""

from cli.conformance.row import Row, RowResult
from cli.conformance.rows_books import BOOKS, LIMITS
from cli.conformance.rows_connecting import CONNECTING
from cli.conformance.rows_doubt import DOUBT
from cli.conformance.rows_links import LINKS
from cli.conformance.rows_messages import MESSAGES
from cli.conformance.rows_orders import LIFE, REJECTS
from cli.conformance.stage import Stage, Vector
from cli.conformance.stages.binance import BinanceStage
from cli.conformance.stages.coinbase import CoinbaseStage
from cli.conformance.stages.kraken import KrakenStage

__all__ = ["ROWS", "SIGNATURES", "STAGES", "check_vector"]

SIGNATURES = "signatures"

ROWS: tuple[Row, ...] = tuple(
    row for group in (CONNECTING, LIFE, REJECTS, DOUBT, LINKS, BOOKS, LIMITS, MESSAGES) for row in group.rows
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in (BinanceStage(), CoinbaseStage(), KrakenStage())}


def check_vector(vector: Vector, stage: Stage) -> RowResult:
    """A signature against its published vector."""
    failure = "" if vector.made == vector.expected else f"made {vector.made}, it should be {vector.expected}"
    return RowResult(stage.name, SIGNATURES, vector.name, failure)
