"""What has become of one order, asked over REST.

Every question ends in exactly one of its events. An order that has been amended is several of ours; which of them it
is now, and how much was filled when each came, its amends tell (``working.py``).
"""

from collections.abc import Mapping

import msgspec

from adapters.kraken.client_ids import name_of, venue_id
from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.executions import Executions
from adapters.kraken.messages import OrderAmend, OrderAmends, OrderInfo
from adapters.kraken.numbers import seconds_ns
from adapters.kraken.parse import PairGrid, end_reason, lots, order_status, takes, ticks
from adapters.kraken.questions import ClosedOrders, OpenOrders, Questions, amended_ns, is_amended
from adapters.kraken.working import Working, WorkingOrders, engine_id, split_id
from engine.codes import OrderStatus, Reason
from engine.order import Order
from engine.venue import OrderAccepted, OrderNotFound, OrderReplaced, OrderSeen, QueryFailed

__all__ = ["OrderQuery"]

_ENDED = OrderStatus.FILLED

_decode_open = msgspec.json.Decoder(OpenOrders).decode
_decode_closed = msgspec.json.Decoder(ClosedOrders).decode
_decode_orders = msgspec.json.Decoder(dict[str, OrderInfo]).decode
_decode_amends = msgspec.json.Decoder(OrderAmends).decode


class OrderQuery:
    def __init__(self, core: SessionCore, questions: Questions, working: WorkingOrders, executions: Executions) -> None:
        self._core, self._questions, self._working, self._executions = core, questions, working, executions
        self._asking: set[str] = set()

    def lost(self) -> None:
        """The session is down: whoever has asked will ask again."""
        self._asking.clear()
        self._questions.forget()

    def ask(self, order: Order, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        core, key = self._core, order.client_order_id
        core.grid(order.instrument_id)
        if key in self._asking:
            return  # one answer serves both
        self._asking.add(key)
        working = self._working.find(split_id(order.order_id)[0], "") if order.order_id else None
        working = working or self._working.of_ours(key)
        working = working or self._working.named(venue_id(order.orig_client_order_id or key))
        order_id = split_id(order.order_id)[0] or (working.order_id if working is not None else "")
        if order_id:
            self._by_id(order, order_id, now_ns)
            return
        name = working.name if working is not None else venue_id(order.orig_client_order_id or key)
        is_told = self._executions.is_loaded and (working is None or working.ended)
        self._by_name(order, name, now_ns, is_told=is_told)

    def _failed(self, order: Order, text: str, now_ns: int) -> None:
        self._asking.discard(order.client_order_id)
        self._core.defer(QueryFailed(0, order.client_order_id, text), now_ns, self._core.options.retry_first_ns)

    def _not_found(self, order: Order, now_ns: int) -> None:
        self._asking.discard(order.client_order_id)
        self._core.emit(OrderNotFound(order.client_order_id, self._core.clock.venue_ns(now_ns)), now_ns)

    def _by_id(self, order: Order, order_id: str, now_ns: int) -> None:
        def on_result(result: msgspec.Raw, answered_ns: int) -> None:
            info = _decode_orders(result).get(order_id)
            if info is None:
                self._not_found(order, answered_ns)
            else:
                self._found(order, order_id, info, answered_ns)

        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            if verdict is Verdict.NOT_OPEN:
                self._not_found(order, failed_ns)
            else:
                self._failed(order, text, failed_ns)

        self._questions.ask("QueryOrders", (("txid", order_id),), on_result, failed, now_ns)

    def _by_name(self, order: Order, name: str, now_ns: int, *, is_told: bool) -> None:
        """First among the open ones, then among the ended: an order that ends in between is in neither, and will be
        looked for again. ``is_told``: it would have been told of if it were open."""

        def on_open(result: msgspec.Raw, answered_ns: int) -> None:
            found = _named(_decode_open(result).open, name)
            if found is not None:
                self._found(order, *found, answered_ns)
            else:
                self._questions.ask("ClosedOrders", (("cl_ord_id", name),), on_closed, failed, answered_ns)

        def on_closed(result: msgspec.Raw, answered_ns: int) -> None:
            found = _named(_decode_closed(result).closed, name)
            if found is not None:
                self._found(order, *found, answered_ns)
            else:
                self._not_found(order, answered_ns)

        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            self._failed(order, text, failed_ns)

        if is_told:
            self._questions.ask("ClosedOrders", (("cl_ord_id", name),), on_closed, failed, now_ns)
        else:
            self._questions.ask("OpenOrders", (("cl_ord_id", name),), on_open, failed, now_ns)

    def _found(self, order: Order, order_id: str, info: OrderInfo, now_ns: int) -> None:
        working = self._working.find(order_id, "")
        is_plain = not order.orig_client_order_id and not order.replacements and "/" not in order.order_id
        if is_plain and not is_amended(info) and (working is None or not (working.in_doubt or working.amend)):
            self._asking.discard(order.client_order_id)
            self._tell(order, order_id, info, 0, 0, now_ns)
            return

        def on_amends(result: msgspec.Raw, answered_ns: int) -> None:
            self._asking.discard(order.client_order_id)
            self._resolve(order, order_id, info, _decode_amends(result).amends, answered_ns)

        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            self._failed(order, text, failed_ns)

        self._questions.ask("OrderAmends", (("order_id", order_id),), on_amends, failed, now_ns)

    def _tell(self, order: Order, order_id: str, info: OrderInfo, amends: int, base_lots: int, now_ns: int) -> None:
        """The order is this one of ours now."""
        grid = self._core.grid(order.instrument_id)
        total_lots, cum_lots = lots(info.vol, grid), lots(info.vol_exec, grid)
        own_lots = max(0, cum_lots - base_lots)
        quantity_lots = order.quantity_lots if amends else total_lots
        status = order_status(info, own_lots, quantity_lots)
        if status is OrderStatus.CANCELLED:
            ends_itself = takes(order.order_type, order.time_in_force)
            if end_reason(info.reason or "", ends_itself=ends_itself, is_expired=False) is not Reason.VENUE_CANCELLED:
                status = OrderStatus.EXPIRED  # as its report says, too
        closed_ns = seconds_ns(info.closetm)
        venue_ns = closed_ns or seconds_ns(info.opentm)
        name = engine_id(order_id, amends)
        seen = OrderSeen(order.client_order_id, name, status, quantity_lots, own_lots, venue_ns)
        self._learn(order, order_id, info, grid, now_ns)
        self._core.emit(seen, now_ns)

    def _learn(self, order: Order, order_id: str, info: OrderInfo, grid: PairGrid, now_ns: int) -> Working:
        """An order of an earlier life, or whose answer was lost, is known from now on."""
        name = name_of(info.cl_ord_id)
        working = self._working.find(order_id, name)
        if working is None:
            # A replacement of which nothing was told is not what the order is, as far as is known.
            ours = order.client_order_id if order.order_id else order.orig_client_order_id or order.client_order_id
            working = Working(name, ours, grid, lots(info.vol, grid), now_ns)
            working.side, working.order_type = order.side, order.order_type
            working.time_in_force, working.post_only = order.time_in_force, order.post_only
            working.order_id = order_id
            self._working.add(working)
            if order_status(info, 0, 1) >= _ENDED:
                self._working.end(working)
        elif not working.order_id:
            self._working.bind(working, order_id)
        if not working.amends and not order.orig_client_order_id and order.client_order_id not in working.ours:
            working.client_order_id, working.asked_lots = order.client_order_id, order.quantity_lots
            self._working.becomes(working, order.client_order_id)
        working.accepted = True
        working.cum_lots = max(working.cum_lots, lots(info.vol_exec, grid))
        return working

    # -- an order that has been amended, or may have been ------------------------------------------------------

    def _resolve(
        self, order: Order, order_id: str, info: OrderInfo, amends: tuple[OrderAmend, ...], now_ns: int
    ) -> None:
        grid = self._core.grid(order.instrument_id)
        done = [each for each in amends if each.amend_type == "user"]
        bases = [0, *(lots(each.order_qty, grid) - lots(each.remaining_qty, grid) for each in done)]
        working = self._learn(order, order_id, info, grid, now_ns)
        number = self._number_of(order, working, done)
        if working.amend is not None:
            self._failed(order, "a replace of it is on its way", now_ns)
        elif number > len(done):
            self._settle(working, bases, done, now_ns)
            self._not_found(order, now_ns)
        elif number < len(done):
            self._replaced(order, order_id, working, number, bases, done, now_ns)
        elif working.in_doubt and now_ns < working.doubt_until_ns:
            self._failed(order, "a replace of it may still come", now_ns)
        else:
            if number and order.orig_client_order_id and order.client_order_id not in working.numbers:
                self._take_over(order, working, number, bases, done, now_ns)
            working.client_order_id, working.asked_lots = order.client_order_id, order.quantity_lots
            working.numbers[order.client_order_id] = number
            self._settle(working, bases, done, now_ns)
            self._tell(order, order_id, info, number, bases[number], now_ns)

    def _number_of(self, order: Order, working: Working, done: list[OrderAmend]) -> int:
        """After how many amends the order is this one of ours; more than there are: it never was."""
        if order.order_id:
            return split_id(order.order_id)[1]
        if not order.orig_client_order_id:
            return 0
        known = working.numbers.get(order.client_order_id)
        if known is not None:
            return known
        number = working.numbers.get(order.orig_client_order_id, max(1, len(done)) - 1) + 1
        if number <= len(done) and (number in working.numbers.values() or not _fits(order, done[number - 1], working)):
            return len(done) + 1  # another replacement of the same original was done
        return number

    def _replaced(
        self,
        order: Order,
        order_id: str,
        working: Working,
        number: int,
        bases: list[int],
        done: list[OrderAmend],
        now_ns: int,
    ) -> None:
        """Another one of ours took the place of this one."""
        venue_ns, own_lots = amended_ns(done[number]), bases[number + 1] - bases[number]
        if order.replaced_by:
            working.numbers[order.client_order_id] = number
            working.numbers[order.replaced_by] = number + 1
            if number + 1 == len(done) and working.client_order_id != order.replaced_by:
                working.client_order_id = order.replaced_by
                working.asked_lots = lots(done[number].remaining_qty, working.grid)
                self._working.becomes(working, order.replaced_by)
            self._core.emit(OrderReplaced(order.client_order_id, order.replaced_by, own_lots, venue_ns), now_ns)
            name = engine_id(order_id, number + 1)
            self._core.emit(OrderAccepted(order.replaced_by, name, venue_ns), now_ns)
            self._settle(working, bases, done, now_ns)
        # The answer to the question itself: it is gone.
        name, quantity_lots = engine_id(order_id, number), order.quantity_lots
        gone = OrderSeen(order.client_order_id, name, OrderStatus.CANCELLED, quantity_lots, own_lots, venue_ns)
        self._core.emit(gone, now_ns)

    def _take_over(
        self, order: Order, working: Working, number: int, bases: list[int], done: list[OrderAmend], now_ns: int
    ) -> None:
        """This one took the place of its original, of which nothing was told yet."""
        own_lots, venue_ns = bases[number] - bases[number - 1], amended_ns(done[number - 1])
        if order.client_order_id not in working.ours:
            self._working.becomes(working, order.client_order_id)
        replaced = OrderReplaced(order.orig_client_order_id, order.client_order_id, own_lots, venue_ns)
        self._core.emit(replaced, now_ns)

    def _settle(self, working: Working, bases: list[int], done: list[OrderAmend], now_ns: int) -> None:
        """Its amends are known; what was held is told, once no amend can come any more."""
        if len(bases) >= len(working.bases):
            working.bases, working.amended_ns = bases, [amended_ns(each) for each in done]
        if working.in_doubt and now_ns >= working.doubt_until_ns:
            self._executions.settled(working, now_ns)


def _fits(order: Order, amend: OrderAmend, working: Working) -> bool:
    """Whether the amend can have been this replacement."""
    is_price = not amend.limit_price or ticks(amend.limit_price, working.grid) == order.price_ticks
    return is_price and lots(amend.remaining_qty, working.grid) <= order.quantity_lots


def _named(infos: Mapping[str, OrderInfo], name: str) -> tuple[str, OrderInfo] | None:
    """The latest order of that name: names may be used again once an order has ended."""
    found = [(seconds_ns(info.opentm), each) for each, info in infos.items() if name_of(info.cl_ord_id) == name]
    if not found:
        return None
    order_id = max(found)[1]
    return order_id, infos[order_id]
