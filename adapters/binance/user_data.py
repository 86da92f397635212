"""The user data stream: execution reports and balances."""

import msgspec

from adapters.binance import parse
from adapters.binance.amends import Amends
from adapters.binance.core import SessionCore
from adapters.binance.messages import Account, AccountPosition, EventType, ExecutionReport
from adapters.binance.order_entry import OrderEntry

__all__ = ["UserData"]

_REPORT_START = b'{"e":"executionReport"'

_decode_type = msgspec.json.Decoder(EventType).decode
_decode_report = msgspec.json.Decoder(ExecutionReport).decode
_decode_position = msgspec.json.Decoder(AccountPosition).decode


class UserData:
    def __init__(self, core: SessionCore, entry: OrderEntry, amends: Amends) -> None:
        self._core, self._entry, self._amends = core, entry, amends
        #: When each asset's amounts were last told by the stream, in the venue's unit.
        self._told: dict[str, int] = {}

    def on_event(self, event: msgspec.Raw, now_ns: int) -> str:
        """Returns the event's type. Raises VenueError or DECODE_ERRORS for one that cannot be."""
        text = memoryview(event)
        kind = "executionReport" if text[: len(_REPORT_START)] == _REPORT_START else _decode_type(event).e
        if kind == "executionReport":
            self.on_report(_decode_report(event), now_ns)
        elif kind == "outboundAccountPosition":
            self._on_position(_decode_position(event), now_ns)
        return kind

    def on_report(self, report: ExecutionReport, now_ns: int) -> None:
        grid = self._core.grids_by_symbol.get(report.s)
        if grid is None:
            self._core.count("report of an instrument that is not ours")
            return
        events = parse.execution_events(report, grid, self._core.options.unit_ns)
        if self._amends.has_any():
            events = self._amends.translated(report, events, grid, now_ns)
        for event in events:
            self._entry.on_report(event, now_ns)

    def _on_position(self, position: AccountPosition, now_ns: int) -> None:
        for entry in position.B:
            balance = parse.balance(entry.a, entry.f, entry.l)
            self._told[entry.a] = position.u
            self._core.emit(balance, now_ns)

    def on_account(self, account: Account, now_ns: int) -> None:
        """The REST snapshot: all assets, except those of which the stream has told something newer. Assets of ours
        that it leaves out have nothing."""
        told, self._told = self._told, {}
        self._tell(account, told, now_ns)
        if account.commissionRates is not None:
            for instrument_id in self._core.grids:
                self._core.emit(parse.fee_rates(instrument_id, account.commissionRates), now_ns)

    def on_balances(self, account: Account, now_ns: int) -> None:
        """The same while the stream goes on: a snapshot may be older than what it has told, or than the last one."""
        self._tell(account, self._told, now_ns)

    def _tell(self, account: Account, told: dict[str, int], now_ns: int) -> None:
        balances = {each.asset: parse.balance(each.asset, each.free, each.locked) for each in account.balances}
        for grid in self._core.grids.values():
            for asset in (grid.instrument.base_asset, grid.instrument.quote_asset):
                balances.setdefault(asset, parse.balance(asset, "0", "0"))
        for asset, balance in balances.items():
            if told.get(asset, -1) <= account.updateTime:
                self._told[asset] = account.updateTime
                self._core.emit(balance, now_ns)
