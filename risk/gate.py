"""The gate: the one place that approves an order, and the ledger of what every order may still do.

``check`` answers with an ``Approved`` order, by then reserved in every limit, or with a ``Refusal`` that names reason,
field, observed value, limit and remedy. Checks run in this order, and the first that fails is the reason given:

    message     instrument, side, type, time in force, post-only, quantity, price, overflow, venue's filters
    authority   latch (HALTED), lease (NO_LEASE, LEASE_EXPIRED)
    limits      order quantity, reference price, order notional, venue's price band, collar, open orders, rate,
                position with everything in flight, funds

The reference price is the middle of the last two-sided quote. A limit order must lie within the collar on both sides
of it and is valued at its own price; a market order is valued at the far edge of its collar. A sell counts against
the order notional with no less than the reference price, at which it would fill.

Each open order keeps its reservation by client order id, so a release can happen only once and an overfill takes
nothing from another order: a venue's fill is always booked, into a position beyond its limit too, and from then
on only what brings it back passes.

Funds: what counts is an asset's *total*, free plus locked, in the venue's last word (``set_funds``), less what our own
open orders reserve. The venue's *locked* is its view of those same orders, so counting it as ours and then
subtracting our reservation counts each order once, also one that the venue has not seen yet. Fills move the total
until the next word replaces it. Fees are left to that word: they may be taken in either asset or a third,
and a rebate or a discount is only known to the venue. A fill that the venue's word already holds and that is
booked after it is counted twice until the word that follows, never longer.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import INT64_MAX, NANOS, Instrument
from engine.messages import Refusal
from engine.order import Approved, Order
from risk import gate_kernel as k
from risk.latch import LatchView
from risk.limits import PPM_MAX, AccountLimits, InstrumentLimits
from risk.refusal import duplicate, explain, malformed

__all__ = ["AccountLimits", "Gate", "InstrumentLimits"]

_BUY, _SELL = Side.BUY, Side.SELL
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
_BUY_CODE, _SELL_CODE = int(_BUY), int(_SELL)
_MARKET_CODE, _LIMIT_CODE = int(_MARKET), int(_LIMIT)
_GTC_CODE, _IOC_CODE, _FOK_CODE = int(_GTC), int(_IOC), int(_FOK)


class Gate:
    """All pre-trade checks of one venue actor; implements ``engine.blotter.OrderExposure``.

    Instrument ids are row numbers, so they must be below ``instruments_max``. Raises UsageError for limits that make
    no sense. Not for use from two threads.
    """

    def __init__(self, account: AccountLimits, latch: LatchView, instruments_max: int) -> None:
        account.validate()
        if instruments_max <= 0:
            raise UsageError(f"instruments_max is {instruments_max}; a gate needs room for at least one instrument")
        self._account = account
        self._latch = latch
        self._instruments_max = instruments_max
        self._assets_at = k.HEADER_CELLS + k.INSTRUMENT_CELLS * instruments_max
        # Two assets per instrument at most, and a last row for instruments that are not defined yet.
        self._state = np.zeros(self._assets_at + (2 * instruments_max + 1) * k.ASSET_CELLS, dtype=np.int64)
        # The same memory as plain Python integers: reading one cell is several times cheaper than through numpy.
        self._cells = self._state.data
        self._words = latch.words
        self._instruments: dict[int, tuple[Instrument, InstrumentLimits]] = {}
        self._assets: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        #: Lots still reserved, by client order id, of every order not yet released in full.
        self._reserved: dict[str, int] = {}
        #: Orders that have ended while some of their fills are still owed.
        self._ended: set[str] = set()
        self._fill_header(account, latch)

    def _fill_header(self, account: AccountLimits, latch: LatchView) -> None:
        cells = self._cells
        cells[k.VENUE_INDEX], cells[k.ACCOUNT_INDEX] = latch.venue, latch.account
        cells[k.OPEN_ORDERS_LIMIT] = account.open_orders
        cells[k.RATE_PER_SECOND] = account.orders_per_second
        cells[k.RATE_CAPACITY] = cells[k.RATE_TOKENS] = account.orders_burst * NANOS
        cells[k.INSTRUMENTS] = self._instruments_max
        for instrument_id in range(self._instruments_max):
            at = self._row_at(instrument_id)
            cells[at + k.BASE_AT] = cells[at + k.QUOTE_AT] = len(self._state) - k.ASSET_CELLS
            for cell in (k.BASE_NUM, k.BASE_DEN, k.QUOTE_NUM, k.QUOTE_DEN):
                cells[at + cell] = 1

    # -- what is allowed ------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        """Add an instrument, or renew its filters and limits; position, reservations and reference price stay.

        Raises UsageError when an id, bound or limit is out of range, or when tick or lot change.
        """
        limits.validate(instrument)
        instrument_id = instrument.instrument_id
        if not 0 <= instrument_id < self._instruments_max:
            raise UsageError(
                f"instrument id {instrument_id} of {instrument.symbol} is not below {self._instruments_max}"
            )
        known = self._instruments.get(instrument_id)
        if known is not None and _grid(known[0]) != _grid(instrument):
            raise UsageError(f"{instrument.symbol}: tick or lot has changed; restart the venue actor to take it over")
        row = _instrument_row(instrument, limits)
        row[k.BASE_AT] = self._asset_at(instrument.base_asset)
        row[k.QUOTE_AT] = self._asset_at(instrument.quote_asset)
        at = self._row_at(instrument_id)
        if known is None:
            self._charge_restored(at, row, instrument)
        for cell, value in row.items():
            self._cells[at + cell] = value
        self._instruments[instrument_id] = (instrument, limits)

    def _charge_restored(self, at: int, row: dict[int, int], instrument: Instrument) -> None:
        """What was restored before the instrument was known now reserves funds of its assets."""
        for asset_at, open_cell, num, den in (
            (row[k.QUOTE_AT], k.OPEN_BUY_TICK_LOTS, row[k.QUOTE_NUM], row[k.QUOTE_DEN]),
            (row[k.BASE_AT], k.OPEN_SELL_LOTS, row[k.BASE_NUM], row[k.BASE_DEN]),
        ):
            reserved = self._cells[asset_at + k.FUNDS_RESERVED] - (-self._cells[at + open_cell] * num // den)
            if reserved > INT64_MAX:
                raise UsageError(f"{instrument.symbol}: its restored orders reserve funds beyond 64 bits")
            self._cells[asset_at + k.FUNDS_RESERVED] = reserved

    def set_funds(self, asset: str, total_nanos: int) -> None:
        """The venue's word: free plus locked of one asset, in billionths. What exceeds 64 bits counts as their most."""
        total_nanos = max(-k.POSITION_MAX, min(total_nanos, INT64_MAX))
        self._totals[asset] = total_nanos
        at = self._assets.get(asset)
        if at is not None:
            self._cells[at + k.FUNDS_TOTAL] = total_nanos
            self._cells[at + k.FUNDS_KNOWN] = 1

    def grant(self, epoch: int, expires_ns: int) -> None:
        """A lease. One of an older epoch than the newest seen, or one that would end sooner, changes nothing."""
        cells = self._cells
        if epoch < cells[k.LEASE_EPOCH]:
            return
        if epoch > cells[k.LEASE_EPOCH] or not cells[k.HAS_LEASE] or expires_ns > cells[k.LEASE_EXPIRES_NS]:
            cells[k.LEASE_EXPIRES_NS] = expires_ns
        cells[k.LEASE_EPOCH] = epoch
        cells[k.HAS_LEASE] = 1

    def revoke(self) -> None:
        """No lease from now on, until the next grant."""
        self._cells[k.HAS_LEASE] = 0

    def on_quote(self, instrument_id: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> None:
        """The market's best prices. A quote with a side missing (0), crossed or absurd leaves no reference price."""
        if not 0 <= instrument_id < self._instruments_max:
            return
        at = self._row_at(instrument_id)
        self._cells[at + k.REFERENCE_TICKS] = (
            (bid_ticks + ask_ticks) >> 1 if 0 < bid_ticks <= ask_ticks <= k.TICKS_MAX else 0
        )
        self._cells[at + k.REFERENCE_NS] = now_ns

    # -- one order ------------------------------------------------------------------------------------------

    def check(self, order: Order, now_ns: int) -> Approved | Refusal:
        """Approve and reserve, or refuse and change nothing. Never raises, whatever the order's fields hold."""
        # Types are not to be trusted: an order of a co-located strategy has never been decoded from a frame.
        client_order_id: Any = order.client_order_id
        instrument_id: Any = order.instrument_id
        lots: Any = order.quantity_lots
        ticks: Any = order.price_ticks
        post_only: Any = order.post_only
        side, order_type, time_in_force = order.side, order.order_type, order.time_in_force
        if (
            type(lots) is not int
            or type(ticks) is not int
            or type(instrument_id) is not int
            or type(client_order_id) is not str
            or not -INT64_MAX <= lots <= INT64_MAX
            or not -INT64_MAX <= ticks <= INT64_MAX
            or not 0 <= instrument_id < self._instruments_max
        ):
            return malformed(order, self._instruments)
        if client_order_id in self._reserved:
            return duplicate(order)
        result = k.check(
            self._state,
            self._words,
            instrument_id,
            _BUY_CODE if side is _BUY else _SELL_CODE if side is _SELL else 0,
            _LIMIT_CODE if order_type is _LIMIT else _MARKET_CODE if order_type is _MARKET else 0,
            _GTC_CODE
            if time_in_force is _GTC
            else _IOC_CODE
            if time_in_force is _IOC
            else _FOK_CODE
            if time_in_force is _FOK
            else 0,
            0 if post_only is False else 1 if post_only is True else 2,
            lots,
            ticks,
            now_ns,
        )
        if result < 0:
            return self._refusal(order, Reason(-result))
        self._reserved[client_order_id] = lots
        order.reserve_ticks = result
        return Approved(order)

    def may_send(self, now_ns: int) -> Reason:
        """The second look, right before the bytes leave: NONE, or why latch or lease forbid it now."""
        cells = self._cells
        if not self._latch.is_trading():
            return Reason.HALTED
        if not cells[k.HAS_LEASE]:
            return Reason.NO_LEASE
        return Reason.NONE if now_ns < cells[k.LEASE_EXPIRES_NS] else Reason.LEASE_EXPIRED

    def abandon(self, order: Order) -> None:
        """An approved order was not sent: undo its reservation and its count against the rate."""
        lots = self._reserved.pop(order.client_order_id, None)
        if lots is not None:
            k.release(self._state, order.instrument_id, int(order.side), lots, order.reserve_ticks, 1)
            k.refund_token(self._state)

    def restore(self, order: Order) -> None:
        """Reserve what an order from the journal may still fill, without checks, also before its instrument is defined.

        A market order that was never valued reserves the funds of one tick: it does not rest, so it has ended at the
        venue before reconciliation has, and until then nothing new is sent. Raises InvariantError for an order
        that no gate of this size can have passed.
        """
        client_order_id, instrument_id, lots = order.client_order_id, order.instrument_id, order.leaves_lots
        if not 0 <= instrument_id < self._instruments_max:
            raise InvariantError(
                f"order {client_order_id} to restore is of instrument {instrument_id}, which has no row"
            )
        if client_order_id in self._reserved:
            raise InvariantError(f"order {client_order_id} to restore is reserved already")
        ticks = order.price_ticks or order.reserve_ticks or 1
        if lots <= 0 or k.reserve(self._state, instrument_id, int(order.side), lots, ticks) != 0:
            raise InvariantError(f"order {client_order_id} to restore has {lots} lots at {ticks} ticks to reserve")
        order.reserve_ticks = ticks
        self._reserved[client_order_id] = lots

    # -- engine.blotter.OrderExposure -----------------------------------------------------------------------

    def filled(self, order: Order, last_lots: int, last_ticks: int) -> None:
        """Book an execution: out of the order's reservation as far as that goes, into position and funds in full."""
        reserved = self._reserved.get(order.client_order_id, 0)
        from_reserved = min(reserved, last_lots)
        self._book(order, from_reserved, last_lots, last_ticks)
        if from_reserved:
            self._keep(order.client_order_id, reserved - from_reserved)

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int) -> None:
        """Book an execution that nothing was reserved for: of an order that had ended, or more than it was for."""
        self._book(order, 0, last_lots, last_ticks)

    def _book(self, order: Order, from_reserved: int, last_lots: int, last_ticks: int) -> None:
        if last_lots <= 0 or last_ticks < 0 or not 0 <= order.instrument_id < self._instruments_max:
            raise InvariantError(f"a fill of {order.client_order_id} with {last_lots} lots at {last_ticks} ticks")
        k.fill(
            self._state,
            order.instrument_id,
            int(order.side),
            from_reserved,
            order.reserve_ticks,
            min(last_lots, k.LOTS_MAX),
            min(last_ticks, k.TICKS_MAX),
        )

    def closed(self, order: Order, released_lots: int) -> None:
        """The order has ended: release up to ``released_lots`` of what it still reserves; the rest awaits its fills.

        Calling it again releases more if there is more, and never counts the order's end twice.
        """
        client_order_id = order.client_order_id
        reserved = self._reserved.get(client_order_id)
        if reserved is None:
            return
        released = min(reserved, max(released_lots, 0))
        is_first = client_order_id not in self._ended
        k.release(
            self._state, order.instrument_id, int(order.side), released, order.reserve_ticks, 1 if is_first else 0
        )
        self._ended.add(client_order_id)
        self._keep(client_order_id, reserved - released)

    def _keep(self, client_order_id: str, lots: int) -> None:
        if lots == 0 and client_order_id in self._ended:
            del self._reserved[client_order_id]
            self._ended.discard(client_order_id)
        else:
            self._reserved[client_order_id] = lots

    # -- reading --------------------------------------------------------------------------------------------

    def position_lots(self, instrument_id: int) -> int:
        """Net position booked by fills; 0 for an unknown instrument."""
        return self._cell(instrument_id, k.POSITION)

    def open_lots(self, instrument_id: int, side: Side) -> int:
        """Everything of one side that may still fill."""
        return self._cell(instrument_id, k.OPEN_BUY_LOTS if side is _BUY else k.OPEN_SELL_LOTS)

    @property
    def open_orders(self) -> int:
        """Orders approved or restored and not yet ended."""
        return int(self._cells[k.OPEN_ORDERS])

    def reserved_nanos(self, asset: str) -> int:
        """What open orders hold of an asset, in billionths."""
        at = self._assets.get(asset)
        return 0 if at is None else int(self._cells[at + k.FUNDS_RESERVED])

    def _cell(self, instrument_id: int, cell: int) -> int:
        if not 0 <= instrument_id < self._instruments_max:
            return 0
        return int(self._cells[self._row_at(instrument_id) + cell])

    @staticmethod
    def _row_at(instrument_id: int) -> int:
        return k.HEADER_CELLS + k.INSTRUMENT_CELLS * instrument_id

    # -- inside ---------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Compile or load every kernel, on a scratch copy: the first real order must not pay for it."""
        scratch = np.zeros_like(self._state)
        scratch[k.INSTRUMENTS] = 1
        for cell in (k.BASE_NUM, k.BASE_DEN, k.QUOTE_NUM, k.QUOTE_DEN):
            scratch[k.HEADER_CELLS + cell] = 1
        calls: tuple[tuple[Callable[..., object], tuple[int, ...]], ...] = (
            (k.reserve, (0, 1, 1, 1)),
            (k.release, (0, 1, 1, 1, 1)),
            (k.fill, (0, 1, 0, 1, 1, 1)),
            (k.refund_token, ()),
        )
        k.check(scratch, self._words, 0, 1, 2, 1, 0, 1, 1, 0)
        for kernel, arguments in calls:
            kernel(scratch, *arguments)

    def _asset_at(self, asset: str) -> int:
        at = self._assets.get(asset)
        if at is None:
            at = self._assets_at + len(self._assets) * k.ASSET_CELLS
            self._assets[asset] = at
            if asset in self._totals:
                self._cells[at + k.FUNDS_TOTAL] = self._totals[asset]
                self._cells[at + k.FUNDS_KNOWN] = 1
        return at

    def _refusal(self, order: Order, reason: Reason) -> Refusal:
        observed, limit = self._cells[k.OBSERVED], self._cells[k.LIMIT]
        known = self._instruments.get(order.instrument_id)
        cause = self._latch.cause() if reason is Reason.HALTED else None
        return explain(reason, order, observed, limit, known[0] if known else None, cause)


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
    quote = instrument.tick_lot_value * NANOS
    base = Fraction(instrument.lot_units * NANOS, 10**instrument.quantity_scale)
    most_lots = instrument.quantity_lots_max or k.LOTS_MAX
    row = {
        k.DEFINED: 1,
        k.PRICE_MIN: instrument.price_ticks_min,
        k.PRICE_MAX: instrument.price_ticks_max or k.TICKS_MAX,
        k.QUANTITY_MIN: instrument.quantity_lots_min,
        k.QUANTITY_MAX: most_lots,
        k.MARKET_QUANTITY_MAX: instrument.market_quantity_lots_max or most_lots,
        k.NOTIONAL_MIN: instrument.notional_tick_lots_min,
        k.NOTIONAL_MAX: instrument.notional_tick_lots_max or INT64_MAX,
        k.MARKET_NOTIONAL_MIN_APPLIES: int(instrument.market_notional_min_applies),
        k.VENUE_OPEN_ORDERS_MAX: instrument.open_orders_max or INT64_MAX,
        k.BID_UP_PPM: instrument.bid_up_ppm,
        k.BID_DOWN_PPM: instrument.bid_down_ppm,
        k.ASK_UP_PPM: instrument.ask_up_ppm,
        k.ASK_DOWN_PPM: instrument.ask_down_ppm,
        k.ORDER_QUANTITY_LIMIT: limits.order_quantity_lots,
        k.ORDER_NOTIONAL_LIMIT: limits.order_notional_tick_lots,
        k.LONG_LIMIT: limits.long_position_lots,
        k.SHORT_LIMIT: limits.short_position_lots,
        k.COLLAR_PPM: limits.price_collar_ppm,
        k.REFERENCE_AGE_NS: limits.reference_age_ns,
        k.QUOTE_NUM: quote.numerator,
        k.QUOTE_DEN: quote.denominator,
        k.BASE_NUM: base.numerator,
        k.BASE_DEN: base.denominator,
    }
    bands = (instrument.bid_up_ppm, instrument.bid_down_ppm, instrument.ask_up_ppm, instrument.ask_down_ppm)
    if min(row.values()) < 0 or max(row.values()) > INT64_MAX or max(bands) > PPM_MAX:
        raise UsageError(f"{instrument.symbol}: a bound of its definition is negative or beyond what the gate can take")
    for worth in (quote, base):
        if worth <= 0 or (worth.numerator + 1) * worth.denominator > INT64_MAX:
            raise UsageError(f"{instrument.symbol}: its tick or lot is too large or too fine for 64 bits")
    return row
