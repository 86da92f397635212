"""What was asked on the order link and is not yet answered: order status, open orders, all orders, our trades,
cancel-all.

Every question ends in exactly one of its events; without an answer in time, or when the link is lost, in QueryFailed
(CancelAllAnswered with a failure). A question that cannot be sent at all fails a little later, so that asking again at
once does not spin.
"""

from collections.abc import Callable

import msgspec

from adapters.binance import parse
from adapters.binance.amends import Amends, link_of
from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict
from adapters.binance.messages import MyTrade, OrderInfo, OrdersMessage
from adapters.binance.orders import OrderEncoder
from adapters.purpose import Purpose
from engine.instrument import NANOS
from engine.order import Order
from engine.venue import (
    CancelAllAnswered,
    OpenOrdersListed,
    OrderNotFound,
    OrdersListed,
    QueryFailed,
    TradesListed,
    VenueEvent,
    VenueOrder,
)

__all__ = ["Queries"]

_QUERIES_TIMER = "session:orders:queries"
_TRADES_PER_PAGE = _ORDERS_PER_PAGE = 1_000
_DAY_NS = 86_400 * NANOS
#: Every open order of the account, over all symbols, in one answer.
_ALL_SYMBOLS_WEIGHT, _ONE_SYMBOL_WEIGHT = 80, 6
_NO_ROOM = "no room within the venue's rate limits"
_NO_LINK = "order link is down"

_decode_order = msgspec.json.Decoder(OrderInfo).decode
_decode_orders = msgspec.json.Decoder(tuple[OrderInfo, ...]).decode
_decode_trades = msgspec.json.Decoder(tuple[MyTrade, ...]).decode


class _Question:
    """``failed(text)`` makes the event that tells of a failure. ``order_id``: whose trades are asked for, if one's."""

    __slots__ = ("deadline_ns", "failed", "instrument_id", "order", "order_id", "purpose", "query_id", "weight")

    def __init__(
        self,
        query_id: int,
        instrument_id: int,
        purpose: Purpose,
        weight: int,
        deadline_ns: int,
        failed: Callable[[str], VenueEvent],
    ) -> None:
        self.query_id, self.instrument_id = query_id, instrument_id
        self.purpose, self.weight, self.deadline_ns, self.failed = purpose, weight, deadline_ns, failed
        self.order_id = ""
        self.order: Order | None = None


class _Listing:
    """One query for open orders, symbol by symbol: what is still missing, and what has come."""

    def __init__(self, missing: set[str]) -> None:
        self.missing = missing
        self.orders: list[VenueOrder] = []


class Queries:
    """``send(payload) -> bool`` writes one request to the order link, False when the link cannot take it."""

    def __init__(self, core: SessionCore, encoder: OrderEncoder, send: Callable[[bytes], bool]) -> None:
        self._core, self._encoder, self._send = core, encoder, send
        self._questions: dict[str, _Question] = {}
        self._listings: dict[int, _Listing] = {}
        self._cancel_alls = 0
        #: What is asked about an amended order; set by the order link.
        self.amends: Amends | None = None

    # -- asking ----------------------------------------------------------------------------------------------

    def order_status(self, order: Order, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        client_order_id = order.client_order_id
        request_id = f"q:{client_order_id}"
        if request_id in self._questions:
            return  # one answer serves both
        grid = self._core.grid(order.instrument_id)
        payload = self._encoder.order_status(order, grid, self._core.clock.timestamp(now_ns))
        question = _Question(
            0,
            order.instrument_id,
            Purpose.QUERY,
            4,
            now_ns + self._core.options.answer_timeout_ns,
            lambda text: QueryFailed(0, client_order_id, text),
        )
        question.order = order
        self._ask(request_id, question, payload, now_ns)

    def open_orders(self, query_id: int, now_ns: int) -> None:
        grids = self._core.grids
        if len(grids) * _ONE_SYMBOL_WEIGHT <= _ALL_SYMBOLS_WEIGHT:
            asked = {f"o:{query_id}:{each}": each for each in grids}
        else:
            asked = {f"o:{query_id}:": -1}
        self._listings[query_id] = _Listing(set(asked))
        for request_id, instrument_id in asked.items():
            params: dict[str, str | int] = {}
            if instrument_id >= 0:
                params["symbol"] = grids[instrument_id].instrument.symbol
            weight = _ONE_SYMBOL_WEIGHT if instrument_id >= 0 else _ALL_SYMBOLS_WEIGHT
            question = self._query(query_id, instrument_id, weight, now_ns, Purpose.LISTING)
            payload = self._payload(request_id, "openOrders.status", params, now_ns)
            if query_id in self._listings:  # else an earlier part of it has failed
                self._ask(request_id, question, payload, now_ns)

    def orders(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        since_ms = self._core.clock.venue_ns(since_ns) // self._core.options.unit_ns
        self._ask_orders(query_id, instrument_id, {"startTime": since_ms}, now_ns)

    def _ask_orders(self, query_id: int, instrument_id: int, start: dict[str, int], now_ns: int) -> None:
        symbol = self._core.grid(instrument_id).instrument.symbol
        params: dict[str, str | int] = {"symbol": symbol, "limit": _ORDERS_PER_PAGE, **start}
        request_id = f"l:{query_id}"
        payload = self._payload(request_id, "allOrders", params, now_ns)
        self._ask(request_id, self._query(query_id, instrument_id, 20, now_ns), payload, now_ns)

    def trades(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        if after_trade_id.isascii() and after_trade_id.isdigit():
            start = {"fromId": int(after_trade_id) + 1}
        else:
            start = {"startTime": (self._core.clock.venue_ns(now_ns) - _DAY_NS) // self._core.options.unit_ns}
        self._ask_trades(query_id, instrument_id, start, now_ns)

    def order_trades(self, query_id: int, order: Order, now_ns: int) -> None:
        """However old they are. Raises UsageError for an instrument that the session does not have."""
        venue_id = link_of(order.order_id).venue_id
        self._ask_trades(query_id, order.instrument_id, {"orderId": int(venue_id)}, now_ns, venue_id)

    def _ask_trades(
        self, query_id: int, instrument_id: int, start: dict[str, int], now_ns: int, order_id: str = ""
    ) -> None:
        symbol = self._core.grid(instrument_id).instrument.symbol
        params: dict[str, str | int] = {"symbol": symbol, "limit": _TRADES_PER_PAGE, **start}
        request_id = f"t:{query_id}"
        question = self._query(query_id, instrument_id, 20, now_ns)
        question.order_id = order_id
        payload = self._payload(request_id, "myTrades", params, now_ns)
        self._ask(request_id, question, payload, now_ns)

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        self._cancel_alls += 1
        request_id = f"a:{instrument_id}:{self._cancel_alls}"
        symbol = self._core.grid(instrument_id).instrument.symbol
        question = _Question(
            0,
            instrument_id,
            Purpose.CANCEL_ALL,
            1,
            now_ns + self._core.options.answer_timeout_ns,
            lambda text: CancelAllAnswered(instrument_id, text),
        )
        payload = self._payload(request_id, "openOrders.cancelAll", {"symbol": symbol}, now_ns)
        self._ask(request_id, question, payload, now_ns)

    def _query(
        self, query_id: int, instrument_id: int, weight: int, now_ns: int, purpose: Purpose = Purpose.QUERY
    ) -> _Question:
        deadline_ns = now_ns + self._core.options.answer_timeout_ns
        return _Question(
            query_id, instrument_id, purpose, weight, deadline_ns, lambda text: QueryFailed(query_id, "", text)
        )

    def _payload(self, request_id: str, method: str, params: dict[str, str | int], now_ns: int) -> bytes:
        return self._encoder.request(request_id, method, params, self._core.clock.timestamp(now_ns))

    def _ask(self, request_id: str, question: _Question, payload: bytes, now_ns: int) -> None:
        core = self._core
        venue_ns = core.clock.venue_ns(now_ns)
        if not core.limits.has_room(question.purpose, question.weight, venue_ns, now_ns):
            self._fail_later(request_id, question, _NO_ROOM, now_ns)
        elif not self._send(payload):
            self._fail_later(request_id, question, _NO_LINK, now_ns)
        else:
            core.limits.sent(question.purpose, question.weight, venue_ns)
            if not self._questions:
                core.ctx.set_timer(_QUERIES_TIMER, question.deadline_ns)
            replaced = self._questions.get(request_id)
            if replaced is not None:
                core.limits.answered(replaced.purpose, replaced.weight, replaced.weight, venue_ns)
            self._questions[request_id] = question

    def _fail_later(self, request_id: str, question: _Question, text: str, now_ns: int) -> None:
        self._drop_listing(request_id, question)
        self._core.defer(question.failed(text), now_ns, self._core.options.retry_first_ns)

    # -- answers ---------------------------------------------------------------------------------------------

    def on_answer(self, request_id: str, answer: OrdersMessage, now_ns: int) -> None:
        question = self._questions.get(request_id)
        if question is None:
            self._core.count("answer to no question")
            return
        # What cannot be parsed raises here, while the question still stands: it then fails with the link.
        event = self._event(request_id, question, answer, now_ns) if answer.status == 200 else None
        del self._questions[request_id]
        cost = 0 if question.purpose is Purpose.CANCEL_ALL and event is not None else question.weight
        venue_ns = self._core.clock.venue_ns(now_ns)
        self._core.limits.answered(question.purpose, question.weight, cost, venue_ns)
        if answer.status != 200:
            self._refused(request_id, question, answer, now_ns)
        elif event is not None:
            self._core.emit(event, now_ns)
            if isinstance(event, TradesListed) and not event.complete:
                start = {"fromId": int(event.fills[-1].trade_id) + 1}
                if question.order_id:
                    start["orderId"] = int(question.order_id)
                self._ask_trades(event.query_id, event.instrument_id, start, now_ns, question.order_id)
            elif isinstance(event, OrdersListed) and not event.complete:
                after = {"orderId": int(event.orders[-1].order_id) + 1}
                self._ask_orders(event.query_id, event.instrument_id, after, now_ns)

    def _event(self, request_id: str, question: _Question, answer: OrdersMessage, now_ns: int) -> VenueEvent | None:
        """The event of a successful answer; None while other parts of it are missing."""
        kind = request_id[0]
        if kind == "q":
            grid, unit_ns = self._core.grid(question.instrument_id), self._core.options.unit_ns
            info, order = _decode_order(answer.result), question.order
            if order is not None and self.amends is not None:
                return self.amends.seen(order, info, grid, now_ns)
            return parse.order_seen(info, request_id[2:], grid, unit_ns)
        if kind == "o":
            return self._open_orders_event(request_id, question, answer.result)
        if kind == "t":
            return self._trades_event(question, answer.result)
        if kind == "l":
            return self._orders_event(question, answer.result, now_ns)
        return CancelAllAnswered(question.instrument_id, "")

    def _open_orders_event(self, request_id: str, question: _Question, result: msgspec.Raw) -> VenueEvent | None:
        listing = self._listings.get(question.query_id)
        if listing is None or request_id not in listing.missing:
            return None  # another part of it has failed
        for info in _decode_orders(result):
            grid = self._core.grids_by_symbol.get(info.symbol)
            if grid is not None:
                listing.orders.append(parse.venue_order(info, grid))
        listing.missing.discard(request_id)
        if listing.missing:
            return None
        del self._listings[question.query_id]
        return OpenOrdersListed(question.query_id, tuple(listing.orders))

    def _trades_event(self, question: _Question, result: msgspec.Raw) -> VenueEvent:
        grid, unit_ns = self._core.grid(question.instrument_id), self._core.options.unit_ns
        trades = sorted(_decode_trades(result), key=lambda trade: trade.id)
        fills = tuple(parse.my_trade(trade, grid, unit_ns) for trade in trades)
        return TradesListed(question.query_id, question.instrument_id, fills, len(fills) < _TRADES_PER_PAGE)

    def _orders_event(self, question: _Question, result: msgspec.Raw, now_ns: int) -> VenueEvent:
        grid, unit_ns, clock = self._core.grid(question.instrument_id), self._core.options.unit_ns, self._core.clock
        found = sorted(_decode_orders(result), key=lambda info: info.orderId)
        orders = tuple(
            msgspec.structs.replace(
                parse.venue_order(info, grid),
                created_ns=clock.local_ns(parse.venue_ns(info.time, unit_ns), now_ns),
            )
            for info in found
        )
        return OrdersListed(question.query_id, question.instrument_id, orders, len(orders) < _ORDERS_PER_PAGE)

    def _refused(self, request_id: str, question: _Question, answer: OrdersMessage, now_ns: int) -> None:
        verdict = self._core.judge(answer.status, answer.error, 0, now_ns)
        kind = request_id[0]
        if kind == "q" and verdict is Verdict.NOT_FOUND:
            self._core.emit(OrderNotFound(request_id[2:], self._core.clock.venue_ns(now_ns)), now_ns)
        elif kind == "a" and verdict is Verdict.NOT_OPEN:
            self._core.emit(CancelAllAnswered(question.instrument_id, ""), now_ns)
        else:
            error = answer.error
            text = f"{error.code} {error.msg}" if error is not None else f"status {answer.status}"
            self._fail(request_id, question, text, now_ns)

    # -- failures --------------------------------------------------------------------------------------------

    def _fail(self, request_id: str, question: _Question, text: str, now_ns: int) -> None:
        if request_id[0] == "o" and question.query_id not in self._listings:
            return  # told already
        self._drop_listing(request_id, question)
        self._core.emit(question.failed(text), now_ns)

    def _drop_listing(self, request_id: str, question: _Question) -> None:
        if request_id[0] == "o":
            self._listings.pop(question.query_id, None)

    def on_timer(self, now_ns: int) -> None:
        late = [(name, each) for name, each in self._questions.items() if each.deadline_ns <= now_ns]
        for name, question in late:
            del self._questions[name]
            venue_ns = self._core.clock.venue_ns(now_ns)
            self._core.limits.answered(question.purpose, question.weight, question.weight, venue_ns)
            self._fail(name, question, "not answered in time", now_ns)
        if self._questions:
            at_ns = min(each.deadline_ns for each in self._questions.values())
            self._core.ctx.set_timer(_QUERIES_TIMER, at_ns)

    def lost(self, now_ns: int) -> None:
        """The link is down: nothing of this will be answered."""
        self._core.ctx.cancel_timer(_QUERIES_TIMER)
        questions, self._questions = self._questions, {}
        for name, question in questions.items():
            self._fail(name, question, "order link lost", now_ns)
