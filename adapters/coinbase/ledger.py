"""What the venue says about the account's orders → order events, each told once.

    answer to a new order ─┐
    user channel ──────────┼─▶ TrackedOrder ─▶ accepted, rejected, seen, ended
    reviews ───────────────┘        │ more filled than traded
                                    └─▶ List Fills ─▶ OrderFilled, with the venue's own trade ids

The user channel tells how much of an order is filled, not by which trades; the trades are asked for, because prices and
fees that are derived from averages would be approximate. Until they have come the engine knows that fills are owed.

A *review* asks the venue for one order, and for its trades where it has been edited: when an edit may have taken place,
when an order of an earlier life shows up, and for every question about an order.
"""

from collections.abc import Callable

from adapters.coinbase import parse
from adapters.coinbase.core import SessionCore
from adapters.coinbase.fills import FillQuestions
from adapters.coinbase.messages import FillInfo, OrderInfo, OrderState, TradeType, UserOrder
from adapters.coinbase.orders import EditFrame, engine_id
from adapters.coinbase.reviews import Reviews
from adapters.coinbase.times import venue_ns
from adapters.coinbase.tracked import EDITS_MAX, OrderEnd, TrackedOrder
from adapters.grid import InstrumentGrid
from engine.codes import OrderStatus, Reason
from engine.venue import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)

__all__ = ["Ledger"]

#: Orders that have ended are remembered for late answers; beyond this the oldest are forgotten.
_ENDED_MAX = 10_000
_EDIT_AGAIN_FIRST_NS, _EDIT_AGAIN_MAX_NS = 50_000_000, 5_000_000_000
#: How long the lists may lag behind the user channel.
_EDIT_GRACE_NS = 10_000_000_000


class Ledger:
    """``on_id_known(client_order_id, order_id, now_ns)`` is called when the venue's id of an order becomes known."""

    def __init__(self, core: SessionCore, reviews: Reviews, fills: FillQuestions) -> None:
        self._core, self._reviews, self._fills = core, reviews, fills
        self._orders: dict[str, TrackedOrder] = {}
        self._by_name: dict[str, TrackedOrder] = {}
        self._over: dict[str, None] = {}
        #: When this session began, on the venue's clock: what was made since is known with all its edits.
        self.began_ns = 0
        self.on_id_known: Callable[[str, str, int], None] = _nobody
        reviews.on_review = self.on_review
        fills.on_fills, fills.owes = self.on_fills, self.owes
        #: Called after each trade that was told: what the account holds has moved.
        self.on_trade: Callable[[int], None] = _nothing

    # -- looking up ------------------------------------------------------------------------------------------

    def by_name(self, client_order_id: str) -> TrackedOrder | None:
        return self._by_name.get(client_order_id)

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """By the venue's own id."""
        return self._orders.get(order_id)

    def open_order_ids(self, instrument_id: int) -> list[str]:
        """The venue's ids of every order of an instrument that may be open as far as we know."""
        return [
            each.order_id
            for each in self._orders.values()
            if each.grid.instrument_id == instrument_id and each.end is None
        ]

    def track(self, order_id: str, name: str, grid: InstrumentGrid, *, is_known: bool, now_ns: int) -> TrackedOrder:
        order = self._orders.get(order_id)
        if order is None:
            order = self._orders[order_id] = TrackedOrder(order_id, "", grid, is_known)
            if name and is_known:
                self.learn(order, 0, name, 0, now_ns)
        order.is_known = order.is_known or is_known
        return order

    def learn(self, order: TrackedOrder, generation: int, name: str, quantity_lots: int, now_ns: int) -> None:
        """The engine's name of an order, or of one of its edits; what had to wait for it is told."""
        if not order.learn(generation, name, quantity_lots or order.quantities[min(generation, order.generation)]):
            return
        is_new = self._by_name.get(name) is not order
        self._by_name[name] = order
        if is_new:
            self.on_id_known(name, order.order_id, now_ns)

    # -- what the venue says ---------------------------------------------------------------------------------

    def on_created(self, name: str, quantity_lots: int, order_id: str, grid: InstrumentGrid, now_ns: int) -> None:
        """The venue has taken a new order (or had it already)."""
        order = self.track(order_id, name, grid, is_known=True, now_ns=now_ns)
        self.learn(order, 0, name, quantity_lots, now_ns)
        if not order.generation:
            self._tell(order, self._core.clock.venue_ns(now_ns), now_ns)

    def on_listed(self, info: OrderInfo, now_ns: int) -> None:
        """An order, without edits that we do not know, that a list has shown: the list's reader is told of it there."""
        if info.order_id in self._orders:
            self.on_review(info, None, now_ns)
            return
        grid = self._core.grids_by_symbol[info.product_id]
        order = self.track(info.order_id, info.client_order_id, grid, is_known=True, now_ns=now_ns)
        order.is_accepted = True
        if info.status.is_terminal:
            order.end_is_told = True
            self._note_end(order, info.status, info.cancel_message, info.time_in_force, 0)
            self._note_over(info.order_id)

    def on_user_order(self, seen: UserOrder, is_snapshot: bool, venue_time_ns: int, now_ns: int) -> None:
        grid = self._core.grids_by_symbol.get(seen.product_id)
        if grid is None:
            self._core.count("report of an instrument that is not ours")
            return
        made_ns = venue_ns(seen.creation_time)
        order = self.track(
            seen.order_id, seen.client_order_id, grid, is_known=made_ns >= self.began_ns > 0, now_ns=now_ns
        )
        order.cum_lots = max(order.cum_lots, parse.lots_or_zero(seen.cumulative_quantity, grid))
        if seen.status is OrderState.UNKNOWN_ORDER_STATUS:
            self._reviews.want(order.order_id, now_ns)
            return
        text = seen.reject_reason if seen.status is OrderState.FAILED else seen.cancel_reason
        self._note_end(order, seen.status, text, seen.time_in_force, venue_time_ns)
        if not order.is_known:
            if not is_snapshot:  # after a snapshot the engine has all open orders listed
                self._reviews.want(order.order_id, now_ns)
            return
        if order.edit is not None:
            self._note_queue(order, seen.status, now_ns)
            if seen.status is not OrderState.EDIT_QUEUED:
                self._reviews.want(order.order_id, now_ns)
                return
        self._tell(order, venue_time_ns, now_ns)

    def _note_queue(self, order: TrackedOrder, state: OrderState, now_ns: int) -> None:
        """Once an edit has left the queue it has been done, or never will be: whatever of it the lists do not show
        after a while did not take place."""
        if state is OrderState.EDIT_QUEUED:
            order.edit_is_taken = order.edit_is_queued = True
        elif order.edit_is_queued:
            order.edit_until_ns = min(order.edit_until_ns, now_ns + _EDIT_GRACE_NS)

    def _note_end(self, order: TrackedOrder, state: OrderState, text: str, in_force: str, time_ns: int) -> None:
        if state.is_terminal and order.end is None:
            order.end = OrderEnd(state, text, in_force, time_ns)

    # -- reviews ---------------------------------------------------------------------------------------------

    def on_review(self, info: OrderInfo, fills: list[FillInfo] | None, now_ns: int) -> bool:
        """An order as the venue has it. ``fills``: all of them, where they were asked for. False: some are missing, and
        without them nothing can be said of an order that was edited."""
        grid = self._core.grids_by_symbol.get(info.product_id)
        if grid is None:
            return True
        if fills is not None and _executed_lots(fills, grid) < parse.lots_or_zero(info.filled_size, grid):
            return False
        edits = sorted((venue_ns(each.replace_accept_timestamp), each) for each in info.edit_history or ())
        is_complete = not edits or fills is not None
        order = self._orders.get(info.order_id)
        if order is None or not order.is_known:
            order = self.track(info.order_id, info.client_order_id, grid, is_known=is_complete, now_ns=now_ns)
            if is_complete and not order.names[0] and not edits:
                self.learn(order, 0, info.client_order_id, 0, now_ns)
        order.cum_lots = max(order.cum_lots, parse.lots_or_zero(info.filled_size, grid))
        text = info.reject_reason if info.status is OrderState.FAILED else info.cancel_message
        self._note_end(order, info.status, text, info.time_in_force, venue_ns(info.last_update_time or ""))
        if not is_complete:
            return True
        if len(edits) > order.generation:
            self._edited(order, info, fills or [], now_ns)
        elif order.edit is not None:
            self._not_edited(order, info, now_ns)
        if fills is not None:
            self.on_fills(fills, now_ns)
        self._tell(order, self._core.clock.venue_ns(now_ns), now_ns)
        return True

    def _edited(self, order: TrackedOrder, info: OrderInfo, fills: list[FillInfo], now_ns: int) -> None:
        """The venue shows edits that we had not seen yet; the last may be the one that is waited for."""
        grid, edit = order.grid, order.edit
        history = sorted((venue_ns(each.replace_accept_timestamp), each) for each in info.edit_history or ())
        for edited_ns, each in history[order.generation :]:
            before = _executed_lots([fill for fill in fills if venue_ns(fill.trade_time) < edited_ns], grid)
            shape = parse.edit_shape(each, grid)
            is_ours = edit is not None and shape == (edit.price_ticks, edit.total_lots)
            order.add_edit(edited_ns, before, "", 0)
            if is_ours and edit is not None:
                order.edit = None
                self._took_place(order, edit, now_ns)

    def _took_place(self, order: TrackedOrder, edit: EditFrame, now_ns: int) -> None:
        self.replaced(
            order, order.generation, edit.orig_client_order_id, now_ns, edit.client_order_id, edit.quantity_lots
        )

    def replaced(
        self, order: TrackedOrder, generation: int, orig: str, now_ns: int, name: str, quantity_lots: int
    ) -> None:
        """``name`` stands in the place of ``orig``, as the given generation."""
        self.learn(order, generation, name, quantity_lots, now_ns)
        done_ns = order.edited_ns[generation - 1]
        self._core.emit(OrderReplaced(orig, name, order.own_lots(generation - 1), done_ns), now_ns)
        self._core.emit(OrderAccepted(name, engine_id(order.order_id, generation), done_ns), now_ns)
        if generation == order.generation:
            order.is_accepted = True

    def _not_edited(self, order: TrackedOrder, info: OrderInfo, now_ns: int) -> None:
        """Still queued, or the order ended first."""
        edit = order.edit
        if edit is None:
            return
        if info.status.is_terminal:
            order.edit = None
            self.refuse_edit(edit, Reason.ORDER_NOT_OPEN, f"the order was {info.status.value} before the edit", now_ns)
        elif info.status is not OrderState.EDIT_QUEUED and now_ns >= order.edit_until_ns:
            order.edit = None
            if order.edit_is_taken:
                text = "the venue has taken the edit and not carried it out"
                self.refuse_edit(edit, Reason.VENUE_REJECTED, text, now_ns)
            # else its answer was lost, and so was it; the engine finds out by asking
        else:
            order.edit_looks += 1
            delay_ns = min(_EDIT_AGAIN_FIRST_NS << min(order.edit_looks, 16), _EDIT_AGAIN_MAX_NS)
            self._reviews.want(order.order_id, now_ns, delay_ns)

    def refuse_edit(self, edit: EditFrame, reason: Reason, text: str, now_ns: int) -> None:
        """Definite: the order is what it was."""
        new, orig = edit.client_order_id, edit.orig_client_order_id
        time_ns = self._core.clock.venue_ns(now_ns)
        self._core.emit(ReplaceRejected(new, orig, False, reason, text, time_ns), now_ns)

    def on_edit_taken(self, order_id: str, now_ns: int) -> None:
        """The venue has answered that an edit is queued; whether it takes place, a review tells."""
        order = self._orders.get(order_id)
        if order is not None:
            order.edit_is_taken = True
        self._reviews.want(order_id, now_ns)

    def review(self, order_id: str, now_ns: int, delay_ns: int = 0) -> None:
        self._reviews.want(order_id, now_ns, delay_ns)

    # -- fills -----------------------------------------------------------------------------------------------

    def on_fills(self, fills: list[FillInfo], now_ns: int) -> None:
        """Trades of our orders, in any order and any number of times."""
        for fill in sorted(
            fills, key=lambda each: (venue_ns(each.sequence_timestamp or each.trade_time), each.trade_id)
        ):
            order = self._orders.get(fill.order_id)
            if order is None or not order.is_known:
                continue
            if fill.trade_type is not TradeType.FILL:
                self._core.count(f"fills of kind {fill.trade_type.value}")
                self._core.ctx.log("a fill that is no execution", trade=fill.trade_id, kind=fill.trade_type.value)
                continue
            trade_id = parse.trade_id(fill)
            order.trades.setdefault(trade_id, parse.fill_lots(fill, order.grid))
            self._tell_fill(order, fill, trade_id, now_ns)
        for order_id in {fill.order_id for fill in fills}:
            self._note_over(order_id)

    def _tell_fill(self, order: TrackedOrder, fill: FillInfo, trade_id: str, now_ns: int) -> None:
        """Not while it is open whose it is: an edit is under way, or our name for it is not known."""
        if trade_id in order.told or order.edit is not None:
            return
        generation = order.generation_at(venue_ns(fill.trade_time))
        name = order.names[generation]
        if not name:
            return
        order.told.add(trade_id)
        self._core.emit(parse.filled(fill, name, engine_id(order.order_id, generation), order.grid), now_ns)
        self.on_trade(now_ns)

    def owes(self, order_id: str) -> bool:
        """Whether the venue has counted more of an order than its trades that we have seen."""
        order = self._orders.get(order_id)
        return order is not None and order.traded_lots < order.cum_lots

    # -- telling ---------------------------------------------------------------------------------------------

    def tell(self, order: TrackedOrder, now_ns: int) -> None:
        """What had to wait until the engine's name of an order was known."""
        self._tell(order, self._core.clock.venue_ns(now_ns), now_ns)

    def _tell(self, order: TrackedOrder, time_ns: int, now_ns: int) -> None:
        """Whatever of an order's state has not been told yet."""
        if not order.is_known or not order.name:
            return
        if order.edit is None:
            self._tell_state(order, time_ns, now_ns)
        if order.traded_lots < order.cum_lots or len(order.told) < len(order.trades):
            if order.edit is not None:
                self._reviews.want(order.order_id, now_ns)
            else:
                self._fills.want(order.order_id, now_ns)
        self._note_over(order.order_id)

    def _tell_state(self, order: TrackedOrder, time_ns: int, now_ns: int) -> None:
        core, end, name = self._core, order.end, order.name
        if not order.is_accepted:
            order.is_accepted = True
            if end is not None and end.state is OrderState.FAILED and not order.cum_lots:
                order.end_is_told = True
                core.emit(OrderRejected(name, Reason.VENUE_REJECTED, end.text or "FAILED", end.time_ns), now_ns)
                return
            core.emit(OrderAccepted(name, order.engine_order_id, time_ns), now_ns)
        quantity_lots, cum_lots = order.quantities[-1], order.own_cum_lots
        if end is not None:
            if not order.end_is_told:
                order.end_is_told = True
                self._tell_end(order, end, now_ns)
        elif quantity_lots and cum_lots > order.seen_lots:
            order.seen_lots = cum_lots
            seen = OrderStatus.PARTIALLY_FILLED
            core.emit(OrderSeen(name, order.engine_order_id, seen, quantity_lots, cum_lots, time_ns), now_ns)

    def _tell_end(self, order: TrackedOrder, end: OrderEnd, now_ns: int) -> None:
        core, name, order_id = self._core, order.name, order.engine_order_id
        quantity_lots, cum_lots = order.quantities[-1], order.own_cum_lots
        if end.state is OrderState.FILLED:
            if not quantity_lots:
                return  # its trades say it all
            if cum_lots >= quantity_lots:
                core.emit(OrderSeen(name, order_id, OrderStatus.FILLED, quantity_lots, cum_lots, end.time_ns), now_ns)
            else:  # something filled between our reckoning and the edit, so that less was left than was asked for
                text = "filled while it was edited: less was left"
                core.emit(OrderExpired(name, order_id, cum_lots, Reason.VENUE_CANCELLED, text, end.time_ns), now_ns)
            return
        reason = end.reason
        if reason is Reason.NONE:
            core.emit(OrderCancelled(name, order_id, cum_lots, end.time_ns), now_ns)
        else:
            text = end.text or end.state.value
            core.emit(OrderExpired(name, order_id, cum_lots, reason, text, end.time_ns), now_ns)

    def _note_over(self, order_id: str) -> None:
        order = self._orders.get(order_id)
        if order is None or order_id in self._over or not order.is_over:
            return
        self._over[order_id] = None
        if len(self._over) > _ENDED_MAX:
            self._forget(next(iter(self._over)))

    def _forget(self, order_id: str) -> None:
        del self._over[order_id]
        order = self._orders.pop(order_id)
        for name in order.names:
            if self._by_name.get(name) is order:
                del self._by_name[name]

    def may_edit(self, order: TrackedOrder | None, orig_client_order_id: str) -> str:
        """Why an order cannot be edited now, or ""."""
        if order is None or not order.is_known:
            return "the venue has not named the order yet"
        if order.edit is not None:
            return "an edit of it is under way"
        if order.end is not None or order.name != orig_client_order_id:
            return "the order is not open"
        if order.generation >= EDITS_MAX:
            return f"the venue remembers {EDITS_MAX} edits of an order; cancel it and place a new one"
        return ""


def _executed_lots(fills: list[FillInfo], grid: InstrumentGrid) -> int:
    return sum(parse.fill_lots(fill, grid) for fill in fills if fill.trade_type is TradeType.FILL)


def _nobody(client_order_id: str, order_id: str, now_ns: int) -> None:
    """Until the session has its order entry."""


def _nothing(now_ns: int) -> None:
    """Until the session looks after its balances."""
