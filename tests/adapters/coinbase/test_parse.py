"""Numbers at the border: exact, or an error that names them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.coinbase import parse
from adapters.coinbase.messages import FillInfo, OrderSide, Product
from adapters.coinbase.times import time_text
from adapters.grid import InstrumentGrid
from engine.errors import VenueError

PRODUCT = Product("BTC-USD", "0.00000001", "0.01", "BTC", "USD", price_increment="0.01", base_min_size="0.00001")
GRID = InstrumentGrid(parse.instrument(PRODUCT, 1, "coinbase"))


def fill(**changes: object) -> FillInfo:
    plain = FillInfo("t-1", "o", "2024-01-01T00:00:00Z", "100.00", "1", "BTC-USD", OrderSide.BUY)
    return msgspec.structs.replace(plain, **changes)


@given(st.integers(1, 2**60), st.integers(1, 2**60), st.integers(0, 3))
def test_a_fill_is_read_exactly_however_many_zeros_it_ends_with(lots: int, ticks: int, zeros: int) -> None:
    instrument = GRID.instrument
    event = parse.filled(
        fill(size=instrument.quantity_text(lots) + "0" * zeros, price=instrument.price_text(ticks) + "0" * zeros),
        "a-1",
        "o",
        GRID,
    )
    assert (event.last_lots, event.last_ticks) == (lots, ticks)


@given(st.integers(0, 9_000_000_000_000_000_000), st.text("0123456789abcdef-", min_size=1, max_size=36))
def test_a_trade_id_tells_when_it_was(time_ns: int, name: str) -> None:
    text = parse.trade_id(fill(trade_id=name, sequence_timestamp=time_text(time_ns)))
    assert parse.trade_id_ns(text) == time_ns // 1_000 * 1_000
    assert text.endswith(f"-{name}")


@pytest.mark.parametrize("text", ["", "17", "-1", "x-1", "٣-1"])
def test_what_is_no_trade_id_of_ours_has_no_time(text: str) -> None:
    assert parse.trade_id_ns(text) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "100.005"},
        {"size": "0.000000001"},
        {"size": "1e-3"},
        {"commission": "lots"},
        {"size": "-1"},
        {"size": "1", "price": "3", "size_in_quote": True},
    ],
)
def test_a_fill_off_the_grid_is_an_error(changes: dict[str, object]) -> None:
    with pytest.raises(VenueError):
        parse.filled(fill(**changes), "a-1", "o", GRID)


@pytest.mark.parametrize("changes", [{"base_increment": "0"}, {"base_increment": ""}, {"price_increment": "x"}])
def test_a_product_without_a_step_is_an_error(changes: dict[str, str]) -> None:
    with pytest.raises(VenueError):
        parse.instrument(msgspec.structs.replace(PRODUCT, **changes), 1, "coinbase")


def test_bounds_are_rounded_to_the_inside_and_may_be_missing() -> None:
    product = msgspec.structs.replace(
        PRODUCT, base_increment="0.1", base_min_size="0.15", base_max_size="9.99", quote_min_size="1.001"
    )
    instrument = parse.instrument(product, 1, "coinbase")
    assert (instrument.quantity_lots_min, instrument.quantity_lots_max) == (2, 99)
    assert instrument.notional_tick_lots_min == 1_001
    assert instrument.notional_tick_lots_max == 0
    futures = msgspec.structs.replace(PRODUCT, price_increment="5", quote_increment="0.01")
    assert parse.instrument(futures, 1, "coinbase").price_text(3) == "15"


def test_a_rebate_is_below_zero() -> None:
    assert parse.fee_rates(1, "-0.0001", "0.0005").maker_nanos == -100_000
