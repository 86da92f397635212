"""The gate's readable twin: the same checks and bookings on plain objects, exact fractions and unbounded integers.

``tests/risk/test_gate_kernel.py`` holds the kernels to it, order by order and number by number. Production does not use
it. What it does not model are tables that are full: it remembers every order and every quote.
"""

from engine.codes import KillMode, Reason, Side
from engine.instrument import INT64_MAX, NANOS, Instrument
from engine.order import Order
from risk.gate_reference_book import (
    MILLION,
    Asset,
    Book,
    Buckets,
    Fault,
    Open,
    Rate,
    against_market,
    converted,
    down,
    fits,
    fresh,
    numbers,
    ppm,
    price,
    product,
    room_lots,
    sameness,
    scaled,
    shape,
    special,
    up,
    value_ticks,
    waits,
    within,
)
from risk.gate_state import ABSENT, POSITION_MAX, TICK_LOTS_MAX, TICKS_MAX, UNLIMITED
from risk.limits import COUNT_MAX, AccountLimits, Ceilings, InstrumentLimits, StrategyLimits

__all__ = ["Fault", "ReferenceGate"]

_MICROS = 1_000_000


class ReferenceGate:
    """Same calls as ``risk.gate.Gate``, with the latch as ``mode``; ``check`` returns ticks or a Fault."""

    def __init__(self, account: AccountLimits, instruments_max: int) -> None:
        self.account = account
        self.mode: KillMode | None = None
        self.books: dict[int, Book] = {}
        self.assets: dict[str, Asset] = {}
        self.strategies: dict[str, StrategyLimits] = {}
        self.throttled: set[tuple[str, int]] = set()
        self.messages = self.trades = 0
        self.orders_paced = self.replaces_paced = self.cancels_paced = 0
        self.ceilings = Ceilings(
            **{name: getattr(account, name) for name in Ceilings.__struct_fields__ if hasattr(account, name)},
            net_long_micros=account.net_notional_micros,
            net_short_micros=account.net_notional_micros,
        )
        self._value_cap = 2**62 // instruments_max
        self._lease_epoch = 0
        self._lease_expires_ns: int | None = None
        self._orders = Rate(account.orders_per_second, account.orders_burst)
        self._replaces = Rate(account.replaces_per_second, account.replaces_burst)
        self._cancels = Rate(account.cancels_per_second, account.cancels_burst)
        self._strategy_rates: dict[str, Rate] = {}
        self._executions: dict[tuple[str, int], Buckets] = {}
        self._recent: dict[tuple[object, ...], int] = {}
        self._day_micros = self._peak_micros = 0

    # -- what is allowed ------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        self.books[instrument.instrument_id] = Book(instrument, limits, Buckets(limits.window_ns))
        for asset in (instrument.base_asset, instrument.quote_asset):
            self.assets.setdefault(asset, Asset())

    def define_strategy(self, strategy_id: str, limits: StrategyLimits) -> None:
        self.strategies[strategy_id] = limits
        self._strategy_rates[strategy_id] = Rate(limits.orders_per_second, limits.orders_burst)

    def set_ceilings(self, ceilings: Ceilings, now_ns: int) -> None:
        account = self.account
        assets = dict(account.assets)
        for asset, (longs, shorts) in ceilings.assets.items():
            most = account.assets.get(asset, (UNLIMITED, UNLIMITED))
            assets[asset] = (min(most[0], longs), min(most[1], shorts))
        own = {name: getattr(account, name, account.net_notional_micros) for name in Ceilings.__struct_fields__[:-1]}
        lower = {name: min(most, getattr(ceilings, name)) for name, most in own.items()}
        self.ceilings = Ceilings(**lower, assets=assets)
        for pace, rate in (("orders", self._orders), ("replaces", self._replaces), ("cancels", self._cancels)):
            rate.resize(max(lower[f"{pace}_per_second"], 0), max(lower[f"{pace}_burst"], 0), now_ns)

    def set_funds(self, asset: str, total_nanos: int) -> None:
        self.assets[asset].total_nanos = min(total_nanos, INT64_MAX)

    def grant(self, epoch: int, expires_ns: int) -> None:
        if epoch > self._lease_epoch or self._lease_expires_ns is None:
            self._lease_expires_ns = expires_ns if epoch >= self._lease_epoch else None
        elif epoch == self._lease_epoch:
            self._lease_expires_ns = max(expires_ns, self._lease_expires_ns)
        self._lease_epoch = max(epoch, self._lease_epoch)

    def revoke(self) -> None:
        self._lease_expires_ns = None

    def on_quote(self, instrument_id: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> None:
        book = self.books[instrument_id]
        book.reference_ns = now_ns
        if not 0 < bid_ticks <= ask_ticks <= TICKS_MAX:
            book.reference_ticks = 0
            return
        book.reference_ticks = book.mark_ticks = (bid_ticks + ask_ticks) // 2
        recent = book.quotes.push(now_ns, book.reference_ticks)
        book.low_ticks, book.high_ticks = min(recent), max(recent)
        self._peak_micros = max(self._peak_micros, self.profit_micros())

    def on_day(self) -> None:
        self._day_micros = self._peak_micros = self.profit_micros()
        self.messages = self.trades = 0

    # -- one order ------------------------------------------------------------------------------------------

    def check(self, order: Order, now_ns: int, *, closing: bool = False) -> int | Fault:
        """The price at which the order was valued, reserved by then; or why not, with nothing changed."""
        book = self.books.get(order.instrument_id)
        if book is None:
            return Fault(Reason.UNKNOWN_INSTRUMENT, order.instrument_id, ABSENT)
        wrong = special(order, book.instrument) if order.instructions is not None else None
        fault = (
            (Fault(wrong, ABSENT, ABSENT) if wrong is not None else None)
            or shape(order)
            or numbers(order, book)
            or self._authority(order, book, now_ns, closing)
            or (None if closing else self._losses(order, book))
            or self._size_and_reference(order, book, now_ns)
        )
        if fault:
            return fault
        ticks = value_ticks(order, book)
        valued = ticks if order.side is Side.BUY else max(ticks, book.reference_ticks)
        fault = (
            price(order, book, ticks, valued)
            or self._counts(order, book, now_ns, closing)
            or self._repeats(order, ticks, now_ns)
            or self._position(order, book)
            or self._funds(order, book, valued)
            or self._notional(order, book, valued)
            or (None if closing else self._strategy(order, book, valued))
        )
        if fault:
            return fault
        wrong = against_market(order, book) if waits(order) else None
        if wrong is not None:
            return Fault(wrong, ABSENT, ABSENT)
        self._rate_of(order).spend(now_ns)
        self.replaces_paced += bool(order.orig_client_order_id)
        self.orders_paced += not order.orig_client_order_id
        if not closing:
            self._strategy_rates[order.strategy_id].spend(now_ns)
        if self.account.duplicate_window_ns:
            self._recent[sameness(order, ticks if waits(order) else order.price_ticks)] = now_ns
        self.messages += 1
        self._change(book, order, order.quantity_lots, valued)
        book.open_orders += 1
        return valued

    def on_cancel(self, now_ns: int) -> bool:
        self.messages += 1
        is_over = self._cancels.now(now_ns) < 1
        self._cancels.spend(now_ns)
        self.cancels_paced += 1
        if is_over:
            self._cancels.give_back()
        return is_over

    def abandon(self, order: Order) -> None:
        book = self.books[order.instrument_id]
        self._change(book, order, 0, order.reserve_ticks)
        book.open_orders -= 1
        self._rate_of(order).give_back()
        self.replaces_paced -= bool(order.orig_client_order_id)
        self.orders_paced -= not order.orig_client_order_id
        self._strategy_rates[order.strategy_id].give_back()
        self._recent.pop(sameness(order, order.reserve_ticks if waits(order) else order.price_ticks), None)
        self.messages = max(self.messages - 1, 0)

    def closed(self, order: Order, released_lots: int) -> None:
        book = self.books[order.instrument_id]
        each = book.open[order.client_order_id]
        self._change(book, order, each.lots - released_lots, each.ticks)
        book.open_orders -= 1

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        book, strategy_id = self.books[order.instrument_id], order.strategy_id
        each = book.open.get(order.client_order_id, Open(order.side, strategy_id, 0, 0))
        self._change(book, order, max(each.lots - last_lots, 0), each.ticks)
        paid, moved = last_lots * last_ticks * book.nanos_per_tick_lot, last_lots * book.nanos_per_lot
        signed = last_lots if order.side is Side.BUY else -last_lots
        if order.side is Side.BUY:
            self._add_funds(book.instrument.quote_asset, -up(paid))
            self._add_funds(book.instrument.base_asset, down(moved))
        else:
            self._add_funds(book.instrument.base_asset, -up(moved))
            self._add_funds(book.instrument.quote_asset, down(paid))
        book.position_lots += signed
        book.positions[strategy_id] = book.positions.get(strategy_id, 0) + signed
        book.cash_tick_lots -= signed * last_ticks
        if book.reference_ticks == 0 and last_ticks > 0:
            book.mark_ticks = last_ticks
        self.trades += 1
        self._count_execution(strategy_id, order.instrument_id, now_ns)
        self._peak_micros = max(self._peak_micros, self.profit_micros())

    def enable(self, strategy_id: str, instrument_id: int) -> None:
        self.throttled.remove((strategy_id, instrument_id))
        self._executions[strategy_id, instrument_id].seen = [
            (bucket, 0) for bucket, _ in self._executions[strategy_id, instrument_id].seen[-1:]
        ]

    def _count_execution(self, strategy_id: str, instrument_id: int, now_ns: int) -> None:
        limits = self.strategies[strategy_id]
        buckets = self._executions.setdefault((strategy_id, instrument_id), Buckets(limits.executions_window_ns))
        if sum(buckets.push(now_ns, 1)) > limits.executions:
            self.throttled.add((strategy_id, instrument_id))

    def _change(self, book: Book, order: Order, lots: int, ticks: int) -> None:
        """Make ``lots`` what the order may still fill, and move its asset's reservation by the difference."""
        before = book.reserved_nanos(order.side)
        book.open[order.client_order_id] = Open(order.side, order.strategy_id, lots, ticks)
        if lots == 0:
            del book.open[order.client_order_id]
        asset = self.assets[book.reserved_asset(order.side)]
        asset.reserved_nanos += book.reserved_nanos(order.side) - before

    def _add_funds(self, asset: str, nanos: int) -> None:
        total_nanos = self.assets[asset].total_nanos
        if total_nanos is not None:
            self.assets[asset].total_nanos = min(total_nanos + nanos, INT64_MAX)

    def _rate_of(self, order: Order) -> Rate:
        return self._replaces if order.orig_client_order_id else self._orders

    # -- worth ----------------------------------------------------------------------------------------------

    def _converter(self, book: Book) -> Book | None:
        """Whose mark turns the quote asset into the account's currency; the book itself when nothing has to."""
        quote = book.instrument.quote_asset
        if quote == self.account.currency:
            return book
        for each in self.books.values():
            if each.instrument.base_asset == quote and each.instrument.quote_asset == self.account.currency:
                return each
        return None

    def _micros(self, book: Book, tick_lots: int) -> int:
        value = scaled(tick_lots, book.instrument.tick_lot_value * _MICROS)
        converter = self._converter(book)
        if converter is not book:
            value = converted(value, converter)
        return within(value, self._value_cap)

    def _ends(self, book: Book, strategy_id: str | None, more: dict[Side, int] | None = None) -> tuple[int, int]:
        """What it would be worth if every buy filled and no sell; the negative of that for the other way round."""
        worth = product(book.position(strategy_id), book.mark_ticks)
        more = more or {}
        buys = book.open_tick_lots(Side.BUY, strategy_id) + more.get(Side.BUY, 0)
        sells = book.open_tick_lots(Side.SELL, strategy_id) + more.get(Side.SELL, 0)
        return self._micros(book, worth + buys), self._micros(book, sells - worth)

    def _share(self, book: Book, strategy_id: str | None = None, more: dict[Side, int] | None = None) -> int:
        return max(abs(end) for end in self._ends(book, strategy_id, more))

    def gross_micros(self, strategy_id: str | None = None) -> int:
        return sum(self._share(book, strategy_id) for book in self.books.values())

    def net_micros(self, side: Side) -> int:
        return sum(self._ends(book, None)[side is Side.SELL] for book in self.books.values())

    def profit_micros(self) -> int:
        """Realised and marked over the gate's life."""
        total = 0
        for book in self.books.values():
            converter = self._converter(book)
            if converter is not None and (converter is book or converter.mark_ticks):
                tick_lots = within(book.cash_tick_lots, TICK_LOTS_MAX) + product(book.position_lots, book.mark_ticks)
                total -= self._micros(book, -tick_lots)
        return total

    def pnl_micros(self) -> int:
        return self.profit_micros() - self._day_micros

    def drawdown_micros(self) -> int:
        return self._peak_micros - self.profit_micros()

    # -- checks that look at more than the instrument -------------------------------------------------------

    def _authority(self, order: Order, book: Book, now_ns: int, closing: bool) -> Fault | None:
        if closing:
            if self.mode is not KillMode.FLATTEN:
                return Fault(Reason.HALTED, ABSENT, ABSENT)
        elif order.strategy_id not in self.strategies:
            return Fault(Reason.WRONG_STRATEGY, ABSENT, ABSENT)
        elif self.mode not in (None, KillMode.REDUCE):
            return Fault(Reason.HALTED, ABSENT, ABSENT)
        if self._lease_expires_ns is None:
            return Fault(Reason.NO_LEASE, ABSENT, ABSENT)
        if now_ns >= self._lease_expires_ns:
            return Fault(Reason.LEASE_EXPIRED, now_ns, self._lease_expires_ns)
        if self.mode is not None:
            room = room_lots(order, book, closing)
            if order.quantity_lots > room:
                return Fault(Reason.REDUCE_ONLY, order.quantity_lots, max(room, 0))
        return None

    def may_send(self, order: Order, now_ns: int, *, closing: bool = False) -> Reason:
        """The order is reserved by now: what is in flight includes it."""
        book = self.books[order.instrument_id]
        nothing_more = Order.__new__(Order)
        nothing_more.side, nothing_more.strategy_id, nothing_more.quantity_lots = order.side, order.strategy_id, 0
        fault = self._authority(nothing_more, book, now_ns, closing)
        return fault.reason if fault else Reason.NONE

    def _losses(self, order: Order, book: Book) -> Fault | None:
        if (order.strategy_id, order.instrument_id) in self.throttled:
            return Fault(Reason.EXECUTION_THROTTLE, ABSENT, ABSENT)
        if order.quantity_lots <= room_lots(order, book, False):
            return None
        for reason, loss, limit in (
            (Reason.DAILY_LOSS, -self.pnl_micros(), self.ceilings.daily_loss_micros),
            (Reason.DRAWDOWN, self.drawdown_micros(), self.ceilings.drawdown_micros),
        ):
            if loss > limit:
                return Fault(reason, loss, limit)
        return None

    def _size_and_reference(self, order: Order, book: Book, now_ns: int) -> Fault | None:
        if order.quantity_lots > book.limits.order_quantity_lots:
            return Fault(Reason.ORDER_QUANTITY, order.quantity_lots, book.limits.order_quantity_lots)
        converter = self._converter(book)
        fault = fresh(book, now_ns)
        if fault is None and converter is None:
            return Fault(Reason.NO_REFERENCE_PRICE, ABSENT, ABSENT)
        return fault or (None if converter is None else fresh(converter, now_ns))

    def _counts(self, order: Order, book: Book, now_ns: int, closing: bool) -> Fault | None:
        open_orders = sum(each.open_orders for each in self.books.values())
        if open_orders >= self.ceilings.open_orders:
            return Fault(Reason.OPEN_ORDERS, open_orders, self.ceilings.open_orders)
        if book.open_orders >= (book.instrument.open_orders_max or INT64_MAX):
            return Fault(Reason.OPEN_ORDERS_AT_VENUE, book.open_orders, book.instrument.open_orders_max)
        rates = [(Reason.REPLACE_RATE if order.orig_client_order_id else Reason.ORDER_RATE, self._rate_of(order))]
        if not closing:
            rates.append((Reason.STRATEGY_RATE, self._strategy_rates[order.strategy_id]))
        for reason, rate in rates:
            if rate.now(now_ns) < 1:
                return Fault(reason, int(rate.now(now_ns) * NANOS), rate.per_second)
        free = self.ceilings.messages_free
        most = free + self.trades * self.account.messages_per_trade
        if not closing and free < COUNT_MAX and self.messages >= most:
            return Fault(Reason.ORDER_TO_TRADE, self.messages + 1, most)
        return None

    def _repeats(self, order: Order, ticks: int, now_ns: int) -> Fault | None:
        remembered_ticks = ticks if waits(order) else order.price_ticks
        window_ns, before_ns = self.account.duplicate_window_ns, self._recent.get(sameness(order, remembered_ticks))
        if before_ns is not None and now_ns - before_ns < window_ns:
            return Fault(Reason.DUPLICATE_ORDER, now_ns - before_ns, window_ns)
        return None

    def _position(self, order: Order, book: Book) -> Fault | None:
        is_buy, limits = order.side is Side.BUY, book.limits
        if is_buy:
            worst = book.position_lots + book.open_lots(Side.BUY) + order.quantity_lots
            if worst > limits.long_position_lots:
                return Fault(Reason.LONG_POSITION, worst, limits.long_position_lots)
        else:
            worst = book.position_lots - book.open_lots(Side.SELL) - order.quantity_lots
            if worst < -limits.short_position_lots:
                return Fault(Reason.SHORT_POSITION, worst, -limits.short_position_lots)
        ceilings = self.ceilings.assets.get(book.instrument.base_asset)
        if ceilings is None or ceilings[not is_buy] == UNLIMITED:
            return None
        worst = self._asset_nanos(book.instrument.base_asset, order)
        reason = Reason.ASSET_LONG if is_buy else Reason.ASSET_SHORT
        return Fault(reason, worst, ceilings[not is_buy]) if worst > ceilings[not is_buy] else None

    def _asset_nanos(self, asset: str, order: Order) -> int:
        total = 0
        for book in self.books.values():
            if book.instrument.base_asset == asset:
                position = book.position_lots if order.side is Side.BUY else -book.position_lots
                more = order.quantity_lots if book.instrument.instrument_id == order.instrument_id else 0
                nanos = scaled(position + book.open_lots(order.side) + more, book.nanos_per_lot)
                if max(nanos, total) > POSITION_MAX:
                    return UNLIMITED
                total = max(total + max(nanos, -POSITION_MAX), -POSITION_MAX)
        return total

    def _funds(self, order: Order, book: Book, ticks: int) -> Fault | None:
        side, lots = order.side, order.quantity_lots
        if side is Side.BUY:
            before, more, worth = book.open_tick_lots(side), lots * ticks, book.nanos_per_tick_lot
        else:
            before, more, worth = book.open_lots(side), lots, book.nanos_per_lot
        if book.open_tick_lots(side) + lots * ticks > TICK_LOTS_MAX or not fits(before + more, worth):
            return Fault(Reason.NUMBER_OVERFLOW, lots, ABSENT)
        need = up((before + more) * worth) - up(before * worth)
        asset = self.assets[book.reserved_asset(side)]
        if asset.total_nanos is None:
            return Fault(Reason.INSUFFICIENT_FUNDS, need, ABSENT)
        available = max(asset.total_nanos - asset.reserved_nanos, 0)
        return Fault(Reason.INSUFFICIENT_FUNDS, need, available) if need > available else None

    def _notional(self, order: Order, book: Book, ticks: int) -> Fault | None:
        account, more = self.account, {order.side: order.quantity_lots * ticks}
        end = order.side is Side.SELL
        net_before = self.net_micros(order.side)
        net = net_before - self._ends(book, None)[end] + self._ends(book, None, more)[end]
        most = (self.ceilings.net_long_micros, self.ceilings.net_short_micros)[end]
        if net > most and net > net_before:
            return Fault(Reason.NET_NOTIONAL, net, most)
        before, share = self._share(book), self._share(book, None, more)
        gross = self.gross_micros() + share - before
        if share <= before:
            return None
        if gross > self.ceilings.gross_notional_micros:
            return Fault(Reason.GROSS_NOTIONAL, gross, self.ceilings.gross_notional_micros)
        most = down(ppm(gross, account.concentration_ppm))
        if account.concentration_ppm < MILLION and gross > account.concentration_from_micros and share > most:
            return Fault(Reason.CONCENTRATION, share, most)
        return None

    def _strategy(self, order: Order, book: Book, ticks: int) -> Fault | None:
        strategy_id, more = order.strategy_id, {order.side: order.quantity_lots * ticks}
        limits = self.strategies[strategy_id]
        before, share = self._share(book, strategy_id), self._share(book, strategy_id, more)
        if share <= before:
            return None
        if share > limits.position_notional_micros:
            return Fault(Reason.STRATEGY_POSITION, share, limits.position_notional_micros)
        gross = self.gross_micros(strategy_id) + share - before
        if gross > limits.gross_notional_micros:
            return Fault(Reason.STRATEGY_NOTIONAL, gross, limits.gross_notional_micros)
        return None
