"""Strategies that fired too often, as a venue actor keeps them: in its journal, so that no restart enables one.

    gate trips ──▶ StrategyThrottled ──▶ journal, telemetry, status
    person ──risk actor──StrategyEnable──▶ ThrottleEnded ──▶ journal ──▶ gate

What the journal says holds, not what its fills would come to when they are counted again: under other limits, or on the
clock of another boot, that would be something else. Only the last life before a restart is counted again too,
because it may have died between the fill that was one too many and the record of it.
"""

from actors.throttled_pairs import ThrottledPairs
from actors.venue_records import StrategyThrottled, ThrottleEnded, VenueJournal
from engine.actor import Context
from engine.journal import JournalFull
from engine.messages import StrategyEnable, StrategyEnabled, ThrottledStrategy
from risk.gate import Gate

__all__ = ["VenueThrottle"]


class VenueThrottle:
    """``instruments``: today's instrument id by symbol. Replay first, then ``begin``."""

    def __init__(
        self, ctx: Context, gate: Gate, journal: VenueJournal, venue: str, risk_actor: str, instruments: dict[str, int]
    ) -> None:
        self._ctx, self._gate, self._journal, self._venue, self._risk_actor = ctx, gate, journal, venue, risk_actor
        self._ids = instruments
        self._symbols = {instrument_id: symbol for symbol, instrument_id in instruments.items()}
        #: What the journal says; replayed before ``begin``.
        self.pairs = ThrottledPairs(gate, instruments)
        self._since_ns = self.pairs.since_ns

    # -- a restart ------------------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> None:
        """The journal is replayed: what its last life may have failed to record is recorded now."""
        self.pairs.apply()
        self._gate.restored()
        for strategy_id, instrument_id in self._gate.throttled():
            self._note(strategy_id, instrument_id, now_ns)

    # -- as it happens --------------------------------------------------------------------------------------

    def on_fill(self, strategy_id: str, instrument_id: int, now_ns: int) -> None:
        """The gate has counted a fill."""
        if self._gate.is_throttled(strategy_id, instrument_id):
            self._note(strategy_id, instrument_id, now_ns)

    def _note(self, strategy_id: str, instrument_id: int, now_ns: int) -> None:
        key = (strategy_id, self._symbols[instrument_id])
        if key in self._since_ns:
            return
        self._since_ns[key] = self._ctx.wall_ns(now_ns)
        self._journal.fact(StrategyThrottled(*key, self._since_ns[key]), now_ns)
        self._ctx.log("STRATEGY THROTTLED", strategy=strategy_id, symbol=key[1], text="a person has to enable it")

    def on_enable(self, enable: StrategyEnable, now_ns: int) -> None:
        """The risk actor has checked who it is."""
        throttled = enable.throttled
        venue, _, symbol = throttled.instrument.partition(":")
        key = (throttled.strategy_id, symbol)
        refusal = ""
        if venue != self._venue or self._since_ns.get(key) != throttled.since_ns:
            refusal = f"{throttled.strategy_id} was not throttled in {throttled.instrument} at that time"
        else:
            try:
                self._journal.request(ThrottleEnded(*key, enable.person, self._ctx.wall_ns(now_ns)), now_ns)
            except JournalFull:
                refusal = "the journal has no room, so it stays throttled"
        if not refusal:
            del self._since_ns[key]
            self._gate.enable(throttled.strategy_id, self._ids[symbol])
            self._ctx.log("strategy enabled", strategy=throttled.strategy_id, symbol=symbol, person=enable.person)
        self._ctx.send(self._risk_actor, StrategyEnabled(throttled, refusal))

    # -- for people -----------------------------------------------------------------------------------------

    def throttled(self) -> tuple[ThrottledStrategy, ...]:
        return tuple(
            ThrottledStrategy(strategy_id, f"{self._venue}:{symbol}", since_ns)
            for (strategy_id, symbol), since_ns in self._since_ns.items()
            if symbol in self._ids
        )
