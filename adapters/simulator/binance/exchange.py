"""The exchange behind the protocol: places, cancels, amends; turns the markets' events into reports and balances.

Every change is told to the ``Feed`` in engine order, then the balances that it touched, once per account.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from adapters.simulator.accounts import Account, Accounts
from adapters.simulator.binance.errors import ApiError, cancel_rejected, rejected
from adapters.simulator.binance.limits import OrderLimits
from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.order_index import OrderIndex
from adapters.simulator.binance.order_lists import OrderLists
from adapters.simulator.binance.orders import OrderRecord, OrderTerms, PreventedMatch, Stamp, TradeRecord
from adapters.simulator.binance.settings import VenueOptions
from adapters.simulator.binance.sweep import MarketBounds, bounds_by_quantity, bounds_by_quote
from adapters.simulator.binance.user_stream import account_position, execution_report
from adapters.simulator.binance.waiting import WaitingOrders, lock_nanos
from adapters.simulator.market import Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.order import SimOrder, StpMode
from adapters.simulator.others import others_trade
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError

__all__ = ["Exchange", "Feed"]

_EXPIRY_REASONS = {
    "expired_ioc": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "expired_fok": "UNFILLED_FOK_ORDER_EXPIRED",
    "expired_no_liquidity": "INSUFFICIENT_LIQUIDITY",
}
_INSUFFICIENT = "Account has insufficient balance for requested action."


class Feed(Protocol):
    """Where the exchange's news go."""

    def user_event(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        """An event of one account; ``render`` is valid only within the call."""
        ...

    def public_event(self, listing: Listing, event: Public) -> None: ...


class Exchange:
    """Markets, accounts and orders. Times are the actor's monotonic clock; ``clock`` turns them into UTC."""

    def __init__(self, listings: Mapping[str, Listing], accounts: Accounts, options: VenueOptions, feed: Feed) -> None:
        self.listings = listings
        self.accounts = accounts
        self.orders = OrderIndex(options.orders_remembered)
        self.order_limits = {account.name: OrderLimits(options.limits) for account in accounts}
        self.orders_received = 0
        self.last_order_received_ns = 0
        self.orders_placed = 0
        self.orders_rejected = 0
        self.fills = 0
        self.clock: Callable[[int], int] = lambda now_ns: now_ns
        #: Is told of every change of an order, as (record, what happened, the trade if it was one): for who audits.
        self.on_change: Callable[[OrderRecord, str, TradeRecord | None], None] | None = None
        #: A fault: every n-th cancel does nothing, though it is answered; 0: none.
        self.spare_every = 0
        self._cancels_asked = 0
        self.waiting = WaitingOrders(self)
        self.lists = OrderLists(self)
        self._read_lag_ns = options.read_lag_ns
        self._feed = feed
        self._last_order_id = 1_000_000
        self._touched: dict[str, dict[str, None]] = {}
        self._matches: deque[PreventedMatch] = deque(maxlen=options.orders_remembered)
        self._placed_matches: list[PreventedMatch] = []

    def received(self, now_ns: int) -> None:
        """A request for a new order has arrived, whatever becomes of it."""
        self.orders_received += 1
        self.last_order_received_ns = now_ns

    # -- commands -----------------------------------------------------------------------------------------------

    def place(self, account: Account, terms: OrderTerms, now_ns: int) -> tuple[OrderRecord, list[PreventedMatch]]:
        """Lock the funds, match, report. Raises ApiError -2010, after which nothing has changed."""
        try:
            return self._place(account, terms, now_ns)
        except ApiError:
            self.orders_rejected += 1
            raise

    def _place(self, account: Account, terms: OrderTerms, now_ns: int) -> tuple[OrderRecord, list[PreventedMatch]]:
        self.check_place(account, terms)
        self._placed_matches = []
        if terms.waits:
            record = self.waiting.place(account, terms, now_ns)
        else:
            record, events = self.enter(account, terms, now_ns)
            self.settle(record, events)
        self.tell_balances(now_ns)
        return record, self._placed_matches

    def check_place(self, account: Account, terms: OrderTerms) -> None:
        """Raises ApiError -2010 for a market that is closed and for a name that is taken."""
        if not terms.listing.is_trading:
            raise rejected("Market is closed.")
        if self.orders.is_open(account.name, terms.listing.symbol, terms.client_order_id):
            raise rejected("Duplicate order sent.")

    def enter(
        self, account: Account, terms: OrderTerms, now_ns: int, list_id: int = -1
    ) -> tuple[OrderRecord, list[MarketEvent]]:
        """Into the market, reported as new; what happened to it there is the caller's to settle. Raises ApiError."""
        listing = terms.listing
        bounds = self._bounds(account, terms)
        record = self.new_record(account, terms, bounds, now_ns)
        if not account.lock(record.locked_asset, record.locked_nanos):
            raise rejected(_INSUFFICIENT)
        events = listing.market.place(record.sim, now_ns)
        if events and isinstance(events[0], Ended) and events[0].why == "would_take":
            account.unlock(record.locked_asset, record.locked_nanos)
            raise rejected("Order would immediately match and take.")
        record.list_id = list_id
        self.admit(record)
        return record, events

    def admit(self, record: OrderRecord) -> None:
        self.orders_placed += 1
        self.orders.add(record)
        self.touch(record)
        self.report(record, "NEW")

    def settle(self, record: OrderRecord, events: list[MarketEvent]) -> None:
        for event in events:
            self._apply(record.listing, event)
        if record.is_open and (record.terms.is_market or record.terms.time_in_force != "GTC"):
            self.expire(record, _EXPIRY_REASONS["expired_no_liquidity"], record.updated_wall_ns)

    # -- changes ------------------------------------------------------------------------------------------------

    def cancel(self, record: OrderRecord, client_order_id: str, now_ns: int) -> str:
        """Cancel an open order; it takes ``client_order_id`` and its original one is returned and free again."""
        if self._is_spared():
            return record.client_order_id
        if not record.is_open or not self.withdraw(record, now_ns):
            raise cancel_rejected("Unknown order sent.")
        orig = self._cancelled(record, client_order_id, now_ns)
        self.lists.cancelled(record, now_ns)
        self.tell_balances(now_ns)
        return orig

    def cancel_too(self, record: OrderRecord, now_ns: int) -> None:
        """An order whose list is cancelled."""
        self.withdraw(record, now_ns)
        self._cancelled(record, f"list-{record.order_id}", now_ns)

    def withdraw(self, record: OrderRecord, now_ns: int) -> bool:
        """Out of the book, or out of those that wait. False: it is in neither."""
        return self.waiting.forget(record) or record.listing.market.cancel(record.sim, now_ns)

    def _cancelled(self, record: OrderRecord, client_order_id: str, now_ns: int) -> str:
        orig = record.client_order_id
        record.status = "CANCELED"
        record.updated_wall_ns = self.clock(now_ns)
        self._close(record)
        self.orders.rename(record, client_order_id)
        self.report(record, "CANCELED", orig_client_order_id=orig)
        return orig

    def amend(self, record: OrderRecord, quantity_lots: int, client_order_id: str, now_ns: int) -> str:
        """Lower an open order's total quantity in its place; returns the original client order id.

        The caller has checked that it is a reduction. Down to what is done already, the order expires.
        """
        orig = record.client_order_id
        done_lots = record.cum_lots + record.prevented_lots
        gone_lots = record.quantity_lots - max(quantity_lots, done_lots)
        market = record.listing.market
        if quantity_lots <= done_lots:
            changed = market.cancel(record.sim, now_ns)
        else:
            changed = market.reduce(record.sim, quantity_lots, now_ns)
        if not changed:
            raise ApiError(-2038, "Unknown order sent.")
        record.updated_wall_ns = self.clock(now_ns)
        self._release(record, gone_lots)
        record.quantity_lots = quantity_lots
        record.amends += 1
        if quantity_lots <= done_lots:
            record.status = "EXPIRED"
            self._close(record)
        self.orders.rename(record, client_order_id)
        self.report(record, "REPLACED" if record.is_open else "EXPIRED", orig_client_order_id=orig)
        self.tell_balances(now_ns)
        return orig

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        """Nobody's order takes what it can get, whether the market is open or not."""
        listing = self.listings[symbol]
        for event in others_trade(listing.market, side, price_ticks, lots, now_ns):
            self._executed(listing, event)
        self.tell_balances(now_ns)

    def _is_spared(self) -> bool:
        self._cancels_asked += 1
        return bool(self.spare_every) and self._cancels_asked % self.spare_every == 0

    def advance(self, now_ns: int) -> None:
        """Let the markets come up to now."""
        for listing in self.listings.values():
            due_ns = listing.market.next_event_ns()
            if due_ns is not None and due_ns <= now_ns:
                for event in listing.market.advance(now_ns):
                    if isinstance(event, Public):
                        self._feed.public_event(listing, event)
                        self.waiting.note(listing, event)
                    else:
                        self._apply(listing, event)
                self.tell_balances(now_ns)
        self.waiting.fire(now_ns)

    def matches(self, account: str, symbol: str) -> list[PreventedMatch]:
        """Prevented matches of an account, oldest first."""
        return [m for m in self._matches if m.taker.account.name == account and m.taker.listing.symbol == symbol]

    # -- placing ------------------------------------------------------------------------------------------------

    def _bounds(self, account: Account, terms: OrderTerms) -> MarketBounds:
        if terms.order_type != "MARKET":
            return MarketBounds(terms.quantity_lots, terms.quantity_lots, terms.price_ticks)
        free_nanos = account.balance(terms.listing.quote).free_nanos
        if terms.quote_order_nanos:
            return bounds_by_quote(terms.listing, terms.side, terms.quote_order_nanos, free_nanos)
        return bounds_by_quantity(terms.listing, terms.side, terms.quantity_lots, free_nanos)

    def new_record(self, account: Account, terms: OrderTerms, bounds: MarketBounds, now_ns: int) -> OrderRecord:
        listing = terms.listing
        self._last_order_id += 1
        sim = self.new_sim(account, terms, bounds, now_ns, self._last_order_id)
        locked_nanos = bounds.sent_lots * lock_nanos(listing, terms.side, bounds.price_ticks)
        wall_ns = self.clock(now_ns)
        visible_ns = now_ns + self._read_lag_ns
        return OrderRecord(
            terms,
            account,
            sim,
            terms.client_order_id,
            bounds.quantity_lots,
            locked_nanos,
            wall_ns,
            wall_ns,
            visible_ns,
            working_wall_ns=wall_ns,
        )

    @staticmethod
    def new_sim(account: Account, terms: OrderTerms, bounds: MarketBounds, now_ns: int, order_id: int) -> SimOrder:
        is_bounded_market = terms.is_market and bounds.price_ticks > 0
        return SimOrder(
            order_id=order_id,
            account=account.name,
            client_order_id=terms.client_order_id,
            side=terms.side,
            price_ticks=bounds.price_ticks,
            quantity_lots=bounds.sent_lots,
            time_in_force=TimeInForce.IOC if is_bounded_market else TimeInForce[terms.time_in_force],
            post_only=terms.order_type == "LIMIT_MAKER",
            stp_mode=StpMode(terms.stp_mode),
            created_ns=now_ns,
            display_lots=terms.iceberg_lots,
        )

    # -- the markets' events ------------------------------------------------------------------------------------

    def _apply(self, listing: Listing, event: MarketEvent) -> None:
        if isinstance(event, Executed):
            self._executed(listing, event)
        elif isinstance(event, Prevented):
            self._prevented(event)
        elif isinstance(event, Ended):
            record = self.orders.by_id(event.order.order_id)
            # An order that self-trade prevention ended has been told so already.
            if record is not None and record.is_open:
                reason = "expired_no_liquidity" if record.terms.is_market else event.why
                self.expire(record, _EXPIRY_REASONS.get(reason, ""), self.clock(event.now_ns))
        else:
            raise InvariantError("public messages come from advance only")

    def _executed(self, listing: Listing, event: Executed) -> None:
        for sim, is_maker in ((event.taker, False), (event.maker, True)):
            if sim is None:
                # The other side is the anonymous market: what the client gives, it gets.
                client_buys = (event.aggressor is Side.BUY) == is_maker
                quote = event.price_ticks * event.quantity_lots * listing.tick_lot_nanos
                base = event.quantity_lots * listing.lot_nanos
                self.accounts.with_anonymous(listing.quote, quote if client_buys else -quote)
                self.accounts.with_anonymous(listing.base, -base if client_buys else base)
            else:
                self._fill(self._known(sim), event, is_maker)

    def _fill(self, record: OrderRecord, event: Executed, is_maker: bool) -> None:
        self.lists.works(record, event.now_ns)
        listing, account, lots = record.listing, record.account, event.quantity_lots
        quote_nanos = event.price_ticks * lots * listing.tick_lot_nanos
        base_nanos = lots * listing.lot_nanos
        is_buy = record.terms.side is Side.BUY
        spent, received = (quote_nanos, base_nanos) if is_buy else (base_nanos, quote_nanos)
        reserved = lots * lock_nanos(listing, record.terms.side, record.sim.price_ticks)
        account.spend(record.locked_asset, spent)
        account.unlock(record.locked_asset, reserved - spent)
        record.locked_nanos -= reserved
        fee_asset = listing.base if is_buy else listing.quote
        fee_nanos = account.commission_nanos(received, is_maker)
        self.accounts.pay(account, fee_asset, received, fee_nanos)
        if record.cum_lots == 0:
            self.order_limits[account.name].first_fill(is_maker, self.clock(event.now_ns))
        record.cum_lots += lots
        record.quote_nanos += quote_nanos
        record.updated_wall_ns = self.clock(event.now_ns)
        record.status = "PARTIALLY_FILLED" if record.leaves_lots else "FILLED"
        trade = TradeRecord(
            record,
            event.trade_id,
            event.price_ticks,
            lots,
            quote_nanos,
            fee_nanos,
            fee_asset,
            is_maker,
            record.updated_wall_ns,
        )
        record.trades.append(trade)
        self.orders.add_trade(trade)
        self.fills += 1
        if record.leaves_lots == 0:
            self._close(record)
        self.touch(record)
        self.report(record, "TRADE", trade=trade)
        if record.leaves_lots == 0:
            self.lists.filled(record, event.now_ns)

    def _prevented(self, event: Prevented) -> None:
        maker, taker = self._known(event.order_maker), self._known(event.order_taker)
        wall_ns = self.clock(event.now_ns)
        match = PreventedMatch(
            event.match_id,
            maker,
            taker,
            taker.terms.stp_mode,
            event.price_ticks,
            event.maker_prevented_lots,
            event.taker_prevented_lots,
            wall_ns,
        )
        self._matches.append(match)
        self._placed_matches.append(match)
        for record, lots in ((maker, event.maker_prevented_lots), (taker, event.taker_prevented_lots)):
            if lots:
                record.prevented_lots += lots
                record.prevented_match_id = event.match_id
                record.updated_wall_ns = wall_ns
                self._release(record, lots)
                if record.leaves_lots == 0:
                    record.status = "EXPIRED_IN_MATCH"
                    self._close(record)
                self.touch(record)
                self.report(record, "TRADE_PREVENTION", last_prevented_lots=lots)
                if not record.is_open:
                    self.lists.failed(record)

    def expire(self, record: OrderRecord, reason: str, wall_ns: int) -> None:
        record.status = "EXPIRED"
        record.expiry_reason = reason
        record.updated_wall_ns = wall_ns
        self._close(record)
        self.report(record, "EXPIRED")
        self.lists.failed(record)

    # -- bookkeeping --------------------------------------------------------------------------------------------

    def _known(self, sim: SimOrder) -> OrderRecord:
        record = self.orders.by_id(sim.order_id)
        if record is None:
            raise InvariantError(f"the market executed order {sim.order_id}, which the venue does not have")
        return record

    def _release(self, record: OrderRecord, lots: int) -> None:
        """Give back what is locked for ``lots`` that will not execute."""
        nanos = lots * lock_nanos(record.listing, record.terms.side, record.sim.price_ticks)
        record.account.unlock(record.locked_asset, nanos)
        record.locked_nanos -= nanos
        self.touch(record)

    def _close(self, record: OrderRecord) -> None:
        """An order has ended: nothing stays locked for it."""
        record.account.unlock(record.locked_asset, record.locked_nanos)
        record.locked_nanos = 0
        self.orders.close(record)
        self.touch(record)

    def touch(self, record: OrderRecord) -> None:
        record.account.updated_wall_ns = record.updated_wall_ns
        assets = self._touched.setdefault(record.account.name, {})
        assets[record.listing.base] = None
        assets[record.listing.quote] = None

    def report(
        self,
        record: OrderRecord,
        exec_type: str,
        *,
        trade: TradeRecord | None = None,
        orig_client_order_id: str = "",
        last_prevented_lots: int = 0,
    ) -> None:
        record.listing.next_execution_id()
        if self.on_change is not None:
            self.on_change(record, exec_type, trade)
        self.tell(
            record.account.name,
            lambda stamp: execution_report(
                record,
                exec_type,
                record.updated_wall_ns,
                stamp,
                trade=trade,
                orig_client_order_id=orig_client_order_id,
                last_prevented_lots=last_prevented_lots,
            ),
        )

    def tell(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        self._feed.user_event(account, render)

    def tell_balances(self, now_ns: int) -> None:
        touched, self._touched = self._touched, {}
        wall_ns = self.clock(now_ns)
        for name, assets in touched.items():
            account = self.accounts[name]
            self._feed.user_event(name, _position(account, tuple(assets), wall_ns))


def _position(account: Account, assets: tuple[str, ...], wall_ns: int) -> Callable[[Stamp], dict[str, object]]:
    return lambda stamp: account_position(account, assets, wall_ns, stamp)
