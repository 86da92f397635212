"""Parts of the gate's readable twin: books, rates and windows on plain numbers, and the checks of one order against
its instrument. ``risk/gate_reference.py`` puts them together.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS, Instrument
from engine.order import Order
from risk.gate_state import ABSENT, LOTS_MAX, TICK_LOTS_MAX, TICKS_MAX, UNLIMITED, WINDOW_BUCKETS
from risk.limits import InstrumentLimits

__all__ = [
    "MILLION",
    "Asset",
    "Book",
    "Buckets",
    "Fault",
    "Open",
    "Rate",
    "against_market",
    "converted",
    "down",
    "fits",
    "fresh",
    "numbers",
    "ppm",
    "price",
    "product",
    "room_lots",
    "sameness",
    "scaled",
    "shape",
    "special",
    "up",
    "value_ticks",
    "venue_notional",
    "waits",
    "window",
    "within",
]

MILLION = 1_000_000


class Fault(NamedTuple):
    """Why an order was refused, with the numbers that the kernel gives."""

    reason: Reason
    observed: int
    limit: int


class Open(NamedTuple):
    """What an open order may still do, at the price it was valued at."""

    side: Side
    strategy_id: str
    lots: int
    ticks: int


class Rate:
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


class Buckets:
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
class Asset:
    total_nanos: int | None = None
    reserved_nanos: int = 0


@dataclass
class Book:
    """One instrument: what is allowed, and what has happened."""

    instrument: Instrument
    limits: InstrumentLimits
    quotes: Buckets
    reference_ticks: int = 0
    reference_ns: int = 0
    mark_ticks: int = 0
    low_ticks: int = TICKS_MAX
    high_ticks: int = 0
    position_lots: int = 0
    cash_tick_lots: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    open: dict[str, Open] = field(default_factory=dict)
    open_orders: int = 0

    def open_lots(self, side: Side, strategy_id: str | None = None) -> int:
        return sum(each.lots for each in self._of(side, strategy_id))

    def open_tick_lots(self, side: Side, strategy_id: str | None = None) -> int:
        return sum(each.lots * each.ticks for each in self._of(side, strategy_id))

    def _of(self, side: Side, strategy_id: str | None) -> list[Open]:
        return [each for each in self.open.values() if each.side is side and strategy_id in (None, each.strategy_id)]

    def position(self, strategy_id: str | None) -> int:
        return self.position_lots if strategy_id is None else self.positions.get(strategy_id, 0)

    def reserved_nanos(self, side: Side) -> int:
        """What all open orders of a side hold of the quote asset (buys) or the base asset (sells), rounded up once."""
        if side is Side.BUY:
            return up(self.open_tick_lots(side) * self.nanos_per_tick_lot)
        return up(self.open_lots(side) * self.nanos_per_lot)

    @property
    def nanos_per_tick_lot(self) -> Fraction:
        return self.instrument.tick_lot_value * NANOS

    @property
    def nanos_per_lot(self) -> Fraction:
        return Fraction(self.instrument.lot_units * NANOS, 10**self.instrument.quantity_scale)

    def reserved_asset(self, side: Side) -> str:
        return self.instrument.quote_asset if side is Side.BUY else self.instrument.base_asset


def up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def down(value: Fraction) -> int:
    return value.numerator // value.denominator


def ppm(ticks: int, ppm: int) -> Fraction:
    return Fraction(ticks * ppm, MILLION)


def within(value: int, most: int) -> int:
    return max(-most, min(value, most))


def fits(amount: int, worth: Fraction) -> bool:
    """The kernel's bound: it leaves room for one more ``worth.numerator``, so that rounding up cannot wrap."""
    return (abs(amount) // worth.denominator + 1) * worth.numerator <= INT64_MAX


def scaled(amount: int, worth: Fraction) -> int:
    """``amount * worth`` rounded up, or the most there is."""
    if fits(amount, worth):
        return up(amount * worth)
    return UNLIMITED if amount > 0 else -UNLIMITED


def product(lots: int, ticks: int) -> int:
    if abs(lots) > TICK_LOTS_MAX // max(ticks, 1):
        return TICK_LOTS_MAX if lots > 0 else -TICK_LOTS_MAX
    return lots * ticks


def converted(value: int, converter: Book | None) -> int:
    most = UNLIMITED if value > 0 else -UNLIMITED if value < 0 else 0
    if converter is None or converter.mark_ticks == 0:
        return most
    num, den = converter.mark_ticks * converter.instrument.tick_units, 10**converter.instrument.price_scale
    if converter.mark_ticks > (INT64_MAX // den - 1) // converter.instrument.tick_units:
        return most
    return most if abs(value // den) > (INT64_MAX - num) // num else up(Fraction(value * num, den))


def sameness(order: Order, ticks: int) -> tuple[object, ...]:
    return (order.strategy_id, order.instrument_id, order.side, order.quantity_lots, ticks)


def room_lots(order: Order, book: Book, closing: bool) -> int:
    """How much of the order's side only shrinks the position, of the account and of the strategy."""
    rooms = []
    for whose in (None,) if closing else (None, order.strategy_id):
        position = book.position(whose) if order.side is Side.SELL else -book.position(whose)
        rooms.append(position - book.open_lots(order.side, whose))
    return min(rooms)


# -- checks of one order against its instrument: a Fault, or None ---------------------------------------------------


def waits(order: Order) -> bool:
    """For a trigger."""
    return order.order_type >= OrderType.STOP


def special(order: Order, ins: Instrument) -> Reason | None:
    """What is wrong with instructions before anything is known of the market; the first thing that is."""
    wants, kind, in_force = order.instructions, order.order_type, order.time_in_force
    assert wants is not None
    trails, has_price = "TRAILING" in kind.name, "LIMIT" in kind.name
    rests = in_force in (TimeInForce.GTC, TimeInForce.GTD)
    wrong_trigger = (
        not 1 <= wants.trailing_ppm < MILLION or wants.trigger_ticks
        if trails
        else wants.trailing_ppm or not 1 <= wants.trigger_ticks <= TICKS_MAX
        if waits(order)
        else wants.trigger_ticks or wants.trailing_ppm
    )
    numbers_asked = (wants.trigger_ticks, wants.trailing_ppm, wants.display_lots, wants.expires_wall_ns)
    checks = [
        (any(not 0 <= each <= INT64_MAX for each in numbers_asked), Reason.NUMBER_OVERFLOW),
        (wrong_trigger, Reason.BAD_TRIGGER),
        (waits(order) and has_price and not 1 <= order.price_ticks <= TICKS_MAX, Reason.BAD_PRICE),
        (waits(order) and not has_price and order.price_ticks != 0, Reason.BAD_PRICE),
        (waits(order) and order.post_only, Reason.BAD_ORDER_TYPE),
        (bool(wants.expires_wall_ns) != (in_force is TimeInForce.GTD), Reason.BAD_EXPIRE_TIME),
        (kind is OrderType.MARKET and in_force is TimeInForce.GTD, Reason.BAD_TIME_IN_FORCE),
        (waits(order) and not has_price and not rests, Reason.BAD_TIME_IN_FORCE),
        (wants.display_lots and not (has_price and rests), Reason.BAD_DISPLAY_QUANTITY),
        (wants.display_lots and wants.display_lots >= order.quantity_lots, Reason.BAD_DISPLAY_QUANTITY),
    ]
    if waits(order):
        most = ins.price_ticks_max or TICKS_MAX
        for each in (wants.trigger_ticks, order.price_ticks):
            checks.append((each and not ins.price_ticks_min <= each <= most, Reason.PRICE_OUT_OF_RANGE))
        too_many = ins.market_quantity_lots_max and order.quantity_lots > ins.market_quantity_lots_max
        checks.append((not has_price and too_many, Reason.QUANTITY_OUT_OF_RANGE))
        worth = (order.price_ticks if has_price else wants.trigger_ticks) * order.quantity_lots
        if worth > 0:
            fault = venue_notional(ins, worth, minimum_applies=has_price or ins.market_notional_min_applies)
            checks.append((fault is not None, fault.reason if fault else Reason.NONE))
    return next((reason for is_wrong, reason in checks if is_wrong), None)


def fires_at(order: Order, book: "Book") -> int:
    wants = order.instructions
    assert wants is not None
    if not wants.trailing_ppm:
        return wants.trigger_ticks
    away = down(ppm(book.reference_ticks, wants.trailing_ppm))
    return book.reference_ticks + away if order.side is Side.BUY else max(book.reference_ticks - away, 1)


def against_market(order: Order, book: "Book") -> Reason | None:
    """What the market of now has against an order that waits for a trigger."""
    ins, trigger, price = book.instrument, fires_at(order, book), order.price_ticks
    is_buy, is_stop = order.side is Side.BUY, "STOP" in order.order_type.name
    is_above = is_buy if is_stop else not is_buy
    if (is_above and trigger < book.reference_ticks) or (not is_above and trigger > book.reference_ticks):
        return Reason.TRIGGER_WOULD_FIRE
    if "LIMIT" not in order.order_type.name:
        return None
    if abs(price - trigger) > down(ppm(trigger, book.limits.price_collar_ppm)):
        return Reason.PRICE_COLLAR
    up_ppm, down_ppm = (ins.bid_up_ppm, ins.bid_down_ppm) if is_buy else (ins.ask_up_ppm, ins.ask_down_ppm)
    if up_ppm and price > ppm(book.reference_ticks, up_ppm):
        return Reason.PRICE_OUTSIDE_VENUE_BAND
    return Reason.PRICE_OUTSIDE_VENUE_BAND if price < ppm(book.reference_ticks, down_ppm) else None


def shape(order: Order) -> Fault | None:
    is_market = order.order_type is OrderType.MARKET
    if order.post_only and is_market:
        return Fault(Reason.BAD_ORDER_TYPE, order.order_type, ABSENT)
    if order.post_only and order.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
        return Fault(Reason.BAD_TIME_IN_FORCE, order.time_in_force, ABSENT)
    if is_market and order.time_in_force is TimeInForce.FOK:
        return Fault(Reason.BAD_TIME_IN_FORCE, order.time_in_force, ABSENT)
    return None


def numbers(order: Order, book: Book) -> Fault | None:
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
    if waits(order):
        ticks = value_ticks(order, book)
        if ticks > TICKS_MAX:
            return Fault(Reason.NUMBER_OVERFLOW, ticks, TICKS_MAX)
        return Fault(Reason.NUMBER_OVERFLOW, lots, INT64_MAX // ticks) if lots * ticks > INT64_MAX else None
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
    return venue_notional(ins, lots * ticks, minimum_applies=True)


def venue_notional(ins: Instrument, tick_lots: int, *, minimum_applies: bool) -> Fault | None:
    if minimum_applies and tick_lots < ins.notional_tick_lots_min:
        return Fault(Reason.NOTIONAL_TOO_SMALL, tick_lots, ins.notional_tick_lots_min)
    if ins.notional_tick_lots_max and tick_lots > ins.notional_tick_lots_max:
        return Fault(Reason.NOTIONAL_TOO_LARGE, tick_lots, ins.notional_tick_lots_max)
    return None


def fresh(book: Book, now_ns: int) -> Fault | None:
    if book.reference_ticks == 0:
        return Fault(Reason.NO_REFERENCE_PRICE, ABSENT, book.limits.reference_age_ns)
    age_ns = now_ns - book.reference_ns
    if age_ns > book.limits.reference_age_ns:
        return Fault(Reason.NO_REFERENCE_PRICE, age_ns, book.limits.reference_age_ns)
    return None


def value_ticks(order: Order, book: Book) -> int:
    if order.order_type is OrderType.LIMIT:
        return order.price_ticks
    if waits(order):
        trigger = fires_at(order, book)
        if order.side is Side.SELL:
            return max(trigger, order.price_ticks, book.reference_ticks, 1)
        return order.price_ticks or max(trigger + down(ppm(trigger, book.limits.price_collar_ppm)), 1)
    width = down(ppm(book.reference_ticks, book.limits.price_collar_ppm))
    return book.reference_ticks + width if order.side is Side.BUY else max(book.reference_ticks - width, 1)


def price(order: Order, book: Book, ticks: int, valued_ticks: int) -> Fault | None:
    ins, limits, reference, lots = book.instrument, book.limits, book.reference_ticks, order.quantity_lots
    if lots * valued_ticks > INT64_MAX:
        return Fault(Reason.NUMBER_OVERFLOW, lots, INT64_MAX // valued_ticks)
    if order.order_type is OrderType.MARKET:
        fault = venue_notional(ins, lots * reference, minimum_applies=ins.market_notional_min_applies)
        if fault:
            return fault
    if lots * valued_ticks > limits.order_notional_tick_lots:
        return Fault(Reason.ORDER_NOTIONAL, lots * valued_ticks, limits.order_notional_tick_lots)
    if order.order_type is not OrderType.LIMIT:
        return window(order, book, reference) if order.order_type is OrderType.MARKET else None
    is_buy = order.side is Side.BUY
    up_ppm, down_ppm = (ins.bid_up_ppm, ins.bid_down_ppm) if is_buy else (ins.ask_up_ppm, ins.ask_down_ppm)
    if up_ppm and ticks > ppm(reference, up_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, down(ppm(reference, up_ppm)))
    if down_ppm and ticks < ppm(reference, down_ppm):
        return Fault(Reason.PRICE_OUTSIDE_VENUE_BAND, ticks, up(ppm(reference, down_ppm)))
    width = down(ppm(reference, limits.price_collar_ppm))
    if abs(ticks - reference) > width:
        return Fault(Reason.PRICE_COLLAR, ticks, reference + width if ticks > reference else reference - width)
    return window(order, book, ticks)


def window(order: Order, book: Book, ticks: int) -> Fault | None:
    width_ppm = book.limits.window_collar_ppm
    if order.side is Side.BUY:
        most = book.low_ticks + down(ppm(book.low_ticks, width_ppm))
        return Fault(Reason.PRICE_COLLAR_WINDOW, ticks, most) if ticks > most else None
    least = book.high_ticks - down(ppm(book.high_ticks, width_ppm))
    return Fault(Reason.PRICE_COLLAR_WINDOW, ticks, least) if ticks < least else None
