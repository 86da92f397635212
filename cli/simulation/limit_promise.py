"""Limit: whatever may still happen at the venues, positions and counts stay within the account's limits.

Measured at the venue's own books plus what is on its way to it. The engine's own worst case may be higher than this
truth at any time, never lower.
"""

from collections.abc import Callable
from typing import NamedTuple

from actors.venue import VenueActor
from cli.simulation.truth import OrderTruth, Violation
from engine.codes import Side

__all__ = ["AccountBounds", "LimitPromise", "LimitRow"]

_NAME = "Limit"
_BUY = Side.BUY


class LimitRow:
    """One instrument of one venue actor: what may not be exceeded, and the truth about it."""

    __slots__ = (
        "buy_lots",
        "has_asset_limit",
        "instrument_id",
        "order_lots_max",
        "position_lots",
        "position_lots_max",
        "sell_lots",
        "venue",
    )

    def __init__(
        self, venue: str, instrument_id: int, position_lots_max: int, order_lots_max: int, has_asset_limit: bool
    ) -> None:
        self.venue, self.instrument_id, self.has_asset_limit = venue, instrument_id, has_asset_limit
        self.position_lots_max, self.order_lots_max = position_lots_max, order_lots_max
        self.position_lots = 0
        #: Open at the venue and on their way to it.
        self.buy_lots = self.sell_lots = 0


class _Bucket:
    """So many at once, then so many a second."""

    __slots__ = ("at_ns", "burst", "rate", "tokens")

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.tokens, self.at_ns = float(burst), 0

    def takes(self, now_ns: int) -> bool:
        self.tokens = min(self.burst, self.tokens + (now_ns - self.at_ns) * self.rate / 1e9) - 1
        self.at_ns = now_ns
        return self.tokens > -1.01  # clocks of hosts run at slightly different rates


class _Account:
    __slots__ = ("buckets", "limits", "open_orders")

    def __init__(self, limits: "AccountBounds") -> None:
        self.limits = limits
        self.open_orders = 0
        self.buckets: dict[bool, _Bucket] = {}
        self.refill()

    def refill(self) -> None:
        rate = self.limits.per_second
        self.buckets = {is_replace: _Bucket(rate, 2 * rate) for is_replace in (False, True)}


class AccountBounds(NamedTuple):
    """What an account may have open, send a second (twice as much at once), and hold, in whole units of currency."""

    open_orders: int
    per_second: int
    gross_notional: int
    asset_lots: int
    net_notional: int


class LimitPromise:
    """``worth(venue, instrument_id, lots)`` is the market's own, now, in whole units of currency."""

    def __init__(
        self,
        rows: list[LimitRow],
        account_of: dict[str, str],
        bounds: dict[str, AccountBounds],
        worth: Callable[[str, int, int], float],
    ) -> None:
        self._rows = {(row.venue, row.instrument_id): row for row in rows}
        self._of_venue = {row.venue: [each for each in rows if each.venue == row.venue] for row in rows}
        self._account_of = account_of
        self._accounts = {account: _Account(each) for account, each in bounds.items()}
        self._worth = worth
        #: By strategy and instrument: position, open to buy, open to sell.
        self._own: dict[tuple[str, int], list[int]] = {}

    def row(self, venue: str, instrument_id: int) -> LimitRow:
        return self._rows[venue, instrument_id]

    def position_lots(self, venue: str, instrument_id: int) -> int:
        return self._rows[venue, instrument_id].position_lots

    def held_lots(self, strategy_id: str) -> dict[int, int]:
        """By instrument: what the fills of this strategy's orders, in all its lives, add up to."""
        return {instrument_id: own[0] for (name, instrument_id), own in self._own.items() if name == strategy_id}

    def restarted(self, account: str) -> None:
        """A new life begins with a full bucket."""
        self._accounts[account].refill()

    def shrinks(self, order: OrderTruth) -> bool:
        """Whether an order that has just left can only bring positions nearer to nothing, whatever else fills."""
        row = self._rows[order.venue, order.instrument_id]
        if order.closes:  # it answers for the account
            return row.position_lots + row.buy_lots <= 0 if order.side is _BUY else row.position_lots >= row.sell_lots
        own_lots, own_buys, own_sells = self._own[order.strategy_id, order.instrument_id]
        if order.side is _BUY:
            return row.position_lots + row.buy_lots <= 0 and own_lots + own_buys <= 0
        return row.position_lots - row.sell_lots >= 0 and own_lots - own_sells >= 0

    def writes_order(self, order: OrderTruth, is_replace: bool, now_ns: int) -> None:
        """A request leaves: from now on it may fill."""
        row = self._rows[order.venue, order.instrument_id]
        if order.lots > row.order_lots_max:
            raise Violation(_NAME, f"{order.client_order_id} is for {order.lots} lots, more than {row.order_lots_max}")
        account = self._accounts[self._account_of[order.venue]]
        if not order.closes and not account.buckets[is_replace].takes(now_ns):
            raise Violation(_NAME, f"{order.client_order_id} leaves beyond {account.limits.per_second} a second")
        self._count(order, order.lots, 1)
        self._check_gross(self._account_of[order.venue])
        self._check_net(self._account_of[order.venue], order.side)

    def _check_gross(self, name: str) -> None:
        """Marks differ a little between us and the engine."""
        gross = sum(
            self._worth(
                row.venue,
                row.instrument_id,
                max(abs(row.position_lots + row.buy_lots), abs(row.position_lots - row.sell_lots)),
            )
            for row in self._rows.values()
            if self._account_of[row.venue] == name
        )
        limit = self._accounts[name].limits.gross_notional
        if gross > limit * 1.02:
            raise Violation(_NAME, f"account {name} may come to {gross:.0f} gross, limit {limit}")

    def _check_net(self, name: str, side: Side) -> None:
        """To the side to which an order has just left: what all that may still fill there would come to."""
        net = sum(
            self._worth(
                row.venue,
                row.instrument_id,
                row.position_lots + row.buy_lots if side is _BUY else row.sell_lots - row.position_lots,
            )
            for row in self._rows.values()
            if self._account_of[row.venue] == name
        )
        limit = self._accounts[name].limits.net_notional
        if net > limit * 1.02:
            raise Violation(_NAME, f"account {name} may come to {net:.0f} net, limit {limit}")

    def landed(self, order: OrderTruth) -> None:
        """It has been taken in by the venue (and is counted there if it stands), or never will be."""
        lots, order.in_flight_lots = order.in_flight_lots, 0
        if lots:
            self._count(order, -lots, -1)

    def opened(self, order: OrderTruth, lots: int, orders: int) -> None:
        """What stands open at the venue has changed."""
        self._count(order, lots, orders)

    def traded(self, order: OrderTruth, lots: int) -> None:
        row = self._rows[order.venue, order.instrument_id]
        signed_lots = lots if order.side is _BUY else -lots
        row.position_lots += signed_lots
        self._own[order.strategy_id, order.instrument_id][0] += signed_lots

    def _count(self, order: OrderTruth, lots: int, orders: int) -> None:
        row = self._rows[order.venue, order.instrument_id]
        own = self._own.setdefault((order.strategy_id, order.instrument_id), [0, 0, 0])
        if order.side is _BUY:
            row.buy_lots += lots
            own[1] += lots
        else:
            row.sell_lots += lots
            own[2] += lots
        account = self._accounts[self._account_of[order.venue]]
        account.open_orders += orders

    def check(self, venue: str) -> None:
        """Called when the truth at a venue has changed, between two steps."""
        for row in self._of_venue[venue]:
            long_lots, short_lots = row.position_lots + row.buy_lots, row.position_lots - row.sell_lots
            if long_lots > row.position_lots_max and row.buy_lots:
                raise Violation(_NAME, f"{venue} may become {long_lots} lots long, limit {row.position_lots_max}")
            if -short_lots > row.position_lots_max and row.sell_lots:
                raise Violation(_NAME, f"{venue} may become {-short_lots} lots short, limit {row.position_lots_max}")
        self._check_assets(self._account_of[venue])
        account = self._accounts[self._account_of[venue]]
        if account.open_orders > account.limits.open_orders:
            raise Violation(_NAME, f"{account.open_orders} orders may be open, limit {account.limits.open_orders}")

    def _check_assets(self, name: str) -> None:
        """What the account may come to hold of the asset that its limit names, over all venues."""
        rows = [row for row in self._rows.values() if row.has_asset_limit and self._account_of[row.venue] == name]
        limit = self._accounts[name].limits.asset_lots
        long_lots = sum(row.position_lots + row.buy_lots for row in rows)
        short_lots = -sum(row.position_lots - row.sell_lots for row in rows)
        if long_lots > limit and any(row.buy_lots for row in rows):
            raise Violation(_NAME, f"account {name} may come to hold {long_lots} lots, limit {limit}")
        if short_lots > limit and any(row.sell_lots for row in rows):
            raise Violation(_NAME, f"account {name} may come to owe {short_lots} lots, limit {limit}")

    def check_engine(self, actor: VenueActor, venue: str) -> None:
        """The engine's own worst case is never better than the truth."""
        gate = actor.gate
        for row in self._of_venue[venue]:
            position_lots = gate.position_lots(row.instrument_id)
            buys, sells = gate.open_lots(row.instrument_id, _BUY), gate.open_lots(row.instrument_id, Side.SELL)
            counted = f"{venue} counts {position_lots} lots, {buys} to be bought and {sells} to be sold"
            true = f"in truth {row.position_lots}, {row.buy_lots} and {row.sell_lots}"
            if position_lots + buys < row.position_lots + row.buy_lots:
                raise Violation(_NAME, f"{counted}; {true}")
            if position_lots - sells > row.position_lots - row.sell_lots:
                raise Violation(_NAME, f"{counted}; {true}")
