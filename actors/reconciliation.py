"""Asking the venue what is true, at start, after every reconnect, and for every order whose outcome is unknown.

    session live ─▶ list open orders ─▶ query each of ours that is not listed ─▶ our trades since the last known ─▶ done

After a power cut, the orders that the journal lacks are looked for first (``lost_orders.py``).

No order is called rejected because it could not be found once: read sides lag. Only when its signed request can no
longer be accepted (``request_validity_ns``), it is still not found, several times over, and it is not among all orders
of the account either (``order_search.py``: a cancelled one has another name), is it known never to have reached the
venue.
"""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from actors.lost_orders import LostOrders
from actors.order_search import OrderSearch
from engine.blotter import Blotter
from engine.codes import OrderStatus, Reason
from engine.order import Order
from engine.venue import (
    OpenOrdersListed,
    OrderEvent,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    TradesListed,
    VenueOrder,
    VenueSession,
)

__all__ = ["Reconciliation"]

#: States that a venue tells by itself, so that another one found by asking is a difference. What is in flight or in
#: doubt is asked for because it was not told.
_TOLD_WITHOUT_ASKING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

_MS = 1_000_000
RETRY_NS = 500 * _MS
#: How often an order must not be found, after its request has lapsed, before that is taken as proof.
NOT_FOUND_MIN = 3
#: How far a venue's read side is allowed to lag behind its engine.
READ_LAG_NS = 2_000 * _MS
#: How often our trades are asked for while a fill is owed: each time costs the venue's weight of a whole list.
OWED_RETRY_NS = 1_000 * _MS


class Phase(IntEnum):
    """How far a round has come."""

    IDLE = 0
    SEARCHING = 4
    LISTING = 1
    ASKING = 2
    TRADES = 3


class _Doubt:
    """An order whose state at the venue is being asked for."""

    __slots__ = ("answered", "asked_ns", "not_found", "since_ns")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.asked_ns = -RETRY_NS
        self.answered = False
        self.not_found = 0


class _TradeQuery:
    """A question for our trades of one instrument. ``nameless``: it held a trade that may yet turn out to be ours."""

    __slots__ = ("from_compared", "instrument_id", "listed_up_to", "nameless")

    def __init__(self, instrument_id: int, from_compared: bool, after_trade_id: str) -> None:
        self.instrument_id = instrument_id
        self.from_compared = from_compared
        self.listed_up_to = after_trade_id
        self.nameless = False


class Reconciliation:
    """``settle(event, now_ns)`` journals and applies an order event; ``done(now_ns)`` is called after each round."""

    def __init__(
        self,
        session: VenueSession,
        blotter: Blotter,
        instrument_ids: tuple[int, ...],
        settle: Callable[[OrderEvent, int], None],
        done: Callable[[int], None],
        every_ns: int = 0,
    ) -> None:
        self._session = session
        self._blotter = blotter
        self._instrument_ids = instrument_ids
        self._settle = settle
        self._done = done
        self._every_ns = every_ns
        self._began_ns = 0
        #: A round of a session that has been live all along: what is on its way meanwhile is no difference.
        self.is_routine = False
        #: Shown every list of open orders that are not ours; set by the venue actor.
        self.on_foreign: Callable[[tuple[VenueOrder, ...], int], None] = lambda listed, now_ns: None
        self._live = False
        self._phase = Phase.IDLE
        self._query_id = 0
        self._open_query = 0
        self._open_asked_ns = 0
        self._trade_queries: dict[int, _TradeQuery] = {}
        #: Instruments whose trades need not be asked for again in this round.
        self._trades_told: set[int] = set()
        #: Questions for the trades of one order.
        self._order_queries: set[int] = set()
        self._owed_asks = 0
        self._doubts: dict[str, _Doubt] = {}
        self._search = OrderSearch(session, blotter)
        #: What is looked for before anything else; None: nothing.
        self.lost: LostOrders | None = None
        self._searched_ns = -OWED_RETRY_NS
        #: The last trade that we know of, per instrument; where the next round begins.
        self.last_trade_id: dict[int, str] = {}
        #: Up to here every trade has been compared with the venue; where a search for a missed one begins.
        self.compared_trade_id: dict[int, str] = {}
        #: Instruments with trades after ``compared_trade_id`` that may yet turn out to be ours.
        self._nameless: set[int] = set()
        self._trades_asked_ns = 0
        self.rounds = 0
        self.foreign_orders = 0
        self.recovered_fills = 0
        #: Orders of which the venue told another state than our books had, when it was asked.
        self.differences = 0

    @property
    def doubts(self) -> int:
        return len(self._doubts)

    def compared(self, instrument_id: int, trade_id: str) -> None:
        """From the journal: an earlier life has compared every trade up to this one."""
        self.last_trade_id[instrument_id] = self.compared_trade_id[instrument_id] = trade_id

    # -- rounds ---------------------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> None:
        """The session is live (again): compare everything."""
        self._live = True
        self.is_routine = False
        self._began_ns = now_ns
        self._phase = Phase.LISTING
        self._forget_trade_queries()
        for doubt in self._doubts.values():
            doubt.answered = False
        if self.lost is None:
            self._list_open(now_ns)
        else:
            self._phase = Phase.SEARCHING
            self.lost.ask(self._next_query_id, now_ns)

    def compare(self, now_ns: int) -> None:
        """Compare everything once more, while trading goes on; not while a round is under way."""
        if self._live and self._phase is Phase.IDLE and self.lost is None:
            self.is_routine = True
            self._began_ns = now_ns
            self._phase = Phase.LISTING
            self._list_open(now_ns)

    def suspend(self) -> None:
        """The session is down: whatever was asked will not be answered."""
        self._live = False
        self._phase = Phase.IDLE
        self._forget_trade_queries()
        self._search.forget()
        if self.lost is not None:
            self.lost.suspend()

    def _forget_trade_queries(self) -> None:
        self._nameless.update(query.instrument_id for query in self._trade_queries.values() if query.nameless)
        self._trade_queries.clear()
        self._order_queries.clear()

    def doubt(self, order: Order, now_ns: int) -> None:
        """This order's outcome is unknown: keep asking until the venue has told. Of one that has ended there, only
        fills are owed: its trades are asked for, not the order."""
        if order.ending is None and order.client_order_id not in self._doubts:
            self._doubts[order.client_order_id] = _Doubt(now_ns)
            if self._live:
                self._ask(order, now_ns)

    def _next_query_id(self) -> int:
        self._query_id += 1
        return self._query_id

    def _list_open(self, now_ns: int) -> None:
        self._query_id += 1
        self._open_query, self._open_asked_ns = self._query_id, now_ns
        self._session.query_open_orders(self._open_query, now_ns)

    def _ask(self, order: Order, now_ns: int) -> None:
        self._doubts[order.client_order_id].asked_ns = now_ns
        self._session.query_order(order, now_ns)

    def _ask_trades(self, now_ns: int, *, from_compared: bool = False) -> None:
        self._trades_asked_ns = now_ns
        asked = {query.instrument_id for query in self._trade_queries.values()}
        for instrument_id in self._instrument_ids:
            if instrument_id not in asked and instrument_id not in self._trades_told:
                is_search = from_compared or instrument_id in self._nameless
                after = (self.compared_trade_id if is_search else self.last_trade_id).get(instrument_id, "")
                self._query_id += 1
                self._trade_queries[self._query_id] = _TradeQuery(instrument_id, is_search, after)
                self._session.query_trades(self._query_id, instrument_id, after, now_ns)

    def _advance(self, now_ns: int) -> None:
        """Trades are asked once every order has been asked about, because they carry only the venue's order id."""
        if self._phase is Phase.ASKING and all(doubt.answered for doubt in self._doubts.values()):
            self._phase = Phase.TRADES
            self._trades_told.clear()
            self._ask_trades(now_ns)

    # -- answers --------------------------------------------------------------------------------------------

    def on_open_orders(self, event: OpenOrdersListed, now_ns: int) -> None:
        if event.query_id != self._open_query or self._phase is not Phase.LISTING:
            return
        self._open_query = 0
        listed: set[str] = set()
        foreign: list[VenueOrder] = []
        for seen in event.orders:
            order = self._find(seen.instrument_id, seen.client_order_id, seen.order_id)
            if order is None:
                foreign.append(seen)
                continue
            listed.add(order.client_order_id)
            if _is_amended(order, seen):
                self.doubt(order, now_ns)  # only the session can tell what of it is this order's
                continue
            self.on_order_seen(
                OrderSeen(order.client_order_id, seen.order_id, seen.status, seen.quantity_lots, seen.cum_lots, 0),
                now_ns,
            )
            if seen.client_order_id != order.client_order_id:
                self._session.query_order(order, now_ns)  # amended in an earlier life: its session learns our name
        for order in self._blotter.open_orders():
            if order.client_order_id not in listed and not self._is_on_its_way(order):
                self.doubt(order, now_ns)
        self.foreign_orders = len(foreign)
        self.on_foreign(tuple(foreign), now_ns)
        self._phase = Phase.ASKING  # not before all that is to be asked has been asked
        self._advance(now_ns)

    def _is_on_its_way(self, order: Order) -> bool:
        """Whether a list that was asked for in the middle of everything may lack it."""
        return self.is_routine and order.sent_ns + READ_LAG_NS > self._open_asked_ns

    def on_order_seen(self, event: OrderSeen, now_ns: int) -> None:
        self._doubts.pop(event.client_order_id, None)
        order = self._blotter.orders.get(event.client_order_id)
        before = None if order is None else order.status
        self._settle(event, now_ns)
        if order is not None and order.status is not before and before in _TOLD_WITHOUT_ASKING:
            self.differences += 1
        self._advance(now_ns)

    def on_order_not_found(self, event: OrderNotFound, now_ns: int) -> None:
        doubt = self._doubts.get(event.client_order_id)
        order = self._blotter.orders.get(event.client_order_id)
        if doubt is None or order is None:
            return
        doubt.answered = True
        lapsed_ns = max(doubt.since_ns, order.sent_ns) + self._session.request_validity_ns + READ_LAG_NS
        doubt.not_found += now_ns >= lapsed_ns
        self._search_missing(now_ns)
        self._advance(now_ns)

    @staticmethod
    def _is_missing(doubt: _Doubt, order: Order) -> bool:
        """Its name has not been found often enough: only the search among all orders can tell now, and must not be kept
        from the venue's limits by asking for the name again and again."""
        return doubt.not_found >= NOT_FOUND_MIN and not order.order_id

    def _search_missing(self, now_ns: int) -> None:
        """Look among all orders for those whose name has not been found often enough."""
        if now_ns < self._searched_ns + OWED_RETRY_NS:
            return
        missing: dict[int, list[Order]] = {}
        for client_order_id, doubt in self._doubts.items():
            order = self._blotter.orders.get(client_order_id)
            if order is not None and self._is_missing(doubt, order):
                missing.setdefault(order.instrument_id, []).append(order)
        for instrument_id, orders in missing.items():
            if not self._search.is_searching(instrument_id):
                self._query_id += 1
                self._searched_ns = now_ns
                self._search.begin(self._query_id, instrument_id, orders, now_ns)

    def on_orders(self, event: OrdersListed, now_ns: int) -> None:
        if self.lost is not None:
            if self.lost.on_orders(event, now_ns):
                self.lost, self._phase = None, Phase.LISTING
                self._list_open(now_ns)
            return
        for order, seen in self._search.on_orders(event):
            client_order_id = order.client_order_id
            if client_order_id not in self._doubts or order.order_id:
                continue  # the user stream told meanwhile
            if seen is not None:
                told = OrderSeen(client_order_id, seen.order_id, seen.status, seen.quantity_lots, seen.cum_lots, 0)
                self.on_order_seen(told, now_ns)
            else:
                del self._doubts[client_order_id]
                text = "the venue has no such order and its request can no longer be accepted"
                self._settle(OrderRejected(client_order_id, Reason.NEVER_REACHED_VENUE, text, 0), now_ns)
        self._advance(now_ns)

    def on_trades(self, event: TradesListed, now_ns: int) -> None:
        if event.query_id in self._order_queries:
            self._on_order_trades(event, now_ns)
        query = self._trade_queries.get(event.query_id)
        if query is None:
            return
        for fill in event.fills:
            self.last_trade_id[event.instrument_id] = query.listed_up_to = fill.trade_id
            order = self._find_traded(event.instrument_id, fill)
            if order is not None:
                before = order.cum_lots
                self._settle(msgspec.structs.replace(fill, client_order_id=order.client_order_id), now_ns)
                self.recovered_fills += order.cum_lots != before
            elif self._has_nameless_order(event.instrument_id):
                query.nameless = True
        if event.complete:
            del self._trade_queries[event.query_id]
            self._note_compared(query)
            self._trades_told.add(event.instrument_id)
            if self._phase is Phase.TRADES and self._trades_told.issuperset(self._instrument_ids):
                self._phase = Phase.IDLE
                self.rounds += 1
                self._done(now_ns)

    def _on_order_trades(self, event: TradesListed, now_ns: int) -> None:
        """They say nothing about any other trade, so nothing about where the next search begins."""
        for fill in event.fills:
            order = self._find_traded(event.instrument_id, fill)
            if order is not None:
                before = order.cum_lots
                self._settle(msgspec.structs.replace(fill, client_order_id=order.client_order_id), now_ns)
                self.recovered_fills += order.cum_lots != before
        if event.complete:
            self._order_queries.discard(event.query_id)

    def _has_nameless_order(self, instrument_id: int) -> bool:
        """Whether an order may be at the venue under an id that we have not been told."""
        return any(not order.order_id for order in self._blotter.open_orders(None, instrument_id))

    def _note_compared(self, query: _TradeQuery) -> None:
        instrument_id = query.instrument_id
        if query.nameless:
            self._nameless.add(instrument_id)  # the next search looks at the same trades again
        elif query.from_compared or instrument_id not in self._nameless:
            self._nameless.discard(instrument_id)
            if query.listed_up_to:
                self.compared_trade_id[instrument_id] = query.listed_up_to

    def on_query_failed(self, event: QueryFailed, now_ns: int) -> None:
        """Nothing learnt; the next sweep asks again."""
        self._search.failed(event.query_id)
        if self.lost is not None:
            self.lost.failed(event.query_id)
        self._order_queries.discard(event.query_id)
        query = self._trade_queries.pop(event.query_id, None)
        if query is not None and query.nameless:
            self._nameless.add(query.instrument_id)

    def note_fill(self, instrument_id: int, trade_id: str) -> None:
        """A fill came over the stream. Only once a round is through is it certain that none before it was missed."""
        if self._live and self._phase is Phase.IDLE:
            self.last_trade_id[instrument_id] = trade_id

    def _find(self, instrument_id: int, client_order_id: str, order_id: str) -> Order | None:
        return self._blotter.orders.get(client_order_id) or self._blotter.by_order_id(instrument_id, order_id)

    def _find_traded(self, instrument_id: int, fill: OrderFilled) -> Order | None:
        """Whose a listed trade is. Where a venue lists all trades of an order and its amends under one id, they are
        those of the first name that has not had all of its own, in their order."""
        order = self._find(instrument_id, fill.client_order_id, fill.order_id)
        while order is not None and order.status is OrderStatus.REPLACED and fill.trade_id not in order.trade_ids:
            following = self._blotter.orders.get(order.replaced_by)
            if following is None or not _begins_at_a_quantity(following.order_id, fill.order_id):
                break
            order = following
        return order

    # -- time -----------------------------------------------------------------------------------------------

    def sweep(self, now_ns: int) -> None:
        """Ask again what has not been answered. Called every 100 ms or so."""
        if not self._live:
            return
        if self._every_ns and now_ns >= self._began_ns + self._every_ns:
            self.compare(now_ns)
        if self.lost is not None:
            self.lost.ask(self._next_query_id, now_ns)
        elif self._phase is Phase.LISTING and now_ns >= self._open_asked_ns + 4 * RETRY_NS:
            self._list_open(now_ns)
        for client_order_id, doubt in list(self._doubts.items()):
            order = self._blotter.orders.get(client_order_id)
            if order is None or (order.status is not OrderStatus.UNKNOWN and doubt.answered):
                del self._doubts[client_order_id]  # the user stream told meanwhile
            elif now_ns >= doubt.asked_ns + RETRY_NS and not (doubt.answered and self._is_missing(doubt, order)):
                self._ask(order, now_ns)
        self._search_missing(now_ns)
        self._advance(now_ns)
        if self._phase is Phase.TRADES:
            self._ask_trades(now_ns)
        elif self._phase is Phase.IDLE and now_ns >= self._trades_asked_ns + OWED_RETRY_NS:
            owed = [order for order in self._blotter.open_orders() if order.owed_lots]
            if owed:
                self._ask_owed(owed, now_ns)

    def _ask_owed(self, owed: list[Order], now_ns: int) -> None:
        """First all trades since the last that was compared, as the one that is missing may lie before others that
        came; then those of one order, which may be older than a search without a trade id reaches; and so on."""
        turn, is_for_one = divmod(self._owed_asks, 2)
        self._owed_asks += 1
        order = owed[turn % len(owed)]
        if not is_for_one or not order.order_id:
            self._trades_told.clear()
            self._ask_trades(now_ns, from_compared=True)
            return
        self._trades_asked_ns = now_ns
        self._query_id += 1
        self._order_queries.add(self._query_id)
        self._session.query_order_trades(self._query_id, order, now_ns)


def _begins_at_a_quantity(order_id: str, venue_id: str) -> bool:
    """Whether an id is of an amend of that venue order, told from its other names by what had executed before."""
    return order_id.startswith(f"{venue_id}/") and order_id.count("/") == 2


def _is_amended(order: Order, seen: VenueOrder) -> bool:
    """Whether the venue lists an order and its amends as one, so that its quantities are not this order's."""
    if order.order_id:
        return _begins_at_a_quantity(order.order_id, seen.order_id)
    return bool(order.orig_order_id) and order.orig_order_id.partition("/")[0] == seen.order_id
