"""``haltline demo --venues``, at two venues and without a process per actor."""

import tempfile
from pathlib import Path

import pytest

from cli.venues_trial import VENUES_FAULTS, print_venues_result, run_venues_trial
from engine.errors import UsageError


@pytest.mark.slow
def test_two_venues_are_traded_at_under_faults_and_the_books_agree(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:  # sockets need a short path
        venues = ["kraken", "binance"]
        result = run_venues_trial(venues, Path(name), 5.0, seed=3, runtime="local", faults=VENUES_FAULTS)
    print_venues_result(result)
    assert "PASS" in capsys.readouterr().out
    assert result.ok, result.failures
    assert all(line["fills"] for line in result.figures["venues"].values())
    assert sum(line["children"] for line in result.figures["routes"].values()) > 0


@pytest.mark.parametrize(("venues", "says"), [(["nasdaq"], "no venue 'nasdaq'"), (["kraken", "kraken"], "twice")])
def test_venues_that_cannot_be_are_refused(venues: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        run_venues_trial(venues, tmp_path, 1.0, seed=1, runtime="local", faults=None)
