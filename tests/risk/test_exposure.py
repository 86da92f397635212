"""The exposure table against its twin: incremental, and revalued from scratch."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import Side
from engine.errors import UsageError
from risk.exposure import FIRM, Change, Exposure, ExposureTable, Holder
from risk.exposure_reference import ReferenceExposure

STRATEGIES = {"main": ("quoter", "taker"), "other": ("quoter",)}
ASSETS = ("BTC", "ETH", "BTC")
HOLDERS = [FIRM, *(Holder(account) for account in STRATEGIES)]
HOLDERS += [Holder(account, name) for account, names in STRATEGIES.items() for name in names]

WHO = st.sampled_from([("main", "quoter"), ("main", "taker"), ("other", "quoter")])
WHAT = st.tuples(st.integers(0, 2), st.sampled_from(Side), st.integers(1, 1_000))
MONEY = st.integers(-(10**9), 10**9)
STEPS = st.one_of(
    st.tuples(st.just("open"), WHO, WHAT),
    st.tuples(st.just("fill"), WHO, WHAT, st.integers(0, 10**9)),
    st.tuples(st.just("filled_order"), WHO, WHAT, st.integers(0, 10**9)),
    st.tuples(st.just("change"), WHO, st.integers(0, 2), st.tuples(*[st.integers(-500, 500)] * 3, MONEY)),
    st.tuples(st.just("define"), st.integers(0, 2), st.sampled_from(["BTC", "ETH", "SOL"])),
    st.tuples(st.just("mark"), st.integers(0, 2), st.integers(0, 10**6)),
)


def apply(table: Any, step: Any) -> None:
    if step[0] == "mark":
        table.set_mark(step[1], step[2])
        return
    if step[0] == "define":
        table.define(step[1], step[2])
        return
    if step[0] == "change":
        (who, instrument_id, (position, buys, sells, cash)) = step[1:]
        table.open(*who, instrument_id, Side.BUY, 500)  # so that there is something to take back
        table.open(*who, instrument_id, Side.SELL, 500)
        table.change(*who, instrument_id, Change(position, buys, sells, cash))
        return
    who, (instrument_id, side, lots) = step[1], step[2]
    if step[0] == "open":
        table.open(*who, instrument_id, side, lots)
    elif step[0] == "fill":
        table.fill(*who, instrument_id, side, lots, step[3])
    else:
        table.open(*who, instrument_id, side, lots)
        table.open(*who, instrument_id, side, -lots)
        table.fill(*who, instrument_id, side, lots, step[3])


@settings(deadline=None, max_examples=150)
@given(st.lists(STEPS, max_size=40))
def test_incremental_equals_the_twin_and_a_full_revaluation(steps: list[Any]) -> None:
    table, twin = ExposureTable(STRATEGIES, ASSETS), ReferenceExposure(ASSETS)
    for step in steps:
        apply(table, step)
        apply(twin, step)
    incremental = {holder: table.of(holder) for holder in HOLDERS}
    assert incremental == {holder: twin.of(holder) for holder in HOLDERS}
    assert {h: table.assets(h) for h in HOLDERS} == {h: twin.assets(h) for h in HOLDERS}
    table.revalue()
    assert incremental == {holder: table.of(holder) for holder in HOLDERS}


@settings(deadline=None)
@given(st.integers(-100, 100), st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 50)), max_size=8), st.data())
def test_no_subset_of_the_open_orders_is_worse_than_the_worst_case(
    position: int, orders: list[tuple[Side, int]], data: st.DataObject
) -> None:
    table = ExposureTable({"a": ("s",)}, ("BTC",))
    table.set_mark(0, 1)
    if position:
        table.fill("a", "s", 0, Side.BUY if position > 0 else Side.SELL, abs(position), 0)
    for side, lots in orders:
        table.open("a", "s", 0, side, lots)
    filled = sum(lots if side is Side.BUY else -lots for side, lots in orders if data.draw(st.booleans()))
    assert abs(position + filled) <= table.of().worst_nanos


def test_what_two_strategies_hold_against_each_other_nets_in_their_account() -> None:
    table = ExposureTable(STRATEGIES, ASSETS)
    table.set_mark(0, 10)
    table.fill("main", "quoter", 0, Side.BUY, 100, 900)
    table.fill("main", "taker", 0, Side.SELL, 100, 1_000)
    assert table.of(Holder("main", "quoter")) == Exposure(1_000, 1_000, 1_000, 100)
    assert table.of(Holder("main", "taker")) == Exposure(-1_000, 1_000, 1_000, 0)
    assert table.of(Holder("main")) == table.of() == Exposure(0, 0, 0, 100)
    assert table.of(Holder("other")) == Exposure(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("account", "strategy", "instrument_id"), [("nobody", "quoter", 0), ("main", "nobody", 0), ("main", "taker", 3)]
)
def test_an_unknown_name_is_refused(account: str, strategy: str, instrument_id: int) -> None:
    table = ExposureTable(STRATEGIES, ASSETS)
    with pytest.raises(UsageError, match="no exposure is kept"):
        table.fill(account, strategy, instrument_id, Side.BUY, 1, 1)


def test_numbers_that_would_leave_64_bits_are_refused_and_change_nothing() -> None:
    table = ExposureTable(STRATEGIES, ASSETS)
    table.set_mark(0, 2**40)
    with pytest.raises(UsageError, match="more than can be counted"):
        table.fill("main", "quoter", 0, Side.BUY, 2**30, 0)
    with pytest.raises(UsageError, match="more than can be counted"):
        table.fill("main", "quoter", 0, Side.BUY, 1, 2**63)
    with pytest.raises(UsageError, match="more than can be counted"):
        table.open("main", "quoter", 0, Side.SELL, -1)
    table.open("main", "quoter", 0, Side.SELL, 2**19)
    with pytest.raises(UsageError, match="beyond what instrument 0"):
        table.set_mark(0, 2**50)
    assert table.of() == Exposure(0, 0, 2**59, 0)
