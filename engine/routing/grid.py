"""A routed instrument's own ticks and lots: in them every price and quantity of its venues is a whole number.

BTCUSDT   tick 0.01, lot 0.00001        ┐
BTC/USDT  tick 0.1,  lot 0.00000001     ├─▶ tick 0.01, lot 0.00000001; each venue's are so and so many of these
BTC-USDT  tick 0.01, lot 0.00000001     ┘
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm
from typing import NamedTuple

from engine.errors import UsageError
from engine.instrument import Instrument, decimal_text

__all__ = ["MemberUnits", "RoutedGrid", "routed_grid"]


class MemberUnits(NamedTuple):
    """One lot and one tick of a venue's instrument, in those of the routed one."""

    lot_size: int
    tick_size: int


class RoutedGrid(NamedTuple):
    """``members`` in the order of the instruments that it was made of."""

    instrument: Instrument
    members: tuple[MemberUnits, ...]


def routed_grid(
    instrument_id: int, venue: str, symbol: str, instruments: Sequence[Instrument], same_value: Sequence[str] = ()
) -> RoutedGrid:
    """The routed instrument and how its venues' count in it. ``same_value``: assets of which one is taken for as good
    as another, such as USD and USDT, because somebody has said so; no others are.

    Raises UsageError, naming both, for venues that trade different assets, and for lots of which the coarser is no
    multiple of the finer: then what fills at one venue could leave an amount that no other takes.
    """
    first = instruments[0]
    for other in instruments[1:]:
        _check_assets(first, other, same_value)
    ticks = [Fraction(each.tick_units, 10**each.price_scale) for each in instruments]
    lots = [Fraction(each.lot_units, 10**each.quantity_scale) for each in instruments]
    _check_lots(instruments, lots)
    tick, lot = _common(ticks), _common(lots)
    members = tuple(MemberUnits(int(each / lot), int(its / tick)) for each, its in zip(lots, ticks, strict=True))
    least = min(each.quantity_lots_min * its.lot_size for each, its in zip(instruments, members, strict=True))
    tick_units, price_scale = _as_decimal(tick)
    lot_units, quantity_scale = _as_decimal(lot)
    instrument = Instrument(
        instrument_id,
        venue,
        symbol,
        first.base_asset,
        first.quote_asset,
        tick_units,
        price_scale,
        lot_units,
        quantity_scale,
        1,
        0,
        least,
        0,
    )
    return RoutedGrid(instrument, members)


def _check_assets(one: Instrument, other: Instrument, same_value: Sequence[str]) -> None:
    for what, mine, its in (
        ("base", one.base_asset, other.base_asset),
        ("quote", one.quote_asset, other.quote_asset),
    ):
        if mine != its and not {mine, its} <= set(same_value):
            raise UsageError(
                f"{one.venue}:{one.symbol} and {other.venue}:{other.symbol} cannot be one instrument: their {what} "
                f"assets are {mine} and {its}; route between venues of one, or say that these are worth the same "
                f'(same_value = ["{mine}", "{its}"])'
            )


def _check_lots(instruments: Sequence[Instrument], lots: Sequence[Fraction]) -> None:
    ordered = sorted(zip(lots, (f"{each.venue}:{each.symbol}" for each in instruments), strict=True))
    for (fine, fine_name), (coarse, coarse_name) in pairwise(ordered):
        if (coarse / fine).denominator != 1:
            raise UsageError(
                f"{fine_name} and {coarse_name} cannot be one instrument: a lot of {_text(coarse)} is no multiple of "
                f"one of {_text(fine)}; leave one of them out"
            )


def _common(steps: Sequence[Fraction]) -> Fraction:
    """The largest step of which each is a multiple."""
    below = lcm(*(step.denominator for step in steps))
    return Fraction(gcd(*(step.numerator * (below // step.denominator) for step in steps)), below)


def _as_decimal(step: Fraction) -> tuple[int, int]:
    """``units / 10**scale``; steps of decimals always have one."""
    scale = 0
    while (step * 10**scale).denominator != 1:
        scale += 1
    return int(step * 10**scale), scale


def _text(step: Fraction) -> str:
    return decimal_text(*_as_decimal(step))
