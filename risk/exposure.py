"""Exposure of a firm, its accounts and its strategies: gross, net, worst case and profit, over every instrument.

    rows:  firm | account | its strategies ... | account | its strategies ...        columns: instruments

Each row has its own position, open buys and open sells in lots, so what two strategies hold against each other nets in
their account's row and in the firm's. A fill moves three rows; a mark moves a column. ``revalue`` computes everything
anew from the cells, one pass over the memory. ``risk/exposure_reference.py`` is the readable twin.

Money is in nanos (billionths) of one currency; a lot of an instrument is worth ``mark_nanos`` of them. No cell may be
worth more than ``2**62`` shared by the instruments, so that no sum leaves 64 bits; more is refused with UsageError.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from engine.codes import Side
from engine.errors import UsageError
from engine.kernel import kernel

__all__ = ["FIRM", "Change", "Exposure", "ExposureTable", "Holder", "revalue_rows"]

_Cells = NDArray[int64]
_NET, _GROSS, _WORST, _CASH = range(4)
#: The most lots of one cell, so that its worst case fits before it is valued.
_LOTS_MAX = 2**60


class Holder(NamedTuple):
    """Whose exposure: the firm's (both empty), an account's (no strategy), or a strategy's."""

    account: str = ""
    strategy: str = ""


FIRM = Holder()


class Exposure(NamedTuple):
    """In nanos. ``worst_nanos`` is gross at its largest over all subsets of the open orders that might fill.

    ``pnl_nanos`` is realised and marked: what was got less what was paid, and what is held at its mark.
    """

    net_nanos: int
    gross_nanos: int
    worst_nanos: int
    pnl_nanos: int


class Change(NamedTuple):
    """Of one strategy in one instrument: lots of the position and of what may still be bought and sold, and cash."""

    position_lots: int
    buy_lots: int
    sell_lots: int
    cash_nanos: int


class ExposureTable:
    """``strategies`` gives each account's; ``base_assets`` has one asset for each instrument, by instrument id.

    Raises UsageError for names it was not made with, and for numbers beyond its bounds, with nothing changed.
    """

    def __init__(self, strategies: Mapping[str, Sequence[str]], base_assets: Sequence[str]) -> None:
        holders = [FIRM]
        for account, names in strategies.items():
            holders += [Holder(account), *(Holder(account, name) for name in names)]
        self._rows = {holder: row for row, holder in enumerate(holders)}
        self._base_assets = list(base_assets)
        shape = (len(holders), len(base_assets))
        self._position, self._buys, self._sells = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        self._marks = np.zeros(shape[1], dtype=np.int64)
        self._sums = np.zeros((shape[0], 4), dtype=np.int64)
        self._most_nanos = 2**62 // max(shape[1], 1)

    # -- what happens ---------------------------------------------------------------------------------------

    def set_mark(self, instrument_id: int, mark_nanos: int) -> None:
        """What one lot of the instrument is worth from now on."""
        self._check_instrument(instrument_id)
        at = (slice(None), instrument_id)
        held = (abs(self._position[at]) + self._buys[at] + self._sells[at]).max()
        if mark_nanos < 0 or int(held) * mark_nanos > self._most_nanos:
            raise UsageError(f"a mark of {mark_nanos} nanos is beyond what instrument {instrument_id} can be valued at")
        _mark(self._position, self._buys, self._sells, self._marks, self._sums, instrument_id, mark_nanos)

    def define(self, instrument_id: int, base_asset: str) -> None:
        """Whose base asset it is, when that was not known from the start."""
        self._check_instrument(instrument_id)
        self._base_assets[instrument_id] = base_asset

    def open(self, account: str, strategy: str, instrument_id: int, side: Side, lots: int) -> None:
        """An order may fill ``lots`` more (negative: fewer) than before."""
        self.change(account, strategy, instrument_id, Change(0, *((lots, 0) if side is Side.BUY else (0, lots)), 0))

    def fill(self, account: str, strategy: str, instrument_id: int, side: Side, lots: int, paid_nanos: int) -> None:
        """An execution of ``lots`` for ``paid_nanos``, positive for a sell too. What it frees is told by ``open``."""
        signed, cash = (lots, -paid_nanos) if side is Side.BUY else (-lots, paid_nanos)
        self.change(account, strategy, instrument_id, Change(signed, 0, 0, cash))

    def change(self, account: str, strategy: str, instrument_id: int, change: Change) -> None:
        """Whatever has happened since the last call."""
        self._check_instrument(instrument_id)
        rows = [self._row(Holder(account, strategy)), self._row(Holder(account)), self._row(FIRM)]
        position, buys, sells, cash = change
        for row in rows:
            at = (row, instrument_id)
            opened = int(self._buys[at]) + buys, int(self._sells[at]) + sells
            worst = abs(int(self._position[at]) + position) + sum(opened)
            if min(opened) < 0 or worst > _LOTS_MAX or worst * int(self._marks[instrument_id]) > self._most_nanos:
                raise UsageError(f"instrument {instrument_id} of {account}/{strategy}: more than can be counted")
            if abs(int(self._sums[row, _CASH]) + cash) > 2**62:
                raise UsageError(f"{account}/{strategy}: cash of {cash} nanos is more than can be counted")
        for row in rows:
            _change(
                self._position, self._buys, self._sells, self._marks, self._sums,
                row, instrument_id, position, buys, sells, cash,
            )  # fmt: skip

    def revalue(self) -> None:
        """Everything anew, from the cells."""
        revalue_rows(self._position, self._buys, self._sells, self._marks, self._sums)

    # -- reading --------------------------------------------------------------------------------------------

    def of(self, holder: Holder = FIRM) -> Exposure:
        net, gross, worst, cash = (int(value) for value in self._sums[self._row(holder)])
        return Exposure(net, gross, worst, net + cash)

    def assets(self, holder: Holder = FIRM) -> dict[str, int]:
        """Net value by base asset, in nanos of the currency."""
        totals: dict[str, int] = dict.fromkeys(self._base_assets, 0)
        values = self._position[self._row(holder)] * self._marks
        for asset, value in zip(self._base_assets, values.tolist(), strict=True):
            totals[asset] += value
        return totals

    def _row(self, holder: Holder) -> int:
        try:
            return self._rows[holder]
        except KeyError:
            raise UsageError(
                f"no exposure is kept for account {holder.account!r}, strategy {holder.strategy!r}"
            ) from None

    def _check_instrument(self, instrument_id: int) -> None:
        if not 0 <= instrument_id < len(self._base_assets):
            raise UsageError(f"no exposure is kept for instrument {instrument_id}")


# -- kernels --------------------------------------------------------------------------------------------------------


@kernel
def revalue_rows(position: _Cells, buys: _Cells, sells: _Cells, marks: _Cells, sums: _Cells) -> None:
    """Net, gross and worst case of every row, into ``sums``. Without a branch, so that several cells go at once."""
    for row in range(position.shape[0]):
        net = gross = worst = 0
        for at in range(position.shape[1]):
            lots = position[row, at]
            value = lots * marks[at]
            net += value
            gross += abs(value)
            worst += max(abs(lots + buys[row, at]), abs(lots - sells[row, at])) * marks[at]
        sums[row, _NET], sums[row, _GROSS], sums[row, _WORST] = net, gross, worst


@kernel
def _change(
    position: _Cells,
    buys: _Cells,
    sells: _Cells,
    marks: _Cells,
    sums: _Cells,
    row: int,
    at: int,
    position_change: int,
    buys_change: int,
    sells_change: int,
    cash_change: int,
) -> None:
    lots, mark = position[row, at], marks[at]
    gross, worst = abs(lots), max(abs(lots + buys[row, at]), abs(lots - sells[row, at]))
    position[row, at] += position_change
    buys[row, at] += buys_change
    sells[row, at] += sells_change
    lots = position[row, at]
    sums[row, _NET] += position_change * mark
    sums[row, _GROSS] += (abs(lots) - gross) * mark
    sums[row, _WORST] += (max(abs(lots + buys[row, at]), abs(lots - sells[row, at])) - worst) * mark
    sums[row, _CASH] += cash_change


@kernel
def _mark(position: _Cells, buys: _Cells, sells: _Cells, marks: _Cells, sums: _Cells, at: int, mark: int) -> None:
    change = mark - marks[at]
    marks[at] = mark
    for row in range(position.shape[0]):
        lots = position[row, at]
        sums[row, _NET] += lots * change
        sums[row, _GROSS] += abs(lots) * change
        sums[row, _WORST] += max(abs(lots + buys[row, at]), abs(lots - sells[row, at])) * change
