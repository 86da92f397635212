"""The gate's readable twin: the same checks and bookings on plain objects, exact fractions and unbounded integers.

``tests/risk/test_gate_kernel.py`` holds the kernels to it, order by order and cell by cell. Production does not use it.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS, Instrument
from engine.order import Order
from risk.gate_kernel import ABSENT, LOTS_MAX, TICKS_MAX
from risk.limits import AccountLimits, InstrumentLimits

__all__ = ["Fault", "ReferenceGate"]


class Fault(NamedTuple):
    """Why an order was refused, with the numbers that the kernel gives."""

    reason: Reason
    observed: int
    limit: int


@dataclass
class _Asset:
    total_nanos: int | None = None
    reserved_nanos: int = 0


@dataclass
class _Book:
    """One instrument: what is allowed, and what has happened."""

    instrument: Instrument
    limits: InstrumentLimits
    reference_ticks: int = 0
    reference_ns: int = 0
    position_lots: int = 0
    #: Of every open order: side, lots that may still fill, the price it was valued at.
    open: dict[str, tuple[Side, int, int]] = field(default_factory=dict)
    open_orders: int = 0

    def open_lots(self, side: Side) -> int:
        return sum(lots for each, lots, _ in self.open.values() if each is side)

    def reserved_nanos(self, side: Side) -> int:
        """What all open orders of a side hold of the quote asset (buys) or the base asset (sells), rounded up once."""
        if side is Side.BUY:
            tick_lots = sum(lots * ticks for each, lots, ticks in self.open.values() if each is side)
            return _up(tick_lots * self.nanos_per_tick_lot)
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
    return Fraction(ticks * ppm, 1_000_000)


class ReferenceGate:
    """Same calls as ``risk.gate.Gate``, with the latch as a plain ``trading``; ``check`` returns ticks or a Fault."""

    def __init__(self, account: AccountLimits) -> None:
        self.account = account
        self.trading = True
        self.books: dict[int, _Book] = {}
        self.assets: dict[str, _Asset] = {}
        self._lease_epoch = 0
        self._lease_expires_ns: int | None = None
        self._tokens = Fraction(account.orders_burst)
        self._tokens_at_ns = 0

    # -- what is allowed ------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        self.books[instrument.instrument_id] = _Book(instrument, limits)
        for asset in (instrument.base_asset, instrument.quote_asset):
            self.assets.setdefault(asset, _Asset())

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
        valid = 0 < bid_ticks <= ask_ticks <= TICKS_MAX
        book.reference_ticks = (bid_ticks + ask_ticks) // 2 if valid else 0
        book.reference_ns = now_ns

    # -- one order ------------------------------------------------------------------------------------------

    def check(self, order: Order, now_ns: int) -> int | Fault:
        """The price at which the order was valued, reserved by then; or why not, with nothing changed."""
        book = self.books.get(order.instrument_id)
        if book is None:
            return Fault(Reason.UNKNOWN_INSTRUMENT, order.instrument_id, ABSENT)
        fault = (
            _shape(order)
            or _numbers(order, book)
            or self._authority(now_ns)
            or _size_and_reference(order, book, now_ns)
        )
        if fault:
            return fault
        ticks = _value_ticks(order, book)
        fault = (
            _price(order, book, ticks)
            or self._counts(book, now_ns)
            or _position(order, book)
            or self._funds(order, book, ticks)
        )
        if fault:
            return fault
        self._tokens = self._tokens_now(now_ns) - 1
        self._tokens_at_ns = max(now_ns, self._tokens_at_ns)
        self._change(book, order, order.quantity_lots, ticks)
        book.open_orders += 1
        return ticks

    def abandon(self, order: Order) -> None:
        book = self.books[order.instrument_id]
        self._change(book, order, 0, order.reserve_ticks)
        book.open_orders -= 1
        self._tokens = min(self._tokens + 1, Fraction(self.account.orders_burst))

    def closed(self, order: Order, released_lots: int) -> None:
        book = self.books[order.instrument_id]
        _, lots, ticks = book.open[order.client_order_id]
        self._change(book, order, lots - released_lots, ticks)
        book.open_orders -= 1

    def filled(self, order: Order, last_lots: int, last_ticks: int) -> None:
        book = self.books[order.instrument_id]
        _, lots, ticks = book.open.get(order.client_order_id, (order.side, 0, 0))
        self._change(book, order, max(lots - last_lots, 0), ticks)
        paid, moved = last_lots * last_ticks * book.nanos_per_tick_lot, last_lots * book.nanos_per_lot
        if order.side is Side.BUY:
            book.position_lots += last_lots
            self._add_funds(book.instrument.quote_asset, -_up(paid))
            self._add_funds(book.instrument.base_asset, _down(moved))
        else:
            book.position_lots -= last_lots
            self._add_funds(book.instrument.base_asset, -_up(moved))
            self._add_funds(book.instrument.quote_asset, _down(paid))

    def _change(self, book: _Book, order: Order, lots: int, ticks: int) -> None:
        """Make ``lots`` what the order may still fill, and move its asset's reservation by the difference."""
        before = book.reserved_nanos(order.side)
        book.open[order.client_order_id] = (order.side, lots, ticks)
        if lots == 0:
            del book.open[order.client_order_id]
        asset = self.assets[book.reserved_asset(order.side)]
        asset.reserved_nanos += book.reserved_nanos(order.side) - before

    def _add_funds(self, asset: str, nanos: int) -> None:
        total_nanos = self.assets[asset].total_nanos
        if total_nanos is not None:
            self.assets[asset].total_nanos = min(total_nanos + nanos, INT64_MAX)

    # -- checks that look at more than the instrument -------------------------------------------------------

    def _authority(self, now_ns: int) -> Fault | None:
        if not self.trading:
            return Fault(Reason.HALTED, ABSENT, ABSENT)
        if self._lease_expires_ns is None:
            return Fault(Reason.NO_LEASE, ABSENT, ABSENT)
        if now_ns >= self._lease_expires_ns:
            return Fault(Reason.LEASE_EXPIRED, now_ns, self._lease_expires_ns)
        return None

    def _counts(self, book: _Book, now_ns: int) -> Fault | None:
        open_orders = sum(each.open_orders for each in self.books.values())
        if open_orders >= self.account.open_orders:
            return Fault(Reason.OPEN_ORDERS, open_orders, self.account.open_orders)
        if book.open_orders >= (book.instrument.open_orders_max or INT64_MAX):
            return Fault(Reason.OPEN_ORDERS_AT_VENUE, book.open_orders, book.instrument.open_orders_max)
        tokens = self._tokens_now(now_ns)
        if tokens < 1:
            return Fault(Reason.ORDER_RATE, int(tokens * NANOS), self.account.orders_per_second)
        return None

    def _tokens_now(self, now_ns: int) -> Fraction:
        if self.account.orders_per_second == 0:
            return Fraction(0)
        refill = Fraction(max(now_ns - self._tokens_at_ns, 0) * self.account.orders_per_second, NANOS)
        return min(self._tokens + refill, Fraction(self.account.orders_burst))

    def _funds(self, order: Order, book: _Book, ticks: int) -> Fault | None:
        side, lots = order.side, order.quantity_lots
        if side is Side.BUY:
            before = sum(each * at for s, each, at in book.open.values() if s is side)
            after, worth = before + lots * ticks, book.nanos_per_tick_lot
        else:
            before = book.open_lots(side)
            after, worth = before + lots, book.nanos_per_lot
        if after > INT64_MAX or not _fits(after, worth):
            return Fault(Reason.NUMBER_OVERFLOW, lots, ABSENT)
        need = _up(after * worth) - _up(before * worth)
        asset = self.assets[book.reserved_asset(side)]
        if asset.total_nanos is None:
            return Fault(Reason.INSUFFICIENT_FUNDS, need, ABSENT)
        available = max(asset.total_nanos - asset.reserved_nanos, 0)
        return Fault(Reason.INSUFFICIENT_FUNDS, need, available) if need > available else None


def _fits(amount: int, worth: Fraction) -> bool:
    """The kernel's bound: it leaves room for one more ``worth.numerator``, so that rounding up cannot wrap."""
    return (amount // worth.denominator + 1) * worth.numerator <= INT64_MAX


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


def _size_and_reference(order: Order, book: _Book, now_ns: int) -> Fault | None:
    limits = book.limits
    if order.quantity_lots > limits.order_quantity_lots:
        return Fault(Reason.ORDER_QUANTITY, order.quantity_lots, limits.order_quantity_lots)
    if book.reference_ticks == 0:
        return Fault(Reason.NO_REFERENCE_PRICE, ABSENT, limits.reference_age_ns)
    age_ns = now_ns - book.reference_ns
    if age_ns > limits.reference_age_ns:
        return Fault(Reason.NO_REFERENCE_PRICE, age_ns, limits.reference_age_ns)
    return None


def _value_ticks(order: Order, book: _Book) -> int:
    if order.order_type is OrderType.LIMIT:
        return order.price_ticks
    width = _down(_ppm(book.reference_ticks, book.limits.price_collar_ppm))
    return book.reference_ticks + width if order.side is Side.BUY else max(book.reference_ticks - width, 1)


def _price(order: Order, book: _Book, ticks: int) -> Fault | None:
    ins, limits, reference, lots = book.instrument, book.limits, book.reference_ticks, order.quantity_lots
    notional_ticks = ticks if order.side is Side.BUY else max(ticks, reference)
    if lots * notional_ticks > INT64_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, lots, INT64_MAX // notional_ticks)
    if order.order_type is OrderType.MARKET:
        fault = _venue_notional(ins, lots * reference, minimum_applies=ins.market_notional_min_applies)
        if fault:
            return fault
    if lots * notional_ticks > limits.order_notional_tick_lots:
        return Fault(Reason.ORDER_NOTIONAL, lots * notional_ticks, limits.order_notional_tick_lots)
    if order.order_type is OrderType.MARKET:
        return None
    is_buy = order.side is Side.BUY
    up_ppm, down_ppm = (ins.bid_up_ppm, ins.bid_down_ppm) if is_buy else (ins.ask_up_ppm, ins.ask_down_ppm)
    if up_ppm and ticks > _ppm(reference, up_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, _down(_ppm(reference, up_ppm)))
    if down_ppm and ticks < _ppm(reference, down_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, _up(_ppm(reference, down_ppm)))
    width = _down(_ppm(reference, limits.price_collar_ppm))
    if abs(ticks - reference) > width:
        return Fault(Reason.PRICE_COLLAR, ticks, reference + width if ticks > reference else reference - width)
    return None


def _position(order: Order, book: _Book) -> Fault | None:
    if order.side is Side.BUY:
        worst = book.position_lots + book.open_lots(Side.BUY) + order.quantity_lots
        limit = book.limits.long_position_lots
        return Fault(Reason.LONG_POSITION, worst, limit) if worst > limit else None
    worst = book.position_lots - book.open_lots(Side.SELL) - order.quantity_lots
    limit = -book.limits.short_position_lots
    return Fault(Reason.SHORT_POSITION, worst, limit) if worst < limit else None
