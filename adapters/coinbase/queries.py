"""What the engine asks about orders: one, the open ones, all of them, cancel-all (for trades: ``trade_queries.py``).

Every question ends in exactly one of its events; without an answer, in QueryFailed (CancelAllAnswered with a failure),
a little later, so that asking again at once does not spin.
"""

from collections.abc import Callable

import msgspec

from adapters.coinbase import parse
from adapters.coinbase.cancels import Cancels
from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.ledger import Ledger
from adapters.coinbase.messages import OrderInfo, OrdersPage, OrderState
from adapters.coinbase.orders import engine_id, venue_id
from adapters.coinbase.rest import RestLink, RestQuestion
from adapters.coinbase.reviews import Reviews
from adapters.coinbase.times import time_text, venue_ns
from adapters.coinbase.tracked import OrderEnd, TrackedOrder
from adapters.coinbase.urls import PATHS
from adapters.purpose import Purpose
from engine.codes import OrderStatus, Reason
from engine.instrument import NANOS
from engine.order import Order
from engine.venue import (
    CancelAllAnswered,
    OpenOrdersListed,
    OrderNotFound,
    OrderSeen,
    OrdersListed,
    QueryFailed,
    VenueEvent,
    VenueOrder,
)

__all__ = ["Queries"]

_ORDERS_PER_PAGE = 250
_DAY_NS = 86_400 * NANOS
#: Clocks differ, and the venue stamps an order a little after we have made it, or before.
_MARGIN_NS = 60 * NANOS
#: OPEN stands alone: the venue has not always let it be combined with others. All of these may still fill.
_OPEN_STATES = (("OPEN",), ("PENDING", "QUEUED", "CANCEL_QUEUED", "EDIT_QUEUED"))

_decode_orders = msgspec.json.Decoder(OrdersPage).decode

Params = tuple[tuple[str, str], ...]
OnOrders = Callable[[list[OrderInfo], int], None]
OnFailed = Callable[[str, int], None]


class Queries:
    def __init__(self, core: SessionCore, rest: RestLink, reviews: Reviews, ledger: Ledger, cancels: Cancels) -> None:
        self._core, self._rest, self._reviews = core, rest, reviews
        self._ledger, self._cancels = ledger, cancels

    # -- one order -------------------------------------------------------------------------------------------

    def order(self, order: Order, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        grid = self._core.grid(order.instrument_id)
        order_id, generation = venue_id(order.order_id)
        tracked = self._ledger.by_order_id(order_id) if order_id else self._by_names(order)
        if order_id and tracked is None:
            tracked = self._ledger.track(order_id, "", grid, is_known=False, now_ns=now_ns)
        if tracked is None:
            self._find(order, now_ns)
            return
        if order_id:
            self._ledger.learn(tracked, generation, order.client_order_id, order.quantity_lots, now_ns)
        self._review(order, tracked.order_id, now_ns)

    def _by_names(self, order: Order) -> TrackedOrder | None:
        own = self._ledger.by_name(order.client_order_id)
        return own if own is not None else self._ledger.by_name(order.orig_client_order_id)

    def _review(self, order: Order, order_id: str, now_ns: int) -> None:
        def on_reviewed(info: OrderInfo, answered_ns: int) -> None:
            self._answer(order, info, answered_ns)

        def on_failed(text: str, is_gone: bool, failed_ns: int) -> None:
            if is_gone:
                self._not_found(order, failed_ns)
            else:
                self._fail(QueryFailed(0, order.client_order_id, text), failed_ns)

        self._reviews.ask(order_id, on_reviewed, on_failed, now_ns)

    def _find(self, order: Order, now_ns: int) -> None:
        """The venue does not look an order up by our id: look through those made since."""
        wanted = (order.client_order_id, order.orig_client_order_id or order.client_order_id)

        def on_orders(orders: list[OrderInfo], answered_ns: int) -> None:
            info = next((each for each in orders if each.client_order_id in wanted), None)
            if info is None:
                self._not_found(order, answered_ns)
            elif info.edit_history or order.orig_client_order_id:
                self._review(order, info.order_id, answered_ns)
            else:
                self._reviews.complete(info, answered_ns)
                self._answer(order, info, answered_ns)

        def on_failed(text: str, failed_ns: int) -> None:
            self._fail(QueryFailed(0, order.client_order_id, text), failed_ns)

        since_ns = self._core.clock.venue_ns(order.created_ns or now_ns) - (0 if order.created_ns else _DAY_NS)
        symbol = self._core.grid(order.instrument_id).instrument.symbol
        key = f"find:{order.client_order_id}"
        params = (("product_ids", symbol), ("start_date", time_text(since_ns - _MARGIN_NS)))
        self._list(key, params, on_orders, on_failed, now_ns, Purpose.LISTING)

    def _answer(self, order: Order, info: OrderInfo, now_ns: int) -> None:
        """The ledger has taken the review already, and told what was new in it."""
        tracked = self._ledger.by_order_id(info.order_id)
        if tracked is None or not tracked.is_known:
            self._fail(QueryFailed(0, order.client_order_id, "not of a product of this session"), now_ns)
            return
        generation = self._generation(order, tracked, now_ns)
        if generation < 0:
            if tracked.edit is not None and info.status is OrderState.EDIT_QUEUED:
                self._fail(QueryFailed(0, order.client_order_id, "the edit is queued"), now_ns)
            else:
                self._not_found(order, now_ns)
            return
        self._ledger.learn(tracked, generation, order.client_order_id, order.quantity_lots, now_ns)
        self._core.emit(self._seen(order, tracked, generation, info, now_ns), now_ns)
        self._ledger.tell(tracked, now_ns)

    def _generation(self, order: Order, tracked: TrackedOrder, now_ns: int) -> int:
        """Which generation of a venue's order one of ours is; -1: none of them."""
        if order.order_id:
            return min(venue_id(order.order_id)[1], tracked.generation)
        if order.client_order_id in tracked.names:
            return tracked.names.index(order.client_order_id)
        if not order.orig_client_order_id:
            return 0
        if order.orig_client_order_id in tracked.names:
            # Asked for by an edit whose answer was lost, perhaps with the life that sent it.
            following = tracked.names.index(order.orig_client_order_id) + 1
            if following <= tracked.generation and not tracked.names[following]:
                orig = order.orig_client_order_id
                self._ledger.replaced(tracked, following, orig, now_ns, order.client_order_id, order.quantity_lots)
                return following
        return -1

    def _seen(self, order: Order, tracked: TrackedOrder, generation: int, info: OrderInfo, now_ns: int) -> OrderSeen:
        time_ns = self._core.clock.venue_ns(now_ns)
        order_id = engine_id(tracked.order_id, generation)
        name, quantity_lots = order.client_order_id, order.quantity_lots
        if generation < tracked.generation:
            cum_lots = tracked.own_lots(generation)
            return OrderSeen(name, order_id, OrderStatus.REPLACED, quantity_lots, cum_lots, time_ns)
        cum_lots = tracked.own_cum_lots
        if not generation:
            _, quantity_lots = parse.order_shape(info, tracked.grid)
        status = _status(info, cum_lots, tracked)
        if status is OrderStatus.FILLED and cum_lots < quantity_lots:
            status = OrderStatus.EXPIRED  # filled while it was edited: less was left than was asked for
        if status is OrderStatus.REJECTED and (order.accepted or cum_lots):
            status = OrderStatus.EXPIRED  # it was taken and failed later
        if status is OrderStatus.UNKNOWN and order.status is not OrderStatus.UNKNOWN:
            status = OrderStatus.PENDING_NEW
        return OrderSeen(name, order_id, status, quantity_lots, cum_lots, time_ns)

    def _not_found(self, order: Order, now_ns: int) -> None:
        self._core.emit(OrderNotFound(order.client_order_id, self._core.clock.venue_ns(now_ns)), now_ns)

    # -- lists of orders -------------------------------------------------------------------------------------

    def open_orders(self, query_id: int, now_ns: int) -> None:
        def on_all(orders: list[VenueOrder], answered_ns: int) -> None:
            self._core.emit(OpenOrdersListed(query_id, tuple(orders)), answered_ns)

        def on_failed(text: str, failed_ns: int) -> None:
            self._fail(QueryFailed(query_id, "", text), failed_ns)

        self._list_open(f"open:{query_id}", self._symbols(), on_all, on_failed, now_ns)

    def orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        symbol = self._core.grid(instrument_id).instrument.symbol
        since = self._core.clock.venue_ns(since_ns) - _MARGIN_NS

        def on_orders(found: list[OrderInfo], answered_ns: int) -> None:
            def on_all(orders: list[VenueOrder], told_ns: int) -> None:
                ordered = tuple(sorted(orders, key=lambda each: each.created_ns))
                self._core.emit(OrdersListed(query_id, instrument_id, ordered, True), told_ns)

            self._with_edits(found, on_all, on_failed, answered_ns)

        def on_failed(text: str, failed_ns: int) -> None:
            self._fail(QueryFailed(query_id, "", text), failed_ns)

        params = (("product_ids", symbol), ("start_date", time_text(max(since, 0))))
        self._list(f"all:{query_id}", params, on_orders, on_failed, now_ns, Purpose.QUERY)

    def _symbols(self) -> Params:
        return tuple(("product_ids", grid.instrument.symbol) for grid in self._core.grids.values())

    def _list_open(
        self,
        key: str,
        symbols: Params,
        on_all: Callable[[list[VenueOrder], int], None],
        on_failed: OnFailed,
        now_ns: int,
    ) -> None:
        """One list per group of states, one after the other; an order that moves on between the two is in both, or
        over."""
        found: dict[str, OrderInfo] = {}

        def ask(group: int, asked_ns: int) -> None:
            def on_orders(orders: list[OrderInfo], answered_ns: int) -> None:
                found.update((each.order_id, each) for each in orders)
                if group + 1 < len(_OPEN_STATES):
                    ask(group + 1, answered_ns)
                else:
                    self._with_edits(list(found.values()), on_all, on_failed, answered_ns)

            states = tuple(("order_status", each) for each in _OPEN_STATES[group])
            self._list(f"{key}:{group}", (*symbols, *states), on_orders, on_failed, asked_ns, Purpose.LISTING)

        ask(0, now_ns)

    def _list(
        self, key: str, params: Params, on_orders: OnOrders, on_failed: OnFailed, now_ns: int, purpose: Purpose
    ) -> None:
        """Every order that matches, over all pages."""
        found: list[OrderInfo] = []

        def ask(cursor: str, asked_ns: int) -> None:
            at = (("limit", str(_ORDERS_PER_PAGE)), *((("cursor", cursor),) if cursor else ()))
            question = RestQuestion(key, PATHS.orders_list, (*params, *at), on_answer, on_failure, purpose=purpose)
            self._rest.ask(question, asked_ns)

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            page = _decode_orders(body)
            found.extend(page.orders)
            if page.has_next and page.cursor:
                ask(page.cursor, answered_ns)
            else:
                on_orders(found, answered_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            on_failed(text, failed_ns)

        ask("", now_ns)

    def _with_edits(
        self, infos: list[OrderInfo], on_all: Callable[[list[VenueOrder], int], None], on_failed: OnFailed, now_ns: int
    ) -> None:
        """Tell orders as the engine knows them. Those with edits that we do not know yet are reviewed first."""
        infos = [each for each in infos if each.product_id in self._core.grids_by_symbol]
        missing: set[str] = set()
        for info in infos:
            tracked = self._ledger.by_order_id(info.order_id)
            if info.edit_history and (tracked is None or tracked.generation < len(info.edit_history)):
                missing.add(info.order_id)
            else:
                self._ledger.on_listed(info, now_ns)

        def finish(told_ns: int) -> None:
            on_all([self._venue_order(info, told_ns) for info in infos], told_ns)

        self._reviews.ask_all(missing, finish, on_failed, now_ns)

    def _venue_order(self, info: OrderInfo, now_ns: int) -> VenueOrder:
        grid = self._core.grids_by_symbol[info.product_id]
        price_ticks, total_lots = parse.order_shape(info, grid)
        tracked = self._ledger.by_order_id(info.order_id)
        name, generation, base_lots = info.client_order_id, 0, 0
        if tracked is not None and tracked.generation:
            name, generation, base_lots = tracked.name, tracked.generation, tracked.base_lots
        cum_lots = max(0, parse.lots_or_zero(info.filled_size, grid) - base_lots)
        made_ns = venue_ns(info.created_time)
        quantity_lots = total_lots - base_lots
        if tracked is not None and generation and tracked.quantities[-1]:
            quantity_lots = tracked.quantities[-1]
        return VenueOrder(
            client_order_id=name,
            order_id=engine_id(info.order_id, generation),
            instrument_id=grid.instrument_id,
            side=parse.side(info.side),
            status=_status(info, cum_lots, tracked),
            quantity_lots=quantity_lots,
            price_ticks=price_ticks,
            cum_lots=cum_lots,
            created_ns=self._core.clock.local_ns(made_ns, now_ns) if made_ns else 0,
        )

    # -- cancel-all ------------------------------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """What the venue lists as open and what we know to be, in requests of a hundred. What we know goes at once; the
        list follows. Raises UsageError for an instrument that the session does not have."""
        symbol = self._core.grid(instrument_id).instrument.symbol
        known = self._ledger.open_order_ids(instrument_id)
        parts, failures = 2 if known else 1, list[str]()

        def on_all(orders: list[VenueOrder], answered_ns: int) -> None:
            listed = {venue_id(each.order_id)[0] for each in orders if not each.status.is_terminal}
            left = sorted(listed - set(known))
            if left:
                self._cancels.batch(left, done, answered_ns)
            else:
                done("", answered_ns)

        def done(failure: str, told_ns: int) -> None:
            nonlocal parts
            parts -= 1
            failures.extend([failure] if failure else [])
            if not parts:
                delay_ns = self._core.options.retry_first_ns if failures else 0
                self._core.defer(CancelAllAnswered(instrument_id, "; ".join(failures)), told_ns, delay_ns)

        if known:
            self._cancels.batch(known, done, now_ns)
        self._list_open(f"cancel:{instrument_id}", (("product_ids", symbol),), on_all, done, now_ns)

    def _fail(self, event: VenueEvent, now_ns: int) -> None:
        self._core.defer(event, now_ns, self._core.options.retry_first_ns)


def _status(info: OrderInfo, cum_lots: int, tracked: TrackedOrder | None) -> OrderStatus:
    """As the ledger tells it: what the venue has cancelled by itself has expired."""
    status = parse.status(info.status, cum_lots)
    if status is not OrderStatus.CANCELLED:
        return status
    end = tracked.end if tracked is not None else None
    if end is None:
        end = OrderEnd(info.status, info.cancel_message, info.time_in_force, 0)
    return OrderStatus.CANCELLED if end.reason is Reason.NONE else OrderStatus.EXPIRED
