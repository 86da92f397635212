"""The venue actor: one account's connection to one venue, and the only place an order can leave from.

Everything that changes an order is journalled and then applied to the blotter; a new life replays the journal, asks the
venue what is true, and goes on. Cancels pass in every state. Here are its life, its lease and its strategies; its parts
are listed in ``venue_core.py``.
"""

from collections.abc import Callable

import msgspec

from actors.adoption import ADOPTED, Adoption
from actors.balance_watch import BalanceWatch
from actors.boot import boot_of
from actors.foreign_orders import ForeignOrders
from actors.lost_orders import ReachOfJournal
from actors.rehearsal import Rehearsal
from actors.telemetry import TelemetrySender
from actors.venue_condition import ConditionTeller
from actors.venue_core import IN_FLIGHT, ORDER_STAGES, VenueActorSettings, VenueCore, make_gate
from actors.venue_counters import published_counters, venue_counters
from actors.venue_events import VenueEvents
from actors.venue_kill import VenueKill
from actors.venue_lease import VenueLease
from actors.venue_lists import ListEntry
from actors.venue_orders import OrderEntry
from actors.venue_records import LifeBegun
from actors.venue_replay import VenueReplay, decode_memory
from actors.venue_status import venue_status
from engine.actor import Actor, Context
from engine.book_audit import BookAudit
from engine.codes import Reason
from engine.errors import InvariantError
from engine.messages import (
    BudgetRecall,
    CancelAll,
    CancelOrder,
    InstrumentDefinition,
    Kill,
    KillCheck,
    LeaseGrant,
    LeaseRefusal,
    LogonRefused,
    Message,
    NewOrder,
    NewOrderList,
    OrdersPending,
    Refusal,
    ReplaceOrder,
    ShadowLogoff,
    ShadowLogon,
    StatusReport,
    StatusRequest,
    StrategyEnable,
    StrategyFailed,
    StrategyLogon,
)
from engine.venue import InstrumentDefined, OrderOutcomeUnknown, VenueEvent, VenueListener, VenueSession
from risk.latch import LatchView
from risk.window import SendWindow

__all__ = ["ANSWER_DUE_NS", "ORDER_STAGES", "VenueActor", "VenueActorSettings"]

_MS = 1_000_000
SWEEP_NS = 100 * _MS
_WARM = "warm"
#: A request that has not been answered for this long is in doubt: the venue is asked.
ANSWER_DUE_NS = 1_000 * _MS
#: Orders of a strategy that has been away for this long are cancelled.
ORPHAN_NS = 5_000 * _MS


class VenueActor(Actor):
    """``make_session`` builds the adapter's session around this actor as its listener. ``window``: the page that says
    when an order is about to leave; one of its own, into which nobody looks, unless given. ``give_way`` lets others
    that a kill concerns have the processor (``actors.runtime.urgency``)."""

    def __init__(
        self,
        settings: VenueActorSettings,
        make_session: Callable[[VenueListener], VenueSession],
        audit: BookAudit | None = None,
        window: SendWindow | None = None,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.peers = (settings.risk_actor,)
        self.session = make_session(self)
        self.audit = audit
        self._window = window or SendWindow.memory()
        self._give_way = give_way
        self._orphans: dict[str, int] = {}
        self._waiting_logons: dict[str, StrategyLogon] = {}
        self._restarts = 0
        self._life = 0

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        latch = ctx.latch
        if not isinstance(latch, LatchView):
            raise InvariantError(f"{ctx.name} was started without a latch: nothing would stop its orders")
        settings = self.settings
        self.gate = make_gate(settings, latch)
        self.gate.warm_up()
        self.core = VenueCore(ctx, settings, self.session, latch, self.gate, self._on_reconciled)
        self.blotter, self.delivery = self.core.blotter, self.core.delivery
        self.orders = OrderEntry(self.core, self._window)
        self.lists = ListEntry(self.core, self.orders, self._window)
        self.kill = VenueKill(self.core, self.orders, lambda: self.lease.may_send(ctx.clock_ns()), self._give_way)
        self.events = VenueEvents(self.core, self.kill)
        self.foreign = ForeignOrders(self.core, self.orders, lambda: self.core.reconciliation.compare(ctx.clock_ns()))
        self.core.reconciliation.on_foreign = self.foreign.on_listed
        self.balances = BalanceWatch(self.core, self._replay_journal(now_ns), now_ns)
        self.telemetry = TelemetrySender(self.core, self.events, self.balances, SWEEP_NS, now_ns)
        self.lease = self._begin_lease(now_ns)
        self.condition = ConditionTeller(self.core, self.lease.may_send)
        for order in self.blotter.open_orders():
            self.session.recall(order)
        self.session.start(ctx, now_ns)
        ctx.set_timer("sweep", now_ns + SWEEP_NS)
        self.rehearsal = Rehearsal(self.core, self.orders)
        if settings.warm_ns:
            ctx.set_timer(_WARM, now_ns + settings.warm_ns)

    def on_stop(self, now_ns: int) -> None:
        self.session.stop(now_ns)

    def _replay_journal(self, now_ns: int) -> Adoption:
        core, settings = self.core, self.settings
        replay = VenueReplay(
            self._ctx.name,
            settings.config_hash,
            settings.instruments,
            self.gate,
            self.blotter,
            core.throttle.pairs,
            core.day.replay,
        )
        sequence, payload = core.journal.checkpoint()
        memory = decode_memory(payload, settings.config_hash)
        if memory is not None:
            replay.remember(memory)
        for at_ns, record in core.journal.records(sequence if memory is not None else 0):
            replay.take(at_ns, record)
        replay.instruments.check_gone()
        self._restarts, self._life = int(replay.has_records), replay.life
        for instrument in replay.definitions.values():
            core.definitions[instrument.instrument_id] = InstrumentDefinition(instrument)
        for instrument_id, trade_id in replay.compared.items():
            core.reconciliation.compared(instrument_id, trade_id)
        self._note_boot(replay.reach, now_ns)
        for instrument in replay.instruments.moved():
            core.journal.fact(InstrumentDefined(instrument), now_ns)
        core.assume_replayed()
        core.throttle.begin(now_ns)
        core.day.begin(now_ns)
        core.doubt_in_flight("the engine restarted", now_ns)
        for order in self.blotter.open_orders():
            if order.strategy_id != ADOPTED:
                self._orphans.setdefault(order.strategy_id, now_ns + ORPHAN_NS)
        return replay.adoption

    def _note_boot(self, reach: ReachOfJournal, now_ns: int) -> None:
        """On the disk before anything new is told, as the numbers of reports follow from it."""
        boot = boot_of(self._ctx, now_ns)
        lost_since_ns = reach.lost_since_ns(boot)
        if lost_since_ns is not None:
            self._ctx.log("the host was booted: what the journal may have lost is looked for at the venue")
            self.core.look_for_lost_orders(lost_since_ns, boot)
        if reach.is_other(boot):
            self.blotter.skip_report_numbers()
        if reach.is_other(boot) or not self._restarts:
            self.core.journal.fact(boot, now_ns)
            self.core.journal.force()

    # -- lease ----------------------------------------------------------------------------------------------

    def _begin_lease(self, now_ns: int) -> VenueLease:
        """Numbered by the wall clock, so that also a life without its journal is later than the one before."""
        ctx, settings = self._ctx, self.settings
        self._life = max(self._life + 1, ctx.wall_ns(now_ns))
        self.core.journal.fact(LifeBegun(self._life), now_ns)
        self.core.journal.force()  # a life after a power cut and a clock set back has to be later than this one
        lease = VenueLease(
            ctx,
            self.gate,
            settings.risk_actor,
            settings.config_hash,
            settings.lease_renew_ns,
            self._life,
            settings.cushions,
            now_ns,
        )
        self.orders.on_gate_refusal = lease.on_refused_order
        return lease

    # -- peers and messages ---------------------------------------------------------------------------------

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if peer == self.settings.risk_actor:
            self._ctx.set_timer("lease", now_ns)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        self._waiting_logons.pop(peer, None)
        self.delivery.unlisten(peer)
        self.condition.forget(peer)
        attachment = self.delivery.detach(peer)
        if attachment is not None:
            self._orphans[attachment.strategy_id] = now_ns + ORPHAN_NS

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, NewOrder):
            self.orders.on_new_order(sender, message, now_ns)
        elif isinstance(message, CancelOrder):
            self.orders.on_cancel_order(sender, message, now_ns)
        elif isinstance(message, ReplaceOrder):
            self.orders.on_replace_order(sender, message, now_ns)
        elif isinstance(message, LeaseGrant):
            if sender == self.settings.risk_actor:
                self.lease.on_grant(message, now_ns)
                if self._is_open():
                    self.delivery.announce_ready()
        elif isinstance(message, CancelAll):
            self.orders.on_cancel_all(sender, message, now_ns)
        elif isinstance(message, NewOrderList):
            self.lists.on_new_list(sender, message, now_ns)
        elif isinstance(message, StrategyLogon):
            self._on_logon(sender, message)
        elif isinstance(message, OrdersPending):
            self._on_pending(sender, message)
        elif isinstance(message, StrategyFailed):
            self._on_strategy_failed(sender, message, now_ns)
        elif isinstance(message, Kill):
            if sender == self.settings.kill_actor:
                self.kill.on_kill(message, now_ns)
        elif isinstance(message, KillCheck):
            if sender == self.settings.kill_actor:
                self.kill.on_check(message)
        elif isinstance(message, LeaseRefusal):
            if sender == self.settings.risk_actor:
                self.lease.on_refusal(message, now_ns)
        elif isinstance(message, BudgetRecall):
            if sender == self.settings.risk_actor:
                self.lease.on_recall(message, now_ns)
        elif isinstance(message, StrategyEnable):
            if sender == self.settings.risk_actor:
                self.core.throttle.on_enable(message, now_ns)
        elif isinstance(message, ShadowLogon):
            self._on_shadow(sender, message)
        elif isinstance(message, ShadowLogoff):
            self.delivery.unlisten(sender)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self.status(), nonce=message.nonce))

    def status(self) -> StatusReport:
        return venue_status(self.core, self._counters())

    def _counters(self) -> dict[str, int]:
        counters = venue_counters(self.core, self.orders, self.events, self.lease.epoch, self._restarts, self.audit)
        return {**counters, "foreign_found": self.foreign.found, "balance_differences": self.balances.differences}

    # -- strategies -----------------------------------------------------------------------------------------

    def _on_logon(self, sender: str, logon: StrategyLogon) -> None:
        refusal = self._logon_refusal(sender, logon)
        if refusal is not None:
            self._ctx.log("logon refused", sender=sender, text=refusal.text)
            self._ctx.send(sender, LogonRefused(logon.strategy_id, refusal))
            return
        self._orphans.pop(logon.strategy_id, None)
        if self.delivery.held:
            self._waiting_logons[sender] = logon  # what it would be told is not in the journal yet
        else:
            self.delivery.attach(sender, logon, self.core.definitions.values(), self._is_open())

    def _logon_refusal(self, sender: str, logon: StrategyLogon) -> Refusal | None:
        settings = self.settings
        expected = settings.strategies.get(logon.strategy_id)
        if expected != sender:
            text = f"{sender} may not speak for strategy {logon.strategy_id!r} here"
            return Refusal(Reason.WRONG_STRATEGY, "strategy_id", logon.strategy_id, expected or "", text)
        if logon.account_id != settings.account_id:
            text = f"this is account {settings.account_id!r}, not {logon.account_id!r}"
            return Refusal(Reason.WRONG_ACCOUNT, "account_id", logon.account_id, settings.account_id, text)
        return None

    def _on_shadow(self, sender: str, logon: ShadowLogon) -> None:
        """Let it see what its strategy would. It is attached as nobody, so it could not even ask for an order."""
        if not self.core.ready or self.settings.shadows.get(logon.strategy_id) != sender:
            return
        for definition in self.core.definitions.values():
            self._ctx.send(sender, definition)
        self._ctx.send(sender, self.blotter.snapshot(logon.strategy_id))
        for quote in self.core.quotes.values():
            self._ctx.send(sender, quote)
        self.delivery.listen(sender, logon.strategy_id, logon.book_levels)

    def _on_pending(self, sender: str, message: OrdersPending) -> None:
        attachment = self.delivery.by_actor(sender)
        if attachment is not None and attachment.strategy_id == message.strategy_id:
            self.delivery.on_pending(attachment, message.client_order_ids)

    def _on_strategy_failed(self, sender: str, message: StrategyFailed, now_ns: int) -> None:
        if self.settings.strategies.get(message.strategy_id) != sender:
            return
        attachment = self.delivery.attachments[message.strategy_id]
        if not attachment.stopped:
            self.delivery.stop(attachment, message.error)
            self._ctx.log("strategy stopped", strategy=message.strategy_id, error=message.error)
            self.orders.cancel_strategy(message.strategy_id, -1, now_ns)

    # -- links and timers: the session's, or ours -----------------------------------------------------------

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        self.events.on_venue_event(event, now_ns)

    def on_link_up(self, link: str, now_ns: int) -> None:
        self.session.on_link_up(link, now_ns)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self.session.on_link_bytes(link, data, now_ns)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self.session.on_link_down(link, reason, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == "lease":
            self.lease.request(now_ns)
        elif key == _WARM:
            self.rehearsal.run(now_ns)
            self._ctx.set_timer(_WARM, now_ns + self.settings.warm_ns)
        elif key == "sweep":
            self._sweep(now_ns)
            self._ctx.set_timer("sweep", now_ns + SWEEP_NS)
        else:
            self.session.on_timer(key, now_ns)

    def _sweep(self, now_ns: int) -> None:
        self.core.day.sweep(now_ns)
        self.telemetry.send(now_ns)
        self._doubt_unanswered(now_ns)
        self.orders.sweep()
        self.core.reconciliation.sweep(now_ns)
        self.foreign.sweep(now_ns)
        self.kill.sweep(now_ns)
        self._serve_strategies()
        self.condition.sweep(now_ns)
        for attachment in self.delivery.attachments.values():
            if attachment.stopped:
                self.orders.cancel_strategy(attachment.strategy_id, -1, now_ns)
        for strategy_id, due_ns in list(self._orphans.items()):
            if now_ns >= due_ns and self.orders.cancel_strategy(strategy_id, -1, now_ns):
                del self._orphans[strategy_id]
        self._ctx.counter_page.publish(published_counters(self.core, self._counters()), self._ctx.wall_ns(now_ns))

    def _doubt_unanswered(self, now_ns: int) -> None:
        core = self.core
        for client_order_id, sent_ns in list(core.in_flight.items()):
            if now_ns - sent_ns < ANSWER_DUE_NS:
                break
            del core.in_flight[client_order_id]
            order = self.blotter.orders.get(client_order_id)
            if order is not None and order.status in IN_FLIGHT:
                core.settle(OrderOutcomeUnknown(client_order_id, "no answer in time"), now_ns)
        for order in self.blotter.unknown_orders():
            core.reconciliation.doubt(order, now_ns)

    def _serve_strategies(self) -> None:
        self.core.write_owed()
        if not self.delivery.held:
            while self._waiting_logons:
                self._on_logon(*self._waiting_logons.popitem())
        self.delivery.catch_up()
        if self._is_open():
            self.delivery.announce_ready()

    def _is_open(self) -> bool:
        """Whether a strategy may start: the venue is live and reconciled, and this actor has the right to send and
        budgets. Under a kill there is none to wait for, and its first refusal says why."""
        core = self.core
        return (
            core.ready
            and core.positions_known
            and (self.lease.may_send(self._ctx.clock_ns()) or not core.latch.is_trading())
        )

    def _on_reconciled(self, now_ns: int) -> None:
        core = self.core
        core.note_compared(now_ns)
        core.ready = True
        for order in self.blotter.open_orders():
            attachment = self.delivery.attachments.get(order.strategy_id)
            if attachment is not None and not attachment.attached:
                self._orphans.setdefault(order.strategy_id, now_ns + ORPHAN_NS)
        self._ctx.log("reconciled", open_orders=len(self.blotter.open_orders()), doubts=core.reconciliation.doubts)
        for attachment in self.delivery.attachments.values():
            if attachment.attached:
                for definition in core.definitions.values():
                    self._ctx.send(attachment.actor, definition)
        if self._is_open():
            self.delivery.announce_ready()
        self.kill.on_reconciled(now_ns)
        self.lease.on_reconciled(now_ns)
