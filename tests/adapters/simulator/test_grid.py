"""Fast decimal text agrees with the instrument's, and refuses what is off the grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.grid import Grid
from engine.errors import UsageError
from engine.instrument import decimal_text, parse_decimal


@given(st.integers(0, 10**15), st.sampled_from([(1, 2), (25, 2), (1, 8), (5, 0), (125, 3)]), st.integers(0, 4))
def test_text_and_steps_are_inverse_and_exact(steps: int, step: tuple[int, int], more_zeros: int) -> None:
    grid = Grid(*step, "price")
    text = grid.text(steps)
    assert len(text.partition(".")[2]) == 8
    assert parse_decimal(text) == parse_decimal(decimal_text(steps * step[0], step[1]))
    assert grid.steps(text) == grid.steps(decimal_text(steps * step[0], step[1])) == steps
    assert grid.steps(text + "0" * more_zeros) == steps


@pytest.mark.parametrize(
    "text", ["", ".5", "1e3", "-1", "+1", "1_0", "1.5.2", " 1", "١", "nan", "0.005", "1.000000001"]
)
def test_what_is_no_multiple_or_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="price"):
        Grid(1, 2, "price").steps(text)


@pytest.mark.parametrize("step", [(1, 9), (0, 2), (-1, 2)])
def test_a_step_that_eight_decimals_cannot_write_is_refused(step: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="lot"):
        Grid(*step, "lot")
