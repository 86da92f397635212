"""The exposure's readable twin: every order and fill kept as it came, everything computed from them when asked.

``tests/risk/test_exposure.py`` holds the table to it. Production does not use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from engine.codes import Side
from risk.exposure import FIRM, Change, Exposure, Holder

__all__ = ["ReferenceExposure"]


@dataclass
class ReferenceExposure:
    """Same calls as ``risk.exposure.ExposureTable``."""

    base_assets: Sequence[str]
    marks: dict[int, int] = field(default_factory=dict)
    opened: list[tuple[Holder, int, Side, int]] = field(default_factory=list)
    fills: list[tuple[Holder, int, int, int]] = field(default_factory=list)

    def set_mark(self, instrument_id: int, mark_nanos: int) -> None:
        self.marks[instrument_id] = mark_nanos

    def open(self, account: str, strategy: str, instrument_id: int, side: Side, lots: int) -> None:
        self.opened.append((Holder(account, strategy), instrument_id, side, lots))

    def fill(self, account: str, strategy: str, instrument_id: int, side: Side, lots: int, paid_nanos: int) -> None:
        signed, cash = (lots, -paid_nanos) if side is Side.BUY else (-lots, paid_nanos)
        self.fills.append((Holder(account, strategy), instrument_id, signed, cash))

    def define(self, instrument_id: int, base_asset: str) -> None:
        self.base_assets = [base_asset if at == instrument_id else each for at, each in enumerate(self.base_assets)]

    def change(self, account: str, strategy: str, instrument_id: int, change: Change) -> None:
        holder, (position, buys, sells, cash) = Holder(account, strategy), change
        self.opened += [(holder, instrument_id, Side.BUY, buys), (holder, instrument_id, Side.SELL, sells)]
        self.fills.append((holder, instrument_id, position, cash))

    def position(self, holder: Holder, instrument_id: int) -> int:
        return sum(lots for each, at, lots, _ in self.fills if at == instrument_id and _belongs(each, holder))

    def open_lots(self, holder: Holder, instrument_id: int, side: Side) -> int:
        return sum(
            lots for each, at, s, lots in self.opened if at == instrument_id and s is side and _belongs(each, holder)
        )

    def worst_lots(self, holder: Holder, instrument_id: int) -> int:
        """Over the subsets of open orders: none or all of each side, since between them lies nothing larger."""
        position = self.position(holder, instrument_id)
        buys, sells = (self.open_lots(holder, instrument_id, side) for side in Side)
        return max(abs(position + some - others) for some, others in product((0, buys), (0, sells)))

    def of(self, holder: Holder = FIRM) -> Exposure:
        values = [self.position(holder, at) * self.marks.get(at, 0) for at in range(len(self.base_assets))]
        worst = [self.worst_lots(holder, at) * self.marks.get(at, 0) for at in range(len(self.base_assets))]
        cash = sum(cash for each, _, _, cash in self.fills if _belongs(each, holder))
        return Exposure(sum(values), sum(map(abs, values)), sum(worst), sum(values) + cash)

    def assets(self, holder: Holder = FIRM) -> dict[str, int]:
        return {
            asset: sum(
                self.position(holder, at) * self.marks.get(at, 0)
                for at, each in enumerate(self.base_assets)
                if each == asset
            )
            for asset in self.base_assets
        }


def _belongs(each: Holder, holder: Holder) -> bool:
    return holder.account in ("", each.account) and holder.strategy in ("", each.strategy)
