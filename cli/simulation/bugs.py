"""Deliberate bugs: each is planted while its seeds run, and some promise has to notice.

A simulation that finds nothing proves little until it is known what it would find. Each bug here is one that a tired
person could write, or that was found in another engine; ``haltline simulate --bugs`` plants them one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from actors import epochs, kill_switch, risk
from actors.cancel_until_none import CancelUntilNone
from actors.kill_switch import KillSwitchActor
from actors.latch_keeper import LatchKeeper
from actors.reconciliation import Reconciliation
from actors.report_delivery import ReportDelivery
from actors.venue import VenueActor
from actors.venue_core import VenueCore
from actors.venue_kill import VenueKill
from actors.venue_lease import VenueLease
from actors.venue_orders import OrderEntry
from actors.venue_records import VenueJournal
from adapters.binance.clock import VenueClock
from engine.blotter import Blotter
from engine.codes import KillMode, OrderStatus, Reason, Side
from engine.errors import InvariantError
from engine.messages import Refusal
from engine.order import Approved, Order
from engine.order_event import (
    CancelRejected,
    OrderCancelled,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSeen,
)
from engine.order_ids import UsedOrderIds
from risk import release
from risk.escrow import EscrowGrantor
from risk.gate import Gate
from risk.latch import LatchPage, LatchView
from risk.latch_names import fresh_page
from risk.lease import FOREVER_NS, LeaseGrantor
from risk.release import ReleaseCase
from risk.scope import TradingNames

__all__ = ["BUGS", "Bug", "planted"]

_FAR_NS = 1 << 62
Patch = tuple[Any, str, Any]


class Bug(NamedTuple):
    """``patches()`` are (where, attribute, what stands there instead); ``what`` is the mistake in a few words."""

    name: str
    what: str
    patches: Callable[[], list[Patch]]


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """While this lasts, everything that is built has the bug."""
    undo: list[Patch] = []
    try:
        for owner, attribute, replacement in bug.patches():
            undo.append((owner, attribute, getattr(owner, attribute)))
            setattr(owner, attribute, replacement)
        yield
    finally:
        for owner, attribute, original in reversed(undo):
            setattr(owner, attribute, original)


# -- the gate ------------------------------------------------------------------------------------------------------


def _gate_skipped() -> list[Patch]:
    def check(self: Gate, order: Order, now_ns: int) -> Approved:
        try:
            self.restore(order)
        except InvariantError:
            order.reserve_ticks = 1
        return Approved(order)

    return [(Gate, "check", check)]


def _second_look_skipped() -> list[Patch]:
    return [(Gate, "may_send", lambda self, *arguments: Reason.NONE)]


def _budgets_overdrawn() -> list[Patch]:
    """Each venue actor may have what the account may have."""
    return [(EscrowGrantor, "free", lambda self, budget: self._limits[budget])]


def _ceilings_only_grow() -> list[Patch]:
    """What a holder has given back it goes on using."""
    applied = Gate.set_ceilings

    def set_ceilings(self: Gate, ceilings: Any, *more: Any) -> Any:
        last = getattr(self, "_planted", ceilings)
        self._planted = msgspec.structs.replace(  # type: ignore[attr-defined]  # planted here
            ceilings,
            open_orders=max(ceilings.open_orders, last.open_orders),
            gross_notional_micros=max(ceilings.gross_notional_micros, last.gross_notional_micros),
        )
        return applied(self, self._planted, *more)  # type: ignore[attr-defined]  # planted here

    return [(Gate, "set_ceilings", set_ceilings)]


def _position_limit_ignored() -> list[Patch]:
    defined = Gate.define

    def define(self: Gate, instrument: Any, limits: Any, *more: Any) -> None:
        wide = msgspec.structs.replace(
            limits,
            long_position_lots=limits.long_position_lots * 50,
            short_position_lots=limits.short_position_lots * 50,
        )
        defined(self, instrument, wide, *more)

    return [(Gate, "define", define)]


def _leak_on_cancel() -> list[Patch]:
    closed = Gate.closed

    def leaking(self: Gate, order: Order, released_lots: int) -> None:
        closed(self, order, 0 if order.status is OrderStatus.CANCELLED else released_lots)

    return [(Gate, "closed", leaking)]


def _released_at_cancel_request() -> list[Patch]:
    cancel = OrderEntry._cancel

    def releasing(self: OrderEntry, order: Order, now_ns: int) -> None:
        cancel(self, order, now_ns)
        self._gate.closed(order, order.leaves_lots)

    return [(OrderEntry, "_cancel", releasing)]


def _released_at_replace() -> list[Patch]:
    asked = Blotter._on_replace_asked

    def releasing(self: Blotter, order: Order) -> None:
        asked(self, order)
        orig = self.orders[order.orig_client_order_id]
        self._exposure.closed(orig, orig.leaves_lots)

    return [(Blotter, "_on_replace_asked", releasing)]


# -- leases --------------------------------------------------------------------------------------------------------


def _lease_never_expires() -> list[Patch]:
    grant = Gate.grant
    return [(Gate, "grant", lambda self, epoch, expires_ns: grant(self, epoch, _FAR_NS))]


def _lease_counted_from_receipt() -> list[Patch]:
    taken = VenueLease.on_grant

    def on_grant(self: VenueLease, given: Any, now_ns: int) -> None:
        taken(self, given, now_ns)
        self._gate.grant(self.epoch, now_ns + given.duration_ns)

    return [(VenueLease, "on_grant", on_grant)]


def _grants_without_authority() -> list[Patch]:
    return [(LeaseGrantor, "authorize", lambda self, expires_ns: setattr(self, "_authority_expires_ns", FOREVER_NS))]


def _epoch_reused() -> list[Patch]:
    def begin(journal: Any, last_epoch: int, now_ns: int) -> int:
        return max(last_epoch, epochs.begin_epoch(journal, 0, now_ns))

    return [(risk, "begin_epoch", begin), (kill_switch, "begin_epoch", begin)]


# -- what the venue says -------------------------------------------------------------------------------------------


def _settling(change: Callable[[Any, VenueCore], Any]) -> list[Patch]:
    settle = VenueCore.settle

    def changed(self: VenueCore, event: Any, now_ns: int) -> None:
        settle(self, change(event, self), now_ns)

    return [(VenueCore, "settle", changed)]


def _unknown_as_rejected() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, OrderOutcomeUnknown):
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None and not order.accepted and not order.cum_lots:
                return OrderRejected(event.client_order_id, Reason.VENUE_REJECTED, event.text, 0)
        return event

    return _settling(change)


def _cancel_reject_as_cancelled() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, CancelRejected) and event.order_unknown:
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None:
                return OrderCancelled(event.client_order_id, order.order_id, order.cum_lots, event.venue_time_ns)
        return event

    return _settling(change)


def _owed_fills_forgotten() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, OrderSeen) and event.status.is_terminal:
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None and event.status is not OrderStatus.FILLED:
                return msgspec.structs.replace(event, cum_lots=order.cum_lots)
        return event

    return _settling(change)


def _not_found_at_once() -> list[Patch]:
    def on_not_found(self: Reconciliation, event: Any, now_ns: int) -> None:
        doubt = self._doubts.pop(event.client_order_id, None)
        if doubt is not None:
            rejected = OrderRejected(event.client_order_id, Reason.NEVER_REACHED_VENUE, "", event.venue_time_ns)
            self._settle(rejected, now_ns)
        self._advance(now_ns)

    return [(Reconciliation, "on_order_not_found", on_not_found)]


def _not_searched() -> list[Patch]:
    def search(self: Reconciliation, now_ns: int) -> None:
        for name, doubt in list(self._doubts.items()):
            order = self._blotter.orders.get(name)
            if order is not None and doubt.not_found >= 3 and not order.order_id:
                del self._doubts[name]
                self._settle(OrderRejected(name, Reason.NEVER_REACHED_VENUE, "", 0), now_ns)

    return [(Reconciliation, "_search_missing", search)]


def _unanswered_forgotten() -> list[Patch]:
    return [(VenueActor, "_doubt_unanswered", lambda self, now_ns: None)]


def _fill_counted_twice() -> list[Patch]:
    apply = Blotter.apply

    def counting(self: Blotter, record: Any, now_ns: int) -> Any:
        if isinstance(record, OrderFilled):
            order = self.orders.get(record.client_order_id)
            if order is not None:
                order.trade_ids.discard(record.trade_id)
        return apply(self, record, now_ns)

    return [(Blotter, "apply", counting)]


def _fill_dropped_on_reconnect() -> list[Patch]:
    on_trades = Reconciliation.on_trades

    def dropping(self: Reconciliation, event: Any, now_ns: int) -> None:
        on_trades(self, msgspec.structs.replace(event, fills=()), now_ns)

    return [(Reconciliation, "on_trades", dropping)]


def _own_clock_trusted() -> list[Patch]:
    return [(VenueClock, "read", lambda self, *arguments: False)]


# -- journal and restart -------------------------------------------------------------------------------------------


def _journal_after_send() -> list[Patch]:
    sent, late = VenueCore.sent, dict[int, tuple[Any, int]]()

    def request(self: VenueJournal, record: Any, now_ns: int) -> None:
        late[id(self)] = (record, now_ns)

    def writing(self: VenueCore, client_order_id: str, now_ns: int) -> None:
        sent(self, client_order_id, now_ns)
        if id(self.journal) in late:
            self.journal.fact(*late.pop(id(self.journal)))

    return [(VenueJournal, "request", request), (VenueCore, "sent", writing)]


def _journal_not_replayed() -> list[Patch]:
    return [(VenueJournal, "records", lambda self: iter(()))]


def _latch_ignored_after_restart() -> list[Patch]:
    replay = VenueActor._replay_journal

    def blinded(self: VenueActor, now_ns: int) -> None:
        replay(self, now_ns)
        if self._restarts:
            view = self.core.latch
            page = LatchPage(bytearray(_unkilled(view._page)), None, -1)
            self.gate._latch = LatchView(page, view.venue, view.account)
            self.gate._words = self.gate._latch.words

    return [(VenueActor, "_replay_journal", blinded)]


def _unkilled(page: LatchPage) -> bytes:
    names = page.names
    venues, strategies = dict.fromkeys(names.venues, ""), dict.fromkeys(names.strategies, "")
    return bytes(fresh_page(TradingNames(names.accounts, venues, strategies, names.instruments)))


# -- kills ---------------------------------------------------------------------------------------------------------


def _told_before_latched() -> list[Patch]:
    """The kill switch tells the venue actors and forgets the page."""

    return [
        (LatchKeeper, "store", lambda self, *arguments: None),
        (LatchKeeper, "restore", lambda self: None),
        (LatchKeeper, "explain", lambda self, held: None),
        (KillSwitchActor, "_set_authority", lambda self: self._grantor.authorize(FOREVER_NS)),
        (VenueKill, "_is_latched", lambda self, *arguments: True),
    ]


def _reduce_by_side_only() -> list[Patch]:
    checked, looked = Gate.check, Gate.may_send

    def check(self: Gate, order: Order, now_ns: int) -> Any:
        """Whatever sells what is long, or buys what is short, counts as shrinking it, however much it is."""
        answer = checked(self, order, now_ns)
        position_lots = self.position_lots(order.instrument_id)
        shrinks = position_lots > 0 if order.side is Side.SELL else position_lots < 0
        if isinstance(answer, Refusal) and answer.reason is Reason.REDUCE_ONLY and shrinks:
            self.restore(order)
            return Approved(order)
        return answer

    def may_send(self: Gate, order: Approved, now_ns: int) -> Reason:
        reason = looked(self, order, now_ns)
        return Reason.NONE if reason is Reason.REDUCE_ONLY else reason

    return [(Gate, "check", check), (Gate, "may_send", may_send)]


def _reduce_ignored() -> list[Patch]:
    store = LatchPage.store

    def storing(self: LatchPage, kill_id: str, scope: Any, mode: KillMode) -> int:
        return 1 if mode is KillMode.REDUCE else store(self, kill_id, scope, mode)

    return [(LatchPage, "store", storing)]


def _wrong_index_in_scope() -> list[Patch]:
    index_of = LatchView.index_of

    def off_by_one(self: LatchView, kind: str, name: str) -> int:
        index = index_of(self, kind, name)
        return index + 1 if kind == "strategy" else index

    return [(LatchView, "index_of", off_by_one)]


def _released_by_one_person() -> list[Patch]:
    return [(release, "PEOPLE_NEEDED", 1)]


def _signature_unchecked() -> list[Patch]:
    return [(ReleaseCase, "refusal", lambda self, approval, wall_ns: "")]


def _release_frees_all() -> list[Patch]:
    released, settle = LatchPage.release, LatchPage.settle_button

    def releasing(self: LatchPage, kill_id: str) -> bool:
        for kill in self.kills():
            self.release_tag(kill.tag)
        return released(self, kill_id)

    return [
        (LatchPage, "release", releasing),
        (LatchKeeper, "restore", lambda self: None),
        (LatchPage, "settle_button", lambda self, least: settle(self, None)),
    ]


def _flatten_overshoots() -> list[Patch]:
    """Closing takes the position as it was, and not what may already be sold of it."""
    looked = Gate.may_send

    def check_closing(self: Gate, order: Order, now_ns: int) -> Approved:
        order.quantity_lots *= 3
        self.restore(order)
        return Approved(order)

    def may_send(self: Gate, order: Approved, now_ns: int) -> Reason:
        is_closing = order.client_order_id.startswith("flatten-")
        return Reason.NONE if is_closing else looked(self, order, now_ns)

    return [(Gate, "check_closing", check_closing), (Gate, "may_send", may_send)]


def _cancel_all_once() -> list[Patch]:
    def sweep(self: CancelUntilNone, now_ns: int) -> None:
        """No second round."""

    return [(CancelUntilNone, "sweep", sweep)]


def _confirmed_without_asking() -> list[Patch]:
    answered = CancelUntilNone.on_cancel_all_answered

    def on_answered(self: CancelUntilNone, event: Any, now_ns: int) -> None:
        answered(self, event, now_ns)
        if self.active and not self._waiting:
            self.active, self.orders_listed = False, 0
            self._confirmed(now_ns)

    return [(CancelUntilNone, "on_cancel_all_answered", on_answered)]


# -- reports and identities ----------------------------------------------------------------------------------------


def _report_sent_twice() -> list[Patch]:
    apply = Blotter.apply

    def repeating(self: Blotter, record: Any, now_ns: int) -> Any:
        reports = apply(self, record, now_ns)
        for report in [each for each in reports if each.order_status.is_terminal and each.fill is None]:
            book = self._strategy(report.strategy_id)
            book.report_seq += 1
            again = msgspec.structs.replace(report, report_seq=book.report_seq)
            book.reports.append(again)
            reports.append(again)
        return reports

    return [(Blotter, "apply", repeating)]


def _missed_reports_skipped() -> list[Patch]:
    since = Blotter.reports_since

    def skipping(self: Blotter, strategy_id: str, report_seq: int) -> Any:
        reports = since(self, strategy_id, report_seq)
        return reports[1:] if reports else reports

    return [(Blotter, "reports_since", skipping)]


def _wrong_strategy_credited() -> list[Patch]:
    deliver = ReportDelivery.deliver

    def crediting(self: ReportDelivery, reports: Any) -> None:
        first = next(iter(self.attachments))
        deliver(self, [msgspec.structs.replace(report, strategy_id=first) for report in reports])

    return [(ReportDelivery, "deliver", crediting)]


def _anybody_may_speak() -> list[Patch]:
    def by_actor(self: ReportDelivery, actor: str) -> Any:
        return self._by_actor.get(actor) or next(iter(self.attachments.values()), None)

    return [(ReportDelivery, "by_actor", by_actor)]


def _duplicate_ids_allowed() -> list[Patch]:
    return [(UsedOrderIds, "__contains__", lambda self, client_order_id: False)]


def _orphans_left() -> list[Patch]:
    return [(VenueActor, "on_peer_down", lambda self, peer, now_ns: self.delivery.detach(peer) and None)]


BUGS: tuple[Bug, ...] = (
    Bug("gate-skipped", "orders go out unchecked", _gate_skipped),
    Bug("second-look-skipped", "latch and lease are not read again before the write", _second_look_skipped),
    Bug("budgets-overdrawn", "every venue actor may have the whole limit of the account", _budgets_overdrawn),
    Bug("ceilings-only-grow", "what was given back goes on being used", _ceilings_only_grow),
    Bug("position-limit-ignored", "the position limit does not hold", _position_limit_ignored),
    Bug("leak-on-cancel", "a cancelled order keeps its reservation", _leak_on_cancel),
    Bug("released-at-cancel-request", "a reservation ends when the cancel is asked for", _released_at_cancel_request),
    Bug("released-at-replace", "the original's reservation ends when a replace is asked for", _released_at_replace),
    Bug("lease-never-expires", "a lease once granted stands for ever", _lease_never_expires),
    Bug("lease-counted-from-receipt", "a lease runs from when its grant arrived", _lease_counted_from_receipt),
    Bug("grants-without-authority", "the risk actor grants more than it holds", _grants_without_authority),
    Bug("epoch-reused", "a new life grants in the epoch of the last", _epoch_reused),
    Bug("unknown-as-rejected", "an order in doubt is reported as rejected", _unknown_as_rejected),
    Bug("not-found-at-once", "an order that one query does not find is called rejected", _not_found_at_once),
    Bug("not-searched", "an order that its id does not find is called rejected", _not_searched),
    Bug("cancel-reject-as-cancelled", "a refused cancel is taken for done", _cancel_reject_as_cancelled),
    Bug("owed-fills-forgotten", "an order that has ended is not waited for its fills", _owed_fills_forgotten),
    Bug("unanswered-forgotten", "a request without an answer is never asked about", _unanswered_forgotten),
    Bug("fill-counted-twice", "a fill that is told again counts again", _fill_counted_twice),
    Bug("fill-dropped-on-reconnect", "fills during a disconnect are lost", _fill_dropped_on_reconnect),
    Bug("own-clock-trusted", "requests carry our clock instead of the venue's", _own_clock_trusted),
    Bug("journal-after-send", "an order is journalled after its bytes went out", _journal_after_send),
    Bug("journal-not-replayed", "a new life does not read its journal", _journal_not_replayed),
    Bug("latch-ignored-after-restart", "a new life does not see the latch", _latch_ignored_after_restart),
    Bug("told-before-latched", "halted is acknowledged, and the page was never written", _told_before_latched),
    Bug("reduce-by-side-only", "reduce compares sides, not quantities", _reduce_by_side_only),
    Bug("reduce-ignored", "a kill of mode reduce is not latched", _reduce_ignored),
    Bug("wrong-index-in-scope", "a strategy is looked up under another's index", _wrong_index_in_scope),
    Bug("released-by-one-person", "one approval is enough for a release", _released_by_one_person),
    Bug("signature-unchecked", "anybody may approve in anybody's name", _signature_unchecked),
    Bug("release-frees-all", "the release of one kill ends the others", _release_frees_all),
    Bug("flatten-overshoots", "closing orders are larger than the position", _flatten_overshoots),
    Bug("cancel-all-once", "a kill cancels once and hopes", _cancel_all_once),
    Bug("confirmed-without-asking", "cancelled is confirmed without the venue's list", _confirmed_without_asking),
    Bug("report-sent-twice", "an end is reported twice", _report_sent_twice),
    Bug("missed-reports-skipped", "a strategy that was away is not told everything", _missed_reports_skipped),
    Bug("wrong-strategy-credited", "reports go to the first strategy", _wrong_strategy_credited),
    Bug("anybody-may-speak", "a stranger may act for a strategy", _anybody_may_speak),
    Bug("duplicate-ids-allowed", "a client order id may be used again", _duplicate_ids_allowed),
    Bug("orphans-left", "orders of a strategy that is gone stay open", _orphans_left),
)
