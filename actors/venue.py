"""The venue actor: one account's connection to one venue, and the only place an order can leave from.

    NewOrder ─▶ identity ─▶ gate (latch, lease, limits, reserve) ─▶ journal ─▶ encode and sign ─▶ latch again ─▶ socket
                                                                                                        one callback

Everything that changes an order is journalled and then applied to the blotter; a new life replays the journal, asks the
venue what is true, and goes on. Cancels pass in every state.
"""

from collections.abc import Callable

import msgspec

from actors.cancel_until_none import CancelUntilNone
from actors.reconciliation import Reconciliation
from actors.report_delivery import ReportDelivery
from actors.venue_records import Reconciled, decode_record, encode_record
from config.settings import InstrumentLimitSettings
from engine.actor import Actor, Context
from engine.blotter import Blotter
from engine.book_audit import BookAudit
from engine.codes import ExecType, KillMode, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError
from engine.instrument import Instrument, decimal_text, plain
from engine.journal import JournalFull
from engine.messages import (
    CancelAll,
    CancelOrder,
    Depth,
    ExecutionReport,
    InstrumentDefinition,
    Kill,
    KillProgress,
    LeaseGrant,
    LeaseRefusal,
    Message,
    NewOrder,
    Quote,
    Refusal,
    ReplaceOrder,
    StatusReport,
    StatusRequest,
    StrategyFailed,
    StrategyLogon,
    Trade,
)
from engine.order import Order
from engine.venue import (
    AuthenticationFailed,
    Balance,
    BookChanged,
    CancelAllAnswered,
    ClockOffset,
    InstrumentDefined,
    OpenOrdersListed,
    OrderAccepted,
    OrderEvent,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSeen,
    QueryFailed,
    RateLimited,
    SessionState,
    TradesListed,
    VenueEvent,
    VenueListener,
    VenueSession,
)
from risk.gate import AccountLimits, Gate, InstrumentLimits
from risk.latch import LatchView
from risk.lease import LeaseHolder

__all__ = ["ORDER_STAGES", "VenueActor", "VenueActorSettings"]

_MS = 1_000_000
SWEEP_NS = 100 * _MS
#: A request that has not been answered for this long is in doubt: the venue is asked.
ANSWER_DUE_NS = 1_000 * _MS
#: Orders of a strategy that has been away for this long are cancelled.
ORPHAN_NS = 5_000 * _MS
_IN_FLIGHT = (OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE)

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
    "loop_lag",
)


class VenueActorSettings(msgspec.Struct, frozen=True):
    """What one venue actor is given. ``strategies`` maps a strategy id to the actor that may speak for it."""

    venue: str
    account_id: str
    risk_actor: str
    kill_actor: str
    config_hash: str
    strategies: dict[str, str]
    instruments: tuple[tuple[int, str, InstrumentLimitSettings], ...]
    account_limits: AccountLimits
    lease_renew_ns: int


class VenueActor(Actor):
    """``make_session`` builds the adapter's session around this actor as its listener."""

    def __init__(
        self,
        settings: VenueActorSettings,
        make_session: Callable[[VenueListener], VenueSession],
        audit: BookAudit | None = None,
    ) -> None:
        self.settings = settings
        self.peers = (settings.risk_actor,)
        self.session = make_session(self)
        self.audit = audit
        self._limits = {instrument_id: limits for instrument_id, _, limits in settings.instruments}
        self._instrument_ids = tuple(self._limits)
        self._definitions: dict[int, InstrumentDefinition] = {}
        self._sent_ns: dict[str, int] = {}  # requests in flight, oldest first
        self._refusals: dict[int, int] = {}
        self._session_live = False
        self._ready = False
        self._kills: dict[str, Kill] = {}
        self._orphans: dict[str, int] = {}
        self._messages = 0
        self._orders = 0
        self._restarts = 0
        self._rejected_by_venue = 0
        self._clock_offset_ns = 0
        self._quotes: dict[int, Quote] = {}

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        latch = ctx.latch
        if not isinstance(latch, LatchView):
            raise InvariantError(f"{ctx.name} was started without a latch: nothing would stop its orders")
        self._latch = latch
        self.gate = Gate(self.settings.account_limits, latch, max(self._instrument_ids) + 1)
        self.gate.warm_up()
        self.blotter = Blotter(self.gate)
        self.delivery = ReportDelivery(ctx, self.blotter, self.settings.strategies)
        self.lease = LeaseHolder(ctx.name, self.settings.config_hash, self.settings.lease_renew_ns)
        self.reconciliation = Reconciliation(
            self.session, self.blotter, self._instrument_ids, self._settle, self._on_reconciled
        )
        self.cancelling = CancelUntilNone(
            self.session,
            self._instrument_ids,
            self._nothing_in_doubt,
            self._on_cancel_sent,
            self._on_cancel_failed,
            self._on_cancel_confirmed,
        )
        self._replay_journal()
        self.session.start(ctx, now_ns)
        ctx.set_timer("sweep", now_ns + SWEEP_NS)
        ctx.set_timer("lease", now_ns)

    def on_stop(self, now_ns: int) -> None:
        self.session.stop(now_ns)

    def _replay_journal(self) -> None:
        last_ns = 0
        for _, at_ns, payload in self._ctx.journal.records():
            record = decode_record(payload)
            last_ns = at_ns
            if isinstance(record, InstrumentDefined):
                self._define(record.instrument)
            elif isinstance(record, Reconciled):
                self.reconciliation.last_trade_id[record.instrument_id] = record.last_trade_id
            else:
                self.blotter.apply(record, at_ns)
                if isinstance(record, NewOrder | ReplaceOrder):
                    self.gate.restore(self.blotter.orders[record.client_order_id])
        self._restarts = int(last_ns > 0)
        for order in self.blotter.open_orders():
            if order.status in _IN_FLIGHT:
                self._settle(OrderOutcomeUnknown(order.client_order_id, "the engine restarted"), last_ns)

    # -- lease ----------------------------------------------------------------------------------------------

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer == self.settings.risk_actor:
            self._ctx.set_timer("lease", now_ns)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        attachment = self.delivery.detach(peer)
        if attachment is not None:
            self._orphans[attachment.strategy_id] = now_ns + ORPHAN_NS

    def _request_lease(self, now_ns: int) -> None:
        sent_ns = self._ctx.clock_ns()
        request = self.lease.request(sent_ns, self.gate.open_orders)
        self._ctx.send(self.settings.risk_actor, request)
        self._ctx.set_timer("lease", now_ns + self.settings.lease_renew_ns)

    def _on_lease_grant(self, grant: LeaseGrant, now_ns: int) -> None:
        if self.lease.on_grant(grant):
            self.gate.grant(self.lease.epoch, self.lease.expires_ns)
            self._ctx.latency.record("lease_round_trip", now_ns - grant.request_sent_ns)

    # -- messages -------------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, NewOrder):
            self._on_new_order(sender, message, now_ns)
        elif isinstance(message, CancelOrder):
            self._on_cancel_order(sender, message, now_ns)
        elif isinstance(message, ReplaceOrder):
            self._on_replace_order(sender, message, now_ns)
        elif isinstance(message, LeaseGrant):
            if sender == self.settings.risk_actor:
                self._on_lease_grant(message, now_ns)
        elif isinstance(message, CancelAll):
            self._on_cancel_all(sender, message, now_ns)
        elif isinstance(message, StrategyLogon):
            self._on_logon(sender, message, now_ns)
        elif isinstance(message, StrategyFailed):
            self._on_strategy_failed(sender, message, now_ns)
        elif isinstance(message, Kill):
            if sender == self.settings.kill_actor:
                self._on_kill(message, now_ns)
        elif isinstance(message, LeaseRefusal):
            self._ctx.log("lease refused", text=message.text)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, self._status(message.nonce))

    # -- the order path: no await, no task, nothing that waits ----------------------------------------------

    def _on_new_order(self, sender: str, message: NewOrder, now_ns: int) -> None:
        order = Order.from_new(message)
        refusal = self._may_submit(sender, order, now_ns)
        if refusal is not None:
            self._refuse(sender, order, refusal, now_ns)
        else:
            self._submit(sender, order, None, message, now_ns)

    def _on_replace_order(self, sender: str, message: ReplaceOrder, now_ns: int) -> None:
        orig = self.blotter.orders.get(message.orig_client_order_id)
        if orig is None or orig.strategy_id != message.strategy_id:
            ghost = _ghost(message.client_order_id, message.strategy_id, message.orig_client_order_id)
            self._refuse(sender, ghost, _unknown_order(message.orig_client_order_id), now_ns)
            return
        order = Order.from_replace(message, orig)
        refusal = self._may_submit(sender, order, now_ns)
        if refusal is None and not orig.can_replace:
            refusal = _not_open(orig)
        if refusal is not None:
            self._refuse(sender, order, refusal, now_ns)
        else:
            self._submit(sender, order, orig, message, now_ns)

    def _submit(
        self, sender: str, order: Order, orig: Order | None, message: NewOrder | ReplaceOrder, now_ns: int
    ) -> None:
        """Gate, journal, sign, look again, write. ``orig`` is the order to be replaced: it keeps its own reservation
        until the venue has cancelled it, because both may still fill."""
        clock_ns = self._ctx.clock_ns
        checked_ns = clock_ns()
        approved = self.gate.check(order, checked_ns)
        if isinstance(approved, Refusal):
            self._refuse(sender, order, approved, now_ns)
            return
        gated_ns = clock_ns()
        try:
            self._ctx.journal.append(encode_record(message), now_ns)
        except JournalFull as error:
            self.gate.abandon(approved)
            self._refuse(sender, order, Refusal(Reason.JOURNAL_FULL, text=str(error)), now_ns)
            return
        self.blotter.admit(approved)
        journalled_ns = clock_ns()
        session = self.session
        frame = session.encode_replace(orig, approved, now_ns) if orig else session.encode_new(approved, now_ns)
        signed_ns = clock_ns()
        # The last look at latch and lease, with a fresh clock, and then the socket: nothing stands between them.
        reason = self.gate.may_send(signed_ns)
        if reason is not Reason.NONE:
            text = "halted or out of lease between the check and the write: never sent"
            self._settle(OrderRejected(order.client_order_id, reason, text, 0), signed_ns)
            return
        session.transmit(frame, signed_ns)
        order.sent_ns = signed_ns
        self._sent_ns[order.client_order_id] = signed_ns
        self._orders += 1
        written_ns = clock_ns()
        record = self._ctx.latency.record
        record("gate", gated_ns - checked_ns)
        record("journal", journalled_ns - gated_ns)
        record("sign", signed_ns - journalled_ns)
        record("write", written_ns - signed_ns)
        record("frame_to_wire", written_ns - now_ns)
        if order.created_ns:
            record("strategy_to_venue", now_ns - order.created_ns)
        if order.tick_received_ns:
            record("tick_to_wire", written_ns - order.tick_received_ns)

    def _may_submit(self, sender: str, order: Order, now_ns: int) -> Refusal | None:
        """Everything about who asks and whether there is a way out; what is asked is the gate's business."""
        strategy_id, account_id, client_order_id = order.strategy_id, order.account_id, order.client_order_id
        attachment = self.delivery.by_actor(sender)
        if attachment is None or attachment.strategy_id != strategy_id:
            return Refusal(Reason.WRONG_STRATEGY, "strategy_id", strategy_id, text=f"{sender} may not speak for it")
        if account_id != self.settings.account_id:
            return Refusal(
                Reason.WRONG_ACCOUNT, "account_id", account_id, self.settings.account_id, "another account's"
            )
        if attachment.stopped:
            return Refusal(Reason.STRATEGY_STOPPED, "strategy_id", strategy_id, text=attachment.stopped)
        if attachment.behind:
            return Refusal(Reason.REPORT_QUEUE_FULL, text="the strategy is behind with its reports; read them first")
        if not self._ready:
            return Refusal(Reason.NOT_READY, text="the venue is not connected and reconciled yet")
        if not _is_client_order_id(client_order_id, strategy_id):
            return Refusal(
                Reason.BAD_CLIENT_ORDER_ID,
                "client_order_id",
                client_order_id[:64],
                f"{strategy_id}-<hex>-<n>, at most 36 of A-Z a-z 0-9 - _",
                "client order ids name their strategy",
            )
        if self.blotter.is_known(client_order_id):
            return Refusal(
                Reason.DUPLICATE_CLIENT_ORDER_ID, "client_order_id", client_order_id, text="this id has been used"
            )
        reason = self.session.send_refusal(now_ns)
        if reason is not Reason.NONE:
            return Refusal(reason, text=f"{self.settings.venue}: {reason.name.lower().replace('_', ' ')}")
        return None

    def _refuse(
        self, sender: str, order: Order, refusal: Refusal, now_ns: int, exec_type: ExecType = ExecType.REJECTED
    ) -> None:
        self._refusals[refusal.reason] = self._refusals.get(refusal.reason, 0) + 1
        status = OrderStatus.REJECTED if exec_type is ExecType.REJECTED else order.status
        report = ExecutionReport(
            0,
            order.strategy_id,
            order.client_order_id,
            order.orig_client_order_id,
            order.order_id,
            order.instrument_id,
            order.side,
            exec_type,
            status,
            order.quantity_lots,
            order.price_ticks,
            order.cum_lots,
            0 if status.is_terminal else order.leaves_lots,
            refusal=refusal,
            received_ns=now_ns,
        )
        self.delivery.deliver_refusal(sender, report)

    # -- cancels: pass in every state -----------------------------------------------------------------------

    def _on_cancel_order(self, sender: str, message: CancelOrder, now_ns: int) -> None:
        attachment = self.delivery.by_actor(sender)
        order = self.blotter.orders.get(message.client_order_id)
        refusal = None
        if attachment is None or attachment.strategy_id != message.strategy_id:
            refusal = Refusal(Reason.WRONG_STRATEGY, "strategy_id", message.strategy_id, text="not yours")
        elif order is None or order.strategy_id != message.strategy_id:
            refusal = _unknown_order(message.client_order_id)
        elif not order.can_cancel:
            refusal = _not_open(order)
        elif not self._session_live:
            refusal = Refusal(Reason.VENUE_LINK_DOWN, text="no way to the venue; its state is asked on reconnect")
        if refusal is not None or order is None:
            ghost = order or _ghost(message.client_order_id, message.strategy_id)
            self._refuse(sender, ghost, refusal or _unknown_order(""), now_ns, ExecType.CANCEL_REJECTED)
            return
        self._cancel(order, now_ns)

    def _cancel(self, order: Order, now_ns: int) -> None:
        message = CancelOrder(order.client_order_id, order.account_id, order.strategy_id, now_ns)
        self._ctx.journal.append(encode_record(message), now_ns)
        self.delivery.deliver(self.blotter.apply(message, now_ns))
        self.session.transmit(self.session.encode_cancel(order, now_ns), now_ns)
        self._sent_ns[order.client_order_id] = now_ns

    def _on_cancel_all(self, sender: str, message: CancelAll, now_ns: int) -> None:
        attachment = self.delivery.by_actor(sender)
        if attachment is not None and attachment.strategy_id == message.strategy_id:
            self._cancel_strategy(message.strategy_id, message.instrument_id, now_ns)

    def _cancel_strategy(self, strategy_id: str, instrument_id: int, now_ns: int) -> bool:
        """Cancel what can be cancelled now; True when the strategy has nothing open any more."""
        left = self.blotter.open_orders(strategy_id, None if instrument_id < 0 else instrument_id)
        for order in left:
            if self._session_live and order.can_cancel and order.client_order_id not in self._sent_ns:
                self._cancel(order, now_ns)
        return not left

    # -- strategies -----------------------------------------------------------------------------------------

    def _on_logon(self, sender: str, message: StrategyLogon, now_ns: int) -> None:
        if (
            self.settings.strategies.get(message.strategy_id) != sender
            or message.account_id != self.settings.account_id
        ):
            self._ctx.log("logon refused", sender=sender, strategy=message.strategy_id, account=message.account_id)
            return
        self._orphans.pop(message.strategy_id, None)
        self.delivery.attach(sender, message, self._definitions.values(), self._ready)

    def _on_strategy_failed(self, sender: str, message: StrategyFailed, now_ns: int) -> None:
        attachment = self.delivery.by_actor(sender)
        if attachment is not None and attachment.strategy_id == message.strategy_id and not attachment.stopped:
            self.delivery.stop(attachment, message.error)
            self._ctx.log("strategy stopped", strategy=message.strategy_id, error=message.error)
            self._cancel_strategy(message.strategy_id, -1, now_ns)

    # -- links and timers: the session's, or ours -----------------------------------------------------------

    def on_link_up(self, link: str, now_ns: int) -> None:
        self.session.on_link_up(link, now_ns)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self.session.on_link_bytes(link, data, now_ns)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self.session.on_link_down(link, reason, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == "lease":
            self._request_lease(now_ns)
        elif key == "sweep":
            self._sweep(now_ns)
            self._ctx.set_timer("sweep", now_ns + SWEEP_NS)
        else:
            self.session.on_timer(key, now_ns)

    def _sweep(self, now_ns: int) -> None:
        for client_order_id, sent_ns in list(self._sent_ns.items()):
            if now_ns - sent_ns < ANSWER_DUE_NS:
                break
            del self._sent_ns[client_order_id]
            order = self.blotter.orders.get(client_order_id)
            if order is not None and order.status in _IN_FLIGHT:
                self._settle(OrderOutcomeUnknown(client_order_id, "no answer in time"), now_ns)
        for order in self.blotter.unknown_orders():
            self.reconciliation.doubt(order, now_ns)
        self.reconciliation.sweep(now_ns)
        self.cancelling.sweep(now_ns)
        self.delivery.catch_up()
        for attachment in self.delivery.attachments.values():
            if attachment.stopped:
                self._cancel_strategy(attachment.strategy_id, -1, now_ns)
        for strategy_id, due_ns in list(self._orphans.items()):
            if now_ns >= due_ns and self._cancel_strategy(strategy_id, -1, now_ns):
                del self._orphans[strategy_id]

    # -- what the venue tells -------------------------------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        kind = type(event)
        if kind is Quote:
            self._on_quote(event, now_ns)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is Trade:
            self._messages += 1
            self.delivery.publish(event)  # type: ignore[arg-type]  # kind is its exact type
        elif kind is BookChanged:
            self._on_book_changed(event)  # type: ignore[arg-type]  # kind is its exact type
        elif isinstance(event, OrderSeen):
            self.reconciliation.on_order_seen(event, now_ns)
        elif isinstance(event, OrderNotFound):
            self.reconciliation.on_order_not_found(event, now_ns)
        elif isinstance(event, OrderEvent):
            self._on_order_event(event, now_ns)
        else:
            self._on_session_event(event, now_ns)

    def _on_quote(self, quote: Quote, now_ns: int) -> None:
        self._messages += 1
        self._quotes[quote.instrument_id] = quote
        self.gate.on_quote(quote.instrument_id, quote.bid_ticks, quote.ask_ticks, now_ns)
        self.delivery.publish(quote)

    def _on_book_changed(self, event: BookChanged) -> None:
        self._messages += 1
        levels = self.delivery.book_levels_max
        if levels and event.valid:
            bids, asks = self.session.book(event.instrument_id).depth(levels)
            self.delivery.publish_depth(Depth(event.instrument_id, bids, asks, event.update_id, event.received_ns))

    def _on_order_event(self, event: OrderEvent, now_ns: int) -> None:
        if isinstance(event, OrderFilled):
            order = self.blotter.orders.get(event.client_order_id)
            if order is not None:
                self.reconciliation.note_fill(order.instrument_id, event.trade_id)
        elif isinstance(event, OrderRejected):
            self._rejected_by_venue += 1
        elif isinstance(event, OrderAccepted):
            sent_ns = self._sent_ns.get(event.client_order_id)
            if sent_ns is not None:
                self._ctx.latency.record("wire_to_accept", now_ns - sent_ns)
        self._settle(event, now_ns)

    def _settle(self, event: OrderEvent, now_ns: int) -> None:
        """Journal what happened to an order of ours, book it, and tell its strategy."""
        order = self.blotter.orders.get(event.client_order_id)
        if order is None:
            return  # not ours, or long over: the reconciliation counts foreign orders
        self._ctx.journal.append(encode_record(event), now_ns)
        self.delivery.deliver(self.blotter.apply(event, now_ns))
        if order.status is OrderStatus.UNKNOWN:
            self._sent_ns.pop(event.client_order_id, None)
            self.reconciliation.doubt(order, now_ns)
        elif order.status not in _IN_FLIGHT:
            self._sent_ns.pop(event.client_order_id, None)

    def _on_session_event(self, event: VenueEvent, now_ns: int) -> None:
        if isinstance(event, SessionState):
            self._on_session_state(event, now_ns)
        elif isinstance(event, InstrumentDefined):
            self._on_instrument(event, now_ns)
        elif isinstance(event, Balance):
            self.gate.set_funds(event.asset, event.free_nanos + event.locked_nanos)
        elif isinstance(event, OpenOrdersListed):
            self.reconciliation.on_open_orders(event, now_ns)
            self.cancelling.on_open_orders(event, now_ns)
        elif isinstance(event, TradesListed):
            self.reconciliation.on_trades(event, now_ns)
        elif isinstance(event, CancelAllAnswered):
            self.cancelling.on_cancel_all_answered(event, now_ns)
        elif isinstance(event, QueryFailed):
            self.reconciliation.on_query_failed(event, now_ns)
        elif isinstance(event, ClockOffset):
            self._clock_offset_ns = event.offset_ns
        elif isinstance(event, RateLimited | AuthenticationFailed):
            self._ctx.log(type(event).__name__, text=event.text)

    def _on_session_state(self, event: SessionState, now_ns: int) -> None:
        self._session_live = event.live
        self._ctx.log("session", live=event.live, text=event.text)
        self.cancelling.session_live(event.live, now_ns)
        if event.live:
            self.reconciliation.begin(now_ns)
            return
        self._ready = False
        self.reconciliation.suspend()
        for order in self.blotter.open_orders():
            if order.status in _IN_FLIGHT:
                self._settle(OrderOutcomeUnknown(order.client_order_id, "the venue link was lost"), now_ns)

    def _on_instrument(self, event: InstrumentDefined, now_ns: int) -> None:
        known = self._definitions.get(event.instrument.instrument_id)
        if known is not None and _scale(known.instrument) != _scale(event.instrument):
            self._ctx.log("instrument changed", symbol=event.instrument.symbol)
            raise InvariantError(
                f"{event.instrument.symbol}: the venue changed its tick or lot while orders or positions are counted "
                "in the old one; stop, move the state directory aside and start from the venue's own state"
            )
        if known is None or known.instrument != event.instrument:
            self._ctx.journal.append(encode_record(event), now_ns)
            self._define(event.instrument)

    def _define(self, instrument: Instrument) -> None:
        self._definitions[instrument.instrument_id] = InstrumentDefinition(instrument)
        self.gate.define(instrument, limits_of(instrument, self._limits[instrument.instrument_id]))

    def _on_reconciled(self, now_ns: int) -> None:
        for instrument_id, trade_id in self.reconciliation.last_trade_id.items():
            self._ctx.journal.append(encode_record(Reconciled(instrument_id, trade_id)), now_ns)
        self._ready = True
        self._ctx.log("reconciled", open_orders=len(self.blotter.open_orders()), doubts=self.reconciliation.doubts)
        for attachment in self.delivery.attachments.values():
            if attachment.attached:
                for definition in self._definitions.values():
                    self._ctx.send(attachment.actor, definition)
        self.delivery.announce_ready()
        if not self._latch.is_trading() and not self.cancelling.active:
            self.cancelling.begin(now_ns, live=True)  # killed before this life began: nothing of ours may stay open

    # -- kill -----------------------------------------------------------------------------------------------

    def _on_kill(self, kill: Kill, now_ns: int) -> None:
        """The latch is already written; from here on the gate refuses. Say so first, then cancel."""
        self.gate.revoke()
        self._kills[kill.kill_id] = kill
        self._progress(kill, "halted", self._ctx.clock_ns())
        if kill.mode >= KillMode.CANCEL:
            self.cancelling.begin(now_ns, live=self._session_live)
            if not self._session_live:
                self._on_cancel_failed("the venue is not connected; cancels wait for it", now_ns)

    def _on_cancel_sent(self, now_ns: int) -> None:
        for kill in self._kills.values():
            self._progress(kill, "cancel_sent", self._ctx.clock_ns())

    def _on_cancel_failed(self, text: str, now_ns: int) -> None:
        self._ctx.log("cancel failed", text=text)
        for kill in self._kills.values():
            self._progress(kill, "cancel_sent", now_ns, failure=text)

    def _on_cancel_confirmed(self, now_ns: int) -> None:
        for kill in self._kills.values():
            self._progress(kill, "cancelled", now_ns)
        self._kills.clear()

    def _nothing_in_doubt(self) -> bool:
        return not any(
            order.status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN) for order in self.blotter.open_orders()
        )

    def _progress(self, kill: Kill, stage: str, at_ns: int, failure: str = "") -> None:
        """Open orders as the venue last listed them, once it has been asked; before, as we believe."""
        open_orders = self.cancelling.orders_listed if stage == "cancelled" else len(self.blotter.open_orders())
        unknown = len(self.blotter.unknown_orders())
        self._ctx.send(
            self.settings.kill_actor,
            KillProgress(kill.kill_id, self._ctx.name, stage, at_ns, open_orders, unknown, failure),
        )

    # -- status ---------------------------------------------------------------------------------------------

    def _status(self, nonce: int) -> StatusReport:
        halted = not self._latch.is_trading()
        state = "halted" if halted else "ready" if self._ready else "connecting"
        counters = {
            "messages": self._messages,
            "orders": self._orders,
            "open_orders": len(self.blotter.open_orders()),
            "unknown_orders": len(self.blotter.unknown_orders()),
            "rejected_by_venue": self._rejected_by_venue,
            "restarts": self._restarts,
            "reconciliations": self.reconciliation.rounds,
            "recovered_fills": self.reconciliation.recovered_fills,
            "foreign_orders": self.reconciliation.foreign_orders,
            "lease_epoch": self.lease.epoch,
            "clock_offset_ns": self._clock_offset_ns,
            "reports": self.delivery.reports_sent,
            **self.blotter.counters(),
            **self._audit_counters(),
        }
        details = {
            f"ledger:{definition.instrument.symbol}": self._ledger_text(definition.instrument)
            for definition in self._definitions.values()
        }
        return StatusReport(self._ctx.name, "venue", nonce, 0, state, counters, details, dict(self._refusals))

    def _audit_counters(self) -> dict[str, int]:
        audit = self.audit
        if audit is None:
            return {}
        return {
            "book_mismatches": audit.book_mismatches,
            "bbo_comparisons": audit.bbo_comparisons,
            "bbo_disagreements": audit.bbo_disagreements,
        }

    def _ledger_text(self, instrument: Instrument) -> str:
        """What this actor's own fills add up to, in exact decimal text, as JSON. PnL is marked at the middle, if any."""
        line = self.blotter.ledger_line(instrument.instrument_id)
        ledger: dict[str, object] = {
            "quantity": plain(instrument.quantity_text(line.position_lots)),
            "cost": plain(instrument.quote_text(line.cost_tick_lots)),
            "fees": {asset: plain(decimal_text(nanos, 9)) for asset, nanos in sorted(line.fee_nanos.items())},
            "fills": line.fills,
        }
        quote = self._quotes.get(instrument.instrument_id)
        if quote is not None and quote.bid_lots and quote.ask_lots:
            value_tick_lots = line.position_lots * (quote.bid_ticks + quote.ask_ticks) // 2
            ledger["pnl"] = plain(instrument.quote_text(value_tick_lots - line.cost_tick_lots))
        return msgspec.json.encode(ledger).decode()


def limits_of(instrument: Instrument, settings: InstrumentLimitSettings) -> InstrumentLimits:
    """Limits in ticks and lots, rounded towards the stricter side."""
    return InstrumentLimits(
        order_quantity_lots=instrument.lots_floor(settings.order_quantity_max, "order_quantity_max"),
        order_notional_tick_lots=instrument.tick_lots_floor(settings.order_notional_max, "order_notional_max"),
        long_position_lots=instrument.lots_floor(settings.long_position_max, "long_position_max"),
        short_position_lots=instrument.lots_floor(settings.short_position_max, "short_position_max"),
        price_collar_ppm=settings.price_collar_bps * 100,
        reference_age_ns=settings.reference_age_ms * _MS,
    )


def _scale(instrument: Instrument) -> tuple[int, int, int, int]:
    return instrument.tick_units, instrument.price_scale, instrument.lot_units, instrument.quantity_scale


def _is_client_order_id(text: str, strategy_id: str) -> bool:
    return (
        text.startswith(strategy_id + "-")
        and len(text) <= 36
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
    )


def _ghost(client_order_id: str, strategy_id: str, orig: str = "") -> Order:
    """Stands for an order that was never ours, so that its refusal can be reported like any other."""
    order = Order.from_new(
        NewOrder(client_order_id, "", strategy_id, -1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 0, 0)
    )
    order.orig_client_order_id = orig
    order.status = OrderStatus.REJECTED
    return order


def _unknown_order(client_order_id: str) -> Refusal:
    return Refusal(
        Reason.UNKNOWN_ORDER, "client_order_id", client_order_id, text="no order of this strategy has that id"
    )


def _not_open(order: Order) -> Refusal:
    return Refusal(
        Reason.ORDER_NOT_OPEN, "client_order_id", order.client_order_id, order.status.name, "it is ending or has ended"
    )
