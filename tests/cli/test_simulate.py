"""The command around the simulation: seeds, exit codes, what is printed of a failure."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import build
from cli.simulate import find_bug, parse_seeds
from cli.simulation.bugs import BUGS
from cli.simulation.bugs.planting import planted
from cli.simulation.run import SeedResult, run_seed
from engine.errors import UsageError


@pytest.mark.parametrize(("text", "seeds"), [("1..5", (1, 5)), ("7", (7, 7)), ("3..3", (3, 3))])
def test_seeds(text: str, seeds: tuple[int, int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "5..1", "1..", "..3", "a..b", "-1..4", "1...3"])
def test_seeds_that_cannot_be(text: str) -> None:
    with pytest.raises(UsageError, match="seeds"):
        parse_seeds(text)


def test_all_kept() -> None:
    done = CliRunner().invoke(build(["simulate"]), ["simulate", "--seeds", "4..5", "--steps", "500", "--json"])
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert (figures["seeds"], figures["broken_seeds"], figures["broken"]) == (2, 0, [])


def simulate(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(["simulate"]), ["simulate", *arguments])
    return done.exit_code, done.stdout


def test_a_broken_promise_is_told_with_all_that_replays_it() -> None:
    exit_code, told = simulate("--seeds", "1", "--steps", "700", "--bug", "journal-after-send")
    assert exit_code == 1
    assert "Account broken by seed 1 at step" in told
    assert "writes order.place" in told
    assert "1 seeds, 1 broken" in told
    (again,) = [line for line in told.splitlines() if line.startswith("again: haltline simulate ")]
    exit_code, told_again = simulate(*again.split()[3:])
    assert exit_code == 1
    assert told_without_time(told_again) == told_without_time(told)


def told_without_time(told: str) -> str:
    """All but the figures of how long it took."""
    return told[: told.index("again: ")]


@pytest.mark.parametrize("name", ["second-look-skipped", "told-before-latched", "report-sent-twice"])
def test_a_failing_seed_replays_event_by_event(name: str) -> None:
    def fail() -> SeedResult:
        bug = find_bug(name)
        assert bug is not None
        with planted(bug):
            return next(
                result for result in (run_seed(seed, trace_lines=10_000) for seed in range(1, 41)) if result.promise
            )

    first = fail()
    assert first.trace
    assert fail() == first


def test_the_trace_of_a_seed_that_keeps_every_promise() -> None:
    exit_code, told = simulate("--seeds", "4..5", "--steps", "500", "--trace", "5")
    assert exit_code == 0
    assert told.count("no promise broken: seed ") == 2


def test_a_bug_that_does_not_exist() -> None:
    assert find_bug("") is None
    with pytest.raises(UsageError, match="gate-skipped"):
        find_bug("none")
    assert {find_bug(bug.name) for bug in BUGS} == set(BUGS)
