"""The gate's readable twin: the same checks and bookings on plain objects, exact fractions and unbounded integers.

``tests/risk/test_gate_kernel.py`` holds the kernels to it, order by order and number by number. Production does not use
it. What it does not model are tables that are full: it remembers every order and every quote.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from engine.codes import KillMode, OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS, Instrument
from engine.order import Order
from risk.gate_state import ABSENT, LOTS_MAX, POSITION_MAX, TICK_LOTS_MAX, TICKS_MAX, UNLIMITED, WINDOW_BUCKETS
from risk.limits import COUNT_MAX, AccountLimits, Ceilings, InstrumentLimits, StrategyLimits

__all__ = ["Fault", "ReferenceGate"]

_MICROS, _MILLION = 1_000_000, 1_000_000


class Fault(NamedTuple):
    """Why an order was refused, with the numbers that the kernel gives."""

    reason: Reason
    observed: int
    limit: int


class _Open(NamedTuple):
    """What an open order may still do, at the price it was valued at."""

    side: Side
    strategy_id: str
    lots: int
    ticks: int


class _Rate:
    """A bucket of ``burst`` that refills by ``per_second``."""

    def __init__(self, per_second: int, burst: int) -> None:
        self.per_second, self.burst = per_second, burst if per_second else 0
        self.tokens, self.at_ns = Fraction(self.burst), 0

    def now(self, now_ns: int) -> Fraction:
        refill = Fraction(max(now_ns - self.at_ns, 0) * self.per_second, NANOS)
        return min(self.tokens + refill, Fraction(self.burst)) if now_ns > self.at_ns else self.tokens

    def spend(self, now_ns: int) -> None:
        self.tokens, self.at_ns = self.now(now_ns) - 1, max(now_ns, self.at_ns)

    def give_back(self) -> None:
        self.tokens = min(self.tokens + 1, Fraction(self.burst))

    def resize(self, per_second: int, burst: int, now_ns: int) -> None:
        held = self.now(now_ns)
        self.per_second, self.burst = per_second, burst if per_second else 0
        self.tokens, self.at_ns = min(held, Fraction(self.burst)), max(now_ns, self.at_ns)


class _Buckets:
    """When things happened, in stretches of which all but one cover the window."""

    def __init__(self, window_ns: int) -> None:
        self.bucket_ns = max(-(-window_ns // (WINDOW_BUCKETS - 1)), 1)
        self.seen: list[tuple[int, int]] = []

    def push(self, now_ns: int, value: int) -> list[int]:
        """Add one, and return all that are not too old."""
        last = self.seen[-1][0] if self.seen else 0
        bucket = max(now_ns // self.bucket_ns, last)
        self.seen.append((bucket, value))
        return [each for at, each in self.seen if at > bucket - WINDOW_BUCKETS]


@dataclass
class _Asset:
    total_nanos: int | None = None
    reserved_nanos: int = 0


@dataclass
class _Book:
    """One instrument: what is allowed, and what has happened."""

    instrument: Instrument
    limits: InstrumentLimits
    quotes: _Buckets
    reference_ticks: int = 0
    reference_ns: int = 0
    mark_ticks: int = 0
    low_ticks: int = TICKS_MAX
    high_ticks: int = 0
    position_lots: int = 0
    cash_tick_lots: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    open: dict[str, _Open] = field(default_factory=dict)
    open_orders: int = 0

    def open_lots(self, side: Side, strategy_id: str | None = None) -> int:
        return sum(each.lots for each in self._of(side, strategy_id))

    def open_tick_lots(self, side: Side, strategy_id: str | None = None) -> int:
        return sum(each.lots * each.ticks for each in self._of(side, strategy_id))

    def _of(self, side: Side, strategy_id: str | None) -> list[_Open]:
        return [each for each in self.open.values() if each.side is side and strategy_id in (None, each.strategy_id)]

    def position(self, strategy_id: str | None) -> int:
        return self.position_lots if strategy_id is None else self.positions.get(strategy_id, 0)

    def reserved_nanos(self, side: Side) -> int:
        """What all open orders of a side hold of the quote asset (buys) or the base asset (sells), rounded up once."""
        if side is Side.BUY:
            return _up(self.open_tick_lots(side) * self.nanos_per_tick_lot)
        return _up(self.open_lots(side) * self.nanos_per_lot)

    @property
    def nanos_per_tick_lot(self) -> Fraction:
        return self.instrument.tick_lot_value * NANOS

    @property
    def nanos_per_lot(self) -> Fraction:
        return Fraction(self.instrument.lot_units * NANOS, 10**self.instrument.quantity_scale)

    def reserved_asset(self, side: Side) -> str:
        return self.instrument.quote_asset if side is Side.BUY else self.instrument.base_asset


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _down(value: Fraction) -> int:
    return value.numerator // value.denominator


def _ppm(ticks: int, ppm: int) -> Fraction:
    return Fraction(ticks * ppm, _MILLION)


def _within(value: int, most: int) -> int:
    return max(-most, min(value, most))


def _fits(amount: int, worth: Fraction) -> bool:
    """The kernel's bound: it leaves room for one more ``worth.numerator``, so that rounding up cannot wrap."""
    return (abs(amount) // worth.denominator + 1) * worth.numerator <= INT64_MAX


def _scaled(amount: int, worth: Fraction) -> int:
    """``amount * worth`` rounded up, or the most there is."""
    if _fits(amount, worth):
        return _up(amount * worth)
    return UNLIMITED if amount > 0 else -UNLIMITED


def _product(lots: int, ticks: int) -> int:
    if abs(lots) > TICK_LOTS_MAX // max(ticks, 1):
        return TICK_LOTS_MAX if lots > 0 else -TICK_LOTS_MAX
    return lots * ticks


class ReferenceGate:
    """Same calls as ``risk.gate.Gate``, with the latch as ``mode``; ``check`` returns ticks or a Fault."""

    def __init__(self, account: AccountLimits, instruments_max: int) -> None:
        self.account = account
        self.mode: KillMode | None = None
        self.books: dict[int, _Book] = {}
        self.assets: dict[str, _Asset] = {}
        self.strategies: dict[str, StrategyLimits] = {}
        self.throttled: set[tuple[str, int]] = set()
        self.messages = self.trades = 0
        self.ceilings = Ceilings(
            account.open_orders,
            account.orders_per_second,
            account.orders_burst,
            account.gross_notional_micros,
            account.assets,
        )
        self._value_cap = 2**62 // instruments_max
        self._lease_epoch = 0
        self._lease_expires_ns: int | None = None
        self._orders = _Rate(account.orders_per_second, account.orders_burst)
        self._replaces = _Rate(account.replaces_per_second, account.replaces_burst)
        self._cancels = _Rate(account.cancels_per_second, account.cancels_burst)
        self._strategy_rates: dict[str, _Rate] = {}
        self._executions: dict[tuple[str, int], _Buckets] = {}
        self._recent: dict[tuple[object, ...], int] = {}
        self._day_micros = self._peak_micros = 0

    # -- what is allowed ------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        self.books[instrument.instrument_id] = _Book(instrument, limits, _Buckets(limits.window_ns))
        for asset in (instrument.base_asset, instrument.quote_asset):
            self.assets.setdefault(asset, _Asset())

    def define_strategy(self, strategy_id: str, limits: StrategyLimits) -> None:
        self.strategies[strategy_id] = limits
        self._strategy_rates[strategy_id] = _Rate(limits.orders_per_second, limits.orders_burst)

    def set_ceilings(self, ceilings: Ceilings, now_ns: int) -> None:
        account = self.account
        assets = dict(account.assets)
        for asset, (longs, shorts) in ceilings.assets.items():
            own = account.assets.get(asset, (UNLIMITED, UNLIMITED))
            assets[asset] = (min(own[0], longs), min(own[1], shorts))
        self.ceilings = Ceilings(
            min(account.open_orders, ceilings.open_orders),
            max(min(account.orders_per_second, ceilings.orders_per_second), 0),
            max(min(account.orders_burst, ceilings.orders_burst), 0),
            min(account.gross_notional_micros, ceilings.gross_notional_micros),
            assets,
        )
        self._orders.resize(self.ceilings.orders_per_second, self.ceilings.orders_burst, now_ns)

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
        fault = (
            _shape(order)
            or _numbers(order, book)
            or self._authority(order, book, now_ns, closing)
            or (None if closing else self._losses(order, book))
            or self._size_and_reference(order, book, now_ns)
        )
        if fault:
            return fault
        ticks = _value_ticks(order, book)
        valued = ticks if order.side is Side.BUY else max(ticks, book.reference_ticks)
        fault = (
            _price(order, book, ticks, valued)
            or self._counts(order, book, now_ns, closing)
            or self._repeats(order, now_ns)
            or self._position(order, book)
            or self._funds(order, book, valued)
            or self._notional(order, book, valued)
            or (None if closing else self._strategy(order, book, valued))
        )
        if fault:
            return fault
        self._rate_of(order).spend(now_ns)
        if not closing:
            self._strategy_rates[order.strategy_id].spend(now_ns)
        if self.account.duplicate_window_ns:
            self._recent[_sameness(order)] = now_ns
        self.messages += 1
        self._change(book, order, order.quantity_lots, valued)
        book.open_orders += 1
        return valued

    def on_cancel(self, now_ns: int) -> bool:
        self.messages += 1
        is_over = self._cancels.now(now_ns) < 1
        self._cancels.spend(now_ns)
        if is_over:
            self._cancels.give_back()
        return is_over

    def abandon(self, order: Order) -> None:
        book = self.books[order.instrument_id]
        self._change(book, order, 0, order.reserve_ticks)
        book.open_orders -= 1
        self._rate_of(order).give_back()
        self._strategy_rates[order.strategy_id].give_back()
        self._recent.pop(_sameness(order), None)
        self.messages = max(self.messages - 1, 0)

    def closed(self, order: Order, released_lots: int) -> None:
        book = self.books[order.instrument_id]
        each = book.open[order.client_order_id]
        self._change(book, order, each.lots - released_lots, each.ticks)
        book.open_orders -= 1

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        book, strategy_id = self.books[order.instrument_id], order.strategy_id
        each = book.open.get(order.client_order_id, _Open(order.side, strategy_id, 0, 0))
        self._change(book, order, max(each.lots - last_lots, 0), each.ticks)
        paid, moved = last_lots * last_ticks * book.nanos_per_tick_lot, last_lots * book.nanos_per_lot
        signed = last_lots if order.side is Side.BUY else -last_lots
        if order.side is Side.BUY:
            self._add_funds(book.instrument.quote_asset, -_up(paid))
            self._add_funds(book.instrument.base_asset, _down(moved))
        else:
            self._add_funds(book.instrument.base_asset, -_up(moved))
            self._add_funds(book.instrument.quote_asset, _down(paid))
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
        buckets = self._executions.setdefault((strategy_id, instrument_id), _Buckets(limits.executions_window_ns))
        if sum(buckets.push(now_ns, 1)) > limits.executions:
            self.throttled.add((strategy_id, instrument_id))

    def _change(self, book: _Book, order: Order, lots: int, ticks: int) -> None:
        """Make ``lots`` what the order may still fill, and move its asset's reservation by the difference."""
        before = book.reserved_nanos(order.side)
        book.open[order.client_order_id] = _Open(order.side, order.strategy_id, lots, ticks)
        if lots == 0:
            del book.open[order.client_order_id]
        asset = self.assets[book.reserved_asset(order.side)]
        asset.reserved_nanos += book.reserved_nanos(order.side) - before

    def _add_funds(self, asset: str, nanos: int) -> None:
        total_nanos = self.assets[asset].total_nanos
        if total_nanos is not None:
            self.assets[asset].total_nanos = min(total_nanos + nanos, INT64_MAX)

    def _rate_of(self, order: Order) -> _Rate:
        return self._replaces if order.orig_client_order_id else self._orders

    # -- worth ----------------------------------------------------------------------------------------------

    def _converter(self, book: _Book) -> _Book | None:
        """Whose mark turns the quote asset into the account's currency; the book itself when nothing has to."""
        quote = book.instrument.quote_asset
        if quote == self.account.currency:
            return book
        for each in self.books.values():
            if each.instrument.base_asset == quote and each.instrument.quote_asset == self.account.currency:
                return each
        return None

    def _micros(self, book: _Book, tick_lots: int) -> int:
        value = _scaled(tick_lots, book.instrument.tick_lot_value * _MICROS)
        converter = self._converter(book)
        if converter is not book:
            value = _converted(value, converter)
        return _within(value, self._value_cap)

    def _ends(self, book: _Book, strategy_id: str | None, more: dict[Side, int] | None = None) -> tuple[int, int]:
        """What it would be worth if every buy filled and no sell; the negative of that for the other way round."""
        worth = _product(book.position(strategy_id), book.mark_ticks)
        more = more or {}
        buys = book.open_tick_lots(Side.BUY, strategy_id) + more.get(Side.BUY, 0)
        sells = book.open_tick_lots(Side.SELL, strategy_id) + more.get(Side.SELL, 0)
        return self._micros(book, worth + buys), self._micros(book, sells - worth)

    def _share(self, book: _Book, strategy_id: str | None = None, more: dict[Side, int] | None = None) -> int:
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
                tick_lots = _within(book.cash_tick_lots, TICK_LOTS_MAX) + _product(book.position_lots, book.mark_ticks)
                total -= self._micros(book, -tick_lots)
        return total

    def pnl_micros(self) -> int:
        return self.profit_micros() - self._day_micros

    def drawdown_micros(self) -> int:
        return self._peak_micros - self.profit_micros()

    # -- checks that look at more than the instrument -------------------------------------------------------

    def _authority(self, order: Order, book: _Book, now_ns: int, closing: bool) -> Fault | None:
        if closing:
            if self.mode is not KillMode.FLATTEN:
                return Fault(Reason.HALTED, ABSENT, ABSENT)
        elif order.strategy_id not in self.strategies:
            return Fault(Reason.WRONG_STRATEGY, ABSENT, ABSENT)
        elif self.mode not in (None, KillMode.REDUCE):
            return Fault(Reason.HALTED, ABSENT, ABSENT)
        elif self._lease_expires_ns is None:
            return Fault(Reason.NO_LEASE, ABSENT, ABSENT)
        elif now_ns >= self._lease_expires_ns:
            return Fault(Reason.LEASE_EXPIRED, now_ns, self._lease_expires_ns)
        if self.mode is not None:
            room = _room(order, book, closing)
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

    def _losses(self, order: Order, book: _Book) -> Fault | None:
        if (order.strategy_id, order.instrument_id) in self.throttled:
            return Fault(Reason.EXECUTION_THROTTLE, ABSENT, ABSENT)
        if order.quantity_lots <= _room(order, book, False):
            return None
        for reason, loss, limit in (
            (Reason.DAILY_LOSS, -self.pnl_micros(), self.account.daily_loss_micros),
            (Reason.DRAWDOWN, self.drawdown_micros(), self.account.drawdown_micros),
        ):
            if loss > limit:
                return Fault(reason, loss, limit)
        return None

    def _size_and_reference(self, order: Order, book: _Book, now_ns: int) -> Fault | None:
        if order.quantity_lots > book.limits.order_quantity_lots:
            return Fault(Reason.ORDER_QUANTITY, order.quantity_lots, book.limits.order_quantity_lots)
        converter = self._converter(book)
        fault = _fresh(book, now_ns)
        if fault is None and converter is None:
            return Fault(Reason.NO_REFERENCE_PRICE, ABSENT, ABSENT)
        return fault or (None if converter is None else _fresh(converter, now_ns))

    def _counts(self, order: Order, book: _Book, now_ns: int, closing: bool) -> Fault | None:
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
        most = self.account.messages_free + self.trades * self.account.messages_per_trade
        if not closing and self.account.messages_free < COUNT_MAX and self.messages >= most:
            return Fault(Reason.ORDER_TO_TRADE, self.messages + 1, most)
        return None

    def _repeats(self, order: Order, now_ns: int) -> Fault | None:
        window_ns, before_ns = self.account.duplicate_window_ns, self._recent.get(_sameness(order))
        if before_ns is not None and now_ns - before_ns < window_ns:
            return Fault(Reason.DUPLICATE_ORDER, now_ns - before_ns, window_ns)
        return None

    def _position(self, order: Order, book: _Book) -> Fault | None:
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
                nanos = _scaled(position + book.open_lots(order.side) + more, book.nanos_per_lot)
                if max(nanos, total) > POSITION_MAX:
                    return UNLIMITED
                total = max(total + max(nanos, -POSITION_MAX), -POSITION_MAX)
        return total

    def _funds(self, order: Order, book: _Book, ticks: int) -> Fault | None:
        side, lots = order.side, order.quantity_lots
        if side is Side.BUY:
            before, more, worth = book.open_tick_lots(side), lots * ticks, book.nanos_per_tick_lot
        else:
            before, more, worth = book.open_lots(side), lots, book.nanos_per_lot
        if book.open_tick_lots(side) + lots * ticks > TICK_LOTS_MAX or not _fits(before + more, worth):
            return Fault(Reason.NUMBER_OVERFLOW, lots, ABSENT)
        need = _up((before + more) * worth) - _up(before * worth)
        asset = self.assets[book.reserved_asset(side)]
        if asset.total_nanos is None:
            return Fault(Reason.INSUFFICIENT_FUNDS, need, ABSENT)
        available = max(asset.total_nanos - asset.reserved_nanos, 0)
        return Fault(Reason.INSUFFICIENT_FUNDS, need, available) if need > available else None

    def _notional(self, order: Order, book: _Book, ticks: int) -> Fault | None:
        account, more = self.account, {order.side: order.quantity_lots * ticks}
        end = order.side is Side.SELL
        net_before = self.net_micros(order.side)
        net = net_before - self._ends(book, None)[end] + self._ends(book, None, more)[end]
        if net > account.net_notional_micros and net > net_before:
            return Fault(Reason.NET_NOTIONAL, net, account.net_notional_micros)
        before, share = self._share(book), self._share(book, None, more)
        gross = self.gross_micros() + share - before
        if share <= before:
            return None
        if gross > self.ceilings.gross_notional_micros:
            return Fault(Reason.GROSS_NOTIONAL, gross, self.ceilings.gross_notional_micros)
        most = _down(_ppm(gross, account.concentration_ppm))
        if account.concentration_ppm < _MILLION and gross > account.concentration_from_micros and share > most:
            return Fault(Reason.CONCENTRATION, share, most)
        return None

    def _strategy(self, order: Order, book: _Book, ticks: int) -> Fault | None:
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


def _converted(value: int, converter: _Book | None) -> int:
    most = UNLIMITED if value > 0 else -UNLIMITED if value < 0 else 0
    if converter is None or converter.mark_ticks == 0:
        return most
    num, den = converter.mark_ticks * converter.instrument.tick_units, 10**converter.instrument.price_scale
    if converter.mark_ticks > (INT64_MAX // den - 1) // converter.instrument.tick_units:
        return most
    return most if abs(value // den) > (INT64_MAX - num) // num else _up(Fraction(value * num, den))


def _sameness(order: Order) -> tuple[object, ...]:
    return (order.strategy_id, order.instrument_id, order.side, order.quantity_lots, order.price_ticks)


def _room(order: Order, book: _Book, closing: bool) -> int:
    """How much of the order's side only shrinks the position, of the account and of the strategy."""
    rooms = []
    for whose in (None,) if closing else (None, order.strategy_id):
        position = book.position(whose) if order.side is Side.SELL else -book.position(whose)
        rooms.append(position - book.open_lots(order.side, whose))
    return min(rooms)


# -- checks of one order against its instrument: a Fault, or None ---------------------------------------------------


def _shape(order: Order) -> Fault | None:
    is_market = order.order_type is OrderType.MARKET
    if order.post_only and is_market:
        return Fault(Reason.BAD_ORDER_TYPE, order.order_type, ABSENT)
    if order.post_only and order.time_in_force is not TimeInForce.GTC:
        return Fault(Reason.BAD_TIME_IN_FORCE, order.time_in_force, ABSENT)
    if is_market and order.time_in_force is TimeInForce.FOK:
        return Fault(Reason.BAD_TIME_IN_FORCE, order.time_in_force, ABSENT)
    return None


def _numbers(order: Order, book: _Book) -> Fault | None:
    ins, lots, ticks = book.instrument, order.quantity_lots, order.price_ticks
    is_market = order.order_type is OrderType.MARKET
    if lots <= 0:
        return Fault(Reason.BAD_QUANTITY, lots, max(ins.quantity_lots_min, 1))
    if lots > LOTS_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, lots, LOTS_MAX)
    if lots < ins.quantity_lots_min:
        return Fault(Reason.QUANTITY_OUT_OF_RANGE, lots, ins.quantity_lots_min)
    bounds = [ins.quantity_lots_max, ins.market_quantity_lots_max if is_market else 0]
    most = min((bound for bound in bounds if bound), default=LOTS_MAX)
    if lots > most:
        return Fault(Reason.QUANTITY_OUT_OF_RANGE, lots, most)
    if is_market:
        return Fault(Reason.BAD_PRICE, ticks, 0) if ticks != 0 else None
    if ticks <= 0:
        return Fault(Reason.BAD_PRICE, ticks, max(ins.price_ticks_min, 1))
    if ticks > TICKS_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, ticks, TICKS_MAX)
    if ticks < ins.price_ticks_min:
        return Fault(Reason.PRICE_OUT_OF_RANGE, ticks, ins.price_ticks_min)
    if ins.price_ticks_max and ticks > ins.price_ticks_max:
        return Fault(Reason.PRICE_OUT_OF_RANGE, ticks, ins.price_ticks_max)
    if lots * ticks > INT64_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, lots, INT64_MAX // ticks)
    return _venue_notional(ins, lots * ticks, minimum_applies=True)


def _venue_notional(ins: Instrument, tick_lots: int, *, minimum_applies: bool) -> Fault | None:
    if minimum_applies and tick_lots < ins.notional_tick_lots_min:
        return Fault(Reason.NOTIONAL_TOO_SMALL, tick_lots, ins.notional_tick_lots_min)
    if ins.notional_tick_lots_max and tick_lots > ins.notional_tick_lots_max:
        return Fault(Reason.NOTIONAL_TOO_LARGE, tick_lots, ins.notional_tick_lots_max)
    return None


def _fresh(book: _Book, now_ns: int) -> Fault | None:
    if book.reference_ticks == 0:
        return Fault(Reason.NO_REFERENCE_PRICE, ABSENT, book.limits.reference_age_ns)
    age_ns = now_ns - book.reference_ns
    if age_ns > book.limits.reference_age_ns:
        return Fault(Reason.NO_REFERENCE_PRICE, age_ns, book.limits.reference_age_ns)
    return None


def _value_ticks(order: Order, book: _Book) -> int:
    if order.order_type is OrderType.LIMIT:
        return order.price_ticks
    width = _down(_ppm(book.reference_ticks, book.limits.price_collar_ppm))
    return book.reference_ticks + width if order.side is Side.BUY else max(book.reference_ticks - width, 1)


def _price(order: Order, book: _Book, ticks: int, valued_ticks: int) -> Fault | None:
    ins, limits, reference, lots = book.instrument, book.limits, book.reference_ticks, order.quantity_lots
    if lots * valued_ticks > INT64_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, lots, INT64_MAX // valued_ticks)
    if order.order_type is OrderType.MARKET:
        fault = _venue_notional(ins, lots * reference, minimum_applies=ins.market_notional_min_applies)
        if fault:
            return fault
    if lots * valued_ticks > limits.order_notional_tick_lots:
        return Fault(Reason.ORDER_NOTIONAL, lots * valued_ticks, limits.order_notional_tick_lots)
    if order.order_type is OrderType.MARKET:
        return _window(order, book, reference)
    is_buy = order.side is Side.BUY
    up_ppm, down_ppm = (ins.bid_up_ppm, ins.bid_down_ppm) if is_buy else (ins.ask_up_ppm, ins.ask_down_ppm)
    if up_ppm and ticks > _ppm(reference, up_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, _down(_ppm(reference, up_ppm)))
    if down_ppm and ticks < _ppm(reference, down_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, _up(_ppm(reference, down_ppm)))
    width = _down(_ppm(reference, limits.price_collar_ppm))
    if abs(ticks - reference) > width:
        return Fault(Reason.PRICE_COLLAR, ticks, reference + width if ticks > reference else reference - width)
    return _window(order, book, ticks)


def _window(order: Order, book: _Book, ticks: int) -> Fault | None:
    ppm = book.limits.window_collar_ppm
    if order.side is Side.BUY:
        most = book.low_ticks + _down(_ppm(book.low_ticks, ppm))
        return Fault(Reason.PRICE_COLLAR_WINDOW, ticks, most) if ticks > most else None
    least = book.high_ticks - _down(_ppm(book.high_ticks, ppm))
    return Fault(Reason.PRICE_COLLAR_WINDOW, ticks, least) if ticks < least else None
