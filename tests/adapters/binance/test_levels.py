"""Levels and numbers: the kernel against the readable twin, and everything that is no number."""

import json
from fractions import Fraction

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.binance.levels import parse_levels, parse_levels_plainly
from adapters.grid import Grid, InstrumentGrid
from adapters.links import DECODE_ERRORS
from engine.errors import VenueError
from engine.instrument import Instrument


def instrument(tick_units: int = 1, price_scale: int = 2, lot_units: int = 1, quantity_scale: int = 5) -> Instrument:
    return Instrument(
        1, "binance", "BTCUSDT", "BTC", "USDT", tick_units, price_scale, lot_units, quantity_scale, 1, 10**9, 1, 10**9
    )


GRID = InstrumentGrid(instrument())


@pytest.mark.parametrize(
    ("text", "ticks"),
    [("61685.99000000", 6168599), ("61685.99", 6168599), ("0.01", 1), ("0", 0), ("7", 700), ("0.00000000", 0)],
)
def test_exact_prices(text: str, ticks: int) -> None:
    assert Grid("price", 1, 2).parse(text) == ticks
    assert Grid("price", 1, 2).parse(text) == ticks


NO_NUMBERS = [
    *("61685.991", "1.5e3", "-1", "+1", "", ".", "1.", ".5", "1_0", " 1", "1 ", "NaN", "Infinity", "١", "1.2.3"),
    *("9" * 41, "99999999999999999999"),
]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_on_the_grid_is_a_venue_error_that_names_it(text: str) -> None:
    with pytest.raises(VenueError, match="BTCUSDT price"):
        Grid("BTCUSDT price", 1, 2).parse(text)


@given(units=st.integers(0, 10**12), step_units=st.integers(1, 500), scale=st.integers(0, 8), zeros=st.integers(0, 4))
def test_grid_is_exact(units: int, step_units: int, scale: int, zeros: int) -> None:
    text = f"{units:0{scale + 1}d}"
    text = f"{text[:-scale]}.{text[-scale:]}{'0' * zeros}" if scale else text
    steps = Fraction(units, step_units)
    grid = Grid("price", step_units, scale)
    if steps.denominator == 1:
        assert grid.parse(text) == steps
    else:
        with pytest.raises(VenueError):
            grid.parse(text)


@given(units=st.integers(0, 10**12), step_units=st.integers(1, 500), scale=st.integers(0, 8))
def test_quantities_of_market_data_are_cut_to_whole_lots_but_never_to_nothing(
    units: int, step_units: int, scale: int
) -> None:
    text = f"{units:09d}"
    steps = Grid("quantity", step_units, scale, is_exact=False).parse(f"{text[:-8]}.{text[-8:]}")
    exact = Fraction(units, 10**8) / Fraction(step_units, 10**scale)
    assert steps == (max(1, int(exact)) if exact else 0)


def test_a_level_of_a_real_recording() -> None:
    assert parse_levels(b'[["10.00","191.38900600"],["9.00","0.00000100"]]', GRID).quantity_lots.tolist() == [
        19138900,
        1,
    ]
    with pytest.raises(VenueError, match=r"BTCUSDT price 10\.001"):
        parse_levels(b'[["10.001","1"]]', GRID)


def test_the_memory_of_texts_is_bounded() -> None:
    grid = Grid("price", 1, 2)
    for number in range(10_000):
        assert grid.parse(f"{number}.00") == number * 100
    assert grid.parse("17.00") == 1700


_number = st.one_of(
    st.decimals(0, 10**7, places=8, allow_nan=False).map(lambda d: f"{d:.8f}"),
    st.integers(0, 10**9).map(lambda n: f"{n / 100:.2f}"),
    st.integers(0, 10**10).map(str),
    st.sampled_from(["0.00000000", "1e5", "-1", "1.", ".5", "", "1_0", "9" * 30, "99999999999999.99999"]),
)


@given(
    levels=st.lists(st.tuples(_number, _number), max_size=5),
    spaces=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", ":")]),
    steps=st.tuples(st.sampled_from([1, 5, 25]), st.integers(0, 8), st.sampled_from([1, 10]), st.integers(0, 8)),
)
@settings(deadline=None)
def test_kernel_and_twin_agree(
    levels: list[tuple[str, str]], spaces: tuple[str, str], steps: tuple[int, int, int, int]
) -> None:
    grid = InstrumentGrid(instrument(*steps))
    raw = json.dumps(levels, separators=spaces).encode()
    try:
        expected = parse_levels_plainly(raw, grid)
    except VenueError:
        with pytest.raises(VenueError):
            parse_levels(raw, grid)
        return
    got = parse_levels(raw, grid)
    assert got.price_ticks.tolist() == expected.price_ticks.tolist()
    assert got.quantity_lots.tolist() == expected.quantity_lots.tolist()
    assert len(got.price_ticks) == len(levels)


@given(raw=st.binary(max_size=60) | st.text(alphabet='[]",.01 -', max_size=60).map(str.encode))
@settings(deadline=None)
def test_hostile_text_never_gets_past_the_twin(raw: bytes) -> None:
    try:
        expected = parse_levels_plainly(raw, GRID)
    except (VenueError, *DECODE_ERRORS):
        with pytest.raises((VenueError, *DECODE_ERRORS)):
            parse_levels(raw, GRID)
        return
    assert parse_levels(raw, GRID).price_ticks.tolist() == expected.price_ticks.tolist()


def test_arrays_are_what_a_book_takes() -> None:
    raw = msgspec.json.decode(b'{"b":[["1.00","2"],["0.99","0.00000000"]]}', type=dict[str, msgspec.Raw])["b"]
    ticks, lots = parse_levels(raw, GRID)
    assert ticks.tolist() == [100, 99]
    assert lots.tolist() == [200_000, 0]
    for array in (ticks, lots):
        assert array.dtype == np.int64
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_empty_levels() -> None:
    assert len(parse_levels(b"[]", GRID).price_ticks) == 0
    assert len(parse_levels(b" [ ] ", GRID).price_ticks) == 0
