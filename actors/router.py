"""The router: gives a strategy one instrument for several venues.

    strategy ──NewOrder of route:BTCUSD──▶ router ──NewOrder of binance:BTCUSDT──▶ venue actor ──▶ exchange
        ◀──────ExecutionReport────────────        ──NewOrder of kraken:BTC/USDT──▶ venue actor ──▶ exchange

It lives in its strategy's process, so between the two is no link. To the strategy it is a venue actor, to the venue
actors it is the strategy: what leaves for a venue passes that venue actor's gate, journal and latch like any order, and
counts to the strategy's limits, positions and kills there. A router grants nothing and can allow nothing.

What it decides is in ``engine/routing``; here is its life, its journal and its links.
"""

import msgspec

from actors.order_refusals import ghost_order, not_open, refusal_report, unknown_order
from actors.report_delivery import Attachment, ReportDelivery
from actors.routed_markets import RoutedMarkets, RouteSpec
from actors.router_journal import RouterJournal
from actors.venue_attachments import NAME_PENDING, VenueAttachments
from engine.actor import Actor, Context
from engine.codes import ExecType, OrderType, Reason
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.journal import JournalFull
from engine.messages import (
    CancelAll,
    CancelOrder,
    Depth,
    ExecutionReport,
    InstrumentCondition,
    InstrumentDefinition,
    LogonRefused,
    Message,
    NewOrder,
    NewOrderList,
    OrdersPending,
    PositionSnapshot,
    Quote,
    Refusal,
    RefusalsLost,
    ReplaceOrder,
    StatusReport,
    StatusRequest,
    StrategyFailed,
    StrategyLogon,
    StrategyReady,
    Trade,
)
from engine.order import Order
from engine.routing.desk import Route, RoutingDesk
from engine.routing.parents import Parents
from engine.routing.plan import Policy, RouteRules
from engine.routing.records import ChildTold, OrderStep

__all__ = ["RouterActor", "RouterSettings"]

_MS = 1_000_000
_LOOK, _LOOK_NS = "look", 100 * _MS
#: A strategy does not wait longer for venues that are away; it begins when one is there.
_WAIT_FOR_ALL_NS = 10_000 * _MS
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class RouterSettings(msgspec.Struct, frozen=True):
    strategy_id: str
    account_id: str
    strategy_actor: str
    routes: tuple[RouteSpec, ...]


class RouterActor(Actor):
    def __init__(self, settings: RouterSettings) -> None:
        self.settings = settings
        self.parents = Parents()
        self._markets = RoutedMarkets(settings.routes)
        self.peers = tuple(dict.fromkeys(place.market.venue_actor for place in self._markets.places.values()))
        self._failure = ""
        self._count = 0
        self._refusals: dict[int, int] = {}

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx, settings = ctx, self.settings
        self._started_ns = now_ns
        self._id_prefix = f"{settings.strategy_id}-{_in_36(ctx.wall_ns(now_ns) // _MS)}r-"
        ids = {each.name: each.instrument_id for spec in settings.routes for each in spec.members}
        ids |= {f"{spec.venue}:{spec.symbol}": spec.instrument_id for spec in settings.routes}
        self.journal = RouterJournal(ctx.journal, ids)
        self.delivery = ReportDelivery(ctx, self.parents.blotter, (settings.strategy_id,))
        last_report_seq = self._replay()
        for routed_id in self._markets.definitions:
            self._write_down(routed_id, now_ns)
        levels = max(spec.book_levels for spec in settings.routes)
        self._venues = VenueAttachments(
            ctx, settings.account_id, settings.strategy_id, levels, last_report_seq, self._pending_at
        )
        routes = {
            spec.instrument_id: Route(
                spec.instrument_id,
                f"{spec.venue}:{spec.symbol}",
                self._markets.of[spec.instrument_id],
                RouteRules(Policy(spec.policy), spec.failover),
            )
            for spec in settings.routes
        }
        self.desk = RoutingDesk(self.parents, routes, self._write, self._send, self._next_id)
        ctx.set_timer(_LOOK, now_ns + _LOOK_NS)

    def _replay(self) -> dict[str, int]:
        last_report_seq = dict.fromkeys(self.peers, -1)
        for at_ns, record in self.journal.history():
            if isinstance(record, InstrumentDefinition):
                if record.instrument.instrument_id in self._markets.of:
                    self._markets.confirm(record.instrument)
                else:
                    self._define(record.instrument)
                continue
            if isinstance(record, ChildTold) and record.venue_actor in last_report_seq:
                seq = max(record.report.report_seq, last_report_seq[record.venue_actor])
                last_report_seq[record.venue_actor] = seq
            self.parents.apply(record, at_ns)
        return last_report_seq

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._id_prefix}{self._count}"

    def _pending_at(self, venue_actor: str) -> list[str]:
        return [
            name for name, child in self.parents.children.items() if child.is_open and child.venue_actor == venue_actor
        ]

    # -- what the desk does ---------------------------------------------------------------------------------

    def _write(self, record: OrderStep, now_ns: int) -> None:
        if not self.journal.fact(record, now_ns) and not self.delivery.held:
            self._ctx.log("JOURNAL FULL", text="new orders are refused and reports held until there is room")
            self.delivery.hold()
        self.delivery.deliver(self.parents.apply(record, now_ns))

    def _send(self, venue_actor: str, message: Message) -> bool:
        if isinstance(message, NewOrder) and self.journal.owed:
            return False  # it is not in the journal yet
        return self._ctx.send(venue_actor, message)

    # -- links and timers -----------------------------------------------------------------------------------

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer in self.peers:
            for market in self._markets.at(peer):
                market.connected()
            self._venues.logon(peer)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        if peer in self.peers:
            for market in self._markets.at(peer):
                market.lost()
            self._venues.disconnected(peer)
        else:
            self.delivery.detach(peer)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == NAME_PENDING:
            self._venues.name_again()
            return
        self._ctx.set_timer(_LOOK, now_ns + _LOOK_NS)
        if self.journal.catch_up() and self.delivery.held:
            self.delivery.release()
        self.delivery.catch_up()
        if self._is_open(now_ns):
            self.delivery.announce_ready()
        if self._attachment.attached:  # without its strategy nothing new is placed
            self.desk.look(now_ns)

    def _is_open(self, now_ns: int) -> bool:
        if len(self._markets.definitions) < len(self.settings.routes) or self._failure:
            return False
        ready = self._venues.ready
        waits = now_ns - self._started_ns < _WAIT_FOR_ALL_NS
        return ready.issuperset(self.peers) or (bool(ready) and not waits)

    # -- messages -------------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, StatusRequest):
            self._ctx.send(sender, self._status(message.nonce, now_ns))
        elif sender in self.peers:
            self._on_venue(sender, message, now_ns)
        elif sender == self.settings.strategy_actor:
            self._on_strategy(sender, message, now_ns)

    def _on_venue(self, venue_actor: str, message: Message, now_ns: int) -> None:
        if isinstance(message, Quote | Depth | Trade):
            told = self._markets.told(message, self.delivery.book_levels_max, now_ns)
            if isinstance(told, Depth):
                self.delivery.publish_depth(told)
            elif told is not None:
                self.delivery.publish(told)
        elif isinstance(message, ExecutionReport):
            if self._venues.is_next(venue_actor, message, now_ns):
                self.desk.on_told(venue_actor, message, now_ns)
        elif isinstance(message, InstrumentCondition):
            place = self._markets.places.get(message.instrument_id)
            if place is not None:
                place.market.on_condition(message, now_ns)
        elif isinstance(message, InstrumentDefinition):
            self._on_definition(message, now_ns)
        elif isinstance(message, PositionSnapshot):
            for report in message.open_orders:
                self.desk.on_told(venue_actor, report, now_ns)
            self._venues.on_snapshot(venue_actor, message)
        elif isinstance(message, StrategyReady):
            self._venues.ready.add(venue_actor)
        elif isinstance(message, RefusalsLost):
            self._venues.name_pending(venue_actor)
        elif isinstance(message, LogonRefused):
            self._fail(f"{venue_actor} refuses the router's logon: {message.refusal.text}")

    # -- instruments ----------------------------------------------------------------------------------------

    def _on_definition(self, message: InstrumentDefinition, now_ns: int) -> None:
        instrument, definitions = message.instrument, self._markets.definitions
        place = self._markets.places.get(instrument.instrument_id)
        if place is None or place.market.instrument == instrument:
            return
        routed_id = place.spec.instrument_id
        was_known = routed_id in definitions
        self._define(instrument)
        if was_known or routed_id not in definitions:
            return
        self._write_down(routed_id, now_ns)
        if self._attachment.attached:
            self._ctx.send(self._attachment.actor, definitions[routed_id])

    def _write_down(self, routed_id: int, now_ns: int) -> None:
        """The instruments of a route, for lives that come."""
        for definition in self._markets.instruments_of(routed_id):
            self.journal.define(definition, now_ns)

    def _define(self, instrument: Instrument) -> None:
        try:
            self._markets.define(instrument, self.parents)
        except UsageError as error:
            self._fail(str(error))

    def _fail(self, text: str) -> None:
        """Better to say why than to let the strategy wait."""
        if not self._failure:
            self._failure = text
            self._ctx.log("ROUTE CANNOT BE", text=text)
            if self._attachment.attached:
                self._ctx.send(self._attachment.actor, self._logon_refused())

    def _logon_refused(self) -> LogonRefused:
        return LogonRefused(self.settings.strategy_id, Refusal(Reason.UNKNOWN_INSTRUMENT, text=self._failure))

    # -- the strategy ---------------------------------------------------------------------------------------

    @property
    def _attachment(self) -> Attachment:
        return self.delivery.attachments[self.settings.strategy_id]

    def _on_strategy(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, NewOrder):
            order = Order.from_new(message)
            self._ask(sender, message, order, self._may_not(order, message), now_ns)
        elif isinstance(message, ReplaceOrder):
            self._on_replace(sender, message, now_ns)
        elif isinstance(message, CancelOrder):
            self._on_cancel(sender, message, now_ns)
        elif isinstance(message, CancelAll):
            self._cancel_all(message.instrument_id, now_ns)
        elif isinstance(message, NewOrderList):
            text = "a list is one request to one venue: trade it at a venue, not through a route"
            for each in message.orders:
                self._refuse(sender, Order.from_new(each), Refusal(Reason.UNSUPPORTED, text=text), now_ns)
        elif isinstance(message, StrategyLogon):
            if self._failure:
                self._ctx.send(sender, self._logon_refused())
                return
            self.delivery.attach(sender, message, self._markets.definitions.values(), self._is_open(now_ns))
        elif isinstance(message, OrdersPending):
            self.delivery.on_pending(self._attachment, message.client_order_ids)
        elif isinstance(message, StrategyFailed):
            self._on_failed(message, now_ns)

    def _on_failed(self, message: StrategyFailed, now_ns: int) -> None:
        self.delivery.stop(self._attachment, message.error)
        for venue_actor in self.peers:
            self._ctx.send(venue_actor, message)
        self._cancel_all(-1, now_ns)

    def _may_not(self, order: Order, message: NewOrder | ReplaceOrder) -> Refusal | None:
        """What a gate could not say of a parent; everything else is for the gates of its children."""
        if order.strategy_id != self.settings.strategy_id:
            return Refusal(Reason.WRONG_STRATEGY, "strategy_id", order.strategy_id, self.settings.strategy_id)
        if order.account_id != self.settings.account_id:
            return Refusal(Reason.WRONG_ACCOUNT, "account_id", order.account_id, self.settings.account_id)
        if order.instrument_id not in self._markets.definitions:
            text = "not one of this strategy's routes, or one whose venues have not all told their instrument"
            return Refusal(Reason.UNKNOWN_INSTRUMENT, "instrument_id", str(order.instrument_id), text=text)
        if message.instructions is not None:
            text = "a route takes plain limit and market orders; trade this at a venue"
            return Refusal(Reason.UNSUPPORTED, "instructions", text=text)
        if order.quantity_lots <= 0:
            return Refusal(Reason.BAD_QUANTITY, "quantity_lots", str(order.quantity_lots), "above 0")
        if order.order_type is OrderType.LIMIT and order.price_ticks <= 0:
            return Refusal(Reason.BAD_PRICE, "price_ticks", str(order.price_ticks), "above 0")
        if self.delivery.held or self._attachment.behind:
            return Refusal(Reason.REPORT_QUEUE_FULL, text="the strategy is behind with its reports; read them first")
        if self.parents.is_known(order.client_order_id):
            return Refusal(Reason.DUPLICATE_CLIENT_ORDER_ID, "client_order_id", order.client_order_id)
        return None

    def _ask(
        self, sender: str, message: NewOrder | ReplaceOrder, order: Order, refusal: Refusal | None, now_ns: int
    ) -> None:
        if refusal is None:
            try:
                self.journal.request(message, now_ns)
            except JournalFull as error:
                refusal = Refusal(Reason.JOURNAL_FULL, text=str(error))
        if refusal is not None:
            self._refuse(sender, order, refusal, now_ns)
            return
        self.delivery.deliver(self.parents.apply(message, now_ns))
        self.desk.on_request(message, now_ns)

    def _on_replace(self, sender: str, message: ReplaceOrder, now_ns: int) -> None:
        parent = self.parents.open.get(message.orig_client_order_id)
        if parent is None:
            ghost = ghost_order(message.client_order_id, message.strategy_id, message.orig_client_order_id)
            self._refuse(sender, ghost, unknown_order(message.orig_client_order_id), now_ns)
            return
        order = Order.from_replace(message, parent.order)
        refusal = self._may_not(order, message)
        if refusal is None and (not parent.order.can_replace or parent.is_ending):
            refusal = not_open(parent.order)
        self._ask(sender, message, order, refusal, now_ns)

    def _on_cancel(self, sender: str, message: CancelOrder, now_ns: int) -> None:
        parent = self.parents.open.get(message.client_order_id)
        if parent is None or not parent.order.can_cancel:
            order = parent.order if parent is not None else ghost_order(message.client_order_id, message.strategy_id)
            refusal = not_open(order) if parent is not None else unknown_order(message.client_order_id)
            self._refuse(sender, order, refusal, now_ns, ExecType.CANCEL_REJECTED)
            return
        self._cancel(message, now_ns)

    def _cancel_all(self, instrument_id: int, now_ns: int) -> None:
        for name, parent in list(self.parents.open.items()):
            if instrument_id in (-1, parent.order.instrument_id) and parent.order.can_cancel:
                order = parent.order
                self._cancel(CancelOrder(name, order.account_id, order.strategy_id, now_ns), now_ns)

    def _cancel(self, message: CancelOrder, now_ns: int) -> None:
        self._write(message, now_ns)
        self.desk.on_request(message, now_ns)

    def _refuse(
        self, sender: str, order: Order, refusal: Refusal, now_ns: int, exec_type: ExecType = ExecType.REJECTED
    ) -> None:
        self._refusals[refusal.reason] = self._refusals.get(refusal.reason, 0) + 1
        self.delivery.deliver_refusal(sender, refusal_report(order, refusal, exec_type, now_ns))

    # -- status ---------------------------------------------------------------------------------------------

    def _status(self, nonce: int, now_ns: int) -> StatusReport:
        state = "failed" if self._failure else "ready" if self._is_open(now_ns) else "waiting"
        counters = self.parents.blotter.counters() | {
            "open_orders": len(self.parents.open),
            "children": self.desk.children_placed,
            "lots_given_up": self.desk.lots_given_up,
        }
        details = {"error": self._failure} if self._failure else {}
        for place in self._markets.places.values():
            reason, text = place.market.may_send(now_ns)
            details[f"venue:{place.market.name}"] = text if reason is not Reason.NONE else "takes orders"
        return StatusReport(self._ctx.name, "router", nonce, 0, state, counters, details, dict(self._refusals))


def _in_36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
