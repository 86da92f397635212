"""From where a venue actor's daily loss and drawdown are counted, kept in its journal so that no restart forgets it.

    midnight UTC ──▶ DayStarted: each instrument's profit then ──▶ journal ──▶ a later life counts from there, too
    a new best   ──▶ DayBest, in steps                         ──▶ journal

Fills alone say neither: a position that is held over midnight is worth what the market said then, and so is a best that
only a price has made. A replay has no prices. So what it comes to by itself is not used; what was recorded is.

A life that begins on another day than the last one ended on goes on with that day until every position has a price
again: without one it would count from the price of the last fill.
"""

from actors.venue_records import DayBest, DayStarted, VenueJournal
from engine.actor import Context
from risk.gate import Gate

__all__ = ["VenueDay"]

_DAY_NS = 86_400 * 1_000_000_000
#: The best is recorded when it has moved by this part of the drawdown limit.
_BEST_STEPS = 64


class VenueDay:
    """``instruments``: today's instrument id by symbol. Replay first, then ``begin``, then ``sweep`` now and then."""

    def __init__(
        self, ctx: Context, gate: Gate, journal: VenueJournal, instruments: dict[str, int], drawdown_micros: int
    ) -> None:
        self._ctx, self._gate, self._journal, self._ids = ctx, gate, journal, instruments
        self._step_micros = max(drawdown_micros // _BEST_STEPS, 1)
        self._day = -1
        self._began: dict[str, int] = {}
        self._best_micros = 0
        #: Instruments of which this life has no price yet, and needs one.
        self._unpriced: tuple[int, ...] = ()

    def replay(self, record: DayStarted | DayBest) -> None:
        if isinstance(record, DayStarted):
            self._gate.on_day(record.day)
            self._day, self._began, self._best_micros = record.day, record.pnl_micros, 0
        else:
            self._best_micros = record.best_micros

    def begin(self, now_ns: int) -> None:
        """The journal is replayed: count from what it says."""
        if self._day >= 0:
            self._restore(self._best_micros)
        self._unpriced = self._gate.needs_price()
        self.sweep(now_ns)

    def _restore(self, best_micros: int) -> None:
        self._gate.restore_day(sum(self._began.get(symbol, 0) for symbol in self._ids), best_micros)

    def sweep(self, now_ns: int) -> None:
        if self._unpriced and not self._is_priced():
            return
        day = self._ctx.wall_ns(now_ns) // _DAY_NS
        if day > self._day and self._gate.on_day(day):
            profits = self._gate.profits_micros()
            self._day, self._best_micros = day, 0
            self._began = {symbol: profits[at] for symbol, at in self._ids.items() if profits.get(at)}
            self._journal.fact(DayStarted(day, self._began), now_ns)
        best_micros = self._gate.best_micros()
        if best_micros - self._best_micros >= self._step_micros:
            self._best_micros = best_micros
            self._journal.fact(DayBest(best_micros), now_ns)

    def _is_priced(self) -> bool:
        """Whether every position has a price now. Until then, prices of last fills may make a best that never was."""
        self._unpriced = tuple(each for each in self._unpriced if not self._gate.has_price(each))
        if not self._unpriced:
            self._restore(max(self._best_micros, self._gate.pnl_micros()))
        return not self._unpriced
