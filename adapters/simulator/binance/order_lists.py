"""Lists of orders: of an OCO one order at most executes; the pending orders of an OTO wait until its working order has
executed completely.

The two orders of an OCO lock what the dearer of them needs, once. As soon as one executes, or its trigger is reached,
the other expires. A cancel of any order cancels the list.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.simulator.accounts import Account
from adapters.simulator.binance.errors import ApiError, rejected
from adapters.simulator.binance.orders import OrderRecord, OrderTerms, Stamp
from adapters.simulator.binance.sweep import MarketBounds
from adapters.simulator.binance.waiting import lock_nanos
from adapters.simulator.market import Ended, MarketEvent
from adapters.simulator.triggers import Trigger

if TYPE_CHECKING:
    from adapters.simulator.binance.exchange import Exchange

__all__ = ["ListRecord", "OrderLists"]

_INSUFFICIENT = "Account has insufficient balance for requested action."
_WOULD_TAKE = "Order would immediately match and take."


@dataclass(slots=True, eq=False)
class ListRecord:
    """``pair`` are the orders of which one at most executes; ``pending`` wait for ``working``."""

    list_id: int
    contingency: str
    client_order_id: str
    account: Account
    working: OrderRecord | None = None
    pending: tuple[OrderRecord, ...] = ()
    pair: tuple[OrderRecord, ...] = ()
    created_wall_ns: int = 0
    is_done: bool = False

    @property
    def records(self) -> tuple[OrderRecord, ...]:
        first = () if self.working is None else (self.working,)
        return (*first, *(self.pending or self.pair))

    def state(self, stamp: Stamp) -> dict[str, object]:
        return {
            "orderListId": self.list_id,
            "contingencyType": self.contingency,
            "listStatusType": "ALL_DONE" if self.is_done else "EXEC_STARTED",
            "listOrderStatus": "ALL_DONE" if self.is_done else "EXECUTING",
            "listClientOrderId": self.client_order_id,
            "transactionTime": stamp(self.created_wall_ns),
            "symbol": self.records[0].listing.symbol,
            "orders": [
                {"symbol": each.listing.symbol, "orderId": each.order_id, "clientOrderId": each.client_order_id}
                for each in self.records
            ],
        }

    def event(self, wall_ns: int, stamp: Stamp) -> dict[str, object]:
        status = "ALL_DONE" if self.is_done else "EXEC_STARTED"
        return {
            "e": "listStatus",
            "E": stamp(wall_ns),
            "s": self.records[0].listing.symbol,
            "g": self.list_id,
            "c": self.contingency,
            "l": status,
            "L": "ALL_DONE" if self.is_done else "EXECUTING",
            "r": "NONE",
            "C": self.client_order_id,
            "T": stamp(wall_ns),
            "O": [{"s": each.listing.symbol, "i": each.order_id, "c": each.client_order_id} for each in self.records],
        }


class OrderLists:
    """Of one exchange, which tells it when an order begins to work, is filled, fails or is cancelled."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._lists: dict[int, ListRecord] = {}
        self._last_id = 0

    def by_id(self, list_id: int) -> ListRecord | None:
        return self._lists.get(list_id)

    def by_client_id(self, account: str, client_order_id: str) -> ListRecord | None:
        found = [x for x in self._lists.values() if x.account.name == account and x.client_order_id == client_order_id]
        return found[-1] if found else None

    # -- placing ------------------------------------------------------------------------------------------------

    def place_oco(self, account: Account, name: str, pair: tuple[OrderTerms, OrderTerms], now_ns: int) -> ListRecord:
        """Raises ApiError -2010, and then nothing has changed."""
        triggers = self._check(account, name, pair)
        made = self._new(account, name, "OCO", now_ns)
        made.pair = tuple(self._record(account, made, *each, now_ns) for each in zip(pair, triggers, strict=True))
        events = self._begin_pair(made.pair, triggers, now_ns, is_new=True)
        self._told(made, now_ns)
        for record, happened in zip(made.pair, events, strict=True):
            if happened:
                self._exchange.settle(record, happened)
        self._exchange.tell_balances(now_ns)
        return made

    def place_oto(
        self, account: Account, name: str, working: OrderTerms, pending: tuple[OrderTerms, ...], now_ns: int
    ) -> ListRecord:
        """``pending``: one order, or the two of an OCO. Raises ApiError -2010, and then nothing has changed."""
        exchange = self._exchange
        for terms in (working, *pending):
            exchange.check_place(account, terms)
        self._check_name(account, name)
        self._last_id += 1
        record, events = exchange.enter(account, working, now_ns, self._last_id)
        made = self._lists[self._last_id] = ListRecord(self._last_id, "OTO", name, account, working=record)
        made.created_wall_ns = exchange.clock(now_ns)
        made.pending = tuple(self._record(account, made, terms, None, now_ns) for terms in pending)
        for each in made.pending:
            each.status, each.is_working, each.locked_nanos = "PENDING_NEW", False, 0
            exchange.admit(each)
        self._told(made, now_ns)
        exchange.settle(record, events)
        exchange.tell_balances(now_ns)
        return made

    def _check(self, account: Account, name: str, pair: tuple[OrderTerms, OrderTerms]) -> list[Trigger | None]:
        self._check_name(account, name)
        for terms in pair:
            self._exchange.check_place(account, terms)
        return [self._exchange.waiting.trigger(terms) if terms.waits else None for terms in pair]

    def _check_name(self, account: Account, name: str) -> None:
        known = self.by_client_id(account.name, name)
        if known is not None and not known.is_done:
            raise rejected("Duplicate order sent.")

    def _new(self, account: Account, name: str, contingency: str, now_ns: int) -> ListRecord:
        self._last_id += 1
        return ListRecord(self._last_id, contingency, name, account, created_wall_ns=self._exchange.clock(now_ns))

    def _record(
        self, account: Account, made: ListRecord, terms: OrderTerms, trigger: Trigger | None, now_ns: int
    ) -> OrderRecord:
        ticks = terms.price_ticks or terms.stop_ticks or (trigger.ticks if trigger else 0)
        bounds = MarketBounds(terms.quantity_lots, terms.quantity_lots, ticks)
        record = self._exchange.new_record(account, terms, bounds, now_ns)
        record.list_id, record.is_working = made.list_id, not terms.waits
        return record

    def _begin_pair(
        self, pair: tuple[OrderRecord, ...], triggers: list[Trigger | None], now_ns: int, *, is_new: bool
    ) -> list[list[MarketEvent]]:
        """Lock what the dearer needs, then send what does not wait. Raises ApiError -2010."""
        dearest = max(pair, key=lambda each: each.locked_nanos)
        account = dearest.account
        if not account.lock(dearest.locked_asset, dearest.locked_nanos):
            raise rejected(_INSUFFICIENT)
        events: list[list[MarketEvent]] = []
        for record, trigger in zip(pair, triggers, strict=True):
            happened = [] if trigger is not None else record.listing.market.place(record.sim, now_ns)
            if happened and isinstance(happened[0], Ended) and happened[0].why == "would_take":
                account.unlock(dearest.locked_asset, dearest.locked_nanos)
                raise rejected(_WOULD_TAKE)
            events.append(happened)
        for record, trigger in zip(pair, triggers, strict=True):
            if record is not dearest:
                record.locked_nanos = 0
            if is_new:
                self._exchange.admit(record)
            if trigger is not None:
                self._exchange.waiting.watch(record, trigger)
        return events

    # -- what happens to its orders -----------------------------------------------------------------------------

    def works(self, record: OrderRecord, now_ns: int) -> None:
        """One of a pair executes or is triggered: it takes over what is locked for both, and the other expires."""
        found = self._lists.get(record.list_id)
        if found is None or record not in found.pair:
            return
        for other in found.pair:
            if other is not record and other.is_open:
                total = record.locked_nanos + other.locked_nanos
                terms = record.terms
                need = record.leaves_lots * lock_nanos(record.listing, terms.side, record.sim.price_ticks)
                record.locked_nanos = min(need, total)
                other.locked_nanos = total - record.locked_nanos
                self._exchange.withdraw(other, now_ns)
                self._exchange.expire(other, "OCO_TRIGGER", self._exchange.clock(now_ns))

    def filled(self, record: OrderRecord, now_ns: int) -> None:
        found = self._lists.get(record.list_id)
        if found is None:
            return
        if record is found.working and found.pending:
            self._begin_pending(found, now_ns)
        self._look(found)

    def failed(self, record: OrderRecord) -> None:
        """An order has expired: what waits for it never begins."""
        found = self._lists.get(record.list_id)
        if found is None:
            return
        if record is found.working:
            for each in found.pending:
                if each.status == "PENDING_NEW":
                    self._exchange.expire(each, "OTO_PHASE_ONE_EXPIRED", record.updated_wall_ns)
        self._look(found)

    def cancelled(self, record: OrderRecord, now_ns: int) -> None:
        """One has been cancelled: so are the others."""
        found = self._lists.get(record.list_id)
        if found is None:
            return
        for other in found.records:
            if other.is_open:
                self._exchange.cancel_too(other, now_ns)
        self._look(found)

    def _begin_pending(self, found: ListRecord, now_ns: int) -> None:
        exchange, pending = self._exchange, found.pending
        wall_ns = exchange.clock(now_ns)
        for record in pending:
            record.status, record.updated_wall_ns = "NEW", wall_ns
        try:
            triggers = [exchange.waiting.trigger(each.terms) if each.terms.waits else None for each in pending]
            for record, trigger in zip(pending, triggers, strict=True):
                ticks = record.terms.price_ticks or (trigger.ticks if trigger else 0)
                record.locked_nanos = record.quantity_lots * lock_nanos(record.listing, record.terms.side, ticks)
            events = self._begin_pair(pending, triggers, now_ns, is_new=False)
        except ApiError:
            for record in pending:
                record.locked_nanos = 0
                exchange.expire(record, "REJECTED", wall_ns)
            return
        if len(pending) > 1:
            found.pair = pending
        for record, happened in zip(pending, events, strict=True):
            if not record.terms.waits:
                record.is_working, record.working_wall_ns = True, wall_ns
            exchange.report(record, "NEW")
            if happened:
                exchange.settle(record, happened)

    def _look(self, found: ListRecord) -> None:
        """Whether all of it has ended."""
        if found.is_done or any(each.is_open for each in found.records):
            return
        found.is_done = True
        self._tell(found, found.records[-1].updated_wall_ns)

    def _told(self, made: ListRecord, now_ns: int) -> None:
        self._lists[made.list_id] = made
        self._tell(made, self._exchange.clock(now_ns))

    def _tell(self, made: ListRecord, wall_ns: int) -> None:
        self._exchange.tell(made.account.name, lambda stamp: made.event(wall_ns, stamp))
