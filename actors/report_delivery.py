"""Getting every report to its strategy, in order, once, however slow or absent the strategy is.

Reports are numbered per strategy by the blotter, which keeps the recent ones. Here is only how far each strategy has
been served. A strategy whose queue is full or whose link is down falls behind, and is caught up from the blotter; while
it is behind, its new orders are refused, so what it is owed stays bounded.

Refusals are not kept: nothing happened. When one finds no room, that is remembered, and as soon as there is room the
strategy is asked for the orders it still waits for; each of them that was never taken, or has ended, gets its end.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from engine.actor import Context
from engine.blotter import Blotter
from engine.codes import ExecType, OrderStatus, Reason, Side
from engine.messages import (
    Depth,
    ExecutionReport,
    InstrumentDefinition,
    PositionSnapshot,
    Quote,
    Refusal,
    RefusalsLost,
    StrategyLogon,
    StrategyReady,
    Trade,
)

__all__ = ["Attachment", "ReportDelivery", "snapshot_pages"]

#: Orders of one strategy that wait to be settled. It is asked again for what it names beyond that.
_UNSETTLED_MAX = 1_000_000
#: A strategy without memory, or with one of reports that are no longer kept.
_NOTHING_SERVED = -1
#: What one frame holds of a snapshot: a position takes up to 28 bytes, an order up to 220.
_POSITIONS_PER_PAGE, _ORDERS_PER_PAGE = 16, 16


class Attachment:
    """One strategy, as its venue actor serves it."""

    __slots__ = (
        "actor",
        "attached",
        "behind",
        "book_levels",
        "refusals_lost",
        "served_seq",
        "stopped",
        "strategy_id",
        "unsettled",
        "waits_for_ready",
    )

    def __init__(self, strategy_id: str) -> None:
        self.strategy_id = strategy_id
        self.actor = ""
        self.attached = False
        self.behind = False
        self.book_levels = 0
        self.served_seq = 0
        self.stopped = ""
        #: It has to be asked which orders it waits for, because refusals found no room.
        self.refusals_lost = False
        #: Orders it says it waits for, not yet looked at.
        self.unsettled: deque[str] = deque()
        self.waits_for_ready = False


class ReportDelivery:
    """Serves the strategies in ``strategy_ids``; nobody else is ever attached."""

    def __init__(self, ctx: Context, blotter: Blotter, strategy_ids: Iterable[str]) -> None:
        self._ctx = ctx
        self._blotter = blotter
        self.attachments = {strategy_id: Attachment(strategy_id) for strategy_id in strategy_ids}
        self._by_actor: dict[str, Attachment] = {}
        self._listening: list[Attachment] = []
        #: Shadows, by actor: they get market data and nothing else.
        self._shadows: dict[str, Attachment] = {}
        self.reports_sent = 0
        #: While True, nobody is told anything new: what happened is not in the journal yet.
        self.held = False
        #: While False, nobody is told that an order was never received: it may be at the venue, and not in the journal.
        self.knows_all_orders = True

    def by_actor(self, actor: str) -> Attachment | None:
        return self._by_actor.get(actor)

    def attach(
        self, actor: str, logon: StrategyLogon, definitions: Iterable[InstrumentDefinition], ready: bool
    ) -> None:
        """Bring a strategy that has (re)connected up to date: instruments, then what it missed, then StrategyReady."""
        attachment = self.attachments[logon.strategy_id]
        attachment.actor, attachment.attached = actor, True
        attachment.book_levels = logon.book_levels
        self._by_actor[actor] = attachment
        self._relist()
        for definition in definitions:
            self._ctx.send(actor, definition)
        missed = None
        if logon.last_report_seq >= 0:
            missed = self._blotter.reports_since(logon.strategy_id, logon.last_report_seq)
        if missed is None:
            attachment.served_seq = _NOTHING_SERVED
        else:
            attachment.served_seq = logon.last_report_seq
        attachment.behind = True
        self._catch_up(attachment)
        attachment.refusals_lost = False
        attachment.unsettled.clear()
        told = {report.client_order_id for report in missed or () if report.order_status.is_terminal}
        self.on_pending(attachment, [order for order in logon.pending if order not in told])
        attachment.waits_for_ready = True
        if ready:
            self.announce_ready()

    def detach(self, actor: str) -> Attachment | None:
        attachment = self._by_actor.pop(actor, None)
        if attachment is not None:
            attachment.attached = False
            attachment.behind = True
            attachment.refusals_lost = False  # its next logon names what it waits for
            attachment.unsettled.clear()
            self._relist()
        return attachment

    def announce_ready(self) -> None:
        """The venue is live: tell each strategy that has not been told."""
        for attachment in self.attachments.values():
            if attachment.attached and attachment.waits_for_ready:
                attachment.waits_for_ready = not self._ctx.send(attachment.actor, StrategyReady(self._ctx.name))

    # -- shadows: they listen, and nothing they say is an order ---------------------------------------------

    def listen(self, actor: str, strategy_id: str, book_levels: int) -> None:
        """Send market data to the shadow of a strategy, until ``unlisten``; twice is once."""
        shadow = self._shadows[actor] = Attachment(strategy_id)
        shadow.actor, shadow.book_levels = actor, book_levels
        self._relist()

    def unlisten(self, actor: str) -> None:
        if self._shadows.pop(actor, None) is not None:
            self._relist()

    # -- reports --------------------------------------------------------------------------------------------

    def deliver(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            attachment = self.attachments.get(report.strategy_id)
            if attachment is None or attachment.behind:
                continue  # kept by the blotter, served by catch_up
            if self._ctx.send(attachment.actor, report):
                attachment.served_seq = report.report_seq
                self.reports_sent += 1
            else:
                attachment.behind = True

    def deliver_refusal(self, actor: str, report: ExecutionReport) -> None:
        """An unnumbered report: nothing happened. If it is lost with the link, ``pending`` tells the strategy; if it
        finds no room, the strategy is asked for its pending orders once there is some."""
        if not self._ctx.send(actor, report):
            attachment = self._by_actor.get(actor)
            if attachment is not None:
                attachment.refusals_lost = True

    def owed(self) -> dict[str, int]:
        """How many reports each strategy has not been sent yet."""
        return {
            strategy_id: max(0, self._blotter.report_seq(strategy_id) - attachment.served_seq)
            for strategy_id, attachment in self.attachments.items()
        }

    def hold(self) -> None:
        """Tell nobody anything new until ``release``: every strategy is behind meanwhile."""
        self.held = True
        for attachment in self.attachments.values():
            attachment.behind = True

    def release(self) -> None:
        self.held = False
        self.catch_up()

    def catch_up(self) -> None:
        if self.held:
            return
        for attachment in self.attachments.values():
            if attachment.attached and attachment.behind:
                self._catch_up(attachment)
            if attachment.attached and (attachment.unsettled or attachment.refusals_lost):
                self._settle_pending(attachment)

    def _catch_up(self, attachment: Attachment) -> None:
        reports = self._blotter.reports_since(attachment.strategy_id, attachment.served_seq)
        if reports is None:
            # More was missed than is kept: the strategy gets positions and open orders instead.
            snapshot = self._blotter.snapshot(attachment.strategy_id)
            if all(self._ctx.send(attachment.actor, page) for page in snapshot_pages(snapshot)):
                attachment.served_seq, attachment.behind = snapshot.report_seq, False
            return
        for report in reports:
            if not self._ctx.send(attachment.actor, report):
                return
            attachment.served_seq = report.report_seq
            self.reports_sent += 1
        attachment.behind = False

    # -- orders that a strategy waits for ---------------------------------------------------------------------

    def on_pending(self, attachment: Attachment, client_order_ids: Iterable[str]) -> None:
        """The strategy waits for the ends of these orders."""
        for client_order_id in client_order_ids:
            if len(attachment.unsettled) < _UNSETTLED_MAX:
                attachment.unsettled.append(client_order_id)
            else:
                attachment.refusals_lost = True
        self._settle_pending(attachment)

    def _settle_pending(self, attachment: Attachment) -> None:
        """As many as find room. Not while it is behind: an end that it is getting must not be told twice."""
        while attachment.unsettled and not attachment.behind and self.knows_all_orders:
            report = self._end_of(attachment.strategy_id, attachment.unsettled[0])
            if report is not None and not self._ctx.send(attachment.actor, report):
                return
            attachment.unsettled.popleft()
        if attachment.refusals_lost and not attachment.unsettled:
            attachment.refusals_lost = not self._ctx.send(attachment.actor, RefusalsLost(attachment.strategy_id))

    def _end_of(self, strategy_id: str, client_order_id: str) -> ExecutionReport | None:
        """An order that we never journalled never left: say so. Any other is restated: it may have ended without a
        report that the strategy has got (a snapshot came instead), or a cancel of it may have been lost, or the word
        that it was refused. What the strategy knows already, it ignores."""
        order = self._blotter.orders.get(client_order_id)
        if order is None:
            return None if self._blotter.is_known(client_order_id) else _never_received(strategy_id, client_order_id)
        if order.strategy_id != strategy_id:
            return None
        return ExecutionReport(
            0,
            strategy_id,
            client_order_id,
            order.orig_client_order_id,
            order.order_id,
            order.instrument_id,
            order.side,
            ExecType.ORDER_STATUS,
            order.status,
            order.quantity_lots,
            order.price_ticks,
            order.cum_lots,
            0 if order.status.is_terminal else order.leaves_lots,
        )

    # -- market data ----------------------------------------------------------------------------------------

    def publish(self, message: Quote | Trade) -> None:
        for attachment in self._listening:
            self._ctx.send(attachment.actor, message)

    def publish_depth(self, depth: Depth) -> None:
        for attachment in self._listening:
            levels = attachment.book_levels
            if levels:
                self._ctx.send(
                    attachment.actor,
                    Depth(
                        depth.instrument_id,
                        depth.bids[:levels],
                        depth.asks[:levels],
                        depth.update_id,
                        depth.received_ns,
                    ),
                )

    @property
    def book_levels_max(self) -> int:
        return max((a.book_levels for a in self._listening), default=0)

    def _relist(self) -> None:
        strategies = [a for a in self.attachments.values() if a.attached and not a.stopped]
        self._listening = [*strategies, *self._shadows.values()]

    def stop(self, attachment: Attachment, error: str) -> None:
        attachment.stopped = error or "stopped"
        self._relist()


def snapshot_pages(snapshot: PositionSnapshot) -> Iterator[PositionSnapshot]:
    """In frames of any size that can be configured."""
    positions, orders = snapshot.positions, snapshot.open_orders
    pages = max(1, -(-len(positions) // _POSITIONS_PER_PAGE), -(-len(orders) // _ORDERS_PER_PAGE))
    for page in range(pages):
        yield PositionSnapshot(
            snapshot.report_seq,
            positions[page * _POSITIONS_PER_PAGE : (page + 1) * _POSITIONS_PER_PAGE],
            orders[page * _ORDERS_PER_PAGE : (page + 1) * _ORDERS_PER_PAGE],
            page < pages - 1,
        )


def _never_received(strategy_id: str, client_order_id: str) -> ExecutionReport:
    return ExecutionReport(
        0,
        strategy_id,
        client_order_id,
        "",
        "",
        -1,
        Side.BUY,
        ExecType.REJECTED,
        OrderStatus.REJECTED,
        0,
        0,
        0,
        0,
        refusal=Refusal(
            Reason.NEVER_RECEIVED,
            "client_order_id",
            client_order_id,
            text="refused, or lost on its way, before it was journalled: never sent to the venue",
        ),
    )
