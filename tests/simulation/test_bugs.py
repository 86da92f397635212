"""What the simulation would find: deliberate bugs are noticed, by the promise that they break."""

import pytest

from cli.simulate import hunt
from cli.simulation.bugs import BUGS, planted
from cli.simulation.run import run_seed

#: A few that are found quickly, and by whom; ``haltline simulate --bugs`` plants all.
QUICK = {
    "gate-skipped": "Limit",
    "second-look-skipped": "Lease",
    "leak-on-cancel": "Conservation",
    "unknown-as-rejected": "Limit",
    "journal-after-send": "Account",
    "told-before-latched": "Halt",
    "epoch-reused": "Lease",
}


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_is_caught_within_a_few_seeds(name: str) -> None:
    (bug,) = [each for each in BUGS if each.name == name]
    result = hunt(bug, range(1, 13))
    assert result is not None
    assert result.promise == QUICK[name]
    assert result.trace


def test_there_are_enough_of_them_and_each_has_a_name() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 20


def test_a_bug_is_gone_afterwards() -> None:
    before = [(owner, attribute, getattr(owner, attribute)) for bug in BUGS for owner, attribute, _ in bug.patches()]
    for bug in BUGS:
        with planted(bug):
            pass
    assert all(getattr(owner, attribute) is original for owner, attribute, original in before)
    assert not run_seed(1).promise
