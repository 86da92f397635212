"""Fault files at the simulated venues: each is survived, and a trial that should fail does."""

from collections import Counter
from pathlib import Path

import pytest

from cli.fault_files import FAULT_FOLDER, fault_files
from cli.venue_trials import run_fault_file
from cli.venue_trials.books import Truth, TruthFill
from cli.venue_trials.checks import check_orders
from cli.venue_trials.venues import TRIAL_VENUES
from engine.codes import ExecType, OrderStatus, Side
from engine.errors import UsageError
from engine.messages import ExecutionReport, Fill

FILES = sorted(FAULT_FOLDER.glob("*.toml"))
VENUES = sorted(TRIAL_VENUES)


def cases() -> list[object]:
    """Incidents at every venue, and each of the other files at one of them, in turn; ``haltline venues check`` plays
    every file everywhere."""
    return [
        pytest.param(venue, path, id=f"{venue}-{path.stem}")
        for number, path in enumerate(FILES)
        for at, venue in enumerate(VENUES)
        if path in fault_files(venue) and (path.stem[:2].isdigit() or (number + at) % len(VENUES) == 0)
    ]


@pytest.mark.parametrize(("venue", "path"), cases())
def test_a_fault_file_is_survived(venue: str, path: Path) -> None:
    result = run_fault_file(venue, path)
    assert result.passed, result.failures
    assert result.fills
    assert result.injected


def test_one_seed_is_one_run() -> None:
    path = FAULT_FOLDER / "storm.toml"
    assert run_fault_file("kraken", path, 5) == run_fault_file("kraken", path, 5)


def test_a_venue_that_there_is_no_trial_of() -> None:
    with pytest.raises(UsageError, match="bitmart"):
        run_fault_file("bitmart", FILES[0])


# -- what a trial would notice -------------------------------------------------------------------------------------


def report(name: str, status: OrderStatus, fill: Fill | None = None) -> ExecutionReport:
    kind = ExecType.TRADE if fill else ExecType.REJECTED
    return ExecutionReport(1, "s", name, "", "", 0, Side.BUY, kind, status, 10, 100, 0, 0, fill)


FILL = Fill("t1", 10, 100, 7, "USDT", True)


@pytest.mark.parametrize(
    ("submitted", "reports", "names", "fills", "said"),
    [
        ({"a"}, [], set(), [], "a has 0 terminal reports"),
        ({"a"}, [("a", OrderStatus.REJECTED, None)], {"a"}, [], "called rejected"),
        ({"a"}, [("a", OrderStatus.EXPIRED, None)] * 2, {"a"}, [], "a has 2 terminal reports"),
        (set(), [("a", OrderStatus.FILLED, FILL)], {"a"}, [], "told and not done"),
        (set(), [], {"a"}, [TruthFill(Side.BUY, 100, 10, 7)], "done and not told"),
    ],
)
def test_what_is_noticed(
    submitted: set[str],
    reports: list[tuple[str, OrderStatus, Fill | None]],
    names: set[str],
    fills: list[TruthFill],
    said: str,
) -> None:
    truth = Truth(Counter(fills), frozenset(names), 0, {}, (0, 0, 0, 0))
    told = [report(name, status, fill) for name, status, fill in reports]
    failures = list(check_orders(TRIAL_VENUES["binance"].name_at_venue, submitted, told, truth))
    assert any(said in failure for failure in failures), failures


def test_nothing_is_noticed_where_all_is_right() -> None:
    truth = Truth(Counter([TruthFill(Side.BUY, 100, 10, 7)]), frozenset({"a"}), 0, {}, (0, 0, 0, 0))
    told = [report("a", OrderStatus.FILLED, FILL), report("b", OrderStatus.REJECTED)]
    assert not list(check_orders(TRIAL_VENUES["binance"].name_at_venue, {"a", "b"}, told, truth))
