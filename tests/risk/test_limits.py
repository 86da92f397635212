"""Limits have no default and no silly value."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.errors import UsageError
from engine.instrument import Instrument
from risk.limits import AccountLimits, InstrumentLimits, StrategyLimits

COUNTS = [name for name in AccountLimits.__struct_fields__ if name not in ("currency", "assets")]


@pytest.mark.parametrize("value", [-1, 2**63, True, 1.5, None, float("nan")])
@pytest.mark.parametrize("field", COUNTS)
def test_a_wrong_account_limit_is_named(field: str, value: Any, make_account: Callable[..., AccountLimits]) -> None:
    with pytest.raises(UsageError, match=f"account limit {field} is"):
        make_account(**{field: value}).validate()
    make_account(**{field: 0}).validate()


@pytest.mark.parametrize("currency", ["", None, 5])
def test_an_account_has_a_currency(currency: Any, make_account: Callable[..., AccountLimits]) -> None:
    with pytest.raises(UsageError, match="currency"):
        make_account(currency=currency).validate()


@pytest.mark.parametrize("pair", [(-1, 5), (5, -1), (0.5, 1)])
def test_a_wrong_limit_of_an_asset_is_named(pair: Any, make_account: Callable[..., AccountLimits]) -> None:
    with pytest.raises(UsageError, match="account limit of BTC"):
        make_account(assets={"BTC": pair}).validate()


@pytest.mark.parametrize("field", StrategyLimits.__struct_fields__)
def test_a_wrong_strategy_limit_is_named_with_its_strategy(
    field: str, make_strategy: Callable[..., StrategyLimits]
) -> None:
    for value in (-1, 2**63, True, 0.5):
        with pytest.raises(UsageError, match=f"limit of strategy quoter {field} is"):
            make_strategy(**{field: value}).validate("quoter")
    make_strategy(**{field: 0}).validate("quoter")


@pytest.mark.parametrize("field", InstrumentLimits.__struct_fields__)
def test_a_wrong_instrument_limit_is_named_with_its_instrument(
    field: str, instrument: Instrument, limits: InstrumentLimits
) -> None:
    for value in (-1, 2**63, True, 0.5):
        with pytest.raises(UsageError, match=f"limit of BTCUSDT {field} is"):
            msgspec.structs.replace(limits, **{field: value}).validate(instrument)
    msgspec.structs.replace(limits, **{field: 0}).validate(instrument)


def test_a_limit_that_is_not_given_is_an_error() -> None:
    with pytest.raises(TypeError, match="orders_burst"):
        AccountLimits(open_orders=1, orders_per_second=1)  # type: ignore[call-arg]  # that is the point
