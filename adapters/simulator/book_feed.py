"""The public book as changes: what differs between the best levels now and when somebody last asked.

It compares ``Market.snapshot`` with the last one, so it serves every market and every depth, and tells nothing twice.
"""

from adapters.simulator.market import Level, Market

__all__ = ["BookFeed", "Levels"]

Levels = tuple[Level, ...]


class BookFeed:
    """The best ``depth`` levels of each side of one market, and their changes."""

    def __init__(self, market: Market, depth: int) -> None:
        self._market = market
        self.depth = depth
        self.bids: Levels = ()
        self.asks: Levels = ()
        self.changes()

    def changes(self) -> tuple[Levels, Levels]:
        """(bids, asks) as absolute levels, best first, that turn the last book into this one; 0 lots: removed.

        A level that others have pushed out of the best ``depth`` is not told: who keeps no more than these drops it.
        """
        _, bids, asks = self._market.snapshot(self.depth)
        changed = _changes(self.bids, bids, self.depth, 1), _changes(self.asks, asks, self.depth, -1)
        self.bids, self.asks = bids, asks
        return changed


def _changes(old: Levels, new: Levels, depth: int, sign: int) -> Levels:
    if old == new:
        return ()
    before, now = dict(old), dict(new)
    changed = [(price, lots) for price, lots in new if before.get(price) != lots]
    worst = new[-1][0] * sign if len(new) == depth else None
    changed += [(price, 0) for price, _ in old if price not in now and (worst is None or price * sign > worst)]
    return tuple(sorted(changed, key=lambda level: -level[0] * sign))
