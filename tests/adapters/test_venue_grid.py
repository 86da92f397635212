"""Decimal text in whole steps, by the quick ways and by the readable one: the same, whatever the text."""

import re
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.grid import Grid
from engine.errors import VenueError

_TEXTS = st.from_regex(r"[0-9]{0,20}\.?[0-9]{0,12}", fullmatch=True) | st.text("0123456789.-٣ ", max_size=14)


def naive(text: str, step: Fraction, is_exact: bool) -> int | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is None or len(text) > 40:
        return None
    steps = Fraction(text) / step
    if steps.denominator != 1 and is_exact:
        return None
    whole = steps.numerator // steps.denominator
    whole = max(whole, 1) if steps.denominator != 1 else whole
    return whole if whole < 2**63 else None


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 500), st.integers(0, 10), st.booleans(), _TEXTS)
def test_every_way_to_read_a_number_says_the_same(units: int, scale: int, is_exact: bool, text: str) -> None:
    grid = Grid("price", units, scale, is_exact)
    for _ in range(2):  # read, then remembered
        try:
            read = grid.parse(text)
        except VenueError:
            read = None
        assert read == naive(text, Fraction(units, 10**scale), is_exact)
