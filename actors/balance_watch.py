"""What the venue says it holds for us, against what our own fills explain.

    stream and a slow question ──balances──▶ difference to our fills ──▶ drift: telemetry, the trigger position_mismatch
                                                       └─ what was there before us: log and status, once

The venue pushes balances when it moves something. What moves without a push, or while nobody listens, is found by
asking for the whole account now and then.
"""

from collections import defaultdict
from collections.abc import Iterable

from actors.venue_core import VenueCore
from engine.instrument import Instrument, decimal_text, plain

__all__ = ["BalanceDrift", "BalanceWatch"]

_NANOS = 1_000_000_000
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

    def update(self, balances: dict[str, int], ours: dict[str, int]) -> None:
        """Called once per sweep while the books are reconciled. ``ours``: what our fills have brought in."""
        for asset, our_nanos in ours.items():
            if asset in balances:
                self._compare(asset, balances[asset] - our_nanos)

    def _compare(self, asset: str, difference: int) -> None:
        before_us = self.before_us.get(asset)
        if before_us is not None:
            self._drift[asset] = difference - before_us
            return
        last, times = self._last.get(asset, (difference, 0))
        times = times + 1 if difference == last else 1
        self._last[asset] = (difference, times)
        if times >= _AGREED_SWEEPS:
            self.before_us[asset] = difference
            del self._last[asset]


class BalanceWatch:
    """``sweep`` is called ten times a second. What people should know is in ``core.balance_notes``, by asset."""

    def __init__(self, core: VenueCore, now_ns: int) -> None:
        self._core = core
        self._asked_ns = now_ns
        self.drift = BalanceDrift()

    def sweep(self, now_ns: int) -> None:
        core = self._core
        if not core.ready:
            return
        instruments = [definition.instrument for definition in core.definitions.values()]
        self.drift.update(core.balances, self._brought_in(instruments))
        self._note(instruments)
        if now_ns - self._asked_ns >= core.settings.balance_query_ns:
            self._asked_ns = now_ns
            core.session.query_balances(now_ns)

    def _note(self, instruments: Iterable[Instrument]) -> None:
        """Of what we trade, what was there before our first fill: limits and positions do not count it."""
        core = self._core
        for asset in {instrument.base_asset for instrument in instruments}:
            before_us = self.drift.before_us.get(asset)
            if not before_us or asset in core.balance_notes:
                continue
            text = (
                f"{plain(decimal_text(before_us, 9))} {asset} at the venue are not of our fills: positions and limits "
                "count from zero, without them"
            )
            core.balance_notes[asset] = text
            core.ctx.log("BALANCE DIFFERS FROM POSITIONS", asset=asset, text=text)

    def _brought_in(self, instruments: Iterable[Instrument]) -> dict[str, int]:
        """What all our fills have brought in, by asset, in billionths."""
        ours: dict[str, int] = defaultdict(int)
        for instrument in instruments:
            line = self._core.blotter.ledger_line(instrument.instrument_id)
            lots_nanos = line.position_lots * instrument.lot_units * _NANOS
            cost_nanos = line.cost_tick_lots * instrument.tick_units * instrument.lot_units * _NANOS
            ours[instrument.base_asset] += lots_nanos // 10**instrument.quantity_scale
            ours[instrument.quote_asset] -= cost_nanos // 10 ** (instrument.price_scale + instrument.quantity_scale)
            for asset, fee_nanos in line.fee_nanos.items():
                ours[asset] -= fee_nanos
        return ours
