"""Decimal text to integers and back: exact, or refused with the nearest valid values."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.instrument import INT64_MAX, Instrument, NotOnGrid, decimal_text, parse_decimal, parse_nanos

BTCUSDT = Instrument(
    instrument_id=1,
    venue="binance",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_units=1,
    price_scale=2,
    lot_units=1,
    quantity_scale=5,
    price_ticks_min=1,
    price_ticks_max=100_000_000,
    quantity_lots_min=1,
    quantity_lots_max=900_000_000,
)

NOT_NUMBERS = [
    "",
    " ",
    "1 ",
    " 1",
    "1\n",
    "+",
    "-",
    ".",
    "1.",
    ".5",
    "1.2.3",
    "1,000",
    "1_000",
    "1e3",
    "1E-3",
    "0x10",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "∞",
    "١٢٣",
    "１２",
    "1\u00a0000",
    "−1",
    "--1",
    "1" * 41,
    "0." + "1" * 41,
    "None",
    "\x00",
]


def instrument(tick_units: int, price_scale: int, lot_units: int, quantity_scale: int) -> Instrument:
    return Instrument(
        instrument_id=1,
        venue="v",
        symbol="S",
        base_asset="B",
        quote_asset="Q",
        tick_units=tick_units,
        price_scale=price_scale,
        lot_units=lot_units,
        quantity_scale=quantity_scale,
        price_ticks_min=0,
        price_ticks_max=0,
        quantity_lots_min=0,
        quantity_lots_max=0,
    )


GRIDS = st.builds(instrument, st.integers(1, 10_000), st.integers(0, 12), st.integers(1, 10_000), st.integers(0, 12))
LOTS = st.integers(-INT64_MAX, INT64_MAX)

# -- decimal text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_not_plain_decimal_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="limit_price") as caught:
        parse_decimal(text, "limit_price")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", [1, 1.5, float("nan"), None, b"1", Decimal("1"), ["1"]])
def test_what_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        parse_decimal(value)


@given(text=st.text())
def test_parsing_any_text_gives_a_number_or_a_usage_error(text: str) -> None:
    try:
        units, scale = parse_decimal(text)
    except UsageError:
        return
    assert Fraction(Decimal(text)) == Fraction(units, 10**scale)


@given(units=st.integers(-(10**38), 10**38), scale=st.integers(0, 40))
@example(units=0, scale=5)
@example(units=-1, scale=3)
def test_text_of_a_number_parses_to_the_number(units: int, scale: int) -> None:
    text = decimal_text(units, scale)
    with localcontext(prec=100):
        assert Decimal(text) == Decimal(units).scaleb(-scale)
    parsed = parse_decimal(text)
    assert parsed.units * 10 ** (scale - parsed.scale) == units
    assert parsed.scale == 0 or parsed.units % 10 != 0


def test_trailing_zeros_and_signs_do_not_matter() -> None:
    assert parse_decimal("61685.9900") == parse_decimal("+61685.99") == parse_decimal("0061685.99") == (6168599, 2)
    assert parse_decimal("-0.00") == (0, 0)
    assert parse_decimal("100") == (100, 0)


@given(nanos=st.integers(-(10**30), 10**30))
def test_nanos_round_trip(nanos: int) -> None:
    assert parse_nanos(decimal_text(nanos, 9)) == nanos


def test_nanos_are_never_rounded() -> None:
    assert parse_nanos("0.0000000010") == 1
    with pytest.raises(UsageError, match=r"commission 0\.0000000011"):
        parse_nanos("0.0000000011", "commission")


# -- grids -------------------------------------------------------------------------------------------------------


@given(grid=GRIDS, ticks=LOTS, lots=LOTS)
def test_price_and_quantity_round_trip(grid: Instrument, ticks: int, lots: int) -> None:
    assert grid.price_ticks(grid.price_text(ticks)) == ticks
    assert grid.quantity_lots(grid.quantity_text(lots)) == lots


def outcome(grid: Instrument, text: str) -> int | NotOnGrid | UsageError:
    try:
        return grid.price_ticks(text)
    except UsageError as error:
        return error


@given(grid=GRIDS, units=st.integers(-(10**20), 10**20), scale=st.integers(0, 15))
@example(grid=instrument(9999, 12, 1, 0), units=10**20, scale=0)
@example(grid=instrument(3, 0, 1, 0), units=3 * INT64_MAX + 1, scale=0)
def test_price_text_is_exact_or_off_the_grid_between_two_valid_prices_or_too_large(
    grid: Instrument, units: int, scale: int
) -> None:
    text = decimal_text(units, scale)
    ticks = outcome(grid, text)
    if isinstance(ticks, NotOnGrid):
        assert Decimal(ticks.below) < Decimal(text) < Decimal(ticks.above)
        assert grid.price_ticks(ticks.above) - grid.price_ticks(ticks.below) == 1
        assert (ticks.field, ticks.text) == ("price", text)
    elif isinstance(ticks, UsageError):
        assert "64 bits" in str(ticks)
        assert abs(Decimal(text).scaleb(grid.price_scale)) > grid.tick_units * (INT64_MAX - 1)
    else:
        with localcontext(prec=100):
            assert Decimal(ticks) * grid.tick_units == Decimal(text).scaleb(grid.price_scale)


def test_price_between_two_ticks_is_refused_with_both() -> None:
    with pytest.raises(NotOnGrid, match=r"price 61685\.995 is not on the grid; nearest valid: 61685\.99 or 61686\.00"):
        BTCUSDT.price_ticks("61685.995")
    with pytest.raises(NotOnGrid) as caught:
        BTCUSDT.quantity_lots("0.000015")
    assert (caught.value.field, caught.value.below, caught.value.above) == ("quantity", "0.00001", "0.00002")


def test_numbers_beyond_64_bits_are_refused() -> None:
    assert BTCUSDT.price_ticks(decimal_text(INT64_MAX, 2)) == INT64_MAX
    for beyond in (INT64_MAX + 1, -INT64_MAX - 1, 10**39):
        with pytest.raises(UsageError, match="64 bits"):
            BTCUSDT.price_ticks(decimal_text(beyond, 2))


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_prices_and_quantities_take_plain_decimal_text_only(text: str) -> None:
    with pytest.raises(UsageError, match="price"):
        BTCUSDT.price_ticks(text)
    with pytest.raises(UsageError, match="quantity"):
        BTCUSDT.quantity_lots(text)


# -- money -------------------------------------------------------------------------------------------------------


def test_quote_text_is_the_exact_product() -> None:
    ticks, lots = BTCUSDT.price_ticks("61685.99"), BTCUSDT.quantity_lots("0.12345")
    assert Decimal(BTCUSDT.quote_text(ticks * lots)) == Decimal("61685.99") * Decimal("0.12345")


@given(grid=GRIDS, units=st.integers(0, 10**18), scale=st.integers(0, 9))
def test_limits_in_quote_asset_round_to_the_strict_side(grid: Instrument, units: int, scale: int) -> None:
    text = decimal_text(units, scale)
    floor, ceil = grid.tick_lots_floor(text), grid.tick_lots_ceil(text)
    with localcontext(prec=100):
        assert Decimal(grid.quote_text(floor)) <= Decimal(text) < Decimal(grid.quote_text(floor + 1))
        assert Decimal(grid.quote_text(ceil - 1)) < Decimal(text) <= Decimal(grid.quote_text(ceil))


def test_limit_in_quote_asset_names_its_field_when_it_is_no_number() -> None:
    with pytest.raises(UsageError, match="order_notional_max"):
        BTCUSDT.tick_lots_floor("lots", "order_notional_max")


@given(grid=GRIDS, units=st.integers(0, 10**18), scale=st.integers(0, 9))
def test_limits_in_lots_round_down(grid: Instrument, units: int, scale: int) -> None:
    text = decimal_text(units, scale)
    lots = grid.lots_floor(text)
    with localcontext(prec=100):
        assert Decimal(grid.quantity_text(lots)) <= Decimal(text) < Decimal(grid.quantity_text(lots + 1))
