"""The venue of a shadow: takes a strategy's orders, holds them to the limits, and fills them by the real market.

It speaks what a venue actor speaks, with the same gate and the same blotter, so each order of a shadow has the life of
a real one and exactly one end. What it lacks is everything by which an order could leave: a session, a link, a
credential, a journal. Where a venue actor signs and writes, it asks ``engine/shadow_book.py``.

A shadow begins with the strategy's real position, bought or sold at what closing it would bring at that moment, so that
its profit counts from there; and with copies of its open orders, because without the kill they would have stayed.
"""

from collections.abc import Callable, Iterable

import msgspec

from actors.gate_limits import instrument_limits
from actors.order_refusals import ghost_order, not_open, refusal_report, unknown_order
from actors.shadow_line import ShadowedInstrument
from config.settings import InstrumentLimitSettings
from engine.blotter import Blotter
from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import (
    CancelAll,
    CancelOrder,
    Depth,
    ExecutionReport,
    InstrumentDefinition,
    Message,
    NewOrder,
    PositionSnapshot,
    Quote,
    Refusal,
    ReplaceOrder,
    ShadowLine,
    StrategyFailed,
    StrategyLogon,
    StrategyReady,
    Trade,
)
from engine.order import Order
from engine.order_event import (
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    ReplaceRejected,
)
from engine.shadow_book import ShadowFill, ShadowOrder
from risk.gate import AccountLimits, Gate, StrategyLimits
from risk.latch import LatchPage
from risk.lease import FOREVER_NS
from risk.scope import TradingNames

__all__ = ["SHADOW_MARK", "ShadowSettings", "ShadowVenue"]

#: Stands in every client order id of a shadow where a real one has "-": no venue actor and no venue takes such an id.
SHADOW_MARK = "~"
#: The gate's funds: a shadow does not know the account's balances, and leaves that check to the position limits.
_AMPLE_NANOS = 2**60
_WORKING = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
_OVER = "the kill was released: the shadow is over"
_IS_OVER = Refusal(Reason.SHADOW_OVER, text=_OVER)


class ShadowSettings(msgspec.Struct, frozen=True):
    """Whose shadow it is, and its limits. ``instruments``: (id, symbol, limits), the strategy's own."""

    strategy_id: str
    account_id: str
    venue: str
    venue_actor: str
    instruments: tuple[tuple[int, str, InstrumentLimitSettings], ...]
    account_limits: AccountLimits
    strategy_limits: StrategyLimits


class ShadowVenue:
    """``tell`` gives the strategy a message. ``definitions`` and ``quotes`` (two-sided) have every instrument of
    ``settings``; ``real`` is what the strategy holds and has open."""

    def __init__(
        self,
        settings: ShadowSettings,
        definitions: dict[int, InstrumentDefinition],
        quotes: dict[int, Quote],
        real: PositionSnapshot,
        tell: Callable[[Message], None],
        wall_ns: Callable[[int], int],
        now_ns: int,
    ) -> None:
        self.settings = settings
        self.orders = 0
        self.fills = 0
        self.refused: dict[int, int] = {}
        self.failure = ""
        self._tell = tell
        self._wall_ns = wall_ns
        self._definitions = tuple(definitions.values())
        self._order_count = 0
        self._gate = self._make_gate()
        self.blotter = Blotter(self._gate)
        self._lines: dict[int, ShadowedInstrument] = {}
        for instrument_id, _, limits in settings.instruments:
            instrument, quote = definitions[instrument_id].instrument, quotes[instrument_id]
            self._gate.define(instrument, instrument_limits(instrument, limits))
            self._gate.set_funds(instrument.base_asset, _AMPLE_NANOS)
            self._gate.set_funds(instrument.quote_asset, _AMPLE_NANOS)
            self._gate.on_quote(instrument_id, quote.bid_ticks, quote.ask_ticks, now_ns)
            self._lines[instrument_id] = ShadowedInstrument(instrument, quote)
        for position in real.positions:
            self._carry_over(position.instrument_id, position.position_lots, now_ns)
        for report in real.open_orders:
            self._copy(report, now_ns)
        self._gate.restored()
        self._gate.on_day(0)
        for instrument_id in self._lines:
            self._note_exposure(instrument_id)

    def _make_gate(self) -> Gate:
        """With the real limits, and a latch and a lease that never forbid anything."""
        settings = self.settings
        latch = LatchPage.memory(TradingNames()).view()
        instruments_max = max(instrument_id for instrument_id, _, _ in settings.instruments) + 1
        gate = Gate(settings.account_limits, latch, instruments_max)
        gate.define_strategy(settings.strategy_id, settings.strategy_limits)
        gate.grant(1, FOREVER_NS)
        return gate

    # -- how it begins --------------------------------------------------------------------------------------

    def _carry_over(self, instrument_id: int, lots: int, now_ns: int) -> None:
        line = self._lines.get(instrument_id)
        if line is None or not lots:
            return
        side, price_ticks = (Side.BUY if lots > 0 else Side.SELL), line.closing_ticks(lots)
        order = self._order_of_ours(instrument_id, side, abs(lots), price_ticks)
        self.blotter.apply(order, now_ns)
        event = OrderFilled(order.client_order_id, "", "carried", abs(lots), price_ticks, 0, "", False, 0)
        self.blotter.apply(event, now_ns)
        line.begun_lots = lots

    def _copy(self, report: ExecutionReport, now_ns: int) -> None:
        line = self._lines.get(report.instrument_id)
        if line is None or report.order_status not in _WORKING or report.price_ticks <= 0 or report.leaves_lots <= 0:
            return  # one that is being cancelled, or never waits
        message = self._order_of_ours(report.instrument_id, report.side, report.leaves_lots, report.price_ticks)
        self.blotter.apply(message, now_ns)
        self._gate.restore(self.blotter.orders[message.client_order_id])
        self.blotter.apply(OrderAccepted(message.client_order_id, self._order_id(), 0), now_ns)
        line.book.rest(ShadowOrder(message.client_order_id, report.side, report.leaves_lots, report.price_ticks))

    def _order_of_ours(self, instrument_id: int, side: Side, lots: int, price_ticks: int) -> NewOrder:
        self._order_count += 1
        strategy_id = self.settings.strategy_id
        return NewOrder(
            f"{strategy_id}{SHADOW_MARK}begun-{self._order_count}",
            self.settings.account_id,
            strategy_id,
            instrument_id,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            lots,
            price_ticks,
        )

    # -- requests -------------------------------------------------------------------------------------------

    def on_request(self, message: Message, now_ns: int) -> None:
        if isinstance(message, NewOrder):
            self._on_new(message, now_ns)
        elif isinstance(message, ReplaceOrder):
            self._on_replace(message, now_ns)
        elif isinstance(message, CancelOrder):
            self._on_cancel(message, now_ns)
        elif isinstance(message, CancelAll):
            for order in self._open_orders(message.instrument_id):
                if order.can_cancel:
                    self._cancel(order, now_ns)
        elif isinstance(message, StrategyLogon):
            self._on_logon()
        elif isinstance(message, StrategyFailed):
            self.failure = message.error
            for order in self._open_orders():
                self._cancel(order, now_ns)

    def _on_logon(self) -> None:
        for definition in self._definitions:
            self._tell(definition)
        self._tell(self.blotter.snapshot(self.settings.strategy_id))
        self._tell(StrategyReady(self.settings.venue_actor))

    def _on_new(self, message: NewOrder, now_ns: int) -> None:
        self.orders += 1
        order = Order.from_new(message)
        if self._approves(order, now_ns):
            self._place(order, now_ns)
            self._note_exposure(order.instrument_id)

    def _on_replace(self, message: ReplaceOrder, now_ns: int) -> None:
        self.orders += 1
        orig = self.blotter.orders.get(message.orig_client_order_id)
        if orig is None:
            ghost = ghost_order(message.client_order_id, message.strategy_id, message.orig_client_order_id)
            self._refuse(ghost, unknown_order(message.orig_client_order_id), ExecType.REJECTED, now_ns)
            return
        order = Order.from_replace(message, orig)
        if not orig.can_replace:
            self._refuse(order, not_open(orig), ExecType.REJECTED, now_ns)
        elif self._approves(order, now_ns):
            self._take_place(order, orig, now_ns)
            self._note_exposure(order.instrument_id)

    def _on_cancel(self, message: CancelOrder, now_ns: int) -> None:
        order = self.blotter.orders.get(message.client_order_id)
        if order is None:
            ghost = ghost_order(message.client_order_id, message.strategy_id)
            self._refuse(ghost, unknown_order(message.client_order_id), ExecType.CANCEL_REJECTED, now_ns)
        elif not order.can_cancel:
            self._refuse(order, not_open(order), ExecType.CANCEL_REJECTED, now_ns)
        else:
            self._cancel(order, now_ns)

    def _approves(self, order: Order, now_ns: int) -> bool:
        """The gate's verdict counts; that it also approves has no use here, because there is nothing to send with."""
        verdict = self._gate.check(order, now_ns) if order.instructions is None else _NOT_FOLLOWED
        if isinstance(verdict, Refusal):
            self._refuse(order, verdict, ExecType.REJECTED, now_ns)
            return False
        self.blotter.admit(order)
        return True

    def _refuse(self, order: Order, refusal: Refusal, exec_type: ExecType, now_ns: int) -> None:
        if exec_type is ExecType.REJECTED:
            self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + 1
        self._tell(refusal_report(order, refusal, exec_type, now_ns))

    # -- orders in the book -----------------------------------------------------------------------------------

    def _place(self, order: Order, now_ns: int) -> None:
        book, wall_ns = self._lines[order.instrument_id].book, self._wall_ns(now_ns)
        shadow = _shadow(order)
        if order.post_only and book.would_take(shadow):
            text = "it would take, and was to be post-only"
            rejected = OrderRejected(order.client_order_id, Reason.VENUE_POST_ONLY_WOULD_TAKE, text, wall_ns)
            self._settle(rejected, now_ns)
            return
        self._settle(OrderAccepted(order.client_order_id, self._order_id(), wall_ns), now_ns)
        self._work(order, shadow, now_ns)

    def _take_place(self, order: Order, orig: Order, now_ns: int) -> None:
        """The original leaves in any case, as it does at a venue; the new one comes, unless it would take."""
        book, wall_ns = self._lines[order.instrument_id].book, self._wall_ns(now_ns)
        book.remove(orig.client_order_id)
        shadow, new, old = _shadow(order), order.client_order_id, orig.client_order_id
        if order.post_only and book.would_take(shadow):
            reason, text = Reason.VENUE_POST_ONLY_WOULD_TAKE, "it would take, and was to be post-only"
            self._settle(ReplaceRejected(new, old, True, reason, text, wall_ns, orig.cum_lots), now_ns)
            return
        self._settle(OrderReplaced(old, new, orig.cum_lots, wall_ns), now_ns)
        self._settle(OrderAccepted(new, self._order_id(), wall_ns), now_ns)
        self._work(order, shadow, now_ns)

    def _work(self, order: Order, shadow: ShadowOrder, now_ns: int) -> None:
        book = self._lines[order.instrument_id].book
        is_whole = order.time_in_force is not TimeInForce.FOK or book.takeable_lots(shadow) >= order.quantity_lots
        self._fill(book.take(shadow) if is_whole else (), now_ns)
        if not shadow.leaves_lots:
            return
        if order.time_in_force is TimeInForce.GTC and order.order_type is OrderType.LIMIT:
            book.rest(shadow)
            return
        text = "the market showed no more within its price"
        wall_ns = self._wall_ns(now_ns)
        self._settle(
            OrderExpired(order.client_order_id, order.order_id, order.cum_lots, Reason.VENUE_EXPIRED, text, wall_ns),
            now_ns,
        )

    def _cancel(self, order: Order, now_ns: int) -> None:
        message = CancelOrder(order.client_order_id, order.account_id, order.strategy_id, now_ns)
        self.blotter.apply(message, now_ns)
        self._gate.on_cancel(now_ns)
        self._lines[order.instrument_id].book.remove(order.client_order_id)
        wall_ns = self._wall_ns(now_ns)
        self._settle(OrderCancelled(order.client_order_id, order.order_id, order.cum_lots, wall_ns), now_ns)

    def _fill(self, fills: Iterable[ShadowFill], now_ns: int) -> None:
        wall_ns = self._wall_ns(now_ns)
        for fill in fills:
            order = self.blotter.orders[fill.client_order_id]
            self.fills += 1
            self._lines[order.instrument_id].fills += 1
            event = OrderFilled(
                order.client_order_id,
                order.order_id,
                f"shadow-{self.fills}",
                fill.last_lots,
                fill.last_ticks,
                0,
                "",
                fill.is_maker,
                wall_ns,
            )
            self._settle(event, now_ns)

    def _settle(self, event: OrderEvent, now_ns: int) -> None:
        for report in self.blotter.apply(event, now_ns):
            self._tell(report)

    def _order_id(self) -> str:
        self._order_count += 1
        return f"shadow-{self._order_count}"

    def _open_orders(self, instrument_id: int = -1) -> list[Order]:
        return self.blotter.open_orders(None, None if instrument_id < 0 else instrument_id)

    # -- the market -----------------------------------------------------------------------------------------

    def on_quote(self, quote: Quote, now_ns: int) -> None:
        line = self._lines.get(quote.instrument_id)
        if line is None:
            return
        self._gate.on_quote(quote.instrument_id, quote.bid_ticks, quote.ask_ticks, now_ns)
        line.mark(quote)

    def on_depth(self, depth: Depth, now_ns: int) -> None:
        line = self._lines.get(depth.instrument_id)
        if line is not None:
            self._fill(line.book.show(depth.bids, depth.asks), now_ns)

    def on_trade(self, trade: Trade, now_ns: int) -> None:
        line = self._lines.get(trade.instrument_id)
        if line is not None:
            self._fill(line.book.on_trade(trade.price_ticks, trade.quantity_lots), now_ns)

    def on_market_lost(self) -> None:
        for line in self._lines.values():
            line.book.hide()

    # -- its end, and what it has come to ---------------------------------------------------------------------

    def end(self, unarrived: Iterable[Message], now_ns: int) -> None:
        """Every order ends: what is open, and what was on its way here."""
        for message in unarrived:
            if isinstance(message, NewOrder):
                self.orders += 1
                self._refuse(Order.from_new(message), _IS_OVER, ExecType.REJECTED, now_ns)
            elif isinstance(message, ReplaceOrder):
                self.orders += 1
                ghost = ghost_order(message.client_order_id, message.strategy_id, message.orig_client_order_id)
                self._refuse(ghost, _IS_OVER, ExecType.REJECTED, now_ns)
        wall_ns = self._wall_ns(now_ns)
        for order in self._open_orders():
            name, order_id, cum_lots = order.client_order_id, order.order_id, order.cum_lots
            self._settle(OrderExpired(name, order_id, cum_lots, Reason.SHADOW_OVER, _OVER, wall_ns), now_ns)

    @property
    def open_orders(self) -> int:
        return len(self._open_orders())

    def lines(self) -> tuple[ShadowLine, ...]:
        return tuple(line.told(self.blotter.ledger_line(instrument_id)) for instrument_id, line in self._lines.items())

    def _note_exposure(self, instrument_id: int) -> None:
        """After an order has come in: until the next one does, fills and ends only lower the worst case."""
        buys, sells = (self._gate.open_lots(instrument_id, side) for side in Side)
        self._lines[instrument_id].note(self._gate.position_lots(instrument_id), buys, sells)


_NOT_FOLLOWED = Refusal(
    Reason.UNSUPPORTED, "instructions", text="a shadow follows plain orders only: this one waits, hides or ends by time"
)


def _shadow(order: Order) -> ShadowOrder:
    price_ticks = 0 if order.order_type is OrderType.MARKET else order.price_ticks
    return ShadowOrder(order.client_order_id, order.side, order.leaves_lots, price_ticks)
