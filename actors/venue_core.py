"""What the parts of one venue actor share: orders, journal, reports, and the flags that say whether anything may leave.

    venue.py ── venue_orders.py    requests of strategies, and the order path
             ├─ venue_events.py    what the venue tells
             ├─ venue_kill.py      kills and the latch: cancel until none
             ├─ venue_throttle.py  strategies that fired too often
             ├─ venue_condition.py whether an order could leave, for routers
             ├─ venue_day.py       from where daily loss and drawdown are counted
             └─ venue_status.py    for people

Whatever happens to an order goes through ``VenueCore.settle``: journal, blotter (which moves the gate's exposure),
report. That is one way, for the venue's words, for our own conclusions, and for a restart.
"""

from collections.abc import Callable

import msgspec

from actors.adoption import ADOPTED
from actors.boot import HostBooted
from actors.gate_limits import instrument_limits
from actors.lost_orders import LostOrders
from actors.reconciliation import Reconciliation
from actors.report_delivery import ReportDelivery
from actors.venue_day import VenueDay
from actors.venue_records import Reconciled, VenueJournal
from actors.venue_throttle import VenueThrottle
from config.settings import InstrumentLimitSettings, ReconcileSettings
from engine.actor import Context
from engine.blotter import Blotter
from engine.codes import OrderStatus, OrderType, Reason, TimeInForce
from engine.instrument import Instrument
from engine.journal import JournalFull
from engine.messages import Instructions, InstrumentDefinition, NewOrder, Quote, Refusal
from engine.venue import FeeRates, OrderEvent, OrderFilled, OrderOutcomeUnknown, OrderSeen, VenueOrder, VenueSession
from risk.gate import AccountLimits, Gate, StrategyLimits
from risk.latch import LatchView

__all__ = ["IN_FLIGHT", "ORDER_STAGES", "VenueActorSettings", "VenueCore", "make_gate"]

IN_FLIGHT = (OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE)

#: Latency stages of one order: from the strategy's call to the venue's answer.
ORDER_STAGES = (
    "strategy_to_venue",
    "gate",
    "journal",
    "sign",
    "write",
    "frame_to_wire",
    "tick_to_wire",
    "wire_to_accept",
    "lease_round_trip",
    "budget_round_trip",
    "loop_lag",
)


class VenueActorSettings(msgspec.Struct, frozen=True):
    """What one venue actor is given. ``strategies`` maps a strategy id to the actor that may speak for it. ``cushions``
    names the account's shared budgets, with what of each this venue actor keeps although it lies idle."""

    venue: str
    account_id: str
    risk_actor: str
    kill_actor: str
    config_hash: str
    strategies: dict[str, str]
    instruments: tuple[tuple[int, str, InstrumentLimitSettings], ...]
    account_limits: AccountLimits
    strategy_limits: dict[str, StrategyLimits]
    lease_renew_ns: int
    cushions: dict[str, int]
    flatten_interval_ns: int = 500_000_000
    balance_query_ns: int = 60_000_000_000
    reconcile: ReconcileSettings = ReconcileSettings()
    #: The order path is rehearsed this often; 0: never.
    warm_ns: int = 0
    #: Strategy → the actor of its shadow, where it has one.
    shadows: dict[str, str] = {}
    #: Strategies that have other venues to choose from, and are told whether an order could leave from here.
    routed: tuple[str, ...] = ()

    @property
    def instrument_ids(self) -> tuple[int, ...]:
        return tuple(instrument_id for instrument_id, _, _ in self.instruments)


def make_gate(settings: VenueActorSettings, latch: LatchView) -> Gate:
    """The gate of a venue actor as it is before anything has happened."""
    gate = Gate(settings.account_limits, latch, max(settings.instrument_ids) + 1)
    for strategy_id, limits in settings.strategy_limits.items():
        gate.define_strategy(strategy_id, limits)
    return gate


class VenueCore:
    """``on_reconciled(now_ns)`` is called when a round of reconciliation is through.

    Attributes:
        session_live: the venue is logged on: cancels and questions can go.
        ready: the venue is live and reconciled: new orders may go.
        stopped: why no new order is accepted until this actor is restarted; None: nothing of the kind has happened.
        in_flight: requests that the venue has not answered, by client order id → when sent, oldest first.
    """

    def __init__(
        self,
        ctx: Context,
        settings: VenueActorSettings,
        session: VenueSession,
        latch: LatchView,
        gate: Gate,
        on_reconciled: Callable[[int], None],
    ) -> None:
        self.ctx, self.settings, self.session, self.latch, self.gate = ctx, settings, session, latch, gate
        self.blotter = Blotter(gate)
        self.journal = VenueJournal(ctx.journal)
        symbols = {symbol: instrument_id for instrument_id, symbol, _ in settings.instruments}
        self.throttle = VenueThrottle(ctx, gate, self.journal, settings.venue, settings.risk_actor, symbols)
        self.day = VenueDay(ctx, gate, self.journal, symbols, settings.account_limits.drawdown_micros)
        self.delivery = ReportDelivery(ctx, self.blotter, settings.strategies)
        self.reconciliation = Reconciliation(
            session,
            self.blotter,
            settings.instrument_ids,
            self.settle,
            self._on_round,
            settings.reconcile.every_s * 1_000_000_000,
        )
        self._on_reconciled = on_reconciled
        self.definitions: dict[int, InstrumentDefinition] = {}
        self.quotes: dict[int, Quote] = {}
        self.fees: dict[int, FeeRates] = {}
        #: Instruments whose book has a gap, until it has been got anew.
        self.books_lost: set[int] = set()
        #: What the venue says is there, free or locked, by asset, in billionths.
        self.balances: dict[str, int] = {}
        #: By asset, what people should know of it.
        self.balance_notes: dict[str, str] = {}
        self.session_live = False
        self.ready = False
        #: Whose what the venue holds is: until then nothing new is sent.
        self.positions_known = False
        self._stops: dict[Reason, Refusal] = {}
        self.in_flight: dict[str, int] = {}
        self.refusals: dict[int, int] = {}
        #: What the venue told about orders that are not ours: somebody else uses the account.
        self.foreign_events = 0
        self._limits = {instrument_id: limits for instrument_id, _, limits in settings.instruments}
        self._critical = 0
        self._compared: dict[int, str] = {}
        #: To be journalled once what a power cut took has been looked for.
        self._searched: HostBooted | None = None

    # -- orders ---------------------------------------------------------------------------------------------

    def settle(self, event: OrderEvent, now_ns: int) -> None:
        """Journal what happened to an order of ours, book it, and tell its strategy."""
        client_order_id = event.client_order_id
        order = self.blotter.orders.get(client_order_id)
        if order is None:
            self.foreign_events += not self.blotter.is_known(client_order_id)
            return
        if self.blotter.is_repeated(order, event):
            return
        written = self.journal.fact(event, now_ns)
        reports = self.blotter.apply(event, now_ns)
        if type(event) is OrderFilled:
            self.throttle.on_fill(order.strategy_id, order.instrument_id, now_ns)
        if not written:
            self._hold_reports()
        self.delivery.deliver(reports)
        status = order.status
        if status is OrderStatus.UNKNOWN:
            self.in_flight.pop(client_order_id, None)
            self.reconciliation.doubt(order, now_ns)
        elif status not in IN_FLIGHT:
            self.in_flight.pop(client_order_id, None)
        if self.blotter.critical != self._critical:
            self._on_critical()

    def strategy_of(self, client_order_id: str) -> str:
        """Whose an order is that only the venue knows: ids begin with their strategy's. Empty: nobody's of ours."""
        names = [name for name in self.settings.strategies if client_order_id.startswith(f"{name}-")]
        return max(names, key=len, default="")

    def look_for_lost_orders(self, since_ns: int, boot: HostBooted) -> None:
        """The journal has been replayed, and what was in it since then may be missing. A life that ends before all has
        been found leaves the search to the next."""
        self.delivery.knows_all_orders = False
        self._searched = HostBooted(boot.boot_ns, is_searched=True)
        ids = self.settings.instrument_ids
        self.reconciliation.lost = LostOrders(self.session, ids, since_ns, self._take_back)

    def _on_round(self, now_ns: int) -> None:
        self.delivery.knows_all_orders = True
        if self._searched is not None:
            self.journal.fact(self._searched, now_ns)
            self._searched = None
        if self.reconciliation.is_routine:
            self.note_compared(now_ns)
        else:
            self._on_reconciled(now_ns)

    def note_compared(self, now_ns: int) -> None:
        """Journal up to where every trade has been compared with the venue, where that has moved."""
        for instrument_id, trade_id in self.reconciliation.compared_trade_id.items():
            if self._compared.get(instrument_id) != trade_id:
                self._compared[instrument_id] = trade_id
                self.journal.fact(Reconciled(instrument_id, trade_id), now_ns)

    def _take_back(self, seen: VenueOrder, now_ns: int) -> bool:
        """An order that the journal does not have."""
        strategy_id = self.strategy_of(seen.client_order_id)
        return not strategy_id or self.adopt(seen, strategy_id, now_ns)

    def adopt(self, seen: VenueOrder, strategy_id: str, now_ns: int) -> bool:
        """Put an order that only the venue knows into the books; at first it is in doubt, like any that has just been
        journalled. False: there is no room to journal it now."""
        client_order_id = seen.client_order_id or f"{strategy_id}-{seen.order_id.partition('/')[0]}"
        known = self.blotter.is_known(client_order_id) or self.blotter.by_order_id(seen.instrument_id, seen.order_id)
        if known or seen.quantity_lots <= 0:
            return True
        kinds = (OrderType.STOP, OrderType.STOP_LIMIT) if seen.trigger_ticks else (OrderType.MARKET, OrderType.LIMIT)
        request = NewOrder(
            client_order_id,
            self.settings.account_id,
            strategy_id,
            seen.instrument_id,
            seen.side,
            kinds[seen.price_ticks > 0],
            TimeInForce.GTC,
            seen.quantity_lots,
            seen.price_ticks,
            instructions=Instructions(trigger_ticks=seen.trigger_ticks) if seen.trigger_ticks else None,
        )
        try:
            self.journal.request(request, now_ns)
        except JournalFull:
            return False
        self.blotter.apply(request, now_ns)
        order = self.blotter.orders[client_order_id]
        order.sent_ns = seen.created_ns
        self.gate.restore(order)
        event = "ORDER ADOPTED" if strategy_id == ADOPTED else "ORDER FOUND THAT THE JOURNAL HAD LOST"
        self.ctx.log(event, order=client_order_id, order_id=seen.order_id)
        self.settle(OrderOutcomeUnknown(client_order_id, "found at the venue, and not in the journal"), now_ns)
        told = OrderSeen(client_order_id, seen.order_id, seen.status, seen.quantity_lots, seen.cum_lots, 0)
        self.reconciliation.on_order_seen(told, now_ns)
        if not seen.client_order_id:
            self.session.query_order(order, now_ns)  # so that the session learns our name for it
        return True

    def sent(self, client_order_id: str, now_ns: int) -> None:
        """A request about this order has left: from now on an answer is due."""
        self.in_flight.pop(client_order_id, None)  # so that the dictionary stays in the order of time
        self.in_flight[client_order_id] = now_ns

    def doubt_in_flight(self, text: str, now_ns: int) -> None:
        """No answer will come to what is in flight: the venue has to be asked."""
        for order in self.blotter.open_orders():
            if order.status in IN_FLIGHT:
                self.settle(OrderOutcomeUnknown(order.client_order_id, text), now_ns)

    def stop(self, reason: Reason, text: str) -> None:
        """Accept no new order until a restart, which compares everything with the venue. Cancels pass."""
        if reason not in self._stops:
            self._stops[reason] = Refusal(reason, text=text)
            self.ctx.log("NEW ORDERS STOPPED", reason=reason.name, text=text)

    @property
    def stopped(self) -> Refusal | None:
        return next(iter(self._stops.values())) if self._stops else None

    def go_on(self, reason: Reason) -> None:
        """What ``stop`` was called for has been settled; other reasons hold."""
        if self._stops.pop(reason, None) is not None:
            self.ctx.log("a reason to stop is settled", reason=reason.name)

    def _on_critical(self) -> None:
        """The venue has contradicted what we had reserved for: more may be at risk than the limits say."""
        self._critical = self.blotter.critical
        violation = self.blotter.violations[-1] if self.blotter.violations else None
        self.stop(Reason.LEDGER_IN_DOUBT, f"the venue contradicts our books: {violation}; look, then restart")

    # -- the journal ----------------------------------------------------------------------------------------

    def _hold_reports(self) -> None:
        if not self.delivery.held:
            self.ctx.log("JOURNAL FULL", text="new orders are refused and reports held until there is room")
            self.delivery.hold()

    def write_owed(self) -> None:
        """Called now and then: facts that had no room in the journal are written when there is some."""
        if self.journal.catch_up() and self.delivery.held:
            self.ctx.log("journal has room again")
            self.delivery.release()

    def assume_replayed(self) -> None:
        """The journal has been replayed: what was critical in it is what this restart is for."""
        self._critical = self.blotter.critical

    # -- instruments ----------------------------------------------------------------------------------------

    def most_lots(self, instrument: Instrument, price_ticks: int) -> int:
        """The largest order of an instrument that its limits let pass at this price."""
        limits = self._limits[instrument.instrument_id]
        lots = instrument.lots_floor(limits.order_quantity_max)
        return min(lots, instrument.tick_lots_floor(limits.order_notional_max) // max(price_ticks, 1))

    def define(self, instrument: Instrument) -> None:
        self.definitions[instrument.instrument_id] = InstrumentDefinition(instrument)
        self.gate.define(instrument, instrument_limits(instrument, self._limits[instrument.instrument_id]))
