"""The gate: the one place that approves an order, and the ledger of what every order may still do.

``check`` answers with an ``Approved`` order, by then reserved in every limit, or with a ``Refusal`` that names reason,
field, observed value, limit and remedy. Checks run in this order, and the first that fails is the reason given:

    message     instrument, side, type, time in force, post-only, quantity, price, overflow, venue's filters
                (of an order with instructions those too: risk/gate_special.py)
    authority   a strategy with limits, latch (HALTED, REDUCE_ONLY), lease (NO_LEASE, LEASE_EXPIRED)
    limits      execution throttle, daily loss, drawdown, order quantity, reference price, order notional, venue's price
                band, collar, collar over the window, open orders, rate, strategy's rate, order-to-trade, repeated
                order, position with everything in flight, asset, funds, net, gross, concentration, strategy's
                position and gross

The reference price is the middle of the last two-sided quote. A limit order must lie within the collar on both sides
of it and is valued at its own price; a market order is valued at the far edge of its collar. A sell counts
with no less than the reference price, at which it would fill.

Reduce-only. Under a latch in mode REDUCE, and after a loss beyond its limit, passes what provably shrinks the position
whatever else fills: a sell up to the position less what may already be sold of it, and the mirror of that when short;
never from flat, never through zero. It must hold for the account's position and for the strategy's own. Of a
replacement the original counts too until the venue has cancelled it, since both may fill.

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

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.codes import Contingency, OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import INT64_MAX, Instrument
from engine.kernel import entry_of
from engine.messages import Refusal
from engine.order import Approved, Order
from risk import gate_books, gate_kernel
from risk import gate_special as special
from risk import gate_state as g
from risk.gate_lists import GateLists
from risk.gate_tables import GateTables
from risk.latch import LatchView
from risk.limits import AccountLimits, Ceilings, InstrumentLimits, StrategyLimits, Usage
from risk.refusal import duplicate, explain, malformed, unknown_instrument

__all__ = ["AccountLimits", "Gate", "InstrumentLimits", "StrategyLimits"]

_BUY, _SELL = Side.BUY, Side.SELL
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
_BUY_CODE, _SELL_CODE = int(_BUY), int(_SELL)
_MARKET_CODE, _LIMIT_CODE = int(_MARKET) << g.TYPE_SHIFT, int(_LIMIT) << g.TYPE_SHIFT
_GTC_CODE, _IOC_CODE, _FOK_CODE = (int(each) << g.TIF_SHIFT for each in (_GTC, _IOC, _FOK))
_POST_CODE, _NO_POST_CODE = 1 << g.POST_SHIFT, 2 << g.POST_SHIFT
_REPLACE_CODE, _CLOSING_CODE = g.REPLACE_FLAG, g.CLOSING_FLAG

#: Limits of the account whose ceiling lets an order pass when it is what was observed.
_SHARED = {
    Reason.GROSS_NOTIONAL: "gross_notional_micros",
    Reason.DAILY_LOSS: "daily_loss_micros",
    Reason.DRAWDOWN: "drawdown_micros",
}

_Kernel = Callable[..., int]


class Gate:
    """All pre-trade checks of one venue actor; implements ``engine.blotter.OrderExposure``.

    Instrument ids are row numbers, so they must be below ``instruments_max``. Raises UsageError for limits that make
    no sense. Not for use from two threads.
    """

    def __init__(self, account: AccountLimits, latch: LatchView, instruments_max: int) -> None:
        self._tables = GateTables(account, latch, instruments_max)
        self._latch = latch
        self._words = latch.words
        self._bind()
        self._check: _Kernel = gate_kernel.check
        self._may_send: _Kernel = gate_kernel.may_send
        self._release: Callable[..., None] = gate_books.release
        #: Where the row of each strategy begins that may send.
        self._strategies: dict[str, int] = {}
        #: Lots still reserved, by client order id, of every order not yet released in full.
        self._reserved: dict[str, int] = {}
        #: Orders that have ended while some of their fills are still owed.
        self._ended: set[str] = set()
        #: Orders that were approved to close, by client order id.
        self._closing: set[str] = set()
        #: Orders that reserve together; empty for most of the time.
        self.lists = GateLists(self)
        self._day = -1
        self._refused: tuple[Reason, int, int] = (Reason.NONE, 0, 0)
        self._refused_side = _BUY
        #: A state of no consequence, and where its strategy's row begins.
        self._scratch = self._state, 0

    def _bind(self) -> None:
        self._state = self._tables.state
        # The same memory as plain Python integers: reading one cell is several times cheaper than through numpy.
        self._cells = self._state.data

    # -- what is allowed ------------------------------------------------------------------------------------

    def define(self, instrument: Instrument, limits: InstrumentLimits) -> None:
        """Add an instrument, or renew its filters and limits; position, reservations and reference price stay.

        Raises UsageError when an id, bound or limit is out of range, or when tick or lot change.
        """
        self._tables.define(instrument, limits)

    def define_strategy(self, strategy_id: str, limits: StrategyLimits) -> None:
        """Let a strategy trade. One without limits is refused with WRONG_STRATEGY. Raises UsageError."""
        self._strategies[strategy_id] = self._tables.define_strategy(strategy_id, limits)
        self._bind()

    def set_ceilings(self, ceilings: Ceilings, now_ns: int) -> None:
        """What the lease leaves of the account's limits, until the next call. The lower of both counts, each.

        A higher rate adds no orders at once: the bucket keeps what it holds, up to its new size.
        """
        self._tables.set_ceilings(ceilings, now_ns)

    def set_funds(self, asset: str, total_nanos: int) -> None:
        """The venue's word: free plus locked of one asset, in billionths. What exceeds 64 bits counts as their most."""
        self._tables.set_funds(asset, total_nanos)

    def grant(self, epoch: int, expires_ns: int) -> None:
        """A lease. One of an older epoch than the newest seen, or one that would end sooner, changes nothing."""
        cells = self._cells
        if epoch < cells[g.LEASE_EPOCH]:
            return
        if epoch > cells[g.LEASE_EPOCH] or not cells[g.HAS_LEASE] or expires_ns > cells[g.LEASE_EXPIRES_NS]:
            cells[g.LEASE_EXPIRES_NS] = expires_ns
        cells[g.LEASE_EPOCH] = epoch
        cells[g.HAS_LEASE] = 1

    def revoke(self) -> None:
        """No lease from now on, until the next grant."""
        self._cells[g.HAS_LEASE] = 0

    def on_quote(self, instrument_id: int, bid_ticks: int, ask_ticks: int, now_ns: int) -> None:
        """The market's best prices. A quote with a side missing (0), crossed or absurd leaves no reference price."""
        if 0 <= instrument_id < self._tables.instruments_max:
            gate_books.quote(self._state, instrument_id, bid_ticks, ask_ticks, now_ns)

    def on_day(self, day: int) -> bool:
        """Daily loss, drawdown and messages count from here when this is a later day than the last. True: it is."""
        if day <= self._day:
            return False
        self._day = day
        gate_books.start_day(self._state)
        return True

    def restore_day(self, began_micros: int, best_micros: int) -> None:
        """After a replay: daily loss counts from this profit, and the day's best was this much above it."""
        self._cells[g.DAY_PNL] = began_micros
        self._cells[g.PEAK_PNL] = began_micros + best_micros

    def needs_price(self) -> tuple[int, ...]:
        """Instruments whose price the account's profit depends on: with a position, or converting another's profit."""
        return tuple(
            instrument_id
            for instrument_id in self._tables.instruments
            if self.position_lots(instrument_id) or self._cell(instrument_id, g.CONVERTS)
        )

    def has_price(self, instrument_id: int) -> bool:
        """Whether the market's last quote had both sides."""
        return self._cell(instrument_id, g.REFERENCE_TICKS) > 0

    # -- one order ------------------------------------------------------------------------------------------

    def check(self, order: Order, now_ns: int) -> Approved | Refusal:
        """Approve and reserve, or refuse and change nothing. Never raises, whatever the order's fields hold."""
        # Types are not to be trusted: an order of a co-located strategy has never been decoded from a frame.
        if order.instructions is not None:
            return self._check_special(order, now_ns)
        client_order_id: Any = order.client_order_id
        instrument_id: Any = order.instrument_id
        lots: Any = order.quantity_lots
        ticks: Any = order.price_ticks
        if (
            type(lots) is not int
            or type(ticks) is not int
            or type(instrument_id) is not int
            or type(client_order_id) is not str
        ):
            return malformed(order, self._tables.instruments)
        if client_order_id in self._reserved:
            return duplicate(order)
        try:
            result = self._check(
                self._state,
                self._words,
                _code(order),
                self._strategies.get(order.strategy_id, 0),
                instrument_id,
                lots,
                ticks,
                now_ns,
            )
        except (OverflowError, TypeError):  # a number beyond 64 bits, a strategy id that is no text
            return malformed(order, self._tables.instruments)
        if result < 0:
            return self._refusal(order, Reason(-result))
        self._reserved[client_order_id] = lots
        order.reserve_ticks = result
        return Approved(order)

    def _check_special(self, order: Order, now_ns: int) -> Approved | Refusal:
        """The same for an order that is not a plain one (``risk/gate_special.py``). What only the market says against
        it is looked at last, when all that a plain order is held to has passed."""
        numbers = (order.instrument_id, order.quantity_lots, order.price_ticks)
        if any(type(each) is not int for each in numbers) or type(order.client_order_id) is not str:
            return malformed(order, self._tables.instruments)
        known = self._tables.instruments.get(order.instrument_id)
        if known is None:
            return unknown_instrument(order.instrument_id)
        fault = special.shape_fault(order) or special.venue_fault(order, known[0])
        if fault is not None:
            return fault
        if order.client_order_id in self._reserved:
            return duplicate(order)
        ticks = self._value_ticks(order) if order.order_type.is_triggered else order.price_ticks
        try:
            strategy_at = self._strategies.get(order.strategy_id, 0)
            lots, code = order.quantity_lots, _special_code(order)
            result = self._check(self._state, self._words, code, strategy_at, order.instrument_id, lots, ticks, now_ns)
        except (OverflowError, TypeError):
            return malformed(order, self._tables.instruments)
        if result < 0:
            return self._refusal(order, Reason(-result))
        self._reserved[order.client_order_id] = lots
        order.reserve_ticks = result
        if order.order_type.is_triggered:
            cells = (g.BID_BAND_LOW, g.BID_BAND_HIGH) if order.side is _BUY else (g.ASK_BAND_LOW, g.ASK_BAND_HIGH)
            low, high = (self._cell(order.instrument_id, cell) for cell in cells)
            reference = self._cell(order.instrument_id, g.REFERENCE_TICKS)
            fault = special.market_fault(order, known[0], reference, known[1].price_collar_ppm, (low, high))
            if fault is not None:
                self.abandon(order)
                return fault
        return Approved(order)

    def _value_ticks(self, order: Order) -> int:
        reference = self._cell(order.instrument_id, g.REFERENCE_TICKS)
        return special.value_ticks(order, reference, self._tables.instruments[order.instrument_id][1].price_collar_ppm)

    def check_list(
        self, orders: Sequence[Order], contingency: Contingency, now_ns: int
    ) -> tuple[Approved, ...] | Refusal:
        """Approve and reserve all orders of a list for what they can do together (``risk/gate_lists.py``), or none."""
        fault = self.lists.reserve(orders, contingency, now_ns)
        return fault or tuple(Approved(each) for each in orders)

    def check_closing(self, order: Order, now_ns: int) -> Approved | Refusal:
        """Approve and reserve an order of the venue actor's own that closes a position under a kill of mode FLATTEN.

        It passes only while the latch says so, needs the lease, must shrink the account's position, and is held to
        size, prices, rate, open orders and funds like any other. Any strategy id may stand on it.
        """
        if order.client_order_id in self._reserved:
            return duplicate(order)
        strategy_at = self._strategy_at(order)
        result = self._check(
            self._state,
            self._words,
            _code(order) | _CLOSING_CODE,
            strategy_at,
            order.instrument_id,
            order.quantity_lots,
            order.price_ticks,
            now_ns,
        )
        if result < 0:
            return self._refusal(order, Reason(-result))
        self._reserved[order.client_order_id] = order.quantity_lots
        self._closing.add(order.client_order_id)
        order.reserve_ticks = result
        return Approved(order)

    def may_send(self, order: Order, now_ns: int) -> Reason:
        """The second look at an approved order, right before its bytes leave: NONE, or why latch or lease forbid it."""
        code = _BUY_CODE if order.side is _BUY else _SELL_CODE
        if self._closing and order.client_order_id in self._closing:
            code |= _CLOSING_CODE
        strategy_at = self._tables.strategies[order.strategy_id]
        result = self._may_send(self._state, self._words, code, strategy_at, order.instrument_id, now_ns)
        return Reason(result) if result else Reason.NONE

    def abandon(self, order: Order) -> None:
        """An approved order was not sent: undo its reservation and all that counted it."""
        client_order_id = order.client_order_id
        lots = self._reserved.pop(client_order_id, None)
        if lots is None:
            return
        strategy_at, side = self._strategy_at(order), int(order.side)
        gate_books.release(self._state, order.instrument_id, strategy_at, side, lots, order.reserve_ticks, 1)
        gate_books.refund(
            self._state,
            order.instrument_id,
            strategy_at,
            int(client_order_id in self._closing),
            side,
            order.quantity_lots,
            order.reserve_ticks if order.order_type.is_triggered else order.price_ticks,
            1 if order.orig_client_order_id else 0,
        )
        self._closing.discard(client_order_id)

    def on_cancel(self, now_ns: int) -> bool:
        """Count a cancel that is sent. True: there are more of them than their rate, which refuses none."""
        return gate_books.cancel(self._state, now_ns) != 0

    def restore(self, order: Order) -> None:
        """Reserve what an order from the journal may still fill, without checks, also before its instrument is defined.

        One with instructions was journalled with its worth. A market order that was never valued reserves the funds of
        one tick: it does not rest, so it has ended at the venue before reconciliation has, and until then nothing new
        is sent. Raises InvariantError for an order that no gate of this size can have passed.
        """
        client_order_id, instrument_id, lots = order.client_order_id, order.instrument_id, order.leaves_lots
        if not 0 <= instrument_id < self._tables.instruments_max:
            raise InvariantError(
                f"order {client_order_id} to restore is of instrument {instrument_id}, which has no row"
            )
        if client_order_id in self._reserved:
            raise InvariantError(f"order {client_order_id} to restore is reserved already")
        ticks = max(order.price_ticks, order.reserve_ticks, 1)
        if order.order_type.is_triggered and not order.reserve_ticks and instrument_id in self._tables.instruments:
            ticks = self._value_ticks(order)  # one that only the venue still knew of
        strategy_at = self._strategy_at(order)
        if lots <= 0 or not gate_books.reserve(self._state, instrument_id, strategy_at, int(order.side), lots, ticks):
            raise InvariantError(f"order {client_order_id} to restore has {lots} lots at {ticks} ticks to reserve")
        order.reserve_ticks = ticks
        self._reserved[client_order_id] = lots
        self._cells[g.MESSAGES] += 1

    def restored(self) -> None:
        """The journal has been replayed: executions are counted anew, on this life's clock. Who is throttled stays."""
        self._tables.forget_executions(self._tables.strategies)

    # -- engine.blotter.OrderExposure -----------------------------------------------------------------------

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        """Book an execution: out of the order's reservation as far as that goes, into position and funds in full."""
        if self.lists and self.lists.holds(order.client_order_id):
            self._book(order, self.lists.take(order, last_lots), last_lots, last_ticks, now_ns)
            return
        reserved = self._reserved.get(order.client_order_id, 0)
        from_reserved = min(reserved, last_lots)
        self._book(order, from_reserved, last_lots, last_ticks, now_ns)
        if self.lists:
            self.lists.worked(order, last_lots)
        if from_reserved:
            self._keep(order.client_order_id, reserved - from_reserved)

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        """Book an execution that nothing was reserved for: of an order that had ended, or more than it was for."""
        self._book(order, 0, last_lots, last_ticks, now_ns)

    def _book(self, order: Order, from_reserved: int, last_lots: int, last_ticks: int, now_ns: int) -> None:
        if last_lots <= 0 or last_ticks < 0 or not 0 <= order.instrument_id < self._tables.instruments_max:
            raise InvariantError(f"a fill of {order.client_order_id} with {last_lots} lots at {last_ticks} ticks")
        strategy_at = self._strategy_at(order)
        gate_books.fill(
            self._state,
            order.instrument_id,
            strategy_at,
            int(order.side),
            from_reserved,
            order.reserve_ticks,
            min(last_lots, g.LOTS_MAX),
            min(last_ticks, g.TICKS_MAX),
            now_ns,
        )

    def closed(self, order: Order, released_lots: int) -> None:
        """The order has ended: release up to ``released_lots`` of what it still reserves; the rest awaits its fills.

        Calling it again releases more if there is more, and never counts the order's end twice.
        """
        client_order_id = order.client_order_id
        reserved = self._reserved.get(client_order_id)
        if reserved is None:
            return
        if self.lists:
            if self.lists.holds(client_order_id):
                self.lists.closed(order)
                return
            self.lists.ended(client_order_id)
        released = min(reserved, max(released_lots, 0))
        first = 0 if client_order_id in self._ended else 1
        strategy_at = self._strategy_at(order)
        self._release(
            self._state, order.instrument_id, strategy_at, int(order.side), released, order.reserve_ticks, first
        )
        if first:
            self._ended.add(client_order_id)
        self._keep(client_order_id, reserved - released)

    def _keep(self, client_order_id: str, lots: int) -> None:
        if lots == 0 and client_order_id in self._ended:
            del self._reserved[client_order_id]
            self._ended.discard(client_order_id)
            self._closing.discard(client_order_id)
        else:
            self._reserved[client_order_id] = lots

    def _strategy_at(self, order: Order) -> int:
        """Where the row of an order's strategy begins; it gets one if it has none, to book what has happened."""
        at = self._tables.strategies.get(order.strategy_id)
        if at is None:
            at = self._tables.strategy_at(order.strategy_id)
            self._bind()
        return at

    # -- the execution throttle -----------------------------------------------------------------------------

    def throttled(self) -> tuple[tuple[str, int], ...]:
        """Each (strategy, instrument id) that fired too often and waits for a person."""
        return tuple(
            (strategy_id, instrument_id)
            for strategy_id, at in self._tables.strategies.items()
            for instrument_id in range(self._tables.instruments_max)
            if self._cells[self._tables.pair_at(at, instrument_id) + g.PAIR_THROTTLED]
        )

    def is_throttled(self, strategy_id: str, instrument_id: int) -> bool:
        at = self._tables.strategies.get(strategy_id)
        return at is not None and self._cells[self._tables.pair_at(at, instrument_id) + g.PAIR_THROTTLED] != 0

    def throttle(self, strategy_id: str, instrument_id: int) -> None:
        """What the journal says: it fired too often in an earlier life, and nobody has enabled it since."""
        at = self._tables.strategy_at(strategy_id)
        self._bind()
        self._state[self._tables.pair_at(at, instrument_id) + g.PAIR_THROTTLED] = 1

    def enable(self, strategy_id: str, instrument_id: int) -> None:
        """A person lets a throttled strategy trade the instrument again. Raises UsageError when it is not throttled."""
        if (strategy_id, instrument_id) not in self.throttled():
            raise UsageError(f"strategy {strategy_id!r} is not throttled in instrument {instrument_id}")
        pair = self._tables.pair_at(self._tables.strategies[strategy_id], instrument_id)
        self._state[pair + g.PAIR_THROTTLED] = 0
        self._state[pair + g.PAIR_COUNTS : pair + g.PAIR_COUNTS + g.EXECUTION_BUCKETS] = 0

    def held_by_strategies(self) -> Iterator[tuple[str, int, int, int, int]]:
        """Each (strategy, instrument id, position, open buys, open sells), in lots, where there is anything."""
        cells = self._cells
        for strategy_id, at in self._tables.strategies.items():
            for instrument_id in self._tables.instruments:
                pair = self._tables.pair_at(at, instrument_id)
                held = (g.PAIR_POSITION, g.PAIR_OPEN_BUY_LOTS, g.PAIR_OPEN_SELL_LOTS)
                position, buys, sells = (int(cells[pair + cell]) for cell in held)
                if position or buys or sells:
                    yield strategy_id, instrument_id, position, buys, sells

    # -- reading --------------------------------------------------------------------------------------------

    def position_lots(self, instrument_id: int) -> int:
        """Net position booked by fills; 0 for an unknown instrument."""
        return self._cell(instrument_id, g.POSITION)

    def open_lots(self, instrument_id: int, side: Side) -> int:
        """Everything of one side that may still fill."""
        return self._cell(instrument_id, g.OPEN_BUY_LOTS if side is _BUY else g.OPEN_SELL_LOTS)

    def reducible_lots(self, instrument_id: int, side: Side) -> int:
        """What a closing order of this side may hold at most now."""
        position, opened = self.position_lots(instrument_id), self.open_lots(instrument_id, side)
        return max((-position if side is _BUY else position) - opened, 0)

    @property
    def open_orders(self) -> int:
        """Orders approved or restored and not yet ended."""
        return int(self._cells[g.OPEN_ORDERS])

    def reserved_nanos(self, asset: str) -> int:
        """What open orders hold of an asset, in billionths."""
        at = self._tables.assets.get(asset)
        return 0 if at is None else int(self._cells[at + g.FUNDS_RESERVED])

    def pnl_micros(self) -> int:
        """Realised and marked profit since the day began, before fees, in millionths of the account's currency."""
        return int(self._cells[g.PNL] - self._cells[g.DAY_PNL])

    def profits_micros(self) -> dict[int, int]:
        """Each instrument's realised and marked profit, all days together; their sum is the account's."""
        return {instrument_id: self._cell(instrument_id, g.VALUE_PNL) for instrument_id in self._tables.instruments}

    def best_micros(self) -> int:
        """The highest that the profit since the day began has been."""
        return int(self._cells[g.PEAK_PNL] - self._cells[g.DAY_PNL])

    def drawdown_micros(self) -> int:
        """By how much that is below its highest point since the day began."""
        return int(self._cells[g.PEAK_PNL] - self._cells[g.PNL])

    @property
    def cancels_over_rate(self) -> int:
        return int(self._cells[g.CANCELS_OVER_RATE])

    def usage(self) -> Usage:
        """What is used now of everything that a lease bounds."""
        assets: dict[str, tuple[int, int]] = {}
        for instrument, _ in self._tables.instruments.values():
            longs, shorts = assets.get(instrument.base_asset, (0, 0))
            at = self._tables.row_at(instrument.instrument_id)
            position = int(self._cells[at + g.POSITION])
            buys, sells = int(self._cells[at + g.OPEN_BUY_LOTS]), int(self._cells[at + g.OPEN_SELL_LOTS])
            longs += int(gate_books.scaled_up(self._state, at + g.BASE, position + buys))
            shorts += int(gate_books.scaled_up(self._state, at + g.BASE, sells - position))
            assets[instrument.base_asset] = (min(longs, INT64_MAX), min(shorts, INT64_MAX))
        cells = self._cells
        return Usage(
            open_orders=self.open_orders,
            gross_notional_micros=int(cells[g.GROSS]),
            net_long_micros=int(cells[g.NET_LONG]),
            net_short_micros=int(cells[g.NET_SHORT]),
            daily_loss_micros=-self.pnl_micros(),
            drawdown_micros=self.drawdown_micros(),
            messages=int(cells[g.MESSAGES] - cells[g.TRADES] * cells[g.MESSAGES_PER_TRADE]),
            assets=assets,
        )

    def paced(self) -> tuple[int, int, int]:
        """Orders, replacements and cancels that were counted against their rates, in this life."""
        return tuple(int(self._cells[bucket + g.SPENT]) for bucket in (g.ORDER_RATE, g.REPLACE_RATE, g.CANCEL_RATE))  # type: ignore[return-value]  # three of them

    def shortfall(self) -> dict[str, int]:
        """After a refusal for a ceiling: the ceiling that would have let the order pass; empty after any other.

        Keys are the budgets of ``risk/budgets.py``. What the account's own limit
        forbids, no ceiling allows.
        """
        reason, observed, instrument_id = self._refused
        account = self._tables.account
        if reason is Reason.ORDER_RATE:
            return self._faster(g.ORDER_RATE, "orders", account.orders_per_second, account.orders_burst)
        if reason is Reason.REPLACE_RATE:
            return self._faster(g.REPLACE_RATE, "replaces", account.replaces_per_second, account.replaces_burst)
        if reason is Reason.ASSET_LONG or reason is Reason.ASSET_SHORT:
            asset = self._tables.instruments[instrument_id][0].base_asset
            own = account.assets.get(asset, (INT64_MAX, INT64_MAX))
            if reason is Reason.ASSET_LONG:
                return _within(f"long:{asset}", observed, own[0])
            return _within(f"short:{asset}", observed, own[1])
        if reason is Reason.ORDER_TO_TRADE:
            paid = int(self._cells[g.TRADES] * self._cells[g.MESSAGES_PER_TRADE])
            return _within("messages_free", observed - paid, account.messages_free)
        if reason is Reason.NET_NOTIONAL:
            side = "long" if self._refused_side is _BUY else "short"
            return _within(f"net_{side}_micros", observed, account.net_notional_micros)
        if reason is Reason.OPEN_ORDERS:
            return _within("open_orders", observed + 1, account.open_orders)
        name = _SHARED.get(reason, "")
        return _within(name, observed, getattr(account, name)) if name else {}

    def _faster(self, bucket: int, pace: str, own_per_second: int, own_burst: int) -> dict[str, int]:
        rate = int(self._cells[bucket + g.PER_SECOND]) + 1
        if rate > own_per_second:
            return {}
        return {f"{pace}_per_second": rate, f"{pace}_burst": min(own_burst, rate)}

    def _cell(self, instrument_id: int, cell: int) -> int:
        if not 0 <= instrument_id < self._tables.instruments_max:
            return 0
        return int(self._cells[self._tables.row_at(instrument_id) + cell])

    # -- inside ---------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Compile or load every kernel, on a scratch copy: the first real order must not pay for it.

        From then on the kernels of an order's path and of its end are called by their compiled entry, without looking
        up their types on each call.
        """
        scratch = GateTables(self._tables.account, self._latch, 1)
        at = scratch.strategy_at("")
        state, words = scratch.state, self._words
        self._check = entry_of(gate_kernel.check, state, words, 0, at, 0, 1, 1, 0)
        self._may_send = entry_of(gate_kernel.may_send, state, words, 0, at, 0, 0)
        self._release = entry_of(gate_books.release, state, 0, at, 1, 1, 1, 1)
        self._scratch = state, at
        self._check(state, words, 0, at, 0, 1, 1, 0)
        self._may_send(state, words, 1, at, 0, 0)
        gate_books.reserve(state, 0, at, 1, 1, 1)
        self._release(state, 0, at, 1, 1, 1, 1)
        gate_books.fill(state, 0, at, 1, 0, 1, 1, 1, 0)
        gate_books.refund(state, 0, at, 0, 1, 1, 1, 0)
        gate_books.quote(state, 0, 1, 1, 0)
        gate_books.cancel(state, 0)
        gate_books.start_day(state)
        gate_books.revalue_all(state)
        gate_books.tokens(state, g.ORDER_RATE, 0)
        gate_books.scaled_up(state, scratch.row_at(0) + g.BASE, 0)

    def rehearse(self, order: Order, now_ns: int) -> None:
        """Go through the checks of an order for nothing: their code and the rows that they read are at hand then.

        On the scratch copy, by a strategy that may do nothing there, so there is nothing that it could approve or
        reserve; of the state itself cells are only read. After ``warm_up``.
        """
        state, at = self._scratch
        self._check(state, self._words, _code(order), at, 0, order.quantity_lots, order.price_ticks, now_ns)
        self._may_send(state, self._words, _BUY_CODE, at, 0, now_ns)
        own, first = self._state, self._tables.row_at(order.instrument_id)
        own[: g.HEADER_CELLS].max()
        own[first : first + g.INSTRUMENT_CELLS].max()
        own[int(own[g.STRATEGIES_AT]) :].max()

    def _refusal(self, order: Order, reason: Reason) -> Refusal:
        observed, limit = int(self._cells[g.OBSERVED]), int(self._cells[g.LIMIT])
        self._refused, self._refused_side = (reason, observed, order.instrument_id), order.side
        known = self._tables.instruments.get(order.instrument_id)
        cause = None
        if reason is Reason.HALTED or reason is Reason.REDUCE_ONLY:
            strategy_at = self._tables.strategies.get(order.strategy_id, 0)
            cause = self._latch.cause(
                int(self._cells[strategy_at + g.STRATEGY_LATCH_INDEX]), self._cell(order.instrument_id, g.LATCH_INDEX)
            )
        return explain(
            reason, order, observed, limit, known[0] if known else None, cause, self._tables.account.currency
        )


def _code(order: Order) -> int:
    """An order's enumerations in one number; what is none of their members becomes one that the kernel refuses."""
    side, order_type, time_in_force = order.side, order.order_type, order.time_in_force
    post_only: object = order.post_only
    return (
        (_BUY_CODE if side is _BUY else _SELL_CODE if side is _SELL else 0)
        + (_LIMIT_CODE if order_type is _LIMIT else _MARKET_CODE if order_type is _MARKET else 0)
        + (
            _GTC_CODE
            if time_in_force is _GTC
            else _IOC_CODE
            if time_in_force is _IOC
            else _FOK_CODE
            if time_in_force is _FOK
            else 0
        )
        + (0 if post_only is False else _POST_CODE if post_only is True else _NO_POST_CODE)
        + (_REPLACE_CODE if order.orig_client_order_id else 0)
    )


def _special_code(order: Order) -> int:
    """The same of an order with instructions, whose enumerations have been looked at."""
    return (
        int(order.side)
        + ((g.VALUED if order.order_type.is_triggered else int(order.order_type)) << g.TYPE_SHIFT)
        + (int(order.time_in_force) << g.TIF_SHIFT)
        + (_POST_CODE if order.post_only else 0)
        + (_REPLACE_CODE if order.orig_client_order_id else 0)
    )


def _within(name: str, wanted: int, most: int) -> dict[str, int]:
    return {name: wanted} if wanted <= most else {}
