"""The executions channel → order events.

Reports are sparse: what an order is was told once, so each is read against the order that it is about (``working.py``).
Only ``trade`` is a fill; ``filled`` closes. An amend is told by its report, which comes in the order of the venue's
engine: every fill before it belongs to the original.
"""

import msgspec

from adapters.kraken.client_ids import name_of
from adapters.kraken.core import SessionCore
from adapters.kraken.messages import ExecType, ExecutionReport, Message
from adapters.kraken.numbers import instant_ns, nanos_floor
from adapters.kraken.parse import SIDES, end_reason, lots, report_fill, takes
from adapters.kraken.working import Working, WorkingOrders
from engine.codes import OrderStatus, OrderType, Reason, TimeInForce
from engine.errors import VenueError
from engine.venue import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
)

__all__ = ["Executions"]

_decode_reports = msgspec.json.Decoder(tuple[ExecutionReport, ...]).decode
_TYPES = {"market": OrderType.MARKET}
_IN_FORCE = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}


class Executions:
    def __init__(self, core: SessionCore, working: WorkingOrders) -> None:
        self._core, self._working = core, working
        self._sequence = 0
        #: Whether the snapshot of this connection has come.
        self.is_loaded = False

    def lost(self, now_ns: int) -> None:
        """The link is down: what happens until the next snapshot is not told, and amends on their way may happen."""
        self._sequence, self.is_loaded = 0, False
        for working in self._working.open():
            self.doubt_amend(working, "order link lost", now_ns)

    def doubt_amend(self, working: Working, text: str, now_ns: int) -> None:
        """Whether an amend was done has to be asked; until then nothing about the order can be told whose it is."""
        amend, working.amend = working.amend, None
        if amend is None:
            return
        working.in_doubt, working.doubt_until_ns = True, amend.deadline_ns
        self._core.emit(OrderOutcomeUnknown(amend.orig_client_order_id, text), now_ns)
        self._core.emit(OrderOutcomeUnknown(amend.client_order_id, text), now_ns)

    # -- messages --------------------------------------------------------------------------------------------

    def on_message(self, message: Message, now_ns: int) -> bool:
        """False: reports are missing, and the subscription is of no more use. Raises VenueError or DECODE_ERRORS."""
        reports = _decode_reports(message.data)
        if message.type == "snapshot":
            self._sequence, self.is_loaded = message.sequence, True
            self._on_snapshot(reports, now_ns)
            return True
        if message.sequence <= self._sequence:
            self._core.count("execution report twice")
            return True
        if message.sequence != self._sequence + 1:
            return False
        self._sequence = message.sequence
        for report in reports:
            self.on_report(report, now_ns)
        return True

    def _on_snapshot(self, reports: tuple[ExecutionReport, ...], now_ns: int) -> None:
        """What is open now. Nothing is told of it: whoever trades asks for the list, and for what is not on it."""
        listed = set()
        for report in reports:
            if report.exec_type is ExecType.TRADE:
                continue  # a past fill: our trades are asked for
            working = self._find(report, now_ns)
            if working is None:
                continue
            listed.add(working)
            self._working.reopen(working)
            if report.amended and len(working.ours) <= 1 and not working.amends:
                working.in_doubt = True
            if report.order_qty:
                quantity_lots = lots(report.order_qty, working.grid)
                working.in_doubt = working.in_doubt or quantity_lots != working.quantity_lots
                working.quantity_lots = quantity_lots
            if report.cum_qty:
                working.cum_lots = max(working.cum_lots, lots(report.cum_qty, working.grid))
        for working in self._working.open():
            if working not in listed:
                self._working.end(working)

    def on_report(self, report: ExecutionReport, now_ns: int) -> None:
        working = self._find(report, now_ns)
        if working is None:
            return
        self._told_counter(report, working, now_ns)
        if working.in_doubt:
            if not working.hold(report):
                self._core.count("execution report not held")
            return
        self._apply(working, report, now_ns)

    def _find(self, report: ExecutionReport, now_ns: int) -> Working | None:
        name = name_of(report.cl_ord_id)
        working = self._working.find(report.order_id, name)
        if working is None:
            return self._meet(report, name, now_ns)
        if not working.order_id:
            self._working.bind(working, report.order_id)
        return working

    def _meet(self, report: ExecutionReport, name: str, now_ns: int) -> Working | None:
        """An order that we have not sent in this life, or not at all."""
        grid = self._core.grids_by_name.get(report.symbol)
        if grid is None:
            self._core.count("report of an unknown order" if not report.symbol else "report of another instrument")
            if not report.symbol and name:
                self._core.emit(OrderOutcomeUnknown(self._core.ids.to_ours(name), "reported without its terms"), now_ns)
            return None
        quantity_lots = lots(report.order_qty, grid) if report.order_qty else 0
        working = Working(name, self._core.ids.to_ours(name), grid, quantity_lots, now_ns)
        working.order_id = report.order_id
        working.side = SIDES[report.side] if report.side is not None else working.side
        working.order_type = _TYPES.get(report.order_type, OrderType.LIMIT)
        working.time_in_force = _IN_FORCE.get(report.time_in_force, TimeInForce.GTC)
        working.post_only = report.post_only
        self._working.add(working)
        return working

    def _told_counter(self, report: ExecutionReport, working: Working, now_ns: int) -> None:
        raw = report.ratecount or report.rate_count or report.ratecounter
        if raw:
            used_milli = nanos_floor(raw, "rate counter") // 1_000_000
            self._core.limits.told(working.grid.instrument_id, used_milli, now_ns)

    # -- one report ------------------------------------------------------------------------------------------

    def settled(self, working: Working, now_ns: int) -> None:
        """It is known again which of ours the order is: what was held is told."""
        working.in_doubt = False
        held, working.held = working.held, []
        for report in held:
            self._apply(working, report, now_ns)

    def _apply(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        kind, grid = report.exec_type, working.grid
        if kind is ExecType.TRADE:
            self._traded(working, report, now_ns)
            return
        if report.cum_qty:
            working.cum_lots = max(working.cum_lots, lots(report.cum_qty, grid))
        if kind is ExecType.NEW:
            self.accepted(working, instant_ns(report.timestamp), now_ns)
        elif kind is ExecType.AMENDED:
            self._amended(working, report, now_ns)
        elif kind is ExecType.FILLED:
            self._filled(working, report, now_ns)
        elif kind is ExecType.CANCELED or kind is ExecType.EXPIRED:
            self._gone(working, report, now_ns)
        elif kind is ExecType.RESTATED:
            self._restated(working, report, now_ns)

    def accepted(self, working: Working, venue_ns: int, now_ns: int) -> None:
        """Told once, by the answer or by the report, whichever comes first."""
        if not working.accepted:
            working.accepted = True
            self._core.emit(OrderAccepted(working.client_order_id, working.engine_id, venue_ns), now_ns)

    def _traded(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        if report.exec_id in working.fills:
            self._core.count("fill twice")
            return
        fill = report_fill(report, working.client_order_id, working.engine_id, working.grid)
        working.fills[report.exec_id] = working.amends
        cum_lots = lots(report.cum_qty, working.grid) if report.cum_qty else working.cum_lots + fill.last_lots
        working.cum_lots = max(working.cum_lots, cum_lots)
        self._core.emit(fill, now_ns)

    def _amended(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        amend, working.amend = working.amend, None
        if amend is None:
            self._core.count("amended by somebody else")
            self._restated(working, report, now_ns)
            return
        total_lots = lots(report.order_qty, working.grid) if report.order_qty else amend.total_lots
        self.becomes(working, amend.client_order_id, amend.asked_lots, total_lots, working.cum_lots, report, now_ns)

    def becomes(
        self,
        working: Working,
        client_order_id: str,
        asked_lots: int,
        total_lots: int,
        base_lots: int,
        report: ExecutionReport | int,
        now_ns: int,
    ) -> None:
        """The next of ours takes the order over, after ``base_lots`` of all were filled. ``report`` may be a time."""
        venue_ns = report if isinstance(report, int) else instant_ns(report.timestamp)
        orig, own_lots = working.client_order_id, max(0, base_lots - working.bases[-1])
        working.amended(client_order_id, asked_lots, total_lots, base_lots, venue_ns)
        working.changed_ns = now_ns
        if client_order_id not in working.ours:
            self._working.becomes(working, client_order_id)
        self._core.emit(OrderReplaced(orig, client_order_id, own_lots, venue_ns), now_ns)
        self._core.emit(OrderAccepted(client_order_id, working.engine_id, venue_ns), now_ns)

    def _filled(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        """All of the venue's order; of ours less, when some was filled between an amend and the request of it."""
        self._working.end(working)
        own_lots = working.own_cum_lots
        if own_lots < working.asked_lots and working.client_order_id:
            text = "the venue filled all that was left when the replace came"
            self._expired(working, own_lots, Reason.VENUE_EXPIRED, text, report, now_ns)

    def _gone(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        self._working.end(working)
        reason, text = self._why(working, report)
        own_lots, venue_ns = working.own_cum_lots, instant_ns(report.timestamp)
        if reason is Reason.VENUE_POST_ONLY_WOULD_TAKE and not working.accepted and not own_lots:
            self._core.emit(OrderRejected(working.client_order_id, reason, text, venue_ns), now_ns)
        elif reason is Reason.VENUE_CANCELLED:
            event = OrderCancelled(working.client_order_id, working.engine_id, own_lots, venue_ns)
            self._core.emit(event, now_ns)
        else:
            self._expired(working, own_lots, reason, text, report, now_ns)

    def _why(self, working: Working, report: ExecutionReport) -> tuple[Reason, str]:
        ends_itself, is_expired = takes(working.order_type, working.time_in_force), report.exec_type is ExecType.EXPIRED
        reason = end_reason(report.reason, ends_itself=ends_itself, is_expired=is_expired)
        return reason, report.reason or (report.exec_type.value if reason is Reason.VENUE_EXPIRED else "")

    def _expired(
        self, working: Working, own_lots: int, reason: Reason, text: str, report: ExecutionReport, now_ns: int
    ) -> None:
        venue_ns = instant_ns(report.timestamp)
        event = OrderExpired(working.client_order_id, working.engine_id, own_lots, reason, text, venue_ns)
        self._core.emit(event, now_ns)

    def _restated(self, working: Working, report: ExecutionReport, now_ns: int) -> None:
        """The venue, or somebody else, has changed the order: what it is now is told."""
        if not report.order_qty:
            return
        quantity_lots = lots(report.order_qty, working.grid)
        if quantity_lots == working.quantity_lots:
            return
        if quantity_lots < working.cum_lots:
            raise VenueError(f"order {working.order_id}: less than what is filled was left of it")
        working.quantity_lots = quantity_lots
        own_lots = working.own_cum_lots
        status = OrderStatus.PARTIALLY_FILLED if own_lots else OrderStatus.NEW
        own_quantity = quantity_lots - working.bases[-1]
        venue_ns = instant_ns(report.timestamp)
        seen = OrderSeen(working.client_order_id, working.engine_id, status, own_quantity, own_lots, venue_ns)
        self._core.emit(seen, now_ns)
