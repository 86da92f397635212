"""Account: every submitted order ends in exactly one terminal report, and a report is never untrue.

Isolation is told here too: who is told of whose orders, and who acts for whom.
"""

from collections.abc import Iterable

from cli.simulation.limit_promise import LimitPromise
from cli.simulation.truth import OrderTruth, Violation
from engine.codes import ExecType, OrderStatus, Side
from engine.messages import ExecutionReport

__all__ = ["AccountPromise"]

_NAME = "Account"
_NOT_AN_END = (ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED)


class AccountPromise:
    """``venue_of`` maps each strategy to its venue actor."""

    def __init__(self, venue_of: dict[str, str], venues: tuple[str, ...], limit: LimitPromise) -> None:
        self.orders: dict[str, OrderTruth] = {}
        self._venue_of = venue_of
        self._limit = limit
        self._by_venue: dict[str, dict[str, OrderTruth]] = {venue: {} for venue in venues}
        #: By order and trade id: both sides of one trade may be ours.
        self._trades: dict[tuple[str, str], int] = {}
        self._told_trades: set[tuple[str, str]] = set()
        #: Ids that were sent a second time on purpose: that one is refused as a duplicate.
        self.doubled: set[str] = set()
        #: Orders of which a power cut took records: what was told of them before may be told again.
        self._blurred: set[str] = set()
        #: Venue actors that began a new series of reports: what came before may be told by a snapshot alone.
        self.renumbered: set[str] = set()

    def venue_of(self, strategy_id: str) -> str:
        return self._venue_of[strategy_id]

    def lost(self, records: Iterable[object]) -> None:
        """A venue actor's journal has lost these records."""
        for record in records:
            for name in ("client_order_id", "orig_client_order_id"):
                self._blurred.add(getattr(record, name, ""))

    # -- asked for and written ----------------------------------------------------------------------------------

    def submitted(self, strategy_id: str, client_order_id: str) -> None:
        if client_order_id in self.orders:
            raise Violation(_NAME, f"strategy {strategy_id} made {client_order_id} twice")
        self.orders[client_order_id] = OrderTruth(client_order_id, strategy_id, self._venue_of[strategy_id])

    def forgotten(self, strategy_id: str) -> None:
        """A life of the strategy has died: what it was waiting for, nobody waits for any more."""
        for order in self.orders.values():
            if order.strategy_id == strategy_id and not order.terminals:
                order.memory = False

    def closing(self, client_order_id: str, strategy_id: str, venue: str) -> None:
        """The engine itself closes a position that the strategy holds."""
        if client_order_id not in self.orders:
            order = self.orders[client_order_id] = OrderTruth(client_order_id, strategy_id, venue)
            order.closes, order.memory = True, False

    def written(self, client_order_id: str, venue: str, instrument_id: int, side: Side, lots: int) -> OrderTruth:
        """A request has left for the venue."""
        order = self.orders.get(client_order_id)
        if order is None or order.venue != venue:
            raise Violation("Isolation", f"{client_order_id} left {venue}, where no strategy of it asked for that")
        order.written += 1
        if order.written > 1:
            raise Violation(_NAME, f"{client_order_id} left {venue} twice")
        if order.terminals:
            raise Violation(
                _NAME, f"{client_order_id} left {venue} after its strategy was told {order.terminals[0].name}"
            )
        order.instrument_id, order.side, order.lots, order.in_flight_lots = instrument_id, side, lots, lots
        self._by_venue[venue][client_order_id] = order
        return order

    def written_by(self, venue: str) -> list[OrderTruth]:
        return list(self._by_venue[venue].values())

    # -- at the venue -------------------------------------------------------------------------------------------

    def changed(self, client_order_id: str, leaves_lots: int, is_open: bool) -> OrderTruth | None:
        """The venue's own word; None for an order that is none of ours."""
        order = self.orders.get(client_order_id)
        if order is None:
            return None
        if not order.placed:
            order.placed = True
            if OrderStatus.REJECTED in order.terminals:
                raise Violation(_NAME, f"{client_order_id} was reported as rejected and now stands at the venue")
            self._limit.landed(order)
            self._limit.opened(order, 0, 1)
        open_lots = leaves_lots if is_open else 0
        self._limit.opened(order, open_lots - order.open_lots, 0 if is_open or order.ended else -1)
        order.open_lots, order.ended = open_lots, not is_open
        return order

    def traded(self, order: OrderTruth, trade_id: str, lots: int) -> None:
        order.cum_lots += lots
        self._trades[order.client_order_id, trade_id] = lots
        self._limit.traded(order, lots)

    # -- told ---------------------------------------------------------------------------------------------------

    def told(self, strategy_id: str, report: ExecutionReport) -> None:
        """A strategy is given a report."""
        name, order = report.client_order_id, self.orders.get(report.client_order_id)
        if report.strategy_id != strategy_id or (order is not None and order.strategy_id != strategy_id):
            raise Violation("Isolation", f"strategy {strategy_id} was told of {name} of strategy {report.strategy_id}")
        if order is None or report.exec_type in _NOT_AN_END:
            return
        if name in self.doubled and not report.report_seq and report.exec_type is ExecType.REJECTED:
            return  # the second one, not the order itself
        if report.fill is not None:
            self._told_fill(order, report)
        if report.order_status.is_terminal:
            self._told_end(order, report)

    def _told_fill(self, order: OrderTruth, report: ExecutionReport) -> None:
        assert report.fill is not None
        key = (order.client_order_id, report.fill.trade_id)
        if key in self._told_trades and order.client_order_id in self._blurred:
            return
        if key in self._told_trades:
            raise Violation("Conservation", f"trade {report.fill.trade_id} of {order} was told twice")
        if self._trades.get(key) != report.fill.last_lots:
            raise Violation(
                "Conservation", f"{order} was told trade {report.fill.trade_id}, which the venue does not know"
            )
        self._told_trades.add(key)

    def _told_end(self, order: OrderTruth, report: ExecutionReport) -> None:
        again = (*order.terminals, OrderStatus.CANCELLED)  # a replaced one stands as cancelled at the venue
        if order.terminals and order.client_order_id in self._blurred and report.order_status in again:
            return
        if order.terminals:
            raise Violation(_NAME, f"{order} was told a second end, {report.order_status.name}")
        order.terminals.append(report.order_status)
        if report.order_status is OrderStatus.REJECTED:
            if order.placed:
                raise Violation(_NAME, f"{order} was told that it was rejected ({_why(report)}); the venue has had it")
        elif not order.ended:
            raise Violation(_NAME, f"{order} was told {report.order_status.name}, and it has not ended at the venue")
        elif report.cum_lots != order.cum_lots:
            raise Violation(_NAME, f"{order} was told {report.order_status.name} after {report.cum_lots} lots")

    # -- at rest ------------------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Nothing is under way any more."""
        for order in self.orders.values():
            if order.open_lots:
                raise Violation(_NAME, f"{order} is still open at the venue when everything is at rest")
            if not order.terminals and order.memory:
                raise Violation(_NAME, f"{order} never got a terminal report")
        untold = [
            key
            for key in self._trades
            if key not in self._told_trades
            and self.orders[key[0]].memory
            and self.orders[key[0]].venue not in self.renumbered
        ]
        if untold:
            raise Violation("Conservation", f"trades that no strategy was ever told: {untold[:5]}")


def _why(report: ExecutionReport) -> str:
    return report.refusal.reason.name if report.refusal is not None else "no reason given"
