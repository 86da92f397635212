"""Orders that wait for the price of the last trade: accepted, funds locked, and in no book until it is reached."""

from typing import TYPE_CHECKING

from adapters.simulator.accounts import Account
from adapters.simulator.binance.errors import ApiError, rejected
from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.orders import OrderRecord, OrderTerms
from adapters.simulator.binance.sweep import MarketBounds, bounds_by_quantity
from adapters.simulator.market import Public
from adapters.simulator.triggers import Trigger, Triggers
from engine.codes import Side

if TYPE_CHECKING:
    from adapters.simulator.binance.exchange import Exchange

__all__ = ["WaitingOrders", "lock_nanos"]

_INSUFFICIENT = "Account has insufficient balance for requested action."


def lock_nanos(listing: Listing, side: Side, price_ticks: int) -> int:
    """What one lot of an order locks: its price for a buy, itself for a sell."""
    return price_ticks * listing.tick_lot_nanos if side is Side.BUY else listing.lot_nanos


class WaitingOrders:
    """Of one exchange. A stop without a price locks what its trigger price costs; when that is not enough for the
    market that it meets, it expires."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._triggers: Triggers[OrderRecord] = Triggers()

    def place(self, account: Account, terms: OrderTerms, now_ns: int) -> OrderRecord:
        """Raises ApiError -2010, and then nothing has changed."""
        trigger = self.trigger(terms)
        record = self.new_record(account, terms, trigger, now_ns)
        if not account.lock(record.locked_asset, record.locked_nanos):
            raise rejected(_INSUFFICIENT)
        self._exchange.admit(record)
        self.watch(record, trigger)
        return record

    def trigger(self, terms: OrderTerms) -> Trigger:
        """Raises ApiError -2010 for one that has been reached already."""
        last_ticks = terms.listing.market.last_trade_ticks
        trigger = Trigger(terms.fires_above, terms.stop_ticks or last_ticks, terms.trailing_ppm)
        if last_ticks and trigger.is_reached(last_ticks):
            raise rejected("Order would trigger immediately.")
        return trigger

    def new_record(self, account: Account, terms: OrderTerms, trigger: Trigger, now_ns: int) -> OrderRecord:
        bounds = MarketBounds(terms.quantity_lots, terms.quantity_lots, terms.price_ticks or trigger.ticks)
        record = self._exchange.new_record(account, terms, bounds, now_ns)
        record.is_working = False
        return record

    def watch(self, record: OrderRecord, trigger: Trigger) -> None:
        self._triggers.watch(record.listing.symbol, record.order_id, record, trigger)

    def forget(self, record: OrderRecord) -> bool:
        return self._triggers.forget(record.listing.symbol, record.order_id)

    # -- the market's trades ------------------------------------------------------------------------------------

    def note(self, listing: Listing, event: Public) -> None:
        if self._triggers.has_any(listing.symbol) and event.stream.endswith("@trade"):
            self._triggers.traded(listing.symbol, listing.trade_ticks(event.payload))

    def fire(self, now_ns: int) -> None:
        """What has been reached works from now on; that may reach others in turn."""
        while fired := self._take_fired():
            for record in fired:
                self._fire(record, now_ns)
            self._exchange.tell_balances(now_ns)

    def _take_fired(self) -> list[OrderRecord]:
        for listing in self._exchange.listings.values():
            last_ticks = listing.market.last_trade_ticks
            if last_ticks and self._triggers.has_any(listing.symbol):
                self._triggers.traded(listing.symbol, last_ticks)
        return [record for record in self._triggers.take_fired() if record.is_open]

    def _fire(self, record: OrderRecord, now_ns: int) -> None:
        terms, listing, account, exchange = record.terms, record.listing, record.account, self._exchange
        exchange.lists.works(record, now_ns)
        record.is_working = True
        record.updated_wall_ns = record.working_wall_ns = exchange.clock(now_ns)
        exchange.report(record, "NEW")
        if terms.is_market:
            account.unlock(record.locked_asset, record.locked_nanos)
            record.locked_nanos = 0
            free_nanos = account.balance(listing.quote).free_nanos
            try:
                bounds = bounds_by_quantity(listing, terms.side, terms.quantity_lots, free_nanos)
            except ApiError:
                exchange.expire(record, "REJECTED", record.updated_wall_ns)
                return
            record.sim = exchange.new_sim(account, terms, bounds, now_ns, record.order_id)
            record.locked_nanos = bounds.sent_lots * lock_nanos(listing, terms.side, bounds.price_ticks)
            account.lock(record.locked_asset, record.locked_nanos)
        exchange.settle(record, listing.market.place(record.sim, now_ns))
