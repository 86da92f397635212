"""Bugs of the promise Account: orders whose end is untrue, told twice or never told."""

from typing import Any

import msgspec

from actors.reconciliation import Reconciliation
from actors.venue import VenueActor
from actors.venue_core import VenueCore
from actors.venue_records import VenueJournal
from adapters.clock import VenueClock
from cli.simulation.bugs.planting import Bug, Patch, settling
from engine.blotter import Blotter
from engine.codes import Reason
from engine.order_event import (
    CancelRejected,
    OrderCancelled,
    OrderOutcomeUnknown,
    OrderRejected,
)
from engine.order_ids import UsedOrderIds

__all__ = ["BUGS"]


def _unknown_as_rejected() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, OrderOutcomeUnknown):
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None and not order.accepted and not order.cum_lots:
                return OrderRejected(event.client_order_id, Reason.VENUE_REJECTED, event.text, 0)
        return event

    return settling(change)


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


def _cancel_reject_as_cancelled() -> list[Patch]:
    def change(event: Any, core: VenueCore) -> Any:
        if isinstance(event, CancelRejected) and event.order_unknown:
            order = core.blotter.orders.get(event.client_order_id)
            if order is not None:
                return OrderCancelled(event.client_order_id, order.order_id, order.cum_lots, event.venue_time_ns)
        return event

    return settling(change)


def _unanswered_forgotten() -> list[Patch]:
    return [(VenueActor, "_doubt_unanswered", lambda self, now_ns: None)]


def _own_clock_trusted() -> list[Patch]:
    return [(VenueClock, "read", lambda self, *arguments: False)]


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
    return [(VenueJournal, "records", lambda self, after=0: iter(()))]


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


def _duplicate_ids_allowed() -> list[Patch]:
    add = UsedOrderIds.add
    return [
        (UsedOrderIds, "__contains__", lambda self, client_order_id: False),
        (UsedOrderIds, "add", lambda self, client_order_id: add(self, client_order_id) or True),
    ]


def _orphans_left() -> list[Patch]:
    return [(VenueActor, "on_peer_down", lambda self, peer, now_ns: self.delivery.detach(peer) and None)]


BUGS = (
    Bug("unknown-as-rejected", "an order in doubt is reported as rejected", _unknown_as_rejected, ("Account", "Limit")),
    Bug(
        "not-found-at-once",
        "an order that one query does not find is called rejected",
        _not_found_at_once,
        ("Account", "Limit"),
    ),
    Bug("not-searched", "an order that its id does not find is called rejected", _not_searched, ("Account", "Limit")),
    Bug(
        "cancel-reject-as-cancelled",
        "a refused cancel is taken for done",
        _cancel_reject_as_cancelled,
        ("Account", "Limit"),
    ),
    Bug(
        "unanswered-forgotten", "a request without an answer is never asked about", _unanswered_forgotten, ("Account",)
    ),
    Bug("own-clock-trusted", "requests carry our clock instead of the venue's", _own_clock_trusted, ("Account",)),
    Bug("journal-after-send", "an order is journalled after its bytes went out", _journal_after_send, ("Account",)),
    Bug("journal-not-replayed", "a new life does not read its journal", _journal_not_replayed, ("Account", "Limit")),
    Bug("report-sent-twice", "an end is reported twice", _report_sent_twice, ("Account",)),
    Bug(
        "missed-reports-skipped",
        "a strategy that was away is not told everything",
        _missed_reports_skipped,
        ("Account",),
    ),
    Bug("duplicate-ids-allowed", "a client order id may be used again", _duplicate_ids_allowed, ("Account",)),
    Bug("orphans-left", "orders of a strategy that is gone stay open", _orphans_left, ("Account",)),
)
