"""``haltline venues check``: what is printed, and the exit code."""

import msgspec
from typer.testing import CliRunner

from cli.venues import app
from engine.errors import UsageError

RUN = CliRunner()


def test_it_prints_what_was_checked_at_each_venue_and_that_all_passes() -> None:
    done = RUN.invoke(app, ["check", "kraken", "binance", "--match", "dead-man"])
    assert done.exit_code == 0, done.output
    assert "✓" in done.output  # Kraken has the timer
    assert "spot has no such timer" in " ".join(done.output.split())
    assert "all 2 pass" in done.output


def test_as_json_it_tells_every_result_with_its_group() -> None:
    done = RUN.invoke(app, ["check", "coinbase", "--match", "signatures", "--json"])
    assert done.exit_code == 0
    results = msgspec.json.decode(done.stdout)
    assert {each["group"] for each in results} == {"signatures"}
    assert all(each["passed"] and each["venue"] == "coinbase" and each["name"] for each in results)


def test_fault_files_are_played_too() -> None:
    done = RUN.invoke(app, ["check", "kraken", "--match", "19-checksum", "--json"])
    assert done.exit_code == 0, done.output
    (result,) = msgspec.json.decode(done.stdout)
    assert (result["group"], result["passed"]) == ("fault files", True)
    assert "incident 19" in result["name"]


def test_what_does_not_exist_is_named_with_what_does() -> None:
    unknown = RUN.invoke(app, ["check", "nasdaq"])
    assert isinstance(unknown.exception, UsageError)
    assert "binance, coinbase, kraken" in str(unknown.exception)
    assert isinstance(RUN.invoke(app, ["check", "kraken", "--match", "no such row"]).exception, UsageError)
