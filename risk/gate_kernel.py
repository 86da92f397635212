"""The gate's checks, as kernels on its flat state: every pre-trade check of one order, and the look before the write.

``risk/gate.py`` owns the state, ``risk/gate_state.py`` is its layout, ``risk/gate_books.py`` books what happens, and
``risk/gate_reference.py`` is the readable twin that these kernels must equal.

A check that fails leaves the observed value and the limit in ``state[OBSERVED]`` and ``state[LIMIT]``. What an approval
will store is kept beside them on the way, so that nothing is computed twice. On the way of an approved order there is
no division, unless a factor of the instrument has a denominator.

Funds are exact although they are kept per asset: an instrument's open buys are one sum of tick_lots, its open
sells one sum of lots, and an asset is charged the rounded-up worth of the sum after an order less that before it.
"""

from engine.codes import KillMode, OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS
from engine.kernel import inlined, kernel
from risk import gate_state as g
from risk.gate_books import contribution, micros, order_way, part, scaled_up, tokens
from risk.gate_state import State
from risk.latch_kernel import latch_mode

__all__ = ["check", "may_send", "room_to_reduce"]

# fmt: off
_BUY, _SELL = Side.BUY.value, Side.SELL.value
_MARKET, _LIMIT = OrderType.MARKET.value, OrderType.LIMIT.value
_GTC, _IOC, _FOK = TimeInForce.GTC.value, TimeInForce.IOC.value, TimeInForce.FOK.value
_GTD, _VALUED = TimeInForce.GTD.value, g.VALUED
_REDUCE, _FLATTEN = KillMode.REDUCE.rank, KillMode.FLATTEN.rank

_UNKNOWN_INSTRUMENT, _BAD_SIDE = Reason.UNKNOWN_INSTRUMENT.value, Reason.BAD_SIDE.value
_BAD_ORDER_TYPE, _BAD_TIME_IN_FORCE = Reason.BAD_ORDER_TYPE.value, Reason.BAD_TIME_IN_FORCE.value
_BAD_PRICE, _PRICE_OUT_OF_RANGE = Reason.BAD_PRICE.value, Reason.PRICE_OUT_OF_RANGE.value
_BAD_QUANTITY, _QUANTITY_OUT_OF_RANGE = Reason.BAD_QUANTITY.value, Reason.QUANTITY_OUT_OF_RANGE.value
_NOTIONAL_TOO_SMALL, _NOTIONAL_TOO_LARGE = Reason.NOTIONAL_TOO_SMALL.value, Reason.NOTIONAL_TOO_LARGE.value
_NUMBER_OVERFLOW, _OPEN_ORDERS_AT_VENUE = Reason.NUMBER_OVERFLOW.value, Reason.OPEN_ORDERS_AT_VENUE.value
_INSUFFICIENT_FUNDS, _VENUE_BAND = Reason.INSUFFICIENT_FUNDS.value, Reason.PRICE_OUTSIDE_VENUE_BAND.value
_HALTED, _LEASE_EXPIRED, _NO_LEASE = Reason.HALTED.value, Reason.LEASE_EXPIRED.value, Reason.NO_LEASE.value
_WRONG_STRATEGY, _REDUCE_ONLY = Reason.WRONG_STRATEGY.value, Reason.REDUCE_ONLY.value
_ORDER_QUANTITY, _ORDER_NOTIONAL = Reason.ORDER_QUANTITY.value, Reason.ORDER_NOTIONAL.value
_PRICE_COLLAR, _PRICE_COLLAR_WINDOW = Reason.PRICE_COLLAR.value, Reason.PRICE_COLLAR_WINDOW.value
_NO_REFERENCE_PRICE, _DUPLICATE_ORDER = Reason.NO_REFERENCE_PRICE.value, Reason.DUPLICATE_ORDER.value
_OPEN_ORDERS, _ORDER_RATE, _REPLACE_RATE = Reason.OPEN_ORDERS.value, Reason.ORDER_RATE.value, Reason.REPLACE_RATE.value
_ORDER_TO_TRADE, _EXECUTION_THROTTLE = Reason.ORDER_TO_TRADE.value, Reason.EXECUTION_THROTTLE.value
_LONG_POSITION, _SHORT_POSITION = Reason.LONG_POSITION.value, Reason.SHORT_POSITION.value
_ASSET_LONG, _ASSET_SHORT = Reason.ASSET_LONG.value, Reason.ASSET_SHORT.value
_GROSS_NOTIONAL, _NET_NOTIONAL = Reason.GROSS_NOTIONAL.value, Reason.NET_NOTIONAL.value
_CONCENTRATION, _DAILY_LOSS, _DRAWDOWN = Reason.CONCENTRATION.value, Reason.DAILY_LOSS.value, Reason.DRAWDOWN.value
_STRATEGY_RATE, _STRATEGY_POSITION = Reason.STRATEGY_RATE.value, Reason.STRATEGY_POSITION.value
_STRATEGY_NOTIONAL = Reason.STRATEGY_NOTIONAL.value
# fmt: on

_MILLION = 1_000_000
_SMALL = 2**31


@kernel
def check(
    state: State, words: State, code: int, strategy_at: int, instrument_id: int, lots: int, ticks: int, now_ns: int
) -> int:
    """Check one order and, when it passes, reserve it.

    ``code`` packs the order's enumerations and flags, ``strategy_at`` is where its strategy's row begins (0: it has
    none), ``ticks`` its price or 0. Returns the price at which it was valued (always positive), or a negated
    ``Reason``; a refusal changes nothing but what a check leaves behind.
    """
    if instrument_id < 0 or instrument_id >= state[g.INSTRUMENTS]:
        return _refuse(state, _UNKNOWN_INSTRUMENT, instrument_id, g.ABSENT)
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    if state[at + g.DEFINED] != 1:
        return _refuse(state, _UNKNOWN_INSTRUMENT, instrument_id, g.ABSENT)
    side, order_type, is_closing = code & g.SIDE_BITS, (code >> g.TYPE_SHIFT) & 3, code & g.CLOSING_FLAG
    fault = _shape(state, code, side, order_type)
    if fault == 0:
        fault = _numbers(state, at, order_type, lots, ticks)
    if fault == 0 and strategy_at <= 0:
        fault = _refuse(state, _WRONG_STRATEGY, g.ABSENT, g.ABSENT)
    if fault != 0:
        return fault
    pair = strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id
    fault = _authority(state, words, at, strategy_at, pair, side, is_closing, lots, now_ns)
    if fault == 0 and is_closing == 0:
        fault = _losses(state, at, pair, side, lots)
    if fault == 0:
        fault = _reference(state, at, lots, now_ns)
    if fault != 0:
        return fault
    value_ticks = ticks
    if order_type == _MARKET:
        value_ticks = state[at + g.COLLAR_HIGH] if side == _BUY else max(state[at + g.COLLAR_LOW], 1)
    # The dearest that the order can trade at for certain counts: a sell priced below the market fills at the market.
    notional_ticks = value_ticks if side == _BUY else max(value_ticks, state[at + g.REFERENCE_TICKS])
    fault = _price(state, at, side, order_type, lots, value_ticks, notional_ticks)
    if fault == 0:
        fault = _counts(state, at, code, strategy_at, is_closing, now_ns)
    if fault == 0:
        fault = _repeats(state, strategy_at, instrument_id, side, lots, ticks, now_ns)
    if fault == 0:
        fault = _position(state, at, side, lots)
    if fault == 0:
        fault = _funds(state, at, side, lots, lots * notional_ticks)
    if fault == 0:
        fault = _notional(state, at, side, lots * notional_ticks)
    if fault == 0:
        fault = _strategy(state, at, strategy_at, pair, side, lots * notional_ticks, is_closing)
    if fault != 0:
        return fault
    _approve(state, at, code, strategy_at, pair, side, lots, notional_ticks, now_ns)
    return notional_ticks


@kernel
def may_send(state: State, words: State, code: int, strategy_at: int, instrument_id: int, now_ns: int) -> int:
    """The second look, at an order that is reserved: 0, or the ``Reason`` why latch or lease forbid it now."""
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    pair = strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id
    side = code & g.SIDE_BITS
    return -_authority(state, words, at, strategy_at, pair, side, code & g.CLOSING_FLAG, 0, now_ns)


@inlined
def room_to_reduce(state: State, at: int, pair: int, side: int, is_closing: int) -> int:
    """How much of a side provably shrinks the position whatever else fills, of the account and the strategy: up to
    the position less what may already be sold of it. Negative: more may be sold than there is.

    A closing order answers for the account alone: it closes what no strategy may be left to close.
    """
    if side == _SELL:
        room: int = state[at + g.POSITION] - state[at + g.OPEN_SELL_LOTS]
        own: int = state[pair + g.PAIR_POSITION] - state[pair + g.PAIR_OPEN_SELL_LOTS]
    else:
        room = -state[at + g.POSITION] - state[at + g.OPEN_BUY_LOTS]
        own = -state[pair + g.PAIR_POSITION] - state[pair + g.PAIR_OPEN_BUY_LOTS]
    return room if is_closing != 0 else min(room, own)


# -- checks: each returns 0 or a negated Reason -----------------------------------------------------------------


@inlined
def _refuse(state: State, reason: int, observed: int, limit: int) -> int:
    state[g.OBSERVED] = observed
    state[g.LIMIT] = limit
    return -reason


@inlined
def _shape(state: State, code: int, side: int, order_type: int) -> int:
    time_in_force, post_only = (code >> g.TIF_SHIFT) & 7, (code >> g.POST_SHIFT) & 3
    if side not in (_BUY, _SELL):
        return _refuse(state, _BAD_SIDE, side, g.ABSENT)
    if order_type not in (_LIMIT, _MARKET, _VALUED):
        return _refuse(state, _BAD_ORDER_TYPE, order_type, g.ABSENT)
    if time_in_force not in (_GTC, _IOC, _FOK, _GTD):
        return _refuse(state, _BAD_TIME_IN_FORCE, time_in_force, g.ABSENT)
    if post_only == 0 and order_type == _LIMIT:
        return 0
    if post_only not in (0, 1) or (post_only == 1 and order_type != _LIMIT):
        return _refuse(state, _BAD_ORDER_TYPE, order_type, g.ABSENT)
    if (post_only == 1 and time_in_force not in (_GTC, _GTD)) or (order_type == _MARKET and time_in_force == _FOK):
        return _refuse(state, _BAD_TIME_IN_FORCE, time_in_force, g.ABSENT)
    return 0


@inlined
def _numbers(state: State, at: int, order_type: int, lots: int, ticks: int) -> int:
    if lots <= 0:
        return _refuse(state, _BAD_QUANTITY, lots, max(state[at + g.QUANTITY_MIN], 1))
    if lots > g.LOTS_MAX:
        return _refuse(state, _NUMBER_OVERFLOW, lots, g.LOTS_MAX)
    most = state[at + g.QUANTITY_MAX]
    if order_type == _MARKET:
        most = min(most, state[at + g.MARKET_QUANTITY_MAX])
    if lots < state[at + g.QUANTITY_MIN]:
        return _refuse(state, _QUANTITY_OUT_OF_RANGE, lots, state[at + g.QUANTITY_MIN])
    if lots > most:
        return _refuse(state, _QUANTITY_OUT_OF_RANGE, lots, most)
    if order_type == _MARKET:
        return _refuse(state, _BAD_PRICE, ticks, 0) if ticks != 0 else 0
    if ticks <= 0:
        return _refuse(state, _BAD_PRICE, ticks, max(state[at + g.PRICE_MIN], 1))
    if ticks > g.TICKS_MAX:
        return _refuse(state, _NUMBER_OVERFLOW, ticks, g.TICKS_MAX)
    # What is valued by its trigger has been held to these already; asked last, so that a limit order pays for nothing.
    if ticks < state[at + g.PRICE_MIN] and order_type != _VALUED:
        return _refuse(state, _PRICE_OUT_OF_RANGE, ticks, state[at + g.PRICE_MIN])
    if ticks > state[at + g.PRICE_MAX] and order_type != _VALUED:
        return _refuse(state, _PRICE_OUT_OF_RANGE, ticks, state[at + g.PRICE_MAX])
    if _overflows(lots, ticks):
        return _refuse(state, _NUMBER_OVERFLOW, lots, INT64_MAX // ticks)
    if order_type == _VALUED:
        return 0
    return _venue_notional(state, at, lots * ticks, 1)


@inlined
def _overflows(lots: int, ticks: int) -> bool:
    """Whether a product of positive numbers leaves 64 bits; division only for what could."""
    return (lots | ticks) >= _SMALL and lots > INT64_MAX // ticks


@inlined
def _venue_notional(state: State, at: int, tick_lots: int, minimum_applies: int) -> int:
    if minimum_applies == 1 and tick_lots < state[at + g.NOTIONAL_MIN]:
        return _refuse(state, _NOTIONAL_TOO_SMALL, tick_lots, state[at + g.NOTIONAL_MIN])
    if tick_lots > state[at + g.NOTIONAL_MAX]:
        return _refuse(state, _NOTIONAL_TOO_LARGE, tick_lots, state[at + g.NOTIONAL_MAX])
    return 0


@inlined
def _authority(
    state: State, words: State, at: int, strategy_at: int, pair: int, side: int, is_closing: int, lots: int, now_ns: int
) -> int:
    """Who may trade now. A closing order is for the kill that wants everything closed, and for no other time; it needs
    the lease like any other."""
    rank = latch_mode(
        words,
        state[g.VENUE_INDEX],
        state[g.ACCOUNT_INDEX],
        state[strategy_at + g.STRATEGY_LATCH_INDEX],
        state[at + g.LATCH_INDEX],
    )
    if is_closing != 0:
        if rank != _FLATTEN:
            return _refuse(state, _HALTED, g.ABSENT, g.ABSENT)
    elif rank > _REDUCE:
        return _refuse(state, _HALTED, g.ABSENT, g.ABSENT)
    if state[g.HAS_LEASE] != 1:
        return _refuse(state, _NO_LEASE, g.ABSENT, g.ABSENT)
    if now_ns >= state[g.LEASE_EXPIRES_NS]:
        return _refuse(state, _LEASE_EXPIRED, now_ns, state[g.LEASE_EXPIRES_NS])
    if rank != 0:
        room = room_to_reduce(state, at, pair, side, is_closing)
        if lots > room:
            return _refuse(state, _REDUCE_ONLY, lots, max(room, 0))
    return 0


@inlined
def _losses(state: State, at: int, pair: int, side: int, lots: int) -> int:
    """After a loss too much, and in an instrument whose strategy fired too often, only what shrinks the position."""
    if state[pair + g.PAIR_THROTTLED] != 0:
        return _refuse(state, _EXECUTION_THROTTLE, g.ABSENT, g.ABSENT)
    loss, drawdown = state[g.DAY_PNL] - state[g.PNL], state[g.PEAK_PNL] - state[g.PNL]
    if loss <= state[g.DAILY_LOSS_LIMIT] and drawdown <= state[g.DRAWDOWN_LIMIT]:
        return 0
    if lots <= room_to_reduce(state, at, pair, side, 0):
        return 0
    if loss > state[g.DAILY_LOSS_LIMIT]:
        return _refuse(state, _DAILY_LOSS, loss, state[g.DAILY_LOSS_LIMIT])
    return _refuse(state, _DRAWDOWN, drawdown, state[g.DRAWDOWN_LIMIT])


@inlined
def _reference(state: State, at: int, lots: int, now_ns: int) -> int:
    """Own size limit, and whether there is a fresh reference price for all that follows."""
    if lots > state[at + g.ORDER_QUANTITY_LIMIT]:
        return _refuse(state, _ORDER_QUANTITY, lots, state[at + g.ORDER_QUANTITY_LIMIT])
    fault = _fresh(state, at, now_ns)
    convert_at = state[at + g.CONVERT_AT]
    if fault == 0 and convert_at != 0:
        return (
            _refuse(state, _NO_REFERENCE_PRICE, g.ABSENT, g.ABSENT)
            if convert_at < 0
            else _fresh(state, convert_at, now_ns)
        )
    return fault


@inlined
def _fresh(state: State, at: int, now_ns: int) -> int:
    if state[at + g.REFERENCE_TICKS] <= 0:
        return _refuse(state, _NO_REFERENCE_PRICE, g.ABSENT, state[at + g.REFERENCE_AGE_NS])
    age_ns = now_ns - state[at + g.REFERENCE_NS]
    if age_ns > state[at + g.REFERENCE_AGE_NS]:
        return _refuse(state, _NO_REFERENCE_PRICE, age_ns, state[at + g.REFERENCE_AGE_NS])
    return 0


@inlined
def _price(state: State, at: int, side: int, order_type: int, lots: int, value_ticks: int, notional_ticks: int) -> int:
    if _overflows(lots, notional_ticks):
        return _refuse(state, _NUMBER_OVERFLOW, lots, INT64_MAX // notional_ticks)
    reference = state[at + g.REFERENCE_TICKS]
    if order_type == _MARKET:
        # The venue values a market order at its own average price, to which our reference is the nearest.
        fault = _venue_notional(state, at, lots * reference, state[at + g.MARKET_NOTIONAL_MIN_APPLIES])
        if fault != 0:
            return fault
    if lots * notional_ticks > state[at + g.ORDER_NOTIONAL_LIMIT]:
        return _refuse(state, _ORDER_NOTIONAL, lots * notional_ticks, state[at + g.ORDER_NOTIONAL_LIMIT])
    if order_type != _LIMIT:
        return _window(state, at, side, reference) if order_type == _MARKET else 0
    if side == _BUY:
        low, high = state[at + g.BID_BAND_LOW], state[at + g.BID_BAND_HIGH]
    else:
        low, high = state[at + g.ASK_BAND_LOW], state[at + g.ASK_BAND_HIGH]
    if value_ticks > high:
        return _refuse(state, _VENUE_BAND, value_ticks, high)
    if value_ticks < low:
        return _refuse(state, _VENUE_BAND, value_ticks, low)
    if value_ticks > state[at + g.COLLAR_HIGH]:
        return _refuse(state, _PRICE_COLLAR, value_ticks, state[at + g.COLLAR_HIGH])
    if value_ticks < state[at + g.COLLAR_LOW]:
        return _refuse(state, _PRICE_COLLAR, value_ticks, state[at + g.COLLAR_LOW])
    return _window(state, at, side, value_ticks)


@inlined
def _window(state: State, at: int, side: int, ticks: int) -> int:
    """A buy not far above the lowest price of the window, a sell not far below the highest: the collar around the
    last quote follows a market that runs away, this one does not."""
    if side == _BUY:
        if ticks > state[at + g.WINDOW_BUY_MAX]:
            return _refuse(state, _PRICE_COLLAR_WINDOW, ticks, state[at + g.WINDOW_BUY_MAX])
    elif ticks < state[at + g.WINDOW_SELL_MIN]:
        return _refuse(state, _PRICE_COLLAR_WINDOW, ticks, state[at + g.WINDOW_SELL_MIN])
    return 0


@inlined
def _counts(state: State, at: int, code: int, strategy_at: int, is_closing: int, now_ns: int) -> int:
    if state[g.OPEN_ORDERS] >= state[g.OPEN_ORDERS_LIMIT]:
        return _refuse(state, _OPEN_ORDERS, state[g.OPEN_ORDERS], state[g.OPEN_ORDERS_LIMIT])
    if state[at + g.INSTRUMENT_OPEN_ORDERS] >= state[at + g.VENUE_OPEN_ORDERS_MAX]:
        return _refuse(
            state, _OPEN_ORDERS_AT_VENUE, state[at + g.INSTRUMENT_OPEN_ORDERS], state[at + g.VENUE_OPEN_ORDERS_MAX]
        )
    bucket, reason = g.ORDER_RATE, _ORDER_RATE
    if code & g.REPLACE_FLAG:
        bucket, reason = g.REPLACE_RATE, _REPLACE_RATE
    left = tokens(state, bucket, now_ns)
    if left < NANOS:
        return _refuse(state, reason, left, state[bucket + g.PER_SECOND])
    state[g.NEXT_TOKENS] = left - NANOS
    if is_closing != 0:
        return 0
    left = tokens(state, strategy_at + g.STRATEGY_RATE, now_ns)
    if left < NANOS:
        return _refuse(state, _STRATEGY_RATE, left, state[strategy_at + g.STRATEGY_RATE + g.PER_SECOND])
    state[g.NEXT_STRATEGY_TOKENS] = left - NANOS
    if state[g.MESSAGES] >= state[g.MESSAGES_FREE]:
        most = state[g.MESSAGES_FREE] + state[g.TRADES] * state[g.MESSAGES_PER_TRADE]
        if state[g.MESSAGES] >= most:
            return _refuse(state, _ORDER_TO_TRADE, state[g.MESSAGES] + 1, most)
    return 0


@inlined
def _repeats(state: State, strategy_at: int, instrument_id: int, side: int, lots: int, ticks: int, now_ns: int) -> int:
    """The same order of the same strategy within the window. Finds the place where this one will be remembered: when
    all of its set are too young to be forgotten, it is refused, because a repeat of it could not be seen."""
    window_ns = state[g.DUPLICATE_WINDOW_NS]
    if window_ns == 0:
        return 0
    key, at = order_way(state, instrument_id, strategy_at, side, lots, ticks)
    free = own = 0
    for way in range(at, at + g.SET_CELLS, 2):
        age_ns = now_ns - state[way + 1]
        if state[way] == key:
            if age_ns < window_ns:
                return _refuse(state, _DUPLICATE_ORDER, age_ns, window_ns)
            own = way
        elif state[way] == 0 or age_ns >= window_ns:
            free = way
    if own != 0:
        free = own
    elif free == 0:
        return _refuse(state, _DUPLICATE_ORDER, g.ABSENT, window_ns)
    state[g.NEXT_WAY], state[g.NEXT_KEY] = free, key
    return 0


@inlined
def _position(state: State, at: int, side: int, lots: int) -> int:
    """The worst case with everything in flight; POSITION_MAX keeps the sums inside 64 bits."""
    asset = state[at + g.BASE_AT]
    if side == _BUY:
        worst = state[at + g.POSITION] + state[at + g.OPEN_BUY_LOTS] + lots
        if worst > state[at + g.LONG_LIMIT]:
            return _refuse(state, _LONG_POSITION, worst, state[at + g.LONG_LIMIT])
        if state[asset + g.LONG_CEILING] != g.UNLIMITED:
            return _asset(state, asset, at, side, lots)
        return 0
    worst = state[at + g.POSITION] - state[at + g.OPEN_SELL_LOTS] - lots
    if worst < -state[at + g.SHORT_LIMIT]:
        return _refuse(state, _SHORT_POSITION, worst, -state[at + g.SHORT_LIMIT])
    if state[asset + g.SHORT_CEILING] != g.UNLIMITED:
        return _asset(state, asset, at, side, lots)
    return 0


@inlined
def _asset(state: State, asset: int, at: int, side: int, lots: int) -> int:
    """The worst case of an asset over all instruments of which it is the base, as UNLIMITED when it does not fit."""
    each, worst = state[asset + g.FIRST_SAME_BASE], 0
    while each != 0:
        more = lots if each == at else 0
        if side == _BUY:
            amount = state[each + g.POSITION] + state[each + g.OPEN_BUY_LOTS] + more
        else:
            amount = state[each + g.OPEN_SELL_LOTS] + more - state[each + g.POSITION]
        nanos = scaled_up(state, each + g.BASE, amount)
        if nanos > g.POSITION_MAX or worst > g.POSITION_MAX:
            worst = g.UNLIMITED
        else:
            worst = max(worst + max(nanos, -g.POSITION_MAX), -g.POSITION_MAX)
        each = state[each + g.NEXT_SAME_BASE]
    reason, most = _ASSET_SHORT, state[asset + g.SHORT_CEILING]
    if side == _BUY:
        reason, most = _ASSET_LONG, state[asset + g.LONG_CEILING]
    return _refuse(state, reason, worst, most) if worst > most else 0


@inlined
def _funds(state: State, at: int, side: int, lots: int, tick_lots: int) -> int:
    if side == _BUY:
        asset, factor, before, more = state[at + g.QUOTE_AT], at + g.QUOTE, state[at + g.OPEN_BUY_TICK_LOTS], tick_lots
        held = before
    else:
        asset, factor, before, more = state[at + g.BASE_AT], at + g.BASE, state[at + g.OPEN_SELL_LOTS], lots
        held = state[at + g.OPEN_SELL_TICK_LOTS]
    if tick_lots > g.TICK_LOTS_MAX - held:
        return _refuse(state, _NUMBER_OVERFLOW, lots, g.ABSENT)
    if state[factor + g.DEN] == 1 and before + more <= state[factor + g.DIRECT_MAX]:
        need = more * state[factor + g.NUM]
    else:
        after = scaled_up(state, factor, before + more)
        if after == g.UNLIMITED:
            return _refuse(state, _NUMBER_OVERFLOW, lots, g.ABSENT)
        need = after - scaled_up(state, factor, before)
    if state[asset + g.FUNDS_KNOWN] != 1:
        return _refuse(state, _INSUFFICIENT_FUNDS, need, g.ABSENT)
    available = 0
    if state[asset + g.FUNDS_TOTAL] > state[asset + g.FUNDS_RESERVED]:
        available = state[asset + g.FUNDS_TOTAL] - state[asset + g.FUNDS_RESERVED]
    if need > available:
        return _refuse(state, _INSUFFICIENT_FUNDS, need, available)
    state[g.NEXT_FUNDS] = need
    return 0


@inlined
def _notional(state: State, at: int, side: int, tick_lots: int) -> int:
    """Gross, net and concentration with this order. Beyond a limit passes what makes none of them larger."""
    old_long, old_short = state[at + g.VALUE_LONG], state[at + g.VALUE_SHORT]
    if side == _BUY:
        value = micros(state, at, state[at + g.POSITION_TICK_LOTS] + state[at + g.OPEN_BUY_TICK_LOTS] + tick_lots)
        net_before, share = state[g.NET_LONG], contribution(value, old_short)
        net, most = net_before + value - old_long, state[g.NET_LONG_LIMIT]
    else:
        value = micros(state, at, state[at + g.OPEN_SELL_TICK_LOTS] + tick_lots - state[at + g.POSITION_TICK_LOTS])
        net_before, share = state[g.NET_SHORT], contribution(old_long, value)
        net, most = net_before + value - old_short, state[g.NET_SHORT_LIMIT]
    share_before = contribution(old_long, old_short)
    gross = state[g.GROSS] + share - share_before
    state[g.NEXT_VALUE], state[g.NEXT_GROSS] = value, gross
    if net > most and net > net_before:
        return _refuse(state, _NET_NOTIONAL, net, most)
    if share <= share_before:
        return 0
    if gross > state[g.GROSS_LIMIT]:
        return _refuse(state, _GROSS_NOTIONAL, gross, state[g.GROSS_LIMIT])
    if state[g.CONCENTRATION_PPM] < _MILLION and gross > state[g.CONCENTRATION_FROM]:
        part_most = part(gross, state[g.CONCENTRATION_PPM])
        if share > part_most:
            return _refuse(state, _CONCENTRATION, share, part_most)
    return 0


@inlined
def _strategy(state: State, at: int, strategy_at: int, pair: int, side: int, tick_lots: int, is_closing: int) -> int:
    """A strategy's own position in the instrument, and its own gross."""
    old_long, old_short = state[pair + g.PAIR_VALUE_LONG], state[pair + g.PAIR_VALUE_SHORT]
    worth = state[pair + g.PAIR_POSITION_TICK_LOTS]
    if side == _BUY:
        value = micros(state, at, worth + state[pair + g.PAIR_OPEN_BUY_TICK_LOTS] + tick_lots)
        share = contribution(value, old_short)
    else:
        value = micros(state, at, state[pair + g.PAIR_OPEN_SELL_TICK_LOTS] + tick_lots - worth)
        share = contribution(old_long, value)
    share_before = contribution(old_long, old_short)
    gross = state[strategy_at + g.STRATEGY_GROSS] + share - share_before
    state[g.NEXT_PAIR_VALUE], state[g.NEXT_STRATEGY_GROSS] = value, gross
    if share <= share_before or is_closing != 0:
        return 0
    if share > state[strategy_at + g.POSITION_VALUE_LIMIT]:
        return _refuse(state, _STRATEGY_POSITION, share, state[strategy_at + g.POSITION_VALUE_LIMIT])
    if gross > state[strategy_at + g.STRATEGY_GROSS_LIMIT]:
        return _refuse(state, _STRATEGY_NOTIONAL, gross, state[strategy_at + g.STRATEGY_GROSS_LIMIT])
    return 0


@inlined
def _approve(
    state: State,
    at: int,
    code: int,
    strategy_at: int,
    pair: int,
    side: int,
    lots: int,
    notional_ticks: int,
    now_ns: int,
) -> None:
    """Reserve, from the numbers that the checks have left."""
    is_closing = code & g.CLOSING_FLAG
    _spend(state, g.REPLACE_RATE if code & g.REPLACE_FLAG else g.ORDER_RATE, state[g.NEXT_TOKENS], now_ns)
    if is_closing == 0:
        _spend(state, strategy_at + g.STRATEGY_RATE, state[g.NEXT_STRATEGY_TOKENS], now_ns)
    if state[g.DUPLICATE_WINDOW_NS] != 0:
        way = state[g.NEXT_WAY]
        state[way], state[way + 1] = state[g.NEXT_KEY], now_ns
    state[g.MESSAGES] += 1
    state[g.OPEN_ORDERS] += 1
    state[at + g.INSTRUMENT_OPEN_ORDERS] += 1
    state[g.GROSS] = state[g.NEXT_GROSS]
    state[strategy_at + g.STRATEGY_GROSS] = state[g.NEXT_STRATEGY_GROSS]
    value, pair_value, tick_lots = state[g.NEXT_VALUE], state[g.NEXT_PAIR_VALUE], lots * notional_ticks
    if side == _BUY:
        state[state[at + g.QUOTE_AT] + g.FUNDS_RESERVED] += state[g.NEXT_FUNDS]
        state[at + g.OPEN_BUY_LOTS] += lots
        state[at + g.OPEN_BUY_TICK_LOTS] += tick_lots
        state[pair + g.PAIR_OPEN_BUY_LOTS] += lots
        state[pair + g.PAIR_OPEN_BUY_TICK_LOTS] += tick_lots
        state[g.NET_LONG] += value - state[at + g.VALUE_LONG]
        state[at + g.VALUE_LONG], state[pair + g.PAIR_VALUE_LONG] = value, pair_value
    else:
        state[state[at + g.BASE_AT] + g.FUNDS_RESERVED] += state[g.NEXT_FUNDS]
        state[at + g.OPEN_SELL_LOTS] += lots
        state[at + g.OPEN_SELL_TICK_LOTS] += tick_lots
        state[pair + g.PAIR_OPEN_SELL_LOTS] += lots
        state[pair + g.PAIR_OPEN_SELL_TICK_LOTS] += tick_lots
        state[g.NET_SHORT] += value - state[at + g.VALUE_SHORT]
        state[at + g.VALUE_SHORT], state[pair + g.PAIR_VALUE_SHORT] = value, pair_value


@inlined
def _spend(state: State, bucket: int, left: int, now_ns: int) -> None:
    state[bucket + g.TOKENS] = left
    state[bucket + g.TOKENS_NS] = max(now_ns, state[bucket + g.TOKENS_NS])
    state[bucket + g.SPENT] += 1
