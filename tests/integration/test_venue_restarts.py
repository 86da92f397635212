"""A venue whose process is killed and started again under load, over real sockets: the books stay equal."""

from pathlib import Path

from cli.venue_restarts import run_restarts


def test_a_venue_that_is_killed_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    result = run_restarts("binance", 3, tmp_path)
    assert result.failures == ()
    assert result.taken > 10
    assert result.inputs > 100
