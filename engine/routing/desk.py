"""Decides for the parents of one router: what to place, what to cancel, what to give up. Pure: it writes and sends
through what it is given.

    a request, or what a venue says ─▶ write (journal, parents, reports) ─▶ advance ─▶ children, cancels, or giving up

Before anything leaves for a venue it is written. What was written and could not be sent counts as refused.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.codes import ExecType, OrderStatus, Reason
from engine.messages import CancelOrder, ExecutionReport, Message, NewOrder, Refusal, ReplaceOrder
from engine.routing.market import MemberMarket
from engine.routing.parents import Child, Parent, Parents
from engine.routing.plan import RouteRules, Wanted, is_given_back, plan, why_given_back
from engine.routing.records import ChildPlaced, ChildTold, LotsGivenUp, OrderStep

__all__ = ["Route", "RoutingDesk"]

#: A child's cancel that has led to nothing is sent again after this.
_CANCEL_AGAIN_NS = 500_000_000


class Route(NamedTuple):
    """One routed instrument. ``markets`` in the order of the configuration."""

    instrument_id: int
    name: str
    markets: tuple[MemberMarket, ...]
    rules: RouteRules


class RoutingDesk:
    """``routes`` by routed instrument id. ``write(record, now_ns)`` makes a record last and applies it to ``parents``;
    ``send(venue_actor, message)`` tells whether it went; ``next_id()`` names a child."""

    def __init__(
        self,
        parents: Parents,
        routes: Mapping[int, Route],
        write: Callable[[OrderStep, int], None],
        send: Callable[[str, Message], bool],
        next_id: Callable[[], str],
    ) -> None:
        self._parents, self._routes = parents, routes
        self._write, self._send, self._next_id = write, send, next_id
        self._cancel_sent_ns: dict[str, int] = {}
        self.children_placed = self.lots_given_up = 0

    # -- what happens ---------------------------------------------------------------------------------------

    def on_request(self, record: NewOrder | ReplaceOrder | CancelOrder, now_ns: int) -> None:
        """A request of the strategy that has been checked and journalled (the parents have it)."""
        self.advance(record.client_order_id, now_ns)
        if isinstance(record, ReplaceOrder):
            self.advance(record.orig_client_order_id, now_ns)

    def on_told(self, venue_actor: str, report: ExecutionReport, now_ns: int) -> None:
        """What a venue actor reports of a child."""
        child = self._parents.children.get(report.client_order_id)
        names = self._with_heirs(child.parent_id) if child is not None else []
        self._write(ChildTold(venue_actor, report), now_ns)
        if child is not None and not child.is_open:
            self._cancel_sent_ns.pop(report.client_order_id, None)
        for parent_id in names:
            self.advance(parent_id, now_ns)

    def _with_heirs(self, parent_id: str) -> list[str]:
        """The parent, and those that wait for its end, one for the other."""
        names = []
        while parent_id:
            names.append(parent_id)
            parent = self._parents.open.get(parent_id)
            parent_id = parent.replaced_by if parent is not None else ""
        return names

    def look(self, now_ns: int) -> None:
        """Now and then: cancels that have led to nothing are sent again, and what could not be placed is."""
        for parent_id in list(self._parents.open):
            self.advance(parent_id, now_ns)

    # -- decisions ------------------------------------------------------------------------------------------

    def advance(self, parent_id: str, now_ns: int) -> None:
        """Do what is to be done for one parent."""
        parent = self._parents.open.get(parent_id)
        if parent is None or parent.waits_for:
            return
        if parent.is_ending:
            for child in parent.open_children:
                self._cancel(child, now_ns)
        elif not parent.is_adopted:
            while self._place_more(parent, now_ns):
                pass

    def _place_more(self, parent: Parent, now_ns: int) -> bool:
        """True: something has changed by it, so that it is to be looked at again."""
        route = self._routes[parent.order.instrument_id]
        if not route.rules.failover and self._write_off(parent, route, now_ns):
            return True
        if not parent.unplaced_lots:
            return False
        wanted, why = plan(parent, route.markets, route.rules, now_ns)
        if wanted:
            sent = [self._place(parent, each, now_ns) for each in wanted]
            return not all(sent)
        if not parent.open_children:
            self._give_up(parent, parent.unplaced_lots, *why, "", now_ns)
        return False

    def _place(self, parent: Parent, wanted: Wanted, now_ns: int) -> bool:
        """False: it could not be sent, and counts as refused."""
        order, market = parent.order, wanted.market
        child = NewOrder(
            self._next_id(),
            order.account_id,
            order.strategy_id,
            market.instrument_id,
            order.side,
            wanted.order_type,
            wanted.time_in_force,
            wanted.lots,
            wanted.ticks,
            wanted.post_only,
            order.created_ns,
            order.tick_received_ns,
        )
        self._write(ChildPlaced(order.client_order_id, market.venue_actor, child), now_ns)
        self.children_placed += 1
        if self._send(market.venue_actor, child):
            return True
        refusal = Refusal(Reason.VENUE_LINK_DOWN, text=f"no way to {market.venue_actor} now")
        self._write(ChildTold(market.venue_actor, _never_sent(child, refusal, now_ns)), now_ns)
        return False

    def _write_off(self, parent: Parent, route: Route, now_ns: int) -> bool:
        """Without failover, what came back stays back."""
        for child in parent.children:
            if is_given_back(child) and not child.is_written_off and child.returned_lots:
                market = next(each for each in route.markets if each.venue_actor == child.venue_actor)
                why = why_given_back(child, market, now_ns)
                self._give_up(parent, child.returned_lots, *why, child.order.client_order_id, now_ns)
                return True
        return False

    def _give_up(self, parent: Parent, lots: int, reason: Reason, text: str, child_id: str, now_ns: int) -> None:
        self.lots_given_up += lots
        self._write(LotsGivenUp(parent.order.client_order_id, lots, reason, text, child_id), now_ns)

    def _cancel(self, child: Child, now_ns: int) -> None:
        order = child.order
        sent_ns = self._cancel_sent_ns.get(order.client_order_id)
        if sent_ns is not None and now_ns - sent_ns < _CANCEL_AGAIN_NS:
            return
        message = CancelOrder(order.client_order_id, order.account_id, order.strategy_id, now_ns)
        if self._send(child.venue_actor, message):
            self._cancel_sent_ns[order.client_order_id] = now_ns


def _never_sent(order: NewOrder, refusal: Refusal, now_ns: int) -> ExecutionReport:
    return ExecutionReport(
        0,
        order.strategy_id,
        order.client_order_id,
        "",
        "",
        order.instrument_id,
        order.side,
        ExecType.REJECTED,
        OrderStatus.REJECTED,
        order.quantity_lots,
        order.price_ticks,
        0,
        0,
        refusal=refusal,
        received_ns=now_ns,
    )
