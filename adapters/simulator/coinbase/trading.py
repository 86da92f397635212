"""What can be done with orders: create, edit, cancel.

A new order meets its market before its answer is given. An edit or a cancel is only taken: it is queued, the user
channel tells so, and the order can fill until the engine gets to it; then nothing but the order's state tells what
became of it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from adapters.simulator.accounts import Account
from adapters.simulator.coinbase.encoding import Ids, Stamps, check_fields, read_object
from adapters.simulator.coinbase.errors import EXCHANGE_REFUSALS, OrderRefused, argument, refusal
from adapters.simulator.coinbase.order_entry import (
    CREATE_FIELDS,
    Fields,
    Terms,
    Trader,
    read_configuration,
    read_side,
    read_terms,
    text,
)
from adapters.simulator.coinbase.orders import CoinbaseOrder, Edit
from adapters.simulator.coinbase.settings import VenueOptions
from adapters.simulator.coinbase.triggers import Triggers
from adapters.simulator.exchange import Exchange, Refused
from adapters.simulator.listing import Listing
from adapters.simulator.order import StpMode
from engine.codes import Side

__all__ = ["CancelResult", "Moment", "Request", "Trading"]

_CLIENT_ORDER_ID_MAX = 128
_IDS_MAX_FIRST = 1_000


class Moment(NamedTuple):
    """Now, on the actor's clock and in UTC."""

    now_ns: int
    wall_ns: int


class Request(NamedTuple):
    """What a new order, or its preview, asks for."""

    listing: Listing
    side: Side
    name: str
    shape: dict[str, object]
    terms: Terms


class CancelResult(NamedTuple):
    """``failure`` is "" for a cancel that is taken."""

    order_id: str
    failure: str


class _Queued(NamedTuple):
    due_ns: int
    kind: Literal["edit", "cancel"]
    order: CoinbaseOrder


class Trading:
    """``tell(order)`` is called for each state that an order comes into here; what the exchange does is told by the
    exchange. ``work`` does what has been queued long enough."""

    def __init__(
        self,
        exchange: Exchange[CoinbaseOrder],
        ids: Ids,
        stamps: Stamps,
        options: VenueOptions,
        tell: Callable[[CoinbaseOrder], None],
    ) -> None:
        self.triggers = Triggers(exchange)
        self.requests = 0
        self.last_order_received_ns = 0
        self._exchange, self._ids, self._stamps, self._options, self._tell = exchange, ids, stamps, options, tell
        self._numbers = 0
        self._queue: deque[_Queued] = deque()
        self._by_order_id: dict[str, int] = {}
        self._ids_max = _IDS_MAX_FIRST

    # -- finding ------------------------------------------------------------------------------------------------

    def by_order_id(self, account: str, order_id: str) -> CoinbaseOrder | None:
        """Any order of the account that is remembered."""
        number = self._by_order_id.get(order_id)
        order = self._exchange.orders.get(number) if number is not None else None
        return order if order is not None and order.account.name == account else None

    # -- new orders ---------------------------------------------------------------------------------------------

    def read(self, account: Account, fields: Fields, body: bytes, moment: Moment) -> Request:
        """What a new order or a preview asks for. Raises HttpError or OrderRefused."""
        side = read_side(fields)
        listing = self._exchange.listings.get(text(fields, "product_id"))
        name, shape = read_configuration(fields, body)
        if listing is None:
            raise refusal("INVALID_PRODUCT_ID")
        trader = Trader(account.taker_fee_ppm, moment.wall_ns, self._options)
        return Request(listing, side, name, shape, read_terms(listing, side, name, shape, trader))

    def create(self, account: Account, body: bytes, moment: Moment) -> CoinbaseOrder:
        """A new order, or the one that has this client order id already. Raises HttpError or OrderRefused."""
        self.last_order_received_ns = moment.now_ns
        self.requests += 1
        fields = read_object(body)
        check_fields(fields, CREATE_FIELDS, body)
        own = text(fields, "client_order_id")
        if not 0 < len(own) <= _CLIENT_ORDER_ID_MAX:
            raise argument(f"client_order_id must have 1 to {_CLIENT_ORDER_ID_MAX} characters")
        same = self._exchange.orders.by_client_id(account.name, own)
        if same is not None:
            return same
        order = self._new(account, own, self.read(account, fields, body, moment))
        self._place(order, moment.now_ns)
        return order

    def _new(self, account: Account, own: str, request: Request) -> CoinbaseOrder:
        self._numbers += 1
        terms = request.terms
        return CoinbaseOrder(
            number=self._numbers,
            account=account,
            listing=request.listing,
            client_order_id=own,
            side=request.side,
            price_ticks=terms.price_ticks,
            quantity_lots=terms.quantity_lots,
            time_in_force=terms.time_in_force,
            post_only=terms.post_only,
            stp_mode=StpMode.DECREMENT,
            quote_nanos=terms.quote_nanos,
            worst_ticks=terms.worst_ticks,
            expires_wall_ns=terms.expires_wall_ns,
            order_id=self._ids.next(),
            configuration={request.name: request.shape},
            kind=terms.kind,
            time_in_force_name=terms.time_in_force_name,
            trigger=terms.trigger,
        )

    def _place(self, order: CoinbaseOrder, now_ns: int) -> None:
        exchange, name = self._exchange, order.account.name
        self._remember(order)
        if sum(each.listing is order.listing for each in exchange.orders.open(name)) >= (
            self._options.open_orders_per_product
        ):
            self._fail(order, "TOO_MANY_OPEN_ORDERS", now_ns)
            return
        try:
            if order.kind == "STOP_LIMIT":
                exchange.park(order, now_ns)
            else:
                exchange.place(order, now_ns)
        except Refused as refused:
            del self._by_order_id[order.order_id]
            raise OrderRefused(EXCHANGE_REFUSALS[refused.why]) from None
        if order.trigger is not None:
            self.triggers.watch(order)

    def _fail(self, order: CoinbaseOrder, reason: str, now_ns: int) -> None:
        """It has been taken, and comes to nothing."""
        exchange = self._exchange
        order.created_wall_ns = order.changed_wall_ns = exchange.clock(now_ns)
        order.created_ns = order.aged_from_ns = now_ns
        exchange.orders.add(order)
        order.is_open = True
        self._tell(order)
        order.is_open, order.reject_reason = False, reason
        exchange.orders.close(order)
        self._tell(order)

    def _remember(self, order: CoinbaseOrder) -> None:
        """Its id leads to it, for as long as the exchange remembers it."""
        self._by_order_id[order.order_id] = order.number
        if len(self._by_order_id) > self._ids_max:
            numbers, get = self._by_order_id, self._exchange.orders.get
            self._by_order_id = {each: number for each, number in numbers.items() if get(number) is not None}
            self._by_order_id[order.order_id] = order.number
            self._ids_max = max(self._ids_max, 2 * len(self._by_order_id))

    # -- edits and cancels ----------------------------------------------------------------------------------------

    def edit(self, order: CoinbaseOrder, edit: Edit, moment: Moment) -> None:
        """Queue an edit that has been found possible (``edits.read_edit``)."""
        self.requests += 1
        order.edit = edit
        self._enqueue("edit", order, moment)

    def cancel(self, account: Account, order_ids: Sequence[str], moment: Moment) -> list[CancelResult]:
        """Queue cancels, each for itself."""
        self.requests += 1
        return [CancelResult(each, self._cancel(account, each, moment)) for each in order_ids]

    def _cancel(self, account: Account, order_id: str, moment: Moment) -> str:
        order = self.by_order_id(account.name, order_id)
        if order is None or not order.is_open:
            is_filled = order is not None and order.status == "FILLED"
            return "ORDER_IS_FULLY_FILLED" if is_filled else "UNKNOWN_CANCEL_ORDER"
        if order.is_cancel_queued:
            return "DUPLICATE_CANCEL_REQUEST"
        if order.edit is not None:
            return "ORDER_IS_BEING_REPLACED"
        if self._exchange.is_spared():
            return "" if self._exchange.spare_every == 1 else "UNKNOWN_CANCEL_FAILURE_REASON"
        order.is_cancel_queued = True
        self._enqueue("cancel", order, moment)
        return ""

    def _enqueue(self, kind: Literal["edit", "cancel"], order: CoinbaseOrder, moment: Moment) -> None:
        self._queue.append(_Queued(moment.now_ns + self._options.queue_ns, kind, order))
        order.changed_wall_ns = moment.wall_ns
        self._tell(order)

    @property
    def next_due_ns(self) -> int | None:
        return self._queue[0].due_ns if self._queue else None

    def work(self, moment: Moment) -> None:
        """Let the engine have what has been queued long enough."""
        while self._queue and self._queue[0].due_ns <= moment.now_ns:
            _, kind, order = self._queue.popleft()
            if not order.is_open:
                order.edit = None
            elif kind == "edit":
                self._apply(order, moment)
            else:
                self._exchange.cancel(order, moment.now_ns)

    def _apply(self, order: CoinbaseOrder, moment: Moment) -> None:
        """An edit takes place, or, when it has become impossible meanwhile, the order stands as it did before."""
        edit, order.edit = order.edit, None
        if edit is None:
            return
        if edit.quantity_lots <= order.cum_lots + order.prevented_lots:
            self._tell(order)
            return
        order.edits.append(edit._replace(wall_ns=self._stamps.next(moment.wall_ns)))
        try:
            self._exchange.amend(order, edit.quantity_lots, edit.price_ticks, order.post_only, moment.now_ns)
        except Refused:
            order.edits.pop()
            self._tell(order)
