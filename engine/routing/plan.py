"""Where the next part of a parent order goes: which venues, how much, at what price.

    parent, what of it is not placed ─┐
    books, fees, conditions ──────────┼─▶ plan() ─▶ orders for venues, or why nothing can be placed
    the route's policy ───────────────┘

What can be had at once within the limit is taken: as the cheapest split after fees (``split``), from the one venue
that is best for it (``best``), or from the named one (``fixed``). The rest of an order that may rest goes to one venue,
the one with the lowest maker fee. A venue that has refused an order of this parent, or given it back, gets no other.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from engine.codes import OrderStatus, OrderType, Reason, TimeInForce
from engine.order import Order
from engine.routing.market import MemberMarket
from engine.routing.parents import Child, Parent
from engine.routing.split import split, worst_ticks

__all__ = ["Policy", "RouteRules", "Wanted", "Why", "is_given_back", "plan", "why_given_back"]

#: After so many attempts to take, what is left of an order that may rest, rests.
_TAKES_MAX = 8


class Policy(Enum):
    """``SPLIT``: over all venues, each lot where it is cheapest after fees. ``BEST``: all of it at the one venue where
    most of it can be had, and there for the least. ``FIXED``: at the first venue, whatever the others show."""

    SPLIT = "split"
    BEST = "best"
    FIXED = "fixed"


class RouteRules(NamedTuple):
    """``failover``: what a venue refuses, cannot take now, or gives back because it was halted, may go to another."""

    policy: Policy
    failover: bool


class Wanted(NamedTuple):
    """An order for one venue, in its own ticks and lots."""

    market: MemberMarket
    lots: int
    ticks: int
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool = False


Why = tuple[Reason, str]


def is_given_back(child: Child) -> bool:
    """Whether it has ended while its parent goes on: refused, killed, cancelled by the venue. What only takes and has
    found nothing has done what it was for."""
    if child.status is OrderStatus.EXPIRED and child.order.time_in_force is not TimeInForce.GTC:
        return child.refusal is not None and child.refusal.reason is not Reason.VENUE_EXPIRED
    return child.status in (OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def why_given_back(child: Child, market: MemberMarket, now_ns: int) -> Why:
    """What a child that came back says of it, or else how its venue is."""
    if child.refusal is not None:
        return child.refusal.reason, f"{market.name}: {child.refusal.text}"
    if child.status is OrderStatus.CANCELLED:
        reason, text = market.may_send(now_ns)
        return (reason, text) if reason is Reason.HALTED else (Reason.VENUE_CANCELLED, f"{market.name} cancelled it")
    return Reason.VENUE_EXPIRED, f"{market.name}: nothing more within its limit"


def plan(parent: Parent, markets: Sequence[MemberMarket], rules: RouteRules, now_ns: int) -> tuple[list[Wanted], Why]:
    """What to place now of what is not placed. With nothing to place, why: a reason and a sentence."""
    order, lots = parent.order, parent.unplaced_lots
    usable, why = _usable(parent, markets, rules, now_ns)
    if not usable:
        return [], why
    rests = order.time_in_force is TimeInForce.GTC and order.order_type is OrderType.LIMIT
    takes: dict[MemberMarket, int] = {}
    if rules.policy is Policy.FIXED:
        usable = usable[:1]
        if not rests:
            return _whole(order, usable[0], lots)
    elif not order.post_only and (not rests or _takes(parent) < _TAKES_MAX):
        takes = _to_take(order, usable, lots, rules.policy)
    if order.time_in_force is TimeInForce.FOK:
        return _all_or_none(order, takes, lots)
    left = lots - sum(each * market.units.lot_size for market, each in takes.items())
    if not rests:
        wanted = [_taking(order, market, each) for market, each in takes.items()]
        return wanted, (Reason.VENUE_EXPIRED, "no venue of the route shows anything more within its limit")
    if rules.policy is Policy.BEST and takes:
        usable = list(takes)
    return _with_rest(order, takes, usable, left)


def _usable(
    parent: Parent, markets: Sequence[MemberMarket], rules: RouteRules, now_ns: int
) -> tuple[list[MemberMarket], Why]:
    """Where an order of this parent may go, in the order of the route."""
    order = parent.order
    tried = {child.venue_actor: child for child in parent.children if _is_spent(order, child)}
    found: list[MemberMarket] = []
    why: Why = (Reason.NOT_READY, "no venue of the route can take it")
    for market in reversed(markets):
        child = tried.get(market.venue_actor)
        reason, text = market.may_send(now_ns) if child is None else why_given_back(child, market, now_ns)
        if reason is Reason.NONE:
            found.insert(0, market)
        else:
            why = reason, text
    if rules.policy is Policy.FIXED and not rules.failover and markets[0] not in found:
        return [], why
    return found, why


def _is_spent(order: Order, child: Child) -> bool:
    """Whether its venue is not asked again for this parent: it has given something back; or the parent only takes, and
    has taken there."""
    if is_given_back(child):
        return True
    return order.time_in_force is not TimeInForce.GTC or order.order_type is OrderType.MARKET


def _takes(parent: Parent) -> int:
    return sum(child.order.time_in_force is TimeInForce.IOC for child in parent.children)


def _to_take(order: Order, usable: Sequence[MemberMarket], lots: int, policy: Policy) -> dict[MemberMarket, int]:
    """What to take from each book, in its own lots."""
    limit = 0 if order.order_type is OrderType.MARKET else order.price_ticks
    offers = [market.offer(order.side, limit) for market in usable]
    one_only = policy is Policy.BEST or order.time_in_force is TimeInForce.FOK
    taken = split(offers, lots, 1 if one_only else 0)
    return {market: each for market, each in zip(usable, taken, strict=True) if each}


def _whole(order: Order, market: MemberMarket, lots: int) -> tuple[list[Wanted], Why]:
    """All of it to one venue, whatever its book shows."""
    each = lots // market.units.lot_size
    ticks = market.limit_ticks(order.side, order.price_ticks) if order.price_ticks else 0
    is_short = order.time_in_force is TimeInForce.FOK and each * market.units.lot_size != lots
    if is_short or each < market.least_lots(ticks):
        return [], _too_little(market)
    return [Wanted(market, each, ticks, order.order_type, order.time_in_force)], (Reason.NONE, "")


def _all_or_none(order: Order, takes: dict[MemberMarket, int], lots: int) -> tuple[list[Wanted], Why]:
    """No two venues can promise together: one has to show all of it."""
    for market, each in takes.items():
        if each * market.units.lot_size == lots:
            return _whole(order, market, lots)
    return [], (Reason.VENUE_EXPIRED, "no one venue of the route shows all of it within its limit")


def _taking(order: Order, market: MemberMarket, lots: int) -> Wanted:
    """An order that takes what the plan counts on, and no worse: should the book have changed, it is planned anew."""
    if order.order_type is OrderType.MARKET:
        return Wanted(market, lots, 0, OrderType.MARKET, order.time_in_force)
    ticks = worst_ticks(market.offer(order.side, order.price_ticks), lots)
    return Wanted(market, lots, ticks, OrderType.LIMIT, TimeInForce.IOC)


def _with_rest(
    order: Order, takes: dict[MemberMarket, int], usable: Sequence[MemberMarket], left: int
) -> tuple[list[Wanted], Why]:
    """The takes, and one order that may rest for what is left; both as one where they meet."""
    rest = _resting(order, takes, usable, left) if left else None
    wanted = [_taking(order, market, lots) for market, lots in takes.items() if not rest or market is not rest.market]
    if rest is not None:
        wanted.append(rest)
    return wanted, _too_little(usable[0])


def _resting(order: Order, takes: dict[MemberMarket, int], usable: Sequence[MemberMarket], left: int) -> Wanted | None:
    """Where most of it fits into whole lots, and then where resting costs least."""
    best: tuple[tuple[int, int], Wanted] | None = None
    for market in usable:
        ticks = market.limit_ticks(order.side, order.price_ticks)
        if ticks <= 0:
            continue
        lots = left // market.units.lot_size
        fits = min(lots + takes.get(market, 0), market.most_lots(ticks))
        if not lots or fits < market.least_lots(ticks):
            continue
        rank = (left - min(lots, fits) * market.units.lot_size, market.maker_nanos)
        if best is None or rank < best[0]:
            best = rank, Wanted(market, fits, ticks, OrderType.LIMIT, TimeInForce.GTC, order.post_only)
    return None if best is None else best[1]


def _too_little(market: MemberMarket) -> Why:
    return (
        Reason.QUANTITY_OUT_OF_RANGE,
        f"what is left is no order that {market.name} or any other venue of the route takes",
    )
