"""A gate's state as rows: whose is which, and what stands in the cells that say what is allowed.

The kernels (``risk/gate_kernel.py``, ``risk/gate_books.py``) work on the array, ``risk/gate.py`` on the names.
"""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from engine.errors import UsageError
from engine.instrument import INT64_MAX, NANOS, Instrument
from risk import gate_books
from risk import gate_state as g
from risk.latch import LatchView
from risk.latch_layout import UNKNOWN
from risk.limits import COUNT_MAX, PPM_MAX, AccountLimits, Ceilings, InstrumentLimits, StrategyLimits

__all__ = ["GateTables", "factor_cells"]

_MICROS = 1_000_000
#: What a limit may at least be: negative numbers beyond it would leave 64 bits in a sum.
_LEAST = -(2**62)
_DUPLICATE_SETS_MIN, _DUPLICATE_SETS_MAX = 2**8, 2**14
_EXECUTIONS_WINDOW_NS = NANOS


class GateTables:
    """Rows by name. ``state`` is replaced by a longer one when a strategy is added.

    Attributes:
        state: the array that kernels take.
        instruments: by instrument id, what was defined.
        assets: where each asset's row begins.
        strategies: where each strategy's row begins, also of one that was never defined and only has a past.
    """

    def __init__(self, account: AccountLimits, latch: LatchView, instruments_max: int) -> None:
        account.validate()
        if instruments_max <= 0:
            raise UsageError(f"instruments_max is {instruments_max}; a gate needs room for at least one instrument")
        self.account = account
        self.instruments_max = instruments_max
        self.instruments: dict[int, tuple[Instrument, InstrumentLimits]] = {}
        self.assets: dict[str, int] = {}
        self.strategies: dict[str, int] = {}
        self._latch = latch
        self._totals: dict[str, int] = {}
        self._asset_ceilings: dict[str, tuple[int, int]] = dict(account.assets)
        self._assets_at = g.HEADER_CELLS + g.INSTRUMENT_CELLS * instruments_max
        # Two assets per instrument at most, and a last row for instruments that are not defined yet.
        duplicates_at = self._assets_at + (2 * instruments_max + 1) * g.ASSET_CELLS
        sets = _duplicate_sets(account)
        self.state = np.zeros(duplicates_at + sets * g.SET_CELLS, dtype=np.int64)
        self._fill_header(duplicates_at, sets)
        for instrument_id in range(instruments_max):
            self._fill_row(self.row_at(instrument_id), duplicates_at - g.ASSET_CELLS)

    def _fill_header(self, duplicates_at: int, sets: int) -> None:
        account, header = self.account, self.state
        for cell, value in {
            g.VENUE_INDEX: self._latch.venue,
            g.ACCOUNT_INDEX: self._latch.account,
            g.INSTRUMENTS: self.instruments_max,
            g.STRATEGIES_AT: len(header),
            g.STRATEGY_BLOCK: g.STRATEGY_CELLS + g.PAIR_CELLS * self.instruments_max,
            g.VALUE_CAP: 2**62 // self.instruments_max,
            g.OPEN_ORDERS_LIMIT: account.open_orders,
            g.GROSS_LIMIT: account.gross_notional_micros,
            g.NET_LONG_LIMIT: account.net_notional_micros,
            g.NET_SHORT_LIMIT: account.net_notional_micros,
            g.CONCENTRATION_PPM: account.concentration_ppm,
            g.CONCENTRATION_FROM: account.concentration_from_micros,
            g.DAILY_LOSS_LIMIT: account.daily_loss_micros,
            g.DRAWDOWN_LIMIT: account.drawdown_micros,
            g.MESSAGES_FREE: _messages(account.messages_free),
            g.MESSAGES_PER_TRADE: account.messages_per_trade,
            g.DUPLICATE_WINDOW_NS: account.duplicate_window_ns,
            g.DUPLICATES_AT: duplicates_at,
            g.DUPLICATES_SHIFT: 64 - (sets.bit_length() - 1),
        }.items():
            header[cell] = value
        self._fill_bucket(g.ORDER_RATE, account.orders_per_second, account.orders_burst)
        self._fill_bucket(g.REPLACE_RATE, account.replaces_per_second, account.replaces_burst)
        self._fill_bucket(g.CANCEL_RATE, account.cancels_per_second, account.cancels_burst)

    def _fill_bucket(self, at: int, per_second: int, burst: int) -> None:
        """A full bucket; one that never refills is empty from the start."""
        capacity = burst * NANOS if per_second else 0
        self.state[at + g.PER_SECOND], self.state[at + g.CAPACITY] = per_second, capacity
        self.state[at + g.FULL_NS] = capacity // per_second + 1 if per_second else INT64_MAX
        self.state[at + g.TOKENS] = capacity

    def _fill_row(self, at: int, no_asset_at: int) -> None:
        """A row that is not defined yet can hold what is restored; it is worth nothing until it is."""
        self.state[at + g.BASE_AT] = self.state[at + g.QUOTE_AT] = no_asset_at
        self.state[at + g.WINDOW_BUCKET_NS] = 1
        for factor in (g.BASE, g.QUOTE, g.VALUE):
            num = 0 if factor == g.VALUE else 1
            self.state[at + factor : at + factor + g.FACTOR_CELLS] = (num, 1, INT64_MAX, INT64_MAX)
        self._forget_window(at)

    def _forget_window(self, at: int) -> None:
        self.state[at + g.WINDOW_BUCKET] = 0
        self.state[at + g.WINDOW_LOWS : at + g.WINDOW_LOWS + g.WINDOW_BUCKETS] = INT64_MAX
        self.state[at + g.WINDOW_HIGHS : at + g.WINDOW_HIGHS + g.WINDOW_BUCKETS] = 0

    @staticmethod
    def row_at(instrument_id: int) -> int:
        return g.HEADER_CELLS + g.INSTRUMENT_CELLS * instrument_id

    # -- instruments ----------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        """Add an instrument, or renew its filters and limits. Raises UsageError, with nothing changed."""
        limits.validate(instrument)
        instrument_id, state = instrument.instrument_id, self.state
        if not 0 <= instrument_id < self.instruments_max:
            raise UsageError(
                f"instrument id {instrument_id} of {instrument.symbol} is not below {self.instruments_max}"
            )
        known = self.instruments.get(instrument_id)
        if known is not None and _grid(known[0]) != _grid(instrument):
            raise UsageError(f"{instrument.symbol}: tick or lot has changed; restart the venue actor to take it over")
        row = _instrument_row(instrument, limits)
        row[g.LATCH_INDEX] = self._latch.index_of("instrument", f"{instrument.venue}:{instrument.symbol}")
        row[g.BASE_AT] = self._asset_at(instrument.base_asset)
        row[g.QUOTE_AT] = self._asset_at(instrument.quote_asset)
        at = self.row_at(instrument_id)
        if known is None:
            self._charge_restored(at, row, instrument)
            row[g.NEXT_SAME_BASE] = int(state[row[g.BASE_AT] + g.FIRST_SAME_BASE])
            state[row[g.BASE_AT] + g.FIRST_SAME_BASE] = at
        if state[at + g.WINDOW_BUCKET_NS] != row[g.WINDOW_BUCKET_NS]:
            self._forget_window(at)
        for cell, value in row.items():
            state[at + cell] = value
        self.instruments[instrument_id] = (instrument, limits)
        self._convert()
        gate_books.revalue_all(state)

    def _charge_restored(self, at: int, row: dict[int, int], instrument: Instrument) -> None:
        """What was restored before the instrument was known now reserves funds of its assets."""
        for asset_at, open_cell, factor in (
            (row[g.QUOTE_AT], g.OPEN_BUY_TICK_LOTS, g.QUOTE),
            (row[g.BASE_AT], g.OPEN_SELL_LOTS, g.BASE),
        ):
            worth = -(-int(self.state[at + open_cell]) * row[factor + g.NUM] // row[factor + g.DEN])
            reserved = int(self.state[asset_at + g.FUNDS_RESERVED]) + worth
            if reserved > INT64_MAX:
                raise UsageError(f"{instrument.symbol}: its restored orders reserve funds beyond 64 bits")
            self.state[asset_at + g.FUNDS_RESERVED] = reserved

    def _convert(self) -> None:
        """By which instrument's price each other's quote asset is turned into the account's currency, if any."""
        state, currency = self.state, self.account.currency
        converters = {
            instrument.base_asset: instrument
            for instrument, _ in reversed(list(self.instruments.values()))
            if instrument.quote_asset == currency
        }
        used = set()
        for instrument, _ in self.instruments.values():
            at = self.row_at(instrument.instrument_id)
            converter = converters.get(instrument.quote_asset)
            if instrument.quote_asset == currency:
                state[at + g.CONVERT_AT] = 0
            elif converter is None:
                state[at + g.CONVERT_AT] = g.ABSENT
            else:
                state[at + g.CONVERT_AT] = self.row_at(converter.instrument_id)
                state[at + g.CONVERT_NUM] = converter.tick_units
                state[at + g.CONVERT_DEN] = 10**converter.price_scale
                used.add(converter.instrument_id)
        for instrument_id in self.instruments:
            state[self.row_at(instrument_id) + g.CONVERTS] = int(instrument_id in used)

    # -- assets ---------------------------------------------------------------------------------------------

    def set_funds(self, asset: str, total_nanos: int) -> None:
        total_nanos = max(-g.POSITION_MAX, min(total_nanos, INT64_MAX))
        self._totals[asset] = total_nanos
        at = self.assets.get(asset)
        if at is not None:
            self.state[at + g.FUNDS_TOTAL] = total_nanos
            self.state[at + g.FUNDS_KNOWN] = 1

    def _asset_at(self, asset: str) -> int:
        at = self.assets.get(asset)
        if at is None:
            at = self._assets_at + len(self.assets) * g.ASSET_CELLS
            self.assets[asset] = at
            if asset in self._totals:
                self.state[at + g.FUNDS_TOTAL] = self._totals[asset]
                self.state[at + g.FUNDS_KNOWN] = 1
            self._fill_asset_ceilings(asset)
        return at

    def _fill_asset_ceilings(self, asset: str) -> None:
        at = self.assets[asset]
        long_nanos, short_nanos = self._asset_ceilings.get(asset, (g.UNLIMITED, g.UNLIMITED))
        self.state[at + g.LONG_CEILING], self.state[at + g.SHORT_CEILING] = long_nanos, short_nanos

    # -- what a lease leaves of the account's limits ----------------------------------------------------------

    def set_ceilings(self, ceilings: Ceilings, now_ns: int) -> None:
        """The lower of own limit and ceiling, each. A bucket keeps what it holds by now, up to its new capacity."""
        account, state = self.account, self.state
        for cell, most, ceiling in (
            (g.OPEN_ORDERS_LIMIT, account.open_orders, ceilings.open_orders),
            (g.GROSS_LIMIT, account.gross_notional_micros, ceilings.gross_notional_micros),
            (g.NET_LONG_LIMIT, account.net_notional_micros, ceilings.net_long_micros),
            (g.NET_SHORT_LIMIT, account.net_notional_micros, ceilings.net_short_micros),
            (g.DAILY_LOSS_LIMIT, account.daily_loss_micros, ceilings.daily_loss_micros),
            (g.DRAWDOWN_LIMIT, account.drawdown_micros, ceilings.drawdown_micros),
        ):
            state[cell] = max(min(most, ceiling), _LEAST)
        state[g.MESSAGES_FREE] = _messages(max(min(account.messages_free, ceilings.messages_free), _LEAST))
        self._resize(
            g.ORDER_RATE,
            min(account.orders_per_second, ceilings.orders_per_second),
            min(account.orders_burst, ceilings.orders_burst),
            now_ns,
        )
        self._resize(
            g.REPLACE_RATE,
            min(account.replaces_per_second, ceilings.replaces_per_second),
            min(account.replaces_burst, ceilings.replaces_burst),
            now_ns,
        )
        self._resize(
            g.CANCEL_RATE,
            min(account.cancels_per_second, ceilings.cancels_per_second),
            min(account.cancels_burst, ceilings.cancels_burst),
            now_ns,
        )
        self._asset_ceilings = dict(account.assets)
        for asset, wanted in ceilings.assets.items():
            own = account.assets.get(asset, (g.UNLIMITED, g.UNLIMITED))
            self._asset_ceilings[asset] = (max(min(own[0], wanted[0]), _LEAST), max(min(own[1], wanted[1]), _LEAST))
        for asset in self.assets:
            self._fill_asset_ceilings(asset)

    def _resize(self, bucket: int, per_second: int, burst: int, now_ns: int) -> None:
        state = self.state
        held = int(gate_books.tokens(state, bucket, now_ns))
        self._fill_bucket(bucket, max(per_second, 0), max(burst, 0))
        state[bucket + g.TOKENS] = min(held, int(state[bucket + g.CAPACITY]))
        state[bucket + g.TOKENS_NS] = max(now_ns, int(state[bucket + g.TOKENS_NS]))

    # -- strategies -----------------------------------------------------------------------------------------

    def define_strategy(self, strategy_id: str, limits: StrategyLimits) -> int:
        """Add a strategy, or give limits to one that so far only has a past. Returns where its row begins."""
        limits.validate(strategy_id)
        at, state = self.strategy_at(strategy_id), self.state
        self._fill_bucket(at + g.STRATEGY_RATE, limits.orders_per_second, limits.orders_burst)
        state[at + g.POSITION_VALUE_LIMIT] = limits.position_notional_micros
        state[at + g.STRATEGY_GROSS_LIMIT] = limits.gross_notional_micros
        state[at + g.EXECUTIONS_LIMIT] = limits.executions
        state[at + g.EXECUTIONS_BUCKET_NS] = _bucket_ns(limits.executions_window_ns, g.EXECUTION_BUCKETS)
        self.forget_executions([strategy_id])
        return at

    def strategy_at(self, strategy_id: str) -> int:
        """Where its row begins; one that is not known gets a row that allows nothing."""
        at = self.strategies.get(strategy_id)
        if at is None:
            at = self.strategies[strategy_id] = len(self.state)
            self.state = np.concatenate((self.state, np.zeros(int(self.state[g.STRATEGY_BLOCK]), dtype=np.int64)))
            self.state[g.STRATEGIES] += 1
            index = self._latch.index_of("strategy", strategy_id) if strategy_id else UNKNOWN
            self.state[at + g.STRATEGY_LATCH_INDEX] = index
            self.state[at + g.EXECUTIONS_LIMIT] = INT64_MAX
            self.state[at + g.EXECUTIONS_BUCKET_NS] = _EXECUTIONS_WINDOW_NS
            self.state[at + g.STRATEGY_RATE + g.FULL_NS] = INT64_MAX
        return at

    def pair_at(self, strategy_at: int, instrument_id: int) -> int:
        return strategy_at + g.STRATEGY_CELLS + g.PAIR_CELLS * instrument_id

    def forget_executions(self, strategy_ids: Iterable[str]) -> None:
        """Start counting executions anew; who is throttled stays so."""
        for strategy_id in strategy_ids:
            for instrument_id in range(self.instruments_max):
                pair = self.pair_at(self.strategies[strategy_id], instrument_id)
                self.state[pair + g.PAIR_BUCKET] = 0
                self.state[pair + g.PAIR_COUNTS : pair + g.PAIR_COUNTS + g.EXECUTION_BUCKETS] = 0


def factor_cells(worth: Fraction) -> tuple[int, int, int, int]:
    """A factor as the kernels take it: numerator, denominator, and up to which amount each of their two ways goes."""
    num, den = worth.numerator, worth.denominator
    direct_max = (INT64_MAX - den) // num
    return num, den, direct_max, min(((INT64_MAX - num) // num + 1) * den - 1, INT64_MAX)


def _messages(free: int) -> int:
    return free if free < COUNT_MAX else INT64_MAX


def _duplicate_sets(account: AccountLimits) -> int:
    """Sets for all orders that one window can see, a power of two, so that hardly any set is ever full."""
    per_second = account.orders_per_second + account.replaces_per_second
    orders = account.orders_burst + account.replaces_burst + per_second * account.duplicate_window_ns // NANOS
    wanted = 1 << max(orders - 1, 0).bit_length()
    return max(_DUPLICATE_SETS_MIN, min(wanted, _DUPLICATE_SETS_MAX)) if account.duplicate_window_ns else 1


def _bucket_ns(window_ns: int, buckets: int) -> int:
    """So long a bucket that all but one of them cover the window: the last is still being filled."""
    return max(-(-window_ns // (buckets - 1)), 1)


def _grid(instrument: Instrument) -> tuple[object, ...]:
    return (
        instrument.base_asset,
        instrument.quote_asset,
        instrument.tick_units,
        instrument.price_scale,
        instrument.lot_units,
        instrument.quantity_scale,
    )


def _instrument_row(instrument: Instrument, limits: InstrumentLimits) -> dict[int, int]:
    """Filters and limits as cells; a venue's 0, meaning *no bound*, becomes the largest that the kernel can take."""
    most_lots = instrument.quantity_lots_max or g.LOTS_MAX
    row = {
        g.DEFINED: 1,
        g.PRICE_MIN: instrument.price_ticks_min,
        g.PRICE_MAX: instrument.price_ticks_max or g.TICKS_MAX,
        g.QUANTITY_MIN: instrument.quantity_lots_min,
        g.QUANTITY_MAX: most_lots,
        g.MARKET_QUANTITY_MAX: instrument.market_quantity_lots_max or most_lots,
        g.NOTIONAL_MIN: instrument.notional_tick_lots_min,
        g.NOTIONAL_MAX: instrument.notional_tick_lots_max or INT64_MAX,
        g.MARKET_NOTIONAL_MIN_APPLIES: int(instrument.market_notional_min_applies),
        g.VENUE_OPEN_ORDERS_MAX: instrument.open_orders_max or INT64_MAX,
        g.BID_UP_PPM: instrument.bid_up_ppm,
        g.BID_DOWN_PPM: instrument.bid_down_ppm,
        g.ASK_UP_PPM: instrument.ask_up_ppm,
        g.ASK_DOWN_PPM: instrument.ask_down_ppm,
        g.ORDER_QUANTITY_LIMIT: limits.order_quantity_lots,
        g.ORDER_NOTIONAL_LIMIT: limits.order_notional_tick_lots,
        g.LONG_LIMIT: limits.long_position_lots,
        g.SHORT_LIMIT: limits.short_position_lots,
        g.COLLAR_PPM: limits.price_collar_ppm,
        g.WINDOW_PPM: limits.window_collar_ppm,
        g.WINDOW_BUCKET_NS: _bucket_ns(limits.window_ns, g.WINDOW_BUCKETS),
        g.REFERENCE_AGE_NS: limits.reference_age_ns,
        **_factors(instrument),
    }
    bands = (instrument.bid_up_ppm, instrument.bid_down_ppm, instrument.ask_up_ppm, instrument.ask_down_ppm)
    if min(row.values()) < 0 or max(row.values()) > INT64_MAX or max(bands) > PPM_MAX:
        raise UsageError(f"{instrument.symbol}: a bound of its definition is negative or beyond what the gate can take")
    return row


def _factors(instrument: Instrument) -> dict[int, int]:
    quote = instrument.tick_lot_value
    worths = {
        g.QUOTE: quote * NANOS,
        g.BASE: Fraction(instrument.lot_units * NANOS, 10**instrument.quantity_scale),
        g.VALUE: quote * _MICROS,
    }
    cells: dict[int, int] = {}
    for at, worth in worths.items():
        if worth <= 0 or (worth.numerator + 1) * worth.denominator > INT64_MAX:
            raise UsageError(f"{instrument.symbol}: its tick or lot is too large or too fine for 64 bits")
        cells |= dict(enumerate(factor_cells(worth), at))
    if not 0 < instrument.tick_units < 2**31 or instrument.price_scale > 18:  # as what converts another
        raise UsageError(f"{instrument.symbol}: its tick or lot is too large or too fine for 64 bits")
    return cells
