"""The layout of a gate's state: one flat int64 array that the kernels read and ``risk/gate.py`` owns.

    | header | instruments | assets | recent orders | strategies, each with its pairs |

A *pair* is one strategy in one instrument. Strategies come last because their number grows. Amounts of money are in
millionths of the account's currency (micros); funds are in billionths of their asset (nanos).
"""

from numpy import int64
from numpy.typing import NDArray

__all__ = [
    "ABSENT",
    "ACCOUNT_INDEX",
    "ASK_BAND_HIGH",
    "ASK_BAND_LOW",
    "ASK_DOWN_PPM",
    "ASK_UP_PPM",
    "ASSET_CELLS",
    "BASE",
    "BASE_AT",
    "BID_BAND_HIGH",
    "BID_BAND_LOW",
    "BID_DOWN_PPM",
    "BID_UP_PPM",
    "BUCKET_CELLS",
    "CANCELS",
    "CANCELS_OVER_RATE",
    "CANCEL_RATE",
    "CAPACITY",
    "CASH_TICK_LOTS",
    "CLOSING_FLAG",
    "COLLAR_HIGH",
    "COLLAR_LOW",
    "COLLAR_PPM",
    "CONCENTRATION_FROM",
    "CONCENTRATION_PPM",
    "CONVERTS",
    "CONVERT_AT",
    "CONVERT_DEN",
    "CONVERT_NUM",
    "DAILY_LOSS_LIMIT",
    "DAY_PNL",
    "DEFINED",
    "DEN",
    "DIRECT_MAX",
    "DRAWDOWN_LIMIT",
    "DUPLICATES_AT",
    "DUPLICATES_SHIFT",
    "DUPLICATE_WINDOW_NS",
    "EXECUTIONS_BUCKET_NS",
    "EXECUTIONS_LIMIT",
    "EXECUTION_BUCKETS",
    "FACTOR_CELLS",
    "FIRST_KEPT",
    "FIRST_SAME_BASE",
    "FULL_NS",
    "FUNDS_KNOWN",
    "FUNDS_RESERVED",
    "FUNDS_TOTAL",
    "GROSS",
    "GROSS_LIMIT",
    "HAS_LEASE",
    "HEADER_CELLS",
    "INSTRUMENTS",
    "INSTRUMENT_CELLS",
    "INSTRUMENT_OPEN_ORDERS",
    "LATCH_INDEX",
    "LEASE_EPOCH",
    "LEASE_EXPIRES_NS",
    "LIMIT",
    "LONG_CEILING",
    "LONG_LIMIT",
    "LOTS_MAX",
    "MARKET_NOTIONAL_MIN_APPLIES",
    "MARKET_QUANTITY_MAX",
    "MARK_TICKS",
    "MESSAGES",
    "MESSAGES_FREE",
    "MESSAGES_PER_TRADE",
    "MOST",
    "NET_LONG",
    "NET_LONG_LIMIT",
    "NET_SHORT",
    "NET_SHORT_LIMIT",
    "NEXT_FUNDS",
    "NEXT_GROSS",
    "NEXT_KEY",
    "NEXT_PAIR_VALUE",
    "NEXT_SAME_BASE",
    "NEXT_STRATEGY_GROSS",
    "NEXT_STRATEGY_TOKENS",
    "NEXT_TOKENS",
    "NEXT_VALUE",
    "NEXT_WAY",
    "NOTIONAL_MAX",
    "NOTIONAL_MIN",
    "NUM",
    "OBSERVED",
    "OPEN_BUY_LOTS",
    "OPEN_BUY_TICK_LOTS",
    "OPEN_ORDERS",
    "OPEN_ORDERS_LIMIT",
    "OPEN_SELL_LOTS",
    "OPEN_SELL_TICK_LOTS",
    "ORDER_NOTIONAL_LIMIT",
    "ORDER_QUANTITY_LIMIT",
    "ORDER_RATE",
    "PAIR_BUCKET",
    "PAIR_CELLS",
    "PAIR_COUNTS",
    "PAIR_OPEN_BUY_LOTS",
    "PAIR_OPEN_BUY_TICK_LOTS",
    "PAIR_OPEN_SELL_LOTS",
    "PAIR_OPEN_SELL_TICK_LOTS",
    "PAIR_POSITION",
    "PAIR_POSITION_TICK_LOTS",
    "PAIR_THROTTLED",
    "PAIR_VALUE_LONG",
    "PAIR_VALUE_SHORT",
    "PEAK_PNL",
    "PER_SECOND",
    "PNL",
    "POSITION",
    "POSITION_MAX",
    "POSITION_TICK_LOTS",
    "POSITION_VALUE_LIMIT",
    "POST_SHIFT",
    "PPM_MAX",
    "PRICE_MAX",
    "PRICE_MIN",
    "QUANTITY_MAX",
    "QUANTITY_MIN",
    "QUOTE",
    "QUOTE_AT",
    "REFERENCE_AGE_NS",
    "REFERENCE_NS",
    "REFERENCE_TICKS",
    "REPLACE_FLAG",
    "REPLACE_RATE",
    "SET_CELLS",
    "SHORT_CEILING",
    "SHORT_LIMIT",
    "SIDE_BITS",
    "SPENT",
    "STRATEGIES",
    "STRATEGIES_AT",
    "STRATEGY_BLOCK",
    "STRATEGY_CELLS",
    "STRATEGY_GROSS",
    "STRATEGY_GROSS_LIMIT",
    "STRATEGY_LATCH_INDEX",
    "STRATEGY_RATE",
    "TICKS_MAX",
    "TICK_LOTS_MAX",
    "TIF_SHIFT",
    "TOKENS",
    "TOKENS_NS",
    "TRADES",
    "TYPE_SHIFT",
    "UNLIMITED",
    "VALUE",
    "VALUED",
    "VALUE_CAP",
    "VALUE_LONG",
    "VALUE_PNL",
    "VALUE_SHORT",
    "VENUE_INDEX",
    "VENUE_OPEN_ORDERS_MAX",
    "WAYS",
    "WINDOW_BUCKET",
    "WINDOW_BUCKETS",
    "WINDOW_BUCKET_NS",
    "WINDOW_BUY_MAX",
    "WINDOW_HIGHS",
    "WINDOW_LOWS",
    "WINDOW_PPM",
    "WINDOW_SELL_MIN",
    "State",
]

State = NDArray[int64]

# fmt: off
#: Bounds that keep the arithmetic inside 64 bits; far beyond any market, so that reaching one is an error.
TICKS_MAX, LOTS_MAX, PPM_MAX, POSITION_MAX, TICK_LOTS_MAX = 2**52, 2**60, 10**9, 2**61, 2**61
#: Stands for "there is none": of an observed value or a limit, and of a row.
ABSENT = -1
#: Stands for "no limit".
UNLIMITED = 2**63 - 1

# -- a rate bucket: tokens in billionths of a message -------------------------------------------------------------
(PER_SECOND, CAPACITY, FULL_NS, TOKENS, TOKENS_NS, SPENT) = range(6)
BUCKET_CELLS = 6

# -- the account header -------------------------------------------------------------------------------------------
#    what a check leaves behind: the numbers of a refusal, and what an approval will store
(OBSERVED, LIMIT, NEXT_VALUE, NEXT_GROSS, NEXT_PAIR_VALUE, NEXT_STRATEGY_GROSS, NEXT_FUNDS, NEXT_TOKENS,
 NEXT_STRATEGY_TOKENS, NEXT_WAY, NEXT_KEY) = range(11)
FIRST_KEPT = 11
(INSTRUMENTS, STRATEGIES_AT, STRATEGY_BLOCK, STRATEGIES, VENUE_INDEX, ACCOUNT_INDEX, HAS_LEASE,
 LEASE_EPOCH, LEASE_EXPIRES_NS, OPEN_ORDERS, OPEN_ORDERS_LIMIT, GROSS, GROSS_LIMIT, NET_LONG, NET_SHORT, NET_LONG_LIMIT,
 CONCENTRATION_PPM, CONCENTRATION_FROM, PNL, DAY_PNL, PEAK_PNL, DAILY_LOSS_LIMIT, DRAWDOWN_LIMIT, MESSAGES, TRADES,
 MESSAGES_FREE, MESSAGES_PER_TRADE, DUPLICATE_WINDOW_NS, DUPLICATES_AT, DUPLICATES_SHIFT, VALUE_CAP, CANCELS,
 CANCELS_OVER_RATE, NET_SHORT_LIMIT) = range(11, 45)
ORDER_RATE, REPLACE_RATE, CANCEL_RATE = 48, 54, 60
HEADER_CELLS = 72

# -- one instrument's row -----------------------------------------------------------------------------------------
#    what is allowed, and how its numbers turn into money
(DEFINED, PRICE_MIN, PRICE_MAX, QUANTITY_MIN, QUANTITY_MAX, MARKET_QUANTITY_MAX, NOTIONAL_MIN, NOTIONAL_MAX,
 MARKET_NOTIONAL_MIN_APPLIES, VENUE_OPEN_ORDERS_MAX, BID_UP_PPM, BID_DOWN_PPM, ASK_UP_PPM, ASK_DOWN_PPM,
 ORDER_QUANTITY_LIMIT, ORDER_NOTIONAL_LIMIT, LONG_LIMIT, SHORT_LIMIT, COLLAR_PPM, REFERENCE_AGE_NS, WINDOW_PPM,
 WINDOW_BUCKET_NS, LATCH_INDEX, BASE_AT, QUOTE_AT, NEXT_SAME_BASE, CONVERT_AT, CONVERT_NUM, CONVERT_DEN,
 CONVERTS) = range(30)
#    factors: FACTOR_CELLS each
BASE, QUOTE, VALUE = 30, 34, 38
(NUM, DEN, DIRECT_MAX, MOST) = range(4)
FACTOR_CELLS = 4
#    what follows from the last quote
(COLLAR_LOW, COLLAR_HIGH, WINDOW_BUY_MAX, WINDOW_SELL_MIN, BID_BAND_LOW, BID_BAND_HIGH, ASK_BAND_LOW,
 ASK_BAND_HIGH) = range(42, 50)
#    what has happened
(REFERENCE_TICKS, REFERENCE_NS, MARK_TICKS, POSITION, OPEN_BUY_LOTS, OPEN_SELL_LOTS, OPEN_BUY_TICK_LOTS,
 OPEN_SELL_TICK_LOTS, INSTRUMENT_OPEN_ORDERS, POSITION_TICK_LOTS, CASH_TICK_LOTS, VALUE_LONG, VALUE_SHORT, VALUE_PNL,
 WINDOW_BUCKET) = range(50, 65)
WINDOW_BUCKETS = 8
WINDOW_LOWS, WINDOW_HIGHS = 65, 73
INSTRUMENT_CELLS = 88

# -- one asset's row ----------------------------------------------------------------------------------------------
(FUNDS_KNOWN, FUNDS_TOTAL, FUNDS_RESERVED, FIRST_SAME_BASE, LONG_CEILING, SHORT_CEILING) = range(6)
ASSET_CELLS = 8

# -- one strategy's row, and after it one pair for each instrument --------------------------------------------------
(STRATEGY_LATCH_INDEX, POSITION_VALUE_LIMIT, STRATEGY_GROSS_LIMIT, STRATEGY_GROSS, EXECUTIONS_LIMIT,
 EXECUTIONS_BUCKET_NS) = range(6)
STRATEGY_RATE = 8
STRATEGY_CELLS = 16
(PAIR_POSITION, PAIR_OPEN_BUY_LOTS, PAIR_OPEN_SELL_LOTS, PAIR_OPEN_BUY_TICK_LOTS, PAIR_OPEN_SELL_TICK_LOTS,
 PAIR_POSITION_TICK_LOTS, PAIR_VALUE_LONG, PAIR_VALUE_SHORT, PAIR_THROTTLED, PAIR_BUCKET) = range(10)
EXECUTION_BUCKETS = 8
PAIR_COUNTS = 12
PAIR_CELLS = 20

# -- recent orders: sets of WAYS (key, time) pairs ------------------------------------------------------------------
WAYS, SET_CELLS = 8, 16

# -- how one order's enumerations are packed into a number ----------------------------------------------------------
SIDE_BITS, TYPE_SHIFT, TIF_SHIFT, POST_SHIFT = 3, 2, 4, 8
REPLACE_FLAG, CLOSING_FLAG = 1 << 10, 1 << 11
#: In place of an order type: an order that waits for a trigger, judged and valued by risk/gate_special.py.
VALUED = 3
# fmt: on
