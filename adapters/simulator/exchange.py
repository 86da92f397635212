"""A spot exchange without a protocol: funds are locked, orders meet their market, trades are paid, orders end.

For venues that take their fee in the quote asset, on top of what a buyer pays and out of what a seller gets (Kraken,
Coinbase). Each venue names things and speaks about them in its own way: it is told through :class:`OrderEvents`, in the
order in which things happened. Nothing is made or lost: ``accounts.total`` of an asset never changes.
"""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Generic, Literal, Protocol, TypeVar

from adapters.simulator.accounts import Accounts
from adapters.simulator.client_order import ClientOrder, EndedWhy, Fill, OrderShelf
from adapters.simulator.listing import Listing
from adapters.simulator.market import Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.order import SimOrder
from adapters.simulator.others import others_trade
from adapters.simulator.taking import Bounds, buy_bounds, crosses, quote_lots, would_take
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError

__all__ = ["Exchange", "OrderEvents", "Refusal", "Refused"]

#: Why an order or an amendment is not taken; nothing has changed then.
Refusal = Literal["halted", "insufficient_funds", "would_take", "no_liquidity", "not_open", "no_change"]


class Refused(Exception):
    """The exchange does not take an order or an amendment."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why: Refusal = why


OrderT = TypeVar("OrderT", bound=ClientOrder)
_EventT = TypeVar("_EventT", bound=ClientOrder, contravariant=True)


class OrderEvents(Protocol[_EventT]):
    """The venue, told what happens. None of these may call the exchange back."""

    def accepted(self, order: _EventT) -> None: ...

    def filled(self, order: _EventT, fill: Fill) -> None:
        """One execution; ``order`` may carry later ones already only in ``sim``. ``ended`` follows for the last."""
        ...

    def ended(self, order: _EventT) -> None:
        """``order.ended_why`` tells why; nothing is locked for it any more."""
        ...

    def amended(self, order: _EventT) -> None: ...

    def public(self, listing: Listing, event: Public) -> None:
        """A market data message."""
        ...


class Exchange(Generic[OrderT]):
    """Listings by symbol, accounts, orders. ``clock`` turns the actor's monotonic time into UTC."""

    def __init__(
        self, listings: Mapping[str, Listing], accounts: Accounts, events: OrderEvents[OrderT], remembered: int
    ) -> None:
        self.listings = listings
        self.accounts = accounts
        self.orders: OrderShelf[OrderT] = OrderShelf(remembered)
        self.clock: Callable[[int], int] = lambda now_ns: now_ns
        self.orders_placed = 0
        self.orders_refused = 0
        self.fills = 0
        #: Listings whose book may have changed since the venue last looked; the venue clears it.
        self.changed: dict[str, None] = {}
        #: A fault: every n-th cancel does nothing, though it is answered; 0: none.
        self.spare_every = 0
        self._cancels_asked = 0
        self._events = events
        self._expiries: list[tuple[int, int]] = []

    # -- commands -----------------------------------------------------------------------------------------------

    def place(self, order: OrderT, now_ns: int) -> None:
        """Lock the funds, match, rest. Raises Refused, and then nothing has changed."""
        try:
            if not order.listing.is_trading:
                raise Refused("halted")
            bounds = self._bounds(order)
            order.quantity_lots = bounds.lots
            order.locked_nanos = self.needed_nanos(order, bounds.price_ticks, bounds.lots)
            if not order.account.lock(order.locked_asset, order.locked_nanos):
                raise Refused("insufficient_funds")
            events = self._send(order, bounds.price_ticks, now_ns)
            if would_take(events):
                order.account.unlock(order.locked_asset, order.locked_nanos)
                raise Refused("would_take")
        except Refused:
            self.orders_refused += 1
            raise
        self._accept(order, now_ns)
        self._settle(order, events, now_ns)

    def park(self, order: OrderT, now_ns: int) -> None:
        """Take a limit order that waits for a trigger of the venue's: its funds are locked, its market does not know it
        yet. It can be cancelled and expires like any other. Raises Refused, and then nothing has changed."""
        if not order.listing.is_trading:
            self.orders_refused += 1
            raise Refused("halted")
        order.locked_nanos = self.needed_nanos(order, order.price_ticks, order.quantity_lots)
        if not order.account.lock(order.locked_asset, order.locked_nanos):
            self.orders_refused += 1
            raise Refused("insufficient_funds")
        self._accept(order, now_ns)

    def release(self, order: OrderT, now_ns: int) -> None:
        """Send a parked order to its market, where it arrives now."""
        if not order.is_open or order.sim is not None:
            raise InvariantError(f"order {order.number} does not wait for a trigger")
        events = self._send(order, order.price_ticks, now_ns)
        order.changed_wall_ns = self.clock(now_ns)
        self._settle(order, events, now_ns)

    def cancel(self, order: OrderT, now_ns: int) -> bool:
        """Cancel an open order; False when it is not open."""
        if self.is_spared():
            return False
        return self._withdraw(order, "cancelled", now_ns)

    def amend(self, order: OrderT, quantity_lots: int, price_ticks: int, post_only: bool, now_ns: int) -> None:
        """Change an open limit order's total quantity or price; raises Refused, and then nothing has changed.

        Less quantity at the same price keeps the order's place; anything else sends it to the end of the queue and may
        execute at once, unless ``post_only``. A quantity that is done already ends the order.
        """
        if not order.is_open or order.sim is None or not order.sim.is_resting:
            raise Refused("not_open")
        if quantity_lots == order.quantity_lots and price_ticks == order.price_ticks:
            raise Refused("no_change")
        done_lots = order.cum_lots + order.prevented_lots
        if quantity_lots <= done_lots:
            order.quantity_lots = done_lots
            self._withdraw(order, "cancelled", now_ns)
            return
        market = order.listing.market
        self.changed[order.listing.symbol] = None
        if price_ticks == order.price_ticks and quantity_lots < order.quantity_lots:
            if not market.reduce(order.sim, quantity_lots, now_ns):
                raise InvariantError(f"order {order.number} rests but cannot be reduced")
            order.quantity_lots = quantity_lots
            self._amended(order, now_ns)
            return
        self._requeue(order, quantity_lots, price_ticks, post_only, now_ns)

    def is_spared(self) -> bool:
        """To be asked once for each cancel: whether it is one that does nothing."""
        self._cancels_asked += 1
        return bool(self.spare_every) and self._cancels_asked % self.spare_every == 0

    def trade_by_others(self, symbol: str, side: Side, price_ticks: int, lots: int, now_ns: int) -> None:
        """Nobody's order takes what it can get, whether the market is open or not."""
        listing = self.listings[symbol]
        self.changed[symbol] = None
        for event in others_trade(listing.market, side, price_ticks, lots, now_ns):
            self._executed(listing, event)

    # -- time ---------------------------------------------------------------------------------------------------

    def next_event_ns(self) -> int | None:
        due = [due_ns for x in self.listings.values() if (due_ns := x.market.next_event_ns()) is not None]
        due += [self._expiries[0][0]] if self._expiries else []
        return min(due, default=None)

    def advance(self, now_ns: int) -> None:
        """Let the markets come up to now, and orders expire."""
        while self._expiries and self._expiries[0][0] <= now_ns:
            order = self.orders.get(heappop(self._expiries)[1])
            if order is not None:
                self._withdraw(order, "expired_gtd", now_ns)
        for listing in self.listings.values():
            due_ns = listing.market.next_event_ns()
            if due_ns is None or due_ns > now_ns:
                continue
            self.changed[listing.symbol] = None
            for event in listing.market.advance(now_ns):
                if isinstance(event, Public):
                    self._events.public(listing, event)
                else:
                    self._apply(listing, event)

    # -- steps --------------------------------------------------------------------------------------------------

    def _accept(self, order: OrderT, now_ns: int) -> None:
        order.created_ns = order.aged_from_ns = now_ns
        order.created_wall_ns = order.changed_wall_ns = self.clock(now_ns)
        order.is_open = True
        self.orders_placed += 1
        self.orders.add(order)
        if order.expires_wall_ns:
            heappush(self._expiries, (now_ns + order.expires_wall_ns - order.created_wall_ns, order.number))
        self._events.accepted(order)

    def _bounds(self, order: OrderT) -> Bounds:
        """What is sent to the market: for a market order that buys, a price above which its funds do not reach."""
        if not order.is_market:
            return Bounds(order.quantity_lots, order.price_ticks)
        lots = order.quantity_lots
        if order.quote_nanos:
            lots = quote_lots(order.listing, order.side, order.quote_nanos)
            if lots == 0:
                raise Refused("no_liquidity")
        if order.side is Side.SELL:
            return Bounds(lots, order.worst_ticks)
        free_nanos = order.account.balance(order.listing.quote).free_nanos
        bounds = buy_bounds(order.listing, lots, free_nanos, _fee_ppm(order), order.worst_ticks)
        if bounds is None:
            raise Refused("insufficient_funds")
        return bounds

    def needed_nanos(self, order: OrderT, price_ticks: int, lots: int) -> int:
        """What has to be locked for ``lots`` of an order."""
        listing = order.listing
        if order.side is Side.SELL:
            return lots * listing.lot_nanos
        return listing.cost_nanos(price_ticks, lots) + listing.fee_nanos(price_ticks, lots, _fee_ppm(order))

    def _send(self, order: OrderT, price_ticks: int, now_ns: int) -> list[MarketEvent]:
        bounded = order.is_market and price_ticks > 0
        order.sim = SimOrder(
            order_id=order.number,
            account=order.account.name,
            client_order_id=order.client_order_id,
            side=order.side,
            price_ticks=price_ticks,
            quantity_lots=order.quantity_lots,
            time_in_force=TimeInForce.IOC if bounded else order.time_in_force,
            post_only=order.post_only,
            stp_mode=order.stp_mode,
            created_ns=now_ns,
            cum_lots=order.cum_lots,
            prevented_lots=order.prevented_lots,
            display_lots=order.display_lots,
        )
        self.changed[order.listing.symbol] = None
        return order.listing.market.place(order.sim, now_ns)

    def _settle(self, order: OrderT, events: list[MarketEvent], now_ns: int) -> None:
        for event in events:
            self._apply(order.listing, event)
        if order.is_open and (order.sim is None or not order.sim.is_resting):
            self._end(order, "expired_no_liquidity" if order.is_market else "expired_ioc", now_ns)

    def _requeue(self, order: OrderT, quantity_lots: int, price_ticks: int, post_only: bool, now_ns: int) -> None:
        """Take an order out and place it anew with its other quantity or price."""
        sim, listing, before = order.sim, order.listing, (order.quantity_lots, order.price_ticks, order.post_only)
        assert sim is not None, "an open order has been placed"
        done_lots = order.cum_lots + order.prevented_lots
        more_nanos = self.needed_nanos(order, price_ticks, quantity_lots - done_lots) - order.locked_nanos
        if more_nanos > order.account.balance(order.locked_asset).free_nanos:
            raise Refused("insufficient_funds")
        if post_only and crosses(listing.market.best(), order.side, price_ticks):
            raise Refused("would_take")
        listing.market.cancel(sim, now_ns)
        order.quantity_lots, order.price_ticks, order.post_only = quantity_lots, price_ticks, post_only
        events = self._send(order, price_ticks, now_ns)
        if would_take(events):  # a client's order that the public book does not show (in a replay)
            order.quantity_lots, order.price_ticks, order.post_only = before
            self._send(order, order.price_ticks, now_ns)  # its old price met nobody, and does not now
            raise Refused("would_take")
        self._amended(order, now_ns)
        self._settle(order, events, now_ns)

    def _relock(self, order: OrderT, more_nanos: int) -> None:
        if more_nanos >= 0:
            order.account.lock(order.locked_asset, more_nanos)
        else:
            order.account.unlock(order.locked_asset, -more_nanos)
        order.locked_nanos += more_nanos

    def _amended(self, order: OrderT, now_ns: int) -> None:
        assert order.sim is not None, "an open order has been placed"
        leaves = order.leaves_lots
        self._relock(order, self.needed_nanos(order, order.sim.price_ticks, leaves) - order.locked_nanos)
        order.aged_from_ns = now_ns
        order.changed_wall_ns = self.clock(now_ns)
        self._events.amended(order)

    def _withdraw(self, order: OrderT, why: EndedWhy, now_ns: int) -> bool:
        if not order.is_open or (order.sim is not None and not order.listing.market.cancel(order.sim, now_ns)):
            return False
        self.changed[order.listing.symbol] = None
        self._end(order, why, now_ns)
        return True

    # -- the markets' events ------------------------------------------------------------------------------------

    def _apply(self, listing: Listing, event: MarketEvent) -> None:
        if isinstance(event, Executed):
            self._executed(listing, event)
        elif isinstance(event, Prevented):
            self._prevented(event)
        elif isinstance(event, Ended):
            order = self.orders.get(event.order.order_id)
            if order is not None and order.is_open:
                self._end(order, "expired_no_liquidity" if order.is_market else event.why, event.now_ns)
        else:
            raise InvariantError("public messages come from advance only")

    def _executed(self, listing: Listing, event: Executed) -> None:
        cost = listing.cost_nanos(event.price_ticks, event.quantity_lots)
        base = event.quantity_lots * listing.lot_nanos
        for sim, is_maker in ((event.taker, False), (event.maker, True)):
            if sim is None:
                # The other side is the anonymous market: what the client gives, it gets.
                client_buys = (event.aggressor is Side.BUY) == is_maker
                self.accounts.with_anonymous(listing.quote, cost if client_buys else -cost)
                self.accounts.with_anonymous(listing.base, -base if client_buys else base)
            else:
                self._fill(self._known(sim), event, cost, base, is_maker)

    def _fill(self, order: OrderT, event: Executed, cost: int, base: int, is_maker: bool) -> None:
        listing, account, accounts = order.listing, order.account, self.accounts
        assert order.sim is not None, "what executes has been placed"
        fee_ppm = account.maker_fee_ppm if is_maker else account.taker_fee_ppm
        fee = listing.fee_nanos(event.price_ticks, event.quantity_lots, fee_ppm)
        order.cum_lots += event.quantity_lots
        order.cost_nanos += cost
        order.fee_nanos += fee
        still_needed = self.needed_nanos(order, order.sim.price_ticks, order.leaves_lots)
        spent = cost + fee if order.side is Side.BUY else base
        account.spend(order.locked_asset, spent)
        account.unlock(order.locked_asset, order.locked_nanos - spent - still_needed)
        order.locked_nanos = still_needed
        if order.side is Side.BUY:
            accounts.pay(account, listing.base, base, 0)
            accounts.pay(account, listing.quote, fee, fee)
        else:
            accounts.pay(account, listing.quote, cost, fee)
        order.changed_wall_ns = self.clock(event.now_ns)
        fill = Fill(
            event.trade_id,
            event.price_ticks,
            event.quantity_lots,
            cost,
            fee,
            is_maker,
            order.cum_lots,
            order.cost_nanos,
            order.changed_wall_ns,
        )
        order.fills.append(fill)
        self.orders.filled(order, fill)
        self.fills += 1
        self._events.filled(order, fill)
        if order.leaves_lots == 0:
            self._end(order, "filled", event.now_ns)

    def _prevented(self, event: Prevented) -> None:
        for sim, lots in (
            (event.order_maker, event.maker_prevented_lots),
            (event.order_taker, event.taker_prevented_lots),
        ):
            order = self._known(sim)
            order.prevented_lots += lots
            self._relock(order, self.needed_nanos(order, sim.price_ticks, order.leaves_lots) - order.locked_nanos)

    def _known(self, sim: SimOrder) -> OrderT:
        order = self.orders.get(sim.order_id)
        if order is None:
            raise InvariantError(f"the market executed order {sim.order_id}, which the venue does not have")
        return order

    def _end(self, order: OrderT, why: EndedWhy, now_ns: int) -> None:
        """An order has ended: nothing stays locked for it."""
        order.account.unlock(order.locked_asset, order.locked_nanos)
        order.locked_nanos = 0
        order.is_open = False
        order.ended_why = why
        order.changed_wall_ns = self.clock(now_ns)
        self.orders.close(order)
        self._events.ended(order)


def _fee_ppm(order: ClientOrder) -> int:
    """The higher of the account's two fees: which one it will be is not known before."""
    return max(order.account.maker_fee_ppm, order.account.taker_fee_ppm)
