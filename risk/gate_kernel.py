"""The gate's kernels: every pre-trade check and every booking, on one flat int64 array.

    state:  | account header | instrument 0 | instrument 1 | ... | asset 0 | asset 1 | ... |

``risk/gate.py`` owns the array; ``risk/gate_reference.py`` is the readable twin that these kernels must equal.
Nothing here can wrap: prices are at most ``TICKS_MAX``, quantities ``LOTS_MAX``, factors ``PPM_MAX``, and each product
or sum that those bounds do not already keep inside 64 bits is checked before it is made.

Funds are exact although they are kept per asset: an instrument's open buys are one sum of tick_lots, its open
sells one sum of lots, and an asset is charged the rounded-up worth of the sum after an order less that before it.
"""

from numba import njit
from numpy import int64
from numpy.typing import NDArray

from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS
from risk.latch_kernel import latch_mode
from risk.latch_layout import ANY

__all__ = [
    "ABSENT",
    "ACCOUNT_INDEX",
    "ASK_DOWN_PPM",
    "ASK_UP_PPM",
    "ASSET_CELLS",
    "BASE_AT",
    "BASE_DEN",
    "BASE_NUM",
    "BID_DOWN_PPM",
    "BID_UP_PPM",
    "COLLAR_PPM",
    "DEFINED",
    "FIRST_STATE_CELL",
    "FUNDS_KNOWN",
    "FUNDS_RESERVED",
    "FUNDS_TOTAL",
    "HAS_LEASE",
    "HEADER_CELLS",
    "INSTRUMENTS",
    "INSTRUMENT_CELLS",
    "INSTRUMENT_OPEN_ORDERS",
    "LAST_STATE_CELL",
    "LEASE_EPOCH",
    "LEASE_EXPIRES_NS",
    "LIMIT",
    "LONG_LIMIT",
    "LOTS_MAX",
    "MARKET_NOTIONAL_MIN_APPLIES",
    "MARKET_QUANTITY_MAX",
    "NOTIONAL_MAX",
    "NOTIONAL_MIN",
    "OBSERVED",
    "OPEN_BUY_LOTS",
    "OPEN_BUY_TICK_LOTS",
    "OPEN_ORDERS",
    "OPEN_ORDERS_LIMIT",
    "OPEN_SELL_LOTS",
    "ORDER_NOTIONAL_LIMIT",
    "ORDER_QUANTITY_LIMIT",
    "POSITION",
    "POSITION_MAX",
    "PPM_MAX",
    "PRICE_MAX",
    "PRICE_MIN",
    "QUANTITY_MAX",
    "QUANTITY_MIN",
    "QUOTE_AT",
    "QUOTE_DEN",
    "QUOTE_NUM",
    "RATE_AT_NS",
    "RATE_CAPACITY",
    "RATE_PER_SECOND",
    "RATE_TOKENS",
    "REFERENCE_AGE_NS",
    "REFERENCE_NS",
    "REFERENCE_TICKS",
    "SHORT_LIMIT",
    "TICKS_MAX",
    "VENUE_INDEX",
    "VENUE_OPEN_ORDERS_MAX",
    "State",
    "check",
    "fill",
    "refund_token",
    "release",
    "reserve",
]

State = NDArray[int64]

# fmt: off
#: Bounds that keep the arithmetic inside 64 bits; far beyond any market, so that reaching one is an error.
TICKS_MAX, LOTS_MAX, PPM_MAX, POSITION_MAX = 2**52, 2**60, 10**9, 2**61

# -- the account header ----------------------------------------------------------------------------------------
(VENUE_INDEX, HAS_LEASE, LEASE_EPOCH, LEASE_EXPIRES_NS, OPEN_ORDERS, OPEN_ORDERS_LIMIT, RATE_PER_SECOND, RATE_CAPACITY,
 RATE_TOKENS, RATE_AT_NS, INSTRUMENTS, OBSERVED, LIMIT, ACCOUNT_INDEX) = range(14)
HEADER_CELLS = 16

# -- one instrument's row --------------------------------------------------------------------------------------
(DEFINED, PRICE_MIN, PRICE_MAX, QUANTITY_MIN, QUANTITY_MAX, MARKET_QUANTITY_MAX, NOTIONAL_MIN, NOTIONAL_MAX,
 MARKET_NOTIONAL_MIN_APPLIES, VENUE_OPEN_ORDERS_MAX, BID_UP_PPM, BID_DOWN_PPM, ASK_UP_PPM, ASK_DOWN_PPM,
 ORDER_QUANTITY_LIMIT, ORDER_NOTIONAL_LIMIT, LONG_LIMIT, SHORT_LIMIT, COLLAR_PPM, REFERENCE_AGE_NS,
 REFERENCE_TICKS, REFERENCE_NS, POSITION, OPEN_BUY_LOTS, OPEN_SELL_LOTS, OPEN_BUY_TICK_LOTS, INSTRUMENT_OPEN_ORDERS,
 BASE_AT, QUOTE_AT, BASE_NUM, BASE_DEN, QUOTE_NUM, QUOTE_DEN) = range(33)
INSTRUMENT_CELLS = 40
#: Cells of a row that ``define`` leaves alone: what has happened, not what is allowed.
FIRST_STATE_CELL, LAST_STATE_CELL = REFERENCE_TICKS, INSTRUMENT_OPEN_ORDERS

# -- one asset's row -------------------------------------------------------------------------------------------
(FUNDS_KNOWN, FUNDS_TOTAL, FUNDS_RESERVED) = range(3)
ASSET_CELLS = 4

_BUY, _SELL = Side.BUY.value, Side.SELL.value
_MARKET, _LIMIT = OrderType.MARKET.value, OrderType.LIMIT.value
_GTC, _IOC, _FOK = TimeInForce.GTC.value, TimeInForce.IOC.value, TimeInForce.FOK.value

_UNKNOWN_INSTRUMENT, _BAD_SIDE = Reason.UNKNOWN_INSTRUMENT.value, Reason.BAD_SIDE.value
_BAD_ORDER_TYPE, _BAD_TIME_IN_FORCE = Reason.BAD_ORDER_TYPE.value, Reason.BAD_TIME_IN_FORCE.value
_BAD_PRICE, _PRICE_OUT_OF_RANGE = Reason.BAD_PRICE.value, Reason.PRICE_OUT_OF_RANGE.value
_BAD_QUANTITY, _QUANTITY_OUT_OF_RANGE = Reason.BAD_QUANTITY.value, Reason.QUANTITY_OUT_OF_RANGE.value
_NOTIONAL_TOO_SMALL, _NOTIONAL_TOO_LARGE = Reason.NOTIONAL_TOO_SMALL.value, Reason.NOTIONAL_TOO_LARGE.value
_NUMBER_OVERFLOW, _OPEN_ORDERS_AT_VENUE = Reason.NUMBER_OVERFLOW.value, Reason.OPEN_ORDERS_AT_VENUE.value
_INSUFFICIENT_FUNDS, _VENUE_BAND = Reason.INSUFFICIENT_FUNDS.value, Reason.PRICE_OUTSIDE_VENUE_BAND.value
_HALTED, _LEASE_EXPIRED, _NO_LEASE = Reason.HALTED.value, Reason.LEASE_EXPIRED.value, Reason.NO_LEASE.value
_ORDER_QUANTITY, _ORDER_NOTIONAL = Reason.ORDER_QUANTITY.value, Reason.ORDER_NOTIONAL.value
_PRICE_COLLAR, _NO_REFERENCE_PRICE = Reason.PRICE_COLLAR.value, Reason.NO_REFERENCE_PRICE.value
_OPEN_ORDERS, _ORDER_RATE = Reason.OPEN_ORDERS.value, Reason.ORDER_RATE.value
_LONG_POSITION, _SHORT_POSITION = Reason.LONG_POSITION.value, Reason.SHORT_POSITION.value
# fmt: on

_MILLION = 1_000_000
#: Stands for "there is none" in OBSERVED and LIMIT.
ABSENT = -1


@njit(cache=True, nogil=True)
def check(
    state: State,
    words: State,
    instrument_id: int,
    side: int,
    order_type: int,
    time_in_force: int,
    post_only: int,
    quantity_lots: int,
    price_ticks: int,
    now_ns: int,
) -> int:
    """Check one order and, when it passes, reserve it.

    Returns the price in ticks at which it was valued (always positive), or a negated ``Reason`` with the observed
    value and the limit in ``state[OBSERVED]`` and ``state[LIMIT]``; a refusal changes nothing else.
    """
    if instrument_id < 0 or instrument_id >= state[INSTRUMENTS]:
        return _refuse(state, _UNKNOWN_INSTRUMENT, instrument_id, ABSENT)
    at = HEADER_CELLS + INSTRUMENT_CELLS * instrument_id
    if state[at + DEFINED] != 1:
        return _refuse(state, _UNKNOWN_INSTRUMENT, instrument_id, ABSENT)
    fault = _shape(state, side, order_type, time_in_force, post_only)
    if fault == 0:
        fault = _numbers(state, at, order_type, quantity_lots, price_ticks)
    if fault == 0:
        fault = _authority(state, words, now_ns)
    if fault == 0:
        fault = _reference(state, at, quantity_lots, now_ns)
    if fault != 0:
        return fault
    value_ticks = price_ticks
    if order_type == _MARKET:
        value_ticks = _collar_ticks(state, at, side)
    fault = _price(state, at, side, order_type, quantity_lots, value_ticks)
    if fault == 0:
        fault = _counts(state, at, now_ns)
    if fault == 0:
        fault = _position(state, at, side, quantity_lots)
    if fault == 0:
        fault = _funds(state, at, side, quantity_lots, value_ticks)
    if fault != 0:
        return fault
    state[RATE_TOKENS] = _tokens(state, now_ns) - NANOS
    state[RATE_AT_NS] = max(now_ns, state[RATE_AT_NS])
    _add_open(state, at, side, quantity_lots, value_ticks, 1)
    return value_ticks


@njit(cache=True, nogil=True)
def reserve(state: State, instrument_id: int, side: int, quantity_lots: int, value_ticks: int) -> int:
    """Reserve without checks. Returns 0, or -NUMBER_OVERFLOW with nothing changed."""
    at = HEADER_CELLS + INSTRUMENT_CELLS * instrument_id
    if quantity_lots > LOTS_MAX or value_ticks > TICKS_MAX or quantity_lots > INT64_MAX // max(value_ticks, 1):
        return -_NUMBER_OVERFLOW
    open_lots = state[at + OPEN_BUY_LOTS] if side == _BUY else state[at + OPEN_SELL_LOTS]
    if open_lots > POSITION_MAX - quantity_lots:
        return -_NUMBER_OVERFLOW
    need = _need(state, at, side, quantity_lots, value_ticks)
    asset = state[at + QUOTE_AT] if side == _BUY else state[at + BASE_AT]
    if need < 0 or state[asset + FUNDS_RESERVED] > INT64_MAX - need:
        return -_NUMBER_OVERFLOW
    _add_open(state, at, side, quantity_lots, value_ticks, 1)
    return 0


@njit(cache=True, nogil=True)
def release(state: State, instrument_id: int, side: int, lots: int, value_ticks: int, orders: int) -> None:
    """Give back ``lots`` of an order's reservation, and ``orders`` (0 or 1) open orders."""
    _add_open(state, HEADER_CELLS + INSTRUMENT_CELLS * instrument_id, side, -lots, value_ticks, -orders)


@njit(cache=True, nogil=True)
def refund_token(state: State) -> None:
    """Give back the rate token of an order that was approved and then not sent."""
    state[RATE_TOKENS] = min(state[RATE_TOKENS] + NANOS, state[RATE_CAPACITY])


@njit(cache=True, nogil=True)
def fill(
    state: State, instrument_id: int, side: int, reserved_lots: int, value_ticks: int, last_lots: int, last_ticks: int
) -> None:
    """Book an execution: ``reserved_lots`` of it leave the reservation, all of it enters position and funds.

    Numbers that no market has saturate, always to the side that allows less.
    """
    at = HEADER_CELLS + INSTRUMENT_CELLS * instrument_id
    _add_open(state, at, side, -reserved_lots, value_ticks, 0)
    paid = INT64_MAX
    if last_lots <= INT64_MAX // max(last_ticks, 1):
        paid = last_lots * last_ticks
    position = state[at + POSITION]
    quote, base = state[at + QUOTE_AT], state[at + BASE_AT]
    if side == _BUY:
        state[at + POSITION] = min(position + last_lots, POSITION_MAX)
        _add_funds(state, quote, -_worth_up(paid, state[at + QUOTE_NUM], state[at + QUOTE_DEN]))
        _add_funds(state, base, _worth_down(last_lots, state[at + BASE_NUM], state[at + BASE_DEN]))
    else:
        state[at + POSITION] = max(position - last_lots, -POSITION_MAX)
        _add_funds(state, base, -_worth_up(last_lots, state[at + BASE_NUM], state[at + BASE_DEN]))
        _add_funds(state, quote, _worth_down(paid, state[at + QUOTE_NUM], state[at + QUOTE_DEN]))


# -- checks: each returns 0 or a negated Reason -----------------------------------------------------------------


@njit(cache=True, nogil=True)
def _refuse(state: State, reason: int, observed: int, limit: int) -> int:
    state[OBSERVED] = observed
    state[LIMIT] = limit
    return -reason


@njit(cache=True, nogil=True)
def _shape(state: State, side: int, order_type: int, time_in_force: int, post_only: int) -> int:
    if side not in (_BUY, _SELL):
        return _refuse(state, _BAD_SIDE, side, ABSENT)
    if order_type not in (_MARKET, _LIMIT):
        return _refuse(state, _BAD_ORDER_TYPE, order_type, ABSENT)
    if time_in_force not in (_GTC, _IOC, _FOK):
        return _refuse(state, _BAD_TIME_IN_FORCE, time_in_force, ABSENT)
    if post_only not in (0, 1) or (post_only == 1 and order_type == _MARKET):
        return _refuse(state, _BAD_ORDER_TYPE, order_type, ABSENT)
    if (post_only == 1 and time_in_force != _GTC) or (order_type == _MARKET and time_in_force == _FOK):
        return _refuse(state, _BAD_TIME_IN_FORCE, time_in_force, ABSENT)
    return 0


@njit(cache=True, nogil=True)
def _numbers(state: State, at: int, order_type: int, lots: int, ticks: int) -> int:
    if lots <= 0:
        return _refuse(state, _BAD_QUANTITY, lots, max(state[at + QUANTITY_MIN], 1))
    if lots > LOTS_MAX:
        return _refuse(state, _NUMBER_OVERFLOW, lots, LOTS_MAX)
    most = state[at + QUANTITY_MAX]
    if order_type == _MARKET:
        most = min(most, state[at + MARKET_QUANTITY_MAX])
    if lots < state[at + QUANTITY_MIN]:
        return _refuse(state, _QUANTITY_OUT_OF_RANGE, lots, state[at + QUANTITY_MIN])
    if lots > most:
        return _refuse(state, _QUANTITY_OUT_OF_RANGE, lots, most)
    if order_type == _MARKET:
        return _refuse(state, _BAD_PRICE, ticks, 0) if ticks != 0 else 0
    if ticks <= 0:
        return _refuse(state, _BAD_PRICE, ticks, max(state[at + PRICE_MIN], 1))
    if ticks > TICKS_MAX:
        return _refuse(state, _NUMBER_OVERFLOW, ticks, TICKS_MAX)
    if ticks < state[at + PRICE_MIN]:
        return _refuse(state, _PRICE_OUT_OF_RANGE, ticks, state[at + PRICE_MIN])
    if ticks > state[at + PRICE_MAX]:
        return _refuse(state, _PRICE_OUT_OF_RANGE, ticks, state[at + PRICE_MAX])
    if lots > INT64_MAX // ticks:
        return _refuse(state, _NUMBER_OVERFLOW, lots, INT64_MAX // ticks)
    return _venue_notional(state, at, lots * ticks, 1)


@njit(cache=True, nogil=True)
def _venue_notional(state: State, at: int, tick_lots: int, minimum_applies: int) -> int:
    if minimum_applies == 1 and tick_lots < state[at + NOTIONAL_MIN]:
        return _refuse(state, _NOTIONAL_TOO_SMALL, tick_lots, state[at + NOTIONAL_MIN])
    if tick_lots > state[at + NOTIONAL_MAX]:
        return _refuse(state, _NOTIONAL_TOO_LARGE, tick_lots, state[at + NOTIONAL_MAX])
    return 0


@njit(cache=True, nogil=True)
def _authority(state: State, words: State, now_ns: int) -> int:
    if latch_mode(words, state[VENUE_INDEX], state[ACCOUNT_INDEX], ANY, ANY) != 0:
        return _refuse(state, _HALTED, ABSENT, ABSENT)
    if state[HAS_LEASE] != 1:
        return _refuse(state, _NO_LEASE, ABSENT, ABSENT)
    if now_ns >= state[LEASE_EXPIRES_NS]:
        return _refuse(state, _LEASE_EXPIRED, now_ns, state[LEASE_EXPIRES_NS])
    return 0


@njit(cache=True, nogil=True)
def _reference(state: State, at: int, lots: int, now_ns: int) -> int:
    """Own size limit, and whether there is a fresh reference price for all that follows."""
    if lots > state[at + ORDER_QUANTITY_LIMIT]:
        return _refuse(state, _ORDER_QUANTITY, lots, state[at + ORDER_QUANTITY_LIMIT])
    if state[at + REFERENCE_TICKS] <= 0:
        return _refuse(state, _NO_REFERENCE_PRICE, ABSENT, state[at + REFERENCE_AGE_NS])
    age_ns = now_ns - state[at + REFERENCE_NS]
    if age_ns > state[at + REFERENCE_AGE_NS]:
        return _refuse(state, _NO_REFERENCE_PRICE, age_ns, state[at + REFERENCE_AGE_NS])
    return 0


@njit(cache=True, nogil=True)
def _price(state: State, at: int, side: int, order_type: int, lots: int, value_ticks: int) -> int:
    reference = state[at + REFERENCE_TICKS]
    # The dearest that the order can trade at for certain counts: a sell priced below the market fills at the market.
    notional_ticks = value_ticks if side == _BUY else max(value_ticks, reference)
    if lots > INT64_MAX // notional_ticks:
        return _refuse(state, _NUMBER_OVERFLOW, lots, INT64_MAX // notional_ticks)
    if order_type == _MARKET:
        # The venue values a market order at its own average price, to which our reference is the nearest.
        fault = _venue_notional(state, at, lots * reference, state[at + MARKET_NOTIONAL_MIN_APPLIES])
        if fault != 0:
            return fault
    if lots * notional_ticks > state[at + ORDER_NOTIONAL_LIMIT]:
        return _refuse(state, _ORDER_NOTIONAL, lots * notional_ticks, state[at + ORDER_NOTIONAL_LIMIT])
    if order_type == _MARKET:
        return 0
    up_ppm = state[at + BID_UP_PPM] if side == _BUY else state[at + ASK_UP_PPM]
    down_ppm = state[at + BID_DOWN_PPM] if side == _BUY else state[at + ASK_DOWN_PPM]
    if up_ppm != 0 and value_ticks > _part(reference, up_ppm):
        return _refuse(state, _VENUE_BAND, value_ticks, _part(reference, up_ppm))
    if down_ppm != 0 and value_ticks < _part_up(reference, down_ppm):
        return _refuse(state, _VENUE_BAND, value_ticks, _part_up(reference, down_ppm))
    width = _part(reference, state[at + COLLAR_PPM])
    if value_ticks > reference + width:
        return _refuse(state, _PRICE_COLLAR, value_ticks, reference + width)
    if value_ticks < reference - width:
        return _refuse(state, _PRICE_COLLAR, value_ticks, reference - width)
    return 0


@njit(cache=True, nogil=True)
def _counts(state: State, at: int, now_ns: int) -> int:
    if state[OPEN_ORDERS] >= state[OPEN_ORDERS_LIMIT]:
        return _refuse(state, _OPEN_ORDERS, state[OPEN_ORDERS], state[OPEN_ORDERS_LIMIT])
    if state[at + INSTRUMENT_OPEN_ORDERS] >= state[at + VENUE_OPEN_ORDERS_MAX]:
        return _refuse(
            state, _OPEN_ORDERS_AT_VENUE, state[at + INSTRUMENT_OPEN_ORDERS], state[at + VENUE_OPEN_ORDERS_MAX]
        )
    tokens = _tokens(state, now_ns)
    if tokens < NANOS:
        return _refuse(state, _ORDER_RATE, tokens, state[RATE_PER_SECOND])
    return 0


@njit(cache=True, nogil=True)
def _position(state: State, at: int, side: int, lots: int) -> int:
    """The worst case with everything in flight; POSITION_MAX keeps the sums inside 64 bits."""
    if side == _BUY:
        worst = state[at + POSITION] + state[at + OPEN_BUY_LOTS] + lots
        return _refuse(state, _LONG_POSITION, worst, state[at + LONG_LIMIT]) if worst > state[at + LONG_LIMIT] else 0
    worst = state[at + POSITION] - state[at + OPEN_SELL_LOTS] - lots
    if worst < -state[at + SHORT_LIMIT]:
        return _refuse(state, _SHORT_POSITION, worst, -state[at + SHORT_LIMIT])
    return 0


@njit(cache=True, nogil=True)
def _funds(state: State, at: int, side: int, lots: int, value_ticks: int) -> int:
    asset = state[at + QUOTE_AT] if side == _BUY else state[at + BASE_AT]
    need = _need(state, at, side, lots, value_ticks)
    if need < 0:
        return _refuse(state, _NUMBER_OVERFLOW, lots, ABSENT)
    if state[asset + FUNDS_KNOWN] != 1:
        return _refuse(state, _INSUFFICIENT_FUNDS, need, ABSENT)
    available = 0
    if state[asset + FUNDS_TOTAL] > state[asset + FUNDS_RESERVED]:
        available = state[asset + FUNDS_TOTAL] - state[asset + FUNDS_RESERVED]
    return _refuse(state, _INSUFFICIENT_FUNDS, need, available) if need > available else 0


# -- arithmetic -------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _part(value: int, ppm: int) -> int:
    """``value * ppm / 1e6`` rounded down, for ``value <= TICKS_MAX`` and ``ppm <= PPM_MAX``, without a wide product."""
    whole, rest = value // _MILLION, value % _MILLION
    return whole * ppm + rest * ppm // _MILLION


@njit(cache=True, nogil=True)
def _part_up(value: int, ppm: int) -> int:
    return (value // _MILLION) * ppm + ((value % _MILLION) * ppm + _MILLION - 1) // _MILLION


@njit(cache=True, nogil=True)
def _collar_ticks(state: State, at: int, side: int) -> int:
    """What a market order is valued at: the far edge of its collar."""
    reference: int = state[at + REFERENCE_TICKS]
    width = _part(reference, state[at + COLLAR_PPM])
    return reference + width if side == _BUY else max(reference - width, 1)


@njit(cache=True, nogil=True)
def _tokens(state: State, now_ns: int) -> int:
    """The rate bucket now, in billionths of an order. A clock that stepped back refills nothing."""
    rate, capacity = state[RATE_PER_SECOND], state[RATE_CAPACITY]
    if rate == 0:
        return 0
    elapsed_ns = min(max(now_ns - state[RATE_AT_NS], 0), capacity // rate + 1)
    tokens: int = min(state[RATE_TOKENS] + elapsed_ns * rate, capacity)
    return tokens


@njit(cache=True, nogil=True)
def _worth_up(amount: int, num: int, den: int) -> int:
    """``amount * num / den`` rounded up; INT64_MAX when it does not fit."""
    if amount // den > (INT64_MAX - num) // num:
        return INT64_MAX
    return (amount // den) * num + (amount % den * num + den - 1) // den


@njit(cache=True, nogil=True)
def _worth_down(amount: int, num: int, den: int) -> int:
    """``amount * num / den`` rounded down; 0 when it does not fit: what is received must never be overstated."""
    if amount // den > (INT64_MAX - num) // num:
        return 0
    return (amount // den) * num + amount % den * num // den


@njit(cache=True, nogil=True)
def _need(state: State, at: int, side: int, lots: int, value_ticks: int) -> int:
    """What an order adds to its asset's reservation, in billionths; -1 when a sum does not fit."""
    if side == _BUY:
        before, more = state[at + OPEN_BUY_TICK_LOTS], lots * value_ticks
        num, den = state[at + QUOTE_NUM], state[at + QUOTE_DEN]
    else:
        before, more = state[at + OPEN_SELL_LOTS], lots
        num, den = state[at + BASE_NUM], state[at + BASE_DEN]
    if more > INT64_MAX - before:
        return -1
    after_worth = _worth_up(before + more, num, den)
    return -1 if after_worth == INT64_MAX else after_worth - _worth_up(before, num, den)


# -- bookings ---------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _add_open(state: State, at: int, side: int, lots: int, value_ticks: int, orders: int) -> None:
    """Move an instrument's open quantity, its assets' reservations and the order counts by signed amounts."""
    state[OPEN_ORDERS] += orders
    state[at + INSTRUMENT_OPEN_ORDERS] += orders
    if side == _BUY:
        num, den, asset = state[at + QUOTE_NUM], state[at + QUOTE_DEN], state[at + QUOTE_AT]
        before = state[at + OPEN_BUY_TICK_LOTS]
        after = before + lots * value_ticks
        state[at + OPEN_BUY_LOTS] += lots
        state[at + OPEN_BUY_TICK_LOTS] = after
    else:
        num, den, asset = state[at + BASE_NUM], state[at + BASE_DEN], state[at + BASE_AT]
        before = state[at + OPEN_SELL_LOTS]
        after = before + lots
        state[at + OPEN_SELL_LOTS] = after
    state[asset + FUNDS_RESERVED] += _worth_up(after, num, den) - _worth_up(before, num, den)


@njit(cache=True, nogil=True)
def _add_funds(state: State, asset: int, nanos: int) -> None:
    total = state[asset + FUNDS_TOTAL]
    if nanos > 0:
        total += min(nanos, INT64_MAX - max(total, 0))
    else:
        total = max(total + nanos, -POSITION_MAX) if total >= 0 or nanos > -POSITION_MAX else -POSITION_MAX
    state[asset + FUNDS_TOTAL] = total
