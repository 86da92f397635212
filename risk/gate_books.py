"""The gate's bookings, as kernels on its flat state: what is open, what has filled, what the market says it is worth.

``risk/gate_kernel.py`` checks, this module books; ``risk/gate_state.py`` is the layout. Nothing here can wrap: each
product or sum that the layout's bounds do not keep inside 64 bits saturates, to the side that allows less.

Worth. Of each instrument, ``VALUE_LONG`` is what it would be worth if every open buy filled and no sell did, and
``VALUE_SHORT`` the negative of what it would be worth if every open sell filled and no buy did: the position at its
mark, each order at the price it was valued at. Whichever subset of the orders fills, the result lies between the two,
so the larger of both magnitudes is the instrument's share of gross, and the sums of each are the two ends of net.
"""

from numpy import int64, uint64

from engine.instrument import INT64_MAX, NANOS
from engine.kernel import inlined, kernel
from risk import gate_state as g
from risk.gate_state import State

__all__ = [
    "cancel",
    "contribution",
    "derive_bounds",
    "fill",
    "micros",
    "order_way",
    "part",
    "part_up",
    "quote",
    "refund",
    "release",
    "reserve",
    "revalue_all",
    "scaled_down",
    "scaled_up",
    "start_day",
    "tokens",
]

_MILLION = 1_000_000
_SMALL = 2**30
_BUY, _SELL = 1, 2


# -- arithmetic -------------------------------------------------------------------------------------------------


@inlined
def part(value: int, ppm: int) -> int:
    """``value * ppm / 1e6`` rounded down, for a product of whole millions that fits into 64 bits."""
    whole = value // _MILLION
    return whole * ppm + (value - whole * _MILLION) * ppm // _MILLION


@inlined
def part_up(value: int, ppm: int) -> int:
    whole = value // _MILLION
    return whole * ppm + ((value - whole * _MILLION) * ppm + _MILLION - 1) // _MILLION


@inlined
def scaled_up(state: State, factor: int, amount: int) -> int:
    """``amount`` times the factor whose cells begin at ``factor``, rounded up; ±UNLIMITED when it does not fit."""
    num: int = state[factor + g.NUM]
    den: int = state[factor + g.DEN]
    direct_max: int = state[factor + g.DIRECT_MAX]
    if -direct_max <= amount <= direct_max:
        return amount * num if den == 1 else (amount * num + den - 1) // den
    most = state[factor + g.MOST]
    if amount > most:
        return g.UNLIMITED
    if amount < -most:
        return -g.UNLIMITED
    return (amount // den) * num + (amount % den * num + den - 1) // den


@inlined
def scaled_down(state: State, factor: int, amount: int) -> int:
    """The same of an amount received, rounded down; 0 when it does not fit: it must never be overstated."""
    down = -scaled_up(state, factor, -amount)
    return 0 if down == g.UNLIMITED else down


@inlined
def _product(lots: int, ticks: int) -> int:
    """``lots * ticks``, within ±TICK_LOTS_MAX."""
    if -_SMALL < lots < _SMALL and ticks < _SMALL:
        return lots * ticks
    most = g.TICK_LOTS_MAX // max(ticks, 1)
    return lots * ticks if -most <= lots <= most else _sign(lots) * g.TICK_LOTS_MAX


@inlined
def _sign(value: int) -> int:
    return 1 if value > 0 else -1 if value < 0 else 0


@inlined
def _within(value: int, most: int) -> int:
    return max(-most, min(value, most))


# -- worth ------------------------------------------------------------------------------------------------------


@inlined
def micros(state: State, at: int, tick_lots: int) -> int:
    """What an amount of an instrument's tick_lots is worth in the account's currency, rounded up, within ±VALUE_CAP.

    Without a price to convert the quote asset by, whatever is not zero is worth the most there is.
    """
    value = scaled_up(state, at + g.VALUE, tick_lots)
    if state[at + g.CONVERT_AT] != 0:
        value = _converted(state, at, value)
    return _within(value, state[g.VALUE_CAP])


@inlined
def _converted(state: State, at: int, value: int) -> int:
    convert_at = state[at + g.CONVERT_AT]
    mark = 0
    scale: int = state[at + g.CONVERT_NUM]
    den: int = state[at + g.CONVERT_DEN]
    if convert_at > 0:
        mark = state[convert_at + g.MARK_TICKS]
    if mark == 0 or mark > (INT64_MAX // den - 1) // scale:
        return _sign(value) * g.UNLIMITED
    num = mark * scale
    whole = value // den
    if abs(whole) > (INT64_MAX - num) // num:
        return _sign(value) * g.UNLIMITED
    return whole * num + ((value - whole * den) * num + den - 1) // den


@inlined
def _profit(state: State, at: int) -> int:
    """Realised and marked profit of an instrument, rounded down; 0 while there is no price to convert it by."""
    convert_at = state[at + g.CONVERT_AT]
    if convert_at < 0 or (convert_at > 0 and state[convert_at + g.MARK_TICKS] == 0):
        return 0
    tick_lots = state[at + g.CASH_TICK_LOTS] + state[at + g.POSITION_TICK_LOTS]
    return -micros(state, at, -tick_lots)


@inlined
def contribution(value_long: int, value_short: int) -> int:
    """What an instrument adds to gross: the worst case over all subsets of its open orders."""
    return max(abs(value_long), abs(value_short))


@inlined
def _revalue(state: State, at: int) -> None:
    """Bring one instrument's worth, and the account's sums with it, to its position, open orders and mark."""
    worth = state[at + g.POSITION_TICK_LOTS]
    value_long = micros(state, at, worth + state[at + g.OPEN_BUY_TICK_LOTS])
    value_short = micros(state, at, state[at + g.OPEN_SELL_TICK_LOTS] - worth)
    profit = _profit(state, at)
    old_long, old_short = state[at + g.VALUE_LONG], state[at + g.VALUE_SHORT]
    state[g.GROSS] += contribution(value_long, value_short) - contribution(old_long, old_short)
    state[g.NET_LONG] += value_long - old_long
    state[g.NET_SHORT] += value_short - old_short
    state[g.PNL] += profit - state[at + g.VALUE_PNL]
    state[at + g.VALUE_LONG], state[at + g.VALUE_SHORT], state[at + g.VALUE_PNL] = value_long, value_short, profit


@inlined
def _revalue_pair(state: State, at: int, strategy_at: int, pair: int) -> None:
    worth = state[pair + g.PAIR_POSITION_TICK_LOTS]
    value_long = micros(state, at, worth + state[pair + g.PAIR_OPEN_BUY_TICK_LOTS])
    value_short = micros(state, at, state[pair + g.PAIR_OPEN_SELL_TICK_LOTS] - worth)
    old = contribution(state[pair + g.PAIR_VALUE_LONG], state[pair + g.PAIR_VALUE_SHORT])
    state[strategy_at + g.STRATEGY_GROSS] += contribution(value_long, value_short) - old
    state[pair + g.PAIR_VALUE_LONG], state[pair + g.PAIR_VALUE_SHORT] = value_long, value_short


@kernel
def _remark(state: State, instrument_id: int) -> None:
    """An instrument's mark, or the price that converts it, has changed: its worth, for the account and each pair."""
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    mark = state[at + g.MARK_TICKS]
    state[at + g.POSITION_TICK_LOTS] = _product(state[at + g.POSITION], mark)
    _revalue(state, at)
    strategy_at = state[g.STRATEGIES_AT]
    for _ in range(state[g.STRATEGIES]):
        pair = strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id
        if state[pair + g.PAIR_POSITION] | state[pair + g.PAIR_OPEN_BUY_LOTS] | state[pair + g.PAIR_OPEN_SELL_LOTS]:
            state[pair + g.PAIR_POSITION_TICK_LOTS] = _product(state[pair + g.PAIR_POSITION], mark)
            _revalue_pair(state, at, strategy_at, pair)
        strategy_at += state[g.STRATEGY_BLOCK]


@kernel
def _remark_converted(state: State, convert_at: int) -> None:
    """Bring everything that is converted by one instrument's mark to it."""
    for instrument_id in range(state[g.INSTRUMENTS]):
        at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
        if state[at + g.DEFINED] == 1 and state[at + g.CONVERT_AT] == convert_at:
            _remark(state, instrument_id)


@kernel
def revalue_all(state: State) -> None:
    """Bring all worth to the definitions: after one was added, which may convert others."""
    for instrument_id in range(state[g.INSTRUMENTS]):
        at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
        if state[at + g.DEFINED] == 1:
            derive_bounds(state, at)
            _remark(state, instrument_id)


# -- the market -------------------------------------------------------------------------------------------------


@kernel
def quote(state: State, instrument_id: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> None:
    """The best prices. A side missing (0), crossed or absurd leaves no reference price; the last mark stays."""
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    if state[at + g.DEFINED] != 1:
        return
    state[at + g.REFERENCE_NS] = now_ns
    if not 0 < bid_ticks <= ask_ticks <= g.TICKS_MAX:
        state[at + g.REFERENCE_TICKS] = 0
        return
    reference = (bid_ticks + ask_ticks) >> 1
    _push_window(state, at, reference, now_ns)
    state[at + g.REFERENCE_TICKS] = reference
    derive_bounds(state, at)
    _set_mark(state, instrument_id, reference)
    state[g.PEAK_PNL] = max(state[g.PEAK_PNL], state[g.PNL])


@inlined
def _set_mark(state: State, instrument_id: int, ticks: int) -> None:
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    if state[at + g.MARK_TICKS] != ticks:
        state[at + g.MARK_TICKS] = ticks
        _remark(state, instrument_id)
        if state[at + g.CONVERTS] == 1:
            _remark_converted(state, at)


@kernel
def _push_window(state: State, at: int, reference: int, now_ns: int) -> None:
    """Lowest and highest reference in each of the last WINDOW_BUCKETS stretches of time."""
    bucket = max(now_ns // state[at + g.WINDOW_BUCKET_NS], state[at + g.WINDOW_BUCKET])
    for stale in range(max(state[at + g.WINDOW_BUCKET] + 1, bucket - g.WINDOW_BUCKETS + 1), bucket + 1):
        state[at + g.WINDOW_LOWS + stale % g.WINDOW_BUCKETS] = g.UNLIMITED
        state[at + g.WINDOW_HIGHS + stale % g.WINDOW_BUCKETS] = 0
    state[at + g.WINDOW_BUCKET] = bucket
    low, high = at + g.WINDOW_LOWS + bucket % g.WINDOW_BUCKETS, at + g.WINDOW_HIGHS + bucket % g.WINDOW_BUCKETS
    state[low], state[high] = min(state[low], reference), max(state[high], reference)


@kernel
def derive_bounds(state: State, at: int) -> None:
    """The prices that collar, window and venue's band allow, from the last quote; no check needs to divide then."""
    reference = state[at + g.REFERENCE_TICKS]
    width = part(reference, state[at + g.COLLAR_PPM])
    state[at + g.COLLAR_LOW], state[at + g.COLLAR_HIGH] = reference - width, reference + width
    low, high = g.TICKS_MAX, 0
    for bucket in range(g.WINDOW_BUCKETS):
        low = min(low, state[at + g.WINDOW_LOWS + bucket])
        high = max(high, state[at + g.WINDOW_HIGHS + bucket])
    state[at + g.WINDOW_BUY_MAX] = low + part(low, state[at + g.WINDOW_PPM])
    state[at + g.WINDOW_SELL_MIN] = high - part(high, state[at + g.WINDOW_PPM])
    for up_ppm, down_ppm, band_low, band_high in (
        (g.BID_UP_PPM, g.BID_DOWN_PPM, g.BID_BAND_LOW, g.BID_BAND_HIGH),
        (g.ASK_UP_PPM, g.ASK_DOWN_PPM, g.ASK_BAND_LOW, g.ASK_BAND_HIGH),
    ):
        up, down = state[at + up_ppm], state[at + down_ppm]
        state[at + band_low] = part_up(reference, down)
        state[at + band_high] = part(reference, up) if up != 0 else g.UNLIMITED


@kernel
def start_day(state: State) -> None:
    """Losses, messages and trades count from here."""
    state[g.DAY_PNL] = state[g.PEAK_PNL] = state[g.PNL]
    state[g.MESSAGES] = state[g.TRADES] = 0


# -- rates and repeats ------------------------------------------------------------------------------------------


@inlined
def tokens(state: State, bucket: int, now_ns: int) -> int:
    """A rate bucket now, in billionths of a message. A clock that stepped back refills nothing."""
    elapsed_ns = now_ns - state[bucket + g.TOKENS_NS]
    held: int = state[bucket + g.TOKENS]
    most: int = state[bucket + g.CAPACITY]
    if elapsed_ns <= 0:
        return held
    if elapsed_ns >= state[bucket + g.FULL_NS]:
        return most
    return min(held + int(elapsed_ns * state[bucket + g.PER_SECOND]), most)


@inlined
def _give_back(state: State, bucket: int) -> None:
    state[bucket + g.TOKENS] = min(state[bucket + g.TOKENS] + NANOS, state[bucket + g.CAPACITY])
    state[bucket + g.SPENT] -= 1


@kernel
def refund(
    state: State,
    instrument_id: int,
    strategy_at: int,
    is_closing: int,
    side: int,
    lots: int,
    ticks: int,
    is_replace: int,
) -> None:
    """Take back what counts an order that was approved and then not sent; ``ticks`` is its own price."""
    _give_back(state, g.REPLACE_RATE if is_replace else g.ORDER_RATE)
    if is_closing == 0:
        _give_back(state, strategy_at + g.STRATEGY_RATE)
    state[g.MESSAGES] = max(state[g.MESSAGES] - 1, 0)
    if state[g.DUPLICATE_WINDOW_NS] > 0:
        key, at = order_way(state, instrument_id, strategy_at, side, lots, ticks)
        for way in range(at, at + g.SET_CELLS, 2):
            if state[way] == key:
                state[way] = state[way + 1] = 0


@inlined
def order_way(state: State, instrument_id: int, strategy_at: int, side: int, lots: int, ticks: int) -> tuple[int, int]:
    """What an order is remembered by, never 0, and where its set begins."""
    key = uint64(0)
    whose = (uint64(strategy_at) << uint64(22)) ^ (uint64(instrument_id) << uint64(2)) ^ uint64(side)
    for value in (whose, uint64(lots), uint64(ticks)):
        key = (key ^ value) * uint64(0x9E3779B97F4A7C15)
        key ^= key >> uint64(29)
    key = key * uint64(0xBF58476D1CE4E5B9) | uint64(1)
    at: int = state[g.DUPLICATES_AT] + g.SET_CELLS * int64(key >> uint64(state[g.DUPLICATES_SHIFT]))
    return int64(key), at  # type: ignore[return-value]  # a kernel's int64 is its int


@kernel
def cancel(state: State, now_ns: int) -> int:
    """Count a cancel: 1 when there are more of them than their rate, which refuses none."""
    state[g.MESSAGES] += 1
    state[g.CANCELS] += 1
    state[g.CANCEL_RATE + g.SPENT] += 1
    left = tokens(state, g.CANCEL_RATE, now_ns)
    state[g.CANCEL_RATE + g.TOKENS_NS] = max(now_ns, state[g.CANCEL_RATE + g.TOKENS_NS])
    if left < NANOS:
        state[g.CANCEL_RATE + g.TOKENS] = left
        state[g.CANCELS_OVER_RATE] += 1
        return 1
    state[g.CANCEL_RATE + g.TOKENS] = left - NANOS
    return 0


@inlined
def _count_execution(state: State, strategy_at: int, pair: int, now_ns: int) -> None:
    """One more execution within the window than the limit, and the strategy is out of this instrument."""
    bucket = max(now_ns // state[strategy_at + g.EXECUTIONS_BUCKET_NS], state[pair + g.PAIR_BUCKET])
    for stale in range(max(state[pair + g.PAIR_BUCKET] + 1, bucket - g.EXECUTION_BUCKETS + 1), bucket + 1):
        state[pair + g.PAIR_COUNTS + stale % g.EXECUTION_BUCKETS] = 0
    state[pair + g.PAIR_BUCKET] = bucket
    state[pair + g.PAIR_COUNTS + bucket % g.EXECUTION_BUCKETS] += 1
    count = 0
    for each in range(g.EXECUTION_BUCKETS):
        count += state[pair + g.PAIR_COUNTS + each]
    if count > state[strategy_at + g.EXECUTIONS_LIMIT]:
        state[pair + g.PAIR_THROTTLED] = 1


# -- orders and fills -------------------------------------------------------------------------------------------


@kernel
def reserve(state: State, instrument_id: int, strategy_at: int, side: int, lots: int, ticks: int) -> int:
    """Reserve without checks. 1, or 0 with nothing changed when a sum would not fit."""
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    if lots > g.LOTS_MAX or ticks > g.TICKS_MAX or lots > g.TICK_LOTS_MAX // max(ticks, 1):
        return 0
    if side == _BUY:
        open_lots, open_tick_lots = state[at + g.OPEN_BUY_LOTS], state[at + g.OPEN_BUY_TICK_LOTS]
        asset, factor, before, more = state[at + g.QUOTE_AT], at + g.QUOTE, open_tick_lots, lots * ticks
    else:
        open_lots, open_tick_lots = state[at + g.OPEN_SELL_LOTS], state[at + g.OPEN_SELL_TICK_LOTS]
        asset, factor, before, more = state[at + g.BASE_AT], at + g.BASE, open_lots, lots
    if open_lots > g.POSITION_MAX - lots or open_tick_lots > g.TICK_LOTS_MAX - lots * ticks:
        return 0
    after = scaled_up(state, factor, before + more)
    need = after - scaled_up(state, factor, before)
    if after == g.UNLIMITED or state[asset + g.FUNDS_RESERVED] > INT64_MAX - need:
        return 0
    release(state, instrument_id, strategy_at, side, -lots, ticks, -1)
    return 1


@kernel
def release(state: State, instrument_id: int, strategy_at: int, side: int, lots: int, ticks: int, orders: int) -> None:
    """Give back ``lots`` of an order's reservation, and ``orders`` (0 or 1) open orders; negative: reserve."""
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    pair = strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id
    state[g.OPEN_ORDERS] -= orders
    state[at + g.INSTRUMENT_OPEN_ORDERS] -= orders
    _move_open(state, at, pair, side, -lots, ticks)
    _revalue(state, at)
    _revalue_pair(state, at, strategy_at, pair)


@inlined
def _move_open(state: State, at: int, pair: int, side: int, lots: int, ticks: int) -> None:
    if side == _BUY:
        asset, factor, before, more = state[at + g.QUOTE_AT], at + g.QUOTE, at + g.OPEN_BUY_TICK_LOTS, lots * ticks
    else:
        asset, factor, before, more = state[at + g.BASE_AT], at + g.BASE, at + g.OPEN_SELL_LOTS, lots
    held = state[before]
    state[asset + g.FUNDS_RESERVED] += scaled_up(state, factor, held + more) - scaled_up(state, factor, held)
    if side == _BUY:
        state[at + g.OPEN_BUY_LOTS] += lots
        state[at + g.OPEN_BUY_TICK_LOTS] += lots * ticks
        state[pair + g.PAIR_OPEN_BUY_LOTS] += lots
        state[pair + g.PAIR_OPEN_BUY_TICK_LOTS] += lots * ticks
    else:
        state[at + g.OPEN_SELL_LOTS] += lots
        state[at + g.OPEN_SELL_TICK_LOTS] += lots * ticks
        state[pair + g.PAIR_OPEN_SELL_LOTS] += lots
        state[pair + g.PAIR_OPEN_SELL_TICK_LOTS] += lots * ticks


@kernel
def fill(
    state: State,
    instrument_id: int,
    strategy_at: int,
    side: int,
    reserved_lots: int,
    value_ticks: int,
    last_lots: int,
    last_ticks: int,
    now_ns: int,
) -> None:
    """Book an execution: ``reserved_lots`` of it leave the reservation, all of it enters position, cash and funds.

    Until there is a quote, the last execution is the mark.
    """
    at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id
    pair = strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id
    _move_open(state, at, pair, side, -reserved_lots, value_ticks)
    _move_funds(state, at, side, last_lots, last_ticks)
    signed = last_lots if side == _BUY else -last_lots
    state[at + g.POSITION] = _within(state[at + g.POSITION] + signed, g.POSITION_MAX)
    state[pair + g.PAIR_POSITION] = _within(state[pair + g.PAIR_POSITION] + signed, g.POSITION_MAX)
    cash = state[at + g.CASH_TICK_LOTS] - _product(signed, last_ticks)
    state[at + g.CASH_TICK_LOTS] = _within(cash, g.TICK_LOTS_MAX)
    state[g.TRADES] += 1
    _count_execution(state, strategy_at, pair, now_ns)
    if state[at + g.REFERENCE_TICKS] == 0 and last_ticks > 0:
        _set_mark(state, instrument_id, last_ticks)
    mark = state[at + g.MARK_TICKS]
    state[at + g.POSITION_TICK_LOTS] = _product(state[at + g.POSITION], mark)
    state[pair + g.PAIR_POSITION_TICK_LOTS] = _product(state[pair + g.PAIR_POSITION], mark)
    _revalue(state, at)
    _revalue_pair(state, at, strategy_at, pair)
    state[g.PEAK_PNL] = max(state[g.PEAK_PNL], state[g.PNL])


@inlined
def _move_funds(state: State, at: int, side: int, last_lots: int, last_ticks: int) -> None:
    paid = INT64_MAX
    if last_lots <= INT64_MAX // max(last_ticks, 1):
        paid = last_lots * last_ticks
    quote_at, base_at = state[at + g.QUOTE_AT], state[at + g.BASE_AT]
    if side == _BUY:
        _add_funds(state, quote_at, -scaled_up(state, at + g.QUOTE, paid))
        _add_funds(state, base_at, scaled_down(state, at + g.BASE, last_lots))
    else:
        _add_funds(state, base_at, -scaled_up(state, at + g.BASE, last_lots))
        _add_funds(state, quote_at, scaled_down(state, at + g.QUOTE, paid))


@inlined
def _add_funds(state: State, asset: int, nanos: int) -> None:
    total = state[asset + g.FUNDS_TOTAL]
    if nanos > 0:
        total += min(nanos, INT64_MAX - max(total, 0))
    else:
        total = max(total + nanos, -g.POSITION_MAX) if total >= 0 or nanos > -g.POSITION_MAX else -g.POSITION_MAX
    state[asset + g.FUNDS_TOTAL] = total
