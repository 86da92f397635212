"""What a venue takes of one instrument beyond plain orders, and why it does not take the rest.

A plain order (limit or market, GTC, IOC or FOK, post-only) is what every adapter here has. Everything else differs, by
venue and by instrument; an order that its venue lacks is refused before it is journalled, and told what there is.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

import msgspec

from engine.codes import Contingency, OrderType, Reason, SelfTradePrevention, TimeInForce
from engine.messages import Refusal
from engine.order import Order

__all__ = ["NO_SUPPORT", "OrderSupport"]


class OrderSupport(msgspec.Struct, frozen=True):
    """Fields:
    where: the venue and its instrument, for people.
    in_force: by type of order, the times in force that it may have here.
    iceberg, iceberg_parts_most: types of which a part can be shown, and how often that part may go into the whole
        (0: as often as it does).
    self_trade: what can be asked for; VENUE_DEFAULT always can.
    trailing_step_ppm, trailing_most_ppm: a trailing distance is a multiple of the one and at most the other.
    expires_step_ns, expires_most_ns: how exactly a GTD order's end can be told, and how far off it may be.
    lists: what can be placed together.
    amends_most: how often a lower quantity at the same price keeps the order's place in the queue; 0: never.
    replaces_instructions: whether a replacement may have other instructions than its original.
    """

    where: str
    in_force: Mapping[OrderType, tuple[TimeInForce, ...]]
    iceberg: frozenset[OrderType] = frozenset()
    iceberg_parts_most: int = 0
    self_trade: frozenset[SelfTradePrevention] = frozenset()
    trailing_step_ppm: int = 1
    trailing_most_ppm: int = 0
    expires_step_ns: int = 1
    expires_most_ns: int = 0
    lists: frozenset[Contingency] = frozenset()
    amends_most: int = 0
    replaces_instructions: bool = False

    def refusal(self, order: Order, wall_ns: int) -> Refusal | None:
        """Why the venue does not take an order with instructions that the gate could approve; None: it does.

        ``wall_ns`` is the time now, UTC.
        """
        wants = order.instructions
        if wants is None:
            return None
        kind, in_force = order.order_type, order.time_in_force
        allowed = self.in_force.get(kind, ())
        if not allowed:
            return self._lacks("order_type", kind.name, _names(self.in_force))
        if in_force not in allowed:
            return self._lacks("time_in_force", f"{kind.name} {in_force.name}", _names(allowed))
        if wants.display_lots and kind not in self.iceberg:
            return self._lacks("display_lots", f"{kind.name} that shows a part of itself", _names(self.iceberg))
        parts = -(-order.quantity_lots // wants.display_lots) if wants.display_lots else 0
        if 0 < self.iceberg_parts_most < parts:
            return self._lacks("display_lots", f"order in {parts} parts", f"at most {self.iceberg_parts_most}")
        if wants.self_trade and wants.self_trade not in self.self_trade:
            return self._lacks("self_trade", wants.self_trade.name, _names(self.self_trade) or "its default only")
        if wants.trailing_ppm % self.trailing_step_ppm or wants.trailing_ppm > self.trailing_most_ppm:
            bounds = f"multiples of {self.trailing_step_ppm} up to {self.trailing_most_ppm}"
            return self._lacks("trailing_ppm", f"trailing distance of {wants.trailing_ppm} ppm", bounds)
        return self._expiry_refusal(wants.expires_wall_ns, wall_ns) if wants.expires_wall_ns else None

    def _expiry_refusal(self, expires_wall_ns: int, wall_ns: int) -> Refusal | None:
        earliest, latest = wall_ns + self.expires_step_ns, wall_ns + self.expires_most_ns
        if expires_wall_ns % self.expires_step_ns == 0 and earliest <= expires_wall_ns <= latest:
            return None
        bounds = f"multiples of {self.expires_step_ns} from {earliest} to {latest}"
        text = f"{self.where} takes no such end of an order; expires_wall_ns is UTC in ns: {bounds}"
        return Refusal(Reason.BAD_EXPIRE_TIME, "expires_wall_ns", str(expires_wall_ns), bounds, text)

    def list_refusal(self, contingency: Contingency, orders: Sequence[Order]) -> Refusal | None:
        """Why the venue takes no such list; None: it does. Of a pair that is half a limit order, that half has to be
        one that rests: the other waits for the market to go away from it."""
        if contingency not in self.lists:
            return self._lacks("contingency", f"{contingency.name} list", _names(self.lists) or "no lists of orders")
        pair = {Contingency.OCO: orders, Contingency.OTOCO: orders[1:]}.get(contingency, ())
        if any(not each.order_type.is_triggered and not each.post_only for each in pair):
            return self._lacks("post_only", "pair with a limit order that may take", "post-only limit orders in pairs")
        if pair and not any(each.order_type.is_triggered for each in pair):
            return self._lacks("order_type", "pair without a trigger", "pairs of which at least one order waits")
        return None

    def _lacks(self, field: str, observed: str, has: str) -> Refusal:
        text = f"{self.where} has no {observed}; it has: {has or 'none'}"
        return Refusal(Reason.UNSUPPORTED, field, observed, has, text)


def _names(members: Iterable[IntEnum]) -> str:
    return ", ".join(each.name for each in sorted(members))


#: Of an instrument that the venue has not defined yet.
NO_SUPPORT = OrderSupport("an instrument that the venue has not defined yet", {})
