"""Every adapter passes every row of the conformance suite: by name, against its venue's simulator, in virtual time."""

import pytest

from cli.conformance.desk import RowFailed, expect
from cli.conformance.row import Row, run_row
from cli.conformance.stage import Vector
from cli.conformance.suite import ROWS, STAGES, check_vector


@pytest.mark.parametrize("venue", STAGES)
@pytest.mark.parametrize("row", ROWS, ids=[f"{row.group}: {row.name}" for row in ROWS])
def test_row(venue: str, row: Row) -> None:
    result = run_row(row, STAGES[venue])
    assert result.passed, result.failure


@pytest.mark.parametrize("venue", STAGES)
def test_signatures_equal_their_vectors(venue: str) -> None:
    stage = STAGES[venue]
    results = [check_vector(vector, stage) for vector in stage.vectors()]
    assert results
    assert not [result.name for result in results if not result.passed]
    assert not check_vector(Vector("another", "made", "expected"), stage).passed


def test_a_venue_is_excused_from_few_rows_and_says_why() -> None:
    names = {row.name for row in ROWS}
    for stage in STAGES.values():
        assert set(stage.absent) <= names
        assert all(stage.absent.values())
        assert len(stage.absent) <= 1


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_what_a_row_or_an_adapter_raises_is_a_failure_and_says_where() -> None:
    stage = STAGES["kraken"]

    def demands(_: object) -> None:
        expect(False, "this does not hold")

    def raises(_: object) -> None:
        raise KeyError("gone")

    assert run_row(Row("a", "b", demands), stage).failure == "this does not hold"
    assert run_row(Row("a", "b", raises), stage).failure == "KeyError in raises: 'gone'"
    with pytest.raises(RowFailed):
        demands(None)
