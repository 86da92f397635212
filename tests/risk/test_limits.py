"""Limits have no default and no silly value."""

from typing import Any

import msgspec
import pytest

from engine.errors import UsageError
from engine.instrument import Instrument
from risk.limits import AccountLimits, InstrumentLimits


@pytest.mark.parametrize("value", [-1, 10**9 + 1, True, 1.5, None, float("nan")])
@pytest.mark.parametrize("field", ["open_orders", "orders_per_second", "orders_burst"])
def test_a_wrong_account_limit_is_named(field: str, value: Any) -> None:
    limits = msgspec.structs.replace(AccountLimits(1, 1, 1), **{field: value})
    with pytest.raises(UsageError, match=f"account limit {field} is"):
        limits.validate()


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
