"""What the simulation would find: deliberate bugs are noticed, by the promise that they break."""

import pytest

from cli.simulate import hunt
from cli.simulation.bugs import BUGS, planted
from cli.simulation.run import run_seed

#: A few that are found quickly; ``haltline simulate --bugs`` plants all.
QUICK = (
    "gate-skipped",
    "second-look-skipped",
    "leak-on-cancel",
    "unknown-as-rejected",
    "journal-after-send",
    "told-before-latched",
    "released-by-one-person",
    "epoch-reused",
)
PROMISES = {"Lease", "Limit", "Halt", "Account", "Isolation", "Conservation"}


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_is_caught_within_a_few_seeds(name: str) -> None:
    (bug,) = [each for each in BUGS if each.name == name]
    result = hunt(bug, range(1, 41))
    assert result is not None
    assert result.promise in bug.breaks
    assert result.trace


def test_there_are_enough_of_them_each_has_a_name_and_breaks_a_promise() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 20
    assert all(bug.breaks and set(bug.breaks) <= PROMISES for bug in BUGS)


def test_a_bug_is_gone_afterwards() -> None:
    before = [(owner, attribute, getattr(owner, attribute)) for bug in BUGS for owner, attribute, _ in bug.patches()]
    for bug in BUGS:
        with planted(bug):
            pass
    assert all(getattr(owner, attribute) is original for owner, attribute, original in before)
    assert not run_seed(1).promise
