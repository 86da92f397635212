"""What is lost, doubled, late or out of order: every order still ends in exactly one way, and that is the venue's."""

from collections.abc import Callable

from adapters.simulator.faults.rules import (
    CancelMissing,
    Delay,
    Drop,
    Duplicate,
    FillLate,
    FillOnCancel,
    InDoubt,
    LoseAck,
    PartialBatch,
    Reorder,
)
from cli.conformance.desk import SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.stage import Stage
from engine.codes import OrderStatus, Reason, Side, TimeInForce

__all__ = ["DOUBT"]

DOUBT = Rows("lost, doubled, out of order")


# -- requests and answers ----------------------------------------------------------------------------------------------


@DOUBT.row("a new order is lost on its way: never reached the venue, and not before that is sure")
def _lost_before(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.breaks = "before"
    order = desk.place(Side.BUY, 900, stage.lot)
    validity_ns = desk.session.request_validity_ns
    desk.advance(min(validity_ns, SECOND) // 2)
    expect(not order.status.is_terminal, f"it is called {order.status.name} while it may still arrive")
    desk.until(lambda: order.status.is_terminal, "told of", validity_ns + 60 * SECOND)
    desk.expect_status(order, OrderStatus.REJECTED)
    expect(desk.reason(order) is Reason.NEVER_REACHED_VENUE, f"the reason is {desk.reason(order).name}")
    desk.settle()


@DOUBT.row("the answer to a new order is lost with its connection: the order is found")
def _lost_after(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.breaks = "after"
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.until(lambda: desk.is_settled() and order.order_id, "found")
    desk.expect_status(order, OrderStatus.NEW)
    desk.cancel(order)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.CANCELLED)
    desk.settle()


@DOUBT.row("the answer to an order that was filled at once is lost")
def _lost_filled(stage: Stage) -> None:
    for lots, status in ((1, OrderStatus.FILLED), (3, OrderStatus.EXPIRED)):
        desk = Desk(stage).begin()
        desk.others(Side.SELL, 1_000, stage.lot)
        desk.breaks = "after"
        order = desk.place(Side.BUY, 1_000, lots * stage.lot, time_in_force=TimeInForce.IOC)
        desk.until(lambda order=order: order.status.is_terminal, "told of")  # type: ignore[misc]
        desk.settle()
        desk.expect_status(order, status, stage.lot)


@DOUBT.row("only the answer is lost, the connection stands")
def _ack_lost(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.play(LoseAck(message="order", times=1))
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.until(lambda: desk.is_settled() and order.order_id, "found")
    desk.expect_status(order, OrderStatus.NEW)
    desk.settle()


@DOUBT.row("an answer that says nothing about what was done, done or not")
def _in_doubt(stage: Stage) -> None:
    for performed in (True, False):
        desk = Desk(stage).begin()
        desk.play(InDoubt(message="order", performed=performed, times=1))
        order = desk.place(Side.BUY, 900, stage.lot)
        expect(order.status is not OrderStatus.REJECTED, "it is called rejected at once")
        desk.until(desk.is_settled, "settled")
        desk.expect_status(order, OrderStatus.NEW if performed else OrderStatus.REJECTED)
        desk.settle()


@DOUBT.row("a cancel is lost, or its answer is")
def _cancel_lost(stage: Stage) -> None:
    for breaks in ("before", "after"):
        desk = Desk(stage).begin()
        order = desk.place(Side.BUY, 900, stage.lot)
        desk.advance(SECOND)
        desk.breaks = breaks
        desk.cancel(order)
        desk.until(desk.is_settled, "settled")
        desk.advance(SECOND)
        if not order.status.is_terminal:
            expect(breaks == "before", "the cancel was done and is not known")
            desk.cancel(order)
            desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.CANCELLED)
        desk.settle()


@DOUBT.row("a replace is lost, or its answer is")
def _replace_lost(stage: Stage) -> None:
    for breaks in ("before", "after"):
        desk = Desk(stage).begin()
        order = desk.place(Side.BUY, 900, stage.lot)
        desk.advance(SECOND)
        desk.breaks = breaks
        replacement = desk.replace(order, 901, stage.lot)
        desk.until(desk.is_settled, "settled")
        desk.advance(20 * SECOND)
        expect(desk.truth().open_orders == 1, f"{desk.truth().open_orders} orders are open at the venue")
        stands, gone = (order, replacement) if breaks == "before" else (replacement, order)
        desk.expect_status(stands, OrderStatus.NEW)
        expect(gone.status.is_terminal, f"{gone.client_order_id} is {gone.status.name}")
        desk.settle()


# -- executions at bad moments -----------------------------------------------------------------------------------------


@DOUBT.row("filled while it is being cancelled, whole and in part")
def _fill_on_cancel(stage: Stage) -> None:
    for percent in (100, 40):
        desk = Desk(stage).begin()
        order = desk.place(Side.BUY, 1_000, stage.lot)
        desk.advance(SECOND)
        desk.play(FillOnCancel(share_percent=percent, times=1))
        desk.cancel(order)
        desk.advance(5 * SECOND)
        desk.settle()
        wanted = OrderStatus.FILLED if percent == 100 else OrderStatus.CANCELLED
        desk.expect_status(order, wanted, stage.lot * percent // 100)


@DOUBT.row("filled while it is being replaced, whole and in part")
def _fill_on_replace(stage: Stage) -> None:
    for percent in (100, 40):
        desk = Desk(stage).begin()
        order = desk.place(Side.BUY, 1_000, stage.lot)
        desk.advance(SECOND)
        desk.play(FillOnCancel(share_percent=percent, times=1))
        replacement = desk.replace(order, 999, stage.lot)
        desk.advance(20 * SECOND)
        desk.settle()
        expect(order.status.is_terminal, f"the original is {order.status.name}")
        done = order.cum_lots + replacement.cum_lots
        expect(done >= stage.lot * percent // 100, f"only {done} lots are told as done")


@DOUBT.row("executions are told late, after the cancel")
def _fill_late(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.play(FillLate(delay_ms=1_500, times=2))
    desk.others(Side.SELL, 1_000, stage.lot // 4, ioc=True)
    desk.cancel(order)
    desk.advance(10 * SECOND)
    desk.settle()
    desk.expect_status(order, OrderStatus.CANCELLED, stage.lot // 4)


# -- reports -----------------------------------------------------------------------------------------------------------


def _trade_through(stage: Stage, upset: Callable[[Desk], None]) -> None:
    """Four orders that are filled in pieces, replaced and cancelled while something is upset."""
    desk = Desk(stage).begin()
    upset(desk)
    orders = [desk.place(Side.BUY, 1_000 - number, stage.lot) for number in range(4)]
    desk.advance(2 * SECOND)
    for number in range(4):
        desk.others(Side.SELL, 998, stage.lot // 2, ioc=True)
        desk.advance(SECOND // 4 * (number + 1))
    if orders[3].can_replace:
        desk.replace(orders[3], 996, 2 * stage.lot)
    desk.advance(5 * SECOND)
    desk.venue.faults.clear()
    desk.cancel_all()
    desk.reconcile()  # not every venue numbers its reports, so that a lost one could be seen
    desk.settle()
    expect(not desk.blotter.open_orders(), f"still open: {desk.blotter.open_orders()[:2]}")


@DOUBT.row("every report comes twice")
def _doubled(stage: Stage) -> None:
    _trade_through(stage, lambda desk: desk.play(Duplicate(message="report")))


@DOUBT.row("reports overtake each other")
def _reordered(stage: Stage) -> None:
    _trade_through(stage, lambda desk: desk.play(Reorder(message="report", every=2)))


@DOUBT.row("every third report is lost")
def _reports_lost(stage: Stage) -> None:
    _trade_through(stage, lambda desk: desk.play(Drop(message="report", every=3)))


@DOUBT.row("answers are a second late, reports are not")
def _late_answers(stage: Stage) -> None:
    _trade_through(stage, lambda desk: desk.play(Delay(message="answer", delay_ms=1_000)))


@DOUBT.row("reports are a second late, answers are not")
def _late_reports(stage: Stage) -> None:
    _trade_through(stage, lambda desk: desk.play(Delay(message="report", delay_ms=1_000)))


@DOUBT.row("a cancel is answered as done, and the order stays: it is found out")
def _cancel_missing(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.advance(SECOND)
    desk.play(CancelMissing(times=1))
    desk.cancel(order)
    desk.advance(30 * SECOND)
    if order.can_cancel:
        desk.cancel(order)
    desk.advance(2 * SECOND)
    desk.cancel_all()
    desk.settle()
    desk.expect_status(order, OrderStatus.CANCELLED)


@DOUBT.row("a batch of cancels that is done in part: asked again until nothing is open")
def _partial(stage: Stage) -> None:
    desk = Desk(stage).begin()
    orders = [desk.place(Side.BUY, 900 + number, stage.lot) for number in range(8)]
    desk.advance(SECOND)
    desk.play(PartialBatch(times=2))
    desk.cancel_all()
    desk.settle()
    for order in orders:
        desk.expect_status(order, OrderStatus.CANCELLED)
