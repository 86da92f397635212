"""What an account and each of its strategies is exposed to now, in its risk actor, from the telemetry of venue actors.

    VenueTelemetry ──▶ ExposureTable (positions, open orders, marks) ──▶ status, counter page, the firm

Valued in the account's currency at the middle price, or at the only side there is; an instrument that is quoted in
something else at the price of that in the currency, at any venue of the account. What cannot be valued is named. PnL is
without fees, as the limits have it. A venue actor that is silent keeps what it told last.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from engine.errors import UsageError
from engine.instrument import decimal_text
from engine.messages import AccountExposure, InstrumentTelemetry, VenueTelemetry
from risk.exposure import Change, Exposure, ExposureTable, Holder
from risk.trigger_reading import instrument_name

__all__ = ["MEASURES", "ExposureBook", "ExposureScope", "exposure_counters", "exposure_names", "exposure_text"]

_NANOS = 1_000_000_000
#: Of strategies that are in no configuration any more. No strategy's id begins like this.
_OTHERS = "-"
MEASURES = ("net", "gross", "worst", "pnl")


class ExposureScope(msgspec.Struct, frozen=True):
    """``instruments`` of the account by ``instrument_name``, over all its venue actors."""

    account_id: str
    currency: str
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]

    @property
    def holders(self) -> dict[str, Holder]:
        """By the name under which they are shown."""
        account = self.account_id
        return {
            f"account:{account}": Holder(account),
            **{f"strategy:{name}": Holder(account, name) for name in self.strategies},
        }


class ExposureBook:
    def __init__(self, scope: ExposureScope) -> None:
        self.scope = scope
        self._ids = {name: number for number, name in enumerate(scope.instruments)}
        self._table = ExposureTable({scope.account_id: (*scope.strategies, _OTHERS)}, [""] * len(self._ids))
        self._seen: dict[str, InstrumentTelemetry] = {}
        #: What the table has, by instrument and strategy.
        self._booked: dict[str, dict[str, Change]] = {name: {} for name in self._ids}
        #: Why an instrument is not counted, or not as it is now.
        self.unpriced: dict[str, str] = {}

    def hear(self, telemetry: VenueTelemetry) -> None:
        """Newer telemetry of one venue actor."""
        for seen in telemetry.instruments:
            name = instrument_name(telemetry.venue_actor, seen.symbol)
            if name in self._ids:
                self._seen[name] = seen
        converted = {seen.base_asset for seen in telemetry.instruments}
        for name, seen in self._seen.items():
            if name.partition(":")[0] == telemetry.venue_actor or seen.quote_asset in converted:
                self._value(name, seen)

    # -- reading --------------------------------------------------------------------------------------------

    def of(self, holder: Holder) -> Exposure:
        return self._table.of(holder)

    def message(self) -> AccountExposure:
        scope, holder = self.scope, Holder(self.scope.account_id)
        assets = {asset: nanos for asset, nanos in self._table.assets(holder).items() if nanos}
        return AccountExposure(scope.account_id, scope.currency, *self.of(holder), assets, tuple(self.unpriced))

    def counters(self) -> dict[str, int]:
        return {
            name: number
            for shown, holder in self.scope.holders.items()
            for name, number in exposure_counters(shown, self.of(holder)).items()
        }

    def details(self) -> dict[str, str]:
        """For people: the account, and each strategy that has anything."""
        found = {}
        for shown, holder in self.scope.holders.items():
            exposure = self.of(holder)
            if not holder.strategy or any(exposure):
                assets = self._table.assets(holder)
                found[f"exposure:{shown}"] = exposure_text(exposure, self.scope.currency, assets, self.unpriced)
        return found

    # -- inside ---------------------------------------------------------------------------------------------

    def _value(self, name: str, seen: InstrumentTelemetry) -> None:
        rate, ticks = self._rate(seen.quote_asset), _twice_middle_ticks(seen)
        has_any = bool(seen.strategies)
        if rate is None or (ticks == 0 and has_any):
            self.unpriced[name] = f"no price of {seen.quote_asset if rate is None else seen.symbol}"
            return
        self.unpriced.pop(name, None)
        worth = Fraction(seen.tick_lot_units, 10**seen.tick_lot_scale) * rate * _NANOS
        try:
            self._table.define(self._ids[name], seen.base_asset)
            self._book(name, seen, worth)
            if ticks:
                self._table.set_mark(self._ids[name], int(worth * ticks / 2))
        except UsageError as error:
            self.unpriced[name] = str(error)

    def _book(self, name: str, seen: InstrumentTelemetry, worth: Fraction) -> None:
        """Make the table have what is told, strategy by strategy: by the difference to what it has."""
        booked, told = self._booked[name], self._told(seen, worth)
        for strategy_id in dict.fromkeys([*booked, *told]):
            was, now = booked.get(strategy_id, _NOTHING), told.get(strategy_id, _NOTHING)
            if was != now:
                change = Change(*(after - before for before, after in zip(was, now, strict=True)))
                self._table.change(self.scope.account_id, strategy_id, self._ids[name], change)
                booked[strategy_id] = now

    def _told(self, seen: InstrumentTelemetry, worth: Fraction) -> dict[str, Change]:
        told: dict[str, Change] = {}
        for each in seen.strategies:
            strategy_id = each.strategy_id if each.strategy_id in self.scope.strategies else _OTHERS
            lots = each.position_lots, each.buy_lots, each.sell_lots
            now = Change(*lots, int(-each.cost_tick_lots * worth // 1))
            told[strategy_id] = Change(*map(sum, zip(told.get(strategy_id, _NOTHING), now, strict=True)))
        return told

    def _rate(self, quote_asset: str) -> Fraction | None:
        """What one of it is worth in the account's currency; None: nothing tells."""
        currency = self.scope.currency
        if quote_asset == currency:
            return Fraction(1)
        for seen in self._seen.values():
            twice_ticks = _twice_middle_ticks(seen)
            if (seen.base_asset, seen.quote_asset) == (quote_asset, currency) and twice_ticks and seen.lot_units:
                tick = Fraction(seen.tick_lot_units, 10**seen.tick_lot_scale)
                return tick * twice_ticks / 2 / Fraction(seen.lot_units, 10**seen.lot_scale)
        return None


_NOTHING = Change(0, 0, 0, 0)


def _twice_middle_ticks(seen: InstrumentTelemetry) -> int:
    """0: there is no price. A book with one side is marked at that side."""
    return (seen.bid_ticks or seen.ask_ticks) + (seen.ask_ticks or seen.bid_ticks)


# -- for people and for counter pages --------------------------------------------------------------------------------


def exposure_names(shown: Iterable[str]) -> tuple[str, ...]:
    """What is published of each holder, by the names of a counter page."""
    return tuple(f"exposure_{measure}|{each}" for each in shown for measure in MEASURES)


def exposure_counters(shown: str, exposure: Exposure) -> dict[str, int]:
    numbers = exposure.net_nanos, exposure.gross_nanos, exposure.worst_nanos, exposure.pnl_nanos
    return dict(zip(exposure_names([shown]), numbers, strict=True))


def exposure_text(
    exposure: Exposure, currency: str, assets: Mapping[str, int], unpriced: Mapping[str, str] | Iterable[str]
) -> str:
    net, gross, worst, pnl = (money(nanos) for nanos in exposure)
    parts = [f"net {net}, gross {gross}, worst case {worst}, PnL before fees {pnl} {currency}"]
    parts += [f"in {asset} {money(nanos)}" for asset, nanos in assets.items() if asset and nanos]
    if unpriced:
        parts.append(f"WITHOUT {', '.join(unpriced)}: no price")
    return "; ".join(parts)


def money(nanos: int) -> str:
    """To hundredths, rounded down."""
    return str(decimal_text(nanos // 10_000_000, 2))
