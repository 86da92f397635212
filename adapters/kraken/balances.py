"""What the account holds. The channel tells totals after each change; what orders hold of them only REST tells."""

from collections.abc import Mapping

import msgspec

from adapters.kraken import parse
from adapters.kraken.core import SessionCore
from adapters.kraken.messages import BalanceDetail, BalanceEntry, Message
from adapters.kraken.numbers import nanos_floor
from engine.venue import Balance

__all__ = ["Balances"]

_decode = msgspec.json.Decoder(tuple[BalanceEntry, ...]).decode
#: Earned, staked and otherwise bound holdings are listed under names of their own: they cannot be traded.
_BOUND = (".B", ".F", ".M", ".S", ".T")


class Balances:
    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._sequence = 0
        self._locked: dict[str, int] = {}
        #: When the channel told each asset last, on our clock: what REST was asked before that is older.
        self._told_ns: dict[str, int] = {}

    def lost(self) -> None:
        self._sequence = 0

    def on_message(self, message: Message, now_ns: int) -> bool:
        """False: changes are missing; what is there has to be asked. Raises VenueError or DECODE_ERRORS."""
        entries = _decode(message.data)
        is_next = message.type == "snapshot" or message.sequence == self._sequence + 1
        if message.type != "snapshot" and message.sequence <= self._sequence:
            self._core.count("balance twice")
            return True
        self._sequence = message.sequence
        for entry in entries:
            total = max(0, nanos_floor(entry.balance, entry.asset))
            locked = min(self._locked.get(entry.asset, 0), total)
            self._told_ns[entry.asset] = now_ns
            self._core.emit(Balance(entry.asset, total - locked, locked), now_ns)
        if not is_next:
            self._core.count("balances gap")
        return is_next

    def on_listed(self, details: Mapping[str, BalanceDetail], asked_ns: int, now_ns: int) -> None:
        """``BalanceEx``: everything, except assets of which the channel has told since it was asked. Assets of ours
        that it leaves out have nothing."""
        core = self._core
        found: dict[str, Balance] = {}
        for asset_id, detail in details.items():
            if not asset_id.endswith(_BOUND):
                asset = core.assets.get(asset_id, asset_id)
                found[asset] = parse.balance(asset, detail)
        for grid in core.grids.values():
            for asset in (grid.instrument.base_asset, grid.instrument.quote_asset):
                found.setdefault(asset, Balance(asset, 0, 0))
        for asset, balance in found.items():
            self._locked[asset] = balance.locked_nanos
            if self._told_ns.get(asset, -1) < asked_ns:
                core.emit(balance, now_ns)
