"""The command around the simulation: seeds, exit codes, what is printed of a failure."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import build
from cli.simulate import parse_seeds
from cli.simulation.bugs import BUGS, planted
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


def test_a_broken_promise_is_told_with_all_that_replays_it() -> None:
    (bug,) = [each for each in BUGS if each.name == "journal-after-send"]
    with planted(bug):
        done = CliRunner().invoke(build(["simulate"]), ["simulate", "--seeds", "1", "--steps", "700"])
    assert done.exit_code == 1
    assert "Account broken by seed 1 at step" in done.stdout
    assert "writes order.place" in done.stdout
    assert "again: haltline simulate --seeds 1 --steps 700" in done.stdout
