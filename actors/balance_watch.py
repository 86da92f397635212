"""What the venue says it holds for us, against what our own fills explain.

    stream and a slow question ──balances──▶ difference to our fills ─┬─ the first that stands: what was there before us
                                                                      └─ later: drift ──▶ telemetry, the trigger
                                                                         position_mismatch, event, metric, status

The venue pushes balances when it moves something. What moves without a push, or while nobody listens, is found by
asking for the whole account now and then. What was there before us is journalled (``adoption.py``); what is done about
it when it is of an asset that we trade is the configuration's to say: without a word no order leaves.
"""

from collections import defaultdict

from actors.adoption import Adoption
from actors.venue_core import VenueCore
from actors.venue_records import BalanceAdopted, PositionOpened
from engine.codes import Reason
from engine.instrument import Instrument, decimal_text, plain

__all__ = ["BalanceDrift", "BalanceWatch"]

_NANOS = 1_000_000_000
_PPM = 1_000_000
#: Fills and balances come one after the other, so they agree only when the difference has stood still for so long.
_AGREED_SWEEPS = 10


class BalanceDrift:
    """How far each asset's balance at the venue has moved beyond what our own fills explain.

    Where the two stand to each other when they first agree, as they do while their difference does not move for a
    second, is taken as what was there before us (``before_us``). A later difference is somebody else's, or an error of
    somebody's.
    """

    def __init__(self) -> None:
        self.before_us: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._drift: dict[str, int] = {}

    def nanos(self, asset: str) -> int:
        """0 until it is known."""
        return self._drift.get(asset, 0)

    def update(self, balances: dict[str, int], ours: dict[str, int]) -> dict[str, int]:
        """Called once per sweep while the books are reconciled. ``ours``: what our fills have brought in. Returns what
        has been found to have been there before us just now."""
        found = {}
        for asset, our_nanos in ours.items():
            if asset in balances and self._compare(asset, balances[asset] - our_nanos):
                found[asset] = self.before_us[asset]
        return found

    def _compare(self, asset: str, difference: int) -> bool:
        before_us = self.before_us.get(asset)
        if before_us is not None:
            self._drift[asset] = difference - before_us
            return False
        last, times = self._last.get(asset, (difference, 0))
        times = times + 1 if difference == last else 1
        self._last[asset] = (difference, times)
        if times < _AGREED_SWEEPS:
            return False
        self.before_us[asset] = difference
        del self._last[asset]
        return True


class BalanceWatch:
    """``sweep`` is called ten times a second. What people should know is in ``core.balance_notes``."""

    def __init__(self, core: VenueCore, adoption: Adoption, now_ns: int) -> None:
        self._core, self._adoption = core, adoption
        self._asked_ns = now_ns
        self.drift = BalanceDrift()
        #: Of each asset that differs, by how much, and for how many sweeps it has been that much.
        self._differs: dict[str, tuple[int, int]] = {}
        self._told: dict[str, int] = {}
        #: How often an asset was found to differ, or to differ by another amount.
        self.differences = 0
        for asset, adopted in adoption.balances.items():
            if adopted.baseline == core.settings.reconcile.baseline:
                self.drift.before_us[asset] = adopted.nanos
        core.positions_known = core.settings.reconcile.opening_positions == "zero"

    def sweep(self, now_ns: int) -> None:
        core = self._core
        if not core.ready:
            return
        instruments = [definition.instrument for definition in core.definitions.values()]
        for asset, nanos in self.drift.update(core.balances, self._brought_in(instruments)).items():
            self._adopt(asset, nanos, instruments, now_ns)
        core.positions_known = core.positions_known or all(
            instrument.base_asset in self.drift.before_us for instrument in instruments
        )
        self._note(instruments)
        for asset in self.drift.before_us:
            self._note_drift(asset)
        if now_ns - self._asked_ns >= core.settings.balance_query_ns:
            self._asked_ns = now_ns
            core.session.query_balances(now_ns)

    # -- what was there before us -----------------------------------------------------------------------------

    def _adopt(self, asset: str, nanos: int, instruments: list[Instrument], now_ns: int) -> None:
        """Of an asset that several instruments are of, the first one has the position."""
        mode = self._core.settings.reconcile.opening_positions
        of = next((each for each in instruments if each.base_asset == asset), None)
        lots = _whole_lots(of, nanos) if of is not None else 0
        if lots and mode == "refuse":
            text = (
                f"{plain(decimal_text(nanos, 9))} {asset} at the venue are not of our fills, and the configuration "
                'does not say whose they are: write opening_positions = "zero" (not ours; limits count from zero) or '
                '"balance" (our position) into [venues.reconcile], and start again'
            )
            self._core.stop(Reason.LEDGER_IN_DOUBT, text)
            return  # not journalled: the next life looks again
        if lots and mode == "balance" and of is not None:
            if not self._open(of, lots, now_ns):
                del self.drift.before_us[asset]  # without a price not yet
                return
            nanos -= lots * of.lot_units * _NANOS // _scale(of)
            self.drift.before_us[asset] = nanos
        record = BalanceAdopted(asset, nanos, self._core.settings.reconcile.baseline)
        self._core.journal.fact(record, now_ns)
        self._adoption.adopted(record)

    def _open(self, instrument: Instrument, lots: int, now_ns: int) -> bool:
        core, quote = self._core, self._core.quotes.get(instrument.instrument_id)
        if quote is None or not quote.bid_lots or not quote.ask_lots:
            return False
        record = PositionOpened(instrument.instrument_id, lots, (quote.bid_ticks + quote.ask_ticks) // 2)
        core.journal.fact(record, now_ns)
        self._adoption.opened(record, now_ns)
        for asset in (instrument.base_asset, instrument.quote_asset):
            if asset in core.balances:  # nothing has moved at the venue
                core.gate.set_funds(asset, core.balances[asset])
        core.ctx.log("POSITION TAKEN OVER", symbol=instrument.symbol, lots=lots, price_ticks=record.price_ticks)
        return True

    def _note(self, instruments: list[Instrument]) -> None:
        """Of what we trade, what was there before our first fill: limits and positions do not count it."""
        core = self._core
        for instrument in instruments:
            asset = instrument.base_asset
            before_us = self.drift.before_us.get(asset)
            if not before_us or asset in core.balance_notes or not _whole_lots(instrument, before_us):
                continue
            text = (
                f"{plain(decimal_text(before_us, 9))} {asset} at the venue are not of our fills: positions and limits "
                "count from zero, without them"
            )
            core.balance_notes[asset] = text
            core.ctx.log("BALANCE DIFFERS FROM POSITIONS", asset=asset, text=text)

    # -- what has moved since -----------------------------------------------------------------------------------

    def _note_drift(self, asset: str) -> None:
        """Told once it has stood for a second, and again when it is another amount: more than a millionth of the
        balance, which venues that round each execution's cost take long to come to."""
        nanos, name = self.drift.nanos(asset), f"{asset} moved"
        least = abs(self._core.balances.get(asset, 0)) // _PPM
        last, times = self._differs.get(asset, (0, 0))
        times = times + 1 if nanos == last else 1
        self._differs[asset] = (nanos, times)
        told = self._told.get(asset, 0)
        if times < _AGREED_SWEEPS or abs(nanos - told) <= least:
            return
        core, agrees = self._core, abs(nanos) <= least
        self._told[asset] = 0 if agrees else nanos
        if agrees:
            core.balance_notes.pop(name, None)
            core.ctx.log("balance agrees again", asset=asset)
            return
        self.differences += 1
        text = (
            f"{plain(decimal_text(nanos, 9))} {asset} have come or gone that are not of our fills: a deposit, a "
            "withdrawal, somebody else's trade, or a fill that we missed"
        )
        core.balance_notes[name] = text
        core.ctx.log("BALANCE MOVED WITHOUT US", asset=asset, nanos=nanos, text=text)

    def _brought_in(self, instruments: list[Instrument]) -> dict[str, int]:
        """What all our fills have brought in, by asset, in billionths. A position that was taken over was not paid."""
        ours: dict[str, int] = defaultdict(int)
        for instrument in instruments:
            line = self._core.blotter.ledger_line(instrument.instrument_id)
            cost_tick_lots = line.cost_tick_lots - self._adoption.cost_tick_lots.get(instrument.instrument_id, 0)
            cost_nanos = cost_tick_lots * instrument.tick_units * instrument.lot_units * _NANOS
            ours[instrument.base_asset] += line.position_lots * instrument.lot_units * _NANOS // _scale(instrument)
            ours[instrument.quote_asset] -= cost_nanos // 10 ** (instrument.price_scale + instrument.quantity_scale)
            for asset, fee_nanos in line.fee_nanos.items():
                ours[asset] -= fee_nanos
        return ours


def _scale(instrument: Instrument) -> int:
    return int(10**instrument.quantity_scale)


def _whole_lots(instrument: Instrument, nanos: int) -> int:
    """Towards zero: what is less than a lot cannot be a position."""
    lots = abs(nanos) * _scale(instrument) // (instrument.lot_units * _NANOS)
    return lots if nanos > 0 else -lots
