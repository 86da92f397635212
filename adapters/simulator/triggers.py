"""Prices that orders wait for, at any simulated venue: the price of the last trade decides.

A venue notes every trade as it becomes known, in order, and then takes what has fired. A trailing trigger follows the
market at its distance: it comes nearer with it and never goes back.
"""

from typing import Generic, TypeVar

__all__ = ["Trigger", "Triggers"]

OrderT = TypeVar("OrderT")
_MILLION = 1_000_000


class Trigger:
    """``fires_above``: at ``ticks`` or more, else at ``ticks`` or less. ``trailing_ppm``: 0, or how far behind the
    market it stays, in millionths of the market's price; it begins at ``ticks``, which is the market then."""

    __slots__ = ("fires_above", "ticks", "trailing_ppm")

    def __init__(self, fires_above: bool, ticks: int, trailing_ppm: int = 0) -> None:
        self.fires_above, self.ticks, self.trailing_ppm = fires_above, ticks, trailing_ppm
        if trailing_ppm:
            self.ticks = self._behind(ticks)

    def _behind(self, market_ticks: int) -> int:
        distance = market_ticks * self.trailing_ppm // _MILLION
        return max(market_ticks + (distance if self.fires_above else -distance), 1)

    def is_reached(self, market_ticks: int) -> bool:
        return market_ticks >= self.ticks if self.fires_above else market_ticks <= self.ticks

    def traded(self, market_ticks: int) -> bool:
        """A trade at this price: True when it fires."""
        if self.is_reached(market_ticks):
            return True
        if self.trailing_ppm:
            behind = self._behind(market_ticks)
            self.ticks = min(self.ticks, behind) if self.fires_above else max(self.ticks, behind)
        return False


class Triggers(Generic[OrderT]):
    """Orders that wait, by symbol and a key of the venue's."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, tuple[OrderT, Trigger]]] = {}
        self._fired: list[OrderT] = []

    def watch(self, symbol: str, key: int, order: OrderT, trigger: Trigger) -> None:
        self._waiting.setdefault(symbol, {})[key] = (order, trigger)

    def forget(self, symbol: str, key: int) -> bool:
        """It waits no more. False: it did not, or has fired."""
        return self._waiting.get(symbol, {}).pop(key, None) is not None

    def has_any(self, symbol: str) -> bool:
        return bool(self._waiting.get(symbol))

    def trigger_of(self, symbol: str, key: int) -> Trigger | None:
        found = self._waiting.get(symbol, {}).get(key)
        return found[1] if found else None

    def traded(self, symbol: str, price_ticks: int) -> None:
        waiting = self._waiting.get(symbol, {})
        for key in [key for key, (_, trigger) in waiting.items() if trigger.traded(price_ticks)]:
            self._fired.append(waiting.pop(key)[0])

    def take_fired(self) -> list[OrderT]:
        """What has fired since the last call, in the order in which it did; of one trade, the oldest first."""
        fired, self._fired = self._fired, []
        return fired
