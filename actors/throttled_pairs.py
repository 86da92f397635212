"""Strategies that fired too often, as the journal of a venue actor has them (``venue_throttle.py`` keeps them)."""

from actors.venue_records import StrategyThrottled, ThrottleEnded
from risk.gate import Gate

__all__ = ["ThrottledPairs"]


class ThrottledPairs:
    """``ids``: today's instrument id by symbol."""

    def __init__(self, gate: Gate, ids: dict[str, int]) -> None:
        self._gate, self._ids = gate, ids
        #: By strategy and symbol, since when (UTC).
        self.since_ns: dict[tuple[str, str], int] = {}

    def replay(self, record: StrategyThrottled | ThrottleEnded) -> None:
        key = (record.strategy_id, record.symbol)
        if isinstance(record, StrategyThrottled):
            self.since_ns[key] = record.wall_time_ns
        else:
            self.since_ns.pop(key, None)
            instrument_id = self._ids.get(record.symbol, -1)
            if (record.strategy_id, instrument_id) in self._gate.throttled():
                self._gate.enable(record.strategy_id, instrument_id)

    def replay_life(self) -> None:
        """A life begins in the journal: it began with what had been recorded, and counted anew."""
        for strategy_id, instrument_id in self._gate.throttled():
            self._gate.enable(strategy_id, instrument_id)
        self._gate.restored()
        self.apply()

    def apply(self) -> None:
        """What is recorded holds."""
        for strategy_id, symbol in self.since_ns:
            if symbol in self._ids:
                self._gate.throttle(strategy_id, self._ids[symbol])

    def memory(self) -> list[tuple[str, str, int]]:
        return [(*key, since_ns) for key, since_ns in self.since_ns.items()]

    def remember(self, memory: list[tuple[str, str, int]]) -> None:
        self.since_ns.update({(strategy_id, symbol): since_ns for strategy_id, symbol, since_ns in memory})
