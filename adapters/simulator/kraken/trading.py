"""What can be done with orders, the same for REST and WebSocket: add, amend, edit, cancel, and the dead man's switch.

The matching engine's limits are enforced here, as the venue counts them: per account and pair, a fixed part for each
transaction on receipt, whatever becomes of it, and more the younger the order that it touches. A transaction that would
exceed the threshold is refused, a single cancel too; cancels in a batch and ``cancel_all`` are taken all the same.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.simulator.accounts import Account
from adapters.simulator.exchange import Exchange, Refused
from adapters.simulator.kraken.encoding import Ids, Number, client_id
from adapters.simulator.kraken.errors import ORDERS_LIMIT, UNKNOWN_ORDER, ApiError, invalid, refusal_text
from adapters.simulator.kraken.limits import (
    AMEND_PENALTIES,
    CANCEL_PENALTIES,
    EDIT_PENALTIES,
    PairCounters,
    penalty,
)
from adapters.simulator.kraken.order_entry import (
    Moment,
    Parameters,
    check_deadline,
    lots_of,
    read_order,
    read_symbol,
    ticks_of,
)
from adapters.simulator.kraken.orders import Amendment, KrakenOrder
from adapters.simulator.kraken.settings import Tier
from engine.instrument import NANOS

__all__ = ["Customer", "Trading"]

BATCH_ADD = (2, 15)
BATCH_CANCEL_MAX = 50
_TIMEOUT_MAX = 86_400


class Customer(NamedTuple):
    """An account and its tier."""

    account: Account
    tier: Tier


class Trading:
    """Operations raise ApiError and return what happened; the reports have been sent by then."""

    def __init__(self, exchange: Exchange[KrakenOrder], ids: Ids) -> None:
        self.counters = PairCounters()
        self.requests = 0
        self.last_order_received_ns = 0
        #: Per account: when the dead man's switch cancels everything.
        self.switches: dict[str, int] = {}
        self._exchange = exchange
        self._ids = ids
        self._numbers = 0
        self._by_order_id: dict[str, int] = {}
        self._ids_max = 1_000

    # -- finding ------------------------------------------------------------------------------------------------

    def by_order_id(self, account: str, order_id: str) -> KrakenOrder | None:
        """Any order of the account that is remembered."""
        number = self._by_order_id.get(order_id)
        order = self._exchange.orders.get(number) if number is not None else None
        return order if order is not None and order.account.name == account else None

    def _open_order(self, customer: Customer, kind: str, value: object) -> KrakenOrder:
        """The open order that ``order_id``, ``cl_ord_id`` or ``order_userref`` names. Raises ApiError."""
        name, orders = customer.account.name, self._exchange.orders
        order: KrakenOrder | None = None
        if kind == "order_id" and isinstance(value, str):
            order = self.by_order_id(name, value)
        elif kind == "cl_ord_id":
            own = client_id(value)
            if own is None:
                raise invalid("cl_ord_id")
            order = orders.by_client_id(name, own)
        elif kind == "order_userref":
            order = next((each for each in orders.open(name) if each.userref == value), None)
        if order is None or not order.is_open:
            raise ApiError(UNKNOWN_ORDER)
        return order

    # -- new orders ---------------------------------------------------------------------------------------------

    def add(self, customer: Customer, parameters: Parameters, moment: Moment, is_validated_only: bool) -> KrakenOrder:
        """One order; ``is_validated_only``: it is checked and not sent."""
        self.last_order_received_ns = moment.now_ns
        self.requests += 1
        listing = read_symbol(self._exchange.listings, parameters)
        self._charge(customer, listing.symbol, 2, moment)
        check_deadline(parameters, moment)
        order = self._read(customer, parameters, moment)
        if not is_validated_only:
            self._place(customer, order, moment)
        return order

    def add_batch(
        self,
        customer: Customer,
        symbol: object,
        orders: Sequence[Parameters],
        common: Parameters,
        moment: Moment,
        is_validated_only: bool,
    ) -> list[KrakenOrder | ApiError]:
        """2 to 15 orders of one pair. One that is invalid refuses them all (ApiError); one that the engine refuses
        refuses itself, and its row is the error."""
        self.last_order_received_ns = moment.now_ns
        listing = read_symbol(self._exchange.listings, {"symbol": symbol})
        self.requests += len(orders)
        if not BATCH_ADD[0] <= len(orders) <= BATCH_ADD[1]:
            raise invalid("orders")
        self._charge(customer, listing.symbol, len(orders), moment)
        check_deadline(common, moment)
        read = [self._read(customer, {**each, "symbol": symbol}, moment) for each in orders]
        if is_validated_only:
            return list(read)
        return [self._try_place(customer, order, moment) for order in read]

    def _read(self, customer: Customer, parameters: Parameters, moment: Moment) -> KrakenOrder:
        self._numbers += 1
        listing = read_symbol(self._exchange.listings, parameters)
        return read_order(self._numbers, self._ids, customer.account, listing, parameters, moment)

    def _place(self, customer: Customer, order: KrakenOrder, moment: Moment) -> None:
        orders, name = self._exchange.orders, order.account.name
        same = orders.by_client_id(name, order.client_order_id) if order.client_order_id else None
        if same is not None and same.is_open:
            raise invalid("cl_ord_id already in use")
        if sum(each.listing is order.listing for each in orders.open(name)) >= customer.tier.open_orders:
            raise ApiError(ORDERS_LIMIT)
        self._remember(order)
        price, wall_ns = order.price_ticks, moment.wall_ns
        order.amendments.append(
            Amendment(order.order_id, "original", order.quantity_lots, order.quantity_lots, price, wall_ns)
        )
        try:
            self._exchange.place(order, moment.now_ns)
        except Refused as refused:
            del self._by_order_id[order.order_id]
            raise ApiError(refusal_text(refused.why)) from None

    def _remember(self, order: KrakenOrder) -> None:
        """Its id leads to it, for as long as the exchange remembers it."""
        self._by_order_id[order.order_id] = order.number
        if len(self._by_order_id) > self._ids_max:
            numbers, get = self._by_order_id, self._exchange.orders.get
            self._by_order_id = {text: number for text, number in numbers.items() if get(number) is not None}
            self._by_order_id[order.order_id] = order.number
            self._ids_max = max(self._ids_max, 2 * len(self._by_order_id))

    def _try_place(self, customer: Customer, order: KrakenOrder, moment: Moment) -> KrakenOrder | ApiError:
        try:
            self._place(customer, order, moment)
        except ApiError as error:
            return error
        return order

    # -- amend and edit -----------------------------------------------------------------------------------------

    def amend(self, customer: Customer, parameters: Parameters, moment: Moment) -> tuple[KrakenOrder, str]:
        """Change quantity or price in place; returns the order and the amend's own id."""
        order = self._open_order(customer, *_one_reference(parameters))
        self._charge(customer, order.listing.symbol, 2 + 2 * self._penalty(AMEND_PENALTIES, order, moment), moment)
        check_deadline(parameters, moment)
        if order.is_market:
            raise ApiError(UNKNOWN_ORDER)
        listing = order.listing
        lots = lots_of(listing, parameters["order_qty"]) if "order_qty" in parameters else order.quantity_lots
        ticks = ticks_of(listing, parameters["limit_price"]) if "limit_price" in parameters else order.price_ticks
        if "post_only" in parameters and not isinstance(parameters["post_only"], bool):
            raise invalid("post_only")
        post_only = bool(parameters.get("post_only", order.post_only))
        if lots <= order.cum_lots + order.prevented_lots:
            self._count_cancel(customer, order, moment)
        amend_id = self._ids.next("T")
        order.is_amended = True
        amendment = Amendment(amend_id, "user", lots, max(0, lots - order.cum_lots), ticks, moment.wall_ns)
        order.amendments.append(amendment)
        try:
            self._exchange.amend(order, lots, ticks, post_only, moment.now_ns)
        except Refused as refused:
            order.amendments.remove(amendment)
            order.is_amended = len(order.amendments) > 1
            raise ApiError(refusal_text(refused.why)) from None
        return order, amend_id

    def edit(self, customer: Customer, parameters: Parameters, moment: Moment) -> tuple[KrakenOrder, KrakenOrder]:
        """The old way: cancel, and add another with what is not given taken over. Returns the new order and the old."""
        old = self._open_order(customer, "order_id", parameters.get("order_id"))
        self._charge(customer, old.listing.symbol, 2 + 2 * self._penalty(EDIT_PENALTIES, old, moment), moment)
        check_deadline(parameters, moment)
        if old.client_order_id or old.is_market:
            raise invalid("order with cl_ord_id cannot be edited")
        listing = old.listing
        taken_over: dict[str, object] = {
            "order_type": "limit",
            "side": old.side_name,
            "order_qty": Number(listing.quantity_text(old.leaves_lots)),
            "limit_price": Number(listing.price_text(old.price_ticks)),
            "post_only": old.post_only,
            "time_in_force": "gtc",
        }
        new = self._read(customer, {**taken_over, **parameters, "symbol": listing.symbol}, moment)
        old.cancel_reason = "Order replaced"
        self._exchange.cancel(old, moment.now_ns)
        self._place(customer, new, moment)
        return new, old

    # -- cancels ------------------------------------------------------------------------------------------------

    def cancel(self, customer: Customer, kind: str, value: object, moment: Moment) -> KrakenOrder:
        """One order; counted, and refused when the counter is full."""
        self.requests += 1
        order = self._open_order(customer, kind, value)
        self._charge(customer, order.listing.symbol, 2 * self._penalty(CANCEL_PENALTIES, order, moment), moment)
        self._exchange.cancel(order, moment.now_ns)
        return order

    def cancel_batch(self, customer: Customer, references: Sequence[tuple[str, object]], moment: Moment) -> int:
        """Up to 50 orders; those that are not open are passed over. Returns how many were cancelled."""
        if not 1 <= len(references) <= BATCH_CANCEL_MAX:
            raise invalid("orders")
        cancelled = 0
        for kind, value in references:
            try:
                order = self._open_order(customer, kind, value)
            except ApiError:
                continue
            self._count_cancel(customer, order, moment)
            cancelled += self._exchange.cancel(order, moment.now_ns)
        return cancelled

    def cancel_all(self, customer: Customer, moment: Moment, reason: str = "") -> int:
        """Every order of the account. One is counted for each pair touched."""
        orders = self._exchange.orders.open(customer.account.name)
        for symbol in dict.fromkeys(order.listing.symbol for order in orders):
            self.counters.get(customer.account.name, symbol, customer.tier).add(2, moment.now_ns)
        for order in orders:
            order.cancel_reason = reason
            self._exchange.cancel(order, moment.now_ns)
        return len(orders)

    def arm(self, customer: Customer, timeout: object, moment: Moment) -> int:
        """The dead man's switch, in whole seconds; 0 disarms. Returns when it would trigger (UTC ns), 0 for never."""
        if type(timeout) is not int or not 0 <= timeout < _TIMEOUT_MAX:
            raise invalid("timeout")
        name = customer.account.name
        self.switches.pop(name, None)
        if timeout == 0:
            return 0
        self.switches[name] = moment.now_ns + timeout * NANOS
        return moment.wall_ns + timeout * NANOS

    # -- counting -----------------------------------------------------------------------------------------------

    def _charge(self, customer: Customer, symbol: str, halves: int, moment: Moment) -> None:
        self.counters.charge(customer.account.name, symbol, customer.tier, halves, moment.now_ns)

    def _count_cancel(self, customer: Customer, order: KrakenOrder, moment: Moment) -> None:
        counter = self.counters.get(customer.account.name, order.listing.symbol, customer.tier)
        counter.add(2 * self._penalty(CANCEL_PENALTIES, order, moment), moment.now_ns)

    @staticmethod
    def _penalty(penalties: Sequence[tuple[int, int]], order: KrakenOrder, moment: Moment) -> int:
        return penalty(penalties, moment.now_ns - order.aged_from_ns)


def _one_reference(parameters: Mapping[str, object]) -> tuple[str, object]:
    """Exactly one of ``order_id`` and ``cl_ord_id``. Raises ApiError."""
    given = [(kind, parameters[kind]) for kind in ("order_id", "cl_ord_id") if kind in parameters]
    if len(given) != 1:
        raise invalid("order_id or cl_ord_id")
    return given[0]
